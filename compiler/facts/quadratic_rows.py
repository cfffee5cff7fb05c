"""Quadratic forms of the rows of a template: which of them are positive, which negative semidefinite.

Each row has a symmetric matrix of its own. Its connected parts are judged: single entries by their sign, diagonally
dominant parts by Gershgorin's discs, others by the eigenvalues of all parts of one size at once, and parts of more
than ``DENSE`` entries by a sparse factorisation. A smallest eigenvalue above ``-SLACK`` times the largest entry, of a
matrix whose rows are scaled to size 1, counts as not negative, since the matrix of a convex model, calculated in
float64, is seldom semidefinite to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .components import components
from .definiteness import DENSE, SLACK, sparse_definite
from .rounding import Bools

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CHUNK = 4_000_000  # entries of dense matrices that are judged at once


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Products ``value * x[first] * x[second]`` in rows; ``first`` and ``second`` are columns, in any order.

    All of shape ``(entries,)``. A pair may stand more than once: values add up.
    """

    row: Ints
    first: Ints
    second: Ints
    value: Floats


def joined(parts: list[Entries]) -> Entries:
    """All entries of several parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Entries(none, none, none, np.zeros(0))
    return Entries(
        np.concatenate([p.row for p in parts]),
        np.concatenate([p.first for p in parts]),
        np.concatenate([p.second for p in parts]),
        np.concatenate([p.value for p in parts]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The symmetric matrices of all rows as one, by connected parts, entries merged and zeros left out.

    ``row column`` (nodes): what each node stands for, sorted; ``diagonal`` (nodes); off-diagonal entries ``a > b`` by
    node with half of the product's coefficient as ``off``; ``label`` (nodes): its part, of ``count``.
    """

    row: Ints
    column: Ints
    diagonal: Floats
    a: Ints
    b: Ints
    off: Floats
    label: NDArray[np.int32]
    count: int


