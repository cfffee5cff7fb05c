"""Scalar operations of the reference interpreter: plain Python numbers in, one number, text or truth value out.

Each raises ``UndefinedError`` where the mathematics gives nothing. Overflow gives infinity, as IEEE says; NaN is
never returned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

Number = int | float
Value = Number | str | bool | tuple[Number | str, ...]


class UndefinedError(ArithmeticError):
    """An operation has no value at its arguments; the message says why, without a place."""


def number(value: Value) -> Number:
    """A number as it is, a truth value as 0 or 1."""
    if isinstance(value, (str, tuple)):
        raise UndefinedError(f"{value!r} is not a number")
    return int(value) if isinstance(value, bool) else value


def _defined(result: float, what: str) -> float:
    if math.isnan(result):
        raise UndefinedError(f"{what} is undefined")
    return result


def _divide(a: Number, b: Number) -> float:
    if b == 0:
        raise UndefinedError(f"division of {a!r} by zero")
    return _defined(a / b, f"{a!r} / {b!r}")


def _floor_divide(a: Number, b: Number) -> float:
    if b == 0:
        raise UndefinedError(f"{a!r} div 0")
    return _defined(a // b, f"{a!r} div {b!r}")


def _modulo(a: Number, b: Number) -> float:
    if b == 0:
        raise UndefinedError(f"{a!r} mod 0")
    return _defined(a % b, f"{a!r} mod {b!r}")


def _power(a: Number, b: Number) -> float:
    if a == 0 and b < 0:
        raise UndefinedError(f"0 to the power {b!r}")
    if a < 0 and math.isfinite(b) and b != math.floor(b):
        raise UndefinedError(f"{a!r}, which is negative, to the power {b!r}, which is not whole")
    try:
        return _defined(math.pow(a, b), f"{a!r} ^ {b!r}")
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf


def _log(x: Number) -> float:
    if x <= 0:
        raise UndefinedError(f"log of {x!r}, which is not positive")
    return math.log(x)


def _log10(x: Number) -> float:
    if x <= 0:
        raise UndefinedError(f"log10 of {x!r}, which is not positive")
    return math.log10(x)


def _sqrt(x: Number) -> float:
    if x < 0:
        raise UndefinedError(f"sqrt of {x!r}, which is negative")
    return math.sqrt(x)


def _growing(function: Callable[[float], float], odd: bool) -> Callable[[Number], float]:
    """``exp``, ``sinh`` and ``cosh`` reach infinity where Python's ``math`` raises ``OverflowError``."""

    def apply(x: Number) -> float:
        try:
            return function(x)
        except OverflowError:
            return -math.inf if odd and x < 0 else math.inf

    return apply


def _periodic(function: Callable[[float], float], name: str) -> Callable[[Number], float]:
    def apply(x: Number) -> float:
        if math.isinf(x):
            raise UndefinedError(f"{name} of {x!r}")
        return function(x)

    return apply


def _arc(function: Callable[[float], float], name: str) -> Callable[[Number], float]:
    def apply(x: Number) -> float:
        if not -1 <= x <= 1:
            raise UndefinedError(f"{name} of {x!r}, which is outside [-1, 1]")
        return function(x)

    return apply


def _sign(x: Number) -> float:
    return (x > 0) - (x < 0)


def _whole(function: Callable[[Number], int]) -> Callable[[Number], Number]:
    def apply(x: Number) -> Number:
        return x if math.isinf(x) else function(x)

    return apply


def _entropy(x: Number) -> float:
    """``-x log x``, 0 at 0."""
    if x < 0:
        raise UndefinedError(f"entropy of {x!r}, which is negative")
    return 0.0 if x == 0 else -x * math.log(x)


def _kl(x: Number, y: Number) -> float:
    """``x log(x / y)``, 0 at ``x = 0``."""
    if x < 0 or y < 0 or (y == 0 and x > 0):
        raise UndefinedError(f"kl({x!r}, {y!r})")
    return 0.0 if x == 0 else x * (math.log(x) - math.log(y))


def _huber(x: Number, delta: Number = 1) -> float:
    """``x² / 2`` within ``delta`` of 0, tangent lines beyond (Huber 1964)."""
    if delta < 0:
        raise UndefinedError(f"huber with the threshold {delta!r}, which is negative")
    return x * x / 2 if abs(x) <= delta else delta * (abs(x) - delta / 2)


def _sigmoid(x: Number) -> float:
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return math.exp(x) / (1 + math.exp(x))


