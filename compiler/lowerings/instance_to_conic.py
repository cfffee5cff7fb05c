"""Instance to conic form.

    minimize  x'Qx / 2 + c'x + d   subject to   l <= A x <= u,   lower <= x <= upper,   G x + g in cones

Source: an instance with one decider that is proved convex (``facts.convexity``) and whose terms are made of what cones
hold. Target: ``ConicForm``. Kept: every solution and its objective: each convex term has a column beyond it, which can
be equal to it. A relation is a linear row for each of its rows, in which such columns stand for what is not affine, so
the multiplier of a row is that of the model's; where a row is a convex set only (``facts.level_sets``), it is the
linear row between the roots of its sides, and ``RootRows`` leads from the multiplier of one to that of the other.
Quadratic parts of the objective stay quadratic; those of rows are written as sums of squares. A ``psd`` family is a
matrix in the semidefinite cone with rows for its symmetry, a ``simplex`` family has one row a simplex. Lost: nothing.
Lifted: the first columns are the families' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from optc.dsl.diagnostics import Diagnostic

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError
from ..forms.conic import ConicForm
from ..forms.linear import Floats
from ..instance.instance import Instance
from ..signature import WORDS, Signature

if TYPE_CHECKING:
    from .conic_rows import Inverse

NAME = "instance to conic"
SOURCE = "instance"
TARGET = "conic"
COST = 3.0

_CURVED = frozenset(
    {
        *("nonlinear objective", "nonlinear constraint", "piecewise objective", "piecewise constraint"),
        *("quadratic objective", "quadratic constraint", "matrix decision"),
    }
)


def transfer(signature: Signature) -> Signature | str | None:
    """The conic form's signature, or the first feature that it has no place for; None where nothing is curved."""
    feature = signature.foreign(_CURVED | {"integer"})
    if feature is not None:
        return WORDS[feature]
    if not signature.features & _CURVED:
        return None
    return replace(signature, form=TARGET, features=signature.features & {"integer"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why the instance is not convex, or has no conic form."""
    from ..facts.convexity import Reason, convex_problem  # what proves convexity is not loaded for linear problems
    from .conic_rows import drafted
    from .graph_forms import NoConeError

    found = convex_problem(instance)
    if isinstance(found, Reason):
        return found.diagnostic
    try:
        drafted(instance)
    except (NoConeError, EvaluationError) as error:
        return error.diagnostic
    return None


def lower(instance: Instance) -> tuple[ConicForm, Inverse]:
    """The form, and what lifts its answers. Raises ``DataError`` where numbers are undefined or a row is false.

    Raises ``NoConeError`` where ``accepts`` gives a reason.
    """
    from .conic_rows import drafted

    try:
        return drafted(instance)
    except EvaluationError as error:
        raise DataError([error.diagnostic]) from None


def lift(x: Floats, inverse: Inverse) -> Mapping[str, Floats]:
    """Values of each decision family from the form's columns."""
    return {s.name: x[..., s.offset : s.offset + s.count] for s in inverse.columns}
