"""The readable result: what is shown, what is left out and said so."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import polars
import pytest

from optc.cli.output import json_text
from optc.cli.saving import ensure_writable, output_file, save, table
from optc.cli.show import FEW, entry_name, number, show
from optc.errors import ModelError


def result(**more: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "model": "diet",
        "class": "linear",
        "status": "optimal",
        "termination": "converged",
        "sense": "minimize",
        "objective": 12.5,
        "bound": 12.5,
        "gap": 0.0,
        "objectives": {"total": 12.5},
        "variables": {
            "buy": {"index": ["Foods"], "values": [["corn bread", 2.0], ["milk", 0.0], ["beans", 1.25]]},
            "crews": {"index": [], "values": [[0.0]]},
        },
        "expressions": {},
        "alternatives": [],
        "alternatives_complete": False,
        "diagnostics": [],
        "certificate": [
            {"claim": "feasible", "status": "checked", "value": 3e-12, "tolerance": 1e-6, "where": 'need["iron"]'},
            {"claim": "bound", "status": "reported", "value": 12.5, "how": "bound by HiGHS"},
        ],
        "backend": {"name": "highs", "version": "1.16.0", "options": {"solver": "ipm"}},
        "route": ["linear", "highs"],
        "seconds": {"compile": 0.01, "solve": 0.02, "verify": 0.001},
        "seed": 0,
        **more,
    }


def shown(capsys: pytest.CaptureFixture[str], value: dict[str, Any], **flags: Any) -> str:
    show(value, argparse.Namespace(**{"quiet": False, "verbose": False, "color": "auto", **flags}))
    return capsys.readouterr().out


def test_the_answer_comes_first_then_values_then_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, result())
    parts = ["status     optimal", "objective  12.5  (minimize)", 'buy["corn bread"]', "feasible", "bound by HiGHS"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert 'at need["iron"]' in text


def test_zeros_of_families_are_counted_and_scalars_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, result())
    assert "milk" not in text
    assert "1 is zero" in text
    assert "crews" in text


def test_what_rounding_leaves_of_a_zero_counts_as_one_unless_everything_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    dust = result(variables={"x": {"index": ["I"], "values": [["a", 2e-14], ["b", -3e-12], ["c", 2e-6]]}})
    assert "2 are zero" in shown(capsys, dust)
    assert "2e-14" in shown(capsys, dust, verbose=True)


def test_long_families_are_cut_with_a_note_and_whole_with_v(capsys: pytest.CaptureFixture[str]) -> None:
    values = [[k, 1.0] for k in range(FEW + 7)]
    long = result(variables={"x": {"index": ["I"], "values": values}})
    text = shown(capsys, long)
    assert f"x[{FEW - 1}]" in text
    assert f"x[{FEW}]" not in text
    assert "7 more that are not zero" in text
    assert f"x[{FEW + 6}]" in shown(capsys, long, verbose=True)


def test_q_keeps_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, result(), quiet=True)
    assert "optimal" in text
    assert "certificate" not in text
    assert "buy" not in text


def test_v_adds_route_duals_and_backend(capsys: pytest.CaptureFixture[str]) -> None:
    value = result(duals={"need": {"index": [], "values": [[0.5]]}})
    assert "duals" not in shown(capsys, value)
    text = shown(capsys, value, verbose=True)
    for words in ("duals", "linear > highs", "highs 1.16.0 (solver = ipm)", "seed"):
        assert words in text


def test_an_infeasible_answer_shows_the_conflict(capsys: pytest.CaptureFixture[str]) -> None:
    line = {"claim": "infeasible", "status": "proved", "conflict": ['need["iron"]', "bound of x[3]"]}
    line["evidence"] = {"lines": {'need["iron"]': 7}}
    value = result(status="infeasible", objective=None, bound=None, gap=None, variables={}, certificate=[line])
    text = shown(capsys, value)
    conflict = text[text.index("these cannot hold together") :].splitlines()
    assert conflict[1].split() == ['need["iron"]', "line", "7"]
    assert conflict[2].split() == ["bound", "of", "x[3]"]
    assert "objective" not in text


def test_rich_shows_the_same_information(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    text = shown(capsys, result(), color="always")
    for words in ("optimal", "12.5", 'buy["corn bread"]', "certificate", "bound by HiGHS", "1 is zero"):
        assert words in text


@pytest.mark.parametrize(
    ("name", "index", "text"),
    [("x", [], "x"), ("x", [3], "x[3]"), ("go", ["a", 'b"c'], 'go["a", "b\\"c"]'), ("x", ["ü"], 'x["ü"]')],
)
def test_entry_names(name: str, index: list[object], text: str) -> None:
    assert entry_name(name, index) == text


def test_numbers() -> None:
    assert number(0.1 + 0.2, 7) == "0.3"
    assert number(-0.0, 7) == "0"
    assert number("inf", 7) == "inf"
    assert number(1e300, 7) == "1e+300"


def test_json_spells_what_json_lacks() -> None:
    value = {"a": float("inf"), "b": [float("-inf"), float("nan")], "c": 1.5}
    assert json.loads(json_text(value)) == {"a": "inf", "b": ["-inf", "nan"], "c": 1.5}


# ---------------------------------------------------------------------------------------------------------- -o FILE
def test_csv_has_one_row_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    flow = {"index": ["Arcs"], "values": [["a", "b", 2.0]]}
    save(result(expressions={"flow": flow}), path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows == [
        ["kind", "name", "index1", "index2", "value"],
        ["variable", "buy", "corn bread", "", "2.0"],
        ["variable", "buy", "milk", "", "0.0"],
        ["variable", "buy", "beans", "", "1.25"],
        ["variable", "crews", "", "", "0.0"],
        ["expression", "flow", "a", "b", "2.0"],
    ]


def test_json_is_the_whole_object(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    save(result(bound=float("inf")), path)
    assert json.loads(path.read_text(encoding="utf-8")) == result(bound="inf")


def test_parquet_keeps_numbers_and_options_apart(tmp_path: Path) -> None:
    path = tmp_path / "answer.parquet"
    choice = {"index": ["Layers"], "values": [["embed", "wide"], ["head", 4.0]]}
    save(result(variables={"z": choice}), path)
    frame = polars.read_parquet(path)
    assert frame.to_dicts() == [
        {"kind": "variable", "name": "z", "index1": "embed", "value": None, "option": "wide"},
        {"kind": "variable", "name": "z", "index1": "head", "value": 4.0, "option": None},
    ]


def test_an_answer_without_variables_is_a_header(tmp_path: Path) -> None:
    assert list(table(result(variables={}))) == [("kind", "name", "value")]
    save(result(variables={}), tmp_path / "none.parquet")
    assert polars.read_parquet(tmp_path / "none.parquet").height == 0


def test_an_unknown_ending_is_a_usage_error() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"\.json, \.csv or \.parquet"):
        output_file("answer.txt")


def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "answer.json", tmp_path):
        with pytest.raises(ModelError) as caught:
            ensure_writable(path)
        assert caught.value.diagnostics[0].code.id == "E0705"
    ensure_writable(tmp_path / "answer.json")
    assert not (tmp_path / "answer.json").exists()


def test_parquet_without_polars_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optc.cli.saving.find_spec", lambda _name: None)
    with pytest.raises(ModelError) as caught:
        ensure_writable(tmp_path / "answer.parquet")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code.id == "E0708"
    assert "optc[data]" in diagnostic.hints[0].text
    ensure_writable(tmp_path / "answer.csv")


def test_further_answers_are_listed_or_said_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    other = {"objective": 12.5, "variables": {}}
    text = shown(capsys, result(alternatives=[other], alternatives_complete=True))
    assert "further answers" in text and "these are all" in text
    assert "there may be more" in shown(capsys, result(alternatives=[other]))
    assert "there are none" in shown(capsys, result(alternatives_complete=True))
    assert "further answers" not in shown(capsys, result())
