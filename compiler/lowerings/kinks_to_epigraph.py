"""Instance with kinks to instance without: the epigraph.

    minimize max(a(x), b(x))   becomes   minimize t  subject to  t >= a(x), t >= b(x)

Source: an instance with one decider in whose objective and inequalities ``max``, ``min``, ``abs``, ``norm1``,
``norminf`` and ``piecewise`` stand where they are convex for what is wanted: where a smaller value is always at least
as good (or, for ``min`` and concave pieces, a larger one). Target: an instance with one more decision family for each
such term and a family of rows for each of its pieces. Kept: every point (with ``t`` at the term's value) and the
optimum. Lost: nothing. Lifted: the first families are the instance's own. Source: S. Boyd, L. Vandenberghe, "Convex
Optimization" (2004), section 4.1.3 and 4.3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Apply,
    Constant,
    Constraint,
    Expr,
    IndexRef,
    NamedExpression,
    Piecewise,
    Reduce,
    Relation,
    Space,
    SymbolRef,
    Variable,
)
from optc.dsl.source import Span

from ..evaluation.evaluate import evaluate, numbers
from ..evaluation.scope import EvaluationError, text_of
from ..evaluation.sets import extend as extended_table
from ..evaluation.sets import layout_of
from ..facts.bounds import propagate
from ..facts.intervals import interval
from ..instance.continuing import continued
from ..instance.instance import ConstraintFamily, Family, Instance
from ..signature import Signature
from ..spaces.algebra import UNIT, wide
from ..spaces.domains import Values
from ..spaces.layouts import Layout
from ..terms.degree import Shapes
from ..terms.kinks import Kinks
from ..terms.substitution import bound_indices, freshened, renamed_indices, substituted

NAME = "epigraph"
SOURCE = TARGET = "instance"
COST = 0.5
MARGIN = 1e-9  # of the size of a bound, for what rounding hides

_KINKS = frozenset({"piecewise objective", "piecewise constraint", "nonlinear kinks"})
_RISING = frozenset({"exp", "log", "log10", "sqrt", "softplus", "sigmoid", "sinh", "tanh", "atan", "erf"})
_UPWARDS = {"le": (1, -1), "ge": (-1, 1)}  # for each side, whether a larger value is worse (1) or better (-1)


@dataclass(frozen=True, slots=True, eq=False)
class Bounded:
    """A decision family made for ``term``, which is what its value means; over ``symbol.space``."""

    symbol: Variable
    term: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Epigraph:
    """The instance without kinks, and what each of its new families stands for."""

    instance: Instance
    bounded: tuple[Bounded, ...]


def transfer(signature: Signature) -> Signature | None:
    """The same without kinks; None where there are none."""
    if not signature.features & _KINKS:
        return None
    return replace(signature, features=signature.features - _KINKS)


class _WrongWay(Exception):
    """A kink that no epigraph can replace."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def accepts(instance: Instance) -> Diagnostic | None:
    """None, or the first kink that does not stand where it is convex."""
    try:
        _kept(instance)
    except _WrongWay as refusal:
        return refusal.diagnostic
    except EvaluationError as error:
        return error.diagnostic
    return None


def lower(instance: Instance) -> tuple[Instance, Epigraph]:
    """The instance without kinks. Raises ``ValueError`` where ``accepts`` gives a reason."""
    try:
        found = _kept(instance)
    except _WrongWay as refusal:
        raise ValueError(str(refusal)) from None
    return found.instance, found


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """What was made of an instance, for those that it is updated to."""

    source: Instance
    found: Epigraph
    reads: frozenset[str] = frozenset()


def _kept(instance: Instance) -> Epigraph:
    """The instance without kinks, made once; after an update the old one with the new data, where it is alike."""
    known = instance.patterns.get(NAME)
    if isinstance(known, Kept) and known.source is instance:
        return known.found
    found = _rewrite(instance)
    if isinstance(known, Kept):
        same = continued(known.source, known.found.instance, instance, found.instance)
        found = found if same is None else Epigraph(same, known.found.bounded)
    instance.patterns[NAME] = Kept(instance, found)
    return found


def lift(point: Mapping[str, Values], inverse: Epigraph) -> dict[str, Values]:
    """Values of the original's families: the new ones are left out."""
    made = {each.symbol.name for each in inverse.bounded}
    return {name: values for name, values in point.items() if name not in made}


def extend(point: Mapping[str, Values], inverse: Epigraph) -> dict[str, Values]:
    """A point of the original instance with the new families at the values of their terms."""
    found = dict(point)
    for each in inverse.bounded:
        layout = inverse.instance.scope.layouts[each.symbol.name]
        found[each.symbol.name] = inverse.instance.values(each.term, found, layout, each.symbol.name)
    return found


