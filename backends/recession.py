"""Directions along which a problem improves for ever, as problems of their own.

The directions in which a feasible point may go on without end form a cone: ``d`` with ``A d`` on the open side of
every row, ``d_j`` on the open side of every column's bounds (R. T. Rockafellar, "Convex Analysis" (1970), section 8).
Cut to the box ``-1 <= d <= 1`` it is a bounded problem, whose least value tells:

    of curvature:  minimise d'Qd / 2           below zero: the objective falls without end along d
    of slope:      minimise c'd where Q d = 0      likewise

For a discrete form the cone is that of the pieces that the point lies in: rows that are switched off are no rows;
columns that an ordered set or a pair holds at zero stay there, and where all of its columns are at zero the set or
pair binds the direction; columns in products of rows do not move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.discrete import DiscreteForm, OrderedSets, Pairs
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

INFINITE = 1e20  # bounds of this size and beyond count as infinite
ZERO = 1e-6  # a column of at most this size is at zero
LEAST = 1e-7  # the improvement that a direction of length one must bring

Solve = Callable[[LinearForm], Floats | None]  # the point where a bounded problem is least


def unlimited(form: LinearForm, solve: Solve) -> tuple[Floats, Floats] | None:
    """A feasible point and a direction of unlimited improvement from it, ``(n,)`` each, or None where none is found.

    The pieces of a discrete form are first those of any feasible point, then those that a good direction chooses.
    """
    x = solve(_aimless(form))
    if x is None:
        return None
    found = direction(form, x, solve)
    if found is not None or not isinstance(form, DiscreteForm):
        return None if found is None else (_beyond_the_top(form, x, found), found)
    nothing = np.zeros(form.shape[1])
    every = np.ones(form.shape[0], dtype=np.bool_)
    loose = every & form.switched()
    found = _improving(_cone(form, loose, *_held(form, nothing)), form, solve)
    x = None if found is None else solve(_aimless(_piece(form, found)))
    return None if found is None or x is None else (_beyond_the_top(form, x, found), found)


def _beyond_the_top(form: LinearForm, x: Floats, d: Floats) -> Floats:
    """The point, or one further along a direction of curvature where the objective only falls from there on."""
    if not isinstance(form, (QuadraticForm, DiscreteForm)) or not len(form.hessian_values):
        return x
    sign = 1.0 if form.sense == "minimize" else -1.0
    slope = sign * float((form.cost + _times(form, x)) @ d)
    curvature = sign * float(_times(form, d) @ d)
    return x if slope <= 0.0 or curvature >= 0.0 else x + (slope / -curvature) * d


def endless_pair(form: QuadraticForm, solve: Solve) -> tuple[Floats, Floats] | None:
    """As ``unlimited``, with a direction of one or two columns that no bound and no row holds by itself.

    It takes no search: one look at the products, and any feasible point.
    """
    sign = 1.0 if form.sense == "minimize" else -1.0
    up, down = _open_ways(form)
    first = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    second, values = form.hessian_indices, sign * form.hessian_values
    own = np.zeros(form.shape[1])
    own[first[first == second]] = values[first == second]
    for one, other in ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)):
        bent = np.where(first == second, own[first], own[first] + own[second] + 2 * one * other * values)
        free = np.where(one > 0, up, down)[first] & np.where(other > 0, up, down)[second]
        good = np.flatnonzero((bent < -LEAST) & free & ((first != second) | (one == other)))
        if not len(good):
            continue
        d = np.zeros(form.shape[1])
        d[first[good[0]]], d[second[good[0]]] = one, other
        x = solve(_aimless(form))
        return None if x is None else (_beyond_the_top(form, x, d), d)
    return None


def _open_ways(form: LinearForm) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Columns (n) that may rise without end whatever the others do, and those that may fall so."""
    rows = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    above, below = form.row_upper[rows] < INFINITE, form.row_lower[rows] > -INFINITE
    rising = np.where(form.values > 0, above, below) & (form.values != 0)
    falling = np.where(form.values > 0, below, above) & (form.values != 0)
    held = [np.bincount(form.indices[held], minlength=form.shape[1]) > 0 for held in (rising, falling)]
    return (form.upper >= INFINITE) & ~held[0], (form.lower <= -INFINITE) & ~held[1]


