"""Values of quadratic functions at their centres: where the slope is zero, as far as the squares reach.

A constant that is small beside the numbers it is left over from, as in ``(x - 1e5)^2 <= t^2 + 0.01``, lies below what
eigenvalues of the whole matrix can tell. With ``q(x) = x'Ax + 2 m'x + c`` the number ``c - m'A^-1 m`` can: by
Haynsworth's formula the matrix of ``q`` has one negative eigenvalue more than ``A`` where it is negative (E. V.
Haynsworth, "Determination of the inertia of a partitioned Hermitian matrix", Linear Algebra Appl. 1 (1968)).
"""

from __future__ import annotations

import numpy as np

from .definiteness import SLACK
from .quadratic_rows import Entries, Floats, Ints, Parts, dense_parts, parts_of, scaled, sparse_part
from .rounding import UNIT, Bools


def negative_centres(entries: Entries, one: int, rows: int) -> Bools:
    """For each row whether the value at the centre is negative, by more than rounding explains (rows).

    ``entries``: of matrices whose column ``one`` stands for 1.
    """
    constant = np.zeros((2, rows))
    fixed = (entries.first == one) & (entries.second == one)
    for k, each in enumerate((entries.value, np.abs(entries.value))):
        constant[k] = np.bincount(entries.row[fixed], each[fixed], rows)
    mixed = (entries.first == one) != (entries.second == one)
    linear = _Linear(entries.row[mixed], np.minimum(entries.first, entries.second)[mixed], entries.value[mixed] / 2)
    squares = ~fixed & ~mixed
    parts = parts_of(
        Entries(entries.row[squares], entries.first[squares], entries.second[squares], entries.value[squares])
    )
    slope = linear.at(parts)
    lost, size = _of_parts(parts, slope)
    count = np.bincount(entries.row, minlength=rows)
    at = parts.row
    value = constant[0] - np.bincount(at, lost, rows)
    error = 8 * UNIT * (count + 2) * (constant[1] + np.bincount(at, size, rows))
    return np.asarray(value < -error)


class _Linear:
    """Coefficients ``m`` of linear terms, by row and column."""

    def __init__(self, row: Ints, column: Ints, value: Floats) -> None:
        self.width = int(column.max(initial=0)) + 1
        self.keys, at = np.unique(row * self.width + column, return_inverse=True)
        self.value = np.bincount(at, value, len(self.keys)).astype(np.float64)

    def at(self, parts: Parts) -> Floats:
        """Those of the nodes of some parts (nodes)."""
        if not len(self.keys):
            return np.zeros(len(parts.row))
        inside = parts.column < self.width
        keys = parts.row * self.width + np.where(inside, parts.column, 0)
        place = np.clip(np.searchsorted(self.keys, keys), 0, len(self.keys) - 1)
        return np.where(inside & (self.keys[place] == keys), self.value[place], 0.0)


def _of_parts(parts: Parts, slope: Floats) -> tuple[Floats, Floats]:
    """Numbers that add up to ``m'A^-1 m``, and what their errors are relative to (nodes): their sizes times conditions.

    Large parts are shifted by ``SLACK`` times their largest entry first.
    """
    lost, size = np.zeros(len(slope)), np.zeros(len(slope))
    sizes = np.bincount(parts.label, minlength=parts.count)
    alone = (sizes[parts.label] == 1) & (parts.diagonal != 0)
    lost[alone] = slope[alone] ** 2 / parts.diagonal[alone]
    size[alone] = np.abs(lost[alone])
    sloped = np.bincount(parts.label, slope != 0, parts.count) > 0
    which = np.flatnonzero(sloped & (sizes > 1)).astype(np.int64)
    even, scale = scaled(parts)
    order, starts = np.argsort(parts.label, kind="stable"), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for width, members, matrices in dense_parts(even, even.diagonal, even.off, which):
        nodes = order[starts[which[members]][:, None] + np.arange(width)]
        right = (slope * scale)[nodes]
        if matrices is None:
            lost[nodes] = right * _solved(even, int(which[members[0]]), width, right[0])
            size[nodes] = np.abs(lost[nodes]) / SLACK  # of a part as ill-conditioned as it is let be
            continue
        values, vectors = np.linalg.eigh(matrices)
        largest = np.abs(values).max(axis=1, keepdims=True)
        zero = np.abs(values) <= SLACK * largest
        inside = np.einsum("kij,ki->kj", vectors, right)
        lost[nodes] = np.where(zero, 0.0, inside**2 / np.where(zero, 1.0, values))  # by eigenvector, added up by row
        size[nodes] = np.abs(lost[nodes]) * np.where(zero, 1.0, largest / np.where(zero, 1.0, np.abs(values)))
    return lost, size


def _solved(parts: Parts, part: int, width: int, right: Floats) -> Floats:
    """``A^-1 right`` of a large part (width)."""
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    rows, columns, off, diagonal = sparse_part(parts, parts.diagonal, parts.off, part, width)
    shift = SLACK * max(float(np.abs(off).max()), float(np.abs(diagonal).max()))
    at = (np.concatenate([rows, columns, np.arange(width)]), np.concatenate([columns, rows, np.arange(width)]))
    matrix = csc_array((np.concatenate([off, off, diagonal + shift]), at), shape=(width, width))
    found: Floats = splu(matrix).solve(right)
    return found
