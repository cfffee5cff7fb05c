"""SciPy's trust-region method driven by the functions of a nonlinear form, and its word translated.

Three things are ours. A trial point where something has no value counts as infinitely bad, so that the step is taken
back and the region shrinks. The end is judged here: slope, violation and barrier together. And the method is stopped
from inside the functions when the context says so, since one of its iterations may take long.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from optc.compiler.answer import Answer, Termination
from optc.compiler.backend import Goal
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

from ..local_answer import at_rest, holds, reduced_costs
from . import Options
from .problem import PUSH, At, Matrix, Scaled, scaled, unscaled

REPORT_EVERY = 0.1  # seconds between two progress reports
FAR = 1e15  # an unknown or objective beyond this diverges
FLAT = 1e-4  # of the violation: its slope where it falls no more
TRIES = 4  # pushes off the bounds, each a hundredth of the one before, before the start itself is to blame


class _StoppedError(Exception):
    """The context asked for an end."""


@dataclass(frozen=True, slots=True, eq=False)
class _Iterate:
    """A point that the method came to, its values and row multipliers, and how far it is from the goal."""

    u: Floats
    at: At
    multipliers: Floats
    slope: float
    violation: float
    barrier: float
    number: int


def local(form: NonlinearForm, goal: Goal, options: Options, context: Context, x: Floats) -> Answer:
    """The answer from one point (n), at which everything is defined."""
    problem = unscaled(form)
    tolerance = min(options.tolerance, goal.tolerance)
    u, at = _begin(problem, x[problem.columns])
    if u is None:
        message = "a function has no slope at the start; give another with `start`"
        return Answer("none", "numerical trouble", message=message, fault=form.undefined(x))
    if len(u) == 0:
        return _only_point(form, problem, goal)
    if options.scaling == "gradient-based":
        problem = scaled(problem, at)
    run = _Run(problem, tolerance, context, u)
    termination = _minimise(run, u, options)
    return _answer(form, problem, run, termination, goal, options)


def _begin(problem: Scaled, u: Floats) -> tuple[Floats | None, At]:
    """The start moved off its bounds, and its values; None where slopes are missing near it."""
    for k in range(TRIES):
        inside = problem.inside(u, PUSH * 100.0**-k)
        at = problem.at(inside)
        if at.defined:
            return inside, at
    return None, at


def _only_point(form: NonlinearForm, problem: Scaled, goal: Goal) -> Answer:
    """The answer where all columns are fixed: any multipliers will do."""
    x = problem.fixed
    if not holds(form, x, goal.tolerance):
        return Answer("none", "locally infeasible", message="all decisions are fixed, and a row is broken")
    duals = np.zeros(form.shape[0])
    value, slopes = form.evaluate_objective(x), reduced_costs(form, x, duals)
    return Answer("stationary", "converged", x, value, None, duals, slopes, message="all decisions are fixed")


# --------------------------------------------------------------------------------------------------------- the method
class _Run:
    """What SciPy calls, and the last iterate it told."""

    def __init__(self, problem: Scaled, tolerance: float, context: Context, u: Floats) -> None:
        self.problem, self.tolerance, self.context = problem, tolerance, context
        self.known, self.values = u, problem.at(u)
        self.last = _Iterate(u, self.values, np.zeros(len(problem.rows)), np.inf, np.inf, np.inf, 0)
        self.far = False
        self.converged = False
        self.next = context.clock() + REPORT_EVERY

    def at(self, u: Floats) -> At:
        if not np.array_equal(u, self.known):
            if self.context.stop() is not None:
                raise _StoppedError
            self.known, self.values = u.copy(), self.problem.at(u)
        return self.values

    def objective(self, u: Floats) -> float:
        found = self.at(u)
        return found.value if found.defined else np.inf

    def gradient(self, u: Floats) -> Floats:
        return self.at(u).gradient

    def rows(self, u: Floats) -> Floats:
        """Zeros stand for rows without a value: the objective is infinite there, and that decides."""
        found = self.at(u)
        return found.rows if found.defined else np.zeros(len(self.problem.rows))

    def jacobian(self, u: Floats) -> Matrix:
        return self.problem.jacobian_pattern.matrix(self.at(u).jacobian)

    def hessian(self, u: Floats) -> Matrix:
        return self.problem.hessian(u, self.problem.factor, np.zeros(len(self.problem.rows)))

    def row_hessian(self, u: Floats, multipliers: Floats) -> Matrix:
        return self.problem.hessian(u, 0.0, multipliers)

    def watch(self, intermediate_result: Any) -> bool:
        """SciPy's callback after each iteration: True ends the run."""
        state, context = intermediate_result, self.context
        if context.stop() is not None:
            raise _StoppedError
        barrier = float(getattr(state, "barrier_parameter", 0.0))
        multipliers = np.array(state.v[0], dtype=np.float64) if len(self.problem.rows) else np.zeros(0)
        slope, violation = float(state.optimality), float(state.constr_violation)
        here = np.array(state.x, dtype=np.float64)
        moved = not np.array_equal(here, self.last.u)
        at = self.at(here) if moved else self.last.at
        self.last = _Iterate(here, at, multipliers, slope, violation, barrier, int(state.nit))
        self._tell()
        self.far = max(abs(at.value), float(np.abs(here).max(initial=0.0))) > FAR
        self.converged = max(slope, violation, barrier) <= self.tolerance
        return self.far or self.converged

    def _tell(self) -> None:
        context, last = self.context, self.last
        if context.progress is None or context.clock() < self.next:
            return
        self.next = context.clock() + REPORT_EVERY
        value, residual = last.at.value / self.problem.factor, max(last.slope, last.violation)
        context.report(Progress("trust region", context.elapsed(), value, residual=residual, work=last.number))


