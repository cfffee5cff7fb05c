"""``optc export``, ``explain``, ``backends``, ``doctor``."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from optc.cli import doctor
from optc.cli.main import main
from optc.compiler.export.json import read_json

MODEL = """
set I
param cost[I]
## Parts of the whole.
var x[I] in [0, 1]
var k integer in [0, 3]
minimize total: sum(cost[i] * x[i] for i in I) + 2 * k
subject to
  some: sum(x[i] for i in I) + k >= 2
"""
GAME = "player p[i in 1..2] {\n  var q in [0, 1]\n  maximize q * (1 - q)\n}\n"


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.opt"
    path.write_text(MODEL, encoding="utf-8")
    return str(path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "data.json"
    path.write_text('{"I": ["a", "b c"], "cost": [1, 3]}', encoding="utf-8")
    return str(path)


# ------------------------------------------------------------------------------------------------------------ export
@pytest.mark.parametrize("form", ["lp", "mps", "json"])
def test_export_to_standard_output_and_to_a_file(
    model: str, data: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", model, "-d", data, "--to", form]) == 0
    text = capsys.readouterr().out
    path = tmp_path / f"problem.{form}"
    assert main(["export", model, "-d", data, "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == text
    if form == "json":
        assert read_json(text).columns == ('x["a"]', 'x["b c"]', "k")
    else:
        assert "b_c" in text


def test_export_refusals(model: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", model, "-d", data]) == 2
    assert main(["export", model, "-d", data, "--to", "lp", "-o", str(tmp_path / "nowhere" / "x.lp")]) == 1
    assert "E0705" in capsys.readouterr().err
    game = tmp_path / "game.opt"
    game.write_text(GAME, encoding="utf-8")
    assert main(["export", str(game), "--to", "lp"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "block `p`" in captured.err


# ----------------------------------------------------------------------------------------------------------- explain
def test_explain_without_data(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", model]) == 0
    text = capsys.readouterr().out
    assert "mixed-integer linear" in text
    assert "min over x, k" in text
    assert "with data (-d)" in text


def test_explain_with_data(model: str, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", model, "-d", data]) == 0
    text = capsys.readouterr().out
    assert "linear: 1 row, 3 columns, 1 whole column, 3 non-zeros" in text
    assert "highs: taken" in text
    assert main(["explain", model, "-d", data, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["sizes"] == {"decisions": 3, "of them whole": 1, "constraint rows": 1}
    taken = [route["taken"] for route in value["routes"]]
    assert taken[0] is True and not any(taken[1:])
    assert value["routes"][0]["steps"][-1] == "highs"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("var x in [0, 1]\nminimize cost: 3 * x\n", ["objective cost is linear"]),
        ("var x in [0, 1]\nminimize x^2 - x\n", ["objective is convex"]),
        ("var x in [0, 1]\nmaximize x^2 - x\n", ["objective is convex: `x^2` is not linear"]),
        ("var x, y in [0, 1]\nminimize x * y\n", ["objective is neither convex nor concave: `x * y`"]),
        (
            "var x in [0, 1]\nminimize x\nsubject to\n  c: exp(x) <= 2\n",
            ["constraint c is convex, not linear: `exp(x)`"],
        ),
        (
            "var x in [0, 1]\nminimize log(x + 1)\n",
            ["objective is not proved convex: `log(x + 1)` is not convex: it is"],
        ),
        ("var x in [0, 1]\nmaximize log(x + 1)\n", ["objective is concave\n"]),
        (
            "var x, y in [0, 1]\nminimize x\nsubject to\n  c: exp(x) >= 2 - sin(5 * y)\n",
            ["constraint c is not proved convex: `exp(x)` is not concave: it is convex", "line 4, column 6)"],
        ),
        (GAME, ["objective of p is concave"]),
    ],
)
def test_explain_shows_the_shape_of_objectives_and_constraints(
    text: str, lines: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shape.opt"
    path.write_text(text, encoding="utf-8")
    assert main(["explain", str(path)]) == 0
    printed = capsys.readouterr().out
    for line in lines:
        assert line in printed
    assert main(["explain", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"]


def test_explain_does_not_call_squares_without_coefficients_nonlinear(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.opt"
    path.write_text("param a\nvar x in [0, 1]\nminimize c: a * x^2 + x\n", encoding="utf-8")
    assert main(["explain", str(path), "-D", "a=0"]) == 0
    assert "objective c is linear with these data, since no square has a coefficient\n" in capsys.readouterr().out
    assert main(["explain", str(path), "-D", "a=1"]) == 0
    assert "objective c is convex\n" in capsys.readouterr().out


def test_explain_says_why_there_is_no_route(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    game = tmp_path / "game.opt"
    game.write_text(GAME, encoding="utf-8")
    assert main(["explain", str(game)]) == 0
    text = capsys.readouterr().out
    assert "not linear: the block `p`" in text
    assert ": it has players" in text and "a method for equilibria is needed" in text


def test_emit_each_stage(model: str, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", model, "--emit", "program"]) == 0
    assert "var x[I] in [0, 1]" in capsys.readouterr().out
    assert main(["explain", model, "-d", data, "--emit", "instance"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "set I: 2 members" in lines
    assert "param cost: 2 entries, 1 to 3" in lines
    assert "var k: 1 entry, integer, within 0 to 3" in lines
    assert "constraint some: 1 row" in lines
    assert main(["explain", model, "-d", data, "--emit", "form"]) == 0
    assert "some: x(a) + x(b_c) + k >= 2" in capsys.readouterr().out
    for stage in ("program", "instance", "form"):
        assert main(["explain", model, "-d", data, "--emit", stage, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[stage]


def test_emit_needs_its_data(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", model, "--emit", "form"]) == 1
    assert "error" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["E0701", "e0701"])
def test_explain_a_code(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", code]) == 0
    text = capsys.readouterr().out
    assert text.startswith("E0701 (error): file not found\n")
    assert "optc solve diet.opt" in text
    assert main(["explain", code, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["code"], value["severity"]) == ("E0701", "error")


def test_a_code_that_there_is_not_offers_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E0799", "--json"]) == 1
    captured = capsys.readouterr()
    assert "no diagnostic E0799" in captured.err
    assert json.loads(captured.out)["near"]


# ---------------------------------------------------------------------------------------------------------- backends
def test_backends_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backends"]) == 0
    assert capsys.readouterr().out.startswith("highs ")
    assert main(["backends", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    (highs,) = [entry for entry in value["backends"] if entry["name"] == "highs"]
    assert highs["installed"]
    assert "linear" in highs["forms"]


def test_a_backend_lists_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backends", "highs"]) == 0
    text = capsys.readouterr().out
    assert "solver = choose" in text
    assert "a whole number" in text
    assert main(["backends", "hihgs"]) == 2
    assert "did you mean `highs`?" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------------------ doctor
def test_doctor_lists_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for name in (*doctor.REQUIRED, *doctor.OPTIONAL):
        assert name in text
    assert main(["doctor", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert set(value["required"]) == set(doctor.REQUIRED)
    assert all(value["required"].values())


def test_doctor_says_whether_torch_sees_a_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A build without CUDA is known from its file of constants; any other is asked, and may fail at that."""
    package = tmp_path / "torch"
    package.mkdir()
    there = "class cuda:\n  is_available = lambda: True\n  get_device_name = lambda: 'Some GPU'\n"
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(doctor, "find_spec", lambda _name: SimpleNamespace(origin=str(package / "__init__.py")))
    monkeypatch.setattr(doctor, "_version", lambda name: f"1 of {name}")
    for constants, body, expected in (
        ("cuda: str | None = None\nhip = None\n", "raise SystemExit(9)\n", (False, "built without CUDA")),
        ("cuda = '12.6'\n", there, (True, "Some GPU")),
        ("cuda = '12.6'\n", there.replace("True", "False"), (False, "no GPU that it can use")),
        (
            "cuda = '12.6'\n",
            "raise ImportError('libcudart')\n",
            (False, "torch cannot be loaded: ImportError: libcudart"),
        ),
    ):
        (package / "version.py").write_text(constants)
        (package / "__init__.py").write_text(body)
        assert main(["doctor", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["torch"]
        assert told == {"version": "1 of torch", "cuda": expected[0], "detail": expected[1]}
        assert main(["doctor"]) == 0
        assert f"CUDA in torch    {expected[1]}\n" in capsys.readouterr().out


def test_doctor_goes_without_torch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "torch" else "1")
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "CUDA in torch    no torch" in text
    assert "python -m pip install 'optc[torch]'" in text
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["torch"] is None


def test_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(doctor.REQUIRED, "not-a-package", "nothing")
    monkeypatch.setitem(doctor.OPTIONAL, "not-one-either", ("everything", "optc[more]"))
    assert main(["doctor"]) == 7
    text = capsys.readouterr().out
    assert "missing: not-a-package" in text
    assert "would add: everything  (python -m pip install 'optc[more]')" in text
