"""Rows of results put in place by whole arrays: the same as one by one, and left alone where they are not plain."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import optc
from optc.compiler.instance.instance import Instance
from optc.compiler.result.given import GivenError, duals_of, values_of
from optc.compiler.result.labelled import Labelled
from optc.compiler.result.rows import placed, placed_labelled

MODEL = """
set Towns
set Years = 2000..2003
set Steps = {0.5, 1, 1.5}
set Roads within Towns * Towns
var one
var by_town[Towns]
var by_step[Steps]
var by_both[Towns, Years]
var by_road[(a, b) in Roads, t in Years]
minimize one + sum(by_town[t] for t in Towns)
subject to
  floor[t in Towns, y in Years]: by_both[t, y] >= by_town[t]
  least: one >= 0
"""
DATA = {"Towns": ["Oslo", "Rome", "Bern"], "Roads": [["Oslo", "Rome"], ["Rome", "Bern"]]}
FAMILIES = ("one", "by_town", "by_step", "by_both", "by_road")


@pytest.fixture(scope="module")
def instance() -> Instance:
    return optc.parse(MODEL).bind(DATA).instance


def rows_of(instance: Instance, name: str, values: list[float]) -> list[list[Any]]:
    layout = instance.family(name).layout
    return [[*layout.key(k), value] for k, value in enumerate(values)]


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(FAMILIES), seed=st.integers(0, 2**32 - 1))
def test_rows_in_any_order_are_put_where_they_belong(instance: Instance, name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    family = instance.family(name)
    values = random.normal(size=family.count)
    rows = rows_of(instance, name, values.tolist())
    taken = random.permutation(family.count)[: random.integers(0, family.count + 1)].tolist()
    shuffled = [tuple(rows[k]) if k % 2 else rows[k] for k in taken]
    found = placed(family.layout, shuffled)
    wanted = np.full(family.count, np.nan)
    wanted[taken] = values[taken]
    assert found is not None
    np.testing.assert_array_equal(found, wanted)
    again = placed(family.layout, json.loads(json.dumps(shuffled)))
    np.testing.assert_array_equal(again, wanted)


def test_the_last_of_a_place_counts_and_numbers_are_equal_as_numbers(instance: Instance) -> None:
    layout = instance.family("by_step").layout
    found = placed(layout, [[1, 7], [0.5, 8], [1.0, 9.5]])
    assert found is not None and found[:2].tolist() == [8, 9.5] and math.isnan(found[2])
    found = placed(instance.family("by_both").layout, [["Rome", 2001.0, 3]])
    assert found is not None and np.flatnonzero(~np.isnan(found)).tolist() == [5]


@pytest.mark.parametrize(
    "rows",
    [
        [["Oslo", "1"]],  # no number
        [["Oslo", "nan"]],
        [["Oslo", True]],
        [[True, 1.0]],
        [["Paris", 1.0]],  # no member
        [[1, 1.0]],
        [["Oslo", 2000, 1.0]],  # too long
        [["Oslo", 1.0], ["Rome"]],
        [[["Oslo"], 1.0]],
        ["ab"],
        [["Oslo", 1.0], [3, 1.0]],  # texts and numbers
        [[2**70, 1.0]],
    ],
)
def test_rows_that_are_not_plain_are_left_alone(instance: Instance, rows: list[Any]) -> None:
    assert placed(instance.family("by_town").layout, rows) is None


def test_whole_numbers_beyond_float64_are_left_alone() -> None:
    found = optc.parse("set S\nvar x[S]\nminimize sum(x[s] for s in S)\n").bind(S=[2**53, 2**53 + 1]).instance
    assert placed(found.family("x").layout, [[2**53 + 1, 1.0], [0.5, 2.0]]) is None
    assert placed(found.family("x").layout, [[2**53 + 1, 1.0]]) is None


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(FAMILIES), seed=st.integers(0, 2**32 - 1))
def test_labelled_values_of_another_order_are_put_in_ours(instance: Instance, name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    data = {"Towns": random.permutation(DATA["Towns"]).tolist(), "Roads": random.permutation(DATA["Roads"]).tolist()}
    other = optc.parse(MODEL).bind(data).instance
    family, own = instance.family(name), other.family(name)
    values = random.normal(size=own.count)
    given_ = Labelled(name, (), own.layout.members, values)
    found = placed_labelled(family.layout, given_)
    assert found is not None
    by_key = dict(given_.items())
    assert found.tolist() == [by_key[family.layout.key(k)] for k in range(family.count)]
    np.testing.assert_array_equal(values_of(instance, {name: given_}, complete=False)[name], found)


def test_values_are_copied(instance: Instance) -> None:
    layout = instance.family("by_town").layout
    values = np.array([1.0, 2.0, 3.0])
    found = placed_labelled(layout, Labelled("by_town", (), layout.members, values))
    assert found is not None
    found[0] = 9
    assert values[0] == 1.0


def test_duals_are_those_of_the_answer(instance: Instance) -> None:
    layout = instance.constraint("floor").layout
    rows = [[*layout.key(k), float(k)] for k in range(layout.size)]
    found = duals_of(instance, {"duals": {"floor": {"values": rows[::-1]}, "least": {"values": [[2.5]]}}})
    assert found["dual(floor)"].tolist() == list(range(layout.size)) and found["dual(least)"].tolist() == [2.5]
    odd = duals_of(instance, {"duals": {"floor": {"values": [*rows, ["Oslo", 2000, "none"], ["Paris", 2000, 1.0]]}}})
    assert odd["dual(floor)"].tolist() == list(range(layout.size))


def test_what_is_wrong_is_still_told(instance: Instance) -> None:
    with pytest.raises(GivenError) as told:
        values_of(instance, {"by_town": {"values": [["Oslo", 1.0], ["Paris", 2.0]]}}, complete=False)
    assert "Paris" in str(told.value)
