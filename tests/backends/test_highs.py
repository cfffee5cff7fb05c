"""What is HiGHS's own: loading, silence, scales, thread counts, limits of work."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from optc.backends import highs
from optc.backends.conformance import INF, form, market_split
from optc.compiler import context as contexts
from optc.compiler.backend import Goal

SMALL = form([2, 3], [[1, 2], [0, 1]], [4, -INF], [10, 1], [0, 0], [INF, INF])


def test_load_gives_the_solvers_own_object_with_the_problem_in_it() -> None:
    loaded = highs.load(SMALL)
    assert (loaded.getNumCol(), loaded.getNumRow(), loaded.getNumNz()) == (2, 2, 3)
    loaded.run()
    assert loaded.getInfo().objective_function_value == pytest.approx(7.0)
    quadratic = highs.load(form([0], [], [], [], [-1], [1], hessian=[[2]]))
    assert quadratic.getHessianNumNz() == 1


def test_nothing_is_written_to_standard_output() -> None:
    program = (
        "from optc.backends import highs; from optc.backends.conformance import market_split, form;"
        "from optc.compiler import context; from optc.compiler.backend import Goal;"
        "highs.solve(market_split(2, 12), Goal(), highs.Options(), context.start(time_limit=5), None);"
        "highs.conflict(form([1], [[1], [1]], [2, -9], [9, 1], [0], [9]), context.start())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_coefficient_that_is_not_finite_is_refused() -> None:
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="not finite"):
            highs.load(form([1], [[wrong]], [0], [1], [0], [1]))
    with pytest.raises(ValueError, match="no number"):
        highs.load(form([1], [[1]], [np.nan], [1], [0], [1]))
    with pytest.raises(ValueError, match="below 1e15"):
        highs.load(form([1], [[1e16]], [0], [1], [0], [1]))


def test_small_coefficients_are_kept() -> None:
    tiny = form([1], [[1e-11]], [1e-11], [INF], [0], [INF])
    assert highs.load(tiny).getNumNz() == 1


@pytest.mark.parametrize("threads", [1, 2, None])
def test_the_number_of_threads_may_change_from_call_to_call(threads: int | None) -> None:
    context = contexts.start(threads=threads)
    assert highs.solve(market_split(2, 12), Goal(), highs.Options(), context, None).claim == "optimal"


def test_limits_of_work_are_told_by_name() -> None:
    whole = highs.solve(market_split(), Goal(gap=0.0), highs.Options(nodes=1), contexts.start(), None)
    assert (whole.claim, whole.termination, whole.unit) == ("feasible", "node limit", "nodes")
    random = np.random.default_rng(0)
    rows = random.uniform(0.1, 1.0, (30, 30))
    dense = form(random.uniform(1, 2, 30).tolist(), rows.tolist(), [5] * 30, [INF] * 30, [0] * 30, [INF] * 30)
    given = highs.Options(simplex_iterations=3, presolve="off", solver="simplex")
    few = highs.solve(dense, Goal(), given, contexts.start(), None)
    assert few.termination == "iteration limit" and few.claim in ("none", "feasible")


def test_a_quadratic_problem_stops_at_its_time_limit() -> None:
    random = np.random.default_rng(0)
    n = 800
    factor = random.normal(size=(n, n))
    rows = random.uniform(0, 1, (n // 2, n))
    problem = form(
        random.normal(size=n).tolist(),
        rows.tolist(),
        [1.0] * (n // 2),
        [INF] * (n // 2),
        [0.0] * n,
        [INF] * n,
        hessian=(factor @ factor.T / n + np.eye(n)).tolist(),
    )
    answer = highs.solve(problem, Goal(), highs.Options(), contexts.start(time_limit=0.05), None)
    assert answer.termination == "time limit"


def test_the_start_of_a_whole_problem_is_used() -> None:
    problem = market_split()
    first = highs.solve(problem, Goal(gap=0.0), highs.Options(), contexts.start(time_limit=0.5), None)
    assert first.x is not None and first.objective is not None
    from optc.compiler.backend import Start

    again = highs.solve(problem, Goal(gap=0.0), highs.Options(nodes=0), contexts.start(), Start(first.x))
    assert again.objective is not None and again.objective <= first.objective + 1e-6
