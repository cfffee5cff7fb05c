"""A small model by two ways: lowerings, linear form and HiGHS; and every whole point by the reference interpreter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from agreement import instance_of, program_of, reference_of

from optc.backends import highs
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import LinearForm
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import instance_to_linear
from optc.compiler.reference.interpreter import Reference
from optc.compiler.verify.report import Report, judge
from optc.dsl.program import Constraint

TOLERANCE = 1e-6
Point = Mapping[str, np.ndarray]


def lowered(instance: Instance, *lowerings: Any) -> tuple[LinearForm, Any, Instance]:
    """The linear form after the lowerings, the function that lifts its columns, and the last instance."""
    taken = []
    for lowering in lowerings:
        reason = lowering.accepts(instance)
        assert reason is None, reason.message
        instance, inverse = lowering.lower(instance)
        taken.append((lowering, inverse))
    reason = instance_to_linear.accepts(instance)
    assert reason is None, reason.message
    form, last = instance_to_linear.lower(instance)

    def lift(x: np.ndarray) -> Mapping[str, np.ndarray]:
        values = instance_to_linear.lift(x, last)
        for lowering, inverse in reversed(taken):
            values = lowering.lift(values, inverse)
        return values

    return form, lift, instance


def solve(form: LinearForm) -> Answer:
    return highs.solve(form, Goal(gap=1e-9), highs.Options(), contexts.start(), None)


def solved(instance: Instance, *lowerings: Any) -> Report | None:
    """The lifted answer judged on the original; None where the form is infeasible."""
    form, lift, _ = lowered(instance, *lowerings)
    answer = solve(form)
    if answer.x is None:
        assert answer.claim == "infeasible", answer
        return None
    assert answer.claim == "optimal", answer
    point = {name: np.asarray(values) for name, values in lift(answer.x).items()}
    for family in instance.families:
        if family.integer:
            point[family.name] = np.rint(point[family.name])
    report = judge(instance, point, TOLERANCE)
    assert set(point) == {family.name for family in instance.families}
    return report


def whole_points(instance: Instance) -> Iterator[dict[str, np.ndarray]]:
    """All points of a model whose decisions are whole and bounded."""
    families = instance.families
    assert all(f.integer for f in families)
    axes = [range(int(low), int(high) + 1) for f in families for low, high in zip(f.lower, f.upper, strict=True)]
    for values in itertools.product(*axes):
        x = np.array(values, dtype=float)
        yield {f.name: x[f.offset : f.offset + f.count] for f in families}


def value_at(instance: Instance, reference: Reference, point: Point) -> float | None:
    """The objective by the reference interpreter (0 for ``satisfy``); None where a row is broken."""
    keyed = {f.name: {f.layout.key(k): float(v) for k, v in enumerate(point[f.name])} for f in instance.families}
    for name, symbol in instance.program.symbols.items():
        if isinstance(symbol, Constraint):
            for row in reference.constraint_rows(name, keyed):
                if row.violation > TOLERANCE:
                    return None
    objective = instance.program.root.objective
    if objective is None or objective.expression is None:
        return 0.0
    return float(reference.objective((), (), keyed))


def best_whole(instance: Instance, reference: Reference) -> float | None:
    """The optimum by enumeration, None where no point is feasible."""
    found = [v for p in whole_points(instance) if (v := value_at(instance, reference, p)) is not None]
    if not found:
        return None
    objective = instance.program.root.objective
    return max(found) if objective is not None and objective.sense == "maximize" else min(found)


def assert_same_optimum(text: str, *lowerings: Any, data: Mapping[str, Any] | None = None) -> None:
    """The lowered model has the optimum that enumeration finds, at a point that holds on the model as written."""
    program = program_of(text)
    instance = instance_of(program, data or {})
    wanted = best_whole(instance, reference_of(program, data or {}))
    found = solved(instance, *lowerings)
    assert (found is None) == (wanted is None), (text, wanted)
    if found is not None and wanted is not None:
        assert found.holds, (text, found.lines)
        assert math.isclose(found.objective or 0.0, wanted, rel_tol=1e-7, abs_tol=1e-5), (text, found, wanted)


def assert_same_value_at(text: str, point: Point, *lowerings: Any, data: Mapping[str, Any] | None = None) -> None:
    """With the original's decisions held at a point the lowered model has the objective's value there, or none."""
    program = program_of(text)
    instance = instance_of(program, data or {})
    wanted = value_at(instance, reference_of(program, data or {}), point)
    form, _, _ = lowered(instance, *lowerings)
    lower, upper = form.lower.copy(), form.upper.copy()
    for f in instance.families:
        lower[f.offset : f.offset + f.count] = upper[f.offset : f.offset + f.count] = point[f.name]
    answer = solve(replace(form, lower=lower, upper=upper))
    if wanted is None:
        assert answer.claim == "infeasible", (text, point, answer)
        return
    assert answer.claim == "optimal" and answer.objective is not None, (text, point, answer)
    assert math.isclose(answer.objective, wanted, rel_tol=1e-6, abs_tol=1e-5), (text, point, answer.objective, wanted)
