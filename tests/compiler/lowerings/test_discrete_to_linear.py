"""Big-M from derived bounds: against enumeration, and each constant against the largest value of what it bounds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from discrete_answers import FEW, arrays, best_of, binaries, bound, form_of, grids
from hypothesis import given
from hypothesis import strategies as st

import optc
from optc.backends import highs
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.data.errors import DataError
from optc.compiler.facts.form_bounds import column_bounds, largest, terms_of
from optc.compiler.forms.discrete import DiscreteForm, RowProducts
from optc.compiler.forms.linear import LinearForm
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import discrete_to_linear as lowering
from optc.compiler.signature import Signature
from optc.compiler.verify.report import judge


def agrees(instance: Instance, wanted: float | None, near: float = 1e-5) -> None:
    """The optimum by HiGHS on the big-M rows, judged on the model as written, is the one that is wanted."""
    lowered = form_of(instance)
    assert isinstance(lowered.form, DiscreteForm)
    reason = lowering.accepts(lowered.form)
    assert reason is None, reason
    form, inverse = lowering.lower(lowered.form)
    assert type(form) is LinearForm
    answer = highs.solve(form, Goal(gap=1e-9), highs.Options(), contexts.start(), None)
    if wanted is None:
        assert answer.claim == "infeasible", answer
        return
    assert answer.claim == "optimal" and answer.x is not None, answer
    point = dict(lowered.lift(lowering.lift(answer.x, inverse)))
    for family in instance.families:
        if family.integer:
            point[family.name] = np.rint(point[family.name])
    report = judge(instance, point, 1e-5)
    assert report.holds, report
    assert report.objective == pytest.approx(wanted, abs=near, rel=near)
    assert answer.bound == pytest.approx(wanted, abs=near, rel=near)


# ------------------------------------------------------------------------------------------------- by enumeration
CONDITIONS = ("b[i] == 1", "b[i] == 0", "b[i] == 1 and b[3 - i] == 0", "b[1] == 1 or b[2] == 0", "i > 1 and b[i] == 1")
CONCLUSIONS = (
    "x[1] - x[2] >= a[i]",
    "x[1] + 2 * x[2] == 2",
    "a[i] <= 2*x[1] - x[3] <= a[i] + 2",
    "x[i] <= 1 + 2 * b[1]",
    "x[3] + x[1] <= x[2] <= x[1] + a[i]",
)


@FEW
@given(st.sampled_from(CONDITIONS), st.sampled_from(CONCLUSIONS), arrays(3), arrays(5), st.booleans())
def test_implications_agree_with_enumeration(
    condition: str, conclusion: str, a: np.ndarray, cost: np.ndarray, up: bool
) -> None:
    text = f"""
    param a[1..3]; param cost[1..5]
    var b[1..2] binary
    var x[1..3] integer in [0, 2]
    {"maximize" if up else "minimize"} sum(cost[i] * b[i] for i in 1..2) + sum(cost[i + 2] * x[i] for i in 1..3)
    subject to
      always: x[1] + x[2] <= 3
      r[i in 1..2]: {condition} => {conclusion}
    """
    instance = bound(text, {"a": a, "cost": cost})
    points = ({**one, **two} for one in binaries(("b", 2)) for two in grids("x", 3, (0.0, 1.0, 2.0)))
    agrees(instance, best_of(instance, points))


@FEW
@given(st.sampled_from([1, 2]), arrays(5), arrays(5), st.booleans())
def test_ordered_sets_that_share_members_agree_with_enumeration(
    kind: int, cost: np.ndarray, weight: np.ndarray, up: bool
) -> None:
    text = f"""
    param cost[1..5]; param weight[1..5]
    var x[1..4] integer in [-1, 1]
    {"maximize" if up else "minimize"} sum(cost[i] * x[i] for i in 1..4)
    subject to
      s[k in 1..2]: sos{kind}(x[i] for i in k..k+2)
      c: sum(weight[i] * x[i] for i in 1..4) >= weight[5]
    """
    instance = bound(text, {"cost": cost, "weight": weight})
    points = grids("x", 4, (-1.0, 0.0, 1.0))
    agrees(instance, best_of(instance, points))


@FEW
@given(arrays(6), arrays(6))
def test_sets_of_binaries_need_no_more_binaries(cost: np.ndarray, weight: np.ndarray) -> None:
    text = """
    param cost[1..6]; param weight[1..6]
    var b[1..6] binary
    maximize sum(cost[i] * b[i] for i in 1..6)
    subject to
      s[k in 1..2]: sos1(b[i] for i in (3 * k - 2)..(3 * k))
      c: sum(weight[i] * b[i] for i in 1..6) <= 3
    """
    instance = bound(text, {"cost": cost, "weight": weight})
    form = form_of(instance).form
    assert lowering.lower(form)[0].shape[1] == 6  # type: ignore[arg-type]
    agrees(instance, best_of(instance, binaries(("b", 6))))


@FEW
@given(arrays(2, 2), arrays(2), arrays(2), arrays(2), st.booleans())
def test_complementary_pairs_agree_with_enumeration(
    m: np.ndarray, q: np.ndarray, cost: np.ndarray, low: np.ndarray, up: bool
) -> None:
    text = f"""
    param m[1..2, 1..2]; param q[1..2]; param cost[1..2]; param low[1..2]
    var x[1..2] integer in [-2, 3]
    var b binary
    {"maximize" if up else "minimize"} sum(cost[i] * x[i] for i in 1..2) - b
    subject to
      pair[i in 1..2]: x[i] >= low[i] complements sum(m[i, j] * x[j] for j in 1..2) <= q[i]
      mixed: -1 <= x[1] <= 2 complements x[2] - 1
      own: b >= 0 complements x[1] + 2 >= 0
    """
    instance = bound(text, {"m": m, "q": q, "cost": cost, "low": low})
    values = tuple(float(v) for v in range(-2, 4))
    points = ({**one, **two} for one in binaries(("b", 1)) for two in grids("x", 2, values))
    agrees(instance, best_of(instance, points))


def test_semicontinuous_decisions_whose_bound_is_only_derived() -> None:
    text = """
    param most
    var s[1..2] semicontinuous in [2, most]
    var y >= 0
    maximize 3 * y - s[1] - 2 * s[2]
    subject to
      c: y <= s[1] + s[2]
      d[i in 1..2]: s[i] <= 5 * i
    """
    problem = optc.parse(text).bind(most=np.inf)
    found = problem.solve(backend="highs")
    assert found.route == ("mixed-integer linear", "discrete", "linear", "highs")
    assert (found.status, found.objective) == ("optimal", pytest.approx(2 * 5 + 10))
    assert "a switched row: 10 for s[2], from row d[1], row d[2]" in str(problem.explain("highs"))
    assert problem.solve(backend="scip").objective == pytest.approx(20)


def test_a_declared_semicontinuous_bound_is_told_as_the_constant_it_is() -> None:
    text = "var s[1..2] semicontinuous in [2, 9]\nmaximize s[1] - s[2]\nsubject to\n  c: s[1] + s[2] <= 7\n"
    told = "s[1]: {} for s where it is not zero, from {}"
    assert told.format(9, "the bounds of s") in str(optc.parse(text).bind().explain())
    within_set = str(optc.parse(text + "  r: sos1(s[i] for i in 1..2)\n").bind().explain("highs"))
    assert told.format(9, "the bounds of s") in within_set and told.format(7, "row c") in within_set


def test_rows_that_contradict_each_other_are_infeasible_also_without_bounds() -> None:
    text = """
    var b binary
    var x in [0, 4]
    var y >= 0
    maximize y
    subject to
      c: x >= 5
      r: b == 1 => y <= 3
    """
    assert optc.parse(text).bind().solve(backend="highs").status == "infeasible"


# ----------------------------------------------------------------------------------------- the constants themselves
def relaxed(form: DiscreteForm) -> LinearForm:
    """The linear rows that always hold, with the columns' bounds and without whole numbers."""
    always = ~form.switched()
    return LinearForm(
        "maximize",
        np.zeros(form.shape[1]),
        0.0,
        form.starts,
        form.indices,
        form.values,
        np.where(always, form.row_lower, -np.inf),
        np.where(always, form.row_upper, np.inf),
        form.lower,
        form.upper,
        np.zeros(form.shape[1], dtype=np.bool_),
    )


