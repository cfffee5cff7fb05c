"""Affine expressions in columns, one for each row of a table, in coordinates; as they grow while a form is drafted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..extraction.assembly import columns_of
from ..extraction.patterns import offsets_of
from ..extraction.polynomial import Monomial
from ..facts.region import Region
from ..forms.linear import Floats
from ..spaces.algebra import Table, wide

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """``constant[r] + sum of value * x[column]`` in row ``r``. Shapes: constant (rows); row column value (entries).

    Entries come in any order; a column may stand more than once in a row.
    """

    constant: Floats
    row: Ints
    column: Ints
    value: Floats

    @property
    def rows(self) -> int:
        return len(self.constant)

    def plus(self, other: Affine) -> Affine:
        return Affine(
            self.constant + other.constant,
            np.concatenate([self.row, other.row]),
            np.concatenate([self.column, other.column]),
            np.concatenate([self.value, other.value]),
        )

    def times(self, factor: Floats | float) -> Affine:
        """``factor``: one number, or one for each row."""
        if isinstance(factor, float) or np.ndim(factor) == 0:
            return Affine(self.constant * factor, self.row, self.column, self.value * float(factor))
        each = np.asarray(factor)
        return Affine(self.constant * each, self.row, self.column, self.value * each[self.row])

    def minus(self, other: Affine) -> Affine:
        return self.plus(other.times(-1.0))

    def shifted(self, by: Floats | float) -> Affine:
        return Affine(self.constant + by, self.row, self.column, self.value)

    def put(self, rows: Ints, count: int) -> Affine:
        """Row ``r`` as part of row ``rows[r]`` of ``count``; rows with the same target add up."""
        constant = np.bincount(rows, self.constant, count).astype(np.float64)
        return Affine(constant, np.asarray(rows, dtype=np.int64)[self.row], self.column, self.value)

    def taken(self, rows: Ints) -> Affine:
        """Some rows, in their order, none twice."""
        place = np.full(self.rows, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        at = place[self.row]
        inside = at >= 0
        return Affine(self.constant[rows], at[inside], self.column[inside], self.value[inside])

    def spread(self, rows: Ints) -> Affine:
        """Row ``rows[k]`` as row ``k``; a row may be wanted many times."""
        order = np.argsort(self.row, kind="stable")
        counts = np.bincount(self.row, minlength=self.rows)
        starts = np.concatenate([[0], np.cumsum(counts)])
        wanted = counts[rows]
        owner = np.repeat(np.arange(len(rows)), wanted)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
        entries = order[starts[rows][owner] + within]
        return Affine(self.constant[rows], owner, self.column[entries], self.value[entries])

    def at(self, x: Floats) -> Floats:
        """The values at a point (rows)."""
        return self.constant + np.bincount(self.row, self.value * x[self.column], self.rows)


def constant_rows(values: Floats) -> Affine:
    """Rows without columns."""
    none = np.zeros(0, dtype=np.int64)
    return Affine(np.asarray(values, dtype=np.float64), none, none, np.zeros(0))


def columns_as_rows(columns: Ints) -> Affine:
    """Each column as a row of its own."""
    count = len(columns)
    return Affine(np.zeros(count), np.arange(count), np.asarray(columns, dtype=np.int64), np.ones(count))


def stacked(parts: Sequence[Affine]) -> Affine:
    """Rows of several parts, one part after the other."""
    firsts = np.concatenate([[0], np.cumsum([p.rows for p in parts])])
    return Affine(
        np.concatenate([p.constant for p in parts]),
        np.concatenate([p.row + first for p, first in zip(parts, firsts[:-1], strict=True)]),
        np.concatenate([p.column for p in parts]),
        np.concatenate([p.value for p in parts]),
    )


def interleaved(parts: Sequence[Affine]) -> Affine:
    """Row ``r`` of each part in turn: of ``k`` parts with ``n`` rows each, ``n k`` rows."""
    width, count = len(parts), parts[0].rows
    every = stacked(parts)
    to = (np.arange(width * count) % count) * width + np.arange(width * count) // count
    constant = np.empty(width * count)
    constant[to] = every.constant
    return Affine(constant, to[every.row], every.column, every.value)


def linear_part(region: Region, monomials: Sequence[Monomial], table: Table) -> Affine:
    """The sum of monomials of degree one at most, over the flat rows of a table."""
    from ..evaluation.evaluate import evaluate

    scope, offsets = region.instance.scope, offsets_of(region.instance)
    constant = np.zeros(table.size)
    rows, columns, values = [], [], []
    for m in monomials:
        found = np.asarray(m.scale) if not m.factors else evaluate(m.coefficient(), m.table, scope)
        numbers = wide(found, m.table.shape)
        owner = np.arange(table.size) if m.table is table else wide(m.table.rows_in(table), m.table.shape)
        if not m.refs:
            constant += np.bincount(owner, numbers, table.size)
            continue
        rows.append(owner)
        columns.append(wide(columns_of(m.refs[0], m.table, offsets, scope), m.table.shape))
        values.append(numbers)
    if not rows:
        return constant_rows(constant)
    return Affine(
        constant,
        np.concatenate(rows).astype(np.int64),
        np.concatenate(columns).astype(np.int64),
        np.concatenate(values).astype(np.float64),
    )
