"""In CVXPY: whole arrays, to the arrays that it would pass to HiGHS (``get_problem_data``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cvxpy as cp
import numpy as np

from .numpy import trapezoids

Data = Mapping[str, Any]
Problem = tuple[cp.Problem, dict[str, Any]]


def compiled(objective: Any, constraints: list[Any]) -> Problem:
    problem = cp.Problem(cp.Minimize(objective), constraints)
    return problem, problem.get_problem_data(cp.HIGHS)[0]


def basic(n: int, _data: Data) -> Problem:
    x, y = cp.Variable((n, n)), cp.Variable((n, n))
    return compiled(2 * cp.sum(x) + cp.sum(y), [x - y >= np.repeat(np.arange(n)[:, None], n, axis=1), x + y >= 0])


def transport(n: int, data: Data) -> Problem:
    x = cp.Variable((n, n), nonneg=True)
    rows = [cp.sum(x, axis=1) <= data["s"], cp.sum(x, axis=0) >= data["d"]]
    return compiled(cp.sum(cp.multiply(data["c"], x)), rows)


def ufl(n: int, data: Data) -> Problem:
    x, opened = cp.Variable((n, n), nonneg=True), cp.Variable((n, 1), boolean=True)
    cost = cp.sum(cp.multiply(data["c"], x)) + data["f"] @ opened[:, 0]
    return compiled(cost, [cp.sum(x, axis=0) == 1, x <= opened])


def fac(n: int, data: Data) -> Problem:
    cells, place = ((n + 1) ** 2, n), np.arange(n + 1) / n
    z, s = cp.Variable(cells, boolean=True), cp.Variable(cells, nonneg=True)
    east, north = cp.Variable(cells), cp.Variable(cells)
    east_of, north_of = cp.Variable((1, n), bounds=[0, 1]), cp.Variable((1, n), bounds=[0, 1])
    d = cp.Variable()

    def spread(values: Any) -> Any:
        return np.repeat(values[:, None], n, axis=1)

    rows = [
        cp.sum(z, axis=1) == 1,
        s == d + data["M"] * (1 - z),
        east == spread(np.repeat(place, n + 1)) - east_of,
        north == spread(np.tile(place, n + 1)) - north_of,
    ]
    return compiled(d, rows)


def lqcp(n: int, data: Data) -> Problem:
    dx, half = data["dx"], 0.5 * data["dt"]
    y, u = cp.Variable((n + 1, n + 1), bounds=[0, 1]), cp.Variable(n, bounds=[-1, 1])

    def bent(rows: Any) -> Any:
        return rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]

    after = y[1:]
    rows = [
        data["h2"] * (y[1:, 1:-1] - y[:-1, 1:-1]) == half * (bent(y[:-1]) + bent(y[1:])),
        y[0] == 0,
        after[:, 2] - 4 * after[:, 1] + 3 * after[:, 0] == 0,
        after[:, n - 2] - 4 * after[:, n - 1] + 3 * after[:, n] == 2 * dx * (u - after[:, n]),
    ]
    w, v = trapezoids(n, data)
    missed = cp.sum(cp.multiply(w, cp.square(y[n] - data["yt"])))
    return compiled(missed + cp.sum(cp.multiply(v, cp.square(u))), rows)


def shape(problem: Problem) -> tuple[int, int, int | None]:
    rows, columns = problem[1]["A"].shape
    return columns, rows, problem[1]["A"].nnz


def optimum(problem: Problem) -> float:
    return float(problem[0].solve(solver=cp.HIGHS, highs_options={"mip_rel_gap": 0.0}))
