"""Unit commitment from its data by SciPy alone: the formulation of pglib-uc, row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

Column = tuple[Any, ...]


class Rows:
    """Columns by name, numbered as they are met, and rows with bounds."""

    def __init__(self) -> None:
        self.columns: dict[Column, int] = {}
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def column(self, name: Column) -> int:
        return self.columns.setdefault(name, len(self.columns))

    def add(self, terms: list[tuple[Column, float]], low: float, high: float) -> None:
        row = len(self.low)
        self.entries += [(row, self.column(name), value) for name, value in terms]
        self.low.append(low)
        self.high.append(high)

    def limits(self) -> LinearConstraint:
        row, column, value = zip(*self.entries, strict=True)
        matrix = csr_matrix((value, (row, column)), shape=(len(self.low), len(self.columns)))
        return LinearConstraint(matrix, self.low, self.high)


def cheapest_day(file: Path) -> float:
    """$ of the cheapest day."""
    data = json.loads(file.read_text(encoding="utf-8"))
    rows, hours = Rows(), range(data["hours"])
    names = ("least", "most", "ramp_up", "ramp_down", "first_most", "last_most", "least_up", "least_down")
    before = ("must_run", "ran", "hours_up", "hours_down", "output_before")
    points, starts = _of_unit(data, "Points", "level", "price"), _of_unit(data, "Starts", "lag", "start_price")
    for n, unit in enumerate(data["Units"]):
        fields = {name: data[name][n] for name in (*names, *before)}
        _state(rows, unit, fields, len(hours), starts[unit])
        _output(rows, unit, fields, len(hours), points[unit])
    for t in hours:
        made = [(("p", u, t), 1.0) for u in data["Units"]]
        made += [(("u", u, t), data["least"][n]) for n, u in enumerate(data["Units"])]
        made += [(("w", r, t), 1.0) for r in data["Renewables"]]
        rows.add(made, data["demand"][t], data["demand"][t])
        rows.add([(("r", u, t), 1.0) for u in data["Units"]], data["reserve"][t], np.inf)
    return _solved(rows, data, points, starts)


def _of_unit(data: dict[str, Any], pairs: str, one: str, other: str) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {}
    for (unit, _), a, b in zip(data[pairs], data[one], data[other], strict=True):
        found.setdefault(unit, []).append((a, b))
    return found


def _state(rows: Rows, g: str, f: dict[str, float], hours: int, starts: list[tuple[float, float]]) -> None:
    """On, started, stopped, and the kinds of start, with what was before hour 0."""
    up, down = int(min(f["least_up"], hours)), int(min(f["least_down"], hours))
    for t in range(hours):
        held_up = f["ran"] == 1 and t < f["least_up"] - f["hours_up"]
        held_down = f["ran"] == 0 and t < f["least_down"] - f["hours_down"]
        rows.add([(("u", g, t), 1.0)], float(held_up or f["must_run"] == 1), float(not held_down))
        turned = [(("u", g, t), 1.0), (("v", g, t), -1.0), (("s", g, t), 1.0)]
        was = f["ran"] if t == 0 else 0
        rows.add(turned + ([(("u", g, t - 1), -1.0)] if t else []), was, was)
        if t + 1 >= up:
            rows.add([(("v", g, i), 1.0) for i in range(t - up + 1, t + 1)] + [(("u", g, t), -1.0)], -np.inf, 0)
        if t + 1 >= down:
            rows.add([(("s", g, i), 1.0) for i in range(t - down + 1, t + 1)] + [(("u", g, t), 1.0)], -np.inf, 1)
        rows.add([(("v", g, t), 1.0)] + [(("k", g, s, t), -1.0) for s in range(len(starts))], 0, 0)
        for s in range(len(starts) - 1):
            soon, late = int(starts[s][0]), int(starts[s + 1][0])
            if t + 1 >= late:
                recent = [(("s", g, t - i), -1.0) for i in range(soon, late) if t - i >= 0]
                rows.add([(("k", g, s, t), 1.0), *recent], -np.inf, 0)
            elif t + 1 > late - f["hours_down"]:
                rows.add([(("k", g, s, t), 1.0)], 0, 0)


def _output(rows: Rows, g: str, f: dict[str, float], hours: int, points: list[tuple[float, float]]) -> None:
    """Output above the least and reserve, with capacities, ramps and the cost curve."""
    room = f["most"] - f["least"]
    above = f["ran"] * (f["output_before"] - f["least"])
    rows.add([(("s", g, 0), max(f["most"] - f["last_most"], 0.0))], -np.inf, room * f["ran"] - above)
    for t in range(hours):
        full = [(("p", g, t), 1.0), (("r", g, t), 1.0)]
        on = (("u", g, t), -room)
        rows.add([*full, on, (("v", g, t), max(f["most"] - f["first_most"], 0.0))], -np.inf, 0)
        if t + 1 < hours:
            rows.add([*full, on, (("s", g, t + 1), max(f["most"] - f["last_most"], 0.0))], -np.inf, 0)
        last = [(("p", g, t - 1), -1.0)] if t else []
        was = 0.0 if t else above
        rows.add(full + last, -np.inf, f["ramp_up"] + was)
        rows.add([(("p", g, t), 1.0), *last], -f["ramp_down"] + was, np.inf)
        curve = [(("l", g, k, t), f["least"] - level) for k, (level, _) in enumerate(points)]
        rows.add([(("p", g, t), 1.0), *curve], 0, 0)
        rows.add([(("u", g, t), 1.0)] + [(("l", g, k, t), -1.0) for k in range(len(points))], 0, 0)


def _solved(rows: Rows, data: dict[str, Any], points: dict[str, Any], starts: dict[str, Any]) -> float:
    limits = rows.limits()
    count = len(rows.columns)
    cost, low, high, whole = np.zeros(count), np.zeros(count), np.full(count, np.inf), np.zeros(count)
    for name, column in rows.columns.items():
        family, member, t = name[0], name[1], name[-1]
        if family in "usvk":
            high[column], whole[column] = 1, 1
        if family == "w":
            n = data["Renewables"].index(member)
            low[column], high[column] = data["weak"][n][t], data["strong"][n][t]
        if family == "k":
            cost[column] = starts[member][name[2]][1]
        if family == "l":
            cost[column] = points[member][name[2]][1]
    found = milp(cost, constraints=limits, bounds=Bounds(low, high), integrality=whole, options={"mip_rel_gap": 1e-9})
    assert found.status == 0
    return float(found.fun)
