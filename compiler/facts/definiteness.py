"""Is a symmetric matrix positive or negative semidefinite? Cheap tests first, eigenvalues of each block last."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .components import components

Definiteness = Literal["zero", "positive semidefinite", "negative semidefinite", "indefinite", "unknown"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

DENSE = 2000  # the largest block whose eigenvalues are computed
SLACK = 1e-10  # an eigenvalue this far below zero, relative to the largest entry, counts as zero


def definiteness(starts: Ints, indices: Ints, values: Floats) -> Definiteness:
    """The definiteness of a matrix given by its lower triangle, CSC: ``starts`` ``(n + 1,)``, row ``indices``.

    ``unknown`` only where a connected block is larger than ``DENSE`` and no Cholesky factor proves it definite.
    """
    below = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    kept = values != 0
    if not kept.all():
        indices, below, values = indices[kept], below[kept], values[kept]
    if not len(values):
        return "zero"
    used = np.zeros(len(starts) - 1, dtype=np.bool_)
    used[indices] = used[below] = True
    place = np.cumsum(used) - 1
    count = int(place[-1]) + 1
    rows, columns = (indices, below) if used.all() else (place[indices], place[below])
    diagonal = np.zeros(count)
    on = rows == columns
    diagonal[rows[on]] = values[on]
    if (diagonal > 0).any() and (diagonal < 0).any():
        return "indefinite"
    if on.all():
        return "positive semidefinite" if (diagonal >= 0).all() else "negative semidefinite"
    negative = bool((diagonal < 0).any())
    sign = -1.0 if negative else 1.0
    off_rows, off_columns, off = rows[~on], columns[~on], values[~on]
    if bool(np.any(diagonal[off_rows] * diagonal[off_columns] < off * off * (1 - 1e-9))):
        return "indefinite"
    word: Definiteness = "negative semidefinite" if negative else "positive semidefinite"
    reach = np.bincount(off_rows, np.abs(off), count) + np.bincount(off_columns, np.abs(off), count)
    if bool(np.all(sign * diagonal >= reach)):
        return word  # Gershgorin's discs lie on one side
    return _by_blocks(count, off_rows, off_columns, sign * off, sign * diagonal, word)


def _by_blocks(
    count: int,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    off: Floats,
    diagonal: Floats,
    word: Definiteness,
) -> Definiteness:
    """Whether ``diagonal`` with ``off`` below it is positive semidefinite, one connected block at a time."""
    blocks, label = components(count, rows, columns)
    order = np.argsort(label, kind="stable")
    sizes = np.bincount(label, minlength=blocks)
    ends = np.cumsum(sizes)
    place = np.empty(count, dtype=np.intp)
    place[order] = np.arange(count)
    entry_order = np.argsort(label[rows], kind="stable")
    entry_ends = np.cumsum(np.bincount(label[rows], minlength=blocks))
    answer = word
    for block in np.flatnonzero(sizes > 1):
        first, entry_first = ends[block] - sizes[block], entry_ends[block - 1] if block else 0
        own = entry_order[entry_first : entry_ends[block]]
        matrix_rows, matrix_columns = place[rows[own]] - first, place[columns[own]] - first
        own_diagonal = diagonal[order[first : ends[block]]]
        if sizes[block] <= DENSE:
            if not _dense(matrix_rows, matrix_columns, off[own], own_diagonal):
                return "indefinite"
        elif not sparse_definite(matrix_rows, matrix_columns, off[own], own_diagonal):
            answer = "unknown"
    return answer


def _dense(rows: NDArray[np.integer], columns: NDArray[np.integer], off: Floats, diagonal: Floats) -> bool:
    matrix = np.diag(diagonal)
    matrix[rows, columns] = off
    matrix[columns, rows] = off
    return bool(np.linalg.eigvalsh(matrix)[0] >= -SLACK * np.abs(matrix).max())


def sparse_definite(rows: NDArray[np.integer], columns: NDArray[np.integer], off: Floats, diagonal: Floats) -> bool:
    """Whether a symmetric elimination without row exchanges has positive pivots only (slightly shifted)."""
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    count = len(diagonal)
    shift = SLACK * max(np.abs(off).max(), np.abs(diagonal).max())
    entries = np.concatenate([off, off, diagonal + shift])
    at = (np.concatenate([rows, columns, np.arange(count)]), np.concatenate([columns, rows, np.arange(count)]))
    matrix = csc_array((entries, at), shape=(count, count))
    try:
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:  # a pivot is exactly zero
        return False
    return bool(np.array_equal(factor.perm_r, factor.perm_c) and np.all(factor.U.diagonal() > 0))
