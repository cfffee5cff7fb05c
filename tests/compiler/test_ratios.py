"""Ratios of linear expressions against enumeration, bisection over linear programs, and SCIP; every status proved."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

import optc
from optc.compiler.lowering import Lowered, every, lower_along
from optc.compiler.replay import verify
from optc.compiler.verify.agreement import says_the_same

MODEL = """
param n; param m; param c[1..n]; param d[1..n]; param c0; param d0; param low[1..n]; param high[1..n]
param a[1..m, 1..n]; param least[1..m]; param most[1..m]
var x[j in 1..n] {domain} in [low[j], high[j]]
let bottom = sum(d[j] * x[j] for j in 1..n) + d0
{sense} rate: {objective}
subject to
  r[i in 1..m]: least[i] <= sum(a[i, j] * x[j] for j in 1..n) <= most[i]
"""
OBJECTIVES = (
    "(sum(c[j] * x[j] for j in 1..n) + c0) / bottom",
    "sum(c[j] * x[j] / bottom for j in 1..n) + c0 / bottom",
    "-(-sum(c[j] * x[j] for j in 1..n) / bottom - c0 / bottom)",
    "(2 * sum(c[j] * x[j] for j in 1..n) + 2 * c0 - 6 * bottom) / bottom / 2 + 3",
)


def random_data(seed: int, *, whole: bool, n: int = 3) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    m = 2
    draw = (lambda low, high, size: random.integers(low, high, size)) if whole else random.uniform
    low = random.integers(-2, 1, n).astype(float)
    high = low + random.integers(0, 4, n)
    inside = random.integers(low, high + 1).astype(float)
    a = draw(-3, 4, (m, n)).astype(float)
    d = draw(-3, 4, n).astype(float)
    most = np.where(random.random(m) < 0.7, a @ inside + random.integers(0, 3, m), np.inf)
    least = np.where(random.random(m) < 0.7, np.minimum(most, a @ inside) - random.integers(0, 3, m), -np.inf)
    # Above zero, or below zero, at every corner of the box.
    reach = np.minimum(d * low, d * high).sum() if seed % 3 else np.maximum(d * low, d * high).sum()
    d0 = float(-reach + (1 if seed % 3 else -1) * (0.5 + random.integers(0, 3)))
    data: dict[str, Any] = {"n": n, "m": m, "c": draw(-4, 5, n).astype(float), "d": d, "a": a, "d0": d0}
    return data | {"c0": float(draw(-3, 4, 1)[0]), "low": low, "high": high, "least": least, "most": most}


def solved(data: dict[str, Any], seed: int, *, whole: bool, **options: Any) -> Any:
    sense = "maximize" if seed % 2 else "minimize"
    domain = "integer" if whole else ""
    text = MODEL.format(domain=domain, sense=sense, objective=OBJECTIVES[seed % len(OBJECTIVES)])
    return optc.parse(text).bind(data).solve(**{"gap": 1e-9} | options)


def enumerated(data: dict[str, Any], seed: int) -> float | None:
    """The optimum over all whole points; None where there is none."""
    ranges = [np.arange(low, high + 1) for low, high in zip(data["low"], data["high"], strict=True)]
    found = []
    for point in itertools.product(*ranges):
        rows = data["a"] @ np.array(point)
        if (rows >= data["least"] - 1e-9).all() and (rows <= data["most"] + 1e-9).all():
            found.append((data["c"] @ np.array(point) + data["c0"]) / (data["d"] @ np.array(point) + data["d0"]))
    return None if not found else max(found) if seed % 2 else min(found)


def bisected(data: dict[str, Any], seed: int) -> float | None:
    """The optimum by bisection: is there a point with a ratio of at least (most) r? A linear program for each r."""
    sign = -1.0 if seed % 2 else 1.0
    flip = 1.0 if seed % 3 else -1.0  # the sign of the denominator
    top, bottom = sign * flip * data["c"], flip * data["d"]
    rows = np.vstack([data["a"], -data["a"]])
    ends = np.concatenate([data["most"], -data["least"]])
    kept = np.isfinite(ends)
    bounds = list(zip(data["low"], data["high"], strict=True))

    def below(ratio: float) -> float | None:
        found = linprog(top - ratio * bottom, rows[kept], ends[kept], bounds=bounds)
        if found.status == 2:
            return None
        assert found.status == 0, found.message
        return float(found.fun + sign * flip * data["c0"] - ratio * flip * data["d0"])

    if below(0.0) is None:
        return None
    low, high = -1e4, 1e4
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if (below(middle) or 0.0) <= 0 else (middle, high)
    return sign * high


@pytest.mark.parametrize("seed", range(40))
def test_whole_ratios_have_the_optimum_of_enumeration(seed: int) -> None:
    data = random_data(seed, whole=True)
    wanted = enumerated(data, seed)
    solution = solved(data, seed, whole=True)
    assert [line for line in solution.certificate if line.status == "failed"] == []
    if wanted is None:
        assert solution.status == "infeasible"
    else:
        assert solution.status == "optimal"
        assert solution.objective == pytest.approx(wanted, rel=1e-7, abs=1e-7)
        assert solution.route[-1] == "dinkelbach"


@pytest.mark.parametrize("backend", ["highs", "dinkelbach"])
@pytest.mark.parametrize("seed", range(24))
def test_continuous_ratios_are_proved_and_equal_to_bisection(seed: int, backend: str) -> None:
    data = random_data(seed, whole=bool(seed % 4), n=4)
    wanted = bisected(data, seed)
    solution = solved(data, seed, whole=False, backend=backend)
    assert [line for line in solution.certificate if line.status == "failed"] == []
    if wanted is None:
        assert solution.status == "infeasible"
        return
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(wanted, rel=1e-7, abs=1e-7)
    lines = {line.claim: line.status for line in solution.certificate}
    assert lines["bound"] == "proved"
    assert lines["duals"] == "checked"
    again = verify(optc.parse(_text(seed)).bind(data).instance, json.loads(solution.to_json()), gap=1e-6)
    assert again.status == "optimal"


def _text(seed: int) -> str:
    sense = "maximize" if seed % 2 else "minimize"
    return MODEL.format(domain="", sense=sense, objective=OBJECTIVES[seed % len(OBJECTIVES)])


@pytest.mark.parametrize("seed", range(8))
def test_duals_are_derivatives_of_the_ratio(seed: int) -> None:
    data = random_data(seed, whole=False, n=4)
    solution = solved(data, seed, whole=False, gap=1e-10)
    if solution.status != "optimal":
        pytest.skip("infeasible data")
    step = 1e-5
    for row in range(2):
        moved = {}
        for way in (1, -1):
            shifted = data | {k: data[k] + way * step * (np.arange(2) == row) for k in ("least", "most")}
            moved[way] = solved(shifted, seed, whole=False, gap=1e-10).objective
        if moved[1] is None or moved[-1] is None:
            continue
        slopes = [(moved[1] - solution.objective) / step, (solution.objective - moved[-1]) / step]
        dual = float(solution.duals["r"].values[row])
        assert min(slopes) - 1e-4 <= dual <= max(slopes) + 1e-4


@pytest.mark.parametrize("seed", range(6))
def test_small_ratios_agree_with_scip(seed: int) -> None:
    scip = pytest.importorskip("pyscipopt")
    data = random_data(seed, whole=True)
    model = scip.Model()
    model.hideOutput()
    x = [model.addVar(vtype="I", lb=low, ub=high) for low, high in zip(data["low"], data["high"], strict=True)]
    t = model.addVar(lb=None)
    model.addCons(
        t * (scip.quicksum(d * v for d, v in zip(data["d"], x, strict=True)) + data["d0"])
        == scip.quicksum(c * v for c, v in zip(data["c"], x, strict=True)) + data["c0"]
    )
    for row, low, high in zip(data["a"], data["least"], data["most"], strict=True):
        activity = scip.quicksum(a * v for a, v in zip(row, x, strict=True)) + 0 * x[0]
        if np.isfinite(low):
            model.addCons(activity >= low)
        if np.isfinite(high):
            model.addCons(activity <= high)
    model.setObjective(t, "maximize" if seed % 2 else "minimize")
    model.optimize()
    solution = solved(data, seed, whole=True)
    if model.getStatus() == "infeasible":
        assert solution.status == "infeasible"
    else:
        assert solution.objective == pytest.approx(model.getObjVal(), rel=1e-5, abs=1e-5)


# ------------------------------------------------------------------------------------------------- ends and refusals
def told(text: str, **options: Any) -> Any:
    return optc.parse(text).bind().solve(**options)


def test_a_ratio_that_is_only_approached_is_feasible_with_its_bound() -> None:
    for domain in ("", "integer"):
        solution = told(f"var x {domain} >= 1\nminimize (x + 1) / x")
        assert solution.status == "feasible"
        assert solution.bound == pytest.approx(1.0)
        assert solution.objective > 1.0
        assert "N0603" in {d.code.id for d in solution.diagnostics}


def test_a_ratio_that_is_reached_on_an_unbounded_set_is_optimal() -> None:
    solution = told("var x >= 1\nvar y in [0, 3]\nmaximize (x + y) / x")
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(4.0)
    assert {line.claim: line.status for line in solution.certificate}["bound"] == "proved"


@pytest.mark.parametrize("bottom", ["x", "x + 1"])
def test_a_ratio_without_an_end_is_unbounded(bottom: str) -> None:
    solution = told(f"var x in [1, 2]\nvar y >= 0\nmaximize (x + y) / ({bottom})")
    assert solution.status == "unbounded"
    assert [line.status for line in solution.certificate] == ["checked"]


def test_a_ratio_without_points_is_infeasible_with_its_rows() -> None:
    solution = told("var x in [1, 2]\nvar y in [0, 1]\nminimize y / x\nsubject to\n  a: x + y >= 4")
    assert solution.status == "infeasible"
    assert solution.certificate[0].status == "proved"


def test_a_denominator_is_proved_by_one_row() -> None:
    text = "set V = 1..4\nvar x[V] binary\nminimize sum(v * x[v] for v in V) / sum(2 * x[v] for v in V)\nsubject to\n"
    solution = told(f"{text}  some: sum(x[v] for v in V) >= 1")
    assert (solution.status, solution.objective) == ("optimal", pytest.approx(0.5))
    refused = optc.parse(f"{text}  some: x[1] + x[2] <= 1").bind({}).solve(backend="dinkelbach")
    assert refused.status == "failed"
    (error,) = [d for d in refused.diagnostics if d.severity == "error"]
    assert "sum(2 * x[v] for v in V)" in error.message
    assert "between 0 and 6" in error.message
    assert ">= 0.001" in error.hints[0].text


def test_a_ratio_beside_other_terms_is_refused_by_name() -> None:
    for objective in ("x + x / y", "x / y + y / x", "x * (x / y)", "2 / (1 / x + y)"):
        solution = told(f"var x in [1, 2]\nvar y in [1, 2]\nminimize {objective}", backend="dinkelbach")
        assert solution.status == "failed"
        (error,) = [d for d in solution.diagnostics if d.severity == "error"]
        assert "ratio of decisions beside other terms" in error.message


def test_an_update_of_the_numbers_is_a_new_ratio() -> None:
    text = "param k default 1\nvar x in [1, 4]\nmaximize (x + k) / (x + 1)"
    problem = optc.parse(text).bind()
    assert problem.solve().objective == pytest.approx(1.0)
    assert problem.update(k=5).solve().objective == pytest.approx(3.0)
    assert problem.update(k=-1).solve().objective == pytest.approx(0.6)


def test_a_start_and_several_answers() -> None:
    text = "set I = 1..3\nvar x[I] binary\nmaximize sum(x[i] for i in I) / (sum(x[i] for i in I) + 1)"
    problem = optc.parse(text).bind()
    first = problem.solve(n="all", gap=0.6, start={"x": [1, 1, 0]})
    assert first.status == "optimal"
    assert len({tuple(a.variables["x"].values.tolist()) for a in first.alternatives}) == len(first.alternatives) > 0


def test_a_ratio_stops_when_it_is_told_to() -> None:
    solution = told("var x integer in [0, 9]\nmaximize (3 * x + 1) / (x + 1)", time_limit=0)
    assert (solution.status, solution.termination) == ("limit", "time limit")


# ------------------------------------------------------------------------------------------------- ratios in rows
ROWS = """
set I = 1..3
set K = 1..2
param s[K] = [1, -1]
param c[I] = [3, 1, 2]
param limit[K] = [2.5, -0.5]
param least default 0.2
var x[I] {domain} in [1, 4]
let total[k in K] = s[k] * (x[1] + 2 * x[2]) + s[k]
{sense} sum(c[i] * x[i] for i in I) - 2 * x[2]
subject to
  one[k in K]: (x[1] + x[3]) / total[k] + 1 <= limit[k] + 1
  two: least <= x[3] / (x[1] + 4) - 0.1 <= 0.7
  three: 2 * (x[1] - x[2]) / (x[2] + x[3] - 1) >= -1
