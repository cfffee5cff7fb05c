"""What can be told of a term alone: its value where it is constant, its degree in the decisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from ..program import (
    Apply,
    Choice,
    Conditional,
    Constant,
    Expr,
    Multiplier,
    NamedExpression,
    Reduce,
    Symbol,
    SymbolRef,
    Uncertain,
    Variable,
)

_FOLD: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "pow": lambda a, b: math.pow(a, b),
    "mod": lambda a, b: a - b * math.floor(a / b),
    "idiv": lambda a, b: float(math.floor(a / b)),
}
_FOLD_ONE: dict[str, Callable[[float], float]] = {
    "neg": lambda a: -a,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
}


def constant_value(term: object) -> float | None:
    """The value of a term of constants alone; None for anything else, and where it is undefined."""
    if isinstance(term, Constant):
        return term.value
    if not isinstance(term, Apply):
        return None
    values: list[float] = []
    for argument in term.args:
        value = constant_value(argument)
        if value is None:
            return None
        values.append(value)
    try:
        if len(values) == 2 and term.op in _FOLD:
            return _FOLD[term.op](*values)
        if len(values) == 1 and term.op in _FOLD_ONE:
            return _FOLD_ONE[term.op](*values)
    except (ArithmeticError, ValueError):
        return None
    return None


def degree(term: Expr, symbols: Mapping[str, Symbol]) -> int:
    """0: data; 1: affine in the decisions; 2: anything else. A product of an affine and a data term is affine."""
    if isinstance(term, SymbolRef):
        return _degree_of_entry(term, symbols)
    if isinstance(term, Apply):
        return _degree_of_operation(term, symbols)
    if isinstance(term, Reduce):
        inner = degree(term.body, symbols)
        return inner if term.op == "sum" else min(2, 2 * inner)
    if isinstance(term, Conditional):
        return max(degree(term.then, symbols), degree(term.otherwise, symbols))
    if isinstance(term, Constant) or not hasattr(term, "args"):
        return 2 if hasattr(term, "breakpoints") else 0
    return 2 if hasattr(term, "function") else 0


def _degree_of_entry(term: SymbolRef, symbols: Mapping[str, Symbol]) -> int:
    symbol = symbols.get(term.symbol)
    if isinstance(symbol, Variable | Uncertain | Multiplier):
        return 1
    if isinstance(symbol, Choice):
        return 1
    if isinstance(symbol, NamedExpression):
        return degree(symbol.definition, symbols)
    return max((degree(a, symbols) for a in term.args), default=0)


def _degree_of_operation(term: Apply, symbols: Mapping[str, Symbol]) -> int:
    degrees = [degree(a, symbols) for a in term.args]
    if term.op in ("add", "sub", "neg"):
        return max(degrees)
    if term.op == "mul":
        return min(2, sum(degrees))
    if term.op == "div":
        return degrees[0] if degrees[1] == 0 else 2
    return 0 if max(degrees) == 0 else 2
