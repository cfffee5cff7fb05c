"""Sets and index lists: the members that an index takes, and the types that they give it."""

from __future__ import annotations

import typing
from typing import cast

from .. import syntax
from ..catalogue import rules as rule_codes
from ..catalogue import types as codes
from ..diagnostics import Edit, Hint, Label
from ..program import (
    ComputedSet,
    Constant,
    Expr,
    IndexRef,
    LiteralSet,
    ProductSet,
    RangeSet,
    SetOperation,
    SetRef,
    TextConstant,
)
from ..source import Span
from . import declarations, patterns, references, typed
from .context import WORDS, Context, Entry, Frame, place
from .folding import constant_value
from .kinds import BAD_SET, NUMBERS, TEXTS, Component, Kind, SetValue, Value

Literal = Constant | TextConstant
_LONGEST = 200
Operator = typing.Literal["union", "inter", "minus"]


# --------------------------------------------------------------------------------------------------------- sets
def set_value(ctx: Context, node: syntax.Expression, frame: Frame) -> SetValue:
    """The set that an expression stands for; reports and gives ``BAD_SET`` where it is none."""
    kind = type(node)
    if kind is syntax.Name:
        return _named(ctx, node, (), frame)  # type: ignore[arg-type]
    if isinstance(node, syntax.Bracketed):
        return set_value(ctx, node.inner, frame)
    if isinstance(node, syntax.Range):
        return _range(ctx, node, frame)
    if isinstance(node, syntax.Subscript) and isinstance(node.base, syntax.Name):
        return _named(ctx, node.base, node.indices, frame, node.span)
    if isinstance(node, syntax.Binary):
        if node.operator == "*":
            return _product(ctx, node, frame)
        if node.operator in ("union", "inter", "minus"):
            return _operation(ctx, node, frame)
    if isinstance(node, syntax.SetLiteral):
        return _literal(ctx, node, frame)
    if isinstance(node, syntax.Comprehension):
        return _comprehension(ctx, node, frame)
    return _no_set(ctx, node, frame)


def _no_set(ctx: Context, node: syntax.Expression, frame: Frame) -> SetValue:
    hints: tuple[Hint, ...] = ()
    if isinstance(node, syntax.Number):
        hints = (Hint(f"write the range `1..{node.spelling}`", (Edit(node.span, f"1..{node.spelling}"),)),)
    elif isinstance(node, syntax.Call) and node.function.id == "range":
        hints = (Hint("write `a..b`, with both ends included"),)
    elif isinstance(node, syntax.ListLiteral | syntax.Tuple):
        inner = node.span.text[1:-1]
        hints = (Hint("write the members in braces", (Edit(node.span, "{" + inner + "}"),)),)
    ctx.say(codes.NOT_A_SET, node.span, frame, what=f"`{node.span.text}`", hints=hints)
    return BAD_SET


def _named(
    ctx: Context,
    name: syntax.Name,
    indices: tuple[syntax.Expression, ...],
    frame: Frame,
    span: Span | None = None,
) -> SetValue:
    span = span or name.span
    if frame.arguments is not None and name.id in frame.arguments:
        argument = frame.arguments[name.id]
        argument.touched = True
        argument = argument.passed_on()
        if argument.node is None or argument.frame is None:
            return BAD_SET
        if not indices:
            return set_value(ctx, argument.node, argument.frame)
        if isinstance(argument.node, syntax.Name):
            return _declared(ctx, argument.node, indices, frame, span)
        return _no_set(ctx, argument.node, argument.frame)
    index = frame.indices.get(name.id)
    if index is not None:
        ctx.say(
            codes.NOT_A_SET,
            name.span,
            frame,
            what=f"the index `{name.id}`",
            labels=(Label(index.span, "the index is bound here"),),
        )
        return BAD_SET
    return _declared(ctx, name, indices, frame, span)


