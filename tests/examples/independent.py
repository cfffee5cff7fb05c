"""The examples solved again from their raw data with scipy alone, nothing of optc in between."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from catenary import least_energy
from combinations import best_assignment, best_subset, facilities, round_trip
from commitment import cheapest_day
from convex_oracles import largest_entropy, steady_earning
from goddard import highest
from grid_attacks import most_shed
from logistic_loss import least_loss
from lots import least_cost
from market_oracle import largest_profit
from power_flow import cheapest_flow
from puzzles import map_colors, sudoku_start
from ratios import best_light, densest_part
from scipy.optimize import Bounds, LinearConstraint, linprog, milp, minimize
from scipy.sparse import lil_matrix
from toll_oracle import largest_revenue
from vessel import cheapest_vessel

CASES = ("case14_ieee", "case30_ieee", "case30_as", "case118_ieee")
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def diet() -> float:
    """Dollars a day."""
    foods = _table(EXAMPLES / "diet/foods.csv")
    needs = _table(EXAMPLES / "diet/requirements.csv")
    content = np.array([[float(food[need["nutrient"]]) for food in foods] for need in needs])
    minimum = np.array([float(need["minimum"]) for need in needs])
    return float(linprog(np.ones(len(foods)), A_ub=-content, b_ub=-minimum).fun)


def transportation() -> float:
    """Thousands of dollars."""
    cost = 90 * np.array([[2.5, 1.7, 1.8], [2.5, 1.8, 1.4]]) / 1000
    out = np.kron(np.eye(2), np.ones(3))
    into = np.kron(np.ones(2), np.eye(3))
    limits = np.concatenate([[350, 600], [-325, -300, -275]])
    return float(linprog(cost.ravel(), A_ub=np.vstack([out, -into]), b_ub=limits).fun)


def portfolio() -> float:
    """The variance, in squared per cent."""
    rows = _table(EXAMPLES / "portfolio/gains.csv")
    gain = np.array([[float(v) for k, v in row.items() if k != "week"] for row in rows])
    covariance, mean = np.cov(gain, rowvar=False), gain.mean(axis=0)
    return _variance(covariance, mean, target=0.5, cap=0.25)


def _variance(covariance: np.ndarray, mean: np.ndarray, target: float, cap: float) -> float:
    count = len(mean)
    found = minimize(
        lambda x: x @ covariance @ x,
        np.full(count, 1 / count),
        jac=lambda x: 2 * covariance @ x,
        bounds=[(0, cap)] * count,
        constraints=[
            {"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda _: np.ones(count)},
            {"type": "ineq", "fun": lambda x: mean @ x - target, "jac": lambda _: mean},
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    return _polished(covariance, mean, target, cap, found.x)


def _polished(covariance: np.ndarray, mean: np.ndarray, target: float, cap: float, near: np.ndarray) -> float:
    """The optimum on the faces that ``near`` lies on, from its linear optimality conditions; they are then checked."""
    at_zero, at_cap = near < 1e-7, near > cap - 1e-7
    free = ~(at_zero | at_cap)
    earns = mean @ near - target < 1e-7
    held = [np.ones(len(mean))] + ([mean] if earns else [])
    goal = [1.0] + ([target] if earns else [])
    fixed = np.where(at_cap, cap, 0.0)
    rows = np.array([row[free] for row in held])
    size = int(free.sum())
    system = np.block([[2 * covariance[np.ix_(free, free)], -rows.T], [rows, np.zeros((len(held), len(held)))]])
    right = np.concatenate([-2 * (covariance @ fixed)[free], np.array(goal) - np.array(held) @ fixed])
    solution = np.linalg.solve(system, right)
    x = fixed.copy()
    x[free] = solution[:size]
    slope = 2 * covariance @ x - solution[size:] @ np.array(held)
    assert np.all(x > -1e-12)
    assert np.all(x < cap + 1e-12)
    assert mean @ x > target - 1e-12
    assert np.all(slope[at_zero] > -1e-12)
    assert np.all(slope[at_cap] < 1e-12)
    assert not earns or solution[-1] > -1e-12
    return float(x @ covariance @ x)


def dc_opf(case: str) -> float:
    """$/h. Quadratic costs go to a sequence of tangent cuts, which closes because there are few generators."""
    data = json.loads((EXAMPLES / f"dc_opf/{case}.json").read_text(encoding="utf-8"))
    bus = {b: n for n, b in enumerate(data["Buses"])}
    units, lines = len(data["Units"]), len(data["Lines"])
    count = 2 * units + len(bus)  # output, cost, angle
    balance = lil_matrix((len(bus), count))
    need = np.array(data["load"], dtype=float) + np.array(data["shunt"])
    for u, (_, b) in enumerate(data["Units"]):
        balance[bus[b], u] += 1
    flows, spread = lil_matrix((lines, count)), lil_matrix((lines, count))
    for k, (_, i, j) in enumerate(data["Lines"]):
        r, x = data["resistance"][k], data["reactance"][k]
        b = data["base"] * x / (r * r + x * x)
        for node, sign in ((i, 1), (j, -1)):
            flows[k, 2 * units + bus[node]] += sign * b
            spread[k, 2 * units + bus[node]] += sign
            balance[bus[node], 2 * units + bus[i]] -= sign * b
            balance[bus[node], 2 * units + bus[j]] += sign * b
    limit = np.array([float(v) for v in data["limit"]])
    widest = np.radians(data["widest"])
    low = np.concatenate([data["least"], np.full(units + len(bus), -np.inf)])
    high = np.concatenate([data["most"], np.full(units + len(bus), np.inf)])
    low[2 * units + bus[data["slack"]]] = high[2 * units + bus[data["slack"]]] = 0
    fixed = [LinearConstraint(balance.tocsr(), need, need), LinearConstraint(flows.tocsr(), -limit, limit)]
    fixed.append(LinearConstraint(spread.tocsr(), -widest, widest))
    goal = np.concatenate([np.zeros(units), np.ones(units), np.zeros(len(bus))])
    c2, c1, c0 = (np.array(data[name], dtype=float) for name in ("quadratic", "price", "fixed"))
    points = [np.array(data["least"], dtype=float)]
    for _ in range(200):
        cuts = [_tangents(c2, c1, c0, p, count) for p in points]
        found = milp(goal, constraints=[*fixed, *cuts], bounds=Bounds(low, high))
        output = found.x[:units]
        true = float((c2 * output**2 + c1 * output + c0).sum())
        if true - found.fun <= 1e-9 * max(1.0, true):
            return true
        points.append(output)
    raise AssertionError("the tangent cuts did not close")


def _tangents(c2: np.ndarray, c1: np.ndarray, c0: np.ndarray, at: np.ndarray, count: int) -> LinearConstraint:
    """cost >= c2 p² + c1 p + c0 + (2 c2 p + c1)(output - p) for each unit."""
    units = len(at)
    rows = lil_matrix((units, count))
    slope = 2 * c2 * at + c1
    for u in range(units):
        rows[u, units + u] = 1
        rows[u, u] = -slope[u]
    return LinearConstraint(rows.tocsr(), c0 - c2 * at**2, np.full(units, np.inf))


def multicommodity() -> float:
    """The total cost."""
    data = json.loads((EXAMPLES / "multicommodity/network.json").read_text(encoding="utf-8"))
    arcs = {tuple(a): n for n, a in enumerate(data["Arcs"])}
    allowed = [(k, a) for k in data["Commodities"] for a in arcs if data["risk"][arcs[a]] <= data["tolerance"][k]]
    supply = {(k, n): v for k, n, v in data["supply"]["rows"]}
    balance = {(k, n): row for row, (k, n) in enumerate((k, n) for k in data["Commodities"] for n in data["Nodes"])}
    conserve, share = lil_matrix((len(balance), len(allowed))), lil_matrix((len(arcs), len(allowed)))
    for column, (k, a) in enumerate(allowed):
        conserve[balance[k, a[0]], column] += 1
        conserve[balance[k, a[1]], column] -= 1
        share[arcs[a], column] = 1
    cost = [data["cost"][arcs[a]] for _, a in allowed]
    right = [supply.get(key, 0) for key in balance]
    return float(linprog(cost, share.tocsr(), data["capacity"], conserve.tocsr(), right).fun)


def unit_dispatch() -> float:
    """Dollars; solved to a gap of zero."""
    units = _table(EXAMPLES / "unit_dispatch/units.csv")
    segments = {(r["unit"], r["segment"]): r for r in _table(EXAMPLES / "unit_dispatch/segments.csv")}
    demand = [float(r["demand"]) for r in _table(EXAMPLES / "unit_dispatch/load.csv")]
    hours, count = len(demand), len(units)
    per = 5  # on, started, three pieces
    size = hours * count * per

    def at(u: int, h: int, part: int) -> int:
        return (h * count + u) * per + part

    cost, high, whole = np.zeros(size), np.ones(size), np.zeros(size)
    rows: list[tuple[dict[int, float], float, float]] = []
    value = [{k: float(v) for k, v in unit.items() if k != "unit"} for unit in units]

    def output(u: int, h: int, sign: float = 1.0) -> dict[int, float]:
        return {at(u, h, 0): sign * value[u]["least"], **{at(u, h, 2 + s): sign for s in range(3)}}

    for h in range(hours):
        everything: dict[int, float] = {}
        for u in range(count):
            everything |= output(u, h)
            cost[at(u, h, 0)], cost[at(u, h, 1)], whole[at(u, h, 0)] = value[u]["running"], value[u]["startup"], 1
            for s in range(3):
                segment = segments[units[u]["unit"], str(s + 1)]
                width = float(segment["width"])
                cost[at(u, h, 2 + s)], high[at(u, h, 2 + s)] = float(segment["slope"]), width
                rows.append(({at(u, h, 2 + s): 1, at(u, h, 0): -width}, -np.inf, 0))
            if h > 0:
                rows.append(({at(u, h, 1): 1, at(u, h, 0): -1, at(u, h - 1, 0): 1}, 0, np.inf))
                change = output(u, h) | output(u, h - 1, -1.0)
                up = max(value[u]["ramp_up"], value[u]["least"])
                down = max(value[u]["ramp_down"], value[u]["least"])
                rows.append((change, -down, up))
        rows.append((everything, demand[h], demand[h]))
        rows.append(({at(u, h, 0): value[u]["most"] for u in range(count)}, 1.03 * demand[h], np.inf))
    matrix = lil_matrix((len(rows), size))
    for n, (entries, _, _) in enumerate(rows):
        for column, entry in entries.items():
            matrix[n, column] = entry
    limits = LinearConstraint(matrix.tocsr(), [r[1] for r in rows], [r[2] for r in rows])
    found = milp(cost, constraints=limits, bounds=Bounds(0, high), integrality=whole, options={"mip_rel_gap": 1e-9})
    return float(found.fun)


SOLVERS: dict[str, Callable[[], float]] = {
    "diet": diet,
    "transportation": transportation,
    "portfolio": portfolio,
    "portfolio_risk_limit": steady_earning,
    "maximum_entropy": largest_entropy,
    "multicommodity": multicommodity,
    "unit_dispatch": unit_dispatch,
    "us_map_coloring": partial(map_colors, EXAMPLES / "us_map_coloring/states.json"),
    "lot_sizing": partial(least_cost, EXAMPLES / "lot_sizing/data.json"),
    "sudoku": partial(sudoku_start, EXAMPLES / "sudoku/clues.json"),
    "facility_location": partial(facilities, EXAMPLES / "facility_location/data.json"),
    "travelling_salesman": partial(round_trip, EXAMPLES / "travelling_salesman/data.json"),
    "knapsack": partial(best_subset, EXAMPLES / "knapsack/data.json"),
    "quadratic_assignment": partial(best_assignment, EXAMPLES / "quadratic_assignment/data.json"),
    "densest_subgraph": partial(densest_part, EXAMPLES / "densest_subgraph/data.json"),
    "efficiency": partial(best_light, EXAMPLES / "efficiency/data.json"),
    "pressure_vessel": cheapest_vessel,
    "unit_commitment": partial(cheapest_day, EXAMPLES / "unit_commitment/day.json"),
    **{f"dc_opf/{case}": partial(dc_opf, case) for case in CASES},
    "logistic_regression": partial(least_loss, EXAMPLES / "logistic_regression"),
    "goddard_rocket": highest,
    "hanging_chain": partial(least_energy, EXAMPLES / "hanging_chain/data.json"),
    **{f"ac_opf/{case}": partial(cheapest_flow, EXAMPLES / f"ac_opf/{case}.json") for case in ("case5_pjm", *CASES)},
    **{
        f"interdiction/{case}, {count} line{'s' * (count > 1)}": partial(
            most_shed, EXAMPLES / f"interdiction/{case}.json", count
        )
        for case in ("case14_ieee", "case30_ieee", "case30_as")
        for count in (1, 2, 3)
    },
    "stackelberg_market": partial(largest_profit, EXAMPLES / "stackelberg_market/market.json"),
    "toll_setting": partial(largest_revenue, EXAMPLES / "toll_setting/network.json"),
}
