"""Templates rewritten: terms give way to new decisions and families of rows, over whole spaces, and nothing is bound
again.

A lowering from instance to instance brings a rule: for a term that it can replace the rule makes decisions and rows
and gives the term that stands in its place. The walk from the head of an objective or a constraint down to such terms
is the same for all of them, and keeps count of two things:

- the *way*: 1 where a larger value of the term is worse or at best as good (left of ``<=``, in an objective that is
  minimised), -1 where it is better, 0 where neither is sure (in an equation, within another function). Where the way
  is 1 a new decision need only stay above its term, where it is -1 below;
- the *space*: the family's rows and those of the aggregates around. A new family runs over the part of that space
  that its term depends on, so a term of ``i`` inside a sum over ``i`` and ``j`` is made once for each ``i``.

A coefficient of data that changes its sign from row to row changes the way too: such a term is split in two by a
condition, each with its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.solving import NO_BOUND
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    SCALAR,
    Apply,
    Bind,
    Bounds,
    Conditional,
    Constant,
    Constraint,
    Expr,
    Generator,
    IndexRef,
    IndexVar,
    Member,
    NamedExpression,
    NetworkCall,
    Parameter,
    Piecewise,
    Reduce,
    Relation,
    Space,
    SymbolRef,
    Variable,
)
from optc.dsl.source import Span

from ..evaluation.evaluate import flat_values, holds
from ..evaluation.scope import text_of
from ..evaluation.sets import layout_of
from ..extraction.patterns import needed_by
from ..extraction.polynomial import Group
from ..facts.bounds import DerivedBound, Ranges, Side, endless_decision, propagate
from ..facts.intervals import interval
from ..instance.instance import Floats, Instance
from ..spaces.algebra import wide
from ..spaces.layouts import Layout
from .substitution import (
    bound_indices,
    conjunction,
    conjuncts,
    free_indices,
    freshened,
    renamed_indices,
    symbols_in,
    walk,
)

Bools = NDArray[np.bool_]
Way = Literal[-1, 0, 1]
RelationName = Literal["le", "ge", "eq"]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A decision family that a rule made. ``term`` is what its value means at a point of the original, over its
    space; of binaries that choose among equals it may mark more than one.
    """

    symbol: Variable
    term: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """What brings answers back: the rewritten instance, the original's families, what was made, the constants that were
    derived, and for each constraint under a new name the old one.
    """

    instance: Instance
    families: tuple[str, ...]
    made: tuple[Made, ...]
    bounds: tuple[DerivedBound, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)


def lift(values: Mapping[str, Floats], inverse: Inverse) -> dict[str, Floats]:
    """Values of the original's decision families: those that were made are left out."""
    return {name: values[name] for name in inverse.families if name in values}


def extend(point: Mapping[str, Floats], inverse: Inverse) -> dict[str, Floats]:
    """A point of the original with the values of what the rewritten instance has beyond it."""
    found = dict(point)
    for each in inverse.made:
        layout = inverse.instance.scope.layouts[each.symbol.name]
        found[each.symbol.name] = inverse.instance.values(each.term, found, layout, each.symbol.name)
    return found


def derived(inverse: Inverse) -> tuple[DerivedBound, ...]:
    """The constants of rows that came from bounds."""
    return inverse.bounds


