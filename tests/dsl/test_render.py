"""Diagnostics on a terminal and as JSON, and the edits of hints."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optc.dsl.columns import lay_out, visible, width
from optc.dsl.diagnostics import Code, Diagnostic, Edit, Hint, Label, Place
from optc.dsl.render import WIDTH, apply_edits, ordered, render, summary, to_json
from optc.dsl.source import Source, Span

ERROR = Code("E0123", "title", "fact", None, "text")
WARNING = Code("W0101", "title", "fact", None, "text")
NOTE = Code("N0101", "title", "fact", None, "text")

DIET = Source(
    "diet.opt", "set Foods\nvar x[Foods] >= 0\nminimize cost: sum(x[f] for f in Foods)\nsubject to\n  a: x = 3\n"
)


def span(text: str, source: Source = DIET, after: int = 0) -> Span:
    start = source.text.index(text, after)
    return Span(source, start, start + len(text))


def shown(*diagnostics: Diagnostic) -> str:
    return render(diagnostics, color=False)


def test_nothing_to_say_is_an_empty_text():
    assert render([], color=False) == ""
    assert render([], color=True) == ""


def test_an_error_with_labels_and_a_mended_line():
    equals = span("=", after=span("a: x").start)
    diagnostic = Diagnostic(
        ERROR,
        "`=` compares nothing",
        equals,
        "an equation is written `==`",
        (Label(span("x", after=equals.start - 3), "this is a family"), Label(span("Foods"), "over this set")),
        (Hint("write `==`", (Edit(equals, "=="),)),),
    )
    assert shown(diagnostic) == (
        "error[E0123]: `=` compares nothing\n"
        " --> diet.opt:5:8\n"
        "  |\n"
        "1 | set Foods\n"
        "  |     ----- over this set\n"
        "...\n"
        "5 |   a: x = 3\n"
        "  |      - ^ an equation is written `==`\n"
        "  |      |\n"
        "  |      this is a family\n"
        "  |\n"
        "  = help: write `==`\n"
        "  |\n"
        "5 |   a: x == 3\n"
        "  |        ~~\n"
        "\n"
        "1 error\n"
    )


def test_an_insertion_is_marked_with_plus_and_a_deletion_shows_both_lines():
    three = span("3")
    diagnostic = Diagnostic(
        ERROR,
        "odd",
        three,
        hints=(
            Hint("multiply", (Edit(Span(DIET, three.start, three.start), "2*"),)),
            Hint("drop it", (Edit(Span(DIET, three.start - 1, three.end), ""),)),
        ),
    )
    lines = shown(diagnostic).splitlines()
    assert lines[lines.index("  = help: multiply") + 2 :][:2] == ["5 |   a: x = 2*3", "  |          ++"]
    assert lines[lines.index("  = help: drop it") + 2 :][:2] == ["5 -   a: x = 3", "5 +   a: x ="]


def test_an_inserted_line_is_shown_as_added():
    start = span("subject to").start
    hint = Hint("declare it", (Edit(Span(DIET, start, start), "var y >= 0\n"),))
    lines = shown(Diagnostic(ERROR, "unknown", span("3"), hints=(hint,))).splitlines()
    assert "4 + var y >= 0" in lines
    assert not any(line.startswith("4 -") for line in lines)


def test_an_edit_in_another_file_names_the_file():
    other = Source("lib.opt", "param a\n")
    hint = Hint("give it a default", (Edit(Span(other, 7, 7), " default 0"),))
    lines = shown(Diagnostic(ERROR, "missing", span("3"), hints=(hint,))).splitlines()
    assert " ::: lib.opt:1:8" in lines
    assert "1 | param a default 0" in lines


def test_a_span_over_several_lines_is_drawn_at_both_ends():
    source = Source("m.opt", "subject to\n  c: sum(x[i]\n    for i in I\n    if a\n  ) <= 3\n")
    diagnostic = Diagnostic(ERROR, "long", Span(source, source.text.index("sum"), source.text.index(" <=")), "here")
    assert shown(diagnostic) == (
        "error[E0123]: long\n"
        " --> m.opt:2:6\n"
        "  |\n"
        "2 |   c: sum(x[i]\n"
        "  |      ^^^^^^^^\n"
        "...\n"
        "5 |   ) <= 3\n"
        "  |   ^ here\n"
        "\n"
        "1 error\n"
    )


def test_a_span_that_ends_with_its_line_stays_on_it():
    source = Source("m.opt", "set A\nset B\n")
    assert "^^^^^" in shown(Diagnostic(ERROR, "m", Span(source, 0, 6)))
    assert "set B" not in shown(Diagnostic(ERROR, "m", Span(source, 0, 6)))


def test_a_place_at_the_end_of_the_text_gets_one_caret():
    for text in ("", "set", "set\n"):
        source = Source("m.opt", text)
        lines = shown(Diagnostic(ERROR, "m", Span(source, len(text), len(text)))).splitlines()
        assert lines[4].strip(" |") == "^"


def marked(line: str) -> tuple[str, str]:
    """The source row and the caret row for a span over the ``@`` part of ``line`` (``@`` left out)."""
    before, inside, after = line.split("@")
    source = Source("m.opt", before + inside + after)
    rows = shown(Diagnostic(ERROR, "m", Span(source, len(before), len(before + inside)))).splitlines()
    return rows[3][4:], rows[4][4:]


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("abc @def@ g", (4, 7)),
        ("\tx @y@", (6, 7)),
        ("ab\tx @y@", (6, 7)),
        ("名前 @x@", (5, 6)),
        ("@名前@ x", (0, 4)),
        ("e\u0301 @x@", (2, 3)),
        ("a\u200bb @x@", (3, 4)),
        ("\x1b[31m @x@", (6, 7)),
    ],
)
def test_carets_stand_below_tabs_wide_and_combining_characters(line: str, columns: tuple[int, int]):
    row, carets = marked(line)
    assert (len(carets) - len(carets.lstrip()), len(carets)) == columns
    assert "\t" not in row and "\x1b" not in row


@pytest.mark.parametrize("before", [0, 50, 119, 120, 500, 100_000])
@pytest.mark.parametrize("after", [0, 50, 500])
@pytest.mark.parametrize("inside", [1, 60, 400])
def test_long_lines_are_cut_around_the_span(before: int, inside: int, after: int):
    row, carets = marked(f"{'a' * before}@{'b' * inside}@{'c' * after}")
    assert len(row) <= WIDTH + 6
    low, high = len(carets) - len(carets.lstrip()), len(carets)
    assert set(row[low : min(high, len(row) - 3)]) <= {"b"}
    assert row[low] == "b"
    if inside <= 60:
        assert row[low:high] == "b" * inside
    assert not row.startswith("...") or before > 0


def test_two_far_apart_marks_on_a_long_line_keep_both_texts():
    source = Source("m.opt", "x" + " " * 500 + "y")
    diagnostic = Diagnostic(ERROR, "m", Span(source, 501, 502), "there", (Label(Span(source, 0, 1), "here"),))
    text = shown(diagnostic)
    assert "there" in text and "here" in text
    assert max(map(len, text.splitlines())) <= WIDTH + 30


def test_overlapping_marks_keep_all_texts():
    whole, part = span("sum(x[f] for f in Foods)"), span("x[f]")
    diagnostic = Diagnostic(ERROR, "m", whole, "outer", (Label(part, "inner"), Label(part, "again")))
    text = shown(diagnostic)
    assert all(word in text for word in ("outer", "inner", "again"))


def test_labels_in_other_files_follow_with_their_own_arrow():
    other = Source("lib.opt", "set B\n")
    lines = shown(Diagnostic(ERROR, "m", span("3"), "", (Label(span("B", other), "see this"),))).splitlines()
    at = lines.index(" ::: lib.opt:1:5")
    assert lines[at + 2 :][:2] == ["1 | set B", "  |     - see this"]


def test_places_in_data_show_file_row_path_and_excerpt():
    csv = Diagnostic(ERROR, "no number", Place("foods.csv", 12, None, None, "corn,abc,3"))
    path = Diagnostic(ERROR, "missing", Place("diet.json", path='cost["corn"]'))
    assert shown(csv, path) == (
        "error[E0123]: no number\n"
        "  --> foods.csv:12\n"
        "   |\n"
        "12 | corn,abc,3\n"
        "\n"
        "error[E0123]: missing\n"
        ' --> diet.json, cost["corn"]\n'
        "\n"
        "2 errors\n"
    )


def test_without_a_place_the_message_and_hints_remain():
    diagnostic = Diagnostic(ERROR, "two\nlines", None, hints=(Hint("do this"),), context=("while that",))
    assert shown(diagnostic) == "error[E0123]: two\n  lines\n  = note: while that\n  = help: do this\n\n1 error\n"


def test_order_is_by_file_then_position():
    other = Source("lib.opt", "set B\n")
    listed = [
        Diagnostic(ERROR, "no place", None),
        Diagnostic(ERROR, "late", span("3")),
        Diagnostic(ERROR, "other", span("B", other)),
        Diagnostic(ERROR, "early", span("Foods")),
        Diagnostic(ERROR, "row 2", Place("d.csv", 2)),
        Diagnostic(ERROR, "row 1", Place("d.csv", 1)),
    ]
    assert [d.message for d in ordered(listed)] == ["early", "late", "other", "row 1", "row 2", "no place"]


def test_the_summary_counts_by_severity():
    assert summary([Diagnostic(c, "", None) for c in (NOTE, ERROR, WARNING, ERROR)]) == "2 errors, 1 warning, 1 note"


def test_colours_change_nothing_but_colours():
    diagnostic = Diagnostic(WARNING, "m", span("3"), "here", (Label(span("x"), "there"),), (Hint("help"),))
    coloured = render([diagnostic], color=True)
    assert "\x1b[1;33m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown(diagnostic)


def test_texts_cannot_steer_the_terminal():
    source = Source("a\x1b[2J.opt", "var x\x1b[31m\u202e\n")
    label = Diagnostic(ERROR, "bad \x1b]0;t\x07", Span(source, 0, 9), "l\x9b", hints=(Hint("h\x1b"),))
    place = Diagnostic(ERROR, "m", Place("f\x1b", 1, None, "p\x1b", "e\x1bf"))
    text = shown(label, place)
    assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_json_has_the_fixed_keys_and_the_edits():
    equals = span("=", after=span("a: x").start)
    value = to_json(Diagnostic(ERROR, "m", equals, hints=(Hint("write `==`", (Edit(equals, "=="),)), Hint("or not"))))
    assert {
        k: value[k] for k in ("code", "severity", "message", "file", "line", "column", "end_line", "end_column")
    } == {
        "code": "E0123",
        "severity": "error",
        "message": "m",
        "file": "diet.opt",
        "line": 5,
        "column": 8,
        "end_line": 5,
        "end_column": 9,
    }
    assert value["hints"] == ["write `==`", "or not"]
    assert value["edits"] == [
        [{"file": "diet.opt", "line": 5, "column": 8, "end_line": 5, "end_column": 9, "replacement": "=="}],
        [],
    ]


def test_json_of_data_places_and_of_none():
    value = to_json(Diagnostic(NOTE, "m", Place("d.csv", 3, 2, "p")))
    assert (value["file"], value["line"], value["column"], value["path"]) == ("d.csv", 3, 2, "p")
    assert to_json(Diagnostic(NOTE, "m", None))["file"] is None


def test_edits_apply_in_order_and_must_not_overlap():
    source = Source("m", "abcdef")
    changes = [(4, 5, "E"), (0, 1, ""), (2, 2, "1"), (2, 2, "2")]
    edits = [Edit(Span(source, start, end), text) for start, end, text in changes]
    assert apply_edits(source.text, edits) == "b12cdEf"
    for bad in ([Edit(Span(source, 0, 3), ""), Edit(Span(source, 2, 4), "")], [Edit(Span(source, 5, 9), "")]):
        with pytest.raises(ValueError, match="overlap or leave"):
            apply_edits(source.text, bad)


@given(st.text(st.characters(exclude_characters="\n\r"), max_size=60))
def test_columns_grow_and_cells_are_as_wide_as_said(line: str):
    layout = lay_out(line)
    assert len(layout.cells) == len(line)
    assert [width(cell) for cell in layout.cells] == [
        b - a for a, b in zip(layout.starts, layout.starts[1:], strict=False)
    ]
    assert layout.column(len(line) + 3) == layout.width + 3


@given(st.text(max_size=80), st.data())
def test_every_span_of_every_text_renders(text: str, data: st.DataObject):
    source = Source("m.opt", text)
    places = st.integers(0, len(text))
    spans = [Span(source, *sorted((data.draw(places), data.draw(places)))) for _ in range(4)]
    labels = tuple(Label(s, "label") for s in spans[1:3])
    rendered = shown(Diagnostic(ERROR, "m", spans[0], "primary", labels, (Hint("h", (Edit(spans[3], "new\ntext"),)),)))
    assert rendered.count("label") >= 2 and "primary" in rendered and "^" in rendered
    assert visible(rendered) == rendered
