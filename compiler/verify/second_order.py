"""Claim ``second order``: along what the tight constraints leave free, the Lagrangian curves upwards.

With a stationary point and multipliers, positive curvature of L on the null space of the gradients of all equations
and of all sides with a positive multiplier is enough for a strict local optimum; negative curvature there, where no
tight side has a multiplier of zero, excludes one (J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd ed. (2006),
section 12.5). Curvature is by unit steps, relative ones in decisions larger than one; it counts as none below
``sqrt(2 |slope|)`` too, where the theorem of Kantorovich, with third derivatives of size one, no longer puts a point
of the same kind nearby; with larger ones the curvature a few Newton steps on tells.

Up to ``DENSE`` free decisions the least eigenvalue is computed, here and those steps on. Up to ``SPARSE`` entries the
signs of the pivots of a symmetric factorisation tell whether it is positive; it is one of the kind that interior-point
methods make at every iteration. The second derivatives are those of the lowered problem, compared along a direction
with differences of the model's own slopes where it has no columns of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forms.linear import Floats
from ..forms.nonlinear import NonlinearForm
from ..forms.outside import OutsideForm
from ..instance.instance import Instance
from ..result.certificate import Line
from .lagrangian import Lagrangian, lagrangian

DENSE = 800
SPARSE = 10_000_000
TIGHT = 1e-4  # slack, relative, below which a side is tight; likewise of multipliers that count as positive
FLAT = 1e-9  # curvature, relative to the largest, that counts as none
FULL = 10.0  # entries, times the root of the size, from which on a row counts as nearly full
STEP = 1e-6  # of the differences
AHEAD = 4.0  # Newton steps: where a minimum is near, the curvature is still positive so far on
NEARLY = 1e-4  # relative difference of second derivatives that is blamed on differences

CLAIM = "second order"


@dataclass(frozen=True, slots=True, eq=False)
class _Tight:
    """Columns that may move, rows that hold them (positions), and whether some tight side has no multiplier."""

    free: NDArray[np.intp]
    rows: NDArray[np.intp]
    weak: bool


def second_order(instance: Instance, form: NonlinearForm, x: Floats, y: Floats, found: Lagrangian) -> Line:
    """The line of the claim at a stationary point ``x`` (n) with row duals ``y`` (m).

    ``found``: the Lagrangian there, by the model's own decisions; columns that follow them are free. ``open`` where
    the curvature is flat or the problem too large.
    """
    slope = np.append(found.slope, np.zeros(len(x) - len(found.slope)))
    tight = _tight(form, x, y, slope)
    if not len(tight.free):
        return Line(CLAIM, "checked", how="the tight constraints leave no direction")
    lacking = form.lacking(2) if isinstance(form, OutsideForm) else None
    if lacking is not None:
        return Line(CLAIM, "open", how=f"not checked: {lacking}")
    if len(tight.free) > DENSE and 2 * len(form.hessian_pattern[0]) + len(form.jacobian_pattern[0]) > SPARSE:
        return Line(CLAIM, "open", how=f"not checked: more than {SPARSE:,} derivatives")
    hessian = _hessian(form, x, y)
    if not np.isfinite(hessian.values).all():
        return Line(CLAIM, "open", how="the second derivatives have no value at the point")
    if not _same_as_model(instance, form, hessian, x, y, found):
        return Line(CLAIM, "failed", how="the second derivatives of the lowered problem are not those of the model")
    unit = np.maximum(1.0, np.abs(x[tight.free]))
    reduced = _reduced(hessian, tight.free, tight.free, unit, unit)
    jacobian = _reduced(_jacobian(form, x), tight.rows, tight.free, np.ones(len(tight.rows)), unit)
    size = max(1.0, float(np.abs(reduced.values).max(initial=0.0)))
    flat = max(FLAT * size, math.sqrt(2.0 * float(np.linalg.norm(unit * slope[tight.free]))))
    words = f"least curvature that {len(tight.rows):,} tight rows leave of {len(tight.free):,} free decisions"
    if len(tight.free) <= DENSE:
        basis = _null_space(jacobian.dense(), len(tight.free))
        left = basis.shape[1]
        if left == 0:
            return Line(CLAIM, "checked", how="the tight constraints leave no direction")
        words = f"{words}, {left:,} {'direction' if left == 1 else 'directions'}"
        inner = basis.T @ reduced.dense() @ basis
        least = float(np.linalg.eigvalsh(inner)[0])
        if least > flat:
            beyond = x.copy()
            beyond[tight.free] -= AHEAD * unit * (basis @ np.linalg.solve(inner, basis.T @ (unit * slope[tight.free])))
            ahead = _reduced(_hessian(form, beyond, y), tight.free, tight.free, unit, unit).dense()
            if not _is_definite(basis.T @ ahead @ basis):
                return Line(CLAIM, "open", least, how=f"{words}: it does not last to where the slope would end")
        return _line(least, flat, tight.weak, words)
    if _is_positive(reduced, jacobian, flat):
        return Line(CLAIM, "checked", how=f"{words}, positive by the inertia of a factorisation")
    return Line(CLAIM, "open", how=f"{words} is not positive, or the factorisation cannot tell")


def _line(least: float, flat: float, weak: bool, words: str) -> Line:
    if least > flat:
        return Line(CLAIM, "checked", least, how=words)
    if least >= -flat:
        return Line(CLAIM, "open", least, how=f"{words}: flat to second order")
    if weak:
        return Line(CLAIM, "open", least, how=f"{words}; some tight rows have no multiplier, so it may not be feasible")
    return Line(CLAIM, "failed", least, how=f"{words}: the objective improves along one of them")


def _tight(form: NonlinearForm, x: Floats, y: Floats, slope: Floats) -> _Tight:
    activity = form.evaluate_rows(x)
    rows = _sides(activity, form.row_lower, form.row_upper, np.abs(y))
    columns = _sides(x, form.lower, form.upper, np.abs(slope))
    weak = bool((rows == 1).any() or (columns == 1).any())
    return _Tight(np.flatnonzero(columns < 2), np.flatnonzero(rows == 2), weak)


def _sides(values: Floats, lower: Floats, upper: Floats, multipliers: Floats) -> NDArray[np.intp]:
    """0 where no side is tight, 1 where one is and has no multiplier, 2 where it binds (an equation always does)."""
    with np.errstate(invalid="ignore"):
        slack = np.minimum(np.abs(values - lower), np.abs(upper - values)) / np.maximum(1.0, np.abs(values))
    tight = slack <= TIGHT
    binds = (lower == upper) | (tight & (multipliers > TIGHT))
    return np.where(binds, 2, np.where(tight, 1, 0))


@dataclass(frozen=True, slots=True, eq=False)
class _Matrix:
    """A sparse matrix by its entries, no place twice; SciPy takes longer to load than a small matrix to judge."""

    rows: NDArray[np.integer[Any]]
    columns: NDArray[np.integer[Any]]
    values: Floats
    shape: tuple[int, int]

    def times(self, vector: Floats) -> Floats:
        found = np.bincount(self.rows, self.values * vector[self.columns], self.shape[0])
        return found.astype(np.float64, copy=False)

    def size(self) -> _Matrix:
        return _Matrix(self.rows, self.columns, np.abs(self.values), self.shape)

    def dense(self) -> Floats:
        found = np.zeros(self.shape)
        found[self.rows, self.columns] = self.values
        return found


def _hessian(form: NonlinearForm, x: Floats, y: Floats) -> _Matrix:
    """The Hessian of the Lagrangian to minimise (n, n), both triangles."""
    sign = -1.0 if form.sense == "maximize" else 1.0
    rows, columns = form.hessian_pattern
    values = form.evaluate_hessian(x, sign, -sign * y)
    off = rows != columns
    entries = np.concatenate([values, values[off]])
    return _Matrix(
        np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]]), entries, (len(x), len(x))
    )


def _jacobian(form: NonlinearForm, x: Floats) -> _Matrix:
    return _Matrix(*form.jacobian_pattern, form.evaluate_jacobian(x), form.shape)


def _reduced(
    matrix: _Matrix, rows: NDArray[np.intp], columns: NDArray[np.intp], left: Floats, right: Floats
) -> _Matrix:
    """Some rows and columns (positions, ascending), times ``left`` and ``right``."""
    places = []
    for kept, count in ((rows, matrix.shape[0]), (columns, matrix.shape[1])):
        place = np.full(count, -1, dtype=np.int32)
        place[kept] = np.arange(len(kept), dtype=np.int32)
        places.append(place)
    i, j = places[0][matrix.rows], places[1][matrix.columns]
    inside = (i >= 0) & (j >= 0)
    i, j = i[inside], j[inside]
    return _Matrix(i, j, left[i] * matrix.values[inside] * right[j], (len(rows), len(columns)))


def _same_as_model(
    instance: Instance, form: NonlinearForm, hessian: _Matrix, x: Floats, y: Floats, found: Lagrangian
) -> bool:
    """Whether the Hessian along a direction is what the model's slopes change by; True where that cannot be told.

    Central differences are a second look: one-sided ones are off by the third derivatives, which may be large.
    """
    if instance.columns != len(x):
        return True
    direction = np.cos(1.0 + np.arange(len(x)) * 2.399963)  # any that is not special
    step = STEP * np.maximum(1.0, np.abs(x)) * direction
    there = lagrangian(instance, form, x + step, y, found.templates)
    if isinstance(there, str):
        return True
    wanted = hessian.times(step)
    size = hessian.size().times(np.abs(step)) + 1e-9 * np.maximum(1.0, there.size)
    limit = NEARLY * np.maximum(size, float(size.max(initial=0.0)) * 1e-3)

    def differs(change: Floats) -> bool:
        return bool(np.isfinite(change).all()) and not (np.abs(change - wanted) <= limit).all()

    if not differs(there.slope - found.slope):
        return True
    behind = lagrangian(instance, form, x - step, y, found.templates)
    return isinstance(behind, str) or not differs(0.5 * (there.slope - behind.slope))


def _null_space(jacobian: Floats, n: int) -> Floats:
    """An orthonormal basis (n, k) of what the rows (m, n) leave."""
    if not len(jacobian):
        return np.eye(n)
    _, sizes, right = np.linalg.svd(jacobian, full_matrices=True)
    rank = int((sizes > 1e-10 * max(1.0, float(sizes[0]))).sum())
    found: Floats = right[rank:].T
    return found


def _is_definite(matrix: Floats) -> bool:
    """Whether it is finite and its eigenvalues are positive."""
    return bool(np.isfinite(matrix).all()) and float(np.linalg.eigvalsh(matrix)[0]) > 0.0


def _is_positive(hessian: _Matrix, jacobian: _Matrix, margin: float) -> bool:
    """Whether the curvature exceeds the margin on the null space: [[H - margin I, J'], [J, -e I]] has one negative
    pivot for each row of J, by a factorisation with its pivots on the diagonal (Sylvester's law of inertia).
    """
    from scipy.sparse import csc_array

    m = jacobian.shape[0]
    matrix = _kkt(hessian, jacobian, margin)
    count = np.diff(matrix.indptr)
    full = count > FULL * np.sqrt(len(count))
    try:
        if full.any():  # last, for minimum degree takes time quadratic in their size
            sparse = np.flatnonzero(~full)
            inner = _pivots(csc_array(matrix[sparse][:, sparse]), "MMD_AT_PLUS_A").perm_c
            order = np.concatenate([sparse[np.argsort(inner)], np.flatnonzero(full)])
            found = _pivots(csc_array(matrix[order][:, order]), "NATURAL")
        else:
            found = _pivots(matrix, "MMD_AT_PLUS_A")
    except RuntimeError:  # a pivot is exactly zero
        return False
    return bool(np.array_equal(found.perm_r, found.perm_c) and np.count_nonzero(found.U.diagonal() < 0) == m)


def _kkt(hessian: _Matrix, jacobian: _Matrix, margin: float) -> Any:
    """[[H - margin I, J'], [J, -e I]], CSC, assembled at once: at millions of entries blocks would be copied thrice."""
    from scipy.sparse import coo_array

    m, n = jacobian.shape
    largest = max(1.0, *(float(np.abs(part.values).max(initial=0.0)) for part in (hessian, jacobian)))
    diagonal = np.arange(n + m, dtype=np.int32)
    below = jacobian.rows + np.int32(n)
    rows = np.concatenate([hessian.rows, below, jacobian.columns, diagonal])
    columns = np.concatenate([hessian.columns, jacobian.columns, below, diagonal])
    sides = np.repeat([-margin, -1e-11 * largest], [n, m])
    values = np.concatenate([hessian.values, jacobian.values, jacobian.values, sides])
    return coo_array((values, (rows, columns)), shape=(n + m, n + m)).tocsc()


def _pivots(matrix: Any, order: str) -> Any:
    """A symmetric factorisation with its pivots on the diagonal where none of them is zero."""
    from scipy.sparse.linalg import splu

    return splu(matrix, permc_spec=order, diag_pivot_thresh=0.0, options={"SymmetricMode": True})
