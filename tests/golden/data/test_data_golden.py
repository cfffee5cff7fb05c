"""Wrong data, each with the diagnostics it must give.

A case is a folder: ``model.opt``, data files, ``arguments`` (one ``-d``, ``--set`` or ``--allow-surplus`` a line) and
``expected.txt``. With OPTC_UPDATE_GOLDEN=1 the expected output is written anew; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optc.compiler.data import DataError, FileInput, Input, Setting, read_inputs
from optc.compiler.instance.instance import build
from optc.dsl.check import check
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.parse import parse
from optc.dsl.render import render
from optc.dsl.source import Source

HERE = Path(__file__).parent
CASES = sorted(path.name for path in HERE.iterdir() if (path / "model.opt").is_file())


def inputs_of(text: str) -> tuple[list[Input], bool]:
    inputs: list[Input] = []
    for line in text.splitlines():
        flag, _, value = line.partition(" ")
        if flag == "-d":
            inputs.append(FileInput(value))
        elif flag == "--set":
            inputs.append(Setting(value))
    return inputs, "--allow-surplus" in text.splitlines()


def diagnostics_of(text: str, arguments: str) -> list[Diagnostic]:
    """All that is said of the data in the current folder."""
    checked = check(parse(Source("model.opt", text)).model, lambda _: None)
    assert checked.program is not None, render(checked.diagnostics, color=False)
    inputs, allow_surplus = inputs_of(arguments)
    found: list[Diagnostic] = []
    try:
        supplied = read_inputs(checked.program, inputs, folder=None, allow_surplus=allow_surplus)
    except DataError as error:
        found += error.diagnostics
        assert error.supplied is not None
        supplied = error.supplied
    try:
        instance = build(checked.program, supplied)
    except DataError as error:
        found += [d for d in error.diagnostics if d not in found]
    else:
        found += [d for d in instance.notes if d not in found]
    return [d for d in found if d not in checked.diagnostics]


@pytest.mark.parametrize("case", CASES)
def test_wrong_data_are_told(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = HERE / case
    monkeypatch.chdir(folder)
    arguments = Path("arguments").read_text(encoding="utf-8")
    shown = render(diagnostics_of(Path("model.opt").read_text(encoding="utf-8"), arguments), color=False)
    expected = folder / "expected.txt"
    if os.environ.get("OPTC_UPDATE_GOLDEN"):
        expected.write_text(shown + "\n", encoding="utf-8")
    assert shown + "\n" == expected.read_text(encoding="utf-8")


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 30
