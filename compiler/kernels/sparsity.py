"""Sparse patterns from index arrays: where each entry of a derivative goes, duplicates in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .loops import Index, Loop
from .nodes import Node

Ints = NDArray[np.int32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Triples:
    """``node`` over ``loop`` at the places ``rows``, ``columns``, ``(loop.size,)`` each.

    ``node``, ``loop``: None for places that are filled in another way.
    """

    node: Node | None
    loop: Loop | None
    rows: Rows
    columns: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """``rows``, ``columns``: int32, sorted by row and then column, none twice. ``slots``: of each part."""

    rows: Ints
    columns: Ints
    slots: tuple[Index, ...]

    @property
    def size(self) -> int:
        return len(self.rows)


def pattern(parts: Sequence[Triples], width: int) -> Pattern:
    """The pattern of the sum of all parts in a matrix of ``width`` columns."""
    width = max(width, 1)
    keys = [p.rows * width + p.columns for p in parts]
    distinct, places = _ranked(np.concatenate(keys) if keys else np.empty(0, dtype=np.int64))
    slots, at = [], 0
    for part in parts:
        own = places[at : at + len(part.rows)]
        slots.append((part.loop or Loop(len(own))).index(own))
        at += len(own)
    rows = distinct // width
    columns = distinct - rows * width
    return Pattern(rows.astype(np.int32), columns.astype(np.int32), tuple(slots))


def _ranked(keys: Rows) -> tuple[Rows, Rows]:
    """The distinct keys in order, and the place of each key among them."""
    if not len(keys):
        return keys, keys
    if bool(np.all(keys[1:] > keys[:-1])):
        return keys, np.arange(len(keys))
    ordered = np.sort(keys)
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    distinct = ordered if new.all() else ordered[new]
    return distinct, np.searchsorted(distinct, keys)  # each part is in order, or nearly so
