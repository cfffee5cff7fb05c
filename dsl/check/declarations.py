"""Headers of declarations, resolved on first use: index lists, dimensions and the kind of a name's values."""

from __future__ import annotations

from collections.abc import Callable

from .. import syntax
from ..catalogue import levels as level_codes
from ..catalogue import names as name_codes
from ..catalogue import rules as rule_codes
from ..catalogue import types as codes
from ..diagnostics import Label
from ..program import (
    Apply,
    Domain,
    Expr,
    IndexRef,
    LiteralSet,
    NamedExpression,
    SetOperation,
    SetRef,
    SetSymbol,
    Space,
)
from . import patterns, sets, tables, typed
from .attributes import Attributes, gather
from .context import Context, Entry, Frame, Header, Scope
from .kinds import (
    BAD_SET,
    CHOICE,
    DATA,
    NUMBERS,
    RECOURSE,
    UNCERTAIN,
    VARIABLE,
    Component,
    Kind,
    SetValue,
    member_kind,
)

DOMAINS: tuple[Domain, ...] = ("integer", "binary", "spin", "semicontinuous", "simplex", "psd")


def joined(outer: Space, inner: Space) -> Space:
    """The space of the outer indices followed by the inner ones, under both conditions."""
    if not outer.generators:
        return inner
    condition: Expr | None = outer.condition or inner.condition
    if outer.condition is not None and inner.condition is not None:
        condition = Apply(None, "and", (outer.condition, inner.condition))
    return Space((*outer.generators, *inner.generators), condition)


def own_arguments(space: Space) -> tuple[Expr, ...]:
    """The arguments that a family has at the rows of its own space."""
    return tuple(IndexRef(None, index) for index in space.indices)


def resolve_scope(ctx: Context, scope: Scope) -> None:
    """Binds a block's indices, after those of the blocks around it."""
    if scope.state != "new":
        return
    scope.state = "open"
    if scope.parent is not None and scope.node is not None:
        resolve_scope(ctx, scope.parent)
        rows = patterns.index_list(ctx, scope.node.index, Frame(scope.parent, dict(scope.parent.indices)))
        scope.indices = rows.frame.indices
        scope.space = joined(scope.parent.space, rows.space)
        scope.positions = (*scope.parent.positions, *rows.positions)
    scope.mask = RECOURSE if scope.inside("recourse") is not None else DATA
    scope.state = "done"


def header(ctx: Context, entry: Entry, index: syntax.IndexList | None) -> Header:
    """The indices of a declaration, once for all the names that it declares."""
    known = ctx.headers.get(id(entry.node))
    if known is not None:
        return known
    scope = entry.scope
    resolve_scope(ctx, scope)
    owner = entry if entry.kind in ("set", "parameter", "let") else None
    rows = patterns.index_list(ctx, index, Frame(scope, dict(scope.indices), owner))
    made = Header(
        joined(scope.space, rows.space),
        rows.frame,
        (*scope.positions, *rows.positions),
        len(rows.positions),
        rows.broken,
    )
    ctx.headers[id(entry.node)] = made
    return made


def resolve(ctx: Context, entry: Entry) -> None:
    """Fills the header of an entry; a definition that needs itself is reported with its cycle."""
    if entry.state == "done":
        return
    if entry.state == "open":
        _cycle(ctx, entry)
        return
    entry.state = "open"
    ctx.resolving.append(entry)
    depth, ctx.depth = ctx.depth, 0
    _RESOLVE[entry.kind](ctx, entry)
    ctx.depth = depth
    ctx.resolving.pop()
    entry.state = "done"


def _cycle(ctx: Context, entry: Entry) -> None:
    cycle = ctx.resolving[ctx.resolving.index(entry) :]
    if not any(e.broken for e in cycle):
        report_cycle(ctx, cycle)
    for member in cycle:
        member.broken = True


def report_cycle(ctx: Context, cycle: list[Entry]) -> None:
    """Spells out a cycle of definitions, starting from the one that is declared first."""
    first = min(range(len(cycle)), key=lambda k: (cycle[k].span.source.name, cycle[k].span.start))
    cycle = cycle[first:] + cycle[:first]
    chain = " -> ".join(f"`{e.name}`" for e in [*cycle, cycle[0]])
    following = [*cycle[1:], cycle[0]]
    labels = [Label(e.span, f"`{e.name}` needs `{n.name}`") for e, n in zip(cycle, following, strict=True)]
    ctx.say(
        name_codes.CYCLE,
        cycle[0].span,
        name=cycle[0].name,
        chain=chain,
        label=f"needs `{following[0].name}`",
        labels=tuple(labels[1:]),
    )


def _fill(ctx: Context, entry: Entry, index: syntax.IndexList | None) -> Header:
    found = header(ctx, entry, index)
    entry.space = found.space
    entry.positions = found.positions
    entry.own = found.own
    entry.frame = found.frame if entry.kind not in ("set", "parameter", "let") else _owned(found.frame, entry)
    entry.broken = entry.broken or found.broken
    return found


