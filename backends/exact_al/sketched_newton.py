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
reason to give up: the step is then the shortest least-squares solution. The default inner solver is the factorisation.

For problems on which theirs is slow or fails there are these measures, all ours, which do not act on an ordinary run:
after ``LARGE_SHIFTS`` iterations with a shift it is the least that will do; multipliers that grow get ``-CORNER I`` in
the lower corner of K (stabilised sequential quadratic programming: S. J. Wright, Computational Optimization and
Applications 11 (1998)); after a row of poor steps the objective is left aside until the equations hold better
(``restoration``), after a row of short ones the penalties go back to their first values and the multipliers to those of
least slope (``pace``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from optc.compiler.forms.linear import Floats

from . import inertia, merit_function, restoration, sketching
from .equality_form import Matrix
from .merit_function import Penalties, Point
from .pace import RESTARTS, Pace
from .problem import Curvature, Problem

DIRECT = "direct"
FLOOR = 1e-10  # of |b|: the least residual that is asked for
DELTA_FLOOR = 1e-6
LARGEST_ETA1, SMALLEST_ETA2 = 1e8, 1e-8  # beyond them a direction is taken as it is
USUAL = 100.0
LARGE, INFLATED = 100.0, 10.0  # multipliers so large beside the objective's slope, and beside those of least slope, too
DEGENERATE, CORNER = (
    10.0,
    1e-6,
)  # multipliers so large beside the objective's slope; -CORNER I is then added to K's corner
LARGE_SHIFTS = 10  # iterations with the paper's shift, after which it is the least that will do
RESTORED = 0.1  # of the violation: how far feasibility is restored
SHORTEST = 1e-12  # step length at which the line search gives up
NOISE = 10 * float(np.finfo(np.float64).eps)  # relative rounding of the merit function
CONSISTENT = 1e-6  # relative residual beyond which a system counts as having no solution

End = Literal["converged", "iteration limit", "stopped", "no descent", "undefined"]


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
    usual: float = USUAL  # size of multipliers beyond which the slope of L is taken relative to it
    shifts: inertia.Shifts = inertia.norm_shifts
    corner: float = CORNER  # for multipliers that grow


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


def residual_of(problem: Problem, point: Point, usual: float) -> float:
    """|(D grad_u L, c)|, the first relative to the average size of multipliers beyond the ``usual`` one."""
    count = max(1, len(point.y))
    size = max(1.0, float(np.abs(point.y).sum()) / (usual * count))
    slope = problem.scale(point.u) * point.slope / size
    return float(np.sqrt(slope @ slope + point.residual @ point.residual))


@np.errstate(over="ignore", invalid="ignore")
def minimise(
    problem: Problem, u: Floats, y: Floats, rules: Rules, random: np.random.Generator, watch: Watch
) -> Outcome:
    """A point where the first-order conditions hold within the tolerance, from (u, y)."""
    point = merit_function.at(problem, u, y)
    fresh = _State(Penalties(rules.eta1, rules.eta2), rules.delta, 0.0)
    state, pace = fresh, Pace()
    first = problem, point
    evaluations, inner, unit = 1, 0, 0
    end: End = "iteration limit" if point.finite else "undefined"
    iteration = 0
    while point.finite:
        residual = residual_of(problem, point, rules.usual)
        pace = pace.at(point, residual)
        ended = _ended(residual, iteration, rules, pace, watch(iteration, point, residual))
        if ended is not None:
            end = ended
            break
        if pace.poorly and len(point.y) and restoration.violation(point) > rules.tolerance:
            restored = _restored(problem, point, rules, iteration, watch)
            if restored.end == "minimum of the violation" and pace.restorations == 0:
                restored = _restored_from(first, restored, rules, iteration, watch)
            point, problem = _with_new_multipliers(restored.problem, restored.point), restored.problem
            state, iteration, evaluations = fresh, iteration + restored.steps, evaluations + restored.trials
            pace = pace.restored()
            if restored.end == "minimum of the violation":
                end = "no descent"
                break
            continue
        if pace.slow or (pace.restarts < RESTARTS and _large(point, LARGE)):
            other = _with_new_multipliers(problem, point)
            if pace.slow or np.linalg.norm(point.y) > INFLATED * np.linalg.norm(other.y):
                point, state, pace = other, fresh, pace.restarted()
        curvature = problem.curvature(point.u, point.y)
        stop = partial(_stopped, watch, iteration, point, residual)
        corner = rules.corner if _large(point, DEGENERATE) else 0.0
        step = _direction(problem, point, curvature, corner, state, rules, random, stop)
        found = None if step is None else _armijo(problem, point, step, rules)
        if step is not None and found is None:
            found = _steepest(problem, point, curvature.hessian, step, rules)
        if step is None or found is None:
            pace = pace.failing()
            continue
        alpha, trials, new = found
        pace = pace.after(alpha, problem.longest(point.u, (new.u - point.u) / alpha))
        problem = problem.moved(point.u, new.u - point.u, alpha)
        state, inner = step.state, inner + step.inner_steps
        point, evaluations, iteration = new, evaluations + trials, iteration + 1
        unit += alpha == 1.0
    return Outcome(end, point, problem, residual_of(problem, point, rules.usual), iteration, evaluations, inner, unit)


def _ended(residual: float, iteration: int, rules: Rules, pace: Pace, going: bool) -> End | None:
    if residual <= rules.tolerance:
        return "converged"
    if iteration >= rules.iterations:
        return "iteration limit"
    if not going:
        return "stopped"
    return "no descent" if pace.hopeless else None


def _restored(problem: Problem, point: Point, rules: Rules, iteration: int, watch: Watch) -> restoration.Restored:
    """A point with much less violation; where the equations leave no freedom, one at which they hold."""
    m, n = point.jacobian.shape
    aim = max(0.5 * rules.tolerance, RESTORED * restoration.violation(point) if m < n else 0.0)
    going = partial(_going, problem, rules, iteration, watch)
    return restoration.restored(problem, point, aim, rules.iterations - iteration, going)


def _restored_from(
    first: tuple[Problem, Point], found: restoration.Restored, rules: Rules, iteration: int, watch: Watch
) -> restoration.Restored:
    """The same by damped steps from the first point, where the violation had a minimum; else that minimum."""
    before = iteration + found.steps
    aim = max(0.5 * rules.tolerance, RESTORED * restoration.violation(found.point))
    going = partial(_going, first[0], rules, before, watch)
    other = restoration.restored(*first, aim, rules.iterations - before, going)
    better = other if other.end == "feasible" else replace(found, end=other.end)
    return replace(better, steps=found.steps + other.steps, trials=found.trials + other.trials)


def _going(problem: Problem, rules: Rules, iteration: int, watch: Watch, steps: int, point: Point) -> bool:
    return watch(iteration + steps, point, residual_of(problem, point, rules.usual))


def _large(point: Point, factor: float) -> bool:
    """Whether the multipliers are so many times as large as the slope of the objective."""
    return float(np.linalg.norm(point.y)) > factor * max(1.0, float(np.linalg.norm(point.gradient)))


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
    shifted: int = 0  # iterations that have needed a shift

    def after(self, shift: float) -> _State:
        return replace(self, shift=shift, shifted=self.shifted + 1) if shift else self


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
    corner: float,
    state: _State,
    rules: Rules,
    random: np.random.Generator,
    stop: sketching.Stop,
) -> _Step | None:
    shifts = rules.shifts if state.shifted < LARGE_SHIFTS else inertia.growing_shifts
    systems = _systems(curvature, point.jacobian, corner, shifts(curvature.size, rules.xi_b, state.shift))
    system = next(systems, None)
    if system is None:
        return None
    right = -np.concatenate([point.slope, point.residual])
    scale = problem.scale(point.u)
    if rules.inner == DIRECT:
        z, shift = _solved(system, systems, right)
        return _with_penalties(point, curvature.hessian, scale, z, state.after(shift), rules)
    return _sketched(
        point, curvature.hessian, scale, system.matrix, right, state.after(system.shift), rules, random, stop
    )


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """A KKT matrix with the right inertia, and the shift of its model."""

    matrix: Matrix
    factor: inertia.Factor
    shift: float


def _systems(curvature: Curvature, jacobian: Matrix, corner: float, shifts: Iterator[float]) -> Iterator[_System]:
    """Those of the model with the first shifts that give the right inertia."""
    from scipy.sparse import eye_array

    m, n = jacobian.shape
    for shift in shifts:
        matrix = inertia.kkt(curvature.model + shift * eye_array(n) if shift else curvature.model, jacobian, corner)
        factor = inertia.factorise(matrix, n)
        if factor is not None and factor.negative == m:
            yield _System(matrix, factor, shift)
        if not np.isfinite(matrix.data).all():
            return


def _solved(system: _System, others: Iterator[_System], right: Floats) -> tuple[Floats, float]:
    """The solution, and the shift. Where there is none either the model is singular on the null space of the Jacobian,
    and the next shift helps, or the Jacobian lacks rank: then it is the shortest least-squares solution.
    """
    z, residual = system.factor.solve(right)
    if residual <= CONSISTENT:
        return z, system.shift
    other = next(others, None)
    if other is not None:
        z, residual = other.factor.solve(right)
        if residual <= CONSISTENT:
            return z, other.shift
    return system.factor.least_squares(right), system.shift


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
