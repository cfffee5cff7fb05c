"""Weak duality in exact rationals, for small problems: the same bound as ``weak_duality``, with no rounding at all.

Every number counts as the decimal that it prints as (0.1 is one tenth), which is what the user wrote. Multipliers from
a solver are nearly right; those that must make reduced costs vanish exactly (where a column has no bound on that side)
are solved for again in rationals, from the columns that want it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..forms.linear import Floats, LinearForm

MOST_ROWS = 40  # with a multiplier
MOST_ENTRIES = 20_000  # coefficients in those rows
NEARLY = 1e-7  # of the largest term: a reduced cost that is taken for zero


@dataclass(frozen=True, slots=True)
class Proof:
    """``bound`` on the objective (in the form's sense), and the rational multipliers that give it, by row."""

    bound: Fraction
    multipliers: Mapping[int, Fraction]


def linear_bound(form: LinearForm, duals: Floats) -> Proof | None:
    """An exact bound on the form's linear objective, or None: too large, or the multipliers prove nothing."""
    sign = 1 if form.sense == "minimize" else -1
    problem = _problem(form, _decimals(sign * form.cost), sign * duals)
    found = None if problem is None else problem.bound(problem.multipliers())
    if found is None:
        return None
    bound, y = found
    return Proof(sign * bound + decimal(form.offset), {row: sign * value for row, value in y.items()})


def contradiction(form: LinearForm, ray: Floats) -> Mapping[int, Fraction] | None:
    """Rational row multipliers that prove, with the bounds of the columns, that no point exists; None without."""
    problem = _problem(form, [Fraction(0)] * form.shape[1], ray)
    if problem is None:
        return None
    found = problem.bound(problem.multipliers())
    return found[1] if found is not None and found[0] > 0 else None


def replay(form: LinearForm, multipliers: Mapping[int, Fraction], *, with_cost: bool) -> Fraction | None:
    """The bound (or, without cost, the excess that must be above 0) that given multipliers prove exactly."""
    duals = np.zeros(form.shape[0])
    for row, value in multipliers.items():
        duals[row] = float(value)
    sign = 1 if form.sense == "minimize" or not with_cost else -1
    cost = _decimals(sign * form.cost) if with_cost else [Fraction(0)] * form.shape[1]
    problem = _problem(form, cost, sign * duals)
    found = None if problem is None else problem.bound({row: sign * value for row, value in multipliers.items()})
    if found is None:
        return None
    return sign * found[0] + decimal(form.offset) if with_cost else found[0]


def decimal(value: float) -> Fraction:
    """The decimal that a number prints as, exactly."""
    return Fraction(repr(float(value)))


@dataclass(frozen=True, slots=True)
class _Problem:
    """``minimize cost'x`` in rationals, restricted to the rows that have a multiplier in floating point."""

    y: Mapping[int, float]
    columns: Sequence[Mapping[int, Fraction]]  # by column: coefficient by row
    cost: Sequence[Fraction]
    row_bounds: Mapping[int, tuple[float, float]]
    lower: Floats
    upper: Floats

    def multipliers(self) -> dict[int, Fraction]:
        """The given multipliers, mended so that the reduced costs that must vanish do."""
        solved = _eliminate([self._equation(j) for j in range(len(self.cost)) if self._must_vanish(j)])
        y = {row: Fraction(value).limit_denominator(10**12) for row, value in self.y.items() if row not in solved}
        for row in reversed(list(solved)):
            coefficients, right = solved[row]
            y[row] = right - sum((c * y[other] for other, c in coefficients.items()), Fraction(0))
        return y

    def _must_vanish(self, j: int) -> bool:
        column = self.columns[j]
        terms = [float(c) * self.y[row] for row, c in column.items()]
        reduced = float(self.cost[j]) - math.fsum(terms)
        size = max([abs(float(self.cost[j])), *map(abs, terms)], default=0.0)
        open_side = math.isinf(self.lower[j]) or math.isinf(self.upper[j])
        return bool(column) and open_side and abs(reduced) <= NEARLY * max(size, 1e-12)

    def _equation(self, j: int) -> tuple[dict[int, Fraction], Fraction]:
        return dict(self.columns[j]), self.cost[j]

    def bound(self, y: Mapping[int, Fraction]) -> tuple[Fraction, dict[int, Fraction]] | None:
        """The exact bound of weak duality, or None where it is minus infinity."""
        kept = {row: value for row, value in y.items() if value != 0}
        total = Fraction(0)
        for row, value in kept.items():
            low, high = self.row_bounds[row]
            side = low if value > 0 else high
            if math.isinf(side):
                return None
            total += value * decimal(side)
        for j, column in enumerate(self.columns):
            reduced = self.cost[j] - sum((c * kept[row] for row, c in column.items() if row in kept), Fraction(0))
            if reduced == 0:
                continue
            side = self.lower[j] if reduced > 0 else self.upper[j]
            if math.isinf(side):
                return None
            total += reduced * decimal(float(side))
        return total, kept


def _decimals(values: Floats) -> list[Fraction]:
    return [decimal(value) for value in values.tolist()]


def _problem(form: LinearForm, cost: list[Fraction], y: Floats) -> _Problem | None:
    y = np.where((y > 0) & np.isinf(form.row_lower) | (y < 0) & np.isinf(form.row_upper), 0.0, y)
    rows = np.flatnonzero(y)
    entries = int(np.diff(form.starts)[rows].sum())
    if len(rows) > MOST_ROWS or entries > MOST_ENTRIES or form.shape[1] > MOST_ENTRIES or not np.isfinite(y).all():
        return None
    columns: list[dict[int, Fraction]] = [{} for _ in range(form.shape[1])]
    for row in rows.tolist():
        for k in range(form.starts[row], form.starts[row + 1]):
            columns[form.indices[k]][row] = decimal(form.values[k])
    bounds = {row: (float(form.row_lower[row]), float(form.row_upper[row])) for row in rows.tolist()}
    multipliers = {row: float(y[row]) for row in rows.tolist()}
    return _Problem(multipliers, columns, cost, bounds, form.lower, form.upper)


def _eliminate(
    equations: Sequence[tuple[dict[int, Fraction], Fraction]],
) -> dict[int, tuple[dict[int, Fraction], Fraction]]:
    """Rows solved for, in order: each ``row = right - sum(coefficient * other)`` with others not solved before it.

    Equations that contradict earlier ones are passed over: the bound is checked afterwards in any case.
    """
    solved: dict[int, tuple[dict[int, Fraction], Fraction]] = {}
    for given, given_right in sorted(equations, key=lambda e: len(e[0])):
        left, right = dict(given), given_right
        for row, (coefficients, constant) in solved.items():
            factor = left.pop(row, Fraction(0))
            if factor:
                right -= factor * constant
                for other, c in coefficients.items():
                    left[other] = left.get(other, Fraction(0)) - factor * c
        left = {row: c for row, c in left.items() if c != 0}
        if left:
            pivot = max(left, key=lambda row: abs(float(left[row])))
            scale = left.pop(pivot)
            solved[pivot] = ({row: c / scale for row, c in left.items()}, right / scale)
    return solved
