"""The exact augmented Lagrangian of equality-constrained problems, with its true gradient.

    M(u, y) = L(u, y) + (eta1 / 2) |c|^2 + (eta2 / 2) |D grad_u L|^2,     L = F + y'c

    grad_u M = grad_u L + eta1 G'c + eta2 (hess_uu L) D^2 grad_u L
    grad_y M = c + eta2 G D^2 grad_u L

Source: I. Hong, S. Na, M. W. Mahoney, M. Kolar, "Constrained optimization via exact augmented Lagrangian and randomized
iterative sketching", ICML 2023 (arXiv 2305.18379), with D = I. The scaling D, a diagonal that is held during one line
search, is ours, for problems with bounds (``barrier``). Values need no second derivatives; their reference code takes
the Hessian of F in the gradient, here it is that of L.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optc.compiler.forms.linear import Floats

from .equality_form import Matrix


class Problem(Protocol):
    """Minimise ``value(u)`` subject to ``residual(u) = 0``; what is undefined is not finite."""

    def value(self, u: Floats) -> float: ...
    def gradient(self, u: Floats) -> Floats: ...
    def residual(self, u: Floats) -> Floats: ...
    def jacobian(self, u: Floats) -> Matrix: ...


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """First-order values at (u, y): F, c (m), grad F (n), G (m, n), grad_u L (n)."""

    u: Floats
    y: Floats
    value: float
    residual: Floats
    gradient: Floats
    jacobian: Matrix
    slope: Floats

    @property
    def finite(self) -> bool:
        parts = (self.residual, self.gradient, self.jacobian.data, self.slope)
        return bool(np.isfinite(self.value)) and all(bool(np.isfinite(part).all()) for part in parts)


@dataclass(frozen=True, slots=True)
class Penalties:
    """The two penalty parameters of the merit function."""

    eta1: float
    eta2: float


def at(problem: Problem, u: Floats, y: Floats) -> Point:
    """The values at a point; not finite where a function is undefined."""
    gradient, jacobian = problem.gradient(u), problem.jacobian(u)
    return Point(u, y, problem.value(u), problem.residual(u), gradient, jacobian, gradient + jacobian.T @ y)


def merit(point: Point, scale: Floats, penalties: Penalties) -> float:
    """M at a point; ``scale`` (n) is the diagonal of D."""
    c, slope = point.residual, scale * point.slope
    lagrangian = point.value + float(point.y @ c)
    return lagrangian + 0.5 * penalties.eta1 * float(c @ c) + 0.5 * penalties.eta2 * float(slope @ slope)


def directional(point: Point, hessian: Matrix, scale: Floats, penalties: Penalties, du: Floats, dy: Floats) -> float:
    """The derivative of M along (du, dy); ``hessian`` is that of L at the point."""
    weighted = scale * scale * point.slope
    moved = hessian @ du + point.jacobian.T @ dy  # the change of grad_u L
    linear = float(point.slope @ du + point.residual @ dy)
    return (
        linear
        + penalties.eta1 * float(point.residual @ (point.jacobian @ du))
        + penalties.eta2 * float(weighted @ moved)
    )


def gradient(point: Point, hessian: Matrix, scale: Floats, penalties: Penalties) -> tuple[Floats, Floats]:
    """The gradient of M in u (n) and in y (m)."""
    weighted = scale * scale * point.slope
    in_u = point.slope + penalties.eta1 * (point.jacobian.T @ point.residual) + penalties.eta2 * (hessian @ weighted)
    return in_u, point.residual + penalties.eta2 * (point.jacobian @ weighted)
