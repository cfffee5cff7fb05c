"""Conditions that let an index run from one number to another, and the rows between the two.

    sum(started[u, s] for s in Hours if s > t - up[u] and s <= t)

Over a run of whole numbers the rows are written down from their ends, in time and memory of what there is, where a
filter would look at every hour of every row first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optc.dsl.program import Apply, Expr, IndexRef, IndexVar

from ..spaces.algebra import Table, by_rows
from ..spaces.domains import Domain, IndexColumn, Positions
from ..terms.substitution import free_indices
from . import evaluate as terms
from .scope import EvaluationError, Scope

_TURNED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


@dataclass(frozen=True, slots=True)
class End:
    """``index op term``, where ``op`` is one of ``lt le gt ge`` and the term does not hold the index."""

    op: str
    term: Expr


def ends_of(conditions: Sequence[Expr], var: IndexVar, known: frozenset[IndexVar]) -> tuple[list[End], list[Expr]]:
    """The conditions that are ends of an index's window, and the others.

    ``known``: the indices that have values before this one. No ends where none depends on those.
    """
    ends: list[End] = []
    others: list[Expr] = []
    for condition in conditions:
        end = _end(condition, var, known)
        if end is None:
            others.append(condition)
        else:
            ends.append(end)
    return (ends, others) if any(free_indices(end.term) for end in ends) else ([], list(conditions))


def _end(condition: Expr, var: IndexVar, known: frozenset[IndexVar]) -> End | None:
    if not (isinstance(condition, Apply) and condition.op in _TURNED):
        return None
    for (one, other), op in ((condition.args, condition.op), (condition.args[::-1], _TURNED[condition.op])):
        if isinstance(one, IndexRef) and one.var == var and free_indices(other) <= known:
            return End(op, other)
    return None


def between(base: Domain, var: IndexVar, ends: Sequence[End], table: Table, scope: Scope) -> Table | None:
    """For every row of the table the members of ``base`` between the ends.

    None where ``base`` is no run of whole numbers, or an end has no value that is a number: a filter is to judge then.
    """
    start = base.members.start
    if start is None:
        return None
    low, high = np.zeros((), dtype=np.intp), np.asarray(base.size - 1, dtype=np.intp)
    for end in ends:
        found = _position(end, start, base.size, table, scope)
        if found is None:
            return None
        if end.op in ("gt", "ge"):
            low = np.maximum(low, found)
        else:
            high = np.minimum(high, found)
    first = np.broadcast_to(low, table.shape).reshape(-1)
    counts = np.maximum(np.broadcast_to(high, table.shape).reshape(-1) - first + 1, 0)
    before = np.cumsum(counts) - counts
    parents = np.repeat(np.arange(table.size), counts)
    members = np.arange(len(parents)) + np.repeat(first - before, counts)
    element = IndexColumn(base, members)
    return by_rows(table, parents, {var: element}, {(var,): element})


def _position(end: End, start: int, size: int, table: Table, scope: Scope) -> Positions | None:
    """The first or last position that the end allows, one beyond the run's where it allows none or all."""
    try:
        number = terms.numbers(terms.value(end.term, table, scope))
    except EvaluationError:
        return None
    if number.dtype == np.object_ or np.isnan(number).any():
        return None
    offset = number - start
    match end.op:
        case "ge":
            offset = np.ceil(offset)
        case "gt":
            offset = np.floor(offset) + 1
        case "le":
            offset = np.floor(offset)
        case _:
            offset = np.ceil(offset) - 1
    found: Positions = np.clip(offset, -1, size).astype(np.intp)
    return found
