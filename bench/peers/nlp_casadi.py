"""The nonlinear models of ``bench/nlp_end_to_end.py`` in casadi: vectorised MX expressions and its Ipopt plugin.

``SX``, or ``expand``, would evaluate a little faster and take twenty times as long to build at 10⁵ decisions. Where a
decision stands at many places (power flow) it is picked by index arrays, and sums by bus are products with an incidence
matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import casadi as ca
import numpy as np

Data = Mapping[str, Any]
Problem = dict[str, Any]

IPOPT = {"tol": 1e-8, "linear_solver": "mumps", "print_level": 0, "sb": "yes"}


def problem(x: Any, f: Any, rows: list[tuple[Any, Any, Any]], x0: Any, lower: Any, upper: Any) -> Problem:
    """``rows``: expressions with their bounds."""
    nlp = {"x": x, "f": f, "g": ca.vertcat(*(row[0] for row in rows))}
    solver = ca.nlpsol("solver", "ipopt", nlp, {"ipopt": IPOPT, "print_time": False})
    ends = [np.concatenate([np.broadcast_to(row[k], (row[0].numel(),)) for row in rows]) for k in (1, 2)]
    return {"solver": solver, "x0": x0, "lbx": lower, "ubx": upper, "lbg": ends[0], "ubg": ends[1]}


def luksan_vlcek(n: int, _data: Data) -> Problem:
    x = ca.MX.sym("x", n)
    a, b = x[:-1], x[1:]
    f = ca.sum1(100 * (a**2 - b) ** 2 + (a - 1) ** 2)
    p, q, r = x[:-2], x[1:-1], x[2:]
    c = 3 * q**3 + 2 * r - 5 + ca.sin(q - r) * ca.sin(q + r) + 4 * q - p * ca.exp(p - q) - 3
    start = np.where(np.arange(n) % 2 == 0, -1.2, 1.0)
    return problem(x, f, [(c, 0.0, 0.0)], start, -np.inf, np.inf)


def hanging_chain(n: int, data: Data) -> Problem:
    height, slope = ca.MX.sym("height", n + 1), ca.MX.sym("slope", n + 1)
    left, right, step = data["left"], data["right"], 1 / n
    stretch = ca.sqrt(1 + slope**2)
    f = step / 2 * ca.sum1(height[:-1] * stretch[:-1] + height[1:] * stretch[1:])
    rows = [
        (height[1:] - height[:-1] - step / 2 * (slope[:-1] + slope[1:]), 0.0, 0.0),
        (step / 2 * ca.sum1(stretch[:-1] + stretch[1:]), data["length"], data["length"]),
        (height[0], left, left),
        (height[n], right, right),
    ]
    at = np.arange(n + 1) / n
    start = np.concatenate([left + (right - left) * at, 2 * (right - left) * (at - 0.25)])
    return problem(ca.vertcat(height, slope), f, rows, start, -np.inf, np.inf)


def ac_opf(_n: int, data: Data) -> Problem:
    place = {bus: k for k, bus in enumerate(data["Buses"])}
    ends = np.array([[place[i], place[j]] for _, i, j in data["Lines"]])
    lines, buses, units = len(ends), len(place), len(data["Units"])

    def given(name: str, count: int, without: float) -> Any:
        return np.asarray(data.get(name, np.full(count, without)), dtype=np.float64)

    def incidence(at: Any) -> Any:
        return ca.DM.triplet(at.tolist(), list(range(len(at))), ca.DM.ones(len(at)), buses, len(at))

    first, second = (incidence(ends[:, k]) for k in (0, 1))
    units_at = incidence(np.array([place[i] for _, i in data["Units"]]))
    square = given("resistance", lines, 0) ** 2 + given("reactance", lines, 0) ** 2
    g, b = given("resistance", lines, 0) / square, -given("reactance", lines, 0) / square
    charging, ratio = given("charging", lines, 0) / 2, given("ratio", lines, 1)
    output, reactive = ca.MX.sym("output", units), ca.MX.sym("reactive", units)
    voltage, angle = ca.MX.sym("voltage", buses), ca.MX.sym("angle", buses)
    v, w = voltage[ends[:, 0].tolist()], voltage[ends[:, 1].tolist()]
    spread = angle[ends[:, 0].tolist()] - angle[ends[:, 1].tolist()]
    turn = spread - given("shift", lines, 0) * np.pi / 180
    pull, cos, sin = v * w / ratio, ca.cos(turn), ca.sin(turn)
    into = g * (v / ratio) ** 2 - pull * (g * cos + b * sin)
    reactive_into = -(b + charging) * (v / ratio) ** 2 - pull * (g * sin - b * cos)
    back = g * w**2 - pull * (g * cos - b * sin)
    reactive_back = -(b + charging) * w**2 + pull * (g * sin + b * cos)
    base = data["base"]
    cost = given("quadratic", units, 0) * output**2 + given("price", units, 0) * output + given("fixed", units, 0)
    real = (units_at @ output - given("load", buses, 0) - given("conductance", buses, 0) * voltage**2) / base
    own = (units_at @ reactive - given("reactive_load", buses, 0) + given("susceptance", buses, 0) * voltage**2) / base
    limit, widest = (given("limit", lines, np.inf) / base) ** 2, given("widest", lines, 360)
    rows = [
        (angle[place[data["slack"]]], 0.0, 0.0),
        (real - first @ into - second @ back, 0.0, 0.0),
        (own - first @ reactive_into - second @ reactive_back, 0.0, 0.0),
        (into**2 + reactive_into**2, -np.inf, limit),
        (back**2 + reactive_back**2, -np.inf, limit),
        (spread * 180 / np.pi, -widest, widest),
    ]
    free = np.full(buses, np.inf)
    lower = np.concatenate([data["least"], data["reactive_least"], data["lowest"], -free])
    upper = np.concatenate([data["most"], data["reactive_most"], data["highest"], free])
    start = np.concatenate([np.zeros(2 * units), np.ones(buses), np.zeros(buses)])
    return problem(ca.vertcat(output, reactive, voltage, angle), ca.sum1(cost), rows, start, lower, upper)


def solved(made: Problem) -> float:
    """The objective of Ipopt's answer; raises RuntimeError where it has none."""
    ends = {name: end for name, end in made.items() if name != "solver"}
    found = made["solver"](**ends)
    status = made["solver"].stats()
    if not status["success"]:
        raise RuntimeError(status["return_status"])
    return float(found["f"])
