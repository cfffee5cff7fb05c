"""Templates of an instance as kernel nodes.

A row family, or an objective, is a sum over index tables: its parts that are linear are left to the linear arrays, each
of the others is a *piece*, an expression over the rows of its own table. Sums that stand inside something nonlinear
stay sums: nodes over a finer loop, gathered. A call of outside code becomes a column of its own. What has no derivative
(kinks, steps, conditions on decisions) is refused, with its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_SMOOTH
from optc.dsl.program import (
    Apply,
    Choice,
    Conditional,
    Constant,
    Expr,
    ExternCall,
    NamedExpression,
    Reduce,
    SymbolRef,
)

from ..evaluation.evaluate import holds, with_let_indices
from ..evaluation.scope import Scope, text_of, undefined
from ..evaluation.sets import extend
from ..extraction.assembly import Offsets, columns_of
from ..extraction.patterns import group_of, needed_by, offsets_of
from ..extraction.polynomial import Group, Monomial, NotPolynomialError, expand
from ..instance.instance import Instance
from ..spaces.algebra import Table, filtered, projected, wide
from ..spaces.domains import IndexColumn
from ..terms.degree import Shapes
from ..terms.substitution import bound_indices, free_indices, freshened, renamed_indices, symbols_in
from .data import DataArrays
from .definitions import Definition, OutsideDefinition, worth_defining
from .derivatives import RULES
from .loops import Index, Loop, Rows
from .nodes import Graph, Node
from .written_sums import LONG, bundled, linear_term

_KINKS = {
    "abs": "abs has a kink at 0",
    "min": "min has kinks",
    "max": "max has kinks",
    "norm1": "norm1 has kinks",
    "norminf": "norminf has kinks",
    "sign": "sign jumps at 0",
    "floor": "floor jumps",
    "ceil": "ceil jumps",
    "round": "round jumps",
    "idiv": "a whole-number division jumps",
    "mod": "mod jumps",
}


class NotSmoothError(Exception):
    """A part of a template has no derivative; ``diagnostic`` shows it."""

    def __init__(self, term: Expr, reason: str) -> None:
        self.diagnostic = report(NOT_SMOOTH, term.span, expression=text_of(term), reason=reason)
        super().__init__(self.diagnostic.message)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """``scale * product(factors) * term`` over a table that extends the root of its family.

    The factors hold no decision.
    """

    table: Table
    term: Expr
    factors: tuple[Expr, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A term as a sum: monomials without decisions or with one, and what is not linear."""

    linear: tuple[Monomial, ...]
    pieces: tuple[Piece, ...]


