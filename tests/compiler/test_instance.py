"""Building an instance: checks, bounds, starts; and updating it: the same answer as from scratch, less work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from hypothesis import given, settings
from hypothesis import strategies as st

import optc
from optc.compiler.data.errors import DataError
from optc.compiler.evaluation import sets
from optc.compiler.extraction import assembly
from optc.compiler.forms.linear import LinearForm
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import instance_to_linear, instance_to_quadratic


def build(text: str, **data: Any) -> Instance:
    return instance_of(program_of(text), data)


def faults(text: str, **data: Any) -> list[tuple[str, str]]:
    with pytest.raises(DataError) as raised:
        build(text, **data)
    return [(d.code.id, d.message) for d in raised.value.diagnostics]


# ----------------------------------------------------------------------------------------------------- what is refused
def test_all_independent_mistakes_are_reported_in_one_run() -> None:
    found = faults(
        """
set N
set A within N * N
param c[N] >= 0
param r[n in N] = 1 / c[n]
param s[n in N] = r[n] + 1
var x[n in N] in [c[n], 3]
var y integer in [c["a"] + 0.2, 0.8]
satisfy
""",
        N=["a", "b"],
        A=[("a", "z")],
        c={("a",): 0, ("b",): 5},
    )
    codes = [code for code, _ in found]
    assert codes == ["E0801", "E0551", "E0805", "E0805"], found
    assert found[2][1] == 'the bounds of x["b"] cross: 5 is above 3'
    assert found[3][1] == "the bounds of y cross: 1 is above 0"


def test_a_broken_check_names_entry_and_value() -> None:
    ((code, message),) = faults("set N\nparam c[N] >= 0\nsatisfy\n", N=["a", "b"], c={("a",): 1, ("b",): -2})
    assert code == "E0552" and 'c["b"]' in message and "-2" in message


def test_a_check_against_other_data() -> None:
    text = "set N\nparam lo[N]\nparam hi[n in N] >= lo[n]\nsatisfy\n"
    ((code, message),) = faults(text, N=["a"], lo={("a",): 3}, hi={("a",): 2})
    assert code == "E0552" and 'hi["a"]' in message


def test_sets_of_text_are_types_once_the_members_are_known() -> None:
    text = "set A\nset B\nparam p[B]\nvar x[A] >= 0\nminimize sum(p[a] * x[a] for a in A)\n"
    ((code, message),) = faults(text, A=["u"], B=["u"], p={("u",): 1})
    assert code == "E0806" and "A" in message and "B" in message
    assert build(text, A=[1, 2], B=[1, 2, 3], p={(k,): k for k in (1, 2, 3)}).columns == 2


def test_a_row_without_decisions_that_is_false() -> None:
    text = """
set N
set A within N * N
param d[N]
var f[A] >= 0
minimize sum(f[i, j] for (i, j) in A)
subject to
  need[n in N]: sum(f[i, n] for (i, n) in A) >= d[n]
"""
    instance = build(text, N=["a", "b"], A=[("a", "b")], d={("a",): 2, ("b",): 1})
    with pytest.raises(DataError) as raised:
        instance_to_linear.lower(instance)
    (found,) = raised.value.diagnostics
    assert (found.code.id, found.message) == (
        "E0807",
        'need["a"] holds no decision, and its numbers miss the relation by 2',
    )
    instance_to_linear.lower(build(text, N=["a", "b"], A=[("a", "b")], d={("a",): 0, ("b",): 1}))


def test_bounds_that_no_number_meets() -> None:
    text = "param u default inf\nvar x in [u, inf]\nminimize x\n"
    assert faults(text) == [("E0816", "x is asked to be at least inf, which no number is")]
    instance = build(
        "set I = 1..2\nparam u[i in I] default -inf\nvar x[I]\nsatisfy\nsubject to\n c[i in I]: x[i] <= u[i]\n"
    )
    with pytest.raises(DataError) as raised:
        instance_to_linear.lower(instance)
    assert [d.message for d in raised.value.diagnostics] == ["c[1] is asked to be at most -inf, which no number is"]


def test_ranges_have_whole_ends() -> None:
    ((code, message),) = faults("param h = 7.5\nset T = 1..h\nsatisfy\n")
    assert (code, message) == ("E0809", "the range `1..h` has the end 7.5 in T, which is not a whole number")


# ----------------------------------------------------------------------------------------------------- what is computed
def test_bounds_are_rounded_inwards_and_starts_moved() -> None:
    instance = build("var x[1..2] integer in [0.5, 3.7] start 9\nvar y in [0, 1] start 0.5\nvar z binary\nsatisfy\n")
    x, y, z = instance.families
    assert (x.lower.tolist(), x.upper.tolist()) == ([1, 1], [3, 3])
    assert x.start is not None and x.start.tolist() == [3, 3]
    assert y.start is not None and y.start.tolist() == [0.5]
    assert (z.lower.tolist(), z.upper.tolist(), z.integer) == ([0], [1], True)
    assert [n.message for n in instance.notes] == [
        "the start of x[1] is moved from 9 to 3, the nearest value within its bounds (and 1 more)"
    ]


def test_families_have_offsets_and_labels() -> None:
    text = "set N\nset A within N * N\nvar x[N]\nvar f[A] >= 0\nvar g[i in N, 1..2, (i, j) in A]\nsatisfy\n"
    instance = build(text, N=["a", "b"], A=[("b", "a"), ("a", "b")])
    assert [(f.name, f.offset, f.count) for f in instance.families] == [("x", 0, 2), ("f", 2, 2), ("g", 4, 4)]
    f, g = instance.family("f"), instance.family("g")
    assert [f.index.member(k) for k in range(2)] == [("b", "a"), ("a", "b")]
    assert [g.index.member(k) for k in range(4)] == [("a", 1, "b"), ("a", 2, "b"), ("b", 1, "a"), ("b", 2, "a")]


def test_domains_become_rows_and_binaries() -> None:
    text = """
