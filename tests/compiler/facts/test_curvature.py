"""Curvature: known answers, twins that are not convex, and random terms against midpoints by the reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, keyed, program_of, reference_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_terms import terms

import optc
from optc.compiler.evaluation.scope import EvaluationError as UndefinedData
from optc.compiler.facts.convexity import Proof, Reason, convex_problem
from optc.compiler.facts.curvature import bent
from optc.compiler.facts.region import Region, region_of
from optc.compiler.reference.interpreter import EvaluationError
from optc.compiler.spaces.algebra import UNIT
from optc.dsl.program import Expr

HEAD = """
set I = 1..3
param c[i in I] = i - 2
param w[i in I] = i
param Q[I, I] = [[2, 1, 0], [1, 2, 1], [0, 1, 2]]
param R[I, I] = [[1, 2, 0], [2, 1, 2], [0, 2, 1]]
var x[I] in [-1, 2]
var p[I] >= 0
var y in [0.5, 3]
var z
"""

CONVEX = [
    "sum(x[i]^2 for i in I) / y",
    "exp(z) + z^2 - log(y)",
    "x[1]^2 + x[2]^2 + x[1]*x[2]",
    "sum(Q[i, j] * x[i] * x[j] for i in I, j in I)",
    "sum(Q[i, j] * x[i] * x[j] for i in I, j in I) + exp(z) - sqrt(y)",
    "sqrt(x[1]^2 + z^2 + 1)",
    "sqrt(sum(Q[i, j] * x[i] * x[j] for i in I, j in I))",
    "-sqrt(p[1] * p[2])",
    "-prod(p[i] for i in I)^(1/3)",
    "-prod(p[i] ^ (w[i] / 6) for i in I)",
    "log(sum(exp(x[i]) for i in I))",
    "log(1 + exp(z))",
    "y * log(y)",
    "y * log(2 * y)",
    "y * exp(y)",
    "-y / (1 + y)",
    "1 / y",
    "1 / (p[1] * p[2])",
    "x[1]^2 / p[1]",
    "p[1]^1.5 / p[2]^0.5",
    "y^3",
    "z^4",
    "(z^2 + 1)^2",
    "(x[1] + z)^2",
    "y^2.5",
    "y^(-2)",
    "-y^0.3",
    "max(x[1], z^2)",
    "-min(x[1], z, log(y))",
    "abs(z)",
    "abs(z^2 + 1)",
    "logsumexp(x[i] for i in I)",
    "norm2(x[i] for i in I)",
    "norm2(x[i]^2 for i in I)",
    "norm1(x[i] - z for i in I) + norminf(x[i] for i in I)",
    "kl(y, p[1])",
    "p[1] * log(p[1] / p[2])",
    "-p[1] * log(p[2] / p[1])",
    "-entropy(y)",
    "-sum(entropy(p[i]) for i in I)",
    "2^z",
    "y^y",
    "0.5^z",
    "huber(z)",
    "huber(z, 2)",
    "softplus(z^2)",
    "exp(z) * exp(x[1])",
    "exp(x[1]^2) * (1 + exp(z))",
    "-sin(y)",
    "cosh(z)",
    "-tanh(y)",
    "sum(w[i] * x[i]^2 for i in I)",
    "sum(if c[i] >= 0 then x[i]^2 else x[i] for i in I)",
    "sum(c[i] * x[i] for i in I)",
    "piecewise(z, [0, 1, 2], [0, 1, 4])",
    "-log(p[1] - p[2]^2)",
    "-log(1 - x[1]^2)",
    "(max(z, 0))^2",
    "y^2 * y",
    "exp(-sqrt(y))",
    "y + 1 / y",
    "y^3 + y * x[1] + x[1]^2",
    "sum(x[i]^2 + 0.9 * sin(x[i]) for i in I) + x[1] * x[2] * 0.5",
    "2 * x[1]^2 - x[1] * z + z^2 + cos(x[1]) - 0.5 * softplus(z)",
    "(x[1] - x[2])^2 / (p[1] + 1) + 3",
]

NOT_CONVEX = [
    "x[1] * x[2]",
    "z^3",
    "log(y)",
    "log(z^2)",
    "sqrt(y)",
    "sin(z)",
    "sigmoid(z)",
    "min(x[1], z)",
    "x[1]^2 - x[2]^2",
    "x[1]^2 + x[2]^2 + 2.1 * x[1] * x[2]",
    "sum(R[i, j] * x[i] * x[j] for i in I, j in I)",
    "sum(c[i] * x[i]^2 for i in I)",
    "y^2 * z^2",
    "y / (1 + y)",
    "x[1] / y",
    "(x[1]^2 - 1)^2",
    "z^2 / y^2",
    "sqrt(x[1]^2 + z^2 - 1)",
    "norm2(x[i]^2 - 1 for i in I)",
    "prod(p[i] for i in I)",
    "p[1]^0.5 * p[2]^0.6",
    "-p[1]^0.5 * p[2]^0.6",
    "exp(-z^2)",
    "abs(z^2 - 1)",
    "2^sqrt(y)",
    "log(sum(p[i] for i in I))",
    "p[1] * log(p[2])",
    "entropy(y)",
    "tanh(z)",
    "(abs(z))^0.5",
    "sqrt(abs(z))",
    "floor(z)",
    "kl(y, p[1]^2)",
    "1 / z",
    "z^(-2)",
    "piecewise(z, [0, 1, 2], [0, 1, 1])",
    "exp(x[1]) * x[2]",
    "max(x[1], 0) * max(x[2], 0)",
    "z * sin(z)",
    "y^3 + 3 * y * x[1] + x[1]^2",
    "x[1]^4 + x[1] * z + z^2",
    "sum(x[i]^2 + 2.1 * sin(x[i]) for i in I) + x[1] * x[2] * 0.5",
    "x[1]^2 + x[1] * z + z^2 + 2 * cos(x[1])",
]


def region_and_term(text: str) -> tuple[Region, Expr]:
    instance = instance_of(program_of(f"{HEAD}minimize {text}\n"), {})
    stated = instance.program.root.objective
    assert stated is not None and stated.expression is not None
    return region_of(instance), stated.expression


@pytest.mark.parametrize("text", CONVEX)
def test_convex_terms_are_recognised(text: str) -> None:
    region, term = region_and_term(text)
    assert bent(region, term, UNIT).convex.all()


@pytest.mark.parametrize("text", CONVEX)
def test_what_is_convex_turned_is_concave(text: str) -> None:
    region, term = region_and_term(f"-({text})")
    assert bent(region, term, UNIT).concave.all()


@pytest.mark.parametrize("text", NOT_CONVEX)
def test_twins_are_not_called_convex(text: str) -> None:
    region, term = region_and_term(text)
    found = bent(region, term, UNIT)
    assert not found.convex.any()
    assert found.against_convex is not None and found.against_convex.term.span is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exp(z) + x[1] * x[2]", "`x[1] * x[2]` is not convex: decisions are multiplied"),
        ("z^2 - sum(x[i]^2 for i in I)", "`x[i]^2` is not concave at i = 1: it is convex"),
        ("sum(c[i] * x[i]^2 for i in I)", "`c[i] * x[i]^2` is not convex at i = 1: its factor has the wrong sign"),
        (
            "2 * sin(z) + y",
            "`sin(z)` is not convex: it is neither convex nor concave where its argument may be any number",
        ),
        ("-exp(x[1])", "`exp(x[1])` is not concave: it is convex where its argument is in [-1, 2]"),
    ],
)
def test_the_reason_names_the_part(text: str, message: str) -> None:
    instance = instance_of(program_of(f"{HEAD}minimize {text}\n"), {})
    found = convex_problem(instance)
    assert isinstance(found, Reason)
    assert found.diagnostic.message.startswith(message)
    assert found.diagnostic.place is not None


def test_a_family_is_judged_row_by_row() -> None:
    instance = instance_of(program_of(f"{HEAD}minimize z\nsubject to\n  a[i in I]: c[i] * x[i]^2 <= z\n"), {})
    family = instance.constraint("a")
    region = region_of(instance)
    body: Any = family.symbol.body
    found = bent(region, body.terms[0], family.layout.table)
    assert found.convex.tolist() == [False, True, True]
    assert found.concave.tolist() == [True, True, False]


def test_quadratic_forms_are_judged_for_each_row() -> None:
    text = f"""{HEAD}minimize z
