"""Which terms have kinks in the decisions: ``max``, ``min``, ``abs``, ``norm1``, ``norminf``, ``piecewise``."""

from __future__ import annotations

from optc.dsl.program import Apply, Expr, NamedExpression, Piecewise, Program, Reduce, SymbolRef

from .degree import Shapes
from .substitution import Node, parts

_POINTWISE = frozenset({"max", "min", "abs"})
_AGGREGATES = frozenset({"max", "min", "norm1", "norminf"})


class Kinks:
    """Answers for the terms of a program; those of named expressions are kept. ``shapes``: in the decisions."""

    def __init__(self, program: Program, shapes: Shapes) -> None:
        self._program = program
        self._shapes = shapes
        self._named: dict[str, bool] = {}

    def within(self, term: Expr) -> bool:
        """Whether the term, or anything in it, has a kink where decisions are."""
        waiting: list[Node] = [term]
        while waiting:
            node = waiting.pop()
            if self._kinked(node):
                return True
            waiting += parts(node)
        return False

    def _kinked(self, node: Node) -> bool:
        if isinstance(node, SymbolRef):
            return self._symbol(node.symbol)
        if isinstance(node, Apply):
            return node.op in _POINTWISE and not self._shapes.of(node).constant
        if isinstance(node, Reduce):
            return node.op in _AGGREGATES and not self._shapes.of(node).constant
        return isinstance(node, Piecewise) and not self._shapes.of(node).constant

    def _symbol(self, name: str) -> bool:
        if name not in self._named:
            symbol = self._program.symbols.get(name)
            self._named[name] = isinstance(symbol, NamedExpression) and self.within(symbol.definition)
        return self._named[name]