# ------------------------------------------------------------------------------------------------- into sums of parts
@dataclass(eq=False)
class Splitter:
    """Splits terms of one instance; ``group.reads`` collects what the structure depends on."""

    instance: Instance
    group: Group = field(init=False)
    shapes: Shapes = field(init=False)

    def __post_init__(self) -> None:
        self.group = group_of(self.instance, 1)
        names = frozenset(n for n in self.instance.roles if self.instance.is_decision(n))
        self.shapes = Shapes(self.instance.program, names)

    def split(self, term: Expr, table: Table) -> Parts:
        """The parts of a term over a table; raises ``EvaluationError`` for structure that is undefined."""
        linear: list[Monomial] = []
        pieces: list[Piece] = []
        self._split(Piece(table, term), linear, pieces)
        return Parts(tuple(linear), tuple(pieces))

    def _split(self, part: Piece, linear: list[Monomial], pieces: list[Piece]) -> None:
        monomials = self._monomials(part)
        if monomials is not None:
            linear += monomials
            return
        smaller = self._smaller(part)
        if smaller is None:
            pieces.append(part)
            return
        for each in smaller:
            self._split(each, linear, pieces)

    def _monomials(self, part: Piece) -> list[Monomial] | None:
        """The part as monomials, or None where it is not linear."""
        shape = self.shapes.of(part.term)
        if shape.degree not in (0, 1) or shape.kinks:
            return None
        try:
            found = expand(part.term, part.table, self.group)
        except NotPolynomialError:
            return None
        return [replace(m, factors=(*part.factors, *m.factors), scale=part.scale * m.scale) for m in found]

    def _smaller(self, part: Piece) -> list[Piece] | None:
        """The terms that a part is the sum of, or None where it is none."""
        term = part.term
        if isinstance(term, Apply):
            return self._sum(part, term)
        if isinstance(term, Reduce) and term.op == "sum":
            if bound_indices(term) & part.table.indices:
                term = freshened(term, renamed_indices(bound_indices(term)))
            self.group.reads.update(symbols_in(term.space))
            table = extend(term.space, part.table, self.group.scope)
            return [replace(part, table=table, term=term.body)]
        if isinstance(term, Conditional) and not self.group.depends(term.condition):
            keep = condition_rows(term, part.table, self.group)
            branches = ((term.then, keep), (term.otherwise, ~keep))
            return [replace(part, table=filtered(part.table, k), term=t) for t, k in branches if k.any()]
        if isinstance(term, SymbolRef):
            symbol = self.group.scope.symbols[term.symbol]
            if isinstance(symbol, NamedExpression):
                table, definition = inlined(term, symbol, part.table, self.group)
                return [replace(part, table=table, term=definition)]
        return None

    def _sum(self, part: Piece, term: Apply) -> list[Piece] | None:
        if term.op in ("add", "sub"):
            return [replace(part, term=t, scale=part.scale * s) for t, s in summands(term, self.group)]
        if term.op == "neg":
            return [replace(part, term=term.args[0], scale=-part.scale)]
        if term.op == "mul":
            held = [a for a in term.args if not self.group.depends(a)]
            if len(held) == len(term.args) - 1:
                (varying,) = (a for a in term.args if self.group.depends(a))
                numbers = [a.value for a in held if isinstance(a, Constant)]
                others = tuple(a for a in held if not isinstance(a, Constant))
                scale = part.scale * float(np.prod(numbers))
                return [replace(part, term=varying, factors=(*part.factors, *others), scale=scale)]
        return None


def summands(term: Expr, group: Group) -> list[tuple[Expr, float]]:
    """The terms that ``+``, ``-`` and signs add up, with their signs, in order and without recursion.

    What holds no decision stays whole.
    """
    found: list[tuple[Expr, float]] = []
    waiting = [(term, 1.0)]
    while waiting:
        part, sign = waiting.pop()
        if not isinstance(part, Apply) or not group.depends(part):
            found.append((part, sign))
        elif part.op in ("add", "sub"):
            other = sign if part.op == "add" else -sign
            waiting += [(arg, other) for arg in reversed(part.args[1:])]
            waiting.append((part.args[0], sign))
        elif part.op == "neg":
            waiting.append((part.args[0], -sign))
        else:
            found.append((part, sign))
    return found


