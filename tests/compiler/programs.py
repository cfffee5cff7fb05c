"""Checked programs from text, for tests of what comes after the checker."""

from __future__ import annotations

from pathlib import Path

from optc.dsl.program import Program
from optc.dsl.render import render
from optc.dsl.source import Source
from optc.loading import load

ROOT = Path(__file__).resolve().parents[2]
MODELS = sorted((ROOT / "tests" / "models").glob("*.opt"))
EXAMPLES = sorted((ROOT / "examples").glob("*/model.opt"))


def program_of(text: str, name: str = "<text>") -> Program:
    """The program that a model means; fails with the rendered diagnostics where there are errors."""
    loaded = load(Source(name, text))
    assert loaded.program is not None, render(loaded.diagnostics, color=False)
    return loaded.program


def program_in(path: Path) -> Program:
    """The program of a model file."""
    return program_of(path.read_text(encoding="utf-8"), str(path))
