"""Products with binaries against enumeration and against their values at single points; refusals; derived bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from enumeration import assert_same_optimum, assert_same_value_at, lowered, solved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optc.compiler.lowerings import kinks_to_rows, products_to_rows
from optc.compiler.signature import signature

SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

HEAD = """
set I = 1..3
param w[I] = [2, -1, 3]
var b[I] binary
var a binary
var y {kind} in [-2, 1]
let load = sum(w[i] * b[i] for i in I)
let off[i in I] = 1 - b[i]
"""


def numbers() -> st.SearchStrategy[str]:
    return st.integers(-3, 3).map(lambda k: f"({k})")


def switches(index: str) -> st.SearchStrategy[str]:
    """Expressions of binaries."""
    return st.sampled_from(
        ["a", f"b[{index}]", f"(1 - b[{index}])", "load", f"off[{index}]", "(a + b[2] - 1)", "b[1]^2"]
    )


def products(index: str = "2") -> st.SearchStrategy[str]:
    """Polynomials: products of switches, one of them with ``y``."""
    lines = st.tuples(numbers(), st.sampled_from(["y", f"y - b[{index}]", "2 * y + a", "load + y", "1"]))
    bodies = st.tuples(st.lists(switches(index), min_size=1, max_size=3), lines)
    single = bodies.map(lambda p: f"{' * '.join(p[0])} * {p[1][0]} * ({p[1][1]})")
    if index != "2":
        return single
    inner = st.one_of(
        single,
        products("i").map(lambda e: f"sum({e} * w[i] for i in I)"),
        st.sampled_from(
            [
                "prod(b[i] for i in I)",
                "prod(1 - b[i] for i in I if w[i] > 0)",
                "load^2",
                "(a + b[1] + b[2])^3",
                "sum(w[i] * w[j] * b[i] * b[j] for i in I, j in I if i < j)",
                "load * sum(y * w[i] for i in I)",
            ]
        ),
    )
    return st.lists(st.tuples(st.sampled_from("+-"), inner), min_size=1, max_size=3).map(
        lambda parts: " ".join(f"{sign} {body}" for sign, body in parts).lstrip("+ ")
    )


@st.composite
def models(draw: Any) -> str:
    sense = draw(st.sampled_from(["minimize", "maximize"]))
    relation = draw(st.sampled_from(["<=", ">=", "=="]))
    side = draw(st.integers(-2, 3))
    return (
        f"{HEAD}{sense} goal: {draw(products())}\nsubject to\n"
        f"  c: {draw(products())} {relation} {side}\n  d[i in I]: {draw(products('i'))} + 0 * a <= {side} + 2\n"
    )


@SOME
@given(models())
def test_products_have_the_optimum_of_enumeration(text: str) -> None:
    assert_same_optimum(text.replace("{kind}", "integer"), products_to_rows)


@SOME
@given(models(), st.lists(st.booleans(), min_size=4, max_size=4), st.integers(-8, 4))
def test_the_lowered_model_has_the_value_of_the_original_at_every_point(text: str, on: list[bool], y: int) -> None:
    bits = np.array(on, dtype=float)
    point = {"b": bits[:3], "a": bits[3:], "y": np.array([y / 4])}
    assert_same_value_at(text.replace("{kind}", ""), point, products_to_rows)


def rows_and_columns(text: str) -> tuple[int, int, int]:
    """Rows of the form, columns beyond the original's, whole ones among those."""
    instance = instance_of(program_of(text), {})
    form, _, _ = lowered(instance, products_to_rows)
    return form.shape[0], form.shape[1] - instance.columns, int(form.integer[instance.columns :].sum())


def test_only_the_rows_that_are_needed_are_made() -> None:
    head = "var a binary\nvar b binary\nvar y in [-1, 4]\n"
    assert rows_and_columns(f"{head}minimize a * b\n") == (1, 1, 0)
    assert rows_and_columns(f"{head}maximize a * b\n") == (2, 1, 0)
    assert rows_and_columns(f"{head}maximize a * y\n") == (2, 1, 0)
    assert rows_and_columns(f"{head}minimize y\nsubject to\n  c: a * y == 1\n") == (5, 1, 0)
    assert rows_and_columns(f"{head}maximize a^3 - y\n") == (0, 0, 0)
    assert rows_and_columns(f"{head}maximize a * b * a * b\n") == (2, 1, 0)


