"""Nonlinear models that are ill made, and odd ends of them: what is said is true, placed, and tells what to do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import optc
from optc.cli.main import main
from optc.compiler.data import DataError

LOCAL = ("ipopt", "exact_al", "trust_constr")


def told(solution: optc.Solution) -> str:
    return " ".join(d.message for d in solution.diagnostics)


def hints(solution: optc.Solution) -> str:
    return " ".join(hint.text for d in solution.diagnostics for hint in d.hints)


# ------------------------------------------------------------------------------------------- nothing to calculate with
PARTS = """
set I = 1..3
param a[I] = {1: 1, 2: 0, 3: 2}
var x[i in I] in [-5, 5] start a[i]
minimize sum(x[i] - log(x[i]) for i in I)
"""
ROOTS = """
set I = 1..3
var x[i in I] in [-5, 5] start 3 - i
var y in [0, 9]
minimize y
subject to
  c[i in I]: sqrt(x[i] - 0.5) <= y
"""


@pytest.mark.parametrize("backend", LOCAL)
@pytest.mark.parametrize(
    ("text", "where"), [(PARTS, "`log(x[i])` has no value in minimize, at i = 2"), (ROOTS, "i = 3")]
)
def test_a_start_without_a_value_is_placed_and_a_start_is_asked_for(text: str, where: str, backend: str) -> None:
    found = optc.parse(text).bind().solve(backend=backend)
    assert (found.status, found.termination) == ("failed", "numerical trouble")
    assert where in told(found)
    assert "`start`" in hints(found) and "mend the data" not in hints(found)


@pytest.mark.parametrize("backend", (*LOCAL, "gns"))
def test_overflow_at_the_start_is_placed(backend: str) -> None:
    found = optc.parse("var x start 800\nminimize exp(x) - x\n").bind().solve(backend=backend)
    assert found.status == "failed" and "beyond the range of floating-point numbers" in told(found)


@pytest.mark.parametrize("backend", (*LOCAL, "gns"))
@pytest.mark.parametrize(
    ("objective", "start", "best"),
    [
        ("x - log(x)", 30.0, 1.0),  # a Newton step leads below 0
        ("exp(x^2) + x^4", -5.0, 0.0),  # long steps overflow
        ("x * log(x)", 30.0, 0.3678794),
    ],
)
def test_trial_points_without_a_value_are_stepped_back_from(
    objective: str, start: float, best: float, backend: str
) -> None:
    found = optc.parse(f"var x start {start}\nminimize {objective}\n").bind().solve(backend=backend)
    assert found.status in ("optimal", "locally optimal", "stationary")
    assert float(found.variables["x"].values[0]) == pytest.approx(best, abs=1e-3)


# --------------------------------------------------------------------------------------------------- nothing to end at
@pytest.mark.parametrize("sense", ["minimize -", "maximize "])
@pytest.mark.parametrize("rows", ["", "subject to\n  c: x - y <= 3\n  d: x + 2*y >= 4\n"])
def test_a_product_without_end_is_unbounded(sense: str, rows: str) -> None:
    # SCIP's numbers end at 1e20, where it calls the first one optimal; on others it does not end.
    text = f"var x >= 0\nvar y >= 0\nvar z in [0, 1]\n{sense}x*y + z\n{rows}"
    found = optc.parse(text).bind().solve(backend="scip", time_limit=20)
    assert found.status == "unbounded"
    line = found.certificate.line("unbounded")
    assert line is not None and line.status == "checked"


def test_a_square_that_falls_without_end_is_unbounded_wherever_the_direction_begins() -> None:
    found = optc.parse("var x\nminimize -x^2 + 1000000*x\n").bind().solve(backend="scip")
    assert found.status == "unbounded"


@pytest.mark.parametrize("backend", LOCAL)
def test_iterates_that_diverge_say_how_far_the_objective_came_and_ask_for_bounds(backend: str) -> None:
    found = optc.parse("var x >= 0 start 1\nvar y >= 0 start 1\nminimize -x*y\n").bind().solve(backend=backend)
    assert (found.status, found.termination) == ("failed", "diverging")
    assert "its objective has fallen to -" in told(found) and "all rows hold" in told(found)
    assert "give bounds" in hints(found)


def test_rows_that_are_met_nowhere_nearby_ask_for_another_start() -> None:
    rows = "  c: x^2 * sin(x) + y^4 == 0.01\n  d: (x - 3)^2 * (x + 3)^2 <= 0.001\n"  # there is a point near x = -3
    text = f"var x in [-9, 9] start 3\nvar y in [-9, 9]\nminimize x + y\nsubject to\n{rows}"
    found = optc.parse(text).bind().solve(backend="ipopt")
    assert (found.status, found.termination) == ("failed", "locally infeasible") and "starts=20" in hints(found)


def test_an_infimum_that_is_not_attained_is_told_by_a_bound() -> None:
    for backend in LOCAL:
        found = optc.parse("var x start 0\nminimize exp(x)\n").bind().solve(backend=backend)
        assert found.status == "optimal" and found.objective == pytest.approx(0.0, abs=1e-4)


# ------------------------------------------------------------------------------------------------ numbers of all sizes
@pytest.mark.parametrize("backend", LOCAL)
def test_bounds_as_wide_as_numbers_go_give_no_warning(backend: str) -> None:
    text = "var x in [0, 1e300]\nvar y in [-1e308, 1e308]\nminimize exp(x) + y^2\nsubject to\n  c: x + y >= 1\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = optc.parse(text).bind().solve(backend=backend, time_limit=30)
    assert found.objective == pytest.approx(1.839484301, rel=1e-6)


@pytest.mark.parametrize("sense", ["minimize ", "maximize -"])
def test_costs_of_any_size_do_not_mislead_the_convex_route(sense: str) -> None:
    for size in (1e-12, 1.0, 1e12):
        text = f"var x in [0, 10]\n{sense}({size!r}*exp(x) - {10 * size!r}*x)\nsubject to\n  c: x <= 2\n"
        found = optc.parse(text).bind().solve(backend="clarabel")
        sign = 1.0 if sense == "minimize " else -1.0
        assert found.status == "optimal"
        assert found.objective == pytest.approx(sign * size * (np.exp(2.0) - 20.0), rel=1e-6, abs=1e-10)
        slope = sign * size * (np.exp(2.0) - 10.0)
        assert float(found.duals["c"].values[0]) == pytest.approx(slope, rel=1e-3, abs=1e-10)


def test_a_square_that_highs_cannot_take_is_named() -> None:
    with pytest.raises(DataError, match=r"the coefficient of x \* x .* is 2e\+20: the solver takes none of 1e\+15"):
        optc.parse("var x in [0, 1]\nminimize 1e20*x^2 + x\n").bind().solve(backend="highs")


# ----------------------------------------------------------------------------------------------------- starts and ends
def test_a_start_outside_its_bounds_is_told_once() -> None:
    problem = optc.parse("var x in [0, 1] start 5\nminimize exp(x) - 2*x\n").bind()
    assert [d.code.id for d in problem.diagnostics] == ["N0319"]
    assert [d.code.id for d in problem.solve().diagnostics] == ["N0319"]
    data = "param s default 5\nvar x in [0, 1] start s\nminimize exp(x) - 2*x\n"  # of which the text cannot tell
    assert [d.code.id for d in optc.parse(data).bind().diagnostics] == ["N0808"]


OVERDETERMINED = """
var x start 1
var y start 1
minimize x
subject to
  a: exp(x) + y == 2
  b: x + 2*y == 2
  c: x*y == 0