def _minimise(run: _Run, u: Floats, options: Options) -> Termination | None:
    """Why SciPy ended; None where its steps became too small. The run keeps the last iterate."""
    from scipy.optimize import Bounds, NonlinearConstraint, minimize

    problem = run.problem
    sides = Bounds(problem.lower, problem.upper, keep_feasible=True)  # functions may have no value beyond
    bounded = bool(np.isfinite(problem.lower).any() or np.isfinite(problem.upper).any())
    rows = NonlinearConstraint(run.rows, problem.row_lower, problem.row_upper, run.jacobian, run.row_hessian)
    settings = {
        "gtol": 0.0,  # the run itself judges the end
        "xtol": options.least_radius,
        "barrier_tol": run.tolerance,
        "maxiter": options.iterations,
        "initial_tr_radius": options.radius,
        "initial_barrier_parameter": options.barrier,
        "initial_barrier_tolerance": options.barrier,
        "sparse_jacobian": True,
    }
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of Jacobians that lack rank, which SciPy goes on with
            found = minimize(
                run.objective,
                u,
                method="trust-constr",
                jac=run.gradient,
                hess=run.hessian,
                bounds=sides if bounded else None,
                constraints=[rows] if len(problem.rows) else [],
                callback=run.watch,
                options=settings,
            )
    except _StoppedError:
        return run.context.stop() or "interrupted"
    except np.linalg.LinAlgError:  # of the decomposition of a Jacobian that lacks rank
        return "numerical trouble"
    except MemoryError:
        return "memory limit"
    if run.converged:
        return "converged"
    if run.far:
        return "diverging"
    return "iteration limit" if found.status == 0 else None


# ------------------------------------------------------------------------------------------------- reading the answer
_WORDS: dict[Termination, str] = {
    "converged": "first-order conditions hold",
    "locally infeasible": "the rows cannot be met any better near the point it came to, which proves nothing",
    "diverging": "the iterates diverge: the problem may be unbounded",
    "numerical trouble": "the steps become too small",
}


def _answer(
    form: NonlinearForm, problem: Scaled, run: _Run, ended: Termination | None, goal: Goal, options: Options
) -> Answer:
    last = run.last
    near = max(last.slope, last.violation, last.barrier) <= max(run.tolerance, options.acceptable)
    termination: Termination = ended or ("converged" if near else "numerical trouble")
    if termination in ("numerical trouble", "iteration limit") and _violation_is_flat(problem, last):
        termination = "locally infeasible"
    message = f"trust-constr: {_WORDS.get(termination, termination)}"
    x = np.clip(problem.point(last.u), form.lower, form.upper)

    def row_duals() -> Floats:
        duals = np.zeros(form.shape[0])
        duals[problem.rows] = -last.multipliers * problem.scale / problem.factor
        return duals

    return at_rest(form, x, termination, message, last.number, goal, row_duals)


def _violation_is_flat(problem: Scaled, last: _Iterate) -> bool:
    """Whether rows are broken, and their violation falls in no direction that the bounds leave."""
    rows = last.at.rows
    excess = np.maximum(rows - problem.row_upper, 0.0) - np.maximum(problem.row_lower - rows, 0.0)
    size = float(np.linalg.norm(excess))
    if size <= FLAT or not last.at.defined:
        return False
    slope = problem.jacobian_pattern.matrix(last.at.jacobian).T @ excess
    room = np.where(slope > 0, last.u - problem.lower, problem.upper - last.u)
    return float(np.linalg.norm(slope * np.minimum(1.0, room))) <= FLAT * size
