"""The convex examples' answers by other ways than optc's agree with each other and with what is expected."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from convex_oracles import (
    EXAMPLES,
    largest_entropy,
    largest_entropy_in_cvxpy,
    steady_earning,
    steady_earning_in_cvxpy,
)


@pytest.mark.parametrize(
    ("example", "by_scipy", "in_cvxpy"),
    [
        ("maximum_entropy", largest_entropy, largest_entropy_in_cvxpy),
        ("portfolio_risk_limit", steady_earning, steady_earning_in_cvxpy),
    ],
)
def test_the_answer_is_the_same_in_cvxpy(
    example: str, by_scipy: Callable[[], float], in_cvxpy: Callable[[], float]
) -> None:
    pytest.importorskip("cvxpy")
    value = in_cvxpy()
    expected = json.loads((EXAMPLES / example / "expected.json").read_text(encoding="utf-8"))["runs"][0]["objective"]
    assert by_scipy() == pytest.approx(value, rel=1e-7)
    assert expected == pytest.approx(value, rel=1e-7)
