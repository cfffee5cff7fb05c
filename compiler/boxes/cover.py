"""A cover of the domain by boxes, as evidence of a bound: a tree of cuts, whose leaves are examined again.

The leaves of a binary tree of cuts cover the domain whatever the cuts are. Where nothing is left of any of them, no
feasible point has a value below the cutoff. How a search came to its tree does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..kernels.ends import Ends
from .examination import examined
from .halving import halved
from .multipliers import Hint
from .problem import BoxProblem

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

AT_ONCE = 256  # boxes
MORE = 3  # times as many boxes as there are leaves are examined at most: what is left of a leaf is cut further


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """``k`` cuts ``(k,)``, parents before children: across ``column`` at ``cut``; the box that is cut lies below
    (``side`` 0) or above (1) the cut ``parent``, or is all of the domain (-1). ``hints``: where to take multipliers
    from, which no bound rests on."""

    parent: Ints
    side: Ints
    column: Ints
    cut: Floats
    hints: tuple[Hint, ...] = ()

    @property
    def boxes(self) -> int:
        """How many leaves there are."""
        return len(self.parent) + 1


def leaves(cover: Cover, lower: Floats, upper: Floats, integer: NDArray[np.bool_]) -> Ends:
    """The leaves ``(2, k + 1, n)`` of a cover of the box between ``lower`` and ``upper`` ``(n,)``.

    Above a cut of a whole column begins the next whole number. Raises ValueError where a parent is not an earlier cut,
    or has two children on one side.
    """
    count = len(cover.parent)
    own = np.arange(count)
    if count and not (cover.parent < own).all():
        raise ValueError("a cut comes before its parent")
    roots = np.flatnonzero(cover.parent < 0)
    slots = 2 * cover.parent.astype(np.int64) + cover.side
    inner = slots[cover.parent >= 0]
    if len(roots) != min(count, 1) or len(np.unique(inner)) < len(inner):
        raise ValueError("two cuts of one box")
    if not count:
        return np.stack([lower, upper])[:, None, :].astype(np.float64)
    halves = np.empty((2, count, 2, len(lower)))
    depth = np.zeros(count, dtype=np.int64)
    for k in range(1, count):
        depth[k] = depth[cover.parent[k]] + 1
    for level in range(int(depth.max()) + 1):
        at = np.flatnonzero(depth == level)
        if level:
            box = halves[:, cover.parent[at], cover.side[at]]
        else:
            box = np.stack([lower, upper])[:, None, :]
        halves[:, at] = box[:, :, None, :]
        column, cut = cover.column[at], cover.cut[at]
        halves[1, at, 0, column] = np.minimum(halves[1, at, 0, column], cut)
        beyond = np.where(integer[column], np.floor(cut) + 1.0, cut)
        halves[0, at, 1, column] = np.maximum(halves[0, at, 1, column], beyond)
    flat = halves.reshape(2, 2 * count, -1)
    return np.delete(flat, inner, axis=1)


def holds(problem: BoxProblem, cover: Cover, cutoff: float, stop: Callable[[], object]) -> bool:
    """Whether no feasible point has a value (to be minimised) below ``cutoff``: nothing is left of any leaf.

    A leaf is wider than what the search had narrowed it to, and may take a few cuts more. ``stop``: says by anything
    but None that there is no more time; the answer is then False.
    """
    form = problem.form
    try:
        every = leaves(cover, form.lower, form.upper, form.integer)
    except ValueError:
        return False
    left = MORE * (every.shape[1] + AT_ONCE)  # boxes to examine
    waiting = [every[:, first : first + AT_ONCE] for first in range(0, every.shape[1], AT_ONCE)]
    while waiting:
        boxes = waiting.pop()
        left -= boxes.shape[1]
        if stop() is not None or left < 0:
            return False
        found = examined(problem, boxes, cutoff, cover.hints)
        if not len(found.which):
            continue
        halves = halved(found.x, found.score, form.integer)
        small = np.setdiff1d(np.arange(len(found.which)), halves.which)
        if (found.x[:, small] == boxes[:, found.which[small]]).all(axis=(0, 2)).any():
            return False  # a box that nothing can be done about
        waiting.append(np.concatenate([halves.first, halves.second, found.x[:, small]], axis=1))
    return True
