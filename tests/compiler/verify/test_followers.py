"""The followers' claims on answers that are right, nearly right, and wrong in the ways that fool a verifier."""

from __future__ import annotations

import numpy as np
import pytest

import optc
from optc.compiler.instance.follower import alone, coupled
from optc.compiler.instance.near_optimal import preferred
from optc.compiler.verify.followers import optimal_along
from optc.compiler.verify.objective import objective
from optc.solving import solved_again

BARD = """
var x >= 0
minimize (x - 5)^2 + (2*y + 1)^2
lower follower {
  var y >= 0
  minimize (y - 1)^2 - 1.5*x*y
  subject to
    c1: 3*x - y >= 3
    c2: -x + 0.5*y >= -4
    c3: -x - y >= -7
}
"""


def claims(problem: optc.Problem, **values: object) -> dict[str, str]:
    return {line.claim: line.status for line in problem.verify(values).certificate}


def test_an_answer_that_is_none_fails() -> None:
    problem = optc.parse(BARD).bind({})
    right = problem.verify({"x": 3.0, "y": 3.25})
    assert right.status == "feasible" and right.certificate.line("follower optimal").status == "checked"
    assert right.objectives == pytest.approx({"leader": 4 + 7.5**2, "follower": 2.25**2 - 1.5 * 3 * 3.25})
    wrong = problem.verify({"x": 3.0, "y": 3.0})
    line = wrong.certificate.line("follower optimal")
    assert wrong.status == "failed" and line.status == "failed"
    assert line.value == pytest.approx(0.25**2)


INDIFFERENT = """
var x in [0, 1]
minimize x - y
lower f {{
  var y in [0, 1]
  minimize {slope} * y
}}
"""


def test_the_leader_gets_the_best_of_several_answers() -> None:
    problem = optc.parse(INDIFFERENT.format(slope=0)).bind({})
    solution = problem.solve()
    assert solution.objective == pytest.approx(-1.0)
    assert claims(problem, x=0.0, y=0.25)["follower's choice"] == "failed"  # an answer, but not the one preferred
    assert claims(problem, x=0.0, y=1.0)["follower's choice"] == "checked"


def test_a_nearly_indifferent_follower_is_noticed() -> None:
    """He loses 2e-8 by the answer that is the best for the leader: within the tolerance, but the value is none."""
    problem = optc.parse(INDIFFERENT.format(slope=2e-8)).bind({})
    found = claims(problem, x=0.0, y=1.0)
    assert found["follower optimal"] == "checked"
    stays = claims(problem, x=0.0, y=0.0)
    assert "failed" in (found["follower's choice"], stays["follower's choice"])


def test_answers_of_many_followers_are_named() -> None:
    text = """
set R = {"a", "b"}
var price in [0, 20]
maximize sum(price * order[r] for r in R)
lower retailer[r in R] {
  var order >= 0
  maximize (10 - order - price) * order
}
"""
    problem = optc.parse(text).bind({})
    solution = problem.solve()
    assert solution.objective == pytest.approx(25.0, abs=1e-3)
    assert set(solution.objectives) == {"leader", 'retailer["a"]', 'retailer["b"]'}
    found = problem.verify({"price": 4.0, "order": {"a": 3.0, "b": 2.0}}).certificate.line("follower optimal")
    assert found.status == "failed" and found.where == 'retailer["b"]' and found.value == pytest.approx(1.0)


COUPLED = """
set F = 1..3
param c[F] = [1, 2, 3]
var x in [0, 1]
minimize x
lower firm[i in F] {
  var q in [0, 10]
  let total = sum(q[j] for j in F)
  maximize (10 - total) * q - c[i] * q
  subject to
    room: total <= 8 + x
}
"""


def test_a_follower_alone_holds_the_others() -> None:
    instance = optc.parse(COUPLED).bind({}).instance
    block = instance.program.root.children[0]
    assert coupled(instance.program, block)
    point = {"x": np.array([0.5]), "q": np.array([1.0, 2.0, 3.0])}
    problem = alone(instance, ("firm",), point)
    assert [family.name for family in problem.families] == ["q"]
    moved = np.array([2.0, 0.0, 1.0])
    others = point["q"].sum() - point["q"]
    expected = float(np.sum((10 - others - moved - np.array([1, 2, 3])) * moved))
    assert objective(problem, {"q": moved}) == pytest.approx(expected)
    rows = problem.constraint("firm.room")
    terms = rows.symbol.body.terms
    assert problem.values(terms[0], {"q": moved}, rows.layout) == pytest.approx(others + moved)


def test_near_optimal_answers_are_those_of_the_same_slope() -> None:
    """f = (y1 + y2 - 1)^2 has a line of answers; the leader takes the end of it that he likes."""
    text = """
var x in [0, 1]
minimize x + y[1]
lower f {
  var y[1..2] in [0, 1]
  minimize (y[1] + y[2] - 1)^2
}
"""
    problem = optc.parse(text).bind({})
    instance = problem.instance
    point = {"x": np.zeros(1), "y": np.array([0.5, 0.5])}
    for sense, value in (("minimize", 0.0), ("maximize", 1.0)):
        choice = preferred(instance, point, {"y": np.array([0.3, 0.7])}, 1e-7, sense)
        assert solved_again(1e-6)(choice).objective == pytest.approx(value, abs=1e-5)


