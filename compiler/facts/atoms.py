"""The functions of one argument: where they are defined, and enclosures of their values and first two derivatives.

Everything about their shape follows: a function is convex where its second derivative is not negative, and rises where
its first is not. Where a derivative jumps (``abs huber``) the second one is given with the jump counted as positive
curvature, so that the sign still tells of convexity; ``smooth`` tells such functions apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import numpy as np

from ..spaces.domains import Values
from . import rounding as r
from .intervals import Interval
from .rounding import Bools

Image = Callable[[Interval], Interval]


@dataclass(frozen=True, slots=True)
class Atom:
    """``low`` and ``high``: the interval where it is defined, ``open_low`` without its lower end.

    ``value first second`` take the part of an argument's interval that lies there.
    """

    value: Image
    first: Image
    second: Image
    low: float | Values = -np.inf
    high: float = np.inf
    open_low: bool = False
    smooth: bool = True

    def defined(self, a: Interval) -> Interval:
        """The part of an interval where the function is defined."""
        return Interval(np.clip(a.lower, self.low, self.high), np.clip(a.upper, self.low, self.high))

    def inside(self, a: Interval) -> Bools:
        """Whether it is defined on the whole interval."""
        below = a.lower > self.low if self.open_low else a.lower >= self.low
        return np.asarray(below & (a.upper <= self.high))


def _whole(values: Values) -> Bools:
    return np.asarray((values == 0) | np.isinf(values))


def _never(values: Values) -> Bools:
    return np.isinf(values)


def _all(low: float, high: float) -> Image:
    return lambda _a: Interval(np.asarray(low), np.asarray(high))


_ONE = r.constant(1.0)


def _exp(a: Interval) -> Interval:
    with np.errstate(over="ignore"):
        found = r.rising(np.exp, _whole)(a)
    return r.most(found, r.constant(0.0))


def _log(a: Interval) -> Interval:
    return r.rising(np.log, lambda x: (x == 1) | (x == 0) | np.isinf(x))(a)


def _log10(a: Interval) -> Interval:
    return r.rising(np.log10, lambda x: (x == 1) | (x == 0) | np.isinf(x))(a)


_LOG10 = r.rounded(np.asarray(np.log(10.0)))


def _over_log10(image: Image) -> Image:
    return lambda a: r.multiply(image(a), r.reciprocal(_LOG10))


def _minus(image: Image) -> Image:
    return lambda a: r.negative(image(a))


def _to(exponent: float, factor: float = 1.0) -> Image:
    return lambda a: r.multiply(r.constant(factor), r.power(a, np.asarray(exponent)))


def _wave(a: Interval, shift: float) -> Interval:
    """``sin(x + shift * pi / 2)``: the ends, and 1 or -1 where a peak may lie between them."""
    finite = np.isfinite(a.lower) & np.isfinite(a.upper)
    low, high = np.where(finite, a.lower, 0.0), np.where(finite, a.upper, 0.0)
    function = np.sin if shift == 0 else np.cos
    at_low, at_high = r.rounded(function(low)), r.rounded(function(high))
    found = r.hull(at_low, at_high)

    def peak(where: float) -> Bools:
        first = np.floor((low - where) / (2 * pi) - 1e-9)
        last = np.floor((high - where) / (2 * pi) + 1e-9)
        return np.asarray((last > first) | (np.abs(low) > 1e8) | (np.abs(high) > 1e8))

    top = peak(pi / 2 - shift * pi / 2)
    bottom = peak(-pi / 2 - shift * pi / 2)
    upper = np.where(finite & ~top, np.minimum(found.upper, 1.0), 1.0)
    lower = np.where(finite & ~bottom, np.maximum(found.lower, -1.0), -1.0)
    return Interval(lower, upper)


def _sin(a: Interval) -> Interval:
    return _signed(_wave(a, 0), a, 0.0, pi)


def _cos(a: Interval) -> Interval:
    return _signed(_wave(a, 1), a, -pi / 2, pi / 2)


def _signed(found: Interval, a: Interval, start: float, end: float) -> Interval:
    """Not negative between ``start`` and ``end``, which are roots rounded inwards already or close enough to try."""
    start, end = np.nextafter(start, np.inf) if start else start, np.nextafter(end, -np.inf)
    between = (a.lower >= start) & (a.upper <= end)
    return Interval(np.where(between, np.maximum(found.lower, 0.0), found.lower), found.upper)


def _tan(a: Interval) -> Interval:
    first = np.floor(a.lower / pi + 0.5 - 1e-9)
    last = np.floor(a.upper / pi + 0.5 + 1e-9)
    ends = np.abs(a.lower) + np.abs(a.upper)
    broken = (first != last) | ~(ends < 1e8)
    safe = Interval(np.where(broken, 0.0, a.lower), np.where(broken, 0.0, a.upper))
    found = r.rising(np.tan, _whole)(safe)
    return Interval(np.where(broken, -np.inf, found.lower), np.where(broken, np.inf, found.upper))


def _tan_first(a: Interval) -> Interval:
    return r.add(_ONE, r.square(_tan(a)))


def _tan_second(a: Interval) -> Interval:
    return r.multiply(r.constant(2.0), r.multiply(_tan(a), _tan_first(a)))


def _one_less_square(a: Interval) -> Interval:
    return r.within(r.subtract(_ONE, r.square(a)), 0.0, np.inf)


def _asin_first(a: Interval) -> Interval:
    return r.reciprocal(r.root(_one_less_square(a)))


def _asin_second(a: Interval) -> Interval:
    return r.multiply(a, r.power(_one_less_square(a), np.asarray(-1.5)))


def _atan_first(a: Interval) -> Interval:
    return r.reciprocal(r.add(_ONE, r.square(a)))


def _atan_second(a: Interval) -> Interval:
    return r.multiply(r.constant(-2.0), r.multiply(a, r.square(_atan_first(a))))


_sinh = r.rising(np.sinh, _whole)


def _cosh(a: Interval) -> Interval:
    """Even, and rising in the size of its argument."""
    found = r.rising(np.cosh, _whole)(r.size(a))
    return r.most(found, _ONE)


def _tanh(a: Interval) -> Interval:
    return r.within(r.rising(np.tanh, lambda x: x == 0)(a), -1.0, 1.0)


def _tanh_first(a: Interval) -> Interval:
    return _one_less_square(_tanh(a))


def _tanh_second(a: Interval) -> Interval:
    return r.multiply(r.constant(-2.0), r.multiply(_tanh(a), _tanh_first(a)))


def _sigmoid(a: Interval) -> Interval:
    def function(x: Values) -> Values:
        small = np.exp(-np.abs(x))
        return np.where(x >= 0, 1.0, small) / (1.0 + small)

    return r.within(r.rising(function, _whole)(a), 0.0, 1.0)


def _sigmoid_first(a: Interval) -> Interval:
    s = _sigmoid(a)
    return r.within(r.multiply(s, r.subtract(_ONE, s)), 0.0, 0.25)


def _sigmoid_second(a: Interval) -> Interval:
    """``s (1 - s) (1 - 2 s)``; ``s - 1/2`` has the sign of the argument."""
    return r.negative(r.multiply(_sigmoid_first(a), _tanh(r.multiply(r.constant(0.5), a))))


def _softplus(a: Interval) -> Interval:
    def function(x: Values) -> Values:
        return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))

    return r.most(r.rising(function, _never)(a), r.constant(0.0))


def _erf(a: Interval) -> Interval:
    from scipy.special import erf

    return r.within(r.rising(lambda x: np.asarray(erf(x)), lambda x: x == 0)(a), -1.0, 1.0)


def _erf_first(a: Interval) -> Interval:
    scale = r.rounded(np.asarray(2.0 / np.sqrt(pi)))
    return r.multiply(scale, _exp(r.negative(r.square(a))))


def _erf_second(a: Interval) -> Interval:
    return r.multiply(r.constant(-2.0), r.multiply(a, _erf_first(a)))


def _entropy(a: Interval) -> Interval:
    """``-x log x`` rises to ``1 / e`` and falls from there on."""

    def function(x: Values) -> Values:
        safe = np.where((x > 0) & np.isfinite(x), x, 1.0)
        return np.where(np.isposinf(x), -np.inf, -safe * np.log(safe))

    low, high = (r.rounded(function(x), (x == 0) | (x == 1) | np.isinf(x)) for x in (a.lower, a.upper))
    found = r.hull(low, high)
    peak = 1.0 / np.e
    across = (a.lower <= peak * (1 + 1e-12)) & (a.upper >= peak * (1 - 1e-12))
    return Interval(found.lower, np.where(across, np.maximum(found.upper, peak * (1 + 1e-12)), found.upper))


def _entropy_first(a: Interval) -> Interval:
    return r.subtract(r.constant(-1.0), _log(a))


def _abs_first(a: Interval) -> Interval:
    return Interval(np.where(a.lower >= 0, 1.0, -1.0), np.where(a.upper <= 0, -1.0, 1.0))


def _abs_second(a: Interval) -> Interval:
    one_side = (a.lower >= 0) | (a.upper <= 0)
    return Interval(np.asarray(0.0), np.where(one_side, 0.0, np.inf))


ATOMS: dict[str, Atom] = {
    "exp": Atom(_exp, _exp, _exp),
    "log": Atom(_log, _to(-1.0), _to(-2.0, -1.0), low=0.0, open_low=True),
    "log10": Atom(_log10, _over_log10(_to(-1.0)), _over_log10(_to(-2.0, -1.0)), low=0.0, open_low=True),
    "sqrt": Atom(r.root, _to(-0.5, 0.5), _to(-1.5, -0.25), low=0.0),
    "sin": Atom(_sin, _cos, _minus(_sin)),
    "cos": Atom(_cos, _minus(_sin), _minus(_cos)),
    "tan": Atom(_tan, _tan_first, _tan_second, smooth=True),
    "asin": Atom(r.rising(np.arcsin, lambda x: x == 0), _asin_first, _asin_second, -1.0, 1.0),
    "acos": Atom(
        lambda a: r.negative(r.subtract(r.rising(np.arcsin, lambda x: x == 0)(a), r.rounded(np.asarray(pi / 2)))),
        _minus(_asin_first),
        _minus(_asin_second),
        -1.0,
        1.0,
    ),
    "atan": Atom(r.rising(np.arctan, lambda x: x == 0), _atan_first, _atan_second),
    "sinh": Atom(_sinh, _cosh, _sinh),
    "cosh": Atom(_cosh, _sinh, _cosh),
    "tanh": Atom(_tanh, _tanh_first, _tanh_second),
    "sigmoid": Atom(_sigmoid, _sigmoid_first, _sigmoid_second),
    "softplus": Atom(_softplus, _sigmoid, _sigmoid_first),
    "erf": Atom(_erf, _erf_first, _erf_second),
    "entropy": Atom(_entropy, _entropy_first, _to(-1.0, -1.0), low=0.0),
    "abs": Atom(r.size, _abs_first, _abs_second, smooth=False),
}


def power_atom(exponent: Values) -> Atom:
    """``x ** exponent`` for data exponents; where one is not whole, ``x`` must not be negative.

    A whole negative exponent is defined on both sides of 0; over an interval across it nothing is known.
    """
    whole = np.asarray(exponent == np.rint(exponent))
    falling = bool(np.any((exponent < 0) & ~whole))
    below = exponent - 1
    twice = exponent * below

    def broken(a: Interval) -> Bools:
        return np.asarray((exponent < 0) & (a.lower < 0) & (a.upper > 0))

    def first(a: Interval) -> Interval:
        found = r.multiply(r.point(exponent), r.power(a, below))
        return Interval(np.where(broken(a), -np.inf, found.lower), np.where(broken(a), np.inf, found.upper))

    def second(a: Interval) -> Interval:
        found = r.multiply(r.point(twice), r.power(a, exponent - 2))
        line, two = twice == 0, broken(a)
        lower = np.where(two, -np.inf, np.where(line, 0.0, found.lower))
        return Interval(lower, np.where(two, np.inf, np.where(line, 0.0, found.upper)))

    return Atom(
        lambda a: r.power(a, exponent),
        first,
        second,
        low=np.where(whole, -np.inf, 0.0),
        open_low=falling,
    )


def huber_atom(limit: Interval) -> Atom:
    """The Huber function with a threshold that is data; ``limit``: its interval (a point)."""
    delta = limit.upper

    def value(a: Interval) -> Interval:
        s = r.size(a)
        near = r.multiply(r.constant(0.5), r.square(s))
        far = r.multiply(r.point(delta), r.subtract(s, r.multiply(r.constant(0.5), r.point(delta))))
        return Interval(
            np.where(s.lower <= delta, near.lower, far.lower), np.where(s.upper <= delta, near.upper, far.upper)
        )

    def first(a: Interval) -> Interval:
        return Interval(np.clip(a.lower, -delta, delta), np.clip(a.upper, -delta, delta))

    return Atom(value, first, lambda _a: Interval(np.asarray(0.0), np.asarray(1.0)), smooth=False)
