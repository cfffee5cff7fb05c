"""Rows that are second-order cones by their squares, or convex by roots: none too many, and the usual ones all."""

from __future__ import annotations

import math

import numpy as np
import pytest
from agreement import instance_of, program_of
from hypothesis import given, settings
from hypothesis import strategies as st

from optc.compiler.facts.convexity import CONES, ROOTS, Proof, Reason, convex_problem
from optc.compiler.facts.quadratic_cones import QuadraticCones, quadratic_cones
from optc.compiler.facts.quadratic_rows import Entries
from optc.compiler.instance.instance import Instance

HEAD = """
set I = 1..3
param c[i in I] = i - 1
param e[i in I] = if i == 1 then 1 else 0
param F[i in I, j in I] = if i == j then 2 else if i > j then 1 else 0
var x[I] in [-2, 2]
var s in [-1, 4]
var t >= 0
var u >= 0
var v >= 0
var w[I] >= 0
var y >= 0.1
var f
var z
let length = sum(x[i]^2 for i in I)
"""

# A convex row, and one that differs little and is not.
CONE_PAIRS = [
    ("length <= t^2", "length <= s^2"),
    ("t^2 - length >= 0", "s^2 - length >= 0"),
    ("0 <= 3 * t^2 - 2 * length", "0 <= 3 * f^2 - 2 * length"),
    ("length + 1 <= t^2", "length - 1 <= t^2"),
    ("sum((x[i] - i)^2 for i in I) <= (2 * t + 1)^2", "sum((x[i] - i)^2 for i in I) <= (2 * t - 1)^2"),
    ("sum(F[i, j] * x[i] * x[j] for i in I, j in I) <= t^2", "sum(F[i, j] * x[i] * x[j] for i in I, j in I) <= f^2"),
    ("length <= u * v", "length <= u * f"),
    ("length <= (u + 1) * (v + 2)", "length <= (u + 1) * (v - 2) + 2"),
    ("u * v >= 2", "u * v <= 2"),
    ("u * v >= z^2", "u * s >= z^2"),
    ("u * v >= (u - v)^2 + z^2", "u * v >= z^2 - 1"),
    ("z^2 <= y * f", "z^2 <= t * f"),
    ("f * t >= 1", "f * t >= 0"),
    ("f * t >= 1 + z^2", "f * t >= z^2"),
    ("(t + x[1])^2 + z^2 <= 4 * t^2", "(t + x[1])^2 + z^2 <= 4 * f^2"),
    ("z^2 <= (t + u)^2", "z^2 <= (t - u)^2"),
    ("z^2 <= (x[1] + 2)^2", "z^2 <= (x[1] + 1.9)^2"),
    ("z^2 <= (x[1] - 2)^2", "z^2 <= (x[1] - 1.9)^2"),
    ("x[i]^2 + c[i] * z^2 <= t^2", "x[i]^2 - c[i] * z^2 <= t^2"),
    ("length <= c[i] * t^2 + e[i] * u", "length <= c[i] * t^2 + u"),
    ("z^2 <= t^2 + 2 * t * u + u^2", "z^2 <= t^2 + 1.999 * t * u + u^2"),
    ("z^2 <= t^2 + 2.001 * t * u + u^2", "z^2 <= t^2 + u^2"),
    ("z^2 <= t^2 - 1e-9", "z^2 <= t^2 + 1e-9"),
    ("(f - 1e5)^2 <= t^2", "(f - 1e5)^2 <= t^2 + 1e-2"),
    ("sum((x[i] - 1e5 * i)^2 for i in I) <= t^2", "sum((x[i] - 1e5 * i)^2 for i in I) <= t^2 + 1e-2"),
    ("(f - 2 * z - 1e4)^2 + (f + z)^2 <= t^2 - 1e-3", "(f - 2 * z - 1e4)^2 + (f + z)^2 <= t^2 + 1e-3"),
    ("(f - 1e5)^2 <= u * v", "(f - 1e5)^2 <= (u + 0.1) * v + 1e-2"),
    ("1e6 * z^2 <= 1e-6 * u * v", "1e6 * z^2 <= 1e-6 * u * f"),
]
ROOT_PAIRS = [
    ("u * v * t >= 1", "u * v * s >= 1"),
    ("2 * u * v * t - 3 >= 0", "2 * u * v * t - 3 <= 0"),
    ("u * v * t >= y^3", "u * v * t >= y^2"),
    ("u^2 * v >= y^3", "u^2 * v >= y^2.5"),
    ("prod(w[i] for i in I) >= t^3", "prod(w[i] for i in I) >= t"),
    ("t^3 >= y^3", "t^3 >= y^2"),
    ("norm2(x[i] for i in I)^2 <= t^2", "norm2(x[i] for i in I)^2 <= s^2"),
    ("u * v >= exp(z)", "u * v >= exp(z) - 1"),
    ("sqrt(1 + z^4) <= 2", "sqrt(z^4 - 1) <= 2"),
    ("4 >= sqrt(1 + z^4) * 2", "4 >= sqrt(z^4 - 1) * 2"),
    ("log(1 + z^2) <= c[i]", "log(1 + z^2) >= c[i]"),
    ("log(1 + z^2) <= log(y)", "log(z^2 - 1) <= log(y)"),
    ("norm2(x[i] for i in I)^4 <= u * v * t * y", "norm2(x[i] for i in I)^3 <= u * v * t * y"),
]


