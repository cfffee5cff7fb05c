"""Graph implementations of functions applied to terms; see ``graph_forms``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optc.dsl.program import Apply, Constant, Expr

from ..evaluation.elementwise import OPERATIONS
from ..facts import products
from ..facts.curvature import bent, exponential_of
from ..facts.enclosure import atom_of
from ..spaces.algebra import Table, wide
from .affine_rows import Affine, Ints, constant_rows, stacked
from .graph_forms import DOWN, UP, Graphs, no_cone
from .graph_products import logarithm, power_terms, product

Rule = Callable[[Graphs, Apply, Table, int], Affine]


def function(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """Rows beyond a function of terms. Raises ``NoConeError``."""
    rule = _RULES.get(term.op)
    if rule is None:
        raise no_cone(term, f"there is no cone for {term.op}")
    return rule(graphs, term, table, way)


def _inner(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """The argument of an atom, beyond its value as the atom's slope asks."""
    atom = atom_of(graphs.region, term, table)
    assert atom is not None
    slope = atom.first(atom.defined(graphs.range(term.args[0], table)))
    return graphs.argument(term.args[0], table, way, slope.lower >= 0, slope.upper <= 0)


def _only(way: int, wanted: int, term: Expr) -> None:
    if way != wanted:
        raise no_cone(term, "a cone holds it only where it is curved the other way")


def _ones(count: int) -> Affine:
    return constant_rows(np.ones(count))


