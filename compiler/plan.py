"""Routes from an instance to a backend: a search for the cheapest ways through the graph of forms and lowerings.

It goes by signatures (``signature``): no array is built for a route that is not taken. ``plan`` lists every route
there is, cheapest first, with the reason why each of the others can not be taken; ``take`` lowers along the cheapest
and confirms what a signature can not tell, going on to the next where that fails. ``optc explain`` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from heapq import heappop, heappush
from itertools import count

import numpy as np

from optc.dsl.catalogue.instances import UNDEFINED_VALUE
from optc.dsl.diagnostics import Diagnostic, Place
from optc.dsl.source import Span

from .backend import Backend, Modest, Selective
from .data.errors import DataError
from .forms.linear import QuadraticForm
from .forms.outside import OutsideForm
from .instance.instance import Instance
from .lowering import Lowered, Lowering, every, lower_along
from .magnitudes import unusable
from .signature import NEEDS, WORDS, Signature, signature

NOT_THERE = 3  # checks that went well where the next one is whether the backend is installed


@dataclass(frozen=True, slots=True)
class Route:
    """One way to one backend.

    ``refused``: why it cannot be taken, or None; ``need``: what would remove that; ``passed``: how many of the checks
    went well before, so that the most promising of several refusals can be told. ``place``: where it is refused.
    """

    path: tuple[Lowering, ...]
    backend: Backend
    cost: float
    refused: str | None = None
    need: str = ""
    passed: int = 0
    taken: bool = False
    place: Place | Span | None = None

    @property
    def steps(self) -> tuple[str, ...]:
        """The lowerings that stay in a form by name, the forms it passes, and the backend it ends at."""
        names = (step.name if step.target == step.source else step.target for step in self.path)
        return (*names, self.backend.name)


@dataclass(frozen=True, slots=True)
class Plan:
    """All routes, cheapest first, those that cannot be taken after those that can."""

    signature: Signature
    routes: tuple[Route, ...]

    @property
    def chosen(self) -> Route | None:
        """The cheapest route that can be taken."""
        return next((route for route in self.routes if route.refused is None), None)

    def text(self) -> str:
        """Every route on a line, with the reason why it is or is not taken."""
        lines = []
        for route in self.routes:
            way = " -> ".join((self.signature.problem_class, *route.steps))
            if route is self.chosen:
                lines.append(f"{way}: taken, the cheapest route")
            else:
                lines.append(f"{way}: not taken, {route.refused or 'a cheaper route is'}")
        return "\n".join(lines) if lines else "no routes: there are no backends"


@dataclass(frozen=True, slots=True)
class Way:
    """A path of lowerings, and the signature it ends at."""

    path: tuple[Lowering, ...]
    end: Signature
    cost: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """A lowering that does not take what a way ends at."""

    way: Way
    lowering: Lowering
    reason: str


def ways(start: Signature) -> tuple[tuple[Way, ...], tuple[Refusal, ...]]:
    """The ways there are, in order of cost, and the lowerings that refused.

    No lowering is taken twice, nor the same ones in another order; ways with other lowerings to the same signature
    are all kept, for one may stand where another does not.
    """
    order = count()
    waiting = [(0.0, next(order), Way((), start, 0.0))]
    reached: dict[tuple[Signature, frozenset[str]], Way] = {}
    refusals: list[Refusal] = []
    while waiting:
        cost, _, way = heappop(waiting)
        used = frozenset(step.name for step in way.path)
        if (way.end, used) in reached:
            continue
        reached[way.end, used] = way
        for lowering in every():
            if lowering.source != way.end.form or lowering.name in used:
                continue
            end = lowering.transfer(way.end)
            if isinstance(end, str):
                refusals.append(Refusal(way, lowering, end))
            elif end is not None and end != way.end:
                longer = Way((*way.path, lowering), end, cost + lowering.cost)
                heappush(waiting, (longer.cost, next(order), longer))
    return tuple(reached.values()), tuple(refusals)


def plan(instance: Instance, backends: Sequence[Backend], wanted: str | None = None) -> Plan:
    """The routes of an instance; with ``wanted`` those to other backends count as refused."""
    start = signature(instance.program)
    reached, refusals = ways(start)
    plain, known = WORDS.get(start.foreign(frozenset()) or ""), frozenset(WORDS.values())
    found: list[Route] = []
    for order, backend in enumerate(backends):
        forms = backend.capabilities.forms
        there = cache(backend.version)  # looks through folders; asked for once a plan
        for way in reached:
            if way.end.form in forms:
                passed, refused, need = _obstacle(way.end, backend, wanted, there)
                found.append(Route(way.path, backend, way.cost + 0.01 * order, refused, need, passed))
        for no in refusals:
            telling = no.reason in known - {plain}  # it says more than what every way begins with
            if no.lowering.target in forms or (no.lowering.target == "instance" and telling):
                path, cost = (*no.way.path, no.lowering), no.way.cost + no.lowering.cost + 0.01 * order
                passed = int(telling and (bool(no.way.path) or no.lowering.target == "instance"))
                found.append(Route(path, backend, cost, no.reason, _need(no.reason), passed))
    found.sort(key=_standing)
    return Plan(start, tuple(found))


def _standing(route: Route) -> tuple[bool, int, float]:
    return (route.refused is not None, -route.passed, route.cost)


def _need(reason: str) -> str:
    feature = next((each for each, words in WORDS.items() if words == reason), "")
    return NEEDS.get(feature, "use a class of models that a backend takes")


def _obstacle(
    end: Signature, backend: Backend, wanted: str | None, version: Callable[[], str | None]
) -> tuple[int, str | None, str]:
    """How many checks went well, the first that did not (None: all went well), and what would remove it."""
    can = backend.capabilities
    if "integer" in end.features and end.form not in can.integer:
        default = f"backend `{backend.name}` takes no whole decisions in a {end.form} problem"
        reason = can.refuses.get(f"integer {end.form}", default)
        return 1, reason, "use a backend that takes such models (`optc backends` lists them)"
    if wanted is not None and backend.name != wanted:
        return 2, f"backend `{wanted}` was asked for", ""
    if version() is None:
        install = f"install it with `{backend.install}`"
        return NOT_THERE, f"backend `{backend.name}` is not installed; {install}", install
    return 4, None, ""


def reached(instance: Instance, form: str) -> Lowered | Diagnostic | None:
    """The instance lowered to a form along the cheapest way that stands; why the first does not, None without any.

    Raises ``DataError`` for undefined numbers.
    """
    first: Diagnostic | None = None
    for way in ways(signature(instance.program))[0]:
        if way.end.form == form and way.path[-1].source == "instance":
            found = lower_along(way.path, instance)
            if not isinstance(found, Diagnostic):
                return found
            first = first or found
    return first


def take(routes: Plan, instance: Instance) -> tuple[Plan, Lowered | None]:
    """The form of the cheapest route that stands; the plan with the reasons of those before it that do not.

    Raises ``DataError`` for undefined numbers, false rows, and coefficients that the backend cannot use.
    """
    known: dict[tuple[str, ...], Lowered | Diagnostic] = {}  # routes that differ in the backend alone
    confirmed = list(routes.routes)
    lowered = None
    modest: list[tuple[int, Lowered]] = []
    for at, route in enumerate(confirmed):
        if route.refused is not None:
            break
        key = tuple(step.name for step in route.path)
        if key not in known:
            known[key] = lower_along(route.path, instance)
        found = known[key]
        if isinstance(found, Diagnostic) and found.code is UNDEFINED_VALUE:
            raise DataError([found])  # no other route could calculate with it
        if isinstance(found, Diagnostic):  # the last to refuse asked for least, so its reason is told first
            hint = found.hints[0].text if found.hints else ""
            confirmed[at] = replace(route, refused=found.message, need=hint, passed=5 + at, place=found.place)
            continue
        reason = _not_convex(found, route.backend)
        if reason is not None:
            confirmed[at] = replace(route, refused=reason, need="use a backend for nonconvex problems", passed=5 + at)
            continue
        reason, need = _of_outside_code(found, route.backend)
        if reason is not None:
            confirmed[at] = replace(route, refused=reason, need=need, passed=5 + at)
            continue
        reason = route.backend.declines(found.form) if isinstance(route.backend, Selective) else None
        if reason is not None:
            confirmed[at] = replace(route, refused=reason, need=_elsewhere(routes, route), passed=5 + at)
            continue
        reason = _rather_another(routes, route, found)
        if reason is not None:
            confirmed[at] = replace(route, refused=reason, need="ask for it by name", passed=5 + at)
            modest.append((at, found))
            continue
        fault = unusable(found.instance, found.form, route.backend.capabilities.largest)
        if fault is not None:
            raise DataError([fault])
        confirmed[at] = replace(route, taken=True)
        lowered = found
        break
    if lowered is None and modest:  # there is no other choice
        at, lowered = modest[0]
        confirmed[at] = replace(routes.routes[at], taken=True)
    confirmed.sort(key=_standing)
    return replace(routes, routes=tuple(confirmed)), lowered


def _rather_another(routes: Plan, route: Route, lowered: Lowered) -> str | None:
    """Why the planner passes over a backend that would take a form, while there is another to choose."""
    if not isinstance(route.backend, Modest):
        return None
    if not any(other.refused is None and other.backend is not route.backend for other in routes.routes):
        return None
    return route.backend.yields(lowered.form, lowered.instance)


def _elsewhere(routes: Plan, declined: Route) -> str:
    """What to do where a backend declines a form: another one for it that only has to be installed, if there is one."""
    for other in routes.routes:
        if other.path == declined.path and other.passed == NOT_THERE and other.refused is not None:
            return f"backend `{other.backend.name}` may take it; {other.need}"
    return "another backend may take it"


def _of_outside_code(lowered: Lowered, backend: Backend) -> tuple[str | None, str]:
    """Why a backend cannot take the outside code in a form, and what would remove that."""
    form, orders = lowered.form, backend.capabilities.outside
    if not isinstance(form, OutsideForm):
        return None, ""
    if orders is None:
        reason = f"backend `{backend.name}` works on expressions, and `{form.calls[0].call.text}` is outside code"
        other = "" if form.integer.any() else ", or use a backend that follows derivatives, such as `ipopt`"
        return reason, f"write the function out in the model{other}"
    lacking = form.lacking(orders)
    if lacking is None:
        return None, ""
    return f"{lacking}, and backend `{backend.name}` follows them", form.calls[0].call.mend


def _not_convex(lowered: Lowered, backend: Backend) -> str | None:
    """Why a backend for convex objectives can not take a quadratic one."""
    from .verify.weak_duality import curvature

    form = lowered.form
    refused = backend.capabilities.refuses.get("nonconvex quadratic")
    if refused is None or not isinstance(form, QuadraticForm):
        return None
    minimised = form.sense == "minimize"
    shift = curvature(form, 1.0 if minimised else -1.0)
    if shift is None or np.isfinite(shift):
        return None
    return f"the objective is not {'convex' if minimised else 'concave'}; {refused}"
