"""Claims ``bounds`` and ``integral``: every decision lies in its domain, and whole ones are whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..evaluation.scope import entry_text
from ..instance.instance import Family, Instance
from ..result.certificate import Grade, Line
from ..spaces.domains import Values
from .point import Point, reference_of, reference_values

_TOGETHER = ("simplex", "psd")


def bounds(instance: Instance, point: Point, tolerance: float) -> Line:
    """The line of the claim; the limit of an entry is tol * max(1, |value|)."""
    worst, value = None, 0.0
    excess = -1.0
    for family in instance.families:
        if family.count == 0:
            continue
        values = np.broadcast_to(point[family.name], (family.count,))
        found, names = _outside(instance, family, values, point)
        sizes = np.where(np.isfinite(values), np.abs(values), 0.0)
        limits = tolerance * np.maximum(1.0, sizes) if len(found) == family.count else tolerance
        ratio = np.where(np.isnan(found), np.inf, found) / np.maximum(limits, 1e-300)
        row = int(np.argmax(ratio))
        if float(ratio[row]) > excess:
            excess = float(ratio[row])
            worst, value = names(row), float(found[row])
    count = instance.columns
    how = f"largest distance from the domain over {count:,} {'decision' if count == 1 else 'decisions'}"
    return Line("bounds", "failed" if excess > 1 else "checked", value, tolerance, worst, how)


def _outside(instance: Instance, family: Family, values: Values, point: Point) -> tuple[Values, Callable[[int], str]]:
    """Distances from the domain, and the name of what each belongs to."""
    if family.domain in _TOGETHER:
        rows = list(reference_of(instance).domain_rows(family.name, reference_values(instance, point)))
        return np.array([r.violation for r in rows]), lambda k: entry_text(family.name, rows[k].index)
    return _distance(family, values), lambda k: entry_text(family.name, family.layout.key(k))


def _distance(family: Family, values: Values) -> Values:
    with np.errstate(invalid="ignore"):
        below, above = family.lower - values, values - family.upper
    distance = np.maximum(np.maximum(below, above), 0.0)
    if family.domain == "semicontinuous":
        return np.minimum(distance, np.abs(values))
    if family.domain == "spin":
        return np.abs(np.abs(values) - 1.0)
    return np.where(np.isfinite(values), distance, np.inf)


def integral(instance: Instance, point: Point, tolerance: float) -> Line | None:
    """The line of the claim, or None where nothing must be whole."""
    whole = [family for family in instance.families if family.integer and family.count]
    if not whole:
        return None
    worst, value = "", -1.0
    for family in whole:
        values = np.broadcast_to(point[family.name], (family.count,))
        distance = np.abs(values - np.rint(values))
        row = int(np.argmax(np.where(np.isnan(distance), np.inf, distance)))
        if not float(distance[row]) <= value:
            worst, value = entry_text(family.name, family.layout.key(row)), float(distance[row])
    count = sum(family.count for family in whole)
    how = f"largest distance from a whole number over {count:,} {'decision' if count == 1 else 'decisions'}"
    status: Grade = "checked" if value <= tolerance else "failed"
    return Line("integral", status, value, tolerance, worst, how)
