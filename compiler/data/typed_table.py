"""A table in memory whose cells have types of their own: SQLite, Excel, Parquet, data frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optc.dsl.diagnostics import Place

from .cells import column, objects
from .supplied import Cells
from .tables import Loaded, Role


@dataclass(frozen=True, slots=True, eq=False)
class TypedTable:
    """``fetch`` gives the cells of a column by its position; ``locate`` the place of a row (None: the header)."""

    shown: str
    header: Sequence[str]
    fetch: Callable[[int], Loaded]
    locate: Callable[[int | None, int | None], Place]

    def load(self, roles: Mapping[int, Role]) -> Mapping[int, Loaded]:
        """The columns at some positions; cells keep their types whatever the role."""
        return {k: self.fetch(k) for k in roles}

    def place(self, row: int | None, column: int | None) -> Place:
        """Where a cell stands."""
        return self.locate(row, column)


def loaded_from_list(values: Sequence[object]) -> Loaded:
    """A column of Python values; ``None`` and empty texts are missing."""
    missing = np.fromiter((value is None or value == "" for value in values), dtype=np.bool_, count=len(values))
    if not missing.any():
        return Loaded(column(values), None)
    present = column([value for value, gap in zip(values, missing, strict=True) if not gap])
    return Loaded(_spread(present, missing), missing)


def _spread(present: Cells, missing: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Cells:
    """Cells with a filler where one is missing."""
    if present.kind == "number":
        out = np.zeros(len(missing), dtype=present.values.dtype)
    else:
        out = objects([""] * len(missing))
    out[~missing] = present.values
    return Cells(present.kind, out)