# -------------------------------------------------------------------------------------------------------- rewriting
@dataclass(slots=True)
class _Rewriter:
    """Grows ``bounded`` and ``rows`` while one objective or constraint after the other is rewritten."""

    instance: Instance
    shapes: Shapes
    kinks: Kinks
    bounded: list[Bounded] = field(default_factory=list)
    rows: list[Constraint] = field(default_factory=list)

    def term(self, term: Expr, way: int, space: Space, family: str) -> Expr:
        """The term without kinks. ``way``: 1 where a larger value is worse, -1 where it is better, 0 neither."""
        if not self.kinks.within(term):
            return term
        if isinstance(term, Apply):
            return self._apply(term, way, space, family)
        if isinstance(term, Reduce):
            return self._reduce(term, way, space, family)
        if isinstance(term, Piecewise):
            return self._piecewise(term, way, space, family)
        if isinstance(term, SymbolRef):
            return self.term(self._inlined(term), way, space, family)
        raise _refusal(term)

    def _apply(self, term: Apply, way: int, space: Space, family: str) -> Expr:
        if term.op == "add":
            return replace(term, args=tuple(self.term(arg, way, space, family) for arg in term.args))
        if term.op == "sub":
            left, right = term.args
            return replace(term, args=(self.term(left, way, space, family), self.term(right, -way, space, family)))
        if term.op == "neg":
            return replace(term, args=(self.term(term.args[0], -way, space, family),))
        if term.op in ("mul", "div"):
            return self._scaled(term, way, space, family)
        if term.op in _RISING or (term.op == "pow" and _grows(term)):
            return replace(term, args=(self.term(term.args[0], way, space, family), *term.args[1:]))
        if term.op == ("max" if way > 0 else "min") and way:
            pieces = [(self.term(arg, way, space, family), space) for arg in term.args]
            return self._bound(term, pieces, way, space, family)
        if term.op == "abs" and way > 0 and not self.kinks.within(term.args[0]):
            inner = term.args[0]
            return self._bound(term, [(inner, space), (Apply(inner.span, "neg", (inner,)), space)], 1, space, family)
        raise _refusal(term)

    def _scaled(self, term: Apply, way: int, space: Space, family: str) -> Expr:
        kinked = 0 if self.kinks.within(term.args[0]) else 1
        other = term.args[1 - kinked]
        if not self.shapes.of(other).constant or (term.op == "div" and kinked == 1):
            raise _refusal(term)
        values = numbers(evaluate(other, extended_table(space, UNIT, self.instance.scope), self.instance.scope))
        sign = 1 if (values >= 0).all() else -1 if (values <= 0).all() else 0
        args = list(term.args)
        args[kinked] = self.term(args[kinked], way * sign, space, family)
        return replace(term, args=tuple(args))

    def _reduce(self, term: Reduce, way: int, space: Space, family: str) -> Expr:
        if term.op == "norm1":
            return self.term(replace(term, op="sum", body=Apply(term.span, "abs", (term.body,))), way, space, family)
        if term.op == "norminf":
            return self.term(replace(term, op="max", body=Apply(term.span, "abs", (term.body,))), way, space, family)
        inner = joined(space, term.space)
        if term.op == "sum":
            return replace(term, body=self.term(term.body, way, inner, family))
        if way and term.op == ("max" if way > 0 else "min"):
            return self._bound(term, [(self.term(term.body, way, inner, family), inner)], way, space, family)
        raise _refusal(term)

    def _piecewise(self, term: Piecewise, way: int, space: Space, family: str) -> Expr:
        if self.kinks.within(term.argument) or not way:
            raise _refusal(term)
        points, heights = term.breakpoints, term.values
        slopes = [
            _op("div", _op("sub", heights[k + 1], heights[k]), _op("sub", points[k + 1], points[k]))
            for k in range(len(points) - 1)
        ]
        table = extended_table(space, UNIT, self.instance.scope)
        steep = [numbers(evaluate(slope, table, self.instance.scope)) for slope in slopes]
        if not all((way * (b - a) >= 0).all() for a, b in pairwise(steep)):
            raise _refusal(term)
        lines = [
            _op("add", heights[k], _op("mul", slopes[k], _op("sub", term.argument, points[k])))
            for k in range(len(slopes))
        ]
        return self._bound(term, [(line, space) for line in lines], way, space, family)

    def _inlined(self, term: SymbolRef) -> Expr:
        """The definition of a named expression with its indices put in."""
        symbol = self.instance.program.symbols[term.symbol]
        if not isinstance(symbol, NamedExpression) or any(v.arity > 1 for v in symbol.space.indices):
            raise _refusal(term)
        fresh = freshened(symbol.definition, renamed_indices(bound_indices(symbol.definition)))
        return substituted(fresh, dict(zip(symbol.space.indices, term.args, strict=True)))

    def _bound(self, term: Expr, pieces: Sequence[tuple[Expr, Space]], way: int, space: Space, family: str) -> Expr:
        """A new decision beyond every piece, in place of the term."""
        name = f"{family} (bound {len(self.bounded) + 1})"
        span = term.span or self.instance.program.root.span
        arity = sum(v.arity for v in space.indices)
        variable = Variable(name, span, space, arity, arity)
        self.bounded.append(Bounded(variable, term))
        here = SymbolRef(term.span, name, tuple(IndexRef(term.span, v) for v in space.indices))
        for number, (piece, over) in enumerate(pieces, 1):
            width = sum(v.arity for v in over.indices)
            relation = Relation(term.span, (here, piece), ("ge" if way > 0 else "le",))
            title = f"{name} piece {number}"
            self.rows.append(Constraint(title, span, over, width, width, body=relation, named=False))
        return here


