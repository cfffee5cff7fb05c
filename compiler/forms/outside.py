"""The nonlinear form with calls of outside code: what kernels calculate, and to it the values of the calls.

    f(x) = kernels(x) + sum of weight_k g_k(x),    c_r(x) = kernels_r(x) + the g_k(x) that belong to row r

Each call reads its own columns. In the Jacobian its row is dense over them, in the Hessian of the Lagrangian there is a
dense block over them; both stand at fixed places of the patterns. A call whose block would be large, or that gives no
second derivatives, leaves the form without a Hessian (``derivatives`` is then 1, or 0 without first ones).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import UNDEFINED_SLOPE, UNDEFINED_VALUE
from optc.dsl.catalogue.outside import WITHOUT_CURVATURE, WITHOUT_SLOPES
from optc.dsl.diagnostics import Diagnostic

from .linear import Floats, Ints
from .nonlinear import NonlinearForm

if TYPE_CHECKING:
    from ..kernels.model import Model
    from ..kernels.sparsity import Pattern
    from ..outside.calls import Call
    from ..outside.columns import PlacedCall

LOOKS = 5  # first points at which derivatives are compared with values nearby
MOST = 500  # entries of the arguments of a call, up to which the Hessian has a dense block for it


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """A call, ``weight`` times in the objective and once in ``row`` (None: in none).

    ``columns``: int32, the distinct ones that it reads, ascending; derivatives are by these. ``place``: for each entry
    of its arguments with decisions, where its column stands among them. ``orders``: of derivatives that the function
    gives; ``lacks``: why not two. ``nearby``: two points close to a given one within the bounds. ``kept``: what was
    calculated last, for methods that ask for one thing after the other at the same point.
    """

    placed: PlacedCall
    columns: Ints
    place: NDArray[np.intp]
    weight: float
    row: int | None
    orders: int
    lacks: str
    nearby: Callable[[Floats], tuple[Floats, Floats]]
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def call(self) -> Call:
        return self.placed.call

    @property
    def derivatives(self) -> int:
        """How many orders the form can use."""
        return self.orders if len(self.columns) <= MOST else min(self.orders, 1)

    @property
    def reason(self) -> str:
        """Why there are not two of them, in words."""
        many = f"its Hessian is dense over {len(self.columns):,} decisions, and used up to {MOST}"
        return self.lacks if self.orders < 2 else many

    def value(self, x: Floats) -> float:
        """At a point ``(n,)``. Raises ``OutsideError``, as all of these."""
        found: float = self._remembered("value", x, self.placed.value)
        return found

    def gradient(self, x: Floats) -> Floats:
        """By each of ``columns``."""
        found: Floats = self._remembered("gradient", x, self._gradient)
        return found

    def _gradient(self, x: Floats) -> Floats:
        found = self._by_column(self.placed.gradient(x))
        self._look("gradient", x, found, self.call.look_at_slope)
        return found

    def hessian(self, x: Floats) -> Floats:
        """The lower triangle of the block over ``columns``, row by row."""
        found: Floats = self._remembered("hessian", x, self._hessian)
        return found

    def _hessian(self, x: Floats) -> Floats:
        whole = np.zeros((len(self.columns), len(self.columns)))
        np.add.at(whole, (self.place[:, None], self.place[None, :]), self.placed.hessian(x))
        self._look("hessian", x, whole, self.call.look_at_curvature)
        return whole[np.tril_indices(len(whole))]

    def _look(self, what: str, x: Floats, found: Floats, compare: Callable[..., None]) -> None:
        """Has the first derivatives of a kind compared with what they are derivatives of, while nothing is wrong."""
        looks = self.kept.setdefault(f"looks at {what}", 0)
        if looks < LOOKS and not self.call.told and np.isfinite(found).all():
            self.kept[f"looks at {what}"] = looks + 1
            low, high = self.nearby(x)
            with np.errstate(invalid="ignore"):
                compare(self.placed.at(x), (self.placed.at(low), self.placed.at(high)))

    def product(self, x: Floats, v: Floats) -> Floats:
        """The Hessian times ``v`` ``(n,)``, by each of ``columns``."""
        return self._by_column(self.placed.product(x, v[self.placed.entries]))

    def _by_column(self, entries: Floats) -> Floats:
        return np.bincount(self.place, entries, len(self.columns)).astype(np.float64, copy=False)

    def _remembered(self, what: str, x: Floats, calculate: Callable[[Floats], Any]) -> Any:
        key = x[self.columns].tobytes()
        if self.kept.get("point") != key:
            for name in ("value", "gradient", "hessian"):
                self.kept.pop(name, None)
            self.kept["point"] = key
        if what not in self.kept:
            self.kept[what] = calculate(x)
        return self.kept[what]

    def fault(self, x: Floats) -> Diagnostic | None:
        """What is undefined at a point: the value, or the derivative by a column."""
        value, span = self.value(x), self.call.term.span
        if not np.isfinite(value):
            reason = "the function gives NaN" if np.isnan(value) else "the function gives infinity"
            return report(UNDEFINED_VALUE, span, expression=self.call.text, where="", reason=reason)
        slope = self.gradient(x) if self.orders else np.zeros(0)
        if np.isfinite(slope).all():
            return None
        entry = self.placed.entry(int(self.columns[np.argmax(~np.isfinite(slope))]))
        return report(UNDEFINED_SLOPE, span, expression=self.call.text, where="", entry=entry)


class Patterns:
    """Where the derivatives of kernels and of calls go in those of the form.

    ``calls``: the columns of each call, and its row.
    """

    def __init__(self, calls: Sequence[tuple[Ints, int | None]], kernels: Model) -> None:
        self.calls = tuple(calls)
        self.kernels = kernels

    @cached_property
    def jacobian(self) -> tuple[Ints, Ints, list[NDArray[np.int64]]]:
        """Rows, columns, and the places of what kernels calculate and of each call that has a row."""
        parts = [(np.full(len(c), row, dtype=np.int64), c) for c, row in self.calls if row is not None]
        return self._merged(self.kernels.jacobian_pattern, parts)

    @cached_property
    def hessian(self) -> tuple[Ints, Ints, list[NDArray[np.int64]]]:
        """Likewise of the lower triangle, for each call."""
        parts = []
        for columns, _ in self.calls:
            rows, others = np.tril_indices(len(columns))
            parts.append((columns[rows].astype(np.int64), columns[others]))
        return self._merged(self.kernels.hessian_pattern, parts)

    def _merged(
        self, own: Pattern, parts: Sequence[tuple[NDArray[np.int64], Ints]]
    ) -> tuple[Ints, Ints, list[NDArray[np.int64]]]:
        from ..kernels.sparsity import Triples, pattern

        every = [(own.rows.astype(np.int64), own.columns.astype(np.int64))]
        every += [(rows, columns.astype(np.int64)) for rows, columns in parts]
        triples = [Triples(None, None, rows, columns) for rows, columns in every]
        found = pattern(triples, self.kernels.columns)
        places = [slots.positions(len(t.rows)) for slots, t in zip(found.slots, triples, strict=True)]
        return found.rows, found.columns, places


@dataclass(frozen=True, slots=True, eq=False)
class OutsideForm(NonlinearForm):
    """``calls``: what is added to the kernels. Functions of points raise ``OutsideError`` where a call fails."""

    calls: tuple[Added, ...] = ()
    patterns: Patterns = None  # type: ignore[assignment]

    @property
    def derivatives(self) -> int:
        """How many orders of derivatives there are: 2, or fewer where a call gives no more."""
        return min(each.derivatives for each in self.calls)

    def lacking(self, order: int) -> str | None:
        """The first call without derivatives of an order, and why, in words; None where all give them."""
        for each in self.calls:
            if each.derivatives < order:
                what = "derivatives" if each.derivatives < 1 else "second derivatives"
                return f"`{each.call.text}` gives no {what} to use: {each.reason}"
        return None

    # ------------------------------------------------------------------------------------------------------- values
    def evaluate_objective(self, x: Floats) -> Any:
        """``f(x)``: a float, or an array of the leading axes."""
        found = np.asarray(NonlinearForm.evaluate_objective(self, x))
        for each in self.calls:
            if each.weight:
                found = found + each.weight * _over(x, each.value)
        return float(found) if found.ndim == 0 else found

    def evaluate_rows(self, x: Floats) -> Floats:
        """``c(x)``, ``(…, m)``."""
        found = NonlinearForm.evaluate_rows(self, x)
        for each in self.calls:
            if each.row is not None:
                found[..., each.row] += _over(x, each.value)
        return found

    # --------------------------------------------------------------------------------------------- first derivatives
    def evaluate_gradient(self, x: Floats) -> Floats:
        """The derivatives of ``f``, ``(…, n)``."""
        found = NonlinearForm.evaluate_gradient(self, x)
        for each in self.calls:
            if each.weight:
                found[..., each.columns] += each.weight * _over(x, each.gradient)
        return found

    @property
    def jacobian_pattern(self) -> tuple[Ints, Ints]:
        """Rows and columns of the derivatives of ``c``: sorted by row and then column, none twice."""
        return self.patterns.jacobian[:2]

    def evaluate_jacobian(self, x: Floats) -> Floats:
        """The derivatives of ``c`` in the order of ``jacobian_pattern``, ``(…, nnz)``."""
        rows, _, (own, *places) = self.patterns.jacobian
        kernels = NonlinearForm.evaluate_jacobian(self, x)
        found = np.zeros((*kernels.shape[:-1], len(rows)))
        found[..., own] = kernels
        for each, place in zip((e for e in self.calls if e.row is not None), places, strict=True):
            found[..., place] += _over(x, each.gradient)
        return found

    # -------------------------------------------------------------------------------------------- second derivatives
    @property
    def hessian_pattern(self) -> tuple[Ints, Ints]:
        """Rows and columns of the lower triangle of the Hessian of the Lagrangian: sorted, none twice.

        Without second derivatives of all calls it is that of the kernels alone.
        """
        if self.derivatives < 2:
            own = self.engine.model.hessian_pattern
            return own.rows, own.columns
        return self.patterns.hessian[:2]

    def evaluate_hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats:
        """The second derivatives of ``sigma f + multipliers' c`` in the order of ``hessian_pattern``, ``(…, nnz)``.

        Raises ``ValueError`` where ``derivatives`` is less than 2.
        """
        reason = self.lacking(2)
        if reason is not None:
            raise ValueError(reason)
        rows, _, (own, *places) = self.patterns.hessian
        kernels = NonlinearForm.evaluate_hessian(self, x, sigma, multipliers)
        found = np.zeros((*kernels.shape[:-1], len(rows)))
        found[..., own] = kernels
        for each, place in zip(self.calls, places, strict=True):
            factor = _factor(each, sigma, multipliers)
            if factor.any():
                found[..., place] += factor[..., None] * _over(x, each.hessian)
        return found

    def hessian_product(self, x: Floats, sigma: float, multipliers: Floats, v: Floats) -> Floats:
        """The Hessian of ``sigma f + multipliers' c`` times ``v``, ``(…, n)``, without the Hessian.

        Raises ``OutsideError`` where a function gives no second derivatives.
        """
        found = NonlinearForm.hessian_product(self, x, sigma, multipliers, v)
        lead = np.broadcast_shapes(x.shape[:-1], v.shape[:-1])
        points, along = (np.broadcast_to(part, (*lead, part.shape[-1])) for part in (x, v))
        n = x.shape[-1]
        both = np.concatenate([points, along], axis=-1)
        for each in self.calls:
            factor = _factor(each, sigma, multipliers)
            if factor.any():
                change = _over(both, lambda pair, each=each: each.product(pair[:n], pair[n:]))  # type: ignore[misc]
                found[..., each.columns] += factor[..., None] * change
        return found

    # ------------------------------------------------------------------------------------------------- around a solve
    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What there is to say about how the functions are evaluated."""
        notes = []
        for each in self.calls:
            text, span = each.call.text, each.call.term.span
            if each.derivatives == 0:
                notes.append(report(WITHOUT_SLOPES, span, call=text, mend=each.call.mend))
            elif each.derivatives == 1:
                notes.append(report(WITHOUT_CURVATURE, span, call=text, reason=each.reason))
            notes += each.call.told.values()
        return (*self.engine.diagnostics, *notes)

    def undefined(self, x: Floats) -> Diagnostic | None:
        """The first term without a value, or without derivatives, at a point ``(n,)``: family, index, expression."""
        for each in self.calls:
            fault = each.fault(x)
            if fault is not None:
                return fault
        return NonlinearForm.undefined(self, x)


def _factor(each: Added, sigma: float | Floats, multipliers: Floats) -> Floats:
    """What a call is multiplied by in the Lagrangian: an array of the leading axes."""
    in_row = 0.0 if each.row is None else np.asarray(multipliers)[..., each.row]
    return np.asarray(sigma, dtype=np.float64) * each.weight + in_row


def _over(x: Floats, function: Callable[[Floats], Any]) -> Floats:
    """What a function of a point gives at each of ``x`` ``(…, n)``, by the leading axes."""
    if x.ndim == 1:
        return np.asarray(function(x))
    lead = x.shape[:-1]
    found = [function(point) for point in x.reshape(-1, x.shape[-1])]
    each = np.shape(found[0]) if found else np.shape(function(np.zeros(x.shape[-1])))
    return np.asarray(found, dtype=np.float64).reshape((*lead, *each))
