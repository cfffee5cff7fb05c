"""The discrete form: linear rows and columns with everything that makes them a combinatorial problem.

    minimize (or maximize)  x'Qx / 2 + cost'x + offset
    subject to              row_lower_r <= (A x)_r + sum_k v_k x_i(k) x_j(k) <= row_upper_r   for every row r without
                            indicator; for a row with one only where x at its column has the value that switches it
                            lower <= x <= upper,  x_j whole where integer[j]
                            of each ordered set at most one (two neighbouring) columns are not zero
                            x_first * x_second == 0 for every complementary pair

``Q`` may be indefinite. What reads a ``DiscreteForm`` as the ``LinearForm`` that it is sees too few columns' products
and too many rows that always hold: a backend says ``discrete`` among its forms only if it reads all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear import Floats, Ints, LinearForm


def _no_ints() -> Ints:
    return np.zeros(0, dtype=np.int32)


def _no_floats() -> Floats:
    return np.zeros(0)


def _one_zero() -> Ints:
    return np.zeros(1, dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class OrderedSets:
    """``s`` special ordered sets with ``e`` members in all. Shapes: kinds (s); starts (s + 1); columns, weights (e).

    ``kinds`` holds 1 or 2. Members ``starts[k]`` to ``starts[k + 1]`` belong to set ``k``; their order is that of
    ``weights``, which rise within a set. No column stands twice in a set.
    """

    kinds: Ints = field(default_factory=_no_ints)
    starts: Ints = field(default_factory=_one_zero)
    columns: Ints = field(default_factory=_no_ints)
    weights: Floats = field(default_factory=_no_floats)

    @property
    def count(self) -> int:
        return len(self.kinds)


@dataclass(frozen=True, slots=True, eq=False)
class Indicators:
    """``k`` switched rows. Shapes (k): row ``rows[i]`` must hold where the binary ``columns[i]`` is ``values[i]``.

    ``values`` holds 0 or 1. No row is switched twice, and a row that is switched binds in no other way.
    """

    columns: Ints = field(default_factory=_no_ints)
    values: Ints = field(default_factory=_no_ints)
    rows: Ints = field(default_factory=_no_ints)

    @property
    def count(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class RowProducts:
    """``q`` products in rows. Shapes (q): row ``rows[k]`` holds ``values[k] * x[first[k]] * x[second[k]]``.

    ``first >= second``; sorted by row, first, second, none twice. The value is the coefficient of the product, not a
    second derivative: ``x^2`` has 1.
    """

    rows: Ints = field(default_factory=_no_ints)
    first: Ints = field(default_factory=_no_ints)
    second: Ints = field(default_factory=_no_ints)
    values: Floats = field(default_factory=_no_floats)

    @property
    def count(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """``p`` complementary pairs. Shapes (p): of columns ``first[k]``, ``second[k]``, of either sign, one is zero."""

    first: Ints = field(default_factory=_no_ints)
    second: Ints = field(default_factory=_no_ints)

    @property
    def count(self) -> int:
        return len(self.first)


@dataclass(frozen=True, slots=True, eq=False)
class DiscreteForm(LinearForm):
    """``n`` columns, ``m`` rows; the linear form's arrays, and see the head of the module.

    The Hessian ``Q`` of the objective stands as in ``QuadraticForm``: its lower triangle, CSC, with starts (n + 1),
    indices and values; it has no entries where the objective is linear. ``proved``: lower and upper bounds (n) that
    every point keeps and that optimisation found, or None; they are no part of the problem.
    """

    hessian_starts: Ints = field(default_factory=_no_ints)
    hessian_indices: Ints = field(default_factory=_no_ints)
    hessian_values: Floats = field(default_factory=_no_floats)
    products: RowProducts = field(default_factory=RowProducts)
    sets: OrderedSets = field(default_factory=OrderedSets)
    indicators: Indicators = field(default_factory=Indicators)
    pairs: Pairs = field(default_factory=Pairs)
    proved: tuple[Floats, Floats] | None = None

    def switched(self) -> NDArray[np.bool_]:
        """For each row (m) whether an indicator switches it."""
        found = np.zeros(self.shape[0], dtype=np.bool_)
        found[self.indicators.rows] = True
        return found


def with_rows_of(small: LinearForm, form: DiscreteForm, rows: NDArray[np.integer[Any]]) -> DiscreteForm:
    """A linear form whose rows are some ``rows`` of a discrete one (ascending), with all else that binds there.

    Its objective is linear; products and indicators are those of the rows, sets and pairs are all there. A binary
    that switches a row keeps its bounds.
    """
    number = np.full(form.shape[0], -1, dtype=np.int32)
    number[rows] = np.arange(len(rows))
    switched, held = number[form.indicators.rows] >= 0, number[form.products.rows] >= 0
    each, terms = form.indicators, form.products
    own = {entry.name: getattr(small, entry.name) for entry in fields(LinearForm)}
    own |= {"lower": small.lower.copy(), "upper": small.upper.copy()}
    for side in ("lower", "upper"):
        own[side][each.columns] = getattr(form, side)[each.columns]
    return DiscreteForm(
        **own,
        hessian_starts=np.zeros(small.shape[1] + 1, dtype=np.int32),
        products=RowProducts(number[terms.rows[held]], terms.first[held], terms.second[held], terms.values[held]),
        sets=form.sets,
        indicators=Indicators(each.columns[switched], each.values[switched], number[each.rows[switched]]),
        pairs=form.pairs,
    )
