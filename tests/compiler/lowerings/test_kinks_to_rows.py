"""Kinks in either direction against enumeration and against their values at single points; refusals; derived bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from enumeration import assert_same_optimum, assert_same_value_at, lowered, solve, solved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optc.compiler.lowerings import kinks_to_rows
from optc.compiler.signature import signature
from optc.compiler.terms.rewriting import narrowed
from optc.dsl.program import Reduce, Relation

SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

HEAD = """
set I = 1..2
param w[I] = [2, -1]
var x {kind} in [-2, 2]
var n {kind} in [0, 2]
var z[I] {kind} in [-1, 1]
let far[i in I] = abs(z[i] - w[i]) + x
"""


def numbers() -> st.SearchStrategy[str]:
    return st.integers(-3, 3).map(lambda k: f"({k})")


def terms(index: str | None = None) -> st.SearchStrategy[str]:
    """Piecewise linear expressions; ``index``: of a set in scope."""
    entries = [f"z[{index}]", f"w[{index}] * z[{index}]", f"far[{index}]"] if index else ["z[1]", "far[2]"]
    leaves = st.one_of(st.sampled_from(["x", "n", *entries]), numbers())

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, inner)
        choices = [
            pairs.map(lambda p: f"({p[0]} + {p[1]})"),
            pairs.map(lambda p: f"({p[0]} - {p[1]})"),
            st.tuples(numbers(), inner).map(lambda p: f"{p[0]} * {p[1]}"),
            inner.map(lambda e: f"abs({e})"),
            pairs.map(lambda p: f"max({p[0]}, {p[1]})"),
            pairs.map(lambda p: f"min({p[0]}, {p[1]})"),
            st.tuples(inner, inner, inner).map(lambda p: f"max({p[0]}, {p[1]}, {p[2]})"),
            st.tuples(inner, st.lists(st.integers(-3, 3), min_size=3, max_size=3)).map(
                lambda p: f"piecewise({p[0]}, [-1, 0, 2], [{', '.join(map(str, p[1]))}])"
            ),
        ]
        if index is None:
            choices.append(
                st.tuples(st.sampled_from(["sum", "max", "min", "norm1", "norminf"]), terms("i")).map(
                    lambda p: f"{p[0]}({p[1]} for i in I)"
                )
            )
        return st.one_of(choices)

    return st.recursive(leaves, grown, max_leaves=4)


@st.composite
def models(draw: Any) -> str:
    sense = draw(st.sampled_from(["minimize", "maximize"]))
    relation = draw(st.sampled_from(["<=", ">=", "=="]))
    objective, row, family = draw(terms()), draw(terms()), draw(terms("i"))
    side = draw(st.integers(-2, 3))
    return (
        f"{HEAD}{sense} goal: {objective} + 0 * x\nsubject to\n"
        f"  c: {row} + 0 * x {relation} {side}\n  d[i in I]: {family} + 0 * x <= {side} + 2\n"
    )


@SOME
@given(models())
def test_any_nesting_has_the_optimum_of_enumeration(text: str) -> None:
    assert_same_optimum(text.replace("{kind}", "integer"), kinks_to_rows)


@SOME
@given(models(), st.lists(st.integers(-8, 8), min_size=4, max_size=4))
def test_the_lowered_model_has_the_value_of_the_original_at_every_point(text: str, at: list[int]) -> None:
    x, n, *z = (k / 4 for k in at)
    point = {"x": np.array([x]), "n": np.array([abs(n)]), "z": np.array(z) / 2}
    assert_same_value_at(text.replace("{kind}", ""), point, kinks_to_rows)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("var x in [-3, 4]\nmaximize abs(x)\n", 4),
        ("var x in [-3, 4]\nminimize min(x, 1 - x)\n", -3),
        ("var x in [-3, 4]\nminimize x\nsubject to\n  c: abs(x - 1) == 2\n", -1),
        ("var x in [-3, 4]\nminimize abs(x)\nsubject to\n  c: abs(x - 1) >= 2.5\n", 1.5),
        ("var x in [-3, 4]\nminimize x\nsubject to\n  c: 1 <= max(x, 2 * x) <= 3\n", 0.5),
        ("param w[1..2] = [1, -1]\nvar x[1..2] in [-3, 4]\nminimize sum(w[i] * abs(x[i]) for i in 1..2)\n", -4),
        ("var x in [-3, 4]\nmaximize norminf(x - k for k in 1..3)\n", 6),
        ("var x in [-3, 4]\nmaximize norm1(x - k for k in 1..3)\n", 15),
        ("var x in [2, 4]\nmaximize abs(x) + norminf(x for k in 1..0)\n", 4),
    ],
)
def test_kinks_the_wrong_way_round(text: str, wanted: float) -> None:
    found = solved(instance_of(program_of(text), {}), kinks_to_rows)
    assert found is not None and found.holds
    assert found.objective == pytest.approx(wanted, abs=1e-6)


def binaries(text: str) -> tuple[int, int]:
    """Binary and continuous columns beyond the original's."""
    instance = instance_of(program_of(text), {})
    form, _, _ = lowered(instance, kinks_to_rows)
    made = form.integer[instance.columns :]
    return int(made.sum()), int((~made).sum())


