"""HiGHS: linear, mixed-integer linear and convex quadratic programming.

Source: Q. Huangfu, J. A. J. Hall, "Parallelizing the dual revised simplex method", Math. Prog. Comp. 10 (2018);
L. Schork, J. Gondzio, "Implementation of an interior point method with basis preconditioning", Math. Prog. Comp. 12
(2020). HiGHS's duals are derivatives of the objective as given (minimised or maximised) by the row and column bounds,
which is the sign of ``Answer``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Claim, Conflict, Termination
from optc.compiler.backend import Capabilities, Extremes, Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm

from . import installed
from .known_point import activities as activities
from .known_point import not_worse, usable
from .mip_root import root_algorithm
from .options import option
from .switch_tolerance import whole_within

INFINITE = 1e20  # HiGHS takes bounds of this size and beyond for infinite
SMALLEST = 1e-12  # the smallest coefficient that HiGHS can be told to keep
REPORT_EVERY = 0.1  # seconds between two progress reports

name = "highs"
title = "linear, mixed-integer linear and convex quadratic programming (simplex, interior point, branch and cut)"
install = 'pip install "highspy>=1.15"'
capabilities = Capabilities(
    forms=frozenset({"linear", "quadratic"}),
    integer=frozenset({"linear"}),
    gives=frozenset(
        {
            "duals",
            "reduced costs",
            "primal ray",
            "dual ray",
            "conflict",
            "bound",
            "warm start",
            "time limit",
            "interrupt",
            "progress",
        }
    ),
    refuses={
        "integer quadratic": "HiGHS has no quadratic objective together with whole decisions",
        "nonconvex quadratic": "HiGHS solves quadratic objectives only where they are convex (concave to maximise)",
        "quadratic constraint": "HiGHS has no quadratic constraints",
        "special ordered set": "HiGHS has no special ordered sets",
        "indicator": "HiGHS has no indicator constraints",
    },
    largest=1e15,  # its option large_matrix_value
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of HiGHS beside the common ones (time limit, gap, tolerance, threads, seed)."""

    solver: str = option(
        "word", "choose", "algorithm of linear programs", choices=("choose", "simplex", "ipm", "hipo", "ipx", "pdlp")
    )
    mip_root: str = option(
        "word",
        "choose",
        "algorithm of the first linear program of branch and cut",
        choices=("choose", "simplex", "ipm", "hipo", "ipx"),
    )
    presolve: str = option("word", "choose", "reduce the problem first", choices=("choose", "on", "off"))
    crossover: str = option(
        "word", "on", "go from an interior point to a vertex (it makes duals exact)", choices=("on", "off", "choose")
    )
    parallel: str = option("word", "choose", "use several threads", choices=("choose", "on", "off"))
    simplex_iterations: int | None = option("integer", None, "most simplex iterations", low=0, high=2**31 - 1)
    nodes: int | None = option("integer", None, "most nodes of branch and bound", low=0, high=2**31 - 1)
    solutions: int | None = option("integer", None, "stop after so many better points", low=1, high=2**31 - 1)
    heuristic_effort: float = option("number", 0.05, "share of the work that goes to heuristics", low=0.0, high=1.0)
    absolute_gap: float = option("number", 1e-6, "difference of bound and objective that is enough", low=0.0)
    objective_bound: float | None = option("number", None, "stop the dual simplex method beyond this objective")
    qp_regularisation: float = option("number", 1e-7, "added to the Hessian's diagonal while solving", low=0.0)


options = Options


def version() -> str | None:
    """The version of the installed highspy, or None; highspy itself is not imported."""
    return installed.version("highspy", "highspy")