def _exp(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    _only(way, UP, term)
    inner = _inner(graphs, term, table, way)
    top = graphs.beyond(term, table, np.exp, inner)
    graphs.draft.exponential(inner, _ones(table.size), top)
    return top


def _log(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    if way == DOWN and graphs.shape(term.args[0], table).concave.all():
        inner = graphs.of(term.args[0], table, DOWN)
        scale = 1.0 if term.op == "log" else np.log(10.0)
        found = graphs.beyond(term, table, lambda v: OPERATIONS[term.op](v), inner).times(scale)
        graphs.draft.exponential(found, _ones(table.size), inner)
    else:
        known = products.logarithmic(graphs.region, term.args[0], table, bent)[0 if way == UP else 1]
        if not known.all():
            raise no_cone(term, "it is curved the right way for a reason that no cone shares")
        found = logarithm(graphs, term.args[0], table, way)
    return found if term.op == "log" else found.times(1.0 / float(np.log(10.0)))


def _entropy(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    _only(way, DOWN, term)
    inner = _inner(graphs, term, table, way)
    top = graphs.beyond(term, table, OPERATIONS["entropy"], inner)
    graphs.draft.exponential(top, inner, _ones(table.size))
    return top


def divergence(graphs: Graphs, term: Expr, x: Affine, y: Affine, table: Table) -> Affine:
    """Columns at least ``x log(x / y)``."""
    found = graphs.range(term, table)
    ends = [wide(np.asarray(end), table.shape) for end in (found.lower, found.upper)]
    top = graphs.draft.add_columns(table.size, lambda p: OPERATIONS["kl"](x.at(p), y.at(p)), ends[0], ends[1])
    graphs.draft.exponential(top.times(-1.0), x, y)
    return top


def _kl(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    _only(way, UP, term)
    if not graphs.plain(term.args[0], table):
        raise no_cone(term, "its first argument is not affine as it is written")
    x, y = graphs.of(term.args[0], table, UP), graphs.of(term.args[1], table, DOWN)
    return divergence(graphs, term, x, y, table)


def _abs(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """Two lines; where the argument keeps its sign, the argument itself or minus it."""
    found = graphs.range(term.args[0], table)
    if bool(np.all(found.lower >= 0)):
        return graphs.of(term.args[0], table, way)
    if bool(np.all(found.upper <= 0)):
        return graphs.of(term.args[0], table, -way).times(-1.0)
    _only(way, UP, term)
    inner = _inner(graphs, term, table, way)
    return graphs.extreme(term, table, [inner, inner.times(-1.0)], UP)


def _extreme(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    _only(way, UP if term.op == "max" else DOWN, term)
    return graphs.extreme(term, table, [graphs.of(arg, table, way) for arg in term.args], way)


def _huber(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """The least ``s^2 / 2 + d |e - s|`` over ``s``, for the argument ``e`` and the threshold ``d``."""
    _only(way, UP, term)
    inner = _inner(graphs, term, table, way)
    limit = np.ones(table.size)
    if term.args[1:]:
        limit = wide(graphs.region.values(term.args[1], table), table.shape)
    draft, count = graphs.draft, table.size
    near = draft.add_columns(count, lambda x: np.clip(inner.at(x), -limit, limit), -limit, limit)
    span = graphs.span(inner)
    most = np.maximum(np.abs(span.lower), np.abs(span.upper))
    far = draft.add_columns(count, lambda x: np.maximum(np.abs(inner.at(x)) - limit, 0.0), 0.0, most)
    draft.at_least(far, inner.minus(near))
    draft.at_least(far, near.minus(inner))
    square = draft.add_columns(count, lambda x: near.at(x) ** 2, 0.0, limit * limit)
    draft.squares_below(square, near, np.arange(count))
    return square.times(0.5).plus(far.times(limit))


def _softplus(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """``t`` with ``exp(-t) + exp(e - t) <= 1``."""
    _only(way, UP, term)
    inner = _inner(graphs, term, table, way)
    top = graphs.beyond(term, table, OPERATIONS["softplus"], inner)
    shares_below(graphs, stacked([inner, constant_rows(np.zeros(table.size))]), np.tile(np.arange(table.size), 2), top)
    return top


def shares_below(graphs: Graphs, exponents: Affine, owner: Ints, top: Affine) -> None:
    """``sum of exp(exponent - top) <= 1`` over the exponents of each row of ``top``."""
    lowered = exponents.minus(top.spread(owner))
    shares = graphs.draft.add_columns(lowered.rows, lambda x: np.exp(lowered.at(x)), 0.0, 1.0)
    graphs.draft.exponential(lowered, _ones(lowered.rows), shares)
    graphs.draft.at_least(_ones(top.rows), shares.put(owner, top.rows))


def _cosh(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    _only(way, UP, term)
    arg = term.args[0]
    parts = [Apply(term.span, "exp", (arg,)), Apply(term.span, "exp", (Apply(term.span, "neg", (arg,)),))]
    return graphs.of(parts[0], table, UP).plus(graphs.of(parts[1], table, UP)).times(0.5)


def _power(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """Powers with data exponents; any other ``b ^ g`` is ``exp(g log b)``."""
    if graphs.region.known(term.args[1]):
        return power_terms(graphs, term, table, way)
    _only(way, UP, term)
    inner = graphs.of(exponential_of(term), table, UP)
    top = graphs.beyond(term, table, np.exp, inner)
    graphs.draft.exponential(inner, _ones(table.size), top)
    return top


def _mul(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """``x log x`` and ``x log(x / y)``, squares, and products of powers."""
    signs = [arg for arg in term.args if isinstance(arg, Apply) and arg.op == "neg"]
    if signs:
        plain = tuple(arg.args[0] if isinstance(arg, Apply) and arg.op == "neg" else arg for arg in term.args)
        turn = -1 if len(signs) % 2 else 1
        return graphs.of(Apply(term.span, "mul", plain), table, way * turn).times(float(turn))
    if len(term.args) == 2 and term.args[0] == term.args[1]:
        return graphs.of(Apply(term.span, "pow", (term.args[0], Constant(None, 2.0))), table, way)
    found = _written_out(graphs, term, table, way)
    return product(graphs, term, table, way) if found is None else found


def _written_out(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine | None:
    """Rows beyond ``x log(x / y)`` and its kin; None where the product is none."""
    for x, other in (term.args[:2], term.args[1::-1]) if len(term.args) == 2 else ():
        if not (isinstance(other, Apply) and other.op in ("log", "log10")):
            continue
        scale = 1.0 if other.op == "log" else 1.0 / float(np.log(10.0))
        inner = other.args[0]
        turn, y = _ratio(graphs, x, inner)
        if turn == 0 or way != turn or not graphs.plain(x, table):
            continue
        upper = graphs.of(x, table, UP)
        lower = _ones(table.size) if y is None else graphs.of(y, table, DOWN)
        kl = Apply(term.span, "kl", (x, Constant(None, 1.0) if y is None else y))
        return divergence(graphs, kl, upper, lower, table).times(scale * turn)
    return None


def _ratio(graphs: Graphs, x: Expr, inner: Expr) -> tuple[int, Expr | None]:
    """How ``x log(inner)`` is ``x log(x / y)`` (1) or ``-x log(x / y)`` (-1), and its ``y`` (None: 1)."""
    if inner == x:
        return 1, None
    if not (isinstance(inner, Apply) and len(inner.args) == 2 and x in inner.args):
        return 0, None
    first = inner.args[0] == x
    other = inner.args[1] if first else inner.args[0]
    if inner.op == "div":
        return (1 if first else -1), other
    if inner.op == "mul" and graphs.region.known(other):
        return 1, Apply(inner.span, "div", (Constant(None, 1.0), other))
    return 0, None


_RULES: dict[str, Rule] = {
    "exp": _exp,
    "log": _log,
    "log10": _log,
    "entropy": _entropy,
    "kl": _kl,
    "abs": _abs,
    "max": _extreme,
    "min": _extreme,
    "huber": _huber,
    "softplus": _softplus,
    "cosh": _cosh,
    "pow": _power,
    "sqrt": power_terms,
    "mul": _mul,
    "div": product,
}
