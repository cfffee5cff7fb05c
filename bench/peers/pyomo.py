"""In Pyomo: rows from rules, passed to HiGHS by the persistent interface of ``pyomo.contrib.solver``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyomo.environ as pyo
from pyomo.contrib.solver.solvers.highs import Highs

from .numpy import trapezoids

Data = Mapping[str, Any]
Problem = tuple[Any, Highs]


def loaded(m: Any) -> Problem:
    solver = Highs()
    if not solver.available():
        raise ModuleNotFoundError("Pyomo finds no highspy", name="highspy")
    solver.set_instance(m)
    return m, solver


def basic(n: int, _data: Data) -> Problem:
    m = pyo.ConcreteModel()
    m.N = pyo.RangeSet(0, n - 1)
    m.x, m.y = pyo.Var(m.N, m.N), pyo.Var(m.N, m.N)
    m.a = pyo.Constraint(m.N, m.N, rule=lambda m, i, j: m.x[i, j] - m.y[i, j] >= i)
    m.b = pyo.Constraint(m.N, m.N, rule=lambda m, i, j: m.x[i, j] + m.y[i, j] >= 0)
    m.cost = pyo.Objective(expr=2 * pyo.quicksum(m.x.values()) + pyo.quicksum(m.y.values()))
    return loaded(m)


def transport(n: int, data: Data) -> Problem:
    c, s, d = (data[name].tolist() for name in "csd")
    m = pyo.ConcreteModel()
    m.N = pyo.RangeSet(0, n - 1)
    m.x = pyo.Var(m.N, m.N, domain=pyo.NonNegativeReals)
    m.supply = pyo.Constraint(m.N, rule=lambda m, i: pyo.quicksum(m.x[i, j] for j in m.N) <= s[i])
    m.demand = pyo.Constraint(m.N, rule=lambda m, j: pyo.quicksum(m.x[i, j] for i in m.N) >= d[j])
    m.cost = pyo.Objective(expr=pyo.quicksum(c[i][j] * m.x[i, j] for i in m.N for j in m.N))
    return loaded(m)


def ufl(n: int, data: Data) -> Problem:
    c, f = data["c"].tolist(), data["f"].tolist()
    m = pyo.ConcreteModel()
    m.N = pyo.RangeSet(0, n - 1)
    m.x, m.opened = pyo.Var(m.N, m.N, domain=pyo.NonNegativeReals), pyo.Var(m.N, domain=pyo.Binary)
    m.serve = pyo.Constraint(m.N, rule=lambda m, j: pyo.quicksum(m.x[i, j] for i in m.N) == 1)
    m.only = pyo.Constraint(m.N, m.N, rule=lambda m, i, j: m.x[i, j] <= m.opened[i])
    paid = pyo.quicksum(f[i] * m.opened[i] for i in m.N)
    m.cost = pyo.Objective(expr=pyo.quicksum(c[i][j] * m.x[i, j] for i in m.N for j in m.N) + paid)
    return loaded(m)


def fac(n: int, data: Data) -> Problem:
    big = data["M"]
    m = pyo.ConcreteModel()
    m.G, m.F, m.K = pyo.RangeSet(0, n), pyo.RangeSet(0, n - 1), pyo.RangeSet(0, 1)
    m.z = pyo.Var(m.G, m.G, m.F, domain=pyo.Binary)
    m.s = pyo.Var(m.G, m.G, m.F, domain=pyo.NonNegativeReals)
    m.r, m.y, m.d = pyo.Var(m.G, m.G, m.F, m.K), pyo.Var(m.F, m.K, bounds=(0, 1)), pyo.Var()
    cells = (m.G, m.G, m.F)
    m.assign = pyo.Constraint(m.G, m.G, rule=lambda m, i, j: pyo.quicksum(m.z[i, j, f] for f in m.F) == 1)
    m.reach = pyo.Constraint(*cells, rule=lambda m, i, j, f: m.s[i, j, f] == m.d + big * (1 - m.z[i, j, f]))
    m.east = pyo.Constraint(*cells, rule=lambda m, i, j, f: m.r[i, j, f, 0] == i / n - m.y[f, 0])
    m.north = pyo.Constraint(*cells, rule=lambda m, i, j, f: m.r[i, j, f, 1] == j / n - m.y[f, 1])
    m.cost = pyo.Objective(expr=m.d)
    return loaded(m)


def lqcp(n: int, data: Data) -> Problem:
    dx, h2, half, target = data["dx"], data["h2"], 0.5 * data["dt"], data["yt"].tolist()
    w, v = (weights.tolist() for weights in trapezoids(n, data))
    m = pyo.ConcreteModel()
    m.I, m.J, m.inner = pyo.RangeSet(0, n), pyo.RangeSet(0, n), pyo.RangeSet(1, n - 1)
    m.before, m.after = pyo.RangeSet(0, n - 1), pyo.RangeSet(1, n)
    m.y, m.u = pyo.Var(m.I, m.J, bounds=(0, 1)), pyo.Var(m.after, bounds=(-1, 1))

    def bent(m: Any, i: int, j: int) -> Any:
        return m.y[i, j - 1] - 2 * m.y[i, j] + m.y[i, j + 1]

    def pde(m: Any, i: int, j: int) -> Any:
        return h2 * (m.y[i + 1, j] - m.y[i, j]) == half * (bent(m, i, j) + bent(m, i + 1, j))

    def right(m: Any, i: int) -> Any:
        return m.y[i, n - 2] - 4 * m.y[i, n - 1] + 3 * m.y[i, n] == 2 * dx * (m.u[i] - m.y[i, n])

    m.pde = pyo.Constraint(m.before, m.inner, rule=pde)
    m.start = pyo.Constraint(m.J, rule=lambda m, j: m.y[0, j] == 0)
    m.left = pyo.Constraint(m.after, rule=lambda m, i: m.y[i, 2] - 4 * m.y[i, 1] + 3 * m.y[i, 0] == 0)
    m.right = pyo.Constraint(m.after, rule=right)
    missed = pyo.quicksum(w[j] * (m.y[n, j] - target[j]) ** 2 for j in m.J)
    m.cost = pyo.Objective(expr=missed + pyo.quicksum(v[i - 1] * m.u[i] ** 2 for i in m.after))
    return loaded(m)


def shape(problem: Problem) -> tuple[int, int, int | None]:
    inside = problem[1]._solver_model  # there is no public way to it
    return inside.getNumCol(), inside.getNumRow(), inside.getNumNz()


def optimum(problem: Problem) -> float:
    m, solver = problem
    solver.config.rel_gap = 0.0
    return float(solver.solve(m).incumbent_objective)
