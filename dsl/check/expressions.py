"""Expressions: one walk that checks kinds and builds the typed term."""

from __future__ import annotations

from .. import syntax
from ..catalogue import names as name_codes
from ..catalogue import rules as rule_codes
from ..catalogue import types as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Apply, Conditional, Constant, Expr, Member, Reduce, SymbolRef, TextConstant
from ..source import Span
from . import calls, membership, patterns, references, sets, typed
from .context import Context, Frame, Terms, place
from .functions import AGGREGATES, ORDERED_SETS
from .kinds import BAD, CHOICE, DATA, LOOSE, RECOURSE, Component, Kind, Value
from .membership import Use

_OPS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "mod": "mod",
    "div": "idiv",
    "^": "pow",
    "and": "and",
    "or": "or",
}
_RELATIONS = {"<=": "le", ">=": "ge", "<": "lt", ">": "gt", "==": "eq", "!=": "ne"}
_LEVELS = {"+": "+-", "-": "+-", "*": "*/", "/": "*/", "mod": "*/", "div": "*/", "and": "and", "or": "or"}
_DEEP = 32  # longer chains of one operation become a balanced tree, so that no later walk is deep


# ------------------------------------------------------------------------------------------------------- leaves
def _number(_ctx: Context, node: syntax.Number, frame: Frame) -> Value:
    return Value(Constant(place(frame, node), float(node.value)), "number")


def _text(_ctx: Context, node: syntax.Text, frame: Frame) -> Value:
    return Value(TextConstant(place(frame, node), node.value), "text")


def _bracketed(ctx: Context, node: syntax.Bracketed, frame: Frame) -> Value:
    return typed.term(ctx, node.inner, frame)


def _tuple(ctx: Context, node: syntax.Tuple, frame: Frame) -> Value:
    return ctx.say(codes.TUPLE_AS_VALUE, node.span, frame, text=node.span.text)


def _set_as_value(ctx: Context, node: syntax.Expression, frame: Frame) -> Value:
    return ctx.say(codes.SET_EXPRESSION_AS_VALUE, node.span, frame, text=node.span.text)


def _list(ctx: Context, node: syntax.ListLiteral, frame: Frame) -> Value:
    return ctx.say(codes.LIST_AS_VALUE, node.span, frame)


# --------------------------------------------------------------------------------------------------- operations
def _unary(ctx: Context, node: syntax.Unary, frame: Frame) -> Value:
    if node.operator == "not":
        value = typed.truth(ctx, node.operand, frame)
        if value.kind == "bad":
            return BAD
        return Value(Apply(place(frame, node), "not", (value.term,)), "truth", value.mask)
    value = typed.number(ctx, node.operand, frame)
    if value.kind == "bad" or node.operator == "+":
        return value
    if isinstance(value.term, Constant):
        return Value(Constant(place(frame, node), -value.term.value), "number")
    return Value(Apply(place(frame, node), "neg", (value.term,)), "number", value.mask)


def _binary(ctx: Context, node: syntax.Binary, frame: Frame) -> Value:
    operator = node.operator
    level = _LEVELS.get(operator)
    if level is None:
        if operator == "^":
            return _power(ctx, node, frame)
        return _set_as_value(ctx, node, frame)
    operand = typed.truth if operator in ("and", "or") else typed.number
    chain: list[syntax.Binary] = []
    current: syntax.Expression = node
    while isinstance(current, syntax.Binary) and _LEVELS.get(current.operator) == level:
        chain.append(current)
        current = current.left
    first = operand(ctx, current, frame)
    mask, bad = first.mask, first.kind == "bad"
    parts: list[tuple[str, Value, Span]] = []
    for step in reversed(chain):
        value = operand(ctx, step.right, frame)
        bad = bad or value.kind == "bad"
        mask |= value.mask
        parts.append((_OPS[step.operator], value, place(frame, step)))
    if bad:
        return BAD
    if len(parts) > typed.DEEPEST and level == "*/" and any(op != "mul" for op, _, _ in parts):
        return typed.too_deep(ctx, node, frame)
    return Value(_chained(first.term, parts), "truth" if operand is typed.truth else "number", mask)


