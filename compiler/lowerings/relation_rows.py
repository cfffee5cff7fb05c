"""Relations as sparse rows, linear or with products of two decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import numpy as np

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Constraint, Expr, Relation

from ..evaluation.evaluate import evaluate
from ..extraction.assembly import columns_of, fill, pattern
from ..extraction.patterns import (
    Rows,
    false_rows,
    group_of,
    needed_by,
    offsets_of,
    relation_patterns,
    row_bounds,
    row_patterns,
)
from ..extraction.polynomial import Monomial, expand, merged
from ..forms.linear import Floats
from ..instance.instance import ConstraintFamily, Instance
from ..spaces.domains import Values
from ..spaces.layouts import Layout
from ..terms.substitution import symbols_in
from .drafting import ProductEntries, SparseRows


def family_rows(instance: Instance, family: ConstraintFamily, degree: int) -> list[SparseRows]:
    """The rows of a family that is a relation; two families of rows for a range with decisions outside.

    Raises ``NotPolynomialError`` for terms of a higher degree, ``EvaluationError`` for undefined numbers, and
    ``FalseRowError`` for a row without decisions that is false.
    """
    body = family.symbol.body
    assert isinstance(body, Relation)
    if degree <= 1:
        return [_checked(rows, (), instance) for rows in row_patterns(instance, family)]
    return relation_rows(body, family.name, family.layout, family.symbol, instance, degree)


def relation_rows(
    body: Relation, name: str, layout: Layout, symbol: Constraint, instance: Instance, degree: int
) -> list[SparseRows]:
    """The rows of a relation over a layout; as ``family_rows``."""
    return [
        _checked(rows, products, instance)
        for rows, products in relation_parts(body, name, layout, symbol, instance, degree)
    ]


class FalseRowError(Exception):
    """A row that holds no decision is false; ``diagnostic`` names it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


Products = tuple[Monomial, ...]


def relation_parts(
    body: Relation, name: str, layout: Layout, symbol: Constraint, instance: Instance, degree: int
) -> list[tuple[Rows, Products]]:
    """The patterns of the linear parts of a relation's rows, each with the monomials of the second degree.

    Kept with the instance.
    """
    key = ("parts", name, body, degree)
    known = instance.patterns.get(key)
    if isinstance(known, KeptParts) and known.layout is layout:
        return known.parts
    parts = _parts(body, name, layout, symbol, instance, degree)
    instance.patterns[key] = KeptParts(layout, parts, frozenset().union(*(rows.reads for rows, _ in parts)))
    return parts


@dataclass(frozen=True, slots=True, eq=False)
class KeptParts:
    """The parts of a relation over a layout; ``reads``: the data that they depend on."""

    layout: Layout
    parts: list[tuple[Rows, Products]]
    reads: frozenset[str]


def _parts(
    body: Relation, name: str, layout: Layout, symbol: Constraint, instance: Instance, degree: int
) -> list[tuple[Rows, Products]]:
    if degree <= 1:
        return [(rows, ()) for rows in relation_patterns(body, name, layout, symbol, instance)]
    group = group_of(instance, 2)

    def monomials_of(term: Expr) -> list[Monomial]:
        return expand(term, layout.table, group)

    def rows_of(monomials: Sequence[Monomial], low: Products | None, high: Products | None, equal: bool) -> Rows:
        linear = [m for m in monomials if len(m.refs) == 1]
        block = pattern(linear, layout.table, offsets_of(instance), instance.scope.named(name))
        reads = frozenset(group.reads) | symbols_in(symbol.space)
        span = body.span or symbol.span
        return Rows(name, layout, span, block, low, high, equal, reads, needed_by(body, instance.program))

    def single(left: Expr, op: str, right: Expr) -> tuple[Rows, Products]:
        monomials = merged([*monomials_of(left), *_negated(monomials_of(right))])
        bound = tuple(_negated([m for m in monomials if not m.refs]))
        low = bound if op in ("ge", "eq") else None
        high = bound if op in ("le", "eq") else None
        return rows_of(monomials, low, high, op == "eq"), _squares(monomials)

    if len(body.terms) == 2:
        return [single(body.terms[0], body.ops[0], body.terms[1])]
    first, middle, last = body.terms
    if group.depends(first) or group.depends(last):
        return [single(first, body.ops[0], middle), single(middle, body.ops[1], last)]
    monomials = merged(monomials_of(middle))
    own = _negated([m for m in monomials if not m.refs])
    ends = [(Monomial(layout.table, (), (term,)), *own) for term in (first, last)]
    low, high = ends if body.ops[0] == "le" else ends[::-1]
    return [(rows_of(monomials, low, high, False), _squares(monomials))]


def _negated(monomials: Sequence[Monomial]) -> list[Monomial]:
    return [replace(m, scale=-m.scale) for m in monomials]


def _squares(monomials: Sequence[Monomial]) -> Products:
    return tuple(m for m in monomials if len(m.refs) == 2)


def sparse(rows: Rows, products: Products, instance: Instance) -> SparseRows:
    """The value phase of a pattern."""
    scope = instance.scope.named(rows.name)
    values = _coefficients(rows, instance)
    lower, upper = row_bounds(rows, scope)
    entries = tuple(_entries(m, rows, instance) for m in products)
    return SparseRows(rows.block.starts, rows.block.indices, values, lower, upper, entries)


def _coefficients(rows: Rows, instance: Instance) -> Floats:
    """The coefficients of a pattern; the same array as before where no update reached them."""
    kept = instance.patterns.setdefault("coefficients", Coefficients())
    assert isinstance(kept, Coefficients)
    stamp = instance.stamp(rows.uses if rows.coefficient_uses is None else rows.coefficient_uses)
    known = kept.found.get(rows)
    if known is not None and known[0] == stamp:
        return known[1]
    values = np.empty(rows.block.size)
    fill(rows.block, values, instance.scope.named(rows.name))
    kept.found[rows] = (stamp, values)
    return values


@dataclass(frozen=True, slots=True, eq=False)
class Coefficients:
    """The coefficients of patterns as they were last computed, with data of which age; never written to again."""

    found: WeakKeyDictionary[Rows, tuple[int, Floats]] = field(default_factory=WeakKeyDictionary)
    reads: frozenset[str] = frozenset()


def _checked(rows: Rows, products: Products, instance: Instance) -> SparseRows:
    found = sparse(rows, products, instance)
    holding = np.zeros(found.count, dtype=np.bool_)
    for each in found.products:
        holding[each.rows] = True
    faults = false_rows(rows, np.where(holding, -np.inf, found.lower), np.where(holding, np.inf, found.upper))
    if faults:
        raise FalseRowError(faults[0])
    return found


def _entries(m: Monomial, rows: Rows, instance: Instance) -> ProductEntries:
    scope, root = instance.scope.named(rows.name), rows.layout.table
    offsets = offsets_of(instance)

    def wide(values: Values) -> Values:
        return np.broadcast_to(values, m.table.shape).reshape(-1)

    first, second = (wide(columns_of(ref, m.table, offsets, scope)) for ref in m.refs)
    values: Floats = np.asarray(m.scale) if not m.factors else evaluate(m.coefficient(), m.table, scope)
    owner = wide(m.table.rows_in(root))
    return ProductEntries(owner, np.maximum(first, second), np.minimum(first, second), wide(values).astype(np.float64))
