"""Line interdiction by enumeration: the operator's problem, solved by HiGHS for every set of lines that may be out."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import highspy
import numpy as np


class Operator:
    """The least load to shed, by columns output, shed, flow, angle and rows balance and Ohm's law, one a line."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.solver = highspy.Highs()
        self.solver.setOptionValue("output_flag", False)
        bus = {b: n for n, b in enumerate(data["Buses"])}
        units, self.first_flow = len(data["Units"]), len(data["Units"]) + len(bus)
        self.buses, first_angle = len(bus), self.first_flow + len(data["Lines"])
        stiffness = [
            data["base"] * x / (r * r + x * x) for r, x in zip(data["resistance"], data["reactance"], strict=True)
        ]
        sides = zip(data["limit"], stiffness, np.radians(data["widest"]), strict=True)
        self.capacity = [min(limit, b * wide) for limit, b, wide in sides]
        inf = highspy.kHighsInf
        for most in data["most"]:
            self.solver.addVar(0, most)
        for number, load in enumerate(data["load"]):
            self.solver.addVar(0, load)
            self.solver.changeColCost(units + number, 1.0)
        for capacity in self.capacity:
            self.solver.addVar(-capacity, capacity)
        for _ in bus:
            self.solver.addVar(-inf, inf)
        balance: list[list[tuple[int, float]]] = [[(units + number, 1.0)] for number in range(len(bus))]
        for unit, (_, b) in enumerate(data["Units"]):
            balance[bus[b]].append((unit, 1.0))
        for line, (_, i, j) in enumerate(data["Lines"]):
            balance[bus[i]].append((self.first_flow + line, -1.0))
            balance[bus[j]].append((self.first_flow + line, 1.0))
        for entries, load in zip(balance, data["load"], strict=True):
            self._row(entries, load)
        for line, (_, i, j) in enumerate(data["Lines"]):
            b = stiffness[line]
            self._row([(self.first_flow + line, 1.0), (first_angle + bus[i], -b), (first_angle + bus[j], b)], 0.0)

    def _row(self, entries: list[tuple[int, float]], right: float) -> None:
        columns, values = zip(*entries, strict=True)
        self.solver.addRow(right, right, len(entries), np.array(columns, dtype=np.int32), np.array(values))

    def shed(self, out: tuple[int, ...]) -> float:
        """MW without the lines at these places: they carry nothing, and nothing ties the angles of their ends."""
        inf = highspy.kHighsInf
        for line in out:
            self.solver.changeColBounds(self.first_flow + line, 0, 0)
            self.solver.changeRowBounds(self.buses + line, -inf, inf)
        self.solver.run()
        assert self.solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        value = float(self.solver.getInfo().objective_function_value)  # gone when a bound moves
        for line in out:
            self.solver.changeColBounds(self.first_flow + line, -self.capacity[line], self.capacity[line])
            self.solver.changeRowBounds(self.buses + line, 0, 0)
        return value


def most_shed(file: Path, attacks: int) -> float:
    """MW"""
    data = json.loads(file.read_text(encoding="utf-8"))
    operator = Operator(data)
    lines = range(len(data["Lines"]))
    return max(operator.shed(out) for count in range(attacks + 1) for out in combinations(lines, count))
