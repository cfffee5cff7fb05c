"""Words, lines, keywords and brackets: what the grammar gets to see."""

from __future__ import annotations

import pytest

from optc.dsl.lexing import DEEPEST, tokens_of_model
from optc.dsl.source import Source
from optc.dsl.words import text_value


def kinds(text: str) -> list[str]:
    found = tokens_of_model(Source("m.opt", text))
    assert found.diagnostics == []
    assert found.tokens[-1].kind == "$END"
    return [token.kind for token in found.tokens[:-1]]


def codes(text: str) -> list[str]:
    return [diagnostic.code.id for diagnostic in tokens_of_model(Source("m.opt", text)).diagnostics]


def statements(text: str) -> int:
    return kinds(text).count("END")


# ---------------------------------------------------------------------------------------------------------------- lines
@pytest.mark.parametrize(
    "text",
    [
        "let a = (b\n + c\n * d)",
        "let a = b +\n c",
        "let a =\n b",
        "minimize\n x",
        "minimize total:\n x",
        "let a = f(x,\n y)",
        "set S = {\n 1,\n\n # a comment\n 2\n}",
        "let a = if b\n then c\n else d",
        "uncertain xi[I] in [0, 1]\n  with a: xi[1] <= 1\n  with b: xi[2] <= 1",
        "solve with a()\n then b()",
        "param a,\n b",
        "let a = x in\n S",
        "let a = not\n b",
        "let a = b ^\n 2",
        "lower f\n{ }",
    ],
)
def test_a_statement_goes_on_where_it_cannot_end(text: str) -> None:
    inner = 1 if "BLOCK_CLOSE" not in kinds(text) else kinds(text)[: kinds(text).index("BLOCK_OPEN")].count("END") + 1
    assert statements(text) == inner


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("var x\nvar y", 2),
        ("var x; var y", 2),
        ("var x;;\n;\n\nvar y;", 2),
        ("var x # a comment\n# another\nvar y", 2),
        ("subject to\n x >= 0\n -y <= 3", 3),
        ("subject to x >= 0; y >= 0", 3),
        ("satisfy\nvar x", 2),
        ("var x binary\nvar y", 2),
        ("let a = 3\nlet b = inf\nlet c = a[1]\nlet d = {1}\nlet e = (b)", 5),
        ("recourse { var y; minimize y }", 3),
        ("\n\n  \n", 0),
        ("var x\r\nvar y\r\n", 2),
        ("\ufeffvar x", 1),
    ],
)
def test_a_statement_ends_where_it_can(text: str, count: int) -> None:
    assert statements(text) == count


@pytest.mark.parametrize("operator", ["*", "/", "^", "==", "<=", ">=", "=>", "and", "or", "+", "-", "..", ",", "!="])
def test_a_line_cannot_begin_with_an_operator(operator: str) -> None:
    assert codes(f"let a = b\n  {operator} c") == ["E0014"]


def test_in_a_list_a_line_may_begin_with_a_minus_once_the_constraint_above_is_complete() -> None:
    assert codes("subject to\n x >= 0\n -y <= 3\n sos1(x[i] for i in I)\n -z <= 0") == []
    assert codes("subject to\n x\n -y <= 3") == ["E0014"]
    assert codes("subject to\n c[i in I]: (x >= 0)\n -y <= 3") == ["E0014"]
    assert codes("subject to\n x >= 0\nlet a = b\n -c") == ["E0014"]


# ------------------------------------------------------------------------------------------------------------- keywords
@pytest.mark.parametrize("word", ["set", "param", "var", "let", "lower", "player", "table", "choose", "use", "certify"])
def test_a_soft_keyword_is_a_name_unless_its_statement_fits(word: str) -> None:
    assert kinds(f"{word} x")[0] == word
    for text in (f"{word} >= 0", f"{word}[1] >= 0", f"{word}: x >= 0", f"{word} * 2 >= 0", f"{word} + x >= 0"):
        assert kinds(text)[0] == "NAME"
    assert kinds(f"var {word} >= 0")[:2] == ["var", "NAME"]
    assert kinds(f"let a = {word} + {word}[1]")[3:7] == ["NAME", "+", "NAME", "["]


def test_words_that_begin_with_a_second_word() -> None:
    assert kinds("subject to")[:1] == ["subject_to"]
    assert kinds("subject >= 0")[0] == "NAME"
    assert kinds("solve with a")[:3] == ["solve", "with", "NAME"]
    assert kinds("solve >= 0")[0] == "NAME"
    assert kinds("recourse { }")[0] == "recourse"
    assert kinds("recourse[1] >= 0")[0] == "NAME"
    assert kinds("satisfy")[0] == "satisfy"
    assert kinds("satisfy >= 1")[0] == "NAME"


