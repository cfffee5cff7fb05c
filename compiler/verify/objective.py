"""Claim ``objective``: its value at the point, evaluated on the model as written."""

from __future__ import annotations

import math

import numpy as np

from optc.dsl.catalogue.instances import UNDEFINED_VALUE
from optc.dsl.program import Expr, NamedExpression

from ..evaluation.evaluate import evaluate, flat_values, numbers
from ..evaluation.scope import EvaluationError, Scope
from ..instance.instance import Instance
from ..reference.terms import EvaluationError as WithoutValue
from ..result.certificate import Line
from ..spaces.algebra import UNIT, Table, filtered
from ..spaces.domains import Values
from .point import Point, is_small, reference_of, reference_values


def objective(instance: Instance, point: Point) -> float | None:
    """The value of the outermost objective, or None for ``satisfy`` and models without one."""
    stated = instance.program.root.objective
    if stated is None or stated.expression is None:
        return None
    if is_small(instance):
        return float(reference_of(instance).objective((), (), reference_values(instance, point)))
    return by_arrays(instance, point)


def by_arrays(instance: Instance, point: Point) -> float | None:
    """The same by whole arrays, whatever the size."""
    stated = instance.program.root.objective
    if stated is None or stated.expression is None:
        return None
    scope = instance.scope.at(point).named(stated.name or stated.sense)
    return float(numbers(evaluate(stated.expression, UNIT, scope)).reshape(-1)[0])


def objective_or_fault(instance: Instance, point: Point) -> tuple[float | None, str]:
    """The value and no words; NaN and the reason where the objective has no value at the point."""
    try:
        return objective(instance, point), ""
    except (EvaluationError, WithoutValue) as error:
        return math.nan, without_value(error)


def without_value(error: EvaluationError | WithoutValue) -> str:
    """The reason why something has no value. Raises the error where it is another, such as of outside code."""
    if isinstance(error, EvaluationError) and error.diagnostic.code is not UNDEFINED_VALUE:
        raise error
    return str(error)


def objective_line(instance: Instance, value: float | None, fault: str = "") -> Line | None:
    """The line of the claim, or None without an objective. ``fault``: why it has no value."""
    if value is None:
        return None
    if fault:
        return Line("objective", "failed", value, how=f"the objective has no value at the point: {fault}")
    judge = "by the reference interpreter" if is_small(instance) else "by whole arrays, float64"
    return Line(
        "objective", "checked" if np.isfinite(value) else "failed", value, how=f"evaluated on the model {judge}"
    )


def expressions(instance: Instance, point: Point) -> dict[str, Values]:
    """The flat values of every ``let`` that holds decisions or data, by name; NaN where there is none at the point.

    An answer is no worse for a report that it leaves undefined. In a family of more than ``EACH`` rows one such row
    makes all of them NaN.
    """
    found: dict[str, Values] = {}
    for name, symbol in instance.program.symbols.items():
        if isinstance(symbol, NamedExpression):
            layout = instance.scope.layouts[name]
            table, scope = layout.table, instance.scope.at(point).named(name)
            values = _where_defined(symbol.definition, table, scope, layout.size)
            found[name] = np.broadcast_to(values, (layout.size,)).astype(np.float64)
    return found


EACH = 1000


def _where_defined(term: Expr, table: Table, scope: Scope, rows: int) -> Values:
    try:
        return flat_values(term, table, scope)
    except EvaluationError:
        if rows <= 1 or rows > EACH:
            return np.full(rows, np.nan)
    single = (filtered(table, (np.arange(rows) == row).reshape(table.shape)) for row in range(rows))
    return np.concatenate([_where_defined(term, part, scope, 1) for part in single])
