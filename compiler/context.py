"""What every long piece of work is given: clock, limits, cancellation, progress, seed, workers, cache, device.

A context is a value. Nothing reads the time, the number of threads or a seed from anywhere else, so a solve can be
stopped, repeated and watched from outside without a global variable.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from .executor import SERIAL, Executor

Stop = Literal["time limit", "interrupted"]


class Cancellation:
    """A token that any thread may set once; work that sees it set stops and hands back its best answer so far."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep until cancelled or the time is over; True when cancelled."""
        return self._event.wait(seconds)


@dataclass(frozen=True, slots=True)
class Progress:
    """One report of work under way. ``bound`` and ``incumbent`` are objective values; ``work`` counts ``unit``."""

    phase: str
    elapsed: float
    incumbent: float | None = None
    bound: float | None = None
    residual: float | None = None
    work: int | None = None
    unit: str = "iterations"


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of one run. ``started`` and ``deadline`` are readings of ``clock``, in seconds.

    ``threads`` is None where the solver may choose; ``device`` is ``cpu``, ``cuda`` or ``auto``. ``cache`` holds
    what is worth keeping between runs, by hashable keys.
    """

    clock: Callable[[], float] = time.monotonic
    started: float = field(default_factory=time.monotonic)
    deadline: float | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    progress: Callable[[Progress], None] | None = None
    seed: int = 0
    threads: int | None = None
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    executor: Executor = SERIAL
    cache: MutableMapping[Hashable, object] = field(default_factory=dict)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started

    def remaining(self) -> float | None:
        """Seconds to the deadline (never negative), or None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - self.clock())

    def stop(self) -> Stop | None:
        """Why work must stop now, or None. An interrupt goes before the time limit."""
        if self.cancellation.cancelled:
            return "interrupted"
        return "time limit" if self.deadline is not None and self.clock() >= self.deadline else None

    def report(self, progress: Progress) -> None:
        if self.progress is not None:
            self.progress(progress)

    def within(self, seconds: float) -> Context:
        """The same context with at most ``seconds`` left: the budget of a part of the work."""
        limit = self.clock() + seconds
        return replace(self, deadline=limit if self.deadline is None else min(limit, self.deadline))

    def silent(self) -> Context:
        """The same context without progress reports, for work inside work."""
        return replace(self, progress=None)


def start(
    *,
    time_limit: float | None = None,
    progress: Callable[[Progress], None] | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: Literal["cpu", "cuda", "auto"] = "cpu",
    executor: Executor = SERIAL,
    cancellation: Cancellation | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Context:
    """A context whose clock starts now; ``time_limit`` in seconds."""
    now = clock()
    return Context(
        clock=clock,
        started=now,
        deadline=None if time_limit is None else now + time_limit,
        cancellation=cancellation or Cancellation(),
        progress=progress,
        seed=seed,
        threads=threads,
        device=device,
        executor=executor,
    )


@contextmanager
def interruptible(context: Context) -> Iterator[Context]:
    """Let Ctrl-C cancel the context instead of raising; a second Ctrl-C raises ``KeyboardInterrupt`` as ever.

    Outside the main thread, where Python allows no signal handlers, the context is left as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield context
        return
    before = signal.getsignal(signal.SIGINT)

    def cancel(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        context.cancellation.cancel()

    signal.signal(signal.SIGINT, cancel)
    try:
        yield context
    finally:
        signal.signal(signal.SIGINT, before)
