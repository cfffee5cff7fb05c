"""Directions of unlimited improvement: found where there are some, and none where there are none."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from optc.backends import highs, scip
from optc.backends.conformance import INF, form
from optc.backends.recession import direction, endless_pair, unlimited
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.discrete import DiscreteForm, Indicators, OrderedSets, Pairs, RowProducts
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm


def least(problem: LinearForm) -> Floats | None:
    return scip.solve(problem, Goal(), scip.Options(), contexts.start(), None).x


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def discrete(linear: LinearForm, **parts: object) -> DiscreteForm:
    own = {entry.name: getattr(linear, entry.name) for entry in fields(LinearForm)}
    starts = np.zeros(linear.shape[1] + 1, dtype=np.int32)
    return DiscreteForm(**own, hessian_starts=starts, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(12))
def test_linear_problems_have_a_direction_where_highs_says_that_they_are_unbounded(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = 4, 3
    problem = form(
        random.integers(-3, 4, n).tolist(),
        random.integers(-2, 3, (m, n)).tolist(),
        [-INF] * m,
        [5] * m,
        [0] * n,
        np.where(random.integers(0, 2, n) == 1, 3, INF).tolist(),
        sense=("minimize", "maximize")[seed % 2],
    )
    found = direction(problem, np.zeros(n), least)
    claim = highs.solve(problem, Goal(), highs.Options(), contexts.start(), None).claim
    assert (found is not None) == (claim == "unbounded")
    if found is not None:
        gain = float(problem.cost @ found) * (1 if problem.sense == "minimize" else -1)
        owner = np.repeat(np.arange(m), np.diff(problem.starts))
        moved = np.bincount(owner, weights=problem.values * found[problem.indices], minlength=m)
        assert gain < 0 and (moved <= 1e-7).all() and (found >= -1e-9).all()
        assert (found[np.isfinite(problem.upper)] <= 1e-9).all()


def test_a_convex_quadratic_falls_only_where_it_is_flat() -> None:
    valley = form([-1, 0], [], [], [], [0, 0], [INF, INF], hessian=[[2, -2], [-2, 2]])
    found = direction(valley, np.zeros(2), least)
    assert found is not None and found == pytest.approx([1, 1], abs=1e-6)
    bowl = form([-1, 0], [], [], [], [0, 0], [INF, INF], hessian=[[2, 0], [0, 2]])
    assert direction(bowl, np.zeros(2), least) is None


def test_a_quadratic_falls_along_negative_curvature() -> None:
    saddle = form([5, 5], [], [], [], [0, 0], [INF, INF], hessian=[[2, -3], [-3, 2]])
    found = direction(saddle, np.zeros(2), least)
    assert found is not None and found @ np.array([[2, -3], [-3, 2]]) @ found < 0
    within = form([5, 5], [], [], [], [0, 0], [INF, 9], hessian=[[2, -3], [-3, -2]])
    assert direction(within, np.zeros(2), least) is None


def test_what_is_switched_off_or_held_at_zero_counts() -> None:
    linear = form([-1, -1, 0], [[1, 0, 0]], [-INF], [3], [0, 0, 0], [INF, INF, 1], integer=[False, False, True])
    switch = Indicators(ints(2), ints(1), ints(0))
    off, on = np.array([0.0, 0, 0]), np.array([0.0, 0, 1])
    pair = Pairs(ints(0), ints(1))
    one = OrderedSets(ints(1), ints(0, 2), ints(0, 1), np.array([1.0, 2.0]))
    product = RowProducts(ints(0), ints(1), ints(0), np.ones(1))

    def moves(problem: DiscreteForm, x: np.ndarray) -> list[bool]:
        found = direction(problem, x, least)
        return [] if found is None else (np.abs(found) > 1e-6).tolist()

    assert moves(discrete(linear, indicators=switch), off) == [True, True, False]
    assert moves(discrete(linear, indicators=switch), on) == [False, True, False]
    for tie in ({"pairs": pair}, {"sets": one}):
        assert sum(moves(discrete(linear, indicators=switch, **tie), off)) == 1
        assert moves(discrete(linear, indicators=switch, **tie), np.array([2.0, 0, 0])) == [True, False, False]
        assert moves(discrete(linear, indicators=switch, **tie), np.array([2.0, 0, 1])) == []
    assert moves(discrete(linear, products=product), off) == []


def test_the_pieces_are_chosen_by_a_good_direction_where_a_point_chooses_wrongly() -> None:
    linear = form(
        [-1, -1, 0, 0],
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]],
        [-INF, -INF, 1],
        [3, 4, INF],
        [0, 0, 0, 0],
        [INF, INF, 1, 1],
        integer=[False, False, True, True],
    )
    switches = Indicators(ints(2, 3), ints(1, 1), ints(0, 1))
    for tie in ({"pairs": Pairs(ints(0), ints(1))}, {"sets": OrderedSets(ints(1), ints(0, 2), ints(0, 1), np.ones(2))}):
        problem = discrete(linear, indicators=switches, **tie)
        found = unlimited(problem, least)
        assert found is not None
        x, d = found
        assert min(abs(x[0]), abs(x[1])) <= 1e-6 and min(abs(d[0]), abs(d[1])) <= 1e-6 and d.max() > 0.5
        moving = int(np.argmax(d))
        assert x[2 + moving] == pytest.approx(0, abs=1e-6) and x[1 - moving] == pytest.approx(0, abs=1e-6)


def test_unbounded_problems_come_with_a_feasible_point() -> None:
    problem = form([1, -2, 0], [[1, -1, 1]], [2], [INF], [0, 0, 0], [INF, INF, 5], integer=[False, True, True])
    found = scip.solve(problem, Goal(), scip.Options(), contexts.start(), None)
    assert found.claim == "unbounded" and found.x is not None and found.primal_ray is not None
    assert found.x[0] - found.x[1] + found.x[2] >= 2 - 1e-6
    assert float(problem.cost @ found.primal_ray) < 0


@pytest.mark.parametrize("seed", range(20))
def test_pairs_without_end_are_directions_along_which_every_point_only_improves(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = 4, 3
    matrix = np.triu(random.integers(-2, 3, (n, n)) * random.integers(0, 2, (n, n))).astype(float)
    rows = random.integers(-1, 2, (m, n)) * random.integers(0, 2, (m, n))
    open_above = np.where(random.integers(0, 4, n) > 0, INF, 3.0)
    lower = np.where(random.integers(0, 2, n) == 1, -INF, 0.0)
    sense = ("minimize", "maximize")[seed % 2]
    problem = form(
        random.integers(-3, 4, n).tolist(),
        rows.tolist(),
        [-INF] * m,
        [5.0] * m,
        lower.tolist(),
        open_above.tolist(),
        sense=sense,
        hessian=(matrix + matrix.T).tolist(),
    )
    if not isinstance(problem, QuadraticForm):
        return
    found = endless_pair(problem, least)
    good = [
        d
        for i in range(n)
        for j in range(i, n)
        for a in (-1.0, 1.0)
        for b in (-1.0, 1.0)
        if (d := _along(n, i, a, j, b)) is not None and _falls(problem, matrix + matrix.T, rows, d)
    ]
    assert (found is not None) == bool(good)
    if found is not None:
        x, d = found
        assert any(np.array_equal(d, each) for each in good)
        value = [float(problem.cost @ p + 0.5 * p @ (matrix + matrix.T) @ p) for p in (x, x + d, x + 10 * d)]
        assert value == sorted(value, reverse=sense == "minimize")


def _along(n: int, i: int, a: float, j: int, b: float) -> np.ndarray | None:
    d = np.zeros(n)
    d[i] = a
    if i == j:
        return d if a == b else None
    d[j] = b
    return d


def _falls(problem: QuadraticForm, hessian: np.ndarray, rows: np.ndarray, d: np.ndarray) -> bool:
    sign = 1.0 if problem.sense == "minimize" else -1.0
    moving = np.flatnonzero(d)
    ends = np.where(d > 0, problem.upper, -problem.lower)[moving]
    products = len(moving) == 1 or hessian[moving[0], moving[1]] != 0
    free = np.isinf(ends).all() and not (rows[:, moving] * d[moving] > 0).any()
    return bool(products and free and sign * (d @ hessian @ d) < -1e-9)


def test_a_top_is_passed_before_the_fall() -> None:
    problem = form([1000.0], [], [], [], [-INF], [INF], hessian=[[-2.0]])
    pair = endless_pair(problem, lambda _problem: np.array([0.0]))  # type: ignore[arg-type]
    assert pair is not None
    x, d = pair
    assert float((problem.cost - 2.0 * x) @ d) <= 1e-9
