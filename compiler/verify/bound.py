"""Claim ``bound``: no feasible point is better than this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..answer import Answer
from ..certificate import Line
from ..forms.linear import LinearForm, QuadraticForm
from ..instance import Instance
from ..lifting import Names
from . import exact, weak_duality
from .agreement import agrees

SHOWN = 60  # multipliers that evidence holds at most


@dataclass(frozen=True, slots=True)
class Found:
    """A bound, graded. ``value`` is None where there is none."""

    value: float | None
    line: Line | None


def bound(instance: Instance, form: LinearForm, answer: Answer, solver: str, gap: float, objective: float) -> Found:
    """The best bound that the answer supports, for a point with that objective.

    A proof is tried first (exact rationals on small problems, weak duality with outward rounding on all); where it
    leaves more than ``gap``, the solver's own bound is reported under its name.
    """
    proved = _proof(form, answer)
    if proved is not None and relative_gap(objective, proved[0]) <= gap and agrees(instance, form) is None:
        value, how, multipliers = proved
        return Found(value, Line("bound", "proved", value, how=how, evidence=_evidence(instance, form, multipliers)))
    if answer.bound is None or not math.isfinite(answer.bound):
        return Found(None, None)
    if not _is_bound(form, answer.bound, objective, gap):
        how = f"bound by {solver} is worse than the objective of a feasible point"
        return Found(None, Line("bound", "failed", answer.bound, how=how))
    return Found(answer.bound, Line("bound", "reported", answer.bound, how=f"bound by {solver}"))


def relative_gap(objective: float, limit: float) -> float:
    """|objective - bound| / max(1, |objective|)."""
    return abs(objective - limit) / max(1.0, abs(objective))


def _is_bound(form: LinearForm, limit: float, objective: float, gap: float) -> bool:
    """False where a point beats it by more than a gap."""
    sign = 1.0 if form.sense == "minimize" else -1.0
    beaten = sign * (limit - objective)
    return beaten <= gap * max(1.0, abs(objective))


def _proof(form: LinearForm, answer: Answer) -> tuple[float, str, Mapping[int, Fraction] | None] | None:
    if answer.row_duals is None or answer.x is None:
        return None
    if isinstance(form, QuadraticForm):
        value = weak_duality.quadratic_bound(form, answer.row_duals, answer.x)
        how = "gradient inequality and weak duality, rounded outwards"
        return (value, how, None) if math.isfinite(value) else None
    found = exact.linear_bound(form, answer.row_duals)
    if found is not None:
        return _rounded(found.bound, form), "weak duality in exact rationals", found.multipliers
    value = weak_duality.linear_bound(form, answer.row_duals)
    return (value, "weak duality, rounded outwards", None) if math.isfinite(value) else None


def _rounded(value: Fraction, form: LinearForm) -> float:
    """The nearest number that is still a bound."""
    number = float(value)
    if form.sense == "minimize":
        return number if Fraction(number) <= value else math.nextafter(number, -math.inf)
    return number if Fraction(number) >= value else math.nextafter(number, math.inf)


def _evidence(
    instance: Instance, form: LinearForm, multipliers: Mapping[int, Fraction] | None
) -> dict[str, object] | None:
    """The multipliers by row name, where they are few."""
    if multipliers is None or len(multipliers) > SHOWN:
        return None
    names = Names(instance, form)
    return {"multipliers": {names.row(row): str(value) for row, value in multipliers.items()}}


def exact_replay(form: LinearForm, rows: Mapping[int, Fraction]) -> float | None:
    """The bound that multipliers from a certificate prove, exactly; None where they prove none."""
    found = exact.replay(form, rows, with_cost=True)
    return None if found is None else _rounded(found, form)
