"""What is proved about the structure of an instance, lazily and a template at a time, each with its place.

A fact is a value and, where it is not what one might hope, the diagnostic that shows why. "Linear", "convex" are
always meant in a group of symbols: the decisions of one block, say, with all others held.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_QUADRATIC
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Apply, Constant, Expr, IndexRef, IndexVar, Relation, Space

from ..evaluation.evaluate import holds
from ..evaluation.scope import EvaluationError, text_of
from ..evaluation.sets import layout_of
from ..extraction.assembly import coefficients
from ..extraction.patterns import offsets_of, row_patterns
from ..extraction.polynomial import Group, Monomial, NotPolynomialError, expand, merged
from ..extraction.quadratic import triangle, triangle_values
from ..instance.instance import Instance
from ..spaces.algebra import Table, filtered
from .definiteness import Definiteness, definiteness
from .intervals import Interval, interval

__all__ = [
    "Curvature",
    "Definiteness",
    "Degree",
    "Interval",
    "curvature",
    "degree_in",
    "interval",
    "linear_in",
    "signs",
    "whole_valued",
]


@dataclass(frozen=True, slots=True)
class Degree:
    """``value``: 0, 1 or 2 in the group's symbols, None for anything else; ``reason``: the part that makes it so."""

    value: int | None
    reason: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Curvature:
    """The definiteness of the second derivatives in the group's symbols; ``unknown`` with the reason."""

    value: Definiteness
    reason: Diagnostic | None = None


def group(instance: Instance, names: Collection[str], degree: int) -> Group:
    """Some symbols as the variables of an expansion, all others held."""
    return Group(instance.scope, names.__contains__, degree)


def monomials(instance: Instance, term: Expr, table: Table, names: Collection[str], degree: int) -> list[Monomial]:
    """The monomials of a term in the given symbols; raises ``NotPolynomialError``, ``EvaluationError``."""
    return merged(expand(term, table, group(instance, names, degree)))


def degree_in(instance: Instance, term: Expr, space: Space, names: Collection[str]) -> Degree:
    """The polynomial degree of a term over ``space`` in a group of symbols; kept with the instance."""
    key = ("degree", id(term), frozenset(names))
    kept = instance.patterns.get(key)
    if kept is None:
        kept = (term, _degree(instance, term, space, names))
        instance.patterns[key] = kept
    assert isinstance(kept, tuple)
    found: Degree = kept[1]
    return found


def _degree(instance: Instance, term: Expr, space: Space, names: Collection[str]) -> Degree:
    table = layout_of(space, instance.scope).table
    reason: Diagnostic | None = None
    for degree in (1, 2):
        try:
            found = monomials(instance, term, table, names, degree)
        except NotPolynomialError as error:
            reason = error.diagnostic
            continue
        except EvaluationError as error:
            return Degree(None, error.diagnostic)
        return Degree(max((len(m.refs) for m in found), default=0), reason)
    return Degree(None, reason)


def linear_in(instance: Instance, body: Relation, space: Space, names: Collection[str]) -> Diagnostic | None:
    """None where every term of a relation is linear in the group, else the part that is not."""
    for term in body.terms:
        found = degree_in(instance, term, space, names)
        if found.value is None or found.value > 1:
            return found.reason
    return None


def curvature(
    instance: Instance, term: Expr, space: Space, names: Collection[str], owner: tuple[IndexVar, ...] = ()
) -> Curvature:
    """The definiteness of a quadratic term over ``space`` in a group of symbols.

    A term that is indexed by a block is judged for all its rows together: its matrix is one block for each row.
    ``owner``: the block's indices, where entries of the group that start otherwise belong to others and are held.
    """
    table = layout_of(space, instance.scope).table
    try:
        found = monomials(instance, term, table, names, 2)
    except (NotPolynomialError, EvaluationError) as error:
        return Curvature("unknown", error.diagnostic)
    try:
        products = [_own(m, owner, instance) if owner else m for m in found if len(m.refs) == 2]
        products = [m for m in products if m.table.size]
        for m in products:
            held = [
                f for f in m.factors if any(instance.roles.get(s) not in (None, "data") for s in _symbols(instance, f))
            ]
            if held:
                reason = "its second derivative depends on other decisions"
                code = NOT_QUADRATIC
                return Curvature("unknown", report(code, held[0].span, expression=text_of(held[0]), reason=reason))
        pattern = triangle(products, instance.columns, offsets_of(instance), instance.scope)
        return Curvature(definiteness(pattern.starts, pattern.indices, triangle_values(pattern, instance.scope)))
    except EvaluationError as error:
        return Curvature("unknown", error.diagnostic)


def _own(m: Monomial, owner: tuple[IndexVar, ...], instance: Instance) -> Monomial:
    """The rows of a monomial in which both of its decisions are the owner's."""
    pairs = {(a, IndexRef(None, v)) for ref in m.refs for a, v in zip(ref.args, owner, strict=False)}
    conditions = [Apply(None, "eq", (a, b)) for a, b in pairs if a != b]
    if not conditions:
        return m
    keep = np.ones(m.table.shape, dtype=np.bool_)
    for condition in conditions:
        keep &= holds(condition, m.table, instance.scope)
    return replace(m, table=filtered(m.table, keep))


def _symbols(instance: Instance, term: Expr) -> frozenset[str]:
    from ..extraction.patterns import needed_by

    return needed_by(term, instance.program)


Sign = Literal["zero", "positive", "nonnegative", "negative", "nonpositive", "mixed"]


def signs(instance: Instance, name: str) -> dict[str, Sign]:
    """For each decision in a linear constraint family (left less right): the sign of its coefficients over all rows.

    Raises ``NotPolynomialError`` where the family is not linear, ``EvaluationError``.
    """
    family = instance.constraint(name)
    found: dict[str, tuple[float, float]] = {}
    for rows in row_patterns(instance, family):
        for part, decision in zip(rows.block.parts, rows.decisions, strict=True):
            values = coefficients(part, instance.scope)
            if values.size:
                low, high = found.get(decision, (np.inf, -np.inf))
                found[decision] = (min(low, float(values.min())), max(high, float(values.max())))
    return {decision: _sign(low, high) for decision, (low, high) in found.items()}


def _sign(low: float, high: float) -> Sign:
    if low == high == 0:
        return "zero"
    if low >= 0:
        return "positive" if low > 0 else "nonnegative"
    if high <= 0:
        return "negative" if high < 0 else "nonpositive"
    return "mixed"


def whole_valued(instance: Instance, term: Expr, space: Space) -> bool:
    """Whether a linear term takes whole values only: whole decisions times whole data, plus whole data."""
    table = layout_of(space, instance.scope).table
    names = {f.name for f in instance.families}
    try:
        found = monomials(instance, term, table, names, 1)
        for m in found:
            if any(not instance.family(r.symbol).integer for r in m.refs):
                return False
            values = _values(m, instance)
            if not bool(np.all(values == np.floor(values))):
                return False
    except (NotPolynomialError, EvaluationError):
        return False
    return True


def _values(m: Monomial, instance: Instance) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    from ..evaluation.evaluate import evaluate

    term = m.coefficient()
    return np.asarray(term.value) if isinstance(term, Constant) else evaluate(term, m.table, instance.scope)
