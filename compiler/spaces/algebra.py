"""Index spaces as algebra, materialised late: tables, products, joins, filters, segments.

A ``Table`` is what an index space becomes: a shape and one column an index, each broadcastable to that shape. A pure
product keeps one axis a factor (columns of shape ``(1, n, 1)``), a join or a filter makes one axis of the rows it
finds. Every table knows the table that it extends, and how: by a *product* (its leading axes are its parent's) or by
*rows* (the flat parent row of each of its own). Values over a table are arrays that broadcast to its shape, with an
optional leading batch axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import IndexVar

from .domains import Domain, IndexColumn, Positions, Values, starts_of

# ---------------------------------------------------------------------------------------------------------- tables
Tuples = Mapping[tuple[IndexVar, ...], IndexColumn]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of an index space; see the head of the module.

    ``own``: columns it adds to its parent's; ``tuples``: runs of indices known to be a member of a domain, and where.
    ``inner``: the factor of a product, itself a table without outer indices. ``rows``: 1-D, ascending. ``picked``:
    further columns of its own, each a component of a column of tuples, looked up when asked for.
    """

    shape: tuple[int, ...]
    own: Mapping[IndexVar, IndexColumn] = field(default_factory=dict)
    tuples: Tuples = field(default_factory=dict)
    parent: Table | None = None
    inner: Table | None = None
    rows: Positions | None = None
    picked: Mapping[IndexVar, tuple[IndexColumn, int]] = field(default_factory=dict)
    _columns: dict[IndexVar, IndexColumn] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @cached_property
    def indices(self) -> frozenset[IndexVar]:
        """All indices with a column here."""
        outer = self.parent.indices if self.parent else frozenset()
        return (
            outer | frozenset(self.own) | frozenset(self.picked) | (self.inner.indices if self.inner else frozenset())
        )

    @cached_property
    def segments(self) -> tuple[Positions, Positions]:
        """Of a table made by rows: how many rows each parent row has, and where they start."""
        assert self.rows is not None and self.parent is not None
        counts = np.bincount(self.rows, minlength=self.parent.size)
        return counts, starts_of(counts)[:-1]

    @cached_property
    def _coordinates(self) -> tuple[Positions, ...]:
        assert self.rows is not None and self.parent is not None
        if self.parent.ndim == 1:
            return (self.rows,)
        return tuple(np.unravel_index(self.rows, self.parent.shape)) if self.parent.ndim else ()

    def column(self, var: IndexVar) -> IndexColumn:
        """The column of an index, broadcastable to the shape."""
        found = self._columns.get(var)
        if found is None:
            found = self._column(var)
            self._columns[var] = found
        return found

    def _column(self, var: IndexVar) -> IndexColumn:
        if var in self.own:
            return self.own[var]
        if var in self.picked:
            element, component = self.picked[var]
            base = element.domain
            return IndexColumn(base.parts[component], base.codes[component][element.positions])
        if self.inner is not None and var in self.inner.indices:
            return self.inner.column(var)
        if self.parent is None:
            raise KeyError(var)
        return self._lifted(self.parent.column(var))

    def known_tuple(self, variables: tuple[IndexVar, ...]) -> IndexColumn | None:
        """Where the indices together are known to be a member of a domain."""
        if variables in self.tuples:
            return self.tuples[variables]
        if self.inner is not None:
            found = self.inner.known_tuple(variables)
            if found is not None:
                return found
        found = self.parent.known_tuple(variables) if self.parent is not None else None
        return None if found is None else self._lifted(found)

    def _lifted(self, column: IndexColumn) -> IndexColumn:
        positions = self.lift(column.positions)
        return (
            column
            if positions is column.positions
            else IndexColumn(column.domain, positions, column.whole and not self.by_rows)
        )

    @property
    def by_rows(self) -> bool:
        return self.rows is not None

    def lift(self, values: Values) -> Values:
        """Values over the parent (any leading batch axis kept) as values over this table."""
        assert self.parent is not None
        if self.rows is None:
            added = self.ndim - self.parent.ndim
            return values[(..., *(None,) * added)] if values.ndim and added else values
        depth = self.parent.ndim
        batch = values.shape[: max(values.ndim - depth, 0)]
        aligned = values.reshape(batch + (1,) * (depth - (values.ndim - len(batch))) + values.shape[len(batch) :])
        wanted = [axis for axis in range(depth) if aligned.shape[len(batch) + axis] != 1]
        if not wanted:
            return aligned.reshape((*batch, 1))
        narrow = aligned.reshape(batch + tuple(aligned.shape[len(batch) + axis] for axis in wanted))
        where: tuple[Any, ...] = (..., *(self._coordinates[axis] for axis in wanted))
        picked: Values = narrow[where]
        return picked

    def chain(self, root: Table) -> Iterator[Table]:
        """The tables from this one up to, and without, ``root``."""
        at: Table | None = self
        while at is not root:
            if at is None:
                raise ValueError("the table does not extend the given one")
            yield at
            at = at.parent

    def lift_from(self, values: Values, root: Table) -> Values:
        """Values over an ancestor as values over this table."""
        for link in reversed(list(self.chain(root))):
            values = link.lift(values)
        return values

    def aligned(self, root: Table) -> bool:
        """Whether every row of ``root`` has the same number of rows here, as trailing axes."""
        return all(not link.by_rows for link in self.chain(root))

    def rows_in(self, root: Table) -> Positions:
        """The flat row of ``root`` that each row belongs to, broadcastable to the shape; ascending in flat order."""
        if self.parent is root and self.rows is not None:
            return self.rows
        if self.aligned(root):
            numbers = np.arange(root.size).reshape(root.shape)
            return numbers[(..., *(None,) * (self.ndim - root.ndim))]
        return self.lift_from(np.arange(root.size).reshape(root.shape), root)


