"""Blocks: objectives, what each kind of block may hold, and the tree that the program keeps of them."""

from __future__ import annotations

from .. import syntax
from ..catalogue import levels as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Block, Expr, Objective
from ..source import Span
from . import declarations, typed
from .context import Context, Frame, Scope


# --------------------------------------------------------------------------------------------------- objectives
def objective(ctx: Context, scope: Scope) -> Objective | None:
    """The objective of a block; a second one is refused."""
    if not scope.objectives:
        return None
    first = scope.objectives[0]
    for other in scope.objectives[1:] if ctx.blocks_known else ():
        ctx.say(
            codes.TWO_OBJECTIVES,
            _word(other),
            block=_described(scope),
            labels=(Label(_word(first), "the first"),),
        )
    declarations.resolve_scope(ctx, scope)
    expression: Expr | None = None
    for node in scope.objectives:
        if node.expression is None:
            continue
        value = typed.number(ctx, node.expression, Frame(scope, dict(scope.indices)))
        if node is first:
            expression = value.term
    return Objective(first.sense, expression, first.name.id if first.name is not None else None, first.span)


def _word(node: syntax.Objective) -> Span:
    return Span(node.span.source, node.span.start, node.span.start + len(node.sense))


def _described(scope: Scope) -> str:
    if scope.kind == "model":
        return "the model"
    return f"the {scope.kind} block" if scope.node is None or scope.node.name is None else f"`{scope.name}`"


# -------------------------------------------------------------------------------------------------------- rules
def check_blocks(ctx: Context) -> None:
    """The rules on who may decide what, where; not where a bracket is missing, so that blocks are guessed."""
    if not ctx.blocks_known:
        return
    for scope in ctx.root.below():
        _check_selection(ctx, scope)
        _check_objective(ctx, scope)
        _check_place(ctx, scope)
    _check_mixture(ctx)


def _check_selection(ctx: Context, scope: Scope) -> None:
    if scope.node is None or scope.node.selection is None:
        return
    word = scope.node.selection
    if scope.kind != "lower" or word.id not in ("optimistic", "pessimistic"):
        hints: tuple[Hint, ...] = ()
        if scope.kind == "lower":
            near = "pessimistic" if word.id.lower().startswith("p") else "optimistic"
            hints = (Hint(f"write `{near}`", (Edit(word.span, near),)),)
        else:
            hints = (Hint("leave it out: players answer one another", (Edit(word.span.with_blanks_before(), ""),)),)
        ctx.say(codes.SELECTION_WORD, word.span, word=word.id, kind=scope.kind, hints=hints)


def _players(scope: Scope) -> list[Scope]:
    return [c for c in scope.children if c.kind == "player"]


def _check_objective(ctx: Context, scope: Scope) -> None:
    first = scope.objectives[0] if scope.objectives else None
    players = _players(scope)
    if players and scope.kind == "player":
        return  # refused by its place
    if players and first is not None and first.sense != "satisfy":
        ctx.say(
            codes.OBJECTIVE_BESIDE_PLAYERS,
            _word(first),
            labels=(Label(players[0].span, "a player, with an objective of its own"),),
        )
    elif scope.kind in ("lower", "player") and not players:
        if (first is None and not ctx.refused) or (first is not None and first.sense == "satisfy"):
            place = scope.span if first is None else _word(first)
            kind = "lower block" if scope.kind == "lower" else "player"
            ctx.say(codes.BLOCK_WITHOUT_OBJECTIVE, place, name=scope.name, kind=kind)
    elif scope.kind == "recourse":
        _check_recourse_objective(ctx, scope)
    elif scope.kind == "model" and first is None and not players:
        _check_top(ctx, scope)


def _check_recourse_objective(ctx: Context, scope: Scope) -> None:
    assert scope.parent is not None
    outer = scope.parent.objectives[0] if scope.parent.objectives else None
    inner = scope.objectives[0] if scope.objectives else None
    if inner is None:
        if outer is None:
            ctx.say(codes.NO_OBJECTIVE_AT_ALL, scope.span)
        return
    if outer is not None and "satisfy" not in (inner.sense, outer.sense) and inner.sense != outer.sense:
        hints: tuple[Hint, ...] = ()
        if inner.expression is not None:
            mended = f"-({inner.expression.span.text})"
            hint = f"write `{outer.sense}` and turn the sign: `{outer.sense} {mended}`"
            hints = (Hint(hint, (Edit(_word(inner), outer.sense), Edit(inner.expression.span, mended))),)
        ctx.say(
            codes.RECOURSE_SENSE,
            _word(inner),
            inner=inner.sense,
            outer=outer.sense,
            labels=(Label(_word(outer), "the first stage"),),
            hints=hints,
        )


