"""Second derivatives: each pair of columns once, in the lower triangle.

A term is a function of what it reads in its own loop: entries of the point, and sums, products and lifted values of
other loops. With ``u_i`` for what it reads, ``w_i`` its derivative by ``u_i`` and ``L_ij`` those of ``w_i``,

    Hessian = sum_ij L_ij (grad u_i) (grad u_j)' + sum_i w_i (Hessian of u_i),

the second part with ``w_i`` held, by the same rule in the loop of ``u_i``. Where both gradients have few entries the
first part is a loop over their pairs. Where they have many it is left factored, as ``J_i' D J_j``: the rows of ``J_i``
are the gradients of ``u_i``, ``D`` is diagonal (``Outer``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .derivatives import Calculus, Entry, partials
from .loops import Index, Loop, pair_count
from .nodes import Graph, Node
from .sparsity import Triples

MANY_PAIRS = 1 << 18  # pairs of one sum that are worth a matrix product instead
FEW_COLUMNS = 1024  # where they read no more columns than these


@dataclass(frozen=True, slots=True, eq=False)
class Outer:
    """``J' D J`` (``first is second``), or ``J' D K + K' D J``: the rows of J and K are those of ``loop``."""

    first: tuple[Entry, ...]
    second: tuple[Entry, ...]
    weight: Node
    loop: Loop


@dataclass(eq=False)
class SecondOrder:
    """Collects the second derivatives of weighted terms."""

    calculus: Calculus
    triples: list[Triples] = field(default_factory=list)
    outers: list[Outer] = field(default_factory=list)

    @property
    def graph(self) -> Graph:
        return self.calculus.graph

    def add(self, node: Node) -> None:
        """The second derivatives of a node, summed over its rows."""
        if not node.active:
            return
        assert node.loop is not None
        reads = partials(self.graph, node, self.graph.constant(1.0))
        order = {leaf.number: k for k, (leaf, _) in enumerate(reads)}
        for k, (leaf, weight) in enumerate(reads):
            if weight.active:
                for other, mixed in partials(self.graph, weight, self.graph.constant(1.0)):
                    if order.get(other.number, k + 1) <= k:
                        self._pair(node.loop, leaf, other, mixed)
            self._inside(leaf, weight, node.loop)

    # --------------------------------------------------------------------------------------- within what is read
    def _inside(self, leaf: Node, weight: Node, loop: Loop) -> None:
        """The weighted second derivatives of a sum, a product or a lifted value itself."""
        if leaf.op == "load":
            return
        graph, source = self.graph, leaf.args[0]
        assert leaf.index is not None and source.loop is not None
        held = graph.held(weight)
        if leaf.op == "lift":
            total = graph.gathered("sum", graph.spread_over(held, loop), leaf.index, loop, source.loop)
            self.add(graph.mul(total, source))
            return
        inner = graph.lifted(held, leaf.index, source.loop)
        if leaf.op == "prod":
            self._product(leaf, inner)
            inner = graph.mul(inner, graph.held(self.calculus.others(leaf)))
        self.add(graph.mul(inner, source))

    def _product(self, product: Node, weight: Node) -> None:
        """Of a product: each two of its factors, times all others."""
        graph, body = self.graph, product.args[0]
        entries = self.calculus.gradient(body)
        for k, a in enumerate(entries):
            for b in entries[: k + 1]:
                both, one, two = self.calculus.pairs_apart(product, a.loop, a.rows, b.loop, b.rows, half=a is b)
                first, second = both.through(a.rows, one), both.through(b.rows, two)
                rest = self.calculus.all_but_two(product, both, first, second)
                value = graph.mul(graph.lifted(weight, first, both), rest)
                self._at(graph.mul(value, self._both(a, b, both, one, two)), a, b, both, one, two)

    # ------------------------------------------------------------------------------------------- between two reads
    def _pair(self, loop: Loop, first: Node, second: Node, mixed: Node) -> None:
        """The mixed derivative by two reads of a loop, in both orders."""
        left, right = self._entries(first, loop), self._entries(second, loop)
        if self._many(left, right, loop):
            own = tuple(left)
            self.outers.append(Outer(own, own if first is second else tuple(right), mixed, loop))
            return
        graph = self.graph
        for k, a in enumerate(left):
            for b in left[: k + 1] if first is second else right:
                both, one, two = self.calculus.pairs(a.loop, a.rows, b.loop, b.rows, loop, half=a is b)
                weight = graph.lifted(mixed, both.through(a.rows, one), both)
                self._at(graph.mul(weight, self._both(a, b, both, one, two)), a, b, both, one, two)

    def _entries(self, leaf: Node, loop: Loop) -> list[Entry]:
        return self.calculus.chained(leaf, self.graph.constant(1.0), loop)

    @staticmethod
    def _many(left: list[Entry], right: list[Entry], loop: Loop) -> bool:
        pairs = 0
        for a in left:
            for b in right:
                if a.loop is not loop and b.loop is not loop:
                    pairs += pair_count(a.rows.positions(a.loop.size), b.rows.positions(b.loop.size), loop.size)
        return pairs > MANY_PAIRS and max(_touched(left), _touched(right)) <= FEW_COLUMNS

    def _both(self, a: Entry, b: Entry, both: Loop, one: Index, two: Index) -> Node:
        graph = self.graph
        return graph.mul(graph.lifted(a.coefficient, one, both), graph.lifted(b.coefficient, two, both))

    def _at(self, node: Node, a: Entry, b: Entry, both: Loop, one: Index, two: Index) -> None:
        """Adds a coefficient of a pair, which stands for both orders: on the diagonal it counts twice, unless it is
        the pair of an entry with itself."""
        if node.op == "const" and node.value == 0.0:
            return
        graph = self.graph
        first, second = (both.through(e.column, at) for e, at in ((a, one), (b, two)))
        rows, columns = first.positions(both.size), second.positions(both.size)
        if first is not second or a is not b or one is not two:
            twice = rows == columns
            if a is b:
                twice &= one.positions(both.size) != two.positions(both.size)
            if twice.all():
                node = graph.mul(graph.constant(2.0), node)
            elif twice.any():
                node = graph.mul(graph.given(np.where(twice, 2.0, 1.0), both), node)
        node = graph.spread_over(node, both)
        self.triples.append(Triples(node, both, np.maximum(rows, columns), np.minimum(rows, columns)))


def _touched(entries: list[Entry]) -> int:
    """How many columns some entries read in all their rows."""
    return len(np.unique(np.concatenate([np.unique(e.column.positions(e.loop.size)) for e in entries])))
