"""Each code of the checker is raised somewhere, with the facts that its texts name."""

from __future__ import annotations

import ast
import string
from importlib import import_module
from pathlib import Path

import pytest

from optc.dsl.diagnostics import Code

CHECK = Path(__file__).resolve().parents[3] / "dsl" / "check"
SUBJECTS = ("names", "types", "rules", "levels")
NOT_FACTS = {"label", "labels", "hints"}
MODULES = {subject: import_module(f"optc.dsl.catalogue.{subject}") for subject in SUBJECTS}


def catalogues(tree: ast.Module) -> dict[str, str]:
    """Local names of the catalogue's modules in a module of the checker."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "catalogue"
        for alias in node.names
        if alias.name in SUBJECTS
    }


def named_code(node: ast.expr, local: dict[str, str]) -> Code | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in local:
        code: Code = getattr(MODULES[local[node.value.id]], node.attr)
        return code
    return None


def fields(code: Code) -> set[str]:
    templates = (code.fact, code.hint or "")
    return {name for template in templates for _, name, _, _ in string.Formatter().parse(template) if name}


TREES = {path.name: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(CHECK.glob("*.py"))}


@pytest.mark.parametrize("name", TREES)
def test_calls_give_the_facts_that_the_texts_need(name: str) -> None:
    tree = TREES[name]
    local = catalogues(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say":
            code = named_code(node.args[0], local)
            if code is not None:
                given = {k.arg for k in node.keywords if k.arg is not None} - NOT_FACTS
                assert fields(code) <= given, f"{name}:{node.lineno} {code.id}"


def test_every_code_is_used() -> None:
    used = {
        code.id
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and (code := named_code(node, catalogues(tree))) is not None
    }
    used |= {"E0101"}  # named by itself where repetitions are left out
    assert {code.id for module in MODULES.values() for code in module.CODES} - used == set()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_codes_say_what_is_wrong_and_why(subject: str) -> None:
    for code in MODULES[subject].CODES:
        assert code.title and code.fact, code.id
        reason, _, example = code.explanation.partition("\n\n    ")
        assert len(reason) > 25 and example, code.id
        assert not code.title.endswith(".") and not code.fact.endswith("."), code.id
        assert code.hint is not None or code.id in {"E0301", "N0319", "W0410", "N0411", "N0444"}, code.id
