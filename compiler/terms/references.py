"""Symbol references in typed terms, with named expressions followed. Standard library alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

from optc.dsl.program import Expr, IndexRef, IndexVar, NamedExpression, Program, SymbolRef


def references(program: Program, node: object) -> Iterator[SymbolRef]:
    """Every symbol reference in a node; through a named expression, those of its definition in its caller's indices.

    An argument that is not a bare index stands in the definition's references as it was written by the caller. What a
    definition refers to several times, or through several others, comes once for each use of it.
    """
    yield from _references(program, node, {})


def _references(program: Program, node: object, known: dict[str, tuple[SymbolRef, ...]]) -> Iterator[SymbolRef]:
    """``known``: what the definitions that have been looked at refer to, each once."""
    stack = [node]
    while stack:
        top = stack.pop()
        if isinstance(top, SymbolRef):
            yield top
            symbol = program.symbols[top.symbol]
            if isinstance(symbol, NamedExpression):
                if symbol.name not in known:
                    known[symbol.name] = tuple(dict.fromkeys(_references(program, symbol.definition, known)))
                yield from _through(symbol, top, known[symbol.name])
        stack.extend(reversed(list(_inside(top))))


def _inside(node: object) -> Iterator[object]:
    if isinstance(node, tuple):
        yield from node
    elif is_dataclass(node) and not isinstance(node, (type, IndexVar)):
        for field in fields(node):
            if field.name not in ("span", "var"):
                yield getattr(node, field.name)


def _through(symbol: NamedExpression, call: SymbolRef, inside: tuple[SymbolRef, ...]) -> Iterator[SymbolRef]:
    indices = symbol.space.indices
    bound: dict[IndexVar, Expr] = {}
    if len(indices) == len(call.args):
        bound = dict(zip(indices, call.args, strict=True))
    for ref in inside:
        args = tuple(bound.get(a.var, a) if isinstance(a, IndexRef) else a for a in ref.args)
        yield replace(ref, args=args)
