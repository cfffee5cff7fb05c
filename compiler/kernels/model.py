"""Values and derivatives of an objective and of rows, as kernel programs over the whole problem.

The objective is ``f(x) = sum of its terms``, row ``r`` is ``c_r(x) = sum of the terms that belong to it``; a term is a
node over a loop (``Term``). Programs are made when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from .data import DataArrays
from .derivatives import Calculus, Entry
from .loops import Index, Loop
from .nodes import Graph, Node
from .programs import Program, Stream, program
from .sparsity import Pattern, Triples, pattern


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """``node`` over ``loop``, added to row ``rows`` (None: to the objective). ``family``: what it belongs to."""

    node: Node
    loop: Loop
    rows: Index | None
    family: str


@dataclass(eq=False)
class Model:
    """``columns``, ``rows``: how many of each the problem has."""

    columns: int
    rows: int
    graph: Graph
    data: DataArrays
    objective: tuple[Term, ...]
    constraints: tuple[Term, ...]
    calculus: Calculus = field(init=False)

    def __post_init__(self) -> None:
        self.calculus = Calculus(self.graph)

    # ---------------------------------------------------------------------------------------------------- values
    @cached_property
    def value_program(self) -> Program:
        streams = [Stream(t.node, t.loop.affine(0, 0)) for t in self.objective]
        return program("value", streams, 1, self.graph)

    @cached_property
    def rows_program(self) -> Program:
        streams = [Stream(t.node, t.rows) for t in self.constraints if t.rows is not None]
        return program("rows", streams, self.rows, self.graph)

    # --------------------------------------------------------------------------------------------- first derivatives
    @cached_property
    def gradient_program(self) -> Program:
        entries = [e for t in self.objective for e in self._entries(t.node)]
        return program("gradient", [self._stream(e, e.column) for e in entries], self.columns, self.graph)

    def _entries(self, node: Node) -> list[Entry]:
        return [e for e in self.calculus.gradient(node) if not _zero(e.coefficient)]

    def _stream(self, entry: Entry, slots: Index) -> Stream:
        return Stream(self._over(entry.coefficient, entry.loop), slots)

    def _over(self, node: Node, loop: Loop) -> Node:
        return self.graph.spread(node, loop) if node.loop is None else node

    @cached_property
    def jacobian_pattern(self) -> Pattern:
        return pattern(self._jacobian, self.columns)

    @cached_property
    def _jacobian(self) -> list[Triples]:
        found = []
        for t in self.constraints:
            assert t.rows is not None
            for e in self._entries(t.node):
                rows = e.loop.through(t.rows, e.rows).positions(e.loop.size)
                node = self._over(e.coefficient, e.loop)
                found.append(Triples(node, e.loop, rows, e.column.positions(e.loop.size)))
        return found

    @cached_property
    def jacobian_program(self) -> Program:
        return _filled("jacobian", self._jacobian, self.jacobian_pattern, self.graph)

    # -------------------------------------------------------------------------------------------- second derivatives
    @cached_property
    def _weighted(self) -> tuple[Node, ...]:
        """The terms of the Lagrangian."""
        graph = self.graph
        found = [graph.mul(graph.load("sigma", t.loop.affine(0, 0), t.loop), t.node) for t in self.objective]
        for t in self.constraints:
            assert t.rows is not None
            found.append(graph.mul(graph.load("multipliers", t.rows, t.loop), t.node))
        return tuple(found)

    @cached_property
    def _hessian(self) -> list[Triples]:
        return [triple for node in self._weighted for triple in self._second(node)]

    def _second(self, node: Node) -> Iterator[Triples]:
        """The second derivatives of a node: of each pair of columns once, at the larger and the smaller of both."""
        entries = self._entries(node)
        flat = all(e.loop is node.loop and e.rows.identity for e in entries)
        order = {id(e.column): k for k, e in enumerate(entries)}
        for e in entries:
            for second in self._entries(e.coefficient):
                loop = second.loop
                rows = loop.through(e.column, second.rows)
                own = self._over(second.coefficient, loop)
                if not flat:
                    yield _below(own, loop, rows, second.column)
                elif order[id(second.column)] <= order[id(e.column)]:
                    yield self._either_way(own, loop, rows, second.column)

    def _either_way(self, node: Node, loop: Loop, first: Index, second: Index) -> Triples:
        """A mixed derivative that stands for both orders: it counts twice where both columns are the same."""
        a, b = first.positions(loop.size), second.positions(loop.size)
        if first is not second:
            same = a == b
            if same.any():
                factor = np.where(same, 2.0, 1.0)
                array = self.data.add(lambda _scope: factor, loop.size, frozenset(), None)
                node = self.graph.mul(self.graph.load("data", loop.own(), loop, array), node)
        return Triples(node, loop, np.maximum(a, b), np.minimum(a, b))

    @cached_property
    def hessian_pattern(self) -> Pattern:
        return pattern(self._hessian, self.columns)

    @cached_property
    def hessian_program(self) -> Program:
        return _filled("hessian", self._hessian, self.hessian_pattern, self.graph)

    @cached_property
    def product_program(self) -> Program:
        """The Hessian of the Lagrangian times a direction, without the Hessian."""
        streams = []
        for node in self._weighted:
            for e in self._entries(node):
                along = self.calculus.tangent(e.coefficient)
                if not _zero(along):
                    streams.append(Stream(self._over(along, e.loop), e.column))
        return program("product", streams, self.columns, self.graph)


def _zero(node: Node) -> bool:
    return node.op == "const" and node.value == 0.0


def _below(node: Node, loop: Loop, rows: Index, columns: Index) -> Triples:
    """The entries on and below the diagonal; those above stand for the same pairs the other way round."""
    a, b = rows.positions(loop.size), columns.positions(loop.size)
    return Triples(node, loop, np.where(a < b, -1, a), b)


def _filled(name: str, parts: list[Triples], found: Pattern, graph: Graph) -> Program:
    streams = [Stream(part.node, slots) for part, slots in zip(parts, found.slots, strict=True)]
    return program(name, streams, found.size + found.spare, graph)
