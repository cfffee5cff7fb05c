"""Convex quadratic objectives as sums of squares, and the values that tangents give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optc.backends import highs
from optc.backends.complementarity_bb.node_relaxation import Relaxation, curved
from optc.backends.complementarity_bb.outer_approximation import LARGEST, squares
from optc.backends.conformance import INF, form, negated
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import QuadraticForm


def problem(seed: int, blocks: tuple[int, ...], rank: int) -> QuadraticForm:
    """Blocks of a positive semidefinite Hessian, columns beside them, and two rows."""
    random = np.random.default_rng(seed)
    n = sum(blocks) + 2
    hessian, at = np.zeros((n, n)), 0
    for size in blocks:
        factor = random.normal(size=(size, min(size, rank)))
        hessian[at : at + size, at : at + size] = factor @ factor.T
        at += size
    made = form(
        random.normal(size=n).tolist(),
        random.normal(size=(2, n)).tolist(),
        [-1.0, -2.0],
        [2.0, INF],
        [-3.0] * n,
        [3.0] * n,
        hessian=hessian.tolist(),
        offset=2.5,
    )
    assert isinstance(made, QuadraticForm)
    return made


@pytest.mark.parametrize("blocks", [(1, 1, 1), (4,), (1, 3, 2, 1)])
def test_the_squares_are_the_objective(blocks: tuple[int, ...]) -> None:
    for seed in range(5):
        own = problem(seed, blocks, 2)
        found = squares(own)
        assert found is not None and (found.weights > 0).all()
        n, more = own.shape[1], found.first - own.shape[1]
        x = np.random.default_rng(seed).normal(size=n)
        rows = found.program
        w = np.array(
            [
                rows.values[rows.starts[k] : rows.starts[k + 1] - 1]
                @ x[rows.indices[rows.starts[k] : rows.starts[k + 1] - 1]]
                for k in range(own.shape[0], own.shape[0] + more)
            ]
        )
        arguments = np.concatenate([x, w])[found.at]
        assert found.weights @ arguments**2 == pytest.approx(0.5 * curved(own, x), rel=1e-10)


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_the_values_are_those_of_a_quadratic_solver(sense: str) -> None:
    for seed in range(12):
        own: Any = problem(seed, ((5, 1, 1), (1, 1, 4), (7,))[seed % 3], 3)
        own = own if sense == "minimize" else negated(own)
        relaxation = Relaxation(own, Goal(), contexts.start())
        best = highs.solve(own, Goal(), highs.Options(qp_regularisation=0.0), contexts.start(), None)
        assert best.objective is not None
        wanted = best.objective if sense == "minimize" else -best.objective
        coarse = relaxation.solve(own.lower, own.upper, 1e-3)
        fine = relaxation.solve(own.lower, own.upper)
        for found, width in ((coarse, 0.06), (fine, 1e-7)):
            assert found.state == "optimal"
            assert found.value <= wanted + 1e-6 <= found.objective + 2e-6
            assert found.objective - found.value <= width * max(1.0, abs(wanted))
        assert coarse.value <= fine.value + 1e-9


def test_a_value_that_is_enough_ends_the_tangents() -> None:
    own = problem(0, (6,), 6)
    exact = Relaxation(own, Goal(), contexts.start())
    value = exact.solve(own.lower, own.upper).value
    early = Relaxation(own, Goal(), contexts.start())
    found = early.solve(own.lower, own.upper, 0.0, value - 0.5)
    assert value - 0.5 <= found.value <= value + 1e-9
    assert early.solves < exact.solves


def test_a_linear_part_without_limit_is_bounded_by_the_squares() -> None:
    free = form([-3.0, 1.0], [[1, -1]], [-INF], [50], [-INF] * 2, [INF] * 2, hessian=[[2, 0], [0, 4]])
    relaxation = Relaxation(free, Goal(), contexts.start())
    found = relaxation.solve(free.lower, free.upper)
    assert found.value == pytest.approx(-9 / 4 - 1 / 8, abs=1e-8)


def test_a_direction_without_squares_is_one_without_limit() -> None:
    flat = form([-1.0, 1.0, -2.0], [[1, 1, -1]], [0], [0], [0] * 3, [INF] * 3, hessian=np.diag([0, 2, 0]).tolist())
    relaxation = Relaxation(flat, Goal(), contexts.start())
    assert relaxation.solve(flat.lower, flat.upper).state == "unbounded"
    ray = relaxation.ray()
    assert ray is not None
    assert flat.cost @ ray < 0 and ray[1] == 0 and ray[0] == pytest.approx(ray[2])


def test_a_large_block_stays_quadratic() -> None:
    n = LARGEST + 1
    made = form([-1.0] * n, [], [], [], [0] * n, [INF] * n, hessian=(np.eye(n) + np.full((n, n), 1 / n)).tolist())
    assert isinstance(made, QuadraticForm)
    assert squares(made) is None
    found = Relaxation(made, Goal(), contexts.start()).solve(made.lower, made.upper)
    assert found.value == pytest.approx(-n / 4, rel=1e-6)
