"""A form handed to one of Pyomo's solvers, and its word translated."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm, Slice
from optc.compiler.lowering import Lowered
from optc.compiler.spaces.members import Members
from optc.dsl.catalogue import report, solving

from ..farkas import dual_ray
from ..options import OptionError
from ..recession import unlimited
from .model import INFINITE, Bools, Built, Group, concrete, empty_rows, environment

if TYPE_CHECKING:
    from collections.abc import Mapping
from . import Options, name


def named_model(lowered: Lowered) -> Any:
    """A ``ConcreteModel`` with a component for each family of decisions and constraints, indexed as in the model:
    ``ship["seattle", "chicago"]``. What a lowering added to them has the names ``x`` and ``row``.
    """
    form, instance = lowered.form, lowered.instance
    columns = _groups(form.columns, {family.name: family.index for family in instance.families})
    rows = _groups(form.rows, {family.name: family.index for family in instance.constraints})
    return concrete(form, columns, rows).model


def _groups(slices: tuple[Slice, ...], members: Mapping[str, Members]) -> list[Group]:
    """A component for each slice; keys are members where there are as many, else positions."""
    found = []
    for part in slices:
        known = members.get(part.name)
        if known is None or known.size != part.count:
            found.append(Group(part.name, part.offset, part.count, range(part.count)))
        elif known.arity == 0:
            found.append(Group(part.name, part.offset, part.count, None))
        else:
            found.append(Group(part.name, part.offset, part.count, _keys(known)))
    return found


def _keys(members: Members) -> list[Any]:
    """A text, a number or a tuple for each member."""
    parts = [np.asarray(each.values)[each.codes].tolist() for each in members.components]
    return parts[0] if len(parts) == 1 else list(zip(*parts, strict=True))


def solve(form: LinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer of the named solver to a linear, quadratic or discrete form.

    Raises OptionError where Pyomo does not know the solver or the solver is not there, and for settings that are not
    ``name=value``.
    """
    decided = _without_solver(form)
    if decided is not None:
        return decided
    solver = _solver(options)
    settings = _settings(goal, options)
    stop = context.stop()
    if stop is not None:
        return Answer("none", stop)
    try:
        built = _built(form, options)
        if start is not None:
            _set_start(built, form, start)
        if not form.integer.any() and not isinstance(form, DiscreteForm) and "scip" not in options.solver:
            # Pyomo asks for multipliers where a model has a suffix for them, and fails where there are none.
            built.model.dual = environment().Suffix(direction=environment().Suffix.IMPORT)
        results = _run(solver, built.model, settings, start, context)
        answer = _answer(built, results, form, options.solver)
    except _refusals() as refusal:
        return Answer("none", "solver error", message=f"{options.solver} through Pyomo: {refusal}")
    if answer.claim == "infeasible":
        return _with_multipliers(answer, form, goal, options, context)
    return _with_direction(answer, form, goal, options, context) if answer.claim == "unbounded" else answer


def _refusals() -> tuple[type[Exception], ...]:
    """What Pyomo and its solver interfaces raise where they do not take a model, or a solver breaks down."""
    errors = import_module("pyomo.common.errors")
    new = import_module("pyomo.contrib.solver.common.util")
    own = (errors.ApplicationError, errors.PyomoException, errors.DeveloperError, new.SolverError)
    return (*own, NotImplementedError, ValueError, RuntimeError)


# ------------------------------------------------------------------------------------------------------ the solver
_INSTALL = {
    "appsi_highs": 'pip install "highspy>=1.15"',
    "highs": 'pip install "highspy>=1.15"',
    "scip_direct": 'pip install "pyscipopt>=6.3"',
    "scip_persistent": 'pip install "pyscipopt>=6.3"',
    "gurobi_direct": "pip install gurobipy",
    "gurobi_persistent": "pip install gurobipy",
    "appsi_gurobi": "pip install gurobipy",
    "xpress_direct": "pip install xpress",
    "cplex_direct": "pip install cplex",
    "mosek_direct": "pip install mosek",
}


