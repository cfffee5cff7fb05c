"""What the compiler found in a model: levels, class, sizes, shapes of its parts, the forms it has, the routes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from optc.compiler.facts import structure as facts
from optc.compiler.facts.bounds import DerivedBound
from optc.compiler.instance.instance import Family, Instance, blocks
from optc.compiler.quantifiers import class_name, quantifier_text, quantifier_tree
from optc.compiler.spaces.domains import Domain
from optc.dsl.catalogue.instances import NOT_CURVED
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Block, Expr, Parameter, Program, Relation, SetSymbol
from optc.dsl.source import Span

if TYPE_CHECKING:
    from .problem import Problem


WAYS = 4  # that are named where there are none, for one reason
CHEAPER = "a cheaper route is"  # why a route that stands is not taken


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether the problem has a form; ``reason`` and ``place`` say why not, in the user's own lines."""

    form: str
    reason: str | None = None
    place: str | None = None
    shape: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is proved about an objective or a constraint family in the decisions of its own block.

    ``shape``: ``linear``, ``convex``, ``concave``, ``constant``, ``indefinite quadratic``, ``quadratic``, ``not
    quadratic``, …; ``reason`` and ``place`` show the part that makes it so.
    """

    what: str
    shape: str
    reason: str | None = None
    place: str | None = None


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
    """Prints as text; ``to_dict`` gives the same as an object. Without data there are no sizes, forms and routes.

    ``derived``: the constants that the lowerings of the route taken put into rows because of bounds.
    """

    model: str
    problem_class: str
    levels: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    forms: tuple[Fit, ...] = ()
    routes: tuple[Way, ...] = ()
    findings: tuple[Finding, ...] = ()
    derived: tuple[DerivedBound, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "class": self.problem_class,
            "levels": self.levels.splitlines(),
            "sizes": dict(self.sizes),
            "findings": [
                {"what": f.what, "shape": f.shape, "reason": f.reason, "place": f.place} for f in self.findings
            ],
            "forms": [
                {"form": f.form, "fits": f.reason is None, "reason": f.reason, "place": f.place, **f.shape}
                for f in self.forms
            ],
            "routes": [
                {"steps": list(w.steps), "taken": w.taken, "reason": w.reason, "need": w.need} for w in self.routes
            ],
            "derived_bounds": [_derived(bound) for bound in self.derived],
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
        if self.findings:
            yield ""
            yield "found"
            yield from map(_finding_line, self.findings)
        if self.forms:
            yield ""
            yield "forms"
            yield from map(_form_line, self.forms)
        if self.routes:
            yield ""
            yield "routes"
            yield from _route_lines(self.routes)
        if self.derived:
            yield ""
            yield "derived bounds"
            yield from (f"  {bound.text()}" for bound in self.derived)


def _derived(bound: DerivedBound) -> dict[str, Any]:
    """The largest value of a family of rows, as an object; no row and no value where the family is empty."""
    row, value = bound.largest() or (None, None)
    return {
        "family": bound.row,
        "row": row,
        "value": value,
        "expression": bound.expression,
        "sources": list(bound.sources),
    }


def _finding_line(finding: Finding) -> str:
    reason = f": {finding.reason}" if finding.reason else ""
    verb = "are" if "families" in finding.what else "is"
    return f"  {finding.what} {verb} {finding.shape}{reason}" + (f" ({finding.place})" if finding.place else "")


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
    "cones": ("cone", "cones"),
    "squares": ("quadratic term", "quadratic terms"),
}


def _route_lines(routes: tuple[Way, ...]) -> Iterator[str]:
    """The routes as text: those that can be taken, one a line whatever the backend; then why there are no others."""
    backends: dict[tuple[tuple[str, ...], str | None], list[str]] = {}
    refused: dict[str, dict[str, None]] = {}
    needs: dict[str, str] = {}
    for way in routes:
        if way.taken or way.reason == CHEAPER:
            backends.setdefault((way.steps[:-1], way.reason), []).append(way.steps[-1])
        else:
            why = way.reason or ""
            refused.setdefault(why, {})[" > ".join(dict.fromkeys(way.steps[1:-1])) or way.steps[-1]] = None
            needs.setdefault(why, way.need)
    for (steps, reason), ends in backends.items():
        route = " > ".join((*dict.fromkeys(steps), " or ".join(dict.fromkeys(ends))))
        yield f"  {route}: {'taken' if reason is None else f'not taken, {reason}'}"
    for why, ways in refused.items():
        more = f" and {len(ways) - WAYS:,} more" if len(ways) > WAYS else ""
        yield f"  not by {', '.join(list(ways)[:WAYS])}{more}: {why}"
        if needs[why] and not backends:
            yield f"      {needs[why]}"


def explain_program(program: Program) -> Explanation:
    """What is known without data."""
    return Explanation(program.name, class_name(program), quantifier_text(quantifier_tree(program)))


def explain(problem: Problem, backend: str | None = None, tighten: bool | float = False) -> Explanation:
    """What is known with data: sizes of families, the forms the problem has, the routes; with ``backend`` those to it.

    ``tighten``: bounds by optimisation first. Raises ``backends.registry.UnknownBackendError`` for a name that there is
    not.
    """
    instance = _tightened(problem.instance, tighten)
    program = instance.program
    sizes = {
        "decisions": instance.columns,
        "of them whole": sum(f.count for f in instance.families if f.integer),
        "uncertain": sum(f.count for f in instance.nature),
        "constraint rows": sum(c.count for c in instance.constraints),
    }
    known = {what: count for what, count in sizes.items() if count or what in ("decisions", "constraint rows")}
    with np.errstate(all="ignore"):  # numbers that overflow are told of where they are solved
        routes, derived = _ways(instance, backend)
        return Explanation(
            program.name,
            class_name(program),
            quantifier_text(quantifier_tree(program)),
            known,
            _forms(problem),
            routes,
            tuple(_findings(instance)),
            derived,
        )


def _tightened(instance: Instance, tighten: bool | float) -> Instance:
    from optc.backends.registry import every
    from optc.compiler.context import start
    from optc.compiler.tightening import tighten as tightened

    from .solving import seconds_to_tighten

    seconds = seconds_to_tighten(tighten)
    return instance if seconds is None else tightened(instance, every(), seconds, start())[0]


def _findings(instance: Instance) -> Iterator[Finding]:
    """Objectives and constraints of every block, each in the block's own decisions with all others held.

    To the outermost decider the decisions of those who answer him are no data: they count as his.
    """
    for block in blocks(instance.program):
        owner = f" of {'.'.join(block.path)}" if block.path else ""
        stated = block.objective
        if stated is not None and stated.expression is not None:
            shape, reason = _shape(instance, stated.expression, block, stated.sense)
            yield _finding(f"objective{f' {stated.name}' if stated.name else ''}{owner}", shape, reason)
        yield from _constraint_findings(instance, block, owner)


def _decisions(instance: Instance, block: Block) -> tuple[str, ...]:
    return block.decisions if block.path else tuple(family.name for family in instance.families)


def _shape(instance: Instance, term: Expr, block: Block, sense: str) -> tuple[str, Diagnostic | None]:
    decisions = _decisions(instance, block)
    degree = facts.degree_in(instance, term, block.space, decisions)
    if degree.value is None:
        return _curved(instance, term, block, decisions, "concave" if sense == "maximize" else "convex")
    if degree.value < 2:
        return ("constant", "linear")[degree.value], None
    curvature = facts.curvature(instance, term, block.space, decisions)
    wanted = "negative semidefinite" if sense == "maximize" else "positive semidefinite"
    if curvature.value in (wanted, "zero", "unknown"):
        return _CURVATURES[curvature.value], curvature.reason
    return _CURVATURES[curvature.value], degree.reason


def _curved(
    instance: Instance, term: Expr, block: Block, decisions: tuple[str, ...], wanted: str
) -> tuple[str, Diagnostic | None]:
    """The curvature of a term that is no polynomial of degree two, and why it is not what is wanted."""
    from optc.compiler.facts.convexity import curvature_of

    found, reason = curvature_of(instance, term, block.space, decisions, wanted)
    return found if reason is None else f"not proved {wanted}", reason


_CURVATURES = {
    "zero": "linear with these data, since no square has a coefficient",
    "positive semidefinite": "convex",
    "negative semidefinite": "concave",
    "indefinite": "neither convex nor concave",
    "unknown": "quadratic, of a curvature that is not known",
}


def _constraint_findings(instance: Instance, block: Block, owner: str) -> Iterator[Finding]:
    """How many families are linear, and each that is not, with the part that makes it so."""
    from optc.compiler.facts.convexity import rows_fact

    linear = 0
    for name in block.constraints:
        family = instance.constraint(name)
        body = family.symbol.body
        if not isinstance(body, Relation):
            yield Finding(f"constraint {name}", _KINDS[type(body).__name__])
            continue
        reason = facts.linear_in(instance, body, family.symbol.space, _decisions(instance, block))
        if reason is None:
            linear += 1
        else:
            found = rows_fact(instance, family, _decisions(instance, block))
            if isinstance(found, Diagnostic):
                yield _finding(f"constraint {name}", "not proved convex", found)
            else:
                yield _finding(f"constraint {name}", _ROWS.get(found, found), reason)
    if linear:
        yield Finding(f"{_rows(linear, 'constraint family', 'constraint families')}{owner}", "linear")


_ROWS = dict.fromkeys(("affine", "convex"), "convex, not linear")
_KINDS = {
    "Implication": "an indicator",
    "Complementarity": "a complementarity condition",
    "SpecialOrderedSet": "a special ordered set",
}


def _finding(what: str, shape: str, reason: Diagnostic | None) -> Finding:
    return Finding(what, shape, reason.message if reason else None, _place_text(reason))


def _place_text(diagnostic: Diagnostic | None) -> str | None:
    if diagnostic is None:
        return None
    place = diagnostic.place
    if not isinstance(place, Span):
        return None
    column = f", column {place.source.position(place.start)[1]}" if diagnostic.code is NOT_CURVED else ""
    return f"{place.source.name}, line {place.line}{column}"


def _ways(instance: Instance, wanted: str | None) -> tuple[tuple[Way, ...], tuple[DerivedBound, ...]]:
    """The routes, and what the lowerings of the one that is taken derived from bounds."""
    from optc.backends.registry import every, get
    from optc.compiler.plan import plan, take

    if wanted is not None:
        get(wanted)
    found, lowered = take(plan(instance, every(), wanted), instance)
    routes = tuple(
        Way(
            (found.signature.problem_class, *route.steps),
            route is found.chosen,
            None if route is found.chosen else route.refused or CHEAPER,
            route.need,
        )
        for route in found.routes
    )
    return routes, () if lowered is None else lowered.derived


def _forms(problem: Problem) -> tuple[Fit, ...]:
    """The simplest form that fits; where it is not the first, why those before it do not."""
    found: list[Fit] = []
    for form in ("linear", "quadratic"):
        found.append(_fit(problem, form))
        if found[-1].reason is None:
            return tuple(found)
    conic = _fit_in_cones(problem)
    return tuple(found) if conic is None else (*found, conic)


def _fit_in_cones(problem: Problem) -> Fit | None:
    """The conic form of a model that has one."""
    from optc.compiler.lowerings import instance_to_conic
    from optc.compiler.signature import Signature, signature

    end = instance_to_conic.transfer(signature(problem.instance.program))
    if not isinstance(end, Signature) or instance_to_conic.accepts(problem.instance) is not None:
        return None
    form = instance_to_conic.lower(problem.instance)[0]
    rows, columns = form.shape
    return Fit("conic", None, None, {"rows": rows, "columns": columns, "cones": form.cones.count})


def _fit(problem: Problem, form: str) -> Fit:
    from optc.compiler.forms.linear import QuadraticForm
    from optc.compiler.lowerings import instance_to_linear, instance_to_quadratic

    way = {"linear": instance_to_linear, "quadratic": instance_to_quadratic}[form]
    refusal = way.accepts(problem.instance)
    if refusal is not None:
        return Fit(form, refusal.message, _place_text(refusal))
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
