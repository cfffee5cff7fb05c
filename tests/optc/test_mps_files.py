"""MPS files from the command line and from Python: solved as they are, checked on their own rows."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optc
from optc.cli.main import main
from optc.mps import named_form

SMALL = """\
NAME          SMALL
OBJSENSE
    MAX
ROWS
 N  profit
 L  most
 G  least
 E  tie
COLUMNS
    x  profit  3  most  1
    x  tie  1
    M1  'MARKER'  'INTORG'
    k  profit  2  most  1
    k  least  1
    M2  'MARKER'  'INTEND'
    y  tie  -1
RHS
    RHS  profit  -7  most  10.5
    RHS  least  1
RANGES
    RNG  most  20
BOUNDS
 UP BND x 4
 UP BND k 9
ENDATA
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.mps"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


def test_an_mps_file_is_solved_as_it_is(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", small, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    # x is worth more and fills up what a whole k leaves: k = 7, x = 3.5 beats k = 6, x = 4 (its bound)
    assert (value["model"], value["status"], value["objective"]) == ("SMALL", "optimal", 31.5)
    assert value["variables"]["x"]["values"] == [["x", 3.5], ["y", 3.5]]
    assert value["variables"]["k"]["values"] == [["k", 7.0]]
    assert {line["claim"] for line in value["certificate"]} >= {"feasible", "integral", "bound"}


def test_gzip(tmp_path: Path) -> None:
    path = tmp_path / "small.mps.gz"
    path.write_bytes(gzip.compress(SMALL.encode()))
    assert optc.read_mps(path).solve().objective == 31.5


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(SMALL.encode())[:-20], b""])
def test_a_broken_gzip_file(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.mps.gz"
    path.write_bytes(content)
    assert main(["solve", str(path), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert found["code"] in ("E0704", "E0714")


def test_a_wrong_line_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.mps"
    path.write_text(SMALL.replace("UP BND k 9", "UP BND kk 9"), encoding="utf-8")
    assert main(["solve", str(path)]) == 1
    log = capsys.readouterr().err
    assert f"{path}:24" in log
    assert "UP BND kk 9" in log
    assert "did you mean k?" in log


@pytest.mark.parametrize("flag", [["-d", "data.json"], ["--set", "n=3"], ["--extern", "f=g.py:f"]])
@pytest.mark.parametrize("command", ["solve", "export"])
def test_an_mps_file_takes_no_data(
    command: str, small: str, flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, small, *flag, *(["--to", "lp"] if command == "export" else [])]) == 1
    assert "E0722" in capsys.readouterr().err


def test_infeasible_rows_are_named_by_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "never.mps"
    text = "NAME\nROWS\n N c\n L most\n G least\nCOLUMNS\n x most 1 least 1\nRHS\n R most 1 least 2\nENDATA\n"
    path.write_text(text, encoding="utf-8")
    assert main(["solve", str(path), "--json"]) == 3
    (line,) = json.loads(capsys.readouterr().out)["certificate"]
    assert set(line["conflict"]) == {'row["most"]', 'row["least"]'}


def test_explain_verify_and_export(small: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", small]) == 0
    assert "3 rows, 3 columns, 1 whole column" in capsys.readouterr().out
    answer = str(tmp_path / "answer.json")
    assert main(["solve", small, "-q", "-o", answer]) == 0
    assert main(["verify", small, answer]) == 0
    capsys.readouterr()
    assert main(["export", small, "--to", "mps"]) == 0
    again = tmp_path / "again.mps"
    again.write_text(capsys.readouterr().out, encoding="utf-8")
    first, second = named_form(small), named_form(str(again))
    assert (first.rows, first.columns, first.objective) == (second.rows, second.columns, second.objective)
    for name in ("cost", "values", "row_lower", "row_upper", "lower", "upper", "integer"):
        assert np.array_equal(getattr(first.form, name), getattr(second.form, name)), name


def test_quadratic_objectives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "q.mps"
    head = "NAME Q\nROWS\n N c\n G r\nCOLUMNS\n x c -3 r 1\n y r 1\nRHS\n R r 1\n"
    path.write_text(f"{head}QUADOBJ\n x x 2\n x y 1\n y y 4\nENDATA\n", encoding="utf-8")
    assert main(["solve", str(path), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    # x^2 + x y + 2 y^2 - 3 x on x, y >= 0: at x = 3/2, y = 0, where the gradient is (0, 3/2)
    assert value["objective"] == pytest.approx(-2.25, abs=1e-5)


def test_quadratic_objectives_with_whole_columns_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "q.mps"
    text = "NAME\nROWS\n N c\nCOLUMNS\n x c 1\nBOUNDS\n BV B x\nQUADOBJ\n x x 2\nENDATA\n"
    path.write_text(text, encoding="utf-8")
    assert main(["solve", str(path)]) == 1
    assert "E0711" in capsys.readouterr().err


DATA = os.environ.get("OPTC_DATA")


def published() -> list[Any]:
    if not DATA:
        return []
    with (Path(DATA) / "examples" / "mps" / "optima.csv").open(encoding="utf-8") as table:
        return [pytest.param(row, id=row["name"]) for row in csv.DictReader(table)]


@pytest.mark.skipif(not DATA, reason="OPTC_DATA is not set")
@pytest.mark.parametrize("row", published())
def test_public_files_reach_their_published_optima(row: dict[str, str]) -> None:
    path = Path(DATA or "") / "examples" / "mps" / row["kind"] / f"{row['name']}.mps"
    solution = optc.read_mps(path).solve(gap=1e-6, time_limit=120)
    assert solution.status == "optimal"
    assert not solution.certificate.failed
    optimum = float(row["published_optimum"])
    assert solution.objective == pytest.approx(optimum, rel=2e-6, abs=1e-6)
