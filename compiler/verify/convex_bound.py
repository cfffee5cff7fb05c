"""A bound of convex problems from multipliers: the Lagrangian lies above its tangent.

Where the objective and every side with a positive multiplier are convex and every equation affine (``facts.convexity``
proves it over the bounds of the decisions), L is convex, and for every feasible x'

    f(x')  >=  L(x')  >=  L(x) + sum_j slope_j (x'_j - x_j)
           >=  L(x) + sum_j min over [l_j, u_j] of slope_j (x'_j - x_j)

which is finite where a bound stands on the side that each slope pushes to. The bounds are those of the decisions,
tightened by the linear rows. All of it is rounded outwards, so the result is a theorem about the model.
"""

from __future__ import annotations

import math

import numpy as np

from ..facts.convexity import Proof, convex_problem
from ..facts.region import region_of
from ..forms.linear import Floats
from ..instance.instance import Instance
from .enclosed_lagrangian import EnclosedLagrangian


def is_convex(instance: Instance) -> bool:
    """Whether the problem is proved convex (integrality aside)."""
    with np.errstate(all="ignore"):
        return isinstance(convex_problem(instance), Proof)


def has_convex_functions(instance: Instance) -> bool:
    """Whether it is proved convex by the curvature of every function: then its Lagrangian is convex too."""
    with np.errstate(all="ignore"):
        found = convex_problem(instance)
    return isinstance(found, Proof) and found.by_functions


def tangent_bound(instance: Instance, found: EnclosedLagrangian, x: Floats) -> float:
    """A number that the objective cannot pass, for a problem of convex functions; infinite where there is none."""
    ranges = region_of(instance).ranges
    stated = instance.program.root.objective
    sign = -1.0 if stated is not None and stated.sense == "maximize" else 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        below = np.nextafter(ranges.lower - x, -np.inf)
        above = np.nextafter(ranges.upper - x, np.inf)
        corners = np.stack([slope * way for slope in (found.lower, found.upper) for way in (below, above)])
    flat = (found.lower == 0.0) & (found.upper == 0.0)
    least = np.where(flat, 0.0, np.nextafter(np.where(np.isnan(corners), -np.inf, corners).min(axis=0), -np.inf))
    if not (np.isfinite(least).all() and math.isfinite(found.value_lower)):
        return -sign * math.inf
    terms = np.append(least, found.value_lower)
    error = 2 * (len(terms) + 1) * 2.0**-53 * float(np.abs(terms).sum()) + 1e-300
    return sign * (float(terms.sum()) - error)