def _chained(first: Expr, parts: list[tuple[str, Value, Span]]) -> Expr:
    """The operations from left to right; long runs of ``add``/``sub``, ``mul``, ``and``, ``or`` as balanced trees."""
    if len(parts) > _DEEP:
        ops = {op for op, _, _ in parts}
        if ops <= {"add", "sub"}:
            signed: list[Expr] = [first]
            signed += [v.term if op == "add" else Apply(span, "neg", (v.term,)) for op, v, span in parts]
            return _balanced("add", signed, parts[-1][2])
        if len(ops) == 1 and ops <= {"mul", "and", "or"}:
            return _balanced(parts[0][0], [first, *(v.term for _, v, _ in parts)], parts[-1][2])
    result = first
    for op, value, span in parts:
        result = Apply(span, op, (result, value.term))
    return result


def _balanced(op: str, terms: list[Expr], span: Span) -> Expr:
    while len(terms) > 1:
        paired: list[Expr] = [Apply(span, op, (a, b)) for a, b in zip(terms[::2], terms[1::2], strict=False)]
        if len(terms) % 2:
            paired.append(terms[-1])
        terms = paired
    return terms[0]


def _power(ctx: Context, node: syntax.Binary, frame: Frame) -> Value:
    base = typed.number(ctx, node.left, frame)
    exponent = typed.number(ctx, node.right, frame)
    if base.kind == "bad" or exponent.kind == "bad":
        return BAD
    return Value(Apply(place(frame, node), "pow", (base.term, exponent.term)), "number", base.mask | exponent.mask)


def _conditional(ctx: Context, node: syntax.Conditional, frame: Frame) -> Value:
    condition = typed.truth(ctx, node.condition, frame)
    then = _branch(ctx, node.then, frame)
    otherwise = _branch(ctx, node.otherwise, frame)
    if condition.kind != "bad" and condition.mask:
        return typed.holds_decision(ctx, codes.IF_HOLDS_DECISION, node.condition, condition, frame)
    if "bad" in (condition.kind, then.kind, otherwise.kind):
        return BAD
    if {then.kind, otherwise.kind} == {"number", "text"}:
        return ctx.say(
            codes.BRANCHES_DIFFER,
            node.otherwise.span,
            frame,
            then=_kind_text(then.kind),
            otherwise=_kind_text(otherwise.kind),
            labels=(Label(node.then.span, _kind_text(then.kind)),),
        )
    kind: Kind = then.kind if then.kind != "unknown" else otherwise.kind
    built = Conditional(place(frame, node), condition.term, then.term, otherwise.term)
    return Value(built, kind, then.mask | otherwise.mask)


def _branch(ctx: Context, node: syntax.Expression, frame: Frame) -> Value:
    value = typed.term(ctx, node, frame)
    if value.kind == "truth" or value.kind == "tuple":
        return (
            typed.number(ctx, node, frame) if value.kind == "tuple" else typed.truth_as_number(ctx, node, value, frame)
        )
    return value


def _kind_text(kind: Kind) -> str:
    return {"number": "a number", "text": "a text", "truth": "a condition"}.get(kind, "a member of a set")


# -------------------------------------------------------------------------------------------------- comparisons
def operator_span(node: syntax.Comparison, at: int) -> Span:
    """Where the operator number ``at`` of a comparison stands."""
    left, right = node.operands[at].span, node.operands[at + 1].span
    between = left.source.text[left.end : right.start]
    start = left.end + max(0, between.find(node.operators[at]))
    return Span(left.source, start, start + len(node.operators[at]))


