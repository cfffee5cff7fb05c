"""From what the user asks for to what the compiler is asked: backends, methods of the model, options, starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from optc.backends.options import OptionError, parse
from optc.backends.registry import UnknownBackendError, every, get
from optc.compiler.backend import Backend, Goal
from optc.compiler.context import Context, Progress, interruptible, start
from optc.compiler.found import Request
from optc.compiler.plan import plan, take
from optc.compiler.result.solution import Solution
from optc.compiler.solve import CHECK_SECONDS, CHECKED_GAP
from optc.compiler.solve import solve as solve_instance
from optc.compiler.tightening import SECONDS
from optc.dsl.catalogue import report
from optc.dsl.catalogue import solving as codes
from optc.dsl.check.walking import deep_calls
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Method

from .errors import ModelError

if TYPE_CHECKING:
    from optc.compiler.instance.instance import Instance

    from .problem import Problem

Options = Mapping[str, object]


def solve(
    problem: Problem,
    *,
    backend: str,
    options: Options,
    time_limit: float | None,
    gap: float,
    tol: float,
    seed: int,
    threads: int | None,
    device: Literal["cpu", "cuda", "auto"],
    given: Mapping[str, Any] | None,
    n: int | Literal["all"],
    tighten: bool | float,
    progress: Callable[[Progress], None] | None,
) -> Solution:
    """The answer; Ctrl-C gives the best one so far. ``given``: values of decisions to begin from, by family."""
    notes = list(problem.model.diagnostics)
    steps = _steps(problem, backend, options, notes)
    request = Request(
        goal=Goal(gap, tol),
        start=given,
        answers=n,
        notes=tuple(notes),
        compile_seconds=problem.seconds,
        tighten=seconds_to_tighten(tighten),
    )
    surroundings = start(time_limit=time_limit, progress=progress, seed=seed, threads=threads, device=device)
    with deep_calls(), interruptible(surroundings) as context:
        return _run(problem, steps, request, context)


def solved_again(tol: float) -> Callable[[Instance], Solution]:
    """What solves other problems to check an answer: by the cheapest route, whatever the answer came from."""
    request, context = Request(Goal(CHECKED_GAP, tol)), start()
    return lambda problem: solve_instance(problem, every(), request, context.within(CHECK_SECONDS))


def seconds_to_tighten(tighten: bool | float) -> float | None:
    """What ``tighten`` allows: a number of seconds, the usual ones for True, None for False. Raises ValueError."""
    if isinstance(tighten, bool):
        return SECONDS if tighten else None
    if not tighten > 0:
        raise ValueError(f"tighten is True, False or a number of seconds above zero, not {tighten}")
    return float(tighten)


def _run(problem: Problem, steps: list[tuple[str | None, Options]], request: Request, context: Context) -> Solution:
    """One method after the other, each from the answer of the one before."""
    backends = every()
    solution: Solution | None = None
    for at, (name, options) in enumerate(steps, 1):
        if solution is not None:
            if not solution.has_point or context.stop() is not None:
                return solution
            request = replace(request, start={k: f.values for k, f in solution.variables.items()})
        answers = request.answers if at == len(steps) else 1
        asked = replace(request, backend=name, options=_parsed(problem, backends, name, options), answers=answers)
        solution = solve_instance(problem.instance, backends, asked, context)
    assert solution is not None  # there is always a step
    return solution


def _steps(
    problem: Problem, backend: str, options: Options, notes: list[Diagnostic]
) -> list[tuple[str | None, Options]]:
    """What is to be run, one after the other: what the user asked for, else what the model asks for, else the best."""
    methods = problem.model.program.methods
    if backend != "auto":
        get(backend)  # raises UnknownBackendError
        written = [m for m in methods if m.name == backend]
        if methods and not written:
            names = " then ".join(m.name for m in methods)
            notes.append(report(codes.METHOD_OVERRULED, methods[0].span, written=names, given=f"--backend {backend}"))
        return [(backend, {**(dict(written[0].options) if written else {}), **options})]
    if methods:
        return [(_known(method), {**dict(method.options), **options}) for method in methods]
    return [(None, options)]


def _known(method: Method) -> str:
    """The method's name; raises ModelError at its place where there is no backend of that name."""
    try:
        return get(method.name).name
    except UnknownBackendError as unknown:
        raise ModelError([replace(unknown.diagnostic, place=method.span)]) from None


def _parsed(problem: Problem, backends: tuple[Backend, ...], name: str | None, options: Options) -> dict[str, Any]:
    """The options of the backend that will be used, by its name. Raises OptionError, ModelError at a method's place."""
    if not options:
        return {}
    if name is None:
        chosen = take(plan(problem.instance, backends), problem.instance)[0].chosen
        if chosen is None:
            return {}
        name = chosen.backend.name
    try:
        return {name: parse(name, get(name).options, options)}
    except OptionError as wrong:
        spans = {m.name: m.span for m in problem.model.program.methods if set(dict(m.options)) & set(options)}
        if name not in spans:
            raise
        raise ModelError([replace(d, place=spans[name]) for d in wrong.diagnostics]) from None
