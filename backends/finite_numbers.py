"""Numbers that no solver may be given: some take NaN without a word, and then anything may come out."""

from __future__ import annotations

import numpy as np

from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm


def coefficients(form: LinearForm) -> list[Floats]:
    """The coefficients of objective, rows and products."""
    found = [form.cost, form.values]
    if isinstance(form, (QuadraticForm, DiscreteForm)):
        found.append(form.hessian_values)
    return [*found, form.products.values] if isinstance(form, DiscreteForm) else found


def refuse_undefined(form: LinearForm) -> None:
    """Raises ``ValueError`` for a coefficient that is not finite, or a bound that is no number."""
    bounds = (form.lower, form.upper, form.row_lower, form.row_upper)
    if not all(np.isfinite(part).all() for part in coefficients(form)) or any(np.isnan(part).any() for part in bounds):
        raise ValueError("the problem has a coefficient that is not finite, or a bound that is no number")
