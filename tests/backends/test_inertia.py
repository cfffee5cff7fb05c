"""Factorisations of KKT matrices against eigenvalues, and the patterns and sketches that stand on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, random_array

from optc.backends.exact_al import inertia, sketching
from optc.backends.exact_al.equality_form import pattern


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), full=st.booleans())
def test_inertia_and_solution_are_those_of_the_matrix(seed: int, full: bool) -> None:
    random = np.random.default_rng(seed)
    n, m = (500, 40) if full else (40, 15)
    symmetric = random_array((n, n), density=3 / n, rng=random) + random_array((n, n), density=0.5 / n, rng=random)
    hessian = csc_array(symmetric + symmetric.T + 0.2 * np.diag(random.normal(size=n)))
    dense = random_array((m, n), density=4 / n, rng=random).toarray() + np.eye(m, n)
    if full:
        dense[0] = random.normal(size=n)
    matrix = inertia.kkt(hessian, csc_array(dense))
    factor = inertia.factorise(matrix, n)
    values = np.linalg.eigvalsh(matrix.toarray())
    if np.abs(values).min() < 1e-4:
        return
    assert factor is not None and (factor.order is not None) == full
    assert factor.negative == int((values < 0).sum())
    right = random.normal(size=n + m)
    z, residual = factor.solve(right)
    assert residual < 1e-9
    np.testing.assert_allclose(matrix @ z, right, atol=1e-7)


def test_a_jacobian_without_full_rank_still_gives_the_inertia_and_a_solution_where_there_is_one() -> None:
    jacobian = csc_array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]])
    matrix = inertia.kkt(csc_array(np.diag([1.0, 1.0, -1.0])), jacobian)
    factor = inertia.factorise(matrix, 3)
    assert factor is not None and factor.negative == 3  # one beside the two rows: the third column curves downwards
    right = matrix @ np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert factor.solve(right)[1] < 1e-9
    assert factor.solve(np.array([0, 0, 0, 1.0, 0.0]))[1] > 1e-3  # the two rows contradict each other


def test_entries_of_one_place_add_up() -> None:
    places = pattern(np.array([1, 0, 1, 2]), np.array([1, 0, 1, 0]), (3, 2))
    found = places.matrix(np.array([1.0, 2.0, 3.0, 4.0])).toarray()
    np.testing.assert_array_equal(found, [[2.0, 0.0], [0.0, 4.0], [4.0, 0.0]])


@pytest.mark.parametrize("kind", sketching.KINDS)
def test_sketches_reach_the_residual_that_is_asked_for(kind: str) -> None:
    random = np.random.default_rng(4)
    root = random.normal(size=(12, 12))
    matrix = csc_array(root + root.T + 8 * np.eye(12))
    right = random.normal(size=12)
    iterate = sketching.begin(matrix, right)
    target = 1e-6 * float(np.linalg.norm(right))
    assert sketching.drive(iterate, kind, 4, target, 200_000, random, lambda: False)
    assert np.linalg.norm(right - matrix @ iterate.z) <= 1.01 * target
    steps = iterate.steps
    assert sketching.drive(iterate, kind, 4, 1e-2 * target, 200_000, random, lambda: False)
    assert iterate.steps > steps and np.linalg.norm(right - matrix @ iterate.z) <= 1.01e-2 * target


def test_a_large_system_takes_single_rows_without_its_gram_matrix() -> None:
    random = np.random.default_rng(2)
    count = sketching.GRAM + 10
    matrix = csc_array(np.diag(random.uniform(1, 2, count)) + 0.001 * np.eye(count, k=1) + 0.001 * np.eye(count, k=-1))
    right = random.normal(size=count)
    iterate = sketching.begin(matrix, right)
    assert sketching.drive(iterate, "kaczmarz", 1, 1e-3 * float(np.linalg.norm(right)), 10**6, random, lambda: False)
    assert np.linalg.norm(right - matrix @ iterate.z) <= 1.01e-3 * np.linalg.norm(right)


def test_a_sketch_stops_at_its_cap_and_when_told() -> None:
    random = np.random.default_rng(1)
    grid = np.arange(12)
    matrix = csc_array(1 / (1.0 + grid[:, None] + grid[None, :]))  # Hilbert's: as ill conditioned as they come
    for kind in sketching.KINDS:
        iterate = sketching.begin(matrix, np.cos(grid))
        assert not sketching.drive(iterate, kind, 1, 1e-14, 100, random, lambda: False)
        assert not sketching.drive(iterate, kind, 1, 1e-14, 10**9, random, lambda: True)


def test_the_least_singular_value_is_found() -> None:
    random = np.random.default_rng(0)
    matrix = random.normal(size=(8, 20))
    found = sketching.smallest_singular_value(csc_array(matrix), random)
    assert found == pytest.approx(np.linalg.svd(matrix, compute_uv=False)[-1], rel=1e-8)
