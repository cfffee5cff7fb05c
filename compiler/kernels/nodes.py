"""The kernel IR: expressions over loops, each distinct one once.

A node is a number for each row of its loop (of none, for constants). ``load`` reads an array at an index: the point
``x``, the ``multipliers`` of the rows, the factor ``sigma`` of the objective, a ``direction``, one of the arrays of
``data``, or one that is ``fixed`` with the structure. ``sum``, ``prod`` and ``max`` gather the rows of a finer loop
that belong to each row; ``lift`` gives each row of a finer loop what the row of the coarser loop that it belongs to
has. All else is elementwise.

Equal nodes are one node, and what is zero, one or a constant is worked out at once: so derivatives come out with their
common parts shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .loops import Index, Loop, is_own
from .scalars import SCALARS

GATHERED = frozenset({"sum", "prod", "max"})
CHAINED = GATHERED | {"load", "lift", "others"}
"""What is differentiated as a whole, by a rule that looks into other loops."""
FLAT = frozenset({"sign", "iszero", "inside"})
"""Elementwise operations that are constant piece by piece: their derivative is zero wherever there is one."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """``number`` rises from parts to wholes. ``active``: its derivative by the point need not be zero.

    Of a load: ``source``, ``array`` (of ``data`` and ``fixed``: which) and ``index``; of a gathered or lifted one
    ``index`` is the row of the coarser loop by row of the finer.
    """

    number: int
    op: str
    loop: Loop | None
    args: tuple[Node, ...] = ()
    value: float = 0.0
    source: str = ""
    array: int = 0
    index: Index | None = None
    active: bool = False


@dataclass(eq=False)
class Graph:
    """Makes nodes. Two arguments of one operation must be over one loop. ``fixed``: the arrays of that source."""

    nodes: list[Node] = field(default_factory=list)
    fixed: list[NDArray[np.float64]] = field(default_factory=list)
    _known: dict[object, Node] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, object]:
        """Without what is known by identity."""
        return {**self.__dict__, "_known": {}}

    # ------------------------------------------------------------------------------------------------------ leaves
    def constant(self, value: float) -> Node:
        return self._node(("const", repr(float(value))), "const", None, value=float(value))

    def load(self, source: str, index: Index, loop: Loop, array: int = 0) -> Node:
        """An array read at an index."""
        key = ("load", source, array, id(index), id(loop))
        return self._node(key, "load", loop, source=source, array=array, index=index, active=source == "x")

    def given(self, values: NDArray[np.float64], loop: Loop) -> Node:
        """Numbers that belong to the structure, ``(loop.size,)``."""
        self.fixed.append(values)
        return self.load("fixed", loop.own(), loop, len(self.fixed) - 1)

    def gathered(self, op: str, body: Node, rows: Index, finer: Loop, loop: Loop) -> Node:
        """``sum``, ``prod`` or ``max`` of a node over ``finer`` for each row of ``loop``."""
        if op == "sum" and body.op == "const":
            if body.value == 0.0:
                return body
            body = self.spread(body, finer)
        if is_own(finer, loop, rows):
            return self.moved(body, loop)
        key = (op, body.number, id(rows), id(loop))
        active = body.active and op != "max"
        return self._node(key, op, loop, (body,), index=rows, active=active)

    def spread(self, constant: Node, loop: Loop) -> Node:
        """A constant that has the rows of a loop."""
        one = self.load("one", loop.affine(0, 0), loop)
        if constant.value == 1.0:
            return one
        return self._node(("mul", constant.number, one.number, id(loop)), "mul", loop, (constant, one))

    def moved(self, node: Node, loop: Loop) -> Node:
        """A node over a loop whose rows are those of its own, as a node over that loop."""
        return self.lifted(node, loop.own(), loop)

    def lifted(self, node: Node, rows: Index, loop: Loop) -> Node:
        """For each row of ``loop`` what row ``rows`` of the node's own loop has."""
        if node.loop is None or node.loop is loop:
            return node
        if node.op == "load":
            assert node.index is not None
            return self.load(node.source, loop.through(node.index, rows), loop, node.array)
        if node.op == "lift":
            assert node.index is not None
            return self.lifted(node.args[0], loop.through(node.index, rows), loop)
        key = ("lift", node.number, id(rows), id(loop))
        return self._node(key, "lift", loop, (node,), index=rows, active=node.active)

    def others(self, value: Node, product: Node) -> Node:
        """``value``, known to be for each row of a product's body the product of all other rows."""
        key = ("others", value.number, product.number)
        return self._node(key, "others", value.loop, (value, product), active=True)

    def spread_over(self, node: Node, loop: Loop) -> Node:
        """A node that has the rows of its loop, also where it is a constant."""
        return self.spread(node, loop) if node.loop is None else node

    def held(self, value: Node) -> Node:
        """A node that counts as a number when it is differentiated."""
        return self._node(("held", value.number), "held", value.loop, (value,)) if value.active else value

    # ------------------------------------------------------------------------------------------------- elementwise
    def add(self, a: Node, b: Node) -> Node:
        if _is(a, 0.0):
            return b
        if _is(b, 0.0):
            return a
        if a is b:
            return self.mul(self.constant(2.0), a)
        if b.op == "neg":
            return self.sub(a, b.args[0])
        if a.op == "neg":
            return self.sub(b, a.args[0])
        return self._elementwise("add", *_ordered(a, b))

    def sub(self, a: Node, b: Node) -> Node:
        if _is(b, 0.0):
            return a
        if _is(a, 0.0):
            return self.neg(b)
        if a is b:
            return self.constant(0.0)
        if b.op == "neg":
            return self.add(a, b.args[0])
        return self._elementwise("sub", a, b)

    def neg(self, a: Node) -> Node:
        if a.op == "neg":
            return a.args[0]
        if a.op == "sub":
            return self.sub(a.args[1], a.args[0])
        if a.op == "mul" and a.args[0].op == "const":
            return self.mul(self.constant(-a.args[0].value), a.args[1])
        return self._elementwise("neg", a)

    def mul(self, a: Node, b: Node) -> Node:
        if b.op == "const":
            a, b = b, a
        if a.op == "const":
            return self._times(a, b)
        if a.op == "neg":
            return self.neg(self.mul(a.args[0], b))
        if b.op == "neg":
            return self.neg(self.mul(a, b.args[0]))
        if a.op == "mul" and a.args[0].op == "const":
            return self.mul(a.args[0], self.mul(a.args[1], b))
        if b.op == "mul" and b.args[0].op == "const":
            return self.mul(b.args[0], self.mul(a, b.args[1]))
        return self._elementwise("mul", *_ordered(a, b))

    def _times(self, factor: Node, b: Node) -> Node:
        value = factor.value
        if value == 0.0:
            return factor
        if value == 1.0:
            return b
        if b.op == "const":
            return self.constant(value * b.value)
        if value == -1.0:
            return self.neg(b)
        if b.op == "neg":
            return self._times(self.constant(-value), b.args[0])
        if b.op == "mul" and b.args[0].op == "const":
            return self._times(self.constant(value * b.args[0].value), b.args[1])
        return self._elementwise("mul", factor, b)

    def div(self, a: Node, b: Node) -> Node:
        if _is(a, 0.0) or _is(b, 1.0):
            return a
        if a.op == "neg":
            return self.neg(self.div(a.args[0], b))
        if b.op == "neg":
            return self.neg(self.div(a, b.args[0]))
        return self._elementwise("div", a, b)

    def pow(self, base: Node, exponent: Node) -> Node:
        if exponent.op == "const":
            if exponent.value == 0.0:
                return self.constant(1.0)
            if exponent.value == 1.0:
                return base
            if exponent.value == 2.0:
                return self.mul(base, base)
            if exponent.value == 0.5:
                return self.apply("sqrt", base)
            if exponent.value == -1.0:
                return self.div(self.constant(1.0), base)
        return self._elementwise("pow", base, exponent)

    def apply(self, op: str, *args: Node) -> Node:
        """An elementwise operation by name."""
        if op in ("add", "sub", "mul", "div"):
            found = args[0]
            for arg in args[1:]:
                found = getattr(self, op)(found, arg)
            return found
        if op == "neg":
            return self.neg(*args)
        if op == "pow":
            return self.pow(*args)
        if op == "select" and args[1] is args[2]:
            return args[1]
        return self._elementwise(op, *args)

    def _elementwise(self, op: str, *args: Node) -> Node:
        if all(a.op == "const" for a in args):
            return self.constant(SCALARS[op](*(a.value for a in args)))
        loops = {a.loop for a in args if a.loop is not None}
        assert len(loops) == 1, f"{op} of nodes over different loops"
        active = op not in FLAT and any(a.active for a in args)
        return self._node((op, *(a.number for a in args)), op, loops.pop(), args, active=active)

    def _node(
        self,
        key: object,
        op: str,
        loop: Loop | None,
        args: tuple[Node, ...] = (),
        value: float = 0.0,
        source: str = "",
        array: int = 0,
        index: Index | None = None,
        active: bool = False,
    ) -> Node:
        known = self._known.get(key)
        if known is None:
            known = Node(len(self.nodes), op, loop, args, value, source, array, index, active)
            self._known[key] = known
            self.nodes.append(known)
        return known


def _is(node: Node, value: float) -> bool:
    return node.op == "const" and node.value == value


def _ordered(a: Node, b: Node) -> tuple[Node, Node]:
    """Constants first, then by age: the same for both orders of a commutative operation."""
    return (a, b) if (a.op != "const", a.number) <= (b.op != "const", b.number) else (b, a)
