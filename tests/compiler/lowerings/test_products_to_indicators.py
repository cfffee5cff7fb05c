"""Products of a binary and a column without bounds, as switched rows: the same points, by enumeration and by SCIP."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from optc.backends import scip
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.discrete import DiscreteForm, RowProducts
from optc.compiler.lowerings import products_to_indicators as lowering

INF = np.inf


def form_of(seed: int) -> DiscreteForm:
    """Two binaries z, three columns x of all kinds of sign, three rows with linear terms and products z x."""
    rng = np.random.default_rng(seed)
    low = rng.choice([0.0, -INF, -3.0], 3)
    high = np.where(low == 0, rng.choice([INF, 4.0], 3), rng.choice([0.0, INF, 2.0], 3))
    dense = rng.integers(-3, 4, (3, 5)).astype(float)
    products = sorted({(int(rng.integers(3)), int(rng.integers(2, 5)), int(rng.integers(2))) for _ in range(5)})
    rows, first, second = (np.array(part, dtype=np.int32) for part in zip(*products, strict=True))
    values = np.where(rng.random(len(rows)) < 0.4, -dense[rows, first], rng.choice([-2.0, 1.0, 3.0], len(rows)))
    kept = values != 0
    ends = rng.choice([0, 1, 2], 3)
    lower, upper = np.where(ends == 0, -INF, -1.0), np.where(ends == 1, INF, 2.0)
    starts = np.concatenate([[0], np.cumsum((dense != 0).sum(axis=1))]).astype(np.int32)
    return DiscreteForm(
        "minimize",
        rng.integers(-2, 3, 5).astype(float),
        0.0,
        starts,
        np.nonzero(dense)[1].astype(np.int32),
        dense[dense != 0],
        lower,
        upper,
        np.concatenate([[0.0, 0.0], np.maximum(low, -5)]),
        np.concatenate([[1.0, 1.0], high]),
        np.array([True, True, False, False, False]),
        hessian_starts=np.zeros(6, dtype=np.int32),
        products=RowProducts(rows[kept], first[kept], second[kept], values[kept]),
    )


def best(form: DiscreteForm) -> float | None:
    """The optimum with the binaries taken one after the other; None where there is none, -inf without a limit."""
    found = []
    dense = np.zeros(form.shape)
    for row in range(form.shape[0]):
        part = slice(form.starts[row], form.starts[row + 1])
        dense[row, form.indices[part]] = form.values[part]
    for z in itertools.product((0.0, 1.0), repeat=2):
        matrix = dense.copy()
        terms = form.products
        np.add.at(matrix, (terms.rows, terms.first), terms.values * np.array(z)[terms.second])
        upper, lower = np.isfinite(form.row_upper), np.isfinite(form.row_lower)
        bounds = [(v, v) for v in z] + list(zip(form.lower[2:], form.upper[2:], strict=True))
        answer = linprog(
            form.cost,
            np.vstack([matrix[upper], -matrix[lower]]),
            np.concatenate([form.row_upper[upper], -form.row_lower[lower]]),
            bounds=bounds,
        )
        if answer.status == 3:
            return -INF
        found += [answer.fun] if answer.status == 0 else []
    return min(found, default=None)


@pytest.mark.parametrize("seed", range(60))
def test_the_optimum_stays(seed: int) -> None:
    form = form_of(seed)
    expected = best(form)
    target, inverse = lowering.lower(form)
    assert not target.products.count
    answer = scip.solve(target, Goal(gap=1e-9), scip.Options(), contexts.start(), None)
    if expected is None:
        assert answer.claim == "infeasible"
    elif expected == -INF:
        assert answer.claim in ("unbounded", "infeasible or unbounded")
    else:
        assert answer.claim == "optimal" and answer.x is not None
        x = lowering.lift(answer.x, inverse)
        assert len(x) == form.shape[1]
        assert form.cost @ x == pytest.approx(expected, abs=1e-5)


def test_one_direction_costs_one_switched_row() -> None:
    """x - z x <= 1 with x >= 0: the column stands for (1 - z) x, and only must not fall below it."""
    form = DiscreteForm(
        "maximize",
        np.array([0.0, 1.0]),
        0.0,
        np.array([0, 1], dtype=np.int32),
        np.array([1], dtype=np.int32),
        np.array([1.0]),
        np.array([-INF]),
        np.array([1.0]),
        np.zeros(2),
        np.array([1.0, INF]),
        np.array([True, False]),
        hessian_starts=np.zeros(3, dtype=np.int32),
        products=RowProducts(*(np.array([v], dtype=np.int32) for v in (0, 1, 0)), np.array([-1.0])),
    )
    target, _ = lowering.lower(form)
    assert target.indicators.count == 1
    assert (target.indicators.columns[0], target.indicators.values[0]) == (0, 0)
    assert target.values.tolist() == [1.0, -1.0, 1.0]  # p <= 1; p - x >= 0 where z is 0
    assert target.shape == (2, 3)
