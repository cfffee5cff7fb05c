"""Values of terms over a table, by whole arrays.

A value over a table is an array that broadcasts to the table's shape, with an optional leading batch axis; an axis
along which it is constant keeps length one, so a product is never larger than it must be. Branches that are not taken
and rows that are filtered out do not count: where a whole array has an undefined entry, only the rows that matter are
evaluated again, and only if one of those is undefined is that an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NO_ENTRY
from optc.dsl.program import (
    Apply,
    Conditional,
    Constant,
    Expr,
    ExternCall,
    IndexRef,
    IndexVar,
    Member,
    NamedExpression,
    NetworkCall,
    Piecewise,
    Reduce,
    SetMeasure,
    SetRef,
    SymbolRef,
    TextConstant,
)

from ..spaces.algebra import UNIT, Table, filtered, projected, reduce_to, renamed, wide
from ..spaces.domains import Domain, IndexColumn, Positions, Values, locate
from ..spaces.layouts import Layout
from ..spaces.members import Members
from ..terms.substitution import factors, free_indices
from . import sets
from .elementwise import CHECKED, COMPARISONS, OPERATIONS, REASONS, UNDEFINED
from .scope import Datum, EvaluationError, Scope, entry_text, first_row, place_words, undefined

UFUNCS: dict[str, np.ufunc] = {
    "sum": np.add,
    "count": np.add,
    "prod": np.multiply,
    "min": np.minimum,
    "max": np.maximum,
}


def evaluate(term: Expr, table: Table, scope: Scope) -> Values:
    """Values of a term over a table: float64 (truth values as 0 and 1), or an object array of texts.

    The result broadcasts to the table's shape, perhaps with a leading batch axis. Raises ``EvaluationError`` where
    the term has no value in some row.
    """
    with np.errstate(all="ignore"):
        result = measured(term, table, scope)
    if np.isnan(result).any():
        raise undefined(term, table, np.isnan(result), "it comes out as infinity minus infinity, or 0 times it", scope)
    return result


def numbers(found: Datum) -> Values:
    """A column as its numbers or texts; a truth value as 0 or 1."""
    if isinstance(found, IndexColumn):
        return found.values()
    return found.astype(np.float64) if found.dtype == np.bool_ else found


def measured(term: Expr, table: Table, scope: Scope) -> Values:
    """The values of a term that is calculated with; raises ``EvaluationError`` where they turn out to be texts.

    The members of a set are known with the data only, so the checker cannot tell.
    """
    found = numbers(value(term, table, scope))
    if found.dtype == np.object_:
        raise undefined(term, table, np.ones((), dtype=np.bool_), "it is a text, and no number", scope)
    return found


def holds(term: Expr, table: Table, scope: Scope) -> NDArray[np.bool_]:
    """Truth values of a condition over a table."""
    found = value(term, table, scope)
    if isinstance(found, IndexColumn):
        found = found.values()
    return found if found.dtype == np.bool_ else np.asarray(found != 0)


def value(term: Expr, table: Table, scope: Scope) -> Datum:
    """The value of a term as it is natural: members stay positions in their domain, conditions are boolean.

    Over a table without rows nothing is evaluated, so nothing is undefined.
    """
    if not table.size:
        return np.zeros(table.shape)
    return _EVALUATORS[type(term)](term, table, scope)


# --------------------------------------------------------------------------------------------------------- leaves
def _constant(term: Constant, _table: Table, _scope: Scope) -> Datum:
    return np.asarray(float(term.value))


def _text(term: TextConstant, _table: Table, _scope: Scope) -> Datum:
    return IndexColumn(_text_domain(term.value), np.zeros((), dtype=np.intp))


_TEXTS: dict[str, Domain] = {}


def _text_domain(text: str) -> Domain:
    if text not in _TEXTS:
        column = np.empty(1, dtype=np.object_)
        column[0] = text
        _TEXTS[text] = Domain(Members.of((column,)))
    return _TEXTS[text]


def _index(term: IndexRef, table: Table, _scope: Scope) -> Datum:
    return table.column(term.var)


def _symbol(term: SymbolRef, table: Table, scope: Scope) -> Datum:
    symbol = scope.symbols[term.symbol]
    if isinstance(symbol, NamedExpression):
        return _named_expression(term, symbol, table, scope)
    stored: Datum | None = scope.data.get(term.symbol)
    if stored is None:
        stored = scope.point[term.symbol]
        if term.symbol in scope.options:
            stored = IndexColumn(scope.options[term.symbol], stored.astype(np.intp))
    return gather(stored, scope.layouts[term.symbol], term, table, scope)


def gather(stored: Datum, layout: Layout, term: SymbolRef, table: Table, scope: Scope) -> Datum:
    """The entries of a family that ``term`` asks for, from its flat values ``(rows,)`` or ``(batch, rows)``."""
    if isinstance(stored, IndexColumn):
        picked = gather(stored.positions, layout, term, table, scope)
        assert not isinstance(picked, IndexColumn)
        return IndexColumn(stored.domain, picked)
    if not layout.axes:
        return stored[..., 0].reshape(stored.shape[:-1] + (1,) * table.ndim) if stored.ndim > 1 else stored[0]
    columns = axis_columns(layout, term.args, table, scope, term)
    view = _strided(stored, layout, columns, table)
    if view is not None:
        return view
    flat = layout.flat([c.positions for c in columns])
    if stored.ndim > 1:
        flat = flat.reshape((1,) * (table.ndim - flat.ndim) + flat.shape)
    return stored[..., flat]


def _strided(stored: Values, layout: Layout, columns: Sequence[IndexColumn], table: Table) -> Values | None:
    """The values as a view, where every index runs through its whole axis and no two share an axis of the table."""
    axes = [_only_axis(c) for c in columns]
    if any(a is None for a in axes) or len(set(axes)) < len(axes):
        return None
    order = sorted(range(len(axes)), key=lambda k: axes[k] or 0)
    batch = stored.shape[:-1]
    full = stored.reshape(batch + layout.shape)
    lead = len(batch)
    turned = full.transpose([*range(lead), *(lead + k for k in order)])
    shape = [1] * table.ndim
    for k in order:
        shape[table.ndim + (axes[k] or 0)] = layout.shape[k]
    return turned.reshape(batch + tuple(shape))


def _only_axis(column: IndexColumn) -> int | None:
    """The axis, counted from the end (negative), along which a whole column runs."""
    if not column.whole:
        return None
    long = [k for k, n in enumerate(column.positions.shape) if n != 1]
    return long[0] - column.positions.ndim if len(long) == 1 else None


def axis_columns(
    layout: Layout, args: Sequence[Expr], table: Table, scope: Scope, term: SymbolRef | SetRef
) -> list[IndexColumn]:
    """For each axis of a family, the positions that the arguments ask for; raises where there is no such entry."""
    found: list[IndexColumn] = []
    rest = list(args)
    pieces: list[IndexColumn | Values] = []
    for axis in layout.axes:
        column, taken = _known_column(axis, rest, pieces, table)
        if column is None:
            while len(pieces) < axis.arity:
                pieces.extend(_components(value(rest.pop(0), table, scope)))
            column = _column_of(axis, pieces[: axis.arity])
            pieces = pieces[axis.arity :]
        rest = rest[taken:]
        if not table.size:
            column = IndexColumn(axis, np.empty(table.shape, dtype=np.intp))
        elif int(column.positions.min()) < 0:
            raise _no_entry(args, column.positions < 0, table, scope, term)
        found.append(column)
    return found


def _known_column(
    axis: Domain, rest: Sequence[Expr], pieces: Sequence[object], table: Table
) -> tuple[IndexColumn | None, int]:
    """The axis' positions without a search, where the next arguments are indices known to be a member of a domain."""
    if pieces or not rest:
        return None, 0
    first = rest[0]
    if isinstance(first, IndexRef) and first.var.arity == axis.arity:
        return _recoded(axis, table.column(first.var)), 1
    refs = [a for a in rest[: axis.arity] if isinstance(a, IndexRef) and a.var.arity == 1]
    if axis.arity > 1 and len(refs) == axis.arity:
        known = table.known_tuple(tuple(r.var for r in refs))
        if known is not None:
            return _recoded(axis, known), axis.arity
    return None, 0


