"""A draft as arrays: rows one after the other in CSR with sorted columns, products sorted and merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forms.discrete import Indicators, OrderedSets, Pairs, RowProducts
from ..forms.linear import Floats, Ints
from .drafting import Bools, Draft, SparseRows


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """The arrays of a discrete form apart from its objective; shapes as there.

    ``order``, ``members``, ``coefficients``: of the entries and the sets as they came, for a draft that has the same.
    """

    lower: Floats
    upper: Floats
    integer: Bools
    starts: Ints
    indices: Ints
    values: Floats
    row_lower: Floats
    row_upper: Floats
    products: RowProducts
    sets: OrderedSets
    indicators: Indicators
    pairs: Pairs
    order: Order
    members: tuple[tuple[int, NDArray[np.integer], Ints], ...]
    coefficients: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Where the entries of a matrix go, as they come: ``counts`` a row, ``columns`` each.

    ``pieces``: starts and columns of the rows that they came from. ``starts``, ``indices``: CSR with sorted, unique
    columns; ``inverse``: the place of each entry there, None where they come in order.
    """

    pieces: tuple[tuple[NDArray[np.integer], Ints], ...]
    counts: NDArray[np.integer]
    columns: Ints
    starts: Ints
    indices: Ints
    inverse: NDArray[np.integer] | None


def finish(draft: Draft, known: Finished | None = None) -> Finished:
    """The arrays of a draft. ``known``: those of the last one, for what comes as it did there."""
    lower, upper = (_joined(part, np.float64) for part in (draft.lower, draft.upper))
    for columns in draft.nonnegative:
        lower[columns] = np.maximum(lower[columns], 0.0)
    for columns in draft.nonpositive:
        upper[columns] = np.minimum(upper[columns], 0.0)
    for columns in draft.zero:
        lower[columns], upper[columns] = np.maximum(lower[columns], 0.0), np.minimum(upper[columns], 0.0)
    order = _order(draft.pieces, None if known is None else known.order)
    members = tuple(draft.sets)
    same = known is not None and _same_members(known.members, members)
    coefficients = tuple(p.values for p in draft.pieces)
    if known is not None and order is known.order and _same_each(coefficients, known.coefficients):
        starts, indices, values = known.starts, known.indices, known.values
    else:
        starts, indices, values = _matrix(coefficients, order)
    return Finished(
        lower,
        upper,
        _joined(draft.integer, np.bool_),
        starts,
        indices,
        values,
        _joined([p.lower for p in draft.pieces], np.float64),
        _joined([p.upper for p in draft.pieces], np.float64),
        _products(draft.pieces, draft.columns),
        known.sets if same and known is not None else _sets(draft),
        Indicators(*(_joined([s[k] for s in draft.switches], np.int32) for k in range(3))),
        Pairs(*(_joined([p[k] for p in draft.pairs], np.int32) for k in range(2))),
        order,
        members,
        coefficients,
    )


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)


def _same_members(
    one: tuple[tuple[int, NDArray[np.integer], Ints], ...], other: tuple[tuple[int, NDArray[np.integer], Ints], ...]
) -> bool:
    same = len(one) == len(other)
    return same and all(a[0] == b[0] and a[1] is b[1] and a[2] is b[2] for a, b in zip(one, other, strict=True))


def _same_each(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _same_arrays(one: Sequence[tuple[object, object]], other: Sequence[tuple[object, object]]) -> bool:
    same = len(one) == len(other)
    return same and all(a[0] is b[0] and a[1] is b[1] for a, b in zip(one, other, strict=True))


def _order(pieces: Sequence[SparseRows], known: Order | None) -> Order:
    sources = tuple((p.starts, p.indices) for p in pieces)
    if known is not None and _same_arrays(known.pieces, sources):
        return known
    counts = _joined([np.diff(p.starts) for p in pieces], np.int64)
    columns = _joined([p.indices for p in pieces], np.int32)
    if known is not None and np.array_equal(known.columns, columns) and np.array_equal(known.counts, counts):
        return replace(known, pieces=sources)
    starts = _starts(counts)
    if _rising(starts, columns):
        return Order(sources, counts, columns, starts, columns, None)
    keys = np.repeat(np.arange(len(counts)), counts) << 32 | columns
    keys, inverse = np.unique(keys, return_inverse=True)
    starts = _starts(np.bincount(keys >> 32, minlength=len(counts)))
    return Order(sources, counts, columns, starts, (keys & 0xFFFFFFFF).astype(np.int32), inverse.reshape(-1))


def _rising(starts: Ints, columns: Ints) -> bool:
    """Whether the columns of each row rise."""
    rises = columns[1:] > columns[:-1]
    first = starts[1:-1]
    rises[first[(first > 0) & (first < len(columns))] - 1] = True  # from the last of a row to the first of the next
    return bool(np.all(rises))


def _starts(counts: NDArray[np.integer]) -> Ints:
    starts = np.zeros(len(counts) + 1, dtype=np.int32)
    np.cumsum(counts, out=starts[1:])
    return starts


def _matrix(coefficients: Sequence[Floats], order: Order) -> tuple[Ints, Ints, Floats]:
    """CSR without zeros, columns sorted and unique in each row."""
    values: Floats = _joined(coefficients, np.float64)
    if order.inverse is not None:
        values = np.bincount(order.inverse, weights=values, minlength=len(order.indices)).astype(np.float64)
    keep = values != 0
    if keep.all():
        return order.starts, order.indices, values
    gone = np.flatnonzero(~keep)
    starts = order.starts - np.searchsorted(gone, order.starts).astype(np.int32)
    return starts, order.indices[keep], values[keep]


def _products(pieces: Sequence[SparseRows], columns: int) -> RowProducts:
    rows, keys, values = [], [], []
    at = 0
    for piece in pieces:
        for part in piece.products:
            rows.append(part.rows.astype(np.int64) + at)
            keys.append(part.first.astype(np.int64) * columns + part.second)
            values.append(part.values)
        at += piece.count
    if not rows:
        return RowProducts()
    owner, key, weights = np.concatenate(rows), np.concatenate(keys), np.concatenate(values)
    order = np.lexsort((key, owner))
    owner, key, weights = owner[order], key[order], weights[order]
    new = np.ones(len(key), dtype=np.bool_)
    new[1:] = (owner[1:] != owner[:-1]) | (key[1:] != key[:-1])
    first = np.flatnonzero(new)
    totals = np.add.reduceat(weights, first) if len(first) else weights
    keep = first[totals != 0]
    high, low = np.divmod(key[keep], max(columns, 1))
    rows_, first_, second_ = (part.astype(np.int32) for part in (owner[keep], high, low))
    return RowProducts(rows_, first_, second_, totals[totals != 0])


def _sets(draft: Draft) -> OrderedSets:
    """All sets that can be broken: those of no more members than may be non-zero say nothing."""
    kinds, counts, columns = [], [], []
    for kind, starts, members in draft.sets:
        sizes = np.diff(starts)
        real = sizes > kind
        kinds.append(np.full(int(real.sum()), kind))
        counts.append(sizes[real])
        columns.append(members if real.all() else members[np.repeat(real, sizes)])
    sizes = _joined(counts, np.int64)
    starts_ = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    members_ = _joined(columns, np.int32)
    weights = np.arange(len(members_)) - np.repeat(starts_[:-1], sizes) + 1
    return OrderedSets(_joined(kinds, np.int32), starts_, members_, weights.astype(np.float64))
