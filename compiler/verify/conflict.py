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
from ..forms.nonlinear import NonlinearForm

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


def nothing(form: LinearForm) -> Parts:
    """No side at all."""
    return Parts(*(np.zeros(k, dtype=np.bool_) for k in (*[form.shape[0]] * 2, *[form.shape[1]] * 2)))


def of_conflict(form: LinearForm, conflict: Conflict) -> Parts:
    """The sides that a conflict names."""
    rows, columns = conflict.rows, conflict.columns
    none = nothing(form)
    none.row_lower[rows[conflict.row_sides <= 0]] = True
    none.row_upper[rows[conflict.row_sides >= 0]] = True
    none.lower[columns[conflict.column_sides <= 0]] = True
    none.upper[columns[conflict.column_sides >= 0]] = True
    return _within(none, whole(form))


def _within(a: Parts, b: Parts) -> Parts:
    return Parts(a.row_lower & b.row_lower, a.row_upper & b.row_upper, a.lower & b.lower, a.upper & b.upper)


def restricted(form: LinearForm, kept: Parts) -> tuple[LinearForm, NDArray[np.int64]]:
    """The form with only the kept sides and no objective, and which of its rows the new ones are.

    What else binds (indicators, ordered sets, products, complementary pairs) is kept. The kernels of a nonlinear form
    give all rows at once: there those that are left out stay, without sides.
    """
    if isinstance(form, NonlinearForm):
        return _without_sides(form, kept), np.arange(form.shape[0])
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


def _without_sides(form: NonlinearForm, kept: Parts) -> NonlinearForm:
    return replace(
        form,
        row_lower=np.where(kept.row_lower, form.row_lower, -np.inf),
        row_upper=np.where(kept.row_upper, form.row_upper, np.inf),
        lower=np.where(kept.lower, form.lower, -np.inf),
        upper=np.where(kept.upper, form.upper, np.inf),
    )


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


def reduced(
    form: LinearForm, start: Parts, infeasible: Infeasible, context: Context, fixed: Parts | None = None
) -> tuple[Parts, bool]:
    """Deletion filtering: sides are left out while the rest stays infeasible (J. W. Chinneck, E. W. Dravnieks,
    "Locating minimal infeasible constraint sets in linear programs", ORSA J. Computing 3 (1991)), in halves first.

    Rows go first, both sides together, since a conflict with few rows reads best; then bounds, those of columns that
    no row is left of before the others. ``fixed``: sides that are never left out. A trial that is not decided keeps
    what it tried to leave out. Returns what is left, and whether every single side was tried: then it is irreducible.
    """
    search = _Filter(form, nothing(form) if fixed is None else fixed, infeasible, context, _items(start))
    rows = np.flatnonzero(search.items.kinds == ROW)
    complete = search.halve(rows)
    bounds = np.flatnonzero(search.items.kinds != ROW)
    idle = ~_touched(form, search.parts())[search.items.places[bounds]]
    search.leave_out(bounds[idle])
    complete &= search.halve(bounds)
    return search.parts(), complete


ROW, LOWER, UPPER = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class _Items:
    """What may be left out, shapes (k): of which kind, and the number of its row or column."""

    kinds: NDArray[np.int8]
    places: NDArray[np.intp]


def _items(parts: Parts) -> _Items:
    places = [np.flatnonzero(side) for side in (parts.row_lower | parts.row_upper, parts.lower, parts.upper)]
    return _Items(np.repeat(np.arange(3, dtype=np.int8), [len(p) for p in places]), np.concatenate(places))


class _Filter:
    """``kept`` (k): which items have not been left out."""

    def __init__(self, form: LinearForm, fixed: Parts, infeasible: Infeasible, context: Context, items: _Items) -> None:
        self.form, self.fixed, self.infeasible, self.context, self.items = form, fixed, infeasible, context, items
        self.kept = np.ones(len(items.kinds), dtype=np.bool_)

    def halve(self, members: NDArray[np.intp]) -> bool:
        """Tries the members together, then in ever smaller parts; whether each that is left was tried by itself."""
        size = len(members)
        complete = True
        while size:
            for first in range(0, len(members), size):
                chunk = members[first : first + size]
                if not self.kept[chunk].any():
                    continue
                if self.context.stop() is not None:
                    return False
                if self.leave_out(chunk) is None and size == 1:
                    complete = False
            size = (size + 1) // 2 if size > 1 else 0
        return complete

    def leave_out(self, chunk: NDArray[np.intp]) -> bool | None:
        """Whether the rest is infeasible without them, None where that is not known; they are gone if it is."""
        if not len(chunk):
            return True
        before = self.kept.copy()
        self.kept[chunk] = False
        verdict = self.infeasible(restricted(self.form, self.parts())[0], self.context)
        if not verdict:
            self.kept = before
        return verdict

    def parts(self) -> Parts:
        """The sides that are kept, with those that are never left out."""
        rows, lower, upper = (self.items.places[self.kept & (self.items.kinds == kind)] for kind in (ROW, LOWER, UPPER))
        fixed = self.fixed
        found = Parts(*(side.copy() for side in (fixed.row_lower, fixed.row_upper, fixed.lower, fixed.upper)))
        found.row_lower[rows] = found.row_upper[rows] = True
        found.lower[lower], found.upper[upper] = True, True
        return _within(found, whole(self.form))


def _touched(form: LinearForm, kept: Parts) -> NDArray[np.bool_]:
    """Columns (n) with an entry in a row that is kept."""
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    found = np.zeros(form.shape[1], dtype=np.bool_)
    found[form.indices[(kept.row_lower | kept.row_upper)[owner]]] = True
    return found


def named(form: LinearForm, parts: Parts) -> Parts:
    """The sides of rows and columns that are of the model: those of no family were made by a lowering."""
    rows, columns = np.zeros(form.shape[0], dtype=np.bool_), np.zeros(form.shape[1], dtype=np.bool_)
    for marks, slices in ((rows, form.rows), (columns, form.columns)):
        for part in slices:
            marks[part.offset : part.offset + part.count] = True
    return _within(parts, Parts(rows, rows, columns, columns))


def without(parts: Parts, less: Parts) -> Parts:
    """The sides of the first that are not of the second."""
    return Parts(
        parts.row_lower & ~less.row_lower,
        parts.row_upper & ~less.row_upper,
        parts.lower & ~less.lower,
        parts.upper & ~less.upper,
    )


def within_rows(form: LinearForm, rows: NDArray[np.int64], parts: Parts) -> Parts:
    """Sides of a form that has some ``rows`` of another (and all its columns) as sides of that other."""
    found = nothing(form)
    found.row_lower[rows], found.row_upper[rows] = parts.row_lower, parts.row_upper
    return Parts(found.row_lower, found.row_upper, parts.lower, parts.upper)


def size(parts: Parts) -> int:
    """How many rows and bounds there are."""
    sides = (parts.row_lower | parts.row_upper, parts.lower, parts.upper)
    return int(sum(side.sum() for side in sides))


def relaxed(form: LinearForm) -> LinearForm:
    """The form without integrality."""
    return replace(form, integer=np.zeros_like(form.integer))
