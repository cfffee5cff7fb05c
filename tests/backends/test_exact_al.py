"""The adaptive Newton method: the outer iterations of its paper, sketches, lacking rank, bounds, limits, bad ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made import HandMade, from_symbols, smooth
from reference_problems import BY_NAME

import optc
from optc.backends import exact_al
from optc.backends.exact_al import Options, barrier, merit_function, restoration, sketching
from optc.backends.exact_al import search as outer
from optc.backends.exact_al.equality_form import equality_form
from optc.backends.exact_al.sketched_newton import Outcome
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Progress

ROOT = Path(__file__).resolve().parents[2]
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


@pytest.mark.parametrize(("form", "start", "iterations"), [(BT10, [2, 2], 7), (BT5, [2, 2, 2], 5)])
def test_outer_iterations_of_further_problems(form: HandMade, start: list[float], iterations: int) -> None:
    found = search(form, start)
    assert found.end == "converged" and abs(found.iterations - iterations) <= 1


def written(name: str) -> tuple[Any, Any]:
    """The form and start of a problem of the paper that is written down as a model."""
    bound = optc.read(ROOT / "bench" / "models" / "cutest" / f"{name}.opt").bind()
    starts = [np.zeros(f.count) if f.start is None else np.ravel(f.start) for f in bound.instance.families]
    return bound.lower("nonlinear"), np.concatenate(starts)


@pytest.mark.parametrize(
    ("name", "iterations"),
    [("SINVALNE", 16), ("DENSCHNCNE", 7), ("MOREBVNE", 2), ("TRIGON1NE", 4), ("HIMMELBE", 2), ("BA-L1", 4)],
)
def test_outer_iterations_of_the_models_written_down(name: str, iterations: int) -> None:
    found = search(*written(name))
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


# ------------------------------------------------------------------------------------- where the paper's method is slow
def test_a_valley_that_bends_is_followed() -> None:
    # Rosenbrock's function of ten unknowns as equations: undamped steps stay short all the way along it.
    rows = [f"10*(x{i + 1}-x{i}**2)" for i in range(1, 10)]
    form = smooth("0*x1", equations("x1-1", *rows), 10)
    found = search(form, [-1.0] * 10)
    assert found.end == "converged" and found.iterations < 150
    assert found.point.u == pytest.approx(np.ones(10), abs=1e-3)


def exponentials() -> HandMade:
    """HATFLDF: Newton's steps lead to where one term goes to infinity against another."""
    rows = [f"x1+x2*exp({t}*x3)-{right}" for t, right in ((1, 0.032), (2, 0.056), (3, 0.099))]
    return smooth("0*x1", equations(*rows), 3)


def test_damped_steps_from_the_start_are_a_second_chance() -> None:
    found = search(exponentials(), [0.1, 0.1, 0.1])
    assert found.end == "converged"
    # The exponential's base is the ratio of the two differences of the right sides.
    assert np.exp(found.point.u[2]) == pytest.approx((0.099 - 0.056) / (0.056 - 0.032), rel=1e-2)


def test_a_restoration_comes_to_feasible_points_or_to_a_minimum_of_the_violation() -> None:
    def restored(*rows: str, start: list[float]) -> restoration.Restored:
        problem = barrier.barrier(equality_form(smooth("x1", equations(*rows), 2)), np.array(start), 0.0)
        point = merit_function.at(problem, np.array(start), np.zeros(len(rows)))
        return restoration.restored(problem, point, 1e-9, 500, lambda _steps, _point: True)

    met = restored("exp(x1)*x2-1", "x1**3-x2", start=[3.0, -2.0])
    assert met.end == "feasible" and restoration.violation(met.point) <= 1e-9
    apart = restored("x1**2+x2**2+1", start=[3.0, -2.0])
    assert apart.end == "minimum of the violation" and apart.point.u == pytest.approx([0, 0], abs=1e-2)
    assert restoration.violation(apart.point) == pytest.approx(1.0)


def test_a_restoration_keeps_within_bounds() -> None:
    form = smooth("x1", equations("x1*x2-3"), 2, {1: (0.0, 1.0), 2: (0.0, 4.0)})
    problem = barrier.barrier(equality_form(form), np.array([0.5, 0.5]), 1e-3)
    point = merit_function.at(problem, np.array([0.5, 0.5]), np.zeros(1))
    inside: list[Any] = []

    def watch(_steps: int, at: merit_function.Point) -> bool:
        inside.append(at.u)
        return True

    found = restoration.restored(problem, point, 1e-9, 500, watch)
    assert found.end == "feasible"
    assert all(np.all(u > 0) and np.all(u < [1.0, 4.0]) for u in (*inside, found.point.u))


def test_a_solution_at_which_the_jacobian_lacks_rank() -> None:
    # BT8: both gradients have the direction of x1 at the optimum, and multipliers are not unique.
    form = smooth("x1**2+x2**2+x3**2", equations("x1-1-x4**2+x2**2", "x1**2+x2**2-1-x5**2"), 5)
    found = search(form, [1.0, 1.0, 1.0, 1.0, 0.0])
    assert found.end == "converged" and form.evaluate_objective(found.point.u) == pytest.approx(1.0, abs=1e-3)


def test_a_singular_curvature_is_shifted_and_many_shifts_become_small() -> None:
    # Charges on a circle: the optimum may be turned, so that the curvature is singular there.
    ca = pytest.importorskip("casadi")
    x = ca.SX.sym("x", 14)
    points = ca.reshape(x, 2, 7)
    energy = sum(1 / ca.norm_2(points[:, i] - points[:, j]) for i in range(7) for j in range(i))
    form = from_symbols(
        ca, x, energy, ca.vertcat(*[ca.sumsqr(points[:, i]) for i in range(7)]), [1.0] * 7, [1.0] * 7, {}
    )
    start = np.random.default_rng(1).normal(size=14)
    found = search(form, start)
    even = sum(0.5 / np.sin(np.pi * k / 7) for k in range(1, 7)) * 7 / 2
    assert found.end == "converged" and found.iterations < 100
    assert form.evaluate_objective(found.point.u) == pytest.approx(even, rel=1e-6)


def test_a_start_far_away_is_no_divergence() -> None:
    form = smooth("0.5*(x3**2+x4**2)", equations("10*(x2-x1**2)", "x1-1"), 4)
    found = answer_of(form, [-1.2, 1.0, 1e10, 1e10])
    assert found.claim == "stationary" and found.x == pytest.approx([1, 1, 0, 0], abs=1e-6)


def test_without_scaling_the_residual_is_that_of_the_problem_as_it_stands() -> None:
    form = smooth("1e6*exp(x1)+x2**4", equations("x1+x2-3"), 2)  # the multiplier is of the order of 1e6
    for scaling, most in (("none", 1e-4), ("gradient-based", np.inf)):
        found = search(form, [3.0, 3.0], Options(tolerance=1e-4, scaling=scaling))
        slope = form.evaluate_gradient(found.point.u) + found.point.y[0]
        assert found.end == "converged" and np.linalg.norm(slope) <= most


@pytest.mark.parametrize(
    ("case", "cost"), [("case5_pjm", 17551.8909), ("case14_ieee", 2178.0804), ("case118_ieee", 97213.6074)]
)
def test_optimal_power_flow(case: str, cost: float) -> None:
    folder = ROOT / "examples" / "ac_opf"
    found = optc.read(folder / "model.opt").bind(folder / f"{case}.json").solve(backend="exact_al", time_limit=120)
    assert found.status == "locally optimal" and found.objective == pytest.approx(cost, rel=1e-7)


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
