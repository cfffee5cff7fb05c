"""Cones by their squares, and products by their roots: the form's rows, answers and multipliers are the model's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, keyed, program_of, reference_of

import optc
from optc.compiler.forms.conic import ConicForm, written_duals
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import instance_to_conic
from optc.compiler.verify.cone_ranges import ranges

pytest.importorskip("clarabel")

HEAD = """
set I = 1..3
param c[i in I] = i - 1
param e[i in I] = if i == 1 then 1 else 0
param F[i in I, j in I] = if i == j then 2 else if i > j then 1 else 0
var x[I] in [-2, 2]
var t in [0, 6]
var u in [0, 5]
var v in [0, 4]
var y in [0.1, 3]
var z in [-3, 5]
let length = sum(x[i]^2 for i in I)
"""
ROWS = [
    "length <= t^2",
    "3 * t^2 - 2 * length >= 1",
    "sum((x[i] - i)^2 for i in I) <= (2 * t + 1)^2",
    "sum(F[i, j] * x[i] * x[j] for i in I, j in I) + x[1] <= t^2 + 2 * t - 3",
    "length <= (u + 1) * (v + 2)",
    "u * v >= (u - v)^2 + z^2",
    "(t + x[1])^2 + z^2 <= 4 * t^2",
    "z^2 <= (x[1] - 2)^2",
    "z^2 <= y * (x[2] + x[3])",
    "length <= c[i] * t^2 + e[i] * u",
    "2 * u * v * t - 3 >= 0",
    "u^2 * v >= y^3",
    "(1 + c[i]) * u * v * t >= 1 + c[i]",
    "u * v >= exp(z)",
    "sqrt(1 + z^4) <= 2 + c[i]",
    "log(1 + z^2) <= log(3 + x[1])",
    "log(1 + z^2) <= c[i]",
    "norm2(x[i] for i in I)^4 <= u * v * t * y",
]


def bound(row: str, goal: str = "minimize z") -> Instance:
    over = "[i in I]" if "c[i]" in row else ""
    return instance_of(program_of(f"{HEAD}{goal}\nsubject to\n  a{over}: {row}\n"), {})


def lowered(instance: Instance) -> tuple[ConicForm, Any]:
    refused = instance_to_conic.accepts(instance)
    assert refused is None, refused.message
    return instance_to_conic.lower(instance)


def side(form: ConicForm, x: np.ndarray) -> np.ndarray:
    """How far the rows of the form are beyond their side, and of the model's rows, by what the form says of roots."""
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    activity = np.bincount(owner, form.values * x[form.indices], form.shape[0])
    excess = np.maximum(activity - form.row_upper, form.row_lower - activity)
    excess[form.roots.rows] = form.roots.written(x, excess[form.roots.rows])[0]
    return excess


@pytest.mark.parametrize("row", ROWS)
def test_the_rows_of_the_form_are_those_of_the_model(row: str) -> None:
    """At random points, with each added column at its value, roots raised to their powers give the rows as written."""
    instance = bound(row)
    form, inverse = lowered(instance)
    assert len(form.roots.rows) > 0
    reference, rng = reference_of(instance.program, {}), np.random.default_rng(5)
    box = ranges(form)
    for _ in range(6):
        point = {f.name: f.lower + (f.upper - f.lower) * rng.random(f.count) for f in instance.families}
        x = inverse.extended(point)
        own = next(s for s in form.rows if s.name == "a")
        got = side(form, x)[own.offset : own.offset + own.count]
        wanted = [r.violation for r in reference.constraint_rows("a", keyed(instance, point))]
        assert np.maximum(got, 0.0) == pytest.approx(np.array(wanted), rel=1e-9, abs=1e-9)
        assert np.all(form.least <= x + 1e-9) and np.all(x <= form.most + 1e-9)
        if (got <= 0).all():
            assert np.all(box.lower <= x + 1e-9) and np.all(x <= box.upper + 1e-9)