def most_of(form: LinearForm, cost: np.ndarray) -> float:
    answer = highs.solve(replace(form, cost=cost), Goal(), highs.Options(), contexts.start(), None)
    assert answer.claim == "optimal" and answer.objective is not None, answer
    return answer.objective


def constants(source: DiscreteForm) -> Iterator[tuple[int, int, int, int, float]]:
    """For each big-M'd end: source row, sign (1 upper, -1 lower end), binary, its value, M: read off the rows made."""
    target, _ = lowering.lower(source)
    dense = np.zeros(target.shape)
    owner = np.repeat(np.arange(target.shape[0]), np.diff(target.starts))
    dense[owner, target.indices] = target.values
    before = np.zeros(source.shape)
    before[np.repeat(np.arange(source.shape[0]), np.diff(source.starts)), source.indices] = source.values
    extra = iter(range(source.shape[0], target.shape[0]))
    each = source.indicators
    where = {int(r): (int(c), int(v)) for r, c, v in zip(each.rows, each.columns, each.values, strict=True)}
    ends = [(row, 1 if np.isfinite(source.row_upper[row]) else -1, row) for row in where]
    two = [r for r in sorted(where) if np.isfinite(source.row_lower[r]) and np.isfinite(source.row_upper[r])]
    ends += [(row, -1, next(extra)) for row in two]
    for row, sign, at in ends:
        column, value = where[row]
        shift = dense[at, column] - before[row, column]
        size = sign * (shift if value == 1 else -shift)
        end = source.row_upper[row] if sign > 0 else source.row_lower[row]
        got = target.row_upper[at] if sign > 0 else target.row_lower[at]
        assert got == pytest.approx(end + sign * size * (value == 1)), "the end that goes with the coefficient"
        yield row, sign, column, value, size


