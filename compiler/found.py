"""What was asked for, and an answer with all that it takes to judge it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from optc.dsl.diagnostics import Diagnostic

from .answer import Answer
from .backend import Goal, Start
from .context import Context
from .forms.linear import Floats, LinearForm
from .instance.instance import Instance
from .lowering import Lowered
from .plan import Route
from .result.solution import Solution

NEARBY_SECONDS = 5.0  # for a second solve that may turn a reported bound into a proved one


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for beside the answer itself.

    ``backend``: a name, or None for the cheapest route. ``options``: by backend name, an instance of its options
    dataclass; those left out have their defaults. ``start``: values of decision families to begin from. ``answers``:
    how many are wanted. ``notes``: diagnostics so far. ``compile_seconds``: what was spent before. ``tighten``: seconds
    for bounds by optimisation before lowering, or None for none.
    """

    goal: Goal = field(default_factory=Goal)
    backend: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    start: Mapping[str, Floats] | None = None
    answers: int | Literal["all"] = 1
    notes: tuple[Diagnostic, ...] = ()
    compile_seconds: float = 0.0
    tighten: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """An answer with all that it takes to judge it.

    ``again``: solves another problem from the start, to check a part of this one. ``stricter``: it is the answer to a
    smaller tolerance than was asked for, since the first one did not hold.
    """

    instance: Instance
    lowered: Lowered
    route: Route
    options: Any
    answer: Answer
    request: Request
    context: Context
    again: Callable[[Instance], Solution]
    stricter: bool = False

    @property
    def form(self) -> LinearForm:
        return self.lowered.judged

    @property
    def tolerance(self) -> float:
        return self.request.goal.tolerance

    def duals_nearby(self, form: LinearForm, x: Floats) -> Floats | None:
        """Row duals of a form that differs a little from the one solved, begun from its answer."""
        budget = self.context.within(NEARBY_SECONDS).silent()
        return self.route.backend.solve(form, self.request.goal, self.options, budget, Start(x)).row_duals

    def lift(self, x: Floats) -> dict[str, Floats]:
        """The values of the model's own decisions, and of multipliers that it asks for."""
        symbols = self.instance.program.symbols
        return {name: values + 0.0 for name, values in self.lowered.lift(x).items() if name in symbols}  # no -0.0

    @property
    def solver(self) -> str:
        """The backend and its version, for the certificate."""
        version = self.route.backend.version()
        return f"{self.route.backend.name} {version}" if version else self.route.backend.name