def _recoded(axis: Domain, column: IndexColumn) -> IndexColumn:
    return column if column.domain is axis else IndexColumn(axis, locate(axis, [column]))


def _column_of(axis: Domain, pieces: Sequence[IndexColumn | Values]) -> IndexColumn:
    first = pieces[0]
    if isinstance(first, IndexColumn) and first.domain is axis:
        return first
    return IndexColumn(axis, locate(axis, pieces))


def _components(found: Datum) -> tuple[IndexColumn | Values, ...]:
    return found.components() if isinstance(found, IndexColumn) else (found,)


def components_of(args: Sequence[Expr], table: Table, scope: Scope) -> list[IndexColumn | Values]:
    """Index positions left to right, a tuple by its components."""
    return [part for arg in args for part in _components(value(arg, table, scope))]


def _no_entry(
    args: Sequence[Expr], bad: NDArray[np.bool_], table: Table, scope: Scope, term: SymbolRef | SetRef
) -> EvaluationError:
    row = first_row(table, bad)
    key: list[float | int | str] = []
    for part in components_of(args, table, scope):
        values = part.values() if isinstance(part, IndexColumn) else part
        values = values.reshape((1,) * max(table.ndim - values.ndim, 0) + values.shape)
        wide = np.broadcast_to(values, values.shape[: values.ndim - table.ndim] + table.shape)
        first = wide.reshape((-1, *table.shape))[0][row]
        key.append(first.item() if isinstance(first, np.generic) else first)
    family = term.symbol
    place = place_words(term, table, bad, scope)
    return EvaluationError(
        report(NO_ENTRY, term.span, entry=entry_text(family, tuple(key)), where=place, family=family)
    )


