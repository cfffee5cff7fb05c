"""What a name stands for: an index, a family's entry with all its indices filled in, or nothing known."""

from __future__ import annotations

from .. import syntax
from ..catalogue import levels as level_codes
from ..catalogue import names as name_codes
from ..catalogue import types as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Constant, Expr, IndexRef, SymbolRef
from ..source import Span
from ..tree import MISSING
from . import declarations, membership, typed
from .context import Argument, Context, Entry, Frame, Scope, place
from .functions import BUILTINS
from .kinds import BAD, NUMBERS, RECOURSE, Component, Value, related

PI = 3.141592653589793


# ------------------------------------------------------------------------------------------------ unknown names
def unknown(ctx: Context, name: syntax.Name, frame: Frame, prefer: str | None = None) -> Value:
    """Reports a name that is not declared, with the nearest that is."""
    if name.id == MISSING:
        return ctx.refused_by_parser()
    if name.id in ctx.functions or (name.id in BUILTINS and name.id not in ctx.entries):
        return ctx.say(name_codes.FUNCTION_AS_VALUE, name.span, frame, name=name.id)
    for scope in ctx.root.below():
        if name.id in scope.labels:
            return ctx.say(
                name_codes.LABEL_AS_VALUE,
                name.span,
                frame,
                name=name.id,
                labels=(Label(scope.labels[name.id], "declared here"),),
            )
    return ctx.say(name_codes.UNKNOWN_NAME, name.span, frame, name=name.id, hints=_nearest(ctx, name, frame, prefer))


def _nearest(ctx: Context, name: syntax.Name, frame: Frame, prefer: str | None) -> tuple[Hint, ...]:
    kinds = {n: e.kind for n, e in ctx.entries.items() if e.kind != "block"}
    pool = [n for n, k in kinds.items() if (k != "set" if prefer is None else k == prefer)]
    if prefer is None:
        pool += [*frame.indices, *(frame.arguments or ())]
    found = membership.nearest(name.id, pool)
    if found is None:
        over = next((n for n, k in kinds.items() if k == "set" and n.lower() == name.id.lower()), None)
        if prefer is not None or over is None:
            return ()
        text = f"if it is an index, introduce it: `[{name.id} in {over}]` in front, or `for {name.id} in {over}`"
        return (Hint(text),)
    return (Hint(f"did you mean `{found}`?", (Edit(name.span, found),)),)


# ------------------------------------------------------------------------------------------------------- values
def name_value(ctx: Context, node: syntax.Name, frame: Frame) -> Value:
    """A bare name as a value."""
    arguments = frame.arguments
    if arguments is not None and node.id in arguments:
        argument = arguments[node.id]
        argument.touched = True
        if argument.value is None:
            argument.value = (
                BAD
                if argument.node is None or argument.frame is None
                else _at_its_call(ctx, argument, argument.node, argument.frame)
            )
        return argument.value
    index = frame.indices.get(node.id)
    if index is not None:
        index.used = True
        value = index.value
        return value._replace(term=IndexRef(place(frame, node), index.var))
    return entry_value(ctx, node, (), frame, node.span)


def _at_its_call(ctx: Context, argument: Argument, node: syntax.Expression, frame: Frame) -> Value:
    """An argument is checked where it was written: the functions open there count as open, not those open here."""
    here, ctx.calls = ctx.calls, list(argument.calls)
    value = typed.term(ctx, node, frame)
    ctx.calls = here
    return value


def subscript_value(ctx: Context, node: syntax.Subscript, frame: Frame) -> Value:
    """``cost[f]``."""
    base = node.base
    while isinstance(base, syntax.Bracketed):
        base = base.inner
    if not isinstance(base, syntax.Name):
        if isinstance(base, syntax.Member):
            return member_value(ctx, base, frame)
        return ctx.say(codes.SUBSCRIPT_OF_EXPRESSION, node.span, frame, text=base.span.text)
    if frame.arguments is not None and base.id in frame.arguments:
        argument = frame.arguments[base.id]
        argument.touched = True
        argument = argument.passed_on()
        if argument.node is None or argument.frame is None:
            return BAD
        if isinstance(argument.node, syntax.Name) and argument.node.id not in argument.frame.indices:
            return entry_value(ctx, argument.node, node.indices, frame, node.span)
        return ctx.say(codes.SUBSCRIPT_OF_EXPRESSION, node.span, frame, text=argument.node.span.text)
    index = frame.indices.get(base.id)
    if index is not None:
        return ctx.say(
            codes.SUBSCRIPT_OF_INDEX,
            node.span,
            frame,
            name=base.id,
            labels=(Label(index.span, "the index is bound here"),),
        )
    return entry_value(ctx, base, node.indices, frame, node.span)


