"""Index lists and patterns: what `[i in I, (j, k) in Arcs if i != j]` binds and fixes."""

from __future__ import annotations

from dataclasses import dataclass

from .. import syntax
from ..catalogue import names as name_codes
from ..catalogue import types as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Bind, Expr, Fix, Generator, IndexVar, Space, TextConstant
from ..source import Span
from . import membership, sets, typed
from .context import WORDS, Context, Frame, Index, Indices, Position, place
from .dimensions import walk
from .kinds import BROKEN, Component, Kind, SetValue, Value
from .membership import Use


# -------------------------------------------------------------------------------------------------- index lists
@dataclass(frozen=True, slots=True)
class Rows:
    """A checked index list: its space, the frame inside it, the positions that it gives a family.

    ``tuples``: the indices that take a member of a tuple set, whole or apart, with the type of that set.
    """

    space: Space
    frame: Frame
    positions: tuple[Position, ...]
    tuples: tuple[tuple[tuple[IndexVar, ...], Component], ...] = ()
    broken: bool = False


def index_list(ctx: Context, node: syntax.IndexList | None, frame: Frame) -> Rows:
    """Binds the indices of a list, left to right, and checks its filter."""
    if node is None:
        return Rows(Space(), frame, ())
    inner = frame.within(dict(frame.indices))
    generators: list[Generator] = []
    positions: list[Position] = []
    tuples: list[tuple[tuple[IndexVar, ...], Component]] = []
    broken = False
    for generator in node.generators:
        if _index_without_set(ctx, generator, inner):
            broken = True
            continue
        source = sets.set_value(ctx, generator.set, inner)
        broken = broken or source.bad
        pattern, bound = _pattern(ctx, generator, source, inner, node)
        inner.indices.update(bound)
        generators.append(Generator(pattern, source.term, place(frame, generator)))
        positions.extend(_positions(source, pattern))
        if source.whole is not None and all(isinstance(p, Bind) for p in pattern):
            tuples.append((tuple(p.var for p in pattern if isinstance(p, Bind)), source.whole))
    condition: Expr | None = None
    if node.condition is not None:
        found = typed.truth(ctx, node.condition, inner)
        if found.kind == "bad":
            broken = True
        elif found.mask:
            typed.holds_decision(ctx, codes.FILTER_HOLDS_DECISION, node.condition, found, inner)
            broken = True
        condition = found.term
    return Rows(Space(tuple(generators), condition), inner, tuple(positions), tuple(tuples), broken)


def _index_without_set(ctx: Context, generator: syntax.Generator, frame: Frame) -> bool:
    """``x[i]`` at a head, where `I` is a set: an index is introduced with its set."""
    name = generator.set
    if generator.pattern is not None or not isinstance(name, syntax.Name) or name.id in ctx.entries:
        return False
    if name.id in frame.indices or name.id in (frame.arguments or ()):
        return False
    known = (n for n, e in ctx.entries.items() if e.kind == "set" and n.lower() == name.id.lower())
    ours = next(known, None)
    if ours is None:
        return False
    mended = f"{name.id} in {ours}"
    hint = Hint(f"write `{mended}`", (Edit(name.span, mended),))
    ctx.say(name_codes.UNKNOWN_NAME, name.span, frame, name=name.id, hints=(hint,))
    frame.indices[name.id] = ctx.index(name.id, name.span, (BROKEN,))
    return True


def _positions(source: SetValue, pattern: tuple[Bind | Fix, ...]) -> list[Position]:
    """What a generator adds to a family's index: its components, those left out that the pattern fixes."""
    size = len(source.types)
    if any(isinstance(part, Fix) for part in pattern):
        return [Position(t) for t, part in zip(source.types, pattern, strict=False) if isinstance(part, Bind)]
    if size == 1:
        return [Position(source.types[0])]
    return [Position(t, source.whole, k, size) for k, t in enumerate(source.types)]