MODELS = [
    f"{HEAD}minimize t - 0.5 * x[1] - 0.3 * x[2] + 0.1 * x[3]\nsubject to\n  a: length + 1 <= t^2\n",
    f"{HEAD}maximize x[1] + 2 * x[2] - t^2 / 4\nsubject to\n  a: 0 <= t^2 - 2 * length\n",
    f"{HEAD}minimize u + 2 * v\nsubject to\n  a[i in I]: 3 * u * v >= (x[i] + i)^2\n  b: length <= 2\n",
    f"{HEAD}minimize u + v - z\nsubject to\n  a: (u + 1) * (v + 2) >= z^2 + length + 1\n  b: x[1] + x[2] == 2\n",
    f"{HEAD}minimize u + v + 2 * t - y\nsubject to\n  a: u * v * t >= y^3\n  b: y + z >= 2\n  d: z <= 1\n",
    f"{HEAD}minimize z^2 - x[1] + t\nsubject to\n  a[i in I]: (x[i] - z)^2 + 0.2 <= c[i] * t^2 + e[i] * u\n",
    f"{HEAD}minimize u + v - z\nsubject to\n  a: u * v >= exp(z)\n",
    f"{HEAD}maximize z + x[1] / 4\nsubject to\n  a: log(1 + z^2) <= log(3 - x[1])\n  b: sqrt(1 + x[2]^4) <= 2\n",
]


@pytest.mark.parametrize("text", MODELS)
def test_answers_and_multipliers_are_those_of_a_nonlinear_route(text: str) -> None:
    """Ipopt takes the rows as they are written; its multipliers are theirs."""
    if optc.backends.get("ipopt").version() is None:
        pytest.skip("Ipopt is not installed")
    problem = optc.parse(text).bind()
    cones, smooth = problem.solve(backend="clarabel"), problem.solve(backend="ipopt")
    assert cones.status == "optimal", cones
    assert cones.objective is not None and smooth.objective is not None
    assert cones.objective == pytest.approx(smooth.objective, rel=1e-6, abs=1e-6)
    assert cones.duals is not None and smooth.duals is not None
    for name, values in smooth.duals.items():
        assert cones.duals[name].values == pytest.approx(values.values, rel=2e-4, abs=2e-5)
    line = next(line for line in cones.certificate if line.claim == "bound")
    assert line.status == "proved" and line.value == pytest.approx(cones.objective, rel=1e-4, abs=1e-4)


def test_multipliers_are_derivatives_by_the_right_sides() -> None:
    text = """
param more = {more}
var x in [-3, 3]
var t in [0, 9]
var u in [0, 9]
{sense} {sign}(t + u - x)
subject to
  a: (x - 2)^2 + 3 <= t^2 + more
  b: t * u >= 1 + x^2 / 4
"""
    for sense, sign in (("minimize", ""), ("maximize", "-")):

        def solved(more: float, sense: str = sense, sign: str = sign) -> Any:
            found = optc.parse(text.format(more=more, sense=sense, sign=sign)).bind().solve(backend="clarabel")
            assert found.status == "optimal"
            return found

        step = 1e-4
        slope = (solved(step).objective - solved(-step).objective) / (2 * step)
        assert solved(0.0).duals["a"].values[0] == pytest.approx(slope, rel=1e-4)
        assert abs(slope) > 1e-2


