"""Is a term convex or concave in a group of symbols, over a region? For all rows of a table at once, with the reason.

By composition (M. Grant, S. Boyd, Y. Ye, "Disciplined convex programming", in Global Optimization: From Theory to
Implementation (2006)), with signs from enclosures of the arguments; and, where composition decides nothing, by the
definiteness of the quadratic part of a sum, by products of powers, by convexity of logarithms (S. Boyd, L.
Vandenberghe, "Convex Optimization" (2004), section 3.5), by the sign of the second derivative of terms in one decision,
and by enclosures of the Hessian of terms in a few. A term that is undefined somewhere is judged where it is defined,
and that set is then convex too.

Integrality plays no part. Data terms count with their float64 values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_CURVED
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Apply,
    Choice,
    Conditional,
    Constant,
    Expr,
    ExternCall,
    NamedExpression,
    NetworkCall,
    Piecewise,
    Reduce,
    SymbolRef,
)

from ..evaluation.scope import place_words, text_of
from ..spaces.algebra import Table
from . import products, sums
from .atoms import Atom
from .enclosure import atom_of, enclosure
from .intervals import Interval
from .jets import bend
from .monotonicity import NO, YES, every
from .region import Region, scattered
from .rounding import Bools


@dataclass(frozen=True, slots=True, eq=False)
class Blame:
    """The part of a term that keeps it from being what is wanted: it is not ``lacks`` in the rows ``bad``, and why."""

    term: Expr
    table: Table
    bad: Bools
    lacks: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Bent:
    """For each row whether the term is convex, and whether it is concave (both: affine), with what speaks against it.

    ``against_convex`` and ``against_concave`` are None exactly where all rows are.
    """

    convex: Bools
    concave: Bools
    against_convex: Blame | None = None
    against_concave: Blame | None = None

    def turned(self) -> Bent:
        return Bent(self.concave, self.convex, self.against_concave, self.against_convex)

    @property
    def affine(self) -> Bools:
        return self.convex & self.concave


AFFINE = Bent(YES, YES)


def bent(region: Region, term: Expr, table: Table) -> Bent:
    """The curvature of a term over the rows of a table. Raises ``EvaluationError`` of its data."""
    known = region.recall("bent", term, table)
    if known is None:
        with np.errstate(all="ignore"):
            known = region.remember("bent", term, table, _bent(region, term, table))
    found: Bent = known
    return found


def why_not(region: Region, blame: Blame, wanted: str | None = None) -> Diagnostic:
    """The diagnostic of a blame; ``wanted``: another word for what it lacks."""
    expression = text_of(blame.term)
    where = place_words(blame.term, blame.table, blame.bad, region.instance.scope.named(None))
    return report(
        NOT_CURVED,
        blame.term.span,
        expression=expression,
        where=where,
        wanted=wanted or blame.lacks,
        reason=blame.reason,
    )


def _blamed(term: Expr, table: Table, convex: Bools, concave: Bools, reason: str) -> Bent:
    """A shape whose faults are the term's own."""
    cup, cap = bool(convex.all()), bool(concave.all())
    against_convex = None if cup else Blame(term, table, ~convex, "convex", "it is concave" if cap else reason)
    against_concave = None if cap else Blame(term, table, ~concave, "concave", "it is convex" if cup else reason)
    return Bent(convex, concave, against_convex, against_concave)


def _nothing(term: Expr, table: Table, reason: str) -> Bent:
    return _blamed(term, table, NO, NO, reason)


def _bent(region: Region, term: Expr, table: Table) -> Bent:
    if not table.size or not region.varies(term):  # of no rows everything is true
        return AFFINE
    found = _by_rules(region, term, table)
    for attempt in _ATTEMPTS.get(term.op if isinstance(term, (Apply, Reduce)) else "", ()):
        if bool(np.all(found.convex | found.concave)):
            break
        found = _improved(found, attempt(region, term, table))
    return found


