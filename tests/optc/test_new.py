"""``optc new``: every template checks with its data, and its README names commands that exist."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optc.cli.main import main
from optc.cli.new import CLASSES

SOLVED_TODAY = {"lp": 11.6244898, "mip": 580.0, "qp": 0.0073235}


@pytest.fixture(params=list(CLASSES))
def problem(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_template_checks_with_its_data(problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "deep" / problem
    assert main(["new", str(folder), "--class", problem]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "data.json", "model.opt"]
    capsys.readouterr()
    assert main(["check", str(folder / "model.opt"), "-d", str(folder / "data.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["diagnostics"] == []


def test_every_template_is_formatted(problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path), "--class", problem, "-q"]) == 0
    assert main(["fmt", "--check", str(tmp_path / "model.opt")]) == 0, capsys.readouterr().err


def test_files_that_exist_are_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model.opt").write_text("mine", encoding="utf-8")
    assert main(["new", str(tmp_path)]) == 1
    assert "E0705" in capsys.readouterr().err
    assert (tmp_path / "model.opt").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.opt"]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert main(["new", str(tmp_path / "taken")]) == 1
    assert "E0705" in capsys.readouterr().err


def test_every_template_of_the_package_is_offered() -> None:
    folder = Path(__file__).resolve().parents[2] / "optc" / "cli" / "templates"
    assert {path.name for path in folder.iterdir() if path.is_dir()} == set(CLASSES)


@pytest.mark.parametrize(("name", "objective"), SOLVED_TODAY.items())
def test_templates_that_are_solved(
    name: str, objective: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", str(tmp_path), "--class", name, "-q"]) == 0
    arguments = ["solve", str(tmp_path / "model.opt"), "-d", str(tmp_path / "data.json"), "--json"]
    assert main(arguments) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["status"] == "optimal"
    assert value["objective"] == pytest.approx(objective, rel=1e-4)