"""


def test_more_equations_than_decisions_go_past_ipopt() -> None:
    problem = optc.parse(OVERDETERMINED).bind()
    refused = problem.solve(backend="ipopt")
    assert refused.termination == "no route" and "no more equations (3) than decisions" in told(refused)
    found = problem.solve(backend="exact_al")
    assert found.objective == pytest.approx(0.0, abs=1e-6) and found.has_point
    assert problem.solve().route[-1] != "ipopt" and problem.solve().has_point


@pytest.mark.parametrize("backend", LOCAL)
def test_fixed_decisions_alone_are_judged(backend: str) -> None:
    text = "var x in [2, 2]\nvar y in [3, 3]\nminimize exp(x)*sin(y)\nsubject to\n  c: x*exp(y) <= {}\n"
    found = optc.parse(text.format(100)).bind().solve(backend=backend)
    assert found.has_point and found.objective == pytest.approx(1.042743656)
    assert not optc.parse(text.format(10)).bind().solve(backend=backend).has_point


@pytest.mark.parametrize(
    ("text", "status", "objective"),
    [
        ("minimize 3\n", "optimal", 3.0),
        ("var x in [0, 3]\nminimize 5\nsubject to\n  c: exp(x) >= 2\n", "optimal", 5.0),
        ("set I = {}\nvar x in [0, 1]\nminimize exp(x)\nsubject to\n  c[i in I]: x >= i\n", "optimal", 1.0),
        ("var x in [0, 3]\nsatisfy\nsubject to\n  c: exp(x) == 2\n", "feasible", None),
        ("var x integer in [0, 9]\nminimize exp(0.3*x) - 2*x\n", "optimal", -5.950352536),
        ("var x in [0, 10]\nminimize exp(x)\nsubject to\n  a: x >= 5\n  b: x <= 3\n", "infeasible", None),
    ],
)
def test_odd_ends_have_their_answers(text: str, status: str, objective: float | None) -> None:
    found = optc.parse(text).bind().solve(time_limit=30)
    assert found.status == status
    assert objective is None or found.objective == pytest.approx(objective, abs=1e-6)


def test_no_time_at_all_is_a_mistake_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["solve", "m.opt", "--time-limit", "0"]) == 2
    assert "above zero" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- definitions upon definitions
def chain(length: int) -> str:
    lines = ["var x in [0, 2] start 0.7", "var y in [0, 2] start 0.4", "let d1 = x*sin(y) + exp(0.1*x)"]
    lines += [f"let d{k} = d{k - 1}*cos(d{k - 1}) + 0.25" for k in range(2, length + 1)]
    return "\n".join([*lines, f"minimize d{length}^2 + x^2", "subject to", f"  c: sin(d{length}) + x + y >= 0.9", ""])


def test_definitions_that_each_use_the_one_before_twice_stay_shared() -> None:
    # Written out the last one has 2^11 terms.
    found = optc.parse(chain(12)).bind().solve(backend="ipopt")
    assert found.has_point and not found.certificate.failed
    assert found.objective == pytest.approx(0.6533778836, rel=1e-5)
