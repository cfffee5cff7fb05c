"""Bounds of decisions that follow from the linear rows, and where each comes from.

A row ``lower <= sum(a_j x_j) <= upper`` bounds each of its decisions by the least and the largest value that the
others can give the rest:

    a_k x_k <= upper - sum over j != k of min(a_j l_j, a_j u_j)        (and likewise from below)

Applied to all rows at once, again and again, until nothing moves by more than a small share (a fixed point in exact
arithmetic may be approached for ever). Derived bounds are moved outwards by more than rounding can have cost, so they
hold for every point of the model. Source: M. W. P. Savelsbergh, "Preprocessing and probing techniques for mixed
integer programming problems", ORSA Journal on Computing 6 (1994), section 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
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
from ..instance.instance import Instance
from ..spaces.algebra import Table, wide
from ..spaces.layouts import Layout

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

ROUNDS = 100
"""At most so many rounds over all rows."""
LEAST_GAIN = 1e-4
"""A bound is moved when it gains this share of the larger of 1 and its size."""
LARGEST = 1e12
"""A derived bound beyond this says nothing that a float64 row could use."""

DECLARED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """``lower <= x <= upper`` for every column of an instance, ``(columns,)``.

    ``lower_row``, ``upper_row``: the row that gave the bound, or ``DECLARED``; rows are numbered through ``slices``.
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
            if not (rows >= 0).all():
                found.append(f"the bounds of {name}")
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


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """All linear rows: one entry a non-zero."""

    row: Ints
    column: Ints
    value: Floats
    lower: Floats
    upper: Floats
    slices: tuple[Slice, ...]


def propagate(instance: Instance) -> Ranges:
    """The bounds that follow from the declared ones and the linear rows; raises ``EvaluationError`` of the data.

    Rows that are not linear take no part. Where the rows cannot be fulfilled the bounds are those before that shows.
    """
    lower, upper, integer = _declared(instance)
    with np.errstate(all="ignore"):
        rows = _linear_rows(instance)
        found = Ranges(instance, lower, upper, _origins(lower), _origins(upper), rows.slices)
        for _ in range(ROUNDS if len(rows.value) else 0):
            new = _round(found, rows, integer)
            if new is None:
                break
            found = new
    return found


def _origins(ends: Floats) -> Ints:
    return np.full(len(ends), DECLARED, dtype=np.intp)


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


def _linear_rows(instance: Instance) -> _Rows:
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
        return _Rows(none, none, nothing, nothing, nothing, ())
    value = np.concatenate(values)
    keep = value != 0
    return _Rows(
        np.concatenate(rows)[keep],
        np.concatenate(columns)[keep],
        value[keep],
        np.concatenate(lower),
        np.concatenate(upper),
        tuple(slices),
    )


def _of_decisions(body: Relation, instance: Instance) -> bool:
    """Whether a relation holds nothing but decisions and data: no uncertain names, no multipliers that stand free."""
    return all(instance.roles.get(name, "data") in ("decision", "data") for name in needed_by(body, instance.program))


def _round(ranges: Ranges, rows: _Rows, integer: NDArray[np.bool_]) -> Ranges | None:
    """The bounds after one round over all rows, or None where nothing moves, or where no point is left."""
    low, high = ranges.lower[rows.column], ranges.upper[rows.column]
    positive = rows.value > 0
    least = _Activity.of(rows, rows.value * np.where(positive, low, high))
    most = _Activity.of(rows, rows.value * np.where(positive, high, low))
    below, room = _offers(rows.upper, least, rows)  # for the decision: from above where its coefficient is positive
    above, space = _offers(rows.lower, most, rows)
    uppers = np.where(positive, below + room, above + space)
    lowers = np.where(positive, above - space, below - room)
    upper, upper_row = _moved(ranges.upper, ranges.upper_row, uppers, rows, integer)
    lower, lower_row = _moved(-ranges.lower, ranges.lower_row, -lowers, rows, integer)
    lower = -lower
    if upper_row is ranges.upper_row and lower_row is ranges.lower_row:
        return None
    if (lower > upper + 1e-6 * np.maximum(1.0, np.abs(upper))).any():
        return None
    lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    return replace(ranges, lower=lower, upper=upper, lower_row=lower_row, upper_row=upper_row)


_ROUNDING = 1e-12
_OUTWARDS = 1e-9


def _offers(ends: Floats, activity: _Activity, rows: _Rows) -> tuple[Floats, Floats]:
    """What one end of its row leaves each decision, and by how much that is to be moved outwards: not at all where
    whole numbers gave a number that float64 holds.
    """
    end = ends[rows.row]
    rest = end - activity.others
    found = rest / rows.value
    plain = (rows.value == np.rint(rows.value)) & (np.abs(rows.value) < 2.0**12) & (np.abs(found) < 2.0**30)
    divided = (found * 1024.0 == np.rint(found * 1024.0)) & (found * rows.value == rest)  # both are exact here
    exact = activity.whole & (end == np.rint(end)) & plain & divided
    cost = _ROUNDING * activity.size / np.abs(rows.value) + _OUTWARDS * np.maximum(1.0, np.abs(found))
    return found, np.where(exact, 0.0, cost)


@dataclass(frozen=True, slots=True, eq=False)
class _Activity:
    """For every entry, the least (largest) value of the rest of its row; ``size``: of the sums that it came from;
    ``whole``: all of them are whole numbers that float64 adds without rounding.
    """

    others: Floats
    size: Floats
    whole: NDArray[np.bool_]

    @staticmethod
    def of(rows: _Rows, parts: Floats) -> _Activity:
        count = len(rows.lower)
        endless = np.isinf(parts)
        finite = np.where(endless, 0.0, parts)
        total = np.bincount(rows.row, weights=finite, minlength=count)
        size = np.bincount(rows.row, weights=np.abs(finite), minlength=count).astype(np.float64)
        missing = np.bincount(rows.row, weights=endless.astype(np.float64), minlength=count)
        left = missing[rows.row] - endless
        sign = np.sign(np.where(endless, parts, 0.0))
        direction = np.zeros(count)
        np.add.at(direction, rows.row, sign)
        others = np.where(left > 0, np.sign(direction[rows.row]) * np.inf, total[rows.row] - finite)
        own = (finite != np.rint(finite)).astype(np.float64)
        broken = np.bincount(rows.row, weights=own, minlength=count)[rows.row] - own
        whole = (broken == 0) & (size[rows.row] < 2.0**30)
        others = np.where(whole, np.rint(others), others)  # the rest is whole; its difference of sums is nearly so
        return _Activity(others, size[rows.row], whole)


def _moved(ends: Floats, origin: Ints, offers: Floats, rows: _Rows, integer: NDArray[np.bool_]) -> tuple[Floats, Ints]:
    """Upper ends after the offers of all entries, and the rows they come from; the same ``origin`` if none moved."""
    offers = np.where(np.isfinite(offers), offers, np.inf)
    whole = integer[rows.column]
    offers = np.where(whole, np.floor(offers + 1e-6), offers)
    best = np.full(len(ends), np.inf)
    np.minimum.at(best, rows.column, offers)
    best = np.where(np.abs(best) > LARGEST, np.inf, best)
    gain = np.where(np.isinf(ends), np.isfinite(best), ends - best > LEAST_GAIN * np.maximum(1.0, np.abs(ends)))
    if not gain.any():
        return ends, origin
    givers = gain[rows.column] & (offers == best[rows.column])
    new = origin.copy()
    new[rows.column[givers]] = rows.row[givers]
    return np.where(gain, best, ends), new


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
