"""Certificates of local answers: multipliers on the model, second order, proved bounds, and wrong answers found out."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_problems import BY_NAME, PROBLEMS

import optc
from optc.backends import exact_al, registry
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start
from optc.compiler.lowering import Lowered
from optc.compiler.lowerings import instance_to_nonlinear
from optc.compiler.verify import second_order as second_order_module
from optc.compiler.verify.convex_bound import is_convex, tangent_bound
from optc.compiler.verify.enclosed_lagrangian import EnclosedLagrangian, enclosed_lagrangian
from optc.compiler.verify.lagrangian import Lagrangian, lagrangian
from optc.compiler.verify.local import judged
from optc.compiler.verify.second_order import second_order
from optc.compiler.verify.stationary import stationary


def solved(text: str, start: Any = None) -> tuple[Any, Any, np.ndarray, np.ndarray, float]:
    """Instance, form, point, row duals and objective of a local answer."""
    instance = optc.parse(text).bind().instance
    form, _ = instance_to_nonlinear.lower(instance)
    begin = Start(np.full(form.shape[1], np.nan) if start is None else np.array(start, dtype=np.float64))
    answer = exact_al.solve(form, Goal(), exact_al.Options(), contexts.start(), begin)
    assert answer.claim == "stationary" and answer.x is not None and answer.row_duals is not None
    assert answer.objective is not None
    return instance, form, answer.x, answer.row_duals, answer.objective


def found(instance: Any, form: Any, x: np.ndarray, y: np.ndarray) -> Lagrangian:
    result = lagrangian(instance, form, x, y)
    assert isinstance(result, Lagrangian)
    return result


def enclosed(instance: Any, form: Any, x: np.ndarray, y: np.ndarray) -> EnclosedLagrangian:
    result = enclosed_lagrangian(instance, form, x, y)
    assert isinstance(result, EnclosedLagrangian)
    return result


RANGES = """
var x1 in [0.1, 5]
var x2 in [-2, 9]
param a = 3
minimize exp(x1) + x2^2 + x1*x2
subject to
  up: x1 + x2^2 <= a
  down: x1^2 + x2 >= 0.5
  range: -1 <= x1 - x2^3 <= 2
  turned: 2 >= x1*x2 >= -3
  same: x1 + x2 == 1
  both: x1 - 4 <= x2 <= x1^2 + 3
