"""Bounds by propagation: valid against the exact extremes, at a fixed point, with the rows they come from."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import instance_of, program_of
from enumeration import lowered, solve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optc.compiler.facts.bounds import DECLARED, propagate


def ranges(text: str) -> dict[str, list[tuple[float, float]]]:
    instance = instance_of(program_of(text), {})
    found = propagate(instance)
    return {
        f.name: [(float(found.lower[f.offset + k]), float(found.upper[f.offset + k])) for k in range(f.count)]
        for f in instance.families
    }


def test_rows_bound_in_both_directions_and_in_chains() -> None:
    found = ranges("""
    var x >= 0
    var y
    var z integer
    minimize x
    subject to
      a: 2 * x + 4 <= 11
      b: -1 <= y - x <= 2
      c: y + 3 * z == 7
    """)
    assert found["x"] == [(0.0, 3.5)]
    assert found["z"] == [(1.0, 2.0)], "0.5 to 2.67, whole"
    assert found["y"] == [(1.0, 4.0)], "first -1 to 5.5 from row b, then from row c"


def test_rows_that_are_not_linear_and_rows_without_bounds_say_nothing() -> None:
    found = ranges("var x in [0, 1]\nvar y\nminimize x\nsubject to\n  a: x * x + y <= 1\n  b: abs(y) <= 2\n")
    assert found["y"] == [(-np.inf, np.inf)]
    loose = ranges("var x >= 0\nvar y >= 0\nvar v >= 0\nminimize x\nsubject to\n  a: x + y - v <= 1\n")
    assert loose["x"] == [(0.0, np.inf)]


def test_rows_with_uncertain_names_take_no_part() -> None:
    found = ranges("var x >= 0\nuncertain u in [0, 1]\nminimize x\nsubject to\n  a: x + u <= 3\n  b: x <= 5\n")
    assert found["x"] == [(0.0, 5.0)]


def test_domains_count() -> None:
    found = ranges("var p[1..2] simplex\nvar s spin\nvar c semicontinuous in [2, 10]\nminimize s\n")
    assert found == {"p": [(0.0, 1.0)] * 2, "s": [(-1.0, 1.0)], "c": [(0.0, 10.0)]}


def test_a_bound_names_the_row_it_comes_from() -> None:
    text = """
    set I = 1..3
    var x[I] >= 0
    minimize sum(x[i] for i in I)
    subject to
      cap[i in I if i > 1]: x[i] + x[1] <= 10 * i
      first: x[1] <= 4
    """
    found = propagate(instance_of(program_of(text), {}))
    assert found.upper.tolist() == [4.0, 20.0, 30.0]
    assert [found.row_name(int(r)) for r in found.upper_row] == ["first", "cap[2]", "cap[3]"]
    assert (found.lower_row == DECLARED).all()
    assert found.sources(["x"]) == ("the bounds of x", "row cap[2]", "row cap[3]", "row first")


def test_a_slow_approach_ends_and_stays_valid() -> None:
    found = ranges("var x in [0, 1]\nvar y in [0, 1]\nminimize x\nsubject to\n  a: x <= 0.999 * y\n  b: y <= x\n")
    assert 0 <= found["x"][0][1] < 0.999


def test_rows_that_no_point_fulfils_leave_the_bounds_in_order() -> None:
    found = ranges("var x in [0, 1]\nvar y in [0, 1]\nminimize x\nsubject to\n  a: x + y >= 3\n")
    assert all(low <= high for pairs in found.values() for low, high in pairs)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([-3, -1, -0.7, 0, 0.3, 1, 2]), min_size=9, max_size=9),
    st.lists(st.integers(-4, 6), min_size=3, max_size=3),
    st.booleans(),
)
def test_propagated_bounds_hold_at_every_feasible_point(entries: list[float], sides: list[int], whole: bool) -> None:
    rows = "\n".join(
        f"  r{k}: ({entries[3 * k]}) * x + ({entries[3 * k + 1]}) * y + ({entries[3 * k + 2]}) * v"
        f" {('<=', '>=', '<=')[k]} {sides[k]}"
        for k in range(3)
    )
    kind = "integer" if whole else ""
    head = f"var x {kind} in [-4, 5]\nvar y >= 0\nvar v in [-2, 2]\n"
    found = ranges(f"{head}minimize 0 * x\nsubject to\n{rows}\n")
    for name, ((low, high),) in found.items():
        for sense in ("minimize", "maximize"):
            form, _, _ = lowered(instance_of(program_of(f"{head}{sense} {name}\nsubject to\n{rows}\n"), {}))
            answer = solve(form)
            if answer.claim == "infeasible":
                return
            if answer.claim == "unbounded" or answer.objective is None:
                assert sense == "maximize" and high == np.inf
                continue
            assert low - 1e-6 <= answer.objective <= high + 1e-6


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_derived_bounds_are_moved_outwards_by_no_more_than_rounding(scale: float) -> None:
    text = f"var x >= 0\nvar y in [0, 1]\nminimize x\nsubject to\n  a: {0.3 * scale!r} * x + 0.1 * y <= 0.7\n"
    found = ranges(text)
    high = found["x"][0][1]
    assert 0.7 / (0.3 * scale) <= high <= 0.7 / (0.3 * scale) * (1 + 1e-8) + 1e-8