def problem(row: str) -> Instance:
    over = "[i in I]" if "c[i]" in row or "e[i]" in row else ""
    return instance_of(program_of(f"{HEAD}minimize z\nsubject to\n  a{over}: {row}\n"), {})


@pytest.mark.parametrize(("fact", "pair"), [(CONES, p) for p in CONE_PAIRS] + [(ROOTS, p) for p in ROOT_PAIRS])
def test_rows_and_their_twins(fact: str, pair: tuple[str, str]) -> None:
    found = convex_problem(problem(pair[0]))
    assert isinstance(found, Proof) and found.facts[-1] == ("a", fact) and not found.by_functions
    assert isinstance(convex_problem(problem(pair[1])), Reason)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "s^2 - length >= 0",
            "`s^2 - length >= 0` is not a convex set: its points lie in a cone and in its mirror image, and the bounds "
            "of `s`, [-1, 4], do not keep them to one",
        ),
        (
            "length <= u * f",
            "`length <= u * f` is not a convex set: its points lie in a cone and in its mirror image, and the "
            "bounds of `f`, [-inf, inf], do not keep them to one",
        ),
        ("x[i]^2 + e[i] * t^2 <= s^2 + 1", "`s^2` is not concave: it is convex where its argument is in [-1, 4]"),
    ],
)
def test_the_reason_names_what_is_missing(row: str, message: str) -> None:
    found = convex_problem(problem(row))
    assert isinstance(found, Reason) and found.diagnostic.place is not None
    assert found.diagnostic.message == message


def test_rows_that_are_not_there_are_convex() -> None:
    rows = "  a[i in I if i > 5]: x[i]^2 <= f^2\n  b[i in I if i > 5]: x[i] * f * z >= 1"
    assert isinstance(convex_problem(instance_of(program_of(f"{HEAD}minimize z\nsubject to\n{rows}\n"), {})), Proof)
    empty = "a: sum(x[i]^2 for i in I if i > 5) + z^2 <= t^2"
    assert isinstance(convex_problem(instance_of(program_of(f"{HEAD}minimize z\nsubject to\n  {empty}\n"), {})), Proof)


def test_bounds_that_rows_imply_count() -> None:
    """The sign of a form may come from linear rows, which hold for every point."""
    free = "{head}minimize z\nsubject to\n  b: 3 * s - u >= {low}\n  a: length <= s^2\n"
    assert isinstance(convex_problem(instance_of(program_of(free.format(head=HEAD, low=0)), {})), Proof)
    assert isinstance(convex_problem(instance_of(program_of(free.format(head=HEAD, low=-1)), {})), Reason)


