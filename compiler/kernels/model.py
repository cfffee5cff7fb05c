"""Values and derivatives of an objective and of rows, as kernel programs over the whole problem.

The objective is ``f(x) = sum of its terms``, row ``r`` is ``c_r(x) = sum of the terms that belong to it``; a term is a
node over a loop (``Term``). Programs are made when they are first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from .data import DataArrays
from .derivatives import Calculus, Entry
from .factored import Factored, factored
from .loops import Index, Loop
from .nodes import Graph, Node
from .programs import Program, Stream, program
from .second import SecondOrder
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

    def program(self, name: str) -> Program:
        """``value rows gradient jacobian hessian product``, and ``first k``, ``second k``, ``weight k`` of the
        factored parts of the Hessian."""
        part, _, number = name.partition(" ")
        if not number:
            found: Program = getattr(self, f"{part}_program")
            return found
        factors = self.factored[int(number)]
        return {"first": factors.first.program, "second": factors.second.program, "weight": factors.weight}[part]

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
        return Stream(self.graph.spread_over(entry.coefficient, entry.loop), slots)

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
                node = self.graph.spread_over(e.coefficient, e.loop)
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
    def _second(self) -> SecondOrder:
        found = SecondOrder(self.calculus)
        for node in self._weighted:
            found.add(node)
        return found

    @cached_property
    def factored(self) -> tuple[Factored, ...]:
        """The parts of the Hessian that are left factored."""
        return tuple(factored(outer, self.columns, self.graph) for outer in self._second.outers)

    @cached_property
    def _places(self) -> list[Triples]:
        return [*self._second.triples, *(Triples(None, None, f.rows, f.columns) for f in self.factored)]

    @cached_property
    def hessian_pattern(self) -> Pattern:
        return pattern(self._places, self.columns)

    @property
    def factored_slots(self) -> tuple[Index, ...]:
        """Where the entries of each factored part go in the Hessian."""
        return self.hessian_pattern.slots[len(self._second.triples) :]

    @cached_property
    def hessian_program(self) -> Program:
        """All of the Hessian but its factored parts."""
        return _filled("hessian", self._places, self.hessian_pattern, self.graph)

    @cached_property
    def product_program(self) -> Program:
        """The Hessian of the Lagrangian times a direction, without the Hessian."""
        streams = []
        for node in self._weighted:
            for e in self._entries(node):
                along = self.calculus.tangent(e.coefficient)
                if not _zero(along):
                    streams.append(Stream(self.graph.spread_over(along, e.loop), e.column))
        return program("product", streams, self.columns, self.graph)


def _zero(node: Node) -> bool:
    return node.op == "const" and node.value == 0.0


def _filled(name: str, parts: list[Triples], found: Pattern, graph: Graph) -> Program:
    streams = [Stream(p.node, slots) for p, slots in zip(parts, found.slots, strict=True) if p.node is not None]
    return program(name, streams, found.size, graph)
