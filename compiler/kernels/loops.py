"""Loops over index tables, and the positions that their rows read and write.

A kernel runs over the rows of a table, flat and in order. What a row reads (an entry of the point, of an array of data,
of a coarser loop) stands at a position that is an affine function of the row, or is looked up in an array of positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Rows = NDArray[np.int64]
PIECE = 1 << 14


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Positions by row: ``base + stride * row``, or ``base + array[row]`` (the stride is then 0, so is the least
    entry of the array: reads that differ by a constant share it)."""

    base: int
    stride: int
    array: Ints | None = None

    @property
    def identity(self) -> bool:
        return self.array is None and self.base == 0 and self.stride == 1

    def positions(self, rows: int) -> Rows:
        """The positions of so many rows, from the first on."""
        if self.array is not None:
            return self.array.astype(np.int64) + self.base
        return self.base + self.stride * np.arange(rows, dtype=np.int64)

    def at(self, rows: Rows) -> Rows:
        """The positions of some rows."""
        if self.array is not None:
            return self.array[rows].astype(np.int64) + self.base
        return self.base + self.stride * rows


@dataclass(eq=False)
class Loop:
    """``size`` rows. Equal positions have one and the same index, so that equal reads are one."""

    size: int
    _known: list[Index] = field(default_factory=list, repr=False)
    _composed: dict[tuple[int, int], tuple[Index, Index, Index]] = field(default_factory=dict, repr=False)

    def __getstate__(self) -> dict[str, object]:
        """Without what is known by identity."""
        return {**self.__dict__, "_composed": {}}

    def index(self, positions: NDArray[np.integer[Any]]) -> Index:
        """The index with the given positions ``(size,)``."""
        affine = _recognised(positions)
        if affine is not None:
            return self.affine(*affine)
        base = int(positions.min())
        array = np.ascontiguousarray(positions - base, dtype=np.int32)
        for known in self._known:
            if known.array is not None and np.array_equal(known.array, array):
                if known.base == base:
                    return known
                array = known.array
        self._known.append(Index(base, 0, array))
        return self._known[-1]

    def affine(self, base: int, stride: int) -> Index:
        """``base + stride * row``."""
        stride = stride if self.size > 1 else 0
        for known in self._known:
            if known.array is None and (known.base, known.stride) == (base, stride):
                return known
        self._known.append(Index(base, stride))
        return self._known[-1]

    def own(self) -> Index:
        """Each row itself."""
        return self.affine(0, 1)

    def through(self, index: Index, rows: Index) -> Index:
        """The positions that ``index`` gives the rows of a coarser loop, where ``rows`` says which row is in which."""
        key = (id(index), id(rows))
        if key not in self._composed:
            self._composed[key] = (index, rows, self._compose(index, rows))
        return self._composed[key][2]

    def _compose(self, index: Index, rows: Index) -> Index:
        if index.array is None and index.stride == 0:
            return self.affine(index.base, 0)
        if index.array is None and rows.array is None:
            return self.affine(index.base + index.stride * rows.base, index.stride * rows.stride)
        return self.index(index.at(rows.positions(self.size)))


def _recognised(positions: NDArray[np.integer[Any]]) -> tuple[int, int] | None:
    """Base and stride where the positions are an affine function of the row."""
    if len(positions) == 0:
        return 0, 0
    base = int(positions[0])
    if len(positions) == 1:
        return base, 0
    stride = int(positions[1]) - base
    if int(positions[-1]) != base + stride * (len(positions) - 1):
        return None
    for low in range(0, len(positions) - 1, PIECE):  # pieces that stay in the cache; most others differ in the first
        part = positions[low : low + PIECE + 1]
        if not bool(np.all(part[1:] - part[:-1] == stride)):
            return None
    return base, stride


def is_own(loop: Loop, coarser: Loop, rows: Index) -> bool:
    """Whether each row of a loop is the same row of the coarser one."""
    return loop.size == coarser.size and (rows.identity or (loop.size <= 1 and rows.base == 0))


def pairs(first: Rows, second: Rows, count: int) -> tuple[Rows, Rows]:
    """The pairs of rows of two loops that belong to the same of ``count`` rows, where each row of them belongs given:
    the rows of the first, ascending, and of the second."""
    order = np.argsort(second, kind="stable")
    counts = np.bincount(second, minlength=count)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
    each = counts[first]
    one = np.repeat(np.arange(len(first), dtype=np.int64), each)
    begin = np.repeat(starts[first] - (np.cumsum(each) - each), each)
    return one, order[np.arange(len(one)) + begin]


def pair_count(first: Rows, second: Rows, count: int) -> int:
    """How many pairs ``pairs`` would find."""
    return int(np.bincount(first, minlength=count).astype(np.int64) @ np.bincount(second, minlength=count))
