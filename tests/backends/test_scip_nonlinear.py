"""Nonlinear forms in SCIP: what is passed is what the kernels say, optima are proved, and nothing false is claimed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import product
from typing import Any

import kernel_models as models
import numpy as np
import pytest
from nonlinear_models import case, point
from reference_problems import BY_NAME, PROBLEMS, Problem
from scipy.optimize import NonlinearConstraint, minimize

import optc
from optc.backends import scip
from optc.backends.scip import admission as scip_admission
from optc.backends.scip import expressions as scip_expressions
from optc.backends.scip import nonlinear as scip_nonlinear
from optc.backends.scip.kernel_ranges import ranges
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Progress
from optc.compiler.forms.nonlinear import NonlinearForm

REFUSED = {"erf", "asin", "acos"}


def boxed(form: NonlinearForm, low: float = 0.25, high: float = 1.25) -> NonlinearForm:
    """A form with its own columns between bounds; those that stand for aggregates stay free."""
    own = sum(part.count for part in form.columns)
    lower, upper = form.lower.copy(), form.upper.copy()
    lower[:own], upper[:own] = np.maximum(lower[:own], low), np.minimum(upper[:own], high)
    return replace(form, lower=lower, upper=upper)


def answer_of(text: str, start: Any = None, gap: float = 1e-6, **context: Any) -> Answer:
    form = case(text).form
    begin = None if start is None else Start(np.array(start, dtype=np.float64))
    return scip.solve(form, Goal(gap=gap), scip.Options(), contexts.start(**context), begin)


def refusal_of(text: str, data: Any = None) -> str:
    return scip.declines(case(text, data).form) or ""


# ------------------------------------------------------------------------------------------------------- what is passed
@pytest.mark.parametrize("name", [name for name in models.EVERY if name not in REFUSED])
def test_expressions_have_the_values_of_the_kernels(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    form = boxed(found.form)
    problem = scip_nonlinear.passed(form)
    model, writer = problem.model, problem.writer
    for seed in range(3):
        x = point(found, seed)
        every = scip_expressions.extended(form, writer.added, x, len(problem.variables))
        solution = model.createOrigSol()
        for variable, value in zip(problem.variables, every.tolist(), strict=True):
            model.setSolVal(solution, variable, value)
        entries = [problem.stated, *scip_nonlinear._rows(writer, form)]
        told = [model.getSolVal(solution, writer.algebra.expression(entry)) for entry in entries]
        wanted = [form.evaluate_objective(x) - form.offset, *form.evaluate_rows(x)]
        np.testing.assert_allclose(told, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in models.EVERY if name not in REFUSED])
def test_the_values_of_nodes_lie_within_their_ranges(name: str) -> None:
    found = case(models.HEAD + models.EVERY[name], models.DATA)
    form = boxed(found.form)
    known = scip_admission.admitted(form)
    nodes = [n for n in known.nodes if n.loop is not None and n.loop.size and n.op not in ("max", "nonzero")]
    scaled = name == "norms"  # there a node's value is one of the shares, which the ranges leave unscaled
    for seed in range(0 if scaled else 4):
        for node, value in zip(nodes, scip_expressions.values(form, nodes, point(found, seed)), strict=True):
            low, high = known.ranges[node.number]
            slack = 1e-12 * np.maximum(1.0, np.abs(value))
            assert ((value >= low - slack) & (value <= high + slack)).all(), (node.op, value, low, high)
    assert set(ranges(form, known.nodes, known.moving)) == {n.number for n in known.nodes}


def test_linear_rows_stay_linear_and_shared_sums_become_columns() -> None:
    text = """set I = 1..40
var x[I] in [0, 1]
let t = sum(x[i]^2 for i in I)
minimize sum(exp(t * x[i]) for i in I)
subject to
  c: sum(x[i] for i in I) >= 3
