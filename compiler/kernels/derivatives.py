"""Derivatives of nodes, as nodes.

``gradient`` gives the derivatives of a node by the entries of the point, one entry of a list for each place where the
point is read: reverse accumulation within a loop, the chain rule between loops. A gathered node brings the entries of
its body, each multiplied by the derivative of what it stands in; a lifted one those of its source, for every row that
the source is lifted to. Second derivatives are the gradients of the coefficients; ``tangent`` is the derivative along
a direction, by which Hessian-vector products keep the factored form of nested sums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from .loops import Index, Loop, Rows, is_own, pairs
from .nodes import CHAINED, GATHERED, Graph, Node

# --------------------------------------------------------------------------------------------- elementwise, backwards
Rule = Callable[[Graph, Node, Node], tuple[Node, ...]]
"""For a node and a weight: the weight times the derivative by each argument."""


def _unary(inner: Callable[[Graph, Node, Node, Node], Node]) -> Rule:
    return lambda g, f, w: (inner(g, f, f.args[0], w),)


def _square(g: Graph, a: Node) -> Node:
    return g.mul(a, a)


def _over_root(g: Graph, a: Node, w: Node) -> Node:
    """``w / sqrt(1 - a^2)``."""
    return g.div(w, g.apply("sqrt", g.sub(g.constant(1.0), _square(g, a))))


def _pow(g: Graph, f: Node, w: Node) -> tuple[Node, ...]:
    base, exponent = f.args
    one = g.constant(1.0)
    if exponent.op == "const":
        by_base = g.mul(w, g.mul(exponent, g.pow(base, g.sub(exponent, one))))
    else:
        by_base = g.mul(w, g.apply("cpow", exponent, base, g.sub(exponent, one)))
    return by_base, (g.mul(w, g.apply("xlog", f, base)) if exponent.active else g.constant(0.0))


def _cpow(g: Graph, f: Node, w: Node) -> tuple[Node, ...]:
    factor, base, exponent = f.args
    by_base = g.apply("cpow", g.mul(factor, exponent), base, g.sub(exponent, g.constant(1.0)))
    zero = g.constant(0.0)
    return (
        g.mul(w, g.pow(base, exponent)) if factor.active else zero,
        g.mul(w, by_base),
        g.mul(w, g.apply("xlog", f, base)) if exponent.active else zero,
    )


def _sign_outside(g: Graph, f: Node, w: Node) -> Node:
    return _outside(g, f, g.mul(w, g.apply("sign", f.args[0])))


def _outside(g: Graph, f: Node, w: Node) -> Node:
    return g.apply("select", g.apply("inside", *f.args), g.constant(0.0), w)


RULES: dict[str, Rule] = {
    "add": lambda _g, _f, w: (w, w),
    "sub": lambda g, _f, w: (w, g.neg(w)),
    "mul": lambda g, f, w: (g.mul(w, f.args[1]), g.mul(w, f.args[0])),
    "div": lambda g, f, w: (g.div(w, f.args[1]), g.neg(g.div(g.mul(w, f), f.args[1]))),
    "neg": lambda g, _f, w: (g.neg(w),),
    "pow": _pow,
    "cpow": _cpow,
    "xlog": lambda g, f, w: (g.mul(w, g.apply("log", f.args[1])), g.div(g.mul(w, f.args[0]), f.args[1])),
    "exp": _unary(lambda g, f, _a, w: g.mul(w, f)),
    "log": _unary(lambda g, _f, a, w: g.div(w, a)),
    "log10": _unary(lambda g, _f, a, w: g.div(g.mul(g.constant(1 / log(10)), w), a)),
    "sqrt": _unary(lambda g, f, _a, w: g.div(g.mul(g.constant(0.5), w), f)),
    "sin": _unary(lambda g, _f, a, w: g.mul(w, g.apply("cos", a))),
    "cos": _unary(lambda g, _f, a, w: g.neg(g.mul(w, g.apply("sin", a)))),
    "tan": _unary(lambda g, f, _a, w: g.mul(w, g.add(g.constant(1.0), _square(g, f)))),
    "asin": _unary(lambda g, _f, a, w: _over_root(g, a, w)),
    "acos": _unary(lambda g, _f, a, w: g.neg(_over_root(g, a, w))),
    "atan": _unary(lambda g, _f, a, w: g.div(w, g.add(g.constant(1.0), _square(g, a)))),
    "sinh": _unary(lambda g, _f, a, w: g.mul(w, g.apply("cosh", a))),
    "cosh": _unary(lambda g, _f, a, w: g.mul(w, g.apply("sinh", a))),
    "tanh": _unary(lambda g, _f, a, w: g.div(w, _square(g, g.apply("cosh", a)))),
    "abs": _unary(lambda g, _f, a, w: g.mul(w, g.apply("sign", a))),
    "erf": _unary(lambda g, _f, a, w: g.mul(g.mul(g.constant(2 / sqrt(pi)), w), g.apply("exp", g.neg(_square(g, a))))),
    "sigmoid": _unary(lambda g, f, a, w: g.mul(w, g.mul(f, g.apply("sigmoid", g.neg(a))))),
    "softplus": _unary(lambda g, _f, a, w: g.mul(w, g.apply("sigmoid", a))),
    "entropy": _unary(lambda g, _f, a, w: g.neg(g.mul(w, g.add(g.constant(1.0), g.apply("log", a))))),
    "kl": lambda g, f, w: (
        g.mul(w, g.add(g.constant(1.0), g.apply("log", g.div(*f.args)))),
        g.neg(g.mul(w, g.div(*f.args))),
    ),
    "huber": lambda g, f, w: (g.mul(w, g.apply("clip", *f.args)), g.mul(w, g.apply("excess", *f.args))),
    "clip": lambda g, f, w: (
        g.apply("select", g.apply("inside", *f.args), w, g.constant(0.0)),
        _sign_outside(g, f, w),
    ),
    "excess": lambda g, f, w: (_sign_outside(g, f, w), g.neg(_outside(g, f, w))),
    "nonzero": _unary(lambda g, _f, a, w: g.apply("select", g.apply("iszero", a), g.constant(0.0), w)),
    "select": lambda g, f, w: (
        g.constant(0.0),
        g.apply("select", f.args[0], w, g.constant(0.0)),
        g.apply("select", f.args[0], g.constant(0.0), w),
    ),
}


def partials(graph: Graph, root: Node, seed: Node) -> list[tuple[Node, Node]]:
    """The loads, gathered and lifted nodes that ``root`` is made of in its own loop, and ``seed`` times the derivative
    by each, by reverse accumulation."""
    adjoint = {root.number: seed}
    waiting = [-root.number]
    found: list[tuple[Node, Node]] = []
    while waiting:
        node = graph.nodes[-heappop(waiting)]
        weight = adjoint.pop(node.number)
        if node.op in CHAINED:
            found.append((node, weight))
            continue
        for arg, part in zip(node.args, RULES[node.op](graph, node, weight), strict=True):
            if not arg.active or (part.op == "const" and part.value == 0.0):
                continue
            if arg.number in adjoint:
                adjoint[arg.number] = graph.add(adjoint[arg.number], part)
            else:
                adjoint[arg.number] = part
                heappush(waiting, -arg.number)
    return found[::-1]


# ---------------------------------------------------------------------------------------------------- between loops
@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Derivatives by entries of the point, one for each row of ``loop``: ``coefficient``, by column ``column``.

    ``rows``: the row of the differentiated node that each belongs to.
    """

    loop: Loop
    rows: Index
    column: Index
    coefficient: Node


