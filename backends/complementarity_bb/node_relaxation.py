"""The relaxation of branch and bound: one HiGHS object that is solved again and again with other column bounds.

It starts from the basis of the one before (dual simplex, without presolve), or from one that was kept. A convex
quadratic objective is a sum of squares that tangents approximate (``outer_approximation``): they hold in every node
and are kept, and some are added until the linear program's value is as near to the objective as wanted. HiGHS's
active-set method, which starts anew each time and cycles now and then, only polishes points; it solves the relaxations
where a block of the Hessian is too large to be made squares of. Its iterations are limited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal

import numpy as np

from optc.compiler.backend import Goal
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm

from .. import highs
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
SLACK = 0.05  # share of the way to what would be enough that may be missing in a node's value
QP_ITERATIONS = 1000  # of HiGHS's active-set method, and one for each row and column, at most
ROUNDS = 200  # of tangents in one relaxation at most
SHARE = 0.1  # of a square's part in the error that is wanted: a smaller error of its own gets no tangent
WATCHED = 2000  # rows and columns from which on a run is asked to stop in its midst; smaller ones take milliseconds
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
        self.sign = 1.0 if form.sense == "minimize" else -1.0
        self.squares = squares(self.form) if isinstance(self.form, QuadraticForm) else None
        self._made = partial(_Program, goal=goal, context=context)
        self._program = self._made(self.form if self.squares is None else self.squares.program)
        self._quadratic: _Program | None = None  # of a sum of squares, once it is asked for

    @property
    def quadratic(self) -> bool:
        return isinstance(self.form, QuadraticForm)

    @property
    def approximates(self) -> bool:
        """Whether the objective is a sum of squares of which the relaxations have tangents."""
        return self.squares is not None

    @property
    def solves(self) -> int:
        return self._program.solves + (0 if self._quadratic is None else self._quadratic.solves)

    @property
    def iterations(self) -> int:
        return self._program.iterations + (0 if self._quadratic is None else self._quadratic.iterations)

    def solve(self, lower: Floats, upper: Floats, near: float = 0.0, enough: float = math.inf) -> Relaxed:
        """The optimum within these column bounds (n each). Raises what a signal handler raised meanwhile.

        With tangents, ``value`` and ``objective`` differ by ``near`` at most, relative to the larger of 1 and their
        size; or by a share of what is missing to ``enough``, unless ``value`` is that much already.
        """
        if self.squares is None:
            return self._direct(self._program, lower, upper)
        return self._approximated(self.squares, lower, upper, max(near, NEAREST), enough)

    def polished(self, lower: Floats, upper: Floats) -> Relaxed:
        """The optimum by HiGHS's own method for a quadratic objective, whose point is more accurate; it may fail."""
        if self._quadratic is None:
            self._quadratic = self._made(self.form)
        return self._direct(self._quadratic, lower, upper)

    def keep(self) -> Kept:
        """The present basis, for ``resume``."""
        return self._program.keep()

    def resume(self, kept: Kept) -> None:
        """Let the next relaxation begin from a basis that was kept; it does already if nothing was solved since."""
        self._program.resume(kept)

    def close(self) -> None:
        """Let go of the callbacks, which HiGHS holds and which hold this object's parts."""
        for program in (self._program, self._quadratic):
            if program is not None:
                program.close()

    def ray(self) -> Floats | None:
        """A direction (n) of unlimited improvement after a relaxation that was unbounded, or None."""
        if self.quadratic and self.squares is None:
            return None
        ray = self._program.ray()
        return None if ray is None else ray[: self.form.shape[1]]

    def value(self, x: Floats) -> float:
        """The objective at a point, in the form's own sense."""
        return float(self.form.cost @ x) + self.form.offset + 0.5 * curved(self.form, x)

    def _direct(self, program: _Program, lower: Floats, upper: Floats) -> Relaxed:
        """Without tangents."""
        program.move(lower, upper)
        for regularisation in REGULARISATIONS if self.quadratic else (0.0,):
            if self.quadratic:
                program.set("qp_regularization_value", regularisation)
            for cold in (False, True):
                if cold:
                    program.forget()
                state = program.run()
                if state == "optimal":
                    x = np.clip(program.x(), lower, upper)
                    # With a regularised Hessian the optimum is too high by the added term at most, at such a point.
                    value = self.sign * self.value(x)
                    return Relaxed("optimal", value - 0.5 * regularisation * float(x @ x), x, value)
                if state != "trouble":
                    return Relaxed(state, -math.inf if state == "unbounded" else math.inf)
        return Relaxed("trouble", -math.inf)

    def _approximated(self, sum_of: Squares, lower: Floats, upper: Floats, near: float, enough: float) -> Relaxed:
        """Linear programs with more and more tangents."""
        self._program.move(lower, upper)
        best = Relaxed("trouble", -math.inf)
        for _ in range(ROUNDS):
            state = self._program.run()
            if state == "trouble":
                self._program.forget()
                state = self._program.run()
            if state == "unbounded":
                added = self._against_ray(sum_of)
                if added is None:
                    return Relaxed("trouble", -math.inf)
                if not added:
                    return Relaxed("unbounded", -math.inf)
                continue
            if state != "optimal":
                return best if state == "trouble" else Relaxed(state)
            full = self._program.x()
            x = np.clip(full[: len(lower)], lower, upper)
            value = float(sum_of.program.cost @ full) + sum_of.program.offset
            best = Relaxed("optimal", value, x, max(value, self.sign * self.value(x)))
            excess = sum_of.excess(full)
            scale = max(1.0, abs(value))
            limit = max(near * scale, SLACK * min(enough - value, scale) if near > NEAREST else 0.0)
            if value >= enough or float(np.maximum(excess, 0.0).sum()) <= limit:
                break
            wanted = excess > np.maximum(SHARE * limit / len(excess), sum_of.rounding(full))
            which = np.flatnonzero(wanted).astype(np.int32)
            if not len(which):
                break
            self._program.add_rows(*sum_of.tangents(which, full[sum_of.at[which]]))
        return best

    def _against_ray(self, sum_of: Squares) -> bool | None:
        """Tangents that cut off the direction of unlimited gain; whether a square grows along it; None without one."""
        ray = self._program.ray()
        if ray is None:
            return None
        moved = sum_of.slopes(ray)
        which = np.flatnonzero(moved * sum_of.weights).astype(np.int32)
        if not len(which):
            return False
        gain = -float(sum_of.program.cost[: sum_of.first] @ ray[: sum_of.first])
        if gain <= 0.0:
            return None
        # Along the ray the objective falls as far as step * moved; at twice that distance it rises as steeply.
        step = gain / (2.0 * float(sum_of.weights @ moved**2))
        self._program.add_rows(*sum_of.tangents(which, 2.0 * step * moved[which]))
        return True


