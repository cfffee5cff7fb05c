"""Sub-problems of the destroy operators, against their definitions on small problems by enumeration."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from small_mips import all_open, facility_location, knapsack, set_cover

from optc.backends import highs
from optc.backends.conformance import INF, form
from optc.backends.known_point import activities, holds, value
from optc.backends.lns.destroy_operators import (
    SubProblem,
    View,
    along_rows,
    crossover,
    dins,
    local_branching,
    mutation,
    portfolio,
    proximity,
    random_objective,
    rens,
    rins,
)
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import LinearForm


def relaxed(problem: LinearForm) -> np.ndarray:
    continuous = replace(problem, integer=np.zeros(problem.shape[1], dtype=np.bool_))
    found = highs.solve(continuous, Goal(), highs.Options(), contexts.start(), None).x
    assert found is not None
    return found


def view_of(problem: LinearForm, x: np.ndarray, *pool: np.ndarray, bound: float = -INF) -> View:
    return View(problem, x, relaxed(problem), (x, *pool), bound)


def greedy(problem: LinearForm, random: np.random.Generator) -> np.ndarray:
    """A feasible point of a knapsack or set cover: columns in random order as long as they fit, or until all is met."""
    dense = np.zeros(problem.shape)
    dense[np.repeat(np.arange(problem.shape[0]), np.diff(problem.starts)), problem.indices] = problem.values
    x = np.zeros(problem.shape[1])
    for column in random.permutation(problem.shape[1]):
        tried = x.copy()
        tried[column] = 1.0
        if (dense @ tried <= problem.row_upper).all() and not (dense @ x >= np.maximum(problem.row_lower, 0.5)).all():
            x = tried
    return x


def points(problem: LinearForm) -> np.ndarray:
    """All whole points within the bounds."""
    ranges = [np.arange(low, high + 1) for low, high in zip(problem.lower, problem.upper, strict=True)]
    return np.array(list(product(*ranges)), dtype=np.float64)


def inside(found: SubProblem, every: np.ndarray) -> np.ndarray:
    return np.array([holds(found.form, x, 1e-9) for x in every])


PROBLEMS = {"cover": set_cover(), "knapsack": knapsack(1), "facilities": facility_location(1)}


@pytest.mark.parametrize("name", PROBLEMS)
def test_sub_problems_hold_the_current_point_and_only_points_of_the_problem(name: str) -> None:
    problem, random = PROBLEMS[name], np.random.default_rng(5)
    poor = all_open(problem) if name == "facilities" else greedy(problem, random)
    fine = highs.solve(problem, Goal(), highs.Options(), contexts.start(), None).x
    assert fine is not None and holds(problem, poor, 1e-9)
    fine = np.where(problem.integer, np.rint(fine), fine)
    made = 0
    for x, other in ((poor, fine), (fine, poor)):
        view = view_of(problem, x, other)
        for operator in portfolio(problem):
            for _ in range(3):
                found = operator.build(view, random, 1.0)
                if found is None:
                    continue
                made += 1
                assert holds(found.form, x, 1e-6) or not found.holds, operator.name
                answer = highs.solve(found.form, Goal(), highs.Options(nodes=50), contexts.start(), None)
                if answer.x is not None:
                    assert holds(problem, answer.x, 1e-6), operator.name
                if found.aims and found.holds and answer.claim == "optimal":
                    sign = 1.0 if problem.sense == "minimize" else -1.0
                    assert sign * value(problem, answer.x) <= sign * value(problem, x) + 1e-6, operator.name
    assert made > 40


def test_mutation_frees_its_share_and_leaves_continuous_columns_alone() -> None:
    problem = facility_location(1)
    x = all_open(problem)
    for share, count in ((0.25, 2), (0.5, 4), (1e-9, 1), (1.0, 8)):
        found = mutation(view_of(problem, x), np.random.default_rng(0), share)
        free = found.form.upper > found.form.lower
        assert np.count_nonzero(free & problem.integer) == count
        assert np.array_equal(found.form.upper[~problem.integer], problem.upper[~problem.integer])
        assert np.array_equal(found.form.lower[~free], x[~free])


def test_every_whole_column_is_freed_by_mutation_now_and_then() -> None:
    problem, random = set_cover(), np.random.default_rng(0)
    view = view_of(problem, np.ones(30))
    freed = sum((mutation(view, random, 0.25).form.lower == 0.0).astype(int) for _ in range(100))
    assert (freed > 5).all() and (freed < 60).all()  # 27 in the mean


def test_columns_along_rows_come_from_as_few_parts_as_can_be() -> None:
    parts, size = 6, 5
    blocks = np.kron(np.eye(parts), np.ones((1, size)))
    ones = np.ones((1, parts * size))  # a row through all of them is no way
    n = parts * size
    problem = form(
        [1] * n, np.vstack([blocks, ones]).tolist(), [1] * (parts + 1), [INF] * (parts + 1), [0] * n, [1] * n
    )
    problem = replace(problem, integer=np.ones(n, dtype=np.bool_))
    view = view_of(problem, np.ones(n))
    for seed in range(20):
        random = np.random.default_rng(seed)
        one = along_rows(view, random, size / n).form.lower == 0.0
        assert one.sum() == size and len(set(np.flatnonzero(one) // size)) == 1
        two = along_rows(view, random, (size + 2) / n).form.lower == 0.0
        assert two.sum() == size + 2 and len(set(np.flatnonzero(two) // size)) <= 3
    assert np.array_equal(along_rows(view, np.random.default_rng(0), 1.0).form.lower, np.zeros(n))


def test_columns_without_rows_are_reached_too() -> None:
    problem = form([1] * 9, [], [], [], [0] * 9, [1] * 9, integer=[True] * 9)
    found = along_rows(View(problem, np.ones(9), None, (), -INF), np.random.default_rng(0), 0.5)
    assert np.count_nonzero(found.form.lower == 0.0) == 4


def test_rins_frees_where_point_and_relaxation_differ() -> None:
    problem = set_cover()
    view = view_of(problem, np.ones(30))
    found = rins(view, np.random.default_rng(0), 1.0)
    assert found is not None and view.relaxed is not None
    assert np.array_equal(found.form.lower == 0.0, np.abs(view.relaxed - 1.0) > 1e-6)
    half = rins(view, np.random.default_rng(0), 0.5)
    assert half is not None and np.all(found.form.lower <= half.form.lower)
    assert 0 < np.sum(half.form.lower == 0.0) < np.sum(found.form.lower == 0.0)
    assert rins(View(problem, np.ones(30), np.ones(30), (), -INF), np.random.default_rng(0), 1.0) is None
    assert rins(View(problem, np.ones(30), None, (), -INF), np.random.default_rng(0), 1.0) is None


def test_rens_is_the_best_rounding_of_the_relaxation() -> None:
    problem = form([-3, -4, -1], [[2, 3, 1]], [-INF], [8.5], [0, 0, 0], [3, 3, 3], integer=[True] * 3)
    at = relaxed(problem)
    view = View(problem, np.zeros(3), at, (), -INF)
    found = rens(view, np.random.default_rng(0), 1.0)
    assert found is not None
    every = points(problem)
    near = (every >= np.floor(at + 1e-9)) & (every <= np.ceil(at - 1e-9))
    feasible = np.array([holds(problem, x, 1e-9) for x in every])
    assert np.array_equal(inside(found, every), feasible & near.all(axis=1))
    assert not found.holds  # the zero point is no rounding
    assert rens(View(problem, np.zeros(3), np.ones(3), (), -INF), np.random.default_rng(0), 1.0) is None


def test_crossover_keeps_what_two_points_share() -> None:
    problem = knapsack(1)
    random = np.random.default_rng(1)
    one, two = greedy(problem, random), greedy(problem, random)
    found = crossover(View(problem, one, None, (one, two), INF), random)
    assert found is not None
    assert np.array_equal(found.form.upper > found.form.lower, one != two)
    assert crossover(View(problem, one, None, (one,), INF), random) is None


def test_dins_comes_no_farther_from_the_relaxation() -> None:
    problem = form([0] * 4, [[1, 1, 1, 1]], [0], [99], [0, 0, 0, 0], [9, 9, 1, 1], integer=[True] * 4)
    x, at, other = np.array([5.0, 3.0, 1.0, 0.0]), np.array([2.4, 3.3, 1.0, 0.4]), np.array([4.0, 3.0, 1.0, 0.0])
    found = dins(View(problem, x, at, (x, other), -INF), np.random.default_rng(0), 0.25)
    assert found is not None
    # |v - 2.4| <= 2.6 leaves 0 to 5; the second is within a half, the third agrees everywhere, the fourth is free.
    assert found.form.lower.tolist() == [0, 3, 1, 0] and found.form.upper.tolist() == [5, 3, 1, 1]
    agreed = View(problem, x, np.array([5.0, 3.0, 1.0, 0.0]), (x,), -INF)
    assert dins(agreed, np.random.default_rng(0), 0.25) is None


def test_local_branching_is_a_ball_of_hamming_distances() -> None:
    problem = form([0] * 8, [[1] * 8], [0], [8], [2] + [0] * 7, [3] + [1] * 6 + [5], integer=[True] * 8)
    x = np.array([3.0, 1, 0, 1, 0, 0, 1, 2])
    every = points(problem)
    feasible = np.array([holds(problem, point, 1e-9) for point in every])
    distances = np.abs(every[:, :7] - x[:7]).sum(axis=1)  # the last column has more than two values
    seen = set()
    for seed in range(12):
        found = local_branching(View(problem, x, None, (), -INF), np.random.default_rng(seed), 0.5)
        radius = int(found.form.row_upper[-1] - activities(found.form, x)[-1])
        seen.add(radius)
        assert np.array_equal(inside(found, every), feasible & (distances <= radius))
    assert min(seen) == 1 and max(seen) == 3  # half of twice the three zeros


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_proximity_looks_for_the_nearest_point_that_is_better(sense: str) -> None:
    sign = 1.0 if sense == "minimize" else -1.0
    cost = sign * np.array([3.0, 5.0, 2.0, 4.0])
    problem = form(
        cost.tolist(), [[1, 1, 1, 1]], [2], [4], [0] * 4, [1] * 4, sense=sense, offset=7.0, integer=[True] * 4
    )
    x = np.ones(4)
    bound = 7.0 + sign * 4.0
    found = proximity(View(problem, x, None, (), bound), np.random.default_rng(0), 0.3)
    assert found is not None and not found.holds and not found.aims
    assert found.limit == pytest.approx(7.0 + sign * 11.0)  # 14 less three tenths of the way to 4
    every = points(problem)
    feasible = np.array([holds(problem, point, 1e-9) for point in every])
    assert np.array_equal(inside(found, every), feasible & (sign * (every @ cost) <= 11.0))
    assert [value(found.form, point) for point in every] == pytest.approx(np.abs(every - x).sum(axis=1).tolist())
    best = highs.solve(found.form, Goal(), highs.Options(), contexts.start(), None)
    assert best.objective == pytest.approx(1.0)
    assert proximity(View(problem, x, None, (), 7.0 + sign * 14.0), np.random.default_rng(0), 0.3) is None


def test_a_random_objective_is_bounded_wherever_the_columns_are_not() -> None:
    n = 6
    whole = [True] * n
    lower, upper = [0, 0, -INF, -INF, -3, 0], [1, INF, 4, INF, 3, INF]
    problem = form([-1] * n, [[1] * n], [-INF], [9], lower, upper, integer=whole)
    for seed in range(10):
        found = random_objective(View(problem, np.zeros(n), None, (), -INF), np.random.default_rng(seed))
        answer = highs.solve(found.form, Goal(), highs.Options(), contexts.start(time_limit=10), None)
        assert answer.claim == "optimal" and found.first and not found.aims


def test_neighbourhoods_are_larger_and_smaller_by_a_factor() -> None:
    problem = knapsack(1)
    view = View(problem, np.zeros(40), None, (), INF)
    operators = {operator.name: operator.build for operator in portfolio(problem)}
    for name, usual in (("mutation 25%", 10), ("rows 10%", 4)):
        for factor, count in ((1.0, usual), (0.5, usual // 2), (2.0, 2 * usual), (100.0, 40)):
            found = operators[name](view, np.random.default_rng(0), factor)
            assert found is not None and np.count_nonzero(found.form.upper) == count


def test_operators_for_binaries_are_left_out_where_there_are_none() -> None:
    general = form([1] * 3, [[1, 1, 1]], [2], [9], [0] * 3, [5] * 3, integer=[True] * 3)
    names = {operator.name for operator in portfolio(general)}
    assert not any("local branching" in name or "proximity" in name for name in names)
    kinds = {name.rstrip("0123456789.% ") for name in (each.name for each in portfolio(set_cover()))}
    assert {
        "crossover",
        "DINS",
        "mutation",
        "local branching",
        "RINS",
        "RENS",
        "proximity",
        "random objective",
    } <= kinds