class Refused(Exception):
    """A term that the rule cannot replace; ``diagnostic`` says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


# ---------------------------------------------------------------------------------------------------- terms in brief
def op(name: str, *args: Expr) -> Expr:
    """An operation, with the place of its first argument."""
    return Apply(args[0].span, name, args)


def number(value: float) -> Expr:
    return Constant(None, value)


def joined(outer: Space, inner: Space) -> Space:
    """The rows of ``inner`` within each row of ``outer``."""
    conditions = [*conjuncts(outer.condition), *conjuncts(inner.condition)]
    return Space((*outer.generators, *inner.generators), conjunction(conditions))


def where(space: Space, condition: Expr) -> Space:
    """The rows of a space in which a condition of data holds."""
    return Space(space.generators, conjunction([*conjuncts(space.condition), condition]))


def narrowed(space: Space, term: Expr) -> Space:
    """The generators (with their conditions) that a term depends on: those tied to none of its indices are left out."""
    wanted = set(free_indices(term))
    conditions = conjuncts(space.condition)
    grown = True
    while grown:
        before = len(wanted)
        for part in (*space.generators, *conditions):
            tied = _tied(part)
            if tied & wanted:
                wanted |= tied
        grown = len(wanted) > before
    kept = tuple(g for g in space.generators if _tied(g) & wanted)
    if len(kept) == len(space.generators):
        return space
    return Space(kept, conjunction([c for c in conditions if not free_indices(c) or free_indices(c) & wanted]))


def _tied(part: Generator | Expr) -> frozenset[IndexVar]:
    """The indices that a generator or a condition ties together."""
    own = [p.var for p in part.pattern if isinstance(p, Bind)] if isinstance(part, Generator) else []
    return frozenset((*free_indices(part), *own))


# --------------------------------------------------------------------------------------------------------- rewriting
@dataclass(frozen=True, slots=True, eq=False)
class KeptRange:
    """Bounds of a term over a space that came from those of ``columns``, with data of which age."""

    columns: Floats
    stamp: int
    lower: Floats
    upper: Floats


@dataclass(frozen=True, slots=True, eq=False)
class KeptRanges:
    """The bounds of terms that a rule asked for, for those instances that this one is updated to."""

    ranges: Mapping[tuple[Expr, Space], KeptRange]
    reads: frozenset[str] = frozenset()


Rule = Callable[["Rewriter", Expr, Way, Space], "Expr | None"]


@dataclass(slots=True, eq=False)
class Rewriter:
    """Grows while one objective or constraint after the other is rewritten.

    ``wanted``: whether a node is of a kind that the rule replaces (its decisions are seen to here). ``rule``: the term
    in the place of one that holds such a node, or None where the walk is to go on below it. ``instance`` has the
    original's families, and what is made as it is made; ``title`` names what is being rewritten.
    """

    instance: Instance
    group: Group
    wanted: Callable[[Rewriter, Expr], bool]
    rule: Rule
    title: str = ""
    root: Space = SCALAR
    made: list[Made] = field(default_factory=list)
    rows: list[Constraint] = field(default_factory=list)
    bounds: list[DerivedBound] = field(default_factory=list)
    _ranges: Ranges | None = None
    _tight: Instance | None = None
    _holds: dict[int, tuple[Expr, bool]] = field(default_factory=dict)
    _layouts: dict[int, tuple[Space, Layout]] = field(default_factory=dict)
    _named: dict[tuple[str, Way], str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)
    _term_ranges: dict[tuple[Expr, Space], KeptRange] = field(default_factory=dict)

    def keep(self) -> None:
        """Leaves what was found with the instance, in place of what was kept of the one before."""
        self.instance.patterns["term ranges", self.rule] = KeptRanges(self._term_ranges)

    # ------------------------------------------------------------------------------------------------ the walk
    def term(self, term: Expr, way: Way, space: Space) -> Expr:
        """The term without what the rule replaces."""
        if not self.holds(term):
            return term
        found = self.rule(self, term, way, space)
        return self._below(term, way, space) if found is None else found

    def holds(self, term: Expr) -> bool:
        """Whether there is anything in a term, also through named expressions, that the rule replaces."""
        known = self._holds.get(id(term))
        if known is None or known[0] is not term:
            known = (term, self.group.depends(term) and any(self._here(node) for node in walk(term)))
            self._holds[id(term)] = known
        return known[1]

    def _here(self, node: object) -> bool:
        if isinstance(node, SymbolRef):
            symbol = self.instance.scope.symbols.get(node.symbol)
            return isinstance(symbol, NamedExpression) and self.holds(symbol.definition)
        return isinstance(node, (Apply, Reduce, Piecewise)) and self.group.depends(node) and self.wanted(self, node)

    def _below(self, term: Expr, way: Way, space: Space) -> Expr:
        if isinstance(term, SymbolRef):
            return self._reference(term, way)
        if isinstance(term, Reduce):
            if bound_indices(term) & set(space.indices):
                term = freshened(term, renamed_indices(bound_indices(term)))
            inner = way if term.op == "sum" else 0
            return replace(term, body=self.term(term.body, inner, joined(space, term.space)))
        if isinstance(term, Conditional):
            return self.either(
                term.condition,
                lambda s: self.term(term.then, way, s),
                lambda s: self.term(term.otherwise, way, s),
                space,
            )
        if isinstance(term, Apply):
            return self._operation(term, way, space)
        if isinstance(term, (NetworkCall, Member)):
            return replace(term, args=tuple(self.term(a, 0, space) for a in term.args))
        if isinstance(term, Piecewise):
            return replace(term, argument=self.term(term.argument, 0, space))
        return term

    def _operation(self, term: Apply, way: Way, space: Space) -> Expr:
        ways: Sequence[Way]
        if term.op == "add":
            ways = [way] * len(term.args)
        elif term.op == "sub":
            ways = [way, opposite(way)]
        elif term.op == "neg":
            ways = [opposite(way)]
        elif term.op in ("mul", "div"):
            return self._scaled(term, way, space)
        else:
            ways = [0] * len(term.args)
        args = tuple(self.term(a, w, space) for a, w in zip(term.args, ways, strict=True))
        return replace(term, args=args)

    def _scaled(self, term: Apply, way: Way, space: Space) -> Expr:
        """A product with data; where their sign changes from row to row the rows are told apart."""
        moving = [k for k, arg in enumerate(term.args) if self.group.depends(arg)]
        if len(moving) > 1 or (term.op == "div" and moving == [1]):
            return replace(term, args=tuple(self.term(a, 0, space) for a in term.args))
        (at,) = moving
        data = term.args[1 - at]

        def scaled(inner: Way) -> Callable[[Space], Expr]:
            def make(part: Space) -> Expr:
                args = list(term.args)
                args[at] = self.term(args[at], inner, part)
                return replace(term, args=tuple(args))

            return make

        zero = number(0.0)
        down = scaled(opposite(way))
        # A row keeps its decisions, at coefficient 0 too: without any it would be a mistake of the data.
        inside = len(space.generators) > len(self.root.generators)
        if not inside or not self.values(data, narrowed(space, data)).any():
            return self.either(op("lt", data, zero), down, scaled(way), space)
        return self.either(
            op("gt", data, zero),
            scaled(way),
            lambda rest: self.either(op("lt", data, zero), down, lambda _rest: zero, rest),
            space,
        )

    def either(
        self, condition: Expr, then: Callable[[Space], Expr], otherwise: Callable[[Space], Expr], space: Space
    ) -> Expr:
        """``if condition then … else …``, each made for the rows in which it counts, or one alone where it is all."""
        small = narrowed(space, condition)
        table = self.layout(small).table
        truth = np.broadcast_to(holds(condition, table, self.instance.scope), table.shape)
        if truth.all():
            return then(space)
        if not truth.any():
            return otherwise(space)
        against = op("not", condition)
        return Conditional(condition.span, condition, then(where(space, condition)), otherwise(where(space, against)))

    def _reference(self, term: SymbolRef, way: Way) -> Expr:
        """A named expression, rewritten once for each way."""
        symbol = self.instance.scope.symbols[term.symbol]
        if not isinstance(symbol, NamedExpression):
            return term
        key = (term.symbol, way)
        if key not in self._named:
            title, root = self.title, self.root
            self.title, self.root = symbol.name, symbol.space
            definition = self.term(symbol.definition, way, symbol.space)
            self.title, self.root = title, root
            name = self.name(f"{symbol.name} ({_WAYS[way]})")
            self._add(replace(symbol, name=name, definition=definition), self.instance.scope.layouts[symbol.name])
            self._named[key] = name
        return replace(term, symbol=self._named[key])

    # ------------------------------------------------------------------------------------------------ what is made
    def name(self, wanted: str) -> str:
        """A name that no symbol has yet."""
        found, n = wanted, 1
        while found in self.instance.scope.symbols or found in self._names:
            n += 1
            found = f"{wanted} {n}"
        self._names.add(found)
        return found

    def label(self, word: str) -> str:
        """A name for what stands in the place of a term: ``cost: abs``, ``cost: abs 2``."""
        return self.name(f"{self.title}: {word}")

    def layout(self, space: Space) -> Layout:
        """How a family over a space lies."""
        known = self._layouts.get(id(space))
        if known is None:
            known = self._layouts[id(space)] = (space, layout_of(space, self.instance.scope))
        return known[1]

    def _add(self, symbol: Variable | Parameter | NamedExpression | Constraint, layout: Layout) -> None:
        symbols, layouts = self.instance.scope.symbols, self.instance.scope.layouts
        assert isinstance(symbols, dict)
        symbols[symbol.name] = symbol
        layouts[symbol.name] = layout

    def renamed(self, old: Constraint, new: Constraint) -> None:
        """Another constraint over the same rows in the place of one."""
        self._add(new, self.instance.scope.layouts[old.name])
        symbols = self.instance.scope.symbols
        assert isinstance(symbols, dict)
        del symbols[old.name]

    def data(self, name: str, values: Floats, space: Space) -> Expr:
        """Numbers, one a row of ``space``, as a term over it; one number for all where they are the same.

        They are data and no constants: other data of the model may change them and leave the program as it is.
        """
        if values.size and (values == values[0]).all():
            space, values = SCALAR, values[:1]
        symbol = Parameter(self.name(name), self.span(None), space, *_arities(space))
        self._add(symbol, self.layout(space))
        self.instance.scope.data[symbol.name] = values
        return SymbolRef(None, symbol.name, _indices(space))

    def decision(
        self,
        name: str,
        space: Space,
        meaning: Expr,
        lower: Floats | float = -np.inf,
        upper: Floats | float = np.inf,
        *,
        binary: bool = False,
    ) -> SymbolRef:
        """A new family of decisions over ``space``, as a term over it; bounds are numbers, one a row or one for all."""
        ends = [self._end(name, word, end, space) for word, end in (("lower", lower), ("upper", upper))]
        span = self.span(meaning)
        domain: Literal["binary", "real"] = "binary" if binary else "real"
        symbol = Variable(name, span, space, *_arities(space), domain=domain, bounds=Bounds(ends[0], ends[1]))
        self._add(symbol, self.layout(space))
        self.made.append(Made(symbol, meaning))
        return SymbolRef(meaning.span, name, _indices(space))

    def _end(self, name: str, word: str, end: Floats | float, space: Space) -> Expr | None:
        values = np.broadcast_to(np.asarray(end, dtype=np.float64), (self.layout(space).size,))
        return None if np.isinf(values).all() else self.data(f"{name} ({word})", values, space)

    def row(self, name: str, left: Expr, relation: RelationName, right: Expr, space: Space, keep: Bools) -> str | None:
        """A family of rows over ``space``, where ``keep`` (one truth value a row) holds; its name, or None if none."""
        if not keep.any():
            return None
        found = self.name(name)
        if not keep.all():
            flag = self.data(f"{found} (where)", keep.astype(np.float64), space)
            space = where(space, op("eq", flag, number(1.0)))
        body = Relation(left.span, (left, right), (relation,))
        symbol = Constraint(found, self.span(left), space, *_arities(space), body=body, named=False)
        self._add(symbol, self.layout(space))
        self.rows.append(symbol)
        return found

    def span(self, term: Expr | None) -> Span:
        found = term.span if term is not None else None
        return found or self.instance.program.root.span

    # ----------------------------------------------------------------------------------------------------- bounds
    @property
    def ranges(self) -> Ranges:
        """The bounds of the original's decisions after propagation through its rows."""
        if self._ranges is None:
            self._ranges = propagate(self.instance)
        return self._ranges

    def range(self, term: Expr, space: Space) -> tuple[Floats, Floats]:
        """Lower and upper bounds of a term of the original over a space, ``(rows,)`` each; infinite where unknown."""
        if isinstance(term, Apply) and term.op == "neg":
            low, high = self.range(term.args[0], space)
            return -high, -low
        stamp = self.instance.stamp(needed_by(term, self.instance.program) | symbols_in(space))
        before = self.instance.patterns.get(("term ranges", self.rule))
        known = before.ranges.get((term, space)) if isinstance(before, KeptRanges) else None
        if known is None or known.stamp != stamp or known.columns is not self.ranges.lower:
            if self._tight is None:
                self._tight = self.ranges.tightened()
            table = self.layout(space).table
            found = interval(term, table, self._tight)
            ends = wide(found.lower, table.shape), wide(found.upper, table.shape)
            known = KeptRange(self.ranges.lower, stamp, *ends)
        self._term_ranges[term, space] = known
        return known.lower, known.upper

    def values(self, term: Expr, space: Space) -> Floats:
        """Values of a term of data over a space, ``(rows,)``."""
        return flat_values(term, self.layout(space).table, self.instance.scope)

    def derived(self, row: str | None, term: Expr, values: Floats, space: Space) -> None:
        """Records a constant of rows that came from bounds."""
        if row is not None:
            names = {n for n in needed_by(term, self.instance.program) if self.instance.is_decision(n)}
            sources = self.ranges.sources(names & set(self._originals()))
            self.bounds.append(DerivedBound(row, text_of(term), self.layout(space), values, sources))

    def _originals(self) -> list[str]:
        return [f.name for f in self.instance.families]

    def unbounded(self, whole: Expr, term: Expr, space: Space, bad: Bools, side: Side) -> Refused:
        """The refusal of ``whole`` for want of a bound of ``term`` in the rows ``bad``; it names a decision."""
        decision, end = endless_decision(self.ranges, term, self.layout(space).table, bad, side)
        return Refused(
            report(NO_BOUND, whole.span or term.span, expression=text_of(whole), decision=decision, side=end)
        )


_WAYS: dict[Way, str] = {1: "from above", -1: "from below", 0: "exactly"}


def opposite(way: Way) -> Way:
    return _OPPOSITE[way]


_OPPOSITE: dict[Way, Way] = {1: -1, -1: 1, 0: 0}


def _arities(space: Space) -> tuple[int, int]:
    width = sum(v.arity for v in space.indices)
    return width, width


def _indices(space: Space) -> tuple[Expr, ...]:
    return tuple(IndexRef(None, v) for v in space.indices)
