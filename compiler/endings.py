"""What an answer may be called: each ending of a solve is judged on the model before its claim becomes a status."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np

from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Hint

from .forms.conic import ConicForm
from .forms.fractional import FractionalForm
from .forms.linear import Floats, QuadraticForm
from .forms.nonlinear import NonlinearForm
from .found import Found
from .presenting import solution_of
from .result.certificate import Line
from .result.solution import Solution, Status
from .verify import bound as bounds
from .verify import duals as multipliers
from .verify import followers
from .verify.domains import integral
from .verify.empty_domain import empty_domain
from .verify.infeasible import infeasible
from .verify.linear_conflict import linear_conflict
from .verify.multipliers import multipliers as multipliers_of_followers
from .verify.no_answer import no_answer
from .verify.report import Report, judge
from .verify.unbounded import DISTANCES, unbounded

NEARLY = 1e3  # times its tolerance: a row that is off by no more may hold where the solver is stricter


def _point(found: Found) -> Solution:
    """A point was found: it is judged on the model, and the bound decides what it may be called."""
    answer = found.answer
    assert answer.x is not None
    report_ = judge_answered(found, answer.x)
    if not report_.holds:
        return _solved_stricter(found, report_) or _broken(found, report_)
    if isinstance(found.form, NonlinearForm):
        return _local(found, report_)
    certificate = list(report_.lines)
    limit = None
    if report_.objective is not None:
        proof = bounds.bound(
            found.instance,
            found.lowered,
            answer,
            found.solver,
            found.request.goal.gap,
            report_.objective,
            found.duals_nearby,
        )
        limit = proof.value
        certificate += [proof.line] if proof.line is not None else []
    close = limit is not None and bounds.relative_gap(report_.objective or 0.0, limit) <= found.request.goal.gap
    if answer.row_duals is not None:
        value = report_.objective or 0.0
        named = found.lowered.instance
        line = multipliers.duals(
            named, found.form, answer.x, answer.row_duals, value, found.tolerance, answer.cone_duals
        )
        certificate.append(line)
    # A bound within the gap is the goal, whatever the solver was about to do next.
    termination = "converged" if close else answer.termination
    status: Literal["optimal", "feasible"] = "optimal" if close and report_.answered else "feasible"
    solution = solution_of(found, status, termination, report_, certificate, limit)
    if isinstance(found.form, FractionalForm) and (answer.claim, answer.termination) == ("feasible", "converged"):
        note = report(solving.NOT_ATTAINED, found.instance.program.root.span)
        return replace(solution, diagnostics=(*solution.diagnostics, note))
    return solution


def _local(found: Found, report_: Report) -> Solution:
    """A point of a nonlinear problem: its multipliers or the bound of a global solver decide what it may be called."""
    from .verify import local  # what proves convexity is not loaded for linear problems

    answer, goal = found.answer, found.request.goal
    assert answer.x is not None
    certificate, value = list(report_.lines), report_.objective
    known = local.Local((), "feasible")
    if value is not None and answer.row_duals is not None:
        duals = answer.row_duals
        known = local.judged(found.instance, found.lowered, answer.x, duals, value, found.tolerance, goal.gap)
    elif value is not None:
        known = local.without_multipliers(found.instance, value, goal.gap)
    certificate += known.lines
    status: Status = known.status
    limit = known.bound
    if value is not None and status != "optimal" and answer.bound is not None:
        proof = bounds.bound(found.instance, found.lowered, answer, found.solver, goal.gap, value, found.duals_nearby)
        limit = proof.value
        if proof.line is not None and proof.line.status == "proved":  # a search begins with what the others end at
            certificate = [line for line in certificate if line.claim != "bound"]
        certificate += [proof.line] if proof.line is not None else []
        status = "optimal" if limit is not None and bounds.relative_gap(value, limit) <= goal.gap else status
    termination = "converged" if status == "optimal" else answer.termination
    solution = solution_of(found, status, termination, report_, certificate, limit)
    if status == "feasible" and answer.claim == "feasible" and answer.termination in _OPEN:
        note = report(solving.OPEN_END, None, backend=found.route.backend.name, reason=answer.message)
        return replace(solution, diagnostics=(*solution.diagnostics, note))
    if answer.claim != "stationary" or status != "feasible" or value is None:
        return solution
    reason = next((str(line) for line in certificate if line.claim == "stationary"), "no multipliers")
    name = found.route.backend.name
    warning = report(solving.UNPROVED_END, None, backend=name, claim=answer.claim, reason=reason)
    return replace(solution, termination="numerical trouble", diagnostics=(*solution.diagnostics, warning))


def judge_rounded(found: Found, x: Floats) -> Report:
    """The report on the point with whole decisions rounded, or on the point as it is where rounding breaks a row."""
    point = found.lift(x)
    whole = {family.name for family in found.instance.families if family.integer}
    rounded = {name: np.rint(values) + 0.0 if name in whole else values for name, values in point.items()}
    moved = any(not np.array_equal(point[name], rounded[name]) for name in point)
    report_ = judge(found.instance, rounded, found.tolerance)
    near = integral(found.instance, point, max(found.tolerance, 1e-5))
    if moved and (not report_.holds or (near is not None and near.status == "failed")):
        return judge(found.instance, point, found.tolerance)
    return report_


def judge_answered(found: Found, x: Floats) -> Report:
    """The report on a point with the followers' answers solved again; it has them where it holds with them."""
    report_ = judge_rounded(found, x)
    if not report_.holds or not followers.followers(found.instance.program):
        return report_
    goal = found.request.goal
    answered = followers.answered(found.instance, report_.point, goal.tolerance, goal.gap, found.again)
    if answered.holds:
        again = judge(found.instance, answered.point, goal.tolerance)
        report_ = again if again.holds else report_
    dual = multipliers_of_followers(found.instance, report_.point, found.lowered.lift(x), goal.tolerance)
    lines = [*answered.lines, *([dual] if dual is not None else [])]
    return replace(report_, lines=(*report_.lines, *lines), objectives=answered.objectives)


