"""The whole way of the data, once: plan, lower, solve, lift, verify.

Whoever reads ``solve`` has seen it; everything below it is one of its five steps.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic, Hint
from optc.dsl.program import Choice

from . import alternatives
from .answer import Answer
from .backend import Backend, Goal, Start
from .context import Context
from .forms.fractional import FractionalForm
from .forms.linear import Floats, LinearForm, QuadraticForm
from .forms.nonlinear import NonlinearForm
from .instance.instance import Instance
from .lowering import Lowered
from .plan import Plan, Route, plan, take
from .quantifiers import class_name
from .result import lifting
from .result.certificate import Certificate, Line
from .result.labelled import Labelled, index_names
from .result.solution import Alternative, BackendRecord, Solution, Status
from .tightening import tighten
from .verify import bound as bounds
from .verify import duals as multipliers
from .verify import followers
from .verify.domains import integral
from .verify.infeasible import infeasible
from .verify.multipliers import multipliers as multipliers_of_followers
from .verify.no_answer import no_answer
from .verify.objective import expressions
from .verify.point import Point
from .verify.report import Report, judge
from .verify.unbounded import DISTANCES, unbounded

NEARBY_SECONDS = 5.0  # for a second solve that may turn a reported bound into a proved one
AIM = 0.95  # of the gap is asked of a backend: what rounding takes off its answer must not leave the rest too wide
CHECK_SECONDS = 30.0  # for each problem that is solved to check an answer
CHECKED_GAP = 1e-9  # of such a problem


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for beside the answer itself.

    ``backend``: a name, or None for the cheapest route. ``options``: by backend name, an instance of its options
    dataclass; those left out have their defaults. ``start``: values of decision families to begin from. ``answers``:
    how many are wanted. ``notes``: diagnostics so far. ``compile_seconds``: what was spent before. ``tighten``: seconds
    for bounds by optimisation before lowering, or None for none.
    """

    goal: Goal = field(default_factory=Goal)
    backend: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Floats] | None = None
    answers: int | Literal["all"] = 1
    notes: tuple[Diagnostic, ...] = ()
    compile_seconds: float = 0.0
    tighten: float | None = None


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
    form = lowered.form
    watch.lap("compile")
    options = request.options.get(route.backend.name) or route.backend.options()
    start = _start(instance, lowered, request)
    aim = replace(request.goal, gap=AIM * request.goal.gap)
    answer = lowered.raised(route.backend.solve(form, aim, options, context, start))
    watch.lap("solve")
    found = _Found(instance, lowered, route, options, answer, request, context, backends)
    solution = _ENDINGS[answer.claim](found)
    watch.lap("verify")
    solution = _with_further(found, solution)
    watch.lap("solve")
    seconds = {**watch.laps, "compile": watch.laps["compile"] + request.compile_seconds}
    return replace(solution, seconds=seconds)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """An answer with all that it takes to judge it."""

    instance: Instance
    lowered: Lowered
    route: Route
    options: Any
    answer: Answer
    request: Request
    context: Context
    backends: Sequence[Backend]

    @property
    def form(self) -> LinearForm:
        return self.lowered.judged

    @property
    def tolerance(self) -> float:
        return self.request.goal.tolerance

    def duals_nearby(self, form: LinearForm, x: Floats) -> Floats | None:
        """Row duals of a form that differs a little from the one solved, begun from its answer."""
        budget = self.context.within(NEARBY_SECONDS).silent()
        return self.route.backend.solve(form, self.request.goal, self.options, budget, Start(x)).row_duals

    def lift(self, x: Floats) -> dict[str, Floats]:
        """The values of the model's own decisions, and of multipliers that it asks for."""
        symbols = self.instance.program.symbols
        return {name: values + 0.0 for name, values in self.lowered.lift(x).items() if name in symbols}  # no -0.0

    def again(self, problem: Instance) -> Solution:
        """Another problem solved from the start, to check a part of this one."""
        goal = Goal(min(self.request.goal.gap, CHECKED_GAP), self.tolerance)
        return solve(problem, self.backends, Request(goal), self.context.within(CHECK_SECONDS).silent())


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
    stated = instance.program.root.objective
    return Solution(
        instance.program.name,
        class_name(instance.program),
        "failed",
        "no route",
        stated.sense if stated is not None else None,
        diagnostics=(*(each for each in request.notes if each not in told), *told),
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


# ------------------------------------------------------------------------------------------------- after the solver
def _point(found: _Found) -> Solution:
    """A point was found: it is judged on the model, and the bound decides what it may be called."""
    answer = found.answer
    assert answer.x is not None
    report_ = _judge_answered(found, answer.x)
    if not report_.holds:
        return _broken(found, report_)
    if isinstance(found.form, NonlinearForm):
        return _local(found, report_)
    certificate = list(report_.lines)
    limit = None
    if report_.objective is not None:
        proof = bounds.bound(
            found.instance,
            found.lowered,
            answer,
            _solver(found),
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
    solution = _solution(found, status, termination, report_, certificate, limit)
    if isinstance(found.form, FractionalForm) and (answer.claim, answer.termination) == ("feasible", "converged"):
        note = report(solving.NOT_ATTAINED, found.instance.program.root.span)
        return replace(solution, diagnostics=(*solution.diagnostics, note))
    return solution


def _local(found: _Found, report_: Report) -> Solution:
    """A point of a nonlinear problem: its multipliers or the bound of a global solver decide what it may be called."""
    from .verify import local  # what proves convexity is not loaded for linear problems

    answer, goal = found.answer, found.request.goal
    assert answer.x is not None
    certificate, value = list(report_.lines), report_.objective
    known = local.Local((), "feasible")
    if value is not None and answer.row_duals is not None:
        duals = answer.row_duals
        known = local.judged(found.instance, found.lowered, answer.x, duals, value, found.tolerance, goal.gap)
        certificate += known.lines
    status: Status = known.status
    limit = known.bound
    if value is not None and status != "optimal" and answer.bound is not None:
        proof = bounds.bound(found.instance, found.lowered, answer, _solver(found), goal.gap, value, found.duals_nearby)
        limit = proof.value
        certificate += [proof.line] if proof.line is not None else []
        status = "optimal" if limit is not None and bounds.relative_gap(value, limit) <= goal.gap else status
    termination = "converged" if status == "optimal" else answer.termination
    solution = _solution(found, status, termination, report_, certificate, limit)
    if status == "feasible" and answer.claim == "feasible" and answer.termination in _OPEN:
        note = report(solving.OPEN_END, None, backend=found.route.backend.name, reason=answer.message)
        return replace(solution, diagnostics=(*solution.diagnostics, note))
    if answer.claim != "stationary" or status != "feasible" or value is None:
        return solution
    reason = next((str(line) for line in certificate if line.claim == "stationary"), "no multipliers")
    name = found.route.backend.name
    warning = report(solving.UNPROVED_END, None, backend=name, claim=answer.claim, reason=reason)
    return replace(solution, termination="numerical trouble", diagnostics=(*solution.diagnostics, warning))


def _judge_rounded(found: _Found, x: Floats) -> Report:
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


def _judge_answered(found: _Found, x: Floats) -> Report:
    """The report on a point with the followers' answers solved again; it has them where it holds with them."""
    report_ = _judge_rounded(found, x)
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


def _broken(found: _Found, report_: Report) -> Solution:
    """The backend's point does not hold on the model: its word is not repeated."""
    worst = next(line for line in report_.lines if line.status == "failed")
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
    solution = _solution(found, "failed", "numerical trouble", report_, list(report_.lines), None)
    return replace(solution, diagnostics=(*solution.diagnostics, warning))


def _infeasible(found: _Found) -> Solution:
    line = infeasible(found.instance, found.lowered, found.answer, found.route.backend, found.options, found.context)
    if followers.followers(found.instance.program):
        line = no_answer(found.instance, line, found.again)
    return _without_point(found, "infeasible", line)


def _unbounded(found: _Found) -> Solution:
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
    point = _judge_rounded(found, x).point
    ray = found.lift(answer.primal_ray)
    line = unbounded(found.instance, point, ray, found.tolerance)
    wrong = followers.optimal_along(found.instance, point, ray, DISTANCES, found.tolerance, found.again)
    if wrong is not None:
        line = Line("unbounded", "failed", where=wrong.where, how=f"a follower leaves the direction: {wrong.how}")
    return _without_point(found, "unbounded", line)


def _undecided(found: _Found) -> Solution:
    line = Line("unbounded", "failed", how=f"{found.answer.message}: it cannot tell which")
    return _without_point(found, "unbounded", line)


def _nothing(found: _Found) -> Solution:
    """The work stopped before there was a point."""
    termination = found.answer.termination
    if termination not in _TROUBLE:
        return _solution(found, "limit", termination, None, [], _finite(found.answer.bound))
    warning = report(solving.NO_ANSWER, None, backend=found.route.backend.name, message=found.answer.message)
    solution = _solution(found, "failed", termination, None, [], None)
    told = (found.answer.fault,) if found.answer.fault is not None else ()
    return replace(solution, diagnostics=(*solution.diagnostics, *told, warning))


_OPEN = ("diverging", "numerical trouble")
_TROUBLE = ("numerical trouble", "locally infeasible", "diverging", "solver error", "converged")


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _without_point(found: _Found, status: Literal["infeasible", "unbounded"], line: Line) -> Solution:
    """The status is used where its claim holds, else the result is ``failed`` and says so."""
    if line.holds:
        return _solution(found, status, found.answer.termination, None, [line], None)
    warning = report(
        solving.UNPROVED_END, None, backend=found.route.backend.name, claim=found.answer.claim, reason=line.how
    )
    solution = _solution(found, "failed", "numerical trouble", None, [line], None)
    return replace(solution, diagnostics=(*solution.diagnostics, warning))


_ENDINGS = {
    "optimal": _point,
    "stationary": _point,
    "feasible": _point,
    "infeasible": _infeasible,
    "unbounded": _unbounded,
    "infeasible or unbounded": _undecided,
    "none": _nothing,
}


# ------------------------------------------------------------------------------------------------- further answers
def _with_further(found: _Found, solution: Solution) -> Solution:
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
            lambda point: _judge_answered(found, point),
            lambda judged: Alternative(judged.objective, labelled_decisions(found.instance, judged.point)),
        )
        more = alternatives.further(search, x, solution.objective, count)
    return replace(
        solution,
        alternatives=more.answers,
        alternatives_complete=more.complete,
        diagnostics=(*solution.diagnostics, *more.notes),
    )


# ----------------------------------------------------------------------------------------------------- the solution
def _solution(
    found: _Found,
    status: Any,
    termination: str,
    report_: Report | None,
    certificate: list[Line],
    limit: float | None,
) -> Solution:
    instance, answer, backend = found.instance, found.answer, found.route.backend
    named = {} if report_ is None else labelled_expressions(instance, report_.point)
    stated = instance.program.root.objective
    kind = class_name(instance.program)
    value = None if report_ is None else report_.objective
    sense = None if stated is None else stated.sense
    unnamed = "leader" if followers.followers(instance.program) else "objective"
    name = (stated.name if stated is not None else None) or unnamed
    others = {} if report_ is None else dict(report_.objectives)
    duals = None if answer.row_duals is None or report_ is None else answer.row_duals + 0.0  # no -0.0
    reduced = None if answer.column_duals is None or report_ is None else answer.column_duals + 0.0
    return Solution(
        instance.program.name,
        kind,
        status,
        termination,
        sense,
        value,
        limit,
        others if value is None else {name: value, **others},
        {} if report_ is None else labelled_decisions(instance, report_.point),
        named,
        None,
        _multipliers(found)
        if duals is None
        else _labelled_rows(instance, lifting.by_row_family(found.form.rows, duals)),
        None if reduced is None else _reduced_costs(instance, found.form, reduced),
        (),
        False,
        Certificate(certificate),
        (*found.request.notes, *instance.notes, *_evaluation(found.lowered.form), *_undefined(instance, named)),
        BackendRecord(backend.name, backend.version(), _changed(found.options)),
        tuple(dict.fromkeys((kind, *found.route.steps))),
        seed=found.context.seed,
    )


def labelled_decisions(instance: Instance, point: Point) -> dict[str, Labelled]:
    """The values of every decision family with its indices; a choice by its options."""
    found: dict[str, Labelled] = {}
    for family in instance.families:
        values: Any = np.broadcast_to(point[family.name], (family.count,))
        if isinstance(family.symbol, Choice):
            options = instance.scope.options[family.name].members
            values = np.array([options.member(int(v))[0] for v in values], dtype=np.object_)
        found[family.name] = Labelled(family.name, index_names(family.symbol.space), family.index, values)
    return found


def labelled_expressions(instance: Instance, point: Point) -> dict[str, Labelled]:
    """The values of every ``let`` with its indices."""
    found: dict[str, Labelled] = {}
    for name, values in expressions(instance, point).items():
        symbol = instance.program.symbols[name]
        found[name] = Labelled(name, index_names(symbol.space), instance.scope.layouts[name].members, values)
    return found


def _evaluation(form: LinearForm) -> tuple[Diagnostic, ...]:
    """What there is to say about how functions were evaluated."""
    return form.diagnostics if isinstance(form, NonlinearForm) else ()


def _undefined(instance: Instance, named: Mapping[str, Labelled]) -> list[Diagnostic]:
    """A warning for each ``let`` that has no value somewhere."""
    without = [name for name, found in named.items() if np.isnan(found.values).any()]
    return [report(solving.UNDEFINED_AT_ANSWER, instance.program.symbols[name].span, name=name) for name in without]


def _labelled_rows(instance: Instance, values: Mapping[str, Floats]) -> dict[str, Labelled]:
    found: dict[str, Labelled] = {}
    own = {family.name for family in instance.constraints}
    for name, numbers in values.items():
        if name not in own:
            continue  # a row that a lowering made
        family = instance.constraint(name)
        found[name] = Labelled(name, index_names(family.symbol.space), family.index, numbers)
    return found


def _multipliers(found: _Found) -> dict[str, Labelled] | None:
    """The multipliers of the followers' rows, where the route had them as columns."""
    x = found.answer.x
    lifted = {} if x is None else found.lowered.lift(x)
    rows = {name[len("dual(") : -1]: values + 0.0 for name, values in lifted.items() if name.startswith("dual(")}
    return _labelled_rows(found.instance, rows) if rows else None


def _reduced_costs(instance: Instance, form: LinearForm, values: Floats) -> dict[str, Labelled]:
    found: dict[str, Labelled] = {}
    own = {family.name for family in instance.families}
    for name, numbers in lifting.by_column_family(form.columns, values).items():
        if name not in own:
            continue  # a column that a lowering made
        family = instance.family(name)
        found[name] = Labelled(name, index_names(family.symbol.space), family.index, numbers)
    return found


def _changed(options: Any) -> dict[str, object]:
    """The options that were given, for the record."""
    default = type(options)()
    names = type(options).__dataclass_fields__
    return {name: getattr(options, name) for name in names if getattr(options, name) != getattr(default, name)}


def _solver(found: _Found) -> str:
    version = found.route.backend.version()
    return f"{found.route.backend.name} {version}" if version else found.route.backend.name


class _Watch:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {"compile": 0.0, "solve": 0.0, "verify": 0.0}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] += now - self._last
        self._last = now
