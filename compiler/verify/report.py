"""A point judged on the model: every claim that needs the point alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..instance.instance import Instance
from ..result.certificate import Line
from .domains import bounds, integral
from .feasible import feasible
from .objective import objective_line, objective_or_fault
from .point import Point

FOLLOWER = "follower optimal"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The point, its lines in order, and the value of the outermost objective (None for ``satisfy``).

    ``objectives``: those of others who decide, by the name that one would give them in the model.
    """

    point: Point
    lines: tuple[Line, ...]
    objective: float | None
    objectives: Mapping[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether no claim failed."""
        return all(line.status != "failed" for line in self.lines)

    @property
    def answered(self) -> bool:
        """Whether the answers of all who answer were found again; else no value of the leader's is known to be one."""
        return all(line.status != "open" for line in self.lines if line.claim == FOLLOWER)


def judge(instance: Instance, point: Point, tolerance: float) -> Report:
    """Feasibility, domains, integrality and objective of a point, evaluated on the model as written."""
    value, fault = objective_or_fault(instance, point)
    lines = (
        feasible(instance, point, tolerance),
        bounds(instance, point, tolerance),
        integral(instance, point, tolerance),
        objective_line(instance, value, fault),
    )
    return Report(point, tuple(line for line in lines if line is not None), value)
