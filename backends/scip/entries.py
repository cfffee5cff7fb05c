"""Sums for SCIP: a constant, multiples of columns, and multiples of nonlinear expressions.

What is linear stays apart as long as it can, so that linear rows come out as such and nothing is multiplied out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any


@cache
def _scip() -> Any:
    return import_module("pyscipopt.scip")


@dataclass(slots=True, eq=False)
class Entry:
    """``constant + sum(columns[j] * x_j) + sum(c * e for c, e in parts)``; ``columns`` by number.

    An entry is not changed once it has been used in another.
    """

    constant: float = 0.0
    columns: dict[int, float] = field(default_factory=dict)
    parts: list[tuple[float, Any]] = field(default_factory=list)
    written: Any = None

    @property
    def number(self) -> float | None:
        """Its value where it is a constant."""
        return None if self.columns or self.parts else self.constant

    @property
    def column(self) -> int | None:
        """The column that it is, or None where it is anything else."""
        if self.constant == 0.0 and not self.parts and len(self.columns) == 1:
            ((column, factor),) = self.columns.items()
            return column if factor == 1.0 else None
        return None

    def add(self, other: Entry, factor: float = 1.0) -> None:
        """Add a multiple of another entry in place."""
        self.constant += factor * other.constant
        for column, value in other.columns.items():
            self.columns[column] = self.columns.get(column, 0.0) + factor * value
        self.parts += [(factor * value, part) for value, part in other.parts]

    def times(self, factor: float) -> Entry:
        """A multiple."""
        return self if factor == 1.0 else total([(factor, self)] if factor != 0.0 else [])


def total(parts: Iterable[tuple[float, Entry]]) -> Entry:
    """A sum of multiples."""
    found = Entry()
    for factor, part in parts:
        found.add(part, factor)
    return found


@dataclass(slots=True, eq=False)
class Algebra:
    """Operations on entries. ``columns``: pyscipopt's expression of each column, by number; more may be added."""

    columns: list[Any]

    def expression(self, entry: Entry) -> Any:
        """An entry as one of pyscipopt's general expressions."""
        if entry.written is None:
            entry.written = self._write(entry)
        return entry.written

    def _write(self, entry: Entry) -> Any:
        column = entry.column
        if column is not None:
            return self.columns[column]
        if entry.constant == 0.0 and not entry.columns and len(entry.parts) == 1 and entry.parts[0][0] == 1.0:
            return entry.parts[0][1]
        found = _scip().SumExpr()
        found.constant = entry.constant
        terms = [(value, self.columns[column]) for column, value in entry.columns.items()]
        found.children = [_multiple(value, part) for value, part in (*terms, *entry.parts)]
        return found

    def product(self, factors: Iterable[Entry]) -> Entry:
        """A product; constants become the factor of the rest."""
        scale, moving = 1.0, []
        for each in factors:
            value = each.number
            if value is None:
                moving.append(each)
            else:
                scale *= value
        if len(moving) < 2 or scale == 0.0:
            return moving[0].times(scale) if moving else Entry(scale)
        found = _scip().ProdExpr()
        found.children = [self.expression(each) for each in moving]
        return Entry(0.0, {}, [(scale, found)])

    def power(self, base: Entry, exponent: float) -> Entry:
        """A power with a number as exponent."""
        value = base.number
        if value is not None:
            return Entry(float(value**exponent))
        if exponent in (0.0, 1.0):
            return base if exponent else Entry(1.0)
        return Entry(0.0, {}, [(1.0, self.expression(base) ** exponent)])

    def applied(self, name: str, argument: Entry) -> Entry:
        """``exp``, ``log``, ``sqrt``, ``sin``, ``cos`` or ``abs`` of an entry."""
        expression = self.expression(argument)
        found = abs(expression) if name == "abs" else getattr(_scip(), name)(expression)
        return Entry(0.0, {}, [(1.0, found)])


def _multiple(factor: float, part: Any) -> Any:
    if factor == 1.0:
        return part
    found = _scip().ProdExpr()
    found.constant = factor
    found.children = [part]
    return found
