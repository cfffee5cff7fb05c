"""Interval arithmetic on arrays of ends, rounded outwards: ``(2, boxes, rows)``, lower ends first.

The arithmetic of ``facts.rounding`` keeps ends exact where float64 is exact, by error-free transformations, at a
hundred array operations a product. A search evaluates kernels over thousands of boxes, where one unit in the last
place decides nothing: here every result is moved outwards by one unit, at a tenth of the operations. Elementary
functions are those of ``facts.atoms``. ``0 * inf`` is 0: an infinite end is a bound, not a value.

Source: R. E. Moore, R. B. Kearfott, M. J. Cloud, "Introduction to Interval Analysis", SIAM (2009).
Callers silence NumPy's warnings: overflow and infinities are looked after here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..facts import rounding as r
from ..facts.atoms import Atom
from ..facts.intervals import Interval

Ends = NDArray[np.float64]
Bools = NDArray[np.bool_]

UNIT, TINY = r.UNIT, r.TINY
_OUT = np.array([-np.inf, np.inf])


def outwards(found: Ends) -> Ends:
    """Ends moved outwards by one unit in the last place, in place; what is no number becomes infinite."""
    unknown = np.isnan(found)
    if unknown.any():
        found[0][unknown[0]], found[1][unknown[1]] = -np.inf, np.inf
    np.nextafter(found, _OUT.reshape(2, *[1] * (found.ndim - 1)), out=found)
    return found


def loosened(found: Ends, margin: Ends) -> Ends:
    """Ends moved outwards by those of ``margin``; what is no number becomes infinite."""
    return outwards(np.stack([found[0] - margin[0], found[1] + margin[1]]))


def exact(values: NDArray[np.float64]) -> Ends:
    """The ends of exact numbers: both the numbers themselves."""
    return np.stack([values, values])


def _sum(found: Ends) -> Ends:
    """The ends of sums as computed, moved outwards; a sum that is 0 is exact."""
    nought = found == 0
    outwards(found)
    found[nought] = 0.0
    return found


def add(a: Ends, b: Ends) -> Ends:
    return _sum(a + b)


def negative(a: Ends) -> Ends:
    return -a[::-1]


def subtract(a: Ends, b: Ends) -> Ends:
    return _sum(a - b[::-1])


def multiply(a: Ends, b: Ends) -> Ends:
    products = a[:, None] * b[None]
    unknown = np.isnan(products)
    if unknown.any():
        products[unknown] = 0.0
    return _signed(outwards(np.stack([products.min(axis=(0, 1)), products.max(axis=(0, 1))])), a, b)


def _signed(found: Ends, a: Ends, b: Ends) -> Ends:
    """Products or quotients, in place, with the sign that their parts give them: 0 is never passed by rounding."""
    rising, falling = (a[0] >= 0, b[0] >= 0), (a[1] <= 0, b[1] <= 0)
    like = (rising[0] & rising[1]) | (falling[0] & falling[1])
    unlike = (rising[0] & falling[1]) | (falling[0] & rising[1])
    np.maximum(found[0], 0.0, out=found[0], where=like)
    np.minimum(found[1], 0.0, out=found[1], where=unlike)
    return found


def scale(factor: float, a: Ends) -> Ends:
    """An exact number times ``a``."""
    if factor == -1.0:
        return negative(a)
    found = factor * (a if factor >= 0 else a[::-1])
    if factor == 0.0:
        found[...] = 0.0
        return found
    found = outwards(found)
    return _signed(found, a, np.full((2, 1, 1), factor))


def reciprocal(a: Ends) -> Ends:
    """``1 / a``; everything where 0 lies inside, one-sided where it is an end."""
    found = outwards(1.0 / a[::-1])
    nought = (a[0] <= 0) & (a[1] >= 0)
    if nought.any():
        inside = nought & ((a[0] < 0) == (a[1] > 0))
        found[0] = np.where(inside | (nought & (a[1] == 0)), -np.inf, found[0])
        found[1] = np.where(inside | (nought & (a[0] == 0)), np.inf, found[1])
    return found


def divide(a: Ends, b: Ends) -> Ends:
    if ((b[0] <= 0) & (b[1] >= 0)).any():
        return multiply(a, reciprocal(b))
    quotients = a[:, None] / b[None]
    unknown = np.isnan(quotients)
    if unknown.any():  # inf / inf is whatever lies between
        return multiply(a, reciprocal(b))
    return _signed(outwards(np.stack([quotients.min(axis=(0, 1)), quotients.max(axis=(0, 1))])), a, b)


def magnitude(a: Ends) -> Ends:
    """``|a|``, exact."""
    sizes = np.abs(a)
    across = (a[0] <= 0) & (a[1] >= 0)
    return np.stack([np.where(across, 0.0, sizes.min(axis=0)), sizes.max(axis=0)])


def square(a: Ends) -> Ends:
    sizes = magnitude(a)
    return _from_nought(outwards(sizes * sizes), sizes)


def _from_nought(found: Ends, sizes: Ends) -> Ends:
    """Ends, in place, of a function that is 0 at 0 and rises from there, exact where ``sizes`` are 0."""
    np.maximum(found[0], 0.0, out=found[0])
    found[sizes == 0] = 0.0
    return found


def root(a: Ends) -> Ends:
    """The square root of the part that is not negative."""
    inside = np.maximum(a, 0.0)
    return _from_nought(outwards(np.sqrt(inside)), inside)


def whole_power(a: Ends, exponent: int) -> Ends:
    """A whole power of at least 2, multiplied out."""
    if exponent % 2:
        low, high = _grown(np.abs(a), exponent)
        ends = np.where(a[0] >= 0, low[0], -high[0]), np.where(a[1] >= 0, high[1], -low[1])
        return np.stack(ends)
    sizes = magnitude(a)
    low, high = _grown(sizes, exponent)
    return np.stack([low[0], high[1]])


def _grown(sizes: Ends, exponent: int) -> tuple[Ends, Ends]:
    """Bounds from below and from above of the powers of numbers that are not negative."""
    low = high = None
    low_square, high_square = sizes, sizes
    while exponent:
        if exponent & 1:
            low = low_square if low is None else np.maximum(np.nextafter(low * low_square, -np.inf), 0.0)
            high = high_square if high is None else np.nextafter(high * high_square, np.inf)
        exponent >>= 1
        if exponent:
            low_square = np.maximum(np.nextafter(low_square * low_square, -np.inf), 0.0)
            high_square = np.nextafter(high_square * high_square, np.inf)
    assert low is not None and high is not None
    # inf * 0 of the lower bound is 0, the least that it can be.
    return np.where(np.isnan(low), 0.0, low), np.where(np.isnan(high), np.inf, high)


def image(atom: Atom, a: Ends) -> Ends:
    """The values of a function of one argument over the part where it is defined."""
    return of(atom.value(atom.defined(Interval(a[0], a[1]))))


def of(found: Interval) -> Ends:
    """The ends of an interval of ``facts``."""
    return np.stack(np.broadcast_arrays(found.lower, found.upper))


def power(a: Ends, exponent: NDArray[np.float64]) -> Ends:
    """Powers with exact exponents, over the part where they are defined."""
    return of(r.power(Interval(a[0], a[1]), exponent))


def least(a: Ends, b: Ends) -> Ends:
    return np.minimum(a, b)


def most(a: Ends, b: Ends) -> Ends:
    return np.maximum(a, b)


def hull(a: Ends, b: Ends) -> Ends:
    return np.stack([np.minimum(a[0], b[0]), np.maximum(a[1], b[1])])


def meet(a: Ends, b: Ends) -> Ends:
    """The common part; the lower end lies above the upper where there is none."""
    return np.stack([np.maximum(a[0], b[0]), np.minimum(a[1], b[1])])


def clipped(a: Ends, limit: Ends) -> Ends:
    """``max(min(a, limit), -limit)``."""
    return np.maximum(np.minimum(a, limit), negative(limit))


# ------------------------------------------------------------------------------------------------------- by groups
@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Which of ``count`` groups each row belongs to (``owner``), their ``order`` by group, where each group begins
    in that order (``starts``, of the groups in ``filled``, which have rows), and each row's ``rank`` in its group."""

    owner: NDArray[np.int64]
    count: int
    order: NDArray[np.int64] | None
    starts: NDArray[np.int64]
    filled: NDArray[np.int64] | None
    rank: NDArray[np.int64]
    sizes: NDArray[np.float64]


