"""Data into sets, parameters and layouts, in order of dependency, with every check that needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import SETS_OF_TEXT
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import (
    Check,
    Choice,
    Constraint,
    Function,
    Multiplier,
    NamedExpression,
    Parameter,
    ProductSet,
    Program,
    SetExpr,
    SetRef,
    SetSymbol,
    Space,
    Symbol,
    Uncertain,
    Variable,
)

from ..data import (
    DataError,
    Supplied,
    entries_of_literal,
    place_indexed_set,
    place_parameter,
    place_set,
    report_check_failed,
    report_not_within,
)
from ..data.supplied import Dense
from ..evaluation.elementwise import COMPARISONS
from ..evaluation.evaluate import evaluate, flat_values, numbers, value
from ..evaluation.scope import Datum, EvaluationError, Scope, text_of
from ..evaluation.sets import contains, domain, layout_of, listing
from ..spaces.algebra import UNIT, by_rows
from ..spaces.domains import Domain, IndexColumn, Positions, Values, domain_of, factorised, single_domain, starts_of
from ..spaces.layouts import Layout, SetFamily, flattened
from ..spaces.members import Members
from ..terms.substitution import Node, symbols_in

DATA = (SetSymbol, Parameter)


def bind(
    program: Program,
    supplied: Supplied,
    scope: Scope,
    faults: list[Diagnostic],
    notes: list[Diagnostic],
    only: frozenset[str] | None = None,
) -> set[str]:
    """Fills ``scope`` with sets and parameters; returns the names that could not be had.

    ``faults`` and ``notes`` receive diagnostics; what depends on a broken symbol is passed over in silence. ``only``:
    the names to bind, where the others are bound already.
    """
    broken = set(supplied.broken)
    warnings = supplied.warnings
    for symbol in in_order(program):
        if symbol.name in broken or (only is not None and symbol.name not in only):
            continue
        if broken & needs(symbol):
            broken.add(symbol.name)
            continue
        try:
            _bind_one(symbol, supplied, scope, kept=only is not None and not symbols_in(symbol.space) & only)
        except DataError as error:
            faults += error.diagnostics
            broken.add(symbol.name)
        except EvaluationError as error:
            faults.append(error.diagnostic)
            broken.add(symbol.name)
    faults += _checks(program, supplied, scope, broken, only)
    notes += warnings or []
    return broken


def needs(symbol: Symbol) -> frozenset[str]:
    """The names that must be known before a symbol can be laid out and, for data, filled."""
    parts: list[Node | None] = [symbol.space]
    if isinstance(symbol, (SetSymbol, Parameter, NamedExpression)):
        parts.append(symbol.definition)
    if isinstance(symbol, Choice):
        parts.append(symbol.options)
    if isinstance(symbol, Uncertain):
        parts.append(symbol.scenarios)
    return frozenset().union(*(symbols_in(p) for p in parts if p is not None))


def in_order(program: Program) -> Iterator[Symbol]:
    """Sets, parameters and named expressions, each after what it needs; ``within`` counts where it is no circle."""
    done: set[str] = set()
    kinds = (SetSymbol, Parameter, NamedExpression)
    for first in program.symbols.values():
        waiting: list[tuple[Symbol, bool]] = [(first, False)]
        while waiting:
            symbol, ready = waiting.pop()
            if symbol.name in done and not ready:
                continue
            if ready:
                if isinstance(symbol, kinds):
                    yield symbol
                continue
            done.add(symbol.name)
            waiting.append((symbol, True))
            wanted = needs(symbol)
            if isinstance(symbol, SetSymbol) and symbol.within is not None:
                wanted = wanted | symbols_in(symbol.within)
            waiting += [(program.symbols[n], False) for n in sorted(wanted) if n in program.symbols and n not in done]


def _bind_one(symbol: Symbol, supplied: Supplied, scope: Scope, *, kept: bool) -> None:
    """``kept``: the index space is as it was, so its layout stays."""
    here = scope.named(symbol.name)
    layout = scope.layouts[symbol.name] if kept else layout_of(symbol.space, here)
    scope.layouts[symbol.name] = layout
    if isinstance(symbol, SetSymbol):
        scope.sets[symbol.name] = _bind_set(symbol, supplied, layout, here)
    elif isinstance(symbol, Parameter):
        scope.data[symbol.name] = _bind_parameter(symbol, supplied, layout, here)


# ------------------------------------------------------------------------------------------------------------- sets
def _bind_set(symbol: SetSymbol, supplied: Supplied, layout: Layout, scope: Scope) -> Domain | SetFamily:
    entries = supplied.get(symbol.name)
    if symbol.definition is not None and (entries is None or not symbol.overridable):
        return _defined_set(symbol, symbol.definition, layout, scope)
    within = _within_parts(symbol, scope)
    like = Members.of([c[:1] for d in within for c in d.members.columns], 1) if within else None
    if like is not None and any(len(c) == 0 for c in like.columns):
        like = None
    if not symbol.arity:
        members = place_set(symbol, entries, like=like)
        return domain_of(members, symbol.name, within)
    placed = place_indexed_set(symbol, entries, layout.members, like=like, warnings=supplied.warnings)
    return _family_of(symbol.name, layout, placed.starts.astype(np.intp), placed.columns, within)


def _within_parts(symbol: SetSymbol, scope: Scope) -> list[Domain]:
    """The domain of each component that ``within`` names, where they are known already."""
    term = symbol.within
    factors = term.factors if isinstance(term, ProductSet) else (term,) if term is not None else ()
    found: list[Domain] = []
    for factor in factors:
        known = scope.sets.get(factor.symbol) if isinstance(factor, SetRef) and not factor.args else None
        if not isinstance(known, Domain):
            return []
        found += known.parts or [known]
    return found


def _family_of(
    name: str, layout: Layout, starts: Positions, columns: Sequence[NDArray[np.generic]], within: Sequence[Domain]
) -> SetFamily:
    """An indexed family from its members one after the other."""
    members = Members.of(columns)  # type: ignore[arg-type]
    if members.arity > 1:
        rows = domain_of(members, within=within)
        from ..evaluation.sets import tuple_column

        pieces = [IndexColumn(p, c) for p, c in zip(rows.parts, rows.codes, strict=True)]
        return SetFamily(layout, starts, tuple_column(pieces), name)
    if len(within) == 1:
        at = within[0].members.locate(members.columns).astype(np.intp)
        if not np.any(at < 0):
            return SetFamily(layout, starts, IndexColumn(within[0], at), name)
    distinct, codes = factorised(members.columns[0])
    return SetFamily(layout, starts, IndexColumn(single_domain(distinct), codes), name)


def _defined_set(symbol: SetSymbol, definition: SetExpr, layout: Layout, scope: Scope) -> Domain | SetFamily:
    if not symbol.arity:
        found = domain(definition, scope)
        return found if found.name else replace(found, name=symbol.name, _translations={}, _groups={})
    rows = listing(definition, layout.table, scope)
    starts = starts_of(np.bincount(rows.parents, minlength=layout.size))
    return SetFamily(layout, starts, rows.element, symbol.name)


# ------------------------------------------------------------------------------------------------------- parameters
def _bind_parameter(symbol: Parameter, supplied: Supplied, layout: Layout, scope: Scope) -> Datum:
    entries = supplied.get(symbol.name)
    own = symbol.definition is not None or symbol.literal is not None
    if own and (entries is None or not symbol.overridable):
        return _own_value(symbol, layout, scope)

    def default(rows: NDArray[np.int64]) -> NDArray[np.generic]:
        if symbol.literal is not None:
            return _flat(_own_value(symbol, layout, scope))[rows]
        assert symbol.definition is not None
        return flat_values(symbol.definition, by_rows(layout.table, rows.astype(np.intp), {}), scope)

    return _stored(place(symbol, supplied, layout, default if own else None))


def place(symbol: Parameter, supplied: Supplied, layout: Layout, default: object) -> NDArray[np.generic]:
    """Supplied entries by position; values in nested lists of just the right lengths need no index table."""
    entries = supplied.get(symbol.name)
    if isinstance(entries, Dense) and len(layout.axes) == len(symbol.space.generators) > 1 and _fits(entries, layout):
        entries = Dense(entries.values, (np.array([layout.size]),), entries.origin)
        symbol = replace(symbol, space=Space(symbol.space.generators[:1]))
    return place_parameter(symbol, entries, layout.members, default=default, warnings=supplied.warnings)  # type: ignore[arg-type]


def _fits(entries: Dense, layout: Layout) -> bool:
    if len(entries.lengths) != len(layout.shape):
        return False
    return all(
        len(lengths) == int(np.prod(layout.shape[:k])) and bool(np.all(lengths == size))
        for k, (lengths, size) in enumerate(zip(entries.lengths, layout.shape, strict=True))
    )


def _own_value(symbol: Parameter, layout: Layout, scope: Scope) -> Datum:
    if symbol.literal is None:
        assert symbol.definition is not None
        found = value(symbol.definition, layout.table, scope)
        if isinstance(found, IndexColumn):
            return flattened(found, layout.table) if symbol.type == "string" else _wide(found.values(), layout)
        return _wide(evaluate(symbol.definition, layout.table, scope), layout)
    default = None
    if symbol.definition is not None:
        definition = symbol.definition

        def default(rows: NDArray[np.int64]) -> NDArray[np.generic]:
            return flat_values(definition, by_rows(layout.table, rows.astype(np.intp), {}), scope)

    entries = entries_of_literal(symbol.literal, symbol.arity)
    return _stored(place_parameter(symbol, entries, layout.members, default=default))


def _wide(found: NDArray[np.generic], layout: Layout) -> NDArray[np.generic]:
    return np.broadcast_to(found, layout.table.shape).reshape(-1)


def _stored(values: Values) -> Datum:
    """Numbers as they are; texts as positions among the distinct ones."""
    if values.dtype != np.object_:
        return values
    distinct, codes = factorised(values)
    return IndexColumn(single_domain(distinct), codes)


def _flat(stored: Datum) -> NDArray[np.generic]:
    return numbers(stored)


# ----------------------------------------------------------------------------------------------------------- checks
def _checks(
    program: Program, supplied: Supplied, scope: Scope, broken: set[str], only: frozenset[str] | None
) -> Iterator[Diagnostic]:
    for symbol in program.symbols.values():
        if symbol.name in broken or not isinstance(symbol, DATA):
            continue
        if only is not None and not (checked_names(symbol) | {symbol.name}) & only:
            continue
        if isinstance(symbol, SetSymbol) and symbol.within is not None and not broken & symbols_in(symbol.within):
            yield from _checked(lambda s=symbol: _not_within(s, s.within, supplied, scope))
        if isinstance(symbol, Parameter):
            for check in symbol.checks:
                if not broken & symbols_in(check.bound):
                    yield from _checked(lambda s=symbol, c=check: _failed(s, c, supplied, scope))
    for question in program.questions:
        if question.used in broken or question.declared in broken:
            continue
        if _holds_text(scope.sets[question.used]) or _holds_text(scope.sets[question.declared]):
            yield report(SETS_OF_TEXT, question.span, used=question.used, declared=question.declared)


def checked_names(symbol: Symbol) -> frozenset[str]:
    """The names that the checks of a set or parameter mention."""
    bounds = [c.bound for c in symbol.checks] if isinstance(symbol, Parameter) else []
    within = [symbol.within] if isinstance(symbol, SetSymbol) and symbol.within is not None else []
    return frozenset().union(*(symbols_in(b) for b in (*bounds, *within)))


def _checked(find: object) -> list[Diagnostic]:
    assert callable(find)
    try:
        return list(find())
    except EvaluationError as error:
        return [error.diagnostic]


def _holds_text(found: Domain | SetFamily) -> bool:
    base = found if isinstance(found, Domain) else found.elements.domain
    return base.arity > 1 or base.is_text


def _not_within(symbol: SetSymbol, within: SetExpr, supplied: Supplied, scope: Scope) -> list[Diagnostic]:
    found = scope.sets[symbol.name]
    if isinstance(found, Domain):
        keys = IndexColumn(found, np.arange(found.size), whole=True).components()
        table = by_rows(UNIT, np.zeros(found.size, dtype=np.intp), {})
    else:
        keys = found.elements.components()
        owners = np.repeat(np.arange(found.layout.size), found.counts)
        table = by_rows(found.layout.table, owners, {})
    bad = np.flatnonzero(~np.broadcast_to(contains(within, keys, table, scope.named(symbol.name)), table.shape))
    if not len(bad):
        return []
    members = [tuple(_plain(k.domain.members.columns[0][k.positions[row]]) for k in keys) for row in bad]
    candidates = {str(v) for d in _within_parts(symbol, scope) for v in d.members.columns[0] if isinstance(v, str)}
    return report_not_within(
        symbol, members, text_of(within), sorted(candidates), supplied.get(symbol.name), bad.tolist()
    )


def _plain(item: object) -> float | int | str:
    return item.item() if isinstance(item, np.generic) else item  # type: ignore[return-value]


def _failed(symbol: Parameter, check: Check, supplied: Supplied, scope: Scope) -> list[Diagnostic]:
    layout = scope.layouts[symbol.name]
    stored = scope.data[symbol.name]
    bounds = None
    if check.op == "in":
        column = stored if isinstance(stored, IndexColumn) else stored.reshape(layout.table.shape)
        if isinstance(column, IndexColumn):
            column = IndexColumn(column.domain, column.positions.reshape(layout.table.shape))
        good = contains(check.bound, [column], layout.table, scope.named(symbol.name))  # type: ignore[arg-type]
        flat = np.broadcast_to(good, layout.table.shape).reshape(-1)
    else:
        right = numbers(value(check.bound, layout.table, scope.named(symbol.name)))  # type: ignore[arg-type]
        left = numbers(stored).reshape(layout.table.shape)
        flat = np.broadcast_to(COMPARISONS[check.op](left, right), layout.table.shape).reshape(-1)
        if right.size > 1:
            bounds = np.broadcast_to(right, layout.table.shape).reshape(-1)
    bad = np.flatnonzero(~flat.astype(np.bool_))
    if not len(bad):
        return []
    some = None if bounds is None or bounds.dtype == np.object_ else bounds[bad]
    entries = supplied.get(symbol.name)
    return report_check_failed(symbol, check, layout.members, bad, numbers(stored)[bad], entries, some)


# ---------------------------------------------------------------------------------------------------------- layouts
def lay_out(
    program: Program,
    scope: Scope,
    broken: set[str],
    faults: list[Diagnostic],
    only: frozenset[str] | None = None,
) -> frozenset[str]:
    """Layouts of decisions, uncertain names, multipliers and constraints, and the options of choices.

    ``only``: names of data; what does not need them keeps its layout. Returns the names that were laid out.
    """
    done: set[str] = set()
    for symbol in program.symbols.values():
        if isinstance(symbol, (*DATA, NamedExpression, Function)) or symbol.name in broken:
            continue
        if only is not None and not needs(symbol) & only:
            continue
        if broken & needs(symbol):
            broken.add(symbol.name)
            continue
        try:
            _lay_out_one(symbol, scope.named(symbol.name))
            done.add(symbol.name)
        except EvaluationError as error:
            faults.append(error.diagnostic)
            broken.add(symbol.name)
    return frozenset(done)


def _lay_out_one(symbol: Symbol, scope: Scope) -> None:
    assert isinstance(symbol, (Variable, Uncertain, Choice, Multiplier, Constraint))
    scope.layouts[symbol.name] = layout_of(symbol.space, scope)
    options = symbol.options if isinstance(symbol, Choice) else getattr(symbol, "scenarios", None)
    if options is not None:
        table = scope.layouts[symbol.name].table
        scope.options[symbol.name] = listing(options, table, scope).element.domain
