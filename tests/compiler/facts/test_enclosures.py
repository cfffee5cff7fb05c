"""Enclosures of values and slopes: every value and every difference quotient lies within, ends are exact where due."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from decision_terms import HEAD, TERMS, of
from hypothesis import given, settings
from hypothesis import strategies as st

from optc.compiler.evaluation.evaluate import evaluate
from optc.compiler.evaluation.scope import EvaluationError
from optc.compiler.facts import rounding
from optc.compiler.facts.bounds import Ranges
from optc.compiler.facts.enclosure import enclosure
from optc.compiler.facts.intervals import Interval
from optc.compiler.facts.monotonicity import monotonicity
from optc.compiler.facts.region import Region, region_of
from optc.compiler.facts.slopes import slopes
from optc.compiler.instance.instance import Instance
from optc.compiler.spaces.algebra import UNIT


def corner_or_inside(instance: Instance, rng: np.random.Generator) -> dict[str, Any]:
    return {f.name: f.lower + (f.upper - f.lower) * rng.integers(0, 9, f.count) / 8 for f in instance.families}


@pytest.mark.parametrize("text", TERMS)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_and_slopes_lie_within(text: str, seed: int) -> None:
    instance, term = of(text)
    region, rng = region_of(instance), np.random.default_rng(seed)
    bounds, found = enclosure(region, term, UNIT), slopes(region, term, UNIT)
    known = monotonicity(region, term, UNIT)
    ends = [corner_or_inside(instance, rng) for _ in range(2)]
    values = [float(evaluate(term, UNIT, instance.scope.at(point))) for point in ends]
    for value in values:
        assert bounds.lower - 1e-12 <= value <= bounds.upper + 1e-12
    name = "y" if rng.random() < 0.3 else "x"
    family = instance.family(name)
    entry = int(rng.integers(family.count))
    moved = {**ends[0], name: ends[0][name].copy()}
    moved[name][entry] = family.lower[entry] + (family.upper[entry] - family.lower[entry]) * rng.integers(0, 9) / 8
    step = float(moved[name][entry] - ends[0][name][entry])
    change = float(evaluate(term, UNIT, instance.scope.at(moved))) - values[0]
    at = np.flatnonzero(found.column == family.offset + entry)
    low, high = (float(found.lower[at[0]]), float(found.upper[at[0]])) if len(at) else (0.0, 0.0)
    slack = 1e-10 * (1 + abs(change))
    lows, highs = sorted([low * step, high * step])
    if step:
        assert lows - slack <= change <= highs + slack
    if known.rising.all():
        assert change * step >= -slack
    if known.falling.all():
        assert change * step <= slack


def test_slopes_of_a_linear_template_are_its_coefficients() -> None:
    instance = instance_of(
        program_of(f"{HEAD}minimize y\nsubject to\n  a[i in I]: 3 * y - c[i] * x[i] + sum(x[j] for j in I) <= 4\n"), {}
    )
    family = instance.constraint("a")
    body: Any = family.symbol.body
    found = slopes(region_of(instance), body.terms[0], family.layout.table)
    assert found.row.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    dense = np.zeros((3, 4))
    dense[found.row, found.column] = (found.lower + found.upper) / 2
    assert dense.tolist() == [[2, 1, 1, 3], [1, 1, 1, 3], [1, 1, 0, 3]]
    assert np.all(found.upper - found.lower < 1e-14)


@pytest.mark.parametrize("text", [term for term in TERMS if "piecewise" not in term])
def test_at_a_point_they_are_values_and_slopes(text: str) -> None:
    instance, term = of(text)
    rng = np.random.default_rng(5)
    x = np.concatenate([f.lower + (f.upper - f.lower) * rng.uniform(0.1, 0.9, f.count) for f in instance.families])
    none = np.zeros(0, dtype=np.intp)
    region = Region(Ranges(instance, x, x, none, none, ()), frozenset(f.name for f in instance.families))
    bounds, found = enclosure(region, term, UNIT), slopes(region, term, UNIT)
    assert bounds.upper - bounds.lower < 1e-12 * max(1.0, abs(float(bounds.upper)))
    step = 1e-6
    for column, low, high in zip(found.column, found.lower, found.upper, strict=True):
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[column] += sign * step
            scope = instance.scope.at({f.name: moved[f.offset : f.offset + f.count] for f in instance.families})
            values.append(float(evaluate(term, UNIT, scope)))
        assert high - low < 1e-10 * max(1.0, abs(high))
        assert (values[0] - values[1]) / (2 * step) == pytest.approx((low + high) / 2, rel=1e-6, abs=1e-6)


def test_whole_numbers_are_not_moved() -> None:
    instance, term = of("sum(c[i] * x[i] for i in I) + 2 * y^2 - x[1]^3")
    found = enclosure(region_of(instance), term, UNIT)
    assert (float(found.lower), float(found.upper)) == (-2 - 1 + 0.5 - 8, 1 + 2 + 18 + 1)


def test_a_term_without_known_derivative_is_refused() -> None:
    instance, term = of("floor(x[1]) + y")
    with pytest.raises(ValueError, match="floor"):
        slopes(region_of(instance), term, UNIT)


def test_data_without_a_value_are_told() -> None:
    instance, term = of("x[1] / (c[2] * y)")
    bounds = enclosure(region_of(instance), term, UNIT)
    assert np.isinf(bounds.lower) and np.isinf(bounds.upper)
    instance, term = of("x[1] * log(c[2])")
    with pytest.raises(EvaluationError):
        enclosure(region_of(instance), term, UNIT)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e100, max_value=1e100)


ENDS = st.one_of(NUMBERS, st.sampled_from([0.0, -0.0, np.inf, -np.inf, 1.0]))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=4), ENDS.filter(np.isfinite), st.booleans())
def test_numbers_are_intervals_of_one_number(ends: list[tuple[float, float]], number: float, scalar: bool) -> None:
    """The shorter ways for exact numbers give what two intervals give."""

    def plain(interval: Interval) -> Interval:
        return Interval(interval.lower, interval.upper.copy())

    def same(one: Interval, two: Interval) -> None:
        """Up to what underflow adds at the end of another corner."""
        assert (one.lower >= two.lower).all() and (one.upper <= two.upper).all()
        np.testing.assert_allclose(one.lower, two.lower, rtol=0, atol=rounding.TINY)
        np.testing.assert_allclose(one.upper, two.upper, rtol=0, atol=rounding.TINY)

    a = Interval(np.array([min(e) for e in ends]), np.array([max(e) for e in ends]))
    b = rounding.point(np.asarray(number) if scalar else np.full(len(ends), number))
    with np.errstate(all="ignore"):
        for x, y in ((a, b), (b, a), (rounding.point(a.lower), b)):
            same(rounding.multiply(x, y), rounding.multiply(plain(x), plain(y)))
        same(rounding.square(rounding.point(a.lower)), rounding.square(Interval(a.lower, a.lower.copy())))
        same(rounding.power(a, np.asarray(2.0)), rounding.power(a, np.full(len(ends), 2.0)))
        same(rounding.power(a, np.asarray(1.0)), rounding.power(a, np.full(len(ends), 1.0)))


@settings(max_examples=300, deadline=None)
@given(NUMBERS, NUMBERS, st.sampled_from(["add", "multiply", "divide", "square"]))
def test_rounding_is_outward_and_tight(a: float, b: float, op: str) -> None:
    """Against exact rationals: the exact result lies within, and the ends are neighbours or equal."""
    x, y = (rounding.point(np.asarray(v)) for v in (a, b))
    if op == "divide" and b == 0:
        return
    exact = {
        "add": lambda: Fraction(a) + Fraction(b),
        "multiply": lambda: Fraction(a) * Fraction(b),
        "divide": lambda: Fraction(a) / Fraction(b),
        "square": lambda: Fraction(a) ** 2,
    }[op]()
    with np.errstate(all="ignore"):
        found: Interval = rounding.square(x) if op == "square" else getattr(rounding, op)(x, y)
    low, high = float(found.lower), float(found.upper)
    if np.isinf(low) or np.isinf(high):
        assert abs(exact) > Fraction(10) ** 290
        return
    assert Fraction(low) <= exact <= Fraction(high)
    if abs(exact) > Fraction(1, 10**280) or exact == 0:
        assert np.nextafter(low, np.inf) >= np.nextafter(high, -np.inf)


@settings(max_examples=200, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_sums_hold_the_exact_sum(values: list[float]) -> None:
    instance = instance_of(program_of(f"set I = 1..{len(values)}\nvar x[I]\nminimize sum(x[i] for i in I)\n"), {})
    table = instance.family("x").layout.table
    found = rounding.total(UNIT, table, rounding.point(np.array(values)))
    exact = sum(map(Fraction, values), Fraction(0))
    assert Fraction(float(found.lower)) <= exact <= Fraction(float(found.upper))
