"""The search of ``lns``: neighbourhoods one after the other, what is kept, and what is learnt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats, LinearForm

from .. import highs
from ..known_point import completed, holds
from . import Options
from .bandit import SUCCESSES, Bandit, EpsilonGreedy, Outcome, ThompsonSampling
from .destroy_operators import Operator, SubProblem, View, portfolio
from .simulated_annealing import Annealing

REPORT_EVERY = 0.1  # seconds between two progress reports


POOL = 10  # points that crossover and DINS see


NOISE = 1e-9  # relative difference of two values that is nothing but rounding


WHOLE = 1e-9  # a whole column is off by more where its point is solved for again with whole columns rounded


SMALLER, LARGER = 0.75, 1.25  # the next neighbourhood after one that was stopped, or ended, without a better point


LEAST, MOST = 0.05, 8.0  # of the usual size


PATIENCE = 100  # sub-problems in a row without a better point, where there is no limit at all


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The best point found of a linear form with whole columns; one without is HiGHS's alone."""
    if not form.integer.any():
        return highs.solve(form, goal, highs.Options(), context, start)
    return _Search(form, goal, options, context).run(start)


def polish(form: LinearForm, x: Floats, goal: Goal, options: Options, context: Context) -> Answer:
    """The best point found when starting from ``x`` (n), with NaN where nothing is known.

    Never worse than ``x`` where that is feasible; a point that is not is a hint.
    """
    return solve(form, goal, options, context, Start(x))


