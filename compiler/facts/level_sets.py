"""Relations that hold on convex sets though their difference is not curved as a convex problem asks.

A relation ``h <= 0`` may be a convex set for another reason than a convex ``h``: as a second-order cone that is written
by its squares (``quadratic_cones``), or because both sides have a root that is curved the right way,

    L >= R >= 0   as   L^(1/p) >= R^(1/p)   with a concave and a convex side,

where ``L`` is a product of powers and ``p`` its degree: ``x y z >= w^3`` says that ``w`` is at most a geometric mean.
The same goes for logarithms, which are left out: ``log(1 + x^2) <= log(y)``.
(Functions whose sets ``h <= c`` are convex are quasi-convex: S. Boyd, L. Vandenberghe, "Convex Optimization" (2004),
section 3.4; for products of powers: section 3.1.5.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optc.dsl.program import Apply, Constant, Expr, Relation

from ..evaluation.scope import EvaluationError, entry_text
from ..spaces.algebra import UNIT, Table, wide
from .bounds import linear_rows
from .curvature import Blame, bent
from .enclosure import enclosure
from .products import factors_of
from .propagation import Entries as LinearRows
from .quadratic_cones import QuadraticCones, kept_by_rows, quadratic_cones
from .quadratic_splits import of_rows
from .region import Region
from .rounding import Bools
from .summands import homogeneous_entries, summands

_WHOLE = Constant(None, 0.0)  # what is kept of a region as a whole is kept under it


@dataclass(frozen=True, slots=True, eq=False)
class Roots:
    """Rows (mask ``holds``, rows) that say ``left >= right``; their ``power``-th powers are the sides as written, or,
    where ``power`` is 0, their logarithms.
    """

    left: Expr
    right: Expr
    power: float
    holds: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Why the rows of a relation are convex sets, by masks over its flat rows (rows).

    ``curved``: the difference is convex, of ``>=`` concave; ``cones``: which of the others are cones, in the sense of
    ``<= 0``; ``roots``: of those that are left. ``against``: what speaks against the first that is none of these.
    """

    curved: Bools
    cones: QuadraticCones | None
    roots: Roots | None
    against: Blame | None


def levels(region: Region, body: Relation, term: Expr, table: Table, op: str) -> Levels:
    """The rows ``term <= 0``, or ``>= 0`` (``op``: ``le`` or ``ge``), of a relation. Raises ``EvaluationError``."""
    known = region.recall("levels", term, table)
    if known is None:
        with np.errstate(all="ignore"):
            known = region.remember("levels", term, table, _levels(region, body, term, table, op))
    found: Levels = known
    return found


def _levels(region: Region, body: Relation, term: Expr, table: Table, op: str) -> Levels:
    shape = bent(region, term, table)
    curved = _flat(shape.convex if op == "le" else shape.concave, table)
    against = shape.against_convex if op == "le" else shape.against_concave
    if against is None:
        return Levels(curved, None, None, None)
    held = curved
    cones, roots = _cones(region, term, table, op, ~curved), None
    if cones is not None:
        held = held | cones.holds
    if not held.all():
        roots = _roots(region, term, table, op, ~held)
        held = held if roots is None else held | roots.holds
    if held.all():
        return Levels(curved, cones, roots, None)
    if cones is not None and (cones.halved & ~held).any():
        against = _two_halves(region, body, table, cones, cones.halved & ~held)
    return Levels(curved, cones, roots, against)


def _flat(mask: Bools, table: Table) -> Bools:
    found: Bools = wide(np.asarray(mask), table.shape).reshape(-1).astype(np.bool_)
    return found


# ------------------------------------------------------------------------------------------------------------- cones
def _cones(region: Region, term: Expr, table: Table, op: str, wanted: Bools) -> QuadraticCones | None:
    """The cones among the rows that are wanted; None where the term is not quadratic."""
    found = summands(region, term, table)
    if found.others or not any(len(m.refs) == 2 for m in found.monomials):
        return None
    entries = of_rows(homogeneous_entries(region, found.monomials, table), wanted)
    if op == "ge":
        entries = type(entries)(entries.row, entries.first, entries.second, -entries.value)
    if not np.isfinite(entries.value).all():
        return None
    cones = quadratic_cones(entries, table.size, region.ranges.lower, region.ranges.upper)
    if not cones.halved.any():
        return cones
    return kept_by_rows(cones, _linear_rows(region), region.instance.columns)


def _linear_rows(region: Region) -> LinearRows:
    """The linear rows of the instance; what they hold of other symbols counts as what it is, a decision."""
    known = region.recall("linear rows", _WHOLE, UNIT)
    if known is None:
        known = region.remember("linear rows", _WHOLE, UNIT, linear_rows(region.instance)[0])
    found: LinearRows = known
    return found