@FEW
@given(arrays(4, 3), arrays(4), arrays(3, 3), st.integers(2, 9), st.booleans())
def test_every_constant_is_valid_and_as_tight_as_its_interval(
    a: np.ndarray, u: np.ndarray, w: np.ndarray, cap: int, chain: bool
) -> None:
    text = f"""
    param a[1..4, 1..3]; param u[1..4]; param w[1..3, 1..3]
    var b[1..4] binary
    var x[1..3] in [-3, 7.25]
    maximize sum(x[i] for i in 1..3) - sum(b[k] for k in 1..4)
    subject to
      cap: x[1] + 0.3 * x[2] <= {cap}
      {"chain: x[3] <= x[2] - 0.7 * x[1] + b[2]" if chain else ""}
      w[k in 1..3]: sum((w[k, i] / 3) * x[i] for i in 1..3) <= 4
      up[k in 1..2]: b[k] == 1 => sum(a[k, i] * x[i] for i in 1..3) + 2 * b[k] <= u[k] + 0.1
      eq[k in 3..4]: b[k] == 0 => sum(a[k, i] * x[i] for i in 1..3) == u[k]
    """.replace("w[k in 1..3]:", "ws[k in 1..3]:")
    form = form_of(bound(text, {"a": a, "u": u, "w": w})).form
    assert isinstance(form, DiscreteForm)
    ends = column_bounds(form)
    relaxation = relaxed(form)
    if highs.solve(relaxation, Goal(), highs.Options(), contexts.start(), None).claim == "infeasible":
        return  # whatever holds, holds everywhere
    for j, sign in itertools.product(range(form.shape[1]), (1.0, -1.0)):
        cost = np.zeros(form.shape[1])
        cost[j] = sign
        edge = ends.upper[j] if sign > 0 else -ends.lower[j]
        assert most_of(relaxation, cost) <= edge + 1e-6, "the columns' bounds hold"
    for row, sign, column, value, size in constants(form):
        cost = np.zeros(form.shape[1])
        own = slice(form.starts[row], form.starts[row + 1])
        cost[form.indices[own]] = sign * form.values[own]
        lower, upper = form.lower.copy(), form.upper.copy()
        lower[column] = upper[column] = 1 - value
        end = sign * (form.row_upper[row] if sign > 0 else form.row_lower[row])
        inner = replace(relaxation, lower=lower, upper=upper)
        if highs.solve(inner, Goal(), highs.Options(), contexts.start(), None).claim != "infeasible":
            assert most_of(inner, cost) <= end + size + 1e-6, "the constant lets every point pass"
        low, high = ends.lower.copy(), ends.upper.copy()
        low[column] = high[column] = 1 - value
        terms = terms_of(form, np.array([row]))
        flipped = replace(terms, value=sign * terms.value)
        reach = float(largest(flipped, low[terms.column], high[terms.column])[0])
        assert size == pytest.approx(max(0.0, reach - end), abs=1e-9), "and is no larger than the interval asks"


