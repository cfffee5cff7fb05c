"""Bounds and contradictions from the multipliers of a conic form: weak duality with cones.

For any multipliers ``z`` in the dual cones, every feasible ``x`` has ``z'(G x + g) >= 0``; so with any ``y``

    f(x)  >=  f(x) - z'(G x + g)  >=  (slope - G'z)'x + constant - z'g

where the tangent of the convex objective at some point gives slope and constant, and what is left is weak duality of a
linear objective over the linear rows and the bounds (``weak_duality``). Everything is rounded outwards, and ``z`` is
moved into the dual cones first (``dual_cones``): the result is a theorem about the arrays. Bounds of added columns are
those that some optimal point keeps (``ConicForm.least``), and those of decisions are what rows and cones imply
(``cone_ranges``).

Where a decision has no bound and its reduced cost is not exactly zero, no finite bound follows, and where bounds are
very wide, one that is of no use. Then decisions are held within a box around the answer (``REACH`` times its size): no
point of the box is better than the bound, and, the problem being convex, a point ``k`` times as far away can be better
than the answer by ``k`` times the gap at most. That is graded ``checked``, not ``proved``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..answer import Answer
from ..forms.conic import ConicForm, transposed
from ..forms.linear import Floats
from ..instance.instance import Instance
from ..lowering import Lowered
from ..result.certificate import Line
from ..result.lifting import Names
from .cone_ranges import ranges
from .conic_agreement import conic_differs
from .dual_cones import inside
from .weak_duality import TINY, UNIT, Box, curvature, dot, lower_bound, rows_of, strength, symmetric_product

REACH = 1e3
LARGE = 1e6  # decisions without a bound are held within it where a contradiction needs one
SHOWN = 60  # names that a line holds at most
LITTLE = 1e-7  # of the largest multiplier: what counts as none


@dataclass(frozen=True, slots=True)
class ConicBound:
    """``value``: what the objective cannot pass; ``everywhere``: without a box of our own around the answer."""

    value: float
    everywhere: bool


def conic_bound(form: ConicForm, answer: Answer, gap: float | None = None) -> ConicBound | None:
    """The bound that an answer's point and multipliers give; None where they give none.

    ``gap``: how near it should come to the answer's own objective; where the bound everywhere is farther off, that of
    the box around the answer is tried.
    """
    x, y, z = answer.x, answer.row_duals, answer.cone_duals
    if x is None or y is None or z is None or not np.isfinite(x).all():
        return None
    sign = 1.0 if form.sense == "minimize" else -1.0
    box, moved = ranges(form), inside(z, form.cones)
    whole = ConicBound(_bound(form, sign * y, moved, x, box), True)
    if math.isfinite(whole.value) and (gap is None or _close(form, x, whole.value, gap)):
        return whole
    size = REACH * np.maximum(1.0, np.abs(x))
    near = Box(np.maximum(box.lower, x - size), np.minimum(box.upper, x + size))
    part = ConicBound(_bound(form, sign * y, moved, x, near), False)
    if math.isfinite(part.value) and not (math.isfinite(whole.value) and not _close(form, x, part.value, gap or 0.0)):
        return part
    return whole if math.isfinite(whole.value) else None


def _close(form: ConicForm, x: Floats, limit: float, gap: float) -> bool:
    """Whether a bound comes within a gap of the form's objective at a point."""
    value = float(form.cost @ x) + 0.5 * dot(x, symmetric_product(form, x)[0])[0] + form.offset
    return abs(value - limit) <= gap * max(1.0, abs(value))


def _bound(form: ConicForm, y: Floats, z: Floats, x: Floats, box: Box) -> float:
    """The bound over a box for multipliers in the dual cones; ``y`` as of the minimised objective."""
    sign = 1.0 if form.sense == "minimize" else -1.0
    shift = curvature(form, sign)
    if shift is None or math.isinf(shift):
        return -sign * math.inf
    product, product_error = symmetric_product(form, x)
    moved, moved_error = _transposed(form, z)
    slope = sign * (form.cost + product)
    cost = slope - moved
    cost_error = product_error + moved_error + 2 * UNIT * (np.abs(slope) + np.abs(cost))
    twice, twice_error = dot(x, product)
    curved, curved_error = 0.5 * twice, 0.5 * twice_error + 0.51 * float(np.abs(x) @ product_error)
    under, under_error = dot(z, form.shift)
    error = curved_error + under_error + 4 * UNIT * (abs(form.offset) + abs(curved) + abs(under)) + TINY
    bend = (strength(form, sign), x) if len(form.hessian_values) else None
    found = lower_bound(cost, rows_of(form), box, y, cost_error, bend)
    if shift > 0.0:
        reach = np.maximum(np.abs(box.lower - x), np.abs(box.upper - x))
        found -= 0.5 * shift * float(reach @ reach) * (1 + (len(x) + 8) * UNIT)
    if not math.isfinite(found):
        return -sign * math.inf
    # In the minimised sense the constant of the tangent is minus half the product, times the sign.
    total = found - under - error - sign * curved
    return math.nextafter(sign * (total - 4 * UNIT * abs(total)) + form.offset, -sign * math.inf)


def _transposed(form: ConicForm, z: Floats) -> tuple[Floats, Floats]:
    """``G'z`` (n), and a bound on the error of each entry."""
    total, size = transposed(form, z)
    count = np.bincount(form.cone_indices, minlength=form.shape[1])
    return total, (count + 3) * 2 * UNIT * size + TINY * count


