"""Claim ``duals``: the multipliers have the right signs, stand only where a constraint is tight, and leave no slope.

The residual of a row is |multiplier| * distance to the side that the multiplier's sign names, of a column the same
with its reduced cost; each relative to max(1, |objective|): the part of the objective that it misplaces.
"""

from __future__ import annotations

import numpy as np

from ..forms.conic import ConicForm, transposed
from ..forms.fractional import FractionalForm, parts_at
from ..forms.linear import Floats, LinearForm, QuadraticForm
from ..instance.instance import Instance
from ..result.certificate import Line
from ..result.lifting import Names


def duals(
    instance: Instance,
    form: LinearForm,
    x: Floats,
    y: Floats,
    objective: float,
    tolerance: float,
    z: Floats | None = None,
) -> Line:
    """The line of the claim for row multipliers ``y`` (m) at ``x`` (n); ``z`` (p): those of a conic form's cones."""
    sign = 1.0 if form.sense == "minimize" else -1.0
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    activity = np.bincount(owner, weights=form.values * x[form.indices], minlength=form.shape[0]).astype(np.float64)
    slope = sign * gradient(form, x)
    reduced = slope - np.bincount(form.indices, weights=form.values * (sign * y)[owner], minlength=form.shape[1])
    scale = max(1.0, abs(objective))
    coned = 0.0
    if isinstance(form, ConicForm) and z is not None:
        reduced = reduced - transposed(form, z)[0]
        coned = float(np.abs(_by_cone(form, z * form.cone_points(x))).max(initial=0.0)) / scale
    rows = _misplaced(sign * y, activity, form.row_lower, form.row_upper) / scale
    columns = _misplaced(reduced, x, form.lower, form.upper) / scale
    value = max(float(rows.max(initial=0.0)), float(columns.max(initial=0.0)), coned)
    names = Names(instance, form)
    where = None
    if value > coned:
        of_row = len(rows) > 0 and float(rows.max()) == value
        where = names.row(int(np.argmax(rows))) if of_row else names.column(int(np.argmax(columns)))
    count, width = form.shape
    of_rows = f"{count:,} {'row' if count == 1 else 'rows'}"
    how = f"sign and complementarity over {of_rows} and {width:,} reduced {'cost' if width == 1 else 'costs'}"
    return Line("duals", "checked" if value <= tolerance else "failed", value, tolerance, where, how)


def _by_cone(form: ConicForm, values: Floats) -> Floats:
    """Sums over the rows of each cone."""
    owner = np.repeat(np.arange(form.cones.count), form.cones.sizes)
    return np.bincount(owner, values, form.cones.count).astype(np.float64)


def gradient(form: LinearForm, x: Floats) -> Floats:
    """The gradient of the objective (n)."""
    if isinstance(form, FractionalForm):
        top, bottom = parts_at(form, x)
        found: Floats = (form.cost - top / bottom * form.denominator) / bottom
        return found
    if not isinstance(form, QuadraticForm):
        return form.cost
    columns = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    rows, values = form.hessian_indices, form.hessian_values
    off = rows != columns
    product = np.bincount(rows, weights=values * x[columns], minlength=form.shape[1])
    product = product + np.bincount(columns[off], weights=values[off] * x[rows[off]], minlength=form.shape[1])
    return form.cost + product


def _misplaced(multiplier: Floats, value: Floats, lower: Floats, upper: Floats) -> Floats:
    """|multiplier| times the distance to the side it belongs to; with no such side the multiplier itself."""
    side = np.where(multiplier > 0, lower, upper)
    with np.errstate(invalid="ignore"):
        distance = np.where(np.isfinite(side), np.abs(value - side), 1.0)
    return np.abs(multiplier) * distance
