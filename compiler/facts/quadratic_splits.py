"""Quadratic forms of rows split into squares less one square: ``M = N - d d'`` with ``d = M w / sqrt(-w'Mw)``.

For any ``w`` with ``w'Mw < 0`` the matrix ``N = M + d d'`` has one negative eigenvalue less than ``M`` (``N w = 0``,
and ``N`` agrees with ``M`` on what is conjugate to ``w``). All rows of a template at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .quadratic_rows import Entries, Floats, Ints, Parts, joined, semidefinite_rows
from .rounding import UNIT, Bools


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """Linear forms in rows, ``row column value`` (entries)."""

    row: Ints
    column: Ints
    value: Floats

    def of_rows(self, which: Bools) -> Forms:
        """Those of some rows (rows)."""
        own = which[self.row]
        return Forms(self.row[own], self.column[own], self.value[own])


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """``w = alpha e_i + beta e_j`` by node for each of ``rows`` (count), none of which stands twice."""

    rows: Ints
    i: Ints
    j: Ints
    alpha: Floats
    beta: Floats

    def taken(self, which: Bools) -> Directions:
        return Directions(self.rows[which], self.i[which], self.j[which], self.alpha[which], self.beta[which])


def without_noise(entries: Entries) -> Entries:
    """The entries with those of one pair added up, and sums left out that are zero but for rounding."""
    low, high = np.minimum(entries.first, entries.second), np.maximum(entries.first, entries.second)
    width = int(high.max(initial=0)) + 1
    keys, at = np.unique((entries.row * width + low) * width + high, return_inverse=True)
    value = np.bincount(at, entries.value, len(keys)).astype(np.float64)
    size, count = np.bincount(at, np.abs(entries.value), len(keys)), np.bincount(at, minlength=len(keys))
    kept = np.abs(value) > np.where(count > 1, 8 * count * UNIT * size, 0.0)
    pairs, second = np.divmod(keys[kept], width)
    row, first = np.divmod(pairs, width)
    return Entries(row, first, second, value[kept])


def of_rows(entries: Entries, which: Bools) -> Entries:
    """The entries of some rows (rows)."""
    own = which[entries.row]
    return Entries(entries.row[own], entries.first[own], entries.second[own], entries.value[own])


def by_row(parts: Parts, flagged: Bools, rows: int) -> Ints:
    """How many of the flagged parts each row has (rows)."""
    owner = np.zeros(parts.count, dtype=np.int64)
    owner[parts.label] = parts.row
    return np.bincount(owner, flagged, rows).astype(np.int64)


def semidefinite(entries: Entries, rows: int) -> Bools:
    """For each row whether its matrix is positive semidefinite (rows)."""
    return semidefinite_rows(entries, rows)[0]


def whole(parts: Parts, nodes: Bools) -> Entries:
    """The entries between some nodes."""
    some, edges = np.flatnonzero(nodes), nodes[parts.a] & nodes[parts.b]
    a, b = parts.a[edges], parts.b[edges]
    return joined(
        [
            Entries(parts.row[some], parts.column[some], parts.column[some], parts.diagonal[some]),
            Entries(parts.row[a], parts.column[a], parts.column[b], 2 * parts.off[edges]),
        ]
    )


def degrees(parts: Parts) -> Ints:
    """How many entries beside the diagonal each node has."""
    count = len(parts.diagonal)
    found: Ints = np.bincount(parts.a, minlength=count) + np.bincount(parts.b, minlength=count)
    return found


def split(parts: Parts, w: Directions, rows: int) -> tuple[Forms, Entries]:
    """``d`` and ``N`` of the rows that have a direction, by column; ``w'Mw`` is below zero."""
    image = _image(parts, w)
    value = np.zeros(len(parts.diagonal))
    value[image.column] = image.value
    curve = np.ones(rows)
    curve[w.rows] = -(w.alpha * value[w.i] + w.beta * value[w.j])
    kept = np.zeros(rows, dtype=np.bool_)
    kept[w.rows] = True
    nodes = kept[parts.row]
    nodes[w.i[w.beta == 0]] = False  # the row of a unit vector is zero in N
    some = np.flatnonzero(nodes[image.column])
    first, second = (some[each] for each in pairs(image.row[some]))
    added = image.value[first] * image.value[second] / curve[image.row[first]]
    first_column, second_column = parts.column[image.column[first]], parts.column[image.column[second]]
    twice = np.where(first == second, 1.0, 2.0)
    more = Entries(image.row[first], first_column, second_column, twice * added)
    top = Forms(image.row, parts.column[image.column], image.value / np.sqrt(curve[image.row]))
    return top, without_noise(joined([whole(parts, nodes), more]))


def _image(parts: Parts, w: Directions) -> Forms:
    """``M w`` by node, without zeros."""
    count = len(parts.diagonal)
    weight = np.bincount(w.i, w.alpha, count) + np.bincount(w.j, w.beta, count)
    nodes = np.concatenate([parts.a, parts.b, np.arange(count)])
    other = np.concatenate([parts.b, parts.a, np.arange(count)])
    products = np.concatenate([parts.off, parts.off, parts.diagonal]) * weight[other]
    total, size = (np.bincount(nodes, each, count).astype(np.float64) for each in (products, np.abs(products)))
    kept = np.flatnonzero(np.abs(total) > 8 * UNIT * size)
    return Forms(parts.row[kept], kept, total[kept])


def pairs(row: Ints) -> tuple[Ints, Ints]:
    """Positions of entries of the same row two by two, each pair once and each entry with itself; ``row`` is sorted."""
    starts = np.searchsorted(row, row, side="left")
    before = np.arange(len(row)) - starts + 1
    second = np.repeat(np.arange(len(row)), before)
    within = np.arange(len(second)) - np.repeat(np.cumsum(before) - before, before)
    return starts[second] + within, second
