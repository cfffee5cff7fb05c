"""Whole instances rewritten: every objective and row through a ``Rewriter``, and what an update keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    SCALAR,
    Complementarity,
    Constraint,
    Expr,
    Implication,
    Objective,
    Relation,
    Space,
    Variable,
)

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError
from ..extraction.polynomial import Group
from ..instance.continuing import continued
from ..instance.instance import ConstraintFamily, Family, Instance, Role, family_of
from .rewriting import Inverse, Refused, Rewriter, Rule, Way, opposite

Bools = NDArray[np.bool_]
RelationName = Literal["le", "ge", "eq"]


def rewrite(instance: Instance, wanted: Callable[[Rewriter, Expr], bool], rule: Rule) -> tuple[Instance, Inverse]:
    """The instance after a rule, and what brings its answers back. Raises ``Refused``, ``EvaluationError`` of data."""
    rewriter = _begun(instance, wanted, rule)
    objective = _objective(instance.program.root.objective, rewriter)
    changed = {family.name: _constraint(family.symbol, rewriter) for family in instance.constraints}
    return _finished(rewriter, objective, changed)


def rewrite_rows(instance: Instance, change: Callable[[Rewriter, Constraint], Constraint]) -> tuple[Instance, Inverse]:
    """The instance with other constraints in place of some, over the same rows; see ``rewrite``.

    One that ``change`` gives another name (``Rewriter.name``) is another family: multipliers of its rows are not taken
    for those of the original.
    """
    rewriter = _begun(instance, lambda _rewriter, _node: False, lambda *_: None)
    changed = {}
    for family in instance.constraints:
        rewriter.title, rewriter.root = family.name, family.symbol.space
        changed[family.name] = change(rewriter, family.symbol)
        if changed[family.name].name != family.name:
            rewriter.renamed(family.symbol, changed[family.name])
    return _finished(rewriter, instance.program.root.objective, changed)


def _begun(instance: Instance, wanted: Callable[[Rewriter, Expr], bool], rule: Rule) -> Rewriter:
    scope = replace(
        instance.scope,
        symbols=dict(instance.program.symbols),
        layouts=dict(instance.scope.layouts),
        data=dict(instance.scope.data),
        structure=dict(instance.scope.structure),
        local={},
    )
    own = replace(instance, scope=scope)  # its families and rows are the original's, so what is kept of them is right
    return Rewriter(own, Group(scope, own.is_decision, 1), wanted, rule)


def _objective(objective: Objective | None, rewriter: Rewriter) -> Objective | None:
    if objective is None or objective.expression is None:
        return objective
    rewriter.title, rewriter.root = objective.name or "objective", SCALAR
    way: Way = -1 if objective.sense == "maximize" else 1
    return replace(objective, expression=rewriter.term(objective.expression, way, Space()))


def _constraint(symbol: Constraint, rewriter: Rewriter) -> Constraint:
    rewriter.title, rewriter.root = symbol.name, symbol.space
    body = symbol.body
    if isinstance(body, Relation):
        new: Relation | Implication | Complementarity = _relation(body, symbol.space, rewriter)
    elif isinstance(body, Implication):
        new = replace(body, conclusion=_relation(body.conclusion, symbol.space, rewriter))
    elif isinstance(body, Complementarity):
        left, right = (_relation(r, symbol.space, rewriter, exactly=True) for r in (body.left, body.right))
        new = replace(body, left=left, right=right)
    else:
        return symbol
    found = replace(symbol, body=new)
    symbols = rewriter.instance.scope.symbols
    assert isinstance(symbols, dict)
    symbols[symbol.name] = found
    return found


_LEFT: dict[str, Way] = {"le": 1, "ge": -1, "eq": 0}


def _relation(body: Relation, space: Space, rewriter: Rewriter, *, exactly: bool = False) -> Relation:
    """The relation rewritten; of a chain the middle stands right of one relation and left of the other."""
    ways: list[Way] = [0] * len(body.terms)
    if not exactly:
        for k, name in enumerate(body.ops):
            ways[k] = _LEFT[name] if k == 0 else 0
            ways[k + 1] = opposite(_LEFT[name])
        if len(body.ops) == 2:
            ways[1] = 0
    terms = tuple(rewriter.term(t, way, space) for t, way in zip(body.terms, ways, strict=True))
    same = all(a is b for a, b in zip(terms, body.terms, strict=True))
    return body if same else replace(body, terms=terms)


def _finished(
    rewriter: Rewriter, objective: Objective | None, changed: Mapping[str, Constraint]
) -> tuple[Instance, Inverse]:
    rewriter.keep()
    instance, scope = rewriter.instance, rewriter.instance.scope
    root = instance.program.root
    made = [each.symbol for each in rewriter.made]
    block = replace(
        root,
        objective=objective,
        decisions=(*root.decisions, *(s.name for s in made)),
        constraints=(
            *(changed[name].name if name in changed else name for name in root.constraints),
            *(s.name for s in rewriter.rows),
        ),
    )
    constraints = [
        replace(family, name=changed[family.name].name, symbol=changed[family.name]) for family in instance.constraints
    ]
    constraints += [ConstraintFamily(row.name, row, scope.layouts[row.name], ()) for row in rewriter.rows]
    roles: dict[str, Role] = {name: "data" for name in scope.symbols if name not in instance.roles}
    roles.update((s.name, "decision") for s in made)
    without = replace(
        instance,
        program=replace(instance.program, symbols=dict(scope.symbols), root=block),
        roles={**instance.roles, **roles},
        families=(*instance.families, *_families(made, rewriter)),
        constraints=tuple(constraints),
        patterns={},
    )
    names = tuple(family.name for family in instance.families)
    renamed = {symbol.name: name for name, symbol in changed.items() if symbol.name != name}
    return without, Inverse(without, names, tuple(rewriter.made), tuple(rewriter.bounds), renamed)


def _families(made: Iterable[Variable], rewriter: Rewriter) -> list[Family]:
    found: list[Family] = []
    faults: list[Diagnostic] = []
    offset = rewriter.instance.columns
    with np.errstate(all="ignore"):
        for symbol in made:
            family = family_of(symbol, offset, rewriter.instance.scope, faults, [])
            if family is not None:
                found.append(family)
                offset += family.count
    if faults:
        raise DataError(faults)
    return found


def kept(
    instance: Instance, name: str, make: Callable[[Instance], tuple[Instance, Inverse]]
) -> tuple[Instance, Inverse] | Diagnostic:
    """What ``make`` gives for an instance, or the reason why it gives nothing; made once an instance."""
    known = instance.patterns.get(name)
    if isinstance(known, Kept) and known.source is instance:
        return known.found
    try:
        with np.errstate(all="ignore"):
            found: tuple[Instance, Inverse] | Diagnostic = make(instance)
    except (Refused, EvaluationError) as error:
        found = error.diagnostic
    if isinstance(known, Kept):
        found = _continued(known, instance, found)
    instance.patterns[name] = Kept(instance, found)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What was made of an instance, for itself and, by way of ``updating``, for those that it is updated to."""

    source: Instance
    found: tuple[Instance, Inverse] | Diagnostic
    reads: frozenset[str] = frozenset()


def _continued(
    known: Kept, instance: Instance, found: tuple[Instance, Inverse] | Diagnostic
) -> tuple[Instance, Inverse] | Diagnostic:
    """What was found, with the target as an update of the one that was made of the instance before."""
    if isinstance(known.found, Diagnostic) or isinstance(found, Diagnostic):
        return found
    (target, before), (new_target, now) = known.found, found
    same = continued(known.source, target, instance, new_target)
    return found if same is None else (same, replace(now, instance=same, made=before.made))
