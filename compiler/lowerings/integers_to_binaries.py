"""Instance with products of whole decisions to instance with products of binaries.

    x = l + sum(c[k] * b[k] for k in 0..K-1)       c = 1, 2, 4, …, u - l - (the others)

Source: an instance with one decider in whose objective and rows whole decisions with bounds, ``l <= x <= u``, are
multiplied with one another, with themselves, or with other bounded decisions; ``spin`` counts as whole. Target: an
instance in which of each such product all factors but one are made of binaries, which ``products_to_rows`` can state by
linear rows. A family that is taken apart has ``K = floor(log2(u - l)) + 1`` binaries for each of its entries; the last
coefficient makes the sum end at ``u - l`` exactly, so that every choice of binaries is a value within the bounds and no
row has to forbid one (S. Karimi, P. Ronagh, "Practical integer-to-binary mapping for quantum annealers", Quantum
Information Processing 18 (2019), where it is the bounded-coefficient encoding; a value may have two encodings). The
factor that stays is one that cannot be taken apart, else the one with the widest range. Bounds that are not declared
are derived from the linear rows. Kept: every point (its binaries: the last one only where it is needed) and the
optimum. Lost: nothing. Lifted: the new families are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.solving import NO_BOUND, RANGE_TOO_WIDE
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Apply,
    Bind,
    Conditional,
    Expr,
    Generator,
    IndexRef,
    IndexVar,
    NamedExpression,
    RangeSet,
    Reduce,
    Space,
    SymbolRef,
)

from ..evaluation.scope import entry_text, text_of
from ..extraction.patterns import needed_by
from ..instance.instance import Family, Floats, Instance
from ..signature import WORDS, Signature
from ..terms.rewriting import (
    Inverse,
    Refused,
    Rewriter,
    Way,
    derived,
    extend,
    joined,
    lift,
    narrowed,
    number,
    op,
    where,
)
from ..terms.rewritten import kept, rewrite
from ..terms.substitution import componentwise, renamed_indices, rewritten
from .products_to_rows import inlined, multiplied, product_of, refusal, whole_factors, zero_or_one

__all__ = ["accepts", "derived", "extend", "lift", "lower", "transfer"]

NAME = "integers to binaries"
SOURCE = "instance"
TARGET = "instance"
COST = 2.0  # with the products' rows dearer than a solver that multiplies whole decisions itself

WIDEST = 2.0**20
"""A range beyond this makes coefficients that integrality tolerances of 1e-6 could get around."""

_PRODUCTS = ("quadratic objective", "quadratic constraint", "nonlinear objective", "nonlinear constraint")
_FOREIGN = ("lower level", "player", "uncertainty", "recourse", "choice")


def transfer(source: Signature) -> Signature | str | None:
    """The same with binaries; why not; None where no whole decisions with a range can be multiplied."""
    if "whole product" not in source.features or not source.features & set(_PRODUCTS):
        return None
    foreign = next((WORDS[feature] for feature in _FOREIGN if feature in source.features), None)
    return foreign or replace(source, features=(source.features - {"whole product"}) | {"binary"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first product of which more than one factor cannot be taken apart."""
    found = kept(instance, NAME, _lowered)
    return found if isinstance(found, Diagnostic) else None


def lower(instance: Instance) -> tuple[Instance, Inverse]:
    """The instance with binaries, and what lifts its answers. Raises ``ValueError`` where ``accepts`` has a reason."""
    found = kept(instance, NAME, _lowered)
    if isinstance(found, Diagnostic):
        raise ValueError(found.message)
    return found


def _lowered(instance: Instance) -> tuple[Instance, Inverse]:
    encodings = _Encodings()
    return rewrite(instance, multiplied, encodings.rule)


@dataclass(frozen=True, slots=True)
class _Encoding:
    """A whole decision as an expression of its binaries: ``base + sum(weight * binary)``, the two over the family's
    indices and ``digits``; None where the family has one value. ``some``: weights that are zero have no binary.
    """

    base: Expr
    weight: Expr | None = None
    binary: SymbolRef | None = None
    digits: RangeSet | None = None
    some: bool = False

    def at(self, args: tuple[Expr, ...]) -> Expr:
        """The expression at some indices."""
        base = _indexed(self.base, args)
        if self.weight is None or self.binary is None or self.digits is None:
            return base
        (bit,) = renamed_indices([_BIT]).values()
        inside = (*args, IndexRef(None, bit))
        weight = _indexed(self.weight, inside)
        condition = op("gt", weight, number(0.0)) if self.some else None
        space = Space((Generator((Bind(bit),), self.digits),), condition)
        product = op("mul", weight, _indexed(self.binary, inside))
        return op("add", base, Reduce(self.binary.span, "sum", space, product))


