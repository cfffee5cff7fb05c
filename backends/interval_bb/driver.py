"""What a search found, as an answer: claims, bound, and the cover of boxes that proves it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optc.compiler.answer import Answer, Claim
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

from ..local_answer import known_at_once, reduced_costs
from ..starting_point import further_points, starting_point
from . import Options
from .points import local_solver
from .search import Found, minimise

MOST = 12_000  # boxes, where neither their number nor the time is limited
ANY, FEW = 1.0, 500  # a relative gap that any point meets, and boxes for such a question


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form.

    It is infeasible only where no point is left even of rows that are widened by the tolerance: what a verifier would
    take for feasible counts as a point.
    """
    known = known_at_once(form, goal, context)
    if known is not None:
        return replace(known, claim="optimal", bound=known.objective) if known.claim == "stationary" else known
    found = _search(form, goal, options, context, start)
    if found.termination != "converged" or found.x is not None:
        return _answer(form, found)
    again = _search(widened(form, goal.tolerance), goal, options, context, start)
    again = replace(again, boxes=found.boxes + again.boxes)
    if again.termination == "converged" and again.x is None:
        message = f"no point is left of {again.boxes:,} boxes"
        return Answer("infeasible", "converged", message=message, work=again.boxes, unit="boxes", cover=again.cover)
    return _answer(form, again)


def _search(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Found:
    known = form.shape == (form.engine.model.rows, form.engine.model.columns)  # local methods take no added rows
    local = local_solver(goal.gap) if options.local and known else None
    return minimise(
        form,
        goal,
        context,
        local,
        _starts(form, options, context, start),
        _most(goal, options, context),
        options.absolute_gap,
    )


def _most(goal: Goal, options: Options, context: Context) -> int | None:
    """Boxes to examine. Whoever takes any gap asks only whether there is a point, and asks often."""
    if options.boxes is not None:
        return options.boxes
    if goal.gap >= ANY:
        return FEW
    return MOST if context.deadline is None else None


def _starts(form: NonlinearForm, options: Options, context: Context, start: Start | None) -> list[Floats]:
    x, fault = starting_point(form, start)
    others = further_points(form, x, options.starts - 1, context.seed)
    return [point for point in ([x] if fault is None else []) + others if np.isfinite(point).all()]


def widened(form: NonlinearForm, tolerance: float) -> NonlinearForm:
    """The form with rows that may be broken by the tolerance, relative to the larger of 1 and their side."""
    low = form.row_lower - tolerance * np.maximum(1.0, np.abs(form.row_lower))
    high = form.row_upper + tolerance * np.maximum(1.0, np.abs(form.row_upper))
    return replace(form, row_lower=low, row_upper=high)


def _answer(form: NonlinearForm, found: Found) -> Answer:
    sign = 1.0 if form.sense == "minimize" else -1.0
    bound = sign * found.bound if np.isfinite(found.bound) else None
    message = f"{found.boxes:,} boxes examined"
    if found.termination == "diverging":
        message += "; the objective has no end, or none over a box that cannot be cut any further"
    if found.termination == "numerical trouble":
        message += "; some are as small as floating-point numbers allow, and stay open"
    told = Answer("none", found.termination, bound=bound, message=message, work=found.boxes, unit="boxes")
    told = replace(told, cover=found.cover if bound is not None else None)
    if found.x is None:
        return told
    claim: Claim = "optimal" if found.termination == "converged" else "feasible"
    duals = found.points.duals
    slopes = None if duals is None else reduced_costs(form, found.x, duals)
    return replace(told, claim=claim, x=found.x, objective=sign * found.value, row_duals=duals, column_duals=slopes)
