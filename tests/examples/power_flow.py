"""Alternating-current optimal power flow in rectangular voltages, which share no term with the example's polar ones.

Voltages are complex numbers e + i f; a line from bus i to j has currents

    at i:  Y_ii V_i + Y_ij V_j,    at j:  Y_ji V_i + Y_jj V_j

of the branch model of R. D. Zimmerman, C. E. Murillo-Sanchez, R. J. Thomas, "MATPOWER", IEEE Trans. Power Systems 26
(2011), with complex powers V conj(I). Solved by casadi's own differentiation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def cheapest_flow(file: Path) -> float:
    """$/h."""
    import casadi as ca

    data = json.loads(file.read_text(encoding="utf-8"))
    bus = {b: n for n, b in enumerate(data["Buses"])}
    count, lines, base = len(bus), data["Lines"], data["base"]
    e, f = ca.SX.sym("e", count), ca.SX.sym("f", count)
    units = len(data["Units"])
    p, q = ca.SX.sym("p", units), ca.SX.sym("q", units)

    def column(name: str, size: int, default: float = 0.0) -> list[float]:
        return [float(v) for v in data.get(name, [default] * size)]

    out_p, out_q = ca.SX.zeros(count), ca.SX.zeros(count)
    rows: list[Any] = []
    low: list[float] = []
    high: list[float] = []

    def keep(term: Any, lower: float, upper: float) -> None:
        rows.append(term)
        low.append(lower)
        high.append(upper)

    m = len(lines)
    values = zip(
        lines,
        *(column(name, m) for name in ("resistance", "reactance", "charging")),
        column("ratio", m, 1.0),
        column("shift", m),
        column("widest", m, 360.0),
        column("limit", m, np.inf),
        strict=True,
    )
    for (_, a, b), r, x, charging, ratio, shift, widest, limit in values:
        i, j = bus[a], bus[b]
        series, tap = 1 / complex(r, x), ratio * np.exp(1j * np.radians(shift))
        own = series + 0.5j * charging
        ends = (
            (i, j, own / abs(tap) ** 2, -series / np.conj(tap)),
            (j, i, own, -series / tap),
        )
        for near, far, diagonal, other in ends:
            real = diagonal.real * e[near] - diagonal.imag * f[near] + other.real * e[far] - other.imag * f[far]
            imaginary = diagonal.imag * e[near] + diagonal.real * f[near] + other.imag * e[far] + other.real * f[far]
            power = e[near] * real + f[near] * imaginary
            reactive = f[near] * real - e[near] * imaginary
            out_p[near] += power
            out_q[near] += reactive
            if np.isfinite(limit):
                keep(power**2 + reactive**2, -np.inf, (limit / base) ** 2)
        # The angle between the ends: tan of it is (f_i e_j - e_i f_j) / (e_i e_j + f_i f_j), and below 90 degrees.
        sine, cosine = f[i] * e[j] - e[i] * f[j], e[i] * e[j] + f[i] * f[j]
        if widest < 90:
            steep = np.tan(np.radians(widest))
            keep(sine - steep * cosine, -np.inf, 0.0)
            keep(sine + steep * cosine, 0.0, np.inf)
    size = e**2 + f**2
    made_p, made_q = ca.SX.zeros(count), ca.SX.zeros(count)
    for k, (_, b) in enumerate(data["Units"]):
        made_p[bus[b]] += p[k]
        made_q[bus[b]] += q[k]
    shunts = zip(*(column(name, count) for name in ("conductance", "susceptance")), strict=True)
    loads = zip(*(column(name, count) for name in ("load", "reactive_load")), strict=True)
    for n, ((conductance, susceptance), (load, reactive_load)) in enumerate(zip(shunts, loads, strict=True)):
        keep((made_p[n] - load - conductance * size[n]) / base - out_p[n], 0.0, 0.0)
        keep((made_q[n] - reactive_load + susceptance * size[n]) / base - out_q[n], 0.0, 0.0)
    for n, (least, most) in enumerate(zip(data["lowest"], data["highest"], strict=True)):
        keep(size[n], least**2, most**2)
    keep(f[bus[data["slack"]]], 0.0, 0.0)
    c2, c1, c0 = column("quadratic", units), column("price", units), column("fixed", units)
    cost = ca.dot(ca.DM(c2), p**2) + ca.dot(ca.DM(c1), p) + sum(c0)
    unknowns, far = ca.vertcat(e, f, p, q), [np.inf] * (2 * count)
    problem = {"x": unknowns, "f": cost, "g": ca.vertcat(*rows)}
    solver = ca.nlpsol("flow", "ipopt", problem, {"ipopt.print_level": 0, "ipopt.sb": "yes", "print_time": False})
    start = [1.0] * count + [0.0] * count + [0.0] * (2 * units)
    found = solver(
        x0=start,
        lbx=[-v for v in far] + [*column("least", units), *column("reactive_least", units)],
        ubx=[*far, *column("most", units), *column("reactive_most", units)],
        lbg=low,
        ubg=high,
    )
    assert solver.stats()["success"]
    return float(found["f"])
