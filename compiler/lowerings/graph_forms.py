"""Convex terms in cones: their graph implementations, a template at a time.

``Graphs.of(term, table, UP)`` gives affine rows that are at least the term, wherever the cones that it adds hold, and
that can be equal to it; with ``DOWN`` rows that are at most the term, for concave ones. So a convex term may be
replaced where a smaller value is better (M. Grant, S. Boyd, "Graph implementations for nonsmooth convex programs", in
Recent Advances in Learning and Control (2008)). Which part is curved how, and which way a function rises, comes from
the facts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NO_CONE
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Apply, Conditional, Expr, NamedExpression, Piecewise, Reduce, SymbolRef

from ..evaluation.scope import text_of
from ..facts.curvature import Bent, bent
from ..facts.enclosure import enclosure
from ..facts.intervals import Interval
from ..facts.quadratic_rows import Entries, semidefinite_rows
from ..facts.region import Region
from ..facts.rounding import TINY, UNIT, Bools, multiply, point, square
from ..facts.summands import quadratic_entries, square_base, summands
from ..forms.linear import Floats
from ..spaces.algebra import Table, wide
from .affine_rows import Affine, Ints, constant_rows, linear_part, stacked
from .cone_draft import ConeDraft
from .squares import squares_of

UP, DOWN = 1, -1

Squares = tuple[Ints, Affine]
"""The rows that squares belong to, and the rows that are squared."""


class NoConeError(Exception):
    """A term is convex but in no cone; ``diagnostic`` shows it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def no_cone(term: Expr, reason: str) -> NoConeError:
    return NoConeError(report(NO_CONE, term.span, expression=text_of(term), reason=reason))