def test_whole_numbers_give_whole_constants_and_rows_that_hold_anyway_get_none() -> None:
    form = form_of(
        bound(
            """
            var b[1..3] binary
            var x in [0, 10]
            var y >= 0
            maximize x + y
            subject to
              cap: x + y <= 12
              one: b[1] == 1 => x + y <= 5
              two: b[2] == 0 => 2 * x - y == 3
              three: b[3] == 1 => x <= 11
              four: b[3] == 1 => x + 4 * b[3] <= 9
            """
        )
    ).form
    assert isinstance(form, DiscreteForm)
    sizes = {(row, sign): size for row, sign, _, _, size in constants(form)}
    assert sizes == {(1, 1): 17.0, (2, 1): 17.0, (2, -1): 15.0, (3, 1): 0.0, (4, 1): 1.0}


def test_the_constant_shown_is_the_one_in_the_row_with_what_it_comes_from() -> None:
    text = """
    set I = {"a", "b"}
    param most[I] = {"a": 4, "b": 9}
    var on[I] binary
    var x[I] >= 0
    maximize sum(x[i] - 3 * on[i] for i in I)
    subject to
      cap[i in I]: x[i] <= most[i]
      off[i in I]: on[i] == 0 => x[i] <= 0
    """
    problem = optc.parse(text).bind()
    found = problem.explain("highs")
    assert 'off["b"]: 9 for x["b"], from row cap["a"], row cap["b"]' in str(found)
    (told,) = found.to_dict()["derived_bounds"]
    assert told["family"] == "off" and told["value"] == 9.0
    assert problem.solve(backend="highs").objective == pytest.approx(problem.solve(backend="scip").objective)


# ---------------------------------------------------------------------------------------------------------- refusals
def refusal(text: str, **data: Any) -> str:
    solution = optc.parse(text).bind(**data).solve(backend="highs")
    assert solution.status == "failed" and solution.termination == "no route"
    (diagnostic,) = (d for d in solution.diagnostics if d.severity == "error")
    return diagnostic.message + " " + " ".join(h.text for h in diagnostic.hints)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "var b binary\nvar x[1..2] >= 0\nmaximize b - x[1]\nsubject to\n  r[i in 1..2]: b == 1 => x[i] <= i\n",
            ("`r[1]`", "`x[1]`", "no upper bound"),
        ),
        (
            "var b binary\nvar x in [0, 1]\nvar y <= 3\nmaximize y\nsubject to\n  r: b == 0 => x - y <= 1\n",
            ("`r`", "`y`", "no lower bound"),
        ),
        (
            "var x[1..3] >= 0\nmaximize x[1]\nsubject to\n  s: sos1(x[i] for i in 1..3)\n  c: x[1] + x[2] <= 4\n",
            ("`x[3]`", "no upper bound"),
        ),
        (
            "var b binary\nvar x in [0, 1e9]\nmaximize x\nsubject to\n  r: b == 1 => x <= 1\n",
            ("`r`", "1e+09", "upper bound of `x`"),
        ),
    ],
)
def test_without_a_bound_the_refusal_names_the_row_and_the_decision(text: str, words: tuple[str, ...]) -> None:
    told = refusal(text)
    for word in words:
        assert word in told, told
    assert optc.parse(text).bind().solve().route[-1] == "scip"


