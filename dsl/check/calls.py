"""Calls: functions of the language, functions of the model, outside code, and what `dual` asks for."""

from __future__ import annotations

import itertools

from .. import syntax
from ..catalogue import names as name_codes
from ..catalogue import rules as rule_codes
from ..catalogue import types as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Apply, Conditional, ExternCall, FamilyRef, NetworkCall, Piecewise, Reduce, SetMeasure, SymbolRef
from ..source import Span
from . import declarations, duals, membership, patterns, references, sets, typed
from .context import WORDS, Argument, Context, Frame, FunctionEntry, Indices, place
from .folding import constant_value
from .functions import AGGREGATES, BUILTINS, ELEMENTWISE, MEASURES, Arity
from .kinds import BAD, Value, member_kind
from .membership import Use

_MOST_CALLS = 20_000
_MOST_PARTS = 100_000
"""What one call in the model may expand to."""


def call(ctx: Context, node: syntax.Call, frame: Frame) -> Value:
    """``f(…)``."""
    name = node.function.id
    function = ctx.functions.get(name)
    if function is not None:
        if isinstance(function.node, syntax.DefDeclaration):
            return _expand(ctx, node, function, function.node, frame)
        if isinstance(function.node, syntax.ExternDeclaration):
            return _extern(ctx, node, function, function.node, frame)
        return _network(ctx, node, function, frame)
    if name in ELEMENTWISE:
        return _elementwise(ctx, node, frame)
    if name in MEASURES:
        return _measure(ctx, node, frame)
    if name == "piecewise":
        return _piecewise(ctx, node, frame)
    if name == "dual":
        return duals.dual(ctx, node, frame)
    if name in AGGREGATES:
        return _aggregate_without_for(ctx, node, frame)
    _arguments(ctx, node, frame)
    return unknown_function(ctx, node.function, frame, [*ctx.functions, *BUILTINS], call_node=node)


def _arguments(ctx: Context, node: syntax.Call, frame: Frame) -> list[Value]:
    return [typed.term(ctx, a, frame) for a in node.arguments]


def unknown_function(
    ctx: Context,
    name: syntax.Name,
    frame: Frame,
    pool: list[str],
    *,
    aggregate: bool = False,
    call_node: syntax.Call | None = None,
) -> Value:
    """Reports a function that is not known: an indexed name called with round brackets, or a misspelling."""
    entry = ctx.entries.get(name.id)
    if entry is not None and not aggregate:
        hints: tuple[Hint, ...] = ()
        if call_node is not None and call_node.arguments:
            inner = call_node.arguments[0].span.to(call_node.arguments[-1].span).text
            hints = (Hint("index it with `[ ]`", (Edit(call_node.span, f"{name.id}[{inner}]"),)),)
        return ctx.say(
            name_codes.INDEXED_NAME_CALLED,
            name.span,
            frame,
            name=name.id,
            what=WORDS[entry.kind],
            labels=(Label(entry.span, "declared here"),),
            hints=hints,
        )
    found = membership.nearest(name.id, pool)
    hints = (Hint(f"did you mean `{found}`?", (Edit(name.span, found),)),) if found is not None else ()
    return ctx.say(
        name_codes.UNKNOWN_AGGREGATE if aggregate else name_codes.UNKNOWN_FUNCTION,
        name.span,
        frame,
        name=name.id,
        hints=hints,
    )


def _aggregate_without_for(ctx: Context, node: syntax.Call, frame: Frame) -> Value:
    hints: tuple[Hint, ...] = ()
    first, *rest = node.arguments or (node,)
    if rest and all(isinstance(argument, syntax.Membership) and not argument.negated for argument in rest):
        between = Span(node.span.source, first.span.end, rest[0].span.start)
        hints = (Hint("write `for` before the indices", (Edit(between, " for "),)),)
    return ctx.say(
        rule_codes.AGGREGATE_WITHOUT_FOR, node.span, frame, name=node.function.id, text=node.span.text, hints=hints
    )


def _counted(ctx: Context, node: syntax.Call, arity: Arity, frame: Frame) -> bool:
    count = len(node.arguments)
    if arity.least <= count and (arity.most is None or count <= arity.most):
        return True
    ctx.say(codes.WRONG_ARGUMENT_COUNT, node.span, frame, name=node.function.id, wanted=arity.text(), given=count)
    return False


