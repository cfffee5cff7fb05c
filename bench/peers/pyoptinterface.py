"""In PyOptInterface: rows one at a time, straight into HiGHS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyoptinterface as poi
from pyoptinterface import highs

from .numpy import trapezoids

Data = Mapping[str, Any]


def model() -> Any:
    if not highs.is_library_loaded():
        raise ModuleNotFoundError("PyOptInterface finds no HiGHS", name="highsbox")
    made = highs.Model()
    made.set_model_attribute(poi.ModelAttribute.Silent, True)
    return made


def add_products(total: Any, variables: Any, factors: Any) -> None:
    for variable, factor in zip(variables.ravel(), np.ravel(factors).tolist(), strict=True):
        total.add_affine_term(variable, factor)


def basic(n: int, _data: Data) -> Any:
    m = model()
    x, y = m.add_m_variables((n, n)), m.add_m_variables((n, n))
    for i in range(n):
        for j in range(n):
            m.add_linear_constraint(x[i, j] - y[i, j], poi.Geq, i)
            m.add_linear_constraint(x[i, j] + y[i, j], poi.Geq, 0)
    total = poi.ExprBuilder()
    poi.quicksum_(total, x, lambda each: 2 * each)
    poi.quicksum_(total, y)
    m.set_objective(total)
    return m


def transport(n: int, data: Data) -> Any:
    m = model()
    x = m.add_m_variables((n, n), lb=0.0)
    for i, most in enumerate(data["s"].tolist()):
        m.add_linear_constraint(poi.quicksum(x[i]), poi.Leq, most)
    for j, least in enumerate(data["d"].tolist()):
        m.add_linear_constraint(poi.quicksum(x[:, j]), poi.Geq, least)
    total = poi.ExprBuilder()
    add_products(total, x, data["c"])
    m.set_objective(total)
    return m


def ufl(n: int, data: Data) -> Any:
    m = model()
    x, opened = m.add_m_variables((n, n), lb=0.0), m.add_m_variables(n, domain=poi.VariableDomain.Binary)
    for j in range(n):
        m.add_linear_constraint(poi.quicksum(x[:, j]), poi.Eq, 1)
    for i in range(n):
        for j in range(n):
            m.add_linear_constraint(x[i, j] - opened[i], poi.Leq, 0)
    total = poi.ExprBuilder()
    add_products(total, x, data["c"])
    add_products(total, opened, data["f"])
    m.set_objective(total)
    return m


def fac(n: int, data: Data) -> Any:
    m, big, cells = model(), data["M"], (n + 1, n + 1, n)
    z, s = m.add_m_variables(cells, domain=poi.VariableDomain.Binary), m.add_m_variables(cells, lb=0.0)
    r, y, d = m.add_m_variables((*cells, 2)), m.add_m_variables((n, 2), lb=0.0, ub=1.0), m.add_variable()
    for i in range(n + 1):
        for j in range(n + 1):
            m.add_linear_constraint(poi.quicksum(z[i, j]), poi.Eq, 1)
            for f in range(n):
                m.add_linear_constraint(s[i, j, f] - d + big * z[i, j, f], poi.Eq, big)
                m.add_linear_constraint(r[i, j, f, 0] + y[f, 0], poi.Eq, i / n)
                m.add_linear_constraint(r[i, j, f, 1] + y[f, 1], poi.Eq, j / n)
    m.set_objective(1.0 * d)
    return m


def lqcp(n: int, data: Data) -> Any:
    m, dx, h2, half = model(), data["dx"], data["h2"], 0.5 * data["dt"]
    y, u = m.add_m_variables((n + 1, n + 1), lb=0.0, ub=1.0), m.add_m_variables(n, lb=-1.0, ub=1.0)
    for i in range(n):
        for j in range(1, n):
            heat = poi.ExprBuilder()
            heat.add_affine_term(y[i + 1, j], h2 + 2 * half)
            heat.add_affine_term(y[i, j], 2 * half - h2)
            for beside in (y[i, j - 1], y[i, j + 1], y[i + 1, j - 1], y[i + 1, j + 1]):
                heat.add_affine_term(beside, -half)
            m.add_linear_constraint(heat, poi.Eq, 0)
    for j in range(n + 1):
        m.add_linear_constraint(1.0 * y[0, j], poi.Eq, 0)
    for i in range(1, n + 1):
        m.add_linear_constraint(y[i, 2] - 4 * y[i, 1] + 3 * y[i, 0], poi.Eq, 0)
        right = y[i, n - 2] - 4 * y[i, n - 1] + (3 + 2 * dx) * y[i, n] - 2 * dx * u[i - 1]
        m.add_linear_constraint(right, poi.Eq, 0)
    w, v = trapezoids(n, data)
    total = poi.ExprBuilder()
    for j, (weight, target) in enumerate(zip(w.tolist(), data["yt"].tolist(), strict=True)):
        total.add_quadratic_term(y[n, j], y[n, j], weight)
        total.add_affine_term(y[n, j], -2 * weight * target)
        total += weight * target**2
    for i, weight in enumerate(v.tolist()):
        total.add_quadratic_term(u[i], u[i], weight)
    m.set_objective(total)
    return m


def shape(problem: Any) -> tuple[int, int, int | None]:
    return problem.getnumcol(), problem.getnumrow(), None


def optimum(problem: Any) -> float:
    problem.set_raw_parameter("mip_rel_gap", 0.0)
    problem.optimize()
    return float(problem.get_model_attribute(poi.ModelAttribute.ObjectiveValue))