"""
    problem = scip_nonlinear.passed(case(text).form)
    kinds = sorted(row.getConshdlrName() for row in problem.model.getConss())
    # The sum once, for all forty rows; the objective; its range and the row of the model are linear.
    assert kinds == ["linear", "linear", "nonlinear", "nonlinear"]
    assert len(problem.variables) == 42


def test_load_gives_the_solvers_own_object() -> None:
    loaded = scip.load(case("var x in [0, 2]\nvar k integer in [0, 3]\nminimize exp(x) - k * x\n").form)
    loaded.optimize()
    assert loaded.getObjVal() == pytest.approx(3 - 3 * np.log(3), abs=1e-5)


# ------------------------------------------------------------------------------------------------------- known optima
WITHOUT_AN_END = "HS100"  # its x6 and x7 have no bounds, and SCIP finds no bound of -4 x6 x7 - 10 x6 - 8 x7 in seconds
PROVED = [problem for problem in PROBLEMS if problem.name != WITHOUT_AN_END]


SQUARES = {"HS1", "HS16", "HS26"}  # sums of squares at the least that their bounds allow


@pytest.mark.parametrize("problem", PROVED, ids=lambda problem: problem.name)
def test_the_known_optimum_is_proved(problem: Problem) -> None:
    found = optc.parse(problem.text).bind().solve(backend="scip", time_limit=20, gap=1e-4)
    assert found.status == "optimal" and found.termination == "converged"
    assert found.objective == pytest.approx(problem.optimum, rel=1e-4, abs=1e-4)
    bound = found.certificate.line("bound")
    own = ("proved", "interval arithmetic") if problem.name in SQUARES else ("reported", "bound by scip")
    assert bound is not None and bound.status == own[0] and bound.how.startswith(own[1])
    assert bound.value is not None and bound.value <= problem.optimum + 1e-6 * max(1.0, abs(problem.optimum))
    assert not found.certificate.failed


def test_without_bounds_a_proof_may_not_come_and_with_wide_ones_it_does() -> None:
    problem = BY_NAME[WITHOUT_AN_END]
    found = optc.parse(problem.text).bind().solve(backend="scip", time_limit=1.5)
    assert found.objective == pytest.approx(problem.optimum, rel=1e-4) or found.status != "optimal"
    if found.status != "optimal":
        assert (found.status, found.termination) in (("feasible", "time limit"), ("limit", "time limit"))
    within = replace(problem, bounds=dict.fromkeys(range(1, 8), (-100.0, 100.0)))
    again = optc.parse(within.text).bind().solve(backend="scip", time_limit=20)
    assert again.status == "optimal" and again.objective == pytest.approx(problem.optimum, rel=1e-4)


def test_where_ipopt_stops_at_a_local_optimum_the_proof_goes_on() -> None:
    problem = optc.parse(BY_NAME["HS16"].text).bind()
    local, proved = problem.solve(), problem.solve(backend="scip")
    assert local.status == "locally optimal" and local.objective == pytest.approx(23.14466, rel=1e-5)
    assert proved.status == "optimal" and proved.objective == pytest.approx(0.25, abs=1e-4)


# ------------------------------------------------------------------------------------------------------ whole decisions
def test_a_sine_times_a_whole_decision() -> None:
    """The least of ``y sin(3 x) + (x - 1)^2`` on a fine grid of x for each y."""
    found = optc.parse("var y integer in [-3, 3]\nvar x in [-4, 4]\nminimize y * sin(3 * x) + (x - 1)^2\n").bind()
    grid = np.linspace(-4, 4, 800_001)
    least = min(float((y * np.sin(3 * grid) + (grid - 1) ** 2).min()) for y in range(-3, 4))
    solution = found.solve(gap=1e-7)
    assert solution.route == ("mixed-integer nonlinear", "nonlinear", "scip")
    assert solution.status == "optimal" and solution.objective == pytest.approx(least, abs=1e-6)


def test_logarithms_and_exponentials_against_enumeration() -> None:
    text = """var x[1..2] in [0.1, 4]
