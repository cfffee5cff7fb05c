"""Clarabel and CVXPY: the cone program is the form, limits are kept, and both agree with models written in CVXPY."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

import optc
from optc.backends import clarabel, conformance, cvxpy
from optc.backends.cone_program import cone_program, multipliers_of
from optc.compiler.backend import Goal
from optc.compiler.context import Cancellation, Context, Progress, start

cp: Any = pytest.importorskip("cvxpy")
pytest.importorskip("clarabel")

RISK = """
set I
param mean[I]
param factor[I, I]
param limit
var share[I] simplex
maximize gain: sum(mean[i] * share[i] for i in I)
subject to
  risk: norm2(sum(factor[i, j] * share[j] for j in I) for i in I) <= limit
"""


def risk_data(count: int) -> dict[str, Any]:
    rng = np.random.default_rng(count)
    names = [f"a{k}" for k in range(count)]
    factor = np.triu(rng.normal(0, 0.1, (count, count))) + 0.2 * np.eye(count)
    means = rng.uniform(0.02, 0.15, count)
    return {
        "I": names,
        "mean": dict(zip(names, means.tolist(), strict=True)),
        "factor": {(names[i], names[j]): float(factor[i, j]) for i in range(count) for j in range(count)},
        "limit": 0.9 * float(np.linalg.norm(factor @ np.full(count, 1 / count))) + 0.02,
    }


def in_cvxpy(data: dict[str, Any]) -> tuple[float, float]:
    """The optimum, and the multiplier of the risk limit."""
    names = data["I"]
    x = cp.Variable(len(names))
    factor = np.array([[data["factor"][i, j] for j in names] for i in names])
    risk = cp.norm(factor @ x, 2) <= data["limit"]
    problem = cp.Problem(cp.Maximize(np.array([data["mean"][i] for i in names]) @ x), [risk, cp.sum(x) == 1, x >= 0])
    problem.solve(solver="CLARABEL")
    return float(problem.value), float(risk.dual_value)


@pytest.mark.parametrize("backend", ["clarabel", "cvxpy"])
def test_a_risk_limit_agrees_with_cvxpy(backend: str) -> None:
    data = risk_data(12)
    value, multiplier = in_cvxpy(data)
    solution = optc.parse(RISK).bind(**data).solve(backend=backend)
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(value, abs=1e-6)
    assert float(solution.duals["risk"].values[0]) == pytest.approx(multiplier, abs=1e-4)


def test_another_solver_is_reached_through_cvxpy() -> None:
    data = risk_data(8)
    value, _ = in_cvxpy(data)
    solution = optc.parse(RISK).bind(**data).solve(backend="cvxpy", options={"solver": "SCS"})
    assert solution.objective == pytest.approx(value, abs=1e-4)
    failed = optc.parse(RISK).bind(**data).solve(backend="cvxpy", options={"solver": "NONE"})
    told = failed.diagnostics[-1].message
    assert failed.status == "failed" and "NONE" in told and "CLARABEL" in told


def test_sides_go_into_the_program_and_back() -> None:
    form = conformance.form(
        [1, 2, -1], [[1, 1, 0], [0, 1, 1], [1, 0, 1]], [1, -2, -np.inf], [1, 4, 3], [0, -np.inf, -1], [2, np.inf, -1]
    )
    program = cone_program(form)
    assert (program.equations.count, program.uppers.count, program.lowers.count) == (2, 3, 2)
    z = np.arange(1.0, 8.0)
    back = multipliers_of(program, form, z, 1.0)
    x = np.array([0.5, 0.25, 2.0])
    dense = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]])
    assert back.rows @ (dense @ x) + back.columns @ x == pytest.approx(-(z @ (program.matrix @ x)))


def test_time_and_cancellation_are_kept() -> None:
    form = conformance.form([1], [[1]], [2], [np.inf], [0], [np.inf])
    assert clarabel.solve(form, Goal(), clarabel.Options(), start(time_limit=0.0), None).termination == "time limit"
    token = Cancellation()
    token.cancel()
    assert (
        clarabel.solve(form, Goal(), clarabel.Options(), start(cancellation=token), None).termination == "interrupted"
    )
    few = clarabel.solve(_large(), Goal(), clarabel.Options(iterations=1), Context(), None)
    assert few.termination == "iteration limit" and few.claim in ("none", "feasible")


def _large() -> Any:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 300))
    return conformance.form(
        rng.normal(size=300).tolist(), rows.tolist(), [-np.inf] * 200, [1.0] * 200, [-1.0] * 300, [1.0] * 300
    )


def test_an_interrupt_stops_it_between_two_iterations() -> None:
    token, seen = Cancellation(), []

    def watch(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 3:
            token.cancel()

    before = time.monotonic()
    answer = clarabel.solve(_large(), Goal(), clarabel.Options(), start(cancellation=token, progress=watch), None)
    assert answer.termination == "interrupted" and len(seen) <= 4
    assert time.monotonic() - before < 30


def test_whole_columns_are_refused() -> None:
    form = conformance.form([1], [[1]], [2], [np.inf], [0], [np.inf], integer=[True])
    for backend in (clarabel, cvxpy):
        with pytest.raises(ValueError, match="whole decisions"):
            backend.solve(form, Goal(), backend.Options(), Context(), None)
