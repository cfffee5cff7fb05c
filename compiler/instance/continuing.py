"""New numbers through a lowering between instances: the old target goes on where the new one has its structure.

``update`` keeps the patterns of an instance whose numbers change. What a lowering makes of it is a new program with new
indices each time, although it mostly is the old one with other numbers (a big-M derived anew, say). Where both are
alike up to their indices the old target is taken, with the new data: its patterns stay, and rows are filled by the
value phase alone. Whatever is not plainly the same is lowered from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Constraint, Program, SetSymbol

from ..evaluation.scope import Datum, Scope
from ..terms.alpha import alike
from ..terms.substitution import symbols_in
from . import binding
from .instance import Instance
from .updating import renewed, stale


def continued(source: Instance, target: Instance, new_source: Instance, new_target: Instance) -> Instance | None:
    """``new_target`` as an update of ``target``, or None where their structures differ.

    ``target`` was made of ``source`` and ``new_target`` of ``new_source``, an update of ``source``, in the same way.
    """
    changed = _changed(source, target, new_source, new_target)
    if changed is None or _moves(target.program, changed) or not _same_program(target.program, new_target.program):
        return None
    scope = replace(
        new_target.scope,
        symbols=target.scope.symbols,
        layouts=dict(target.scope.layouts),
        structure={k: v for k, v in target.scope.structure.items() if not stale(k, v, changed)},
        local={},
    )
    faults: list[Diagnostic] = []
    with np.errstate(all="ignore"):
        moved = binding.lay_out(target.program, scope, set(), faults, only=changed)
        found = renewed(target, scope, changed, moved, faults, [])
    if faults:
        return None
    notes, supplied = new_target.notes, new_target.supplied
    return replace(found, supplied=supplied, notes=notes, proved=new_target.proved)


def carried(source: Instance, target: Instance, new_source: Instance) -> Instance | None:
    """The update of ``target``, which was made of ``source`` without looking at numbers, for an update of ``source``.

    None where sets or spaces depend on what changed.
    """
    scope, made = new_source.scope, _made(source.scope, target.scope)
    data = {**scope.data, **made}
    at = replace(target.scope, sets=scope.sets, data=data, options=scope.options, externs=scope.externs)
    new = replace(target, scope=at, supplied=new_source.supplied, notes=new_source.notes, proved=new_source.proved)
    return continued(source, target, new_source, new)


def _changed(source: Instance, target: Instance, new_source: Instance, new_target: Instance) -> frozenset[str] | None:
    """The names of the target whose data differ; None where it has other names."""
    if target.program.symbols.keys() != new_target.program.symbols.keys():
        return None
    names = source.stamps.keys() | new_source.stamps.keys()
    given = {name for name in names if source.stamps.get(name, 0) != new_source.stamps.get(name, 0)}
    old, new = _made(source.scope, target.scope), _made(new_source.scope, new_target.scope)
    if old.keys() != new.keys():
        return None
    return frozenset(given | {name for name in new if not _equal(old[name], new[name])})


def _made(source: Scope, target: Scope) -> Mapping[str, Datum]:
    """The data that the lowering made."""
    return {name: values for name, values in target.data.items() if name not in source.data}


def _equal(one: object, other: object) -> bool:
    same = one is other
    return same or (isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other))


def _moves(program: Program, changed: frozenset[str]) -> bool:
    """Whether sets, or spaces of anything but constraints, depend on what changed."""
    for symbol in program.symbols.values():
        if isinstance(symbol, SetSymbol) and symbol.name in changed:
            return True
        if not isinstance(symbol, Constraint) and symbols_in(symbol.space) & changed:
            return True
    return False


def _same_program(old: Program, new: Program) -> bool:
    if old.root is not new.root and not alike(old.root, new.root):
        return False
    return all(new.symbols[n] is symbol or alike(symbol, new.symbols[n]) for n, symbol in old.symbols.items())