def member_value(ctx: Context, node: syntax.Member, frame: Frame) -> Value:
    """``follower.y`` as a value: refused, with the plain name where that is a decision of the block."""
    entry = ctx.entries.get(node.name.id)
    hints: tuple[Hint, ...] = ()
    if entry is not None:
        hints = (Hint(f"write `{node.name.id}`: names are unique over the model", (Edit(node.span, node.name.id),)),)
    return ctx.say(name_codes.MEMBER_OUTSIDE_DUAL, node.span, frame, text=node.span.text, hints=hints)


def entry_value(
    ctx: Context, name: syntax.Name, indices: tuple[syntax.Expression, ...], frame: Frame, span: Span
) -> Value:
    """The entry of a declared family at the given indices."""
    entry = ctx.entries.get(name.id)
    if entry is None:
        if name.id == "pi" and not indices:
            return Value(Constant(place(frame, name), PI), "number")
        return unknown(ctx, name, frame)
    entry.used = True
    if entry.kind == "set" or entry.kind == "block":
        return _no_value(ctx, entry, name, indices, frame, span)
    declarations.resolve(ctx, entry)
    ctx.depends(frame, entry, name.span)
    if entry.broken:
        for node in indices:
            typed.term(ctx, node, frame)
        return BAD
    found = subscripts(ctx, entry, indices, name, frame, span)
    if found is None:
        return BAD
    mask = entry.mask | found[1]
    if entry.mask and not _visible(ctx, entry, name, frame):
        return BAD
    return Value(
        SymbolRef(span if frame.call is None else frame.call, entry.name, found[0]), entry.value, mask, entry.types
    )


def _no_value(
    ctx: Context,
    entry: Entry,
    name: syntax.Name,
    indices: tuple[syntax.Expression, ...],
    frame: Frame,
    span: Span,
) -> Value:
    label = (Label(entry.span, "declared here"),)
    if entry.kind == "block":
        return ctx.say(codes.BLOCK_AS_VALUE, name.span, frame, name=name.id, labels=label)
    hints: tuple[Hint, ...] = ()
    if not indices:
        hints = (Hint(f"for the number of its members write `card({name.id})`", (Edit(span, f"card({name.id})"),)),)
    return ctx.say(codes.SET_AS_VALUE, span, frame, name=name.id, labels=label, hints=hints)


def _visible(ctx: Context, entry: Entry, name: syntax.Name, frame: Frame) -> bool:
    """Recourse decisions are named in their own block alone."""
    recourse = entry.scope.inside("recourse")
    if entry.kind == "let":
        if not entry.mask & RECOURSE:
            return True
        recourse = recourse or next((c for c in ctx.root.children if c.kind == "recourse"), None)
    if entry.kind not in ("variable", "choice", "let") or recourse is None:
        return True
    if recourse in frame.scope.around():
        return True
    if frame.owner is not None and frame.owner.kind == "let":
        return True
    ctx.say(
        level_codes.RECOURSE_NAMED_OUTSIDE,
        name.span,
        frame,
        name=name.id,
        labels=(Label(entry.span, "decided when the uncertain values are known"),),
    )
    return False


# --------------------------------------------------------------------------------------------------- subscripts
def subscripts(
    ctx: Context,
    entry: Entry,
    nodes: tuple[syntax.Expression, ...],
    name: syntax.Name,
    frame: Frame,
    span: Span,
) -> tuple[tuple[Expr, ...], int] | None:
    """All index arguments of an entry, block indices filled in, and what they depend on; None after an error."""
    positions = entry.positions
    if not nodes and not positions:
        return (), 0
    values: list[tuple[Value, syntax.Expression]] = []
    bad = False
    count = 0
    for node in nodes:
        for part in parts(node):
            value = typed.term(ctx, part, frame)
            bad = bad or value.kind == "bad"
            count += len(value.types) if value.kind == "tuple" else 1
            values.append((value, part))
    if bad:
        return None
    prefix = _own_slice(entry, frame.scope, count)
    if prefix is None:
        _wrong_count(ctx, entry, count, name, frame, span)
        return None
    mask = 0
    args: list[Expr] = list(prefix)
    at = len(positions) - count
    if prefix and nodes:
        _warn_of_slice(ctx, entry, name, frame, span, at)
    for value, part in values:
        if not membership.argument(ctx, entry, positions, at, value, part, frame):
            bad = True
        at += len(value.types) if value.kind == "tuple" else 1
        mask |= value.mask
        args.append(value.term)
    return None if bad else (tuple(args), mask)


