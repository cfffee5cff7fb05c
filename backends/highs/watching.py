"""Runs HiGHS and watches it: progress handed on, time limit and interrupt obeyed."""

from __future__ import annotations

import math
from typing import Any

from optc.compiler.context import Context, Progress
from optc.compiler.forms.linear import LinearForm, QuadraticForm

from .passing import INFINITE, highspy_module, set_option

REPORT_EVERY = 0.1  # seconds between two progress reports


def run(highs: Any, form: LinearForm, context: Context) -> None:
    remaining = context.remaining()
    # HiGHS counts its limit over all runs of one object.
    set_option(highs, "time_limit", math.inf if remaining is None else highs.getRunTime() + remaining)
    watch = _Watch(context, form, highspy_module().cb)
    highs.setCallback(watch, None)
    for kind in watch.kinds:
        highs.startCallbackInt(int(kind))
    highs.run()
    for kind in watch.kinds:
        highs.stopCallbackInt(int(kind))
    highs.setCallback(None, None)
    if watch.fault is not None:
        raise watch.fault


class _Watch:
    """HiGHS's callback: hands progress on and asks whether to stop. It may not raise into HiGHS, so it keeps faults."""

    def __init__(self, context: Context, form: LinearForm, cb: Any) -> None:
        self.context = context
        self.fault: BaseException | None = None
        self.next = context.clock() + REPORT_EVERY
        self.mip = bool(form.integer.any())
        self.phase = "branch and cut" if self.mip else "linear program"
        if isinstance(form, QuadraticForm):
            self.phase = "quadratic program"
        mip_kinds = (cb.kCallbackMipInterrupt, cb.kCallbackMipLogging, cb.kCallbackMipImprovingSolution)
        others = (cb.kCallbackSimplexInterrupt, cb.kCallbackIpmInterrupt, cb.kHighsCallbackQpInterrupt)
        self.kinds = (*mip_kinds, *others)

    def __call__(self, _kind: int, _message: str, out: Any, into: Any, _data: object) -> None:
        try:
            if self.fault is not None or self.context.cancellation.cancelled:
                into.user_interrupt = True
            elif self.context.progress is not None and self.context.clock() >= self.next:
                self.next = self.context.clock() + REPORT_EVERY
                self.context.report(self._progress(out))
        except BaseException as fault:  # raised again once HiGHS has returned
            self.fault = fault
            into.user_interrupt = True

    def _progress(self, out: Any) -> Progress:
        elapsed = self.context.elapsed()
        if self.mip:
            incumbent, bound = out.mip_primal_bound, out.mip_dual_bound
            return Progress(
                self.phase,
                elapsed,
                incumbent if abs(incumbent) < INFINITE else None,
                bound if abs(bound) < INFINITE else None,
                work=max(0, out.mip_node_count),
                unit="nodes",
            )
        work = max(out.simplex_iteration_count, out.ipm_iteration_count, out.pdlp_iteration_count, 0)
        return Progress(self.phase, elapsed, work=work)