def _pattern(
    ctx: Context, generator: syntax.Generator, source: SetValue, frame: Frame, over: syntax.IndexList
) -> tuple[tuple[Bind | Fix, ...], Indices]:
    pattern = generator.pattern
    while isinstance(pattern, syntax.Bracketed):
        pattern = pattern.inner
    if pattern is None:
        return (Bind(ctx.fresh("_", len(source.types))),), {}
    if isinstance(pattern, syntax.Name):
        _refuse_shadow(ctx, pattern, frame, lone=generator)
        index = ctx.index(pattern.id, pattern.span, source.types, source.whole)
        return (Bind(index.var),), {pattern.id: index}
    if isinstance(pattern, syntax.Tuple):
        return _tuple_pattern(ctx, pattern, generator, source, frame, over)
    ctx.refused_by_parser()
    return (Bind(ctx.fresh("_", len(source.types))),), {}


def _tuple_pattern(
    ctx: Context,
    pattern: syntax.Tuple,
    generator: syntax.Generator,
    source: SetValue,
    frame: Frame,
    over: syntax.IndexList,
) -> tuple[tuple[Bind | Fix, ...], Indices]:
    types = source.types
    if source.bad:
        types = (BROKEN,) * len(pattern.items)
    elif not source.sized:
        types = tuple(Component(generator.set.span.text, "unknown") for _ in pattern.items)
    elif len(types) != len(pattern.items):
        _wrong_length(ctx, pattern, generator, source, frame)
        types = (BROKEN,) * len(pattern.items)
    parts: list[Bind | Fix] = []
    bound: Indices = {}
    for item, component in zip(pattern.items, types, strict=True):
        part = _pattern_item(ctx, item, component, frame, bound, over, generator)
        parts.append(part if part is not None else Bind(ctx.fresh("_")))
    return tuple(parts), bound


def _wrong_length(
    ctx: Context, pattern: syntax.Tuple, generator: syntax.Generator, source: SetValue, frame: Frame
) -> None:
    labels: tuple[Label, ...] = ()
    if isinstance(generator.set, syntax.Name) and generator.set.id in ctx.entries:
        entry = ctx.entries[generator.set.id]
        labels = (Label(entry.span, f"its members have {sets.components(len(source.types))}"),)
        evidence = ctx.dimensions.get(entry.name)
        if evidence is not None and evidence[1] != pattern.span:
            labels += (Label(evidence[1], "as this use says"),)
    ctx.say(
        codes.PATTERN_LENGTH,
        pattern.span,
        frame,
        set=generator.set.span.text,
        members=sets.components(len(source.types)),
        pattern=len(pattern.items),
        labels=labels,
    )


def _pattern_item(
    ctx: Context,
    item: syntax.Expression,
    component: Component,
    frame: Frame,
    bound: Indices,
    over: syntax.IndexList,
    generator: syntax.Generator,
) -> Bind | Fix | None:
    constant = sets.literal(item)
    if constant is not None:
        kind: Kind = "text" if isinstance(constant, TextConstant) else "number"
        membership.fits(ctx, component, Value(constant, kind), Use(item, frame, generator.set.span.text))
        return Fix(constant)
    if not isinstance(item, syntax.Name):
        ctx.refused_by_parser()
        for part in walk([item]):  # what follows may name what was meant to be bound here
            if isinstance(part, syntax.Name) and part.id not in frame.indices and part.id not in ctx.entries:
                bound[part.id] = ctx.index(part.id, part.span, (BROKEN,))
        return None
    if item.id in bound:
        _repeated(ctx, item, bound[item.id], frame, over)
        return None
    index = frame.indices.get(item.id)
    if index is not None:
        index.used = True
        if index.value.kind == "tuple":
            ctx.say(codes.TUPLE_AS_MEMBER, item.span, frame, name=item.id)
            return None
        membership.fits(ctx, component, index.value, Use(item, frame, generator.set.span.text))
        return Fix(index.value.term)  # type: ignore[arg-type]
    entry = ctx.entries.get(item.id)
    if entry is not None and entry.kind == "parameter" and clashes(ctx, item):
        _parameter_in_pattern(ctx, item, frame, over, generator)
        return None
    _refuse_shadow(ctx, item, frame)
    fresh = ctx.index(item.id, item.span, (component,))
    bound[item.id] = fresh
    return Bind(fresh.var)


