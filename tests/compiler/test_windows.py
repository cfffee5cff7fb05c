"""Rows between two ends are those that a filter would keep, in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optc
from optc.compiler.evaluation import sets, windows
from optc.compiler.forms.linear import LinearForm

ENDS = (
    "s > t - up[u] and s <= t",
    "t - up[u] < s and t >= s",
    "s >= t / 2 and s < up[u] + 0.5",
    "s <= up[u] and s > 2",
    "s > t and s mod 2 == 0",
    "s >= far[u]",
    "s <= -far[u] and s >= t - 1",
    "s < t and t < s",
    "s == t or s > up[u]",
    "up[u] <= s and s <= t and s != 3",
)
MODEL = """
param n : integer
set U = 1..3
set T = 2..n
param up[U]
param far[U]
var x[U, T] >= 0
minimize sum(x[u, t] for u in U, t in T)
subject to
  window[u in U, t in T]: sum(s * x[u, s] for s in T if {ends}) <= 5
  family[u in U, t in T, s in T if {ends}]: x[u, t] + 2 * x[u, s] >= 1
  between[u in U, s in T if s >= up[u] and s < up[u] + 3]: x[u, s] <= s
  across[t in T]: sum(s * x[u, s] for u in U, s in T if s >= up[u] and s <= t) <= 9
"""
ARRAYS = ("cost", "starts", "indices", "values", "row_lower", "row_upper")


def lowered(ends: str, data: dict[str, Any]) -> LinearForm:
    return optc.parse(MODEL.format(ends=ends)).bind(data).lower("linear")


def by_filters(ends: str, data: dict[str, Any]) -> LinearForm:
    """The same without windows."""
    patched = pytest.MonkeyPatch()
    patched.setattr(sets, "ends_of", lambda conditions, _var, _known: ([], list(conditions)))
    try:
        return lowered(ends, data)
    finally:
        patched.undo()


numbers = st.sampled_from([-3.0, 0.0, 1.0, 1.5, 2.0, 2.5, 4.0, 9.0])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ENDS),
    st.integers(1, 7),
    st.lists(numbers, min_size=3, max_size=3),
    st.lists(st.sampled_from([float("inf"), float("-inf"), 3.0]), min_size=3, max_size=3),
)
def test_windows_are_what_filters_keep(ends: str, n: int, up: list[float], far: list[float]) -> None:
    data = {"n": n, "up": up, "far": far}
    try:
        wanted = by_filters(ends, data)
    except optc.DataError as refusal:
        with pytest.raises(optc.DataError) as again:
            lowered(ends, data)
        assert again.value.diagnostics == refusal.diagnostics
        return
    found = lowered(ends, data)
    for name in ARRAYS:
        assert np.array_equal(getattr(found, name), getattr(wanted, name)), (name, ends)


def test_a_window_looks_at_no_row_that_it_does_not_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(*arguments: Any) -> Any:
        found = windows.between(*arguments)
        seen.append(found.size)
        return found

    monkeypatch.setattr(sets, "between", watched)
    form = lowered(ENDS[0], {"n": 60, "up": [2, 3, 4], "far": [1, 1, 1]})
    assert max(seen) < 3 * 59 * 30  # of 3 * 59 * 59
    assert seen[0] == form.starts[3 * 59] == sum(min(t, up) for up in (2, 3, 4) for t in range(1, 60))


def test_sets_that_are_no_runs_and_ends_that_are_no_numbers_are_filtered() -> None:
    text = """
set A
set N
param last[A]
var x[N] >= 0
minimize sum(x[i] for i in N)
subject to
  c[a in A]: sum(x[i] for i in N if i <= last[a]) >= 1
"""
    form = optc.parse(text).bind({"A": ["p", "q"], "N": [5, 1, 9], "last": [5, 9]}).lower("linear")
    assert form.indices.tolist() == [0, 1, 0, 1, 2]
    text = text.replace("set A\nset N\n", "set A\nset N = 1..3\n").replace(
        "i <= last[a]", "last[a] != 0 and i <= 6 / last[a]"
    )
    form = optc.parse(text).bind({"A": ["p", "q", "r"], "last": [2, 3, 6]}).lower("linear")
    assert np.diff(form.starts).tolist() == [3, 2, 1]
    with pytest.raises(optc.DataError, match="holds no decision"):
        optc.parse(text).bind({"A": ["p", "q"], "last": [0, 3]}).lower("linear")
