"""Rows of an index and a number, as results have them, put in the order of a layout by whole arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..forms.linear import Floats
from ..spaces.layouts import Layout
from ..spaces.members import Column
from .labelled import Labelled

LARGE = 2**53
"""Whole numbers from here on may not be what float64 makes of them."""


def placed(layout: Layout, rows: Sequence[Any]) -> Floats | None:
    """Values in the layout's order from rows ``[*index, number]``, NaN where there is none; of several the last counts.

    None where not all rows have plain numbers at indices that there are: then they are to be looked at one by one.
    """
    width = layout.members.arity + 1
    if not set(map(type, rows)) <= {list, tuple} or not set(map(len, rows)) <= {width}:
        return None
    columns = list(zip(*rows, strict=True)) if len(rows) else [()] * width
    if not set(map(type, columns[-1])) <= {int, float}:
        return None
    keys = [_column(values) for values in columns[:-1]]
    known = [key for key in keys if key is not None]
    return None if len(known) < len(keys) else _at(layout, known, np.array(columns[-1], dtype=np.float64))


def placed_labelled(layout: Layout, given: Labelled) -> Floats | None:
    """The same of labelled values."""
    if given.values.dtype != np.float64 or given.index.arity != layout.members.arity:
        return None
    if given.index is layout.members:
        return given.values.copy()
    return _at(layout, given.index.columns, given.values)


def _at(layout: Layout, keys: Sequence[Column], numbers: Floats) -> Floats | None:
    at = layout.members.locate(keys) if keys else np.zeros(len(numbers), dtype=np.int64)
    if (at < 0).any():
        return None
    found = np.full(layout.size, np.nan)
    found[at] = numbers
    return found


def _column(values: tuple[Any, ...]) -> Column | None:
    """A component of the indices; None where it is no column of texts or of numbers."""
    kinds = set(map(type, values))
    if kinds <= {str}:
        texts = np.empty(len(values), dtype=np.object_)
        texts[:] = values
        return texts
    if not kinds <= {int, float}:
        return None
    if kinds == {int} and min(values) > -LARGE and max(values) < LARGE:
        return np.array(values, dtype=np.int64)
    numbers = np.array(values, dtype=np.float64)
    return None if (np.abs(numbers) >= LARGE).any() else numbers
