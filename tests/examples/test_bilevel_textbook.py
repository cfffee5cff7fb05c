"""The textbook bilevel problems reach their optima, which are found again from functions, active set by active set."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from bilevel_oracles import answer, optimum
from bilevel_textbook import TEXTBOOK, coupled
from independent import EXAMPLES

import optc
from optc.compiler.result.solution import Solution

FOLDER = EXAMPLES / "bilevel_textbook"
OPTIMA: dict[str, Any] = json.loads((FOLDER / "optima.json").read_text(encoding="utf-8"))


def solved(name: str) -> Solution:
    given = OPTIMA[name].get("arguments", {})
    return optc.read(FOLDER / f"{name}.opt").bind(**given).solve(gap=1e-7, time_limit=60)


def test_every_model_has_its_optimum_and_its_functions() -> None:
    assert {path.stem for path in FOLDER.glob("*.opt")} == set(OPTIMA) == set(TEXTBOOK)


@pytest.mark.parametrize("name", OPTIMA)
def test_the_optimum_is_that_of_the_best_active_set(name: str) -> None:
    if name == "lower_level_coupled":
        for n in (1, 2, 5):
            value, z = optimum(coupled(n))
            assert value == pytest.approx(0.05 * n, abs=1e-7)
            assert z == pytest.approx(np.repeat([-0.3, 0.7, -0.4], n), abs=1e-6)
        return
    value, _ = optimum(TEXTBOOK[name])
    assert value == pytest.approx(OPTIMA[name]["leader"], rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("name", OPTIMA)
def test_a_textbook_problem_reaches_its_optimum(name: str) -> None:
    solution = solved(name)
    assert solution.status == "optimal", (solution.termination, solution.diagnostics)
    assert solution.objective == pytest.approx(OPTIMA[name]["leader"], rel=2e-5, abs=2e-5)
    assert solution.certificate.failed == ()
    assert solution.bound == pytest.approx(solution.objective, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", [name for name in OPTIMA if name != "lower_level_coupled"])
def test_the_follower_answers_as_well_as_can_be(name: str) -> None:
    """The follower's problem at the leader's decision, solved by HiGHS from the functions."""
    problem, solution = TEXTBOOK[name], solved(name)
    decisions = {family: np.array(list(dict(values.items()).values())) for family, values in solution.variables.items()}
    x, y = (decisions[names] for names in (("u", "v") if "u" in decisions else ("x", "y")))
    best = answer(problem, x)
    assert problem.follower(x, y) == pytest.approx(best, rel=1e-6, abs=1e-6)
    if "follower" in OPTIMA[name]:
        assert best == pytest.approx(OPTIMA[name]["follower"], rel=1e-5, abs=1e-5)
    assert max([0.0, *(row(x, y) for row in [*problem.below, *problem.above])]) <= 1e-5


def test_many_followers_answers_and_many_decisions() -> None:
    """900 decisions, an equation that couples them, and a follower that is free in 299 directions."""
    solution = optc.read(FOLDER / "lower_level_coupled.opt").bind(n=300).solve(time_limit=120)
    assert solution.status == "optimal", (solution.termination, solution.diagnostics)
    assert solution.objective == pytest.approx(15, rel=1e-6)
    assert np.asarray(solution["x"]) == pytest.approx(np.full(300, -0.3), abs=1e-5)
    assert np.asarray(solution["y1"]) == pytest.approx(np.full(300, 0.7), abs=1e-5)
    assert solution.certificate.failed == ()