def _solver(options: Options) -> Any:
    """Pyomo's interface to the solver. Raises OptionError where it is not there."""
    given = {} if options.executable is None else {"executable": options.executable}
    if options.executable is not None and shutil.which(options.executable) is None:
        raise _missing(options.solver, f"there is no program `{options.executable}`", "give the path of one")
    with _quiet():
        solver = environment().SolverFactory(options.solver, **given)
        there = bool(solver.available(exception_flag=False))
    if there:
        return solver
    known = options.solver in list(environment().SolverFactory)
    reason = "its program or package is not installed" if known else "Pyomo has no solver of that name, nor a program"
    remedy = _INSTALL.get(options.solver, f"install `{options.solver}` so that its program is on the PATH")
    raise _missing(options.solver, reason, remedy)


def _missing(solver: str, reason: str, remedy: str) -> OptionError:
    return OptionError([report(solving.PYOMO_SOLVER, None, name=solver, reason=reason, remedy=remedy)])


@contextmanager
def _quiet() -> Iterator[None]:
    """Pyomo writes to a log what it also says in its results."""
    from io import StringIO

    with import_module("pyomo.common.log").LoggingIntercept(StringIO(), "pyomo"):
        yield


_GAP = {"highs": "mip_rel_gap", "scip": "limits/gap", "gurobi": "MIPGap", "glpk": "mipgap", "cbc": "ratioGap"}


def _settings(goal: Goal, options: Options) -> dict[str, float | int | str]:
    """The solver's options: the gap where its name is known, and what was given. Raises OptionError."""
    found: dict[str, float | int | str] = {}
    for family, own in _GAP.items():
        if family in options.solver:
            found[own] = goal.gap
    for part in filter(None, options.settings.split(",")):
        key, separator, value = part.partition("=")
        if not separator or not key.strip():
            expected = "`name=value`, with commas between them"
            wrong = report(
                solving.OPTION_TYPE, None, backend=name, name="settings", value=part.strip(), expected=expected
            )
            raise OptionError([wrong])
        found[key.strip()] = _value(value.strip())
    return found


