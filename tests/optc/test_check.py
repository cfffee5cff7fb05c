"""``optc check``: many files, standard input, JSON, data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optc.cli.main import main

GOOD = "set I\nparam cost[I] >= 0\nvar x[I] in [0, 1]\nminimize total: sum(cost[i] * x[i] for i in I)\n"
BAD = "set I\nvar x[I] in [0, 1]\nminimize total: sum(csot[i] * x[i] for i in I)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.opt").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.opt").write_text(BAD, encoding="utf-8")
    (tmp_path / "data.json").write_text('{"I": ["a", "b"], "cost": {"a": 1, "b": 2}}', encoding="utf-8")
    (tmp_path / "wrong.json").write_text('{"I": ["a", "b"], "cost": {"a": 1, "b": -2}}', encoding="utf-8")
    return tmp_path


def test_a_good_model_is_summed_up_in_a_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder / "good.opt")]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{folder / 'good.opt'}: linear, 1 set, 1 parameter, 1 variable; no mistakes\n"
    assert captured.err == ""


def test_every_file_is_checked_and_one_error_decides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(folder / name) for name in ("bad.opt", "missing.opt", "good.opt")]
    assert main(["check", *paths]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert "csot" in captured.err
    assert "there is no file" in captured.err


def test_json_is_one_object_with_places(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(folder / "bad.opt")
    assert main(["check", path, str(folder / "good.opt"), "--json"]) == 1
    captured = capsys.readouterr()
    assert "1 error" in captured.err
    value = json.loads(captured.out)
    assert (value["schema"], value["status"]) == (1, "error")
    (found,) = value["diagnostics"]
    assert (found["severity"], found["file"], found["line"], found["column"]) == ("error", path, 3, 21)
    assert "csot" in found["message"]
    assert {"code", "end_line", "end_column", "hints"} <= set(found)


def test_json_of_a_good_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder / "good.opt"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "status": "ok", "diagnostics": []}


def test_q_says_nothing_about_what_is_good(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-q", str(folder / "good.opt")]) == 0
    assert capsys.readouterr() == ("", "")


def test_data_are_checked_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, data, wrong = (str(folder / name) for name in ("good.opt", "data.json", "wrong.json"))
    assert main(["check", good, "-d", data]) == 0
    assert main(["check", good, "-d", data, "--set", "cost=3"]) == 1
    capsys.readouterr()
    assert main(["check", good, "-d", wrong, "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert found["file"] == wrong


def test_missing_data_files_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder / "good.opt"), "-d", str(folder / "nowhere.json")]) == 1
    assert "nowhere.json" in capsys.readouterr().err


@pytest.mark.parametrize(("flag", "coloured"), [("always", True), ("never", False), ("auto", False)])
def test_colours(folder: Path, flag: str, coloured: bool, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(folder / "bad.opt"), "--color", flag])
    assert ("\x1b[" in capsys.readouterr().err) is coloured


def test_no_color_is_respected_on_a_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    main(["check", str(folder / "bad.opt")])
    assert "\x1b[" in capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    main(["check", str(folder / "bad.opt")])
    assert "\x1b[" not in capsys.readouterr().err


def test_use_of_a_file_beside_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib.opt").write_text("def twice(t) = 2 * t\n", encoding="utf-8")
    model = tmp_path / "model.opt"
    model.write_text('use "lib.opt"\nvar x in [0, 1]\nminimize twice(x)\n', encoding="utf-8")
    assert main(["check", str(model)]) == 0, capsys.readouterr().err


def test_use_does_not_leave_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib.opt").write_text("def twice(t) = 2 * t\n", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    model = inner / "model.opt"
    for target in ("../lib.opt", str(tmp_path / "lib.opt")):
        model.write_text(f'use "{target}"\nvar x in [0, 1]\nminimize twice(x)\n', encoding="utf-8")
        assert main(["check", str(model)]) == 1
        assert "E0706" in capsys.readouterr().err


def test_use_of_a_library_file_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lib.opt").write_bytes(b"\xff\xfe\x00")
    model = tmp_path / "model.opt"
    model.write_text('use "lib.opt"\nvar x in [0, 1]\nminimize x\n', encoding="utf-8")
    assert main(["check", str(model)]) == 1
    assert "E0703" in capsys.readouterr().err


def test_mps_files_are_checked_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.mps"
    path.write_text("NAME\nROWS\n N c\nCOLUMNS\n x c 1\nENDATA\n", encoding="utf-8")
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out == f"{path}: MPS, 0 rows, 1 columns; no mistakes\n"
    path.write_text("NAME\nROWS\n N c\nCOLUMNS\n x d 1\nENDATA\n", encoding="utf-8")
    assert main(["check", str(path)]) == 1
    assert "E0712" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["check"], ["solve"], ["export", "--to", "lp"], ["explain"]])
def test_a_data_file_is_no_model(folder: Path, command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, str(folder / "data.json")]) == 1
    assert "E0707" in capsys.readouterr().err
