"""Nonlinear forms made by hand from expressions in text, with derivatives by casadi's automatic differentiation.

They have the methods of ``NonlinearForm`` and share no code with the kernels: an oracle for these, and forms for tests
of backends and verifiers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from optc.compiler.forms.linear import Floats, Ints, LinearForm
from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic

INF = np.inf
Bounds = Mapping[int, tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True, eq=False)
class HandMade(LinearForm):
    """A nonlinear form whose linear part is empty."""

    functions: Mapping[str, Any] = None  # type: ignore[assignment]

    def evaluate_objective(self, x: Floats) -> float:
        return float(self.functions["f"](x))

    def evaluate_gradient(self, x: Floats) -> Floats:
        return _dense(self.functions["g"](x))

    def evaluate_rows(self, x: Floats) -> Floats:
        return _dense(self.functions["c"](x))

    @property
    def jacobian_pattern(self) -> tuple[Ints, Ints]:
        rows, columns, _ = _entries(self.functions["J"].sparsity_out(0))
        return rows, columns

    def evaluate_jacobian(self, x: Floats) -> Floats:
        return _values(self.functions["J"](x), self.functions["J"].sparsity_out(0))

    @property
    def hessian_pattern(self) -> tuple[Ints, Ints]:
        rows, columns, _ = _entries(self.functions["H"].sparsity_out(0))
        return rows, columns

    def evaluate_hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats:
        return _values(self.functions["H"](x, sigma, multipliers), self.functions["H"].sparsity_out(0))

    def hessian_product(self, x: Floats, sigma: float, multipliers: Floats, v: Floats) -> Floats:
        rows, columns = self.hessian_pattern
        values, off = self.evaluate_hessian(x, sigma, multipliers), rows != columns
        found = np.bincount(rows, weights=values * v[columns], minlength=len(x))
        return found + np.bincount(columns[off], weights=(values * v[rows])[off], minlength=len(x))

    def undefined(self, x: Floats) -> Diagnostic | None:
        parts = (np.array([self.evaluate_objective(x)]), self.evaluate_rows(x))
        if all(np.isfinite(part).all() for part in parts):
            return None
        return report(solving.NO_ANSWER, None, backend="casadi", message="a function has no value")

    def completed(self, x: Floats) -> Floats:
        return x


def smooth(
    objective: str,
    rows: Sequence[tuple[str, float | None, float | None]],
    n: int,
    bounds: Bounds | None = None,
    sense: str = "minimize",
) -> HandMade:
    """A form in ``x1`` … ``xn`` (also ``x``, the vector); rows are (text, lower, upper), None for no side."""
    ca = pytest.importorskip("casadi")
    x = ca.SX.sym("x", n)
    names = {f"x{k + 1}": x[k] for k in range(n)} | {"x": x, "sumsqr": ca.sumsqr, "sum1": ca.sum1}
    names |= {word: getattr(ca, word) for word in ("sin", "cos", "log", "exp", "sqrt")}
    f = ca.SX(eval(objective, names))
    c = ca.vertcat(*(eval(text, names) for text, _, _ in rows)) if rows else ca.SX(0, 1)
    return from_symbols(
        ca, x, f, ca.SX(c), [low for _, low, _ in rows], [high for _, _, high in rows], bounds or {}, sense
    )


def from_symbols(
    ca: Any,
    x: Any,
    f: Any,
    c: Any,
    row_lower: Sequence[float | None],
    row_upper: Sequence[float | None],
    bounds: Bounds,
    sense: str = "minimize",
) -> HandMade:
    """The same from casadi's own expressions."""
    n, m = x.numel(), c.numel()
    sigma, y = ca.SX.sym("s"), ca.SX.sym("y", m)
    hessian = ca.tril(ca.hessian(sigma * f + (ca.dot(y, c) if m else 0), x)[0])
    functions = {
        "f": ca.Function("f", [x], [f]),
        "g": ca.Function("g", [x], [ca.densify(ca.gradient(f, x))]),
        "c": ca.Function("c", [x], [ca.densify(c)]),
        "J": ca.Function("J", [x], [ca.jacobian(c, x)]),
        "H": ca.Function("H", [x, sigma, y], [hessian]),
    }
    lower, upper = np.full(n, -INF), np.full(n, INF)
    for k, (low, high) in bounds.items():
        lower[k - 1], upper[k - 1] = -INF if low is None else low, INF if high is None else high
    nothing = np.zeros(0, dtype=np.int32)
    return HandMade(
        sense,
        np.zeros(n),
        0.0,
        np.zeros(m + 1, dtype=np.int32),
        nothing,
        np.zeros(0),
        np.array([-INF if low is None else low for low in row_lower], dtype=np.float64),
        np.array([INF if high is None else high for high in row_upper], dtype=np.float64),
        lower,
        upper,
        np.zeros(n, dtype=np.bool_),
        functions=functions,
    )


def _dense(value: Any) -> Floats:
    return np.asarray(value.full(), dtype=np.float64).ravel()


def _entries(sparsity: Any) -> tuple[Ints, Ints, Any]:
    """Rows, columns, and the order that sorts casadi's entries (by column) by row."""
    rows, columns = (np.array(part, dtype=np.int32) for part in sparsity.get_triplet())
    order = np.lexsort((columns, rows))
    return rows[order], columns[order], order


def _values(value: Any, sparsity: Any) -> Floats:
    return np.array(value.nonzeros(), dtype=np.float64)[_entries(sparsity)[2]]
