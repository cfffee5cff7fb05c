"""A point that is known before the solve: whether it holds, what a solver can begin from, and that nothing worse ends.

Forms with more than rows, bounds and whole columns (indicators, ordered sets, pairs, products in rows) are not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optc.compiler.answer import LIMITS, Answer
from optc.compiler.backend import Start
from optc.compiler.forms.discrete import DiscreteForm
from optc.compiler.forms.linear import Floats, LinearForm, QuadraticForm

NEAR = 1e-5  # a number as near as this to a whole one stands for it
EXACT = 1e-9  # violation at which a solver takes a point as it is


def activities(form: LinearForm, x: Floats) -> Floats:
    """``A x`` (m)."""
    products = form.values * x[form.indices]
    owner = np.repeat(np.arange(form.shape[0]), np.diff(form.starts))
    return np.bincount(owner, weights=products, minlength=form.shape[0]).astype(np.float64)


def holds(form: LinearForm, x: Floats, tolerance: float) -> bool:
    """Whether a point (n) keeps rows, bounds and integrality of a linear or quadratic form, as the verifier measures.

    That is within the tolerance times the larger of 1 and the row's largest term, or the column. False for a point
    with gaps and for forms that are not judged.
    """
    if type(form) not in (LinearForm, QuadraticForm) or not np.isfinite(x).all():
        return False
    terms = np.abs(form.values * x[form.indices])
    largest = np.ones(form.shape[0])
    np.maximum.at(largest, np.repeat(np.arange(form.shape[0]), np.diff(form.starts)), terms)
    activity = activities(form, x)
    rows = np.maximum(form.row_lower - activity, activity - form.row_upper) <= tolerance * largest
    columns = np.maximum(form.lower - x, x - form.upper) <= tolerance * np.maximum(1.0, np.abs(x))
    whole = x[form.integer]
    return bool(rows.all() and columns.all() and (np.abs(whole - np.rint(whole)) <= tolerance).all())


def value(form: LinearForm, x: Floats) -> float:
    """The objective of a linear, quadratic or discrete form at a point."""
    return float(form.cost @ x) + form.offset + quadratic_part(form, x)


def quadratic_part(form: LinearForm, x: Floats) -> float:
    """``x'Qx / 2``."""
    if not isinstance(form, (QuadraticForm, DiscreteForm)):
        return 0.0
    owner = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
    weights = np.where(owner == form.hessian_indices, 0.5, 1.0) * form.hessian_values
    return float((weights * x[owner]) @ x[form.hessian_indices])


def usable(form: LinearForm, x: Floats) -> Floats:
    """What a method for whole columns can begin from: the point (n), with NaN where it is of no use.

    Numbers near whole ones are made so, those beside the bounds are moved onto them. Whole columns that are neither
    are left open, since solvers search long for the rest of a point that cannot be completed; so are all continuous
    ones where rows do not hold exactly, for solvers find those themselves but drop a point that is a little off.
    """
    known = np.isfinite(x)
    inside = np.clip(np.where(known, x, 0.0), form.lower, form.upper)
    nearest = np.where(form.integer, np.rint(inside), inside)
    fits = known & (np.abs(np.where(known, x, 0.0) - nearest) <= NEAR * np.maximum(1.0, np.abs(nearest)))
    point = np.where(fits, nearest, np.nan)
    if type(form) in (LinearForm, QuadraticForm) and not holds(form, point, EXACT):
        point = np.where(form.integer, point, np.nan)
    return point


def completed(form: LinearForm, x: Floats, solve: Callable[[LinearForm], Floats | None]) -> Floats | None:
    """The best point with the whole columns of ``x`` (n), which are all known, or None where ``solve`` finds none.

    ``solve`` gets a continuous problem.
    """
    whole = form.integer
    lower, upper = np.where(whole, x, form.lower), np.where(whole, x, form.upper)
    found = solve(replace(form, lower=lower, upper=upper, integer=np.zeros(len(x), dtype=np.bool_)))
    return None if found is None else np.where(whole, x, found)


def not_worse(answer: Answer, form: LinearForm, start: Start | None, tolerance: float) -> Answer:
    """The answer of a solver that a limit stopped, with the point it began from where it has none or a worse one."""
    if start is None or answer.claim not in ("none", "feasible") or answer.termination not in LIMITS:
        return answer
    sign = 1.0 if form.sense == "minimize" else -1.0
    if not holds(form, start.x, tolerance):
        return answer
    own = value(form, start.x)
    if answer.objective is not None and sign * answer.objective <= sign * own:
        return answer
    return replace(answer, claim="feasible", x=start.x, objective=own, row_duals=None, column_duals=None)
