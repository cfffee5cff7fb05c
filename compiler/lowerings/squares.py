"""Positive semidefinite quadratic forms as sums of squares of linear forms, for all rows of a template at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..facts.definiteness import SLACK
from ..facts.quadratic_rows import Entries, Parts, dense_parts, parts_of, scaled, sparse_part
from ..forms.linear import Floats
from .affine_rows import Affine, Ints, stacked


def squares_of(entries: Entries) -> tuple[Ints, Affine]:
    """The rows that squares belong to, and the linear forms that are squared: their sum is the quadratic form.

    The forms must be positive semidefinite (``facts.quadratic_rows``). Single entries give their root; a connected
    part gives its Cholesky factor, where that fails its eigenvectors (those of eigenvalues that count as 0 left out),
    a part of very many entries a sparse factor of the matrix with a shift of ``SLACK`` times its largest entry.
    """
    parts, scale = scaled(parts_of(entries))  # else small squares are lost beside large constants
    sizes = np.bincount(parts.label, minlength=parts.count)
    alone = sizes[parts.label] == 1
    owners = [parts.row[alone]]
    pieces = [_singles(parts, scale, alone)]
    which = np.flatnonzero(sizes > 1)
    for size, members, matrices in dense_parts(parts, parts.diagonal, parts.off, which):
        if matrices is not None:
            owner, piece = _dense(parts, scale, which[members], matrices)
        else:
            owner, piece = _sparse(parts, scale, int(which[members[0]]), size)
        owners.append(owner)
        pieces.append(piece)
    return np.concatenate(owners), stacked(pieces)


def _singles(parts: Parts, scale: Floats, alone: NDArray[np.bool_]) -> Affine:
    values = np.sqrt(np.maximum(parts.diagonal[alone], 0.0)) / scale[alone]
    count = len(values)
    return Affine(np.zeros(count), np.arange(count), parts.column[alone], values)


def _dense(parts: Parts, scale: Floats, labels: Ints, matrices: Floats) -> tuple[Ints, Affine]:
    size = matrices.shape[1]
    try:
        factors = np.swapaxes(np.linalg.cholesky(matrices), 1, 2)
    except np.linalg.LinAlgError:  # one of them is singular
        values, vectors = np.linalg.eigh(matrices)
        largest = np.abs(values).max(axis=1, keepdims=True)
        values = np.where(values > SLACK * largest, values, 0.0)
        factors = np.sqrt(values)[:, :, None] * np.swapaxes(vectors, 1, 2)
    order = np.argsort(parts.label, kind="stable")
    starts = np.searchsorted(parts.label[order], labels)
    nodes = order[starts[:, None] + np.arange(size)]  # (count, size), in the order of columns
    which, square, entry = np.nonzero(factors)
    flat = which * size + square
    used, row = np.unique(flat, return_inverse=True)
    at = nodes[which, entry]
    values = factors[which, square, entry] / scale[at]
    piece = Affine(np.zeros(len(used)), row.astype(np.int64), parts.column[at], values)
    return parts.row[nodes[used // size, 0]], piece


def _sparse(parts: Parts, scale: Floats, label: int, size: int) -> tuple[Ints, Affine]:
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    rows, columns, off, diagonal = sparse_part(parts, parts.diagonal, parts.off, label, size)
    shift = SLACK * max(float(np.abs(off).max()), float(np.abs(diagonal).max()))
    entries = np.concatenate([off, off, diagonal + shift])
    at = (np.concatenate([rows, columns, np.arange(size)]), np.concatenate([columns, rows, np.arange(size)]))
    matrix = csc_array((entries, at), shape=(size, size))
    factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    upper = factor.U.tocoo()
    pivots = np.sqrt(factor.U.diagonal())
    nodes = np.flatnonzero(parts.label == label)
    original = np.argsort(factor.perm_c)
    at = nodes[original[upper.col]]
    values = upper.data / pivots[upper.row] / scale[at]
    piece = Affine(np.zeros(size), upper.row.astype(np.int64), parts.column[at], values)
    return np.full(size, parts.row[nodes[0]], dtype=np.int64), piece
