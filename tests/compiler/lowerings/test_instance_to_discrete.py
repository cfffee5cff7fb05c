"""Discrete models against enumeration: lower, solve, lift, judge; and the reasons for which there is no form."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import optc
from optc.backends import scip
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.data.errors import DataError
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.instance import Instance
from optc.compiler.lifting import columns_from
from optc.compiler.lowering import Lowered, lower_along, lowering_of
from optc.compiler.lowerings import choices_to_binaries
from optc.compiler.lowerings import instance_to_discrete as lowering
from optc.compiler.signature import Signature
from optc.compiler.verify.report import Report, judge

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def bound(text: str, data: Mapping[str, Any] | None = None) -> Instance:
    return optc.parse(text).bind(dict(data or {})).instance


def form_of(instance: Instance) -> Lowered:
    """The discrete form, choices first made binaries where there are some."""
    chosen = any(family.domain == "choice" for family in instance.families)
    steps = (choices_to_binaries, lowering) if chosen else (lowering,)
    found = lower_along(tuple(lowering_of(step) for step in steps), instance)
    assert isinstance(found, Lowered), found
    return found


def solved(instance: Instance) -> tuple[Answer, Report | None]:
    """The answer of SCIP to the discrete form, and the judgement of the lifted point on the model as written."""
    lowered = form_of(instance)
    answer = scip.solve(lowered.form, Goal(gap=1e-9), scip.Options(), contexts.start(), None)
    if answer.x is None:
        return answer, None
    point = dict(lowered.lift(answer.x))
    for family in instance.families:
        if family.integer:
            point[family.name] = np.rint(point[family.name])
    return answer, judge(instance, point, 1e-5)


def best_of(instance: Instance, points: Iterator[dict[str, np.ndarray]], tolerance: float = 1e-6) -> float | None:
    """The best objective over points that the verifier lets pass."""
    objective = instance.program.root.objective
    assert objective is not None
    values = [r.objective for p in points if (r := judge(instance, p, tolerance)).holds and r.objective is not None]
    return (max if objective.sense == "maximize" else min)(values, default=None)


def agrees(instance: Instance, wanted: float | None, near: float = 1e-5) -> None:
    answer, report = solved(instance)
    if wanted is None:
        assert answer.claim == "infeasible"
        return
    assert answer.claim == "optimal", answer
    assert report is not None and report.holds, report
    assert report.objective == pytest.approx(wanted, abs=near, rel=near)
    assert answer.bound == pytest.approx(wanted, abs=near, rel=near)


def binaries(*names_and_counts: tuple[str, int]) -> Iterator[dict[str, np.ndarray]]:
    counts = [count for _, count in names_and_counts]
    for values in itertools.product((0.0, 1.0), repeat=sum(counts)):
        parts = np.split(np.array(values), np.cumsum(counts)[:-1])
        yield {name: part for (name, _), part in zip(names_and_counts, parts, strict=True)}


def grids(name: str, count: int, values: tuple[float, ...]) -> Iterator[dict[str, np.ndarray]]:
    for point in itertools.product(values, repeat=count):
        yield {name: np.array(point, dtype=np.float64)}


numbers = st.integers(-4, 4)


def arrays(*shape: int) -> st.SearchStrategy[np.ndarray]:
    size = int(np.prod(shape))
    return st.lists(numbers, min_size=size, max_size=size).map(lambda v: np.array(v, dtype=np.float64).reshape(shape))


# --------------------------------------------------------------------------------------------------------- indicators
CONDITIONS = (
    "b[i] == 1",
    "b[i] == 0",
    "not (b[i] == 1)",
    "b[i] == 1 and c[i] == 1",
    "b[i] == 1 or c[i] == 0",
    "not (b[i] == 1 and c[i] == 0)",
    "b[i] == 1 and (b[1] == 0 or c[i] == 1 or c[2] == 0)",
    "not (b[i] == 0 or not (c[i] == 1 and b[2] == 1))",
    "i > 1 and b[i - 1] == 1",
    "i == 1 or b[i - 1] == 1 and c[i] == 1",
    "(b[i] == 1 and c[i] == 1) and b[i] == 1",
    "on[i] > 0 and b[i] == 1",
    "on[i] > 0 or c[i] == 1",
    "0 == c[i] and 1 == 1",
    "b[i] == 1 and b[i] == 0",
)
CONCLUSIONS = (
    "x[1] - x[2] >= a[i]",
    "x[1] + x[2] == 2",
    "a[i] <= 2*x[1] - x[3] <= a[i] + 2",
    "x[i] <= 1 + b[1]",
    "a[i] >= 1",
    "x[3] + x[1] <= x[2] <= x[1] + a[i]",
)


@FEW
@given(st.sampled_from(CONDITIONS), st.sampled_from(CONCLUSIONS), arrays(3), arrays(3), arrays(6), st.booleans())
def test_implications_agree_with_enumeration(
    condition: str, conclusion: str, a: np.ndarray, on: np.ndarray, cost: np.ndarray, up: bool
) -> None:
    text = f"""
    param a[1..3]; param on[1..3]; param cost[1..6]
    var b[1..2] binary
    var c[1..2] binary
    var x[1..3] integer in [0, 2]
    {"maximize" if up else "minimize"} sum(cost[i] * b[i] for i in 1..2) + sum(cost[i + 3] * x[i] for i in 1..3) - c[1]
    subject to
      r[i in 1..2]: {condition} => {conclusion}
    """
    instance = bound(text, {"a": a, "on": on, "cost": cost})
    points = ({**one, **two} for one in binaries(("b", 2), ("c", 2)) for two in grids("x", 3, (0.0, 1.0, 2.0)))
    agrees(instance, best_of(instance, points))


def test_a_conjunction_of_two_binaries_is_one_more_binary_and_a_range_two_sided_row() -> None:
    instance = bound(
        """
        var b[1..4] binary
        var x in [0, 9]
        maximize x
        subject to
          r[i in 1..3]: b[i] == 1 and b[i + 1] == 0 => 1 <= x <= 2
          s: b[1] == 1 => x == 3
        """
    )
    form, _ = lowering.lower(instance)
    assert form.shape == (3 + 3 + 1, 4 + 1 + 3)
    assert form.indicators.columns.tolist() == [5, 6, 7, 0]
    rows = form.indicators.rows
    assert form.row_lower[rows].tolist() == [1, 1, 1, 3] and form.row_upper[rows].tolist() == [2, 2, 2, 3]


def test_data_decide_which_rows_there_are() -> None:
    text = """
    param on[1..4] = [0, 1, 1, 0]
    var b[1..4] binary
    var x in [0, 9]
    maximize x
    subject to
      r[i in 1..4]: on[i] == 1 and b[i] == 1 => x <= i
      s[i in 1..4]: on[i] == 1 or b[i] == 1 => x <= i + 5
    """
    form, _ = lowering.lower(bound(text))
    assert form.indicators.columns.tolist() == [1, 2, 0, 3]
    assert form.row_upper.tolist() == [2, 3, 7, 8, 6, 9]
    assert form.shape[1] == 5


# --------------------------------------------------------------------------------------------------------- ordered sets
@FEW
@given(st.sampled_from([1, 2]), arrays(4), arrays(4), st.booleans())
def test_special_ordered_sets_agree_with_enumeration(kind: int, cost: np.ndarray, weight: np.ndarray, up: bool) -> None:
    text = f"""
    param cost[1..4]; param weight[1..4]
    var x[1..4] integer in [-1, 2]
    {"maximize" if up else "minimize"} sum(cost[i] * x[i] for i in 1..4)
    subject to
      s: sos{kind}(x[i] for i in 1..4)
      c: sum(weight[i] * x[i] for i in 1..4) >= 1
    """
    instance = bound(text, {"cost": cost, "weight": weight})
    agrees(instance, best_of(instance, grids("x", 4, (-1.0, 0.0, 1.0, 2.0))))


def test_ordered_sets_of_one_family_have_their_members_in_order() -> None:
    instance = bound(
        """
        set Pairs = {(1, 3), (1, 2), (2, 4), (2, 2), (2, 1), (3, 1)}
        var x[1..4] in [0, 1]
        maximize sum(x[i] for i in 1..4)
        subject to
          s[i in 1..3]: sos1(x[j] for (i, j) in Pairs)
        """
    )
    form, _ = lowering.lower(instance)
    assert form.sets.kinds.tolist() == [1, 1]  # the third has one member, which says nothing
    assert form.sets.starts.tolist() == [0, 2, 5]
    assert form.sets.columns.tolist() == [2, 1, 3, 1, 0]
    assert form.sets.weights.tolist() == [1, 2, 1, 2, 3]


def test_a_decision_that_stands_twice_in_a_set_is_zero() -> None:
    instance = bound("var x[1..2] in [0, 1]\nmaximize x[1]\nsubject to\n  s: sos1(x[1] for i in 1..2)\n")
    agrees(instance, 0.0)


# ---------------------------------------------------------------------------------------------------- complementarity
@FEW
@given(arrays(2, 2), arrays(2), arrays(2), arrays(2), st.booleans())
def test_complementary_pairs_agree_with_their_cases(
    m: np.ndarray, q: np.ndarray, cost: np.ndarray, low: np.ndarray, up: bool
) -> None:
    text = f"""
    param m[1..2, 1..2]; param q[1..2]; param cost[1..2]; param low[1..2]
    var x[1..2] in [-5, 5]
    {"maximize" if up else "minimize"} sum(cost[i] * x[i] for i in 1..2)
    subject to
      pair[i in 1..2]: x[i] >= low[i] complements sum(m[i, j] * x[j] for j in 1..2) <= q[i]
    """
    instance = bound(text, {"m": m, "q": q, "cost": cost, "low": low})
    agrees(instance, _by_cases(m, q, cost, low, up))


def _by_cases(m: np.ndarray, q: np.ndarray, cost: np.ndarray, low: np.ndarray, up: bool) -> float | None:
    """The best of the four linear programs in which one side of each pair is tight."""
    from scipy.optimize import linprog

    found = []
    for tight in itertools.product((True, False), repeat=2):
        bounds = [(lo, lo if t else 5.0) if lo >= -5 else (-5.0, 5.0) for lo, t in zip(low, tight, strict=True)]
        equal = [k for k in range(2) if not tight[k]]
        done = linprog(
            -cost if up else cost,
            A_ub=m,
            b_ub=q,
            A_eq=m[equal] if equal else None,
            b_eq=q[equal] if equal else None,
            bounds=bounds,
        )
        if done.status == 0:
            found.append(float(cost @ done.x))
    return (max if up else min)(found, default=None)


MIXED = """
param lo[1..2]; param hi[1..2]; param m[1..2, 1..2]; param q[1..2]; param cost[1..2]
var x[1..2] integer in [-3, 3]
minimize sum(cost[i] * x[i] for i in 1..2)
subject to
  pair[i in 1..2]: RANGE complements sum(m[i, j] * x[j] for j in 1..2) + q[i]
