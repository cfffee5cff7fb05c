"""Many small linear programs at once, for their multipliers, by an interior-point method on whole arrays.

    minimise  slope'z   subject to   low <= A z <= high,  -1 <= z <= 1

Predictor and corrector of S. Mehrotra, "On the implementation of a primal-dual interior point method", SIAM J.
Optimization 2 (1992), a fixed number of steps for all. Of every step the multipliers are judged by the bound that they
prove, and the best are kept; so a program without a point gives multipliers with a bound as large as one likes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = 12
WIDEN = 1e-7  # rows have at least this width, so that there is an interior
BACK = 0.99  # of the way to the edge
LARGEST = 1e8  # multipliers, where the programs are scaled to one


@dataclass(frozen=True, slots=True, eq=False)
class LinearPrograms:
    """``slope`` ``(b, n)``, ``rows`` ``(b, m, n)``, ``low`` and ``high`` ``(b, m)``, infinite where a side is none."""

    slope: Floats
    rows: Floats
    low: Floats
    high: Floats


def proved(p: LinearPrograms, y: Floats) -> Floats:
    """The least of ``slope'z + y (A z - side)`` over the box, the side that of the sign of ``y``."""
    side = np.where(y > 0, p.high, p.low)
    lost = np.where(y == 0, 0.0, y * np.where(np.isfinite(side), side, 0.0)).sum(axis=-1)
    found: Floats = -lost - np.abs(p.slope + (y[..., None] * p.rows).sum(axis=-2)).sum(axis=-1)
    return found


def row_multipliers(p: LinearPrograms) -> Floats:
    """Multipliers ``(b, m)``: not negative at ``high``, not positive at ``low``, 0 where the side is infinite."""
    best = np.zeros_like(p.low)
    if not best.size:
        return best
    promise = proved(p, best)
    state = _first(p)
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            state = _step(p, state)
            y = np.clip(state.y, -LARGEST, LARGEST)
            y = np.where(np.isfinite(np.where(y > 0, p.high, p.low)) & np.isfinite(y), y, 0.0)
            found = proved(p, y)
            better = found > promise
            best, promise = np.where(better[:, None], y, best), np.where(better, found, promise)
    return best


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """``x`` ``(b, n + m)``: the columns, and the values of the rows; ``low`` and ``high``: multipliers of their ends
    (0 where there is none); ``y``: of ``A z - s = 0``."""

    x: Floats
    low: Floats
    high: Floats
    y: Floats


def _ends(p: LinearPrograms) -> tuple[Floats, Floats]:
    one = np.ones_like(p.slope)
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (p.low + p.high)
    thin, endless = p.high - p.low < 2 * WIDEN, np.isinf(p.low) & np.isinf(p.high)
    low, high = np.where(thin, middle - WIDEN, p.low), np.where(thin, middle + WIDEN, p.high)
    far = np.abs(p.rows).sum(axis=-1) + 1.0  # beyond what a row without sides reaches
    low, high = np.where(endless, -far, low), np.where(endless, far, high)
    return np.concatenate([-one, low], axis=-1), np.concatenate([one, high], axis=-1)


def _first(p: LinearPrograms) -> _State:
    low, high = _ends(p)
    both = np.isfinite(low) & np.isfinite(high)
    with np.errstate(invalid="ignore"):
        inner = np.clip(0.0, low + np.minimum(0.1, 0.25 * (high - low)), high - np.minimum(0.1, 0.25 * (high - low)))
    x = np.where(both, inner, np.where(np.isfinite(low), np.maximum(0.0, low + 0.1), np.minimum(0.0, high - 0.1)))
    return _State(x, np.isfinite(low) * 1.0, np.isfinite(high) * 1.0, np.zeros_like(p.low))


