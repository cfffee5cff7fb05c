"""Interval arithmetic by whole arrays, rounded outwards: every result holds all values in exact arithmetic.

Sums, products, quotients and square roots are moved by one unit in the last place, and only where float64 did not
give the exact number, which error-free transformations tell (T. J. Dekker, "A floating-point technique for extending
the available precision", Numerische Mathematik 18 (1971); D. E. Knuth, "The Art of Computer Programming", vol. 2,
section 4.2.2). So ``x - 1`` over ``x >= 1`` begins at 0 and not just below it. Elementary functions are moved by
``ULPS`` units, more than their implementations are off. An end that is not known is infinite.
Callers silence NumPy's warnings: overflow and infinities are looked after here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..spaces.algebra import Table, reduce_to
from ..spaces.domains import Values
from .intervals import Interval

Bools = NDArray[np.bool_]

UNIT = 2.0**-53
ULPS = 8
TINY = 1e-300  # covers what underflow may lose
_SPLIT = 134217729.0  # 2**27 + 1

EVERYTHING = Interval(np.asarray(-np.inf), np.asarray(np.inf))


def point(values: Values) -> Interval:
    """The interval of exact numbers."""
    return Interval(values, values)


def constant(value: float) -> Interval:
    return point(np.asarray(value))


def _down(value: Values, error: Values) -> Values:
    """``value`` where its error (exact minus computed) is not negative, else the next number below; NaN is -inf."""
    moved = np.where(error >= 0, value, np.nextafter(value, -np.inf))
    return np.where(np.isnan(value), -np.inf, moved)


def _up(value: Values, error: Values) -> Values:
    moved = np.where(error <= 0, value, np.nextafter(value, np.inf))
    return np.where(np.isnan(value), np.inf, moved)


def _sum_error(a: Values, b: Values, total: Values) -> Values:
    """The exact ``a + b - total``; 0 where an end is infinite, NaN where it overflowed."""
    part = total - a
    error = (a - (total - part)) + (b - part)
    return np.where(np.isinf(a) | np.isinf(b), 0.0, error)


def _product_error(a: Values, b: Values, product: Values) -> Values:
    """The exact ``a * b - product``; NaN (counted as an error) where splitting overflows or underflows."""
    high_a, high_b = a * _SPLIT, b * _SPLIT
    high_a, high_b = high_a - (high_a - a), high_b - (high_b - b)
    low_a, low_b = a - high_a, b - high_b
    error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    small = (np.abs(product) < TINY) & (a != 0) & (b != 0)
    exact = (a == 0) | (b == 0) | np.isinf(a) | np.isinf(b)
    return np.where(exact, 0.0, np.where(small, np.nan, error))


def add(a: Interval, b: Interval) -> Interval:
    low, high = a.lower + b.lower, a.upper + b.upper
    return Interval(
        _down(low, _sum_error(a.lower, b.lower, low)),
        _up(high, _sum_error(a.upper, b.upper, high)),
    )


def negative(a: Interval) -> Interval:
    return Interval(-a.upper, -a.lower)


def subtract(a: Interval, b: Interval) -> Interval:
    return add(a, negative(b))


def multiply(a: Interval, b: Interval) -> Interval:
    """``0 * inf`` is 0: an infinite end is a bound, not a value."""
    if b.lower is b.upper:
        return _times_numbers(a, b.lower)
    if a.lower is a.upper:
        return _times_numbers(b, a.lower)
    lows, highs = [], []
    for x in (a.lower, a.upper):
        for y in (b.lower, b.upper):
            low, high = _end(x, y)
            lows.append(low)
            highs.append(high)
    return Interval(
        np.minimum(np.minimum(lows[0], lows[1]), np.minimum(lows[2], lows[3])),
        np.maximum(np.maximum(highs[0], highs[1]), np.maximum(highs[2], highs[3])),
    )


def _end(x: Values, y: Values) -> tuple[Values, Values]:
    """A product of two ends, rounded down and up."""
    product = np.where((x == 0) | (y == 0), 0.0, x * y)
    error = _product_error(x, y, product)
    return _down(product, error), _up(product, error)


def _times_numbers(a: Interval, numbers: Values) -> Interval:
    """An interval times exact numbers: half the products of two intervals, a quarter where both are numbers."""
    first = _end(a.lower, numbers)
    second = first if a.lower is a.upper else _end(a.upper, numbers)
    if numbers.ndim == 0 and numbers >= 0:
        return Interval(first[0], second[1])
    return Interval(np.minimum(first[0], second[0]), np.maximum(first[1], second[1]))


def reciprocal(a: Interval) -> Interval:
    """``1 / a``; everything where 0 lies inside, one-sided where it is an end."""
    low, high = _quotient(a.upper), _quotient(a.lower)
    inside = (a.lower < 0) & (a.upper > 0) | (a.lower == 0) & (a.upper == 0)
    lower = np.where(inside, -np.inf, np.where(a.upper == 0, -np.inf, low[0]))
    upper = np.where(inside, np.inf, np.where(a.lower == 0, np.inf, high[1]))
    return Interval(lower, upper)


def _quotient(x: Values) -> tuple[Values, Values]:
    """``1 / x`` rounded down and up."""
    found = np.where(x == 0, np.inf, 1.0 / np.where(x == 0, 1.0, x))
    product = found * x
    exact = (product == 1.0) & (_product_error(found, x, product) == 0) | np.isinf(x)
    error = np.where(exact, 0.0, np.nan)
    return _down(found, error), _up(found, error)


def divide(a: Interval, b: Interval) -> Interval:
    """A quotient by data that float64 holds is rounded once; any other is a product with the reciprocal."""
    if b.lower is b.upper:
        at = np.where(b.lower == 0, 1.0, b.lower)
        ends = []
        for x in (a.lower, a.upper):
            found = x / at
            product = found * at
            exact = (product == x) & (_product_error(found, at, product) == 0) | np.isinf(x)
            error = np.where(exact, 0.0, np.nan)
            ends.append((_down(found, error), _up(found, error)))
        swap = at < 0
        lower = np.where(swap, ends[1][0], ends[0][0])
        upper = np.where(swap, ends[0][1], ends[1][1])
        return Interval(np.where(b.lower == 0, -np.inf, lower), np.where(b.lower == 0, np.inf, upper))
    return multiply(a, reciprocal(b))


def square(a: Interval) -> Interval:
    low = a.lower * a.lower
    low_error = _product_error(a.lower, a.lower, low)
    if a.lower is a.upper:
        return Interval(_down(low, low_error), _up(low, low_error))
    high = a.upper * a.upper
    high_error = _product_error(a.upper, a.upper, high)
    across = (a.lower <= 0) & (a.upper >= 0)
    lower = np.where(across, 0.0, np.minimum(_down(low, low_error), _down(high, high_error)))
    return Interval(lower, np.maximum(_up(low, low_error), _up(high, high_error)))


def root(a: Interval) -> Interval:
    """The square root of the part that is not negative."""
    ends = []
    for x in (np.maximum(a.lower, 0.0), np.maximum(a.upper, 0.0)):
        found = np.sqrt(x)
        product = found * found
        exact = (product == x) & (_product_error(found, found, product) == 0) | np.isinf(x)
        error = np.where(exact, 0.0, np.nan)
        ends.append((_down(found, error), _up(found, error)))
    return Interval(np.maximum(ends[0][0], 0.0), ends[1][1])


def size(a: Interval) -> Interval:
    low, high = np.abs(a.lower), np.abs(a.upper)
    across = (a.lower <= 0) & (a.upper >= 0)
    return Interval(np.where(across, 0.0, np.minimum(low, high)), np.maximum(low, high))


def least(a: Interval, b: Interval) -> Interval:
    return Interval(np.minimum(a.lower, b.lower), np.minimum(a.upper, b.upper))


def most(a: Interval, b: Interval) -> Interval:
    return Interval(np.maximum(a.lower, b.lower), np.maximum(a.upper, b.upper))


def within(a: Interval, low: float, high: float) -> Interval:
    """The part of an interval between two numbers; where they do not meet, the nearer of the two."""
    return Interval(np.clip(a.lower, low, high), np.clip(a.upper, low, high))


def hull(a: Interval, b: Interval) -> Interval:
    return Interval(np.minimum(a.lower, b.lower), np.maximum(a.upper, b.upper))


def rounded(values: Values, fixed: Values | None = None) -> Interval:
    """What an elementary function gave, moved outwards; ``fixed`` holds where it is exact."""
    margin = 2 * ULPS * UNIT * np.abs(values) + TINY
    low, high = values - margin, values + margin
    low, high = np.where(np.isinf(values), values, low), np.where(np.isinf(values), values, high)
    # Overflow to infinity says only that the value is beyond the largest number.
    low = np.where(np.isposinf(values), np.finfo(np.float64).max, low)
    high = np.where(np.isneginf(values), -np.finfo(np.float64).max, high)
    low, high = np.where(np.isnan(values), -np.inf, low), np.where(np.isnan(values), np.inf, high)
    if fixed is not None:
        low, high = np.where(fixed, values, low), np.where(fixed, values, high)
    return Interval(low, high)


def rising(function: Callable[[Values], Values], fixed: Callable[[Values], Bools]) -> Callable[[Interval], Interval]:
    """The image under a function that does not fall; ``fixed``: where it is exact."""

    def image(a: Interval) -> Interval:
        low, high = function(a.lower), function(a.upper)
        return Interval(rounded(low, fixed(a.lower)).lower, rounded(high, fixed(a.upper)).upper)

    return image


def power(a: Interval, exponent: Values) -> Interval:
    """``a ** exponent`` for exact exponents over the part of ``a`` where it is defined (not negative unless whole)."""
    if exponent.ndim == 0 and exponent in (1.0, 2.0):
        return a if exponent == 1.0 else square(a)
    whole = exponent == np.rint(exponent)
    low = np.where(whole, a.lower, np.maximum(a.lower, 0.0))
    high = np.where(whole, a.upper, np.maximum(a.upper, 0.0))
    base = Interval(low, high)
    size_ = np.abs(exponent)
    up = _upwards(base, size_)
    under = reciprocal(up)
    found = Interval(np.where(exponent < 0, under.lower, up.lower), np.where(exponent < 0, under.upper, up.upper))
    nothing = exponent == 0
    return Interval(np.where(nothing, 1.0, found.lower), np.where(nothing, 1.0, found.upper))


def _upwards(base: Interval, exponent: Values) -> Interval:
    """A power with an exponent that is not negative."""
    even = exponent % 2 == 0
    ends = []
    for x in (base.lower, base.upper):
        found = np.power(x, exponent)
        whole = (x == np.rint(x)) & (exponent == np.rint(exponent)) & (np.abs(found) < 2.0**52)
        exact = whole | (x == 0) | (x == 1) | np.isinf(x) | (exponent == 1)
        ends.append(rounded(np.where(whole, np.rint(found), found), exact))
    lower, upper = np.minimum(ends[0].lower, ends[1].lower), np.maximum(ends[0].upper, ends[1].upper)
    across = (base.lower <= 0) & (base.upper >= 0)
    lower = np.where(even & across, 0.0, lower)
    squared = square(base)
    two = exponent == 2
    return Interval(np.where(two, squared.lower, lower), np.where(two, squared.upper, upper))


def total(root_: Table, table: Table, a: Interval) -> Interval:
    """The sum over the rows of ``table`` in each row of ``root_``."""
    counts = reduce_to(root_, table, np.ones(()), np.add)
    return Interval(-_summed(root_, table, -a.lower, counts), _summed(root_, table, a.upper, counts))


def _summed(root_: Table, table: Table, ends: Values, counts: Values) -> Values:
    """An upper bound of sums of upper ends; exact where they are multiples of 2^-20 of moderate size."""
    endless = np.isposinf(ends)
    finite = np.where(np.isinf(ends), 0.0, ends)
    found = reduce_to(root_, table, finite, np.add)
    sizes = reduce_to(root_, table, np.abs(finite), np.add)
    scaled = finite * 2.0**20
    broken = reduce_to(root_, table, (scaled != np.rint(scaled)).astype(np.float64), np.add)
    error = np.where((broken == 0) & (sizes < 2.0**32), 0.0, 2 * (counts + 2) * UNIT * sizes + TINY)
    above = np.where(error > 0, np.nextafter(found + error, np.inf), found)
    lost = reduce_to(root_, table, np.isneginf(ends).astype(np.float64), np.add)
    open_ = reduce_to(root_, table, endless.astype(np.float64), np.add)
    return np.where(open_ > 0, np.inf, np.where(lost > 0, -np.inf, above))
