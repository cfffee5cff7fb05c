"""Rows and binary columns that say in linear terms what the domain of a decision says in a word."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..facts.bounds import DerivedBound
from ..instance.instance import Family, Instance

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ExtraRows:
    """Rows over the family's columns and ``columns`` new binaries: CSR with local ``starts``, global ``indices``."""

    family: str
    starts: NDArray[np.int32]
    indices: NDArray[np.int32]
    values: Floats
    lower: Floats
    upper: Floats
    columns: int = 0

    @property
    def rows(self) -> int:
        return len(self.lower)


def domain_rows(instance: Instance) -> tuple[ExtraRows, ...]:
    """The extra rows of all families, whose new columns follow one another after the families' own."""
    found: list[ExtraRows] = []
    column = instance.columns
    for family in instance.families:
        if family.domain == "simplex":
            found.append(_simplex(family))
        elif family.domain == "spin":
            found.append(_spin(family, column))
        elif family.domain == "semicontinuous":
            found.append(_semicontinuous(family, column))
        column += found[-1].columns if found and found[-1].family == family.name else 0
    return tuple(found)


def derived_constants(instance: Instance) -> tuple[DerivedBound, ...]:
    """The upper bounds that stand as constants in the rows of semicontinuous decisions, where they are finite."""
    return tuple(
        DerivedBound(
            family.name,
            f"{family.name} where it is not zero",
            family.layout,
            np.where(np.isfinite(family.upper), family.upper, 0.0),
            (f"the bounds of {family.name}",),
        )
        for family in instance.families
        if family.domain == "semicontinuous" and family.count and np.isfinite(family.upper).any()
    )


def _simplex(family: Family) -> ExtraRows:
    """``sum(p) == 1`` over the family's own indices, for each row of its block."""
    groups = prod(family.layout.shape[: _outer_axes(family)])
    each = family.count // groups if groups else 0
    starts = (np.arange(groups + 1) * each).astype(np.int32)
    indices = np.arange(family.offset, family.offset + family.count, dtype=np.int32)
    return ExtraRows(family.name, starts, indices, np.ones(family.count), np.ones(groups), np.ones(groups))


def _outer_axes(family: Family) -> int:
    """How many axes of the layout are the blocks' indices."""
    outer, axes = family.symbol.arity - family.symbol.own, 0
    while outer > 0:
        outer -= family.layout.axes[axes].arity
        axes += 1
    return axes


def _spin(family: Family, column: int) -> ExtraRows:
    """``s - 2 b == -1``."""
    count = family.count
    starts = (np.arange(count + 1) * 2).astype(np.int32)
    indices = np.column_stack([np.arange(count) + family.offset, np.arange(count) + column]).astype(np.int32)
    values = np.tile([1.0, -2.0], count)
    bound = np.full(count, -1.0)
    return ExtraRows(family.name, starts, indices.reshape(-1), values, bound, bound, count)


def _semicontinuous(family: Family, column: int) -> ExtraRows:
    """``x - u b <= 0`` and ``x - l b >= 0``."""
    count = family.count
    starts = (np.arange(2 * count + 1) * 2).astype(np.int32)
    pair = np.column_stack([np.arange(count) + family.offset, np.arange(count) + column])
    indices = np.concatenate([pair, pair]).astype(np.int32).reshape(-1)
    values = np.ones((2 * count, 2))
    values[:count, 1], values[count:, 1] = -family.upper, -family.lower
    lower = np.concatenate([np.full(count, -np.inf), np.zeros(count)])
    upper = np.concatenate([np.zeros(count), np.full(count, np.inf)])
    return ExtraRows(family.name, starts, indices, values.reshape(-1), lower, upper, count)
