"""Definitions that use each other several times: each is looked at once for every way it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

import optc
from optc.compiler.facts.enclosure import enclosure
from optc.compiler.facts.jets import bend, single_columns
from optc.compiler.facts.region import Region, region_of
from optc.compiler.facts.slopes import slopes
from optc.compiler.spaces.algebra import UNIT
from optc.compiler.terms.references import references
from optc.dsl.check.walking import deep_calls
from optc.dsl.program import Expr

LENGTH = 60  # written out the last definition has 2^59 terms


def chain(first: str, length: int = LENGTH) -> tuple[Region, Expr]:
    lines = ["var x in [0.2, 0.3]", "var y in [0.4, 0.6]", f"let d1 = {first}"]
    lines += [f"let d{k} = 0.5 * d{k - 1} * cos(d{k - 1}) + 0.25" for k in range(2, length + 1)]
    problem = optc.parse("\n".join([*lines, f"minimize d{length}", ""])).bind()
    stated = problem.instance.program.root.objective
    assert stated is not None and stated.expression is not None
    return region_of(problem.instance), stated.expression


def value(x: float, y: float, length: int = LENGTH) -> float:
    found = x * np.sin(y)
    for _ in range(length - 1):
        found = 0.5 * found * np.cos(found) + 0.25
    return float(found)


def test_references_come_once() -> None:
    region, term = chain("x * sin(y)")
    with deep_calls():
        found = [ref.symbol for ref in references(region.instance.program, term)]
    assert sorted(found) == sorted({f"d{k}" for k in range(1, LENGTH + 1)} | {"x", "y"})


@pytest.mark.parametrize("length", [3, 12])
def test_slopes_hold_the_derivative(length: int) -> None:
    region, term = chain("x * sin(y)", length)
    found = slopes(region, term, UNIT)
    for x, y in ((0.2, 0.4), (0.25, 0.5), (0.3, 0.6)):
        step = 1e-6
        by_x = (value(x + step, y, length) - value(x - step, y, length)) / (2 * step)
        by_y = (value(x, y + step, length) - value(x, y - step, length)) / (2 * step)
        exact = np.array([by_x, by_y])
        assert (found.lower - 1e-8 <= exact).all() and (exact <= found.upper + 1e-8).all()


def test_what_is_kept_grows_with_the_length_alone() -> None:
    sizes = []
    for length in (LENGTH // 2, LENGTH):
        region, term = chain("x * sin(y)", length)
        with deep_calls():
            enclosure(region, term, UNIT)
            slopes(region, term, UNIT)
        sizes.append(len(region._kept))
    assert sizes[1] <= 2 * sizes[0] + 10


def test_one_decision_is_found_and_bent_through_all_of_them() -> None:
    region, term = chain("sin(x)")
    with deep_calls():
        columns, second = single_columns(region, term, UNIT), bend(region, term, UNIT)
    assert columns is not None and columns.tolist() == [0]
    assert second is not None and np.isfinite(second.lower).all()
    region, term = chain("x * sin(y)")
    with deep_calls():
        assert single_columns(region, term, UNIT) is None


def test_references_with_indices_ask_for_their_own_entries() -> None:
    text = """
set I = 1..4
var x[I] in [0.2, 0.3]
let d[i in I] = x[i]^2
let e[i in I] = d[i] * d[5 - i] + d[i]
minimize sum(e[i] * e[i] for i in I)
"""
    problem = optc.parse(text).bind()
    stated = problem.instance.program.root.objective
    assert stated is not None and stated.expression is not None
    found = slopes(region_of(problem.instance), stated.expression, UNIT)

    def f(x: np.ndarray) -> float:
        d = x**2
        e = d * d[::-1] + d
        return float((e * e).sum())

    x = np.array([0.21, 0.24, 0.27, 0.29])
    for k in range(4):
        step = np.eye(4)[k] * 1e-6
        exact = (f(x + step) - f(x - step)) / 2e-6
        assert found.lower[k] - 1e-9 <= exact <= found.upper[k] + 1e-9
