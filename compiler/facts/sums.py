"""Sums whose products of two decisions are curved together, beside parts that are curved the same way, or lend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optc.dsl.program import Expr

from ..spaces.algebra import Table, reduce_to, wide
from . import rounding as r
from .jets import bend, single_columns
from .monotonicity import NO
from .products import Curvature
from .quadratic_rows import Entries, joined, semidefinite_rows
from .region import Region
from .rounding import Bools
from .summands import Part, quadratic_entries, summands


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
    """Whether each row times ``sign`` is convex, where parts in one decision lend the quadratic part their curvature.

    A part whose second derivative is at least ``L`` is ``L x^2 / 2`` and something convex, whatever the sign of ``L``.
    """
    pieces, good = [replace(entries, value=sign * entries.value)], np.ones(table.shape, dtype=np.bool_)
    for other in others:
        columns, second = single_columns(region, other.term, other.table), bend(region, other.term, other.table)
        scale = r.point(np.asarray(sign * other.scale, dtype=np.float64))
        least = None if second is None else r.multiply(scale, second).lower
        if columns is None or least is None or not np.isfinite(least).all():
            part = curvature(region, other.term, other.table)
            fits = (scale.lower >= 0) & part.convex | (scale.lower <= 0) & part.concave
            good = good & _for_all(table, other.table, fits)
            continue
        owner = np.arange(table.size) if other.table is table else wide(other.table.rows_in(table), other.table.shape)
        lent = wide(np.asarray(least), other.table.shape) / 2
        pieces.append(Entries(np.asarray(owner, dtype=np.int64), columns, columns, lent))
    up, _ = semidefinite_rows(joined(pieces), table.size)
    return np.asarray(good & up.reshape(table.shape))


def _for_all(table: Table, rows: Table, mask: Bools) -> Bools:
    return mask if rows is table else np.asarray(reduce_to(table, rows, mask.astype(np.float64), np.minimum) > 0.5)
