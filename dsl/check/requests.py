"""What the model asks of the answer: the kind of equilibrium, certificates, methods."""

from __future__ import annotations

from .. import syntax
from ..catalogue import levels as codes
from ..catalogue import names as name_codes
from ..catalogue import rules as rule_codes
from ..diagnostics import Edit, Hint, Label
from ..program import CertificateRequest, EquilibriumRule, Method, Region, Space
from . import bounds, declarations, membership, patterns, references, sets, typed
from .context import Context, Frame, Scope
from .kinds import related


def _statements(ctx: Context, kind: type) -> list[tuple[Scope, syntax.Statement]]:
    return [(s, n) for s in ctx.root.below() for n in s.statements if isinstance(n, kind)]


# -------------------------------------------------------------------------------------------------- equilibrium
def equilibrium(ctx: Context) -> EquilibriumRule | None:
    """The rule that ``equilibrium …`` asks for, or None."""
    found = _statements(ctx, syntax.Equilibrium)
    rule: EquilibriumRule | None = None
    for scope, node in found:
        assert isinstance(node, syntax.Equilibrium)
        if node is not found[0][1]:
            ctx.say(codes.TWO_EQUILIBRIA, node.span, labels=(Label(found[0][1].span, "the first"),))
            continue
        rule = _equilibrium(ctx, scope, node)
    return rule


def _equilibrium(ctx: Context, scope: Scope, node: syntax.Equilibrium) -> EquilibriumRule | None:
    players = [c for c in scope.children if c.kind == "player"]
    if not players:
        ctx.say(codes.EQUILIBRIUM_WITHOUT_PLAYERS, node.span)
        return None
    kind = node.kind.id
    if kind not in ("variational", "normalised"):
        near = "normalised" if kind.startswith("n") else "variational"
        hints = (Hint(f"write `{near}`", (Edit(node.kind.span, near),)),)
        ctx.say(codes.EQUILIBRIUM_KIND, node.kind.span, word=kind, hints=hints)
        return None
    if kind == "variational" and node.weights:
        ctx.say(codes.WEIGHTS_OF_VARIATIONAL, node.weights[0][0].span)
    weights = [_weight(ctx, players, name, value) for name, value in node.weights]
    named = {name.id for name, _ in node.weights}
    known = {p.name for p in players}
    missing = [p.name for p in players if p.name not in named] if named <= known else []
    if kind == "normalised" and missing:
        ctx.say(codes.WEIGHT_MISSING, node.span, names=", ".join(f"`{m}`" for m in missing))
    if not scope.constraints:
        ctx.say(codes.EQUILIBRIUM_IDLE, node.span)
    return EquilibriumRule(
        "normalised" if kind == "normalised" else "variational",
        tuple(w for w in weights if w is not None),
        node.span,
    )


def _weight(ctx: Context, players: list[Scope], name: syntax.Name, value: syntax.Expression) -> tuple[str, str] | None:
    player = next((p for p in players if p.name == name.id), None)
    if player is None:
        found = membership.nearest(name.id, [p.name for p in players])
        hints = (Hint(f"did you mean `{found}`?", (Edit(name.span, found),)),) if found is not None else ()
        ctx.say(codes.NO_SUCH_PLAYER, name.span, name=name.id, hints=hints)
        return None
    entry = ctx.entries.get(value.id) if isinstance(value, syntax.Name) else None
    if isinstance(value, syntax.Name) and entry is None:
        references.unknown(ctx, value, Frame(ctx.root, {}), prefer="parameter")
        return None
    if entry is None or entry.kind != "parameter":
        ctx.say(codes.WEIGHT_NOT_PARAMETER, value.span, text=value.span.text, player=player.name)
        return None
    entry.used = True
    declarations.resolve(ctx, entry)
    declarations.resolve_scope(ctx, player)
    same = len(entry.positions) == len(player.positions) and all(
        related(a.component, b.component) or "unknown" in (a.component.kind, b.component.kind)
        for a, b in zip(entry.positions, player.positions, strict=True)
    )
    if not same or entry.value == "text":
        ctx.say(
            codes.WEIGHT_INDICES,
            value.span,
            name=entry.name,
            player=player.name,
            labels=(Label(entry.span, "the weights"), Label(player.span, "the player")),
        )
        return None
    return player.name, entry.name