def load(form: LinearForm) -> Any:
    """A quiet ``highspy.Highs`` with the problem in it, passed as whole arrays.

    Raises:
        ValueError: HiGHS refuses the arrays (a coefficient that is not finite, say).
    """
    return _pass(form)


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a linear form, or to a convex quadratic one without whole columns."""
    decided = _without_solver(form, goal)
    if decided is not None:
        return decided
    highs = load(form)
    _configure(highs, goal, options, context)
    if form.integer.any():
        _set(highs, "mip_lp_solver", root_algorithm(form) if options.mip_root == "choose" else options.mip_root)
        _set(highs, "mip_feasibility_tolerance", whole_within(form, goal.tolerance))
    if start is not None:
        _set_start(highs, form, start)
    stop = context.stop()
    if stop is not None:
        return not_worse(Answer("none", stop), form, start, goal.tolerance)
    _run(highs, form, context)
    for changes in _SECOND_TRIES:
        if _status(highs) not in _UNDECIDED or context.stop() is not None:
            break
        highs.clearSolver()
        for option_name, value in changes.items():
            _set(highs, option_name, value)
        _run(highs, form, context)
    return not_worse(_named_limit(_answer(highs, form), options), form, start, goal.tolerance)


def conflict(form: LinearForm, context: Context) -> Conflict | None:
    """HiGHS's own irreducible infeasible subsystem of the form without integrality; None where it has none."""
    highs = _pass(form)
    _set(highs, "threads", context.threads or 0)
    _set_whole_columns(highs, form, whole=False)
    light, from_lp, irreducible = 0, 2, 4
    for strategy in (light, from_lp + irreducible):
        remaining = context.remaining()
        _set(highs, "iis_strategy", strategy)
        _set(highs, "time_limit", math.inf if remaining is None else highs.getRunTime() + remaining)
        _set(highs, "iis_time_limit", math.inf if remaining is None else remaining)
        status, found = highs.getIis()
        rows, columns = np.array(found.row_index_, dtype=np.int32), np.array(found.col_index_, dtype=np.int32)
        if status.name != "kError" and found.valid_ and len(rows) + len(columns):
            return _conflict(found, rows, columns)
    return None


def extremes(form: LinearForm, context: Context) -> Extremes:
    """The linear program, ready to look for the least and largest values of its columns."""
    from .column_extremes import Extremes as Program

    return Program(form, context)


# ---------------------------------------------------------------------------------------------- passing the arrays
@cache
def _highspy() -> Any:
    import highspy

    return highspy


def _quiet() -> Any:
    """A ``highspy.Highs`` that writes nothing: its constructor prints a banner before output can be turned off."""
    highspy = _highspy()
    highs = highspy.Highs.__new__(highspy.Highs)
    highspy._Highs.__init__(highs)
    highs.setOptionValue("output_flag", False)
    kinds = range(int(highspy.cb.HighsCallbackType.kCallbackMax) + 1)
    highs.callbacks = [highspy.HighsCallback(highspy.cb.HighsCallbackType(kind), highs) for kind in kinds]
    return highs


def _pass(form: LinearForm) -> Any:
    _refuse_undefined(form)
    highs = _quiet()
    _set(highs, "small_matrix_value", SMALLEST)
    rows, columns = form.shape
    sense = -1 if form.sense == "maximize" else 1
    matrix = (form.starts, form.indices, form.values)
    limits = (form.lower, form.upper, form.row_lower, form.row_upper)
    whole = form.integer.astype(np.int32)
    row_wise, triangle = 2, 1
    if isinstance(form, QuadraticForm):
        hessian = (form.hessian_starts, form.hessian_indices, form.hessian_values)
        counts = (columns, rows, len(form.values), len(form.hessian_values), row_wise, triangle)
        status = highs.passModel(*counts, sense, form.offset, form.cost, *limits, *matrix, *hessian, whole)
    else:
        counts4 = (columns, rows, len(form.values), row_wise)
        status = highs.passModel(*counts4, sense, form.offset, form.cost, *limits, *matrix, whole)
    if status.name == "kError":
        raise ValueError("HiGHS refused the problem: are all coefficients below 1e15?")
    return highs


def _refuse_undefined(form: LinearForm) -> None:
    """HiGHS takes NaN without a word, and then anything may come out."""
    numbers = [form.cost, form.values, *([form.hessian_values] if isinstance(form, QuadraticForm) else [])]
    bounds = (form.lower, form.upper, form.row_lower, form.row_upper)
    if not all(np.isfinite(part).all() for part in numbers) or any(np.isnan(part).any() for part in bounds):
        raise ValueError("the problem has a coefficient that is not finite, or a bound that is no number")


def _bounds(values: Floats) -> Floats:
    """Bounds that HiGHS would take for infinite made so; the same array where there are none."""
    far = np.abs(values) >= INFINITE
    return np.where(far, np.copysign(np.inf, values), values) if far.any() else values


def _set(highs: Any, option_name: str, value: float | bool | str) -> None:
    status = highs.setOptionValue(option_name, value)
    if status.name == "kError":
        raise ValueError(f"HiGHS refused {option_name} = {value}")


def _set_whole_columns(highs: Any, form: LinearForm, *, whole: bool) -> None:
    which = np.flatnonzero(form.integer).astype(np.int32)
    if len(which):
        kinds = _highspy().HighsVarType
        kind = kinds.kInteger if whole else kinds.kContinuous
        highs.changeColsIntegrality(len(which), which, np.full(len(which), int(kind), dtype=np.uint8))


