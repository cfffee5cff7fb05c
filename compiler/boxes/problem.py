"""A nonlinear form as it looks over boxes: enclosures of its values and derivatives, to be minimised.

    minimise    f(x)                over the points at which everything has a value
    subject to  row_lower <= c(x) <= row_upper,  lower <= x <= upper,  x_j whole where integer[j]

Everything is rounded outwards; numbers of the data count as what float64 holds. Of a problem to be maximised ``f`` is
the negative.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..forms.linear import Floats
from ..forms.nonlinear import NonlinearForm
from ..kernels import ends as e
from ..kernels.ends import Bools, Ends
from ..kernels.interval_printer import IntervalPrograms
from ..kernels.narrowing import narrowed


@dataclass(frozen=True, slots=True, eq=False)
class FirstOrder:
    """Over ``b`` boxes: ends of ``f`` ``(2, b)``, of ``c`` ``(2, b, m)``, of their derivatives ``(2, b, n)`` and
    ``(2, b, m, n)``; where there is no point with a value (``undefined``), where there may be one without
    (``partial``): the derivatives then tell of a part of the box only."""

    f: Ends
    c: Ends
    gradient: Ends
    jacobian: Ends
    undefined: Bools
    partial: Bools

    def part(self, which: Any) -> FirstOrder:
        """Some of the boxes."""
        return FirstOrder(
            self.f[:, which],
            self.c[:, which],
            self.gradient[:, which],
            self.jacobian[:, which],
            self.undefined[which],
            self.partial[which],
        )


@dataclass(eq=False)
class BoxProblem:
    """``twice``: whether second derivatives tell of curvature everywhere (a kink has none and bends all the same)."""

    form: NonlinearForm
    sign: float = field(init=False)
    twice: bool = field(init=False)
    equal: Bools = field(init=False)
    used: Bools = field(init=False)
    _values: IntervalPrograms = field(init=False)
    _first: IntervalPrograms = field(init=False)
    _second: IntervalPrograms | None = field(init=False, default=None)
    _added: Floats = field(init=False)

    def __post_init__(self) -> None:
        form, model = self.form, self.form.engine.model
        self.sign = 1.0 if form.sense == "minimize" else -1.0
        self.equal = form.row_lower == form.row_upper
        programs = [model.program(name) for name in ("value", "rows", "gradient", "jacobian")]
        self._values = IntervalPrograms(programs[:2], form.arrays, (0, 1))
        self._first = IntervalPrograms(programs, form.arrays, (0, 1))
        self.twice = not any(n.op == "abs" and n.active and n.number in self._values.judged for n in self._values.nodes)
        self._added = _dense_rows(form, model.rows)
        self.used = np.zeros(form.shape, dtype=np.bool_)
        self.used[form.jacobian_pattern] = True
        self.used[model.rows :] = self._added != 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.form.shape

    # ------------------------------------------------------------------------------------------------------ values
    def narrowed(self, x: Ends, cutoff: float) -> tuple[Ends, Bools]:
        """The part of each box outside of which no point satisfies the rows with ``f <= cutoff``; which are empty."""
        form, model = self.form, self.form.engine.model
        swept = self._values({"x": x[..., : model.columns]})
        top = cutoff if self.sign > 0 else -cutoff
        with np.errstate(all="ignore"):
            limit = np.nextafter(top - form.offset, self.sign * np.inf)
        value = np.array([-np.inf, limit] if self.sign > 0 else [limit, np.inf]).reshape(2, 1, 1)
        rows = np.stack([form.row_lower, form.row_upper])[:, None, : model.rows]
        point, empty = narrowed(self._values, swept, [value, rows], x[..., : model.columns])
        found = np.concatenate([point, x[..., model.columns :]], axis=-1)
        return found, empty | swept.undefined

    # --------------------------------------------------------------------------------------------- first derivatives
    def first_order(self, x: Ends) -> FirstOrder:
        """Values and first derivatives over boxes ``(2, b, n)``."""
        model, (m, n) = self.form.engine.model, self.shape
        swept = self._first({"x": x[..., : model.columns]})
        value, rows, gradient, jacobian = swept.results
        boxes = x.shape[1]
        whole = np.zeros((2, boxes, m, n))
        at, columns = self.form.jacobian_pattern
        whole[:, :, at, columns] = jacobian
        whole[:, :, model.rows :, :] = self._added
        more = np.zeros((2, boxes, n - model.columns))
        slope = np.concatenate([gradient, more], axis=-1)
        with np.errstate(all="ignore"):
            height = e.add(value[..., 0], e.exact(np.full(1, self.form.offset)))
            c = np.concatenate([rows, _linear(self._added, x)], axis=-1)
        if self.sign < 0:
            height, slope = e.negative(height), e.negative(slope)
        return FirstOrder(height, c, slope, whole, swept.undefined, swept.partial)

    # -------------------------------------------------------------------------------------------- second derivatives
    def second_order(self, x: Ends, weights: Ends) -> Ends:
        """The second derivatives of ``f + weights' c`` over boxes, ``(2, b, n, n)``; weights ``(2, b, m)``."""
        model, (_, n) = self.form.engine.model, self.shape
        if self._second is None:
            names = ["hessian"]
            for k in range(len(model.factored)):
                names += [f"first {k}", f"second {k}", f"weight {k}"]
            self._second = IntervalPrograms([model.program(name) for name in names], self.form.arrays)
        boxes = x.shape[1]
        sigma = e.exact(np.full((boxes, 1), self.sign))
        inputs = {"x": x[..., : model.columns], "sigma": sigma, "multipliers": weights[..., : model.rows]}
        with np.errstate(all="ignore"):
            results = self._second(inputs).results
            entries = results[0]
            for k, (part, slots) in enumerate(zip(model.factored, model.factored_slots, strict=True)):
                more = part.enclosed(*results[1 + 3 * k : 4 + 3 * k])
                by = e.groups(slots.positions(len(part.rows)), entries.shape[-1])
                entries = e.add(entries, e.total(more, by))
        rows, columns = self.form.hessian_pattern
        whole = np.zeros((2, boxes, n, n))
        whole[:, :, rows, columns] = entries
        whole[:, :, columns, rows] = entries
        return whole