def joined(outer: Space, inner: Space) -> Space:
    """The rows of ``inner`` within each row of ``outer``."""
    conditions = [c for c in (outer.condition, inner.condition) if c is not None]
    condition = conditions[0] if len(conditions) == 1 else Apply(None, "and", tuple(conditions)) if conditions else None
    return Space((*outer.generators, *inner.generators), condition)


def _grows(power: Apply) -> bool:
    """Whether a power rises with its base: the exponent is a positive number, and the base never below zero.

    So it is for ``abs``, the norms, and the largest of several of which one is a number that is not negative.
    """
    base, exponent = power.args
    if not isinstance(exponent, Constant) or exponent.value <= 0:
        return False
    if isinstance(base, Reduce):
        return base.op in ("norm1", "norminf")
    if not isinstance(base, Apply) or base.op not in ("abs", "max"):
        return False
    return base.op == "abs" or any(isinstance(arg, Constant) and arg.value >= 0 for arg in base.args)


def _op(name: str, *args: Expr) -> Expr:
    return Apply(args[0].span, name, args)


def _refusal(term: Expr) -> _WrongWay:
    span: Span | None = term.span
    return _WrongWay(report(solving.KINK, span, expression=text_of(term)))


def _rewrite(instance: Instance) -> Epigraph:
    program, root = instance.program, instance.program.root
    shapes = Shapes(program, frozenset(root.decisions))
    rewriter = _Rewriter(instance, shapes, Kinks(program, shapes))
    objective = root.objective
    if objective is not None and objective.expression is not None:
        way = -1 if objective.sense == "maximize" else 1
        name = objective.name or "objective"
        objective = replace(objective, expression=rewriter.term(objective.expression, way, Space(), name))
    changed = {family.name: _constraint(family.symbol, rewriter) for family in instance.constraints}
    made = [each.symbol for each in rewriter.bounded]
    symbols = {**program.symbols, **changed, **{s.name: s for s in (*made, *rewriter.rows)}}
    block = replace(
        root,
        objective=objective,
        decisions=(*root.decisions, *(s.name for s in made)),
        constraints=(*root.constraints, *(s.name for s in rewriter.rows)),
    )
    scope = replace(instance.scope, symbols=symbols, layouts=dict(instance.scope.layouts), structure={}, local={})
    families, offset = list(instance.families), instance.columns
    for each in rewriter.bounded:
        symbol = each.symbol
        layout = scope.layouts[symbol.name] = layout_of(symbol.space, scope)
        ends = _ends(instance, shapes, each.term, layout)
        families.append(Family(symbol.name, symbol, layout, offset, *ends, None, False, "real", ()))
        offset += layout.size
    constraints = [replace(family, symbol=changed[family.name]) for family in instance.constraints]
    for row in rewriter.rows:
        layout = scope.layouts[row.name] = layout_of(row.space, scope)
        constraints.append(ConstraintFamily(row.name, row, layout, ()))
    without = replace(
        instance,
        program=replace(program, symbols=symbols, root=block),
        scope=scope,
        roles={**instance.roles, **dict.fromkeys((s.name for s in made), "decision")},
        families=tuple(families),
        constraints=tuple(constraints),
        patterns={},
    )
    return Epigraph(without, tuple(rewriter.bounded))


def _ends(instance: Instance, shapes: Shapes, term: Expr, layout: Layout) -> tuple[Values, Values]:
    """Bounds of a decision made for a term: none, but what intervals give, and a little more, for a nonlinear one.

    Global searches need them, and no point is lost: the decision may stand at the term's value.
    """
    free = np.broadcast_to(np.inf, (layout.size,))
    if shapes.of(term).degree is not None:
        return -free, free
    found = interval(term, layout.table, propagate(instance).tightened())
    low, high = (np.broadcast_to(wide(end, layout.table.shape), (layout.size,)) for end in (found.lower, found.upper))
    return low - MARGIN * (1 + np.abs(low)), high + MARGIN * (1 + np.abs(high))


def _constraint(symbol: Constraint, rewriter: _Rewriter) -> Constraint:
    """The constraint without kinks; of a chain the middle stands right of one relation and left of the other."""
    body = symbol.body
    if not isinstance(body, Relation):
        return symbol
    ways = [0] * len(body.terms)
    for k, op in enumerate(body.ops):
        left, right = _UPWARDS.get(op, (0, 0))
        ways[k] = left if k == 0 else (left if ways[k] == left else 0)
        ways[k + 1] = right
    terms = tuple(rewriter.term(t, way, symbol.space, symbol.name) for t, way in zip(body.terms, ways, strict=True))
    same = all(a is b for a, b in zip(terms, body.terms, strict=True))
    return symbol if same else replace(symbol, body=replace(body, terms=terms))
