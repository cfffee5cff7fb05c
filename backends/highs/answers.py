"""What HiGHS says, as an answer: its status words, point, duals, bound and rays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

from .passing import load, set_option, set_whole_columns, with_infinite_bounds

_ENDS: dict[str, tuple[Claim, Termination]] = {
    "kOptimal": ("optimal", "converged"),
    "kInfeasible": ("infeasible", "converged"),
    "kUnbounded": ("unbounded", "converged"),
    "kUnboundedOrInfeasible": ("infeasible or unbounded", "converged"),
    "kTimeLimit": ("none", "time limit"),
    "kIterationLimit": ("none", "iteration limit"),
    "kSolutionLimit": ("none", "node limit"),
    "kObjectiveBound": ("none", "objective limit"),
    "kObjectiveTarget": ("none", "objective limit"),
    "kInterrupt": ("none", "interrupted"),
    "kHighsInterrupt": ("none", "interrupted"),
    "kMemoryLimit": ("none", "memory limit"),
    "kUnknown": ("none", "numerical trouble"),
    "kSolveError": ("none", "numerical trouble"),
    "kPresolveError": ("none", "solver error"),
    "kPostsolveError": ("none", "solver error"),
    "kModelError": ("none", "solver error"),
    "kLoadError": ("none", "solver error"),
    "kNotset": ("none", "solver error"),
}
_FEASIBLE = 2
UNDECIDED = ("kUnboundedOrInfeasible", "kUnknown", "kSolveError", "kPresolveError", "kPostsolveError")


def status_of(highs: Any) -> str:
    return str(highs.getModelStatus().name)


def answer_of(highs: Any, form: LinearForm) -> Answer:
    claim, termination = _ENDS[status_of(highs)]
    message = f"HiGHS: {highs.modelStatusToString(highs.getModelStatus())}"  # before rays are asked for: they reset it
    info, solution = highs.getInfo(), highs.getSolution()
    mip = bool(form.integer.any())
    # With duals asked for, a point counts where HiGHS found no violation beyond its tolerance.
    point = solution.value_valid and info.primal_solution_status == _FEASIBLE and claim != "infeasible"
    if claim == "none" and point:
        claim = "feasible"
    x = np.array(solution.col_value, dtype=np.float64) if point else None
    duals = solution.dual_valid and point and not mip
    work, unit = _work(info, mip)
    return Answer(
        claim,
        termination,
        x,
        objective=float(info.objective_function_value) if point else None,
        bound=_bound(info, claim, mip),
        row_duals=np.array(solution.row_dual, dtype=np.float64) if duals else None,
        column_duals=np.array(solution.col_dual, dtype=np.float64) if duals else None,
        primal_ray=_primal_ray(highs, form) if claim == "unbounded" else None,
        dual_ray=_dual_ray(highs) if claim == "infeasible" and not mip and not _quadratic(form) else None,
        message=message,
        work=work,
        unit=unit,
    )


def _quadratic(form: LinearForm) -> bool:
    return isinstance(form, QuadraticForm)


def _work(info: Any, mip: bool) -> tuple[int, str]:
    if mip:
        return max(0, int(info.mip_node_count)), "nodes"
    counts = (info.simplex_iteration_count, info.ipm_iteration_count, info.pdlp_iteration_count)
    return int(max(*counts, info.qp_iteration_count, 0)), "iterations"


def _bound(info: Any, claim: Claim, mip: bool) -> float | None:
    """The bound on the objective: branch and cut has one at any time, a continuous method at its optimum."""
    if mip:
        return float(info.mip_dual_bound) if math.isfinite(info.mip_dual_bound) else None
    return float(info.objective_function_value) if claim == "optimal" else None


def _dual_ray(highs: Any) -> Floats | None:
    _status_code, there, ray = highs.getDualRay()
    return np.array(ray, dtype=np.float64) if there else None


def _primal_ray(highs: Any, form: LinearForm) -> Floats | None:
    if form.integer.any():
        # The linear program below a branch-and-cut tree holds the same direction.
        return _relaxed_ray(form)
    if not len(form.values):
        return _ray_without_rows(form)
    _status_code, there, ray = highs.getPrimalRay()
    return np.array(ray, dtype=np.float64) if there else None


def _relaxed_ray(form: LinearForm) -> Floats | None:
    highs = load(form)
    set_whole_columns(highs, form, whole=False)
    set_option(highs, "presolve", "off")
    set_option(highs, "solver", "simplex")
    highs.run()
    _status_code, there, ray = highs.getPrimalRay()
    return np.array(ray, dtype=np.float64) if there else None


def _ray_without_rows(form: LinearForm) -> Floats:
    """The columns whose cost pushes them to an infinite bound, each on its own way there."""
    slope = form.cost if form.sense == "minimize" else -form.cost
    down = (slope > 0) & np.isneginf(with_infinite_bounds(form.lower))
    up = (slope < 0) & np.isposinf(with_infinite_bounds(form.upper))
    return up.astype(np.float64) - down.astype(np.float64)
