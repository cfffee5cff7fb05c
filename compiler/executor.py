"""Fan-out over independent tasks: one small interface, serial or on the processes of this machine.

Workers get what is ``shared`` (a lowered model, say) once, and then only tasks. Results come in the order of the
tasks, whatever order they are done in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    """Runs ``function(shared, task)`` for every task; ``workers`` says how many run at a time."""

    @property
    def workers(self) -> int: ...

    def map(
        self, function: Callable[[Shared, Task], Result], shared: Shared, tasks: Iterable[Task]
    ) -> Iterator[Result]: ...


@dataclass(frozen=True, slots=True)
class Serial:
    """Every task in this process, one after the other, each when its result is asked for."""

    workers: int = 1

    def map(
        self, function: Callable[[Shared, Task], Result], shared: Shared, tasks: Iterable[Task]
    ) -> Iterator[Result]:
        return (function(shared, task) for task in tasks)


@dataclass(frozen=True, slots=True)
class Processes:
    """A pool of ``workers`` fresh processes. Function, shared value, tasks and results must be picklable.

    A task's exception is raised where its result is taken. The pool is gone when the results are used up or the
    iterator is closed; tasks not begun by then are dropped.
    """

    workers: int

    def map(
        self, function: Callable[[Shared, Task], Result], shared: Shared, tasks: Iterable[Task]
    ) -> Iterator[Result]:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        # Fresh processes: a fork would copy solver threads and locks in whatever state they are.
        pool = ProcessPoolExecutor(
            self.workers, multiprocessing.get_context("spawn"), initializer=_install, initargs=(function, shared)
        )
        try:
            futures = [pool.submit(_work, task) for task in tasks]
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


_installed: tuple[Callable[[Any, Any], Any], Any] | None = None


def _install(function: Callable[[Any, Any], Any], shared: Any) -> None:
    global _installed
    _installed = (function, shared)


def _work(task: Any) -> Any:
    if _installed is None:
        raise RuntimeError("a worker got a task before its function")
    function, shared = _installed
    return function(shared, task)


SERIAL = Serial()


def executor(workers: int) -> Executor:
    """The default executor for that many workers: serial for one.

    Raises:
        ValueError: fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f"an executor needs at least one worker, not {workers}")
    return SERIAL if workers == 1 else Processes(workers)