def _improved(found: Bent, more: tuple[Bools, Bools]) -> Bent:
    """With what another way has proved; the reasons stay those of the rules."""
    convex, concave = found.convex | more[0], found.concave | more[1]
    return Bent(
        convex,
        concave,
        None if convex.all() else found.against_convex,
        None if concave.all() else found.against_concave,
    )


# ------------------------------------------------------------------------------------------------------------ rules
def _by_rules(region: Region, term: Expr, table: Table) -> Bent:
    if isinstance(term, SymbolRef):
        return _symbol(region, term, table)
    if isinstance(term, Apply):
        return _apply(region, term, table)
    if isinstance(term, Reduce):
        return _reduce(region, term, table)
    if isinstance(term, Conditional):
        return _conditional(region, term, table)
    if isinstance(term, Piecewise):
        return _piecewise(region, term, table)
    return _nothing(term, table, _KINDS.get(type(term), "its curvature is not known"))


_KINDS: dict[type, str] = {
    ExternCall: "nothing is known of outside code",
    NetworkCall: "nothing is known of a network",
}


def _symbol(region: Region, term: SymbolRef, table: Table) -> Bent:
    symbol = region.instance.program.symbols[term.symbol]
    if isinstance(symbol, NamedExpression):
        return bent(region, *region.inlined(term, symbol, table))
    if isinstance(symbol, Choice):
        return _nothing(term, table, "a choice stands where a number is wanted")
    if any(region.varies(arg) for arg in term.args):
        return _nothing(term, table, "an index depends on a decision")
    return AFFINE


def _apply(region: Region, term: Apply, table: Table) -> Bent:
    if term.op in ("add", "sub"):
        return _sum(region, term, table)
    atom = atom_of(region, term, table)
    if atom is not None:
        return _atom(region, term, atom, table)
    if term.op == "neg":
        return bent(region, term.args[0], table).turned()
    if term.op == "mul":
        return _product(region, term, table)
    if term.op == "div":
        return _quotient(region, term, table)
    if term.op in ("max", "min"):
        return _extreme(term, [bent(region, arg, table) for arg in term.args], table)
    if term.op == "pow":
        return _exponential(region, term, table)
    if term.op == "kl":
        return _divergence(region, term, table)
    return _nothing(term, table, f"{term.op} of a decision is neither convex nor concave")


def _both(a: Bent, b: Bent) -> Bent:
    return Bent(
        a.convex & b.convex,
        a.concave & b.concave,
        a.against_convex or b.against_convex,
        a.against_concave or b.against_concave,
    )


def _sum(region: Region, term: Apply, table: Table) -> Bent:
    """A left-deep chain of ``+`` and ``-``, without recursion along it."""
    found = AFFINE
    left: Expr = term
    parts: list[Bent] = []
    while isinstance(left, Apply) and left.op in ("add", "sub"):
        parts += [_signed(bent(region, arg, table), left.op) for arg in reversed(left.args[1:])]
        left = left.args[0]
    parts.append(bent(region, left, table))
    for part in reversed(parts):
        found = _both(found, part)
    return found


def _signed(part: Bent, op: str) -> Bent:
    return part if op == "add" else part.turned()


def _scaled(part: Bent, factor: Interval, term: Expr, table: Table) -> Bent:
    """A factor that is held times a part that varies."""
    positive, negative = factor.lower >= 0, factor.upper <= 0
    if bool(np.all(positive)):
        return part
    if bool(np.all(negative)):
        return part.turned()
    convex = positive & part.convex | negative & part.concave | part.affine
    concave = positive & part.concave | negative & part.convex | part.affine
    unknown = _blamed(term, table, convex, concave, "its factor has the wrong sign, or either")
    first, second = part.against_convex, part.against_concave
    return Bent(
        convex,
        concave,
        None if convex.all() else (first or unknown.against_convex),
        None if concave.all() else (second or unknown.against_concave),
    )


