"""The parts that a term adds up, over a table: what is of degree two at most as monomials, all else as it stands."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optc.dsl.program import Apply, Conditional, Constant, Expr, NamedExpression, Reduce, SymbolRef

from ..evaluation.evaluate import evaluate
from ..extraction.assembly import columns_of
from ..extraction.patterns import offsets_of
from ..extraction.polynomial import Group, Monomial, NotPolynomialError, expand, merged
from ..spaces.algebra import Table, wide
from ..spaces.domains import Values
from ..terms.substitution import walk
from .quadratic_rows import Entries, joined
from .region import Region

_ONE, _MINUS_ONE = Constant(None, 1.0), Constant(None, -1.0)


LARGE = 500_000
"""Squares of sums that would give more products of two decisions than this are left as they stand."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """``scale * term`` for every row of ``table``; ``scale`` broadcasts to its shape."""

    term: Expr
    table: Table
    scale: Values


@dataclass(slots=True, eq=False)
class Summands:
    """``monomials`` (known coefficients, degree at most two) and ``others``; both extend the root table."""

    monomials: list[Monomial] = field(default_factory=list)
    others: list[Part] = field(default_factory=list)


def summands(region: Region, term: Expr, table: Table) -> Summands:
    """The parts of a term. Raises ``EvaluationError`` of its data."""
    found = region.recall("summands", term, table)
    if found is None:
        found = Summands()
        with np.errstate(all="ignore"):
            _split(region, term, table, [], found)
        found.monomials = merged(found.monomials)
        region.remember("summands", term, table, found)
    result: Summands = found
    return result


def _split(region: Region, term: Expr, table: Table, factors: list[Expr], into: Summands) -> None:
    """Adds the parts of ``product(factors) * term``; the factors are data, over ``table`` or what it extends."""
    try:
        monomials = expand(term, table, Group(region.instance.scope, region.names.__contains__, 2))
    except NotPolynomialError:
        monomials = None
    if (
        monomials is not None
        and all(region.known(f) for m in monomials for f in m.factors)
        and not (_products(monomials) > LARGE and _squares_a_sum(region, term))
    ):
        into.monomials += [Monomial(m.table, m.refs, (*factors, *m.factors), m.scale) for m in monomials]
        return
    if isinstance(term, Apply) and term.op in ("add", "sub", "neg"):
        _split_sum(region, term, table, factors, into)
    elif isinstance(term, Apply) and term.op == "mul" and any(region.known(arg) for arg in term.args):
        known = [arg for arg in term.args if region.known(arg)]
        rest = [arg for arg in term.args if not region.known(arg)]
        whole = rest[0] if len(rest) == 1 else Apply(term.span, "mul", tuple(rest))
        _split(region, whole, table, [*factors, *known], into)
    elif isinstance(term, Apply) and term.op == "div" and region.known(term.args[1]):
        under = Apply(term.span, "div", (_ONE, term.args[1]))
        _split(region, term.args[0], table, [*factors, under], into)
    elif isinstance(term, Reduce) and term.op == "sum":
        fresh, rows = region.inner(term, table)
        _split(region, fresh.body, rows, factors, into)
    elif isinstance(term, Conditional) and region.known(term.condition):
        for part, rows, _ in region.branches(term, table):
            _split(region, part, rows, factors, into)
    elif isinstance(term, SymbolRef) and isinstance(region.instance.program.symbols[term.symbol], NamedExpression):
        symbol = region.instance.program.symbols[term.symbol]
        assert isinstance(symbol, NamedExpression)
        if factors:  # their indices may be bound anew inside
            into.others.append(Part(term, table, _scale(region, factors, table)))
        else:
            _split(region, *region.inlined(term, symbol, table), factors, into)
    else:
        into.others.append(Part(term, table, _scale(region, factors, table)))


def _products(monomials: list[Monomial]) -> int:
    return sum(m.table.size for m in monomials if len(m.refs) == 2)


def _squares_a_sum(region: Region, term: Expr) -> bool:
    """Whether a sum over an index set is squared somewhere in a term."""
    for node in walk(term):
        if isinstance(node, Apply):
            base = square_base(node)
            if base is not None and any(_is_sum(region, part) for part in walk(base)):
                return True
    return False


def _is_sum(region: Region, node: object) -> bool:
    if isinstance(node, SymbolRef):
        symbol = region.instance.program.symbols[node.symbol]
        return isinstance(symbol, NamedExpression) and any(_is_sum(region, part) for part in walk(symbol.definition))
    return isinstance(node, Reduce)


def square_base(term: Expr) -> Expr | None:
    """What a term is the square of; None where it is no square."""
    if not isinstance(term, Apply) or len(term.args) != 2:
        return None
    base, other = term.args
    if term.op == "pow" and isinstance(other, Constant) and other.value == 2:
        return base
    return base if term.op == "mul" and base == other else None


def _split_sum(region: Region, term: Apply, table: Table, factors: list[Expr], into: Summands) -> None:
    """A left-deep chain of ``+`` and ``-``, without recursion along it."""
    parts: list[tuple[Expr, bool]] = []
    left: Expr = term
    turned = False
    while isinstance(left, Apply) and left.op in ("add", "sub"):
        parts += [(arg, left.op == "sub") for arg in reversed(left.args[1:])]
        left = left.args[0]
    if isinstance(left, Apply) and left.op == "neg":
        left, turned = left.args[0], True
    parts.append((left, turned))
    for part, negative in reversed(parts):
        _split(region, part, table, [*factors, _MINUS_ONE] if negative else factors, into)


def _scale(region: Region, factors: list[Expr], table: Table) -> Values:
    found: Values = np.ones(())
    for factor in factors:
        found = found * evaluate(factor, table, region.instance.scope)
    return found


def quadratic_entries(region: Region, found: list[Monomial], root: Table) -> Entries:
    """The products of two decisions of some monomials, in the rows of ``root``."""
    offsets, scope = offsets_of(region.instance), region.instance.scope
    parts = []
    for m in found:
        if len(m.refs) != 2:
            continue
        first, second = (wide(columns_of(ref, m.table, offsets, scope), m.table.shape) for ref in m.refs)
        parts.append(Entries(_rows(m, root), first.astype(np.int64), second.astype(np.int64), _values(m, region)))
    return joined(parts)


def homogeneous_entries(region: Region, found: list[Monomial], root: Table) -> Entries:
    """All monomials as products, with one more decision (the last column) that stands for 1."""
    one = region.instance.columns
    offsets, scope = offsets_of(region.instance), region.instance.scope
    parts = []
    for m in found:
        size = m.table.size
        columns = [wide(columns_of(ref, m.table, offsets, scope), m.table.shape).astype(np.int64) for ref in m.refs]
        columns += [np.full(size, one, dtype=np.int64)] * (2 - len(columns))
        parts.append(Entries(_rows(m, root), columns[0], columns[1], _values(m, region)))
    return joined(parts)


def _rows(m: Monomial, root: Table) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    rows = wide(m.table.rows_in(root), m.table.shape) if m.table is not root else np.arange(root.size)
    return np.asarray(rows, dtype=np.int64)


def _values(m: Monomial, region: Region) -> Values:
    values = np.asarray(m.scale) if not m.factors else evaluate(m.coefficient(), m.table, region.instance.scope)
    return wide(values, m.table.shape)
