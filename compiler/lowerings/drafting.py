"""A form under construction: columns and rows that grow family by family, in whole arrays."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..forms.linear import Floats, Ints, Slice
from ..spaces.layouts import Layout

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SparseRows:
    """Rows in CSR with local ``starts`` (rows + 1) and global columns, and their products (row numbers local)."""

    starts: NDArray[np.integer]
    indices: Ints
    values: Floats
    lower: Floats
    upper: Floats
    products: tuple[ProductEntries, ...] = ()

    @property
    def count(self) -> int:
        return len(self.lower)

    def picked(self, keep: Bools) -> SparseRows:
        """The rows where ``keep`` holds."""
        if keep.all():
            return self
        counts = np.diff(self.starts)
        numbers = np.cumsum(keep) - 1
        entries = np.repeat(keep, counts)
        products = tuple(p.picked(keep, numbers) for p in self.products)
        starts = np.concatenate([[0], np.cumsum(counts[keep])])
        return SparseRows(
            starts, self.indices[entries], self.values[entries], self.lower[keep], self.upper[keep], products
        )

    def with_entry(self, columns: Ints, values: Floats) -> SparseRows:
        """Each row with one more entry at its end, ``(rows,)`` each; its column must be none that the row has."""
        starts = np.asarray(self.starts) + np.arange(len(self.starts))
        width, rest = divmod(len(self.values), max(self.count, 1))
        if not rest and bool(np.all(np.diff(starts) == width + 1)):
            wide = np.column_stack([self.indices.reshape(self.count, width), columns]).astype(np.int32, copy=False)
            weights = np.column_stack([self.values.reshape(self.count, width), values])
            return SparseRows(starts, wide.reshape(-1), weights.reshape(-1), self.lower, self.upper, self.products)
        last = starts[1:] - 1
        own = np.ones(starts[-1], dtype=np.bool_)
        own[last] = False
        indices, numbers = np.empty(len(own), dtype=np.int32), np.empty(len(own))
        indices[own], numbers[own] = self.indices, self.values
        indices[last], numbers[last] = columns, values
        return SparseRows(starts, indices, numbers, self.lower, self.upper, self.products)


@dataclass(frozen=True, slots=True, eq=False)
class ProductEntries:
    """Products of two columns in rows, ``(entries,)`` each, in any order."""

    rows: NDArray[np.integer]
    first: Ints
    second: Ints
    values: Floats

    def picked(self, keep: Bools, numbers: NDArray[np.integer]) -> ProductEntries:
        inside = keep[self.rows]
        return ProductEntries(numbers[self.rows[inside]], self.first[inside], self.second[inside], self.values[inside])


def dense_rows(columns: NDArray[np.integer], values: Floats, lower: Floats, upper: Floats) -> SparseRows:
    """Rows with the same number of entries, ``(rows, width)`` each."""
    count, width = columns.shape
    starts = np.arange(count + 1) * width
    return SparseRows(starts, columns.reshape(-1).astype(np.int32), values.reshape(-1), lower, upper)


@dataclass(slots=True, eq=False)
class Draft:
    """Grows while families are lowered; ``columns`` and ``rows`` count what there is so far."""

    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    integer: list[Bools] = field(default_factory=list)
    columns: int = 0
    pieces: list[SparseRows] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    rows: int = 0
    switches: list[tuple[Ints, Ints, Ints]] = field(default_factory=list)  # columns, values, rows
    sets: list[tuple[int, NDArray[np.integer], Ints]] = field(default_factory=list)  # kind, starts, columns
    pairs: list[tuple[Ints, Ints]] = field(default_factory=list)
    nonnegative: list[Ints] = field(default_factory=list)  # columns that must not be negative
    nonpositive: list[Ints] = field(default_factory=list)  # columns that must not be positive
    zero: list[Ints] = field(default_factory=list)  # columns that must be zero

    def add_columns(self, lower: Floats, upper: Floats, integer: Bools) -> Ints:
        """The numbers of new columns."""
        self.lower.append(lower)
        self.upper.append(upper)
        self.integer.append(integer)
        first = self.columns
        self.columns += len(lower)
        return np.arange(first, self.columns, dtype=np.int32)

    def add_binaries(self, count: int) -> Ints:
        return self.add_columns(np.zeros(count), np.ones(count), np.ones(count, dtype=np.bool_))

    def add_slacks(self, count: int) -> Ints:
        """New non-negative columns."""
        return self.add_columns(np.zeros(count), np.full(count, np.inf), np.zeros(count, dtype=np.bool_))

    def add_rows(self, rows: SparseRows, name: str | None = None, layout: Layout | None = None) -> Ints:
        """The numbers of new rows; ``name``: of the family whose rows they are, one to one; ``layout``: its own."""
        self.pieces.append(rows)
        first = self.rows
        self.rows += rows.count
        if name is not None:
            self.slices.append(Slice(name, first, rows.count, layout))
        return np.arange(first, self.rows, dtype=np.int32)

    def switch(self, columns: Ints, values: Ints, rows: Ints) -> None:
        """Rows hold only where the binary has the value."""
        self.switches.append((columns, values, rows))
