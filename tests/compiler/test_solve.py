"""From a model to a solution: known answers, brute force, changes that must not matter, status and exit codes."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest

import optc
from optc.backends import registry
from optc.backends.options import OptionError
from optc.backends.registry import UnknownBackendError
from optc.compiler import context as contexts
from optc.compiler.found import Request
from optc.compiler.result.solution import Solution
from optc.compiler.solve import solve


def solved(text: str, data: dict[str, Any] | None = None, **options: Any) -> Solution:
    return optc.parse(text).bind(data or {}).solve(**options)


DIET = """
set Foods = {"bread", "milk", "eggs"}
param price[Foods] = {"bread": 2, "milk": 3.5, "eggs": 8}
param iron[Foods] = {"bread": 1, "milk": 0.5, "eggs": 2}
var buy[Foods] in [0, 10]
let spend = sum(price[f] * buy[f] for f in Foods)
minimize cost: spend
subject to
  need: sum(iron[f] * buy[f] for f in Foods) >= 12
  mix[f in Foods]: buy[f] <= 5 + 0.5 * sum(buy[g] for g in Foods if g != f)
"""


def test_a_linear_model_is_solved_with_a_proof() -> None:
    found = solved(DIET)
    assert (found.status, found.termination, found.exit_code) == ("optimal", "converged", 0)
    bound = found.certificate.line("bound")
    assert bound is not None and bound.status == "proved" and bound.how == "weak duality in exact rationals"
    assert found.bound is not None and found.objective is not None and found.bound <= found.objective + 1e-12
    assert found.gap is not None and found.gap <= 1e-12
    assert float(found["spend"]) == pytest.approx(found.objective)
    assert found["buy"]["bread"] == pytest.approx(6.4)
    assert found.objective == pytest.approx(2 * 6.4 + 8 * 2.8)
    assert found.objectives == {"cost": found.objective}


def test_the_json_object_has_every_field_of_schema_one() -> None:
    found = json.loads(solved(DIET).to_json())
    wanted = {
        "schema": int,
        "model": str,
        "class": str,
        "status": str,
        "termination": str,
        "sense": str,
        "objective": float,
        "bound": float,
        "gap": float,
        "objectives": dict,
        "variables": dict,
        "expressions": dict,
        "alternatives": list,
        "alternatives_complete": bool,
        "diagnostics": list,
        "duals": dict,
        "reduced_costs": dict,
        "certificate": list,
        "backend": dict,
        "route": list,
        "seconds": dict,
        "seed": int,
    }
    assert {key: type(found[key]) for key in wanted} == wanted
    assert found["variables"]["buy"]["index"] == ["Foods"]
    assert [row[0] for row in found["variables"]["buy"]["values"]] == ["bread", "milk", "eggs"]
    assert found["expressions"]["spend"] == {"index": [], "values": [[found["objective"]]]}
    assert found["route"] == ["linear", "highs"]
    assert found["seconds"].keys() == {"compile", "solve", "verify"}


def test_indices_over_tuples_are_flattened() -> None:
    text = """
    set Arcs = {("a", "b"), ("b", "c")}
    var flow[(i, j) in Arcs] in [0, 3]
    var over[a in Arcs, t in 1..2] in [0, 1]
    maximize sum(flow[i, j] for (i, j) in Arcs) + sum(over[i, j, t] for (i, j) in Arcs, t in 1..2)
    """
    found = solved(text)
    assert found.to_dict()["variables"]["flow"] == {"index": ["Arcs"], "values": [["a", "b", 3.0], ["b", "c", 3.0]]}
    assert found.to_dict()["variables"]["over"]["index"] == ["Arcs", "1..2"]
    assert found["flow"]["a", "b"] == 3.0
    assert found["over"]["b", "c", 2] == 1.0


def test_a_maximisation_has_its_bound_above() -> None:
    found = solved("var x in [0, 4]\nvar y in [0, 4]\nmaximize 3*x + 2*y + 1\nsubject to\n  c: x + y <= 5.5\n")
    assert found.objective == pytest.approx(3 * 4 + 2 * 1.5 + 1)
    assert found.bound is not None and found.bound >= found.objective - 1e-12


def test_satisfy_gives_a_feasible_point_without_an_objective() -> None:
    found = solved("var x in [0, 9]\nsatisfy\nsubject to\n  c: x >= 3\n")
    assert (found.status, found.objective, found.bound, found.exit_code) == ("feasible", None, None, 0)
    assert found.sense == "satisfy"


def test_whole_decisions_come_out_whole_and_the_bound_is_reported() -> None:
    found = solved("var x integer in [0, 9]\nvar y binary\nmaximize 2*x + y\nsubject to\n  c: 2*x + 3*y <= 8\n")
    assert (found["x"][()], found["y"][()], found.status) == (4.0, 0.0, "optimal")
    bound = found.certificate.line("bound")
    assert bound is not None and bound.status == "reported" and "highs" in bound.how
    assert found.duals is None


@pytest.mark.parametrize("seed", range(12))
def test_small_whole_problems_agree_with_brute_force(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, m = 4, 3
    cost, rows = random.integers(-9, 10, n), random.integers(-5, 10, (m, n))
    limit = random.integers(3, 20, m)
    sense = ("minimize", "maximize")[seed % 2]
    text = f"""
    param c[1..{n}]; param a[1..{m}, 1..{n}]; param b[1..{m}]
    var x[1..{n}] integer in [0, 3]
    {sense} sum(c[j] * x[j] for j in 1..{n})
    subject to
      row[i in 1..{m}]: sum(a[i, j] * x[j] for j in 1..{n}) <= b[i]
      parity: sum(x[j] for j in 1..{n}) >= 2
    """
    found = solved(text, {"c": cost, "a": rows, "b": limit}, gap=0.0)
    points = [x for x in itertools.product(range(4), repeat=n) if (rows @ x <= limit).all() and sum(x) >= 2]
    best = (min if sense == "minimize" else max)((int(cost @ x) for x in points), default=None)
    if best is None:
        assert found.status == "infeasible"
    else:
        assert (found.status, found.objective) == ("optimal", best)


def transport(order: list[int], scale: float, names: list[str], sense: str) -> Solution:
    """One problem, with its plants permuted, its money scaled, its names changed, its sense turned round."""
    supply, price = np.array([30.0, 25.0, 45.0]), np.array([[4, 6, 9], [5, 3, 8], [7, 5, 2.0]])
    text = f"""
    set Plants; set Towns = 1..3
    param supply[Plants]; param price[Plants, Towns]; param demand[Towns] = [20, 30, 35]
    var ship[Plants, Towns] >= 0
    {sense} sum({"-" if sense == "maximize" else ""}price[p, t] * ship[p, t] for p in Plants, t in Towns)
    subject to
      limit[p in Plants]: sum(ship[p, t] for t in Towns) <= supply[p]
      meet[t in Towns]: sum(ship[p, t] for p in Plants) >= demand[t]
    """
    data = {
        "Plants": [names[k] for k in order],
        "supply": {names[k]: supply[k] for k in order},
        "price": {names[k]: dict(zip([1, 2, 3], (scale * price[k]).tolist(), strict=True)) for k in order},
    }
    return solved(text, data)


def test_changes_that_do_not_matter_do_not_matter() -> None:
    names = ["x", "y", "z"]
    plain = transport([0, 1, 2], 1.0, names, "minimize")
    assert plain.status == "optimal" and plain.objective is not None
    for order in itertools.permutations(range(3)):
        assert transport(list(order), 1.0, names, "minimize").objective == pytest.approx(plain.objective)
    renamed = transport([0, 1, 2], 1.0, ["p one", 'q"2', "µ"], "minimize")
    assert renamed["ship"].values == pytest.approx(plain["ship"].values)
    scaled = transport([0, 1, 2], 1e3, names, "minimize")
    assert scaled.objective == pytest.approx(1e3 * plain.objective)
    assert scaled.dual("meet").values == pytest.approx(1e3 * plain.dual("meet").values)
    turned = transport([0, 1, 2], 1.0, names, "maximize")
    assert turned.objective == pytest.approx(-plain.objective)
    assert turned.dual("meet").values == pytest.approx(-plain.dual("meet").values)
    assert turned.bound is not None and turned.objective is not None and turned.bound >= turned.objective - 1e-9


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
@pytest.mark.parametrize("seed", range(6))
def test_duals_are_derivatives_by_the_right_side(sense: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    sign = 1.0 if sense == "minimize" else -1.0
    weight = random.uniform(0.5, 2.0, (5, 4))
    data = {"w": weight, "c": sign * random.uniform(1.0, 3.0, 4), "b": random.uniform(2.0, 5.0, 5)}
    text = f"""
    param w[1..5, 1..4]; param c[1..4]; param b[1..5]
    param right[1..4] default 0
    var x[1..4] in [0, 3]
    {sense} sum(c[j] * x[j] for j in 1..4)
    subject to
      above[i in 1..3]: sum(w[i, j] * x[j] for j in 1..4) >= b[i] + right[1]
      below: b[4] <= sum(w[4, j] * x[j] for j in 1..4) + right[2]
      range: b[5] + right[3] <= sum(w[5, j] * x[j] for j in 1..4) <= 40 + right[3]
      equal: x[1] - x[2] == 0.125 + right[4]
    """
    found = solved(text, data)
    assert found.status == "optimal"
    step = 1e-5
    totals = {k: float(np.sum(found.dual(name).values)) for k, name in enumerate(("above", "below", "range", "equal"))}
    for k, total in totals.items():
        ends = []
        for direction in (1.0, -1.0):
            right = np.zeros(4)
            right[k] = direction * step
            end = solved(text, {**data, "right": right}).objective
            assert end is not None
            ends.append(end)
        assert total == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-5)
    assert any(abs(total) > 0.01 for total in totals.values())


def test_a_convex_quadratic_has_a_proved_bound_and_duals() -> None:
    found = solved("var x in [0, 5]\nvar y in [0, 5]\nminimize (x - 1)^2 + (y - 2)^2\nsubject to\n  cap: x + y <= 2\n")
    assert found.objective == pytest.approx(0.5, abs=1e-6)
    bound = found.certificate.line("bound")
    assert bound is not None and bound.status == "proved" and "gradient" in bound.how
    assert found.dual("cap")[()] == pytest.approx(-1.0, abs=1e-5)


def test_a_concave_quadratic_is_maximised() -> None:
    found = solved("var x in [-5, 5]\nvar y in [-5, 5]\nmaximize x + y - x^2 - x*y - y^2\n")
    assert (found.status, found.objective) == ("optimal", pytest.approx(1 / 3, abs=1e-6))


def test_a_quadratic_that_is_not_convex_is_refused_by_name() -> None:
    found = solved("var x in [-1, 1]\nminimize -x^2\n", backend="highs")
    assert (found.status, found.termination, found.exit_code) == ("failed", "no route", 6)
    assert any("not convex" in each.message for each in found.diagnostics)


def test_infeasible_rows_are_proved_and_named_with_their_lines() -> None:
    text = """var x[1..3] >= 0