def test_a_binary_stands_only_where_it_is_needed() -> None:
    assert binaries("var x in [-3, 4]\nminimize abs(x) + max(x, 1, 2 - x)\n") == (0, 2)
    assert binaries("var x in [-3, 4]\nmaximize abs(x)\n") == (1, 1)
    assert binaries("var x in [-3, 4]\nmaximize max(x, 1, 2 - x)\n") == (3, 1)
    assert binaries("var x[1..3] in [-3, 4]\nmaximize max(x[i] for i in 1..3)\n") == (3, 1)
    signs = "param w[1..4] = [1, -2, 0, 3]\nvar x[1..4] in [-3, 4]\nminimize sum(w[i] * abs(x[i]) for i in 1..4)\n"
    assert binaries(signs) == (1, 3), "one for the negative weight; none for the weight 0"


def test_a_term_is_made_once_for_each_row_that_it_depends_on() -> None:
    text = "set I = 1..3\nset J = 1..5\nvar x[I] in [-1, 1]\nmaximize sum(abs(x[i]) * j for i in I, j in J)\n"
    assert binaries(text) == (3, 3)
    shared = (
        "set I = 1..3\nvar x[I] in [-1, 1]\nlet size[i in I] = abs(x[i])\nminimize sum(size[i] for i in I)\n"
        "subject to\n  c: sum(size[i] for i in I if i > 1) <= 3\n  d[i in I]: size[i] <= 1\n"
    )
    assert binaries(shared) == (0, 3)


def test_pieces_that_cannot_be_the_largest_take_no_part() -> None:
    text = "var x >= 0\nvar y in [0, 1]\nmaximize y - x\nsubject to\n  c: max(x + 2, y, 1 - x) >= 2.5\n"
    found = solved(instance_of(program_of(text), {}), kinks_to_rows)
    assert found is not None and found.objective == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "named", "side"),
    [
        ("var x >= 0\nmaximize abs(x - 2)\n", "`x`", "upper"),
        (
            "var x[1..3] >= 0\nmaximize sum(abs(x[i] - i) for i in 1..3)\nsubject to\n  c: x[1] + x[2] <= 4\n",
            "`x[3]`",
            "upper",
        ),
        ("var x <= 0\nvar y in [0, 1]\nminimize y\nsubject to\n  c: max(x, y, 0.5) >= 1\n", "", ""),
        ("var x <= 0\nvar y in [-9, 1]\nminimize min(y, -2 * x)\n", "`x`", "lower"),
        ("var x\nvar y in [0, 1]\nminimize y\nsubject to\n  c: y == abs(x)\n", "`x`", "lower"),
        ("var x[1..2] >= 0\nmaximize max(x[i] for i in 1..2)\n", "`x[1]`", "upper"),
    ],
)
def test_a_decision_without_a_bound_is_named(text: str, named: str, side: str) -> None:
    refusal = kinks_to_rows.accepts(instance_of(program_of(text), {}))
    if not named:
        assert refusal is None, "the piece without a bound is never the largest"
        return
    assert refusal is not None and refusal.code.id == "E0613" and refusal.place is not None
    assert named in refusal.message and f"no {side} bound" in refusal.message
    with pytest.raises(ValueError, match="needs binaries"):
        kinks_to_rows.lower(instance_of(program_of(text), {}))


def test_bounds_come_from_the_rows_and_say_so() -> None:
    text = "var x >= 0\nvar y >= 0\nmaximize abs(x - 2)\nsubject to\n  cap: 2 * x + y <= 7\n"
    _, inverse = kinks_to_rows.lower(instance_of(program_of(text), {}))
    assert [b.text() for b in inverse.bounds] == [
        "objective: abs choice 1: 4 for x - 2, from the bounds of x, row cap",
        "objective: abs choice 2: 3 for x - 2, from the bounds of x, row cap",
    ]


