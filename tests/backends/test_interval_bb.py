"""Interval branch and bound: known global optima are proved, nothing false is claimed, limits leave valid bounds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from global_problems import BY_NAME, EVERY
from nonlinear_models import case
from reference_problems import BY_NAME as REFERENCE

import optc
from optc.backends import interval_bb, ipopt, scip
from optc.backends.interval_bb.points import linear_rows, local_solver
from optc.backends.interval_bb.search import minimise
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.boxes.cover import holds
from optc.compiler.boxes.halving import cuts
from optc.compiler.boxes.problem import BoxProblem
from optc.compiler.context import Cancellation, Progress

GAP = 1e-4
HARD = "Lennard-Jones 3"  # twenty thousand boxes at the usual gap: see `bench/interval_bb.py`


def answer_of(text: str, start: Any = None, gap: float = GAP, options: Any = None, **context: Any) -> Answer:
    form = case(text).form
    begin = None if start is None else Start(np.array(start, dtype=np.float64))
    chosen = options or interval_bb.Options()
    return interval_bb.solve(form, Goal(gap=gap), chosen, contexts.start(**context), begin)


def solved(text: str, **more: Any) -> Any:
    return optc.parse(text).bind().solve(backend="interval_bb", **more)


def assert_proved(found: Any, optimum: float, gap: float = GAP) -> None:
    """The optimum, with a proved bound that does not pass it."""
    assert (found.status, found.termination) == ("optimal", "converged"), found.diagnostics
    size = max(1.0, abs(optimum))
    assert abs(found.objective - optimum) <= gap * size
    lines = [line for line in found.certificate if line.claim == "bound"]
    assert [(line.status, line.value) for line in lines] == [("proved", found.bound)]
    assert "interval arithmetic" in lines[0].how
    sign = 1.0 if found.sense == "minimize" else -1.0
    assert sign * (optimum - found.bound) >= -1e-6 * size and abs(found.objective - found.bound) <= gap * size
    assert not found.certificate.failed


# ------------------------------------------------------------------------------------------------------- known optima
CERTIFIED = ("six-hump camel", "Rastrigin 3", "Shekel 5", "HS71", "Haverly 2", "two quartics", "spring", "gear train")
LONG = (HARD, "Hartmann 6", "Goldstein-Price")


@pytest.mark.parametrize("name", CERTIFIED)
def test_the_global_optimum_is_proved(name: str) -> None:
    assert_proved(solved(BY_NAME[name].text), BY_NAME[name].optimum)


@pytest.mark.parametrize("name", [p.name for p in EVERY if p.name not in (*LONG, *CERTIFIED)])
def test_the_global_optimum_is_found_and_bounded(name: str) -> None:
    problem = BY_NAME[name]
    found = answer_of(problem.text)
    size = max(1.0, abs(problem.optimum))
    assert (found.claim, found.termination) == ("optimal", "converged")
    assert found.objective == pytest.approx(problem.optimum, abs=GAP * size)
    assert found.bound is not None and found.objective - GAP * size <= found.bound <= problem.optimum + 1e-6 * size


SOME = ("HS6", "HS7", "HS12", "HS16", "HS26", "HS29", "HS40", "HS43", "HS52", "HS65", "HS79")


@pytest.mark.parametrize("name", SOME)
def test_optima_without_bounds_of_decisions_are_proved_where_rows_or_slopes_give_an_end(name: str) -> None:
    problem = REFERENCE[name]
    form, start = case(problem.text).form, np.array(problem.start)
    found = minimise(form, Goal(gap=GAP), contexts.start(), local_solver(GAP), [start])
    assert found.termination == "converged"
    size = max(1.0, abs(problem.optimum))
    assert abs(found.value - problem.optimum) <= GAP * size and found.bound <= problem.optimum + 1e-6 * size


def test_where_ipopt_stops_at_a_local_optimum_the_proof_goes_on() -> None:
    problem = optc.parse(REFERENCE["HS16"].text).bind()
    local, proved = problem.solve(backend="ipopt"), problem.solve(backend="interval_bb")
    assert (local.status, proved.status) == ("locally optimal", "optimal")
    assert local.objective == pytest.approx(23.14466, rel=1e-5) and proved.objective == pytest.approx(0.25, abs=1e-4)


def test_a_tight_gap_is_met() -> None:
    """The linearisation over a box on which the Lagrangian is convex is off by the square of its width."""
    found = solved(BY_NAME["HS71"].text, gap=1e-8)
    assert_proved(found, BY_NAME["HS71"].optimum, 1e-8)
    assert abs(found.objective - found.bound) <= 1e-8 * found.objective


def test_duals_of_the_optimum_come_along() -> None:
    found = solved("var x in [0.1, 9]\nvar y in [0.1, 9]\nminimize x^2 + y^2\nsubject to\n  c: x*y >= 1\n")
    assert found.status == "optimal" and found.duals["c"].values[0] == pytest.approx(2.0, abs=1e-5)
    assert found.certificate.line("stationary").status == "checked"


# ---------------------------------------------------------------------------------------------------- other judges
@pytest.mark.parametrize("seed", range(4))
def test_it_agrees_with_scip(seed: int) -> None:
    """Random polynomials with waves over rows that are curved too."""
    rng = np.random.default_rng(seed)
    a, b, c = (rng.integers(-3, 4, 4).tolist() for _ in range(3))
    text = f"""var x in [-2, 2]
