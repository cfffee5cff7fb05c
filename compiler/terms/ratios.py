"""Terms that are one ratio of two linear expressions, brought to the form ``top / bottom``.

    -(a / d),  2 * (a / d),  a / d + 3,  a / d - b / d,  sum(a[i] * x[i] / d for i in I)       d linear in the decisions

A constant is put over the denominator; ratios are added where their denominators are the same text. A ratio beside a
linear term, and ratios over different denominators, are no ratio of linear expressions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain

from optc.dsl.program import Apply, Expr, NamedExpression, Program, Reduce, Relation, SymbolRef

from .degree import Shapes
from .substitution import (
    bound_indices,
    component_indices,
    componentwise,
    free_indices,
    freshened,
    renamed_indices,
    substituted,
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """``top / bottom``, both of the first degree in the decisions; ``bottom`` depends on them."""

    top: Expr
    bottom: Expr


@dataclass(frozen=True, slots=True)
class _Linear:
    term: Expr
    constant: bool


def ratio_of(term: Expr, program: Program, shapes: Shapes) -> Ratio | None:
    """The term as one ratio; None where it is none, or where it is linear."""
    found = _read(term, program, shapes)
    return found if isinstance(found, Ratio) else None


def divides(term: Expr, program: Program, shapes: Shapes) -> bool:
    """Whether a decision stands in a denominator anywhere in a term, also through named expressions."""
    waiting: list[Expr] = [term]
    seen: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, Apply):
            if node.op == "div" and not shapes.of(node.args[1]).constant:
                return True
            waiting += node.args
        elif isinstance(node, Reduce):
            waiting.append(node.body)
        elif isinstance(node, SymbolRef) and node.symbol not in seen:
            seen.add(node.symbol)
            symbol = program.symbols.get(node.symbol)
            if isinstance(symbol, NamedExpression) and not shapes.of(node).constant:
                waiting.append(symbol.definition)
    return False


def _read(term: Expr, program: Program, shapes: Shapes) -> Ratio | _Linear | None:
    shape = shapes.of(term)
    if shape.degree is not None:
        return _Linear(term, shape.constant) if shape.degree <= 1 and not shape.kinks else None
    if isinstance(term, Apply) and term.op in _RULES:
        parts = [_read(arg, program, shapes) for arg in term.args]
        known = [part for part in parts if part is not None]
        return _RULES[term.op](*known) if len(known) == len(parts) else None
    if isinstance(term, Reduce) and term.op == "sum":
        body = _read(term.body, program, shapes)
        if not isinstance(body, Ratio) or set(free_indices(body.bottom)) & bound_indices(term):
            return None
        return Ratio(replace(term, body=body.top), body.bottom)
    if isinstance(term, SymbolRef):
        inner = _inlined(term, program)
        return None if inner is None else _read(inner, program, shapes)
    return None


def _op(name: str, *args: Expr) -> Expr:
    return Apply(args[0].span, name, args)


def _negated(part: Ratio | _Linear) -> Ratio | _Linear:
    if isinstance(part, Ratio):
        return Ratio(_op("neg", part.top), part.bottom)
    return _Linear(_op("neg", part.term), part.constant)


def _added(a: Ratio | _Linear, b: Ratio | _Linear) -> Ratio | _Linear | None:
    if isinstance(a, _Linear) and isinstance(b, _Linear):
        return _Linear(_op("add", a.term, b.term), a.constant and b.constant)
    if isinstance(a, Ratio) and isinstance(b, Ratio):
        return Ratio(_op("add", a.top, b.top), a.bottom) if a.bottom == b.bottom else None
    ratio, linear = (a, b) if isinstance(a, Ratio) else (b, a)
    assert isinstance(ratio, Ratio) and isinstance(linear, _Linear)
    if not linear.constant:
        return None
    return Ratio(_op("add", ratio.top, _op("mul", linear.term, ratio.bottom)), ratio.bottom)


def _subtracted(a: Ratio | _Linear, b: Ratio | _Linear) -> Ratio | _Linear | None:
    return _added(a, _negated(b))


def _multiplied(a: Ratio | _Linear, b: Ratio | _Linear) -> Ratio | None:
    ratio, factor = (a, b) if isinstance(a, Ratio) else (b, a)
    if not isinstance(ratio, Ratio) or not isinstance(factor, _Linear) or not factor.constant:
        return None
    return Ratio(_op("mul", factor.term, ratio.top), ratio.bottom)


def _divided(a: Ratio | _Linear, b: Ratio | _Linear) -> Ratio | None:
    if not isinstance(b, _Linear):
        return None
    if b.constant:
        return Ratio(_op("div", a.top, b.term), a.bottom) if isinstance(a, Ratio) else None
    return Ratio(a.term, b.term) if isinstance(a, _Linear) else None


_RULES: dict[str, Callable[..., Ratio | _Linear | None]] = {
    "add": _added,
    "sub": _subtracted,
    "neg": _negated,
    "mul": _multiplied,
    "div": _divided,
}


def _inlined(ref: SymbolRef, program: Program) -> Expr | None:
    """The definition of a named expression at the indices of a reference; None where they are whole tuples."""
    symbol = program.symbols.get(ref.symbol)
    if not isinstance(symbol, NamedExpression):
        return None
    definition = componentwise(symbol.definition)
    fresh = freshened(definition, renamed_indices(bound_indices(definition)))
    indices = list(chain.from_iterable(component_indices(v) for v in symbol.space.indices))
    args = componentwise(ref).args
    if len(args) != len(indices):
        return None
    return substituted(fresh, dict(zip(indices, args, strict=True)))


def row_ratio(body: Relation, program: Program, shapes: Shapes) -> Ratio | None:
    """The ratio in a relation: left less right of two terms, the middle of a range between constants; else None."""
    if len(body.terms) == 2:
        left, right = body.terms
        return ratio_of(_op("sub", left, right), program, shapes)
    low, middle, high = body.terms
    if not shapes.of(low).constant or not shapes.of(high).constant:
        return None
    return ratio_of(middle, program, shapes)