def _named_expression(term: SymbolRef, symbol: NamedExpression, table: Table, scope: Scope) -> Datum:
    """A ``let`` is evaluated once for the whole family; where that has undefined rows, at the rows asked for."""
    layout = scope.layouts[symbol.name]
    if not layout.size:
        return value(symbol.definition, with_let_indices(term, symbol, table, scope), scope)
    try:
        stored = family_values(symbol, scope)
    except EvaluationError:
        return value(symbol.definition, with_let_indices(term, symbol, table, scope), scope)
    return gather(stored, layout, term, table, scope)


def family_values(symbol: NamedExpression, scope: Scope) -> Values:
    """Flat values of a whole ``let`` family, ``(rows,)`` or ``(batch, rows)``; kept for the point."""
    key = ("let", symbol.name)
    if key not in scope.local:
        try:
            scope.local[key] = flat_values(
                symbol.definition, scope.layouts[symbol.name].table, scope.named(symbol.name)
            )
        except EvaluationError as error:
            scope.local[key] = error
    found = scope.local[key]
    if isinstance(found, EvaluationError):
        raise found
    assert isinstance(found, np.ndarray)
    return found


def flat_values(term: Expr, table: Table, scope: Scope) -> Values:
    """Values with every row written out: ``(rows,)``, or ``(batch, rows)``."""
    return wide(evaluate(term, table, scope), table.shape)


def with_let_indices(term: SymbolRef, symbol: NamedExpression, table: Table, scope: Scope) -> Table:
    """The table with the indices of the ``let`` bound to what the reference asks for."""
    layout = scope.layouts[symbol.name]
    columns = axis_columns(layout, term.args, table, scope, term)
    own: dict[IndexVar, IndexColumn] = {}
    rest = list(layout.indices)
    for column in columns:
        if rest[0].arity == column.domain.arity:
            own[rest.pop(0)] = column
            continue
        pieces = list(column.components())
        while pieces:
            var = rest.pop(0)
            own[var] = pieces.pop(0) if var.arity == 1 else sets.tuple_column([pieces.pop(0) for _ in range(var.arity)])
    return renamed(table, own)


# ------------------------------------------------------------------------------------------------------ operations
def _apply(term: Apply, table: Table, scope: Scope) -> Datum:
    op = term.op
    if op in ("and", "or"):
        return _junction(term, table, scope)
    if op == "not":
        return ~holds(term.args[0], table, scope)
    if op in COMPARISONS:
        return _compared(term, table, scope)
    if op in _CHAINED:
        return _chain(term, table, scope)
    args = [measured(a, table, scope) for a in term.args]
    if op in CHECKED:
        bad = UNDEFINED[op](*args)
        if bad.any():
            raise undefined(term, table, bad, REASONS[op], scope)
    return OPERATIONS[op](*args)


_CHAINED = frozenset({"add", "sub", "mul"})


def _chain(term: Apply, table: Table, scope: Scope) -> Datum:
    """A left-deep chain of sums and products, without recursion along it."""
    steps: list[Apply] = []
    left: Expr = term
    while isinstance(left, Apply) and left.op in _CHAINED:
        steps.append(left)
        left = left.args[0]
    result = measured(left, table, scope)
    for step in reversed(steps):
        for arg in step.args[1:]:
            result = OPERATIONS[step.op](result, measured(arg, table, scope))
    return result


def _compared(term: Apply, table: Table, scope: Scope) -> Values:
    """A comparison; raises ``EvaluationError`` where a text is to be smaller or larger than a number."""
    a, b = (value(arg, table, scope) for arg in term.args)
    if term.op not in ("eq", "ne"):
        texts = [numbers(datum).dtype == np.object_ for datum in (a, b)]
        if texts[0] != texts[1]:
            wrong = term.args[0] if texts[0] else term.args[1]
            raise undefined(wrong, table, np.ones((), dtype=np.bool_), "it is a text, and no number", scope)
    return _compare(term.op, a, b)


