"""Bounds that hold whatever rounding did: weak duality on the arrays of a form.

For minimize c'x over L <= Ax <= U, l <= x <= u and any multipliers y, every feasible x has

    c'x  >=  sum_i (y_i L_i where y_i > 0, y_i U_i where y_i < 0)  +  sum_j min over [l_j, u_j] of d_j x_j

with d = c - A'y (A. Neumaier, O. Shcherbina, "Safe bounds in linear and mixed-integer linear programming", Math. Prog.
99 (2004)). Each sum is computed in float64 together with a bound on its own error (N. J. Higham, "Accuracy and
Stability of Numerical Algorithms", section 3.1: a sum of k products is off by at most gamma_k times the sum of their
absolute values, in any order), so the result is a theorem about the arrays as they are. Where d_j has the wrong sign
by a rounding error and x_j no bound, a bound of x_j is derived from the rows first.

The multipliers may come from anywhere; nothing is assumed of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..facts.components import components
from ..forms.linear import Floats, Ints, LinearForm, QuadraticForm

UNIT = 2.0**-53
TINY = 1e-300  # covers what underflow may lose
WORK = 50_000_000  # coefficients that bound propagation may look at
ROUNDS = 100  # of it at most
TOGETHER = 64  # columns of small groups that are factorised together
LARGEST_BLOCK = 2_000  # columns of a Hessian that are factorised together


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Constraints L <= Ax <= U in coordinates: entry ``k`` is ``values[k]`` at (``owner[k]``, ``column[k]``)."""

    owner: Ints
    column: Ints
    values: Floats
    lower: Floats
    upper: Floats

    @property
    def count(self) -> int:
        return len(self.lower)


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    lower: Floats
    upper: Floats


def rows_of(form: LinearForm) -> Rows:
    """The rows of a form."""
    owner = np.repeat(np.arange(form.shape[0], dtype=np.int32), np.diff(form.starts))
    return Rows(owner, form.indices, form.values, form.row_lower, form.row_upper)


def linear_bound(form: LinearForm, duals: Floats) -> float:
    """A number that the form's objective cannot pass (below it for ``minimize``, above it for ``maximize``).

    ``duals`` (m) in the sign of ``Answer.row_duals``. Infinite where the multipliers prove nothing. Quadratic terms
    are left out: see ``quadratic_bound``.
    """
    sign = 1.0 if form.sense == "minimize" else -1.0
    found = lower_bound(sign * form.cost, rows_of(form), Box(form.lower, form.upper), sign * duals)
    return _shift(sign, found, form.offset)


def quadratic_bound(form: QuadraticForm, duals: Floats, x: Floats) -> float:
    """The same for a convex quadratic objective: weak duality on its tangent at ``x``, which lies below it.

    The tangent is a bound only where the Hessian is positive semidefinite. That is proved up to a shift (``curvature``)
    whose effect over the box is subtracted. Minus infinity (for ``minimize``) where it cannot be proved.
    """
    sign = 1.0 if form.sense == "minimize" else -1.0
    shift = curvature(form, sign)
    if shift is None or math.isinf(shift):
        return -sign * math.inf
    product, product_error = symmetric_product(form, x)
    slope = sign * (form.cost + product)
    slope_error = product_error + UNIT * np.abs(slope)
    # f(z) >= f(x) + slope'(z - x) - shift/2 |z - x|^2, and f(x) - slope'x = offset - x'Qx / 2.
    doubled, doubled_error = dot(x, product)
    curved, curved_error = 0.5 * doubled, 0.5 * doubled_error + 0.5 * (1 + 1e-9) * float(np.abs(x) @ product_error)
    curved_error += 2 * UNIT * (abs(form.offset) + abs(curved))
    rows, box = rows_of(form), Box(form.lower, form.upper)
    found = lower_bound(slope, rows, box, sign * duals, slope_error, (strength(form, sign), x))
    if shift > 0.0:
        every = np.ones(len(x), dtype=np.bool_)
        box = tightened(rows, box, every, every)
        reach = np.maximum(np.abs(box.lower - x), np.abs(box.upper - x))
        found -= 0.5 * shift * float(reach @ reach) * (1 + _gamma(len(x) + 3))
    if not math.isfinite(found):
        return -sign * math.inf
    return _shift(sign, found - curved_error, form.offset - curved)


