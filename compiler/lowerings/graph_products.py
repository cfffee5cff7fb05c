"""Graph implementations of powers, products of powers, and logarithms; see ``graph_forms``.

A product of powers is bounded by weighted geometric means, and these by a tree of three-dimensional power cones, two
factors at a time (F. Alizadeh, D. Goldfarb, "Second-order cone programming", Math. Prog. 95 (2003), section 2.3, for
equal weights). Products of exponentials are bounded on a logarithmic scale.
"""

from __future__ import annotations

import numpy as np

from optc.dsl.program import Apply, Expr, NamedExpression, Reduce, SymbolRef

from ..facts import products
from ..facts import rounding as r
from ..facts.atoms import power_atom
from ..facts.curvature import bent
from ..facts.intervals import Interval
from ..facts.products import Factor
from ..facts.rounding import Bools
from ..facts.summands import homogeneous_entries, summands
from ..forms.linear import Floats
from ..spaces.algebra import Table, wide
from .affine_rows import Affine, Ints, constant_rows, stacked
from .graph_forms import DOWN, UP, Graphs, no_cone
from .squares import squares_of


def _ones(count: int) -> Affine:
    return constant_rows(np.ones(count))


# ----------------------------------------------------------------------------------------------------------- powers
def power_terms(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine:
    """Rows beyond ``base ^ exponent`` with data exponents (``sqrt``: a half)."""
    base = term.args[0]
    values = np.asarray(0.5) if term.op == "sqrt" else graphs.region.values(term.args[1], table)
    exponent = np.asarray(wide(values, table.shape), dtype=np.float64)
    shape, found = graphs.shape(base, table), graphs.range(base, table)
    low, high = (wide(np.asarray(end), table.shape) for end in (found.lower, found.upper))
    whole, even = exponent == np.rint(exponent), exponent % 2 == 0
    turned = (high <= 0) & (low < 0) & whole
    sign = np.where(turned & ~even, -1.0, 1.0)
    ways = way * sign
    cup = (exponent >= 1) | (exponent <= 0)
    if not bool(np.all(np.where(ways > 0, cup, (exponent >= 0) & (exponent <= 1)))):
        return product(graphs, term, table, way)
    rising = np.where(turned, even ^ (exponent > 0), (exponent > 0) & ((low >= 0) | ~whole))
    falling = np.where(turned, ~(even ^ (exponent > 0)), exponent < 0)
    if not (graphs.plain(base, table) or _suits(shape.convex, shape.concave, rising, falling, way)):
        return product(graphs, term, table, way)
    inner = graphs.argument(base, table, way, np.asarray(rising), np.asarray(falling))
    size = inner.times(np.where(turned, -1.0, 1.0))
    top = _powers(graphs, size, exponent)
    _hold_domain(graphs, size, exponent, whole, np.where(turned, -high, low))
    return top.times(sign)


def _suits(convex: Bools, concave: Bools, rising: Bools, falling: Bools, way: int) -> bool:
    """Whether a part is curved as a function of it that rises, or falls, needs."""
    up, down = (convex, concave) if way == UP else (concave, convex)
    return bool(np.all(up & rising)) or bool(np.all(down & falling))


def _hold_domain(graphs: Graphs, size: Affine, exponent: Floats, whole: Bools, low: Floats) -> None:
    """Rows that keep a base from below zero, where the power is not defined there and no bound says so."""
    loose = np.flatnonzero((exponent > 1) & ~whole & ~(low >= 0))
    if len(loose):
        part = size.taken(loose)
        graphs.draft.at_least(part, constant_rows(np.zeros(part.rows)))


def _powers(graphs: Graphs, base: Affine, exponent: Floats) -> Affine:
    """Rows at least (where it is convex) or at most ``|base| ^ exponent``, ``(rows,)`` each."""
    draft, count = graphs.draft, base.rows
    found = constant_rows(np.zeros(count))
    line = np.flatnonzero(exponent == 1)
    found = found.plus(base.taken(line).put(line, count))
    found = found.plus(constant_rows(np.where(exponent == 0, 1.0, 0.0)))
    for which, parts in (
        (np.flatnonzero((exponent > 1) & (exponent != 2)), "over"),
        (np.flatnonzero(exponent == 2), "square"),
        (np.flatnonzero(exponent < 0), "under"),
        (np.flatnonzero((exponent > 0) & (exponent < 1)), "root"),
    ):
        if not len(which):
            continue
        some, power = base.taken(which), exponent[which]

        def values(x: Floats, some: Affine = some, power: Floats = power) -> Floats:
            return np.power(np.abs(some.at(x)), power)

        span = graphs.span(some)
        size = Interval(np.maximum(span.lower, 0.0), np.maximum(np.abs(span.lower), np.abs(span.upper)))
        with np.errstate(all="ignore"):
            most = power_atom(power).value(size).upper
        top = draft.add_columns(len(which), values, 0.0, most)
        one = _ones(len(which))
        if parts == "over":
            draft.power(top, one, some, 1.0 / power)
        elif parts == "square":
            draft.squares_below(top, some, np.arange(len(which)))
        elif parts == "under":
            draft.power(top, some, one, 1.0 / (1.0 - power))
        else:
            draft.power(some, one, top, power)
        found = found.plus(top.put(which, count))
    return found


# --------------------------------------------------------------------------------------------------------- products
def product(graphs: Graphs, term: Expr, table: Table, way: int) -> Affine:
    """Rows beyond a product of powers, or of what has a convex logarithm."""
    region = graphs.region
    convex, concave = products.power_product(region, term, table, bent)
    if bool(np.all(convex if way == UP else concave)):
        return _power_product(graphs, term, table, way)
    if way == UP and bool(np.all(products.logarithmic(region, term, table, bent)[0])):
        inner = logarithm(graphs, term, table, UP)
        top = graphs.beyond(term, table, np.exp, inner)
        graphs.draft.exponential(inner, _ones(table.size), top)
        return top
    raise no_cone(term, "it is curved the right way for a reason that no cone shares")


def _power_product(graphs: Graphs, term: Expr, table: Table, way: int) -> Affine:
    found = products.factors_of(graphs.region, term, table)
    assert found is not None
    coefficient = wide(np.asarray(found.coefficient, dtype=np.float64), table.shape)
    if not (bool(np.all(coefficient >= 0)) or bool(np.all(coefficient <= 0))):
        raise no_cone(term, "its coefficient is positive in some rows and negative in others")
    turn = way if bool(np.all(coefficient >= 0)) else -way
    mean = _least_product(graphs, found.powers, table) if turn == DOWN else _most_product(graphs, found.powers, table)
    return mean.times(coefficient)


def _spots(factor: Factor, table: Table) -> tuple[Ints, Floats]:
    """The product's row that each row of a factor belongs to, and its exponents."""
    rows = factor.table
    owner = np.arange(table.size) if rows is table else wide(rows.rows_in(table), rows.shape)
    return np.asarray(owner, dtype=np.int64), np.asarray(wide(np.asarray(factor.exponent), rows.shape), np.float64)


def _least_product(graphs: Graphs, powers: tuple[Factor, ...], table: Table) -> Affine:
    """Columns at most the product of powers with exponents that add up to 1 at most."""
    parts, owners, weights = [], [], []
    for factor in powers:
        owner, exponent = _spots(factor, table)
        parts.append(graphs.of(factor.base, factor.table, DOWN))
        owners.append(owner)
        weights.append(exponent)
    total = np.bincount(np.concatenate(owners), np.concatenate(weights), table.size).astype(np.float64)
    return _mean(graphs, parts, owners, weights, 1.0 - total, table.size, None)


def _most_product(graphs: Graphs, powers: tuple[Factor, ...], table: Table) -> Affine:
    """Columns ``t`` at least ``y^a / (x_1^b_1 …)``: ``|y| <= t^(1/a) x_1^(b_1/a) … 1^rest``."""
    count = table.size
    above: Affine = constant_rows(np.zeros(count))
    power = np.zeros(count)
    parts, owners, weights = [], [], []
    values: list[tuple[Affine, Ints, Floats]] = []
    for factor in powers:
        owner, exponent = _spots(factor, table)
        up, down = np.flatnonzero(exponent > 0), np.flatnonzero(exponent < 0)
        if len(up):
            body, twice = _numerator(graphs, factor)
            some = body.taken(up)
            above = above.plus(some.put(owner[up], count))
            power[owner[up]] = exponent[up] * (2.0 if twice else 1.0)
            values.append((some, owner[up], power[owner[up]]))
        if len(down):
            body = graphs.of(factor.base, factor.table, DOWN).taken(down)
            parts.append(body)
            owners.append(owner[down])
            weights.append(-exponent[down])
            values.append((body, owner[down], exponent[down]))
    falls = np.zeros(count)
    for owner, weight in zip(owners, weights, strict=True):
        falls += np.bincount(owner, weight, count)
    alone = power == 0
    power = np.where(alone, 1.0 + falls, power)
    above = above.plus(constant_rows(np.where(alone, 1.0, 0.0)))

    def at(x: Floats) -> Floats:
        found = np.zeros(count)
        for body, owner, exponent in values:
            found += np.bincount(owner, exponent * np.log(np.maximum(np.abs(body.at(x)), 1e-300)), count)
        return np.exp(found)

    top = graphs.draft.add_columns(count, at, 0.0, _largest(graphs, values, count))
    parts.append(top)
    owners.append(np.arange(count))
    weights.append(np.ones(count))
    shares = [weight / power[owner] for weight, owner in zip(weights, owners, strict=True)]
    _mean(graphs, parts, owners, shares, 1.0 - (1.0 + falls) / power, count, above)
    return top


def _largest(graphs: Graphs, values: list[tuple[Affine, Ints, Floats]], count: int) -> Floats:
    """An upper bound of the product of the sizes of rows to their exponents, for each owner (count)."""
    found = np.ones(count)
    with np.errstate(all="ignore"):
        for body, owner, exponent in values:
            span = graphs.span(body)
            size = Interval(np.maximum(span.lower, 0.0), np.maximum(np.abs(span.lower), np.abs(span.upper)))
            np.multiply.at(found, owner, power_atom(exponent).value(size).upper * (1 + 1e-12))
    return np.where(np.isnan(found), np.inf, found)


def _numerator(graphs: Graphs, factor: Factor) -> tuple[Affine, bool]:
    """What stands above: rows at least the base, or (True) at least its square root, of a sum of squares."""
    region, base, rows = graphs.region, factor.base, factor.table
    found = graphs.range(base, rows)
    square_root = not isinstance(base, SymbolRef) and bool(np.all(products.norm_like(region, base, rows)))
    if square_root:
        return _norm(graphs, base, rows), True
    if graphs.plain(base, rows) or bool(np.all(found.lower >= 0)):
        return graphs.of(base, rows, UP), False
    raise no_cone(base, "it is neither affine nor a sum of squares, and it may be negative")


def _norm(graphs: Graphs, base: Expr, table: Table) -> Affine:
    """Columns at least the square root of a sum of squares of affine terms."""
    one = graphs.region.instance.columns
    entries = homogeneous_entries(graphs.region, summands(graphs.region, base, table).monomials, table)
    owner, forms = squares_of(entries)
    fixed = forms.column == one
    constant = forms.constant + np.bincount(forms.row[fixed], forms.value[fixed], forms.rows)
    body = Affine(constant, forms.row[~fixed], forms.column[~fixed], forms.value[~fixed])

    def values(x: Floats) -> Floats:
        return np.sqrt(np.bincount(owner, body.at(x) ** 2, table.size))

    most = np.sqrt(graphs.most_squares(body, owner, table.size)) * (1 + 1e-15)
    top = graphs.draft.add_columns(table.size, values, 0.0, most)
    graphs.draft.second_order(top, body, owner)
    return top


def _mean(
    graphs: Graphs,
    parts: list[Affine],
    owners: list[Ints],
    weights: list[Floats],
    rest: Floats,
    count: int,
    target: Affine | None,
) -> Affine:
    """Columns at most the weighted geometric mean of each row's parts (and of 1, with weight ``rest``).

    With a ``target`` that is what lies below, by size, and what is given back has no meaning.
    """
    spare = np.flatnonzero(rest > 1e-12)
    items = stacked([*parts, _ones(len(spare))])
    owner, weight = np.concatenate([*owners, spare]), np.concatenate([*weights, rest[spare]])
    used = np.flatnonzero(weight > 0)
    items, owner, weight = items.taken(used), owner[used], weight[used]
    while True:
        order = np.argsort(owner, kind="stable")
        items, owner, weight = items.spread(order), owner[order], weight[order]
        sizes = np.bincount(owner, minlength=count)
        starts = np.cumsum(sizes) - sizes
        place = np.arange(len(owner)) - starts[owner]
        if int(sizes.max(initial=0)) <= 1:
            break
        left = np.flatnonzero((place % 2 == 0) & (place + 1 < sizes[owner]))
        single = np.flatnonzero((place % 2 == 0) & (place + 1 == sizes[owner]))
        share = weight[left] / (weight[left] + weight[left + 1])
        first, second = items.spread(left), items.spread(left + 1)
        last = sizes[owner[left]] == 2 if target is not None else np.zeros(len(left), dtype=np.bool_)
        if target is not None and last.any():
            ends = np.flatnonzero(last)
            goal = target.spread(owner[left][ends])
            graphs.draft.power(first.spread(ends), second.spread(ends), goal, share[ends])
        go_on = np.flatnonzero(~last)
        first, second, share = first.spread(go_on), second.spread(go_on), share[go_on]

        def values(x: Floats, a: Affine = first, b: Affine = second, s: Floats = share) -> Floats:
            return np.power(np.maximum(a.at(x), 0.0), s) * np.power(np.maximum(b.at(x), 0.0), 1.0 - s)

        with np.errstate(all="ignore"):
            sides = [
                power_atom(each).value(r.within(graphs.span(part), 0.0, np.inf)).upper
                for part, each in ((first, share), (second, 1.0 - share))
            ]
            most = np.where(np.isnan(sides[0] * sides[1]), np.inf, sides[0] * sides[1] * (1 + 1e-12))
        means = graphs.draft.add_columns(len(go_on), values, 0.0, most)
        graphs.draft.power(first, second, means, share)
        made = left[go_on]
        items = stacked([means, items.spread(single)])
        owner, weight = (
            np.concatenate([owner[made], owner[single]]),
            np.concatenate([weight[made] + weight[made + 1], weight[single]]),
        )
    if target is not None:
        goal = target.spread(owner)
        graphs.draft.at_least(items, goal)
        graphs.draft.at_least(items, goal.times(-1.0))
        return target
    missing = np.ones(count)
    missing[owner] = 0.0  # an empty product is 1
    return items.put(owner, count).plus(constant_rows(missing))


# ------------------------------------------------------------------------------------------------------- logarithms
def logarithm(graphs: Graphs, term: Expr, table: Table, way: int) -> Affine:
    """Rows at least (UP) or at most (DOWN) the logarithm of a positive term."""
    region = graphs.region
    if not region.varies(term):
        return constant_rows(np.log(wide(region.values(term, table), table.shape)))
    if isinstance(term, SymbolRef):
        symbol = region.instance.program.symbols[term.symbol]
        if isinstance(symbol, NamedExpression):
            definition, inner = region.inlined(term, symbol, table)
            return logarithm(graphs, definition, inner, way)
    if isinstance(term, Apply):
        found = _log_of_function(graphs, term, table, way)
        if found is not None:
            return found
    if isinstance(term, Reduce):
        found = _log_of_aggregate(graphs, term, table, way)
        if found is not None:
            return found
    if way == DOWN and bool(np.all(graphs.shape(term, table).concave)):
        inside = graphs.of(term, table, DOWN)
        top = graphs.beyond(Apply(term.span, "log", (term,)), table, np.log, inside)
        graphs.draft.exponential(top, _ones(table.size), inside)
        return top
    raise no_cone(term, "its logarithm is curved the right way for a reason that no cone shares")


def _log_of_function(graphs: Graphs, term: Apply, table: Table, way: int) -> Affine | None:
    if term.op == "exp":
        return graphs.of(term.args[0], table, way)
    if term.op == "sqrt":
        return logarithm(graphs, term.args[0], table, way).times(0.5)
    if term.op == "pow" and graphs.region.known(term.args[1]):
        exponent = wide(graphs.region.values(term.args[1], table), table.shape)
        turn = way if bool(np.all(exponent >= 0)) else -way
        if bool(np.any(exponent > 0)) and bool(np.any(exponent < 0)):
            raise no_cone(term, "its exponent is positive in some rows and negative in others")
        return logarithm(graphs, term.args[0], table, turn).times(exponent)
    if term.op == "mul":
        found = logarithm(graphs, term.args[0], table, way)
        for arg in term.args[1:]:
            found = found.plus(logarithm(graphs, arg, table, way))
        return found
    if term.op == "div":
        return logarithm(graphs, term.args[0], table, way).minus(logarithm(graphs, term.args[1], table, -way))
    if term.op == "add" and way == UP:
        parts = [logarithm(graphs, arg, table, UP) for arg in _addends(term)]
        return _log_of_sum(graphs, term, table, stacked(parts), np.tile(np.arange(table.size), len(parts)))
    return None


def _addends(term: Expr) -> list[Expr]:
    """The parts of a left-deep chain of ``+``."""
    parts: list[Expr] = []
    left = term
    while isinstance(left, Apply) and left.op == "add":
        parts += reversed(left.args[1:])
        left = left.args[0]
    return [left, *reversed(parts)]


def _log_of_aggregate(graphs: Graphs, term: Reduce, table: Table, way: int) -> Affine | None:
    fresh, rows = graphs.region.inner(term, table)
    owner = np.asarray(wide(rows.rows_in(table), rows.shape), dtype=np.int64)
    if term.op == "prod":
        return logarithm(graphs, fresh.body, rows, way).put(owner, table.size)
    if term.op == "sum" and way == UP:
        return _log_of_sum(graphs, term, table, logarithm(graphs, fresh.body, rows, UP), owner)
    return None


def _log_of_sum(graphs: Graphs, term: Expr, table: Table, logs: Affine, owner: Ints) -> Affine:
    from .graph_functions import shares_below

    def values(x: Floats) -> Floats:
        each = logs.at(x)
        most = np.full(table.size, -np.inf)
        np.maximum.at(most, owner, each)
        return most + np.log(np.bincount(owner, np.exp(each - most[owner]), table.size))

    found = graphs.range(Apply(term.span, "log", (term,)), table)
    ends = [wide(np.asarray(end), table.shape) for end in (found.lower, found.upper)]
    top = graphs.draft.add_columns(table.size, values, ends[0], ends[1])
    shares_below(graphs, logs, owner, top)
    return top
