"""Does a term rise or fall in every symbol of a group, over a region? By composition, for all rows at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optc.dsl.program import Apply, Choice, Conditional, Expr, NamedExpression, Piecewise, Reduce, SymbolRef

from ..spaces.algebra import Table, reduce_to
from .enclosure import atom_of, enclosure
from .region import Region, scattered
from .rounding import Bools


@dataclass(frozen=True, slots=True, eq=False)
class Monotonicity:
    """For each row, whether the term never falls (``rising``), never rises (``falling``) as any symbol grows."""

    rising: Bools
    falling: Bools

    def turned(self) -> Monotonicity:
        return Monotonicity(self.falling, self.rising)

    def times(self, positive: Bools, negative: Bools) -> Monotonicity:
        """Of a factor times this, where the factor is not negative, or not positive."""
        return Monotonicity(
            self.rising & positive | self.falling & negative, self.falling & positive | self.rising & negative
        )


YES, NO = np.asarray(True), np.asarray(False)
FLAT = Monotonicity(YES, YES)
UNKNOWN = Monotonicity(NO, NO)


def both(a: Monotonicity, b: Monotonicity) -> Monotonicity:
    return Monotonicity(a.rising & b.rising, a.falling & b.falling)


def monotonicity(region: Region, term: Expr, table: Table) -> Monotonicity:
    """Raises ``EvaluationError`` of the term's data."""
    known = region.recall("monotonicity", term, table)
    if known is None:
        with np.errstate(all="ignore"):
            known = region.remember("monotonicity", term, table, _monotonicity(region, term, table))
    found: Monotonicity = known
    return found


def _monotonicity(region: Region, term: Expr, table: Table) -> Monotonicity:
    if not region.varies(term):
        return FLAT
    if isinstance(term, SymbolRef):
        return _symbol(region, term, table)
    if isinstance(term, Apply):
        return _apply(region, term, table)
    if isinstance(term, Reduce):
        return _reduce(region, term, table)
    if isinstance(term, Conditional) and region.known(term.condition):
        parts = [(monotonicity(region, part, rows), mask) for part, rows, mask in region.branches(term, table)]
        return Monotonicity(
            scattered([(m.rising, mask) for m, mask in parts], table, False),
            scattered([(m.falling, mask) for m, mask in parts], table, False),
        )
    if isinstance(term, Piecewise) and all(region.known(p) for p in (*term.breakpoints, *term.values)):
        heights = [region.values(part, table) for part in term.values]
        steps = [b - a for a, b in pairwise(heights)]
        up = np.logical_and.reduce(np.broadcast_arrays(*(s >= 0 for s in steps)))
        down = np.logical_and.reduce(np.broadcast_arrays(*(s <= 0 for s in steps)))
        return monotonicity(region, term.argument, table).times(up, down)
    return UNKNOWN


def _symbol(region: Region, term: SymbolRef, table: Table) -> Monotonicity:
    symbol = region.instance.program.symbols[term.symbol]
    if isinstance(symbol, NamedExpression):
        return monotonicity(region, *region.inlined(term, symbol, table))
    if isinstance(symbol, Choice) or any(region.varies(arg) for arg in term.args):
        return UNKNOWN
    return Monotonicity(YES, NO)


def _apply(region: Region, term: Apply, table: Table) -> Monotonicity:
    atom = atom_of(region, term, table)
    if atom is not None:
        slope = atom.first(atom.defined(enclosure(region, term.args[0], table)))
        return monotonicity(region, term.args[0], table).times(slope.lower >= 0, slope.upper <= 0)
    parts = [monotonicity(region, arg, table) for arg in term.args]
    if term.op in ("add", "min", "max"):
        return _together(parts)
    if term.op == "neg":
        return parts[0].turned()
    if term.op == "sub":
        return _together([parts[0], *(part.turned() for part in parts[1:])])
    if term.op == "mul" and len(parts) == 2:
        return _product(region, term, table, parts)
    if term.op == "div":
        over = enclosure(region, term.args[1], table)
        top = enclosure(region, term.args[0], table)
        positive, negative = over.lower >= 0, over.upper <= 0
        down = parts[1].turned().times(top.lower >= 0, top.upper <= 0)
        known = positive | negative
        found = both(parts[0].times(positive, negative), down)
        return Monotonicity(found.rising & known, found.falling & known)
    if term.op in ("floor", "ceil", "round", "sign"):
        return parts[0]
    return UNKNOWN


def _together(parts: list[Monotonicity]) -> Monotonicity:
    found = parts[0]
    for part in parts[1:]:
        found = both(found, part)
    return found


def _product(region: Region, term: Apply, table: Table, parts: list[Monotonicity]) -> Monotonicity:
    """``a b`` changes with ``a`` as the sign of ``b`` says, and with ``b`` as the sign of ``a``."""
    a, b = (enclosure(region, arg, table) for arg in term.args)
    if term.args[0] == term.args[1]:
        return parts[0].times(a.lower >= 0, a.upper <= 0)
    return both(parts[0].times(b.lower >= 0, b.upper <= 0), parts[1].times(a.lower >= 0, a.upper <= 0))


def _reduce(region: Region, term: Reduce, table: Table) -> Monotonicity:
    fresh, rows = region.inner(term, table)
    part = monotonicity(region, fresh.body, rows)
    if term.op in ("norm1", "norm2", "norminf", "prod"):
        body = enclosure(region, fresh.body, rows)
        part = part.times(body.lower >= 0, NO if term.op == "prod" else body.upper <= 0)
    elif term.op not in ("sum", "min", "max", "logsumexp"):
        return UNKNOWN
    return Monotonicity(every(table, rows, part.rising), every(table, rows, part.falling))


def every(table: Table, rows: Table, mask: Bools) -> Bools:
    """Whether a mask over ``rows`` holds in all of them, for each row of ``table``."""
    return np.asarray(reduce_to(table, rows, mask.astype(np.float64), np.minimum) > 0.5)
