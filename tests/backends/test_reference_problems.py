"""Thirty problems with known optima, from model text to certificate, through both backends for local optima."""

from __future__ import annotations

import numpy as np
import pytest
from reference_problems import BY_NAME, PROBLEMS, Problem

import optc
from optc.compiler.lowerings import instance_to_nonlinear

LOCAL = {"HS16": 23.14466}  # from its own start; the optimum is 0.25
BOUNDED = {"HS21", "HS35", "HS65", "HS76"}  # convex, with finite bounds
# Sums of squares and fourth powers that vanish at the optimum: they are never below 0.
SQUARES = {"HS1", "HS6", "HS26", "HS28", "HS48", "HS51"}


def near(value: float | None, wanted: float) -> bool:
    return value is not None and abs(value - wanted) <= 1e-6 * max(1.0, abs(wanted))


@pytest.mark.parametrize("backend", ["ipopt", "exact_al"])
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_the_known_optimum_is_found_and_named_for_what_it_is(problem: Problem, backend: str) -> None:
    found = optc.parse(problem.text).bind().solve(backend=backend)
    assert near(found.objective, LOCAL.get(problem.name, problem.optimum))
    assert found.termination == "converged" and found.exit_code == 0
    assert found.status == ("optimal" if problem.name in BOUNDED | SQUARES else "locally optimal")
    first = found.certificate.line("stationary")
    assert first is not None and first.status == "checked"
    assert not found.certificate.failed


@pytest.mark.parametrize("backend", ["ipopt", "exact_al"])
def test_several_starts_find_the_better_optimum(backend: str) -> None:
    problem = optc.parse(BY_NAME["HS16"].text).bind()
    found = problem.solve(backend=backend, options={"starts": 12}, seed=1)
    assert near(found.objective, 0.25)
    again = problem.solve(backend=backend, options={"starts": 12}, seed=1)
    assert found.objective == again.objective


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_kernels_agree_with_automatic_differentiation(problem: Problem) -> None:
    form, _ = instance_to_nonlinear.lower(optc.parse(problem.text).bind().instance)
    oracle = problem.form
    random = np.random.default_rng(3)
    for _ in range(3):
        x, y = random.normal(size=form.shape[1]), random.normal(size=form.shape[0])
        shift = np.where(np.isfinite(form.row_lower), form.row_lower - oracle.row_lower, 0.0)
        close = {"rtol": 1e-12, "atol": 1e-12}
        np.testing.assert_allclose(form.evaluate_objective(x), oracle.evaluate_objective(x), **close)
        np.testing.assert_allclose(form.evaluate_gradient(x), oracle.evaluate_gradient(x), **close)
        np.testing.assert_allclose(form.evaluate_rows(x) - shift, oracle.evaluate_rows(x), **close)
        for values, twin, where, place, shape in (
            (form.evaluate_jacobian(x), oracle.evaluate_jacobian(x), form.jacobian_pattern, oracle.jacobian_pattern, 0),
            (
                form.evaluate_hessian(x, 0.7, y),
                oracle.evaluate_hessian(x, 0.7, y),
                form.hessian_pattern,
                oracle.hessian_pattern,
                1,
            ),
        ):
            dense = [np.zeros((form.shape[shape], form.shape[1])) for _ in range(2)]
            dense[0][where], dense[1][place] = values, twin
            np.testing.assert_allclose(dense[0], dense[1], **close)
