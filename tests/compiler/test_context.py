"""Clock, deadline, cancellation, Ctrl-C, and the executors."""

from __future__ import annotations

import operator
import os
import signal
import threading
from collections.abc import Iterator

import pytest

from optc.compiler import context as contexts
from optc.compiler.context import Cancellation, Progress, interruptible
from optc.compiler.executor import Processes, Serial, executor


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_deadline_is_seen_and_never_negative() -> None:
    clock = Clock()
    context = contexts.start(time_limit=5.0, clock=clock)
    assert (context.remaining(), context.stop(), context.elapsed()) == (5.0, None, 0.0)
    clock.now += 7.0
    assert (context.remaining(), context.stop(), context.elapsed()) == (0.0, "time limit", 7.0)


def test_without_a_limit_nothing_ends() -> None:
    clock = Clock()
    context = contexts.start(clock=clock)
    clock.now += 1e9
    assert context.remaining() is None and context.stop() is None


def test_a_budget_within_a_budget_ends_first_of_both() -> None:
    clock = Clock()
    context = contexts.start(time_limit=5.0, clock=clock)
    assert context.within(2.0).remaining() == 2.0
    assert context.within(60.0).remaining() == 5.0
    assert contexts.start(clock=clock).within(3.0).remaining() == 3.0
    assert context.within(2.0).cancellation is context.cancellation


def test_cancelling_goes_before_the_time_limit_and_works_from_any_thread() -> None:
    context = contexts.start(time_limit=0.0)
    assert context.stop() == "time limit"
    threading.Thread(target=context.cancellation.cancel).start()
    assert context.cancellation.wait(5.0)
    assert context.stop() == "interrupted"


def test_progress_goes_to_the_callback_and_is_silent_without_one() -> None:
    seen: list[Progress] = []
    context = contexts.start(progress=seen.append)
    entry = Progress("solve", 1.0, incumbent=2.0)
    context.report(entry)
    context.silent().report(entry)
    assert seen == [entry]


def test_control_c_cancels_once_and_raises_the_second_time() -> None:
    before = signal.getsignal(signal.SIGINT)
    context = contexts.start()
    with interruptible(context):
        os.kill(os.getpid(), signal.SIGINT)
        assert context.cancellation.wait(5.0)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5.0)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    done: list[bool] = []

    def work() -> None:
        with interruptible(contexts.start()) as context:
            done.append(context.stop() is None)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_serial_work_is_done_as_it_is_asked_for() -> None:
    asked: list[int] = []

    def tasks() -> Iterator[int]:
        for k in range(3):
            asked.append(k)
            yield k

    results = Serial().map(operator.add, 10, tasks())
    assert next(results) == 10 and asked == [0]
    assert list(results) == [11, 12]


def test_processes_keep_the_order_and_run_elsewhere() -> None:
    pool = Processes(2)
    assert list(pool.map(operator.add, 100, range(5))) == [100, 101, 102, 103, 104]
    assert os.getpid() not in set(pool.map(eval, "__import__('os').getpid()", [{}, {}, {}]))


def test_a_fault_in_a_process_is_raised_where_its_result_is_taken() -> None:
    results = Processes(2).map(operator.floordiv, 6, [3, 0, 2])
    assert next(results) == 2
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_executor_for_one_worker_is_serial() -> None:
    assert executor(1).workers == 1 and isinstance(executor(1), Serial)
    assert executor(3).workers == 3 and isinstance(executor(3), Processes)
    with pytest.raises(ValueError, match="at least one worker"):
        executor(0)


def test_a_token_starts_uncancelled() -> None:
    assert not Cancellation().cancelled