def groups(owner: NDArray[np.int64], count: int) -> Groups:
    """The groups of rows by ``owner``."""
    order = np.argsort(owner, kind="stable")
    sizes = np.bincount(owner, minlength=count)
    filled = np.flatnonzero(sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    rank = np.empty(len(owner), dtype=np.int64)
    rank[order] = np.arange(len(owner)) - np.repeat(starts, sizes)
    ordered = bool(np.all(order == np.arange(len(order))))
    whole = len(filled) == count
    return Groups(
        owner,
        count,
        None if ordered else order,
        starts[filled],
        None if whole else filled,
        rank,
        sizes.astype(np.float64),
    )


def reduced(ufunc: np.ufunc, values: NDArray[np.float64], by: Groups, empty: float) -> NDArray[np.float64]:
    """A ufunc over the rows (the last axis) of each group."""
    if not len(by.starts):
        return np.full((*values.shape[:-1], by.count), empty)
    ordered = values if by.order is None else values[..., by.order]
    found = ufunc.reduceat(ordered, by.starts, axis=-1)
    if by.filled is None:
        return np.asarray(found)
    whole = np.full((*values.shape[:-1], by.count), empty)
    whole[..., by.filled] = found
    return whole


def total(a: Ends, by: Groups) -> Ends:
    """The sum of each group."""
    if len(by.owner) == by.count and by.filled is None:
        return a if by.order is None else a[..., by.order]
    found = reduced(np.add, a, by, 0.0)
    sizes = reduced(np.add, np.abs(a), by, 0.0)
    margin = np.where(np.isinf(sizes), 0.0, 2.0 * (by.sizes + 2.0) * UNIT * sizes) + TINY
    found[0] -= margin[0]
    found[1] += margin[1]
    return outwards(found)


def others(a: Ends, by: Groups) -> Ends:
    """For each row the sum of all other rows of its group."""
    endless = np.isinf(a)
    finite = np.where(endless, 0.0, a)
    found = reduced(np.add, finite, by, 0.0)
    sizes = reduced(np.add, np.abs(finite), by, 0.0)
    counts = reduced(np.add, endless.astype(np.float64), by, 0.0)
    margin = 2.0 * (by.sizes + 3.0) * UNIT * sizes + TINY
    alone = by.sizes == 1.0
    margin = np.where(alone, 0.0, margin)
    rest = found[..., by.owner] - finite
    rest[0] -= margin[0][..., by.owner]
    rest[1] += margin[1][..., by.owner]
    rest = np.where(alone[by.owner], 0.0, rest)
    open_ = counts[..., by.owner] - endless > 0
    rest[0] = np.where(open_[0], -np.inf, rest[0])
    rest[1] = np.where(open_[1], np.inf, rest[1])
    return outwards(rest)


def product(a: Ends, by: Groups) -> Ends:
    """The product of each group."""
    found = exact(np.ones((*a.shape[1:-1], by.count)))
    for k in range(int(by.sizes.max(initial=0))):
        rows = np.flatnonzero(by.rank == k)
        at = by.owner[rows]
        found[..., at] = a[..., rows] if k == 0 else multiply(found[..., at], a[..., rows])
    return found


def other_products(a: Ends, by: Groups) -> Ends:
    """For each row the product of all other rows of its group: what comes before it times what comes after."""
    longest = int(by.sizes.max(initial=0))
    before, after = exact(np.ones(a.shape[1:])), exact(np.ones(a.shape[1:]))
    left = (by.sizes.astype(np.int64) - 1)[by.owner] - by.rank
    for place, so_far in ((by.rank, before), (left, after)):
        at = np.full(by.count, -1)
        for k in range(longest):
            rows = np.flatnonzero(place == k)
            if k:
                last = at[by.owner[rows]]
                so_far[..., rows] = multiply(so_far[..., last], a[..., last])
            at[by.owner[rows]] = rows
    return multiply(before, after)
