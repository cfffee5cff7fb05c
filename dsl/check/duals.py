"""``dual(f.c)``: the multiplier of a constraint of a lower block, as its leader may name it."""

from __future__ import annotations

from .. import syntax
from ..catalogue import levels as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Expr, Multiplier, SymbolRef
from ..source import Span
from . import declarations, membership, patterns, references, typed
from .context import ConstraintEntry, Context, Entry, Frame, Scope, place
from .kinds import BAD, MULTIPLIER, UNCERTAIN, VARIABLE, Value

_INTEGRAL = ("integer", "binary", "spin", "semicontinuous")


def dual(ctx: Context, node: syntax.Call, frame: Frame) -> Value:
    """``dual(f.c)``, ``dual(f.c[i])``, ``dual(f[r].c[i])``."""
    if len(node.arguments) != 1:
        return ctx.say(codes.DUAL_OF_WHAT, node.span, frame, text=node.span.text)
    target = node.arguments[0]
    own: tuple[syntax.Expression, ...] = ()
    if isinstance(target, syntax.Subscript):
        own, target = target.indices, target.base
    if isinstance(target, syntax.Name):
        return _without_block(ctx, target, frame)
    if not isinstance(target, syntax.Member):
        return ctx.say(codes.DUAL_OF_WHAT, node.span, frame, text=node.arguments[0].span.text)
    base: syntax.Expression = target.base
    outer: tuple[syntax.Expression, ...] = ()
    if isinstance(base, syntax.Subscript):
        outer, base = base.indices, base.base
    if isinstance(base, syntax.Member):
        return ctx.say(codes.DUAL_NESTED, target.span, frame, text=target.span.text, block=base.name.id)
    if not isinstance(base, syntax.Name):
        return ctx.say(codes.DUAL_OF_WHAT, node.span, frame, text=node.arguments[0].span.text)
    block = ctx.entries.get(base.id)
    if block is None or block.kind != "block":
        return _no_block(ctx, base, frame)
    constraint = next((c for c in block.scope.constraints if c.named and _name(c) == target.name.id), None)
    if constraint is None:
        return _no_constraint(ctx, target, block, frame)
    if not _allowed(ctx, target, constraint, frame):
        return BAD
    return _reference(ctx, node, constraint, outer, own, frame)


def _name(constraint: ConstraintEntry) -> str:
    return constraint.item.name.id if constraint.item.name is not None else ""


def _without_block(ctx: Context, name: syntax.Name, frame: Frame) -> Value:
    for scope in ctx.root.below():
        for constraint in scope.constraints:
            if constraint.named and _name(constraint) == name.id:
                if scope is ctx.root or scope in frame.scope.around():
                    return _own_block(ctx, name.span, scope, frame)
                full = f"{scope.name}.{name.id}"
                hint = Hint(f"write `dual({full})`", (Edit(name.span, full),))
                return ctx.say(codes.DUAL_WITHOUT_BLOCK, name.span, frame, name=name.id, hints=(hint,))
    return ctx.say(codes.DUAL_OF_WHAT, name.span, frame, text=name.id)


def _own_block(ctx: Context, span: Span, scope: Scope, frame: Frame) -> Value:
    what = "the model itself" if scope is ctx.root else f"`{scope.name}`"
    return ctx.say(codes.DUAL_IN_OWN_BLOCK, span, frame, text=span.text, block=what)


def _no_block(ctx: Context, name: syntax.Name, frame: Frame) -> Value:
    pool = [n for n, e in ctx.entries.items() if e.kind == "block"]
    found = membership.nearest(name.id, pool)
    hints = (Hint(f"did you mean `{found}`?", (Edit(name.span, found),)),) if found is not None else ()
    return ctx.say(codes.NO_SUCH_BLOCK, name.span, frame, name=name.id, hints=hints)


def _no_constraint(ctx: Context, target: syntax.Member, block: Entry, frame: Frame) -> Value:
    pool = [_name(c) for c in block.scope.constraints if c.named]
    found = membership.nearest(target.name.id, pool)
    hints = (Hint(f"did you mean `{found}`?", (Edit(target.name.span, found),)),) if found is not None else ()
    return ctx.say(
        codes.NO_SUCH_CONSTRAINT,
        target.name.span,
        frame,
        name=target.name.id,
        block=block.name,
        labels=(Label(block.span, "the block"),),
        hints=hints,
    )


