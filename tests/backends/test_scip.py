"""What is SCIP's own: loading, silence, limits, starts, progress, threads, and problems that HiGHS does not take."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields, replace

import numpy as np
import pytest

from optc.backends import highs, scip
from optc.backends.conformance import INF, form, market_split
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Progress
from optc.compiler.forms.discrete import DiscreteForm, Indicators, OrderedSets, Pairs, RowProducts
from optc.compiler.forms.linear import LinearForm

SMALL = form([2, 3], [[1, 2], [0, 1]], [4, -INF], [10, 1], [0, 0], [INF, INF])
EXACT = Goal(gap=1e-9)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def discrete(linear: LinearForm, **parts: object) -> DiscreteForm:
    own = {entry.name: getattr(linear, entry.name) for entry in fields(LinearForm)}
    plain = {"hessian_starts": np.zeros(linear.shape[1] + 1, dtype=np.int32)}
    return DiscreteForm(**own, **(plain | parts))  # type: ignore[arg-type]


def answer_of(problem: LinearForm, goal: Goal = EXACT, **context: object) -> Answer:
    return scip.solve(problem, goal, scip.Options(), contexts.start(**context), None)  # type: ignore[arg-type]


def test_load_gives_the_solvers_own_object_with_the_problem_in_it() -> None:
    loaded = scip.load(SMALL)
    assert (loaded.getNVars(), loaded.getNConss()) == (2, 2)
    loaded.optimize()
    assert loaded.getObjVal() == pytest.approx(7.0)


def test_nothing_is_written_to_standard_output() -> None:
    program = (
        "from optc.backends import scip; from optc.backends.conformance import market_split, form;"
        "from optc.compiler import context; from optc.compiler.backend import Goal;"
        "scip.solve(market_split(2, 12), Goal(), scip.Options(), context.start(time_limit=5), None);"
        "scip.solve(form([1, 0], [], [], [], [-1, -1], [2, 2], hessian=[[0, 1], [1, -2]]), Goal(), scip.Options(),"
        "context.start(), None)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_coefficient_that_is_not_finite_is_refused() -> None:
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="not finite"):
            scip.load(form([1], [[wrong]], [0], [1], [0], [1]))
    with pytest.raises(ValueError, match="no number"):
        scip.load(form([1], [[1]], [np.nan], [1], [0], [1]))
    with pytest.raises(ValueError, match="1e20"):
        scip.load(form([1], [[1e20]], [0], [1], [0], [1]))


def test_an_indicator_switches_both_sides_of_its_row_at_its_value() -> None:
    linear = form(
        [-10, -3, 1], [[0, 0, 1], [0, 0, 1]], [2, 5], [3, 5], [0, 0, 0], [1, 1, 9], integer=[True, True, False]
    )
    for value, wanted in (([1, 1], -8.0), ([1, 0], -11.0), ([0, 0], -13.0)):
        switches = Indicators(ints(0, 1), ints(*value), ints(0, 1))
        assert answer_of(discrete(linear, indicators=switches)).objective == pytest.approx(wanted)


def test_ordered_sets_and_pairs_bind() -> None:
    linear = form([-1, -2, -3, -1], [], [], [], [0] * 4, [1] * 4)
    one = OrderedSets(ints(1), ints(0, 4), ints(0, 1, 2, 3), np.arange(4.0))
    two = replace(one, kinds=ints(2))
    turned = replace(two, columns=ints(1, 0, 3, 2))
    pairs = Pairs(ints(2, 2), ints(0, 1))
    assert answer_of(discrete(linear, sets=one)).objective == pytest.approx(-3)
    assert answer_of(discrete(linear, sets=two)).objective == pytest.approx(-5)
    assert answer_of(discrete(linear, sets=turned)).objective == pytest.approx(-4)
    assert answer_of(discrete(linear, pairs=pairs)).objective == pytest.approx(-4)


def test_products_of_a_row_stand_beside_its_linear_part() -> None:
    linear = form([-1, -1], [[1, 0], [0, 0]], [-INF, 1], [2, INF], [0, 0], [4, 4])
    products = RowProducts(ints(0, 0, 1), ints(0, 1, 1), ints(0, 1, 0), np.array([1.0, 1.0, 1.0]))
    # On the disc (x + 1/2)^2 + y^2 <= 9/4 the product x y is below one.
    assert answer_of(discrete(linear, products=products)).claim == "infeasible"
    relaxed = replace(linear, row_lower=np.array([-INF, 0.4]))
    found = answer_of(discrete(relaxed, products=products))
    # x + y is largest where the circle's normal is (1, 1).
    assert found.objective == pytest.approx(0.5 - 2 * np.sqrt(9 / 8), abs=1e-5)


def test_a_nonconvex_quadratic_program_is_solved_to_proven_optimality() -> None:
    random = np.random.default_rng(3)
    n = 8
    factor = random.integers(-5, 6, (n, n))
    hessian = (factor + factor.T).astype(float)
    cost = random.integers(-5, 6, n).astype(float)
    problem = form(cost.tolist(), [[1] * n], [2], [5], [0] * n, [1] * n, hessian=hessian.tolist(), integer=[True] * n)
    found = answer_of(problem)
    grid = np.array(np.meshgrid(*[[0.0, 1.0]] * n)).reshape(n, -1).T
    grid = grid[(grid.sum(axis=1) >= 2) & (grid.sum(axis=1) <= 5)]
    values = ((grid @ hessian) * grid).sum(axis=1) / 2 + grid @ cost
    assert found.claim == "optimal"
    assert found.objective == pytest.approx(values.min()) and found.bound == pytest.approx(values.min())


def test_limits_of_work_are_told_by_name() -> None:
    few = scip.solve(market_split(), Goal(gap=0.0), scip.Options(nodes=1), contexts.start(), None)
    assert (few.claim, few.termination, few.unit) == ("feasible", "node limit", "nodes")
    first = scip.solve(market_split(), Goal(gap=0.0), scip.Options(solutions=1), contexts.start(), None)
    assert (first.claim, first.termination) == ("feasible", "solution limit")
    assert first.bound is not None and first.objective is not None and first.bound <= first.objective


def test_a_search_stops_at_its_time_limit_with_what_it_has() -> None:
    found = answer_of(market_split(), Goal(gap=0.0), time_limit=0.5)
    assert (found.claim, found.termination) == ("feasible", "time limit")
    assert found.bound is not None


def test_the_start_of_a_whole_problem_is_used() -> None:
    problem = market_split()
    first = scip.solve(problem, Goal(gap=0.0), scip.Options(), contexts.start(time_limit=1.0), None)
    assert first.x is not None and first.objective is not None
    given = scip.Options(nodes=1, heuristics="off", presolving="off")
    without = scip.solve(problem, Goal(gap=0.0), given, contexts.start(), None)
    again = scip.solve(problem, Goal(gap=0.0), given, contexts.start(), Start(first.x))
    assert again.objective is not None and again.objective <= first.objective + 1e-6
    assert without.objective is None or without.objective > again.objective


def test_a_start_of_a_quadratic_problem_carries_its_objective() -> None:
    hessian = [[0, 3, 1], [3, -2, 0], [1, 0, 1]]
    problem = form([1, 1, -1], [], [], [], [-2] * 3, [2] * 3, hessian=hessian, integer=[True] * 3)
    best = answer_of(problem)
    assert best.x is not None
    given = scip.Options(nodes=1, heuristics="off")
    for start in (best.x, np.array([best.x[0], np.nan, best.x[2]]), best.x + 7):
        found = scip.solve(problem, EXACT, given, contexts.start(), Start(start))
        assert found.objective is None or found.objective >= best.objective - 1e-9  # type: ignore[operator]


def test_progress_comes_with_bound_and_incumbent() -> None:
    seen: list[Progress] = []
    answer_of(market_split(), Goal(gap=0.0), time_limit=1.5, progress=seen.append)
    assert seen and all(each.phase == "branch and bound" for each in seen)
    last = seen[-1]
    assert last.incumbent is not None and last.bound is not None and last.bound <= last.incumbent


def test_progress_that_fails_is_not_swallowed() -> None:
    def fail(_progress: Progress) -> None:
        raise RuntimeError("no screen")

    with pytest.raises(RuntimeError, match="no screen"):
        answer_of(market_split(), Goal(gap=0.0), time_limit=20.0, progress=fail)


def test_many_quadratic_problems_are_solved_one_after_the_other() -> None:
    # SCIP's automatic differentiation serves a limited number of threads in a process' life.
    before = {thread.ident for thread in threading.enumerate()}
    problem = form([0, 0], [], [], [], [-1, -1], [2, 2], hessian=[[2, -3], [-3, 2]])
    for _ in range(120):
        assert answer_of(problem).objective == pytest.approx(-4.0, abs=1e-5)
    assert len({thread.ident for thread in threading.enumerate()} - before) <= 1


def test_the_same_seed_gives_the_same_answer() -> None:
    problem = market_split(2, 14)
    one, two = (answer_of(problem, Goal(gap=0.0), seed=5) for _ in range(2))
    assert one.work == two.work and one.x is not None and two.x is not None
    np.testing.assert_array_equal(one.x, two.x)


@pytest.mark.parametrize("seed", range(8))
def test_mixed_linear_problems_agree_with_highs(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = 6, 4
    problem = form(
        random.integers(-9, 10, n).tolist(),
        random.integers(-4, 8, (m, n)).tolist(),
        [-INF] * m,
        random.integers(5, 25, m).tolist(),
        [-2] * n,
        [4] * n,
        integer=(np.arange(n) % 2 == 0).tolist(),
        sense=("minimize", "maximize")[seed % 2],
    )
    other = highs.solve(problem, EXACT, highs.Options(), contexts.start(), None)
    found = answer_of(problem)
    assert (found.claim, found.objective) == (other.claim, pytest.approx(other.objective))


def test_a_switched_row_that_crosses_forbids_its_value() -> None:
    linear = form([-1, 1], [[0, 1]], [4], [3], [0, 0], [1, 9], integer=[True, False])
    found = answer_of(discrete(linear, indicators=Indicators(ints(0), ints(1), ints(0))))
    assert found.objective == pytest.approx(0.0)


INTERRUPTED = """
from optc.backends import scip
from optc.backends.conformance import market_split
from optc.compiler import context as contexts
from optc.compiler.backend import Goal

