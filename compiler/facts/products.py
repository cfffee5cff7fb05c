"""Products of powers, and convexity on a logarithmic scale.

For bases that are not negative, ``x_1^a_1 … x_n^a_n`` is concave where the exponents are not negative and add up to 1
at most; convex where none is positive, or where a single one is and all together add up to at least 1 (S. Boyd, L.
Vandenberghe, "Convex Optimization" (2004), section 3.1.5 and its exercises). A function is log-convex where its
logarithm is convex: sums, products and positive powers of such are (section 3.5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from optc.dsl.program import Apply, Conditional, Expr, NamedExpression, Reduce, SymbolRef

from ..spaces.algebra import Table, reduce_to
from ..spaces.domains import Values
from . import rounding as r
from .enclosure import enclosure
from .monotonicity import NO, YES, every
from .quadratic_rows import semidefinite_rows
from .region import Region
from .rounding import Bools
from .summands import homogeneous_entries, summands


class Curved(Protocol):
    """What is known of a term's curvature in each row."""

    @property
    def convex(self) -> Bools: ...

    @property
    def concave(self) -> Bools: ...

    @property
    def affine(self) -> Bools: ...


Curvature = Callable[[Region, Expr, Table], Curved]


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """``base ^ exponent`` for every row of ``table``, which is the product's own or extends it (a factor a row)."""

    base: Expr
    table: Table
    exponent: Values


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """``coefficient * product(powers)``; the coefficient is data, over the product's table."""

    powers: tuple[Factor, ...]
    coefficient: Values


class _NoProduct(Exception):
    """The term is no product of powers with data exponents."""


def factors_of(region: Region, term: Expr, table: Table) -> Factors | None:
    """The powers that a term multiplies; None where it is no product of powers. Raises ``EvaluationError``."""
    try:
        powers: list[Factor] = []
        coefficient = _collect(region, term, table, np.ones(()), powers)
    except _NoProduct:
        return None
    return Factors(tuple(powers), coefficient)


