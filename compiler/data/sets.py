"""Members of sets from supplied entries: types, duplicates, dimensions; and families of sets over an index."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Hint
from optc.dsl.program import Parameter, SetSymbol

from ..spaces.members import Coded, Column, IndexedMembers, Members, combined, encode
from .cells import canonical_number, is_number, keys_for, objects, spelled_keys, whole_where_possible
from .errors import DataError
from .reports import (
    LISTED,
    Faults,
    counted,
    declaration,
    entry_text,
    member_text,
    nearest,
    set_text,
    signature,
    value_text,
    where_text,
)
from .supplied import Cells, Dense, Grouped, Keyed, Origin, SuppliedEntries, Where

Rows = NDArray[np.int64]


def place_set(
    symbol: SetSymbol,
    entries: SuppliedEntries | None,
    *,
    like: Members | None = None,
) -> Members:
    """The members of a set without index, in the order of the data.

    ``like``: members of the set that it must lie within, where there is one: cells of formats without types are then
    read as its components are (texts or numbers); without it they are numbers where all of them are spelled so.
    Raises ``DataError``.
    """
    if entries is None:
        raise DataError([_no_data(symbol)])
    assert isinstance(entries, Keyed)
    faults = Faults(symbol.name)
    columns = _columns(symbol, entries.keys, entries.origin, like, faults)
    if faults.shown:
        raise DataError(faults.diagnostics())
    members = _members(columns)
    _check_members_once(symbol, members, np.zeros(members.size, dtype=np.int64), entries.origin, faults)
    if faults.shown:
        raise DataError(faults.diagnostics())
    return members


def place_indexed_set(
    symbol: SetSymbol,
    entries: SuppliedEntries | None,
    index: Members,
    *,
    like: Members | None = None,
    warnings: list[Diagnostic] | None = None,
) -> IndexedMembers:
    """A family of sets, one for each row of ``index`` (the family's index space, materialised).

    Given by object or list every index needs its own (an empty one is ``[]``); given by rows or a table, an index
    without rows has the empty set. ``like`` as in ``place_set``. Raises ``DataError``.
    """
    if entries is None:
        raise DataError([_no_data(symbol)])
    if index.arity != symbol.arity:
        raise DataError([wrong_arity(symbol, entries.origin.whole, index)])
    faults = Faults(symbol.name)
    match entries:
        case Dense():
            raise AssertionError("values by position were read for a set")
        case Keyed():
            groups = Keyed(entries.keys[: index.arity], None, entries.origin)
            members = entries.keys[index.arity :]
            owners = _owners(symbol, groups, index, faults, warnings)
        case Grouped():
            owners = np.repeat(_group_positions(symbol, entries, index, faults, warnings), entries.counts)
            members = entries.members
    told = len(faults.shown)
    columns = _columns(symbol, members, entries.origin, like, faults)
    if len(faults.shown) > told or not columns:
        raise DataError(faults.diagnostics())
    kept = np.flatnonzero(owners >= 0)
    order = kept[np.argsort(owners[kept], kind="stable")]
    owners, origin = owners[order], entries.origin.through(order)
    table = _members([_take(column, order) for column in columns])
    _check_members_once(symbol, table, owners, origin, faults, index)
    if faults.shown:
        raise DataError(faults.diagnostics())
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=index.size))]).astype(np.int64)
    return IndexedMembers(index, starts, table.columns)


def wrong_arity(symbol: Parameter | SetSymbol, where: Where, index: Members) -> Diagnostic:
    """The members of an index set turned out to have more components than the model says."""
    sets = ", ".join(set_text(g) for g in symbol.space.generators)
    hint = Hint(f"say in the model that they are tuples: set {sets} within A * B, or index by (i, j) in {sets}")
    return report(
        codes.WRONG_DIMENSION,
        where,
        labels=declaration(symbol),
        hints=(hint,),
        entry=f"the index of {symbol.name}",
        found=counted(symbol.arity, "component"),
        name=sets,
        expected=f"{index.arity:,}",
    )


def _no_data(symbol: SetSymbol) -> Diagnostic:
    mend = (
        f"give a list of its members in a data file, or a column of a table: -d {symbol.name}=FILE.csv:COLUMN"
        if not symbol.arity
        else f"give the sets of {signature(symbol)} in a data file, as an object of lists"
    )
    return report(codes.MISSING_DATA, symbol.span, label="needs data", what="the set", name=symbol.name, mend=mend)


def _members(columns: Sequence[Column | Coded]) -> Members:
    if len(columns) > 1:
        coded = tuple(c if isinstance(c, Coded) else encode(c) for c in columns)
        plain = tuple(c.values[c.codes] if isinstance(c, Coded) else c for c in columns)
        return Members(plain, len(coded[0]), None, coded)
    column = columns[0].values[columns[0].codes] if isinstance(columns[0], Coded) else columns[0]
    is_run = column.dtype == np.int64 and len(column) > 1 and bool(np.all(np.diff(column) == 1))
    return Members((column,), len(column), int(column[0]) if is_run else None)


def _take(column: Column | Coded, rows: Rows) -> Column | Coded:
    return Coded(column.values, column.codes[rows]) if isinstance(column, Coded) else column[rows]


# ----------------------------------------------------------------------------------------------------------- types
def _columns(
    symbol: SetSymbol, cells: Sequence[Cells], origin: Origin, like: Members | None, faults: Faults
) -> list[Column | Coded]:
    if len(cells) != (symbol.dimension or 1):
        entry = "the first member" if cells and len(cells[0]) else "the data"
        faults.add(wrong_dimension(symbol, entry, len(cells), symbol.dimension or 1, origin.whole))
        return []
    return [
        _column(symbol, c, part, origin, None if like is None or like.arity <= c else like.columns[c], faults)
        for c, part in enumerate(cells)
    ]


def wrong_dimension(symbol: SetSymbol, entry: str, found: int, expected: int, where: Where) -> Diagnostic:
    """A member of the wrong number of components. (A set of which the model says nothing holds single members.)"""
    tuples = Hint(f"a set of tuples is declared as such: set {symbol.name} within A * B")
    return report(
        codes.WRONG_DIMENSION,
        where,
        labels=declaration(symbol),
        hints=(tuples,) if symbol.dimension is None else (),
        entry=entry,
        found=counted(found, "component"),
        name=symbol.name,
        expected=f"{expected:,}",
    )


def _column(
    symbol: SetSymbol, component: int, cells: Cells, origin: Origin, like: Column | None, faults: Faults
) -> Column | Coded:
    match cells.kind:
        case "text":
            values: Column = cells.values
        case "number":
            _check_finite(symbol, cells, origin, faults)
            values = cells.values if faults.shown else whole_where_possible(cells.values)
        case "spelled":
            values = _spelled_members(cells, like)
        case "mixed":
            _report_mixed(symbol, component, cells, origin, faults)
            values = cells.values
    return values if cells.codes is None else Coded(values, cells.codes)


def _spelled_members(cells: Cells, like: Column | None) -> Column:
    texts: list[str] = cells.values.tolist()
    if like is not None and len(like):
        wants_numbers = like.dtype != np.object_
    else:
        wants_numbers = bool(texts) and all(map(canonical_number, texts))
    if not wants_numbers:
        return cells.values
    numbers, bad = spelled_keys(texts)
    return cells.values if bad.any() or not np.isfinite(numbers).all() else numbers


def _check_finite(symbol: SetSymbol, cells: Cells, origin: Origin, faults: Faults) -> None:
    if cells.values.dtype == np.int64:
        return
    broken = np.flatnonzero(~np.isfinite(cells.expanded()))
    faults.each(broken, lambda k: _bad_member(symbol, cells, origin, k))


def _bad_member(symbol: SetSymbol, cells: Cells, origin: Origin, k: int) -> Diagnostic:
    value = cells.at(k)
    if isinstance(value, int) and not isinstance(value, bool):
        return report(
            codes.TOO_LARGE,
            origin.entry(k),
            entry=f"member {k + 1} of {symbol.name}",
            value=str(value) if abs(value) < 10**40 else f"a number of {value.bit_length()} bits",
            range="64-bit integers",
        )
    shown = "NaN" if isinstance(value, float) and math.isnan(value) else value_text(value)
    return report(codes.BAD_MEMBER, origin.entry(k), entry=f"member {k + 1} of {symbol.name}", value=shown)


def _report_mixed(symbol: SetSymbol, component: int, cells: Cells, origin: Origin, faults: Faults) -> None:
    values = cells.expanded().tolist()
    fits = [isinstance(v, str) or (is_number(v) and math.isfinite(v) and abs(v) < 2**63) for v in values]
    bad = [k for k, fit in enumerate(fits) if not fit]
    faults.each(bad, lambda k: _bad_member(symbol, cells, origin, k))
    if bad:
        return
    text = next(k for k, v in enumerate(values) if isinstance(v, str))
    number = next(k for k, v in enumerate(values) if not isinstance(v, str))
    faults.add(
        report(
            codes.MIXED_MEMBERS,
            origin.entry(max(text, number)),
            name=f"component {component + 1} of {symbol.name}" if (symbol.dimension or 1) > 1 else symbol.name,
            text=value_text(values[text]),
            number=value_text(values[number]),
        )
    )


# ------------------------------------------------------------------------------------------------------ duplicates
def _check_members_once(
    symbol: SetSymbol, members: Members, owners: Rows, origin: Origin, faults: Faults, index: Members | None = None
) -> None:
    if members.start is not None and index is None:
        return
    parts = members.components if members.coded is not None else tuple(encode(c) for c in members.columns)
    sizes = [len(part.values) for part in parts]
    row_keys = combined([owners, *(part.codes for part in parts)], [int(owners.max(initial=0)) + 1, *sizes])
    ordered = np.sort(row_keys)
    if not bool(np.any(ordered[1:] == ordered[:-1])):
        return
    _, first, inverse = np.unique(row_keys, return_index=True, return_inverse=True)
    first_of = first[inverse.reshape(-1)]
    repeated = np.flatnonzero(first_of != np.arange(members.size))

    def tell(k: int) -> Diagnostic:
        there = where_text(origin.entry(int(first_of[k])))
        name = symbol.name if index is None else entry_text(symbol.name, index.member(int(owners[k])))
        hint = Hint(f"remove one of the two; the first is at {there}")
        member = member_text(members.member(k))
        return report(codes.DUPLICATE_MEMBER, origin.entry(k), hints=(hint,), member=member, name=name)

    faults.each(repeated, tell)


# ------------------------------------------------------------------------------------------------------- families
def _owners(
    symbol: SetSymbol, groups: Keyed, index: Members, faults: Faults, warnings: list[Diagnostic] | None
) -> Rows:
    """The index position of each row; -1 where the index has no such member, which is reported."""
    keys, unreadable = [], np.zeros(len(groups), dtype=np.bool_)
    for cells, column in zip(groups.keys, index.columns, strict=True):
        key, bad = keys_for(cells, column.dtype == np.object_)
        keys.append(key)
        if bad is not None:
            unreadable |= bad
    owners = np.where(unreadable, -1, index.locate(keys)) if len(groups) else np.empty(0, dtype=np.int64)
    outside = np.flatnonzero(owners < 0)
    if len(outside) and warnings is not None:
        named = [entry_text(symbol.name, [key.at(int(k)) for key in groups.keys]) for k in outside[:LISTED]]
        warnings.append(
            report(
                codes.IGNORED_OUTSIDE_SET,
                groups.origin.entry(int(outside[0])),
                count=counted(len(outside), "entry", "entries"),
                name=symbol.name,
                first=", ".join(named) + (", …" if len(outside) > LISTED else ""),
            )
        )
    elif len(outside):
        faults.each(outside, lambda k: _outside(symbol, groups, index, k))
    return owners


def _outside(symbol: SetSymbol, groups: Keyed, index: Members, k: int) -> Diagnostic:
    key = [cells.at(k) for cells in groups.keys]
    known = [text for column in index.columns if column.dtype == np.object_ for text in column.tolist()]
    near = next((n for part in key if isinstance(part, str) and (n := nearest(part, dict.fromkeys(known)))), None)
    first = ", ".join(member_text(index.member(p)) for p in range(min(index.size, LISTED)))
    return report(
        codes.OUTSIDE_SET,
        groups.origin.entry(k),
        entry=entry_text(symbol.name, key),
        member=member_text(key),
        set=", ".join(set_text(g) for g in symbol.space.generators),
        mend=f"did you mean {value_text(near)}?" if near else f"it has {first}{', …' if index.size > LISTED else ''}",
    )


def _group_positions(
    symbol: SetSymbol, entries: Grouped, index: Members, faults: Faults, warnings: list[Diagnostic] | None
) -> Rows:
    if entries.keys is None:
        if len(entries.counts) == index.size:
            return np.arange(index.size, dtype=np.int64)
        faults.add(
            report(
                codes.WRONG_LENGTH,
                entries.groups.whole,
                labels=declaration(symbol),
                entry=symbol.name,
                found=counted(len(entries.counts), "list"),
                expected=f"{index.size:,} {'is' if index.size == 1 else 'are'}",
                mend="give one list for each member of the index set, or an object of lists",
            )
        )
        return np.full(len(entries.counts), -1, dtype=np.int64)
    positions = _owners(symbol, Keyed(entries.keys, None, entries.groups), index, faults, warnings)
    given = np.zeros(index.size, dtype=np.bool_)
    given[positions[positions >= 0]] = True
    missing = np.flatnonzero(~given)
    outside = int(np.count_nonzero(positions < 0)) if warnings is None else 0
    if len(missing) > outside:  # else those outside the index explain them
        named = [entry_text(symbol.name, index.member(int(row))) for row in missing[:LISTED]]
        faults.add(
            report(
                codes.MISSING_ENTRIES,
                entries.groups.whole,
                hints=(Hint("give each of them its list; an empty one is []"),),
                labels=declaration(symbol),
                name=symbol.name,
                count=counted(len(missing), "entry", "entries"),
                first=", ".join(named) + (f", … ({len(missing):,} in all)" if len(missing) > LISTED else ""),
            )
        )
    return positions


def no_members(dimension: int) -> tuple[Cells, ...]:
    """Columns of an empty set."""
    return tuple(Cells("text", objects([])) for _ in range(dimension))
