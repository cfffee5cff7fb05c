"""A nonlinear form with every row an equation: minimise F(u) subject to C(u) = 0 and l <= u <= U.

``u`` has the columns that are not fixed, then a slack ``s`` for each row whose sides differ:

    g_i(x) = b                 becomes    g_i(x) - b = 0
    L <= g_i(x) <= U           becomes    g_i(x) - s_i = 0,  L <= s_i <= U

Rows without sides are left out. A form to maximise is minimised with its sign turned. Patterns are worked out once;
values are placed by whole arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

STEEPEST = 100.0
Matrix = Any  # scipy.sparse.csc_array
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Where values go in a sparse matrix: entries in any order, those of one place are added up.

    ``order`` sorts the entries by column, then row; ``first`` are the ends of groups of one place in that order.
    """

    order: Places
    first: Places
    rows: NDArray[np.int32]
    starts: NDArray[np.int32]
    shape: tuple[int, int]

    def matrix(self, values: Floats) -> Matrix:
        """The matrix (CSC) of the values, given in the order of the entries."""
        from scipy.sparse import csc_array

        data = np.add.reduceat(values[self.order], self.first) if len(self.first) else np.zeros(0)
        return csc_array((data, self.rows, self.starts), shape=self.shape)


def pattern(rows: Any, columns: Any, shape: tuple[int, int]) -> Pattern:
    """The pattern of entries at (rows, columns)."""
    order = np.lexsort((rows, columns))
    row, column = np.asarray(rows)[order], np.asarray(columns)[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    first = np.flatnonzero(new)
    starts = np.concatenate([[0], np.cumsum(np.bincount(column[first], minlength=shape[1]))])
    return Pattern(order, first, row[first].astype(np.int32), starts.astype(np.int32), shape)


@dataclass(frozen=True, slots=True, eq=False)
class EqualityForm:
    """See the head of the module. ``columns`` (of the form, not fixed), ``rows`` (kept), ``slack_rows`` (positions
    among the kept rows), ``right`` (m: the right side of an equation, zero beside a slack).
    """

    form: NonlinearForm
    factor: float  # of the objective: its scaling, negative where the form is to maximise
    columns: Places
    rows: Places
    slack_rows: Places
    right: Floats
    lower: Floats
    upper: Floats
    fixed: Floats  # (n of the form): values of fixed columns, zero elsewhere
    jacobian_kept: Places
    jacobian_pattern: Pattern
    hessian_kept: Places
    hessian_off: Places  # those of the kept entries that stand off the diagonal
    hessian_pattern: Pattern

    @property
    def shape(self) -> tuple[int, int]:
        """Equations m, unknowns n."""
        return len(self.rows), len(self.columns) + len(self.slack_rows)

    def point(self, u: Floats) -> Floats:
        """The form's point (n of the form)."""
        x = self.fixed.copy()
        x[self.columns] = u[: len(self.columns)]
        return x

    def value(self, u: Floats) -> float:
        return self.factor * float(self.form.evaluate_objective(self.point(u)))

    def gradient(self, u: Floats) -> Floats:
        own = self.factor * self.form.evaluate_gradient(self.point(u))[self.columns]
        return np.concatenate([own, np.zeros(len(self.slack_rows))])

    def residual(self, u: Floats) -> Floats:
        """C(u), (m,)."""
        found = self.form.evaluate_rows(self.point(u))[self.rows] - self.right
        found[self.slack_rows] -= u[len(self.columns) :]
        return found

    def jacobian(self, u: Floats) -> Matrix:
        """(m, n), sparse."""
        values = self.form.evaluate_jacobian(self.point(u))[self.jacobian_kept]
        return self.jacobian_pattern.matrix(np.concatenate([values, np.full(len(self.slack_rows), -1.0)]))

    def hessian(self, u: Floats, multipliers: Floats) -> Matrix:
        """Second derivatives of F + multipliers' C, (n, n), sparse, both triangles."""
        y = np.zeros(self.form.shape[0])
        y[self.rows] = multipliers
        values = self.form.evaluate_hessian(self.point(u), self.factor, y)[self.hessian_kept]
        return self.hessian_pattern.matrix(np.concatenate([values, values[self.hessian_off]]))

    def start(self, x: Floats) -> Floats:
        """The unknowns (n) at a point of the form, each slack at the value of its row."""
        u = np.concatenate([x[self.columns], np.zeros(len(self.slack_rows))])
        u[len(self.columns) :] = self.form.evaluate_rows(self.point(u))[self.rows[self.slack_rows]]
        return u


def equality_form(form: NonlinearForm) -> EqualityForm:
    """The equations and slacks of a form whose bounds do not cross."""
    m, n = form.shape
    free = form.lower != form.upper
    columns = np.flatnonzero(free)
    sided = np.isfinite(form.row_lower) | np.isfinite(form.row_upper)
    rows = np.flatnonzero(sided)
    equal = form.row_lower[rows] == form.row_upper[rows]
    slack_rows = np.flatnonzero(~equal)
    column_of, row_of = np.full(n, -1), np.full(m, -1)
    column_of[columns], row_of[rows] = np.arange(len(columns)), np.arange(len(rows))
    width = len(columns) + len(slack_rows)
    at_row, at_column = (np.asarray(part) for part in form.jacobian_pattern)
    kept = np.flatnonzero(sided[at_row] & free[at_column])
    jacobian = pattern(
        np.concatenate([row_of[at_row[kept]], slack_rows]),
        np.concatenate([column_of[at_column[kept]], np.arange(len(columns), width)]),
        (len(rows), width),
    )
    first, second = (np.asarray(part) for part in form.hessian_pattern)
    inner = np.flatnonzero(free[first] & free[second])
    i, j = column_of[first[inner]], column_of[second[inner]]
    off = np.flatnonzero(i != j)
    hessian = pattern(np.concatenate([i, j[off]]), np.concatenate([j, i[off]]), (width, width))
    return EqualityForm(
        form,
        -1.0 if form.sense == "maximize" else 1.0,
        columns,
        rows,
        slack_rows,
        np.where(equal, form.row_lower[rows], 0.0),
        np.concatenate([form.lower[columns], form.row_lower[rows[slack_rows]]]),
        np.concatenate([form.upper[columns], form.row_upper[rows[slack_rows]]]),
        np.where(free, 0.0, form.lower),
        kept,
        jacobian,
        inner,
        off,
        hessian,
    )


def scaled(form: EqualityForm, u: Floats) -> EqualityForm:
    """The same with the objective divided so that no slope of it at ``u`` is steeper than ``STEEPEST``."""
    steepest = float(np.abs(form.gradient(u)).max(initial=0.0))
    return replace(form, factor=form.factor * STEEPEST / steepest) if STEEPEST < steepest < np.inf else form
