"""Safe bounds are bounds whatever the multipliers, and close to the optimum with the solver's own."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from optc.backends import highs
from optc.backends.conformance import INF, form, negated, with_hessian
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import LinearForm, QuadraticForm
from optc.compiler.verify import exact, weak_duality


def solve(problem: LinearForm) -> Any:
    return highs.solve(problem, Goal(), highs.Options(), contexts.start(), None)


def random_problem(seed: int, *, boxed: bool) -> LinearForm:
    """A feasible problem with an optimum, minimised or maximised."""
    random = np.random.default_rng(seed)
    n, m = int(random.integers(2, 12)), int(random.integers(1, 10))
    matrix = random.normal(size=(m, n)) * (random.random((m, n)) < 0.6)
    if seed % 3 == 0:
        matrix = matrix.round(1)
    inside = np.maximum(random.normal(size=n), 0)
    lower = matrix @ inside - (random.random(m) < 0.5)
    cost = matrix.T @ np.abs(random.normal(size=m)) + np.abs(random.normal(size=n))
    upper = (inside + 3).tolist() if boxed else [INF] * n
    problem = form(cost.tolist(), matrix.tolist(), lower.tolist(), [INF] * m, [0] * n, upper, offset=1.5)
    return problem if seed % 2 else negated(problem)


@pytest.mark.parametrize("seed", range(40))
def test_with_the_solvers_multipliers_the_bound_is_close_and_on_the_right_side(seed: int) -> None:
    problem = random_problem(seed, boxed=seed % 4 == 1)
    answer = solve(problem)
    assert answer.claim == "optimal"
    sign = 1.0 if problem.sense == "minimize" else -1.0
    proof = exact.linear_bound(problem, answer.row_duals)
    assert proof is not None
    assert float(proof.bound) == pytest.approx(answer.objective, rel=1e-9, abs=1e-9)
    rounded = weak_duality.linear_bound(problem, answer.row_duals)
    assert sign * (Fraction(rounded) - proof.bound) <= 0 if math.isfinite(rounded) else sign * rounded == -INF
    if np.isfinite(problem.upper).all():
        assert rounded == pytest.approx(answer.objective, rel=1e-9, abs=1e-9)
        assert sign * rounded <= sign * answer.objective + 1e-12


@pytest.mark.parametrize("seed", range(40))
def test_with_any_multipliers_it_is_still_a_bound(seed: int) -> None:
    problem = random_problem(seed, boxed=True)
    answer = solve(problem)
    random = np.random.default_rng(seed)
    sign = 1.0 if problem.sense == "minimize" else -1.0
    for size in (1e-12, 1e-3, 1.0, 1e6):
        wrong = answer.row_duals + size * random.normal(size=len(answer.row_duals))
        bound = weak_duality.linear_bound(problem, wrong)
        assert sign * bound <= sign * answer.objective + 1e-9 * max(1.0, abs(answer.objective))
    assert weak_duality.linear_bound(problem, np.full(len(answer.row_duals), math.nan)) * sign < INF


def test_a_reduced_cost_of_the_wrong_sign_by_rounding_is_mended_by_bounds_from_rows() -> None:
    # 0.1 * 3 is not 0.3: the reduced cost of x is -5e-17, and x has no upper bound of its own.
    problem = form([0.3], [[0.1], [1.0]], [0.2, -INF], [INF, 50.0], [0.0], [INF])
    bound = weak_duality.linear_bound(problem, np.array([3.0000000000000004, 0.0]))
    assert 0.6 - 1e-12 <= bound <= 0.6
    without = form([0.3], [[0.1]], [-INF], [0.2], [-INF], [INF])
    assert weak_duality.linear_bound(without, np.array([0.0])) == -INF


def test_numbers_count_as_the_decimals_they_print_as() -> None:
    problem = form([0.3], [[0.1]], [0.2], [INF], [0.0], [INF])
    proof = exact.linear_bound(problem, np.array([3.0000000000001]))
    assert proof is not None and proof.bound == Fraction(6, 10) and proof.multipliers == {0: Fraction(3)}


def test_a_replay_proves_what_the_multipliers_prove_and_no_more() -> None:
    problem = form([2, 3], [[1, 2], [0, 1]], [4, -INF], [10, 1], [0, 0], [INF, INF])
    assert exact.replay(problem, {0: Fraction(2), 1: Fraction(-1)}, with_cost=True) == 7
    assert exact.replay(problem, {0: Fraction(1)}, with_cost=True) == 4
    assert exact.replay(problem, {0: Fraction(3)}, with_cost=True) is None


def test_large_problems_are_left_to_rounding() -> None:
    n = exact.MOST_ROWS + 1
    problem = form([1] * n, np.eye(n).tolist(), [1] * n, [INF] * n, [0] * n, [9] * n)
    assert exact.linear_bound(problem, np.ones(n)) is None
    assert weak_duality.linear_bound(problem, np.ones(n)) == pytest.approx(n)


def test_only_a_true_contradiction_is_one() -> None:
    apart = form([0, 0], [[1, 1], [1, 1]], [2, -INF], [INF, 1], [0, 0], [INF, INF])
    assert exact.contradiction(apart, np.array([1.0, -1.0])) == {0: 1, 1: -1}
    assert exact.contradiction(apart, np.array([1.0, 0.0])) is None
    touching = form([0, 0], [[1, 1], [1, 1]], [1, -INF], [INF, 1], [0, 0], [9, 9])
    assert exact.contradiction(touching, np.array([1.0, -1.0])) is None
    assert not weak_duality.contradiction(touching, np.array([1.0, -1.0]))
    narrowly = form([0, 0], [[1, 1], [1, 1]], [1 + 1e-9, -INF], [INF, 1], [0, 0], [9, 9])
    assert weak_duality.contradiction(narrowly, np.array([1.0, -1.0]))


@pytest.mark.parametrize("seed", range(20))
def test_infeasible_problems_are_proved_so_and_feasible_ones_never(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = int(random.integers(2, 8)), int(random.integers(3, 12))
    matrix = np.round(random.normal(size=(m, n)) * (random.random((m, n)) < 0.6), 1)
    lower = (random.normal(size=m) + 0.7).tolist()
    problem = form([0] * n, matrix.tolist(), lower, [INF] * m, [0] * n, [2.0 if seed % 2 else INF] * n)
    answer = solve(problem)
    if answer.claim == "infeasible":
        assert exact.contradiction(problem, answer.dual_ray) is not None
    else:
        for _ in range(20):
            assert not weak_duality.contradiction(problem, random.normal(size=m))


@pytest.mark.parametrize("seed", range(30))
def test_the_tangent_bounds_a_convex_quadratic(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = int(random.integers(2, 12)), int(random.integers(1, 6))
    matrix, inside = random.normal(size=(m, n)), random.random(n)
    factor = random.normal(size=(n, int(random.integers(1, n + 1))))
    middle = matrix @ inside
    problem = form(
        random.normal(size=n).tolist(),
        matrix.tolist(),
        (middle - 0.5).tolist(),
        (middle + 0.5).tolist(),
        [-5] * n,
        [5] * n,
        hessian=(factor @ factor.T).tolist(),
        offset=1.5,
    )
    problem = problem if seed % 2 else negated(problem)
    assert isinstance(problem, QuadraticForm)
    answer = solve(problem)
    sign = 1.0 if problem.sense == "minimize" else -1.0
    bound = weak_duality.quadratic_bound(problem, answer.row_duals, answer.x)
    assert bound == pytest.approx(answer.objective, rel=1e-5, abs=1e-5)
    for _ in range(20):
        # Any feasible point, and any tangent point: the bound stays a bound.
        elsewhere = random.uniform(-5, 5, n)
        other = weak_duality.quadratic_bound(problem, answer.row_duals, elsewhere)
        assert sign * other <= sign * answer.objective + 1e-6


@pytest.mark.parametrize(
    ("hessian", "convex"),
    [
        ([[2, 0], [0, 0]], True),
        ([[2, 0], [0, -1e-9]], False),
        ([[1, 1], [1, 1]], True),
        ([[1, 1.001], [1.001, 1]], False),
        ([[0, 1], [1, 0]], False),
        ([[1e-8, 0], [0, 1e8]], True),
        ([[0, 0], [0, 0]], True),
    ],
)
def test_convexity_is_judged(hessian: list[list[float]], convex: bool) -> None:
    problem = form([0, 0], [], [], [], [0, 0], [1, 1], hessian=hessian)
    assert isinstance(problem, QuadraticForm)
    shift = weak_duality.curvature(problem, 1.0)
    assert shift is not None and math.isfinite(shift) == convex
    if convex:
        assert shift <= 1e-12
    else:
        assert weak_duality.quadratic_bound(problem, np.zeros(0), np.zeros(2)) == -INF


def test_many_small_blocks_are_judged_block_by_block() -> None:
    n = 2 * weak_duality.LARGEST_BLOCK
    starts = np.zeros(n + 1, dtype=np.int32)
    starts[1:] = np.cumsum(np.tile([2, 1], n // 2))
    indices = np.column_stack([np.arange(0, n, 2), np.arange(1, n, 2), np.arange(1, n, 2)]).reshape(-1)
    flat = form([0] * n, [], [], [], [0] * n, [1] * n)
    values = np.tile([2.0, 1.0, 2.0], n // 2)
    good = with_hessian(flat, starts, indices.astype(np.int32), values)
    assert weak_duality.curvature(good, 1.0) == pytest.approx(0.0, abs=1e-9)
    assert weak_duality.curvature(good, -1.0) == INF
    values = values.copy()
    values[3 * 777 + 1] = 2.5
    bad = replace(good, hessian_values=values)
    assert weak_duality.curvature(bad, 1.0) == INF


def test_bounds_that_follow_from_rows_hold_for_every_feasible_point() -> None:
    random = np.random.default_rng(5)
    for _ in range(30):
        matrix = random.integers(-3, 4, (4, 3)).astype(float)
        inside = random.uniform(0, 4, 3)
        sides = matrix @ inside
        problem = form([0] * 3, matrix.tolist(), (sides - 1).tolist(), (sides + 1).tolist(), [0, -INF, 0], [INF] * 3)
        every = np.ones(3, dtype=np.bool_)
        box = weak_duality.tightened(
            weak_duality.rows_of(problem), weak_duality.Box(problem.lower, problem.upper), every, every
        )
        assert (box.lower <= inside).all() and (inside <= box.upper).all()
        for j in range(3):
            for direction in (1.0, -1.0):
                cost = np.zeros(3)
                cost[j] = direction
                end = solve(replace(problem, cost=cost))
                if end.claim == "optimal":
                    assert box.lower[j] - 1e-6 <= end.x[j] <= box.upper[j] + 1e-6