def _part_of_tuples(
    ctx: Context, name: syntax.Name, indices: tuple[syntax.Expression, ...], entry: Entry, frame: Frame, span: Span
) -> None:
    """``j in Arcs[i]`` where `Arcs` is one set of tuples."""
    assert entry.set is not None
    given = ", ".join(node.span.text for node in indices)
    rest = ", ".join("jklmn"[: len(entry.set.types) - len(indices)])
    ctx.say(
        codes.WRONG_INDEX_COUNT,
        span,
        frame,
        name=name.id,
        wanted="no indices",
        given=str(len(indices)),
        labels=(Label(entry.span, f"one set of tuples of length {len(entry.set.types)}"),),
        hints=(Hint(f"to fix the first part write a pattern: `for ({given}, {rest}) in {name.id}`"),),
    )


def _declared(
    ctx: Context, name: syntax.Name, indices: tuple[syntax.Expression, ...], frame: Frame, span: Span
) -> SetValue:
    entry = ctx.entries.get(name.id)
    if entry is None:
        references.unknown(ctx, name, frame, prefer="set")
        return BAD_SET
    entry.used = True
    if entry.kind != "set":
        hints: tuple[Hint, ...] = ()
        if entry.kind == "parameter" and not indices:
            hints = (Hint(f"write the range `1..{name.id}`", (Edit(name.span, f"1..{name.id}"),)),)
        ctx.say(
            codes.NOT_A_SET,
            name.span,
            frame,
            what=f"{WORDS[entry.kind]}, `{name.id}`,",
            labels=(Label(entry.span, "declared here"),),
            hints=hints,
        )
        return BAD_SET
    declarations.resolve(ctx, entry)
    ctx.depends(frame, entry, name.span)
    if entry.broken or entry.set is None:
        return BAD_SET
    if indices and not entry.positions and len(entry.set.types) > len(indices):
        _part_of_tuples(ctx, name, indices, entry, frame, span)
        return BAD_SET
    arguments = references.subscripts(ctx, entry, indices, name, frame, span)
    if arguments is None:
        return BAD_SET
    args, mask = arguments
    if mask:
        ctx.say(codes.SET_HOLDS_DECISION, span, frame, text=span.text)
        return BAD_SET
    if not args:
        return entry.set
    return entry.set._replace(term=SetRef(place(frame, name) if frame.call else span, entry.name, args))


def _range(ctx: Context, node: syntax.Range, frame: Frame) -> SetValue:
    low = typed.number(ctx, node.low, frame)
    high = typed.number(ctx, node.high, frame)
    if low.kind == "bad" or high.kind == "bad":
        return BAD_SET
    for value, end in ((low, node.low), (high, node.high)):
        if value.mask:
            ctx.say(codes.SET_HOLDS_DECISION, end.span, frame, text=end.span.text)
            return BAD_SET
    for value, end in ((low, node.low), (high, node.high)):
        constant = constant_value(value.term)
        if constant is not None and constant != constant // 1:
            ctx.say(codes.RANGE_NOT_WHOLE, end.span, frame, text=end.span.text)
            return BAD_SET
    return SetValue(RangeSet(place(frame, node), low.term, high.term), (NUMBERS,))


def static_members(term: object) -> frozenset[float | str] | None:
    """The members of a literal set of one component, or of a short range of constants; None when not known."""
    if isinstance(term, LiteralSet):
        return frozenset(m[0].value for m in term.members) if term.arity == 1 else None
    if isinstance(term, RangeSet):
        low, high = constant_value(term.low), constant_value(term.high)
        if low is not None and high is not None and high - low < 10_000:
            return frozenset(float(k) for k in range(int(low), int(high) + 1))
    return None


