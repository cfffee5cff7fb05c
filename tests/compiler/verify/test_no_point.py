"""Nonlinear models without a point: what contradicts itself is named, whatever method meets it."""

from __future__ import annotations

import pytest

import optc

HEAD = "param a default 5\nset I = 1..8\nvar x[I] in [-10, 10]\n"
SUMS = "subject to\n  r: sum(x[i] for i in I) <= 3\n  s: x[1] + x[2] >= a\n  t[i in 3..8]: x[i] >= 1\n"


@pytest.mark.parametrize("objective", ["exp(x)", "sqrt(1 + x^2)", "-sqrt(x)", "x^4", "sin(x) * x^3"])
def test_a_bound_from_data_against_a_row(objective: str) -> None:
    text = f"param a default 5\nvar x >= a\nminimize {objective}\nsubject to\n  r: x <= 3\n"
    model = optc.parse(text)
    solution = model.bind().solve()
    line = solution.certificate.line("infeasible")
    assert solution.status == "infeasible"
    assert line is not None and line.status == "proved"
    assert set(line.conflict) == {"r", "bound of x"}
    assert model.bind(a=2).solve().status in ("optimal", "locally optimal")


@pytest.mark.parametrize("backend", ["auto", "ipopt", "exact_al"])
def test_linear_rows_that_contradict_each_other_beside_nonlinear_terms(backend: str) -> None:
    model = optc.parse(f"{HEAD}minimize sum(sin(x[i]) + x[i]^4 for i in I)\n{SUMS}")
    solution = model.bind().solve(backend=backend)
    line = solution.certificate.line("infeasible")
    assert solution.status == "infeasible"
    assert line is not None and {"r", "s"} <= set(line.conflict)
    assert model.bind(a=-5).solve(backend=backend).status in ("locally optimal", "stationary")


def test_nonlinear_rows_that_no_point_of_the_domain_meets() -> None:
    text = "set I = 1..10\nvar x[I] in [-1, 1]\nminimize sum(sin(x[i]) * x[i]^3 for i in I)\nsubject to\n"
    for right, status in ((30, "infeasible"), (20, "locally optimal")):
        model = optc.parse(f"{text}  r: sum(exp(x[i]) for i in I) >= {right}\n")
        assert model.bind().solve(backend="ipopt").status == status


def test_a_point_that_is_only_not_found_is_not_called_missing() -> None:
    text = (
        "var x in [-10, 10] start 3\nvar y in [-10, 10]\nvar z[1..6] in [0, 1]\n"
        "minimize x + sum(z[i]^3 for i in 1..6)\nsubject to\n"
        "  a: x^2 * sin(x) + y^4 == 0.01\n  b: (x - 3)^2 * (x + 3)^2 <= 0.001\n"
    )
    assert optc.parse(text).bind().solve(backend="ipopt").status != "infeasible"  # x = -3.003, y = 1.06 is one


def test_a_conflict_of_a_cone_and_a_bound_names_both() -> None:
    solution = optc.parse("var x >= 5\nvar y\nminimize y\nsubject to\n  r: exp(x) <= 3\n  s: y >= x\n").bind().solve()
    line = solution.certificate.line("infeasible")
    assert line is not None and set(line.conflict) == {"r", "bound of x"}


@pytest.mark.parametrize("count", [2, 600])  # judged row by row, and by whole arrays
@pytest.mark.parametrize(
    ("objective", "row", "claim"),
    [
        ("sum(log(x[i]) for i in I)", "x[i] <= 1", "objective"),
        ("sum(x[i] for i in I)", "log(x[i]) + 1/(1 + x[i]) <= 50", "feasible"),
    ],
)
def test_an_answer_where_the_model_has_no_value_fails_with_the_reason(
    count: int, objective: str, row: str, claim: str
) -> None:
    text = f"set I = 1..{count}\nvar x[I] >= 0\nmaximize {objective}\nsubject to\n  a[i in I]: {row}\n"
    result = optc.parse(text).bind().verify({"x": [0.0] * count})
    line = result.certificate.line(claim)
    assert result.status == "failed"
    assert line is not None and line.status == "failed" and "log" in line.how and "no value at the point" in line.how


def test_a_solver_that_ends_where_the_model_has_no_value_is_told_so() -> None:
    text = "var x >= 0\nvar y >= 0\nmaximize log(x) + log(y)\nsubject to\n  a: x + 2*y == 0\n"
    result = optc.parse(text).bind().solve()
    assert not result.status.endswith("optimal")
    assert {each.code.id for each in result.diagnostics} & {"W0607", "W0602", "W0604"} or result.status == "infeasible"
