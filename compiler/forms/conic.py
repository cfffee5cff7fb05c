"""The conic form: a quadratic form, and affine expressions that must lie in cones.

    minimize (or maximize)  x'Qx / 2 + cost'x + offset
    subject to              row_lower <= A x <= row_upper,  lower <= x <= upper
                            G x + shift in K_1 x ... x K_k

The Hessian ``Q`` is positive semidefinite to minimise, negative to maximise. Linear rows stand apart from the cones, so
that what reads the form as a quadratic one sees a relaxation of it. The cones, by ``kinds`` (S. Boyd, L. Vandenberghe,
"Convex Optimization" (2004), section 4.3; V. Chandrasekaran, P. Shah, "Relative entropy optimization and its
applications", Math. Prog. 161 (2017)):

    SECOND_ORDER   (t, z):      t >= ||z||, of any size
    EXPONENTIAL    (a, b, c):   c >= b exp(a / b), b > 0, and its closure
    POWER          (a, b, c):   a^p b^(1 - p) >= |c|, a, b >= 0, with 0 < p < 1
    SEMIDEFINITE   the upper triangle of a positive semidefinite matrix, column by column, each entry beside the
                   diagonal times sqrt(2), so that the scalar product of two triangles is that of the matrices
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .linear import Floats, Ints, QuadraticForm

SECOND_ORDER, EXPONENTIAL, POWER, SEMIDEFINITE = range(4)
NAMES = ("second-order", "exponential", "power", "semidefinite")


def _no_ints() -> Ints:
    return np.zeros(0, dtype=np.int32)


def _no_floats() -> Floats:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class Cones:
    """``k`` cones, one after the other over the cone rows. Shapes: ``kinds sizes powers`` (k).

    ``sizes``: how many rows each takes; ``powers``: the exponent of a power cone, 0 elsewhere.
    """

    kinds: Ints = field(default_factory=_no_ints)
    sizes: Ints = field(default_factory=_no_ints)
    powers: Floats = field(default_factory=_no_floats)

    @property
    def count(self) -> int:
        return len(self.kinds)

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each cone, and the number of all rows (k + 1)."""
        return np.concatenate([[0], np.cumsum(self.sizes, dtype=np.int64)])

    def of(self, kind: int) -> NDArray[np.int64]:
        """The rows of the cones of one kind, ``(count, size)`` for kinds of one size."""
        first = self.starts[:-1][self.kinds == kind]
        return np.asarray(first[:, None] + np.arange(3))


@dataclass(frozen=True, slots=True, eq=False)
class ConicForm(QuadraticForm):
    """Adds ``G`` (CSR, ``p`` rows: cone_starts (p + 1), cone_indices, cone_values), ``shift`` (p) and ``cones``.

    ``least most`` (n): bounds that some optimal point keeps, if there is one; the solver need not know them, but a
    proof may use them. They are no wider than ``lower upper``. With a linear objective the Hessian has no entries:
    ``hessian_starts`` is then all zeros (n + 1).
    """

    cone_starts: Ints = field(default_factory=_no_ints)
    cone_indices: Ints = field(default_factory=_no_ints)
    cone_values: Floats = field(default_factory=_no_floats)
    shift: Floats = field(default_factory=_no_floats)
    cones: Cones = field(default_factory=Cones)
    least: Floats = field(default_factory=_no_floats)
    most: Floats = field(default_factory=_no_floats)

    def cone_points(self, x: Floats) -> Floats:
        """``G x + shift`` (p)."""
        owner = np.repeat(np.arange(len(self.shift)), np.diff(self.cone_starts))
        terms = self.cone_values * x[self.cone_indices]
        return self.shift + np.bincount(owner, weights=terms, minlength=len(self.shift))


def transposed(form: ConicForm, z: Floats) -> tuple[Floats, Floats]:
    """``G'z`` (n), and the sums of the sizes of what was added up (n)."""
    n = form.shape[1]
    products = form.cone_values * np.repeat(z, np.diff(form.cone_starts))
    total = np.bincount(form.cone_indices, products, n).astype(np.float64)
    return total, np.bincount(form.cone_indices, np.abs(products), n).astype(np.float64)
