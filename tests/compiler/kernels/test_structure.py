"""Patterns and values follow the model, not the order or the names that it is written in; size costs no Python."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import kernel_models as models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nonlinear_models import (
    PROGRAMS,
    Case,
    assert_right_derivatives,
    assert_same_values,
    case,
    dense_hessian,
    dense_jacobian,
    point,
    results,
)

CHAIN = """param n
var x[1..n]
minimize sum(100 * (x[i]^2 - x[i + 1])^2 + (x[i] - 1)^2 for i in 1..n-1)
subject to
  c[k in 1..n-2]: 3 * x[k + 1]^3 + 2 * x[k + 2] - 5 + sin(x[k + 1] - x[k + 2]) * sin(x[k + 1] + x[k + 2]) +
    4 * x[k + 1] - x[k] * exp(x[k] - x[k + 1]) - 3 == 0
"""


# ------------------------------------------------------------------------------------------------------- invariance
NETWORK = """set N
set A within N * N
param r[A]
var v[N] in [0, 9]
var f[A]
minimize sum(r[i, j] * f[i, j]^2 * v[i] for (i, j) in A)
subject to
  flow[(i, j) in A]: f[i, j] == r[i, j] * sin(v[i] - v[j]) * v[i]
  node[n in N]: sum(f[n, j] * v[j] for (n, j) in A) - sum(f[i, n] for (i, n) in A)^2 <= 4
"""


def network(nodes: list[Any], arcs: list[tuple[Any, Any]], r: dict[tuple[Any, Any], float]) -> Case:
    return case(NETWORK, {"N": nodes, "A": arcs, "r": r})


def by_name(found: Case, x: dict[tuple[str, Any], float]) -> dict[str, dict[Any, float]]:
    """Values, first and second derivatives at a point given by name, by name."""
    form = found.form
    columns = [(f.name, f.layout.key(k)) for f in found.instance.families for k in range(f.count)]
    rows = [(f.name, f.layout.key(k)) for f in found.instance.constraints for k in range(f.count)]
    z = np.array([x[c] for c in columns])
    jacobian, values = dense_jacobian(form, z), form.evaluate_rows(z)
    y = np.array([1.0 + values[k] ** 2 for k in range(len(rows))])
    hessian = dense_hessian(form, z, 2.0, y)
    m, n = form.shape
    return {
        "f": {(): form.evaluate_objective(z)},
        "c": {rows[k]: values[k] for k in range(m)},
        "J": {(rows[k], columns[j]): jacobian[k, j] for k in range(m) for j in range(n)},
        "H": {(columns[k], columns[j]): hessian[k, j] for k in range(n) for j in range(n)},
    }


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_order_and_names_of_members_do_not_matter(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 5))
    every = [(i, j) for i in range(size) for j in range(size)]
    arcs = data.draw(st.lists(st.sampled_from(every), unique=True, max_size=9))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    r = {a: float(rng.uniform(0.5, 2)) for a in arcs}
    plain = network(list(range(size)), arcs, r)
    name = {k: f"node {k}" for k in range(size)}
    other = network(
        [name[k] for k in data.draw(st.permutations(range(size)))],
        [(name[i], name[j]) for i, j in data.draw(st.permutations(arcs))],
        {(name[i], name[j]): v for (i, j), v in r.items()},
    )
    x = {("v", (k,)): float(rng.uniform(0.1, 2)) for k in range(size)}
    x |= {("f", a): float(rng.uniform(0.1, 2)) for a in arcs}

    def renamed(key: Any) -> Any:
        if isinstance(key, tuple):
            return tuple(renamed(part) for part in key)
        return name[key] if isinstance(key, int) else key

    ours = by_name(plain, x)
    theirs = by_name(other, {renamed(k): v for k, v in x.items()})
    for what, values in ours.items():
        assert len(theirs[what]) == len(values)
        for key, value in values.items():
            assert theirs[what][renamed(key)] == pytest.approx(value, rel=1e-12, abs=1e-12), (what, key)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_random_sparse_data_agree_with_the_reference(data: st.DataObject) -> None:
    """Joins, slices, filters and sets that depend on data, some of them empty."""
    size = data.draw(st.integers(1, 4))
    pairs = [(i, j) for i in range(1, size + 1) for j in range(1, 4)]
    chosen = data.draw(st.lists(st.sampled_from(pairs), unique=True, max_size=8))
    covers = {(i,): [(j,) for j in data.draw(st.sets(st.integers(1, 3)))] for i in range(1, size + 1)}
    text = """set I
set J = 1..3
set A within I * J
set C[I] within J
param w[I]
param m[I]
var x[I]
var y[I, J]
minimize sum(exp(y[i, j]) * x[i] for (i, j) in A) + sum(x[i]^3 for i in I if w[i] > 1)
subject to
  a[(i, j) in A if i < j]: log(x[i]) * y[j, i] <= 1
  b[i in I]: sum(y[i, j]^2 for j in C[i]) + x[i] <= 5
  c[j in J]: exp(sum(y[i, j] for (i, j) in A)) >= 0
  d[i in I, j in 1..m[i]]: sin(y[i, j] * x[i]) <= 1
  e[i in I if card(C[i]) > 0]: logsumexp(y[i, j] for j in C[i]) + prod(x[k] for k in I if k != i) <= 9
  f[i in I]: sum(x[k] * y[k, j] for k in I, j in C[k] if k <= i) >= -w[i]
