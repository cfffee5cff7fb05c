"""Agreement of form and model, duals, directions, conflicts: each claim fails where it is false."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import optc
from optc.backends import highs
from optc.backends.conformance import INF, form
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import instance_to_linear, instance_to_quadratic
from optc.compiler.verify import conflict as conflicts
from optc.compiler.verify.agreement import agrees
from optc.compiler.verify.duals import duals
from optc.compiler.verify.unbounded import unbounded

MODEL = """
param a[1..2, 1..3] = [[1, 2, 3], [4, 0, -1]]
param b[1..2] = [6, 2]
var x[1..3] in [0, 9]
var y in [-5, 5]
minimize cost: 2*x[1] + x[2] + 3*x[3] - y + 4
subject to
  row[i in 1..2]: sum(a[i, j] * x[j] for j in 1..3) >= b[i] + y
  span: 1 <= x[1] + y <= 4
  wide: y <= x[1] <= x[2] + 7
"""


def instance(text: str, **data: Any) -> Instance:
    return optc.parse(text).bind(data).instance


def test_a_form_agrees_with_its_model() -> None:
    model = instance(MODEL)
    assert agrees(model, instance_to_linear.lower(model)[0]) is None
    square = instance(MODEL.replace("+ 4", "+ x[1]^2 + x[1]*y + 2*y^2"))
    assert agrees(square, instance_to_quadratic.lower(square)[0]) is None


@pytest.mark.parametrize(
    ("field", "word"),
    [
        ("cost", "the objective"),
        ("offset", "the objective"),
        ("values", "row"),
        ("row_lower", "row"),
        ("lower", "bounds of x"),
        ("upper", "bounds of x"),
        ("integer", "bounds of x"),
    ],
)
def test_a_form_that_differs_in_one_number_is_caught(field: str, word: str) -> None:
    model = instance(MODEL)
    lowered = instance_to_linear.lower(model)[0]
    value: Any = getattr(lowered, field)
    if field == "offset":
        changed: Any = value + 1e-3
    elif field == "integer":
        changed = ~value
    else:
        changed = value.copy()
        changed[0] += 1e-3
    assert agrees(model, replace(lowered, **{field: changed})) == word


def test_right_duals_pass_and_wrong_ones_are_named() -> None:
    model = instance(MODEL)
    lowered = instance_to_linear.lower(model)[0]
    answer = highs.solve(lowered, Goal(), highs.Options(), contexts.start(), None)
    assert answer.x is not None and answer.row_duals is not None and answer.objective is not None
    good = duals(model, lowered, answer.x, answer.row_duals, answer.objective, 1e-6)
    assert good.status == "checked"
    for row in range(len(answer.row_duals)):
        for shift in (0.5, -0.5):
            wrong = answer.row_duals.copy()
            wrong[row] += shift
            assert duals(model, lowered, answer.x, wrong, answer.objective, 1e-6).status == "failed"


def test_a_direction_is_followed_on_the_model() -> None:
    model = instance("var x >= 0\nvar y\nmaximize x + y\nsubject to\n  c: x - y <= 1\n  d: x + 2*y >= -5\n")
    here = {"x": np.array([1.0]), "y": np.array([0.0])}

    def claim(x: float, y: float) -> Any:
        return unbounded(model, here, {"x": np.array([x]), "y": np.array([y])}, 1e-6)

    assert claim(2.0, 2.0).status == "checked"
    assert "leaves the feasible region" in claim(1.0, 0.5).how and claim(1.0, 0.5).where == "c"
    assert claim(0.0, -1.0).status == "failed"
    assert claim(0.0, 0.0).how == "no direction was given"
    assert claim(-1.0, 2.0).where == "bound of x"
    flat = instance("var x >= 0\nvar y\nmaximize 0*x + y\nsubject to\n  c: y <= 1\n")
    line = unbounded(flat, {"x": np.zeros(1), "y": np.zeros(1)}, {"x": np.ones(1), "y": np.zeros(1)}, 1e-6)
    assert line.how == "the direction does not improve the objective"
    off = unbounded(model, {"x": np.array([9.0]), "y": np.array([0.0])}, {"x": np.ones(1), "y": np.ones(1)}, 1e-6)
    assert off.how == "the point is not feasible"


def verdict(problem: LinearForm, context: Context) -> bool | None:
    claim = highs.solve(problem, Goal(), highs.Options(), context, None).claim
    return None if claim in ("none", "infeasible or unbounded") else claim == "infeasible"


@pytest.mark.parametrize("seed", range(8))
def test_deletion_leaves_a_conflict_none_of_which_can_be_left_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = 5, 12
    matrix = random.integers(-3, 4, (m, n)).astype(float)
    problem = form(
        [0] * n,
        matrix.tolist(),
        random.integers(1, 9, m).tolist(),
        [INF] * m,
        [0] * n,
        [3] * n,
        integer=[bool(seed % 2)] * n,
    )
    context = contexts.start()
    if not verdict(problem, context):
        pytest.skip("this one has a solution")
    kept, complete = conflicts.reduced(problem, conflicts.whole(problem), verdict, context)
    assert complete and verdict(conflicts.restricted(problem, kept)[0], context)
    for name in ("lower", "upper"):
        for j in np.flatnonzero(getattr(kept, name)):
            fewer = getattr(kept, name).copy()
            fewer[j] = False
            assert not verdict(conflicts.restricted(problem, replace(kept, **{name: fewer}))[0], context)
    for i in np.flatnonzero(kept.row_lower | kept.row_upper):
        low, high = kept.row_lower.copy(), kept.row_upper.copy()
        low[i] = high[i] = False
        fewer_rows = replace(kept, row_lower=low, row_upper=high)
        assert not verdict(conflicts.restricted(problem, fewer_rows)[0], context)


def test_a_search_that_is_stopped_keeps_what_it_has() -> None:
    problem = form([0], [[1], [1]], [2, -INF], [INF, 1], [0], [9])
    kept, complete = conflicts.reduced(problem, conflicts.whole(problem), verdict, contexts.start(time_limit=0.0))
    assert not complete and verdict(conflicts.restricted(problem, kept)[0], contexts.start())