def _solved_stricter(found: Found, report_: Report) -> Solution | None:
    """The solution to a smaller tolerance, where a point nearly holds and that may help; None where it does not."""
    worst = next(line for line in report_.lines if line.status == "failed")
    value, limit = worst.value or math.inf, worst.tolerance or 0.0
    near = 0.0 < limit < value <= NEARLY * limit
    if found.stricter or not near or found.form.integer.any() or found.context.stop() is not None:
        return None
    request, backend = found.request, found.route.backend
    goal = replace(request.goal, tolerance=0.5 * request.goal.tolerance * limit / value)
    answer = found.lowered.raised(backend.solve(found.lowered.form, goal, found.options, found.context, None))
    if answer.x is None or not judge_answered(found, answer.x).holds:
        return None
    note = report(
        solving.SOLVED_STRICTER,
        None,
        backend=backend.name,
        where=worst.where or worst.claim,
        value=f"{value:.3g}",
        limit=f"{limit:.3g}",
        tolerance=f"{goal.tolerance:.3g}",
    )
    request = replace(request, notes=(*request.notes, note))
    return _point(replace(found, answer=answer, request=request, stricter=True))


def _broken(found: Found, report_: Report) -> Solution:
    """The backend's point does not hold on the model: its word is not repeated."""
    worst = next(line for line in report_.lines if line.status == "failed")
    if worst.value is not None and np.isnan(worst.value):
        name, claim = found.route.backend.name, found.answer.claim
        undefined = report(solving.ANSWER_WITHOUT_VALUE, None, backend=name, claim=claim, reason=worst.how)
        solution = solution_of(found, "failed", "numerical trouble", report_, list(report_.lines), None)
        return replace(solution, diagnostics=(*solution.diagnostics, undefined))
    warning = report(
        solving.UNVERIFIED,
        None,
        backend=found.route.backend.name,
        claim=found.answer.claim,
        where=worst.where or worst.claim,
        fault="is violated",
        value=f"{worst.value or 0.0:.3g}",
        limit=f"{worst.tolerance or 0.0:.3g}",
    )
    solution = solution_of(found, "failed", "numerical trouble", report_, list(report_.lines), None)
    return replace(solution, diagnostics=(*solution.diagnostics, warning))


