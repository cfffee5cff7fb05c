"""Instance to quadratic form.

    minimize  x'Qx / 2 + c'x + d   subject to   l <= A x <= u,   lower <= x <= upper,   some x whole

Source: an instance with one decider, an objective that is quadratic and constraints that are linear in the decisions.
Target: ``QuadraticForm``; whether ``Q`` is positive semidefinite is for the facts and the backend, not for this
lowering. Kept and lost: as in the linear lowering, whose rows and columns these are.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optc.dsl.diagnostics import Diagnostic

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError
from ..extraction.patterns import Expression, objective_pattern, offsets_of, row_patterns
from ..extraction.polynomial import NotPolynomialError
from ..extraction.quadratic import Triangle, triangle, triangle_values
from ..forms.linear import QuadraticForm
from ..instance.instance import Instance
from ..signature import WORDS, Signature
from .instance_to_linear import Inverse, columns_of, cost_of, lift, rows_of, unfit

__all__ = ["COST", "NAME", "SOURCE", "TARGET", "Inverse", "accepts", "lift", "lower", "transfer"]

NAME = "instance to quadratic"
SOURCE = "instance"
TARGET = "quadratic"
COST = 2.0

_ALLOWED = frozenset({"integer", "quadratic objective"})


def transfer(signature: Signature) -> Signature | str:
    """The quadratic form's signature, or the first feature that it has no place for."""
    feature = signature.foreign(_ALLOWED)
    return (
        replace(signature, form=TARGET, features=signature.features & {"integer", "binary"})
        if feature is None
        else WORDS[feature]
    )


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why the instance has no quadratic form."""
    reason = unfit(instance, TARGET)
    if reason is not None:
        return reason
    try:
        _objective(instance)
        for family in instance.constraints:
            row_patterns(instance, family)
    except (NotPolynomialError, EvaluationError) as error:
        return error.diagnostic
    return None


def _objective(instance: Instance) -> Expression | None:
    objective = instance.program.root.objective
    if objective is None or objective.expression is None:
        return None
    return objective_pattern(instance, objective.expression, 2, objective.name)


def lower(instance: Instance) -> tuple[QuadraticForm, Inverse]:
    """The form, and what lifts its answers. Raises ``DataError`` where numbers are undefined or a row is false."""
    objective = instance.program.root.objective
    sense = "maximize" if objective is not None and objective.sense == "maximize" else "minimize"
    with np.errstate(all="ignore"):
        columns = columns_of(instance)
        count = len(columns.lower)
        scope = instance.scope.named((objective.name if objective is not None else None) or sense)
        try:
            rows = rows_of(instance, columns)
            cost, offset = np.zeros(count), 0.0
            found = _objective(instance)
            if found is not None:
                cost, offset = cost_of(instance, found, count, scope.family or sense)
            hessian = _triangle(instance, found, count)
            values = triangle_values(hessian, scope)
        except EvaluationError as error:
            raise DataError([error.diagnostic]) from None
    form = QuadraticForm(
        sense,
        cost,
        offset,
        rows.starts,
        rows.indices,
        rows.values,
        rows.lower,
        rows.upper,
        columns.lower,
        columns.upper,
        columns.integer,
        columns.slices,
        rows.slices,
        hessian.starts,
        hessian.indices,
        values,
    )
    return form, Inverse(columns.slices, rows.slices)


def _triangle(instance: Instance, found: Expression | None, count: int) -> Triangle:
    if found is None:
        return triangle((), count, {}, instance.scope)
    key = ("triangle", id(found))
    if key not in instance.patterns:
        known = triangle(found.quadratic, count, offsets_of(instance), instance.scope)
        instance.patterns[key] = (found, known)
    kept = instance.patterns[key]
    assert isinstance(kept, tuple)
    result: Triangle = kept[1]
    return result
