"""Bounds of the values of terms over a region, rounded outwards: they hold for every point within the bounds.

Data terms are taken at their float64 values. By whole arrays: one pair of bounds for each row of a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from optc.dsl.program import Apply, Choice, Conditional, Expr, NamedExpression, Piecewise, Reduce, SymbolRef

from ..evaluation.evaluate import gather, numbers
from ..spaces.algebra import Table, reduce_to
from ..spaces.domains import Values
from . import rounding as r
from .atoms import ATOMS, Atom, huber_atom, power_atom
from .intervals import Interval
from .region import Region, scattered


def enclosure(region: Region, term: Expr, table: Table) -> Interval:
    """The bounds of a term; infinite where nothing is known. Raises ``EvaluationError`` of its data."""
    known = region.recall("enclosure", term, table)
    if known is None:
        with np.errstate(all="ignore"):
            known = region.remember("enclosure", term, table, _enclosure(region, term, table))
    found: Interval = known
    return found


def _enclosure(region: Region, term: Expr, table: Table) -> Interval:
    if region.known(term):
        values = region.values(term, table)
        return r.point(values) if values.dtype != np.object_ else r.EVERYTHING
    if isinstance(term, SymbolRef):
        return _symbol(region, term, table)
    if isinstance(term, Apply):
        return _apply(region, term, table)
    if isinstance(term, Reduce):
        return _reduce(region, term, table)
    if isinstance(term, Conditional) and region.known(term.condition):
        parts = [(enclosure(region, part, rows), mask) for part, rows, mask in region.branches(term, table)]
        lows = scattered([(found.lower, mask) for found, mask in parts], table, -np.inf)
        return Interval(lows, scattered([(found.upper, mask) for found, mask in parts], table, np.inf))
    if isinstance(term, Piecewise):
        return _piecewise(region, term, table)
    return r.EVERYTHING


def _symbol(region: Region, term: SymbolRef, table: Table) -> Interval:
    instance = region.instance
    symbol = instance.program.symbols[term.symbol]
    if isinstance(symbol, NamedExpression):
        return enclosure(region, *region.inlined(term, symbol, table))
    if isinstance(symbol, Choice) or not all(region.known(a) for a in term.args):
        return r.EVERYTHING
    if instance.roles.get(term.symbol) == "multiplier":
        return r.EVERYTHING
    family = instance.family(term.symbol)
    low, high = family.lower, family.upper
    if instance.is_decision(term.symbol):
        own = slice(family.offset, family.offset + family.count)
        low, high = region.ranges.lower[own], region.ranges.upper[own]
    ends = [numbers(gather(end, family.layout, term, table, instance.scope)) for end in (low, high)]
    return Interval(ends[0], ends[1])


def _apply(region: Region, term: Apply, table: Table) -> Interval:
    if term.op in ("add", "sub"):
        return _sum(region, term, table)
    args = [enclosure(region, arg, table) for arg in term.args]
    atom = atom_of(region, term, table)
    if atom is not None:
        return atom.value(atom.defined(args[0]))
    if term.op == "neg":
        return r.negative(args[0])
    if term.op == "mul":
        if len(args) == 2 and term.args[0] == term.args[1]:
            return r.square(args[0])
        return _folded(r.multiply, args)
    if term.op == "div":
        return r.divide(args[0], args[1])
    if term.op == "pow":
        return _exponential(args[0], args[1])
    if term.op in ("min", "max"):
        return _folded(r.least if term.op == "min" else r.most, args)
    if term.op == "kl":
        return _divergence(args[0], args[1])
    if term.op in ("floor", "ceil", "round", "sign"):
        function = {"floor": np.floor, "ceil": np.ceil, "round": np.rint, "sign": np.sign}[term.op]
        return Interval(function(args[0].lower), function(args[0].upper))
    if term.op in ("lt", "le", "eq", "ne", "ge", "gt", "and", "or", "not"):
        return Interval(np.asarray(0.0), np.asarray(1.0))
    return r.EVERYTHING


def atom_of(region: Region, term: Apply, table: Table) -> Atom | None:
    """The atom that an operation applies to its first argument; None where it is none of one argument."""
    if term.op in ATOMS:
        return ATOMS[term.op]
    if term.op == "pow" and region.known(term.args[1]):
        return power_atom(region.values(term.args[1], table))
    if term.op == "huber" and all(region.known(arg) for arg in term.args[1:]):
        return huber_atom(r.point(region.values(term.args[1], table)) if term.args[1:] else r.constant(1.0))
    return None


def _folded(rule: Callable[[Interval, Interval], Interval], args: Sequence[Interval]) -> Interval:
    so_far = args[0]
    for other in args[1:]:
        so_far = rule(so_far, other)
    return so_far


def _sum(region: Region, term: Apply, table: Table) -> Interval:
    """A left-deep chain of ``+`` and ``-``, without recursion along it."""
    steps: list[Apply] = []
    left: Expr = term
    while isinstance(left, Apply) and left.op in ("add", "sub") and not region.known(left):
        steps.append(left)
        left = left.args[0]
    found = enclosure(region, left, table)
    for step in reversed(steps):
        for arg in step.args[1:]:
            other = enclosure(region, arg, table)
            found = r.add(found, other) if step.op == "add" else r.subtract(found, other)
    return found


def _exponential(base: Interval, exponent: Interval) -> Interval:
    """``base ^ exponent`` as ``exp(exponent * log base)`` where the base is positive."""
    positive = base.lower > 0
    safe = Interval(np.where(positive, base.lower, 1.0), np.where(positive, base.upper, 1.0))
    found = ATOMS["exp"].value(r.multiply(exponent, ATOMS["log"].value(safe)))
    return Interval(np.where(positive, found.lower, -np.inf), np.where(positive, found.upper, np.inf))


def _divergence(x: Interval, y: Interval) -> Interval:
    """``x log x - x log y`` over ``x >= 0, y > 0``; never less than ``x - y``."""
    x, y = r.within(x, 0.0, np.inf), r.within(y, 0.0, np.inf)
    found = r.subtract(r.negative(ATOMS["entropy"].value(x)), r.multiply(x, ATOMS["log"].value(y)))
    return r.most(found, Interval(r.subtract(x, y).lower, np.asarray(-np.inf)))


def _reduce(region: Region, term: Reduce, table: Table) -> Interval:
    fresh, rows = region.inner(term, table)
    body = enclosure(region, fresh.body, rows)
    if term.op in ("sum", "count"):
        return r.total(table, rows, body)
    if term.op in ("min", "max"):
        ufunc = np.minimum if term.op == "min" else np.maximum
        return Interval(reduce_to(table, rows, body.lower, ufunc), reduce_to(table, rows, body.upper, ufunc))
    if term.op == "norm1":
        return r.total(table, rows, r.size(body))
    if term.op == "norminf":
        size = r.size(body)
        ends = [np.maximum(reduce_to(table, rows, e, np.maximum), 0.0) for e in (size.lower, size.upper)]
        return Interval(ends[0], ends[1])
    if term.op == "norm2":
        return r.root(r.total(table, rows, r.square(body)))
    if term.op == "logsumexp":
        return Interval(_log_sum_exp(table, rows, body.lower).lower, _log_sum_exp(table, rows, body.upper).upper)
    if term.op == "prod":
        return _product(table, rows, body)
    return r.EVERYTHING


def _log_sum_exp(table: Table, rows: Table, at: Values) -> Interval:
    """``m + log(sum(exp(at - m)))`` with ``m`` the largest entry; never outside ``m`` and ``m + log(count)``."""
    top = reduce_to(table, rows, at, np.maximum)
    count = reduce_to(table, rows, np.ones(()), np.add)
    most = r.add(r.point(top), ATOMS["log"].value(r.point(np.maximum(count, 1.0)))).upper
    shift = r.point(rows.lift_from(np.where(np.isfinite(top), top, 0.0), table))
    total = r.total(table, rows, ATOMS["exp"].value(r.subtract(r.point(at), shift)))
    found = r.add(r.point(top), ATOMS["log"].value(r.most(total, r.constant(1.0))))
    known = np.isfinite(found.lower) & np.isfinite(found.upper)
    return Interval(
        np.where(known, np.maximum(found.lower, top), top), np.where(known, np.minimum(found.upper, most), most)
    )


def _product(table: Table, rows: Table, body: Interval) -> Interval:
    """Of factors that are not negative, the products of their ends; of any others, the products of their sizes."""
    size = r.size(body)
    count = reduce_to(table, rows, np.ones(()), np.add)
    low = reduce_to(table, rows, np.maximum(body.lower, 0.0), np.multiply)
    high = reduce_to(table, rows, size.upper, np.multiply)
    margin = 1 + 4 * (count + 1) * r.UNIT
    # An infinite factor beside one that may be 0 leaves nothing known.
    high = np.where(np.isnan(high), np.inf, high * margin + r.TINY)
    low = np.where(np.isnan(low), 0.0, low / margin)
    signed = reduce_to(table, rows, (body.lower < 0).astype(np.float64), np.maximum) > 0
    return Interval(np.where(signed, -high, low), high)


def _piecewise(region: Region, term: Piecewise, table: Table) -> Interval:
    """The extremes lie at the ends of the argument or at breakpoints within."""
    if not all(region.known(part) for part in (*term.breakpoints, *term.values)):
        return r.EVERYTHING
    x = enclosure(region, term.argument, table)
    points, heights = ([region.values(part, table) for part in parts] for parts in (term.breakpoints, term.values))
    ends = [_interpolated(end, points, heights) for end in (x.lower, x.upper)]
    found = r.hull(ends[0], ends[1])
    lower, upper = found.lower, found.upper
    for at, height in zip(points, heights, strict=True):
        inside = (x.lower <= at) & (at <= x.upper)
        lower = np.where(inside, np.minimum(lower, height), lower)
        upper = np.where(inside, np.maximum(upper, height), upper)
    return Interval(lower, upper)


def _interpolated(x: Values, points: list[Values], heights: list[Values]) -> Interval:
    low: Values = np.zeros(())
    high: Values = np.zeros(())
    for k in range(len(points) - 1):
        rise = r.subtract(r.point(heights[k + 1]), r.point(heights[k]))
        slope = r.divide(rise, r.subtract(r.point(points[k + 1]), r.point(points[k])))
        line = r.add(r.point(heights[k]), r.multiply(slope, r.subtract(r.point(x), r.point(points[k]))))
        beyond = np.asarray(k == 0) | (x > points[k])
        low, high = np.where(beyond, line.lower, low), np.where(beyond, line.upper, high)
    return Interval(low, high)