def contradiction(form: LinearForm, ray: Floats) -> bool:
    """Whether row multipliers ``ray`` (m), with the bounds of the columns, prove that no point exists."""
    rows, box = rows_of(form), Box(form.lower, form.upper)
    return lower_bound(np.zeros(form.shape[1]), rows, box, ray) > 0.0


def lower_bound(
    cost: Floats,
    rows: Rows,
    box: Box,
    y: Floats,
    cost_error: Floats | None = None,
    bend: tuple[Floats, Floats] | None = None,
) -> float:
    """The bound of the head of the module on ``minimize cost'x``; ``cost_error`` (n): how far each cost may be off.

    ``bend``: strengths (n) and a point (n), where the objective also has strength_j / 2 * (x_j - point_j)^2.
    """
    y = np.where((y > 0) & np.isinf(rows.lower) | (y < 0) & np.isinf(rows.upper) | ~np.isfinite(y), 0.0, y)
    low, high = _reduced(cost, rows, y, cost_error)
    used = np.where(y > 0, rows.lower, rows.upper)[y != 0]
    row_part, row_error = dot(y[y != 0], used)
    loose = (low < 0) & np.isinf(box.upper) | (high > 0) & np.isinf(box.lower)
    if loose.any():
        # A better point than K has cost'x <= K, which may bound x where the rows do not; the bound is then min(., K).
        guess, _ = dot(y[y != 0], used)
        scale = abs(guess) + 1.0
        cut = guess + scale
        box = tightened(_with_cut(rows, cost, cost_error, cut), box, high > 0, low < 0)
        found = _box_part(low, high, box, row_part, row_error, bend)
        return min(found, cut)
    return _box_part(low, high, box, row_part, row_error, bend)


def _box_part(
    low: Floats,
    high: Floats,
    box: Box,
    row_part: float,
    row_error: float,
    bend: tuple[Floats, Floats] | None,
) -> float:
    """Row part plus the least value of d'x over the box, d anywhere in [low, high]; rounded down."""
    with np.errstate(invalid="ignore", over="ignore"):
        corners = [d * x for d in (low, high) for x in (box.lower, box.upper)]
    # 0 * inf is 0 here: a column whose reduced cost is exactly zero adds nothing.
    least = np.minimum.reduce([np.where(np.isnan(c), 0.0, c) for c in corners])
    if bend is not None:
        least = np.where(np.isneginf(least), _bent(low, high, *bend), least)
    if np.isneginf(least).any() or not math.isfinite(row_part):
        return -math.inf
    columns, column_error = _total(least)
    total = math.fsum([row_part, columns])
    # Each product is off by half a unit in its last place, the two sums by what they say.
    size = float(np.abs(least).sum()) * (1 + _gamma(len(least) + 1))
    error = row_error + column_error + UNIT * (size + abs(total)) * 2 + TINY * (len(least) + 1)
    return math.nextafter(total - error * (1 + 4 * UNIT), -math.inf)


def _bent(low: Floats, high: Floats, strength: Floats, point: Floats) -> Floats:
    """The least value of d x + strength / 2 (x - point)^2 over all x, which is d point - d^2 / (2 strength)."""
    steep = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(divide="ignore", invalid="ignore"):
        dip = steep * steep / (2 * strength)
    reach = steep * np.abs(point)
    found = np.minimum(low * point, high * point) - dip - 8 * UNIT * (dip + reach) - TINY
    return np.where(strength > 0, found, -np.inf)


