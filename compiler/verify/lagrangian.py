"""The Lagrangian of a model at a point, from the model's own terms, in intervals that hold its exact value and slopes.

    L(x) = f(x) + sum of l_k h_k(x),    h_k <= 0 (or = 0) the sides of the relations as they are written

``f`` is the objective, turned where it is to maximise. The multipliers come from row duals of a form whose rows stand
for the relations; nothing else of that form is used here: values and slopes are those of ``facts.enclosure`` and
``facts.slopes`` over the point alone, rounded outwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from optc.dsl.program import Apply, Expr, Relation

from ..evaluation.scope import EvaluationError, entry_text
from ..facts.bounds import propagate
from ..facts.enclosure import enclosure
from ..facts.region import Region
from ..facts.slopes import slopes
from ..forms.linear import Floats, LinearForm
from ..instance.instance import ConstraintFamily, Family, Instance
from ..spaces.algebra import UNIT, Table, wide
from ..spaces.layouts import Layout
from .rows import largest_terms

UNIT_ROUNDING = 2.0**-53
TINY = 1e-300  # covers what underflow may lose


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Rows ``h <= 0``, or ``h = 0`` of an equation, with a multiplier each (count), and the names of the rows.

    ``lower <= h <= upper``; ``wrong``: how far the given multiplier had the sign of the other side; ``size``: of the
    largest term; all (count).
    """

    name: str
    layout: Layout
    equation: bool
    lower: Floats
    upper: Floats
    multipliers: Floats
    wrong: Floats
    size: Floats

    def row(self, k: int) -> str:
        return entry_text(self.name, self.layout.key(k))


@dataclass(frozen=True, slots=True, eq=False)
class Lagrangian:
    """``value_lower <= L(x) <= value_upper``, and the same of its slopes by each decision (n).

    ``size`` (n): the largest of the terms that make up each slope.
    """

    value_lower: float
    value_upper: float
    lower: Floats
    upper: Floats
    size: Floats
    sides: tuple[Side, ...]

    @property
    def slope(self) -> Floats:
        return 0.5 * (self.lower + self.upper)


