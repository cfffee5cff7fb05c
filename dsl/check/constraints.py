"""Constraints: relations, indicators, complementarities and special ordered sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from .. import syntax
from ..catalogue import levels as level_codes
from ..catalogue import rules as codes
from ..diagnostics import Edit, Hint, Label
from ..program import (
    Apply,
    Complementarity,
    Constant,
    Constraint,
    Expr,
    Implication,
    Reduce,
    Relation,
    SpecialOrderedSet,
    SymbolRef,
    Variable,
)
from ..source import Span
from . import declarations, expressions, patterns, typed
from .bounds import mentioned
from .collect import label, line_name
from .context import ConstraintEntry, Context, Entry, Frame
from .folding import constant_value, degree
from .functions import ORDERED_SETS
from .kinds import CHOICE, LOOSE, MULTIPLIER, UNCERTAIN, VARIABLE, Value

Body = Relation | Implication | Complementarity | SpecialOrderedSet
Op = Literal["le", "ge", "eq"]
_OPS: dict[str, Op] = {"<=": "le", ">=": "ge", "==": "eq"}
_HOLDS: dict[str, Callable[[float, float], bool]] = {
    "le": lambda a, b: a <= b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
}


def build(ctx: Context, entry: ConstraintEntry) -> None:
    """Checks a constraint family and adds its symbol."""
    item, scope = entry.item, entry.scope
    declarations.resolve_scope(ctx, scope)
    rows = patterns.index_list(ctx, item.index, Frame(scope, dict(scope.indices)))
    found = _body(ctx, item.body, rows.frame)
    if found is None or rows.broken:
        return
    body, mask = found
    entry.mask = mask
    if scope.inside("lower") is not None:
        _note_without_own(ctx, entry, body)
    elif mask and not mask & ~UNCERTAIN:
        ctx.say(level_codes.NATURE_ALONE, item.span, text=item.span.text)
    ctx.symbols[entry.symbol] = Constraint(
        entry.symbol,
        item.name.span if item.name is not None else item.span,
        declarations.joined(scope.space, rows.space),
        len(scope.positions) + len(rows.positions),
        len(rows.positions),
        scope.path,
        item.doc,
        body,
        entry.named,
    )


def _body(
    ctx: Context, node: syntax.Expression | syntax.Implication | syntax.Complements, frame: Frame
) -> tuple[Body, int] | None:
    while isinstance(node, syntax.Bracketed):
        node = node.inner
    if isinstance(node, syntax.Comparison):
        return relation(ctx, node, frame)
    if isinstance(node, syntax.Implication):
        return _implication(ctx, node, frame)
    if isinstance(node, syntax.Complements):
        return _complements(ctx, node, frame)
    if isinstance(node, syntax.Aggregate) and node.function.id in ORDERED_SETS:
        return _ordered_set(ctx, node, frame)
    _no_relation(ctx, node, frame)
    return None


def _ends(node: syntax.Membership) -> tuple[syntax.Expression, syntax.Expression] | None:
    """The ends of the interval or range in ``x in [0, 3]`` and ``x in 1..3``."""
    members = node.set
    if node.negated:
        return None
    if isinstance(members, syntax.ListLiteral) and len(members.items) == 2:
        return members.items[0], members.items[1]
    return (members.low, members.high) if isinstance(members, syntax.Range) else None


def _no_relation(ctx: Context, node: syntax.Expression, frame: Frame) -> None:
    hints: tuple[Hint, ...] = ()
    if isinstance(node, syntax.Binary) and node.operator == "and":
        hints = (Hint("write each relation as a constraint of its own, on a line of its own"),)
    elif isinstance(node, syntax.Binary) and node.operator == "or":
        hints = (Hint("declare a binary for each side and write `side == 1 => …` for each, with `sum(sides) >= 1`"),)
    elif isinstance(node, syntax.Unary) and node.operator == "not":
        hints = (Hint("state the relation that has to hold instead"),)
    elif isinstance(node, syntax.Membership) and (ends := _ends(node)) is not None:
        low, high = ends
        mended = f"{low.span.text} <= {node.element.span.text} <= {high.span.text}"
        hints = (Hint(f"write `{mended}`", (Edit(node.span, mended),)),)
    elif isinstance(node, syntax.Membership):
        hints = (Hint("to choose among the members of a set declare `choose … from …`"),)
    else:
        value = typed.term(ctx, node, frame)
        if value.kind == "bad":
            return
    ctx.say(codes.NOT_A_RELATION, node.span, frame, text=node.span.text, hints=hints)


# ---------------------------------------------------------------------------------------------------- relations
def relation(ctx: Context, node: syntax.Comparison, frame: Frame) -> tuple[Relation, int] | None:
    """A relation between numbers: ``<=``, ``>=``, ``==``, or a range."""
    sides = [typed.term(ctx, operand, frame) for operand in node.operands]
    if any(v.kind == "text" for v in sides):
        _text_in_constraint(ctx, node, sides, frame)
        return None
    sides = [
        v if v.kind in ("number", "unknown", "bad") else typed.as_number(ctx, n, v, frame)
        for v, n in zip(sides, node.operands, strict=True)
    ]
    if any(v.kind == "bad" for v in sides):
        return None
    if not expressions.chains(ctx, node, frame) or not _allowed(ctx, node, sides, frame):
        return None
    ops = tuple(_OPS[o] for o in node.operators)
    span = node.span if frame.call is None else frame.call
    built = Relation(span, tuple(v.term for v in sides), ops)
    mask = 0
    for value in sides:
        mask |= value.mask
    if not mask and _is_false(built):
        ctx.say(codes.CONSTANT_FALSE, node.span, frame, text=node.span.text)
        return None
    return built, mask


def _text_in_constraint(ctx: Context, node: syntax.Comparison, sides: list[Value], frame: Frame) -> None:
    at = next(k for k, v in enumerate(sides) if v.kind == "text")
    hints: tuple[Hint, ...] = ()
    if len(node.operators) == 1 and node.operators[0] in ("==", "!=") and any(v.mask & CHOICE for v in sides):
        left, right = (o.span.text for o in node.operands)
        mended = f"({left} == {right}) == {1 if node.operators[0] == '==' else 0}"
        hints = (Hint(f"write `{mended}`", (Edit(node.span, mended),)),)
    ctx.say(codes.TEXT_IN_CONSTRAINT, node.operands[at].span, frame, text=node.operands[at].span.text, hints=hints)


def _allowed(ctx: Context, node: syntax.Comparison, sides: list[Value], frame: Frame) -> bool:
    for at, operator in enumerate(node.operators):
        if operator in ("<", ">"):
            _strict(ctx, node, at, sides, frame)
            return False
        if operator == "!=":
            _not_equal(ctx, node, sides, frame)
            return False
    if len(node.operators) > 2:
        ctx.say(codes.LONG_CHAIN, node.span, frame, count=len(node.operands))
        return False
    return True


def _strict(ctx: Context, node: syntax.Comparison, at: int, sides: list[Value], frame: Frame) -> None:
    operator = node.operators[at]
    where = expressions.operator_span(node, at)
    left, right = node.operands[at], node.operands[at + 1]
    relaxed = Edit(where, f"{operator}=")
    mends = [Hint(f"write `{operator}=`, since an optimum needs a closed set", (relaxed,))]
    if all(_integral(ctx, s.term) for s in (sides[at], sides[at + 1])):
        shift = " - 1" if operator == "<" else " + 1"
        end = Span(right.span.source, right.span.end, right.span.end)
        mended = f"{left.span.text} {operator}= {right.span.text}{shift}"
        mends = [Hint(f"over whole numbers write `{mended}`", (relaxed, Edit(end, shift)))]
    ctx.say(codes.STRICT_RELATION, where, frame, operator=operator, hints=tuple(mends))


def _integral(ctx: Context, term: Expr) -> bool:
    if isinstance(term, Constant):
        return term.value % 1 == 0
    if isinstance(term, SymbolRef):
        return term.symbol in ctx.entries and ctx.entries[term.symbol].integral
    if isinstance(term, Apply):
        return term.op in ("add", "sub", "mul", "neg") and all(_integral(ctx, a) for a in term.args)
    return isinstance(term, Reduce) and term.op == "sum" and _integral(ctx, term.body)


def _not_equal(ctx: Context, node: syntax.Comparison, sides: list[Value], frame: Frame) -> None:
    hints: tuple[Hint, ...] = ()
    if all(not s.mask & (VARIABLE | MULTIPLIER | UNCERTAIN) for s in sides) and any(s.mask & CHOICE for s in sides):
        left, right = (o.span.text for o in node.operands)
        mended = f"({left} == {right}) == 0"
        hints = (Hint(f"write `{mended}`", (Edit(node.span, mended),)),)
    ctx.say(codes.NOT_EQUAL, expressions.operator_span(node, 0), frame, hints=hints)


def _is_false(built: Relation) -> bool:
    values = [constant_value(t) for t in built.terms]
    return any(
        a is not None and b is not None and not _HOLDS[op](a, b)
        for a, op, b in zip(values, built.ops, values[1:], strict=False)
    )


# --------------------------------------------------------------------------------------------------- indicators
def _implication(ctx: Context, node: syntax.Implication, frame: Frame) -> tuple[Implication, int] | None:
    if _at_least_meant(ctx, node, frame):
        return None
    condition = typed.truth(ctx, node.condition, frame)
    if condition.kind != "bad" and condition.mask & (LOOSE | UNCERTAIN | MULTIPLIER):
        _condition_form(ctx, node.condition, condition, frame)
        condition = Value(condition.term, "bad")
    conclusion = node.conclusion
    while isinstance(conclusion, syntax.Bracketed):
        conclusion = conclusion.inner
    if not isinstance(conclusion, syntax.Comparison):
        ctx.say(codes.CONCLUSION_NOT_ROW, conclusion.span, frame, text=conclusion.span.text)
        return None
    found = relation(ctx, conclusion, frame)
    if found is None or condition.kind == "bad":
        return None
    body, mask = found
    for term, operand in zip(body.terms, conclusion.operands, strict=True):
        if degree(term, ctx.symbols) > 1:
            ctx.say(codes.CONCLUSION_NOT_LINEAR, operand.span, frame, text=operand.span.text)
            return None
    span = node.span if frame.call is None else frame.call
    return Implication(span, condition.term, body), mask | condition.mask


def _at_least_meant(ctx: Context, node: syntax.Implication, frame: Frame) -> bool:
    """``x + y => 3``, a number on either side: reported, and meant for ``>=``."""
    if any(isinstance(n, (syntax.Comparison, syntax.Bracketed)) for n in (node.condition, node.conclusion)):
        return False
    refused = len(ctx.diagnostics)
    if "truth" in (typed.term(ctx, n, frame).kind for n in (node.condition, node.conclusion)):
        return False
    if len(ctx.diagnostics) == refused:
        between = Span(node.span.source, node.condition.span.end, node.conclusion.span.start)
        at = between.start + len(between.text) - len(between.text.lstrip())
        sign = Span(between.source, at, between.start + len(between.text.rstrip()))
        ctx.say(codes.AT_LEAST, sign, frame, hints=(Hint("write `>=`", (Edit(sign, ">="),)),))
    return True


def _condition_form(ctx: Context, node: syntax.Expression, value: Value, frame: Frame) -> None:
    ctx.say(codes.CONDITION_FORM, node.span, frame, text=node.span.text, what=typed.dependence(value.mask))


# ----------------------------------------------------------------------------------------------- complementarity
def _complements(ctx: Context, node: syntax.Complements, frame: Frame) -> tuple[Complementarity, int] | None:
    left = _half(ctx, node.left, frame)
    right = _half(ctx, node.right, frame)
    if left is None or right is None:
        return None
    sizes = sorted((len(left[0].ops), len(right[0].ops)))
    if sizes not in ([1, 1], [0, 2]):
        ctx.say(codes.COMPLEMENTS_FORM, node.span, frame, text=node.span.text)
        return None
    for half, side in ((left, node.left), (right, node.right)):
        if "eq" in half[0].ops:
            ctx.say(codes.COMPLEMENTS_EQUATION, side.span, frame, text=side.span.text)
            return None
    span = node.span if frame.call is None else frame.call
    mask = left[1] | right[1]
    if not mask & (VARIABLE | MULTIPLIER | CHOICE):
        ctx.say(codes.COMPLEMENTS_WITHOUT_DECISION, node.span, frame)
        return None
    return Complementarity(span, left[0], right[0]), mask


def _half(ctx: Context, node: syntax.Expression, frame: Frame) -> tuple[Relation, int] | None:
    while isinstance(node, syntax.Bracketed):
        node = node.inner
    if isinstance(node, syntax.Comparison):
        return relation(ctx, node, frame)
    value = typed.number(ctx, node, frame)
    if value.kind == "bad":
        return None
    return Relation(node.span if frame.call is None else frame.call, (value.term,), ()), value.mask


# ----------------------------------------------------------------------------------------------------- ordered sets
def _ordered_set(ctx: Context, node: syntax.Aggregate, frame: Frame) -> tuple[SpecialOrderedSet, int] | None:
    rows = patterns.index_list(ctx, node.over, frame)
    value = typed.number(ctx, node.body, rows.frame)
    if value.kind == "bad" or rows.broken:
        return None
    term = value.term
    symbol = ctx.symbols.get(term.symbol) if isinstance(term, SymbolRef) else None
    if not isinstance(symbol, Variable):
        ctx.say(codes.ORDERED_SET_OF, node.body.span, frame, text=node.body.span.text, name=node.function.id)
        return None
    span = node.span if frame.call is None else frame.call
    return SpecialOrderedSet(span, 1 if node.function.id == "sos1" else 2, rows.space, term), value.mask


# -------------------------------------------------------------------------------------------------- lower, nature
def _terms(body: Body) -> list[Expr]:
    if isinstance(body, Relation):
        return list(body.terms)
    if isinstance(body, Implication):
        return [body.condition, *body.conclusion.terms]
    if isinstance(body, Complementarity):
        return [*body.left.terms, *body.right.terms]
    return [body.body]


def _note_without_own(ctx: Context, entry: ConstraintEntry, body: Body) -> None:
    """A constraint of a lower block that its followers cannot influence forbids decisions of the leader."""
    lower = entry.scope.inside("lower")
    assert lower is not None

    def own(name: str) -> bool:
        found = ctx.entries.get(name)
        if found is None:
            return name in ctx.multipliers
        if found.kind == "let":
            return found.symbol is not None and any(own(n) for n in mentioned(found.symbol.definition))  # type: ignore[attr-defined]
        return found.kind in ("variable", "choice") and lower in found.scope.around()

    if any(own(name) for term in _terms(body) for name in mentioned(term)):
        return
    if not entry.mask:
        return
    ctx.say(
        level_codes.LOWER_CONSTRAINT_WITHOUT_OWN,
        entry.item.span,
        text=entry.item.name.id if entry.item.name is not None else entry.item.span.text,
        block=lower.name,
        labels=(Label(lower.span, "the block"),),
    )


def with_lines(ctx: Context, entry: Entry, node: syntax.UncertainDeclaration) -> tuple[str, ...]:
    """The constraints on nature that stand under an ``uncertain`` declaration; their names among the symbols."""
    known = ctx.nature.get(id(node))
    if known is not None:
        return known
    names: list[str] = []
    scope = entry.scope
    taken = {c.symbol for s in ctx.root.below() for c in s.constraints} | set(ctx.symbols)
    for item in node.constraints:
        named = item.name is not None and label(ctx, scope, item.name)
        main = ctx.root.span.source.name
        symbol = item.name.id if named and item.name is not None else line_name(item, main, taken)
        symbol = f"nature.{symbol}" if symbol in taken else symbol
        taken.add(symbol)
        rows = patterns.index_list(ctx, item.index, Frame(scope, dict(scope.indices)))
        found = _nature_body(ctx, item, rows.frame)
        if found is None or rows.broken:
            continue
        ctx.symbols[symbol] = Constraint(
            symbol,
            item.name.span if item.name is not None else item.span,
            declarations.joined(scope.space, rows.space),
            len(scope.positions) + len(rows.positions),
            len(rows.positions),
            ("nature",),
            item.doc,
            found,
            named,
        )
        names.append(symbol)
    ctx.nature[id(node)] = tuple(names)
    return tuple(names)


def _nature_body(ctx: Context, item: syntax.ConstraintItem, frame: Frame) -> Relation | None:
    body = item.body
    while isinstance(body, syntax.Bracketed):
        body = body.inner
    if not isinstance(body, syntax.Comparison):
        ctx.say(level_codes.WITH_NOT_RELATION, body.span, text=body.span.text)
        return None
    found = relation(ctx, body, frame)
    if found is None:
        return None
    if found[1] & MULTIPLIER:
        ctx.say(level_codes.WITH_HOLDS_DUAL, body.span, text=body.span.text)
        return None
    if not found[1] & UNCERTAIN:
        ctx.say(level_codes.WITH_WITHOUT_UNCERTAIN, body.span, text=body.span.text)
        return None
    return found[0]
