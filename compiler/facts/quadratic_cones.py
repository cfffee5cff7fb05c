"""Rows ``q(x) <= 0`` of quadratic functions that are second-order cones: which of them, and as which cone.

Written with one more decision that is 1, ``q(x) = y'My`` with ``y = (x, 1)``. Where ``M`` has a single negative
eigenvalue, ``M = N - d d'`` with a positive semidefinite ``N``, and ``y'My <= 0`` says ``|d'y| >= ||N^(1/2) y||``: a
cone and its mirror image. It is the cone ``d'y >= ||N^(1/2) y||``, a convex set, where the bounds of the decisions keep
it to one half (``cone_halves``), or a linear row does (``parallel_rows``). (F. Alizadeh, D. Goldfarb, "Second-order
cone programming", Math. Prog. 95 (2003), section 2, has the cones that are written by their squares; that a quadratic
function with one negative eigenvalue is quasi-convex on each half: M. Avriel, W. E. Diewert, S. Schaible, I. Zang,
"Generalized Concavity" (1988), chapter 6.)

For ``d = M w / sqrt(-w'Mw)`` (``quadratic_splits``) tried as ``w`` are unit vectors, of the decision with the most
negative square and of the constant, and a combination of two decisions that are multiplied. Any of them shows whether
there is no second negative eigenvalue; the sign of ``d'y`` may be known of one and not of another. Where none
suits, the eigenvectors of a small part tell.

All calculation is in float64. Eigenvalues that are negative by less than ``definiteness.SLACK`` of a matrix with rows
scaled to size 1 count as zero, and so do sums that rounding may have moved off zero. A constant may matter below that,
so its sign is found out apart (``centre_values``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .centre_values import negative_centres
from .cone_halves import Half, halves, signs
from .parallel_rows import parallel_ends
from .propagation import Entries as LinearRows
from .quadratic_rows import Entries, Floats, Parts, joined, parts_of, scaled, semidefinite_parts
from .quadratic_splits import Directions, Forms, by_row, degrees, of_rows, semidefinite, split, without_noise
from .rounding import UNIT, Bools

LARGE = 4_000_000  # entries that the squares of linear forms may add


@dataclass(frozen=True, slots=True, eq=False)
class QuadraticCones:
    """For rows ``q <= 0``, masks ``(rows,)``: ``holds``: it is the cone ``top >= ||rest||``; ``halved``: it is such a
    cone or its mirror image, and nothing tells which. ``top``: the linear forms of both, whose last column stands for
    1; ``rest``: the squares of both, as entries of ``N``.
    """

    holds: Bools
    halved: Bools
    top: Forms
    rest: Entries


def quadratic_cones(entries: Entries, rows: int, lower: Floats, upper: Floats) -> QuadraticCones:
    """The cones among rows ``q <= 0``; ``entries``: of ``M``, whose last column (n) is for 1; ``lower upper`` (n)."""
    entries = without_noise(entries)
    parts = parts_of(entries)
    fine = semidefinite_parts(scaled(parts)[0], 1.0)
    one = len(lower)
    bent = (by_row(parts, ~fine, rows) == 1) & ~_twice(entries, one, rows)
    apart = bent[parts.row] & ~fine[parts.label]  # the nodes of the part with a negative eigenvalue
    found = _Found(rows)
    if not apart.any():
        return found.result()
    ends = np.append(lower, 1.0), np.append(upper, 1.0)
    single, several = (np.zeros(rows, dtype=np.bool_) for _ in range(2))  # rows with one and more negative eigenvalues
    tried: list[Directions] = []
    for w in (_square(parts, apart & (parts.column != one)), _square(parts, apart), _pair(parts, apart, one)):
        left = w.taken(~found.holds[w.rows])
        left = left.taken(_affordable(parts, left))
        if not len(left.rows):
            continue
        top, rest = split(parts, left, rows)
        mask = np.zeros(rows, dtype=np.bool_)
        mask[left.rows] = True
        mask &= single | semidefinite(rest, rows)
        single |= mask
        several[left.rows] = ~single[left.rows]
        sign = signs(top, rows, *ends)
        found.take(Half(mask & (sign != 0), top, rest, sign))
        found.open(top, rest, mask & (sign == 0))
        tried.append(left.taken(mask[left.rows]))
    open_ = apart & ~(several | found.holds)[parts.row]
    for half in halves(parts, open_, rows, *ends, tried):
        found.take(half)
    return found.result()


def _twice(entries: Entries, one: int, rows: int) -> Bools:
    """Rows whose squares have a negative eigenvalue and whose value at the centre is negative: that makes two."""
    low = negative_centres(entries, one, rows)
    if not low.any():
        return low
    own = low[entries.row] & (entries.first != one) & (entries.second != one)
    squares = Entries(entries.row[own], entries.first[own], entries.second[own], entries.value[own])
    return low & ~semidefinite(squares, rows)


class _Found:
    """What is known so far."""

    def __init__(self, rows: int) -> None:
        self.holds = np.zeros(rows, dtype=np.bool_)
        self.halved = np.zeros(rows, dtype=np.bool_)
        self.tops: list[Forms] = []
        self.rests: list[Entries] = []
        self.undecided: list[tuple[Forms, Entries]] = []

    def take(self, half: Half) -> None:
        top = half.top.of_rows(half.rows)
        self.tops.append(Forms(top.row, top.column, top.value * half.sign[top.row]))
        self.rests.append(of_rows(half.rest, half.rows))
        self.holds |= half.rows

    def open(self, top: Forms, rest: Entries, which: Bools) -> None:
        """Rows of two halves; the first form of each is kept."""
        fresh = which & ~self.halved
        self.undecided.append((top.of_rows(fresh), of_rows(rest, fresh)))
        self.halved |= which

    def result(self) -> QuadraticCones:
        halved = self.halved & ~self.holds
        tops = [*self.tops, *(top.of_rows(halved) for top, _ in self.undecided)]
        rests = [*self.rests, *(of_rows(rest, halved) for _, rest in self.undecided)]
        none = np.zeros(0, dtype=np.int64)
        top = Forms(
            np.concatenate([none, *(t.row for t in tops)]),
            np.concatenate([none, *(t.column for t in tops)]),
            np.concatenate([np.zeros(0), *(t.value for t in tops)]),
        )
        return QuadraticCones(self.holds, halved, top, joined(rests))


def kept_by_rows(cones: QuadraticCones, linear: LinearRows, one: int) -> QuadraticCones:
    """The cones with those of which a linear row tells the half; ``one``: the column that stands for 1."""
    rows = len(cones.holds)
    top = cones.top.of_rows(cones.halved)
    fixed = top.column == one
    constant, size = (np.bincount(top.row[fixed], v, rows) for v in (top.value[fixed], np.abs(top.value[fixed])))
    least, most = parallel_ends(Forms(top.row[~fixed], top.column[~fixed], top.value[~fixed]), rows, linear)
    kept = []
    for end, sign in ((least, 1.0), (most, -1.0)):
        slack = 32 * UNIT * (np.where(np.isfinite(end), np.abs(end), 0.0) + size)
        kept.append(cones.halved & np.isfinite(end) & (sign * (end + constant) >= -slack))
    turned = np.where(kept[1] & ~kept[0], -1.0, 1.0)
    found = kept[0] | kept[1]
    whole = Forms(cones.top.row, cones.top.column, cones.top.value * turned[cones.top.row])
    return QuadraticCones(cones.holds | found, cones.halved & ~found, whole, cones.rest)


def _square(parts: Parts, nodes: Bools) -> Directions:
    """Unit vectors with a negative square: for each row of the one with the most negative."""
    some = np.flatnonzero(nodes & (parts.diagonal < 0))
    some = some[np.lexsort((parts.diagonal[some], parts.row[some]))]
    rows, first = np.unique(parts.row[some], return_index=True)
    best = some[first]
    return Directions(rows, best, best, np.ones(len(rows)), np.zeros(len(rows)))


def _pair(parts: Parts, nodes: Bools, one: int) -> Directions:
    """The combination of two decisions with the most negative square, for each row that has one."""
    decisions = nodes & (parts.column != one)
    edges = np.flatnonzero(decisions[parts.a] & decisions[parts.b])
    i, j, off = parts.a[edges], parts.b[edges], parts.off[edges]
    p, q = parts.diagonal[i], parts.diagonal[j]
    least = 0.5 * (p + q) - np.hypot(0.5 * (p - q), off)
    order = np.lexsort((least, parts.row[i]))
    rows, first = np.unique(parts.row[i[order]], return_index=True)
    best = order[first]
    below = least[best] < -1e-12 * (np.abs(p) + np.abs(q) + np.abs(off))[best]
    rows, best = rows[below], best[below]
    # An eigenvector of [[p, off], [off, q]] is (off, least - p), and (least - q, off): the one without cancellation.
    by_first = p[best] - least[best] >= q[best] - least[best]
    alpha = np.where(by_first, off[best], least[best] - q[best])
    beta = np.where(by_first, least[best] - p[best], off[best])
    size = np.maximum(np.abs(alpha), np.abs(beta))
    return Directions(rows, i[best], j[best], alpha / size, beta / size)


def _affordable(parts: Parts, w: Directions) -> Bools:
    """Which directions have a product with the matrix so short that its square may be added."""
    width = degrees(parts)
    entries = (width[w.i] + np.where(w.beta != 0, width[w.j], 0) + 2.0) ** 2
    order = np.argsort(entries, kind="stable")
    found = np.zeros(len(order), dtype=np.bool_)
    found[order] = np.cumsum(entries[order]) <= LARGE
    return found
