"""The relaxation of branch and bound: one HiGHS object that is solved again and again with other column bounds.

A linear relaxation starts from the basis of the one before (dual simplex, without presolve), or from one that was
kept. A quadratic one uses HiGHS's active-set method, which takes over the basis for its first phase alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from optc.compiler.backend import Goal
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

from . import highs

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
STRICT = 1e-9  # feasibility tolerance of linear relaxations at most: what is fixed at zero is zero


@dataclass(frozen=True, slots=True, eq=False)
class Relaxed:
    """How one relaxation went. ``value`` is in the sense of minimising, infinite where there is no optimum."""

    state: State
    value: float = math.inf
    x: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A basis and how many relaxations had been solved by then."""

    basis: Any  # a copy, as highspy hands it out
    solves: int


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
        self._highs = highs.load(self.form)
        self._configure(goal)

    def solve(self, lower: Floats, upper: Floats) -> Relaxed:
        """The optimum within these column bounds (n each). Raises what a signal handler raised meanwhile."""
        self._move(lower, upper)
        for regularisation in REGULARISATIONS if self.quadratic else (0.0,):
            if self.quadratic:
                self._set("qp_regularization_value", regularisation)
            for cold in (False, True):
                if cold:
                    self._highs.clearSolver()
                found = self._run(lower, upper, regularisation)
                if found.state != "trouble":
                    return found
        return Relaxed("trouble", -math.inf)

    def keep(self) -> Kept:
        """The present basis, for ``resume``."""
        return Kept(self._highs.getBasis(), self.solves)

    def resume(self, kept: Kept) -> None:
        """Let the next relaxation begin from a basis that was kept; it does already if nothing was solved since."""
        if kept.solves != self.solves and kept.basis.valid:
            self._highs.setBasis(kept.basis)

    def close(self) -> None:
        """Let go of the callback, which HiGHS holds and which holds this object."""
        self._highs.setCallback(None, None)

    def ray(self) -> Floats | None:
        """A direction of unlimited improvement after a linear relaxation that was unbounded, or None."""
        if self.quadratic:
            return None
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

    def _run(self, lower: Floats, upper: Floats, regularisation: float) -> Relaxed:
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
        if state == "unbounded":
            return Relaxed("unbounded", -math.inf)
        if state != "optimal":
            return Relaxed(state)
        if info.primal_solution_status != _FEASIBLE:
            return Relaxed("trouble")
        x = np.clip(np.array(self._highs.getSolution().col_value, dtype=np.float64), lower, upper)
        # With a regularised Hessian the optimum is too high by the added term at most, at a point of this size.
        return Relaxed("optimal", self.sign * self.value(x) - 0.5 * regularisation * float(x @ x), x)

    def _configure(self, goal: Goal) -> None:
        tolerance = max(1e-10, min(STRICT, goal.tolerance))
        self._set("presolve", "off")
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
