"""Files: arguments, formats, damage, safety."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest

from optc.compiler.data import DataError, FileInput, PythonValue, Setting, read_inputs
from optc.compiler.data.json_positions import JsonText
from optc.compiler.instance.instance import build
from optc.compiler.spaces.domains import Domain
from optc.dsl.diagnostics import Place
from optc.dsl.program import Program

Placed = Callable[..., dict[str, object]]
SMALL = "set Foods\nparam cost[Foods]\nparam k\nparam t : string\nvar x >= 0\nminimize x\n"
SETTINGS = (Setting("k=1"), Setting("t=a"))


def codes_of(action: Callable[[], object]) -> list[str]:
    with pytest.raises(DataError) as caught:
        action()
    return [d.code.id for d in caught.value.diagnostics]


def write_xlsx(path: Path, sheets: dict[str, list[list[object]]]) -> None:
    """A workbook in the smallest form that readers accept."""
    relations, entries = "", ""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, rows) in enumerate(sheets.items(), 1):
            body = "".join(f'<row r="{r}">{"".join(_cells(r, row))}</row>' for r, row in enumerate(rows, 1))
            archive.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
            )
            relations += (
                f'<Relationship Id="r{number}" Type="{office}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            )
            entries += f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>'
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{entries}</sheets></workbook>',
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">{relations}</Relationships>')
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )


def _cells(r: int, row: list[object]) -> list[str]:
    cells = []
    for c, value in enumerate(row):
        name = f"{chr(ord('A') + c)}{r}"
        if isinstance(value, bool):
            cells.append(f'<c r="{name}" t="b"><v>{int(value)}</v></c>')
        elif isinstance(value, (int, float)):
            cells.append(f'<c r="{name}"><v>{value}</v></c>')
        elif value is not None:
            cells.append(f'<c r="{name}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>')
    return cells


# ------------------------------------------------------------------------------------------------------------- Excel
def test_a_sheet_is_a_table(folder: Path, placed: Placed, listed: Callable[[object], object]) -> None:
    write_xlsx(
        folder / "book.xlsx",
        {
            "Foods 1.0": [[], ["food", "cost", "unit price"], ["corn", 3, 1.5], [], ["oats", 2.5, 2]],
            "empty": [],
        },
    )
    found = placed(SMALL, "Foods=book.xlsx:Foods 1.0.food", "book.xlsx:Foods 1.0", *SETTINGS, allow_surplus=True)
    assert listed(found["Foods"]) == ["corn", "oats"]
    assert found["cost"].tolist() == [3.0, 2.5]  # type: ignore[attr-defined]
    other = placed(SMALL, "Foods=book.xlsx:Foods 1.0.food", "cost=book.xlsx:Foods 1.0.unit price", *SETTINGS)
    assert other["cost"].tolist() == [1.5, 2.0]  # type: ignore[attr-defined]
    assert codes_of(lambda: placed(SMALL, "book.xlsx", *SETTINGS)) == ["E0516"]
    assert codes_of(lambda: placed(SMALL, "book.xlsx:empty", *SETTINGS)) == ["E0510"]
    assert codes_of(lambda: placed(SMALL, "book.xlsx:Food", *SETTINGS)) == ["E0513"]


def test_cells_of_a_sheet_are_named_in_messages(folder: Path, placed: Placed) -> None:
    write_xlsx(folder / "book.xlsx", {"s": [["food", "cost"], ["corn", "3"], ["oats", True]]})
    with pytest.raises(DataError) as caught:
        placed(SMALL, "Foods=book.xlsx:s.food", "book.xlsx:s", *SETTINGS)
    told = [(d.code.id, d.place) for d in caught.value.diagnostics]
    assert told == [
        ("E0537", Place("book.xlsx:s", path="cell B2")),
        ("E0539", Place("book.xlsx:s", path="cell B3")),
    ]


@pytest.mark.parametrize("name", ["book.xlsx", "table.parquet"])
def test_a_missing_package_is_named(folder: Path, placed: Placed, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (folder / name).write_bytes(b"")
    monkeypatch.setattr("optc.compiler.data.excel.find_spec", lambda _: None)
    monkeypatch.setattr("optc.compiler.data.parquet.find_spec", lambda _: None)
    with pytest.raises(DataError) as caught:
        placed(SMALL, name, *SETTINGS)
    assert [d.code.id for d in caught.value.diagnostics] == ["E0514"]
    assert "pip install 'optc[data]'" in caught.value.diagnostics[0].hints[0].text


@pytest.mark.parametrize("name", ["book.xlsx", "old.xls", "table.parquet", "d.sqlite"])
@pytest.mark.parametrize("content", [b"", b"not what it seems, not at all, for a good hundred bytes" * 4])
def test_a_damaged_file_is_refused(folder: Path, placed: Placed, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert codes_of(lambda: placed(SMALL, name, *SETTINGS)) == ["E0515"]


# ------------------------------------------------------------------------------------------------- SQLite, Parquet
def test_a_database_is_read_and_never_written(folder: Path, placed: Placed) -> None:
    path = folder / "d.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute('CREATE TABLE "odd ""name"" ; --" (food TEXT, cost)')
        connection.executemany('INSERT INTO "odd ""name"" ; --" VALUES (?, ?)', [("corn", 3), ("oats", "2")])
    before = path.read_bytes()
    name = 'd.sqlite:odd "name" ; --'
    assert codes_of(lambda: placed(SMALL, f"Foods={name}.food", name, *SETTINGS)) == ["E0537"]
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path]


def test_a_missing_value_is_a_missing_entry(folder: Path, placed: Placed) -> None:
    pl.DataFrame({"food": ["corn", "oats"], "cost": [1, None]}).write_parquet(folder / "t.parquet")
    assert codes_of(lambda: placed(SMALL, "Foods=t.parquet:food", "t.parquet", *SETTINGS)) == ["E0532"]
    pl.DataFrame({"food": ["corn", None], "cost": [1, 2]}).write_parquet(folder / "t.parquet")
    assert codes_of(lambda: placed(SMALL, "t.parquet", *SETTINGS)) == ["E0550"]


# -------------------------------------------------------------------------------------------------------------- JSON
@pytest.mark.parametrize(
    "text, code, line, column",
    [
        ("", "E0505", 1, 1),
        ("{", "E0505", 1, 2),
        ('{"k": 1,}', "E0505", 1, 9),
        ("{'k': 1}", "E0505", 1, 2),
        ('{\n "k": 1 // one\n}', "E0505", 2, 9),
        ('{"k": 1, "k": 2}', "E0506", 1, 10),
        ('{"cost": {"a": 1,\n "b": {"a": 1, "a": 2}}}', "E0506", 2, 16),
        ('{"k": NaN}', "E0507", 1, 7),
        ('{"t": "NaN", "cost": [1,\n-Infinity]}', "E0507", 2, 1),
        ('{"t": "\\ud800"}', "E0515", None, None),
        ("[1]", "E0521", None, None),
        ("3", "E0521", None, None),
        ('{"kk": 1}', "E0517", 1, 8),
        ('{"k": "1"}', "E0537", 1, 7),
        ('{"k": 1e999}', "E0543", 1, 7),
        ('{"k": ' + "7" * 400 + ".5}", "E0543", 1, 7),
        ('{"cost": ["1e999", 1e300, 1e+0999]}', "E0543", 1, 27),
        ('{"\\u006b": 1, "k": 2}', "E0506", 1, 15),
    ],
)
def test_a_wrong_json_file_is_refused(
    folder: Path, placed: Placed, text: str, code: str, line: int | None, column: int | None
) -> None:
    (folder / "d.json").write_text(text)
    with pytest.raises(DataError) as caught:
        placed("param k\nparam t : string\nset I\nparam cost[I]\nvar x >= 0\nminimize x\n", "d.json")
    first = caught.value.diagnostics[0]
    assert isinstance(first.place, Place)
    assert (first.code.id, first.place.line, first.place.column) == (code, line, column)


def test_deep_nesting_is_refused_and_not_a_crash(folder: Path, placed: Placed) -> None:
    (folder / "d.json").write_text('{"k": ' + "[" * 100_000 + "]" * 100_000 + "}")
    assert codes_of(lambda: placed(SMALL, "d.json")) == ["E0515"]
    (folder / "d.toml").write_text("k = " + "[" * 100_000)
    assert codes_of(lambda: placed(SMALL, "d.toml")) in (["E0515"], ["E0508"])
    (folder / "e.json").write_text('{"k": ' + "9" * 10_000 + "}")
    assert codes_of(lambda: placed(SMALL, "e.json")) == ["E0515"]


def test_a_pair_of_surrogates_is_one_character(folder: Path, placed: Placed) -> None:
    (folder / "d.json").write_text('{"t": "\\ud83d\\ude00"}')
    assert placed("param t : string\nvar x >= 0\nminimize x\n", "d.json")["t"].tolist() == ["\U0001f600"]  # type: ignore[attr-defined]


def test_json_positions() -> None:
    text = ' {"a": [1, {"b\\"": "x]"}, [ ]],\n "c":{"d" : null}} '
    located = JsonText(text)
    for path, found in [((), "{"), (("a",), "[1"), (("a", 1, 'b"'), '"x]"'), (("a", 2), "[ ]"), (("c", "d"), "null")]:
        assert text.startswith(found, located.offset(path))
    assert located.position(located.offset(("c", "d"))) == (2, 13)
    assert located.offset(("c", "nothing", 3)) == located.offset(("c",))


# -------------------------------------------------------------------------------------------------------------- TOML
@pytest.mark.parametrize(
    "text, code, line",
    [
        ("k = ", "E0508", 1),
        ("k = 1\nk = 2", "E0508", 2),
        ("k = nan", "E0540", None),
        ("k = 1e999", "E0543", None),
        ("k = 1979-05-27", "E0541", None),
    ],
)
def test_a_wrong_toml_file_is_refused(folder: Path, placed: Placed, text: str, code: str, line: int | None) -> None:
    (folder / "d.toml").write_text(text)
    with pytest.raises(DataError) as caught:
        placed("param k\nvar x >= 0\nminimize x\n", "d.toml")
    (told,) = caught.value.diagnostics
    assert isinstance(told.place, Place)
    assert (told.code.id, told.place.line) == (code, line)


# --------------------------------------------------------------------------------------------- sets, tables, arguments
def test_sets_of_pairs_and_families_come_from_columns(
    folder: Path, placed: Placed, listed: Callable[[object], object]
) -> None:
    (folder / "arcs.csv").write_text("from,to,cap\n1,2,5\n2,1,7\n")
    (folder / "covers.csv").write_text("food;of\n2;x\n1;y\n2;z\n")
    model = "set Foods\nset Arcs within Foods * Foods\nset Covers[Foods]\nparam cap[Arcs]\nvar x >= 0\nminimize x\n"
    inputs = ("Foods=arcs.csv:from", "Arcs=arcs.csv:from,to", "arcs.csv", "Covers=covers.csv:food,of")
    found = placed(model, *inputs)
    assert listed(found["Foods"]) == [1, 2]
    assert listed(found["Arcs"]) == [(1, 2), (2, 1)]
    assert found["cap"].tolist() == [5.0, 7.0]  # type: ignore[attr-defined]
    assert listed(found["Covers"]) == [["y"], ["x", "z"]]


def test_cells_of_a_set_are_numbers_only_where_all_are_spelled_so(
    folder: Path, placed: Placed, listed: Callable[[object], object]
) -> None:
    for cells, members in [
        (["1", "2"], [1, 2]),
        (["1", "2.5"], [1.0, 2.5]),
        (["01", "02"], ["01", "02"]),
        (["1", "a"], ["1", "a"]),
        (["+1"], ["+1"]),
        (["inf"], ["inf"]),
        (["0", "-3", "0.5"], [0.0, -3.0, 0.5]),
    ]:
        (folder / "t.csv").write_text("name\n" + "".join(f"{cell}\n" for cell in cells))
        found = placed("set I\nvar x >= 0\nminimize x\n", "I=t.csv:name")
        assert listed(found["I"]) == members


def test_cells_of_a_set_follow_the_set_it_lies_within(folder: Path, program_of: Callable[[str], Program]) -> None:
    (folder / "arcs.csv").write_text("from,to\n1,2\n2,1\n")
    program = program_of("set I\nset Arcs within I * I\nvar x[Arcs] >= 0\nminimize sum(x[i, j] for (i, j) in Arcs)\n")
    for nodes in (["1", "2"], [1, 2], [1.0, 2.5, 2]):
        inputs = [PythonValue("I", nodes), FileInput("Arcs=arcs.csv:from,to")]
        instance = build(program, read_inputs(program, inputs, folder=None))
        found = instance.scope.sets["Arcs"]
        assert isinstance(found, Domain)
        kind = type(nodes[0])
        assert [tuple(map(kind, found.members.member(k))) for k in range(2)] == [
            (kind(1), kind(2)),
            (kind(2), kind(1)),
        ]
        assert isinstance(found.members.member(0)[0], str) == (kind is str)


def test_a_table_of_scalars(folder: Path, placed: Placed) -> None:
    (folder / "t.csv").write_text("k,t\n3,abc\n")
    found = placed("param k\nparam t : string\nvar x >= 0\nminimize x\n", "t.csv")
    assert (found["k"].tolist(), found["t"].tolist()) == ([3.0], ["abc"])  # type: ignore[attr-defined]
    (folder / "t.csv").write_text("k,t\n3,abc\n4,d\n")
    assert codes_of(lambda: placed("param k\nparam t : string\nvar x >= 0\nminimize x\n", "t.csv")) == [
        "E0512",
        "E0512",
    ]


@pytest.mark.parametrize(
    "argument, code",
    [
        ("none.csv", "E0501"),
        ("cost=none.csv", "E0501"),
        ("sub", "E0501"),
        ("http://example.org/a.csv", "E0501"),
        ("d.pickle", "E0502"),
        ("d", "E0502"),
        ("cost=t.csv:price", "E0513"),
        ("t.csv:cost", "E0516"),
        ("cost=d.json:cost", "E0516"),
        ("cost=t.csv:food,cost", "E0512"),
        ("Foods=t.csv", "E0512"),
        ("t=t.csv", "E0512"),
        ("k=t.csv", "E0512"),
        ("nobody=t.csv", "E0517"),
        ("x=t.csv", "E0519"),
    ],
)
def test_a_wrong_argument_is_refused(folder: Path, placed: Placed, argument: str, code: str) -> None:
    (folder / "sub").mkdir()
    (folder / "t.csv").write_text("food,cost\ncorn,1\noats,2\n")
    (folder / "d.json").write_text("{}")
    (folder / "d.pickle").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    (folder / "d").write_text("")
    assert codes_of(lambda: placed(SMALL, argument, *(s for s in SETTINGS if not argument.startswith(s.text[:2])))) == [
        code
    ]
    assert not (folder / "owned").exists()


def test_names_with_equals_signs_and_colons_are_paths_where_they_exist(folder: Path, placed: Placed) -> None:
    (folder / "a=b.csv").write_text("k\n1\n")
    (folder / "t.csv:x.csv").write_text("k\n2\n")
    model = "param k\nvar x >= 0\nminimize x\n"
    assert placed(model, "a=b.csv")["k"].tolist() == [1.0]  # type: ignore[attr-defined]
    assert placed(model, "k=a=b.csv:k")["k"].tolist() == [1.0]  # type: ignore[attr-defined]
    assert placed(model, "t.csv:x.csv")["k"].tolist() == [2.0]  # type: ignore[attr-defined]


def test_a_file_that_nobody_named_must_lie_in_the_folder(
    folder: Path, program_of: Callable[[str], object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "d.json").write_text('{"k": 1}')
    (folder / "link.json").symlink_to(elsewhere / "d.json")
    (folder / "d.json").write_text('{"k": 2}')
    program = program_of("param k\nvar x >= 0\nminimize x\n")
    outside = [str(elsewhere / "d.json"), f"../{elsewhere.name}/d.json", "link.json"]
    for argument in outside[::2]:
        refused = FileInput(argument, explicit=False)
        assert codes_of(lambda r=refused: read_inputs(program, [r], folder=folder)) == ["E0503"]  # type: ignore[misc, arg-type]
        assert "k" in read_inputs(program, [FileInput(argument)], folder=folder).entries  # type: ignore[arg-type]
    assert "k" in read_inputs(program, [FileInput("d.json", explicit=False)], folder=None).entries  # type: ignore[arg-type]


@pytest.mark.usefixtures("folder")
def test_paths_are_looked_up_in_the_folder_of_the_model_too(
    program_of: Callable[[str], object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("model")
    (home / "d.json").write_text('{"k": 1}')
    program = program_of("param k\nvar x >= 0\nminimize x\n")
    assert "k" in read_inputs(program, [FileInput("d.json")], folder=home).entries  # type: ignore[arg-type]
