"""Factorisations of KKT matrices against eigenvalues, and the patterns and sketches that stand on them."""

from __future__ import annotations

from typing import Any

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


def one_at_a_time(matrix: csc_array, right: Any, sketches: Any) -> Any:
    """The iterate after a step with each column of the sketches, by the formula of one step."""
    z, dense = np.zeros(len(right)), matrix.toarray()
    for sketch in sketches.T:
        moved = dense @ sketch
        if moved @ moved > 0:
            z = z + moved * (sketch @ (right - dense @ z)) / (moved @ moved)
    return z


@pytest.mark.parametrize("kind", ["kaczmarz", "gaussian"])
def test_steps_worked_out_together_are_those_of_one_after_the_other(kind: str) -> None:
    root = np.random.default_rng(3).normal(size=(7, 7))
    root[2] = root[:, 2] = 0  # a row of zeros is no step
    matrix, right = csc_array(root + root.T), np.random.default_rng(5).normal(size=7)
    iterate = sketching.begin(matrix, right)
    sketching.drive(iterate, kind, 1, 1e-12, 1, np.random.default_rng(8), lambda: False)
    again = np.random.default_rng(8)
    if kind == "kaczmarz":
        sketches = np.eye(7)[:, again.integers(0, 7, sketching.TOGETHER)]
    else:
        sketches = again.standard_normal((7, sketching.TOGETHER))
    np.testing.assert_allclose(iterate.z, one_at_a_time(matrix, right, sketches), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(iterate.residual, right - matrix @ iterate.z, rtol=1e-8, atol=1e-10)


def test_rows_of_very_different_size_are_solved_alike() -> None:
    # As a barrier leaves them: diagonal entries of 1e-2 to 1e13 above a Jacobian of ordinary size.
    random = np.random.default_rng(6)
    jacobian = csc_array(random.normal(size=(5, 12)))
    matrix = inertia.kkt(csc_array(np.diag(10.0 ** np.linspace(-2, 13, 12))), jacobian)
    factor = inertia.factorise(matrix, 12)
    assert factor is not None and factor.negative == 5
    wanted = random.normal(size=17) / np.append(10.0 ** np.linspace(0, 13, 12), np.ones(5))
    z, residual = factor.solve(matrix @ wanted)
    assert residual < 1e-11
    np.testing.assert_allclose(z, wanted, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_each_pass_of_equilibration_halves_the_orders_of_magnitude_between_rows(seed: int) -> None:
    random = np.random.default_rng(seed)
    root = random_array((20, 20), density=0.2, rng=random).toarray() * 10.0 ** random.uniform(-6, 6, (20, 20))
    matrix = csc_array(root + root.T)
    before = np.abs(matrix.toarray()).max(axis=0)
    after = np.abs(inertia.scaled(matrix, inertia.equilibration(matrix)).toarray()).max(axis=0)
    assert np.array_equal(before > 0, after > 0)
    orders, left = np.log10(before[before > 0]), np.log10(after[after > 0])
    assert left.max() <= 1e-9 and left.min() >= -np.ptp(orders) / 2**inertia.PASSES - 1e-9


def test_a_large_system_takes_single_rows_without_a_dense_matrix() -> None:
    random = np.random.default_rng(2)
    count = sketching.DENSE + 10
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
