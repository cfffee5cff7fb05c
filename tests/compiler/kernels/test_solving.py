"""Kernels in a solve: long aggregates lift away, and the answer says when functions could not be compiled."""

from __future__ import annotations

import numpy as np
import pytest

import optc
from optc.compiler.kernels import compiled, engine, toolchain

LONG = """param n
var x[1..n] start 1
minimize exp(sum(x[i] for i in 1..n) / n) + sum((x[i] - 1)^4 + x[i]^2 for i in 1..n)
"""


def test_a_long_aggregate_is_solved_as_a_decision_and_lifted_away() -> None:
    """By symmetry every x is the root of exp(x)/n + 4 (x - 1)^3 + 2 x."""
    n = 3000
    solution = optc.parse(LONG).bind(n=n).solve(backend="exact_al")
    assert solution.status in ("locally optimal", "optimal", "stationary")
    x = 0.5
    for _ in range(50):
        x -= (np.exp(x) / n + 4 * (x - 1) ** 3 + 2 * x) / (np.exp(x) / n + 12 * (x - 1) ** 2 + 2)
    np.testing.assert_allclose(solution["x"].values, x, atol=1e-5)


def test_the_answer_says_that_functions_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    error = toolchain.CompileError("no C compiler was found")
    monkeypatch.setattr(compiled, "compile_later", lambda _program, done: done(error))
    monkeypatch.setattr(engine, "MANY_ROWS", 1)
    text = "var x[1..2] start 1\nminimize sum(x[i]^4 + exp(x[i]) for i in 1..2) + sin(x[1] * x[2])\n"
    solution = optc.parse(text).bind().solve(backend="exact_al")
    assert [d.code.id for d in solution.diagnostics if d.code.id == "N0605"] == ["N0605"]
