"""Bound propagation in the nodes of branch and bound: rows narrow columns, and pairs take over what rows prove.

A column that the rows keep away from zero fixes its partner at zero, which moves the activities of the rows, and so on:
one branch settles many pairs before any relaxation is solved. Both rules are applied to all rows at once, on arrays,
until nothing moves by much. Derived bounds are moved outwards by more than rounding can have cost. Source:
M. W. P. Savelsbergh, "Preprocessing and probing techniques for mixed integer programming problems", ORSA Journal on
Computing 6 (1994), section 1; the rule of pairs: T. Fischer, M. E. Pfetsch, "Branch-and-cut for linear programs with
overlapping SOS1 constraints", Math. Prog. Comp. 10 (2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.linear import Floats, Ints, LinearForm

from .branching import Box

ROUNDS = 30  # over all rows, at most, after one branch
AWAY = 1e-6  # how far from zero a column is kept before its partner is fixed, so that tolerances do not decide
CROSSED = 1e-6  # relative distance by which bounds that exclude each other must cross
GAIN = 0.02  # share of a column's range by which a bound must move to be moved
OUTWARDS = 1e-9  # relative, of a derived bound
ROUNDING = 1e-12  # relative to the sizes of what is added up in a row


class Propagation:
    """The rows of a form, by entries, and its ``pairs`` (k, 2) and ``whole`` columns (q)."""

    def __init__(self, form: LinearForm, pairs: Ints, whole: Ints, tolerance: float) -> None:
        self.pairs, self.whole, self.tolerance = pairs, whole, tolerance
        kept = form.values != 0.0
        row = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))[kept]
        self._column = form.indices[kept].astype(np.intp)
        value = form.values[kept]
        self._size = np.abs(value)
        self._turned = value < 0.0
        # Rows without an entry bound nothing; the others have a consecutive number.
        numbers, self._starts, self._row = np.unique(row, return_index=True, return_inverse=True)
        self._upper, self._lower = form.row_upper[numbers][self._row], form.row_lower[numbers][self._row]
        self._order = np.argsort(self._column, kind="stable")
        self._columns, self._first = np.unique(self._column[self._order], return_index=True)

    def run(self, box: Box) -> Box | None:
        """The bounds that follow, columns of pairs fixed at exactly zero among them; None where no point is left."""
        lower, upper = box[0].copy(), box[1].copy()
        with np.errstate(all="ignore"):
            for _ in range(ROUNDS):
                fixed = self._by_pairs(lower, upper)
                moved = None if fixed is None else self._by_rows(lower, upper)
                if moved is None:
                    return None
                if not moved and not fixed:
                    break
        return lower, upper

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
        if not len(self._columns):
            return False
        low, high = lower[self._column], upper[self._column]
        # Each entry as |value| * z, where z is the column or its negative.
        ends = self._size * np.stack([np.where(self._turned, -high, low), np.where(self._turned, -low, high)])
        endless = np.isinf(ends)
        ends[endless] = 0.0
        least, most = np.add.reduceat(ends, self._starts, axis=1)[:, self._row]
        scale = np.add.reduceat(np.abs(ends), self._starts, axis=1)[:, self._row]
        missing = np.add.reduceat(endless.astype(np.int32), self._starts, axis=1)[:, self._row] - endless
        offers = np.stack([self._upper - (least - ends[0]), (most - ends[1]) - self._lower]) / self._size
        offers += OUTWARDS * np.maximum(1.0, np.abs(offers)) + ROUNDING * scale / self._size
        offers[missing > 0] = np.inf
        offers[np.isnan(offers)] = np.inf
        # z <= offers[0] and -z <= offers[1]
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


def _crossed(lower: Floats, upper: Floats) -> NDArray[np.bool_]:
    return np.asarray(lower - upper > CROSSED * np.maximum(1.0, np.minimum(np.abs(lower), np.abs(upper))))
