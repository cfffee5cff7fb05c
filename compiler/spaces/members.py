"""An ordered set with its members in columns: what every index of an instance counts positions in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.object_]
Codes = NDArray[np.int64]

_DENSE = 1 << 16  # a table of positions may always have this many cells; above it, four cells a member


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """A column as ``values[codes]``: each distinct value is compared once, not once a row."""

    values: Column
    codes: Codes

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, eq=False)
class Members:
    """Members in order, component by component.

    ``columns``: one array a component, all of one length: ``int64`` or ``float64`` for numbers (``int64`` wherever
    all are whole), ``object`` (of ``str``) for texts. ``start``: set when this is the run of whole numbers
    ``start, start + 1, …``, whose positions need no table. ``coded``: the columns as values and codes, where they are
    known that way.
    """

    columns: tuple[Column, ...]
    size: int
    start: int | None = field(default=None)
    coded: tuple[Coded, ...] | None = field(default=None, repr=False)

    @staticmethod
    def run(low: int, high: int) -> Members:
        """``low..high``; empty where ``high < low``."""
        numbers = np.arange(low, high + 1, dtype=np.int64)
        return Members((numbers,), len(numbers), low)

    @staticmethod
    def of(columns: Sequence[Column], size: int | None = None) -> Members:
        """Members from columns; the caller has seen to it that there are no duplicates."""
        return Members(tuple(columns), len(columns[0]) if size is None else size)

    @staticmethod
    def from_coded(columns: Sequence[Coded]) -> Members:
        """Members from coded columns (at least one); values of a column are distinct, members are too."""
        return Members(tuple(c.values[c.codes] for c in columns), len(columns[0]), None, tuple(columns))

    @staticmethod
    def product(factors: Sequence[Members]) -> Members:
        """All combinations of the factors' members, the last factor fastest; of no factors the one empty member."""
        size = 1
        for factor in factors:
            size *= factor.size
        if len(factors) == 1:
            return factors[0]
        columns: list[Coded] = []
        inner = size
        outer = 1
        for factor in factors:
            inner = inner // factor.size if factor.size else 0
            columns += [Coded(p.values, np.tile(np.repeat(p.codes, inner), outer)) for p in factor.components]
            outer *= factor.size
        return Members(tuple(c.values[c.codes] for c in columns), size, None, tuple(columns))

    @property
    def arity(self) -> int:
        return len(self.columns)

    @cached_property
    def components(self) -> tuple[Coded, ...]:
        """The columns as distinct values and codes."""
        if self.coded is not None:
            return self.coded
        if self.arity == 1:
            return (Coded(self.columns[0], np.arange(self.size, dtype=np.int64)),)
        return tuple(encode(column) for column in self.columns)

    @cached_property
    def _axes(self) -> tuple[_Axis, ...]:
        return tuple(_Axis.over(component.values) for component in self.components)

    @cached_property
    def _lookup(self) -> _Lookup:
        sizes = [len(component.values) for component in self.components]
        return _Lookup.over([component.codes for component in self.components], sizes, self.size)

    def locate(self, keys: Sequence[Column | Coded]) -> Codes:
        """Positions of the given members (one array a component, one length), -1 where there is no such member.

        A text is never equal to a number; 1 and 1.0 are the same number.
        """
        if self.start is not None:
            return _spread(keys[0], self._locate_in_run)
        if self.arity == 1 and self.coded is None:
            return _spread(keys[0], self._axes[0].find)
        found = [_spread(key, axis.find) for key, axis in zip(keys, self._axes, strict=True)]
        return self._lookup.find(found)

    def _locate_in_run(self, keys: Column) -> Codes:
        if keys.dtype == np.object_:
            return np.full(len(keys), -1, dtype=np.int64)
        assert self.start is not None
        inside = (keys >= self.start) & (keys < self.start + self.size)
        if keys.dtype != np.int64:
            inside &= keys == np.floor(keys)
        return np.where(inside, np.where(inside, keys, self.start) - self.start, -1).astype(np.int64)

    def knows(self, component: int, key: Column) -> NDArray[np.bool_]:
        """Which values occur anywhere in a component."""
        if self.start is not None:
            return self._locate_in_run(key) >= 0
        return self._axes[component].find(key) >= 0

    def member(self, position: int) -> tuple[float | int | str, ...]:
        """The member at a position, as plain Python values."""
        return tuple(c[position].item() if c.dtype != np.object_ else c[position] for c in self.columns)


