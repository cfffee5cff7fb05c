"""Degrees, signs, definiteness, interval bounds, integrality, each in a group of symbols."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import instance_of, point_of, program_of
from hypothesis import given, settings
from hypothesis import strategies as st

from optc.compiler.evaluation.evaluate import evaluate
from optc.compiler.facts import structure as facts
from optc.compiler.facts.definiteness import definiteness
from optc.compiler.instance.instance import Instance
from optc.compiler.spaces.algebra import UNIT
from optc.dsl.program import SCALAR, Expr, Relation

TEXT = """
set I = 1..3
param c[i in I] = i - 2
var x[I] in [-1, 2]
var y in [0, 3]
var n[I] integer in [0, 5]
minimize {objective}
subject to
  row[i in I]: c[i] * x[i] + 2 * y - n[i] <= 4
"""


def objective(text: str) -> tuple[Instance, Expr]:
    instance = instance_of(program_of(TEXT.replace("{objective}", text)), {})
    found = instance.program.root.objective
    assert found is not None and found.expression is not None
    return instance, found.expression


@pytest.mark.parametrize(
    ("text", "names", "degree"),
    [
        ("sum(x[i] * y for i in I)", {"x"}, 1),
        ("sum(x[i] * y for i in I)", {"x", "y"}, 2),
        ("sum(x[i] * y for i in I)", {"n"}, 0),
        ("exp(y) * sum(x[i] for i in I)", {"x"}, 1),
        ("exp(y) * sum(x[i] for i in I)", {"y"}, None),
        ("(y - 1)^2", {"y"}, 2),
        ("(y - 1)^3", {"y"}, None),
        ("(x[1] + x[2]) / c[1]", {"x"}, 1),
    ],
)
def test_a_degree_is_meant_in_a_group_of_symbols(text: str, names: set[str], degree: int | None) -> None:
    instance, term = objective(text)
    found = facts.degree_in(instance, term, SCALAR, names)
    assert found.value == degree
    if degree in (2, None):
        assert found.reason is not None and found.reason.place is not None


def test_the_reason_shows_the_part_that_is_not_linear() -> None:
    instance, term = objective("sum(c[i] * x[i] for i in I) + 2 * max(y, 1)")
    reason = facts.degree_in(instance, term, SCALAR, {"x", "y"}).reason
    assert reason is not None
    assert reason.message == "`max(y, 1)` is not quadratic in the decisions: max of a decision"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("y", "zero"),
        ("(x[1] - x[2])^2 + (x[2] - x[3])^2", "positive semidefinite"),
        ("-sum(x[i]^2 for i in I)", "negative semidefinite"),
        ("x[1] * x[2]", "indefinite"),
        ("x[1]^2 + x[2]^2 + 3 * x[1] * x[2]", "indefinite"),
        ("x[1]^2 - y^2", "indefinite"),
        ("x[1]^2 + x[2]^2 + x[3]^2 + 1.2*x[1]*x[2] + 1.2*x[2]*x[3] + 1.2*x[1]*x[3]", "positive semidefinite"),
        ("x[1]^2 + x[2]^2 + x[3]^2 - 1.2*x[1]*x[2] - 1.2*x[2]*x[3] - 1.2*x[1]*x[3]", "indefinite"),
        ("exp(y)", "unknown"),
    ],
)
def test_curvature(text: str, found: str) -> None:
    instance, term = objective(text)
    assert facts.curvature(instance, term, SCALAR, {"x", "y"}).value == found


def test_curvature_in_one_group_where_the_other_is_held() -> None:
    instance, term = objective("y * sum(x[i]^2 for i in I) + y^2")
    assert facts.curvature(instance, term, SCALAR, {"y"}).value == "positive semidefinite"
    assert facts.curvature(instance, term, SCALAR, {"n"}).value == "zero"
    found = facts.curvature(instance, term, SCALAR, {"x"})
    assert found.value == "unknown" and found.reason is not None


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_definiteness_agrees_with_eigenvalues(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.integers(-2, 3, (size, size)).astype(float)
    kind = rng.integers(3)
    matrix = root @ root.T if kind < 2 else root + root.T
    matrix = -matrix if kind == 1 else matrix
    rows, columns = np.nonzero(np.tril(np.ones((size, size))))
    order = np.lexsort((rows, columns))
    rows, columns = rows[order], columns[order]
    starts = np.searchsorted(columns, np.arange(size + 1)).astype(np.int32)
    found = definiteness(starts, rows.astype(np.int32), matrix[rows, columns])
    values = np.linalg.eigvalsh(matrix)
    slack = 1e-9 * max(1.0, np.abs(matrix).max())
    if not matrix.any():
        assert found == "zero"
    elif values[0] >= -slack:
        assert found == "positive semidefinite"
    elif values[-1] <= slack:
        assert found == "negative semidefinite"
    else:
        assert found == "indefinite"


def test_a_large_chain_is_proved_convex_by_its_factor() -> None:
    count = 5000
    columns = np.concatenate([np.arange(count), np.arange(count - 1)])
    rows = np.concatenate([np.arange(count), np.arange(1, count)])
    values = np.concatenate([np.full(count, 2.0), np.full(count - 1, -1.0001)])  # no dominant diagonal
    values[0] = values[count - 1] = 4.0
    order = np.lexsort((rows, columns))
    starts = np.searchsorted(columns[order], np.arange(count + 1)).astype(np.int32)
    smallest = 2 - 2 * 1.0001 * np.cos(np.pi / (count + 1))
    found = definiteness(starts, rows[order].astype(np.int32), values[order])
    assert found == ("positive semidefinite" if smallest > 0 else "unknown")
    values[count:] = -0.9999
    proved = definiteness(starts, rows[order].astype(np.int32), values[order])
    assert proved == "positive semidefinite"


def test_signs_of_coefficients() -> None:
    instance, _ = objective("y")
    assert facts.signs(instance, "row") == {"x": "mixed", "y": "positive", "n": "negative"}


@pytest.mark.parametrize(
    ("text", "whole"),
    [("sum(n[i] * i for i in I) + 3", True), ("n[1] / 2", False), ("y + n[1]", False), ("n[1] * n[2]", False)],
)
def test_whole_valued_terms(text: str, whole: bool) -> None:
    instance, term = objective(text)
    assert facts.whole_valued(instance, term, SCALAR) is whole


INTERVALS = [
    "sum(c[i] * x[i] for i in I) - y",
    "x[1] * x[2] - x[3]^2",
    "abs(x[1]) + exp(x[2]) - max(x[3], y) * 2",
    "min(x[i] for i in I) + norm2(x[i] for i in I) + x[1]^3",
    "y / (x[1] + 3) + sin(y)",
    "if c[1] > 0 then y else x[1]",
    "norm1(x[i] for i in I) - norminf(x[i] for i in I) + sqrt(y) + tanh(x[2])",
]


@pytest.mark.parametrize("text", INTERVALS)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_value_lies_in_the_interval(text: str, seed: int) -> None:
    instance, term = objective(text)
    bounds = facts.interval(term, UNIT, instance)
    rng = np.random.default_rng(seed)
    point: dict[str, Any] = {
        f.name: f.lower + (f.upper - f.lower) * rng.integers(0, 5, f.count) / 4 for f in instance.families
    }
    value = float(evaluate(term, UNIT, instance.scope.at(point)))
    assert bounds.lower - 1e-12 <= value <= bounds.upper + 1e-12


def test_intervals_over_a_table() -> None:
    instance, _ = objective("y")
    family = instance.constraint("row")
    body = family.symbol.body
    assert isinstance(body, Relation)
    found = facts.interval(body.terms[0], family.layout.table, instance)
    assert found.lower.tolist() == [-2 - 5, -5, -1 - 5]
    assert found.upper.tolist() == [1 + 6, 6, 2 + 6]
    assert point_of(instance, np.random.default_rng(0)).keys() == {"x", "y", "n"}
