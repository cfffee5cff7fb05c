"""What backends for local optima share: problems decided by looking, starts, reduced costs, and whether rows hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Termination
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

from .multistart import Local, best_of
from .starting_point import further_points, starting_point

REPEATS = 3  # times that a method is begun again from its own answer
TIGHT = 1e-6  # of max(1, |x|): a column so near a bound lies on it


def from_starts(
    local: Local,
    form: NonlinearForm,
    goal: Goal,
    options: Any,
    context: Context,
    start: Start | None,
) -> Answer:
    """The best answer of ``local`` over ``options.starts`` points, or what is known without any run."""
    known = known_at_once(form, goal, context)
    if known is not None:
        return known
    x, fault = starting_point(form, start)
    others = further_points(form, x, options.starts - 1, context.seed)
    points = [point for point in others if form.undefined(point) is None]
    if fault is None:
        points.insert(0, x)
    if not points:
        message = "a function has no value at the start; give another with `start`"
        return Answer("none", "numerical trouble", message=message, fault=fault)
    return best_of(Repeated(local), form, goal, options, context, points)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A local method begun again from its own answer while the slope there is more than ``goal.tolerance``.

    Methods scale the objective by its slope at the start, so that from a steep one they end early; from where they
    ended they see it as it is.
    """

    local: Local

    def __call__(self, form: NonlinearForm, goal: Goal, options: Any, context: Context, x: Floats) -> Answer:
        answer = self.local(form, goal, options, context, x)
        for _ in range(REPEATS):
            if answer.claim != "stationary" or answer.x is None or context.stop() is not None:
                break
            steep = _steepness(form, answer)
            if steep <= goal.tolerance:
                break
            further = self.local(form, goal, options, context, answer.x)
            further = replace(further, work=(answer.work or 0) + (further.work or 0))
            if further.claim != "stationary" or _steepness(form, further) >= steep:
                break
            answer = further
        return answer


def _steepness(form: NonlinearForm, answer: Answer) -> float:
    """The largest slope of the Lagrangian that no bound holds, relative to that of the objective."""
    assert answer.x is not None and answer.column_duals is not None
    slope = answer.column_duals if form.sense == "minimize" else -answer.column_duals
    near = TIGHT * np.maximum(1.0, np.abs(answer.x))
    down, up = answer.x - form.lower > near, form.upper - answer.x > near  # where it may still go
    open_ = np.where(down, np.maximum(slope, 0.0), 0.0) + np.where(up, np.maximum(-slope, 0.0), 0.0)
    return float((open_ / np.maximum(1.0, np.abs(form.evaluate_gradient(answer.x)))).max(initial=0.0))


def known_at_once(form: NonlinearForm, goal: Goal, context: Context) -> Answer | None:
    """The answer where there is no time, bounds cross, or there are no columns; None where a run is needed."""
    stop = context.stop()
    if stop is not None:
        return Answer("none", stop)
    if np.any(form.lower > form.upper) or np.any(form.row_lower > form.row_upper):
        return Answer("infeasible", "converged", message="bounds cross")
    return without_columns(form, goal) if form.shape[1] == 0 else None


def without_columns(form: NonlinearForm, goal: Goal) -> Answer:
    """The answer to a form without columns: its rows hold or do not."""
    x = np.zeros(0)
    if not holds(form, x, goal.tolerance):
        return Answer("infeasible", "converged", message="it has no decisions, and a row is false")
    duals = np.zeros(form.shape[0])
    return Answer("stationary", "converged", x, form.evaluate_objective(x), None, duals, x)


def holds(form: NonlinearForm, x: Floats, tolerance: float) -> bool:
    """Whether the rows hold, relative to the size of their values (the verifier judges the model's own rows)."""
    if not np.isfinite(x).all() or form.undefined(x) is not None:
        return False
    activity = form.evaluate_rows(x)
    excess = np.maximum(activity - form.row_upper, form.row_lower - activity)
    return bool((excess <= tolerance * np.maximum(1.0, np.abs(activity))).all())


def fallen(form: NonlinearForm, x: Floats, tolerance: float) -> str:
    """How far the objective has come at a point where the iterates diverge, as the end of a sentence; else nothing."""
    if not holds(form, x, tolerance):
        return ""
    way = "fallen" if form.sense == "minimize" else "risen"
    return f"; its objective has {way} to {form.evaluate_objective(x):.3g} at a point where all rows hold"


def at_rest(
    form: NonlinearForm,
    x: Floats,
    termination: Termination,
    message: str,
    work: int,
    goal: Goal,
    row_duals: Callable[[], Floats],
) -> Answer:
    """The answer of a method that came to rest at ``x`` (n): stationary where it converged and the rows hold.

    ``row_duals``: gives the multipliers there (m).
    """
    if termination == "diverging":
        message += fallen(form, x, goal.tolerance)
    if termination == "diverging" or not holds(form, x, goal.tolerance):
        if termination == "converged":
            termination = "numerical trouble"
        return Answer("none", termination, message=message, work=work)
    value = form.evaluate_objective(x)
    if termination != "converged":
        return Answer("feasible", termination, x, value, message=message, work=work)
    duals = row_duals()
    return Answer(
        "stationary", "converged", x, value, None, duals, reduced_costs(form, x, duals), message=message, work=work
    )


def reduced_costs(form: NonlinearForm, x: Floats, row_duals: Floats) -> Floats:
    """The slope of the Lagrangian (n): grad f - J' row_duals, in the form's own sense."""
    rows, columns = form.jacobian_pattern
    terms = form.evaluate_jacobian(x) * row_duals[rows]
    found: Floats = form.evaluate_gradient(x) - np.bincount(columns, weights=terms, minlength=len(x))
    return found