def _owned(frame: Frame, entry: Entry) -> Frame:
    return Frame(frame.scope, frame.indices, entry)


# --------------------------------------------------------------------------------------------------------- sets
def _set(ctx: Context, entry: Entry) -> None:
    if isinstance(entry.node, syntax.TableDeclaration):
        tables.resolve_set(ctx, entry, entry.node)
        return
    node = entry.node
    assert isinstance(node, syntax.SetDeclaration)
    _fill(ctx, entry, node.index)
    assert entry.frame is not None
    attributes = gather(ctx, node, "set", ("within", "=", "default"))
    within = _part(ctx, attributes, "within", entry.frame)
    word = "default" if "default" in attributes else "="
    definition = _part(ctx, attributes, word, entry.frame)
    if within is not None and definition is not None and not _agree(ctx, attributes, word, within, definition):
        definition = BAD_SET
    if (within is not None and within.bad) or (definition is not None and definition.bad):
        entry.broken = True
        return
    overridable = "default" in attributes
    definition = _sized_empty(ctx, entry, within, definition)
    _set_types(ctx, entry, within, definition, overridable)
    assert entry.set is not None
    entry.symbol = SetSymbol(
        entry.name,
        entry.span,
        entry.space,
        entry.arity,
        entry.own,
        entry.scope.path,
        node.doc,
        len(entry.set.types) if entry.set.sized else None,
        within.term if within is not None else None,
        definition.term if definition is not None else None,
        overridable,
    )


def _sized_empty(ctx: Context, entry: Entry, within: SetValue | None, definition: SetValue | None) -> SetValue | None:
    """The empty set with the dimension that the rest of the model gives it."""
    if definition is None or not isinstance(definition.term, LiteralSet) or definition.term.members:
        return definition
    told = ctx.dimensions.get(entry.name)
    arity = len(within.types) if within is not None and within.sized else told[0] if told is not None else 1
    types = within.types if within is not None and within.sized else (NUMBERS,) * arity
    return SetValue(LiteralSet(definition.term.span, (), arity), types)


def _part(ctx: Context, attributes: Attributes, word: str, frame: Frame) -> SetValue | None:
    attribute = attributes.get(word)
    if attribute is None or attribute.value is None:
        return None
    if isinstance(attribute.value, syntax.KeyedLiteral):
        ctx.say(codes.INDEXED_SET_LITERAL, attribute.value.span, frame)
        return BAD_SET
    return sets.set_value(ctx, attribute.value, frame)


def _agree(ctx: Context, attributes: Attributes, word: str, within: SetValue, definition: SetValue) -> bool:
    if within.bad or definition.bad or not (within.sized and definition.sized):
        return True
    value = attributes[word].value
    outer = attributes["within"].value
    assert value is not None and outer is not None
    if len(within.types) != len(definition.types):
        ctx.say(
            codes.SETS_DIFFER_IN_DIMENSION,
            value.span,
            operator="within",
            left=f"{len(within.types)} component{'s' * (len(within.types) > 1)}",
            right=f"{len(definition.types)} component{'s' * (len(definition.types) > 1)}",
            labels=(Label(outer.span, "the set around it"),),
        )
        return False
    for one, other in zip(within.types, definition.types, strict=True):
        if {one.kind, other.kind} == {"number", "text"}:
            ctx.say(codes.SETS_DIFFER_IN_KIND, value.span, left=one.kind, right=other.kind)
            return False
    return True


def _set_types(
    ctx: Context, entry: Entry, within: SetValue | None, definition: SetValue | None, overridable: bool
) -> None:
    parents = tuple(s for s in (within, definition) if s is not None)
    sized = next((s for s in parents if s.sized), None)
    told = ctx.dimensions.get(entry.name)
    count = len(sized.types) if sized is not None else told[0] if told is not None else 1
    known = sized is not None or told is not None
    if count == 1:
        component = _named(entry, definition, tuple(p.types[0] for p in parents), "types")
        if definition is not None and not overridable and not entry.own:
            component.members = sets.static_members(definition.term)
        entry.set = SetValue(SetRef(None, entry.name), (component,), sized=known)
        return
    whole = _named(entry, definition, tuple(p.whole for p in parents if p.whole is not None), "whole")
    types = sized.types if sized is not None else _fresh_components(entry, count)
    entry.set = SetValue(SetRef(None, entry.name), types, whole)


def _fresh_components(entry: Entry, count: int) -> tuple[Component, ...]:
    return tuple(Component(f"component {k + 1} of {entry.name}", "unknown", entry.name) for k in range(count))


def _named(entry: Entry, definition: SetValue | None, supers: tuple[Component, ...], what: str) -> Component:
    """The type of a declared set; a union is itself the set that its parts lie within, by its new name."""
    if definition is not None and isinstance(definition.term, SetOperation) and not entry.own:
        union = definition.types[0] if what == "types" else definition.whole
        if union is not None and union.derived:
            union.name, union.symbol, union.derived = entry.name, entry.name, False
            union.supers.extend(s for s in supers if s is not union)
            return union
    kind: Kind = "tuple" if what == "whole" else "unknown"
    return Component(
        entry.name, next((s.kind for s in supers if s.kind in ("number", "text")), kind), entry.name, supers
    )