def _compare(op: str, a: Datum, b: Datum) -> Values:
    if isinstance(a, IndexColumn) and isinstance(b, IndexColumn) and op in ("eq", "ne"):
        if a.domain.size < b.domain.size:
            a, b = b, a
        at = locate(a.domain, [b])
        return COMPARISONS[op](a.positions, at)
    left, right = numbers(a), numbers(b)
    if (left.dtype == np.object_) != (right.dtype == np.object_):
        return np.full(np.broadcast_shapes(left.shape, right.shape), op == "ne")
    return COMPARISONS[op](left, right).astype(np.bool_)


def equal(a: Datum, b: Datum) -> Values:
    """Whether two members or numbers are the same."""
    return _compare("eq", a, b)


def _junction(term: Apply, table: Table, scope: Scope) -> Values:
    """``and`` and ``or`` left to right; what the left side has decided does not need the right side."""
    stop = term.op == "or"
    result = holds(term.args[0], table, scope)
    for arg in term.args[1:]:
        open_ = ~result if stop else result
        if not open_.any():
            return result
        result = np.where(open_, _where(arg, open_, table, scope, holds), stop)
    return result


def _conditional(term: Conditional, table: Table, scope: Scope) -> Datum:
    condition = holds(term.condition, table, scope)
    if condition.all():
        return value(term.then, table, scope)
    if not condition.any():
        return value(term.otherwise, table, scope)
    then = _where(term.then, condition, table, scope, _number_values)
    return np.where(condition, then, _where(term.otherwise, ~condition, table, scope, _number_values))


def _number_values(term: Expr, table: Table, scope: Scope) -> Values:
    return numbers(value(term, table, scope))


def _where(
    term: Expr,
    mask: NDArray[np.bool_],
    table: Table,
    scope: Scope,
    compute: Callable[[Expr, Table, Scope], Values],
) -> Values:
    """Values that count only where ``mask`` holds: of the whole table where they exist, else of those rows alone."""
    try:
        return compute(term, table, scope)
    except EvaluationError:
        if mask.ndim > table.ndim or mask.all():
            raise
    kept = filtered(table, mask)
    some = compute(term, kept, scope)
    batch = some.shape[: max(some.ndim - 1, 0)]
    result = np.zeros((*batch, table.size), dtype=some.dtype)
    result[..., kept.rows] = some
    return result.reshape(batch + table.shape)


def _piecewise(term: Piecewise, table: Table, scope: Scope) -> Datum:
    """The piece of ``x`` is the last one whose left breakpoint is below it; the outer pieces go on."""
    x = measured(term.argument, table, scope)
    points = [measured(b, table, scope) for b in term.breakpoints]
    heights = [measured(v, table, scope) for v in term.values]
    for left, right in pairwise(points):
        if (left >= right).any():
            raise undefined(term, table, left >= right, "the breakpoints do not increase", scope)
    result = _line(x, points, heights, 0)
    for piece in range(1, len(points) - 1):
        result = np.where(x > points[piece], _line(x, points, heights, piece), result)
    return result


def _line(x: Values, points: list[Values], heights: list[Values], k: int) -> Values:
    slope = (heights[k + 1] - heights[k]) / (points[k + 1] - points[k])
    line: Values = heights[k] + slope * (x - points[k])
    return line


def _member(term: Member, table: Table, scope: Scope) -> Datum:
    inside = sets.contains(term.set, components_of(term.args, table, scope), table, scope)
    return ~inside if term.negated else inside


def _measure(term: SetMeasure, table: Table, scope: Scope) -> Datum:
    return sets.measure(term, table, scope)


def _extern(term: ExternCall, table: Table, scope: Scope) -> Datum:
    """One number, the same for all rows, at each point of a batch: outside code takes whole families."""
    from ..outside.calls import value as called  # those who call no outside code do not load it

    found = called(term, scope)
    if np.isnan(found).any():
        raise undefined(term, table, np.ones((), dtype=np.bool_), "the function gives NaN", scope)
    return found.reshape(found.shape + (1,) * table.ndim) if found.ndim else found


def _network(term: NetworkCall, table: Table, scope: Scope) -> Datum:
    return np.asarray(scope.externs[term.function](*(evaluate(a, table, scope) for a in term.args)), dtype=np.float64)


