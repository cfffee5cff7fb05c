"""Tables (CSV, Parquet, SQLite, Excel, data frames): which columns are indices, which are parameters.

The rules, in order. A column is a *parameter column* if it is named after an indexed parameter. The other columns are
index columns. They are matched to a parameter's indices by name (the index variable of the declaration or the set)
where every index is so named by exactly one column; else by position: the first columns of the table, as many as the
parameter has indices, provided that none of them is by its name another index. Columns left over are data for names
that the model lacks. With a name given (``cost=FILE``) only that parameter is read: its column is the one named after
it or after the colon; a parameter with two or more indices and neither is read in the wide form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Place
from optc.dsl.program import Bind, Parameter, Program, SetRef, SetSymbol, Symbol

from .cells import objects
from .errors import DataError
from .offers import Offer, Taker
from .reports import counted, nearest, signature, widths
from .supplied import Cells, Dense, Keyed, Origin, SuppliedEntries

Role = Literal["key", "number", "text"]


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A column, and which of its cells are empty (None: none)."""

    cells: Cells
    missing: NDArray[np.bool_] | None


class Table(Protocol):
    """A header and columns that are loaded on demand."""

    @property
    def shown(self) -> str:
        """The table as messages call it."""

    @property
    def header(self) -> Sequence[str]:
        """Names of the columns."""

    def load(self, roles: Mapping[int, Role]) -> Mapping[int, Loaded]:
        """The columns at some positions. Raises ``DataError``."""

    def place(self, row: int | None, column: int | None) -> Place:
        """Where a cell stands; the header where ``row`` is None."""


# ---------------------------------------------------------------------------------------------------- what is offered
def table_offers(table: Table, program: Program, name: str | None, columns: Sequence[str] = ()) -> list[Offer]:
    """What a table offers: the parameters of its header, or the data of ``name`` (from ``columns``, where said)."""
    header = table.header
    _check_header(table)
    if name is None:
        if columns:
            raise DataError([_column_without_name(table, columns)])
        return _long_offers(table, program)
    for column in columns:
        if column not in header:
            raise DataError([no_such_part(table.shown, table.place(None, None), "column", column, header)])

    def read(symbol: Taker) -> SuppliedEntries:
        if isinstance(symbol, SetSymbol):
            return _set(table, symbol, columns)
        if len(columns) > 1:
            raise DataError([_one_column(table, symbol, columns)])
        return _named_parameter(table, symbol, program, columns[0] if columns else None)

    return [Offer(name, table.place(None, None), read)]


def no_such_part(path: str, place: Place, kind: str, name: str, have: Sequence[str]) -> Diagnostic:
    """A column, table or sheet that is not there."""
    near = nearest(name, have)
    known = ", ".join(have[:10]) + (", …" if len(have) > 10 else "")
    listed = known or "none"
    return report(
        codes.NO_SUCH_PART,
        place,
        path=path,
        kind=kind,
        name=name,
        have=listed if near is None else f"{listed}; did you mean {near}?",
    )


def _column_without_name(table: Table, columns: Sequence[str]) -> Diagnostic:
    argument = f"{table.shown}:{','.join(columns)}"
    return report(
        codes.BAD_ARGUMENT,
        table.place(None, None),
        argument=argument,
        form="a data argument: it names a column but not what the column is for",
        mend=f"NAME={argument}",
    )


def _one_column(table: Table, symbol: Parameter, columns: Sequence[str]) -> Diagnostic:
    return report(
        codes.HEADER_MISFIT,
        table.place(None, None),
        what=f"{symbol.name} is a parameter, and {counted(len(columns), 'column')} are named for it",
        mend=f"name one column, the values of {symbol.name}",
    )


