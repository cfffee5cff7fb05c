"""Nonlinear forms in SCIP: to proven optimality by spatial branch and bound, with whole columns or without.

The objective's nonlinear part is a column ``t`` with the row ``f(x) - t <= 0`` (``>= 0`` to maximise). What SCIP says
is believed as far as its numbers reach: a bound near its infinity, or a point beside a pole, where SCIP keeps a
distance that the model does not, ends as ``diverging``; that a problem with poles is infeasible is not repeated; that
one is unbounded is repeated with a direction that the form's own functions confirm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from optc.compiler.answer import LIMITS, Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.context import Context
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.dsl.diagnostics import Diagnostic

from ..local_answer import holds
from .admission import Admitted, RefusedError, admitted
from .entries import Algebra, Entry, total
from .expressions import WIDER, Writer, extended, values
from .work import FailedError, finite, run, scip

FAR = 1e18  # a bound of this size is SCIP's infinity in the making
BESIDE = 1e-8  # a point so near a pole lies at the end of what SCIP looks at
BACK = (1e-9, 1e-8, 1e-7, 1e-6, 1e-5)  # shares of a way
DISTANCES = (1.0, 1e3, 1e6)  # along a direction
WIDEST = 300  # columns of a problem whose axes are tried as directions


def declines(form: NonlinearForm) -> str | None:
    """Why SCIP cannot be given a form, or None where it can."""
    try:
        admitted(form)
    except RefusedError as error:
        return str(error)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """SCIP's model, and its variables, those of the form first.

    ``writer``: who wrote the rows; ``stated``: the objective; ``height``: the number of the column that stands for its
    nonlinear part, or None where it has none.
    """

    model: Any
    variables: list[Any]
    writer: Writer
    stated: Entry
    height: int | None


@cache
def _kinds() -> Any:
    return import_module("pyscipopt.scip")


def passed(form: NonlinearForm) -> Problem:
    """A quiet model with the problem in it. Raises ``RefusedError``."""
    known = admitted(form)
    model = scip().Model()
    model.hideOutput()
    builder = _Builder(model, form)
    algebra = Algebra(builder.expressions)
    writer = Writer(form, known, algebra, builder.column, builder.row, builder.narrow)
    builder.algebra = algebra
    writer.write()
    stated = total((1.0, entry) for term in form.engine.model.objective for entry in writer.of(term.node))
    height = _objective(builder, stated, form, known)
    for entry, low, high in zip(_rows(writer, form), form.row_lower.tolist(), form.row_upper.tolist(), strict=True):
        builder.row(entry, low, high)
    return Problem(model, builder.variables, writer, stated, height)


class _Builder:
    """Columns and rows of a model as they are written. ``expressions``: the columns, as pyscipopt's expressions."""

    def __init__(self, model: Any, form: NonlinearForm) -> None:
        self.model = model
        self.integer = form.integer
        self.variables: list[Any] = []
        self.expressions: list[Any] = []
        self.algebra: Algebra
        kinds = np.where(form.integer, np.where((form.lower >= 0) & (form.upper <= 1), "B", "I"), "C").tolist()
        for kind, low, high in zip(kinds, form.lower.tolist(), form.upper.tolist(), strict=True):
            self.expressions.append(self._column(kind, low, high))

    def column(self, low: float, high: float) -> Any:
        """A new continuous column, as an expression."""
        return self._column("C", low, high)

    def _column(self, kind: str, low: float, high: float) -> Any:
        self.variables.append(self.model.addVar(f"x{len(self.variables)}", kind, finite(low), finite(high)))
        return _kinds().VarExpr(self.variables[-1])

    def narrow(self, column: int, low: float, high: float) -> None:
        """Keep a column between ``low`` and ``high`` too."""
        variable = self.variables[column]
        if column < len(self.integer) and self.integer[column]:
            low, high = (
                end if math.isinf(end) else round_(end) for end, round_ in ((low, math.ceil), (high, math.floor))
            )
        if low > variable.getLbOriginal():
            self.model.chgVarLb(variable, low)
        if high < variable.getUbOriginal():
            self.model.chgVarUb(variable, high)

    def row(self, entry: Entry, low: float, high: float) -> None:
        """A row, linear where it is."""
        sides = finite(low), finite(high)
        if sides == (None, None):
            return
        kinds = _kinds()
        if entry.parts:
            self.model.addCons(kinds.ExprCons(self.algebra.expression(entry), *sides))
            return
        shifted = (None if side is None else side - entry.constant for side in sides)
        self.model.addCons(kinds.ExprCons(self.linear(entry), *shifted))

    def linear(self, entry: Entry) -> Any:
        """The columns of an entry as a linear expression."""
        kinds = _kinds()
        return kinds.Expr({kinds.Term(self.variables[j]): value for j, value in entry.columns.items()})