subject to
  a[k in I]: sum((if i == j then 2 else k) * x[i] * x[j] for i in 1..2, j in 1..2) <= z
"""
    instance = instance_of(program_of(text), {})
    family = instance.constraint("a")
    body: Any = family.symbol.body
    found = bent(region_of(instance), body.terms[0], family.layout.table)
    assert found.convex.tolist() == [True, True, False]


def test_bounds_from_rows_give_signs() -> None:
    free = f"{HEAD}minimize z^3\nsubject to\n  {{}}\n"
    assert isinstance(convex_problem(instance_of(program_of(free.format("a: z >= y - 1")), {})), Reason)
    assert isinstance(convex_problem(instance_of(program_of(free.format("a: z >= 2 * y - 1")), {})), Proof)


@pytest.mark.parametrize(
    ("row", "convex"),
    [
        ("sum(x[i]^2 for i in I) <= z", True),
        ("sum(x[i]^2 for i in I) >= z", False),
        ("sum(x[i]^2 for i in I) == z", False),
        ("sum(x[i] for i in I) == z", True),
        ("z <= log(y)", True),
        ("0 <= sqrt(y)", True),
        ("1 >= norm2(x[i] for i in I)", True),
        ("x[1]^2 <= z <= log(y)", True),
        ("x[1]^2 <= z^2 <= 4", False),
        ("x[1] * x[2] <= x[1]^2 + x[2]^2", False),
        ("x[1] * x[2] >= x[1]^2 + x[2]^2 - 1", True),
    ],
)
def test_relations(row: str, convex: bool) -> None:
    instance = instance_of(program_of(f"{HEAD}minimize z\nsubject to\n  a: {row}\n"), {})
    assert isinstance(convex_problem(instance), Proof) is convex


# ---------------------------------------------------------------------------------------------------- random terms
def value_of(reference: Any, instance: Any, point: dict[str, np.ndarray]) -> float | None:
    try:
        found = float(reference.objective((), (), keyed(instance, point)))
    except (EvaluationError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) < 1e12 else None


@settings(max_examples=400, deadline=None)
@given(text=terms(), seed=st.integers(0, 2**32 - 1))
def test_midpoints_agree_with_what_is_said(text: str, seed: int) -> None:
    program = program_of(f"{HEAD}minimize {text} + 0 * z\n")
    instance = instance_of(program, {})
    stated = instance.program.root.objective
    assert stated is not None and stated.expression is not None
    try:
        found = bent(region_of(instance), stated.expression, UNIT)
    except UndefinedData:
        return
    if not (found.convex.all() or found.concave.all()):
        return
    reference, rng = reference_of(program, {}), np.random.default_rng(seed)
    for _ in range(8):
        ends = [_point(instance, rng) for _ in range(2)]
        middle = {name: (ends[0][name] + ends[1][name]) / 2 for name in ends[0]}
        values = [value_of(reference, instance, point) for point in ends]
        if values[0] is None or values[1] is None:
            continue
        between = value_of(reference, instance, middle)
        assert between is not None, "the set where it is defined is not convex"
        slack = 1e-9 * (1 + abs(values[0]) + abs(values[1]))
        if found.convex.all():
            assert between <= (values[0] + values[1]) / 2 + slack
        if found.concave.all():
            assert between >= (values[0] + values[1]) / 2 - slack


def _point(instance: Any, rng: np.random.Generator) -> dict[str, np.ndarray]:
    scale = rng.choice([0.5, 3.0, 10.0])
    return {
        f.name: np.clip(rng.normal(0, scale, f.count), np.maximum(f.lower, -50), np.minimum(f.upper, 50))
        for f in instance.families
    }


@pytest.mark.parametrize(
    "term", ["prod(x for k in 1..3) * x^2", "prod(x for k in 1..3)", "sqrt(prod(x for k in 1..2)) * x"]
)
def test_a_product_is_not_judged_by_its_own_logarithm(term: str) -> None:
    """Its curvature asks for that of its logarithm, which must not ask back."""
    problem = optc.parse(f"var x\nminimize {term}\n").bind({})
    assert "not proved convex" in str(problem.explain())