class _Program:
    """One HiGHS object. Attributes: ``solves``, ``iterations``, and ``rows``, which grow."""

    def __init__(self, form: LinearForm, goal: Goal, context: Context) -> None:
        self.form, self.context = form, context
        self.solves = self.iterations = 0
        self.rows = form.shape[0]
        self._fault: BaseException | None = None
        self._lower, self._upper = form.lower.copy(), form.upper.copy()
        self._highs = highs.load(form)
        self._configure(goal)
        if isinstance(form, QuadraticForm):
            self.set("qp_iteration_limit", QP_ITERATIONS + sum(form.shape))

    def move(self, lower: Floats, upper: Floats) -> None:
        """Other bounds of the first columns."""
        count = len(lower)
        own_lower, own_upper = self._lower[:count], self._upper[:count]  # views
        changed = np.flatnonzero((lower != own_lower) | (upper != own_upper)).astype(np.int32)
        if len(changed):
            self._highs.changeColsBounds(len(changed), changed, lower[changed], upper[changed])
            own_lower[changed], own_upper[changed] = lower[changed], upper[changed]

    def add_rows(self, lower: Floats, starts: Ints, indices: Ints, values: Floats) -> None:
        """Rows that are ``lower`` at least."""
        count = len(lower)
        self._highs.addRows(count, lower, np.full(count, math.inf), len(values), starts, indices, values)
        self.rows += count

    def run(self) -> State:
        """Solve it from the present basis. Raises what a signal handler raised meanwhile."""
        remaining = self.context.remaining()
        if remaining is not None:  # HiGHS counts its limit over all runs of one object
            self.set("time_limit", self._highs.getRunTime() + remaining)
        self._highs.run()
        if self._fault is not None:
            raise self._fault
        self.solves += 1
        info = self._highs.getInfo()
        self.iterations += max(0, info.simplex_iteration_count) + max(0, info.qp_iteration_count)
        state = _STATES.get(self._highs.getModelStatus().name, "trouble")
        return "trouble" if state == "optimal" and info.primal_solution_status != _FEASIBLE else state

    def x(self) -> Floats:
        return np.array(self._highs.getSolution().col_value, dtype=np.float64)

    def ray(self) -> Floats | None:
        if not self.rows:  # HiGHS has no ray then
            return self._ray_without_rows()
        _status, there, ray = self._highs.getPrimalRay()
        return np.array(ray, dtype=np.float64) if there else None

    def _ray_without_rows(self) -> Floats:
        """The columns whose cost pushes them to an infinite bound."""
        slope = self.form.cost if self.form.sense == "minimize" else -self.form.cost
        up, down = (slope < 0) & np.isposinf(self._upper), (slope > 0) & np.isneginf(self._lower)
        return up.astype(np.float64) - down.astype(np.float64)

    def forget(self) -> None:
        """The basis, so that the next run begins anew."""
        self._highs.clearSolver()

    def keep(self) -> Kept:
        return Kept(self._highs.getBasis(), self.solves, self.rows)

    def resume(self, kept: Kept) -> None:
        if kept.solves == self.solves or not kept.basis.valid:
            return
        if kept.rows < self.rows:  # tangents came since; they begin as rows that are not tight
            import highspy

            slack = [highspy.HighsBasisStatus.kBasic] * (self.rows - kept.rows)
            kept.basis.row_status = [*kept.basis.row_status, *slack]
            kept.rows = self.rows
        self._highs.setBasis(kept.basis)

    def close(self) -> None:
        self._highs.setCallback(None, None)

    def set(self, option: str, value: float | str) -> None:
        if self._highs.setOptionValue(option, value).name == "kError":
            raise ValueError(f"HiGHS refused {option} = {value}")

    def _configure(self, goal: Goal) -> None:
        tolerance = max(1e-10, min(STRICT, goal.tolerance))
        self.set("presolve", "off")
        self.set("parallel", "off")
        self.set("random_seed", self.context.seed % 2**31)
        self.set("primal_feasibility_tolerance", tolerance)
        self.set("dual_feasibility_tolerance", tolerance)
        if sum(self.form.shape) < WATCHED:
            return
        import highspy

        kinds: Any = highspy.cb.HighsCallbackType  # its stubs lack the quadratic one
        self._highs.setCallback(self._watch, None)
        for kind in (kinds.kCallbackSimplexInterrupt, kinds.kHighsCallbackQpInterrupt):
            self._highs.startCallbackInt(int(kind))

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
