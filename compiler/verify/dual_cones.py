"""Vectors moved into dual cones, for certain: what weak duality asks of the multipliers of cone rows.

Whatever comes in, what goes out lies in the dual cone in exact arithmetic; a vector that lies in it but for rounding is
moved by no more than that. The duals: a second-order and a semidefinite cone are their own; of the exponential cone
``c >= b exp(a / b)`` it is ``w >= -u exp(v / u - 1), u < 0`` and its closure; of the power cone ``a^p b^(1-p) >= |c|``
it is ``(u / p)^p (v / (1 - p))^(1-p) >= |w|`` (V. Chandrasekaran, P. Shah, "Relative entropy optimization and its
applications", Math. Prog. 161 (2017); R. Chares, "Cones and interior-point algorithms for structured convex
optimization involving powers and exponentials", PhD thesis, UCL (2009), section 4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..facts import rounding as r
from ..facts.atoms import ATOMS, power_atom
from ..forms import conic
from ..forms.conic import Cones
from ..forms.linear import Floats

Ints = NDArray[np.int64]


def inside(z: Floats, cones: Cones) -> Floats:
    """``z`` (p) moved into the dual cones; entries that are not finite count as 0."""
    found = np.where(np.isfinite(z), z, 0.0)
    with np.errstate(all="ignore"):
        _second_order(found, cones)
        _exponential(found, cones.of(conic.EXPONENTIAL))
        _power(found, cones.of(conic.POWER), cones.powers[cones.kinds == conic.POWER])
        _semidefinite(found, cones)
    return found


def _second_order(z: Floats, cones: Cones) -> None:
    """The first entry is raised to the norm of the rest, rounded up."""
    mine = cones.kinds == conic.SECOND_ORDER
    first, sizes = cones.starts[:-1][mine], cones.sizes[mine].astype(np.int64)
    if not len(first):
        return
    owner = np.repeat(np.arange(len(first)), sizes - 1)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes - 1) - (sizes - 1), sizes - 1)
    rest = z[first[owner] + 1 + within]
    squares = np.bincount(owner, rest * rest, len(first))
    norm = np.sqrt(squares) * (1 + (sizes + 6) * r.UNIT) + 1e-150
    z[first] = np.maximum(z[first], norm)


def _exponential(z: Floats, rows: Ints) -> None:
    """``w`` is raised, or ``v``, whichever moves less; ``u`` that is not negative becomes 0."""
    if not len(rows):
        return
    u, v, w = (z[rows[:, k]] for k in range(3))
    flat = ~(u < 0) | ~(w > 0)
    safe_u, safe_w = np.where(flat, -1.0, u), np.where(flat, 1.0, w)
    at = r.point(safe_u)
    # w >= -u exp(v / u - 1), and the same for v: v >= u (1 + log(w / -u)).
    ratio = r.subtract(r.divide(r.point(v), at), r.constant(1.0))
    high = r.multiply(r.negative(at), ATOMS["exp"].value(ratio)).upper
    log = ATOMS["log"].value(r.divide(r.point(safe_w), r.negative(at)))
    level = r.multiply(at, r.add(r.constant(1.0), log)).upper
    raise_w, raise_v = np.maximum(high - w, 0.0), np.maximum(level - v, 0.0)
    by_w = np.isfinite(high) & (raise_w <= raise_v)
    new_w = np.where(by_w, np.maximum(w, high), w)
    new_v = np.where(by_w, v, np.maximum(v, level))
    z[rows[:, 0]] = np.where(flat, 0.0, u)
    z[rows[:, 1]] = np.where(flat, np.maximum(v, 0.0), new_v)
    z[rows[:, 2]] = np.where(flat, np.maximum(w, 0.0), new_w)


def _power(z: Floats, rows: Ints, powers: Floats) -> None:
    """``w`` is cut to what ``u`` and ``v`` allow, rounded down."""
    if not len(rows):
        return
    u, v = np.maximum(z[rows[:, 0]], 0.0), np.maximum(z[rows[:, 1]], 0.0)
    rest = r.subtract(r.constant(1.0), r.point(powers))
    share = rest.lower  # one less the power is exact to a unit; its smaller end has the larger quotient
    first = power_atom(powers).value(r.divide(r.point(u), r.point(powers)))
    second = power_atom(share).value(r.divide(r.point(v), r.point(rest.upper)))
    bound = r.multiply(first, second).lower * (1 - 1e-12)
    w = z[rows[:, 2]]
    z[rows[:, 0]], z[rows[:, 1]] = u, v
    z[rows[:, 2]] = np.clip(w, -np.maximum(bound, 0.0), np.maximum(bound, 0.0))


def _semidefinite(z: Floats, cones: Cones) -> None:
    """The diagonal is raised by what the smallest eigenvalue lacks, and by what its computation may be off."""
    mine = cones.kinds == conic.SEMIDEFINITE
    firsts, sizes = cones.starts[:-1][mine], cones.sizes[mine].astype(np.int64)
    for triangle in np.unique(sizes).tolist():
        order = round(((8 * triangle + 1) ** 0.5 - 1) / 2)
        column, row = np.tril_indices(order)
        at = firsts[sizes == triangle][:, None] + np.arange(triangle)
        weight = np.where(row == column, 1.0, np.sqrt(0.5))
        matrices = np.zeros((len(at), order, order))
        matrices[:, row, column] = matrices[:, column, row] = z[at] * weight
        lowest = np.linalg.eigvalsh(matrices)[:, 0]
        length = np.sqrt((matrices * matrices).sum(axis=(1, 2)))
        lift = np.maximum(-lowest, 0.0) + 16 * (order + 1) * r.UNIT * length
        lift = np.where(lowest > 16 * (order + 1) * r.UNIT * length, 0.0, lift)
        diagonal = at[:, row == column]
        z[diagonal] += lift[:, None]
