"""SCIP: mixed-integer linear, quadratic and nonlinear programming to proven optimality, convex or not, with logic.

Source: S. Bolusani et al., "The SCIP Optimization Suite 9.0", arXiv 2402.17702 (2024), and its successors. Native
indicators and special ordered sets, quadratic rows by spatial branch and bound; a quadratic objective is a column
``t`` with the row ``x'Qx / 2 - t <= 0`` (``>= 0`` to maximise); a complementary pair is a special ordered set of two.
Nonlinear forms go by ``nonlinear``.

pyscipopt takes rows one at a time. A dictionary of terms for each row passes 1e5 coefficients of 2000 rows and 5000
columns in 0.06 s, a call for each coefficient in 0.09 s; writing an MPS file of the same problem takes 0.08 s and
reading it 0.03 s, so there is no file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Capabilities, Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm
from optc.compiler.forms.nonlinear import NonlinearForm

from .. import installed
from ..farkas import dual_ray
from ..finite_numbers import coefficients, refuse_undefined
from ..known_point import completed, not_worse, quadratic_part, usable, value
from ..options import option
from ..recession import endless_pair, unlimited
from .work import INFINITE, FailedError, finite, run, scip

name = "scip"
title = "mixed-integer linear, quadratic and nonlinear programming to a proved optimum, convex or not, with logic"
install = 'pip install "pyscipopt>=6.3"'
capabilities = Capabilities(
    forms=frozenset({"linear", "quadratic", "discrete", "nonlinear"}),
    integer=frozenset({"linear", "quadratic", "discrete", "nonlinear"}),
    gives=frozenset({"bound", "primal ray", "dual ray", "warm start", "time limit", "interrupt", "progress"}),
    refuses={
        "duals": "SCIP solves a presolved problem by branch and bound, which leaves no duals of the one it was given",
        "functions": "SCIP has no `asin`, `acos` and `erf`, and no numbers of 1e20 and beyond inside a function",
    },
)


@dataclass(frozen=True, slots=True)
class Options:
    """Options of SCIP beside the common ones (time limit, gap, tolerance, seed)."""

    emphasis: str = option(
        "word",
        "default",
        "what the settings are made for",
        choices=("default", "feasibility", "optimality", "easycip", "hardlp", "numerics"),
    )
    presolving: str = option(
        "word", "default", "reduce the problem first", choices=("default", "fast", "aggressive", "off")
    )
    separating: str = option("word", "default", "cutting planes", choices=("default", "fast", "aggressive", "off"))
    heuristics: str = option(
        "word", "default", "search for good points", choices=("default", "fast", "aggressive", "off")
    )
    nodes: int | None = option("integer", None, "most nodes of branch and bound", low=0, high=2**62)
    stalled_nodes: int | None = option("integer", None, "most nodes without a better point", low=0, high=2**62)
    solutions: int | None = option("integer", None, "stop after so many points", low=1, high=2**31 - 1)
    memory: float | None = option("number", None, "most memory, in megabytes", low=1.0)
    absolute_gap: float = option("number", 1e-9, "difference of bound and objective that is enough", low=0.0)


options = Options


def version() -> str | None:
    """The version of the installed pyscipopt, or None; pyscipopt itself is not imported."""
    return installed.version("pyscipopt", "pyscipopt")


def load(form: LinearForm) -> Any:
    """A quiet ``pyscipopt.Model`` with the problem in it; its variables are named ``x0``, ``x1``, ….

    Raises:
        ValueError: a coefficient is not finite, or so large that SCIP takes it for infinite.
    """
    if isinstance(form, NonlinearForm):
        from . import nonlinear as scip_nonlinear

        return scip_nonlinear.passed(form).model
    return _pass(form).model


def declines(form: LinearForm) -> str | None:
    """Why a form of a kind that it takes cannot be passed, or None."""
    if not isinstance(form, NonlinearForm):
        return None
    from . import nonlinear as scip_nonlinear

    return scip_nonlinear.declines(form)


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a linear, quadratic, discrete or nonlinear form.

    Interruption: SCIP works in a thread of its own without Python's lock, and this one asks it to stop. Progress
    comes from an event handler at each node, linear program and better point.
    """
    if isinstance(form, NonlinearForm):
        from . import nonlinear as scip_nonlinear

        return scip_nonlinear.solve(form, goal, options, context, start)
    decided = _without_solver(form) or _without_end(form, goal, context)
    if decided is not None:
        return decided
    problem = _pass(form)
    configure(problem.model, goal, options, context)
    if start is not None:
        _set_start(problem, form, _whole_start(form, start, goal, context))
    stop = context.stop()
    if stop is not None:
        return not_worse(Answer("none", stop), form, start, goal.tolerance)
    try:
        run(problem.model, context)
        if problem.model.getStatus() == "inforunbd" and context.stop() is None:
            problem = _again_without_presolving(form, goal, options, context)
    except FailedError as failure:
        return _after_failure(failure, form, goal, context)
    answer = not_worse(_answer(problem, form), form, start, goal.tolerance)
    if answer.claim == "infeasible":
        return _with_multipliers(answer, form, goal, context)
    return _with_direction(answer, form, goal, context) if answer.claim == "unbounded" else answer