def test_rows_of_zero_data_make_no_products() -> None:
    text = """
    set N = 1..4
    param Q[i in N, j in N] = if i == j then 1 else if i + j == 4 then -2 else 0
    var x[N] binary
    minimize sum(Q[i, j] * x[i] * x[j] for i in N, j in N)
    """
    rows, columns, _ = rows_and_columns(text)
    assert columns == 6, "four squares with weight 1, two products with weight -2"
    assert rows == 4 * 1 + 2 * 2


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("var x in [0, 2]\nvar y in [0, 2]\nmaximize x * y\n", "E0614", "neither of `x` and `y`"),
        ("var x in [0, 2]\nmaximize x^2\n", "E0614", "`x` is not binary"),
        ("var b binary\nmaximize b^0.5\n", "E0614", "power"),
        ("var b[1..2] binary\nvar y in [0, 3]\nmaximize prod(b[i] + y for i in 1..2)\n", "E0614", "prod"),
        ("var b binary\nvar x >= 0\nmaximize b * (3 - x)\n", "E0613", "`x`, which has no upper bound"),
    ],
)
def test_what_no_rows_can_state_is_refused(text: str, code: str, words: str) -> None:
    refusal = products_to_rows.accepts(instance_of(program_of(text), {}))
    assert refusal is not None and refusal.code.id == code and refusal.place is not None
    assert words in refusal.message
    with pytest.raises(ValueError):
        products_to_rows.lower(instance_of(program_of(text), {}))


def test_bounds_of_a_factor_come_from_the_rows() -> None:
    text = (
        "var b binary\nvar x >= 0\nvar y >= 0\nmaximize b * x - y\nsubject to\n  cap: 2 * x - y <= 3\n  top: y <= 5\n"
    )
    instance = instance_of(program_of(text), {})
    _, inverse = products_to_rows.lower(instance)
    (bound,) = inverse.bounds
    assert bound.values.tolist() == [4.0]
    assert bound.text() == "objective: product at most when on: 4 for x, from the bounds of x, row cap"
    found = solved(instance, products_to_rows)
    assert found is not None and found.holds and found.objective == pytest.approx(1.5)


def test_products_inside_kinks_leave_the_kinks() -> None:
    text = "var b binary\nvar y in [-4, 4]\nmaximize abs(b * y - 1) - 2 * max(y, 3 * b)\n"
    program = program_of(text)
    after = products_to_rows.transfer(signature(program))
    assert after is not None and not isinstance(after, str)
    assert after.features == {"integer", "binary", "piecewise objective"}
    found = solved(instance_of(program, {}), products_to_rows, kinks_to_rows)
    assert found is not None and found.holds
    wanted = max(abs(b * y - 1) - 2 * max(y, 3 * b) for b in (0, 1) for y in np.linspace(-4, 4, 81))
    assert found.objective == pytest.approx(wanted)


def test_signatures() -> None:
    plain = signature(program_of("var x in [0, 1]\nvar y in [0, 1]\nminimize x * y\n"))
    assert "none of which is binary" in str(products_to_rows.transfer(plain))
    linear = signature(program_of("var x binary\nminimize x\n"))
    assert products_to_rows.transfer(linear) is None


def test_the_sense_may_be_turned_round() -> None:
    text = "param s\nvar b[1..3] binary\nvar y in [-2, 3]\n{sense} s * (b[1] * y - b[2] * b[3] * (y - 1) + y * b[3])\n"
    low = solved(instance_of(program_of(text.format(sense="minimize")), {"s": 1}), products_to_rows)
    high = solved(instance_of(program_of(text.format(sense="maximize")), {"s": -1}), products_to_rows)
    assert low is not None and high is not None and low.holds and high.holds
    assert low.objective == pytest.approx(-(high.objective or 0.0))
