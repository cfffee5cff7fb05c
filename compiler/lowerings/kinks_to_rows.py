"""Instance with kinks to instance with rows and binaries.

    t >= max(a(x), b(x))    t >= a(x),  t >= b(x)
    t <= max(a(x), b(x))    t <= a(x) + M (1 - z),  t <= b(x) + N z,  z binary

Source: an instance with one decider in whose objective and rows ``max``, ``min``, ``abs``, ``norm1``, ``norminf`` and
``piecewise`` stand anywhere, one in another too. Target: an instance without them. Where a term stands where it is
convex (``max`` where a larger value is worse, ``min`` where it is better) it needs no binaries; elsewhere one of its
pieces is chosen, by one binary where there are two, else by one for each. ``abs(a)`` is ``max(a, -a)``, ``norm1`` a
sum of them, ``norminf`` the largest of them.

The constant that switches a row off is derived. With ``L_k <= e_k <= U_k`` it is ``M_k = max(U_j, j != k) - L_k``: the
other pieces are no larger than the first, and the row asks for no less than the second. A piece that another is never
below in a row is left out there. Where no finite constant follows the term is refused by the name of a decision
without a bound. Kept: every point (each new decision at its term's value) and the optimum. Lost: nothing. Lifted: the
new families are left out. Source: H. P. Williams, "Model Building in Mathematical Programming" (5th ed., 2013),
sections 3.4, 7.4 and 9.2; D. Bertsimas, J. N. Tsitsiklis, "Introduction to Linear Optimization" (1997), section 1.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Apply, Expr, Piecewise, Reduce, Space

from ..evaluation.scope import undefined
from ..evaluation.sets import extend as extended
from ..facts.bounds import Side
from ..instance.instance import Floats, Instance
from ..signature import WORDS, Signature
from ..spaces.algebra import reduce_to, wide
from ..terms.rewriting import Inverse, RelationName, Rewriter, Way, derived, extend, joined, lift, narrowed, number, op
from ..terms.rewritten import kept, rewrite
from ..terms.substitution import bound_indices, freshened, renamed_indices
from .increments import interpolation

__all__ = ["accepts", "derived", "extend", "lift", "lower", "transfer"]

NAME = "kinks to rows"
SOURCE = "instance"
TARGET = "instance"
COST = 3.0

Bools = NDArray[np.bool_]
_KINKS = frozenset({"piecewise objective", "piecewise constraint", "nonlinear kinks"})
_OPERATIONS = frozenset({"abs", "min", "max"})
_AGGREGATES = frozenset({"min", "max", "norm1", "norminf"})
_FOREIGN = ("lower level", "player", "uncertainty", "recourse", "choice")


def transfer(source: Signature) -> Signature | str | None:
    """The signature without kinks; why there is none; None where there are no kinks."""
    if not source.features & _KINKS:
        return None
    foreign = next((WORDS[feature] for feature in _FOREIGN if feature in source.features), None)
    return foreign or replace(source, features=(source.features - _KINKS) | {"integer"})


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first kink that cannot become rows, by the decision that has no bound."""
    found = kept(instance, NAME, _lowered)
    return found if isinstance(found, Diagnostic) else None


def lower(instance: Instance) -> tuple[Instance, Inverse]:
    """The instance without kinks, and what lifts its answers. Raises ``ValueError`` where ``accepts`` has a reason."""
    found = kept(instance, NAME, _lowered)
    if isinstance(found, Diagnostic):
        raise ValueError(found.message)
    return found


def _lowered(instance: Instance) -> tuple[Instance, Inverse]:
    return rewrite(instance, kinked, rule)


def kinked(_rewriter: Rewriter, node: Expr) -> bool:
    """Whether a node is one of those that this lowering replaces."""
    if isinstance(node, Apply):
        return node.op in _OPERATIONS
    return isinstance(node, Piecewise) or (isinstance(node, Reduce) and node.op in _AGGREGATES)