var k[1..2] integer in [0, 3]
minimize sum(exp(x[i] - k[i]) + 0.3 * k[i]^2 for i in 1..2) - log(x[1] + x[2])
subject to
  joint: log(x[1]) + x[2] * (k[1] + 1) >= 1.2
  spread: sqrt(x[1] * x[2]) + k[2] <= 2.5
  few: k[1] + k[2] <= 4
"""
    best = np.inf
    for k in product(range(4), repeat=2):
        if sum(k) > 4:
            continue

        def cost(x: Any, k: tuple[int, ...] = k) -> float:
            return float(np.exp(x - k).sum() + 0.3 * np.square(k).sum() - np.log(x.sum()))

        def rows(x: Any, k: tuple[int, ...] = k) -> Any:
            return [np.log(x[0]) + x[1] * (k[0] + 1), np.sqrt(x[0] * x[1]) + k[1]]

        limits = NonlinearConstraint(rows, [1.2, -np.inf], [np.inf, 2.5])
        for start in product((0.2, 1.0, 3.0), repeat=2):
            done = minimize(cost, start, method="SLSQP", bounds=[(0.1, 4)] * 2, constraints=[limits])
            values = rows(done.x)
            if done.success and values[0] >= 1.2 - 1e-7 and values[1] <= 2.5 + 1e-7:
                best = min(best, float(done.fun))
    found = optc.parse(text).bind().solve(gap=1e-7)
    assert found.status == "optimal" and found.objective == pytest.approx(best, abs=1e-5)
    for variable in found.variables["k"].values.tolist():
        assert variable == round(variable)


def test_several_answers() -> None:
    """All points of a grid with ``exp(k / 2) + m^2 <= 6``, each once."""
    text = "var k integer in [-1, 4]\nvar m integer in [0, 3]\nsatisfy\nsubject to\n  c: exp(k / 2) + m^2 <= 6\n"
    found = optc.parse(text).bind().solve(n="all")
    assert found.route[-2:] == ("nonlinear", "scip") and found.alternatives_complete
    points = [found.variables, *(each.variables for each in found.alternatives)]
    told = {(float(p["k"].values[0]), float(p["m"].values[0])) for p in points}
    wanted = {(k, m) for k in range(-1, 5) for m in range(4) if np.exp(k / 2) + m**2 <= 6}
    assert told == wanted and len(points) == len(wanted)


@pytest.mark.parametrize("seed", range(6))
def test_random_small_models_against_enumeration(seed: int) -> None:
    """All decisions whole, so that every point can be looked at."""
    random = np.random.default_rng(seed)
    a, b, c = random.uniform(-2, 2, (3, 3)).round(3)
    sense = ("minimize", "maximize")[seed % 2]
    text = f"""var k[1..3] integer in [-2, 3]
{sense} {a[0]} * exp(k[1] / 2) * k[2] + {a[1]} * sin({a[2]} * k[3] + k[1]) + {b[0]} * atan(k[1] * k[3])
subject to
  c: log(1 + k[1]^2) + {b[1]} * k[2] * k[3] <= {abs(c[0]) + 1}
  d: tanh(k[1]) + sigmoid({c[1]} * k[2]) >= {c[2] / 4 - 0.4:.3f}
