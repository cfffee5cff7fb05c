"""CVXPY: convex forms handed to whatever solver CVXPY knows, such as SCS, ECOS, OSQP, MOSEK, COPT, Gurobi.

Source: S. Diamond, S. Boyd, "CVXPY: A Python-embedded modeling language for convex optimization", JMLR 17 (2016). The
form goes over as a cone program in whole arrays, with nothing left for CVXPY to prove.

    optc solve model.opt --backend cvxpy -O cvxpy.solver=SCS
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms import conic
from optc.compiler.forms.linear import Floats, LinearForm

from . import installed
from .cone_program import ConeProgram, cone_program, multipliers_of
from .options import option

name = "cvxpy"
title = "convex programs by any solver that CVXPY knows and that is installed"
install = 'pip install "optc[convex]"'
capabilities = Capabilities(
    forms=frozenset({"linear", "quadratic", "conic"}),
    gives=frozenset({"duals", "reduced costs"}),
    refuses={
        "integer linear": "whole decisions are not passed to CVXPY",
        "integer quadratic": "whole decisions are not passed to CVXPY",
        "integer conic": "whole decisions are not passed to CVXPY",
        "nonconvex quadratic": "CVXPY takes convex objectives only",
        "interrupt": "CVXPY's solvers cannot be stopped from outside",
    },
)

# The name of the time limit in seconds, by solver.
TIME_LIMITS = {
    "CLARABEL": "time_limit",
    "SCS": "time_limit_secs",
    "OSQP": "time_limit",
    "HIGHS": "time_limit",
    "GUROBI": "TimeLimit",
    "PIQP": "max_time",
}


@dataclass(frozen=True, slots=True)
class Options:
    """Options of CVXPY beside the common ones."""

    solver: str = option("word", "CLARABEL", "the solver's name in CVXPY, such as SCS, ECOS, OSQP, HIGHS, MOSEK")


options = Options


def version() -> str | None:
    """The version of the installed cvxpy, or None; cvxpy itself is not imported."""
    return installed.version("cvxpy", "cvxpy")


def _cvxpy() -> Any:
    return import_module("cvxpy")


def load(form: LinearForm) -> Any:
    """A ``cvxpy.Problem`` of the form. Raises ValueError for numbers that are not finite."""
    return _stated(cone_program(form)).problem


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:  # noqa: ARG001
    """The answer to a linear, quadratic or conic form without whole columns; a start is of no use to it."""
    cvxpy = _cvxpy()
    if form.integer.any():
        raise ValueError(capabilities.refuses["integer conic"])
    stop = context.stop()
    if stop is not None:
        return Answer("none", stop)
    if (form.lower > form.upper).any() or (form.row_lower > form.row_upper).any():
        return Answer("infeasible", "converged", message="bounds cross")
    solver = options.solver.upper()
    program = cone_program(form)
    stated = _stated(program)
    limits = {}
    remaining = context.remaining()
    if remaining is not None and solver in TIME_LIMITS:
        limits[TIME_LIMITS[solver]] = max(remaining, 1e-3)
    try:
        stated.problem.solve(solver=solver, **limits)
    except cvxpy.error.SolverError as error:
        known = cvxpy.installed_solvers()
        there = "" if solver in known else f" (CVXPY finds {', '.join(known)})"
        return Answer("none", context.stop() or "solver error", message=f"cvxpy with {solver}: {error}{there}")
    return _answer(stated, program, form, solver)


@dataclass(frozen=True, slots=True, eq=False)
class _Stated:
    """CVXPY's problem, its variable, and the constraints by kind with the rows of the cone program that each holds."""

    problem: Any
    x: Any
    constraints: list[tuple[str, Any, Any]]


def _stated(program: ConeProgram) -> _Stated:
    cvxpy = _cvxpy()
    n = len(program.cost)
    x = cvxpy.Variable(n)
    slack = program.right - program.matrix @ x
    held: list[tuple[str, Any, Any]] = []
    first = program.equations.count
    if first:
        rows = np.arange(first)
        held.append(("equation", slack[rows] == 0, rows))
    if program.inequalities:
        rows = np.arange(first, first + program.inequalities)
        held.append(("inequality", slack[rows] >= 0, rows))
    held += _cones(program, slack, first + program.inequalities)
    cost: Any = program.cost @ x
    if program.hessian.nnz:
        upper = program.hessian
        whole = upper + upper.T
        whole.setdiag(upper.diagonal())
        cost = cost + 0.5 * cvxpy.quad_form(x, cvxpy.psd_wrap(whole))
    return _Stated(cvxpy.Problem(cvxpy.Minimize(cost), [each for _, each, _ in held]), x, held)


