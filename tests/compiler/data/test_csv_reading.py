"""CSV: the parallel reader and the standard library's agree, on clean files and on damaged ones."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optc.compiler.data import DataError, FileInput, PythonValue, read_inputs
from optc.compiler.data import csv_table as module
from optc.compiler.data.supplied import Keyed
from optc.dsl.program import Program

MODEL = """set I
set J
param cost[i in I, j in J]
param name[i in I, j in J] : string
var x >= 0
minimize x
"""
KEYS = st.text(alphabet='ab ,"\n;é1', min_size=1, max_size=4).filter(lambda t: t.strip() == t)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers(-9, 9).map(str) | st.just("inf")
ODD = st.sampled_from(["", " ", "x", "1,5", "nan", "1e999", "1_0", "+3", " 7 ", ".5", "5.", "-inf", "0x1", '"', "1\n2"])


@pytest.fixture
def program(program_of: Callable[[str], Program]) -> Program:
    return program_of(MODEL)


def outcome(program: Program, path: Path, monkeypatch: pytest.MonkeyPatch, *, polars: bool) -> object:
    """Entries as plain rows, or the diagnostics as code, place and message."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "_LARGE", 0)
        if not polars:
            patch.setattr(module, "find_spec", lambda _: None)
        try:
            supplied = read_inputs(program, [FileInput(str(path))], folder=None)
        except DataError as error:
            return [(d.code.id, d.place, d.message) for d in error.diagnostics]
    rows = {}
    for name, entries in supplied.entries.items():
        assert isinstance(entries, Keyed) and entries.values is not None
        values = [entries.values.at(k) for k in range(len(entries))]
        if name == "cost":
            values = [v if isinstance(v, str) else float(v) for v in values]  # type: ignore[arg-type]
        rows[name] = list(zip(*([key.at(k) for k in range(len(entries))] for key in entries.keys), values, strict=True))
    return rows


@given(rows=st.lists(st.tuples(KEYS, KEYS, NUMBERS, KEYS), max_size=8), end=st.sampled_from(["\n", "\r\n"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_a_csv_writer_writes_is_read_back(
    program: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[str, str, str, str]],
    end: str,
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator=end)
    writer.writerow(["i", "j", "cost", "name"])
    writer.writerows(rows)
    path = tmp_path / "t.csv"
    path.write_bytes(stream.getvalue().encode())
    for polars in (True, False):
        found = outcome(program, path, monkeypatch, polars=polars)
        assert isinstance(found, dict), found
        assert found["cost"] == [(i, j, float(v)) for i, j, v, _ in rows]
        assert found["name"] == [(i, j, n) for i, j, _, n in rows]


@given(
    cells=st.lists(st.lists(KEYS | NUMBERS | ODD, min_size=3, max_size=5), max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    raw=st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_both_readers_agree_on_odd_files(
    program: Program,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cells: list[list[str]],
    end: str,
    raw: bool,
) -> None:
    stream = io.StringIO()
    if raw:
        stream.write("i,j,cost,name" + end + end.join(",".join(row) for row in cells))
    else:
        writer = csv.writer(stream, lineterminator=end)
        writer.writerows([["i", "j", "cost", "name"], *cells])
    path = tmp_path / "t.csv"
    path.write_bytes(stream.getvalue().encode())
    with_polars = outcome(program, path, monkeypatch, polars=True)
    assert with_polars == outcome(program, path, monkeypatch, polars=False)


@pytest.mark.parametrize("polars", [True, False])
def test_lines_are_those_of_the_file(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, polars: bool
) -> None:
    monkeypatch.setattr(module, "_LARGE", 0)
    if not polars:
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    path = tmp_path / "t.csv"
    path.write_text('\n\ni,j,cost\n"a\nb",c,1\n\nd,e,2\n', encoding="utf-8")
    entries = read_inputs(program, [FileInput(str(path))], folder=None).get("cost")
    assert entries is not None
    assert [entries.origin.entry(k).line for k in range(2)] == [4, 7]  # type: ignore[union-attr]
    assert entries.origin.entry(1).excerpt == "d,e,2"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text, code",
    [
        ("", "E0510"),
        ("\n \n", "E0510"),
        ("i,,cost\n", "E0510"),
        ("i,j,cost,cost\n", "E0510"),
        ("i,j,price\n", "E0511"),
        ("i;j;price\n", "E0511"),
        ("cost,i,j,k\n", "E0517"),
        ("i,cost\n", "E0512"),
        ("cost,from,to\n", "E0512"),
        ("j,from,cost\n", "E0512"),
        ("i,j,cost,colour\n", "E0517"),
        ("i,j,cost\na,b\n", "E0509"),
        ("i,j,cost\na,b,1,2\n", "E0509"),
        ('i,j,cost\na,"b"c,1\n', "E0509"),
        ("i,j,cost\n,b,1\n", "E0550"),
        ('i,j,cost\na,"",1\n', "E0550"),
    ],
)
@pytest.mark.parametrize("polars", [True, False])
def test_a_wrong_table_is_refused(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: str, polars: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    found = outcome(program, path, monkeypatch, polars=polars)
    assert isinstance(found, list), found
    assert [entry[0] for entry in found] == [code]


@pytest.mark.parametrize(
    "content", [b"i,j,cost\na,\xff,1\n", b"i,j,c\xe9st\n", b"\xff\xfei\0,\0", b"i,j,cost\n\0,b,1\n"]
)
@pytest.mark.parametrize("polars", [True, False])
def test_what_is_not_utf8_is_refused(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, polars: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    found = outcome(program, path, monkeypatch, polars=polars)
    assert isinstance(found, list), found
    assert [entry[0] for entry in found] == ["E0504"]


def test_a_long_file_is_read_in_chunks(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 3)
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    path = tmp_path / "t.csv"
    path.write_text("i,j,cost\n" + "".join(f"a{k % 4},b{k},{k}\n" for k in range(10)), encoding="utf-8")
    entries = read_inputs(program, [FileInput(str(path))], folder=None).get("cost")
    assert isinstance(entries, Keyed) and entries.values is not None
    assert [entries.keys[0].at(k) for k in range(10)] == [f"a{k % 4}" for k in range(10)]
    np.testing.assert_array_equal(entries.values.expanded(), np.arange(10.0))
    path.write_text("i,j,cost\n" + "".join(f"a,b{k},{k if k != 7 else 'x'}\n" for k in range(10)), encoding="utf-8")
    entries = read_inputs(program, [FileInput(str(path)), PythonValue("I", ["a"])], folder=None).get("cost")
    assert isinstance(entries, Keyed) and entries.values is not None
    assert [entries.values.at(k) for k in (0, 5, 6, 7, 9)] == ["0.0", "5.0", "6", "x", "9"]
