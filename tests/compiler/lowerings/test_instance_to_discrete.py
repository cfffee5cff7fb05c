"""Discrete models against enumeration, and the reasons for which there is no form."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from discrete_answers import FEW, agrees, arrays, best_of, binaries, bound, grids
from hypothesis import given
from hypothesis import strategies as st

from optc.compiler.data.errors import DataError
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.lowerings import instance_to_discrete as lowering
from optc.compiler.signature import Signature

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


def transferred(features: set[str]) -> Any:
    return lowering.transfer(Signature("instance", "", frozenset(features)))


def test_signatures_say_what_the_form_is_made_of() -> None:
    found = transferred({"quadratic objective", "complementarity"})
    assert (found.form, found.features) == ("discrete", {"quadratic objective", "complementarity"})
    assert "players" in transferred({"player", "choice"})
    assert "kinks" in transferred({"piecewise objective"})
