"""Bounds of boxes by an augmented Lagrangian, and what they say about where better points can be.

For multipliers ``y`` of the right sign and penalties ``rho`` (``Weights``) every feasible point has

    f(x)  >=  L(x) = f(x) + sum_i y_i (c_i(x) - side_i) + rho_i (c_i(x) - side_i)^2 / 2

Where a slope of ``L`` keeps its sign over a box, ``L`` is least at one end of that column: on a face. Over the face
``F`` with the middle ``x`` and half widths ``w``, for any ``k`` below the eigenvalues of the scaled second derivatives
``w_i w_j L_ij``,

    L(x + w z)  >=  L(x) + sum_j w_j L_j(x) z_j + k z_j^2 / 2      for all -1 <= z_j <= 1

which is least column by column. ``k`` is positive where ``L`` is convex over the face: then the bound is off by no more
than the square of the width times the slope that is left, and a box around an optimum with such multipliers closes.
Where ``k`` is negative this is the underestimator of C. D. Maranas, C. A. Floudas, "Global minimum potential energy
conformations of small molecules", Journal of Global Optimization 4 (1994). The mean value form over the face and the
range of ``f`` itself are taken where they are better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernels import ends as e
from ..kernels.ends import Bools, Ends
from .definite import least_eigenvalue
from .multipliers import Weights
from .problem import BoxProblem, FirstOrder, middle_of, summed

Floats = NDArray[np.float64]
SLACK = 1e-14


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Of ``b`` boxes: ``lower`` ``(b,)`` bounds ``f`` at feasible points; ``x`` ``(2, b, n)`` holds those with
    ``f <= cutoff``; ``slope`` ``(2, b, n)`` are the ends of the slopes of ``L``."""

    lower: Floats
    x: Ends
    slope: Ends


def slopes(at: FirstOrder, weight: Ends) -> Ends:
    """The slopes of ``L``, ``(2, b, n)``, with the ends ``(2, b, m)`` of ``y + rho (c - side)``."""
    if not weight.shape[-1]:
        return at.gradient
    terms = e.multiply(weight[..., None], at.jacobian)
    return e.add(at.gradient, summed(np.moveaxis(terms, -2, -1)))


def weights_of(c: Ends, weights: Weights) -> tuple[Ends, Ends]:
    """The ends of ``c - side``, and of ``y + rho (c - side)``; of rows without weight both are 0."""
    idle = (weights.y == 0) & (weights.rho == 0)
    rest = np.where(idle, 0.0, e.subtract(c, e.exact(weights.side)))
    weight = e.add(e.exact(weights.y), e.multiply(e.exact(weights.rho), rest))
    return rest, np.where(idle, 0.0, weight)


def bounds(problem: BoxProblem, x: Ends, over: FirstOrder, weights: Weights, cutoff: float) -> Bounds:
    """Bounds of boxes whose ends are finite. ``over``: first-order values over the boxes."""
    whole = ~over.partial
    slope = slopes(over, weights_of(over.c, weights)[1])
    up, down = (slope[0] > 0) & whole[:, None], (slope[1] < 0) & whole[:, None]
    face = np.stack([np.where(down, x[1], x[0]), np.where(up, x[0], x[1])])
    at, middle = _first_orders(problem, face)
    value, inner = _value(at, weights)
    least_of_face = np.where(whole, _mean_value(value[0], inner, face, middle), -np.inf)
    half = np.maximum(face[1] - middle, middle - face[0])
    half = np.where(half > 0, np.nextafter(half, np.inf), 0.0)
    tilt, least = _curved(problem, face, inner, weights, half)
    usable = whole & np.isfinite(least) & np.isfinite(tilt).all(axis=(0, 2)) & np.isfinite(value[0])
    shares = _least_of_columns(np.abs(tilt).max(axis=0), least[:, None], half > 0)
    bent = _lowered(value[0], shares)
    least_of_face = np.where(usable, np.maximum(least_of_face, bent), least_of_face)
    narrow = _narrowed(face, middle, half, value[0], tilt, least, shares, cutoff, usable)
    narrow = _reduced(x, narrow, slope, up, down, least_of_face, cutoff)
    return Bounds(np.maximum(over.f[0], least_of_face), narrow, slope)


def _first_orders(problem: BoxProblem, face: Ends) -> tuple[tuple[FirstOrder, FirstOrder], Floats]:
    """First-order values in the middle of faces, and over them."""
    boxes = face.shape[1]
    middle = middle_of(face)
    both = problem.first_order(np.concatenate([e.exact(middle), face], axis=1))
    return (both.part(slice(0, boxes)), both.part(slice(boxes, None))), middle


def _value(orders: tuple[FirstOrder, FirstOrder], weights: Weights) -> tuple[Ends, _Inner]:
    """The ends of ``L`` in the middle, and what else the bounds need."""
    at, over = orders
    rest, weight = weights_of(at.c, weights)
    terms = e.multiply(e.exact(weights.y), rest)
    terms = e.add(terms, e.scale(0.5, e.multiply(e.exact(weights.rho), e.square(rest))))
    value = e.add(at.f, summed(terms)) if terms.shape[-1] else at.f
    outer = weights_of(over.c, weights)[1]
    return value, _Inner(over, outer, slopes(at, weight), slopes(over, outer))


@dataclass(frozen=True, slots=True, eq=False)
class _Inner:
    """Over a face: first-order values, the weights of the rows' second derivatives, and the slopes of ``L`` in the
    middle and over all of it."""

    over: FirstOrder
    weight: Ends
    tilt: Ends
    slope: Ends