"""


# ------------------------------------------------------------------------------------------------------ the Lagrangian
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_lagrangian_of_the_model_is_that_of_the_form(seed: int) -> None:
    instance = optc.parse(RANGES).bind().instance
    form, _ = instance_to_nonlinear.lower(instance)
    random = np.random.default_rng(seed)
    x = random.uniform([0.2, -1.5], [2, 2])
    y = random.normal(size=form.shape[0])
    y[0], y[1] = -abs(y[0]), abs(y[1])  # signs that the rows allow
    y[-2], y[-1] = -abs(y[-2]), -abs(y[-1])
    result = enclosed(instance, form, x, y)
    rows, columns = form.jacobian_pattern
    slope = form.evaluate_gradient(x) - np.bincount(columns, form.evaluate_jacobian(x) * y[rows], 2)
    assert (result.lower <= slope + 1e-12).all() and (slope <= result.upper + 1e-12).all()
    np.testing.assert_allclose(found(instance, form, x, y).slope, slope, rtol=1e-12, atol=1e-12)
    side = np.where(y > 0, form.row_lower, form.row_upper)
    value = form.evaluate_objective(x) - float(y @ (form.evaluate_rows(x) - side))
    assert result.value_lower <= value + 1e-11 and value - 1e-11 <= result.value_upper
    assert result.value_upper - result.value_lower < 1e-12 * max(1.0, abs(value)) * 100


def test_a_multiplier_of_the_wrong_sign_is_named() -> None:
    instance, form, x, y, value = solved(BY_NAME["HS76"].text)
    wrong = y.copy()
    row = int(np.argmax(np.abs(y)))
    wrong[row] = -y[row]
    line = stationary(instance, found(instance, form, x, wrong), x, value, 1e-6)
    assert line.status == "failed" and line.value is not None and line.value > 0.01


@pytest.mark.parametrize("name", ["HS12", "HS40", "HS71", "HS100", "HS113"])
def test_a_point_moved_off_the_answer_is_not_stationary(name: str) -> None:
    problem = BY_NAME[name]
    instance, form, x, y, value = solved(problem.text, problem.start)
    right = stationary(instance, found(instance, form, x, y), x, value, 1e-6)
    moved = x + 1e-3 * np.cos(np.arange(len(x)))
    wrong = stationary(instance, found(instance, form, moved, y), moved, value, 1e-6)
    assert right.status == "checked" and wrong.status == "failed" and wrong.where is not None


def test_maximising_turns_every_sign() -> None:
    text = "var x in [0, 9]\nvar y in [0, 9]\nmaximize log(1 + x) + y\nsubject to\n  c: x^2 + y^2 <= 4\n"
    instance, form, x, y, value = solved(text)
    result = judged(instance, lowered(instance, form), x, y, value, 1e-6, 1e-4)
    assert result.status == "optimal" and result.bound is not None
    assert value - 1e-9 <= result.bound <= value + 1e-6


def lowered(instance: Any, form: Any) -> Lowered:
    def same(x: Any) -> Any:
        return x

    return Lowered(form, instance, same, same, form, same, same)


# -------------------------------------------------------------------------------------------------------- second order
def test_a_saddle_is_stationary_and_not_more() -> None:
    text = "var x start 0\nvar y start 0\nminimize x^2 - y^2 + y^4 + x^3*y\n"
    result = optc.parse(text).bind().solve(backend="exact_al")
    assert result.status == "stationary"
    line = result.certificate.line("second order")
    assert line is not None and line.status == "failed" and line.value == pytest.approx(-2.0)


def test_curvature_is_that_of_the_tangent_of_the_tight_rows() -> None:
    # On the circle the objective -x - y curves upwards, though its own Hessian is zero.
    text = "var x start 1\nvar y start 1\nminimize -x - y\nsubject to\n  c: x^2 + y^2 == 2\n"
    instance, form, x, y, _ = solved(text, [1.2, 0.8])
    line = second_order(instance, form, x, y, found(instance, form, x, y))
    assert line.status == "checked" and line.value == pytest.approx(1.0)


def test_a_vertex_leaves_no_direction() -> None:
    text = "var x in [0, 1]\nvar y in [0, 1]\nminimize x*y + 2*x + y + x^3 - x\n"
    result = optc.parse(text).bind().solve(backend="exact_al")
    line = result.certificate.line("second order")
    assert result.status == "locally optimal" and line is not None and "no direction" in line.how


def test_flat_curvature_stays_open() -> None:
    result = optc.parse("var x start 1\nvar y\nminimize x^4*(1+y^2) + y - y\n").bind().solve(backend="exact_al")
    line = result.certificate.line("second order")
    assert result.status == "stationary" and line is not None and line.status == "open"


@pytest.mark.parametrize("backend", ["ipopt", "exact_al"])
def test_curvature_on_the_way_to_an_inflection_is_none(backend: str) -> None:
    """A method that comes to rest near 0 has a little curvature there, and falls without end beyond."""
    result = optc.parse("var x start 1\nminimize x^3\n").bind().solve(backend=backend)
    assert result.status in ("stationary", "feasible", "failed")
    steep = "var x in [0.5, 4] start 3\nminimize 1e3*(x - 2)^2 + 1e5*(x - 2)^4 + cos(x)\n"
    assert optc.parse(steep).bind().solve(backend=backend).status in ("locally optimal", "optimal")


def test_large_problems_are_judged_by_inertia() -> None:
    text = """
