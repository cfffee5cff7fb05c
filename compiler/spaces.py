"""Index spaces as algebra, materialised late: domains, coded columns, tables, products, joins, filters, segments.

A ``Domain`` is a closed set; an index is a column of positions in one (``IndexColumn``), so that texts are compared
once a domain and never once a row. A ``Table`` is what an index space becomes: a shape and one column an index, each
broadcastable to that shape. A pure product keeps one axis a factor (columns of shape ``(1, n, 1)``), a join or a
filter makes one axis of the rows it finds. Every table knows the table that it extends, and how: by a *product*
(its leading axes are its parent's) or by *rows* (the flat parent row of each of its own). Values over a table are
arrays that broadcast to its shape, with an optional leading batch axis.
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

from .members import Column, Members

Positions = NDArray[np.intp]
Values = NDArray[Any]

DENSE_LOOKUP = 1 << 20  # a lookup table may always have this many cells; above it, four cells a member


# ------------------------------------------------------------------------------------------------------- domains
@dataclass(frozen=True, eq=False)
class Domain:
    """A closed set. ``parts`` and ``codes`` (both empty for single members): the domain of each component of a
    tuple, and each member's position in it. ``name``: how messages call it.
    """

    members: Members
    parts: tuple[Domain, ...] = ()
    codes: tuple[Positions, ...] = ()
    name: str = ""
    _translations: dict[int, tuple[Domain, Positions]] = field(default_factory=dict, repr=False)
    _groups: dict[tuple[int, ...], Groups] = field(default_factory=dict, repr=False)

    @property
    def size(self) -> int:
        return self.members.size

    @property
    def arity(self) -> int:
        return self.members.arity

    @property
    def is_text(self) -> bool:
        return self.arity == 1 and self.members.columns[0].dtype == np.object_

    @cached_property
    def values(self) -> Values:
        """Of single members: the numbers as float64, or the texts."""
        column = self.members.columns[0]
        return column if column.dtype == np.object_ else column.astype(np.float64)

    @cached_property
    def lookup(self) -> Lookup:
        """Positions by the combined code of the components."""
        return Lookup.over(combined(self.codes, self.parts), prod(p.size for p in self.parts))

    @cached_property
    def _sorted(self) -> tuple[Values, Positions]:
        order = np.argsort(self.members.columns[0], kind="stable")
        return self.members.columns[0][order], order

    def groups(self, components: tuple[int, ...]) -> Groups:
        """Members grouped by some of their components (cached): what a join needs."""
        if components not in self._groups:
            parts = [self.parts[c] for c in components]
            keys = combined([self.codes[c] for c in components], parts)
            self._groups[components] = Groups.over(keys, prod(p.size for p in parts))
        return self._groups[components]


@dataclass(frozen=True, eq=False)
class Lookup:
    """Positions by integer key: a dense table where that is small, else a binary search."""

    table: Positions | None
    keys: Positions
    order: Positions

    @staticmethod
    def over(keys: Positions, count: int) -> Lookup:
        """``keys``: distinct numbers below ``count``, the key of each position."""
        if count <= DENSE_LOOKUP + 4 * len(keys):
            table = np.full(count, -1, dtype=np.intp)
            table[keys] = np.arange(len(keys))
            return Lookup(table, keys, keys)
        order = np.argsort(keys, kind="stable")
        return Lookup(None, keys[order], order)

    def find(self, keys: Positions) -> Positions:
        """Positions of keys (any shape; none negative), -1 where there is none."""
        if self.table is not None:
            return self.table[keys]
        if not len(self.keys):
            return np.full(keys.shape, -1, dtype=np.intp)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.order[at], -1)


@dataclass(frozen=True, eq=False)
class Groups:
    """Positions grouped by key, in order within a group: ``order[starts[g]:starts[g + 1]]``."""

    group_of: Lookup | None  # None: the key is the group
    starts: Positions
    order: Positions

    @staticmethod
    def over(keys: Positions, count: int) -> Groups:
        order = stable_order(keys, count)
        if count <= DENSE_LOOKUP + 4 * len(keys):
            return Groups(None, starts_of(np.bincount(keys, minlength=count)), order)
        distinct, sizes = np.unique(keys, return_counts=True)
        return Groups(Lookup.over(distinct, count), starts_of(sizes), order)

    def find(self, keys: Positions) -> tuple[Positions, Positions]:
        """For each wanted key (1-D, -1 for none): the rows of ``keys`` that match, and the positions they match."""
        group = keys if self.group_of is None else np.where(keys < 0, -1, self.group_of.find(np.maximum(keys, 0)))
        known = group >= 0
        first = np.where(known, self.starts[np.where(known, group, 0)], 0)
        last = np.where(known, self.starts[np.where(known, group, -2) + 1], 0) if len(self.starts) > 1 else first
        parents, inner = runs(first, np.where(known, last - first, 0))
        whole = len(inner) == len(self.order) and (not len(inner) or int(inner[0]) == 0) and bool(known.all())
        return parents, self.order if whole and bool(np.all(inner[1:] > inner[:-1])) else self.order[inner]


def stable_order(keys: Positions, count: int) -> Positions:
    """The stable order of keys below ``count``: by 16-bit digits, which NumPy sorts by counting."""
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    for shift in range(16, max(count - 1, 0).bit_length(), 16):
        digit = (keys >> shift).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return order


def starts_of(counts: NDArray[Any]) -> Positions:
    """Row starts from counts: ``(n + 1,)``."""
    starts = np.zeros(len(counts) + 1, dtype=np.intp)
    np.cumsum(counts, out=starts[1:])
    return starts


def runs(first: Positions, counts: Positions) -> tuple[Positions, Positions]:
    """Rows of the runs ``first[r], first[r] + 1, …`` of ``counts[r]`` numbers: the run each comes from, the number."""
    parents = np.repeat(np.arange(len(counts)), counts)
    starts = starts_of(counts)
    numbers = np.arange(starts[-1])
    shift = first - starts[:-1]
    return parents, numbers + shift[parents] if shift.any() else numbers


def combined(codes: Sequence[Positions], parts: Sequence[Domain]) -> Positions:
    """One number for each combination of component positions; -1 where a component has none."""
    if prod(p.size for p in parts) >= np.iinfo(np.int64).max:
        raise OverflowError("an index space has more than 2^63 combinations")
    key: Positions = codes[0]
    for code, part in zip(codes[1:], parts[1:], strict=True):
        key = key * part.size + code
    if all(not code.size or int(code.min()) >= 0 for code in codes):
        return key
    missing: NDArray[np.bool_] = codes[0] < 0
    for code in codes[1:]:
        missing = missing | (code < 0)
    return np.where(missing, -1, key)


_RUNS: dict[tuple[int, int], Domain] = {}


def run_domain(low: int, high: int) -> Domain:
    """``low..high``; equal runs are one domain."""
    if (low, high) not in _RUNS:
        if len(_RUNS) > 256:
            _RUNS.clear()
        _RUNS[low, high] = Domain(Members.run(low, high), name=f"{low}..{high}")
    return _RUNS[low, high]


def single_domain(column: Column, name: str = "") -> Domain:
    """A domain of single members; a run of whole numbers is known as such."""
    if column.dtype == np.int64 and len(column) and bool(np.all(np.diff(column) == 1)):
        return Domain(Members((column,), len(column), int(column[0])), name=name)
    return Domain(Members.of((column,)), name=name)


def factorised(column: Column) -> tuple[Column, Positions]:
    """The distinct values in order of first appearance, and each value's position among them."""
    if column.dtype == np.object_:
        seen: dict[object, int] = {}
        codes = np.fromiter((seen.setdefault(v, len(seen)) for v in column.tolist()), np.intp, len(column))
        distinct = np.empty(len(seen), dtype=np.object_)
        distinct[:] = list(seen)
        return distinct, codes
    _, first, inverse = np.unique(column, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return column[first[order]], rank[inverse]


def domain_of(members: Members, name: str = "", within: Sequence[Domain] = ()) -> Domain:
    """The domain of given members; components are coded in ``within`` where that holds them all."""
    if members.arity == 1:
        if members.start is None and members.columns[0].dtype == np.int64:
            return single_domain(members.columns[0], name)
        return Domain(members, name=name)
    parts, codes = [], []
    for k, component in enumerate(members.components):
        found = within[k].members.locate((component.values,)) if k < len(within) else None
        if found is not None and not np.any(found < 0):
            parts.append(within[k])
            codes.append(found.astype(np.intp, copy=False)[component.codes])
        else:
            parts.append(single_domain(component.values))
            codes.append(component.codes.astype(np.intp, copy=False))
    return Domain(members, tuple(parts), tuple(codes), name)


def tuple_domain(components: Sequence[IndexColumn], name: str = "") -> Domain:
    """The domain of the given rows (1-D components, no row twice)."""
    if len(components) == 1:
        only = components[0]
        if only.whole:
            return only.domain
        return single_domain(only.domain.members.columns[0][only.positions], name)
    columns = tuple(c.domain.members.columns[0][c.positions] for c in components)
    parts = tuple(c.domain for c in components)
    return Domain(Members.of(columns), parts, tuple(c.positions for c in components), name)


def translation(source: Domain, target: Domain) -> Positions | None:
    """Position in ``target`` of each member of ``source`` (-1: none); None where they are the same domain."""
    if source is target:
        return None
    known = source._translations.get(id(target))
    if known is None:
        known = (target, _translate(source, target))
        source._translations[id(target)] = known
    return known[1]


def _translate(source: Domain, target: Domain) -> Positions:
    if source.arity != target.arity:
        return np.full(source.size, -1, dtype=np.intp)
    if source.arity > 1:
        return locate(target, [IndexColumn(p, c) for p, c in zip(source.parts, source.codes, strict=True)])
    if source.is_text != target.is_text:
        return np.full(source.size, -1, dtype=np.intp)
    if source.is_text:
        return target.members.locate(source.members.columns).astype(np.intp)
    return locate_numbers(target, source.members.columns[0])


# --------------------------------------------------------------------------------------------------------- columns
@dataclass(frozen=True, eq=False)
class IndexColumn:
    """A column of members: positions in a domain. ``whole``: they run through it once, along one axis, in order."""

    domain: Domain
    positions: Positions
    whole: bool = False

    def values(self) -> Values:
        """The numbers (float64) or texts themselves."""
        return self.domain.values if self.whole and self.positions.ndim == 1 else self.domain.values[self.positions]

    def components(self) -> tuple[IndexColumn, ...]:
        """Itself, or a tuple's components."""
        if self.domain.arity == 1:
            return (self,)
        if self.whole and self.positions.ndim == 1:
            return tuple(IndexColumn(p, c) for p, c in zip(self.domain.parts, self.domain.codes, strict=True))
        return tuple(
            IndexColumn(p, c[self.positions]) for p, c in zip(self.domain.parts, self.domain.codes, strict=True)
        )


def locate(target: Domain, components: Sequence[IndexColumn | Values]) -> Positions:
    """Positions in ``target`` (-1: no such member) of members given by component, each coded or numbers."""
    if len(components) == 1 and isinstance(components[0], IndexColumn) and components[0].domain.arity == target.arity:
        return _recode(components[0], target)
    if target.arity == 1:
        only = components[0]
        return _recode(only, target) if isinstance(only, IndexColumn) else locate_numbers(target, only)
    codes = [locate(p, [c]) for p, c in zip(target.parts, components, strict=True)]
    keys = combined(codes, target.parts)
    if keys.size and int(keys.min()) < 0:
        missing = keys < 0
        return np.where(missing, -1, target.lookup.find(np.where(missing, 0, keys))) if target.size else keys
    return target.lookup.find(keys)


def _recode(column: IndexColumn, target: Domain) -> Positions:
    table = translation(column.domain, target)
    if table is None:
        return column.positions
    return table.reshape(column.positions.shape) if column.whole else table[column.positions]


def locate_numbers(target: Domain, numbers: Values) -> Positions:
    """Positions of numbers among single members, -1 where there is none."""
    numbers = np.asarray(numbers)
    if target.is_text or target.arity > 1 or numbers.dtype == np.object_ or not target.size:
        return np.full(numbers.shape, -1, dtype=np.intp)
    start = target.members.start
    if start is not None:
        offset = numbers - start
        inside = (offset >= 0) & (offset < target.size) & (offset == np.floor(offset))
        return offset.astype(np.intp) if inside.all() else np.where(inside, offset, -1).astype(np.intp)
    keys, order = target._sorted
    at = np.minimum(np.searchsorted(keys, numbers), len(keys) - 1)
    return np.where(keys[at] == numbers, order[at], -1)


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
