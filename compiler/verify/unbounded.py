"""Claim ``unbounded``: a feasible point and a direction that stays feasible and improves the objective for ever.

Checked on the model itself: its rows and objective are evaluated along the direction, at distances that grow.
"""

from __future__ import annotations

import numpy as np

from optc.dsl.program import Relation

from ..instance.instance import ConstraintFamily, Instance
from ..result.certificate import Line
from ..spaces.domains import Values
from .domains import bounds
from .feasible import feasible
from .objective import by_arrays
from .point import Point, reference_of, reference_values
from .rows import excesses

DISTANCES = (1.0, 1e3, 1e6)
SHOWN = 60


def unbounded(instance: Instance, point: Point, ray: Point, tolerance: float) -> Line:
    """The line of the claim; ``point`` must hold (its own lines say so), ``ray`` has the values of a direction."""
    longest = max((float(np.abs(v).max(initial=0.0)) for v in ray.values()), default=0.0)
    if not 0.0 < longest < np.inf:
        return Line("unbounded", "failed", how="no direction was given")
    direction = {name: _clean(values / longest) for name, values in ray.items()}
    for claim in (feasible(instance, point, tolerance), bounds(instance, point, tolerance)):
        if claim.status == "failed":
            return Line("unbounded", "failed", claim.value, claim.tolerance, claim.where, "the point is not feasible")
    broken = _broken_row(instance, point, direction, tolerance) or _broken_bound(instance, direction)
    if broken is not None:
        return Line("unbounded", "failed", where=broken, how="the direction leaves the feasible region")
    rate = _rate(instance, point, direction)
    stated = instance.program.root.objective
    sign = -1.0 if stated is not None and stated.sense == "maximize" else 1.0
    if not sign * rate < -tolerance:
        return Line("unbounded", "failed", rate, how="the direction does not improve the objective")
    moved = {name: values for name, values in direction.items() if np.any(values)}
    placed = {name: values for name, values in point.items() if np.any(values)}
    evidence = None
    if sum(len(v) for part in (moved, placed) for v in part.values()) <= SHOWN:
        parts = {"ray": moved, "point": placed}
        evidence = {key: {name: values.tolist() for name, values in part.items()} for key, part in parts.items()}
    reach = ", ".join(f"{t:g}" for t in DISTANCES)
    how = f"a feasible point and a direction along which the objective changes by {rate:g} a unit, followed to {reach}"
    return Line("unbounded", "checked", rate, how=how, evidence=evidence)


def _clean(values: Values) -> Values:
    """Rounding noise taken out: entries far below the largest are none."""
    return np.where(np.abs(values) < 1e-9, 0.0, values)


def _along(point: Point, direction: Point, distance: float) -> dict[str, Values]:
    return {name: values + distance * direction[name] for name, values in point.items()}


def _broken_row(instance: Instance, point: Point, direction: Point, tolerance: float) -> str | None:
    for family in instance.constraints:
        body = family.symbol.body
        if not isinstance(body, Relation):
            if any(_breaks(instance, family, _along(point, direction, t), tolerance) for t in DISTANCES):
                return family.name
            continue
        here = excesses(instance, family, body, point)
        for distance in DISTANCES:
            there = excesses(instance, family, body, _along(point, direction, distance))
            for before, after in zip(here, there, strict=True):
                slope = (after - np.maximum(before, 0.0)) / distance
                if family.count and float(slope.max()) > tolerance and float(after.max()) > tolerance:
                    return family.name
    return None


def _breaks(instance: Instance, family: ConstraintFamily, point: Point, tolerance: float) -> bool:
    """Whether a family that is no relation has a row that the point breaks, by the reference interpreter."""
    rows = reference_of(instance).constraint_rows(family.name, reference_values(instance, point))
    return any(row.violation > tolerance * max(1.0, row.scale) for row in rows)


def _broken_bound(instance: Instance, direction: Point) -> str | None:
    for family in instance.families:
        values = direction[family.name]
        if np.any((values > 0) & np.isfinite(family.upper)) or np.any((values < 0) & np.isfinite(family.lower)):
            return f"bound of {family.name}"
    return None


def _rate(instance: Instance, point: Point, direction: Point) -> float:
    """The smallest change of the objective a unit of distance (by absolute value) over the distances."""
    here = by_arrays(instance, point)
    if here is None:
        return 0.0
    rates = [((by_arrays(instance, _along(point, direction, t)) or 0.0) - here) / t for t in DISTANCES]
    return min(rates, key=abs)
