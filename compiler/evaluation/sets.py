"""Set expressions: closed sets as domains, dependent ones as rows, generators as joins, spaces as tables.

``sets`` and ``evaluate`` need each other (a set may be computed, a term may range over a set), so this module reaches
the other through its module object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import NOT_A_WHOLE_NUMBER
from optc.dsl.program import (
    Apply,
    Bind,
    ComputedSet,
    Expr,
    Fix,
    Generator,
    IndexRef,
    IndexVar,
    LiteralSet,
    ProductSet,
    RangeSet,
    SetExpr,
    SetMeasure,
    SetOperation,
    SetRef,
    Space,
)

from ..spaces.algebra import UNIT, Table, axis, by_rows, filtered, product
from ..spaces.domains import (
    Domain,
    IndexColumn,
    Positions,
    Values,
    combined,
    domain_of,
    locate,
    run_domain,
    runs,
    single_domain,
    starts_of,
    tuple_domain,
)
from ..spaces.layouts import Layout, SetFamily, flattened, layout_of_table
from ..spaces.members import Members
from ..terms.substitution import conjuncts, free_indices
from . import evaluate as terms
from .scope import Datum, EvaluationError, Scope, first_row, place_words, text_of, undefined
from .windows import between, ends_of

Held = dict[IndexVar, Expr]


# ------------------------------------------------------------------------------------------------------ closed sets
def closed(term: SetExpr) -> bool:
    """Whether a set expression depends on no index."""
    return not free_indices(term)


def domain(term: SetExpr, scope: Scope) -> Domain:
    """The domain of a closed set expression; equal expressions give one domain."""
    if isinstance(term, SetRef):
        found = scope.sets[term.symbol]
        if isinstance(found, Domain):
            return found
    key = ("domain", term)
    if key not in scope.structure:
        scope.structure[key] = _domain(term, scope)
    kept = scope.structure[key]
    assert isinstance(kept, Domain)
    return kept


def _domain(term: SetExpr, scope: Scope) -> Domain:
    if isinstance(term, RangeSet):
        low, high = _whole(term, term.low, UNIT, scope), _whole(term, term.high, UNIT, scope)
        return run_domain(int(low), int(high))
    if isinstance(term, ProductSet):
        return product_domain([domain(f, scope) for f in term.factors])
    if isinstance(term, LiteralSet):
        return _literal_domain(term)
    column = listing(term, UNIT, scope).element
    return subset(column.domain, column.positions)


def product_domain(factors: Sequence[Domain]) -> Domain:
    """All combinations, the last factor fastest."""
    rows = np.unravel_index(np.arange(prod(f.size for f in factors)), tuple(f.size for f in factors))
    columns = [c for f, r in zip(factors, rows, strict=True) for c in IndexColumn(f, r).components()]
    return tuple_domain(columns, " * ".join(f.name for f in factors))


def _literal_domain(term: LiteralSet) -> Domain:
    rows = list(dict.fromkeys(tuple(part.value for part in member) for member in term.members))
    columns = []
    for k in range(term.arity):
        items = [row[k] for row in rows]
        if all(isinstance(v, str) for v in items) and items:
            column = np.empty(len(items), dtype=np.object_)
            column[:] = items
        else:
            column = whole_if_possible(np.asarray(items, dtype=np.float64))
        columns.append(column)
    return domain_of(Members.of(columns, len(rows)))


def whole_if_possible(column: Values) -> Values:
    """Numbers as int64 where all are whole."""
    if column.dtype == np.float64 and np.all(np.isfinite(column)) and np.all(column == np.floor(column)):
        return column.astype(np.int64)
    return column


def subset(base: Domain, positions: Positions, name: str = "") -> Domain:
    """The domain of some members of another (none twice), in the given order."""
    if len(positions) == base.size and bool(np.all(positions == np.arange(base.size))):
        return base
    columns = tuple(c[positions] for c in base.members.columns)
    if base.arity == 1:
        return single_domain(columns[0], name)
    return Domain(Members.of(columns), base.parts, tuple(c[positions] for c in base.codes), name)


def _whole(term: SetExpr, end: Expr, table: Table, scope: Scope) -> Values:
    found = terms.evaluate(end, table, scope)
    bad = ~(found == np.floor(found)) | np.isinf(found)
    if bad.any():
        row = first_row(table, bad)
        shown = float(np.broadcast_to(found, table.shape)[row])
        place = place_words(end, table, bad, scope)
        raise EvaluationError(
            report(NOT_A_WHOLE_NUMBER, term.span, expression=text_of(term), value=f"{shown:g}", where=place)
        )
    return found.astype(np.intp)


# ------------------------------------------------------------------------------------------------------ dependent sets
@dataclass(frozen=True, eq=False)
class Listing:
    """A set that depends on the row: ``parents`` (1-D, ascending) the flat row of each member, ``element`` (1-D)."""

    parents: Positions
    element: IndexColumn


def listing(term: SetExpr, table: Table, scope: Scope) -> Listing:
    """The members of a set expression in each row of a table."""
    if isinstance(term, SetRef) and term.args:
        return _indexed_set(term, table, scope)
    if isinstance(term, RangeSet) and not closed(term):
        return _ranges(term, table, scope)
    if isinstance(term, SetOperation):
        return _operation(term, table, scope)
    if isinstance(term, ComputedSet):
        return _computed(term, table, scope)
    if isinstance(term, ProductSet) and not closed(term):
        return _dependent_product(term, table, scope)
    whole = domain(term, scope)
    parents = np.repeat(np.arange(table.size), whole.size)
    return Listing(parents, IndexColumn(whole, np.tile(np.arange(whole.size), table.size)))


def _indexed_set(term: SetRef, table: Table, scope: Scope) -> Listing:
    family, rows = set_rows(term, table, scope)
    flat = np.broadcast_to(rows, table.shape).reshape(-1)
    parents, inner = runs(family.starts[flat], family.counts[flat])
    return Listing(parents, IndexColumn(family.elements.domain, family.elements.positions[inner]))


def set_rows(term: SetRef, table: Table, scope: Scope) -> tuple[SetFamily, Positions]:
    """The indexed family of a reference, and which of its sets each row of the table asks for."""
    family = scope.sets[term.symbol]
    assert isinstance(family, SetFamily)
    return family, terms.entry_positions(family.layout, term.args, table, scope, term)


def _ranges(term: RangeSet, table: Table, scope: Scope) -> Listing:
    low, high = (_flat(_whole(term, end, table, scope), table) for end in (term.low, term.high))
    counts = np.maximum(high - low + 1, 0)
    filled = counts > 0
    if not filled.any():
        return Listing(np.empty(0, np.intp), IndexColumn(run_domain(1, 0), np.empty(0, np.intp)))
    base = int(low[filled].min())
    parents, inner = runs(low - base, counts)
    return Listing(parents, IndexColumn(run_domain(base, int(high[filled].max())), inner))


def _flat(values: Values, table: Table) -> Values:
    return np.broadcast_to(values, table.shape).reshape(-1)


def _operation(term: SetOperation, table: Table, scope: Scope) -> Listing:
    left, right = listing(term.left, table, scope), listing(term.right, table, scope)
    base, first, second = _common(left.element, right.element)
    keys, others = left.parents * base.size + first, right.parents * base.size + second
    if term.op != "union":
        keep = np.isin(keys, others, invert=term.op == "minus")
        return Listing(left.parents[keep], IndexColumn(base, first[keep]))
    added = ~np.isin(others, keys)
    parents = np.concatenate([left.parents, right.parents[added]])
    positions = np.concatenate([first, second[added]])
    order = np.argsort(parents, kind="stable")
    return Listing(parents[order], IndexColumn(base, positions[order]))


def _common(a: IndexColumn, b: IndexColumn) -> tuple[Domain, Positions, Positions]:
    """A domain that holds both columns, and their positions in it."""
    if a.domain is b.domain:
        return a.domain, a.positions, b.positions
    found = locate(a.domain, [IndexColumn(b.domain, np.arange(b.domain.size))])
    if not np.any(found < 0):
        return a.domain, a.positions, found[b.positions]
    new = np.flatnonzero(found < 0)
    columns = []
    for one, two in zip(a.domain.members.columns, b.domain.members.columns, strict=True):
        both = (
            one.dtype
            if one.dtype == two.dtype
            else np.dtype(np.object_ if np.object_ in (one.dtype, two.dtype) else np.float64)
        )
        columns.append(np.concatenate([one.astype(both), two[new].astype(both)]))
    base = domain_of(Members.of(columns))
    found = found.copy()
    found[new] = a.domain.size + np.arange(len(new))
    return base, a.positions, found[b.positions]


def _computed(term: ComputedSet, table: Table, scope: Scope) -> Listing:
    child = extend(term.space, table, scope)
    pieces = [_as_column(p, child) for p in terms.components_of(term.element, child, scope)]
    parents = np.broadcast_to(child.rows_in(table), child.shape).reshape(-1)
    element = pieces[0] if len(pieces) == 1 else tuple_column(pieces)
    keys = parents * max(element.domain.size, 1) + element.positions
    _, first = np.unique(keys, return_index=True)
    if len(first) < len(keys):
        first.sort()
        return Listing(parents[first], IndexColumn(element.domain, element.positions[first]))
    return Listing(parents, element)


def _as_column(found: IndexColumn | Values, table: Table) -> IndexColumn:
    """A value an entry as positions in a domain of its distinct values, 1-D."""
    if isinstance(found, IndexColumn):
        return flattened(found, table)
    values = whole_if_possible(np.broadcast_to(terms.numbers(found), table.shape).reshape(-1))
    distinct, codes = np.unique(values, return_inverse=True)
    return IndexColumn(single_domain(distinct), codes.reshape(-1).astype(np.intp))


def tuple_column(pieces: Sequence[IndexColumn]) -> IndexColumn:
    """Components as one column of tuples (in the domain of the distinct ones)."""
    shape = np.broadcast_shapes(*(p.positions.shape for p in pieces))
    codes = [np.broadcast_to(p.positions, shape).reshape(-1) for p in pieces]
    keys = combined(codes, [p.domain for p in pieces])
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    base = tuple_domain([IndexColumn(p.domain, c[first]) for p, c in zip(pieces, codes, strict=True)])
    return IndexColumn(base, inverse.reshape(shape))


def _dependent_product(term: ProductSet, table: Table, scope: Scope) -> Listing:
    at = table
    pieces: list[IndexColumn] = []
    for factor in term.factors:
        found = listing(factor, at, scope)
        at = by_rows(at, found.parents, {})
        pieces = [IndexColumn(p.domain, p.positions[found.parents]) for p in pieces] + list(found.element.components())
    return Listing(at.rows_in(table), tuple_column(pieces))


# ------------------------------------------------------------------------------------------------------------- spaces
def layout_of(space: Space, scope: Scope) -> Layout:
    """How a family over ``space`` lies: an axis a factor for a product of closed sets, else one axis of rows."""
    if not space.generators:
        return Layout((), UNIT, ()) if space.condition is None else layout_of_table(extend(space, UNIT, scope), ())
    generators = split_products(space, scope)
    plain = space.condition is None and all(
        closed(g.set) and all(isinstance(p, Bind) for p in g.pattern) for g in generators
    )
    table = extend(space, UNIT, scope)
    if not plain:
        return layout_of_table(table, space.indices)
    return Layout(tuple(domain(g.set, scope) for g in generators), table, space.indices)


def split_products(space: Space, scope: Scope) -> list[Generator]:
    """The generators, those of a product by its factors where the pattern names them."""
    return [part for g in space.generators for part in _split(g, scope)]


def _split(generator: Generator, scope: Scope) -> list[Generator]:
    if not isinstance(generator.set, ProductSet) or len(generator.pattern) == 1:
        return [generator]
    found, rest = [], generator.pattern
    for factor in generator.set.factors:
        arity = set_arity(factor, scope)
        found += _split(Generator(rest[:arity], factor, generator.span), scope)
        rest = rest[arity:]
    return found


def extend(space: Space, table: Table, scope: Scope) -> Table:
    """The rows of ``space`` for every row of ``table``, generators left to right, then the filter.

    Factors that depend on nothing outside stay axes; conditions are applied as soon as their indices are there; an
    equation between an index and what is known before it is a join.
    """
    if not space.generators and space.condition is None:
        return table
    if free_indices(space):
        return _extended(space, table, scope)
    key = ("space", id(space))
    kept = scope.structure.get(key)
    if kept is None:
        kept = scope.structure[key] = (space, _extended(space, UNIT, scope))
    assert isinstance(kept, tuple)
    return product(table, kept[1])


def _extended(space: Space, table: Table, scope: Scope) -> Table:
    generators = split_products(space, scope)
    held, pending = _equations(space, generators)
    inner = UNIT  # the leading generators that depend on nothing outside
    at: Table | None = None
    for generator in generators:
        used = (
            free_indices(generator.set)
            .union(
                *(free_indices(p.value) for p in generator.pattern if isinstance(p, Fix)),
                *(free_indices(held[p.var]) for p in generator.pattern if isinstance(p, Bind) and p.var in held),
            )
            .difference(p.var for p in generator.pattern if isinstance(p, Bind))
        )
        here = inner if at is None else at
        windowed = _windowed(generator, held, pending, table, here, at is None, scope)
        if windowed is not None:
            found, pending, leading = windowed
            found, pending = _filter(pending, found, scope)
            inner, at = (found, None) if leading else (inner, found)
            continue
        if at is None and used <= inner.indices:
            inner, pending = _filter(pending, join(generator, held, inner, scope), scope)
            continue
        at = product(table, inner) if at is None else at
        if not used:
            alone, pending = _filter(pending, join(generator, held, UNIT, scope), scope)
            at = product(at, alone)
        else:
            at = join(generator, held, at, scope)
        at, pending = _filter(pending, at, scope)
    at = product(table, inner) if at is None else at
    for condition in pending:
        at = filtered(at, terms.holds(condition, at, scope))
    return at


def _windowed(
    generator: Generator,
    held: Held,
    pending: list[Expr],
    outside: Table,
    here: Table,
    leading: bool,
    scope: Scope,
) -> tuple[Table, list[Expr], bool] | None:
    """The rows of a generator whose index runs between ends, the other conditions, and whether the rows are still
    leading ones, which depend on nothing outside. None where there are no such ends.

    ``here``: the rows so far, ``leading`` ones or with those outside.
    """
    (only, *more) = generator.pattern
    if more or not isinstance(only, Bind) or only.var in held or only.var.arity > 1 or not closed(generator.set):
        return None
    known = here.indices | outside.indices if leading else here.indices
    ends, others = ends_of(pending, only.var, known)
    if not ends:
        return None
    inside = leading and all(free_indices(end.term) <= here.indices for end in ends)
    start = product(outside, here) if leading and not inside else here
    found = between(domain(generator.set, scope), only.var, ends, start, scope)
    return None if found is None else (found, others, inside)


def _filter(pending: list[Expr], table: Table, scope: Scope) -> tuple[Table, list[Expr]]:
    """The conditions that can be judged, applied; one that has no value somewhere waits for those before it."""
    rest: list[Expr] = []
    for condition in pending:
        if not free_indices(condition) <= table.indices or not free_indices(condition):
            rest.append(condition)
            continue
        try:
            keep = terms.holds(condition, table, scope)
        except EvaluationError:
            rest.append(condition)
            continue
        table = filtered(table, keep)
    return table, rest


def _equations(space: Space, generators: Sequence[Generator]) -> tuple[Held, list[Expr]]:
    """Conditions ``k == e`` with ``e`` known before ``k`` is bound, by index; and all other conditions in order."""
    held: Held = {}
    pending: list[Expr] = []
    order = {v: g for g, generator in enumerate(generators) for v in _bound(generator)}
    for condition in conjuncts(space.condition):
        found = _equation(condition, order, held)
        if found is None:
            pending.append(condition)
        else:
            held[found[0]] = found[1]
    return held, pending


def _equation(condition: Expr, order: dict[IndexVar, int], held: Held) -> tuple[IndexVar, Expr] | None:
    if not (isinstance(condition, Apply) and condition.op == "eq"):
        return None
    for one, other in (condition.args, condition.args[::-1]):
        if isinstance(one, IndexRef) and one.var in order and one.var not in held and one.var.arity == 1:
            before = {v for v, g in order.items() if g < order[one.var]}
            if (free_indices(other) & order.keys()) <= before:
                return one.var, other
    return None


def _bound(generator: Generator) -> list[IndexVar]:
    return [p.var for p in generator.pattern if isinstance(p, Bind)]


# -------------------------------------------------------------------------------------------------------------- joins
Check = tuple[int, Expr]


def join(generator: Generator, held: Held, table: Table, scope: Scope) -> Table:
    """Every row of the table with the members that the generator gives it."""
    pattern = generator.pattern
    own = set(_bound(generator))
    wanted = [(k, e) for k, e in ((k, _wanted(p, held)) for k, p in enumerate(pattern)) if e is not None]
    fixed = [(k, e) for k, e in wanted if not free_indices(e) & own]
    if closed(generator.set):
        base = domain(generator.set, scope)
        later = [check for check in wanted if check not in fixed]
        if not wanted:
            return product(table, axis(base, _bound(generator)))
        parents, members = _matches(base, fixed, table, scope)
        return _rows(table, parents, IndexColumn(base, members), pattern, later, scope)
    found = listing(generator.set, table, scope)
    return _rows(table, found.parents, found.element, pattern, wanted, scope)


def _wanted(position: Bind | Fix, held: Held) -> Expr | None:
    return position.value if isinstance(position, Fix) else held.get(position.var)


def set_arity(term: SetExpr, scope: Scope) -> int:
    """Components of a member."""
    if isinstance(term, SetRef):
        found = scope.sets[term.symbol]
        return found.arity if isinstance(found, Domain) else found.elements.domain.arity
    if isinstance(term, RangeSet):
        return 1
    if isinstance(term, ProductSet):
        return sum(set_arity(f, scope) for f in term.factors)
    if isinstance(term, SetOperation):
        return set_arity(term.left, scope)
    if isinstance(term, LiteralSet):
        return term.arity
    return sum(_element_arity(e) for e in term.element)


def _element_arity(term: Expr) -> int:
    return term.var.arity if isinstance(term, IndexRef) else 1


def _matches(base: Domain, fixed: Sequence[Check], table: Table, scope: Scope) -> tuple[Positions, Positions]:
    """The members with the given components in each row: (flat rows of the table, positions in the domain)."""
    if not fixed:
        return np.repeat(np.arange(table.size), base.size), np.tile(np.arange(base.size), table.size)
    if base.arity == 1:
        at = locate(base, terms.components_of([fixed[0][1]], table, scope))
        flat = np.broadcast_to(at, table.shape).reshape(-1)
        parents = np.flatnonzero(flat >= 0)
        return parents, flat[parents]
    parts = [base.parts[k] for k, _ in fixed]
    codes = [locate(p, terms.components_of([e], table, scope)) for p, (_, e) in zip(parts, fixed, strict=True)]
    keys = np.broadcast_to(combined(codes, parts), table.shape).reshape(-1)
    return base.groups(tuple(k for k, _ in fixed)).find(keys)


def _variable(position: Bind | Fix) -> IndexVar | None:
    if isinstance(position, Bind):
        return position.var
    return position.value.var if isinstance(position.value, IndexRef) else None


def _rows(
    table: Table,
    parents: Positions,
    element: IndexColumn,
    pattern: Sequence[Bind | Fix],
    checks: Sequence[Check],
    scope: Scope,
) -> Table:
    """The table of a join's rows; ``checks`` hold components at values that are known only in those rows."""
    found = _joined(table, parents, element, pattern)
    for k, wanted in checks:
        same = terms.equal(element.components()[k], terms.value(wanted, found, scope))
        if not same.all():
            keep = np.broadcast_to(same, parents.shape)
            parents, element = parents[keep], IndexColumn(element.domain, element.positions[keep])
            found = _joined(table, parents, element, pattern)
    return found


