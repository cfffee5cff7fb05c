"""``Problem``: a model with its data; it is solved, explained, exported, verified, and given new numbers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from optc.compiler.data import DataError, FileInput, Input, PythonValue, read_inputs
from optc.compiler.instance.instance import Instance, build
from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.check.walking import deep_calls
from optc.dsl.diagnostics import Diagnostic, Place
from optc.dsl.program import Program

from .errors import ModelError
from .model import DataInput, Model

if TYPE_CHECKING:
    from optc.compiler.context import Progress
    from optc.compiler.export.named import NamedForm, Written
    from optc.compiler.forms.linear import LinearForm
    from optc.compiler.result.solution import Solution

    from .explanation import Explanation

Form = Literal["linear", "quadratic", "discrete", "nonlinear"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Problem:
    """A model with its data. Made by ``Model.bind``.

    ``externs`` holds the functions given for the model's externs. ``seconds``: what it took to make the problem, with
    reading and checking the model; they count as compile time of its answers.
    """

    model: Model
    instance: Instance
    externs: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings and notes of the model and of its data."""
        from optc.compiler.presenting import further_notes

        return (*self.model.diagnostics, *further_notes(self.model.diagnostics, self.instance.notes))

    def update(self, **names: Any) -> Problem:
        """The same problem with other numbers: no parsing, no new analysis. Raises DataError.

        ``names``: values by name, as ``Model.bind`` takes them; functions for externs too.
        """
        began = time.perf_counter()
        functions = {name: names.pop(name) for name in list(names) if name in self.model.functions}
        externs = {**self.externs, **functions}
        instance = self.instance.update(**names) if names else self.instance
        if functions:  # data may come from them, and what was found about the old ones is of no use
            instance = build(instance.program, instance.supplied, functions=externs)
        return replace(self, instance=instance, externs=externs, seconds=time.perf_counter() - began)

    def solve(
        self,
        *,
        backend: str = "auto",
        options: Mapping[str, object] | None = None,
        time_limit: float | None = None,
        gap: float = 1e-4,
        tol: float = 1e-6,
        seed: int = 0,
        threads: int | None = None,
        device: Literal["cpu", "cuda", "auto"] = "auto",
        start: Solution | Mapping[str, Any] | None = None,
        n: int | Literal["all"] = 1,
        tighten: bool | float = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Solution:
        """The answer, checked on the model as written. An answer that is not there is a status, not an exception.

        ``backend``: a name, or ``"auto"``: the model's ``solve with``, else the cheapest route; ``options``: its own.
        ``time_limit``: seconds. ``gap``: relative, that is enough. ``tol``: of constraints, relative to the largest
        term. ``start``: a solution, or values by name. ``n``: how many answers. ``tighten``: bounds by optimisation
        before the model is lowered, for 10 or so many seconds. ``progress``: gets reports of the work.
        Ctrl-C ends the work with the best answer so far.

        Raises DataError where numbers are undefined, GivenError for a start that does not fit, UnknownBackendError and
        OptionError for names and options.
        """
        from optc.compiler.result.given import values_of

        from .solving import solve

        return solve(
            self,
            backend=backend,
            options=options or {},
            time_limit=time_limit,
            gap=gap,
            tol=tol,
            seed=seed,
            threads=threads,
            device=device,
            given=None if start is None else values_of(self.instance, start, complete=False, source="the start"),
            n=n,
            tighten=tighten,
            progress=progress,
        )

    @deep_calls()
    def verify(self, values: Solution | Mapping[str, Any], *, tol: float = 1e-6, gap: float = 1e-4) -> Solution:
        """The certificate of a given answer, ours or anyone's, as a Solution whose status says what is true of it.

        ``values``: a Solution, the JSON object of a result (its evidence is replayed), or values by name: numbers,
        arrays, dicts by index, pandas series. Raises GivenError where they do not fit the model.
        """
        from optc.compiler.replay import verify

        from .solving import solved_again

        return verify(self.instance, values, tol, gap, self.model.diagnostics, again=solved_again(tol))

    @deep_calls()
    def explain(self, backend: str | None = None, *, tighten: bool | float = False) -> Explanation:
        """What the compiler found: levels, class, sizes, forms, routes (with ``backend`` those to it); prints well.

        ``tighten``: as for ``solve``; the derived bounds are then those after it.
        """
        from .explanation import explain

        return explain(self, backend, tighten)

    def __repr__(self) -> str:
        rows = sum(family.count for family in self.instance.constraints)
        size = f"{self.instance.columns:,} decisions, {rows:,} constraint rows"
        return f"<optc.Problem {self.model.name}: {self.model.class_name}, {size}>"

    # ------------------------------------------------------------------------------------------------------- forms
    def lower(self, form: Form | None = None) -> LinearForm:
        """The frozen arrays that a backend would get: those of ``form``, or of the simplest one that the problem has.

        ``"linear"`` and ``"quadratic"`` are the model as it stands. ``"discrete"``, with products in rows, indicators,
        ordered sets and complementary pairs, is reached over the reformulations that the model needs: the optimality
        conditions of followers, say. Raises ModelError where the model has no such form, DataError where its numbers
        are undefined or not finite. ``"nonlinear"`` has functions beside arrays, ``evaluate_objective(x)`` and so on;
        it comes only where it is asked for.
        """
        return self._lowered(form)[0]

    def named(self, form: Form | None = None) -> NamedForm:
        """The lowered form with the names of its rows and columns, not of the nonlinear one. Raises like ``lower``."""
        if form == "nonlinear":
            raise ValueError("a nonlinear form is not arrays alone: it has no named form")
        from optc.compiler.export.naming import named

        return named(*self._lowered(form))

    @deep_calls()
    def _lowered(self, form: Form | None) -> tuple[LinearForm, Instance]:
        """The form, and the instance that its rows and columns are named after."""
        from optc.compiler.lowerings import instance_to_linear, instance_to_quadratic
        from optc.compiler.magnitudes import unusable
        from optc.compiler.plan import reached

        ways = {"linear": instance_to_linear, "quadratic": instance_to_quadratic}
        if form is not None and form not in (*ways, "discrete", "nonlinear"):
            raise ValueError(f"the forms are {', '.join(ways)}, discrete and nonlinear, not {form!r}")
        reason = None
        for name, way in ways.items():
            if form not in (None, name):
                continue
            reason = way.accepts(self.instance)
            if reason is None:
                lowered: LinearForm = way.lower(self.instance)[0]
                fault = unusable(self.instance, lowered)
                if fault is not None:
                    raise DataError([fault])
                return lowered, self.instance
        over = "discrete" if form is None else form
        found = reached(self.instance, over) if over not in ways else None
        if found is None or isinstance(found, Diagnostic):
            told = reason if reason is not None and form is None and found is None else found or reason
            assert told is not None
            raise ModelError([*self.model.diagnostics, told])
        fault = unusable(found.instance, found.form)
        if fault is not None:
            raise DataError([fault])
        return found.form, found.instance

    def to_pyomo(self) -> Any:
        """The problem as a ``pyomo.environ.ConcreteModel`` with a component for each family: ``m.ship["a", "b"]``.

        It is the form that the backend ``pyomo`` would get; decisions and rows that the way there adds have names of
        their own. ``problem.verify({"ship": m.ship.extract_values()})`` judges an answer of it. Raises ModelError where
        Pyomo is not installed or the model has no such form, DataError where its numbers are undefined.
        """
        from optc.backends import pyomo
        from optc.backends.pyomo.driver import named_model
        from optc.backends.registry import get
        from optc.compiler.plan import plan, take
        from optc.dsl.catalogue import solving

        if pyomo.version() is None:
            raise ModelError([report(solving.NOT_INSTALLED, None, name=pyomo.name, install=pyomo.install)])
        routes, lowered = take(plan(self.instance, [get(pyomo.name)], pyomo.name), self.instance)
        if lowered is None:
            told = routes.routes[0].refused or ""
            span = self.model.program.root.span
            raise ModelError([report(solving.BACKEND_REFUSES, span, name=pyomo.name, reason=told)])
        return named_model(lowered)

    @deep_calls()
    def written(self, format: str) -> Written:
        """The text of the problem in a file format, ``lp mps json nl``, with the names that had to change.

        ``nl`` holds the model as it stands where the format can, nonlinear rows among it; else the lowered form.
        """
        from optc.compiler.export import write

        if format != "nl":
            return write(self.named(), format)
        from optc.compiler.export.nl import instance_text

        found = instance_text(self.instance)
        if not isinstance(found, Diagnostic):
            return found
        try:
            return write(self.named(), format)
        except ModelError:
            raise ModelError([*self.model.diagnostics, found]) from None

    def export(self, path: str | os.PathLike[str], format: str | None = None) -> Written:
        """Writes the problem to a file; the format is that of the ending unless one is given.

        Beside a ``.nl`` file stand ``.row`` and ``.col`` with the names. Gives the text back with the names that had to
        change. Raises ModelError where the problem has no such form or the file cannot be written, ValueError for a
        format that is not known.
        """
        target = Path(path)
        written = self.written(format or target.suffix[1:].lower())
        for path_, text in written.files(target):
            try:
                path_.write_text(text, encoding="utf-8")
            except OSError as refusal:
                reason = refusal.strerror or str(refusal)
                refused = report(codes.FILE_UNWRITABLE, Place(str(path_)), path=str(path_), reason=reason)
                raise ModelError([refused]) from None
        return written


def verify(problem: Problem, values: Solution | Mapping[str, Any], *, tol: float = 1e-6, gap: float = 1e-4) -> Solution:
    """``problem.verify(values)``: the certificate of a given answer."""
    return problem.verify(values, tol=tol, gap=gap)


def bind(model: Model, inputs: Sequence[DataInput], *, allow_surplus: bool = False) -> Problem:
    """``Model.bind`` with its inputs in a list; later ones go before earlier ones in nothing: each name once."""
    functions: dict[str, Callable[..., Any]] = {}
    found: list[Input] = []
    for given in inputs:
        if not isinstance(given, Mapping):
            found.append(FileInput(os.fspath(given)))
            continue
        for name, value in given.items():
            if name in model.functions:
                functions[name] = value
            else:
                found.append(PythonValue(name, value))
    return bind_inputs(model, found, functions, allow_surplus=allow_surplus)


def bind_inputs(
    model: Model,
    inputs: Sequence[Input],
    functions: Mapping[str, Callable[..., Any]],
    *,
    allow_surplus: bool = False,
) -> Problem:
    """The problem of a model with inputs in the compiler's own terms. Raises DataError, ModelError for externs."""
    unknown = [name for name in functions if name not in model.functions]
    if unknown:
        known = (
            f"the model's externs are {', '.join(model.functions)}" if model.functions else "the model has no extern"
        )
        problem = f"the model has no extern {unknown[0]} ({known})"
        place = Place("--extern")
        raise ModelError([report(codes.EXTERN_SPECIFICATION, place, text=unknown[0], problem=problem)])
    began = time.perf_counter()
    name = model.source.name
    folder = Path.cwd() if name.startswith(("-", "<")) else Path(name).parent
    instance = _instance(model.program, inputs, functions, folder, allow_surplus)
    return Problem(model, instance, dict(functions), model.seconds + time.perf_counter() - began)


@deep_calls()
def _instance(
    program: Program,
    inputs: Sequence[Input],
    functions: Mapping[str, Callable[..., Any]],
    folder: Path,
    allow_surplus: bool,
) -> Instance:
    """The instance. What reading refuses does not keep the rest from being checked: one error has all mistakes."""
    try:
        supplied = read_inputs(program, inputs, folder=folder, allow_surplus=allow_surplus)
    except DataError as error:
        if error.supplied is None:
            raise
        raise DataError([*error.diagnostics, *_further(program, error, functions)]) from None
    return build(program, supplied, functions=functions)


def _further(program: Program, error: DataError, functions: Mapping[str, Callable[..., Any]]) -> list[Diagnostic]:
    assert error.supplied is not None
    try:
        build(program, error.supplied, functions=functions)
    except DataError as more:
        return [d for d in more.diagnostics if d not in error.diagnostics]
    return []
