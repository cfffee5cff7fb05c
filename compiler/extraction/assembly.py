"""Monomials into sparse arrays: a pattern phase (columns, order, row starts) and a value phase (coefficients).

A block of rows in which every row has the same number of entries is a matrix ``rows × entries`` written straight into
its place in the CSR arrays. The entries of any other block are merged by row and column. Rows come out with sorted,
unique columns; the order found in the pattern phase is kept, so the value phase only evaluates coefficients and puts
them where they belong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Expr, SymbolRef

from ..evaluation.evaluate import axis_columns, evaluate
from ..evaluation.scope import Scope
from ..spaces.algebra import Table, reduce_to, wide
from ..spaces.domains import Positions, Values, starts_of
from .polynomial import Monomial

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = dict[str, int]


def columns_of(ref: SymbolRef, table: Table, offsets: Offsets, scope: Scope) -> Ints:
    """Column numbers of a decision over a table, broadcastable to its shape; int32."""
    layout = scope.layouts[ref.symbol]
    found = axis_columns(layout, ref.args, table, scope, ref)
    return layout.flat([c.positions for c in found], offsets[ref.symbol], np.int32).astype(np.int32, copy=False)


@dataclass(frozen=True, eq=False)
class Entries:
    """The coefficients of ``decision`` that one monomial gives: ``constant``, or ``coefficient`` over ``table``."""

    decision: str
    shape: tuple[int, ...]
    constant: float | None
    table: Table | None
    coefficient: Expr | None


@dataclass(frozen=True, eq=False)
class Order:
    """Where unsorted entries go: place ``k`` gets entry ``first[k]``; ``places`` get the entries ``more`` on top."""

    first: NDArray[np.integer[Any]]
    more: NDArray[np.integer[Any]]
    places: NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Block:
    """The pattern of a block of rows over ``root``, CSR with local ``starts`` ``(rows + 1,)``.

    ``width``: of a block whose rows have the same number of entries, else None: the entries of the parts then stand
    one after the other before ``order`` (None where they are in their places already) is applied.
    """

    root: tuple[int, ...]
    parts: tuple[Entries, ...]
    starts: NDArray[np.integer[Any]]
    indices: Ints
    width: int | None
    order: Order | None

    @property
    def size(self) -> int:
        return len(self.indices)

    @property
    def rows(self) -> int:
        return len(self.starts) - 1


def pattern(monomials: Sequence[Monomial], root: Table, offsets: Offsets, scope: Scope) -> Block:
    """The pattern of rows over ``root`` with the given linear monomials."""
    columns = [columns_of(m.refs[0], m.table, offsets, scope) for m in monomials]
    if all(m.table.aligned(root) for m in monomials):
        order = sorted(range(len(columns)), key=lambda k: _first(columns[k]))
        return _uniform([monomials[k] for k in order], [columns[k] for k in order], root)
    return _ragged(monomials, columns, root)


def _first(columns: Ints) -> int:
    """The column in the first row; the order of the first row is most often that of all rows."""
    return int(columns[(0,) * columns.ndim]) if columns.size else 0


def _entries(m: Monomial) -> Entries:
    if m.factors:
        return Entries(m.refs[0].symbol, m.table.shape, None, m.table, m.coefficient())
    return Entries(m.refs[0].symbol, m.table.shape, m.scale, None, None)


def _uniform(monomials: Sequence[Monomial], columns: Sequence[Ints], root: Table) -> Block:
    parts = tuple(_entries(m) for m in monomials)
    width = sum(_width(p, root.shape) for p in parts)
    matrix = np.empty((root.size, width), dtype=np.int32)
    for window, found in zip(_windows(matrix, root.shape, parts), columns, strict=True):
        window[...] = found
    starts = np.arange(root.size + 1, dtype=np.int32) * np.int32(width)
    indices = matrix.reshape(-1)
    if width < 2 or bool(np.all(matrix[:, 1:] > matrix[:, :-1])):
        return Block(root.shape, parts, starts, indices, width, None)
    within = np.argsort(matrix, axis=1, kind="stable")
    order = (within + np.arange(root.size)[:, None] * width).reshape(-1)
    keys = (np.arange(root.size, dtype=np.int64)[:, None] << 32 | matrix).reshape(-1)[order]
    return _ordered(root, parts, np.full(root.size, width), indices, keys, order, width)


def _width(part: Entries, root: tuple[int, ...]) -> int:
    """Entries a row."""
    return prod(part.shape[len(root) :])


def _windows(matrix: NDArray[Any], root: tuple[int, ...], parts: Sequence[Entries]) -> Iterator[NDArray[Any]]:
    """Each part's columns of the matrix ``(…, rows, width)``, shaped like its table."""
    lead = matrix.shape[:-2]
    whole = matrix.reshape((*lead, *root, matrix.shape[-1]))
    at = 0
    for part in parts:
        width = _width(part, root)
        yield whole[..., at : at + width].reshape(lead + part.shape)
        at += width


