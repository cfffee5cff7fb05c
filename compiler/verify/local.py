"""What is true of a point of a nonlinear problem, from its multipliers: stationary, locally optimal, or optimal.

stationary         the first-order conditions hold
locally optimal    and the second-order ones do, or the problem is convex
optimal            and a bound is proved that the objective comes within the gap of: by the multipliers of a convex
                   problem, or by the enclosure of the objective of any
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ..evaluation.scope import EvaluationError
from ..forms.linear import Floats
from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance
from ..lowering import Lowered
from ..result.certificate import Line
from .agreement import keeps_points
from .convex_bound import is_convex, tangent_bound
from .enclosed_lagrangian import enclosed_lagrangian
from .enclosure_bound import enclosure_bound
from .lagrangian import lagrangian
from .second_order import second_order
from .stationary import stationary


@dataclass(frozen=True, slots=True)
class Local:
    """The lines in order, the strongest word that they support, and a proved bound, if there is one."""

    lines: tuple[Line, ...]
    status: Literal["optimal", "locally optimal", "stationary", "feasible"]
    bound: float | None = None


def judged(
    instance: Instance, lowered: Lowered, x: Floats, y: Floats, objective: float, tolerance: float, gap: float
) -> Local:
    """What holds at columns ``x`` (n) of ``lowered.judged`` with its row duals ``y`` (m).

    ``objective``: the model's value at the point, which is feasible.
    """
    form, own = lowered.judged, lowered.instance
    assert isinstance(form, NonlinearForm)
    found = lagrangian(own, form, x, y)
    if isinstance(found, str):
        return Local((Line("stationary", "open", how=f"not checked: {found}"),), "feasible")
    first = stationary(own, found, x[: own.columns], objective, tolerance)
    convex = is_convex(own)
    lines = [first]
    limit = None
    if convex:
        lines.append(Line("convex", "proved", how="every local optimum is a global one"))
        limit = _bound(instance, lowered, x, y)
        how = "gradient inequality for the Lagrangian of a convex problem, rounded outwards"
    if limit is None:
        limit = enclosure_bound(instance)
        how = "interval arithmetic over the bounds of the decisions, rounded outwards"
    lines += [Line("bound", "proved", limit, how=how)] if limit is not None else []
    if limit is not None and abs(objective - limit) <= gap * max(1.0, abs(objective)):
        return Local(tuple(lines), "optimal", limit)
    if not first.holds:
        return Local(tuple(lines), "feasible", limit)
    if convex:
        return Local(tuple(lines), "locally optimal", limit)
    second = second_order(own, form, x, y, found)
    return Local((*lines, second), "locally optimal" if second.holds else "stationary", limit)


def _bound(instance: Instance, lowered: Lowered, x: Floats, y: Floats) -> float | None:
    """The bound, where the instance that it is one of says the same as the model."""
    found = enclosed_lagrangian(lowered.instance, lowered.judged, x, y)
    if isinstance(found, str):
        return None
    value = tangent_bound(lowered.instance, found, x[: lowered.instance.columns])
    if not math.isfinite(value):
        return None
    if lowered.instance is not instance:
        try:
            if keeps_points(instance, lowered) is not None:
                return None
        except EvaluationError:  # a random point where something has no value
            return None
    return value
