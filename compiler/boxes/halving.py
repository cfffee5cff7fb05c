"""Boxes cut in two, each across the column that counts most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernels.ends import Bools, Ends
from .problem import middle_of

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

FINEST = 1e-14  # of its size is the width of a column that is not halved any more


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Of those boxes that can be halved, ``which`` ``(k,)``: both halves ``(2, k, n)``, the ``column`` and the ``cut``;
    the second half begins there, or at the next whole number."""

    which: Ints
    first: Ends
    second: Ends
    column: Ints
    cut: Floats


def halved(x: Ends, score: Floats, integer: Bools) -> Halves:
    """Cuts boxes ``(2, b, n)`` across the column of the highest score ``(b, n)`` among those that are wide enough."""
    low, high = x
    at = cuts(x)
    at = np.where(integer, np.floor(at), at)
    with np.errstate(all="ignore"):
        width = high - low
        fine = ~integer & (width <= FINEST * np.maximum(np.abs(low), np.abs(high))) & np.isfinite(width)
    able = (low < high) & ~fine & (at < high) & (integer | (at > low))
    best = np.where(able, np.where(np.isnan(score), 0.0, score), -1.0).argmax(axis=-1)
    which = np.flatnonzero(able[np.arange(len(best)), best])
    column, own = best[which], np.arange(len(which))
    cut = at[which, column]
    first, second = x[:, which].copy(), x[:, which].copy()
    first[1][own, column] = cut
    second[0][own, column] = np.where(integer[column], cut + 1.0, cut)
    return Halves(which, first, second, column, cut)


def cuts(x: Ends) -> Floats:
    """Where each column is cut, ``(b, n)``: in the middle; of an endless one at 0, then at 1, 10, 100, and so on."""
    low, high = x
    near, far = np.where(np.isfinite(low), low, -high), np.where(np.isfinite(low), 1.0, -1.0)
    lone = np.isfinite(low) != np.isfinite(high)
    with np.errstate(all="ignore"):
        outer = np.where(near < 0, 0.0, np.maximum(1.0, 10.0 * near)) * far
    return np.where(lone, outer, middle_of(x))