def _product(region: Region, term: Apply, table: Table) -> Bent:
    turned = [arg for arg in term.args if isinstance(arg, Apply) and arg.op == "neg"]
    if turned:
        plain = tuple(arg.args[0] if isinstance(arg, Apply) and arg.op == "neg" else arg for arg in term.args)
        part = bent(region, Apply(term.span, "mul", plain), table)
        return part.turned() if len(turned) % 2 else part
    if len(term.args) == 2:
        for held, moving in (term.args, term.args[::-1]):
            if not region.varies(held):
                return _scaled(bent(region, moving, table), enclosure(region, held, table), term, table)
        if term.args[0] == term.args[1]:
            return bent(region, Apply(term.span, "pow", (term.args[0], Constant(None, 2.0))), table)
    convex, concave = products.divergence_like(region, term, table, bent)
    return _blamed(term, table, convex, concave, "decisions are multiplied")


def _quotient(region: Region, term: Apply, table: Table) -> Bent:
    top, under = term.args
    if not region.varies(under):
        return _scaled(bent(region, top, table), enclosure(region, under, table), term, table)
    convex, concave = products.linear_fraction(region, term, table)
    return _blamed(term, table, convex, concave, "a decision stands in a denominator")


def _extreme(term: Expr, parts: list[Bent], table: Table) -> Bent:
    """``max`` of convex parts is convex; of anything else nothing is known. ``min`` likewise, turned."""
    is_max = isinstance(term, (Apply, Reduce)) and term.op == "max"
    parts = parts if is_max else [part.turned() for part in parts]
    convex: Bools = YES
    against = None
    for part in parts:
        convex = convex & part.convex
        against = against or part.against_convex
    words, lacks = ("it is a largest value", "concave") if is_max else ("it is a least value", "convex")
    found = Bent(convex, NO, against, Blame(term, table, YES, lacks, words))
    return found if is_max else found.turned()


def _range(a: Interval) -> str:
    """The values of an argument in words: ``where its argument is in [0, 1]``."""
    low, high = float(np.min(a.lower)), float(np.max(a.upper))
    if np.isneginf(low) and np.isposinf(high):
        return "where its argument may be any number"
    return f"where its argument is in [{low:g}, {high:g}]"


def _atom(region: Region, term: Apply, atom: Atom, table: Table) -> Bent:
    """``f(g)``: convex where ``f`` is, and ``g`` is affine, or convex and ``f`` rises, or concave and ``f`` falls.

    Beyond the interval where ``f`` is defined it counts as infinite, so it may rise only where that lies below, or
    where ``g`` stays within it.
    """
    inner = bent(region, term.args[0], table)
    argument = enclosure(region, term.args[0], table)
    part = atom.defined(argument)
    slope, curve = atom.first(part), atom.second(part)
    inside = atom.inside(argument)
    no_low, no_high = np.isneginf(atom.low), np.isposinf(atom.high)
    up, down = slope.lower >= 0, slope.upper <= 0
    cup, cap = curve.lower >= 0, curve.upper <= 0
    # A function that is convex and infinite below its domain may only fall, and so on.
    rising_cup, falling_cup = up & (inside | no_low), down & (inside | no_high)
    rising_cap, falling_cap = up & (inside | no_high), down & (inside | no_low)
    convex = cup & (inner.affine | inner.convex & rising_cup | inner.concave & falling_cup)
    concave = cap & (inner.affine | inner.concave & rising_cap | inner.convex & falling_cap)
    words = _words(cup, cap, argument)
    return Bent(
        convex,
        concave,
        _against(term, table, convex, cup, up, down, inner, words, True),
        _against(term, table, concave, cap, up, down, inner, words, False),
    )


def _words(cup: Bools, cap: Bools, argument: Interval) -> str:
    if bool(np.all(cup)):
        return f"it is convex {_range(argument)}"
    if bool(np.all(cap)):
        return f"it is concave {_range(argument)}"
    return f"it is neither convex nor concave {_range(argument)}"


