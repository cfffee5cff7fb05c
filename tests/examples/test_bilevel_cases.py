"""What a level may do, one small model each: optima, ends without an answer, refusals with their reasons."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from bilevel_cases import CASES, REFUSED, WITHOUT_ANSWER

import optc
from optc.compiler.result.solution import Solution


def solved(text: str) -> Solution:
    return optc.parse(text).bind().solve(gap=1e-7, time_limit=60)


def at(solution: Solution, name: str) -> float:
    """The value of ``family`` or ``family[member]``."""
    family, *member = re.split(r"[\[\]]", name)
    if not member:
        return float(solution[family])
    key = member[0].strip('"')
    return float(solution[family][key if not key.isdigit() else int(key)])


@pytest.mark.parametrize("name", CASES)
def test_a_bilevel_model_reaches_its_optimum(name: str) -> None:
    case, solution = CASES[name], solved(CASES[name].text)
    wanted = case.value()
    if math.isnan(wanted):
        assert solution.status == "feasible", solution.diagnostics
    else:
        assert solution.status == "optimal", (solution.termination, solution.diagnostics)
        assert solution.objective == pytest.approx(wanted, rel=2e-5, abs=2e-5)
    assert solution.certificate.failed == ()
    assert {k: at(solution, k) for k in case.at} == pytest.approx(case.at, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", WITHOUT_ANSWER)
def test_no_answer_at_any_decision_is_infeasible(name: str) -> None:
    solution = solved(WITHOUT_ANSWER[name])
    assert solution.status == "infeasible", (solution.termination, solution.diagnostics, solution.objective)
    assert solution.objective is None
    (line,) = (line for line in solution.certificate if line.claim == "infeasible")
    assert line.holds


@pytest.mark.parametrize("name", ["unbounded at every decision", "unbounded at every decision, with a quadratic part"])
def test_a_follower_without_bound_is_the_reason(name: str) -> None:
    solution = solved(WITHOUT_ANSWER[name])
    (line,) = (line for line in solution.certificate if line.claim == "infeasible")
    assert "`f` gains without limit" in line.how
    assert "optimality of f" in line.conflict


@pytest.mark.parametrize("name", REFUSED)
def test_a_lower_level_beyond_the_methods_is_refused_with_its_reason(name: str) -> None:
    text, named = REFUSED[name]
    solution = solved(text)
    assert (solution.status, solution.termination) == ("failed", "no route")
    (error,) = (d for d in solution.diagnostics if d.severity == "error")
    told = " ".join([error.message, *(hint.text for hint in error.hints)])
    assert named in told
    assert error.hints, "what would be needed is named"


# ----------------------------------------------------------------------------------------- answers that are no answers
BARD = CASES["a whole leader"].text.replace(" integer", "")


def judged(text: str, **values: float) -> Solution:
    return optc.parse(text).bind().verify(values)


def test_a_local_optimum_is_feasible_and_no_more() -> None:
    found = judged(BARD, x=5.0, y=2.0)
    assert found.status == "feasible"
    assert found.objective == pytest.approx(25)
    assert found.certificate.failed == ()


@pytest.mark.parametrize(("x", "y"), [(3.0, 3.0), (2.0, 2.4), (4.5, 2.4), (1.0, 1e-3)])
def test_a_better_value_for_the_leader_that_is_no_answer_fails(x: float, y: float) -> None:
    """The follower's answers there are 3.25, 2.5, 2.5 and 0."""
    found = judged(BARD, x=x, y=y)
    assert found.certificate.failed != ()
    assert found.status == "failed"


def test_an_answer_that_is_nearly_optimal_below_and_not_above_fails() -> None:
    """The follower loses 2.5e-7 by ``y = -0.0005``, within the tolerance; the leader's value moves by half."""
    text = """
var x in [0, 1]
minimize 1000 * y + x
lower f {
  var y in [-1, 1]
  minimize y^2
}
"""
    found = judged(text, x=0.0, y=-0.0005)
    assert found.certificate.failed != ()


# --------------------------------------------------------------------------------------------------------- multipliers
PRICED = """
var x in [0, 1]
minimize dual(f.r[1]) + 10 * dual(f.r[2]) + 100 * dual(f.band) + x
lower f {
  var y[1..3] in [0, 4]
  SENSE LEVEL * sum(c[j] * y[j] + 0.5 * BEND * y[j]^2 for j in 1..3)
  subject to
    r[i in 1..2]: sum(a[i, j] * y[j] for j in 1..3) RELATION b[i]
    band: low <= y[1] - y[2] <= high
}
param c[1..3]
param a[1..2, 1..3]
param b[1..2]
param low
param high
"""


def priced(sense: str, relation: str, bend: float, data: dict[str, Any]) -> tuple[float, float]:
    """The follower's optimal objective and the leader's by optc."""
    sign = "1" if sense == "minimize" else "-1"
    text = PRICED.replace("SENSE", sense).replace("RELATION", relation)
    text = text.replace("LEVEL", sign).replace("BEND", str(bend))
    solution = optc.parse(text).bind(data).solve(gap=1e-9)
    assert solution.status == "optimal", solution.diagnostics
    assert solution.certificate.failed == ()
    assert solution.objective is not None
    return solution.objectives["f"], solution.objective


@pytest.mark.parametrize("bend", [0.0, 1.0])
@pytest.mark.parametrize("relation", [">=", "<=", "=="])
@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_a_dual_is_what_one_more_on_the_right_changes(sense: str, relation: str, bend: float) -> None:
    """By differences of the follower's own optimal objective. At the data the optimum is not degenerate."""
    more = 1.0 if relation != "<=" else -1.0
    data: dict[str, Any] = {
        "c": [2.0 * more, 3.0 * more, 1.5 * more],
        "a": [[1, 1, 0.5], [0.2, 1, 1.3]],
        "b": [3.0, 3.5],
        "low": -0.8,
        "high": 0.4,
    }
    step = 1e-3

    def raised(name: str, change: Any) -> float:
        up = priced(sense, relation, bend, {**data, name: change(data[name], step)})[0]
        down = priced(sense, relation, bend, {**data, name: change(data[name], -step)})[0]
        return (up - down) / (2 * step)

    first = raised("b", lambda b, h: [b[0] + h, b[1]])
    second = raised("b", lambda b, h: [b[0], b[1] + h])
    band = raised("low", lambda v, h: v + h) + raised("high", lambda v, h: v + h)
    assert abs(first) + abs(second) > 0.1
    wanted = first + 10 * second + 100 * band
    assert priced(sense, relation, bend, data)[1] == pytest.approx(wanted, rel=1e-4, abs=1e-4)
