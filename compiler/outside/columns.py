"""Calls of outside functions at points of an instance's columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import ExternCall

from ..evaluation.scope import entry_text
from ..spaces.layouts import Layout
from .calls import Call, call_of, family_array

if TYPE_CHECKING:
    from ..instance.instance import Family, Instance

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Argument:
    """A family as an argument: the columns from ``offset`` on, or ``data`` that are known."""

    name: str
    layout: Layout
    offset: int = 0
    data: Array | None = None

    def at(self, x: Floats) -> Array:
        """Its array at a point ``(n,)``; of decisions a copy, which the function may keep."""
        if self.data is not None:
            return self.data
        own = x[self.offset : self.offset + self.layout.size]
        return np.array(own, dtype=np.float64).reshape(self.layout.shape)


@dataclass(frozen=True, slots=True, eq=False)
class PlacedCall:
    """A call with the columns of its arguments: ``entries``, of those with decisions, one after the other.

    Points are columns ``(n,)``, derivatives are by ``entries``. All raise ``OutsideError``.
    """

    call: Call
    arguments: tuple[Argument, ...]
    entries: Ints

    def at(self, x: Floats) -> list[Array]:
        """The arguments at a point."""
        return [argument.at(x) for argument in self.arguments]

    def value(self, x: Floats) -> float:
        return self.call.value(self.at(x))

    def gradient(self, x: Floats) -> Floats:
        return self.call.gradient(self.at(x))

    def hessian(self, x: Floats) -> Floats:
        return self.call.hessian(self.at(x))

    def product(self, x: Floats, v: Floats) -> Floats:
        """The Hessian times a direction ``v`` by entries."""
        return self.call.product(self.at(x), v)

    def entry(self, column: int) -> str:
        """A column as one would write it in a model."""
        for argument in self.arguments:
            if argument.data is None and 0 <= column - argument.offset < argument.layout.size:
                return entry_text(argument.name, argument.layout.key(column - argument.offset))
        raise AssertionError("a call has no such column")


def placed_call(term: ExternCall, instance: Instance) -> PlacedCall:
    """A call of an instance. Raises ``OutsideError`` where there is no function for it."""
    families = {family.name: family for family in instance.families}
    call = call_of(term, instance.scope, [instance.is_decision(arg.symbol) for arg in term.args])
    arguments = tuple(_argument(arg.symbol, families, instance) for arg in term.args)
    return PlacedCall(call, arguments, entries_of(term, instance))


def _argument(name: str, families: Mapping[str, Family], instance: Instance) -> Argument:
    layout = instance.scope.layouts[name]
    if instance.is_decision(name):
        return Argument(name, layout, families[name].offset)
    data = family_array(name, instance.scope)[0].view()
    data.flags.writeable = False
    return Argument(name, layout, data=data)


def entries_of(term: ExternCall, instance: Instance) -> Ints:
    """The columns of the arguments with decisions, one after the other."""
    families = [instance.family(arg.symbol) for arg in term.args if instance.is_decision(arg.symbol)]
    parts = [np.arange(f.offset, f.offset + f.count, dtype=np.int64) for f in families]
    return np.concatenate([*parts, np.zeros(0, dtype=np.int64)])