def _against(
    term: Apply, table: Table, good: Bools, curved: Bools, up: Bools, down: Bools, inner: Bent, words: str, cup: bool
) -> Blame | None:
    """What keeps a composition from being convex (``cup``) or concave: the function itself, or its argument."""
    if good.all():
        return None
    lacks = "convex" if cup else "concave"
    if not bool(np.all(curved | good)):
        return Blame(term, table, ~(curved | good), lacks, words)
    rises = bool(np.all(up | good))
    falls = bool(np.all(down | good))
    wants_convex = rises if cup else falls
    wants_concave = falls if cup else rises
    if wants_convex and inner.against_convex is not None:
        return inner.against_convex
    if wants_concave and inner.against_concave is not None:
        return inner.against_concave
    return Blame(term, table, ~good, lacks, "its argument is not affine, and it neither rises nor falls throughout")


def _exponential(region: Region, term: Apply, table: Table) -> Bent:
    """``b ^ g`` with a positive number ``b`` is ``exp(g log b)``."""
    base, exponent = term.args
    if region.varies(base):
        found = bent(region, exponential_of(term), table)
        positive = enclosure(region, base, table).lower > 0
        reason = "a decision stands in an exponent, and in its base"
        return _blamed(term, table, found.convex & positive, NO, reason)
    found, low = bent(region, exponent, table), enclosure(region, base, table)
    convex = (low.lower > 0) & (found.affine | found.convex & (low.lower >= 1) | found.concave & (low.upper <= 1))
    reason = "it is an exponential of something that is not affine, or of a base that is not positive"
    return _blamed(term, table, convex, NO, reason)


def exponential_of(term: Apply) -> Apply:
    """``b ^ g`` as the term ``g log b``, of which it is the exponential."""
    base, exponent = term.args
    return Apply(term.span, "mul", (exponent, Apply(base.span, "log", (base,))))


def _divergence(region: Region, term: Apply, table: Table) -> Bent:
    """``x log(x / y)`` is convex in both, and falls in ``y`` only."""
    first, second = (bent(region, arg, table) for arg in term.args)
    convex = first.affine & second.concave
    found = _blamed(term, table, convex, NO, "it is convex, in affine arguments")
    against = first.against_convex or first.against_concave or second.against_concave
    return Bent(convex, found.concave, None if convex.all() else against, found.against_concave)


def _conditional(region: Region, term: Conditional, table: Table) -> Bent:
    if not region.known(term.condition):
        return _nothing(term, table, "its condition depends on a decision")
    parts = [(bent(region, part, rows), mask) for part, rows, mask in region.branches(term, table)]
    return Bent(
        scattered([(b.convex, mask) for b, mask in parts], table, False),
        scattered([(b.concave, mask) for b, mask in parts], table, False),
        next((b.against_convex for b, _ in parts if b.against_convex is not None), None),
        next((b.against_concave for b, _ in parts if b.against_concave is not None), None),
    )


def _piecewise(region: Region, term: Piecewise, table: Table) -> Bent:
    if not all(region.known(part) for part in (*term.breakpoints, *term.values)):
        return _nothing(term, table, "its pieces depend on decisions")
    points, heights = ([region.values(part, table) for part in parts] for parts in (term.breakpoints, term.values))
    slopes = [(heights[k + 1] - heights[k]) / (points[k + 1] - points[k]) for k in range(len(points) - 1)]
    inner = bent(region, term.argument, table)
    up = _throughout([s >= 0 for s in slopes])
    down = _throughout([s <= 0 for s in slopes])
    cup = _throughout([b >= a for a, b in pairwise(slopes)])
    cap = _throughout([b <= a for a, b in pairwise(slopes)])
    convex = cup & (inner.affine | inner.convex & up | inner.concave & down)
    concave = cap & (inner.affine | inner.concave & up | inner.convex & down)
    words = "its slopes rise" if cup.all() else "its slopes fall" if cap.all() else "its slopes rise and fall"
    return _blamed(term, table, convex, concave, words)


