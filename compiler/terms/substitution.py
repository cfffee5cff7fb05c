"""Walks over typed terms: parts, free indices, symbols, conjuncts, renaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from itertools import count
from typing import TypeVar

from optc.dsl.program import (
    Apply,
    Bind,
    Constant,
    Expr,
    Fix,
    Generator,
    IndexRef,
    IndexVar,
    Space,
    Term,
    TextConstant,
)

_T = TypeVar("_T")
Node = Term | Generator | Space | Bind | Fix

Found = tuple[frozenset[IndexVar], frozenset[str]]

_found: dict[int, tuple[Node, Found]] = {}
_bound: dict[int, tuple[Node, frozenset[IndexVar]]] = {}
_KEPT = 20_000  # remembered terms; a term is told from another by identity, so it is kept alive here


def parts(node: Node) -> list[Node]:
    """The nodes directly under a node, left to right."""
    found: list[Node] = []
    for name in _names(type(node)):
        _gather(getattr(node, name), found)
    return found


def _names(kind: type[Node]) -> tuple[str, ...]:
    """The fields in which a kind of node may hold others."""
    found = _fields.get(kind)
    if found is None:
        every = fields(kind)
        found = tuple(f.name for f in every if not (f.type in _PLAIN or str(f.type).startswith("Literal[")))
        _fields[kind] = found
    return found


_fields: dict[type, tuple[str, ...]] = {}
_PLAIN = frozenset({"str", "int", "float", "bool", "Span", "Span | None", "IndexVar"})
"""Types of fields, as they are written, that are no nodes and hold none."""


def _gather(value: object, found: list[Node]) -> None:
    if isinstance(value, (Term, Generator, Space, Bind, Fix)):
        found.append(value)
    elif isinstance(value, tuple) and not hasattr(value, "_fields"):
        for item in value:
            _gather(item, found)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything under it."""
    yield node
    for part in parts(node):
        yield from walk(part)


def _remembered(memory: dict[int, tuple[Node, _T]], node: Node, compute: Callable[[Node], _T]) -> _T:
    known = memory.get(id(node))
    if known is not None and known[0] is node:
        return known[1]
    result = compute(node)
    if len(memory) > _KEPT:
        memory.clear()
    memory[id(node)] = (node, result)
    return result


def free_indices(node: Node) -> frozenset[IndexVar]:
    """The indices that a node uses and does not bind."""
    return _remembered(_found, node, _find)[0]


def symbols_in(node: Node) -> frozenset[str]:
    """The names of the families and sets that a node mentions."""
    return _remembered(_found, node, _find)[1]


def _find(node: Node) -> Found:
    """Free indices and symbols, found in one walk."""
    below = parts(node)
    inner = [_remembered(_found, part, _find) for part in below]
    free: frozenset[IndexVar] = _joined([each[0] for each in inner if each[0]])
    symbols: frozenset[str] = _joined([each[1] for each in inner if each[1]])
    if isinstance(node, IndexRef):
        return frozenset((node.var,)), symbols
    if isinstance(node, Space):
        return (free.difference(node.indices) if free else free), symbols
    own = getattr(node, "symbol", None)
    if isinstance(own, str):
        symbols = symbols | {own}
    if free:
        free = free.difference(*(part.indices for part in below if isinstance(part, Space)))
    return free, symbols


def _joined(found: list[frozenset[_T]]) -> frozenset[_T]:
    return found[0] if len(found) == 1 else frozenset().union(*found)


def conjuncts(condition: Expr | None) -> list[Expr]:
    """The conditions that ``and`` joins, in order."""
    if condition is None:
        return []
    if isinstance(condition, Apply) and condition.op == "and":
        return [c for arg in condition.args for c in conjuncts(arg)]
    return [condition]


def factors(term: Expr) -> list[Expr]:
    """The factors that ``*`` joins, in order."""
    if isinstance(term, Apply) and term.op == "mul":
        return [f for arg in term.args for f in factors(arg)]
    return [term]


_serials = count(-1, -1)


def bound_indices(node: Node) -> frozenset[IndexVar]:
    """The indices that are bound anywhere in a node."""
    return _remembered(_bound, node, lambda n: frozenset(p.var for p in walk(n) if isinstance(p, Bind)))


def renamed_indices(indices: Iterable[IndexVar]) -> dict[IndexVar, IndexVar]:
    """A new index for each, of the same name."""
    return {v: IndexVar(v.name, next(_serials), v.arity) for v in indices}