def _elementwise(ctx: Context, node: syntax.Call, frame: Frame) -> Value:
    name = node.function.id
    if not _counted(ctx, node, ELEMENTWISE[name], frame):
        return BAD
    mask = 0
    args = []
    bad = False
    for argument in node.arguments:
        value = typed.number(ctx, argument, frame)
        bad = bad or value.kind == "bad"
        mask |= value.mask
        args.append(value.term)
    return BAD if bad else Value(Apply(place(frame, node), name, tuple(args)), "number", mask)


# ------------------------------------------------------------------------------------------------ sets' measures
def _measure(ctx: Context, node: syntax.Call, frame: Frame) -> Value:
    name = node.function.id
    if not _counted(ctx, node, MEASURES[name], frame):
        return BAD
    if name in ("card", "first", "last"):
        return _whole_set(ctx, node, frame)
    source = sets.set_value(ctx, node.arguments[1], frame)
    parts = references.parts(node.arguments[0])
    values = [typed.term(ctx, p, frame) for p in parts]
    shift = typed.number(ctx, node.arguments[2], frame) if len(node.arguments) == 3 else None
    if source.bad or any(v.kind == "bad" for v in values) or (shift is not None and shift.kind == "bad"):
        return BAD
    count = sum(len(v.types) if v.kind == "tuple" else 1 for v in values)
    if source.sized and count != len(source.types):
        return ctx.say(
            codes.MEMBERSHIP_LENGTH,
            node.arguments[0].span,
            frame,
            text=node.arguments[0].span.text,
            given=count,
            set=node.arguments[1].span.text,
            wanted=len(source.types),
        )
    for value, part in zip(values, parts, strict=True):
        if value.mask:
            return ctx.say(codes.DECISION_AS_INDEX, part.span, frame, text=part.span.text)
    if shift is not None and shift.mask:
        return ctx.say(codes.DECISION_AS_INDEX, node.arguments[2].span, frame, text=node.arguments[2].span.text)
    if len(values) == 1 and len(source.types) == 1:
        fine = membership.fits(ctx, source.types[0], values[0], Use(node.arguments[0], frame, name))
        if not fine:
            return BAD
    built = SetMeasure(
        place(frame, node),
        name,  # type: ignore[arg-type]
        source.term,
        tuple(v.term for v in values),
        shift.term if shift is not None else None,
    )
    if name == "ord":
        return Value(built, "number")
    return Value(built, member_kind(source.types), 0, source.types, source.whole)


def _whole_set(ctx: Context, node: syntax.Call, frame: Frame) -> Value:
    source = sets.set_value(ctx, node.arguments[0], frame)
    if source.bad:
        return BAD
    built = SetMeasure(place(frame, node), node.function.id, source.term)  # type: ignore[arg-type]
    if node.function.id == "card":
        return Value(built, "number")
    return Value(built, member_kind(source.types), 0, source.types, source.whole)


# ----------------------------------------------------------------------------------------------------- piecewise
def _piecewise(ctx: Context, node: syntax.Call, frame: Frame) -> Value:
    if not _counted(ctx, node, Arity(3, 3), frame):
        return BAD
    argument = typed.number(ctx, node.arguments[0], frame)
    points = _numbers(ctx, node.arguments[1], frame)
    values = _numbers(ctx, node.arguments[2], frame)
    if argument.kind == "bad" or points is None or values is None:
        return BAD
    if len(points) != len(values) or len(points) < 2:
        return ctx.say(
            rule_codes.PIECEWISE_LENGTHS,
            node.arguments[2].span,
            frame,
            points=len(points),
            values=len(values),
            labels=(Label(node.arguments[1].span, f"{len(points)} breakpoints"),),
        )
    constants = [constant_value(p.term) for p in points]
    list_node = node.arguments[1]
    assert isinstance(list_node, syntax.ListLiteral)
    for at, (one, other) in enumerate(itertools.pairwise(constants)):
        if one is not None and other is not None and other <= one:
            return ctx.say(
                rule_codes.PIECEWISE_ORDER,
                list_node.items[at + 1].span,
                frame,
                text=list_node.items[at + 1].span.text,
                before=list_node.items[at].span.text,
            )
    return Value(
        Piecewise(place(frame, node), argument.term, tuple(p.term for p in points), tuple(v.term for v in values)),
        "number",
        argument.mask,
    )


