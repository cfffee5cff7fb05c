"""Components by NumPy against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from optc.compiler.facts.components import FEW, components


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 60), st.integers(0, 80), st.integers(0, 10**6))
def test_components_are_those_of_scipy(nodes: int, edges: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, max(nodes, 1), (2, edges if nodes else 0))
    count, label = components(nodes, a, b)
    wanted = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(nodes, nodes)), directed=False)
    assert count == wanted[0] and label.tolist() == wanted[1].tolist()


@pytest.mark.parametrize("nodes", [FEW // 4, FEW])
def test_a_long_chain_in_any_order_is_one(nodes: int) -> None:
    order = np.random.default_rng(1).permutation(nodes)
    count, label = components(nodes + 1, order[:-1], order[1:])
    assert count == 2 and np.count_nonzero(label[:-1]) == 0 and label[-1] == 1