# ------------------------------------------------------------------------------------------------- certificates
def certificates(ctx: Context) -> tuple[CertificateRequest, ...]:
    """What ``certify …`` asks for."""
    made: list[CertificateRequest] = []
    for scope, node in _statements(ctx, syntax.Certify):
        assert isinstance(node, syntax.Certify)
        if node.property.id != "contraction":
            hints = (Hint("write `contraction`", (Edit(node.property.span, "contraction"),)),)
            ctx.say(codes.CERTIFY_WHAT, node.property.span, word=node.property.id, hints=hints)
            continue
        regions = [_region(ctx, scope, r) for r in node.regions]
        made.append(CertificateRequest("contraction", tuple(r for r in regions if r is not None), node.span))
    return tuple(made)


def _region(ctx: Context, scope: Scope, node: syntax.CertifyRegion) -> Region | None:
    entry = ctx.entries.get(node.name.id)
    frame = Frame(scope, dict(scope.indices))
    if entry is None:
        references.unknown(ctx, node.name, frame, prefer="variable")
        return None
    entry.used = True
    if entry.kind != "variable":
        label = (Label(entry.span, "declared here"),)
        ctx.say(codes.CERTIFY_NOT_VARIABLE, node.name.span, name=entry.name, labels=label)
        return None
    declarations.resolve(ctx, entry)
    rows = patterns.index_list(ctx, node.index, frame)
    space = rows.space if node.index is not None else entry.space
    if node.index is not None and len(rows.positions) != len(entry.positions):
        ctx.say(
            codes.REGION_INDICES,
            node.span,
            name=entry.name,
            wanted=len(entry.positions),
            given=len(rows.positions),
            labels=(Label(entry.span, "declared here"),),
        )
        return None
    ends = bounds.interval(ctx, node.interval, rows.frame)
    if ends is None or rows.broken:
        return None
    values = [typed.number(ctx, e, rows.frame) for e in ends]
    for value, end in zip(values, ends, strict=True):
        if value.kind == "bad":
            return None
        if value.mask:
            typed.holds_decision(ctx, rule_codes.DATA_HOLDS_DECISION, end, value, rows.frame)
            return None
    return Region(entry.name, Space(space.generators, space.condition), values[0].term, values[1].term)


# ------------------------------------------------------------------------------------------------------ methods
def methods(ctx: Context) -> tuple[Method, ...]:
    """The chain of methods that ``solve with`` names; their options are checked by the methods themselves."""
    found = _statements(ctx, syntax.SolveWith)
    made: list[Method] = []
    for scope, node in found:
        assert isinstance(node, syntax.SolveWith)
        if scope is not ctx.root:
            ctx.say(rule_codes.SOLVE_INSIDE_BLOCK, node.span)
        elif node is not found[0][1]:
            ctx.say(rule_codes.TWO_SOLVE, node.span, labels=(Label(found[0][1].span, "the first"),))
        else:
            made.extend(_method(ctx, m) for m in node.methods)
    return tuple(made)


def _method(ctx: Context, node: syntax.MethodCall) -> Method:
    options: dict[str, float | str] = {}
    for name, value in node.options:
        if name.id in options:
            ctx.say(name_codes.DUPLICATE, name.span, name=name.id, what="an option of this method already")
            continue
        literal = sets.literal(value)
        if literal is not None:
            options[name.id] = literal.value
        elif isinstance(value, syntax.Name):
            options[name.id] = value.id
        else:
            ctx.say(rule_codes.OPTION_VALUE, value.span, name=name.id, text=value.span.text)
    return Method(node.name.id, tuple(options.items()), node.span)