UNIT = Table(())
"""The table of the empty space: one row, no index."""


def axis(domain: Domain, variables: Sequence[IndexVar]) -> Table:
    """One axis over a closed set: one index for its members, or one for each component."""
    whole = IndexColumn(domain, np.arange(domain.size), whole=True)
    if len(variables) == 1:
        return Table((domain.size,), {variables[0]: whole}, {tuple(variables): whole}, UNIT)
    own = {v: IndexColumn(p, c) for v, p, c in zip(variables, domain.parts, domain.codes, strict=True)}
    return Table((domain.size,), own, {tuple(variables): whole}, UNIT)


def product(table: Table, inner: Table) -> Table:
    """Every row of ``table`` with every row of ``inner``, which has no outer indices."""
    if table is UNIT:
        return inner
    if inner is UNIT:
        return table
    return Table(table.shape + inner.shape, parent=table, inner=inner)


def by_rows(
    table: Table,
    rows: Positions,
    own: Mapping[IndexVar, IndexColumn],
    tuples: Tuples | None = None,
    picked: Mapping[IndexVar, tuple[IndexColumn, int]] | None = None,
) -> Table:
    """A join: ``rows`` are ascending flat rows of ``table``; the rest is what the join adds."""
    return Table((len(rows),), own, tuples or {}, table, None, rows, picked or {})


def renamed(table: Table, own: Mapping[IndexVar, IndexColumn]) -> Table:
    """The same rows with more columns (broadcastable to the shape)."""
    return Table(table.shape, own, {}, table)


def filtered(table: Table, keep: NDArray[np.bool_]) -> Table:
    """The rows where ``keep`` (broadcastable) holds; the table itself where that is all of them."""
    if keep.all():
        return table
    return by_rows(table, np.flatnonzero(np.broadcast_to(keep, table.shape)), {})