def _throughout(masks: list[Bools]) -> Bools:
    found: Bools = YES
    for mask in masks:
        found = found & mask
    return found


# ------------------------------------------------------------------------------------------------------- aggregates
def _reduce(region: Region, term: Reduce, table: Table) -> Bent:
    fresh, rows = region.inner(term, table)
    part = bent(region, fresh.body, rows)
    if term.op in ("norm1", "norm2", "norminf"):
        body = enclosure(region, fresh.body, rows)
        good = part.affine | part.convex & (body.lower >= 0) | part.concave & (body.upper <= 0)
        convex = every(table, rows, good)
        against = part.against_convex if (body.lower >= 0).all() else part.against_convex or part.against_concave
        own = _blamed(term, table, convex, NO, "a norm is convex")
        return Bent(convex, own.concave, None if convex.all() else against or own.against_convex, own.against_concave)
    convex, concave = every(table, rows, part.convex), every(table, rows, part.concave)
    if term.op == "sum":
        return Bent(
            convex,
            concave,
            None if convex.all() else part.against_convex,
            None if concave.all() else part.against_concave,
        )
    if term.op in ("max", "min"):
        folded = Bent(convex, concave, part.against_convex, part.against_concave)
        return _extreme(term, [folded], table)
    if term.op == "logsumexp":
        own = _blamed(term, table, convex, NO, "logsumexp is convex")
        return Bent(convex, own.concave, None if convex.all() else part.against_convex, own.against_concave)
    return _nothing(term, table, f"{_AGGREGATES.get(term.op, term.op)} of decisions is neither convex nor concave")


_AGGREGATES = {"prod": "a product", "count": "a count"}


# --------------------------------------------------------------------------------------------------------- attempts
Attempt = Callable[[Region, Expr, Table], tuple[Bools, Bools]]


def _by_matrix(region: Region, term: Expr, table: Table) -> tuple[Bools, Bools]:
    return sums.by_matrix(region, term, table, bent)


def _by_powers(region: Region, term: Expr, table: Table) -> tuple[Bools, Bools]:
    return products.power_product(region, term, table, bent)


def _by_logarithm(region: Region, term: Expr, table: Table) -> tuple[Bools, Bools]:
    """What is convex on a logarithmic scale is convex; ``log f`` is curved as ``f`` is on that scale."""
    if isinstance(term, Apply) and term.op in ("log", "log10"):
        return products.logarithmic(region, term.args[0], table, bent)
    return products.logarithmic(region, term, table, bent)[0], NO


def _by_second_derivative(region: Region, term: Expr, table: Table) -> tuple[Bools, Bools]:
    found: Interval | None = bend(region, term, table)
    if found is None:
        return NO, NO
    return np.asarray(found.lower >= 0), np.asarray(found.upper <= 0)


def _by_hessian(region: Region, term: Expr, table: Table) -> tuple[Bools, Bools]:
    return sums.by_hessian(region, term, table)


_ATTEMPTS: dict[str, tuple[Attempt, ...]] = {
    "add": (_by_matrix, _by_second_derivative),
    "sub": (_by_matrix, _by_second_derivative),
    "neg": (_by_matrix,),
    "mul": (_by_matrix, _by_powers, _by_logarithm, _by_second_derivative, _by_hessian),
    "div": (_by_powers, _by_logarithm, _by_second_derivative, _by_hessian),
    "pow": (_by_powers, _by_logarithm, _by_second_derivative, _by_hessian),
    "sqrt": (_by_powers, _by_second_derivative, _by_hessian),
    "prod": (_by_powers, _by_logarithm),
    "sum": (_by_matrix,),
    "log": (_by_logarithm, _by_second_derivative, _by_hessian),
    "log10": (_by_logarithm, _by_second_derivative, _by_hessian),
    **dict.fromkeys(
        (
            "exp",
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "sigmoid",
            "softplus",
            "erf",
            "entropy",
        ),
        (_by_second_derivative, _by_hessian),
    ),
}
