"""Conflicts of models that whole decisions or logic make infeasible: small, irreducible, by name and line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optc
from optc.compiler.result.solution import Solution
from optc.compiler.verify import infeasible as claims

SWITCHED = """
var b[1..2] binary
var x in [0, 9]
minimize x
subject to
  off[i in 1..2]: b[i] == 1 => x <= i
  both: b[1] + b[2] >= 2
  idle: x + b[1] <= 30
  much: x >= 1.5
"""
PARITY = """
var x integer
var y integer
minimize x
subject to
  odd: 2 * x + 2 * y == 3
  c: x <= 5
  d: x + y >= -100
"""
LARGE = """
param a[1..500, 1..4]
param at[1..500, 1..4]
param u[1..500]
var x[1..300] integer in [0, 40]
var b[1..100] binary
minimize sum(x[i] for i in 1..300)
subject to
  rows[k in 1..500]: sum(a[k, j] * x[at[k, j]] for j in 1..4) <= u[k]
  link[i in 1..100]: x[i] <= 20 * b[i] + 25
"""
TRIANGLE = "  p: b[1] + b[2] == 1\n  q: b[2] + b[3] == 1\n  r: b[1] + b[3] == 1\n"
LOGIC = "  p: b[1] == 0 => x[7] >= 30\n  q: b[1] == 1 => x[7] >= 35\n  r: x[7] + 2 * b[9] <= 20\n"


def large_data() -> dict[str, Any]:
    generator = np.random.default_rng(3)
    a = generator.integers(-5, 6, (500, 4)).astype(float)
    at = np.array([generator.choice(300, 4, replace=False) + 1 for _ in range(500)])
    return {"a": a, "at": at, "u": np.maximum((a * 10).sum(axis=1), 0) + generator.integers(0, 10, 500)}


def solved(text: str, backend: str, **data: Any) -> tuple[Solution, Any]:
    found = optc.parse(text).bind(**data).solve(backend=backend)
    return found, found.certificate.line("infeasible")


def without_row(text: str, name: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.strip().startswith((f"{name}:", f"{name}[")))


@pytest.mark.parametrize("backend", ["highs", "scip"])
def test_switched_rows_conflict_with_what_switches_them(backend: str) -> None:
    found, line = solved(SWITCHED, backend)
    assert found.status == "infeasible"
    lines = {name: at for name, at in line.evidence["lines"].items() if not name.startswith("bound of b")}
    assert lines == {"off[1]": 6, "both": 7, "much": 9} and set(lines) <= set(line.conflict)
    for name in ("off", "both", "much"):
        assert solved(without_row(SWITCHED, name), backend)[0].status == "optimal", name


@pytest.mark.parametrize("backend", ["highs", "scip"])
def test_a_row_that_only_whole_numbers_break_is_the_conflict(backend: str) -> None:
    found, line = solved(PARITY, backend)
    assert (found.status, line.status, line.conflict) == ("infeasible", "reported", ("odd",))
    assert line.evidence["lines"] == {"odd": 6}
    assert line.how == f"by {backend}, with whole decisions, none of these can be left out"


@pytest.mark.parametrize("backend", ["highs", "scip"])
@pytest.mark.parametrize("planted", [TRIANGLE, LOGIC], ids=["triangle", "logic"])
def test_three_rows_among_five_hundred_are_found(planted: str, backend: str) -> None:
    data = large_data()
    found, line = solved(LARGE + planted, backend, **data)
    assert found.status == "infeasible"
    assert "cut short" not in line.how
    rows = [name for name in line.conflict if not name.startswith("bound of")]
    assert rows == ["p", "q", "r"], line
    assert line.evidence["lines"]["q"] == line.evidence["lines"]["p"] + 1
    for name in rows:
        assert solved(without_row(LARGE + planted, name), backend, **data)[0].has_point, name


def test_a_search_that_is_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "SECONDS", 1e-9)
    found, line = solved(PARITY, "highs")
    assert (found.status, line.status) == ("infeasible", "reported")
    assert "cut short at 3 of 3 rows and bounds" in line.how and set(line.conflict) == {"odd", "c", "d"}
    large, told = solved(LARGE + TRIANGLE, "highs", **large_data())
    assert large.status == "infeasible" and told.conflict == ()
    assert "cut short at 1,403 of 1,403 rows and bounds" in told.how


def test_multipliers_of_a_backend_without_conflicts_of_its_own_lean_on_few_rows() -> None:
    planted = "  p: x[7] + x[8] - 2 * x[9] >= 5\n  q: x[7] + x[8] + b[3] <= 3\n"
    found, line = solved(LARGE + planted, "scip", **large_data())
    assert found.status == "infeasible" and line.status == "proved"
    assert set(line.conflict) == {"p", "q", "bound of x[9]", "bound of b[3]"}
