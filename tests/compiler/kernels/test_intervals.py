"""Kernels over boxes: what comes out holds every exact result, and narrowing keeps every point that counts."""

from __future__ import annotations

from typing import Any

import kernel_models as models
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nonlinear_models import Case, case, point
from random_terms import terms

from optc.compiler.boxes.problem import BoxProblem
from optc.compiler.data.errors import DataError
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.kernels import ends as e
from optc.compiler.kernels.ends import Ends
from optc.compiler.kernels.interval_printer import IntervalPrograms, Swept
from optc.compiler.kernels.narrowing import narrowed

PROGRAMS = ("value", "rows", "gradient", "jacobian", "hessian", "product")
SIGMA = 1.7
CLOSE = 1e-11  # of a result's size is what float64 itself may be off by
HEAD = "var x[i in 1..2] in [0.1, 3]\nvar p[i in 1..2] in [0.2, 2]\nvar y in [-2, 2]\nvar z in [-3, 0.5]\n"
DENSE = """set I = 1..300
set J = 1..60
param a[I, J]
var x[J]
minimize sum(log(1 + exp(sum(a[i, j] * x[j] for j in J))) for i in I)
"""
SPARSE = """set I = 1..300
set J = 1..60
set A within I * J
param a[A]
var x[J]
var z
minimize sum(log(1 + exp(sum(a[i, j] * x[j] for (i, j) in A) * (1 + z / 9))) for i in I)
"""


def factored(text: str) -> Case:
    """A problem whose second derivatives are left as products of matrices."""
    rng = np.random.default_rng(2)
    pairs = [(i, j) for i in range(1, 301) for j in range(1, 61) if text == DENSE or (i + j) % 2 == 0]
    data: dict[str, Any] = {"a": {pair: float(rng.normal()) for pair in pairs}}
    found = case(text, data | ({"A": pairs} if text == SPARSE else {}))
    assert found.model.factored
    return found


def swept(form: NonlinearForm, x: Ends, names: tuple[str, ...] = PROGRAMS, seed: int = 1) -> Swept:
    """The programs over boxes, with some multipliers and direction."""
    rng, boxes = np.random.default_rng(seed), x.shape[1]
    y, v = rng.normal(size=form.shape[0]), rng.normal(size=form.shape[1])
    programs = IntervalPrograms([form.engine.model.program(name) for name in names], form.arrays, (0, 1))
    inputs = {name: e.exact(np.tile(values, (boxes, 1))) for name, values in (("multipliers", y), ("direction", v))}
    return programs({"x": x, "sigma": e.exact(np.full((boxes, 1), SIGMA)), **inputs})