NO_ANSWER = {
    "gains without limit": "var x in [0, 1]\nminimize x\nlower f {\n var y >= 0\n maximize y + x\n}\n",
    "no optimal answer": "var x in [0, 1]\nminimize x\nsubject to\n c: y >= 2\nlower f {\n var y in [0, 3]\n "
    "minimize y\n subject to\n d: y >= x\n}\n",
    "even if the leader decided": "var x in [0, 1]\nminimize x\nsubject to\n c: y >= 2\nlower f {\n var y in [0, 1]\n "
    "minimize y\n}\n",
}


@pytest.mark.parametrize("words", NO_ANSWER)
def test_why_there_is_no_answer(words: str) -> None:
    solution = optc.parse(NO_ANSWER[words]).bind({}).solve()
    assert solution.status == "infeasible"
    line = solution.certificate.line("infeasible")
    assert words in line.how
    assert line.status == ("proved" if words.startswith("even") else "reported")
    assert all(name in ("c", "bound of x", "bound of y", "optimality of f") for name in line.conflict)


def test_without_limit_for_the_leader() -> None:
    text = "var x >= 0\nmaximize x + y\nlower f {\n var y >= 0\n minimize y\n subject to\n d: y >= x\n}\n"
    assert optc.parse(text).bind({}).solve().status == "unbounded"


FAR = "var x >= 0\nminimize -x + y\nlower f {\n var y\n minimize (y - x / 2)^2\n}\n"


def test_without_limit_over_a_follower_whose_terms_grow_faster_than_his_loss() -> None:
    solution = optc.parse(FAR).bind({}).solve()
    assert solution.status == "unbounded"
    assert solution.certificate.line("unbounded").status == "checked"


@pytest.mark.parametrize(("slope", "holds"), [(0.5, True), (0.4999, False), (0.6, False)])
def test_a_follower_who_leaves_the_direction_is_found_far_out(slope: float, holds: bool) -> None:
    instance = optc.parse(FAR).bind({}).instance
    point, ray = ({"x": np.array([x]), "y": np.array([y])} for x, y in ((0.0, 0.0), (1.0, slope)))
    wrong = optimal_along(instance, point, ray, (1.0, 1e3, 1e6), 1e-6, solved_again(1e-6))
    assert (wrong is None) == holds
    if wrong is not None:
        assert wrong.claim == "follower optimal"


BESIDE = """
var q0 >= 0
maximize (10 - q0 - q1 - q2) * q0 - q0
lower a {
  var q1 >= 0
  maximize (10 - q0 - q1 - q2) * q1 - q1
  subject to
    pipe: q1 + q2 <= 1
}
lower b {
  var q2 >= 0
  maximize (10 - q0 - q1 - q2) * q2 - q2
}
"""


def test_a_row_of_one_follower_that_binds_another_is_shared() -> None:
    """The variational equilibrium: one multiplier, so both take half of the pipe; and both respect it."""
    problem = optc.parse(BESIDE).bind({})
    solution = problem.solve()
    assert solution.status == "optimal" and solution.objective == pytest.approx(16.0, abs=1e-3)
    assert [float(solution.variables[name].values[0]) for name in ("q1", "q2")] == pytest.approx([0.5, 0.5], abs=1e-4)
    assert solution.certificate.line("follower's choice").status == "open"
    other = problem.verify({"q0": 4.0, "q1": 0.25, "q2": 0.75})  # each is best for him: an equilibrium, not that one
    assert all(line.status == "checked" for line in other.certificate if line.claim == "follower optimal")


def test_answers_that_were_not_found_again_make_nothing_optimal() -> None:
    text = BESIDE.replace("lower b {", "lower b[k in 1..2] {").replace("q2)", "q2[1] - q2[2])")
    text = text.replace("q1 + q2 <= 1", "q1 + q2[1] + q2[2] <= 1").replace("* q2 - q2", "* q2 - q2")
    solution = optc.parse(text).bind({}).solve()
    line = next(line for line in solution.certificate if line.claim == "follower optimal" and line.status == "open")
    assert "not solved again" in line.how
    assert solution.status == "feasible"


def test_further_answers_have_followers_too() -> None:
    """Two leader's decisions are equally good; each comes with the follower's own answer."""
    text = "var b[1..2] binary\nminimize y\nsubject to\n  one: b[1] + b[2] == 1\nlower f {\n  var y in [0, 9]\n"
    text += "  minimize y\n  subject to\n    d: y >= 2*b[1] + 2*b[2]\n}\n"
    solution = optc.parse(text).bind({}).solve(n="all")
    found = [solution.variables, *(other.variables for other in solution.alternatives)]
    assert solution.alternatives_complete and len(found) == 2
    assert sorted(tuple(each["b"].values) for each in found) == [(0.0, 1.0), (1.0, 0.0)]
    assert all(each["y"].values[0] == pytest.approx(2.0, abs=1e-6) for each in found)
