"""Bounds from multipliers of rows that are convex sets only: never beyond a feasible point, and tight at an answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optc
from optc.compiler.facts.convexity import Proof, convex_problem
from optc.compiler.lowerings import instance_to_nonlinear
from optc.compiler.verify.convex_bound import has_convex_functions, tangent_bound
from optc.compiler.verify.enclosed_lagrangian import EnclosedLagrangian, enclosed_lagrangian
from optc.compiler.verify.level_loss import level_loss

ROWS = [
    "x^2 + 0.3 <= t^2",
    "t * u >= (x - 1)^2 + 0.2",
    "(x + t)^2 + 0.1 <= 3 * t^2",
    "t * u^2 >= y^3",
    "t * u >= exp(x)",
    "sqrt(1 + x^4) <= 2",
    "log(1 + x^2) <= log(1 + t)",
    "x^2 + 0.3 <= t^2 <= 8",
]
TEXT = """
var x in [-2, 2]
var y in [0.1, 2]
var t in [0, 3]
var u in [0, 3]
{goal}
subject to
  a: {row}
  b: x + y <= 2.5
"""


def bound_of(text: str, x: np.ndarray, y: np.ndarray) -> float:
    instance = optc.parse(text).bind().instance
    form, _ = instance_to_nonlinear.lower(instance)
    found = enclosed_lagrangian(instance, form, x, y)
    assert isinstance(found, EnclosedLagrangian)
    loss = level_loss(instance, form, x, y)
    return tangent_bound(instance, replace(found, value_lower=found.value_lower + loss), x)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_feasible_point_beats_the_bound_whatever_point_and_multipliers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row = ROWS[int(rng.integers(len(ROWS)))]
    cost = np.round(rng.normal(size=4), 2)
    sense = rng.choice(["minimize", "maximize"])
    terms = " + ".join(f"({c}) * {name}" for c, name in zip(cost, "xytu", strict=True))
    text = TEXT.format(goal=f"{sense} {terms}", row=row)
    instance = optc.parse(text).bind().instance
    form, _ = instance_to_nonlinear.lower(instance)
    assert isinstance(convex_problem(instance), Proof) and not has_convex_functions(instance)
    lower, upper = np.array([-2, 0.1, 0.01, 0.01]), np.array([2.0, 2, 3, 3])
    x = lower + (upper - lower) * rng.random(4)
    found = bound_of(text, x, rng.normal(size=len(form.row_lower)) * rng.choice([0.01, 1.0, 5.0]))
    points = lower + (upper - lower) * rng.random((200, 4))
    values = np.array([form.evaluate_rows(p) for p in points])
    feasible = ((values >= form.row_lower) & (values <= form.row_upper)).all(axis=1)
    best = points[feasible] @ cost
    if sense == "minimize":
        assert not len(best) or found <= best.min() + 1e-12
    else:
        assert not len(best) or found >= best.max() - 1e-12


@pytest.mark.parametrize("row", ROWS)
def test_answers_are_optimal_by_their_multipliers(row: str) -> None:
    """Of Ipopt, which knows nothing of cones, and of a conic solver, whose answer is verified on the rows as written.

    The multiplier of a chain of relations is a sum, which verification cannot take apart.
    """
    if optc.backends.get("ipopt").version() is None:
        pytest.skip("Ipopt is not installed")
    pytest.importorskip("clarabel")
    problem = optc.parse(TEXT.format(goal="minimize t + 0.5 * u - x - y / 4", row=row)).bind()
    smooth = problem.solve(backend="ipopt")
    assert smooth.status == "optimal" and smooth.certificate.line("bound").status == "proved"
    cones = problem.solve(backend="clarabel")
    assert cones.status == "optimal" and cones.objective == pytest.approx(smooth.objective, abs=1e-6)
    assert problem.verify(cones).status == ("feasible" if row.count("<=") == 2 else "optimal")