# ---------------------------------------------------------------------------------------------------- random matrices
def entries_of(matrices: np.ndarray) -> Entries:
    """The products of two decisions of symmetric matrices, ``(rows, n + 1, n + 1)``."""
    below = np.tri(matrices.shape[1], dtype=bool)
    row, first, second = np.nonzero(below[None] & (matrices != 0))
    twice = np.where(first == second, 1.0, 2.0)
    return Entries(row, first, second, twice * matrices[row, first, second])


def parts_of(found: QuadraticCones, row: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """``d`` and ``N`` of a row."""
    top, rest = np.zeros(n + 1), np.zeros((n + 1, n + 1))
    own = found.top.row == row
    np.add.at(top, found.top.column[own], found.top.value[own])
    own = found.rest.row == row
    half = found.rest.value[own] / 2
    np.add.at(rest, (found.rest.first[own], found.rest.second[own]), half)
    np.add.at(rest, (found.rest.second[own], found.rest.first[own]), half)
    return top, rest


ENDS = [(-1.0, 1.0), (0.0, 3.0), (0.5, 2.0), (-2.0, 0.0), (0.0, math.inf), (-math.inf, math.inf), (-math.inf, 1.0)]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_called_a_cone_is_one(seed: int) -> None:
    """The split is exact, its form keeps its sign at points of the rows, and their middles are points again."""
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(2, 5)), 40
    matrices = rng.choice([-2.0, -1, -0.5, 0, 0, 0, 0.5, 1, 2], size=(rows, n + 1, n + 1))
    matrices = np.tril(matrices) + np.swapaxes(np.tril(matrices, -1), 1, 2)
    bounds = [ENDS[k] for k in rng.integers(len(ENDS), size=n)]
    lower, upper = (np.array(end) for end in zip(*bounds, strict=True))
    found = quadratic_cones(entries_of(matrices), rows, lower, upper)
    points = np.append(
        np.clip(rng.normal(0, rng.choice([1, 4], size=(3000, 1)), (3000, n)), lower, upper), np.ones((3000, 1)), axis=1
    )
    for row in np.flatnonzero(found.holds | found.halved):
        values = np.linalg.eigvalsh(matrices[row])
        assert (values < -1e-9).sum() == 1
        if not found.holds[row]:
            continue
        top, rest = parts_of(found, int(row), n)
        assert np.allclose(rest - np.outer(top, top), matrices[row], atol=1e-12 * np.abs(matrices[row]).max())
        assert np.linalg.eigvalsh(rest)[0] >= -1e-9
        inside = points[np.einsum("ki,ij,kj->k", points, matrices[row], points) <= 0]
        assert (inside @ top >= -1e-9).all()
        middles = (inside[:-1] + inside[1:]) / 2
        assert (np.einsum("ki,ij,kj->k", middles, matrices[row], middles) <= 1e-9).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_cones_that_were_made_are_found(seed: int) -> None:
    """Squares of random linear forms below one square, or below a product, of forms that are bounded from below."""
    rng = np.random.default_rng(seed)
    n, rows = int(rng.integers(2, 7)), 12
    scale = 10.0 ** rng.integers(0, 4)
    squares = scale * rng.normal(size=(rows, int(rng.integers(1, n + 1)), n + 1))
    if rng.random() < 0.3:
        squares[:, :, -1] = 0.0
    lower = rng.choice([-1.0, 0.0, 2.0], size=n)
    tops = np.abs(rng.normal(size=(2, rows, n + 1))) * (rng.random((2, rows, n + 1)) < 0.6)
    tops[:, :, 0] += 0.1
    tops[:, :, -1] = -(tops[:, :, :-1] @ lower)
    if rng.random() < 0.5:
        tops[1] = tops[0]
    made = np.einsum("rki,rkj->rij", squares, squares)
    for k, m in ((0, 1), (1, 0)):
        made = made - np.einsum("ri,rj->rij", tops[k], tops[m]) / 2
    found = quadratic_cones(entries_of(made), rows, lower, np.full(n, math.inf))
    values = np.linalg.eigvalsh(made / np.abs(made).max(axis=(1, 2), keepdims=True))
    clear = (values[:, 0] < -1e-6) & (np.abs(values).min(axis=1) > 1e-6)  # bounds suit the range of any regular matrix
    assert found.holds[clear].all()


