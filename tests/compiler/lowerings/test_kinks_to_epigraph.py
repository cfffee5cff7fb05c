"""Kinks where they are convex become rows; where they are not they are refused; the answer is the model's own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import optc
from optc.compiler.lowerings import kinks_to_epigraph as epigraph
from optc.compiler.result.solution import Solution


def solved(text: str, **data: Any) -> Solution:
    return optc.parse(text).bind(data).solve()


def best(function: Any, low: float, high: float, *, count: int = 1, steps: int = 401) -> float:
    """The least value on a grid."""
    axis = np.linspace(low, high, steps)
    return float(min(function(*point) for point in itertools.product(axis, repeat=count)))


@pytest.mark.parametrize(
    ("expression", "function"),
    [
        ("abs(x - 1.25) + 0.5 * x", lambda x: abs(x - 1.25) + 0.5 * x),
        ("max(x, 1 - x, 0.75)", lambda x: max(x, 1 - x, 0.75)),
        ("2 - min(x, 3 - x)", lambda x: 2 - min(x, 3 - x)),
        ("-3 * min(x, 1) + 2 * x", lambda x: -3 * min(x, 1) + 2 * x),
        ("max(abs(x), 2 - abs(0)) / 4", lambda x: max(abs(x), 2) / 4),
        ("max(x, max(-x, 0.5) + 1)", lambda x: max(x, max(-x, 0.5) + 1)),
        ("piecewise(x, [0, 1, 2], [1, 0, 2])", lambda x: 1 - x if x <= 1 else 2 * (x - 1)),
        ("norm1(x - k for k in 1..3)", lambda x: sum(abs(x - k) for k in (1, 2, 3))),
        ("norminf(x - k for k in 1..3)", lambda x: max(abs(x - k) for k in (1, 2, 3))),
        ("max(k * x - k^2 for k in 1..3)", lambda x: max(k * x - k**2 for k in (1, 2, 3))),
    ],
)
def test_convex_kinks_are_minimised_with_a_proof(expression: str, function: Any) -> None:
    for sense, sign in (("minimize", ""), ("maximize", "-")):
        found = solved(f"var x in [-3, 4]\n{sense} goal: {sign}({expression})\n")
        wanted = best(function, -3, 4, steps=701)
        assert found.status == "optimal" and found.objective is not None
        assert found.objective == pytest.approx(wanted if not sign else -wanted, abs=0.011)
        assert found.objective == pytest.approx((-1 if sign else 1) * function(float(found["x"])), abs=1e-9)
        bound = found.certificate.line("bound")
        assert bound is not None and bound.status == "proved"
        assert found.route == ("piecewise linear", "epigraph", "linear", "highs")
        assert found.variables.keys() == {"x"}
        assert found.reduced_costs is not None and found.reduced_costs.keys() == {"x"}


def test_kinks_in_rows_and_in_named_expressions_over_filtered_sets() -> None:
    text = """
    set I = 1..4
    param a[I] = [1, -3, 7, 2]
    param w[I] = [1, 2, 0, 3]
    var x[I] in [-5, 9]
    let far[i in I] = abs(x[i] - a[i])
    minimize cost: sum(w[i] * far[i] for i in I if i != 4) - 0.5 * x[4]
    subject to
      span: max(x[i] for i in I) - min(x[i] for i in I) <= 3
      near[i in I if i <= 2]: far[i] <= 2.5 + 0 * x[i]
      above: 4 >= norm1(x[i] for i in I if i > 3)
    """
    found = solved(text)
    assert found.status == "optimal" and found.certificate.failed == ()
    x = found["x"].to_dict()
    wanted = abs(x[1] - 1) + 2 * abs(x[2] + 3) - 0.5 * x[4]
    assert found.objective == pytest.approx(wanted)
    # x4 can be 1.5 - ... at most 3 above x2, and each of x1, x2, x4 is where its own slope is best.
    grid = np.linspace(-5, 5, 101)
    values = [
        abs(x1 - 1) + 2 * abs(x2 + 3) - 0.5 * x4
        for x1 in grid
        for x2 in grid
        for x4 in grid
        if max(x1, x2, x4) - min(x1, x2, x4) <= 3 + 1e-9
        and abs(x1 - 1) <= 2.5 + 1e-9
        and abs(x2 + 3) <= 2.5 + 1e-9
        and abs(x4) <= 4
    ]
    assert found.objective == pytest.approx(min(values), abs=1e-6)
    assert found.duals is not None and found.duals.keys() == {"span", "near", "above"}


def test_kinks_with_whole_decisions_and_with_squares() -> None:
    whole = solved("var k integer in [-9, 9]\nminimize abs(k - 2.4) + max(0, k)\n")
    assert (whole.status, whole["k"][()]) == ("optimal", 0.0)
    square = solved("var x in [-9, 9]\nminimize abs(x - 2) + x^2\n")
    assert square.route[1:3] == ("epigraph", "quadratic")
    assert square.objective == pytest.approx(1.75, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "var x in [-3, 4]\nmaximize abs(x)\n",
        "var x in [-3, 4]\nminimize min(x, 1 - x)\n",
        "var x in [-3, 4]\nminimize x\nsubject to\n  c: abs(x - 1) == 2\n",
        "var x in [-3, 4]\nminimize x\nsubject to\n  c: abs(x - 1) >= 2\n",
        "var x in [-3, 4]\nminimize x\nsubject to\n  c: 1 <= max(x, 2 * x) <= 3\n",
        "var x in [-3, 4]\nminimize piecewise(x, [0, 1, 2], [0, 2, 3])\n",
        "param w[1..2] = [1, -1]\nvar x[1..2] in [-3, 4]\nminimize sum(w[i] * abs(x[i]) for i in 1..2)\n",
        "var x in [-3, 4]\nminimize abs(abs(x) - 1)\n",
    ],
)
def test_kinks_the_wrong_way_round_are_refused(text: str) -> None:
    problem = optc.parse(text).bind()
    refusal = epigraph.accepts(problem.instance)
    assert refusal is not None and refusal.code.id == "E0612"
    with pytest.raises(ValueError, match="kink"):
        epigraph.lower(problem.instance)


def test_infeasible_and_unbounded_kinks() -> None:
    apart = solved("var x in [-9, 9]\nminimize x\nsubject to\n  c: abs(x) <= 1\n  d: x >= 2\n")
    line = apart.certificate.line("infeasible")
    assert apart.status == "infeasible" and line is not None and line.status == "proved"
    assert "d" in line.conflict
    endless = solved("var x\nvar y\nminimize abs(x) + y\nsubject to\n  c: y <= 3\n")
    assert endless.status == "unbounded"


def test_a_point_keeps_its_value_when_it_is_extended() -> None:
    problem = optc.parse(
        "param a[1..3] = [1, 5, 2]\nvar x[1..3] in [0, 9]\nminimize sum(abs(x[i] - a[i]) for i in 1..3)\n"
    )
    _, found = epigraph.lower(problem.bind().instance)
    point = epigraph.extend({"x": np.array([4.0, 4.0, 4.0])}, found)
    (made,) = found.bounded
    assert point[made.symbol.name].tolist() == [3.0, 1.0, 2.0]
