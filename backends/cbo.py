"""``cbo``: consensus-based optimisation, a swarm that finds good points of any function within bounds by its values.

Source: K. Riedl, T. Klock, C. Geldhauser, M. Fornasier, "Gradient is all you need?", arXiv 2306.09778. N particles
``X_i`` (n) move towards their consensus point, the mean weighted by ``exp(-alpha f(X_i))``, and are shaken the more the
further they are from it:

    c = sum_i X_i exp(-alpha f(X_i)) / sum_i exp(-alpha f(X_i))
    X_i <- X_i - lambda dt (X_i - c) + sigma sqrt(dt) D(X_i - c) xi_i,   xi_i standard normal

with ``D`` the differences component by component (the default, for many decisions) or their norm. For large alpha the
consensus point follows a relaxed descent along the gradient, which it never sees. Values are counted from the least one
before they are exponentiated, so alpha has the unit of one over the objective.

``alpha`` grows at each step, and ``lambda, sigma, dt`` are as in the authors' code; particles and steps are more. Ours
are these: particles that leave the bounds are put on them; where a function has no value it counts as infinite; the
best point that was ever evaluated is the answer; and the search ends where half of the particles have the least value
up to ``agreement``. Nothing is proved of that point: the claim is ``feasible`` at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optc.compiler.answer import Answer, Termination
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context, Progress

from .options import option

if TYPE_CHECKING:
    from optc.compiler.forms.linear import Floats, LinearForm
    from optc.compiler.forms.nonlinear import NonlinearForm

REPORT_EVERY = 0.1  # seconds between two progress reports
GROWTH, LARGEST_ALPHA = 1.05, 1e15  # of alpha, at each step

name = "cbo"
title = "continuous problems within bounds, by a swarm that agrees on a point (heuristic, from values alone)"
install = "nothing more is needed"
capabilities = Capabilities(
    forms=frozenset({"nonlinear"}),
    gives=frozenset({"warm start", "time limit", "interrupt", "progress"}),
    refuses={
        "integer nonlinear": "it takes no whole decisions",
        "bound": "it is a heuristic and proves nothing of its points",
        "duals": "it knows no derivatives; solve from its answer with `--start` and another backend",
    },
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options beside the common ones (time limit, tolerance, seed)."""

    particles: int = option("integer", 100, "points that move together", low=2, high=10**6)
    steps: int = option("integer", 2000, "most steps", low=0, high=2**31 - 1)
    dt: float = option("number", 0.01, "length of a step in time", low=1e-9, high=1.0)
    drift: float = option("number", 1.0, "pull towards the consensus point (lambda)", low=0.0, high=1e6)
    sigma: float = option("number", 5.1, "strength of the noise", low=0.0, high=1e6)
    noise: str = option(
        "word", "componentwise", "noise by the differences or by their norm", choices=("componentwise", "isotropic")
    )
    alpha: float = option("number", 1.0, "first weight of the objective", low=1e-15, high=LARGEST_ALPHA)
    agreement: float = option(
        "number", 1e-12, "relative difference of the values of half of the particles at the end", low=0.0, high=1.0
    )


options = Options


def version() -> str | None:
    """The version of NumPy, all it needs."""
    return np.__version__