def test_minimize_may_be_the_name_of_a_variable() -> None:
    assert kinds("minimize x")[0] == kinds("minimize -x")[0] == kinds("minimize (x)")[0] == "SENSE"
    assert kinds("subject to\n minimize >= 0")[2] == "NAME"
    assert kinds("subject to\n minimize[i] >= 0")[2] == "NAME"


def test_a_word_behind_an_operand_is_a_keyword() -> None:
    assert kinds("var x integer start 3 in [0, start]") == [
        *["var", "NAME", "PROPERTY", "start", "NUMBER", "in", "[", "NUMBER", ",", "NAME", "]", "END"]
    ]
    assert kinds("let a = union union inter minus from") == [
        *["let", "NAME", "=", "NAME", "UNION", "NAME", "UNION", "NAME", "END"]
    ]


def test_not_in_is_one_word_behind_an_operand() -> None:
    assert kinds("let a = i not in S")[3:6] == ["NAME", "not_in", "NAME"]
    assert kinds("let a = not i in S")[3:7] == ["not", "NAME", "in", "NAME"]


def test_unicode_spellings() -> None:
    assert kinds("let a = ∑(x[i] · 2 for i ∈ I) ≤ 3 ≥ 2 ≠ 1") == kinds(
        "let a = sum(x[i] * 2 for i in I) <= 3 >= 2 != 1"
    )


# ------------------------------------------------------------------------------------------------------------- brackets
def test_the_bracket_of_a_constraints_head_is_told_from_a_subscript() -> None:
    assert kinds("subject to\n need[n in N]: x >= 0")[2:4] == ["NAME", "INDEX_OPEN"]
    assert kinds("subject to\n [n in N]: x >= 0")[2] == "INDEX_OPEN"
    assert kinds("subject to\n need[n] >= 0")[2:4] == ["NAME", "["]
    assert kinds("uncertain u in [0, 1] with b[k in K]: u <= k").count("INDEX_OPEN") == 1
    assert kinds('let a = {"k": x[1], "l": 2}').count("INDEX_OPEN") == 0


def test_block_braces_are_told_from_set_braces() -> None:
    found = kinds("lower f[i in {1, 2}] {\n var y\n subject to\n y in {3}\n}\nvar x")
    assert (found.count("BLOCK_OPEN"), found.count("BLOCK_CLOSE"), found.count("{")) == (1, 1, 2)


def test_an_unclosed_bracket_costs_its_statement_alone() -> None:
    text = "let a = f(x\nvar y\nsubject to\n c: (y >= 0\n d[i in I]: y >= 1\nminimize y"
    assert codes(text) == ["E0010", "E0010"]
    assert statements_of(text) == ["let", "var", "subject_to", "NAME", "NAME", "SENSE"]


def statements_of(text: str) -> list[str]:
    found = [token.kind for token in tokens_of_model(Source("m.opt", text)).tokens[:-1]]
    return [kind for before, kind in zip(["END", *found], found, strict=False) if before == "END"]


def test_brackets_deeper_than_the_limit_are_refused_once() -> None:
    assert codes("let a = " + "(" * DEEPEST + "x" + ")" * DEEPEST) == []
    assert codes("let a = " + "(" * (DEEPEST + 50) + "x" + ")" * (DEEPEST + 50) + "\nvar y") == ["E0008"]


# ---------------------------------------------------------------------------------------------- comments and literals
def test_comments_are_kept_and_doc_comments_lead_to_what_is_below() -> None:
    source = Source("m.opt", "# one\nvar x # two\n## three\n##  four\n\nvar y ## five\nvar z")
    found = tokens_of_model(source)
    assert [comment.text for comment in found.comments] == ["# one", "# two", "## three", "##  four", "## five"]
    assert [comment.doc for comment in found.comments] == [False, False, True, True, True]
    assert {source.text[at : at + 5]: len(comments) for at, comments in found.docs.items()} == {"var y": 2}


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        (r'"plain"', "plain"),
        (r'"a\"b\\c\/d"', 'a"b\\c/d'),
        (r'"\b\f\n\r\t"', "\b\f\n\r\t"),
        (r'"\u00e9\ud83d\ude00"', "é😀"),
        ('"# no comment"', "# no comment"),
    ],
)
def test_texts_have_the_escapes_of_json(spelling: str, value: str) -> None:
    assert text_value(spelling) == value
    assert kinds(f"use {spelling}") == ["use", "TEXT", "END"]


@pytest.mark.parametrize("spelling", ["0", "12", "1_000_000", "0.5", "2.5e-3", "1E6", "1e+6", "007", "1_0.2_5"])
def test_numbers(spelling: str) -> None:
    assert kinds(f"let a = {spelling}..n")[3:6] == ["NUMBER", "..", "NAME"]


@pytest.mark.parametrize("spelling", [".5", "5.", "1.2.3", "1__0", "1_", "5.e3"])
def test_what_only_looks_like_a_number(spelling: str) -> None:
    assert codes(f"let a = {spelling}") == ["E0022"]
