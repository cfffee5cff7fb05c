"""An update of a discrete model is the model with the new data, array by array; what data do not reach is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optc
from optc.backends.registry import get
from optc.compiler.instance.instance import Instance
from optc.compiler.lowering import Lowered, every, lower_along
from optc.compiler.lowerings import kinks_to_rows, products_to_rows
from optc.compiler.plan import plan, take

MODELS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {
    "kinks": (
        """
param a[1..3, 1..2]
param target[1..3]
param w[1..3]
param cap
var x[1..2] in [0, cap]
maximize sum(w[i] * abs(sum(a[i, k] * x[k] for k in 1..2) - target[i]) for i in 1..3)
subject to
  total: x[1] + x[2] <= 1.5 * cap
""",
        {"a": [[1, 2], [2, 1], [0.5, 1]], "target": [2, 3, 1], "w": [1, 2, 0.5], "cap": 3.0},
        [
            {"w": [2, 1, 1]},  # the objective alone
            {"target": [4, 1, 1.5]},  # other big-M's
            {"cap": 5.0},  # bounds, a row and all big-M's
            {"a": [[1, 2], [2, 0], [0.5, 1]]},  # a coefficient becomes zero
            {"w": [1, -2, 0.5]},  # another sign: convex here, not there
            {"target": [-9, 3, 1]},  # one piece is never the larger
            {"target": [2, 3, 1], "cap": 0.0},
            {"cap": 3.0, "w": [1, 2, 0.5]},
        ],
    ),
    "convex kinks": (
        """
param a[1..3, 1..2]
param target[1..3]
param w[1..3]
var x[1..2] in [-5, 5]
minimize sum(w[i] * abs(sum(a[i, k] * x[k] for k in 1..2) - target[i]) for i in 1..3) + max(x[1], target[2])
subject to
  low: min(x[1] + target[1], 3 * x[2]) >= -4
""",
        {"a": [[1, 2], [2, 1], [0.5, 1]], "target": [2, 3, 1], "w": [1, 2, 0.5]},
        [{"target": [4, 1, 1.5]}, {"a": [[1, 0], [0, 1], [1, 1]]}, {"w": [1, 0, 2]}, {"w": [1, 2, 2]}],
    ),
    "largest": (
        """
set N = 1..3
param c[N, N]
param top[N]
var x[N] in [0, 9]
minimize sum(x[i] for i in N)
subject to
  reach[i in N]: max(c[i, j] * x[j] - j for j in N) >= top[i]
  least: min(x[1], x[2] + 1, 4 - x[3]) <= 3
""",
        {"c": [[1, 2, 3], [3, 1, 2], [2, 2, 1]], "top": [3, 4, 5]},
        [{"top": [6, 5, 4]}, {"c": [[2, 2, 2], [1, 1, 1], [3, 1, 2]]}, {"c": [[0, 2, 3], [3, 1, 2], [2, 0, 1]]}],
    ),
    "piecewise": (
        """
param up[1..2]
param v
var x[1..2] in [0, 10]
minimize sum(piecewise(x[i], [0, 2, 5, 10], [0, v, v + 1, v + 9]) for i in 1..2)
subject to
  need: x[1] + x[2] >= up[1]
  most: x[1] - x[2] <= up[2]
""",
        {"up": [7.0, 1.0], "v": 4.0},
        [{"up": [9.0, 2.0]}, {"v": 1.0}, {"v": 0.1}, {"v": 4.0}],
    ),
    "products": (
        """
set N = 1..3
param c[N, N]
param cap[N]
var b[N] binary
var x[N, N] in [0, 10]
maximize sum(c[i, j] * b[i] * x[i, j] for i in N, j in N) - 3 * b[1] * b[2]
subject to
  room[i in N]: sum(x[i, j] for j in N) <= cap[i]
  few: sum(b[i] for i in N) <= 2
""",
        {"c": [[1, 2, 3], [3, 1, 2], [2, 2, 1]], "cap": [4, 5, 6]},
        [{"cap": [9, 8, 7]}, {"c": [[2, 2, 2], [1, 1, 1], [3, 1, 2]]}, {"c": [[-2, 2, 2], [1, -1, 1], [3, 1, 2]]}],
    ),
    "indicators": (
        """
set N = 1..3
param c[N]
param cap[N]
param on[N]
var b[N] binary
var x[N] in [0, 10]
maximize sum(x[i] - c[i] * b[i] for i in N)
subject to
  shut[i in N]: b[i] == 0 and on[i] > 0 => x[i] <= cap[i]
  both: b[1] == 1 and b[2] == 1 => cap[1] * x[3] - x[1] >= 1
""",
        {"c": [1, 2, 3], "cap": [0, 1, 2], "on": [1, 1, 1]},
        [{"c": [3, 2, 1]}, {"cap": [1, 2, 0.5]}, {"on": [1, 0, 1]}, {"on": [0, 1, 1]}, {"cap": [0, 0, 0]}],
    ),
    "choices": (
        """
