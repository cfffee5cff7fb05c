"""fix, replicate, restrict, retag, stationarity: on trees of blocks, against the reference and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import assert_agreement, instance_of, point_of, program_of

from optc.compiler.data.errors import DataError
from optc.compiler.evaluation.evaluate import evaluate
from optc.compiler.instance.instance import Instance
from optc.compiler.instance.primitives import fix, replicate, restrict, retag, stationarity
from optc.compiler.lowerings import instance_to_linear
from optc.compiler.spaces.algebra import UNIT
from optc.compiler.spaces.domains import run_domain
from optc.dsl.program import Complementarity, Constraint, Relation

FOLLOWERS = """
set R
set I
set A within I * I
param a[R, I]
param w[A]
var x[I] in [0, 1]
minimize sum(x[i] for i in I) - sum(y[r, i] for r in R, i in I)
subject to
  cap[i in I]: x[i] + sum(y[r, i] for r in R) <= 50
lower follower[r in R] {
  var y[I] >= 0
  var z[A] in [-1, 4]
  var free
  let cost = sum(a[r, i] * y[i] for i in I)
  minimize cost + sum(x[i] * y[i] + 2 * y[i]^2 for i in I) + sum(w[i, j] * (z[i, j] - y[i])^2 for (i, j) in A) +
    3 * free + sum(z[e] * 2 for e in A)
  subject to
    own[i in I]: y[i] + x[i] <= a[r, i] + 30 * x[i]
    joint: sum(y[i] * a[r, i] for i in I) - free >= 1
    flow[i in I]: sum(z[i, j] for (i, j) in A) == sum(z[j, i] for (j, i) in A) + y[i]
    range: -5 <= sum(y[i] for i in I) - 2 * free <= 9
}
"""
DATA: dict[str, Any] = {
    "R": ["r", "s"],
    "I": ["u", "v", "w"],
    "A": [("u", "v"), ("v", "w"), ("w", "u"), ("v", "u")],
    "a": {(r, i): 1.0 + k + 3 * m for m, r in enumerate("rs") for k, i in enumerate("uvw")},
    "w": {("u", "v"): 1.0, ("v", "w"): 2.0, ("w", "u"): 0.5, ("v", "u"): 0.0},
}


@pytest.fixture
def followers() -> Instance:
    return instance_of(program_of(FOLLOWERS), DATA)


def test_the_tree_agrees_with_the_reference() -> None:
    assert_agreement(FOLLOWERS, DATA)


def lagrangian(instance: Instance, point: dict[str, np.ndarray], row: int) -> float:
    """``f - sum(d (left - right))`` of one follower, from the original block alone."""
    block = instance.program.root.children[0]
    assert block.objective is not None and block.objective.expression is not None
    layout = next(c for c in instance.constraints if c.name == "follower.joint").layout  # one row a follower
    scope = instance.scope.at(point)
    values = evaluate_block(instance, block.objective.expression, point)
    total = float(values[row])
    for name in block.constraints:
        family = instance.constraint(name)
        body = family.symbol.body
        assert isinstance(body, Relation)
        sides = [instance.values(t, point, family.layout) for t in body.terms]
        difference = sides[1] if len(sides) == 3 else sides[0] - sides[1]
        owner = np.arange(family.count) // (family.count // layout.size)
        total -= float(np.sum((point[f"dual({name})"] * difference)[owner == row]))
    assert scope is not None
    return total


def evaluate_block(instance: Instance, term: Any, point: dict[str, np.ndarray]) -> np.ndarray:
    from optc.compiler.evaluation.evaluate import flat_values
    from optc.compiler.evaluation.sets import layout_of

    block = instance.program.root.children[0]
    return flat_values(term, layout_of(block.space, instance.scope).table, instance.scope.at(point))


def residual(after: Instance, name: str, point: dict[str, np.ndarray]) -> np.ndarray:
    """The stationarity residual of a decision family, as the new constraint has it."""
    family = after.constraint(f"stationarity of {name}")
    body = family.symbol.body
    term = body.right.terms[0] if isinstance(body, Complementarity) else body.terms[0]
    return after.values(term, point, family.layout)


def test_stationarity_is_the_gradient_of_the_lagrangian(followers: Instance) -> None:
    after = stationarity(followers, ("follower",))
    rng = np.random.default_rng(3)
    point = point_of(after, rng)
    step = 0.5  # central differences are exact for a quadratic
    for name in ("y", "z", "free"):
        count = followers.family(name).count
        found = residual(after, name, point)
        each = count // 2
        for k in range(count):
            ends = []
            for sign in (1, -1):
                moved = {n: v.astype(float).copy() for n, v in point.items()}
                moved[name][k] += sign * step
                ends.append(lagrangian(followers, moved, k // each))
            assert found[k] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-9), (name, k)


def test_stationarity_moves_the_block_into_the_one_around_it(followers: Instance) -> None:
    after = stationarity(followers, ("follower",))
    assert after.program.root.children == ()
    owned = {f.name: f.owner for f in after.families}
    assert owned["y"] == owned["dual(follower.flow)"] == ()
    assert after.family("dual(follower.flow)").count == after.constraint("follower.flow").count
    kinds = {c.name: type(c.symbol.body) for c in after.constraints}
    assert kinds["stationarity of free"] is Relation
    assert kinds["stationarity of y"] is Complementarity
    assert "complementarity of follower.flow" not in kinds
    assert isinstance(followers.constraint("follower.own").symbol, Constraint)
    assert followers.program.root.children != ()


def test_stationarity_turns_signs_in_a_maximisation() -> None:
    text = """