def declines(form: LinearForm) -> str | None:
    """Why it cannot take a form: constraints."""
    return "`cbo` takes no constraints (a long sum inside something nonlinear is one too)" if form.shape[0] else None


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form without rows.

    Particles begin anywhere between bounds, or around the start where there are none; the start is one of them.
    """
    from .local_answer import known_at_once

    reason = declines(form)
    if reason is not None:
        return Answer("none", "solver error", message=reason)
    known = known_at_once(form, goal, context)
    if known is not None:
        return known
    swarm = _Swarm(form, options, context.seed, start)
    termination = _run(swarm, options, context)
    best = swarm.best
    if best is None:
        fault = form.undefined(swarm.particles[0])
        message = "the objective has no value at any point that was drawn"
        return Answer("none", "numerical trouble", message=message, fault=fault, work=swarm.steps, unit="steps")
    return Answer(
        "feasible",
        termination,
        best,
        form.evaluate_objective(best),
        message="the particles agree on a point" if termination == "converged" else termination,
        work=swarm.steps,
        unit="steps",
    )


def _run(swarm: _Swarm, options: Options, context: Context) -> Termination:
    """Moves the swarm until it agrees, or until a limit."""
    report_at = context.clock() + REPORT_EVERY
    for _ in range(options.steps):
        stop = context.stop()
        if stop is not None:
            return stop
        if swarm.moved(options) and swarm.agrees(options.agreement):
            return "converged"
        if context.progress is not None and context.clock() >= report_at and swarm.best is not None:
            report_at = context.clock() + REPORT_EVERY
            value = swarm.sign * swarm.least
            residual = swarm.spread()
            context.report(Progress("swarm", context.elapsed(), value, None, residual, swarm.steps, "steps"))
    return "iteration limit"


class _Swarm:
    """The particles (N, n), their values to minimise (N), and the best point so far."""

    def __init__(self, form: NonlinearForm, options: Options, seed: int, start: Start | None) -> None:
        self.form = form
        self.sign = 1.0 if form.sense == "minimize" else -1.0
        self.random = np.random.default_rng(seed)
        self.count = options.particles
        self.alpha = options.alpha
        self.steps = 0
        self.least = math.inf
        self.best: Floats | None = None
        self.low, self.high, centre = _region(form, start)
        self.particles = self._drawn()
        self.particles[0] = centre
        self.values = self._evaluated()

    def _drawn(self) -> Floats:
        unit = self.random.random((self.count, len(self.low)))
        return self.low + unit * (self.high - self.low)

    def _evaluated(self) -> Floats:
        """The values of the particles, infinite where there is none; the best of them is kept."""
        found: Floats = self.sign * np.asarray(self.form.evaluate_objective(self.particles))
        found = np.where(np.isfinite(found), found, np.inf)
        at = int(np.argmin(found))
        if found[at] < self.least:
            self.least, self.best = float(found[at]), self.particles[at].copy()
        return found

    def spread(self) -> float:
        """The largest distance between two particles in one component."""
        return float(np.ptp(self.particles, axis=0).max())

    def agrees(self, accuracy: float) -> bool:
        """Whether half of the particles have the least value that any has, relative to ``max(1, |value|)``."""
        least, middle = np.quantile(self.values, (0.0, 0.5), method="lower").tolist()
        return math.isfinite(middle) and middle - least <= accuracy * max(1.0, abs(least))

    def moved(self, options: Options) -> bool:
        """One step; False where no particle had a value, so that all of them are drawn anew."""
        self.steps += 1
        least = float(self.values.min())
        if math.isinf(least):
            self.particles = self._drawn()
            self.values = self._evaluated()
            return False
        with np.errstate(over="ignore"):
            weights = np.exp(-self.alpha * (self.values - least))
        consensus = weights @ self.particles / weights.sum()
        off = self.particles - consensus
        scale = off if options.noise == "componentwise" else np.linalg.norm(off, axis=1, keepdims=True)
        shaken = options.sigma * math.sqrt(options.dt) * scale * self.random.standard_normal(off.shape)
        moved = self.particles - options.drift * options.dt * off + shaken
        self.particles = np.clip(moved, self.form.lower, self.form.upper)
        self.values = self._evaluated()
        self.alpha = min(GROWTH * self.alpha, LARGEST_ALPHA)
        return True


def _region(form: NonlinearForm, start: Start | None) -> tuple[Floats, Floats, Floats]:
    """The least and largest point (n) that particles are drawn from, and the point that one of them begins at."""
    from .starting_point import drawn_between, starting_point

    centre, _ = starting_point(form, start)
    return (*drawn_between(form, centre), centre)
