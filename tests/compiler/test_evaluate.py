"""Undefined values and where they count, contractions without large products, batches."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from agreement import assert_agreement, instance_of, program_of

from optc.compiler.data.errors import DataError
from optc.compiler.evaluation.evaluate import evaluate
from optc.compiler.evaluation.scope import EvaluationError
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import instance_to_linear
from optc.compiler.spaces.algebra import UNIT


def build(text: str, **data: object) -> Instance:
    return instance_of(program_of(text), data)


def message(text: str, **data: object) -> str:
    with pytest.raises(DataError) as raised:
        build(text, **data)
    (found,) = raised.value.diagnostics
    return found.message


HEAD = "set I = 1..3\nparam a[I] = [2, 0, 4]\n"


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("1 / a[i]", "`1 / a[i]` has no value in b, at i = 2: the denominator is 0"),
        ("log(a[i])", "`log(a[i])` has no value in b, at i = 2: the argument of log is not positive"),
        ("sqrt(1 - a[i])", "`sqrt(1 - a[i])` has no value in b, at i = 1: the argument of sqrt is negative"),
        ("a[i + 1]", "a[4] does not exist in b, at i = 3: a has no such index"),
        (
            "min(a[j] for j in I if j > i)",
            "`min(a[j] for j in I if j > i)` has no value in b, at i = 3: min over an empty set",
        ),
        ("a[next(i, I)]", "`next(i, I)` has no value in b, at i = 3: the set has no member after it"),
        ("i mod a[i]", "`i mod a[i]` has no value in b, at i = 2: the divisor is 0"),
        ("(-a[i])^0.5", "`(-a[i])^0.5` has no value in b, at i = 1: 0 to a negative power, or a negative number to a "
         "power that is not whole"),
    ],
)  # fmt: skip
def test_an_undefined_value_is_told_with_family_index_and_expression(definition: str, expected: str) -> None:
    assert message(HEAD + f"param b[i in I] = {definition}\nsatisfy\n") == expected


@pytest.mark.parametrize(
    ("definition", "values"),
    [
        ("if a[i] != 0 then 1 / a[i] else -1", [0.5, -1, 0.25]),
        ("if a[i] > 0 and 1 / a[i] > 0.3 then 1 else 0", [1, 0, 0]),
        ("if a[i] == 0 or 4 / a[i] > 1 then 1 else 0", [1, 1, 0]),
        ("sum(1 / a[j] for j in I if a[j] > 0 and j <= i)", [0.5, 0.5, 0.75]),
        ("prod(a[j] for j in I if j > i)", [0, 4, 1]),
        ("sum(a[j] for j in I if j > 3)", [0, 0, 0]),
        ("round(a[i] + 0.5) + round(i + 0.5)", [4, 2, 8]),
        ("(0 - i) mod 3 + (0 - i) div 2", [1, 0, -2]),
        ("entropy(a[i]) + a[i] * 0", [-2 * np.log(2), 0, -4 * np.log(4)]),
        ("-2^2 + 2^3^0", [-2, -2, -2]),
    ],
)
def test_only_what_is_asked_for_is_evaluated(definition: str, values: list[float]) -> None:
    text = HEAD + f"param b[i in I] = {definition}\nsatisfy\n"
    assert build(text).scope.data["b"].tolist() == pytest.approx(values)
    assert_agreement(text, {})


def test_a_matrix_product_is_not_materialised() -> None:
    text = """
set S = 1..400
set F = 1..500
param X[S, F]
param w[F]
param V[F, S]
param y[s in S] = sum(X[s, f] * w[f] for f in F)
param G[s in S, t in S] = sum(X[s, f] * V[f, t] for f in F)
var v[F]
minimize sum((sum(X[s, f] * v[f] for f in F) - y[s])^2 for s in S)
"""
    rng = np.random.default_rng(0)
    big_x, w, big_v = rng.random((400, 500)), rng.random(500), rng.random((500, 400))
    program = program_of(text)
    tracemalloc.start()
    from pathlib import Path

    from optc.compiler.data import PythonValue, read_inputs
    from optc.compiler.instance.instance import build as build_instance

    given = [PythonValue("X", big_x), PythonValue("w", w), PythonValue("V", big_v)]
    instance = build_instance(program, read_inputs(program, given, folder=Path()))
    objective = program.root.objective
    assert objective is not None and objective.expression is not None
    point = rng.random((7, 500))
    found = evaluate(objective.expression, UNIT, instance.scope.at({"v": point}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert np.allclose(instance.scope.data["y"], big_x @ w)
    assert np.allclose(instance.scope.data["G"].reshape(400, 400), big_x @ big_v)
    assert np.allclose(found, ((point @ big_x.T - big_x @ w) ** 2).sum(axis=1))
    assert peak < 40e6  # 400 x 500 x 400 numbers would be 640 MB


def test_values_at_a_point_are_undefined_only_there() -> None:
    instance = build("var x\nvar y\nminimize 1 / x + log(y)\n")
    term = instance.program.root.objective.expression  # type: ignore[union-attr]
    scope = instance.scope
    assert evaluate(term, UNIT, scope.at({"x": np.array([2.0]), "y": np.array([1.0])})) == 0.5
    with pytest.raises(EvaluationError) as raised:
        evaluate(term, UNIT, scope.at({"x": np.array([[2.0], [0.0]]), "y": np.array([[1.0], [1.0]])}))
    assert raised.value.diagnostic.code.id == "E0801"


@pytest.mark.parametrize(
    "objective",
    [
        "x + sum(mean[a] * a for a in Assets)",
        "x + sum(a for a in Assets)",
        "x + max(a for a in Assets)",
        "x + sum(abs(a) for a in Assets)",
        "sum(x * a for a in Assets)",
        "sum(x * mean[a] for a in Assets if a >= 2)",
    ],
)
def test_calculating_with_members_that_are_texts_is_told(objective: str) -> None:
    text = f"set Assets\nparam mean[Assets]\nvar x in [0, 1]\nminimize c: {objective}\n"
    instance = build(text, Assets=["u", "v"], mean=[1.0, 2.0])
    with pytest.raises((DataError, EvaluationError)) as caught:
        instance_to_linear.lower(instance)
    assert str(caught.value).endswith("it is a text, and no number")


def test_infinities_that_cancel_are_undefined() -> None:
    assert "infinity minus infinity" in message("param a = 1\nparam b = inf - inf\nsatisfy\n")


def test_a_long_sum_does_not_exhaust_the_stack() -> None:
    terms = " + ".join(f"{k} * x" for k in range(3000))
    program = program_of(f"var x\nminimize {terms}\n")
    instance = instance_of(program, {})
    objective = program.root.objective
    assert objective is not None and objective.expression is not None
    found = evaluate(objective.expression, UNIT, instance.scope.at({"x": np.array([2.0])}))
    assert float(found) == 2 * 3000 * 2999 / 2
