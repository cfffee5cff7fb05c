"""Bounds of terms by interval arithmetic over the bounds of the decisions, by whole arrays.

Plain float64: outward rounding is not done here, so a bound is for planning (big-M constants, scaling), not a proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Apply, Choice, Conditional, Expr, NamedExpression, Piecewise, Reduce, SymbolRef

from ..evaluation.evaluate import evaluate, gather, holds, numbers, with_let_indices
from ..evaluation.sets import extend
from ..extraction.polynomial import Group
from ..instance.instance import Instance
from ..spaces.algebra import Table, reduce_to
from ..spaces.domains import Values

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """``lower <= value <= upper`` for every row of a table; both broadcast to its shape."""

    lower: Values
    upper: Values


def interval(term: Expr, table: Table, instance: Instance) -> Interval:
    """Bounds of a term over a table; infinite where nothing is known. Raises ``EvaluationError`` of its data."""
    with np.errstate(all="ignore"):
        return _interval(term, table, instance, Group(instance.scope, instance.is_decision, 1))


def _interval(term: Expr, table: Table, instance: Instance, group: Group) -> Interval:
    if not group.depends(term):
        found = evaluate(term, table, instance.scope)
        return Interval(found, found)
    if isinstance(term, SymbolRef):
        return _symbol(term, table, instance, group)
    if isinstance(term, Apply) and term.op in _RULES:
        parts = [_interval(a, table, instance, group) for a in term.args]
        so_far = parts[0]
        rule = _RULES[term.op]
        if len(parts) == 1:
            return rule(so_far, so_far)
        for other in parts[1:]:
            so_far = rule(so_far, other)
        return so_far
    if isinstance(term, Reduce):
        return _reduce(term, table, instance, group)
    if isinstance(term, Conditional) and not group.depends(term.condition):
        keep = holds(term.condition, table, instance.scope)
        a, b = (_interval(t, table, instance, group) for t in (term.then, term.otherwise))
        return Interval(np.where(keep, a.lower, b.lower), np.where(keep, a.upper, b.upper))
    if isinstance(term, Piecewise):
        return _piecewise(term, table, instance, group)
    return _nothing_known()


def _nothing_known() -> Interval:
    return Interval(np.asarray(-np.inf), np.asarray(np.inf))


def _symbol(term: SymbolRef, table: Table, instance: Instance, group: Group) -> Interval:
    symbol = instance.program.symbols[term.symbol]
    if isinstance(symbol, NamedExpression):
        inner = with_let_indices(term, symbol, table, instance.scope)
        return _interval(symbol.definition, inner, instance, group)
    if isinstance(symbol, Choice) or any(group.depends(a) for a in term.args):
        return _nothing_known()
    family = instance.family(term.symbol)
    low, high = family.lower, family.upper
    if family.domain == "semicontinuous":
        low, high = np.minimum(low, 0.0), np.maximum(high, 0.0)
    if family.domain == "simplex":
        high = np.minimum(high, 1.0)
    ends = [numbers(gather(end, family.layout, term, table, instance.scope)) for end in (low, high)]
    return Interval(ends[0], ends[1])


def _reduce(term: Reduce, table: Table, instance: Instance, group: Group) -> Interval:
    child = extend(term.space, table, instance.scope)
    body = _interval(term.body, child, instance, group)
    if term.op == "sum":
        return Interval(reduce_to(table, child, body.lower, np.add), reduce_to(table, child, body.upper, np.add))
    if term.op in ("min", "max"):
        ufunc = np.minimum if term.op == "min" else np.maximum
        return Interval(reduce_to(table, child, body.lower, ufunc), reduce_to(table, child, body.upper, ufunc))
    if term.op in ("norm1", "norminf", "norm2"):
        size = _abs(body, body)
        if term.op == "norminf":
            ends = [np.maximum(reduce_to(table, child, e, np.maximum), 0.0) for e in (size.lower, size.upper)]
        elif term.op == "norm1":
            ends = [reduce_to(table, child, e, np.add) for e in (size.lower, size.upper)]
        else:
            ends = [np.sqrt(reduce_to(table, child, e * e, np.add)) for e in (size.lower, size.upper)]
        return Interval(ends[0], ends[1])
    return _nothing_known()


def _piecewise(term: Piecewise, table: Table, instance: Instance, group: Group) -> Interval:
    """The extremes lie at the ends of the argument or at breakpoints within."""
    x = _interval(term.argument, table, instance, group)
    points, heights = (
        [numbers(evaluate(part, table, instance.scope)) for part in parts] for parts in (term.breakpoints, term.values)
    )
    ends = [_interpolated(end, points, heights) for end in (x.lower, x.upper)]
    lower, upper = np.minimum(*ends), np.maximum(*ends)
    for point, height in zip(points, heights, strict=True):
        inside = (x.lower <= point) & (point <= x.upper)
        lower = np.where(inside, np.minimum(lower, height), lower)
        upper = np.where(inside, np.maximum(upper, height), upper)
    return Interval(lower, upper)


def _interpolated(x: Values, points: list[Values], heights: list[Values]) -> Values:
    result: Values = np.zeros(())
    for k in range(len(points) - 1):
        slope = (heights[k + 1] - heights[k]) / (points[k + 1] - points[k])
        line = heights[k] + _times(slope, x - points[k])
        result = line if k == 0 else np.where(x > points[k], line, result)
    return result


# ----------------------------------------------------------------------------------------------------------- rules
def _times(a: Values, b: Values) -> Values:
    """``0 * inf`` is 0 at the end of an interval."""
    product = a * b
    if np.isfinite(product).all():
        return product + 0.0  # no -0.0
    return np.where((a == 0) | (b == 0), 0.0, product)


def _mul(a: Interval, b: Interval) -> Interval:
    for number, other in ((a, b), (b, a)):
        if number.lower is number.upper:
            low, high = _times(number.lower, other.lower), _times(number.lower, other.upper)
            return Interval(np.minimum(low, high), np.maximum(low, high))
    ends = [_times(x, y) for x in (a.lower, a.upper) for y in (b.lower, b.upper)]
    return Interval(_least(ends), _most(ends))


def _least(ends: list[Values]) -> Values:
    return np.minimum(np.minimum(ends[0], ends[1]), np.minimum(ends[2], ends[3]))


def _most(ends: list[Values]) -> Values:
    return np.maximum(np.maximum(ends[0], ends[1]), np.maximum(ends[2], ends[3]))


def _div(a: Interval, b: Interval) -> Interval:
    across = (b.lower <= 0) & (b.upper >= 0)
    inverse = Interval(
        np.where(across, -np.inf, 1.0 / np.where(across, 1.0, b.upper)),
        np.where(across, np.inf, 1.0 / np.where(across, 1.0, b.lower)),
    )
    return _mul(a, inverse)


def _pow(a: Interval, b: Interval) -> Interval:
    if b.lower is not b.upper or b.lower.ndim or b.lower != np.floor(b.lower) or b.lower < 1:
        return _nothing_known()
    power = float(b.lower)
    low, high = np.power(a.lower, power), np.power(a.upper, power)
    if power % 2 == 1:
        return Interval(low, high)
    across = (a.lower <= 0) & (a.upper >= 0)
    return Interval(np.where(across, 0.0, np.minimum(low, high)), np.maximum(low, high))


def _abs(a: Interval, _b: Interval) -> Interval:
    low, high = np.abs(a.lower), np.abs(a.upper)
    across = (a.lower <= 0) & (a.upper >= 0)
    return Interval(np.where(across, 0.0, np.minimum(low, high)), np.maximum(low, high))


def _rising(function: Callable[[Values], Values]) -> Callable[[Interval, Interval], Interval]:
    return lambda a, _b: Interval(function(a.lower), function(a.upper))


_RULES: dict[str, Callable[[Interval, Interval], Interval]] = {
    "add": lambda a, b: Interval(a.lower + b.lower, a.upper + b.upper),
    "sub": lambda a, b: Interval(a.lower - b.upper, a.upper - b.lower),
    "neg": lambda a, _b: Interval(-a.upper, -a.lower),
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "abs": _abs,
    "min": lambda a, b: Interval(np.minimum(a.lower, b.lower), np.minimum(a.upper, b.upper)),
    "max": lambda a, b: Interval(np.maximum(a.lower, b.lower), np.maximum(a.upper, b.upper)),
    "exp": _rising(np.exp),
    "tanh": _rising(np.tanh),
    "atan": _rising(np.arctan),
    "sinh": _rising(np.sinh),
    "log": _rising(lambda x: np.where(x > 0, np.log(np.maximum(x, 0.0)), -np.inf)),
    "sqrt": _rising(lambda x: np.sqrt(np.maximum(x, 0.0))),
    "floor": _rising(np.floor),
    "ceil": _rising(np.ceil),
    "round": _rising(np.rint),
    "sin": lambda _a, _b: Interval(np.asarray(-1.0), np.asarray(1.0)),
    "cos": lambda _a, _b: Interval(np.asarray(-1.0), np.asarray(1.0)),
    "sigmoid": lambda _a, _b: Interval(np.asarray(0.0), np.asarray(1.0)),
    "erf": lambda _a, _b: Interval(np.asarray(-1.0), np.asarray(1.0)),
}
