"""``table Crops: yield, hours = {"corn": [1, 2]}``: a set and parameters over it, declared at once."""

from __future__ import annotations

from .. import syntax
from ..catalogue import types as codes
from ..diagnostics import Label
from ..program import (
    Bind,
    Constant,
    Generator,
    Literal_,
    LiteralSet,
    Parameter,
    SetRef,
    SetSymbol,
    Space,
    TextConstant,
)
from . import declarations, sets
from .attributes import gather
from .context import Context, Entry, Frame, Header, Position
from .kinds import Component, SetValue
from .literals import Shape, scalar

_ALLOWED = ("=", "default")


def _value(node: syntax.TableDeclaration) -> tuple[syntax.Expression | None, bool]:
    """The table's literal, or None where it comes from data, and whether data may replace it."""
    words = {a.word: a for a in node.attributes}
    attribute = words.get("default") or words.get("=")
    return (attribute.value if attribute is not None else None), "default" in words


def resolve_set(ctx: Context, entry: Entry, node: syntax.TableDeclaration) -> None:
    """The set of a table: the keys of its literal, or members from data."""
    gather(ctx, node, "table", _ALLOWED)
    declarations.resolve_scope(ctx, entry.scope)
    entry.space = entry.scope.space
    entry.positions = entry.scope.positions
    value, overridable = _value(node)
    literal: LiteralSet | None = None
    component = Component(entry.name, "unknown", entry.name)
    if value is not None:
        literal = _keys(ctx, node, value)
        if literal is None:
            entry.broken = True
            return
        kinds = {type(m[0]) for m in literal.members}
        if kinds:
            component.kind = "text" if TextConstant in kinds else "number"
        if not overridable:
            component.members = sets.static_members(literal)
    entry.set = SetValue(SetRef(None, entry.name), (component,))
    entry.symbol = SetSymbol(
        entry.name,
        entry.span,
        entry.space,
        entry.arity,
        0,
        entry.scope.path,
        node.doc,
        1,
        None,
        literal,
        overridable,
    )


def _keys(ctx: Context, node: syntax.TableDeclaration, value: syntax.Expression) -> LiteralSet | None:
    if not isinstance(value, syntax.KeyedLiteral):
        ctx.say(codes.TABLE_NOT_KEYED, value.span, name=node.set.id)
        return None
    members: list[tuple[Constant | TextConstant]] = []
    seen: dict[Constant | TextConstant, syntax.Expression] = {}
    fine = True
    for key, row in value.entries:
        member = sets.literal(key)
        if member is None:
            ctx.refused_by_parser()
            fine = False
            continue
        if member in seen:
            ctx.say(codes.DUPLICATE_KEY, key.span, text=key.span.text, labels=(Label(seen[member].span, "here first"),))
            fine = False
            continue
        if seen and type(member) is not type(next(iter(seen))):
            first = next(iter(seen))
            here, there = ("a text", "a number") if isinstance(member, TextConstant) else ("a number", "a text")
            ctx.say(
                codes.MEMBERS_DIFFER_IN_KIND,
                key.span,
                here=here,
                there=there,
                labels=(Label(seen[first].span, "the first member"),),
            )
            fine = False
        seen[member] = key
        members.append((member,))
        fine = _row_fits(ctx, node, row) and fine
    return LiteralSet(value.span, tuple(members), 1) if fine else None


def _row_fits(ctx: Context, node: syntax.TableDeclaration, row: syntax.Expression) -> bool:
    given = len(row.items) if isinstance(row, syntax.ListLiteral) else 1
    if given == len(node.columns):
        return True
    ctx.say(
        codes.TABLE_ROW,
        row.span,
        given=given,
        wanted=len(node.columns),
        labels=(Label(node.columns[0].span.to(node.columns[-1].span), "the columns"),),
    )
    return False


def resolve_column(ctx: Context, entry: Entry, node: syntax.TableDeclaration) -> None:
    """One parameter of a table, over the table's set."""
    rows = ctx.entries.get(node.set.id)
    if rows is None or rows.node is not node:
        entry.broken = True
        return
    declarations.resolve(ctx, rows)
    if rows.broken or rows.set is None:
        entry.broken = True
        return
    known = ctx.headers.get(id(node))
    if known is None:
        term = SetRef(node.set.span, rows.name, declarations.own_arguments(rows.space))
        generator = Generator((Bind(ctx.fresh("_")),), term, node.set.span)
        space = declarations.joined(rows.space, Space((generator,)))
        positions = (*rows.positions, Position(rows.set.types[0]))
        known = Header(space, Frame(entry.scope, dict(entry.scope.indices)), positions, 1, False)
        ctx.headers[id(node)] = known
    entry.space, entry.positions, entry.own, entry.frame = known.space, known.positions, 1, known.frame
    value, overridable = _value(node)
    texts = value is not None and _holds_texts(value, entry.column)
    entry.value = "text" if texts else "number"
    entry.symbol = Parameter(
        entry.name,
        entry.span,
        entry.space,
        entry.arity,
        1,
        entry.scope.path,
        node.doc,
        "string" if texts else "real",
        (),
        None,
        _column(ctx, entry, value) if isinstance(value, syntax.KeyedLiteral) else None,
        overridable,
    )


def _cell(row: syntax.Expression, column: int) -> syntax.Expression | None:
    if isinstance(row, syntax.ListLiteral):
        return row.items[column] if column < len(row.items) else None
    return row if column == 0 else None


def _holds_texts(value: syntax.Expression, column: int) -> bool:
    """Whether a column's first cell is a text: the column then holds texts."""
    if not isinstance(value, syntax.KeyedLiteral) or not value.entries:
        return False
    return isinstance(_cell(value.entries[0][1], column), syntax.Text)


def _column(ctx: Context, entry: Entry, value: syntax.KeyedLiteral) -> Literal_ | None:
    assert entry.frame is not None
    shape = Shape(entry, (), "string" if entry.value == "text" else "real", entry.frame)
    keyed: list[tuple[tuple[float | str, ...], float | str]] = []
    for key, row in value.entries:
        member = sets.literal(key)
        cell = _cell(row, entry.column)
        if member is None or cell is None:
            return None
        found = scalar(ctx, cell, shape)
        if found is None:
            entry.broken = True
            return None
        keyed.append(((member.value,), found))
    return Literal_(value.span, keyed=tuple(keyed))
