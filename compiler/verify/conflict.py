"""A small set of constraints and bounds that admits no point: found by a backend or by deletion, then proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ..answer import Conflict
from ..context import Context
from ..forms.complementarity import ComplementarityForm
from ..forms.discrete import DiscreteForm, with_rows_of
from ..forms.linear import Floats, LinearForm

Infeasible = Callable[[LinearForm, Context], bool | None]  # None: undecided


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Which sides of rows and columns of a form are kept: (m) for rows, (n) for columns."""

    row_lower: NDArray[np.bool_]
    row_upper: NDArray[np.bool_]
    lower: NDArray[np.bool_]
    upper: NDArray[np.bool_]


def whole(form: LinearForm) -> Parts:
    """Every finite side."""
    sides = (form.row_lower, form.row_upper, form.lower, form.upper)
    return Parts(*(np.isfinite(side) for side in sides))


def of_conflict(form: LinearForm, conflict: Conflict) -> Parts:
    """The sides that a conflict names."""
    rows, columns = conflict.rows, conflict.columns
    none = Parts(*(np.zeros(k, dtype=np.bool_) for k in (*[form.shape[0]] * 2, *[form.shape[1]] * 2)))
    none.row_lower[rows[conflict.row_sides <= 0]] = True
    none.row_upper[rows[conflict.row_sides >= 0]] = True
    none.lower[columns[conflict.column_sides <= 0]] = True
    none.upper[columns[conflict.column_sides >= 0]] = True
    return _within(none, whole(form))


def _within(a: Parts, b: Parts) -> Parts:
    return Parts(a.row_lower & b.row_lower, a.row_upper & b.row_upper, a.lower & b.lower, a.upper & b.upper)


def restricted(form: LinearForm, kept: Parts) -> tuple[LinearForm, NDArray[np.int64]]:
    """The form with only the kept sides and no objective, and which of its rows the new ones are.

    What else binds (indicators, ordered sets, products, complementary pairs) is kept.
    """
    rows = np.flatnonzero(kept.row_lower | kept.row_upper)
    counts = np.diff(form.starts)[rows]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    entries = np.repeat(form.starts[rows] - starts[:-1], counts) + np.arange(starts[-1])
    small = LinearForm(
        "minimize",
        np.zeros(form.shape[1]),
        0.0,
        starts,
        form.indices[entries],
        form.values[entries],
        np.where(kept.row_lower, form.row_lower, -np.inf)[rows],
        np.where(kept.row_upper, form.row_upper, np.inf)[rows],
        np.where(kept.lower, form.lower, -np.inf),
        np.where(kept.upper, form.upper, np.inf),
        form.integer,
        form.columns,
    )
    return _of_its_kind(small, form, rows), rows


def _of_its_kind(small: LinearForm, form: LinearForm, rows: NDArray[np.int64]) -> LinearForm:
    if isinstance(form, DiscreteForm):
        return with_rows_of(small, form, rows)
    if isinstance(form, ComplementarityForm):
        own = {entry.name: getattr(small, entry.name) for entry in fields(LinearForm)}
        starts, nothing = np.zeros(form.shape[1] + 1, dtype=np.int32), np.zeros(0)
        return ComplementarityForm(
            **own,
            hessian_starts=starts,
            hessian_indices=nothing.astype(np.int32),
            hessian_values=nothing,
            pairs=form.pairs,
        )
    return small


def support(form: LinearForm, ray: Floats) -> Parts:
    """The sides that row multipliers lean on: the rows they weigh, and the bounds that take up what is left."""
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    products = form.values * ray[owner]
    left = -np.bincount(form.indices, weights=products, minlength=form.shape[1])
    size = np.bincount(form.indices, weights=np.abs(products), minlength=form.shape[1])
    real = np.abs(left) > 1e-9 * size
    kept = Parts(ray > 0, ray < 0, real & (left > 0), real & (left < 0))
    return _within(kept, whole(form))


def reduced(form: LinearForm, start: Parts, infeasible: Infeasible, context: Context) -> tuple[Parts, bool]:
    """Deletion filtering: sides are left out while the rest stays infeasible (J. W. Chinneck, E. W. Dravnieks,
    "Locating minimal infeasible constraint sets in linear programs", ORSA J. Computing 3 (1991)), in halves first.

    Returns what is left, and whether every single side was tried: then it is irreducible.
    """
    items = _items(start)
    kept = np.ones(len(items), dtype=np.bool_)
    size = max(1, len(items) // 2)
    complete = True
    while True:
        for first in range(0, len(items), size):
            chunk = np.arange(first, min(first + size, len(items)))
            if not kept[chunk].any():
                continue
            if context.stop() is not None:
                return _parts(form, items, kept), False
            trial = kept.copy()
            trial[chunk] = False
            verdict = infeasible(restricted(form, _parts(form, items, trial))[0], context)
            if verdict:
                kept = trial
            elif verdict is None and size == 1:
                complete = False
        if size == 1:
            return _parts(form, items, kept), complete
        size = max(1, size // 2)


def _items(parts: Parts) -> list[tuple[str, int]]:
    """Rows first, then bounds: a conflict with few rows reads best. Both sides of a row go together."""
    rows = np.flatnonzero(parts.row_lower | parts.row_upper)
    items = [("row", int(k)) for k in rows]
    items += [("lower", int(k)) for k in np.flatnonzero(parts.lower)]
    return items + [("upper", int(k)) for k in np.flatnonzero(parts.upper)]


def _parts(form: LinearForm, items: list[tuple[str, int]], kept: NDArray[np.bool_]) -> Parts:
    found = Parts(*(np.zeros(k, dtype=np.bool_) for k in (*[form.shape[0]] * 2, *[form.shape[1]] * 2)))
    for (kind, at), keep in zip(items, kept.tolist(), strict=True):
        if not keep:
            continue
        if kind == "row":
            found.row_lower[at] = found.row_upper[at] = True
        else:
            getattr(found, kind)[at] = True
    return _within(found, whole(form))


def relaxed(form: LinearForm) -> LinearForm:
    """The form without integrality."""
    return replace(form, integer=np.zeros_like(form.integer))
