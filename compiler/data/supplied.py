"""Data as they were given, in columns, before they are put in the places that the model has for them.

A reader turns its format into *entries* of one symbol: ``Keyed`` (columns of keys and a column of values), ``Dense``
(values by position) or ``Grouped`` (the sets of an indexed family). Entries know where each of them stands, and say
so only when asked: a place costs nothing while all is well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from optc.dsl.diagnostics import Diagnostic, Place
from optc.dsl.source import Span

from ..spaces.members import Codes

Where = Span | Place
Array = NDArray[Any]


# --------------------------------------------------------------------------------------------------------- inputs
@dataclass(frozen=True, slots=True)
class FileInput:
    """A file as ``-d`` takes it: ``diet.json``, ``cost=foods.csv``, ``Foods=foods.csv:name``, ``cost=a.sqlite:t.c``.

    ``explicit``: the user named the path, so it may lie anywhere; else it must lie below the model's folder or the
    current one.
    """

    argument: str
    explicit: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """``NAME=VALUE`` of ``--set``: the value is JSON, or a bare text."""

    text: str


@dataclass(frozen=True, slots=True)
class PythonValue:
    """A Python object under a symbol's name: a scalar, list, dict, array, frame, labelled array or graph."""

    name: str
    value: object


Input = FileInput | Setting | PythonValue


# ---------------------------------------------------------------------------------------------------------- cells
@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A column as it came.

    ``kind``: ``number`` (int64, float64), ``text`` (object array of ``str``), ``spelled`` (object array of ``str``
    from a place that has no types, such as a CSV cell or the key of a JSON object: read as what is expected there),
    ``mixed`` (object array of anything). With ``codes`` the column is ``values[codes]``, the values being distinct.
    """

    kind: Literal["number", "text", "spelled", "mixed"]
    values: Array
    codes: Codes | None = None

    def __len__(self) -> int:
        return len(self.values) if self.codes is None else len(self.codes)

    def at(self, entry: int) -> object:
        """One cell as a plain Python value."""
        cell = self.values[entry if self.codes is None else self.codes[entry]]
        return cell.item() if isinstance(cell, np.generic) else cell

    def expanded(self) -> Array:
        """One value an entry."""
        return self.values if self.codes is None else self.values[self.codes]

    def take(self, rows: Array) -> Cells:
        """The cells of some rows (positions or a mask)."""
        if self.codes is None:
            return Cells(self.kind, self.values[rows])
        return Cells(self.kind, self.values, self.codes[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where entries stand: all of them together (a place, or a way to find it), and the entry at a position."""

    together: Where | Callable[[], Where]
    entry: Callable[[int], Where]

    @property
    def whole(self) -> Where:
        """The place of all of them."""
        return self.together() if callable(self.together) else self.together

    def through(self, rows: Array) -> Origin:
        """The origin of entries of which only ``rows`` are kept."""
        entry = self.entry
        return Origin(self.together, lambda k: entry(int(rows[k])))

    def __reduce__(self) -> tuple[object, ...]:
        """In another process every entry stands where all of them do: what finds it holds the file as it was read."""
        whole = self.whole
        return Origin, (whole, _Everywhere(whole))


@dataclass(frozen=True, slots=True)
class _Everywhere:
    """The same place for every entry."""

    place: Where

    def __call__(self, _entry: object) -> Where:
        return self.place


# -------------------------------------------------------------------------------------------------------- entries
@dataclass(frozen=True, slots=True, eq=False)
class Keyed:
    """Entries by key: one column a key component and the values; a set's members have no values.

    ``note``: a line for messages about keys that do not fit, such as how else the file may be read.
    """

    keys: tuple[Cells, ...]
    values: Cells | None
    origin: Origin
    note: str | None = None

    def __len__(self) -> int:
        return len(self.keys[0]) if self.keys else len(self.values) if self.values is not None else 0


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """Values by position, flat. ``lengths[d]``: the lengths of the lists at depth ``d``, in order (one at depth 0).

    ``part`` says where a list stands, by the positions that lead to it.
    """

    values: Cells
    lengths: tuple[NDArray[np.int64], ...]
    origin: Origin
    part: Callable[[Sequence[int]], Where] | None = None

    def __reduce__(self) -> tuple[object, ...]:
        return Dense, (self.values, self.lengths, self.origin, _Everywhere(self.origin.whole))


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """The sets of an indexed family: ``counts[g]`` members for group ``g``, in columns one after the other.

    ``keys``: the index member of each group, component by component; None where groups go by position. ``groups``
    says where a group stands, ``origin`` where a member does.
    """

    keys: tuple[Cells, ...] | None
    counts: NDArray[np.int64]
    members: tuple[Cells, ...]
    groups: Origin
    origin: Origin


SuppliedEntries = Keyed | Dense | Grouped


@dataclass(frozen=True, slots=True, eq=False)
class Supplied:
    """What was given, by symbol name.

    ``diagnostics``: notes and warnings of reading. ``broken``: symbols whose data could not be read (their mistake is
    reported already; they are not missing). ``warnings``: None where surplus entries are refused; else the list to
    which ``place_parameter`` and ``place_set`` add a warning for them.
    """

    entries: Mapping[str, SuppliedEntries]
    diagnostics: tuple[Diagnostic, ...] = ()
    broken: frozenset[str] = frozenset()
    warnings: list[Diagnostic] | None = field(default=None)

    def get(self, name: str) -> SuppliedEntries | None:
        """The entries of a symbol, None where none were given."""
        return self.entries.get(name)
