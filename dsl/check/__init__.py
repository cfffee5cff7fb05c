"""From a syntax tree to diagnostics and the typed program, in one walk.

Names may stand in any order, so a declaration is resolved where it is first used: a name leads to its declaration
(``references``, ``declarations``), that to its index sets (``sets``, ``patterns``) and its literal (``tables``,
``literals``), and those to further names. These six modules import one another since the recursion is one. Those who
build terms stand outside of it: they are reached through ``Context.terms``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from .. import syntax
from ..catalogue.names import UNKNOWN_NAME
from ..collector import collector_paused
from ..diagnostics import Diagnostic
from ..program import Function, Program
from ..source import Span
from . import blocks, bodies, calls, constraints, cycles, expressions, requests, usage
from .collect import collect
from .context import Context, Loader, Scope
from .dimensions import infer
from .walking import deep_calls

__all__ = ["Checked", "Loader", "check"]


@dataclass(frozen=True, slots=True)
class Checked:
    """``program`` is None where there is any error; ``diagnostics`` in the order of the text."""

    program: Program | None
    diagnostics: tuple[Diagnostic, ...]


def check(model: syntax.Model, load: Loader, refused: Sequence[Diagnostic] = ()) -> Checked:
    """Checks a model against every rule that needs no data.

    ``load`` gives the source that a ``use`` names, or None. ``refused`` are the diagnostics of the parse: nothing is
    reported again inside a place that they refuse, and there is no program where one of them is an error. Never raises
    for a wrong model: what is wrong is in ``diagnostics``, each independent mistake once, ``refused`` left out.
    """
    with collector_paused(), deep_calls():
        return _checked(model, load, refused)


def _checked(model: syntax.Model, load: Loader, refused: Sequence[Diagnostic]) -> Checked:
    root = Scope("model", "model", Span(model.source, 0, 0))
    ctx = Context(load, root, expressions.TERMS)
    ctx.refuse(refused)
    collect(ctx, model)
    ctx.dimensions = infer(ctx.statements)
    _declarations(ctx)
    for scope in root.below():
        for constraint in scope.constraints:
            constraints.build(ctx, constraint)
    objectives = {id(scope): blocks.objective(ctx, scope) for scope in root.below()}
    blocks.check_blocks(ctx)
    rule = requests.equilibrium(ctx)
    certificates = requests.certificates(ctx)
    methods = requests.methods(ctx)
    usage.warn(ctx)
    program: Program | None = None
    if not ctx.errors:
        tree = blocks.assemble(ctx, root, objectives)
        program = Program(_stem(model), ctx.symbols, tree, rule, certificates, methods, tuple(ctx.questions.values()))
    return Checked(program, _in_order(ctx.diagnostics, model))


def _declarations(ctx: Context) -> None:
    for entry in ctx.entries.values():
        bodies.build(ctx, entry)
        if entry.symbol is not None:
            ctx.symbols[entry.name] = entry.symbol
    for function in ctx.functions.values():
        calls.check_function(ctx, function)
        node = function.node
        if isinstance(node, syntax.ExternDeclaration):
            names = tuple(a.id for a in node.arguments)
            ctx.symbols[function.symbol] = Function(function.symbol, function.span, doc=node.doc, parameters=names)
        elif isinstance(node, syntax.NetworkDeclaration):
            ctx.symbols[function.symbol] = Function(
                function.symbol, function.span, doc=node.doc, kind="network", file=node.file.value
            )
    cycles.report(ctx)


def _stem(model: syntax.Model) -> str:
    name = PurePath(model.source.name).stem
    return name if name not in ("", "-", "<text>") else "model"


def _in_order(diagnostics: list[Diagnostic], model: syntax.Model) -> tuple[Diagnostic, ...]:
    """By place, the model's own file first; a name that nothing declares, or comes near to, once."""

    def key(found: Diagnostic) -> tuple[bool, str, int]:
        place = found.place
        if not isinstance(place, Span):
            return (True, "", 0)
        return (place.source is not model.source, place.source.name, place.start)

    kept: list[Diagnostic] = []
    missing: set[str] = set()
    for found in sorted(diagnostics, key=key):
        if found.code is UNKNOWN_NAME and not any(hint.edits for hint in found.hints):
            if found.message in missing:
                continue
            missing.add(found.message)
        kept.append(found)
    return tuple(kept)
