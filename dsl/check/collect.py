"""Gathers what a model declares, block by block, before any of it is looked into: names may stand in any order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import syntax
from ..catalogue import names as codes
from ..diagnostics import Label
from ..parse import parse
from ..source import Span
from .context import WORDS, ConstraintEntry, Context, Entry, EntryKind, FunctionEntry, Scope
from .functions import BUILTINS

_KINDS: dict[type, EntryKind] = {
    syntax.SetDeclaration: "set",
    syntax.ParamDeclaration: "parameter",
    syntax.VarDeclaration: "variable",
    syntax.UncertainDeclaration: "uncertain",
    syntax.ChooseDeclaration: "choice",
}
_FUNCTIONS = (syntax.DefDeclaration, syntax.ExternDeclaration, syntax.NetworkDeclaration)


def collect(ctx: Context, model: syntax.Model) -> None:
    """Declares everything in the model and in the files that it uses, then names its constraints."""
    loaded = {model.source.name}
    ctx.statements.extend(_with_used(ctx, model, loaded))
    _statements(ctx, ctx.root, ctx.statements)
    for scope in ctx.root.below():
        _label_objectives(ctx, scope)
        _label_constraints(ctx, scope, model)
    _separate_functions(ctx)


def _with_used(ctx: Context, model: syntax.Model, loaded: set[str]) -> Iterator[syntax.Statement]:
    for statement in model.statements:
        if isinstance(statement, syntax.Use):
            yield from _used(ctx, statement, loaded)
        else:
            yield statement


def _used(ctx: Context, use: syntax.Use, loaded: set[str]) -> Iterator[syntax.Statement]:
    source = ctx.load(use.target)
    if source is None:
        spelling = use.target.id if isinstance(use.target, syntax.Name) else use.target.value
        ctx.say(codes.USE_NOT_FOUND, use.target.span, name=spelling, what=_described(use.target))
        return
    if source.name in loaded:
        return
    loaded.add(source.name)
    parsed = parse(source)
    ctx.diagnostics.extend(parsed.diagnostics)
    ctx.refuse(parsed.diagnostics)
    yield from _with_used(ctx, parsed.model, loaded)


def _described(target: syntax.Name | syntax.Text) -> str:
    return "standard-library module" if isinstance(target, syntax.Name) else "file beside the model"


def _statements(ctx: Context, scope: Scope, statements: Iterable[syntax.Statement]) -> None:
    for statement in statements:
        kind = type(statement)
        if kind in _KINDS:
            assert isinstance(
                statement,
                syntax.SetDeclaration
                | syntax.ParamDeclaration
                | syntax.VarDeclaration
                | syntax.UncertainDeclaration
                | syntax.ChooseDeclaration,
            )
            for name in statement.names:
                _declare(ctx, scope, name, _KINDS[kind], statement)
        elif isinstance(statement, syntax.LetDeclaration):
            _declare(ctx, scope, statement.name, "let", statement)
        elif isinstance(statement, syntax.TableDeclaration):
            _declare(ctx, scope, statement.set, "set", statement)
            for column, name in enumerate(statement.columns):
                _declare(ctx, scope, name, "parameter", statement, column)
        elif isinstance(statement, _FUNCTIONS):
            _declare_function(ctx, scope, statement)
        elif isinstance(statement, syntax.Objective):
            scope.objectives.append(statement)
        elif isinstance(statement, syntax.BlockDeclaration):
            _declare_block(ctx, scope, statement)
        elif isinstance(statement, syntax.Use):
            ctx.say(codes.USE_INSIDE_BLOCK, statement.span)
        else:
            scope.statements.append(statement)


def _declare(
    ctx: Context, scope: Scope, name: syntax.Name, kind: EntryKind, node: syntax.Node, column: int = 0
) -> Entry | None:
    if name.id == "pi":
        ctx.say(codes.PREDECLARED, name.span, name="pi")
        return None
    earlier = ctx.entries.get(name.id)
    if earlier is not None:
        _twice(ctx, name.id, name.span, f"{WORDS[earlier.kind]} already", earlier.span)
        return None
    entry = Entry(name.id, name.span, kind, node, scope, column=column)
    ctx.entries[name.id] = entry
    scope.entries.append(entry)
    return entry


def _twice(ctx: Context, name: str, span: Span, what: str, earlier: Span) -> None:
    ctx.say(codes.DUPLICATE, span, name=name, what=what, labels=(Label(earlier, "declared here first"),))


def _declare_function(
    ctx: Context,
    scope: Scope,
    node: syntax.DefDeclaration | syntax.ExternDeclaration | syntax.NetworkDeclaration,
) -> None:
    if node.name.id in BUILTINS:
        ctx.say(codes.DUPLICATE, node.name.span, name=node.name.id, what="a function of the language already")
        return
    earlier = ctx.functions.get(node.name.id)
    if earlier is not None:
        _twice(ctx, node.name.id, node.name.span, "a function already", earlier.span)
        return
    ctx.functions[node.name.id] = FunctionEntry(node.name.id, node.name.span, node, scope, node.name.id)


def _separate_functions(ctx: Context) -> None:
    """Functions and indexed names may share a name; the symbol of such a function carries its brackets."""
    for name, function in ctx.functions.items():
        if name in ctx.entries:
            function.symbol = f"{name}()"


def _declare_block(ctx: Context, scope: Scope, node: syntax.BlockDeclaration) -> None:
    name = node.name.id if node.name is not None else node.kind
    child = Scope(
        node.kind,
        name,
        node.name.span if node.name is not None else node.span,
        scope,
        node,
        (*scope.path, name),
        scope.depth + 1,
    )
    if node.name is not None:
        entry = _declare(ctx, scope, node.name, "block", node)
        if entry is not None:
            entry.scope = child
    scope.children.append(child)
    _statements(ctx, child, node.body)


def _label_objectives(ctx: Context, scope: Scope) -> None:
    for objective in scope.objectives:
        if objective.name is not None:
            label(ctx, scope, objective.name)


def label(ctx: Context, scope: Scope, name: syntax.Name) -> bool:
    """Gives a constraint or an objective its name in its block; False when that name is taken."""
    entry = ctx.entries.get(name.id)
    if entry is not None:
        _twice(ctx, name.id, name.span, f"{WORDS[entry.kind]} already", entry.span)
        return False
    earlier = scope.labels.get(name.id)
    if earlier is not None:
        _twice(ctx, name.id, name.span, "a constraint or an objective of this block already", earlier)
        return False
    scope.labels[name.id] = name.span
    return True


def _label_constraints(ctx: Context, scope: Scope, model: syntax.Model) -> None:
    taken = {c.symbol for s in ctx.root.below() for c in s.constraints}
    for statement in scope.statements:
        if isinstance(statement, syntax.SubjectTo):
            for item in statement.constraints:
                named = item.name is not None and label(ctx, scope, item.name)
                symbol = _constraint_symbol(item, scope, model, taken, named)
                taken.add(symbol)
                scope.constraints.append(ConstraintEntry(item, scope, symbol, named))


def _constraint_symbol(
    item: syntax.ConstraintItem, scope: Scope, model: syntax.Model, taken: set[str], named: bool
) -> str:
    """``c1`` at the top, ``follower.c1`` in a named block, ``line 14`` without a name."""
    if named and item.name is not None:
        named_block = scope.node is not None and scope.node.name is not None
        if named_block:
            return f"{scope.name}.{item.name.id}"
        return item.name.id if item.name.id not in taken else f"{scope.name}.{item.name.id}"
    return line_name(item, model.source.name, taken)


def line_name(item: syntax.ConstraintItem, main: str, taken: set[str]) -> str:
    """``line 14``, with the file where it is another one, and a number where that line has several."""
    source = item.span.source
    base = f"line {item.span.line}" if source.name == main else f"line {item.span.line} of {source.name}"
    count, name = 1, base
    while name in taken:
        count += 1
        name = f"{base} ({count})"
    return name
