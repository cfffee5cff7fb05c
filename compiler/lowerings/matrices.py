"""Matrix decisions in cones: the upper triangles of ``psd`` families, and rows for their symmetry."""

from __future__ import annotations

from math import isqrt

import numpy as np

from ..forms.linear import Floats
from ..instance.instance import Family
from .affine_rows import Affine
from .cone_draft import ConeDraft


def implied(family: Family, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
    """Bounds (count) of the entries of semidefinite matrices, from bounds of the entries ``lower <= Z <= upper``.

    No diagonal entry is negative, and ``|Z_ij| <= sqrt(Z_ii Z_jj)``.
    """
    size = _size(family)
    if not size or not family.count:
        return lower, upper
    most = upper.reshape(-1, size, size)
    reach = np.sqrt(np.maximum(np.diagonal(most, axis1=1, axis2=2), 0.0)) * (1 + 1e-12)
    with np.errstate(invalid="ignore"):
        product = reach[:, :, None] * reach[:, None, :]
    limit = np.where(np.isnan(product), np.inf, product)
    low = np.where(np.eye(size, dtype=np.bool_), 0.0, -limit).reshape(-1)
    return np.maximum(lower, low), np.minimum(upper, limit.reshape(-1) * (1 + 1e-12))


def _size(family: Family) -> int:
    """How many rows each matrix has."""
    axes = family.layout.shape
    return axes[-1] if len(axes) > 1 else isqrt(family.count)


def matrix_rows(family: Family, draft: ConeDraft) -> None:
    """Each matrix of the family, one for every row of its block, in the semidefinite cone.

    Both triangles are columns; rows say that they are the same.
    """
    size = _size(family)
    each = size * size
    count = family.count // each if each else 0
    if not count:
        return
    column, row = (part.T for part in np.tril_indices(size))  # column by column of the upper triangle
    first = family.offset + each * np.arange(count, dtype=np.int64)
    upper = (first[:, None] + row * size + column).reshape(-1)
    weight = np.tile(np.where(row == column, 1.0, np.sqrt(2.0)), count)
    triangle = len(row)
    rows = np.arange(count * triangle)
    draft.semidefinite(Affine(np.zeros(count * triangle), rows, upper, weight), np.full(count, triangle))
    above = row != column
    high = (first[:, None] + row[above] * size + column[above]).reshape(-1)
    low = (first[:, None] + column[above] * size + row[above]).reshape(-1)
    number = len(high)
    if number:
        twice = np.tile(np.arange(number), 2)
        values = np.repeat([1.0, -1.0], number)
        same = Affine(np.zeros(number), twice, np.concatenate([high, low]), values)
        draft.add_rows(same, np.zeros(number), np.zeros(number))