# ---------------------------------------------------------------------------------------------------- the problem
@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """SCIP's model, its variables in the order of the form's columns, and the column of a quadratic objective."""

    model: Any
    variables: list[Any]
    objective: Any | None


@cache
def _terms() -> Any:
    return import_module("pyscipopt.scip")


def _pass(form: LinearForm) -> _Problem:
    _refuse_undefined(form)
    model = scip().Model()
    model.hideOutput()
    variables = _variables(model, form)
    objective = _objective(model, form, variables)
    _rows(model, form, variables)
    if isinstance(form, DiscreteForm):
        _sets(model, form, variables)
    return _Problem(model, variables, objective)


def _refuse_undefined(form: LinearForm) -> None:
    """SCIP takes NaN without a word, and numbers from 1e20 on for infinite."""
    refuse_undefined(form)
    if any((np.abs(part) >= INFINITE).any() for part in coefficients(form)):
        raise ValueError("SCIP takes coefficients of 1e20 and more for infinite")


def _sides(values: Floats) -> list[float | None]:
    """Bounds, None where there is none."""
    return [value if abs(value) < INFINITE else None for value in values.tolist()]


def _variables(model: Any, form: LinearForm) -> list[Any]:
    binary = form.integer & (form.lower >= 0) & (form.upper <= 1)
    kinds = np.where(binary, "B", np.where(form.integer, "I", "C")).tolist()
    found = []
    for k, (kind, low, high, cost) in enumerate(
        zip(kinds, _sides(form.lower), _sides(form.upper), form.cost.tolist(), strict=True)
    ):
        found.append(model.addVar(f"x{k}", kind, low, high, cost))
    return found


def _objective(model: Any, form: LinearForm, variables: list[Any]) -> Any | None:
    maximise = form.sense == "maximize"
    column = None
    if isinstance(form, (QuadraticForm, DiscreteForm)) and len(form.hessian_values):
        column = model.addVar("objective", "C", None, None, 1.0)
        owner = np.repeat(np.arange(form.shape[1], dtype=np.int32), np.diff(form.hessian_starts))
        weights = np.where(owner == form.hessian_indices, 0.5, 1.0) * form.hessian_values
        expression = _expression(variables, owner, form.hessian_indices, weights)
        expression.terms[_terms().Term(column)] = -1.0
        bounds = (0.0, None) if maximise else (None, 0.0)
        model.addCons(_terms().ExprCons(expression, *bounds))
    (model.setMaximize if maximise else model.setMinimize)()
    model.addObjoffset(form.offset)
    return column


def _expression(variables: list[Any], first: Ints, second: Ints, values: Floats) -> Any:
    """A sum of products; no product stands twice."""
    term = _terms().Term
    keys = (term(variables[i], variables[j]) for i, j in zip(first.tolist(), second.tolist(), strict=True))
    return _terms().Expr(dict(zip(keys, values.tolist(), strict=True)))


def _rows(model: Any, form: LinearForm, variables: list[Any]) -> None:
    make, bounded = _terms().Expr, _terms().ExprCons
    terms = [_terms().Term(variable) for variable in variables]
    columns = [terms[j] for j in form.indices.tolist()]
    values, starts = form.values.tolist(), form.starts.tolist()
    lows, highs = _sides(form.row_lower), _sides(form.row_upper)
    switches = _switches(form, variables)
    products = _products_by_row(form)
    for row, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low is None and high is None:
            continue
        at, upto = starts[row], starts[row + 1]
        entries = dict(zip(columns[at:upto], values[at:upto], strict=True))
        if row in products:
            entries.update(_expression(variables, *products[row]).terms)
        expression = make(entries)
        if row not in switches:
            model.addCons(bounded(expression, low, high))
            continue
        binary, active = switches[row]
        for side in ((low, None), (None, high)):
            if side != (None, None):
                model.addConsIndicator(bounded(expression, *side), binary, active)


def _switches(form: LinearForm, variables: list[Any]) -> dict[int, tuple[Any, bool]]:
    if not isinstance(form, DiscreteForm):
        return {}
    each = form.indicators
    entries = zip(each.rows.tolist(), each.columns.tolist(), each.values.tolist(), strict=True)
    return {row: (variables[column], value == 1) for row, column, value in entries}