"""
    k = np.array(list(product(range(-2, 4), repeat=3)), dtype=np.float64).T
    value = a[0] * np.exp(k[0] / 2) * k[1] + a[1] * np.sin(a[2] * k[2] + k[0]) + b[0] * np.arctan(k[0] * k[2])
    one = np.log(1 + k[0] ** 2) + b[1] * k[1] * k[2]
    two = np.tanh(k[0]) + 1 / (1 + np.exp(-c[1] * k[1]))
    inside = (one <= abs(c[0]) + 1) & (two >= round(c[2] / 4 - 0.4, 3))
    found = optc.parse(text).bind().solve(backend="scip", gap=1e-7)
    assert found.status == "optimal"
    assert found.objective == pytest.approx(
        (value[inside].min if sense == "minimize" else value[inside].max)(), abs=1e-5
    )


# ------------------------------------------------------------------------------------------------------------ functions
STABLE = [
    ("tanh(x) + 0.001 * (x + 80)^2", "x", -1.0),
    ("sigmoid(x) + 0.001 * (x + 80)^2", "x in [-100, 100]", 0.0),
    ("0.1 * softplus(x) + 0.001 * (x - 120)^2", "x", 9.5),
    ("logsumexp(x + i for i in 0..1) - x + 1e-6 * (x - 900)^2", "x in [800, 1000]", np.log1p(np.exp(1.0))),
    ("huber(x - 3, 2) + 0.1 * x", "x in [-9, 9]", 0.295),
    ("atan(x) + 0.001 * (x - 1)^2", "x in [-9, 9]", None),
    ("x * log(x)", "x in [0, 10]", -np.exp(-1.0)),
    ("kl(x, 2) - x", "x in [0, 10]", -2.0),
    ("x - entropy(x)", "x in [0, 10]", -np.exp(-2.0)),
    ("2^x - 3 * x", "x in [-9, 9]", None),
    ("x^y - 3 * x", "x in [0.5, 2]\nvar y in [1, 3]", None),
    ("sinh(x) - 2 * x + cosh(x) * log10(x + 4)", "x in [-3, 3]", None),
]


@pytest.mark.parametrize(("objective", "bounds", "wanted"), STABLE)
def test_functions_that_scip_lacks_are_put_in_its_terms(objective: str, bounds: str, wanted: float | None) -> None:
    text = f"var {bounds}\nvar k binary\nminimize {objective} + k\n"
    found = case(text).form
    if wanted is None:
        sides = (found.lower, found.upper)
        axes = [np.linspace(low, high, 2001) for low, high in zip(*sides, strict=True)][: found.shape[1] - 1]
        points = np.stack([each.ravel() for each in np.meshgrid(*axes)] + [np.zeros(2001 ** len(axes))], axis=-1)
        wanted = float(np.min(found.evaluate_objective(points)))
    answer = answer_of(text)
    assert answer.claim == "optimal" and answer.objective == pytest.approx(wanted, abs=2e-5)
    assert answer.bound is not None and answer.bound <= wanted + 1e-6


# ------------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_function_that_scip_has_not_is_named_with_its_row(name: str) -> None:
    text = f"var x[1..3] in [-1, 1]\nminimize x[1]\nsubject to\n  curve[i in 1..3]: {name}(x[i]) >= 0.1\n"
    assert refusal_of(text) == f"SCIP has no function `{name}` (in curve[1])"
    found = optc.parse(text).bind().solve(backend="scip")
    assert found.status == "failed" and f"`{name}`" in found.diagnostics[0].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("var x in [-100, -60]\nminimize 1 / (1 + exp(-x))\n", "1e20"),
        ("var x\nminimize log(1 + exp(x))\n", "`exp` of something without a bound stands inside another function"),
        ("var x in [-1, 1]\nvar y in [1, 2]\nminimize x^y\n", "over a base that its bounds keep above 0"),
        ("var x in [0, 1]\nvar y in [0, 2]\nminimize kl(x, y)\n", "bounds keep y above 0"),
        ("var x in [0, 1e9]\nminimize log(1 + x^4)\n", "inside another function may reach 1e+36"),
    ],
)
def test_what_scip_answers_wrongly_is_refused_beforehand(text: str, words: str) -> None:
    assert words in refusal_of(text)


def test_a_row_of_many_is_named() -> None:
    text = """set I = 1..4
param top[i in I] = 15 * i
var x[i in I] in [0, top[i]]
minimize x[1]
subject to
  grown[i in I]: log(1 + exp(x[i])) >= 1
