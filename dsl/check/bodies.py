"""Bodies of declarations: definitions, checks, bounds, starts. Each gives its symbol."""

from __future__ import annotations

import math

from .. import syntax
from ..catalogue import levels as level_codes
from ..catalogue import rules as codes
from ..catalogue import types as type_codes
from ..diagnostics import Edit, Hint, Label
from ..program import Check, Choice, Expr, Literal_, Parameter, Uncertain, Variable
from ..source import Span
from . import bounds, constraints, declarations, expressions, literals, sets, typed
from .attributes import DOMAIN_WORDS, RELATIONS, Attributes, gather
from .context import Context, Decided, Entry, Frame
from .folding import constant_value
from .kinds import UNCERTAIN, Kind, Value

_OPS = {">=": "ge", "<=": "le", ">": "gt", "<": "lt", "==": "eq", "!=": "ne"}
_TYPES = ("real", "integer", "string")


def build(ctx: Context, entry: Entry) -> None:
    """Checks the body of a declared name and gives the entry its symbol."""
    declarations.resolve(ctx, entry)
    if entry.symbol is not None or entry.kind in ("set", "let", "block"):
        return
    if entry.kind == "parameter":
        _parameter(ctx, entry)
    elif entry.kind == "variable":
        _variable(ctx, entry)
    elif entry.kind == "uncertain":
        _uncertain(ctx, entry)
    else:
        _choice(ctx, entry)


# --------------------------------------------------------------------------------------------------- parameters
def _parameter(ctx: Context, entry: Entry) -> None:
    node = entry.node
    if not isinstance(node, syntax.ParamDeclaration) or entry.frame is None:
        return
    attributes = gather(ctx, node, "parameter", (":", *RELATIONS, "in", "=", "default"))
    type_ = _type(ctx, attributes)
    if "=" in attributes and "default" in attributes:
        ctx.say(
            codes.VALUE_AND_DEFAULT,
            attributes["default"].span,
            name=entry.name,
            labels=(Label(attributes["="].span, "its value"),),
        )
    word = "=" if "=" in attributes else "default"
    attribute = attributes.get(word)
    definition: Expr | None = None
    literal: Literal_ | None = None
    if attribute is not None and attribute.value is not None:
        if literals.is_literal(attribute.value):
            shape = literals.Shape(entry, entry.space.generators, type_, entry.frame)
            literal = literals.literal_of(ctx, attribute.value, shape)
        else:
            definition = _definition(ctx, entry, attribute.value, type_, node)
    checks = _checks(ctx, entry, attributes, type_)
    entry.symbol = Parameter(
        entry.name,
        entry.span,
        entry.space,
        entry.arity,
        entry.own,
        entry.scope.path,
        node.doc,
        type_,  # type: ignore[arg-type]
        checks,
        definition,
        literal,
        word == "default" and attribute is not None,
    )


def _type(ctx: Context, attributes: Attributes) -> str:
    attribute = attributes.get(":")
    if attribute is None or not isinstance(attribute.value, syntax.Name):
        return "real"
    word = attribute.value.id
    if word in _TYPES:
        return word
    guess = {"text": "string", "str": "string", "int": "integer", "float": "real", "number": "real"}.get(word)
    hints: tuple[Hint, ...] = ()
    if guess is not None:
        hints = (Hint(f"write `: {guess}`", (Edit(attribute.value.span, guess),)),)
    elif word in ("binary", "bool", "boolean"):
        new = "integer in [0, 1]"
        hints = (Hint(f"write `: {new}`", (Edit(attribute.value.span, new),)),)
    ctx.say(codes.UNKNOWN_TYPE, attribute.value.span, name=word, hints=hints)
    return guess or "real"


def _definition(
    ctx: Context, entry: Entry, node: syntax.Expression, type_: str, declared: syntax.ParamDeclaration
) -> Expr | None:
    assert entry.frame is not None
    hints: tuple[Hint, ...] = ()
    if isinstance(node, syntax.SetLiteral) and entry.positions:
        listed = Edit(node.span, f"[{node.span.text[1:-1]}]")
        hints = (Hint("a list of entries stands in square brackets", (listed,)),)
        ctx.say(type_codes.SET_EXPRESSION_AS_VALUE, node.span, text=node.span.text, hints=hints)
        return None
    value = typed.term(ctx, node, entry.frame)
    if value.kind in ("truth", "tuple"):
        value = typed.number(ctx, node, entry.frame)
    if value.kind == "bad":
        return None
    if value.mask:
        typed.holds_decision(ctx, codes.DATA_HOLDS_DECISION, node, value, entry.frame)
        return None
    wanted: Kind = "text" if type_ == "string" else "number"
    if {value.kind, wanted} == {"number", "text"}:
        hints = ()
        if value.kind == "text" and all(a.word != ":" for a in declared.attributes):
            first = min(a.span.start for a in declared.attributes)
            at = Span(node.span.source, first, first)
            hints = (Hint("declare it `: string`", (Edit(at, ": string "),)),)
        ctx.say(
            type_codes.DEFINITION_KIND,
            node.span,
            name=entry.name,
            given="a text" if value.kind == "text" else "a number",
            wanted="texts" if wanted == "text" else "numbers",
            hints=hints,
        )
        return None
    constant = constant_value(value.term)
    if type_ == "integer" and constant is not None and math.isfinite(constant) and constant % 1 != 0:
        label = (Label(entry.span, "declared integer"),)
        ctx.say(type_codes.ENTRY_NOT_WHOLE, node.span, text=node.span.text, name=entry.name, labels=label)
        return None
    return value.term


