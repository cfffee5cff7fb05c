"""First derivatives of templates, as templates: the partial derivative of a term by one entry of a family.

A term is a sum over index spaces; an entry of a family occurs in it wherever its arguments equal the wanted index.
So the derivative is a sum over the same spaces with those equations as conditions, which the compiler joins on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_QUADRATIC
from optc.dsl.program import (
    Apply,
    Bind,
    Conditional,
    Constant,
    Expr,
    Generator,
    IndexRef,
    IndexVar,
    NamedExpression,
    Program,
    Reduce,
    SetExpr,
    Space,
    SymbolRef,
)
from optc.dsl.source import Span

from ..evaluation.scope import text_of
from ..extraction.polynomial import NotPolynomialError
from .substitution import (
    bound_indices,
    componentwise,
    conjunction,
    conjuncts,
    freshened,
    renamed_indices,
    substituted,
    symbols_in,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """``sum(coefficient for generators if conditions)``."""

    generators: tuple[Generator, ...]
    conditions: tuple[Expr, ...]
    coefficient: Expr

    def collapsed(self, sets: Mapping[IndexVar, SetExpr]) -> Piece:
        """Without the generators that an equation holds at an outer index which runs over the same set."""
        for k, generator in enumerate(self.generators):
            if len(generator.pattern) > 1 or not isinstance(generator.pattern[0], Bind):
                continue
            var = generator.pattern[0].var
            for condition in self.conditions:
                outer = _held_at(condition, var)
                if outer is not None and sets.get(outer) == generator.set:
                    rest = Space(
                        self.generators[:k] + self.generators[k + 1 :],
                        conjunction([c for c in self.conditions if c is not condition]),
                    )
                    values: dict[IndexVar, Expr] = {var: IndexRef(generator.span, outer)}
                    space = substituted(rest, values)
                    less = Piece(
                        space.generators,
                        tuple(conjuncts(space.condition)),
                        substituted(self.coefficient, values),
                    )
                    return less.collapsed(sets)
        return self

    def term(self) -> Expr:
        """The piece as a term."""
        condition = conjunction(list(self.conditions))
        if self.generators:
            return Reduce(self.coefficient.span, "sum", Space(self.generators, condition), self.coefficient)
        if condition is None:
            return self.coefficient
        return Conditional(self.coefficient.span, condition, self.coefficient, Constant(None, 0.0))


def _held_at(condition: Expr, var: IndexVar) -> IndexVar | None:
    """The other index of an equation ``var == other``."""
    if not (isinstance(condition, Apply) and condition.op == "eq"):
        return None
    a, b = condition.args
    if isinstance(a, IndexRef) and isinstance(b, IndexRef) and var in (a.var, b.var) and a.var != b.var:
        return b.var if a.var == var else a.var
    return None


def derivative(
    term: Expr, name: str, at: Sequence[Expr], program: Program, sets: Mapping[IndexVar, SetExpr] | None = None
) -> Expr | None:
    """The derivative of ``term`` by the entry ``name[at]``; None where it is zero.

    ``at``: one term an index position; ``sets``: the sets that indices in ``at`` run through. Raises
    ``NotPolynomialError`` for what is not a sum of products and powers.
    """
    pieces = derive(componentwise(term), name, at, program)
    return total([p.collapsed(sets or {}).term() for p in pieces])


def total(terms: Sequence[Expr]) -> Expr | None:
    """The sum of terms; None of none."""
    found: Expr | None = None
    for term in terms:
        found = term if found is None else Apply(term.span, "add", (found, term))
    return found


def mentions(term: Expr, name: str, program: Program) -> bool:
    """Whether a family occurs in a term, also through named expressions."""
    for used in symbols_in(term):
        symbol = program.symbols.get(used)
        if used == name or (isinstance(symbol, NamedExpression) and mentions(symbol.definition, name, program)):
            return True
    return False


def derive(term: Expr, name: str, at: Sequence[Expr], program: Program) -> list[Piece]:
    """The pieces of the derivative of a componentwise term."""
    if not mentions(term, name, program):
        return []
    if isinstance(term, SymbolRef):
        return _symbol(term, name, at, program)
    if isinstance(term, Apply):
        return _apply(term, name, at, program)
    if isinstance(term, Reduce) and term.op == "sum":
        fresh = freshened(term, renamed_indices(bound_indices(term)))
        within = tuple(conjuncts(fresh.space.condition))
        return [
            Piece(fresh.space.generators + p.generators, within + p.conditions, p.coefficient)
            for p in derive(fresh.body, name, at, program)
        ]
    if isinstance(term, Conditional):
        otherwise = Apply(term.condition.span, "not", (term.condition,))
        return [
            replace(p, conditions=(condition, *p.conditions))
            for condition, branch in ((term.condition, term.then), (otherwise, term.otherwise))
            for p in derive(branch, name, at, program)
        ]
    raise _refuse(term)


def _refuse(term: Expr) -> NotPolynomialError:
    reason = "its derivative is not taken symbolically here"
    return NotPolynomialError(report(NOT_QUADRATIC, term.span, expression=text_of(term), reason=reason))


def _symbol(term: SymbolRef, name: str, at: Sequence[Expr], program: Program) -> list[Piece]:
    if term.symbol == name:
        equal = [_equal(term.span, a, b) for a, b in zip(term.args, at, strict=True) if a != b]
        return [Piece((), tuple(equal), Constant(term.span, 1.0))]
    symbol = program.symbols[term.symbol]
    assert isinstance(symbol, NamedExpression)
    return derive(inlined(term, symbol), name, at, program)


def inlined(term: SymbolRef, symbol: NamedExpression) -> Expr:
    """The definition of a named expression with its indices replaced by what the reference asks for.

    Equations say that a repeated or held position of its index space agrees.
    """
    space, definition = componentwise(symbol.space), componentwise(symbol.definition)
    values = dict(zip(space.indices, term.args, strict=True))
    fresh = freshened(definition, renamed_indices(bound_indices(definition)))
    return substituted(fresh, values)


def _equal(span: Span | None, a: Expr, b: Expr) -> Expr:
    return Apply(span, "eq", (a, b))


def _apply(term: Apply, name: str, at: Sequence[Expr], program: Program) -> list[Piece]:
    if term.op in ("add", "sub"):
        first = derive(term.args[0], name, at, program)
        rest = [p for arg in term.args[1:] for p in derive(arg, name, at, program)]
        return first + (rest if term.op == "add" else [_scaled(p, Constant(None, -1.0)) for p in rest])
    if term.op == "neg":
        return [_scaled(p, Constant(None, -1.0)) for p in derive(term.args[0], name, at, program)]
    if term.op == "mul":
        found = []
        for k, arg in enumerate(term.args):
            others = term.args[:k] + term.args[k + 1 :]
            for piece in derive(arg, name, at, program):
                for other in others:
                    piece = _scaled(piece, other)
                found.append(piece)
        return found
    if term.op == "div" and not mentions(term.args[1], name, program):
        pieces = derive(term.args[0], name, at, program)
        return [replace(p, coefficient=Apply(term.span, "div", (p.coefficient, term.args[1]))) for p in pieces]
    if term.op == "pow" and isinstance(term.args[1], Constant):
        base, power = term.args[0], term.args[1].value
        outer: Expr = Constant(term.span, power)
        if power != 1.0:
            lower = base if power == 2.0 else Apply(term.span, "pow", (base, Constant(None, power - 1.0)))
            outer = Apply(term.span, "mul", (outer, lower))
        return [_scaled(p, outer) for p in derive(base, name, at, program)]
    raise _refuse(term)


def _scaled(piece: Piece, factor: Expr) -> Piece:
    """The factor's own indices are the outer ones, so it may stand under the piece's sums; its sums get new names."""
    fresh = freshened(factor, renamed_indices(bound_indices(factor)))
    if isinstance(piece.coefficient, Constant) and piece.coefficient.value == 1.0:
        return replace(piece, coefficient=fresh)
    return replace(piece, coefficient=Apply(factor.span, "mul", (fresh, piece.coefficient)))
