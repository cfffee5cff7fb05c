"""The adaptive Newton method: the outer iterations of its paper, sketches, lacking rank, bounds, limits, bad ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hand_made import HandMade, from_symbols, smooth
from reference_problems import BY_NAME

from optc.backends import exact_al
from optc.backends.exact_al import Options, sketching
from optc.backends.exact_al import search as outer
from optc.backends.exact_al.equality_form import equality_form
from optc.backends.exact_al.sketched_newton import Outcome
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Progress

PAPER = Options(tolerance=1e-4, scaling="none")


def equations(*texts: str) -> list[tuple[str, float | None, float | None]]:
    return [(text, 0.0, 0.0) for text in texts]


BT10 = smooth("-x1", equations("x2-x1**3", "-x1**2+x2"), 2)
BT5 = smooth("1000-x1**2-2*x3**2-x2**2-x1*x2-x1*x3", equations("x1**2+x2**2+x3**2-25", "8*x1+14*x2+7*x3-56"), 3)
GOTTFR = smooth("0*x1", equations("x1-0.1136*(x1+3*x2)*(1-x1)", "x2+7.5*(2*x1-x2)*(1-x2)"), 2)
PRICE4NE = smooth("0*x1", equations("2*x1**3*x2-x2**3", "6*x1-x2**2+x2"), 2)
HS61 = smooth("4*x1**2+2*x2**2+2*x3**2-33*x1+16*x2-24*x3", equations("3*x1-2*x2**2-7", "4*x1-x3**2-11"), 3)


def search(form: HandMade, start: Any, options: Options = PAPER, seed: int = 0) -> Outcome:
    problem = equality_form(form)
    begin = problem.start(np.array(start, dtype=np.float64))
    return outer.search(problem, begin, options, contexts.start(seed=seed, time_limit=60))[0]


def answer_of(
    form: HandMade, start: Any, goal: Goal | None = None, options: Options | None = None, **context: Any
) -> Answer:
    begin = Start(np.array(start, dtype=np.float64))
    return exact_al.solve(form, goal or Goal(), options or Options(), contexts.start(**context), begin)


# ----------------------------------------------------------------------------------------------------- the inner method
@pytest.mark.parametrize(
    ("name", "iterations"),
    [
        ("HS6", 9),
        ("HS7", 10),
        ("HS28", 1),
        ("HS40", 3),
        ("HS42", 4),
        ("HS48", 1),
        ("HS51", 1),
        ("HS52", 1),
        ("HS78", 4),
        ("HS79", 4),
    ],
)
def test_outer_iterations_are_those_of_the_paper(name: str, iterations: int) -> None:
    problem = BY_NAME[name]
    found = search(problem.form, problem.start)
    assert found.end == "converged" and abs(found.iterations - iterations) <= 1


def boundary_value(size: int) -> tuple[HandMade, list[float]]:
    """MOREBVNE: J. J. More, B. S. Garbow, K. E. Hillstrom, ACM Trans. Math. Software 7 (1981), problem 28."""
    h = 1 / (size + 1)
    left = ["0", *(f"x{i}" for i in range(1, size))]
    right = [*(f"x{i}" for i in range(2, size + 1)), "0"]
    rows = [
        f"2*x{i}-{a}-{b}+{h * h / 2!r}*(x{i}+{i * h + 1!r})**3"
        for i, a, b in zip(range(1, size + 1), left, right, strict=True)
    ]
    return smooth("0*x1", equations(*rows), size), [i * h * (i * h - 1) for i in range(1, size + 1)]


SINVALNE = smooth("0*x1", equations("10*(x2-sin(x1))", "0.5*x1"), 2)
DENSCHNCNE = smooth("0*x1", equations("x1**2+x2**2-2", "exp(x1-1)+x2**3-2"), 2)


@pytest.mark.parametrize(
    ("form", "start", "iterations"),
    [
        (BT10, [2, 2], 7),
        (BT5, [2, 2, 2], 5),
        (SINVALNE, [4.712389, -1], 16),
        (DENSCHNCNE, [2, 3], 7),
        (*boundary_value(10), 2),
    ],
)
def test_outer_iterations_of_further_problems(form: HandMade, start: list[float], iterations: int) -> None:
    found = search(form, start)
    assert found.end == "converged" and abs(found.iterations - iterations) <= 1


@pytest.mark.parametrize(("form", "start"), [(GOTTFR, [0.5, 0.5]), (PRICE4NE, [1, 5]), (HS61, [0, 0, 0])])
def test_jacobians_that_lack_rank_do_not_stop_it(form: HandMade, start: list[float]) -> None:
    found = answer_of(form, start)
    assert found.claim == "stationary" and found.x is not None
    assert np.abs(form.evaluate_rows(found.x)).max() < 1e-8


def test_it_begins_again_where_steps_stay_short() -> None:
    # Two spheres whose gradients nearly agree at the start; the optimum has them apart.
    form = smooth("-x1-x2-x3", equations("x1**2+x2**2+x3**2-9", "(x1-1)**2+x2**2+x3**2-9"), 3)
    found = answer_of(form, [5, 1e-4, -1e-4])
    assert found.claim == "stationary" and found.objective == pytest.approx(-4.683300133)


def test_the_optimum_of_a_problem_whose_jacobian_vanishes_at_the_start() -> None:
    assert answer_of(HS61, [0, 0, 0]).objective == pytest.approx(-143.6461422)


@pytest.mark.parametrize("kind", sketching.KINDS)
@pytest.mark.parametrize(("name", "iterations"), [("HS28", 1), ("HS40", 3), ("HS48", 1), ("HS78", 4), ("HS79", 4)])
def test_sketches_take_the_outer_iterations_of_exact_steps(kind: str, name: str, iterations: int) -> None:
    problem = BY_NAME[name]
    found = search(problem.form, problem.start, replace(PAPER, inner=kind, block=3), seed=5)
    assert found.end == "converged" and abs(found.iterations - iterations) <= 1
    assert found.inner_steps > 0


def test_a_block_as_wide_as_the_system_solves_it_in_one_step() -> None:
    problem = BY_NAME["HS6"]
    found = search(problem.form, problem.start, replace(PAPER, inner="block gaussian", block=3))
    assert found.inner_steps == found.iterations


def test_the_same_seed_gives_the_same_steps() -> None:
    problem = BY_NAME["HS78"]
    runs = [search(problem.form, problem.start, replace(PAPER, inner="gaussian"), seed) for seed in (1, 1, 2)]
    assert np.array_equal(runs[0].point.u, runs[1].point.u) and runs[0].inner_steps == runs[1].inner_steps
    assert runs[0].inner_steps != runs[2].inner_steps


# ---------------------------------------------------------------------------------------- control of a Poisson equation
def control(size: int) -> HandMade:
    """Poisson control on an N x N grid: 18 unknowns for N = 3, one Newton step."""
    ca = pytest.importorskip("casadi")
    x, h, e = ca.SX.sym("x", 2 * size * size), 2 / (size + 1), 0.1 / np.sqrt(15)
    state, steer = ca.reshape(x[: size * size], size, size), ca.reshape(x[size * size :], size, size)
    i = np.arange(1, size + 1) - (size + 1) / 2
    wanted = np.sin(4 + e * i)[:, None] + np.cos(3 + e * i)[None, :]
    around = ca.SX.zeros(size + 2, size + 2)
    around[1:-1, 1:-1] = state
    laplace = around[2:, 1:-1] + around[:-2, 1:-1] + around[1:-1, 2:] + around[1:-1, :-2] - 4 * state
    f = 0.5 * ca.sumsqr(state - wanted) + 0.05 * ca.sumsqr(steer)
    rows = [0.0] * (size * size)
    return from_symbols(ca, x, f, ca.vec(laplace / h**2 + steer), rows, rows, {})


def test_control_of_a_poisson_equation_takes_one_step() -> None:
    form = control(3)
    found = search(form, np.ones(18))
    assert (found.end, found.iterations) == ("converged", 1)
    assert form.evaluate_objective(found.point.u) == pytest.approx(9.644442051811629, abs=1e-12)


def test_a_larger_grid_takes_one_step_too() -> None:
    found = search(control(12), np.ones(288))
    assert (found.end, found.iterations) == ("converged", 1)


# ------------------------------------------------------------------------------------------------ bounds and maximising
def test_duals_are_derivatives_of_the_optimum() -> None:
    def optimum(right: float, top: float, sense: str = "minimize") -> Answer:
        sign = "" if sense == "minimize" else "-"
        rows = [("x1**2+x2**2", None, right), ("x1*x2", 0.1, None)]
        form = smooth(f"{sign}(exp(x1)-2*x2)", rows, 2, {2: (None, top)}, sense)
        return answer_of(form, [0.5, 0.5])

    for sense in ("minimize", "maximize"):
        here = optimum(4.0, 1.2, sense)
        assert here.row_duals is not None and here.column_duals is not None
        for k, (right, top) in enumerate([(1e-4, 0.0), (0.0, 1e-4)]):
            ends = [optimum(4.0 + way * right, 1.2 + way * top, sense).objective for way in (1, -1)]
            assert ends[0] is not None and ends[1] is not None
            slope = (ends[0] - ends[1]) / 2e-4
            told = here.row_duals[0] if k == 0 else here.column_duals[1]
            assert told == pytest.approx(slope, abs=1e-4)


def test_fixed_columns_and_free_rows_are_taken_out() -> None:
    form = smooth("(x1-1)**2+(x2-1)**2+x1*x2", [("x1+x2", None, None), ("x1-x2", 0.0, 9.0)], 2, {2: (2.0, 2.0)})
    found = answer_of(form, [5, 2])
    assert found.x == pytest.approx([2.0, 2.0], abs=1e-6)
    assert found.row_duals == pytest.approx([0.0, 4.0], abs=1e-5)
    assert found.column_duals is not None and found.column_duals[1] == pytest.approx(8.0, abs=1e-5)


# ------------------------------------------------------------------------------------------------------------- bad ends
def test_rows_that_cannot_be_met_prove_nothing() -> None:
    form = smooth("x1**2", equations("x1**2+1"), 1)
    found = answer_of(form, [3.0])
    assert (found.claim, found.termination) == ("none", "locally infeasible")


def test_bounds_that_cross_are_infeasible() -> None:
    assert answer_of(smooth("x1**2", [], 1, {1: (2.0, 1.0)}), [0.0]).claim == "infeasible"


def test_an_objective_without_an_end_diverges() -> None:
    found = answer_of(smooth("-x1**2", [], 1), [1.0])
    assert found.termination == "diverging" and found.claim == "none" and "unbounded" in found.message


def test_a_start_without_a_value_is_told_where_it_is() -> None:
    found = answer_of(smooth("log(x1)+x1**2", [], 1), [-1.0])
    assert (found.claim, found.termination) == ("none", "numerical trouble") and found.fault is not None


def test_steps_that_leave_the_domain_are_shortened() -> None:
    found = answer_of(smooth("x1-log(x1)", [], 1), [30.0])
    assert found.claim == "stationary" and found.x == pytest.approx([1.0])


def test_limits_and_cancellation() -> None:
    form = BY_NAME["HS38"].form
    start = BY_NAME["HS38"].start
    assert answer_of(form, start, options=Options(iterations=3)).termination == "iteration limit"
    assert answer_of(form, start, time_limit=0.0).termination == "time limit"
    context = contexts.start()
    context.cancellation.cancel()
    found = exact_al.solve(form, Goal(), Options(), context, Start(np.array(start)))
    assert (found.claim, found.termination) == ("none", "interrupted")


def test_an_interrupt_ends_a_sketch_at_work() -> None:
    problem = BY_NAME["HS113"]
    context = contexts.start(time_limit=0.4)
    options = Options(inner="kaczmarz", inner_steps=10**9, tolerance=1e-12)
    began = time.monotonic()
    found = exact_al.solve(problem.form, Goal(), options, context, Start(np.array(problem.start)))
    assert found.termination == "time limit" and time.monotonic() - began < 5


def test_progress_is_reported() -> None:
    told: list[Progress] = []
    slow = control(20)
    clock = iter(np.arange(0, 1e6))
    context = contexts.start(progress=told.append, clock=lambda: float(next(clock)))
    exact_al.solve(slow, Goal(), Options(), context, Start(np.ones(800)))
    assert told and told[0].residual is not None and told[0].phase == "Newton"


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from hand_made import smooth
from optc.backends import exact_al
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start

form = smooth("100*(x2-x1**2)**2+(1-x1)**2", [("x1**2+x2**2", None, 9.0)], 2, {1: (-5, 5)})
options = exact_al.Options(inner="kaczmarz", inner_steps=10**9, tolerance=1e-13)
context = contexts.start(time_limit=60)
with contexts.interruptible(context):
    print("at work", flush=True)
    answer = exact_al.solve(form, Goal(), options, context, Start(np.array([-2.0, 2.0])))
print(answer.termination, flush=True)
"""


def test_control_c_ends_the_work() -> None:
    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "compiler")  # noqa: PTH118, PTH120
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "at work\n"
        time.sleep(0.7)
        os.kill(process.pid, signal.SIGINT)
        words = process.communicate(timeout=60)[0].strip()
    finally:
        process.kill()
    assert process.returncode == 0 and words in ("interrupted", "converged")


def test_every_sketch_can_be_asked_for() -> None:
    field = exact_al.Options.__dataclass_fields__["inner"]
    assert tuple(field.metadata["option"]["choices"]) == ("direct", *sketching.KINDS)
