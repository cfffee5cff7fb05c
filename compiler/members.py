"""An ordered set with its members in columns: what every index of an instance counts positions in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Members:
    """Members in order, component by component.

    ``columns``: one array a component, all of one length: ``int64`` or ``float64`` for numbers (``int64`` wherever
    all are whole), ``object`` (of ``str``) for texts. ``start``: set when this is the run of whole numbers
    ``start, start + 1, …``, whose positions need no table.
    """

    columns: tuple[Column, ...]
    size: int
    start: int | None = field(default=None)

    @staticmethod
    def run(low: int, high: int) -> Members:
        """``low..high``; empty where ``high < low``."""
        numbers = np.arange(low, high + 1, dtype=np.int64)
        return Members((numbers,), len(numbers), low)

    @staticmethod
    def of(columns: Sequence[Column], size: int | None = None) -> Members:
        """Members from columns; the caller has seen to it that there are no duplicates."""
        return Members(tuple(columns), len(columns[0]) if size is None else size)

    @property
    def arity(self) -> int:
        return len(self.columns)

    @cached_property
    def _positions(self) -> dict[object, int]:
        if self.arity == 1:
            return dict(zip(self.columns[0].tolist(), range(self.size), strict=True))
        return dict(zip(zip(*(c.tolist() for c in self.columns), strict=True), range(self.size), strict=True))

    def locate(self, keys: Sequence[Column]) -> NDArray[np.int64]:
        """Positions of the given members (one array a component, one length), -1 where there is no such member.

        A text is never equal to a number; 1 and 1.0 are the same number.
        """
        count = len(keys[0])
        if self.start is not None and keys[0].dtype != np.object_:
            offset = keys[0] - self.start
            inside = (offset >= 0) & (offset < self.size) & (offset == np.floor(offset))
            return np.where(inside, offset, -1).astype(np.int64)
        if self.arity == 1:
            wanted: Iterator[object] = iter(keys[0].tolist())
        else:
            wanted = zip(*(k.tolist() for k in keys), strict=True)
        return np.fromiter(map(self._positions.get, wanted, repeat(-1)), dtype=np.int64, count=count)

    def member(self, position: int) -> tuple[float | int | str, ...]:
        """The member at a position, as plain Python values."""
        return tuple(c[position].item() if c.dtype != np.object_ else c[position] for c in self.columns)
