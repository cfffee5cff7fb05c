"""Every exact mend of a golden wrong model mends it: with the edits of its diagnostics applied, the model checks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from optc.dsl.check import check
from optc.dsl.diagnostics import Diagnostic, Edit
from optc.dsl.parse import parse
from optc.dsl.render import apply_edits
from optc.dsl.source import Source

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
FOLDERS = ("names", "types", "rules", "levels")
CASES = sorted(path for folder in FOLDERS for path in (GOLDEN / folder).glob("*.opt"))


def diagnostics(text: str) -> list[Diagnostic]:
    parsed = parse(Source("case.opt", text))
    return [*parsed.diagnostics, *check(parsed.model, lambda _target: None, parsed.diagnostics).diagnostics]


def first_edits(found: Diagnostic) -> tuple[Edit, ...]:
    return next((hint.edits for hint in found.hints if hint.edits), ())


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_applied_mends_remove_what_they_mend(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    before = diagnostics(text)
    assert before, "a golden wrong model has something wrong"
    edits = [edit for found in before for edit in first_edits(found)]
    if not edits:
        return
    left = Counter(d.code.id for d in before if d.severity == "error" and not first_edits(d))
    after = Counter(d.code.id for d in diagnostics(apply_edits(text, edits)) if d.severity == "error")
    assert after == left


def test_there_are_models_with_mends_for_most_subjects() -> None:
    mended = {p.parent.name for p in CASES if any(first_edits(d) for d in diagnostics(p.read_text(encoding="utf-8")))}
    assert mended == set(FOLDERS)


def test_every_code_of_the_checker_has_a_golden_model() -> None:
    from optc.dsl.catalogue import levels, names, rules, types

    shown = {d.code.id for path in CASES for d in diagnostics(path.read_text(encoding="utf-8"))}
    declared = {code.id for module in (names, types, rules, levels) for code in module.CODES}
    assert declared - shown == set()