# ------------------------------------------------------------------------------------------------------ aggregates
def _reduce(term: Reduce, table: Table, scope: Scope) -> Datum:
    if table is not UNIT:
        small, ancestor = projected(table, free_indices(term))
        if small is not table:
            try:
                return table.lift_from(_reduced(term, small, scope), ancestor)
            except EvaluationError:  # perhaps only in rows that are not asked for
                pass
    return _reduced(term, table, scope)


def _reduced(term: Reduce, table: Table, scope: Scope) -> Values:
    child = sets.extend(term.space, table, scope)
    if term.op in ("sum", "count"):
        return _sum(term, table, child, scope)
    body = measured(term.body, child, scope)
    if term.op == "norm1":
        return reduce_to(table, child, np.abs(body), np.add)
    if term.op == "norm2":
        return _norm2(table, child, body)
    if term.op == "norminf":
        return np.maximum(reduce_to(table, child, np.abs(body), np.maximum), 0.0)
    if term.op == "prod":
        return reduce_to(table, child, body, np.multiply)
    counts = reduce_to(table, child, np.ones(()), np.add)
    if (counts == 0).any():
        raise undefined(term, table, counts == 0, f"{term.op} over an empty set", scope)
    if term.op == "logsumexp":
        return _logsumexp(table, child, body)
    return reduce_to(table, child, body, UFUNCS[term.op])


def _norm2(table: Table, child: Table, body: Values) -> Values:
    """Scaled by the largest entry, so that squares neither overflow nor vanish."""
    top = np.maximum(reduce_to(table, child, np.abs(body), np.maximum), 0.0)
    scale = np.where((top > 0) & np.isfinite(top), top, 1.0)
    share = body / child.lift_from(scale, table)
    return scale * np.sqrt(reduce_to(table, child, share * share, np.add))


def _logsumexp(table: Table, child: Table, body: Values) -> Values:
    top = reduce_to(table, child, body, np.maximum)
    level = np.where(np.isfinite(top), top, 0.0)
    total = reduce_to(table, child, np.exp(body - child.lift_from(level, table)), np.add)
    return np.where(np.isinf(top), top, level + np.log(total))


def _sum(term: Reduce, table: Table, child: Table, scope: Scope) -> Values:
    parts = factors(term.body)
    if len(parts) == 1:
        return reduce_to(table, child, measured(term.body, child, scope), np.add)
    values = [measured(p, child, scope) for p in parts]
    if child.aligned(table):
        product = _matrix_product(values, table, child)
        if product is not None:
            return product
    result = values[0]
    for other in values[1:]:
        result = result * other
    return reduce_to(table, child, result, np.add)


def _matrix_product(values: Sequence[Values], table: Table, child: Table) -> Values | None:
    """``sum(A * B * …)`` as a tensor contraction, where their product would be larger than each of them."""
    try:
        whole = np.broadcast_shapes(*(v.shape for v in values))
    except ValueError:
        return None
    if prod(whole) <= max(v.size for v in values):
        return None
    ndim = max(len(whole), child.ndim)
    operands: list[Any] = []
    used: set[int] = set()
    for v in values:
        wide = v.reshape((1,) * (ndim - v.ndim) + v.shape)
        axes = [k for k in range(ndim) if wide.shape[k] != 1]
        operands += [wide.reshape(tuple(wide.shape[k] for k in axes)), axes]
        used |= set(axes)
    trailing = child.ndim - table.ndim
    kept = [k for k in range(ndim - trailing) if k in used]
    result = np.einsum(*operands, kept, optimize=True)
    times = prod(child.shape[k - (ndim - child.ndim)] for k in range(ndim - trailing, ndim) if k not in used)
    shape = [1] * (ndim - trailing)
    for k, size in zip(kept, result.shape, strict=True):
        shape[k] = size
    return np.asarray(result * times if times != 1 else result).reshape(shape)


_EVALUATORS: dict[type, Callable[[Any, Table, Scope], Datum]] = {
    Constant: _constant,
    TextConstant: _text,
    IndexRef: _index,
    SymbolRef: _symbol,
    Apply: _apply,
    Reduce: _reduce,
    Conditional: _conditional,
    Member: _member,
    SetMeasure: _measure,
    Piecewise: _piecewise,
    ExternCall: _extern,
    NetworkCall: _network,
}


def entry_positions(
    layout: Layout, args: Sequence[Expr], table: Table, scope: Scope, term: SymbolRef | SetRef
) -> Positions:
    """Entry numbers of a family for the given arguments, over the table."""
    return layout.flat([c.positions for c in axis_columns(layout, args, table, scope, term)])
