"""Dinkelbach's method: a ratio of linear functions over linear rows and whole columns, by several linear problems.

    F(r) = min over x of  N(x) - r D(x),     D > 0.     F falls in r, and is zero at the optimal ratio.

Each step solves ``F(r)`` exactly with HiGHS, at the ratio of the best point so far, and takes the ratio of the point
that it finds: the ratios fall to the optimum superlinearly. Any lower bound ``f <= F(r)`` is one of the ratio,

    N(x) / D(x)  >=  r + f / D(x)  >=  r + f / least   (f < 0),   r + f / most   (f >= 0),

so each step also gives a bound, whatever stopped it. The first ratio of a problem with whole columns is the optimum of
its relaxation, by the same method, which is a bound too. Where ``F(r)`` has no end, HiGHS's direction ``v`` has
``N(v) < r D(v)``: with ``D(v) = 0`` the ratio falls without end; else it comes as near to ``N(v) / D(v)`` as one likes,
which is the next ``r``, and if ``F`` is not below zero there that ratio is the infimum, attained only where ``F`` is
zero. Sources: W. Dinkelbach, "On nonlinear fractional programming", Management Science 13 (1967); S. Schaible,
"Fractional programming II: on Dinkelbach's algorithm", Management Science 22 (1976).

Deviation: the subproblems of a problem with whole columns are solved to an absolute gap that suffices for the gap that
is wanted of the ratio, in place of exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from optc.compiler.answer import LIMITS, Answer, Claim, Conflict, Termination
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.fractional import FractionalForm, parametric, parts_at
from optc.compiler.forms.linear import Floats, LinearForm

from . import highs
from .known_point import activities
from .options import option

name = "dinkelbach"
title = "ratios of linear expressions over linear rows, whole decisions included (a sequence of linear problems)"
install = highs.install
capabilities = Capabilities(
    forms=frozenset({"fractional"}),
    integer=frozenset({"fractional"}),
    gives=frozenset(
        {
            "duals",
            "reduced costs",
            "primal ray",
            "dual ray",
            "bound",
            "warm start",
            "time limit",
            "interrupt",
            "progress",
        }
    ),
    largest=highs.capabilities.largest,
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of Dinkelbach's method beside the common ones; those of HiGHS are at their defaults."""

    steps: int = option("integer", 100, "most linear problems that are solved", low=1)
    presolve: str = option("word", "choose", "reduce each problem first", choices=("choose", "on", "off"))


options = Options

ROUNDING = 1e-12
"""A value of ``F`` of this share of the numbers that it is a difference of is zero."""


def version() -> str | None:
    """The version of HiGHS."""
    return highs.version()


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a fractional form. A linear form, whose denominator is 1, is HiGHS's alone."""
    inner = highs.Options(presolve=options.presolve)
    if not isinstance(form, FractionalForm):
        return highs.solve(form, goal, inner, context, start)
    sign = 1.0 if form.sense == "minimize" else -1.0
    downwards = replace(form, sense="minimize", cost=sign * form.cost, offset=sign * form.offset)
    run = _Run(downwards, goal, inner, context, sign, options.steps)
    if start is not None and np.isfinite(start.x).all() and _holds(form, start.x, goal.tolerance):
        run.take(start.x)
    if form.integer.any():
        below = _Run(_relaxed(downwards), goal, inner, context, sign, options.steps)
        answer = below.solve(None)
        if answer.claim == "infeasible":
            return answer
        run.bound, run.steps = (-math.inf if answer.claim == "unbounded" else below.bound), below.steps
        run.towards = below.towards
    return run.solve(run.bound if run.x is None and math.isfinite(run.bound) else None)


def _relaxed(form: FractionalForm) -> FractionalForm:
    return replace(form, integer=np.zeros_like(form.integer))


def conflict(form: LinearForm, context: Context) -> Conflict | None:
    """HiGHS's conflict of the rows and bounds."""
    return highs.conflict(form, context)


def _holds(form: LinearForm, x: Floats, tolerance: float) -> bool:
    """Whether a point keeps rows, bounds and whole columns."""
    activity = activities(form, x)
    room = tolerance * np.maximum(1.0, np.abs(activity))
    rows = bool(np.all((activity >= form.row_lower - room) & (activity <= form.row_upper + room)))
    bounds = bool(np.all((x >= form.lower - tolerance) & (x <= form.upper + tolerance)))
    return rows and bounds and bool(np.all(np.abs(x - np.rint(x))[form.integer] <= tolerance))


