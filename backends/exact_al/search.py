"""The outer method of ``exact_al``: starts, scaling, the barrier, and what is said of the answer."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from optc.compiler.answer import Answer, Termination
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

from ..local_answer import at_rest, from_starts
from . import Options, inertia, sketched_newton
from . import barrier as barriers
from .equality_form import EqualityForm, equality_form, scaled
from .merit_function import Point
from .pace import without_slope
from .problem import Problem
from .sketched_newton import Outcome, Rules

REPORT_EVERY = 0.1  # seconds between two progress reports


FIRST_MU, LINEAR, SUPERLINEAR, ACCURACY = 0.1, 0.2, 1.5, 10.0  # of the barrier: start, decrease, accuracy in mu


FAR = 1e15  # an unknown or objective beyond so many times the first ones, or 1, diverges


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form, from one start or the best from several."""
    return from_starts(local, form, goal, options, context, start)


def local(form: NonlinearForm, goal: Goal, options: Options, context: Context, x: Floats) -> Answer:
    """The answer from one point (n), at which everything is defined."""
    equations = equality_form(form)
    options = replace(options, tolerance=min(options.tolerance, goal.tolerance))
    u = equations.start(x)
    if options.scaling == "gradient-based":
        equations = scaled(equations, u)
    outcome, termination = search(equations, u, options, context)
    return _answer(form, equations, outcome, termination, goal)


def search(equations: EqualityForm, u: Floats, options: Options, context: Context) -> tuple[Outcome, Termination]:
    """The inner method on the equations alone, or on a sequence of barrier problems where there are bounds."""
    random = np.random.default_rng(context.seed)
    y = np.full(equations.shape[0], options.multipliers * equations.factor)
    bounded = bool(np.isfinite(equations.lower).any() or np.isfinite(equations.upper).any())
    rules = _rules(options, bounded)
    mu = FIRST_MU if bounded else 0.0
    u = barriers.inside(equations, u)
    problem: Problem = barriers.barrier(equations, u, mu)
    total = _Work()
    while True:
        watch = _Watch(context, equations.factor, total.iterations)
        aim = max(rules.tolerance, ACCURACY * mu)
        inner = replace(rules, tolerance=aim, iterations=rules.iterations - total.iterations)
        outcome = sketched_newton.minimise(problem, u, y, inner, random, watch)
        total = total.plus(outcome)
        last = mu <= 0.1 * rules.tolerance
        if outcome.end not in ("converged", "no descent") or last or watch.far:
            return total.in_place_of_own(outcome), _termination(outcome, context, watch)
        u, y = outcome.point.u, outcome.point.y
        mu = max(0.1 * rules.tolerance, min(LINEAR * mu, mu**SUPERLINEAR))
        assert isinstance(outcome.problem, barriers.Barrier)
        problem = replace(outcome.problem, mu=mu)


@dataclass(frozen=True, slots=True)
class _Work:
    """What the barrier problems so far have taken together."""

    iterations: int = 0
    evaluations: int = 0
    inner_steps: int = 0
    unit_steps: int = 0

    def plus(self, one: Outcome) -> _Work:
        return _Work(
            self.iterations + one.iterations,
            self.evaluations + one.evaluations,
            self.inner_steps + one.inner_steps,
            self.unit_steps + one.unit_steps,
        )

    def in_place_of_own(self, one: Outcome) -> Outcome:
        return replace(
            one,
            iterations=self.iterations,
            evaluations=self.evaluations,
            inner_steps=self.inner_steps,
            unit_steps=self.unit_steps,
        )


def _rules(options: Options, bounded: bool) -> Rules:
    shifts = inertia.growing_shifts if bounded else inertia.norm_shifts
    own = {entry.name for entry in fields(Options)}
    corner = 0.0 if bounded else sketched_newton.CORNER  # multipliers of barrier problems are large from the start
    usual = np.inf if options.scaling == "none" else sketched_newton.USUAL
    taken = {e.name: getattr(options, e.name) for e in fields(Rules) if e.name in own}
    return Rules(**taken, shifts=shifts, corner=corner, usual=usual)


class _Watch:
    """Called at each Newton step and while a sketch works: reports progress, and says whether to go on."""

    def __init__(self, context: Context, factor: float, before: int) -> None:
        self.context = context
        self.factor = factor
        self.before = before
        self.far = False
        self.first: tuple[float, float] | None = None
        self.next = context.clock() + REPORT_EVERY

    def __call__(self, iteration: int, point: Point, residual: float) -> bool:
        context = self.context
        if context.progress is not None and context.clock() >= self.next:
            self.next = context.clock() + REPORT_EVERY
            value, work = point.value / self.factor, self.before + iteration
            context.report(Progress("Newton", context.elapsed(), value, residual=residual, work=work))
        sizes = abs(point.value), float(np.abs(point.u).max(initial=0.0))
        if self.first is None:
            self.first = sizes
        self.far = any(size > FAR * max(1.0, first) for size, first in zip(sizes, self.first, strict=True))
        return not self.far and context.stop() is None


def _termination(outcome: Outcome, context: Context, watch: _Watch) -> Termination:
    if outcome.end == "converged":
        return "converged"
    if outcome.end == "stopped":
        return "diverging" if watch.far else context.stop() or "interrupted"
    if without_slope(outcome.point):
        return "locally infeasible"
    return "iteration limit" if outcome.end == "iteration limit" else "numerical trouble"


_WORDS: dict[Termination, str] = {
    "converged": "first-order conditions hold",
    "locally infeasible": "the rows cannot be met any better near the point it came to, which proves nothing",
    "diverging": "the iterates diverge: the problem may be unbounded",
    "numerical trouble": "no step brings progress",
}


def _answer(
    form: NonlinearForm, equations: EqualityForm, outcome: Outcome, termination: Termination, goal: Goal
) -> Answer:
    x = np.clip(equations.point(outcome.point.u), form.lower, form.upper)
    message = _WORDS.get(termination, termination)

    def row_duals() -> Floats:
        duals = np.zeros(form.shape[0])
        duals[equations.rows] = -outcome.point.y / equations.factor
        return duals

    return at_rest(form, x, termination, message, outcome.iterations, goal, row_duals)
