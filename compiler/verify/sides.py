"""The relations of a model as sides ``h <= 0`` or ``h = 0``, each with the multipliers that row duals give its rows.

The row duals are those of a form whose rows stand for the relations; nothing else of that form is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Apply, Expr, Relation

from ..forms.linear import Floats, LinearForm
from ..instance.instance import ConstraintFamily, Family, Instance
from ..spaces.layouts import Layout


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One relation of a family: ``term`` is its ``h`` over ``layout``, ``multipliers`` (count) are those of its rows.

    They may have the wrong sign where it is no equation.
    """

    name: str
    layout: Layout
    body: Relation
    term: Expr
    equation: bool
    multipliers: Floats

    @property
    def allowed(self) -> Floats:
        """The multipliers without those that have the sign of the other side."""
        return self.multipliers if self.equation else np.maximum(self.multipliers, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Simplices:
    """The rows ``sum(p) == 1`` of decisions whose domain says so: ``columns`` (entries), and for each the multiplier of
    its row as ``weights``; ``multipliers`` (rows).
    """

    columns: NDArray[np.intp]
    weights: Floats
    multipliers: Floats


def sides(instance: Instance, form: LinearForm, y: Floats) -> list[Side] | str:
    """Each relation of each family; the reason why not. ``y`` (m): duals of the problem to minimise."""
    found: list[Side] = []
    at = 0
    for family in instance.constraints:
        body = family.symbol.body
        slices = [part for part in form.rows[at:] if part.name == family.name]
        if not isinstance(body, Relation) or [part.name for part in form.rows[at : at + len(slices)]] != [
            family.name
        ] * len(slices):
            return f"the rows of {family.name} are not those of a relation"
        duals = [y[part.offset : part.offset + part.count] for part in slices]
        if len(duals) == len(body.ops):
            found += [_side(family, body, k, -dual if op != "ge" else dual) for k, (op, dual) in _numbered(body, duals)]
        elif len(duals) == 1 and "eq" not in body.ops:
            found += [_side(family, body, k, _of_one_side(k, op, duals[0])) for k, op in enumerate(body.ops)]
        else:
            return f"the rows of {family.name} are not those of a relation"
        at += len(slices)
    return found


def _numbered(body: Relation, duals: Sequence[Floats]) -> Iterator[tuple[int, tuple[str, Floats]]]:
    return enumerate(zip(body.ops, duals, strict=True))


def _side(family: ConstraintFamily, body: Relation, k: int, multipliers: Floats) -> Side:
    left, right = body.terms[k], body.terms[k + 1]
    low, high = (right, left) if body.ops[k] == "ge" else (left, right)
    term = Apply(body.span, "sub", (low, high))
    return Side(family.name, family.layout, body, term, body.ops[k] == "eq", multipliers)


def _of_one_side(k: int, op: str, dual: Floats) -> Floats:
    """The part of the dual of a range ``a <= body <= b`` that belongs to one of its relations."""
    lower = (op == "le") == (k == 0)
    return np.maximum(dual if lower else -dual, 0.0)


def simplices(instance: Instance, y: Floats, form: LinearForm) -> list[Simplices]:
    """The rows of domains, which follow those of the constraints. ``y`` (m): duals of the problem to minimise."""
    found: list[Simplices] = []
    own_rows = {family.name for family in instance.constraints}
    row = sum(part.count for part in form.rows if part.name in own_rows)
    for family in instance.families:
        if family.domain == "simplex":
            groups = _groups(family)
            own = np.arange(family.offset, family.offset + family.count, dtype=np.intp)
            multipliers = y[row : row + groups]
            found.append(Simplices(own, np.repeat(-multipliers, family.count // max(1, groups)), multipliers))
            row += groups
    return found


def _groups(family: Family) -> int:
    outer, axes = family.symbol.arity - family.symbol.own, 0
    while outer > 0:
        outer -= family.layout.axes[axes].arity
        axes += 1
    return prod(family.layout.shape[:axes])
