"""Nested lists and objects, as in JSON, TOML, Python and the literals of a model, into entries of one symbol.

Everything is done a level at a time by whole lists, never an item at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Parameter, SetSymbol

from .cells import column, spelled, transposed
from .errors import DataError
from .positions import nesting_text, path_of
from .reports import counted, declaration, set_text, signature, value_text
from .sets import wrong_dimension
from .supplied import Cells, Dense, Grouped, Keyed, Origin, SuppliedEntries, Where

Step = object  # a key, or a position in a list
Locate = Callable[[Sequence[Step]], Where]

_LISTS = (list, tuple)


def entries_of_nested(
    symbol: Parameter | SetSymbol, value: object, locate: Locate, *, keys_are_spelled: bool
) -> SuppliedEntries:
    """Entries of a symbol from one nested value.

    ``locate`` gives the place of a path inside the value; ``keys_are_spelled`` where object keys are texts of no type
    (JSON, TOML), so that they are read as the set's members are. Raises ``DataError`` where the shape is wrong.
    """
    if isinstance(symbol, SetSymbol):
        if symbol.arity:
            return _family(symbol, value, locate, keys_are_spelled=keys_are_spelled)
        return _set(symbol, value, locate)
    return _parameter(symbol, value, locate, keys_are_spelled=keys_are_spelled)


# ------------------------------------------------------------------------------------------------------ parameters
def _parameter(symbol: Parameter, value: object, locate: Locate, *, keys_are_spelled: bool) -> Dense | Keyed:
    depth = len(symbol.space.generators)
    if not symbol.arity:
        if isinstance(value, (*_LISTS, Mapping)):
            raise _shape_error(symbol, value, locate(()), "a single value", "it has no index")
        return Dense(column([value]), (), Origin(lambda: locate(()), lambda _: locate(())))
    if isinstance(value, Mapping):
        rows = _rows_of(value)
        if rows is not None:
            columns = _row_columns(symbol, rows, symbol.arity + 1, locate)
            origin = Origin(lambda: locate(()), lambda k: locate(("rows", k)))
            return Keyed(tuple(map(column, columns[:-1])), column(columns[-1]), origin)
        keys, paths, values = _flatten_object(symbol, value, locate)
        _refuse_nested(symbol, values, lambda k: [path[k] for path in paths], locate)
        make = spelled if keys_are_spelled else column
        origin = Origin(lambda: locate(()), lambda k: locate([path[k] for path in paths]))
        return Keyed(tuple(make(key) for key in keys), column(values), origin)  # type: ignore[arg-type]
    if isinstance(value, _LISTS):
        values, lengths = _flatten_lists(symbol, value, depth, locate)
        _refuse_nested(symbol, values, lambda k: path_of(lengths, k), locate)
        return Dense(column(values), lengths, Origin(lambda: locate(()), lambda k: locate(path_of(lengths, k))), locate)
    raise _shape_error(symbol, value, locate(()), _expected(symbol), _forms(symbol))


def _expected(symbol: Parameter) -> str:
    return f"{nesting_text(len(symbol.space.generators))} or an object"


def _forms(symbol: Parameter) -> str:
    sets = " and ".join(set_text(g) for g in symbol.space.generators)
    return f"{signature(symbol)} takes a value for each member of {sets}"


def _rows_of(value: Mapping[object, object]) -> Sequence[object] | None:
    """The rows of ``{"rows": [[…], …]}``, None for other objects."""
    rows = value.get("rows") if len(value) == 1 else None
    if isinstance(rows, _LISTS) and all(isinstance(row, _LISTS) for row in rows):
        return rows
    return None


def _row_columns(
    symbol: Parameter | SetSymbol, rows: Sequence[object], width: int, locate: Locate
) -> list[list[object]]:
    widths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))  # type: ignore[arg-type]
    wrong = np.flatnonzero(widths != width)
    if len(wrong):
        k = int(wrong[0])
        raise DataError(
            [
                report(
                    codes.WRONG_LENGTH,
                    locate(("rows", k)),
                    labels=declaration(symbol),
                    entry=f"row {k + 1} of {symbol.name}",
                    found=counted(int(widths[k]), "item"),
                    expected=f"{width:,} {'is' if width == 1 else 'are'}",
                    mend="a row holds the key, component by component, and then the value"
                    if isinstance(symbol, Parameter)
                    else "a row holds the index, component by component, and then the member",
                )
            ]
        )
    return transposed(rows, width)


def _flatten_object(
    symbol: Parameter | SetSymbol, value: Mapping[object, object], locate: Locate
) -> tuple[list[list[object]], list[list[object]], list[object]]:
    """Key columns, the path of each entry (a column a level), and the values of nested objects."""
    keys: list[list[object]] = []
    paths: list[list[object]] = []
    level: list[object] = [value]
    while True:
        lengths = list(map(len, level))  # type: ignore[arg-type]
        own: list[object] = list(chain.from_iterable(level))  # type: ignore[arg-type]
        keys = [_repeated(key, lengths) for key in keys]
        paths = [*(_repeated(path, lengths) for path in paths), own]
        keys += _components(symbol, own, len(keys), paths, locate)
        level = list(chain.from_iterable(map(_values, level)))  # type: ignore[arg-type]
        if len(keys) == symbol.arity or not level:
            break
        if not all(issubclass(kind, Mapping) for kind in set(map(type, level))):
            for k in (k for k, item in enumerate(level) if not isinstance(item, Mapping)):
                item = level[k]
                place = locate([path[k] for path in paths])
                wanted = f"an object keyed by {_set_of_component(symbol, len(keys))}"
                path_text = symbol.name + "".join(f"[{value_text(path[k])}]" for path in paths)
                raise _shape_error(symbol, item, place, wanted, _object_forms(symbol), path_text)
    return [*keys, *([] for _ in range(symbol.arity - len(keys)))], paths, level


def _object_forms(symbol: Parameter | SetSymbol) -> str:
    return f'nest one object for each index of {signature(symbol)}, or give rows: {{"rows": [[…], …]}}'


def _set_of_component(symbol: Parameter | SetSymbol, component: int) -> str:
    at = 0
    for generator in symbol.space.generators:
        at += max(1, sum(getattr(getattr(p, "var", None), "arity", 1) for p in generator.pattern))
        if component < at:
            return set_text(generator)
    return "member"


def _values(item: Mapping[object, object]) -> Iterable[object]:
    return item.values()


def _repeated(items: list[object], counts: list[int]) -> list[object]:
    return list(chain.from_iterable(map(repeat, items, counts)))


def _components(
    symbol: Parameter | SetSymbol, own: list[object], before: int, paths: list[list[object]], locate: Locate
) -> list[list[object]]:
    """The key components that one level of keys gives: one, or several where keys are tuples."""
    widths = set(map(len, own)) if own and set(map(type, own)) == {tuple} else {1}  # type: ignore[arg-type]
    if widths == {1} and (not own or not any(isinstance(key, tuple) for key in own)):
        return [own]
    room = symbol.arity - before
    for k, key in enumerate(own):
        width = len(key) if isinstance(key, tuple) else 1
        if len(widths) > 1 or width > room or not isinstance(key, tuple):
            if isinstance(key, tuple) and width == room:
                continue
            raise _shape_error(
                symbol,
                key,
                locate([path[k] for path in paths]),
                f"a key of {counted(room, 'component')}",
                f"{signature(symbol)} has {counted(symbol.arity, 'index', 'indices')}",
                f"the key {value_text(key)} of {symbol.name}",
                found=f"a tuple of {width}" if isinstance(key, tuple) else "a single member",
            )
    return transposed(own, next(iter(widths)))


def _flatten_lists(
    symbol: Parameter | SetSymbol, items: Sequence[object], depth: int, locate: Locate
) -> tuple[list[object], tuple[NDArray[np.int64], ...]]:
    """The items at a depth of nested lists, and the lengths of the lists at each depth."""
    level = list(items)
    lengths: list[NDArray[np.int64]] = [np.array([len(level)], dtype=np.int64)]
    for _ in range(1, depth):
        if not set(map(type, level)) <= set(_LISTS):
            k = next(k for k, item in enumerate(level) if type(item) not in _LISTS)
            place = locate(path_of(tuple(lengths), k))
            raise _shape_error(symbol, level[k], place, "a list", f"{symbol.name} is {nesting_text(depth)}")
        lengths.append(np.fromiter(map(len, level), dtype=np.int64, count=len(level)))  # type: ignore[arg-type]
        level = list(chain.from_iterable(level))  # type: ignore[arg-type]
    return level, tuple(lengths)


def _refuse_nested(
    symbol: Parameter, values: list[object], path: Callable[[int], Sequence[object]], locate: Locate
) -> None:
    if not any(issubclass(kind, (*_LISTS, Mapping)) for kind in set(map(type, values))):
        return
    k = next(k for k, value in enumerate(values) if isinstance(value, (*_LISTS, Mapping)))
    steps = path(k)
    entry = symbol.name + "".join(f"[{value_text(step)}]" for step in steps)
    mend = f"{signature(symbol)} has {counted(symbol.arity, 'index', 'indices')}"
    raise _shape_error(symbol, values[k], locate(steps), "a single value", mend, entry)


# ------------------------------------------------------------------------------------------------------------ sets
def _set(symbol: SetSymbol, value: object, locate: Locate) -> Keyed:
    if not isinstance(value, (*_LISTS, range)):
        mend = "write its members in a list" + (
            "; a table of a set is given as -d NAME=FILE:COLUMN" if isinstance(value, str) else ""
        )
        raise _shape_error(symbol, value, locate(()), "a list of members", mend)
    items = list(value)
    columns = _member_columns(symbol, items, lambda k: locate((k,)))
    return Keyed(columns, None, Origin(lambda: locate(()), lambda k: locate((k,))))


def _member_columns(symbol: SetSymbol, items: list[object], place: Callable[[int], Where]) -> tuple[Cells, ...]:
    """Columns of members: scalars, or lists of components."""
    kinds = set(map(type, items))
    if not items:
        return tuple(column([]) for _ in range(symbol.dimension or 1))
    if not kinds & set(_LISTS):
        if symbol.dimension not in (None, 1):
            raise DataError([wrong_dimension(symbol, value_text(items[0]), 1, symbol.dimension or 1, place(0))])
        return (column(items),)
    dimension = symbol.dimension or max(1, *(len(item) for item in items if isinstance(item, _LISTS)))
    for k, item in enumerate(items):
        width = len(item) if isinstance(item, _LISTS) else 1
        if width != dimension:
            raise DataError([wrong_dimension(symbol, value_text(item), width, dimension, place(k))])
    if dimension == 1 and not kinds <= set(_LISTS):
        items = [item[0] if isinstance(item, _LISTS) else item for item in items]
        return (column(items),)
    return tuple(map(column, transposed(items, dimension)))


def _family(symbol: SetSymbol, value: object, locate: Locate, *, keys_are_spelled: bool) -> Keyed | Grouped:
    if isinstance(value, Mapping):
        rows = _rows_of(value)
        if rows is not None:
            longest = max((len(row) for row in rows if isinstance(row, _LISTS)), default=0)
            dimension = symbol.dimension or max(longest - symbol.arity, 1)
            columns = _row_columns(symbol, rows, symbol.arity + dimension, locate)
            return Keyed(tuple(map(column, columns)), None, Origin(lambda: locate(()), lambda k: locate(("rows", k))))
        keys, paths, groups = _flatten_object(symbol, value, locate)
        make = spelled if keys_are_spelled else column
        index: tuple[Cells, ...] | None = tuple(make(key) for key in keys)  # type: ignore[arg-type]
        origin = Origin(lambda: locate(()), lambda k: locate([path[k] for path in paths]))
    elif isinstance(value, _LISTS):
        groups, lengths = _flatten_lists(symbol, value, len(symbol.space.generators), locate)
        index, origin = None, Origin(lambda: locate(()), lambda k: locate(path_of(lengths, k)))
        paths = [[path_of(lengths, k) for k in range(len(groups))]]
    else:
        raise _shape_error(symbol, value, locate(()), "an object of lists", "give each index its list of members")
    for k, group in enumerate(groups):
        if not isinstance(group, (*_LISTS, range)):
            raise _shape_error(symbol, group, origin.entry(k), "a list of members", "give each index its list")
    counts = np.fromiter(map(len, groups), dtype=np.int64, count=len(groups))  # type: ignore[arg-type]
    ends = np.cumsum(counts)

    def place(k: int) -> Where:
        group = int(np.searchsorted(ends, k, side="right"))
        steps = path_of(lengths, group) if index is None else [path[group] for path in paths]
        return locate([*steps, k - int(ends[group] - counts[group])])

    items: list[object] = list(chain.from_iterable(groups))  # type: ignore[arg-type]
    return Grouped(index, counts, _member_columns(symbol, items, place), origin, Origin(lambda: locate(()), place))


# ---------------------------------------------------------------------------------------------------------- errors
def kind_text(value: object) -> str:
    """What a value is, in the words of data formats."""
    match value:
        case Mapping():
            return "an object"
        case list() | tuple():
            return nesting_text(_depth(value))
        case str() | bool() | None | int() | float():
            return value_text(value)
        case _:
            return f"a {type(value).__name__}"


def _depth(value: object) -> int:
    depth = 0
    while isinstance(value, _LISTS):
        depth += 1
        value = value[0] if value else None
    return depth


def _shape_error(
    symbol: Parameter | SetSymbol,
    value: object,
    where: Where,
    expected: str,
    mend: str,
    entry: str | None = None,
    *,
    found: str | None = None,
) -> DataError:
    diagnostic: Diagnostic = report(
        codes.WRONG_NESTING,
        where,
        labels=declaration(symbol) if where != symbol.span else (),
        entry=entry or symbol.name,
        found=found or kind_text(value),
        expected=expected,
        mend=mend,
    )
    return DataError([diagnostic])