@dataclass(frozen=True, eq=False)
class IndexedMembers:
    """A family of sets in one table: the set at position ``p`` of ``index`` has rows ``starts[p]:starts[p + 1]``.

    ``columns``: the members of all the sets, component by component, set after set in the order of ``index``; within
    a set in the order of its data. ``starts`` has ``index.size + 1`` entries.
    """

    index: Members
    starts: Codes
    columns: tuple[Column, ...]

    @property
    def dimension(self) -> int:
        """Components of a member."""
        return len(self.columns)

    @property
    def size(self) -> int:
        """Members of all the sets together."""
        return int(self.starts[-1])

    @property
    def owners(self) -> Codes:
        """The index position of each row."""
        return np.repeat(np.arange(self.index.size, dtype=np.int64), np.diff(self.starts))

    def at(self, position: int) -> Members:
        """The set at an index position."""
        rows = slice(int(self.starts[position]), int(self.starts[position + 1]))
        return Members.of([column[rows] for column in self.columns])

    @cached_property
    def pairs(self) -> Members:
        """All rows as one set: the index components followed by the member's."""
        owners = self.owners
        index = tuple(Coded(c.values, c.codes[owners]) for c in self.index.components)
        own = tuple(encode(column) for column in self.columns)
        return Members.from_coded(index + own)


def encode(column: Column) -> Coded:
    """A column as its distinct values and their codes; texts in order of appearance, numbers ascending."""
    if column.dtype == np.int64 and len(column):
        low, high = int(column.min()), int(column.max())
        if high - low < _DENSE + 4 * len(column):  # no sort where a table of what occurs is small
            occurs = np.zeros(high - low + 1, dtype=np.int64)
            occurs[column - low] = 1
            return Coded(np.flatnonzero(occurs) + low, (np.cumsum(occurs) - 1)[column - low])
    if column.dtype != np.object_:
        found: Any = np.unique(column, return_inverse=True)
        return Coded(found[0], found[1].astype(np.int64, copy=False).reshape(-1))
    texts: list[str] = column.tolist()
    table = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    codes = np.fromiter(map(table.__getitem__, texts), dtype=np.int64, count=len(texts))
    values: NDArray[np.object_] = np.empty(len(table), dtype=np.object_)
    values[:] = list(table)
    return Coded(values, codes)


def combined(codes: Sequence[Codes], sizes: Sequence[int]) -> Codes:
    """One number a row that tells rows of codes apart: mixed-radix, renumbered where it would not fit 63 bits."""
    key, total = codes[0], sizes[0]
    for code, count in zip(codes[1:], sizes[1:], strict=True):
        if total * max(count, 1) >= 2**62:
            distinct, inverse = np.unique(key, return_inverse=True)
            key, total = inverse.astype(np.int64, copy=False).reshape(-1), len(distinct)
        key = key * count + code
        total *= count
    return key


