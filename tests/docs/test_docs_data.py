"""The data files that the language reference shows fit the model that stands beside them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from optc.cli.main import main

PAGE = (Path(__file__).parents[2] / "docs/language/data.md").read_text(encoding="utf-8")


def block(language: str, beginning: str = "") -> str:
    return next(
        text for text in re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S) if text.startswith(beginning)
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.opt").write_text(block("opt"), encoding="utf-8")
    (tmp_path / "all.json").write_text(block("json"), encoding="utf-8")
    (tmp_path / "foods.csv").write_text(block("text", "Foods,"), encoding="utf-8")
    (tmp_path / "content.csv").write_text(block("text", "Nutrients,"), encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_json_file_fits_the_model(capsys: pytest.CaptureFixture[str]):
    assert main(["check", "model.opt", "-d", "all.json"]) == 0, capsys.readouterr().err


def test_the_csv_files_may_take_the_place_of_their_entries(folder: Path, capsys: pytest.CaptureFixture[str]):
    rest = {k: v for k, v in json.loads(block("json")).items() if k not in ("Foods", "cost", "fat", "content")}
    (folder / "rest.json").write_text(json.dumps(rest), encoding="utf-8")
    data = ["rest.json", "foods.csv", "Foods=foods.csv:Foods", "content=content.csv"]
    assert main(["check", "model.opt", *(word for name in data for word in ("-d", name))]) == 0, capsys.readouterr().err


def test_what_the_page_calls_an_error_is_one(folder: Path, capsys: pytest.CaptureFixture[str]):
    good = json.loads(block("json"))
    wrong = [
        {**good, "cost": {"corn": 3.5}},
        {**good, "cost": {"corn": 3.5, "oats": 2, "rye": 1}},
        {**good, "cost": {"corn": 3.5, "oats": "2"}},
        {**good, "cost": {"corn": 3.5, "oats": None}},
        {**good, "cost": {"corn": 3.5, "oats": True}},
        {**good, "cost": {"corn": 3.5, "oats": -2}},
        {**good, "extra": 1},
        {**good, "Nutrients": ["iron"]},
        {**good, "toll": {"rows": [["a", "b", 5], ["b", "c", 4], ["a", "b", 5]]}},
    ]
    for number, data in enumerate(wrong):
        (folder / "wrong.json").write_text(json.dumps(data), encoding="utf-8")
        assert main(["check", "model.opt", "-d", "wrong.json"]) == 1, number
        assert "wrong.json" in capsys.readouterr().err