def test_cones_in_another_modelling_language() -> None:
    """The same problem with norms and quotients in CVXPY."""
    cvxpy = pytest.importorskip("cvxpy")
    rng = np.random.default_rng(4)
    loads = np.round(rng.normal(size=(4, 3)), 3)
    text = f"""
set K = 1..4
set I = 1..3
param A[K, I] = {loads.tolist()}
var x[I] in [-4, 4]
var s[K] in [0, 20]
var t[K] in [0, 20]
var total
minimize total + sum(s[k] for k in K)
subject to
  sizes: sum(t[k] for k in K) <= total
  cone[k in K]: (sum(A[k, i] * x[i] for i in I) - k)^2 + sum(x[i]^2 for i in I) <= t[k]^2
  turned[k in K]: t[k] * s[k] >= (sum(A[k, i] * x[i] for i in I) + 1)^2
"""
    found = optc.parse(text).bind().solve(backend="clarabel")
    x, s, t = cvxpy.Variable(3), cvxpy.Variable(4), cvxpy.Variable(4)
    rows = []
    for k in range(4):
        value = loads[k] @ x
        rows.append(cvxpy.norm(cvxpy.hstack([value - (k + 1), x])) <= t[k])
        rows.append(cvxpy.quad_over_lin(value + 1, t[k]) <= s[k])
    other = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(t) + cvxpy.sum(s)), rows)
    value = other.solve(solver="CLARABEL")
    assert found.status == "optimal" and found.objective == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("minimize t\nsubject to\n  a: x^2 + y^2 + 1 <= t^2\n  b: t <= 0.5 + 0.1 * x\n  c: x <= 3", "infeasible"),
        ("minimize u\nsubject to\n  a: u * v >= x^2 + 1\n  b: u + v <= 1.9", "infeasible"),
        ("minimize u - x\nsubject to\n  a: u * v >= x^2", "unbounded"),
        ("minimize t - 2 * x\nsubject to\n  a: x^2 + y^2 <= t^2", "unbounded"),
        ("minimize u\nsubject to\n  a: u * v >= 1", "feasible"),  # no point attains it
    ],
)
def test_problems_without_an_answer(body: str, status: str) -> None:
    text = f"var x in [-9, 9]\nvar y in [-9, 9]\nvar t >= 0\nvar u >= 0\nvar v >= 0\n{body}\n"
    text = text if status != "unbounded" else text.replace("var x in [-9, 9]", "var x")
    found = optc.parse(text).bind().solve(backend="clarabel")
    assert found.status == status
    if status == "infeasible":
        assert next(iter(found.certificate)).status == "proved"


def test_at_the_tip_of_a_cone_a_row_has_no_multiplier() -> None:
    """Its gradient is zero there; the cone's own multiplier is not."""
    text = "var x\nvar t {}\nminimize t - 0.5 * x\nsubject to\n  a: x^2 <= t^2\n  b: x <= 3\n"
    for bounds in (">= 0", "in [0, 0]"):
        found = optc.parse(text.format(bounds)).bind().solve(backend="clarabel")
        assert found.status == "optimal" and found.objective == pytest.approx(0.0, abs=1e-6)
        assert found.duals is not None and math.isnan(float(found.duals["a"].values[0]))
        assert found.duals["b"].values[0] == pytest.approx(0.0, abs=1e-6)
    form, inverse = lowered(instance_of(program_of(text.format(">= 0")), {}))
    x = inverse.extended({"x": np.array([3.0]), "t": np.array([3.0])})
    assert written_duals(form, x, np.array([-1.2, 0.5])).tolist() == pytest.approx([-0.2, 0.5])


@pytest.mark.parametrize(
    "row",
    [
        "sum((x[i] - 1e5 * i)^2 for i in I) <= t^2",
        "sqrt(sum((x[i] - 1e5 * i)^2 for i in I)) <= t",
        "sum((x[i] - 1e5 * i)^2 for i in I) / t <= t",
    ],
)
def test_squares_far_from_the_origin_are_all_kept(row: str) -> None:
    """Their constants are 1e10 times as large as their squares."""
    text = f"""
set I = 1..3
var x[i in I] in [0, 1e5 * i - 3]
var t in [0.1, 1e6]
minimize t
subject to
  a: {row}
"""
    found = optc.parse(text).bind().solve(backend="clarabel")
    assert found.objective == pytest.approx(3 * math.sqrt(3), abs=2e-4), found


def test_ten_thousand_cones() -> None:
    text = """
set I = 1..10000
param far[i in I] = 1 + i mod 7
var x[I] in [-9, 9]
var t[I] in [0, 20]
minimize sum(t[i] - 0.6 * x[i] for i in I)
subject to
  a[i in I]: x[i]^2 + far[i]^2 <= t[i]^2
"""
    found = optc.parse(text).bind().solve(backend="clarabel")
    far = 1.0 + np.arange(1, 10001) % 7
    # t - 0.6 x with t = sqrt(x^2 + far^2) is least where x / t = 0.6: 0.8 far.
    assert found.status == "optimal" and found.objective == pytest.approx(0.8 * far.sum(), rel=1e-6)
    assert found.duals is not None and found.duals["a"].values == pytest.approx(-0.5 / (1.25 * far), rel=1e-4)