def _checks(ctx: Context, entry: Entry, attributes: Attributes, type_: str) -> tuple[Check, ...]:
    checks: list[Check] = []
    assert entry.frame is not None
    frame = Frame(entry.frame.scope, entry.frame.indices)  # a check does not define: it may name what needs the value
    for word, attribute in attributes.items():
        if attribute.value is None:
            continue
        if word in RELATIONS:
            bound = _check_bound(ctx, attribute.value, frame, type_)
            if bound is not None:
                checks.append(Check(_OPS[word], bound.term, attribute.span))  # type: ignore[arg-type]
        elif word == "in":
            checks.extend(_in(ctx, attribute, frame, type_))
    return tuple(checks)


def _check_bound(ctx: Context, node: syntax.Expression, frame: Frame, type_: str) -> Value | None:
    value = expressions.operand(ctx, node, frame)
    if value.kind == "bad":
        return None
    if value.mask:
        typed.holds_decision(ctx, codes.DATA_HOLDS_DECISION, node, value, frame)
        return None
    if {value.kind, "text" if type_ == "string" else "number"} == {"number", "text"}:
        ctx.say(
            type_codes.CHECK_KIND,
            node.span,
            text=node.span.text,
            given="a text" if value.kind == "text" else "a number",
            wanted="texts" if type_ == "string" else "numbers",
        )
        return None
    return value


def _in(ctx: Context, attribute: syntax.Attribute, frame: Frame, type_: str) -> list[Check]:
    node = attribute.value
    assert node is not None
    if isinstance(node, syntax.ListLiteral):
        ends = bounds.interval(ctx, node, frame)
        if ends is None:
            return []
        checks = []
        for op, end in (("ge", ends[0]), ("le", ends[1])):
            bound = _check_bound(ctx, end, frame, type_)
            if bound is not None:
                checks.append(Check(op, bound.term, attribute.span))  # type: ignore[arg-type]
        return checks
    source = sets.set_value(ctx, node, frame)
    if source.bad:
        return []
    if source.sized and len(source.types) != 1:
        ctx.say(type_codes.CHECK_IN_TUPLES, node.span, set=node.span.text)
        return []
    if {source.types[0].kind, "text" if type_ == "string" else "number"} == {"number", "text"}:
        ctx.say(
            type_codes.CHECK_KIND,
            node.span,
            text=node.span.text,
            given="a set of texts" if source.types[0].kind == "text" else "a set of numbers",
            wanted="texts" if type_ == "string" else "numbers",
        )
        return []
    return [Check("in", source.term, attribute.span)]


# ---------------------------------------------------------------------------------------------------- decisions
def _variable(ctx: Context, entry: Entry) -> None:
    node = entry.node
    if not isinstance(node, syntax.VarDeclaration) or entry.frame is None:
        return
    made = ctx.shared.get(id(node))
    if made is None:
        attributes = gather(ctx, node, "variable", (*RELATIONS, "in", *DOMAIN_WORDS, "start"))
        made = Decided(
            bounds.domain(ctx, entry, attributes),
            bounds.bounds_of(ctx, entry, attributes),
            _start(ctx, entry, attributes),
        )
        ctx.shared[id(node)] = made
        bounds.check_domain(ctx, entry, attributes, made)
        if "start" in attributes and attributes["start"].value is not None:
            bounds.check_start(ctx, entry, made, attributes["start"].value)
    entry.symbol = Variable(
        entry.name,
        entry.span,
        entry.space,
        entry.arity,
        entry.own,
        entry.scope.path,
        node.doc,
        made.domain,
        made.bounds.data,
        made.start,
    )
    bounds.add_constraints(ctx, entry, made.bounds)


def _start(ctx: Context, entry: Entry, attributes: Attributes) -> Expr | None:
    attribute = attributes.get("start")
    if attribute is None or attribute.value is None or entry.frame is None:
        return None
    value = typed.number(ctx, attribute.value, entry.frame)
    if value.kind == "bad":
        return None
    if value.mask:
        code = level_codes.UNCERTAIN_NOT_HERE if value.mask & UNCERTAIN else codes.START_HOLDS_DECISION
        ctx.say(code, attribute.value.span, text=attribute.value.span.text, where="a start")
        return None
    return value.term


def _uncertain(ctx: Context, entry: Entry) -> None:
    node = entry.node
    if not isinstance(node, syntax.UncertainDeclaration) or entry.frame is None:
        return
    attributes = gather(ctx, node, "uncertain", (*RELATIONS, "in", "binary", "integer", "real", "from"))
    made = ctx.shared.get(id(node))
    if made is None:
        made = Decided(bounds.domain(ctx, entry, attributes), bounds.bounds_of(ctx, entry, attributes), None)
        ctx.shared[id(node)] = made
    names = constraints.with_lines(ctx, entry, node)
    if entry.set is not None and (len(attributes) > 1):
        other = next(a for w, a in attributes.items() if w != "from")
        ctx.say(
            level_codes.SCENARIO_WITH_BOUNDS,
            other.span,
            name=entry.name,
            labels=(Label(attributes["from"].span, "it is one member of a set"),),
        )
    entry.symbol = Uncertain(
        entry.name,
        entry.span,
        entry.space,
        entry.arity,
        entry.own,
        entry.scope.path,
        node.doc,
        made.domain,
        made.bounds.data,
        entry.set.term if entry.set is not None else None,
        names,
    )


def _choice(ctx: Context, entry: Entry) -> None:
    node = entry.node
    del ctx
    if not isinstance(node, syntax.ChooseDeclaration) or entry.set is None:
        return
    entry.symbol = Choice(
        entry.name,
        entry.span,
        entry.space,
        entry.arity,
        entry.own,
        entry.scope.path,
        node.doc,
        entry.set.term,
    )