def _objective(builder: _Builder, stated: Entry, form: NonlinearForm, known: Admitted) -> int | None:
    """States the objective; the number of the column of its nonlinear part, where it has one.

    A row keeps the whole of it within its range: SCIP multiplies squares out, and may not see that they have an end.
    """
    expression, height = builder.linear(stated), None
    maximise = form.sense == "maximize"
    if stated.parts:
        height = len(builder.variables)
        builder.expressions.append(builder.column(-math.inf, math.inf))
        bent = Entry(0.0, {height: -1.0}, stated.parts)
        builder.row(bent, *((0.0, math.inf) if maximise else (-math.inf, 0.0)))
        whole = Entry(stated.constant, {**stated.columns, height: 1.0})
        builder.row(whole, *_range(form, known))
        expression += builder.linear(Entry(0.0, {height: 1.0}))
    builder.model.setObjective(expression, "maximize" if maximise else "minimize")
    builder.model.addObjoffset(form.offset + stated.constant)
    return height


def _range(form: NonlinearForm, known: Admitted) -> tuple[float, float]:
    """Between what ends the objective without its offset lies, a little widened."""
    ends = [known.ranges[term.node.number] for term in form.engine.model.objective]
    low, high = (math.fsum(float(np.sum(end[k])) for end in ends) for k in (0, 1))
    return low - WIDER * max(1.0, abs(low)), high + WIDER * max(1.0, abs(high))


def _rows(writer: Writer, form: NonlinearForm) -> list[Entry]:
    """The rows of a form: the kernels', and linear ones that were added to the form behind them."""
    model = form.engine.model
    found = [Entry() for _ in range(form.shape[0])]
    for term in model.constraints:
        assert term.rows is not None
        entries = writer.of(term.node)
        for row, entry in zip(term.rows.positions(term.loop.size).tolist(), entries, strict=True):
            found[row].add(entry)
    starts = form.starts.tolist()
    for row in range(model.rows, form.shape[0]):
        own = slice(starts[row], starts[row + 1])
        found[row] = Entry(0.0, dict(zip(form.indices[own].tolist(), form.values[own].tolist(), strict=True)))
    return found


# ---------------------------------------------------------------------------------------------------------- the solve
def solve(form: NonlinearForm, goal: Goal, options: Any, context: Context, start: Start | None) -> Answer:
    """The answer to a nonlinear form; see ``scip.solve``."""
    if bool(np.any(form.lower > form.upper) or np.any(form.row_lower > form.row_upper)):
        return Answer("infeasible", "converged", message="bounds cross")
    if not form.shape[1]:
        return _without_columns(form, goal)
    try:
        problem = passed(form)
    except RefusedError as error:
        return Answer("none", "solver error", message=str(error))
    _configure(problem.model, goal, options, context)
    known = None if start is None else _set_start(problem, form, start.x, goal)
    stop = context.stop()
    if stop is not None:
        return _not_worse(Answer("none", stop), form, known)
    try:
        run(problem.model, context)
        if problem.model.getStatus() == "inforunbd" and context.stop() is None:
            problem = passed(form)
            _configure(problem.model, goal, options, context)
            problem.model.setPresolve(scip().SCIP_PARAMSETTING.OFF)
            run(problem.model, context)
    except FailedError as failure:
        return _not_worse(Answer("none", "numerical trouble", message=str(failure)), form, known)
    return _not_worse(_believed(_answer(problem, form), problem, form, known, goal), form, known)


