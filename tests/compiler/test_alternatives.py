"""``-n K``: the answers are those that enumeration finds, each once; limits, ends, and answers that do not hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import optc
from optc.backends import highs
from optc.compiler import context as contexts
from optc.compiler.alternatives import forbidden
from optc.compiler.answer import Answer
from optc.compiler.forms.linear import LinearForm
from optc.compiler.found import Request
from optc.compiler.lowering import Lowered, lower_along, lowering_of
from optc.compiler.lowerings import instance_to_linear
from optc.compiler.result.solution import Solution
from optc.compiler.solve import solve

Values = tuple[Any, ...]


def solved(text: str, data: dict[str, Any] | None = None, **options: Any) -> Solution:
    return optc.parse(text).bind(data or {}).solve(**options)


def values(found: Solution) -> list[Values]:
    """The values of all answers, the families one after the other."""
    answers = [found.variables, *(other.variables for other in found.alternatives)]
    return [tuple(v for family in answer.values() for v in family.values.tolist()) for answer in answers]


def codes(found: Solution) -> list[str]:
    return [each.code.id for each in found.diagnostics]


KNAPSACK = """
param w[1..8]; param v[1..8]
param room
var x[1..8] binary
maximize worth: sum(v[i] * x[i] for i in 1..8)
subject to
  cap: sum(w[i] * x[i] for i in 1..8) <= room
"""


TIED = 1  # a seed with several optima


def knapsack(seed: int) -> tuple[dict[str, Any], dict[Values, float]]:
    """Data with many ties, and the worth of every choice that fits."""
    random = np.random.default_rng(seed)
    w, v = random.integers(1, 4, 8), random.integers(1, 4, 8)
    fitting = {x: float(v @ x) for x in itertools.product((0.0, 1.0), repeat=8) if w @ x <= 7}
    return {"w": w, "v": v, "room": 7}, fitting


@pytest.mark.parametrize("seed", range(6))
def test_all_optimal_knapsacks_are_found(seed: int) -> None:
    data, fitting = knapsack(seed)
    best = max(fitting.values())
    found = solved(KNAPSACK, data, n="all")
    assert sorted(values(found)) == sorted(x for x, worth in fitting.items() if worth == best)
    assert found.alternatives_complete and codes(found) == []
    assert all(other.objective == best for other in found.alternatives)


def test_the_gap_says_which_answers_count() -> None:
    data, fitting = knapsack(0)
    best = max(fitting.values())
    gap = 1.0 / best + 1e-9
    found = solved(KNAPSACK, data, n="all", gap=gap)
    assert found.objective is not None
    least = found.objective - gap * found.objective
    assert sorted(values(found)) == sorted(x for x, worth in fitting.items() if worth >= least)
    assert {other.objective for other in found.alternatives} | {found.objective} == {best, best - 1}


def test_the_first_answer_is_counted() -> None:
    data, fitting = knapsack(TIED)
    found = solved(KNAPSACK, data, n=2)
    best = max(fitting.values())
    assert len(found.alternatives) == 1 and not found.alternatives_complete and codes(found) == []
    assert all(fitting[x] == best for x in values(found)) and len(set(values(found))) == 2
    assert solved(KNAPSACK, data, n=1).alternatives == ()


SQUARES = """
param given[1..4, 1..4] default 0
var x[1..4, 1..4, 1..4] binary
satisfy
subject to
  cell[i in 1..4, j in 1..4]: sum(x[i, j, d] for d in 1..4) == 1
  row[i in 1..4, d in 1..4]: sum(x[i, j, d] for j in 1..4) == 1
  column[j in 1..4, d in 1..4]: sum(x[i, j, d] for i in 1..4) == 1
  box[a in 0..1, b in 0..1, d in 1..4]: sum(x[2 * a + i, 2 * b + j, d] for i in 1..2, j in 1..2) == 1
  clue[i in 1..4, j in 1..4 if given[i, j] > 0]: sum(d * x[i, j, d] for d in 1..4) == given[i, j]
