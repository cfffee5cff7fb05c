"""Adaptive inexact Newton on the KKT system with an exact augmented Lagrangian merit function.

    K z = b,   K = [[B, G'], [G, 0]],   b = -(grad_u L, c),   z = (du, dy)

Source: I. Hong, S. Na, M. W. Mahoney, M. Kolar, "Constrained optimization via exact augmented Lagrangian and randomized
iterative sketching", ICML 2023 (arXiv 2305.18379). Their problems are equality constrained. Each iteration

    1. makes B positive definite on the null space of G,
    2. drives an inner solver until ``|b - K z| <= theta delta |b| / (|K| Psi)``,
    3. tests descent, ``grad M . z <= -(eta2 / 2) |(grad_u L, c)|^2``; where it fails eta1 <- nu^2 eta1,
       eta2 <- eta2 / nu, delta <- min(delta / nu^4, trial) and the inner solver goes on from where it is
       (penalties never go back),
    4. searches by Armijo's rule on M, one step length for u and y.

Psi = 20 max(|B|^2, 1) / (min(xi_G, 1) min(xi_B, 1)), trial = (1/2 - beta) eta2 / ((1 + eta1 + eta2) Upsilon^2 Psi^2),
Upsilon = max(|G|, |hess L|, 1). Steps 2 and 3 in these constants, the floor of delta, the guards of the penalties and
the line search's backtracking by halves are our reading of the authors' published code, not of the paper's text.

What differs from theirs: that B needs its shift, ``xi_B`` and a norm of the Hessian, is read from the inertia of a
sparse factorisation (``inertia``) instead of the smallest eigenvalue on a dense null-space basis, and that norm is the
smaller of Frobenius's and the largest row sum; other norms are Frobenius's, xi_G an estimate, not an eigenvalue; the
accuracy has a floor of ``FLOOR |b|``, for Psi asks for less than rounding leaves; a Jacobian without full rank is no
reason to give up: the step is then the shortest least-squares solution. After a row of short steps the penalties go
back to their first values, and the multipliers to those of least slope (at most ``RESTARTS`` times). The default inner
solver is the factorisation itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol

import numpy as np

from optc.compiler.forms.linear import Floats

from . import inertia, merit_function, sketching
from .equality_form import Matrix
from .merit_function import Penalties, Point

DIRECT = "direct"
FLOOR = 1e-10  # of |b|: the least residual that is asked for
DELTA_FLOOR = 1e-6
LARGEST_ETA1, SMALLEST_ETA2 = 1e8, 1e-8  # beyond them a direction is taken as it is
SHORT, SHORT_STEPS, RESTARTS = 1e-3, 8, 20  # steps of that length in a row are reason for new multipliers
LARGE, INFLATED = 100.0, 10.0  # multipliers so large beside the objective's slope, and beside those of least slope, too
PATIENCE = 1000  # iterations without a better residual
STUCK = 25  # iterations in a row at which the violation has no slope
SHORTEST = 1e-12  # step length at which the line search gives up
NOISE = 10 * float(np.finfo(np.float64).eps)  # relative rounding of the merit function
CONSISTENT = 1e-6  # relative residual beyond which a system counts as having no solution
DENSE = 600  # rows up to which least squares are dense

End = Literal["converged", "iteration limit", "stopped", "no descent", "undefined"]


@dataclass(frozen=True, slots=True, eq=False)
class Curvature:
    """``hessian`` of L (n, n); ``model``: the matrix B before its correction; ``size``: a bound of the absolute
    eigenvalues of what may be indefinite in it.
    """

    hessian: Matrix
    model: Matrix
    size: float


class Problem(merit_function.Problem, Protocol):
    """Equations to keep and a function to minimise, with what bounds of u add to it (``barrier``)."""

    def curvature(self, u: Floats, multipliers: Floats) -> Curvature:
        """Second derivatives of L at (u, y)."""

    def scale(self, u: Floats) -> Floats:
        """The diagonal D of the merit function (n)."""

    def longest(self, u: Floats, du: Floats) -> float:
        """The longest step length, at most 1, that keeps u within its bounds."""

    def moved(self, u: Floats, du: Floats, alpha: float) -> Problem:
        """The problem after a step from u."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Constants of the method; the defaults are those of the paper's experiments, but for the tolerance."""

    tolerance: float = 1e-8
    iterations: int = 10_000
    inner: str = DIRECT  # or one of sketching.KINDS
    block: int = 20
    inner_steps: int = 100_000
    eta1: float = 1.0
    eta2: float = 0.1
    delta: float = 0.1
    xi_b: float = 0.1
    beta: float = 0.1
    nu: float = 1.5
    theta: float = 1.0
    shifts: inertia.Shifts = inertia.norm_shifts


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Where it ended and why. ``unit_steps``: iterations with step length one; ``inner_steps``: of the sketches."""

    end: End
    point: Point
    problem: Problem
    residual: float
    iterations: int
    evaluations: int
    inner_steps: int
    unit_steps: int


Watch = Callable[[int, Point, float], bool]  # iteration, point, residual: False to stop


def residual_of(problem: Problem, point: Point) -> float:
    """|(D grad_u L, c)|, the first relative to the size of the multipliers beyond 100 on average."""
    count = max(1, len(point.y))
    size = max(1.0, float(np.abs(point.y).sum()) / (100.0 * count))
    slope = problem.scale(point.u) * point.slope / size
    return float(np.sqrt(slope @ slope + point.residual @ point.residual))


def minimise(
    problem: Problem, u: Floats, y: Floats, rules: Rules, random: np.random.Generator, watch: Watch
) -> Outcome:
    """A point where the first-order conditions hold within the tolerance, from (u, y)."""
    point = merit_function.at(problem, u, y)
    fresh = _State(Penalties(rules.eta1, rules.eta2), rules.delta, 0.0)
    state, pace = fresh, _Pace()
    evaluations, inner, unit = 1, 0, 0
    end: End = "iteration limit" if point.finite else "undefined"
    iteration = 0
    while point.finite:
        residual = residual_of(problem, point)
        pace = pace.at(point, residual)
        if residual <= rules.tolerance:
            end = "converged"
            break
        if iteration >= rules.iterations:
            break
        if not watch(iteration, point, residual):
            end = "stopped"
            break
        if pace.hopeless:
            end = "no descent"
            break
        if pace.slow or (pace.restarts < RESTARTS and _large(point)):
            other = _with_new_multipliers(problem, point)
            if pace.slow or np.linalg.norm(point.y) > INFLATED * np.linalg.norm(other.y):
                point, state, pace = other, fresh, pace.restarted()
        curvature = problem.curvature(point.u, point.y)
        stop = partial(_stopped, watch, iteration, point, residual)
        step = _direction(problem, point, curvature, state, rules, random, stop)
        found = None if step is None else _armijo(problem, point, step, rules)
        if step is not None and found is None:
            found = _steepest(problem, point, curvature.hessian, step, rules)
        if step is None or found is None:
            pace = pace.failing()
            continue
        alpha, trials, new = found
        problem = problem.moved(point.u, new.u - point.u, alpha)
        state, inner, pace = step.state, inner + step.inner_steps, pace.after(alpha)
        point, evaluations, iteration = new, evaluations + trials, iteration + 1
        unit += alpha == 1.0
    return Outcome(end, point, problem, residual_of(problem, point), iteration, evaluations, inner, unit)


@dataclass(frozen=True, slots=True)
class _Pace:
    """How the search goes: consecutive short steps, restarts, the best residual and how long ago it was, iterations in
    a row at which the violation of the equations had no slope, failures since the last restart.
    """

    short: int = 0
    restarts: int = 0
    best: float = np.inf
    since: int = 0
    stuck: int = 0
    failures: int = 0

    @property
    def slow(self) -> bool:
        """Whether to begin again with new multipliers and penalties."""
        return self.restarts < RESTARTS and (self.short >= SHORT_STEPS or self.failures > 0)

    @property
    def hopeless(self) -> bool:
        return self.failures > (0 if self.restarts >= RESTARTS else 1) or self.since > PATIENCE or self.stuck > STUCK

    def at(self, point: Point, residual: float) -> _Pace:
        better = residual < 0.99 * self.best
        return replace(
            self,
            best=residual if better else self.best,
            since=0 if better else self.since + 1,
            stuck=self.stuck + 1 if without_slope(point) else 0,
        )

    def after(self, alpha: float) -> _Pace:
        return replace(self, short=self.short + 1 if alpha <= SHORT else 0, failures=0)

    def failing(self) -> _Pace:
        return replace(self, failures=self.failures + 1)

    def restarted(self) -> _Pace:
        return replace(self, short=0, restarts=self.restarts + 1)


def without_slope(point: Point) -> bool:
    """Whether the equations fail and their violation falls in no direction."""
    size = float(np.linalg.norm(point.residual))
    return size > 1e-4 and float(np.linalg.norm(point.jacobian.T @ point.residual)) <= 1e-4 * size


def _large(point: Point) -> bool:
    """Whether the multipliers are large beside the slope of the objective."""
    return float(np.linalg.norm(point.y)) > LARGE * max(1.0, float(np.linalg.norm(point.gradient)))


def _with_new_multipliers(problem: Problem, point: Point) -> Point:
    """The point with the multipliers that leave the least slope of the Lagrangian."""
    from scipy.sparse import eye_array

    m, n = point.jacobian.shape
    if m == 0:
        return point
    factor = inertia.factorise(inertia.kkt(eye_array(n, format="csc"), point.jacobian), n)
    if factor is None:
        return point
    y = factor.solve(np.concatenate([-point.gradient, np.zeros(m)]))[0][n:]
    return merit_function.at(problem, point.u, y)


def _stopped(watch: Watch, iteration: int, point: Point, residual: float) -> bool:
    return not watch(iteration, point, residual)


@dataclass(frozen=True, slots=True)
class _State:
    """What goes from one iteration to the next: penalties, accuracy, the last shift of B."""

    penalties: Penalties
    delta: float
    shift: float


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    du: Floats
    dy: Floats
    slope: float  # of the merit function along it
    scale: Floats
    state: _State
    inner_steps: int = 0


# ------------------------------------------------------------------------------------------------------ the direction
def _direction(
    problem: Problem,
    point: Point,
    curvature: Curvature,
    state: _State,
    rules: Rules,
    random: np.random.Generator,
    stop: sketching.Stop,
) -> _Step | None:
    corrected = _corrected(curvature, point.jacobian, rules, state.shift)
    if corrected is None:
        return None
    matrix, factor, shift = corrected
    state = replace(state, shift=shift) if shift else state
    right = -np.concatenate([point.slope, point.residual])
    scale = problem.scale(point.u)
    if rules.inner == DIRECT:
        z = _solve(matrix, factor, right)
        return _with_penalties(point, curvature.hessian, scale, z, state, rules)
    return _sketched(point, curvature.hessian, scale, matrix, right, state, rules, random, stop)


def _corrected(
    curvature: Curvature, jacobian: Matrix, rules: Rules, last: float
) -> tuple[Matrix, inertia.Factor, float] | None:
    """The KKT matrix of the model with the first shift that gives the right inertia, its factorisation, the shift."""
    from scipy.sparse import eye_array

    m, n = jacobian.shape
    for shift in rules.shifts(curvature.size, rules.xi_b, last):
        matrix = inertia.kkt(curvature.model + shift * eye_array(n) if shift else curvature.model, jacobian)
        factor = inertia.factorise(matrix, n)
        if factor is not None and factor.negative == m:
            return matrix, factor, shift
        if not np.isfinite(matrix.data).all():
            return None
    return None


def _solve(matrix: Matrix, factor: inertia.Factor, right: Floats) -> Floats:
    """The solution, or the shortest least-squares solution where there is none (the Jacobian lacks rank)."""
    z, residual = factor.solve(right)
    if residual <= CONSISTENT:
        return z
    if len(right) <= DENSE:
        found: Floats = np.linalg.lstsq(matrix.toarray(), right, rcond=1e-10)[0]
        return found
    from scipy.sparse.linalg import lsmr

    shortest: Floats = lsmr(matrix, right, atol=1e-12, btol=1e-12, maxiter=2000)[0]
    return shortest


def _with_penalties(point: Point, hessian: Matrix, scale: Floats, z: Floats, state: _State, rules: Rules) -> _Step:
    """The step with penalties for which it passes the test of descent, or the last ones."""
    du, dy = z[: len(point.u)], z[len(point.u) :]
    while True:
        slope = merit_function.directional(point, hessian, scale, state.penalties, du, dy)
        if _descends(point, scale, slope, state.penalties) or _exhausted(state.penalties):
            return _Step(du, dy, slope, scale, state)
        state = replace(state, penalties=_raised(state.penalties, rules.nu))


def _descends(point: Point, scale: Floats, slope: float, penalties: Penalties) -> bool:
    weighted = scale * point.slope
    return slope <= -0.5 * penalties.eta2 * float(weighted @ weighted + point.residual @ point.residual)


def _exhausted(penalties: Penalties) -> bool:
    return penalties.eta1 > LARGEST_ETA1 or penalties.eta2 < SMALLEST_ETA2


def _raised(penalties: Penalties, nu: float) -> Penalties:
    return Penalties(nu * nu * penalties.eta1, penalties.eta2 / nu)


def _sketched(
    point: Point,
    hessian: Matrix,
    scale: Floats,
    matrix: Matrix,
    right: Floats,
    state: _State,
    rules: Rules,
    random: np.random.Generator,
    stop: sketching.Stop,
) -> _Step:
    """The step of a sketch-and-project solver, driven on while the test of descent fails."""
    n = len(point.u)
    b_norm = _frobenius(matrix[:n, :n])
    least = sketching.smallest_singular_value(point.jacobian, random) if len(point.y) else 1.0
    psi = 20 * max(b_norm**2, 1.0) / (min(max(least**2, 1e-16), 1.0) * min(rules.xi_b, 1.0))
    upsilon = max(_frobenius(point.jacobian), _frobenius(hessian), 1.0)
    size, whole = float(np.linalg.norm(right)), _frobenius(matrix)
    iterate = sketching.begin(matrix, right)
    state = replace(state, delta=_tightened(state.delta, state.penalties, upsilon, psi, rules))
    while True:
        target = max(rules.theta * state.delta / (whole * psi), FLOOR) * size
        reached = sketching.drive(iterate, rules.inner, rules.block, target, rules.inner_steps, random, stop)
        du, dy = iterate.z[:n], iterate.z[n:]
        slope = merit_function.directional(point, hessian, scale, state.penalties, du, dy)
        done = _descends(point, scale, slope, state.penalties) or _exhausted(state.penalties)
        if done or (not reached and slope < 0):
            return _Step(du, dy, slope, scale, state, iterate.steps)
        penalties = _raised(state.penalties, rules.nu)
        delta = _tightened(state.delta / rules.nu**4, penalties, upsilon, psi, rules)
        state = replace(state, penalties=penalties, delta=delta)


def _tightened(delta: float, penalties: Penalties, upsilon: float, psi: float, rules: Rules) -> float:
    trial = (0.5 - rules.beta) * penalties.eta2 / ((1 + penalties.eta1 + penalties.eta2) * upsilon**2 * psi**2)
    return max(min(delta, trial), DELTA_FLOOR)


def _frobenius(matrix: Matrix) -> float:
    return float(np.linalg.norm(matrix.data)) if matrix.nnz else 0.0


# ---------------------------------------------------------------------------------------------------- the line search
def _armijo(problem: Problem, point: Point, step: _Step, rules: Rules) -> tuple[float, int, Point] | None:
    """Step length, trials and the new point; None where no step is short enough."""
    if not step.slope < 0:
        return None
    alpha = problem.longest(point.u, step.du)
    penalties = step.state.penalties
    now = merit_function.merit(point, step.scale, penalties)
    trials = 0
    while alpha >= SHORTEST:
        trials += 1
        new = merit_function.at(problem, point.u + alpha * step.du, point.y + alpha * step.dy)
        if new.finite:
            there = merit_function.merit(new, step.scale, penalties)
            if there <= now + alpha * rules.beta * step.slope + NOISE * max(1.0, abs(now)):
                return alpha, trials, new
        alpha *= 0.5
    return None


def _steepest(
    problem: Problem, point: Point, hessian: Matrix, step: _Step, rules: Rules
) -> tuple[float, int, Point] | None:
    """A step against the gradient of the merit function, for a Newton direction that does not descend."""
    du, dy = merit_function.gradient(point, hessian, step.scale, step.state.penalties)
    slope = -float(du @ du + dy @ dy)
    size = 1.0 / max(1.0, np.sqrt(-slope))
    return _armijo(problem, point, _Step(-size * du, -size * dy, size * slope, step.scale, step.state), rules)
