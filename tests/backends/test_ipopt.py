"""Ipopt through its C interface: claims, duals, options, starts, limits, faults in functions, bad ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hand_made import HandMade, from_symbols, smooth
from reference_problems import BY_NAME

from optc.backends import ipopt, registry
from optc.backends.ipopt import Options
from optc.backends.ipopt import library as ipopt_library
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Progress
from optc.compiler.executor import executor

HS71 = BY_NAME["HS71"]


def answer_of(form: HandMade, start: Any, options: Options | None = None, **context: Any) -> Answer:
    begin = Start(np.array(start, dtype=np.float64))
    return ipopt.solve(form, Goal(), options or Options(), contexts.start(**context), begin)  # type: ignore[arg-type]


def test_the_version_is_told_without_loading_anything() -> None:
    program = "import sys; from optc.backends import ipopt; print(ipopt.version(), 'casadi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    version, loaded = done.stdout.split()
    assert version[0].isdigit() and loaded == "False"


def test_without_casadi_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipopt_library, "PACKAGE", "no_package_of_that_name")
    assert ipopt.version() is None and "optc[nlp]" in registry.get("ipopt").install


@pytest.mark.parametrize("options", [Options(hessian="limited-memory"), Options(mu_strategy="adaptive")])
def test_options_lead_to_the_same_optimum(options: Options) -> None:
    found = answer_of(HS71.form, HS71.start, options)
    assert found.claim == "stationary" and found.objective == pytest.approx(HS71.optimum, rel=1e-6)


def test_limited_memory_asks_for_no_second_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> None:
        raise AssertionError("second derivatives were asked for")

    monkeypatch.setattr(HandMade, "evaluate_hessian", no)
    assert answer_of(HS71.form, HS71.start, Options(hessian="limited-memory")).claim == "stationary"


def test_a_solver_that_is_not_there_is_told() -> None:
    found = answer_of(HS71.form, HS71.start, Options(linear_solver="ma57"))
    assert found.claim in ("none", "feasible") and found.termination == "solver error"


def test_a_problem_without_rows_and_one_whose_columns_are_all_fixed() -> None:
    assert answer_of(smooth("(x1-2)**2", [], 1), [0]).x == pytest.approx([2.0])
    fixed = answer_of(smooth("x1+x2", [("x1*x2", 0.0, 9.0)], 2, {1: (1, 1), 2: (2, 2)}), [1, 2])
    assert (fixed.claim, fixed.objective) == ("stationary", 3.0)


def test_more_equations_than_columns() -> None:
    rows = [("x1+x2-3", 0.0, 0.0), ("x1-x2-1", 0.0, 0.0), ("x1*x2-2", 0.0, 0.0)]
    found = answer_of(smooth("x1", rows, 2), [1, 1])
    assert found.claim in ("none", "stationary")
    assert found.claim == "stationary" or "exact_al" in found.message


# --------------------------------------------------------------------------------------------------------- bad ends
def test_rows_that_cannot_be_met_prove_nothing() -> None:
    found = answer_of(smooth("x1", [("x1**2+x2**2", None, -1.0)], 2), [1, 1])
    assert (found.claim, found.termination) == ("none", "locally infeasible") and "proves nothing" in found.message


def test_bounds_that_cross_are_infeasible() -> None:
    assert answer_of(smooth("x1", [], 1, {1: (2.0, 1.0)}), [0]).claim == "infeasible"


def test_an_objective_without_an_end_diverges() -> None:
    found = answer_of(smooth("x1-x2", [("x1*x2", None, 9.0)], 2, {1: (0.0, None)}), [1, 1])
    assert found.claim != "stationary" and found.termination in ("diverging", "iteration limit", "numerical trouble")


def test_a_start_without_a_value_is_told_where_it_is() -> None:
    found = answer_of(smooth("log(x1)+x1**2", [], 1), [-1.0])
    assert (found.claim, found.termination) == ("none", "numerical trouble") and found.fault is not None


def test_a_start_that_nobody_gave_is_off_the_edge_of_a_domain() -> None:
    form = smooth("x1-log(x1)+x2", [], 2, {1: (0.0, None), 2: (0.0, 5.0)})
    found = ipopt.solve(form, Goal(), Options(), contexts.start(), None)  # type: ignore[arg-type]
    assert found.claim == "stationary" and found.x == pytest.approx([1.0, 0.0], abs=1e-6)


def test_a_start_that_nobody_gave_moves_to_where_functions_have_values() -> None:
    form = smooth("log(x1-0.4)**2", [], 1, {1: (0.0, 2.0)})
    found = ipopt.solve(form, Goal(), Options(), contexts.start(), None)  # type: ignore[arg-type]
    assert found.claim == "stationary" and found.x == pytest.approx([1.4], abs=1e-6)


def test_a_start_that_nobody_gave_is_no_saddle_point() -> None:
    form = smooth("x1*x2+x1**4+x2**4", [], 2)
    found = ipopt.solve(form, Goal(), Options(), contexts.start(), None)  # type: ignore[arg-type]
    assert found.objective == pytest.approx(-0.125)


def test_steps_that_leave_the_domain_are_shortened() -> None:
    found = answer_of(smooth("x1-log(x1)", [], 1), [30.0])
    assert found.claim == "stationary" and found.x == pytest.approx([1.0])


# --------------------------------------------------------------------------------------- limits, faults, surroundings
def test_limits_and_cancellation() -> None:
    assert answer_of(HS71.form, HS71.start, Options(iterations=2)).termination == "iteration limit"
    assert answer_of(HS71.form, HS71.start, time_limit=0.0).termination == "time limit"
    context = contexts.start()
    context.cancellation.cancel()
    start = Start(np.array(HS71.start))
    found = ipopt.solve(HS71.form, Goal(), Options(), context, start)  # type: ignore[arg-type]
    assert (found.claim, found.termination) == ("none", "interrupted")


def test_cancelled_at_work_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    context = contexts.start()
    plain = HandMade.evaluate_gradient
    calls = 0

    def gradient(self: HandMade, x: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 5:
            context.cancellation.cancel()
        return plain(self, x)

    monkeypatch.setattr(HandMade, "evaluate_gradient", gradient)
    problem = BY_NAME["HS38"]
    start = Start(np.array(problem.start))
    found = ipopt.solve(problem.form, Goal(), Options(), context, start)  # type: ignore[arg-type]
    assert (found.claim, found.termination) == ("feasible", "interrupted") and calls < 12


@pytest.mark.parametrize("fault", [ZeroDivisionError("mine"), KeyboardInterrupt()])
def test_an_exception_in_a_function_comes_out_again(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> None:
    def broken(*_: object) -> Any:
        raise fault

    monkeypatch.setattr(HandMade, "evaluate_jacobian", broken)
    with pytest.raises(type(fault)):
        answer_of(HS71.form, HS71.start)


def test_no_options_file_of_the_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ipopt.opt").write_text("max_iter 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert answer_of(HS71.form, HS71.start).claim == "stationary"


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    answer_of(HS71.form, HS71.start)
    assert capfd.readouterr() == ("", "")


def test_progress_is_reported() -> None:
    told: list[Progress] = []
    clock = iter(np.arange(0, 1e6))
    answer_of(HS71.form, HS71.start, progress=told.append, clock=lambda: float(next(clock)))
    assert told and told[0].residual is not None and told[0].work is not None


def test_a_warm_start_takes_fewer_iterations() -> None:
    problem = BY_NAME["HS113"]
    cold = answer_of(problem.form, problem.start)
    assert cold.x is not None and cold.work is not None
    warm = answer_of(problem.form, cold.x, Options(warm=True))
    assert warm.objective == pytest.approx(cold.objective) and warm.work is not None and warm.work < cold.work


def test_several_starts_keep_the_best_answer() -> None:
    problem = BY_NAME["HS16"]
    found = answer_of(problem.form, problem.start, Options(starts=10), seed=1)
    assert found.objective == pytest.approx(0.25, abs=1e-6)


def test_several_starts_over_processes() -> None:
    import optc

    form = optc.parse(BY_NAME["HS16"].text).bind().instance
    from optc.compiler.lowerings import instance_to_nonlinear

    lowered, _ = instance_to_nonlinear.lower(form)
    context = contexts.start(seed=1, executor=executor(2))
    found = ipopt.solve(lowered, Goal(), Options(starts=6), context, None)
    assert found.objective == pytest.approx(0.25, abs=1e-6)


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import time
import numpy as np
from hand_made import HandMade, smooth
from optc.backends import ipopt
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start

plain = HandMade.evaluate_gradient
def slow(self, x):
    time.sleep(0.1)
    return plain(self, x)
HandMade.evaluate_gradient = slow
form = smooth("100*(x2-x1**2)**2+(1-x1)**2", [], 2, {1: (-50, 50)})
context = contexts.start(time_limit=60)
with contexts.interruptible(context):
    print("at work", flush=True)
    answer = ipopt.solve(form, Goal(), ipopt.Options(tol=1e-12), context, Start(np.array([-30.0, 20.0])))
print(answer.claim, answer.termination, flush=True)
"""