def rule(rewriter: Rewriter, term: Expr, way: Way, space: Space) -> Expr | None:
    """What stands in the place of a kink; None for any other term."""
    if not rewriter.group.depends(term):
        return None
    if isinstance(term, Piecewise):
        return interpolation(rewriter, term, way, space)
    if isinstance(term, Apply) and term.op == "abs":
        (inner,) = term.args
        return _largest(rewriter, term, [inner, op("neg", inner)], 1, way, space)
    if isinstance(term, Apply) and term.op in _OPERATIONS:
        return _largest(rewriter, term, term.args, 1 if term.op == "max" else -1, way, space)
    if isinstance(term, Reduce) and term.op in _AGGREGATES:
        return _aggregate(rewriter, term, way, space)
    return None


# ---------------------------------------------------------------------------------------------------- listed pieces
def _largest(rewriter: Rewriter, term: Apply, pieces: Sequence[Expr], sign: Way, way: Way, space: Space) -> Expr:
    """``max`` of the pieces (``sign`` 1), or ``min`` (-1)."""
    small = narrowed(space, term)
    name = rewriter.label(term.op)
    inner = [rewriter.term(piece, way, small) for piece in pieces]
    every = np.ones(rewriter.layout(small).size, dtype=np.bool_)
    beyond, within = _relations(sign)
    if way == sign:
        t = rewriter.decision(name, small, term)
        for k, piece in enumerate(inner, 1):
            rewriter.row(f"{name} piece {k}", t, beyond, piece, small, every)
        return t
    ranges = [rewriter.range(piece, small) for piece in pieces]
    lower = np.array([r[0] if sign > 0 else -r[1] for r in ranges])
    upper = np.array([r[1] if sign > 0 else -r[0] for r in ranges])
    live = _live(lower, upper)
    constants = _constants(rewriter, term, pieces, lower, upper, live, sign, small)
    ends = _sorted_ends(lower.max(axis=0), np.where(live, upper, -np.inf).max(axis=0), sign)
    t = rewriter.decision(name, small, term, *ends)
    chosen = _selectors(rewriter, pieces, live, sign, name, small)
    for k, piece in enumerate(inner):
        if way == 0:
            rewriter.row(f"{name} piece {k + 1}", t, beyond, piece, small, live[k])
        data = rewriter.data(f"{name} (M {k + 1})", constants[k], small)
        slack = op("mul", data, op("sub", number(1.0), chosen[k]))
        ceiling = op("add" if sign > 0 else "sub", piece, slack)
        row = rewriter.row(f"{name} choice {k + 1}", t, within, ceiling, small, live[k])
        rewriter.derived(row, pieces[k], constants[k], small)
    return t


def _relations(sign: Way) -> tuple[RelationName, RelationName]:
    """What keeps a decision beyond every piece, and what keeps it within one."""
    return ("ge", "le") if sign > 0 else ("le", "ge")


def _side(side: Side, sign: Way) -> Side:
    """Which bound of a term one of ``sign`` times it is."""
    if sign > 0:
        return side
    return "upper" if side == "lower" else "lower"


def _sorted_ends(lower: Floats, upper: Floats, sign: Way) -> tuple[Floats, Floats]:
    """Bounds of ``sign`` times a term as bounds of the term."""
    return (lower, upper) if sign > 0 else (-upper, -lower)


def _live(lower: Floats, upper: Floats) -> Bools:
    """Which pieces (rows of the arrays, one column a row of the family) may be the largest one."""
    best = np.argmax(lower, axis=0)
    live = upper > lower.max(axis=0)
    live[best, np.arange(lower.shape[1])] = True
    return np.asarray(live)