def _collect(region: Region, term: Expr, table: Table, exponent: Values, into: list[Factor]) -> Values:
    """Adds the factors of ``term ^ exponent``; gives their data part."""
    if region.known(term):
        return np.power(region.values(term, table), exponent)
    if isinstance(term, Apply) and term.op in ("mul", "div"):
        found = _collect(region, term.args[0], table, exponent, into)
        sign = 1.0 if term.op == "mul" else -1.0
        for arg in term.args[1:]:
            found = found * _collect(region, arg, table, sign * exponent, into)
        return found
    if isinstance(term, Apply) and term.op == "neg" and bool(np.all(exponent == 1)):
        return -_collect(region, term.args[0], table, exponent, into)
    if isinstance(term, Apply) and term.op == "sqrt":
        return _collect(region, term.args[0], table, 0.5 * exponent, into)
    if isinstance(term, Apply) and term.op == "pow" and region.known(term.args[1]):
        return _collect(region, term.args[0], table, region.values(term.args[1], table) * exponent, into)
    if isinstance(term, Reduce) and term.op == "prod":
        fresh, rows = region.inner(term, table)
        outer = rows.lift_from(exponent, table) if np.ndim(exponent) else exponent
        return reduce_to(table, rows, _collect(region, fresh.body, rows, outer, into), np.multiply)
    if isinstance(term, SymbolRef):
        symbol = region.instance.program.symbols[term.symbol]
        if isinstance(symbol, NamedExpression):
            into.append(Factor(term, table, exponent))
            return np.ones(())
    if isinstance(term, (Apply, Reduce, SymbolRef)):
        into.append(Factor(term, table, exponent))
        return np.ones(())
    raise _NoProduct


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What a factor's exponent and base allow, for each row of the product.

    ``up`` and ``down``: how much its positive and its negative exponents add up to; ``rises``: how many are positive.
    ``caps``: bases with exponents are concave and not negative; ``cups``: the base of a positive one is convex and not
    negative (or its even power of an affine base is meant), those of negative ones concave and not negative.
    """

    total: Values
    rises: Values
    falls: Values
    caps: Bools
    cups: Bools


def power_product(region: Region, term: Expr, table: Table, curvature: Curvature) -> tuple[Bools, Bools]:
    """For each row whether a product of powers is convex, whether it is concave."""
    found = factors_of(region, term, table)
    if found is None or (len(found.powers) == 1 and found.powers[0].base is term):
        return NO, NO
    parts = [_judged(region, factor, table, curvature) for factor in found.powers]
    total = sum((p.total for p in parts), np.zeros(()))
    rises = sum((p.rises for p in parts), np.zeros(()))
    falls = sum((p.falls for p in parts), np.zeros(()))
    caps, cups = _all([p.caps for p in parts]), _all([p.cups for p in parts])
    slack = 16 * r.UNIT * (rises + falls + 1)
    concave = caps & (falls == 0) & (total <= 1 + slack)
    convex = cups & ((rises == 0) | (rises == 1) & (total >= 1 - slack))
    positive, negative = found.coefficient >= 0, found.coefficient <= 0
    return (convex & positive) | (concave & negative), (concave & positive) | (convex & negative)


def _all(masks: list[Bools]) -> Bools:
    found: Bools = YES
    for mask in masks:
        found = found & mask
    return found


def _judged(region: Region, factor: Factor, table: Table, curvature: Curvature) -> _Judged:
    base, rows, exponent = factor.base, factor.table, factor.exponent
    shape, range_ = curvature(region, base, rows), enclosure(region, base, rows)
    nonnegative = range_.lower >= 0
    even = (exponent % 2 == 0) & shape.affine
    caps = shape.concave & nonnegative
    cups = np.where(exponent > 0, shape.convex & nonnegative | even, caps | (exponent == 0))
    if not isinstance(base, SymbolRef) or not bool(np.all(cups)):
        normed = norm_like(region, base, rows)  # the root of such a base is a norm, which is convex
        use = normed & (exponent > 0)
        cups, exponent = cups | use, np.where(use, 2 * exponent, exponent)
        caps = caps & ~use
    if rows is table:
        return _Judged(exponent, (exponent > 0) * 1.0, (exponent < 0) * 1.0, caps | (exponent == 0), cups)
    return _Judged(
        reduce_to(table, rows, np.asarray(exponent), np.add),
        reduce_to(table, rows, np.asarray((exponent > 0) * 1.0), np.add),
        reduce_to(table, rows, np.asarray((exponent < 0) * 1.0), np.add),
        every(table, rows, caps | (exponent == 0)),
        every(table, rows, np.asarray(cups)),
    )


def norm_like(region: Region, term: Expr, table: Table) -> Bools:
    """For each row whether a term is a sum of squares of affine terms: then its square root is a norm."""
    found = summands(region, term, table)
    if found.others or not any(len(m.refs) == 2 for m in found.monomials):
        return NO
    good, _ = semidefinite_rows(homogeneous_entries(region, found.monomials, table), table.size)
    return np.asarray(good).reshape(table.shape)


def divergence_like(region: Region, term: Apply, table: Table, curvature: Curvature) -> tuple[Bools, Bools]:
    """``x log(x / y)`` written out, with affine ``x`` and concave ``y``: convex; ``x log(y / x)``: concave.

    Also ``x log(c x)``, which is defined for positive ``x`` only where the number ``c`` is positive.
    """
    if len(term.args) != 2:
        return NO, NO
    for x, other in (term.args, term.args[::-1]):
        if not (isinstance(other, Apply) and other.op in ("log", "log10")):
            continue
        inner = other.args[0]
        if inner == x:
            return curvature(region, x, table).affine, NO
        if not (isinstance(inner, Apply) and inner.op in ("mul", "div") and x in inner.args and len(inner.args) == 2):
            continue
        upright = inner.op == "mul" or inner.args[0] == x
        y = inner.args[1] if inner.args[0] == x else inner.args[0]
        if inner.op == "mul" and not region.known(y):
            continue
        good = curvature(region, x, table).affine & curvature(region, y, table).concave
        good = good & (enclosure(region, x, table).lower >= 0) & (enclosure(region, y, table).lower >= 0)
        return (good, NO) if upright else (NO, good)
    return NO, NO


def linear_fraction(region: Region, term: Apply, table: Table) -> tuple[Bools, Bools]:
    """``(a x + b) / (c x + d)`` in one decision ``x`` a row: its second derivative is
    ``2 c (b c - a d) / (c x + d)^3``.
    """
    top, under = (summands(region, arg, table) for arg in term.args)
    if top.others or under.others or any(len(m.refs) > 1 for m in (*top.monomials, *under.monomials)):
        return NO, NO
    entries = [homogeneous_entries(region, part.monomials, table) for part in (top, under)]
    one = region.instance.columns
    column = np.full(table.size, -1, dtype=np.int64)
    for found in entries:
        slope = found.first != one
        column[found.row[slope]] = found.first[slope]
    single = np.ones(table.size, dtype=np.bool_)
    ends = []
    for found in entries:
        slope = found.first != one
        other = found.first[slope] != column[found.row[slope]]
        single &= np.bincount(found.row[slope], other, table.size) == 0
        ends.append(np.bincount(found.row[slope], found.value[slope], table.size))
        ends.append(np.bincount(found.row[~slope], found.value[~slope], table.size))
        single &= np.bincount(found.row, minlength=table.size) <= 2  # else the sums above may be rounded
    a, b, c, d = (r.point(np.asarray(end).reshape(table.shape)) for end in ends)
    sign = r.multiply(c, r.subtract(r.multiply(b, c), r.multiply(a, d)))
    below = enclosure(region, term.args[1], table)
    whole = r.multiply(sign, r.power(below, np.asarray(3.0)))
    fixed = single.reshape(table.shape) & ((below.lower >= 0) | (below.upper <= 0))
    return fixed & (whole.lower >= 0), fixed & (whole.upper <= 0)


# ------------------------------------------------------------------------------------------------ logarithmic scale
def logarithmic(region: Region, term: Expr, table: Table, curvature: Curvature) -> tuple[Bools, Bools]:
    """For each row whether a positive term is log-convex, whether it is log-concave."""
    known = region.recall("logarithmic", term, table)
    if known is None:
        known = region.remember("logarithmic", term, table, _logarithmic(region, term, table, curvature))
    found: tuple[Bools, Bools] = known
    return found


def _logarithmic(region: Region, term: Expr, table: Table, curvature: Curvature) -> tuple[Bools, Bools]:
    if not region.varies(term):
        positive = np.asarray(enclosure(region, term, table).lower > 0)
        return positive, positive
    convex, concave = _by_scale(region, term, table, curvature)
    if not bool(np.all(concave)):
        inside = enclosure(region, term, table).lower >= 0
        concave = concave | inside & curvature(region, term, table).concave if _simple(term) else concave
    return convex, concave


def _simple(term: Expr) -> bool:
    """Whether the curvature of a term is known without that of its own logarithm."""
    return not (isinstance(term, (Apply, Reduce)) and term.op in ("mul", "div", "pow", "prod"))


def _by_scale(region: Region, term: Expr, table: Table, curvature: Curvature) -> tuple[Bools, Bools]:
    if isinstance(term, SymbolRef):
        symbol = region.instance.program.symbols[term.symbol]
        if isinstance(symbol, NamedExpression):
            return logarithmic(region, *region.inlined(term, symbol, table), curvature)
        return NO, NO
    if isinstance(term, Conditional):
        return NO, NO
    if isinstance(term, Reduce):
        return _of_reduce(region, term, table, curvature)
    if not isinstance(term, Apply):
        return NO, NO
    if term.op == "exp":
        inner = curvature(region, term.args[0], table)
        return inner.convex, inner.concave
    if term.op == "sigmoid":
        return NO, curvature(region, term.args[0], table).concave
    if term.op == "pow" and region.known(term.args[1]):
        exponent = region.values(term.args[1], table)
        convex, concave = logarithmic(region, term.args[0], table, curvature)
        up, down = exponent >= 0, exponent <= 0
        return convex & up | concave & down, concave & up | convex & down
    if term.op == "sqrt":
        return logarithmic(region, term.args[0], table, curvature)
    if term.op in ("mul", "div", "add", "max", "min"):
        parts = [logarithmic(region, arg, table, curvature) for arg in term.args]
        if term.op == "div":
            parts = [parts[0], *((b, a) for a, b in parts[1:])]
        up, down = _all([p[0] for p in parts]), _all([p[1] for p in parts])
        if term.op in ("add", "max"):
            return up, NO
        return (NO, down) if term.op == "min" else (up, down)
    return NO, NO


def _of_reduce(region: Region, term: Reduce, table: Table, curvature: Curvature) -> tuple[Bools, Bools]:
    if term.op not in ("sum", "prod", "max", "min"):
        return NO, NO
    fresh, rows = region.inner(term, table)
    up, down = logarithmic(region, fresh.body, rows, curvature)
    convex, concave = every(table, rows, up), every(table, rows, down)
    filled = reduce_to(table, rows, np.ones(()), np.add) > 0
    if term.op in ("sum", "max"):
        return convex & filled, NO
    return (NO, concave) if term.op == "min" else (convex, concave)