def _infeasible(found: Found) -> Solution:
    line = infeasible(found.instance, found.lowered, found.answer, found.route.backend, found.options, found.context)
    if followers.followers(found.instance.program):
        line = no_answer(found.instance, line, found.again)
    elif isinstance(found.form, ConicForm):  # a conflict of linear rows is small, and proved exactly
        line = linear_conflict(found.instance, found.again) or line
    return _without_point(found, "infeasible", line)


def _unbounded(found: Found) -> Solution:
    answer = found.answer
    x = answer.x
    if x is None:
        # Any feasible point will do: the same problem with nothing to optimise.
        aimless = replace(found.form, cost=np.zeros(found.form.shape[1]))
        if isinstance(aimless, QuadraticForm):
            aimless = replace(aimless, hessian_values=np.zeros(len(aimless.hessian_values)))
        again = found.route.backend.solve(aimless, found.request.goal, found.options, found.context, None)
        if again.claim == "infeasible":  # there are directions, but nothing to start from
            return _infeasible(replace(found, answer=again))
        x = again.x
    if x is None or answer.primal_ray is None:
        line = Line("unbounded", "failed", how=f"{answer.message}; it gives no point with a direction")
        return _without_point(found, "unbounded", line)
    point = judge_rounded(found, x).point
    ray = found.lift(answer.primal_ray)
    line = unbounded(found.instance, point, ray, found.tolerance)
    wrong = followers.optimal_along(found.instance, point, ray, DISTANCES, found.tolerance, found.again)
    if wrong is not None:
        line = Line("unbounded", "failed", where=wrong.where, how=f"a follower leaves the direction: {wrong.how}")
    return _without_point(found, "unbounded", line)


def _undecided(found: Found) -> Solution:
    line = Line("unbounded", "failed", how=f"{found.answer.message}: it cannot tell which")
    return _without_point(found, "unbounded", line)


def _nothing(found: Found) -> Solution:
    """The work stopped before there was a point."""
    termination = found.answer.termination
    if termination not in _TROUBLE:
        return solution_of(found, "limit", termination, None, [], _finite(found.answer.bound))
    if isinstance(found.form, NonlinearForm) and termination in _NO_NEARER and found.answer.fault is None:
        line = linear_conflict(found.instance, found.again)
        line = line or empty_domain(found.instance, found.lowered, found.answer)
        if line is not None:
            return replace(_without_point(found, "infeasible", line), termination="converged")
    name = found.route.backend.name
    mend = _MENDS.get(termination, "") if found.answer.fault is None else _AT_START
    hints = (Hint(mend),) if mend else ()
    warning = report(solving.NO_ANSWER, None, hints=hints, backend=name, message=found.answer.message)
    solution = solution_of(found, "failed", termination, None, [], None)
    told = (found.answer.fault,) if found.answer.fault is not None else ()
    return replace(solution, diagnostics=(*solution.diagnostics, *told, warning))


_AT_START = "begin where every function has a value: `start` in the declaration of a decision, or `--start FILE`"
_MENDS: dict[str, str] = {
    "diverging": "give bounds to the decisions that grow: a model without a best point has no answer",
    "locally infeasible": "another `start`, or several (`--option starts=20`), may lead to a point",
}
_NO_NEARER = ("locally infeasible", "numerical trouble")  # there may be no point at all
_OPEN = ("diverging", "numerical trouble")
_TROUBLE = ("numerical trouble", "locally infeasible", "diverging", "solver error", "converged")


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _without_point(found: Found, status: Literal["infeasible", "unbounded"], line: Line) -> Solution:
    """The status is used where its claim holds, else the result is ``failed`` and says so."""
    if line.holds:
        return solution_of(found, status, found.answer.termination, None, [line], None)
    warning = report(
        solving.UNPROVED_END, None, backend=found.route.backend.name, claim=found.answer.claim, reason=line.how
    )
    solution = solution_of(found, "failed", "numerical trouble", None, [line], None)
    return replace(solution, diagnostics=(*solution.diagnostics, warning))


ENDINGS = {
    "optimal": _point,
    "stationary": _point,
    "feasible": _point,
    "infeasible": _infeasible,
    "unbounded": _unbounded,
    "infeasible or unbounded": _undecided,
    "none": _nothing,
}