def _reduced(cost: Floats, rows: Rows, y: Floats, cost_error: Floats | None) -> tuple[Floats, Floats]:
    """Intervals that hold d = cost - A'y."""
    products = rows.values * y[rows.owner]
    n = len(cost)
    total = np.bincount(rows.column, weights=products, minlength=n)
    size = np.bincount(rows.column, weights=np.abs(products), minlength=n)
    count = np.bincount(rows.column, minlength=n)
    middle = cost - total
    error = _gammas(count + 3) * (size + np.abs(cost)) + TINY * (count + 1)
    error = np.where(size == 0, 0.0, error)  # nothing was subtracted
    if cost_error is not None:
        error = error + cost_error
    return middle - error, middle + error


def dot(a: Floats, b: Floats) -> tuple[float, float]:
    """a'b and a bound on its error."""
    products = a * b
    if not np.isfinite(products).all():
        return -math.inf, 0.0
    total, error = _total(products)
    size = float(np.abs(products).sum()) * (1 + _gamma(len(products) + 1))
    return total, error + 2 * UNIT * (size + abs(total)) + TINY * (len(products) + 1)


def _total(values: Floats) -> tuple[float, float]:
    """The sum and a bound on its error: blocks of 256 are added as they come, the blocks exactly rounded."""
    if not len(values):
        return 0.0, 0.0
    blocks = np.add.reduceat(values, np.arange(0, len(values), 256))
    total = math.fsum(blocks)
    size = float(np.abs(values).sum()) * (1 + _gamma(len(values)))
    return total, _gamma(257) * size + UNIT * abs(total)


def _gamma(k: int) -> float:
    return k * UNIT / (1 - k * UNIT)


def _gammas(k: NDArray[np.int64]) -> Floats:
    return k * UNIT / (1 - k * UNIT)


def _shift(sign: float, found: float, offset: float) -> float:
    """``sign * found + offset``, rounded away from the optimum."""
    return math.nextafter(sign * found + offset, -sign * math.inf)


def _with_cut(rows: Rows, cost: Floats, cost_error: Floats | None, limit: float) -> Rows:
    """The rows and ``cost'x <= limit``; costs that are known only nearly are taken out, which would make it wrong."""
    if cost_error is not None and cost_error.any():
        return rows
    which = np.flatnonzero(cost).astype(np.int32)
    return Rows(
        np.concatenate([rows.owner, np.full(len(which), rows.count, dtype=np.int32)]),
        np.concatenate([rows.column, which]),
        np.concatenate([rows.values, cost[which]]),
        np.append(rows.lower, -np.inf),
        np.append(rows.upper, limit),
    )


