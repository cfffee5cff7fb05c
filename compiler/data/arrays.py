"""numpy arrays by position, and xarray's labelled arrays by their coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Parameter, SetSymbol

from .cells import column, objects, whole_where_possible
from .errors import DataError
from .nested import entries_of_nested
from .positions import path_of
from .reports import counted, declaration, signature
from .supplied import Cells, Dense, Keyed, Origin, SuppliedEntries
from .tables import index_names


def array_cells(array: np.ndarray[Any, np.dtype[Any]]) -> Cells:
    """A flat array as cells; truth values, objects and dates keep their Python types."""
    if array.dtype.kind in "iu":
        numbers = whole_where_possible(array)
        return Cells("number", numbers)
    if array.dtype.kind == "f":
        return Cells("number", array.astype(np.float64, copy=False))
    if array.dtype.kind in "UT":
        return Cells("text", objects(array.tolist()))
    return column(array.tolist())


def array_entries(symbol: Parameter | SetSymbol, array: Any, shown: str) -> SuppliedEntries:
    """An array: values by position, one axis an index set; for a set its members (two axes: tuples)."""
    masked = isinstance(array, np.ma.MaskedArray) and bool(np.ma.getmaskarray(array).any())
    values = np.array(array.tolist(), dtype=np.object_) if masked else np.asarray(array)
    whole = Place(shown)
    if isinstance(symbol, SetSymbol):
        return _members(symbol, values, shown)
    if not values.ndim or not symbol.arity:
        return entries_of_nested(symbol, values.tolist(), lambda _: whole, keys_are_spelled=False)
    lengths = shape_lengths(values.shape)
    origin = Origin(whole, lambda k: Place(shown, path="".join(f"[{p}]" for p in path_of(lengths, k))))
    return Dense(array_cells(values.reshape(-1)), lengths, origin)


def shape_lengths(shape: Sequence[int]) -> tuple[np.ndarray[Any, np.dtype[np.int64]], ...]:
    """The lengths of nested lists of an array's shape, depth by depth."""
    lengths = []
    count = 1
    for extent in shape:
        lengths.append(np.full(count, extent, dtype=np.int64))
        count *= extent
    return tuple(lengths)


def _members(symbol: SetSymbol, values: np.ndarray[Any, np.dtype[Any]], shown: str) -> SuppliedEntries:
    origin = Origin(Place(shown), lambda k: Place(shown, path=f"[{k}]"))
    if not symbol.arity and values.ndim == 2 and values.shape[1] and symbol.dimension in (None, values.shape[1]):
        return Keyed(tuple(array_cells(values[:, c]) for c in range(values.shape[1])), None, origin)
    if not symbol.arity and values.ndim == 1 and symbol.dimension in (None, 1):
        return Keyed((array_cells(values),), None, origin)
    return entries_of_nested(
        symbol,
        values.tolist(),
        lambda steps: Place(shown, path="".join(f"[{s}]" for s in steps)),
        keys_are_spelled=False,
    )


# --------------------------------------------------------------------------------------------------------- xarray
def xarray_entries(symbol: Parameter | SetSymbol, array: Any, shown: str) -> SuppliedEntries:
    """A DataArray: dimensions matched to indices by name where all are so named, else in order; keys by coordinates."""
    if isinstance(symbol, SetSymbol) or not symbol.arity:
        return array_entries(symbol, array.to_numpy(), shown)
    depth = len(symbol.space.generators)
    if array.ndim != depth:
        what = (
            f"{signature(symbol)} has {counted(depth, 'index set')}, and the array {counted(array.ndim, 'dimension')}"
        )
        mend = "give the array one dimension for each index set"
        raise DataError([report(codes.HEADER_MISFIT, Place(shown), labels=declaration(symbol), what=what, mend=mend)])
    array = array.transpose(*_order(symbol, [str(d) for d in array.dims], list(array.dims)))
    if depth != symbol.arity or any(dim not in array.coords for dim in array.dims):
        return array_entries(symbol, array.to_numpy(), shown)
    shape = array.shape
    labels = [array_cells(np.asarray(array.coords[dim].to_numpy())) for dim in array.dims]
    positions = np.unravel_index(np.arange(array.size), shape)
    keys = tuple(label.take(position) for label, position in zip(labels, positions, strict=True))

    def locate(k: int) -> Place:
        named = ", ".join(f"{dim}={key.at(k)}" for dim, key in zip(array.dims, keys, strict=True))
        return Place(shown, path=f"[{named}]")

    return Keyed(keys, array_cells(array.to_numpy().reshape(-1)), Origin(Place(shown), locate))


def _order(symbol: Parameter, names: list[str], dims: list[Any]) -> list[Any]:
    """The dimensions in the order of the indices."""
    own = index_names(symbol)
    if len(own) != len(dims):
        return dims
    by_name = [[k for k, name in enumerate(names) if name in accepted] for accepted in own]
    if all(len(found) == 1 for found in by_name):
        return [dims[found[0]] for found in by_name]
    return dims