@SOME
@given(
    st.lists(st.integers(-3, 3), min_size=6, max_size=6),
    st.integers(-4, 8),
    st.integers(-4, 8),
    st.lists(st.integers(-3, 3), min_size=3, max_size=3),
)
def test_a_derived_constant_is_at_least_what_the_relaxation_reaches(
    entries: list[int], first: int, second: int, weights: list[int]
) -> None:
    a, b, c = (f"({k})" for k in weights)
    body = f"""
    subject to
      r: {entries[0]} * x + {entries[1]} * y + {entries[2]} * v <= {first}
      s: {entries[3]} * x + {entries[4]} * y + {entries[5]} * v >= -{abs(second)}
    """
    head = "var x in [-4, 5]\nvar y in [0, 3]\nvar v in [-2, 2]\n"
    term = f"{a} * x + {b} * y + {c} * v"
    ends = []
    for sense in ("minimize", "maximize"):
        instance = instance_of(program_of(f"{head}{sense} {term} + 0 * x{body}"), {})
        form, _, _ = lowered(instance)
        answer = solve(form)
        if answer.claim == "infeasible":
            return
        ends.append(answer.objective)
    low, high = ends
    _, inverse = kinks_to_rows.lower(instance_of(program_of(f"{head}maximize abs({term} + 0 * x){body}"), {}))
    constants = {b.row: float(b.values[0]) for b in inverse.bounds}
    for row, needed in (("objective: abs choice 1", -2 * low), ("objective: abs choice 2", 2 * high)):
        assert row not in constants or constants[row] >= needed - 1e-6
        # A piece without a row is never the larger one.
        assert row in constants or (low >= -1e-6 if row.endswith("2") else high <= 1e-6)


def test_rows_that_data_leave_out_need_no_bound_and_no_value() -> None:
    text = """
    set I = 1..3
    param t[I] = [2, 0, 4]
    param hi[I] = [3, inf, 5]
    var x[i in I] in [0, hi[i]]
    maximize sum(if t[i] > 0 then abs(x[i] / t[i] - 1) else -x[i] for i in I)
    """
    found = solved(instance_of(program_of(text), {}), kinks_to_rows)
    assert found is not None and found.holds
    assert found.objective == pytest.approx(2.0)


def test_the_answer_is_the_same_when_data_and_sense_are_turned_round() -> None:
    text = (
        "param s\nvar x[1..3] in [-1, 2]\n{sense} s * (max(x[i] - i for i in 1..3) - abs(x[1] + x[2]) + min(x[1], 0))\n"
    )
    low = solved(instance_of(program_of(text.format(sense="minimize")), {"s": 1}), kinks_to_rows)
    high = solved(instance_of(program_of(text.format(sense="maximize")), {"s": -1}), kinks_to_rows)
    assert low is not None and high is not None and low.holds and high.holds
    assert low.objective == pytest.approx(-(high.objective or 0.0))


def test_constants_follow_the_data_after_an_update() -> None:
    text = "param top\nvar x in [-1, top]\nmaximize abs(x)\n"
    instance = instance_of(program_of(text), {"top": 2})
    for top in (2, 5):
        instance = instance.update(top=top)
        _, inverse = kinks_to_rows.lower(instance)
        assert [b.values.tolist() for b in inverse.bounds] == [[2.0], [2.0 * top]]
        found = solved(instance, kinks_to_rows)
        assert found is not None and found.objective == pytest.approx(top)


def test_both_sides_of_a_complementarity_hold_exactly() -> None:
    text = "var x in [-3, 3]\nmaximize x\nsubject to\n  c: abs(x) - 1 >= 0 complements 3 - max(x, 1) >= 0\n"
    low, inverse = kinks_to_rows.lower(instance_of(program_of(text), {}))
    assert [f.domain for f in low.families if f.name != "x"] == ["real", "binary", "real", "binary"]
    for x in (-2.0, 1.5):
        point = kinks_to_rows.extend({"x": np.array([x])}, inverse)
        assert point["c: abs"].tolist() == [abs(x)] and point["c: max"].tolist() == [max(x, 1)]


