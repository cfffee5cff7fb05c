"""Instance whose objective is one ratio of linear expressions to fractional form.

    minimize (c'x + c0) / (d'x + d0)   subject to   l <= A x <= u,   lower <= x <= upper,   some x whole

Source: an instance with one decider, linear constraints, and an objective that ``terms.ratios`` brings to ``top /
bottom``. Target: ``FractionalForm``, with the rows and columns of the linear form. That the denominator keeps one sign
is proved from bounds and rows (``facts.linear_range``); where it is below zero both parts change their sign. Where
it is not proved the ratio is refused, by the text of its denominator. Kept: every point and its objective. Lost:
nothing. Lifted: the first columns are the families' own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_IN_FORM
from optc.dsl.catalogue.solving import DENOMINATOR
from optc.dsl.diagnostics import Diagnostic, Hint
from optc.dsl.program import Expr

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError, text_of
from ..extraction.patterns import objective_pattern, row_patterns
from ..extraction.polynomial import NotPolynomialError
from ..facts.linear_range import linear_range
from ..forms.fractional import FractionalForm
from ..forms.linear import Floats, LinearForm
from ..instance.instance import Instance
from ..signature import WORDS, Signature
from ..terms.degree import Shapes
from ..terms.ratios import Ratio, ratio_of
from .instance_to_linear import Inverse, columns_of, cost_of, lift, rows_of, unfit

__all__ = ["COST", "NAME", "SOURCE", "TARGET", "Inverse", "accepts", "lift", "lower", "transfer"]

NAME = "instance to fractional"
SOURCE = "instance"
TARGET = "fractional"
COST = 0.9  # below the linear form, so that of several refusals this one, which knows of ratios, is told

SMALLEST = 1e-9
"""A denominator must stay above this share of its largest coefficient."""

_ALLOWED = frozenset({"integer", "nonlinear objective"})
_AMONG_OTHERS = (
    "its objective holds a ratio of decisions beside other terms, or several ratios, and only one ratio of linear "
    "expressions (with constants added and multiplied) becomes a linear problem"
)


def transfer(signature: Signature) -> Signature | str | None:
    """The fractional form's signature; the reason why not; None where no decision stands in a denominator."""
    if "ratio among others" in signature.features:
        return _AMONG_OTHERS
    if "ratio objective" not in signature.features:
        return None
    feature = signature.foreign(_ALLOWED)
    if feature is not None:
        return WORDS[feature]
    return replace(signature, form=TARGET, features=signature.features & {"integer"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why the instance has no fractional form. Raises ``DataError`` as ``lower`` does."""
    reason = unfit(instance, TARGET)
    if reason is not None:
        return reason
    try:
        found = _lowered(instance)
    except (NotPolynomialError, EvaluationError) as error:
        return error.diagnostic
    if isinstance(found, Diagnostic):
        return found
    instance.patterns["fractional"] = (instance, found)
    return None


def lower(instance: Instance) -> tuple[FractionalForm, Inverse]:
    """The form, and what lifts its answers.

    Raises ``DataError`` where numbers are undefined or a row is false, ``ValueError`` where ``accepts`` gives a reason.
    """
    kept = instance.patterns.pop("fractional", None)  # what ``accepts`` has made
    if isinstance(kept, tuple) and kept[0] is instance:
        form, inverse = kept[1]
        return form, inverse
    try:
        found = _lowered(instance)
    except EvaluationError as error:
        raise DataError([error.diagnostic]) from None
    except NotPolynomialError as error:
        raise ValueError(str(error)) from None
    if isinstance(found, Diagnostic):
        raise ValueError(found.message)
    return found


def _lowered(instance: Instance) -> tuple[FractionalForm, Inverse] | Diagnostic:
    objective = instance.program.root.objective
    ratio = _ratio(instance)
    if objective is None or ratio is None:
        span = None if objective is None else objective.span
        return report(NOT_IN_FORM, span, what="the objective, which is no ratio of linear expressions,", form=TARGET)
    name = objective.name or objective.sense
    with np.errstate(all="ignore"):
        columns = columns_of(instance)
        for family in instance.constraints:
            row_patterns(instance, family)  # the first term that is not linear is refused by name
        rows = rows_of(instance, columns)
        count = len(columns.lower)
        top, top_offset = _linear(instance, ratio.top, count, name)
        bottom, bottom_offset = _linear(instance, ratio.bottom, count, name)
    form = FractionalForm(
        "maximize" if objective.sense == "maximize" else "minimize",
        top,
        top_offset,
        rows.starts,
        rows.indices,
        rows.values,
        rows.lower,
        rows.upper,
        columns.lower,
        columns.upper,
        columns.integer,
        columns.slices,
        rows.slices,
        denominator=bottom,
        denominator_offset=bottom_offset,
    )
    found = with_sign(form)
    if isinstance(found, FractionalForm):
        return found, Inverse(columns.slices, rows.slices)
    return _refusal(ratio.bottom, *found)


def _ratio(instance: Instance) -> Ratio | None:
    """The ratio of the objective; kept with the instance, so that its parts are the same terms after an update."""
    objective = instance.program.root.objective
    if objective is None or objective.expression is None:
        return None
    kept = instance.patterns.get("ratio")
    if isinstance(kept, tuple) and kept[0] is objective.expression:
        known: Ratio | None = kept[1]
        return known
    program = instance.program
    found = ratio_of(objective.expression, program, Shapes(program, frozenset(program.root.decisions)))
    instance.patterns["ratio"] = (objective.expression, found)
    return found


def _linear(instance: Instance, term: Expr, count: int, name: str) -> tuple[Floats, float]:
    return cost_of(instance, objective_pattern(instance, term, 1, name), count, name)


def with_sign(form: FractionalForm) -> FractionalForm | tuple[float, float]:
    """The form with a denominator above zero and its proved range; the range alone where the sign is not proved."""
    least, most = linear_range(form, form.denominator, form.denominator_offset)
    size = SMALLEST * max(float(np.abs(form.denominator).max(initial=0.0)), abs(form.denominator_offset))
    if least > size:
        return replace(form, least=least, most=most)
    if most < -size:
        turned: LinearForm = replace(
            form,
            cost=-form.cost,
            offset=-form.offset,
            denominator=-form.denominator,
            denominator_offset=-form.denominator_offset,
            least=-most,
            most=-least,
        )
        assert isinstance(turned, FractionalForm)
        return turned
    return least, most


def _refusal(bottom: Expr, least: float, most: float) -> Diagnostic:
    text = text_of(bottom)
    known = f"bounds and rows leave it {_span(least, most)}"
    hints = (Hint(f"state a row, `{text} >= 0.001` say, or bounds of the decisions from which it follows"),)
    return report(DENOMINATOR, bottom.span, hints=hints, expression=text, range=known)


def _span(least: float, most: float) -> str:
    """The range in words, without the digits that rounding outwards has added."""
    low, high = (f"{end if abs(end) > 1e-200 else 0.0:.6g}" for end in (least, most))
    if np.isfinite(least) and np.isfinite(most):
        return f"between {low} and {high}"
    if np.isfinite(least):
        return f"at {low} or above"
    return f"at {high} or below" if np.isfinite(most) else "without bounds"
