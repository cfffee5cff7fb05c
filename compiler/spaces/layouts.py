"""How families lie in memory: one number for each entry, and indexed sets as rows of members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from optc.dsl.program import IndexVar

from .algebra import UNIT, Table
from .domains import Domain, IndexColumn, Lookup, Positions, Values, locate, tuple_domain
from .members import Coded, Column, Members


class LazyProduct(Members):
    """All combinations of the factors' members, the last factor fastest; columns are made when asked for."""

    def __init__(self, factors: tuple[Members, ...]) -> None:
        state = {"factors": factors, "size": prod(f.size for f in factors), "start": None}
        for name, value in state.items():
            object.__setattr__(self, name, value)

    @cached_property
    def _whole(self) -> Members:
        return Members.product(self.factors)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        return self._whole.columns

    @cached_property
    def coded(self) -> tuple[Coded, ...] | None:
        return self._whole.coded

    @property
    def arity(self) -> int:
        return sum(f.arity for f in self.factors)

    def member(self, position: int) -> tuple[float | int | str, ...]:
        parts = np.unravel_index(position, tuple(f.size for f in self.factors))
        return tuple(v for f, p in zip(self.factors, parts, strict=True) for v in f.member(int(p)))

    if TYPE_CHECKING:
        factors: tuple[Members, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """Entries in the order of their space. A product of closed sets has one axis a factor, all else a single axis.

    ``table``: the space's rows; ``indices``: its indices in order.
    """

    axes: tuple[Domain, ...]
    table: Table
    indices: tuple[IndexVar, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(a.size for a in self.axes)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        return tuple(prod(self.shape[k + 1 :]) for k in range(len(self.axes)))

    def flat(self, positions: Sequence[Positions], offset: int = 0, dtype: type = np.intp) -> Positions:
        """The entry number of axis positions (broadcast together), plus ``offset``."""
        total: Positions = np.asarray(offset, dtype=dtype)
        for at, stride in zip(positions, self.strides, strict=True):
            total = total + at.astype(dtype, copy=False) * dtype(stride)
        return total

    @cached_property
    def members(self) -> Members:
        """The index tuples of the entries, in order; scalars have one entry and no component."""
        if not self.axes:
            return Members((), 1)
        if len(self.axes) == 1:
            return self.axes[0].members
        return LazyProduct(tuple(a.members for a in self.axes))

    def key(self, position: int) -> tuple[float | int | str, ...]:
        """The index tuple of one entry."""
        if not self.axes:
            return ()
        parts = np.unravel_index(position, self.shape)
        return tuple(v for a, p in zip(self.axes, parts, strict=True) for v in a.members.member(int(p)))

    def find(self, keys: Sequence[IndexColumn | Values]) -> Positions:
        """Entry numbers of index tuples given by component, -1 where there is none."""
        found, at = [], 0
        for axis in self.axes:
            found.append(locate(axis, keys[at : at + axis.arity]))
            at += axis.arity
        missing = np.zeros((), dtype=np.bool_)
        for part in found:
            missing = missing | (part < 0)
        return np.where(missing, -1, self.flat(found)) if missing.any() else self.flat(found)


def layout_of_table(table: Table, indices: tuple[IndexVar, ...]) -> Layout:
    """One axis of the table's rows."""
    flat = [flattened(c, table) for v in indices for c in table.column(v).components()]
    return Layout((tuple_domain(flat),), table, indices) if indices else Layout((), UNIT, ())


def flattened(column: IndexColumn, table: Table) -> IndexColumn:
    """A column as one position a row of the table, 1-D."""
    if column.positions.shape == table.shape and table.ndim == 1:
        return column
    return IndexColumn(column.domain, np.broadcast_to(column.positions, table.shape).reshape(-1))


@dataclass(frozen=True, eq=False)
class SetFamily:
    """An indexed family of sets: ``elements`` (1-D) ``starts[r]`` to ``starts[r + 1]`` are the members of row ``r``."""

    layout: Layout
    starts: Positions
    elements: IndexColumn
    name: str = ""

    @property
    def counts(self) -> Positions:
        return np.diff(self.starts)

    @cached_property
    def lookup(self) -> Lookup:
        """Element numbers by ``row * domain size + position``."""
        rows = np.repeat(np.arange(len(self.starts) - 1), self.counts)
        keys = rows * self.elements.domain.size + self.elements.positions
        return Lookup.over(keys, (len(self.starts) - 1) * self.elements.domain.size)

    def find(self, rows: Positions, positions: Positions) -> Positions:
        """Element numbers of members (positions in the elements' domain, -1 none) of the sets ``rows``; -1: not in."""
        known = (positions >= 0) & (rows >= 0)
        size = self.elements.domain.size
        if not size or not len(self.elements.positions):
            return np.full(np.broadcast_shapes(rows.shape, positions.shape), -1, dtype=np.intp)
        keys = np.where(known, rows * size + positions, 0)
        return np.where(known, self.lookup.find(keys), -1)