"""
    assert refusal_of(text).endswith("(in grown[4])")


def test_a_problem_of_many_operations_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scip_admission, "MOST", 100)
    text = "set I = 1..60\nvar x[I] in [0, 1]\nminimize sum(exp(x[i]) * x[i] for i in I)\n"
    assert "180 operations, more than the 100" in refusal_of(text)


def test_numbers_that_are_not_finite_are_refused() -> None:
    text = "param p default 800\nvar x in [0, 1]\nminimize exp(x) * exp(p)\n"
    assert "not finite" in refusal_of(text)


def test_a_refusal_leads_on_to_the_next_route_and_is_explained() -> None:
    text = "var x in [-0.9, 0.9] start 0.5\nminimize asin(x)^2\n"
    problem = optc.parse(text).bind()
    assert problem.solve().route[-1] in ("ipopt", "interval_bb")
    assert problem.solve(backend="scip").diagnostics[0].code.id == "E0606"


# ------------------------------------------------------------------------------------------------------- routes, limits
def test_smooth_continuous_models_go_to_ipopt_and_whole_ones_to_scip() -> None:
    smooth = optc.parse("var x >= 1\nminimize exp(x) - 3 * x * sin(x)\n").bind()
    whole = optc.parse("var x integer in [1, 5]\nminimize exp(x) - 3 * x * sin(x)\n").bind()
    assert smooth.solve().route[-1] == "ipopt" and whole.solve().route[-1] == "scip"
    proved = smooth.solve(backend="scip")
    assert (proved.status, proved.route[-1]) == ("optimal", "scip")


ENDLESS = """set I = 1..14
var x[I] in [-5, 5] start 0.5
var k[I] integer in [-2, 2] start 1
minimize sum(sin(3 * x[i] + k[j]) * cos(x[j] * x[i]) * k[i] for i in I, j in I)
"""


def test_limits_of_time_and_nodes_keep_the_point_and_the_bound() -> None:
    form = case(ENDLESS).form
    found = scip.solve(form, Goal(gap=0.0), scip.Options(), contexts.start(time_limit=1.5), None)
    assert (found.claim, found.termination) == ("feasible", "time limit")
    assert found.x is not None and found.objective == pytest.approx(form.evaluate_objective(found.x))
    assert found.bound is not None and found.objective is not None and found.bound < found.objective
    small = case(ENDLESS.replace("1..14", "1..4")).form
    few = scip.solve(small, Goal(gap=0.0), scip.Options(nodes=1), contexts.start(time_limit=60), None)
    assert few.termination == "node limit"


def test_a_start_is_never_lost() -> None:
    form = case(ENDLESS).form
    x = np.where(form.integer, 1.0, 0.5)
    start = Start(x)
    for context in (contexts.start(time_limit=0.0), contexts.start(time_limit=0.3)):
        found = scip.solve(form, Goal(gap=0.0), scip.Options(heuristics="off", nodes=0), context, start)
        assert found.claim == "feasible" and found.objective is not None
        assert found.objective <= form.evaluate_objective(x) + 1e-9


@pytest.mark.parametrize("given", [[np.nan, 1.0], [np.nan, np.nan], [0.5, 7.0], [-3.0, 1.0], [0.0, 1.0]])
def test_starts_in_part_or_wrong_or_undefined_change_nothing(given: list[float]) -> None:
    text = "var x in [0, 4]\nvar k integer in [0, 3]\nminimize x * k - log(x) - k\n"
    assert answer_of(text, given).objective == pytest.approx(answer_of(text).objective, abs=1e-6)


def test_the_start_of_the_model_carries_new_columns() -> None:
    """A start with columns that SCIP alone has is taken: it is the point after no node."""
    objective = "tanh(x + k) + atan(x * k) + logsumexp(x * i for i in 1..2)"
    text = f"var x in [-9, 9]\nvar k integer in [0, 3]\nminimize {objective}\n"
    form = case(text).form
    options = scip.Options(solutions=1, heuristics="off", presolving="off")
    found = scip.solve(form, Goal(), options, contexts.start(), Start(np.array([1.25, 2.0])))
    assert found.termination == "solution limit" and found.x == pytest.approx([1.25, 2.0])


def test_cancelled_before_and_while_at_work() -> None:
    form = case(ENDLESS).form
    context = contexts.start()
    context.cancellation.cancel()
    assert scip.solve(form, Goal(), scip.Options(), context, None).termination == "interrupted"
    seen: list[Progress] = []

    def stop(each: Progress) -> None:
        seen.append(each)
        context.cancellation.cancel()

    context = contexts.start(time_limit=60, progress=stop)
    found = scip.solve(form, Goal(gap=0.0), scip.Options(), context, None)
    assert found.termination == "interrupted" and seen and seen[0].phase == "branch and bound"


# ------------------------------------------------------------------------------------------------- no answer, or no end
def test_infeasible_models_name_what_conflicts() -> None:
    text = "var x in [-5, 5]\nvar k integer in [0, 3]\nminimize x\nsubject to\n  c: exp(x) + k^2 <= -1\n  d: x <= 3\n"
    found = optc.parse(text).bind().solve(backend="scip")
    line = found.certificate.line("infeasible")
    assert found.status == "infeasible" and line is not None
    assert line.status == "reported" and line.conflict == ("c",)
    continuous = (
        optc.parse("var x in [-5, 5]\nminimize x\nsubject to\n  c: exp(x) <= -1\n").bind().solve(backend="scip")
    )
    assert continuous.status == "infeasible" and continuous.certificate.line("infeasible").status == "reported"  # type: ignore[union-attr]


def test_that_no_point_exists_is_not_said_where_scip_keeps_away_from_a_pole() -> None:
    """Feasible at x = 1e-14, where SCIP does not look."""
    found = optc.parse("var x in [0, 10]\nminimize x\nsubject to\n  c: log(x) <= -30\n").bind().solve(backend="scip")
    assert found.status == "failed" and "no value" in found.diagnostics[0].message
    lone = "var y in [-3, 3]\nminimize -y\nsubject to\n  c: entropy(-y * y) <= 3\n"  # y = 0 alone
    assert optc.parse(lone).bind().solve(backend="scip").status != "infeasible"
    bounded = "var x in [0.001, 10]\nminimize x\nsubject to\n  c: log(x) <= -30\n"
    assert optc.parse(bounded).bind().solve(backend="scip").status == "infeasible"


@pytest.mark.parametrize(
    "text",
    [
        "var x in [0, 10]\nminimize log(x)\n",
        "var x <= 10\nminimize log(x)\n",
        "var x in [-1, 1]\nminimize 1 / x\n",
        "var x in [0, 1]\nminimize -1 / x\n",
        "var x in [0, 3]\nmaximize tan(x)\n",
        "var x in [0, 3]\nminimize -(x * (x + 1))^(-0.5)\n",
        "var x\nminimize -exp(x)\n",
    ],
)
def test_an_objective_without_a_bound_is_not_called_optimal(text: str) -> None:
    found = optc.parse(text).bind().solve(backend="scip", time_limit=10)
    assert (found.status, found.termination, found.bound) == ("feasible", "diverging", None)
    assert found.diagnostics[-1].code.id == "N0606"


def test_an_optimum_where_a_domain_ends_has_values() -> None:
    """The least is where the root's argument, which SCIP keeps at zero to within its tolerance, is zero."""
    text = "var x in [-5, 5]\nvar y in [-5, 5]\nvar k binary\nminimize sqrt(6 - 1.5 * x * y) + 0.1 * (x - y)^2 + k\n"
    found = optc.parse(text).bind().solve(backend="scip", time_limit=20)
    assert found.status in ("optimal", "feasible") and found.objective is not None and found.bound is not None
    assert abs(found.objective) <= 5e-3 and found.bound <= 1e-6


