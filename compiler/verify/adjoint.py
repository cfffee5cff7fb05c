"""Values of terms at a point, and slopes of weighted sums of them by each decision: reverse accumulation in float64.

From the whole down to the decisions, with all rows of a template at once (A. Griewank, A. Walther, "Evaluating
Derivatives", 2nd ed., SIAM (2008), chapter 3). It works on the terms of the model as they are written, and shares
nothing with the kernels whose answers it judges. ``Templates`` holds what does not depend on the point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import (
    Apply,
    Choice,
    Conditional,
    Expr,
    ExternCall,
    NamedExpression,
    Piecewise,
    Reduce,
    SymbolRef,
)

from ..evaluation.elementwise import OPERATIONS
from ..evaluation.scope import text_of
from ..extraction.assembly import columns_of
from ..extraction.patterns import offsets_of
from ..facts.bounds import Ranges
from ..facts.region import Region
from ..instance.instance import Instance
from ..outside.columns import PlacedCall, placed_call
from ..spaces.algebra import Table, wide
from ..spaces.domains import Values
from . import aggregates
from .partials import partials, power

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]


class Templates:
    """The tables and columns of an instance's terms, made when they are first asked for."""

    def __init__(self, instance: Instance) -> None:
        none = np.zeros(0, dtype=np.intp)
        nowhere = Ranges(instance, np.zeros(0), np.zeros(0), none, none, ())
        self.instance = instance
        self.region = Region(nowhere, frozenset(family.name for family in instance.families))
        self.offsets = offsets_of(instance)
        self._outside: dict[ExternCall, PlacedCall] = {}

    def columns(self, term: SymbolRef, table: Table) -> Ints:
        """The columns of a reference, broadcastable to the shape of the table."""
        known = self.region.recall("columns", term, table)
        if known is None:
            made = columns_of(term, table, self.offsets, self.instance.scope)
            known = self.region.remember("columns", term, table, made)
        found: Ints = known
        return found

    def outside(self, term: ExternCall) -> PlacedCall:
        """A call of outside code. Raises ``OutsideError`` where there is no function for it."""
        if term not in self._outside:
            self._outside[term] = placed_call(term, self.instance)
        return self._outside[term]


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """The slopes of ``sum_r weights_r term_r`` by each decision, and the largest that a row adds to each; both (n)."""

    total: Floats
    largest: Floats


