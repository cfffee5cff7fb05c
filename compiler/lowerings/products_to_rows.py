"""Instance with products of binaries to instance with rows.

    w = a * b              w <= a,  w <= b,  w >= a + b - 1,  w >= 0                 a, b binary
    w = b * e(x)           L b <= w <= U b,  e(x) - U (1 - b) <= w <= e(x) - L (1 - b)        L <= e(x) <= U

Source: an instance with one decider in whose objective and rows decisions are multiplied, such that of each product all
factors but one take the values 0 and 1 only (binaries, ``1 - b``, …); powers, and ``prod`` over an index set, of such
factors too. A sum of binaries is multiplied out. Target: an instance with one more decision for each product, which is
its value at every point where the binaries are 0 or 1: the rows are McCormick's, the convex hull for these products.
Of them only those that are needed where the product stands are made (from below where a larger value is worse).
``L`` and ``U`` are derived, from the bounds of the decisions and the linear rows. Kept: every point and the optimum.
Lost: nothing. Lifted: the new families are left out. Sources: R. Fortet, "Applications de l'algèbre de Boole en
recherche opérationnelle", Revue Française de Recherche Opérationnelle 4 (1960); G. P. McCormick, "Computability of
global solutions to factorable nonconvex programs", Mathematical Programming 10 (1976).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.solving import NO_BINARY_FACTOR
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Apply, Conditional, Constant, Expr, NamedExpression, Reduce, Space, SymbolRef

from ..evaluation.scope import text_of
from ..extraction.patterns import needed_by
from ..facts.bounds import Side
from ..facts.structure import whole_valued
from ..instance.instance import Floats, Instance
from ..signature import WORDS, Signature
from ..terms.rewriting import Inverse, Refused, Rewriter, Way, derived, extend, joined, lift, narrowed, number, op
from ..terms.rewritten import kept, rewrite
from ..terms.substitution import (
    bound_indices,
    component_indices,
    componentwise,
    factors,
    freshened,
    renamed_indices,
    substituted,
)

__all__ = ["accepts", "derived", "extend", "lift", "lower", "transfer"]

NAME = "products to rows"
SOURCE = "instance"
TARGET = "instance"
COST = 3.0

_PRODUCTS = ("quadratic objective", "quadratic constraint", "nonlinear objective", "nonlinear constraint")
_FOREIGN = ("lower level", "player", "uncertainty", "recourse", "choice")
_RATIOS = {  # what stays nonlinear however products are written
    "ratio objective": "nonlinear objective",
    "ratio among others": "nonlinear objective",
    "ratio constraint": "nonlinear constraint",
}
_LARGEST_POWER = 16


def transfer(source: Signature) -> Signature | str | None:
    """The signature without products; why there is none; None where there are no products.

    What is called nonlinear for a product within a kink has the kink left.
    """
    ratios = {_RATIOS[feature] for feature in source.features & _RATIOS.keys()}
    found = [feature for feature in _PRODUCTS if feature in source.features - ratios]
    if not found:
        return None
    foreign = next((WORDS[feature] for feature in _FOREIGN if feature in source.features), None)
    if foreign is not None:
        return foreign
    if "binary" not in source.features:
        return "it has products of decisions, none of which is binary"
    left = {f"piecewise {feature.split()[1]}" for feature in found if feature.startswith("nonlinear")}
    return replace(source, features=(source.features - {*found, "nonlinear kinks"}) | left)


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first product that cannot become rows."""
    found = kept(instance, NAME, _lowered)
    return found if isinstance(found, Diagnostic) else None


def lower(instance: Instance) -> tuple[Instance, Inverse]:
    """The instance without products, and what lifts its answers. Raises ``ValueError`` where ``accepts`` has a
    reason.
    """
    found = kept(instance, NAME, _lowered)
    if isinstance(found, Diagnostic):
        raise ValueError(found.message)
    return found


def _lowered(instance: Instance) -> tuple[Instance, Inverse]:
    return rewrite(instance, multiplied, rule)


def multiplied(rewriter: Rewriter, node: Expr) -> bool:
    """Whether a node is a product of decisions."""
    if isinstance(node, Reduce):
        return node.op == "prod"
    if not isinstance(node, Apply):
        return False
    if node.op == "pow":
        return rewriter.group.depends(node.args[0]) and not _is(node.args[1], 1.0)
    return node.op == "mul" and sum(rewriter.group.depends(arg) for arg in node.args) > 1


def _is(term: Expr, value: float) -> bool:
    return isinstance(term, Constant) and term.value == value


