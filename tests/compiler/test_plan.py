"""Routes: found on signatures, cheapest first, each with the reason why it is or is not taken."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

import optc
from optc.backends import registry
from optc.compiler import lowering
from optc.compiler.lowerings import instance_to_linear
from optc.compiler.plan import Plan, plan, take
from optc.compiler.signature import Signature, signature


def planned(text: str, backends: Any = None, wanted: str | None = None) -> Plan:
    instance = optc.parse(text).bind().instance
    return take(plan(instance, backends or (registry.get("highs"),), wanted), instance)[0]


def twin(**attributes: Any) -> Any:
    highs = registry.get("highs")
    names = ("title", "install", "capabilities", "options", "version", "solve")
    return SimpleNamespace(**({"name": "twin"} | {name: getattr(highs, name) for name in names} | attributes))


LINEAR = "var x in [0, 9]\nminimize x\n"


def test_a_linear_model_takes_the_linear_route() -> None:
    found = planned(LINEAR)
    assert found.chosen is not None and found.chosen.steps == ("linear", "highs")
    assert [route.refused for route in found.routes] == [None, None]
    assert found.text().splitlines() == [
        "linear -> linear -> highs: taken, the cheapest route",
        "linear -> quadratic -> highs: not taken, a cheaper route is",
    ]


def test_a_quadratic_model_takes_the_quadratic_route() -> None:
    found = planned("var x in [0, 9]\nminimize x^2\n")
    assert found.chosen is not None and found.chosen.steps == ("quadratic", "highs")
    assert "linear -> highs: not taken, its objective is quadratic" in found.text()


def test_a_product_that_is_linear_in_the_end_is_told_by_the_lowering() -> None:
    found = planned("var x in [0, 9]\nlet y = x * 2\nminimize y * 3 + x\n")
    assert found.chosen is not None and found.chosen.steps[0] == "linear"


def test_the_most_promising_refusal_comes_first() -> None:
    found = planned("var x in [0, 9]\nvar k integer in [0, 9]\nminimize x^2 + k\n")
    assert found.chosen is None
    assert found.routes[0].steps == ("quadratic", "highs") and "whole decisions" in (found.routes[0].refused or "")


def test_a_backend_by_name_wins_over_a_cheaper_one() -> None:
    both = (registry.get("highs"), twin())
    assert planned(LINEAR, both).chosen.steps == ("linear", "highs")  # type: ignore[union-attr]
    found = planned(LINEAR, both, "twin")
    assert found.chosen is not None and found.chosen.steps == ("linear", "twin")
    assert "backend `twin` was asked for" in found.text()


def test_backends_that_are_not_there_or_not_able_are_passed_over_with_the_reason() -> None:
    absent = twin(version=lambda: None, install="pip install twin")
    found = planned(LINEAR, (absent, registry.get("highs")))
    assert found.chosen is not None and found.chosen.backend.name == "highs"
    assert "`twin` is not installed" in found.text()
    assert "pip install twin" in found.text()
    modest = twin(capabilities=replace(registry.get("highs").capabilities, integer=frozenset()))
    refused = planned("var k binary\nminimize k\n", (modest,))
    assert refused.chosen is None
    assert planned(LINEAR, (modest,)).chosen is not None
    assert plan(optc.parse(LINEAR).bind().instance, ()).text() == "no routes: there are no backends"


def test_where_a_backend_declines_one_that_only_has_to_be_installed_is_named() -> None:
    picky, absent = twin(name="picky", declines=lambda _form: "it is too warm"), twin(version=lambda: None)
    refused = [r for r in planned(LINEAR, (picky, absent)).routes if r.refused == "it is too warm"]
    assert refused and all(r.need.startswith("backend `twin` may take it; install it with") for r in refused)
    alone = planned(LINEAR, (picky,))
    assert alone.chosen is None and alone.routes[0].need == "another backend may take it"


@pytest.mark.parametrize(
    ("text", "features"),
    [
        (LINEAR, set()),
        ("var k integer in [0, 3]\nminimize k^2\n", {"integer", "quadratic objective", "whole product"}),
        ("var x in [0, 3]\nminimize abs(x)\n", {"piecewise objective"}),
        (
            "var x in [1, 3]\nminimize 1 / x\nsubject to\n  c: x * x <= 4\n",
            {"nonlinear objective", "quadratic constraint", "ratio objective"},
        ),
        ("var x in [0, 3]\nminimize x\nlower f {\n  var y >= 0\n  minimize y\n}\n", {"lower level"}),
        ("var w[1..3] in [0, 1]\nmaximize w[1]\nsubject to\n  sos1(w[i] for i in 1..3)\n", {"special ordered set"}),
    ],
)
def test_signatures_say_what_a_model_is_made_of(text: str, features: set[str]) -> None:
    assert signature(optc.parse(text).program).features == features


def test_a_lowering_transfers_what_it_keeps_and_refuses_the_rest_in_words() -> None:
    known = {each.name: each for each in lowering.every()}
    linear, quadratic = known["instance to linear"], known["instance to quadratic"]
    whole = Signature("instance", "mixed-integer quadratic", frozenset({"integer", "quadratic objective"}))
    assert quadratic.transfer(whole) == Signature("quadratic", "mixed-integer quadratic", frozenset({"integer"}))
    assert linear.transfer(whole) == "its objective is quadratic"


def test_a_lowering_of_the_users_own_takes_part_in_planning() -> None:
    own = SimpleNamespace(
        NAME="squares away",
        SOURCE="instance",
        TARGET="linear",
        COST=0.1,
        transfer=lambda source: Signature("linear", source.problem_class, frozenset()),
        accepts=instance_to_linear.accepts,
        lower=instance_to_linear.lower,
        lift=instance_to_linear.lift,
    )
    with pytest.raises(TypeError, match="lift"):
        lowering.register(SimpleNamespace(NAME="half", SOURCE="instance", TARGET="linear", COST=1.0))
    registry.register(own)
    try:
        with pytest.raises(ValueError, match="already"):
            registry.register(own)
        found = planned(LINEAR)
        assert found.chosen is not None and found.chosen.path[0].name == "squares away"
    finally:
        registry.unregister("squares away")
    assert planned(LINEAR).chosen.path[0].name == "instance to linear"  # type: ignore[union-attr]


def test_a_route_that_does_not_stand_gives_way_to_the_next() -> None:
    found = planned("var x in [-1, 1]\nminimize -x^2\n", (registry.get("highs"), registry.get("scip")))
    assert found.chosen is not None and found.chosen.backend.name == "scip"
    assert "the objective is not convex" in found.text()