class AtPoint:
    """The values of one template's parts at columns ``x`` (n), each calculated once."""

    def __init__(self, templates: Templates, x: Floats) -> None:
        self.templates = templates
        self.region = templates.region
        self.x = x
        self._values: dict[tuple[int, int], tuple[Expr, Table, Values]] = {}
        self._slopes: dict[tuple[SymbolRef, int], tuple[Table, Ints, Values]] = {}
        self._waiting: dict[tuple[int, int], tuple[int, Expr, Table, Values]] = {}
        self._outside: list[tuple[ExternCall, Table, Values]] = []

    # ------------------------------------------------------------------------------------------------------- values
    def value(self, term: Expr, table: Table) -> Values:
        """The values of a term over a table, NaN or infinite where it has none.

        Raises ``EvaluationError`` of its data, ``ValueError`` for a term whose derivatives are not known.
        """
        key = (id(term), id(table))
        known = self._values.get(key)
        if known is None:
            known = term, table, self._value(term, table)
            self._values[key] = known
        return known[2]

    def _value(self, term: Expr, table: Table) -> Values:
        region = self.region
        if not region.varies(term):
            return self._datum(term, table)
        if isinstance(term, SymbolRef):
            symbol = region.instance.program.symbols[term.symbol]
            if isinstance(symbol, NamedExpression):
                return self.value(*region.inlined(term, symbol, table))
            if isinstance(symbol, Choice) or any(region.varies(arg) for arg in term.args):
                raise _unknown(term)
            return self.x[self.templates.columns(term, table)]
        if isinstance(term, Apply):
            return self._applied(term, table)
        if isinstance(term, Reduce):
            fresh, rows = region.inner(term, table)
            if term.op not in aggregates.VALUES:
                raise _unknown(term)
            return aggregates.VALUES[term.op](table, rows, self.value(fresh.body, rows))
        if isinstance(term, Conditional) and region.known(term.condition):
            return self._branched(term, table)
        if isinstance(term, Piecewise) and all(region.known(p) for p in (*term.breakpoints, *term.values)):
            return self._pieces(term, table)[0]
        if isinstance(term, ExternCall):
            return np.asarray(self.templates.outside(term).value(self.x))
        raise _unknown(term)

    def _datum(self, term: Expr, table: Table) -> Values:
        if not self.region.known(term):
            raise ValueError(f"`{text_of(term)}` is neither data nor a decision")
        found = self.region.values(term, table)
        if found.dtype == np.object_:
            raise ValueError(f"`{text_of(term)}` is a text")
        return found

    def _applied(self, term: Apply, table: Table) -> Values:
        """An operation; a left-deep chain of ``+`` and ``-`` without recursion along it."""
        if term.op not in ("add", "sub"):
            if term.op not in OPERATIONS:
                raise _unknown(term)
            return OPERATIONS[term.op](*(self.value(arg, table) for arg in term.args))
        left, steps = self._chain(term)
        found = self.value(left, table)
        for step in reversed(steps):
            for arg in step.args[1:]:
                found = OPERATIONS[step.op](found, self.value(arg, table))
        return found

    def _chain(self, term: Expr) -> tuple[Expr, list[Apply]]:
        """What stands first in a sum, and the steps that add to it, last first."""
        steps: list[Apply] = []
        while isinstance(term, Apply) and term.op in ("add", "sub") and self.region.varies(term):
            steps.append(term)
            term = term.args[0]
        return term, steps

    def _branched(self, term: Conditional, table: Table) -> Values:
        found = np.zeros(table.shape)
        for part, rows, mask in self.region.branches(term, table):
            if rows is table:
                return self.value(part, table)
            found[mask] = np.broadcast_to(self.value(part, rows), rows.shape)
        return found

    def _pieces(self, term: Piecewise, table: Table) -> tuple[Values, Values]:
        """The value of a piecewise linear term, and its slope."""
        x = self.value(term.argument, table)
        points, heights = ([self._datum(p, table) for p in parts] for parts in (term.breakpoints, term.values))
        value, slope = aggregates.line(x, points, heights, 0)
        for k in range(1, len(points) - 1):
            beyond = x > points[k]
            further = aggregates.line(x, points, heights, k)
            value, slope = np.where(beyond, further[0], value), np.where(beyond, further[1], slope)
        return value, slope

    # ------------------------------------------------------------------------------------------------------- slopes
    def slopes(self, term: Expr, table: Table, weights: Floats) -> Slopes:
        """The slopes of the sum of a term's rows times ``weights`` (rows); a weight of 0 takes its row out.

        Raises as ``value``.
        """
        self._slopes.clear()
        self._waiting.clear()
        self._outside.clear()
        self._push(term, table, weights.reshape(table.shape))
        while self._waiting:  # a named expression hands on once, when all that use it have
            deepest = max(self._waiting, key=lambda key: self._waiting[key][0])
            self._push(*self._waiting.pop(deepest)[1:])
        entries = list(self._slopes.values())
        self._slopes.clear()
        found = _summed(entries, table, weights, len(self.x))
        return self._with_calls(found, table, weights) if self._outside else found

    def _with_calls(self, found: Slopes, root: Table, weights: Floats) -> Slopes:
        """Slopes with those of calls of outside code, which are dense over the decisions that a call is given."""
        total, largest = found.total.copy(), found.largest.copy()
        for term, table, weight in self._outside:
            call = self.templates.outside(term)
            own = np.bincount(call.entries, call.gradient(self.x), len(self.x))
            by_row = np.bincount(_rows_of(table, root), wide(weight, table.shape), root.size)
            by_row[weights == 0.0] = 0.0
            total += by_row.sum() * own
            largest = np.maximum(largest, np.abs(by_row).max(initial=0.0) * np.abs(own))
        self._outside.clear()
        return Slopes(total, np.abs(total) if root.size == 1 else largest)

    def _push(self, term: Expr, table: Table, weight: Values) -> None:
        """Adds the slopes of ``term``, whose own slope in the whole is ``weight`` (over ``table``)."""
        region = self.region
        if not region.varies(term):
            return
        if isinstance(term, SymbolRef):
            self._symbol(term, table, weight)
        elif isinstance(term, Apply):
            self._operation(term, table, weight)
        elif isinstance(term, Reduce):
            self._aggregate(term, table, weight)
        elif isinstance(term, Conditional) and region.known(term.condition):
            for part, rows, mask in region.branches(term, table):
                whole = np.broadcast_to(weight, table.shape)
                self._push(part, rows, whole if rows is table else whole[mask])
        elif isinstance(term, Piecewise) and all(region.known(p) for p in (*term.breakpoints, *term.values)):
            self._push(term.argument, table, weight * self._pieces(term, table)[1])
        elif isinstance(term, ExternCall):
            self._outside.append((term, table, weight))
        else:
            raise _unknown(term)

    def _symbol(self, term: SymbolRef, table: Table, weight: Values) -> None:
        symbol = self.region.instance.program.symbols[term.symbol]
        if isinstance(symbol, NamedExpression):
            definition, inner = self.region.inlined(term, symbol, table)
            key = id(definition), id(inner)
            depth, before = self.region.depth(symbol), self._waiting.get(key)
            self._waiting[key] = depth, definition, inner, weight if before is None else before[3] + weight
            return
        if isinstance(symbol, Choice) or any(self.region.varies(arg) for arg in term.args):
            raise _unknown(term)
        known = self._slopes.get((term, id(table)))
        columns = self.templates.columns(term, table) if known is None else known[1]
        self._slopes[term, id(table)] = table, columns, weight if known is None else known[2] + weight

    def _operation(self, term: Apply, table: Table, weight: Values) -> None:
        if term.op in ("add", "sub"):
            left, steps = self._chain(term)
            self._push(left, table, weight)
            for step in steps:
                for arg in step.args[1:]:
                    self._push(arg, table, weight if step.op == "add" else -weight)
            return
        if term.op == "neg":
            self._push(term.args[0], table, -weight)
            return
        if term.op == "pow" and not self.region.varies(term.args[1]):
            by_base = power(self.value(term.args[0], table), self.value(term.args[1], table))
            self._push(term.args[0], table, weight * by_base)
            return
        args = [self.value(arg, table) for arg in term.args]
        slopes = partials(term.op, args, self.value(term, table))
        if slopes is None:
            raise _unknown(term)
        for arg, slope in zip(term.args, slopes, strict=True):
            if self.region.varies(arg):
                self._push(arg, table, weight * slope)

    def _aggregate(self, term: Reduce, table: Table, weight: Values) -> None:
        fresh, rows = self.region.inner(term, table)
        outer = rows.lift_from(weight, table)
        if term.op == "sum":
            self._push(fresh.body, rows, outer)
            return
        rule = aggregates.SLOPES.get(term.op)
        if rule is None:
            raise _unknown(term)
        inner = rule(table, rows, self.value(fresh.body, rows), self.value(term, table))
        self._push(fresh.body, rows, outer * inner)