def _joined(table: Table, parents: Positions, element: IndexColumn, pattern: Sequence[Bind | Fix]) -> Table:
    known = tuple(v for v in map(_variable, pattern) if v is not None)
    certain = len(known) == len(pattern) == len(set(known))
    tuples = {known: element} if certain else {}
    if len(pattern) == 1:
        own = {p.var: element for p in pattern if isinstance(p, Bind)}
        return by_rows(table, parents, own, tuples)
    picked = {p.var: (element, k) for k, p in enumerate(pattern) if isinstance(p, Bind)}
    return by_rows(table, parents, {}, tuples, picked)


# -------------------------------------------------------------------------------------------- membership and measures
def contains(term: SetExpr, keys: Sequence[IndexColumn | Values], table: Table, scope: Scope) -> NDArray[np.bool_]:
    """Whether the members given by component are in the set, over the table."""
    if isinstance(term, SetOperation):
        left, right = contains(term.left, keys, table, scope), contains(term.right, keys, table, scope)
        return left | right if term.op == "union" else left & right if term.op == "inter" else left & ~right
    if isinstance(term, ProductSet):
        inside, at = np.ones((), dtype=np.bool_), 0
        for factor in term.factors:
            arity = set_arity(factor, scope)
            inside = inside & contains(factor, keys[at : at + arity], table, scope)
            at += arity
        return inside
    if closed(term):
        return locate(domain(term, scope), keys) >= 0
    if isinstance(term, SetRef):
        family, rows = set_rows(term, table, scope)
        return family.find(rows, locate(family.elements.domain, keys)) >= 0
    if isinstance(term, RangeSet):
        number = terms.numbers(keys[0])
        if number.dtype == np.object_:
            return np.zeros((), dtype=np.bool_)
        low, high = _whole(term, term.low, table, scope), _whole(term, term.high, table, scope)
        return np.asarray((number >= low) & (number <= high) & (number == np.floor(number)))
    family, rows = _as_family(term, table, scope)
    return family.find(rows, locate(family.elements.domain, keys)) >= 0


