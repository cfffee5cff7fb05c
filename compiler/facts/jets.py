"""Terms in one decision a row: enclosures of value, first and second derivative along it.

Forward propagation of Taylor coefficients in interval arithmetic (R. E. Moore, "Methods and Applications of Interval
Analysis", SIAM (1979), section 3.4). Where the second derivative has one sign over the whole interval, the term is
convex or concave there, whatever it is made of.
"""

from __future__ import annotations

from dataclasses import dataclass

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
from .region import Region
from .rounding import Bools

Columns = NDArray[np.int64]

_ZERO, _ONE, _TWO = r.constant(0.0), r.constant(1.0), r.constant(2.0)


@dataclass(frozen=True, slots=True, eq=False)
class Jet:
    """``smooth``: for each row whether the term has two derivatives at every point of the interval's interior."""

    value: Interval
    first: Interval
    second: Interval
    smooth: Bools


class _TooMany(Exception):
    """The term is none of one decision, or not made of known functions."""


def bend(region: Region, term: Expr, table: Table) -> Interval | None:
    """The second derivative of a term that has one decision in each row; everything in rows where it is not smooth.

    None where a row has more than one decision. Raises ``EvaluationError`` of its data.
    """
    try:
        if _single(region, term, table) is None:
            return None
        with np.errstate(all="ignore"):
            found = _jet(region, term, table)
    except _TooMany:
        return None
    return Interval(
        np.where(found.smooth, found.second.lower, -np.inf), np.where(found.smooth, found.second.upper, np.inf)
    )


def single_columns(region: Region, term: Expr, table: Table) -> Columns | None:
    """The column of the one decision that a term has in each row, ``(table.size,)``; None where a row has several."""
    try:
        return _single(region, term, table)
    except _TooMany:
        return None


_NONE_YET: Columns = np.zeros(0, dtype=np.int64)


def _single(region: Region, term: Expr, table: Table) -> Columns | None:
    found = _decision(region, term, table)
    return None if found is _NONE_YET else found


def _decision(region: Region, term: Expr, table: Table) -> Columns | None:
    """The columns of the one decision, ``(table.size,)``, None where there are several, ``_NONE_YET`` where none."""
    if not region.varies(term):
        return _NONE_YET
    known = region.recall("decision", term, table)
    if known is None:
        known = region.remember("decision", term, table, (_found_decision(region, term, table),))
    columns: Columns | None = known[0]
    return columns


def _found_decision(region: Region, term: Expr, table: Table) -> Columns | None:
    if isinstance(term, SymbolRef):
        symbol = region.instance.program.symbols[term.symbol]
        if isinstance(symbol, NamedExpression):
            return _decision(region, *region.inlined(term, symbol, table))
        if isinstance(symbol, Choice) or any(region.varies(arg) for arg in term.args):
            raise _TooMany
        offsets, scope = offsets_of(region.instance), region.instance.scope
        return wide(columns_of(term, table, offsets, scope), table.shape).astype(np.int64)
    if not isinstance(term, Apply):
        raise _TooMany
    first = _NONE_YET
    for arg in term.args:
        columns = _decision(region, arg, table)
        if columns is None or (first is not _NONE_YET and columns is not _NONE_YET and _differ(first, columns)):
            return None
        first = columns if first is _NONE_YET else first
    return first


def _differ(a: Columns, b: Columns) -> bool:
    return not np.array_equal(a, b)


def _jet(region: Region, term: Expr, table: Table) -> Jet:
    known = region.recall("jet", term, table)
    found: Jet = region.remember("jet", term, table, _found_jet(region, term, table)) if known is None else known
    return found


def _found_jet(region: Region, term: Expr, table: Table) -> Jet:
    value = enclosure(region, term, table)
    if not region.varies(term):
        return Jet(value, _ZERO, _ZERO, np.asarray(True))
    if isinstance(term, SymbolRef):
        symbol = region.instance.program.symbols[term.symbol]
        if isinstance(symbol, NamedExpression):
            return _jet(region, *region.inlined(term, symbol, table))
        return Jet(value, _ONE, _ZERO, np.asarray(True))
    if not isinstance(term, Apply):
        raise _TooMany
    atom = atom_of(region, term, table)
    parts = [_jet(region, arg, table) for arg in (term.args[:1] if atom is not None else term.args)]
    if atom is not None:
        return _composed(atom, parts[0])
    if term.op == "neg":
        part = parts[0]
        return Jet(value, r.negative(part.first), r.negative(part.second), part.smooth)
    found = parts[0]
    for other in parts[1:]:
        found = _combined(term.op, found, other)
    return found


def _composed(atom: Atom, inner: Jet) -> Jet:
    """``f(g)'' = f''(g) g'^2 + f'(g) g''``."""
    inside = atom.inside(inner.value)
    part = atom.defined(inner.value)
    slope, curve = atom.first(part), atom.second(part)
    second = r.add(r.multiply(curve, r.square(inner.first)), r.multiply(slope, inner.second))
    smooth = inner.smooth & inside & atom.smooth
    return Jet(atom.value(part), r.multiply(slope, inner.first), second, smooth)


def _combined(op: str, a: Jet, b: Jet) -> Jet:
    smooth = a.smooth & b.smooth
    if op == "add":
        return Jet(r.add(a.value, b.value), r.add(a.first, b.first), r.add(a.second, b.second), smooth)
    if op == "sub":
        return Jet(r.subtract(a.value, b.value), r.subtract(a.first, b.first), r.subtract(a.second, b.second), smooth)
    if op == "mul":
        return _product(a, b, smooth)
    if op == "div":
        return _product(a, _reciprocal(b), smooth & ((b.value.lower > 0) | (b.value.upper < 0)))
    raise _TooMany


def _product(a: Jet, b: Jet, smooth: Bools) -> Jet:
    first = r.add(r.multiply(a.first, b.value), r.multiply(a.value, b.first))
    outer = r.add(r.multiply(a.second, b.value), r.multiply(a.value, b.second))
    middle = r.multiply(_TWO, r.multiply(a.first, b.first))
    return Jet(r.multiply(a.value, b.value), first, r.add(outer, middle), smooth)


def _reciprocal(b: Jet) -> Jet:
    """``1 / g``: ``-g' / g^2`` and ``(2 g'^2 / g - g'') / g^2``."""
    under = r.reciprocal(b.value)
    squared = r.square(under)
    second = r.subtract(r.multiply(_TWO, r.multiply(r.square(b.first), under)), b.second)
    return Jet(under, r.negative(r.multiply(b.first, squared)), r.multiply(second, squared), b.smooth)
