"""Assignment products as rows: optima by enumeration, the products at every point, routes, starts, refusals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of

import optc
from optc.backends import highs
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import LinearForm, QuadraticForm
from optc.compiler.lowerings import instance_to_quadratic, quadratic_to_linear

ASSIGNMENT = """
param n
param f[1..n, 1..n]; param d[1..n, 1..n]; param c[1..n, 1..n]
var x[1..n, 1..n] binary
{sense} sum(f[i, j] * d[k, l] * x[i, k] * x[j, l] for i in 1..n, j in 1..n, k in 1..n, l in 1..n) +
  sum(c[i, k] * x[i, k] for i in 1..n, k in 1..n) + 7
subject to
  somewhere[i in 1..n]: sum(x[i, k] for k in 1..n) == 1
  somebody[k in 1..n]: sum(x[i, k] for i in 1..n) == 1
"""
GROUPS = """
set G = 1..3
set O = 1..3
param a[G, O, G, O]; param e[G, O]
choose z[G] from O
var b binary
var u[1..2] binary
{sense} sum(a[g, o, h, p] * (z[g] == o) * (z[h] == p) for g in G, h in G, o in O, p in O if g < h) +
  b * sum(e[g, o] * (z[g] == o) for g in G, o in O) + b^2 - 2 * u[1] * (z[1] == 2) +
  sum(e[g, 1] * (z[g] == 1) * (z[g] == 3) for g in G)
subject to
  few: b + u[1] + u[2] <= 2
  linked: u[1] + b <= 1 + (z[2] == 3)
"""


def quadratic(text: str, data: dict[str, Any]) -> QuadraticForm:
    instance = instance_of(program_of(text), data)
    assert instance_to_quadratic.accepts(instance) is None
    return instance_to_quadratic.lower(instance)[0]


def solve(form: LinearForm) -> Any:
    return highs.solve(form, Goal(gap=1e-9), highs.Options(), contexts.start(), None)


def assignment(seed: int, n: int = 4) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    sparse = random.random((n, n)) < (0.4 if seed % 2 else 1.0)
    return {
        "n": n,
        "f": random.integers(-3, 9, (n, n)) * sparse,
        "d": random.integers(0, 9, (n, n)),
        "c": random.integers(-5, 5, (n, n)),
    }


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
@pytest.mark.parametrize("seed", range(6))
def test_assignments_have_the_optimum_of_enumeration(seed: int, sense: str) -> None:
    data = assignment(seed)
    f, d, c, n = data["f"], data["d"], data["c"], data["n"]
    values = [
        (f * d[np.ix_(p, p)]).sum() + c[np.arange(n), p].sum() + 7 for p in map(list, itertools.permutations(range(n)))
    ]
    form = quadratic(ASSIGNMENT.format(sense=sense), data)
    assert quadratic_to_linear.accepts(form) is None
    linear, inverse = quadratic_to_linear.lower(form)
    raised = quadratic_to_linear.raised(solve(linear), inverse)
    assert raised.claim == "optimal"
    assert raised.objective == pytest.approx(min(values) if sense == "minimize" else max(values))
    assert raised.x is not None
    assert len(raised.x) == n * n
    x = np.rint(raised.x).reshape(n, n).argmax(axis=1)
    assert (f * d[np.ix_(x, x)]).sum() + c[np.arange(n), x].sum() + 7 == pytest.approx(raised.objective)


def test_the_rows_are_those_of_adams_and_johnson_with_one_column_a_pair() -> None:
    n = 5
    random = np.random.default_rng(1)
    data = {"n": n, "f": random.integers(1, 9, (n, n)), "d": random.integers(1, 9, (n, n)), "c": np.zeros((n, n))}
    form = quadratic(ASSIGNMENT.format(sense="minimize"), data)
    linear, _ = quadratic_to_linear.lower(form)
    assert linear.shape == (2 * n + 2 * n * n * (n - 1), n * n + n * n * (n - 1) ** 2 // 2)
    assert linear.integer.sum() == n * n
    assert (np.diff(linear.starts)[2 * n :] == n).all()


@pytest.mark.parametrize("seed", range(4))
def test_at_every_assignment_the_columns_are_the_products_and_nothing_else(seed: int) -> None:
    data = assignment(seed, n=3)
    form = quadratic(ASSIGNMENT.format(sense="minimize"), data)
    linear, inverse = quadratic_to_linear.lower(form)
    owner = np.repeat(np.arange(linear.shape[0]), np.diff(linear.starts))
    for order in itertools.permutations(range(3)):
        x = np.zeros((3, 3))
        x[np.arange(3), list(order)] = 1
        point = quadratic_to_linear.extend(x.reshape(-1), inverse)
        rows = np.bincount(owner, weights=linear.values * point[linear.indices], minlength=linear.shape[0])
        assert (rows >= linear.row_lower).all() and (rows <= linear.row_upper).all()
        for sense in ("minimize", "maximize"):  # the only point above the assignment
            lower, upper = linear.lower.copy(), linear.upper.copy()
            lower[:9] = upper[:9] = x.reshape(-1)
            random = np.random.default_rng(seed)
            cost = np.concatenate([np.zeros(9), random.normal(size=linear.shape[1] - 9)])
            fixed = LinearForm(
                sense, cost, 0.0, linear.starts, linear.indices, linear.values, linear.row_lower, linear.row_upper,
                lower, upper, np.zeros_like(linear.integer),
            )  # fmt: skip
            assert solve(fixed).x == pytest.approx(point, abs=1e-7)


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
@pytest.mark.parametrize("seed", range(5))
def test_groups_beside_lone_binaries_have_the_optimum_of_enumeration(seed: int, sense: str) -> None:
    random = np.random.default_rng(seed)
    a, e = random.integers(-5, 6, (3, 3, 3, 3)), random.integers(-4, 5, (3, 3))
    found = []
    for z in itertools.product(range(3), repeat=3):
        for b, u1, u2 in itertools.product((0, 1), repeat=3):
            if b + u1 + u2 <= 2 and u1 + b <= 1 + (z[1] == 2):
                pairs = sum(a[g, z[g], h, z[h]] for g in range(3) for h in range(g + 1, 3))
                found.append(pairs + b * sum(e[g, z[g]] for g in range(3)) + b - 2 * u1 * (z[0] == 1))
    solution = optc.parse(GROUPS.format(sense=sense)).bind({"a": a, "e": e}).solve(backend="highs", gap=1e-9)
    assert solution.route[-3:] == ("quadratic", "linear", "highs")
    assert solution.status == "optimal"
    assert solution.objective == (min(found) if sense == "minimize" else max(found))
    assert [line for line in solution.certificate if line.status == "failed"] == []


def test_it_is_the_way_of_a_quadratic_assignment_and_a_start_is_given_its_products() -> None:
    text = """
