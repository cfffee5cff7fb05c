"""Proved ranges of linear functions against the ends that linear programs find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from optc.backends.conformance import form
from optc.compiler.facts.linear_range import linear_range
from optc.compiler.forms.linear import LinearForm

INF = np.inf


def dense(problem: LinearForm) -> np.ndarray:
    found = np.zeros(problem.shape)
    owner = np.repeat(np.arange(problem.shape[0]), np.diff(problem.starts))
    found[owner, problem.indices] = problem.values
    return found


def ends(problem: LinearForm, slope: np.ndarray, offset: float) -> tuple[float, float] | None:
    """The true range; None without points."""
    matrix = dense(problem)
    rows = np.vstack([matrix, -matrix])
    sides = np.concatenate([problem.row_upper, -problem.row_lower])
    kept = np.isfinite(sides)
    bounds = list(zip(problem.lower, problem.upper, strict=True))
    found = []
    for sign in (1.0, -1.0):
        answer = linprog(sign * slope, rows[kept], sides[kept], bounds=bounds, options={"presolve": False})
        if answer.status == 2:
            return None
        found.append(sign * answer.fun + offset if answer.status == 0 else -sign * INF)
    return found[0], found[1]


@pytest.mark.parametrize("seed", range(60))
def test_no_point_is_outside_the_range(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = 4, 3
    rows = random.integers(-3, 4, (m, n)) * (random.random((m, n)) < 0.7)
    lower = np.where(random.random(n) < 0.3, -INF, random.integers(-3, 1, n))
    upper = np.where(random.random(n) < 0.3, INF, random.integers(1, 5, n))
    inside = rows @ np.clip(random.integers(-1, 3, n), lower, upper)
    row_lower = np.where(random.random(m) < 0.4, -INF, inside - random.integers(0, 3, m))
    row_upper = np.where(random.random(m) < 0.4, INF, inside + random.integers(0, 3, m))
    problem = form([0.0] * n, rows.tolist(), row_lower, row_upper, lower, upper)  # type: ignore[arg-type]
    slope, offset = random.normal(size=n).round(1), float(random.integers(-3, 4))
    least, most = linear_range(problem, slope, offset)
    wanted = ends(problem, slope, offset)
    assert wanted is not None
    assert least <= wanted[0] + 1e-9 * (1 + abs(wanted[0]) if np.isfinite(wanted[0]) else 1)
    assert most >= wanted[1] - 1e-9 * (1 + abs(wanted[1]) if np.isfinite(wanted[1]) else 1)


def test_a_multiple_of_a_row_has_the_row_s_ends() -> None:
    problem = form([0, 0, 0], [[1, 1, 1], [1, -1, 0]], [1, -INF], [2, 5], [0, 0, 0], [INF, INF, INF])
    least, most = linear_range(problem, np.array([2.0, 2.0, 2.0]), 1.0)
    assert (least, most) == (pytest.approx(3.0, abs=1e-9), pytest.approx(5.0, abs=1e-9))
    assert least <= 3.0
    assert most >= 5.0


def test_a_row_and_the_box_together_bound_what_neither_does() -> None:
    problem = form([0, 0], [[1, 1]], [4], [INF], [0, 0], [INF, 3])
    least, most = linear_range(problem, np.array([1.0, 0.0]), 0.0)
    assert least == pytest.approx(1.0, abs=1e-6)
    assert least <= 1.0
    assert most == INF


def test_without_rows_it_is_the_box() -> None:
    problem = form([0, 0], [], [], [], [-1, 2], [3, INF])
    assert linear_range(problem, np.array([2.0, 0.0]), 0.5) == (pytest.approx(-1.5), pytest.approx(6.5))
    assert linear_range(problem, np.array([0.0, -1.0]), 0.0)[0] == -INF


def test_whole_columns_round_what_follows_from_rows() -> None:
    problem = form([0], [[2]], [3], [INF], [0], [9], integer=[True])
    assert linear_range(problem, np.array([1.0]), 0.0)[0] == pytest.approx(2.0)
