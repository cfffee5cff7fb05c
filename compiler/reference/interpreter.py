"""The reference interpreter: a program's meaning at given data and values, row by row in plain Python.

It is slow and obvious on purpose. It starts from IR 1, that is, after names are resolved, own slices filled in and
functions expanded, and shares nothing with the array evaluator and its index spaces: it is the oracle of their tests,
and a second verifier on small models.

Index tuples are flat: block indices first, then the family's own, a tuple index by its components. Numbers are equal
by value (``1 == 1.0``), a text never equals a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from optc.dsl.program import (
    Block,
    Bounds,
    Check,
    Choice,
    Expr,
    NamedExpression,
    Parameter,
    Program,
    SetExpr,
    SetSymbol,
    Space,
    Symbol,
    Uncertain,
    Variable,
)

from .functions import Number, Value, compare, number
from .literals import literal_entries
from .residuals import ConstraintRow, constraint_row, domain_violation, option_violation
from .terms import Env, EvaluationError, Key, entry_name, key_in, members, rows, value

__all__ = ["ConstraintRow", "DomainRow", "EvaluationError", "Key", "Point", "RawData", "Reference", "Values"]

_T = TypeVar("_T")
Values = Mapping[str, Mapping[Key, Value]]


@dataclass(frozen=True, slots=True)
class RawData:
    """Data as they were given, by symbol name.

    ``sets``: the members in order, each a tuple; of an indexed set, a dict from its index tuples to those.
    ``parameters``: entries by index tuple; those left out come from the model's literal or definition.
    ``functions``: an ``extern`` takes one dict (index tuple to value, ``Entries``) a family, a ``network`` numbers;
    both give one number.
    """

    sets: Mapping[str, Sequence[Key] | Mapping[Key, Sequence[Key]]] = field(default_factory=dict)
    parameters: Mapping[str, Mapping[Key, Number | str]] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Number]] = field(default_factory=dict)


class Entries(dict[Key, Value]):
    """The entries of the family ``name``, by index tuple."""

    def __init__(self, name: str, entries: Mapping[Key, Value]) -> None:
        super().__init__(entries)
        self.name = name


@dataclass(frozen=True, slots=True)
class DomainRow:
    """How far one decision (or one simplex or matrix, at ``index`` its block's indices) is from its domain."""

    index: Key
    violation: float


class Reference:
    """A program with data. Everything is evaluated when asked; data, once evaluated, are kept."""

    def __init__(self, program: Program, raw: RawData | None = None) -> None:
        self.program = program
        self.raw = RawData() if raw is None else raw
        self._tables: dict[str, dict[Key, Env]] = {}
        self._sets: dict[tuple[str, Key], Sequence[Key]] = {}
        self._entries: dict[tuple[str, Key], Number | str] = {}
        self._literals: dict[str, dict[Key, Number | str]] = {}
        self._data = Point(self, {})

    # ------------------------------------------------------------------------------------------------ data
    def rows(self, space: Space, env: Env | None = None) -> Iterator[Env]:
        """The rows of a space, each as the environment that binds its indices; ``env`` binds the indices around it."""
        return rows(space, env or {}, self._data)

    def members(self, set_expression: SetExpr, env: Env | None = None) -> list[Key]:
        """The members of a set expression, in order."""
        return list(members(set_expression, env or {}, self._data))

    def keys(self, name: str) -> list[Key]:
        """The index tuples of a family, in the order of its space."""
        return list(self._table(self.program.symbols[name]))

    def set_members(self, name: str, key: Key = ()) -> Sequence[Key]:
        """The members of a declared set, or of one of an indexed family of sets."""
        if (name, key) not in self._sets:
            self._sets[name, key] = self._find_members(name, key)
        return self._sets[name, key]

    def parameter(self, name: str, key: Key = ()) -> Number | str:
        """One entry of a parameter: from the data, else from the literal, else from the definition."""
        if (name, key) not in self._entries:
            self._entries[name, key] = self._find_entry(name, key)
        return self._entries[name, key]

    def failed_checks(self, name: str) -> Iterator[tuple[Key, Check]]:
        """The entries of a parameter that break one of its checks, with the check."""
        symbol = self.program.symbols[name]
        assert isinstance(symbol, Parameter)
        for key, env in self._table(symbol).items():
            for check in symbol.checks:
                if not self._passes(self.parameter(name, key), check, env):
                    yield key, check

    def outside(self, name: str) -> Iterator[tuple[Key, Key]]:
        """The members of a set that its ``within`` does not hold, as (index of the set, member)."""
        symbol = self.program.symbols[name]
        assert isinstance(symbol, SetSymbol)
        for key, env in self._table(symbol).items():
            if symbol.within is not None:
                allowed = set(self.members(symbol.within, env))
                yield from ((key, m) for m in self.set_members(name, key) if m not in allowed)

    def environment(self, symbol: Symbol, key: Key) -> Env:
        """The indices of the row ``key`` of a family; raises ``EvaluationError`` where there is no such row."""
        table = self._table(symbol)
        if key not in table:
            raise EvaluationError(f"there is no {entry_name(symbol.name, key)}")
        return table[key]

    def _table(self, symbol: Symbol) -> dict[Key, Env]:
        if symbol.name not in self._tables:
            self._tables[symbol.name] = {key_in(symbol.space, env): env for env in self.rows(symbol.space)}
        return self._tables[symbol.name]

    def _find_members(self, name: str, key: Key) -> Sequence[Key]:
        symbol = self.program.symbols[name]
        assert isinstance(symbol, SetSymbol)
        env = self.environment(symbol, key)
        given = self.raw.sets.get(name)
        if given is not None and (symbol.definition is None or symbol.overridable):
            found = given.get(key) if isinstance(given, Mapping) else given
            if found is not None:
                return list(found)
        if symbol.definition is None:
            raise EvaluationError(f"the set {entry_name(name, key)} has no members given")
        return _in_row(name, key, lambda: self.members(symbol.definition, env))  # type: ignore[arg-type]

    def _find_entry(self, name: str, key: Key) -> Number | str:
        symbol = self.program.symbols[name]
        assert isinstance(symbol, Parameter)
        env = self.environment(symbol, key)
        fixed = (symbol.definition is not None or symbol.literal is not None) and not symbol.overridable
        given = {} if fixed else self.raw.parameters.get(name, {})
        if key in given:
            return given[key]
        if symbol.literal is not None:
            if name not in self._literals:
                self._literals[name] = literal_entries(symbol, self._data)
            if key in self._literals[name]:
                return self._literals[name][key]
        if symbol.definition is None:
            raise EvaluationError(f"{entry_name(name, key)} has no value")
        found = _in_row(name, key, lambda: value(symbol.definition, env, self._data))  # type: ignore[arg-type]
        return found if isinstance(found, str) else number(found)

    def _passes(self, entry: Number | str, check: Check, env: Env) -> bool:
        if check.op == "in":
            return (entry,) in self.members(check.bound, env)  # type: ignore[arg-type]
        return compare(check.op, entry, value(check.bound, env, self._data))  # type: ignore[arg-type]

    # ---------------------------------------------------------------------------------------- bounds, blocks
    def bounds(self, name: str) -> Iterator[tuple[Key, float, float]]:
        """(index, lower, upper) of each entry of a variable or uncertain family; whole-numbered ones rounded inwards.

        ``binary`` lies in [0, 1], ``spin`` in [-1, 1], ``simplex`` is not negative; what is not bounded has ``±inf``.
        """
        symbol = self.program.symbols[name]
        assert isinstance(symbol, (Variable, Uncertain))
        for key, env in self._table(symbol).items():
            low, high = _in_row(name, key, partial(self._bounds_of, symbol.bounds, symbol.domain, env))
            yield key, low, high

    def _bounds_of(self, bounds: Bounds, domain: str, env: Env) -> tuple[float, float]:
        low, high = {"binary": (0.0, 1.0), "spin": (-1.0, 1.0), "simplex": (0.0, math.inf)}.get(
            domain, (-math.inf, math.inf)
        )
        if bounds.lower is not None:
            low = max(low, float(number(value(bounds.lower, env, self._data))))
        if bounds.upper is not None:
            high = min(high, float(number(value(bounds.upper, env, self._data))))
        if domain in ("integer", "binary"):
            low = math.ceil(low) if math.isfinite(low) else low
            high = math.floor(high) if math.isfinite(high) else high
        return low, high

    def block(self, path: Sequence[str]) -> Block:
        """The block at a path of names from the root (``()`` is the root)."""
        block = self.program.root
        for name in path:
            block = next(child for child in block.children if child.name == name)
        return block

    # ------------------------------------------------------------------------------------------- at a point
    def at(self, values: Values) -> Point:
        """Everything that depends on ``values``: family name to index tuple to number (or option)."""
        return Point(self, values)

    def value(self, term: Expr, env: Env | None = None, values: Values | None = None) -> Value:
        """The value of an expression; ``env`` binds the indices that it names."""
        return value(term, env or {}, self.at(values or {}))

    def constraint_rows(self, name: str, values: Values) -> Iterator[ConstraintRow]:
        """Each row of a constraint family with its sides, violation and scale."""
        return self.at(values).constraint_rows(name)

    def domain_rows(self, name: str, values: Values) -> Iterator[DomainRow]:
        """How far a decision family's values are from its bounds, integrality, simplex, cone or options."""
        return self.at(values).domain_rows(name)

    def objective(self, block: Sequence[str], index: Key, values: Values) -> Number:
        """The objective of a block (by path) for one of its rows, in the block's own sense."""
        return self.at(values).objective(block, index)

    def expressions(self, values: Values) -> dict[str, dict[Key, Number]]:
        """Every ``let`` at every index."""
        return self.at(values).expressions()


class Point:
    """A program with data at given values. Named expressions, once evaluated, are kept."""

    def __init__(self, reference: Reference, values: Values) -> None:
        self._reference = reference
        self.values = values
        self._named: dict[tuple[str, Key], Value] = {}

    # ------------------------------------------------------------------------- what the walk over terms asks
    def set_members(self, name: str, key: Key) -> Sequence[Key]:
        return self._reference.set_members(name, key)

    def entry(self, name: str, key: Key) -> Value:
        """One entry of any family."""
        symbol = self._reference.program.symbols[name]
        if isinstance(symbol, Parameter):
            return self._reference.parameter(name, key)
        if isinstance(symbol, NamedExpression):
            return self._expression(symbol, key)
        self._reference.environment(symbol, key)
        if name not in self.values or key not in self.values[name]:
            raise EvaluationError(f"no value is given for {entry_name(name, key)}")
        return self.values[name][key]

    def family(self, name: str) -> Mapping[Key, Value]:
        """All entries of a family, in order."""
        return Entries(name, {key: self.entry(name, key) for key in self._reference.keys(name)})

    def function(self, name: str) -> Callable[..., Number]:
        """An ``extern`` or ``network``."""
        if name not in self._reference.raw.functions:
            raise EvaluationError(f"the function {name} is not given")
        return self._reference.raw.functions[name]

    def _expression(self, symbol: NamedExpression, key: Key) -> Value:
        if (symbol.name, key) not in self._named:
            env = self._reference.environment(symbol, key)
            found = _in_row(symbol.name, key, lambda: value(symbol.definition, env, self))
            self._named[symbol.name, key] = found
        return self._named[symbol.name, key]

    # --------------------------------------------------------------------------------------------- whole parts
    def constraint_rows(self, name: str) -> Iterator[ConstraintRow]:
        """Each row of a constraint family with its sides, violation and scale."""
        symbol = self._reference.program.symbols[name]
        whole = self._whole()
        for key in self._reference.keys(name):
            env = self._reference.environment(symbol, key)
            yield _in_row(name, key, partial(constraint_row, symbol, key, env, self, whole))

    def domain_rows(self, name: str) -> Iterator[DomainRow]:
        """How far a decision family's values are from its bounds, integrality, simplex, cone or options."""
        symbol = self._reference.program.symbols[name]
        options = symbol.options if isinstance(symbol, Choice) else None
        if isinstance(symbol, Uncertain):
            options = symbol.scenarios
        if options is not None:
            for key in self._reference.keys(name):
                allowed = members(options, self._reference.environment(symbol, key), self)
                yield DomainRow(key, option_violation(self.entry(name, key), allowed))
            return
        assert isinstance(symbol, (Variable, Uncertain))
        for key, group in self._groups(symbol).items():
            entries = [float(number(self.entry(name, member))) for member, _, _ in group]
            bounds = [(low, high) for _, low, high in group]
            yield DomainRow(key, domain_violation(symbol.domain, entries, bounds))

    def _groups(self, symbol: Variable | Uncertain) -> dict[Key, list[tuple[Key, float, float]]]:
        """The entries that a domain holds together: all own indices of a simplex or matrix, else one by one."""
        together = symbol.domain in ("simplex", "psd")
        groups: dict[Key, list[tuple[Key, float, float]]] = {}
        for key, low, high in self._reference.bounds(symbol.name):
            outer = key[: len(key) - symbol.own] if together else key
            groups.setdefault(outer, []).append((key, low, high))
        return groups

    def objective(self, block: Sequence[str], index: Key = ()) -> Number:
        """The objective of a block (by path) for one of its rows, in the block's own sense."""
        found = self._reference.block(block)
        name = found.name or "the model"
        if found.objective is None or found.objective.expression is None:
            raise EvaluationError(f"{name} has no objective")
        expression = found.objective.expression
        for env in rows(found.space, {}, self):
            if key_in(found.space, env) == index:
                return number(_in_row(found.objective.name or name, index, partial(value, expression, env, self)))
        raise EvaluationError(f"there is no {entry_name(name, index)}")

    def expressions(self) -> dict[str, dict[Key, Number]]:
        """Every ``let`` at every index."""
        return {
            name: {key: number(self.entry(name, key)) for key in self._reference.keys(name)}
            for name, symbol in self._reference.program.symbols.items()
            if isinstance(symbol, NamedExpression)
        }

    def _whole(self) -> Point:
        """This point with whole-numbered decisions rounded: conditions read 0.9999999 as 1.

        How far a decision is from a whole number is a claim of its own (``domain_rows``); without rounding, that
        distance would switch an implication off.
        """
        symbols = self._reference.program.symbols
        rounded = {
            name: {key: float(round(number(v))) for key, v in entries.items()}
            for name, entries in self.values.items()
            if isinstance(s := symbols.get(name), Variable) and s.domain in ("binary", "integer", "spin")
        }
        return Point(self._reference, {**self.values, **rounded})


def _in_row(family: str, index: Key, evaluate: Callable[[], _T]) -> _T:
    """``evaluate()``, with an error placed in a row of a family."""
    try:
        return evaluate()
    except EvaluationError as error:
        raise error.within(family, index) from None
