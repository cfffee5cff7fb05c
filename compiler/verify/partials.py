"""First derivatives of elementwise operations by each argument, float64, by whole arrays.

Where both sides of a kink meet, the middle of their slopes stands; where there is no derivative, NaN or infinity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import log, pi, sqrt

import numpy as np

from ..evaluation.elementwise import OPERATIONS
from ..spaces.domains import Values

ByOne = Callable[[Values, Values], Values]
ByMany = Callable[[Sequence[Values], Values], list[Values]]

_ONE = np.asarray(1.0)

# Of an operation of one argument: its derivative from the argument and the value.
_OF_ONE: dict[str, ByOne] = {
    "neg": lambda _x, _v: -_ONE,
    "exp": lambda _x, v: v,
    "log": lambda x, _v: np.where(x > 0, 1.0 / x, np.nan),
    "log10": lambda x, _v: np.where(x > 0, 1.0 / (log(10.0) * x), np.nan),
    "sqrt": lambda _x, v: 0.5 / v,
    "sin": lambda x, _v: np.cos(x),
    "cos": lambda x, _v: -np.sin(x),
    "tan": lambda _x, v: 1.0 + v * v,
    "asin": lambda x, _v: 1.0 / np.sqrt((1.0 - x) * (1.0 + x)),
    "acos": lambda x, _v: -1.0 / np.sqrt((1.0 - x) * (1.0 + x)),
    "atan": lambda x, _v: 1.0 / (1.0 + x * x),
    "sinh": lambda x, _v: np.cosh(x),
    "cosh": lambda x, _v: np.sinh(x),
    "tanh": lambda x, _v: (1.0 / np.cosh(np.clip(x, -400.0, 400.0))) ** 2,
    "sigmoid": lambda x, v: v * OPERATIONS["sigmoid"](-x),
    "softplus": lambda x, _v: OPERATIONS["sigmoid"](x),
    "erf": lambda x, _v: 2.0 / sqrt(pi) * np.exp(-x * x),
    "entropy": lambda x, _v: -1.0 - np.log(x),
    "abs": lambda x, _v: np.sign(x),
}


def partials(op: str, args: Sequence[Values], value: Values) -> list[Values] | None:
    """The derivatives of ``op(*args)``, whose value is ``value``; None where none are known."""
    if op in _OF_ONE:
        return [_OF_ONE[op](args[0], value)]
    rule = _OF_MANY.get(op)
    return None if rule is None else rule(args, value)


def power(base: Values, exponent: Values) -> Values:
    """The derivative of ``base ^ exponent`` by the base: 0 where the exponent is 0."""
    if exponent.ndim == 0 and exponent == 2.0:
        return 2.0 * base
    return np.where(exponent == 0.0, 0.0, exponent * np.power(base, exponent - 1.0))


def _power(args: Sequence[Values], value: Values) -> list[Values]:
    base, exponent = args
    return [power(base, exponent), value * np.log(base)]


def _product(args: Sequence[Values], _value: Values) -> list[Values]:
    """The product of the other arguments, which none of them being 0 spoils."""
    if len(args) == 2:
        return [args[1], args[0]]
    before = [_ONE, *accumulate(args[:-1], np.multiply)]
    after = [_ONE, *accumulate(args[:0:-1], np.multiply)][::-1]
    return [np.multiply(a, b) for a, b in zip(before, after, strict=True)]


def _quotient(args: Sequence[Values], value: Values) -> list[Values]:
    return [1.0 / args[1], -value / args[1]]


def _divergence(args: Sequence[Values], _value: Values) -> list[Values]:
    ratio = args[0] / args[1]
    return [np.log(ratio) + 1.0, -ratio]


def _huber(args: Sequence[Values], _value: Values) -> list[Values]:
    x = args[0]
    if len(args) == 1:
        return [np.clip(x, -1.0, 1.0)]
    threshold = args[1]
    return [np.clip(x, -threshold, threshold), np.maximum(np.abs(x) - threshold, 0.0)]


def _chosen(args: Sequence[Values], value: Values) -> list[Values]:
    """Of ``min`` and ``max``: one over the number of arguments that reach the value."""
    reach = [np.where(np.isnan(value), np.nan, arg == value) for arg in args]
    count = sum(reach, np.zeros(()))
    return [each / count for each in reach]


_OF_MANY: dict[str, ByMany] = {
    "add": lambda args, _v: [_ONE for _ in args],
    "sub": lambda args, _v: [_ONE, *(-_ONE for _ in args[1:])],
    "mul": _product,
    "div": _quotient,
    "pow": _power,
    "min": _chosen,
    "max": _chosen,
    "kl": _divergence,
    "huber": _huber,
}