def _product(ctx: Context, node: syntax.Binary, frame: Frame) -> SetValue:
    nodes: list[syntax.Expression] = []
    current: syntax.Expression = node
    while isinstance(current, syntax.Binary) and current.operator == "*":
        nodes.append(current.right)
        current = current.left
    nodes.append(current)
    factors = [set_value(ctx, n, frame) for n in reversed(nodes)]
    if any(f.bad for f in factors):
        return BAD_SET
    types = tuple(t for f in factors for t in f.types)
    term = ProductSet(place(frame, node), tuple(f.term for f in factors))
    return SetValue(term, types)


def _operation(ctx: Context, node: syntax.Binary, frame: Frame) -> SetValue:
    chain: list[syntax.Binary] = []
    current: syntax.Expression = node
    while isinstance(current, syntax.Binary) and current.operator in ("union", "inter", "minus"):
        chain.append(current)
        current = current.left
    left = set_value(ctx, current, frame)
    if len(chain) > _LONGEST:
        ctx.say(rule_codes.TOO_DEEP, node.span, frame, limit=_LONGEST)
        return BAD_SET
    for step in reversed(chain):
        right = set_value(ctx, step.right, frame)
        left = BAD_SET if left.bad or right.bad else _combined(ctx, step, left, right, frame)
    return left


def _combined(ctx: Context, node: syntax.Binary, left: SetValue, right: SetValue, frame: Frame) -> SetValue:
    if left.sized and right.sized and len(left.types) != len(right.types):
        ctx.say(
            codes.SETS_DIFFER_IN_DIMENSION,
            node.right.span,
            frame,
            operator=node.operator,
            left=components(len(left.types)),
            right=components(len(right.types)),
            labels=(Label(node.left.span, f"members with {components(len(left.types))}"),),
        )
        return BAD_SET
    if not left.sized:
        left = left._replace(types=right.types, sized=right.sized)
    for one, other in zip(left.types, right.types, strict=False):
        if {one.kind, other.kind} == {"number", "text"}:
            ctx.say(codes.SETS_DIFFER_IN_KIND, node.span, frame, left=one.kind, right=other.kind)
            return BAD_SET
    op = cast(Operator, node.operator)
    term = SetOperation(place(frame, node), op, left.term, right.term)
    if op == "union":
        types = tuple(_union(one, other) for one, other in zip(left.types, right.types, strict=False))
        whole = _whole_of_union(left.whole, right.whole)
        return SetValue(term, types, whole, sized=left.sized)
    return SetValue(term, left.types, left.whole, sized=left.sized)


def _whole_of_union(one: Component | None, other: Component | None) -> Component | None:
    """The type of a union's tuples: a part that has a type of its own lies within it, a computed part has none."""
    if one is not None and other is not None:
        return _union(one, other)
    part = one or other
    if part is None:
        return None
    whole = Component(f"a union with {part.name}", part.kind, part.symbol)
    whole.derived = True
    part.supers.append(whole)
    return whole


def _union(one: Component, other: Component) -> Component:
    if one is other:
        return one
    if one is NUMBERS or other is NUMBERS:
        return NUMBERS
    kind: Kind = one.kind if one.kind != "unknown" else other.kind
    whole = Component(f"{one.name} union {other.name}", kind, one.symbol or other.symbol)
    whole.derived = True
    whole.parts = (one, other)
    for part in (one, other):
        if part is not TEXTS:
            part.supers.append(whole)
    return whole


def components(count: int) -> str:
    """A number of components in words."""
    return "1 component" if count == 1 else f"{count} components"


def literal(node: syntax.Expression) -> Literal | None:
    """A number or a text written out, or None for anything else."""
    if isinstance(node, syntax.Number):
        return Constant(node.span, float(node.value))
    if isinstance(node, syntax.Text):
        return TextConstant(node.span, node.value)
    if isinstance(node, syntax.Unary) and node.operator in "+-" and isinstance(node.operand, syntax.Number):
        sign = -1.0 if node.operator == "-" else 1.0
        return Constant(node.span, sign * float(node.operand.value))
    return None


