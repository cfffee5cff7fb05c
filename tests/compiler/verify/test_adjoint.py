"""Slopes by reverse accumulation: against differences of values, against interval slopes, and by hand at kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from decision_terms import HEAD, TERMS, of
from hypothesis import given, settings
from hypothesis import strategies as st

from optc.compiler.evaluation.evaluate import evaluate
from optc.compiler.facts.bounds import Ranges
from optc.compiler.facts.region import Region
from optc.compiler.facts.slopes import slopes
from optc.compiler.instance.instance import Instance
from optc.compiler.spaces.algebra import UNIT
from optc.compiler.verify.adjoint import AtPoint, Slopes, Templates
from optc.dsl.program import Apply, Expr


def at(instance: Instance, x: np.ndarray) -> AtPoint:
    return AtPoint(Templates(instance), x)


def slopes_of(text: str, x: list[float], weight: float = 1.0) -> Slopes:
    instance, term = of(text)
    with np.errstate(all="ignore"):
        return at(instance, np.array(x)).slopes(term, UNIT, np.array([weight]))


def plain(instance: Instance, term: Expr, x: np.ndarray, table: Any = UNIT) -> np.ndarray:
    point = {f.name: x[f.offset : f.offset + f.count] for f in instance.families}
    return np.broadcast_to(evaluate(term, table, instance.scope.at(point)), table.shape)


def differences(instance: Instance, term: Expr, x: np.ndarray, table: Any = UNIT) -> np.ndarray:
    """Richardson's central differences, ``(*table.shape, n)``."""

    def central(step: float) -> np.ndarray:
        shifts = step * np.eye(len(x))
        pairs = [plain(instance, term, x + s, table) - plain(instance, term, x - s, table) for s in shifts]
        return np.stack(pairs, axis=-1) / (2 * step)

    return (4 * central(1e-4) - central(2e-4)) / 3


