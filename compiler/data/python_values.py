"""Python objects as data: what an object is, told by its type without importing the library it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Program

from .arrays import array_entries, xarray_entries
from .errors import DataError
from .frames import pandas_frame_entries, pandas_series_entries, polars_frame_entries, polars_series_entries
from .graphs import graph_entries
from .nested import entries_of_nested
from .offers import Offer, Taker
from .paths import path_text
from .reports import signature
from .supplied import PythonValue, SuppliedEntries


def python_offer(given: PythonValue, program: Program) -> Offer:
    """What a Python object under a name offers."""
    shown = f"argument {given.name}"
    return Offer(given.name, Place(shown), lambda symbol: _entries(symbol, given.value, program, shown))


def _entries(symbol: Taker, value: Any, program: Program, shown: str) -> SuppliedEntries:
    match _kind(value):
        case ("pandas", "DataFrame"):
            return pandas_frame_entries(symbol, value, program, shown)
        case ("pandas", _) if hasattr(value, "tolist"):
            return pandas_series_entries(symbol, value, shown)
        case ("polars", "DataFrame"):
            return polars_frame_entries(symbol, value, program, shown)
        case ("polars", "Series"):
            return polars_series_entries(symbol, value, shown)
        case ("xarray", "DataArray"):
            return xarray_entries(symbol, value, shown)
        case ("networkx", _) if hasattr(value, "nodes"):
            return graph_entries(symbol, value, shown)
    if isinstance(value, np.ndarray):
        return array_entries(symbol, value, shown)
    if isinstance(value, (set, frozenset)):
        raise DataError([report(codes.UNORDERED, Place(shown), name=symbol.name)])
    if isinstance(value, (str, int, float, np.generic, Mapping, list, tuple, range)) or value is None:
        return entries_of_nested(symbol, plain(value), _locator(shown), keys_are_spelled=False)
    if isinstance(value, Sequence) or type(value).__name__ in ("dict_keys", "dict_values"):
        return entries_of_nested(symbol, plain(list(value)), _locator(shown), keys_are_spelled=False)
    raise DataError([_unknown(symbol, value, shown)])


def _kind(value: object) -> tuple[str, str]:
    """The library and the name of the nearest class of a value that comes from one."""
    for base in type(value).__mro__:
        library = base.__module__.split(".")[0]
        if library in ("pandas", "polars", "xarray", "networkx"):
            name = base.__name__
            return library, "Series" if library == "pandas" and name.endswith("Index") else name
    return "", ""


def _locator(shown: str) -> Any:
    return lambda steps: Place(shown, path=path_text(steps) or None)


def plain(value: Any) -> Any:
    """Arrays and numpy scalars inside lists and dicts as Python's own."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Mapping):
        if any(isinstance(item, (np.ndarray, np.generic, list, tuple, Mapping, range)) for item in value.values()):
            return {key: plain(item) for key, item in value.items()}
        return value
    if isinstance(value, range):
        return list(value)
    if isinstance(value, (list, tuple)):
        kinds = set(map(type, value))
        if any(issubclass(kind, (np.ndarray, np.generic, list, tuple, Mapping, range)) for kind in kinds):
            return [plain(item) for item in value]
    return value


def _unknown(symbol: Taker, value: object, shown: str) -> Any:
    kind = type(value)
    called = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    mend = "give a number, list, dict, array, frame or graph"
    if hasattr(value, "toarray"):
        mend = "give a dense array, or the non-zero entries as {(i, j): value}"
    if hasattr(value, "__next__"):
        mend = "give a list: list(…)"
    return report(
        codes.UNKNOWN_OBJECT,
        Place(shown),
        name=symbol.name,
        what=f"a {called}",
        symbol=signature(symbol),
        mend=mend,
    )