def _numbers(ctx: Context, node: syntax.Expression, frame: Frame) -> list[Value] | None:
    if not isinstance(node, syntax.ListLiteral):
        ctx.say(rule_codes.PIECEWISE_LIST, node.span, frame, text=node.span.text)
        return None
    values = [typed.number(ctx, item, frame) for item in node.items]
    for value, item in zip(values, node.items, strict=True):
        if value.mask:
            typed.holds_decision(ctx, rule_codes.PIECEWISE_DATA, item, value, frame)
            return None
    return None if any(v.kind == "bad" for v in values) else values


# --------------------------------------------------------------------------------------------------- expansion
def check_function(ctx: Context, function: FunctionEntry) -> None:
    """Checks the body of a ``def`` once, with parameters of which nothing is known."""
    if function.state != "new" or not isinstance(function.node, syntax.DefDeclaration):
        return
    node = function.node
    function.state = "open"
    arguments: dict[str, Argument] = {}
    for parameter in node.parameters:
        if parameter.id in arguments:
            ctx.say(
                name_codes.DUPLICATE, parameter.span, name=parameter.id, what="a parameter of this function already"
            )
        elif patterns.clashes(ctx, parameter):
            entry = ctx.entries[parameter.id]
            ctx.say(
                name_codes.SHADOWED,
                parameter.span,
                name=parameter.id,
                what=f"{WORDS[entry.kind]} already",
                labels=(Label(entry.span, "declared here"),),
            )
        arguments[parameter.id] = Argument(None, None)
    before = ctx.errors
    ctx.calls.append(function)
    declarations.resolve_scope(ctx, function.scope)
    typed.term(ctx, node.body, Frame(function.scope, dict(function.scope.indices), None, arguments, unknown=True))
    ctx.calls.pop()
    function.broken = function.broken or ctx.errors > before
    function.state = "done"


def _expand(
    ctx: Context, node: syntax.Call, function: FunctionEntry, definition: syntax.DefDeclaration, frame: Frame
) -> Value:
    if not _counted(ctx, node, Arity(len(definition.parameters), len(definition.parameters)), frame):
        return BAD
    if function in ctx.calls:
        return _recursive(ctx, node, function)
    check_function(ctx, function)
    if function.broken or frame.unknown:
        _arguments_alone(ctx, node, frame)
        return BAD
    open_here = tuple(ctx.calls)
    arguments = {
        p.id: Argument(a, frame, calls=open_here) for p, a in zip(definition.parameters, node.arguments, strict=True)
    }
    indices = _indices_for(ctx, node, function, frame)
    if indices is None:
        return BAD
    inner = Frame(
        frame.scope, indices, frame.owner, arguments, frame.call or node.span, frame.function or function.name
    )
    if not ctx.expanding:
        ctx.expansions = 0
    ctx.expansions += 1
    if ctx.expansions > _MOST_CALLS:
        return BAD  # the outermost call reports it
    ctx.calls.append(function)
    ctx.expanding += 1
    value = typed.term(ctx, definition.body, inner)
    ctx.expanding -= 1
    ctx.calls.pop()
    if not ctx.expanding and _has_grown(ctx, value):
        return ctx.say(name_codes.EXPANSION_TOO_LARGE, node.span, frame, name=function.name, limit=_MOST_PARTS)
    for argument in arguments.values():
        if not argument.touched and argument.node is not None and argument.frame is not None:
            _check_alone(ctx, argument.node, argument.frame)
    return value


def _has_grown(ctx: Context, value: Value) -> bool:
    """Whether an expansion of many calls is too large to be walked: parts that it shares count each time."""
    if ctx.expansions > _MOST_CALLS:
        return True
    if ctx.expansions < 8:
        return False
    count = 0
    waiting: list[object] = [value.term]
    while waiting and count <= _MOST_PARTS:
        term = waiting.pop()
        count += 1
        if isinstance(term, Apply | SymbolRef):
            waiting.extend(term.args)
        elif isinstance(term, Reduce):
            waiting.append(term.body)
        elif isinstance(term, Conditional):
            waiting.extend((term.then, term.otherwise))
    return count > _MOST_PARTS


def _arguments_alone(ctx: Context, node: syntax.Call, frame: Frame) -> None:
    for argument in node.arguments:
        _check_alone(ctx, argument, frame)


