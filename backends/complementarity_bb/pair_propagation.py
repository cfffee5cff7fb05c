"""Bound propagation in the nodes of branch and bound: rows narrow columns, and pairs take over what rows prove.

A column that the rows keep away from zero fixes its partner at zero, which moves the activities of the rows, and so on:
one branch settles many pairs before any relaxation is solved. Both rules are applied to all rows at once, on arrays,
until nothing moves by much. Derived bounds are moved outwards by more than rounding can have cost. Source:
M. W. P. Savelsbergh, "Preprocessing and probing techniques for mixed integer programming problems", ORSA Journal on
Computing 6 (1994), section 1; the rule of pairs: T. Fischer, M. E. Pfetsch, "Branch-and-cut for linear programs with
overlapping SOS1 constraints", Math. Prog. Comp. 10 (2018).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.linear import Floats, Ints, LinearForm

from .branching import Box

ROUNDS = 30  # over all rows, at most, after one branch
PROBED = 3  # rounds for a side of a pair that is probed: more are dearer than what they find is worth
AWAY = 1e-6  # how far from zero a column is kept before its partner is fixed, so that tolerances do not decide
CROSSED = 1e-6  # relative distance by which bounds that exclude each other must cross
GAIN = 0.02  # share of a column's range by which a bound must move to be moved
OUTWARDS = 1e-9  # relative, of a derived bound
IDLE = 10  # runs in a row that settled nothing, after which only every ``SELDOM``-th box is looked at
SELDOM = 16
GOLDEN = 0.6180339887498949
WORK = 10_000_000  # entries that probing looks at, at most: about a second
ROUNDING = 1e-12  # relative to the sizes of what is added up in a row


class Propagation:
    """The rows of a form, by entries, and its ``pairs`` (k, 2) and ``whole`` columns (q)."""

    def __init__(self, form: LinearForm, pairs: Ints, whole: Ints, tolerance: float) -> None:
        self.pairs, self.whole, self.tolerance = pairs, whole, tolerance
        self.work = 0  # entries looked at so far
        self._idle = self._asked = 0
        kept = form.values != 0.0
        row = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))[kept]
        self._column = form.indices[kept].astype(np.intp)
        value = form.values[kept]
        self._size = np.abs(value)
        self._turned = value < 0.0
        # Rows without an entry bound nothing; the others have a consecutive number.
        numbers, self._starts, self._row = np.unique(row, return_index=True, return_inverse=True)
        self._limits = np.stack([form.row_upper[numbers][self._row], -form.row_lower[numbers][self._row]])
        self._signs, self._inverse = np.array([[1.0], [-1.0]]), 1.0 / self._size
        self._order = np.argsort(self._column, kind="stable")
        self._columns, self._first = np.unique(self._column[self._order], return_index=True)

    def narrowed(self, box: Box) -> Box | None:
        """As ``run``, or the same bounds where the last runs have settled nothing."""
        self._asked += 1
        return self.run(box) if self._idle < IDLE or self._asked % SELDOM == 0 else box

    def run(self, box: Box, rounds: int = ROUNDS) -> Box | None:
        """The bounds that follow, columns of pairs fixed at exactly zero among them; None where no point is left."""
        lower, upper = box[0].copy(), box[1].copy()
        self._idle += 1
        with np.errstate(all="ignore"):
            for _ in range(rounds):
                fixed = self._by_pairs(lower, upper)
                moved = None if fixed is None else self._by_rows(lower, upper)
                if moved is None or fixed:
                    self._idle = 0
                if moved is None:
                    return None
                if not moved and not fixed:
                    break
        return lower, upper

    def probed(self, box: Box, vain: int, stop: Callable[[], bool]) -> Box | None:
        """The bounds that hold on one side or the other of each pair, one pair after the other; None where neither has
        a point. Pairs are left out once ``WORK`` is done, ``vain`` in a row told nothing, or ``stop`` says so.
        """
        first, work, idle, useful = self.run(box), self.work, 0, False
        spread = np.argsort(np.arange(len(self.pairs)) * GOLDEN % 1.0)  # so that the first ones are of every kind
        for pair in self.pairs[spread] if first is not None else ():
            if self.work - work > WORK or idle >= vain or stop():
                break
            assert first is not None
            if (first[0][pair] == 0.0)[(first[1][pair] == 0.0)].any():
                continue
            sides = [self.run(_without(first, int(column)), PROBED) for column in np.unique(pair)]
            found = [side for side in sides if side is not None]
            if not found:
                return None
            before = self._known(first)
            first = np.min([low for low, _ in found], axis=0), np.max([high for _, high in found], axis=0)
            tells = self._known(first) > before
            useful, idle = useful or tells, 0 if tells else idle + 1
        self._idle = 0 if useful else IDLE
        return first

    def _known(self, box: Box) -> int:
        """How many bounds of columns of pairs are finite, and twice how many columns are fixed."""
        low, high = box[0][self.pairs], box[1][self.pairs]
        return int(np.isfinite(low).sum() + np.isfinite(high).sum() + 2 * (low == high).sum())

    def _by_pairs(self, lower: Floats, upper: Floats) -> bool | None:
        """Fix partners of columns that are not zero; whether any was; None where both columns are not zero."""
        away = (lower > AWAY) | (upper < -AWAY)
        either = away[self.pairs]
        if not either.any():
            return False
        partners = self.pairs[:, ::-1][either]
        if away[partners].any():
            return None
        new = (lower[partners] != 0.0) | (upper[partners] != 0.0)
        lower[partners] = upper[partners] = 0.0
        return bool(new.any())

    def _by_rows(self, lower: Floats, upper: Floats) -> bool | None:
        """One round over all rows; whether a bound moved; None where a column has no value left."""
        self.work += len(self._column)
        if not len(self._columns):
            return False
        # Each entry as |value| * z, where z is the column or its negative: the ends of its range, of z first the lower.
        ends = np.where(self._turned, -upper[self._column], lower[self._column])
        ends = np.stack([ends, np.where(self._turned, -lower[self._column], upper[self._column])]) * self._size
        endless = np.isinf(ends)
        ends[endless] = 0.0
        sums = np.add.reduceat(ends, self._starts, axis=1)[:, self._row]
        scale = np.add.reduceat(np.abs(ends), self._starts, axis=1)[:, self._row]
        missing = np.add.reduceat(endless, self._starts, axis=1, dtype=np.int32)[:, self._row] > endless
        offers = (self._limits - self._signs * (sums - ends)) * self._inverse
        offers += OUTWARDS * np.maximum(1.0, np.abs(offers)) + ROUNDING * scale * self._inverse
        offers[missing] = np.inf
        # An offer is an upper bound, of z or of its negative.
        above = np.where(self._turned, offers[1], offers[0])[self._order]
        below = np.where(self._turned, offers[0], offers[1])[self._order]
        return self._take(
            lower, upper, -np.minimum.reduceat(below, self._first), np.minimum.reduceat(above, self._first)
        )

    def _take(self, lower: Floats, upper: Floats, below: Floats, above: Floats) -> bool | None:
        """Take over bounds of ``_columns`` that gain enough, in place."""
        columns = self._columns
        low, high = lower[columns], upper[columns]
        width = high - low
        enough = np.where(np.isinf(width), 0.0, GAIN * width)
        rises = (below - low > enough) | ((below > AWAY) & (low <= AWAY))
        falls = (high - above > enough) | ((above < -AWAY) & (high >= -AWAY))
        rises &= (width > 0.0) & (np.isinf(low) | (below - low > GAIN * np.maximum(AWAY, np.abs(low))))
        falls &= (width > 0.0) & (np.isinf(high) | (high - above > GAIN * np.maximum(AWAY, np.abs(high))))
        if _crossed(np.maximum(below, low), np.minimum(above, high)).any():
            return None
        if not (rises.any() or falls.any()):
            return False
        new_low, new_high = np.where(rises, below, low), np.where(falls, above, high)
        crossing = new_low > new_high
        lower[columns], upper[columns] = np.where(crossing, low, new_low), np.where(crossing, high, new_high)
        return self._round_inwards(lower, upper)

    def _round_inwards(self, lower: Floats, upper: Floats) -> bool | None:
        whole = self.whole
        if len(whole):
            lower[whole], upper[whole] = np.ceil(lower[whole] - self.tolerance), np.floor(upper[whole] + self.tolerance)
            if (lower[whole] > upper[whole]).any():
                return None
        return True


def _without(box: Box, column: int) -> Box:
    """The bounds with the column fixed at zero, which they admit."""
    lower, upper = box[0].copy(), box[1].copy()
    lower[column] = upper[column] = 0.0
    return lower, upper


def _crossed(lower: Floats, upper: Floats) -> NDArray[np.bool_]:
    return np.asarray(lower - upper > CROSSED * np.maximum(1.0, np.minimum(np.abs(lower), np.abs(upper))))
