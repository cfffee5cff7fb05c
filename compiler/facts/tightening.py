"""Bounds of decisions by optimisation: the least and the largest value that each can take over the linear rows.

For each column that matters the linear program ``min (max) x_j over the linear rows and bounds`` is solved, one after
the other, and its multipliers give a bound that holds whatever rounding did (``verify.weak_duality``). A bound that a
vertex met on the way reaches anyway cannot be improved and is passed over. Bounds found are used in the programs that
follow. Source: A. M. Gleixner, T. Berthold, B. Müller, S. Weltge, "Three enhancements for optimization-based bound
tightening", Journal of Global Optimization 67 (2017), the first of them.

Columns matter where constants of rows will be derived from their bounds: in conclusions of conditions, sides of
complementarity, ordered sets, semicontinuous decisions without a bound, and rows or objectives with kinks or products.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import (
    Complementarity,
    Constant,
    Constraint,
    Expr,
    Implication,
    Relation,
    SpecialOrderedSet,
    SymbolRef,
)

from ..backend import Extremes, Prober
from ..context import Context
from ..evaluation.scope import EvaluationError
from ..evaluation.sets import extend as rows_in
from ..extraction.assembly import columns_of
from ..extraction.patterns import needed_by, offsets_of, relation_patterns
from ..extraction.polynomial import NotPolynomialError
from ..forms.linear import LinearForm
from ..instance.instance import ConstraintFamily, Instance
from ..instance.updating import unchanged_patterns
from ..terms.degree import Shapes
from ..verify.weak_duality import Box, Rows, lower_bound, rows_of
from .bounds import Ranges, linear_rows, propagate

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

LEAST_GAIN = 1e-6
"""A bound is moved when it gains this share of the larger of 1 and its size."""


@dataclass(frozen=True, slots=True, eq=False)
class Tightened:
    """The instance with what was ``proved``; how many bounds mattered, were settled, and are narrower than before."""

    instance: Instance
    wanted: int
    settled: int
    narrowed: int


def tightened(instance: Instance, prober: Prober, context: Context) -> Tightened:
    """The instance with bounds that optimisation over its linear rows proves before the time of ``context`` is over."""
    ranges = propagate(instance)
    form = _relaxation(instance, ranges)
    pending = _worth_trying(instance, ranges)
    wanted = int(pending.sum())
    if not wanted:
        return Tightened(instance, 0, 0, 0)
    search = _Search(form, _whole(instance), prober.extremes(form, context), pending)
    search.run(context)
    lower = np.where(search.lower > ranges.lower, search.lower, -np.inf)
    upper = np.where(search.upper < ranges.upper, search.upper, np.inf)
    narrowed = int(np.isfinite(lower).sum() + np.isfinite(upper).sum())
    left = int(search.pending.sum())
    proved = {
        f.name: (lower[f.offset : f.offset + f.count], upper[f.offset : f.offset + f.count]) for f in instance.families
    }
    found = replace(instance, proved=proved, patterns=unchanged_patterns(instance)) if narrowed else instance
    return Tightened(found, wanted, wanted - left, narrowed)


def _relaxation(instance: Instance, ranges: Ranges) -> LinearForm:
    """The linear rows that hold at every point, with propagated bounds, without objective and whole numbers."""
    with np.errstate(all="ignore"):
        rows, _ = linear_rows(instance)
    order = np.argsort(rows.row, kind="stable")
    starts = np.zeros(len(rows.lower) + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows.row, minlength=len(rows.lower)), out=starts[1:])
    count = instance.columns
    return LinearForm(
        "minimize",
        np.zeros(count),
        0.0,
        starts,
        rows.column[order].astype(np.int32),
        rows.value[order],
        rows.lower,
        rows.upper,
        ranges.lower.copy(),
        ranges.upper.copy(),
        np.zeros(count, dtype=np.bool_),
    )


def _whole(instance: Instance) -> Bools:
    found = np.zeros(instance.columns, dtype=np.bool_)
    for family in instance.families:
        found[family.offset : family.offset + family.count] = family.integer
    return found


class _Search:
    """``pending`` (2, n): which lower and upper bounds are still to be tried."""

    def __init__(self, form: LinearForm, whole: Bools, extremes: Extremes, pending: Bools) -> None:
        self.rows: Rows = rows_of(form)
        self.lower, self.upper = form.lower, form.upper
        self.whole, self.extremes, self.pending = whole, extremes, pending

    def run(self, context: Context) -> None:
        """Columns without a bound first: they decide whether there is a constant at all."""
        endless = np.stack([np.isinf(self.lower), np.isinf(self.upper)]) & self.pending
        for chosen in (endless, self.pending.copy()):
            for column in np.flatnonzero(chosen.any(axis=0)).tolist():
                for side in (0, 1):
                    if context.stop() is not None:
                        return
                    if chosen[side, column] and self.pending[side, column]:
                        self._try(column, side, context)

    def _try(self, column: int, side: int, context: Context) -> None:
        sign = 1.0 if side == 0 else -1.0
        found = self.extremes.least(column, sign)
        if found is None and context.stop() is not None:
            return
        self.pending[side, column] = False
        if found is None:
            return
        self._pass_over(found.x)
        cost = np.zeros(len(self.lower))
        cost[column] = sign
        value = sign * lower_bound(cost, self.rows, Box(self.lower, self.upper), found.row_duals)
        if not math.isfinite(value):
            return
        if self.whole[column]:
            value = math.ceil(value) if side == 0 else math.floor(value)
        ends = self.lower if side == 0 else self.upper
        gain = sign * (value - ends[column])
        if gain > LEAST_GAIN * max(1.0, abs(value)) and self._crossing(column, side, value) <= 0.0:
            ends[column] = value
            self.extremes.narrow(column, float(self.lower[column]), float(self.upper[column]))

    def _crossing(self, column: int, side: int, value: float) -> float:
        """How far the other bound would be passed: where no point is left, the solver is to say so."""
        return value - float(self.upper[column]) if side == 0 else float(self.lower[column]) - value

    def _pass_over(self, x: Floats) -> None:
        """Bounds that this point reaches cannot be improved."""
        for side, ends in ((0, self.lower), (1, self.upper)):
            with np.errstate(invalid="ignore"):
                reached = np.abs(x - ends) <= LEAST_GAIN * np.maximum(1.0, np.abs(ends))
            self.pending[side] &= ~(reached & np.isfinite(ends))


def _worth_trying(instance: Instance, ranges: Ranges) -> Bools:
    """Lower and upper bounds (2, n) of the columns that matter, without those of binaries and of fixed columns."""
    matters = np.zeros(instance.columns, dtype=np.bool_)
    with np.errstate(all="ignore"):
        for columns in _columns_that_matter(instance):
            matters[columns] = True
    settled = (ranges.lower == ranges.upper) | (_whole(instance) & (ranges.upper - ranges.lower <= 1))
    matters &= ~settled
    return np.stack([matters, matters])


def _columns_that_matter(instance: Instance) -> Iterator[NDArray[np.integer] | slice]:
    shapes = Shapes(instance.program, frozenset(instance.program.root.decisions))
    for family in instance.constraints:
        body = family.symbol.body
        if isinstance(body, Implication):
            yield from _of_relation(instance, family, body.conclusion)
        elif isinstance(body, Complementarity):
            for side in (body.left, body.right):
                free = Relation(side.terms[0].span, (side.terms[0], Constant(None, 0.0)), ("eq",))
                yield from _of_relation(instance, family, side if side.ops else free)
        elif isinstance(body, SpecialOrderedSet) and isinstance(body.body, SymbolRef):
            table = rows_in(body.members, family.layout.table, instance.scope)
            yield columns_of(body.body, table, offsets_of(instance), instance.scope).reshape(-1)
        elif isinstance(body, Relation) and _bends(shapes, family.symbol):
            for term in body.terms:
                yield from _of_names(instance, term)
    objective = instance.program.root.objective
    if objective is not None and objective.expression is not None:
        shape = shapes.of(objective.expression)
        if shape.kinks or shape.degree is None or shape.degree > 1:
            yield from _of_names(instance, objective.expression)
    for found in instance.families:
        if found.domain == "semicontinuous" and np.isinf(found.upper).any():
            yield slice(found.offset, found.offset + found.count)


def _bends(shapes: Shapes, symbol: Constraint) -> bool:
    shape = shapes.constraint(symbol)
    return bool(shape.kinks) or shape.degree is None or shape.degree > 1


def _of_relation(instance: Instance, family: ConstraintFamily, body: Relation) -> Iterator[NDArray[np.integer] | slice]:
    """The columns of a relation's rows; those of all families in it where it is not linear."""
    try:
        for rows in relation_patterns(body, family.name, family.layout, family.symbol, instance):
            yield rows.block.indices
    except (NotPolynomialError, EvaluationError):
        for term in body.terms:
            yield from _of_names(instance, term)


def _of_names(instance: Instance, term: Expr) -> Iterator[slice]:
    needed = needed_by(term, instance.program)
    for family in instance.families:
        if family.name in needed:
            yield slice(family.offset, family.offset + family.count)
