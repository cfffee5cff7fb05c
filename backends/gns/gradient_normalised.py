"""Newton steps damped by gradient-normalised smoothness: the work of backend ``gns``, which names the method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from optc.compiler.answer import Answer, Termination
from optc.compiler.backend import Goal
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats, Ints
from optc.compiler.forms.nonlinear import NonlinearForm

from ..local_answer import fallen

if TYPE_CHECKING:
    from . import Options

REPORT_EVERY = 0.1  # seconds between two progress reports
TRIES = 100  # of one step
LEAST_GAMMA, ADDED = 1e-9, 1e-8
ROUNDING = 10 * 2.0**-52  # relative difference of two values that means nothing
LARGE_GRADIENT = 100.0  # at the start; beyond it the tolerance grows with the gradient
DENSE = 256  # columns up to which a Hessian is dense whatever its pattern
FULL = 0.1  # share of entries beyond which it is dense too
FAR = 1e15  # an unknown or objective beyond this diverges


def local(form: NonlinearForm, goal: Goal, options: Options, context: Context, x: Floats) -> Answer:
    """The answer from one point (n), at which everything is defined."""
    problem = Minimised(form)
    tolerance = min(options.tolerance, goal.tolerance)
    point, termination, steps = _search(problem, problem.at(x), replace(options, tolerance=tolerance), context)
    message = _WORDS.get(termination, termination)
    if termination == "diverging":
        message += fallen(form, point.x, goal.tolerance)
        return Answer("none", termination, message=message, work=steps)
    value = form.evaluate_objective(point.x)
    if termination != "converged":
        return Answer("feasible", termination, point.x, value, message=message, work=steps)
    slope = problem.sign * point.gradient
    return Answer("stationary", "converged", point.x, value, None, np.zeros(0), slope, message=message, work=steps)


_WORDS: dict[Termination, str] = {
    "converged": "the gradient vanishes",
    "diverging": "the iterates diverge: the problem may be unbounded",
    "numerical trouble": "no step brings progress",
}


# ------------------------------------------------------------------------------------------------------ the problem
@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """``x`` (n), the value and gradient (n) of what is minimised, and the norm of the gradient."""

    x: Floats
    value: float
    gradient: Floats
    norm: float


class Minimised:
    """A form's objective, to minimise."""

    def __init__(self, form: NonlinearForm) -> None:
        self.form = form
        self.sign = 1.0 if form.sense == "minimize" else -1.0

    def at(self, x: Floats) -> _Point:
        gradient = self.sign * self.form.evaluate_gradient(x)
        with np.errstate(over="ignore", invalid="ignore"):
            norm = float(np.linalg.norm(gradient))
        return _Point(x, self.sign * float(self.form.evaluate_objective(x)), gradient, norm)

    def newton(self, x: Floats) -> Callable[[float, Floats], Floats | None]:
        """From a shift s and a vector b (n) to the solution of (H + s I) d = b, None where that is indefinite."""
        values = self.form.evaluate_hessian(x, self.sign, np.zeros(0))
        if not np.isfinite(values).all():
            return lambda _shift, _right: None
        n = len(x)
        pattern = self.form.hessian_pattern
        whole = n <= DENSE or len(values) > FULL * n * n
        return dense(values, *pattern, n) if whole else sparse(values, *pattern, n)


def dense(values: Floats, rows: Ints, columns: Ints, n: int) -> Callable[[float, Floats], Floats | None]:
    """By Cholesky's factorisation of the whole matrix."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    matrix = np.zeros((n, n), order="F")
    matrix[rows, columns] = values  # the lower triangle
    diagonal = np.diagonal(matrix).copy()

    def solve(shift: float, right: Floats) -> Floats | None:
        shifted = matrix.copy(order="F")
        np.fill_diagonal(shifted, diagonal + shift)
        try:
            factor = cho_factor(shifted, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            return None
        found: Floats = cho_solve(factor, right, check_finite=False)
        return found

    return solve


def sparse(values: Floats, rows: Ints, columns: Ints, n: int) -> Callable[[float, Floats], Floats | None]:
    """By a sparse symmetric factorisation that tells the signs of its pivots."""
    from scipy.sparse import coo_array, csc_array, eye_array

    from ..exact_al import inertia

    lower = csc_array(coo_array((values, (rows, columns)), shape=(n, n)))
    whole = csc_array(lower + lower.T)
    whole.setdiag(lower.diagonal())

    def solve(shift: float, right: Floats) -> Floats | None:
        factor = inertia.factorise(csc_array(whole + shift * eye_array(n)), n)
        return None if factor is None or factor.negative != 0 else factor.solve(right)[0]

    return solve


# -------------------------------------------------------------------------------------------------------- the method
def _search(problem: Minimised, point: _Point, options: Options, context: Context) -> tuple[_Point, Termination, int]:
    """The last point, why the search ended there, and the number of steps."""
    aim = options.tolerance * max(1.0, point.norm / LARGE_GRADIENT)
    gamma = options.gamma
    report_at = context.clock() + REPORT_EVERY
    for steps in range(options.iterations):
        if point.norm <= aim:
            return point, "converged", steps
        if max(abs(point.value), float(np.abs(point.x).max())) > FAR:
            return point, "diverging", steps
        if context.progress is not None and context.clock() >= report_at:
            report_at = context.clock() + REPORT_EVERY
            value = problem.sign * point.value
            context.report(Progress("Newton", context.elapsed(), value, residual=point.norm, work=steps))
        found = step(problem, point, gamma, context)
        if found is None:
            return point, context.stop() or "numerical trouble", steps
        point, gamma = found
    return point, "converged" if point.norm <= aim else "iteration limit", options.iterations


def step(problem: Minimised, point: _Point, gamma: float, context: Context) -> tuple[_Point, float] | None:
    """The next point and gamma; None where no gamma gives one, or the time is over."""
    newton = problem.newton(point.x)
    for _ in range(TRIES):
        if context.stop() is not None:
            return None
        shift = point.norm / (gamma + ADDED)
        direction = newton(shift, -point.gradient)
        if direction is not None and np.isfinite(direction).all():
            there = problem.at(point.x + direction)
            if _accepted(point, there, shift):
                return there, max(2 * gamma, LEAST_GAMMA)
        gamma /= 2
    return None


def _accepted(here: _Point, there: _Point, shift: float) -> bool:
    """The paper's test of progress, or a smaller gradient where rounding hides the difference of the values."""
    if not (np.isfinite(there.value) and np.isfinite(there.norm)):
        return False
    decrease = here.value - there.value
    if decrease >= there.norm**2 / (8 * shift):
        return True
    return abs(decrease) <= ROUNDING * max(abs(here.value), abs(there.value)) and there.norm < here.norm
