"""What a term is evaluated in: symbols, sets, layouts, data, and the values of decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import UNDEFINED_VALUE
from optc.dsl.diagnostics import Code, Diagnostic
from optc.dsl.program import (
    ComputedSet,
    Expr,
    IndexVar,
    LiteralSet,
    ProductSet,
    RangeSet,
    SetExpr,
    SetOperation,
    SetRef,
    Symbol,
)

from ..spaces.algebra import Table
from ..spaces.domains import Domain, IndexColumn, Values
from ..spaces.layouts import Layout, SetFamily
from ..terms.substitution import free_indices

Datum = Values | IndexColumn


@dataclass(frozen=True, eq=False)
class Scope:
    """``sets``, ``layouts`` and ``data`` grow while an instance is built, in order of dependency.

    ``data``: flat values of parameters by layout, float64, or an ``IndexColumn`` of texts. ``point``: flat values of
    decisions, uncertain names and multipliers, ``(rows,)`` or ``(batch, rows)``; a choice by its option's position in
    ``options``. ``externs``: outside functions by name. ``structure``: what depends on data alone and is kept;
    ``local``: what depends on the point.
    """

    symbols: Mapping[str, Symbol]
    sets: dict[str, Domain | SetFamily] = field(default_factory=dict)
    layouts: dict[str, Layout] = field(default_factory=dict)
    data: dict[str, Datum] = field(default_factory=dict)
    options: dict[str, Domain] = field(default_factory=dict)
    point: Mapping[str, Values] = field(default_factory=dict)
    externs: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    structure: dict[object, object] = field(default_factory=dict)
    local: dict[object, object] = field(default_factory=dict)
    family: str | None = None

    def at(self, point: Mapping[str, Values]) -> Scope:
        """The same with other values of decisions."""
        return replace(self, point=point, local={})

    def named(self, family: str | None) -> Scope:
        """The same while a family is evaluated, for messages."""
        return replace(self, family=family)


class EvaluationError(Exception):
    """An expression has no value somewhere. ``diagnostic`` names the family, the index and the expression."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def undefined(
    term: Expr | SetExpr, table: Table, bad: NDArray[np.bool_], reason: str, scope: Scope, code: Code = UNDEFINED_VALUE
) -> EvaluationError:
    """The error for a term whose value is undefined where ``bad`` (over the table, perhaps batched) holds."""
    place = place_words(term, table, bad, scope)
    return EvaluationError(report(code, term.span, expression=text_of(term), where=place, reason=reason))


def place_words(term: Expr | SetExpr, table: Table, bad: NDArray[np.bool_], scope: Scope) -> str:
    """`` in need, at n = "iron"``: the family and the indices of the first bad row."""
    words = f" in {scope.family}" if scope.family else ""
    row = first_row(table, bad)
    named = [f"{v.name} = {index_text(v, table, row)}" for v in _ordered(free_indices(term) & table.indices)]
    return words + (f"{',' if words else ''} at {', '.join(named)}" if named else "")


def _ordered(indices: frozenset[IndexVar]) -> list[IndexVar]:
    return sorted(indices, key=lambda v: (v.serial < 0, abs(v.serial)))


def first_row(table: Table, bad: NDArray[np.bool_]) -> tuple[int, ...]:
    """The coordinates of the first row where ``bad`` holds."""
    wide = np.broadcast_to(bad, np.broadcast_shapes(bad.shape, table.shape))
    at = np.unravel_index(int(np.argmax(wide)), wide.shape) if wide.ndim else ()
    return tuple(int(k) for k in at[wide.ndim - table.ndim :])


def index_text(var: IndexVar, table: Table, row: tuple[int, ...]) -> str:
    """The value of an index in a row, as one would write it."""
    column = table.column(var)
    position = int(np.broadcast_to(column.positions, table.shape)[row])
    return member_text(column.domain.members.member(position))


def member_text(member: tuple[float | int | str, ...]) -> str:
    """``"iron"``, ``3``, ``("a", "b")``."""
    words = [literal_text(v) for v in member]
    return words[0] if len(words) == 1 else f"({', '.join(words)})"


def entry_text(family: str, key: tuple[float | int | str, ...]) -> str:
    """``need["iron"]``; the bare name of a scalar."""
    return f"{family}[{', '.join(literal_text(v) for v in key)}]" if key else family


def literal_text(value: float | int | str) -> str:
    """A number or a text as one would write it in a model."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def text_of(term: Expr | SetExpr) -> str:
    """The user's spelling, on one line; the kind of the term where it has none."""
    if term.span is not None:
        return " ".join(term.span.text.split())
    from ..terms.printing import set_text, term_text

    sets = (SetRef, RangeSet, ProductSet, SetOperation, LiteralSet, ComputedSet)
    return set_text(term) if isinstance(term, sets) else term_text(term)
