"""Which half of a double cone ``|d'y| >= ||N^(1/2) y||`` rows are kept to by the bounds of the decisions.

Either ``d'y`` itself has a sign over the bounds, or something else tells: for ``h`` with ``h'y >= 0``, where ``h = M
w`` and ``w'h < 0``, ``h`` is a multiple of a ``d``; where ``w'h = 0``, ``h'y = 0`` only touches the double cone, and
``h'y > 0`` leaves the half that has ``d``, if ``h'u < 0`` for the ``u`` of ``d = M u / sqrt(-u'Mu)``. Tried as ``h``
are decisions less a bound, bounds less a decision, decisions of known sign, and sums of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .definiteness import SLACK
from .quadratic_rows import Entries, Floats, Ints, Parts, dense_parts, joined, scaled
from .quadratic_splits import Directions, Forms, of_rows, pairs, split, whole, without_noise
from .rounding import UNIT, Bools

SMALL = 64  # decisions of a part whose eigenvectors are looked at
NEAR = 1e-9  # of a sum of products of eigenvectors: what is not counted as zero
STEPS = 300  # of projected gradients, for combinations
TOUCH = 1e-12  # of such a sum: what is counted as zero


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """The cone ``sign * top >= ||rest||`` for some rows: ``rows`` is a mask, ``sign`` has an entry for each row."""

    rows: Bools
    top: Forms
    rest: Entries
    sign: Floats


def signs(top: Forms, rows: int, lower: Floats, upper: Floats) -> Floats:
    """1 where bounds keep a linear form from below zero, -1 where from above, else 0 (rows).

    Coefficients are rounded, so what lies below zero by no more than that counts as zero.
    """
    with np.errstate(invalid="ignore"):
        corners = [top.value * end[top.column] for end in (lower, upper)]
        low, high = np.minimum(*corners), np.maximum(*corners)
        count = np.bincount(top.row, minlength=rows)
        kept = []
        for each in (low, -high):
            total, size = np.bincount(top.row, each, rows), np.bincount(top.row, np.abs(each), rows)
            kept.append(np.isfinite(total) & (count > 0) & (total >= -32 * (count + 2) * UNIT * size))
    return np.where(kept[0], 1.0, np.where(kept[1], -1.0, 0.0))


@dataclass(slots=True, eq=False)
class _HalfSpaces:
    """The best half-space for each row (rows): ``sign * x[node] + shift >= 0``; ``node`` is -1 where there is none.

    ``square``: ``w'h`` relative to what it adds up, and as it is.
    """

    node: Ints
    sign: Floats
    shift: Floats
    relative: Floats
    square: Floats

    @classmethod
    def none(cls, rows: int) -> _HalfSpaces:
        zeros = [np.zeros(rows) for _ in range(4)]
        return cls(np.full(rows, -1, dtype=np.int64), *zeros)

    def take(self, rows: Ints, node: Ints, sign: float, shift: Floats, relative: Floats, square: Floats) -> None:
        """Where they are better than what there is; no row stands twice."""
        better = (self.node[rows] < 0) | (relative < self.relative[rows])
        at = rows[better]
        self.node[at], self.sign[at], self.shift[at] = node[better], sign, shift[better]
        self.relative[at], self.square[at] = relative[better], square[better]


def halves(
    parts: Parts, apart: Bools, rows: int, lower: Floats, upper: Floats, tried: list[Directions]
) -> Iterator[Half]:
    """Halves that bounds tell, of the parts with nodes in ``apart``; ``lower upper``: by column, the last for 1.

    ``tried``: directions of rows whose matrices have one negative eigenvalue each.
    """
    sizes = np.bincount(parts.label, minlength=parts.count)
    which = np.unique(parts.label[apart & (sizes[parts.label] <= SMALL)]).astype(np.int64)
    if not len(which):
        return
    one = len(lower) - 1
    inner, touching = _half_spaces(parts, which, rows, lower, upper)
    left = inner.node < 0
    if not left.all():
        yield _inside(parts, _of_best(parts, inner, one), inner.square, ~left)
    for directions in tried:
        some = directions.taken(((touching.node >= 0) & left)[directions.rows])
        product = _product(parts, touching, some, one)
        some, product = some.taken(product != 0), product[product != 0]
        if len(some.rows):
            left[some.rows] = False
            sign, mask = np.zeros(rows), np.zeros(rows, dtype=np.bool_)
            sign[some.rows], mask[some.rows] = -np.sign(product), True
            yield Half(mask, *split(parts, some, rows), sign)
    which = which[left[_owners(parts)[which]]]
    if len(which):
        for h, square, mask in _combinations(parts, which, rows, lower, upper):
            fresh = mask & left
            left &= ~mask
            yield _inside(parts, h.of_rows(fresh), square, fresh)


def _owners(parts: Parts) -> Ints:
    """The row of each part."""
    owner = np.zeros(parts.count, dtype=np.int64)
    owner[parts.label] = parts.row
    return owner


def _half_spaces(parts: Parts, which: Ints, rows: int, lower: Floats, upper: Floats) -> tuple[_HalfSpaces, _HalfSpaces]:
    """The best half-space within each row's double cone, and one that touches it only, for the parts ``which``."""
    one = len(lower) - 1
    inner, touching = _HalfSpaces.none(rows), _HalfSpaces.none(rows)
    sizes = np.bincount(parts.label, minlength=parts.count)
    # Where the constant stands apart with a positive square, no point lies on a line of the cone's boundary.
    edgeless = np.zeros(rows, dtype=np.bool_)
    edgeless[parts.row[(parts.column == one) & (sizes[parts.label] == 1) & (parts.diagonal > 0)]] = True
    even, scale = scaled(parts)
    order = np.argsort(parts.label, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for size, members, matrices in dense_parts(even, even.diagonal, even.off, which):
        assert matrices is not None
        nodes = order[starts[which[members]][:, None] + np.arange(size)]
        own, column = parts.row[nodes[:, 0]], parts.column[nodes]
        spectrum = _spectrum(matrices, scale[nodes], column == one)
        for sign, end in ((1.0, lower), (-1.0, upper)):
            bound = np.where(column == one, -np.inf, sign * end[column])
            for shift, fits in _shifts(spectrum, sign, bound, (column == one).any(axis=1)):
                square, add, inside = spectrum.at(sign, shift)
                relative = square / np.where(add > 0, add, 1.0)
                good = np.where(fits & inside & (relative < -NEAR), relative, np.inf)
                _take(inner, own, nodes, good, sign, shift, square)
                strict = (bound + shift > NEAR * (1.0 + np.abs(shift))) | edgeless[own][:, None]
                good = np.where(fits & inside & strict & (np.abs(relative) <= TOUCH), 0.0, np.inf)
                _take(touching, own, nodes, good, sign, shift, square)
    return inner, touching


def _take(into: _HalfSpaces, own: Ints, nodes: Ints, value: Floats, sign: float, shift: Floats, square: Floats) -> None:
    """The node of each part with the least value, where one is finite."""
    at = np.argmin(value, axis=1)
    part = np.flatnonzero(np.isfinite(value[np.arange(len(at)), at]))
    at = at[part]
    into.take(own[part], nodes[part, at], sign, shift[part, at], value[part, at], square[part, at])


@dataclass(frozen=True, slots=True, eq=False)
class _Spectrum:
    """Unit vectors of the nodes of some parts, and that of the constant, by the eigenvectors of the parts' matrices.

    ``each`` (count, size, size) and ``one`` (count, size); ``inverse`` (count, size): reciprocal eigenvalues, 0 for 0;
    ``single`` (count): whether one of them is negative.
    """

    each: Floats
    one: Floats
    inverse: Floats
    single: Bools

    def at(self, sign: float, shift: Floats) -> tuple[Floats, Floats, Bools]:
        """Of ``h = sign * node + shift`` for each node ``w'h``, the size of what that adds up, and whether there is a
        ``w`` with ``M w = h``; all (count, size).
        """
        image = sign * self.each + shift[:, :, None] * self.one[:, None, :]
        squares = image * image
        total = np.einsum("kji,ki->kj", squares, self.inverse)
        size = np.einsum("kji,ki->kj", squares, np.abs(self.inverse))
        outside = np.einsum("kji,ki->kj", squares, (self.inverse == 0).astype(np.float64))
        return total, size, self.single[:, None] & (outside <= TOUCH * squares.sum(axis=2))


def _spectrum(matrices: Floats, scale: Floats, ones: Bools) -> _Spectrum:
    """``scale``: what each node was scaled by; ``ones``: which stands for 1; both (count, size)."""
    values, vectors = np.linalg.eigh(matrices)
    zero = np.abs(values) <= SLACK * np.abs(values).max(axis=1, keepdims=True)
    inverse = np.where(zero, 0.0, 1.0 / np.where(zero, 1.0, values))
    each = scale[:, :, None] * vectors
    single = (inverse < 0).sum(axis=1) == 1
    return _Spectrum(each, np.einsum("kn,kni->ki", ones.astype(np.float64), each), inverse, single)


def _shifts(spectrum: _Spectrum, sign: float, bound: Floats, with_one: Bools) -> Iterator[tuple[Floats, Bools]]:
    """Shifts of ``sign * x >= bound`` to try, and where they hold (count, size): none, and one that suits the matrix.

    That is the one for which there is a ``w`` with ``M w = h``; where there always is, the one with the least ``w'h``.
    """
    yield np.zeros(bound.shape), bound >= 0
    null = (spectrum.inverse == 0).astype(np.float64)
    ways = []
    for weight in (null, spectrum.inverse):
        mixed = sign * np.einsum("kji,ki,ki->kj", spectrum.each, spectrum.one, weight)
        constant = np.einsum("ki,ki,ki->k", spectrum.one, spectrum.one, weight)[:, None]
        positive = constant > TOUCH * np.einsum("ki,ki->k", spectrum.one, spectrum.one)[:, None]
        ways.append(np.where(positive, mixed / np.where(positive, constant, 1.0), np.nan))
    best = np.where(np.isnan(ways[0]), np.where(np.isnan(ways[1]), np.inf, ways[1]), ways[0])
    yield -np.minimum(best, np.where(np.isfinite(bound), bound, 0.0)), with_one[:, None] & np.isfinite(bound)


def _product(parts: Parts, h: _HalfSpaces, w: Directions, one: int) -> Floats:
    """``h'w`` for each row of the directions."""
    total = np.zeros(len(w.rows))
    for node, weight in ((w.i, w.alpha), (w.j, w.beta)):
        total += weight * np.where(node == h.node[w.rows], h.sign[w.rows], 0.0)
        total += weight * np.where(parts.column[node] == one, h.shift[w.rows], 0.0)
    return total


def _inside(parts: Parts, h: Forms, square: Floats, mask: Bools) -> Half:
    """The cones whose ``d`` is a multiple of ``h``: ``N = M - h h' / (w'h)``; ``square`` (rows): ``w'h``, negative."""
    order = np.lexsort((h.column, h.row))
    row, column = h.row[order], h.column[order]
    value = h.value[order] / np.sqrt(-square[row])
    first, second = pairs(row)
    twice = np.where(first == second, 1.0, 2.0)
    more = Entries(row[first], column[first], column[second], twice * value[first] * value[second])
    everywhere = np.ones(len(parts.diagonal), dtype=np.bool_)
    rest = without_noise(joined([of_rows(whole(parts, everywhere), mask), more]))
    return Half(mask, Forms(row, column, value), rest, np.ones(len(mask)))


def _of_best(parts: Parts, best: _HalfSpaces, one: int) -> Forms:
    """The forms of the best half-spaces."""
    rows = np.flatnonzero(best.node >= 0)
    moved = rows[best.shift[rows] != 0]
    return Forms(
        np.concatenate([rows, moved]),
        np.concatenate([parts.column[best.node[rows]], np.full(len(moved), one)]),
        np.concatenate([best.sign[rows], best.shift[moved]]),
    )


# ------------------------------------------------------------------------------------------------------ combinations
def _combinations(
    parts: Parts, which: Ints, rows: int, lower: Floats, upper: Floats
) -> Iterator[tuple[Forms, Floats, Bools]]:
    """Sums of half-spaces with factors that are not negative: forms ``h``, ``w'h`` (rows) and a mask of the rows.

    In coordinates in which ``w'h`` is ``|a|^2 - b^2``, the sum with the least angle to the axis of ``b`` is the nearest
    point to it in the cone of all sums. If any lies in the double cone, that one does; so nothing that single bounds of
    the decisions can show is missed, but for bounds that do not suit the range of the matrix.
    """
    one = len(lower) - 1
    even, scale = scaled(parts)
    sizes = np.bincount(parts.label, minlength=parts.count)
    order, starts = np.argsort(parts.label, kind="stable"), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    for size, members, matrices in dense_parts(even, even.diagonal, even.off, which):
        assert matrices is not None
        nodes = order[starts[which[members]][:, None] + np.arange(size)]
        column, own = parts.column[nodes], parts.row[nodes[:, 0]]
        spectrum = _spectrum(matrices, scale[nodes], column == one)
        signs_, shifts, fits = _generators(spectrum, column, one, lower, upper)
        image = signs_[:, :, None] * np.concatenate([spectrum.each, spectrum.each], axis=1)
        image = image + shifts[:, :, None] * spectrum.one[:, None, :]
        image = np.where(fits[:, :, None], image * np.sqrt(np.abs(spectrum.inverse))[:, None, :], 0.0)
        length = np.sqrt((image * image).sum(axis=2))
        image = image / np.where(length > 0, length, 1.0)[:, :, None]
        axis = np.argmin(spectrum.inverse, axis=1)  # of the negative eigenvalue
        for way in (1.0, -1.0):
            target = way * np.take_along_axis(image, axis[:, None, None], axis=2)[:, :, 0]
            weight = _nearest(image, target) / np.where(length > 0, length, 1.0)
            total = np.einsum("kg,kgi->ki", weight * length, image)
            squares = total * total * np.sign(spectrum.inverse)
            square, add = squares.sum(axis=1), np.abs(squares).sum(axis=1)
            good = spectrum.single & (square < -NEAR * add)
            factor = (weight * signs_).reshape(len(own), 2, size).sum(axis=1)
            factor = factor + np.where(column == one, (weight * shifts).sum(axis=1)[:, None], 0.0)
            part, node = np.nonzero(good[:, None] & (factor != 0))
            mask, value = np.zeros(rows, dtype=np.bool_), np.full(rows, -1.0)
            mask[own[good]], value[own[good]] = True, square[good]
            yield Forms(own[part], column[part, node], factor[part, node]), value, mask


def _generators(
    spectrum: _Spectrum, column: Ints, one: int, lower: Floats, upper: Floats
) -> tuple[Floats, Floats, Bools]:
    """``sign * x + shift >= 0`` for the lower and the upper bounds of the nodes, in this order: sign, shift, and which
    are to be used; (count, 2 size). The constant counts as a bound of its own.
    """
    with_one = (column == one).any(axis=1)[:, None]
    signs_, shifts, fits = [], [], []
    for sign, end in ((1.0, lower), (-1.0, upper)):
        bound = np.where(column == one, 0.0 if sign > 0 else -np.inf, sign * end[column])
        shift = np.where(with_one & np.isfinite(bound), -bound, 0.0)
        inside = spectrum.at(sign, shift)[2]
        signs_.append(np.full(column.shape, sign))
        shifts.append(shift)
        fits.append(np.isfinite(bound) & (with_one | (bound >= 0)) & inside)
    return np.concatenate(signs_, axis=1), np.concatenate(shifts, axis=1), np.concatenate(fits, axis=1)


def _nearest(image: Floats, target: Floats) -> Floats:
    """Factors that are not negative (count, generators) with the least ``|sum of factors * image - axis|``.

    Accelerated projected gradients (A. Beck, M. Teboulle, SIAM J. Imaging Sci. 2 (2009)); ``target``: products with the
    axis. What comes out need not be the nearest point: it is checked as it is.
    """
    gram = np.einsum("kgi,khi->kgh", image, image)
    step = 1.0 / np.maximum(np.abs(gram).sum(axis=2).max(axis=1), 1e-300)[:, None]
    found = np.zeros(target.shape)
    ahead, pace = found, 1.0
    for _ in range(STEPS):
        before = found
        found = np.maximum(ahead - step * (np.einsum("kgh,kh->kg", gram, ahead) - target), 0.0)
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * pace * pace))
        ahead = found + (pace - 1.0) / following * (found - before)
        pace = following
    return found
