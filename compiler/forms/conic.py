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
class RootRows:
    """Linear rows ``right - left <= 0`` (or turned, ``>= 0``) for rows ``right^p - left^p <= 0`` of the model.

    Shapes: ``rows`` (k), their numbers; ``powers`` (k), 0 for logarithms; ``left`` by CSR, ``k`` rows: starts (k + 1),
    indices, values, and ``constant`` (k).
    """

    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    powers: Floats = field(default_factory=_no_floats)
    starts: Ints = field(default_factory=_no_ints)
    indices: Ints = field(default_factory=_no_ints)
    values: Floats = field(default_factory=_no_floats)
    constant: Floats = field(default_factory=_no_floats)

    def left(self, x: Floats) -> Floats:
        """The values of ``left`` at a point (k)."""
        owner = np.repeat(np.arange(len(self.rows)), np.diff(self.starts))
        return self.constant + np.bincount(owner, self.values * x[self.indices], len(self.rows))

    def written(self, x: Floats, excess: Floats) -> tuple[Floats, Floats]:
        """What the model's rows exceed 0 by where ``right - left`` is ``excess`` (k), and the size of what adds up."""
        left = self.left(x)
        one, two = (self._side(each) for each in (left + excess, left))
        return one - two, np.abs(one) + np.abs(two)

    def _side(self, values: Floats) -> Floats:
        """A side as it is written."""
        with np.errstate(all="ignore"):
            return np.where(self.powers == 0, np.log(values), np.power(values, self.powers))

    def rate(self, values: Floats) -> Floats:
        """How fast a side as written changes with the form's (k)."""
        with np.errstate(all="ignore"):
            return np.where(self.powers == 0, 1.0, self.powers) * np.power(values, self.powers - 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class ConicForm(QuadraticForm):
    """Adds ``G`` (CSR, ``p`` rows: cone_starts (p + 1), cone_indices, cone_values), ``shift`` (p) and ``cones``.

    ``least most`` (n): bounds that some optimal point keeps, if there is one; the solver need not know them, but a
    proof may use them. They are no wider than ``lower upper``. ``roots``: rows that are not the model's own but roots
    of them. With a linear objective the Hessian has no entries:
    ``hessian_starts`` is then all zeros (n + 1).
    """

    cone_starts: Ints = field(default_factory=_no_ints)
    cone_indices: Ints = field(default_factory=_no_ints)
    cone_values: Floats = field(default_factory=_no_floats)
    shift: Floats = field(default_factory=_no_floats)
    cones: Cones = field(default_factory=Cones)
    least: Floats = field(default_factory=_no_floats)
    most: Floats = field(default_factory=_no_floats)
    roots: RootRows = field(default_factory=RootRows)

    def cone_points(self, x: Floats) -> Floats:
        """``G x + shift`` (p)."""
        owner = np.repeat(np.arange(len(self.shift)), np.diff(self.cone_starts))
        terms = self.cone_values * x[self.cone_indices]
        return self.shift + np.bincount(owner, weights=terms, minlength=len(self.shift))


TIP = 1e-7  # sides of this size and below lie at the tip of their cone


def written_duals(form: ConicForm, x: Floats, y: Floats) -> Floats:
    """Multipliers of the model's rows from those of the form's (m), at a point where both hold.

    Where ``right - left`` is zero, ``right^p - left^p`` changes ``p left^(p - 1)`` times as fast. At the tip of a cone,
    where that is no rate at all, no multiplier of the model's row is worth one above zero of the form's: it is NaN.
    """
    found, roots = y.copy(), form.roots
    if not len(roots.rows):
        return found
    activity = _activity(form, x)[roots.rows]
    side = np.maximum(roots.left(x) + 0.5 * np.abs(activity), 0.0)
    own = y[roots.rows]
    with np.errstate(all="ignore"):
        tip = (side <= TIP) & (roots.powers > 1)
        scaled = np.where(tip, np.where(np.abs(own) <= TIP, 0.0, np.nan), own / roots.rate(side))
    found[roots.rows] = scaled
    return found


def _activity(form: ConicForm, x: Floats) -> Floats:
    """How far the rows are from the side that they have (m), for those with one."""
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    values = np.bincount(owner, form.values * x[form.indices], form.shape[0])
    side = np.where(np.isfinite(form.row_upper), form.row_upper, form.row_lower)
    return np.where(np.isfinite(side), values - np.where(np.isfinite(side), side, 0.0), 0.0)


def transposed(form: ConicForm, z: Floats) -> tuple[Floats, Floats]:
    """``G'z`` (n), and the sums of the sizes of what was added up (n)."""
    n = form.shape[1]
    products = form.cone_values * np.repeat(z, np.diff(form.cone_starts))
    total = np.bincount(form.cone_indices, products, n).astype(np.float64)
    return total, np.bincount(form.cone_indices, np.abs(products), n).astype(np.float64)
