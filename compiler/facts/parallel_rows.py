"""Bounds of linear forms that a single linear row gives, because it is a multiple of the form but for its constant.

Forms and rows are compared by their first decision, their number of decisions, and a sum of their coefficients with
weights that have nothing to do with them; what seems alike is then compared entry by entry.
"""

from __future__ import annotations

import numpy as np

from .propagation import Entries as LinearRows
from .quadratic_rows import Floats, Ints
from .quadratic_splits import Forms
from .rounding import UNIT

NEARBY = 3  # places to either side that are looked at among the rows in order
ALIKE = 16 * UNIT  # relative difference of coefficients that rounding explains


class _Scaled:
    """Linear forms over their first coefficient, sorted by row and column. Shapes: by entry, or by form (count)."""

    def __init__(self, row: Ints, column: Ints, value: Floats) -> None:
        order = np.lexsort((column, row))
        self.names, self.starts = np.unique(row[order], return_index=True)
        self.counts = np.diff(np.append(self.starts, len(order)))
        self.column, value = column[order], value[order]
        self.first = value[self.starts]
        self.value = value / np.repeat(self.first, self.counts)
        weights = np.modf((self.column + 1) * 0.6180339887498949)[0] + 0.5
        sums = np.add.reduceat(weights * self.value, self.starts) if len(order) else np.zeros(0)
        self.mark = 0.25 + np.arctan(sums) / (2 * np.pi)  # in (0, 0.5)
        self.lead = self.column[self.starts] if len(order) else np.zeros(0, dtype=np.int64)


def parallel_ends(forms: Forms, rows: int, linear: LinearRows) -> tuple[Floats, Floats]:
    """Numbers that linear forms stay between where ``linear`` rows hold, infinite where no row tells, ``(rows,)``."""
    least, most = np.full(rows, -np.inf), np.full(rows, np.inf)
    mine = _Scaled(forms.row, forms.column, forms.value)
    others = _Scaled(linear.row.astype(np.int64), linear.column.astype(np.int64), linear.value)
    if not len(mine.names) or not len(others.names):
        return least, most
    both = np.stack([np.append(mine.counts, others.counts), np.append(mine.lead, others.lead)])
    group = np.unique(both, axis=1, return_inverse=True)[1].reshape(-1)
    key, place = group[: len(mine.names)] + mine.mark, group[len(mine.names) :] + others.mark
    order = np.argsort(place, kind="stable")
    near = np.searchsorted(place[order], key)
    for step in range(-NEARBY, NEARBY):
        at = order[np.clip(near + step, 0, len(order) - 1)]
        same = np.flatnonzero(_alike(mine, others, at, group))
        row, other = mine.names[same], at[same]
        ends = [end[others.names[other]] / others.first[other] for end in (linear.lower, linear.upper)]
        low, high = (mine.first[same] * end for end in ends)
        turned = others.first[other] < 0
        low, high = np.where(turned, high, low), np.where(turned, low, high)
        low, high = np.where(mine.first[same] < 0, high, low), np.where(mine.first[same] < 0, low, high)
        least[row], most[row] = np.maximum(least[row], low), np.minimum(most[row], high)
    return least, most


def _alike(mine: _Scaled, others: _Scaled, at: Ints, group: Ints) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether each form has the entries of the row ``at`` that goes with it (count)."""
    count = len(mine.names)
    same = group[:count] == group[count:][at]
    which = np.flatnonzero(same)
    sizes = mine.counts[which]
    owner = np.repeat(which, sizes)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    one, two = mine.starts[owner] + within, others.starts[at[owner]] + within
    differ = (mine.column[one] != others.column[two]) | (
        np.abs(mine.value[one] - others.value[two]) > ALIKE * np.abs(mine.value[one])
    )
    found: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = same & (np.bincount(owner, differ, count) == 0)
    return found
