"""Bounds of a ratio of linear functions, by weak duality in the columns of the ratio itself.

With D > 0 at every point of the model, for any number r and multipliers y (S. Schaible, "Fractional programming I,
duality", Management Science 22 (1976))

    N(x) - r D(x)  >=  b(y)  at every point      implies      N(x) / D(x)  >=  r + b(y) / D(x)

where ``b(y)`` is the bound of weak duality on a linear objective, and ``D(x)`` is at least ``least`` and at most
``most``. Nothing is used of how the ratio was minimised: the multipliers may come from the transformation of Charnes
and Cooper or from a step of Dinkelbach's method. All of it is rounded outwards, the two parts of the ratio included.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..facts.linear_range import linear_range
from ..forms.fractional import FractionalForm, parts_at
from ..forms.linear import Floats
from . import weak_duality

HOW = "weak duality on numerator less ratio times denominator, rounded outwards"
UNIT = weak_duality.UNIT


def ratio_bounds(form: FractionalForm, x: Floats, duals: Floats) -> Iterator[tuple[float, str, None]]:
    """The bound that row duals (derivatives of the ratio by the rows' sides) prove near the ratio at ``x`` (n)."""
    top, bottom = parts_at(form, x)
    least, most = linear_range(form, form.denominator, form.denominator_offset)
    if not bottom > 0 or not least > 0:
        return
    sign = 1.0 if form.sense == "minimize" else -1.0
    ratio = sign * top / bottom
    products = ratio * form.denominator
    cost = sign * form.cost - products
    error = UNIT * (2 * np.abs(products) + np.abs(cost)) + weak_duality.TINY
    rows, box = weak_duality.rows_of(form), weak_duality.Box(form.lower, form.upper)
    found = weak_duality.lower_bound(cost, rows, box, sign * duals * bottom, error)
    constant = ratio * form.denominator_offset
    offset = sign * form.offset - constant
    slack = found + offset
    slack -= 4 * UNIT * (abs(constant) + abs(offset) + abs(found) + abs(form.offset)) + weak_duality.TINY
    if not math.isfinite(slack):
        return
    share = slack / (least if slack < 0 else most)
    value = ratio + share
    value -= 4 * UNIT * (abs(ratio) + abs(share)) + weak_duality.TINY
    yield sign * value, HOW, None