def _check_header(table: Table) -> None:
    header = table.header
    empty = [k for k, name in enumerate(header) if not name]
    twice = [k for k, name in enumerate(header) if name and name in header[:k]]
    if empty and empty[0] > 0:
        raise DataError(
            [report(codes.BAD_HEADER, table.place(None, empty[0]), what=f"column {empty[0] + 1} has no name")]
        )
    if twice:
        raise DataError(
            [report(codes.BAD_HEADER, table.place(None, twice[0]), what=f"two columns are named {header[twice[0]]}")]
        )
    if not header:
        raise DataError([report(codes.BAD_HEADER, table.place(None, None), what=f"{table.shown} has no header")])


# ---------------------------------------------------------------------------------------------------- the long form
def _long_offers(table: Table, program: Program) -> list[Offer]:
    header = table.header
    known = {n: s for n in header if isinstance(s := program.symbols.get(n), Parameter)}
    indexed = {n: s for n, s in known.items() if s.arity}
    if not indexed:
        if known:
            return _scalar_offers(table, known)
        raise DataError([_names_no_parameter(table, program)])
    candidates = [k for k, n in enumerate(header) if n not in indexed]
    problems: list[Diagnostic] = []
    matched: dict[str, list[int]] = {}
    for name, symbol in indexed.items():
        try:
            matched[name] = match_indices(table, symbol, candidates)
        except DataError as error:
            problems += error.diagnostics
    problems = problems[:1] or _same_width(table, indexed, matched)
    if problems:
        raise DataError(problems)
    used = {k for columns in matched.values() for k in columns}
    roles: dict[int, Role] = dict.fromkeys(used, "key")
    for name, symbol in indexed.items():
        roles[header.index(name)] = _role(symbol)
    load = cache(lambda: table.load(roles))
    offers = [_long_offer(table, symbol, matched[name], header.index(name), load) for name, symbol in indexed.items()]
    return offers + [_unknown_column(table, k) for k in candidates if k not in used]


def _unknown_column(table: Table, k: int) -> Offer:
    def read(_: Taker) -> SuppliedEntries:
        raise DataError(
            [
                report(
                    codes.HEADER_MISFIT,
                    table.place(None, k),
                    what=f"the column {table.header[k]} is neither an index nor an indexed parameter here",
                    mend="leave the column out, or say which column is for which name: -d NAME=FILE:COLUMN",
                )
            ]
        )

    return Offer(table.header[k], table.place(None, k), read)


def _long_offer(
    table: Table, symbol: Parameter, keys: list[int], value: int, load: Callable[[], Mapping[int, Loaded]]
) -> Offer:
    return Offer(symbol.name, table.place(None, value), lambda _: _long_entries(table, keys, value, load()))


def _long_entries(table: Table, keys: list[int], value: int, loaded: Mapping[int, Loaded]) -> Keyed:
    _check_keys(table, keys, loaded)
    origin = Origin(table.place(None, value), lambda k: table.place(k, value))
    cells = [loaded[k].cells for k in keys]
    missing = loaded[value].missing
    if missing is None:
        return Keyed(tuple(cells), loaded[value].cells, origin)
    rows = np.flatnonzero(~missing)
    return Keyed(tuple(c.take(rows) for c in cells), loaded[value].cells.take(rows), origin.through(rows))


def _check_keys(table: Table, keys: Sequence[int], loaded: Mapping[int, Loaded]) -> None:
    problems = []
    for k in keys:
        missing = loaded[k].missing
        if missing is not None:
            row = int(np.flatnonzero(missing)[0])
            problems.append(report(codes.EMPTY_KEY, table.place(row, k), column=table.header[k]))
    if problems:
        raise DataError(problems)


def _role(symbol: Parameter) -> Role:
    return "text" if symbol.type == "string" else "number"