class _Search:
    """The state of one search. Values are in the sense of minimising, with the offset."""

    def __init__(self, form: LinearForm, goal: Goal, options: Options, context: Context) -> None:
        self.form, self.goal, self.options, self.context = form, goal, options, context
        self.sign = 1.0 if form.sense == "minimize" else -1.0
        self.random = np.random.default_rng(context.seed)
        self.limit = context.remaining()
        self.best, self.current = math.inf, math.inf
        self.pool: list[Floats] = []  # the best first
        self.x: Floats | None = None  # the current point
        self.bound = -math.inf
        self.relaxed: Floats | None = None
        self.annealing = Annealing()
        self.tried: set[bytes] = set()
        self.factors: dict[int, float] = {}  # by arm, of the usual size of its neighbourhood
        self.iterations = self.improved = self.idle = 0
        self.next_report = 0.0

    # ------------------------------------------------------------------------------------------------- the search
    def run(self, start: Start | None) -> Answer:
        if start is not None:
            self._begin_from(start.x)
        stop = self.context.stop()
        if stop is not None:
            return self._stopped(stop)
        ended = self._first_run(start)
        if ended is not None:
            return ended
        self._relax()
        operators = portfolio(self.form)
        bandit = self._bandit(len(operators))
        while True:
            if self._closed():
                return self._answer("optimal", "converged", "the bound is met")
            ending = self._ending()
            if ending is not None:
                return self._stopped(ending)
            self._step(operators, bandit)
            self._report()

    def _step(self, operators: Sequence[Operator], bandit: Bandit) -> None:
        """One neighbourhood of the current point; see the head of the module."""
        assert self.x is not None
        arm = bandit.choose(self.random)
        view = View(self.form, self._rounded(self.x), self.relaxed, self.pool, self.sign * self.bound)
        problem = operators[arm].build(view, self.random, self.factors.get(arm, 1.0))
        self.iterations += 1
        self.idle += 1
        nothing: tuple[Outcome, bool] = ("rejected", True)
        outcome, ended = nothing if problem is None else self._explore(problem)
        bandit.learn(arm, outcome)
        if outcome not in SUCCESSES:
            factor = self.factors.get(arm, 1.0) * (LARGER if ended else SMALLER)
            self.factors[arm] = min(MOST, max(LEAST, factor))

    def _explore(self, problem: SubProblem) -> tuple[Outcome, bool]:
        """Solve a sub-problem and go on from its point, or not; and whether it was solved to its end."""
        key = None if problem.first else _digest(problem.form)
        if key is not None and key in self.tried:
            return "rejected", True
        found = self._sub_answer(problem)
        ended = found.termination == "converged"
        if key is not None and ended:
            self.tried.add(key)
        if found.claim == "infeasible" and problem.limit is not None:
            self.bound = max(self.bound, self.sign * problem.limit)
        x = None if found.x is None else self._settled(found.x, again=not problem.aims)
        return "rejected" if x is None else self._judged(x), ended

    def _judged(self, x: Floats) -> Outcome:
        value, unit = self._value(x), 1e-3 * abs(self.best)
        noise = NOISE * max(1.0, abs(value))
        before = self.current
        accepted = self.annealing.accepts(value - before, unit, self.random)
        if value < self.best - noise:
            self._take(x, value)
            return "best"
        self._remember(x)
        if not accepted:
            return "rejected"
        self.x, self.current = x, value
        return "better" if value < before - noise else "accepted"

    def _ending(self) -> Termination | None:
        limits = self.options
        stalled = limits.stalled
        if stalled is None and limits.iterations is None and self.limit is None:
            stalled = PATIENCE
        if limits.iterations is not None and self.iterations >= limits.iterations:
            return "iteration limit"
        if stalled is not None and self.idle >= stalled:
            return "iteration limit"
        return self.context.stop()

    def _bandit(self, arms: int) -> Bandit:
        if self.options.bandit == "thompson":
            return ThompsonSampling(arms)
        return EpsilonGreedy(arms, self.options.epsilon)

    # -------------------------------------------------------------------------------------------------- the points
    def _begin_from(self, x: Floats) -> None:
        """Take a point that is known in all whole columns, with the best values of the others."""
        if not np.isfinite(x[self.form.integer]).all():
            return
        if np.isfinite(x).all() and self._feasible(x):
            self._take(x, self._value(x))
        best = self._completed(self._rounded(x)) if self.context.stop() is None else None
        if best is not None and self._value(best) < self.best:
            self._take(best, self._value(best))

    def _take(self, x: Floats, value: float) -> None:
        """A best point, which becomes the current one."""
        self.x, self.best, self.current = x, value, value
        self.pool.insert(0, x)
        del self.pool[POOL:]
        self.improved += 1
        self.idle = 0

    def _remember(self, x: Floats) -> None:
        """Keep another point beside the best, the last ones found."""
        if not any(np.array_equal(x, known) for known in self.pool):
            self.pool.insert(1, x)
            del self.pool[POOL:]

    def _settled(self, x: Floats, *, again: bool = False) -> Floats | None:
        """A point of HiGHS's with whole columns rounded, and solved for the others if need be or ``again``.

        None where no point is left that way.
        """
        rounded = self._rounded(x)
        if not again and np.abs(x - rounded).max(initial=0.0) <= WHOLE:
            return rounded
        found = self._completed(rounded)
        if found is None and self._feasible(rounded):
            return rounded
        return found

    def _rounded(self, x: Floats) -> Floats:
        return np.where(self.form.integer, np.clip(np.rint(x), self.form.lower, self.form.upper), x)

    def _completed(self, x: Floats) -> Floats | None:
        """The best point with these whole columns, or None where there is none."""
        if self.form.integer.all():
            return x if self._feasible(x) else None
        return completed(self.form, x, self._continuous)

    def _continuous(self, form: LinearForm) -> Floats | None:
        return highs.solve(form, self.goal, highs.Options(), self.context.silent(), None).x

    def _feasible(self, x: Floats) -> bool:
        return holds(self.form, x, self.goal.tolerance)

    def _value(self, x: Floats) -> float:
        return self.sign * (float(self.form.cost @ x) + self.form.offset)

    # ---------------------------------------------------------------------------------------------- runs of HiGHS
    def _first_run(self, start: Start | None) -> Answer | None:
        """A short run on the whole problem: a point and a bound, or an answer that ends it all.

        Where it ends without a point, a second run goes on until it has one.
        """
        known = start if self.x is None else Start(self.x)
        for effort in (
            highs.Options(nodes=self.options.first_nodes),
            highs.Options(solutions=1, heuristic_effort=0.5),
        ):
            budget = self.context
            if effort.nodes is not None and self.limit is not None:
                budget = self.context.within(self.options.first_share * self.limit)
            found = highs.solve(self.form, self.goal, effort, budget, known)
            if found.bound is not None:
                self.bound = max(self.bound, self.sign * found.bound)
            if found.claim in ("infeasible", "unbounded", "infeasible or unbounded") and self.x is None:
                return found
            point = None if found.x is None else self._settled(found.x)
            if point is not None and self._value(point) < self.best:
                self._take(point, self._value(point))
            if self._closed():
                return self._answer("optimal", "converged", "the first run closed the gap")
            if found.claim == "optimal":  # by HiGHS's own absolute gap
                return found
            stop = self.context.stop()
            if self.x is not None or stop is not None:
                return None if stop is None else self._stopped(stop)
        return found

    def _relax(self) -> None:
        """Solve the root relaxation, for the operators and the bound."""
        continuous = replace(self.form, integer=np.zeros(self.form.shape[1], dtype=np.bool_))
        budget = self.context if self.limit is None else self.context.within(self.options.first_share * self.limit)
        found = highs.solve(continuous, self.goal, highs.Options(), budget.silent(), None)
        if found.claim == "optimal" and found.x is not None:
            self.relaxed = found.x
            self.bound = max(self.bound, self._value(found.x))

    def _sub_answer(self, problem: SubProblem) -> Answer:
        budget = self.context
        if self.limit is not None:
            budget = budget.within(self.options.share * self.limit)
        budget = replace(budget.silent(), seed=int(self.random.integers(2**31)))
        effort = highs.Options(nodes=self.options.nodes, solutions=1 if problem.first else None)
        start = Start(self.x) if problem.holds and self.x is not None else None
        return highs.solve(problem.form, self.goal, effort, budget, start)

    # ------------------------------------------------------------------------------------------------- the answers
    def _closed(self) -> bool:
        if not math.isfinite(self.best):
            return False
        return self.best - self.bound <= max(self.goal.gap, NOISE) * max(1.0, abs(self.best))

    def _stopped(self, why: Termination) -> Answer:
        return self._answer("none" if not self.pool else "feasible", why, "stopped")

    def _answer(self, claim: Claim, termination: Termination, why: str) -> Answer:
        x = self.pool[0] if self.pool else None
        counts = f"{self.iterations} neighbourhoods, {self.improved} better points"
        return Answer(
            claim,
            termination,
            x,
            objective=None if x is None else self.sign * self.best,
            bound=self.sign * min(self.bound, self.best) if math.isfinite(self.bound) else None,
            message=f"{why} ({counts})",
            work=self.iterations,
            unit="neighbourhoods",
        )

    def _report(self) -> None:
        now = self.context.clock()
        if self.context.progress is None or now < self.next_report:
            return
        self.next_report = now + REPORT_EVERY
        self.context.report(
            Progress(
                "large neighbourhood search",
                self.context.elapsed(),
                self.sign * self.best,
                self.sign * self.bound if math.isfinite(self.bound) else None,
                work=self.iterations,
                unit="neighbourhoods",
            )
        )


def _digest(form: LinearForm) -> bytes:
    """What tells sub-problems of one form apart: bounds, the last row and the objective."""
    last = slice(form.starts[-2], None) if form.shape[0] else slice(0, 0)
    row = (form.row_lower[-1:], form.row_upper[-1:], form.indices[last], form.values[last])
    from hashlib import blake2b  # on first use: it loads OpenSSL

    found = blake2b(digest_size=16)
    for part in (form.lower, form.upper, form.cost, *row):
        found.update(part.tobytes())
    return found.digest()
