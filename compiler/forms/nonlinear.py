"""The nonlinear form: linear rows and columns, and kernels for what is not linear.

    minimize (or maximize)  f(x)
    subject to              row_lower <= c(x) <= row_upper,  lower <= x <= upper,  x_j whole where integer[j]

``f`` and ``c`` are twice differentiable wherever they are defined. What is linear in them stands in the arrays of the
linear form too (``cost``, ``offset`` and the CSR rows are the linear parts of ``f`` and ``c``); the functions below
give the whole of both. Where a value is undefined it is NaN or infinite; ``undefined`` then names the place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from optc.dsl.diagnostics import Diagnostic

from .linear import Floats, Ints, LinearForm

if TYPE_CHECKING:  # loaded by whoever makes one
    from ..kernels.engine import Engine
    from ..kernels.evaluator import Evaluator


@dataclass(frozen=True, slots=True, eq=False)
class NonlinearForm(LinearForm):
    """``n`` columns, ``m`` rows. Points, multipliers and directions are float64, ``(…, n)``, ``(…, m)``, ``(…, n)``:
    leading axes, where there are some, are points to evaluate at once.

    ``engine``: what evaluates; ``arrays``: the data that it reads. ``where``: finds the first undefined term.
    ``start``: fills in the columns that stand for aggregates.
    """

    engine: Engine = None  # type: ignore[assignment]
    arrays: tuple[Floats, ...] = ()
    where: Callable[[Floats], Diagnostic | None] = None  # type: ignore[assignment]
    start: Callable[[Floats], Floats] = None  # type: ignore[assignment]

    # ------------------------------------------------------------------------------------------------------- values
    def evaluate_objective(self, x: Floats) -> Any:
        """``f(x)``: a float, or an array of the leading axes."""
        found = self.engine.run("value", self.arrays, {"x": x})[..., 0] + self.offset
        return float(found) if found.ndim == 0 else found

    def evaluate_rows(self, x: Floats) -> Floats:
        """``c(x)``, ``(…, m)``."""
        return self.engine.run("rows", self.arrays, {"x": x})

    # --------------------------------------------------------------------------------------------- first derivatives
    def evaluate_gradient(self, x: Floats) -> Floats:
        """The derivatives of ``f``, ``(…, n)``."""
        return self.engine.run("gradient", self.arrays, {"x": x})

    @property
    def jacobian_pattern(self) -> tuple[Ints, Ints]:
        """Rows and columns of the derivatives of ``c``: sorted by row and then column, none twice."""
        found = self.engine.model.jacobian_pattern
        return found.rows, found.columns

    def evaluate_jacobian(self, x: Floats) -> Floats:
        """The derivatives of ``c`` in the order of ``jacobian_pattern``, ``(…, nnz)``."""
        return self.engine.run("jacobian", self.arrays, {"x": x})

    # -------------------------------------------------------------------------------------------- second derivatives
    @property
    def hessian_pattern(self) -> tuple[Ints, Ints]:
        """Rows and columns of the lower triangle of the Hessian of the Lagrangian: sorted, none twice."""
        found = self.engine.model.hessian_pattern
        return found.rows, found.columns

    def evaluate_hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats:
        """The second derivatives of ``sigma f + multipliers' c`` in the order of ``hessian_pattern``, ``(…, nnz)``."""
        inputs = {"x": x, "sigma": _last(sigma), "multipliers": multipliers}
        return self.engine.hessian(self.arrays, inputs)

    def hessian_product(self, x: Floats, sigma: float, multipliers: Floats, v: Floats) -> Floats:
        """The Hessian of ``sigma f + multipliers' c`` times ``v``, ``(…, n)``, without the Hessian."""
        inputs = {"x": x, "sigma": _last(sigma), "multipliers": multipliers, "direction": v}
        return self.engine.run("product", self.arrays, inputs)

    # ------------------------------------------------------------------------------------------------- around a solve
    def evaluated_by(self, evaluator: Evaluator) -> NonlinearForm:
        """The same form whose functions another evaluator runs; what is printed for it is kept with the model."""
        from ..kernels.places import Places

        engine = self.engine.by(evaluator)
        where = replace(self.where, engine=engine) if isinstance(self.where, Places) else self.where
        return replace(self, engine=engine, where=where)

    def completed(self, x: Floats) -> Floats:
        """A point ``(n,)`` with the columns that stand for aggregates computed from the others.

        It stays as it is where one of them has no value.
        """
        return self.start(x)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What there is to say about how the functions are evaluated."""
        return self.engine.diagnostics

    def undefined(self, x: Floats) -> Diagnostic | None:
        """The first term without a value, or without derivatives, at a point ``(n,)``: family, index, expression."""
        return self.where(x)


def _last(number: float | Floats) -> Floats:
    """A number, or an array of the leading axes, with a last axis of length one."""
    return np.asarray(number, dtype=np.float64)[..., None]
