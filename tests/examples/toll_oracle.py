"""Toll setting by enumeration: for each choice of ways, the tolls that earn most while these are the cheapest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import linprog

Road = tuple[str, str]


def ways(roads: list[Road], start: str, goal: str, seen: tuple[str, ...] = ()) -> Iterator[list[Road]]:
    """Every way without a circle."""
    if start == goal:
        yield []
    for i, j in roads:
        if i == start and j not in (*seen, start):
            for rest in ways(roads, j, goal, (*seen, start)):
                yield [(i, j), *rest]


def largest_revenue(file: Path) -> float:
    """Dollars."""
    data = json.loads(file.read_text(encoding="utf-8"))
    roads = [tuple(road) for road in data["Roads"]]
    cost = dict(zip(roads, data["cost"], strict=True))
    tolled = [tuple(road) for road in data["Tolled"]]
    options = [list(ways(roads, s, g)) for s, g in zip(data["start"], data["goal"], strict=True)]

    def used(way: list[Road]) -> np.ndarray:
        return np.array([float(road in way) for road in tolled])

    def free(way: list[Road]) -> float:
        return float(sum(cost[road] for road in way))

    best = 0.0
    for taken in product(*options):
        rows, right = [], []
        for way, others in zip(taken, options, strict=True):
            rows += [used(way) - used(other) for other in others]
            right += [free(other) - free(way) for other in others]
        gain = sum(n * used(way) for n, way in zip(data["people"], taken, strict=True))
        found = linprog(-gain, A_ub=rows, b_ub=right, bounds=(0, data["highest"]))
        if found.status == 0:
            best = max(best, -float(found.fun))
    return best