def _check_top(ctx: Context, scope: Scope) -> None:
    if ctx.refused or any(c.kind == "recourse" for c in scope.children):
        return  # a statement that did not parse may have been the objective
    decision = next((e for e in scope.entries if e.kind in ("variable", "choice")), None)
    if decision is None:
        return
    subject = next((s for s in scope.statements if isinstance(s, syntax.SubjectTo)), None)
    source = decision.span.source
    at = subject.span.start if subject is not None else len(source.text)
    text = "satisfy\n" if subject is not None or source.text.endswith("\n") else "\nsatisfy\n"
    edit = Edit(Span(source, at, at), text)
    ctx.say(
        codes.MODEL_WITHOUT_OBJECTIVE,
        decision.span,
        name=decision.name,
        hints=(Hint("add `minimize …` or `maximize …`; where any feasible point will do, `satisfy`", (edit,)),),
    )


def _check_place(ctx: Context, scope: Scope) -> None:
    if scope.parent is None or scope.node is None:
        return
    if scope.kind == "recourse":
        lower = scope.parent.inside("lower")
        if lower is not None:
            ctx.say(codes.RECOURSE_INSIDE_LOWER, _head(scope), labels=(Label(lower.span, "the lower block"),))
        elif scope.parent.inside("recourse") is not None:
            ctx.say(codes.RECOURSE_INSIDE_RECOURSE, _head(scope))
        others = [c for c in scope.parent.children if c.kind == "recourse"]
        if others[0] is not scope:
            ctx.say(codes.TWO_RECOURSES, _head(scope), labels=(Label(_head(others[0]), "the first"),))
    elif scope.kind == "player" and scope.parent.kind == "player":
        ctx.say(codes.PLAYER_INSIDE_PLAYER, scope.span, labels=(Label(scope.parent.span, "the outer player"),))


def _head(scope: Scope) -> Span:
    node = scope.node
    assert node is not None
    return Span(node.span.source, node.span.start, node.span.start + len(node.kind))


def _check_mixture(ctx: Context) -> None:
    """Uncertainty beside a lower block or players, and uncertain names outside the top, are refused by name."""
    everywhere = list(ctx.root.below())
    uncertain = [e for s in everywhere for e in s.entries if e.kind == "uncertain"]
    recourse = next((s for s in everywhere if s.kind == "recourse"), None)
    other = next((s for s in everywhere if s.kind in ("lower", "player")), None)
    for entry in uncertain:
        if entry.scope.kind != "model" and entry.scope.inside("lower") is None and entry.scope.inside("player") is None:
            ctx.say(codes.UNCERTAIN_INSIDE_BLOCK, entry.span, name=entry.name, kind=entry.scope.kind)
    if other is not None and (uncertain or recourse is not None):
        if uncertain:
            place, what = uncertain[0].span, f"the uncertain `{uncertain[0].name}`"
        else:
            assert recourse is not None
            if recourse.inside("lower") is not None:
                return
            place, what = _head(recourse), "a `recourse` block"
        ctx.say(
            codes.MIXED_UNCERTAINTY,
            place,
            what=what,
            kind=other.kind,
            labels=(Label(other.span, f"a `{other.kind}` block"),),
        )
    elif recourse is not None and not uncertain:
        ctx.say(codes.RECOURSE_WITHOUT_UNCERTAIN, _head(recourse))


# ----------------------------------------------------------------------------------------------------- assembly
def assemble(ctx: Context, scope: Scope, objectives: dict[int, Objective | None]) -> Block:
    """The block as the program keeps it, with the blocks in it."""
    decisions = tuple(e.name for e in scope.entries if e.kind in ("variable", "choice"))
    written = tuple(c.symbol for c in scope.constraints)
    for name in (*decisions, *written):
        if name not in ctx.symbols:
            raise AssertionError(f"{name} was dropped without a diagnostic")
    return Block(
        scope.kind,
        scope.name,
        scope.span,
        scope.space,
        scope.node is not None and scope.node.selection is not None and scope.node.selection.id == "pessimistic",
        objectives[id(scope)],
        decisions,
        (*scope.bound_constraints, *written),
        tuple(assemble(ctx, child, objectives) for child in scope.children),
        scope.path,
    )
