"""Equality of terms up to the names of their indices, and whatever their places in the text."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache

from optc.dsl.program import IndexVar


def alike(one: object, other: object) -> bool:
    """Whether two terms (symbols, programs, tuples of them) differ in serials of indices and in spans alone.

    Every index of one must correspond to one of the other, the same one throughout.
    """
    return _alike(one, other, {}, {})


_Indices = dict[IndexVar, IndexVar]


def _alike(one: object, other: object, there: _Indices, back: _Indices) -> bool:
    if one is other and not there:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, IndexVar):
        assert isinstance(other, IndexVar)
        same = (one.name, one.arity) == (other.name, other.arity)
        return same and there.setdefault(one, other) == other and back.setdefault(other, one) == one
    if isinstance(one, tuple):
        assert isinstance(other, tuple)
        return len(one) == len(other) and all(_alike(a, b, there, back) for a, b in zip(one, other, strict=True))
    if is_dataclass(one):
        assert not isinstance(one, type)
        return all(_alike(getattr(one, n), getattr(other, n), there, back) for n in _names(type(one)))
    return one == other


@cache
def _names(kind: type) -> tuple[str, ...]:
    """The fields of a node that make it what it is."""
    return tuple(f.name for f in fields(kind) if f.name != "span")
