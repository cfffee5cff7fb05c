"""A conic form under construction: columns, linear rows and cones that grow in whole arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..forms import conic
from ..forms.conic import Cones
from ..forms.linear import Floats, Slice
from .affine_rows import Affine, Ints, columns_as_rows, constant_rows, interleaved, stacked

Values = Callable[[Floats], Floats]


@dataclass(slots=True, eq=False)
class ConeDraft:
    """``columns`` counts those there are; the first ones are the families' own and bounded elsewhere.

    ``made``: for each block of new columns its numbers and the values they have where everything before has its, so
    that a point of the model can be made one of the form. ``roots``: rows that stand for ``right^p - left^p`` of the
    model as ``right - left``: their numbers, each ``p``, and ``left``.
    """

    columns: int
    least: list[Floats] = field(default_factory=list)
    most: list[Floats] = field(default_factory=list)
    made: list[tuple[Ints, Values]] = field(default_factory=list)
    rows: list[tuple[Affine, Floats, Floats]] = field(default_factory=list)
    slices: list[Slice] = field(default_factory=list)
    row_count: int = 0
    cones: list[tuple[Affine, Cones]] = field(default_factory=list)
    roots: list[tuple[Ints, Floats, Affine]] = field(default_factory=list)

    def add_columns(self, count: int, values: Values, least: Floats | float, most: Floats | float) -> Affine:
        """New columns as rows; ``values`` gives them at a point, ``least`` and ``most`` bound them there."""
        numbers = np.arange(self.columns, self.columns + count, dtype=np.int64)
        self.columns += count
        self.least.append(np.broadcast_to(np.asarray(least, dtype=np.float64), (count,)))
        self.most.append(np.broadcast_to(np.asarray(most, dtype=np.float64), (count,)))
        self.made.append((numbers, values))
        return columns_as_rows(numbers)

    def add_rows(self, rows: Affine, lower: Floats, upper: Floats, name: str | None = None) -> None:
        """``lower <= rows <= upper``; ``name``: of the family whose rows they are, one to one."""
        self.rows.append((rows, lower, upper))
        if name is not None:
            self.slices.append(Slice(name, self.row_count, rows.rows))
        self.row_count += rows.rows

    def at_least(self, larger: Affine, smaller: Affine) -> None:
        """``larger >= smaller``, row by row."""
        rows = larger.minus(smaller)
        self.add_rows(rows, np.zeros(rows.rows), np.full(rows.rows, np.inf))

    # ------------------------------------------------------------------------------------------------------- cones
    def _triples(self, kind: int, parts: tuple[Affine, Affine, Affine], powers: Floats | None = None) -> None:
        count = parts[0].rows
        if not count:
            return
        kinds = np.full(count, kind, dtype=np.int32)
        exponents = np.zeros(count) if powers is None else powers
        self.cones.append((interleaved(parts), Cones(kinds, np.full(count, 3, dtype=np.int32), exponents)))

    def exponential(self, a: Affine, b: Affine, c: Affine) -> None:
        """``c >= b exp(a / b)``."""
        self._triples(conic.EXPONENTIAL, (a, b, c))

    def power(self, a: Affine, b: Affine, c: Affine, exponents: Floats) -> None:
        """``a^p b^(1 - p) >= |c|``; where ``p`` is a half, by a second-order cone."""
        half = np.flatnonzero(exponents == 0.5)
        other = np.flatnonzero(exponents != 0.5)
        self._triples(conic.POWER, (a.taken(other), b.taken(other), c.taken(other)), exponents[other])
        if len(half):
            first, second = a.taken(half), b.taken(half)
            self._triples(conic.SECOND_ORDER, (first.plus(second), first.minus(second), c.taken(half).times(2.0)))

    def second_order(self, top: Affine, body: Affine, owner: Ints) -> None:
        """``top[r] >= ||body rows k with owner[k] = r||``."""
        count = top.rows
        sizes = 1 + np.bincount(owner, minlength=count)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        order = np.argsort(owner, kind="stable")
        within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes - 1) - (sizes - 1), sizes - 1)
        to = np.empty(count + len(owner), dtype=np.int64)
        to[:count] = starts[:-1]
        to[count + order] = starts[:-1][owner[order]] + 1 + within
        every = stacked([top, body])
        constant = np.empty(every.rows)
        constant[to] = every.constant
        kinds = np.full(count, conic.SECOND_ORDER, dtype=np.int32)
        cones = Cones(kinds, sizes.astype(np.int32), np.zeros(count))
        self.cones.append((Affine(constant, to[every.row], every.column, every.value), cones))

    def squares_below(self, top: Affine, body: Affine, owner: Ints, factor: Affine | None = None) -> None:
        """``top[r] factor[r] >= sum of squares of the body rows with owner r``; without ``factor`` it is 1."""
        other = constant_rows(np.ones(top.rows)) if factor is None else factor
        difference = top.minus(other)
        every = stacked([body.times(2.0), difference])
        self.second_order(top.plus(other), every, np.concatenate([owner, np.arange(top.rows)]))

    def semidefinite(self, triangles: Affine, sizes: NDArray[np.int64]) -> None:
        """Triangles one after the other, ``sizes`` rows each, already scaled."""
        kinds = np.full(len(sizes), conic.SEMIDEFINITE, dtype=np.int32)
        self.cones.append((triangles, Cones(kinds, sizes.astype(np.int32), np.zeros(len(sizes)))))