def _cones(program: ConeProgram, slack: Any, first: int) -> list[tuple[str, Any, Any]]:
    """One constraint for all cones of a kind and size."""
    cvxpy = _cvxpy()
    cones, held = program.cones, []
    starts = first + cones.starts[:-1]
    mine = cones.kinds == conic.SECOND_ORDER
    for size in np.unique(cones.sizes[mine]).tolist():
        rows = starts[mine & (cones.sizes == size)][None, :] + np.arange(size)[:, None]
        body = cvxpy.reshape(slack[rows[1:].reshape(-1)], (size - 1, rows.shape[1]), order="C") if size > 1 else None
        each = cvxpy.SOC(slack[rows[0]], body, axis=0) if body is not None else slack[rows[0]] >= 0
        held.append(("second order" if body is not None else "inequality", each, rows if body is not None else rows[0]))
    rows = first + cones.of(conic.EXPONENTIAL)
    if len(rows):
        held.append(("triple", cvxpy.ExpCone(slack[rows[:, 0]], slack[rows[:, 1]], slack[rows[:, 2]]), rows))
    rows = first + cones.of(conic.POWER)
    if len(rows):
        power = cones.powers[cones.kinds == conic.POWER]
        each = cvxpy.PowCone3D(slack[rows[:, 0]], slack[rows[:, 1]], slack[rows[:, 2]], power)
        held.append(("triple", each, rows))
    mine = cones.kinds == conic.SEMIDEFINITE
    for start, triangle in zip(starts[mine].tolist(), cones.sizes[mine].tolist(), strict=True):
        rows = start + np.arange(triangle)
        order = round(((8 * triangle + 1) ** 0.5 - 1) / 2)
        matrix = cvxpy.reshape(_unfolded(order) @ slack[rows], (order, order), order="C")
        held.append(("semidefinite", matrix >> 0, rows))
    return held


def _unfolded(order: int) -> Any:
    """From a scaled triangle to the symmetric matrix, row by row, as a sparse matrix."""
    from scipy.sparse import csr_array

    column, row = np.tril_indices(order)
    number = np.arange(len(row))
    weight = np.where(row == column, 0.5, np.sqrt(0.5))  # the diagonal is met twice
    to = np.concatenate([row * order + column, column * order + row])
    return csr_array((np.tile(weight, 2), (to, np.tile(number, 2))), shape=(order * order, len(row)))


_ENDINGS: dict[str, tuple[Claim, Termination]] = {
    "optimal": ("optimal", "converged"),
    "optimal_inaccurate": ("optimal", "converged"),
    "infeasible": ("infeasible", "converged"),
    "infeasible_inaccurate": ("infeasible", "converged"),
    "unbounded": ("unbounded", "converged"),
    "unbounded_inaccurate": ("unbounded", "converged"),
    "infeasible_or_unbounded": ("infeasible or unbounded", "converged"),
    "user_limit": ("none", "time limit"),
}


def _answer(stated: _Stated, program: ConeProgram, form: LinearForm, solver: str) -> Answer:
    status = str(stated.problem.status)
    claim, termination = _ENDINGS.get(status, ("none", "solver error"))
    message = f"cvxpy with {solver}: {status}"
    if claim != "optimal" or stated.x.value is None:
        return Answer(claim, termination, message=message)
    x = np.asarray(stated.x.value, dtype=np.float64)
    value = program.sign * float(stated.problem.value) + form.offset
    z = _multipliers(stated, len(program.right))
    if z is None:
        return Answer(claim, termination, x, value, message=message)
    duals = multipliers_of(program, form, z, program.sign)
    return Answer(
        claim, termination, x, value, None, duals.rows, duals.columns, message=message, cone_duals=duals.cones
    )


def _multipliers(stated: _Stated, rows: int) -> Floats | None:
    """The multipliers of the cone program's rows; None where the solver gave none."""
    found = np.zeros(rows)
    for kind, constraint, where in stated.constraints:
        value = constraint.dual_value
        if value is None or (isinstance(value, list) and any(part is None for part in value)):
            return None
        if kind == "second order":
            found[where[0]] = np.asarray(value[0]).reshape(-1)
            found[where[1:]] = np.asarray(value[1]).reshape(where[1:].shape)
        elif kind == "triple":
            for k in range(3):
                found[where[:, k]] = np.asarray(value[k]).reshape(-1)
        elif kind == "semidefinite":
            matrix = np.asarray(value)
            column, row = np.tril_indices(len(matrix))
            found[where] = matrix[row, column] * np.where(row == column, 1.0, np.sqrt(2.0))
        else:
            found[where] = (-1.0 if kind == "equation" else 1.0) * np.asarray(value).reshape(-1)
    return found
