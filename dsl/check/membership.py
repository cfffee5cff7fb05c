"""Sets as types: whether a value may stand where members of a set are wanted."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from .. import syntax
from ..catalogue import types as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Constant, TextConstant, TypeQuestion
from ..source import Span
from .context import Context, Entry, Frame, Position
from .kinds import MULTIPLIER, UNCERTAIN, VARIABLE, Component, Value, related


class Use(NamedTuple):
    """Where a value stands: the expression, and what wants a member there (``family``: a declared name or a set)."""

    node: syntax.Expression
    frame: Frame
    family: str
    entry: Entry | None = None


def shown(component: Component) -> str:
    """A set in a message: its name, or what it is."""
    return f"`{component.name}`" if component.symbol == component.name else component.name


def nearest(name: str, pool: list[str]) -> str | None:
    """The closest of some names, a difference of case alone first; None when nothing is close."""
    for candidate in pool:
        if candidate.lower() == name.lower():
            return candidate
    close = get_close_matches(name, pool, n=1, cutoff=0.6 if len(name) > 2 else 0.75)
    return close[0] if close else None


def argument(
    ctx: Context,
    entry: Entry,
    positions: tuple[Position, ...],
    at: int,
    value: Value,
    node: syntax.Expression,
    frame: Frame,
) -> bool:
    """Whether a value may be an index of ``entry`` from position ``at`` on; reports where it may not."""
    if value.kind == "truth":
        ctx.say(codes.CONDITION_AS_INDEX, node.span, frame)
        return False
    if value.mask & (VARIABLE | MULTIPLIER) or (value.mask & UNCERTAIN and not value.types):
        ctx.say(codes.DECISION_AS_INDEX, node.span, frame, text=node.span.text)
        return False
    use = Use(node, frame, entry.name, entry)
    if value.kind != "tuple":
        return fits(ctx, positions[at].component, value, use)
    first = positions[at]
    size = len(value.types)
    if first.whole is not None and value.whole is not None and first.offset == 0 and first.size == size:
        if related(first.whole, value.whole):
            return True
        _unrelated(ctx, first.whole, value.whole, use)
        return False
    fine = True
    for step, component in enumerate(value.types):
        part = Value(value.term, component.kind, value.mask, (component,))
        fine = fits(ctx, positions[at + step].component, part, use) and fine
    return fine


def fits(ctx: Context, declared: Component, value: Value, use: Use) -> bool:
    """Whether a value may stand where members of ``declared`` are wanted; reports where it may not."""
    kind = value.kind
    if declared.kind == "bad" or kind == "bad":
        return True
    if {kind, declared.kind} == {"number", "text"}:
        _wrong_kind(ctx, declared, kind, use)
        return False
    if value.types:
        return _sets_fit(ctx, declared, value.types[0], use)
    term = value.term
    known = declared.members
    if known is not None and isinstance(term, Constant | TextConstant) and term.value not in known:
        _no_member(ctx, declared, term, use)
        return False
    return True


def _labels(use: Use, text: str = "declared here") -> tuple[Label, ...]:
    return (Label(use.entry.span, text),) if use.entry is not None else ()


def _wrong_kind(ctx: Context, declared: Component, kind: str, use: Use) -> None:
    ctx.say(
        codes.MEMBER_KIND,
        use.node.span,
        use.frame,
        text=use.node.span.text,
        used="a text" if kind == "text" else "a number",
        declared=shown(declared) if declared.symbol is not None else "its index set",
        members="texts" if declared.kind == "text" else "numbers",
        labels=_labels(use),
    )


def _no_member(ctx: Context, declared: Component, term: Constant | TextConstant, use: Use) -> None:
    hints: tuple[Hint, ...] = ()
    span = use.node.span
    assert declared.members is not None
    if isinstance(term, TextConstant):
        found = nearest(term.value, [m for m in declared.members if isinstance(m, str)])
        if found is not None:
            hints = (Hint(f'did you mean "{found}"?', (Edit(span, f'"{found}"'),)),)
    name = shown(declared) if declared.symbol is not None else "the set"
    ctx.say(codes.NO_MEMBER, span, use.frame, text=span.text, set=name, members=listed(declared), hints=hints)


def listed(component: Component) -> str:
    """The members of a literal set, for a message: all of them, or the first few."""
    members = component.members or frozenset()
    if component.kind == "number":
        numbers = sorted(m for m in members if isinstance(m, float))
        if len(numbers) > 2 and all(b - a == 1 for a, b in pairwise(numbers)):
            return f"{numbers[0]:g}..{numbers[-1]:g}"
        texts = [f"{m:g}" for m in numbers]
    else:
        texts = sorted(f'"{m}"' for m in members)
    return ", ".join(texts[:12]) + (", …" if len(texts) > 12 else "")


def _sets_fit(ctx: Context, declared: Component, used: Component, use: Use) -> bool:
    if used.kind == "number" and declared.kind == "number":
        return True
    if related(used, declared) or used.kind == "bad" or used.symbol is None or declared.symbol is None:
        return True
    if declared.kind == "text" or used.kind == "text":
        _unrelated(ctx, declared, used, use)
        return False
    _question(ctx, declared, used, use)
    return True


def _where(declared: Component, use: Use) -> str:
    if use.entry is not None:
        return f"`{use.entry.name}` is declared over {shown(declared)}"
    return f"`{use.family}` wants a member of {shown(declared)}"


def _unrelated(ctx: Context, declared: Component, used: Component, use: Use) -> None:
    ctx.say(
        codes.UNRELATED_SETS,
        use.node.span,
        use.frame,
        text=use.node.span.text,
        used=shown(used),
        where=_where(declared, use),
        labels=_labels(use, f"declared over {shown(declared)}"),
        hints=_within_mend(ctx, used, declared),
    )


def _question(ctx: Context, declared: Component, used: Component, use: Use) -> None:
    """Neither set is known to lie within the other, and only the data tell whether both hold numbers."""
    assert used.symbol is not None and declared.symbol is not None
    if (used.symbol, declared.symbol) in ctx.questions:
        return
    ctx.questions[used.symbol, declared.symbol] = TypeQuestion(used.symbol, declared.symbol, use.node.span)
    ctx.say(
        codes.SETS_MAY_DIFFER,
        use.node.span,
        use.frame,
        text=use.node.span.text,
        used=shown(used),
        where=_where(declared, use),
        labels=_labels(use, f"declared over {shown(declared)}"),
        hints=_within_mend(ctx, used, declared),
    )


def _within_mend(ctx: Context, used: Component, declared: Component) -> tuple[Hint, ...]:
    """The hint to declare one set within the other, with the edit where the declaration is plain."""
    inner, outer = ctx.entries.get(used.symbol or ""), ctx.entries.get(declared.symbol or "")
    if inner is None or outer is None or inner.set is None or outer.set is None:
        return ()
    if len(outer.set.types) > 1 and len(inner.set.types) == 1:
        inner, outer = outer, inner
    assert inner.set is not None and outer.set is not None
    count = len(inner.set.types)
    if len(outer.set.types) == 1 and _plain(inner) and not ctx.refused:
        product = " * ".join([outer.name] * count)
        what, verb = ("all of", "is") if count == 1 else ("the components of", "are")
        text = f"if {what} `{inner.name}` {verb} in `{outer.name}` write `set {inner.name} within {product}`"
        return (Hint(text, (Edit(_end(inner), f" within {product}"),)),)
    return (Hint(f"if one holds the other, say so with `within` where `{inner.name}` is declared"),)


def _plain(entry: Entry) -> bool:
    node = entry.node
    return isinstance(node, syntax.SetDeclaration) and not node.attributes and len(node.names) == 1


def _end(entry: Entry) -> Span:
    """Where an attribute can be added to a plain set declaration."""
    node = entry.node
    return Span(node.span.source, node.span.end, node.span.end)
