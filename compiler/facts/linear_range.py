"""What values a linear function can have at points that keep the rows and bounds of a form, proved without a solver.

The bounds of the columns are narrowed by propagation first. Then the function is bounded over the box alone and over
the box with any single row: for every row ``i`` and multiplier ``k``,

    d'x  =  k (a_i'x) + (d - k a_i)'x  >=  k L_i (k U_i where k < 0)  +  min over the box of (d - k a_i)'x

which is weak duality with one multiplier, and exact where the function is a multiple of a row. Multipliers that are
tried are the smallest, the largest and the weightiest quotient ``d_j / a_ij`` of each row; the best one found is
evaluated again with outward rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..forms.linear import Floats, LinearForm
from ..verify import weak_duality
from .propagation import Entries, declared, fixed_point


def linear_range(form: LinearForm, slope: Floats, offset: float) -> tuple[float, float]:
    """Numbers that ``slope'x + offset`` stays between; infinite where none was found."""
    rows = weak_duality.rows_of(form)
    entries = Entries(
        rows.owner.astype(np.intp), rows.column.astype(np.intp), rows.values, form.row_lower, form.row_upper
    )
    ends = fixed_point(declared(form.lower, form.upper), entries, form.integer)
    box = weak_duality.Box(ends.lower, ends.upper)
    least, most = _least(slope, rows, box), -_least(-slope, rows, box)
    return _added(least, offset, -math.inf), _added(most, offset, math.inf)


def _added(end: float, offset: float, outwards: float) -> float:
    total = end + offset
    return math.nextafter(total, outwards) if math.isfinite(total) else end


def _least(slope: Floats, rows: weak_duality.Rows, box: weak_duality.Box) -> float:
    with np.errstate(all="ignore"):
        alone = weak_duality.lower_bound(slope, rows, box, np.zeros(rows.count))
        found = _best_row(slope, rows, box) if rows.count else None
        if found is None:
            return alone
        row, multiplier, _ = found
        y = np.zeros(rows.count)
        y[row] = multiplier
        return max(alone, weak_duality.lower_bound(slope, rows, box, y))


def _best_row(slope: Floats, rows: weak_duality.Rows, box: weak_duality.Box) -> tuple[int, float, float] | None:
    """The row, its multiplier and about the bound that they give; None where no row gives a finite one."""
    d, a = slope[rows.column], rows.values
    used = (d != 0) & (a != 0)
    if not used.any():
        return None
    quotient, owner = d[used] / a[used], rows.owner[used]
    smallest, largest = np.full(rows.count, np.inf), np.full(rows.count, -np.inf)
    np.minimum.at(smallest, owner, quotient)
    np.maximum.at(largest, owner, quotient)
    weight = np.zeros(rows.count)
    np.maximum.at(weight, owner, np.abs(d[used]))
    weightiest = np.zeros(rows.count)
    heavy = np.abs(d[used]) == weight[owner]
    weightiest[owner[heavy]] = quotient[heavy]
    touched = np.isfinite(smallest)
    best: tuple[int, float, float] | None = None
    for multipliers in (smallest, largest, weightiest):
        values = _with_rows(slope, rows, box, np.where(touched, multipliers, 0.0))
        row = int(np.argmax(np.where(touched, values, -np.inf)))
        if np.isfinite(values[row]) and (best is None or values[row] > best[2]):
            best = (row, float(multipliers[row]), float(values[row]))
    return best


def _with_rows(slope: Floats, rows: weak_duality.Rows, box: weak_duality.Box, multipliers: Floats) -> Floats:
    """For each row (m) the bound with its multiplier, up to rounding."""
    own = _corner(slope, box.lower, box.upper)
    inside = own[rows.column]
    endless = np.isinf(own)
    finite = np.where(endless, 0.0, own)
    outside = finite.sum() - np.bincount(rows.owner, weights=finite[rows.column], minlength=rows.count)
    missing = endless.sum() - np.bincount(rows.owner, weights=np.isinf(inside).astype(np.float64), minlength=rows.count)
    products = multipliers[rows.owner] * rows.values
    reduced = slope[rows.column] - products
    reduced = np.where(np.abs(reduced) <= 1e-15 * np.abs(products), 0.0, reduced)
    least = _corner(reduced, box.lower[rows.column], box.upper[rows.column])
    rest = np.bincount(rows.owner, weights=least, minlength=rows.count)
    side = np.where(multipliers > 0, rows.lower, rows.upper)
    given = np.where(multipliers == 0, 0.0, multipliers * side)
    found: Floats = np.where(missing > 0, -np.inf, outside + rest + given)
    return np.where(np.isnan(found), -np.inf, found)


def _corner(slope: Floats, lower: Floats, upper: Floats) -> NDArray[np.float64]:
    """The least of ``slope * x`` over ``[lower, upper]``, elementwise; nothing where the slope is zero."""
    return np.where(slope == 0, 0.0, np.where(slope > 0, slope * lower, slope * upper))