set I = 1..2
var p[I] simplex
var s[I] spin
var b[I] semicontinuous in [2, 10]
minimize sum(p[i] + s[i] + b[i] for i in I)
"""
    instance = build(text)
    assert instance_to_linear.accepts(instance) is None
    form, inverse = instance_to_linear.lower(instance)
    assert form.shape == (1 + 2 + 4, 6 + 4)
    assert form.integer.tolist() == [False] * 6 + [True] * 4
    dense = np.zeros(form.shape)
    rows = np.repeat(np.arange(7), np.diff(form.starts))
    dense[rows, form.indices] = form.values
    low = np.array([0.25, 0.75, -1, 1, 0, 4, 0, 1, 0, 1])
    assert ((dense @ low >= form.row_lower) & (dense @ low <= form.row_upper)).all()
    for column, wrong in ((0, 0.5), (2, 0.0), (5, 1.0), (4, 3.0)):
        bad = low.copy()
        bad[column] = wrong
        assert not ((dense @ bad >= form.row_lower) & (dense @ bad <= form.row_upper)).all()
    assert instance_to_linear.lift(low, inverse)["s"].tolist() == [-1, 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("var x in [0, 1]\nminimize x^2\n", "`x^2` is not linear in the decisions: a decision to the power 2"),
        ("var x in [1, 2]\nminimize 1 / x\n",
         "`1 / x` is not linear in the decisions: a decision stands in a denominator"),
        (
            "var b binary\nvar x in [0, 1]\nminimize x\nsubject to\n c: b == 1 => x >= 1\n",
            "the indicator constraint `c` cannot stand in a linear form",
        ),
        ("set B = 1..2\nchoose z from B\nminimize z\n", "the choice `z` cannot stand in a linear form"),
        ("param u default inf\nvar x semicontinuous in [1, u]\nminimize x\n",
         "the semicontinuous decision `x` without a finite upper bound "
         "cannot stand in a linear form"),
        ("var x in [0, 1]\nminimize x\nlower f {\n var y in [0, 1]\n minimize y\n}\n",
         "the block `f` cannot stand in a linear form"),
    ],
)  # fmt: skip
def test_the_reason_why_there_is_no_linear_form(text: str, words: str) -> None:
    reason = instance_to_linear.accepts(build(text))
    assert reason is not None and reason.message == words


# -------------------------------------------------------------------------------------------------------------- update
UPDATED = """
set N
set A within N * N
param n : integer
set T = 1..n
param c[A]
param b[N] default 1
param cap[T] default 3
param scale = 2
param total[i in N] = scale * sum(c[i, j] for (i, j) in A)
var f[A, T] >= 0
var g[t in T] in [0, cap[t]]
let out[i in N] = sum(c[i, j] * f[i, j, t] for (i, j) in A, t in T)
minimize sum(c[i, j] * f[i, j, t] for (i, j) in A, t in T) + sum(cap[t] * g[t]^2 for t in T) + sum(b[i] for i in N)
subject to
  need[i in N]: out[i] + total[i] >= b[i]
  some[(i, j) in A if c[i, j] > 0]: sum(f[i, j, t] for t in T) <= cap[1] * c[i, j]
  link[t in T]: sum(f[i, j, t] for (i, j) in A) + g[t] <= 50 / scale
