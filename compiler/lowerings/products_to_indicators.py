"""Discrete form to discrete form without products of a binary and a column that has no bound.

    z x   becomes   p   with   p <= x,  z = 0 => p <= 0     where p must not exceed it, for x >= 0
                               p >= 0,  z = 1 => p >= x     where p must not fall below it

Source: a ``DiscreteForm`` with products of a binary and another column in its rows, as duality with a leader's
binaries gives them. Target: the same with a column and switched rows for each of those products; products of other
columns stay. Only the direction that a row needs is stated, so that a product in one inequality costs one switched
row. Where a row holds ``a x - a z x`` the column stands for ``(1 - z) x``: no difference of large numbers is left.
Kept: every point and its objective. Lost: nothing, and there is no big-M. Lifted: the first columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from optc.dsl.diagnostics import Diagnostic

from ..forms.discrete import DiscreteForm, RowProducts
from ..forms.linear import Floats, Ints, LinearForm
from ..signature import Signature
from .drafting import Bools, Draft, SparseRows, dense_rows
from .finishing import finish

NAME = "products to indicators"
SOURCE = TARGET = "discrete"
COST = -1.0  # a solver's own branching on such a product needs bounds that are not there


def transfer(signature: Signature) -> Signature | None:
    """The same with indicators; None where no products of binaries and multipliers are known."""
    if "dual products" not in signature.features:
        return None
    return replace(signature, features=signature.features - {"dual products"} | {"indicator"})


def accepts(form: DiscreteForm) -> Diagnostic | None:
    """Every form is taken; one without such products stays as it is."""
    del form
    return None


def lower(form: DiscreteForm) -> tuple[DiscreteForm, int]:
    """The form, and how many columns the source has."""
    found = _found(form)
    draft = Draft()
    draft.add_columns(form.lower, form.upper, form.integer)
    columns = _columns(form, found, draft)
    rest = form.products
    kept = np.ones(rest.count, dtype=np.bool_)
    kept[found.entries] = False
    left = RowProducts(rest.rows[kept], rest.first[kept], rest.second[kept], rest.values[kept])
    draft.add_rows(_own_rows(form, found, columns))
    draft.slices += form.rows
    draft.switch(form.indicators.columns, form.indicators.values, form.indicators.rows)
    _state(form, found, columns, draft)
    done = finish(draft)
    more = len(done.lower) - form.shape[1]
    own = {entry.name: getattr(form, entry.name) for entry in fields(DiscreteForm)}
    own |= {name: getattr(done, name) for name in _OF_THE_DRAFT}
    starts = form.hessian_starts
    if len(starts):
        starts = np.concatenate([starts, np.full(more, starts[-1], dtype=np.int32)])
    own |= {"cost": np.concatenate([form.cost, np.zeros(more)]), "hessian_starts": starts, "products": left}
    own |= {"rows": tuple(draft.slices), "proved": None}
    return DiscreteForm(**own), form.shape[1]


_OF_THE_DRAFT = (
    *("lower", "upper", "integer", "starts", "indices", "values", "row_lower", "row_upper"),
    "indicators",
)


def lift(x: Floats, inverse: int) -> Floats:
    """The columns of the source."""
    return x[..., :inverse]


# -------------------------------------------------------------------------------------------------------- what is there
@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Products to be replaced, ``(k,)`` each but the last: their ``entries`` among the form's, rows and values.

    ``product``: which of the ``keys`` (u, 3) each is: binary, other column, and 1 where the binary counts negated.
    ``value``: the coefficient of the new column; ``cancelled``: what the other column loses in the row.
    """

    entries: Ints
    rows: Ints
    product: Ints
    value: Floats
    cancelled: Floats
    keys: Ints