_BIT = IndexVar("bit", 0)


def _indexed(term: Expr, args: tuple[Expr, ...]) -> Expr:
    """A family of data or decisions at some indices; a number stays as it is."""
    return replace(term, args=args) if isinstance(term, SymbolRef) else term


@dataclass(slots=True, eq=False)
class _Encodings:
    """The families that were taken apart so far, by name."""

    known: dict[str, _Encoding] = field(default_factory=dict)

    def rule(self, rewriter: Rewriter, term: Expr, _way: Way, space: Space) -> Expr | None:
        """A product with all factors but one made of binaries; None where it is so already, and for other terms."""
        if not isinstance(term, Apply) or not multiplied(rewriter, term):
            return None
        small = narrowed(space, term)
        parts = whole_factors(rewriter, term)
        moving = [k for k, part in enumerate(parts) if rewriter.group.depends(part)]
        several = [k for k in moving if not zero_or_one(rewriter, parts[k], small)]
        if len(several) < 2:
            return None
        stays = _staying(rewriter, term, [parts[k] for k in several], small)
        apart = [k for n, k in enumerate(several) if n != stays]
        new = [
            self._apart(rewriter, part) if k in apart else rewriter.term(part, 0, space) for k, part in enumerate(parts)
        ]
        return product_of(new)

    def _apart(self, rewriter: Rewriter, term: Expr) -> Expr:
        """A term with binaries in the place of whole decisions, named expressions written out."""

        def placed(node: object) -> object:
            if not isinstance(node, SymbolRef) or not rewriter.group.depends(node):
                return node
            symbol = rewriter.instance.scope.symbols[node.symbol]
            if isinstance(symbol, NamedExpression):
                return self._apart(rewriter, inlined(node, symbol))
            if not _has_range(rewriter, rewriter.instance.family(node.symbol)):
                return node
            return self._encoding(rewriter, node.symbol).at(node.args)

        return rewritten(term, placed)

    def _encoding(self, rewriter: Rewriter, name: str) -> _Encoding:
        if name not in self.known:
            self.known[name] = _encode(rewriter, rewriter.instance.family(name))
        return self.known[name]


def _has_range(rewriter: Rewriter, family: Family) -> bool:
    """Whether a family has other values than 0 and 1."""
    own = slice(family.offset, family.offset + family.count)
    lower, upper = rewriter.ranges.lower[own], rewriter.ranges.upper[own]
    return family.domain == "spin" or bool((lower < 0).any() or (upper > 1).any())


def _staying(rewriter: Rewriter, whole: Expr, parts: Sequence[Expr], space: Space) -> int:
    """Which of the factors is not taken apart: the one that cannot be, else the one with the widest range."""
    fixed = [k for k, part in enumerate(parts) if not _of_whole(rewriter, part)]
    if len(fixed) > 1:
        one, two = (f"`{text_of(parts[k])}`" for k in fixed[:2])
        which = f"{one} is not" if one == two else f"neither of {one} and {two} is"
        raise refusal(whole, f"{which} made of whole decisions alone")
    if fixed:
        return fixed[0]
    widths = []
    for part in parts:
        lower, upper = rewriter.range(part, space)
        widths.append(float((upper - lower).max(initial=0.0)))
    return int(np.argmax(widths))


def _of_whole(rewriter: Rewriter, term: Expr) -> bool:
    """Whether all decisions in a term are whole."""
    instance = rewriter.instance
    names = [n for n in needed_by(term, instance.program) if instance.is_decision(n)]
    return all(instance.family(name).integer for name in names)


