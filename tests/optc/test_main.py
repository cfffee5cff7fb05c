"""The frame of the command line: commands, usage errors, faults, pipes, and what is imported for what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import optc
from optc.cli import check
from optc.cli.main import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
MODEL = "set I = 1..3\nvar x[I] in [0, 1]\nminimize total: sum(x[i] for i in I)\n"


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "optc", *arguments]
    return subprocess.run(command, cwd=ROOT, input=stdin.encode(), capture_output=True, check=False)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"optc {optc.__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, summary in COMMANDS.items():
        assert name in text
        assert summary.split(",")[0][:30] in text


@pytest.mark.parametrize("command", list(COMMANDS))
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"optc {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["chek"],
        ["check"],
        ["check", "m.opt", "--nonsense"],
        ["solve", "m.opt", "--time-limit", "soon"],
        ["solve", "m.opt", "--gap", "-1"],
        ["solve", "m.opt", "-o", "answer.txt"],
        ["solve", "m.opt", "-n", "0"],
        ["solve", "m.opt", "--set", "budget"],
        ["export", "m.opt", "--to", "word"],
        ["new", "folder", "--class", "unheard-of"],
    ],
)
def test_usage_errors_end_with_2_and_nothing_on_standard_output(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage:" in captured.err


def test_a_misspelled_command_gets_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sovle", "m.opt"]) == 2
    assert "did you mean solve?" in capsys.readouterr().err


def test_a_fault_of_ours_asks_for_a_report(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def break_down(_path: str, _args: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(check, "_check", break_down)
    assert main(["check", "m.opt", "--json"]) == 70
    captured = capsys.readouterr()
    assert "ZeroDivisionError" in captured.err
    assert "report" in captured.err
    assert "Traceback" not in captured.err
    value = json.loads(captured.out)
    assert (value["schema"], value["status"]) == (1, "failed")
    assert main(["check", "m.opt", "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def look_for_it(_path: str, _args: object) -> None:
        import_module("no_such_package.part")

    monkeypatch.setattr(check, "_check", look_for_it)
    assert main(["check", "m.opt"]) == 70
    told = capsys.readouterr().err
    assert "the package no_such_package" in told and "pip install" in told and "internal fault" not in told


def test_an_interrupt_before_any_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_path: str, _args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(check, "_check", interrupt)
    assert main(["check", "m.opt", "--json"]) == 130
    captured = capsys.readouterr()
    assert json.loads(captured.out)["termination"] == "interrupted"
    assert "interrupted" in captured.err


def test_a_reader_that_goes_away_is_no_fault() -> None:
    command = f"{sys.executable} -m optc explain E0701 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_reader_that_goes_away_before_an_error_is_no_fault() -> None:
    command = f"{sys.executable} -m optc check missing.opt --json | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_the_module_and_the_exit_status_of_the_process() -> None:
    done = run("check", "-", stdin=MODEL)
    assert done.returncode == 0
    assert done.stdout.decode() == "-: linear, 1 set, 1 variable; no mistakes\n"
    assert done.stderr == b""


def loaded_by(statement: str) -> set[str]:
    heavy = {"numpy", "scipy", "highspy", "rich", "pandas", "polars", "xarray", "networkx", "sympy", "torch"}
    program = f"import sys; {statement}; print(*sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, input=MODEL
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "statement",
    [
        "import optc",
        "import optc.backends",
        "from optc.cli.main import main; main(['check', '-'])",
        "from optc.cli.main import main; main(['explain', 'E0701'])",
        "from optc.cli.main import main; main(['explain', '-', '--emit', 'program'])",
        "from optc.cli.main import main; main(['doctor'])",
        "from optc.cli.main import main; main(['solve', '--help'])",
    ],
)
def test_light_ways_load_nothing_heavy(statement: str) -> None:
    assert loaded_by(statement) == set()


def test_solving_a_linear_model_loads_no_tables() -> None:
    statement = "from optc.cli.main import main; main(['solve', '-'])"
    assert loaded_by(statement) <= {"numpy", "scipy", "highspy"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_encoding_of_the_terminal_will_do(encoding: str) -> None:
    text = "var größe in [0, 1]\nmaximize gain: größe  # ≤ 1\n"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for flags in ([], ["--json"]):
        command = [sys.executable, "-m", "optc", "solve", "-", *flags]
        done = subprocess.run(command, cwd=ROOT, input=text.encode(), capture_output=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
        printed = done.stdout.decode(encoding)
        if flags:
            assert json.loads(printed)["variables"] == {"größe": {"index": [], "values": [[1.0]]}}
        else:
            assert "gr" in printed
