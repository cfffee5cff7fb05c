"""Quadratic monomials into the lower triangle of a Hessian, CSC: a pattern phase and a value phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Expr

from ..evaluation.evaluate import evaluate
from ..evaluation.scope import Scope
from ..spaces.algebra import Table
from .assembly import Offsets, columns_of
from .polynomial import Monomial

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Products:
    """The entries of one monomial ``c x_i x_j``: its second derivative is ``c``, doubled where ``i = j``."""

    table: Table
    coefficient: Expr
    constant: float | None
    factor: Floats | float


@dataclass(frozen=True, eq=False)
class Triangle:
    """The pattern of ``Q`` in ``x'Qx / 2``: ``starts`` ``(n + 1,)``, ``indices`` (rows, sorted in a column).

    ``order``: entries of all parts, one after the other, sorted by position (None: sorted already); ``groups``:
    starts of runs that share a position (None: no two do).
    """

    parts: tuple[Products, ...]
    starts: Ints
    indices: Ints
    order: NDArray[np.intp] | None
    groups: NDArray[np.intp] | None


def triangle(monomials: Sequence[Monomial], columns: int, offsets: Offsets, scope: Scope) -> Triangle:
    """The pattern of quadratic monomials in ``columns`` decisions."""
    parts, keys = [], []
    for m in monomials:
        first, second = (columns_of(r, m.table, offsets, scope) for r in m.refs)
        same = m.refs[0] == m.refs[1]
        high, low = (first, first) if same else (np.maximum(first, second), np.minimum(first, second))
        key = low.astype(np.int64) * columns + high
        keys.append(np.broadcast_to(key, m.table.shape).reshape(-1))
        factor: Floats | float = 2.0 if same else np.where(first == second, 2.0, 1.0)
        parts.append(Products(m.table, m.coefficient(), m.scale if not m.factors else None, factor))
    return _arranged(parts, np.concatenate(keys) if keys else np.empty(0, dtype=np.int64), columns)


def _arranged(parts: list[Products], keys: NDArray[np.int64], columns: int) -> Triangle:
    order = groups = None
    if not len(keys):
        return Triangle(tuple(parts), np.zeros(columns + 1, dtype=np.int32), np.empty(0, dtype=np.int32), None, None)
    if not bool(np.all(keys[1:] > keys[:-1])):
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        new = np.ones(len(keys), dtype=np.bool_)
        new[1:] = keys[1:] != keys[:-1]
        if not new.all():
            groups = np.flatnonzero(new)
            keys = keys[groups]
    low = keys // max(columns, 1)
    starts = np.zeros(columns + 1, dtype=np.int32)
    np.cumsum(np.bincount(low, minlength=columns), out=starts[1:])
    return Triangle(tuple(parts), starts, (keys - low * columns).astype(np.int32), order, groups)


def triangle_values(pattern: Triangle, scope: Scope) -> Floats:
    """The value phase: one number for each entry of the triangle."""
    values = []
    for part in pattern.parts:
        found = (
            np.asarray(part.constant) if part.constant is not None else evaluate(part.coefficient, part.table, scope)
        )
        values.append(np.broadcast_to(found * part.factor, part.table.shape).reshape(-1))
    flat = np.concatenate(values) if values else np.empty(0)
    if pattern.order is not None:
        flat = flat[pattern.order]
    return flat if pattern.groups is None else np.add.reduceat(flat, pattern.groups)
