"""Fractional form to linear form: the transformation of Charnes and Cooper.

    y = x t,  t = s / (d'x + d0)          s > 0 a scale

    minimize (c'x + c0) / (d'x + d0)      becomes     minimize (c'y + c0 t) / s
    l <= a'x <= u                                     a'y - l t >= 0,  a'y - u t <= 0  (one equation where l = u)
    lower <= x <= upper                               y - lower t >= 0,  y - upper t <= 0   (a bound where it is 0)
                                                      d'y + d0 t == s,   s / most <= t <= s / least

Source: a ``FractionalForm`` without whole columns, whose denominator is proved between ``least > 0`` and a finite
``most``. Then ``t`` is at least ``s / most``, and every point of the target is one of the source, ``x = y / t``: the
optimum is attained or the numerator falls without end at a bounded denominator. (With an unbounded denominator the
target has points with ``t = 0``, directions of the source, and an optimum that the source may only approach: such
forms are for Dinkelbach's method.) The scale is ``most``, so that ``t >= 1`` and dividing by it makes no error larger;
where the denominator ranges over more than ``WIDEST`` the form is refused too. The bounds of ``t`` are made twice as
wide as they are proved, so that they hold none of the multipliers.

Kept: every point and its objective. Lost: nothing. Lifted: ``x = y / t``; of a row with multipliers ``p`` in the target
the multiplier in the source is ``p t``, the derivative of the ratio by the row's active side, and likewise reduced
costs; a direction keeps its ``y``. Source: A. Charnes, W. W. Cooper, "Programming with linear fractional functionals",
Naval Research Logistics Quarterly 9 (1962).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.diagnostics import Diagnostic

from ..answer import Answer
from ..forms.fractional import FractionalForm
from ..forms.linear import Floats, LinearForm
from ..signature import Signature

NAME = "Charnes-Cooper"
SOURCE = "fractional"
TARGET = "linear"
COST = 0.0

WIDEST = 1e6
"""Largest quotient of the ends of the denominator."""

Numbers = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """The source, the scale ``s``, and which rows of the target came from which sides.

    ``rows``: for each row of the target the row of the source, or for those of bounds the column plus the number of
    the source's rows; the row of the denominator is the last and not among them.
    """

    source: FractionalForm
    scale: float
    rows: Numbers


def transfer(signature: Signature) -> Signature | str:
    """The linear form's signature; the reason why not for whole decisions."""
    if "integer" in signature.features:
        return "it has a ratio with whole decisions, which dividing by the denominator does not keep whole"
    return replace(signature, form=TARGET)


def accepts(form: FractionalForm) -> Diagnostic | None:
    """None, or why the division by the denominator is not to be had."""
    if form.integer.any():
        return _refusal("a ratio with whole decisions")
    if not np.isfinite(form.most):
        return _refusal("a ratio whose denominator has no proved upper bound")
    if form.most > WIDEST * form.least:
        return _refusal(f"a ratio whose denominator is not proved to stay within a factor of {WIDEST:,.0f}")
    return None


def _refusal(what: str) -> Diagnostic:
    return report(NOT_IN_FORM, None, what=what, form=TARGET)


def lower(form: FractionalForm) -> tuple[LinearForm, Inverse]:
    """The linear form, and what lifts its answers."""
    n = form.shape[1]
    scale = form.most
    owner, column, value, origin, lower, upper = _homogeneous(form)
    normal = np.flatnonzero(form.denominator)
    last = len(origin)
    rows = np.concatenate([owner, np.full(len(normal) + 1, last)])
    columns = np.concatenate([column, normal, [n]])
    values = np.concatenate([value, form.denominator[normal], [form.denominator_offset]])
    keep = values != 0
    rows, columns, values = rows[keep], columns[keep], values[keep]
    order = np.lexsort((columns, rows))
    counts = np.bincount(rows, minlength=last + 1)
    free = np.full(n, np.inf)
    linear = LinearForm(
        form.sense,
        np.append(form.cost, form.offset) / scale,
        0.0,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        columns[order].astype(np.int32),
        values[order],
        np.append(lower, scale),
        np.append(upper, scale),
        np.append(np.where(form.lower == 0, 0.0, -free), 0.5 * scale / form.most),
        np.append(np.where(form.upper == 0, 0.0, free), 2.0 * scale / form.least),
        np.zeros(n + 1, dtype=np.bool_),
    )
    return linear, Inverse(form, scale, origin)