def _same_width(
    table: Table, indexed: Mapping[str, Parameter], matched: Mapping[str, Sequence[int]]
) -> list[Diagnostic]:
    """Parameters of one long table must have the same number of indices."""
    most = max(matched, key=lambda n: len(matched[n]))
    fewer = next((n for n in matched if len(matched[n]) < len(matched[most])), None)
    if fewer is None:
        return []
    what = (
        f"{signature(indexed[fewer])} has {counted(indexed[fewer].arity, 'index', 'indices')}, and "
        f"{signature(indexed[most])} in the same table has {indexed[most].arity}"
    )
    mend = f"put {fewer} in a table of its own"
    return [report(codes.HEADER_MISFIT, table.place(None, table.header.index(fewer)), what=what, mend=mend)]


def _scalar_offers(table: Table, known: Mapping[str, Parameter]) -> list[Offer]:
    """A table of one row whose header names parameters without index."""
    header = table.header
    roles: dict[int, Role] = {header.index(name): _role(symbol) for name, symbol in known.items()}
    load = cache(lambda: table.load(roles))

    def read(symbol: Taker) -> SuppliedEntries:
        k = header.index(symbol.name)
        loaded = load()[k]
        if len(loaded.cells) != 1:
            what = f"{symbol.name} has no index, and the table has {counted(len(loaded.cells), 'row')}"
            mend = "a table of parameters without index has one row"
            raise DataError([report(codes.HEADER_MISFIT, table.place(None, k), what=what, mend=mend)])
        where = table.place(0, k)
        if loaded.missing is not None:
            raise DataError([report(codes.NULL_VALUE, where, entry=symbol.name, value="an empty cell")])
        return Dense(loaded.cells, (), Origin(where, lambda _: where))

    named = [Offer(name, table.place(None, header.index(name)), read) for name in known]
    return named + [_unknown_column(table, k) for k, name in enumerate(header) if name not in known]


def _names_no_parameter(table: Table, program: Program) -> Diagnostic:
    header = table.header
    parameters = [n for n, s in program.symbols.items() if isinstance(s, Parameter)]
    sets = [n for n in header if isinstance(program.symbols.get(n), SetSymbol)]
    near = next(((h, m) for h in header if (m := nearest(h, parameters)) is not None), None)
    if sets:
        mend = f"a set comes from a column only when said: -d {sets[0]}={table.shown}:{sets[0]}"
    elif near:
        mend = f"did you mean {near[1]} by {near[0]}? Else say what the file is for: -d NAME={table.shown}"
    else:
        mend = f"say what the file is for: -d NAME={table.shown} (wide) or -d NAME={table.shown}:COLUMN"
    shown = ", ".join(header[:8]) + (", …" if len(header) > 8 else "")
    return report(codes.NO_PARAMETER_COLUMN, table.place(None, None), path=table.shown, columns=shown, mend=mend)


# ------------------------------------------------------------------------------------------------------- index columns
def index_names(symbol: Symbol) -> list[frozenset[str]]:
    """For each index position the column names that stand for it: its variable, and its set where that is one index."""
    names: list[set[str]] = []
    for generator, width in zip(symbol.space.generators, widths(symbol), strict=True):
        single = width == 1 and isinstance(generator.set, SetRef) and not generator.set.args
        for pattern in generator.pattern:
            own = {pattern.var.name} if isinstance(pattern, Bind) and pattern.var.arity == 1 else set()
            repeats = pattern.var.arity if isinstance(pattern, Bind) else 1
            names += [
                own | ({generator.set.symbol} if single and isinstance(generator.set, SetRef) else set())
                for _ in range(repeats)
            ]
    return [frozenset(n for n in own if sum(n in other for other in names) == 1) for own in names]


