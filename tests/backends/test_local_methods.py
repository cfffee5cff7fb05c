"""What all methods for local optima answer alike, at hand-made problems: multipliers, ranges, senses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hand_made import HandMade, smooth

from optc.backends import exact_al, ipopt, trust_constr
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start

methods = pytest.mark.parametrize("method", [ipopt, exact_al, trust_constr], ids=lambda method: method.name)


def answer_of(method: Any, form: HandMade, start: Any) -> Answer:
    begin = Start(np.array(start, dtype=np.float64))
    found: Answer = method.solve(form, Goal(), method.Options(), contexts.start(), begin)
    return found


@methods
def test_duals_are_derivatives_of_the_optimum_whatever_the_sense(method: Any) -> None:
    def optimum(right: float, fixed: float, sense: str) -> Answer:
        sign = "" if sense == "minimize" else "-"
        rows = [("x1**2+x2**2+x3", None, right), ("x1*x2", 0.1, None)]
        form = smooth(f"{sign}(exp(x1)-2*x2+x3*x1)", rows, 3, {2: (None, 1.2), 3: (fixed, fixed)}, sense)
        return answer_of(method, form, [0.5, 0.5, 0.3])

    for sense in ("minimize", "maximize"):
        here = optimum(4.0, 0.3, sense)
        assert here.row_duals is not None and here.column_duals is not None
        for told, (right, fixed) in ((here.row_duals[0], (1e-3, 0.0)), (here.column_duals[2], (0.0, 1e-3))):
            ends = [optimum(4.0 + way * right, 0.3 + way * fixed, sense).objective for way in (1, -1)]
            assert ends[0] is not None and ends[1] is not None
            assert told == pytest.approx((ends[0] - ends[1]) / 2e-3, abs=1e-4)


@methods
def test_ranges_and_rows_without_sides(method: Any) -> None:
    rows = [("x1+x2", -1.0, 2.0), ("x1-x2", None, None), ("x1*x1", None, 4.0)]
    found = answer_of(method, smooth("-x1-2*x2+x2**2", rows, 2), [0, 0])
    assert found.x == pytest.approx([1.5, 0.5], abs=1e-6)
    assert found.row_duals == pytest.approx([-1.0, 0.0, 0.0], abs=1e-6)
