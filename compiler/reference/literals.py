"""Entries of a parameter that are written in the model, by position or by key."""

from __future__ import annotations

from collections.abc import Sequence

from optc.dsl.program import Generator, Parameter

from .functions import Number
from .terms import Env, EvaluationError, Key, Lookup, key_in, match, members, value


def literal_entries(symbol: Parameter, look: Lookup) -> dict[Key, Number | str]:
    """Index tuple to value. A nested list has one level a generator, in the order of its set; filtered rows are kept
    out of the result but count as positions.

    Raises ``EvaluationError`` where a list has not as many items as its set has members.
    """
    literal = symbol.literal
    assert literal is not None
    if literal.keyed is not None:
        return dict(literal.keyed)
    if literal.nested is None:
        raise EvaluationError(f"{symbol.name} has an empty literal")
    found: dict[Key, Number | str] = {}
    _place(symbol, symbol.space.generators, literal.nested, {}, look, found)
    return found


def _place(
    symbol: Parameter,
    generators: Sequence[Generator],
    items: object,
    env: Env,
    look: Lookup,
    found: dict[Key, Number | str],
) -> None:
    if not generators:
        if isinstance(items, tuple) or not isinstance(items, (int, float, str)):
            raise EvaluationError(f"the literal of {symbol.name} is nested deeper than its indices")
        if symbol.space.condition is None or value(symbol.space.condition, env, look) is True:
            found[key_in(symbol.space, env)] = items
        return
    matching = [row for m in members(generators[0].set, env, look) if (row := match(generators[0], m, env, look))]
    if not isinstance(items, tuple) or len(items) != len(matching):
        count = len(items) if isinstance(items, tuple) else "no list of"
        raise EvaluationError(f"the literal of {symbol.name} has {count} items for {len(matching)} members")
    for row, item in zip(matching, items, strict=True):
        _place(symbol, generators[1:], item, row, look, found)
