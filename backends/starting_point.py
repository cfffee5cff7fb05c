"""Where a local method begins: the given start within the bounds, and further points drawn around it.

A column of which nothing is known starts near the point of its bounds that is nearest to zero: not on it, for there
saddle points, gradients that depend on each other and the edges of domains are common. Where a function has no value
even so, the columns that were not given move further into the interior of their bounds.
"""

from __future__ import annotations

import numpy as np

from optc.compiler.backend import Start
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.dsl.diagnostics import Diagnostic

INWARD = 1.0  # how far from a lone bound, at most half the way to the other
NUDGE = 1e-2
SPREAD = 10.0  # half the width of the box that columns without bounds are drawn from, times max(1, |start|)


def starting_point(form: NonlinearForm, start: Start | None) -> tuple[Floats, Diagnostic | None]:
    """A point (n) within the bounds, and the first term without a value there, or None."""
    given = np.full(form.shape[1], np.nan) if start is None else start.x
    x = _within(form, np.where(np.isnan(given), _near_zero(form), given))
    fault = form.undefined(x)
    if fault is None or not np.isnan(given).any():
        return x, fault
    inner = _within(form, np.where(np.isnan(given), _interior(form), x))
    return (inner, None) if form.undefined(inner) is None else (x, fault)


def further_points(form: NonlinearForm, x: Floats, count: int, seed: int) -> list[Floats]:
    """``count`` random points (n): uniform between bounds that are near, else around ``x``."""
    random = np.random.default_rng(seed)
    low, high = drawn_between(form, x)
    return [form.completed(low + random.random(len(x)) * (high - low)) for _ in range(count)]


def drawn_between(form: NonlinearForm, x: Floats) -> tuple[Floats, Floats]:
    """The ends (n) between which points are drawn: bounds that are near, else around ``x``."""
    reach = SPREAD * np.maximum(1.0, np.abs(x))
    low, high = np.maximum(form.lower, x - reach), np.minimum(form.upper, x + reach)
    bounded = np.isfinite(form.lower) & np.isfinite(form.upper) & (_width(form) <= 2 * SPREAD * reach)
    return np.where(bounded, form.lower, low), np.where(bounded, form.upper, high)


def _within(form: NonlinearForm, x: Floats) -> Floats:
    found: Floats = np.minimum(np.maximum(x, form.lower), form.upper)
    return form.completed(found)


def _near_zero(form: NonlinearForm) -> Floats:
    """A point (n) off zero and off the bounds by no more than ``NUDGE``, by as much as nothing else is likely to be."""
    x = np.minimum(np.maximum(0.0, form.lower), form.upper)
    amount = NUDGE * (0.6 + 0.4 * np.cos(1.0 + 2.399963 * np.arange(len(x))))
    sign = np.where(x == form.upper, -1.0, np.where(x == form.lower, 1.0, np.where(np.arange(len(x)) % 2, -1.0, 1.0)))
    found: Floats = x + sign * np.minimum(amount, NUDGE * _width(form))
    return found


def _width(form: NonlinearForm) -> Floats:
    """How far the bounds are apart (n); infinite where that is beyond the range of numbers."""
    with np.errstate(over="ignore"):
        found: Floats = form.upper - form.lower
    return found


def _interior(form: NonlinearForm) -> Floats:
    """A point (n) off the bounds: their middle, or a step from the only one."""
    low, high = np.isfinite(form.lower), np.isfinite(form.upper)
    lower, upper = np.where(low, form.lower, 0.0), np.where(high, form.upper, 0.0)
    middle = lower + 0.5 * np.minimum(_width(form), 2 * INWARD)
    return np.select([low & high, low, high], [middle, lower + INWARD, upper - INWARD], INWARD)
