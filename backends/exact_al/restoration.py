"""Levenberg-Marquardt steps towards points where the equations hold, for when steps of Newton's method stay short.

    minimise  |c(u)|^2:     (G'G + mu D^-2) v = -G'c,     (G'G + mu D^-2) w = -G'c'',     du = v + w / 2

Where the Jacobian is nearly singular Newton's steps grow without end while only a tiny part of them brings progress;
damped ones stay of the size at which the model holds. ``mu = kappa |c|``, and ``kappa`` follows the ratio of actual to
predicted decrease (J. Fan, "A modified Levenberg-Marquardt algorithm for singular system of nonlinear equations",
Journal of Computational Mathematics 21 (2003)). ``c''`` is the second derivative of c along v, by a difference, and the
step is refused where w is large beside v: so it follows curved valleys (M. K. Transtrum, J. P. Sethna, "Improvements to
the Levenberg-Marquardt algorithm for nonlinear least-squares minimization", arXiv 1201.5885). D is the scaling of the
merit function, so that steps keep away from bounds. The systems are solved as [[r I, D G'], [G D, -r I]] for D^-1 v,
with r^2 = mu, which keeps the sparsity of G. All this is ours, not the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from optc.compiler.forms.linear import Floats

from . import inertia, merit_function
from .merit_function import Point
from .problem import Problem

FIRST_KAPPA, LEAST_KAPPA, LARGEST_KAPPA = 1e-2, 1e-10, 1e16
ACCEPTED, GOOD, BAD, FACTOR = 1e-4, 0.75, 0.25, 4.0  # of the ratio of decreases; growth of kappa
CURVED, REACH = 0.375, 0.1  # bend beside the straight part of a step; part of the step to measure the bend at
FLAT = 1e-7  # slope of |c| at which it counts as a minimum: rounding hides what is smaller
SLOW, WINDOW = 0.99, 100  # the violation must fall by that factor in so many steps

End = Literal["feasible", "minimum of the violation", "limit", "stopped"]


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """Where it ended: the point has the multipliers that it began with. ``trials``: points that were evaluated."""

    end: End
    point: Point
    problem: Problem
    steps: int
    trials: int


def restored(problem: Problem, point: Point, aim: float, most: int, watch: Callable[[int, Point], bool]) -> Restored:
    """A point with ``|c| <= aim``, or where the violation does not fall any more. ``watch``: False to stop."""
    found = Restored("limit", point, problem, 0, 0)
    kappa, marked, mark = FIRST_KAPPA, violation(point), 0
    while True:
        size = violation(found.point)
        if size <= aim:
            return replace(found, end="feasible")
        if found.steps >= mark + WINDOW:
            if size > SLOW * marked:
                return replace(found, end="minimum of the violation")
            marked, mark = size, found.steps
        if found.steps >= most or kappa > LARGEST_KAPPA:
            return found
        if not watch(found.steps, found.point):
            return replace(found, end="stopped")
        if _flat(found.problem, found.point):
            return replace(found, end="minimum of the violation")
        found, kappa = _stepped(found, kappa)


def violation(point: Point) -> float:
    """|c|."""
    return float(np.linalg.norm(point.residual))


def _flat(problem: Problem, point: Point) -> bool:
    slope = problem.scale(point.u) * (point.jacobian.T @ point.residual)
    return float(np.linalg.norm(slope)) <= FLAT * violation(point)


def _bend(problem: Problem, point: Point, scale: Floats, du: Floats, factor: inertia.Factor) -> Floats:
    """The second-order part of the step: half the acceleration along the geodesic of the damped problem."""
    n = len(point.u)
    share = REACH * problem.longest(point.u, du)
    there = problem.residual(point.u + share * du)
    if not np.isfinite(there).all():
        return np.full(n, np.inf)
    second = 2 / share * ((there - point.residual) / share - point.jacobian @ du)
    found: Floats = -0.5 * scale * factor.solve(np.concatenate([np.zeros(n), second]))[0][:n]
    return found


def _stepped(before: Restored, kappa: float) -> tuple[Restored, float]:
    """After one trial, and the new kappa; the point stays where the violation would not fall."""
    from scipy.sparse import csc_array, diags_array, eye_array

    problem, point, size = before.problem, before.point, violation(before.point)
    n, scale = len(point.u), problem.scale(point.u)
    scaled = csc_array(point.jacobian @ diags_array(scale))
    root = float(np.sqrt(kappa * size))
    factor = inertia.factorise(inertia.kkt(root * eye_array(n), scaled, root), n)
    if factor is None:
        return before, FACTOR * kappa
    straight = scale * factor.solve(np.concatenate([np.zeros(n), -point.residual]))[0][:n]
    bend = _bend(problem, point, scale, straight, factor)
    if np.linalg.norm(bend / scale) > CURVED * np.linalg.norm(straight / scale):
        return replace(before, trials=before.trials + 1), FACTOR * kappa
    trial = replace(before, trials=before.trials + 2)
    du = straight + bend
    alpha = problem.longest(point.u, du)
    new = merit_function.at(problem, point.u + alpha * du, point.y)
    predicted = size**2 - float(np.linalg.norm(point.residual + alpha * (point.jacobian @ straight))) ** 2
    ratio = (size**2 - violation(new) ** 2) / predicted if new.finite and predicted > 0 else -1.0
    if ratio < BAD:
        kappa *= FACTOR
    elif ratio > GOOD:
        kappa = max(LEAST_KAPPA, kappa / FACTOR)
    if ratio < ACCEPTED:
        return trial, kappa
    moved = problem.moved(point.u, new.u - point.u, alpha)
    return replace(trial, point=new, problem=moved, steps=before.steps + 1), kappa
