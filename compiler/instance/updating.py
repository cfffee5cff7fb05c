"""New numbers in an instance: only what depends on them is bound again, and structure that they leave alone is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from itertools import count
from pathlib import Path

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NO_DECISIONS
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Parameter, Program, SetSymbol

from ..data import DataError, PythonValue, Supplied, read_inputs
from ..evaluation.scope import Scope
from ..terms.substitution import Node, symbols_in
from . import binding
from .instance import ConstraintFamily, Family, Instance, family_of

_stamps = count(1)


def update(instance: Instance, values: Mapping[str, object]) -> Instance:
    """The instance with other data for some sets and parameters, as Python objects by name.

    Patterns whose structure (index sets, filters, indices) does not depend on them are shared with the old instance,
    so that lowering runs the value phase only. Raises ``DataError``.
    """
    program = instance.program
    unknown = [name for name in values if not isinstance(program.symbols.get(name), (SetSymbol, Parameter))]
    if unknown:
        raise DataError([_unknown(name, program) for name in unknown])
    read = read_inputs(program, [PythonValue(n, v) for n, v in values.items()], folder=Path())
    supplied = replace(instance.supplied, entries={**instance.supplied.entries, **read.entries})
    return with_supplied(instance, supplied, frozenset(values))


def _unknown(name: str, program: Program) -> Diagnostic:
    names = [n for n, s in program.symbols.items() if isinstance(s, (SetSymbol, Parameter))]
    near = get_close_matches(name, names, 1)
    hint = f"; did you mean `{near[0]}`?" if near else ""
    return report(NO_DECISIONS, None, what="set or parameter", name=name, near=hint, names=", ".join(names) or "none")


def with_supplied(instance: Instance, supplied: Supplied, names: frozenset[str]) -> Instance:
    """The instance with other supplied data, of which only those of ``names`` differ."""
    program = instance.program
    changed = dependents(program, names)
    old = instance.scope
    scope = replace(
        old,
        sets=dict(old.sets),
        layouts=dict(old.layouts),
        data=dict(old.data),
        options=dict(old.options),
        structure={k: v for k, v in old.structure.items() if not stale(k, v, changed)},
        local={},
    )
    faults: list[Diagnostic] = []
    notes: list[Diagnostic] = []
    with np.errstate(all="ignore"):
        broken = binding.bind(program, supplied, scope, faults, notes, only=changed)
        moved = binding.lay_out(program, scope, broken, faults, only=changed)
        found = renewed(instance, scope, changed, moved, faults, notes)
    if faults:
        raise DataError(faults)
    kept = tuple(n for n in instance.notes if n not in notes)
    return replace(found, supplied=supplied, notes=(*kept, *notes), proved={})


def renewed(
    instance: Instance,
    scope: Scope,
    changed: frozenset[str],
    moved: frozenset[str],
    faults: list[Diagnostic],
    notes: list[Diagnostic],
) -> Instance:
    """The instance over a scope with other data for the names ``changed`` and other layouts for ``moved``.

    Patterns that do not depend on them are shared. Where a family's bounds are wrong ``faults`` has the reason.
    """
    families = _families(instance.families, scope, changed, moved, faults, notes)
    nature = _families(instance.nature, scope, changed, moved, faults, notes)
    constraints = tuple(
        ConstraintFamily(c.name, c.symbol, scope.layouts[c.name], c.owner) if c.name in moved else c
        for c in instance.constraints
    )
    if moved & {f.name for f in (*families, *nature)}:
        patterns: dict[object, object] = {}
    else:
        patterns = {k: v for k, v in instance.patterns.items() if _stays(k, v, changed | moved)}
    stamps = {**instance.stamps, **dict.fromkeys(changed | moved, next(_stamps))}
    return replace(
        instance,
        scope=scope,
        families=families,
        nature=nature,
        constraints=constraints,
        patterns=patterns,
        stamps=stamps,
    )


def dependents(program: Program, names: frozenset[str]) -> frozenset[str]:
    """The names, and all sets, parameters and named expressions that are computed from them."""
    changed = set(names)
    for symbol in binding.in_order(program):
        if binding.needs(symbol) & changed:
            changed.add(symbol.name)
    return frozenset(changed)


def stale(key: object, kept: object, changed: frozenset[str]) -> bool:
    """Whether a kept domain or table depends on changed data."""
    assert isinstance(key, tuple)
    node: Node = key[1] if key[0] == "domain" else kept[0]  # type: ignore[index]
    return bool(symbols_in(node) & changed)


KEPT = frozenset({"row arrays", "columns", "cost", "usable rows"})
"""Kept arrays that know the age of the data they came from, or that are compared by identity."""


def unchanged_patterns(instance: Instance) -> dict[object, object]:
    """What is kept that does not depend on the bounds of decisions: not what lowerings made of the instance."""
    return {k: v for k, v in instance.patterns.items() if _stays(k, v, frozenset()) and not hasattr(v, "found")}


def _stays(key: object, kept: object, changed: frozenset[str]) -> bool:
    """Whether something kept is still right: it says what its structure depends on, and that is as it was.

    Whatever says nothing (a fact, another lowering's instance) goes.
    """
    if isinstance(key, str) and key in KEPT:
        return True
    parts = kept if isinstance(kept, tuple) else (kept,)
    known = [part.reads for part in parts if hasattr(part, "reads")]
    return bool(known) and not any(reads & changed for reads in known)


def _families(
    families: tuple[Family, ...],
    scope: Scope,
    changed: frozenset[str],
    moved: frozenset[str],
    faults: list[Diagnostic],
    notes: list[Diagnostic],
) -> tuple[Family, ...]:
    found: list[Family] = []
    offset = 0
    for old in families:
        new: Family | None = old
        if old.name in moved or _bound_names(old) & changed:
            new = family_of(old.symbol, offset, scope, faults, notes)
        elif old.offset != offset:
            new = replace(old, offset=offset)
        if new is not None:
            found.append(new)
            offset += new.count
    same = len(found) == len(families) and all(a is b for a, b in zip(found, families, strict=True))
    return families if same else tuple(found)  # the same tuple: what is kept of the columns stays right


def _bound_names(family: Family) -> frozenset[str]:
    symbol = family.symbol
    bounds = getattr(symbol, "bounds", None)
    terms = (bounds.lower, bounds.upper, getattr(symbol, "start", None)) if bounds is not None else ()
    return frozenset().union(*(symbols_in(t) for t in terms if t is not None))