def match_indices(
    table: Table, symbol: Parameter, candidates: Sequence[int], *, others_ignored: bool = False
) -> list[int]:
    """The column of each index of a parameter. Raises ``DataError`` where the match is not certain.

    ``candidates``: columns that may be indices; ``others_ignored``: the user named the value column, so columns of
    other parameters may stand anywhere.
    """
    header = table.header
    names = index_names(symbol)
    by_name = [[k for k in candidates if header[k] in own] for own in names]
    if all(len(found) == 1 for found in by_name):
        return [found[0] for found in by_name]
    arity = symbol.arity
    chosen = list(candidates[:arity])
    listed = ", ".join(header[k] for k in candidates) or "none"
    if len(chosen) < arity:
        what = (
            f"{signature(symbol)} has {counted(arity, 'index', 'indices')}, and the table has "
            f"{counted(len(chosen), 'index column')}: {listed}"
        )
        raise DataError([_misfit(table, symbol, what, names)])
    if chosen != list(range(arity)) and not others_ignored:
        what = (
            f"the index columns of {signature(symbol)} ({listed}) do not come first, and are not named as its indices"
        )
        raise DataError([_misfit(table, symbol, what, names)])
    for position, k in enumerate(chosen):
        other = next((p for p, own in enumerate(names) if header[k] in own and p != position), None)
        if other is not None:
            what = (
                f"the column {header[k]} is index {other + 1} of {signature(symbol)} by its name, "
                f"and index {position + 1} by its position"
            )
            raise DataError([_misfit(table, symbol, what, names)])
    return chosen


def _misfit(table: Table, symbol: Parameter, what: str, names: Sequence[frozenset[str]]) -> Diagnostic:
    expected = [" or ".join(sorted(own)) if own else f"any name (index {p + 1})" for p, own in enumerate(names)]
    columns = [*(next(iter(sorted(own)), f"index{p + 1}") for p, own in enumerate(names)), symbol.name]
    mend = f"name the index columns {'; '.join(expected)}, as in the header {','.join(columns)}"
    return report(codes.HEADER_MISFIT, table.place(None, None), what=what, mend=mend)


# ---------------------------------------------------------------------------------------------------- for one name
def _named_parameter(table: Table, symbol: Parameter, program: Program, column: str | None) -> SuppliedEntries:
    header = table.header
    if column is None and symbol.name not in header:
        if symbol.arity < 2:
            raise DataError([_which_column(table, symbol)])
        return _wide_entries(table, symbol)
    value = header.index(column if column is not None else symbol.name)
    if not symbol.arity:
        return _one_value(table, symbol, value)
    others = {n for n in header if isinstance(s := program.symbols.get(n), Parameter) and s.arity}
    candidates = [k for k, n in enumerate(header) if k != value and n not in others]
    keys = match_indices(table, symbol, candidates, others_ignored=column is not None)
    return _long_entries(table, keys, value, table.load({**dict.fromkeys(keys, "key"), value: _role(symbol)}))


def _one_value(table: Table, symbol: Parameter, value: int) -> Dense:
    offer = _scalar_offers(_Renamed(table, value, symbol.name), {symbol.name: symbol})[0]
    entries = offer.read(symbol)
    assert isinstance(entries, Dense)
    return entries


@dataclass(frozen=True, slots=True)
class _Renamed:
    """A table seen as its one column, under another name."""

    table: Table
    column: int
    name: str

    @property
    def shown(self) -> str:
        return self.table.shown

    @property
    def header(self) -> Sequence[str]:
        return (self.name,)

    def load(self, roles: Mapping[int, Role]) -> Mapping[int, Loaded]:
        return {0: self.table.load({self.column: roles[0]})[self.column]}

    def place(self, row: int | None, column: int | None) -> Place:
        return self.table.place(row, None if column is None else self.column)


def _which_column(table: Table, symbol: Parameter) -> Diagnostic:
    columns = [n for n in table.header if n]
    mend = f"say which column: {symbol.name}={table.shown}:{columns[-1] if columns else 'COLUMN'}"
    what = f"no column of {table.shown} is named {symbol.name}: it has {', '.join(columns[:8])}"
    return report(codes.HEADER_MISFIT, table.place(None, None), what=what, mend=mend)


