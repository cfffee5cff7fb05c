"""The solution as it is shown: values by name, multipliers by row, the certificate, what ran and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optc.dsl.catalogue import report, solving
from optc.dsl.catalogue.instances import START_MOVED
from optc.dsl.catalogue.rules import START_OUTSIDE
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Choice

from .forms.conic import ConicForm, written_duals
from .forms.linear import Floats, LinearForm
from .forms.nonlinear import NonlinearForm
from .found import Found
from .instance.instance import Instance
from .quantifiers import class_name
from .result import lifting
from .result.certificate import Certificate, Line
from .result.labelled import Labelled, index_names
from .result.solution import BackendRecord, Solution
from .verify import followers
from .verify.objective import expressions
from .verify.point import Point
from .verify.report import Report


def solution_of(
    found: Found,
    status: Any,
    termination: str,
    report_: Report | None,
    certificate: list[Line],
    limit: float | None,
) -> Solution:
    instance, answer, backend = found.instance, found.answer, found.route.backend
    named = {} if report_ is None else labelled_expressions(instance, report_.point)
    stated = instance.program.root.objective
    kind = class_name(instance.program)
    value = None if report_ is None else report_.objective
    sense = None if stated is None else stated.sense
    unnamed = "leader" if followers.followers(instance.program) else "objective"
    name = (stated.name if stated is not None else None) or unnamed
    others = {} if report_ is None else dict(report_.objectives)
    duals = None if answer.row_duals is None or report_ is None else _row_duals(found)
    reduced = None if answer.column_duals is None or report_ is None else answer.column_duals + 0.0
    return Solution(
        instance.program.name,
        kind,
        status,
        termination,
        sense,
        value,
        limit,
        others if value is None else {name: value, **others},
        {} if report_ is None else labelled_decisions(instance, report_.point),
        named,
        None,
        _multipliers(found)
        if duals is None
        else _labelled_rows(instance, lifting.by_row_family(found.form.rows, duals)),
        None if reduced is None else _reduced_costs(instance, found.form, reduced),
        (),
        False,
        Certificate(certificate),
        (
            *found.request.notes,
            *further_notes(found.request.notes, instance.notes),
            *_evaluation(found.lowered.form),
            *_undefined(instance, named),
            *_small(found, status, value, limit),
        ),
        BackendRecord(backend.name, backend.version(), _changed(found.options)),
        tuple(dict.fromkeys((kind, *found.route.steps))),
        seed=found.context.seed,
    )


def _row_duals(found: Found) -> Floats:
    """The multipliers of the rows as they are written."""
    answer, form = found.answer, found.form
    assert answer.row_duals is not None
    duals = answer.row_duals + 0.0  # no -0.0
    if isinstance(form, ConicForm) and answer.x is not None:
        return written_duals(form, answer.x, duals)
    return duals


def labelled_decisions(instance: Instance, point: Point) -> dict[str, Labelled]:
    """The values of every decision family with its indices; a choice by its options."""
    found: dict[str, Labelled] = {}
    for family in instance.families:
        values: Any = np.broadcast_to(point[family.name], (family.count,))
        if isinstance(family.symbol, Choice):
            options = instance.scope.options[family.name].members
            values = np.array([options.member(int(v))[0] for v in values], dtype=np.object_)
        found[family.name] = Labelled(family.name, index_names(family.symbol.space), family.index, values)
    return found


def labelled_expressions(instance: Instance, point: Point) -> dict[str, Labelled]:
    """The values of every ``let`` with its indices."""
    found: dict[str, Labelled] = {}
    for name, values in expressions(instance, point).items():
        symbol = instance.program.symbols[name]
        found[name] = Labelled(name, index_names(symbol.space), instance.scope.layouts[name].members, values)
    return found


def _evaluation(form: LinearForm) -> tuple[Diagnostic, ...]:
    """What there is to say about how functions were evaluated."""
    return form.diagnostics if isinstance(form, NonlinearForm) else ()


def further_notes(told: Sequence[Diagnostic], notes: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The notes of the data, but for starts of which the text alone has told that they are moved."""
    places = {note.place for note in told if note.code is START_OUTSIDE}
    return tuple(n for n in notes if n.code is not START_MOVED or n.place not in places)


def _small(found: Found, status: str, value: float | None, limit: float | None) -> tuple[Diagnostic, ...]:
    """A note where an objective below 1 is optimal only because the gap is then one of 1."""
    gap = found.request.goal.gap
    if status != "optimal" or value is None or limit is None or max(abs(value), abs(limit)) >= 1.0:
        return ()
    if abs(value - limit) <= max(gap * max(abs(value), abs(limit)), found.tolerance):
        return ()
    return (report(solving.GAP_OF_ONE, None, objective=f"{value:.4g}", bound=f"{limit:.4g}", gap=f"{gap:g}"),)


def _undefined(instance: Instance, named: Mapping[str, Labelled]) -> list[Diagnostic]:
    """A warning for each ``let`` that has no value somewhere."""
    without = [name for name, found in named.items() if np.isnan(found.values).any()]
    return [report(solving.UNDEFINED_AT_ANSWER, instance.program.symbols[name].span, name=name) for name in without]


def _labelled_rows(instance: Instance, values: Mapping[str, Floats]) -> dict[str, Labelled]:
    found: dict[str, Labelled] = {}
    own = {family.name for family in instance.constraints}
    for name, numbers in values.items():
        if name not in own:
            continue  # a row that a lowering made
        family = instance.constraint(name)
        found[name] = Labelled(name, index_names(family.symbol.space), family.index, numbers)
    return found


def _multipliers(found: Found) -> dict[str, Labelled] | None:
    """The multipliers of the followers' rows, where the route had them as columns."""
    x = found.answer.x
    lifted = {} if x is None else found.lowered.lift(x)
    rows = {name[len("dual(") : -1]: values + 0.0 for name, values in lifted.items() if name.startswith("dual(")}
    return _labelled_rows(found.instance, rows) if rows else None


def _reduced_costs(instance: Instance, form: LinearForm, values: Floats) -> dict[str, Labelled]:
    found: dict[str, Labelled] = {}
    own = {family.name for family in instance.families}
    for name, numbers in lifting.by_column_family(form.columns, values).items():
        if name not in own:
            continue  # a column that a lowering made
        family = instance.family(name)
        found[name] = Labelled(name, index_names(family.symbol.space), family.index, numbers)
    return found


def _changed(options: Any) -> dict[str, object]:
    """The options that were given, for the record."""
    default = type(options)()
    names = type(options).__dataclass_fields__
    return {name: getattr(options, name) for name in names if getattr(options, name) != getattr(default, name)}
