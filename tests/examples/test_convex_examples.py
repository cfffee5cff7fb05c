"""The convex examples' answers by other ways than optc's agree with each other and with what is expected."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from convex_oracles import (
    EXAMPLES,
    largest_entropy,
    largest_entropy_in_cvxpy,
    steady_earning,
    steady_earning_in_cvxpy,
)

import optc


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


SQUARES = "sum(sum(swing[w, a] * hold[a] for a in Assets)^2 for w in Weeks)"


@pytest.mark.parametrize(
    ("declared", "rows"),
    [
        ("", "steady: {squares} <= limit^2"),
        ("var spread >= 0\n", "steady: {squares} <= spread^2\n  small: spread <= limit"),
        ("var spread >= 0\n", "steady: {squares} <= spread * limit\n  small: spread <= limit"),
    ],
)
def test_the_risk_limit_is_the_same_cone_by_its_squares(
    declared: str, rows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same answer, proved as well; the multiplier is that of the squares, which change 2.6 times as fast."""
    monkeypatch.chdir(EXAMPLES / "portfolio_risk_limit")
    text = (EXAMPLES / "portfolio_risk_limit/model.opt").read_text(encoding="utf-8")
    run = json.loads((EXAMPLES / "portfolio_risk_limit/expected.json").read_text(encoding="utf-8"))["runs"][0]
    squared = text.replace("maximize earning", declared + "maximize earning")
    squared = squared.replace("steady: risk <= limit", rows.format(squares=SQUARES))
    assert squared.count(SQUARES) == 1

    def solved(model: str) -> Any:
        return optc.parse(model).bind(*run["data"]).solve(backend="clarabel")

    plain, found = solved(text), solved(squared)
    assert plain.status == found.status == "optimal"
    assert found.objective == pytest.approx(run["objective"], rel=1e-6)
    assert plain.duals["steady"].values[0] == pytest.approx(2.6 * found.duals["steady"].values[0], rel=1e-4)
