"""Rows and columns of a form in the user's words, from the layouts that its slices carry."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ..evaluation.scope import entry_text, literal_text
from .linear import LinearForm, Slice

SHOWN = 4  # terms of a row that are written out


def slice_of(slices: Iterable[Slice], position: int) -> Slice | None:
    """The slice that holds a position, where it has a layout."""
    inside = (part for part in slices if part.offset <= position < part.offset + part.count)
    return next((part for part in inside if part.layout is not None), None)


def entry_at(slices: Iterable[Slice], position: int) -> str | None:
    """``need["iron"]``, or None where the position is of no family."""
    part = slice_of(slices, position)
    if part is None or part.layout is None:
        return None
    return entry_text(part.name, part.layout.key(position - part.offset))


def column_text(form: LinearForm, column: int) -> str:
    """The name of a column; its number where a lowering made it."""
    return entry_at(form.columns, column) or f"column {column} of the lowered problem"


def row_text(form: LinearForm, row: int) -> str:
    """The name of a row; its terms where a lowering made it."""
    return entry_at(form.rows, row) or terms_text(form, row)


def terms_text(form: LinearForm, row: int) -> str:
    """``2 * x[1] - y + …``: the left side of a row, its first terms."""
    own = slice(int(form.starts[row]), int(form.starts[row + 1]))
    parts: list[str] = []
    for column, value in zip(form.indices[own][:SHOWN].tolist(), form.values[own][:SHOWN].tolist(), strict=True):
        size = "" if abs(value) == 1.0 else f"{literal_text(abs(value))} * "
        sign = ("-" if value < 0 else "") if not parts else (" - " if value < 0 else " + ")
        parts.append(f"{sign}{size}{column_text(form, column)}")
    left = own.stop - own.start - SHOWN
    return "".join(parts) + (" + …" if left > 0 else "") if parts else literal_text(float(np.float64(0.0)))
