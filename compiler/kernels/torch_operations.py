"""The elementwise operations of the kernel IR on torch tensors, as ``scalars`` has them for NumPy.

Values agree to rounding, and NaN and infinities come at the same places. ``INTO`` can write their result where an
argument stands that nothing needs any more.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Operation = Callable[..., Tensor]

INTO: dict[str, Operation] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "neg": torch.neg,
    "pow": torch.pow,
    "exp": torch.exp,
    "log": torch.log,
    "log10": torch.log10,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "asin": torch.asin,
    "acos": torch.acos,
    "atan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "abs": torch.abs,
}


def _sign(x: Tensor) -> Tensor:
    return torch.where(x.isnan(), x, torch.sign(x))  # torch has 0 for the sign of NaN


def _entropy(x: Tensor) -> Tensor:
    zero = x == 0
    return torch.where(zero, 0.0, -x * torch.log(torch.where(zero, 1.0, x)))


def _kl(x: Tensor, y: Tensor) -> Tensor:
    zero = x == 0
    quotient = torch.log(torch.where(zero, 1.0, x)) - torch.log(torch.where(zero, 1.0, y))
    return torch.where(zero, 0.0, x * quotient)


def _huber(x: Tensor, delta: Tensor) -> Tensor:
    size = x.abs()
    return torch.where(size <= delta, x * x / 2, delta * (size - delta / 2))


def _sigmoid(x: Tensor) -> Tensor:
    small = torch.exp(-x.abs())
    return torch.where(x >= 0, 1.0, small) / (1.0 + small)


def _softplus(x: Tensor) -> Tensor:
    return x.clamp(min=0.0) + torch.log1p(torch.exp(-x.abs()))


def _cpow(factor: Tensor, base: Tensor, exponent: Tensor) -> Tensor:
    return torch.where(factor == 0, 0.0, factor * torch.pow(base, exponent))


def _xlog(factor: Tensor, argument: Tensor) -> Tensor:
    return torch.where(factor == 0, 0.0, factor * torch.log(argument))


def _clip(x: Tensor, limit: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(x, limit), -limit)


def _excess(x: Tensor, limit: Tensor) -> Tensor:
    return (x.abs() - limit).clamp(min=0.0)


def _inside(x: Tensor, limit: Tensor) -> Tensor:
    return (x.abs() <= limit).to(torch.float64)


def _iszero(x: Tensor) -> Tensor:
    return (x == 0).to(torch.float64)


def _nonzero(x: Tensor) -> Tensor:
    return torch.where(x == 0, 1.0, x)


def _select(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return torch.where(condition != 0, a, b)


FRESH: dict[str, Operation] = {
    "sign": _sign,
    "entropy": _entropy,
    "kl": _kl,
    "huber": _huber,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "cpow": _cpow,
    "xlog": _xlog,
    "clip": _clip,
    "excess": _excess,
    "inside": _inside,
    "iszero": _iszero,
    "nonzero": _nonzero,
    "select": _select,
}


def whole(base: Tensor, exponent: int) -> Tensor:
    """A whole power other than 0, multiplied out by squaring."""
    square, rest = base, abs(exponent)
    found: Tensor | None = None
    while rest:
        if rest & 1:
            found = square if found is None else found * square
        rest >>= 1
        if rest:
            square = square * square
    assert found is not None
    return torch.reciprocal(found) if exponent < 0 else found
