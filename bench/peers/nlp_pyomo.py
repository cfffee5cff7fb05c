"""The nonlinear models of ``bench/nlp_end_to_end.py`` in Pyomo: concrete models with rules, written to .nl files.

``solved`` hands the .nl file to the ``ipopt`` executable where there is one, which is Pyomo's own way. Else the file is
read by ``optc.read_nl``, and its nonlinear form solved by Ipopt without any check of the answer; that then stands for
what the executable would take.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyomo.environ as pyo

Data = Mapping[str, Any]
Problem = dict[str, Any]

EXECUTABLE = shutil.which("ipopt")


def written(m: Any) -> Problem:
    """The model with the folder of its .nl file; the executable has its own written by Pyomo."""
    if EXECUTABLE is not None:
        return {"model": m}
    folder = tempfile.TemporaryDirectory()
    file = Path(folder.name) / "model.nl"
    m.write(str(file), format="nl")
    return {"model": m, "folder": folder, "file": file}


def luksan_vlcek(n: int, _data: Data) -> Problem:
    m = pyo.ConcreteModel()
    m.x = pyo.Var(pyo.RangeSet(1, n), initialize=lambda _m, i: -1.2 if i % 2 else 1.0)
    x = m.x
    m.f = pyo.Objective(expr=sum(100 * (x[i] ** 2 - x[i + 1]) ** 2 + (x[i] - 1) ** 2 for i in range(1, n)))

    def row(m: Any, k: int) -> Any:
        p, q, r = m.x[k], m.x[k + 1], m.x[k + 2]
        return 3 * q**3 + 2 * r - 5 + pyo.sin(q - r) * pyo.sin(q + r) + 4 * q - p * pyo.exp(p - q) - 3 == 0

    m.c = pyo.Constraint(pyo.RangeSet(1, n - 2), rule=row)
    return written(m)


def hanging_chain(n: int, data: Data) -> Problem:
    left, right, step = data["left"], data["right"], 1 / n
    m = pyo.ConcreteModel()
    m.K, m.P = pyo.RangeSet(0, n), pyo.RangeSet(1, n)
    m.h = pyo.Var(m.K, initialize=lambda _m, i: left + (right - left) * i / n)
    m.s = pyo.Var(m.K, initialize=lambda _m, i: 2 * (right - left) * (i / n - 0.25))
    m.stretch = pyo.Expression(m.K, rule=lambda m, i: pyo.sqrt(1 + m.s[i] ** 2))
    s = m.stretch
    m.f = pyo.Objective(expr=sum(step / 2 * (m.h[i - 1] * s[i - 1] + m.h[i] * s[i]) for i in m.P))
    m.follows = pyo.Constraint(m.P, rule=lambda m, i: m.h[i] == m.h[i - 1] + step / 2 * (m.s[i - 1] + m.s[i]))
    m.taut = pyo.Constraint(expr=sum(step / 2 * (s[i - 1] + s[i]) for i in m.P) == data["length"])
    m.first, m.last = pyo.Constraint(expr=m.h[0] == left), pyo.Constraint(expr=m.h[n] == right)
    return written(m)


def ac_opf(_n: int, data: Data) -> Problem:
    buses = data["Buses"]
    units, lines = [tuple(u) for u in data["Units"]], [tuple(line) for line in data["Lines"]]

    def given(name: str, over: list[Any], without: float) -> dict[Any, float]:
        return dict(zip(over, data.get(name, [without] * len(over)), strict=True))

    low, high = given("least", units, 0), given("most", units, 0)
    reactive_low, reactive_high = given("reactive_least", units, 0), given("reactive_most", units, 0)
    lowest, highest = given("lowest", buses, 0), given("highest", buses, 0)
    load, reactive_load = given("load", buses, 0), given("reactive_load", buses, 0)
    conductance, susceptance = given("conductance", buses, 0), given("susceptance", buses, 0)
    quadratic, price, fixed = given("quadratic", units, 0), given("price", units, 0), given("fixed", units, 0)
    resistance, reactance = given("resistance", lines, 0), given("reactance", lines, 0)
    charging, ratio, shift = given("charging", lines, 0), given("ratio", lines, 1), given("shift", lines, 0)
    limit, widest, base = given("limit", lines, float("inf")), given("widest", lines, 360), data["base"]
    square = {k: resistance[k] ** 2 + reactance[k] ** 2 for k in lines}
    g, b = ({k: resistance[k] / square[k] for k in lines}, {k: -reactance[k] / square[k] for k in lines})

    m = pyo.ConcreteModel()
    m.output = pyo.Var(units, bounds=lambda _m, *u: (low[u], high[u]), initialize=0)
    m.reactive = pyo.Var(units, bounds=lambda _m, *u: (reactive_low[u], reactive_high[u]), initialize=0)
    m.voltage = pyo.Var(buses, bounds=lambda _m, i: (lowest[i], highest[i]), initialize=1)
    m.angle = pyo.Var(buses, initialize=0)
    v, pi = m.voltage, pyo.acos(-1.0)

    def turns(k: Any) -> tuple[Any, Any, Any]:
        turn = m.angle[k[1]] - m.angle[k[2]] - shift[k] * pi / 180
        return v[k[1]] * v[k[2]] / ratio[k], pyo.cos(turn), pyo.sin(turn)

    def into(_m: Any, *k: Any) -> Any:
        pull, cos, sin = turns(k)
        return g[k] * (v[k[1]] / ratio[k]) ** 2 - pull * (g[k] * cos + b[k] * sin)

    def reactive_into(_m: Any, *k: Any) -> Any:
        pull, cos, sin = turns(k)
        return -(b[k] + charging[k] / 2) * (v[k[1]] / ratio[k]) ** 2 - pull * (g[k] * sin - b[k] * cos)

    def back(_m: Any, *k: Any) -> Any:
        pull, cos, sin = turns(k)
        return g[k] * v[k[2]] ** 2 - pull * (g[k] * cos - b[k] * sin)

    def reactive_back(_m: Any, *k: Any) -> Any:
        pull, cos, sin = turns(k)
        return -(b[k] + charging[k] / 2) * v[k[2]] ** 2 + pull * (g[k] * sin + b[k] * cos)

    m.into, m.back = pyo.Expression(lines, rule=into), pyo.Expression(lines, rule=back)
    m.reactive_into = pyo.Expression(lines, rule=reactive_into)
    m.reactive_back = pyo.Expression(lines, rule=reactive_back)
    units_at = {i: [u for u in units if u[1] == i] for i in buses}
    out_of = {i: [k for k in lines if k[1] == i] for i in buses}
    in_to = {i: [k for k in lines if k[2] == i] for i in buses}

    def balance(m: Any, i: Any) -> Any:
        made = sum(m.output[u] for u in units_at[i]) - load[i] - conductance[i] * v[i] ** 2
        return made / base == sum(m.into[k] for k in out_of[i]) + sum(m.back[k] for k in in_to[i])

    def reactive_balance(m: Any, i: Any) -> Any:
        made = sum(m.reactive[u] for u in units_at[i]) - reactive_load[i] + susceptance[i] * v[i] ** 2
        return made / base == sum(m.reactive_into[k] for k in out_of[i]) + sum(m.reactive_back[k] for k in in_to[i])

    def spread(m: Any, *k: Any) -> Any:
        return pyo.inequality(-widest[k], (m.angle[k[1]] - m.angle[k[2]]) * 180 / pi, widest[k])

    bounded = [k for k in lines if limit[k] < float("inf")]
    m.cost = pyo.Objective(expr=sum(quadratic[u] * m.output[u] ** 2 + price[u] * m.output[u] + fixed[u] for u in units))
    m.reference = pyo.Constraint(expr=m.angle[data["slack"]] == 0)
    m.balance = pyo.Constraint(buses, rule=balance)
    m.reactive_balance = pyo.Constraint(buses, rule=reactive_balance)
    m.thermal = pyo.Constraint(
        bounded, rule=lambda m, *k: m.into[k] ** 2 + m.reactive_into[k] ** 2 <= (limit[k] / base) ** 2
    )
    m.thermal_back = pyo.Constraint(
        bounded, rule=lambda m, *k: m.back[k] ** 2 + m.reactive_back[k] ** 2 <= (limit[k] / base) ** 2
    )
    m.spread = pyo.Constraint(lines, rule=spread)
    return written(m)


def solved(made: Problem) -> float:
    """The objective of Ipopt's answer; raises RuntimeError where it has none."""
    if EXECUTABLE is not None:
        solver = pyo.SolverFactory("ipopt", executable=EXECUTABLE)
        solver.options.update({"tol": 1e-8, "linear_solver": "mumps"})
        result = solver.solve(made["model"])
        if not pyo.check_optimal_termination(result):
            raise RuntimeError(str(result.solver.termination_condition))
        return float(pyo.value(next(made["model"].component_data_objects(pyo.Objective))))
    import optc
    from optc.backends import ipopt
    from optc.compiler import context
    from optc.compiler.backend import Goal, Start
    from optc.compiler.result.lifting import columns_from

    problem = optc.read_nl(made["file"])
    form = problem.lower("nonlinear")
    start = columns_from(form, {f.name: f.start for f in problem.instance.families if f.start is not None})
    answer = ipopt.solve(form, Goal(), ipopt.Options(), context.start(), Start(start))
    if answer.claim != "stationary" or answer.objective is None:
        raise RuntimeError(answer.message)
    return float(answer.objective)
