"""Multipliers of rows for boxes: those of the linear program that each box makes of the problem.

Objective and rows are linearised in the middle of the box, and the rows widened by what they may bend. Any multipliers
give a bound, so nothing rests on how well these are computed. Rows that a whole box satisfies have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels.ends import Ends
from .linear_programs import LinearPrograms, row_multipliers
from .problem import BoxProblem, FirstOrder, middle_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SHORTEST = 1e-12  # of its size is what a row must change over a box to have a multiplier
TINY = 1e-200
STEEPEST = 1e6  # times a multiplier: the largest penalty of a row that is no equation


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Of ``b`` boxes, ``(b, m)``: multipliers ``y`` of ``c - side``, with ``y`` not negative at an upper side and not
    positive at a lower one, and the penalty ``rho``, not negative.

    At every point that satisfies the rows ``y (c - side) + rho (c - side)^2 / 2`` is at most 0.
    """

    y: Floats
    side: Floats
    rho: Floats

    def part(self, which: Any) -> Weights:
        """Those of some of the boxes."""
        return Weights(self.y[which], self.side[which], self.rho[which])


@dataclass(frozen=True, slots=True, eq=False)
class Hint:
    """What a local optimum tells: its multipliers ``y`` ``(m,)`` in the sense of ``Weights``, and the penalty ``rho``
    of equations that makes the Lagrangian curve upwards there. Good or bad, bounds stay bounds."""

    x: Floats
    y: Floats
    rho: float


def estimated(problem: BoxProblem, at: FirstOrder, over: FirstOrder, x: Ends) -> tuple[Floats, Floats]:
    """Multipliers and the sides that they belong to, ``(b, m)``.

    ``at``: first-order values in the middle of each box; ``over``: those over it, ``x`` ``(2, b, n)``.
    """
    form, half = problem.form, half_widths(x)
    c = 0.5 * (at.c[0] + at.c[1])
    slope = 0.5 * (at.gradient[0] + at.gradient[1]) * half
    rows = 0.5 * (at.jacobian[0] + at.jacobian[1]) * half[:, None, :]
    with np.errstate(invalid="ignore", over="ignore"):
        bend = (0.5 * (over.jacobian[1] - over.jacobian[0]) * half[:, None, :]).sum(axis=-1)
    good = np.isfinite(slope).all(axis=-1, keepdims=True)
    binding = problem.equal | (over.c[1] > form.row_upper) | (over.c[0] < form.row_lower)
    binding &= good & np.isfinite(c) & np.isfinite(bend) & np.isfinite(rows).all(axis=-1)
    length = np.abs(np.where(binding[..., None], rows, 0.0)).sum(axis=-1)
    far = np.maximum(1.0, np.abs(middle_of(x)))[:, None, :]
    size = (np.abs(over.jacobian).max(axis=0) * far).max(axis=-1, initial=0.0)
    binding &= length > SHORTEST * size
    scale = np.where(binding, length, 1.0)
    size = np.maximum(np.where(good, np.abs(slope), 0.0).sum(axis=-1), TINY)
    program = LinearPrograms(
        np.where(good, slope, 0.0) / size[:, None],
        np.where(binding[..., None], rows / scale[..., None], 0.0),
        np.where(binding, (form.row_lower - c - bend) / scale, -np.inf),
        np.where(binding, (form.row_upper - c + bend) / scale, np.inf),
    )
    y = row_multipliers(program) * size[:, None] / scale
    side = np.where(y > 0, form.row_upper, form.row_lower)
    return np.where(np.isfinite(side), y, 0.0), np.where(np.isfinite(side), side, 0.0)


def half_widths(x: Ends) -> Floats:
    """Half of the widths of boxes, ``(b, n)``; 1 of an endless column."""
    return np.where(np.isfinite(x).all(axis=0), 0.5 * (x[1] - x[0]), 1.0)


def with_penalty(problem: BoxProblem, y: Floats, side: Floats, over: FirstOrder, rho: float, small: float) -> Weights:
    """Multipliers with penalties.

    Of ``c <= side`` with ``c - side >= -r`` over a box the penalty may be ``2 y / r``; half of that is taken, so that
    ``y + rho (c - side)`` is not negative either. For equations it is ``rho``, but no more than would change the weight
    by its own size or the Lagrangian by ``small``: over wide boxes more curvature is more to be off by.
    """
    far = np.where(problem.equal, np.maximum(side - over.c[0], over.c[1] - side), _inner(y, side, over))
    with np.errstate(divide="ignore", invalid="ignore"):
        steep = np.where(far > 0, np.abs(y) / far, np.inf) * (1.0 - 1e-12)
        little = np.where(far > 0, small / far**2, np.inf)
    known = np.isfinite(far)
    penalty = np.where(
        problem.equal, np.minimum(rho, np.maximum(steep, little)), np.minimum(steep, STEEPEST * np.abs(y))
    )
    return Weights(y, side, np.where(known & (problem.equal | (y != 0)), penalty, 0.0))


def _inner(y: Floats, side: Floats, over: FirstOrder) -> Floats:
    """How far within its side a row may be."""
    return np.asarray(np.where(y > 0, side - over.c[0], over.c[1] - side))