def _configure(model: Any, goal: Goal, options: Any, context: Context) -> None:
    from . import configure

    configure(model, goal, options, context)
    # Squares of sums stay squares: multiplied out, sums of squares lose their bound and their curvature.
    model.setParam("expr/pow/expandmaxexponent", 1)
    # The linear solver takes no tolerance below 1e-10, and writes so to standard error each time it is asked for one.
    model.setParam("constraints/nonlinear/tightenlpfeastol", False)


def _without_columns(form: NonlinearForm, goal: Goal) -> Answer:
    x = np.zeros(0)
    if not holds(form, x, goal.tolerance):
        return Answer("infeasible", "converged", message="it has no decisions, and a row is false")
    value = form.evaluate_objective(x)
    return Answer("optimal", "converged", x, value, value, message="decided without SCIP")


def _set_start(problem: Problem, form: NonlinearForm, given: Floats, goal: Goal) -> Floats | None:
    """Gives SCIP what is known of a start; the start itself where it is a point that holds."""
    if form.shape != (form.engine.model.rows, form.engine.model.columns):
        return None  # rows were added, of which the form's functions do not know
    inside = np.clip(given, form.lower, form.upper)
    x = np.where(form.integer, np.rint(inside), inside)
    if not np.isfinite(x).all():
        model, columns = problem.model, np.flatnonzero(np.isfinite(x))
        if len(columns):
            point = model.createPartialSol()
            for j in columns.tolist():
                model.setSolVal(point, problem.variables[j], float(x[j]))
            model.addSol(point)
        return None
    x = form.completed(x)
    if not holds(form, x, goal.tolerance):
        return None
    point = problem.model.createOrigSol()
    every = extended(form, problem.writer.added, x, len(problem.variables))
    if problem.height is not None:
        linear = sum(value * every[j] for j, value in problem.stated.columns.items())
        every[problem.height] = form.evaluate_objective(x) - form.offset - problem.stated.constant - linear
    for variable, value in zip(problem.variables, every.tolist(), strict=True):
        problem.model.setSolVal(point, variable, value)
    problem.model.addSol(point)
    return x


# -------------------------------------------------------------------------------------------------- what it may claim
def _answer(problem: Problem, form: NonlinearForm) -> Answer:
    from . import ENDS

    model = problem.model
    status = model.getStatus()
    claim, termination = ENDS[status]
    found = Answer(claim, termination, message=f"SCIP: {status}", work=int(model.getNTotalNodes()), unit="nodes")
    if claim == "infeasible":
        return found
    bound = finite(model.getDualbound()) if claim in ("optimal", "none") else None
    if not model.getNSols():
        return replace(found, bound=bound)
    x, fault = _point(problem, form)
    if x is None:
        return replace(found, claim="none", termination="numerical trouble", bound=bound, fault=fault)
    value = form.evaluate_objective(x[: form.engine.model.columns])
    return replace(found, claim="feasible" if claim == "none" else claim, x=x, objective=value, bound=bound)


def _point(problem: Problem, form: NonlinearForm) -> tuple[Floats | None, Diagnostic | None]:
    """The best point (n) that has values, or the first term of the best one that has none.

    SCIP's best may lie beside the domain of a function by its tolerance; then a point on the way from it to the best of
    those it met before is taken, the nearest to it of ``BACK``.
    """
    columns, own = form.engine.model.columns, problem.variables[: form.shape[1]]
    lower = np.maximum(form.lower, [variable.getLbOriginal() for variable in own])
    upper = np.minimum(form.upper, [variable.getUbOriginal() for variable in own])
    first: Floats | None = None
    for solution in problem.model.getSols():
        x = np.array([solution[variable] for variable in own], dtype=np.float64)
        x = np.clip(np.where(form.integer, np.rint(x), x), lower, upper)
        if _has_values(form, x[:columns]):
            return (x if first is None else _nearest(form, first, x)), None
        first = x if first is None else first
    return None, None if first is None else form.undefined(first[:columns])


def _nearest(form: NonlinearForm, first: Floats, second: Floats) -> Floats:
    """The point nearest to ``first`` that has values, on the way to ``second``, which has."""
    if np.array_equal(first[form.integer], second[form.integer]):
        for share in BACK:
            x: Floats = (1.0 - share) * first + share * second
            if _has_values(form, x[: form.engine.model.columns]):
                return x
    return second