class _Run:
    """One minimisation: the best point ``x`` with its ``value``, and the ``bound`` on the ratio."""

    def __init__(
        self, form: FractionalForm, goal: Goal, inner: highs.Options, context: Context, sign: float, most: int
    ) -> None:
        self.form, self.goal, self.inner, self.context = form, goal, inner, context
        self.sign, self.most = sign, most
        self.x: Floats | None = None
        self.value, self.bound = math.inf, -math.inf
        self.steps = 0
        self.towards: float | None = None  # the ratio that a direction approaches, where one was followed
        self.last: Answer | None = None

    def take(self, x: Floats) -> float:
        """A feasible point; its ratio."""
        top, bottom = parts_at(self.form, x)
        value = top / bottom if bottom > 0 else math.inf
        if value < self.value:
            self.x, self.value = x, value
        return value

    def solve(self, first: float | None) -> Answer:
        """Steps from the ratio ``first``, else from that of the best point, else from 0."""
        ratio = first if first is not None else self.value if self.x is not None else 0.0
        for _ in range(self.most):
            stop = self.context.stop()
            if stop is not None:
                return self._stopped(stop)
            self.steps += 1
            end = self._end(self._step(ratio), ratio)
            self._report()
            if isinstance(end, Answer):
                return end
            ratio = end
        return self._stopped("iteration limit")

    def _step(self, ratio: float) -> Answer:
        """``F(ratio)``, to an absolute gap that suffices for the ratio's."""
        room = 0.25 * self.goal.gap * max(1.0, abs(ratio)) * self.form.least
        gap = Goal(0.0 if self.form.integer.any() else self.goal.gap, self.goal.tolerance)
        inner = replace(self.inner, absolute_gap=max(room, self._noise(ratio)))
        start = None if self.x is None else Start(self.x)
        return highs.solve(parametric(self.form, ratio), gap, inner, self.context.silent(), start)

    def _noise(self, ratio: float) -> float:
        """How large a difference ``N - ratio D`` may be from rounding alone."""
        x = np.zeros(self.form.shape[1]) if self.x is None else np.abs(self.x)
        top = float(np.abs(self.form.cost) @ x) + abs(self.form.offset)
        bottom = float(np.abs(self.form.denominator) @ x) + abs(self.form.denominator_offset)
        return ROUNDING * (top + abs(ratio) * bottom)

    def _end(self, answer: Answer, ratio: float) -> Answer | float:
        """The final answer, or the next ratio."""
        if answer.claim == "infeasible":
            return answer
        if answer.claim == "unbounded":
            return self._along(answer, ratio)
        if answer.x is None and answer.termination not in LIMITS:  # HiGHS cannot tell
            return answer if self.x is None else self._stopped(answer.termination)
        self._raise_bound(answer.bound, ratio)
        left = math.nan if answer.x is None else self.take(answer.x) - ratio
        if answer.termination in LIMITS:
            return self._stopped(answer.termination)
        self.last = answer
        if self._close() and (self.form.integer.any() or ratio == self.value):  # multipliers are those of the last step
            return self._optimal()
        if ratio == self.towards and left * self.form.least > self._noise(ratio):
            return self._approached()
        if self.value != ratio:
            return self.value
        return self._optimal() if self._nearly(ratio) else self._stopped("numerical trouble")

    def _raise_bound(self, least: float | None, ratio: float) -> None:
        if least is None or not math.isfinite(least):
            return
        room = least / (self.form.least if least < 0 else self.form.most)
        self.bound = max(self.bound, ratio + room)

    def _along(self, answer: Answer, ratio: float) -> Answer | float:
        """A direction along which ``N - ratio D`` falls: the ratio that it approaches, or the end."""
        ray = answer.primal_ray
        if ray is None and self.form.integer.any():  # the relaxation has the same directions
            linear = parametric(_relaxed(self.form), ratio)
            ray = highs.solve(linear, self.goal, self.inner, self.context.silent(), None).primal_ray
        if ray is None:
            return replace(answer, claim="infeasible or unbounded")
        bottom = float(self.form.denominator @ ray)
        if bottom <= ROUNDING * float(np.abs(self.form.denominator) @ np.abs(ray)):
            return Answer("unbounded", "converged", answer.x, primal_ray=ray, message=answer.message)
        self.towards = float(self.form.cost @ ray) / bottom
        return self.towards

    def _close(self) -> bool:
        return self.value - self.bound <= self.goal.gap * max(1.0, abs(self.value)) * 0.5

    def _nearly(self, ratio: float) -> bool:
        """Whether what is left between point and bound is rounding."""
        noise = self._noise(ratio) / self.form.least
        return self.value - self.bound <= max(self.goal.gap * max(1.0, abs(self.value)), 4 * noise)

    # ----------------------------------------------------------------------------------------------------- answers
    def _optimal(self) -> Answer:
        rows = columns = None
        if self.last is not None and self.x is not None and not self.form.integer.any():
            bottom = parts_at(self.form, self.x)[1]
            if self.last.row_duals is not None and self.last.column_duals is not None:
                rows = self.sign * self.last.row_duals / bottom
                columns = self.sign * self.last.column_duals / bottom
        return self._answer("optimal", "converged", rows, columns)

    def _approached(self) -> Answer:
        """The bound is the infimum, and no point has it."""
        assert self.towards is not None
        self.bound = max(self.bound, self.towards)
        return self._answer("feasible", "converged")

    def _stopped(self, why: Termination) -> Answer:
        return self._answer("none" if self.x is None else "feasible", why)

    def _answer(
        self, claim: Claim, why: Termination, rows: Floats | None = None, columns: Floats | None = None
    ) -> Answer:
        found = self.x is not None
        return Answer(
            claim,
            why,
            self.x,
            objective=self.sign * self.value + 0.0 if found else None,
            bound=self._bound(),
            row_duals=rows,
            column_duals=columns,
            message=f"{self.steps} linear problems by HiGHS",
            work=self.steps,
            unit="steps",
        )

    def _bound(self) -> float | None:
        return self.sign * self.bound + 0.0 if math.isfinite(self.bound) else None

    def _report(self) -> None:
        incumbent = self.sign * self.value if self.x is not None else None
        elapsed = self.context.elapsed()
        self.context.report(Progress("Dinkelbach", elapsed, incumbent, self._bound(), work=self.steps, unit="steps"))