def test_control_c_ends_the_work_with_what_there_is() -> None:
    folder = str(Path(__file__).parents[1] / "compiler")
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "at work\n"
        time.sleep(0.6)
        os.kill(process.pid, signal.SIGINT)
        words = process.communicate(timeout=60)[0].strip()
    finally:
        process.kill()
    assert process.returncode == 0 and words == "feasible interrupted"


def test_control_of_a_poisson_equation() -> None:
    ca = pytest.importorskip("casadi")
    size, h, e = 3, 0.5, 0.1 / np.sqrt(15)
    x = ca.SX.sym("x", 18)
    state, steer = ca.reshape(x[:9], 3, 3), ca.reshape(x[9:], 3, 3)
    i = np.arange(1, size + 1) - 2
    wanted = np.sin(4 + e * i)[:, None] + np.cos(3 + e * i)[None, :]
    around = ca.SX.zeros(5, 5)
    around[1:-1, 1:-1] = state
    laplace = around[2:, 1:-1] + around[:-2, 1:-1] + around[1:-1, 2:] + around[1:-1, :-2] - 4 * state
    f = 0.5 * ca.sumsqr(state - wanted) + 0.05 * ca.sumsqr(steer)
    form = from_symbols(ca, x, f, ca.vec(laplace / h**2 + steer), [0.0] * 9, [0.0] * 9, {})
    assert answer_of(form, np.ones(18)).objective == pytest.approx(9.644442051811629, abs=1e-9)
