"""Claim ``bound``: no feasible point is better than this."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..answer import Answer
from ..forms.conic import ConicForm
from ..forms.fractional import FractionalForm
from ..forms.linear import Floats, LinearForm, QuadraticForm
from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance
from ..lowering import Lowered
from ..result.certificate import Line
from ..result.lifting import Names
from . import exact, weak_duality
from .agreement import says_the_same
from .ratio_bound import ratio_bounds

SHOWN = 60  # multipliers that evidence holds at most
NUDGES = (1e-9, 1e-7)  # of the largest cost, taken off the costs of columns without a bound

Again = Callable[[LinearForm, Floats], Floats | None]  # row duals of a form near an old one, from its optimal point


@dataclass(frozen=True, slots=True)
class Found:
    """A bound, graded. ``value`` is None where there is none."""

    value: float | None
    line: Line | None


def bound(
    instance: Instance, lowered: Lowered, answer: Answer, solver: str, gap: float, objective: float, again: Again
) -> Found:
    """The best bound that the answer supports, for a point with that objective.

    Proofs are tried first (exact rationals on small problems, weak duality with outward rounding on all, both with
    multipliers of a problem nudged inwards where the solver's own lie on the edge); where none comes within ``gap``,
    the solver's own bound is reported under its name.
    """
    form = lowered.judged
    if isinstance(form, ConicForm):
        from .conic_bound import bound_line  # what proves convexity is not loaded for linear problems

        line = bound_line(instance, lowered, answer, objective, solver, gap)
        return Found(None if line is None or line.status == "reported" else line.value, line)
    for value, how, multipliers in _proofs(form, answer, again):
        if relative_gap(objective, value) <= gap:
            if says_the_same(instance, lowered) is not None:
                break
            evidence = _evidence(lowered.instance, form, multipliers)
            return Found(value, Line("bound", "proved", value, how=how, evidence=evidence))
    if answer.bound is None or not math.isfinite(answer.bound):
        return Found(None, None)
    if not _is_bound(form, answer.bound, objective, gap):
        how = f"bound by {solver} is worse than the objective of a feasible point"
        return Found(None, Line("bound", "failed", answer.bound, how=how))
    if answer.cover is not None:
        from .box_cover import covered_bound  # interval arithmetic is not loaded for other problems

        line = covered_bound(instance, lowered, answer)
        if line is not None:
            return Found(answer.bound, line)
    return Found(answer.bound, Line("bound", "reported", answer.bound, how=f"bound by {solver}"))


def relative_gap(objective: float, limit: float) -> float:
    """|objective - bound| / max(1, |objective|)."""
    return abs(objective - limit) / max(1.0, abs(objective))


def _is_bound(form: LinearForm, limit: float, objective: float, gap: float) -> bool:
    """False where a point beats it by more than a gap."""
    sign = 1.0 if form.sense == "minimize" else -1.0
    beaten = sign * (limit - objective)
    return beaten <= gap * max(1.0, abs(objective))


def _proofs(
    form: LinearForm, answer: Answer, again: Again
) -> Iterator[tuple[float, str, Mapping[int, Fraction] | None]]:
    """Bounds that are theorems, with how and with rational multipliers where there are some; cheapest first."""
    x, duals = answer.x, answer.row_duals
    if duals is None or x is None:
        return
    if isinstance(form, NonlinearForm):
        return  # its arrays are a part of it: see ``local``
    if isinstance(form, FractionalForm):
        yield from ratio_bounds(form, x, duals)
        return
    if isinstance(form, QuadraticForm):
        how = "gradient inequality and weak duality, rounded outwards"
        yield weak_duality.quadratic_bound(form, duals, x), how, None
        return
    found = exact.linear_bound(form, duals)
    if found is not None:
        yield _rounded(found.bound, form), "weak duality in exact rationals", found.multipliers
    yield weak_duality.linear_bound(form, duals), "weak duality, rounded outwards", None
    for nudge in NUDGES:
        inner = again(_nudged(form, nudge), x)
        if inner is not None:
            how = "weak duality, rounded outwards, with multipliers of a problem with nudged costs"
            yield weak_duality.linear_bound(form, inner), how, None


def from_duals(form: LinearForm, x: Floats, duals: Floats) -> tuple[float, str] | None:
    """The best bound that a point and row duals prove, and how; None without one."""
    answer = Answer("feasible", "converged", x, row_duals=duals)
    found = [(value, how) for value, how, _ in _proofs(form, answer, lambda *_: None) if math.isfinite(value)]
    best = max if form.sense == "minimize" else min
    return best(found) if found else None


def _nudged(form: LinearForm, nudge: float) -> LinearForm:
    """The form with costs a little less in favour of columns that have a bound on one side only.

    Multipliers that are right for it leave reduced costs of the right sign, by more than rounding, in the form itself.
    """
    size = nudge * float(np.abs(form.cost).max(initial=0.0))
    towards = np.isposinf(form.upper) & np.isfinite(form.lower)
    away = np.isneginf(form.lower) & np.isfinite(form.upper)
    shift = size * (away.astype(np.float64) - towards.astype(np.float64))
    sign = 1.0 if form.sense == "minimize" else -1.0
    return replace(form, cost=form.cost + sign * shift)


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
