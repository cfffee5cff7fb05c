"""Instances in which some decisions are held: what was decided becomes data, and one decider is left.

A best response, a follower's own problem and a leader's choice among answers are all made so: parameters with the
values of a point take the place of decisions, other parameters and rows are added, and the rest is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from optc.dsl.program import SCALAR, Block, Choice, Constraint, Objective, Parameter, Relation, Space, Symbol
from optc.dsl.source import Span

from ..evaluation.scope import Datum
from ..evaluation.sets import layout_of
from ..spaces.domains import IndexColumn, Values
from ..spaces.layouts import Layout
from .instance import Instance, Role, assemble

Point = Mapping[str, Values]


def decided(instance: Instance, point: Point) -> list[str]:
    """What has a value at the point: decisions, and multipliers where the model asks for them."""
    return [name for name, role in instance.roles.items() if role in ("decision", "multiplier") and name in point]


class Draft:
    """An instance in the making, from another one and a point of it."""

    def __init__(self, instance: Instance, point: Point) -> None:
        self.instance = instance
        self.point = point
        self._symbols: dict[str, Symbol] = dict(instance.program.symbols)
        self._data: dict[str, Datum] = dict(instance.scope.data)
        self._layouts: dict[str, Layout] = dict(instance.scope.layouts)
        self._roles: dict[str, Role] = dict(instance.roles)
        self._added: list[str] = []

    def hold(self, names: Iterable[str]) -> None:
        """Decisions become parameters with their values at the point, a choice with its options."""
        for name in names:
            self.give(name, name, self.values(name))
            if isinstance(self.instance.program.symbols[name], Choice):
                options = self.instance.scope.options[name]
                self._data[name] = IndexColumn(options, self.values(name).astype(np.intp))

    def give(self, name: str, like: str, values: Values) -> str:
        """A parameter over the space of a family, with values ``(count,)``; its name."""
        symbol = self.instance.program.symbols[like]
        self._symbols[name] = Parameter(name, symbol.span, symbol.space, symbol.arity, symbol.own, ())
        self._layouts[name] = self._layouts[like]
        self._data[name] = values
        self._roles[name] = "data"
        return name

    def add_row(self, name: str, span: Span, space: Space, body: Relation) -> None:
        """One more constraint family."""
        count = len(space.indices)
        self.put(Constraint(name, span, space, count, count, body=body, named=False))
        self._added.append(name)

    def put(self, constraint: Constraint) -> None:
        """A constraint family in the place of the one of that name, with an index space of its own."""
        self._symbols[constraint.name] = constraint
        self._layouts[constraint.name] = layout_of(constraint.space, self.instance.scope)

    def values(self, name: str) -> Values:
        """The values of a family at the point, ``(count,)``."""
        size = self._layouts[name].size
        return np.array(np.broadcast_to(self.point[name], (size,)), dtype=np.float64)

    def finished(self, objective: Objective, decisions: Sequence[str], rows: Sequence[str]) -> Instance:
        """The instance of one decider, who has these decisions, these rows, and those that were added."""
        program = self.instance.program
        kept = [*rows, *self._added]
        own = {*kept, *decisions}
        symbols = {
            name: replace(symbol, block=()) if name in own else symbol
            for name, symbol in self._symbols.items()
            if name in own or not isinstance(symbol, Constraint)
        }
        root = Block("model", program.root.name, program.root.span, SCALAR, False, objective)
        root = replace(root, decisions=tuple(decisions), constraints=tuple(kept))
        scope = replace(
            self.instance.scope,
            symbols=symbols,
            data=self._data,
            layouts=self._layouts,
            structure=dict(self.instance.scope.structure),
            local={},
            point={},
        )
        alone = replace(program, symbols=symbols, root=root, equilibrium=None, certificates=(), methods=())
        return assemble(replace(self.instance, roles=self._roles, patterns={}, notes=()), alone, scope)
