"""Coefficients that no algorithm can calculate with: such that are not finite, or larger than a backend takes."""

from __future__ import annotations

import math

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import COEFFICIENT
from optc.dsl.diagnostics import Diagnostic, Place
from optc.dsl.source import Span

from .forms.conic import ConicForm
from .forms.discrete import DiscreteForm
from .forms.fractional import FractionalForm
from .forms.linear import Floats, LinearForm, QuadraticForm
from .instance.instance import Instance
from .result.lifting import Names


def unusable(instance: Instance, form: LinearForm, largest: float = math.inf) -> Diagnostic | None:
    """The first coefficient that is not finite, or ``largest`` or more in a row or product; None where all are usable.

    ``instance`` is the one that was lowered to ``form``. Right sides and bounds may be infinite and are no matter here.
    """
    names = Names(instance, form)
    at = _first_of_rows(instance, form, largest)
    if at is not None:
        row = int(np.searchsorted(form.starts, at, side="right")) - 1
        where = names.row(row)
        return _told(names.span_of_row(row), names.column(int(form.indices[at])), where, form.values[at], largest)
    stated = instance.program.root.objective
    where = "the objective" if stated is None or stated.name is None else stated.name
    span = None if stated is None else stated.span
    at = _first(form.cost, math.inf)
    if at is not None:
        return _told(span, names.column(at), where, form.cost[at], math.inf)
    if not math.isfinite(form.offset):
        return report(COEFFICIENT, span, what="the constant", where=where, value=f"{form.offset:g}", limit=_FINITE)
    if isinstance(form, FractionalForm):
        at = _first(form.denominator, math.inf)
        if at is not None:
            return _told(span, names.column(at), where, form.denominator[at], math.inf)
    if isinstance(form, (QuadraticForm, DiscreteForm)):
        at = _first(form.hessian_values, largest)
        if at is not None:
            first = names.column(int(np.searchsorted(form.hessian_starts, at, side="right")) - 1)
            second = names.column(int(form.hessian_indices[at]))
            return _told(span, f"{first} * {second}", where, form.hessian_values[at], largest)
    if isinstance(form, ConicForm):
        for numbers in (form.cone_values, form.shift):
            at = _first(numbers, math.inf)
            if at is not None:
                what, value = "a coefficient of a nonlinear term", f"{numbers[at]:g}"
                return report(COEFFICIENT, None, what=what, where=instance.program.name, value=value, limit=_FINITE)
    if isinstance(form, DiscreteForm):
        products = form.products
        at = _first(products.values, math.inf)
        if at is not None:
            row = int(products.rows[at])
            what = f"{names.column(int(products.first[at]))} * {names.column(int(products.second[at]))}"
            return _told(names.span_of_row(row), what, names.row(row), products.values[at], math.inf)
    return None


_FINITE = "it must be finite"


def _told(span: Span | Place | None, decision: str, where: str, value: float, largest: float) -> Diagnostic:
    limit = f"the solver takes none of {largest:g} or more" if math.isfinite(value) else _FINITE
    what = f"the coefficient of {decision}"
    return report(COEFFICIENT, span, what=what, where=where, value=f"{value:g}", limit=limit)


def _first_of_rows(instance: Instance, form: LinearForm, largest: float) -> int | None:
    """As ``_first`` for the rows; arrays that an update left as they were are not read again."""
    known = instance.patterns.get("usable rows")
    if isinstance(known, tuple) and known[0] is form.values and known[1] <= largest:
        return None
    at = _first(form.values, largest)
    if at is None:
        instance.patterns["usable rows"] = (form.values, largest)
    return at


def _first(values: Floats, largest: float) -> int | None:
    """Where the first unusable number stands. The extremes tell for whole arrays that all is well; NaN fails both."""
    if not values.size or (values.max() < largest and values.min() > -largest):
        return None
    bad = np.flatnonzero(~(np.abs(values) < largest))
    return int(bad[0]) if len(bad) else None
