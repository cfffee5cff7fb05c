"""Writes problems as text .nl files, AMPL's format for solvers: linear, quadratic and nonlinear rows, complementarity.

The format wants an order: rows that are not linear first, and variables as ``compiler/nl/header.py`` has it; names go
to the files ``.row`` and ``.col``, a name a line. Source: D. M. Gay, "Writing .nl Files" (SAND2005-7907P).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.files import NO_PLACE_IN_FORMAT
from optc.dsl.diagnostics import Diagnostic

from ..data.errors import DataError
from ..forms.linear import LinearForm
from ..instance.instance import Instance
from .named import NamedForm, Written, decimal, spelled_names
from .nl_printing import Printed, Printer, TooLargeError, joined
from .nl_source import Source, of_form, of_instance

Rows = NDArray[np.int64]
_LINE_END = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_NEVER = re.compile(r"(?!)")


def nl_text(problem: NamedForm) -> Written:
    """The whole file of a form. Raises ``DataError`` for what the format has no place for."""
    return _written(of_form(problem))


def instance_text(instance: Instance) -> Written | Diagnostic:
    """The whole file of an instance as it stands, or why it cannot be written so. Raises ``DataError``."""
    source = of_instance(instance)
    return source if isinstance(source, Diagnostic) else _written(source)


@dataclass(frozen=True, slots=True, eq=False)
class _Order:
    """``columns``, ``rows``: the old number by the new one; ``rank``, ``place``: the other way round.

    ``groups``: how many variables are nonlinear in both, in rows alone, in the objective alone, and how many of each
    are whole; then those that are linear: real, binary, other whole ones.
    """

    columns: Rows
    rank: Rows
    rows: Rows
    place: Rows
    groups: tuple[int, ...]
    nonlinear_rows: int


def _written(source: Source) -> Written:
    form = source.problem.form
    printer = Printer(source.terms, source.graph, source.data, form.shape[1])
    try:
        row_of, column_of = printer.row_entries()
        in_objective = printer.objective_columns()
    except TooLargeError as error:
        what = f"a model whose nonlinear rows have {error.count:,} entries"
        raise DataError([report(NO_PLACE_IN_FORMAT, None, what=what, format="nl", others="json")]) from None
    order = _ordered(form, row_of, column_of, in_objective)
    printed = printer.printed(order.rank)
    jacobian = _jacobian(form, order, row_of, column_of)
    gradient = _gradient(form, order, in_objective) if source.objective else (np.zeros(0, dtype=np.int64), np.zeros(0))
    rows, changed_rows = _names(source.problem.rows)
    columns, changed_columns = _names(source.problem.columns)
    rows, columns = [rows[k] for k in order.rows.tolist()], [columns[k] for k in order.columns.tolist()]
    lengths = max(map(len, rows), default=0), max(map(len, columns), default=0)
    sizes = len(jacobian[1]), len(gradient[0])
    parts = [
        *_header(source, order, printed, sizes, lengths),
        *_expressions(source, order, printed),
        *_start(source, order),
        *_bounds(source, order),
        *_linear(jacobian, gradient, form.shape[1], source.objective),
    ]
    beside = {
        ".row": "".join(f"{n}\n" for n in [*rows, *([source.problem.objective or "objective"] * source.objective)])
    }
    beside[".col"] = "".join(f"{n}\n" for n in columns)
    return Written("".join(parts), changed_rows, changed_columns, beside)


def _names(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    return spelled_names(names, forbidden=_LINE_END, bad_start=_NEVER)


# ---------------------------------------------------------------------------------------------------------- the order
def _ordered(form: LinearForm, row_of: Rows, column_of: Rows, in_objective: Rows) -> _Order:
    count = form.shape[1]
    rows_hold, objective_holds = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    rows_hold[column_of], objective_holds[in_objective] = True, True
    whole = form.integer.astype(np.int64)
    binary = form.integer & (form.lower == 0.0) & (form.upper == 1.0)
    group = np.where(form.integer, np.where(binary, 7, 8), 6)
    group = np.where(objective_holds, 4 + whole, group)
    group = np.where(rows_hold, 2 + whole, group)
    group = np.where(rows_hold & objective_holds, whole, group)
    columns = np.argsort(group, kind="stable")
    nonlinear = np.zeros(form.shape[0], dtype=np.bool_)
    nonlinear[row_of] = True
    rows = np.argsort(~nonlinear, kind="stable")
    groups = tuple(np.bincount(group, minlength=9).tolist())
    return _Order(columns, _inverse(columns), rows, _inverse(rows), groups, int(nonlinear.sum()))


def _inverse(order: Rows) -> Rows:
    found = np.empty_like(order)
    found[order] = np.arange(len(order))
    return found


def _jacobian(form: LinearForm, order: _Order, row_of: Rows, column_of: Rows) -> tuple[Rows, Rows, NDArray[np.float64]]:
    """Rows, columns and coefficients of all entries in the new order: 0 where a variable is nonlinear alone."""
    linear = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    rows = order.place[np.concatenate([linear, row_of])]
    columns = order.rank[np.concatenate([form.indices.astype(np.int64), column_of])]
    values = np.concatenate([form.values, np.zeros(len(row_of))])
    width = max(form.shape[1], 1)
    places, where = np.unique(rows * width + columns, return_inverse=True)
    return places // width, places % width, np.bincount(where, values, len(places)).astype(np.float64)


def _gradient(form: LinearForm, order: _Order, in_objective: Rows) -> tuple[Rows, NDArray[np.float64]]:
    held = form.cost != 0.0
    held[in_objective] = True
    columns = np.sort(order.rank[np.flatnonzero(held)])
    return columns, form.cost[order.columns[columns]]


# ------------------------------------------------------------------------------------------------------------ the text
def _header(
    source: Source, order: _Order, printed: Printed, sizes: tuple[int, int], lengths: tuple[int, int]
) -> Iterator[str]:
    form, groups = source.problem.form, order.groups
    rows, columns = form.shape
    both, alone, objective = sum(groups[0:2]), sum(groups[2:4]), sum(groups[4:6])
    in_rows = both + alone
    # variables of the objective alone stand behind those of the rows, and the number counts up to the last of them
    in_objective = in_rows + objective if objective else both
    equal = form.row_lower == form.row_upper
    ranges = np.isfinite(form.row_lower) & np.isfinite(form.row_upper) & ~equal
    paired = source.paired[order.rows] >= 0
    nonlinear = int(paired[: order.nonlinear_rows].sum())
    name = _LINE_END.sub(" ", source.problem.name) or "model"
    yield f"g3 1 1 0\t# problem {name}\n"
    objectives = int(source.objective)
    yield f" {columns} {rows} {objectives} {ranges.sum()} {equal.sum()}"
    yield "\t# vars, constraints, objectives, ranges, eqns\n"
    yield f" {order.nonlinear_rows} {int(bool(printed.objective))} {paired.sum() - nonlinear} {nonlinear} 0 0"
    yield "\t# nonlinear constraints, objectives; ccons: lin, nonlin, nd, nzlb\n"
    yield " 0 0\t# network constraints: nonlinear, linear\n"
    yield f" {in_rows} {in_objective} {both}\t# nonlinear vars in constraints, objectives, both\n"
    yield " 0 0 0 1\t# linear network variables; functions; arith, flags\n"
    yield f" {groups[7]} {groups[8]} {groups[1]} {groups[3]} {groups[5]}"
    yield "\t# discrete variables: binary, integer, nonlinear (b,c,o)\n"
    yield f" {sizes[0]} {sizes[1]}\t# nonzeros in Jacobian, gradients\n"
    yield f" {lengths[0]} {lengths[1]}\t# max name lengths: constraints, variables\n"
    yield f" {printed.shares[0]} {printed.shares[1]} {printed.shares[2]} 0 0\t# common exprs: b,c,o,c1,o1\n"


def _expressions(source: Source, order: _Order, printed: Printed) -> Iterator[str]:
    form = source.problem.form
    for number, text in enumerate(printed.defined, form.shape[1]):
        yield f"V{number} 0 0\n{text}"
    constants = source.constants.tolist()
    for number, row in enumerate(order.rows.tolist()):
        parts = list(printed.rows.get(row, ()))
        if constants[row] != 0.0:
            parts.append(f"n{decimal(constants[row])}\n")
        yield f"C{number}\n{joined(parts)}"
    if source.objective:
        parts = list(printed.objective)
        if form.offset != 0.0 or not parts:
            parts.append(f"n{decimal(form.offset)}\n")
        yield f"O0 {int(form.sense == 'maximize')}\n{joined(parts)}"


def _start(source: Source, order: _Order) -> Iterator[str]:
    start = source.start[order.columns]
    given = np.flatnonzero(~np.isnan(start))
    if len(given):
        yield f"x{len(given)}\n"
        yield from (f"{k} {decimal(v)}\n" for k, v in zip(given.tolist(), start[given].tolist(), strict=True))


def _bounds(source: Source, order: _Order) -> Iterator[str]:
    form = source.problem.form
    if form.shape[0]:
        yield "r\n"
        columns = order.rank[np.maximum(source.paired, 0)] + 1
        conditions = zip(source.paired.tolist(), source.sides.tolist(), columns.tolist(), strict=True)
        pairs = {row: f"5 {side} {column}\n" for row, (held, side, column) in enumerate(conditions) if held >= 0}
        lower, upper = form.row_lower.tolist(), form.row_upper.tolist()
        yield from (pairs.get(row) or _ends(lower[row], upper[row]) for row in order.rows.tolist())
    if form.shape[1]:
        yield "b\n"
        ends = zip(form.lower[order.columns].tolist(), form.upper[order.columns].tolist(), strict=True)
        yield from (_ends(low, high) for low, high in ends)


def _ends(low: float, high: float) -> str:
    if low == high:
        return f"4 {decimal(low)}\n"
    if low == -np.inf:
        return "3\n" if high == np.inf else f"1 {decimal(high)}\n"
    return f"2 {decimal(low)}\n" if high == np.inf else f"0 {decimal(low)} {decimal(high)}\n"


def _linear(
    jacobian: tuple[Rows, Rows, NDArray[np.float64]],
    gradient: tuple[Rows, NDArray[np.float64]],
    count: int,
    objective: bool,
) -> Iterator[str]:
    rows, columns, values = jacobian
    if count:
        upto = np.cumsum(np.bincount(columns, minlength=count))[:-1]
        yield f"k{count - 1}\n"
        yield from (f"{k}\n" for k in upto.tolist())
    entries = [f"{c} {decimal(v)}\n" for c, v in zip(columns.tolist(), values.tolist(), strict=True)]
    present, starts, counts = np.unique(rows, return_index=True, return_counts=True)
    for row, first, size in zip(present.tolist(), starts.tolist(), counts.tolist(), strict=True):
        yield f"J{row} {size}\n"
        yield from entries[first : first + size]
    if objective and len(gradient[0]):
        yield f"G0 {len(gradient[0])}\n"
        yield from (f"{c} {decimal(v)}\n" for c, v in zip(gradient[0].tolist(), gradient[1].tolist(), strict=True))
