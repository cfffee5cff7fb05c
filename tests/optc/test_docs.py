"""The pages on the command line and on Python say what is there, and their examples run."""

from __future__ import annotations

import argparse
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

import optc
from optc.cli.main import COMMANDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLI = (DOCS / "cli.md").read_text(encoding="utf-8")
PYTHON = (DOCS / "python.md").read_text(encoding="utf-8")


def flags(command: str) -> set[str]:
    subparsers = argparse.ArgumentParser().add_subparsers()
    import_module(f"optc.cli.{command}").add_parser(subparsers)
    (parser,) = set(subparsers.choices.values())
    return {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}


def test_every_command_has_its_line() -> None:
    for command in COMMANDS:
        assert f"optc {command}" in CLI


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"fmt"}))
def test_every_flag_is_described(command: str) -> None:
    described = set(re.findall(r"(?<![\w-])--?[A-Za-z][a-z-]*", CLI))
    spelled_otherwise = {"-D", "--set", "--data", "--output", "--quiet", "--verbose", "--debug"}
    assert flags(command) - described - spelled_otherwise == set()


def test_every_flag_that_is_described_is_there() -> None:
    known = {flag for command in COMMANDS for flag in flags(command)} | {"--help", "--version", "--check"}
    described = set(re.findall(r"`(--[a-z][a-z-]*)", CLI))
    assert described - known == set()


def test_the_example_with_its_assertion_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PYTHON, flags=re.DOTALL)
    (example,) = [block for block in blocks if "optc.parse(" in block and "assert" in block]
    exec(example, {"optc": optc})


def test_the_attributes_that_are_listed_are_there() -> None:
    solution = optc.parse("var x in [1, 2]\nminimize total: x\n").bind().solve()
    for name in re.findall(r"`solution\.(\w+)", PYTHON):
        assert hasattr(solution, name), name
    for name in re.findall(r"`problem\.(\w+)", PYTHON):
        assert hasattr(optc.Problem, name), name
    for name in re.findall(r"`model\.(\w+)", PYTHON):
        assert hasattr(optc.Model, name) or name in optc.Model.__slots__, name
    for name in re.findall(r"optc\.(\w+)", PYTHON):
        assert hasattr(optc, name), name


def test_the_json_that_is_shown_has_the_keys_of_a_result() -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", CLI, flags=re.DOTALL)]
    result, error = shown
    solution = optc.parse("var x in [1, 2]\nlet y = x\nminimize total: x\n").bind().solve().to_dict()
    assert set(solution) - {"reduced_costs"} == set(result)
    assert set(result["certificate"][0]) <= {"claim", "status", "value", "tolerance", "where", "how"}
    described = set(re.findall(r"`(\w+)`", CLI))
    assert set(solution) - {"schema", "model", "class", "sense"} <= described
    assert {"code", "severity", "message", "file", "line", "column", "hints"} <= set(error["diagnostics"][0])