def _constants(
    rewriter: Rewriter,
    term: Expr,
    pieces: Sequence[Expr],
    lower: Floats,
    upper: Floats,
    live: Bools,
    sign: Way,
    space: Space,
) -> Floats:
    """``M_k`` for each piece and row; 0 where a piece has no rival left."""
    tops = np.where(live, upper, -np.inf)
    found = np.zeros_like(lower)
    rivals = live.sum(axis=0) > 1
    for k, piece in enumerate(pieces):
        others = np.delete(tops, k, axis=0).max(axis=0, initial=-np.inf)
        needed = live[k] & rivals
        if (needed & np.isinf(lower[k])).any():
            raise rewriter.unbounded(term, piece, space, needed & np.isinf(lower[k]), _side("lower", sign))
        if (needed & np.isinf(others)).any():
            rival = next(j for j in range(len(pieces)) if j != k and (needed & np.isinf(tops[j]) & live[j]).any())
            bad = needed & live[rival] & np.isinf(tops[rival])
            raise rewriter.unbounded(term, pieces[rival], space, bad, _side("upper", sign))
        found[k] = np.where(needed, np.maximum(others - lower[k], 0.0), 0.0)
    return found


def _selectors(
    rewriter: Rewriter,
    pieces: Sequence[Expr],
    live: Bools,
    sign: Way,
    name: str,
    space: Space,
) -> list[Expr]:
    """For each piece a number that is 1 where it is chosen, else 0: one of them is."""
    if len(pieces) == 1:
        return [number(1.0)]
    first = op("ge" if sign > 0 else "le", *pieces[:2])
    if len(pieces) == 2:
        ends = (~live[1]).astype(np.float64), live[0].astype(np.float64)
        choice = rewriter.decision(f"{name} (first)", space, first, *ends, binary=True)
        return [choice, op("sub", number(1.0), choice)]
    found: list[Expr] = []
    for k, piece in enumerate(pieces):
        before = [op("gt" if sign > 0 else "lt", piece, other) for other in pieces[:k]]
        after = [op("ge" if sign > 0 else "le", piece, other) for other in pieces[k + 1 :]]
        meaning = op("and", *before, *after)
        ends = np.zeros(live.shape[1]), live[k].astype(np.float64)
        found.append(rewriter.decision(f"{name} (is {k + 1})", space, meaning, *ends, binary=True))
    total: Expr = found[0]
    for other in found[1:]:
        total = op("add", total, other)
    rewriter.row(f"{name} (one of them)", total, "eq", number(1.0), space, np.ones(live.shape[1], dtype=np.bool_))
    return found


# ------------------------------------------------------------------------------------------------------- aggregates
def _aggregate(rewriter: Rewriter, term: Reduce, way: Way, space: Space) -> Expr:
    if bound_indices(term) & set(space.indices):
        term = freshened(term, renamed_indices(bound_indices(term)))
    if term.op == "norm1":
        return rewriter.term(replace(term, op="sum", body=op("abs", term.body)), way, space)
    if term.op == "norminf":
        return _over(rewriter, term, op("abs", term.body), 1, way, narrowed(space, term))
    return _over(rewriter, term, term.body, 1 if term.op == "max" else -1, way, narrowed(space, term))


