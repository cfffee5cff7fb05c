"""Numbers with the indices they belong to: how a solution hands out the values of a family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import SetRef, Space

from ..spaces.members import Members

Member = float | int | str
Entry = float | str

_SHOWN = 8  # rows of a long family in its repr, at each end


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A family's values by index. ``names``: what the index runs over, a set of tuples once (``["Arcs"]``).

    ``values`` has one entry for each of ``index``, in its order: floats, or texts where options of a choice have
    names. A family without indices has one entry; ``float(family)`` gives it.
    """

    name: str
    names: tuple[str, ...]
    index: Members
    values: NDArray[Any]

    def __getitem__(self, key: Member | tuple[Member, ...]) -> Entry:
        """The value at an index: ``buy["bread"]``, ``flow["a", "b"]``, ``z[()]``. Raises KeyError."""
        parts = key if isinstance(key, tuple) else (key,)
        if len(parts) != self.index.arity:
            raise KeyError(f"{self.name} takes {self.index.arity} indices, not {len(parts)}")
        if not parts:
            return self._plain(0)
        position = int(self.index.locate([_column(part) for part in parts])[0])
        if position < 0:
            raise KeyError(f"{self.name} has no entry at {key!r}")
        return self._plain(position)

    def _plain(self, position: int) -> Entry:
        value = self.values[position]
        return value if isinstance(value, str) else float(value)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[Member, ...]]:
        """The index tuples, in order."""
        return iter(self.keys())

    def keys(self) -> list[tuple[Member, ...]]:
        if not self.index.arity:
            return [()]
        return list(zip(*(column.tolist() for column in self.index.columns), strict=True))

    def items(self) -> Iterator[tuple[tuple[Member, ...], Entry]]:
        return zip(self.keys(), self.values.tolist(), strict=True)

    def __float__(self) -> float:
        if self.index.arity:
            raise TypeError(f"{self.name} is indexed: give it an index, such as {self.name}[{self.keys()[:1]}]")
        return float(self.values[0])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype) if copy is not False else np.asarray(self.values, dtype=dtype)

    def to_dict(self) -> dict[Any, Entry]:
        """By index: the member itself for one component, a tuple for several, ``()`` for none."""
        if self.index.arity == 1:
            return {key[0]: value for key, value in self.items()}
        return dict(self.items())

    def rows(self) -> list[list[Member | Entry]]:
        """The rows of the result's JSON: the components of the index, then the value."""
        columns = [column.tolist() for column in self.index.columns] if self.index.arity else []
        return [list(row) for row in zip(*columns, self.values.tolist(), strict=True)]

    def to_json(self) -> dict[str, Any]:
        return {"index": list(self.names), "values": self.rows()}

    def to_pandas(self) -> Any:
        """A ``pandas.Series`` indexed by the members; needs pandas."""
        import pandas

        if not self.index.arity:
            return pandas.Series(self.values, name=self.name)
        columns = [pandas.Index(column) for column in self.index.columns]
        if len(columns) == 1:
            index = columns[0].rename(self.names[0] if self.names else None)
        else:
            labels = self.names if len(self.names) == len(columns) else None
            index = pandas.MultiIndex.from_arrays(columns, names=labels)
        return pandas.Series(self.values, index=index, name=self.name)

    def to_xarray(self) -> Any:
        """An ``xarray.DataArray``: one dimension a component, NaN where the family has no entry; needs xarray."""
        import xarray

        if not self.index.arity:
            return xarray.DataArray(self.values[0], name=self.name)
        fitting = len(self.names) == self.index.arity and len(set(self.names)) == len(self.names)
        names = self.names if fitting else tuple(f"index{k}" for k in range(1, self.index.arity + 1))
        axes, places = [], []
        for column in self.index.columns:
            members = dict.fromkeys(column.tolist())
            order = {member: position for position, member in enumerate(members)}
            axes.append(list(members))
            places.append([order[member] for member in column.tolist()])
        kind = object if self.values.dtype == np.object_ else np.float64
        block = np.full([len(axis) for axis in axes], np.nan, dtype=kind)
        block[tuple(places)] = self.values
        return xarray.DataArray(block, coords=dict(zip(names, axes, strict=True)), dims=names, name=self.name)

    def __repr__(self) -> str:
        if not self.index.arity:
            return f"{self.name} = {_short(self.values[0])}"
        head = f"{self.name}[{', '.join(self.names)}], {len(self)} entries"
        shown = (
            range(len(self)) if len(self) <= 2 * _SHOWN else [*range(_SHOWN), -1, *range(len(self) - _SHOWN, len(self))]
        )
        lines = [self._line(position) if position >= 0 else "  …" for position in shown]
        return "\n".join([head, *lines])

    def _line(self, position: int) -> str:
        member = self.index.member(position)
        return f"  {', '.join(map(str, member))}: {_short(self.values[position])}"


def index_names(space: Space) -> tuple[str, ...]:
    """What each generator of a space runs over: the set's name, or its text where it has none."""
    return tuple(_set_name(generator.set) for generator in space.generators)


def _set_name(term: Any) -> str:
    if isinstance(term, SetRef):
        return term.symbol
    return " ".join(term.span.text.split()) if term.span is not None else "index"


def _column(value: Member) -> NDArray[Any]:
    if isinstance(value, str):
        column = np.empty(1, dtype=np.object_)
        column[0] = value
        return column
    return np.array([value])


def _short(value: Any) -> str:
    return value if isinstance(value, str) else f"{float(value):.10g}"
