"""Symmetric factorisations of KKT systems that tell their inertia, and shifts that correct it.

    K = [[B, G'], [G, 0]],  B (n, n), G (m, n)

has n positive and m negative eigenvalues exactly where G has full rank and B is positive definite on the null space
of G (N. I. M. Gould, "On practical conditions for the existence and uniqueness of solutions to the general equality
quadratic programming problem", Mathematical Programming 32 (1985)). SuperLU factorises S K S, S a diagonal that makes
the rows alike, with ``+g`` and ``-g`` added to its two diagonal blocks, with a symmetric order and its pivots on the
diagonal; then ``L D L'`` is that factorisation
and the signs of D are the inertia (Sylvester). Refinement towards K itself takes the two small numbers out again, and
where G has not full rank it is the proximal method of multipliers, which still goes to a solution if there is one.

Chosen by measurement on one thread, for a KKT matrix of 2e5 rows of a chained problem: SuperLU 0.48 s, qdldl 0.24 s
(a package of its own, no better in accuracy), MUMPS as casadi hands it out 0.76 s without telling the inertia.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from optc.compiler.forms.linear import Floats

from .equality_form import Matrix, Places

REGULAR = 1e-11  # added to the diagonal, where the largest entries are one
PASSES = 3  # of equilibration
DENSE = 600  # rows up to which least squares are dense
REFINEMENTS = 8
FIRST_SHIFT, FASTEST, FASTER, SLOWER = 1e-4, 100.0, 8.0, 1 / 3
SMALLEST_SHIFT, LARGEST_SHIFT = 1e-20, 1e40
FULL = 10.0  # entries, times the root of the size, from which on a row counts as nearly full
ACCURATE = 1e-11  # relative residual at which refinement ends


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A factorisation of S K S, regularised. ``negative``: how many eigenvalues are below zero, None where unknown."""

    matrix: Matrix
    scale: Floats  # the diagonal of S
    superlu: Any
    negative: int | None
    order: Places | None = None  # the rows and columns of the matrix as they were factorised, where they were moved

    def solve(self, right: Floats) -> tuple[Floats, float]:
        """The best solution of K z = right that refinement finds, and ``|S (right - K z)| / |S right|``."""
        size = float(np.linalg.norm(self.scale * right))
        best, least = np.zeros_like(right), size
        if size == 0.0:
            return best, 0.0
        z = self._apply(right)
        for _ in range(REFINEMENTS):
            residual = right - self.matrix @ z
            norm = float(np.linalg.norm(self.scale * residual))
            if not norm < least:
                break
            progress, best, least = norm < 0.5 * least, z, norm
            if norm <= ACCURATE * size or not progress:
                break
            z = z + self._apply(residual)
        return best, least / size

    def _apply(self, right: Floats) -> Floats:
        scaled = self.scale * right
        if self.order is None:
            return self.scale * np.asarray(self.superlu.solve(scaled), dtype=np.float64)
        z = np.empty_like(right)
        z[self.order] = self.superlu.solve(scaled[self.order])
        return self.scale * z

    def least_squares(self, right: Floats) -> Floats:
        """The solution that is the shortest in S^-1 z of those with the least ``|S (right - K z)|``."""
        matrix = scaled(self.matrix, self.scale)
        if len(right) <= DENSE:
            found: Floats = np.linalg.lstsq(matrix.toarray(), self.scale * right, rcond=1e-10)[0]
            return self.scale * found
        from scipy.sparse.linalg import lsmr

        shortest: Floats = lsmr(matrix, self.scale * right, atol=1e-12, btol=1e-12, maxiter=2000)[0]
        return self.scale * shortest


def kkt(hessian: Matrix, jacobian: Matrix, corner: float = 0.0) -> Matrix:
    """[[hessian, jacobian'], [jacobian, -corner I]], CSC."""
    from scipy.sparse import block_array, csc_array, eye_array

    m = jacobian.shape[0]
    if m == 0:
        return csc_array(hessian)
    low = -corner * eye_array(m) if corner else None
    return csc_array(block_array([[hessian, jacobian.T], [jacobian, low]], format="csc"))


