"""Positions of members: against a dictionary, for every kind of column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optc.compiler.spaces import members as module
from optc.compiler.spaces.members import Coded, IndexedMembers, Members, combined, encode

TEXTS = st.text(alphabet="abc1 ", max_size=3)
WHOLE = st.integers(-(2**40), 2**40) | st.integers(-5, 5)
REALS = st.floats(-100, 100).map(lambda x: round(x, 1) + 0.0)


def array(values: list[object], kind: str) -> np.ndarray:
    if kind == "text":
        out = np.empty(len(values), dtype=np.object_)
        out[:] = values
        return out
    return np.array(values, dtype=np.int64 if kind == "whole" else np.float64)


VALUES = {"text": TEXTS, "whole": WHOLE, "real": REALS}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]], list[str]]:
    """Distinct members, keys to look for (half of them members), and the kind of each column."""
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3))
    row = st.tuples(*(VALUES[kind] for kind in kinds))
    rows = draw(st.lists(row, unique=True, max_size=12))
    keys = draw(st.lists(row | st.sampled_from(rows) if rows else row, max_size=12))
    return rows, keys, kinds


def columns_of(rows: list[tuple[object, ...]], kinds: list[str]) -> list[np.ndarray]:
    return [array([row[c] for row in rows], kind) for c, kind in enumerate(kinds)]


@given(tables(), st.booleans(), st.booleans())
def test_locate_agrees_with_a_dictionary(
    drawn: tuple[list[tuple[object, ...]], list[tuple[object, ...]], list[str]], coded: bool, coded_keys: bool
) -> None:
    rows, keys, kinds = drawn
    table = {row: k for k, row in enumerate(rows)}
    columns = columns_of(rows, kinds)
    members = Members.from_coded([encode(c) for c in columns]) if coded else Members.of(columns, len(rows))
    wanted = columns_of(keys, kinds)
    found = members.locate([encode(c) for c in wanted] if coded_keys else wanted)
    assert found.tolist() == [table.get(key, -1) for key in keys]
    assert [members.member(k) for k in range(members.size)] == rows


@given(tables())
def test_a_text_is_never_a_number(
    drawn: tuple[list[tuple[object, ...]], list[tuple[object, ...]], list[str]],
) -> None:
    rows, keys, kinds = drawn
    members = Members.of(columns_of(rows, kinds), len(rows))
    other = [
        array([str(v) for v in c.tolist()], "text") if kind != "text" else np.arange(len(c))
        for c, kind in zip(columns_of(keys, kinds), kinds, strict=True)
    ]
    assert set(members.locate(other).tolist()) <= {-1}


@pytest.mark.parametrize("low, high", [(0, 9), (-3, 3), (5, 4), (7, 7)])
def test_a_run_needs_no_table(low: int, high: int) -> None:
    run = Members.run(low, high)
    keys = np.array([low - 1, low, low + 0.5, high, high + 1, 2**52])
    expected = [k - low if k == int(k) and low <= k <= high else -1 for k in keys.tolist()]
    assert run.locate([keys]).tolist() == expected
    assert run.locate([keys.astype(np.int64)]).tolist()[1] == expected[1]
    assert run.locate([array(["1"], "text")]).tolist() == [-1]


def test_numbers_beyond_the_range_of_int64_are_no_members() -> None:
    keys = np.array([1e300, -1e300, np.inf])
    for members in (Members.run(1, 3), Members.of([np.array([1, 2, 3])]), Members.of([np.array([1, 10**9])])):
        assert members.locate([keys]).tolist() == [-1, -1, -1]


@given(st.lists(st.sampled_from(["text", "whole", "run", "pair"]), min_size=1, max_size=3))
def test_a_product_counts_the_last_factor_fastest(kinds: list[str]) -> None:
    pool = {
        "text": Members.of([array(["a", "b"], "text")]),
        "whole": Members.of([np.array([7, 3, 5])]),
        "run": Members.run(1, 3),
        "pair": Members.of([array(["x", "x", "y"], "text"), np.array([1, 2, 1])]),
    }
    factors = [pool[kind] for kind in kinds]
    product = Members.product(factors)
    expected: list[tuple[object, ...]] = [()]
    for factor in factors:
        expected = [(*row, *factor.member(k)) for row in expected for k in range(factor.size)]
    assert [product.member(k) for k in range(product.size)] == expected
    assert product.locate(product.columns).tolist() == list(range(product.size))
    assert product.locate(product.components).tolist() == list(range(product.size))


def test_a_product_with_an_empty_factor_is_empty() -> None:
    product = Members.product([Members.run(1, 3), Members.run(1, 0)])
    assert (product.size, product.arity) == (0, 2)
    assert product.locate([np.array([1]), np.array([1])]).tolist() == [-1]


def test_codes_beyond_63_bits_are_renumbered() -> None:
    size = 40
    rng = np.random.default_rng(0)
    columns = [rng.permutation(size) for _ in range(4)]
    wide = [Coded(np.arange(2**20), c.astype(np.int64)) for c in columns]
    members = Members.from_coded(wide)
    order = rng.permutation(size)
    assert members.locate([Coded(w.values, w.codes[order]) for w in wide]).tolist() == order.tolist()
    mixed = [*(w.codes for w in wide[:3]), wide[3].codes[::-1]]
    rows = {tuple(row): k for k, row in enumerate(np.column_stack([w.codes for w in wide]).tolist())}
    expected = [rows.get(tuple(row), -1) for row in np.column_stack(mixed).tolist()]
    assert members.locate([Coded(w.values, c) for w, c in zip(wide, mixed, strict=True)]).tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4)), max_size=20))
def test_combined_codes_tell_rows_apart(rows: list[tuple[int, int, int]]) -> None:
    columns = [np.array([row[c] for row in rows], dtype=np.int64) for c in range(3)]
    keys = combined(columns, [4, 2**61, 5]).tolist()
    assert len(set(keys)) == len(set(rows))


def test_large_numbers_are_found_by_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DENSE", 0)
    members = Members.of([np.array([10**15, 3, -(10**15)]), np.array([0.5, 1.5, 0.5])])
    assert members.locate(members.columns).tolist() == [0, 1, 2]
    assert members.locate([np.array([3, 3]), np.array([0.5, 1.5])]).tolist() == [-1, 1]


def test_a_family_keeps_each_set_in_order() -> None:
    index = Members.of([array(["r", "s", "t"], "text")])
    family = IndexedMembers(index, np.array([0, 2, 2, 3]), (np.array([5, 4, 5]),))
    assert [[family.at(p).member(k)[0] for k in range(family.at(p).size)] for p in range(3)] == [[5, 4], [], [5]]
    assert (family.size, family.dimension) == (3, 1)
    assert family.owners.tolist() == [0, 0, 2]
    assert [family.pairs.member(k) for k in range(3)] == [("r", 5), ("r", 4), ("t", 5)]
    assert family.pairs.locate([array(["t", "s"], "text"), np.array([5, 5])]).tolist() == [2, -1]
