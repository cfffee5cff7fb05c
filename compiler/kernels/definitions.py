"""Large aggregates inside something nonlinear, as decisions of their own.

Where the derivatives of an aggregate would be written out for too many pairs of its entries (``exp(sum(x))`` over a
large set), or for too many rows that share it, a new column ``y`` stands for it, defined by rows that are sparse:

    sum(b)         sum(b) - y == 0
    logsumexp(b)   sum(exp(b - y)) == 1
    norm2(b)       sum(b^2) - y^2 == 0,  y >= 0
    prod(b)        y_1 - b_1 == 0,  y_k - y_(k-1) b_k == 0, and the last y stands for it

The first is linear where ``b`` is. Short aggregates, and long ones of few columns (whose second derivatives are a
matrix product, see ``second``), stay as they are. A call of outside code that does not stand in the objective by itself
gets a column ``y`` too, with the row ``f(x) - y == 0``; ``f`` is no kernel, but is called (``forms.outside``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import ExternCall, Reduce

from ..evaluation.evaluate import evaluate, flat_values
from ..evaluation.scope import Scope
from ..spaces.algebra import UNIT, Table
from .loops import Index, Loop, Rows
from .nodes import Graph, Node
from .second import FEW_COLUMNS

Floats = NDArray[np.float64]
ENTRIES = 1 << 16  # so many derivatives are always written out
TIMES = 16  # and as many as this times the rows and columns that a definition would add


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """Columns ``first`` to ``first + count`` stand for an aggregate over ``table``, or for its parts (``prod``).

    ``body`` over ``finer``; ``rows``: the row of ``loop`` (the table's) that each row of it belongs to.
    ``family``: where the aggregate first stood.
    """

    term: Reduce
    table: Table
    child: Table
    loop: Loop
    finer: Loop
    rows: Index
    body: Node
    first: int
    count: int
    family: str | None

    def columns(self, graph: Graph) -> Node:
        """The new columns, over ``loop`` (of a product: over ``finer``)."""
        loop = self.finer if self.term.op == "prod" else self.loop
        return graph.load("x", loop.affine(self.first, 1), loop)

    def start(self, scope: Scope) -> Floats:
        """The values of the new columns at a point ``(count,)``; raises ``EvaluationError``."""
        if self.term.op != "prod":
            return flat_values(self.term, self.table, scope)
        values = np.broadcast_to(evaluate(self.term.body, self.child, scope), self.child.shape).reshape(-1).copy()
        owner = self.rows.positions(self.finer.size)
        for step in steps(owner):
            values[step] *= values[step - 1]
        return values


@dataclass(frozen=True, slots=True, eq=False)
class OutsideDefinition:
    """Column ``first`` stands for the value of a call of outside code. ``family``: where it first stood."""

    term: ExternCall
    first: int
    family: str | None
    table: Table = UNIT
    count: int = 1

    def column(self, graph: Graph, loop: Loop) -> Node:
        """The new column, in all rows of a loop."""
        return graph.load("x", loop.affine(self.first, 0), loop)

    def start(self, scope: Scope) -> Floats:
        """The value of the new column at a point ``(1,)``; raises ``EvaluationError``."""
        return flat_values(self.term, self.table, scope)


def steps(owner: Rows) -> Iterator[Rows]:
    """The rows that stand second in their segment, then those that stand third, and so on; segments are ascending."""
    starts = (
        np.flatnonzero(np.concatenate([np.ones(1, dtype=np.bool_), owner[1:] != owner[:-1]])) if len(owner) else owner
    )
    place = np.arange(len(owner)) - np.repeat(starts, np.diff(np.append(starts, len(owner))))
    order = np.argsort(place, kind="stable")
    ends = np.cumsum(np.bincount(place))
    for low, high in pairwise(ends.tolist()):
        yield order[low:high]


def worth_defining(body: Node, rows: Index, finer: Loop, loop: Loop, users: Rows | None) -> bool:
    """Whether an aggregate should become a decision. ``users``: the row of ``loop`` that each row using it lifts."""
    counts = np.bincount(rows.positions(finer.size), minlength=loop.size).astype(np.float64)
    width = float(len(_reads(body)))
    shared = 0.0 if users is None or len(users) <= loop.size else width * float(counts[users].sum())
    pairs = width**2 * float(counts @ counts)
    added = width * finer.size + loop.size + (0 if users is None else len(users))
    limit = max(ENTRIES, TIMES * added)
    if shared > limit:
        return True
    return pairs > limit and _touched(body) > FEW_COLUMNS


def _reads(body: Node) -> list[Node]:
    """The reads of the point that a node is made of."""
    found: dict[int, Node] = {}
    waiting = [body]
    while waiting:
        node = waiting.pop()
        if node.active and node.number not in found:
            found[node.number] = node
            waiting += node.args
    return [node for node in found.values() if node.op == "load"]


def _touched(body: Node) -> int:
    """How many columns a node reads in all its rows."""
    positions = [n.index.positions(n.loop.size) for n in _reads(body) if n.index is not None and n.loop is not None]
    return len(np.unique(np.concatenate(positions))) if positions else 0