def _value(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _built(form: LinearForm, options: Options) -> Built:
    """The model in which no disjunction is left: solvers take none."""
    ways = (options.indicators, options.complementarity)
    built = concrete(form, (), (), *("disjunctions" if way in _TRANSFORMED else way for way in ways))
    if not isinstance(form, DiscreteForm):
        return built
    parts = (("switch", ways[0], form.indicators.count), ("pairs", ways[1], form.pairs.count))
    for component, way, count in parts:
        if count and way in _TRANSFORMED:
            with _quiet():
                transformation = environment().TransformationFactory(f"gdp.{way}")
                transformation.apply_to(built.model, targets=[built.model.component(component)])
    return built


_TRANSFORMED = ("bigm", "hull")


def _set_start(built: Built, form: LinearForm, start: Start) -> None:
    for j in np.flatnonzero(np.isfinite(start.x)).tolist():
        value = float(start.x[j])
        built.variables[j].set_value(round(value) if form.integer[j] else value, skip_validation=True)


def _run(solver: Any, model: Any, settings: dict[str, Any], start: Start | None, context: Context) -> Any:
    """Pyomo's results, of which no point is loaded yet."""
    more: dict[str, Any] = {}
    remaining = context.remaining()
    if remaining is not None:
        more["timelimit"] = remaining
    if settings:
        more["options"] = settings
    if start is not None and _takes_start(solver):
        more["warmstart"] = True
    with _quiet():
        return solver.solve(model, load_solutions=False, **more)


def _takes_start(solver: Any) -> bool:
    """Whether an interface has ``warmstart``: those of APPSI do, the older ones tell, the newest read the values."""
    capable = getattr(solver, "warm_start_capable", None)
    return capable() if capable is not None else hasattr(solver.config, "warmstart")


# ------------------------------------------------------------------------------------------------ reading the answer
_ENDS: dict[str, tuple[Claim, Termination]] = {
    "optimal": ("optimal", "converged"),
    "globallyOptimal": ("optimal", "converged"),
    "locallyOptimal": ("feasible", "converged"),
    "feasible": ("feasible", "converged"),
    "infeasible": ("infeasible", "converged"),
    "unbounded": ("unbounded", "converged"),
    "infeasibleOrUnbounded": ("infeasible or unbounded", "converged"),
    "maxTimeLimit": ("none", "time limit"),
    "maxIterations": ("none", "iteration limit"),
    "maxEvaluations": ("none", "node limit"),
    "minFunctionValue": ("none", "objective limit"),
    "minStepLength": ("none", "numerical trouble"),
    "noSolution": ("none", "solver error"),
    "userInterrupt": ("none", "interrupted"),
    "resourceInterrupt": ("none", "memory limit"),
}


def _answer(built: Built, results: Any, form: LinearForm, solver: str) -> Answer:
    condition = str(results.solver.termination_condition)
    claim, termination = _ENDS.get(condition, ("none", "solver error"))
    told = results.solver.message if isinstance(results.solver.message, str) else ""
    message = f"{solver} through Pyomo: {condition}{f' ({told})' if told else ''}"
    x = None
    broken = str(results.solver.status) == "error"
    if claim in ("optimal", "feasible", "none") and len(results.solution) and not broken:
        with _quiet():
            built.model.solutions.load_from(results, ignore_invalid_labels=True)
        x = _point(built, form)
    if x is None and claim in ("optimal", "feasible"):
        return Answer("none", "solver error", message=f"{message}, without a point")
    claim = "feasible" if claim == "none" and x is not None else claim
    duals = _duals(built, form) if claim == "optimal" and x is not None else None
    return Answer(
        claim,
        termination,
        x,
        objective=None if x is None else _objective(form, x),
        bound=_bound(results, form, claim),
        row_duals=duals,
        column_duals=None if duals is None or x is None else _slope(form, x) - _columns(form, duals),
        message=message,
    )


def _point(built: Built, form: LinearForm) -> Floats | None:
    """The values of the variables. One that no row and no objective holds has no value: it may have any.

    None where the solver has left another one without a value.
    """
    values = [variable.value for variable in built.variables]
    x = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    missing = np.isnan(x)
    if not missing.any():
        return x
    x[missing] = _idle(form)[missing]
    return x if not (missing & _used(form)).any() else None


def _used(form: LinearForm) -> Bools:
    """For each column (n) whether the objective, a row or a condition holds it."""
    used: Bools = form.cost != 0
    used[form.indices] = True
    if isinstance(form, (QuadraticForm, DiscreteForm)):
        used[form.hessian_indices] = True
        used[np.flatnonzero(np.diff(form.hessian_starts))] = True
    if isinstance(form, DiscreteForm):
        for part in (form.products.first, form.products.second, form.sets.columns, form.indicators.columns):
            used[part] = True
        used[form.pairs.first] = used[form.pairs.second] = True
    return used


def _duals(built: Built, form: LinearForm) -> Floats | None:
    """Multipliers (m) of the rows of a continuous form; None where the solver has given none."""
    given = getattr(built.model, "dual", None)
    if not given:
        return None
    found = np.zeros(form.shape[0])
    for row, constraint in enumerate(built.constraints):
        if constraint is not None:
            value = given.get(constraint)
            if value is None:
                return None
            found[row] = value
    return found


def _bound(results: Any, form: LinearForm, claim: Claim) -> float | None:
    """The bound that the solver reports, where it reports one."""
    if claim not in ("optimal", "feasible", "none"):
        return None
    problem = results.problem
    value = problem.upper_bound if form.sense == "maximize" else problem.lower_bound
    number = float(value) if isinstance(value, (int, float)) else math.nan
    return number if math.isfinite(number) and abs(number) < INFINITE else None


def _slope(form: LinearForm, x: Floats) -> Floats:
    """The derivative of the objective (n)."""
    found = form.cost.copy()
    if isinstance(form, QuadraticForm):
        owner = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
        below = owner != form.hessian_indices
        np.add.at(found, form.hessian_indices, form.hessian_values * x[owner])
        np.add.at(found, owner[below], (form.hessian_values * x[form.hessian_indices])[below])
    return found


def _columns(form: LinearForm, duals: Floats) -> Floats:
    """``A'y`` (n)."""
    weights = form.values * np.repeat(duals, np.diff(form.starts))
    return np.bincount(form.indices, weights=weights, minlength=form.shape[1]).astype(np.float64)


def _objective(form: LinearForm, x: Floats) -> float:
    value = float(form.cost @ x) + form.offset
    if isinstance(form, (QuadraticForm, DiscreteForm)) and len(form.hessian_values):
        owner = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
        weights = np.where(owner == form.hessian_indices, 0.5, 1.0) * form.hessian_values
        value += float((weights * x[owner]) @ x[form.hessian_indices])
    return value


# ----------------------------------------------------------------------------------------------- evidence, and odd ends
def _with_multipliers(answer: Answer, form: LinearForm, goal: Goal, options: Options, context: Context) -> Answer:
    """The answer to an infeasible problem with multipliers that prove it, where its rows and bounds alone are so."""
    if form.integer.any() or isinstance(form, DiscreteForm):
        return answer

    def point(problem: LinearForm) -> Floats | None:
        return solve(problem, goal, options, context.silent(), None).x

    return replace(answer, dual_ray=dual_ray(form, point))


def _with_direction(answer: Answer, form: LinearForm, goal: Goal, options: Options, context: Context) -> Answer:
    """The answer to an unbounded problem with a feasible point and a direction of unlimited improvement."""

    def least(problem: LinearForm) -> Floats | None:
        return solve(problem, goal, options, context.silent(), None).x

    found = unlimited(form, least)
    if found is None:
        return answer
    x, ray = found
    return replace(answer, x=x, objective=_objective(form, x), primal_ray=ray)


def _without_solver(form: LinearForm) -> Answer | None:
    """The answer where looking at the problem is enough: bounds that cross, empty rows that are false, idle columns."""
    message = "decided without a solver"
    binds = ~form.switched() if isinstance(form, DiscreteForm) else np.ones(form.shape[0], dtype=np.bool_)
    crossing = (form.row_lower > form.row_upper) & binds
    if bool(np.any(form.lower > form.upper) or crossing.any()):
        return Answer("infeasible", "converged", message=message)
    false = np.flatnonzero(empty_rows(form) & ((form.row_lower > 0) | (form.row_upper < 0)))
    if len(false):
        ray = np.zeros(form.shape[0])
        ray[false[0]] = 1.0 if form.row_lower[false[0]] > 0 else -1.0
        return Answer("infeasible", "converged", dual_ray=ray, message=message)
    if _used(form).any():
        return None
    x, duals = _idle(form), (np.zeros(form.shape[0]), np.zeros(form.shape[1]))
    if ((x < form.lower) | (x > form.upper)).any():
        return Answer("infeasible", "converged", message=message)
    return Answer("optimal", "converged", x, form.offset, form.offset, *duals, message=message)


def _idle(form: LinearForm) -> Floats:
    """The value nearest to 0 within the bounds of each column (n), whole where it must be (beyond them if none is)."""
    nearest = np.clip(0.0, form.lower, form.upper)
    whole = np.where(nearest < 0, np.floor(nearest), np.ceil(nearest))
    found: Floats = np.where(form.integer, whole, nearest)
    return found
