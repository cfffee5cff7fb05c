"""What a backend says, raw: an opinion in the terms of the form it was given, which nobody trusts yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from optc.dsl.diagnostics import Diagnostic

from .forms.linear import Floats, Ints

if TYPE_CHECKING:  # loaded by whoever makes one
    from .boxes.cover import Cover

Claim = Literal["optimal", "stationary", "feasible", "infeasible", "unbounded", "infeasible or unbounded", "none"]
Termination = Literal[
    "converged",
    "time limit",
    "iteration limit",
    "node limit",
    "solution limit",
    "objective limit",
    "memory limit",
    "interrupted",
    "numerical trouble",
    "locally infeasible",
    "diverging",
    "solver error",
    "no route",
]

LIMITS: frozenset[str] = frozenset(
    {
        "time limit",
        "iteration limit",
        "node limit",
        "solution limit",
        "objective limit",
        "memory limit",
        "interrupted",
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class Conflict:
    """Rows and columns of a form whose sides together admit no point, none of them idle where ``irreducible``.

    ``row_sides`` and ``column_sides`` hold, for each, ``-1`` (the lower side), ``1`` (the upper side) or ``0``
    (both). ``integrality`` tells that the columns must also be whole for the conflict to hold.
    """

    rows: Ints
    row_sides: Ints
    columns: Ints
    column_sides: Ints
    irreducible: bool
    integrality: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A backend's answer to one form.

    ``claim`` is what the backend holds to be true of ``x`` (``stationary``: the first-order conditions hold there);
    ``termination`` why it stopped. ``x`` (n) is there only where the backend holds it to be feasible. ``row_duals`` (m)
    and ``column_duals`` (n) are derivatives of the optimal objective, in the form's own sense, by the active row or
    column bound. ``bound`` bounds the optimal objective from the side that ``sense`` leaves open. ``primal_ray`` (n): a
    direction of unlimited improvement. ``dual_ray`` (m): row multipliers, positive on lower and negative on upper
    sides, that prove infeasibility.
    Of a conic form there are also ``cone_duals`` (p), multipliers of the cone rows of the minimised objective, and
    ``cone_ray`` (p), which belong to ``dual_ray``; both lie in the dual cones.
    Of a nonlinear form there may be a ``cover`` by boxes whose examination proves the bound, or that there is no point.
    ``message`` is the solver's own text; ``fault`` the place of the model that stopped it; ``work`` counts ``unit``.
    """

    claim: Claim
    termination: Termination
    x: Floats | None = None
    objective: float | None = None
    bound: float | None = None
    row_duals: Floats | None = None
    column_duals: Floats | None = None
    primal_ray: Floats | None = None
    dual_ray: Floats | None = None
    message: str = ""
    fault: Diagnostic | None = None
    work: int | None = None
    unit: str = "iterations"
    cone_duals: Floats | None = None
    cone_ray: Floats | None = None
    cover: Cover | None = None
