"""Who evaluates the functions of a form: what the backend's option ``kernels`` and the device of the context say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from optc.dsl.catalogue import report
from optc.dsl.catalogue.kernels import DEVICE_UNUSED
from optc.dsl.diagnostics import Diagnostic

from .context import Context
from .forms.linear import LinearForm
from .forms.nonlinear import NonlinearForm
from .kernels.evaluator import AUTO, Evaluator, evaluator
from .lowering import Lowered


def evaluated(lowered: Lowered, options: Any, context: Context) -> Lowered:
    """The forms with the evaluator that was asked for. Raises ``EvaluatorError`` where it cannot be had."""
    if not _chooses(lowered.form, options):
        return lowered
    chosen = evaluator(options.kernels, context.device)
    if chosen == AUTO:
        return lowered
    return replace(lowered, form=_by(lowered.form, chosen), judged=_by(lowered.judged, chosen))


def unused_device(form: LinearForm, options: Any, context: Context, backend: str) -> tuple[Diagnostic, ...]:
    """A note where a device was asked for that the backend has no use for."""
    if context.device != "cuda" or _chooses(form, options):
        return ()
    return (report(DEVICE_UNUSED, None, backend=backend),)


def _chooses(form: LinearForm, options: Any) -> bool:
    """Whether the form has functions, and the backend lets others evaluate them."""
    return isinstance(form, NonlinearForm) and hasattr(options, "kernels")


def _by(form: LinearForm, chosen: Evaluator) -> LinearForm:
    return form.evaluated_by(chosen) if isinstance(form, NonlinearForm) else form
