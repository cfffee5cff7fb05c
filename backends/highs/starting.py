"""A warm start for HiGHS: a point for branch and cut, a basis that fits the point for the simplex method."""

from __future__ import annotations

from typing import Any

import numpy as np

from optc.compiler.backend import Start
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

from ..known_point import activities, usable
from .passing import highspy_module


def set_start(highs: Any, form: LinearForm, start: Start) -> None:
    x = usable(form, start.x) if form.integer.any() else start.x
    known = np.flatnonzero(np.isfinite(x)).astype(np.int32)
    if not len(known):
        return
    if form.integer.any() or len(known) < len(x):
        highs.setSolution(len(known), known, x[known])
    elif not isinstance(form, QuadraticForm):
        highs.setBasis(_basis_near(form, x))


def _basis_near(form: LinearForm, x: Floats) -> Any:
    """A basis that fits a point: what is on a bound stays there. HiGHS mends it where it is none (``alien``)."""
    highspy = highspy_module()
    kinds = highspy.HighsBasisStatus
    status = (kinds.kBasic, kinds.kLower, kinds.kUpper)
    basis = highspy.HighsBasis()
    basis.valid = True
    basis.alien = True
    basis.col_status = [status[k] for k in _sides(x, form.lower, form.upper)]
    basis.row_status = [status[k] for k in _sides(activities(form, x), form.row_lower, form.row_upper)]
    return basis


def _sides(values: Floats, lower: Floats, upper: Floats) -> list[int]:
    """0 between the bounds, 1 at the lower, 2 at the upper one."""
    near = 1e-9 * np.maximum(1.0, np.abs(values))
    sides = np.select([np.abs(values - lower) <= near, np.abs(values - upper) <= near], [1, 2], 0)
    return [int(side) for side in sides]
