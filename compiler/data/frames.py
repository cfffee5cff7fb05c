"""Data frames of pandas and polars: as tables, and series as columns or as entries by key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Place
from optc.dsl.program import Parameter, Program, SetSymbol

from .arrays import array_entries
from .cells import column, objects, whole_where_possible
from .csv_table import code_series
from .errors import DataError
from .nested import entries_of_nested
from .paths import path_text
from .reports import counted, signature
from .supplied import Cells, Keyed, Origin, SuppliedEntries
from .tables import Loaded, table_offers
from .typed_table import TypedTable, loaded_from_list


# --------------------------------------------------------------------------------------------------------- polars
def polars_table(frame: Any, shown: str) -> TypedTable:
    """A polars frame as a table."""
    header = [str(name) for name in frame.columns]

    def locate(row: int | None, column: int | None) -> Place:
        return _row_place(shown, row, None if column is None else header[column])

    return TypedTable(shown, header, lambda k: _polars_column(frame.to_series(k)), locate)


def _row_place(shown: str, row: int | None, column: object) -> Place:
    where = [] if row is None else [f"row {row + 1}"]
    where += [] if column is None else [f"column {column}"]
    return Place(shown, path=", ".join(where) or None)


def _polars_column(series: Any) -> Loaded:
    import polars as pl

    missing = series.is_null().to_numpy() if series.null_count() else None
    if series.dtype.is_numeric() and not series.dtype.is_decimal():
        filled = series.fill_null(0) if missing is not None else series
        return Loaded(Cells("number", _plain_numbers(filled.to_numpy())), missing)
    if series.dtype in (pl.String, pl.Categorical, pl.Enum):
        texts = series.cast(pl.String)
        return Loaded(code_series(texts.fill_null("") if missing is not None else texts, "text"), missing)
    return loaded_from_list(series.to_list())


def _plain_numbers(numbers: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    """int64 or float64."""
    return whole_where_possible(numbers) if np.issubdtype(numbers.dtype, np.integer) else numbers.astype(np.float64)


def polars_series_entries(symbol: Parameter | SetSymbol, series: Any, shown: str) -> SuppliedEntries:
    """A polars series: members of a set, or values by position."""
    return entries_of_nested(
        symbol, series.to_list(), lambda steps: Place(shown, path=path_text(steps) or None), keys_are_spelled=False
    )


def polars_frame_entries(symbol: Parameter | SetSymbol, frame: Any, program: Program, shown: str) -> SuppliedEntries:
    """A polars frame: long or wide, by the rules of tables."""
    return table_offers(polars_table(frame, shown), program, symbol.name)[0].read(symbol)


# --------------------------------------------------------------------------------------------------------- pandas
def pandas_column(values: Any) -> Loaded:
    """A pandas series or index as a column; missing values are missing cells, NaN among floats stays NaN."""
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        return Loaded(Cells("number", _plain_numbers(values.to_numpy())), None)
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(values)
    missing = np.asarray(values.isna(), dtype=np.bool_)
    if isinstance(dtype, pd.StringDtype):
        coded, distinct = pd.factorize(values)
        cells = Cells("text", objects(list(distinct)), np.maximum(coded, 0).astype(np.int64))
        return Loaded(cells, missing if missing.any() else None)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        filled = values.fillna(0) if missing.any() else values
        numbers = np.asarray(filled.to_numpy())
        return Loaded(Cells("number", _plain_numbers(numbers)), missing if missing.any() else None)
    return _pandas_objects(values.tolist())


def _categorical(values: Any) -> Loaded:
    categories = values.cat.categories if hasattr(values, "cat") else values.categories
    coded = np.asarray(values.cat.codes if hasattr(values, "cat") else values.codes).astype(np.int64)
    missing = coded < 0
    distinct = column(list(categories))
    cells = Cells(distinct.kind, distinct.values, np.maximum(coded, 0))
    return Loaded(cells, missing if missing.any() else None)


def _pandas_objects(values: Sequence[object]) -> Loaded:
    """Texts with None or NaN between them: those are missing."""
    return loaded_from_list(
        [None if v is None or (isinstance(v, float) and v != v) or type(v).__name__ in _NA else v for v in values]
    )


_NA = frozenset({"NAType", "NaTType"})


def pandas_table(frame: Any, shown: str, *, with_index: bool) -> TypedTable:
    """A pandas frame as a table; with the index its levels come first, as columns."""
    levels = [frame.index.get_level_values(k) for k in range(frame.index.nlevels)] if with_index else []
    header = [str(level.name) if level.name is not None else f"index{k + 1}" for k, level in enumerate(levels)]
    header += [str(name) for name in frame.columns]

    def fetch(k: int) -> Loaded:
        return pandas_column(levels[k] if k < len(levels) else frame.iloc[:, k - len(levels)])

    def locate(row: int | None, column: int | None) -> Place:
        return _row_place(shown, row, None if column is None else header[column])

    return TypedTable(shown, header, fetch, locate)


def pandas_frame_entries(symbol: Parameter | SetSymbol, frame: Any, program: Program, shown: str) -> SuppliedEntries:
    """A pandas frame: wide (rows by the index, columns by the header) or long by the rules of tables.

    The index takes part where its levels have names, or where there are fewer columns than the parameter has indices
    (so the leftover numbering of a filtered or shuffled frame does not).
    """
    is_wide = isinstance(symbol, Parameter) and symbol.arity >= 2 and symbol.name not in map(str, frame.columns)
    if is_wide and isinstance(symbol, Parameter) and frame.index.nlevels + frame.columns.nlevels == symbol.arity:
        return _wide(frame, shown)
    if isinstance(symbol, Parameter) and frame.shape[1] == 1 and frame.index.nlevels == symbol.arity:
        return pandas_series_entries(symbol, frame.iloc[:, 0], shown)
    names = [name for name in frame.index.names if name is not None]
    columns = frame.shape[1] - (symbol.name in map(str, frame.columns))
    with_index = bool(names) or (isinstance(symbol, Parameter) and columns < symbol.arity)
    return table_offers(pandas_table(frame, shown, with_index=with_index), program, symbol.name)[0].read(symbol)


def _wide(frame: Any, shown: str) -> SuppliedEntries:
    height, width = frame.shape
    down = [pandas_column(frame.index.get_level_values(k)).cells for k in range(frame.index.nlevels)]
    across = [pandas_column(frame.columns.get_level_values(k)).cells for k in range(frame.columns.nlevels)]
    keys = [c.take(np.repeat(np.arange(height), width)) for c in down]
    keys += [c.take(np.tile(np.arange(width), height)) for c in across]
    values = _plain_values(frame.to_numpy().reshape(-1))

    def locate(k: int) -> Place:
        return _row_place(shown, k // width, frame.columns[k % width])

    return Keyed(tuple(keys), values, Origin(Place(shown), locate))


def _plain_values(values: np.ndarray[Any, np.dtype[Any]]) -> Cells:
    return Cells("number", _plain_numbers(values)) if values.dtype.kind in "iuf" else column(values.tolist())


def pandas_series_entries(symbol: Parameter | SetSymbol, series: Any, shown: str) -> SuppliedEntries:
    """A pandas series or index: members of a set; else values by the key in its index, or by position without one."""
    import pandas as pd

    if isinstance(symbol, SetSymbol) or isinstance(series, pd.Index):
        return _pandas_members(symbol, series, shown)
    if isinstance(series.index, pd.RangeIndex) and symbol.arity == 1 and _is_default(series.index):
        return array_entries(symbol, series.to_numpy(), shown)
    levels = [series.index.get_level_values(k) for k in range(series.index.nlevels)]
    if len(levels) != symbol.arity:
        raise DataError([_wrong_levels(symbol, len(levels), shown)])
    loaded = pandas_column(series)
    keys = tuple(pandas_column(level).cells for level in levels)
    origin = Origin(Place(shown), lambda k: Place(shown, path=path_text([series.index[k]])))
    if loaded.missing is None:
        return Keyed(keys, loaded.cells, origin)
    rows = np.flatnonzero(~loaded.missing)
    return Keyed(tuple(key.take(rows) for key in keys), loaded.cells.take(rows), origin.through(rows))


def _is_default(index: Any) -> bool:
    return bool(index.start == 0 and index.step == 1 and index.name is None)


def _wrong_levels(symbol: Parameter, levels: int, shown: str) -> Diagnostic:
    return report(
        codes.HEADER_MISFIT,
        Place(shown),
        what=f"{signature(symbol)} has {counted(symbol.arity, 'index', 'indices')}, and the series' index has "
        f"{counted(levels, 'level')}",
        mend="give the series one index level for each index, or a frame with a column for each",
    )


def _pandas_members(symbol: Parameter | SetSymbol, values: Any, shown: str) -> SuppliedEntries:
    return entries_of_nested(
        symbol, values.tolist(), lambda steps: Place(shown, path=path_text(steps) or None), keys_are_spelled=False
    )
