"""Bilevel models by both routes against the leader's decisions taken one by one, the follower solved by SciPy."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.optimize import linprog

import optc

ROUTES = {"optimality conditions": "complementarity_bb", "strong duality": "scip"}


@dataclass(frozen=True)
class Game:
    """min F'(x, y), rows on x; y in argmin { c'y : A y + B x (<=, >=, ==, range) b, low <= y <= high }, x binary."""

    leader: np.ndarray
    own: np.ndarray
    follower: np.ndarray
    a: np.ndarray
    b: np.ndarray
    ops: tuple[str, ...]
    right: np.ndarray
    low: np.ndarray
    high: np.ndarray
    maximise: bool

    def text(self) -> str:
        lines = ["var x[1..2] binary", f"minimize {_sum(self.leader, 'x')} + {_sum(self.own, 'y')}", "lower f {"]
        lines += ["  var y[1..3]"]
        word, sign = ("maximize", -1.0) if self.maximise else ("minimize", 1.0)
        lines += [f"  {word} {_sum(sign * self.follower, 'y')}", "  subject to"]
        for k in range(3):
            lines += [f"    low{k}: y[{k + 1}] >= {self.low[k]:g}"] if np.isfinite(self.low[k]) else []
            lines += [f"    high{k}: y[{k + 1}] <= {self.high[k]:g}"] if np.isfinite(self.high[k]) else []
        for k, op in enumerate(self.ops):
            body = f"{_sum(self.a[k], 'y')} + {_sum(self.b[k], 'x')}"
            if op == "range":
                lines.append(f"    c{k}: {self.right[k] - 2:g} <= {body} <= {self.right[k]:g}")
            else:
                lines.append(f"    c{k}: {body} {op} {self.right[k]:g}")
        return "\n".join([*lines, "}", ""])

    def with_declared_bounds(self) -> str:
        """The same with the bounds of ``y`` in its declaration."""
        text = self.text()
        kept = [line for line in text.splitlines() if not re.match(r"\s*(low|high)\d", line)]
        table = "  param {0}[1..3] = [{1}]"
        ends = [table.format(n, ", ".join(f"{v:g}" for v in e)) for n, e in (("lo", self.low), ("hi", self.high))]
        place = kept.index("  var y[1..3]")
        kept[place] = "  var y[k in 1..3] in [lo[k], hi[k]]"
        return "\n".join([*(line.strip() for line in ends), *kept, ""])

    def rows(self, x: np.ndarray) -> dict[str, object]:
        upper, bounds, equal, right = [], [], [], []
        for row, shift, op, end in zip(self.a, self.b @ x, self.ops, self.right, strict=True):
            if op == "==":
                equal.append(row)
                right.append(end - shift)
            if op in ("<=", "range"):
                upper.append(row)
                bounds.append(end - shift)
            if op in (">=", "range"):
                upper.append(-row)
                bounds.append(-(end - (2 if op == "range" else 0) - shift))
        return {
            "A_ub": np.array(upper).reshape(-1, 3),
            "b_ub": np.array(bounds),
            "A_eq": np.array(equal).reshape(-1, 3),
            "b_eq": np.array(right),
            "bounds": list(zip(self.low, self.high, strict=True)),
        }

    def best(self) -> float | None:
        """The optimistic optimum by enumeration; None where no decision has an answer."""
        found = []
        for values in itertools.product((0.0, 1.0), repeat=2):
            x = np.array(values)
            rows = self.rows(x)
            answer = linprog(self.follower, **rows)
            if answer.status != 0:
                continue
            rows["A_ub"] = np.vstack([rows["A_ub"], self.follower])
            rows["b_ub"] = np.append(rows["b_ub"], answer.fun + 1e-9)
            choice = linprog(self.own, **rows)
            assert choice.status == 0
            found.append(float(self.leader @ x + choice.fun))
        return min(found, default=None)


def _sum(coefficients: np.ndarray, name: str) -> str:
    return " + ".join(f"({v:g})*{name}[{k + 1}]" for k, v in enumerate(coefficients))


def game(seed: int) -> Game:
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.integers(-4, 5, shape).astype(float)  # noqa: E731 - a short name for one line
    ops = tuple(rng.choice(["<=", ">=", "==", "range"], 2, p=[0.4, 0.3, 0.1, 0.2]))
    low = np.where(rng.random(3) < 0.8, rng.integers(-2, 1, 3), -6).astype(float)
    high = low + rng.integers(1, 6, 3)
    bounded = (draw(2), draw(3), draw(3), draw(2, 3), draw(2, 2), ops, rng.integers(0, 5, 2).astype(float))
    return Game(*bounded, low, high, bool(rng.random() < 0.5))


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("route", ROUTES)
def test_optima_are_those_of_enumeration(seed: int, route: str) -> None:
    one = game(seed)
    for text in (one.text(), one.with_declared_bounds()):
        solution = optc.parse(text).bind({}).solve(backend=ROUTES[route])
        best = one.best()
        if best is None:
            assert solution.status == "infeasible", solution
            continue
        assert solution.status == "optimal", solution
        assert solution.objective == pytest.approx(best, abs=1e-5)
        assert route in solution.route or route == "optimality conditions"
        assert {line.claim for line in solution.certificate} >= {"follower optimal", "follower's choice", "bound"}


def test_binary_links_take_the_dual_route_and_others_the_conditions() -> None:
    binary = optc.parse(game(0).text()).bind({}).solve()
    assert binary.route[1:] == ("strong duality", "discrete", "products to indicators", "scip")
    text = "var x in [0, 1]\nminimize x - y\nlower f {\n var y >= 0\n minimize -y\n subject to\n c: y <= x\n}\n"
    continuous = optc.parse(text).bind({}).solve()
    assert continuous.objective == pytest.approx(0.0)
    assert continuous.route[1] == "optimality conditions"


TOLL = """
set Roads = {"toll", "free"}
param time[Roads] = [1, 4]
var toll in [0, 10]
maximize revenue: toll * flow["toll"] - 0.01 * dual(driver.trips)
lower driver {
  var flow[Roads] >= 0
  minimize (time["toll"] + toll) * flow["toll"] + time["free"] * flow["free"]
  subject to
    trips: sum(flow[r] for r in Roads) == 1
}
"""


def test_multipliers_in_the_leaders_objective_are_checked() -> None:
    problem = optc.parse(TOLL).bind({})
    solution = problem.solve()
    assert solution.objective == pytest.approx(2.96)
    assert solution.certificate.line("multipliers").status == "checked"
    assert solution.duals["driver.trips"].values == pytest.approx([4.0])
    stated = solution.to_dict()
    assert problem.verify(stated).certificate.line("multipliers").status == "checked"
    stated["duals"]["driver.trips"]["values"] = [[1.0]]
    assert problem.verify(stated).certificate.line("multipliers").status == "failed"


COURNOT = """
set Firms = 1..4
param cost[Firms] = [1, 1, 2, 3]
param most = {most}
var q0 in [0, 10]
maximize (12 - q0 - sum(q[i] for i in Firms)) * q0 - q0
lower firm[i in Firms] {{
  var q >= 0
  maximize (12 - q0 - sum(q[j] for j in Firms)) * q - cost[i] * q
  subject to
    pipe: sum(q[j] for j in Firms) <= most
}}
"""


def _cournot(q0: float, most: float) -> np.ndarray:
    """The variational equilibrium by bisection on the price of the shared row: q_i = max(0, 12 - q0 - Q - c_i - p)."""
    cost = np.array([1.0, 1.0, 2.0, 3.0])

    def at(price: float) -> np.ndarray:
        active = np.ones(4, dtype=bool)
        while True:  # those who stay at zero drop out
            n = active.sum()
            total = ((12 - q0 - price - cost)[active]).sum() / (n + 1)
            q = np.where(active, 12 - q0 - price - cost - total, 0.0)
            if (q >= 0).all():
                return q
            active &= q > 0

    if at(0.0).sum() <= most:
        return at(0.0)
    low, high = 0.0, 12.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle).sum() > most else (low, middle)
    return at(high)


@pytest.mark.parametrize("most", [100.0, 3.0])
def test_followers_who_look_at_each_other_are_in_equilibrium(most: float) -> None:
    solution = optc.parse(COURNOT.format(most=most)).bind({}).solve(gap=1e-5)
    assert solution.status == "optimal"
    q0 = float(solution.variables["q0"].values[0])
    assert solution.variables["q"].values == pytest.approx(_cournot(q0, most), abs=1e-4)
    grid = np.linspace(0, 10, 2001)
    profits = [(12 - q - _cournot(q, most).sum()) * q - q for q in grid]
    assert solution.objective == pytest.approx(max(profits), abs=1e-3)
    line = solution.certificate.line("follower optimal")
    assert line.status == "checked" and "the others' decisions held" in line.how


def test_a_refused_follower_is_shown_where_he_is_not_convex() -> None:
    text = "var x in [0, 1]\nminimize x\nlower f {\n  var y in [0, 2]\n  minimize abs(y - x)\n}\n"
    solution = optc.parse(text).bind({}).solve()
    (error,) = solution.diagnostics
    assert (solution.status, solution.termination) == ("failed", "no route")
    assert "the follower `f`" in error.message
    assert error.place is not None and error.place.text == "abs(y - x)" and error.place.line == 5
