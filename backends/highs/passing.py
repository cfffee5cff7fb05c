"""A form into HiGHS: whole arrays in, options set, nothing printed."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

from ..finite_numbers import refuse_undefined

INFINITE = 1e20  # HiGHS takes bounds of this size and beyond for infinite
SMALLEST = 1e-12  # the smallest coefficient that HiGHS can be told to keep


@cache
def highspy_module() -> Any:
    import highspy

    return highspy


def _quiet() -> Any:
    """A ``highspy.Highs`` that writes nothing: its constructor prints a banner before output can be turned off."""
    highspy = highspy_module()
    highs = highspy.Highs.__new__(highspy.Highs)
    highspy._Highs.__init__(highs)
    highs.setOptionValue("output_flag", False)
    kinds = range(int(highspy.cb.HighsCallbackType.kCallbackMax) + 1)
    highs.callbacks = [highspy.HighsCallback(highspy.cb.HighsCallbackType(kind), highs) for kind in kinds]
    return highs


def load(form: LinearForm) -> Any:
    """A quiet ``highspy.Highs`` with the problem in it; raises ``ValueError`` where HiGHS refuses the arrays."""
    refuse_undefined(form)
    highs = _quiet()
    set_option(highs, "small_matrix_value", SMALLEST)
    rows, columns = form.shape
    sense = -1 if form.sense == "maximize" else 1
    matrix = (form.starts, form.indices, form.values)
    limits = (form.lower, form.upper, form.row_lower, form.row_upper)
    whole = form.integer.astype(np.int32)
    row_wise, triangle = 2, 1
    if isinstance(form, QuadraticForm):
        hessian = (form.hessian_starts, form.hessian_indices, form.hessian_values)
        counts = (columns, rows, len(form.values), len(form.hessian_values), row_wise, triangle)
        status = highs.passModel(*counts, sense, form.offset, form.cost, *limits, *matrix, *hessian, whole)
    else:
        counts4 = (columns, rows, len(form.values), row_wise)
        status = highs.passModel(*counts4, sense, form.offset, form.cost, *limits, *matrix, whole)
    if status.name == "kError":
        raise ValueError("HiGHS refused the problem: are all coefficients below 1e15?")
    return highs


def with_infinite_bounds(values: Floats) -> Floats:
    """Bounds that HiGHS would take for infinite made so; the same array where there are none."""
    far = np.abs(values) >= INFINITE
    return np.where(far, np.copysign(np.inf, values), values) if far.any() else values


def set_option(highs: Any, option_name: str, value: float | bool | str) -> None:
    status = highs.setOptionValue(option_name, value)
    if status.name == "kError":
        raise ValueError(f"HiGHS refused {option_name} = {value}")


def set_whole_columns(highs: Any, form: LinearForm, *, whole: bool) -> None:
    which = np.flatnonzero(form.integer).astype(np.int32)
    if len(which):
        kinds = highspy_module().HighsVarType
        kind = kinds.kInteger if whole else kinds.kContinuous
        highs.changeColsIntegrality(len(which), which, np.full(len(which), int(kind), dtype=np.uint8))