def _dense_rows(form: NonlinearForm, first: int) -> Floats:
    """The rows of a form from ``first`` on, which are linear, as a matrix."""
    starts = form.starts
    own = slice(int(starts[first]), int(starts[-1]))
    found = np.zeros((form.shape[0] - first, form.shape[1]))
    owner = np.repeat(np.arange(len(found)), np.diff(starts[first:]))
    found[owner, form.indices[own]] = form.values[own]
    return found


def _linear(matrix: Floats, x: Ends) -> Ends:
    """A matrix ``(k, n)`` times boxes, ``(2, b, k)``."""
    if not len(matrix):
        return np.zeros((2, x.shape[1], 0))
    products = e.multiply(e.exact(matrix[None]), x[:, :, None, :])
    return summed(products)


def summed(a: Ends) -> Ends:
    """The sums over the last axis."""
    sizes = np.abs(a).sum(axis=-1)
    margin = np.where(np.isinf(sizes), 0.0, 2.0 * (a.shape[-1] + 2.0) * e.UNIT * sizes) + e.TINY
    return e.loosened(a.sum(axis=-1), margin)


def middle_of(x: Ends) -> Floats:
    """Points ``(b, n)`` within boxes: in the middle, at the only end of a column that has one, or at 0.

    From its only end a column that a slope of one sign stands beside goes to one side only, however far.
    """
    low, high = np.isfinite(x[0]), np.isfinite(x[1])
    lower, upper = np.where(low, x[0], 0.0), np.where(high, x[1], 0.0)
    both = np.clip(0.5 * lower + 0.5 * upper, lower, np.maximum(lower, upper))
    return np.where(low & high, both, np.where(low, lower, upper))


def rounded_inwards(x: Ends, integer: NDArray[np.bool_]) -> Ends:
    """Boxes whose ends are whole where columns are; the lower end lies above the upper where none is left."""
    if not integer.any():
        return x
    found = x.copy()
    found[0][:, integer] = np.ceil(x[0][:, integer])
    found[1][:, integer] = np.floor(x[1][:, integer])
    return found
