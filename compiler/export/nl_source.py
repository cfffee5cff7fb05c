"""What the .nl writer prints: linear arrays with names, and kernel terms for the rest.

An instance with one decider is taken as it stands, kinks and steps among them (``of_instance``): nothing is
reformulated, no row or decision added beside those of domains. Forms are taken with their products and pairs
(``of_form``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from optc.dsl.catalogue import report
from optc.dsl.catalogue.files import EXPORT_UNSUPPORTED, NO_PLACE_IN_FORMAT
from optc.dsl.catalogue.outside import OUTSIDE_CODE_EXPORT
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Apply, Complementarity, Constant, Expr, Piecewise, Reduce, Relation

from ..data.errors import DataError
from ..evaluation.elementwise import OPERATIONS
from ..evaluation.scope import EvaluationError, text_of
from ..evaluation.sets import extend
from ..extraction.assembly import add_to, constants
from ..extraction.assembly import columns_of as columns_in
from ..extraction.patterns import offsets_of
from ..extraction.polynomial import Monomial
from ..forms.discrete import DiscreteForm
from ..forms.linear import Floats, Ints, LinearForm, QuadraticForm
from ..instance.instance import ConstraintFamily, Instance
from ..kernels.loops import Loop, Rows
from ..kernels.model import Term
from ..kernels.nodes import Graph, Node
from ..kernels.templates import NotSmoothError, Parts, Translator
from ..lowerings.domains import ExtraRows
from ..lowerings.instance_to_linear import Columns, columns_of, unfit
from ..lowerings.nonlinear_structure import Builder, data_arrays, row_arrays
from ..spaces.algebra import UNIT, Table, wide
from .named import NamedForm
from .naming import named
from .nl_printing import PRINTED

_ROUND = "the format rounds halves away from 0, the language to the even neighbour"


class _NoOperatorError(NotSmoothError):
    """A function that the format does not have; ``diagnostic`` shows where."""

    def __init__(self, term: Expr, name: str, reason: str = "") -> None:
        super().__init__(term, "")
        what = f"the function `{name}`{': ' if reason else ''}{reason}"
        mend = "write it with functions that the format has (`exp`, `log`, `abs`, `max`, …)"
        self.diagnostic = report(EXPORT_UNSUPPORTED, term.span, format=".nl", what=what, mend=mend)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """``terms``: what is not linear; ``data``: the arrays that they read. ``start`` (n): NaN where none is given.

    ``paired`` (m): the column that a row complements, -1 for none; ``sides`` (m): 1 at its lower bound, 2 at its upper,
    3 at both. ``constants`` (m): what is to be added to each row. ``objective``: whether there is one.
    """

    problem: NamedForm
    graph: Graph
    terms: tuple[Term, ...]
    data: Sequence[Floats]
    start: Floats
    paired: Ints
    sides: Ints
    constants: Floats
    objective: bool


# ------------------------------------------------------------------------------------------------- an instance as it is
def of_instance(instance: Instance) -> Source | Diagnostic:
    """The instance as it stands, or why it cannot. Raises ``DataError`` for undefined numbers and false rows."""
    plain = tuple(c for c in instance.constraints if not isinstance(c.symbol.body, Complementarity))
    reason = unfit(replace(instance, constraints=plain), "nonlinear")
    if reason is not None:
        return reason
    objective = instance.program.root.objective
    with np.errstate(all="ignore"):
        try:
            columns = columns_of(instance)
            builder = _AsWritten(instance, columns)
            structure = builder.structure()
            if structure.outside is not None:
                term = structure.outside.places[0].term
                return report(OUTSIDE_CODE_EXPORT, term.span, format=".nl", call=text_of(term))
            data = data_arrays(structure, instance)
            rows = row_arrays(structure, instance)
            cost, offset = np.zeros(structure.count), 0.0
            if structure.objective is not None:
                add_to(cost, structure.objective.linear, instance.scope)
                offset = float(constants(structure.objective.constant, UNIT, instance.scope))
        except (NotSmoothError, _NotPairedError) as error:
            return error.diagnostic
        except EvaluationError as error:
            raise DataError([error.diagnostic]) from None
    sense = "maximize" if objective is not None and objective.sense == "maximize" else "minimize"
    lower, upper, integer = structure.widened()
    row_lower, row_upper = rows.lower.copy(), rows.upper.copy()
    paired, sides = np.full(len(row_lower), -1, dtype=np.int32), np.zeros(len(row_lower), dtype=np.int32)
    shift = np.zeros(len(row_lower))
    for first, held, side in builder.pairs:
        own = slice(first, first + len(held))
        paired[own], sides[own] = held, side
        shift[own] = -np.where(np.isfinite(row_lower[own]), row_lower[own], row_upper[own])
        row_lower[own], row_upper[own] = -np.inf, np.inf
    form = LinearForm(
        sense,
        cost,
        offset,
        rows.starts,
        rows.indices,
        rows.values,
        row_lower,
        row_upper,
        lower,
        upper,
        integer,
        columns.slices,
        rows.slices,
    )
    model = structure.engine.model
    start = np.full(structure.count, np.nan)
    for family in instance.families:
        if family.start is not None:
            start[family.offset : family.offset + family.count] = family.start
    stated = objective is not None and objective.expression is not None
    terms = (*model.objective, *model.constraints)
    return Source(named(form, instance), model.graph, terms, data, start, paired, sides, shift, stated)


class _NotPairedError(Exception):
    """A complementarity condition without a decision at its own bounds on either side."""

    def __init__(self, family: ConstraintFamily) -> None:
        what = f"the complementarity condition `{family.name}`"
        mend = "let one side be the bound of a decision, such as `y >= 0` for a `y` with the lower bound 0"
        self.diagnostic = report(EXPORT_UNSUPPORTED, family.symbol.span, format=".nl", what=what, mend=mend)
        super().__init__(self.diagnostic.message)


class _AsWritten(Builder):
    """Leaves what is linear to the arrays.

    ``pairs``: the first row of each complementarity condition, the columns that its rows complement, and at which side.
    """

    def __init__(self, instance: Instance, columns: Columns) -> None:
        super().__init__(instance, columns)
        self.translator = _Terms(instance, self.graph, self.data, self.splitter.group, len(columns.lower), kinks={})
        self.pairs: list[tuple[int, Ints, int]] = []

    def _family(self, family: ConstraintFamily) -> None:
        body = family.symbol.body
        if not isinstance(body, Complementarity):
            super()._family(family)
            return
        for decision, other in ((body.left, body.right), (body.right, body.left)):
            found = self._at_bounds(family, decision)
            if found is None:
                continue
            columns, side = found
            self.pairs.append((self.row, columns, side))
            if not other.ops:
                self._single(family, other.terms[0], "eq", Constant(None, 0.0))
                return
            a, b = other.terms
            op = "ge" if side == 1 else "le"  # what the row wants to be at that bound
            self._single(family, *((a, op, b) if op == other.ops[0] else (b, op, a)))
            return
        raise _NotPairedError(family)

    def _at_bounds(self, family: ConstraintFamily, relation: Relation) -> tuple[Ints, int] | None:
        """The columns of a relation that says of one decision a row that it keeps its own bounds, and which bounds."""
        table, scope = family.layout.table, self.instance.scope.named(family.name)
        if not relation.ops:
            return None
        parts = [self.splitter.split(term, table) for term in relation.terms]
        held = [m for part in parts for m in part.linear if m.refs]
        if any(part.pieces for part in parts) or len(held) != 1 or held[0].factors or abs(held[0].scale) != 1.0:
            return None
        (own,) = held
        if not np.array_equal(wide(own.table.rows_in(table), own.table.shape), np.arange(table.size)):
            return None
        at = next(k for k, part in enumerate(parts) if own in part.linear)
        numbers = [constants(tuple(m for m in part.linear if not m.refs), table, scope) for part in parts]
        columns = columns_in(own.refs[0], own.table, offsets_of(self.instance), scope)
        columns = wide(columns, own.table.shape).astype(np.int32)
        found = {}
        for k, op in enumerate(relation.ops):
            if at not in (k, k + 1):
                return None
            other = k + 1 if at == k else k
            above = ((op == "ge") == (at == k)) == (own.scale > 0.0)
            side = "lower" if above else "upper"
            found[side] = own.scale * (numbers[other] - numbers[at])
        if any(
            not np.array_equal(getattr(self.columns, side)[columns], wide(v, table.shape)) for side, v in found.items()
        ):
            return None
        return columns, sum({"lower": 1, "upper": 2}[side] for side in found)

    def _nodes(self, name: str, own: Sequence[Monomial], parts: Parts) -> list[tuple[Node, Table]]:
        del own
        return super()._nodes(name, (), parts)

    def _extra(self, extra: ExtraRows) -> None:
        self.row += extra.rows


class _Terms(Translator):
    """Terms as nodes, with the operators of the format instead of what can be differentiated."""

    def _apply(self, term: Apply, table: Table, loop: Loop) -> Node:
        if term.op in ("add", "sub"):
            return super()._apply(term, table, loop)
        if term.op not in PRINTED:
            raise _NoOperatorError(term, term.op, _ROUND if term.op == "round" else "")
        args = [self.node(arg, table, loop) for arg in term.args]
        if term.op == "huber" and len(args) == 1:
            args.append(self.graph.constant(1.0))
        if all(a.op == "const" for a in args):
            return self.graph.constant(float(OPERATIONS[term.op](*(np.float64(a.value) for a in args))))
        return self.graph.apply(term.op, *args)

    def _other(self, term: Expr, table: Table, loop: Loop) -> Node:
        if isinstance(term, Piecewise):
            return self._piecewise(term, table, loop)
        return super()._other(term, table, loop)

    def _piecewise(self, term: Piecewise, table: Table, loop: Loop) -> Node:
        """The first line, and at each further breakpoint the change of slope times what the argument is beyond it."""
        graph = self.graph
        x = self.node(term.argument, table, loop)
        points, values = term.breakpoints, term.values
        slopes = [
            _quotient(_difference(v1, v0), _difference(b1, b0))
            for b0, b1, v0, v1 in zip(points, points[1:], values, values[1:], strict=False)
        ]
        if not slopes:
            return graph.spread_over(self.datum(values[0], table, loop), loop)
        beyond = graph.sub(x, self.datum(points[0], table, loop))
        total = graph.add(self.datum(values[0], table, loop), graph.mul(self.datum(slopes[0], table, loop), beyond))
        for point, before, after in zip(points[1:], slopes, slopes[1:], strict=False):
            over = graph.apply("max", graph.sub(x, self.datum(point, table, loop)), graph.constant(0.0))
            total = graph.add(total, graph.mul(self.datum(_difference(after, before), table, loop), over))
        return total

    def _aggregate(self, term: Reduce, table: Table, loop: Loop, users: Rows | None) -> Node:
        del users
        graph = self.graph
        child = extend(term.space, table, self.scope)
        finer = self.loop(child)
        rows = finer.index(wide(child.rows_in(table), child.shape))
        body = graph.spread_over(self.node(term.body, child, finer), finer)
        if term.op in ("min", "max", "logsumexp"):
            self._none_empty(term, table, rows, finer)
        if term.op in ("sum", "prod", "min", "max"):
            return graph.gathered(term.op, body, rows, finer, loop)
        if term.op in _AROUND:
            gather, inner, outer = _AROUND[term.op]
            found = graph.gathered(gather, inner(graph, body), rows, finer, loop)
            return graph.apply(outer, found) if outer else found
        raise _NoOperatorError(term, term.op)


_AROUND: dict[str, tuple[str, Callable[[Graph, Node], Node], str]] = {
    "norm1": ("sum", lambda graph, body: graph.apply("abs", body), ""),
    "norminf": ("max", lambda graph, body: graph.apply("abs", body), ""),
    "norm2": ("sum", lambda graph, body: graph.mul(body, body), "sqrt"),
    "logsumexp": ("sum", lambda graph, body: graph.apply("exp", body), "log"),
}


def _difference(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Constant) and isinstance(b, Constant):
        return Constant(a.span, a.value - b.value)
    return Apply(a.span, "sub", (a, b))


def _quotient(a: Expr, b: Expr) -> Expr:
    if isinstance(a, Constant) and isinstance(b, Constant) and b.value != 0.0:
        return Constant(a.span, a.value / b.value)
    return Apply(a.span, "div", (a, b))


# ------------------------------------------------------------------------------------------------------------- a form
def of_form(problem: NamedForm) -> Source:
    """A linear, quadratic or discrete form.

    Raises ``DataError`` for ordered sets, indicators, and pairs of columns without a sign.
    """
    form, graph, terms = problem.form, Graph(), []
    if isinstance(form, (QuadraticForm, DiscreteForm)) and len(form.hessian_values):
        first = np.repeat(np.arange(form.shape[1]), np.diff(form.hessian_starts))
        second = form.hessian_indices.astype(np.int64)
        values = np.where(first == second, form.hessian_values / 2.0, form.hessian_values)
        terms += _products(graph, first, second, values, None)
    count = form.shape[0]
    paired, sides = np.full(count, -1, dtype=np.int32), np.full(count, 0, dtype=np.int32)
    if isinstance(form, DiscreteForm):
        if form.sets.count or form.indicators.count:
            what = "a model with ordered sets or indicators"
            raise DataError([report(NO_PLACE_IN_FORMAT, None, what=what, format="nl", others="lp or json")])
        part = form.products
        terms += _products(graph, part.first.astype(np.int64), part.second.astype(np.int64), part.values, part.rows)
        problem, paired, sides = _with_pairs(problem, form, paired, sides)
    start = np.full(form.shape[1], np.nan)
    return Source(problem, graph, tuple(terms), (), start, paired, sides, np.zeros(len(paired)), True)


def _products(graph: Graph, first: Rows, second: Rows, values: Floats, rows: Ints | None) -> list[Term]:
    """Terms for squares and for products of two columns."""
    found = []
    for chosen in (first == second, first != second):
        count = int(chosen.sum())
        if not count:
            continue
        loop = Loop(count)
        one = graph.load("x", loop.index(first[chosen]), loop)
        two = graph.load("x", loop.index(second[chosen]), loop)
        node = graph.mul(graph.given(values[chosen], loop), graph.mul(one, two))
        found.append(Term(node, loop, None if rows is None else loop.index(rows[chosen].astype(np.int64)), ""))
    return found


def _with_pairs(problem: NamedForm, form: DiscreteForm, paired: Ints, sides: Ints) -> tuple[NamedForm, Ints, Ints]:
    """A row for each pair: the second column, with the sign that a complementarity condition on the first wants."""
    first, second = form.pairs.first, form.pairs.second
    if not len(first):
        return problem, paired, sides
    below = [form.upper[c] == 0.0 for c in (first, second)]
    above = [form.lower[c] == 0.0 for c in (first, second)]
    if not ((below[0] | above[0]) & (below[1] | above[1])).all():
        what = "a complementary pair whose members may have either sign"
        raise DataError([report(NO_PLACE_IN_FORMAT, None, what=what, format="nl", others="lp or json")])
    side = np.where(above[0], 1, 2).astype(np.int32)
    values = np.where((side == 1) == above[1], 1.0, -1.0)
    count = len(first)
    free = np.full(count, np.inf)
    wider = replace(
        form,
        starts=np.concatenate([form.starts, form.starts[-1] + np.arange(1, count + 1, dtype=np.int32)]).astype(
            np.int32
        ),
        indices=np.concatenate([form.indices, second]).astype(np.int32),
        values=np.concatenate([form.values, values]),
        row_lower=np.concatenate([form.row_lower, -free]),
        row_upper=np.concatenate([form.row_upper, free]),
    )
    names = (*problem.rows, *(f"pair {k}" for k in range(count)))
    return replace(problem, form=wider, rows=names), np.append(paired, first), np.append(sides, side)
