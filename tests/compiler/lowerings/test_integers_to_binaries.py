"""Products of whole decisions by their binaries: against enumeration, at single points, and what is refused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from enumeration import assert_same_optimum, assert_same_value_at, lowered
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import optc
from optc.compiler.lowerings import integers_to_binaries, products_to_rows
from optc.compiler.signature import signature

BOTH = (integers_to_binaries, products_to_rows)
SOME = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])

HEAD = """
set I = 1..2
set P = {("a", 1), ("b", 2)}
param w[I] = [2, -3]
param least[I] = [-2, 0]
param most[I] = [1, 2]
var x[i in I] integer in [least[i], most[i]]
var z[P] integer in [1, 2]
var b binary
let load = sum(w[i] * x[i] for i in I)
let part[i in I] = x[i] + b
"""


def numbers() -> st.SearchStrategy[str]:
    return st.integers(-3, 3).map(lambda k: f"({k})")


def products(index: str = "1") -> st.SearchStrategy[str]:
    factor = st.sampled_from([f"x[{index}]", "x[2]", "b", "load", f"part[{index}]", 'z["a", 1]', "(x[1] - b + 1)"])
    plain = st.tuples(numbers(), st.lists(factor, min_size=1, max_size=2)).map(lambda p: f"{p[0]} * {' * '.join(p[1])}")
    if index != "1":
        return plain
    sums = st.sampled_from(
        [
            "x[1]^2",
            "load^2",
            "x[1] * x[2] * x[2]",
            "sum(w[i] * x[i] * z[a, n] for i in I, (a, n) in P)",
            "x[1] * sum(z[p] for p in P)",
            "b * x[1] * x[2]",
        ]
    )
    each = products("i").map(lambda e: f"sum({e} for i in I)")
    return st.lists(st.one_of(plain, sums, each), min_size=1, max_size=2).map(" + ".join)


@st.composite
def models(draw: Any) -> str:
    sense = draw(st.sampled_from(["minimize", "maximize"]))
    relation = draw(st.sampled_from(["<=", ">="]))
    return (
        f"{HEAD}{sense} goal: {draw(products())}\nsubject to\n"
        f"  c: {draw(products())} + 0 * b {relation} {draw(st.integers(-3, 6))}\n"
        f"  d[i in I]: {draw(products('i'))} + 0 * b <= 9\n"
    )


@SOME
@given(models())
def test_products_of_whole_decisions_have_the_optimum_of_enumeration(text: str) -> None:
    assert_same_optimum(text, *BOTH)


@SOME
@given(models(), st.data())
def test_at_every_point_the_value_is_that_of_the_model(text: str, data: st.DataObject) -> None:
    instance = instance_of(program_of(text), {})
    point = {}
    for family in instance.families:
        ends = zip(family.lower, family.upper, strict=True)
        point[family.name] = np.array([float(data.draw(st.integers(int(low), int(high)))) for low, high in ends])
    assert_same_value_at(text, point, *BOTH)


@pytest.mark.parametrize("most", range(1, 40))
def test_the_sum_of_binaries_ends_at_the_bound_and_every_value_has_its_digits(most: int) -> None:
    text = f"var x integer in [-3, {most - 3}]\nvar y in [0, 1]\nmaximize x * x * y"
    instance = instance_of(program_of(text), {})
    without, inverse = integers_to_binaries.lower(instance)
    (bits,) = [f for f in without.families if f.name == "x (bits)"]
    assert bits.count == int(np.log2(most)) + 1
    form, _, last = lowered(instance, *BOTH)
    assert form.integer[: last.columns].sum() == bits.count + 1
    (row,) = [c for c in without.constraints if c.name == "x (by its bits)"]
    for value in range(-3, most - 2):
        point = integers_to_binaries.extend({"x": np.array([float(value)]), "y": np.zeros(1)}, inverse)
        digits = point["x (bits)"]
        assert set(digits.tolist()) <= {0.0, 1.0}
        body = row.symbol.body
        ends = [without.values(t, point, row.layout)[0] for t in body.terms]  # type: ignore[union-attr]
        assert ends[0] == ends[1] == value
    whole = {"x": np.array([float(most - 3)]), "y": np.zeros(1), "x (bits)": np.ones(bits.count)}
    assert without.values(row.symbol.body.terms[1], whole, row.layout)[0] == most - 3  # type: ignore[union-attr]


def test_spins_are_taken_apart_too() -> None:
    weights = {(1, 2): 1.0, (2, 3): 1.0, (1, 3): -2.0, (3, 4): 1.5, (1, 4): 1.0}
    terms = " + ".join(f"({w}) * s[{a}] * s[{b}]" for (a, b), w in weights.items())
    solution = optc.parse(f"var s[1..4] spin\nminimize {terms}").bind().solve(backend="highs")
    signs = itertools.product([-1, 1], repeat=4)
    wanted = min(sum(w * s[a - 1] * s[b - 1] for (a, b), w in weights.items()) for s in signs)
    assert (solution.status, solution.objective) == ("optimal", wanted)


def test_the_factor_with_the_widest_range_stays_whole() -> None:
    text = "var x integer in [0, 1000]\nvar y integer in [0, 3]\nmaximize x * y - x"
    without, _ = integers_to_binaries.lower(instance_of(program_of(text), {}))
    assert [f.name for f in without.families] == ["x", "y", "y (bits)"]


def test_derived_bounds_serve_where_none_is_declared() -> None:
    text = "var x integer >= 0\nvar y integer >= 0\nmaximize x * y\nsubject to\n  r: 2*x + 3*y <= 24"
    solution = optc.parse(text).bind().solve(backend="highs")
    assert (solution.status, solution.objective) == ("optimal", 24.0)
    assert "integers to binaries" in solution.route


def test_without_a_bound_the_decision_is_named() -> None:
    text = "var x integer >= 0\nvar y integer in [0, 4]\nmaximize x * x - y * x"
    reason = integers_to_binaries.accepts(instance_of(program_of(text), {}))
    assert reason is not None
    assert reason.code.id == "E0613"
    assert "`x`" in reason.message


def test_too_wide_a_range_is_refused() -> None:
    text = "var x integer in [0, 1e9]\nmaximize x * x"
    reason = integers_to_binaries.accepts(instance_of(program_of(text), {}))
    assert reason is not None
    assert reason.code.id == "E0625"


def test_two_continuous_factors_are_refused() -> None:
    text = "var x integer in [0, 3]\nvar y in [0, 1]\nvar z in [0, 1]\nmaximize x * x + y * z"
    reason = integers_to_binaries.accepts(instance_of(program_of(text), {}))
    assert reason is not None
    assert "neither of `y` and `z`" in reason.message


def test_only_products_of_decisions_with_a_range_are_looked_at() -> None:
    for text in ("var x integer in [0, 5]\nmaximize x", "var b binary\nvar c binary\nmaximize b * c"):
        assert integers_to_binaries.transfer(signature(program_of(text))) is None


def test_a_solver_that_multiplies_whole_decisions_is_taken_before() -> None:
    pytest.importorskip("pyscipopt")
    text = "var x integer in [0, 7]\nvar y integer in [0, 7]\nmaximize x * y - x - y\nsubject to\n  r: x + 2*y <= 12"
    solution = optc.parse(text).bind().solve()
    assert solution.route[-1] == "scip"
    assert solution.objective == optc.parse(text).bind().solve(backend="highs").objective


def test_a_start_is_given_its_digits() -> None:
    text = (
        "var x integer in [0, 6] start 5\nvar y integer in [0, 6] start 3\nmaximize x * y\nsubject to\n  r: x + y <= 8"
    )
    solution = optc.parse(text).bind().solve(backend="highs")
    assert (solution.status, solution.objective) == ("optimal", 16.0)
