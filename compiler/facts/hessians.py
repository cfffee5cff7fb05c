"""Terms in a few decisions a row: enclosures of their second derivatives, and quadratic forms that these lie above.

Forward propagation of value, gradient and Hessian in interval arithmetic (see ``jets``, which has terms in one
decision). A Hessian ``H`` with midpoints ``m`` and radii ``r`` beside the diagonal lies above the matrix with ``m``
there and ``low - sum of r`` on the diagonal (Gershgorin's discs of what is left; C. S. Adjiman, S. Dallwig, C. A.
Floudas, A. Neumaier, "A global optimization method, alphaBB, for general twice-differentiable constrained NLPs - I",
Comput. Chem. Eng. 22 (1998), section 3.5, where the matrix is used in the same way).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Apply, Choice, Expr, NamedExpression, SymbolRef

from ..extraction.assembly import columns_of
from ..extraction.patterns import offsets_of
from ..spaces.algebra import Table, wide
from . import rounding as r
from .atoms import Atom
from .enclosure import atom_of, enclosure
from .intervals import Interval
from .quadratic_rows import Entries, joined
from .region import Region
from .rounding import Bools

MOST = 6  # decisions in a row
LARGE = 300_000  # entries of Hessians that are looked at

_TWO = r.constant(2.0)
Columns = NDArray[np.int64]
_Key = TypeVar("_Key")  # a decision, or two


class _TooMany(Exception):
    """The term has too many decisions in a row, or is not made of known functions."""


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """Value, slopes by decision, second derivatives by two decisions ``(i, j)`` with ``i <= j``; what is not there is
    0.

    ``smooth``: for each row whether the term has two derivatives at every point of the interior.
    """

    value: Interval
    first: dict[int, Interval]
    second: dict[tuple[int, int], Interval]
    smooth: Bools


def curved_above(region: Region, term: Expr, table: Table, scale: Interval) -> Entries | None:
    """Half a quadratic form below which no second derivative of ``scale`` times a term falls, over the table's rows.

    None where a row has more than ``MOST`` decisions, or where nothing finite is known in some row. Raises
    ``EvaluationError`` of its data.
    """
    if table.size * MOST * MOST > LARGE:
        return None
    columns: list[Columns] = []
    try:
        with np.errstate(all="ignore"):
            found = _curve(region, term, table, columns, {})
    except _TooMany:
        return None
    if not bool(np.all(found.smooth)) or not columns:
        return None
    with np.errstate(all="ignore"):
        second = {pair: r.multiply(scale, each) for pair, each in found.second.items()}
        entries = _entries(second, columns, table)
    return entries if np.isfinite(entries.value).all() else None


def _entries(second: dict[tuple[int, int], Interval], columns: list[Columns], table: Table) -> Entries:
    size = table.size
    own = [np.zeros(size) for _ in columns]
    parts = []
    for (i, j), each in second.items():
        ends = (wide(np.asarray(end, dtype=np.float64), table.shape) for end in (each.lower, each.upper))
        low, high = (end.reshape(-1) for end in ends)
        if i == j:
            own[i] = own[i] + low
            continue
        middle = 0.5 * low + 0.5 * high
        radius = np.maximum(high - middle, middle - low) * (1 + 4 * r.UNIT)
        own[i], own[j] = own[i] - radius, own[j] - radius
        parts.append(Entries(np.arange(size), columns[i], columns[j], middle))
    parts += [Entries(np.arange(size), column, column, 0.5 * low) for column, low in zip(columns, own, strict=True)]
    return joined(parts)


_Named = dict[tuple[int, int], _Curve]  # by definition and table


def _curve(region: Region, term: Expr, table: Table, columns: list[Columns], named: _Named) -> _Curve:
    """The term by the decisions of ``columns``, to which it adds its own; ``named``: what is known of definitions."""
    if not region.varies(term):
        return _Curve(enclosure(region, term, table), {}, {}, np.asarray(True))
    if isinstance(term, SymbolRef):
        return _symbol(region, term, table, columns, named)
    if not isinstance(term, Apply):
        raise _TooMany
    atom = atom_of(region, term, table)
    args = term.args[:1] if atom is not None else term.args
    parts = [_curve(region, arg, table, columns, named) for arg in args]
    if atom is not None:
        return _composed(atom, parts[0])
    if term.op == "neg":
        return _mapped(parts[0], r.negative)
    rule = _RULES.get(term.op)
    if rule is None:
        raise _TooMany
    found = parts[0]
    for other in parts[1:]:
        found = rule(found, other)
    return found


def _symbol(region: Region, term: SymbolRef, table: Table, columns: list[Columns], named: _Named) -> _Curve:
    symbol = region.instance.program.symbols[term.symbol]
    if isinstance(symbol, NamedExpression):
        definition, inner = region.inlined(term, symbol, table)
        key = id(definition), id(inner)
        if key not in named:
            named[key] = _curve(region, definition, inner, columns, named)
        return named[key]
    if isinstance(symbol, Choice) or any(region.varies(arg) for arg in term.args):
        raise _TooMany
    offsets, scope = offsets_of(region.instance), region.instance.scope
    own = wide(columns_of(term, table, offsets, scope), table.shape).astype(np.int64).reshape(-1)
    number = next((k for k, known in enumerate(columns) if np.array_equal(known, own)), len(columns))
    if number == len(columns):
        if len(columns) == MOST:
            raise _TooMany
        columns.append(own)
    return _Curve(enclosure(region, term, table), {number: r.constant(1.0)}, {}, np.asarray(True))


def _mapped(a: _Curve, rule: Callable[[Interval], Interval]) -> _Curve:
    first = {key: rule(each) for key, each in a.first.items()}
    return _Curve(rule(a.value), first, {key: rule(each) for key, each in a.second.items()}, a.smooth)


def _joined(a: Mapping[_Key, Interval], b: Mapping[_Key, Interval]) -> dict[_Key, Interval]:
    """Sums by key."""
    found = dict(a)
    for key, each in b.items():
        found[key] = r.add(found[key], each) if key in found else each
    return found


def _sum(a: _Curve, b: _Curve) -> _Curve:
    return _Curve(r.add(a.value, b.value), _joined(a.first, b.first), _joined(a.second, b.second), a.smooth & b.smooth)


def _difference(a: _Curve, b: _Curve) -> _Curve:
    return _sum(a, _mapped(b, r.negative))


def _product(a: _Curve, b: _Curve) -> _Curve:
    first = _joined(_times(a.first, b.value), _times(b.first, a.value))
    second = _joined(_times(a.second, b.value), _times(b.second, a.value))
    return _Curve(r.multiply(a.value, b.value), first, _joined(second, _mixed(a.first, b.first)), a.smooth & b.smooth)


def _quotient(a: _Curve, b: _Curve) -> _Curve:
    """``a`` times ``1 / b``: slope ``-1 / b^2``, second derivative ``2 / b^3``."""
    away = (b.value.lower > 0) | (b.value.upper < 0)
    under = r.reciprocal(b.value)
    squared = r.square(under)
    inverse = _chained(b, under, r.negative(squared), r.multiply(_TWO, r.multiply(squared, under)), b.smooth & away)
    return _product(a, inverse)


_RULES = {"add": _sum, "sub": _difference, "mul": _product, "div": _quotient}


def _composed(atom: Atom, inner: _Curve) -> _Curve:
    part = atom.defined(inner.value)
    smooth = inner.smooth & atom.inside(inner.value) & atom.smooth
    return _chained(inner, atom.value(part), atom.first(part), atom.second(part), smooth)


def _chained(inner: _Curve, value: Interval, slope: Interval, curve: Interval, smooth: Bools) -> _Curve:
    """``f(g)`` by ``f'' g_i g_j + f' g_ij``."""
    squares = {}
    for i, one in inner.first.items():
        for j, two in inner.first.items():
            if i <= j:
                squares[i, j] = r.square(one) if i == j else r.multiply(one, two)
    second = _joined(_times(squares, curve), _times(inner.second, slope))
    return _Curve(value, _times(inner.first, slope), second, smooth)


def _times(a: Mapping[_Key, Interval], factor: Interval) -> dict[_Key, Interval]:
    return {key: r.multiply(each, factor) for key, each in a.items()}


def _mixed(a: dict[int, Interval], b: dict[int, Interval]) -> dict[tuple[int, int], Interval]:
    """``a_i b_j + a_j b_i``."""
    found: dict[tuple[int, int], Interval] = {}
    for i, one in a.items():
        for j, two in b.items():
            key, each = (min(i, j), max(i, j)), r.multiply(one, two)
            if i == j:
                each = r.multiply(_TWO, each)
            found[key] = r.add(found[key], each) if key in found else each
    return found