def _ragged(monomials: Sequence[Monomial], columns: Sequence[Ints], root: Table) -> Block:
    parts = tuple(_entries(m) for m in monomials)
    size = sum(prod(p.shape) for p in parts)
    keys, indices = np.empty(size, dtype=np.int64), np.empty(size, dtype=np.int32)
    counts = np.zeros(root.size, dtype=np.intp)
    at = 0
    for m, found in zip(monomials, columns, strict=True):
        upto = at + m.table.size
        rows = wide(m.table.rows_in(root), m.table.shape)
        indices[at:upto] = wide(found, m.table.shape)
        np.left_shift(rows, 32, out=keys[at:upto])
        keys[at:upto] |= indices[at:upto]
        counts += np.bincount(rows, minlength=root.size)
        at = upto
    if bool(np.all(keys[1:] > keys[:-1])):
        return Block(root.shape, parts, starts_of(counts), indices, None, None)
    order = np.argsort(keys, kind="stable")  # a merge: each part is in order already, or nearly so
    return _ordered(root, parts, counts, indices, keys[order], order, None)


def _ordered(
    root: Table,
    parts: tuple[Entries, ...],
    counts: Positions,
    indices: Ints,
    keys: NDArray[np.int64],
    order: Positions,
    width: int | None,
) -> Block:
    """The block whose entries stand in ``order``; ``keys`` (row and column as one number) are sorted."""
    small = order.astype(np.int32)
    new = np.ones(len(keys), dtype=np.bool_)
    new[1:] = keys[1:] != keys[:-1]
    if new.all():
        nothing = np.empty(0, dtype=np.int32)
        return Block(root.shape, parts, starts_of(counts), indices[order], width, Order(small, nothing, nothing))
    again = np.flatnonzero(~new)
    places = again - np.arange(1, len(again) + 1)
    fewer = counts - np.bincount(keys[again] >> 32, minlength=root.size)
    kept = Order(small[new], small[again], places)
    return Block(root.shape, parts, starts_of(fewer), indices[kept.first], width, kept)


def fill(block: Block, out: Floats, scope: Scope) -> None:
    """The value phase: coefficients into ``out``, ``(size,)`` or ``(batch, size)``."""
    lead = out.shape[:-1]
    flat = out if block.order is None else np.empty((*lead, sum(prod(p.shape) for p in block.parts)))
    if block.width is not None:
        matrix = flat.reshape(*lead, block.rows, block.width)
        for window, part in zip(_windows(matrix, block.root, block.parts), block.parts, strict=True):
            window[...] = coefficients(part, scope)
    else:
        at = 0
        for part in block.parts:
            upto = at + prod(part.shape)
            values = coefficients(part, scope)
            flat[..., at:upto] = values if values.ndim == 0 else wide(values, part.shape)
            at = upto
    if block.order is not None:
        np.take(flat, block.order.first, axis=-1, out=out)
        if len(block.order.more):
            where: Any = (..., block.order.places)
            np.add.at(out, where, flat[..., block.order.more])


def coefficients(part: Entries, scope: Scope) -> Values:
    """The coefficients of a part, broadcastable to its shape."""
    if part.constant is not None:
        return np.asarray(part.constant)
    assert part.coefficient is not None and part.table is not None
    return evaluate(part.coefficient, part.table, scope)


def constants(monomials: Sequence[Monomial], root: Table, scope: Scope) -> Values:
    """The sum of monomials without decisions, over ``root`` (broadcastable to its shape)."""
    total: Values = np.zeros(())
    for m in monomials:
        values = np.asarray(m.scale) if not m.factors else evaluate(m.coefficient(), m.table, scope)
        total = total + (values if m.table is root else reduce_to(root, m.table, values, np.add))
    return total


@dataclass(frozen=True, eq=False)
class Linear:
    """The pattern of a linear expression: for each part the columns of its entries, 1-D, and whether they are a run."""

    parts: tuple[tuple[Ints, Entries], ...]
    runs: tuple[bool, ...]


def linear(monomials: Sequence[Monomial], offsets: Offsets, scope: Scope) -> Linear:
    """The pattern of linear monomials without rows."""
    found = [(columns_of(m.refs[0], m.table, offsets, scope), _entries(m)) for m in monomials]
    parts = tuple((wide(c, e.shape), e) for c, e in found)
    return Linear(parts, tuple(_is_run(columns) for columns, _ in parts))


def _is_run(columns: Ints) -> bool:
    """Whether the columns are neighbours in rising order, so that their entries can be added as a slice."""
    last = len(columns) - 1
    return last >= 0 and int(columns[last]) - int(columns[0]) == last and bool(np.all(columns[1:] > columns[:-1]))


def add_to(vector: Floats, pattern_: Linear, scope: Scope) -> None:
    """Adds a linear expression to a vector over all columns, ``(n,)`` or ``(batch, n)``."""
    lead = vector.shape[:-1]
    for (columns, part), is_run in zip(pattern_.parts, pattern_.runs, strict=True):
        if not len(columns):
            continue
        values = coefficients(part, scope)
        if is_run:
            run = vector[..., columns[0] : columns[-1] + 1].reshape(lead + part.shape)
            run += values
        elif lead:
            where: Any = (..., columns)
            np.add.at(vector, where, wide(values, part.shape))
        else:
            vector += np.bincount(columns, weights=wide(values, part.shape), minlength=len(vector))
