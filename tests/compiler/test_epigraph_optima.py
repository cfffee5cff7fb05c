"""Optima of models with kinks, found through their epigraphs; and kinks that are refused with their place."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
import pytest
from agreement import instance_of, program_of

from optc.compiler.evaluation.evaluate import evaluate
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import instance_to_linear
from optc.compiler.lowerings import kinks_to_epigraph as epigraph
from optc.compiler.spaces.algebra import UNIT


def build(text: str, **data: Any) -> Instance:
    return instance_of(program_of(text), data)


def optimum(instance: Instance) -> tuple[float, dict[str, np.ndarray]]:
    """The optimal value that HiGHS finds, and the values of the families."""
    assert instance_to_linear.accepts(instance) is not None
    assert epigraph.accepts(instance) is None
    form, inverse = instance_to_linear.lower(epigraph.lower(instance)[0])
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    rows, columns = form.shape
    sense = -1 if form.sense == "maximize" else 1
    solver.passModel(
        columns, rows, len(form.values), 2, sense, form.offset, form.cost, form.lower, form.upper, form.row_lower,
        form.row_upper, form.starts, form.indices, form.values, form.integer.astype(np.int32),
    )  # fmt: skip
    solver.run()
    x = np.array(solver.getSolution().col_value)
    return float(solver.getInfo().objective_function_value), {
        f.name: instance_to_linear.lift(x, inverse)[f.name] for f in instance.families
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("var x in [-5, 5]\nminimize max(x, 2 - x, 0)", 1.0),
        ("var x in [-5, 5]\nmaximize min(x, 2 - x) - 3 * abs(x - 4)", -2.0),
        ("var x in [-5, 5]\nmaximize x\nsubject to\n c: abs(x - 1) + max(x, 0) <= 4", 2.5),
        ("var x in [-5, 5]\nminimize -x\nsubject to\n c: 3 >= max(2 * x, -x)", -1.5),
        ("var x in [-5, 5]\nminimize piecewise(x, [-1, 0, 2], [1, 0, 4])", -0.0),
        ("var x in [0, 3]\nmaximize piecewise(x, [0, 1, 2], [0, 2, 3]) - 1.5 * x", 0.5),
        ("var x in [-5, 5]\nlet far = abs(x - 3)\nminimize 2 * far + far / 2 - (-max(far, x))", 3.0),
        ("var x in [-5, 5]\nvar y in [-5, 5]\nminimize max(abs(x - 1), abs(y + 2) + 1)", 1.0),
    ],
)
def test_optima_of_models_with_kinks(text: str, value: float) -> None:
    instance = build(text)
    found, point = optimum(instance)
    assert found == pytest.approx(value, abs=1e-9)
    objective = instance.program.root.objective
    assert objective is not None and objective.expression is not None
    assert float(evaluate(objective.expression, UNIT, instance.scope.at(point))) == pytest.approx(value, abs=1e-7)


def test_kinks_over_index_spaces() -> None:
    text = """
set I
set J
param a[I, J]
param w[I] >= 0
var x[J] in [-3, 3]
minimize sum(w[i] * max(a[i, j] * x[j] - 1 for j in J) for i in I if w[i] > 0) + norm1(x[j] - 1 for j in J)
  + norminf(x[j] for j in J)
""".replace("\n  + norminf", " + norminf")
    data = {
        "I": ["a", "b", "c"],
        "J": ["p", "q"],
        "a": {(i, j): float(3 * k - m) for k, i in enumerate("abc") for m, j in enumerate("pq")},
        "w": {("a",): 1.0, ("b",): 0.0, ("c",): 0.25},
    }
    instance = build(text, **data)
    found, point = optimum(instance)
    objective = instance.program.root.objective
    assert objective is not None and objective.expression is not None
    scope = instance.scope
    assert float(evaluate(objective.expression, UNIT, scope.at(point))) == pytest.approx(found)
    grid = np.linspace(-3, 3, 61)
    every = np.stack([g.reshape(-1) for g in np.meshgrid(grid, grid)], axis=1)
    assert float(evaluate(objective.expression, UNIT, scope.at({"x": every})).min()) >= found - 1e-9


@pytest.mark.parametrize(
    "text",
    [
        "var x in [0, 1]\nmaximize abs(x)",
        "var x in [0, 1]\nminimize x\nsubject to\n c: max(x, 1 - x) >= 0.7",
        "var x in [0, 1]\nminimize x\nsubject to\n c: max(x, 1 - x) == 0.7",
        "var x in [0, 1]\nminimize -2 * max(x, 0.5)",
        "var x in [0, 3]\nminimize piecewise(x, [0, 1, 2, 3], [0, 2, 2, 4])",
        "var x in [0, 3]\nminimize max(x^2, 1)",
    ],
)
def test_kinks_that_need_binaries_are_refused_with_their_place(text: str) -> None:
    instance = build(text)
    reason = epigraph.accepts(instance) or instance_to_linear.accepts(epigraph.lower(instance)[0])
    assert reason is not None and reason.place is not None