"""
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    numbers = range(1, size + 1)
    given_data = {
        "I": list(numbers),
        "A": [(i, j) for i, j in chosen if j <= size or i >= j],
        "C": covers,
        "w": {(i,): float(rng.uniform(0, 2)) for i in numbers},
        "m": {(i,): int(rng.integers(0, 4)) for i in numbers},
    }
    found = case(text, given_data)
    x = point(found, 1)
    assert_same_values(found, x)
    assert_right_derivatives(found, x)


# ---------------------------------------------------------------------------------------------------------- edges
def test_a_model_without_rows_or_without_nonlinear_rows() -> None:
    alone = case("var x in [1, 3]\nminimize 1 / x\n").form
    assert alone.shape == (0, 1)
    assert len(alone.jacobian_pattern[0]) == len(alone.evaluate_jacobian(np.ones(1))) == 0
    assert alone.evaluate_rows(np.ones(1)).shape == (0,)
    linear = case("var x[1..3]\nminimize exp(x[1])\nsubject to\n  c: 2 * x[1] + x[3] <= 3\n").form
    assert linear.evaluate_rows(np.array([1.0, 5.0, 2.0])).tolist() == [4.0]
    assert [part.tolist() for part in linear.hessian_pattern] == [[0], [0]]


def test_a_linear_model_may_stand_as_a_nonlinear_form() -> None:
    found = case("var x[1..3]\nmaximize x[1] - 2 * x[3] + 7\nsubject to\n  c: 2 * x[1] + x[3] <= 3\n").form
    x = np.array([1.0, 5.0, 2.0])
    assert (found.sense, found.evaluate_objective(x)) == ("maximize", 4.0)
    assert found.evaluate_gradient(x).tolist() == [1.0, 0.0, -2.0]
    assert len(found.hessian_pattern[0]) == len(found.evaluate_hessian(x, 1.0, np.ones(1))) == 0
    assert found.hessian_product(x, 1.0, np.ones(1), x).tolist() == [0.0, 0.0, 0.0]


def test_empty_families_take_no_room() -> None:
    text = (
        "set I\nvar x[I]\nvar z\nminimize sum(exp(x[i]) for i in I) + z^4\nsubject to\n  c[i in I]: x[i]^2 * z <= 1\n"
    )
    found = case(text, {"I": []})
    assert found.form.shape == (0, 1)
    assert_right_derivatives(found, np.array([2.0]))
    assert found.form.evaluate_objective(np.array([2.0])) == 16.0


def test_domains_add_their_linear_rows() -> None:
    text = """set I = 1..3
var p[I] simplex
var s[I] spin
minimize sum(p[i] * log(p[i]) * s[i] for i in I)
"""
    found = case(text)
    form = found.form
    assert form.shape == (4, 9)
    x = np.arange(1.0, 10.0)
    expected = np.zeros((4, 9))
    expected[0, :3] = 1.0
    expected[[1, 2, 3], [3, 4, 5]] = 1.0
    expected[[1, 2, 3], [6, 7, 8]] = -2.0
    assert np.array_equal(dense_jacobian(form, x), expected)
    np.testing.assert_allclose(form.evaluate_rows(x), expected @ x)
    assert form.integer.tolist() == [False] * 6 + [True] * 3


def test_long_written_sums_become_loops() -> None:
    """Twenty terms written out have the derivatives of twenty terms, from one expression."""
    terms = " + ".join(f"a[{k}] * x[{k}] * i - {k} * x[{k}]" for k in range(1, 21))
    text = f"param a[1..20]\nvar x[1..20]\nvar y[1..3]\nminimize sum(exp(({terms} - y[i]) / 100) for i in 1..3)\n"
    a = {(k,): k / 7 for k in range(1, 21)}
    found = case(text, {"a": a})
    x = point(found, 2)
    assert_same_values(found, x)
    assert_right_derivatives(found, x)
    assert len(found.model.graph.nodes) < 400
    long = case("var x[1..900]\nminimize exp(" + " + ".join(f"x[{k}]" for k in range(1, 901)) + ")\n").form
    assert len(long.hessian_pattern[0]) == 900 * 901 // 2


# ----------------------------------------------------------------------------------------------------------- scale
def test_a_long_chain_has_the_sparsest_patterns() -> None:
    n = 100_000
    found = case(CHAIN, {"n": n}).form
    rows, columns = found.jacobian_pattern
    assert len(rows) == 3 * (n - 2)
    assert np.array_equal(columns, (np.arange(n - 2)[:, None] + np.arange(3)).reshape(-1))
    rows, columns = found.hessian_pattern
    assert len(rows) == 2 * n - 1
    x = np.cos(np.arange(n))
    a, b, c = x[:-2], x[1:-1], x[2:]
    expected = 3 * b**3 + 2 * c + np.sin(b - c) * np.sin(b + c) + 4 * b - a * np.exp(a - b)
    np.testing.assert_allclose(found.evaluate_rows(x), expected, rtol=1e-13, atol=1e-13)


def test_python_does_not_run_over_rows() -> None:
    """The number of calls from binding to second derivatives is the same for a hundred times as many rows."""

    def calls(n: int) -> int:
        count = 0

        def counted(_frame: FrameType, event: str, _arg: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            found = case(CHAIN, {"n": n})
            found.form.engine.interpreted(*PROGRAMS)
            results(found.form, np.ones(n))
        finally:
            sys.setprofile(None)
        return count

    calls(40)
    few, many = calls(60), calls(6_000)
    assert many < few + 200


def test_every_model_has_each_entry_once() -> None:
    for name, text in models.EVERY.items():
        form = case(models.HEAD + text, models.DATA).form
        for rows, columns in (form.jacobian_pattern, form.hessian_pattern):
            keys = list(zip(rows.tolist(), columns.tolist(), strict=True))
            assert keys == sorted(set(keys)), name
