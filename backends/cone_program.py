"""A conic form as solvers of cone programs take it: minimise, equations, inequalities, cones, all in one matrix.

    minimize  x'Px / 2 + q'x   subject to   b - A x in  {0}^e x R_+^m x cones

Finite sides of rows and columns are rows of their own; a row or column whose sides agree is an equation. ``duals_of``
goes back: which multiplier belongs to which side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.compiler.forms.conic import Cones, ConicForm
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

Ints = NDArray[np.int64]

INFINITE = 1e20  # a bound of this size and beyond is none


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """One kind of sides: equations, upper or lower sides, of rows ``rows`` and then of columns ``columns``."""

    rows: Ints
    columns: Ints

    @property
    def count(self) -> int:
        return len(self.rows) + len(self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class ConeProgram:
    """``hessian`` (n, n) upper triangle and ``matrix``, both CSC; ``sign`` is -1 where the form maximises.

    Rows of ``matrix``: equations, upper sides, lower sides, cones, in this order.
    """

    sign: float
    hessian: Any
    cost: Floats
    matrix: Any
    right: Floats
    equations: Sides
    uppers: Sides
    lowers: Sides
    cones: Cones

    @property
    def inequalities(self) -> int:
        return self.uppers.count + self.lowers.count


def cone_program(form: LinearForm) -> ConeProgram:
    """The cone program of a linear, quadratic or conic form; integrality is left out.

    Raises ValueError where a number is not finite.
    """
    from scipy.sparse import csc_array, csr_array, eye_array, vstack

    numbers = [form.cost, form.values]
    if isinstance(form, QuadraticForm):
        numbers.append(form.hessian_values)
    if isinstance(form, ConicForm):
        numbers += [form.cone_values, form.shift]
    if not all(np.isfinite(part).all() for part in numbers):
        raise ValueError("the problem has a coefficient that is not finite")
    rows, n = form.shape
    sign = 1.0 if form.sense == "minimize" else -1.0
    body = csr_array((form.values, form.indices, form.starts), shape=(rows, n))
    same_rows, up_rows, low_rows = _kinds(form.row_lower, form.row_upper)
    same_columns, up_columns, low_columns = _kinds(form.lower, form.upper)
    identity = eye_array(n, format="csr")
    parts = [
        body[same_rows],
        identity[same_columns],
        body[up_rows],
        identity[up_columns],
        -body[low_rows],
        -identity[low_columns],
    ]
    right = [
        form.row_upper[same_rows],
        form.upper[same_columns],
        form.row_upper[up_rows],
        form.upper[up_columns],
        -form.row_lower[low_rows],
        -form.lower[low_columns],
    ]
    cones = Cones()
    if isinstance(form, ConicForm):
        shape = (len(form.shift), n)
        parts.append(-csr_array((form.cone_values, form.cone_indices, form.cone_starts), shape=shape))
        right.append(form.shift)
        cones = form.cones
    return ConeProgram(
        sign,
        _hessian(form, sign),
        sign * form.cost,
        csc_array(vstack(parts)),
        np.concatenate(right),
        Sides(same_rows, same_columns),
        Sides(up_rows, up_columns),
        Sides(low_rows, low_columns),
        cones,
    )


def _kinds(lower: Floats, upper: Floats) -> tuple[Ints, Ints, Ints]:
    """Which entries are equations, which have an upper, which a lower side."""
    same = lower == upper
    high, low = ~same & (upper < INFINITE), ~same & (lower > -INFINITE)
    return np.flatnonzero(same), np.flatnonzero(high), np.flatnonzero(low)


def _hessian(form: LinearForm, sign: float) -> Any:
    """The upper triangle of ``sign * Q``, CSC; its lower triangle by columns is the upper one by rows."""
    from scipy.sparse import csc_array, csr_array

    n = form.shape[1]
    if not isinstance(form, (QuadraticForm, DiscreteForm)) or not len(form.hessian_values):
        return csc_array((n, n))
    whole = (sign * form.hessian_values, form.hessian_indices, form.hessian_starts)
    return csc_array(csr_array(whole, shape=(n, n)))


@dataclass(frozen=True, slots=True, eq=False)
class Multipliers:
    """Multipliers of the form's sides in the sign of ``Answer``: rows (m), columns (n), cones (p)."""

    rows: Floats
    columns: Floats
    cones: Floats


def multipliers_of(program: ConeProgram, form: LinearForm, z: Floats, sign: float) -> Multipliers:
    """The form's multipliers from those of the cone program's rows.

    ``sign``: the program's own for derivatives of the optimum in the form's sense; 1 for a ray.
    """
    rows, columns = np.zeros(form.shape[0]), np.zeros(form.shape[1])
    at = 0
    for sides, way in ((program.equations, -1.0), (program.uppers, -1.0), (program.lowers, 1.0)):
        rows[sides.rows] += way * z[at : at + len(sides.rows)]
        at += len(sides.rows)
        columns[sides.columns] += way * z[at : at + len(sides.columns)]
        at += len(sides.columns)
    return Multipliers(sign * rows, sign * columns, z[at:])
