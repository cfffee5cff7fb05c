"""``optc solve`` from text to exit status: the table of exit statuses, ``--json``, ``-o``, limits, interrupts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from optc.backends import registry
from optc.cli.main import main
from optc.compiler.answer import Answer
from optc.compiler.backend import Capabilities

ROOT = Path(__file__).resolve().parents[2]
LP = """
set I = 1..3
param cost[I] default 1
var x[I] in [0, 4]
let spent = sum(cost[i] * x[i] for i in I)
minimize total: spent
subject to
  some: sum(x[i] for i in I) >= 2
"""
INFEASIBLE = LP + "  never: sum(x[i] for i in I) <= 1\n"
UNBOUNDED = "var x >= 0\nvar y >= 0\nmaximize gain: x + y\nsubject to\n  apart: x - y <= 1\n"
PESSIMISTIC = """
var x in [0, 10]
minimize x
lower follower pessimistic {
  var y in [0, 10]
  minimize y
}
"""


def hard(size: int) -> str:
    """A market split problem (Cornuéjols and Dawande 1998): feasible with slack, and long to prove optimal."""
    rows = 5
    random = Random(1)
    data = [[random.randrange(100) for _ in range(size)] for _ in range(rows)]
    right = [sum(row) // 2 for row in data]
    return (
        f"set I = 1..{rows}\nset J = 1..{size}\nparam a[I, J] = {data}\nparam b[I] = {right}\n"
        "var x[J] binary\nvar over, under [I] >= 0\n"
        "minimize slack: sum(over[i] + under[i] for i in I)\nsubject to\n"
        "  split[i in I]: sum(a[i, j] * x[j] for j in J) + over[i] - under[i] == b[i]\n"
    )


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def to_file(text: str, name: str = "model.opt") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return to_file


def solved(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    status = main(["solve", *arguments, "--json"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out), captured.err


# --------------------------------------------------------------------------------------------------- exit statuses
def test_0_a_report_without_a_value_at_the_answer_is_nan(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    text = "set I = {1, 2}\nvar x[I] in [0, 5]\nlet b[i in I] = 1 / (x[i] - (i - 1))\nminimize c: x[1] + (x[2] - 2)^2\n"
    status, value, _ = solved(capsys, write(text))
    assert (status, value["status"]) == (0, "optimal")
    assert value["expressions"]["b"]["values"] == [[1, "nan"], [2, pytest.approx(1, abs=1e-5)]]
    assert [(d["code"], d["line"]) for d in value["diagnostics"]] == [("W0606", 3)]


def test_a_file_called_model_is_named_by_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "bakery"
    folder.mkdir()
    (folder / "model.opt").write_text(LP, encoding="utf-8")
    assert solved(capsys, str(folder / "model.opt"))[1]["model"] == "bakery"


@pytest.mark.parametrize(
    ("coefficient", "message"),
    [
        ("2e17", "the coefficient of x in cap is 2e+17: the solver takes none of 1e+15 or more"),
        ("1e300 * 1e300", "the coefficient of x in cap is inf: it must be finite"),
    ],
)
def test_1_a_coefficient_that_no_solver_can_use(
    write: Any, capsys: pytest.CaptureFixture[str], coefficient: str, message: str
) -> None:
    model = write(f"var x in [0, 10]\nmaximize c: x\nsubject to\n  cap: {coefficient} * x <= 5\n")
    status, value, _ = solved(capsys, model)
    (found,) = value["diagnostics"]
    assert (status, value["status"]) == (1, "error")
    assert (found["code"], found["message"], found["line"]) == ("E0817", message, 4)


def test_1_a_cost_that_is_not_finite(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = solved(capsys, write("var x in [0, 10]\nminimize c: 1e300 * 1e300 * x\n"))
    assert (status, [d["code"] for d in value["diagnostics"]]) == (1, ["E0817"])
    status, value, _ = solved(capsys, write("var x in [0, 10]\nminimize c: 1e300 * 1e300 * x^2\n"))
    assert (status, [d["code"] for d in value["diagnostics"]]) == (1, ["E0817"])


def test_0_an_optimal_answer(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, log = solved(capsys, write(LP, "least.opt"))
    assert (status, log) == (0, "")
    assert (value["schema"], value["model"], value["class"]) == (1, "least", "linear")
    assert (value["status"], value["termination"], value["sense"]) == ("optimal", "converged", "minimize")
    assert (value["objective"], value["bound"], value["objectives"]) == (2.0, 2.0, {"total": 2.0})
    assert value["variables"]["x"]["index"] == ["I"]
    assert sum(row[1] for row in value["variables"]["x"]["values"]) == 2.0
    assert value["expressions"]["spent"]["values"] == [[2.0]]
    assert value["duals"]["some"]["values"] == [[1.0]]
    assert value["diagnostics"] == []
    assert {line["claim"] for line in value["certificate"]} >= {"feasible", "bound"}
    assert set(value["seconds"]) == {"compile", "solve", "verify"}
    assert value["backend"]["name"] == "highs"


def test_1_a_wrong_model(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, log = solved(capsys, write(LP.replace("spent\nsubject", "spend\nsubject")))
    assert status == 1
    assert (value["schema"], value["status"]) == (1, "error")
    (found,) = value["diagnostics"]
    assert {"code", "severity", "message", "file", "line", "column", "end_line", "end_column", "hints"} <= set(found)
    assert (found["line"], found["severity"]) == (6, "error")
    assert "spend" in log


def test_1_wrong_data(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = solved(capsys, write(LP), "--set", "kost=3")
    assert (status, value["status"]) == (1, "error")
    assert "kost" in value["diagnostics"][0]["message"]


@pytest.mark.parametrize("name", ["nowhere.opt", "."])
def test_1_no_model_at_all(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = solved(capsys, name)
    assert (status, value["status"]) == (1, "error")


@pytest.mark.parametrize("flag", [["--backend", "nope"], ["--option", "nope=1"], ["--option", "nodes=many"]])
def test_2_an_unknown_backend_or_option(write: Any, flag: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", write(LP), *flag, "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert flag[1].split("=")[0] in captured.err


def test_3_infeasible_with_the_conflict_in_the_users_names(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = solved(capsys, write(INFEASIBLE))
    assert (status, value["status"], value["objective"], value["variables"]) == (3, "infeasible", None, {})
    (line,) = [line for line in value["certificate"] if line["claim"] == "infeasible"]
    assert line["status"] == "proved"
    assert set(line["conflict"]) == {"some", "never"}


def test_4_unbounded(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = solved(capsys, write(UNBOUNDED))
    assert (status, value["status"]) == (4, "unbounded")


def test_5_a_limit_with_an_answer(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = solved(capsys, write(hard(40)), "--time-limit", "2s", "--gap", "0")
    assert (status, value["status"], value["termination"]) == (5, "feasible", "time limit")
    assert value["objective"] is not None


def test_6_no_route(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, log = solved(capsys, write(PESSIMISTIC))
    assert (status, value["status"], value["termination"]) == (6, "failed", "no route")
    assert value["diagnostics"]
    assert "pessimistic follower" in log


@dataclass(frozen=True)
class NoOptions:
    pass


def backend(name: str, **more: Any) -> Any:
    entries = {
        "name": name,
        "title": "for tests",
        "install": "pip install imaginary",
        "capabilities": Capabilities(forms=frozenset({"linear"})),
        "options": NoOptions,
        "version": lambda: "1",
        "solve": lambda *_: Answer("none", "solver error", message="it broke"),
    }
    return SimpleNamespace(**{**entries, **more})


@pytest.fixture
def registered() -> Any:
    names: list[str] = []

    def add(name: str, **more: Any) -> None:
        registry.register(backend(name, **more))
        names.append(name)

    yield add
    for name in names:
        registry.unregister(name)


def test_7_a_backend_that_is_not_installed(write: Any, registered: Any, capsys: pytest.CaptureFixture[str]) -> None:
    registered("imaginary", version=lambda: None)
    status, value, log = solved(capsys, write(LP), "--backend", "imaginary")
    assert (status, value["status"]) == (7, "failed")
    assert "pip install imaginary" in log


def test_70_a_backend_that_fails(write: Any, registered: Any, capsys: pytest.CaptureFixture[str]) -> None:
    registered("broken")
    status, value, _ = solved(capsys, write(LP), "--backend", "broken")
    assert (status, value["termination"]) == (70, "solver error")


def test_70_a_backend_that_raises(write: Any, registered: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def fall_over(*_: object) -> None:
        raise RuntimeError("no licence")

    registered("raising", solve=fall_over)
    status, value, log = solved(capsys, write(LP), "--backend", "raising")
    assert (status, value["status"]) == (70, "failed")
    assert "no licence" in log
    assert "Traceback" not in log


def test_130_an_interrupt_prints_the_best_answer(write: Any) -> None:
    command = [sys.executable, "-m", "optc", "solve", write(hard(40)), "--gap", "0", "--json-stream"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:  # wait until there is an incumbent
        lines.append(json.loads(line))
        if lines[-1].get("incumbent") is not None:
            break
    process.send_signal(signal.SIGINT)
    rest, log = process.communicate(timeout=60)
    assert process.returncode == 130, log
    result = json.loads(rest.splitlines()[-1])
    assert (result["event"], result["termination"], result["status"]) == ("result", "interrupted", "feasible")
    assert result["variables"]["x"]["values"]
    assert "Traceback" not in log


# --------------------------------------------------------------------------------------------------------- the rest
def test_the_readable_result(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", write(LP)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    for words in ("optimal", "objective  2  (minimize)", "x[", "certificate", "feasible", "bound"):
        assert words in captured.out


def test_standard_input_and_settings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import io

    stream = io.TextIOWrapper(io.BytesIO(LP.encode()))
    monkeypatch.setattr("sys.stdin", stream)
    status, value, _ = solved(capsys, "-", "-D", "cost=[3, 2, 5]")
    assert (status, value["objective"]) == (0, 4.0)


def test_output_files(write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answer.json"
    status, value, _ = solved(capsys, write(LP), "-o", str(path))
    assert status == 0
    assert json.loads(path.read_text(encoding="utf-8")) == value


def test_an_output_folder_that_is_not_there_is_said_before_solving(
    write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    status, value, _ = solved(capsys, write(hard(60)), "-o", str(tmp_path / "nowhere" / "answer.json"))
    assert (status, value["status"]) == (1, "error")
    assert time.monotonic() - began < 30


def test_the_stream_ends_with_the_result(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", write(LP), "--json-stream", "-n", "3"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["event"] == "result"
    assert lines[-1]["objective"] == 2.0
    assert {line["event"] for line in lines} <= {"progress", "diagnostic", "result"}
    assert [line["code"] for line in lines if line["event"] == "diagnostic"] == ["N0601"]


def test_the_stream_of_a_wrong_model_ends_with_its_error(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", write("minimize x\n"), "--json-stream"]) == 1
    (value,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (value["event"], value["status"]) == ("result", "error")


def test_options_reach_the_backend_and_the_record(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for flags in ([], ["--backend", "highs"]):
        status, value, _ = solved(capsys, write(LP), *flags, "--option", "solver=ipm", "--seed", "7")
        assert status == 0
        assert value["backend"]["options"] == {"solver": "ipm"}
        assert value["seed"] == 7


def test_solve_with_of_the_model_is_obeyed_and_overruled(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(LP + 'solve with highs(solver = "ipm")\n')
    _, value, _ = solved(capsys, model)
    assert value["backend"]["options"] == {"solver": "ipm"}
    _, value, _ = solved(capsys, model, "--option", "solver=simplex")
    assert value["backend"]["options"] == {"solver": "simplex"}


def test_solve_with_a_method_that_there_is_not(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, value, _ = solved(capsys, write(LP + "solve with hihgs()\n"))
    assert (status, value["status"]) == (1, "error")
    (found,) = value["diagnostics"]
    assert (found["code"], found["line"]) == ("E0601", 9)
    status, value, _ = solved(capsys, write(LP + "solve with highs(nodse = 3)\n"))
    (found,) = value["diagnostics"]
    assert (status, found["code"], found["line"]) == (1, "E0603", 9)


def test_then_chains_a_second_method(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(LP + 'solve with highs(solver = "ipm") then highs(solver = "simplex")\n')
    status, value, _ = solved(capsys, model)
    assert (status, value["objective"]) == (0, 2.0)
    assert value["backend"]["options"] == {"solver": "simplex"}


def test_nothing_runs_code_without_extern(write: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "functions.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    status, value, _ = solved(capsys, write("extern f(x)\nvar x[1..2] in [0, 1]\nminimize f(x)\n"))
    assert (status, value["diagnostics"][0]["code"]) == (1, "E0841")


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("", "functions.py:f", "no function f"),
        ("f = 3\n", "functions.py:f", "is no function"),
        ("\n1 / 0\n", "functions.py:f", "line 2, fails with ZeroDivisionError"),
        ("", "functions:f", "FILE.py:FUNCTION"),
        ("", "functions.py", "FILE.py:FUNCTION"),
        ("", "elsewhere.py:f", "there is no file"),
    ],
)
def test_externs_that_cannot_be_loaded(
    write: Any, tmp_path: Path, text: str, where: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write("extern f(x)\nvar x[1..2] in [0, 1]\nminimize f(x)\n")
    write(text, "functions.py")
    status, value, _ = solved(capsys, model, "--extern", f"f={tmp_path / where}")
    assert status == 1
    (found,) = value["diagnostics"]
    assert found["code"] == "E0721"
    assert words in found["message"]


def test_an_extern_that_the_model_has_not(write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    where = write("def f(x):\n    return 0.0\n", "functions.py")
    status, value, _ = solved(capsys, write(LP), "--extern", f"f={where}:f")
    assert (status, value["diagnostics"][0]["code"]) == (1, "E0721")


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_on_a_terminal_there_are_colours_unless_refused(
    write: Any, environment: dict[str, str], coloured: bool
) -> None:
    import pty

    inner, outer = pty.openpty()
    around = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    settings = {**around, "TERM": "xterm-256color", "COLUMNS": "160", **environment}
    command = [sys.executable, "-m", "optc", "solve", write(LP)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=outer, stderr=subprocess.PIPE, env=settings)
    os.close(outer)
    parts = []
    while True:
        try:
            part = os.read(inner, 65536)
        except OSError:  # Linux says so at the end
            break
        if not part:
            break
        parts.append(part)
    os.close(inner)
    _, log = process.communicate(timeout=60)
    text = b"".join(parts).decode()
    assert (process.returncode, log) == (0, b"")
    assert ("\x1b[" in text) is coloured
    for words in ("optimal", "objective", "certificate", "feasible"):
        assert words in text
