"""Reading MPS: what each section means, what dialects leave open, and what is refused with its place."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optc.compiler.export.named import NamedForm
from optc.compiler.forms.linear import QuadraticForm
from optc.compiler.mps import MpsError, read_mps
from optc.dsl.diagnostics import Place

INF = np.inf

WHOLE = """\
* a comment
NAME          SMALL
OBJSENSE
    MAX
ROWS
 N  profit
 N  unused
 L  most
 G  least
 E  same
 E  up
 E  down
COLUMNS
    x  profit  3  most  1
    x  unused  9
    x  same  1.5D0
    M1  'MARKER'  'INTORG'
    k  profit  2  least  1
    b  up  1
    M2  'MARKER'  'INTEND'
    y  most  2  down  -1
RHS
    RHS  profit  -7
    RHS  most  10  least  1
    RHS  same  4  up  2
    RHS  down  2
RANGES
    RNG  most  4  least  3
    RNG  up  5  down  -5
BOUNDS
 UP BND x 8
 LO BND k 2
 FR BND y
ENDATA
what follows is not read
"""


def read(text: str) -> NamedForm:
    return read_mps(text, "small.mps")


def with_bounds(lines: str, *, integer: bool = False) -> tuple[float, float, bool]:
    """Bounds and integrality of a column x after the given BOUNDS lines."""
    marker = "    M 'MARKER' 'INTORG'\n" if integer else ""
    form = read(f"NAME\nROWS\n N c\nCOLUMNS\n{marker}    x c 1\nBOUNDS\n{lines}\nENDATA\n").form
    return float(form.lower[0]), float(form.upper[0]), bool(form.integer[0])


def refusal(text: str) -> tuple[str, int | None, str]:
    """Code, line and message of the refusal of a text."""
    with pytest.raises(MpsError) as caught:
        read(text)
    (diagnostic,) = caught.value.diagnostics
    assert isinstance(diagnostic.place, Place)
    assert diagnostic.place.file == "small.mps"
    assert diagnostic.hints and diagnostic.hints[0].text
    return diagnostic.code.id, diagnostic.place.line, diagnostic.message


def test_every_section_lands_in_its_array() -> None:
    problem = read(WHOLE)
    form = problem.form
    assert (problem.name, problem.objective) == ("SMALL", "profit")
    assert problem.rows == ("most", "least", "same", "up", "down")
    assert problem.columns == ("x", "k", "b", "y")
    assert form.sense == "maximize"
    assert form.offset == 7.0
    assert form.cost.tolist() == [3.0, 2.0, 0.0, 0.0]
    assert form.row_lower.tolist() == [6.0, 1.0, 4.0, 2.0, -3.0]
    assert form.row_upper.tolist() == [10.0, 4.0, 4.0, 7.0, 2.0]
    assert form.lower.tolist() == [0.0, 2.0, 0.0, -INF]
    assert form.upper.tolist() == [8.0, INF, 1.0, INF]
    assert form.integer.tolist() == [False, True, True, False]
    assert form.starts.tolist() == [0, 2, 3, 4, 5, 6]
    assert form.indices.tolist() == [0, 3, 1, 0, 2, 3]
    assert form.values.tolist() == [1.0, 2.0, 1.0, 1.5, 1.0, -1.0]


@pytest.mark.parametrize(
    ("lines", "integer", "expected"),
    [
        ("", False, (0.0, INF, False)),
        ("", True, (0.0, 1.0, True)),
        (" PL B x", True, (0.0, INF, True)),
        (" LO B x 3", True, (3.0, INF, True)),
        (" UP B x 4", False, (0.0, 4.0, False)),
        (" UP B x -4", False, (-INF, -4.0, False)),
        (" UP B x 0", False, (0.0, 0.0, False)),
        (" LO B x -9\n UP B x -4", False, (-9.0, -4.0, False)),
        (" UP B x -4\n LO B x -9", False, (-9.0, -4.0, False)),
        (" MI B x", False, (-INF, INF, False)),
        (" MI B x\n UP B x 5", False, (-INF, 5.0, False)),
        (" FX B x 2.5", False, (2.5, 2.5, False)),
        (" FR B x", False, (-INF, INF, False)),
        (" BV B x", False, (0.0, 1.0, True)),
        (" LI B x 2\n UI B x 6", False, (2.0, 6.0, True)),
        (" UP x 4", False, (0.0, 4.0, False)),
        (" FR x", False, (-INF, INF, False)),
        (" UP B x 1e30", True, (0.0, INF, True)),
        (" LO B x -inf", False, (-INF, INF, False)),
    ],
)
def test_bounds(lines: str, integer: bool, expected: tuple[float, float, bool]) -> None:
    assert with_bounds(lines, integer=integer) == expected


@pytest.mark.parametrize("head", ["OBJSENSE MAX", "OBJSENSE\n    MAXIMIZE", "OBJSENSE\n  max", "MAX"])
def test_ways_to_say_maximize(head: str) -> None:
    assert read(f"NAME\n{head}\nROWS\n N c\nCOLUMNS\n x c 1\nENDATA\n").form.sense == "maximize"


def test_objname_picks_the_objective() -> None:
    problem = read("NAME\nOBJNAME\n  second\nROWS\n N first\n N second\nCOLUMNS\n x first 1 second 5\nENDATA\n")
    assert problem.objective == "second"
    assert problem.form.cost.tolist() == [5.0]


def test_a_file_without_objective_asks_for_a_feasible_point() -> None:
    form = read("NAME\nROWS\n L r\nCOLUMNS\n x r 1\nRHS\n RHS r 3\nENDATA\n").form
    assert form.cost.tolist() == [0.0]
    assert form.row_upper.tolist() == [3.0]


def test_right_hand_sides_without_a_set_name() -> None:
    form = read("NAME\nROWS\n N c\n L r\n L s\nCOLUMNS\n x r 1 s 1\nRHS\n  r 3 s 4\nRANGES\n  r 1\nENDATA\n").form
    assert form.row_upper.tolist() == [3.0, 4.0]
    assert form.row_lower.tolist() == [2.0, -INF]


def test_names_with_blanks_are_read_in_fixed_columns() -> None:
    text = (
        "NAME          BLANKS\n"
        "ROWS\n"
        " N  COST\n"
        " L  MY ROW\n"
        "COLUMNS\n"
        "    COL 1     COST               1.0   MY ROW             2.0\n"
        "    COL 2     MY ROW             3.0\n"
        "RHS\n"
        "    RHS       MY ROW             9.0\n"
        "BOUNDS\n"
        " UP BND       COL 1              4.0\n"
        "ENDATA\n"
    )
    problem = read(text)
    assert problem.rows == ("MY ROW",)
    assert problem.columns == ("COL 1", "COL 2")
    assert problem.form.values.tolist() == [2.0, 3.0]
    assert problem.form.row_upper.tolist() == [9.0]
    assert problem.form.upper.tolist() == [4.0, INF]


@pytest.mark.parametrize(
    ("section", "lines"),
    [("QUADOBJ", " x x 2\n x y 1\n y y 4\n"), ("QMATRIX", " x x 2\n x y 1\n y x 1\n y y 4\n")],
)
def test_quadratic_objectives(section: str, lines: str) -> None:
    form = read(f"NAME\nROWS\n N c\nCOLUMNS\n x c 1\n y c 0\n{section}\n{lines}ENDATA\n").form
    assert isinstance(form, QuadraticForm)
    assert form.hessian_starts.tolist() == [0, 2, 3]
    assert form.hessian_indices.tolist() == [0, 1, 1]
    assert form.hessian_values.tolist() == [2.0, 1.0, 4.0]


HEAD = "NAME\nROWS\n N c\n L r\nCOLUMNS\n x c 1 r 1\n"


@pytest.mark.parametrize(
    ("text", "code", "line", "words"),
    [
        ("", "E0714", None, "no ROWS"),
        ("minimise\nx >= 1\n", "E0710", 2, "no section"),
        (HEAD, "E0710", 7, "without ENDATA"),
        (HEAD + " x r 1\nENDATA\n", "E0713", 7, "entry of column x in row r"),
        (HEAD + " x q 1\nENDATA\n", "E0712", 7, "row q"),
        (HEAD + " y r one\nENDATA\n", "E0710", 7, "one"),
        (HEAD + " y r nan\nENDATA\n", "E0710", 7, "nan"),
        (HEAD + " y r inf\nENDATA\n", "E0710", 7, "inf"),
        (HEAD + " y r\nENDATA\n", "E0710", 7, "column line"),
        (HEAD + " y c 1\n x c 2\nENDATA\n", "E0710", 8, "do not stand together"),
        (HEAD + "RHS\n RHS q 1\nENDATA\n", "E0712", 8, "row q"),
        (HEAD + "RHS\n RHS r 1\n RHS r 2\nENDATA\n", "E0713", 9, "RHS entry of row r"),
        (HEAD + "RHS\n A r 1\n B c 2\nENDATA\n", "E0711", 9, "second set"),
        (HEAD + "BOUNDS\n UP B y 1\nENDATA\n", "E0712", 8, "column y"),
        (HEAD + "BOUNDS\n UP B x\nENDATA\n", "E0710", 8, "incomplete"),
        (HEAD + "BOUNDS\n ZZ B x 1\nENDATA\n", "E0710", 8, "no kind of bound"),
        (HEAD + "BOUNDS\n SC B x 1\nENDATA\n", "E0711", 8, "semicontinuous"),
        (HEAD + "BOUNDS\n UP B x 1\n UP B x 2\nENDATA\n", "E0713", 9, "upper bound"),
        (HEAD + "BOUNDS\n LO B x 3\n UP B x 2\nENDATA\n", "E0710", None, "cross"),
        (HEAD + "SOS\n S1 s1\nENDATA\n", "E0711", 7, "special ordered"),
        (HEAD + "INDICATORS\n IF r x 1\nENDATA\n", "E0711", 7, "indicator"),
        ("NAME\nROWS\n N c\n N c\nCOLUMNS\n x c 1\nENDATA\n", "E0713", 4, "row c"),
        ("NAME\nROWS\n X c\nCOLUMNS\n x c 1\nENDATA\n", "E0710", 3, "row line"),
        ("NAME\nCOLUMNS\n x c 1\nENDATA\n", "E0710", 2, "before ROWS"),
        ("NAME\n x 1\nENDATA\n", "E0710", 2, "outside a section"),
        ("NAME\nOBJSENSE\n sideways\nROWS\n N c\nCOLUMNS\n x c 1\nENDATA\n", "E0710", 3, "SIDEWAYS"),
        (HEAD + "QMATRIX\n x y 1\nENDATA\n", "E0712", 8, "column y"),
        (HEAD + " y c 1\nQMATRIX\n x y 1\nENDATA\n", "E0710", None, "other triangle"),
    ],
)
def test_refusals_name_the_line(text: str, code: str, line: int | None, words: str) -> None:
    found_code, found_line, message = refusal(text)
    assert found_code == code
    assert words in message
    if line is not None:
        assert found_line == line


def test_unknown_names_get_the_nearest_one() -> None:
    with pytest.raises(MpsError) as caught:
        read(HEAD + "BOUNDS\n UP B xx 1\nENDATA\n".replace("xx", "x1"))
    assert "did you mean x?" in caught.value.diagnostics[0].hints[0].text


lines_of_mps = st.lists(
    st.sampled_from(
        [*WHOLE.splitlines(), *HEAD.splitlines(), " UP BND", "RHS", "    x", " N", "QUADOBJ", "    x y 1", ""]
    ),
    max_size=25,
)


@given(lines_of_mps, st.lists(st.tuples(st.integers(0, 400), st.characters(max_codepoint=0x2FF)), max_size=4))
def test_any_text_is_read_or_refused(lines: list[str], changes: list[tuple[int, str]]) -> None:
    text = "\n".join(lines)
    for at, character in changes:
        text = text[:at] + character + text[at + 1 :]
    try:
        form = read(text).form
    except MpsError as refusal:
        assert all(diagnostic.message and diagnostic.hints for diagnostic in refusal.diagnostics)
    else:
        assert form.starts[-1] == len(form.values) == len(form.indices)


@given(st.integers(0, len(WHOLE) - 1), st.text(st.characters(max_codepoint=0x2FF), max_size=3), st.integers(0, 3))
def test_any_small_change_is_read_or_refused(at: int, inserted: str, removed: int) -> None:
    text = WHOLE[:at] + inserted + WHOLE[at + removed :]
    try:
        read(text)
    except MpsError as refusal:
        assert refusal.diagnostics


DATA = os.environ.get("OPTC_DATA")


def netlib() -> list[str]:
    if not DATA:
        return []
    with (Path(DATA) / "examples" / "mps" / "optima.csv").open() as table:
        return [f"{row['kind']}/{row['name']}" for row in csv.DictReader(table)]


@pytest.mark.skipif(not DATA, reason="OPTC_DATA is not set")
@pytest.mark.parametrize("name", netlib())
def test_public_files_give_the_same_arrays_as_the_reader_of_highs(name: str) -> None:
    path = Path(DATA or "") / "examples" / "mps" / f"{name}.mps"
    problem = read_mps(path.read_text(encoding="utf-8"), str(path))
    solver = highspy.Highs()
    solver.silent()
    solver.readModel(str(path))
    lp = solver.getLp()
    form = problem.form
    assert list(lp.col_names_) == list(problem.columns)
    assert list(lp.row_names_) == list(problem.rows)
    assert lp.offset_ == form.offset
    for theirs, ours in (
        (lp.col_cost_, form.cost),
        (lp.col_lower_, form.lower),
        (lp.col_upper_, form.upper),
        (lp.row_lower_, form.row_lower),
        (lp.row_upper_, form.row_upper),
    ):
        assert np.array_equal(theirs, ours)
    whole = [int(kind) != 0 for kind in lp.integrality_] or [False] * len(form.cost)
    assert whole == form.integer.tolist()
