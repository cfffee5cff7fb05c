"""Products stay strided, joins cost what they match, values lift and reduce along the chain of tables."""

from __future__ import annotations

import numpy as np
import pytest

from optc.compiler.spaces.algebra import UNIT, axis, by_rows, filtered, product, projected, reduce_to
from optc.compiler.spaces.domains import (
    Groups,
    IndexColumn,
    Lookup,
    domain_of,
    locate,
    run_domain,
    single_domain,
    stable_order,
    translation,
)
from optc.compiler.spaces.members import Members
from optc.dsl.program import IndexVar

ROW, COLUMN, ITEM = (IndexVar(name, serial) for serial, name in enumerate("ijk", 1))


def texts(*words: str) -> np.ndarray:
    column = np.empty(len(words), dtype=np.object_)
    column[:] = words
    return column


def test_a_product_keeps_one_axis_a_factor() -> None:
    table = product(axis(run_domain(1, 1000), [ROW]), axis(run_domain(1, 2000), [COLUMN]))
    assert table.shape == (1000, 2000)
    assert table.column(ROW).positions.shape == (1000, 1)
    assert table.column(COLUMN).positions.shape == (2000,)


def test_texts_are_told_from_numbers_and_from_each_other() -> None:
    words, others, numbers = (single_domain(c) for c in (texts("a", "b"), texts("b", "c"), np.array([1, 2])))
    assert translation(words, others).tolist() == [-1, 0]
    assert translation(words, numbers).tolist() == [-1, -1]
    assert translation(words, words) is None


def test_numbers_are_found_by_value() -> None:
    sparse = single_domain(np.array([10, 3, 7]))
    assert locate(sparse, [np.array([3.0, 7.5, 10.0])]).tolist() == [1, -1, 0]
    assert locate(run_domain(3, 5), [np.array([2.0, 3.0, 4.5, 5.0])]).tolist() == [-1, 0, -1, 2]


def test_tuples_are_coded_in_the_sets_they_lie_within() -> None:
    cities = single_domain(texts("x", "y", "z"))
    arcs = domain_of(Members.of([texts("z", "x"), texts("x", "y")]), "Arcs", [cities, cities])
    assert arcs.parts == (cities, cities)
    assert [c.tolist() for c in arcs.codes] == [[2, 0], [0, 1]]
    pairs = [IndexColumn(cities, np.array([0, 2, 1])), IndexColumn(cities, np.array([1, 0, 0]))]
    assert locate(arcs, pairs).tolist() == [1, 0, -1]


@pytest.mark.parametrize("count", [10, 1 << 40])
def test_lookups_agree_whether_dense_or_sorted(count: int) -> None:
    keys = np.array([7, 2, 5])
    found = Lookup.over(keys, count)
    assert (found.table is None) == (count > 100)
    assert found.find(np.array([[5, 3], [7, 2]])).tolist() == [[2, -1], [0, 1]]


@pytest.mark.parametrize("count", [8, 1 << 40])
def test_groups_give_matches_in_order(count: int) -> None:
    groups = Groups.over(np.array([3, 1, 3, 0]), count)
    parents, found = groups.find(np.array([1, 2, 3, -1, 3]))
    assert parents.tolist() == [0, 2, 2, 4, 4]
    assert found.tolist() == [1, 0, 2, 0, 2]


def test_the_order_of_keys_is_stable() -> None:
    keys = np.random.default_rng(0).integers(0, 1 << 35, 5000) // (1 << 20) * (1 << 18)
    assert np.array_equal(stable_order(keys, 1 << 35), np.argsort(keys, kind="stable"))


def test_values_lift_and_reduce_along_the_chain() -> None:
    outer = product(axis(run_domain(1, 3), [ROW]), axis(run_domain(1, 2), [COLUMN]))
    rows = np.array([0, 0, 3, 5])
    joined = by_rows(outer, rows, {ITEM: IndexColumn(run_domain(1, 4), np.array([0, 1, 2, 3]))})
    per_i = np.array([10.0, 20.0, 30.0]).reshape(3, 1)
    assert joined.lift(per_i).tolist() == [10, 10, 20, 30]
    batch = np.stack([np.arange(6).reshape(3, 2), 10 * np.arange(6).reshape(3, 2)])
    assert joined.lift(batch).tolist() == [[0, 0, 3, 5], [0, 0, 30, 50]]
    sums = reduce_to(outer, joined, np.array([1.0, 2.0, 4.0, 8.0]), np.add)
    assert sums.tolist() == [[3, 0], [0, 4], [0, 8]]
    assert reduce_to(UNIT, joined, np.ones(()), np.add) == 4
    least = reduce_to(outer, joined, np.array([[1.0, 2, 4, 8], [8, 4, 2, 1]]), np.minimum)
    assert least.tolist() == [[[1, np.inf], [np.inf, 4], [np.inf, 8]], [[4, np.inf], [np.inf, 2], [np.inf, 1]]]


def test_a_constant_axis_is_not_materialised() -> None:
    outer = axis(run_domain(1, 3), [ROW])
    table = product(product(outer, axis(run_domain(1, 10**5), [COLUMN])), axis(run_domain(1, 10**6), [ITEM]))
    found = reduce_to(outer, table, np.array([[[1.0]], [[2.0]], [[3.0]]]), np.add)
    assert found.reshape(-1).tolist() == [1e11, 2e11, 3e11]


def test_a_filter_keeps_the_rows_in_order() -> None:
    table = product(axis(run_domain(1, 2), [ROW]), axis(run_domain(1, 3), [COLUMN]))
    kept = filtered(table, np.array([True, False, True]))
    assert kept.column(ROW).values().tolist() == [1, 1, 2, 2]
    assert kept.column(COLUMN).values().tolist() == [1, 3, 1, 3]
    assert filtered(table, np.ones((), dtype=bool)) is table


def test_a_projection_has_only_the_axes_that_are_used() -> None:
    table = product(
        product(axis(run_domain(1, 4), [ROW]), axis(run_domain(1, 5), [COLUMN])), axis(run_domain(1, 6), [ITEM])
    )
    small, ancestor = projected(table, frozenset({COLUMN}))
    assert small.shape == (1, 5) and ancestor.shape == (4, 5)
    everything, same = projected(table, frozenset({ROW, COLUMN, ITEM}))
    assert everything is same is table