def _softplus(x: Number) -> float:
    return max(float(x), 0.0) + math.log1p(math.exp(-abs(x)))


NUMERIC: dict[str, Callable[..., Number]] = {
    "add": lambda a, b: _defined(a + b, f"{a!r} + {b!r}"),
    "sub": lambda a, b: _defined(a - b, f"{a!r} - {b!r}"),
    "mul": lambda a, b: _defined(a * b, f"{a!r} * {b!r}"),
    "div": _divide,
    "idiv": _floor_divide,
    "mod": _modulo,
    "pow": _power,
    "neg": lambda a: -a,
    "min": min,
    "max": max,
    "exp": _growing(math.exp, odd=False),
    "log": _log,
    "log10": _log10,
    "sqrt": _sqrt,
    "sin": _periodic(math.sin, "sin"),
    "cos": _periodic(math.cos, "cos"),
    "tan": _periodic(math.tan, "tan"),
    "asin": _arc(math.asin, "asin"),
    "acos": _arc(math.acos, "acos"),
    "atan": math.atan,
    "sinh": _growing(math.sinh, odd=True),
    "cosh": _growing(math.cosh, odd=False),
    "tanh": math.tanh,
    "abs": abs,
    "sign": _sign,
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "round": _whole(round),
    "entropy": _entropy,
    "kl": _kl,
    "huber": _huber,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "erf": math.erf,
}


def compare(op: str, a: Value, b: Value) -> bool:
    """``lt le eq ne ge gt``: a text never equals a number, and has no order with one."""
    if op in ("eq", "ne"):
        return (a == b) == (op == "eq")
    if isinstance(a, str) != isinstance(b, str):
        raise UndefinedError(f"{a!r} and {b!r} have no order")
    if op == "lt":
        return a < b  # type: ignore[operator]
    if op == "le":
        return a <= b  # type: ignore[operator]
    if op == "ge":
        return a >= b  # type: ignore[operator]
    return a > b  # type: ignore[operator]


def _sum(values: Sequence[Number]) -> Number:
    if all(isinstance(v, int) for v in values):
        return sum(values)
    try:
        return math.fsum(values)
    except ValueError:
        raise UndefinedError("a sum of inf and -inf is undefined") from None
    except OverflowError:
        return sum(values)


def _product(values: Sequence[Number]) -> Number:
    result: Number = 1
    for v in values:
        result = NUMERIC["mul"](result, v)
    return result


def _extreme(values: Sequence[Number], op: str, choose: Callable[[Sequence[Number]], Number]) -> Number:
    if not values:
        raise UndefinedError(f"{op} over an empty set")
    return choose(values)


def _logsumexp(values: Sequence[Number]) -> float:
    if not values:
        raise UndefinedError("logsumexp over an empty set")
    top = max(values)
    if math.isinf(top):
        return top
    return top + math.log(math.fsum(math.exp(v - top) for v in values))


def aggregate(op: str, values: Sequence[Number]) -> Number:
    """``sum prod min max norm1 norm2 norminf logsumexp`` of the rows' values; the norms of nothing are 0."""
    if op == "sum":
        return _sum(values)
    if op == "prod":
        return _product(values)
    if op == "min":
        return _extreme(values, op, min)
    if op == "max":
        return _extreme(values, op, max)
    if op == "norm1":
        return _sum([abs(v) for v in values])
    if op == "norm2":
        return math.hypot(*values)
    if op == "norminf":
        return max((abs(v) for v in values), default=0)
    if op == "logsumexp":
        return _logsumexp(values)
    raise AssertionError(f"unknown aggregate {op}")


def interpolate(x: Number, breakpoints: Sequence[Number], values: Sequence[Number]) -> float:
    """The linear interpolation through the points, continued by its first and last slopes."""
    if len(breakpoints) < 2 or len(breakpoints) != len(values):
        raise UndefinedError("piecewise needs two breakpoints or more, and a value for each")
    if any(b >= c for b, c in pairwise(breakpoints)):
        raise UndefinedError(f"the breakpoints {list(breakpoints)} do not increase")
    piece = 0
    while piece < len(breakpoints) - 2 and x > breakpoints[piece + 1]:
        piece += 1
    left, right = breakpoints[piece], breakpoints[piece + 1]
    slope = (values[piece + 1] - values[piece]) / (right - left)
    return _defined(values[piece] + slope * (x - left), f"piecewise at {x!r}")
