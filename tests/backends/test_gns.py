"""Gradient-normalised smoothness: verified optima, the paper's test of each step, domains, limits, refusals."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hand_made import HandMade, smooth
from scipy.optimize import minimize

import optc
from optc.backends import gns
from optc.backends.gns import Options, gradient_normalised
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Cancellation, Progress

VALLEY = smooth("100*(x2-x1**2)**2+(1-x1)**2", [], 2)
LOGISTIC = """set S
set F
param A[S, F]
param y[S]
var w[F]
minimize sum(log(1 + exp(-y[s] * sum(A[s, f] * w[f] for f in F))) for s in S) / card(S) + 0.005 * sum(w[f]^2 for f in F)
"""


def answer_of(form: Any, start: Any, options: Options | None = None, **context: Any) -> Answer:
    begin = Start(np.array(start, dtype=np.float64))
    return gns.solve(form, Goal(), options or Options(), contexts.start(**context), begin)


def drawn_logistic() -> optc.Problem:
    random = np.random.default_rng(111)
    points = random.normal(size=(50, 4))
    labels = np.where(random.random(50) < 0.5, -1, 1)
    return optc.parse(LOGISTIC).bind(S=list(range(50)), F=list(range(4)), A=points, y=labels)


def test_the_verified_logistic_regression() -> None:
    found = drawn_logistic().solve(backend="gns")
    assert (found.status, found.termination, found.route) == ("locally optimal", "converged", ("nonlinear", "gns"))
    assert found.objective == pytest.approx(0.65356133, abs=1e-8)
    convex = found.certificate.line("convex")
    assert convex is not None and convex.status == "proved"


def test_the_compiler_never_takes_it_of_its_own() -> None:
    assert drawn_logistic().solve().backend.name not in ("gns", "cbo")  # type: ignore[union-attr]
    found = optc.parse("var x start 2\nvar y start 1\nminimize sin(x)*exp(y/9) + x^4 + y^4\n").bind().solve()
    assert found.backend is not None and found.backend.name not in ("gns", "cbo")


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_the_valley_of_rosenbrock(sense: str) -> None:
    sign = "" if sense == "minimize" else "-"
    form = smooth(f"{sign}(100*(x2-x1**2)**2+(1-x1)**2)", [], 2, sense=sense)
    found = answer_of(form, [-1.2, 1.0])
    assert (found.claim, found.termination) == ("stationary", "converged")
    assert found.x == pytest.approx([1.0, 1.0], abs=1e-8) and found.work is not None and found.work < 60


def test_every_step_passes_the_test_of_the_paper() -> None:
    problem = gradient_normalised.Minimised(VALLEY)
    point, gamma = problem.at(np.array([-1.2, 1.0])), 1.0
    for _ in range(10):
        found = gradient_normalised.step(problem, point, gamma, contexts.start())
        assert found is not None
        there, next_gamma = found
        shift = point.norm / (next_gamma / 2 + gradient_normalised.ADDED)
        hessian = np.zeros((2, 2))
        hessian[tuple(VALLEY.hessian_pattern)] = VALLEY.evaluate_hessian(point.x, 1.0, np.zeros(0))
        hessian = np.tril(hessian) + np.tril(hessian, -1).T
        step = -np.linalg.solve(hessian + shift * np.eye(2), point.gradient)
        assert there.x == pytest.approx(point.x + step, rel=1e-9)
        assert point.value - there.value >= there.norm**2 / (8 * shift)
        point, gamma = found


def test_large_sparse_problems_take_the_sparse_factorisation(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """param n = 3000
set I = 1..n
set J = 1..n-1
var x[I] start 1
minimize sum(exp(x[i]) - x[i] for i in I) + sum((x[j+1] - x[j])^4 + sin(x[j+1] - x[j])^2 for j in J)
"""
    monkeypatch.setattr(gradient_normalised, "dense", None)
    found = optc.parse(text).bind().solve(backend="gns")
    assert found.termination == "converged" and found.objective == pytest.approx(3000.0, abs=1e-9)


def test_dense_and_sparse_factorisations_give_the_same_step() -> None:
    problem = gradient_normalised.Minimised(VALLEY)
    at, right = np.array([-1.2, 1.0]), np.array([1.0, -2.0])
    values, pattern = VALLEY.evaluate_hessian(at, 1.0, np.zeros(0)), VALLEY.hessian_pattern
    sparse = gradient_normalised.sparse(values, pattern[0], pattern[1], 2)(0.5, right)
    assert problem.newton(at)(0.5, right) == pytest.approx(sparse, rel=1e-9)
    saddle, at_diagonal = np.array([-2.0, 0.0]), np.arange(2, dtype=np.int32)
    for factorisation in (gradient_normalised.dense, gradient_normalised.sparse):
        assert factorisation(saddle, at_diagonal, at_diagonal, 2)(0.5, right) is None


def test_curvature_of_the_wrong_sign_is_left() -> None:
    found = answer_of(smooth("cos(x1)+0.01*x1**2", [], 1), [0.3])
    value = minimize(lambda x: np.cos(x[0]) + 0.01 * x[0] ** 2, [3.0], tol=1e-14).fun
    assert found.claim == "stationary" and found.objective == pytest.approx(value, abs=1e-12)


def test_steps_that_leave_the_domain_are_shortened() -> None:
    found = answer_of(smooth("x1-log(x1)", [], 1), [30.0])
    assert found.claim == "stationary" and found.x == pytest.approx([1.0])


def test_a_start_without_a_value_is_told_where_it_is() -> None:
    found = answer_of(smooth("x1-log(x1)", [], 1), [-1.0])
    assert (found.claim, found.termination) == ("none", "numerical trouble") and found.fault is not None


def test_an_objective_without_an_end_diverges() -> None:
    found = answer_of(smooth("-x1**4", [], 1), [1.0])
    assert (found.claim, found.termination, found.x) == ("none", "diverging", None)


def test_the_best_of_several_starts_is_kept() -> None:
    form = smooth("cos(3*x1)+0.02*(x1-2)**2", [], 1)
    one, many = (float(answer_of(form, [-0.9], Options(starts=starts)).objective or 0) for starts in (1, 30))
    grid = np.linspace(-20, 20, 400_001)
    assert many == pytest.approx(float(np.min(np.cos(3 * grid) + 0.02 * (grid - 2) ** 2)), abs=1e-6)
    assert many < one - 0.1


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (smooth("exp(x1)", [("x1", 0.0, None)], 1), "no constraints"),
        (smooth("exp(x1)", [], 1, {1: (0.0, None)}), "no bounds"),
    ],
)
def test_constraints_and_bounds_are_declined_with_the_reason(form: HandMade, why: str) -> None:
    assert why in str(gns.declines(form))
    found = answer_of(form, [1.0])
    assert (found.claim, found.termination) == ("none", "solver error") and why in found.message


def test_the_reason_reaches_the_user() -> None:
    found = optc.parse("var x in [0, 1]\nminimize exp(x)*sin(x)\n").bind().solve(backend="gns")
    assert (found.status, found.termination) == ("failed", "no route")
    assert "no bounds of decisions" in found.diagnostics[0].message


# ------------------------------------------------------------------------------------------------------------ limits
def test_an_iteration_limit_leaves_a_feasible_point() -> None:
    found = answer_of(VALLEY, [-1.2, 1.0], Options(iterations=3))
    assert (found.claim, found.termination, found.work) == ("feasible", "iteration limit", 3)
    assert found.objective is not None and found.objective < 24.2


def test_no_time_and_an_interrupt_stop_it() -> None:
    assert answer_of(VALLEY, [-1.2, 1.0], time_limit=0.0).termination == "time limit"
    token = Cancellation()
    calls: list[Progress] = []
    ticks = iter(range(10**6))

    def seen(progress: Progress) -> None:
        calls.append(progress)
        token.cancel()

    found = answer_of(VALLEY, [-1.2, 1.0], progress=seen, cancellation=token, clock=lambda: float(next(ticks)))
    assert (found.claim, found.termination) == ("feasible", "interrupted")
    assert len(calls) == 1 and calls[0].incumbent == pytest.approx(24.2)


@pytest.mark.parametrize("seed", range(5))
def test_drawn_smooth_functions_agree_with_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    slopes, ends = random.normal(size=(6, 3)).round(3), random.normal(size=6).round(3)
    parts = [f"log(1+exp({a}*x1+({b})*x2+({c})*x3-({d})))" for (a, b, c), d in zip(slopes, ends, strict=True)]
    form = smooth("+".join(parts) + "+0.1*sumsqr(x)", [], 3)

    def value(x: Any) -> float:
        return float(np.logaddexp(0, slopes @ x - ends).sum() + 0.1 * x @ x)

    expected = minimize(value, np.zeros(3), method="BFGS").fun
    assert answer_of(form, [1.0, -1.0, 2.0]).objective == pytest.approx(expected, abs=1e-9)


def test_small_linear_problems_load_no_scipy_for_it() -> None:
    program = "import sys; from optc.backends import gns, cbo; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
