"""Large neighbourhood search: known optima, honest words, repeatable runs, and polish that never makes worse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_mips import all_open, facility_location, knapsack, set_cover

import optc
from optc.backends import highs, lns, registry
from optc.backends.conformance import INF, form, market_split
from optc.backends.known_point import holds, value
from optc.backends.lns import search as search_of_lns
from optc.backends.lns.bandit import Outcome, ThompsonSampling
from optc.backends.lns.destroy_operators import Operator, SubProblem
from optc.cli.main import main
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Progress
from optc.compiler.forms.linear import LinearForm
from optc.compiler.plan import plan

EXACT = Goal(gap=1e-9)
SEARCH = lns.Options(first_nodes=0, iterations=60)  # next to nothing by the first run


def found(problem: LinearForm, options: lns.Options = SEARCH, goal: Goal = EXACT, **given: Any) -> Answer:
    start = given.pop("start", None)
    context = contexts.start(**({"threads": 1} | given))
    return lns.solve(problem, goal, options, context, None if start is None else Start(start))


def optimum(problem: LinearForm) -> float:
    answer = highs.solve(problem, EXACT, highs.Options(), contexts.start(), None)
    assert answer.claim == "optimal" and answer.objective is not None
    return answer.objective


def poor(problem: LinearForm) -> np.ndarray:
    return np.zeros(problem.shape[1]) if problem.sense == "maximize" else np.ones(problem.shape[1])


# --------------------------------------------------------------------------------------------------------- answers
def test_the_set_cover_of_the_fact_sheet() -> None:
    problem = set_cover()
    relaxation = replace(problem, integer=np.zeros(30, dtype=np.bool_))
    assert highs.solve(relaxation, EXACT, highs.Options(), contexts.start(), None).objective == pytest.approx(99.5)
    for options in (lns.Options(), SEARCH, replace(SEARCH, bandit="epsilon-greedy")):
        answer = found(problem, options, start=np.ones(30))
        assert answer.objective == pytest.approx(102.0)
        assert answer.x is not None and holds(problem, answer.x, 1e-9)
        assert answer.bound is not None and 99.5 - 1e-6 <= answer.bound <= 102.0 + 1e-6


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_the_search_reaches_the_optimum_from_a_poor_point(sense: str) -> None:
    for seed in range(2):
        problem = knapsack(seed, columns=15)
        if sense == "minimize":
            problem = replace(problem, sense="minimize", cost=-problem.cost)
        answer = found(problem, replace(SEARCH, iterations=150), start=np.zeros(problem.shape[1]))
        assert answer.objective == pytest.approx(optimum(problem))


def test_continuous_columns_take_their_best_values() -> None:
    problem = facility_location(5)
    answer = found(problem, start=all_open(problem))
    assert answer.objective == pytest.approx(optimum(problem)) and answer.x is not None
    assert holds(problem, answer.x, 1e-7) and not np.any(answer.x[:8] % 1.0)


def test_optimal_is_claimed_only_where_a_bound_meets_the_point() -> None:
    problem = market_split()
    best = lns.solve(problem, Goal(), lns.Options(iterations=5), contexts.start(time_limit=3), None)
    assert (best.claim, best.bound) == ("feasible", pytest.approx(0.0)) and best.objective is not None
    assert best.objective > 0
    # The same point is optimal where the gap may be so wide.
    wide = lns.solve(problem, Goal(gap=best.objective), lns.Options(iterations=5), contexts.start(time_limit=3), None)
    assert (wide.claim, wide.termination) == ("optimal", "converged")


def test_a_proximity_row_that_nothing_meets_is_a_bound() -> None:
    for problem in (set_cover(), knapsack(0, columns=15)):
        best, sign = optimum(problem), 1.0 if problem.sense == "minimize" else -1.0
        search = search_of_lns._Search(problem, EXACT, SEARCH, contexts.start(threads=1))
        exact = highs.solve(problem, EXACT, highs.Options(), contexts.start(), None).x
        assert exact is not None
        search._take(np.rint(exact), sign * best)
        beyond = best - sign * 0.5
        cut = replace(
            problem,
            row_lower=np.append(problem.row_lower, -INF if sign > 0 else beyond),
            row_upper=np.append(problem.row_upper, beyond if sign > 0 else INF),
            starts=np.append(problem.starts, problem.starts[-1] + problem.shape[1]).astype(np.int32),
            indices=np.append(problem.indices, np.arange(problem.shape[1])).astype(np.int32),
            values=np.append(problem.values, problem.cost),
        )
        assert search._explore(SubProblem(cut, holds=False, limit=beyond)) == ("rejected", True)
        assert sign * search.bound == pytest.approx(beyond)


def test_infeasible_and_unbounded_are_said_in_highs_words() -> None:
    parity = form([1, 1], [[2, 2]], [1], [1], [0, 0], [9, 9], integer=[True, True])
    assert found(parity, lns.Options()).claim == "infeasible"
    endless = form([-1, -1], [[1, -1]], [-1], [1], [0, 0], [INF, INF], integer=[True, True])
    assert found(endless, lns.Options()).claim in ("unbounded", "infeasible or unbounded")
    # A point that is no point changes nothing of it.
    assert found(parity, lns.Options(), start=np.ones(2)).claim == "infeasible"


def test_without_whole_columns_the_answer_is_that_of_highs() -> None:
    problem = form([2, 3], [[1, 2], [0, 1]], [4, -INF], [10, 1], [0, 0], [INF, INF])
    answer = found(problem, lns.Options())
    assert (answer.claim, answer.objective) == ("optimal", pytest.approx(7.0)) and answer.row_duals is not None


# ---------------------------------------------------------------------------------------------------------- conduct
def test_neighbourhoods_adapt_their_size_to_what_came_of_them() -> None:
    problem = set_cover()
    search = search_of_lns._Search(problem, EXACT, SEARCH, contexts.start(threads=1))
    search._take(np.ones(30), float(problem.cost.sum()))
    asked: list[float] = []
    answers: list[tuple[Outcome, bool]] = [
        ("rejected", False),
        ("accepted", False),
        ("best", False),
        ("rejected", True),
    ]
    operator = Operator("one", lambda _view, _random, factor: asked.append(factor) or SubProblem(problem))  # type: ignore[func-returns-value]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_explore", lambda _problem: answers[len(asked) - 1])
        for _ in range(4):
            search._step([operator], ThompsonSampling(1))
    assert asked == pytest.approx([1.0, 0.75, 0.5625, 0.5625])
    assert search.factors[0] == pytest.approx(0.5625 * 1.25)


def test_a_seed_repeats_a_run_and_another_takes_another_way() -> None:
    problem = market_split(4, 30)
    options = lns.Options(first_nodes=1, iterations=12, nodes=20)
    runs = [found(problem, options, seed=seed) for seed in (3, 3, 4, 5, 6)]
    first, again = runs[:2]
    assert first.x is not None and again.x is not None and np.array_equal(first.x, again.x)
    assert (first.message, first.bound) == (again.message, again.bound)
    assert any(not np.array_equal(first.x, other.x) for other in runs[2:] if other.x is not None)


def test_limits_end_the_search_by_name() -> None:
    problem = market_split()
    few = found(problem, lns.Options(first_nodes=0, nodes=1, iterations=3))
    assert (few.termination, few.work, few.unit) == ("iteration limit", 3, "neighbourhoods")
    stalled = found(problem, lns.Options(first_nodes=0, nodes=1, stalled=2))
    assert stalled.termination == "iteration limit"
    clock = found(problem, lns.Options(), time_limit=1.0)
    assert clock.termination == "time limit" and clock.work is not None and clock.work > 3


def test_progress_shows_both_phases_and_never_gets_worse() -> None:
    reports: list[Progress] = []
    found(market_split(), lns.Options(), time_limit=2.0, progress=reports.append)
    assert {report.phase for report in reports} == {"branch and cut", "large neighbourhood search"}
    values = [r.incumbent for r in reports if r.phase != "branch and cut"]
    assert all(v is not None for v in values) and values == sorted(values, reverse=True)  # type: ignore[type-var]
    assert all(r.bound is not None and r.incumbent is not None and r.bound <= r.incumbent + 1e-9 for r in reports[-3:])


def test_cancelled_from_a_report_it_hands_back_what_it_has() -> None:
    context = contexts.start(threads=1, time_limit=60)

    def stop(report: Progress) -> None:
        if report.phase == "large neighbourhood search":
            context.cancellation.cancel()

    watched = replace(context, progress=stop)
    answer = lns.solve(market_split(), Goal(gap=0.0), lns.Options(first_nodes=0), watched, None)
    assert (answer.claim, answer.termination) == ("feasible", "interrupted")
    assert answer.x is not None and holds(market_split(), answer.x, 1e-6)


# ----------------------------------------------------------------------------------------------------------- polish
@pytest.mark.parametrize("seed", range(6))
def test_polish_never_makes_a_point_worse(seed: int) -> None:
    random = np.random.default_rng(seed)
    for problem in (knapsack(seed), facility_location(seed), set_cover()):
        sign = 1.0 if problem.sense == "minimize" else -1.0
        x = all_open(problem) if problem.shape[1] > 100 else poor(problem)
        if seed % 2:
            better = highs.solve(problem, EXACT, highs.Options(), contexts.start(), None).x
            assert better is not None
            x = np.where(problem.integer, np.rint(better), better)
        for limit in (0.0, 1e-3, 0.02, None):
            options = replace(SEARCH, iterations=int(random.integers(0, 10)))
            context = contexts.start(time_limit=limit, threads=1, seed=seed)
            answer = search_of_lns.polish(problem, x, Goal(), options, context)
            assert answer.x is not None and holds(problem, answer.x, 1e-6)
            assert sign * value(problem, answer.x) <= sign * value(problem, x) + 1e-6 * abs(value(problem, x))
            assert answer.objective == pytest.approx(value(problem, answer.x))


def test_polish_improves_a_poor_point() -> None:
    problem = facility_location(6)
    x = all_open(problem)
    answer = search_of_lns.polish(problem, x, Goal(), replace(SEARCH, iterations=30), contexts.start(threads=1))
    assert answer.objective is not None and answer.objective < 0.9 * value(problem, x)


def test_polish_goes_on_from_a_point_that_is_whole_up_to_rounding() -> None:
    problem = set_cover()
    x = np.ones(30) - 4e-7  # of a lower cost than its rounding
    answer = search_of_lns.polish(problem, x, EXACT, SEARCH, contexts.start(threads=1))
    assert answer.objective == pytest.approx(102.0)


def test_a_point_that_is_not_feasible_is_a_hint() -> None:
    problem = knapsack(2, columns=15)
    for x in (np.ones(15), np.full(15, np.nan), np.full(15, 0.5), np.full(15, 1e9)):
        answer = search_of_lns.polish(problem, x, EXACT, SEARCH, contexts.start(threads=1))
        assert answer.x is not None and holds(problem, answer.x, 1e-9)
        assert answer.objective == pytest.approx(optimum(problem))


# ------------------------------------------------------------------------------------------------------ in the whole
COVER = """
set Rows = 1..25
set Columns = 1..40
param hit[Rows, Columns]
param cost[Columns]
var take[Columns] binary
minimize total: sum(cost[j] * take[j] for j in Columns)
subject to
  met[i in Rows]: sum(hit[i, j] * take[j] for j in Columns) >= 1
