"""Data by position: do the lengths of the lists fit the index space?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Parameter

from ..spaces.members import Members
from .errors import DataError
from .reports import counted, declaration, set_text, signature, widths
from .supplied import Dense

Lengths = NDArray[np.int64]


def levels(parameter: Parameter, domain: Members) -> tuple[Lengths, ...]:
    """The lengths that nested lists of this parameter must have: at depth ``d``, one for each list at that depth.

    Read from the index space itself, whose rows come in the order of nested loops: a level's lists are the runs of
    equal members of its generators and those before.
    """
    ends: list[Lengths] = []  # for each depth the row at which each of its items ends
    changed = np.zeros(max(domain.size - 1, 0), dtype=np.bool_)
    at = 0
    generators = widths(parameter)
    for depth, width in enumerate(generators):
        if depth == len(generators) - 1:
            ends.append(np.arange(1, domain.size + 1, dtype=np.int64))
            break
        for column in domain.columns[at : at + width]:
            changed |= column[1:] != column[:-1]
        at += width
        last = np.array([domain.size] if domain.size else [], dtype=np.int64)
        ends.append(np.concatenate([np.flatnonzero(changed) + 1, last]))
    lengths: list[Lengths] = []
    outer = np.array([domain.size], dtype=np.int64)
    for inner in ends:
        upto = np.searchsorted(inner, outer, side="right")
        lengths.append(np.diff(np.concatenate([[0], upto])).astype(np.int64))
        outer = inner
    return tuple(lengths)


def path_of(lengths: Sequence[Lengths], row: int) -> list[int]:
    """The positions, list by list, that lead to the ``row``-th item below nested lists of these lengths."""
    path: list[int] = []
    for level in reversed(lengths):
        starts = np.cumsum(level) - level
        group = int(np.searchsorted(starts, row, side="right")) - 1
        path.append(row - int(starts[group]))
        row = group
    return path[::-1]


def check_lengths(parameter: Parameter, entries: Dense, domain: Members) -> None:
    """Raises ``DataError`` where values by position do not fit the index space."""
    depth = len(parameter.space.generators)
    if len(entries.lengths) != depth:
        raise DataError([_wrong_depth(parameter, entries, depth)])
    if parameter.space.condition is not None:
        raise DataError(
            [
                report(
                    codes.NO_POSITIONS,
                    entries.origin.whole,
                    labels=declaration(parameter),
                    name=parameter.name,
                )
            ]
        )
    if not domain.size and not len(entries.values):
        return
    for level, (found, expected) in enumerate(zip(entries.lengths, levels(parameter, domain), strict=True)):
        if len(found) == len(expected) and bool(np.all(found == expected)):
            continue
        wrong = int(np.flatnonzero(found != expected)[0]) if len(found) == len(expected) else 0
        raise DataError([_wrong_length(parameter, entries, level, wrong, int(found[wrong]), int(expected[wrong]))])


def nesting_text(depth: int) -> str:
    """``a single value``, ``a list``, ``a list of lists``, …"""
    if not depth:
        return "a single value"
    return "a list" + " of lists" * (depth - 1)


def _wrong_depth(parameter: Parameter, entries: Dense, depth: int) -> Diagnostic:
    found = len(entries.lengths)
    mend = f"{signature(parameter)} is declared over {counted(depth, 'index set')}" if depth else "it has no index"
    return report(
        codes.WRONG_NESTING,
        entries.origin.whole,
        labels=declaration(parameter),
        entry=parameter.name,
        found=nesting_text(found),
        expected=nesting_text(depth),
        mend=mend,
    )


def _wrong_length(
    parameter: Parameter, entries: Dense, level: int, wrong: int, found: int, expected: int
) -> Diagnostic:
    path = path_of(entries.lengths[:level], wrong)
    where = "".join(f"[{k}]" for k in path)
    name = set_text(parameter.space.generators[level])
    return report(
        codes.WRONG_LENGTH,
        entries.origin.whole if entries.part is None else entries.part(path),
        labels=declaration(parameter),
        entry=f"{parameter.name}{where}",
        found=counted(found, "item"),
        expected=f"{expected:,} {'is' if expected == 1 else 'are'}",
        mend=f"give one for each member of {name}, in its order; or give the entries by key",
    )