def condition_rows(term: Conditional, table: Table, group: Group) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the condition of a conditional holds, over the whole table."""
    group.reads.update(symbols_in(term.condition))
    with np.errstate(all="ignore"):
        return np.broadcast_to(holds(term.condition, table, group.scope), table.shape)


def inlined(term: SymbolRef, symbol: NamedExpression, table: Table, group: Group) -> tuple[Table, Expr]:
    """The definition of a named expression, and the table over which it stands for the reference."""
    for arg in term.args:
        group.reads.update(symbols_in(arg))
    group.reads.update(symbols_in(symbol.space))
    own = group.scope.layouts[symbol.name].indices
    bound = bound_indices(symbol.definition)
    inner = with_let_indices(term, symbol, table, group.scope)
    if not (bound | set(own)) & table.indices:
        return inner, symbol.definition
    names = renamed_indices(bound | set(own))
    columns: dict[object, IndexColumn] = {names.get(v, v): c for v, c in inner.own.items()}
    fresh = replace(inner, own=columns, _columns={})  # type: ignore[arg-type]
    return fresh, freshened(symbol.definition, names)


# ----------------------------------------------------------------------------------------------------- into nodes
@dataclass(eq=False)
class Translator:
    """Terms over tables as nodes over loops, in one graph. ``kinks``: aggregates that are refused, and why."""

    instance: Instance
    graph: Graph
    data: DataArrays
    group: Group
    columns: int  # of the problem so far: new ones come after them
    family: str | None = None
    kinks: Mapping[str, str] = field(default_factory=lambda: _KINKS)
    definitions: list[Definition | OutsideDefinition] = field(default_factory=list)
    offsets: Offsets = field(init=False)
    _unit: Loop = field(default_factory=lambda: Loop(1))
    _known: dict[object, tuple[Node, Table, Loop]] = field(default_factory=dict)
    _loops: dict[int, tuple[Table, Loop]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offsets = offsets_of(self.instance)

    @property
    def scope(self) -> Scope:
        return self.group.scope.named(self.family)

    def loop(self, table: Table) -> Loop:
        """The loop over a table's rows; one for each table."""
        if id(table) not in self._loops:
            self._loops[id(table)] = (table, Loop(table.size))
        return self._loops[id(table)][1]

    def piece(self, part: Piece) -> Node:
        """A piece as a node over its table's loop."""
        loop = self.loop(part.table)
        node = self.node(part.term, part.table, loop)
        for factor in part.factors:
            node = self.graph.mul(self.datum(factor, part.table, loop), node)
        return self.graph.spread_over(self.graph.mul(self.graph.constant(part.scale), node), loop)

    def monomial(self, m: Monomial) -> Node:
        """A linear monomial as a node over its table's loop."""
        loop = self.loop(m.table)
        node = self.node(m.refs[0], m.table, loop)
        for factor in m.factors:
            node = self.graph.mul(self.datum(factor, m.table, loop), node)
        return self.graph.mul(self.graph.constant(m.scale), node)

    def rows(self, table: Table, root: Table) -> Index:
        """The flat row of ``root`` that each row of a table belongs to."""
        return self.loop(table).index(wide(table.rows_in(root), table.shape))

    def datum(self, term: Expr, table: Table, loop: Loop) -> Node:
        """A term without decisions."""
        if isinstance(term, Constant):
            return self.graph.constant(term.value)
        uses = needed_by(term, self.instance.program)
        array, index = self.data.term(term, table, loop, self.scope, uses)
        return self.graph.load("data", index, loop, array)

    def decision(self, ref: SymbolRef, table: Table, loop: Loop) -> Node:
        """An entry of a decision family."""
        for arg in ref.args:
            self.group.reads.update(symbols_in(arg))
        positions = wide(columns_of(ref, table, self.offsets, self.scope), table.shape)
        return self.graph.load("x", loop.index(positions), loop)

    def node(self, term: Expr, table: Table, loop: Loop) -> Node:
        """A term over a table. Raises ``NotSmoothError``, ``EvaluationError``."""
        if not self.group.depends(term):
            return self.datum(term, table, loop)
        if isinstance(term, Apply):
            return self._apply(term, table, loop)
        key = (term, id(table), id(loop))
        if key not in self._known:
            self._known[key] = (self._other(term, table, loop), table, loop)
        return self._known[key][0]

    def _other(self, term: Expr, table: Table, loop: Loop) -> Node:
        if isinstance(term, SymbolRef):
            return self._symbol(term, table, loop)
        if isinstance(term, Reduce):
            return self._reduce(term, table, loop)
        if isinstance(term, Conditional):
            return self._conditional(term, table, loop)
        if isinstance(term, ExternCall):
            return self._outside(term, loop)
        raise NotSmoothError(term, _OTHERS.get(type(term).__name__, "it has no derivative"))

    def _symbol(self, term: SymbolRef, table: Table, loop: Loop) -> Node:
        symbol = self.scope.symbols[term.symbol]
        if any(self.group.depends(arg) for arg in term.args):
            raise NotSmoothError(term, "an index depends on a decision")
        if isinstance(symbol, NamedExpression):
            inner, definition = inlined(term, symbol, table, self.group)
            return self.node(definition, inner, loop)
        if isinstance(symbol, Choice):
            raise NotSmoothError(term, "a choice stands where a number is wanted")
        return self.decision(term, table, loop)

    def _outside(self, term: ExternCall, loop: Loop) -> Node:
        """The column of a call of outside code: one for all calls of a function on the same families."""
        for known in self.definitions:
            if isinstance(known, OutsideDefinition) and known.term == term:
                return known.column(self.graph, loop)
        found = OutsideDefinition(term, self.columns, self.family)
        self.columns += found.count
        self.definitions.append(found)
        return found.column(self.graph, loop)

    def _apply(self, term: Apply, table: Table, loop: Loop) -> Node:
        if term.op in ("add", "sub"):
            nodes = [(self.node(part, table, loop), sign) for part, sign in summands(term, self.group)]
            return self._total([n if sign > 0 else self.graph.neg(n) for n, sign in nodes], loop)
        if term.op not in RULES or term.op in _KINKS:
            raise NotSmoothError(term, _KINKS.get(term.op, "it is a condition on decisions"))
        args = [self.node(arg, table, loop) for arg in term.args]
        if term.op == "huber" and len(args) == 1:
            args.append(self.graph.constant(1.0))
        return self.graph.apply(term.op, *args)

    def _total(self, nodes: Sequence[Node], loop: Loop) -> Node:
        """The sum of nodes; of many linear ones as a sum over a loop."""
        total = self.graph.constant(0.0)
        linear = [found for node in nodes if (found := linear_term(node)) is not None]
        if len(linear) >= LONG:
            total = bundled(linear, loop, self.graph, self.data)
            nodes = [node for node in nodes if linear_term(node) is None]
        for node in nodes:
            total = self.graph.add(total, node)
        return total

    # ------------------------------------------------------------------------------------------------- aggregates
    def _reduce(self, term: Reduce, table: Table, loop: Loop) -> Node:
        """An aggregate, worked out once for all rows that have the same indices as far as it needs them."""
        if term.op in self.kinks:
            raise NotSmoothError(term, self.kinks[term.op])
        if bound_indices(term) & table.indices:
            term = freshened(term, renamed_indices(bound_indices(term)))
        self.group.reads.update(symbols_in(term.space))
        small, ancestor = projected(table, free_indices(term))
        if small.size >= table.size:
            return self._aggregate(term, table, loop, None)
        closed = small.size == 1 and not free_indices(term)
        coarse = self._unit if closed else self.loop(small)
        numbers = np.arange(small.size).reshape(small.shape)
        rows = loop.index(wide(table.lift_from(numbers, ancestor), table.shape))
        if not closed:
            return self.graph.lifted(self._aggregate(term, small, coarse, rows.positions(loop.size)), rows, loop)
        key = (term, "closed")
        if key not in self._known:
            node = self._aggregate(term, small, coarse, rows.positions(loop.size))
            self._known[key] = (node, small, coarse)
        return self.graph.lifted(self._known[key][0], rows, loop)

    def _aggregate(self, term: Reduce, table: Table, loop: Loop, users: Rows | None) -> Node:
        """``users``: the row of the table that each row using the aggregate lifts (None: each is used once)."""
        graph = self.graph
        child = extend(term.space, table, self.scope)
        finer = self.loop(child)
        rows = finer.index(wide(child.rows_in(table), child.shape))
        body = graph.spread_over(self.node(term.body, child, finer), finer)
        if term.op in ("logsumexp", "min", "max"):
            self._none_empty(term, table, rows, finer)
        if term.op not in _AGGREGATES:
            raise NotSmoothError(term, f"{term.op} of decisions has no derivative")
        if worth_defining(body, rows, finer, loop, users):
            return self._defined(term, table, child, loop, finer, rows, body)
        if term.op in ("sum", "prod"):
            return graph.gathered(term.op, body, rows, finer, loop)
        return self._norm2(body, rows, finer, loop) if term.op == "norm2" else self._logsumexp(body, rows, finer, loop)

    def _defined(
        self, term: Reduce, table: Table, child: Table, loop: Loop, finer: Loop, rows: Index, body: Node
    ) -> Node:
        """New columns for an aggregate."""
        graph = self.graph
        count = finer.size if term.op == "prod" else loop.size
        found = Definition(term, table, child, loop, finer, rows, body, self.columns, count, self.family)
        self.columns += count
        self.definitions.append(found)
        columns = found.columns(graph)
        if term.op != "prod":
            return columns
        owner = rows.positions(finer.size)
        last = np.flatnonzero(np.append(owner[1:] != owner[:-1], np.ones(1, dtype=np.bool_))) if len(owner) else owner
        ends = Loop(len(last))
        return graph.gathered(
            "prod", graph.lifted(columns, ends.index(last), ends), ends.index(owner[last]), ends, loop
        )

    def _norm2(self, body: Node, rows: Index, finer: Loop, loop: Loop) -> Node:
        """Scaled by the largest entry, whose derivative cancels: so squares neither overflow nor vanish."""
        graph = self.graph
        largest = graph.gathered("max", graph.apply("abs", body), rows, finer, loop)
        scale = graph.apply("nonzero", largest)
        share = graph.div(body, graph.lifted(scale, rows, finer))
        total = graph.gathered("sum", graph.mul(share, share), rows, finer, loop)
        return graph.mul(scale, graph.apply("sqrt", total))

    def _logsumexp(self, body: Node, rows: Index, finer: Loop, loop: Loop) -> Node:
        """Shifted by the largest entry, whose derivative cancels."""
        graph = self.graph
        top = graph.gathered("max", body, rows, finer, loop)
        shifted = graph.apply("exp", graph.sub(body, graph.lifted(top, rows, finer)))
        return graph.add(top, graph.apply("log", graph.gathered("sum", shifted, rows, finer, loop)))

    def _none_empty(self, term: Reduce, table: Table, rows: Index, finer: Loop) -> None:
        counts = np.bincount(rows.positions(finer.size), minlength=table.size).reshape(table.shape)
        if (counts == 0).any():
            raise undefined(term, table, counts == 0, f"{term.op} over an empty set", self.scope)

    def _conditional(self, term: Conditional, table: Table, loop: Loop) -> Node:
        """Each branch over its own rows, so that neither is evaluated where it does not count."""
        if self.group.depends(term.condition):
            raise NotSmoothError(term, "its condition depends on a decision")
        keep = condition_rows(term, table, self.group)
        if keep.all():
            return self.node(term.then, table, loop)
        if not keep.any():
            return self.node(term.otherwise, table, loop)
        total = self.graph.constant(0.0)
        for branch, where in ((term.then, keep), (term.otherwise, ~keep)):
            some = filtered(table, where)
            finer = self.loop(some)
            body = self.graph.spread_over(self.node(branch, some, finer), finer)
            assert some.rows is not None
            total = self.graph.add(total, self.graph.gathered("sum", body, finer.index(some.rows), finer, loop))
        return total


_AGGREGATES = frozenset({"sum", "prod", "norm2", "logsumexp"})
_OTHERS = {
    "Piecewise": "piecewise has kinks",
    "NetworkCall": "a network is called on decisions",
    "Member": "it is a condition on decisions",
}
