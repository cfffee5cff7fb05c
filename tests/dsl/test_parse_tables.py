"""The tables that are shipped are those of the grammar that is shipped, and they are without conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from optc.dsl import generate
from optc.dsl.parse import parse, tables
from optc.dsl.source import Source
from optc.dsl.tree import Builder

DSL = Path(generate.__file__).parent


def test_the_tables_are_those_of_the_grammar() -> None:
    grammar = (DSL / "grammar.lark").read_text(encoding="utf-8")
    written = (DSL / "tables.py").read_text(encoding="utf-8")
    assert generate.tables(grammar) == written, "run python -m optc.dsl.generate"


def test_an_ambiguous_grammar_is_refused() -> None:
    grammar = 'model: expression\nexpression: NAME | expression "+" expression\n%declare NAME\n'
    with pytest.raises(generate.ConflictError):
        generate.tables(grammar)


def test_every_rule_has_a_builder() -> None:
    names = {rule.function for rule in tables().rules} - {"-", "__list"}
    assert {name for name in names if not callable(getattr(Builder, name, None))} == set()


def test_parsing_does_not_need_lark() -> None:
    import subprocess
    import sys

    program = "import sys; from optc.dsl.parse import parse, tables; tables(); sys.exit('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert parse(Source("m.opt", "var x")).diagnostics == ()