def direction(form: LinearForm, x: Floats, solve: Solve) -> Floats | None:
    """A direction (n) of unlimited improvement from the feasible point ``x`` (n), or None where none is found."""
    held = np.zeros(form.shape[1], dtype=np.bool_)
    if not isinstance(form, DiscreteForm):
        loose = np.zeros(form.shape[0], dtype=np.bool_)
        return _improving(_cone(form, loose, held, OrderedSets(), Pairs()), form, solve)
    return _improving(_cone(form, _switched_off(form, x), *_held(form, x)), form, solve)


def _improving(cone: DiscreteForm, form: LinearForm, solve: Solve) -> Floats | None:
    sign = 1.0 if form.sense == "minimize" else -1.0
    if not isinstance(form, (QuadraticForm, DiscreteForm)) or not len(form.hessian_values):
        return _falling(cone, sign * form.cost, solve)
    values = sign * form.hessian_values
    curved = replace(
        cone, hessian_starts=form.hessian_starts, hessian_indices=form.hessian_indices, hessian_values=values
    )
    found = solve(curved)
    if found is not None and sign * float(_times(form, found) @ found) < -LEAST:
        return found
    return _falling(_flat(cone, form), sign * form.cost, solve)


def _aimless(form: LinearForm) -> LinearForm:
    """The same problem with nothing to optimise."""
    plain = replace(form, cost=np.zeros(form.shape[1]), offset=0.0)
    if not isinstance(plain, (QuadraticForm, DiscreteForm)):
        return plain
    starts = np.zeros(form.shape[1] + 1, dtype=np.int32)
    none = np.zeros(0, dtype=np.int32)
    return replace(plain, hessian_starts=starts, hessian_indices=none, hessian_values=np.zeros(0))


def _piece(form: DiscreteForm, d: Floats) -> DiscreteForm:
    """The form with what lets its points go along ``d`` (n): other members at zero, rows in its way switched off."""
    lower, upper = form.lower.copy(), form.upper.copy()
    moving = np.abs(d) > ZERO
    sets, pairs, each = form.sets, form.pairs, form.indicators
    owners = np.repeat(np.arange(sets.count), np.diff(sets.starts))
    busy = np.bincount(owners[moving[sets.columns]], minlength=sets.count) > 0
    still = sets.columns[busy[owners] & ~moving[sets.columns]]
    partners = np.concatenate([pairs.second[moving[pairs.first]], pairs.first[moving[pairs.second]]])
    zero = np.concatenate([still, partners])
    lower[zero], upper[zero] = np.maximum(lower[zero], 0.0), np.minimum(upper[zero], 0.0)
    rows = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    moved = np.bincount(rows, weights=form.values * d[form.indices], minlength=form.shape[0])
    leaves = ((moved > ZERO) & (form.row_upper < INFINITE)) | ((moved < -ZERO) & (form.row_lower > -INFINITE))
    off = leaves[each.rows]
    lower[each.columns[off]] = upper[each.columns[off]] = 1.0 - each.values[off]
    return replace(form, lower=lower, upper=upper)


def _falling(cone: DiscreteForm, slope: Floats, solve: Solve) -> Floats | None:
    found = solve(replace(cone, cost=slope))
    return found if found is not None and float(slope @ found) < -LEAST else None