def _comparison(ctx: Context, node: syntax.Comparison, frame: Frame) -> Value:
    values = [typed.term(ctx, n, frame) for n in node.operands]
    for value, side in zip(values, node.operands, strict=True):
        if value.kind == "tuple":
            return ctx.say(codes.TUPLE_COMPARED, side.span, frame, text=side.span.text)
    values = [
        typed.truth_as_number(ctx, n, v, frame) if v.kind == "truth" else v
        for v, n in zip(values, node.operands, strict=True)
    ]
    if not chains(ctx, node, frame) or any(v.kind == "bad" for v in values):
        return BAD
    mask = DATA
    links: list[Expr] = []
    for at, operator in enumerate(node.operators):
        left, right = values[at], values[at + 1]
        if not _comparable(ctx, node, at, left, right, frame):
            return BAD
        mask |= left.mask | right.mask | _form(ctx, operator, left, right)
        links.append(Apply(place(frame, node), _RELATIONS[operator], (left.term, right.term)))
    return Value(_balanced("and", links, place(frame, node)), "truth", mask)


def operand(ctx: Context, node: syntax.Expression, frame: Frame) -> Value:
    """One side of a comparison: a number or a text."""
    value = typed.term(ctx, node, frame)
    if value.kind == "truth":
        return typed.truth_as_number(ctx, node, value, frame)
    if value.kind == "tuple":
        return ctx.say(codes.TUPLE_COMPARED, node.span, frame, text=node.span.text)
    return value


def chains(ctx: Context, node: syntax.Comparison, frame: Frame) -> bool:
    """``<=`` chains with ``<=`` and ``>=`` with ``>=``; nothing else does."""
    if len(node.operators) == 1:
        return True
    first = node.operators[0]
    if first in ("<=", ">=") and all(o == first for o in node.operators):
        return True
    at = next((k for k, o in enumerate(node.operators) if o not in ("<=", ">=") or o != first), 0)
    parts = [
        f"{a.span.text} {o} {b.span.text}"
        for a, o, b in zip(node.operands, node.operators, node.operands[1:], strict=False)
    ]
    ctx.say(
        rule_codes.CHAIN,
        operator_span(node, at),
        frame,
        operators=" and ".join(f"`{o}`" for o in dict.fromkeys(node.operators)),
        parts=" and ".join(f"`{p}`" for p in parts),
    )
    return False


def _comparable(ctx: Context, node: syntax.Comparison, at: int, left: Value, right: Value, frame: Frame) -> bool:
    if {left.kind, right.kind} == {"number", "text"}:
        ctx.say(
            codes.NUMBER_AGAINST_TEXT,
            operator_span(node, at),
            frame,
            left=_kind_text(left.kind),
            right=_kind_text(right.kind),
            labels=(
                Label(node.operands[at].span, _kind_text(left.kind)),
                Label(node.operands[at + 1].span, _kind_text(right.kind)),
            ),
        )
        return False
    return _is_option(ctx, left, right, node.operands[at + 1], frame) and _is_option(
        ctx, right, left, node.operands[at], frame
    )


def _is_option(ctx: Context, choice: Value, option: Value, node: syntax.Expression, frame: Frame) -> bool:
    """Whether a literal compared with a choice is one of its options, where these are known."""
    literal = option.term
    if option.types and not option.mask and choice.types and references.is_choice(ctx, choice.term):
        family = ctx.entries[choice.term.symbol].name if isinstance(choice.term, SymbolRef) else "the choice"
        return membership.fits(ctx, choice.types[0], option, Use(node, frame, family))
    if not choice.mask & CHOICE or not choice.types or not isinstance(literal, Constant | TextConstant):
        return True
    options: Component = choice.types[0]
    if options.members is None or literal.value in options.members or not references.is_choice(ctx, choice.term):
        return True
    found = None
    if isinstance(literal, TextConstant):
        found = membership.nearest(literal.value, [m for m in options.members if isinstance(m, str)])
    hints = (Hint(f'did you mean "{found}"?', (Edit(node.span, f'"{found}"'),)),) if found is not None else ()
    ctx.say(
        rule_codes.NO_OPTION,
        node.span,
        frame,
        text=node.span.text,
        options=membership.listed(options),
        hints=hints,
    )
    return False


def _form(ctx: Context, operator: str, left: Value, right: Value) -> int:
    """``LOOSE`` unless the comparison is of data, or ``(binary == 0)``, ``(binary == 1)``, ``(choice == option)``."""
    mask = left.mask | right.mask
    if not mask & ~RECOURSE:
        return DATA
    if operator != "==":
        return LOOSE
    for one, other in ((left, right), (right, left)):
        if references.is_choice(ctx, one.term) and not other.mask:
            return DATA
        if typed.is_binary(ctx, one.term) and isinstance(other.term, Constant) and other.term.value in (0.0, 1.0):
            return DATA
    return LOOSE


