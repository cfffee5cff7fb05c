"""Every installed backend passes the shared suite, and the suite catches backends that are wrong."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from optc.backends import conformance, registry
from optc.compiler.answer import Answer

INSTALLED = [b for b in registry.every() if b.version() is not None and "linear" in b.capabilities.forms]
MIDDLE = "interior-point methods end in the middle of the multipliers that are right, where there are several"
EXCLUDED: dict[str, dict[str, str]] = {name: {"duals of bounds": MIDDLE} for name in ("clarabel", "cvxpy")}


@pytest.mark.parametrize("backend", INSTALLED, ids=lambda backend: backend.name)
def test_every_installed_backend_passes(backend: Any) -> None:
    results = list(conformance.run(backend, excluded=EXCLUDED.get(backend.name)))
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert sum(result.outcome == "passed" for result in results) > 20


HEURISTIC = "it is a heuristic that claims no more than `feasible`, and looks for its own points"
UNPROVED = ("nonlinear without rows", "nonlinear with steps that leave the domain", "a start without a value")
EXCLUDED["cbo"] = dict.fromkeys(UNPROVED, HEURISTIC)
FEWER = {"gns": 1, "cbo": 1}  # cases that are left to backends that take no constraints
LOCAL = [b for b in registry.every() if b.version() is not None and "nonlinear" in b.capabilities.forms]


@pytest.mark.parametrize("backend", LOCAL, ids=lambda backend: backend.name)
def test_every_backend_for_nonlinear_problems_passes(backend: Any) -> None:
    results = list(conformance.run(backend, excluded=EXCLUDED.get(backend.name) if backend.name == "cbo" else None))
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert sum(result.outcome == "passed" for result in results) >= FEWER.get(backend.name, 11)


def changed(**attributes: Any) -> Any:
    highs = registry.get("highs")
    names = ("name", "title", "install", "capabilities", "options", "version", "solve", "conflict")
    return SimpleNamespace(**{name: getattr(highs, name) for name in names} | attributes)


def failures(backend: Any) -> set[str]:
    return {result.case for result in conformance.run(backend) if result.outcome == "failed"}


def test_a_backend_with_wrong_signs_of_duals_fails() -> None:
    def solve(*arguments: Any) -> Answer:
        answer = registry.get("highs").solve(*arguments)
        return answer if answer.row_duals is None else replace(answer, row_duals=-answer.row_duals)

    assert {"duals of rows", "duals of a quadratic"} <= failures(changed(solve=solve))


def test_a_backend_that_claims_too_much_fails() -> None:
    def solve(*arguments: Any) -> Answer:
        return replace(registry.get("highs").solve(*arguments), claim="optimal", termination="converged")

    assert {"infeasible rows", "unbounded", "no time", "interrupted"} <= failures(changed(solve=solve))


def test_a_case_that_does_not_apply_is_left_out_with_the_reason() -> None:
    highs = registry.get("highs")
    modest = replace(highs.capabilities, integer=frozenset(), gives=frozenset({"duals", "reduced costs"}))
    results = {result.case: result for result in conformance.run(changed(capabilities=modest))}
    assert results["knapsack"].outcome == "left out"
    assert results["dual ray"].reason == "it does not give dual ray"
    assert results["linear"].outcome == "passed"


def test_an_exclusion_needs_a_case() -> None:
    with pytest.raises(ValueError, match="no case called typo"):
        list(conformance.run(registry.get("highs"), excluded={"typo": "none"}))
