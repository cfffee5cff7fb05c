"""The Lagrangian of a model at a point, in intervals that hold its exact value and slopes (see ``lagrangian``).

Values and slopes are those of ``facts.enclosure`` and ``facts.slopes`` over the point alone, rounded outwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optc.dsl.program import Expr

from ..evaluation.scope import EvaluationError
from ..facts.bounds import Ranges
from ..facts.enclosure import enclosure
from ..facts.region import Region
from ..facts.slopes import slopes
from ..forms.linear import Floats, LinearForm
from ..instance.instance import Instance
from ..spaces.algebra import UNIT, Table, wide
from .sides import Simplices, sides, simplices

UNIT_ROUNDING = 2.0**-53
TINY = 1e-300  # covers what underflow may lose


@dataclass(frozen=True, slots=True, eq=False)
class EnclosedLagrangian:
    """``value_lower <= L(x) <= value_upper``, and the same of its slopes by each decision (n)."""

    value_lower: float
    value_upper: float
    lower: Floats
    upper: Floats


def enclosed_lagrangian(instance: Instance, form: LinearForm, x: Floats, y: Floats) -> EnclosedLagrangian | str:
    """As ``lagrangian``: at columns ``x`` with row duals ``y`` (m), or the reason why it cannot be had."""
    sign = -1.0 if form.sense == "maximize" else 1.0
    relations = sides(instance, form, sign * y)
    if isinstance(relations, str):
        return relations
    with np.errstate(all="ignore"):
        try:
            found = _Sum(instance, x[: instance.columns])
            stated = instance.program.root.objective
            if stated is not None and stated.expression is not None:
                found.add(stated.expression, UNIT, np.array([sign]))
            for side in relations:
                found.add(side.term, side.layout.table, side.allowed)
            for group in simplices(instance, sign * y, form):
                found.add_simplices(group)
            return found.total()
        except EvaluationError as error:
            return error.diagnostic.message
        except ValueError as reason:  # a term without a derivative that is known
            return str(reason)


class _Sum:
    """Adds up the objective and the sides."""

    def __init__(self, instance: Instance, x: Floats) -> None:
        none = np.zeros(0, dtype=np.intp)
        names = frozenset(family.name for family in instance.families)
        self.x = x
        self.region = Region(Ranges(instance, x, x, none, none, ()), names)
        self.columns: list[np.ndarray] = []
        self.ends: list[tuple[Floats, Floats]] = []
        self.values: list[tuple[Floats, Floats]] = []

    def add(self, term: Expr, table: Table, weights: Floats) -> None:
        """Adds a term of each row of a table times a weight."""
        if not weights.any():
            return
        found = enclosure(self.region, term, table)
        low, high = (wide(np.asarray(end, dtype=np.float64), table.shape) for end in (found.lower, found.upper))
        each = slopes(self.region, term, table)
        self.values.append(_times(weights, low, high))
        self.columns.append(each.column)
        self.ends.append(_times(weights[each.row], each.lower, each.upper))

    def add_simplices(self, group: Simplices) -> None:
        exact = group.weights * self.x[group.columns]
        self.columns.append(group.columns)
        self.ends.append((group.weights, group.weights))
        error = 4 * UNIT_ROUNDING * np.abs(exact) + TINY
        self.values.append((exact - error, exact + error))
        self.values.append((group.multipliers, group.multipliers))

    def total(self) -> EnclosedLagrangian:
        n = len(self.x)
        columns = np.concatenate([*self.columns, np.zeros(0, dtype=np.int64)])
        lows, highs = (np.concatenate([*(pair[k] for pair in self.ends), np.zeros(0)]) for k in (0, 1))
        size = np.maximum(np.abs(lows), np.abs(highs))
        count = np.bincount(columns, minlength=n)
        error = 2 * (count + 1) * UNIT_ROUNDING * np.bincount(columns, size, n) + TINY
        own = [np.concatenate([*(pair[k] for pair in self.values), np.zeros(0)]) for k in (0, 1)]
        slack = 2 * (len(own[0]) + 1) * UNIT_ROUNDING * float(np.maximum(np.abs(own[0]), np.abs(own[1])).sum()) + TINY
        return EnclosedLagrangian(
            float(own[0].sum()) - slack,
            float(own[1].sum()) + slack,
            np.bincount(columns, lows, n) - error,
            np.bincount(columns, highs, n) + error,
        )


def _times(weights: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The ends of weights times intervals, rounded outwards; a weight of zero takes the term out."""
    one, two = (np.where(weights == 0.0, 0.0, weights * end) for end in (low, high))
    down, up = np.minimum(one, two), np.maximum(one, two)
    exact = (np.abs(weights) == 1.0) | (weights == 0.0)
    return np.where(exact, down, np.nextafter(down, -np.inf)), np.where(exact, up, np.nextafter(up, np.inf))
