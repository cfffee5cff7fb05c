"""Bounds around an equality-constrained method: a logarithmic barrier, followed towards zero.

    minimise  F(u) - mu sum log(u_j - l_j) - mu sum log(U_j - u_j)   subject to  C(u) = 0

for a falling sequence of mu, each begun from the last answer (A. V. Fiacco, G. P. McCormick, "Nonlinear Programming:
Sequential Unconstrained Minimization Techniques" (1968)). The Newton system has the primal-dual diagonal
``z / (u - l)`` with multiplier estimates z instead of the barrier's own ``mu / (u - l)^2``, a fraction-to-the-boundary
rule keeps u inside, and mu and the safeguard of z follow A. Waechter, L. T. Biegler, Mathematical Programming 106
(2006), sections 2.1 to 2.3 and 3.6. This outer method is ours: the paper of the inner one has equations alone. In its
merit function the slope is scaled by ``D = min(1, distance to the nearest bound)``, held during a line search, since
the barrier's slope has no limit near a bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optc.compiler.forms.linear import Floats

from .equality_form import EqualityForm, Matrix
from .problem import Curvature

INSIDE = 1e-2  # of max(1, |bound|), and of the width: how far from bounds the first point lies
SAFEGUARD = 1e10  # z stays within this factor of mu / distance


@dataclass(frozen=True, slots=True, eq=False)
class Barrier:
    """The barrier problem of ``mu``; bound multipliers ``below`` and ``above`` (n) are zero where there is no bound."""

    form: EqualityForm
    mu: float
    below: Floats
    above: Floats

    def value(self, u: Floats) -> float:
        low, high = self._distances(u)
        with np.errstate(invalid="ignore", divide="ignore"):
            logs = np.log(low[np.isfinite(low)]).sum() + np.log(high[np.isfinite(high)]).sum()
        return self.form.value(u) - self.mu * float(logs)

    def gradient(self, u: Floats) -> Floats:
        low, high = self._distances(u)
        with np.errstate(divide="ignore"):  # rounding may put a step on a bound, where it is not taken
            return self.form.gradient(u) - self.mu / low + self.mu / high

    def residual(self, u: Floats) -> Floats:
        return self.form.residual(u)

    def jacobian(self, u: Floats) -> Matrix:
        return self.form.jacobian(u)

    def curvature(self, u: Floats, multipliers: Floats) -> Curvature:
        low, high = self._distances(u)
        own = self.form.hessian(u, multipliers)
        hessian = _with_diagonal(own, self.mu / low**2 + self.mu / high**2)
        return Curvature(hessian, _with_diagonal(own, self.below / low + self.above / high), _norm(own))

    def scale(self, u: Floats) -> Floats:
        low, high = self._distances(u)
        found: Floats = np.minimum(1.0, np.minimum(low, high))
        return found

    def longest(self, u: Floats, du: Floats) -> float:
        low, high = self._distances(u)
        share = max(0.99, 1.0 - self.mu)
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.where(du < 0, low / -du, np.where(du > 0, high / du, np.inf))
        return min(1.0, share * float(steps.min(initial=np.inf)))

    def moved(self, u: Floats, du: Floats, alpha: float) -> Barrier:
        """The multipliers after u has moved by du, which is alpha times the direction."""
        direction = du / alpha
        parts = []
        for z, distance, way in zip((self.below, self.above), self._distances(u), (1.0, -1.0), strict=True):
            step = self.mu / distance - z - z / distance * way * direction
            parts.append(_share(z, step, max(0.99, 1.0 - self.mu)) * step + z)
        near, far = self._distances(u + du)
        kept = [
            np.clip(z, self.mu / (SAFEGUARD * d), SAFEGUARD * self.mu / d)
            for z, d in zip(parts, (near, far), strict=True)
        ]
        return replace(self, below=kept[0], above=kept[1])

    def _distances(self, u: Floats) -> tuple[Floats, Floats]:
        return u - self.form.lower, self.form.upper - u


def _share(z: Floats, step: Floats, share: float) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        longest = np.where(step < 0, -z / step, np.inf)
    longest = longest[z > 0]
    return min(1.0, share * float(longest.min(initial=np.inf)))


def _norm(matrix: Matrix) -> float:
    """The smaller of two bounds of the spectral norm of a symmetric matrix: Frobenius's and the largest row sum."""
    sums = np.asarray(abs(matrix).sum(axis=0)).ravel()
    return min(float(np.linalg.norm(matrix.data)) if matrix.nnz else 0.0, float(sums.max(initial=0.0)))


def _with_diagonal(matrix: Matrix, diagonal: Floats) -> Matrix:
    from scipy.sparse import diags_array

    return (matrix + diags_array(diagonal)).tocsc()


def barrier(form: EqualityForm, u: Floats, mu: float) -> Barrier:
    """The barrier problem at a point inside, with the multipliers that the barrier's own slope gives."""
    return Barrier(form, mu, mu / (u - form.lower), mu / (form.upper - u))


def inside(form: EqualityForm, u: Floats, push: float = INSIDE) -> Floats:
    """The nearest point that keeps off the bounds."""
    bounds = form.lower, form.upper
    with np.errstate(over="ignore"):
        width = form.upper - form.lower
    lower, upper = (
        np.where(np.isfinite(end), np.minimum(push * np.maximum(1.0, np.abs(end)), push * width), 0.0) for end in bounds
    )
    found: Floats = np.clip(u, form.lower + lower, form.upper - upper)
    return found
