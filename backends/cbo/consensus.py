"""A swarm that moves to its consensus point: the work of backend ``cbo``, which names the method."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from optc.compiler.answer import Answer, Termination
from optc.compiler.backend import Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

from ..starting_point import drawn_between, starting_point

if TYPE_CHECKING:
    from . import Options

REPORT_EVERY = 0.1  # seconds between two progress reports
GROWTH, LARGEST_ALPHA = 1.05, 1e15  # of alpha, at each step


def found(form: NonlinearForm, options: Options, context: Context, start: Start | None) -> Answer:
    """The best point that the swarm of a form without rows comes by."""
    swarm = Swarm(form, options, context.seed, start)
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


def _run(swarm: Swarm, options: Options, context: Context) -> Termination:
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


class Swarm:
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
    centre, _ = starting_point(form, start)
    return (*drawn_between(form, centre), centre)