"""


def same(a: LinearForm, b: LinearForm) -> None:
    for name in ("cost", "starts", "indices", "values", "row_lower", "row_upper", "lower", "upper", "integer"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    assert (a.offset, a.columns, a.rows) == (b.offset, b.columns, b.rows)


number = st.integers(-4, 8).map(lambda v: v / 2)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_updated_instance_lowers_as_one_built_anew(data: st.DataObject) -> None:
    nodes = ["u", "v", "w"]
    pairs = [(a, b) for a in nodes for b in nodes]

    def arcs() -> list[tuple[str, str]]:
        return data.draw(st.lists(st.sampled_from(pairs), min_size=1, unique=True))

    given_: dict[str, Any] = {"N": nodes, "A": arcs(), "n": data.draw(st.integers(1, 3))}
    given_["c"] = {a: data.draw(number) for a in given_["A"]}
    program = program_of(UPDATED)
    current = instance_of(program, given_)
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            _lowered(current)
        change = data.draw(st.sampled_from(["c", "b", "n", "arcs"]))
        new: dict[str, Any]
        if change == "c":
            new = {"c": {a: data.draw(number) for a in given_["A"]}}
        elif change == "b":
            new = {"b": {(k,): data.draw(number) for k in nodes}}
        elif change == "n":
            new = {"n": data.draw(st.integers(1, 3))}
        else:
            chosen = arcs()
            new = {"A": chosen, "c": {a: data.draw(number) for a in chosen}}
        given_.update(new)
        current = current.update(**{k: _plain(v) for k, v in new.items()})
        fresh = instance_of(program, given_)
        outcomes = [_lowered(current), _lowered(fresh)]
        if isinstance(outcomes[0], str) or isinstance(outcomes[1], str):
            assert outcomes[0] == outcomes[1]
        else:
            same(outcomes[0], outcomes[1])


def _plain(value: Any) -> Any:
    return {"rows": [[*k, v] for k, v in value.items()]} if isinstance(value, dict) else value


def _lowered(instance: Instance) -> LinearForm | str:
    assert instance_to_quadratic.accepts(instance) is None
    try:
        return instance_to_quadratic.lower(instance)[0]
    except DataError as error:
        return str(error)


def test_an_update_of_numbers_runs_the_value_phase_only(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
set I
set J
param c[I, J]
param d[J]
var x[I, J] >= 0
minimize sum(c[i, j] * x[i, j] for i in I, j in J)
subject to
  need[j in J]: sum(c[i, j] * x[i, j] for i in I) >= d[j]
  each[i in I]: sum(x[i, j] for j in J if j != "p") <= 4
"""
    data = {"I": ["a", "b"], "J": ["p", "q"]}
    first = build(text, **data, c={(i, j): 1.0 for i in "ab" for j in "pq"}, d={("p",): 1.0, ("q",): 2.0})
    before, _ = instance_to_linear.lower(first)

    def never(*_args: object) -> None:
        raise AssertionError("the pattern phase ran again")

    for module, name in ((assembly, "pattern"), (assembly, "columns_of"), (sets, "extend")):
        monkeypatch.setattr(module, name, never)
    second = first.update(d={"p": 5.0, "q": 6.0}, c=[[1, 2], [3, 4]])
    assert instance_to_linear.accepts(second) is None
    after, _ = instance_to_linear.lower(second)
    assert after.cost.tolist() == [1, 2, 3, 4]
    assert after.row_lower.tolist()[:2] == [5, 6]
    assert after.values.tolist() == [1, 3, 2, 4, 1, 1]
    assert after.indices is before.indices
    again, _ = instance_to_linear.lower(first)
    assert again.cost.tolist() == [1, 1, 1, 1] and again.row_lower.tolist()[:2] == [1, 2]


def test_facts_are_found_again_after_an_update() -> None:
    from optc.compiler.facts.structure import degree_in
    from optc.dsl.program import SCALAR

    instance = build("param c default 1\nvar x in [0, 1]\nminimize if c > 0 then x^2 else x\n")
    objective = instance.program.root.objective
    assert objective is not None and objective.expression is not None
    assert degree_in(instance, objective.expression, SCALAR, {"x"}).value == 2
    assert degree_in(instance.update(c=-1), objective.expression, SCALAR, {"x"}).value == 1
    assert degree_in(instance, objective.expression, SCALAR, {"x"}).value == 2


def test_an_unknown_name_cannot_be_updated() -> None:
    instance = build("param cost = 1\nvar x in [0, cost]\nminimize x\n")
    with pytest.raises(DataError) as raised:
        instance.update(costs=2)
    (found,) = raised.value.diagnostics
    assert found.code.id == "E0813" and "did you mean `cost`?" in found.message


def test_bad_new_data_are_refused_and_leave_the_instance_as_it_was() -> None:
    instance = build("param cost >= 0 default 1\nvar x in [0, cost]\nminimize x\n")
    with pytest.raises(DataError):
        instance.update(cost=-1)
    assert instance.family("x").upper.tolist() == [1]
    assert Path(__file__).exists()


def test_an_update_that_moves_no_bound_keeps_the_columns() -> None:
    problem = optc.parse(
        "param c[1..3]\nparam top\nvar x[1..3] in [0, top]\nminimize sum(c[i] * x[i] for i in 1..3)\n"
    ).bind(c=[1, 2, 3], top=4)
    first = problem.lower("linear")
    costs = problem.update(c=[3, 2, 1]).lower("linear")
    assert costs.lower is first.lower and costs.upper is first.upper
    assert costs.cost.tolist() == [3, 2, 1]
    assert problem.update(top=9).lower("linear").upper.tolist() == [9, 9, 9]
