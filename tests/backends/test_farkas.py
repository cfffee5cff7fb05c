"""Multipliers that prove infeasibility: there where HiGHS finds no point, and right in exact arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from optc.backends import highs, scip
from optc.backends.conformance import INF, form
from optc.backends.farkas import dual_ray
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import Floats, LinearForm
from optc.compiler.verify import exact


def point(problem: LinearForm) -> Floats | None:
    return scip.solve(problem, Goal(), scip.Options(), contexts.start(), None).x


@pytest.mark.parametrize("seed", range(20))
def test_multipliers_are_found_where_there_is_no_point(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = 3, 5
    low = random.integers(-3, 4, m).astype(float)
    problem = form(
        [1] * n,
        random.integers(-2, 3, (m, n)).tolist(),
        np.where(random.integers(0, 3, m) > 0, low, -INF).tolist(),
        np.where(random.integers(0, 3, m) > 0, low + 1, INF).tolist(),
        np.where(random.integers(0, 2, n) > 0, 0, -INF).tolist(),
        np.where(random.integers(0, 2, n) > 0, 2, INF).tolist(),
    )
    ray = dual_ray(problem, point)
    claim = highs.solve(problem, Goal(), highs.Options(), contexts.start(), None).claim
    assert (ray is not None) == (claim == "infeasible")
    if ray is not None:
        assert exact.contradiction(problem, ray) is not None


def test_a_convex_quadratic_problem_has_those_of_its_rows() -> None:
    problem = form([0], [[1], [1]], [2, -INF], [INF, 1], [0], [9], hessian=[[1]])
    found = scip.solve(problem, Goal(), scip.Options(), contexts.start(), None)
    assert found.claim == "infeasible" and found.dual_ray is not None
    assert found.dual_ray[0] > 0 > found.dual_ray[1]
