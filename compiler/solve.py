"""The whole way of the data, once: plan, lower, solve, lift, verify.

Whoever reads ``solve`` has seen it; everything below it is one of its five steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from optc.dsl.catalogue import report, solving
from optc.dsl.catalogue.kernels import DEVICE_MEMORY
from optc.dsl.diagnostics import Diagnostic, Hint

from . import alternatives
from .answer import Termination
from .backend import Backend, Goal, Start
from .context import Context
from .endings import ENDINGS, judge_answered
from .evaluating import evaluated, unused_device
from .found import Found, Request
from .instance.instance import Instance
from .kernels.evaluator import EvaluatorError
from .lowering import Lowered
from .outside.calls import faults_told
from .plan import Plan, Route, plan, take
from .presenting import labelled_decisions
from .quantifiers import class_name
from .result import lifting
from .result.solution import Alternative, Solution
from .tightening import tighten

AIM = 0.95  # of the gap is asked of a backend: what rounding takes off its answer must not leave the rest too wide
CHECK_SECONDS = 30.0  # for each problem that is solved to check an answer
CHECKED_GAP = 1e-9  # of such a problem


@faults_told()
def solve(instance: Instance, backends: Sequence[Backend], request: Request, context: Context) -> Solution:
    """The answer of the cheapest route, with all that is known of it. Raises ``DataError`` for undefined numbers."""
    watch = _Watch()
    if request.tighten is not None:
        instance, notes = tighten(instance, backends, request.tighten, context)
        request = replace(request, notes=(*request.notes, *notes))
    routes, lowered = take(plan(instance, backends, request.backend), instance)
    route = routes.chosen
    if route is None or lowered is None:
        return _no_route(instance, routes, request, context)
    options = request.options.get(route.backend.name) or route.backend.options()
    unused = unused_device(lowered.form, options, context, route.backend.name)
    request = replace(request, notes=(*request.notes, *unused))
    try:
        lowered = evaluated(lowered, options, context)
        solution = _answered(instance, backends, request, context, route, options, lowered, watch)
    except EvaluatorError as error:
        ending: Termination = "memory limit" if error.diagnostic.code is DEVICE_MEMORY else "no route"
        solution = _unsolved(instance, request, context, ending, (*request.notes, error.diagnostic))
    seconds = {**watch.laps, "compile": watch.laps["compile"] + request.compile_seconds}
    return replace(solution, seconds=seconds)


def _answered(
    instance: Instance,
    backends: Sequence[Backend],
    request: Request,
    context: Context,
    route: Route,
    options: Any,
    lowered: Lowered,
    watch: _Watch,
) -> Solution:
    """The backend's answer, judged. Raises ``EvaluatorError``."""
    watch.lap("compile")
    start = _start(instance, lowered, request)
    aim = replace(request.goal, gap=AIM * request.goal.gap)
    answer = lowered.raised(route.backend.solve(lowered.form, aim, options, context, start))
    watch.lap("solve")
    found = Found(instance, lowered, route, options, answer, request, context, _checker(backends, request, context))
    solution = ENDINGS[answer.claim](found)
    watch.lap("verify")
    solution = _with_further(found, solution)
    watch.lap("solve")
    return solution


def _checker(backends: Sequence[Backend], request: Request, context: Context) -> Callable[[Instance], Solution]:
    """Solves another problem from the start, to check a part of this one."""
    goal = Goal(min(request.goal.gap, CHECKED_GAP), request.goal.tolerance)

    def again(problem: Instance) -> Solution:
        budget = replace(context.within(CHECK_SECONDS).silent(), device="auto")  # a check needs no device of its own
        return solve(problem, backends, Request(goal), budget)

    return again


# ------------------------------------------------------------------------------------------------ before the solver
def _start(instance: Instance, lowered: Lowered, request: Request) -> Start | None:
    """The point to begin from: the one that was given, else the starts of the model.

    A whole point is extended by what the lowerings add; of a part, the families that the form still has are used.
    """
    values = dict(request.start or {})
    for family in instance.families:
        if family.start is not None and family.name not in values:
            values[family.name] = family.start
    if not values:
        return None
    whole = all(family.name in values for family in instance.families)
    point = lowered.extend(values) if whole else values
    return Start(lowered.grown(lifting.columns_from(lowered.judged, point)))


def _no_route(instance: Instance, routes: Plan, request: Request, context: Context) -> Solution:
    """The result that says why nothing was solved."""
    first = next((r for r in routes.routes if request.backend in (None, r.backend.name)), None)
    told = [each for each in request.notes if each.severity == "error"]
    if not told:
        told = [_refusal(instance, first, request)]
    others = (each for each in request.notes if each not in told)
    return _unsolved(instance, request, context, "no route", (*others, *told))


def _unsolved(
    instance: Instance,
    request: Request,
    context: Context,
    termination: Termination,
    diagnostics: tuple[Diagnostic, ...],
) -> Solution:
    stated = instance.program.root.objective
    return Solution(
        instance.program.name,
        class_name(instance.program),
        "failed",
        termination,
        stated.sense if stated is not None else None,
        diagnostics=diagnostics,
        seconds={"compile": request.compile_seconds, "solve": 0.0, "verify": 0.0},
        seed=context.seed,
    )


def _refusal(instance: Instance, route: Route | None, request: Request) -> Diagnostic:
    kind = class_name(instance.program)
    span = instance.program.root.span if route is None or route.place is None else route.place
    if route is None:
        return report(solving.NO_ROUTE, span, kind=kind, reason="there are no backends for it", need="install one")
    if route.backend.version() is None:
        backend = route.backend
        return report(solving.NOT_INSTALLED, None, name=backend.name, install=backend.install)
    reason = route.refused or ""
    if request.backend is not None:
        hints = (Hint(route.need),) if route.need else ()
        return report(solving.BACKEND_REFUSES, span, hints=hints, name=route.backend.name, reason=reason)
    return report(solving.NO_ROUTE, span, kind=kind, reason=reason, need=route.need or "see `optc explain`")


# ------------------------------------------------------------------------------------------------- further answers
def _with_further(found: Found, solution: Solution) -> Solution:
    """The solution with the further answers that were asked for."""
    count, x = found.request.answers, found.answer.x
    if count == 1 or x is None or not solution.has_point:
        return solution
    if solution.objective is not None and solution.status != "optimal":
        reason = f"it is not known to be optimal ({solution.termination})"
        more = alternatives.none_but_the_first(reason, count)
    else:
        search = alternatives.Search(
            found.instance,
            found.lowered,
            found.route.backend,
            found.options,
            found.request.goal,
            found.context,
            lambda point: judge_answered(found, point),
            lambda judged: Alternative(judged.objective, labelled_decisions(found.instance, judged.point)),
        )
        more = alternatives.further(search, x, solution.objective, count)
    return replace(
        solution,
        alternatives=more.answers,
        alternatives_complete=more.complete,
        diagnostics=(*solution.diagnostics, *more.notes),
    )


class _Watch:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {"compile": 0.0, "solve": 0.0, "verify": 0.0}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] += now - self._last
        self._last = now
