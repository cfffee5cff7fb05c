"""One call from an instance to a solution, with the registered backends and options given by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, Literal

from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.context import Cancellation, Progress
from optc.compiler.executor import SERIAL, Executor
from optc.compiler.given import values_of
from optc.compiler.instance import Instance
from optc.compiler.result import Solution
from optc.compiler.solve import Request, solve
from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic

from . import registry
from .options import parse


def solve_instance(
    instance: Instance,
    *,
    backend: str | None = None,
    options: Mapping[str, object] | None = None,
    time_limit: float | None = None,
    gap: float = 1e-4,
    tol: float = 1e-6,
    seed: int = 0,
    threads: int | None = None,
    device: Literal["cpu", "cuda", "auto"] = "auto",
    start: object = None,
    n: int | Literal["all"] = 1,
    progress: Callable[[Progress], None] | None = None,
    interruptible: bool = False,
    cancellation: Cancellation | None = None,
    executor: Executor = SERIAL,
    notes: tuple[Diagnostic, ...] = (),
    compile_seconds: float = 0.0,
) -> Solution:
    """Solves an instance by the cheapest route, or by ``backend`` (None and ``"auto"`` leave the choice).

    ``time_limit`` in seconds; ``start`` as ``given.values_of`` takes it; with ``interruptible`` Ctrl-C ends the work
    with the best answer so far. ``notes`` go in front of the result's diagnostics, ``compile_seconds`` to its seconds.

    Raises:
        UnknownBackendError: there is no backend of that name, here or in the model's ``solve with``.
        OptionError: an option is unknown, of the wrong type or out of range.
        GivenError: the start does not fit the model.
        DataError: numbers of the model are undefined.
    """
    wanted, given, said = _method(instance, None if backend == "auto" else backend, options or {})
    parsed = {}
    if wanted is not None:
        chosen = registry.get(wanted)
        parsed[wanted] = parse(wanted, chosen.options, given)
    elif given:
        # Without a name the options are those of the backend that the plan takes.
        route = _planned(instance)
        name = route if route is not None else registry.names()[0]
        parsed[name] = parse(name, registry.get(name).options, given)
    values = None if start is None else values_of(instance, start, complete=False, source="the start")
    request = Request(Goal(gap, tol), wanted, parsed, values, n, (*notes, *said), compile_seconds)
    context = contexts.start(
        time_limit=time_limit,
        progress=progress,
        seed=seed,
        threads=threads,
        device=device,
        executor=executor,
        cancellation=cancellation,
    )
    with contexts.interruptible(context) if interruptible else nullcontext(context):
        return solve(instance, registry.every(), request, context)


def _planned(instance: Instance) -> str | None:
    from optc.compiler.plan import plan

    chosen = plan(instance, registry.every()).chosen
    return None if chosen is None else chosen.backend.name


def _method(
    instance: Instance, backend: str | None, options: Mapping[str, object]
) -> tuple[str | None, dict[str, Any], tuple[Diagnostic, ...]]:
    """Backend and options after the model's ``solve with`` and the caller, who wins."""
    methods = instance.program.methods
    if not methods:
        return backend, dict(options), ()
    first = methods[0]
    if backend is not None and backend != first.name:
        note = report(solving.METHOD_OVERRULED, first.span, written=first.name, given=backend)
        return backend, dict(options), (note,)
    return first.name, {**dict(first.options), **options}, ()