set I = 1..4
param f[I, I] = [[0, 3, 0, 1], [3, 0, 2, 0], [0, 2, 0, 4], [1, 0, 4, 0]]
param d[k in I, l in I] = abs(k - l)
choose s[I] from I
minimize sum(f[i, j] * d[s[i], s[j]] for i in I, j in I)
subject to
  one[k in I]: count(s[i] == k for i in I) == 1
"""
    problem = optc.parse(text).bind()
    solution = problem.solve(n="all", start={"s": [1, 2, 3, 4]})
    assert solution.route[-4:] == ("choices to binaries", "quadratic", "linear", "highs")
    f = np.array([[0, 3, 0, 1], [3, 0, 2, 0], [0, 2, 0, 4], [1, 0, 4, 0]])
    orders = [np.array(p) for p in itertools.permutations(range(4))]
    values = [float((f * np.abs(p[:, None] - p[None, :])).sum()) for p in orders]
    assert (solution.status, solution.objective) == ("optimal", min(values))
    assert len(solution.alternatives) + 1 == values.count(min(values))
    assert solution.alternatives_complete


def test_an_infeasible_assignment_is_told_by_its_rows() -> None:
    text = "choose s[1..2] from 1..2\nminimize s[1] * s[2]\nsubject to\n  a: s[1] + s[2] >= 5"
    solution = optc.parse(text).bind().solve(backend="highs")
    assert solution.status == "infeasible"
    assert [line.status for line in solution.certificate] == ["proved"]


REFUSED = {
    "var x[1..3] binary\nminimize x[1] * x[2] - x[3]\nsubject to\n  r: x[2] + x[3] >= 1": "neither of which stands",
    "var x[1..3] integer in [0, 2]\nminimize x[1] * x[2]\nsubject to\n  r: x[1] + x[2] == 1": "not all binary",
    "var x[1..3] binary\nvar y in [0, 1]\nminimize y * x[2]\nsubject to\n  r: x[1] + x[2] == 1": "not all binary",
    "param k = 0\nvar x[1..3] binary\nminimize k * x[1] * x[2]\nsubject to\n  r: x[1] + x[2] == 1": "no products",
}


@pytest.mark.parametrize("text", REFUSED)
def test_other_products_are_refused(text: str) -> None:
    reason = quadratic_to_linear.accepts(quadratic(text, {}))
    assert reason is not None
    assert REFUSED[text] in reason.message
    assert optc.parse(text).bind().solve().status == "optimal"  # another route is taken


def test_too_many_products_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    form = quadratic(ASSIGNMENT.format(sense="minimize"), assignment(2, n=5))
    monkeypatch.setattr(quadratic_to_linear, "LARGEST", 100)
    reason = quadratic_to_linear.accepts(form)
    assert reason is not None
    assert "more than 100 products" in reason.message


def test_squares_alone_become_costs() -> None:
    text = "var x[1..3] binary\nmaximize sum(k * x[k]^2 - x[k] for k in 1..3)\nsubject to\n  r: x[1] + x[2] == 1"
    linear, _ = quadratic_to_linear.lower(quadratic(text, {}))
    assert linear.shape == (1, 3)
    assert linear.cost.tolist() == [0.0, 1.0, 2.0]
