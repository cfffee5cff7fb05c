"""Interval branch and bound: boxes with the least bound first, many at a time, until none can hold a better point.

``minimise`` knows nothing of models and command lines; whoever has a form can call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from optc.compiler.answer import Termination
from optc.compiler.backend import Goal
from optc.compiler.boxes.cover import Cover
from optc.compiler.boxes.examination import Examined, examined
from optc.compiler.boxes.halving import halved
from optc.compiler.boxes.problem import BoxProblem, middle_of
from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.kernels.ends import Ends

from .points import Local, Points

FIRST, MOST = 4, 256  # boxes at a time: the first, and at most
ENTRIES = 2_000_000  # of the largest array that an evaluation makes
INSIDE = 0.98  # of the gap is what boxes may be worse than the best point, so that rounding leaves the rest within
REPORT_EVERY = 0.1  # seconds between two progress reports
FAR = 1e30  # a value beyond it has no end


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The end of a search. ``value`` is that of ``x`` (n), or infinite without one; ``bound``: no feasible point has
    less; both as minimised. ``boxes``: how many were examined. ``cover``: what the bound rests on."""

    x: Floats | None
    value: float
    bound: float
    termination: Termination
    boxes: int
    points: Points
    cover: Cover


def minimise(
    form: NonlinearForm,
    goal: Goal,
    context: Context,
    local: Local | None = None,
    starts: Sequence[Floats] = (),
    most: int | None = None,
    absolute_gap: float = 1e-9,
    lower: Floats | None = None,
    upper: Floats | None = None,
) -> Found:
    """The least value of a form (of one to be maximised: of its negative) within bounds ``(n,)``, its own by default.

    ``local``: a local method that looks for points; ``starts``: points (n) to begin it from; ``most``: boxes to
    examine. It is over (``converged``) when the bound comes within the relative gap of the goal, or the absolute one,
    or when every box is empty; there is then no feasible point, and the bound is infinite.
    """
    if lower is not None or upper is not None:
        form = replace(
            form,
            lower=form.lower if lower is None else np.maximum(form.lower, lower),
            upper=form.upper if upper is None else np.minimum(form.upper, upper),
        )
    problem = BoxProblem(form)
    points = Points(problem, goal, context, local)
    search = _Search(problem, goal, context, points, absolute_gap)
    for start in starts:
        points.consider(np.clip(start, form.lower, form.upper)[None], 1.0)
        points.descend(start)
    return search.run(most)


