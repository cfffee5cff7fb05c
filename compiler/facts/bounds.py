"""Bounds of an instance's decisions that follow from its linear rows (``propagation``), and where each comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import is_
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Expr, Relation

from ..evaluation.evaluate import evaluate
from ..evaluation.scope import entry_text, literal_text, text_of
from ..extraction.assembly import columns_of, fill
from ..extraction.patterns import group_of, needed_by, offsets_of, row_bounds, row_patterns
from ..extraction.polynomial import NotPolynomialError, expand
from ..forms.linear import Slice
from ..instance.instance import ConstraintFamily, Family, Instance
from ..spaces.algebra import Table, wide
from ..spaces.layouts import Layout
from ..terms.substitution import symbols_in
from .propagation import DECLARED, OPTIMISED, Ends, Entries, declared, fixed_point, within

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """``lower <= x <= upper`` for every column of an instance, ``(columns,)``.

    ``lower_row``, ``upper_row``: the row that gave the bound, ``DECLARED`` or ``OPTIMISED``; rows are numbered through
    ``slices``.
    """

    instance: Instance
    lower: Floats
    upper: Floats
    lower_row: Ints
    upper_row: Ints
    slices: tuple[Slice, ...]

    def tightened(self) -> Instance:
        """The instance with these bounds in place of the declared ones: for intervals of terms, not to be solved."""
        families = tuple(
            replace(f, lower=self.lower[f.offset : f.offset + f.count], upper=self.upper[f.offset : f.offset + f.count])
            for f in self.instance.families
        )
        return replace(self.instance, families=families, patterns={})

    def sources(self, families: Iterable[str]) -> tuple[str, ...]:
        """What the bounds of some decision families come from: ``bounds of x``, or the rows with an example."""
        found: list[str] = []
        for name in sorted(families):
            family = self.instance.family(name)
            own = slice(family.offset, family.offset + family.count)
            rows = np.concatenate([self.lower_row[own], self.upper_row[own]])
            if (rows == DECLARED).any():
                found.append(f"the bounds of {name}")
            if (rows == OPTIMISED).any():
                found.append(f"the range of {name} by optimisation")
            given = np.unique(rows[rows >= 0])
            found += [f"row {self.row_name(int(number))}" for number in given[:_SHOWN]]
            left = len(given) - _SHOWN
            if left > 0:
                found.append(f"{left} more rows")
        return tuple(dict.fromkeys(found))

    def row_name(self, row: int) -> str:
        """``cap["a"]``."""
        part = next(s for s in self.slices if s.offset <= row < s.offset + s.count)
        return entry_text(part.name, self.instance.constraint(part.name).layout.key(row - part.offset))


_SHOWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class DerivedBound:
    """A constant of rows that a lowering made, which holds because of bounds of decisions: a big-M.

    ``row``: the family of rows; ``values``: one for each entry of ``layout`` (that family may have fewer rows);
    ``expression``: what it bounds; ``sources``: where it comes from.
    """

    row: str
    expression: str
    layout: Layout
    values: Floats
    sources: tuple[str, ...]

    def largest(self) -> tuple[str, float] | None:
        """The row with the value of largest size, and that value; None where there are no rows."""
        if not len(self.values):
            return None
        at = int(np.argmax(np.abs(self.values)))
        return entry_text(self.row, self.layout.key(at)), float(self.values[at])

    def text(self) -> str:
        """The largest value with its entry and its sources, on one line."""
        found = self.largest()
        if found is None:
            return f"{self.row}: no rows"
        entry, value = found
        whence = f", from {', '.join(self.sources)}" if self.sources else ""
        return f"{entry}: {literal_text(value)} for {self.expression}{whence}"


def propagate(instance: Instance) -> Ranges:
    """The bounds that follow from the declared ones and the linear rows; raises ``EvaluationError`` of the data.

    Rows that are not linear take no part. Where the rows cannot be fulfilled the bounds are those before that shows.
    """
    known, stamp = instance.patterns.get("ranges"), _age(instance)
    if isinstance(known, KeptRanges) and known.stamp == stamp and known.of(instance):
        ends, slices = known.ends, known.slices
    else:
        ends, slices = _propagated(instance)
        if not instance.proved:
            instance.patterns["ranges"] = KeptRanges(instance.families, instance.constraints, stamp, ends, slices)
    return Ranges(instance, ends.lower, ends.upper, ends.lower_row, ends.upper_row, slices)


@dataclass(frozen=True, slots=True, eq=False)
class KeptRanges:
    """The ends that came from some families and rows, with data of which age; kept through updates."""

    families: tuple[Family, ...]
    constraints: tuple[ConstraintFamily, ...]
    stamp: int
    ends: Ends
    slices: tuple[Slice, ...]
    reads: frozenset[str] = frozenset()

    def of(self, instance: Instance) -> bool:
        if instance.proved or self.families is not instance.families:
            return False
        return len(self.constraints) == len(instance.constraints) and all(
            map(is_, self.constraints, instance.constraints)
        )


def _age(instance: Instance) -> int:
    """When data of the rows were last updated."""
    relations = (c.symbol for c in instance.constraints if isinstance(c.symbol.body, Relation))
    uses = (needed_by(c.body, instance.program) | symbols_in(c.space) for c in relations)
    return instance.stamp(frozenset().union(*uses))


def _propagated(instance: Instance) -> tuple[Ends, tuple[Slice, ...]]:
    lower, upper, integer = _declared(instance)
    ends = declared(lower, upper)
    if instance.proved:
        ends = within(ends, *_proved(instance))
    with np.errstate(all="ignore"):
        rows, slices = linear_rows(instance)
    return fixed_point(ends, rows, integer), slices


def _proved(instance: Instance) -> tuple[Floats, Floats]:
    """The bounds that were found by optimisation, ``(columns,)``; infinite elsewhere."""
    lower, upper = np.full(instance.columns, -np.inf), np.full(instance.columns, np.inf)
    for family in instance.families:
        if family.name in instance.proved:
            own = slice(family.offset, family.offset + family.count)
            lower[own], upper[own] = instance.proved[family.name]
    return lower, upper


def _declared(instance: Instance) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    lower, upper = np.empty(instance.columns), np.empty(instance.columns)
    integer = np.zeros(instance.columns, dtype=np.bool_)
    for family in instance.families:
        own = slice(family.offset, family.offset + family.count)
        lower[own], upper[own] = family.lower, family.upper
        if family.domain == "semicontinuous":
            lower[own], upper[own] = np.minimum(family.lower, 0.0), np.maximum(family.upper, 0.0)
        if family.domain == "simplex":
            upper[own] = np.minimum(family.upper, 1.0)
        integer[own] = family.integer
    return lower, upper, integer


def linear_rows(instance: Instance) -> tuple[Entries, tuple[Slice, ...]]:
    """The linear rows that hold at every point, without zeros, and the families they are of."""
    rows, columns, values, lower, upper, slices = [], [], [], [], [], []
    first = 0
    for family in instance.constraints:
        if not isinstance(family.symbol.body, Relation) or not _of_decisions(family.symbol.body, instance):
            continue
        try:
            patterns = row_patterns(instance, family)
        except NotPolynomialError:
            continue
        for pattern in patterns:
            scope = instance.scope.named(pattern.name)
            entries = np.empty(pattern.block.size)
            fill(pattern.block, entries, scope)
            low, high = row_bounds(pattern, scope)
            counts = np.diff(pattern.block.starts)
            rows.append(np.repeat(np.arange(len(counts), dtype=np.intp), counts) + first)
            columns.append(pattern.block.indices.astype(np.intp))
            values.append(entries)
            lower.append(low)
            upper.append(high)
            slices.append(Slice(pattern.name, first, len(low)))
            first += len(low)
    if not slices:
        nothing, none = np.empty(0), np.empty(0, dtype=np.intp)
        return Entries(none, none, nothing, nothing, nothing), ()
    value = np.concatenate(values)
    keep = value != 0
    found = Entries(
        np.concatenate(rows)[keep],
        np.concatenate(columns)[keep],
        value[keep],
        np.concatenate(lower),
        np.concatenate(upper),
    )
    return found, tuple(slices)


def _of_decisions(body: Relation, instance: Instance) -> bool:
    """Whether a relation holds nothing but decisions and data: no uncertain names, no multipliers that stand free."""
    return all(instance.roles.get(name, "data") in ("decision", "data") for name in needed_by(body, instance.program))


# -------------------------------------------------------------------------------------------- decisions without bounds
Side = Literal["lower", "upper"]


def endless_decision(ranges: Ranges, term: Expr, table: Table, bad: NDArray[np.bool_], side: Side) -> tuple[str, Side]:
    """The entry of a decision for whose want of a bound a term has none, and which one it wants.

    ``bad``: the rows ``(rows,)`` of the table in which the term has no bound on that side.
    """
    instance = ranges.instance
    found = _in_linear_term(ranges, term, table, bad, side)
    if found is not None:
        return found
    needed = needed_by(term, instance.program)
    sides: tuple[tuple[Side, Floats], ...] = (("lower", ranges.lower), ("upper", ranges.upper))
    for family in instance.families:
        for word, ends in sides:
            endless = np.isinf(ends[family.offset : family.offset + family.count])
            if family.name in needed and endless.any():
                return entry_text(family.name, family.layout.key(int(np.argmax(endless)))), word
    return text_of(term), side


def _in_linear_term(
    ranges: Ranges, term: Expr, table: Table, bad: NDArray[np.bool_], side: Side
) -> tuple[str, Side] | None:
    instance = ranges.instance
    try:
        monomials = expand(term, table, group_of(instance, 1))
    except NotPolynomialError:
        return None
    for m in (m for m in monomials if m.refs):
        columns = wide(columns_of(m.refs[0], m.table, offsets_of(instance), instance.scope), m.table.shape)
        rows = wide(m.table.rows_in(table), m.table.shape)
        factor = wide(evaluate(m.coefficient(), m.table, instance.scope), m.table.shape)
        up = (factor > 0) == (side == "upper")
        wrong = bad[rows] & np.isinf(np.where(up, ranges.upper[columns], ranges.lower[columns])) & (factor != 0)
        if wrong.any():
            at = int(np.argmax(wrong))
            family = next(f for f in instance.families if f.offset <= columns[at] < f.offset + f.count)
            return entry_text(family.name, family.layout.key(int(columns[at]) - family.offset)), (
                "upper" if up[at] else "lower"
            )
    return None
