"""Data written in the model: lists by position and entries by key, checked for shape and kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .. import syntax
from ..catalogue import types as codes
from ..diagnostics import Label
from ..program import Constant, Generator, Literal_, TextConstant
from ..source import Span
from . import membership, sets
from .context import Context, Entry, Frame
from .kinds import Value
from .membership import Use

Key = tuple[float | str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a literal has to fit: the parameter, its index sets, and the type of its entries."""

    entry: Entry
    generators: tuple[Generator, ...]
    type: str
    frame: Frame


def is_literal(node: syntax.Expression) -> bool:
    """Whether a value is written out entry by entry."""
    return isinstance(node, syntax.ListLiteral | syntax.KeyedLiteral) or (
        isinstance(node, syntax.SetLiteral) and not node.items
    )


def literal_of(ctx: Context, node: syntax.Expression, shape: Shape) -> Literal_ | None:
    """The literal of a parameter, or None after an error."""
    if not shape.generators:
        ctx.say(
            codes.LITERAL_OF_SCALAR,
            node.span,
            name=shape.entry.name,
            labels=(Label(shape.entry.span, "declared without indices"),),
        )
        return None
    if isinstance(node, syntax.ListLiteral):
        nested = _nested(ctx, node, shape, 0)
        return Literal_(node.span, nested=nested) if nested is not None else None
    keyed: dict[Key, tuple[float | str, Span]] = {}
    fine = True
    if isinstance(node, syntax.KeyedLiteral):
        fine = _keyed(ctx, node, shape, (), keyed)
    return Literal_(node.span, keyed=tuple((k, v) for k, (v, _) in keyed.items())) if fine else None


def scalar(ctx: Context, node: syntax.Expression, shape: Shape) -> float | str | None:
    """One entry: a number or a text of the parameter's type."""
    value = sets.literal(node)
    if value is None:
        if isinstance(node, syntax.Bracketed):
            return scalar(ctx, node.inner, shape)
        ctx.say(codes.ENTRY_NOT_LITERAL, node.span, text=node.span.text)
        return None
    text = isinstance(value, TextConstant)
    if text != (shape.type == "string"):
        ctx.say(
            codes.ENTRY_KIND,
            node.span,
            text=node.span.text,
            name=shape.entry.name,
            wanted="texts" if shape.type == "string" else "numbers",
            labels=(Label(shape.entry.span, "declared here"),),
        )
        return None
    if shape.type == "integer" and isinstance(value, Constant) and math.isfinite(value.value) and value.value % 1 != 0:
        ctx.say(
            codes.ENTRY_NOT_WHOLE,
            node.span,
            text=node.span.text,
            name=shape.entry.name,
            labels=(Label(shape.entry.span, "declared integer"),),
        )
        return None
    return value.value


# -------------------------------------------------------------------------------------------------- by position
def _size(generator: Generator) -> int | None:
    """The number of members of a generator's set where it is written in the model."""
    members = sets.static_members(generator.set)
    return len(members) if members is not None else None


def _declared_size(ctx: Context, generator: Generator) -> int | None:
    size = _size(generator)
    if size is None:
        name = getattr(generator.set, "symbol", None)
        entry = ctx.entries.get(name) if name is not None else None
        if entry is not None and entry.set is not None and len(entry.set.types) == 1:
            members = entry.set.types[0].members
            size = len(members) if members is not None else None
    return size


def _nested(ctx: Context, node: syntax.ListLiteral, shape: Shape, depth: int) -> tuple[object, ...] | None:
    wanted = _declared_size(ctx, shape.generators[depth])
    if wanted is not None and wanted != len(node.items):
        ctx.say(
            codes.LIST_LENGTH,
            node.span,
            given=len(node.items),
            wanted=wanted,
            name=shape.entry.name,
            labels=(Label(shape.entry.span, "declared here"),),
        )
        return None
    last = depth + 1 == len(shape.generators)
    items: list[object] = []
    fine = True
    first: int | None = None
    for item in node.items:
        if last:
            value: object = scalar(ctx, item, shape) if not _too_deep(ctx, item, shape) else None
        elif isinstance(item, syntax.ListLiteral):
            value = _nested(ctx, item, shape, depth + 1)
            first = first if first is not None else len(item.items)
            if len(item.items) != first and not _depends(shape.generators[depth + 1]):
                ctx.say(
                    codes.RAGGED_LIST,
                    item.span,
                    given=len(item.items),
                    wanted=first,
                    labels=(Label(node.items[0].span, f"{first} entries"),),
                )
                value = None
        else:
            ctx.say(
                codes.LIST_DEPTH, item.span, text=item.span.text, name=shape.entry.name, depth=len(shape.generators)
            )
            value = None
        fine = fine and value is not None
        items.append(value)
    return tuple(items) if fine else None


def _too_deep(ctx: Context, item: syntax.Expression, shape: Shape) -> bool:
    if not isinstance(item, syntax.ListLiteral):
        return False
    ctx.say(codes.LIST_DEPTH, item.span, text=item.span.text, name=shape.entry.name, depth=len(shape.generators))
    return True


def _depends(generator: Generator) -> bool:
    """Whether the set is one of an indexed family, so that its size may change from row to row."""
    return bool(getattr(generator.set, "args", ())) or not hasattr(generator.set, "symbol")


# ------------------------------------------------------------------------------------------------------- by key
def _keyed(
    ctx: Context,
    node: syntax.KeyedLiteral,
    shape: Shape,
    prefix: Key,
    found: dict[Key, tuple[float | str, Span]],
) -> bool:
    fine = True
    arity = shape.entry.arity
    for key_node, value_node in node.entries:
        key = _key(ctx, key_node, shape, len(prefix))
        if key is None:
            fine = False
            continue
        full = (*prefix, *key)
        if isinstance(value_node, syntax.KeyedLiteral) and len(full) < arity:
            fine = _keyed(ctx, value_node, shape, full, found) and fine
        elif len(full) != arity or isinstance(value_node, syntax.KeyedLiteral | syntax.ListLiteral):
            ctx.say(
                codes.KEY_LENGTH,
                key_node.span,
                text=key_node.span.text,
                name=shape.entry.name,
                wanted=arity,
                given=len(full),
                labels=(Label(shape.entry.span, "declared here"),),
            )
            fine = False
        elif full in found:
            ctx.say(
                codes.DUPLICATE_KEY,
                key_node.span,
                text=key_node.span.text,
                labels=(Label(found[full][1], "here first"),),
            )
            fine = False
        else:
            value = scalar(ctx, value_node, shape)
            fine = fine and value is not None
            if value is not None:
                found[full] = (value, key_node.span)
    return fine


def _key(ctx: Context, node: syntax.Expression, shape: Shape, at: int) -> Key | None:
    inner = node.inner if isinstance(node, syntax.Bracketed) else node
    parts = inner.items if isinstance(inner, syntax.Tuple) else (inner,)
    key: list[float | str] = []
    for part in parts:
        value = sets.literal(part)
        if value is None:
            ctx.refused_by_parser()
            return None
        place = at + len(key)
        if place < shape.entry.arity:
            member = Value(value, "text" if isinstance(value, TextConstant) else "number")
            component = shape.entry.positions[place].component
            if not membership.fits(ctx, component, member, Use(part, shape.frame, shape.entry.name, shape.entry)):
                return None
        key.append(value.value)
    return tuple(key)
