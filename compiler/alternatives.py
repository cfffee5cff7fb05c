"""Further answers by no-good cuts: the whole part of each answer is forbidden, and what is left is solved again.

    sum(x_j - l_j for v_j == l_j) + sum(u_j - x_j for v_j == u_j) + sum(p_j + q_j for the others) >= 1
    p_j = 1 only where x_j >= v_j + 1,    q_j = 1 only where x_j <= v_j - 1            p, q new binaries

``v`` is the whole part of the answer, ``l <= x <= u`` the bounds of those columns, declared or derived from the rows.
The cut is fulfilled by every point that differs from ``v`` in a whole decision of the model, and by no other; columns
that lowerings made take no part in it, those that stand for a choice excepted. Answers that differ in continuous
decisions alone are one answer here. Sources: E. Balas, R. Jeroslow, "Canonical cuts on the unit hypercube", SIAM
Journal on Applied Mathematics 23 (1972); J.-F. Tsai, M.-H. Lin, Y.-C. Hu, "Finding multiple solutions to general
integer linear programs", European Journal of Operational Research 184 (2008).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Choice

from .answer import LIMITS
from .backend import Backend, Goal
from .context import Context
from .facts.bounds import propagate
from .forms.discrete import DiscreteForm
from .forms.fractional import FractionalForm
from .forms.linear import Floats, Ints, LinearForm, QuadraticForm
from .instance.instance import Family, Instance
from .lowering import Lowered
from .lowerings.choices_to_binaries import binaries_name
from .result.lifting import Names
from .result.solution import Alternative
from .verify.report import Report

WIDEST = 1e5
"""A range beyond this makes a cut that integrality tolerances of 1e-6 could get around."""
FINER = 0.01
"""Cut problems are solved to this share of the gap, so that it is seldom open whether the best of one is within it."""
ROUNDING = 1e-9
"""Objective values that differ by this share are the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Who solves the cut problems, and who judges: ``judged`` makes a report of a point of the form (n), ``labelled``
    an answer of a report.
    """

    instance: Instance
    lowered: Lowered
    backend: Backend
    options: Any
    goal: Goal
    context: Context
    judged: Callable[[Floats], Report]
    labelled: Callable[[Report], Alternative]


@dataclass(frozen=True, slots=True, eq=False)
class Further:
    """Answers beyond the first; whether there are no others; what is to be said of them."""

    answers: tuple[Alternative, ...]
    complete: bool
    notes: tuple[Diagnostic, ...]


def further(search: Search, first: Floats, best: float | None, count: int | Literal["all"]) -> Further:
    """Answers that differ in whole decisions from ``first`` (n) and from one another, up to ``count`` with the first.

    ``best``: the optimal objective, and the answers are those within the goal's gap of it; None where there is nothing
    to optimise. Complete when the backend proved that a cut problem has no point, or none within the gap.
    """
    columns = whole_columns(search.instance, search.lowered)
    if isinstance(columns, str):
        return none_but_the_first(columns, count)
    ranges = _ranges(search.lowered, columns)
    step = _Step(search.lowered.form, first, _whole(first, columns), "converged")
    known = {step.whole.tobytes()}
    found: list[Alternative] = []
    warnings: list[Diagnostic] = []
    end: str | None = None
    while end is None and len(found) + 1 != count:
        new = _next(search, step, columns, ranges, best)
        if isinstance(new, str):
            end = new
            break
        step = new
        judged = search.judged(step.x[: len(first)])
        if not _within(search, judged.objective, best):
            end = _OPEN if step.termination == "converged" else _reason(step.termination)
        elif step.whole.tobytes() in known:
            end = "the backend gave an answer again that was forbidden"
        elif judged.holds:
            found.append(search.labelled(judged))
        else:
            warnings.append(_left_out(search.backend, judged))
        known.add(step.whole.tobytes())
    notes = () if end is None or end == _ALL else (_note(len(found) + 1, count, end),)
    return Further(tuple(found), end == _ALL and not warnings, (*warnings, *notes))


_ALL = "these are all"
_OPEN = "it is open whether more of them are within the gap; a smaller one may decide it"


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """A form, a point of it, the values of its whole columns, and why the backend stopped there."""

    form: LinearForm
    x: Floats
    whole: Floats
    termination: str


def _next(
    search: Search, step: _Step, columns: NDArray[np.intp], ranges: tuple[Floats, Floats], best: float | None
) -> _Step | str:
    """The form without the whole part of the point, and its best point; or why there is none to be had."""
    cut = forbidden(step.form, columns, step.whole, *ranges)
    if cut is None:
        return _ALL
    if not isinstance(cut, LinearForm):
        return _wide(search.lowered, int(columns[cut]))
    goal = replace(search.goal, gap=search.goal.gap * FINER)
    answer = search.backend.solve(cut, goal, search.options, search.context, None)
    if answer.claim in ("infeasible", "infeasible or unbounded"):  # what is bounded stays so when it is cut
        return _ALL
    if not _within(search, answer.bound, best):
        return _ALL
    if answer.x is None:
        return _reason(answer.termination if answer.termination in LIMITS else answer.message or answer.termination)
    return _Step(cut, answer.x, _whole(answer.x, columns), answer.termination)


def _whole(x: Floats, columns: NDArray[np.intp]) -> Floats:
    return np.rint(x[columns]) + 0.0  # no -0.0, which has other bytes


def none_but_the_first(reason: str, count: int | Literal["all"]) -> Further:
    """No further answers, and why."""
    return Further((), False, (_note(1, count, reason),))


def _note(given: int, count: int | Literal["all"], reason: str) -> Diagnostic:
    words = "1 answer is" if given == 1 else f"{given} answers are"
    return report(solving.ALTERNATIVES, None, given=words, count=count, reason=reason)


def _left_out(backend: Backend, judged: Report) -> Diagnostic:
    worst = next(line for line in judged.lines if line.status == "failed")
    return report(
        solving.LEFT_OUT,
        None,
        backend=backend.name,
        where=worst.where or worst.claim,
        value=f"{worst.value or 0.0:.3g}",
        limit=f"{worst.tolerance or 0.0:.3g}",
    )


def _reason(why: str) -> str:
    return f"the search for more ended with: {why}"


def _within(search: Search, value: float | None, best: float | None) -> bool:
    """Whether an objective value or bound is within the gap of the best; one that is not known may be."""
    if best is None or value is None or np.isnan(value):
        return True
    worse = value - best if search.lowered.form.sense == "minimize" else best - value
    return bool(worse <= max(search.goal.gap, ROUNDING) * max(1.0, abs(best)))


# ----------------------------------------------------------------------------------------------------- whole columns
def whole_columns(instance: Instance, lowered: Lowered) -> NDArray[np.intp] | str:
    """The columns ``(k,)`` of the form that say what the whole decisions of the model are, or why there are none."""
    families = [family for family in instance.families if family.integer or isinstance(family.symbol, Choice)]
    if not families:
        return "all decisions are continuous, and answers are told apart by their whole decisions"
    places = {part.name: part for part in lowered.form.columns}
    found: list[NDArray[np.intp]] = []
    for family in families:
        part = places.get(_name(family))
        if part is None:
            return f"the route has no columns for the whole decision `{family.name}`"
        found.append(np.arange(part.offset, part.offset + part.count, dtype=np.intp))
    return np.concatenate(found)


def _name(family: Family) -> str:
    return binaries_name(family.name) if isinstance(family.symbol, Choice) else family.name


def _ranges(lowered: Lowered, columns: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Whole bounds ``(k,)`` of columns: the form's, and where one is missing those that follow from the rows."""
    lower, upper = lowered.form.lower.copy(), lowered.form.upper.copy()
    if np.isinf(lower[columns]).any() or np.isinf(upper[columns]).any():
        derived = propagate(lowered.instance)
        for part in lowered.form.columns:
            at = lowered.instance.family(part.name).offset
            own, there = slice(part.offset, part.offset + part.count), slice(at, at + part.count)
            lower[own] = np.maximum(lower[own], derived.lower[there])
            upper[own] = np.minimum(upper[own], derived.upper[there])
    return np.ceil(lower[columns] - ROUNDING), np.floor(upper[columns] + ROUNDING)


