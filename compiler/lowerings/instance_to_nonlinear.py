"""Instance to nonlinear form.

    minimize  f(x)   subject to   l <= c(x) <= u,   lower <= x <= upper,   some x whole

Source: an instance with one decider whose objective and rows are real functions of the decisions that can be
differentiated twice (``norm2`` not where it is 0, ``huber`` once everywhere and twice off its threshold). Target:
``NonlinearForm``. Kept: every solution and its objective. Rows, ranges and domains are those of the linear lowering;
constants of a row stand in its bounds. What is linear stands in the arrays, what is not in kernels: one for each
template, over all its rows, as in S. Shin, M. Anitescu, F. Pacaud, "Accelerating optimal power flow with GPUs: SIMD
abstraction of nonlinear programs" (arXiv 2307.16830). Lost: nothing. Lifted: the first columns are the families' own.
"""

from __future__ import annotations

from dataclasses import replace

from optc.dsl.diagnostics import Diagnostic

from ..forms.nonlinear import NonlinearForm
from ..instance.instance import Instance
from ..signature import WORDS, Signature
from .instance_to_linear import Inverse, lift

__all__ = ["COST", "NAME", "SOURCE", "TARGET", "accepts", "lift", "lower", "transfer"]

NAME = "instance to nonlinear"
SOURCE = "instance"
TARGET = "nonlinear"
COST = 6.0  # local answers come after those of a solver that proves its own

_ALLOWED = frozenset(
    {"integer", "quadratic objective", "quadratic constraint", "nonlinear objective", "nonlinear constraint"}
)


def transfer(signature: Signature) -> Signature | str:
    """The nonlinear form's signature, or the first feature that it has no place for."""
    feature = signature.foreign(_ALLOWED)
    if feature is not None:
        return WORDS[feature]
    return replace(signature, form=TARGET, features=signature.features & {"integer"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why the instance has no nonlinear form."""
    from .nonlinear_structure import reason_against

    return reason_against(instance)


def lower(instance: Instance) -> tuple[NonlinearForm, Inverse]:
    """The form, and what lifts its answers. Raises ``DataError`` where numbers are undefined or a row is false."""
    from .nonlinear_structure import lowered

    return lowered(instance)
