"""``Solution``: what a solve gives back, and its JSON object (schema version 1)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from optc.dsl.diagnostics import Diagnostic

from ..answer import LIMITS
from .certificate import Certificate
from .labelled import Labelled

_OPEN = ("diverging", "numerical trouble")  # the point holds, and nobody knows how good it is
SCHEMA = 1
Status = Literal[
    "optimal",
    "locally optimal",
    "stationary",
    "equilibrium",
    "feasible",
    "infeasible",
    "unbounded",
    "limit",
    "failed",
]
_NOT_INSTALLED = {"E0602", "E0631", "E0632", "E0633"}  # a backend; torch, a GPU or a compiler that was asked for
_SHOWN = 12  # entries of the families that a solution's repr prints


@dataclass(frozen=True, slots=True)
class BackendRecord:
    """Who answered: name, version, and the options that differ from the defaults."""

    name: str
    version: str | None
    options: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "version": self.version, "options": dict(self.options)}


@dataclass(frozen=True, slots=True)
class Alternative:
    """A further answer asked for with ``-n``."""

    objective: float | None
    variables: Mapping[str, Labelled]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Solution:
    """An answer, what is known of it, and where it came from.

    ``variables`` is empty where there is no point. ``objective`` is the verifier's value of the outermost objective
    (None for ``satisfy`` and games); ``gap`` is |objective - bound| / max(1, |objective|). ``duals`` and
    ``reduced_costs`` are None where the route gives none. ``seconds`` has ``compile``, ``solve``, ``verify``.
    """

    model: str
    problem_class: str
    status: Status
    termination: str
    sense: Literal["minimize", "maximize", "satisfy"] | None
    objective: float | None = None
    bound: float | None = None
    objectives: Mapping[str, float] = field(default_factory=dict)
    variables: Mapping[str, Labelled] = field(default_factory=dict)
    expressions: Mapping[str, Labelled] = field(default_factory=dict)
    worst_case: Mapping[str, Labelled] | None = None
    duals: Mapping[str, Labelled] | None = None
    reduced_costs: Mapping[str, Labelled] | None = None
    alternatives: tuple[Alternative, ...] = ()
    alternatives_complete: bool = False
    certificate: Certificate = field(default_factory=Certificate)
    diagnostics: tuple[Diagnostic, ...] = ()
    backend: BackendRecord | None = None
    route: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0

    @property
    def has_point(self) -> bool:
        """Whether there is an answer to use."""
        return self.status in ("optimal", "locally optimal", "stationary", "equilibrium", "feasible")

    @property
    def gap(self) -> float | None:
        if self.objective is None or self.bound is None:
            return None
        return abs(self.objective - self.bound) / max(1.0, abs(self.objective))

    def __getitem__(self, name: str) -> Labelled:
        """The values of a decision or a named expression. Raises KeyError with the names there are."""
        for families in (self.variables, self.expressions, self.worst_case or {}):
            if name in families:
                return families[name]
        if not self.has_point:
            raise KeyError(f"there is no value of {name!r}: the status is {self.status!r}")
        known = ", ".join([*self.variables, *self.expressions])
        raise KeyError(f"there is no decision or named expression {name!r}; there are {known}")

    def dual(self, name: str) -> Labelled:
        """The duals of a constraint family: derivatives of the optimal objective when everything right of the
        relation, as written, is raised by one; for a range the sum of both. Raises KeyError where there are none.
        """
        if self.duals is None:
            raise KeyError("this answer has no duals: the route gives none")
        if name not in self.duals:
            raise KeyError(f"there is no constraint {name!r} with duals; there are {', '.join(self.duals)}")
        return self.duals[name]

    def reduced_cost(self, name: str) -> Labelled:
        """The reduced costs of a decision family. Raises KeyError where there are none."""
        if self.reduced_costs is None:
            raise KeyError("this answer has no reduced costs: the route gives none")
        return self.reduced_costs[name]

    @property
    def exit_code(self) -> int:
        """The exit status of the command line for this result."""
        codes = {diagnostic.code.id for diagnostic in self.diagnostics}
        if self.termination == "interrupted":
            return 130
        if self.termination == "solver error":
            return 70
        if self.has_point:
            return 5 if self.termination in LIMITS or self.termination in _OPEN else 0
        if self.status == "failed" and codes & _NOT_INSTALLED:
            return 7
        return {"infeasible": 3, "unbounded": 4}.get(self.status, 6)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of schema version 1, with floats as they are (``to_json`` spells what JSON lacks)."""
        from optc.dsl.render import to_json as diagnostic_json

        found: dict[str, Any] = {
            "schema": SCHEMA,
            "model": self.model,
            "class": self.problem_class,
            "status": self.status,
            "termination": self.termination,
            "sense": self.sense,
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "objectives": dict(self.objectives),
            "variables": _families(self.variables),
            "expressions": _families(self.expressions),
            "alternatives": [
                {"objective": other.objective, "variables": _families(other.variables)} for other in self.alternatives
            ],
            "alternatives_complete": self.alternatives_complete,
            "diagnostics": [diagnostic_json(each) for each in self.diagnostics],
            "certificate": self.certificate.to_json(),
            "backend": None if self.backend is None else self.backend.to_json(),
            "route": list(self.route),
            "seconds": dict(self.seconds),
            "seed": self.seed,
        }
        optional = {"worst_case": self.worst_case, "duals": self.duals, "reduced_costs": self.reduced_costs}
        return found | {key: _families(value) for key, value in optional.items() if value is not None}

    def to_json(self, *, indent: int | None = None) -> str:
        """The object as text; NaN and infinities are the strings ``"nan"``, ``"inf"``, ``"-inf"``."""
        found = self.to_dict()
        try:
            return json.dumps(found, ensure_ascii=False, allow_nan=False, indent=indent)
        except ValueError:
            return json.dumps(spelled(found), ensure_ascii=False, allow_nan=False, indent=indent)

    def _repr_html_(self) -> str:
        from .html import solution_html

        return solution_html(self)

    def __repr__(self) -> str:
        lines = [f"{self.model} ({self.problem_class}): {self.status}, {self.termination}"]
        if self.objective is not None:
            bound = "" if self.bound is None else f", bound {self.bound:.10g}, gap {self.gap:.2g}"
            lines.append(f"{self.sense} {self.objective:.10g}{bound}")
        lines += _summary(self.variables)
        if self.certificate:
            lines += ["certificate", *(f"  {line}" for line in self.certificate)]
        lines += [f"{each.severity} {each.code.id}: {each.message}" for each in self.diagnostics]
        return "\n".join(lines)


def spelled(value: Any) -> Any:
    """The same structure with NaN and infinities as strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, Mapping):
        return {key: spelled(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spelled(item) for item in value]
    return value


def _families(families: Mapping[str, Labelled]) -> dict[str, Any]:
    return {name: family.to_json() for name, family in families.items()}


def _summary(variables: Mapping[str, Labelled]) -> list[str]:
    """The entries that are not zero, as far as they fit."""
    lines: list[str] = []
    for name, family in variables.items():
        for key, value in family.items():
            if key and value == 0:
                continue
            if len(lines) == _SHOWN:
                return [*lines, "  …"]
            index = f"[{', '.join(map(str, key))}]" if key else ""
            shown = value if isinstance(value, str) else f"{value:.10g}"
            lines.append(f"  {name}{index} = {shown}")
    return lines