def projected(table: Table, variables: frozenset[IndexVar]) -> tuple[Table, Table]:
    """The smallest table that has the given indices, and the ancestor of ``table`` whose values its values are.

    Its axes that none of the indices needs have length one, so that its values broadcast to that ancestor.
    """
    while table.parent is not None and variables <= table.parent.indices:
        table = table.parent
    columns = {v: table.column(v) for v in variables}
    shape = np.broadcast_shapes((1,) * table.ndim, *(c.positions.shape for c in columns.values()))
    if shape == table.shape:
        return table, table
    return Table(shape, columns, _Known(table), UNIT), table


class _Known(Mapping[tuple[IndexVar, ...], IndexColumn]):
    """The known tuples of another table, looked up when asked for."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __getitem__(self, variables: tuple[IndexVar, ...]) -> IndexColumn:
        found = self.table.known_tuple(variables)
        if found is None:
            raise KeyError(variables)
        return found

    def __contains__(self, variables: object) -> bool:
        return isinstance(variables, tuple) and self.table.known_tuple(variables) is not None

    def __iter__(self) -> Iterator[tuple[IndexVar, ...]]:
        return iter(())

    def __len__(self) -> int:
        return 0


def wide(values: Values, shape: tuple[int, ...]) -> Values:
    """Values over a shape written out flat: ``(size,)``, or ``(batch, size)``."""
    lead = values.shape[: max(values.ndim - len(shape), 0)]
    return np.broadcast_to(values, lead + shape).reshape(*lead, prod(shape))


# ------------------------------------------------------------------------------------------------------ reductions
IDENTITY = {"add": 0.0, "multiply": 1.0, "minimum": np.inf, "maximum": -np.inf}


def reduce_to(root: Table, table: Table, values: Values, ufunc: np.ufunc) -> Values:
    """Values over ``table`` reduced (``add multiply minimum maximum``) to its ancestor ``root``.

    Product links reduce trailing axes, row links reduce segments; an axis along which the values are constant is
    never materialised.
    """
    for link in table.chain(root):
        assert link.parent is not None
        values = _reduce_segments(link, values, ufunc) if link.by_rows else _reduce_axes(link, values, ufunc)
    return values


def _reduce_axes(link: Table, values: Values, ufunc: np.ufunc) -> Values:
    assert link.parent is not None
    trailing = link.ndim - link.parent.ndim
    if values.ndim < trailing:
        values = values.reshape((1,) * (trailing - values.ndim) + values.shape)
    for size in reversed(link.shape[link.parent.ndim :]):
        if values.shape[-1] == 1 and size != 1:
            values = _repeated(values[..., 0], size, ufunc)
        else:
            values = ufunc.reduce(values, axis=-1, initial=IDENTITY[ufunc.__name__])
    return values


def _repeated(values: Values, times: int | Positions, ufunc: np.ufunc) -> Values:
    """What the same value so many times reduces to."""
    if ufunc is np.add:
        return values * times
    if ufunc is np.multiply:
        return np.power(values, times, dtype=np.float64)
    return np.where(np.asarray(times) > 0, values, IDENTITY[ufunc.__name__])


def _reduce_segments(link: Table, values: Values, ufunc: np.ufunc) -> Values:
    assert link.parent is not None
    counts, starts = link.segments
    if values.ndim == 0 or values.shape[-1] != link.shape[0] or link.shape[0] == 1 == values.size:
        values = values if values.ndim else values[None]
        flat = (
            _repeated(values[..., :1], counts, ufunc)
            if link.shape[0]
            else np.full(counts.shape, IDENTITY[ufunc.__name__])
        )
    elif ufunc is np.add and values.ndim == 1:
        assert link.rows is not None
        flat = np.bincount(link.rows, weights=values, minlength=len(counts))
    else:
        filled = counts > 0
        flat = np.full((*values.shape[:-1], len(counts)), IDENTITY[ufunc.__name__])
        if filled.any():
            flat[..., filled] = ufunc.reduceat(values, starts[filled], axis=-1)
    return flat.reshape(flat.shape[:-1] + link.parent.shape)
