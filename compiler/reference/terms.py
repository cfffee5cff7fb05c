"""The reference interpreter's walk over typed terms: one value, one member, one row at a time.

Nothing here knows what a symbol is: ``Lookup`` answers for sets, entries, families and functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Protocol

from optc.dsl.program import (
    Apply,
    Bind,
    Conditional,
    Constant,
    Expr,
    ExternCall,
    FamilyRef,
    Generator,
    IndexRef,
    IndexVar,
    LiteralSet,
    Member,
    NetworkCall,
    Piecewise,
    ProductSet,
    RangeSet,
    Reduce,
    SetExpr,
    SetMeasure,
    SetOperation,
    SetRef,
    Space,
    SymbolRef,
    Term,
    TextConstant,
)

from .functions import NUMERIC, Number, UndefinedError, Value, aggregate, compare, interpolate, number

Key = tuple[Number | str, ...]
Env = Mapping[IndexVar, Value]

_LEFT_DEEP = frozenset({"add", "sub", "mul"})


class EvaluationError(ArithmeticError):
    """An expression has no value: where (``family``, ``index``), in which ``expression``, and the ``reason``."""

    def __init__(self, reason: str, expression: Term | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.expression = expression
        self.family: str | None = None
        self.index: Key = ()

    def within(self, family: str, index: Key) -> EvaluationError:
        """The same error, in that row of a family unless an inner one is known already."""
        if self.family is None:
            self.family, self.index = family, index
        return self

    def __str__(self) -> str:
        place = "" if self.family is None else f"{entry_name(self.family, self.index)}: "
        span = self.expression.span if self.expression is not None else None
        return f"{place}{self.reason}" + (f", in `{span.text}`" if span is not None else "")


def entry_name(family: str, index: Key) -> str:
    """``need["iron"]``, or the bare name of a scalar."""
    if not index:
        return family
    return f"{family}[{', '.join(_literal(part) for part in index)}]"


def _literal(value: Number | str) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(int(value)) if value == value // 1 else repr(value)


class Lookup(Protocol):
    """What the walk asks for. Each raises ``EvaluationError`` where there is no answer."""

    def set_members(self, name: str, key: Key) -> Sequence[Key]: ...

    def entry(self, name: str, key: Key) -> Value: ...

    def family(self, name: str) -> Mapping[Key, Value]: ...

    def function(self, name: str) -> Callable[..., Number]: ...


# --------------------------------------------------------------------------------------------------------- indices
def key_of(args: Sequence[Expr], env: Env, look: Lookup) -> Key:
    """Index positions left to right; a tuple fills as many as it has components."""
    parts: list[Number | str] = []
    for arg in args:
        part = value(arg, env, look)
        parts.extend(part if isinstance(part, tuple) else (part,))
    return tuple(parts)


def key_in(space: Space, env: Env) -> Key:
    """The index tuple of a row of ``space``."""
    parts: list[Number | str] = []
    for index in space.indices:
        part = env[index]
        parts.extend(part if isinstance(part, tuple) else (part,))
    return tuple(parts)


def rows(space: Space, env: Env, look: Lookup) -> Iterator[Env]:
    """The rows of a space within an environment: nested loops, the last generator fastest, then the filter."""
    for row in _generate(space.generators, env, look):
        if space.condition is None or value(space.condition, row, look) is True:
            yield row


def _generate(generators: Sequence[Generator], env: Env, look: Lookup) -> Iterator[Env]:
    if not generators:
        yield env
        return
    first, rest = generators[0], generators[1:]
    for member in members(first.set, env, look):
        row = match(first, member, env, look)
        if row is not None:
            yield from _generate(rest, row, look)


def match(generator: Generator, member: Key, env: Env, look: Lookup) -> Env | None:
    """The environment with the pattern's indices bound to a member, or None where a fixed position differs."""
    pattern = generator.pattern
    if len(pattern) == 1 and isinstance(pattern[0], Bind) and len(member) > 1:
        return {**env, pattern[0].var: member}
    if len(pattern) != len(member):
        raise EvaluationError(f"a pattern of {len(pattern)} positions for the member {member}", generator.set)
    row = dict(env)
    for position, component in zip(pattern, member, strict=True):
        if isinstance(position, Bind):
            row[position.var] = component
        elif not compare("eq", value(position.value, row, look), component):
            return None
    return row


# ------------------------------------------------------------------------------------------------------------ sets
def members(term: SetExpr, env: Env, look: Lookup) -> Sequence[Key]:
    """The members of a set expression in order, each a tuple of components, each once."""
    if isinstance(term, SetRef):
        return look.set_members(term.symbol, key_of(term.args, env, look))
    if isinstance(term, RangeSet):
        return _range(term, env, look)
    if isinstance(term, ProductSet):
        return [sum(parts, ()) for parts in product(*(members(f, env, look) for f in term.factors))]
    if isinstance(term, SetOperation):
        return _operation(term.op, members(term.left, env, look), members(term.right, env, look))
    if isinstance(term, LiteralSet):
        return _once([tuple(part.value for part in member) for member in term.members])
    return _once([key_of(term.element, row, look) for row in rows(term.space, env, look)])


def _range(term: RangeSet, env: Env, look: Lookup) -> list[Key]:
    low, high = number(value(term.low, env, look)), number(value(term.high, env, look))
    if low != low // 1 or high != high // 1:
        raise EvaluationError(f"the ends of {low!r}..{high!r} are not whole numbers", term)
    return [(n,) for n in range(int(low), int(high) + 1)]