def parts_of(entries: Entries) -> Parts:
    """The connected parts of the rows' matrices."""
    width = int(max(entries.first.max(initial=0), entries.second.max(initial=0))) + 1
    keys = np.concatenate([entries.row * width + entries.first, entries.row * width + entries.second])
    used, at = np.unique(keys, return_inverse=True)
    nodes = len(used)
    a, b = at[: len(entries.row)], at[len(entries.row) :]
    a, b = np.maximum(a, b), np.minimum(a, b)
    pairs, where = np.unique(a * max(nodes, 1) + b, return_inverse=True)
    values = np.bincount(where, entries.value, len(pairs))
    kept = values != 0
    values = values[kept]
    a, b = np.divmod(pairs[kept], max(nodes, 1))
    diagonal = np.zeros(nodes)
    on = a == b
    diagonal[a[on]] = values[on]
    a, b, off = a[~on], b[~on], values[~on] / 2
    count, label = components(nodes, a, b)
    return Parts(used // width, used % width, diagonal, a, b, off, label, count)


def scaled(parts: Parts) -> tuple[Parts, Floats]:
    """The matrices with rows and columns scaled alike, so that the largest entry of each is about 1; and the scales.

    Scales are powers of two, so nothing is rounded; semidefiniteness is that of the matrices themselves.
    """
    diagonal, off, scale = parts.diagonal, parts.off, np.ones(len(parts.diagonal))
    for _ in range(4):
        largest = np.abs(diagonal)
        np.maximum.at(largest, parts.a, np.abs(off))
        np.maximum.at(largest, parts.b, np.abs(off))
        turn = np.exp2(-np.rint(0.5 * np.log2(np.where(largest > 0, largest, 1.0))))
        diagonal, off = diagonal * turn * turn, off * turn[parts.a] * turn[parts.b]
        scale = scale * turn
    return replace(parts, diagonal=diagonal, off=off), scale


def semidefinite_rows(entries: Entries, rows: int) -> tuple[Bools, Bools]:
    """For each row whether its quadratic form is positive, and whether it is negative semidefinite, ``(rows,)``."""
    if not len(entries.row):
        return np.ones(rows, dtype=np.bool_), np.ones(rows, dtype=np.bool_)
    parts = scaled(parts_of(entries))[0]
    owner = np.zeros(parts.count, dtype=np.int64)
    owner[parts.label] = parts.row
    found = []
    for sign in (1.0, -1.0):
        good = semidefinite_parts(parts, sign)
        bad = np.bincount(owner, ~good, rows)
        found.append(bad == 0)
    return found[0], found[1]


def semidefinite_parts(parts: Parts, sign: float) -> Bools:
    """For each part whether ``sign`` times its matrix is positive semidefinite."""
    diagonal = sign * parts.diagonal
    reach = np.bincount(parts.a, np.abs(parts.off), len(diagonal)) + np.bincount(
        parts.b, np.abs(parts.off), len(diagonal)
    )
    good = np.bincount(parts.label, diagonal < reach, parts.count) == 0
    hopeless = np.bincount(parts.label, diagonal < 0, parts.count) > 0
    ahead = np.bincount(
        parts.label[parts.a], diagonal[parts.a] * diagonal[parts.b] < parts.off**2 * (1 - 1e-9), parts.count
    )
    open_ = np.flatnonzero(~good & ~hopeless & (ahead == 0))
    if len(open_):
        good[open_] = _factorised(parts, diagonal, sign * parts.off, open_)
    return np.asarray(good)


def _factorised(parts: Parts, diagonal: Floats, off: Floats, which: NDArray[np.intp]) -> Bools:
    """Whether some parts are positive semidefinite, all of one size at once."""
    found = np.zeros(len(which), dtype=np.bool_)
    for size, members, matrices in dense_parts(parts, diagonal, off, which):
        if matrices is not None:
            largest = np.abs(matrices).max(axis=(1, 2))
            found[members] = np.linalg.eigvalsh(matrices)[:, 0] >= -SLACK * largest
        else:
            rows, columns, values, own = sparse_part(parts, diagonal, off, int(which[members[0]]), size)
            found[members] = sparse_definite(rows, columns, values, own)
    return found


def dense_parts(
    parts: Parts, diagonal: Floats, off: Floats, which: NDArray[np.intp]
) -> Iterator[tuple[int, NDArray[np.intp], Floats | None]]:
    """Yields ``(size, members, matrices)``: positions in ``which`` of parts of one size, and their dense matrices.

    A part of more than ``DENSE`` nodes comes alone, with None in place of matrices.
    """
    sizes = np.bincount(parts.label, minlength=parts.count)
    number = np.full(parts.count, -1, dtype=np.int64)
    number[which] = np.arange(len(which))
    place = places(parts, sizes)
    for size in np.unique(sizes[which]).tolist():
        members = np.flatnonzero(sizes[which] == size)
        if size > DENSE:
            for member in members:
                yield size, np.array([member]), None
            continue
        step = max(1, CHUNK // (size * size))
        for first in range(0, len(members), step):
            some = members[first : first + step]
            slot = np.full(parts.count, -1, dtype=np.int64)
            slot[which[some]] = np.arange(len(some))
            matrices = np.zeros((len(some), size, size))
            at = slot[parts.label]
            own = at >= 0
            matrices[at[own], place[own], place[own]] = diagonal[own]
            edge = slot[parts.label[parts.a]]
            inside = edge >= 0
            i, j = place[parts.a[inside]], place[parts.b[inside]]
            matrices[edge[inside], i, j] = off[inside]
            matrices[edge[inside], j, i] = off[inside]
            yield size, some, matrices


def places(parts: Parts, sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """The place of each node within its part, in the order of columns."""
    order = np.argsort(parts.label, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found = np.empty(len(order), dtype=np.intp)
    found[order] = np.arange(len(order)) - np.repeat(starts, sizes)
    return found


def sparse_part(
    parts: Parts, diagonal: Floats, off: Floats, part: int, size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
    """Rows, columns and values below the diagonal of one part, and its diagonal (size)."""
    nodes = np.flatnonzero(parts.label == part)
    place = np.full(len(parts.label), -1, dtype=np.intp)
    place[nodes] = np.arange(size)
    inside = parts.label[parts.a] == part
    return place[parts.a[inside]], place[parts.b[inside]], off[inside], diagonal[nodes]