def _literal(ctx: Context, node: syntax.SetLiteral, frame: Frame) -> SetValue:
    members: list[tuple[Literal, ...]] = []
    first: dict[tuple[Literal, ...], Span] = {}
    fine = True
    for item in node.items:
        member = _member(ctx, item, frame)
        if member is None:
            fine = False
        elif members and len(member) != len(members[0]):
            ctx.say(
                codes.MEMBERS_DIFFER_IN_DIMENSION,
                item.span,
                frame,
                text=item.span.text,
                here=components(len(member)),
                there=components(len(members[0])),
                labels=(Label(node.items[0].span, components(len(members[0]))),),
            )
            fine = False
        elif member in first:
            ctx.say(
                codes.DUPLICATE_MEMBER,
                item.span,
                frame,
                text=item.span.text,
                labels=(Label(first[member], "here first"),),
            )
            fine = False
        else:
            first[member] = item.span
            members.append(member)
    fine = _one_kind(ctx, members, frame) and fine
    if not fine:
        return BAD_SET
    if not members:
        return SetValue(LiteralSet(place(frame, node), (), 1), (NUMBERS,), sized=False)
    types = tuple(TEXTS if isinstance(c, TextConstant) else NUMBERS for c in members[0])
    return SetValue(LiteralSet(place(frame, node), tuple(members), len(members[0])), types)


def _member(ctx: Context, item: syntax.Expression, frame: Frame) -> tuple[Literal, ...] | None:
    parts = item.items if isinstance(item, syntax.Tuple) else (item,)
    member: list[Literal] = []
    for part in parts:
        inner = part.inner if isinstance(part, syntax.Bracketed) else part
        value = literal(inner)
        if value is None:
            ctx.say(codes.MEMBER_NOT_LITERAL, part.span, frame, text=part.span.text)
            return None
        member.append(value)
    return tuple(member)


def _one_kind(ctx: Context, members: list[tuple[Literal, ...]], frame: Frame) -> bool:
    for member in members:
        for one, other in zip(members[0], member, strict=True):
            if type(one) is not type(other) and other.span is not None and one.span is not None:
                ctx.say(
                    codes.MEMBERS_DIFFER_IN_KIND,
                    other.span,
                    frame,
                    here="a text" if isinstance(other, TextConstant) else "a number",
                    there="a text" if isinstance(one, TextConstant) else "a number",
                    labels=(Label(one.span, "the first member"),),
                )
                return False
    return True


def _comprehension(ctx: Context, node: syntax.Comprehension, frame: Frame) -> SetValue:
    rows = patterns.index_list(ctx, node.over, frame)
    parts = node.element.items if isinstance(node.element, syntax.Tuple) else (node.element,)
    terms: list[Expr] = []
    types: list[Component] = []
    for part in parts:
        value = typed.term(ctx, part, rows.frame)
        if value.kind == "bad":
            return BAD_SET
        if value.kind == "truth":
            ctx.say(codes.MEMBER_IS_CONDITION, part.span, frame)
            return BAD_SET
        if value.mask:
            ctx.say(codes.SET_HOLDS_DECISION, part.span, frame, text=part.span.text)
            return BAD_SET
        terms.append(value.term)
        types.extend(value.types or (_computed(value),))
    if rows.broken:
        return BAD_SET
    built = ComputedSet(place(frame, node), tuple(terms), rows.space)
    return SetValue(built, tuple(types), _members_of(rows, terms))


def _members_of(rows: patterns.Rows, terms: list[Expr]) -> Component | None:
    """The tuple set whose members a comprehension keeps as they are, if there is one."""
    variables = tuple(t.var for t in terms if isinstance(t, IndexRef))
    if len(variables) != len(terms):
        return None
    return next((whole for bound, whole in rows.tuples if bound == variables), None)


def _computed(value: Value) -> Component:
    if value.kind == "number":
        return NUMBERS
    return Component("a computed set", value.kind)
