"""The complementarity form: a convex quadratic form and pairs of columns of which one must be zero.

    minimize (or maximize)  x'Qx / 2 + cost'x + offset
    subject to              row_lower <= A x <= row_upper,  lower <= x <= upper,  x_j whole where integer[j]
                            x_i * x_j == 0 for every pair (i, j)

Such are mathematical programs with complementarity constraints whose conditions are linear (Z.-Q. Luo, J.-S. Pang,
D. Ralph, "Mathematical Programs with Equilibrium Constraints", Cambridge University Press (1996)), the
Karush-Kuhn-Tucker conditions of convex quadratic lower levels among them. Where a condition is on an expression, a
column stands for it and a row defines it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from .discrete import DiscreteForm
from .linear import Ints, LinearForm, QuadraticForm


def _none() -> Ints:
    return np.zeros((0, 2), dtype=np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class ComplementarityForm(QuadraticForm):
    """Adds ``pairs`` (k, 2), int32: two columns of which at least one must be zero.

    The columns may have either sign, though most have the lower bound zero. A column may stand in several pairs; a
    pair of a column with itself sets it to zero. With a linear objective the Hessian has no entries:
    ``hessian_starts`` is then all zeros (n + 1).
    """

    pairs: Ints = field(default_factory=_none)


def from_discrete(form: DiscreteForm) -> ComplementarityForm:
    """The same problem, where complementary pairs are all that the discrete form has beyond a quadratic one.

    Raises ValueError where it has ordered sets, indicators or products in rows.
    """
    counts = (form.sets.count, form.indicators.count, form.products.count)
    more = ("ordered sets", "indicators", "products in rows")
    found = [words for words, count in zip(more, counts, strict=True) if count]
    if found:
        raise ValueError(f"the discrete form has {' and '.join(found)}, which a complementarity form cannot hold")
    own = {entry.name: getattr(form, entry.name) for entry in fields(LinearForm)}
    starts = form.hessian_starts if len(form.hessian_values) else np.zeros(form.shape[1] + 1, dtype=np.int32)
    return ComplementarityForm(
        **own,
        hessian_starts=starts,
        hessian_indices=form.hessian_indices,
        hessian_values=form.hessian_values,
        pairs=np.stack([form.pairs.first, form.pairs.second], axis=1).astype(np.int32),
    )
