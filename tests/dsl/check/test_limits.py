"""What is refused for its size is refused with a diagnostic; what the parser refuses is not said twice."""

from __future__ import annotations

import sys

import pytest

from optc.dsl.check import Checked, check
from optc.dsl.parse import parse
from optc.dsl.source import Source


def checked(text: str) -> Checked:
    parsed = parse(Source("model.opt", text))
    return check(parsed.model, lambda _target: None, parsed.diagnostics)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("var x\nminimize " + " / ".join(["x"] * 1_000) + "\n", "E0347"),
        ("set A = {1}\nvar x\nminimize x * card(" + " minus ".join(["A"] * 1_000) + ")\n", "E0347"),
        (
            "var x\n"
            + "".join(f"def f{k}(t) = f{k + 1}(t) + f{k + 1}(t)\n" for k in range(30))
            + "def f30(t) = t\nminimize f0(x)\n",
            "E0117",
        ),
        ("var x\ndef f(t) = t + t\nminimize " + "f(" * 30 + "x" + ")" * 30 + "\n", "E0117"),
    ],
)
def test_what_would_grow_without_end_is_refused(text: str, code: str) -> None:
    assert code in [d.code.id for d in checked(text).diagnostics]


def test_python_is_left_as_it_was() -> None:
    limit = sys.getrecursionlimit()
    checked("var x\nminimize x\n")
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize(
    "text",
    [
        "var x[1..3]\nminimize sum(x[1] for 1 in 1..3)\n",
        "set A = {(1, 2)}\nvar x[A]\nminimize sum(x[i, j] for (i + 1, j) in A)\n",
        "set F\nparam p[F] = {corn: 3}\nvar x[F]\nminimize sum(p[f] * x[f] for f in F)\n",
        "var x\nminimize x +\n",
        "var x\nminimize x\nlower f {\n  var y\n  minimize y\n",
    ],
)
def test_what_the_parser_refuses_is_not_said_twice(text: str) -> None:
    parsed = parse(Source("model.opt", text))
    found = check(parsed.model, lambda _target: None, parsed.diagnostics)
    assert parsed.diagnostics and found.program is None
    assert [d.message for d in found.diagnostics if d.severity == "error"] == []
