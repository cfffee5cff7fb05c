"""Consensus-based optimisation: verified test functions, bounds, seeds, undefined points, limits, honest claims."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import optc
from optc.backends import cbo
from optc.backends.cbo import Options, consensus
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Cancellation, Progress
from optc.compiler.forms.linear import Floats

PI, E = "3.141592653589793", "2.718281828459045"
ACKLEY = f"""set I = 1..10
var x[I] in [-3, 3]
minimize -20 * exp(-0.2 * sqrt(sum(x[i]^2 for i in I) / 10)) - exp(sum(cos(2 * {PI} * x[i]) for i in I) / 10) + 20 + {E}
"""
RASTRIGIN = f"""set I = 1..5
var x[I] in [-3, 3]
minimize sum(x[i]^2 - 10 * cos(2 * {PI} * x[i]) + 10 for i in I)
"""


class Box:
    """A form without rows whose objective is a function of points (N, n)."""

    def __init__(
        self, value: Callable[[Floats], Floats], bounds: list[tuple[float, float]], sense: str = "minimize"
    ) -> None:
        self.value = value
        self.lower, self.upper = (np.array(side, dtype=np.float64) for side in zip(*bounds, strict=True))
        self.row_lower = self.row_upper = np.zeros(0)
        self.shape = (0, len(bounds))
        self.sense = sense
        self.points: list[Floats] = []

    def evaluate_objective(self, x: Floats) -> Any:
        self.points.append(x)
        with np.errstate(all="ignore"):
            return self.value(x)

    def undefined(self, x: Floats) -> str | None:
        return None if np.isfinite(self.evaluate_objective(x)) else "undefined"

    def completed(self, x: Floats) -> Floats:
        return x


def answer_of(form: Box, options: Options | None = None, start: Any = None, **context: Any) -> Answer:
    begin = None if start is None else Start(np.array(start, dtype=np.float64))
    return cbo.solve(form, Goal(), options or Options(), contexts.start(**context), begin)  # type: ignore[arg-type]


def bowl(x: Floats) -> Floats:
    found: Floats = ((x - 0.5) ** 2).sum(axis=-1)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_ackley_in_ten_dimensions(seed: int) -> None:
    found = optc.parse(ACKLEY).bind().solve(backend="cbo", seed=seed)
    # The bound is the model's own: every term of the objective is at its least there.
    assert (found.status, found.route) == ("optimal", ("nonlinear", "cbo"))
    assert found.objective is not None and -1e-12 < found.objective < 1e-8


def test_rastrigin_in_five_dimensions() -> None:
    problem = optc.parse(RASTRIGIN).bind()
    values = [problem.solve(backend="cbo", seed=seed).objective for seed in range(5)]
    assert sum(value is not None and value < 1e-8 for value in values) >= 3


def test_maximising_is_minimising_the_negation() -> None:
    boxed = [(-1.0, 2.0)] * 3
    low = answer_of(Box(bowl, boxed))
    high = answer_of(Box(lambda x: -bowl(x), boxed, "maximize"))
    assert low.objective == -high.objective and low.x == pytest.approx(high.x)  # type: ignore[operator]
    assert low.objective == pytest.approx(0.0, abs=1e-12) and (low.claim, low.termination) == ("feasible", "converged")


def test_points_never_leave_the_bounds_and_the_best_is_kept() -> None:
    form = Box(lambda x: -bowl(x), [(-1.0, 2.0), (0.0, 0.25), (3.0, 3.0)])
    found = answer_of(form, Options(steps=100))
    every = np.concatenate([np.atleast_2d(points) for points in form.points])
    assert (every >= form.lower).all() and (every <= form.upper).all()
    assert found.objective == min(float(np.min(form.value(points))) for points in form.points)


def test_the_update_is_the_one_of_the_paper() -> None:
    form, options = Box(bowl, [(-9.0, 9.0)] * 2), Options(particles=4, sigma=0.3)
    swarm = consensus.Swarm(form, options, 7, None)  # type: ignore[arg-type]
    before, alpha = swarm.particles.copy(), swarm.alpha
    weights = np.exp(-alpha * bowl(before))
    centre = (weights[:, None] * before).sum(axis=0) / weights.sum()
    shared = np.random.default_rng(7)
    shared.random((4, 2))
    noise = shared.standard_normal((4, 2))
    expected = before - 0.01 * (before - centre) + 0.3 * 0.1 * (before - centre) * noise
    assert swarm.moved(options)
    assert swarm.particles == pytest.approx(expected, rel=1e-12) and swarm.alpha == pytest.approx(1.05 * alpha)


def test_isotropic_noise_and_steps() -> None:
    found = answer_of(Box(bowl, [(-1.0, 2.0)] * 2), Options(noise="isotropic", sigma=0.9, dt=0.1))
    assert found.objective == pytest.approx(0.0, abs=1e-9)


def test_a_seed_repeats_a_run_and_another_does_not() -> None:
    one, same, other = (answer_of(Box(bowl, [(-1.0, 2.0)] * 2), Options(steps=50), seed=s).x for s in (3, 3, 4))
    assert one is not None and np.array_equal(one, same) and not np.array_equal(one, other)  # type: ignore[arg-type]


def test_a_start_is_one_of_the_points() -> None:
    def needle(x: Floats) -> Floats:
        found: Floats = np.where(np.abs(x - 1.25).max(axis=-1) < 1e-9, -1.0, 0.0)
        return found

    boxed = [(-1.0, 2.0)] * 3
    assert answer_of(Box(needle, boxed), Options(steps=5)).objective == 0.0
    assert answer_of(Box(needle, boxed), Options(steps=5), start=[1.25] * 3).objective == -1.0


def test_decisions_without_bounds_are_drawn_around_the_start() -> None:
    found = answer_of(Box(bowl, [(-np.inf, np.inf), (0.0, np.inf)]), start=[4.0, 3.0])
    assert found.x == pytest.approx([0.5, 0.5], abs=1e-5) and found.objective == pytest.approx(0.0, abs=1e-11)


def test_points_without_a_value_count_as_infinite() -> None:
    found = answer_of(Box(lambda x: (x - np.log(x)).sum(axis=-1), [(-5.0, 5.0)] * 2))
    assert found.objective == pytest.approx(2.0, abs=1e-11)
    assert found.x == pytest.approx([1.0, 1.0], abs=1e-5)  # values that differ by less than 1e-11


def test_a_function_without_any_value_is_told() -> None:
    form = Box(lambda x: np.full(x.shape[:-1], np.nan), [(0.0, 1.0)])
    found = answer_of(form, Options(steps=3))
    assert (found.claim, found.termination) == ("none", "numerical trouble") and found.fault is not None


def test_huge_values_are_no_trouble() -> None:
    found = answer_of(Box(lambda x: 1e300 * bowl(x), [(-1.0, 2.0)]), Options(alpha=1e15, steps=300))
    assert found.claim == "feasible" and np.isfinite(found.objective)  # type: ignore[arg-type]


def test_constraints_are_declined_with_the_reason() -> None:
    text = "var x in [0, 2]\nminimize exp(x) * sin(x)\nsubject to\n  c: x^3 >= 1\n"
    found = optc.parse(text).bind().solve(backend="cbo")
    assert (found.status, found.termination) == ("failed", "no route")
    assert "no constraints" in found.diagnostics[0].message


def test_bounds_that_cross_are_infeasible() -> None:
    assert answer_of(Box(bowl, [(1.0, 0.0)])).claim == "infeasible"


# ------------------------------------------------------------------------------------------------------------ limits
def test_limits_keep_the_best_point() -> None:
    assert answer_of(Box(bowl, [(-1.0, 2.0)] * 2), time_limit=0.0).claim == "none"
    found = answer_of(Box(bowl, [(-1.0, 2.0)] * 2), Options(steps=4))
    assert (found.claim, found.termination, found.work) == ("feasible", "iteration limit", 4)
    ticks = iter(range(10**6))
    late = answer_of(Box(bowl, [(-1.0, 2.0)] * 2), time_limit=20.0, clock=lambda: float(next(ticks)))
    assert (late.claim, late.termination) == ("feasible", "time limit") and late.x is not None


def test_progress_is_told_and_an_interrupt_is_heard() -> None:
    token, calls = Cancellation(), []
    ticks = iter(range(10**6))

    def seen(progress: Progress) -> None:
        calls.append(progress)
        token.cancel()

    form = Box(bowl, [(-1.0, 2.0)] * 2, "minimize")
    found = answer_of(form, progress=seen, cancellation=token, clock=lambda: float(next(ticks)))
    assert (found.claim, found.termination) == ("feasible", "interrupted")
    assert len(calls) == 1 and calls[0].incumbent == found.objective and calls[0].unit == "steps"