@dataclass(eq=False)
class Calculus:
    """Derivatives over one graph; those of a node are worked out once."""

    graph: Graph
    _gradients: dict[int, list[Entry]] = field(default_factory=dict)
    _tangents: dict[int, Node] = field(default_factory=dict)
    _pairs: dict[tuple[int, ...], tuple[Loop, Index, Index]] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, object]:
        """Without what is known by identity."""
        return {**self.__dict__, "_pairs": {}}

    def gradient(self, node: Node) -> list[Entry]:
        """The derivatives of a node by the entries of the point; the same entry may come up more than once."""
        if node.number not in self._gradients:
            self._gradients[node.number] = self._gradient(node) if node.active else []
        return self._gradients[node.number]

    def _gradient(self, root: Node) -> list[Entry]:
        assert root.loop is not None
        found: list[Entry] = []
        for leaf, weight in partials(self.graph, root, self.graph.constant(1.0)):
            found += self.chained(leaf, weight, root.loop)
        return found

    def chained(self, leaf: Node, weight: Node, loop: Loop) -> list[Entry]:
        """The entries that one leaf brings, times a weight over the loop that it stands in."""
        graph = self.graph
        if leaf.op == "load":
            assert leaf.index is not None
            return [Entry(loop, loop.own(), leaf.index, weight)]
        source = leaf.args[0]
        assert source.loop is not None
        found: list[Entry] = []
        assert leaf.index is not None
        if leaf.op == "lift":
            for e in self.gradient(source):
                both, one, two = self.pairs(loop, leaf.index, e.loop, e.rows, source.loop)
                left, right = graph.lifted(weight, one, both), graph.lifted(e.coefficient, two, both)
                found.append(Entry(both, one, both.through(e.column, two), graph.mul(left, right)))
            return found
        for e in self.gradient(source):
            rows = e.loop.through(leaf.index, e.rows)
            outer = graph.lifted(weight, rows, e.loop)
            if leaf.op == "prod":
                outer = graph.mul(outer, graph.lifted(self.others(leaf), e.rows, e.loop))
            found.append(Entry(e.loop, rows, e.column, graph.mul(outer, e.coefficient)))
        return found

    def pairs(
        self, first: Loop, first_rows: Index, second: Loop, second_rows: Index, common: Loop, half: bool = False
    ) -> tuple[Loop, Index, Index]:
        """The pairs of rows that belong to the same row of ``common``; one of the loops itself where that is all.

        ``half``: of a loop with itself, each pair in one order only.
        """
        if is_own(second, common, second_rows):
            return first, first.own(), first_rows
        if is_own(first, common, first_rows):
            return second, second_rows, second.own()
        key = (id(first), id(first_rows), id(second), id(second_rows), half)
        if key not in self._pairs:
            one, two = pairs(first_rows.positions(first.size), second_rows.positions(second.size), common.size)
            self._pairs[key] = _loop_of(one, two, one <= two if half else None)
        return self._pairs[key]

    def pairs_apart(
        self, product: Node, first: Loop, first_rows: Index, second: Loop, second_rows: Index, half: bool = False
    ) -> tuple[Loop, Index, Index]:
        """The pairs of rows of two loops that refine a product's body, of which each lies in another row of it."""
        rows = product.index
        assert rows is not None and product.loop is not None
        key = (id(first), id(first_rows), id(second), id(second_rows), half, id(rows))
        if key not in self._pairs:
            left, right = first_rows.positions(first.size), second_rows.positions(second.size)
            one, two = pairs(rows.at(left), rows.at(right), product.loop.size)
            keep = left[one] != right[two]
            self._pairs[key] = _loop_of(one, two, keep & (one < two) if half else keep)
        return self._pairs[key]

    # ------------------------------------------------------------------------------------------------- along a line
    def tangent(self, node: Node) -> Node:
        """The derivative of a node along the direction."""
        if not node.active:
            return self.graph.constant(0.0)
        if node.number not in self._tangents:
            self._tangents[node.number] = self._tangent(node)
        return self._tangents[node.number]

    def _tangent(self, node: Node) -> Node:
        graph = self.graph
        assert node.loop is not None
        if node.op == "load":
            assert node.index is not None
            return graph.load("direction", node.index, node.loop)
        if node.op == "lift":
            assert node.index is not None
            return graph.lifted(self.tangent(node.args[0]), node.index, node.loop)
        if node.op == "others":
            product = node.args[1]
            body = product.args[0]
            assert body.loop is not None
            both, one, two = self.pairs_apart(product, body.loop, body.loop.own(), body.loop, body.loop.own())
            rest = self.all_but_two(product, both, one, two)
            along = graph.mul(rest, graph.lifted(self.tangent(body), two, both))
            return graph.gathered("sum", along, one, both, body.loop)
        if node.op in GATHERED:
            body = node.args[0]
            along = self.tangent(body)
            if node.op == "prod":
                along = graph.mul(self.others(node), along)
            assert node.index is not None and body.loop is not None
            return graph.gathered("sum", along, node.index, body.loop, node.loop)
        total = graph.constant(0.0)
        for arg, k in zip(node.args, range(len(node.args)), strict=True):
            if arg.active:
                total = graph.add(total, RULES[node.op](graph, node, self.tangent(arg))[k])
        return total

    # ----------------------------------------------------------------------------------------------------- products
    def others(self, product: Node) -> Node:
        """For each row of a product's body the product of all other rows, also where some are zero."""
        graph, body, rows = self.graph, product.args[0], product.index
        assert rows is not None and body.loop is not None and product.loop is not None
        whole, zeros = self._product_without_zeros(product)
        none = graph.sub(graph.lifted(zeros, rows, body.loop), graph.apply("iszero", body))
        rest = graph.div(graph.lifted(whole, rows, body.loop), graph.apply("nonzero", body))
        return graph.others(graph.apply("select", none, graph.constant(0.0), rest), product)

    def _product_without_zeros(self, product: Node) -> tuple[Node, Node]:
        """The product of the rows that are not zero, and how many are."""
        graph, body, rows = self.graph, product.args[0], product.index
        assert rows is not None and body.loop is not None and product.loop is not None
        whole = graph.gathered("prod", graph.apply("nonzero", body), rows, body.loop, product.loop)
        return whole, graph.gathered("sum", graph.apply("iszero", body), rows, body.loop, product.loop)

    def all_but_two(self, product: Node, loop: Loop, first: Index, second: Index) -> Node:
        """The product of all rows of a body but two different ones, for each row of a loop that says which two."""
        graph, body, rows = self.graph, product.args[0], product.index
        assert rows is not None
        whole, zeros = self._product_without_zeros(product)
        up = loop.through(rows, first)
        none, rest = graph.lifted(zeros, up, loop), graph.lifted(whole, up, loop)
        for at in (first, second):
            none = graph.sub(none, graph.lifted(graph.apply("iszero", body), at, loop))
            rest = graph.div(rest, graph.lifted(graph.apply("nonzero", body), at, loop))
        return graph.apply("select", none, graph.constant(0.0), rest)


def _loop_of(one: Rows, two: Rows, keep: NDArray[np.bool_] | None) -> tuple[Loop, Index, Index]:
    if keep is not None:
        one, two = one[keep], two[keep]
    loop = Loop(len(one))
    return loop, loop.index(one), loop.index(two)