def _found(form: DiscreteForm) -> _Found:
    terms = form.products
    binary = form.integer & (form.lower >= 0) & (form.upper <= 1)
    entries = np.flatnonzero(binary[terms.first] | binary[terms.second])
    first, second, rows = terms.first[entries], terms.second[entries], terms.rows[entries]
    swap = ~binary[first]
    switch, other = np.where(swap, second, first), np.where(swap, first, second)
    value = terms.values[entries]
    beside = _coefficients(form, rows, other)
    width = np.int64(form.shape[1])
    _, place, many = np.unique(rows * width + other, return_inverse=True, return_counts=True)
    negated = (beside == -value) & (many[place.reshape(-1)] == 1)
    keys, product = np.unique(np.stack([switch, other, negated], axis=1), axis=0, return_inverse=True)
    cancelled = np.where(negated, beside, 0.0)
    value = np.where(negated, beside, value)
    numbers = product.reshape(-1).astype(np.int32)
    return _Found(entries.astype(np.int32), rows, numbers, value, cancelled, keys.reshape(-1, 3).astype(np.int32))


def _coefficients(form: LinearForm, rows: Ints, columns: Ints) -> Floats:
    """The linear coefficient of a column in a row, ``(k,)``; zero where there is none."""
    width = np.int64(form.shape[1])
    owners = np.repeat(np.arange(form.shape[0], dtype=np.int64), np.diff(form.starts))
    there = owners * width + form.indices
    wanted = rows.astype(np.int64) * width + columns
    at = np.minimum(np.searchsorted(there, wanted), max(len(there) - 1, 0))
    if not len(there):
        return np.zeros(len(wanted))
    return np.where(there[at] == wanted, form.values[at], 0.0)


# ----------------------------------------------------------------------------------------------------------- new parts
def _columns(form: DiscreteForm, found: _Found, draft: Draft) -> Ints:
    """A column for each product: between zero and the ends of the other factor."""
    other = found.keys[:, 1]
    low, high = np.minimum(form.lower[other], 0.0), np.maximum(form.upper[other], 0.0)
    return draft.add_columns(low, high, np.zeros(len(other), dtype=np.bool_))


def _own_rows(form: DiscreteForm, found: _Found, columns: Ints) -> SparseRows:
    """The form's rows with the new columns in the place of products."""
    owners = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    rows = np.concatenate([owners, found.rows, found.rows])
    indices = np.concatenate([form.indices, columns[found.product], found.keys[found.product, 1]])
    values = np.concatenate([form.values, found.value, -found.cancelled])
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=form.shape[0]))])
    return SparseRows(starts, indices[order].astype(np.int32), values[order], form.row_lower, form.row_upper)


def _state(form: DiscreteForm, found: _Found, columns: Ints, draft: Draft) -> None:
    """What holds the new columns at the products, in the directions that their rows need."""
    upwards = np.where(
        found.value > 0, np.isfinite(form.row_upper[found.rows]), np.isfinite(form.row_lower[found.rows])
    )
    downwards = np.where(
        found.value > 0, np.isfinite(form.row_lower[found.rows]), np.isfinite(form.row_upper[found.rows])
    )
    for sign, needed in ((1.0, upwards), (-1.0, downwards)):
        wanted = np.zeros(len(found.keys), dtype=np.bool_)
        wanted[found.product[needed]] = True
        _at_least(form, found.keys[wanted], columns[wanted], sign, draft)


def _at_least(form: DiscreteForm, keys: Ints, columns: Ints, sign: float, draft: Draft) -> None:
    """``sign * p >= sign * product``: from the side of the other factor, and from that of zero."""
    switch, other, negated = keys.T
    on = np.where(negated == 1, 0, 1)
    low, high = form.lower[other], form.upper[other]
    always = high <= 0 if sign > 0 else low >= 0  # then the factor itself is never on the wrong side of the product
    _switched(np.stack([columns, other], axis=1), (1.0, -1.0), sign, switch, on, always, draft)
    inside = low >= 0 if sign > 0 else high <= 0  # then the column's bound says it
    left = ~inside
    _switched(columns[left, None], (1.0,), sign, switch[left], 1 - on[left], np.zeros(int(left.sum()), bool), draft)


def _switched(
    columns: Ints, values: tuple[float, ...], sign: float, switch: Ints, on: Ints, always: Bools, draft: Draft
) -> None:
    """Rows ``sign * (values at columns) >= 0`` that hold always, or where the binary has the value ``on``."""
    count = len(columns)
    if not count:
        return
    numbers = np.tile(np.asarray(values) * sign, (count, 1))
    rows = draft.add_rows(dense_rows(columns, numbers, np.zeros(count), np.full(count, np.inf)))
    draft.switch(switch[~always], on[~always], rows[~always])
