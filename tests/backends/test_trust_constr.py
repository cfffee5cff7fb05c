"""SciPy's trust-region method as last resort: optima, multipliers, domains, limits, bad ends, its place in plans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from hand_made import HandMade, smooth
from reference_problems import BY_NAME

import optc
from optc.backends import exact_al, registry, trust_constr
from optc.backends.ipopt import library as ipopt_library
from optc.backends.trust_constr import Options
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Progress

HS71 = BY_NAME["HS71"]


def answer_of(form: HandMade, start: Any, options: Options | None = None, **context: Any) -> Answer:
    begin = Start(np.array(start, dtype=np.float64))
    return trust_constr.solve(form, Goal(), options or Options(), contexts.start(**context), begin)


def test_it_is_found_without_importing_scipy() -> None:
    program = "import sys; from optc.backends import trust_constr as t; print(t.version(), 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    version, loaded = done.stdout.split()
    assert version[0].isdigit() and loaded == "False"


# ---------------------------------------------------------------------------------------------------- points and duals
@pytest.mark.parametrize("options", [Options(), Options(scaling="none"), Options(barrier=10.0), Options(radius=100.0)])
def test_options_lead_to_the_same_optimum(options: Options) -> None:
    found = answer_of(HS71.form, HS71.start, options)
    assert found.claim == "stationary" and found.objective == pytest.approx(HS71.optimum, rel=1e-6)


def test_the_end_is_complementary() -> None:
    # SciPy itself ends this run with its barrier parameter at 0.1, since the slope vanishes at once.
    found = answer_of(smooth("x1", [], 1, {1: (0.0, 10.0)}), [5.0])
    assert found.claim == "stationary" and found.x is not None and found.x[0] <= 1e-7


def test_steep_functions_are_scaled_and_their_duals_scaled_back() -> None:
    found = answer_of(smooth("1e6*(x1**2+x2**2)", [("1e5*(x1+x2)", 2e5, 2e5)], 2), [3.0, -1.0])
    assert found.x == pytest.approx([1.0, 1.0], abs=1e-6)
    assert found.row_duals == pytest.approx([20.0], rel=1e-5)


def test_where_all_decisions_are_fixed_there_is_one_point() -> None:
    bounds = {1: (2.0, 2.0), 2: (3.0, 3.0)}
    found = answer_of(smooth("x1*x2", [("x1+x2", None, 5.0)], 2, bounds), [2.0, 3.0])
    assert (found.claim, found.objective) == ("stationary", 6.0)
    assert found.column_duals == pytest.approx([3.0, 2.0])
    broken = answer_of(smooth("x1*x2", [("x1+x2", None, 4.0)], 2, bounds), [2.0, 3.0])
    assert (broken.claim, broken.termination) == ("none", "locally infeasible")


# ------------------------------------------------------------------------------------------------------------- domains
def test_steps_that_leave_the_domain_are_taken_back() -> None:
    found = answer_of(smooth("x1-log(x1)", [], 1), [30.0])
    assert found.claim == "stationary" and found.x == pytest.approx([1.0])


def test_slopes_that_are_infinite_are_taken_back_too() -> None:
    found = answer_of(smooth("sqrt(x1)+(x1-2)**2", [("sqrt(x1)", 0.5, None)], 1, {1: (0.0, None)}), [0.0])
    # 1 / (2 sqrt(x)) + 2 (x - 2) = 0, the larger of its two roots
    assert found.claim == "stationary" and found.x is not None
    assert 1 / (2 * np.sqrt(found.x[0])) + 2 * (found.x[0] - 2) == pytest.approx(0.0, abs=1e-6)


def test_functions_are_not_asked_for_beyond_bounds() -> None:
    found = answer_of(
        smooth("x1*log(x1)+2*x2", [("x1+x2", 1.0, None)], 2, {1: (0.0, None), 2: (0.0, None)}), [4.0, 4.0]
    )
    assert found.claim == "stationary" and found.x == pytest.approx([1.0, 0.0], abs=1e-6)


def test_a_start_without_a_value_is_told_where_it_is() -> None:
    found = answer_of(smooth("log(x1)+x1**2", [], 1), [-1.0])
    assert (found.claim, found.termination) == ("none", "numerical trouble") and found.fault is not None


# ------------------------------------------------------------------------------------------------------------ bad ends
def test_rows_that_cannot_be_met_prove_nothing() -> None:
    found = answer_of(smooth("x1**2", [("x1**2+1", 0.0, 0.0)], 1), [3.0])
    assert (found.claim, found.termination) == ("none", "locally infeasible")


def test_an_objective_without_an_end_diverges() -> None:
    found = answer_of(smooth("-x1**2", [], 1), [1.0])
    assert found.termination == "diverging" and found.claim == "none" and "unbounded" in found.message


def test_rows_that_depend_on_each_other_are_gone_on_with() -> None:
    rows = [("x1+x2", 1.0, 1.0), ("2*x1+2*x2", 2.0, 2.0), ("x1**2-x2", 0.0, 0.0)]
    found = answer_of(smooth("x1", rows, 2), [0.5, 0.5])
    assert found.claim == "stationary" and found.x is not None
    assert np.abs(smooth("x1", rows, 2).evaluate_rows(found.x) - [1.0, 2.0, 0.0]).max() < 1e-6


def test_limits_and_cancellation() -> None:
    problem = BY_NAME["HS38"]
    assert answer_of(problem.form, problem.start, Options(iterations=3)).termination == "iteration limit"
    assert answer_of(problem.form, problem.start, time_limit=0.0).termination == "time limit"
    ticks = iter(np.arange(0.0, 1e6))
    late = answer_of(problem.form, problem.start, time_limit=20.0, clock=lambda: float(next(ticks)))
    assert late.termination == "time limit" and late.claim == "feasible"
    context = contexts.start()
    context.cancellation.cancel()
    found = trust_constr.solve(problem.form, Goal(), Options(), context, Start(np.array(problem.start)))
    assert (found.claim, found.termination) == ("none", "interrupted")


def test_progress_is_reported() -> None:
    told: list[Progress] = []
    ticks = iter(np.arange(0.0, 1e6))
    answer_of(HS71.form, HS71.start, progress=told.append, clock=lambda: float(next(ticks)))
    assert told and told[0].residual is not None and told[0].phase == "trust region"
    assert told[-1].incumbent == pytest.approx(HS71.optimum, rel=1e-3)


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from hand_made import smooth
from optc.backends import trust_constr
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start

form = smooth("100*(x2-x1**2)**2+(1-x1)**2", [], 2)
slow = trust_constr.Options(radius=1e-8, iterations=10**9, tolerance=1e-14, least_radius=1e-16, starts=2000)
context = contexts.start(time_limit=60)
with contexts.interruptible(context):
    print("at work", flush=True)
    answer = trust_constr.solve(form, Goal(), slow, context, Start(np.array([-1.2, 1.0])))
print(answer.termination, flush=True)
"""