def test_many_rows_at_once_and_a_long_one() -> None:
    """A hundred thousand cones of three decisions, and one of as many, are split in whole arrays."""
    count = 100_000
    row = np.repeat(np.arange(count), 3)
    column = np.column_stack([np.arange(count), count + np.arange(count), np.full(count, 2 * count)]).ravel()
    entries = Entries(row, column, column, np.tile([1.0, 1.0, -1.0], count))
    lower = np.append(np.full(2 * count, -np.inf), 0.0)
    found = quadratic_cones(entries, count, lower, np.full(2 * count + 1, np.inf))
    assert found.holds.all() and len(found.rest.row) == 2 * count
    long = Entries(
        np.zeros(2 * count + 1, dtype=np.int64), *(np.arange(2 * count + 1),) * 2, np.append(np.ones(2 * count), -1.0)
    )
    found = quadratic_cones(long, 1, lower, np.full(2 * count + 1, np.inf))
    assert found.holds.all() and found.top.column.tolist() == [2 * count]


def test_shifted_squares_of_many_decisions() -> None:
    """``sum (x_i - i)^2 <= t^2``: every decision meets the constant, and none another."""
    count = 5000
    shift = np.arange(1.0, count + 1)
    one = count + 1
    each = np.arange(count)
    ones = np.full(count, one)
    entries = Entries(
        np.zeros(2 * count + 2, dtype=np.int64),
        np.concatenate([each, each, [count, one]]),
        np.concatenate([each, ones, [count, one]]),
        np.concatenate([np.ones(count), -2 * shift, [-1.0, float(shift @ shift)]]),
    )
    lower = np.append(np.full(count, -np.inf), 0.0)
    assert quadratic_cones(entries, 1, lower, np.full(count + 1, np.inf)).holds.all()


@pytest.mark.parametrize(
    ("row", "known", "convex"),
    [
        ("z^2 <= (u - v)^2", "u >= v", True),
        ("z^2 <= (u - v)^2", "6 * v - 6 * u <= 0", True),
        ("z^2 <= (u - v)^2", "v >= u", True),
        ("z^2 <= (u - v)^2", "2 >= v - u >= 0", True),
        ("z^2 <= (u - v)^2", "u >= v - 0.1", False),
        ("z^2 <= (u - v)^2", "u >= 1.001 * v", False),
        ("z^2 <= (u - v)^2", "u + z >= v", False),
        ("z^2 + 1 <= (u - 2 * v + 3)^2", "2 * v <= u + 3", True),
        ("z^2 + 1 <= (u - 2 * v + 3)^2", "2 * v <= u + 3.1", False),
        ("z^2 <= s * f", "s + f >= 0", True),
        ("z^2 <= s * f", "s + f >= -0.1", False),
    ],
)
def test_a_row_tells_which_half_is_meant(row: str, known: str, convex: bool) -> None:
    text = f"{HEAD}minimize z\nsubject to\n  a: {row}\n  b: {known}\n  other: u + t >= 1\n"
    assert isinstance(convex_problem(instance_of(program_of(text), {})), Proof) is convex


def test_rows_tell_for_each_cone_of_a_family() -> None:
    text = """
set I = 1..200
param gap[i in I] = if i == 150 then {low} else 0
var p[I] in [-5, 5]
var q[I] in [-5, 5]
var z
minimize z
subject to
  a[i in I]: (z - i)^2 <= (p[i] - 2 * q[i] + 1)^2
  b[i in I]: gap[i] - 1 <= p[i] - 2 * q[i]
"""
    assert isinstance(convex_problem(instance_of(program_of(text.format(low=0)), {})), Proof)
    found = convex_problem(instance_of(program_of(text.format(low=-0.01)), {}))
    assert isinstance(found, Reason) and "at i = 150" in found.diagnostic.message
