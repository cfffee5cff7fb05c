"""Products of assignment binaries to linear rows: the first level of the reformulation-linearisation technique.

    sum(x_p for p in R) == 1   times   x_q     becomes     sum(w_pq for p in R) == x_q        w_pq = x_p * x_q

Source: a ``QuadraticForm`` all of whose products are of binaries, of each pair at least one in a row that says that
exactly one of its binaries is 1 (as the rows of a choice do, and both families of rows of an assignment). Target: a
``LinearForm`` with a further column ``w_pq >= 0`` for each pair that such a row, multiplied by a binary, brings in. A
product of two binaries of one such row is zero and has no column; a square is its binary. Where ``x_q`` stands in no
such row itself, ``w_pq <= x_p`` is added. At binary points these rows leave ``w`` no other value than the product: if
``x_q = 0`` the row of ``x_q`` makes every ``w_pq`` zero; if it is 1, exactly one ``x_p`` of ``R`` is 1, every other
``w`` is zero by the row of its ``x_p``, and the one left is 1.

On a quadratic assignment these are the rows of W. P. Adams, T. A. Johnson, "Improved linear programming-based lower
bounds for the quadratic assignment problem", DIMACS Series 16 (1994), with ``w_pq`` and ``w_qp`` one column; the
relaxation is far tighter than McCormick's rows, which is 0 there. H. D. Sherali, W. P. Adams, "A hierarchy of
relaxations …", SIAM J. Discrete Mathematics 3 (1990).

Kept: every point and its objective. Lost: nothing. Lifted: the first columns; a start is given its products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.solving import NO_ASSIGNMENT
from optc.dsl.diagnostics import Diagnostic

from ..answer import Answer
from ..forms.linear import Floats, Ints, LinearForm, QuadraticForm
from ..signature import Signature

NAME = "assignment products to rows"
SOURCE = "quadratic"
TARGET = "linear"
COST = 0.005  # HiGHS on these rows comes before a solver's own products, and those before its work on these rows

LARGEST = 50_000
"""Products beyond which the first linear program alone takes many minutes (an assignment of 12 has 8,712, and it takes
5 s; one of 18 has 46,818): another route finds points sooner.
"""

Keys = NDArray[np.int64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """``n``: the columns of the source. ``first``, ``second`` (k): the columns whose product each further column is."""

    n: int
    first: Ints
    second: Ints


def transfer(signature: Signature) -> Signature | str | None:
    """The linear form's signature; None where there are no binaries that could be multiplied."""
    if not {"integer", "binary"} <= signature.features:
        return None
    return replace(signature, form=TARGET, features=signature.features & {"integer"})


def accepts(form: QuadraticForm) -> Diagnostic | None:
    """None, or why the products are not all of binaries with a row that picks one of them."""
    first, second, values = _products(form)
    binary = _binary(form)
    if not len(values):
        return _refusal("it has no products of decisions")
    if form.batch is not None:
        return _refusal("it holds several problems at once")
    if not binary[first].all() or not binary[second].all():
        return _refusal("it has a product of decisions that are not all binary")
    groups = _groups(form, binary)
    apart = first != second
    lonely = ~groups.covered[first] & ~groups.covered[second] & apart
    if lonely.any():
        return _refusal("it has a product of binaries, neither of which stands in a row that picks one of several")
    if not apart.any():
        return None
    if _closed(groups, _keys(first[apart], second[apart], form.shape[1]), form.shape[1]) is None:
        return _refusal(f"its rows would take more than {LARGEST:,} products")
    return None


def lower(form: QuadraticForm) -> tuple[LinearForm, Inverse]:
    """The linear form, and what lifts its answers. Raises ``ValueError`` where ``accepts`` gives a reason."""
    n = form.shape[1]
    first, second, values = _products(form)
    groups = _groups(form, _binary(form))
    apart = first != second
    cost = form.cost.copy()
    np.add.at(cost, first[~apart], 0.5 * values[~apart])
    own = _keys(first[apart], second[apart], n)
    found = _closed(groups, own, n)
    if found is None:
        raise ValueError(f"the rows would take more than {LARGEST:,} products")
    pairs, rows, factors = found
    costs = np.zeros(len(pairs))
    there = np.isin(own, pairs)  # those of two binaries of one row are zero
    costs[np.searchsorted(pairs, own[there])] = values[apart][there]
    q, p = np.divmod(pairs, n)
    added = _rows(groups, pairs, rows, factors, n)
    lone = _ceilings(groups, p, q, n)
    linear = _extended(form, cost, costs, (added, lone))
    return linear, Inverse(n, p.astype(np.int32), q.astype(np.int32))