def _over(rewriter: Rewriter, term: Reduce, body: Expr, sign: Way, way: Way, small: Space) -> Expr:
    """The largest (``sign`` 1) or smallest value of ``body`` over the rows of the aggregate; 0 for ``norminf`` of
    nothing.
    """
    table, scope = rewriter.layout(small).table, rewriter.instance.scope
    child = extended(term.space, table, scope)
    counts = wide(reduce_to(table, child, np.ones(()), np.add), table.shape)
    if term.op != "norminf" and (counts == 0).any():
        raise undefined(term, table, (counts == 0).reshape(table.shape), f"{term.op} over an empty set", scope)
    inner = joined(small, term.space)
    name = rewriter.label(term.op)
    piece = rewriter.term(body, way, inner)
    every = np.ones(rewriter.layout(inner).size, dtype=np.bool_)
    beyond, within = _relations(sign)
    if way == sign:
        t = rewriter.decision(name, small, term, 0.0 if term.op == "norminf" else -np.inf)
        rewriter.row(f"{name} piece", t, beyond, piece, inner, every)
        return t
    found = rewriter.range(body, inner)
    lower, upper = _sorted_ends(*found, sign)
    parents = wide(child.rows_in(table), child.shape)
    assert len(parents) == len(lower), "an aggregate has as many rows as its joined space"
    choice = _Choice(parents, lower, upper, len(counts))
    for bad, side in zip(choice.missing(), (_side("lower", sign), _side("upper", sign)), strict=True):
        if bad.any():
            raise rewriter.unbounded(term, body, inner, bad, side)
    least, most = choice.least, choice.most
    if term.op == "norminf":
        least, most = np.maximum(least, 0.0), np.maximum(most, 0.0)
    t = rewriter.decision(name, small, term, *_sorted_ends(least, most, sign))
    z = rewriter.decision(
        f"{name} (which)",
        inner,
        op("ge" if sign > 0 else "le", body, replace(term, body=body, op="max" if sign > 0 else "min")),
        0.0,
        choice.live.astype(np.float64),
        binary=True,
    )
    total = Reduce(term.span, "sum", term.space, z)
    rewriter.row(f"{name} (one of them)", total, "eq", number(1.0), small, counts > 0)
    if way == 0:
        rewriter.row(f"{name} piece", t, beyond, piece, inner, choice.live)
    data = rewriter.data(f"{name} (M)", choice.constants, inner)
    slack = op("mul", data, op("sub", number(1.0), z))
    ceiling = op("add" if sign > 0 else "sub", piece, slack)
    row = rewriter.row(f"{name} choice", t, within, ceiling, inner, choice.live)
    rewriter.derived(row, body, choice.constants, inner)
    return t


class _Choice:
    """The pieces of every row of an aggregate: which of them may be the largest, and their constants.

    ``parents``: for each piece its row, ascending; ``lower``, ``upper``: its bounds.
    """

    def __init__(self, parents: NDArray[np.intp], lower: Floats, upper: Floats, rows: int) -> None:
        self.parents, self.lower = parents, lower
        self.least = np.full(rows, -np.inf)
        np.maximum.at(self.least, parents, lower)
        first = _first(parents, lower == self.least[parents], rows)
        self.live = upper > self.least[parents]
        self.live[first] = True
        self.tops = np.where(self.live, upper, -np.inf)
        self.most = np.full(rows, -np.inf)
        np.maximum.at(self.most, parents, self.tops)
        top = _first(parents, self.tops == self.most[parents], rows)
        at_top = np.zeros(len(parents), dtype=np.bool_)
        at_top[top] = True
        second = np.full(rows, -np.inf)
        np.maximum.at(second, parents, np.where(at_top, -np.inf, self.tops))
        self.others = np.where(at_top, second[parents], self.most[parents])
        self.needed = self.live & (np.bincount(parents, weights=self.live, minlength=rows)[parents] > 1)

    def missing(self) -> tuple[Bools, Bools]:
        """Pieces without a lower bound where one is needed; likewise upper bounds."""
        endless = self.needed & np.isinf(self.others)
        rows = np.zeros(len(self.least), dtype=np.bool_)
        rows[self.parents[endless]] = True
        return self.needed & np.isinf(self.lower), rows[self.parents] & self.live & np.isinf(self.tops)

    @property
    def constants(self) -> Floats:
        return np.where(self.needed, np.maximum(self.others - self.lower, 0.0), 0.0)


def _first(parents: NDArray[np.intp], marked: Bools, rows: int) -> NDArray[np.intp]:
    """The first marked piece of each row that has one."""
    places = np.full(rows, len(parents), dtype=np.intp)
    at = np.flatnonzero(marked)
    np.minimum.at(places, parents[at], at)
    return places[places < len(parents)]
