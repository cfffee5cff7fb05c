"""Closed sets as domains, and members as positions in them: what indices are made of.

A ``Domain`` is a closed set; an index is a column of positions in one (``IndexColumn``), so that texts are compared
once a domain and never once a row. Joins find positions by the components of a tuple (``Lookup``, ``Groups``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    def __getstate__(self) -> dict[str, object]:
        """Without what is known of other domains by their identity."""
        return {**self.__dict__, "_translations": {}}

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
        with np.errstate(invalid="ignore"):  # NaN and infinity are no whole numbers, and found below
            whole = offset.astype(np.intp, copy=False)
        within = whole.size and int(whole.min()) >= 0 and int(whole.max()) < target.size
        if within and (whole is offset or bool((whole == offset).all())):
            return whole
        inside = (offset >= 0) & (offset < target.size) & (offset == np.floor(offset))
        return offset.astype(np.intp) if inside.all() else np.where(inside, offset, -1).astype(np.intp)
    keys, order = target._sorted
    at = np.minimum(np.searchsorted(keys, numbers), len(keys) - 1)
    return np.where(keys[at] == numbers, order[at], -1)
