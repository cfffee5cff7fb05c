"""What a lowering is, and where the planner finds them.

A lowering is a module ``source_to_target`` of ``compiler/lowerings``, or any object that a user registers, with

    NAME, SOURCE, TARGET, COST     what it is called in routes; the forms it leads between (``instance`` is one);
                                   about how much harder the target is to solve
    transfer(signature)            the target's signature; the reason why not, in words; None where it has nothing to do
    accepts(source)                None, or the first reason why not, with its place
    lower(source)                  the target, and what ``lift`` needs
    lift(answer, inverse)          the answer of the source: columns ``(…, n)``, or values by family
    extend(point, inverse)         may be left out: a point of the source as one of the target, as values by family
                                   between instances, as columns ``(n,)`` (NaN where nothing is known) between forms
    raised(answer, inverse)        between forms only, may be left out: the backend's answer to the target as one to the
                                   source, with what its multipliers and rays say there. Where it is left out answers
                                   are judged on the target, and the source's columns must be its first
    derived(inverse)               may be left out: the constants of its rows that hold because of bounds (big-M), each
                                   with its row and what it comes from, as ``facts.bounds.DerivedBound``
    multiples(inverse)             may be left out, between instances: for families of rows under new names, the family
                                   each is in the place of, whose rows it has multiplied by something above zero

Adding one is adding a file: nothing else names it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import chain
from pkgutil import iter_modules
from typing import Any

from optc.dsl.diagnostics import Diagnostic

from . import lowerings
from .answer import Answer
from .facts.bounds import DerivedBound
from .forms.linear import Floats, LinearForm
from .instance.instance import Instance
from .signature import Signature


@dataclass(frozen=True, slots=True)
class Lowering:
    """A lowering as the planner sees it; see the head of the module."""

    name: str
    source: str
    target: str
    cost: float
    transfer: Callable[[Signature], Signature | str | None]
    accepts: Callable[[Any], Diagnostic | None]
    lower: Callable[[Any], tuple[Any, Any]]
    lift: Callable[[Any, Any], Any]
    extend: Callable[[Any, Any], Any] | None = None
    derived: Callable[[Any], tuple[DerivedBound, ...]] | None = None
    raised: Callable[[Answer, Any], Answer] | None = None
    multiples: Callable[[Any], Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A form for a backend, and the way back. ``instance``: the one whose families the forms' rows and columns are.

    ``judged``: the form that answers are judged on; ``raised``: a backend's answer to ``form`` as one to it; ``grown``:
    columns of ``judged`` as columns of ``form``. Both forms are one unless a lowering between forms raises answers.
    ``lift``: values of the original's decision families from the columns of ``judged``. ``extend``: a point of the
    original with the values of what ``instance`` has beyond it. ``derived``: constants of rows that came from bounds.
    ``multiples``: families of rows of ``instance`` that are multiples of others of the original, by name.
    """

    form: LinearForm
    instance: Instance
    lift: Callable[[Floats], Mapping[str, Floats]]
    extend: Callable[[Mapping[str, Floats]], Mapping[str, Floats]]
    judged: LinearForm
    raised: Callable[[Answer], Answer]
    grown: Callable[[Floats], Floats]
    derived: tuple[DerivedBound, ...] = ()
    multiples: Mapping[str, str] = field(default_factory=dict)


_REQUIRED = ("NAME", "SOURCE", "TARGET", "COST", "transfer", "accepts", "lower", "lift")
_registered: list[Lowering] = []


def lowering_of(module: Any) -> Lowering:
    """The record of a module or object. Raises TypeError where it lacks something."""
    missing = [name for name in _REQUIRED if not hasattr(module, name)]
    if missing:
        raise TypeError(f"a lowering needs {', '.join(missing)}; see optc.compiler.lowering")
    return Lowering(
        module.NAME,
        module.SOURCE,
        module.TARGET,
        module.COST,
        module.transfer,
        module.accepts,
        module.lower,
        module.lift,
        getattr(module, "extend", None) if (module.SOURCE == "instance") == (module.TARGET == "instance") else None,
        getattr(module, "derived", None),
        getattr(module, "raised", None) if module.SOURCE != "instance" else None,
        getattr(module, "multiples", None),
    )


def register(module: Any) -> None:
    """Add a lowering of the user's own. Raises TypeError where it lacks something, ValueError for a name in use."""
    new = lowering_of(module)
    if any(each.name == new.name for each in every()):
        raise ValueError(f"there is a lowering called {new.name!r} already")
    _registered.append(new)


def unregister(name: str) -> None:
    """Take a registered lowering out again. Raises KeyError where none has that name."""
    for each in _registered:
        if each.name == name:
            _registered.remove(each)
            return
    raise KeyError(name)


def every() -> tuple[Lowering, ...]:
    """The lowerings there are, built in first."""
    return (*_built_in(), *_registered)


@cache
def _built_in() -> tuple[Lowering, ...]:
    names = sorted(module.name for module in iter_modules(lowerings.__path__) if "_to_" in module.name)
    modules = (import_module(f"{lowerings.__name__}.{name}") for name in names)
    return tuple(lowering_of(module) for module in modules if hasattr(module, "NAME"))


def lower_along(path: tuple[Lowering, ...], instance: Instance) -> Lowered | Diagnostic:
    """The form at the end of a path of lowerings, or why one of them does not accept what it gets.

    Raises ``DataError`` for undefined numbers.
    """
    source: Any = instance
    last = instance
    taken: list[tuple[Lowering, Any]] = []
    judged, above = None, 0  # the form that answers are judged on, and how many lowerings lead to it
    for step in path:
        reason = step.accepts(source)
        if reason is not None:
            return reason
        source, inverse = step.lower(source)
        taken.append((step, inverse))
        if isinstance(source, Instance):
            last = source
        elif judged is None or step.raised is None:
            judged, above = source, len(taken)

    def lift(x: Floats) -> Mapping[str, Floats]:
        answer: Any = x
        for step, inverse in reversed(taken[:above]):
            answer = step.lift(answer, inverse)
        found: Mapping[str, Floats] = answer
        return found

    def extend(point: Mapping[str, Floats]) -> Mapping[str, Floats]:
        for step, inverse in taken:
            if step.extend is not None and step.target == "instance":
                point = step.extend(point, inverse)
        return point

    def raised(answer: Answer) -> Answer:
        for step, inverse in reversed(taken[above:]):
            assert step.raised is not None
            answer = step.raised(answer, inverse)
        return answer

    def grown(x: Floats) -> Floats:
        for step, inverse in taken[above:]:
            if step.extend is not None:
                x = step.extend(x, inverse)
        return x

    derived = chain.from_iterable(step.derived(inverse) for step, inverse in taken if step.derived is not None)
    multiples = {
        new: old
        for step, inverse in taken
        if step.multiples is not None
        for new, old in step.multiples(inverse).items()
    }
    form = source if judged is None else judged
    return Lowered(source, last, lift, extend, form, raised, grown, tuple(derived), multiples)