def _step(p: LinearPrograms, s: _State) -> _State:
    low, high = _ends(p)
    n = p.slope.shape[-1]
    below = np.where(np.isfinite(low), s.x - low, 1.0)
    above = np.where(np.isfinite(high), high - s.x, 1.0)
    cost = np.concatenate([p.slope, np.zeros_like(p.low)], axis=-1)
    pulled = np.concatenate([(s.y[..., None] * p.rows).sum(axis=-2), -s.y], axis=-1)
    dual = cost + pulled - s.low + s.high
    primal = (p.rows * s.x[:, None, :n]).sum(axis=-1) - s.x[:, n:]
    inverse = 1.0 / np.maximum(s.low / below + s.high / above, 1e-14)
    system = (p.rows * inverse[:, None, :n]) @ p.rows.transpose(0, 2, 1)
    own = np.arange(system.shape[-1])
    system[:, own, own] += inverse[:, n:]
    lost = ~np.isfinite(system).all(axis=(1, 2)) | ~(system[:, own, own] < 1e200).all(axis=1)
    system[lost] = np.eye(len(own))  # such a program has run away, and keeps its best
    even = 1.0 / np.sqrt(np.maximum(system[:, own, own], 1e-200))
    system = system * even[:, :, None] * even[:, None, :]
    system[:, own, own] += 1e-13
    factor = np.linalg.inv(system) * even[:, :, None] * even[:, None, :]

    def direction(target_low: Floats, target_high: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        right = dual - target_low / below + s.low + target_high / above - s.high
        moved = inverse * right
        dy = (factor @ (primal - (p.rows * moved[:, None, :n]).sum(axis=-1) + moved[:, n:])[..., None])[..., 0]
        along = np.concatenate([(dy[..., None] * p.rows).sum(axis=-2), -dy], axis=-1)
        dx = -inverse * (right + along)
        dlow = np.where(np.isfinite(low), (target_low - s.low * dx) / below - s.low, 0.0)
        dhigh = np.where(np.isfinite(high), (target_high + s.high * dx) / above - s.high, 0.0)
        return dx, dlow, dhigh, dy

    nothing = np.zeros_like(s.x)
    dx, dlow, dhigh, _ = direction(nothing, nothing)
    first = _longest(s, below, above, dx, dlow, dhigh)
    ends = np.maximum((s.low > 0).sum(axis=-1) + (s.high > 0).sum(axis=-1), 1)
    mu = ((s.low * below).sum(axis=-1) + (s.high * above).sum(axis=-1)) / ends
    a, b = first[0][:, None], first[1][:, None]
    after = (((s.low + b * dlow) * (below + a * dx)) * (s.low > 0)).sum(axis=-1)
    after = (after + (((s.high + b * dhigh) * (above - a * dx)) * (s.high > 0)).sum(axis=-1)) / ends
    centre = (mu * np.clip(after / np.maximum(mu, 1e-300), 0.0, 1.0) ** 3)[:, None]
    with_low = np.where(np.isfinite(low), centre - dx * dlow, 0.0)
    with_high = np.where(np.isfinite(high), centre + dx * dhigh, 0.0)
    dx, dlow, dhigh, dy = direction(with_low, with_high)
    primal_step, dual_step = (BACK * step[:, None] for step in _longest(s, below, above, dx, dlow, dhigh))
    return _State(s.x + primal_step * dx, s.low + dual_step * dlow, s.high + dual_step * dhigh, s.y + dual_step * dy)


def _longest(s: _State, below: Floats, above: Floats, dx: Floats, dlow: Floats, dhigh: Floats) -> tuple[Floats, Floats]:
    """How far the columns and the multipliers can go, at most 1."""

    def limit(value: Floats, change: Floats) -> Floats:
        ratio = np.where(change < 0, -value / np.where(change < 0, change, -1.0), np.inf)
        return np.asarray(ratio.min(axis=-1))

    inner = np.minimum(limit(np.where(s.low > 0, below, np.inf), dx), limit(np.where(s.high > 0, above, np.inf), -dx))
    outer = np.minimum(limit(s.low, dlow), limit(s.high, dhigh))
    return np.minimum(1.0, np.nan_to_num(inner)), np.minimum(1.0, np.nan_to_num(outer))