def _two_halves(region: Region, body: Relation, table: Table, cones: QuadraticCones, bad: Bools) -> Blame:
    """What is said where the sign of a linear form is missing; it names a decision that is in the way."""
    row = int(np.argmax(bad))
    own = (cones.top.row == row) & (cones.top.column < region.instance.columns)
    column, value = cones.top.column[own], cones.top.value[own]
    low, high = region.ranges.lower[column], region.ranges.upper[column]
    wrong = min((np.where(sign * value > 0, low < 0, high > 0) for sign in (1.0, -1.0)), key=np.count_nonzero)
    at = int(np.argmax(wrong))
    family = next(f for f in region.instance.families if f.offset <= column[at] < f.offset + f.count)
    name = entry_text(family.name, family.layout.key(int(column[at]) - family.offset))
    reason = (
        f"its points lie in a cone and in its mirror image, and the bounds of `{name}`, "
        f"[{low[at]:g}, {high[at]:g}], do not keep them to one"
    )
    whole = Apply(body.span, "sub", (body.terms[0], body.terms[-1]))
    return Blame(whole, table, bad.reshape(table.shape), "a convex set", reason)


# ------------------------------------------------------------------------------------------------------------- roots
def _roots(region: Region, term: Expr, table: Table, op: str, wanted: Bools) -> Roots | None:
    """Both sides by their roots, or without their logarithms, where that makes the rows those of a convex problem."""
    large, small = _sides(region, term, table, op)
    if len(large) != 1 or not small:
        return None
    rest = small[0] if len(small) == 1 else Apply(term.span, "add", tuple(small))
    try:
        made = _without_logarithms(region, large[0], rest, table) or _by_degree(region, large[0], rest, table)
        if made is None:
            return None
        power, left, right, safe = made
        upper, lower = bent(region, left, table), bent(region, right, table)
    except EvaluationError:  # a root of something negative
        return None
    holds = wanted & _flat(safe, table) & _flat(upper.concave, table) & _flat(lower.convex, table)
    return Roots(left, right, power, holds) if holds.any() else None


def _by_degree(region: Region, large: Expr, small: Expr, table: Table) -> tuple[float, Expr, Expr, Bools] | None:
    """Both sides to one over the degree of the larger one, of the smaller one where the larger is data."""
    power = _degree(region, small if region.known(large) else large, table)
    if power is None:
        return None
    exponent = Constant(None, 1.0 / power)
    left, right = (Apply(side.span, "pow", (side, exponent)) for side in (large, small))
    return (
        power,
        left,
        right,
        (enclosure(region, large, table).lower >= 0) & (enclosure(region, small, table).lower >= 0),
    )


def _without_logarithms(
    region: Region, large: Expr, small: Expr, table: Table
) -> tuple[float, Expr, Expr, Bools] | None:
    """The exponentials of both sides, where the smaller one is a logarithm and the larger one too, or data."""
    if not (isinstance(small, Apply) and small.op == "log"):
        return None
    if region.known(large):
        left: Expr = Apply(large.span, "exp", (large,))
    elif isinstance(large, Apply) and large.op == "log":
        left = large.args[0]
    else:
        return None
    return 0.0, left, small.args[0], np.asarray(enclosure(region, small.args[0], table).lower > 0)


def _sides(region: Region, term: Expr, table: Table, op: str) -> tuple[list[Expr], list[Expr]]:
    """The parts of a sum on the larger and on the smaller side, without a sign; data by the sign of their values."""
    sides: tuple[list[Expr], list[Expr]] = ([], [])
    waiting = [(term, op == "le")]
    while waiting:
        part, turned = waiting.pop()
        if region.known(part):
            values = region.values(part, table)
            negative = bool(np.all(values <= 0)) and bool(np.any(values < 0))
            sides[int(turned != negative)].append(Apply(part.span, "neg", (part,)) if negative else part)
        elif isinstance(part, Apply) and part.op in ("add", "sub"):
            waiting += [(each, turned != (part.op == "sub")) for each in part.args[1:]]
            waiting.append((part.args[0], turned))
        elif isinstance(part, Apply) and part.op == "neg":
            waiting.append((part.args[0], not turned))
        else:
            sides[int(turned)].append(part)
    return sides


def _degree(region: Region, term: Expr, table: Table) -> float | None:
    """What the exponents of a product of powers add up to, where that is above zero and the same in all rows."""
    found = factors_of(region, term, table)
    if found is None or not found.powers or bool(np.any(found.coefficient < 0)):
        return None
    total = np.zeros(table.size)
    for factor in found.powers:
        rows = factor.table
        owner = np.arange(table.size) if rows is table else wide(rows.rows_in(table), rows.shape)
        total += np.bincount(np.asarray(owner).reshape(-1), wide(np.asarray(factor.exponent), rows.shape), table.size)
    near = total.size > 0 and np.all(np.abs(total - total[0]) <= 1e-12 * np.abs(total[0])) and total[0] > 0
    return float(total[0]) if near else None
