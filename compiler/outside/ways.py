"""How an outside function is called: with NumPy arrays, with torch tensors, or as an object with its own derivatives.

    a function of torch tensors     first and second derivatives by automatic differentiation (``by_torch``)
    an object with ``gradient``     its own first derivatives, and second ones where it has ``hessian``
    ``differences(function)``       central differences of the values (``differences``)
    any other function              values alone

What a function is written for is found out by calling it once. torch is tried where the program has imported it, which
a function written for torch has; it is never imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]


class Way(Protocol):
    """``orders``: how many orders of derivatives there are; ``lacks``: why not two, in words.

    ``arguments``: one array for each; ``wanted``: which of them to differentiate by. What the function gives is handed
    on as it is, for ``calls`` to judge; its exceptions pass.
    """

    @property
    def orders(self) -> int: ...
    @property
    def lacks(self) -> str: ...
    def value(self, arguments: Sequence[Array]) -> object: ...
    def gradient(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> Sequence[object]:
        """One array for each wanted argument."""

    def hessian(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> object:
        """The matrix over the entries of the wanted arguments, one after the other."""

    def product(self, arguments: Sequence[Array], wanted: Sequence[bool], direction: Floats) -> object:
        """That matrix times a vector."""


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """A function of NumPy arrays."""

    function: Callable[..., Any]
    orders: int = 0
    lacks: str = "it is a function of NumPy arrays"

    def value(self, arguments: Sequence[Array]) -> object:
        return self.function(*arguments)

    def gradient(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> Sequence[object]:
        raise NotImplementedError(self.lacks)

    def hessian(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> object:
        raise NotImplementedError(self.lacks)

    def product(self, arguments: Sequence[Array], wanted: Sequence[bool], direction: Floats) -> object:
        raise NotImplementedError(self.lacks)


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """An object that gives its derivatives itself: ``value`` (or the object called), ``gradient``, perhaps ``hessian``.

    Each takes the arguments as NumPy arrays. ``gradient``: one array for each wanted argument in its shape, the array
    itself where there is one. ``hessian``: a square matrix over the entries of the wanted arguments, one after the
    other.
    """

    given: Any

    @property
    def orders(self) -> int:
        return 2 if callable(getattr(self.given, "hessian", None)) else 1

    @property
    def lacks(self) -> str:
        return "it has no method `hessian`"

    def value(self, arguments: Sequence[Array]) -> object:
        found = getattr(self.given, "value", self.given)
        return found(*arguments)

    def gradient(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> Sequence[object]:
        found = self.given.gradient(*arguments)
        if sum(wanted) == 1 and not (isinstance(found, (tuple, list)) and len(found) == 1 and np.ndim(found[0])):
            return [found]
        return list(found) if isinstance(found, (tuple, list)) else [found]

    def hessian(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> object:
        found: object = self.given.hessian(*arguments)
        return found if sum(wanted) else np.zeros((0, 0))

    def product(self, arguments: Sequence[Array], wanted: Sequence[bool], direction: Floats) -> object:
        return np.asarray(self.hessian(arguments, wanted)) @ direction


class UncallableError(Exception):
    """A function fails however it is called: ``faults``, by what it was called with, in words."""

    def __init__(self, faults: Sequence[tuple[str, Exception]]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)


_ways: dict[tuple[int, tuple[bool, ...]], tuple[Any, Way]] = {}
_KEPT = 64  # functions; one is told from another by identity, so it is kept alive here


def way_of(function: Any, arguments: Sequence[Array], wanted: Sequence[bool]) -> Way:
    """The way of a function, found at the given arguments the first time. Raises ``UncallableError``."""
    key = (id(function), tuple(wanted))
    known = _ways.get(key)
    if known is None:
        if len(_ways) >= _KEPT:
            _ways.pop(next(iter(_ways)))
        known = _ways[key] = (function, _found(function, arguments, wanted))
    return known[1]


def _found(function: Any, arguments: Sequence[Array], wanted: Sequence[bool]) -> Way:
    from .differences import ByDifferences, Differences

    if isinstance(function, Differences):
        return ByDifferences(function)
    if callable(getattr(function, "gradient", None)):
        return Own(function)
    if sys.modules.get("torch") is not None:
        return _torch_or_plain(function, arguments, wanted)
    try:
        result = function(*arguments)
    except Exception as fault:  # whatever the user's own code raises
        if sys.modules.get("torch") is None:
            raise UncallableError([("", fault)]) from fault
        return _torch_or_plain(function, arguments, wanted)  # it has just imported it
    plain = not hasattr(result, "requires_grad")
    return Plain(function) if plain else _torch_or_plain(function, arguments, wanted)


def _torch_or_plain(function: Any, arguments: Sequence[Array], wanted: Sequence[bool]) -> Way:
    from .by_torch import NotForTorchError, detached, torch_way

    try:
        return torch_way(function, arguments, wanted)
    except NotForTorchError as error:
        first = error.fault
    try:
        function(*arguments)
    except Exception as fault:  # whatever the user's own code raises
        if first is None:
            return detached(function)
        faults = [("torch tensors", first), ("NumPy arrays", fault)]
        raise UncallableError([("", first)] if str(first) == str(fault) else faults) from fault
    return Plain(function)
