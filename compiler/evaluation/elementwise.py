"""Elementwise operations on arrays, and where each of them is undefined.

``OPERATIONS[op](*arrays)`` never raises and never warns; ``UNDEFINED[op](*arrays)`` gives the mask of the entries at
which the mathematics has no value, and ``REASONS[op]`` says why in words. An operation without an entry there is
defined everywhere (overflow gives infinity, as IEEE 754 says).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]


def _entropy(x: Values) -> Values:
    """``-x log x``, 0 at 0."""
    return np.where(x == 0, 0.0, -x * np.log(np.where(x == 0, 1.0, x)))


def _kl(x: Values, y: Values) -> Values:
    """``x log(x / y)``, 0 at ``x = 0``."""
    zero = x == 0
    return np.where(zero, 0.0, x * (np.log(np.where(zero, 1.0, x)) - np.log(np.where(zero, 1.0, y))))


def _huber(x: Values, delta: Values | float = 1.0) -> Values:
    """``x^2 / 2`` within ``delta`` of 0, tangent lines beyond (Huber 1964)."""
    size = np.abs(x)
    return np.where(size <= delta, x * x / 2, delta * (size - delta / 2))


def _sigmoid(x: Values) -> Values:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _softplus(x: Values) -> Values:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x: Values) -> Values:
    from scipy.special import erf

    return np.asarray(erf(x))


def _power(base: Values, exponent: Values) -> Values:
    if exponent.ndim == 0 and exponent == 2.0:
        return np.square(base)
    return np.power(base, exponent)


def _numeric(function: Callable[..., Any]) -> Callable[..., Values]:
    def apply(*args: Values) -> Values:
        return np.asarray(function(*(a if a.dtype == np.float64 else a.astype(np.float64) for a in args)))

    return apply


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "idiv": np.floor_divide,
    "mod": np.mod,
    "pow": _power,
    "neg": np.negative,
    "min": lambda *a: _folded(np.minimum, a),
    "max": lambda *a: _folded(np.maximum, a),
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "entropy": _entropy,
    "kl": _kl,
    "huber": _huber,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": _erf,
}

OPERATIONS: dict[str, Callable[..., Values]] = {name: _numeric(function) for name, function in _FUNCTIONS.items()}


def _folded(function: Callable[[Values, Values], Values], args: tuple[Values, ...]) -> Values:
    result = args[0]
    for arg in args[1:]:
        result = function(result, arg)
    return result


COMPARISONS: dict[str, Callable[[Values, Values], Values]] = {
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "ge": np.greater_equal,
    "gt": np.greater,
}

UNDEFINED: dict[str, Callable[..., Values]] = {
    "add": lambda a, b: np.isnan(a + b),
    "sub": lambda a, b: np.isnan(a - b),
    "div": lambda a, b: (b == 0) | (np.isinf(a) & np.isinf(b)),
    "idiv": lambda a, b: (b == 0) | (np.isinf(a) & np.isinf(b)),
    "mod": lambda a, b: (b == 0) | np.isinf(a),
    "pow": lambda a, b: ((a == 0) & (b < 0)) | ((a < 0) & np.isfinite(b) & (b != np.floor(b))),
    "log": lambda x: x <= 0,
    "log10": lambda x: x <= 0,
    "sqrt": lambda x: x < 0,
    "sin": np.isinf,
    "cos": np.isinf,
    "tan": np.isinf,
    "asin": lambda x: np.abs(x) > 1,
    "acos": lambda x: np.abs(x) > 1,
    "entropy": lambda x: x < 0,
    "kl": lambda x, y: (x < 0) | (y < 0) | ((y == 0) & (x > 0)),
    "huber": lambda *args: np.asarray(args[1:] and args[1] < 0, dtype=np.bool_),
}

CHECKED = frozenset(UNDEFINED) - {"add", "sub"}
"""Operations whose arguments are looked at each time; ``add`` and ``sub`` fail only on infinities, seen as NaN."""

REASONS: dict[str, str] = {
    "add": "inf and -inf have no sum",
    "sub": "inf and inf have no difference",
    "mul": "0 times inf has no value",
    "div": "the denominator is 0",
    "idiv": "the divisor is 0",
    "mod": "the divisor is 0",
    "pow": "0 to a negative power, or a negative number to a power that is not whole",
    "log": "the argument of log is not positive",
    "log10": "the argument of log10 is not positive",
    "sqrt": "the argument of sqrt is negative",
    "sin": "the argument of sin is infinite",
    "cos": "the argument of cos is infinite",
    "tan": "the argument of tan is infinite",
    "asin": "the argument of asin is outside [-1, 1]",
    "acos": "the argument of acos is outside [-1, 1]",
    "entropy": "the argument of entropy is negative",
    "kl": "an argument of kl is negative, or the second is 0 where the first is not",
    "huber": "the threshold of huber is negative",
}