"""


@pytest.fixture
def cover(tmp_path: Path) -> tuple[str, str]:
    random = np.random.default_rng(2)
    hit = (random.random((25, 40)) < 0.15).astype(int)
    hit[np.arange(25), np.arange(25)] = 1
    model, data = tmp_path / "model.opt", tmp_path / "data.json"
    model.write_text(COVER, encoding="utf-8")
    values = {"hit": hit.tolist(), "cost": random.integers(5, 30, 40).tolist()}
    data.write_text(json.dumps(values), encoding="utf-8")
    return str(model), str(data)


def test_the_command_improves_an_answer(
    cover: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = cover
    start = tmp_path / "start.json"
    every = [[j, 1.0] for j in range(1, 41)]
    start.write_text(json.dumps({"variables": {"take": {"index": ["Columns"], "values": every}}}), encoding="utf-8")
    command = ["solve", model, "-d", data, "--json", "--start"]
    assert main(["solve", model, "-d", data, "--json"]) == 0
    best = json.loads(capsys.readouterr().out)
    results = []
    for options in ({"iterations": 0, "first_nodes": 0}, {"first_nodes": 0, "iterations": 80}):
        given = [word for name, each in options.items() for word in ("--option", f"{name}={each}")]
        main([*command, str(start), "--backend", "lns", *given])
        answer = json.loads(capsys.readouterr().out)
        start.write_text(json.dumps(answer), encoding="utf-8")
        results.append(answer)
    assert results[0]["objective"] == sum(json.loads(Path(data).read_text(encoding="utf-8"))["cost"])
    assert results[1]["objective"] == pytest.approx(best["objective"])
    assert results[1]["backend"]["name"] == "lns" and results[1]["route"][-1] == "lns"


def test_the_planner_takes_it_only_when_it_is_asked_for() -> None:
    models = (
        "var x in [0, 9]\nminimize x\n",
        "var x integer in [0, 9]\nminimize x\n",
        "var x integer in [0, 9]\nvar y in [-5, 5]\nminimize abs(y - x) + max(x, y)\n",
        "var x binary\nvar y in [0, 5]\nmaximize x * y - y\n",
    )
    for text in models:
        instance = optc.parse(text).bind().instance
        routes = plan(instance, registry.every()).routes
        for path in {route.path for route in routes if route.backend.name == "lns"}:
            same = {route.backend.name: route.cost for route in routes if route.path == path}
            assert same["highs"] < same["lns"]
        answer = optc.parse(text).bind().solve()
        assert answer.status == "optimal" and answer.backend is not None and answer.backend.name != "lns"
    asked = optc.parse(models[1]).bind().solve(backend="lns")
    assert (asked.status, asked.objective) == ("optimal", 0.0)
    assert asked.backend is not None and asked.backend.name == "lns"