var x in [0, 1]
minimize x
lower f {
  var y
  maximize 3 * y - y^2
  subject to
    top: y <= 1 + x
    low: y >= -1
}
"""
    after = stationarity(instance_of(program_of(text), {}), ("f",))
    # At x = 0.2 the optimum is y = 1.2, and raising the right side of `top` is worth 3 - 2 * 1.2.
    point = {"x": np.array([0.2]), "y": np.array([1.2]), "dual(f.top)": np.array([0.6]), "dual(f.low)": np.zeros(1)}
    assert residual(after, "y", point) == pytest.approx([0.0])
    signs = {}
    for name in ("f.top", "f.low"):
        body = after.constraint(f"complementarity of {name}").symbol.body
        assert isinstance(body, Complementarity)
        signs[name] = body.right.ops
    assert signs == {"f.top": ("ge",), "f.low": ("le",)}


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("var y in [0, 1]\n minimize -y^2", "E0814"),
        ("var y integer in [0, 1]\n minimize y", "E0812"),
        ("var y in [0, 1]\n minimize y\n subject to\n c: y^2 <= 1", "E0810"),
        ("var y in [0, 1]\n minimize exp(y)", "E0811"),
        ("var y in [0, 1]\n minimize x * y^2", "E0811"),
    ],
)
def test_stationarity_refuses_what_it_cannot_replace(block: str, code: str) -> None:
    text = "var x in [0, 1]\nminimize x\nlower f {\n" + block + "\n}\n"
    with pytest.raises(DataError) as raised:
        stationarity(instance_of(program_of(text), {}), ("f",))
    assert [d.code.id for d in raised.value.diagnostics] == [code]


def test_fixed_decisions_are_data(followers: Instance) -> None:
    point = point_of(followers, np.random.default_rng(1))
    after = fix(followers, {"x": point["x"]})
    assert [f.name for f in after.families] == ["y", "z", "free"]
    assert [f.offset for f in after.families] == [0, 6, 14]
    rest = {n: v for n, v in point.items() if n != "x"}
    for family in followers.constraints:
        body = family.symbol.body
        assert isinstance(body, Relation)
        for term in body.terms:
            assert np.array_equal(after.values(term, rest, family.layout), followers.values(term, point, family.layout))


def test_a_fixed_product_is_linear() -> None:
    text = "var x in [0, 1]\nvar y in [0, 2]\nminimize x * y\nsubject to\n c: x * y >= 1 + y\n"
    instance = instance_of(program_of(text), {})
    assert instance_to_linear.accepts(instance) is not None
    after = fix(instance, {"x": np.array([3.0])})
    assert instance_to_linear.accepts(after) is None
    form, _ = instance_to_linear.lower(after)
    assert form.cost.tolist() == [3.0] and form.values.tolist() == [2.0] and form.row_lower.tolist() == [1.0]


def test_an_unknown_name_is_told() -> None:
    instance = instance_of(program_of("var x in [0, 1]\nparam p = 1\nminimize p * x\n"), {})
    for call in (
        lambda: fix(instance, {"p": np.zeros(1)}),
        lambda: replicate(instance, ["z"], "S", run_domain(1, 2)),
        lambda: restrict(instance, {"c": np.zeros(1, dtype=bool)}),
        lambda: retag(instance, ["c"], ()),
    ):
        with pytest.raises(DataError) as raised:
            call()
        assert raised.value.diagnostics[0].code.id == "E0813"


RECOURSE = """
set I
param f[I]
param p[I]
param C
var x[I] binary
var t
uncertain xi[I] in [0, 1]
minimize sum(f[i] * x[i] for i in I) + t
let spent = sum(p[i] * y[i] for i in I)
recourse {
  var y[I] in [0, 1]
  minimize -spent + sum(xi[i] * y[i] for i in I)
  subject to
    bought[i in I]: y[i] <= x[i]
    room: sum(y[i] for i in I) <= C
}
"""


def test_copies_of_a_recourse_agree_with_the_original_one_by_one() -> None:
    text = RECOURSE.replace("let spent = sum(p[i] * y[i] for i in I)\n", "").replace(
        "-spent", "-sum(p[i] * y[i] for i in I)"
    )
    data = {"I": ["a", "b"], "f": {("a",): 1.0, ("b",): 2.0}, "p": {("a",): 3.0, ("b",): 4.0}, "C": 1}
    instance = instance_of(program_of(text), data)
    copies = run_domain(1, 3)
    after = replicate(instance, ["y", "xi"], "Outcomes", copies)
    assert after.family("y").count == 6 and after.constraint("room").count == 3
    assert after.constraint("bought").count == 6
    rng = np.random.default_rng(0)
    point = point_of(after, rng)
    for name in ("bought", "room"):
        before, now = instance.constraint(name), after.constraint(name)
        assert isinstance(before.symbol.body, Relation) and isinstance(now.symbol.body, Relation)
        for old_term, new_term in zip(before.symbol.body.terms, now.symbol.body.terms, strict=True):
            whole = after.values(new_term, point, now.layout).reshape(3, -1)
            for s in range(3):
                own = {"x": point["x"], "t": point["t"]}
                own |= {n: point[n].reshape(3, -1)[s] for n in ("y", "xi")}
                assert np.array_equal(whole[s], instance.values(old_term, own, before.layout))
    objectives = [c.objective for c in after.program.root.children]
    assert objectives[0] is not None and objectives[0].expression is not None
    total = float(evaluate(objectives[0].expression, UNIT, after.scope.at(point)))
    old = instance.program.root.children[0].objective
    assert old is not None and old.expression is not None
    each = [
        float(
            evaluate(
                old.expression,
                UNIT,
                instance.scope.at({n: point[n].reshape(3, -1)[s] for n in ("y", "xi")}),
            )
        )
        for s in range(3)
    ]
    assert total == pytest.approx(sum(each))


def test_restricted_families_keep_the_chosen_rows() -> None:
    text = """
