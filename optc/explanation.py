"""What the compiler found in a model: levels, class, sizes, the forms it has, and the routes there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from optc.compiler.instance import Family, Instance
from optc.compiler.quantifiers import class_name, quantifier_text, quantifier_tree
from optc.compiler.spaces import Domain
from optc.dsl.program import Parameter, Program, SetSymbol

if TYPE_CHECKING:
    from .problem import Problem


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether the problem has a form; ``reason`` and ``place`` say why not, in the user's own lines."""

    form: str
    reason: str | None = None
    place: str | None = None
    shape: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """A route from the model to a backend. ``reason``: why it is not taken, None for the one that is.

    ``need``: what would remove the obstacle, or the empty text.
    """

    steps: tuple[str, ...]
    taken: bool
    reason: str | None = None
    need: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """Prints as text; ``to_dict`` gives the same as an object. Without data there are no sizes, forms and routes."""

    model: str
    problem_class: str
    levels: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    forms: tuple[Fit, ...] = ()
    routes: tuple[Way, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "class": self.problem_class,
            "levels": self.levels.splitlines(),
            "sizes": dict(self.sizes),
            "forms": [
                {"form": f.form, "fits": f.reason is None, "reason": f.reason, "place": f.place, **f.shape}
                for f in self.forms
            ],
            "routes": [
                {"steps": list(w.steps), "taken": w.taken, "reason": w.reason, "need": w.need} for w in self.routes
            ],
        }

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.model}: {self.problem_class}"
        yield ""
        yield "levels"
        yield from (f"  {line}" for line in self.levels.splitlines())
        if self.sizes:
            yield ""
            yield "sizes"
            yield from (f"  {count:>9,} {what}" for what, count in self.sizes.items())
        if self.forms:
            yield ""
            yield "forms"
            yield from map(_form_line, self.forms)
        if self.routes:
            yield ""
            yield "routes"
            for way in self.routes:
                yield from _way_lines(way)


def _form_line(fit: Fit) -> str:
    if fit.reason is not None:
        return f"  not {fit.form}: {fit.reason}" + (f" ({fit.place})" if fit.place else "")
    shape = ", ".join(f"{count:,} {_WORDS[what][count != 1]}" for what, count in fit.shape.items())
    return f"  {fit.form}: {shape}"


_WORDS = {
    "rows": ("row", "rows"),
    "columns": ("column", "columns"),
    "whole_columns": ("whole column", "whole columns"),
    "non_zeros": ("non-zero", "non-zeros"),
    "squares": ("quadratic term", "quadratic terms"),
}


def _way_lines(way: Way) -> Iterator[str]:
    steps = " > ".join(dict.fromkeys(way.steps))
    yield f"  {steps}: {'taken' if way.taken else 'not taken'}{'' if way.taken else f', {way.reason}'}"
    if way.need:
        yield f"      {way.need}"


def explain_program(program: Program) -> Explanation:
    """What is known without data."""
    return Explanation(program.name, class_name(program), quantifier_text(quantifier_tree(program)))


def explain(problem: Problem, backend: str | None = None) -> Explanation:
    """What is known with data: sizes of families, the forms the problem has, the routes; with ``backend`` those to it.

    Raises ``backends.registry.UnknownBackendError`` for a name that there is not.
    """
    instance = problem.instance
    program = instance.program
    sizes = {
        "decisions": instance.columns,
        "of them whole": sum(f.count for f in instance.families if f.integer),
        "uncertain": sum(f.count for f in instance.nature),
        "constraint rows": sum(c.count for c in instance.constraints),
    }
    known = {what: count for what, count in sizes.items() if count or what in ("decisions", "constraint rows")}
    return Explanation(
        program.name,
        class_name(program),
        quantifier_text(quantifier_tree(program)),
        known,
        _forms(problem),
        _ways(instance, backend),
    )


def _ways(instance: Instance, wanted: str | None) -> tuple[Way, ...]:
    from optc.backends.registry import every, get
    from optc.compiler.plan import plan

    if wanted is not None:
        get(wanted)
    found = plan(instance, every(), wanted)
    return tuple(
        Way(
            (found.signature.problem_class, *route.steps),
            route is found.chosen,
            None if route is found.chosen else route.refused or "a cheaper route is",
            route.need,
        )
        for route in found.routes
    )


def _forms(problem: Problem) -> tuple[Fit, ...]:
    """The simplest form that fits; where it is not the first, why those before it do not."""
    found: list[Fit] = []
    for form in ("linear", "quadratic"):
        found.append(_fit(problem, form))
        if found[-1].reason is None:
            break
    return tuple(found)


def _fit(problem: Problem, form: str) -> Fit:
    from optc.compiler.forms.linear import QuadraticForm
    from optc.compiler.lowerings import instance_to_linear, instance_to_quadratic

    way = {"linear": instance_to_linear, "quadratic": instance_to_quadratic}[form]
    refusal = way.accepts(problem.instance)
    if refusal is not None:
        place = refusal.place
        where = f"{place.source.name}, line {place.line}" if hasattr(place, "source") else None
        return Fit(form, refusal.message, where)
    lowered = way.lower(problem.instance)[0]
    rows, columns = lowered.shape
    shape = {
        "rows": rows,
        "columns": columns,
        "whole_columns": int(np.count_nonzero(lowered.integer)),
        "non_zeros": len(lowered.values),
    }
    if isinstance(lowered, QuadraticForm):
        shape["squares"] = len(lowered.hessian_values)
    return Fit(form, None, None, shape)


def instance_text(instance: Instance) -> str:
    """The instance in words: every set, parameter, decision and constraint with its size and range."""
    lines = [f"instance of {instance.program.name}"]
    for name, symbol in instance.program.symbols.items():
        if isinstance(symbol, SetSymbol):
            lines.append(f"set {name}: {_set_text(instance, name)}")
        elif isinstance(symbol, Parameter):
            lines.append(f"param {name}: {_parameter_text(instance, name)}")
    lines += [_family_text("var", family) for family in instance.families]
    lines += [_family_text("uncertain", family) for family in instance.nature]
    lines += [f"constraint {c.name}: {_rows(c.count)}" for c in instance.constraints]
    return "\n".join(lines)


def _set_text(instance: Instance, name: str) -> str:
    found = instance.scope.sets.get(name)
    if found is None:
        return "not used"
    if isinstance(found, Domain):
        return _rows(found.size, "member", "members")
    return f"{_rows(len(found.counts), 'set', 'sets')} with {_rows(int(found.starts[-1]), 'member', 'members')} in all"


def _parameter_text(instance: Instance, name: str) -> str:
    values = instance.scope.data.get(name)
    if not isinstance(values, np.ndarray):
        return "texts" if values is not None else "not used"
    size = instance.scope.layouts[name].size
    return f"{_rows(size, 'entry', 'entries')}{_range(values)}"


def _family_text(word: str, family: Family) -> str:
    bounds = ""
    if family.count:
        low, high = float(np.min(family.lower)), float(np.max(family.upper))
        bounds = f", within {low:g} to {high:g}"
    owner = f" of {'.'.join(family.owner)}" if family.owner else ""
    return f"{word} {family.name}{owner}: {_rows(family.count, 'entry', 'entries')}, {family.domain}{bounds}"


def _range(values: np.ndarray[Any, Any]) -> str:
    if values.size == 0:
        return ""
    low, high = float(values.min()), float(values.max())
    return f", {low:g}" if low == high else f", {low:g} to {high:g}"


def _rows(count: int, one: str = "row", many: str = "rows") -> str:
    return f"{count:,} {one if count == 1 else many}"