def _homogeneous(form: FractionalForm) -> tuple[Numbers, Numbers, Floats, Numbers, Floats, Floats]:
    """Row, column and value of the entries of all rows but the denominator's; the origin and the ends of each row."""
    m, n = form.shape
    counts = np.diff(form.starts)
    of_row = np.repeat(np.arange(m), counts)
    equal = form.row_lower == form.row_upper
    parts: list[tuple[Numbers, Floats, bool, bool]] = [
        (np.flatnonzero(equal), form.row_lower, True, True),
        (np.flatnonzero(~equal & np.isfinite(form.row_lower)), form.row_lower, True, False),
        (np.flatnonzero(~equal & np.isfinite(form.row_upper)), form.row_upper, False, True),
    ]
    rows, columns, values, origins, lowers, uppers = [], [], [], [], [], []
    first = 0
    for which, side, below, above in parts:
        at = np.full(m, -1)
        at[which] = first + np.arange(len(which))
        inside = at[of_row] >= 0
        rows += [at[of_row[inside]], at[which]]
        columns += [form.indices[inside], np.full(len(which), n)]
        values += [form.values[inside], -side[which]]
        origins.append(which)
        lowers.append(np.full(len(which), 0.0 if below else -np.inf))
        uppers.append(np.full(len(which), 0.0 if above else np.inf))
        first += len(which)
    for ends, below in ((form.lower, True), (form.upper, False)):
        which = np.flatnonzero(np.isfinite(ends) & (ends != 0))
        numbers = first + np.arange(len(which))
        rows += [numbers, numbers]
        columns += [which, np.full(len(which), n)]
        values += [np.ones(len(which)), -ends[which]]
        origins.append(m + which)
        lowers.append(np.full(len(which), 0.0 if below else -np.inf))
        uppers.append(np.full(len(which), np.inf if below else 0.0))
        first += len(which)
    joined = [np.concatenate(each) for each in (rows, columns, values, origins, lowers, uppers)]
    return joined[0], joined[1], joined[2], joined[3], joined[4], joined[5]


def lift(x: Floats, inverse: Inverse) -> Floats:
    """``y / t``, within the bounds of the source: dividing may leave a last digit outside them."""
    form = inverse.source
    return np.clip(x[..., :-1] / x[..., -1:], form.lower, form.upper)


def extend(x: Floats, inverse: Inverse) -> Floats:
    """A point of the source ``(n,)`` as one of the target; nothing is known of it where a part of ``x`` is missing."""
    form = inverse.source
    bottom = float(form.denominator @ x) + form.denominator_offset
    t = inverse.scale / bottom if bottom > 0 else np.nan
    return np.append(x * t, t)


def raised(answer: Answer, inverse: Inverse) -> Answer:
    """The answer on the source: see the head of the module."""
    ray = None if answer.primal_ray is None else answer.primal_ray[:-1]
    if answer.x is None:
        return replace(answer, primal_ray=ray, row_duals=None, column_duals=None, dual_ray=None)
    x, t = lift(answer.x, inverse), float(answer.x[-1])
    rows: Floats | None = None
    columns: Floats | None = None
    if answer.row_duals is not None and answer.column_duals is not None:
        m, n = inverse.source.shape
        sums = np.bincount(inverse.rows, weights=t * answer.row_duals[:-1], minlength=m + n).astype(np.float64)
        rows, columns = sums[:m], sums[m:] + t * answer.column_duals[:-1]
    return replace(answer, x=x, primal_ray=ray, row_duals=rows, column_duals=columns, dual_ray=None)