CRASH = """
import optc
head = "var x in [-{0}, {0}]\\nvar y in [-{0}, {0}]\\nminimize "
cases = (30, "entropy((1.79 * y)^3) - 1.27 * y + x"), (2, "entropy(cos(1.21 * x)) - 0.35 * x^2 * (y + x)")
for size, objective in cases:
    print(optc.parse(head.format(size) + objective).bind().solve(backend="scip", time_limit=3).status)
"""


def test_entropies_of_nonlinear_arguments_do_not_crash() -> None:
    done = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and set(done.stdout.split()) <= {"optimal", "feasible"}, done.stderr


def test_a_product_with_a_kinked_factor_keeps_its_optimum() -> None:
    """Aggressive scaling of the linear programs makes SCIP prove -2.206 here; the grid has a better point."""
    text = """var x in [-2, 2]
var y in [-2, 1.775]
var k integer in [-1, 2]
minimize (huber(y, 0.5) - (x - k)) * ((-1.98 * x + y) - 0.5618 * x * y) + sqrt(sqrt(y + 6) + 6)
"""
    x, y, k = np.meshgrid(np.linspace(-2, 2, 401), np.linspace(-2, 1.775, 756), np.arange(-1, 3), indexing="ij")
    size = np.abs(y)
    bent = np.where(size <= 0.5, y * y / 2, 0.5 * (size - 0.25))
    value = (bent - (x - k)) * ((-1.98 * x + y) - 0.5618 * x * y) + np.sqrt(np.sqrt(y + 6) + 6)
    found = optc.parse(text).bind().solve(backend="scip", time_limit=20)
    assert found.status == "optimal" and found.objective == pytest.approx(float(value.min()), abs=1e-3)