def test_control_c_ends_the_work() -> None:
    folder = os.path.join(os.path.dirname(os.path.dirname(__file__)), "compiler")  # noqa: PTH118, PTH120
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "at work\n"
        time.sleep(1.0)
        os.kill(process.pid, signal.SIGINT)
        words = process.communicate(timeout=60)[0].strip()
    finally:
        process.kill()
    assert (process.returncode, words) == (0, "interrupted")


# ------------------------------------------------------------------------------------------------------------ in plans
def test_it_stands_behind_the_other_local_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    names = registry.BUILT_IN
    assert max(names.index("ipopt"), names.index("exact_al")) < names.index("trust_constr")
    problem = optc.parse(HS71.text).bind()
    assert problem.solve(backend="trust_constr").route == ("nonlinear", "trust_constr")
    monkeypatch.setattr(ipopt_library, "PACKAGE", "no_package_of_that_name")
    assert problem.solve().route[-1] not in ("ipopt", "trust_constr")
    told = str(problem.explain())
    assert "backend `ipopt` is not installed" in told and 'pip install "optc[nlp]"' in told
    monkeypatch.setattr(exact_al, "version", lambda: None)
    assert problem.solve().route[-1] != "exact_al"


@pytest.mark.parametrize("name", ["HS16", "HS26", "HS65", "HS100", "HS113"])
def test_the_known_optimum_is_found_and_named_for_what_it_is(name: str) -> None:
    problem = BY_NAME[name]
    found = optc.parse(problem.text).bind().solve(backend="trust_constr")
    assert found.objective == pytest.approx({"HS16": 23.14466}.get(name, problem.optimum), rel=1e-6, abs=1e-6)
    wanted = {"HS26": "stationary", "HS65": "optimal"}.get(name, "locally optimal")
    assert found.status in ("optimal", wanted)  # a bound by other means may prove more
    assert found.termination == "converged" and not found.certificate.failed
