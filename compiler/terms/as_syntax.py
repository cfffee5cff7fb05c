"""Typed terms back as syntax trees, which the printer of the language turns into text.

Indices keep their names; where an expanded function brought one name in twice, the inner index gets another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from optc.dsl import syntax as s
from optc.dsl.program import (
    Apply,
    Bind,
    Conditional,
    Constant,
    Expr,
    ExternCall,
    FamilyRef,
    Fix,
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
    TextConstant,
)
from optc.dsl.source import Source, Span

_ARITHMETIC = {"add": "+", "sub": "-", "mul": "*", "div": "/", "idiv": "div", "mod": "mod", "pow": "^"}
_LOGICAL = {"and": "and", "or": "or"}
_RELATIONS = {"lt": "<", "le": "<=", "eq": "==", "ne": "!=", "ge": ">=", "gt": ">"}
_LEFT_DEEP = frozenset({"add", "sub", "mul", "and", "or"})
_BALANCED = frozenset({"add", "mul", "and", "or"})
_LONG = 33  # the checker makes balanced trees of chains with more operands than this

NAMELESS = "_"  # the index of a set that stands alone in an index list
HERE = Span(Source("<program>", ""), 0, 0)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the indices in scope, those that no new index may take, and how many positions the block has."""

    indices: dict[IndexVar, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    around: int = 0

    def with_index(self, var: IndexVar) -> Names:
        """The scope with one more index, named as it was if nothing there has that name."""
        used = self.taken | set(self.indices.values())
        base = "k" if var.name == NAMELESS else var.name
        name, count = base, 2
        while name in used:
            name, count = f"{base}_{count}", count + 1
        return replace(self, indices={**self.indices, var: name})

    def of(self, var: IndexVar) -> str:
        return self.indices.get(var, var.name)


def name(text: str) -> s.Name:
    return s.Name(HERE, text)


def literal(value: float | str) -> s.Expression:
    """A number as short as it can be written exactly (``pi`` by its name), or a text."""
    if isinstance(value, str):
        return s.Text(HERE, value)
    if value == math.pi:
        return name("pi")
    if value < 0:
        return s.Unary(HERE, "-", literal(-value))
    whole = value == value // 1 and value < 1e15
    spelling = str(int(value)) if whole else repr(float(value)).replace("e+", "e")
    return s.Number(HERE, int(value) if whole else value, spelling)


def bracketed(tree: s.Expression) -> s.Expression:
    return tree if isinstance(tree, s.Bracketed) else s.Bracketed(HERE, tree)


# ---------------------------------------------------------------------------------------------------------- values
def expression(term: Expr, names: Names) -> s.Expression:
    """The tree of a term that stands for a number or text: a comparison gets the brackets it needs there."""
    tree = condition(term, names)
    return bracketed(tree) if _is_truth(term) else tree


def condition(term: Expr, names: Names) -> s.Expression:
    """The tree of a term that stands where a condition may."""
    if isinstance(term, (Constant, TextConstant)):
        return literal(term.value)
    if isinstance(term, IndexRef):
        return name(names.of(term.var))
    if isinstance(term, SymbolRef):
        return _symbol(term, names)
    if isinstance(term, FamilyRef):
        return name(term.symbol)
    if isinstance(term, Apply):
        return _apply(term, names)
    if isinstance(term, Reduce):
        return reduction(term.op, term.body, term.space, names)
    if isinstance(term, Conditional):
        parts = (expression(term.then, names), expression(term.otherwise, names))
        return s.Conditional(HERE, condition(term.condition, names), *parts)
    if isinstance(term, Member):
        return s.Membership(HERE, _tuple(term.args, names), set_expression(term.set, names), term.negated)
    if isinstance(term, SetMeasure):
        return _measure(term, names)
    if isinstance(term, Piecewise):
        points, values = (s.ListLiteral(HERE, _all(part, names)) for part in (term.breakpoints, term.values))
        return s.Call(HERE, name("piecewise"), (expression(term.argument, names), points, values))
    assert isinstance(term, (ExternCall, NetworkCall))
    return s.Call(HERE, name(term.function), _all(term.args, names))


def reduction(op: str, body: Expr, space: Space, names: Names) -> s.Aggregate:
    """``sum(body for space)``; ``sos1`` and ``sos2`` look the same."""
    over, inner = index_list(space, names)
    inside = condition(body, inner) if op == "count" else expression(body, inner)
    return s.Aggregate(HERE, name(op), inside, over)


def _is_truth(term: Expr) -> bool:
    return isinstance(term, Member) or (isinstance(term, Apply) and term.op in {*_RELATIONS, *_LOGICAL, "not"})


def _all(terms: Sequence[Expr], names: Names) -> tuple[s.Expression, ...]:
    return tuple(expression(term, names) for term in terms)


def _tuple(terms: Sequence[Expr], names: Names) -> s.Expression:
    items = _all(terms, names)
    return items[0] if len(items) == 1 else s.Tuple(HERE, items)


def _symbol(term: SymbolRef, names: Names) -> s.Expression:
    args = _all(term.args, names)
    if term.symbol.startswith("dual("):
        return s.Call(HERE, name("dual"), (_constraint(term.symbol[5:-1], args[names.around :]),))
    return s.Subscript(HERE, name(term.symbol), args) if args else name(term.symbol)


def _constraint(path: str, args: tuple[s.Expression, ...]) -> s.Expression:
    """``f.c[r, i]``: the indices of block and constraint together, without those of the block around."""
    head, *rest = path.split(".")
    tree: s.Expression = name(head)
    for part in rest:
        tree = s.Member(HERE, tree, name(part))
    return s.Subscript(HERE, tree, args) if args else tree


def _apply(term: Apply, names: Names) -> s.Expression:
    if term.op in _LEFT_DEEP:
        return _chain(term, names)
    if term.op in _ARITHMETIC:
        left, right = _all(term.args, names)
        return s.Binary(HERE, _ARITHMETIC[term.op], left, right)
    if term.op in _RELATIONS:
        return s.Comparison(HERE, _all(term.args, names), (_RELATIONS[term.op],))
    if term.op == "neg":
        return s.Unary(HERE, "-", expression(term.args[0], names))
    if term.op == "not":
        return s.Unary(HERE, "not", condition(term.args[0], names))
    return s.Call(HERE, name(term.op), _all(term.args, names))


def _chain(term: Apply, names: Names) -> s.Expression:
    """A left-deep chain without recursion, so that long sums do not exhaust the stack."""
    steps = _long_chain(term)
    left: Expr = term
    long = bool(steps)
    if long:
        left = steps.pop()[1]
    while not long and isinstance(left, Apply) and left.op in _LEFT_DEEP and _same_kind(left.op, term.op):
        steps += [(left.op, arg) for arg in reversed(left.args[1:])]
        left = left.args[0]
    part = condition if term.op in _LOGICAL else expression
    tree = part(left, names)
    for op, arg in reversed(steps):
        tree = s.Binary(HERE, _ARITHMETIC.get(op, op), tree, part(arg, names))
    return tree


def _long_chain(term: Apply) -> list[tuple[str, Expr]]:
    """The operands of a balanced tree, last first, each with its operation; empty where ``term`` is none."""
    if term.op not in _BALANCED:
        return []
    leaves: list[Expr] = []
    stack: list[Expr] = [term]
    while stack:
        top = stack.pop()
        if isinstance(top, Apply) and top.op == term.op:
            stack += reversed(top.args)
        else:
            leaves.append(top)
    if len(leaves) <= _LONG or _balanced(term.op, leaves) != term:
        return []
    return [_signed(term.op, leaf) for leaf in reversed(leaves[1:])] + [("", leaves[0])]


def _balanced(op: str, terms: list[Expr]) -> Expr:
    while len(terms) > 1:
        paired: list[Expr] = [Apply(None, op, pair) for pair in zip(terms[::2], terms[1::2], strict=False)]
        terms = paired + (terms[-1:] if len(terms) % 2 else [])
    return terms[0]


def _signed(op: str, leaf: Expr) -> tuple[str, Expr]:
    return ("sub", leaf.args[0]) if op == "add" and isinstance(leaf, Apply) and leaf.op == "neg" else (op, leaf)


def _same_kind(one: str, other: str) -> bool:
    return (one in _LOGICAL) == (other in _LOGICAL)


def _measure(term: SetMeasure, names: Names) -> s.Expression:
    member = (_tuple(term.args, names),) if term.args else ()
    shift = (expression(term.shift, names),) if term.shift is not None else ()
    return s.Call(HERE, name(term.op), (*member, set_expression(term.set, names), *shift))


# ------------------------------------------------------------------------------------------------------------ sets
def set_expression(term: SetExpr, names: Names) -> s.Expression:
    """The tree of a set."""
    if isinstance(term, SetRef):
        return s.Subscript(HERE, name(term.symbol), _all(term.args, names)) if term.args else name(term.symbol)
    if isinstance(term, RangeSet):
        return s.Range(HERE, expression(term.low, names), expression(term.high, names))
    if isinstance(term, ProductSet):
        return _product(term.factors, names)
    if isinstance(term, SetOperation):
        sides = (set_expression(term.left, names), set_expression(term.right, names))
        return s.Binary(HERE, term.op, *sides)
    if isinstance(term, LiteralSet):
        return s.SetLiteral(HERE, tuple(_member(m) for m in term.members))
    over, inner = index_list(term.space, names)
    return s.Comprehension(HERE, _tuple(term.element, inner), over)


def _product(factors: Sequence[SetExpr], names: Names) -> s.Expression:
    tree = set_expression(factors[0], names)
    for factor in factors[1:]:
        right = set_expression(factor, names)
        tree = s.Binary(HERE, "*", tree, bracketed(right) if isinstance(factor, ProductSet) else right)
    return tree


def _member(parts: Sequence[Constant | TextConstant]) -> s.Expression:
    items = tuple(literal(part.value) for part in parts)
    return items[0] if len(items) == 1 else s.Tuple(HERE, items)


def index_list(space: Space, names: Names) -> tuple[s.IndexList, Names]:
    """The list of a space, and the scope inside it."""
    generators: list[s.Generator] = []
    for generator in space.generators:
        ranged = set_expression(generator.set, names)
        positions: list[s.Expression] = []
        for position in generator.pattern:
            if isinstance(position, Bind):
                names = names.with_index(position.var)
            positions.append(_position(position, names))
        pattern = positions[0] if len(positions) == 1 else s.Tuple(HERE, tuple(positions))
        generators.append(s.Generator(HERE, pattern, ranged))
    filtered = None if space.condition is None else condition(space.condition, names)
    return s.IndexList(HERE, tuple(generators), filtered), names


def declared_index(space: Space, names: Names) -> tuple[s.IndexList, Names]:
    """As ``index_list``, with a set alone where its index has no name, so that nothing can mention it."""
    over, inner = index_list(space, names)
    generators = tuple(
        replace(tree, pattern=None) if _nameless(generator) else tree
        for tree, generator in zip(over.generators, space.generators, strict=True)
    )
    return replace(over, generators=generators), inner


def _nameless(generator: Generator) -> bool:
    return all(isinstance(p, Bind) and p.var.name == NAMELESS for p in generator.pattern)


def _position(position: Bind | Fix, names: Names) -> s.Expression:
    return name(names.of(position.var)) if isinstance(position, Bind) else expression(position.value, names)