def _configure(highs: Any, goal: Goal, options: Options, context: Context) -> None:
    _set(highs, "mip_rel_gap", goal.gap)
    _set(highs, "mip_abs_gap", options.absolute_gap)
    # HiGHS allows no tolerance above its own defaults to be useful here, and none below 1e-10.
    tolerance = min(1e-7, max(1e-10, goal.tolerance))
    for each in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        _set(highs, each, tolerance)
    _set(highs, "random_seed", context.seed % 2**31)
    _set_threads(highs, context)
    _set(highs, "solver", options.solver)
    _set(highs, "presolve", options.presolve)
    _set(highs, "run_crossover", options.crossover)
    _set(highs, "parallel", options.parallel)
    _set(highs, "mip_heuristic_effort", options.heuristic_effort)
    _set(highs, "qp_regularization_value", options.qp_regularisation)
    if options.simplex_iterations is not None:
        _set(highs, "simplex_iteration_limit", options.simplex_iterations)
    if options.nodes is not None:
        _set(highs, "mip_max_nodes", options.nodes)
    if options.solutions is not None:
        _set(highs, "mip_max_improving_sols", options.solutions)
    if options.objective_bound is not None:
        _set(highs, "objective_bound", options.objective_bound)


def _set_threads(highs: Any, context: Context) -> None:
    """HiGHS keeps one pool of threads for the process; another number needs a new pool."""
    global _pool
    wanted = context.threads or 0
    if wanted != _pool:
        highs.resetGlobalScheduler(True)
        _pool = wanted
    _set(highs, "threads", wanted)


_pool = 0


# ----------------------------------------------------------------------------------------------------- warm start
def _set_start(highs: Any, form: LinearForm, start: Start) -> None:
    x = usable(form, start.x) if form.integer.any() else start.x
    known = np.flatnonzero(np.isfinite(x)).astype(np.int32)
    if not len(known):
        return
    if form.integer.any() or len(known) < len(x):
        highs.setSolution(len(known), known, x[known])
    elif not isinstance(form, QuadraticForm):
        highs.setBasis(_basis_near(form, x))


def _basis_near(form: LinearForm, x: Floats) -> Any:
    """A basis that fits a point: what is on a bound stays there. HiGHS mends it where it is none (``alien``)."""
    highspy = _highspy()
    kinds = highspy.HighsBasisStatus
    status = (kinds.kBasic, kinds.kLower, kinds.kUpper)
    basis = highspy.HighsBasis()
    basis.valid = True
    basis.alien = True
    basis.col_status = [status[k] for k in _sides(x, form.lower, form.upper)]
    basis.row_status = [status[k] for k in _sides(activities(form, x), form.row_lower, form.row_upper)]
    return basis


def _sides(values: Floats, lower: Floats, upper: Floats) -> list[int]:
    """0 between the bounds, 1 at the lower, 2 at the upper one."""
    near = 1e-9 * np.maximum(1.0, np.abs(values))
    sides = np.select([np.abs(values - lower) <= near, np.abs(values - upper) <= near], [1, 2], 0)
    return [int(side) for side in sides]


# ------------------------------------------------------------------------------------------- running, and watching
def _run(highs: Any, form: LinearForm, context: Context) -> None:
    remaining = context.remaining()
    # HiGHS counts its limit over all runs of one object.
    _set(highs, "time_limit", math.inf if remaining is None else highs.getRunTime() + remaining)
    watch = _Watch(context, form, _highspy().cb)
    highs.setCallback(watch, None)
    for kind in watch.kinds:
        highs.startCallbackInt(int(kind))
    highs.run()
    for kind in watch.kinds:
        highs.stopCallbackInt(int(kind))
    highs.setCallback(None, None)
    if watch.fault is not None:
        raise watch.fault


class _Watch:
    """HiGHS's callback: hands progress on and asks whether to stop. It may not raise into HiGHS, so it keeps faults."""

    def __init__(self, context: Context, form: LinearForm, cb: Any) -> None:
        self.context = context
        self.fault: BaseException | None = None
        self.next = context.clock() + REPORT_EVERY
        self.mip = bool(form.integer.any())
        self.phase = "branch and cut" if self.mip else "linear program"
        if isinstance(form, QuadraticForm):
            self.phase = "quadratic program"
        mip_kinds = (cb.kCallbackMipInterrupt, cb.kCallbackMipLogging, cb.kCallbackMipImprovingSolution)
        others = (cb.kCallbackSimplexInterrupt, cb.kCallbackIpmInterrupt, cb.kHighsCallbackQpInterrupt)
        self.kinds = (*mip_kinds, *others)

    def __call__(self, _kind: int, _message: str, out: Any, into: Any, _data: object) -> None:
        try:
            if self.fault is not None or self.context.cancellation.cancelled:
                into.user_interrupt = True
            elif self.context.progress is not None and self.context.clock() >= self.next:
                self.next = self.context.clock() + REPORT_EVERY
                self.context.report(self._progress(out))
        except BaseException as fault:  # raised again once HiGHS has returned
            self.fault = fault
            into.user_interrupt = True

    def _progress(self, out: Any) -> Progress:
        elapsed = self.context.elapsed()
        if self.mip:
            incumbent, bound = out.mip_primal_bound, out.mip_dual_bound
            return Progress(
                self.phase,
                elapsed,
                incumbent if abs(incumbent) < INFINITE else None,
                bound if abs(bound) < INFINITE else None,
                work=max(0, out.mip_node_count),
                unit="nodes",
            )
        work = max(out.simplex_iteration_count, out.ipm_iteration_count, out.pdlp_iteration_count, 0)
        return Progress(self.phase, elapsed, work=work)


