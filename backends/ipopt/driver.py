"""Ipopt driven by the functions of a nonlinear form, and its word translated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optc.compiler.answer import Answer, Claim, Termination
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats, Ints
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.forms.outside import OutsideForm

from ..local_answer import fallen, from_starts, holds, reduced_costs
from . import Options
from . import library as ipopt_library
from .library import Bounds, Iteration, LibraryError, Outcome

REPORT_EVERY = 0.1  # seconds between two progress reports


def solve(form: NonlinearForm, goal: Goal, options: Options, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form, from one start or the best from several."""
    return from_starts(local, form, goal, options, context, start)


def local(form: NonlinearForm, goal: Goal, options: Options, context: Context, x: Floats) -> Answer:
    """Ipopt's answer from one point (n), at which everything is defined."""
    functions = _Minimised(form)
    watch = _Watch(context, functions.sign)
    bounds = Bounds(form.lower, form.upper, form.row_lower, form.row_upper)
    settings = _settings(form, goal, options, context)
    try:
        outcome = ipopt_library.solve(functions, bounds, x, settings, watch)
    except LibraryError as fault:
        return Answer("none", "solver error", message=str(fault))
    return _answer(form, functions, outcome, goal, watch)


class _Minimised:
    """A form's functions as Ipopt wants them: to minimise."""

    def __init__(self, form: NonlinearForm) -> None:
        self.form = form
        self.sign = 1.0 if form.sense == "minimize" else -1.0

    def objective(self, x: Floats) -> float:
        return self.sign * float(self.form.evaluate_objective(x))

    def gradient(self, x: Floats) -> Floats:
        return self.sign * self.form.evaluate_gradient(x)

    def rows(self, x: Floats) -> Floats:
        return self.form.evaluate_rows(x)

    def jacobian(self, x: Floats) -> Floats:
        return self.form.evaluate_jacobian(x)

    def hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats:
        return self.form.evaluate_hessian(x, self.sign * sigma, multipliers)

    @property
    def jacobian_pattern(self) -> tuple[Ints, Ints]:
        return self.form.jacobian_pattern

    @property
    def hessian_pattern(self) -> tuple[Ints, Ints]:
        return self.form.hessian_pattern


def _settings(form: NonlinearForm, goal: Goal, options: Options, context: Context) -> dict[str, str | float | int]:
    curved = not isinstance(form, OutsideForm) or form.derivatives == 2
    found: dict[str, str | float | int] = {
        "print_level": 0,
        "sb": "yes",
        "option_file_name": "",  # no ipopt.opt of the folder that one happens to stand in
        "tol": options.tol,
        "acceptable_tol": max(options.tol, options.acceptable_tol),
        "constr_viol_tol": min(1e-4, 0.1 * goal.tolerance),
        "acceptable_constr_viol_tol": min(1e-2, goal.tolerance),
        "bound_relax_factor": 0.0,  # a clipped point would break its rows again
        "max_iter": options.iterations,
        "linear_solver": options.linear_solver,
        "mu_strategy": options.mu_strategy,
        "hessian_approximation": options.hessian if curved else "limited-memory",
        "nlp_scaling_method": options.scaling,
    }
    remaining = context.remaining()
    if remaining is not None:
        found["max_wall_time"] = max(1e-3, remaining)
    if options.warm:
        pushes = ("bound_push", "bound_frac", "slack_bound_push", "slack_bound_frac")
        found |= dict.fromkeys(pushes, 1e-9) | {"mu_init": 1e-6}
    return found


class _Watch:
    """Ipopt's intermediate callback: reports progress and says whether to go on."""

    def __init__(self, context: Context, sign: float) -> None:
        self.context = context
        self.sign = sign
        self.next = context.clock() + REPORT_EVERY

    def __call__(self, at: Iteration) -> bool:
        context = self.context
        if context.progress is not None and context.clock() >= self.next:
            self.next = context.clock() + REPORT_EVERY
            phase = "interior point" if at.regular else "restoring feasibility"
            residual = max(at.primal_infeasibility, at.dual_infeasibility)
            value = self.sign * at.objective if at.regular else None
            context.report(Progress(phase, context.elapsed(), value, residual=residual, work=at.number))
        return context.stop() is None


# ----------------------------------------------------------------------------------------------- reading the answer
_ENDS: dict[int, tuple[Claim, Termination, str]] = {
    0: ("stationary", "converged", "optimal solution found"),
    1: ("stationary", "converged", "solved to the acceptable level"),
    2: (
        "none",
        "locally infeasible",
        "the rows cannot be met any better near the point it came to, which proves nothing",
    ),
    3: ("none", "numerical trouble", "the search direction becomes too small"),
    4: ("none", "diverging", "the iterates diverge: the problem may be unbounded"),
    5: ("none", "interrupted", "stopped from outside"),
    6: ("stationary", "converged", "feasible point of a square problem found"),
    -1: ("none", "iteration limit", "iteration limit"),
    -2: ("none", "numerical trouble", "the restoration phase failed"),
    -3: ("none", "numerical trouble", "no step could be computed"),
    -4: ("none", "time limit", "time limit"),
    -5: ("none", "time limit", "time limit"),
    -10: ("none", "solver error", "there are more equations than decisions; backend `exact_al` takes such problems"),
    -11: ("none", "solver error", "invalid problem definition"),
    -12: ("none", "solver error", "an option is not available, such as a linear solver that is not there"),
    -13: ("none", "numerical trouble", "a function has no finite value"),
    -102: ("none", "memory limit", "out of memory"),
}


def _answer(form: NonlinearForm, functions: _Minimised, outcome: Outcome, goal: Goal, watch: _Watch) -> Answer:
    unknown: tuple[Claim, Termination, str] = ("none", "solver error", f"status {outcome.status}")
    claim, termination, words = _ENDS.get(outcome.status, unknown)
    if outcome.status == 5:
        termination = watch.context.stop() or "interrupted"
    x = np.clip(outcome.x, form.lower, form.upper)
    fault = form.undefined(x) if termination == "numerical trouble" and np.isfinite(x).all() else None
    if claim == "none" and termination != "diverging" and holds(form, x, goal.tolerance):
        claim = "feasible"
    message = f"Ipopt: {words}"
    if termination == "diverging":
        message += fallen(form, x, goal.tolerance)
    if claim == "none":
        return Answer("none", termination, message=message, fault=fault, work=outcome.iterations)
    found = Answer(claim, termination, x, form.evaluate_objective(x), message=message, work=outcome.iterations)
    if claim != "stationary":
        return found
    duals = -functions.sign * outcome.row_multipliers
    return replace(found, row_duals=duals, column_duals=reduced_costs(form, x, duals))
