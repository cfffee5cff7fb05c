"""Whole columns that switch rows by large constants are held so near to whole numbers that the rows stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import optc
from optc.backends.switch_tolerance import whole_within
from optc.compiler.forms.linear import LinearForm

CHARGED = """
param most
set I = 1..12
param fee[I] = [22, 19, 16, 11, 12, 6, 5, 5, 9, 25, 19, 27]
var on[I] binary
var x[I] in [0, most]
minimize sum(fee[i] * on[i] + 0.1 * i * x[i] for i in I)
subject to
  need: sum(x[i] for i in I) >= 3.3
  some[i in I if i > 1]: x[i] + x[i - 1] >= 0.7
  {off}
"""


def row(*values: float, integer: tuple[bool, ...]) -> LinearForm:
    n = len(values)
    zeros, ones = np.zeros(n), np.ones(n)
    starts, indices = np.array([0, n], dtype=np.int32), np.arange(n, dtype=np.int32)
    ends = np.full(1, -np.inf), np.zeros(1)
    return LinearForm("minimize", zeros, 0.0, starts, indices, np.array(values), *ends, zeros, ones, np.array(integer))


def test_only_switches_with_large_constants_ask_for_more() -> None:
    small = row(1.0, -100.0, integer=(False, True))
    assert whole_within(small, 1e-6) == 1e-6 and whole_within(small, 1e-8) == 1e-8
    assert whole_within(row(1.0, -1e6, integer=(False, True)), 1e-6) == pytest.approx(1e-9)
    assert whole_within(row(1e4, -1e6, integer=(False, True)), 1e-6) == 1e-6, "in the unit of the continuous column"
    assert whole_within(row(1.0, -1e6, integer=(True, True)), 1e-6) == 1e-6, "a row of whole columns is no switch"
    assert whole_within(row(1.0, -1e30, integer=(False, True)), 1e-6) == 1e-10
    nothing = replace(small, starts=np.zeros(2, dtype=np.int32), indices=small.indices[:0], values=small.values[:0])
    assert whole_within(nothing, 1e-6) == 1e-6


@pytest.mark.parametrize("off", ["off[i in I]: on[i] == 0 => x[i] <= 0", "off[i in I]: x[i] <= most * on[i]"])
def test_a_million_is_not_enough_to_slip_through(off: str) -> None:
    model = optc.parse(CHARGED.format(off=off))
    near = model.bind(most=10).solve(backend="scip", gap=1e-9)
    for most in (1e3, 1e6, 9e6):
        found = model.bind(most=most).solve(backend="highs", gap=1e-9)
        assert (found.status, found.objective) == ("optimal", pytest.approx(near.objective, abs=1e-4)), most
