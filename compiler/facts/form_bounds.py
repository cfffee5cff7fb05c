"""Bounds of the columns of a discrete form, of its rows, and where each comes from.

The columns' bounds are those of the form, narrowed by propagation (``propagation``) through the rows that always hold
and by what optimisation proved before. A row's range is the interval of its terms over them, rounded outwards by as
much as the sum may be off, and not at all where whole numbers add up without rounding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..forms.discrete import DiscreteForm
from ..forms.naming import entry_at
from .propagation import DECLARED, OPTIMISED, Ends, Entries, declared, fixed_point, within

Floats = NDArray[np.float64]
Numbers = NDArray[np.integer]

UNIT = 2.0**-53
SHOWN = 3  # rows that are named among the sources of a constant


def column_bounds(form: DiscreteForm) -> Ends:
    """Bounds (n) that every point of the form keeps; of the two parts of a split (``_splits``) those that one with the
    same values of all other columns keeps.
    """
    ends = declared(form.lower, form.upper)
    if form.proved is not None:
        ends = within(ends, *form.proved)
    always = ~form.switched()
    always[form.products.rows] = False
    found = fixed_point(ends, _entries(form, always), form.integer)
    if found.empty:  # there is no point to keep, and any number is a bound
        lower, upper = (np.where(np.isinf(side), 0.0, side) for side in (found.lower, found.upper))
        return replace(found, lower=lower, upper=upper)
    return _splits(form, found)


def _entries(form: DiscreteForm, always: NDArray[np.bool_]) -> Entries:
    owner = np.repeat(np.arange(form.shape[0], dtype=np.intp), np.diff(form.starts))
    keep = always[owner] & (form.values != 0)
    column, value = form.indices[keep].astype(np.intp), form.values[keep]
    return Entries(owner[keep], column, value, form.row_lower, form.row_upper)


def _splits(form: DiscreteForm, ends: Ends) -> Ends:
    """Upper bounds of ``v`` and ``w`` in rows ``v - w == e`` where a lowering made both and they stand nowhere else.

    Taking the same from both changes nothing else and breaks no pair, so one of them may be zero: v <= max(e, 0).
    """
    part = _parts(form, ends)
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    at = np.flatnonzero(part[form.indices])
    count = np.bincount(owner[at], minlength=form.shape[0])
    total = np.bincount(owner[at], weights=form.values[at], minlength=form.shape[0])
    rows = np.flatnonzero((count == 2) & (total == 0) & (form.row_lower == form.row_upper) & ~form.switched())
    if not len(rows):
        return ends
    terms = terms_of(form, rows)
    made = part[terms.column]
    rest = Terms(terms.owner[~made], terms.column[~made], terms.value[~made], terms.count)
    low, high, end = ends.lower[rest.column], ends.upper[rest.column], form.row_upper[rows]
    above = largest(rest, low, high) - end
    below = largest(Terms(rest.owner, rest.column, -rest.value, rest.count), low, high) + end
    owners, values = terms.owner[made], terms.value[made]
    reach = np.maximum(np.where(values < 0, above[owners], below[owners]), 0.0) / np.abs(values)
    exact = reach == np.rint(reach)
    upper, origin = ends.upper.copy(), ends.upper_row.copy()
    upper[terms.column[made]] = np.where(exact, reach, reach * (1.0 + 8.0 * UNIT) + 8.0 * UNIT * np.abs(end[owners]))
    origin[terms.column[made]] = rows[owners]
    return Ends(ends.lower, upper, ends.lower_row, origin)


def _parts(form: DiscreteForm, ends: Ends) -> NDArray[np.bool_]:
    """Columns (n) of no family, without cost or upper bound, that stand in one row and in no set, product or switch."""
    found = (form.cost == 0) & (form.lower == 0) & np.isinf(ends.upper) & ~form.integer
    found &= np.bincount(form.indices, minlength=form.shape[1]) == 1
    for part in form.columns:
        found[part.offset : part.offset + part.count] = False
    others = (form.sets.columns, form.products.first, form.products.second, form.indicators.columns)
    for columns in (*others, form.hessian_indices, np.flatnonzero(np.diff(form.hessian_starts))):
        found[columns] = False
    return np.asarray(found)


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """The non-zeros of some rows: ``owner`` counts among these rows, of which there are ``count``."""

    owner: Numbers
    column: Numbers
    value: Floats
    count: int


def terms_of(form: DiscreteForm, rows: Numbers) -> Terms:
    """The non-zeros of ``rows``."""
    counts = np.diff(form.starts)[rows]
    owner = np.repeat(np.arange(len(rows)), counts)
    first = np.concatenate([[0], np.cumsum(counts)])
    at = np.arange(first[-1]) - np.repeat(first[:-1], counts) + np.repeat(form.starts[rows], counts)
    return Terms(owner, form.indices[at], form.values[at], len(rows))


def largest(terms: Terms, low: Floats, high: Floats) -> Floats:
    """The largest value of each row (count) with its columns between ``low`` and ``high`` (one a term), rounded up."""
    ends = np.where(terms.value > 0, high, low)
    parts = terms.value * ends
    endless = np.isinf(parts)
    finite = np.where(endless, 0.0, parts)
    total = np.bincount(terms.owner, weights=finite, minlength=terms.count)
    size = np.bincount(terms.owner, weights=np.abs(finite), minlength=terms.count)
    length = np.bincount(terms.owner, minlength=terms.count)
    whole = (terms.value == np.rint(terms.value)) & (ends == np.rint(ends))
    broken = np.bincount(terms.owner, weights=~whole, minlength=terms.count)
    exact = (broken == 0) & (size < 2.0**52)
    above = np.where(exact, total, total + 2.0 * (length + 2) * UNIT * size)
    infinite = np.bincount(terms.owner, weights=endless, minlength=terms.count) > 0
    return np.where(infinite, np.inf, above)


def sources(form: DiscreteForm, ends: Ends, columns: Numbers, above: NDArray[np.bool_]) -> tuple[str, ...]:
    """What the upper (``above``) or lower bounds of columns come from, in words: each once, the rows by example."""
    origin = np.where(above, ends.upper_row[columns], ends.lower_row[columns])
    found: list[str] = []
    for part in form.columns:
        own = origin[(columns >= part.offset) & (columns < part.offset + part.count)]
        if (own == DECLARED).any():
            found.append(f"the bounds of {part.name}")
        if (own == OPTIMISED).any():
            found.append(f"the range of {part.name} by optimisation")
    rows = np.unique(origin[origin >= 0])
    named = [name for row in rows[: 4 * SHOWN].tolist() if (name := entry_at(form.rows, row)) is not None][:SHOWN]
    found += [f"row {name}" for name in named]
    left = len(rows) - len(named)
    if left > 0:
        found.append(f"{left:,} more rows" if named else "rows that define slacks")
    return tuple(found)


def endless_entry(form: DiscreteForm, ends: Ends, column: int, above: bool) -> tuple[str, str]:
    """The decision for whose want of a bound a column has none, and the side it wants: ``lower`` or ``upper``.

    A column that a lowering made (a slack) has its bounds from the equation that defines it.
    """
    name = entry_at(form.columns, column)
    if name is not None:
        return name, "upper" if above else "lower"
    for row in np.flatnonzero((form.row_lower == form.row_upper) & _holding(form, column)).tolist():
        own = slice(int(form.starts[row]), int(form.starts[row + 1]))
        columns, values = form.indices[own], form.values[own]
        factor = float(values[columns == column][0])
        up = (values / factor < 0) == above  # x = (rhs - the others) / factor
        endless = np.isinf(np.where(up, ends.upper[columns], ends.lower[columns])) & (columns != column)
        for at in np.flatnonzero(endless).tolist():
            other = entry_at(form.columns, int(columns[at]))
            if other is not None:
                return other, "upper" if up[at] else "lower"
    return f"column {column} of the lowered problem", "upper" if above else "lower"


def _holding(form: DiscreteForm, column: int) -> NDArray[np.bool_]:
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    found = np.zeros(form.shape[0], dtype=np.bool_)
    found[owner[form.indices == column]] = True
    return found
