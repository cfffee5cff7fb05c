"""The algebraic shape of typed terms in a group of symbols: polynomial degree, kinks, or neither. No data needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optc.dsl.program import (
    Apply,
    Choice,
    Complementarity,
    Conditional,
    Constant,
    Constraint,
    Expr,
    ExternCall,
    Implication,
    IndexRef,
    NamedExpression,
    NetworkCall,
    Piecewise,
    Program,
    Reduce,
    Relation,
    SymbolRef,
)

_COMPARISONS = frozenset({"lt", "le", "eq", "ne", "ge", "gt"})
_KINKED = frozenset({"min", "max", "abs"})
_KINKED_AGGREGATES = frozenset({"min", "max", "norm1", "norminf"})


@dataclass(frozen=True, slots=True)
class Shape:
    """``degree``: of the polynomial (None: not a polynomial). ``kinks``: it is one piece by piece, joined by
    ``min max abs piecewise`` of affine arguments.
    """

    degree: int | None = 0
    kinks: bool = False

    @property
    def constant(self) -> bool:
        return self.degree == 0

    def plus(self, other: Shape) -> Shape:
        if self.degree is None or other.degree is None:
            return OTHER
        return Shape(max(self.degree, other.degree), self.kinks or other.kinks)

    def times(self, other: Shape) -> Shape:
        if self.constant or other.constant:
            return self.plus(other)
        if self.degree is None or other.degree is None or self.kinks or other.kinks:
            return OTHER
        return Shape(self.degree + other.degree)


CONSTANT = Shape(0)
AFFINE = Shape(1)
OTHER = Shape(None)


def sum_of(shapes: Sequence[Shape]) -> Shape:
    """The shape of a sum; of nothing it is constant."""
    total = CONSTANT
    for shape in shapes:
        total = total.plus(shape)
    return total


class Shapes:
    """Shapes of a program's terms in the symbols ``wrt``; those of named expressions are kept."""

    def __init__(self, program: Program, wrt: frozenset[str]) -> None:
        self._program = program
        self._wrt = wrt
        self._named: dict[str, Shape] = {}

    def of(self, term: Expr) -> Shape:
        """The shape of a term. A choice counts by its one-hot variables: a look-up by two is a product."""
        if isinstance(term, SymbolRef):
            return self._symbol(term)
        if isinstance(term, Apply):
            return self._apply(term)
        if isinstance(term, Reduce):
            return self._reduce(term, self.of(term.body))
        if isinstance(term, Conditional):
            return sum_of([self.of(term.then), self.of(term.otherwise)]) if self._data(term.condition) else OTHER
        if isinstance(term, Piecewise):
            fixed = all(self._data(part) for part in (*term.breakpoints, *term.values))
            return self._kinked(self.of(term.argument)) if fixed else OTHER
        if isinstance(term, NetworkCall):
            return CONSTANT if all(self._data(arg) for arg in term.args) else OTHER
        if isinstance(term, ExternCall):
            return OTHER if any(arg.symbol in self._wrt for arg in term.args) else CONSTANT
        return CONSTANT

    def constraint(self, symbol: Constraint) -> Shape:
        """The shape of the widest of a constraint's terms (conditions aside)."""
        body = symbol.body
        if isinstance(body, Relation):
            relations = [body]
        elif isinstance(body, Implication):
            relations = [body.conclusion]
        elif isinstance(body, Complementarity):
            relations = [body.left, body.right]
        else:
            return self.of(body.body)
        return sum_of([self.of(term) for relation in relations for term in relation.terms])

    def _data(self, term: Expr) -> bool:
        return self.of(term).constant

    def _symbol(self, term: SymbolRef) -> Shape:
        selected = CONSTANT
        for arg in term.args:
            if not isinstance(arg, (IndexRef, Constant)):
                inner = self.of(arg)
                selected = selected.times(inner) if not selected.constant else inner
        symbol = self._program.symbols[term.symbol]
        if isinstance(symbol, NamedExpression):
            if term.symbol not in self._named:
                self._named[term.symbol] = self.of(symbol.definition)
            own = self._named[term.symbol]
        else:
            own = AFFINE if term.symbol in self._wrt else CONSTANT
        return own.times(selected) if not own.constant else selected

    def _apply(self, term: Apply) -> Shape:
        if term.op in ("add", "sub"):
            return self._sum(term)
        if term.op == "neg":
            return self.of(term.args[0])
        shapes = [self.of(arg) for arg in term.args]
        if all(shape.constant for shape in shapes):
            return CONSTANT
        if term.op == "mul":
            return shapes[0].times(shapes[1])
        if term.op == "div":
            return shapes[0] if shapes[1].constant else OTHER
        if term.op == "pow":
            return _power(shapes[0], term.args[1])
        if term.op in _KINKED:
            return self._kinked(sum_of(shapes))
        if term.op in _COMPARISONS:
            return self._comparison(term, shapes)
        return OTHER

    def _sum(self, term: Apply) -> Shape:
        """Left-deep sums without recursion, so that long ones do not exhaust the stack."""
        total = CONSTANT
        left: Expr = term
        while isinstance(left, Apply) and left.op in ("add", "sub"):
            total = total.plus(self.of(left.args[1]))
            left = left.args[0]
        return total.plus(self.of(left))

    def _reduce(self, term: Reduce, body: Shape) -> Shape:
        if body.constant or term.op in ("sum", "count"):
            return body
        return self._kinked(body) if term.op in _KINKED_AGGREGATES else OTHER

    def _kinked(self, shape: Shape) -> Shape:
        if shape.constant:
            return CONSTANT
        return Shape(1, kinks=True) if shape.degree == 1 else OTHER

    def _comparison(self, term: Apply, shapes: Sequence[Shape]) -> Shape:
        """``(z[g] == k)``: a one-hot variable; of two choices, a product of two."""
        names = [arg.symbol for arg in term.args if isinstance(arg, SymbolRef) and arg.symbol in self._wrt]
        if not all(isinstance(self._program.symbols[name], Choice) for name in names):
            return OTHER
        return shapes[0].times(shapes[1]) if len(names) == 2 else sum_of(shapes)


def _power(base: Shape, exponent: Expr) -> Shape:
    if base.kinks or base.degree is None or not isinstance(exponent, Constant):
        return OTHER
    whole = exponent.value >= 0 and exponent.value == exponent.value // 1
    return Shape(base.degree * int(exponent.value)) if whole else OTHER
