"""Derived constants of a form's rows as ``optc explain`` tells them: by family, with what they come from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..facts.bounds import DerivedBound
from ..facts.form_bounds import sources, terms_of
from ..facts.propagation import Ends
from ..forms.discrete import DiscreteForm
from ..forms.linear import Floats, Ints, Slice
from ..forms.naming import terms_text
from ..spaces.algebra import UNIT
from ..spaces.layouts import Layout
from .drafting import Bools

_SCALAR = Layout((), UNIT, ())


def of_rows(form: DiscreteForm, ends: Ends, rows: Ints, over: Floats, under: Floats) -> tuple[DerivedBound, ...]:
    """The constants of switched rows (k), ``over`` of their upper and ``under`` of their lower ends."""
    return tuple(_of_rows(form, ends, rows, over, under))


def _of_rows(form: DiscreteForm, ends: Ends, rows: Ints, over: Floats, under: Floats) -> Iterator[DerivedBound]:
    constants = np.maximum(over, under)
    left = constants > 0
    for part in form.rows:
        mine = left & (rows >= part.offset) & (rows < part.offset + part.count)
        left &= ~mine
        if mine.any() and part.layout is not None:
            values = np.zeros(part.count)
            values[rows[mine] - part.offset] = constants[mine]
            yield _of_some(form, ends, rows[mine], over[mine], under[mine], part.name, part.layout, values)
    if left.any():  # rows that a lowering made, such as those of semicontinuous decisions
        worst = np.array([constants[left].max()])
        yield _of_some(form, ends, rows[left], over[left], under[left], "a switched row", _SCALAR, worst)


def _of_some(
    form: DiscreteForm, ends: Ends, rows: Ints, over: Floats, under: Floats, name: str, layout: Layout, values: Floats
) -> DerivedBound:
    terms = terms_of(form, rows)
    up, down = over[terms.owner] > 0, under[terms.owner] > 0
    columns = np.concatenate([terms.column[up], terms.column[down]])
    above = np.concatenate([terms.value[up] > 0, terms.value[down] < 0])
    largest = int(rows[np.argmax(np.maximum(over, under))])
    return DerivedBound(name, terms_text(form, largest), layout, values, sources(form, ends, columns, above))


def of_held(form: DiscreteForm, ends: Ends, rows: Ints, binaries: Ints, above: Bools) -> tuple[DerivedBound, ...]:
    """Rows (k) whose binaries propagation has settled, through their upper bounds where ``above``, else the lower."""
    found = []
    for part in form.rows:
        mine = (rows >= part.offset) & (rows < part.offset + part.count)
        if mine.any() and part.layout is not None:
            origin = sources(form, ends, binaries[mine], above[mine])
            what = "its condition, which always holds"
            found.append(DerivedBound(part.name, what, part.layout, np.zeros(part.count), origin))
    return tuple(found)


def of_columns(form: DiscreteForm, ends: Ends, columns: Ints) -> tuple[DerivedBound, ...]:
    """The bounds that let columns (k) go from zero only where a binary says so."""
    return tuple(_of_columns(form, ends, columns))


def _of_columns(form: DiscreteForm, ends: Ends, columns: Ints) -> Iterator[DerivedBound]:
    own = np.zeros(len(columns), dtype=np.bool_)
    for part in form.columns:
        mine = (columns >= part.offset) & (columns < part.offset + part.count)
        own |= mine
        if mine.any():
            yield _between(form, ends, columns[mine], columns[mine], part, f"{part.name} where it is not zero")
    slacks, rows = _defined(form, columns[~own])
    for part in form.rows:
        mine = (rows >= part.offset) & (rows < part.offset + part.count)
        if mine.any():
            what = f"the distance of {part.name} from equality where it is not zero"
            yield _between(form, ends, slacks[mine], rows[mine], part, what)


def _between(form: DiscreteForm, ends: Ends, columns: Ints, entries: Ints, part: Slice, what: str) -> DerivedBound:
    """``entries``: the place in the slice's family of each column."""
    lower, upper = ends.lower[columns], ends.upper[columns]
    values = np.zeros(part.count)
    np.maximum.at(values, entries - part.offset, np.maximum(np.maximum(upper, -lower), 0.0))
    used = np.concatenate([columns[upper > 0], columns[lower < 0]])
    above = np.arange(len(used)) < np.count_nonzero(upper > 0)
    return DerivedBound(part.name, what, part.layout or _SCALAR, values, sources(form, ends, used, above))


def _defined(form: DiscreteForm, columns: Ints) -> tuple[Ints, Ints]:
    """Columns that a lowering made, each once, with the first row that holds it: the one that defines it."""
    wanted: Bools = np.zeros(form.shape[1], dtype=np.bool_)
    wanted[columns] = True
    at = np.flatnonzero(wanted[form.indices])
    found, first = np.unique(form.indices[at], return_index=True)
    rows = np.searchsorted(form.starts, at[first], side="right") - 1
    return found, rows.astype(np.int32)