@pytest.mark.parametrize("text", TERMS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_values_and_slopes_are_those_of_the_evaluator(text: str, seed: int) -> None:
    instance, term = of(text)
    rng = np.random.default_rng(seed)
    x = rng.permutation([-0.87, -0.31, 0.63, 1.24])[:3] + rng.uniform(-0.04, 0.04, 3)  # away from kinks
    x = np.append(x, rng.uniform(2.1, 2.9))
    here = at(instance, x)
    assert float(here.value(term, UNIT)) == pytest.approx(float(plain(instance, term, x)), rel=1e-14, abs=1e-14)
    found = here.slopes(term, UNIT, np.array([-1.5]))
    np.testing.assert_allclose(found.total, -1.5 * differences(instance, term, x), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(found.largest, np.abs(found.total))


@pytest.mark.parametrize("text", TERMS)
def test_slopes_at_a_point_lie_within_their_enclosures(text: str) -> None:
    instance, term = of(text)
    x = np.array([-0.87, 0.63, 1.24, 2.3])
    none = np.zeros(0, dtype=np.intp)
    region = Region(Ranges(instance, x, x, none, none, ()), frozenset({"x", "y"}))
    within = slopes(region, term, UNIT)
    low, high = np.zeros(4), np.zeros(4)
    low[within.column], high[within.column] = within.lower, within.upper
    found = at(instance, x).slopes(term, UNIT, np.ones(1)).total
    slack = 1e-14 * np.maximum(1.0, np.abs(found))
    assert (low - slack <= found).all() and (found <= high + slack).all()


ROWS = """
  r[i in I]: x[i] * y + sum(x[j]^2 for j in I if j >= i) - 3 * x[1] + 3 * x[1] + exp(part[i]) * total == c[i]
"""


def test_rows_are_added_up_with_their_weights() -> None:
    instance = instance_of(program_of(f"{HEAD}minimize y\nsubject to{ROWS}"), {})
    family = instance.constraint("r")
    body: Any = family.symbol.body
    table = family.layout.table
    x, weights = np.array([-0.4, 0.7, 1.1, 0.9]), np.array([2.0, -0.5, 1.5])
    term = Apply(None, "sub", (body.terms[0], body.terms[1]))
    found = at(instance, x).slopes(term, table, weights)
    wanted = weights[:, None] * differences(instance, term, x, table)
    np.testing.assert_allclose(found.total, wanted.sum(axis=0), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.largest, np.abs(wanted).max(axis=0), rtol=1e-9, atol=1e-9)


def test_what_cancels_within_a_row_adds_nothing_to_its_size() -> None:
    instance = instance_of(
        program_of(f"{HEAD}minimize y\nsubject to\n  r[i in I]: 1e9 * x[i] - sum(1e9 * x[j] for j in I) + y == 0\n"), {}
    )
    family = instance.constraint("r")
    body: Any = family.symbol.body
    found = at(instance, np.ones(4)).slopes(body.terms[0], family.layout.table, np.array([1.0, 0.0, 0.0]))
    assert found.total.tolist() == [0.0, -1e9, -1e9, 1.0]
    assert found.largest.tolist() == [0.0, 1e9, 1e9, 1.0]


def test_a_row_without_a_multiplier_may_be_undefined() -> None:
    instance = instance_of(program_of(f"{HEAD}minimize y\nsubject to\n  r[i in I]: log(x[i]) <= y\n"), {})
    family = instance.constraint("r")
    body: Any = family.symbol.body
    with np.errstate(all="ignore"):
        here = at(instance, np.array([-1.0, 0.0, 2.0, 1.0]))
        found = here.slopes(body.terms[0], family.layout.table, np.array([0.0, 0.0, 3.0]))
        broken = here.slopes(body.terms[0], family.layout.table, np.array([1.0, 0.0, 3.0]))
    assert found.total.tolist() == [0.0, 0.0, 1.5, 0.0]
    assert np.isnan(broken.total[0]) and broken.total[2] == 1.5


@pytest.mark.parametrize(
    ("text", "x", "slope"),
    [
        ("abs(x[1]) + norm1(x[i] for i in I)", [0.0, -1.0, 2.0, 1.0], [0, -1, 1, 0]),
        ("max(x[1], x[2]) + min(x[1], y)", [1.0, 1.0, 0.0, 1.0], [1.0, 0.5, 0, 0.5]),
        ("max(x[i] for i in I)", [2.0, 1.0, 2.0, 1.0], [0.5, 0, 0.5, 0]),
        ("norminf(x[i] for i in I)", [-1.0, 1.0, 0.5, 1.0], [-0.5, 0.5, 0, 0]),
        ("norm2(x[i] for i in I)", [0.0, 0.0, 0.0, 1.0], [0, 0, 0, 0]),
        ("prod(x[i] for i in I)", [0.0, 2.0, 1.5, 1.0], [3, 0, 0, 0]),
        ("prod(x[i] for i in I)", [0.0, 0.0, 1.5, 1.0], [0, 0, 0, 0]),
        ("x[1] * x[2] * x[3]", [0.0, 2.0, 1.5, 1.0], [3, 0, 0, 0]),
        ("x[1]^1 + x[2]^0 + x[3]^3", [0.0, 0.0, 0.0, 1.0], [1, 0, 0, 0]),
        ("tanh(500 * x[1]) + sigmoid(-800 * x[2])", [1.0, 1.0, 0.0, 1.0], [0, 0, 0, 0]),
    ],
)
def test_kinks_zeros_and_flat_ends(text: str, x: list[float], slope: list[float]) -> None:
    assert slopes_of(text, x).total.tolist() == slope


@pytest.mark.parametrize("text", ["floor(x[1]) + y", "y mod x[1]", "sign(x[1]) * y"])
def test_a_term_without_known_derivative_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no derivative that is known"):
        slopes_of(text, [1.0, 1.0, 1.0, 1.0])