def factorise(matrix: Matrix, n: int) -> Factor | None:
    """The factorisation of a KKT matrix whose first n rows are those of the Hessian; None where none succeeds."""
    from scipy.sparse import csc_array, diags_array

    if not np.isfinite(matrix.data).all():
        return None
    scale = equilibration(matrix)
    even = scaled(matrix, scale)
    side = np.where(np.arange(matrix.shape[0]) < n, 1.0, -1.0)
    for regular in (REGULAR, 1e3 * REGULAR):
        regularised = csc_array(even + diags_array(regular * side))
        try:
            order = _order(regularised)
            if order is None:
                found = _symmetric(regularised, "MMD_AT_PLUS_A")
            else:
                found = _symmetric(csc_array(regularised[order][:, order]), "NATURAL")
        except RuntimeError:  # a pivot is exactly zero
            continue
        on_diagonal = np.array_equal(found.perm_r, found.perm_c)
        pivots = found.U.diagonal()
        negative = int(np.count_nonzero(pivots < 0)) if on_diagonal else None
        return Factor(matrix, scale, found, negative, order)
    return None


def equilibration(matrix: Matrix) -> Floats:
    """The diagonal of S for which the largest entry in each row of S K S is about one; one for rows of zeros.

    D. Ruiz, "A scaling algorithm to equilibrate both rows and columns norms in matrices", Rutherford Appleton
    Laboratory (2001), on a symmetric matrix.
    """
    scale = np.ones(matrix.shape[0])
    if not matrix.nnz:
        return scale
    entries, column = np.abs(matrix.data), np.repeat(np.arange(matrix.shape[1]), np.diff(matrix.indptr))
    for _ in range(PASSES):
        largest = np.zeros(len(scale))
        np.maximum.at(largest, column, entries * scale[matrix.indices] * scale[column])
        scale /= np.sqrt(np.where(largest > 0, largest, 1.0))
    return scale


def scaled(matrix: Matrix, scale: Floats) -> Matrix:
    """S K S."""
    from scipy.sparse import csc_array

    factors = scale[matrix.indices] * np.repeat(scale, np.diff(matrix.indptr))
    return csc_array((matrix.data * factors, matrix.indices, matrix.indptr), shape=matrix.shape)


def _symmetric(matrix: Matrix, order: str) -> Any:
    from scipy.sparse.linalg import splu

    return splu(matrix, permc_spec=order, diag_pivot_thresh=0.0, options={"SymmetricMode": True})


def _order(matrix: Matrix) -> Places | None:
    """An order with rows that are nearly full last, and the others as minimum degree has them without these; None where
    no row is. Minimum degree takes time quadratic in the size of a full row.
    """
    from scipy.sparse import csc_array

    count = np.diff(matrix.indptr)
    full = count > FULL * np.sqrt(len(count))
    if not full.any():
        return None
    sparse = np.flatnonzero(~full)
    rest = _symmetric(csc_array(matrix[sparse][:, sparse]), "MMD_AT_PLUS_A")
    return np.concatenate([sparse[np.argsort(rest.perm_c)], np.flatnonzero(full)])


Shifts = Callable[[float, float, float], Iterator[float]]  # size of the Hessian, xi_b, the last shift that was needed


def norm_shifts(size: float, xi_b: float, _last: float) -> Iterator[float]:
    """None, then what makes any Hessian of that size positive definite, and more where rounding hides that."""
    shift = xi_b + size
    yield 0.0
    while shift < LARGEST_SHIFT:
        yield shift
        shift *= 10.0


def growing_shifts(size: float, _xi_b: float, last: float) -> Iterator[float]:
    """None, then ever larger ones from a small one, so that the first with the right inertia is about the least.

    Algorithm IC of A. Waechter, L. T. Biegler, Mathematical Programming 106 (2006), section 3.1; no shift beyond the
    size of the Hessian need be tried first.
    """
    shift = FIRST_SHIFT if last == 0.0 else max(SMALLEST_SHIFT, SLOWER * min(last, size))
    yield 0.0
    while shift < LARGEST_SHIFT:
        yield shift
        shift *= FASTEST if last == 0.0 else FASTER
