"""Graph implementations of aggregates; see ``graph_forms``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optc.dsl.program import Reduce

from ..forms.linear import Floats
from ..spaces.algebra import Table, wide
from .affine_rows import Affine, Ints
from .graph_forms import DOWN, UP, Graphs, no_cone
from .graph_functions import shares_below
from .graph_products import product


def aggregate(graphs: Graphs, term: Reduce, table: Table, way: int) -> Affine:
    """Rows beyond an aggregate that is no sum. Raises ``NoConeError``."""
    if term.op == "prod":
        return product(graphs, term, table, way)
    fresh, rows = graphs.region.inner(term, table)
    owner = np.asarray(wide(rows.rows_in(table), rows.shape), dtype=np.int64)
    if term.op in ("max", "min"):
        if way != (UP if term.op == "max" else DOWN):
            raise no_cone(term, "a cone holds it only where it is curved the other way")
        return _extreme(graphs, term, table, graphs.of(fresh.body, rows, way), owner, way)
    if way != UP:
        raise no_cone(term, "it is convex, and a larger value is wanted")
    if term.op == "logsumexp":
        return _logsumexp(graphs, term, table, graphs.of(fresh.body, rows, UP), owner)
    body = _sized(graphs, fresh, rows)
    if term.op == "norm2":
        top = _column(graphs, term, table, lambda x: np.sqrt(np.bincount(owner, body.at(x) ** 2, table.size)))
        graphs.draft.second_order(top, body, owner)
        return top
    span = graphs.span(body)
    most = np.maximum(np.abs(span.lower), np.abs(span.upper))
    size = graphs.draft.add_columns(body.rows, lambda x: np.abs(body.at(x)), 0.0, most)
    graphs.draft.at_least(size, body)
    graphs.draft.at_least(size, body.times(-1.0))
    if term.op == "norm1":
        return size.put(owner, table.size)
    if term.op == "norminf":
        return _extreme(graphs, term, table, size, owner, UP)
    raise no_cone(term, f"there is no cone for {term.op}")


def _sized(graphs: Graphs, fresh: Reduce, rows: Table) -> Affine:
    """The entries of a norm: affine ones, or what is at least a convex one that is not negative."""
    found = graphs.range(fresh.body, rows)
    if graphs.plain(fresh.body, rows) or bool(np.all(found.lower >= 0)):
        return graphs.of(fresh.body, rows, UP)
    if bool(np.all(found.upper <= 0)):
        return graphs.of(fresh.body, rows, DOWN)
    raise no_cone(fresh, "its entries are affine in some rows, convex or concave in others")


def _column(graphs: Graphs, term: Reduce, table: Table, values: Callable[[Floats], Floats]) -> Affine:
    found = graphs.range(term, table)
    ends = [wide(np.asarray(end), table.shape) for end in (found.lower, found.upper)]
    return graphs.draft.add_columns(table.size, values, ends[0], ends[1])


def _extreme(graphs: Graphs, term: Reduce, table: Table, body: Affine, owner: Ints, way: int) -> Affine:
    def values(x: Floats) -> Floats:
        found = np.full(table.size, -np.inf)
        np.maximum.at(found, owner, way * body.at(x))
        return way * found

    top = _column(graphs, term, table, values)
    spread = top.spread(owner)
    graphs.draft.at_least(*((spread, body) if way == UP else (body, spread)))
    return top


def _logsumexp(graphs: Graphs, term: Reduce, table: Table, body: Affine, owner: Ints) -> Affine:
    def values(x: Floats) -> Floats:
        each = body.at(x)
        top = np.full(table.size, -np.inf)
        np.maximum.at(top, owner, each)
        return top + np.log(np.bincount(owner, np.exp(each - top[owner]), table.size))

    top = _column(graphs, term, table, values)
    shares_below(graphs, body, owner, top)
    return top
