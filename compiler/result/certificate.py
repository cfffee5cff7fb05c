"""What is known of an answer, line by line, each with its grade and how it is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Grade = Literal["proved", "reported", "checked", "estimated", "open", "failed"]


@dataclass(frozen=True, slots=True)
class Line:
    """One claim.

    ``status``: ``proved`` (exact or outward-rounded evidence), ``reported`` (by an outside exact solver, not derived
    again), ``checked`` (evaluated in floating point), ``estimated``, ``open`` or ``failed``. ``value`` is measured
    against ``tolerance`` where there is one. ``where`` is the entry that decides; ``conflict`` the constraints that
    contradict each other; ``evidence`` what a checker needs to see for itself; ``more`` further keys of the claim.
    """

    claim: str
    status: Grade
    value: float | None = None
    tolerance: float | None = None
    where: str | None = None
    how: str = ""
    conflict: tuple[str, ...] = ()
    evidence: Mapping[str, Any] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the claim may be relied on, in its grade."""
        return self.status in ("proved", "reported", "checked")

    def to_json(self) -> dict[str, Any]:
        entries: dict[str, Any] = {"claim": self.claim, "status": self.status}
        optional = {"value": self.value, "tolerance": self.tolerance, "where": self.where, "how": self.how or None}
        entries |= {key: value for key, value in optional.items() if value is not None}
        if self.conflict:
            entries["conflict"] = list(self.conflict)
        if self.evidence is not None:
            entries["evidence"] = dict(self.evidence)
        return entries | dict(self.more)

    def __str__(self) -> str:
        value = "" if self.value is None else f" {_number(self.value)}"
        limit = "" if self.tolerance is None else f" (tolerance {_number(self.tolerance)})"
        where = "" if self.where is None else f" at {self.where}"
        conflict = f": {', '.join(self.conflict)}" if self.conflict else ""
        how = f" – {self.how}" if self.how else ""
        return f"{self.status:<9} {self.claim}{value}{limit}{where}{conflict}{how}"


class Certificate(tuple[Line, ...]):
    """Certificate lines in order; prints as a table."""

    __slots__ = ()

    def line(self, claim: str) -> Line | None:
        """The first line with that claim, or None."""
        return next((line for line in self if line.claim == claim), None)

    @property
    def failed(self) -> tuple[Line, ...]:
        return tuple(line for line in self if line.status == "failed")

    def to_json(self) -> list[dict[str, Any]]:
        return [line.to_json() for line in self]

    def _repr_html_(self) -> str:
        from .html import certificate_html

        return certificate_html(self)

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) if self else "no certificate"

    __str__ = __repr__


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else str(value)