def _cone(
    form: LinearForm, loose: NDArray[np.bool_], held: NDArray[np.bool_], sets: OrderedSets, pairs: Pairs
) -> DiscreteForm:
    """The directions that leave no row but ``loose`` (m) ones and no bound, in the box of side two, those of ``held``
    columns (n) zero. Without objective.
    """
    row_lower = np.where((form.row_lower > -INFINITE) & ~loose, 0.0, -np.inf)
    row_upper = np.where((form.row_upper < INFINITE) & ~loose, 0.0, np.inf)
    lower = np.where((form.lower > -INFINITE) | held, 0.0, -1.0)
    upper = np.where((form.upper < INFINITE) | held, 0.0, 1.0)
    return DiscreteForm(
        "minimize",
        np.zeros(form.shape[1]),
        0.0,
        form.starts,
        form.indices,
        form.values,
        row_lower,
        row_upper,
        lower,
        upper,
        np.zeros(form.shape[1], dtype=np.bool_),
        hessian_starts=np.zeros(form.shape[1] + 1, dtype=np.int32),
        sets=sets,
        pairs=pairs,
    )


def _held(form: DiscreteForm, x: Floats) -> tuple[NDArray[np.bool_], OrderedSets, Pairs]:
    """Columns that may not move: those of products, and those at zero beside others of their set or pair that are not.

    And the sets and pairs whose columns are all at zero.
    """
    held = np.zeros(form.shape[1], dtype=np.bool_)
    held[form.products.first] = held[form.products.second] = True
    zero = np.abs(x) <= ZERO
    sets, pairs = form.sets, form.pairs
    sizes = np.diff(sets.starts)
    owners = np.repeat(np.arange(sets.count), sizes)
    free = np.bincount(owners[~zero[sets.columns]], minlength=sets.count) == 0
    members = np.repeat(free, sizes)
    held[sets.columns[~members & zero[sets.columns]]] = True
    both = zero[pairs.first] & zero[pairs.second]
    for columns in (pairs.first, pairs.second):
        held[columns[~both & zero[columns]]] = True
    starts = np.concatenate([[0], np.cumsum(sizes[free])]).astype(np.int32)
    open_sets = OrderedSets(sets.kinds[free], starts, sets.columns[members], sets.weights[members])
    return held, open_sets, Pairs(pairs.first[both], pairs.second[both])


def _switched_off(form: DiscreteForm, x: Floats) -> NDArray[np.bool_]:
    off = np.zeros(form.shape[0], dtype=np.bool_)
    each = form.indicators
    off[each.rows[np.rint(x[each.columns]) != each.values]] = True
    return off


def _times(form: QuadraticForm | DiscreteForm, x: Floats) -> Floats:
    """``Q x`` (n)."""
    columns = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    rows, values = form.hessian_indices, form.hessian_values
    below = columns != rows
    found = np.bincount(rows, weights=values * x[columns], minlength=form.shape[1])
    found += np.bincount(columns[below], weights=(values * x[rows])[below], minlength=form.shape[1])
    return found.astype(np.float64)


def _flat(cone: DiscreteForm, form: QuadraticForm | DiscreteForm) -> DiscreteForm:
    """The cone with the rows ``Q d = 0``."""
    n = form.shape[1]
    columns = np.repeat(np.arange(n), np.diff(form.hessian_starts))
    rows, values = form.hessian_indices, form.hessian_values
    below = columns != rows
    owners = np.concatenate([rows, columns[below]])
    indices = np.concatenate([columns, rows[below]])
    entries = np.concatenate([values, values[below]])
    order = np.lexsort((indices, owners))
    counts = np.bincount(owners, minlength=n)
    nothing = np.zeros(n)
    return replace(
        cone,
        starts=np.concatenate([cone.starts, cone.starts[-1] + np.cumsum(counts)]).astype(np.int32),
        indices=np.concatenate([cone.indices, indices[order]]).astype(np.int32),
        values=np.concatenate([cone.values, entries[order]]),
        row_lower=np.concatenate([cone.row_lower, nothing]),
        row_upper=np.concatenate([cone.row_upper, nothing]),
    )