set I = 1..5
param a[i in I] = i
var x[I] >= 0
minimize sum(x[i] for i in I)
subject to
  c[i in I]: a[i] * x[i] >= i
  d: sum(x[i] for i in I) <= 99
"""
    instance = instance_of(program_of(text), {})
    whole, _ = instance_to_linear.lower(instance)
    after = restrict(instance, {"c": np.array([1, 3])})
    form, _ = instance_to_linear.lower(after)
    assert [(s.name, s.count) for s in form.rows] == [("c", 2), ("d", 1)]
    assert form.values.tolist()[:2] == [2.0, 4.0] and form.row_lower.tolist()[:2] == [2.0, 4.0]
    assert after.constraint("c").index.columns[0].tolist() == [2, 4]
    again, _ = instance_to_linear.lower(instance)
    assert np.array_equal(again.values, whole.values)
    masked, _ = instance_to_linear.lower(restrict(instance, {"c": np.array([False] * 5), "d": np.array([True])}))
    assert [(s.name, s.count) for s in masked.rows] == [("c", 0), ("d", 1)]


def test_retagged_families_belong_to_another_decider(followers: Instance) -> None:
    names = [*followers.program.root.children[0].decisions, *followers.program.root.children[0].constraints]
    after = retag(followers, names, ())
    assert after.program.root.children == ()
    assert {f.owner for f in after.families} == {()} == {c.owner for c in after.constraints}
    form, _ = instance_to_linear.lower(after)  # the high-point relaxation: everybody's rows, the leader's objective
    assert form.shape == (3 + 6 + 2 + 6 + 2, 3 + 6 + 8 + 2)
    assert form.cost.tolist() == [1.0] * 3 + [-1.0] * 6 + [0.0] * 10
