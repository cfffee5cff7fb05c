"""The linear form: one block of frozen arrays, what LP and MIP solvers take.

    minimize (or maximize)  cost'x + offset
    subject to              row_lower <= A x <= row_upper,  lower <= x <= upper,  x_j whole where integer[j]

Infinite bounds are ``±inf``. ``A`` is CSR with sorted, unique columns a row. The quadratic form adds a Hessian.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ..spaces.layouts import Layout

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Slice:
    """Positions ``offset`` to ``offset + count`` hold the rows of family ``name``, in the order of its space.

    ``layout``: the family's, where a lowering of the form may have to name entries.
    """

    name: str
    offset: int
    count: int
    layout: Layout | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class LinearForm:
    """``n`` columns, ``m`` rows. Shapes: cost, lower, upper, integer (n); row_lower, row_upper (m); CSR arrays.

    ``columns`` and ``rows`` say which family each part is; a column or row of no family was made by a lowering.
    """

    sense: str  # "minimize" or "maximize"
    cost: Floats
    offset: float
    starts: Ints  # (m + 1,) row starts
    indices: Ints  # (nnz,) columns
    values: Floats  # (nnz,)
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    columns: tuple[Slice, ...] = ()
    rows: tuple[Slice, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.row_lower.shape[-1], self.cost.shape[-1]

    @property
    def batch(self) -> int | None:
        """How many problems of one structure it holds: the length of the leading axis of its numbers, if any.

        The numbers (cost, values, bounds; the offset is then an array) carry the axis, the structure does not.
        """
        return self.cost.shape[0] if self.cost.ndim == 2 else None


@dataclass(frozen=True, slots=True, eq=False)
class QuadraticForm(LinearForm):
    """Adds ``x'Qx / 2`` to the objective; ``Q`` by its lower triangle, CSC: for each column the rows at or below it."""

    hessian_starts: Ints = None  # type: ignore[assignment]
    hessian_indices: Ints = None  # type: ignore[assignment]
    hessian_values: Floats = None  # type: ignore[assignment]