def _wide(lowered: Lowered, column: int) -> str:
    name = Names(lowered.instance, lowered.form).column(column)
    return f"to forbid an answer, `{name}` must have bounds at most {WIDEST:,.0f} apart"


# ---------------------------------------------------------------------------------------------------------- the cut
def forbidden(
    form: LinearForm, columns: NDArray[np.intp], whole: Floats, lower: Floats, upper: Floats
) -> LinearForm | int | None:
    """The form without the points whose ``columns`` (k) have the values ``whole`` (k); the new columns and rows are
    its last.

    None where the columns can have no other values. The position in ``columns`` of the first that has values on both
    sides and no bounds, or bounds that are ``WIDEST`` apart.
    """
    free = lower < upper
    if not free.any():
        return None
    down, up = free & (whole >= upper), free & (whole <= lower)
    both = free & ~down & ~up
    wide = both & ~(upper - lower <= WIDEST)
    if wide.any():
        return int(np.argmax(wide))
    at = np.flatnonzero(both)
    k, n = len(at), form.shape[1]
    p, q = n + np.arange(k), n + k + np.arange(k)
    ends = np.flatnonzero(down | up)
    signs = np.where(up[ends], 1.0, -1.0)
    # x - (v + 1 - l) p >= l,   x + (u - v + 1) q <= u,   and the cut itself
    entries = np.concatenate([np.column_stack([columns[at], p]).ravel(), np.column_stack([columns[at], q]).ravel()])
    factors = np.concatenate([_pairs(-(whole[at] + 1 - lower[at])), _pairs(upper[at] - whole[at] + 1)])
    order = np.argsort(columns[ends])
    cut = np.concatenate([columns[ends][order], p, q])
    signed = np.concatenate([signs[order], np.ones(2 * k)])
    least = 1.0 + float(signs @ whole[ends])
    lengths = np.concatenate([np.full(2 * k, 2), [len(cut)]])
    return _extended(
        form,
        2 * k,
        np.cumsum(lengths),
        np.concatenate([entries, cut]),
        np.concatenate([factors, signed]),
        np.concatenate([lower[at], np.full(k, -np.inf), [least]]),
        np.concatenate([np.full(k, np.inf), upper[at], [np.inf]]),
    )


