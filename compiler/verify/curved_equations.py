"""Equations that are plainly not affine: the problem is then not convex, and no proof of it need be tried.

The slopes of an affine row are the same everywhere, so one look at the form's Jacobian at two points is enough. It says
nothing that ends up in a certificate: where it finds nothing the proof is tried as ever.
"""

from __future__ import annotations

import numpy as np

from ..forms.linear import Floats
from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance

STEP = 1e-2  # relative distance of the second point
CHANGED = 1e-6  # change of a slope, relative to the largest of its row, that rounding does not explain


def has_curved_equation(instance: Instance, form: NonlinearForm, x: Floats) -> bool:
    """Whether slopes of an equation of the model differ between ``x`` (n) and a point nearby."""
    own = {family.name for family in instance.constraints}
    equations = np.zeros(form.shape[0], dtype=np.bool_)
    for part in form.rows:
        if part.name in own:  # and not one that defines a column of the form's own
            equations[part.offset : part.offset + part.count] = True
    equations &= form.row_lower == form.row_upper
    if not equations.any():
        return False
    away = np.clip(x + STEP * np.maximum(1.0, np.abs(x)) * np.cos(np.arange(len(x))), form.lower, form.upper)
    there, here = form.evaluate_jacobian(away), form.evaluate_jacobian(x)
    rows = form.jacobian_pattern[0]
    largest = np.zeros(form.shape[0])
    with np.errstate(invalid="ignore"):  # a row with a slope without a value says nothing
        np.maximum.at(largest, rows, np.abs(here))
        changed = np.abs(there - here) > CHANGED * largest[rows]
    return bool((changed & equations[rows]).any())
