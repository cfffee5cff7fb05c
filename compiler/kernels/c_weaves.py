"""Results of a loop that lie in turns and fill a run together: the columns of a matrix stored by rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .loops import Ints
from .programs import Output, Pass

WIDEST = 16  # the most columns that are written together


@dataclass(frozen=True, slots=True, eq=False)
class Weave:
    """``columns``: which output of the pass stands in each place of a row.

    ``turned``: the same of the rows where ``order`` is 1, of a matrix whose rows have two orders.
    """

    columns: tuple[int, ...]
    turned: tuple[int, ...] = ()
    order: Ints | None = None


def weaves(run: Pass) -> list[Weave]:
    """The weaves among the outputs of a pass; no output is in two of them."""
    found = [Weave(columns) for columns in _plain(run.outputs)]
    taken = {k for weave in found for k in weave.columns}
    for columns in _neighbours(run.outputs, taken):
        weave = _either_way(columns, run)
        if weave is not None:
            found.append(weave)
    return found


def _plain(outputs: Sequence[Output]) -> list[tuple[int, ...]]:
    """Outputs that have the same stride and begin next to one another, as many as the stride is long."""
    known: dict[tuple[int, int, str], int] = {}
    for k, o in enumerate(outputs):
        if o.action in ("store", "add") and o.index.array is None and 1 < o.index.stride <= WIDEST:
            known[o.index.base, o.index.stride, o.action] = k
    found = []
    for base, stride, action in sorted(known):
        group = [known.get((base + j, stride, action)) for j in range(stride)]
        if None not in group:
            found.append(tuple(k for k in group if k is not None))
            for j in range(stride):
                del known[base + j, stride, action]
    return found


def _neighbours(outputs: Sequence[Output], taken: set[int]) -> Iterator[tuple[int, ...]]:
    """Stored outputs whose least positions follow one another, some of them looked up."""
    known = {o.index.base: k for k, o in enumerate(outputs) if o.action == "store" and not o.more and k not in taken}
    row: list[int] = []
    for base in sorted(known):
        if row and base != outputs[row[-1]].index.base + 1:
            yield tuple(row)
            row = []
        row.append(known[base])
    yield tuple(row)


def _either_way(columns: tuple[int, ...], run: Pass) -> Weave | None:
    """The weave of outputs whose rows each fill their own part of a run, in one of two orders.

    So are the entries of a row of a Jacobian that reads two places, either of which may come first.
    """
    width, rows = len(columns), run.loop.size
    chosen = [run.outputs[k].index for k in columns]
    if not 2 <= width <= WIDEST or all(index.array is None for index in chosen):
        return None
    starts = chosen[0].base + width * np.arange(rows, dtype=np.int64)
    code = np.zeros(rows, dtype=np.int64)
    for index in chosen:
        place = index.positions(rows) - starts
        if place.min() < 0 or place.max() >= width:
            return None
        code = code * width + place
    turned = code != code[0]
    second = code[turned]
    if not len(second) or (second != second[0]).any():
        return None
    orders = [_order(int(each), columns) for each in (code[0], second[0])]
    if any(None in order for order in orders):
        return None
    first, other = (tuple(k for k in order if k is not None) for order in orders)
    return Weave(first, other, turned.astype(np.int32))


def _order(code: int, columns: tuple[int, ...]) -> list[int | None]:
    """Which output stands in each place, by the digits of a code: the place of each output."""
    width = len(columns)
    found: list[int | None] = [None] * width
    for k in reversed(columns):
        code, place = divmod(code, width)
        found[place] = k
    return found