def _check_alone(ctx: Context, node: syntax.Expression, frame: Frame) -> None:
    """Checks an argument that no body uses; of a name or a product it is not known what was wanted of it."""
    if isinstance(node, syntax.Name) or (isinstance(node, syntax.Binary) and node.operator == "*"):
        return
    operator = node.operator if isinstance(node, syntax.Binary) else ""
    if operator in ("union", "inter", "minus") or isinstance(
        node, syntax.Comprehension | syntax.SetLiteral | syntax.Range
    ):
        sets.set_value(ctx, node, frame)
    elif not isinstance(node, syntax.Tuple | syntax.ListLiteral):
        typed.term(ctx, node, frame)


def _indices_for(ctx: Context, node: syntax.Call, function: FunctionEntry, frame: Frame) -> Indices | None:
    """The block's indices that the body of a function may name: those of its own block, which holds the call."""
    if function.scope is ctx.root:
        return {}
    if function.scope in frame.scope.around():
        return dict(function.scope.indices)
    if function.scope.positions:
        ctx.say(
            name_codes.FUNCTION_OF_OTHER_BLOCK,
            node.function.span,
            frame,
            name=function.name,
            block=function.scope.name,
            labels=(Label(function.span, "defined here"),),
        )
        return None
    return {}


def _recursive(ctx: Context, node: syntax.Call, function: FunctionEntry) -> Value:
    started = ctx.calls.index(function)
    chain = " -> ".join(f"`{f.name}`" for f in [*ctx.calls[started:], function])
    for member in ctx.calls[started:]:
        member.broken = True
    return ctx.say(
        name_codes.RECURSIVE_FUNCTION,
        node.function.span,
        None,
        name=function.name,
        chain=chain,
        labels=(Label(function.span, "defined here"),),
    )


# ------------------------------------------------------------------------------------------------- outside code
def _extern(
    ctx: Context, node: syntax.Call, function: FunctionEntry, declaration: syntax.ExternDeclaration, frame: Frame
) -> Value:
    count = len(declaration.arguments)
    if not _counted(ctx, node, Arity(count, count), frame):
        return BAD
    mask = 0
    args: list[FamilyRef] = []
    for argument in node.arguments:
        family = _family(ctx, argument, function, frame)
        if family is None:
            return BAD
        args.append(FamilyRef(place(frame, argument), family[0]))
        mask |= family[1]
    return Value(ExternCall(place(frame, node), function.symbol, tuple(args)), "number", mask)


def _family(ctx: Context, node: syntax.Expression, function: FunctionEntry, frame: Frame) -> tuple[str, int] | None:
    name: syntax.Expression = node
    if isinstance(node, syntax.Name) and frame.arguments is not None and node.id in frame.arguments:
        argument = frame.arguments[node.id]
        argument.touched = True
        if argument.node is None or argument.frame is None:
            return None
        name = argument.node
    if not isinstance(name, syntax.Name):
        hints: tuple[Hint, ...] = ()
        if isinstance(name, syntax.Subscript) and isinstance(name.base, syntax.Name):
            hints = (Hint(f"give the whole family, `{name.base.id}`", (Edit(name.span, name.base.id),)),)
        ctx.say(codes.EXTERN_ARGUMENT, name.span, frame, name=function.name, text=name.span.text, hints=hints)
        return None
    entry = ctx.entries.get(name.id)
    if entry is None:
        references.unknown(ctx, name, frame)
        return None
    entry.used = True
    if entry.kind not in ("variable", "choice", "parameter", "uncertain"):
        ctx.say(codes.EXTERN_ARGUMENT, name.span, frame, name=function.name, text=name.id)
        return None
    declarations.resolve(ctx, entry)
    return None if entry.broken else (entry.name, entry.mask)


def _network(ctx: Context, node: syntax.Call, function: FunctionEntry, frame: Frame) -> Value:
    mask = 0
    args = []
    for argument in node.arguments:
        value = typed.number(ctx, argument, frame)
        if value.kind == "bad":
            return BAD
        mask |= value.mask
        args.append(value.term)
    if not args:
        return ctx.say(
            codes.WRONG_ARGUMENT_COUNT, node.span, frame, name=function.name, wanted="1 or more arguments", given=0
        )
    return Value(NetworkCall(place(frame, node), function.symbol, tuple(args)), "number", mask)
