"""What is true of a point of a nonlinear problem, from its multipliers: stationary, locally optimal, or optimal.

stationary         the first-order conditions hold
locally optimal    and the second-order ones do, or the problem is convex
optimal            and a bound is proved that the objective comes within the gap of: by the multipliers of a convex
                   problem, or by the enclosure of the objective of any
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from ..evaluation.scope import EvaluationError
from ..forms.linear import Floats
from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance
from ..lowering import Lowered
from ..result.certificate import Line
from .agreement import keeps_points
from .convex_bound import has_convex_functions, is_convex, tangent_bound
from .curved_equations import has_curved_equation
from .enclosed_lagrangian import enclosed_lagrangian
from .enclosure_bound import enclosure_bound
from .lagrangian import lagrangian
from .level_loss import level_loss
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
    convex = not has_curved_equation(own, form, x) and is_convex(own)
    lines = [first]
    found_bounds: list[Line] = []
    if convex:
        lines.append(Line("convex", "proved", how="every local optimum is a global one"))
        found_bounds += _tangent(instance, lowered, x, y)
    if not any(_close(objective, line, gap) for line in found_bounds):
        found_bounds += enclosure_bound(instance)
    best = min(found_bounds, key=lambda line: abs(objective - (line.value or 0.0)), default=None)
    limit = None if best is None else best.value
    lines += [best] if best is not None else []
    if best is not None and _close(objective, best, gap):
        return Local(tuple(lines), "optimal", limit)
    if not first.holds:
        return Local(tuple(lines), "feasible", limit)
    if convex:
        return Local(tuple(lines), "locally optimal", limit)
    second = second_order(own, form, x, y, found)
    return Local((*lines, second), "locally optimal" if second.holds else "stationary", limit)


def without_multipliers(instance: Instance, objective: float, gap: float) -> Local:
    """What holds at a feasible point with that objective, of which nothing else is known."""
    lines = [line for line in enclosure_bound(instance) if _close(objective, line, gap)]
    return Local(tuple(lines), "optimal", lines[0].value) if lines else Local((), "feasible")


def _close(objective: float, bound: Line, gap: float) -> bool:
    return bound.value is not None and abs(objective - bound.value) <= gap * max(1.0, abs(objective))


def _tangent(instance: Instance, lowered: Lowered, x: Floats, y: Floats) -> list[Line]:
    """The bound by the multipliers, where the instance that it is one of says the same as the model."""
    found = enclosed_lagrangian(lowered.instance, lowered.judged, x, y)
    if isinstance(found, str):
        return []
    if not has_convex_functions(lowered.instance):
        loss = level_loss(lowered.instance, lowered.judged, x, y)
        found = replace(found, value_lower=math.nextafter(found.value_lower + loss, -math.inf))
    value = tangent_bound(lowered.instance, found, x[: lowered.instance.columns])
    if not math.isfinite(value):
        return []
    if lowered.instance is not instance:
        try:
            if keeps_points(instance, lowered) is not None:
                return []
        except EvaluationError:  # a random point where something has no value
            return []
    return [
        Line(
            "bound", "proved", value, how="gradient inequality for the Lagrangian of a convex problem, rounded outwards"
        )
    ]
