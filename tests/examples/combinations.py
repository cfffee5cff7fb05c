"""Discrete examples solved by enumeration, by dynamic programming, or by SciPy from rows written by hand."""

from __future__ import annotations

import json
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_diag, csr_matrix, eye, hstack, kron


def facilities(file: Path) -> float:
    """The least cost of opening facilities and serving all customers from them; columns: open, then shares."""
    data = json.loads(file.read_text(encoding="utf-8"))
    serving, demand = np.array(data["serving"]), np.array(data["demand"], dtype=float)
    customers, count = serving.shape
    served = hstack([csr_matrix((customers, count)), kron(eye(customers), np.ones((1, count)))])
    room = hstack([-block_diag([[c] for c in data["capacity"]]), kron(demand[None, :], eye(count))])
    linked = hstack([-kron(np.ones((customers, 1)), eye(count)), eye(customers * count)])
    rows = [LinearConstraint(served, 1, 1), LinearConstraint(room, ub=0), LinearConstraint(linked, ub=0)]
    cost = np.concatenate([data["opening"], serving.ravel()])
    whole = np.arange(len(cost)) < count
    found = milp(cost, constraints=rows, integrality=whole, bounds=Bounds(0, 1), options={"mip_rel_gap": 1e-10})
    return float(found.fun)


def round_trip(file: Path) -> float:
    """The shortest round trip, by the shortest ways from city 0 through each subset to each of its cities."""
    distance = json.loads(file.read_text(encoding="utf-8"))["distance"]
    others = range(1, len(distance))
    ways = {(frozenset([c]), c): distance[0][c] for c in others}
    for size in range(2, len(distance)):
        for subset in map(frozenset, combinations(others, size)):
            for end in subset:
                before = subset - {end}
                ways[subset, end] = min(ways[before, c] + distance[c][end] for c in before)
    return float(min(ways[frozenset(others), c] + distance[c][0] for c in others))


def best_subset(file: Path) -> float:
    """The largest gain of a subset that fits, of all subsets."""
    data = json.loads(file.read_text(encoding="utf-8"))
    count = len(data["gain"])
    subsets = np.arange(2**count)[:, None] >> np.arange(count) & 1
    fits = (subsets @ np.array(data["uses"]).T <= np.array(data["capacity"])).all(axis=1)
    return float((subsets[fits] @ np.array(data["gain"])).max())


def best_assignment(file: Path) -> float:
    """The least sum of flow times distance, of all assignments."""
    data = json.loads(file.read_text(encoding="utf-8"))
    flow, distance = np.array(data["flow"]), np.array(data["distance"])
    off_diagonal = flow - np.diag(np.diag(flow))
    orders = (np.array(order) for order in permutations(range(len(flow))))
    return float(min((off_diagonal * distance[np.ix_(order, order)]).sum() for order in orders))
