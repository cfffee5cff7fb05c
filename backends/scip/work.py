"""SCIP at work: in a thread of its own without Python's lock, watched and stopped from this one."""

from __future__ import annotations

import math
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from optc.compiler.context import Context, Progress

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

INFINITE = 1e20  # SCIP takes bounds of this size and beyond for infinite
POLL = 0.02  # seconds between two looks at the cancellation while SCIP works
REPORT_EVERY = 0.1  # seconds between two progress reports


@cache
def scip() -> Any:
    """pyscipopt, imported when it is first needed."""
    return import_module("pyscipopt")


def run(model: Any, context: Context) -> None:
    """Solve in a thread without Python's lock, so that this one can interrupt it and hand progress on."""
    watch = _Watch(context)
    kinds = scip().SCIP_EVENTTYPE
    model.attachEventHandlerCallback(watch.look, [kinds.NODESOLVED, kinds.LPSOLVED, kinds.BESTSOLFOUND])
    from concurrent.futures import wait

    work = _threads().submit(model.optimizeNogil)
    try:
        while wait((work,), POLL).not_done:
            if context.cancellation.cancelled:
                _interrupt(model)
            watch.hand_on()
    finally:
        while not work.done():  # also after an exception: the model may not be left at work
            _interrupt(model)
            wait((work,), POLL)
    fault = work.exception()
    if fault is not None and str(fault).startswith("SCIP: "):  # pyscipopt has no type of its own for SCIP's errors
        raise FailedError(str(fault)) from fault
    work.result()


def _interrupt(model: Any) -> None:
    """Ask SCIP to stop, where its stage lets it be asked; else the next look will find it at a later one."""
    stages = scip().SCIP_STAGE
    if model.getStage() not in (stages.PRESOLVING, stages.SOLVING):
        return
    try:
        model.interruptSolve()
    except Exception as fault:  # pyscipopt has no type of its own; the stage may have changed since it was looked at
        if not str(fault).startswith("SCIP: method cannot be called"):
            raise


class FailedError(Exception):
    """SCIP ended its work with an error: numbers that it cannot cope with, or no memory."""


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads that are used again: automatic differentiation in SCIP fails in a process that had some 80 of them."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=32, thread_name_prefix="scip")


class _Watch:
    """What SCIP's thread and ours tell one another."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.latest: Progress | None = None
        self.next = context.clock() + REPORT_EVERY

    def look(self, model: Any, _event: Any) -> None:
        """Called by SCIP in its own thread, the only one that may ask it for numbers while it works."""
        if self.context.progress is None or self.context.clock() < self.next:
            return
        self.next = self.context.clock() + REPORT_EVERY
        self.latest = Progress(
            "branch and bound",
            self.context.elapsed(),
            finite(model.getPrimalbound()),
            finite(model.getDualbound()),
            work=int(model.getNTotalNodes()),
            unit="nodes",
        )

    def hand_on(self) -> None:
        latest, self.latest = self.latest, None
        if latest is not None:
            self.context.report(latest)


def finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) and abs(value) < INFINITE else None
