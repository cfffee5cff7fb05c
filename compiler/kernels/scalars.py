"""The elementwise operations of the kernel IR on NumPy arrays; ``SCALARS`` for single numbers.

Those of the language are the evaluator's own. The others come from derivatives:

    cpow(c, a, e)    c a^e, 0 where c = 0          xlog(p, a)       p log a, 0 where p = 0
    clip(x, d)       x within [-d, d]              excess(x, d)     max(|x| - d, 0)
    inside(x, d)     whether |x| <= d              iszero(x)        whether x = 0
    nonzero(x)       x, 1 where x = 0              select(c, a, b)  a where c is not 0, else b
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..evaluation.elementwise import OPERATIONS

Values = NDArray[Any]


def _cpow(factor: Values, base: Values, exponent: Values) -> Values:
    return np.where(factor == 0, 0.0, factor * np.power(base, exponent))


def _xlog(factor: Values, argument: Values) -> Values:
    return np.where(factor == 0, 0.0, factor * np.log(argument))


def _clip(x: Values, limit: Values) -> Values:
    return np.asarray(np.maximum(np.minimum(x, limit), -limit))


def _excess(x: Values, limit: Values) -> Values:
    return np.asarray(np.maximum(np.abs(x) - limit, 0.0))


DERIVED: dict[str, Callable[..., Any]] = {
    "cpow": _cpow,
    "xlog": _xlog,
    "clip": _clip,
    "excess": _excess,
    "inside": lambda x, limit: np.where(np.abs(x) <= limit, 1.0, 0.0),
    "iszero": lambda x: np.where(x == 0, 1.0, 0.0),
    "nonzero": lambda x: np.where(x == 0, 1.0, x),
    "select": lambda condition, a, b: np.where(condition != 0, a, b),
}

_LANGUAGE = {
    *("add", "sub", "mul", "div", "neg", "pow", "exp", "log", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos"),
    *("atan", "sinh", "cosh", "tanh", "abs", "sign", "entropy", "kl", "huber", "sigmoid", "softplus", "erf"),
}

ARRAYS: dict[str, Callable[..., Values]] = {name: OPERATIONS[name] for name in sorted(_LANGUAGE)} | DERIVED


def _scalar(function: Callable[..., Values]) -> Callable[..., float]:
    def apply(*args: float) -> float:
        with np.errstate(all="ignore"):
            return float(function(*(np.asarray(a, dtype=np.float64) for a in args)))

    return apply


SCALARS: dict[str, Callable[..., float]] = {name: _scalar(function) for name, function in ARRAYS.items()}