def _allowed(ctx: Context, target: syntax.Member, constraint: ConstraintEntry, frame: Frame) -> bool:
    scope = constraint.scope
    if scope in frame.scope.around():
        _own_block(ctx, target.span, scope, frame)
        return False
    lower = scope.inside("lower")
    above = lower.parent if lower is not None else None
    if lower is None or scope.inside("recourse") is not None or above is None or frame.scope not in above.around():
        ctx.say(
            codes.DUAL_NOT_ALLOWED,
            target.span,
            frame,
            text=target.span.text,
            kind=scope.kind,
            labels=(Label(scope.span, f"a `{scope.kind}` block"),),
        )
        return False
    body = constraint.item.body
    kinds = {syntax.Implication: "an indicator", syntax.Complements: "a complementarity", syntax.Aggregate: "an SOS"}
    kind = kinds.get(type(body))
    if kind is not None:
        ctx.say(
            codes.DUAL_UNDEFINED,
            target.span,
            frame,
            text=target.span.text,
            why=f"is {kind}",
            labels=(Label(constraint.item.span, "the constraint"),),
        )
        return False
    return _continuous(ctx, target, scope, frame)


def _continuous(ctx: Context, target: syntax.Member, scope: Scope, frame: Frame) -> bool:
    for entry in scope.entries:
        if entry.kind not in ("variable", "choice"):
            continue
        declarations.resolve(ctx, entry)
        if entry.kind == "choice" or declarations.domain(entry) in _INTEGRAL:
            ctx.say(
                codes.DUAL_UNDEFINED,
                target.span,
                frame,
                text=target.span.text,
                why=f"belongs to a block with discrete decisions, `{entry.name}`",
                labels=(Label(entry.span, "discrete"),),
            )
            return False
    return True


def _reference(
    ctx: Context,
    node: syntax.Call,
    constraint: ConstraintEntry,
    outer: tuple[syntax.Expression, ...],
    own: tuple[syntax.Expression, ...],
    frame: Frame,
) -> Value:
    scope = constraint.scope
    declarations.resolve_scope(ctx, scope)
    name = f"dual({constraint.symbol})"
    entry = ctx.multipliers.get(name)
    if entry is None:
        rows = patterns.index_list(ctx, constraint.item.index, Frame(scope, dict(scope.indices)))
        span = constraint.item.name.span if constraint.item.name is not None else constraint.item.span
        entry = Entry(name, span, "variable", constraint.item, scope, "done", broken=rows.broken)
        entry.positions = (*scope.positions, *rows.positions)
        entry.own = len(rows.positions)
        entry.space = declarations.joined(scope.space, rows.space)
        entry.mask = MULTIPLIER
        entry.symbol = Multiplier(
            name, span, entry.space, len(entry.positions), entry.own, scope.path, None, constraint.symbol
        )
        ctx.multipliers[name] = entry
        ctx.symbols[name] = entry.symbol
    if entry.broken:
        return BAD
    common = references.common_scope(scope, frame.scope)
    elided = len(common.positions)
    prefix = references.scope_arguments(common)
    found = _arguments(ctx, entry, (*outer, *own), elided, node, frame)
    if found is None:
        return BAD
    args, mask = found
    return Value(
        SymbolRef(place(frame, node), name, (*prefix, *args)), "number", MULTIPLIER | (mask & (VARIABLE | UNCERTAIN))
    )


def _arguments(
    ctx: Context,
    entry: Entry,
    nodes: tuple[syntax.Expression, ...],
    at: int,
    call: syntax.Call,
    frame: Frame,
) -> tuple[tuple[Expr, ...], int] | None:
    values = [(typed.term(ctx, part, frame), part) for node in nodes for part in references.parts(node)]
    if any(v.kind == "bad" for v, _ in values):
        return None
    count = sum(len(v.types) if v.kind == "tuple" else 1 for v, _ in values)
    wanted = len(entry.positions) - at
    if count != wanted:
        ctx.say(
            codes.DUAL_INDEX_COUNT,
            call.span,
            frame,
            name=entry.name,
            wanted=f"{wanted} ind{'ex' if wanted == 1 else 'ices'}",
            given=count,
            labels=(Label(entry.span, "the constraint"),),
        )
        return None
    mask = 0
    fine = True
    for value, part in values:
        fine = membership.argument(ctx, entry, entry.positions, at, value, part, frame) and fine
        at += len(value.types) if value.kind == "tuple" else 1
        mask |= value.mask
    return (tuple(v.term for v, _ in values), mask) if fine else None
