"""Propagation through rows and pairs: what it settles holds at every point, and rows of pairs cut none off."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from optc.backends import highs
from optc.backends.complementarity_bb.branching import Box
from optc.backends.complementarity_bb.node_relaxation import without_objective
from optc.backends.complementarity_bb.pair_cuts import strengthened
from optc.backends.complementarity_bb.pair_propagation import Propagation
from optc.backends.conformance import INF, form
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import Floats, Ints, LinearForm

NONE = np.zeros(0, dtype=np.int32)


def never() -> bool:
    return False


def propagation(problem: LinearForm, pairs: list[tuple[int, int]]) -> Propagation:
    whole = np.flatnonzero(problem.integer).astype(np.int32)
    return Propagation(problem, np.array(pairs, dtype=np.int32).reshape(-1, 2), whole, 1e-6)


def test_one_decision_settles_a_chain() -> None:
    # x_k + x_(k+1) == 1: one x at zero makes the next 1, whose partner y is zero.
    n = 6
    rows = np.zeros((n - 1, 2 * n))
    rows[np.arange(n - 1), np.arange(n - 1)] = rows[np.arange(n - 1), np.arange(1, n)] = 1.0
    problem = form([0.0] * 2 * n, rows.tolist(), [1] * (n - 1), [1] * (n - 1), [0] * 2 * n, [1] * n + [9] * n)
    own = propagation(problem, [(k, n + k) for k in range(n)])
    box = own.run((problem.lower, problem.upper))
    assert box is not None and not (box[1] == 0).any()
    box[1][0] = 0.0
    found = own.run(box)
    assert found is not None
    assert found[1][n:] == pytest.approx([9, 0, 9, 0, 9, 0])
    assert found[0][:n] == pytest.approx([0, 1, 0, 1, 0, 1], abs=1e-6)


def test_two_columns_of_a_pair_away_from_zero_leave_nothing() -> None:
    problem = form([0, 0, 0], [[1, 1, 0], [1, 0, -1]], [3, 0], [INF, 0], [0] * 3, [2, 2, 9])
    assert propagation(problem, [(0, 1)]).run((problem.lower, problem.upper)) is None
    assert propagation(problem, [(1, 2)]).run((problem.lower, problem.upper)) is None
    assert propagation(problem, []).run((problem.lower, problem.upper)) is not None


def test_whole_columns_are_rounded_inwards_and_rows_without_entries_are_no_matter() -> None:
    problem = form([0, 0], [[2, 1], [0, 0]], [1, -1], [5, 1], [0, 0], [INF, INF], integer=[True, False])
    found = propagation(problem, []).run((problem.lower, problem.upper))
    assert found is not None
    assert found[1][0] == 2.0 and found[1][1] == pytest.approx(5.0)


def random_problem(seed: int) -> tuple[LinearForm, Ints]:
    random = np.random.default_rng(seed)
    k = 4
    rows = random.integers(-3, 4, (k, 2 * k + 1)) * (random.random((k, 2 * k + 1)) < 0.6)
    inside = random.integers(0, 4, 2 * k + 1)
    inside[np.where(random.random(k) < 0.5, np.arange(k), np.arange(k) + k)] = 0
    upper = np.where(random.random(2 * k + 1) < 0.5, 5.0, np.inf)
    problem = form(
        [0.0] * (2 * k + 1),
        rows.tolist(),
        (rows @ inside - random.integers(0, 2, k)).tolist(),
        (rows @ inside + random.integers(0, 2, k)).tolist(),
        [0] * (2 * k + 1),
        upper.tolist(),
    )
    return problem, np.stack([np.arange(k), np.arange(k) + k], axis=1).astype(np.int32)


def extremes(problem: LinearForm, pairs: Ints) -> tuple[Floats, Floats]:
    """The least and largest values of all columns over the points that keep the pairs, by enumeration."""
    n = problem.shape[1]
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    for sides in itertools.product((0, 1), repeat=len(pairs)):
        upper = problem.upper.copy()
        upper[pairs[np.arange(len(sides)), list(sides)]] = 0.0
        leaf = without_objective(problem, problem.lower, upper)
        for column, sign in itertools.product(range(n), (1.0, -1.0)):
            leaf.cost[:] = 0.0
            leaf.cost[column] = sign
            found = highs.solve(leaf, Goal(), highs.Options(), contexts.start(), None)
            if found.claim == "infeasible":
                break
            end = -np.inf if found.objective is None or found.claim == "unbounded" else found.objective
            if sign > 0:
                low[column] = min(low[column], end)
            else:
                high[column] = max(high[column], -end)
    return low, high


@pytest.mark.parametrize("seed", range(12))
def test_bounds_hold_at_every_point(seed: int) -> None:
    problem, pairs = random_problem(seed)
    own = propagation(problem, pairs.tolist())
    low, high = extremes(problem, pairs)
    assert (high >= low - 1e-6).all()  # a point was put in
    tight = 0
    boxes: list[Box | None] = [own.run((problem.lower, problem.upper))]
    boxes.append(own.probed((problem.lower, problem.upper), 99, never))
    for box in boxes:
        assert box is not None
        assert (box[0] <= low + 1e-6).all() and (box[1] >= high - 1e-6).all()
        tight += int(((box[1] < problem.upper) | (box[0] > problem.lower)).sum())
    first, second = boxes
    assert first is not None and second is not None
    assert (second[1] <= first[1] + 1e-6 * np.maximum(1.0, np.abs(first[1]))).all()
    cut = strengthened(problem, pairs, second)
    after = extremes(cut, pairs)
    assert after[0] == pytest.approx(low, abs=1e-6) and after[1] == pytest.approx(high, abs=1e-6)


def test_rows_of_pairs_are_their_convex_hull() -> None:
    problem = form([-1.0, -1.0, 0.0], [], [], [], [0] * 3, [4, 2, INF])
    pairs = np.array([[1, 0], [0, 2]], dtype=np.int32)
    cut = strengthened(problem, pairs, (problem.lower, problem.upper))
    assert cut.shape == (1, 3)  # the second pair has a column without a bound
    found = highs.solve(without_objective(cut, cut.lower, cut.upper), Goal(), highs.Options(), contexts.start(), None)
    assert found.claim == "optimal"
    assert highs.solve(cut, Goal(), highs.Options(), contexts.start(), None).objective == pytest.approx(-4.0)


def test_probing_ends_where_it_tells_nothing() -> None:
    n = 60
    problem = form([0.0] * 2 * n, [[1.0] * 2 * n], [-INF], [1e6], [0] * 2 * n, [INF] * 2 * n)
    own = propagation(problem, [(k, n + k) for k in range(n)])
    own.probed((problem.lower, problem.upper), 5, never)
    least = own.work
    own.probed((problem.lower, problem.upper), 99, never)
    assert own.work - least > 5 * least
