"""Models written as .nl files: values after reading back, the format's order, and other readers of the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_models import DATA, EVERY, HEAD
from nl_values import agree, drawn, read_back, values
from reference_problems import PROBLEMS, Problem

import optc
from optc.compiler.data import DataError
from optc.compiler.export.nl_printing import PRINTED

STEPS = """
set I = 1..4
param w[I] = [0.5, 1.5, 0.25, 2]
var x[i in I] in [-9, 9] start w[i]
var y[I] in [0.1, 9]
var n[I] integer in [0, 7]
var b[I] binary
"""
AS_IT_STANDS = {
    "kinks": """minimize sum(abs(x[i] - w[i]) + max(x[i], 2 * y[i], 0.4) for i in I)
subject to
  c[i in I]: min(x[i], y[i] - w[i]) + abs(x[i] * y[i]) <= 7
  d: max(x[i] * w[i] for i in I) + min(y[i]^2 for i in I) <= 9""",
    "norms": """minimize norm1(x[i] - w[i] for i in I) + norminf(x[i] * y[i] for i in I)
subject to
  c: norm2(x[i] for i in I) + logsumexp(y[i] * w[i] for i in I) <= 7""",
    "steps": "minimize sum(floor(3 * x[i]) + ceil(x[i] / w[i]) + x[i] mod y[i] + (x[i] div y[i]) for i in I)",
    "piecewise": """minimize sum(piecewise(x[i], [0, 1, 2.5], [1, 3, 2]) for i in I)
subject to
  c[i in I]: piecewise(x[i] * y[i], [0, w[i], 5], [0, w[i]^2, 9]) + y[i] <= 5""",
    "whole": """maximize sum(w[i] * n[i] + n[i]^2 * x[i] - b[i] for i in I) + 3
subject to
  c[i in I]: n[i] + b[i] + x[i]^2 <= 7
  d: sum(n[i] for i in I) == 9
  e[i in I]: -1 <= b[i] * x[i] - y[i] <= 4
  f[i in I]: x[i] + y[i] >= w[i]""",
    "shared": """minimize x[1]
subject to
  c[i in I]: x[i] * sqrt(sum(x[j]^2 + w[j] for j in I)) <= 5
  d[i in I]: exp(sin(x[i]) / y[i]) * (1 + exp(sin(x[i]) / y[i])) <= 90""",
    "no objective": "satisfy\nsubject to\n  c[i in I]: x[i]^2 + y[i] == 2",
    "linear": "minimize sum(w[i] * x[i] for i in I)\nsubject to\n  c: sum(x[i] + n[i] for i in I) >= 2",
    "quadratic": "minimize sum((x[i] - w[i] * y[i])^2 + 2 * x[i] * x[1] for i in I) - 5",
}


def bound(text: str, data: dict[str, Any] | None = None) -> optc.Problem:
    return optc.parse(text, name="m.opt").bind(data or {}, allow_surplus=True)


@pytest.mark.parametrize("name", [n for n in EVERY if n != "erf"])
def test_a_model_keeps_its_values(name: str, tmp_path: Path) -> None:
    problem = bound(HEAD + EVERY[name], DATA)
    again = read_back(problem, tmp_path)
    for seed in range(3):
        named = drawn(problem, seed, 0.3, 0.9)
        agree(problem, again, named, 1e-10)


@pytest.mark.parametrize("name", AS_IT_STANDS)
def test_kinks_steps_and_whole_decisions_are_written_as_they_stand(name: str, tmp_path: Path) -> None:
    problem = bound(STEPS + AS_IT_STANDS[name])
    again = read_back(problem, tmp_path)
    assert again.instance.columns == problem.instance.columns
    for seed in range(5):
        agree(problem, again, drawn(problem, seed, -3.0, 3.0), 1e-10)


@pytest.mark.parametrize("case", PROBLEMS, ids=lambda p: p.name)
def test_reference_problems_keep_values_start_and_optimum(case: Problem, tmp_path: Path) -> None:
    problem = bound(case.text)
    again = read_back(problem, tmp_path)
    for seed in range(3):
        agree(problem, again, drawn(problem, seed, 0.5, 3.0), 1e-12)
    (family,) = again.instance.families
    assert family.start is not None
    starts = {str(family.layout.key(k)[0]): family.start[k] for k in range(family.count)}
    assert starts == {f.name: f.start[0] for f in problem.instance.families if f.start is not None}


LEAVES = st.sampled_from(["x[1]", "x[2]", "y[1]", "w[2]", "2", "0.5", "1.25"])


def _terms(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.sampled_from(["exp", "sin", "cos", "atan", "tanh", "abs", "floor", "ceil", "sinh", "huber", "sigmoid"])
    two = st.sampled_from(["+", "-", "*", "/"])
    return (
        st.builds(lambda f, a: f"{f}({a})", one, inner)
        | st.builds(lambda a, op, b: f"({a} {op} {b})", inner, two, inner)
        | st.builds(lambda a, e: f"({a})^{e}", inner, st.sampled_from(["2", "3", "(-1)"]))
        | st.builds(lambda a, b: f"max({a}, {b})", inner, inner)
        | st.builds(lambda a: f"sum({a} * x[i] for i in I)", inner)
    )


@settings(deadline=None, max_examples=60)
@given(st.recursive(LEAVES, _terms, max_leaves=8), st.recursive(LEAVES, _terms, max_leaves=8))
def test_random_terms_keep_their_values(tmp_path_factory: pytest.TempPathFactory, first: str, second: str) -> None:
    text = f"{STEPS}minimize x[3] + {first}\nsubject to\n  c[i in I]: x[i] + {second} <= 3\n"
    try:
        problem = bound(text)
    except (optc.ModelError, DataError):  # terms that are undefined by data alone
        return
    try:
        again = read_back(problem, tmp_path_factory.mktemp("terms"))
    except (optc.ModelError, DataError):
        with pytest.raises((optc.ModelError, DataError)):
            problem.lower("nonlinear")
        return
    named = drawn(problem, 1, 0.3, 2.0)
    try:
        objective, _ = values(problem, named)
    except ArithmeticError:
        return
    assert objective is not None
    agree(problem, again, named, 1e-9)
