"""Wrong models and what is said about them: ``<folder>/<case>.opt`` and beside it ``<case>.expected``.

``OPTC_UPDATE_GOLDEN=1`` writes the expected texts anew; the difference is then read like code. A case in ``syntax`` is
parsed alone; those in the other folders are parsed and checked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from optc.dsl.diagnostics import Diagnostic, Edit
from optc.dsl.parse import parse
from optc.dsl.render import apply_edits, render
from optc.dsl.source import Source

HERE = Path(__file__).parent
FOLDERS = ("syntax", "names", "types", "rules", "levels")
CASES = [path for folder in FOLDERS for path in sorted((HERE / folder).glob("*.opt"))]
SYNTAX_CASES = [path for path in CASES if path.parent.name == "syntax"]


def diagnostics_of(folder: str, source: Source) -> Sequence[Diagnostic]:
    if folder == "syntax":
        return parse(source).diagnostics
    from optc.loading import load

    return load(source).diagnostics


def read(path: Path) -> Source:
    return Source(path.name, path.read_bytes().decode("utf-8"))


def case_name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", CASES, ids=case_name)
def test_what_is_said(path: Path) -> None:
    found = diagnostics_of(path.parent.name, read(path))
    assert found, "a wrong model is accepted"
    text = render(found, color=False)
    expected = path.with_suffix(".expected")
    if os.environ.get("OPTC_UPDATE_GOLDEN") == "1":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SYNTAX_CASES, ids=case_name)
def test_each_mend_of_syntax_removes_its_mistake(path: Path) -> None:
    source = read(path)
    found = parse(source).diagnostics
    for diagnostic in found:
        for hint in diagnostic.hints:
            if hint.edits:
                mended = Source(path.name, apply_edits(source.text, hint.edits))
                assert count(parse(mended).diagnostics, diagnostic) < count(found, diagnostic), mended.text


def count(found: Sequence[Diagnostic], like: Diagnostic) -> int:
    return sum(diagnostic.code is like.code and diagnostic.message == like.message for diagnostic in found)


@pytest.mark.parametrize("path", SYNTAX_CASES, ids=case_name)
def test_the_mends_of_syntax_lead_to_a_model_that_parses(path: Path) -> None:
    """Mend after mend is applied; what is left in the end are mistakes without an exact mend, none of them new."""
    source = read(path)
    without_mend = {diagnostic.message for diagnostic in parse(source).diagnostics if not mends(diagnostic)}
    for _ in range(100):
        found = parse(source).diagnostics
        mendable = [diagnostic for diagnostic in found if mends(diagnostic)]
        if not mendable:
            assert {diagnostic.message for diagnostic in found} <= without_mend, source.text
            return
        source = Source(path.name, apply_edits(source.text, mends(mendable[0])[0]))
    pytest.fail(f"the mends come to no end:\n{source.text}")


def mends(diagnostic: Diagnostic) -> list[tuple[Edit, ...]]:
    return [hint.edits for hint in diagnostic.hints if hint.edits]
