"""Lower bounds of the eigenvalues of symmetric interval matrices, many at once.

Every matrix of ``C ± R`` has its least eigenvalue at least that of ``C - diag(R 1)``. That of a float64 matrix ``M`` is
estimated, lowered a little, and proved: where the Cholesky factorisation of ``M - shift I`` runs to its end in floating
point, ``M - shift I`` is positive semidefinite up to ``(k + 1) u / (1 - 2 (k + 1) u)`` times its trace.

Source: S. M. Rump, "Verification of positive definiteness", BIT Numerical Mathematics 46 (2006), theorem 2.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels.ends import UNIT, Ends

Floats = NDArray[np.float64]
MARGIN = 1e-12  # of the size of a matrix, taken off the estimate before it is proved
UNDERFLOW = 1e-280


def least_eigenvalue(matrix: Ends, free: NDArray[np.bool_]) -> Floats:
    """For each of ``(2, b, n, n)`` a number below all eigenvalues of the part of the columns ``free`` ``(b, n)``.

    It is -inf where entries are not finite, and 0 where no column is free.
    """
    size = matrix.shape[-1]
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(matrix).all(axis=(0, 2, 3)))
    pairs = free[:, :, None] & free[:, None, :]
    low, high = (np.where(pairs & finite[:, None, None], end, 0.0) for end in matrix)
    with np.errstate(over="ignore", invalid="ignore"):
        centre = 0.5 * low + 0.5 * high
        radius = np.nextafter(np.maximum(high - centre, centre - low), np.inf)
        radius = np.where(pairs, radius, 0.0)
        shift = radius.sum(axis=-1) * (1.0 + 2.0 * (size + 1) * UNIT)
        own = np.arange(size)
        whole = centre.copy()
        whole[:, own, own] = np.nextafter(centre[:, own, own] - shift, -np.inf)
    finite &= np.isfinite(whole).all(axis=(1, 2))
    whole[~finite] = 0.0
    largest = np.abs(whole).max(axis=(1, 2), initial=0.0)
    fixed = ~free
    whole[:, own, own] = np.where(fixed, largest[:, None] + 1.0, whole[:, own, own])
    estimate = np.linalg.eigvalsh(whole)[:, 0] if size else np.zeros(len(whole))
    least = estimate - MARGIN * size * (largest + UNDERFLOW)
    proved = _proved(whole, least)
    least = np.where(free.any(axis=1), proved, 0.0)
    return np.where(finite, least, -np.inf)


def _proved(matrix: Floats, least: Floats) -> Floats:
    """``least`` less what the proof takes off; -inf where there is no proof."""
    size = matrix.shape[-1]
    own = np.arange(size)
    rest = matrix.copy()
    rest[:, own, own] = rest[:, own, own] - least[:, None]
    # The subtraction is off by half a unit of each result, which the trace covers.
    trace = np.abs(rest[:, own, own]).sum(axis=-1)
    positive = np.ones(len(rest), dtype=np.bool_)
    for k in range(size):
        pivot = rest[:, k, k]
        positive &= pivot > 0
        root = np.sqrt(np.where(positive, pivot, 1.0))
        column = rest[:, k + 1 :, k] / root[:, None]
        rest[:, k + 1 :, k + 1 :] -= column[:, :, None] * column[:, None, :]
    taken = 2.0 * ((size + 2) * UNIT / (1.0 - 2.0 * (size + 2) * UNIT)) * trace + UNDERFLOW
    return np.where(positive, np.nextafter(least - taken, -np.inf), -np.inf)
