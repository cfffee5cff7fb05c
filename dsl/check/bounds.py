"""Domains, bounds and starts of decisions."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .. import syntax
from ..catalogue import levels as level_codes
from ..catalogue import rules as codes
from ..diagnostics import Edit, Hint, Label
from ..program import Bounds, Conditional, Constant, Constraint, Domain, Expr, FamilyRef, Reduce, Relation, SymbolRef
from ..source import Span
from . import declarations, typed
from .attributes import Attributes
from .context import Context, Decided, Entry, Frame, Limits, Scope
from .folding import constant_value
from .kinds import MULTIPLIER, UNCERTAIN, Value


def interval(ctx: Context, node: syntax.Expression, frame: Frame) -> tuple[syntax.Expression, syntax.Expression] | None:
    """The ends of ``[a, b]``; reports anything else that stands after ``in``."""
    if isinstance(node, syntax.ListLiteral) and len(node.items) == 2:
        return node.items[0], node.items[1]
    hints: tuple[Hint, ...] = ()
    if isinstance(node, syntax.Range):
        text = f"[{node.low.span.text}, {node.high.span.text}]"
        hints = (Hint(f"write `{text}`, and `integer` for whole numbers", (Edit(node.span, text),)),)
    elif isinstance(node, syntax.Tuple) and len(node.items) == 2:
        text = f"[{node.items[0].span.text}, {node.items[1].span.text}]"
        hints = (Hint(f"write `{text}`", (Edit(node.span, text),)),)
    ctx.say(codes.NOT_AN_INTERVAL, node.span, frame, text=node.span.text, hints=hints)
    return None


# ------------------------------------------------------------------------------------------------------ domains
def domain(ctx: Context, entry: Entry, attributes: Attributes) -> Domain:
    """The one domain word of a declaration."""
    words = [w for w in attributes if w in declarations.DOMAINS or w in ("free", "real")]
    if len(words) > 1 and set(words) != {"free", "real"}:
        ctx.say(
            codes.DOMAINS_CLASH,
            attributes[words[1]].span,
            one=words[0],
            other=words[1],
            labels=(Label(attributes[words[0]].span, f"`{words[0]}` here"),),
        )
    del entry
    return next((d for d in declarations.DOMAINS if d in words), "real")


def check_domain(ctx: Context, entry: Entry, attributes: Attributes, made: Decided) -> None:
    """What each domain asks of the rest of the declaration."""
    limits = [a for w, a in attributes.items() if w in (">=", "<=", "==", "in")]
    word = made.domain
    if word == "spin" and limits:
        ctx.say(codes.SPIN_WITH_BOUNDS, limits[0].span, name=entry.name)
    elif "free" in attributes and limits:
        ctx.say(
            codes.FREE_WITH_BOUNDS, limits[0].span, name=entry.name, labels=(Label(attributes["free"].span, "`free`"),)
        )
    elif word == "simplex" and entry.own == 0:
        ctx.say(codes.SIMPLEX_WITHOUT_INDEX, attributes["simplex"].span, name=entry.name)
    elif word == "psd":
        _check_psd(ctx, entry, attributes["psd"])
    elif word == "semicontinuous":
        _check_semicontinuous(ctx, entry, attributes["semicontinuous"], made)


def _check_psd(ctx: Context, entry: Entry, attribute: syntax.Attribute) -> None:
    own = entry.positions[len(entry.positions) - entry.own :]
    generators = entry.space.generators[len(entry.scope.space.generators) :]
    square = len(own) == 2 and (
        (len(generators) == 2 and generators[0].set == generators[1].set)
        or (len(generators) == 1 and own[0].component is own[1].component)
    )
    if not square:
        ctx.say(codes.PSD_NOT_SQUARE, attribute.span, name=entry.name, labels=(Label(entry.span, "its indices"),))


def _check_semicontinuous(ctx: Context, entry: Entry, attribute: syntax.Attribute, made: Decided) -> None:
    data = made.bounds.data
    upper = constant_value(data.upper) if data.upper is not None else None
    if (data.upper is None and made.bounds.upper is None) or upper == math.inf:
        ctx.say(codes.SEMICONTINUOUS_WITHOUT_BOUND, attribute.span, name=entry.name)


# ------------------------------------------------------------------------------------------------------- bounds
def bounds_of(ctx: Context, entry: Entry, attributes: Attributes) -> Limits:
    """Lower and upper bound: of data alone, or of outer decisions."""
    sides: dict[str, tuple[syntax.Expression, syntax.Attribute]] = {}
    for word, attribute in attributes.items():
        for side, node in _sides(ctx, entry, word, attribute):
            if side in sides:
                ctx.say(
                    codes.BOUND_TWICE,
                    attribute.span,
                    name=entry.name,
                    side=side,
                    labels=(Label(sides[side][1].span, "here first"),),
                )
            else:
                sides[side] = (node, attribute)
    data: dict[str, Expr | None] = {"lower": None, "upper": None}
    outer: dict[str, tuple[Expr, Span] | None] = {"lower": None, "upper": None}
    seen: dict[int, Value] = {}
    for side, (node, attribute) in sides.items():
        value = seen.get(id(node)) or _bound(ctx, entry, node, attribute)
        seen[id(node)] = value
        if value.kind == "bad":
            continue
        if value.mask:
            outer[side] = (value.term, attribute.span)
        else:
            data[side] = _rounded(entry, value.term, side)
    _check_crossing(ctx, entry, data, sides)
    span = next((a.span for _, a in sides.values()), None)
    return Limits(Bounds(data["lower"], data["upper"], span), outer["lower"], outer["upper"])


def _sides(
    ctx: Context, entry: Entry, word: str, attribute: syntax.Attribute
) -> Iterator[tuple[str, syntax.Expression]]:
    node = attribute.value
    if node is None or entry.frame is None:
        return
    if word == ">=" or word == "==":
        yield "lower", node
    if word == "<=" or word == "==":
        yield "upper", node
    if word in (">", "<", "!="):
        start = attribute.span.start
        hints: tuple[Hint, ...] = ()
        if word != "!=":
            edit = Edit(Span(attribute.span.source, start, start + 1), f"{word}=")
            hints = (Hint(f"write `{word}= {node.span.text}`", (edit,)),)
        ctx.say(codes.STRICT_BOUND, attribute.span, word=word, name=entry.name, hints=hints)
    if word == "in":
        ends = interval(ctx, node, entry.frame)
        if ends is not None:
            yield "lower", ends[0]
            yield "upper", ends[1]


def _bound(ctx: Context, entry: Entry, node: syntax.Expression, attribute: syntax.Attribute) -> Value:
    assert entry.frame is not None
    value = typed.number(ctx, node, entry.frame)
    if value.kind == "bad" or not value.mask:
        return value
    if value.mask & UNCERTAIN:
        return ctx.say(level_codes.UNCERTAIN_NOT_HERE, node.span, text=node.span.text, where="a bound")
    if value.mask & MULTIPLIER:
        return ctx.say(codes.BOUND_HOLDS_DUAL, node.span, text=node.span.text)
    if entry.kind == "uncertain":
        return ctx.say(level_codes.NATURE_BOUND, node.span, text=node.span.text, name=entry.name)
    inner = next((n for n in mentioned(value.term) if not _outer(ctx, n, entry.scope)), None)
    if inner is None:
        return value
    return ctx.say(
        codes.BOUND_HOLDS_OWN_DECISION,
        node.span,
        text=node.span.text,
        decision=inner,
        name=entry.name,
        where=_where(ctx, inner, entry),
        labels=(Label(ctx.entries[inner].span, "decided here"),) if inner in ctx.entries else (),
        hints=_as_constraint(entry, attribute),
    )


def _as_constraint(entry: Entry, attribute: syntax.Attribute) -> tuple[Hint, ...]:
    """The mend that takes a bound out of its declaration and writes it as a constraint below."""
    node = entry.node
    if not isinstance(node, syntax.VarDeclaration) or any(a.word == "semicontinuous" for a in node.attributes):
        return ()
    names = _index_names(node.index)
    if names is None or attribute.value is None:
        return ()
    head = f"[{node.index.span.text}]: " if node.index is not None else ""
    indices = f"[{names}]" if names else ""
    relations = [_relation_text(f"{name.id}{indices}", attribute.word, attribute.value) for name in node.names]
    source, end = node.span.source, node.span.end
    begin = source.text.rfind("\n", 0, node.span.start) + 1
    indent = " " * (node.span.start - begin) if source.text[begin : node.span.start].isspace() else ""
    listed = "".join(f"\n{indent}  {head}{relation}" for relation in relations)
    below = f"\n{indent}subject to{listed}"
    taken = attribute.span.with_blanks_before()
    edits = (Edit(taken, below),) if taken.end == end else (Edit(taken, ""), Edit(Span(source, end, end), below))
    return (Hint("write it as a constraint", edits),)


def _index_names(index: syntax.IndexList | None) -> str | None:
    """``i, j`` for ``[i in I, j in J]``; None where an index has no name, so that none can be written."""
    if index is None:
        return ""
    patterns = [generator.pattern for generator in index.generators]
    return ", ".join(p.span.text for p in patterns if p is not None) if None not in patterns else None


def _relation_text(name: str, word: str, value: syntax.Expression) -> str:
    if word == "in" and isinstance(value, syntax.ListLiteral):
        low, high = value.items
        return f"{low.span.text} <= {name} <= {high.span.text}"
    return f"{name} {word} {value.span.text}"


def _where(ctx: Context, name: str, entry: Entry) -> str:
    same = name in ctx.entries and ctx.entries[name].scope is entry.scope
    return "which is decided in the same block" if same else "which is not decided in a block around"


def _outer(ctx: Context, name: str, scope: Scope) -> bool:
    """Whether a name is no decision, or one of a block strictly around ``scope``."""
    entry = ctx.entries.get(name)
    if entry is None or not entry.mask:
        return True
    if entry.kind == "let":
        return entry.symbol is not None and all(
            _outer(ctx, n, scope)
            for n in mentioned(entry.symbol.definition)  # type: ignore[attr-defined]
        )
    return entry.scope in scope.around()[1:]


def mentioned(term: Expr) -> Iterator[str]:
    """The symbols that a term names."""
    if isinstance(term, SymbolRef):
        yield term.symbol
        for argument in term.args:
            yield from mentioned(argument)
    elif isinstance(term, FamilyRef):
        yield term.symbol
    elif isinstance(term, Reduce):
        yield from mentioned(term.body)
    elif isinstance(term, Conditional):
        yield from mentioned(term.then)
        yield from mentioned(term.otherwise)
    else:
        for argument in getattr(term, "args", ()):
            yield from mentioned(argument)
        if hasattr(term, "argument"):
            yield from mentioned(term.argument)


def _rounded(entry: Entry, term: Expr, side: str) -> Expr:
    """Constant bounds of integers, rounded inwards."""
    value = constant_value(term)
    if not entry.integral or value is None or math.isinf(value) or math.isnan(value):
        return term
    whole = math.ceil(value) if side == "lower" else math.floor(value)
    return term if whole == value and isinstance(term, Constant) else Constant(term.span, float(whole))


def _check_crossing(
    ctx: Context,
    entry: Entry,
    data: dict[str, Expr | None],
    sides: dict[str, tuple[syntax.Expression, syntax.Attribute]],
) -> None:
    lower = constant_value(data["lower"])
    upper = constant_value(data["upper"])
    if declarations.domain(entry) == "binary" and sides:
        lower, upper = max(0.0, lower or 0.0), min(1.0, 1.0 if upper is None else upper)
    if lower is None and upper is None:
        return
    if lower is not None and upper is not None and lower > upper:
        both = "lower" in sides and "upper" in sides
        ctx.say(
            codes.BOUNDS_CROSS,
            sides["upper" if "upper" in sides else "lower"][0].span,
            name=entry.name,
            lower=f"{lower:g}",
            upper=f"{upper:g}",
            labels=(Label(sides["lower"][0].span, "the lower bound"),) if both else (),
            whole=_domain_words(entry),
        )
    elif lower == math.inf or upper == -math.inf:
        side = "lower" if lower == math.inf else "upper"
        ctx.say(codes.BOUND_INFINITE, sides[side][0].span, name=entry.name, side=side)


def _domain_words(entry: Entry) -> str:
    if declarations.domain(entry) == "binary":
        return ", as a binary"
    return ", rounded to whole numbers" if entry.integral else ""


def check_start(ctx: Context, entry: Entry, made: Decided, node: syntax.Expression) -> None:
    """A note where a constant start lies outside constant bounds."""
    start = constant_value(made.start)
    lower, upper = constant_value(made.bounds.data.lower), constant_value(made.bounds.data.upper)
    if made.domain == "binary":
        lower, upper = (0.0 if lower is None else lower), (1.0 if upper is None else upper)
    if start is None or made.domain == "semicontinuous":
        return
    if lower is not None and start < lower:
        ctx.say(codes.START_OUTSIDE, node.span, name=entry.name, start=f"{start:g}", nearest=f"{lower:g}")
    elif upper is not None and start > upper:
        ctx.say(codes.START_OUTSIDE, node.span, name=entry.name, start=f"{start:g}", nearest=f"{upper:g}")


def add_constraints(ctx: Context, entry: Entry, limits: Limits) -> None:
    """Bounds that hold decisions of an outer block stand as a constraint of the variable's block."""
    if limits.lower is None and limits.upper is None:
        return
    span = (limits.lower or limits.upper or (None, entry.span))[1]
    this = SymbolRef(entry.span, entry.name, declarations.own_arguments(entry.space))
    if limits.lower is not None and limits.upper is not None:
        if limits.lower[0] is limits.upper[0]:
            body = Relation(span, (this, limits.lower[0]), ("eq",))
        else:
            body = Relation(span, (limits.lower[0], this, limits.upper[0]), ("le", "le"))
    elif limits.lower is not None:
        body = Relation(span, (this, limits.lower[0]), ("ge",))
    else:
        assert limits.upper is not None
        body = Relation(span, (this, limits.upper[0]), ("le",))
    name = f"bound of {entry.name}"
    ctx.symbols[name] = Constraint(
        name, span, entry.space, entry.arity, entry.own, entry.scope.path, None, body, False, "bound"
    )
    entry.scope.bound_constraints.append(name)