set N = 1..3
set O = 1..4
param c[N, O]
param size[O]
param far[O, O]
choose z[N] from O
minimize sum(c[i, z[i]] for i in N)
subject to
  room: sum(size[z[i]] for i in N) <= 6
  apart[i in N]: far[i, z[i]] >= 0.5
""",
        {
            "c": [[1, 2, 3, 4], [4, 3, 2, 1], [1, 1, 1, 5]],
            "size": [1, 2, 3, 1],
            "far": [[1, 2, 3, 4], [2, 1, 2, 3], [3, 2, 1, 2], [4, 3, 2, 1]],
        },
        [{"size": [2, 2, 2, 2]}, {"c": [[4, 3, 2, 1], [1, 1, 0, 1], [9, 1, 1, 1]]}, {"size": [1, 0, 3, 1]}],
    ),
    "ordered sets": (
        """
set N = 1..4
param c[N, N]
param cap[N]
var x[N, N] in [0, 10]
maximize sum(c[i, j] * x[i, j] for i in N, j in N)
subject to
  room[j in N]: sum(c[j, i] * x[i, j] for i in N) <= cap[j]
  two[i in N]: sos2(x[i, j] for j in N if c[i, j] > 1)
  one[i in N]: sos1(x[i, 1 + (i + j) mod 2] for j in N)
""",
        {"c": [[1, 2, 3, 4], [2, 3, 4, 5], [5, 4, 3, 2], [2, 2, 2, 2]], "cap": [5, 6, 7, 8]},
        [{"cap": [8, 7, 6, 5]}, {"c": [[2, 2, 3, 4], [2, 3, 1, 5], [5, 4, 3, 2], [2, 2, 2, 0]]}],
    ),
    "complements": (
        """
set N = 1..3
param m[N, N]
param q[N]
param lim
var z[N] >= 0
var y in [-lim, lim]
minimize sum(z[i] for i in N) + y * y
subject to
  pair[i in N]: sum(m[i, j] * z[j] for j in N) + q[i] >= 0 complements z[i] >= 0
  free: 0 <= y + 1 <= lim complements z[1] - z[2]
""",
        {"m": [[2, 1, 0], [1, 2, 1], [0, 1, 2]], "q": [-1, -2, 3], "lim": 4.0},
        [{"q": [1, -1, -2]}, {"m": [[3, 1, 1], [1, 2, 0], [0, 1, 4]]}, {"lim": 7.0}],
    ),
    "domains": (
        """
param most[1..3]
param c[1..3]
var x[1..3] semicontinuous in [1, most]
var s[1..2] spin
maximize sum(c[i] * x[i] for i in 1..3) + s[1] * 2 - s[2]
subject to
  room: x[1] + x[2] + x[3] + s[1] <= 9
  off[i in 1..2]: s[i] + x[i] <= 5
""".replace("[1, most]", "[1, 8]"),
        {"most": [5, 6, 7], "c": [1, 2, 3]},
        [{"c": [3, 2, 1]}],
    ),
    "quadratic rows": (
        """
param q[1..2]
param r
var x[1..2] in [0, 5]
var b binary
minimize q[1] * x[1] * x[1] - q[2] * x[1] * x[2] + b
subject to
  ball: x[1] * x[1] + r * x[2] * x[2] <= 9
  when: b == 0 => x[1] >= r
""",
        {"q": [1.0, 2.0], "r": 2.0},
        [{"q": [2.0, -1.0]}, {"r": 3.0}, {"r": 0.0}],
    ),
    "kinks within products within choices": (
        """
set O = 1..3
param size[O]
param cap
choose z from O
var b binary
var x in [-2, cap]
maximize b * abs(x - size[z]) - x
subject to
  room: size[z] + x <= cap
""",
        {"size": [1, 2, 4], "cap": 5.0},
        [{"size": [2, 3, 1]}, {"cap": 8.0}, {"size": [1, 1, 1]}],
    ),
}


def lowered(instance: Instance) -> tuple[tuple[str, ...], Lowered]:
    routes, found = take(plan(instance, [get("highs"), get("scip")]), instance)
    assert found is not None and routes.chosen is not None, routes.text()
    return routes.chosen.steps, found


def different(one: object, other: object, where: str = "form") -> list[str]:
    """The places where two forms differ; arrays to the last bit and in kind."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other)
        return [] if same else [f"{where}: {one} is not {other}"]
    if is_dataclass(one) and not isinstance(one, type):
        names = [entry.name for entry in fields(one)]
        return [each for n in names for each in different(getattr(one, n), getattr(other, n), f"{where}.{n}")]
    if isinstance(one, tuple) and isinstance(other, tuple):
        one, other = (tuple((s.name, s.offset, s.count) for s in slices) for slices in (one, other))
    return [] if type(one) is type(other) and one == other else [f"{where}: {one} is not {other}"]