def freshened(term: _T, names: dict[IndexVar, IndexVar]) -> _T:
    """The same term with indices renamed, so that it may stand inside itself."""
    return rewritten(term, lambda node: _renamed(node, names)) if names else term


def _renamed(node: object, names: dict[IndexVar, IndexVar]) -> object:
    if isinstance(node, (IndexRef, Bind)) and node.var in names:
        return replace(node, var=names[node.var])
    return node


def rewritten(node: _T, change: Callable[[object], object]) -> _T:
    """A copy with ``change`` applied to every node, parts before wholes; unchanged parts are shared."""
    return _rewrite(node, change)  # type: ignore[return-value]


def _rewrite(value: object, change: Callable[[object], object]) -> object:
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        items = tuple(_rewrite(v, change) for v in value)
        return value if all(a is b for a, b in zip(items, value, strict=True)) else items
    if not isinstance(value, (Term, Generator, Space, Bind, Fix)):
        return value
    new = {name: _rewrite(getattr(value, name), change) for name in _names(type(value))}
    changed = {name: item for name, item in new.items() if item is not getattr(value, name)}
    return change(replace(value, **changed) if changed else value)  # type: ignore[arg-type]


def componentwise(node: _T) -> _T:
    """The same with every index of a whole tuple written as one index a component."""
    bound = {p.var for p in walk(node) if isinstance(p, Bind) and p.var.arity > 1}  # type: ignore[arg-type]
    bound |= {p.var for p in walk(node) if isinstance(p, IndexRef) and p.var.arity > 1}  # type: ignore[arg-type]
    return rewritten(node, lambda part: _split(part, bound)) if bound else node


def component_indices(var: IndexVar) -> tuple[IndexVar, ...]:
    """One index for each component of a tuple index; always the same ones."""
    if var.arity == 1:
        return (var,)
    return tuple(IndexVar(f"{var.name}.{k + 1}", var.serial) for k in range(var.arity))


def _split(node: object, bound: set[IndexVar]) -> object:
    if isinstance(node, Generator):
        pattern = tuple(q for p in node.pattern for q in _split_position(p))
        return node if pattern == node.pattern else replace(node, pattern=pattern)
    for name in ("args", "element"):
        items = getattr(node, name, None)
        if isinstance(items, tuple) and any(isinstance(i, IndexRef) and i.var in bound for i in items):
            flat = tuple(part for i in items for part in _split_reference(i))
            return replace(node, **{name: flat})  # type: ignore[type-var]
    return node


def _split_position(position: Bind | Fix) -> tuple[Bind | Fix, ...]:
    if isinstance(position, Bind) and position.var.arity > 1:
        return tuple(Bind(v) for v in component_indices(position.var))
    return (position,)


def _split_reference(item: Expr) -> tuple[Expr, ...]:
    if isinstance(item, IndexRef) and item.var.arity > 1:
        return tuple(IndexRef(item.span, v) for v in component_indices(item.var))
    return (item,)


def substituted(node: _T, values: dict[IndexVar, Expr]) -> _T:
    """The same with free indices replaced by terms.

    A pattern position that was held at such an index becomes a new index with an equation in the space's condition,
    unless the term may stand in a pattern.
    """
    return rewritten(node, lambda part: _substituted(part, values)) if values else node


def _substituted(node: object, values: dict[IndexVar, Expr]) -> object:
    if isinstance(node, IndexRef):
        return values.get(node.var, node)
    if isinstance(node, Space):
        return _freed(node)
    return node


def _freed(space: Space) -> Space:
    """Held positions whose value is no index and no literal, as indices of their own with equations."""
    equations: list[Expr] = []
    generators: list[Generator] = []
    for generator in space.generators:
        pattern: list[Bind | Fix] = []
        for position in generator.pattern:
            value: Expr | None = position.value if isinstance(position, Fix) else None
            if value is not None and not isinstance(value, (IndexRef, Constant, TextConstant)):
                var = IndexVar("held", next(_serials))
                pattern.append(Bind(var))
                equations.append(Apply(generator.span, "eq", (IndexRef(None, var), value)))
            else:
                pattern.append(position)
        generators.append(replace(generator, pattern=tuple(pattern)))
    if not equations:
        return space
    return Space(tuple(generators), conjunction([*equations, *conjuncts(space.condition)]))


def conjunction(conditions: list[Expr]) -> Expr | None:
    """All of the conditions; None where there are none."""
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return Apply(conditions[0].span, "and", tuple(conditions))
