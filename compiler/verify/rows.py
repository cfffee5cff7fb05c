"""Signed excesses of constraint rows at a point, by whole arrays: above 0 a row is broken by that much.

The only thing used here is the value of a term (``Instance.values``): no coefficients, no forms, no lowerings.
"""

from __future__ import annotations

import numpy as np

from optc.dsl.program import Apply, Expr, Reduce, Relation

from ..instance.instance import ConstraintFamily, Instance
from ..spaces.domains import Values
from .point import Point


def excesses(instance: Instance, family: ConstraintFamily, relation: Relation, point: Point) -> list[Values]:
    """One array (count) for each ``op`` of the relation: how far the left side goes beyond the right one."""
    sides = [_side(instance, family, term, point) for term in relation.terms]
    return [_excess(op, a, b) for op, a, b in zip(relation.ops, sides, sides[1:], strict=False)]


def violations(instance: Instance, family: ConstraintFamily, relation: Relation, point: Point) -> Values:
    """The violation of each row (count): 0 where it holds."""
    parts = excesses(instance, family, relation, point)
    worst: Values = np.maximum.reduce([*parts, np.zeros(family.count)])
    return worst


def largest_terms(instance: Instance, family: ConstraintFamily, relation: Relation, point: Point) -> Values:
    """For each row (count) the largest absolute value among the summands of its sides."""
    found = np.zeros(family.count)
    for side in relation.terms:
        for size in _sizes(side):
            values = np.abs(_side(instance, family, size, point))
            found = np.maximum(found, np.where(np.isfinite(values), values, 0.0))
    return found


def _sizes(term: Expr) -> list[Expr]:
    """Terms whose absolute values are those of the summands; of an aggregate sum, the largest of its body."""
    if isinstance(term, Apply) and term.op in ("add", "sub", "neg"):
        return [size for arg in term.args for size in _sizes(arg)]
    if isinstance(term, Reduce) and term.op == "sum":
        return [Reduce(term.span, "norminf", term.space, size) for size in _sizes(term.body)]
    return [term]


def _side(instance: Instance, family: ConstraintFamily, term: Expr, point: Point) -> Values:
    values = instance.values(term, point, family.layout, family.name)
    return np.broadcast_to(values, (family.count,)).astype(np.float64)


def _excess(op: str, left: Values, right: Values) -> Values:
    with np.errstate(invalid="ignore"):
        beyond = np.where(left == right, 0.0, left - right)  # inf <= inf holds
    if op == "eq":
        return np.abs(beyond)
    return beyond if op == "le" else -beyond