def _free_name(ctx: Context, frame: Frame, over: syntax.IndexList) -> str:
    words = over.span.text
    return next(
        name
        for name in ("k", "m", "n", "p", "q", "r", "s", "t", "u", "v", "w", *(f"k{n}" for n in range(1, 10_000)))
        if name not in ctx.entries and name not in frame.indices and name not in words
    )


def _with_condition(over: syntax.IndexList, condition: str) -> Edit:
    """The edit that adds a condition to an index list."""
    end = Span(over.span.source, over.span.end, over.span.end)
    if over.condition is None:
        return Edit(end, f" if {condition}")
    old = over.condition
    if isinstance(old, syntax.Binary) and old.operator == "or":
        return Edit(old.span, f"({old.span.text}) and {condition}")
    return Edit(Span(old.span.source, old.span.end, old.span.end), f" and {condition}")


def _repeated(ctx: Context, item: syntax.Name, first: Index, frame: Frame, over: syntax.IndexList) -> None:
    fresh = _free_name(ctx, frame, over)
    condition = f"{fresh} == {item.id}"
    ctx.say(
        codes.PATTERN_REPEATS,
        item.span,
        frame,
        name=item.id,
        labels=(Label(first.span, "bound here"),),
        hints=(
            Hint(
                f"name it `{fresh}` and add the condition `{condition}`",
                (Edit(item.span, fresh), _with_condition(over, condition)),
            ),
        ),
    )


def _parameter_in_pattern(
    ctx: Context, item: syntax.Name, frame: Frame, over: syntax.IndexList, generator: syntax.Generator
) -> None:
    fresh = _free_name(ctx, frame, over)
    pattern = generator.span.text.replace("\n", " ")
    start = item.span.start - generator.span.start
    mended = pattern[:start] + fresh + pattern[start + len(item.id) :]
    condition = f"{fresh} == {item.id}"
    ctx.say(
        codes.PARAMETER_IN_PATTERN,
        item.span,
        frame,
        name=item.id,
        labels=(Label(ctx.entries[item.id].span, "the parameter"),),
        hints=(
            Hint(
                f"write `{mended} if {condition}`",
                (Edit(item.span, fresh), _with_condition(over, condition)),
            ),
        ),
    )


def clashes(ctx: Context, name: syntax.Name) -> bool:
    """Whether a local name is a declared one too. In a file that is used, only that file's own names count: it cannot
    know those of the models that use it, and its local names come first there.
    """
    entry = ctx.entries.get(name.id)
    return entry is not None and name.span.source in (ctx.root.span.source, entry.span.source)


def _refuse_shadow(ctx: Context, name: syntax.Name, frame: Frame, lone: syntax.Generator | None = None) -> None:
    index = frame.indices.get(name.id)
    argument = frame.arguments is not None and name.id in frame.arguments
    if index is not None:
        hints: tuple[Hint, ...] = ()
        if lone is not None:
            hints = (
                Hint(
                    f"to keep only the rows whose `{name.id}` lies in `{lone.set.span.text}` write "
                    f"`… if {name.id} in {lone.set.span.text}`; for an index of its own take another name"
                ),
            )
        ctx.say(
            name_codes.SHADOWED,
            name.span,
            frame,
            name=name.id,
            what="an index in scope",
            labels=(Label(index.span, "bound here"),),
            hints=hints,
        )
    elif argument:
        ctx.say(name_codes.SHADOWED, name.span, frame, name=name.id, what="a parameter of this function")
    elif clashes(ctx, name):
        entry = ctx.entries[name.id]
        ctx.say(
            name_codes.SHADOWED,
            name.span,
            frame,
            name=name.id,
            what=f"{WORDS[entry.kind]} already",
            labels=(Label(entry.span, "declared here"),),
        )
    elif name.id == "pi":
        ctx.say(name_codes.SHADOWED, name.span, frame, name="pi", what="the number pi")