def parts(node: syntax.Expression) -> tuple[syntax.Expression, ...]:
    """The components of a tuple that is written out, or the expression alone."""
    while isinstance(node, syntax.Bracketed):
        node = node.inner
    return node.items if isinstance(node, syntax.Tuple) else (node,)


def _own_slice(entry: Entry, user: Scope, count: int) -> tuple[Expr, ...] | None:
    """The block indices that go before ``count`` given ones; None when no reading has that many."""
    total = len(entry.positions)
    if count == total:
        return ()
    around = user.around()
    for scope in entry.scope.around():
        if scope in around and scope.positions and total - len(scope.positions) == count:
            return scope_arguments(scope)
    return None


def common_scope(one: Scope, other: Scope) -> Scope:
    """The innermost block that holds both."""
    around = other.around()
    return next(scope for scope in one.around() if scope in around)


def scope_arguments(scope: Scope) -> tuple[Expr, ...]:
    """The values of a block's indices, outermost first, as arguments."""
    return declarations.own_arguments(scope.space)


def _wrong_count(ctx: Context, entry: Entry, count: int, name: syntax.Name, frame: Frame, span: Span) -> None:
    total = len(entry.positions)
    names = ", ".join(p.component.name for p in entry.positions)
    own = entry.own
    wanted = "no indices" if total == 0 else f"{total} {'index' if total == 1 else 'indices'}"
    if own != total and entry.scope in frame.scope.around():
        wanted += f" (or {own}, for the block's own)"
    ctx.say(
        codes.WRONG_INDEX_COUNT,
        span,
        frame,
        name=name.id,
        wanted=wanted,
        given="none" if count == 0 else str(count),
        labels=(
            Label(entry.span, f"declared over [{names}]" if total else "declared without indices"),
            *_why_tuples(ctx, entry),
        ),
        hints=_unsized_hint(ctx, entry, count),
    )


def _same_type(one: Component, other: Component) -> bool:
    return NUMBERS not in (one, other) and related(one, other)


def _why_tuples(ctx: Context, entry: Entry) -> tuple[Label, ...]:
    """Where the use of a set, not its declaration, makes its members tuples: that use."""
    for position in entry.positions:
        whole = position.whole.symbol if position.whole is not None else None
        found = ctx.dimensions.get(whole or "")
        if found is not None:
            return (Label(found[1], f"here the members of `{whole}` have length {found[0]}"),)
    return ()


def _unsized_hint(ctx: Context, entry: Entry, count: int) -> tuple[Hint, ...]:
    """Where a set does not say that its members are tuples, that may be what is missing."""
    if count <= len(entry.positions):
        return ()
    for position in entry.positions:
        found = ctx.entries.get(position.component.symbol or "")
        if found is not None and found.set is not None and not found.set.sized:
            return (Hint(f"if the members of `{found.name}` are tuples say so: `set {found.name} within A * B`"),)
    return ()


def _warn_of_slice(ctx: Context, entry: Entry, name: syntax.Name, frame: Frame, span: Span, at: int) -> None:
    """A one-index use where the block's set stands in the own index list too: it may have meant anybody's."""
    outer = entry.positions[:at]
    own = entry.positions[at:]
    around = len(entry.space.generators) - len(entry.scope.space.generators)
    repeated = {g.set for g in entry.space.generators[:-around]} & {g.set for g in entry.space.generators[-around:]}
    if not repeated and not any(_same_type(o.component, p.component) for o in outer for p in own):
        return
    names = [var.name for var in entry.scope.space.indices[: len(outer)]]
    text = ", ".join(names)
    insert = Span(name.span.source, name.span.end + 1, name.span.end + 1)
    ctx.say(
        level_codes.SLICE_OR_WHOLE,
        span,
        frame,
        text=span.text,
        full=f"{name.id}[{text}, …]",
        labels=(Label(entry.span, "its own indices and its block's are of one set"),),
        hints=() if "_" in names else (Hint(f"write `{name.id}[{text}, …]` to say so", (Edit(insert, f"{text}, "),)),),
    )


def is_choice(ctx: Context, term: Expr) -> bool:
    """Whether a term is an entry of a choice."""
    return isinstance(term, SymbolRef) and term.symbol in ctx.entries and ctx.entries[term.symbol].kind == "choice"
