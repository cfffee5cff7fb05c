"""Whether a conic form says what the model says: at points near an answer, each added column at its own value.

Like ``agreement``, with the point of the form made from one of the model by what the columns stand for: rows and
objective must then have the model's values, and the cones must hold. Terms may be undefined far from the answer (the
logarithm of something negative), so the points are drawn between it and points within the bounds.
"""

from __future__ import annotations

import numpy as np

from ..evaluation.scope import EvaluationError
from ..forms import conic
from ..forms.conic import ConicForm
from ..forms.linear import Floats
from ..instance.instance import Instance
from ..lowering import Lowered
from .agreement import keeps_points, objective_differs, random_point, rows_differ

SHARES = (0.0, 0.02, 0.2)  # how far the points lie from the answer
NEARLY = 1e-8


def conic_differs(instance: Instance, lowered: Lowered, x: Floats) -> str | None:
    """None where form and instance agree near columns ``x`` (n), else what differs or could not be compared."""
    from ..lowerings.conic_rows import drafted

    form = lowered.judged
    own = lowered.instance
    assert isinstance(form, ConicForm)
    again, inverse = drafted(own)
    if again is not form:
        return "the form is not the instance's own"
    for draw, share in enumerate(SHARES):
        other = random_point(form, draw)
        mixed = np.where(np.isfinite(x), (1 - share) * x + share * other, other)
        point = {f.name: mixed[f.offset : f.offset + f.count] for f in own.families}
        extended = inverse.extended(point)
        try:
            different = (
                rows_differ(own, form, extended, point)
                or objective_differs(own, form, extended, point)
                or _outside(form, extended)
            )
        except EvaluationError:
            continue  # the terms have no value there
        if different is not None:
            return different
    if own is not instance:
        try:
            return keeps_points(instance, lowered)
        except EvaluationError:
            return "the rewritten model, which has no value at a random point"
    return None


def _outside(form: ConicForm, x: Floats) -> str | None:
    """Which cones do not hold at a point; semidefinite ones are those of the decisions and are not looked at."""
    s, cones = form.cone_points(x), form.cones
    scale = 1.0 + np.abs(s)
    first = cones.starts[:-1]
    mine = cones.kinds == conic.SECOND_ORDER
    sizes = cones.sizes.astype(np.int64)
    owner = np.repeat(np.arange(cones.count), sizes)
    squares = np.bincount(owner, s * s, cones.count) - s[first] ** 2
    if np.any(mine & (np.sqrt(np.maximum(squares, 0.0)) > s[first] + NEARLY * scale[first])):
        return "a second-order cone"
    a, b, c = (s[cones.of(conic.EXPONENTIAL)[:, k]] for k in range(3))
    with np.errstate(all="ignore"):
        value = np.where(b > 0, b * np.exp(a / np.where(b > 0, b, 1.0)), np.where(a <= 0, 0.0, np.inf))
    if np.any(value > c + NEARLY * (1.0 + np.abs(value))):
        return "an exponential cone"
    a, b, c = (s[cones.of(conic.POWER)[:, k]] for k in range(3))
    power = cones.powers[cones.kinds == conic.POWER]
    value = np.maximum(a, 0.0) ** power * np.maximum(b, 0.0) ** (1 - power)
    return "a power cone" if np.any(np.abs(c) > value + NEARLY * (1.0 + np.abs(c))) else None