set I = 1..1200
var x[I] start 2
minimize sum((x[i]^2 - 1)^2 + 0.1*x[i] for i in I) + sum(0.1*x[i]*x[i+1] for i in I if i < 1200)
"""
    result = optc.parse(text).bind().solve(backend="exact_al")
    line = result.certificate.line("second order")
    assert result.status == "locally optimal" and line is not None and "inertia" in line.how


def test_a_problem_that_is_too_large_is_left_open_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = BY_NAME["HS71"]
    instance, form, x, y, _ = solved(problem.text, problem.start)
    here = found(instance, form, x, y)
    monkeypatch.setattr(second_order_module, "DENSE", 0)
    monkeypatch.setattr(second_order_module, "SPARSE", 3)
    monkeypatch.setattr(second_order_module, "_hessian", None)
    line = second_order(instance, form, x, y, here)
    assert line.status == "open" and "more than 3 derivatives" in line.how


@pytest.mark.parametrize("name", [p.name for p in PROBLEMS])
def test_a_factorisation_proves_no_more_than_eigenvalues(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = BY_NAME[name]
    result = optc.parse(problem.text).bind().solve(backend="ipopt")
    dense = result.certificate.line("second order")
    monkeypatch.setattr(second_order_module, "DENSE", 0)
    sparse = optc.parse(problem.text).bind().solve(backend="ipopt").certificate.line("second order")
    if dense is None or sparse is None:
        assert dense is sparse  # convex, or optimal by a bound
    elif sparse.status == "checked" and "no direction" not in sparse.how:
        assert dense.status == "checked"
    else:
        assert sparse.status == "open" or "no direction" in dense.how


def test_wrong_second_derivatives_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from optc.compiler.forms.nonlinear import NonlinearForm

    problem = BY_NAME["HS71"]
    instance, form, x, y, _ = solved(problem.text, problem.start)
    here = found(instance, form, x, y)
    plain = NonlinearForm.evaluate_hessian

    def wrong(self: Any, *given: Any) -> Any:
        return plain(self, *given) * 1.01

    monkeypatch.setattr(NonlinearForm, "evaluate_hessian", wrong)
    line = second_order(instance, form, x, y, here)
    assert line.status == "failed" and "not those of the model" in line.how


# -------------------------------------------------------------------------------------------------------------- bounds
CONVEX = """
var x in [-1, 4]
var y in [0, 3]
minimize exp(x) + y^2 - 2*y + x*{w}
subject to
  c: x^2 + y^2 <= {r}
  d: x + y >= -0.5
