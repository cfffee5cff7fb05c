"""Points that hold, from the middles of boxes and from local solves begun there, and the multipliers of those."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.boxes.multipliers import Hint
from optc.compiler.boxes.problem import BoxProblem
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm

Local = Callable[[NonlinearForm, Goal, Context, Floats], Answer]
"""A local solve from a point (n) of a form without whole columns."""

PENALTIES = (0.0, *(10.0**k for k in range(-2, 7)))
STEPS = 100  # of a local solve: where it takes more, another start is the better use of the time
WELL = 0.01  # of the tolerance: what breaks rows by more gains more than local optima do, and has no multipliers
SAME = 0.01  # of the gap: a local optimum that much worse than a point without multipliers is as good
CLOSE = 1e-6  # of its size: a point so near to a local optimum has its multipliers
SHARE = 0.01  # of the gap is how accurate local solves are
NEAR = 1e-7  # of a bound's size: a column so near to it lies on it


@dataclass(eq=False)
class Points:
    """The best point so far, ``x`` with ``value`` to be minimised; its row ``duals`` where it is a local optimum and no
    column is whole; what local optima told."""

    problem: BoxProblem
    goal: Goal
    context: Context
    local: Local | None
    x: Floats | None = None
    value: float = np.inf
    duals: Floats | None = None
    hints: tuple[Hint, ...] = ()
    solves: int = 0
    _begun: list[Floats] = field(default_factory=list)

    def consider(self, points: Floats, share: float = WELL) -> None:
        """Takes the best of points ``(k, n)`` that hold within a share of the tolerance."""
        form = self.problem.form
        rounded = np.where(form.integer, np.rint(points), points)
        with np.errstate(all="ignore"):
            values = self.problem.sign * np.asarray(_objective(form, rounded))
            order = np.argsort(values)[: 1 + len(values) // 8]
            for k in order.tolist():
                if not values[k] < self.value:
                    return
                if self._hold(rounded[k], share * self.goal.tolerance):
                    self.x, self.value, self.duals = rounded[k], float(values[k]), None
                    return

    def _hold(self, x: Floats, tolerance: float) -> bool:
        with np.errstate(all="ignore"):
            return _holds(self.problem.form, x, tolerance)

    def descend(self, start: Floats) -> None:
        """A local solve with whole columns held at whole numbers near the start."""
        form = self.problem.form
        if self.local is None or self.context.stop() is not None:
            return
        inside = np.clip(start, form.lower, form.upper)
        x = np.where(form.integer, np.rint(inside), inside)
        held = form
        if form.integer.any():
            low, high = np.where(form.integer, x, form.lower), np.where(form.integer, x, form.upper)
            held = replace(form, lower=low, upper=high, integer=np.zeros_like(form.integer))
        if any(np.array_equal(x, old) for old in self._begun) or form.undefined(x) is not None:
            return
        self._begun.append(x)
        self.solves += 1
        answer = self.local(held, self.goal, self.context.silent(), x)
        if answer.x is None or not self._hold(answer.x, self.goal.tolerance):
            return
        self._compare(answer)

    def _compare(self, answer: Answer) -> None:
        """Takes a local optimum where it is the better point, or as good and with multipliers, or those alone."""
        form = self.problem.form
        x = answer.x
        assert x is not None
        value = self.problem.sign * float(np.asarray(_objective(form, x)))
        stationary = answer.row_duals is not None and answer.claim in ("stationary", "optimal")
        wanted = stationary and self.duals is None
        old = x if self.x is None else self.x
        if value < self.value or (wanted and value <= self.value + SAME * self.goal.gap * max(1.0, abs(self.value))):
            self.x, self.value, self.duals = x, value, None
        elif not wanted or (np.abs(x - old) > CLOSE * np.maximum(1.0, np.abs(x))).any():
            return
        if stationary and answer.row_duals is not None:
            self.duals = None if form.integer.any() else answer.row_duals
            self.hints = (hint(self.problem, x, -self.problem.sign * answer.row_duals),)


def _objective(form: NonlinearForm, x: Floats) -> Any:
    return form.evaluate_objective(x[..., : form.engine.model.columns])


def _holds(form: NonlinearForm, x: Floats, tolerance: float) -> bool:
    """Whether objective and rows have values and the rows hold, relative to the size of theirs; slopes may be endless,
    as that of a root at 0."""
    own = np.asarray(x[: form.engine.model.columns])
    activity = np.concatenate([form.evaluate_rows(own), linear_rows(form, x)])
    excess = np.maximum(activity - form.row_upper, form.row_lower - activity)
    value = np.asarray(_objective(form, x))
    known = np.isfinite(value) & np.isfinite(activity).all()
    return bool(known and (excess <= tolerance * np.maximum(1.0, np.abs(activity))).all())


def linear_rows(form: NonlinearForm, x: Floats) -> Floats:
    """The values of the rows that were added to a form behind those of its kernels."""
    first = form.engine.model.rows
    starts = form.starts[first:]
    own = slice(int(starts[0]), int(starts[-1]))
    owner = np.repeat(np.arange(form.shape[0] - first), np.diff(starts))
    found = np.bincount(owner, weights=form.values[own] * x[form.indices[own]], minlength=form.shape[0] - first)
    return np.asarray(found, dtype=np.float64)


def hint(problem: BoxProblem, x: Floats, y: Floats) -> Hint:
    """Multipliers of a local optimum, and the least penalty of those tried that makes the Lagrangian convex there."""
    form = problem.form
    if problem.shape != (form.engine.model.rows, form.engine.model.columns) or not problem.equal.any():
        return Hint(x, y, 0.0)
    n = form.shape[1]
    free = np.flatnonzero(_off_bounds(form, x) & ~form.integer)
    second = np.zeros((n, n))
    rows, columns = form.hessian_pattern
    second[rows, columns] = second[columns, rows] = form.evaluate_hessian(x, problem.sign, y)
    first = np.zeros(form.shape)
    first[form.jacobian_pattern] = form.evaluate_jacobian(x)
    active = (np.abs(y) > 1e-6 * max(1.0, float(np.abs(y).max(initial=0.0)))) & ~problem.equal
    tangent = first[:, free]
    normal = tangent[problem.equal].T @ tangent[problem.equal]
    steep = 1e6 * (tangent[active].T @ tangent[active])
    bent = second[np.ix_(free, free)]
    if not (len(free) and np.isfinite(bent).all() and np.isfinite(normal).all()):
        return Hint(x, y, 0.0)
    found = [float(np.linalg.eigvalsh(bent + steep + rho * normal)[0]) for rho in PENALTIES]
    enough = next((k for k, value in enumerate(found) if value > 0 and value >= 0.3 * found[-1]), None)
    return Hint(x, y, 0.0 if enough is None else PENALTIES[enough])


def _off_bounds(form: NonlinearForm, x: Floats) -> Any:
    margin = NEAR * np.maximum(1.0, np.abs(x))
    return (x - form.lower > margin) & (form.upper - x > margin)


def local_solver(gap: float) -> Local:
    """Ipopt where it is installed, else the exact augmented Lagrangian; so accurate that their points close a gap."""
    from .. import exact_al, ipopt

    accuracy = min(max(SHARE * gap, 1e-12), 1e-8)
    if ipopt.version() is not None:
        from ..ipopt.driver import local as by_ipopt

        settings = ipopt.Options(iterations=STEPS, tol=accuracy)
        return lambda form, goal, context, x: by_ipopt(form, goal, settings, context, x)
    from ..exact_al.search import local as by_exact_al

    chosen = exact_al.Options(iterations=STEPS, tolerance=accuracy)
    return lambda form, goal, context, x: by_exact_al(form, goal, chosen, context, x)