def _products_by_row(form: LinearForm) -> dict[int, tuple[Ints, Ints, Floats]]:
    if not isinstance(form, DiscreteForm) or not form.products.count:
        return {}
    each = form.products
    rows, first = np.unique(each.rows, return_index=True)
    ends = np.append(first[1:], each.count)
    return {
        int(row): (each.first[a:b], each.second[a:b], each.values[a:b])
        for row, a, b in zip(rows, first, ends, strict=True)
    }


def _sets(model: Any, form: DiscreteForm, variables: list[Any]) -> None:
    sets = form.sets
    for k in range(sets.count):
        at, upto = int(sets.starts[k]), int(sets.starts[k + 1])
        members = [variables[j] for j in sets.columns[at:upto].tolist()]
        add = model.addConsSOS1 if sets.kinds[k] == 1 else model.addConsSOS2
        add(members, sets.weights[at:upto].tolist())
    for i, j in zip(form.pairs.first.tolist(), form.pairs.second.tolist(), strict=True):
        model.addConsSOS1([variables[i], variables[j]], [1.0, 2.0])


# -------------------------------------------------------------------------------------------------- configuration
def configure(model: Any, goal: Goal, options: Options, context: Context) -> None:
    """Set what is asked for."""
    if options.emphasis != "default":
        model.setEmphasis(getattr(scip().SCIP_PARAMEMPHASIS, options.emphasis.upper()))
    for setter, wanted in (
        (model.setPresolve, options.presolving),
        (model.setSeparating, options.separating),
        (model.setHeuristics, options.heuristics),
    ):
        if wanted != "default":
            setter(getattr(scip().SCIP_PARAMSETTING, wanted.upper()))
    # SCIP measures its gap by the smaller of bound and objective, which is never less strict than ours; where both
    # are below one, the absolute gap is.
    model.setParam("limits/gap", goal.gap)
    model.setParam("limits/absgap", max(options.absolute_gap, goal.gap))
    model.setParam("numerics/feastol", min(1e-6, max(1e-9, 0.1 * goal.tolerance)))
    model.setParam("numerics/dualfeastol", min(1e-7, max(1e-9, 0.1 * goal.tolerance)))
    model.setParam("randomization/randomseedshift", context.seed % 2**31)
    model.setParam("misc/catchctrlc", False)  # the context hears of Ctrl-C
    if context.threads is not None:
        model.setParam("lp/threads", min(64, context.threads))
    remaining = context.remaining()
    if remaining is not None:
        model.setParam("limits/time", min(1e20, remaining))
    limits = {
        "limits/nodes": options.nodes,
        "limits/stallnodes": options.stalled_nodes,
        "limits/solutions": options.solutions,
        "limits/memory": options.memory,
    }
    for key, limit in limits.items():
        if limit is not None:
            model.setParam(key, limit)


def _whole_start(form: LinearForm, start: Start, goal: Goal, context: Context) -> Floats:
    """What is usable of a start, the continuous columns of a linear problem solved for where they are left open."""
    if not form.integer.any():
        return start.x
    x = usable(form, start.x)
    if type(form) is not LinearForm or np.isfinite(x).all() or not np.isfinite(x[form.integer]).all():
        return x
    found = completed(form, x, lambda fixed: solve(fixed, goal, Options(), context.silent(), None).x)
    return x if found is None else found


def _set_start(problem: _Problem, form: LinearForm, x: Floats) -> None:
    """A whole point, or a part of one that SCIP completes; one that does not hold is dropped by SCIP."""
    known = np.flatnonzero(np.isfinite(x))
    if not len(known):
        return
    whole = len(known) == len(x)
    point = problem.model.createOrigSol() if whole else problem.model.createPartialSol()
    for j in known.tolist():
        problem.model.setSolVal(point, problem.variables[j], float(x[j]))
    if whole and problem.objective is not None:
        problem.model.setSolVal(point, problem.objective, quadratic_part(form, x))
    problem.model.addSol(point)


def _again_without_presolving(form: LinearForm, goal: Goal, options: Options, context: Context) -> _Problem:
    """Presolving could not tell infeasible from unbounded; the linear program can."""
    problem = _pass(form)
    configure(problem.model, goal, options, context)
    problem.model.setPresolve(scip().SCIP_PARAMSETTING.OFF)
    run(problem.model, context)
    return problem


def _with_direction(answer: Answer, form: LinearForm, goal: Goal, context: Context) -> Answer:
    """The answer to an unbounded problem with a feasible point and a direction of unlimited improvement.

    SCIP's own point may lie as far out as its numbers reach.
    """

    def least(problem: LinearForm) -> Floats | None:
        return solve(problem, goal, Options(), context.silent(), None).x

    found = unlimited(form, least)
    if found is None:
        return answer
    x, ray = found
    return replace(answer, x=x, objective=value(form, x), primal_ray=ray)