def results(form: NonlinearForm, x: Any, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    y, v = rng.normal(size=form.shape[0]), rng.normal(size=form.shape[1])
    inputs = {"x": x, "sigma": np.full((len(x), 1), SIGMA), "multipliers": np.tile(y, (len(x), 1))}
    inputs["direction"] = np.tile(v, (len(x), 1))
    return {name: form.engine.run(name, form.arrays, inputs) for name in PROGRAMS}


def boxes_of(found: Case, count: int, low: float, high: float, seed: int = 0) -> Ends:
    """Random boxes, wide and narrow ones, some columns without width."""
    rng = np.random.default_rng(seed)
    lower = rng.uniform(low, high, (count, found.form.shape[1]))
    width = (high - lower) * 10.0 ** rng.uniform(-5, 0, (count, 1)) * (rng.random(lower.shape) < 0.9)
    return np.stack([lower, lower + width])


def inside(x: Ends, seed: int) -> Any:
    """A point of each box, often at an end."""
    rng = np.random.default_rng(seed)
    share = rng.choice([0.0, 1.0, 0.5, 0.3], size=x.shape[1:])
    return np.clip(x[0] + share * (x[1] - x[0]), x[0], x[1])


def assert_held(found: Ends, values: Any, where: Any) -> None:
    """Finite values lie between the ends."""
    slack = CLOSE * np.maximum(1.0, np.abs(values))
    wrong = np.isfinite(values) & ((values < found[0] - slack) | (values > found[1] + slack))
    assert not wrong.any(), (where, values[wrong][:3], found[0][wrong][:3], found[1][wrong][:3])


# --------------------------------------------------------------------------------------------------------- containment
@pytest.mark.parametrize("name", models.EVERY)
def test_every_result_lies_within_its_ends(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    form = found.form
    narrow = (0.3, 1.2) if name in ("asin", "acos", "tan") else (-0.4, 1.6)
    x = boxes_of(found, 24, *narrow)
    over = swept(form, x)
    for seed in range(8):
        values = results(form, inside(x, seed))
        defined = np.isfinite(values["value"]).all(axis=-1) & np.isfinite(values["rows"]).all(axis=-1)
        assert not (over.undefined & defined).any()
        for found_, program in zip(over.results, PROGRAMS, strict=True):
            which = np.flatnonzero(defined)
            assert_held(found_[:, which], values[program][which], (name, program))
        assert (over.partial | defined).all()


@pytest.mark.parametrize("name", models.EVERY)
def test_ends_come_together_with_the_box(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    middle = np.stack([point(found, seed, 0.35, 0.9) for seed in range(4)])
    over = swept(found.form, np.stack([middle - 1e-7, middle + 1e-7]))
    assert not over.partial.any()
    for ends in over.results[:4]:
        size = np.maximum(1.0, np.abs(ends).max(axis=0))
        assert (ends[1] - ends[0] <= 1e-4 * size).all()


@pytest.mark.parametrize("text", [pytest.param(DENSE, id="dense"), pytest.param(SPARSE, id="sparse")])
def test_factored_second_derivatives_lie_within_their_ends(text: str) -> None:
    found = factored(text)
    form = found.form
    x = boxes_of(found, 2, -0.1, 0.1)
    y = np.zeros((2, form.shape[0]))
    ends = BoxProblem(form).second_order(x, e.exact(y))
    rows, columns = form.hessian_pattern
    for seed in range(3):
        values = form.evaluate_hessian(inside(x, seed), np.ones(2), y)
        assert_held(ends[:, :, rows, columns], values, text)
        assert_held(ends[:, :, columns, rows], values, text)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(terms(), terms(), st.integers(0, 2**20))
def test_random_terms_lie_within_their_ends(first: str, second: str, seed: int) -> None:
    try:
        found = case(f"{HEAD}minimize ({first}) + 0*y\nsubject to\n  c: ({second}) + x[1] <= 3\n")
    except (AssertionError, DataError):  # it has no form, or a number of it has no value
        assume(False)
    x = np.stack([found.form.lower, found.form.upper])[:, None, :]
    x = np.where(np.isfinite(x), x, np.array([-3.0, 3.0])[:, None, None])
    rng = np.random.default_rng(seed)
    halves = np.sort(rng.random((2, 6, x.shape[-1])), axis=0)
    x = x[0] + halves * (x[1] - x[0])
    over = swept(found.form, x, PROGRAMS[:4])
    for k in range(4):
        at = inside(x, seed + k)
        values = results(found.form, at)
        kept = np.isfinite(values["value"]).all(axis=-1) & np.isfinite(values["rows"]).all(axis=-1)
        assert not (over.undefined & kept).any()
        for ends, name in zip(over.results, PROGRAMS[:4], strict=True):
            assert_held(ends[:, kept], values[name][kept], name)


# ----------------------------------------------------------------------------------------------------------- narrowing
@pytest.mark.parametrize("name", models.EVERY)
def test_narrowing_keeps_the_points_that_give_such_results(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    form = found.form
    x = boxes_of(found, 24, *((0.3, 0.9) if name in ("asin", "acos", "tan") else (-0.4, 1.6)))
    programs = IntervalPrograms([form.engine.model.program(n) for n in PROGRAMS[:2]], form.arrays, (0, 1))
    over = programs({"x": x})
    for seed in range(6):
        at = inside(x, seed)
        values = results(form, at)
        kept = np.isfinite(values["value"]).all(axis=-1) & np.isfinite(values["rows"]).all(axis=-1)
        wanted = []
        for name_ in PROGRAMS[:2]:
            slack = 1e-3 + CLOSE * np.abs(values[name_])
            ends = np.stack([values[name_] - slack, values[name_] + slack])
            wanted.append(np.where(kept[:, None], ends, np.array([-np.inf, np.inf])[:, None, None]))
        narrow, empty = narrowed(programs, over, wanted, x)
        assert not (empty & kept).any()
        assert ((at >= narrow[0]) & (at <= narrow[1]))[kept].all()


def narrow(text: str, rows: list[float], *ends: tuple[float, float]) -> tuple[Ends, bool]:
    """One box narrowed by its rows, whose upper sides are given."""
    form = case(text).form
    programs = IntervalPrograms([form.engine.model.program(n) for n in PROGRAMS[:2]], form.arrays, (0, 1))
    x = np.array(ends, dtype=np.float64).T[:, None, :]
    sides = np.stack([np.full(len(rows), -np.inf), np.array(rows)])[:, None, :]
    found, empty = narrowed(programs, programs({"x": x}), [np.array([[[-np.inf]], [[np.inf]]]), sides], x)
    return found[:, 0], bool(empty[0])


def test_narrowing_turns_functions_round() -> None:
    head = "var x\nvar y\nminimize x\nsubject to\n"
    assert_box(narrow(head + "  c: x^2 + y^2 <= 4\n", [4.0], (-9, 9), (1, 9)), [(-(3**0.5), 3**0.5), (1, 2)])
    assert_box(narrow(head + "  c: exp(x) + y <= 2\n", [2.0], (-900, 9), (1, 9)), [(-900, 0), (1, 2)])
    assert_box(narrow(head + "  c: x^3 <= y\n", [0.0], (-9, 9), (-9, -8)), [(-9, -2), (-9, -8)])
    assert_box(narrow(head + "  c: -x * y <= -6\n", [-6.0], (-9, 9), (1, 2)), [(3, 9), (1, 2)])
    assert_box(narrow(head + "  c: sqrt(x) + y <= 2\n", [2.0], (-9, 9), (0, 2)), [(0, 4), (0, 2)])
    assert_box(narrow(head + "  c: 1/x + y^2 <= 0.5\n", [0.5], (0.1, 9), (0, 2)), [(2, 9), (0, (0.5 - 1 / 9) ** 0.5)])


def test_a_product_with_a_factor_across_zero_is_cut_from_both_sides() -> None:
    head = "var x\nvar y\nminimize x\nsubject to\n  c: -x * y <= -6\n"
    found, empty = narrow(head, [-6.0], (-1, 9), (-2, 2))
    assert not empty  # x y >= 6 with y <= 2: x is at least 3, or at most -3, which its lower end leaves out
    np.testing.assert_allclose(found, [[3, 2 / 3], [9, 2]], rtol=1e-12)


def test_rows_that_nothing_meets_leave_nothing() -> None:
    assert narrow("var x\nvar y\nminimize x\nsubject to\n  c: exp(x) + y^2 <= -1\n", [-1.0], (-9, 9), (-9, 9))[1]
    assert narrow("var x\nvar y\nminimize x\nsubject to\n  c: sqrt(x) + y <= -1\n", [-1.0], (-9, 9), (0, 9))[1]


def assert_box(found: tuple[Ends, bool], wanted: list[tuple[float, float]]) -> None:
    ends, empty = found
    assert not empty
    np.testing.assert_allclose(ends.T, wanted, rtol=1e-12, atol=1e-12)
    low, high = np.array(wanted).T
    assert (ends[0] <= low).all() and (ends[1] >= high).all()


# --------------------------------------------------------------------------------------------------------- poles, edges
@pytest.mark.parametrize(
    ("term", "low", "high", "undefined", "partial"),
    [
        ("1/x", -1.0, 1.0, False, True),
        ("1/x", 0.5, 1.0, False, False),
        ("1/x", 0.0, 0.0, True, True),
        ("log(x)", -1.0, 1.0, False, True),
        ("log(x)", -2.0, -1.0, True, True),
        ("log(x)", -2.0, 0.0, True, True),
        ("sqrt(x)", -2.0, -1.0, True, True),
        ("sqrt(x)", 0.0, 1.0, False, True),
        ("sqrt(x)", 0.25, 1.0, False, False),
        ("asin(x)", 0.5, 1.0, False, True),
        ("asin(x)", 1.5, 2.0, True, True),
        ("x^(-3)", -1.0, 1.0, False, True),
        ("x^1.5", -1.0, 1.0, False, True),
        ("x^1.5", -2.0, -1.0, True, True),
        ("x^(-0.5)", -2.0, 0.0, True, True),
        ("tan(x)", 1.0, 2.0, False, True),
        ("tan(x)", -1.0, 1.0, False, False),
        ("entropy(x)", -2.0, -1.0, True, True),
        ("exp(x)", -900.0, 900.0, False, False),
    ],
)
def test_where_a_function_has_no_value(term: str, low: float, high: float, undefined: bool, partial: bool) -> None:
    form = case(f"var x\nminimize {term}\n").form
    over = swept(form, np.array([low, high]).reshape(2, 1, 1), PROGRAMS[:4])
    assert (bool(over.undefined[0]), bool(over.partial[0])) == (undefined, partial)


def test_overflow_and_endless_boxes_are_held() -> None:
    form = case("var x\nvar y\nminimize exp(x) * y + x^3 - 1/y\n").form
    x = np.array([[[700.0, -np.inf], [-np.inf, -1e308]], [[np.inf, np.inf], [np.inf, 1e308]]])
    over = swept(form, x, PROGRAMS[:4])
    assert not any(np.isnan(ends).any() for ends in over.results)
    assert (over.results[0][0] == -np.inf).all() and (over.results[0][1] == np.inf).all()


def test_zero_is_exact() -> None:
    zero, one = e.exact(np.zeros((1, 1))), e.exact(np.ones((1, 1)))
    for found in (e.subtract(one, one), e.multiply(zero, one), e.square(zero), e.root(zero), e.scale(0.5, zero)):
        assert (found == 0).all()


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), st.integers(0, 3))
def test_arithmetic_holds_exact_rationals(numbers: list[float], which: int) -> None:
    from fractions import Fraction

    a, b = (np.sort(np.array(pair)).reshape(2, 1, 1) for pair in (numbers[:2], numbers[2:]))
    operation = (e.add, e.subtract, e.multiply, e.divide)[which]
    with np.errstate(all="ignore"):  # which callers silence
        found = operation(a, b)
    for p in a.ravel().tolist():
        for q in b.ravel().tolist():
            one, two = Fraction(p), Fraction(q)
            if which == 3 and two == 0:
                continue
            value = (one + two, one - two, one * two, one / two if two else one)[which]
            low, high = found[0, 0, 0], found[1, 0, 0]
            assert (low == -np.inf or Fraction(float(low)) <= value) and (
                high == np.inf or value <= Fraction(float(high))
            )


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=2), st.integers(2, 16))
def test_whole_powers_hold_exact_rationals(numbers: list[float], exponent: int) -> None:
    from fractions import Fraction

    a = np.sort(np.array(numbers)).reshape(2, 1, 1)
    found = e.whole_power(a, exponent)
    across = [0.0] if a[0] <= 0 <= a[1] else []
    for p in [*a.ravel().tolist(), *across]:
        value = Fraction(p) ** exponent
        assert Fraction(float(found[0, 0, 0])) <= value <= Fraction(float(found[1, 0, 0]))
