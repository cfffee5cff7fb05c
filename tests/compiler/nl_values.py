"""Values of problems at points, by the names of rows and columns: what a .nl file must keep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import optc
from optc.compiler.export.naming import entry_names
from optc.compiler.instance.instance import Instance
from optc.compiler.reference.residuals import ConstraintRow
from optc.compiler.verify.point import reference_of, reference_values
from optc.dsl.program import Complementarity, Constraint, Relation

Slacks = dict[str, tuple[float, ...]]


def column_names(instance: Instance, bare: bool) -> dict[str, list[str]]:
    """Names of the entries of each family: with the family's, or (``bare``) the index alone."""
    return {
        f.name: [str(f.layout.key(k)[0]) for k in range(f.count)] if bare else entry_names(f.name, f.index)
        for f in instance.families
    }


def values(problem: optc.Problem, named: Mapping[str, float], bare: bool = False) -> tuple[float | None, Slacks]:
    """The objective, and how far each row is within its ends (negative: beyond), at a point by column name.

    ``bare``: the problem was read from a file, so that names are indices. An equation has its residual.
    """
    instance = problem.instance
    names = column_names(instance, bare)
    point = {family: np.array([named[n] for n in own]) for family, own in names.items()}
    reference = reference_of(instance)
    given = reference_values(instance, point)
    found: Slacks = {}
    for family in instance.constraints:
        labels = entry_names(family.name, family.index)
        for label, row in zip(labels, reference.constraint_rows(family.name, given), strict=True):
            name = str(row.index[0]) if bare else label
            found[name] = _slacks(family.symbol, row)
    objective = instance.program.root.objective
    if objective is None or objective.expression is None:
        return None, found
    return float(reference.objective((), (), given)), found


def _slacks(symbol: Constraint, row: ConstraintRow) -> tuple[float, ...]:
    body = symbol.body
    relations = (body.left, body.right) if isinstance(body, Complementarity) else (body,)
    found: list[float] = []
    for relation, sides in zip(relations, row.sides, strict=True):
        assert isinstance(relation, Relation)
        if not relation.ops:
            found.append(sides[0])
        chain = [b - a if op == "le" else a - b for op, a, b in zip(relation.ops, sides, sides[1:], strict=False)]
        found += chain[::-1] if relation.ops == ("ge", "ge") else chain  # the lower end first
    if len(found) == 2 and found[0] == -found[1]:  # an equation as a range
        found.pop()
    return tuple(s for s in found if not math.isinf(s))


def read_back(problem: optc.Problem, folder: Path) -> optc.Problem:
    """The problem of the .nl file that a problem is written to."""
    problem.export(folder / "again.nl")
    return optc.read_nl(folder / "again.nl")


def agree(first: optc.Problem, again: optc.Problem, named: Mapping[str, float], tolerance: float = 1e-11) -> int:
    """Asserts that a problem and the one of its file have the same values at a point; gives the number of rows."""
    objective, rows = values(first, named)
    other, others = values(again, named, bare=True)
    if objective is not None:
        assert other is not None
        assert close(objective, other, tolerance), (objective, other)
    seen = 0
    for name, slacks in rows.items():
        if f"{name} (2)" in others:
            theirs: tuple[float, ...] = (*others[name], *others[f"{name} (2)"])
        else:
            theirs = others[name]
        assert len(slacks) == len(theirs), (name, slacks, theirs)
        assert all(close(a, b, tolerance) for a, b in zip(slacks, theirs, strict=True)), (name, slacks, theirs)
        seen += 1
    return seen


def close(a: float, b: float, tolerance: float) -> bool:
    """Alike, relative to 1 or the larger one; two values that are undefined are alike."""
    return (math.isnan(a) and math.isnan(b)) or a == b or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def drawn(problem: optc.Problem, seed: int, low: float = 0.3, high: float = 0.95) -> dict[str, float]:
    """A point by column name, whole where it must be."""
    rng = np.random.default_rng(seed)
    names = column_names(problem.instance, bare=False)
    return {
        name: float(rng.integers(0, 2)) if family.integer else float(rng.uniform(low, high))
        for family in problem.instance.families
        for name in names[family.name]
    }