@dataclass(eq=False)
class _Search:
    """``x`` ``(2, k, n)`` and ``lower`` ``(k,)``: the open boxes and their bounds; ``place`` ``(k,)``: where they lie
    in the tree of ``cuts``: twice the cut they come from, and one more above it (-1: the root). ``closed``: the least
    bound of what was closed, by its own bound or by a cutoff. ``stuck``: that of boxes too small to be halved."""

    problem: BoxProblem
    goal: Goal
    context: Context
    points: Points
    absolute_gap: float
    x: Ends = field(init=False)
    lower: Floats = field(init=False)
    place: NDArray[np.int64] = field(init=False)
    closed: float = np.inf
    stuck: float = np.inf
    boxes: int = 0
    cuts: list[tuple[NDArray[np.int64], NDArray[np.int64], Floats]] = field(default_factory=list)
    count: int = 0
    _report_at: float = 0.0
    _descend_at: int = 1

    def __post_init__(self) -> None:
        form = self.problem.form
        self.x = np.stack([form.lower, form.upper])[:, None, :].astype(np.float64)
        self.lower = np.full(1, -np.inf)
        self.place = np.full(1, -1, dtype=np.int64)

    # ------------------------------------------------------------------------------------------------------ the end
    def cutoff(self) -> float:
        """Boxes with a bound of this or more need no further look."""
        value = self.points.value
        if not np.isfinite(value):
            return np.inf
        return value - INSIDE * max(self.goal.gap * max(1.0, abs(value)), self.absolute_gap)

    def bound(self) -> float:
        """No feasible point has a value below it."""
        return min(float(self.lower.min(initial=np.inf)), self.closed, self.stuck)

    def run(self, most: int | None) -> Found:
        batch = FIRST
        widest = max(1, min(MOST, ENTRIES // max(1, _entries(self.problem))))
        termination: Termination = "converged"
        while len(self.lower):
            stop = self.context.stop()
            if stop is not None:
                termination = stop
                break
            if most is not None and self.boxes >= most:
                termination = "node limit"
                break
            if self.stuck == -np.inf or self.points.value < -FAR:
                termination = "diverging"
                break
            room = widest if most is None else min(widest, most - self.boxes)
            self._step(min(batch, room))
            batch = min(2 * batch, widest)
            self._report()
        if termination == "converged" and self.stuck < self.cutoff():
            termination = "numerical trouble"
        if self.points.x is not None and self.points.duals is None and termination != "interrupted":
            self.points.descend(self.points.x)
        value = self.points.value
        return Found(self.points.x, value, self.bound(), termination, self.boxes, self.points, self._cover())

    def _cover(self) -> Cover:
        """The tree of cuts so far."""
        nothing = np.zeros(0, dtype=np.int64)
        parts = [*self.cuts, (nothing, nothing, np.zeros(0))]
        place, column, cut = (np.concatenate([part[k] for part in parts]) for k in range(3))
        parent = np.where(place < 0, -1, place // 2).astype(np.int32)
        side = np.where(place < 0, 0, place % 2).astype(np.int32)
        return Cover(parent, side, column.astype(np.int32), cut, self.points.hints)

    # ------------------------------------------------------------------------------------------------------ one step
    def _step(self, count: int) -> None:
        """Examines the boxes with the least bounds and halves what is left of them."""
        chosen = self._chosen(count)
        boxes, inherited, places = self.x[:, chosen], self.lower[chosen], self.place[chosen]
        self._keep(np.delete(np.arange(len(self.lower)), chosen))
        cutoff = self.cutoff()
        found = examined(self.problem, boxes, cutoff, self.points.hints)
        self.boxes += len(chosen)
        self.closed = min(self.closed, cutoff, found.closed)
        found = replace(found, lower=np.maximum(found.lower, inherited[found.which]))
        if len(found.which):
            self._look_for_points(found)
            self._halve(found, places[found.which], boxes[:, found.which])
        self._close()

    def _chosen(self, count: int) -> NDArray[np.intp]:
        if count >= len(self.lower):
            return np.arange(len(self.lower))
        return np.argpartition(self.lower, count - 1)[:count]

    def _keep(self, which: NDArray[np.intp]) -> None:
        self.x, self.lower, self.place = self.x[:, which], self.lower[which], self.place[which]

    def _close(self) -> None:
        """Takes out the boxes whose bound has reached the cutoff."""
        beyond = self.lower >= self.cutoff()
        if beyond.any():
            self.closed = min(self.closed, float(self.lower[beyond].min()))
            self._keep(np.flatnonzero(~beyond))

    def _look_for_points(self, found: Examined) -> None:
        """The middles of the boxes, and now and then a local solve from the middle of the best of them."""
        middles = middle_of(found.x)
        self.points.consider(middles)
        best = int(np.argmin(found.lower))
        if self.boxes >= self._descend_at and np.isfinite(found.x[:, best]).all():
            self._descend_at = max(2 * self.boxes, self._descend_at + 1)
            self.points.descend(middles[best])

    def _halve(self, found: Examined, places: NDArray[np.int64], before: Ends) -> None:
        """Each box in two, across the column that counts most. ``places``: where the boxes lie in the tree.

        What cannot be halved is looked at again if it was wider ``before``.
        """
        halves = halved(found.x, found.score, self.problem.form.integer)
        small = np.ones(len(found.which), dtype=np.bool_)
        small[halves.which] = False
        stuck = small & (found.x == before).all(axis=(0, 2))
        self.stuck = min(self.stuck, float(found.lower[stuck].min(initial=np.inf)))
        again = small & ~stuck
        self._open(found.x[:, again], found.lower[again], places[again])
        first = 2 * (self.count + np.arange(len(halves.which)))
        for half, place in ((halves.first, first), (halves.second, first + 1)):
            self._open(half, found.lower[halves.which], place)
        self.cuts.append((places[halves.which], halves.column, halves.cut))
        self.count += len(halves.which)

    def _open(self, x: Ends, lower: Floats, place: NDArray[np.int64]) -> None:
        """Adds open boxes."""
        self.x = np.concatenate([self.x, x], axis=1)
        self.lower = np.concatenate([self.lower, lower])
        self.place = np.concatenate([self.place, place])

    # ------------------------------------------------------------------------------------------------------ progress
    def _report(self) -> None:
        context = self.context
        if context.progress is None or context.clock() < self._report_at:
            return
        self._report_at = context.clock() + REPORT_EVERY
        sign = self.problem.sign
        value = sign * self.points.value if np.isfinite(self.points.value) else None
        bound = self.bound()
        told = sign * bound if np.isfinite(bound) else None
        context.report(Progress("branch and bound", context.elapsed(), value, told, work=self.boxes, unit="boxes"))


def _entries(problem: BoxProblem) -> int:
    """Entries of the largest array that the evaluation of one box makes."""
    m, n = problem.shape
    model = problem.form.engine.model
    runs = [run for name in ("value", "rows", "hessian") for run in model.program(name).passes]
    height = max((part.height for part in model.factored), default=0)
    longest = max([1, *(run.loop.size for run in runs)])
    return max(2 * (m + 1) * n * n, 4 * longest, 2 * height * max(n, 64))
