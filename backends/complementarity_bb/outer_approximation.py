"""A convex quadratic objective as a sum of squares, and the linear program that approximates it from below.

    minimize  cost'x + x'Qx / 2  =  cost'x + sum over k of  weights[k] * w_k ** 2,      w_k = x_j  or  v_k'x

The linear program has a column t_k >= 0 with the cost ``weights[k]`` for each square, and tangents

    t_k >= 2 a w_k - a ** 2        at points a

of the parabola, which hold everywhere. So they stay when bounds of columns change, as in branch and bound, and each
linear program begins from the basis of the one before. Sources: J. E. Kelley, "The cutting-plane method for solving
convex programs", J. SIAM 8 (1960); one column for each square, rather than one for their sum, as in H. Hijazi,
P. Bonami, A. Ouorou, "An outer-inner approximation for separable mixed-integer nonlinear programs", INFORMS J. Comput.
26 (2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.compiler.facts.components import components
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm

LARGEST = 300  # columns of a block of the Hessian whose eigenvectors are computed
TOLERANCE = 2e-9  # of a row, relative to what is in it
NOTHING = 1e-13  # of the largest eigenvalue of a block: an eigenvalue that rounding alone made


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """``weights`` (K) >= 0 and ``at`` (K), columns of ``program`` that are squared; ``first``: the column of t_0.

    ``program``: the linear program to minimise, with the form's columns first and its rows first.
    """

    program: LinearForm
    weights: Floats
    at: Ints
    first: int

    def excess(self, x: Floats) -> Floats:
        """(K) by how much the squares at a point of the program are larger than their columns t, in the objective."""
        return np.asarray(self.weights * (x[self.at] ** 2 - x[self.first :]))

    def rounding(self, x: Floats) -> Floats:
        """(K) an excess that the tolerance of the rows alone may leave."""
        return np.asarray(self.weights * TOLERANCE * np.maximum(1.0, x[self.at] ** 2))

    def tangents(self, which: Ints, points: Floats) -> tuple[Floats, Ints, Ints, Floats]:
        """Rows ``t - 2 a w >= -a**2`` of the squares ``which`` at points a: lower ends, starts, indices, values."""
        count = len(which)
        indices = np.stack([self.at[which], self.first + which], axis=1).astype(np.int32).ravel()
        values = np.stack([-2.0 * points, np.ones(count)], axis=1).ravel()
        return -(points**2), np.arange(0, 2 * count, 2, dtype=np.int32), indices, values

    def slopes(self, ray: Floats) -> Floats:
        """(K) what each square's argument gains along a direction, with zeros for what rounding alone has left."""
        moved = ray[self.at]
        return np.where(np.abs(moved) > 1e-11 * np.abs(ray[: self.first]).max(initial=0.0), moved, 0.0)


def squares(form: QuadraticForm) -> Squares | None:
    """The sum of squares of a convex objective (concave, where it is maximised); None where a block of the Hessian is
    too large for that.
    """
    sign = 1.0 if form.sense == "minimize" else -1.0
    n = form.shape[1]
    column = np.repeat(np.arange(n, dtype=np.int32), np.diff(form.hessian_starts))
    row, value = form.hessian_indices, sign * form.hessian_values
    label = components(n, column, row)[1]
    alone = np.bincount(label, minlength=n)[label] == 1
    diagonal = np.zeros(n)
    np.add.at(diagonal, column[row == column], value[row == column])
    single = np.flatnonzero(alone & (diagonal > 0.0)).astype(np.int32)
    weights, directions = [0.5 * diagonal[single]], []
    for block in _blocks(label, alone):
        if len(block) > LARGEST:
            return None
        found, vectors = _eigen(block, column, row, value)
        weights.append(0.5 * found)
        directions += [(block, vector) for vector in vectors.T]
    at = np.concatenate([single, n + np.arange(len(directions), dtype=np.int32)]).astype(np.int32)
    program = _program(form, sign, directions, np.concatenate(weights))
    return Squares(program, np.concatenate(weights), at, n + len(directions))


def _blocks(label: Ints, alone: NDArray[np.bool_]) -> list[Ints]:
    """The columns of each block of two or more."""
    inside = np.flatnonzero(~alone).astype(np.int32)
    if not len(inside):
        return []
    order = inside[np.argsort(label[inside], kind="stable")]
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


def _eigen(block: Ints, column: Ints, row: Ints, value: Floats) -> tuple[Floats, Floats]:
    """Positive eigenvalues (r) and their vectors (block, r) of one block."""
    inside = np.isin(column, block)
    i, j = np.searchsorted(block, row[inside]), np.searchsorted(block, column[inside])
    dense = np.zeros((len(block), len(block)))
    np.add.at(dense, (i, j), value[inside])
    np.add.at(dense, (j, i), np.where(i == j, 0.0, value[inside]))
    found, vectors = np.linalg.eigh(dense)
    kept = found > NOTHING * np.abs(found).max(initial=0.0)
    return found[kept], vectors[:, kept]


def _program(form: LinearForm, sign: float, directions: list[tuple[Ints, Floats]], weights: Floats) -> LinearForm:
    """The form's rows, a row ``v'x - w == 0`` for each direction, and no tangents yet."""
    n, more, count = form.shape[1], len(directions), len(weights)
    indices = [np.append(block, n + k) for k, (block, _vector) in enumerate(directions)]
    values = [np.append(vector, -1.0) for _block, vector in directions]
    ends = form.starts[-1] + np.cumsum([len(part) for part in indices], dtype=np.int32)
    free, zero = np.full(more, np.inf), np.zeros(more)
    columns = n + more + count
    return LinearForm(
        sense="minimize",
        cost=np.concatenate([sign * form.cost, zero, weights]),
        offset=sign * form.offset,
        starts=np.concatenate([form.starts, ends]).astype(np.int32),
        indices=np.concatenate([form.indices, *indices]).astype(np.int32),
        values=np.concatenate([form.values, *values]),
        row_lower=np.concatenate([form.row_lower, zero]),
        row_upper=np.concatenate([form.row_upper, zero]),
        lower=np.concatenate([form.lower, -free, np.zeros(count)]),
        upper=np.concatenate([form.upper, free, np.full(count, np.inf)]),
        integer=np.zeros(columns, dtype=np.bool_),
    )