def test_a_slack_without_a_bound_names_the_decision_behind_it() -> None:
    form = form_of(
        bound("var x in [0, 4]\nvar y in [0, inf]\nmaximize x - y\nsubject to\n  p: x >= 0 complements 3 + y >= 0\n")
    ).form
    assert isinstance(form, DiscreteForm)
    reason = lowering.accepts(form)
    assert reason is not None and "`y`, which has no upper bound" in reason.message
    with pytest.raises(ValueError, match="no upper bound"):
        lowering.lower(form)


def test_products_and_squares_are_left_to_others() -> None:
    base = form_of(bound("var b binary\nvar x in [0, 4]\nmaximize x\nsubject to\n  r: b == 1 => x <= 1\n")).form
    assert isinstance(base, DiscreteForm)
    one = np.zeros(1, dtype=np.int32)
    held = replace(base, products=RowProducts(one, one, one, np.ones(1)))
    assert "a product in a row" in (lowering.accepts(held) or SilentRefusal).message  # type: ignore[union-attr]
    curved = replace(base, hessian_starts=np.array([0, 1, 1]), hessian_indices=one, hessian_values=np.ones(1))
    assert "a square" in (lowering.accepts(curved) or SilentRefusal).message  # type: ignore[union-attr]
    squares = Signature("discrete", "", frozenset({"integer", "indicator", "quadratic objective"}))
    assert lowering.transfer(squares) == "its objective is quadratic"
    assert lowering.transfer(Signature("discrete", "", frozenset({"integer"}))) is None
    linear = Signature("discrete", "", frozenset({"binary", "indicator"}))
    assert lowering.transfer(linear) == Signature("linear", "", frozenset({"integer"}))


class SilentRefusal:
    message = ""


def test_a_binary_that_is_fixed_needs_no_constant() -> None:
    text = """
    var b[1..2] binary
    var x >= 0
    var y >= 0
    minimize x - y
    subject to
      on: b[1] >= 1
      off: b[2] <= 0
      held: b[1] == 1 => y <= 3 + x
      idle: b[2] == 1 => y <= 1
      most: x <= 5
    """
    assert optc.parse(text).bind().solve(backend="highs").objective == pytest.approx(-3)


def test_wrong_data_are_told_before() -> None:
    with pytest.raises(DataError):
        bound("param u\nvar b binary\nvar x\nminimize x\nsubject to\n  r: b == 1 => x >= u\n")


@pytest.mark.parametrize(
    ("rows", "words"),
    [("a: x + y <= 8", "`the pair of y` needs"), ("a: x + y <= 8\n    b: 2*x + y <= 9", "`the pair of y` needs")],
)
def test_the_pair_of_an_unbounded_multiplier_is_named(rows: str, words: str) -> None:
    text = "var x in [0, 10]\nminimize x + y\nlower f {\n  var y in [0, 5]\n  minimize -y\n  subject to\n    ROWS\n}\n"
    solution = optc.parse(text.replace("ROWS", rows)).bind({}).solve(backend="highs")
    assert solution.termination == "no route"
    reason = " ".join(each.message for each in solution.diagnostics)
    assert words in reason and "lowered problem" not in reason and "dual(f.a)" in reason