def _spread(key: Column | Coded, find: object) -> Codes:
    """``find`` applied to a column; to a coded one by its values."""
    assert callable(find)
    if isinstance(key, Coded):
        found: Codes = find(key.values)
        return found[key.codes] if len(found) else np.full(len(key.codes), -1, dtype=np.int64)
    result: Codes = find(key)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Where a distinct value stands: texts by a dict, whole numbers by a table where dense, else by binary search."""

    texts: dict[object, int] | None
    low: int
    table: Codes | None
    ordered: Column
    order: Codes

    @staticmethod
    def over(values: Column) -> _Axis:
        none = np.empty(0, dtype=np.int64)
        if values.dtype == np.object_:
            return _Axis(dict(zip(values.tolist(), range(len(values)), strict=True)), 0, None, none, none)
        if values.dtype == np.int64 and len(values):
            low, high = int(values.min()), int(values.max())
            if high - low < _DENSE + 4 * len(values):
                table = np.full(high - low + 1, -1, dtype=np.int64)
                table[values - low] = np.arange(len(values))
                return _Axis(None, low, table, none, none)
        order = np.argsort(values, kind="stable").astype(np.int64, copy=False)
        return _Axis(None, 0, None, values[order], order)

    def find(self, keys: Column) -> Codes:
        is_text = keys.dtype == np.object_
        if is_text != (self.texts is not None):
            return np.full(len(keys), -1, dtype=np.int64)
        if self.texts is not None:
            return np.fromiter(map(self.texts.get, keys.tolist(), repeat(-1)), dtype=np.int64, count=len(keys))
        if self.table is not None:
            return self._find_in_table(keys, self.table)
        if not len(self.ordered):
            return np.full(len(keys), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.ordered, keys), len(self.ordered) - 1)
        return np.where(self.ordered[at] == keys, self.order[at], -1)

    def _find_in_table(self, keys: Column, table: Codes) -> Codes:
        inside = (keys >= self.low) & (keys < self.low + len(table))
        if keys.dtype != np.int64:
            inside &= keys == np.floor(keys)
        offset = np.where(inside, np.where(inside, keys, self.low) - self.low, 0).astype(np.int64)
        return np.where(inside, table[offset], -1)


@dataclass(frozen=True, slots=True, eq=False)
class _Lookup:
    """Positions of members by their codes: a mixed-radix number a member, found in a table or by binary search.

    ``reduced``: for each component the codes that were renumbered (sorted distinct numbers so far), where the product
    of the sizes would not fit 63 bits.
    """

    sizes: tuple[int, ...]
    reduced: tuple[Codes | None, ...]
    table: Codes | None
    ordered: Codes
    order: Codes
    identity: bool

    @staticmethod
    def over(codes: Sequence[Codes], sizes: Sequence[int], size: int) -> _Lookup:
        none = np.empty(0, dtype=np.int64)
        if not codes:
            return _Lookup((), (), None, none, none, True)
        key = codes[0].astype(np.int64, copy=False)
        total = sizes[0]
        reduced: list[Codes | None] = [None]
        for code, count in zip(codes[1:], sizes[1:], strict=True):
            renumbered: Codes | None = None
            if total * max(count, 1) >= 2**62:
                renumbered, inverse = np.unique(key, return_inverse=True)
                key, total = inverse.astype(np.int64, copy=False).reshape(-1), len(renumbered)
            reduced.append(renumbered)
            key = key * count + code
            total *= count
        if total == size and bool(np.all(key == np.arange(size))):
            return _Lookup(tuple(sizes), tuple(reduced), None, none, none, True)
        if total <= _DENSE + 4 * size:
            table = np.full(total, -1, dtype=np.int64)
            table[key] = np.arange(size)
            return _Lookup(tuple(sizes), tuple(reduced), table, none, none, False)
        order = np.argsort(key, kind="stable").astype(np.int64, copy=False)
        return _Lookup(tuple(sizes), tuple(reduced), None, key[order], order, False)

    def find(self, codes: Sequence[Codes]) -> Codes:
        """Positions by the codes of each component; -1 for a negative code and for what is no member."""
        if not codes:
            return np.zeros(1, dtype=np.int64)
        known = codes[0] >= 0
        key = np.maximum(codes[0], 0)
        for code, count, renumbered in zip(codes[1:], self.sizes[1:], self.reduced[1:], strict=True):
            if renumbered is not None:
                at = np.minimum(np.searchsorted(renumbered, key), len(renumbered) - 1)
                known &= renumbered[at] == key
                key = at
            known &= code >= 0
            key = key * count + np.maximum(code, 0)
        if self.identity:
            return np.where(known, key, -1)
        if self.table is not None:
            if not len(self.table):
                return np.full(len(key), -1, dtype=np.int64)
            return np.where(known, self.table[np.where(known, key, 0)], -1)
        if not len(self.ordered):
            return np.full(len(key), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.ordered, key), len(self.ordered) - 1)
        return np.where(known & (self.ordered[at] == key), self.order[at], -1)