def of_derived(found: Lowered) -> list[tuple[Any, ...]]:
    return [(d.row, d.expression, d.values.tolist(), d.sources) for d in found.derived]


@pytest.mark.parametrize("name", MODELS)
def test_every_update_is_the_model_with_the_new_data(name: str) -> None:
    text, data, changes = MODELS[name]
    model = optc.parse(text)
    problem, now = model.bind(data), data
    lowered(problem.instance)
    for change in changes:
        now = {**now, **change}
        problem = problem.update(**change)
        steps, found = lowered(problem.instance)
        wanted_steps, wanted = lowered(model.bind(now).instance)
        assert steps == wanted_steps
        assert different(found.form, wanted.form) == [], change
        assert of_derived(found) == of_derived(wanted)


@pytest.mark.parametrize("name", MODELS)
def test_every_route_is_the_same_after_an_update(name: str) -> None:
    """Also those that are not the cheapest: the lowerings between instances in other orders.

    Those to kernels, which are no arrays, have their own test.
    """
    text, data, changes = MODELS[name]
    model = optc.parse(text)
    problem = model.bind(data)
    routes = plan(problem.instance, [get("highs"), get("scip")]).routes
    paths = {tuple(route.path) for route in routes if route.path and route.path[-1].target != "nonlinear"}
    for path in paths:
        problem, now = model.bind(data), data
        lower_along(path, problem.instance)
        for change in changes:
            now = {**now, **change}
            problem = problem.update(**change)
            found, wanted = (lower_along(path, each.instance) for each in (problem, model.bind(now)))
            assert isinstance(found, Lowered) == isinstance(wanted, Lowered)
            if isinstance(found, Lowered) and isinstance(wanted, Lowered):
                assert different(found.form, wanted.form) == [], ([step.name for step in path], change)


def patterns(instance: Instance) -> Mapping[object, object]:
    return {key: kept for key, kept in instance.patterns.items() if isinstance(key, tuple) and key[0] == "rows"}


@pytest.mark.parametrize(("lowering", "name"), [(kinks_to_rows, "kinks"), (products_to_rows, "products")])
def test_new_constants_leave_every_pattern_of_rows(lowering: Any, name: str) -> None:
    text, data, changes = MODELS[name]
    instance = optc.parse(text).bind(data).instance
    path = tuple(step for step in every() if step.name in (lowering.NAME, "instance to linear"))
    path = tuple(sorted(path, key=lambda step: step.target != "instance"))
    lower_along(path, instance)
    (before, _) = lowering.lower(instance)
    new = instance.update(**(changes[1] if name == "kinks" else changes[0]))
    lower_along(path, new)
    (after, _) = lowering.lower(new)
    assert patterns(before).keys() == patterns(after).keys()
    assert all(patterns(after)[key] is kept for key, kept in patterns(before).items())
    assert after is not before and after.program is before.program
    own = [name for name in after.scope.data if "(M" in name or "(most)" in name]
    moved = [name for name in own if not np.array_equal(before.scope.data[name], after.scope.data[name])]
    assert own and moved


def test_an_update_of_the_objective_leaves_rows_and_conditions() -> None:
    text, data, changes = MODELS["indicators"]
    instance = optc.parse(text).bind(data).instance
    _, before = lowered(instance)
    _, after = lowered(instance.update(**changes[0]))
    for name in ("starts", "indices", "values", "row_lower", "lower", "integer", "indicators", "sets"):
        assert getattr(before.form, name) is getattr(after.form, name)
    assert not np.array_equal(before.form.cost, after.form.cost)


def test_an_update_does_not_change_what_was_lowered_before() -> None:
    for text, data, changes in MODELS.values():
        instance = optc.parse(text).bind(data).instance
        _, before = lowered(instance)
        for change in changes:
            lowered(instance.update(**change))
        _, again = lowered(optc.parse(text).bind(data).instance)
        assert different(before.form, again.form) == []
        _, still = lowered(instance)
        assert different(before.form, still.form) == []


numbers = st.floats(-3, 3).map(lambda v: round(v, 1) + 0.0)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "w": st.lists(numbers, min_size=3, max_size=3),
                "target": st.lists(numbers, min_size=3, max_size=3),
                "cap": st.sampled_from([0.0, 1.0, 2.5, 4.0]),
                "a": st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=3, max_size=3),
            },
        ).filter(bool),
        min_size=1,
        max_size=4,
    )
)
def test_any_sequence_of_updates_of_kinks_is_the_last_data(changes: list[dict[str, Any]]) -> None:
    text, data, _ = MODELS["kinks"]
    model = optc.parse(text)
    problem, now = model.bind(data), data
    lowered(problem.instance)
    for change in changes:
        now, problem = {**now, **change}, problem.update(**change)
        (steps, found), (wanted_steps, wanted) = lowered(problem.instance), lowered(model.bind(now).instance)
        assert steps == wanted_steps
        assert different(found.form, wanted.form) == []
