"""Solvers begin from the start they are given, end no worse than it, and come to no harm by one that is wrong."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_mips import all_open, facility_location, knapsack

from optc.backends import highs, lns, scip
from optc.backends.conformance import form
from optc.backends.known_point import holds, not_worse, usable, value
from optc.cli.main import main
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.forms.linear import LinearForm

LEAST_WORK: dict[Any, Any] = {
    highs: highs.Options(nodes=0),
    scip: scip.Options(nodes=1, heuristics="off", separating="off", presolving="off"),
    lns: lns.Options(first_nodes=0, iterations=0),
}
BACKENDS = [pytest.param(backend, id=backend.name) for backend in LEAST_WORK]
EXACT = Goal(gap=1e-9)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def optimum(problem: LinearForm) -> Answer:
    answer = highs.solve(problem, EXACT, highs.Options(), contexts.start(), None)
    assert answer.claim == "optimal" and answer.x is not None
    return answer


def solved(backend: Any, problem: LinearForm, x: np.ndarray, options: Any = None, limit: float | None = None) -> Answer:
    context = contexts.start(time_limit=limit, threads=1)
    answer: Answer = backend.solve(problem, EXACT, options or backend.options(), context, Start(x))
    return answer


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("problem", [facility_location(1), knapsack(1)], ids=["facilities", "knapsack"])
def test_an_optimal_start_is_kept_with_next_to_no_work(backend: Any, problem: LinearForm) -> None:
    best = optimum(problem)
    assert best.x is not None and best.objective is not None
    answer = solved(backend, problem, best.x, LEAST_WORK[backend])
    assert answer.x is not None and holds(problem, answer.x, 1e-6)
    assert answer.objective == pytest.approx(best.objective, rel=1e-6)
    for limit in (0.0, 1e-4, 1e-2):
        stopped = solved(backend, problem, best.x, limit=limit)
        assert stopped.x is not None and stopped.objective == pytest.approx(best.objective, rel=1e-6)


def test_least_work_alone_leaves_room() -> None:
    problem = facility_location(1)
    best = optimum(problem).objective
    assert best is not None
    for backend in (highs, lns):
        alone = backend.solve(problem, EXACT, LEAST_WORK[backend], contexts.start(threads=1), None)
        assert alone.objective is None or alone.objective > best * 1.001


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_poor_start_is_a_start(backend: Any) -> None:
    problem = facility_location(2)
    poor = all_open(problem)
    assert holds(problem, poor, 1e-9)
    for options, limit in ((LEAST_WORK[backend], None), (None, 0.0), (None, 1e-3)):
        answer = solved(backend, problem, poor, options, limit)
        assert answer.x is not None and holds(problem, answer.x, 1e-6)
        assert answer.objective is not None and answer.objective <= value(problem, poor) + 1e-6


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_start_that_is_a_little_off_is_put_right(backend: Any) -> None:
    problem = facility_location(3)
    best = optimum(problem)
    assert best.x is not None
    noisy = best.x + 3e-6 * np.sin(np.arange(problem.shape[1]))
    assert not holds(problem, noisy, 1e-7)
    answer = solved(backend, problem, noisy, LEAST_WORK[backend])
    assert answer.objective == pytest.approx(best.objective, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_wrong_and_partial_starts_change_no_optimum(backend: Any) -> None:
    for problem in (facility_location(4), knapsack(4, columns=20)):
        best = optimum(problem)
        assert best.x is not None
        n = problem.shape[1]
        starts = {
            "in part": np.where(np.arange(n) % 3 == 0, np.nan, best.x),
            "one alone": np.where(np.arange(n) == 0, best.x, np.nan),
            "infeasible": np.ones(n),
            "not whole": best.x + 0.4,
            "out of bounds": best.x + 1e6,
            "infinite": np.full(n, np.inf),
        }
        for words, x in starts.items():
            answer = solved(backend, problem, x, limit=30.0)
            assert answer.objective == pytest.approx(best.objective, rel=1e-6), words
            assert answer.x is not None and holds(problem, answer.x, 1e-6), words


def test_holds_measures_rows_bounds_and_integrality() -> None:
    problem = form([1, 1], [[1, 1e6]], [-np.inf], [1e6], [0, 0], [4, 9], integer=[True, False])
    assert holds(problem, np.array([0.0, 1.0]), 1e-6)
    assert holds(problem, np.array([1.0, 1.0]), 1e-6)  # one above, with terms of a million
    assert not holds(problem, np.array([3.0, 1.0]), 1e-6)
    assert not holds(problem, np.array([0.5, 0.0]), 1e-6)
    assert not holds(problem, np.array([-1.0, 0.0]), 1e-6) and not holds(problem, np.array([5.0, 0.0]), 1e-6)
    assert not holds(problem, np.array([np.nan, 0.0]), 1e-6)


def test_what_is_usable_of_a_start() -> None:
    whole = [True, True, True, False]
    problem = form([1] * 4, [[1, 1, 1, 1]], [3], [9], [0] * 4, [2, 2, 2, 5], integer=whole)
    exact = np.array([1.0, 1.0, 0.0, 1.0])
    assert np.array_equal(usable(problem, exact + np.array([1e-7, 0, -1e-7, 0])), exact)
    some = usable(problem, np.array([1.4, 1.0, 7.0, 1.0]))
    assert np.array_equal(np.isfinite(some), [False, True, False, False]) and some[1] == 1.0
    # A continuous column is left open where the rows do not hold exactly.
    assert np.array_equal(np.isfinite(usable(problem, np.array([1.0, 1.0, 0.0, 0.9]))), whole)


def test_no_answer_is_made_up_for_problems_with_more_than_rows() -> None:
    linear = form([1], [[1]], [0], [1], [0], [1], integer=[True])
    own = {entry.name: getattr(linear, entry.name) for entry in fields(LinearForm)}
    discrete = DiscreteForm(**own, hessian_starts=np.zeros(2, dtype=np.int32))
    stopped = Answer("none", "time limit")
    assert not_worse(stopped, discrete, Start(np.zeros(1)), 1e-6) is stopped
    kept = not_worse(stopped, linear, Start(np.zeros(1)), 1e-6)
    assert (kept.claim, kept.termination, kept.objective) == ("feasible", "time limit", 0.0)
    proved = Answer("infeasible", "converged")
    assert not_worse(proved, linear, Start(np.zeros(1)), 1e-6) is proved


def test_the_objective_of_a_quadratic_form() -> None:
    problem = form([1, -1], [], [], [], [-9, -9], [9, 9], hessian=[[2, 1], [1, 4]], offset=3.0)
    x = np.array([2.0, -1.0])
    assert value(problem, x) == pytest.approx(0.5 * (2 * 4 + 2 * 1 * -2 + 4 * 1) + 2 + 1 + 3)


@pytest.mark.parametrize("example", ["facility_location", "knapsack", "quadratic_assignment"])
def test_the_answer_in_a_file_is_the_first_point_of_every_backend(
    example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where lowerings add columns to the model's own."""
    folder, file = EXAMPLES / example, str(tmp_path / "answer.json")
    command = ["solve", str(folder / "model.opt"), "-d", str(folder / "data.json"), "--json"]
    assert main([*command, "-o", file, "--backend", "highs"]) == 0
    best = json.loads(capsys.readouterr().out)
    for backend in ("highs", "scip", "lns"):
        main([*command, "--backend", backend, "--start", file, "--time-limit", "1ms"])
        stopped = json.loads(capsys.readouterr().out)
        assert stopped["status"] in ("optimal", "feasible"), (backend, stopped["diagnostics"])
        assert stopped["objective"] == pytest.approx(best["objective"], rel=1e-6), backend
