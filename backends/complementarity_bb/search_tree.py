"""The bookkeeping of branch and bound: open nodes by bound, the best point, and what the gap has closed.

Values are in the sense of minimising.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from optc.compiler.forms.linear import Floats, Ints

from .branching import Box, Branch
from .node_relaxation import Kept, Relaxed


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A part of the tree that is still open: ``branch`` on top of what ``parent`` fixes.

    ``bound``: what is known before it is solved; ``before``: the value of its parent's relaxation; ``kept``: the
    parent's basis; ``moved``: the bounds that propagation moved in the parent.
    """

    bound: float = -math.inf
    before: float = -math.inf
    parent: Node | None = None
    branch: Branch | None = None
    kept: Kept | None = None
    moved: Moved | None = None

    def box(self, root: Box) -> Box:
        """The column bounds that hold in it."""
        lower, upper = root[0].copy(), root[1].copy()
        for node in reversed(self.path()):
            if node.moved is not None:
                lower[node.moved.columns], upper[node.moved.columns] = node.moved.lower, node.moved.upper
            if node.branch is not None:
                node.branch.narrow(lower, upper)
        return lower, upper

    def path(self) -> list[Node]:
        """The node and those above it, the root last."""
        found = [self]
        while found[-1].parent is not None:
            found.append(found[-1].parent)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """Bounds of some ``columns``, each ``(count,)``."""

    columns: Ints
    lower: Floats
    upper: Floats

    @staticmethod
    def between(before: Box, after: Box) -> Moved:
        columns = np.flatnonzero((before[0] != after[0]) | (before[1] != after[1])).astype(np.int32)
        return Moved(columns, after[0][columns], after[1][columns])


@dataclass(slots=True, eq=False)
class Incumbent:
    """The best point ``x`` and its ``value``; ``points`` counts how often it got better.

    ``floor``: the least bound of the parts that were given up, since they hold nothing better by more than the gap or
    could not be solved. The gap is the larger of ``absolute`` and ``relative`` times the value (1 at least).
    """

    absolute: float
    relative: float
    x: Floats | None = None
    value: float = math.inf
    floor: float = math.inf
    points: int = 0

    def take(self, found: Relaxed) -> None:
        """Keep a feasible point if it is better."""
        if found.x is not None and found.objective < self.value:
            self.x, self.value, self.points = found.x, found.objective, self.points + 1

    def cutoff(self) -> float:
        """Parts with this bound or a higher one hold no point that is better by more than the gap."""
        if math.isinf(self.value):
            return math.inf
        return self.value - max(self.absolute, self.relative * max(1.0, abs(self.value)))

    def closes(self, bound: float) -> bool:
        """Whether a part with this bound need not be looked at; if so, its bound is noted."""
        if bound < self.cutoff():
            return False
        self.give_up(bound)
        return True

    def give_up(self, bound: float) -> None:
        self.floor = min(self.floor, bound)

    def bound(self, *opened: float) -> float:
        """What no point is better than, where parts with these bounds are open."""
        return min(self.floor, self.value, *opened)


@dataclass(slots=True, eq=False)
class Frontier:
    """The open nodes, the one with the least bound first and the oldest first among equals."""

    heap: list[tuple[float, int, Node]] = field(default_factory=list)
    pushed: int = 0

    def push(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            heapq.heappush(self.heap, (node.bound, self.pushed, node))
            self.pushed += 1

    def pop(self, incumbent: Incumbent) -> Node | None:
        """The best open node, or None where there is none that the incumbent leaves open."""
        if not self.heap:
            return None
        bound, _order, node = heapq.heappop(self.heap)
        if not incumbent.closes(bound):
            return node
        self.heap.clear()  # the others are no better
        return None

    def least(self) -> float:
        """The least bound of an open node, infinite without one."""
        return self.heap[0][0] if self.heap else math.inf
