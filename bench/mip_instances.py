"""Mixed-integer linear problems from seeds, too large for a proof in a minute or so; arrays of whole blocks.

Families and how their numbers are drawn: set covering (E. Balas, A. Ho, Math. Prog. Study 12 (1980)), multidimensional
knapsack with correlated profits (P. C. Chu, J. E. Beasley, J. Heuristics 4 (1998)), capacitated facility location
(G. Cornuejols, R. Sridharan, J. M. Thizy, EJOR 50 (1991)), generalised assignment of type D (P. C. Chu,
J. E. Beasley, Computers & OR 24 (1997)), multi-item lot sizing with set-up times (W. W. Trigeiro, L. J. Thomas,
J. O. McClain, Management Science 35 (1989)), unit commitment with minimum up and down times (D. Rajan, S. Takriti, IBM
report RC23628 (2005)), combinatorial auctions, fixed-charge multicommodity network design.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from optc.compiler.forms.linear import LinearForm

Floats = NDArray[np.float64]
INF = np.inf


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """``low <= matrix x <= high``."""

    matrix: sparse.csr_matrix
    low: Floats
    high: Floats


def form_of(
    sense: str, cost: Floats, rows: list[Rows], upper: Floats, integer: NDArray[np.bool_], lower: Floats | None = None
) -> LinearForm:
    """The form of stacked blocks of rows."""
    matrix = sparse.csr_matrix(sparse.vstack([block.matrix for block in rows]))
    matrix.sort_indices()
    return LinearForm(
        sense,
        cost.astype(np.float64),
        0.0,
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data.astype(np.float64),
        np.concatenate([block.low for block in rows]).astype(np.float64),
        np.concatenate([block.high for block in rows]).astype(np.float64),
        np.zeros(len(cost)) if lower is None else lower,
        upper.astype(np.float64),
        integer,
    )


def _ones(count: int) -> NDArray[np.bool_]:
    return np.ones(count, dtype=np.bool_)


def set_cover(seed: int, rows: int = 600, columns: int = 6000, density: float = 0.02) -> LinearForm:
    """Least cost of columns that cover every row; costs from 1 to 100."""
    random = np.random.default_rng(seed)
    hit = random.random((rows, columns)) < density
    hit[np.arange(rows), random.integers(0, columns, rows)] = True
    matrix = sparse.csr_matrix(hit.astype(np.float64))
    cover = Rows(matrix, np.ones(rows), np.full(rows, INF))
    return form_of(
        "minimize", random.integers(1, 101, columns).astype(np.float64), [cover], np.ones(columns), _ones(columns)
    )


def knapsack(seed: int, rows: int = 30, columns: int = 500, tightness: float = 0.5) -> LinearForm:
    """Most profit within several capacities; profits are mean weights plus noise."""
    random = np.random.default_rng(seed)
    weights = random.integers(1, 1001, (rows, columns)).astype(np.float64)
    profit = weights.mean(axis=0) + 500.0 * random.random(columns)
    capacity = np.floor(tightness * weights.sum(axis=1))
    block = Rows(sparse.csr_matrix(weights), np.full(rows, -INF), capacity)
    return form_of("maximize", np.round(profit), [block], np.ones(columns), _ones(columns))


def facility_location(seed: int, sites: int = 100, customers: int = 200, ratio: float = 5.0) -> LinearForm:
    """Each customer is served by one site alone; sites cost and have capacities, in all ``ratio`` times the demand."""
    random = np.random.default_rng(seed)
    place, home = random.random((sites, 2)), random.random((customers, 2))
    demand = random.integers(5, 36, customers).astype(np.float64)
    capacity = random.integers(10, 161, sites).astype(np.float64)
    capacity = np.round(capacity * ratio * demand.sum() / capacity.sum())
    opening = np.round(random.integers(0, 91, sites) + random.integers(100, 111, sites) * np.sqrt(capacity))
    distance = np.linalg.norm(place[:, None] - home[None], axis=2)
    serving = np.round(10.0 * distance * demand)
    served = sparse.hstack([sparse.csr_matrix((customers, sites)), sparse.kron(np.ones((1, sites)), _eye(customers))])
    load = sparse.hstack([sparse.diags(-capacity), sparse.kron(_eye(sites), demand[None])])
    linked = sparse.hstack([sparse.kron(-_eye(sites), np.ones((customers, 1))), _eye(sites * customers)])
    rows = [
        Rows(served, np.ones(customers), np.ones(customers)),
        Rows(load, np.full(sites, -INF), np.zeros(sites)),
        Rows(linked, np.full(sites * customers, -INF), np.zeros(sites * customers)),
    ]
    n = sites + sites * customers
    return form_of("minimize", np.concatenate([opening, serving.ravel()]), rows, np.ones(n), _ones(n))


def assignment(seed: int, agents: int = 40, jobs: int = 400) -> LinearForm:
    """Generalised assignment of type D: what takes an agent long costs little."""
    random = np.random.default_rng(seed)
    time = random.integers(1, 101, (agents, jobs)).astype(np.float64)
    cost = 111.0 - time + random.integers(-10, 11, (agents, jobs))
    capacity = np.floor(0.8 * time.sum(axis=1) / agents)
    once = Rows(sparse.kron(np.ones((1, agents)), _eye(jobs)), np.ones(jobs), np.ones(jobs))
    owner = np.repeat(np.arange(agents), jobs)
    used = sparse.csr_matrix((time.ravel(), (owner, np.arange(agents * jobs))), (agents, agents * jobs))
    n = agents * jobs
    return form_of("minimize", cost.ravel(), [once, Rows(used, np.full(agents, -INF), capacity)], np.ones(n), _ones(n))


def lot_sizing(seed: int, items: int = 40, periods: int = 40) -> LinearForm:
    """Several items on one machine with set-up times; columns: lots, stocks, set-ups, each (items, periods)."""
    random = np.random.default_rng(seed)
    demand = random.integers(0, 181, (items, periods)) * (random.random((items, periods)) < 0.8)
    demand[:, : periods // 10] = 0  # time to fill the stocks
    setup_time = random.integers(10, 51, items).astype(np.float64)
    setup_cost = random.integers(200, 1001, items).astype(np.float64)
    holding = random.integers(1, 6, items).astype(np.float64)
    capacity = np.full(periods, 1.25 * demand.sum() / periods + 0.35 * setup_time.sum())
    n = items * periods
    before = sparse.kron(_eye(items), sparse.diags([np.ones(periods - 1)], [-1], shape=(periods, periods)))
    balance = sparse.hstack([_eye(n), before - _eye(n), sparse.csr_matrix((n, n))])
    rest = demand[:, ::-1].cumsum(axis=1)[:, ::-1]
    most = np.minimum(rest, capacity[None] - setup_time[:, None])
    started = sparse.hstack([_eye(n), sparse.csr_matrix((n, n)), -sparse.diags(most.ravel())])
    busy = sparse.hstack(
        [
            sparse.kron(np.ones((1, items)), _eye(periods)),
            sparse.csr_matrix((periods, n)),
            sparse.kron(setup_time[None], _eye(periods)),
        ]
    )
    need = demand.ravel().astype(np.float64)
    rows = [
        Rows(balance, need, need),
        Rows(started, np.full(n, -INF), np.zeros(n)),
        Rows(busy, np.full(periods, -INF), capacity),
    ]
    cost = np.concatenate([np.zeros(n), np.repeat(holding, periods), np.repeat(setup_cost, periods)])
    upper = np.concatenate([np.full(2 * n, INF), np.ones(n)])
    integer = np.concatenate([np.zeros(2 * n), np.ones(n)]).astype(np.bool_)
    return form_of("minimize", cost, rows, upper, integer)


def unit_commitment(seed: int, units: int = 100, hours: int = 48) -> LinearForm:
    """Units on or off, with start-up costs and minimum up and down times; columns: output, on, start (units, hours)."""
    random = np.random.default_rng(seed)
    most = random.integers(50, 456, units).astype(np.float64)
    least = np.round(most * random.uniform(0.25, 0.5, units))
    up, down = random.integers(2, 9, units), random.integers(2, 9, units)
    marginal, fixed = random.uniform(15, 30, units).round(2), random.uniform(300, 1000, units).round()
    starting = random.uniform(500, 5000, units).round()
    shape = 0.65 + 0.25 * np.sin(2 * np.pi * (np.arange(hours) - 8) / 24) + random.uniform(-0.03, 0.03, hours)
    demand = np.round(0.85 * shape * most.sum())
    n, eye, none = units * hours, _eye(units * hours), sparse.csr_matrix((units * hours, units * hours))
    before = sparse.kron(_eye(units), sparse.diags([np.ones(hours - 1)], [-1], shape=(hours, hours)))
    total = sparse.kron(np.ones((1, units)), _eye(hours))
    zero = sparse.csr_matrix((hours, n))
    # Started within the last ``up`` hours: on. Started within the last ``down`` hours: off before them.
    lately = [sparse.block_diag([_window(hours, int(length)) for length in lengths]) for lengths in (up, down)]
    earlier = sparse.block_diag([_shift(hours, int(length)) for length in down])
    rows = [
        Rows(sparse.hstack([total, zero, zero]), demand, demand),
        Rows(sparse.hstack([zero, total.multiply(np.repeat(most, hours)[None]), zero]), 1.1 * demand, _far(hours)),
        Rows(sparse.hstack([eye, -sparse.diags(np.repeat(most, hours)), none]), -_far(n), np.zeros(n)),
        Rows(sparse.hstack([eye, -sparse.diags(np.repeat(least, hours)), none]), np.zeros(n), _far(n)),
        Rows(sparse.hstack([none, eye - before, -eye]), -_far(n), np.zeros(n)),
        Rows(sparse.hstack([none, -eye, lately[0]]), -_far(n), np.zeros(n)),
        Rows(sparse.hstack([none, earlier, lately[1]]), -_far(n), np.ones(n)),
    ]
    cost = np.concatenate([np.repeat(marginal, hours), np.repeat(fixed, hours), np.repeat(starting, hours)])
    upper = np.concatenate([np.repeat(most, hours), np.ones(2 * n)])
    integer = np.concatenate([np.zeros(n), np.ones(2 * n)]).astype(np.bool_)
    return form_of("minimize", cost, rows, upper, integer)


def auction(seed: int, goods: int = 300, bids: int = 1500) -> LinearForm:
    """The bids of most value of which no two have a good in common; bundles of neighbouring goods."""
    random = np.random.default_rng(seed)
    worth = random.uniform(1.0, 100.0, goods)
    centre, size = random.random(bids), random.integers(2, 12, bids)
    place = random.random(goods)
    near = np.argsort(np.abs(place[None] - centre[:, None]) + 0.2 * random.random((bids, goods)), axis=1)
    chosen = np.arange(goods)[None] < size[:, None]
    bid, rank = np.nonzero(chosen)
    good = near[bid, rank]
    value = np.bincount(bid, weights=worth[good], minlength=bids)
    price = np.round(value * random.uniform(0.8, 1.2, bids) + 3.0 * size.astype(np.float64) ** 1.5, 1)
    matrix = sparse.csr_matrix((np.ones(len(bid)), (good, bid)), (goods, bids))
    once = Rows(matrix, np.full(goods, -INF), np.ones(goods))
    return form_of("maximize", price, [once], np.ones(bids), _ones(bids))


def network_design(seed: int, nodes: int = 25, arcs: int = 200, commodities: int = 40) -> LinearForm:
    """Flows of several commodities on arcs that cost when open; columns: flow (arcs, commodities), open (arcs)."""
    random = np.random.default_rng(seed)
    place = random.random((nodes, 2))
    ring = np.stack([np.arange(nodes), np.roll(np.arange(nodes), -1)], axis=1)
    pairs = np.argwhere(~np.eye(nodes, dtype=np.bool_))
    ends = np.concatenate([ring, ring[:, ::-1], random.permutation(pairs)[: arcs - 2 * nodes]])
    length = np.linalg.norm(place[ends[:, 0]] - place[ends[:, 1]], axis=1)
    trips = random.permutation(pairs)[:commodities]
    amount = random.integers(5, 31, commodities).astype(np.float64)
    capacity = np.round(0.25 * amount.sum() * random.uniform(0.8, 1.2, len(ends)))
    capacity[: 2 * nodes] = amount.sum()
    incidence = sparse.csr_matrix(
        (np.repeat([1.0, -1.0], len(ends)), (ends.T.ravel(), np.tile(np.arange(len(ends)), 2))), (nodes, len(ends))
    )
    k, a = commodities, len(ends)
    supply = np.zeros((nodes, k))
    supply[trips[:, 0], np.arange(k)] += amount
    supply[trips[:, 1], np.arange(k)] -= amount
    conserved = sparse.hstack([sparse.kron(incidence, _eye(k)), sparse.csr_matrix((nodes * k, a))])
    within = sparse.hstack([sparse.kron(_eye(a), np.ones((1, k))), -sparse.diags(capacity)])
    strong = sparse.hstack([_eye(a * k), -sparse.kron(_eye(a), np.minimum(amount, capacity.max())[:, None])])
    rows = [
        Rows(conserved, supply.ravel(), supply.ravel()),
        Rows(within, np.full(a, -INF), np.zeros(a)),
        Rows(strong, np.full(a * k, -INF), np.zeros(a * k)),
    ]
    fixed = np.round(amount.mean() * 20.0 * length * random.uniform(0.8, 1.2, a), 1)
    cost = np.concatenate([np.repeat(np.round(length, 3), k), fixed])
    upper = np.concatenate([np.full(a * k, INF), np.ones(a)])
    integer = np.concatenate([np.zeros(a * k), np.ones(a)]).astype(np.bool_)
    return form_of("minimize", cost, rows, upper, integer)


def _eye(size: int) -> sparse.csr_matrix:
    return sparse.identity(size, format="csr")


def _far(size: int) -> Floats:
    return np.full(size, INF)


def _window(size: int, length: int) -> sparse.csr_matrix:
    """Row ``t`` sums ``t - length + 1`` to ``t``."""
    return sparse.csr_matrix(np.tri(size) - np.tri(size, k=-length))


def _shift(size: int, length: int) -> sparse.csr_matrix:
    """Row ``t`` reads ``t - length``."""
    return sparse.csr_matrix(np.eye(size, k=-length))
