"""Tightening on request: which backend looks for the extremes, for how long, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence

from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic

from .backend import Backend, Prober
from .context import Context
from .facts.tightening import tightened
from .instance.instance import Instance

SECONDS = 10.0
"""What tightening may take where no other time is given."""


def tighten(
    instance: Instance, backends: Sequence[Backend], seconds: float, context: Context
) -> tuple[Instance, tuple[Diagnostic, ...]]:
    """The instance with bounds that optimisation proves within ``seconds``, and a note where that was not enough."""
    span = instance.program.root.span
    prober = next((each for each in backends if isinstance(each, Prober) and each.version() is not None), None)
    if prober is None:
        return instance, (
            report(solving.TIGHTENING_ENDED, span, reason="no backend looks for the extremes of columns"),
        )
    found = tightened(instance, prober, context.within(seconds).silent())
    if found.settled == found.wanted:
        return found.instance, ()
    reason = f"after {seconds:g} s {found.settled:,} of {found.wanted:,} bounds had been looked at"
    return found.instance, (report(solving.TIGHTENING_ENDED, span, reason=reason),)
