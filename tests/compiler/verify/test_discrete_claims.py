"""Claims without a point on models with logic, products, ordered sets and complementarity."""

from __future__ import annotations

import numpy as np
import pytest

import optc
from optc.compiler.result.solution import Solution
from optc.compiler.verify.unbounded import unbounded


def solved(text: str) -> Solution:
    return optc.parse(text).bind({}).solve(backend="scip")


INFEASIBLE = {
    "implications": (
        """
        var b binary
        var x in [0, 4]
        maximize x - 2 * b
        subject to
          off: b == 0 => x <= 1
          on: b == 1 => x <= 1
          idle: x <= 3
          much: x >= 2
        """,
        {"off", "on", "much"},
    ),
    "one implication": (
        """
        var b[1..2] binary
        var x in [0, 4]
        minimize x
        subject to
          off[i in 1..2]: b[i] == 1 => x <= i
          both: b[1] + b[2] >= 2
          much: x >= 1.5
        """,
        {"off[1]", "both", "much"},
    ),
    "products": (
        """
        var x in [0, 9]
        var y in [0, 9]
        maximize x + y
        subject to
          disc: x^2 + y^2 <= 2
          idle: x + y <= 17
          hyperbola: x * y >= 1.5
        """,
        {"disc", "hyperbola"},
    ),
    "an ordered set": (
        "var x[1..2] in [0, 9]\nminimize x[1]\nsubject to\n  s: sos1(x[i] for i in 1..2)\n  c[i in 1..2]: x[i] >= 1\n",
        {"c[1]", "c[2]"},
    ),
}


@pytest.mark.parametrize("name", INFEASIBLE)
def test_a_model_that_its_logic_makes_infeasible_has_a_conflict(name: str) -> None:
    text, rows = INFEASIBLE[name]
    found = solved(text)
    line = found.certificate.line("infeasible")
    assert found.status == "infeasible" and line is not None
    assert (line.status, set(line.conflict or ())) == ("reported", rows)
    assert line.how.startswith("by scip") and "none of these can be left out" in line.how


def test_a_conflict_of_a_rewritten_model_names_what_its_constants_come_from() -> None:
    text = """
    var x >= 0
    var y >= 0
    var z binary
    minimize x
    subject to
      cap: x + y <= 10
      w: x * z >= 11
    """
    line = optc.parse(text).bind().solve(backend="highs").certificate.line("infeasible")
    assert line is not None and line.conflict is not None
    assert "cap" in line.conflict or "row cap" in line.how


def test_a_complementarity_that_cannot_hold_is_infeasible() -> None:
    found = solved("var x in [0, 4]\nminimize x\nsubject to\n  c: x >= 1 complements x <= 3\n  d: 1.5 <= x <= 2.5\n")
    line = found.certificate.line("infeasible")
    assert found.status == "infeasible" and line is not None and line.status == "reported"
    assert "d" in (line.conflict or ())


def test_a_switched_row_whose_sides_cross_is_no_contradiction() -> None:
    text = """
    param low = 4; param high = 3
    var b binary
    var x in [0, 9]
    maximize x + 20 * b
    subject to
      never: b == 1 => low <= x <= high
    """
    found = solved(text)
    assert (found.status, found.objective) == ("optimal", pytest.approx(9))


def test_a_model_with_switched_rows_is_unbounded_along_a_direction_that_keeps_them() -> None:
    text = """
    var b binary
    var x >= 0
    var y >= 0
    maximize x - y - 3 * b
    subject to
      off: b == 0 => x <= 1
      on: b == 1 => x <= 2 * y
      pair: y >= 0 complements 5 - b >= 0
    """
    found = solved(text.replace("      pair: y >= 0 complements 5 - b >= 0\n", ""))
    line = found.certificate.line("unbounded")
    assert found.status == "unbounded" and line is not None and line.status == "checked"
    bounded = solved(text)  # the pair holds y, and with it x, at zero
    assert (bounded.status, bounded.objective) == ("optimal", pytest.approx(1))


def test_a_direction_that_a_switched_row_stops_is_no_proof() -> None:

    text = "var b binary\nvar x >= 0\nmaximize x\nsubject to\n  on: b == 1 => x <= 3\n"
    instance = optc.parse(text).bind({}).instance

    ray = {"b": np.zeros(1), "x": np.ones(1)}
    stopped = unbounded(instance, {"b": np.ones(1), "x": np.zeros(1)}, ray, 1e-6)
    assert (stopped.status, stopped.where) == ("failed", "on")
    free = unbounded(instance, {"b": np.zeros(1), "x": np.zeros(1)}, ray, 1e-6)
    assert free.status == "checked"
