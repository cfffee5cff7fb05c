"""The arrays of data that kernels read: one for each part of a template that no decision stands in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Expr

from ..evaluation.evaluate import measured
from ..evaluation.scope import Scope, undefined
from ..spaces.algebra import Table
from .loops import Index, Loop

Floats = NDArray[np.float64]


class ShapeChangedError(Exception):
    """New data no longer agree where the old ones did: the kernels must be made anew."""


@dataclass(frozen=True, slots=True, eq=False)
class TermValues:
    """The values of a term over a table, kept once along the axes where ``shape`` has length one."""

    term: Expr
    table: Table
    shape: tuple[int, ...]

    def __call__(self, scope: Scope) -> Floats:
        return _flat(values_of(self.term, self.table, scope), self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class GivenValues:
    """Numbers that are known."""

    values: Floats

    def __call__(self, _scope: Scope) -> Floats:
        return self.values


@dataclass(frozen=True, slots=True, eq=False)
class Datum:
    """One array: ``read`` computes its entries, ``(size,)``; ``uses``: the names of the data they come from.

    ``family``: where it stands, for messages.
    """

    read: Callable[[Scope], Floats]
    size: int
    uses: frozenset[str]
    family: str | None = None

    def values(self, scope: Scope) -> Floats:
        """Its entries with the data of a scope; raises ``EvaluationError``, ``ShapeChangedError``."""
        return self.read(scope.named(self.family))


@dataclass(eq=False)
class DataArrays:
    """``arrays`` in order; the array and index of a term over a table are looked up by its text and the table."""

    arrays: list[Datum] = field(default_factory=list)
    _known: dict[object, tuple[int, Index, Table]] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, object]:
        """Without what is known by identity."""
        return {"arrays": self.arrays, "_known": {}}

    def add(self, read: Callable[[Scope], Floats], size: int, uses: frozenset[str], family: str | None) -> int:
        """A further array, by its number."""
        self.arrays.append(Datum(read, size, uses, family))
        return len(self.arrays) - 1

    def term(self, term: Expr, table: Table, loop: Loop, scope: Scope, uses: frozenset[str]) -> tuple[int, Index]:
        """The array that holds the values of a term over a table, and where each row reads it.

        Values that are the same along an axis are kept once. Raises ``EvaluationError``.
        """
        key = (term, id(table), id(loop))
        if key not in self._known:
            values = values_of(term, table, scope)
            shape = values.shape
            number = self.add(TermValues(term, table, shape), values.size, uses, scope.family)
            self._known[key] = (number, _index_of(shape, table, loop), table)
        number, index, _ = self._known[key]
        return number, index


def values_of(term: Expr, table: Table, scope: Scope) -> Floats:
    """Values of a term, broadcastable to the table's shape; raises ``EvaluationError``."""
    with np.errstate(all="ignore"):
        found = np.asarray(measured(term, table, scope), dtype=np.float64)
    if np.isnan(found).any():
        raise undefined(term, table, np.isnan(found), "it comes out as infinity minus infinity, or 0 times it", scope)
    return found


def _flat(values: Floats, shape: tuple[int, ...]) -> Floats:
    try:
        return np.ascontiguousarray(np.broadcast_to(values, shape)).reshape(-1)
    except ValueError:
        raise ShapeChangedError from None


def _index_of(shape: tuple[int, ...], table: Table, loop: Loop) -> Index:
    size = int(np.prod(shape, dtype=np.int64))
    if size == 1:
        return loop.affine(0, 0)
    if shape == table.shape:
        return loop.own()
    positions = np.broadcast_to(np.arange(size).reshape(shape), table.shape)
    return loop.index(positions.reshape(-1))