"""


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_ratios_in_rows_of_either_sign_have_the_optimum_of_enumeration(sense: str) -> None:
    found = []
    for a, b, c in itertools.product(range(1, 5), repeat=3):
        total = a + 2 * b + 1
        rows = (a + c) / total <= 2.5 and -(a + c) / total <= -0.5 and 2 * (a - b) / (b + c - 1) >= -1
        if rows and 0.2 <= c / (a + 4) - 0.1 <= 0.7:
            found.append(3 * a - b + 2 * c)
    solution = optc.parse(ROWS.format(sense=sense, domain="integer")).bind().solve()
    assert solution.status == "optimal"
    assert solution.objective == (min(found) if sense == "minimize" else max(found))
    assert [line for line in solution.certificate if line.status == "failed"] == []


def test_multipliers_of_rows_with_ratios_are_left_out() -> None:
    text = "var x in [1, 4]\nmaximize x\nsubject to\n  r: x / (x + 1) <= 0.75\n  plain: x <= 9"
    solution = optc.parse(text).bind().solve()
    assert (solution.status, solution.objective) == ("optimal", pytest.approx(3.0))
    assert list(solution.duals) == ["plain"]


def test_a_ratio_in_a_row_and_in_the_objective() -> None:
    text = "var x in [1, 4]\nvar y in [1, 4]\nmaximize x / (y + 1)\nsubject to\n  r: (x + 1) / y <= 2"
    solution = optc.parse(text).bind().solve()
    assert (solution.status, solution.objective) == ("optimal", pytest.approx(4 / 3.5))
    assert {line.claim: line.status for line in solution.certificate}["bound"] == "proved"


@pytest.mark.parametrize("seed", range(6))
def test_bounds_of_models_with_ratios_in_rows_are_proved(seed: int) -> None:
    sense = "maximize" if seed % 2 else "minimize"
    text = ROWS.format(sense=sense, domain="").replace("limit[K] = [2.5", f"limit[K] = [{1.1 + 0.3 * seed}")
    solution = optc.parse(text).bind().solve()
    if solution.status == "infeasible":
        assert solution.certificate[0].status in ("proved", "checked")
        return
    assert solution.status == "optimal"
    assert {line.claim: line.status for line in solution.certificate}["bound"] == "proved"


def test_a_row_that_is_no_multiple_is_found_out() -> None:
    text = "var x in [1, 4]\nvar y in [1, 4]\nminimize x + y\nsubject to\n  r: (x + 1) / y <= 2\n  s: (x + 1) / x <= 3"
    instance = optc.parse(text).bind().instance
    known = {each.name: each for each in every()}
    lowered = lower_along((known["ratios to rows"], known["instance to linear"]), instance)
    assert isinstance(lowered, Lowered)
    assert says_the_same(instance, lowered) is None
    swapped = dict(zip(lowered.multiples, reversed(lowered.multiples.values()), strict=True))
    assert says_the_same(instance, replace(lowered, multiples=swapped)) == "r (multiplied)"


def test_a_row_whose_denominator_may_be_zero_is_refused_by_name() -> None:
    text = "set I = 1..2\nparam d[I] = [1, 3]\nvar x in [0, 4]\nmaximize x\n"
    text += "subject to\n  r[i in I]: x / (x + d[i] - 1) <= 3"
    solution = told(text, backend="highs")
    assert solution.status == "failed"
    (error,) = [d for d in solution.diagnostics if d.severity == "error"]
    assert "in r[1] the bounds leave it between 0 and 4" in error.message
    assert "x + d[i] - 1" in error.message