"""


@FEW
@given(arrays(2), arrays(2), arrays(2, 2), arrays(2), arrays(2), st.sampled_from(["up", "down", "turned"]))
def test_mixed_complementarity_agrees_with_enumeration(
    one: np.ndarray, two: np.ndarray, m: np.ndarray, q: np.ndarray, cost: np.ndarray, way: str
) -> None:
    lo, hi = np.minimum(one, two), np.maximum(one, two)
    if way == "up":
        hi = hi.copy()
        hi[0] = np.inf
    if way == "down":
        lo = lo.copy()
        lo[1] = -np.inf
    form = "hi[i] >= x[i] >= lo[i]" if way == "turned" else "lo[i] <= x[i] <= hi[i]"
    instance = bound(MIXED.replace("RANGE", form), {"lo": lo, "hi": hi, "m": m, "q": q, "cost": cost})
    agrees(instance, best_of(instance, grids("x", 2, tuple(float(v) for v in range(-3, 4)))))


def test_a_side_that_is_a_decision_is_itself_the_member_of_its_pair() -> None:
    instance = bound(
        """
        var x[1..3] in [-1, 5]
        minimize sum(x[i] for i in 1..3)
        subject to
          pair[i in 1..3]: x[i] >= 0 complements sum(x[j] for j in 1..3) - i >= 0
          turned: 0 <= x[1] complements x[2] <= 4
        """
    )
    form, _ = lowering.lower(instance)
    assert form.pairs.first.tolist() == [0, 1, 2, 0]
    assert form.pairs.second.tolist() == [3, 4, 5, 6]
    assert form.lower[:3].tolist() == [0, 0, 0]
    assert form.shape == (4, 7)


def test_a_side_complementary_to_itself_is_zero() -> None:
    agrees(bound("var x in [0, 3]\nmaximize x\nsubject to\n  c: x >= 0 complements x >= 0\n"), 0.0)


# ------------------------------------------------------------------------------------------------------------ choices
CHOICE = """
set Groups = 1..3
set Options = {2, 4, 7}
param size[Groups, Options]; param gain[Options]; param limit
choose z[Groups] from Options
OBJECTIVE
subject to
  budget: sum(size[g, z[g]] for g in Groups) <= limit
  ROW
