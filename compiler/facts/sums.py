"""Sums whose products of two decisions are curved together, beside parts that are curved the same way, or lend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optc.dsl.program import Apply, Expr

from ..spaces.algebra import Table, reduce_to, wide
from . import rounding as r
from .enclosure import atom_of, enclosure
from .hessians import curved_above
from .intervals import Interval
from .jets import bend, single_columns
from .monotonicity import NO
from .products import Curvature
from .quadratic_rows import Entries, Ints, joined, semidefinite_rows
from .quadratic_splits import pairs
from .region import Region
from .rounding import Bools
from .summands import LARGE, Part, homogeneous_entries, quadratic_entries, summands


def by_matrix(region: Region, term: Expr, table: Table, curvature: Curvature) -> tuple[Bools, Bools]:
    """A sum whose products of two decisions together are semidefinite, beside parts that are curved the same way."""
    found = summands(region, term, table)
    if len(found.others) == 1 and found.others[0].term is term:
        return NO, NO
    entries = quadratic_entries(region, found.monomials, table)
    up, down = semidefinite_rows(entries, table.size)
    convex, concave = (np.asarray(mask).reshape(table.shape) for mask in (up, down))
    for other in found.others:
        part = curvature(region, other.term, other.table)
        positive, negative = other.scale >= 0, other.scale <= 0
        good = positive & part.convex | negative & part.concave
        convex = convex & _for_all(table, other.table, good)
        good = positive & part.concave | negative & part.convex
        concave = concave & _for_all(table, other.table, good)
    if found.others and not bool(np.all(convex | concave)):
        convex = convex | _with_lent(region, found.others, entries, table, 1.0, curvature)
        concave = concave | _with_lent(region, found.others, entries, table, -1.0, curvature)
    return convex, concave


def _with_lent(
    region: Region, others: list[Part], entries: Entries, table: Table, sign: float, curvature: Curvature
) -> Bools:
    """Whether each row times ``sign`` is convex, where parts lend the quadratic part their curvature.

    A part in one decision whose second derivative is at least ``L`` is ``L x^2 / 2`` and something convex, whatever the
    sign of ``L``; and so is a function of an affine term ``u`` with ``L u^2 / 2``, and a part in a few decisions with
    the quadratic form that its second derivatives lie above.
    """
    pieces, good = [replace(entries, value=sign * entries.value)], np.ones(table.shape, dtype=np.bool_)
    for other in others:
        columns, second = single_columns(region, other.term, other.table), bend(region, other.term, other.table)
        scale = r.point(np.asarray(sign * other.scale, dtype=np.float64))
        least = None if second is None else r.multiply(scale, second).lower
        if columns is None or least is None or not np.isfinite(least).all():
            squares = _of_affine(region, other, scale, table)
            if squares is not None:
                pieces.append(squares)
                continue
            part = curvature(region, other.term, other.table)
            fits = (scale.lower >= 0) & part.convex | (scale.lower <= 0) & part.concave
            above = None if fits.all() else curved_above(region, other.term, other.table, scale)
            if above is not None:
                owner = _owner(other.table, table)
                pieces.append(Entries(owner[above.row], above.first, above.second, above.value))
                continue
            good = good & _for_all(table, other.table, fits)
            continue
        lent = wide(np.asarray(least), other.table.shape) / 2
        pieces.append(Entries(_owner(other.table, table), columns, columns, lent))
    up, _ = semidefinite_rows(joined(pieces), table.size)
    return np.asarray(good & up.reshape(table.shape))


def _of_affine(region: Region, other: Part, scale: Interval, table: Table) -> Entries | None:
    """``L u^2 / 2`` in the products of decisions, for a part that is ``scale`` times a function of an affine ``u``."""
    term, rows = other.term, other.table
    atom = atom_of(region, term, rows) if isinstance(term, Apply) else None
    if atom is None or not atom.smooth:
        return None
    assert isinstance(term, Apply)
    inner, argument = summands(region, term.args[0], rows), enclosure(region, term.args[0], rows)
    if inner.others or any(len(m.refs) > 1 for m in inner.monomials) or not atom.inside(argument).all():
        return None
    least = wide(np.asarray(r.multiply(scale, atom.second(argument)).lower), rows.shape)
    found = homogeneous_entries(region, inner.monomials, rows)
    moving = found.first != region.instance.columns
    row, column, value = found.row[moving], found.first[moving], found.value[moving]
    width = np.bincount(row, minlength=rows.size)
    if not np.isfinite(least).all() or int(width @ width) > LARGE:
        return None
    order = np.argsort(row, kind="stable")
    first, second = pairs(row[order])
    first, second = order[first], order[second]
    twice = np.where(first == second, 0.5, 1.0)
    products = twice * least.reshape(-1)[row[first]] * value[first] * value[second]
    return Entries(_owner(rows, table)[row[first]], column[first], column[second], products)


def _owner(rows: Table, table: Table) -> Ints:
    """The row of ``table`` that each row of an extension belongs to."""
    if rows is table:
        return np.arange(table.size)
    return np.asarray(wide(rows.rows_in(table), rows.shape), dtype=np.int64).reshape(-1)


def by_hessian(region: Region, term: Expr, table: Table) -> tuple[Bools, Bools]:
    """For each row whether the second derivatives of a term in a few decisions make it convex, or concave, all over."""
    found = []
    for sign in (1.0, -1.0):
        above = curved_above(region, term, table, r.constant(sign))
        good = np.zeros(table.size, dtype=np.bool_) if above is None else semidefinite_rows(above, table.size)[0]
        found.append(good.reshape(table.shape))
    return found[0], found[1]


def _for_all(table: Table, rows: Table, mask: Bools) -> Bools:
    return mask if rows is table else np.asarray(reduce_to(table, rows, mask.astype(np.float64), np.minimum) > 0.5)