def _operation(op: str, left: Sequence[Key], right: Sequence[Key]) -> list[Key]:
    if op == "union":
        return _once([*left, *right])
    if op == "inter":
        return [m for m in left if m in right]
    return [m for m in left if m not in right]


def _once(keys: Sequence[Key]) -> list[Key]:
    return list(dict.fromkeys(keys))


# ---------------------------------------------------------------------------------------------------------- values
def value(term: Expr, env: Env, look: Lookup) -> Value:
    """The value of a term: a number, a text, a truth value, or a tuple (of a tuple index or set measure)."""
    try:
        return _value(term, env, look)
    except UndefinedError as problem:
        raise EvaluationError(str(problem), term) from None


def _value(term: Expr, env: Env, look: Lookup) -> Value:
    if isinstance(term, (Constant, TextConstant)):
        return term.value
    if isinstance(term, IndexRef):
        return env[term.var]
    if isinstance(term, SymbolRef):
        return look.entry(term.symbol, key_of(term.args, env, look))
    if isinstance(term, Apply):
        return _apply(term, env, look)
    if isinstance(term, Reduce):
        return _reduce(term, env, look)
    if isinstance(term, Conditional):
        return value(term.then if _truth(term.condition, env, look) else term.otherwise, env, look)
    if isinstance(term, Member):
        return (key_of(term.args, env, look) in members(term.set, env, look)) != term.negated
    if isinstance(term, SetMeasure):
        return _measure(term, env, look)
    if isinstance(term, Piecewise):
        breakpoints, values = _numbers(term.breakpoints, env, look), _numbers(term.values, env, look)
        return interpolate(number(value(term.argument, env, look)), breakpoints, values)
    if isinstance(term, ExternCall):
        return look.function(term.function)(*(look.family(arg.symbol) for arg in term.args))
    if isinstance(term, NetworkCall):
        return look.function(term.function)(*_numbers(term.args, env, look))
    assert isinstance(term, FamilyRef)
    raise UndefinedError(f"{term.symbol} stands for a whole family, not for a number")


def _numbers(terms: Sequence[Expr], env: Env, look: Lookup) -> list[Number]:
    return [number(value(term, env, look)) for term in terms]


def _truth(term: Expr, env: Env, look: Lookup) -> bool:
    result = value(term, env, look)
    if not isinstance(result, bool):
        raise EvaluationError(f"{result!r} is not a truth value", term)
    return result


def _apply(term: Apply, env: Env, look: Lookup) -> Value:
    if term.op in _LEFT_DEEP:
        return _fold(term, env, look)
    if term.op == "not":
        return not _truth(term.args[0], env, look)
    if term.op == "and":
        return all(_truth(arg, env, look) for arg in term.args)
    if term.op == "or":
        return any(_truth(arg, env, look) for arg in term.args)
    values = [value(arg, env, look) for arg in term.args]
    if term.op in ("lt", "le", "eq", "ne", "ge", "gt"):
        return compare(term.op, values[0], values[1])
    return NUMERIC[term.op](*map(number, values))


def _fold(term: Apply, env: Env, look: Lookup) -> Number:
    """A left-deep chain of sums and products without recursion, so that long sums do not exhaust the stack."""
    chain: list[Apply] = []
    left: Expr = term
    while isinstance(left, Apply) and left.op in _LEFT_DEEP:
        chain.append(left)
        left = left.args[0]
    result = number(value(left, env, look))
    for step in reversed(chain):
        for arg in step.args[1:]:
            try:
                result = NUMERIC[step.op](result, number(value(arg, env, look)))
            except UndefinedError as problem:
                raise EvaluationError(str(problem), step) from None
    return result


def _reduce(term: Reduce, env: Env, look: Lookup) -> Number:
    if term.op == "count":
        return sum(_truth(term.body, row, look) for row in rows(term.space, env, look))
    return aggregate(term.op, [number(value(term.body, row, look)) for row in rows(term.space, env, look)])


def _measure(term: SetMeasure, env: Env, look: Lookup) -> Value:
    present = members(term.set, env, look)
    if term.op == "card":
        return len(present)
    if term.op in ("first", "last"):
        if not present:
            raise UndefinedError(f"{term.op} of an empty set")
        return _plain(present[0 if term.op == "first" else -1])
    member = key_of(term.args, env, look)
    if member not in present:
        raise UndefinedError(f"{member} is not a member of the set")
    position = list(present).index(member)
    if term.op == "ord":
        return position
    return _plain(_neighbour(term, member, position, present, env, look))


def _neighbour(term: SetMeasure, member: Key, position: int, present: Sequence[Key], env: Env, look: Lookup) -> Key:
    shift = 1 if term.shift is None else number(value(term.shift, env, look))
    if shift != shift // 1:
        raise UndefinedError(f"{shift!r} steps is not a whole number of steps")
    target = position + (int(shift) if term.op.startswith("next") else -int(shift))
    if term.op.endswith("_cyclic"):
        target %= len(present)
    if not 0 <= target < len(present):
        raise UndefinedError(f"{member} has no {term.op} member {int(shift)} step(s) away")
    return present[target]


def _plain(member: Key) -> Value:
    return member[0] if len(member) == 1 else member