"""
OBJECTIVES = (
    "maximize sum(gain[z[g]] for g in Groups)",
    "minimize sum(z[g] * gain[z[g]] for g in Groups)",
    "minimize sum((z[g] - 3)^2 for g in Groups) + z[1] * z[2]",
    "minimize sum(size[h, z[g]] * size[g, z[h]] for g in Groups, h in Groups if g < h)",
    "minimize sum((z[g] == z[h]) * size[g, z[h]] for g in Groups, h in Groups if g < h) + gain[z[2]]",
    "maximize sum(exp(0.1 * z[g]) + abs(z[g] - z[1]) for g in Groups)",
    "maximize sum(if g == 2 then gain[z[g]] else -z[g] for g in Groups)",
    "minimize count(z[g] >= 4 for g in Groups) + sum(gain[z[g]] / z[g] for g in Groups)",
)
ROWS = (
    "",
    "one: count(z[g] == 4 for g in Groups) == 1",
    "apart[g in Groups, h in Groups if g < h]: (z[g] == z[h]) == 0",
    "when[g in Groups if g > 1]: z[g] == 2 => z[g - 1] >= 4",
    "not_when: not (z[1] == 2 or z[2] == 7) => z[3] == 7",
    "rising[g in Groups if g > 1]: z[g] >= z[g - 1]",
)


@FEW
@given(st.sampled_from(OBJECTIVES), st.sampled_from(ROWS), arrays(3, 3), arrays(3), st.integers(-8, 8))
def test_choices_agree_with_enumeration(
    objective: str, row: str, size: np.ndarray, gain: np.ndarray, limit: int
) -> None:
    text = CHOICE.replace("OBJECTIVE", objective).replace("ROW", row)
    instance = bound(text, {"size": size, "gain": gain, "limit": limit})
    agrees(instance, best_of(instance, grids("z", 3, (0.0, 1.0, 2.0))))


def test_ragged_choices_over_tuples_agree_with_enumeration() -> None:
    text = """
    set Arcs = {("a", 1), ("b", 2), ("c", 1)}
    set Kinds[n in 1..2] = {k for k in 1..3 if k != n}
    param cost[1..3] = [5, 1, 3]
    choose w[(s, n) in Arcs] from Kinds[n]
    let paid[a in Arcs] = cost[w[a]]
    maximize sum(paid[a] for a in Arcs) + sum(n * w[s, n] for (s, n) in Arcs)
    subject to
      few: sum(w[a] for a in Arcs) <= 6
      when[(s, n) in Arcs if n == 1]: w[s, n] == 3 => w["b", 2] == 1
    """
    instance = bound(text)
    points = ({"w": np.array(p)} for p in itertools.product((1.0, 2.0), (0.0, 2.0), (1.0, 2.0)))
    options = instance.scope.options["w"].members
    at = {float(options.member(k)[0]): float(k) for k in range(options.size)}
    moved = ({"w": np.array([at[float(v) + 1] for v in p["w"]])} for p in points)
    agrees(instance, best_of(instance, moved))


def test_a_look_up_by_two_choices_is_a_quadratic_term() -> None:
    n = 4
    random = np.random.default_rng(0)
    flow, distance = random.integers(0, 5, (n, n)), random.integers(1, 9, (n, n))
    text = f"""
    param flow[1..{n}, 1..{n}]; param dist[1..{n}, 1..{n}]
    choose site[1..{n}] from 1..{n}
    minimize sum(flow[i, j] * dist[site[i], site[j]] for i in 1..{n}, j in 1..{n})
    subject to
      once[s in 1..{n}]: count(site[i] == s for i in 1..{n}) == 1
    """
    instance = bound(text, {"flow": flow, "dist": distance})
    form = form_of(instance).form
    assert isinstance(form, DiscreteForm) and form.shape == (2 * n, n * n)
    assert form.products.count == 0 and len(form.hessian_values) <= n * n * (n * n + 1) // 2
    best = min(
        sum(flow[i, j] * distance[p[i], p[j]] for i in range(n) for j in range(n))
        for p in itertools.permutations(range(n))
    )
    agrees(instance, float(best))


def test_a_start_is_placed_where_its_families_are() -> None:
    lowered = form_of(bound("var x in [0, 9]\nchoose z[1..2] from {3, 5, 8}\nminimize x + z[1] + z[2]\n"))
    places = {part.name: part.offset for part in lowered.form.columns}
    start = columns_from(lowered.form, dict(lowered.extend({"z": np.array([2.0, np.nan])})))
    at = places["z (options)"]
    np.testing.assert_array_equal(start[at : at + 6], [0, 0, 1, np.nan, np.nan, np.nan])
    assert np.isnan(start[places["x"]])
    whole = columns_from(lowered.form, dict(lowered.extend({"x": np.ones(1), "z": np.array([2.0, 1.0])})))
    found = lowered.lift(whole)
    assert found["z"].tolist() == [2, 1] and found["x"].tolist() == [1] and len(found) == 2
    answer = scip.solve(lowered.form, Goal(), scip.Options(), contexts.start(), Start(start))
    assert answer.objective == pytest.approx(6)


def test_answers_are_lifted_a_batch_at_a_time() -> None:
    lowered = form_of(bound("choose z[1..2] from {3, 5}\nvar x in [0, 1]\nminimize x + z[1] + z[2]\n"))
    at = {part.name: part.offset for part in lowered.form.columns}
    x = np.zeros((2, 5))
    x[:, at["z (options)"] : at["z (options)"] + 4] = [[1, 0, 0, 1], [0, 1, 0, 1]]
    x[:, at["x"]] = [0.5, 0.25]
    found = lowered.lift(x)
    assert found["z"].tolist() == [[0, 1], [1, 1]] and found["x"].tolist() == [[0.5], [0.25]]


def test_a_choice_without_options_is_an_error() -> None:
    text = "set Few[i in 1..2] = {k for k in 2..i}\nchoose z[i in 1..2] from Few[i]\nminimize z[2]\n"
    with pytest.raises(DataError):
        form_of(bound(text))


# ------------------------------------------------------------------------------------------------ quadratic, domains
@FEW
@given(arrays(3, 3), arrays(3), arrays(3, 3), st.integers(-3, 9), st.sampled_from(["<=", ">=", "=="]), st.booleans())
def test_quadratic_rows_and_objectives_agree_with_enumeration(
    q: np.ndarray, cost: np.ndarray, r: np.ndarray, limit: int, op: str, up: bool
) -> None:
    text = f"""
    param q[1..3, 1..3]; param cost[1..3]; param r[1..3, 1..3]; param limit
    var x[1..3] integer in [-2, 2]
    {"maximize" if up else "minimize"}
      sum(q[i, j] * x[i] * x[j] for i in 1..3, j in 1..3) + sum(cost[i] * x[i] for i in 1..3) + 1
    subject to
      row: sum(r[i, j] * x[i] * x[j] for i in 1..3, j in 1..3) + x[1] {op} limit
      wide[i in 1..2]: -9 <= 2 * x[i] * x[i + 1] - r[i, 1] * x[i]^2 + 1 <= 4
    """
    instance = bound(text, {"q": q, "cost": cost, "r": r, "limit": limit})
    agrees(instance, best_of(instance, grids("x", 3, (-2.0, -1.0, 0.0, 1.0, 2.0))))


@FEW
@given(arrays(2, 2), arrays(2), st.booleans())
def test_a_nonconvex_quadratic_over_a_box_agrees_with_a_fine_search(q: np.ndarray, cost: np.ndarray, up: bool) -> None:
    text = f"""
    param q[1..2, 1..2]; param cost[1..2]
    var x[1..2] in [-1, 2]
    {"maximize" if up else "minimize"}
      sum(q[i, j] * x[i] * x[j] for i in 1..2, j in 1..2) + sum(cost[i] * x[i] for i in 1..2)
    """
    instance = bound(text, {"q": q, "cost": cost})
    agrees(instance, _box_optimum(q + q.T, cost, up), near=1e-4)


def _box_optimum(hessian: np.ndarray, cost: np.ndarray, up: bool) -> float:
    """Stationary points inside, on the edges, and the corners of ``[-1, 2]^2``."""

    def value(x: np.ndarray) -> float:
        return float(x @ hessian @ x / 2 + cost @ x)

    ends = (-1.0, 2.0)
    points = [np.array(p) for p in itertools.product(ends, ends)]
    for k, end in itertools.product(range(2), ends):
        slope, curve = cost[1 - k] + hessian[1 - k, k] * end, hessian[1 - k, 1 - k]
        if curve:
            point = np.empty(2)
            point[k], point[1 - k] = end, -slope / curve
            points.append(point)
    if abs(np.linalg.det(hessian)) > 1e-9:
        points.append(-np.linalg.solve(hessian, cost))
    inside = [p for p in points if ((p >= -1 - 1e-12) & (p <= 2 + 1e-12)).all()]
    return (max if up else min)(value(p) for p in inside)


def test_products_in_rows_are_merged_and_sorted() -> None:
    instance = bound(
        """
        param zero = 0
        var x[1..3] in [0, 1]
        maximize x[1]
        subject to
          a: x[1] * x[2] + x[2] * x[1] + 3 * x[3]^2 - x[3] * x[3] + zero * x[1] * x[3] <= 1
          b[i in 1..2]: x[i] * x[i + 1] >= 0
        """
    )
    form, _ = lowering.lower(instance)
    found = form.products
    entries = list(zip(found.rows, found.first, found.second, found.values, strict=True))
    assert entries == [(0, 1, 0, 2), (0, 2, 2, 2), (1, 1, 0, 1), (2, 2, 1, 1)]


@pytest.mark.parametrize("ends", [(2, 5), (2, np.inf), (-4, -1), (-5, 6), (-np.inf, -2), (-np.inf, np.inf)])
@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_semicontinuous_decisions_agree_with_their_two_cases(ends: tuple[float, float], sense: str) -> None:
    text = f"""
    param lo; param hi
    var x semicontinuous in [lo, hi]
    {sense} (x - 1)^2
    subject to
      c: -3 <= x <= 7
    """
    instance = bound(text, {"lo": ends[0], "hi": ends[1]})
    low, high = max(ends[0], -3.0), min(ends[1], 7.0)
    cases = [0.0, low, high, *([1.0] if low <= 1 <= high else [])]
    agrees(instance, (min if sense == "minimize" else max)((v - 1) ** 2 for v in cases), near=1e-4)


def test_spins_and_simplices_agree_with_enumeration() -> None:
    text = """
    var s[1..4] spin
    var p[1..2] simplex
    minimize sum(s[i] * s[i + 1] for i in 1..3) - s[4] * s[1] + 2 * p[1] * s[1] - p[2]
    """
    instance = bound(text)
    ends = [np.array([1.0, 0.0]), np.array([0.0, 1.0])]  # linear in p for every s
    points = ({"p": p, **s} for p in ends for s in grids("s", 4, (-1.0, 1.0)))
    agrees(instance, best_of(instance, points))


# ------------------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("var x in [0, 1]\nminimize x^3\n", "power 3"),
        ("var x in [0, 1]\nminimize exp(x)\n", "exp of a decision"),
        ("var x[1..2, 1..2] psd\nminimize x[1, 1]\n", "matrix decision"),
        ("var x in [0, 1]\nminimize x\nlower f {\n  var y in [0, 1]\n  minimize y * x\n}\n", "the block `f`"),
    ],
)
def test_what_has_no_discrete_form_is_refused_by_name(text: str, words: str) -> None:
    instance = bound(text)
    reason = lowering.accepts(instance)
    assert reason is not None and words in reason.message
    with pytest.raises(ValueError, match=words):
        lowering.lower(instance)


def test_a_false_row_is_an_error() -> None:
    text = "param p = 3\nvar x in [0, 1]\nminimize x\nsubject to\n  f[i in 1..4]: p + sum(x for k in 4..i) <= i\n"
    with pytest.raises(DataError, match=r"f\[1\]"):
        lowering.lower(bound(text))


def test_a_switched_row_without_decisions_forbids_its_condition() -> None:
    text = """
    param cap[1..3] = [1, 5, 9]
    var b[1..3] binary
    maximize sum(b[i] for i in 1..3)
    subject to
      c[i in 1..3]: b[i] == 1 => cap[i] >= 4
    """
    form, _ = lowering.lower(bound(text))
    assert form.indicators.count == 0
    agrees(bound(text), 2.0)


def test_the_form_is_made_of_whole_arrays_of_one_length() -> None:
    form, _ = lowering.lower(bound("var x[1..3] in [0, 1]\nmaximize sum(x[i] for i in 1..3)\n"))
    assert isinstance(form, DiscreteForm)
    assert form.shape == (0, 3) and form.starts.tolist() == [0]
    assert form.hessian_starts.tolist() == [0, 0, 0, 0] and not form.switched().any()


def transferred(module: Any, features: set[str]) -> Any:
    return module.transfer(Signature("instance", "", frozenset(features)))


def test_signatures_say_what_the_form_is_made_of() -> None:
    found = transferred(lowering, {"quadratic objective", "complementarity"})
    assert (found.form, found.features) == ("discrete", {"quadratic objective", "complementarity"})
    assert "players" in transferred(lowering, {"player", "choice"})
    assert "kinks" in transferred(lowering, {"piecewise objective"})
    assert transferred(choices_to_binaries, {"integer"}) is None
    assert transferred(choices_to_binaries, {"choice", "player"}).features == {"integer", "player"}


def test_the_planner_finds_the_way_of_a_choice() -> None:
    found = optc.parse("choose z[1..3] from {2, 7}\nmaximize z[1] * z[2] - z[3]\n").bind({}).solve(backend="scip")
    assert (found.status, found.objective) == ("optimal", 47.0)
    assert found.route[-3] == "choices to binaries" and found.route[-1] == "scip"