def lagrangian(instance: Instance, form: LinearForm, x: Floats, y: Floats) -> Lagrangian | str:
    """The Lagrangian at columns ``x`` of ``form``, with its row duals ``y`` (m); the reason why it cannot be had.

    Columns that stand for aggregates follow the model's own, and their rows the model's: they are eliminated, which
    leaves the multipliers of the other rows as they are.
    """
    with np.errstate(all="ignore"):
        try:
            return _Sum(instance, x[: instance.columns]).of(form, y)
        except EvaluationError as error:
            return error.diagnostic.message
        except ValueError as reason:  # a term without a derivative that is known
            return str(reason)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One relation of a family as ``h``, with its multipliers before their signs are looked at."""

    name: str
    layout: Layout
    body: Relation
    term: Expr
    equation: bool
    multipliers: Floats


class _Sum:
    """Adds up the objective and the sides."""

    def __init__(self, instance: Instance, x: Floats) -> None:
        self.instance = instance
        self.x = x
        ranges = replace(propagate(instance), lower=x, upper=x)
        self.region = Region(ranges, frozenset(family.name for family in instance.families))
        self.point = {f.name: x[f.offset : f.offset + f.count] for f in instance.families}
        self.columns: list[np.ndarray] = []
        self.ends: list[tuple[Floats, Floats]] = []
        self.values: list[tuple[Floats, Floats]] = []
        self.sides: list[Side] = []

    def of(self, form: LinearForm, y: Floats) -> Lagrangian | str:
        instance = self.instance
        stated = instance.program.root.objective
        sign = -1.0 if form.sense == "maximize" else 1.0
        if stated is not None and stated.expression is not None:
            self._add(stated.expression, UNIT, np.array([sign]))
        parts = _parts(instance, form, sign * y)
        if isinstance(parts, str):
            return parts
        for part in parts:
            self._side(part)
        self._simplices(form, sign * y)
        return self._total()

    def _side(self, part: _Part) -> None:
        wanted = part.multipliers if part.equation else np.maximum(part.multipliers, 0.0)
        low, high = self._add(part.term, part.layout.table, wanted)
        family = self.instance.constraint(part.name)
        size = largest_terms(self.instance, family, part.body, self.point)
        wrong = np.zeros_like(wanted) if part.equation else np.maximum(-part.multipliers, 0.0)
        self.sides.append(Side(part.name, part.layout, part.equation, low, high, wanted, wrong, size))

    def _simplices(self, form: LinearForm, y: Floats) -> None:
        """The rows ``sum(p) == 1`` of decisions whose domain says so; they follow the rows of the constraints."""
        own_rows = {family.name for family in self.instance.constraints}
        row = sum(part.count for part in form.rows if part.name in own_rows)
        for family in self.instance.families:
            if family.domain == "simplex":
                groups = _groups(family)
                own = np.arange(family.offset, family.offset + family.count)
                weights = np.repeat(-y[row : row + groups], family.count // max(1, groups))
                exact = weights * self.x[own], weights
                self.columns.append(own)
                self.ends.append((weights, weights))
                error = 4 * UNIT_ROUNDING * np.abs(exact[0]) + TINY
                self.values.append((exact[0] - error, exact[0] + error))
                self.values.append((y[row : row + groups], y[row : row + groups]))
                row += groups

    def _add(self, term: Expr, table: Table, weights: Floats) -> tuple[Floats, Floats]:
        """Adds a term of each row of a table times a weight; gives the ends of its values (rows)."""
        found = enclosure(self.region, term, table)
        low, high = (wide(np.asarray(end, dtype=np.float64), table.shape) for end in (found.lower, found.upper))
        each = slopes(self.region, term, table)
        self.values.append(_times(weights, low, high))
        self.columns.append(each.column)
        self.ends.append(_times(weights[each.row], each.lower, each.upper))
        return low, high

    def _total(self) -> Lagrangian:
        n = self.instance.columns
        columns = np.concatenate([*self.columns, np.zeros(0, dtype=np.int64)])
        lows, highs = (np.concatenate([*(pair[k] for pair in self.ends), np.zeros(0)]) for k in (0, 1))
        size = np.maximum(np.abs(lows), np.abs(highs))
        count = np.bincount(columns, minlength=n)
        error = 2 * (count + 1) * UNIT_ROUNDING * np.bincount(columns, size, n) + TINY
        largest = np.zeros(n)
        np.maximum.at(largest, columns, size)
        own = [np.concatenate([*(pair[k] for pair in self.values), np.zeros(0)]) for k in (0, 1)]
        slack = 2 * (len(own[0]) + 1) * UNIT_ROUNDING * float(np.maximum(np.abs(own[0]), np.abs(own[1])).sum()) + TINY
        return Lagrangian(
            float(own[0].sum()) - slack,
            float(own[1].sum()) + slack,
            np.bincount(columns, lows, n) - error,
            np.bincount(columns, highs, n) + error,
            largest,
            tuple(self.sides),
        )


def _times(weights: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The ends of weights times intervals, rounded outwards; a weight of zero takes the term out."""
    one, two = (np.where(weights == 0.0, 0.0, weights * end) for end in (low, high))
    down, up = np.minimum(one, two), np.maximum(one, two)
    exact = (np.abs(weights) == 1.0) | (weights == 0.0)
    return np.where(exact, down, np.nextafter(down, -np.inf)), np.where(exact, up, np.nextafter(up, np.inf))


def _groups(family: Family) -> int:
    outer, axes = family.symbol.arity - family.symbol.own, 0
    while outer > 0:
        outer -= family.layout.axes[axes].arity
        axes += 1
    return prod(family.layout.shape[:axes])


# --------------------------------------------------------------------------------------- from rows to the model's sides
def _parts(instance: Instance, form: LinearForm, y: Floats) -> list[_Part] | str:
    """Each relation of each family with the multipliers of its rows. ``y``: duals of the problem to minimise."""
    found: list[_Part] = []
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
            found += [_part(family, body, k, -dual if op != "ge" else dual) for k, (op, dual) in _numbered(body, duals)]
        elif len(duals) == 1 and "eq" not in body.ops:
            found += [_part(family, body, k, _of_side(k, op, duals[0])) for k, op in enumerate(body.ops)]
        else:
            return f"the rows of {family.name} are not those of a relation"
        at += len(slices)
    return found


def _numbered(body: Relation, duals: Sequence[Floats]) -> Iterator[tuple[int, tuple[str, Floats]]]:
    return enumerate(zip(body.ops, duals, strict=True))


def _part(family: ConstraintFamily, body: Relation, k: int, multipliers: Floats) -> _Part:
    left, right = body.terms[k], body.terms[k + 1]
    low, high = (right, left) if body.ops[k] == "ge" else (left, right)
    term = Apply(body.span, "sub", (low, high))
    return _Part(family.name, family.layout, body, term, body.ops[k] == "eq", multipliers)


def _of_side(k: int, op: str, dual: Floats) -> Floats:
    """The part of the dual of a range ``a <= body <= b`` that belongs to one of its relations."""
    lower = (op == "le") == (k == 0)
    return np.maximum(dual if lower else -dual, 0.0)
