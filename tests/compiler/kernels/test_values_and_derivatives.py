"""Values against the reference interpreter, derivatives against complex steps, for every function and structure."""

from __future__ import annotations

import kernel_models as models
import numpy as np
import pytest
from nonlinear_models import (
    assert_right_derivatives,
    assert_same_values,
    case,
    dense_hessian,
    dense_jacobian,
    point,
    results,
)
from reference_problems import PROBLEMS, Problem


@pytest.mark.parametrize("name", models.EVERY)
def test_values_are_those_of_the_reference_interpreter(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    for seed in range(2):
        assert_same_values(found, point(found, seed))


@pytest.mark.parametrize("name", models.EVERY)
def test_derivatives_are_those_of_complex_steps(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    assert_right_derivatives(found, point(found, 3))


@pytest.mark.parametrize("zeros", [(), (0,), (0, 2), (0, 1, 3)])
def test_products_have_derivatives_where_factors_are_zero(zeros: tuple[int, ...]) -> None:
    found = case(models.HEAD + models.NESTED["products"], models.DATA)
    x = point(found, 4)
    x[list(zeros)] = 0.0
    assert_right_derivatives(found, x)


def test_a_batch_of_points_gives_what_each_point_gives() -> None:
    for name in ("lets", "sparse join", "products", "logsumexp", "conditional"):
        found = case(models.HEAD + models.EVERY[name], models.DATA)
        points = np.stack([[point(found, 2 * i + j) for j in range(2)] for i in range(3)])
        together = results(found.form, points)
        for i in range(3):
            for j in range(2):
                for what, alone in results(found.form, points[i, j]).items():
                    row = together[what].reshape(3, 2, -1)[i, j]
                    np.testing.assert_allclose(row, alone, rtol=1e-13, atol=1e-13, err_msg=f"{name} {what}")


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)
def test_reference_problems_agree_with_automatic_differentiation(problem: Problem) -> None:
    oracle = problem.form
    found = case(problem.text).form
    rng = np.random.default_rng(7)
    for x in (np.array(problem.start), rng.uniform(0.5, 2.0, len(problem.start))):
        y, v = rng.normal(size=found.shape[0]), rng.normal(size=len(x))
        close = {"rtol": 1e-11, "atol": 1e-10}
        assert found.evaluate_objective(x) == pytest.approx(oracle.evaluate_objective(x), rel=1e-11, abs=1e-11)
        bound = np.where(np.isfinite(found.row_lower), found.row_lower, found.row_upper)
        np.testing.assert_allclose(found.evaluate_rows(x) - bound, oracle.evaluate_rows(x), **close)
        np.testing.assert_allclose(found.evaluate_gradient(x), oracle.evaluate_gradient(x), **close)
        np.testing.assert_allclose(dense_jacobian(found, x), dense_jacobian(oracle, x), **close)
        np.testing.assert_allclose(dense_hessian(found, x, 1.3, y), dense_hessian(oracle, x, 1.3, y), **close)
        np.testing.assert_allclose(found.hessian_product(x, 1.3, y, v), oracle.hessian_product(x, 1.3, y, v), **close)