def _mean_value(value: Floats, inner: _Inner, face: Ends, middle: Floats) -> Floats:
    """``L(x) + slope (x' - x)``, at its least."""
    steps = e.subtract(face, e.exact(middle))
    steps = np.where(face[0] == face[1], 0.0, steps)
    found = e.add(e.exact(value), summed(e.multiply(inner.slope, steps)))
    return np.where(np.isnan(found[0]), -np.inf, found[0])


def _curved(problem: BoxProblem, face: Ends, inner: _Inner, weights: Weights, half: Floats) -> tuple[Ends, Floats]:
    """The scaled slopes in the middle ``(2, b, n)``, and a number below the eigenvalues of the scaled curvature."""
    scaled = e.multiply(inner.tilt, e.exact(half))
    if not problem.twice:
        return scaled, np.full(len(half), -np.inf)
    second = problem.second_order(face, inner.weight)
    if weights.rho.shape[-1] and (weights.rho > 0).any():
        second = e.add(second, _penalties(inner.over.jacobian, weights.rho))
    size = e.multiply(e.exact(half[:, :, None]), e.exact(half[:, None, :]))
    return scaled, least_eigenvalue(e.multiply(second, size), half > 0)


def _penalties(jacobian: Ends, rho: Floats) -> Ends:
    """``sum_i rho_i J_i J_i'``, ``(2, b, n, n)``."""
    squares = e.multiply(jacobian[..., :, None], jacobian[..., None, :])
    own = np.arange(jacobian.shape[-1])
    squares[..., own, own] = e.square(jacobian)
    weighted = e.multiply(e.exact(rho)[..., None, None], squares)
    return summed(np.moveaxis(weighted, 2, -1))


def _least_of_columns(tilt: Floats, least: Floats, free: Bools) -> Floats:
    """The least of ``+-tilt z + least z^2 / 2`` for ``|z| <= 1``, rounded down; 0 of columns without width."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inside = (least > 0) & (tilt <= least)
        found = np.where(inside, -0.5 * tilt * tilt / np.where(least > 0, least, 1.0), 0.5 * least - tilt)
        found = found - SLACK * (tilt + np.abs(least))
    return np.where(free, found, 0.0)


def _lowered(value: Floats, shares: Floats) -> Floats:
    """``value`` plus shares, rounded down."""
    with np.errstate(invalid="ignore", over="ignore"):
        found = value + shares.sum(axis=-1)
        size = np.abs(value) + np.abs(shares).sum(axis=-1)
        found = found - 2.0 * (shares.shape[-1] + 3.0) * e.UNIT * size - e.TINY
    return np.where(np.isnan(found), -np.inf, found)


def _narrowed(
    face: Ends,
    middle: Floats,
    half: Floats,
    value: Floats,
    tilt: Ends,
    least: Floats,
    shares: Floats,
    cutoff: float,
    usable: Bools,
) -> Ends:
    """Where on a face ``L`` may be at most ``cutoff``: of each column, with the least of all others."""
    with np.errstate(all="ignore"):
        rest = np.where(np.isfinite(shares), shares, 0.0)
        others = rest.sum(axis=-1, keepdims=True) - rest
        size = np.abs(value)[:, None] + np.abs(rest).sum(axis=-1, keepdims=True) + abs(cutoff)
        curve = np.maximum(least, 0.0)[:, None]
        room = cutoff - value[:, None] - others + np.where(least < 0, -0.5 * least, 0.0)[:, None]
        centre = 0.5 * (tilt[0] + tilt[1])
        radius = np.maximum(tilt[1] - centre, centre - tilt[0])
        room = room + radius + 1e-13 * (size + np.abs(centre) + np.abs(least)[:, None])
        spread = centre * centre + 2.0 * curve * np.abs(room)
        inner = centre * centre + 2.0 * curve * room + 1e-13 * spread
        root = np.sqrt(np.maximum(inner, 0.0))
        error = 1e-13 * (np.abs(centre) + root)
        high = np.where(curve > 0, (root - centre + error) / curve, np.where(centre > 0, room / centre, np.inf))
        low = np.where(curve > 0, (-root - centre - error) / curve, np.where(centre < 0, room / centre, -np.inf))
        high = high + 1e-13 * np.abs(high)
        low = low - 1e-13 * np.abs(low)
        lower = np.nextafter(middle + np.nextafter(low * half, -np.inf), -np.inf)
        upper = np.nextafter(middle + np.nextafter(high * half, np.inf), np.inf)
    able = usable[:, None] & (half > 0) & np.isfinite(room) & np.isfinite(centre)
    found = np.stack(
        [
            np.where(able & (lower > face[0]), lower, face[0]),
            np.where(able & (upper < face[1]), upper, face[1]),
        ]
    )
    gone = able & (inner < 0) & (curve > 0)
    return np.stack([np.where(gone, np.inf, found[0]), np.where(gone, -np.inf, found[1])])


def _reduced(x: Ends, narrow: Ends, slope: Ends, up: Bools, down: Bools, lower: Floats, cutoff: float) -> Ends:
    """The boxes with what is known of their faces, and with how far from a face a point may still be better.

    ``L`` rises from the face by at least its least slope: what it has risen must fit between the bound and the cutoff.
    """
    with np.errstate(all="ignore"):
        room = np.nextafter(cutoff - lower, np.inf)[:, None]
        room = np.where(np.isfinite(room), np.maximum(room, 0.0), np.inf)
        steep = np.where(up, slope[0], np.where(down, -slope[1], 1.0))
        reach = np.nextafter(room / steep, np.inf)
        upper = np.where(up, np.minimum(x[1], np.nextafter(x[0] + reach, np.inf)), narrow[1])
        low = np.where(down, np.maximum(x[0], np.nextafter(x[1] - reach, -np.inf)), narrow[0])
    return np.stack([np.where(up, x[0], low), np.where(down, x[1], upper)])
