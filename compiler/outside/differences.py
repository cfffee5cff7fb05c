"""First derivatives of an outside function by central differences of its values, where one asks for them.

    (f(x + h e_k) - f(x - h e_k)) / 2h,    h = step * max(1, |x_k|)

With the default step, the cube root of the rounding unit, errors of truncation and of rounding are about alike and the
result has about ten digits (J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd ed. (2006), section 8.1). One
gradient takes two values for each entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]

STEP = float(np.finfo(np.float64).eps ** (1 / 3))


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """A function of NumPy arrays whose derivatives are central differences; called, it gives the function's value."""

    function: Callable[..., Any]
    step: float = STEP

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


def differences(function: Callable[..., Any], *, step: float = STEP) -> Differences:
    """The function with first derivatives by central differences, to be given for an ``extern``.

    ``step``: relative to ``max(1, |x|)`` of each entry. The function is evaluated up to a step outside the bounds of
    its decisions. Raises ValueError for a step that is not above 0.
    """
    if not step > 0.0:
        raise ValueError(f"a step is above 0, not {step}")
    return Differences(function, float(step))


@dataclass(frozen=True, slots=True, eq=False)
class ByDifferences:
    """The way of such a function (see ``ways``)."""

    given: Differences
    orders: int = 1
    lacks: str = "its derivatives are differences of values"

    def value(self, arguments: Sequence[Array]) -> object:
        return self.given(*arguments)

    def gradient(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> Sequence[object]:
        return [self._by(k, arguments) for k, own in enumerate(wanted) if own]

    def _by(self, k: int, arguments: Sequence[Array]) -> Floats:
        """The derivatives by the entries of argument ``k``, in its shape."""
        at = np.array(arguments[k], dtype=np.float64)
        found = np.empty(at.size)
        for entry in range(at.size):
            ends = []
            for sign in (1.0, -1.0):
                moved = at.copy().reshape(-1)
                moved[entry] += sign * self.given.step * max(1.0, abs(moved[entry]))
                result = self.given(*arguments[:k], moved.reshape(at.shape), *arguments[k + 1 :])
                ends.append((moved[entry], float(np.asarray(result, dtype=np.float64).reshape(()))))
            (right, high), (left, low) = ends
            found[entry] = (high - low) / (right - left)
        return found.reshape(at.shape)

    def hessian(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> object:
        raise NotImplementedError(self.lacks)

    def product(self, arguments: Sequence[Array], wanted: Sequence[bool], direction: Floats) -> object:
        raise NotImplementedError(self.lacks)
