"""Bounds of the columns of a conic form that follow from its linear rows and its cones, rounded outwards.

Cone rows become linear rows with bounds: in ``t >= ||z||`` no entry of ``z`` is larger than ``t`` can be; in
``c >= b exp(a / b)`` with ``c`` bounded, ``a`` is at most ``b log(c / b)``, which is never more than ``c / e``; in
``a^p b^(1-p) >= |c|`` the size of ``c`` is bounded by those of ``a`` and ``b``. These rows and the form's own are
propagated in turn.
"""

from __future__ import annotations

import numpy as np

from ..facts import rounding as r
from ..facts.atoms import ATOMS, power_atom
from ..facts.intervals import Interval
from ..forms import conic
from ..forms.conic import ConicForm
from ..forms.linear import Floats
from .weak_duality import TINY, UNIT, Box, Rows, rows_of, tightened

TURNS = 6


def ranges(form: ConicForm) -> Box:
    """Bounds of every column (n) that hold for all points of the form whose added columns stand for their terms."""
    box = Box(np.maximum(form.lower, form.least), np.minimum(form.upper, form.most))
    if np.isfinite(box.lower).all() and np.isfinite(box.upper).all():
        return box
    own = rows_of(form)
    owner = np.repeat(np.arange(len(form.shift), dtype=np.int32), np.diff(form.cone_starts))
    every = np.ones(form.shape[1], dtype=np.bool_)
    for _ in range(TURNS):
        with np.errstate(all="ignore"):
            known = _of_cones(form, _values(form, owner, box))
            cones = Rows(
                np.concatenate([own.owner, owner + np.int32(own.count)]),
                np.concatenate([own.column, form.cone_indices]),
                np.concatenate([own.values, form.cone_values]),
                np.concatenate([own.lower, r.subtract(known, r.point(form.shift)).lower]),
                np.concatenate([own.upper, r.subtract(known, r.point(form.shift)).upper]),
            )
            after = tightened(cones, box, every, every)
        lower, upper = np.maximum(box.lower, after.lower), np.minimum(box.upper, after.upper)
        same = np.array_equal(np.isfinite(lower), np.isfinite(box.lower)) and np.array_equal(
            np.isfinite(upper), np.isfinite(box.upper)
        )
        box = Box(lower, upper)
        if same:
            break
    return box


def _values(form: ConicForm, owner: np.ndarray[tuple[int, ...], np.dtype[np.int32]], box: Box) -> Interval:
    """The values of ``G x + shift`` over a box (p)."""
    count = len(form.shift)
    ends = r.multiply(r.point(form.cone_values), Interval(box.lower[form.cone_indices], box.upper[form.cone_indices]))
    found = []
    for end, sign in ((ends.lower, -1.0), (ends.upper, 1.0)):
        total = np.bincount(owner, end, count) + form.shift
        size = np.bincount(owner, np.abs(end), count) + np.abs(form.shift)
        terms = np.bincount(owner, minlength=count)
        error = (terms + 3) * 2 * UNIT * size + TINY
        found.append(np.where(np.isfinite(total), total + sign * error, sign * np.inf))
    return Interval(found[0], found[1])


def _of_cones(form: ConicForm, values: Interval) -> Interval:
    """What the cones leave of the values of their rows (p)."""
    lower, upper = values.lower.copy(), values.upper.copy()
    cones = form.cones
    first, sizes = cones.starts[:-1], cones.sizes.astype(np.int64)
    mine = cones.kinds == conic.SECOND_ORDER
    top = np.repeat(np.where(mine, np.maximum(upper[first], 0.0), np.inf), sizes)
    lower, upper = np.maximum(lower, -top), np.minimum(upper, top)
    lower[first[mine]] = np.maximum(lower[first[mine]], 0.0)
    _exponential(lower, upper, cones.of(conic.EXPONENTIAL))
    _power(lower, upper, cones.of(conic.POWER), cones.powers[cones.kinds == conic.POWER])
    return Interval(lower, upper)


def _exponential(lower: Floats, upper: Floats, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> None:
    a, b, c = rows[:, 0], rows[:, 1], rows[:, 2]
    lower[b], lower[c] = np.maximum(lower[b], 0.0), np.maximum(lower[c], 0.0)
    most = upper[c] / np.e * (1 + 1e-12)
    fixed = (lower[b] == upper[b]) & (lower[b] > 0)
    at = r.point(np.where(fixed, lower[b], 1.0))
    log = r.multiply(at, ATOMS["log"].value(r.divide(r.point(np.maximum(upper[c], 0.0)), at))).upper
    upper[a] = np.minimum(upper[a], np.where(fixed, np.minimum(log, most), most))


def _power(lower: Floats, upper: Floats, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]], powers: Floats) -> None:
    a, b, c = rows[:, 0], rows[:, 1], rows[:, 2]
    lower[a], lower[b] = np.maximum(lower[a], 0.0), np.maximum(lower[b], 0.0)
    first = power_atom(powers).value(r.point(np.maximum(upper[a], 0.0)))
    second = power_atom(1 - powers).value(r.point(np.maximum(upper[b], 0.0)))
    most = r.multiply(first, second).upper * (1 + 1e-12)
    lower[c], upper[c] = np.maximum(lower[c], -most), np.minimum(upper[c], most)