def _membership(ctx: Context, node: syntax.Membership, frame: Frame) -> Value:
    parts = references.parts(node.element)
    values = [typed.term(ctx, p, frame) for p in parts]
    source = sets.set_value(ctx, node.set, frame)
    if source.bad or any(v.kind == "bad" for v in values):
        return BAD
    count = sum(len(v.types) if v.kind == "tuple" else 1 for v in values)
    if source.sized and count != len(source.types):
        return ctx.say(
            codes.MEMBERSHIP_LENGTH,
            node.element.span,
            frame,
            text=node.element.span.text,
            given=count,
            set=node.set.span.text,
            wanted=len(source.types),
        )
    mask = DATA
    at = 0
    for value, part in zip(values, parts, strict=True):
        mask |= value.mask
        if value.kind == "truth":
            return ctx.say(codes.CONDITION_AS_INDEX, part.span, frame)
        if value.kind != "tuple" and source.sized and {value.kind, source.types[at].kind} == {"number", "text"}:
            membership.fits(ctx, source.types[at], value._replace(types=()), Use(part, frame, node.set.span.text))
            return BAD
        at += len(value.types) if value.kind == "tuple" else 1
    args = tuple(v.term for v in values)
    loose = LOOSE if mask else DATA
    return Value(Member(place(frame, node), args, source.term, node.negated), "truth", mask | source.mask | loose)


# --------------------------------------------------------------------------------------------------- aggregates
def _aggregate(ctx: Context, node: syntax.Aggregate, frame: Frame) -> Value:
    function = node.function.id
    if function in ORDERED_SETS:
        return ctx.say(rule_codes.ORDERED_SET_AS_VALUE, node.span, frame, name=function)
    if function not in AGGREGATES:
        return calls.unknown_function(ctx, node.function, frame, sorted(AGGREGATES), aggregate=True)
    rows = patterns.index_list(ctx, node.over, frame)
    if function == "count":
        body = typed.truth(ctx, node.body, rows.frame)
        if body.kind != "bad" and body.mask & ~(CHOICE | LOOSE):
            body = typed.holds_decision(ctx, codes.COMPARISON_HOLDS_DECISION, node.body, body, rows.frame)
    else:
        body = typed.number(ctx, node.body, rows.frame)
    if body.kind == "bad" or rows.broken:
        return BAD
    if frame.call is None:
        _warn_of_unused(ctx, node.over, rows.frame)
    return Value(Reduce(place(frame, node), function, rows.space, body.term), "number", body.mask & ~LOOSE)


def _warn_of_unused(ctx: Context, over: syntax.IndexList, frame: Frame) -> None:
    """A lone index that neither the terms nor the rest of the list name; parts of a tuple may stand idle."""
    for generator in over.generators:
        pattern = generator.pattern
        if isinstance(pattern, syntax.Name) and not frame.indices[pattern.id].used:
            ctx.say(name_codes.UNUSED_INDEX, pattern.span, frame, name=pattern.id, set=generator.set.span.text)


TERMS: Terms = {
    syntax.Number: _number,
    syntax.Text: _text,
    syntax.Name: references.name_value,
    syntax.Member: references.member_value,
    syntax.Subscript: references.subscript_value,
    syntax.Call: calls.call,
    syntax.Aggregate: _aggregate,
    syntax.Unary: _unary,
    syntax.Binary: _binary,
    syntax.Comparison: _comparison,
    syntax.Membership: _membership,
    syntax.Conditional: _conditional,
    syntax.Bracketed: _bracketed,
    syntax.Tuple: _tuple,
    syntax.Range: _set_as_value,
    syntax.ListLiteral: _list,
    syntax.SetLiteral: _set_as_value,
    syntax.KeyedLiteral: _list,
    syntax.Comprehension: _set_as_value,
}
