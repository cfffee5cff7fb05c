"""Constraints and objectives of an instance as linear or quadratic patterns, kept with the instance.

A row family is ``terms[0] op terms[1] (op terms[2])``. Its rows read ``lower <= (linear part) <= upper``, where the
linear part is left minus right (of a range with bounds of data: the middle), so a multiplier of a row is the
derivative of the objective when everything right of the relation is raised by one. A range with decisions in its
outer terms becomes two row families.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import FALSE_ROW, INFINITE_BOUND
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Constraint, Expr, NamedExpression, Program, Relation
from optc.dsl.source import Span

from ..evaluation.scope import Scope, entry_text, literal_text
from ..instance.instance import ConstraintFamily, Instance
from ..spaces.algebra import UNIT, wide
from ..spaces.domains import Values
from ..spaces.layouts import Layout
from ..terms.substitution import Node, symbols_in
from .assembly import Block, Linear, Offsets, constants, linear, pattern
from .polynomial import Group, Monomial, expand, merged

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """The pattern of one row family: ``block`` and the monomials without decisions of either bound (None: infinite).

    ``reads``: names of the data that the pattern depends on; ``uses``: those that its numbers depend on,
    ``coefficient_uses`` those that its coefficients do (None: all of ``uses``). ``decisions``: the family of each part
    of the block.
    """

    name: str
    layout: Layout
    span: Span | None
    block: Block
    lower: tuple[Monomial, ...] | None
    upper: tuple[Monomial, ...] | None
    equal: bool
    reads: frozenset[str]
    uses: frozenset[str]
    coefficient_uses: frozenset[str] | None = None

    @property
    def decisions(self) -> tuple[str, ...]:
        return tuple(p.decision for p in self.block.parts)


@dataclass(frozen=True, eq=False)
class Expression:
    """The pattern of one scalar expression: linear entries, quadratic monomials, monomials without decisions."""

    linear: Linear
    quadratic: tuple[Monomial, ...]
    constant: tuple[Monomial, ...]
    reads: frozenset[str]
    uses: frozenset[str]


def group_of(instance: Instance, degree: int) -> Group:
    """The decisions of an instance as the variables of an extraction."""
    return Group(instance.scope, instance.is_decision, degree)


def offsets_of(instance: Instance) -> Offsets:
    """The first column of each decision family."""
    return {f.name: f.offset for f in instance.families}


def row_patterns(instance: Instance, family: ConstraintFamily) -> tuple[Rows, ...]:
    """The linear rows of a constraint family (one, or two for a range with decisions outside).

    Kept with the instance. Raises ``NotPolynomialError`` where a term is not linear, ``EvaluationError``.
    """
    key = ("rows", family.name)
    if key not in instance.patterns:
        instance.patterns[key] = _row_patterns(instance, family)
    found = instance.patterns[key]
    assert isinstance(found, tuple)
    return found


def _row_patterns(instance: Instance, family: ConstraintFamily) -> tuple[Rows, ...]:
    body = family.symbol.body
    assert isinstance(body, Relation)
    return relation_patterns(body, family.name, family.layout, family.symbol, instance)


def relation_patterns(
    body: Relation, name: str, layout: Layout, symbol: Constraint, instance: Instance
) -> tuple[Rows, ...]:
    """The rows of a relation over a layout."""
    group = group_of(instance, 1)
    if len(body.terms) == 2:
        return (_row_pattern(body.terms[0], body.terms[1], body.ops[0], name, layout, symbol, group, instance),)
    first, middle, last = body.terms
    if group.depends(first) or group.depends(last):
        return (
            _row_pattern(first, middle, body.ops[0], name, layout, symbol, group, instance),
            _row_pattern(middle, last, body.ops[1], name, layout, symbol, group, instance),
        )
    monomials = merged(expand(middle, layout.table, group))
    own = [m for m in monomials if not m.refs]
    bounds = [(Monomial(layout.table, (), (t,)), *_negated(own)) for t in (first, last)]
    low, high = bounds if body.ops[0] == "le" else bounds[::-1]
    return (_rows(monomials, low, high, False, name, layout, symbol, group, instance),)


def _row_pattern(
    left: Expr,
    right: Expr,
    op: str,
    name: str,
    layout: Layout,
    symbol: Constraint,
    group: Group,
    instance: Instance,
) -> Rows:
    monomials = merged([*expand(left, layout.table, group), *_negated(expand(right, layout.table, group))])
    bound = tuple(_negated([m for m in monomials if not m.refs]))
    low = bound if op in ("ge", "eq") else None
    high = bound if op in ("le", "eq") else None
    return _rows(monomials, low, high, op == "eq", name, layout, symbol, group, instance)


def _negated(monomials: Sequence[Monomial]) -> list[Monomial]:
    return [Monomial(m.table, m.refs, m.factors, -m.scale) for m in monomials]


def _rows(
    monomials: Sequence[Monomial],
    low: tuple[Monomial, ...] | None,
    high: tuple[Monomial, ...] | None,
    equal: bool,
    name: str,
    layout: Layout,
    symbol: Constraint,
    group: Group,
    instance: Instance,
) -> Rows:
    scope = instance.scope.named(name)
    block = pattern([m for m in monomials if m.refs], layout.table, offsets_of(instance), scope)
    reads = frozenset(group.reads) | symbols_in(symbol.space)
    uses = needed_by(symbol.body, instance.program)
    terms = [p.coefficient for p in block.parts if p.coefficient is not None]
    coefficients = frozenset().union(*(needed_by(t, instance.program) for t in terms))
    return Rows(name, layout, symbol.body.span or symbol.span, block, low, high, equal, reads, uses, coefficients)


def objective_pattern(instance: Instance, term: Expr, degree: int, name: str | None = None) -> Expression:
    """The pattern of a scalar expression of the given degree; kept with the instance."""
    key = ("expression", id(term), degree)
    known = instance.patterns.get(key)
    if known is None:
        group = group_of(instance, degree)
        monomials = merged(expand(term, UNIT, group))
        scope = instance.scope.named(name)
        first = linear([m for m in monomials if len(m.refs) == 1], offsets_of(instance), scope)
        quadratic = tuple(m for m in monomials if len(m.refs) == 2)
        constant = tuple(m for m in monomials if not m.refs)
        known = (
            term,
            Expression(first, quadratic, constant, frozenset(group.reads), needed_by(term, instance.program)),
        )
        instance.patterns[key] = known
    assert isinstance(known, tuple)
    found = known[1]
    assert isinstance(found, Expression)
    return found


def row_bounds(rows: Rows, scope: Scope) -> tuple[Floats, Floats]:
    """Lower and upper bound of each row, ``(count,)`` or ``(batch, count)`` each; infinite where there is none."""
    shape = rows.layout.table.shape
    lower = _bound(rows.lower, -np.inf, rows, scope)
    upper = lower if rows.equal else _bound(rows.upper, np.inf, rows, scope)
    return wide(lower, shape), wide(upper, shape)


def _bound(monomials: tuple[Monomial, ...] | None, without: float, rows: Rows, scope: Scope) -> Values:
    if monomials is None:
        return np.asarray(without)
    return constants(monomials, rows.layout.table, scope) + 0.0


TOLERANCE = 1e-9
"""How far numbers alone may miss a relation, relative to the larger of 1 and the bound: rounding of sums of data."""


def false_rows(rows: Rows, lower: Floats, upper: Floats) -> list[Diagnostic]:
    """One diagnostic for the first row that no number satisfies, or that has no decisions and is false."""
    impossible = np.flatnonzero((lower == np.inf) | (upper == -np.inf))
    if len(impossible):
        row = int(impossible[0])
        relation = "at least inf" if lower[row] == np.inf else "at most -inf"
        name = entry_text(rows.name, rows.layout.key(row))
        return [report(INFINITE_BOUND, rows.span, entry=name, relation=relation)]
    empty = np.diff(rows.block.starts) == 0
    if not empty.any():
        return []
    slack = TOLERANCE * np.maximum(1.0, np.minimum(np.abs(lower), np.abs(upper)))
    bad = np.flatnonzero(empty & ((lower > slack) | (upper < -slack)))
    if not len(bad):
        return []
    row = int(bad[0])
    missing = max(float(lower[row]), -float(upper[row]))
    more = f" (and {len(bad) - 1} more rows)" if len(bad) > 1 else ""
    name = entry_text(rows.name, rows.layout.key(row)) + more
    return [report(FALSE_ROW, rows.span, row=name, amount=literal_text(missing))]


def needed_by(node: Node, program: Program) -> frozenset[str]:
    """The names of all symbols whose values a term needs, through named expressions."""
    found: set[str] = set()
    waiting = list(symbols_in(node))
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        symbol = program.symbols.get(name)
        if isinstance(symbol, NamedExpression):
            waiting += symbols_in(symbol.definition)
    return frozenset(found)
