"""A nonlinear form as SciPy's trust-region method wants it: minimised, scaled, without fixed columns and free rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

from ..exact_al.equality_form import Pattern, pattern

STEEPEST = 100.0  # slopes above it are scaled down to it, as in Ipopt
PUSH = 1e-2  # of max(1, |bound|), and of the width: how far from bounds the first point lies
Matrix = Any  # scipy.sparse.csc_array
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class At:
    """Values at one point: the objective and the kept rows, their slopes, and whether all of them are finite."""

    value: float
    rows: Floats
    gradient: Floats
    jacobian: Floats
    defined: bool


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Minimise ``factor * f`` subject to ``row_lower <= scale * c <= row_upper`` and ``lower <= u <= upper``.

    ``columns`` (of the form, not fixed) and ``rows`` (of the form, with a side) are what is kept; ``fixed`` (n of the
    form) are the values of fixed columns, zero elsewhere.
    """

    form: NonlinearForm
    factor: float
    scale: Floats
    columns: Places
    rows: Places
    fixed: Floats
    jacobian_kept: Places
    jacobian_rows: Places  # of the kept entries, among the kept rows
    jacobian_pattern: Pattern
    hessian_kept: Places
    hessian_off: Places
    hessian_pattern: Pattern

    @property
    def lower(self) -> Floats:
        return self.form.lower[self.columns]

    @property
    def upper(self) -> Floats:
        return self.form.upper[self.columns]

    @property
    def row_lower(self) -> Floats:
        return self.scale * self.form.row_lower[self.rows]

    @property
    def row_upper(self) -> Floats:
        return self.scale * self.form.row_upper[self.rows]

    def point(self, u: Floats) -> Floats:
        """The form's point (n of the form)."""
        x = self.fixed.copy()
        x[self.columns] = u
        return x

    def at(self, u: Floats) -> At:
        """Values and slopes; slopes are not asked for where there is no value."""
        x = self.point(u)
        value = self.factor * float(self.form.evaluate_objective(x))
        rows = self.scale * self.form.evaluate_rows(x)[self.rows]
        if not (np.isfinite(value) and np.isfinite(rows).all()):
            nothing = np.zeros(0)
            return At(value, rows, nothing, nothing, False)
        gradient = self.factor * self.form.evaluate_gradient(x)[self.columns]
        jacobian = self.form.evaluate_jacobian(x)[self.jacobian_kept] * self.scale[self.jacobian_rows]
        return At(value, rows, gradient, jacobian, bool(np.isfinite(gradient).all() and np.isfinite(jacobian).all()))

    def hessian(self, u: Floats, factor: float, multipliers: Floats) -> Matrix:
        """Second derivatives of ``factor f + multipliers' scale c``, sparse, both triangles.

        Where one is not finite it is left out: it serves a model of the function that every step is checked against.
        """
        y = np.zeros(self.form.shape[0])
        y[self.rows] = self.scale * multipliers
        values = self.form.evaluate_hessian(self.point(u), factor, y)[self.hessian_kept]
        values = np.where(np.isfinite(values), values, 0.0)
        return self.hessian_pattern.matrix(np.concatenate([values, values[self.hessian_off]]))

    def inside(self, u: Floats, push: float = PUSH) -> Floats:
        """The nearest point that keeps off the bounds."""
        with np.errstate(over="ignore"):
            room = push * (self.upper - self.lower)
        low = np.where(np.isfinite(self.lower), np.minimum(push * np.maximum(1.0, np.abs(self.lower)), room), 0.0)
        high = np.where(np.isfinite(self.upper), np.minimum(push * np.maximum(1.0, np.abs(self.upper)), room), 0.0)
        found: Floats = np.clip(u, self.lower + low, self.upper - high)
        return found


def unscaled(form: NonlinearForm) -> Scaled:
    """A form whose bounds do not cross, with scales of one."""
    m, n = form.shape
    free = form.lower != form.upper
    sided = np.isfinite(form.row_lower) | np.isfinite(form.row_upper)
    columns, rows = np.flatnonzero(free), np.flatnonzero(sided)
    column_of, row_of = np.full(n, -1), np.full(m, -1)
    column_of[columns], row_of[rows] = np.arange(len(columns)), np.arange(len(rows))
    at_row, at_column = (np.asarray(part) for part in form.jacobian_pattern)
    kept = np.flatnonzero(sided[at_row] & free[at_column])
    first, second = (np.asarray(part) for part in form.hessian_pattern)
    inner = np.flatnonzero(free[first] & free[second])
    i, j = column_of[first[inner]], column_of[second[inner]]
    off = np.flatnonzero(i != j)
    width = len(columns)
    return Scaled(
        form,
        -1.0 if form.sense == "maximize" else 1.0,
        np.ones(len(rows)),
        columns,
        rows,
        np.where(free, 0.0, form.lower),
        kept,
        row_of[at_row[kept]],
        pattern(row_of[at_row[kept]], column_of[at_column[kept]], (len(rows), width)),
        inner,
        off,
        pattern(np.concatenate([i, j[off]]), np.concatenate([j, i[off]]), (width, width)),
    )


def scaled(problem: Scaled, at: At) -> Scaled:
    """The problem with slopes at a point of at most ``STEEPEST``; ``at`` has the values of the problem itself."""
    steepest = float(np.abs(at.gradient).max(initial=0.0))
    of_row = np.zeros(len(problem.rows))
    np.maximum.at(of_row, problem.jacobian_rows, np.abs(at.jacobian))
    scale = STEEPEST / np.maximum(STEEPEST, of_row)
    return replace(problem, factor=problem.factor * STEEPEST / max(STEEPEST, steepest), scale=problem.scale * scale)
