"""Propagation of bounds through linear rows, on arrays.

A row ``lower <= sum(a_j x_j) <= upper`` bounds each of its columns by the least and the largest value that the others
can give the rest:

    a_k x_k <= upper - sum over j != k of min(a_j l_j, a_j u_j)        (and likewise from below)

Applied to all rows at once, again and again, until nothing moves by more than a small share (a fixed point in exact
arithmetic may be approached for ever). Derived bounds are moved outwards by more than rounding can have cost, so they
hold for every point of the rows. Source: M. W. P. Savelsbergh, "Preprocessing and probing techniques for mixed
integer programming problems", ORSA Journal on Computing 6 (1994), section 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

ROUNDS = 100
"""At most so many rounds over all rows."""
LEAST_GAIN = 1e-4
"""A bound is moved when it gains this share of the larger of 1 and its size."""
LARGEST = 1e12
"""A derived bound beyond this says nothing that a float64 row could use."""

DECLARED = -1
OPTIMISED = -2


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Linear rows: one entry a non-zero (``row``, ``column``, ``value``), and the ends of the rows."""

    row: Ints
    column: Ints
    value: Floats
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """``lower <= x <= upper`` (n), and what gave each: the number of a row, ``DECLARED``, or ``OPTIMISED``.

    ``empty``: the rows contradict each other within these bounds, so that no point is left.
    """

    lower: Floats
    upper: Floats
    lower_row: Ints
    upper_row: Ints
    empty: bool = False


def declared(lower: Floats, upper: Floats) -> Ends:
    """Bounds that a model states itself."""
    return Ends(lower, upper, np.full(len(lower), DECLARED), np.full(len(upper), DECLARED))


def within(ends: Ends, lower: Floats, upper: Floats) -> Ends:
    """The bounds with those that were found by optimisation, where they are narrower."""
    rising, falling = lower > ends.lower, upper < ends.upper
    return Ends(
        np.where(rising, lower, ends.lower),
        np.where(falling, upper, ends.upper),
        np.where(rising, OPTIMISED, ends.lower_row),
        np.where(falling, OPTIMISED, ends.upper_row),
    )


def fixed_point(ends: Ends, rows: Entries, integer: NDArray[np.bool_]) -> Ends:
    """The bounds that follow from the rows; where these cannot be fulfilled, those before that shows."""
    with np.errstate(all="ignore"):
        for _ in range(ROUNDS if len(rows.value) else 0):
            new = _round(ends, rows, integer)
            if new is None:
                break
            ends = new
            if ends.empty:
                break
    return ends


def _round(ranges: Ends, rows: Entries, integer: NDArray[np.bool_]) -> Ends | None:
    """The bounds after one round over all rows, or None where nothing moves; the same where no point is left."""
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
        return replace(ranges, empty=True)
    lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    return Ends(lower, upper, lower_row, upper_row)


_ROUNDING = 1e-12
_OUTWARDS = 1e-9


def _offers(ends: Floats, activity: _Activity, rows: Entries) -> tuple[Floats, Floats]:
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
    def of(rows: Entries, parts: Floats) -> _Activity:
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


def _moved(
    ends: Floats, origin: Ints, offers: Floats, rows: Entries, integer: NDArray[np.bool_]
) -> tuple[Floats, Ints]:
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
