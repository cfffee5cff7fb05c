"""The relaxation of branch and bound: one HiGHS object that is solved again and again with other column bounds.

It starts from the basis of the one before (dual simplex, without presolve), or from one that was kept. A convex
quadratic objective is a sum of squares that tangents approximate (``outer_approximation``): they hold in every node
and are kept, and some are added until the linear program's value is as near to the objective as wanted. Where a block of
the Hessian is too large for that, HiGHS's active-set method solves the relaxation; it takes over the basis for its
first phase alone, and cycles now and then, so its iterations are limited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from optc.compiler.backend import Goal
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm

from . import highs
from .outer_approximation import Squares, squares

State = Literal["optimal", "infeasible", "unbounded", "stopped", "trouble"]

_STATES: dict[str, State] = {
    "kOptimal": "optimal",
    "kInfeasible": "infeasible",
    "kUnbounded": "unbounded",
    "kTimeLimit": "stopped",
    "kInterrupt": "stopped",
    "kHighsInterrupt": "stopped",
}
_FEASIBLE = 2
REGULARISATIONS = (0.0, 1e-7)  # of the Hessian's diagonal, the second where the method fails with the first
NEAREST = 1e-10  # relative error of a quadratic objective that is wanted at least
ROUNDS = 200  # of tangents in one relaxation at most
SHARE = 0.1  # of a square's part in the error that is wanted: a smaller error of its own gets no tangent
STRICT = 1e-9  # feasibility tolerance of linear relaxations at most: what is fixed at zero is zero


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """How one relaxation went. ``value``, a bound that holds, is in the sense of minimising, and infinite where there
    is no optimum; ``objective`` is that of ``x``, no less than ``value``.
    """

    state: State
    value: float = math.inf
    x: Floats | None = None
    objective: float = math.inf


@dataclass(slots=True, eq=False)
class Kept:
    """A basis, how many relaxations had been solved by then, and how many rows there were."""

    basis: Any  # a copy, as highspy hands it out
    solves: int
    rows: int


class Relaxation:
    """A form without pairs and integrality. Attributes: ``solves`` and ``iterations`` done so far."""

    def __init__(self, form: LinearForm, goal: Goal, context: Context) -> None:
        self.form = continuous(form)
        self.quadratic = isinstance(self.form, QuadraticForm)
        self.sign = 1.0 if form.sense == "minimize" else -1.0
        self.context = context
        self.solves = self.iterations = 0
        self._fault: BaseException | None = None
        self._lower, self._upper = form.lower.copy(), form.upper.copy()
        self.squares = squares(self.form) if isinstance(self.form, QuadraticForm) else None
        self._highs = highs.load(self.form if self.squares is None else self.squares.program)
        self.rows = self._highs.getNumRow()
        self._configure(goal)

    def solve(self, lower: Floats, upper: Floats, near: float = 0.0, enough: float = math.inf) -> Relaxed:
        """The optimum within these column bounds (n each). Raises what a signal handler raised meanwhile.

        With tangents, ``value`` and ``objective`` differ by ``near`` at most, relative to the larger of 1 and their
        size, unless ``value`` is ``enough`` already.
        """
        self._move(lower, upper)
        if self.squares is not None:
            return self._approximated(self.squares, lower, upper, max(near, NEAREST), enough)
        return self._direct(lower, upper)

    def _approximated(self, sum_of: Squares, lower: Floats, upper: Floats, near: float, enough: float) -> Relaxed:
        """Linear programs with more and more tangents."""
        best = Relaxed("trouble", -math.inf)
        for _ in range(ROUNDS):
            state = self._settled()
            if state == "unbounded":
                added = self._against_ray(sum_of)
                if added is None:
                    return Relaxed("trouble", -math.inf)
                if not added:
                    return Relaxed("unbounded", -math.inf)
                continue
            if state != "optimal":
                return best if state == "trouble" and best.x is not None else Relaxed(state)
            full = np.array(self._highs.getSolution().col_value, dtype=np.float64)
            x = np.clip(full[: len(lower)], lower, upper)
            value = float(sum_of.program.cost @ full) + sum_of.program.offset
            best = Relaxed("optimal", value, x, max(value, self.sign * self.value(x)))
            excess = sum_of.excess(full)
            limit = near * max(1.0, abs(value))
            if value >= enough or float(np.maximum(excess, 0.0).sum()) <= limit:
                break
            which = np.flatnonzero(excess > np.maximum(SHARE * limit / len(excess), sum_of.rounding(full)))
            if not len(which):
                break
            self._add_tangents(sum_of, which, full[sum_of.at[which]])
        return best

    def _settled(self) -> State:
        """How the linear program ends; it begins anew, once, where HiGHS has trouble."""
        state = self._run()
        if state == "trouble":
            self._highs.clearSolver()
            state = self._run()
        return state

    def _against_ray(self, sum_of: Squares) -> bool | None:
        """Tangents that cut off the direction of unlimited gain; whether a square grows along it; None without one."""
        ray = self.ray_of_program()
        if ray is None:
            return None
        moved = sum_of.slopes(ray)
        which = np.flatnonzero(moved * sum_of.weights)
        if not len(which):
            return False
        gain = -float(sum_of.program.cost[: sum_of.first] @ ray[: sum_of.first])
        if gain <= 0.0:
            return None
        # Along the ray the objective falls as far as step * moved; at twice that distance it rises as steeply.
        step = gain / (2.0 * float(sum_of.weights @ moved**2))
        self._add_tangents(sum_of, which, 2.0 * step * moved[which])
        return True

    def _add_tangents(self, sum_of: Squares, which: Ints, points: Floats) -> None:
        """``t - 2 a w >= -a**2`` for the squares ``which`` at points a."""
        count = len(which)
        indices = np.stack([sum_of.at[which], sum_of.first + which], axis=1).astype(np.int32).ravel()
        values = np.stack([-2.0 * points, np.ones(count)], axis=1).ravel()
        starts = np.arange(0, 2 * count, 2, dtype=np.int32)
        self._highs.addRows(count, -(points**2), np.full(count, math.inf), 2 * count, starts, indices, values)
        self.rows += count

    def _direct(self, lower: Floats, upper: Floats) -> Relaxed:
        for regularisation in REGULARISATIONS if self.quadratic else (0.0,):
            if self.quadratic:
                self._set("qp_regularization_value", regularisation)
            for cold in (False, True):
                if cold:
                    self._highs.clearSolver()
                found = self._found(lower, upper, regularisation)
                if found.state != "trouble":
                    return found
        return Relaxed("trouble", -math.inf)

    def keep(self) -> Kept:
        """The present basis, for ``resume``."""
        return Kept(self._highs.getBasis(), self.solves, self.rows)

    def resume(self, kept: Kept) -> None:
        """Let the next relaxation begin from a basis that was kept; it does already if nothing was solved since."""
        if kept.solves == self.solves or not kept.basis.valid:
            return
        if kept.rows < self.rows:  # tangents came since; they begin as rows that are not tight
            import highspy

            slack = [highspy.HighsBasisStatus.kBasic] * (self.rows - kept.rows)
            kept.basis.row_status = [*kept.basis.row_status, *slack]
            kept.rows = self.rows
        self._highs.setBasis(kept.basis)

    def close(self) -> None:
        """Let go of the callback, which HiGHS holds and which holds this object."""
        self._highs.setCallback(None, None)

    def ray(self) -> Floats | None:
        """A direction (n) of unlimited improvement after a relaxation that was unbounded, or None."""
        if self.quadratic and self.squares is None:
            return None
        ray = self.ray_of_program()
        return None if ray is None else ray[: self.form.shape[1]]

    def ray_of_program(self) -> Floats | None:
        """The same with the columns of squares."""
        _status, there, ray = self._highs.getPrimalRay()
        return np.array(ray, dtype=np.float64) if there else None

    def value(self, x: Floats) -> float:
        """The objective at a point, in the form's own sense."""
        return float(self.form.cost @ x) + self.form.offset + 0.5 * curved(self.form, x)

    def _move(self, lower: Floats, upper: Floats) -> None:
        changed = np.flatnonzero((lower != self._lower) | (upper != self._upper)).astype(np.int32)
        if len(changed):
            self._highs.changeColsBounds(len(changed), changed, lower[changed], upper[changed])
            self._lower[changed], self._upper[changed] = lower[changed], upper[changed]

    def _run(self) -> State:
        remaining = self.context.remaining()
        if remaining is not None:  # HiGHS counts its limit over all runs of one object
            self._set("time_limit", self._highs.getRunTime() + remaining)
        self._highs.run()
        if self._fault is not None:
            raise self._fault
        self.solves += 1
        info = self._highs.getInfo()
        self.iterations += max(0, info.simplex_iteration_count) + max(0, info.qp_iteration_count)
        state = _STATES.get(self._highs.getModelStatus().name, "trouble")
        return "trouble" if state == "optimal" and info.primal_solution_status != _FEASIBLE else state

    def _found(self, lower: Floats, upper: Floats, regularisation: float) -> Relaxed:
        state = self._run()
        if state == "unbounded":
            return Relaxed("unbounded", -math.inf)
        if state != "optimal":
            return Relaxed(state)
        x = np.clip(np.array(self._highs.getSolution().col_value, dtype=np.float64), lower, upper)
        # With a regularised Hessian the optimum is too high by the added term at most, at a point of this size.
        value = self.sign * self.value(x)
        return Relaxed("optimal", value - 0.5 * regularisation * float(x @ x), x, value)

    def _configure(self, goal: Goal) -> None:
        tolerance = max(1e-10, min(STRICT, goal.tolerance))
        self._set("presolve", "off")
        if self.quadratic and self.squares is None:
            self._set("qp_iteration_limit", 1000 + 20 * sum(self.form.shape))
        self._set("parallel", "off")
        self._set("random_seed", self.context.seed % 2**31)
        self._set("primal_feasibility_tolerance", tolerance)
        self._set("dual_feasibility_tolerance", tolerance)
        import highspy

        kinds: Any = highspy.cb.HighsCallbackType  # its stubs lack the quadratic one
        self._highs.setCallback(self._watch, None)
        for kind in (kinds.kCallbackSimplexInterrupt, kinds.kHighsCallbackQpInterrupt):
            self._highs.startCallbackInt(int(kind))

    def _set(self, option: str, value: float | str) -> None:
        if self._highs.setOptionValue(option, value).name == "kError":
            raise ValueError(f"HiGHS refused {option} = {value}")

    def _watch(self, _kind: int, _message: str, _out: Any, into: Any, _data: object) -> None:
        """HiGHS's callback: asks whether to stop. It may not raise into HiGHS, so it keeps faults."""
        try:
            if self._fault is not None or self.context.cancellation.cancelled:
                into.user_interrupt = True
        except BaseException as fault:  # raised again once HiGHS has returned
            self._fault = fault
            into.user_interrupt = True


def continuous(form: LinearForm) -> LinearForm:
    """The linear form, or the quadratic one where the Hessian is not zero, without pairs and integrality."""
    kind = QuadraticForm if isinstance(form, QuadraticForm) and np.any(form.hessian_values) else LinearForm
    own = {entry.name: getattr(form, entry.name) for entry in fields(kind)}
    return kind(**{**own, "integer": np.zeros(form.shape[1], dtype=np.bool_)})


def without_objective(form: LinearForm, lower: Floats, upper: Floats) -> LinearForm:
    """Its rows, columns and integrality alone, within other column bounds."""
    own = {entry.name: getattr(form, entry.name) for entry in fields(LinearForm)}
    return LinearForm(**{**own, "cost": np.zeros(form.shape[1]), "offset": 0.0, "lower": lower, "upper": upper})


def curved(form: LinearForm, x: Floats) -> float:
    """``x'Qx``, zero for a linear form."""
    if not isinstance(form, QuadraticForm):
        return 0.0
    columns = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    weight = np.where(columns == form.hessian_indices, 1.0, 2.0)
    return float((weight * form.hessian_values * x[columns]) @ x[form.hessian_indices])
