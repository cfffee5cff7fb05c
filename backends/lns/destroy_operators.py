"""Destroy operators of large neighbourhood search: from a mixed-integer linear form and a point of it to sub-problems.

A sub-problem is the form with narrower column bounds, one more row, or another objective. Whole columns are fixed by
their bounds; continuous columns are never fixed. Columns of whole numbers whose bounds are one apart are called
binary here, and the Hamming distance of a point is that of its binaries.

Sources: crossover and mutation: E. Rothberg, "An evolutionary algorithm for polishing mixed integer programming
solutions", INFORMS J. Computing 19 (2007). DINS: S. Ghosh, "DINS, a MIP improvement heuristic", IPCO (2007). Local
branching: M. Fischetti, A. Lodi, Math. Prog. 98 (2003). RINS: E. Danna, E. Rothberg, C. Le Pape, "Exploring relaxation
induced neighborhoods to improve MIP solutions", Math. Prog. 102 (2005). RENS: T. Berthold, "RENS - the optimal
rounding", Math. Prog. Comp. 6 (2014). Proximity search: M. Fischetti, M. Monaci, J. Heuristics 20 (2014).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.linear import Floats, Ints, LinearForm

SAME = 1e-6  # two values of a whole column, one of them of the relaxation, that are the same
FEWEST = 0.05  # of the largest sensible Hamming distance: the least that local branching allows
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What operators see: the ``form``, the current point ``x`` (n), the root relaxation's point ``relaxed`` (n) or
    None, the ``pool`` of points found (n each), the best first, and the ``bound`` that no point is better than,
    infinite where none is known. All points but ``relaxed`` are whole where they must be.
    """

    form: LinearForm
    x: Floats
    relaxed: Floats | None
    pool: Sequence[Floats]
    bound: float

    @property
    def whole(self) -> Ints:
        """The columns that must be whole."""
        return np.flatnonzero(self.form.integer).astype(np.int32)

    @property
    def binary(self) -> Ints:
        """The whole columns that have two values."""
        return np.flatnonzero(self.form.integer & (self.form.upper - self.form.lower == 1.0)).astype(np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class SubProblem:
    """A form to solve in place of the one in view.

    ``holds``: the current point is feasible in it. ``aims``: its objective is the original one. ``first``: any point of
    it will do. ``limit``: what no point of the original is better than where the sub-problem is infeasible.
    """

    form: LinearForm
    holds: bool = True
    aims: bool = True
    first: bool = False
    limit: float | None = None


if TYPE_CHECKING:  # numpy.random is loaded by those who draw
    Plain = Callable[[View, np.random.Generator], SubProblem | None]
    Sized = Callable[[View, np.random.Generator, float], SubProblem | None]


@dataclass(frozen=True, slots=True)
class Operator:
    """``build`` makes a sub-problem, or None where the view gives none.

    It is given the factor by which to make it larger or smaller than usual; some have one size only.
    """

    name: str
    build: Callable[[View, np.random.Generator, float], SubProblem | None]


def portfolio(form: LinearForm) -> tuple[Operator, ...]:
    """The operators that apply to a form, several sizes of some; those for binaries only where there are some."""
    some = [_plain("crossover", crossover), _plain("random objective", random_objective)]
    some += [_sized("mutation", mutation, share) for share in (0.25, 0.5, 0.75)]
    some += [_sized("rows", along_rows, share) for share in (0.1, 0.25, 0.5)]
    some += [_sized("RINS", rins, share) for share in (0.5, 1.0)]
    some += [_sized("RENS", rens, 1.0), _sized("DINS", dins, 0.25)]
    if np.any(form.integer & (form.upper - form.lower == 1.0)):
        some += [_sized("local branching", local_branching, share) for share in (0.1, 0.25)]
        some += [_plain("proximity", partial(proximity, share=0.1))]
    return tuple(some)


def _plain(name: str, build: Plain) -> Operator:
    return Operator(name, lambda view, random, _factor: build(view, random))


def _sized(name: str, build: Sized, share: float) -> Operator:
    usual = share
    return Operator(f"{name} {share:.0%}", lambda view, random, factor: build(view, random, min(1.0, factor * usual)))


# ---------------------------------------------------------------------------------------------------- by fixed columns
def mutation(view: View, random: np.random.Generator, share: float) -> SubProblem:
    """A random ``share`` of the whole columns is free, the others stay where they are."""
    return _freed(view, _some(view.whole, share, random))


def along_rows(view: View, random: np.random.Generator, share: float) -> SubProblem:
    """A ``share`` of the whole columns is free that hang together: those reached from a random one along rows.

    Rows with more entries than that are no ways. Where a part is used up the walk begins again elsewhere, from twice
    as many columns each time.
    """
    form, whole = view.form, view.whole
    count = max(1, round(share * len(whole)))
    lengths = np.diff(form.starts)
    ways = np.repeat(lengths <= max(2, count), lengths)
    rows, columns = np.repeat(np.arange(form.shape[0]), lengths)[ways], form.indices[ways]
    reached = np.zeros(form.shape[1], dtype=np.bool_)
    seeds = 1
    while np.count_nonzero(reached[whole]) < count:
        left = whole[~reached[whole]]
        new = reached.copy()
        new[random.choice(left, min(seeds, len(left)), replace=False)] = True
        while True:
            fresh = whole[new[whole] & ~reached[whole]]
            room = count - np.count_nonzero(reached[whole])
            if len(fresh) >= room:
                reached[random.choice(fresh, room, replace=False)] = True
                break
            if np.array_equal(new, reached):
                break
            reached = new
            crossed = np.bincount(rows[reached[columns]], minlength=form.shape[0]) > 0
            new = reached | (np.bincount(columns[crossed[rows]], minlength=form.shape[1]) > 0)
        seeds *= 2
    return _freed(view, whole[reached[whole]])


def rins(view: View, random: np.random.Generator, share: float) -> SubProblem | None:
    """Whole columns where current point and relaxation agree stay; a random ``share`` of the others is free."""
    if view.relaxed is None:
        return None
    apart = view.whole[np.abs(view.x[view.whole] - view.relaxed[view.whole]) > SAME]
    return _freed(view, _some(apart, share, random)) if len(apart) else None


def crossover(view: View, random: np.random.Generator) -> SubProblem | None:
    """Whole columns where the current point agrees with another one of the pool, drawn at random, stay."""
    whole = view.whole
    others = [point for point in view.pool if np.any(np.abs(point[whole] - view.x[whole]) > SAME)]
    if not others:
        return None
    other = others[int(random.integers(len(others)))]
    return _freed(view, whole[np.abs(other[whole] - view.x[whole]) > SAME])


def rens(view: View, random: np.random.Generator, share: float) -> SubProblem | None:
    """Whole columns that are whole in the relaxation stay there; of the others a random ``share`` may be rounded to
    either side, the rest stays at the side that is nearer to the current point.
    """
    if view.relaxed is None:
        return None
    whole, at = view.whole, view.relaxed[view.whole]
    nearest = np.rint(at)
    off = np.abs(at - nearest) > SAME
    if not off.any():
        return None
    low, high = np.where(off, np.floor(at), nearest), np.where(off, np.ceil(at), nearest)
    lower, upper = view.form.lower.copy(), view.form.upper.copy()
    side = np.clip(view.x[whole], low, high)
    free = np.isin(whole, _some(whole[off], share, random))
    # A relaxation may lie beyond a bound by the solver's tolerance.
    lower[whole] = np.clip(np.where(free, low, side), lower[whole], upper[whole])
    upper[whole] = np.clip(np.where(free, high, side), lower[whole], upper[whole])
    holds = bool(np.all((view.x[whole] >= lower[whole]) & (view.x[whole] <= upper[whole])))
    return SubProblem(replace(view.form, lower=lower, upper=upper), holds=holds)


def dins(view: View, random: np.random.Generator, share: float) -> SubProblem | None:
    """Whole columns come no farther from the relaxation than they are; those within a half of it stay.

    Binaries stay where the relaxation and every point of the pool agree; of the others only so many may change as
    local branching allows with ``share``.
    """
    if view.relaxed is None:
        return None
    binary, whole = view.binary, view.whole
    general = np.setdiff1d(whole, binary)
    away = np.abs(view.x - view.relaxed)
    lower, upper = view.form.lower.copy(), view.form.upper.copy()
    near, far = general[away[general] < 0.5], general[away[general] >= 0.5]
    lower[near] = upper[near] = view.x[near]
    lower[far] = np.maximum(lower[far], np.ceil(view.relaxed[far] - away[far] - SAME))
    upper[far] = np.minimum(upper[far], np.floor(view.relaxed[far] + away[far] + SAME))
    points = np.stack([view.x, view.relaxed, *view.pool])[:, binary]
    agreed = binary[np.ptp(points, axis=0) <= SAME]
    lower[agreed] = upper[agreed] = view.x[agreed]
    narrowed = replace(view.form, lower=lower, upper=upper)
    if len(agreed) == len(binary):
        return SubProblem(narrowed) if len(far) else None
    return SubProblem(_near(narrowed, view, _distance(view, share, random)))


def _freed(view: View, free: Ints) -> SubProblem:
    """The form with all whole columns but ``free`` fixed where the current point is."""
    fixed = view.form.integer.copy()
    fixed[free] = False
    lower, upper = np.where(fixed, view.x, view.form.lower), np.where(fixed, view.x, view.form.upper)
    return SubProblem(replace(view.form, lower=lower, upper=upper))


def _some(columns: Ints, share: float, random: np.random.Generator) -> Ints:
    """A random ``share`` of the columns, one at least."""
    count = max(1, round(share * len(columns)))
    return columns if count >= len(columns) else random.choice(columns, count, replace=False)


# --------------------------------------------------------------------------------------------- by rows and objectives
def local_branching(view: View, random: np.random.Generator, share: float) -> SubProblem:
    """The Hamming distance from the current point is at most a number drawn up to ``share`` of the largest sensible."""
    return SubProblem(_near(view.form, view, _distance(view, share, random)))


def proximity(view: View, _random: np.random.Generator, share: float) -> SubProblem | None:
    """The point nearest to the current one, by Hamming distance, of those better by a ``share`` of the way to the
    bound; without a bound, of the size of the value.
    """
    form = view.form
    value = float(form.cost @ view.x)
    way = abs(value - (view.bound - form.offset)) if np.isfinite(view.bound) else max(1.0, abs(value))
    if way <= SAME * max(1.0, abs(value)):
        return None
    aim = value - share * way if form.sense == "minimize" else value + share * way
    bounds = (-np.inf, aim) if form.sense == "minimize" else (aim, np.inf)
    columns = np.flatnonzero(form.cost).astype(np.int32)
    better = with_row(form, columns, form.cost[columns], *bounds)
    binary, signs = _towards(view)
    cost = np.zeros(form.shape[1])
    cost[binary] = signs
    aimed = replace(better, sense="minimize", cost=cost, offset=-float(signs @ view.x[binary]))
    return SubProblem(aimed, holds=False, aims=False, limit=aim + form.offset)


def random_objective(view: View, random: np.random.Generator) -> SubProblem:
    """Some point that is good for costs drawn from -1 to 1; of columns without end, from the side that has one."""
    form = view.form
    cost = random.uniform(-1.0, 1.0, form.shape[1])
    ends, begins = np.isfinite(form.upper), np.isfinite(form.lower)
    cost = np.select([ends & begins, begins, ends], [cost, np.abs(cost), -np.abs(cost)], 0.0)
    return SubProblem(replace(form, sense="minimize", cost=cost, offset=0.0), holds=False, aims=False, first=True)


def _towards(view: View) -> tuple[Ints, Floats]:
    """The binaries, and for each the sign with which its change adds to the Hamming distance."""
    binary = view.binary
    return binary, np.where(view.x[binary] == view.form.lower[binary], 1.0, -1.0)


def _distance(view: View, share: float, random: np.random.Generator) -> int:
    """A Hamming distance up to ``share`` of the largest sensible one: all of the rarer value twice, or all binaries."""
    _binary, signs = _towards(view)
    rare = min(int(np.sum(signs > 0)), int(np.sum(signs < 0)))
    largest = min(len(signs), 2 * rare) if rare else len(signs)
    low, high = max(1, round(FEWEST * largest)), max(2, round(share * largest))
    return int(random.integers(min(low, high), high + 1))


def _near(form: LinearForm, view: View, distance: int) -> LinearForm:
    binary, signs = _towards(view)
    return with_row(form, binary, signs, -np.inf, float(signs @ view.x[binary]) + distance)


def with_row(form: LinearForm, columns: Ints, values: Floats, low: float, high: float) -> LinearForm:
    """The form with one more row; ``columns`` ascending, with their ``values``."""
    return replace(
        form,
        starts=np.append(form.starts, form.starts[-1] + len(columns)).astype(np.int32),
        indices=np.concatenate([form.indices, columns]).astype(np.int32),
        values=np.concatenate([form.values, values]),
        row_lower=np.append(form.row_lower, low),
        row_upper=np.append(form.row_upper, high),
    )