@dataclass(frozen=True, slots=True, eq=False)
class Graphs:
    """Adds to ``draft`` what the terms of a region need."""

    region: Region
    draft: ConeDraft

    # ------------------------------------------------------------------------------------------------------ the walk
    def of(self, term: Expr, table: Table, way: int) -> Affine:
        """Rows at least (``way`` UP) or at most (DOWN) the term, over the flat rows of the table.

        Raises ``NoConeError``, ``EvaluationError``. The term must be curved the right way in every row.
        """
        region = self.region
        if not region.varies(term):
            return constant_rows(wide(region.values(term, table), table.shape))
        found = summands(region, term, table)
        if len(found.others) == 1 and found.others[0].term is term and not found.monomials:
            return self.atom(term, table, way)
        return self.total(term, table, way)

    def total(self, term: Expr, table: Table, way: int) -> Affine:
        """A sum: its linear part, its quadratic part, and the rest one by one."""
        rest, entries, squares = self.parts(term, table, way)
        if entries is not None:
            squares.append(squares_of(replace(entries, value=entries.value * way)))
        return rest.plus(self.squares(squares, table, way)) if squares else rest

    def parts(self, term: Expr, table: Table, way: int) -> tuple[Affine, Entries | None, list[Squares]]:
        """A sum in three parts: rows beyond most of it; its products of two decisions, semidefinite the right way (None
        where there are none); and squares that it adds (``way`` UP) or takes away, with the rows that they belong to.
        """
        region = self.region
        found = summands(region, term, table)
        linear = linear_part(region, [m for m in found.monomials if len(m.refs) < 2], table)
        squares: list[Squares] = []
        for other in found.others:
            scale = np.broadcast_to(np.asarray(other.scale, dtype=np.float64), other.table.shape)
            for mask, turn in ((scale > 0, way), (scale < 0, -way)):
                if not mask.any():
                    continue
                rows = region.rows(other.table, mask)
                owner, weight = self._rows_in(rows, table), scale[mask].reshape(-1)
                base = square_base(other.term)
                if base is not None and turn == UP and self.plain(base, rows):
                    squares.append((owner, self.of(base, rows, UP).times(np.sqrt(np.abs(weight)))))
                else:
                    linear = linear.plus(self.of(other.term, rows, turn).times(weight).put(owner, table.size))
        entries = quadratic_entries(region, found.monomials, table)
        if not np.any(entries.value):
            return linear, None, squares
        good = semidefinite_rows(entries, table.size)[0 if way == UP else 1]
        if not good.all():
            raise no_cone(term, "its quadratic part alone is not semidefinite")
        return linear, entries, squares

    def _rows_in(self, rows: Table, table: Table) -> Ints:
        if rows is table:
            return np.arange(table.size)
        return np.asarray(wide(rows.rows_in(table), rows.shape), dtype=np.int64)

    def squares(self, squares: list[Squares], table: Table, way: int) -> Affine:
        """New columns beyond ``way`` times the sum of squares of each row that has some."""
        owner, forms = np.concatenate([each[0] for each in squares]), stacked([each[1] for each in squares])
        used, place = np.unique(owner, return_inverse=True)

        def values(x: Floats) -> Floats:
            return np.bincount(place, forms.at(x) ** 2, len(used)).astype(np.float64)

        most = self.most_squares(forms, place.astype(np.int64), len(used))
        top = self.draft.add_columns(len(used), values, 0.0, most)
        self.draft.squares_below(top, forms, place)
        return top.times(float(way)).put(used, table.size)

    # ------------------------------------------------------------------------------------------------------- columns
    def beyond(self, term: Expr, table: Table, rule: Callable[[Floats], Floats], inner: Affine) -> Affine:
        """New columns for a term over a table, whose values are ``rule`` of the inner rows; bounded as the term is."""
        found = enclosure(self.region, term, table)
        least, most = (wide(np.asarray(end), table.shape) for end in (found.lower, found.upper))
        return self.draft.add_columns(table.size, lambda x: rule(inner.at(x)), least, most)

    def argument(self, term: Expr, table: Table, way: int, rising: Bools, falling: Bools) -> Affine:
        """The argument of a function, beyond its value the way that the function needs."""
        if self.plain(term, table):
            return self.of(term, table, way)
        if bool(np.all(rising)):
            return self.of(term, table, way)
        if bool(np.all(falling)):
            return self.of(term, table, -way)
        raise no_cone(term, "it is not affine, and what is applied to it rises in some rows and falls in others")

    def plain(self, term: Expr, table: Table) -> bool:
        """Whether a term is affine as it is written: ``of`` then gives its value and not only what lies beyond it.

        There are others, such as ``1 / (1 / x)`` for positive ``x``, of which a graph holds one side.
        """
        found = summands(self.region, term, table)
        return not found.others and all(len(m.refs) < 2 for m in found.monomials)

    # --------------------------------------------------------------------------------------------------------- atoms
    def atom(self, term: Expr, table: Table, way: int) -> Affine:
        if isinstance(term, SymbolRef):
            symbol = self.region.instance.program.symbols[term.symbol]
            assert isinstance(symbol, NamedExpression)
            definition, inner = self.region.inlined(term, symbol, table)
            return self.of(definition, inner, way)
        if isinstance(term, Conditional):
            parts = [(self.of(part, rows, way), mask) for part, rows, mask in self.region.branches(term, table)]
            return _merged([p.put(np.flatnonzero(mask), table.size) for p, mask in parts])
        if isinstance(term, Piecewise):
            return self._piecewise(term, table, way)
        if isinstance(term, Reduce):
            from .graph_aggregates import aggregate

            return aggregate(self, term, table, way)
        assert isinstance(term, Apply)
        from .graph_functions import function

        return function(self, term, table, way)

    def _piecewise(self, term: Piecewise, table: Table, way: int) -> Affine:
        region = self.region
        points, heights = ([region.values(p, table) for p in parts] for parts in (term.breakpoints, term.values))
        slopes = [(heights[k + 1] - heights[k]) / (points[k + 1] - points[k]) for k in range(len(points) - 1)]
        up = np.logical_and.reduce(np.broadcast_arrays(*(s >= 0 for s in slopes)))
        down = np.logical_and.reduce(np.broadcast_arrays(*(s <= 0 for s in slopes)))
        inner = self.argument(term.argument, table, way, up, down)
        lines = []
        for k, slope in enumerate(slopes):
            steep, at = wide(slope, table.shape), wide(heights[k] - slope * points[k], table.shape)
            lines.append(inner.times(steep).shifted(at))
        return self.extreme(term, table, lines, way)

    def extreme(self, term: Expr, table: Table, lines: list[Affine], way: int) -> Affine:
        """New columns beyond every line."""
        every = stacked(lines)
        pick = np.max if way == UP else np.min

        def values(x: Floats) -> Floats:
            found: Floats = pick(every.at(x).reshape(len(lines), -1), axis=0)
            return found

        found = enclosure(self.region, term, table)
        ends = [wide(np.asarray(end), table.shape) for end in (found.lower, found.upper)]
        top = self.draft.add_columns(table.size, values, ends[0], ends[1])
        for line in lines:
            self.draft.at_least(*((top, line) if way == UP else (line, top)))
        return top

    def span(self, rows: Affine) -> Interval:
        """Bounds of the values of affine rows, where each added column stands for what it was made for."""
        ranges, draft = self.region.ranges, self.draft
        least, most = (np.concatenate(ends) for ends in ([ranges.lower, *draft.least], [ranges.upper, *draft.most]))
        with np.errstate(all="ignore"):
            each = multiply(point(rows.value), Interval(least[rows.column], most[rows.column]))
            found = []
            for ends, sign in ((each.lower, -1.0), (each.upper, 1.0)):
                total = rows.constant + np.bincount(rows.row, ends, rows.rows)
                size = np.abs(rows.constant) + np.bincount(rows.row, np.abs(ends), rows.rows)
                terms = np.bincount(rows.row, minlength=rows.rows)
                moved = total + sign * (2 * (terms + 3) * UNIT * size + TINY)
                found.append(np.where(np.isfinite(moved), moved, sign * np.inf))
        return Interval(found[0], found[1])

    def most_squares(self, rows: Affine, owner: Ints, count: int) -> Floats:
        """An upper bound of the sum of squares of the rows of each owner (count)."""
        with np.errstate(all="ignore"):
            each = square(self.span(rows)).upper
            terms = np.bincount(owner, minlength=count)
            total = np.bincount(owner, each, count) * (1 + 2 * (terms + 2) * UNIT) + TINY
        return np.where(np.isnan(total), np.inf, total)

    def shape(self, term: Expr, table: Table) -> Bent:
        return bent(self.region, term, table)

    def range(self, term: Expr, table: Table) -> Interval:
        return enclosure(self.region, term, table)


def _merged(parts: list[Affine]) -> Affine:
    found = parts[0]
    for part in parts[1:]:
        found = found.plus(part)
    return found
