"""Small mixed-integer problems from seeds, for tests of starts and of heuristics."""

from __future__ import annotations

import numpy as np

from optc.backends.conformance import INF, form
from optc.compiler.forms.linear import LinearForm


def set_cover() -> LinearForm:
    """Forty rows, thirty columns; the optimum is 102, that of the relaxation 99.5."""
    random = np.random.default_rng(113)
    matrix = (random.random((40, 30)) < 0.15).astype(float)
    empty = np.flatnonzero(matrix.sum(axis=1) == 0)
    matrix[empty, empty % 30] = 1.0
    cost = random.integers(1, 20, 30).tolist()
    return form(cost, matrix.tolist(), [1] * 40, [INF] * 40, [0] * 30, [1] * 30, integer=[True] * 30)


def knapsack(seed: int, rows: int = 5, columns: int = 40) -> LinearForm:
    """Maximise the profit within several capacities."""
    random = np.random.default_rng(seed)
    weights = random.integers(1, 100, (rows, columns))
    profit = weights.mean(axis=0) + random.integers(1, 50, columns)
    most = np.floor(weights.sum(axis=1) / 2)
    whole = [True] * columns
    return form(
        profit.tolist(),
        weights.tolist(),
        [-INF] * rows,
        most.tolist(),
        [0] * columns,
        [1] * columns,
        sense="maximize",
        integer=whole,
    )


def facility_location(seed: int, sites: int = 8, customers: int = 15) -> LinearForm:
    """Open sites are binaries, what they send is continuous; columns: open (sites), sent (sites, customers).

    Rows: each customer has its demand, each site keeps its capacity.
    """
    random = np.random.default_rng(seed)
    demand = random.integers(5, 36, customers).astype(float)
    capacity = random.integers(60, 160, sites).astype(float)
    opening, sending = random.integers(300, 900, sites), random.integers(1, 60, (sites, customers))
    n = sites + sites * customers
    served = np.hstack([np.zeros((customers, sites)), np.tile(np.eye(customers), sites)])
    kept = np.hstack([-np.diag(capacity), np.kron(np.eye(sites), np.ones((1, customers)))])
    rows = np.vstack([served, kept])
    low = np.concatenate([demand, np.full(sites, -INF)])
    high = np.concatenate([demand, np.zeros(sites)])
    upper = [1.0] * sites + np.tile(demand, sites).tolist()
    cost = np.concatenate([opening, sending.ravel()]).astype(float)
    whole = [True] * sites + [False] * (sites * customers)
    return form(cost.tolist(), rows.tolist(), low.tolist(), high.tolist(), [0.0] * n, upper, integer=whole)


def all_open(problem: LinearForm, sites: int = 8, customers: int = 15) -> np.ndarray:
    """A poor point of a facility location: every site is open, and takes customers in turn as long as it can."""
    x = np.zeros(problem.shape[1])
    x[:sites] = 1.0
    left = -problem.values[problem.starts[customers : customers + sites]]
    for customer, demand in enumerate(problem.row_lower[:customers]):
        for site in np.roll(np.arange(sites), -customer):
            sent = min(left[site], demand)
            x[sites + site * customers + customer] += sent
            left[site], demand = left[site] - sent, demand - sent
    return x