"""


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_feasible_point_beats_a_proved_bound_whatever_the_multipliers(seed: int) -> None:
    random = np.random.default_rng(seed)
    text = CONVEX.format(w=round(random.normal(), 3), r=round(random.uniform(0.5, 6), 3))
    instance = optc.parse(text).bind().instance
    form, _ = instance_to_nonlinear.lower(instance)
    x = random.uniform([-1, 0], [2, 2])
    y = random.normal(size=2)
    assert is_convex(instance)
    bound = tangent_bound(instance, enclosed(instance, form, x, y), x)
    points = random.uniform([-1, 0], [4, 3], size=(4000, 2))
    values = np.array([form.evaluate_objective(p) for p in points[:400]])
    rows = np.array([form.evaluate_rows(p) for p in points[:400]])
    feasible = ((rows >= form.row_lower) & (rows <= form.row_upper)).all(axis=1)
    assert not feasible.any() or bound <= values[feasible].min()


def test_a_bound_of_multipliers_of_an_answer_is_tight() -> None:
    instance, form, x, y, value = solved(CONVEX.format(w=0.5, r=2))
    result = judged(instance, lowered(instance, form), x, y, value, 1e-6, 1e-4)
    assert result.status == "optimal" and result.bound is not None and value - 1e-6 <= result.bound <= value + 1e-9


def test_without_bounds_a_convex_problem_is_locally_optimal() -> None:
    result = optc.parse("var x start 1\nvar y\nminimize exp(x) - x + (x - y)^4 + y^2\n").bind().solve(backend="ipopt")
    assert result.status == "locally optimal" and result.bound is None
    line = result.certificate.line("convex")
    assert line is not None and line.status == "proved"


def test_a_problem_that_is_not_convex_gets_the_bound_of_its_enclosure() -> None:
    text = "var x in [-1, 2] start 1\nminimize x^4 - 2*x^2 + 0.3*x\n"
    result = optc.parse(text).bind().solve(backend="ipopt")
    assert result.status == "locally optimal"
    assert result.bound == pytest.approx(0 - 2 * 4 - 0.3) and result.bound <= -8.3  # each term at its own worst
    line = result.certificate.line("bound")
    assert line is not None and line.status == "proved" and "interval arithmetic" in line.how
    assert result.certificate.line("convex") is None


def test_a_sum_of_squares_that_vanishes_is_optimal() -> None:
    text = "var x[1..6] start -1\n{}imize {}sum((x[i+1] - x[i]^2)^2 + (1 - x[i])^2 for i in 1..5)\n"
    for sense, sign in (("min", ""), ("max", "-")):
        result = optc.parse(text.format(sense, sign)).bind().solve(backend="ipopt")
        assert result.status == "optimal" and result.bound == pytest.approx(0.0, abs=1e-300)
    rest = "var a start 1\nminimize (exp(a) - 1)^2 + (exp(a) - 2)^2\n"
    assert optc.parse(rest).bind().solve(backend="ipopt").status == "locally optimal"  # 0.5 is left


def test_without_bounds_there_is_no_enclosure_and_no_bound() -> None:
    result = optc.parse("var x start 1\nminimize x^4 - 2*x^2 + x*cos(x)\n").bind().solve(backend="ipopt")
    assert result.status == "locally optimal" and result.bound is None


# -------------------------------------------------------------------------------------------------- claims and replays
def test_a_backend_that_claims_too_much_is_not_believed() -> None:
    class Liar:
        name, title, install = "liar", "claims", "nothing"
        capabilities, options = exact_al.capabilities, exact_al.Options

        def version(self) -> str:
            return "1"

        def solve(self, *given: Any) -> Any:
            answer = exact_al.solve(*given)
            return replace(answer, x=answer.x + 0.1)  # type: ignore[operator]

    registry.register(Liar())
    try:
        result = optc.parse("var x in [-9, 9]\nminimize x^4 - x^2 + x\n").bind().solve(backend="liar")
    finally:
        registry.unregister("liar")
    assert (result.status, result.termination) == ("feasible", "numerical trouble")
    assert [each.code.id for each in result.diagnostics] == ["W0602"]
    assert result.certificate.failed


@pytest.mark.parametrize("name", ["HS21", "HS40", "HS43", "HS65", "HS71", "HS100"])
def test_an_answer_is_replayed_from_its_duals(name: str) -> None:
    problem = optc.parse(BY_NAME[name].text).bind()
    result = problem.solve(backend="ipopt")
    again = problem.verify(json.loads(result.to_json()))
    assert again.status == result.status and not again.certificate.failed
    if result.bound is not None:
        assert again.bound == pytest.approx(result.bound, abs=1e-9)


def test_tampered_duals_are_found_out() -> None:
    problem = optc.parse(BY_NAME["HS71"].text).bind()
    given = json.loads(problem.solve(backend="ipopt").to_json())
    given["duals"]["r1"]["values"][0][-1] += 0.01
    again = problem.verify(given)
    assert again.status == "feasible" and [line.claim for line in again.certificate.failed] == ["stationary"]


def test_without_duals_an_answer_is_feasible() -> None:
    problem = optc.parse(BY_NAME["HS71"].text).bind()
    given = json.loads(problem.solve(backend="ipopt").to_json())
    del given["duals"]
    assert problem.verify(given).status == "feasible"


def test_rows_that_cannot_be_met_end_without_an_answer() -> None:
    rows = "  c: x^2 * sin(x) + y^4 == 0.01\n  d: (x - 3)^2 * (x + 3)^2 <= 0.001\n"  # there is a point near x = -3
    text = f"var x in [-9, 9] start 3\nvar y in [-9, 9]\nminimize x^3\nsubject to\n{rows}"
    result = optc.parse(text).bind().solve(backend="ipopt")
    assert (result.status, result.termination, result.exit_code) == ("failed", "locally infeasible", 6)
    assert [each.code.id for each in result.diagnostics] == ["W0604"]


def test_a_start_without_a_value_names_the_place() -> None:
    text = """
set I = 1..3
var x[I] >= -5 start -1
minimize total: sum(x[i]^2 for i in I)
subject to
  c[i in I]: log(x[i]) >= 0
"""
    result = optc.parse(text).bind().solve(backend="exact_al")
    assert (result.status, result.termination) == ("failed", "numerical trouble")
    message = result.diagnostics[0].message
    assert "log(x[i])" in message and "in c, at i = 1" in message


def test_every_reference_problem_has_a_name() -> None:
    assert len({problem.name for problem in PROBLEMS}) == 30 and all(math.isfinite(p.optimum) for p in PROBLEMS)
