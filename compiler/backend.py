"""What a backend is: a name, a record of what it can do, options, and ``solve`` on one finished form.

A backend is any object with these attributes; a module is one too (``backends/clarabel.py``). The compiler never
imports a backend: they come in as arguments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .answer import Answer, Conflict
from .context import Context
from .forms.linear import Floats, LinearForm

if TYPE_CHECKING:
    from .instance.instance import Instance


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend takes and gives.

    ``forms``: names of the forms it takes (``linear``, ``quadratic``). ``integer``: those of them that may have whole
    columns. ``gives``: of ``duals``, ``reduced costs``, ``primal ray``, ``dual ray``, ``conflict``, ``bound``,
    ``warm start``, ``time limit``, ``interrupt``, ``progress``. ``refuses``: what a user might expect of it and the
    reason why it is not to be had, by name of the feature. ``largest``: coefficients of rows must be below it.
    ``outside``: how many orders of derivatives it needs of outside code in a nonlinear form; None: it takes none.
    """

    forms: frozenset[str]
    integer: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    refuses: Mapping[str, str] = field(default_factory=dict)
    largest: float = math.inf
    outside: int | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """How good an answer is wanted: relative gap of the bound, and tolerance of rows and integrality."""

    gap: float = 1e-4
    tolerance: float = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A point to begin from: ``x`` (n), with NaN where nothing is known."""

    x: Floats


@runtime_checkable
class Backend(Protocol):
    """One algorithm or outside solver."""

    name: str
    title: str  # one line: what it solves, and how
    install: str  # the command that installs what it needs
    capabilities: Capabilities
    options: type  # a frozen dataclass whose fields are made by ``backends.options.option``

    def version(self) -> str | None:
        """The installed version, or None where it is not installed; imports nothing heavy."""

    def solve(self, form: LinearForm, goal: Goal, options: Any, context: Context, start: Start | None) -> Answer:
        """The answer to a form whose kind ``capabilities`` admits. Stops when ``context`` says so."""


@runtime_checkable
class Loader(Protocol):
    """A backend that hands out the solver's own object with the problem in it."""

    def load(self, form: LinearForm) -> Any: ...


@runtime_checkable
class Selective(Protocol):
    """A backend that does not take every form of the kinds that it takes, and says so before any work."""

    def declines(self, form: LinearForm) -> str | None:
        """Why it cannot take a form, or None where it can."""


@runtime_checkable
class Modest(Protocol):
    """A backend that the planner passes over for some of the forms that it takes, unless it is asked for by name."""

    def yields(self, form: LinearForm, instance: Instance) -> str | None:
        """Why another is the better choice for a form of an instance, or None where it is this one."""


@dataclass(frozen=True, slots=True, eq=False)
class Extreme:
    """An optimal point ``x`` (n) of a linear program that minimises, and its row multipliers ``row_duals`` (m)."""

    x: Floats
    row_duals: Floats


class Extremes(Protocol):
    """One linear program whose cost is one column after the other."""

    def least(self, column: int, sign: float) -> Extreme | None:
        """Where ``sign * x[column]`` is least; None where there is no such point, or no time to find it."""

    def narrow(self, column: int, lower: float, upper: float) -> None:
        """Other bounds of a column from now on."""


@runtime_checkable
class Prober(Protocol):
    """A backend that looks for the extremes of columns over a linear program, each from the basis of the last."""

    def extremes(self, form: LinearForm, context: Context) -> Extremes: ...


@runtime_checkable
class ConflictFinder(Protocol):
    """A backend that finds small conflicting sets of rows and bounds itself."""

    def conflict(self, form: LinearForm, context: Context) -> Conflict | None:
        """A conflict of an infeasible continuous form, or None where the time was too short or the solver failed."""
