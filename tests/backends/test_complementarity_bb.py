"""Branch and bound on complementarity pairs: known optima, enumeration, changes that change nothing, and limits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from optc.backends import complementarity_bb, conformance, highs, known_point
from optc.backends.complementarity_bb import Options
from optc.backends.complementarity_bb.node_relaxation import Relaxation, Relaxed
from optc.backends.complementarity_bb.search import Statistics, search
from optc.backends.conformance import INF, form, negated
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.complementarity import ComplementarityForm, from_discrete
from optc.compiler.forms.discrete import DiscreteForm, Indicators, Pairs
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm, Slice

EXACT = Goal(gap=1e-9)
Matrix = Sequence[Sequence[float]]


# -------------------------------------------------------------------------------------------------------- building
def paired(plain: LinearForm, pairs: Sequence[tuple[int, int]]) -> ComplementarityForm:
    """The form with pairs."""
    own = {entry.name: getattr(plain, entry.name) for entry in fields(plain)}
    if not isinstance(plain, QuadraticForm):
        own["hessian_starts"] = np.zeros(plain.shape[1] + 1, dtype=np.int32)
        own["hessian_indices"], own["hessian_values"] = np.zeros(0, dtype=np.int32), np.zeros(0)
    return ComplementarityForm(**own, pairs=np.array(pairs, dtype=np.int32).reshape(-1, 2))


def bilevel(
    leader: tuple[Matrix, Sequence[float], float],
    upper: tuple[Matrix, Sequence[float]],
    x: tuple[Sequence[float], Sequence[float]],
    follower: tuple[Matrix, Matrix, Sequence[float]],
    lower: tuple[Matrix, Sequence[float]],
) -> ComplementarityForm:
    """The Karush-Kuhn-Tucker conditions of a follower in the place of the follower.

    Leader: min z'Hz/2 + c'z + offset over z = (x, y) with G z <= g and bounds of x. Follower: min y'Py/2 + x'R'y + r'y
    with A z <= b (bounds of y among them). Columns: x, y, multipliers, slacks; pairs: multiplier and slack.
    """
    hessian, cost, offset = leader
    curvature, effect, slope = (np.array(part, dtype=np.float64) for part in follower)
    rows, right = np.array(lower[0], dtype=np.float64), np.array(lower[1], dtype=np.float64)
    n, count, total = len(x[0]), len(slope), len(rows)
    above = np.array(upper[0], dtype=np.float64).reshape(-1, n + count)
    width = n + count + 2 * total
    stationary = np.hstack([effect, curvature, rows[:, n:].T, np.zeros((count, total))])
    slack = np.hstack([rows, np.zeros((total, total)), np.eye(total)])
    matrix = np.vstack([np.hstack([above, np.zeros((len(above), 2 * total))]), stationary, slack])
    full = np.zeros((width, width))
    full[: n + count, : n + count] = np.array(hessian, dtype=np.float64)
    return paired(
        form(
            [*cost, *[0.0] * (2 * total)],
            matrix.tolist(),
            [*[-INF] * len(above), *(-slope), *right],
            [*upper[1], *(-slope), *right],
            [*x[0], *[-INF] * count, *[0.0] * (2 * total)],
            [*x[1], *[INF] * (count + 2 * total)],
            hessian=full.tolist(),
            offset=offset,
        ),
        [(n + count + k, n + count + total + k) for k in range(total)],
    )


def diagonal(*entries: float) -> Matrix:
    return [[entry if k == j else 0.0 for j in range(len(entries))] for k, entry in enumerate(entries)]


NONE: tuple[Matrix, Sequence[float]] = ([], [])
HALF = ([0.0], [INF])  # x >= 0

# Names as in the Bilevel Optimization LIBrary (S. Zhou, A. Zemkoho, A. Tin, arXiv 1812.00230); where that library
# prints another optimum (Aiyoshi-Shimizu, Falk-Liu, Dempe-Lohse), the one here was found by enumerating active sets.
BARD = bilevel(
    (diagonal(2, 8), [-10, 4], 26.0),
    NONE,
    HALF,
    ([[2]], [[-1.5]], [-2]),
    ([[-3, 1], [1, -0.5], [1, 1], [0, -1]], [-3, 4, 7, 0]),
)
CANDLER_TOWNSLEY = bilevel(
    (diagonal(0, 0, 0, 0, 0), [-8, -4, 4, -40, -4], 0.0),
    NONE,
    ([0.0, 0.0], [INF, INF]),
    (diagonal(0, 0, 0), [[0, 0]] * 3, [1, 1, 2]),
    (
        [
            [0, 0, -1, 1, 1],
            [2, 0, -1, 2, -0.5],
            [0, 2, 2, -1, -0.5],
            [0, 0, -1, 0, 0],
            [0, 0, 0, -1, 0],
            [0, 0, 0, 0, -1],
        ],
        [1, 1, 1, 0, 0, 0],
    ),
)
LIU_HART = bilevel(
    (diagonal(0, 0), [-1, -3], 0.0), NONE, HALF, ([[0]], [[0]], [1]), ([[-1, 1], [1, 2], [4, -1]], [3, 12, 12])
)
AIYOSHI_SHIMIZU = bilevel(
    (diagonal(0, 0, 0, 0), [2, 2, -3, -3], -60.0),
    ([[1, 1, 1, -2]], [40]),
    ([0.0, 0.0], [50.0, 50.0]),
    (diagonal(2, 2), [[-2, 0], [0, -2]], [40, 40]),
    (
        [[-1, 0, 2, 0], [0, -1, 0, 2], [0, 0, -1, 0], [0, 0, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1]],
        [-10, -10, 10, 10, 20, 20],
    ),
)
FALK_LIU = bilevel(
    (diagonal(2, 2, 2, 2), [-3, -3, 0, 0], 0.0),
    NONE,
    ([-INF, -INF], [INF, INF]),
    (diagonal(2, 2), [[-2, 0], [0, -2]], [0, 0]),
    ([[0, 0, -1, 0], [0, 0, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1]], [-0.5, -0.5, 1.5, 1.5]),
)
MUU_QUY = bilevel(
    (diagonal(2, 2, 2), [-4, 0, 0], 0.0),
    NONE,
    ([0.0], [2.0]),
    ([[2, 1], [1, 1]], [[-3], [1]], [1, 1]),
    ([[-2, 2, 1], [0, -1, 0], [0, 0, -1]], [1, 0, 0]),
)
DEMPE_LOHSE = bilevel(
    (diagonal(2, 2, 0, 0), [-1, -1, -3, -3], 0.5),
    NONE,
    ([-INF, -INF], [INF, INF]),
    (diagonal(0, 0), [[1, 0], [0, 1]], [0, 0]),
    ([[0, 0, 1, 1], [0, 0, -1, 1], [0, 0, -1, 0], [0, 0, 0, -1]], [2, 0, 0, 0]),
)
README = bilevel(
    (diagonal(0, 0), [1, 3], 0.0),
    ([[0, 1]], [5]),
    ([0.0], [8.0]),
    ([[0]], [[0]], [-1]),
    ([[1, 1], [-1, -4], [1, 2], [-7, 2]], [8, -8, 13, 0]),
)
KNOWN: dict[str, tuple[ComplementarityForm, float, list[float] | None]] = {
    "Bard 1988, example 1": (BARD, 17.0, [1, 0]),
    "Candler and Townsley 1982": (CANDLER_TOWNSLEY, -29.2, [0, 0.9, 0, 0.6, 0.4]),
    "Liu and Hart 1994": (LIU_HART, -16.0, [4, 4]),
    "Aiyoshi and Shimizu 1984, example 2": (AIYOSHI_SHIMIZU, 0.0, None),
    "Falk and Liu 1995": (FALK_LIU, -2.25, [0.75] * 4),
    "Muu and Quy 2003, example 1": (MUU_QUY, -27 / 13, [11 / 13, 10 / 13, 0]),
    "Dempe and Lohse 2011, example 3.1a": (DEMPE_LOHSE, -5.75, [0, 0.5, 2, 0]),
}


def random_form(seed: int, pairs: int, *, quadratic: bool, whole: int = 0, signed: bool = False) -> ComplementarityForm:
    """Columns x (3, the first ``whole`` of them whole), y and s = q + Nx + My; two rows on x and y."""
    random = np.random.default_rng(seed)
    n = 3 + 2 * pairs
    rows = np.zeros((2 + pairs, n))
    rows[:2, :3], rows[:2, 3 : 3 + pairs] = random.integers(-3, 6, (2, 3)), random.integers(-3, 6, (2, pairs))
    rows[2:, :3] = random.integers(-4, 5, (pairs, 3))
    rows[2:, 3 : 3 + pairs] = random.integers(-4, 4, (pairs, pairs)) - np.diag(random.integers(0, 6, pairs))
    rows[2:, 3 + pairs :] = np.eye(pairs)
    constant = random.integers(-9, 4, pairs)
    factor = random.integers(-2, 3, (n, 3))
    low, high = np.zeros(n), np.full(n, np.inf)
    high[:3] = 6
    if signed:
        low[3:], high[3:] = -random.integers(0, 5, 2 * pairs), random.integers(0, 9, 2 * pairs)
    plain = form(
        random.integers(-5, 9, n).tolist(),
        rows.tolist(),
        [*random.integers(-8, 6, 2), *constant],
        [INF, INF, *constant],
        low.tolist(),
        high.tolist(),
        integer=[k < whole for k in range(n)],
        hessian=(factor @ factor.T).tolist() if quadratic else None,
    )
    problem = paired(plain, [(3 + k, 3 + pairs + k) for k in range(pairs)])
    return paired(negated(plain), problem.pairs.tolist()) if seed % 4 == 3 else problem


def run(problem: LinearForm, goal: Goal = EXACT, **given: Any) -> tuple[Answer, Statistics]:
    context = given.pop("context", None) or contexts.start()
    start = given.pop("start", None)
    return search(problem, goal, Options(**given), context, start)


def keeps(problem: ComplementarityForm, x: Floats | None) -> None:
    """The point keeps rows, bounds, integrality and, exactly, the pairs."""
    assert x is not None
    assert x.shape == (problem.shape[1],)
    activity = known_point.activities(problem, x)
    assert (activity >= problem.row_lower - 1e-6).all() and (activity <= problem.row_upper + 1e-6).all()
    assert (x >= problem.lower).all() and (x <= problem.upper).all()
    assert (x[problem.integer] == np.rint(x[problem.integer])).all()
    assert (x[problem.pairs] == 0.0).any(axis=1).all()


def is_optimal(problem: ComplementarityForm, answer: Answer, wanted: float) -> None:
    assert (answer.claim, answer.termination) == ("optimal", "converged"), answer.message
    keeps(problem, answer.x)
    assert answer.objective == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    assert answer.bound == pytest.approx(wanted, rel=1e-6, abs=1e-6)


# --------------------------------------------------------------------------------------------------- known answers
@pytest.mark.parametrize("case", KNOWN)
@pytest.mark.parametrize("rounding", ["always", "dives", "never"])
def test_followers_by_their_optimality_conditions_in_tens_of_nodes(case: str, rounding: str) -> None:
    problem, optimum, point = KNOWN[case]
    answer, statistics = run(problem, rounding=rounding)
    is_optimal(problem, answer, optimum)
    assert 1 <= statistics.nodes <= 60
    assert answer.work == statistics.nodes and answer.unit == "nodes"
    if point is not None and answer.x is not None:
        assert answer.x[: len(point)] == pytest.approx(point, abs=1e-6)


def priced(worth: Sequence[float], room: Sequence[float], target: float) -> ComplementarityForm:
    """Convex quadratic followers below one price p in [0, 50]; the leader wants p = 20 and a total of ``target``.

    Follower i: min a^2 + b^2 + ab/2 - (worth_i - p) a - 2b over 0 <= a <= 8, b >= 0, a + b <= room_i.
    """
    n = len(worth)
    width = 1 + 2 * n
    hessian = np.zeros((width, width))
    hessian[0, 0] = 2.0
    hessian[1 : 1 + n, 1 : 1 + n] = 0.002
    cost = [-40.0, *[-0.002 * target] * n, *[0.0] * n]
    curvature = np.kron([[2.0, 0.5], [0.5, 2.0]], np.eye(n))
    effect = np.concatenate([np.ones(n), np.zeros(n)])[:, None]
    slope = np.concatenate([-np.array(worth), np.full(n, -2.0)])
    one, none = np.eye(n), np.zeros((n, n))
    blocks = [[-one, none], [one, none], [none, -one], [one, one]]
    rows = np.hstack([np.zeros((4 * n, 1)), np.block(blocks)])
    right = np.concatenate([np.zeros(n), np.full(n, 8.0), np.zeros(n), room])
    leader = (hessian.tolist(), cost, 400.0 + 0.001 * target**2)
    own = (curvature.tolist(), effect.tolist(), slope.tolist())
    return bilevel(leader, NONE, ([0.0], [50.0]), own, (rows.tolist(), right.tolist()))


def best_price(worth: Sequence[float], room: Sequence[float], target: float) -> float:
    """The leader's value on a fine grid of prices, by the followers' answers in closed form on a grid of ``a``."""
    price = np.linspace(0.0, 50.0, 5001)[:, None]
    total = np.zeros(5001)
    for each, most in zip(worth, room, strict=True):
        a = np.linspace(0.0, min(8.0, most), 2001)[None, :]
        b = np.clip((2.0 - 0.5 * a) / 2.0, 0.0, most - a)  # best for that a
        total += a[0, np.argmin(a**2 + b**2 + a * b / 2 - (each - price) * a - 2 * b, axis=1)]
    return float(np.min((price[:, 0] - 20) ** 2 + 0.001 * (total - target) ** 2))


@pytest.mark.parametrize("count", [3, 12, 30])
def test_followers_below_one_price_are_settled_by_propagation(count: int) -> None:
    random = np.random.default_rng(count)
    worth, room = random.uniform(10, 60, count).tolist(), random.uniform(2, 10, count).tolist()
    problem = priced(worth, room, 2.0 * count)
    answer, statistics = run(problem, Goal(gap=1e-6), context=contexts.start(time_limit=120))
    assert (answer.claim, answer.termination) == ("optimal", "converged"), answer.message
    keeps(problem, answer.x)
    assert answer.objective == pytest.approx(best_price(worth, room, 2.0 * count), abs=2e-3 * count)
    assert answer.bound is not None and answer.objective is not None
    assert answer.bound >= answer.objective - 1e-6 * max(1.0, answer.objective)
    assert statistics.nodes <= 10 * count


def test_a_follower_that_maximises() -> None:
    answer, _ = run(README)
    is_optimal(README, answer, 92 / 15)


def test_the_conditions_of_bard_and_moore_with_a_whole_leader() -> None:
    # A whole x moves Bard's optimum nowhere; the local one, (5, 2), is whole too, and must not be taken.
    whole = np.zeros(BARD.shape[1], dtype=np.bool_)
    whole[0] = True
    problem = replace(BARD, integer=whole)
    answer, _ = run(problem)
    is_optimal(problem, answer, 17.0)


def test_a_small_product_is_no_zero() -> None:
    # z <= 1e7 x, and x is zero because w is not; a tolerance of 1e-6 on pairs would give z = 10.
    plain = form([-1, 0, 0], [[1, -1e7, 0]], [-INF], [0], [0, 0, 1], [1e3, 1, 2])
    problem = paired(plain, [(1, 2)])
    answer, _ = run(problem, Goal())
    is_optimal(problem, answer, 0.0)


# ----------------------------------------------------------------------------------------------------- enumeration
def enumerated(problem: ComplementarityForm) -> tuple[str, float]:
    """Claim and optimum by one continuous problem for each way of setting columns of pairs to zero."""
    sign = 1.0 if problem.sense == "minimize" else -1.0
    kind = QuadraticForm if len(problem.hessian_values) else LinearForm
    own = {entry.name: getattr(problem, entry.name) for entry in fields(kind)}
    relaxed = kind(**{**own, "integer": np.zeros(problem.shape[1], dtype=np.bool_)})
    whole = np.flatnonzero(problem.integer)
    ranges = [range(int(problem.lower[j]), int(problem.upper[j]) + 1) for j in whole]
    best = np.inf
    for sides in itertools.product((0, 1), repeat=len(problem.pairs)):
        zeros = problem.pairs[np.arange(len(sides)), list(sides)]
        for numbers in itertools.product(*ranges):
            lower, upper = problem.lower.copy(), problem.upper.copy()
            lower[zeros], upper[zeros] = np.maximum(lower[zeros], 0), np.minimum(upper[zeros], 0)
            lower[whole] = upper[whole] = numbers
            leaf = replace(relaxed, lower=lower, upper=upper)
            found = highs.solve(leaf, Goal(), highs.Options(), contexts.start(), None)
            if found.claim == "unbounded":
                return "unbounded", -sign * np.inf
            assert found.claim in ("optimal", "infeasible"), found.message
            if found.objective is not None:
                best = min(best, sign * found.objective)
    return ("optimal", sign * best) if np.isfinite(best) else ("infeasible", np.nan)


def agrees(problem: ComplementarityForm, **given: Any) -> str:
    claim, optimum = enumerated(problem)
    answer, _ = run(problem, **given)
    assert answer.claim == claim, answer.message
    if claim == "optimal":
        is_optimal(problem, answer, optimum)
    return claim


@pytest.mark.parametrize("quadratic", [False, True], ids=["linear", "quadratic"])
def test_random_problems_agree_with_enumeration(quadratic: bool) -> None:
    claims = [agrees(random_form(seed, 1 + seed % 8, quadratic=quadratic)) for seed in range(24)]
    assert claims.count("optimal") >= 8 and claims.count("infeasible") >= 2


@pytest.mark.parametrize("quadratic", [False, True], ids=["linear", "quadratic"])
def test_random_problems_with_whole_columns_agree_with_enumeration(quadratic: bool) -> None:
    claims = [agrees(random_form(seed, 1 + seed % 3, quadratic=quadratic, whole=2)) for seed in range(12)]
    assert claims.count("optimal") >= 4


def test_columns_of_either_sign_agree_with_enumeration() -> None:
    claims = [agrees(random_form(seed, 1 + seed % 6, quadratic=bool(seed % 2), signed=True)) for seed in range(16)]
    assert claims.count("optimal") >= 6


@pytest.mark.parametrize("rounding", ["always", "never"])
def test_rounding_changes_nothing_of_the_optimum(rounding: str) -> None:
    for seed in range(8):
        agrees(random_form(seed, 5, quadratic=bool(seed % 2), whole=seed % 3 // 2), rounding=rounding)


# ------------------------------------------------------------------------------------ changes that change nothing
def shuffled(problem: ComplementarityForm, seed: int) -> ComplementarityForm:
    """Columns, rows and pairs in another order, and each pair perhaps the other way round."""
    random = np.random.default_rng(seed)
    m, n = problem.shape
    column, row = random.permutation(n), random.permutation(m)  # new position -> old
    place = np.argsort(column)
    dense = np.zeros((m, n))
    dense[np.repeat(np.arange(m), np.diff(problem.starts)), problem.indices] = problem.values
    lower_triangle = np.zeros((n, n))
    lower_triangle[problem.hessian_indices, np.repeat(np.arange(n), np.diff(problem.hessian_starts))] = (
        problem.hessian_values
    )
    hessian = lower_triangle + np.tril(lower_triangle, -1).T
    plain = form(
        problem.cost[column].tolist(),
        dense[np.ix_(row, column)].tolist(),
        problem.row_lower[row].tolist(),
        problem.row_upper[row].tolist(),
        problem.lower[column].tolist(),
        problem.upper[column].tolist(),
        sense=problem.sense,
        offset=problem.offset,
        integer=problem.integer[column].tolist(),
        hessian=hessian[np.ix_(column, column)].tolist(),
    )
    pairs = place[random.permutation(problem.pairs)]
    turned = random.random(len(pairs)) < 0.5
    pairs[turned] = pairs[turned][:, ::-1]
    return paired(plain, pairs.tolist())


def scaled(problem: ComplementarityForm, seed: int) -> ComplementarityForm:
    """Continuous columns and rows in other units, by powers of two."""
    random = np.random.default_rng(seed)
    m, n = problem.shape
    unit = np.where(problem.integer, 1.0, 2.0 ** random.integers(-4, 5, n))  # x = unit * x'
    row = 2.0 ** random.integers(-4, 5, m)
    at = np.repeat(np.arange(n), np.diff(problem.hessian_starts))
    return replace(
        problem,
        cost=problem.cost * unit,
        values=problem.values * unit[problem.indices] * np.repeat(row, np.diff(problem.starts)),
        row_lower=problem.row_lower * row,
        row_upper=problem.row_upper * row,
        lower=problem.lower / unit,
        upper=problem.upper / unit,
        hessian_values=problem.hessian_values * unit[at] * unit[problem.hessian_indices],
    )


SOME = [random_form(seed, 6, quadratic=bool(seed % 2), whole=seed % 3 // 2) for seed in range(12)]


@pytest.mark.parametrize("change", [shuffled, scaled])
def test_order_and_units_change_nothing(change: Any) -> None:
    optimal = 0
    for seed, problem in enumerate([BARD, MUU_QUY, DEMPE_LOHSE, *SOME]):
        first, _ = run(problem)
        other = change(problem, seed)
        second, _ = run(other)
        assert second.claim == first.claim
        if first.objective is not None:
            optimal += 1
            is_optimal(other, second, first.objective)
    assert optimal >= 8


def test_names_and_the_sense_change_nothing() -> None:
    for problem in (BARD, *SOME[:6]):
        n, m = problem.shape[1], problem.shape[0]
        named = replace(problem, columns=(Slice("a", 0, n),), rows=(Slice("b", 0, m),))
        first, steps = run(problem)
        second, again = run(named)
        turned, _ = run(paired(negated(problem_without_pairs(problem)), problem.pairs.tolist()))
        assert (first.claim, first.objective, steps) == (second.claim, second.objective, again)
        assert turned.claim == first.claim
        if first.objective is not None and turned.objective is not None:
            assert turned.objective == pytest.approx(-first.objective, rel=1e-7, abs=1e-7)


def problem_without_pairs(problem: ComplementarityForm) -> QuadraticForm:
    return QuadraticForm(**{entry.name: getattr(problem, entry.name) for entry in fields(QuadraticForm)})


def test_two_runs_are_the_same() -> None:
    for problem in SOME:
        (first, steps), (second, again) = run(problem), run(problem)
        assert steps == again
        assert first.objective == second.objective and first.bound == second.bound
        if first.x is not None and second.x is not None:
            assert np.array_equal(first.x, second.x)


# -------------------------------------------------------------------------------------------------------- odd cases
def test_pairs_of_which_both_are_zero() -> None:
    problem = paired(form([1, 1], [[1, 1]], [0], [INF], [0, 0], [5, 5]), [(0, 1)])
    answer, statistics = run(problem)
    is_optimal(problem, answer, 0.0)
    assert statistics.nodes == 1


def test_pairs_that_are_infeasible_together_alone() -> None:
    problem = paired(form([1, 1], [[1, 1], [1, -1]], [2, 0], [INF, 0], [0, 0], [5, 5]), [(0, 1)])
    answer, _ = run(problem)
    assert (answer.claim, answer.termination, answer.x, answer.objective) == ("infeasible", "converged", None, None)


def test_bounds_that_exclude_zero_decide_a_pair() -> None:
    one = paired(form([-1, -1], [], [], [], [1, 0], [5, 5]), [(0, 1)])
    answer, statistics = run(one)
    is_optimal(one, answer, -5.0)
    assert statistics.nodes == 1
    both = paired(form([-1, -1], [], [], [], [1, -3], [5, -2]), [(0, 1)])
    assert run(both)[0].claim == "infeasible"


def test_a_column_in_several_pairs_and_a_pair_of_a_column_with_itself() -> None:
    several = paired(form([-3, -2, -2], [], [], [], [0] * 3, [1] * 3), [(0, 1), (0, 2)])
    answer, _ = run(several)
    is_optimal(several, answer, -4.0)
    itself = paired(form([-1, -1], [], [], [], [0, 0], [3, 4]), [(0, 0)])
    answer, _ = run(itself)
    is_optimal(itself, answer, -4.0)


def test_a_whole_column_that_is_not_zero_forces_its_partner() -> None:
    plain = form([-1, -10], [[1, 0]], [0.5], [INF], [0, 0], [3.5, 1], integer=[True, False])
    problem = paired(plain, [(0, 1)])
    answer, _ = run(problem)
    is_optimal(problem, answer, -3.0)


@pytest.mark.parametrize("curved", [False, True], ids=["linear", "quadratic"])
def test_an_unbounded_relaxation_with_bounded_leaves(curved: bool) -> None:
    hessian = diagonal(0, 0, 2) if curved else None
    plain = form([-1, -2, 0], [[1, -1, 0], [0, 0, 1]], [-1, 1], [1, INF], [0] * 3, [INF] * 3, hessian=hessian)
    problem = paired(plain, [(0, 1)])
    answer, _ = run(problem)
    is_optimal(problem, answer, -1.0 if curved else -2.0)


@pytest.mark.parametrize("whole", [False, True], ids=["continuous", "whole"])
@pytest.mark.parametrize("curved", [False, True], ids=["linear", "quadratic"])
def test_an_unbounded_leaf(curved: bool, whole: bool) -> None:
    hessian = diagonal(0, 0, 2) if curved else None
    plain = form(
        [-1, -2, 0], [[1, 0, 0]], [-INF], [9], [0] * 3, [INF] * 3, integer=[whole, whole, False], hessian=hessian
    )
    problem = paired(plain, [(0, 1)])
    answer, _ = run(problem)
    assert (answer.claim, answer.bound) == ("unbounded", None)
    keeps(problem, answer.x)
    if answer.primal_ray is not None:
        ray = answer.primal_ray
        assert float(problem.cost @ ray) < 0 and (ray >= 0).all() and ray[0] == 0
    assert curved or answer.primal_ray is not None


def test_a_leaf_that_is_unbounded_only_without_integrality() -> None:
    # 2a + 2b = 1 has no whole solution.
    plain = form(
        [0, 0, -1, -1], [[2, 2, 0, 0]], [1], [1], [0] * 4, [3, 3, INF, INF], integer=[True, True, False, False]
    )
    assert run(paired(plain, [(2, 3)]))[0].claim == "infeasible"


def test_no_pairs_make_it_an_ordinary_branch_and_bound() -> None:
    def solve(problem: LinearForm, *given: Any) -> Answer:
        return complementarity_bb.solve(paired(problem, []), *given)

    both = frozenset({"linear", "quadratic"})
    known = {name: getattr(complementarity_bb, name) for name in ("name", "title", "install", "options", "version")}
    can = replace(complementarity_bb.capabilities, forms=both, integer=both)
    results = list(conformance.run(SimpleNamespace(**known, capabilities=can, solve=solve)))
    assert [str(result) for result in results if result.outcome == "failed"] == []
    assert sum(result.outcome == "passed" for result in results) > 30


def test_what_is_not_convex_is_refused_with_the_reason() -> None:
    # Henderson and Quandt 1958: x^2/2 + xy/2 - 95x is no convex function of (x, y).
    leader = ([[1, 0.5], [0.5, 0]], [-95.0, 0.0], 0.0)
    problem = bilevel(leader, NONE, ([0.0], [200.0]), ([[2]], [[0.5]], [-100]), ([[0, -1]], [0]))
    answer, statistics = run(problem)
    assert (answer.claim, answer.termination, answer.x) == ("none", "no route", None)
    assert "not convex" in answer.message
    assert statistics.nodes == 0


def test_a_discrete_form_with_pairs_alone_is_a_complementarity_form() -> None:
    own = {entry.name: getattr(BARD, entry.name) for entry in fields(QuadraticForm)}
    pairs = Pairs(BARD.pairs[:, 0], BARD.pairs[:, 1])
    discrete = DiscreteForm(**own, pairs=pairs)
    is_optimal(BARD, run(from_discrete(discrete))[0], 17.0)
    one = np.zeros(1, dtype=np.int32)
    with pytest.raises(ValueError, match="has indicators, which"):
        from_discrete(replace(discrete, indicators=Indicators(one, one, one)))
    flat = replace(discrete, hessian_starts=one[:0], hessian_indices=one[:0], hessian_values=np.zeros(0))
    answer, _ = run(from_discrete(flat))
    assert answer.claim == enumerated(from_discrete(flat))[0]


def test_pairs_that_name_no_column_are_refused() -> None:
    plain = form([1, 1], [], [], [], [0, 0], [1, 1])
    for wrong in ([(0, 2)], [(-1, 0)]):
        with pytest.raises(ValueError, match="columns of the form"):
            run(paired(plain, wrong))


# ------------------------------------------------------------------------------------------------ limits and reports
LONG = random_form(10, 16, quadratic=False)


def bounds_hold(answer: Answer, optimum: float) -> None:
    assert answer.bound is None or answer.bound <= optimum + 1e-6
    assert answer.objective is None or answer.objective >= optimum - 1e-6


def test_no_time_means_no_claim() -> None:
    answer, _ = run(LONG, context=contexts.start(time_limit=0.0))
    assert (answer.claim, answer.termination, answer.x) == ("none", "time limit", None)


def ticking(ticks: float) -> Context:
    """A context whose clock goes on by a second whenever it is read."""
    seconds = itertools.count()
    return contexts.start(time_limit=ticks, clock=lambda: float(next(seconds)))


def test_the_time_limit_leaves_point_and_bound() -> None:
    whole, statistics = run(LONG)
    assert whole.claim == "optimal" and whole.objective is not None
    claims = set()
    for ticks in (2, 20, 80, 200):
        answer, partial = run(LONG, context=ticking(ticks))
        assert answer.termination == "time limit" and partial.nodes < statistics.nodes
        bounds_hold(answer, whole.objective)
        claims.add(answer.claim)
        if answer.x is not None:
            keeps(LONG, answer.x)
    assert claims <= {"none", "feasible"} and "feasible" in claims


def test_the_node_limit_is_told_by_name() -> None:
    best, _ = run(LONG)
    assert best.objective is not None
    for limit in (0, 1, 5):
        answer, statistics = run(LONG, nodes=limit)
        assert answer.termination == "node limit" and statistics.nodes == limit
        bounds_hold(answer, best.objective)


def test_a_cancelled_search_ends_with_what_it_has() -> None:
    best, _ = run(LONG)
    assert best.objective is not None
    seen: list[Progress] = []
    context = contexts.start()

    def watch(progress: Progress) -> None:
        seen.append(progress)
        context.cancellation.cancel()

    answer, statistics = run(LONG, context=replace(context, progress=watch))
    assert answer.termination == "interrupted" and answer.claim in ("none", "feasible")
    assert len(seen) == 1 and statistics.nodes == seen[0].work
    bounds_hold(answer, best.objective)


def test_progress_tells_bound_and_incumbent() -> None:
    seen: list[Progress] = []
    seconds = itertools.count()
    context = contexts.start(progress=seen.append, clock=lambda: float(next(seconds)))
    answer, statistics = run(LONG, context=context)
    assert answer.objective is not None
    assert len(seen) > 3 and [each.work for each in seen] == list(range(1, len(seen) + 1))
    bounds = [each.bound for each in seen if each.bound is not None]
    points = [each.incumbent for each in seen if each.incumbent is not None]
    assert bounds == sorted(bounds) and max(bounds) <= answer.objective + 1e-6
    assert points == sorted(points, reverse=True) and points[-1] >= answer.objective - 1e-9
    assert statistics.relaxations >= statistics.nodes and statistics.points >= 1


def test_a_wide_gap_ends_early_and_the_bound_tells_so() -> None:
    exact, most = run(LONG)
    loose, fewer = run(LONG, Goal(gap=0.5))
    assert exact.objective is not None and loose.objective is not None and loose.bound is not None
    assert loose.claim == "optimal" and fewer.nodes <= most.nodes
    bounds_hold(loose, exact.objective)
    assert abs(loose.objective - loose.bound) <= 0.5 * max(1.0, abs(loose.objective)) + 1e-9


def test_a_start_gives_a_point_before_the_first_node() -> None:
    best, _ = run(LONG)
    assert best.x is not None
    again, _ = run(LONG, nodes=0, start=Start(best.x))
    assert (again.claim, again.termination) == ("feasible", "node limit")
    assert again.objective == pytest.approx(best.objective, rel=1e-7)
    unknown = np.full(LONG.shape[1], np.nan)
    assert run(LONG, start=Start(unknown))[0].objective == pytest.approx(best.objective, rel=1e-7)


# ---------------------------------------------------------------------------------------------- a solver in trouble
def troubled(monkeypatch: pytest.MonkeyPatch, fails: Any) -> None:
    """Let relaxations fail whose number (from 0) ``fails``."""
    numbers = itertools.count()
    honest = Relaxation.solve

    def solve(self: Relaxation, *given: Any) -> Relaxed:
        return Relaxed("trouble", -np.inf) if fails(next(numbers)) else honest(self, *given)

    monkeypatch.setattr(Relaxation, "solve", solve)


def test_a_node_that_cannot_be_solved_is_branched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    troubled(monkeypatch, lambda number: number == 0)
    answer, _ = run(BARD)
    is_optimal(BARD, answer, 17.0)


def test_nothing_is_claimed_where_no_node_can_be_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    troubled(monkeypatch, lambda _number: True)
    answer, statistics = run(BARD)
    assert (answer.claim, answer.termination) == ("none", "numerical trouble")
    assert (answer.x, answer.objective, answer.bound) == (None, None, None)
    assert len(BARD.pairs) < statistics.nodes <= 2 ** (len(BARD.pairs) + 1) - 1  # propagation prunes some


def test_a_leaf_that_cannot_be_solved_leaves_the_gap_open(monkeypatch: pytest.MonkeyPatch) -> None:
    best, _ = run(BARD)
    assert best.x is not None
    first, second = BARD.pairs.T
    chosen = np.where(best.x[first] == 0.0, first, second)
    others = np.where(best.x[first] == 0.0, second, first)
    honest = Relaxation.solve

    def solve(self: Relaxation, lower: Floats, upper: Floats, *given: float) -> Relaxed:
        # Whatever still holds the optimum fails, down to its leaf.
        elsewhere = (upper[others] == 0) & (upper[chosen] != 0)
        return honest(self, lower, upper, *given) if elsewhere.any() else Relaxed("trouble", -np.inf)

    monkeypatch.setattr(Relaxation, "solve", solve)
    answer, _ = run(BARD)
    assert (answer.claim, answer.termination) == ("feasible", "numerical trouble")
    assert answer.objective is not None and answer.objective >= 17.0 - 1e-6
    assert answer.bound is None


def test_what_the_progress_report_raises_comes_out() -> None:
    def broken(_progress: Progress) -> None:
        raise RuntimeError("the watcher is broken")

    with pytest.raises(RuntimeError, match="watcher"):
        run(LONG, context=contexts.start(progress=broken))
