"""Bounds of the first derivatives of a template by every decision it holds, over a region, rounded outwards.

Reverse accumulation in interval arithmetic (A. Griewank, A. Walther, "Evaluating Derivatives", 2nd ed., SIAM (2008),
chapter 3): the derivative of a term by its parts, from the whole down to the decisions. Where a term has no derivative
(at the kink of ``abs``, say) the slopes on both sides are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Apply, Choice, Conditional, Expr, NamedExpression, Piecewise, Reduce, SymbolRef

from ..evaluation.scope import text_of
from ..extraction.assembly import columns_of
from ..extraction.patterns import offsets_of
from ..spaces.algebra import Table, reduce_to, wide
from . import rounding as r
from .atoms import ATOMS
from .enclosure import atom_of, enclosure
from .intervals import Interval
from .region import Region

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ONE = r.constant(1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """``lower <= derivative of the template's row by column <= upper``; all ``(entries,)``, sorted by row and column.

    Decisions that are not listed in a row have slope 0 there.
    """

    row: Ints
    column: Ints
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Slope:
    """The slope by one reference, over a table that extends the root."""

    columns: Ints
    table: Table
    bounds: Interval


def slopes(region: Region, term: Expr, table: Table) -> Slopes:
    """The slopes of a term over a table by the symbols of the region's group.

    Raises ``EvaluationError`` of its data, ``ValueError`` for a term of which no derivative is known (outside code,
    networks, choices).
    """
    found = _Found()
    with np.errstate(all="ignore"):
        _push(region, term, table, _ONE, found)
        while found.waiting:
            _push(region, *found.next(), found)
        return _gathered(found.slopes, table)


@dataclass(slots=True, eq=False)
class _Found:
    """The slopes so far, and the named expressions that still have to hand on theirs.

    Each hands on once, when all that use it have: the one that others stand furthest below goes first.
    """

    slopes: list[_Slope] = field(default_factory=list)
    waiting: dict[tuple[int, int], tuple[int, Expr, Table, Interval]] = field(default_factory=dict)

    def wait(self, depth: int, definition: Expr, table: Table, weight: Interval) -> None:
        key = id(definition), id(table)
        known = self.waiting.get(key)
        self.waiting[key] = depth, definition, table, weight if known is None else r.add(known[3], weight)

    def next(self) -> tuple[Expr, Table, Interval]:
        key = max(self.waiting, key=lambda each: self.waiting[each][0])
        return self.waiting.pop(key)[1:]


def _push(region: Region, term: Expr, table: Table, weight: Interval, into: _Found) -> None:
    """Adds the slopes of ``term``, whose own slope in the whole is ``weight`` (over ``table``)."""
    if not region.varies(term):
        return
    if isinstance(term, SymbolRef):
        _symbol(region, term, table, weight, into)
    elif isinstance(term, Apply):
        _apply(region, term, table, weight, into)
    elif isinstance(term, Reduce):
        _reduce(region, term, table, weight, into)
    elif isinstance(term, Conditional) and region.known(term.condition):
        for part, rows, mask in region.branches(term, table):
            ends = (np.broadcast_to(end, table.shape) for end in (weight.lower, weight.upper))
            picked = [end if rows is table else end[mask] for end in ends]
            _push(region, part, rows, Interval(picked[0], picked[1]), into)
    elif isinstance(term, Piecewise) and all(region.known(p) for p in (*term.breakpoints, *term.values)):
        _push(region, term.argument, table, r.multiply(weight, _steepness(region, term, table)), into)
    else:
        raise _unknown(term)


def _unknown(term: Expr) -> ValueError:
    return ValueError(f"`{text_of(term)}` has no derivative that is known")


def _symbol(region: Region, term: SymbolRef, table: Table, weight: Interval, into: _Found) -> None:
    symbol = region.instance.program.symbols[term.symbol]
    if isinstance(symbol, NamedExpression):
        into.wait(region.depth(symbol), *region.inlined(term, symbol, table), weight)
        return
    if isinstance(symbol, Choice) or any(region.varies(arg) for arg in term.args):
        raise _unknown(term)
    columns = columns_of(term, table, offsets_of(region.instance), region.instance.scope)
    into.slopes.append(_Slope(np.asarray(columns, dtype=np.int64), table, weight))


def _apply(region: Region, term: Apply, table: Table, weight: Interval, into: _Found) -> None:
    atom = atom_of(region, term, table)
    if atom is not None:
        slope = atom.first(atom.defined(enclosure(region, term.args[0], table)))
        _push(region, term.args[0], table, r.multiply(weight, slope), into)
        return
    left: Expr = term
    while isinstance(left, Apply) and left.op in ("add", "sub"):
        for arg in left.args[1:]:
            _push(region, arg, table, weight if left.op == "add" else r.negative(weight), into)
        left = left.args[0]
    if left is not term:
        _push(region, left, table, weight, into)
        return
    if term.op == "neg":
        _push(region, term.args[0], table, r.negative(weight), into)
        return
    args = [enclosure(region, arg, table) for arg in term.args]
    for k, partial in enumerate(_partials(term, args)):
        _push(region, term.args[k], table, r.multiply(weight, partial), into)


def _partials(term: Apply, args: list[Interval]) -> list[Interval]:
    """The derivatives by each argument."""
    if term.op == "mul":
        return [_product([a for j, a in enumerate(args) if j != k]) for k in range(len(args))]
    if term.op == "div":
        under = r.reciprocal(args[1])
        return [under, r.negative(r.multiply(args[0], r.square(under)))]
    if term.op in ("min", "max"):
        return [_chosen(term.op, k, args) for k in range(len(args))]
    if term.op == "kl":
        ratio = r.divide(r.within(args[0], 0.0, np.inf), r.within(args[1], 0.0, np.inf))
        from .atoms import ATOMS

        return [r.add(ATOMS["log"].value(ratio), _ONE), r.negative(ratio)]
    if term.op == "pow":
        return _power_partials(args)
    raise _unknown(term)


def _product(args: list[Interval]) -> Interval:
    found = _ONE
    for arg in args:
        found = r.multiply(found, arg)
    return found


def _chosen(op: str, k: int, args: list[Interval]) -> Interval:
    """1 where the argument alone decides, 0 where it never does, between them elsewhere."""
    others = [a for j, a in enumerate(args) if j != k]
    own = args[k] if op == "max" else r.negative(args[k])
    rest = others if op == "max" else [r.negative(a) for a in others]
    low, high = own.lower, own.upper
    never = np.zeros((), dtype=np.bool_)
    always = np.ones((), dtype=np.bool_)
    for other in rest:
        never = never | (other.lower > high)
        always = always & (low > other.upper)
    return Interval(np.where(always, 1.0, 0.0), np.where(never, 0.0, 1.0))


def _power_partials(args: list[Interval]) -> list[Interval]:
    """Of ``b ^ e`` with a positive base: ``e b^(e-1)`` and ``b^e log b``."""
    from .atoms import ATOMS

    base, exponent = args
    positive = bool(np.all(base.lower > 0))
    if not positive:
        return [r.EVERYTHING, r.EVERYTHING]
    log = ATOMS["log"].value(base)
    whole = ATOMS["exp"].value(r.multiply(exponent, log))
    return [r.multiply(exponent, r.divide(whole, base)), r.multiply(whole, log)]


def _steepness(region: Region, term: Piecewise, table: Table) -> Interval:
    points, heights = ([region.values(part, table) for part in parts] for parts in (term.breakpoints, term.values))
    found: Interval | None = None
    for k in range(len(points) - 1):
        rise = r.subtract(r.point(heights[k + 1]), r.point(heights[k]))
        slope = r.divide(rise, r.subtract(r.point(points[k + 1]), r.point(points[k])))
        found = slope if found is None else r.hull(found, slope)
    assert found is not None
    return found


def _reduce(region: Region, term: Reduce, table: Table, weight: Interval, into: _Found) -> None:
    fresh, rows = region.inner(term, table)
    outer = Interval(rows.lift_from(weight.lower, table), rows.lift_from(weight.upper, table))
    body = enclosure(region, fresh.body, rows)
    if term.op == "sum":
        partial = _ONE
    elif term.op in _PARTIALS:
        whole = enclosure(region, fresh, table)
        lifted = Interval(rows.lift_from(whole.lower, table), rows.lift_from(whole.upper, table))
        partial = _PARTIALS[term.op](body, lifted, rows, table)
    elif term.op == "prod":
        partial = _others(region, fresh, rows, table, body)
    else:
        raise _unknown(term)
    _push(region, fresh.body, rows, r.multiply(outer, partial), into)


# The slope of an aggregate by one of its entries, from enclosures of the entries and of the whole over the same rows.
def _by_norm1(body: Interval, _whole: Interval, _rows: Table, _table: Table) -> Interval:
    return Interval(np.where(body.lower >= 0, 1.0, -1.0), np.where(body.upper <= 0, -1.0, 1.0))


def _by_norm2(body: Interval, whole: Interval, _rows: Table, _table: Table) -> Interval:
    """``b / norm2(b)``, which lies between -1 and 1 also where the norm is 0."""
    away = whole.lower > 0
    share = r.divide(body, Interval(np.where(away, whole.lower, 1.0), np.where(away, whole.upper, 1.0)))
    low, high = np.where(body.lower >= 0, 0.0, -1.0), np.where(body.upper <= 0, 0.0, 1.0)
    return Interval(
        np.where(away, np.maximum(share.lower, low), low), np.where(away, np.minimum(share.upper, high), high)
    )


def _by_logsumexp(body: Interval, whole: Interval, _rows: Table, _table: Table) -> Interval:
    """``exp(b - logsumexp(b))``."""
    known = np.isfinite(body.lower) & np.isfinite(body.upper) & np.isfinite(whole.lower) & np.isfinite(whole.upper)
    share = ATOMS["exp"].value(r.subtract(body, whole))
    return Interval(
        np.where(known, np.maximum(share.lower, 0.0), 0.0), np.where(known, np.minimum(share.upper, 1.0), 1.0)
    )


def _by_max(body: Interval, whole: Interval, rows: Table, table: Table) -> Interval:
    """0 of entries that are not the largest anywhere, 1 of one that alone is."""
    able = wide(body.upper >= whole.lower, rows.shape)
    count = rows.lift_from(reduce_to(table, rows, able.astype(np.float64), np.add), table)
    return Interval(np.where(able & (count == 1), 1.0, 0.0), np.where(able, 1.0, 0.0))


def _by_min(body: Interval, whole: Interval, rows: Table, table: Table) -> Interval:
    return _by_max(r.negative(body), r.negative(whole), rows, table)


def _by_norminf(body: Interval, whole: Interval, rows: Table, table: Table) -> Interval:
    return r.multiply(_by_norm1(body, whole, rows, table), _by_max(r.size(body), whole, rows, table))


_PARTIALS = {
    "norm1": _by_norm1,
    "norm2": _by_norm2,
    "norminf": _by_norminf,
    "logsumexp": _by_logsumexp,
    "max": _by_max,
    "min": _by_min,
}


def _others(region: Region, term: Reduce, rows: Table, table: Table, body: Interval) -> Interval:
    """The product of all other factors: the whole over the own one, where none may be 0; else by size."""
    size = r.size(body)
    most = np.maximum(size.upper, 1.0)
    high = reduce_to(table, rows, most, np.multiply) * (1 + 1e-12 * (rows.size + 1))
    positive = reduce_to(table, rows, (body.lower > 0).astype(np.float64), np.minimum) > 0
    whole = enclosure(region, term, table)
    ends = [rows.lift_from(end, table) for end in (whole.lower, whole.upper, high)]
    exact = r.divide(Interval(ends[0], ends[1]), Interval(np.where(body.lower > 0, body.lower, 1.0), body.upper))
    known = rows.lift_from(positive, table)
    return Interval(np.where(known, exact.lower, -ends[2]), np.where(known, exact.upper, ends[2]))


def _gathered(found: list[_Slope], root: Table) -> Slopes:
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return Slopes(none, none, np.zeros(0), np.zeros(0))
    rows = np.concatenate(
        [
            wide(
                np.asarray(s.table.rows_in(root) if s.table is not root else np.arange(root.size).reshape(root.shape)),
                s.table.shape,
            )
            for s in found
        ]
    )
    columns = np.concatenate([wide(s.columns, s.table.shape) for s in found])
    lower = np.concatenate([wide(np.asarray(s.bounds.lower), s.table.shape) for s in found])
    upper = np.concatenate([wide(np.asarray(s.bounds.upper), s.table.shape) for s in found])
    width = int(columns.max(initial=0)) + 1
    keys, at = np.unique(rows * width + columns, return_inverse=True)
    count = np.bincount(at, minlength=len(keys))
    return Slopes(keys // width, keys % width, -_total(at, -lower, count), _total(at, upper, count))


def _total(at: NDArray[np.intp], ends: Floats, count: NDArray[np.intp]) -> Floats:
    """Sums of upper ends by group, rounded up; exact where a group has one entry."""
    finite = np.where(np.isfinite(ends), ends, 0.0)
    total = np.bincount(at, finite, len(count))
    size = np.bincount(at, np.abs(finite), len(count))
    error = np.where(count > 1, 2 * (count + 1) * r.UNIT * size + r.TINY, 0.0)
    endless = np.bincount(at, np.isposinf(ends), len(count)) > 0
    lost = np.bincount(at, np.isneginf(ends), len(count)) > 0
    return np.where(endless, np.inf, np.where(lost, -np.inf, total + error))