def rule(rewriter: Rewriter, term: Expr, way: Way, space: Space) -> Expr | None:
    """What stands in the place of a product; None for any other term."""
    if not rewriter.group.depends(term):
        return None
    if isinstance(term, Reduce) and term.op == "prod":
        return _prod(rewriter, term, way, space)
    if not isinstance(term, Apply) or term.op not in ("mul", "pow"):
        return None
    if term.op == "mul" and sum(rewriter.group.depends(arg) for arg in term.args) < 2:
        return None
    parts = whole_factors(rewriter, term)
    data = [p for p in parts if not rewriter.group.depends(p)]
    moving = [p for p in parts if rewriter.group.depends(p)]
    if data:
        return rewriter.term(op("mul", product_of(data), product_of(moving)), way, space)
    return rewriter.term(moving[0], way, space) if len(moving) == 1 else _multiplied(rewriter, term, moving, way, space)


def whole_factors(rewriter: Rewriter, term: Expr) -> list[Expr]:
    """The factors of a product, whole powers written out (of data left as they are)."""
    found: list[Expr] = []
    for factor in factors(term):
        power = factor.args[1] if isinstance(factor, Apply) and factor.op == "pow" else None
        if not isinstance(factor, Apply) or power is None or not rewriter.group.depends(factor):
            found.append(factor)
            continue
        if not isinstance(power, Constant) or not 1 <= power.value <= _LARGEST_POWER or power.value % 1:
            raise refusal(term, f"the power of `{text_of(factor)}` is no whole number from 1 to {_LARGEST_POWER}")
        found += whole_factors(rewriter, factor.args[0]) * int(power.value)
    return found


def product_of(parts: Sequence[Expr]) -> Expr:
    found = parts[0]
    for part in parts[1:]:
        found = op("mul", found, part)
    return found


def refusal(term: Expr, reason: str) -> Refused:
    return Refused(report(NO_BINARY_FACTOR, term.span, expression=text_of(term), reason=reason))


# ------------------------------------------------------------------------------------------------------- products
def _multiplied(rewriter: Rewriter, term: Expr, moving: list[Expr], way: Way, space: Space) -> Expr:
    """The product of factors that all depend on decisions."""
    small = narrowed(space, term)
    binary = [f for f in moving if zero_or_one(rewriter, f, small)]
    others = [f for f in moving if not any(f is b for b in binary)]
    if len(others) > 1:
        return _multiplied_out(rewriter, term, binary, others, way, space)
    distinct = list(dict.fromkeys(binary))
    if others and not distinct:
        raise refusal(term, "none of the factors is binary")
    if not others and len(distinct) == 1:
        return rewriter.term(distinct[0], way, space)  # b * b is b
    if not others:
        return _all_of(rewriter, term, distinct, way, small)
    switch = distinct[0] if len(distinct) == 1 else _all_of(rewriter, product_of(distinct), distinct, 0, small)
    if len(distinct) == 1:
        switch = rewriter.term(switch, 0, small)
    return _switched(rewriter, term, switch, others[0], way, small)


def zero_or_one(rewriter: Rewriter, term: Expr, space: Space) -> bool:
    """Whether a term takes the values 0 and 1 only."""
    if rewriter.holds(term):
        return False
    lower, upper = rewriter.range(term, space)
    whole = whole_valued(rewriter.instance, term, space)
    return whole and bool((lower >= 0).all() and (upper <= 1).all())


def _all_of(rewriter: Rewriter, term: Expr, parts: Sequence[Expr], way: Way, space: Space) -> Expr:
    """The product of terms that are 0 or 1 each."""
    name = rewriter.label("product")
    every = np.ones(rewriter.layout(space).size, dtype=np.bool_)
    w = rewriter.decision(name, space, term, 0.0, 1.0)
    inner = [rewriter.term(part, 0, space) for part in parts]
    if way <= 0:
        for k, part in enumerate(inner, 1):
            rewriter.row(f"{name} below factor {k}", w, "le", part, space, every)
    if way >= 0:
        total = inner[0]
        for part in inner[1:]:
            total = op("add", total, part)
        least = op("sub", total, number(len(inner) - 1.0))
        rewriter.row(f"{name} above all", w, "ge", least, space, every)
    return w


def _switched(rewriter: Rewriter, term: Expr, switch: Expr, other: Expr, way: Way, space: Space) -> Expr:
    """``switch`` (0 or 1) times a bounded term."""
    lower, upper = rewriter.range(other, space)
    both: tuple[tuple[Floats, Side], ...] = ((lower, "lower"), (upper, "upper"))
    for ends, side in both:
        if np.isinf(ends).any():
            raise rewriter.unbounded(term, other, space, np.isinf(ends), side)
    inner = rewriter.term(other, way, space)
    name = rewriter.label("product")
    every = np.ones(len(lower), dtype=np.bool_)
    w = rewriter.decision(name, space, term, np.minimum(lower, 0.0), np.maximum(upper, 0.0))
    low, high = rewriter.data(f"{name} (least)", lower, space), rewriter.data(f"{name} (most)", upper, space)
    off = op("sub", number(1.0), switch)
    if way <= 0:
        row = rewriter.row(f"{name} at most when on", w, "le", op("mul", high, switch), space, every)
        rewriter.derived(row, other, upper, space)
        rewriter.row(f"{name} at most the factor", w, "le", op("sub", inner, op("mul", low, off)), space, every)
    if way >= 0:
        row = rewriter.row(f"{name} at least when on", w, "ge", op("mul", low, switch), space, every)
        rewriter.derived(row, other, lower, space)
        rewriter.row(f"{name} at least the factor", w, "ge", op("sub", inner, op("mul", high, off)), space, every)
    return w