# ----------------------------------------------------------------------------------------------- reading the answer
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
_UNDECIDED = ("kUnboundedOrInfeasible", "kUnknown", "kSolveError", "kPresolveError", "kPostsolveError")
# Presolve cannot always tell infeasible from unbounded, and the dual simplex method gives up now and then.
_SECOND_TRIES: tuple[dict[str, str | int], ...] = (
    {"presolve": "off"},
    {"presolve": "off", "simplex_strategy": 4},  # the primal simplex method
)


def _status(highs: Any) -> str:
    return str(highs.getModelStatus().name)


def _answer(highs: Any, form: LinearForm) -> Answer:
    claim, termination = _ENDS[_status(highs)]
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


def _named_limit(answer: Answer, options: Options) -> Answer:
    """HiGHS has one word for a limit of nodes and one of points: where the nodes were not used up it was the points."""
    few = options.nodes is None or (answer.work or 0) < options.nodes
    ended = answer.termination == "node limit" and options.solutions is not None and few
    return replace(answer, termination="solution limit") if ended else answer


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
    highs = _pass(form)
    _set_whole_columns(highs, form, whole=False)
    _set(highs, "presolve", "off")
    _set(highs, "solver", "simplex")
    highs.run()
    _status_code, there, ray = highs.getPrimalRay()
    return np.array(ray, dtype=np.float64) if there else None


def _ray_without_rows(form: LinearForm) -> Floats:
    """The columns whose cost pushes them to an infinite bound, each on its own way there."""
    slope = form.cost if form.sense == "minimize" else -form.cost
    down = (slope > 0) & np.isneginf(_bounds(form.lower))
    up = (slope < 0) & np.isposinf(_bounds(form.upper))
    return up.astype(np.float64) - down.astype(np.float64)


def _conflict(found: Any, rows: Ints, columns: Ints) -> Conflict:
    side = {0: 0, 1: 0, 2: -1, 3: 1, 4: 0}
    row_sides = np.array([side[int(k)] for k in found.row_bound_], dtype=np.int32)
    bounded = np.array([int(k) >= 2 for k in found.col_bound_], dtype=np.bool_)
    column_sides = np.array([side[int(k)] for k in found.col_bound_], dtype=np.int32)
    in_conflict = _highspy().IisStatus.kIisStatusInConflict
    proved = all(found.row_status_[row] == int(in_conflict) for row in rows)
    return Conflict(rows, row_sides, columns[bounded], column_sides[bounded], irreducible=proved)


# ----------------------------------------------------------------------------- what needs no solver (or breaks one)
def _crossing(form: LinearForm) -> bool:
    return bool(np.any(form.lower > form.upper) or np.any(form.row_lower > form.row_upper))


def _without_solver(form: LinearForm, goal: Goal) -> Answer | None:
    """The answer where looking at the problem is enough: bounds that cross, empty rows that are false, no columns.

    HiGHS gives no multipliers for the first two, and takes the third for no problem at all.
    """
    message = "decided without HiGHS"
    if _crossing(form):
        return Answer("infeasible", "converged", message=message)
    empty = np.diff(form.starts) == 0
    false = np.flatnonzero(empty & ((form.row_lower > goal.tolerance) | (form.row_upper < -goal.tolerance)))
    if len(false):
        ray = np.zeros(form.shape[0])
        ray[false[0]] = 1.0 if form.row_lower[false[0]] > 0 else -1.0
        return Answer("infeasible", "converged", dual_ray=ray, message=message)
    if form.shape[1]:
        return None
    nothing, duals = np.zeros(0), np.zeros(form.shape[0])
    return Answer("optimal", "converged", nothing, form.offset, form.offset, duals, nothing, message=message)
