"""The ten lines at the head of a .nl file: how many of everything there are, and in which order variables stand.

Variables come in this order, whole ones last within each of the first three groups: nonlinear in rows and objectives;
in rows alone; in objectives alone; linear; binary; other whole ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .terms import Malformed, Refused

LINES = 10
_WANTED = (
    "variables, rows, objectives, ranges, equations",
    "nonlinear rows, nonlinear objectives",
    "nonlinear and linear network rows",
    "variables that are nonlinear in rows, in objectives, in both",
    "linear network variables, functions",
    "binary variables, other whole ones, and nonlinear whole ones in both, in rows, in objectives",
    "entries of the rows, entries of the objectives",
    "lengths of names",
    "defined variables in both, in rows, in objectives, in one row, in one objective",
)


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """``integer`` (columns): which variables are whole. ``entries``: of all rows; ``defined``: defined variables."""

    name: str
    columns: int
    rows: int
    objectives: int
    integer: NDArray[np.bool_]
    entries: int
    cost_entries: int
    defined: int


class Position(Protocol):
    """Where the reading stands: ``at``, a line from 0."""

    at: int


def read_header(lines: Sequence[str], position: Position) -> Header:
    """The header. Raises ``Malformed`` and ``Refused`` with ``position`` at the line that is wrong."""
    first = lines[0] if lines else ""
    if first[:1] != "g" or not first[1:2].isdigit():
        raise Malformed(f"a .nl file begins with g and numbers, this one with {first[:20]!r}", "check the file's kind")
    _, _, comment = first.partition("problem")
    table = [_numbers(lines, k, what, position) for k, what in enumerate(_WANTED, 1)]
    size, nonlinear, network, shares, linear, whole, entries, _, defined = table
    columns, rows, objectives = size[0], size[1], size[2]
    position.at = 1
    if max(columns, rows, objectives) > len(lines):
        raise Malformed(
            f"{max(columns, rows, objectives)} variables, rows or objectives do not fit into {len(lines)} lines",
            "the file may be cut off",
        )
    if size[5:] and size[5]:
        raise Refused("a logical row", "state it with binary variables and rows, or as `=>` in a .opt model")
    if nonlinear[0] > rows or nonlinear[1] > objectives:
        position.at = 2
        raise Malformed("there are more nonlinear rows or objectives than rows or objectives", "mend the numbers")
    if network[0] or network[1] or linear[0]:
        position.at = 3
        raise Refused("a network (arcs and nodes)", "write the rows of the nodes out")
    if linear[1]:
        position.at = 5
        raise Refused("an imported function", "write it out with operators, or as an `extern` of a .opt model")
    integer = _integer(columns, shares, whole, position)
    return Header(comment.strip(), columns, rows, objectives, integer, entries[0], entries[1], sum(defined[:5]))


def _numbers(lines: Sequence[str], at: int, what: str, position: Position) -> list[int]:
    """The numbers of a header line, at least as many as it must have."""
    position.at = min(at, len(lines) - 1)
    least = {1: 5, 2: 2, 3: 2, 4: 3, 5: 2, 6: 5, 7: 2, 8: 0, 9: 5}[at]
    older = {1: 3, 4: 2, 6: 2}.get(at, least)  # so many numbers stand there in older files
    words = lines[at].partition("#")[0].split() if at < len(lines) else []
    try:
        found = [int(w) for w in words]
    except ValueError:
        found = []
    if older <= len(found) < least:
        found += [0] * (least - len(found))
    if len(found) < least or any(n < 0 for n in found) or any(n >= 1 << 31 for n in found):
        raise Malformed(f"line {at + 1} of the header must hold whole numbers: {what}", "mend the line")
    return found


def _integer(columns: int, shares: Sequence[int], whole: Sequence[int], position: Position) -> NDArray[np.bool_]:
    in_rows, in_objectives, both = shares[:3]
    binary, other, both_whole, rows_whole, objectives_whole = whole[:5]
    end = max(in_rows, in_objectives)
    ordered = bool(both_whole or rows_whole or objectives_whole)  # else the order says nothing
    position.at = 4
    if (ordered and (both > in_rows or both > in_objectives)) or (ordered * end) + binary + other > columns:
        raise Malformed(
            "the numbers of nonlinear and of whole variables do not fit to that of all variables", "mend the numbers"
        )
    found = np.zeros(columns, dtype=np.bool_)
    groups = ((both_whole, 0, both), (rows_whole, both, in_rows), (objectives_whole, in_rows, end))
    for count, begin, stop in groups if ordered else ():
        if count > stop - begin:
            position.at = 6
            raise Malformed("there are more nonlinear whole variables than nonlinear ones", "mend the numbers")
        found[stop - count : stop] = True
    found[columns - binary - other :] = True
    return found
