"""Wrong models and what is said about them: ``<folder>/<case>.opt`` and beside it ``<case>.expected``.

``OPTC_UPDATE_GOLDEN=1`` writes the expected texts anew; the difference is then read like code. A case in ``syntax`` is
parsed alone; those in the other folders are parsed and checked. A first line ``# also: E0101`` is no magic, only a
remark.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.parse import parse
from optc.dsl.render import apply_edits, render
from optc.dsl.source import Source

HERE = Path(__file__).parent
FOLDERS = ("syntax", "names", "types", "rules", "levels")
CASES = [path for folder in FOLDERS for path in sorted((HERE / folder).glob("*.opt"))]


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


@pytest.mark.parametrize("path", CASES, ids=case_name)
def test_each_mend_removes_its_mistake(path: Path) -> None:
    source = read(path)
    found = diagnostics_of(path.parent.name, source)
    for diagnostic in found:
        for hint in diagnostic.hints:
            if hint.edits and all(edit.span.source is source for edit in hint.edits):
                mended = Source(path.name, apply_edits(source.text, hint.edits))
                after = diagnostics_of(path.parent.name, mended)
                assert count(after, diagnostic) < count(found, diagnostic), mended.text
                assert len(after) < len(found) or mends_can_show_more(diagnostic), mended.text


def mends_can_show_more(diagnostic: Diagnostic) -> bool:
    """A statement with a syntax error is given up at the first one, so that its mend may bring up the next."""
    return diagnostic.code.id.startswith("E00")


def count(found: Sequence[Diagnostic], like: Diagnostic) -> int:
    return sum(diagnostic.code is like.code and diagnostic.message == like.message for diagnostic in found)


@pytest.mark.parametrize("path", CASES, ids=case_name)
def test_where_all_mistakes_have_mends_these_give_a_right_model(path: Path) -> None:
    source = read(path)
    while found := diagnostics_of(path.parent.name, source):
        mends = [hint for hint in found[0].hints if hint.edits]
        if not mends:
            pytest.skip("the first mistake has no exact mend")
        before = source.text
        source = Source(path.name, apply_edits(source.text, mends[0].edits))
        assert source.text != before