def lift(x: Floats, inverse: Inverse) -> Floats:
    """The source's columns are the first."""
    return x[..., : inverse.n]


def extend(x: Floats, inverse: Inverse) -> Floats:
    """A point of the source ``(n,)``, NaN where nothing is known, with its products."""
    return np.concatenate([x, x[inverse.first] * x[inverse.second]])


def raised(answer: Answer, inverse: Inverse) -> Answer:
    """The answer in the source's columns. Its multipliers and rays are those of other rows, and are left out."""
    x = None if answer.x is None else lift(answer.x, inverse)
    ray = None if answer.primal_ray is None else lift(answer.primal_ray, inverse)
    return replace(answer, x=x, primal_ray=ray, row_duals=None, column_duals=None, dual_ray=None)


def _refusal(reason: str) -> Diagnostic:
    return report(NO_ASSIGNMENT, None, reason=reason)


# ----------------------------------------------------------------------------------------------- products and groups
def _products(form: QuadraticForm) -> tuple[Ints, Ints, Floats]:
    """Columns ``first >= second`` of each product, and its second derivative; those that vanish are left out."""
    column = np.repeat(np.arange(form.shape[1], dtype=np.int32), np.diff(form.hessian_starts))
    keep = np.flatnonzero(form.hessian_values)
    return form.hessian_indices[keep], column[keep], form.hessian_values[keep]


def _binary(form: LinearForm) -> NDArray[np.bool_]:
    return form.integer & (form.lower >= 0) & (form.upper <= 1)


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Rows that pick one of their binaries, as entries (row by row, columns rising) and as columns.

    ``members[starts[r]:starts[r + 1]]`` are the columns of group ``r``; ``owners[of[c]:of[c + 1]]`` the groups of
    column ``c``. ``covered`` (n): whether a column stands in a group. ``rivals``: the sorted keys of all pairs of
    columns that stand in a group together.
    """

    starts: Numbers
    members: Numbers
    of: Numbers
    owners: Numbers
    covered: NDArray[np.bool_]
    rivals: Keys


def _groups(form: LinearForm, binary: NDArray[np.bool_]) -> _Groups:
    counts = np.diff(form.starts)
    owner = np.repeat(np.arange(form.shape[0]), counts)
    fits = (form.values == 1) & binary[form.indices]
    whole = np.bincount(owner, weights=fits, minlength=form.shape[0]) == counts
    picks = whole & (counts > 1) & (form.row_lower == 1) & (form.row_upper == 1)
    members = form.indices[picks[owner]].astype(np.int64)
    sizes = counts[picks].astype(np.int64)
    group = np.repeat(np.arange(len(sizes)), sizes)
    order = np.argsort(members, kind="stable")
    n = form.shape[1]
    per = np.bincount(members, minlength=n)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pairs = [np.empty(0, dtype=np.int64)]
    for size in np.unique(sizes).tolist():  # groups of one size at a time: a few sizes, whatever the number of groups
        table = members[(starts[:-1][sizes == size, None] + np.arange(size)).reshape(-1)].reshape(-1, size)
        low, high = np.triu_indices(size, 1)
        pairs.append(_keys(table[:, low].reshape(-1), table[:, high].reshape(-1), n))
    rivals = np.unique(np.concatenate(pairs))
    return _Groups(starts, members, np.concatenate([[0], np.cumsum(per)]), group[order], per > 0, rivals)


def _keys(a: NDArray[np.integer], b: NDArray[np.integer], n: int) -> Keys:
    """One number for each unordered pair: the larger column times ``n`` plus the smaller."""
    found: Keys = np.maximum(a, b).astype(np.int64) * n + np.minimum(a, b)
    return found


def _among(keys: Keys, known: Keys) -> NDArray[np.bool_]:
    """Which keys are among the sorted ``known``."""
    if not len(known):
        return np.zeros(len(keys), dtype=np.bool_)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.equal(known[at], keys)


# ---------------------------------------------------------------------------------------------------- the closure
def _closed(groups: _Groups, own: Keys, n: int) -> tuple[Keys, Numbers, Numbers] | None:
    """All pairs that the rows bring in, sorted; and the rows: of each the group and the binary it is multiplied by.

    A pair brings in every group of either of its binaries, multiplied by the other, and that row all of its pairs. None
    where there would be more than ``LARGEST``.
    """
    pairs = np.setdiff1d(own, groups.rivals)
    rows = np.empty(0, dtype=np.int64)
    fresh = pairs
    while len(fresh):
        new = np.setdiff1d(_rows_of(groups, fresh, n), rows, assume_unique=True)
        rows = np.union1d(rows, new)
        sizes = np.diff(groups.starts)[new // n]
        if len(pairs) + int(sizes.sum()) // 2 > LARGEST:
            return None
        brought = _pairs_of(groups, new, n)
        fresh = np.setdiff1d(brought, pairs)
        pairs = np.union1d(pairs, fresh)
    return pairs, rows // n, rows % n


def _rows_of(groups: _Groups, pairs: Keys, n: int) -> Keys:
    """Group times ``n`` plus binary, for the groups of either binary of each pair with the other; sorted."""
    high, low = np.divmod(pairs, n)
    found = [np.empty(0, dtype=np.int64)]
    for inside, other in ((high, low), (low, high)):
        counts = groups.of[inside + 1] - groups.of[inside]
        at = _spans(groups.of[inside], counts)
        found.append(groups.owners[at] * n + np.repeat(other, counts))
    return np.unique(np.concatenate(found))


def _pairs_of(groups: _Groups, rows: Keys, n: int) -> Keys:
    """The pairs of rows (group times ``n`` plus binary) that are not zero for want of a common point."""
    _, keys = _entries(groups, rows // n, rows % n, n)
    return np.unique(keys)


def _entries(groups: _Groups, group: Numbers, factor: Numbers, n: int) -> tuple[Numbers, Keys]:
    """For each product in the rows its row's position and its key."""
    counts = np.diff(groups.starts)[group]
    members = groups.members[_spans(groups.starts[group], counts)]
    owner = np.repeat(np.arange(len(group)), counts)
    keys = _keys(members, factor[owner], n)
    keep = ~_among(keys, groups.rivals)
    return owner[keep], keys[keep]


