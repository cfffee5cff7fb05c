"""The five primitives on instances, of which every reformulation of levels, scenarios and batches is made.

``fix`` gives decisions values; ``replicate`` gives families one more index; ``restrict`` keeps some rows of constraint
families; ``retag`` moves families to another decider; ``stationarity`` (in its own module) puts a block's optimality
conditions in its place. Each returns a new instance and leaves the old one as it is. They work on any tree of blocks,
and on all rows of an indexed block at once: a follower is a value of an index, never a copy of the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NO_DECISIONS
from optc.dsl.program import (
    Bind,
    Block,
    Constraint,
    Expr,
    Generator,
    IndexRef,
    IndexVar,
    NamedExpression,
    Program,
    Reduce,
    SetRef,
    SetSymbol,
    Space,
    Symbol,
    SymbolRef,
)

from ..data.errors import DataError
from ..evaluation.scope import Datum
from ..evaluation.sets import layout_of
from ..spaces.algebra import by_rows
from ..spaces.domains import Domain, IndexColumn
from ..spaces.layouts import layout_of_table
from ..terms.substitution import renamed_indices, rewritten, symbols_in
from .instance import ConstraintFamily, Family, Instance, Role, assemble
from .stationarity import stationarity

__all__ = ["fix", "replicate", "restrict", "retag", "stationarity"]

Path = tuple[str, ...]


def _unknown(what: str, name: str, names: Iterable[str]) -> DataError:
    known = sorted(names)
    near = get_close_matches(name, known, 1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return DataError([report(NO_DECISIONS, None, what=what, name=name, near=hint, names=", ".join(known) or "none")])


# --------------------------------------------------------------------------------------------------------------- fix
def fix(instance: Instance, values: Mapping[str, NDArray[Any]]) -> Instance:
    """Symbols that have values become data.

    ``values``: decisions, uncertain names or multipliers by family, flat ``(count,)``, or ``(batch, count)`` for a
    batch of instances; a choice by its options' positions. Raises ``DataError`` for an unknown name.
    """
    data: dict[str, Datum] = dict(instance.scope.data)
    for name, given in values.items():
        if instance.roles.get(name, "data") == "data" or name not in instance.scope.layouts:
            raise _unknown("decision", name, (n for n, role in instance.roles.items() if role != "data"))
        array = np.asarray(given)
        size = instance.scope.layouts[name].size
        if array.shape[-1:] != (size,):
            raise ValueError(f"{name} has {size} entries, the values given have shape {array.shape}")
        options = instance.scope.options.get(name)
        data[name] = array.astype(np.float64) if options is None else IndexColumn(options, array.astype(np.intp))
    roles: dict[str, Role] = dict(instance.roles)
    roles.update((name, "data") for name in values)
    scope = replace(instance.scope, data=data, structure=dict(instance.scope.structure), local={})
    families = _renumbered(f for f in instance.families if f.name not in values)
    nature = _renumbered(f for f in instance.nature if f.name not in values)
    return replace(
        instance, scope=scope, roles=roles, families=families, nature=nature, patterns={}, stamps=instance.stamps
    )


def _renumbered(families: Iterable[Family]) -> tuple[Family, ...]:
    found: list[Family] = []
    offset = 0
    for family in families:
        found.append(replace(family, offset=offset))
        offset += family.count
    return tuple(found)


# --------------------------------------------------------------------------------------------------------- replicate
def replicate(instance: Instance, names: Iterable[str], index: str, members: Domain) -> Instance:
    """Families get one more index, in front: a copy for each of ``members``.

    ``names``: decisions, uncertain names and multipliers. ``index``: the name of the new set. Constraints and named
    expressions that mention one of them get the index too; an objective that does becomes the sum over the copies.
    A family over the new index comes in the order of the copies: entry ``s * count + k`` is entry ``k`` of copy ``s``.
    """
    program = instance.program
    chosen = set(names)
    for name in chosen:
        if instance.roles.get(name, "data") == "data":
            raise _unknown("decision", name, (n for n, role in instance.roles.items() if role != "data"))
    copied = _mentioning(program, chosen)
    symbols: dict[str, Symbol] = {index: SetSymbol(index, program.root.span)}
    for name, symbol in program.symbols.items():
        symbols[name] = _with_index(symbol, index, copied) if name in copied else symbol
    root = _objectives_summed(program.root, index, copied)
    scope = replace(
        instance.scope,
        symbols=symbols,
        sets={**instance.scope.sets, index: members},
        layouts=dict(instance.scope.layouts),
        options=dict(instance.scope.options),
        structure={},
        local={},
    )
    for name in copied:
        scope.layouts[name] = layout_of(symbols[name].space, scope)
    return assemble(instance, replace(program, symbols=symbols, root=root), scope)


def _mentioning(program: Program, names: set[str]) -> set[str]:
    """The names, and the constraints and named expressions that mention them, also through others."""
    found = set(names)
    grown = True
    while grown:
        more = {
            s.name
            for s in program.symbols.values()
            if (isinstance(s, Constraint) and symbols_in(s.body) & found)
            or (isinstance(s, NamedExpression) and symbols_in(s.definition) & found)
        }
        grown = not more <= found
        found |= more
    return found


def _with_index(symbol: Symbol, index: str, copied: set[str]) -> Symbol:
    (var,) = renamed_indices([IndexVar(index, 0)]).values()
    space = Space((Generator((Bind(var),), SetRef(None, index)), *symbol.space.generators), symbol.space.condition)
    widened = replace(symbol, space=space, arity=symbol.arity + 1)
    if isinstance(widened, Constraint):
        return replace(widened, body=_indexed(widened.body, IndexRef(None, var), copied))
    if isinstance(widened, NamedExpression):
        return replace(widened, definition=_indexed(widened.definition, IndexRef(None, var), copied))
    return widened


def _indexed(term: Any, first: Expr, copied: set[str]) -> Any:
    """Every reference to a copied family with one more argument in front."""

    def change(node: object) -> object:
        if isinstance(node, SymbolRef) and node.symbol in copied:
            return replace(node, args=(first, *node.args))
        return node

    return rewritten(term, change)


def _objectives_summed(block: Block, index: str, copied: set[str]) -> Block:
    objective = block.objective
    children = tuple(_objectives_summed(c, index, copied) for c in block.children)
    if objective is None or objective.expression is None or not symbols_in(objective.expression) & copied:
        return replace(block, children=children)
    (var,) = renamed_indices([IndexVar(index, 0)]).values()
    space = Space((Generator((Bind(var),), SetRef(None, index)),))
    body = _indexed(objective.expression, IndexRef(None, var), copied)
    summed = Reduce(objective.expression.span, "sum", space, body)
    return replace(block, objective=replace(objective, expression=summed), children=children)


# ---------------------------------------------------------------------------------------------------------- restrict
def restrict(instance: Instance, rows: Mapping[str, NDArray[Any]]) -> Instance:
    """Constraint families with only some of their rows.

    ``rows``: by family, positions in ascending order or a mask ``(count,)``; other families keep all rows.
    """
    for name in rows:
        if name not in {c.name for c in instance.constraints}:
            raise _unknown("constraint", name, (c.name for c in instance.constraints))
    layouts = dict(instance.scope.layouts)
    constraints: list[ConstraintFamily] = []
    for family in instance.constraints:
        if family.name not in rows:
            constraints.append(family)
            continue
        wanted = np.asarray(rows[family.name])
        kept = np.flatnonzero(wanted) if wanted.dtype == np.bool_ else wanted.astype(np.intp)
        table = by_rows(family.layout.table, kept, {})
        if not family.layout.indices:
            constraints += [family] if len(kept) else []
            continue
        layouts[family.name] = layout_of_table(table, family.layout.indices)
        constraints.append(replace(family, layout=layouts[family.name]))
    patterns = {k: v for k, v in instance.patterns.items() if not _of_rows(k, rows)}
    return replace(
        instance, scope=replace(instance.scope, layouts=layouts), constraints=tuple(constraints), patterns=patterns
    )


def _of_rows(key: object, rows: Mapping[str, object]) -> bool:
    return key == "row arrays" or (isinstance(key, tuple) and key[0] == "rows" and key[1] in rows)


# ------------------------------------------------------------------------------------------------------------- retag
def retag(instance: Instance, names: Iterable[str], owner: Path) -> Instance:
    """Decisions and constraints move to another decider: the block at path ``owner``.

    A block that is left with neither decisions nor constraints goes, with its objective.
    """
    moved = list(dict.fromkeys(names))
    program = instance.program
    for name in moved:
        if name not in program.symbols:
            raise _unknown("decision or constraint", name, program.symbols)
    order = {name: k for k, name in enumerate(program.symbols)}
    moved.sort(key=lambda n: order[n])
    root = moved_to(program.root, moved, owner, program)
    symbols = {n: replace(s, block=owner) if n in moved else s for n, s in program.symbols.items()}
    scope = replace(instance.scope, symbols=symbols)
    return assemble(instance, replace(program, symbols=symbols, root=root), scope)


def moved_to(block: Block, names: Sequence[str], owner: Path, program: Program) -> Block:
    """The tree of blocks with names moved to the block at ``owner``."""
    decisions = [n for n in block.decisions if n not in names]
    constraints = [n for n in block.constraints if n not in names]
    if block.path == owner:
        constraints += [n for n in names if isinstance(program.symbols[n], Constraint)]
        decisions += [n for n in names if not isinstance(program.symbols[n], Constraint)]
    children = [moved_to(c, names, owner, program) for c in block.children]
    kept = tuple(c for c in children if c.decisions or c.constraints or c.children)
    return replace(block, decisions=tuple(decisions), constraints=tuple(constraints), children=kept)
