"""``verify``: the certificate of anyone's answer, with the evidence that came with it."""

from __future__ import annotations

import copy
import json
from typing import Any

import optc
from optc.compiler.instance.instance import Instance
from optc.compiler.replay import verify

DIET = """
set Foods = {"bread", "milk", "eggs"}
param price[Foods] = {"bread": 2, "milk": 3.5, "eggs": 8}
param iron[Foods] = {"bread": 1, "milk": 0.5, "eggs": 2}
var buy[Foods] in [0, 10]
minimize cost: sum(price[f] * buy[f] for f in Foods)
subject to
  need: sum(iron[f] * buy[f] for f in Foods) >= 12
  most: buy["bread"] <= 9
"""
APART = """
var x[1..3] >= 0
minimize x[1]
subject to
  need[i in 1..3]: x[i] >= 0.1 * i
  cap: sum(x[i] for i in 1..3) <= 0.5
"""
ENDLESS = "var x >= 0\nvar y >= 0\nmaximize x + y\nsubject to\n  c: x - y <= 1\n  d: x >= 3\n"


def instance(text: str) -> Instance:
    return optc.parse(text).bind().instance


def result(text: str) -> dict[str, Any]:
    """A result as it comes back from a file."""
    found: dict[str, Any] = json.loads(optc.parse(text).bind().solve().to_json())
    return found


def test_our_own_answer_is_proved_again_from_its_evidence() -> None:
    again = verify(instance(DIET), result(DIET))
    assert (again.status, again.objective) == ("optimal", 30.0)
    bound = again.certificate.line("bound")
    assert bound is not None and bound.status == "proved" and bound.value == 30.0 and "replayed" in bound.how
    assert again.certificate.failed == ()


def test_a_solution_object_is_taken_as_well() -> None:
    problem = optc.parse(DIET).bind()
    assert verify(problem.instance, problem.solve()).status == "optimal"


def test_plain_values_are_feasible_at_most() -> None:
    found = verify(instance(DIET), {"buy": {"bread": 9, "milk": 0, "eggs": 2}})
    assert (found.status, found.objective, found.bound) == ("feasible", 34.0, None)
    assert found.certificate.line("bound") is None


def test_a_tampered_value_fails_by_name() -> None:
    given = result(DIET)
    given["variables"]["buy"]["values"][0][1] -= 1.0
    found = verify(instance(DIET), given)
    assert found.status == "failed"
    assert {line.claim: line.where for line in found.certificate.failed} == {
        "feasible": "need",
        "stated objective": None,
        "duals": "need",
    }


def test_tampered_duals_fail_though_the_bound_is_proved() -> None:
    given = result(DIET)
    assert {line.claim: line.status for line in verify(instance(DIET), given).certificate}["duals"] == "checked"
    given["duals"]["need"]["values"][0][-1] += 1.0
    found = verify(instance(DIET), given)
    assert [line.claim for line in found.certificate.failed] == ["duals"]


def test_tampered_multipliers_fail() -> None:
    given = result(DIET)
    line = next(each for each in given["certificate"] if each["claim"] == "bound")
    for wrong in ({"need": "40"}, {"nothing": "1"}, {"need": "x"}):
        tampered = copy.deepcopy(line)
        tampered["evidence"]["multipliers"] = wrong
        found = verify(instance(DIET), {**given, "certificate": [tampered]})
        assert found.status == "feasible"
        assert {line.claim for line in found.certificate.failed} & {"bound", "stated bound"}
    weak = copy.deepcopy(line)
    weak["evidence"]["multipliers"] = {"need": "1"}
    found = verify(instance(DIET), {**given, "certificate": [weak]})
    assert (found.status, found.bound) == ("feasible", 12.0)
    assert [line.claim for line in found.certificate.failed] == ["stated bound"]


def test_evidence_of_another_model_proves_nothing() -> None:
    dearer = DIET.replace("* buy[f] for f in Foods) >= 12", "* buy[f] for f in Foods) >= 6")
    found = verify(instance(dearer), result(DIET))
    bound = found.certificate.line("bound")
    assert bound is not None and (found.status, bound.value) == ("feasible", 6.0)


def test_a_stated_bound_without_evidence_is_open_and_a_beaten_one_failed() -> None:
    given = {**result(DIET), "certificate": [], "duals": {}}
    found = verify(instance(DIET), given)
    bound = found.certificate.line("bound")
    assert found.status == "feasible" and bound is not None and bound.status == "open"
    beaten = verify(instance(DIET), {**given, "bound": 31.0}).certificate.line("bound")
    assert beaten is not None and beaten.status == "failed"


def test_infeasibility_is_replayed() -> None:
    given = result(APART)
    found = verify(instance(APART), given)
    line = found.certificate.line("infeasible")
    assert found.status == "infeasible" and line is not None and line.status == "proved" and "replayed" in line.how
    relaxed = verify(instance(APART.replace("<= 0.5", "<= 0.7")), given)
    assert relaxed.status == "failed" and relaxed.certificate.failed


def test_unboundedness_is_replayed() -> None:
    given = result(ENDLESS)
    found = verify(instance(ENDLESS), given)
    assert found.status == "unbounded" and found.certificate.failed == ()
    bounded = verify(instance(ENDLESS.replace("var y >= 0", "var y in [0, 99]")), given)
    assert bounded.status == "failed" and bounded.certificate.failed


def test_an_answer_with_neither_values_nor_evidence_fails() -> None:
    found = verify(instance(DIET), {"status": "infeasible", "variables": {}})
    assert found.status == "failed" and found.certificate.failed


def test_an_answer_to_a_class_without_a_route_is_judged_all_the_same() -> None:
    text = "var x in [0, 9]\nvar b binary\nminimize (x - 1)^4\nsubject to\n  c: b == 1 => x >= 2\n"
    found = verify(instance(text), {"x": 2, "b": 1})
    assert (found.status, found.objective) == ("feasible", 1.0)
    assert verify(instance(text), {"x": 1, "b": 1}).certificate.failed[0].where == "c"


def test_the_duals_of_an_answer_prove_its_bound_without_other_evidence() -> None:
    given = {**result(DIET), "certificate": []}
    found = verify(instance(DIET), given)
    bound = found.certificate.line("bound")
    assert found.status == "optimal" and bound is not None and "from the duals of the answer" in bound.how
    square = "var x\nvar y\nminimize (x - 1)^2 + (y - 2)^2 + x*y\nsubject to\n  cap: x + y <= 2\n"
    quadratic = result(square)
    again = verify(instance(square), quadratic)
    line = again.certificate.line("bound")
    assert again.status == "optimal" and line is not None and line.status == "proved" and "from the duals" in line.how
    quadratic["duals"]["cap"]["values"] = [[-5.0]]
    assert verify(instance(square), quadratic).status == "feasible"


def test_an_answer_through_an_epigraph_is_proved_again() -> None:
    text = "param a[1..3] = [1, 5, 2]\nvar x in [0, 9]\nminimize sum(abs(x - a[i]) for i in 1..3)\n"
    again = verify(instance(text), result(text))
    assert (again.status, again.objective, again.certificate.failed) == ("optimal", 4.0, ())
    apart = "var x in [-9, 9]\nminimize x\nsubject to\n  c: abs(x) <= 1\n  d: x >= 2\n"
    line = verify(instance(apart), result(apart)).certificate.line("infeasible")
    assert line is not None and line.status == "proved"
