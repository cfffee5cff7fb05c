"""What branch and bound branches on: complementarity pairs and whole columns, chosen by pseudo-costs.

Each candidate has two children. The distance of a child is how far the relaxation's point is from it: the size of the
column that is set to zero, or the way of a whole column to the next whole number. The pseudo-cost of a child is how
much the bound rose, in the mean, for each unit of that distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.linear import Floats, Ints

LEAST = 1e-6  # of an estimate in a product of two, so that one child that costs nothing leaves the other its say
RELIABLE = 1  # rises known of each child
ZERO = 1e-9  # what is as near as this to zero, or to a whole number within the tolerance, is branched on last

Box = tuple[Floats, Floats]  # lower and upper bounds of the columns


@dataclass(frozen=True, slots=True)
class Branch:
    """One child: new bounds of a column. ``candidate`` and ``side`` name it; ``distance`` as told above."""

    column: int
    lower: float
    upper: float
    candidate: int
    side: int
    distance: float

    def narrow(self, lower: Floats, upper: Floats) -> None:
        """Take it over into bounds of all columns (n), in place."""
        lower[self.column] = max(lower[self.column], self.lower)
        upper[self.column] = min(upper[self.column], self.upper)


@dataclass(frozen=True, slots=True)
class Fork:
    """The children of a candidate, the cheaper first. A child whose bounds exclude each other is left out.

    ``score``: the product of their estimated rises; ``reliable``: whether enough is known for that.
    """

    branches: tuple[Branch, ...]
    score: float
    reliable: bool


class Brancher:
    """Pseudo-costs of ``pairs`` (k, 2) and ``whole`` columns (q): candidates 0 to k, then k to k + q.

    ``touched``: the columns that either of them names, in rising order.
    """

    def __init__(self, pairs: Ints, whole: Ints, tolerance: float) -> None:
        self.pairs, self.whole, self.tolerance = pairs, whole, tolerance
        self.touched = np.unique(np.concatenate([pairs.ravel(), whole])).astype(np.int32)
        self._total = np.zeros((len(pairs) + len(whole), 2))
        self._count = np.zeros((len(pairs) + len(whole), 2))

    def satisfied(self, x: Floats) -> bool:
        """Whether the point keeps pairs and integrality up to what rounding errors make of them."""
        return bool((self._sizes(x) <= ZERO).all() and (self._off(x) <= self.tolerance).all())

    def exact(self, x: Floats) -> bool:
        """Whether of each pair a column is zero and whole columns are whole, without any tolerance."""
        return not (self._sizes(x).any() or self._off(x).any())

    def open_pairs(self, box: Box) -> bool:
        """Whether the bounds leave a pair of which no column is fixed at zero."""
        return not _decided(box, self.pairs).all()

    def ranked(self, box: Box, x: Floats, most: int) -> list[Fork]:
        """The candidates that are estimated to raise the bound most, ``most`` at most; none where all is decided.

        Those that rounding errors alone leave undecided come only where there are no others.
        """
        distances = self._distances(box, x)
        least = distances.min(axis=1)
        limits = np.repeat([ZERO, self.tolerance], [len(self.pairs), len(self.whole)])
        candidates = np.flatnonzero(least > limits)
        if not len(candidates):
            candidates = np.flatnonzero(least > 0.0)
        estimates = np.maximum(self._costs()[candidates] * distances[candidates], LEAST)
        estimates[self._excluded(box)[candidates]] = math.inf
        scores = estimates.prod(axis=1)
        order = np.argsort(-scores, kind="stable")[:most]
        return [self._fork(box, x, int(candidates[k]), distances, estimates[k]) for k in order]

    def _fork(self, box: Box, x: Floats, candidate: int, distances: Floats, estimates: Floats) -> Fork:
        order = (0, 1) if estimates[0] <= estimates[1] else (1, 0)
        if candidate < len(self.pairs):
            branches = self._of_pair(box, candidate, distances[candidate], order)
        else:
            column = int(self.whole[candidate - len(self.pairs)])
            branches = self._of_whole(box, column, math.floor(x[column]), candidate, distances[candidate], order)
        return Fork(tuple(branches), float(estimates.prod()), bool(self._count[candidate].min() >= RELIABLE))

    def learn(self, branch: Branch, rise: float) -> None:
        """Note that the bound rose so much in a child."""
        if branch.distance > 0:
            self._total[branch.candidate, branch.side] += rise / branch.distance
            self._count[branch.candidate, branch.side] += 1

    def rounded(self, box: Box, x: Floats) -> Box:
        """The bounds with the smaller column of each pair fixed at zero and whole columns at the nearest number."""
        lower, upper = box[0].copy(), box[1].copy()
        nearest = np.clip(np.rint(x[self.whole]), lower[self.whole], upper[self.whole])
        lower[self.whole] = upper[self.whole] = nearest
        undecided = self.pairs[~_decided((lower, upper), self.pairs)]
        can = _admits_zero(lower, upper)
        size = np.where(can, np.abs(x), math.inf)
        columns = np.where(size[undecided[:, 1]] < size[undecided[:, 0]], undecided[:, 1], undecided[:, 0])
        columns = columns[can[columns]]
        lower[columns] = upper[columns] = 0.0
        return lower, upper

    def _sizes(self, x: Floats) -> Floats:
        """(k) the smaller column of each pair."""
        return np.asarray(np.abs(x[self.pairs]).min(axis=1, initial=math.inf))

    def _off(self, x: Floats) -> Floats:
        """(q) the way of each whole column to the nearest whole number."""
        return np.abs(x[self.whole] - np.rint(x[self.whole]))

    def _distances(self, box: Box, x: Floats) -> Floats:
        """(k + q, 2) distances of both children, zeros where there is nothing to branch on."""
        sizes = np.abs(x[self.pairs])
        sizes[_decided(box, self.pairs)] = 0.0
        down = x[self.whole] - np.floor(x[self.whole])
        return np.concatenate([sizes, np.stack([down, np.ceil(x[self.whole]) - x[self.whole]], axis=1)])

    def _excluded(self, box: Box) -> NDArray[np.bool_]:
        """(k + q, 2) children of pairs that the bounds leave no room for: the other one then costs nothing to take."""
        without = ~_admits_zero(*box)[self.pairs]
        return np.concatenate([without, np.zeros((len(self.whole), 2), dtype=np.bool_)])

    def _costs(self) -> Floats:
        """(k + q, 2) pseudo-costs; the mean of those known, or 1, where one is not."""
        known = self._count > 0
        means = np.where(known, self._total / np.maximum(self._count, 1.0), 0.0)
        typical = float(means[known].mean()) if known.any() else 1.0
        return np.asarray(np.where(known, means, typical))

    def _of_pair(self, box: Box, candidate: int, distances: Floats, order: tuple[int, int]) -> list[Branch]:
        found = []
        for side in order:
            column = int(self.pairs[candidate, side])
            if box[0][column] <= 0.0 <= box[1][column]:
                found.append(Branch(column, 0.0, 0.0, candidate, side, float(distances[side])))
        return found

    def _of_whole(
        self, box: Box, column: int, floor: int, candidate: int, distances: Floats, order: tuple[int, int]
    ) -> list[Branch]:
        both = (
            Branch(column, -math.inf, float(floor), candidate, 0, float(distances[0])),
            Branch(column, float(floor + 1), math.inf, candidate, 1, float(distances[1])),
        )
        room = (box[0][column] <= floor, floor + 1 <= box[1][column])
        return [both[side] for side in order if room[side]]

    def blind(self, box: Box) -> list[Branch] | None:
        """Children without a point: of the first open pair, or whole column of finite bounds; None without."""
        nowhere = np.zeros(2)
        pairs = np.flatnonzero(~_decided(box, self.pairs))
        if len(pairs):
            return self._of_pair(box, int(pairs[0]), nowhere, (0, 1))
        low, high = box[0][self.whole], box[1][self.whole]
        wide = np.flatnonzero((low < high) & (high - low < math.inf))
        if not len(wide):
            return None
        first = int(wide[0])
        middle = math.floor((low[first] + high[first]) / 2)
        return self._of_whole(box, int(self.whole[first]), middle, len(self.pairs) + first, nowhere, (0, 1))


def _admits_zero(lower: Floats, upper: Floats) -> NDArray[np.bool_]:
    return (lower <= 0.0) & (upper >= 0.0)


def _decided(box: Box, pairs: Ints) -> NDArray[np.bool_]:
    """(k) pairs of which a column is fixed at zero."""
    zero = (box[0] == 0.0) & (box[1] == 0.0)
    return np.asarray(zero[pairs].any(axis=1))