var y in [-2, 2]
var k integer in [-2, 2]
minimize {a[0]}*x^4 + {a[1]}*x*y*k + {a[2]}*sin(3*x + y) + {a[3]}*y^3 + 5*x^2 + (y - k)^2
subject to
  c: {b[0]}*x^2 + {b[1]}*y^2 + {b[2]}*x*k <= {2 + abs(b[3])}
  d: {c[0]}*x + {c[1]}*exp(y) - k <= {2 + abs(c[3])}
"""
    form = case(text).form
    other = scip.solve(form, Goal(gap=1e-6), scip.Options(), contexts.start(time_limit=20), None)
    found = answer_of(text, gap=1e-6)
    assert (found.claim, other.claim) == ("optimal", "optimal")
    assert found.objective == pytest.approx(other.objective, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_whole_decisions_by_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights, powers = rng.uniform(-2, 2, 4), rng.uniform(0.3, 1.2, 4)
    terms = " + ".join(
        f"{w:.3f}*sin({p:.3f}*k[{i}]*k[{i % 4 + 1}])" for i, (w, p) in enumerate(zip(weights, powers, strict=True), 1)
    )
    text = f"var k[i in 1..4] integer in [-3, 3]\nmaximize {terms} - 0.1*sum(k[i]^2 for i in 1..4)\n"
    text += "subject to\n  c: k[1]*k[2] + k[3]^2 <= 5\n  d: sum(k[i] for i in 1..4) >= 1\n"
    form = case(text).form
    every = np.array(list(itertools.product(range(-3, 4), repeat=4)), dtype=np.float64)
    rows = form.evaluate_rows(every)
    good = ((rows <= form.row_upper) & (rows >= form.row_lower)).all(axis=-1)
    best = form.evaluate_objective(every)[good].max()
    assert_proved(solved(text), best)


def test_several_answers_are_all_there_are() -> None:
    """All points of a grid with ``exp(k / 2) + m^2 <= 4``, each once: rows that cut points off are added to a form."""
    text = "var k integer in [-1, 2]\nvar m integer in [0, 2]\nsatisfy\nsubject to\n  c: exp(k / 2) + m^2 <= 4\n"
    found = optc.parse(text).bind().solve(n="all", backend="interval_bb")
    assert found.alternatives_complete
    points = [found.variables, *(each.variables for each in found.alternatives)]
    told = {(float(p["k"].values[0]), float(p["m"].values[0])) for p in points}
    wanted = {(k, m) for k in range(-1, 3) for m in range(3) if np.exp(k / 2) + m**2 <= 4}
    assert told == wanted and len(points) == len(wanted)


def test_rows_that_were_added_are_evaluated() -> None:
    form = case("var x in [0, 4]\nvar y in [0, 4]\nminimize sin(x) * y\nsubject to\n  c: x * y <= 3\n").form
    longer = replace(
        form,
        starts=np.append(form.starts, form.starts[-1] + 2).astype(np.int32),
        indices=np.append(form.indices, [0, 1]).astype(np.int32),
        values=np.append(form.values, [1.0, -2.0]),
        row_lower=np.append(form.row_lower, 1.0),
        row_upper=np.append(form.row_upper, np.inf),
    )
    assert linear_rows(longer, np.array([3.0, 0.5])).tolist() == [2.0]
    found = interval_bb.solve(longer, Goal(), interval_bb.Options(), contexts.start(), None)
    assert found.claim == "optimal" and found.x is not None and found.x[0] - 2 * found.x[1] >= 1.0 - 1e-6
    grid = np.stack(np.meshgrid(np.linspace(0, 4, 801), np.linspace(0, 4, 801)), axis=-1)
    x, y = grid[..., 0], grid[..., 1]
    good = (x * y <= 3) & (x - 2 * y >= 1)
    assert found.objective == pytest.approx((np.sin(x) * y)[good].min(), abs=2e-3)


# -------------------------------------------------------------------------------------------------------- metamorphic
CAMEL = "minimize (4 - 2.1*{x}^2 + {x}^4/3)*{x}^2 + {x}*{y} + (4*{y}^2 - 4)*{y}^2\n"


@pytest.mark.parametrize(
    ("text", "scale", "offset"),
    [
        ("var y in [-2, 2]\nvar x in [-3, 3]\n" + CAMEL.format(x="x", y="y"), 1.0, 0.0),
        ("var banana in [-3, 3]\nvar a in [-2, 2]\n" + CAMEL.format(x="banana", y="a"), 1.0, 0.0),
        ("var x in [-30, 30]\nvar y in [-2, 2]\n" + CAMEL.format(x="(x/10)", y="y"), 1.0, 0.0),
        ("var x in [-1, 5]\nvar y in [-2, 2]\n" + CAMEL.format(x="(x - 2)", y="y"), 1.0, 0.0),
        (
            "var x in [-3, 3]\nvar y in [-2, 2]\n"
            + CAMEL.format(x="x", y="y").replace("minimize ", "maximize 7 - 100*(").rstrip()
            + ")\n",
            -100.0,
            7.0,
        ),
        (
            "var x in [-3, 3]\nvar y in [-2, 2]\nvar t in [-99, 99]\nminimize t\nsubject to\n  c: t >= "
            + CAMEL.format(x="x", y="y").removeprefix("minimize "),
            1.0,
            0.0,
        ),
    ],
    ids=["permuted", "renamed", "scaled", "shifted", "maximised", "as a row"],
)
def test_the_same_problem_said_otherwise_has_the_same_optimum(text: str, scale: float, offset: float) -> None:
    assert_proved(solved(text), scale * BY_NAME["six-hump camel"].optimum + offset)


# -------------------------------------------------------------------------------------------------------- infeasible
def test_infeasible_models_are_proved_to_be_with_the_rows_that_clash() -> None:
    head = "var x in [-9, 9]\nvar y in [-9, 9]\nminimize x + y\nsubject to\n"
    found = solved(head + "  c: x^2 + y^2 == 1\n  d: x*y >= 2\n  e: x >= -3\n")
    line = found.certificate.line("infeasible")
    assert found.status == "infeasible" and line.status == "proved" and line.conflict == ("c", "d")
    found = solved(head + "  c: exp(x) + exp(y) <= -1\n  d: sin(x) <= 0.5\n")
    assert found.status == "infeasible" and found.certificate.line("infeasible").conflict == ("c",)


def test_equations_that_hold_only_together_are_seen_through() -> None:
    """Two circles that do not meet, and a point that lies between whole numbers."""
    text = "var x in [-4, 4]\nvar y in [-4, 4]\nsatisfy\nsubject to\n  a: x^2 + y^2 == 1\n  b: (x - 2.1)^2 + y^2 == 1\n"
    assert solved(text).status == "infeasible"
    touching = solved(text.replace("2.1", "1.9"))
    assert touching.status in ("optimal", "feasible") and touching.certificate.line("feasible").status == "checked"
    assert solved("var k integer in [-9, 9]\nsatisfy\nsubject to\n  c: k^3 == 9\n").status == "infeasible"


def test_what_a_verifier_takes_for_feasible_is_not_called_infeasible() -> None:
    """No number has such a square; 0 breaks the row by less than the tolerance."""
    found = solved("var x in [-1, 1]\nminimize x\nsubject to\n  c: x^2 <= -1e-9\n")
    assert found.status == "optimal" and found.objective == pytest.approx(0.0, abs=2e-3)
    assert answer_of("var x in [-1, 1]\nminimize x\nsubject to\n  c: x^2 <= -1e-3\n").claim == "infeasible"


def test_functions_without_a_value_leave_no_point() -> None:
    assert answer_of("var x in [-4, -1]\nminimize log(x)\n").claim == "infeasible"
    assert answer_of("var x in [-4, 4]\nminimize x\nsubject to\n  c: sqrt(x - 5) >= 0\n").claim == "infeasible"


# ------------------------------------------------------------------------------------------------------- poles and ends
@pytest.mark.parametrize(
    ("text", "optimum"),
    [
        ("var x in [0, 5]\nminimize entropy(x)\n", -5 * np.log(5.0)),
        ("var x in [0, 5]\nminimize sqrt(x) + (x - 1)^2 / 9\n", 1 / 9),
        ("var x in [-1, 5]\nminimize log(x)^2 + x\n", None),
        ("var x in [-5, 5]\nminimize 1/x^2 + x\n", None),
        ("var x in [-1, 1]\nminimize asin(x) + x^2\n", None),
        ("var x in [-1, 1]\nminimize 0.3*x - huber(x, 0.1)\n", None),
        ("var x in [0.5, 20]\nminimize sin(x)*sin(x/3) + tanh(x - 9)/3\n", None),
    ],
)
def test_functions_with_ends_and_poles(text: str, optimum: float | None) -> None:
    form = case(text).form
    x = np.linspace(form.lower, form.upper, 400_001)
    with np.errstate(all="ignore"):
        values = form.evaluate_objective(x)
    least = float(np.nanmin(values)) if optimum is None else optimum
    assert_proved(solved(text), least, 2e-4)


def test_an_objective_without_an_end_is_not_called_optimal() -> None:
    found = solved("var x in [-1, 1]\nminimize 1/x\n")
    assert found.status == "feasible" and found.termination == "diverging" and found.bound is None
    found = solved("var x\nvar y\nminimize x*y\n", time_limit=0.3)
    assert found.status == "feasible" and found.bound is None


def test_endless_columns_are_cut_further_and_further_out() -> None:
    x = np.array([[[-np.inf, 0.0, 1.0, -np.inf, -5.0]], [[np.inf, np.inf, np.inf, -20.0, np.inf]]])
    assert cuts(x).tolist() == [[0.0, 1.0, 10.0, -200.0, 0.0]]


# -------------------------------------------------------------------------------------------------------------- limits
def test_limits_leave_the_best_point_and_a_valid_bound() -> None:
    text = BY_NAME["HS71"].text
    for found in (
        answer_of(text, gap=1e-9, options=interval_bb.Options(boxes=40)),
        answer_of(BY_NAME[HARD].text, time_limit=0.3),
    ):
        assert found.claim == "feasible" and found.termination in ("node limit", "time limit")
        assert found.bound is None or (found.objective is not None and found.bound <= found.objective)
    counted = answer_of(text, gap=1e-9, options=interval_bb.Options(boxes=30))
    assert counted.termination == "node limit" and counted.work is not None and counted.work <= 30
    assert counted.bound is not None and 15.0 < counted.bound <= 17.0140173


def test_a_start_is_never_lost() -> None:
    """With no box and no local solve, what is left is the start."""
    options = interval_bb.Options(boxes=0, local=False)
    found = answer_of(BY_NAME["HS71"].text, start=[1.0, 5.0, 5.0, 1.0], options=options)
    assert found.claim == "none"  # it breaks the first row
    found = answer_of(BY_NAME["six-hump camel"].text, start=[0.1, -0.7], options=options)
    assert found.claim == "feasible" and found.x is not None and found.x.tolist() == [0.1, -0.7]


def test_without_any_limit_it_ends_after_so_many_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    from optc.backends.interval_bb import driver

    monkeypatch.setattr(driver, "MOST", 60)
    assert answer_of(BY_NAME["Goldstein-Price"].text).termination == "node limit"
    assert answer_of(BY_NAME["Goldstein-Price"].text, options=interval_bb.Options(boxes=80)).work == 80


def test_an_interrupt_returns_the_best_so_far_and_progress_tells_of_it() -> None:
    cancellation = Cancellation()
    told: list[Progress] = []

    def heard(progress: Progress) -> None:
        told.append(progress)
        if progress.work is not None and progress.work > 500:
            cancellation.cancel()

    found = answer_of(BY_NAME[HARD].text, cancellation=cancellation, progress=heard)
    assert found.termination == "interrupted" and found.claim == "feasible" and found.bound is not None
    bounds = [p.bound for p in told if p.bound is not None]
    assert bounds == sorted(bounds) and all(p.unit == "boxes" for p in told)
    assert all(p.incumbent is None or p.incumbent >= -3.0 - 1e-6 for p in told)


def test_runs_repeat() -> None:
    one, two = (answer_of(BY_NAME["two quartics"].text) for _ in range(2))
    assert (one.objective, one.bound, one.work) == (two.objective, two.bound, two.work)


def test_without_local_solves_middles_are_enough_where_no_row_is_an_equation() -> None:
    found = answer_of(BY_NAME["six-hump camel"].text, options=interval_bb.Options(local=False))
    assert found.claim == "optimal" and found.objective == pytest.approx(-1.0316284535, abs=1e-4)
    assert found.row_duals is None


def test_without_ipopt_exact_al_looks_for_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipopt, "version", lambda: None)
    found = answer_of(BY_NAME["HS71"].text)
    assert found.claim == "optimal" and found.objective == pytest.approx(17.0140173, abs=1e-4)


# ------------------------------------------------------------------------------------------------------------ evidence
def test_the_cover_of_an_answer_proves_its_bound_and_no_better_one() -> None:
    text = BY_NAME["two quartics"].text
    form = case(text).form
    found = interval_bb.solve(form, Goal(), interval_bb.Options(), contexts.start(), None)
    assert found.cover is not None and found.bound is not None and found.objective is not None
    problem = BoxProblem(form)
    assert holds(problem, found.cover, found.bound, lambda: None)
    assert not holds(problem, found.cover, found.objective + 1e-3, lambda: None)
    assert not holds(problem, found.cover, found.bound, lambda: "time limit")
    line = solved(text).certificate.line("bound")
    assert line.status == "proved" and "finds no better point" in line.how


def test_a_result_file_is_proved_again_from_its_boxes_and_not_from_others() -> None:
    problem = optc.parse(BY_NAME["six-hump camel"].text).bind()
    result = problem.solve(backend="interval_bb").to_dict()
    again = problem.verify(result)
    line = again.certificate.line("bound")
    assert again.status == "optimal" and line.status == "proved" and "replayed from the evidence" in line.how
    bound = next(line for line in result["certificate"] if line["claim"] == "bound")
    for given, value in (
        (bound["evidence"]["cuts"], bound["value"] + 0.01),  # more than the boxes prove
        ({**bound["evidence"]["cuts"], "column": [7] * len(bound["evidence"]["cuts"]["column"])}, bound["value"]),
        ({**bound["evidence"]["cuts"], "parent": [0] * len(bound["evidence"]["cuts"]["parent"])}, bound["value"]),
    ):
        bound["evidence"], bound["value"] = {"cuts": given}, value
        worse = problem.verify(result)
        assert worse.status == "locally optimal" and worse.certificate.line("bound").status == "failed"
    bound["evidence"] = {"cuts": {"parent": "none"}}
    assert problem.verify(result).status == "locally optimal"


def test_that_there_is_no_point_is_proved_again_too() -> None:
    text = "var x in [-2, 9]\nvar y in [-9, 9]\nminimize x\nsubject to\n  c: exp(x) + y^2 <= 1\n  d: x*y >= 3\n"
    problem = optc.parse(text).bind()
    result = problem.solve(backend="interval_bb").to_dict()
    again = problem.verify(result)
    assert (again.status, again.certificate.line("infeasible").status) == ("infeasible", "proved")
    other = optc.parse(text.replace("3", "-3")).bind()
    assert other.verify(result).status == "failed"


def test_a_bound_whose_cover_does_not_prove_it_is_only_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    from optc.backends.interval_bb import driver

    real = driver.minimise

    def boasting(*args: Any, **more: Any) -> Any:
        found = real(*args, **more)
        return replace(found, bound=found.value + 2e-5)

    monkeypatch.setattr(driver, "minimise", boasting)
    lines = [line for line in solved(BY_NAME["six-hump camel"].text).certificate if line.claim == "bound"]
    assert lines[-1].status == "reported" and lines[-1].how.startswith("bound by interval_bb")


# ------------------------------------------------------------------------------------------------------------- planner
@pytest.mark.parametrize(
    ("text", "chosen", "reason"),
    [
        ("var x in [1, 5]\nminimize exp(x) - 3*x*sin(x)\n", "interval_bb", ""),
        ("var x >= 1\nminimize exp(x) - 3*x*sin(x)\n", "ipopt", "where all decisions have bounds"),
        ("var x[i in 1..9] in [1, 5]\nminimize sum(x[i]*sin(x[i]) for i in 1..9)\n", "ipopt", "up to 6 decisions"),
        (
            "var x in [1, 5]\nminimize sum(sin(x * i) for i in 1..2000)\n",
            "ipopt",
            "up to 2,000 operations",
        ),
        ("var x integer in [1, 5]\nminimize exp(x) - 3*x*sin(x)\n", "scip", "where no decision is whole"),
    ],
)
def test_the_planner_takes_it_for_few_bounded_decisions(text: str, chosen: str, reason: str) -> None:
    problem = optc.parse(text).bind()
    assert problem.solve().route[-1] == chosen
    assert reason in str(problem.explain())


def test_convex_problems_stay_with_local_methods() -> None:
    text = "var x in [1, 5]\nvar y in [1, 5]\nminimize exp(x) + x^2/y + y\n"
    assert optc.parse(text).bind().solve().route[-1] != "interval_bb"


def test_the_only_choice_is_taken_even_if_others_would_be_better() -> None:
    from optc.compiler.plan import plan, take

    instance = optc.parse("var x >= 1\nminimize exp(x) - 3*x*sin(x)\n").bind().instance
    routes, lowered = take(plan(instance, [interval_bb]), instance)
    assert lowered is not None and routes.chosen is not None and routes.chosen.backend is interval_bb
    both, _ = take(plan(instance, [interval_bb, ipopt]), instance)
    assert both.chosen is not None and both.chosen.backend is ipopt


# --------------------------------------------------------------------------------------------------------- as a library
def test_minimise_within_bounds_of_its_own() -> None:
    form = case("var x in [-5, 5]\nvar y in [-5, 5]\nmaximize sin(x)*y - x^2/9\n").form
    found = minimise(form, Goal(), contexts.start(), lower=np.array([-5.0, 1.0]), upper=np.array([0.0, 2.0]))
    grid = np.stack(np.meshgrid(np.linspace(-5, 0, 2001), np.linspace(1, 2, 11)), axis=-1)
    best = form.evaluate_objective(grid).max()
    assert found.termination == "converged" and found.value == pytest.approx(-best, abs=1e-4)
    assert found.bound <= -best and found.x is not None and found.x[1] <= 2.0
    nothing = minimise(form, Goal(), contexts.start(), lower=np.array([3.0, 0.0]), upper=np.array([2.0, 1.0]))
    assert nothing.x is None and nothing.termination == "converged" and nothing.bound == np.inf


def test_boxes_of_very_many_decisions_are_declined() -> None:
    text = "var x[1..501] in [-1, 1] start 0.5\nminimize sum(sin(x[i]) * x[i] for i in 1..501)\n"
    found = optc.parse(text).bind().solve(backend="interval_bb")
    assert (found.status, found.termination, found.exit_code) == ("failed", "no route", 6)
    assert "at most 500 decisions, and there are 501" in found.diagnostics[-1].message