context = contexts.start(time_limit=120)
with contexts.interruptible(context):
    print("at work", flush=True)
    answer = scip.solve(market_split(), Goal(gap=0.0), scip.Options(), context, None)
print(answer.claim, answer.termination, answer.bound is not None, flush=True)
"""


def test_control_c_ends_the_work_with_the_best_answer_so_far() -> None:
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "at work\n"
        time.sleep(1.0)
        os.kill(process.pid, signal.SIGINT)
        words = process.communicate(timeout=60)[0].strip()
    finally:
        process.kill()
    assert (process.returncode, words) == (0, "feasible interrupted True")


def test_scip_is_only_interrupted_where_its_stage_allows_it() -> None:
    """Between presolving and the search SCIP refuses, with an exception and lines on standard error."""
    from pyscipopt import SCIP_STAGE

    from optc.backends.scip.work import _interrupt

    class Model:
        asked = 0

        def __init__(self, stage: int, fault: str = "") -> None:
            self.stage, self.fault = stage, fault

        def getStage(self) -> int:  # noqa: N802
            return self.stage

        def interruptSolve(self) -> None:  # noqa: N802
            self.asked += 1
            if self.fault:
                raise Exception(self.fault)

    early, late = Model(SCIP_STAGE.INITSOLVE), Model(SCIP_STAGE.SOLVING)
    _interrupt(early)
    _interrupt(late)
    assert (early.asked, late.asked) == (0, 1)
    _interrupt(Model(SCIP_STAGE.SOLVING, "SCIP: method cannot be called at this time in solution process!"))
    with pytest.raises(Exception, match="out of memory"):
        _interrupt(Model(SCIP_STAGE.SOLVING, "SCIP: out of memory"))