def _spans(first: Numbers, counts: Numbers) -> Numbers:
    """``first[k], first[k] + 1, …`` of length ``counts[k]``, one after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - counts, counts) + np.repeat(first, counts)


# -------------------------------------------------------------------------------------------------------- the rows
@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """CSR rows over the form's columns and, from ``n`` on, the products."""

    counts: Numbers
    indices: Numbers
    values: Floats
    lower: Floats
    upper: Floats


def _rows(groups: _Groups, pairs: Keys, group: Numbers, factor: Numbers, n: int) -> _Rows:
    """``-x_q + sum(w_pq for p in R) == 0``; the binary comes first, so that columns rise."""
    owner, keys = _entries(groups, group, factor, n)
    products = n + np.searchsorted(pairs, keys)
    rows = np.concatenate([np.arange(len(group)), owner])
    columns = np.concatenate([factor, products])
    values = np.concatenate([np.full(len(group), -1.0), np.ones(len(keys))])
    order = np.lexsort((columns, rows))
    counts = np.bincount(rows, minlength=len(group))
    nothing = np.zeros(len(group))
    return _Rows(counts, columns[order], values[order], nothing, nothing)


def _ceilings(groups: _Groups, p: Numbers, q: Numbers, n: int) -> _Rows:
    """``w_pq - x_p <= 0`` for each pair whose other binary stands in no group."""
    lone_q = np.flatnonzero(~groups.covered[q])
    lone_p = np.flatnonzero(~groups.covered[p])
    inside = np.concatenate([p[lone_q], q[lone_p]])
    product = n + np.concatenate([lone_q, lone_p])
    count = len(product)
    columns = np.column_stack([inside, product]).reshape(-1)
    counts = np.full(count, 2)
    return _Rows(counts, columns, np.tile([-1.0, 1.0], count), np.full(count, -np.inf), np.zeros(count))


def _extended(form: QuadraticForm, cost: Floats, costs: Floats, parts: tuple[_Rows, ...]) -> LinearForm:
    """The linear part of the form with the products as columns and the rows that define them."""
    more = len(costs)
    counts = np.concatenate([np.diff(form.starts), *(part.counts for part in parts)])
    return LinearForm(
        form.sense,
        np.concatenate([cost, costs]),
        form.offset,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        np.concatenate([form.indices, *(part.indices for part in parts)]).astype(np.int32),
        np.concatenate([form.values, *(part.values for part in parts)]),
        np.concatenate([form.row_lower, *(part.lower for part in parts)]),
        np.concatenate([form.row_upper, *(part.upper for part in parts)]),
        np.concatenate([form.lower, np.zeros(more)]),
        np.concatenate([form.upper, np.ones(more)]),
        np.concatenate([form.integer, np.zeros(more, dtype=np.bool_)]),
        form.columns,
        form.rows,
    )