def _prod(rewriter: Rewriter, term: Reduce, way: Way, space: Space) -> Expr:
    """``prod`` of terms that are 0 or 1; over nothing it is 1."""
    if bound_indices(term) & set(space.indices):
        term = freshened(term, renamed_indices(bound_indices(term)))
    small = narrowed(space, term)
    inner = joined(small, term.space)
    if not zero_or_one(rewriter, term.body, inner):
        raise refusal(term, "`prod` of terms that take more values than 0 and 1 is no linear expression")
    name = rewriter.label("prod")
    w = rewriter.decision(name, small, term, 0.0, 1.0)
    if way <= 0:
        every = np.ones(rewriter.layout(inner).size, dtype=np.bool_)
        rewriter.row(f"{name} below each", w, "le", term.body, inner, every)
    if way >= 0:
        missing = replace(term, op="sum", body=op("sub", number(1.0), term.body))
        every = np.ones(rewriter.layout(small).size, dtype=np.bool_)
        rewriter.row(f"{name} above all", w, "ge", op("sub", number(1.0), missing), small, every)
    return w


# ---------------------------------------------------------------------------------------------------- distribution
def _multiplied_out(
    rewriter: Rewriter, term: Expr, binary: list[Expr], others: list[Expr], way: Way, space: Space
) -> Expr:
    """The product with one factor that is a sum of binaries distributed over the rest."""
    for k, factor in enumerate(others):
        if not _of_binaries(rewriter, factor):
            continue
        rest = product_of([*binary, *others[:k], *others[k + 1 :]])
        spread = _spread(rewriter, factor, rest, space)
        if spread is not None:
            return rewriter.term(spread, way, space)
    one, two = (f"`{text_of(f)}`" for f in others[:2])
    reason = f"{one} is not binary" if one == two else f"neither of {one} and {two} is made of binaries alone"
    raise refusal(term, reason)


def _of_binaries(rewriter: Rewriter, term: Expr) -> bool:
    """Whether all decisions in a term are binary."""
    instance = rewriter.instance
    names = [n for n in needed_by(term, instance.program) if instance.is_decision(n)]
    ranges = rewriter.ranges
    for name in names:
        family = instance.family(name)
        own = slice(family.offset, family.offset + family.count)
        if not family.integer or (ranges.lower[own] < 0).any() or (ranges.upper[own] > 1).any():
            return False
    return bool(names)


def _spread(rewriter: Rewriter, factor: Expr, rest: Expr, space: Space) -> Expr | None:
    """``factor * rest`` with the outermost sum of ``factor`` distributed; None where it is no sum."""

    def times(part: Expr) -> Expr:
        return op("mul", part, rest)

    if isinstance(factor, Apply) and factor.op in ("add", "sub", "neg"):
        return replace(factor, args=tuple(times(arg) for arg in factor.args))
    if isinstance(factor, Apply) and factor.op == "div" and not rewriter.group.depends(factor.args[1]):
        return replace(factor, args=(times(factor.args[0]), factor.args[1]))
    if isinstance(factor, Reduce) and factor.op == "sum":
        clash = bound_indices(factor) & (set(space.indices) | bound_indices(rest))
        plain = freshened(factor, renamed_indices(bound_indices(factor))) if clash else factor
        return replace(plain, body=times(plain.body))
    if isinstance(factor, Conditional):
        return replace(factor, then=times(factor.then), otherwise=times(factor.otherwise))
    if isinstance(factor, SymbolRef):
        symbol = rewriter.instance.scope.symbols[factor.symbol]
        return times(inlined(factor, symbol)) if isinstance(symbol, NamedExpression) else None
    return None


def inlined(ref: SymbolRef, symbol: NamedExpression) -> Expr:
    """The definition of a named expression at the indices of a reference."""
    definition = componentwise(symbol.definition)
    fresh = freshened(definition, renamed_indices(bound_indices(definition)))
    indices = list(chain.from_iterable(component_indices(v) for v in symbol.space.indices))
    args = componentwise(ref).args
    if len(args) != len(indices):
        raise refusal(ref, f"`{symbol.name}` is asked for by whole tuples")
    return substituted(fresh, dict(zip(indices, args, strict=True)))