def _wide_entries(table: Table, symbol: Parameter) -> Keyed:
    """First columns: all indices but the last; header of the other columns: members of the last."""
    header = table.header
    rows = symbol.arity - 1
    if len(header) <= rows:
        what = (
            f"the wide form of {signature(symbol)} has {counted(rows, 'index column')} and then one column a member "
            f"of its last index; {table.shown} has {counted(len(header), 'column')}"
        )
        mend = f"name a value column {symbol.name} (long form), or add the columns"
        raise DataError([report(codes.HEADER_MISFIT, table.place(None, None), what=what, mend=mend)])
    across = range(rows, len(header))
    roles: dict[int, Role] = {k: "key" if k < rows else _role(symbol) for k in range(len(header))}
    loaded = table.load(roles)
    _check_keys(table, range(rows), loaded)
    width, height = len(across), len(loaded[0].cells)
    keys = [_stretched(loaded[k].cells, width) for k in range(rows)]
    names = Cells("spelled", objects([header[k] for k in across]), np.tile(np.arange(width, dtype=np.int64), height))
    values = _interleaved([loaded[k].cells for k in across])
    origin = Origin(table.place(None, None), lambda k: table.place(k // width, rows + k % width))
    note = f"the header was read as members (wide form); for a column of values say {symbol.name}={table.shown}:COLUMN"
    entries = Keyed((*keys, names), values, origin, note)
    gaps = [loaded[k].missing for k in across]
    if all(gap is None for gap in gaps):
        return entries
    missing = np.column_stack([np.zeros(height, dtype=np.bool_) if gap is None else gap for gap in gaps]).reshape(-1)
    kept = np.flatnonzero(~missing)
    return Keyed(tuple(key.take(kept) for key in entries.keys), values.take(kept), origin.through(kept), note)


def _stretched(cells: Cells, width: int) -> Cells:
    codes_ = np.arange(len(cells.values), dtype=np.int64) if cells.codes is None else cells.codes
    return Cells(cells.kind, cells.values, np.repeat(codes_, width))


def _interleaved(columns: Sequence[Cells]) -> Cells:
    """Columns of one length, row by row."""
    kinds = {cells.kind for cells in columns}
    if kinds == {"number"}:
        return Cells("number", np.column_stack([cells.expanded() for cells in columns]).reshape(-1))
    kind: Literal["number", "text", "spelled", "mixed"] = "mixed"
    if kinds <= {"spelled", "number"}:
        kind = "spelled" if kinds == {"spelled"} else "mixed"
    elif kinds == {"text"}:
        kind = "text"
    stacked = np.empty((len(columns[0]), len(columns)), dtype=np.object_)
    for k, cells in enumerate(columns):
        stacked[:, k] = cells.expanded().tolist() if cells.kind == "number" else cells.expanded()
    return Cells(kind, stacked.reshape(-1))


# ------------------------------------------------------------------------------------------------------------ sets
def _set(table: Table, symbol: SetSymbol, columns: Sequence[str]) -> SuppliedEntries:
    header = table.header
    wanted = None if symbol.dimension is None else symbol.dimension + symbol.arity
    chosen = list(columns) if columns else list(header)
    if wanted is None and (not columns or len(chosen) <= symbol.arity):
        wanted = 1 + symbol.arity
    if wanted is not None and len(chosen) != wanted:
        parts = counted(wanted, "column") + (" (indices, then members)" if symbol.arity else "")
        what = f"the set {signature(symbol)} takes {parts}, and {counted(len(chosen), 'column')} are given"
        names = ",".join(list(header[:wanted]) or ["COLUMN"])
        mend = f"name the columns, as in {symbol.name}={table.shown}:{names}"
        raise DataError([report(codes.HEADER_MISFIT, table.place(None, None), what=what, mend=mend)])
    at = [header.index(name) for name in chosen]
    loaded = table.load(dict.fromkeys(at, "key"))
    _check_keys(table, at, loaded)
    shown = at[symbol.arity]  # the column of messages: the first of the members
    origin = Origin(table.place(None, shown), lambda k: table.place(k, shown))
    return Keyed(tuple(loaded[k].cells for k in at), None, origin)