def test_a_point_without_a_value_is_no_answer() -> None:
    """SCIP ends where ``x y`` is 2e-9 to within its tolerance, at 0."""
    text = "var x in [-2, 2]\nvar y in [-2, 2]\nminimize log10(x * y) + x\n"
    found = optc.parse(text).bind().solve(backend="scip", time_limit=10)
    assert found.bound is None and found.status in ("failed", "feasible") and found.termination != "converged"
    if found.status == "failed":
        assert found.diagnostics[0].code.id == "E0801" and "log10(" in found.diagnostics[0].message


def test_a_bound_that_contradicts_its_own_point_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = scip_nonlinear._answer

    def wrong(*arguments: Any) -> Answer:
        found = plain(*arguments)
        assert found.objective is not None
        return replace(found, bound=found.objective + 0.1)

    monkeypatch.setattr(scip_nonlinear, "_answer", wrong)
    found = optc.parse("var x in [0, 3]\nminimize exp(x) - 3 * x\n").bind().solve(backend="scip")
    assert (found.status, found.termination, found.bound) == ("feasible", "numerical trouble", None)
    assert found.diagnostics[-1].code.id == "N0606" and "its own point" in found.diagnostics[-1].message


def test_unbounded_with_a_direction() -> None:
    found = (
        optc.parse("var x\nvar k binary\nminimize x^3 + k\nsubject to\n  c: x + k <= 9\n").bind().solve(backend="scip")
    )
    line = found.certificate.line("unbounded")
    assert found.status == "unbounded" and line is not None and line.status == "checked"


def test_problems_decided_without_a_search() -> None:
    assert answer_of("var x in [0, 1]\nminimize exp(x)\nsubject to\n  c: 3 <= exp(x) <= 2\n").claim == "infeasible"
    satisfied = answer_of("var x in [0, 5]\nvar k binary\nsatisfy\nsubject to\n  c: exp(x) * (k + 1) == 4\n")
    assert satisfied.claim == "optimal" and satisfied.x is not None


def test_nothing_is_written_anywhere(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("HS1", "HS38", "HS78"):
        answer_of(BY_NAME[name].text, time_limit=5.0)
    assert capfd.readouterr() == ("", "")


def test_a_form_is_looked_at_without_loading_scip() -> None:
    program = (
        "import sys, optc; from optc.backends import scip; from optc.compiler.lowerings import instance_to_nonlinear;"
        "form, _ = instance_to_nonlinear.lower(optc.parse('var x\\nminimize erf(x)\\n').bind().instance);"
        "print(scip.declines(form) is not None, 'pyscipopt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