def _as_family(term: SetExpr, table: Table, scope: Scope) -> tuple[SetFamily, Positions]:
    """A set expression as one set a row of the table."""
    if isinstance(term, SetRef) and term.args:
        return set_rows(term, table, scope)
    if closed(term):
        whole = domain(term, scope)
        every = IndexColumn(whole, np.arange(whole.size))
        return SetFamily(Layout((), UNIT, ()), np.array([0, whole.size]), every), np.zeros((), dtype=np.intp)
    found = listing(term, table, scope)
    starts = starts_of(np.bincount(found.parents, minlength=table.size))
    rows = np.arange(table.size).reshape(table.shape)
    return SetFamily(Layout((), UNIT, ()), starts, found.element), rows


def measure(term: SetMeasure, table: Table, scope: Scope) -> Datum:
    """``card first last ord next prev`` and the cyclic forms."""
    family, rows = _as_family(term.set, table, scope)
    counts = family.counts[rows]
    if term.op == "card":
        return counts.astype(np.float64)
    if term.op in ("first", "last"):
        if (counts == 0).any():
            raise undefined(term, table, counts == 0, f"{term.op} of an empty set", scope)
        return _element(family, rows, 0 if term.op == "first" else counts - 1)
    keys = terms.components_of(term.args, table, scope)
    entry = family.find(rows, locate(family.elements.domain, keys))
    if (entry < 0).any():
        raise undefined(term, table, entry < 0, "it is not a member of the set", scope)
    rank = entry - family.starts[rows]
    if term.op == "ord":
        return rank.astype(np.float64)
    target = rank + _shift(term, table, scope)
    if term.op.endswith("_cyclic"):
        return _element(family, rows, np.mod(target, counts))
    bad = (target < 0) | (target >= counts)
    if bad.any():
        word = "after" if term.op == "next" else "before"
        raise undefined(term, table, bad, f"the set has no member {word} it", scope)
    return _element(family, rows, target)


def _element(family: SetFamily, rows: Positions, rank: Positions | int) -> IndexColumn:
    return IndexColumn(family.elements.domain, family.elements.positions[family.starts[rows] + rank])


def _shift(term: SetMeasure, table: Table, scope: Scope) -> Positions:
    steps = np.ones(()) if term.shift is None else terms.evaluate(term.shift, table, scope)
    bad = steps != np.floor(steps)
    if bad.any():
        raise undefined(term, table, bad, "the number of steps is not whole", scope)
    whole = steps.astype(np.intp)
    return whole if term.op.startswith("next") else -whole