def test_an_empty_set_has_no_largest_member() -> None:
    text = "set I = {i for i in 1..3 if i > 3}\nvar x in [0, 1]\nmaximize max(x * i for i in I)\n"
    refusal = kinks_to_rows.accepts(instance_of(program_of(text), {}))
    assert refusal is not None and "empty set" in refusal.message


def test_a_point_is_extended_to_one_of_the_lowered_instance() -> None:
    text = "var x[1..3] in [-3, 4]\nmaximize sum(abs(x[i]) for i in 1..3) - piecewise(x[1], [0, 1, 2], [0, 2, 3])\n"
    instance = instance_of(program_of(text), {})
    low, inverse = kinks_to_rows.lower(instance)
    point = kinks_to_rows.extend({"x": np.array([-2.0, 0.5, 3.0])}, inverse)
    assert set(point) == {f.name for f in low.families}
    for family in low.families:
        assert (point[family.name] >= family.lower).all() and (point[family.name] <= family.upper).all()
    for row in low.constraints:
        assert isinstance(row.symbol.body, Relation)
        left, right = (low.values(t, point, row.layout) for t in row.symbol.body.terms)
        slack = {"le": right - left, "ge": left - right, "eq": -abs(left - right)}[row.symbol.body.ops[0]]
        assert (slack >= -1e-9).all(), row.name
    assert kinks_to_rows.lift(point, inverse).keys() == {"x"}


def test_signatures() -> None:
    kinked = signature(program_of("var x in [0, 1]\nmaximize abs(x)\n"))
    after = kinks_to_rows.transfer(kinked)
    assert not isinstance(after, str) and after is not None and after.features == {"integer"}
    assert kinks_to_rows.transfer(after) is None
    follower = "var x in [0, 1]\nminimize abs(x) + y\nlower f {\n  var y in [0, 1]\n  minimize y\n}\n"
    assert "lower level" in str(kinks_to_rows.transfer(signature(program_of(follower))))


def test_a_space_is_narrowed_to_what_a_term_depends_on() -> None:
    text = """
    set I = 1..3
    set S[i in I] = 1..i
    var x[I] in [0, 1]
    minimize sum(x[i] for i in I, j in 1..4, k in S[i] if j > 2)
    """
    objective = program_of(text).root.objective
    assert objective is not None and isinstance(objective.expression, Reduce)
    space = objective.expression.space
    small = narrowed(space, objective.expression.body)
    assert [v.name for v in small.indices] == ["i", "k"], "k decides which i there are; j does not"
    assert small.condition is None


INDEXED = """
set V = {"a", "b", "c"}
set A within V * V = {("a", "b"), ("b", "c"), ("a", "c"), ("c", "a")}
set T = 1..3
set S[t in T] = 1..t
param cap[A] = [2, 1, -1, 3]
param h[t in T] = t - 2
var f[A] integer in [-1, 1]
var p[V] integer in [0, 1]
let gap[(i, j) in A] = abs(p[i] - p[j] + f[i, j])
let pull[a in A] = max(f[a], cap[a] * f[a] - 1)
minimize goal: {objective}
subject to
  c: {row}
"""


@pytest.mark.parametrize(
    ("objective", "row"),
    [
        ("sum(gap[i, j] * cap[i, j] for (i, j) in A)", "sum(pull[a] for a in A) >= 1"),
        ("sum(h[t] * max(f[i, j] + k for (i, j) in A, k in S[t]) for t in T)", "sum(gap[a] for a in A) == 4"),
        (
            'sum(max(gap[i, j] - pull[i, j] for (k, j) in A if k == i) for i in V if i != "b")',
            "norm1(f[a] for a in A) >= 2",
        ),
        ("-sum(min(f[i, j] for (i, j) in A) for i in V) - max(p[v] for v in V)", "max(gap[a] for a in A) <= 1"),
        (
            "sum(abs(sum(f[i, j] for (i, j) in A) - h[t]) * h[t] for t in T)",
            "2 >= norminf(f[i, j] * cap[i, j] for (i, j) in A) >= 1",
        ),
        (
            "sum(if h[t] > 0 then max(p[v] + t for v in V) else min(p[v] * t for v in V) for t in T)",
            "sum(pull[a] for a in A) <= 2",
        ),
    ],
)
@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_tuple_sets_ragged_sets_filters_and_named_expressions(objective: str, row: str, sense: str) -> None:
    text = INDEXED.replace("{objective}", objective).replace("{row}", row).replace("minimize", sense)
    assert_same_optimum(text, kinks_to_rows)
