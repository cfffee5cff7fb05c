"""Answers of the examples whose objectives are ratios, from their raw data by linear programs without a ratio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import lil_matrix


def _data(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def densest_part(path: Path) -> float:
    """The largest number of edges for each vertex, by the linear program whose optimum is that of whole parts
    (M. Charikar, "Greedy approximation algorithms for finding dense components in a graph", APPROX 2000).
    """
    data = _data(path)
    place = {member: k for k, member in enumerate(data["Members"])}
    ties, members = len(data["Ties"]), len(place)
    rows = lil_matrix((2 * ties, ties + members))
    for k, ends in enumerate(data["Ties"]):
        for side, end in enumerate(ends):
            rows[2 * k + side, k], rows[2 * k + side, ties + place[end]] = 1, -1
    share = np.concatenate([np.zeros(ties), np.ones(members)])[None, :]
    found = linprog(share[0] - 1, A_ub=rows.tocsr(), b_ub=np.zeros(2 * ties), A_eq=share, b_eq=[1])
    return float(-found.fun)


def best_light(path: Path) -> float:
    """The efficiency of the judged branch: bisection over feasibility problems in prices and charges."""
    data = _data(path)
    used, made = np.array(data["used"], dtype=float), np.array(data["made"], dtype=float)
    judged = data["Branches"].index(data["judged"])
    limits = np.hstack([made, -used])
    bounds = [(0.001, 10.0)] * limits.shape[1]
    low, high = 0.0, 1.0
    for _ in range(60):
        ratio = 0.5 * (low + high)
        better = np.concatenate([-made[judged], ratio * used[judged]])
        rows = np.vstack([limits, better])
        feasible = linprog(np.zeros(len(better)), A_ub=rows, b_ub=np.zeros(len(rows)), bounds=bounds).status == 0
        low, high = (ratio, high) if feasible else (low, ratio)
    return low
