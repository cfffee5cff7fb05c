"""Bounds by optimisation: valid at every point, no wider than the linear program says, told by their origin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import optc
from optc.backends import highs, scip
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.facts.bounds import propagate
from optc.compiler.facts.tightening import _relaxation, tightened
from optc.compiler.instance.instance import Instance
from optc.compiler.tightening import tighten

# Without a bound of either, propagation has nothing to begin with; together the rows bound both.
DIAMOND = """
var b binary
var x[1..2]
maximize x[1] + 20 * b
subject to
  rising[k in 1..2]: -k <= x[1] - x[2] <= 2 * k
  falling: 0 <= x[1] + x[2] <= 10
  on: b == 1 => x[1] - 0.5 * x[2] <= 1
"""


def bounds(instance: Instance, name: str) -> list[tuple[float, float]]:
    found, family = propagate(instance), instance.family(name)
    own = slice(family.offset, family.offset + family.count)
    return list(zip(found.lower[own].tolist(), found.upper[own].tolist(), strict=True))


def tight(instance: Instance, seconds: float = 30.0) -> Any:
    return tightened(instance, highs, contexts.start(time_limit=seconds))


def test_rows_that_bound_only_together_are_seen_by_optimisation() -> None:
    instance = instance_of(program_of(DIAMOND), {})
    assert bounds(instance, "x") == [(-np.inf, np.inf)] * 2
    found = tight(instance)
    assert found.wanted == found.settled == found.narrowed == 4
    assert bounds(found.instance, "x") == [pytest.approx((-0.5, 6.0)), pytest.approx((-1.0, 5.5))]
    assert found.instance.family("x").upper.tolist() == [np.inf, np.inf], "the model itself is as it was"


def test_a_model_that_needs_it_for_its_constants_is_solved_with_it_and_refused_without() -> None:
    problem = optc.parse(DIAMOND).bind()
    refused = problem.solve(backend="highs")
    assert refused.termination == "no route" and "`x[1]`, which has no upper bound" in refused.diagnostics[-1].message
    found = problem.solve(backend="highs", tighten=True)
    assert (found.status, found.objective) == ("optimal", pytest.approx(problem.solve(backend="scip").objective))
    assert found.diagnostics == ()
    told = str(problem.explain("highs", tighten=True))
    assert "from the range of x by optimisation" in told and "on: 5.5" in told.replace("5.50000", "5.5")
    assert "derived bounds" not in str(problem.explain("highs"))


def test_numbers_that_change_take_the_bounds_away() -> None:
    text = DIAMOND.replace("<= 10", "<= most").replace("var b", "param most\nvar b")
    instance = instance_of(program_of(text), {"most": 10})
    found = tight(instance).instance
    assert found.proved and not found.update(most=40).proved


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(-3, 3), min_size=16, max_size=16),
    st.lists(st.integers(0, 9), min_size=4, max_size=4),
    st.booleans(),
)
def test_bounds_are_those_of_the_linear_program_up_to_rounding(a: list[int], u: list[int], whole: bool) -> None:
    text = f"""
    param a[1..4, 1..4]; param u[1..4]
    var b binary
    var x[1..4] {"integer in [-50, 50]" if whole else "in [-50, 50]"}
    minimize b
    subject to
      rows[k in 1..4]: sum((a[k, i] / 3) * x[i] for i in 1..4) <= u[k]
      on: b == 1 => sum(x[i] for i in 1..4) <= 1
    """
    data = {"a": np.array(a, dtype=float).reshape(4, 4), "u": np.array(u, dtype=float)}
    instance = instance_of(program_of(text), data)
    before = propagate(instance)
    found = tight(instance)
    after = propagate(found.instance)
    assert found.settled == found.wanted
    assert (after.lower >= before.lower).all() and (after.upper <= before.upper).all()
    form = _relaxation(instance, before)
    for column in range(1, 5):
        for sign, ends in ((1.0, after.lower), (-1.0, after.upper)):
            form.cost[:] = 0.0
            form.cost[column] = sign
            answer = highs.solve(form, Goal(), highs.Options(), contexts.start(), None)
            assert answer.claim == "optimal" and answer.objective is not None  # zero is a point
            value = sign * answer.objective
            slack = 1e-6 * max(1.0, abs(value))
            outer = sign * (ends[column] - value)  # above zero: inside of what the linear program allows
            if whole:
                assert -1e-6 <= sign * (ends[column] - value) <= 1.0, "rounded inwards to a whole number"
            else:
                assert -slack <= outer <= slack


def test_columns_in_products_kinks_sets_and_pairs_matter_and_others_do_not() -> None:
    text = """
    var b binary
    var v[1..9]
    maximize b * v[1] - abs(v[2])
    subject to
      box[i in 1..4]: v[2 * i - 1] + v[2 * i] <= i
      cox[i in 1..4]: v[2 * i - 1] - v[2 * i] <= i
      low[i in 1..9]: v[i] >= -5
      s: sos1(v[i] for i in 3..4)
      p: v[5] >= 0 complements 1 - v[6] >= 0
    """
    only = text.replace("b * v[1] - abs(v[2])", "v[1]")
    found = tight(instance_of(program_of(only), {}))
    assert found.wanted == 2 * 4
    assert tight(instance_of(program_of(text), {})).wanted == 2 * 9, "of a product the whole families"
    lp = only.replace("  s: sos1(v[i] for i in 3..4)\n", "").replace("  p: v[5] >= 0 complements 1 - v[6] >= 0\n", "")
    assert tight(instance_of(program_of(lp), {})).wanted == 0


@pytest.mark.parametrize("objective", ["b * x[1]", "abs(x[1]) - b", "piecewise(x[2], [-9, 0, 3], [5, 0, 4]) - b"])
def test_products_and_kinks_get_smaller_constants(objective: str) -> None:
    text = f"""
    var b binary
    var x[1..2] in [-1000, 1000]
    maximize {objective}
    subject to
      rising: -1 <= x[1] - x[2] <= 2
      falling: 0 <= x[1] + x[2] <= 10
    """
    problem = optc.parse(text).bind()
    loose, narrow = (problem.explain("highs", tighten=tighten) for tighten in (False, True))
    largest = [max(b.largest()[1] for b in each.derived if b.largest()) for each in (loose, narrow)]  # type: ignore[index]
    assert largest[0] >= 100 * largest[1]
    assert "by optimisation" in str(narrow) and "by optimisation" not in str(loose)
    a, b = problem.solve(backend="highs"), problem.solve(backend="highs", tighten=True)
    assert a.objective == pytest.approx(b.objective) and b.status == "optimal"


def test_a_time_that_is_too_short_is_told_and_the_answer_is_the_same() -> None:
    problem = optc.parse(DIAMOND.replace("var x[1..2]", "var x[1..2] in [-100, 100]")).bind()
    found = problem.solve(backend="highs", tighten=1e-9)
    (note,) = found.diagnostics
    assert note.code.id == "N0604" and "0 of 4 bounds" in note.message
    assert found.objective == pytest.approx(problem.solve(backend="scip").objective)
    with pytest.raises(ValueError, match="above zero"):
        problem.solve(tighten=0.0)


def test_contradicting_rows_are_left_to_the_solver() -> None:
    text = DIAMOND.replace("  on:", "  never: x[1] + x[2] >= 11\n  on:").replace(
        "var x[1..2]", "var x[1..2] in [-99, 99]"
    )
    assert optc.parse(text).bind().solve(backend="highs", tighten=True).status == "infeasible"


def test_a_direction_without_an_end_stays_without_a_bound() -> None:
    text = DIAMOND.replace("var x[1..2]", "var x[1..2]\nvar y").replace("  on: b == 1 => ", "  on: b == 1 => y + ")
    found = tight(instance_of(program_of(text), {}))
    assert found.settled == found.wanted == 6 and found.narrowed == 4
    assert bounds(found.instance, "y") == [(-np.inf, np.inf)]


def test_without_a_backend_that_can_it_is_said() -> None:
    instance = instance_of(program_of(DIAMOND), {})
    same, (note,) = tighten(instance, (scip,), 1.0, contexts.start())  # type: ignore[arg-type]
    assert same is instance and note.code.id == "N0604" and "no backend" in note.message
