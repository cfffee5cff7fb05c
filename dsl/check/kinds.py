"""What the checker knows of an expression besides its term: its kind, what it depends on, the sets it ranges over."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..program import Constant, Expr, RangeSet, SetExpr

Kind = Literal["number", "text", "unknown", "truth", "tuple", "bad"]
"""``unknown``: a member of a set whose members come with the data. ``bad``: an error has been reported already."""

# What a value depends on, as a set of bits; data depend on nothing.
DATA = 0
VARIABLE = 1
CHOICE = 2
UNCERTAIN = 4
RECOURSE = 8
MULTIPLIER = 16
LOOSE = 32  # holds a comparison of decisions that is none of the forms that a condition may have
DECISION = VARIABLE | CHOICE | MULTIPLIER


class Component:
    """The type of one component of a member: a set, and the sets that it is known to lie within.

    ``symbol`` is the declared set that it stems from (None for computed ones), ``kind`` what its members are,
    ``members`` these themselves where the model lists them. ``derived``: a union without a name of its own, ``parts``
    what a union is made of.
    """

    __slots__ = ("derived", "kind", "members", "name", "parts", "supers", "symbol")

    def __init__(self, name: str, kind: Kind, symbol: str | None = None, supers: tuple[Component, ...] = ()) -> None:
        self.name = name
        self.kind: Kind = kind
        self.symbol = symbol
        self.supers = list(supers)
        self.members: frozenset[float | str] | None = None
        self.derived = False
        self.parts: tuple[Component, ...] = ()

    def lies_within(self, other: Component) -> bool:
        """Whether every member of this one is known to be a member of the other."""
        return self._below(other) or (bool(self.parts) and all(p.lies_within(other) for p in self.parts))

    def _below(self, other: Component) -> bool:
        if self is other:
            return True
        seen = {id(self)}
        waiting = list(self.supers)
        while waiting:
            current = waiting.pop()
            if current is other:
                return True
            if id(current) not in seen:
                seen.add(id(current))
                waiting.extend(current.supers)
        return False


NUMBERS = Component("numbers", "number")
TEXTS = Component("texts", "text")
BROKEN = Component("?", "bad")


def related(one: Component, other: Component) -> bool:
    """Whether one is known to lie within the other."""
    return one is other or one.lies_within(other) or other.lies_within(one)


class Value(NamedTuple):
    """A checked expression. ``types``: one component for a member of a set, several for a tuple, none otherwise.

    ``whole`` is the type of the tuple set that a whole-tuple index ranges over.
    """

    term: Expr
    kind: Kind
    mask: int = DATA
    types: tuple[Component, ...] = ()
    whole: Component | None = None


class SetValue(NamedTuple):
    """A checked set. ``types`` is one component each; ``sized`` is False where its dimension is not known yet."""

    term: SetExpr
    types: tuple[Component, ...]
    whole: Component | None = None
    mask: int = DATA
    sized: bool = True

    @property
    def bad(self) -> bool:
        return self.types == (BROKEN,)


NOTHING = Constant(None, 0.0)
BAD = Value(NOTHING, "bad")
BAD_SET = SetValue(RangeSet(None, NOTHING, NOTHING), (BROKEN,))


def member_kind(types: tuple[Component, ...]) -> Kind:
    """The kind of a member: of its component, or ``tuple``."""
    return types[0].kind if len(types) == 1 else "tuple"