# ---------------------------------------------------------------------------------------------- bounds from the rows
def tightened(rows: Rows, box: Box, below: NDArray[np.bool_], above: NDArray[np.bool_]) -> Box:
    """Bounds of the columns that follow from rows and bounds, rounded outwards.

    Propagation goes on until the columns of ``below`` (n) have a lower and those of ``above`` (n) an upper bound, or
    nothing new is found.
    """
    for _ in range(min(ROUNDS, 1 + WORK // max(1, len(rows.values)))):
        if not (np.isinf(box.lower[below]).any() or np.isinf(box.upper[above]).any()):
            break
        lower, upper = _propagated(rows, box)
        finite = np.isfinite(lower).sum() + np.isfinite(upper).sum()
        same = finite == np.isfinite(box.lower).sum() + np.isfinite(box.upper).sum()
        box = Box(lower, upper)
        if same:
            break
    return box


def _propagated(rows: Rows, box: Box) -> tuple[Floats, Floats]:
    a, j, i = rows.values, rows.column, rows.owner
    present = a != 0
    a, j, i = a[present], j[present], i[present]
    up = a > 0
    with np.errstate(over="ignore"):
        most = a * np.where(up, box.upper[j], box.lower[j])
        least = a * np.where(up, box.lower[j], box.upper[j])
    count = np.bincount(i, minlength=rows.count)
    lower, upper = box.lower.copy(), box.upper.copy()
    # a x >= L - (most of the others), and a x <= U - (least of the others).
    others, error = _others(most, i, rows.count, count)
    floor = _outward(rows.lower[i] - others, error + UNIT * 4 * np.abs(rows.lower[i]), a, down=True)
    others, error = _others(least, i, rows.count, count)
    ceiling = _outward(rows.upper[i] - others, error + UNIT * 4 * np.abs(rows.upper[i]), a, down=False)
    np.maximum.at(lower, j, np.where(up, floor, np.where(np.isnan(ceiling), -np.inf, ceiling)))
    np.minimum.at(upper, j, np.where(up, ceiling, np.where(np.isnan(floor), np.inf, floor)))
    return lower, upper


def _others(part: Floats, owner: Ints, rows: int, count: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """For each entry the sum of its row without it, infinite where another part is, and a bound on the error."""
    finite = np.isfinite(part)
    kept = np.where(finite, part, 0.0)
    total = np.bincount(owner, weights=kept, minlength=rows)
    size = np.bincount(owner, weights=np.abs(kept), minlength=rows)
    endless = np.bincount(owner, weights=~finite, minlength=rows)
    rest = total[owner] - kept
    others = np.where(endless[owner] - ~finite > 0, np.nan, rest)
    return others, _gammas(count + 4)[owner] * size[owner] + TINY * count[owner]


def _outward(number: Floats, error: Floats, a: Floats, *, down: bool) -> Floats:
    """The bound on x of ``a x >= number`` (``down``) or ``a x <= number``, moved outwards by all errors."""
    with np.errstate(invalid="ignore", over="ignore"):
        moved = number - error if down else number + error
        quotient = moved / a
        # For positive a a lower bound comes from >= and an upper one from <=; for negative a the other way round.
        below = (a > 0) == down
        margin = 4 * UNIT * np.abs(quotient) + TINY
        bound = np.where(below, quotient - margin, quotient + margin)
    endless = np.where(below, -np.inf, np.inf)
    return np.where(np.isfinite(bound), bound, endless)


# ---------------------------------------------------------------------------------------------------------- convexity
def curvature(form: QuadraticForm, sign: float) -> float | None:
    """A shift e >= 0 such that sign * Q + e I is positive semidefinite, as small as the proof allows.

    Infinite where sign * Q is not positive semidefinite even up to a millionth of its trace: the objective is not
    convex. None where that is not known, for want of a small enough block. A diagonal Q is judged exactly; otherwise
    each connected block by a Cholesky factorisation that succeeds with a margin for its own errors (S. M. Rump,
    "Verification of positive definiteness", BIT 46 (2006)), unless Gershgorin's discs say it at once.
    """
    columns = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    at, values = form.hessian_indices, sign * form.hessian_values
    kept = values != 0
    columns, at, values = columns[kept], at[kept], values[kept]
    off = at != columns
    if (values[~off] < 0).any():
        return math.inf
    if not off.any():
        return 0.0
    n = form.shape[1]
    discs = _discs(at, columns, values, n)
    if discs <= 1e-12 * float(values[~off].sum()):
        return discs
    worst = 0.0
    for _, dense in _blocks(at, columns, values, n):
        if dense is None:
            return None
        worst = max(worst, _shift_of_block(dense))
    return worst


def _discs(at: Ints, columns: NDArray[np.int64], values: Floats, n: int) -> float:
    """How far below zero Gershgorin's discs reach at most, rounded up."""
    off = at != columns
    ends = np.concatenate([at[off], columns[off]])
    reach = np.bincount(ends, weights=np.tile(np.abs(values[off]), 2), minlength=n)
    count = np.bincount(ends, minlength=n)
    diagonal = np.bincount(at[~off], weights=values[~off], minlength=n)
    return max(0.0, float(np.max(reach * (1 + _gammas(count + 3)) - diagonal, initial=0.0)))


def strength(form: QuadraticForm, sign: float) -> Floats:
    """Numbers s (n) with sign * Q - diag(s) positive semidefinite, proved like ``curvature``; 0 where unknown."""
    found = np.zeros(form.shape[1])
    columns = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    at, values = form.hessian_indices, sign * form.hessian_values
    if np.array_equal(at, columns):
        found[columns] = np.maximum(values, 0.0)
        return found
    for block, dense in _blocks(at, columns, values, form.shape[1]):
        if dense is not None:
            trace = float(np.trace(dense))
            margin = 2 * _gamma(len(block) + 3) * trace + len(block) * TINY
            shares = (share * trace / len(block) for share in (0.1, 1e-3, 1e-5))
            found[block] = next((s for s in shares if _definite(dense, s + margin)), 0.0)
    return found


def _definite(matrix: Floats, less: float) -> bool:
    """Whether the matrix without ``less`` on its diagonal has a Cholesky factorisation."""
    try:
        np.linalg.cholesky(matrix - less * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        return False
    return True


def _blocks(
    at: Ints, columns: NDArray[np.int64], values: Floats, n: int
) -> Iterator[tuple[NDArray[np.int64], Floats | None]]:
    """Connected groups of columns, small ones put together, each with its part of the symmetric matrix.

    The lower triangle has ``values`` at (``at``, ``columns``). None for a matrix that is too large.
    """
    touched = np.unique(np.concatenate([at, columns]))
    if len(touched) <= TOGETHER:
        label, count = np.zeros(n, dtype=np.int64), 1
    else:
        label, count = _labels(at, columns, n, touched)
    members = touched[np.argsort(label[touched], kind="stable")]
    groups = np.split(members, np.cumsum(np.bincount(label[touched], minlength=count))[:-1])
    order = np.argsort(label[at], kind="stable")
    ends = np.cumsum(np.bincount(label[at], minlength=count))
    place = np.zeros(n, dtype=np.int64)
    for group, end, size in zip(groups, ends, np.diff(ends, prepend=0), strict=True):
        if not len(group):
            continue
        if len(group) > LARGEST_BLOCK:
            yield group, None
            continue
        place[group] = np.arange(len(group))
        own = order[end - size : end]
        rows, cols = place[at[own]], place[columns[own]]
        dense = np.zeros((len(group), len(group)))
        np.add.at(dense, (rows, cols), values[own])
        off = rows != cols
        np.add.at(dense, (cols[off], rows[off]), values[own][off])
        yield group, dense


def _labels(at: Ints, columns: NDArray[np.int64], n: int, touched: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """For each column (n) the group it is in: one connected group, or several that are small; and how many."""
    count, label = components(n, at, columns)
    sizes = np.bincount(label[touched], minlength=count)
    by_size = np.argsort(-sizes, kind="stable")
    filled = np.cumsum(sizes[by_size])
    small = sizes[by_size] < TOGETHER
    before = filled[~small][-1] if (~small).any() else 0
    packed = np.where(small, (filled - before) // TOGETHER + np.count_nonzero(~small), np.arange(count))
    group = np.empty(count, dtype=np.int64)
    group[by_size] = packed
    return group[label], int(packed.max()) + 1


def _shift_of_block(dense: Floats) -> float:
    size = len(dense)
    trace = float(np.trace(dense))
    margin = 2 * _gamma(size + 3) * trace + size * TINY
    for shift in (0.0, 4 * margin, 64 * margin, 1024 * margin, 1e-9 * trace, 1e-6 * trace):
        if _definite(dense, margin - shift):
            return shift
    return math.inf


def symmetric_product(form: QuadraticForm, x: Floats) -> tuple[Floats, Floats]:
    """Q x (n) from the lower triangle, and a bound on the error of each entry."""
    columns = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    rows, values = form.hessian_indices, form.hessian_values
    off = rows != columns
    at = np.concatenate([rows, columns[off]])
    products = np.concatenate([values * x[columns], values[off] * x[rows[off]]])
    n = form.shape[1]
    total = np.bincount(at, weights=products, minlength=n).astype(np.float64)
    size = np.bincount(at, weights=np.abs(products), minlength=n)
    count = np.bincount(at, minlength=n)
    return total, _gammas(count + 3) * size + TINY * count