# ------------------------------------------------------------------------------------------- data and decisions
def _parameter(ctx: Context, entry: Entry) -> None:
    if isinstance(entry.node, syntax.TableDeclaration):
        tables.resolve_column(ctx, entry, entry.node)
        return
    node = entry.node
    assert isinstance(node, syntax.ParamDeclaration)
    _fill(ctx, entry, node.index)
    word = parameter_type(node.attributes)
    entry.value = "text" if word == "string" else "number"
    entry.integral = word == "integer"


def parameter_type(attributes: tuple[syntax.Attribute, ...]) -> str:
    """``real``, ``integer`` or ``string``, as written after the colon; ``real`` when there is none."""
    for attribute in attributes:
        if attribute.word == ":" and isinstance(attribute.value, syntax.Name):
            return attribute.value.id
    given = any(a.word in ("=", "default") and isinstance(a.value, syntax.Text) for a in attributes)
    return "string" if given else "real"  # a text without `: string` is reported where it is defined


def domain(entry: Entry) -> Domain:
    """The domain word of a variable's declaration."""
    assert isinstance(entry.node, syntax.VarDeclaration | syntax.UncertainDeclaration)
    words = [a.word for a in entry.node.attributes]
    return next((d for d in DOMAINS if d in words), "real")


def _variable(ctx: Context, entry: Entry) -> None:
    assert isinstance(entry.node, syntax.VarDeclaration)
    _fill(ctx, entry, entry.node.index)
    entry.mask = VARIABLE | entry.scope.mask
    entry.integral = domain(entry) in ("integer", "binary", "spin")


def _choice(ctx: Context, entry: Entry) -> None:
    node = entry.node
    assert isinstance(node, syntax.ChooseDeclaration)
    _fill(ctx, entry, node.index)
    assert entry.frame is not None
    entry.mask = CHOICE | entry.scope.mask
    attributes = gather(ctx, node, "choice", ("from",))
    options = _part(ctx, attributes, "from", entry.frame)
    if options is None:
        if not node.attributes:
            ctx.say(rule_codes.CHOICE_WITHOUT_OPTIONS, entry.span, name=entry.name)
        options = BAD_SET
    entry.set = options
    entry.broken = entry.broken or options.bad
    if not options.bad and len(options.types) > 1:
        assert attributes["from"].value is not None
        ctx.say(rule_codes.OPTIONS_ARE_TUPLES, attributes["from"].value.span, name=entry.name)
        entry.broken = True
        return
    entry.types = (_with_members(options),) if not options.bad else ()
    entry.value = member_kind(entry.types) if entry.types else "bad"


def _with_members(options: SetValue) -> Component:
    """The options' type; options written in place carry their members too, for messages."""
    component = options.types[0]
    members = sets.static_members(options.term)
    if component.members is None and members is not None:
        component = Component(options.types[0].name, component.kind, component.symbol, (component,))
        component.members = members
    return component


def _uncertain(ctx: Context, entry: Entry) -> None:
    node = entry.node
    assert isinstance(node, syntax.UncertainDeclaration)
    _fill(ctx, entry, node.index)
    assert entry.frame is not None
    entry.mask = UNCERTAIN
    source = next((a for a in node.attributes if a.word == "from"), None)
    if source is None or source.value is None:
        entry.integral = domain(entry) in ("integer", "binary")
        return
    entry.set = sets.set_value(ctx, source.value, entry.frame)
    entry.broken = entry.broken or entry.set.bad
    if not entry.broken and len(entry.set.types) != 1:
        ctx.say(level_codes.SCENARIOS_ARE_TUPLES, source.value.span, name=entry.name)
        entry.broken = True
        return
    entry.types = entry.set.types
    entry.value = member_kind(entry.types)


def _let(ctx: Context, entry: Entry) -> None:
    node = entry.node
    assert isinstance(node, syntax.LetDeclaration)
    _fill(ctx, entry, node.index)
    assert entry.frame is not None
    value = typed.number(ctx, node.value, entry.frame)
    entry.mask = value.mask
    entry.value = value.kind
    entry.broken = entry.broken or value.kind == "bad"
    entry.types = ()
    entry.symbol = NamedExpression(
        entry.name, entry.span, entry.space, entry.arity, entry.own, entry.scope.path, node.doc, value.term
    )


def _block(_ctx: Context, _entry: Entry) -> None:
    """A block has no value; its own header is resolved with its scope."""


_RESOLVE: dict[str, Callable[[Context, Entry], None]] = {
    "set": _set,
    "parameter": _parameter,
    "variable": _variable,
    "choice": _choice,
    "uncertain": _uncertain,
    "let": _let,
    "block": _block,
}
