"""What the tangent bound loses to relations that are convex sets, but not of convex functions (``facts.level_sets``).

Such a row ``Q = r^p - l^p <= 0`` (or ``log r - log l``, here ``p = 0``) has a convex ``r`` and a concave ``l``, so that
for every feasible ``x'``, where ``r' <= l'``,

    dQ(x)(x' - x)  <=  p (r^(p-1) (r' - r) - l^(p-1) (l' - l))  <=  p (r^(p-1) - l^(p-1)) l' - p Q

With a multiplier ``m``, ``f(x') >= L(x) + dL(x)(x' - x) + C`` then holds with a ``C`` that is nearly zero where the row
is tight, as it is where ``m`` is not:

    C = m (p - 1) (Q - max(Q, 0) l' / l)                       for p >= 1
    C = -m (1 - p) (max(Q, 0) + max(-Q, 0) l' / r)             for p < 1

since ``r^(p-1) - l^(p-1)`` is at most ``(p - 1) / p`` times ``Q / l``, or times ``Q / r`` where ``p < 1``.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from ..evaluation.scope import EvaluationError
from ..facts.bounds import Ranges
from ..facts.convexity import sides as differences
from ..facts.enclosure import enclosure
from ..facts.level_sets import Levels, levels
from ..facts.quadratic_cones import QuadraticCones
from ..facts.region import Region, region_of
from ..forms.linear import Floats, LinearForm
from ..instance.instance import Instance
from ..spaces.algebra import Table, wide
from .sides import Side, sides

MARGIN = 1e-9  # relative, more than a few sums and products in float64 are off


def level_loss(instance: Instance, form: LinearForm, x: Floats, y: Floats) -> float:
    """A lower bound of the sum of ``C`` at columns ``x`` with row duals ``y`` (m); minus infinity without one."""
    sign = -1.0 if form.sense == "maximize" else 1.0
    relations = sides(instance, form, sign * y)
    if isinstance(relations, str):
        return -math.inf
    whole, none = region_of(instance), np.zeros(0, dtype=np.intp)
    own = x[: instance.columns]
    point = Region(Ranges(instance, own, own, none, none, ()), whole.names)
    total, seen = 0.0, Counter[str]()
    for side in relations:
        number = seen[side.name]
        seen[side.name] += 1
        if side.equation or not side.allowed.any():
            continue
        term, _, op = differences(whole, side.body, side.layout.table)[number]
        with np.errstate(all="ignore"):
            try:
                found = levels(whole, side.body, term, side.layout.table, op)
                total += _of_side(whole, point, side, found, own)
            except EvaluationError:
                return -math.inf
    return total if not math.isnan(total) else -math.inf


def _of_side(whole: Region, point: Region, side: Side, found: Levels, x: Floats) -> float:
    table, multipliers = side.layout.table, side.allowed
    excess = enclosure(point, side.term, table)
    low, high = (_flat(end, table) for end in (excess.lower, excess.upper))
    total = np.zeros(table.size)
    if found.cones is not None and found.cones.holds.any():
        at, most = _tops(whole, found.cones, x)
        total = np.where(found.cones.holds, _by_left(low, high, at, most, 2.0), total)
    if found.roots is not None:
        roots = found.roots
        most = _flat(enclosure(whole, roots.left, table).upper, table) * (1 + MARGIN)
        left, right = (_flat(enclosure(point, each, table).lower, table) for each in (roots.left, roots.right))
        if roots.power >= 1:
            own = _by_left(low, high, left, most, roots.power)
        else:
            share = np.where(low < 0, np.maximum(-low, 0.0) * most / np.where(right > 0, right, 0.0), 0.0)
            own = -(1 - roots.power) * (np.maximum(high, 0.0) + share)
        total = np.where(roots.holds, own, total)
    used = multipliers > 0
    return float((multipliers[used] * total[used] * (1 - np.sign(total[used]) * MARGIN)).sum())


def _by_left(low: Floats, high: Floats, left: Floats, most: Floats, power: float) -> Floats:
    """``C`` for a multiplier of 1 where ``p >= 1``."""
    above = high > 0
    share = np.where(above, np.where(above, high, 0.0) * most / np.where(left > 0, left, 0.0), 0.0)
    return (power - 1) * (low - share)


def _tops(whole: Region, cones: QuadraticCones, x: Floats) -> tuple[Floats, Floats]:
    """The linear forms of cones at a point, rounded down, and the most that they can be, rounded up (rows)."""
    top, rows = cones.top, len(cones.holds)
    ends = [np.append(each, 1.0)[top.column] * top.value for each in (x, whole.ranges.lower, whole.ranges.upper)]
    value, size = np.bincount(top.row, ends[0], rows), np.bincount(top.row, np.abs(ends[0]), rows)
    largest = np.maximum(ends[1], ends[2])
    most, reach = np.bincount(top.row, largest, rows), np.bincount(top.row, np.abs(largest), rows)
    return value - MARGIN * size, most + MARGIN * reach


def _flat(values: Floats, table: Table) -> Floats:
    found: Floats = wide(np.asarray(values, dtype=np.float64), table.shape).reshape(-1)
    return found
