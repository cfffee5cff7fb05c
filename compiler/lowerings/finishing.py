"""A draft as arrays: rows one after the other in CSR with sorted columns, products sorted and merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forms.discrete import Indicators, OrderedSets, Pairs, RowProducts
from ..forms.linear import Floats, Ints
from .drafting import Bools, Draft, SparseRows


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """The arrays of a discrete form apart from its objective; shapes as there."""

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


def finish(draft: Draft) -> Finished:
    """The arrays of a draft."""
    lower, upper = (_joined(part, np.float64).copy() for part in (draft.lower, draft.upper))
    for columns in draft.nonnegative:
        lower[columns] = np.maximum(lower[columns], 0.0)
    for columns in draft.zero:
        lower[columns], upper[columns] = np.maximum(lower[columns], 0.0), np.minimum(upper[columns], 0.0)
    starts, indices, values = _matrix(draft.pieces)
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
        _sets(draft),
        Indicators(*(_joined([s[k] for s in draft.switches], np.int32) for k in range(3))),
        Pairs(*(_joined([p[k] for p in draft.pairs], np.int32) for k in range(2))),
    )


def _joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(dtype, copy=False) if parts else np.empty(0, dtype=dtype)


def _matrix(pieces: Sequence[SparseRows]) -> tuple[Ints, Ints, Floats]:
    """CSR without zeros, columns sorted and unique in each row."""
    counts = _joined([np.diff(p.starts) for p in pieces], np.int64)
    indices = _joined([p.indices for p in pieces], np.int32)
    values = _joined([p.values for p in pieces], np.float64)
    keys = np.repeat(np.arange(len(counts)), counts) << 32 | indices
    keys, values = _merged(keys, values)
    starts = np.zeros(len(counts) + 1, dtype=np.int32)
    np.cumsum(np.bincount(keys >> 32, minlength=len(counts)), out=starts[1:])
    return starts, (keys & 0xFFFFFFFF).astype(np.int32), values


def _merged(keys: NDArray[np.int64], values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Sorted unique keys with the sums of their values, zeros left out."""
    if not bool(np.all(keys[1:] > keys[:-1])):
        keys, inverse = np.unique(keys, return_inverse=True)
        values = np.bincount(inverse.reshape(-1), weights=values, minlength=len(keys)).astype(np.float64)
    keep = values != 0
    return (keys, values) if keep.all() else (keys[keep], values[keep])


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
        columns.append(members[np.repeat(real, sizes)])
    sizes = _joined(counts, np.int64)
    starts_ = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    members_ = _joined(columns, np.int32)
    weights = np.arange(len(members_)) - np.repeat(starts_[:-1], sizes) + 1
    return OrderedSets(_joined(kinds, np.int32), starts_, members_, weights.astype(np.float64))