def _pairs(second: Floats) -> Floats:
    return np.column_stack([np.ones(len(second)), second]).ravel()


def _extended(
    form: LinearForm,
    binaries: int,
    ends: NDArray[np.integer],
    indices: NDArray[np.integer],
    values: Floats,
    row_lower: Floats,
    row_upper: Floats,
) -> LinearForm:
    """A form with new binary columns and new rows, CSR with the ``ends`` of rows, after its own."""
    changed: dict[str, Any] = {
        "cost": np.concatenate([form.cost, np.zeros(binaries)]),
        "starts": _ints(form.starts, ends + int(form.starts[-1])),
        "indices": _ints(form.indices, indices),
        "values": np.concatenate([form.values, values]),
        "row_lower": np.concatenate([form.row_lower, row_lower]),
        "row_upper": np.concatenate([form.row_upper, row_upper]),
        "lower": np.concatenate([form.lower, np.zeros(binaries)]),
        "upper": np.concatenate([form.upper, np.ones(binaries)]),
        "integer": np.concatenate([form.integer, np.ones(binaries, dtype=np.bool_)]),
    }
    if isinstance(form, QuadraticForm | DiscreteForm) and len(form.hessian_starts):
        last = np.full(binaries, form.hessian_starts[-1])
        changed["hessian_starts"] = _ints(form.hessian_starts, last)
    if isinstance(form, FractionalForm):
        changed["denominator"] = np.concatenate([form.denominator, np.zeros(binaries)])
    return replace(form, **changed)


def _ints(first: Ints, second: NDArray[np.integer]) -> Ints:
    return np.concatenate([first, second]).astype(np.int32)
