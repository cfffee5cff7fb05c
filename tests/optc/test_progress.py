"""Progress: silent, a line that renews itself, plain lines, or a stream of objects."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from optc.cli import progress
from optc.compiler.context import Progress

REPORT = Progress("solve", 12.34, incumbent=10.0, bound=9.0, work=1200, unit="nodes")


def flags(**more: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"json_stream": False, "progress": "auto", "quiet": False, "verbose": False, **more})


def test_the_text_of_a_report() -> None:
    assert progress.text(REPORT) == "solve  12.3 s  best 10  bound 9  gap 0.1  1,200 nodes"
    assert progress.text(Progress("verify", 0.5, residual=1e-7)) == "verify  0.5 s  residual 1e-07"


@pytest.mark.parametrize(
    ("terminal", "more", "kind"),
    [
        (True, {}, "_Line"),
        (False, {}, None),
        (False, {"verbose": True}, "_Plain"),
        (False, {"progress": "on"}, "_Plain"),
        (True, {"progress": "off"}, None),
        (True, {"quiet": True}, None),
        (True, {"quiet": True, "progress": "on"}, "_Line"),
    ],
)
def test_who_reports(monkeypatch: pytest.MonkeyPatch, terminal: bool, more: dict[str, Any], kind: str | None) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    found = progress.reporter(flags(**more))
    assert (type(found).__name__ if found is not None else None) == kind


def test_a_line_on_a_terminal_is_cleared_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    found = progress.reporter(flags())
    assert found is not None
    found(REPORT)
    found(REPORT)  # too soon to be seen
    progress.finish(found)
    written = capsys.readouterr().err
    assert written.count("best 10") == 1
    assert written.endswith("\r\x1b[K")


def test_a_line_that_was_never_shown_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    progress.finish(progress.reporter(flags()))
    assert capsys.readouterr() == ("", "")


def test_plain_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    found = progress.reporter(flags(progress="on"))
    assert found is not None
    for _ in range(3):
        found(REPORT)
    assert capsys.readouterr().err.count("\n") == 1


def test_the_stream_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    found = progress.reporter(flags(json_stream=True))
    assert found is not None
    found(REPORT)
    found(Progress("solve", 13.0, bound=float("-inf")))
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "event": "progress",
        "phase": "solve",
        "elapsed": 12.34,
        "incumbent": 10.0,
        "bound": 9.0,
        "residual": None,
        "work": 1200,
        "unit": "nodes",
    }
    assert second["bound"] == "-inf"