"""


def squares(given: np.ndarray[Any, Any]) -> set[Values]:
    """All sudoku squares of order 4 with some cells given, by trying every permutation in every row."""
    found = set()
    lines = list(itertools.permutations(range(1, 5)))
    fitting = [[line for line in lines if ((row == 0) | (row == line)).all()] for row in given]
    for four in itertools.product(*fitting):
        square = np.array(four)
        boxes = [square[a : a + 2, b : b + 2].ravel() for a in (0, 2) for b in (0, 2)]
        if all(len(set(part.tolist())) == 4 for part in (*square.T, *boxes)):
            found.add(tuple(square.ravel().tolist()))
    return found


def test_all_squares_of_a_puzzle_are_found() -> None:
    given = np.zeros((4, 4), dtype=int)
    given[0] = [1, 2, 3, 4]
    found = solved(SQUARES, {"given": given}, n="all")
    digits = {tuple((np.reshape(x, (4, 4, 4)) @ np.arange(1, 5)).astype(int).ravel().tolist()) for x in values(found)}
    wanted = squares(given)
    assert len(wanted) == 12 and digits == wanted and len(values(found)) == 12
    assert found.alternatives_complete and all(other.objective is None for other in found.alternatives)


def test_whole_numbers_between_their_bounds() -> None:
    text = "var x in [-2, 3] integer\nvar y in [0, 4] integer\nsatisfy\nsubject to\n  line: 3 <= x + 2 * y <= 5\n"
    found = solved(text, n="all")
    wanted = [(x, y) for x in range(-2, 4) for y in range(5) if 3 <= x + 2 * y <= 5]
    assert sorted(values(found)) == sorted(wanted) and found.alternatives_complete


def test_bounds_that_follow_from_rows_serve_the_cut() -> None:
    text = "var x, y >= 0 integer\nminimize x + y\nsubject to\n  need: x + y >= 5\n  cap: 3 * x + 2 * y <= 14\n"
    found = solved(text, n="all")
    assert sorted(values(found)) == [(x, 5 - x) for x in range(5)] and found.alternatives_complete


def test_a_whole_number_without_bounds_is_named() -> None:
    text = "var x, y integer\nsatisfy\nsubject to\n  line: x - y == 3\n"
    found = solved(text, n=4)
    assert codes(found) == ["N0601"] and found.alternatives == () and not found.alternatives_complete
    assert "`x` must have bounds" in found.diagnostics[0].message


def test_spins_and_choices_are_told_apart() -> None:
    text = """
    set Parts = 1..3
    set Sizes = {"small", "large"}
    param price[Sizes] = {"small": 1, "large": 2}
    choose size[Parts] from Sizes
    var s spin
    minimize sum(price[size[p]] for p in Parts)
    subject to
      some: sum((size[p] == "large") for p in Parts) >= 1
    """
    found = solved(text, n="all")
    wanted = [(*sizes, s) for sizes in _one_large() for s in (-1.0, 1.0)]
    assert sorted(values(found)) == sorted(wanted) and found.alternatives_complete


def _one_large() -> list[tuple[str, ...]]:
    return [tuple("large" if p == k else "small" for p in range(3)) for k in range(3)]


def test_columns_of_lowerings_make_no_answers() -> None:
    text = """
    var x[1..3] binary
    var y in [0, 2] integer
    maximize sum(abs(x[i] - x[j]) for i in 1..3, j in 1..3 if i < j) + x[1] * y
    """
    found = solved(text, n="all")

    def worth(point: tuple[int, ...]) -> int:
        *x, y = point
        return sum(abs(a - b) for a, b in itertools.combinations(x, 2)) + x[0] * y

    points = list(itertools.product((0, 1), (0, 1), (0, 1), (0, 1, 2)))
    best = max(map(worth, points))
    assert sorted(values(found)) == sorted(p for p in points if worth(p) == best) and found.alternatives_complete


def test_a_quadratic_objective_keeps_its_hessian() -> None:
    text = "var x, y in [-3, 3] integer\nminimize x * x + y * y + x * y\nsubject to\n  away: x + 2 * y >= 1\n"
    found = solved(text, n="all")
    points = [(x, y) for x in range(-3, 4) for y in range(-3, 4) if x + 2 * y >= 1]
    best = min(x * x + y * y + x * y for x, y in points)
    assert sorted(values(found)) == sorted(p for p in points if p[0] ** 2 + p[1] ** 2 + p[0] * p[1] == best)
    assert found.alternatives_complete and len(found.alternatives) > 0


def test_continuous_parts_are_the_best_for_each_whole_part() -> None:
    text = """
    var open[1..3] binary
    var flow[1..3] in [0, 4]
    minimize sum(2 * open[i] + flow[i] for i in 1..3)
    subject to
      need: sum(flow[i] for i in 1..3) == 6
      cap[i in 1..3]: flow[i] <= 4 * open[i]
    """
    found = solved(text, n="all")
    assert {x[:3] for x in values(found)} == set(itertools.permutations((1.0, 1.0, 0.0)))
    assert len(values(found)) == 3 and found.alternatives_complete
    assert [other.objective for other in found.alternatives] == pytest.approx([10.0, 10.0])


def test_continuous_decisions_alone_have_one_answer() -> None:
    found = solved("var x in [0, 1]\nmaximize x\n", n=3)
    assert codes(found) == ["N0601"] and "1 answer is given where 3 were asked for" in found.diagnostics[0].message
    assert not found.alternatives_complete and found.alternatives == ()


def test_the_only_values_there_are_need_no_second_solve() -> None:
    found = solved("var x in [2, 2] integer\nvar y in [0, 1]\nmaximize x + y\n", n="all")
    assert found.alternatives == () and found.alternatives_complete and codes(found) == []


# ---------------------------------------------------------------------------------------------- ends that prove nothing
def after_the_first(change: Callable[[Answer, LinearForm], Answer]) -> Any:
    """HiGHS, whose answers after the first are changed."""
    calls: list[int] = []

    def answer(form: LinearForm, *rest: Any) -> Answer:
        calls.append(1)
        found = highs.solve(form, *rest)
        return found if len(calls) == 1 else change(found, form)

    names = ("name", "title", "install", "capabilities", "options", "version")
    return SimpleNamespace(**{name: getattr(highs, name) for name in names}, solve=answer)


def answered(backend: Any) -> Solution:
    instance = optc.parse(KNAPSACK).bind(knapsack(TIED)[0]).instance
    return solve(instance, [backend], Request(answers="all"), contexts.start())


def test_a_time_limit_leaves_the_list_open() -> None:
    found = answered(after_the_first(lambda *_: Answer("none", "time limit")))
    assert codes(found) == ["N0601"] and "time limit" in found.diagnostics[0].message
    assert found.alternatives == () and not found.alternatives_complete and found.status == "optimal"


def test_a_worse_point_proves_nothing_without_its_bound() -> None:
    def worse(answer: Answer, form: LinearForm) -> Answer:
        return replace(answer, claim="feasible", termination="time limit", x=np.zeros(form.shape[1]), bound=1e6)

    found = answered(after_the_first(worse))
    assert codes(found) == ["N0601"] and found.alternatives == () and not found.alternatives_complete


def test_an_answer_that_does_not_hold_is_left_out() -> None:
    told: list[int] = []

    def broken(answer: Answer, form: LinearForm) -> Answer:
        told.append(1)
        if len(told) > 1:
            return answer
        return replace(answer, x=np.ones(form.shape[1]))

    found = answered(after_the_first(broken))
    assert codes(found) == ["W0605"] and not found.alternatives_complete
    _, fitting = knapsack(TIED)
    best = max(fitting.values())
    assert sorted(values(found)) == sorted(x for x, worth in fitting.items() if worth == best)


def test_an_answer_given_twice_ends_the_search() -> None:
    kept: list[Answer] = []

    def again(answer: Answer, _form: LinearForm) -> Answer:
        kept.append(answer)
        return replace(answer, x=kept[0].x)

    found = answered(after_the_first(again))
    assert codes(found) == ["N0601"] and len(found.alternatives) == 1 and not found.alternatives_complete


def test_an_answer_not_known_to_be_the_best_has_no_alternatives() -> None:
    instance = optc.parse(KNAPSACK).bind(knapsack(TIED)[0]).instance
    names = ("name", "title", "install", "capabilities", "options", "version")

    def unsure(form: LinearForm, *rest: Any) -> Answer:
        return replace(highs.solve(form, *rest), claim="feasible", termination="time limit", bound=None)

    backend: Any = SimpleNamespace(**{name: getattr(highs, name) for name in names}, solve=unsure)
    found = solve(instance, [backend], Request(answers=3), contexts.start())
    assert found.status == "feasible" and codes(found) == ["N0601"] and found.alternatives == ()


# -------------------------------------------------------------------------------------------------------------- the cut
def test_the_cut_leaves_every_other_whole_point_and_no_more() -> None:
    lower, upper = np.array([0.0, -2.0, 1.0]), np.array([1.0, 2.0, 3.0])
    text = "var a binary\nvar b in [-2, 2] integer\nvar c in [1, 3] integer\nsatisfy\n"
    lowered = lower_along((lowering_of(instance_to_linear),), optc.parse(text).bind({}).instance)
    assert isinstance(lowered, Lowered)
    points = [np.array(x, dtype=float) for x in itertools.product((0, 1), range(-2, 3), range(1, 4))]
    for whole in points:
        cut = forbidden(lowered.form, np.arange(3), whole, lower, upper)
        assert isinstance(cut, LinearForm)
        rest = cut.shape[1] - 3
        for x in points:
            fits = [_fits(cut, np.concatenate([x, b])) for b in itertools.product((0.0, 1.0), repeat=rest)]
            assert any(fits) == (not np.array_equal(x, whole))


def _fits(form: LinearForm, x: np.ndarray[Any, Any]) -> bool:
    rows = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    sums = np.bincount(rows, weights=form.values * x[form.indices], minlength=form.shape[0])
    return bool((sums >= form.row_lower).all() and (sums <= form.row_upper).all())
