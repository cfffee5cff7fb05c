"""Dinkelbach's method: the shared suite, its steps and bounds, random whole ratios against enumeration."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from optc.backends import conformance, dinkelbach, highs
from optc.backends.conformance import form
from optc.backends.conformance.ratios import ratio
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.context import Progress
from optc.compiler.forms.fractional import FractionalForm, parts_at


def test_it_passes_the_shared_suite() -> None:
    results = list(conformance.run(dinkelbach))
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert sum(result.outcome == "passed" for result in results) == 16


def test_the_suite_catches_a_bound_of_the_wrong_problem() -> None:
    class Linear:
        """Takes the numerator for the objective."""

        def __getattr__(self, name: str) -> object:
            return getattr(highs, name)

        capabilities = replace(dinkelbach.capabilities)

    failed = {r.case for r in conformance.run(Linear()) if r.outcome == "failed"}  # type: ignore[arg-type]
    assert {"ratio", "whole ratio", "duals of a ratio"} <= failed


def random_sack(seed: int, items: int = 12) -> FractionalForm:
    """At least three of some items, within a weight, with the best gain for each unit of cost."""
    random = np.random.default_rng(seed)
    gain, weight = random.integers(1, 40, items), random.integers(1, 20, items)
    cost, base = random.integers(1, 30, items), int(random.integers(1, 60))
    linear = form(
        (-gain).tolist(),
        [[1.0] * items, weight.tolist()],
        [3, -np.inf],
        [np.inf, float(weight.sum() * 0.6)],
        [0.0] * items,
        [1.0] * items,
        integer=[True] * items,
        offset=float(random.integers(-5, 5)),
    )
    return ratio(linear, cost.tolist(), float(base), base + float(np.sort(cost)[:3].sum()), base + float(cost.sum()))


@pytest.mark.parametrize("seed", range(8))
def test_whole_ratios_equal_enumeration_in_few_steps(seed: int) -> None:
    problem = random_sack(seed)
    points = np.array(list(itertools.product([0.0, 1.0], repeat=problem.shape[1])))
    weights = problem.values[problem.starts[1] :]
    feasible = (points.sum(axis=1) >= 3) & (points @ weights <= problem.row_upper[1])
    top = points[feasible] @ problem.cost + problem.offset
    wanted = float((top / (points[feasible] @ problem.denominator + problem.denominator_offset)).min())
    answer = dinkelbach.solve(problem, Goal(gap=1e-9), dinkelbach.Options(), contexts.start(), None)
    assert answer.claim == "optimal"
    assert answer.objective == pytest.approx(wanted, rel=1e-9)
    assert answer.bound is not None
    assert wanted - 1e-8 <= answer.bound + 1e-8 <= wanted + 2e-8
    assert answer.work is not None
    assert answer.work <= 10  # superlinear, the relaxation's steps included


def test_progress_rises_to_the_optimum_and_the_bound_falls_to_it() -> None:
    problem = random_sack(3)
    turned = replace(problem, sense="maximize", cost=-problem.cost, offset=-problem.offset)
    seen: list[Progress] = []
    context = contexts.start(progress=seen.append)
    answer = dinkelbach.solve(turned, Goal(gap=1e-9), dinkelbach.Options(), context, None)
    bounds = [p.bound for p in seen if p.bound is not None]
    assert bounds == sorted(bounds, reverse=True)
    assert seen[-1].incumbent == answer.objective
    assert all(p.unit == "steps" for p in seen)


def test_a_limit_of_steps_leaves_a_point_and_a_bound_that_hold() -> None:
    problem = random_sack(5)
    best = dinkelbach.solve(problem, Goal(gap=1e-9), dinkelbach.Options(), contexts.start(), None).objective
    assert best is not None
    answer = dinkelbach.solve(problem, Goal(gap=1e-12), dinkelbach.Options(steps=1), contexts.start(), None)
    assert answer.termination == "iteration limit"
    assert answer.claim == "feasible"
    assert answer.x is not None
    assert answer.bound is not None
    top, bottom = parts_at(problem, answer.x)
    assert answer.bound - 1e-9 <= best <= top / bottom + 1e-9


def test_a_start_that_breaks_a_row_is_not_taken_for_a_point() -> None:
    from optc.compiler.backend import Start

    problem = random_sack(2)
    answer = dinkelbach.solve(
        problem, Goal(), dinkelbach.Options(), contexts.start(time_limit=0), Start(np.ones(problem.shape[1]))
    )
    assert answer.claim == "none"
