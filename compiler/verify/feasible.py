"""Claim ``feasible``: every row of every constraint holds within the tolerance.

A row passes when its violation is at most tol * max(1, largest |term| of the row), a term being a summand of its sides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optc.dsl.program import Relation

from ..evaluation.scope import EvaluationError, entry_text
from ..instance.instance import ConstraintFamily, Instance
from ..reference.interpreter import Reference
from ..reference.terms import EvaluationError as WithoutValue
from ..result.certificate import Grade, Line
from ..spaces.domains import Values
from .objective import without_value
from .point import Point, is_small, reference_of, reference_values
from .rows import largest_terms, violations


@dataclass(frozen=True, slots=True)
class Worst:
    """The row of a family that is worst against its own limit: violation, limit, name."""

    family: str
    violation: float
    limit: float
    where: str

    @property
    def excess(self) -> float:
        return self.violation / self.limit if self.limit > 0 else np.inf


def feasible(instance: Instance, point: Point, tolerance: float) -> Line:
    """The line of the claim; ``value`` is the largest violation of the worst row, ``evidence`` has each family's."""
    small = is_small(instance)
    reference = reference_of(instance) if small or _needs_reference(instance) else None
    found = []
    for family in instance.constraints:
        try:
            found.append(_worst(instance, family, point, tolerance, reference, small))
        except (EvaluationError, WithoutValue) as error:
            how = f"a row has no value at the point: {without_value(error)}"
            return Line("feasible", "failed", math.nan, tolerance, family.name, how)
    rows = sum(family.count for family in instance.constraints)
    judge = "by the reference interpreter" if small else "by whole arrays, float64"
    how = f"largest violation over {rows:,} {'row' if rows == 1 else 'rows'}, {judge}"
    worst = max(found, key=lambda w: (w.excess > 1, w.violation), default=None)
    if worst is None or not rows:
        return Line("feasible", "checked", 0.0, tolerance, None, "no constraints")
    status: Grade = "failed" if worst.excess > 1 else "checked"
    evidence = {"largest violations": {w.family: w.violation for w in found if w.violation > 0}}
    shown = evidence if evidence["largest violations"] else None
    if worst.violation > tolerance:
        how += f"; the limit of that row is {worst.limit:.3g}, the tolerance times its largest term"
    return Line("feasible", status, worst.violation, tolerance, worst.where, how, evidence=shown)


def _needs_reference(instance: Instance) -> bool:
    return any(not isinstance(family.symbol.body, Relation) for family in instance.constraints)


def _worst(
    instance: Instance,
    family: ConstraintFamily,
    point: Point,
    tolerance: float,
    reference: Reference | None,
    small: bool,
) -> Worst:
    body = family.symbol.body
    if reference is not None and (small or not isinstance(body, Relation)):
        values, scales = _by_reference(reference, family, instance, point)
    else:
        assert isinstance(body, Relation)
        values, scales = violations(instance, family, body, point), np.ones(family.count)
    if family.count == 0:
        return Worst(family.name, 0.0, tolerance, family.name)
    values = np.where(np.isnan(values), np.inf, values)
    if isinstance(body, Relation) and (values > tolerance).any():
        scales = np.maximum(scales, largest_terms(instance, family, body, point))
    limits = tolerance * np.maximum(1.0, scales)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = values > limits
    row = int(np.argmax(np.where(beyond, values / np.maximum(limits, 1e-300), -1.0) if beyond.any() else values))
    return Worst(family.name, float(values[row]), float(limits[row]), entry_text(family.name, family.layout.key(row)))


def _by_reference(
    reference: Reference, family: ConstraintFamily, instance: Instance, point: Point
) -> tuple[Values, Values]:
    found = {row.index: row for row in reference.constraint_rows(family.name, reference_values(instance, point))}
    ordered = [found[family.layout.key(k)] for k in range(family.count)]
    return np.array([r.violation for r in ordered]), np.array([r.scale for r in ordered])
