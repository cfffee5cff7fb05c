"""Writes a linear or quadratic form as free MPS, which every solver reads.

Names keep their look (``buy[bread,2]``); blanks become ``_``, and every name that changed is listed in a comment at the
top. Bounds are always written out where dialects differ in their defaults. A quadratic objective stands in QUADOBJ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.files import NO_PLACE_IN_FORMAT

from ..data.errors import DataError
from ..forms.discrete import DiscreteForm
from ..forms.linear import LinearForm, QuadraticForm
from .named import NamedForm, Written, decimal, spelled_names

_FORBIDDEN = re.compile(r"[^\x21-\x7e\u00a1-\U0010ffff]")
_BAD_START = re.compile(r"[$*'\"]")


def mps_text(problem: NamedForm) -> Written:
    """The whole file. Own and other readers give the same arrays back (a range to one rounding).

    Raises ``DataError`` for a discrete form, whose parts MPS dialects write each in their own way.
    """
    if isinstance(problem.form, DiscreteForm):
        what = "a model with products in rows, indicators, ordered sets or complementary pairs"
        raise DataError([report(NO_PLACE_IN_FORMAT, None, what=what, format="mps", others="lp or json")])
    objective = problem.objective or "objective"
    # the objective's name comes last among the row names, so that a row keeps its own
    rows, changed_rows = _names([*problem.rows, objective])
    columns, changed_columns = _names(problem.columns)
    form = problem.form
    parts = [
        *_comments(changed_rows, "row"),
        *_comments(changed_columns, "column"),
        f"NAME {_FORBIDDEN.sub('_', problem.name) or 'model'}",
        "OBJSENSE",
        "    MAX" if form.sense == "maximize" else "    MIN",
        *_rows(form, rows),
        *_columns(form, rows, columns),
        *_right_hand_sides(form, rows),
        *_bounds(form, columns),
        *_quadratic(form, columns),
        "ENDATA",
        "",
    ]
    return Written("\n".join(parts), changed_rows, changed_columns)


def _names(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    spelled, _ = spelled_names([_plain(name) for name in names], forbidden=_FORBIDDEN, bad_start=_BAD_START)
    return spelled, {new: old for new, old in zip(spelled, names, strict=True) if new != old}


def _plain(name: str) -> str:
    """``serve["a", 2]`` as ``serve["a",2]``: what a reader of the file sees through, so that no comment is needed."""
    return name.replace(", ", ",")


def _comments(changed: Mapping[str, str], kind: str) -> Iterator[str]:
    for spelling, name in changed.items():
        if _plain(name) != spelling:
            yield f"* {kind} {spelling} is {_one_line(name)}"


def _one_line(name: str) -> str:
    return name.replace("\n", "\\n").replace("\r", "\\r")


def _kinds(form: LinearForm) -> list[str]:
    """The kind of each row: E, L, G, N (free), or R (a range)."""
    low, high = np.isfinite(form.row_lower), np.isfinite(form.row_upper)
    kinds = np.where(low, np.where(high, "R", "G"), np.where(high, "L", "N"))
    return np.where(low & (form.row_lower == form.row_upper), "E", kinds).tolist()  # type: ignore[no-any-return]


def _range(low: float, high: float) -> tuple[str, float]:
    """Kind and width of a range row: L (``high - width``) or G (``low + width``), whichever rounds back exactly."""
    width = high - low
    return ("L", width) if high - width == low or low + width != high else ("G", width)


def _rows(form: LinearForm, rows: Sequence[str]) -> Iterator[str]:
    yield "ROWS"
    yield f" N  {rows[-1]}"
    for kind, name, low, high in zip(
        _kinds(form), rows, form.row_lower.tolist(), form.row_upper.tolist(), strict=False
    ):
        yield f" {_range(low, high)[0] if kind == 'R' else kind}  {name}"


def _columns(form: LinearForm, rows: Sequence[str], columns: Sequence[str]) -> Iterator[str]:
    """Column by column, the cost first; an empty column has its zero cost, so that it is declared."""
    from scipy.sparse import csr_array

    by_column = csr_array((form.values, form.indices, form.starts), shape=form.shape).tocsc()
    starts, indices, values = by_column.indptr.tolist(), by_column.indices.tolist(), by_column.data.tolist()
    cost, integer = form.cost.tolist(), form.integer.tolist()
    yield "COLUMNS"
    inside, markers = False, 0
    for at, name in enumerate(columns):
        if integer[at] != inside:
            inside = integer[at]
            yield f"    MARKER{markers} 'MARKER' '{'INTORG' if inside else 'INTEND'}'"
            markers += 1
        if cost[at] != 0.0 or starts[at] == starts[at + 1]:
            yield f"    {name} {rows[-1]} {decimal(cost[at])}"
        for entry in range(starts[at], starts[at + 1]):
            yield f"    {name} {rows[indices[entry]]} {decimal(values[entry])}"
    if inside:
        yield f"    MARKER{markers} 'MARKER' 'INTEND'"


def _right_hand_sides(form: LinearForm, rows: Sequence[str]) -> Iterator[str]:
    kinds, lower, upper = _kinds(form), form.row_lower.tolist(), form.row_upper.tolist()
    yield "RHS"
    if form.offset != 0.0:
        yield f"    RHS {rows[-1]} {decimal(-form.offset)}"
    for kind, name, low, high in zip(kinds, rows, lower, upper, strict=False):
        base = _range(low, high)[0] if kind == "R" else kind
        value = low if base in "GE" else high
        if kind != "N" and value != 0.0:
            yield f"    RHS {name} {decimal(value)}"
    if "R" not in kinds:
        return
    yield "RANGES"
    for kind, name, low, high in zip(kinds, rows, lower, upper, strict=False):
        if kind == "R":
            yield f"    RANGES {name} {decimal(_range(low, high)[1])}"


def _bounds(form: LinearForm, columns: Sequence[str]) -> Iterator[str]:
    yield "BOUNDS"
    infinity = float("inf")
    lower, upper = form.lower.tolist(), form.upper.tolist()
    for name, low, high, whole in zip(columns, lower, upper, form.integer.tolist(), strict=True):
        if low == high:
            yield f" FX BOUNDS {name} {decimal(low)}"
        elif low == -infinity and high == infinity:
            yield f" FR BOUNDS {name}"
        elif low == 0.0 and high == 1.0 and whole:
            yield f" BV BOUNDS {name}"
        else:
            if low == -infinity:
                yield f" MI BOUNDS {name}"
            elif low != 0.0 or high < 0.0:
                yield f" LO BOUNDS {name} {decimal(low)}"
            if high != infinity:
                yield f" UP BOUNDS {name} {decimal(high)}"
            elif whole:
                yield f" PL BOUNDS {name}"


def _quadratic(form: LinearForm, columns: Sequence[str]) -> Iterator[str]:
    if not isinstance(form, QuadraticForm):
        return
    yield "QUADOBJ"
    starts = form.hessian_starts.tolist()
    rows, values = form.hessian_indices.tolist(), form.hessian_values.tolist()
    for column in range(len(columns)):
        for entry in range(starts[column], starts[column + 1]):
            yield f"    {columns[column]} {columns[rows[entry]]} {decimal(values[entry])}"