def contradiction(form: ConicForm, answer: Answer) -> bool | None:
    """Whether an answer's ray proves that no point exists; None where it does so within a large box only."""
    y, z = answer.dual_ray, answer.cone_ray
    if y is None or z is None:
        return False
    moved = inside(z, form.cones)
    cost, cost_error = _transposed(form, moved)
    under, under_error = dot(moved, form.shift)
    # A point of the model would be one of the form with each added column at the value of what it stands for.
    known = ranges(form)
    least, most = known.lower, known.upper
    if (least > most).any():  # rounded outwards, so that no column has a value
        return True
    for size in (math.inf, LARGE):
        box = Box(np.maximum(least, -size), np.minimum(most, size))
        found = lower_bound(-cost, rows_of(form), box, y, cost_error)
        if found - under - under_error > 0.0:
            return True if math.isinf(size) else None
    return False


# ------------------------------------------------------------------------------------------------------------- lines
def bound_line(
    instance: Instance, lowered: Lowered, answer: Answer, objective: float, solver: str, gap: float
) -> Line | None:
    """The line of the claim ``bound`` for an answer to a conic form, for a point with that objective.

    ``proved`` where the bound is a theorem about the form and the form agrees with the model; ``checked`` where either
    holds near the answer only; ``reported`` where the multipliers give no bound and the solver's own is told; None
    where it has none either.
    """
    form = lowered.judged
    assert isinstance(form, ConicForm) and answer.x is not None
    found = conic_bound(form, answer, gap)
    if found is None:
        told = answer.bound is not None and math.isfinite(answer.bound)
        return Line("bound", "reported", answer.bound, how=f"bound by {solver}") if told else None
    if not _is_bound(form, found.value, objective):
        how = "conic weak duality; it is worse than the objective of a feasible point"
        return Line("bound", "failed", found.value, how=how)
    different = conic_differs(instance, lowered, answer.x)
    if different is not None:
        how = f"conic weak duality; not compared with the model: {different}"
        return Line("bound", "checked", found.value, how=how)
    if found.everywhere:
        return Line("bound", "proved", found.value, how="conic weak duality, rounded outwards")
    how = f"conic weak duality, within {REACH:g} times the answer's size; the problem is convex beyond"
    return Line("bound", "checked", found.value, how=how)


def _is_bound(form: ConicForm, limit: float, objective: float) -> bool:
    """False where a feasible point beats it by more than the rows' tolerance may give: then something is wrong."""
    sign = 1.0 if form.sense == "minimize" else -1.0
    return sign * (limit - objective) <= 1e-3 * max(1.0, abs(objective))


def infeasible_line(instance: Instance, lowered: Lowered, answer: Answer) -> Line:
    """The line of the claim ``infeasible`` for a conic form."""
    form = lowered.judged
    assert isinstance(form, ConicForm)
    if (form.lower > form.upper).any() or (form.row_lower > form.row_upper).any():
        return Line("infeasible", "proved", how="two sides of a row, or of a decision, cross")
    found = contradiction(form, answer)
    if found is False:
        return Line("infeasible", "failed", how=f"{answer.message}; the multipliers do not stand up to the check")
    names = _taking_part(lowered, answer)
    if found is None:
        how = f"multipliers of rows and cones contradict all points of size {LARGE:g} and less"
        return Line("infeasible", "checked", how=how, conflict=names)
    middle = np.clip(np.zeros(form.shape[1]), form.lower, form.upper)
    different = conic_differs(instance, lowered, middle)
    how = "multipliers of rows and cones, rounded outwards"
    if different is not None:
        how += f"; not compared with the model: {different}"
    return Line("infeasible", "proved" if different is None else "checked", how=how, conflict=names)


def _taking_part(lowered: Lowered, answer: Answer) -> tuple[str, ...]:
    """The rows with multipliers that are not nearly zero, the largest first, then the bounds that take up the rest."""
    assert answer.dual_ray is not None
    size = np.abs(answer.dual_ray)
    order = np.argsort(-size)[:SHOWN]
    names = Names(lowered.instance, lowered.judged)
    own = {family.name for family in lowered.instance.constraints}
    largest = float(size.max(initial=0.0))
    rows = [int(row) for row in order if size[row] > LITTLE * largest]
    shown = [name for name in (names.row(row) for row in rows) if name.split("[")[0] in own]
    bounds = [f"bound of {names.column(int(column))}" for column in _pushed(lowered, answer)]
    return tuple((shown + bounds)[:SHOWN])


def _pushed(lowered: Lowered, answer: Answer) -> NDArray[np.intp]:
    """The decisions whose bounds a ray leans on: the columns that rows and cones leave a slope in."""
    form, y, z = lowered.judged, answer.dual_ray, answer.cone_ray
    assert isinstance(form, ConicForm) and y is not None and z is not None
    products = form.values * np.repeat(y, np.diff(form.starts))
    total, size = transposed(form, z)
    left = -total - np.bincount(form.indices, products, form.shape[1])
    size = size + np.bincount(form.indices, np.abs(products), form.shape[1])
    held = (left > 0) & np.isfinite(form.lower) | (left < 0) & np.isfinite(form.upper)
    real = held & (np.abs(left) > LITTLE * float(size.max(initial=0.0)))
    return np.flatnonzero(real[: lowered.instance.columns])
