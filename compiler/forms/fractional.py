"""The fractional form: a ratio of two linear functions over linear rows.

    minimize (or maximize)  (cost'x + offset) / (denominator'x + denominator_offset)
    subject to              row_lower <= A x <= row_upper,  lower <= x <= upper,  x_j whole where integer[j]

The denominator is above zero at every point that keeps rows and bounds: the lowering that makes such a form proves it.
What reads it as the ``LinearForm`` that it is sees its feasible points rightly and its objective without denominator.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from .linear import Floats, LinearForm


@dataclass(frozen=True, slots=True, eq=False)
class FractionalForm(LinearForm):
    """Adds ``denominator`` (n), ``denominator_offset``, and ``least <= denominator'x + offset <= most`` at every point.

    ``least`` is above zero; ``most`` may be infinite. Both are proved, rounding included.
    """

    denominator: Floats = None  # type: ignore[assignment]
    denominator_offset: float = 0.0
    least: float = 0.0
    most: float = np.inf


def parts_at(form: FractionalForm, x: Floats) -> tuple[float, float]:
    """Numerator and denominator at a point (n)."""
    return float(form.cost @ x) + form.offset, float(form.denominator @ x) + form.denominator_offset


def with_objective(form: LinearForm, sense: str, cost: Floats, offset: float) -> LinearForm:
    """The linear form with the rows and columns of a form and another objective."""
    own = {entry.name: getattr(form, entry.name) for entry in fields(LinearForm)}
    return LinearForm(**own | {"sense": sense, "cost": cost, "offset": offset})


def parametric(form: FractionalForm, ratio: float) -> LinearForm:
    """The linear form with the objective ``numerator - ratio * denominator``: it is zero at the optimal ratio."""
    cost = form.cost - ratio * form.denominator
    return with_objective(form, form.sense, cost, form.offset - ratio * form.denominator_offset)
