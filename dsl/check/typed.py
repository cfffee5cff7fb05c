"""What a part of the walk asks of an expression: any term, a number, a condition; and what it may depend on.

How each kind of node becomes a term is told by ``Context.terms`` (dsl/check/expressions.py fills it), so that whoever
meets an expression on its way, a set or an index list for example, need not import those who build terms.
"""

from __future__ import annotations

from .. import syntax
from ..catalogue import rules as rule_codes
from ..catalogue import types as codes
from ..diagnostics import Code, Edit, Hint
from ..program import Expr, SymbolRef, Variable
from .context import Context, Frame
from .kinds import CHOICE, LOOSE, MULTIPLIER, VARIABLE, Value

DEEPEST = 200
"""How many expressions may stand inside each other: every later walk is recursive."""


def term(ctx: Context, node: syntax.Expression, frame: Frame) -> Value:
    """An expression of any kind: a number, a text, a member of a set, a truth value."""
    ctx.depth += 1
    value = too_deep(ctx, node, frame) if ctx.depth > DEEPEST else ctx.terms[type(node)](ctx, node, frame)
    ctx.depth -= 1
    return value


def too_deep(ctx: Context, node: syntax.Expression, frame: Frame) -> Value:
    return ctx.say(rule_codes.TOO_DEEP, node.span, frame, limit=DEEPEST)


def number(ctx: Context, node: syntax.Expression, frame: Frame) -> Value:
    """An expression that has to be a number; a comparison counts as one in brackets of its own."""
    value = term(ctx, node, frame)
    kind = value.kind
    if kind == "number" or kind == "unknown" or kind == "bad":
        return value
    return as_number(ctx, node, value, frame)


def as_number(ctx: Context, node: syntax.Expression, value: Value, frame: Frame) -> Value:
    """A value of another kind where a number is wanted: a bracketed comparison of data or choices, or an error."""
    if value.kind == "truth":
        return truth_as_number(ctx, node, value, frame)
    if value.kind == "text":
        code = codes.TEXT_CHOICE_AS_NUMBER if value.mask & CHOICE else codes.TEXT_AS_NUMBER
        return ctx.say(code, node.span, frame, text=node.span.text)
    return ctx.say(codes.TUPLE_AS_VALUE, node.span, frame, text=node.span.text)


def truth_as_number(ctx: Context, node: syntax.Expression, value: Value, frame: Frame) -> Value:
    if value.mask & ~(CHOICE | LOOSE):
        return holds_decision(ctx, codes.COMPARISON_HOLDS_DECISION, node, value, frame)
    if not isinstance(node, syntax.Bracketed):
        edit = Edit(node.span, f"({node.span.text})")
        return ctx.say(
            codes.COMPARISON_AS_NUMBER,
            node.span,
            frame,
            text=node.span.text,
            hints=(Hint("put it in brackets of its own", (edit,)),),
        )
    return Value(value.term, "number", value.mask & ~LOOSE)


def truth(ctx: Context, node: syntax.Expression, frame: Frame) -> Value:
    """An expression that has to be a condition."""
    value = term(ctx, node, frame)
    if value.kind == "truth" or value.kind == "bad":
        return value
    hints: tuple[Hint, ...] = ()
    if is_binary(ctx, value.term):
        hints = (Hint(f"write `{node.span.text} == 1`", (Edit(node.span, f"{node.span.text} == 1"),)),)
    return ctx.say(codes.NOT_A_CONDITION, node.span, frame, text=node.span.text, hints=hints)


def is_binary(ctx: Context, value: Expr) -> bool:
    if not isinstance(value, SymbolRef) or value.symbol not in ctx.entries:
        return False
    symbol = ctx.entries[value.symbol].symbol
    return isinstance(symbol, Variable) and symbol.domain == "binary"


def holds_decision(ctx: Context, code: Code, node: syntax.Expression, value: Value, frame: Frame) -> Value:
    """Reports an expression that may hold data only, and what it holds."""
    return ctx.say(code, node.span, frame, text=node.span.text, what=dependence(value.mask))


def dependence(mask: int) -> str:
    """What a value depends on, in words."""
    if mask & MULTIPLIER:
        return "a dual"
    if mask & VARIABLE:
        return "a decision"
    if mask & CHOICE:
        return "a choice"
    return "an uncertain value"
