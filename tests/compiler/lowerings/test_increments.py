"""Piecewise terms: lines where they are convex, increments elsewhere, and endless arguments."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import instance_of, program_of
from enumeration import assert_same_value_at, lowered, solved
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optc.compiler.lowerings import kinks_to_rows

SOME = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SOME
@given(
    st.lists(st.integers(-4, 4), min_size=5, max_size=5),
    st.lists(st.integers(1, 3), min_size=4, max_size=4),
    st.integers(-16, 16),
    st.sampled_from(["minimize goal: f", "maximize goal: f", "minimize goal: x\nsubject to\n  c: f {op} {side}"]),
    st.sampled_from(["<=", ">=", "=="]),
)
def test_values_at_points(heights: list[int], steps: list[int], x: int, body: str, op: str) -> None:
    points = np.cumsum([-3, *steps]).tolist()
    argument = "2 * x - 1"
    # A value at a breakpoint as the right-hand side, so that equality holds at some points.
    body = body.replace("{op}", op).replace("{side}", str(heights[2]))
    text = f"var x in [-4, 4]\nlet f = piecewise({argument}, {points}, {heights}) + 0 * x\n{body}\n"
    assert_same_value_at(text, {"x": np.array([x / 4])}, kinks_to_rows)


def shape(text: str) -> tuple[int, int]:
    """Binary and continuous columns that are made."""
    instance = instance_of(program_of(text), {})
    form, _, _ = lowered(instance, kinks_to_rows)
    made = form.integer[instance.columns :]
    return int(made.sum()), int((~made).sum())


def test_one_binary_for_each_inner_breakpoint_and_none_where_it_is_convex() -> None:
    rising = "piecewise(x, [0, 1, 2, 3], [0, 1, 3, 6])"
    mixed = "piecewise(x, [0, 1, 2, 3], [0, 2, 1, 6])"
    assert shape(f"var x in [-9, 9]\nminimize {rising}\n") == (0, 1)
    assert shape(f"var x in [-9, 9]\nmaximize {rising}\n") == (2, 3)
    assert shape(f"var x in [-9, 9]\nminimize {mixed}\n") == (2, 3)
    assert shape("var x in [-9, 9]\nmaximize piecewise(x, [0, 1], [0, 2])\n") == (0, 0)
    assert shape("var x in [-9, 9]\nminimize x\nsubject to\n  c: piecewise(x, [0, 1, 2], [0, 2, 4]) == 3\n") == (0, 0)


def test_each_row_takes_the_form_that_it_can() -> None:
    text = """
    set I = 1..3
    param h[I, 1..3] = [[0, 1, 3], [0, 2, 3], [0, 0, 1]]
    param p[i in I] = i
    var x[I] in [-1, 9]
    minimize sum(piecewise(x[i], [0, p[i], 2 * p[i]], [h[i, 1], h[i, 2], h[i, 3]]) for i in I) - sum(x[i] for i in I)
    """
    assert shape(text) == (1, 2 + 2), "two convex rows; one with two parts and a binary"
    found = solved(instance_of(program_of(text), {}), kinks_to_rows)
    assert found is not None and found.holds

    def value(i: int, x: float) -> float:
        heights, p = ((0, 1, 3), (0, 2, 3), (0, 0, 1))[i - 1], i
        k = 1 if x > p else 0
        return heights[k] + (heights[k + 1] - heights[k]) * (x - k * p) / p - x

    wanted = sum(min(value(i, x) for x in np.linspace(-1, 9, 201)) for i in (1, 2, 3))
    assert found.objective == pytest.approx(wanted)


def test_the_outer_slopes_go_on_without_a_bound_where_they_are_the_steepest() -> None:
    bumpy = "piecewise(x, [0, 1, 2, 3], [0, 2, 1, 4])"  # slopes 2, -1, 3: endless to the right only
    text = f"var x >= -1\nvar y in [-9, 9]\nminimize {bumpy} - 2.5 * x + y\nsubject to\n  c: x + y >= 2.5\n"
    found = solved(instance_of(program_of(text), {}), kinks_to_rows)
    assert found is not None and found.holds
    grid = np.linspace(-1, 30, 3101)
    values = np.interp(grid, [-1, 0, 1, 2, 3, 30], [-2, 0, 2, 1, 4, 85]) - 2.5 * grid + np.maximum(2.5 - grid, -9)
    assert found.objective == pytest.approx(values.min(), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("var x >= 0\nmaximize piecewise(x, [0, 1, 2], [0, 1, 3]) - 9 * x\n", "upper"),
        ("var x <= 4\nminimize piecewise(x, [0, 1, 2], [0, 3, 4]) - 9 * x\n", "lower"),
        ("var x >= 0\nminimize x\nsubject to\n  c: piecewise(x, [0, 1, 2], [0, 1, 3]) == 2\n", "upper"),
    ],
)
def test_an_endless_argument_is_refused_where_its_bound_is_needed(text: str, side: str) -> None:
    refusal = kinks_to_rows.accepts(instance_of(program_of(text), {}))
    assert refusal is not None and refusal.code.id == "E0613"
    assert f"`x`, which has no {side} bound" in refusal.message


def test_breakpoints_must_increase() -> None:
    text = "param p[1..3] = [0, 2, 1]\nvar x in [0, 3]\nmaximize piecewise(x, [p[1], p[2], p[3]], [0, 1, 5])\n"
    refusal = kinks_to_rows.accepts(instance_of(program_of(text), {}))
    assert refusal is not None and "do not increase" in refusal.message


def test_the_relaxation_is_the_convex_hull_of_the_pieces() -> None:
    """Over the bounds of the argument, without integrality, the least value is that of the convex envelope."""
    text = "var x in [0, 4]\nminimize piecewise(x, [0, 1, 3, 4], [0, 4, 2, 6]) - {slope} * x\n"
    points, heights = np.array([0, 1, 3, 4]), np.array([0, 4, 2, 6])
    from dataclasses import replace

    from enumeration import solve

    for slope in (0, 1, 2, -3):
        form, _, _ = lowered(instance_of(program_of(text.format(slope=slope)), {}), kinks_to_rows)
        relaxed = solve(replace(form, integer=np.zeros(form.shape[1], dtype=np.bool_)))
        assert relaxed.objective == pytest.approx((heights - slope * points).min())