def _has_values(form: NonlinearForm, x: Floats) -> bool:
    return math.isfinite(form.evaluate_objective(x)) and bool(np.isfinite(form.evaluate_rows(x)).all())


def _believed(answer: Answer, problem: Problem, form: NonlinearForm, known: Floats | None, goal: Goal) -> Answer:
    """The answer without what SCIP's numbers do not carry."""
    poles = problem.writer.poles
    if answer.claim == "infeasible":
        if known is not None:
            message = f"{answer.message}, but the start is feasible"
            return replace(answer, claim="none", termination="numerical trouble", message=message)
        if poles:
            message = f"{answer.message}, but SCIP keeps away from points where a function has no value"
            return replace(answer, claim="none", termination="numerical trouble", message=message)
        return answer
    if answer.claim == "unbounded":
        return _unbounded(answer, form, known, goal)
    if answer.claim != "optimal" or answer.x is None:
        return answer
    if answer.bound is None or abs(answer.bound) >= FAR:
        return _unbounded(answer, form, known, goal)
    if _contradicts(answer, form, goal):
        message = f"{answer.message}, but the bound is worse than the objective of its own point"
        return replace(answer, claim="feasible", termination="numerical trouble", bound=None, message=message)
    values_ = values(form, [node for node, _ in poles], answer.x[: form.engine.model.columns])
    if any((np.abs(of(each)) <= BESIDE).any() for (_, of), each in zip(poles, values_, strict=True)):
        message = f"{answer.message} beside a point where a function has no value; SCIP keeps away from there"
        return replace(answer, claim="feasible", termination="diverging", bound=None, message=message)
    return answer


def _contradicts(answer: Answer, form: NonlinearForm, goal: Goal) -> bool:
    assert answer.objective is not None and answer.bound is not None
    sign = 1.0 if form.sense == "minimize" else -1.0
    return sign * (answer.bound - answer.objective) > max(goal.gap, goal.tolerance) * max(1.0, abs(answer.objective))


def _unbounded(answer: Answer, form: NonlinearForm, known: Floats | None, goal: Goal) -> Answer:
    """The claim with a point and a direction that the form's functions confirm, or what is left of it without."""
    points = [x for x in (known, answer.x) if x is not None and holds(form, x, goal.tolerance)]
    for x in points:
        ray = _ray(form, x, goal.tolerance)
        if ray is not None:
            value = form.evaluate_objective(x)
            return replace(answer, claim="unbounded", x=x, objective=value, bound=None, primal_ray=ray)
    message = f"{answer.message}: the objective seems to be without a bound, but no direction shows it"
    if not points:
        return replace(
            answer, claim="none", termination="diverging", x=None, objective=None, bound=None, message=message
        )
    return replace(answer, claim="feasible", termination="diverging", bound=None, message=message)


def _ray(form: NonlinearForm, x: Floats, tolerance: float) -> Floats | None:
    """An axis along which the objective improves for ever, and no row is left; None where none is seen to."""
    n = form.shape[1]
    if n > WIDEST:
        return None
    sign = 1.0 if form.sense == "minimize" else -1.0
    axes = np.concatenate([np.eye(n)[np.isinf(form.upper)], -np.eye(n)[np.isinf(form.lower)]])
    for axis in axes:
        points = x + np.outer(DISTANCES, axis)
        if not all(holds(form, point, tolerance) for point in points):
            continue
        changes = sign * (form.evaluate_objective(points) - form.evaluate_objective(x))
        if (changes / DISTANCES < -tolerance).all():
            found: Floats = axis
            return found
    return None


def _not_worse(answer: Answer, form: NonlinearForm, known: Floats | None) -> Answer:
    """The answer of a solver that a limit stopped, with the point it began from where it has none or a worse one."""
    if known is None or answer.claim not in ("none", "feasible") or answer.termination not in LIMITS:
        return answer
    sign, own = 1.0 if form.sense == "minimize" else -1.0, form.evaluate_objective(known)
    if answer.objective is not None and sign * answer.objective <= sign * own:
        return answer
    return replace(answer, claim="feasible", x=known, objective=own)
