"""Discovery, registration, options: nothing is imported before it is needed, and every mistake is named."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import optc
from optc.backends import conformance, registry
from optc.backends.options import Declaration, OptionError, changed, declarations, option, parse
from optc.backends.registry import UnknownBackendError
from optc.compiler.answer import Answer
from optc.compiler.backend import Capabilities
from optc.compiler.forms.linear import LinearForm


@dataclass(frozen=True, slots=True)
class Options:
    steps: int = option("integer", 10, "how many steps", low=1, high=100)
    share: float = option("number", 0.5, "of the work", low=0.0, high=1.0)
    rule: str = option("word", "best", "which to take", choices=("best", "first"))
    verbose: bool = option("switch", False, "say more")
    limit: float | None = option("number", None, "stop there")


def test_listing_backends_imports_no_solver() -> None:
    program = (
        "import sys; from optc.backends import registry; "
        "print([b.name for b in registry.every() if b.version()][0], {'highspy', 'pyscipopt'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "highs set()"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownBackendError) as caught:
        registry.get("high")
    assert caught.value.diagnostic.code.id == "E0601"
    assert "`highs`" in caught.value.diagnostic.hints[0].text


def corner(form: LinearForm, *_rest: Any) -> Answer:
    """The corner of the box that is best; the rows are nobody's business."""
    slope = form.cost if form.sense == "minimize" else -form.cost
    x = np.where(slope >= 0, form.lower, form.upper)
    value = float(form.cost @ x) + form.offset
    return Answer("optimal", "converged", x, value, value)


def box_solver(**attributes: Any) -> Any:
    plain = {
        "name": "box",
        "title": "problems without rows",
        "install": "nothing to install",
        "capabilities": Capabilities(frozenset({"linear"}), frozenset({"linear"}), frozenset({"bound"})),
        "options": Options,
        "version": lambda: "1.0",
        "solve": corner,
    }
    return SimpleNamespace(**(plain | attributes))


def test_a_backend_of_the_users_own_takes_part_and_is_not_trusted() -> None:
    registry.register(box_solver())
    try:
        assert registry.names() == (*registry.BUILT_IN, "box")
        free = optc.parse("var x in [1, 3]\nmaximize 2 * x + 1\n").bind()
        found = free.solve(backend="box", options={"steps": "20"})
        assert (found.status, found.objective, found.route) == ("optimal", 7.0, ("linear", "box"))
        assert found.backend is not None and found.backend.options == {"steps": 20}
        bound = found.certificate.line("bound")
        assert bound is not None and (bound.status, bound.how) == ("reported", "bound by box 1.0")
        tied = optc.parse("var x in [1, 3]\nmaximize x\nsubject to\n  c: x <= 2\n").bind()
        wrong = tied.solve(backend="box")
        assert (wrong.status, wrong.termination, wrong.exit_code) == ("failed", "numerical trouble", 6)
        assert [each.code.id for each in wrong.diagnostics] == ["W0601"]
        assert "`c` is violated by 1" in wrong.diagnostics[0].message
    finally:
        registry.unregister("box")
    assert registry.names() == registry.BUILT_IN


def test_a_lying_bound_is_caught() -> None:
    def liar(*_arguments: Any) -> Answer:
        return Answer("optimal", "converged", np.ones(1), 1.0, 5.0)

    registry.register(box_solver(name="liar", solve=liar))
    try:
        found = optc.parse("var x in [0, 3]\nminimize x\n").bind().solve(backend="liar")
        bound = found.certificate.line("bound")
        assert found.status == "feasible" and found.bound is None
        assert bound is not None and bound.status == "failed"
    finally:
        registry.unregister("liar")


@pytest.mark.parametrize("claim", ["infeasible", "unbounded"])
def test_a_claim_without_evidence_is_not_repeated(claim: Any) -> None:
    def liar(_form: LinearForm, *_rest: Any) -> Answer:
        return Answer(claim, "converged", message="liar says so")

    registry.register(box_solver(name="liar", solve=liar))
    try:
        found = optc.parse("var x in [0, 3]\nminimize x\n").bind().solve(backend="liar")
        assert (found.status, found.exit_code) == ("failed", 6)
        assert [each.code.id for each in found.diagnostics] == ["W0602"]
    finally:
        registry.unregister("liar")


def test_a_backend_that_is_not_installed_is_named_with_the_command() -> None:
    registry.register(box_solver(name="absent", version=lambda: None, install="pip install absent"))
    try:
        found = optc.parse("var x in [0, 3]\nminimize x\n").bind().solve(backend="absent")
        assert (found.status, found.termination, found.exit_code) == ("failed", "no route", 7)
        assert "pip install absent" in found.diagnostics[-1].hints[0].text
    finally:
        registry.unregister("absent")


def test_a_name_is_taken_once_and_a_backend_must_be_whole() -> None:
    with pytest.raises(ValueError, match="called 'highs' already"):
        registry.register(box_solver(name="highs"))
    with pytest.raises(TypeError, match=r"a backend needs .*capabilities"):
        registry.register(SimpleNamespace(name="half"))  # type: ignore[arg-type]


def test_the_conformance_suite_takes_a_backend_of_the_users_own() -> None:
    results = {result.case: result.outcome for result in conformance.run(box_solver())}
    assert results["no rows"] == "passed"
    assert results["linear"] == "failed"
    assert results["quadratic"] == "left out"


def test_options_are_read_from_their_declaration() -> None:
    assert declarations(Options)[0] == Declaration("steps", "integer", 10, "how many steps", 1, 100)
    assert [entry.range_text for entry in declarations(Options)] == [
        "a whole number from 1 to 100",
        "a number from 0 to 1",
        "best, first",
        "true or false",
        "a number",
    ]


def test_texts_of_a_command_line_become_values() -> None:
    given = {"steps": "20", "share": "1e-1", "rule": "first", "verbose": "on", "limit": "-3"}
    assert parse("box", Options, given) == Options(20, 0.1, "first", True, -3.0)
    assert changed(parse("box", Options, {"steps": 11, "share": 0.5})) == {"steps": 11}


@pytest.mark.parametrize(
    ("given", "code", "word"),
    [
        ({"step": 5}, "E0603", "did you mean `steps`?"),
        ({"colour": 5}, "E0603", "optc backends box"),
        ({"steps": 2.5}, "E0604", "a whole number from 1 to 100"),
        ({"steps": True}, "E0604", "a whole number from 1 to 100"),
        ({"steps": "nan"}, "E0604", "a whole number from 1 to 100"),
        ({"steps": None}, "E0604", "a whole number from 1 to 100"),
        ({"steps": 0}, "E0605", "a whole number from 1 to 100"),
        ({"share": "inf"}, "E0605", "a number from 0 to 1"),
        ({"rule": "worst"}, "E0605", "best, first"),
        ({"rule": 3}, "E0604", "best, first"),
        ({"verbose": "perhaps"}, "E0604", "true or false"),
    ],
)
def test_wrong_options_are_told_with_what_is_allowed(given: dict[str, Any], code: str, word: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse("box", Options, given)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code.id == code and word in diagnostic.hints[0].text


def test_a_field_that_is_no_option_is_a_mistake_of_the_backend() -> None:
    @dataclass(frozen=True)
    class Wrong:
        steps: int = 3

    with pytest.raises(TypeError, match=r"Wrong.steps was not declared"):
        declarations(Wrong)
