"""One examination of boxes: what of each can hold feasible points with ``f <= cutoff``, and a bound of ``f`` there.

In turn: forward-backward narrowing through rows and objective, whole ends of whole columns, narrowing by the mean
value form of rows and objective, the test whether better points lie outside, and bounds by augmented Lagrangians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernels import ends as e
from ..kernels.ends import Bools, Ends
from . import lagrangian
from .multipliers import Hint, Weights, estimated, half_widths, with_penalty
from .problem import BoxProblem, FirstOrder, middle_of, rounded_inwards

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

SWEEPS = 4  # forward-backward sweeps at most
GAIN = 0.1  # of the width of some column is what a further sweep must have been worth
ROWS = 0.1  # what a row counts for the choice of a column beside the Lagrangian, once there is a point
ENDLESS = 1e290
FAR = 1e300  # the score of an endless column, over how far its end is out
SMALL = 1e-5  # of the cutoff's size: what penalties may be off by in any case


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """What is left of ``b`` boxes: ``k`` of them, ``which`` ``(k,)``, ``x`` ``(2, k, n)``, a lower bound of ``f`` at
    their feasible points ``(k,)``, and how much each column counts for the width of the bounds, ``score`` ``(k, n)``.

    ``closed``: the least bound of those that went because it reached the cutoff.
    """

    which: Ints
    x: Ends
    lower: Floats
    score: Floats
    closed: float


def examined(problem: BoxProblem, boxes: Ends, cutoff: float, hints: Sequence[Hint] = ()) -> Examined:
    """Examines boxes ``(2, b, n)``. Points with ``f > cutoff`` need not be kept."""
    which, x = _swept(problem, boxes, cutoff)
    over, at, middle = _first_orders(problem, x)
    x, alive = _by_mean_values(problem, x, over, at, middle, cutoff)
    alive &= ~over.undefined & ~_left(problem, x, over)
    which, x, over, at = which[alive], x[:, alive], over.part(alive), at.part(alive)
    if not len(which):
        return Examined(which, x, np.zeros(0), np.zeros((0, x.shape[-1])), np.inf)
    plain, bent = _weights(problem, x, over, at, hints, cutoff)
    with np.errstate(all="ignore"):
        found = lagrangian.bounds(problem, x, over, plain, cutoff)
        x, lower = rounded_inwards(e.meet(x, found.x), problem.form.integer), found.lower
        again = np.flatnonzero(bent.rho.any(axis=-1) & (lower < cutoff) & ~_empty(x))
        if len(again):
            more = lagrangian.bounds(problem, x[:, again], over.part(again), bent.part(again), cutoff)
            lower[again] = np.maximum(lower[again], more.lower)
            x[:, again] = rounded_inwards(e.meet(x[:, again], more.x), problem.form.integer)
        score = _score(problem, x, over, plain.y, ROWS if np.isfinite(cutoff) else 1.0)
    beyond = lower >= cutoff
    closed = float(lower[beyond].min(initial=np.inf))
    keep = ~_empty(x) & ~beyond
    return Examined(which[keep], x[:, keep], lower[keep], score[keep], closed)


def _empty(x: Ends) -> Bools:
    return np.asarray((x[0] > x[1]).any(axis=-1))


def _swept(problem: BoxProblem, boxes: Ends, cutoff: float) -> tuple[Ints, Ends]:
    """Forward-backward narrowing, again where it gains; the boxes that are not empty."""
    x = rounded_inwards(boxes, problem.form.integer).copy()
    alive = ~_empty(x)
    active = np.flatnonzero(alive)
    for _ in range(SWEEPS):
        if not len(active):
            break
        before = x[:, active]
        found, empty = problem.narrowed(before, cutoff)
        found = rounded_inwards(found, problem.form.integer)
        empty |= _empty(found)
        alive[active[empty]] = False
        x[:, active] = np.where(empty[:, None], before, found)
        active = active[~empty & _gained(before, found)]
    kept = np.flatnonzero(alive)
    return kept, x[:, kept]


def _gained(before: Ends, after: Ends) -> Bools:
    """Whether some column lost more than ``GAIN`` of its width."""
    with np.errstate(all="ignore"):
        old, new = before[1] - before[0], after[1] - after[0]
        return np.asarray(((new < (1.0 - GAIN) * old) & (old > 0)).any(axis=-1))


def _first_orders(problem: BoxProblem, x: Ends) -> tuple[FirstOrder, FirstOrder, Floats]:
    """First-order values over boxes and in their middle."""
    count, middle = x.shape[1], middle_of(x)
    both = problem.first_order(np.concatenate([x, e.exact(middle)], axis=1))
    return both.part(slice(0, count)), both.part(slice(count, None)), middle


def _by_mean_values(
    problem: BoxProblem, x: Ends, over: FirstOrder, at: FirstOrder, middle: Floats, cutoff: float
) -> tuple[Ends, Bools]:
    """Boxes narrowed by ``c(x) + J (x' - x)`` within the rows and the same of ``f``; which of them are left.

    Of each row and column, what the others leave: ``x'_j - x_j`` lies in the rest over ``J_ij``, where that has a sign.
    """
    form = problem.form
    sides = np.stack([np.append(form.row_lower, -np.inf), np.append(form.row_upper, cutoff)])
    with np.errstate(all="ignore"):
        value = np.concatenate([at.c, at.f[..., None]], axis=-1)
        matrix = np.concatenate([over.jacobian, over.gradient[..., None, :]], axis=-2)
        steps = e.subtract(x, e.exact(middle))
        steps = np.where(x[0] == x[1], 0.0, steps)
        terms = e.multiply(matrix, steps[:, :, None, :])
        by = e.groups(np.zeros(x.shape[-1], dtype=np.int64), 1)
        rest = e.others(terms, by)
        room = e.subtract(e.subtract(np.broadcast_to(sides[:, None], value.shape), value)[..., None], rest)
        signed = (matrix[0] > 0) | (matrix[1] < 0)
        found = e.divide(room, np.where(signed, matrix, 1.0))
        found[0] = np.where(signed, found[0], -np.inf)
        found[1] = np.where(signed, found[1], np.inf)
        found = e.add(np.stack([found[0].max(axis=-2), found[1].min(axis=-2)]), e.exact(middle))
        whole = e.add(value, e.total(terms, by)[..., 0])
    outside = ((whole[0] > sides[1]) | (whole[1] < sides[0])).any(axis=-1)
    able = ~over.partial & np.isfinite(value).all(axis=(0, 2))
    narrow = np.where(able[:, None], e.meet(x, found), x)
    narrow = rounded_inwards(narrow, form.integer)
    alive = ~(able & outside) & ~_empty(narrow)
    return np.where(alive[:, None], narrow, x), alive


def _left(problem: BoxProblem, x: Ends, over: FirstOrder) -> Bools:
    """Whether ``f`` falls over a whole box towards an end that is not the domain's, and no row stands in the way.

    There is then no best point among the boxes that go for this reason: of the best one the next is better, and it
    lies in the domain, breaks no row, and so is in some other box.
    """
    form = problem.form
    slack = (over.c[1] < form.row_upper) & (over.c[0] > form.row_lower)
    held = ((~slack)[:, :, None] & problem.used).any(axis=1)
    down = (over.gradient[0] > 0) & (x[0] > form.lower)
    up = (over.gradient[1] < 0) & (x[1] < form.upper)
    return np.asarray(((down | up) & ~held & ~form.integer).any(axis=-1) & ~over.partial)


def _weights(
    problem: BoxProblem, x: Ends, over: FirstOrder, at: FirstOrder, hints: Sequence[Hint], cutoff: float
) -> tuple[Weights, Weights]:
    """Of the multipliers that are estimated for each box and those of the hints, the ones that promise most: without
    penalties, which leave the slopes as narrow as they are, and with them, which bend the Lagrangian upwards."""
    form = problem.form
    rho = max((hint.rho for hint in hints), default=0.0)
    small = SMALL * max(1.0, abs(cutoff)) if np.isfinite(cutoff) else SMALL
    with np.errstate(all="ignore"):
        half = half_widths(x)
        y, side = estimated(problem, at, over, x)
        best = _promise(at, y, side, half)
        for hint in hints:
            given = np.broadcast_to(hint.y, y.shape)
            own = np.where(problem.equal | (given < 0), form.row_lower, form.row_upper)
            usable = np.isfinite(own)
            given, own = np.where(usable, given, 0.0), np.where(usable, own, 0.0)
            promise = _promise(at, given, own, half)
            better = (promise > best)[:, None]
            y, side = np.where(better, given, y), np.where(better, own, side)
            best = np.maximum(best, promise)
        return Weights(y, side, np.zeros_like(y)), with_penalty(problem, y, side, over, rho, small)


def _promise(at: FirstOrder, y: Floats, side: Floats, half: Floats) -> Floats:
    """The least of the linearised Lagrangian over each box, about."""
    slope = at.gradient[0] + (y[..., None] * at.jacobian[0]).sum(axis=-2)
    found = at.f[0] + (y * (at.c[0] - side)).sum(axis=-1) - (np.abs(slope) * half).sum(axis=-1)
    return np.where(np.isnan(found), -np.inf, found)


def _score(problem: BoxProblem, x: Ends, over: FirstOrder, y: Floats, rows: float) -> Floats:
    """How much of what the bounds are off comes from each column: its width times how far the slope of the Lagrangian
    varies over the box, and ``rows`` times the same of each row that may bind; where nothing varies, what the slopes
    themselves change (relative smears). Endless columns come first, those that have come least far before others."""
    form = problem.form
    width = x[1] - x[0]
    binding = (over.c[1] > form.row_upper) | (over.c[0] < form.row_lower) | problem.equal
    weight = np.concatenate([np.where(binding, rows, 0.0), np.ones((len(width), 1))], axis=1)
    radius, size = (
        [0.5 * (d[1] - d[0]) for d in (over.jacobian, over.gradient)],
        [np.abs(d).max(axis=0) for d in (over.jacobian, over.gradient)],
    )
    varying = radius[1] + np.where(y[..., None] != 0, np.abs(y)[..., None] * radius[0], 0.0).sum(axis=-2)
    scores = [
        (weight[..., None] * _shares(np.concatenate([a, b[:, None]], axis=1), width)).sum(axis=1)
        for a, b in ((radius[0], varying), (size[0], size[1]))
    ]
    relative = width / np.maximum(1.0, np.abs(x).max(axis=0))
    first, second = ((score > 0).any(axis=-1, keepdims=True) for score in scores)
    score = np.where(first, scores[0], np.where(second, scores[1], relative))
    out = np.where(np.isfinite(x), np.abs(x), np.where(np.isinf(x).all(axis=0), 0.0, np.inf)).min(axis=0)
    return np.asarray(np.where(np.isinf(width), FAR / (1.0 + out), score))


def _shares(sizes: Floats, width: Floats) -> Floats:
    """Sizes times widths, as shares of their sum over the columns; 0 where that is 0. Endless ones share alike."""
    parts = np.where(width[:, None, :] > 0, sizes * width[:, None, :], 0.0)
    parts = np.minimum(np.where(np.isnan(parts), np.inf, parts), ENDLESS)
    totals = parts.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(totals > 0, parts / np.where(totals > 0, totals, 1.0), 0.0))