# ------------------------------------------------------------------------------------------------------- encoding
def _encode(rewriter: Rewriter, family: Family) -> _Encoding:
    """The binaries of a family, the row that ties them to it, and the family as their expression."""
    space = componentwise(family.symbol.space)
    here = SymbolRef(family.symbol.span, family.name, tuple(IndexRef(None, v) for v in space.indices))
    lower, upper = _ends(rewriter, family)
    step = 2.0 if family.domain == "spin" else 1.0
    reach = (upper - lower) / step
    counts = np.where(reach > 0, np.floor(np.log2(np.maximum(reach, 1.0))) + 1, 0).astype(int)
    most = int(counts.max(initial=0))
    label = f"{family.name} (bits)"
    base = rewriter.data(f"{label} (least)", lower, space)
    if not most:
        return _Encoding(base)
    digits = RangeSet(None, number(0.0), number(most - 1.0))
    (bit,) = renamed_indices([_BIT]).values()
    every = joined(space, Space((Generator((Bind(bit),), digits),)))
    coefficients = _coefficients(reach, counts, most)
    some = bool((coefficients == 0).any())
    weight = rewriter.data(f"{label} (coefficient)", (step * coefficients).reshape(-1), every)
    needed = where(every, op("gt", weight, number(0.0))) if some else every
    amount = op("div", op("sub", here, base), number(step))
    meaning = _digit(rewriter, label, amount, reach, counts, most, every)
    binary = rewriter.decision(rewriter.name(label), needed, meaning, 0.0, 1.0, binary=True)
    found = _Encoding(base, weight, binary, digits, some)
    always = np.ones(family.count, dtype=np.bool_)
    row = rewriter.row(f"{family.name} (by its bits)", here, "eq", found.at(here.args), space, always)
    if not np.array_equal(lower, family.lower) or not np.array_equal(upper, family.upper):
        rewriter.derived(row, here, upper, space)
    return found


def _ends(rewriter: Rewriter, family: Family) -> tuple[Floats, Floats]:
    """Bounds of a family, declared or derived. Raises ``Refused`` where one is missing or they are too far apart."""
    own = slice(family.offset, family.offset + family.count)
    lower, upper = rewriter.ranges.lower[own], rewriter.ranges.upper[own]
    for ends, side in ((lower, "lower"), (upper, "upper")):
        if np.isinf(ends).any():
            entry = entry_text(family.name, family.layout.key(int(np.argmax(np.isinf(ends)))))
            told = report(NO_BOUND, family.symbol.span, expression=family.name, decision=entry, side=side)
            raise Refused(told)
    wide = upper - lower > WIDEST
    if wide.any():
        at = int(np.argmax(wide))
        entry = entry_text(family.name, family.layout.key(at))
        told = report(
            RANGE_TOO_WIDE, family.symbol.span, entry=entry, lower=lower[at], upper=upper[at], most=f"{WIDEST:,.0f}"
        )
        raise Refused(told)
    return lower, upper


def _coefficients(reach: Floats, counts: np.ndarray, most: int) -> Floats:
    """``(entries, most)``: powers of two, the last of each entry what is left; zero beyond it."""
    powers = np.exp2(np.arange(most))
    last = np.arange(most) == counts[:, None] - 1
    rest = reach - (np.exp2(np.maximum(counts - 1, 0)) - 1)
    found: Floats = np.where(last, rest[:, None], powers)
    return np.where(np.arange(most) < counts[:, None], found, 0.0)


def _digit(
    rewriter: Rewriter, label: str, amount: Expr, reach: Floats, counts: np.ndarray, most: int, space: Space
) -> Expr:
    """The value of each binary at an ``amount``: the last one where the others cannot make it, they what is left."""
    full = np.exp2(np.maximum(counts - 1, 0)) - 1  # what the others make at most
    across = np.repeat(full, most)
    rest = np.repeat(reach - full, most)
    is_last = (np.arange(most) == counts[:, None] - 1).astype(np.float64).reshape(-1)
    powers = np.tile(np.exp2(np.arange(most)), len(counts))
    enough = rewriter.data(f"{label} (full)", across, space)
    last = op("gt", amount, enough)
    left = op("sub", amount, op("mul", rewriter.data(f"{label} (last)", rest, space), last))
    power = rewriter.data(f"{label} (power)", powers, space)
    other = op("mod", op("idiv", left, power), number(2.0))
    flag = op("eq", rewriter.data(f"{label} (is last)", is_last, space), number(1.0))
    return Conditional(amount.span, flag, op("mul", number(1.0), last), other)