def _without_end(form: LinearForm, goal: Goal, context: Context) -> Answer | None:
    """The answer to a quadratic problem that falls for ever along one or two columns, on which SCIP would not end."""
    if not isinstance(form, QuadraticForm) or not len(form.hessian_values) or context.stop() is not None:
        return None

    def least(problem: LinearForm) -> Floats | None:
        return solve(problem, goal, Options(), context.silent(), None).x

    found = endless_pair(form, least)
    if found is None:
        return None
    message = "the objective improves for ever along a direction that no bound and no row ends"
    return Answer("unbounded", "converged", found[0], value(form, found[0]), primal_ray=found[1], message=message)


def _with_multipliers(answer: Answer, form: LinearForm, goal: Goal, context: Context) -> Answer:
    """The answer to an infeasible problem with multipliers that prove it, where its rows and bounds alone are so."""
    if form.integer.any() or isinstance(form, DiscreteForm):
        return answer

    def point(problem: LinearForm) -> Floats | None:
        return solve(problem, goal, Options(), context.silent(), None).x

    return replace(answer, dual_ray=dual_ray(form, point))


def _after_failure(failure: FailedError, form: LinearForm, goal: Goal, context: Context) -> Answer:
    """SCIP gave up. On a quadratic objective that falls for ever its linear programs do; then a direction shows it."""
    answer = Answer("none", "numerical trouble", message=str(failure))
    if not isinstance(form, (QuadraticForm, DiscreteForm)) or not len(form.hessian_values):
        return answer
    found = _with_direction(replace(answer, claim="unbounded", termination="converged"), form, goal, context)
    return found if found.primal_ray is not None else answer


# ------------------------------------------------------------------------------------------------ reading the answer
FAR = 1e19  # SCIP's numbers end at 1e20, and it calls points there optimal where the problem has no end
ENDS: dict[str, tuple[Claim, Termination]] = {
    "optimal": ("optimal", "converged"),
    "gaplimit": ("optimal", "converged"),
    "infeasible": ("infeasible", "converged"),
    "unbounded": ("unbounded", "converged"),
    "inforunbd": ("infeasible or unbounded", "converged"),
    "timelimit": ("none", "time limit"),
    "nodelimit": ("none", "node limit"),
    "totalnodelimit": ("none", "node limit"),
    "stallnodelimit": ("none", "node limit"),
    "sollimit": ("none", "solution limit"),
    "bestsollimit": ("none", "solution limit"),
    "memlimit": ("none", "memory limit"),
    "primallimit": ("none", "objective limit"),
    "duallimit": ("none", "objective limit"),
    "userinterrupt": ("none", "interrupted"),
    "terminate": ("none", "interrupted"),
    "restartlimit": ("none", "iteration limit"),
    "unknown": ("none", "numerical trouble"),
}


def _answer(problem: _Problem, form: LinearForm) -> Answer:
    model = problem.model
    status = model.getStatus()
    claim, termination = ENDS[status]
    x = None
    if claim != "infeasible" and model.getNSols():
        best = model.getBestSol()
        x = np.array([best[variable] for variable in problem.variables], dtype=np.float64)
        claim = "feasible" if claim == "none" else claim
        if claim == "optimal" and np.abs(x).max(initial=0.0) >= FAR:
            message = "SCIP: it calls a point optimal that lies where its numbers end"
            return Answer("unbounded", "converged", message=message, work=int(model.getNTotalNodes()), unit="nodes")
    return Answer(
        claim,
        termination,
        x,
        objective=None if x is None else value(form, x),
        bound=finite(model.getDualbound()) if claim in ("optimal", "feasible", "none") else None,
        message=f"SCIP: {status}",
        work=int(model.getNTotalNodes()),
        unit="nodes",
    )


# ----------------------------------------------------------------------------- what needs no solver (or breaks one)
def _without_solver(form: LinearForm) -> Answer | None:
    """A problem without columns, or with bounds that cross, decided by looking at it."""
    message = "decided without SCIP"
    bound = np.ones(form.shape[0], dtype=np.bool_)
    if isinstance(form, DiscreteForm):
        bound = ~form.switched()
    crossing = (form.row_lower > form.row_upper) & bound
    if bool(np.any(form.lower > form.upper) or crossing.any()):
        return Answer("infeasible", "converged", message=message)
    if form.shape[1]:
        return None
    broken = np.flatnonzero((form.row_lower > 0) | (form.row_upper < 0))
    if len(broken):
        ray = np.zeros(form.shape[0])
        ray[broken[0]] = 1.0 if form.row_lower[broken[0]] > 0 else -1.0
        return Answer("infeasible", "converged", dual_ray=ray, message=message)
    return Answer("optimal", "converged", np.zeros(0), form.offset, form.offset, message=message)
