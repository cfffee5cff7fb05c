"""Runs HiGHS on a form: options, warm start, second tries where it cannot decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import LinearForm

from ..known_point import not_worse
from ..mip_root import root_algorithm
from ..switch_tolerance import whole_within
from . import Options
from .answers import UNDECIDED, answer_of, status_of
from .passing import load, set_option
from .starting import set_start
from .watching import run

# Presolve cannot always tell infeasible from unbounded, and the dual simplex method gives up now and then.
_SECOND_TRIES: tuple[dict[str, str | int], ...] = (
    {"presolve": "off"},
    {"presolve": "off", "simplex_strategy": 4},  # the primal simplex method
)


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a linear form, or to a convex quadratic one without whole columns."""
    decided = _without_solver(form, goal)
    if decided is not None:
        return decided
    highs = load(form)
    _configure(highs, goal, options, context)
    if form.integer.any():
        set_option(highs, "mip_lp_solver", root_algorithm(form) if options.mip_root == "choose" else options.mip_root)
        set_option(highs, "mip_feasibility_tolerance", whole_within(form, goal.tolerance))
    if start is not None:
        set_start(highs, form, start)
    stop = context.stop()
    if stop is not None:
        return not_worse(Answer("none", stop), form, start, goal.tolerance)
    run(highs, form, context)
    for changes in _SECOND_TRIES:
        if status_of(highs) not in UNDECIDED or context.stop() is not None:
            break
        highs.clearSolver()
        for option_name, value in changes.items():
            set_option(highs, option_name, value)
        run(highs, form, context)
    return not_worse(_named_limit(answer_of(highs, form), options), form, start, goal.tolerance)


def _configure(highs: Any, goal: Goal, options: Options, context: Context) -> None:
    set_option(highs, "mip_rel_gap", goal.gap)
    set_option(highs, "mip_abs_gap", options.absolute_gap)
    # HiGHS allows no tolerance above its own defaults to be useful here, and none below 1e-10.
    tolerance = min(1e-7, max(1e-10, goal.tolerance))
    for each in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        set_option(highs, each, tolerance)
    set_option(highs, "random_seed", context.seed % 2**31)
    _set_threads(highs, context)
    set_option(highs, "solver", options.solver)
    set_option(highs, "presolve", options.presolve)
    set_option(highs, "run_crossover", options.crossover)
    set_option(highs, "parallel", options.parallel)
    set_option(highs, "mip_heuristic_effort", options.heuristic_effort)
    set_option(highs, "qp_regularization_value", options.qp_regularisation)
    if options.simplex_iterations is not None:
        set_option(highs, "simplex_iteration_limit", options.simplex_iterations)
    if options.nodes is not None:
        set_option(highs, "mip_max_nodes", options.nodes)
    if options.solutions is not None:
        set_option(highs, "mip_max_improving_sols", options.solutions)
    if options.objective_bound is not None:
        set_option(highs, "objective_bound", options.objective_bound)


def _set_threads(highs: Any, context: Context) -> None:
    """HiGHS keeps one pool of threads for the process; another number needs a new pool."""
    global _pool
    wanted = context.threads or 0
    if wanted != _pool:
        highs.resetGlobalScheduler(True)
        _pool = wanted
    set_option(highs, "threads", wanted)


_pool = 0


def _named_limit(answer: Answer, options: Options) -> Answer:
    """HiGHS has one word for a limit of nodes and one of points: where the nodes were not used up it was the points."""
    few = options.nodes is None or (answer.work or 0) < options.nodes
    ended = answer.termination == "node limit" and options.solutions is not None and few
    return replace(answer, termination="solution limit") if ended else answer


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