def _unknown(term: Expr) -> ValueError:
    return ValueError(f"`{text_of(term)}` has no derivative that is known")


def _summed(entries: list[tuple[Table, Ints, Values]], root: Table, weights: Floats, n: int) -> Slopes:
    """The entries added up by column; those of one row in one column are one."""
    if not entries:
        return Slopes(np.zeros(n), np.zeros(n))
    if root.size == 1:
        if not weights[0]:
            return Slopes(np.zeros(n), np.zeros(n))
        total = np.zeros(n)
        for table, columns, values in entries:
            total += np.bincount(wide(columns, table.shape), wide(values, table.shape), n)
        return Slopes(total, np.abs(total))
    return _by_rows(entries, root, weights, n)


def _by_rows(entries: list[tuple[Table, Ints, Values]], root: Table, weights: Floats, n: int) -> Slopes:
    rows = np.concatenate([_rows_of(table, root) for table, _, _ in entries]).astype(np.int64, copy=False)
    columns = np.concatenate([wide(columns, table.shape) for table, columns, _ in entries])
    values = np.concatenate([wide(values, table.shape) for table, _, values in entries])
    values[weights[rows] == 0.0] = 0.0
    keys = rows * n + columns
    if (keys[1:] <= keys[:-1]).any():
        order = np.argsort(keys, kind="stable")  # it is fast where runs are sorted already, as most are
        keys, columns, values = keys[order], columns[order], values[order]
        first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        if len(first) < len(keys):
            columns, values = columns[first], np.add.reduceat(values, first)
    largest = np.zeros(n)
    np.maximum.at(largest, columns, np.abs(values))
    return Slopes(np.bincount(columns, values, n).astype(np.float64, copy=False), largest)


def _rows_of(table: Table, root: Table) -> Ints:
    if table is root:
        return np.arange(root.size)
    return wide(np.asarray(table.rows_in(root)), table.shape)