minimize sum(x[i] for i in 1..3)
subject to
  need[i in 1..3]: x[i] >= 0.1 * i
  idle: x[1] <= 100
  cap: sum(x[i] for i in 1..3) <= 0.5
"""
    found = solved(text)
    assert (found.status, found.exit_code, dict(found.variables)) == ("infeasible", 3, {})
    line = found.certificate.line("infeasible")
    assert line is not None and line.status == "proved" and line.how == "Farkas multipliers in exact rationals"
    assert set(line.conflict) == {"need[1]", "need[2]", "need[3]", "cap"}
    assert line.evidence is not None and line.evidence["lines"]["cap"] == 6


def test_a_conflict_with_a_bound_names_the_bound() -> None:
    found = solved("var x[1..3] in [0, 2]\nminimize x[1]\nsubject to\n  far: x[3] >= 5\n")
    line = found.certificate.line("infeasible")
    assert line is not None and line.conflict == ("far", "bound of x[3]")


def test_sides_of_a_range_that_cross_are_infeasible() -> None:
    found = solved("param lo\nparam hi\nvar x\nminimize x\nsubject to\n  c: lo <= x <= hi\n", {"lo": 3, "hi": 2})
    line = found.certificate.line("infeasible")
    assert line is not None and line.status == "proved" and line.conflict == ("c",)


def test_infeasible_by_whole_decisions_alone_is_reported_with_a_conflict() -> None:
    text = (
        "var x integer in [0, 9]\nvar y integer in [0, 9]\nminimize x\nsubject to\n  odd: 2*x + 2*y == 7\n  c: x <= 5\n"
    )
    found = solved(text)
    line = found.certificate.line("infeasible")
    assert found.status == "infeasible"
    assert line is not None and line.status == "reported" and line.conflict == ("odd",)


def test_unbounded_is_checked_on_the_model() -> None:
    found = solved("var x >= 0\nvar y >= 0\nmaximize x + y\nsubject to\n  c: x - y <= 1\n")
    line = found.certificate.line("unbounded")
    assert (found.status, found.exit_code) == ("unbounded", 4)
    assert line is not None and line.status == "checked" and line.evidence is not None and "ray" in line.evidence


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("var x in [0, 9]\nminimize (x - 1)^4\n", "nonlinear"),
        ("var x in [0, 9]\nminimize x\nsubject to\n  c: x^2 >= 2\n", "quadratic constraints"),
        ("var x\nvar b binary\nminimize x\nsubject to\n  c: b == 1 => x >= 2\n", "`x`, which has no lower bound"),
        ("var x in [0, 9]\nvar w\nminimize x\nsubject to\n  x >= 0 complements w >= 0\n", "`w`, which has no upper"),
        ("var x in [0, 9]\nvar k integer in [0, 9]\nminimize x^2 + k^2\n", "`x` is not made of whole decisions"),
        ("var x in [0, 9]\nminimize x\nlower f {\n  var y >= 0\n  minimize y\n}\n", "`y`, which has no upper bound"),
        ("set N = 1..2\nplayer p[i in N] {\n  var q in [0, 9]\n  maximize q - q^2\n}\n", "players"),
        ("var x in [0, 9]\nuncertain u in [0, 1]\nminimize x\nsubject to\n  c: x >= u\n", "uncertain"),
    ],
)
def test_what_a_backend_cannot_solve_is_refused_by_name(text: str, word: str) -> None:
    found = solved(text, backend="highs")
    assert (found.status, found.termination, found.exit_code) == ("failed", "no route", 6)
    errors = [each for each in found.diagnostics if each.severity == "error"]
    assert len(errors) == 1 and word in errors[0].message
    assert errors[0].hints and found.to_dict()["diagnostics"][-1]["code"] == errors[0].code.id


def test_a_backend_by_name_is_taken_or_refused_with_the_reason() -> None:
    assert solved(DIET, backend="highs").status == "optimal"
    refused = solved("var x in [0, 9]\nminimize (x - 1)^4\n", backend="highs")
    assert [each.code.id for each in refused.diagnostics] == ["E0606"]
    with pytest.raises(UnknownBackendError, match="hihgs") as caught:
        solved(DIET, backend="hihgs")
    assert "highs" in caught.value.diagnostic.hints[0].text


def test_options_are_checked_before_anything_is_solved() -> None:
    with pytest.raises(OptionError) as caught:
        solved(DIET, options={"presolv": "off", "nodes": "many", "heuristic_effort": 2})
    assert [each.code.id for each in caught.value.diagnostics] == ["E0603", "E0604", "E0605"]
    given = solved(DIET, options={"presolve": "off", "solver": "simplex"})
    assert given.backend is not None and given.backend.options == {"presolve": "off", "solver": "simplex"}


def test_a_method_in_the_model_is_taken_and_overruled() -> None:
    text = DIET + 'solve with highs(presolve = "off")\n'
    found = solved(text)
    assert found.backend is not None and found.backend.options == {"presolve": "off"}


def test_no_time_gives_no_point_and_says_so() -> None:
    found = solved(DIET, time_limit=0.0)
    assert (found.status, found.termination, found.exit_code) == ("limit", "time limit", 6)
    assert found.to_dict()["variables"] == {}


def test_an_interrupt_gives_the_exit_status_of_interrupts() -> None:
    context = contexts.start()
    context.cancellation.cancel()
    found = solve(optc.parse(DIET).bind().instance, registry.every(), Request(), context)
    assert (found.status, found.termination, found.exit_code) == ("limit", "interrupted", 130)


def test_a_limit_with_a_point_is_feasible_with_exit_status_five() -> None:
    random = np.random.default_rng(3)
    data = {"w": random.integers(1, 100, (6, 50)), "b": random.integers(1000, 1300, 6)}
    text = """
    param w[1..6, 1..50]; param b[1..6]
    var x[1..50] binary
    var s[1..6] >= 0
    var t[1..6] >= 0
    minimize sum(s[i] + t[i] for i in 1..6)
    subject to
      split[i in 1..6]: sum(w[i, j] * x[j] for j in 1..50) + s[i] - t[i] == b[i]
    """
    found = solved(text, data, time_limit=0.5, gap=0.0)
    assert (found.status, found.termination, found.exit_code) == ("feasible", "time limit", 5)
    assert found.objective is not None and found.bound is not None and found.bound <= found.objective
    again = solved(text, data, time_limit=0.2, gap=0.0, start=found)
    assert again.objective is not None and again.objective <= found.objective + 1e-9


def test_several_answers_are_noted_as_one() -> None:
    found = solved(DIET, n=3)
    assert [each.code.id for each in found.diagnostics] == ["N0601"]
    assert found.alternatives == () and not found.alternatives_complete


def test_progress_is_reported_while_at_work() -> None:
    seen: list[Any] = []
    random = np.random.default_rng(3)
    data = {"w": random.integers(1, 100, (6, 50)), "b": random.integers(1000, 1300, 6)}
    text = """
    param w[1..6, 1..50]; param b[1..6]
    var x[1..50] binary
    var s[1..6] in [0, 9999]
    minimize sum(s[i] for i in 1..6)
    subject to
      split[i in 1..6]: sum(w[i, j] * x[j] for j in 1..50) + s[i] >= b[i]
      other[i in 1..6]: sum(w[i, j] * x[j] for j in 1..50) - s[i] <= b[i]
    """
    solved(text, data, time_limit=1.0, gap=0.0, progress=seen.append)
    assert seen and all(entry.phase == "branch and cut" and entry.elapsed > 0 for entry in seen)
    assert any(entry.incumbent is not None and entry.bound is not None for entry in seen)


def test_a_fault_in_progress_is_raised_after_the_solver_has_stopped() -> None:
    def broken(_progress: object) -> None:
        raise RuntimeError("the display is gone")

    random = np.random.default_rng(3)
    data = {"w": random.integers(1, 100, (6, 50)), "b": random.integers(1000, 1300, 6)}
    text = """
    param w[1..6, 1..50]; param b[1..6]
    var x[1..50] binary
    var s[1..6] in [0, 9999]
    minimize sum(s[i] for i in 1..6)
    subject to
      split[i in 1..6]: sum(w[i, j] * x[j] for j in 1..50) + s[i] >= b[i]
      other[i in 1..6]: sum(w[i, j] * x[j] for j in 1..50) - s[i] <= b[i]
    """
    with pytest.raises(RuntimeError, match="display is gone"):
        solved(text, data, time_limit=5.0, gap=0.0, progress=broken)


def test_the_solution_reads_well() -> None:
    text = repr(solved(DIET))
    assert "optimal" in text and "buy[bread] = 6.4" in text and "proved" in text
    assert "Foods" in repr(solved(DIET)["buy"])


def test_an_empty_family_and_a_model_of_numbers_alone() -> None:
    found = solved("set I\nvar x[I] >= 0\nminimize 3 + sum(x[i] for i in I)\n", {"I": []})
    assert (found.status, found.objective, found["x"].to_dict()) == ("optimal", 3.0, {})


def test_domains_with_columns_of_their_own_are_solved() -> None:
    found = solved("var s[1..3] spin\nmaximize s[1] + s[2] - s[3]\nsubject to\n  c: s[1] + s[2] <= 0\n")
    assert (found.status, found.objective) == ("optimal", 1.0)
    assert sorted(abs(v) for v in found["s"].values) == [1.0, 1.0, 1.0]
    lots = solved("var x semicontinuous in [2, 10]\nminimize 3 * x\nsubject to\n  c: x >= 0.5\n")
    assert (lots["x"][()], lots.objective) == (2.0, 6.0)
    shares = solved("var p[1..3] simplex\nminimize 3*p[1] + p[2] + 2*p[3]\n")
    assert (shares.objective, shares["p"][2]) == (pytest.approx(1.0), pytest.approx(1.0))


def test_the_module_of_a_backend_is_a_backend() -> None:
    from optc.compiler.backend import Backend, ConflictFinder, Loader

    highs = registry.get("highs")
    assert isinstance(highs, Backend) and isinstance(highs, Loader) and isinstance(highs, ConflictFinder)
    assert math.isfinite(len(highs.title))
