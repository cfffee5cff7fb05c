"""Every code of the syntax and habits catalogues is said by some golden case, and its texts are whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from optc.dsl.catalogue import habits, syntax
from optc.dsl.diagnostics import Code
from optc.dsl.parse import parse
from optc.dsl.source import Source

CODES = [*syntax.CODES, *habits.CODES]
CASES = sorted((Path(__file__).parents[1] / "golden" / "syntax").glob("*.opt"))


def test_every_code_has_a_golden_case() -> None:
    said = {
        diagnostic.code.id
        for path in CASES
        for diagnostic in parse(Source(path.name, path.read_text(encoding="utf-8"))).diagnostics
    }
    assert {code.id for code in CODES} - said == set()


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.id)
def test_a_code_has_a_title_a_fact_and_an_explanation(code: Code) -> None:
    assert code.id[0] in "EWN"
    assert 0 <= int(code.id[1:]) < 100
    assert all((code.title, code.fact, code.hint or code.id == "E0001", code.explanation.strip()))
    assert max(map(len, code.explanation.splitlines())) <= 120
