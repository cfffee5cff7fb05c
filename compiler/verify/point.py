"""A point of an instance: flat values of each decision family, in the order of its layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from optc.dsl.program import Choice, ExternCall, FamilyRef, Multiplier, Parameter, SetSymbol

from ..instance.instance import Family, Instance
from ..reference.interpreter import Entries, RawData, Reference
from ..reference.terms import Key
from ..spaces.domains import Domain, IndexColumn, Values
from ..spaces.layouts import SetFamily

Point = Mapping[str, Values]

SMALL = 500  # rows and decisions together, up to which the reference interpreter judges
LITTLE = 2_000  # entries of data, likewise


def is_small(instance: Instance) -> bool:
    """Whether the reference interpreter is fast enough to be the judge."""
    if instance.columns + sum(c.count for c in instance.constraints) > SMALL:
        return False
    return sum(instance.scope.layouts[name].size for name in instance.scope.data) <= LITTLE


def reference_of(instance: Instance) -> Reference:
    """The row-by-row interpreter on the instance's data."""
    return Reference(instance.program, raw_data(instance))


def reference_values(instance: Instance, point: Point) -> dict[str, dict[Key, Any]]:
    """The point as the reference interpreter takes it: by family and index tuple; a choice by its option."""
    found: dict[str, dict[Key, Any]] = {
        family.name: dict(zip(_keys(family), _entries(instance, family, point), strict=True))
        for family in instance.families
    }
    for name, symbol in instance.program.symbols.items():
        if isinstance(symbol, Multiplier) and name not in found and name in point:
            layout = instance.scope.layouts[name]
            found[name] = {layout.key(k): float(v) for k, v in enumerate(np.broadcast_to(point[name], (layout.size,)))}
    return found


def raw_data(instance: Instance) -> RawData:
    """The data of an instance, entry by entry, without what the model itself computes from them."""
    sets: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    scope = instance.scope
    for name, symbol in instance.program.symbols.items():
        if isinstance(symbol, SetSymbol) and (symbol.definition is None or symbol.overridable):
            found = scope.sets[name]
            sets[name] = _family_of_sets(found) if isinstance(found, SetFamily) else _members(found)
        elif isinstance(symbol, Parameter) and (
            symbol.overridable or (symbol.definition is None and symbol.literal is None)
        ):
            layout = scope.layouts[name]
            keys = [layout.key(k) for k in range(layout.size)]
            parameters[name] = dict(zip(keys, _plain(scope.data[name], layout.size), strict=True))
    return RawData(sets, parameters, {name: _on_entries(instance, name) for name in scope.externs})


def _on_entries(instance: Instance, function: str) -> Callable[..., float]:
    """An outside function of arrays as one of families entry by entry."""
    from ..outside.calls import array_of, call_of

    def called(*families: Entries) -> float:
        scope = instance.scope
        term = ExternCall(None, function, tuple(FamilyRef(None, f.name) for f in families))
        wanted = [f.name not in scope.data for f in families]
        return call_of(term, scope, wanted).value([array_of(f.name, f, scope) for f in families])

    return called


def _members(domain: Domain) -> list[Key]:
    return [domain.members.member(k) for k in range(domain.size)]


def _family_of_sets(found: SetFamily) -> dict[Key, list[Key]]:
    members = [found.elements.domain.members.member(int(p)) for p in found.elements.positions]
    bounds = zip(found.starts[:-1], found.starts[1:], strict=True)
    return {found.layout.key(row): members[int(a) : int(b)] for row, (a, b) in enumerate(bounds)}


def _plain(data: Values | IndexColumn, size: int) -> list[Any]:
    if isinstance(data, IndexColumn):
        positions = np.broadcast_to(data.positions, (size,))
        return [data.domain.members.member(int(p))[0] for p in positions]
    return [float(v) for v in np.broadcast_to(np.asarray(data), (size,))]


def _keys(family: Family) -> list[Key]:
    return [family.layout.key(k) for k in range(family.count)]


def _entries(instance: Instance, family: Family, point: Point) -> list[Any]:
    values = np.broadcast_to(point[family.name], (family.count,))
    if not isinstance(family.symbol, Choice):
        return [float(v) for v in values]
    options = instance.scope.options[family.name].members
    members = [options.member(int(v)) for v in values]
    return [member[0] if len(member) == 1 else member for member in members]
