"""Answers of the puzzles among the examples by backtracking, from their raw data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path


def map_colors(path: Path) -> float:
    """The smallest number of colours with which neighbours differ."""
    data = json.loads(path.read_text(encoding="utf-8"))
    neighbours: dict[str, set[str]] = {state: set() for state in data["States"]}
    for one, other in data["Borders"]:
        neighbours[one].add(other)
        neighbours[other].add(one)
    return float(next(count for count in range(1, 49) if _colorable(neighbours, {}, count)))


def _colorable(neighbours: dict[str, set[str]], colors: dict[str, int], count: int) -> bool:
    """Whether the colouring can be completed; next is the state that sees most colours (D. Brélaz, 1979)."""
    if len(colors) == len(neighbours):
        return True
    seen = {s: {colors[t] for t in near if t in colors} for s, near in neighbours.items() if s not in colors}
    state = max(seen, key=lambda s: (len(seen[s]), len(neighbours[s])))
    new = max(colors.values(), default=-1) + 1  # of the colours not used yet one will do
    for color in range(min(count, new + 1)):
        if color not in seen[state] and _colorable(neighbours, {**colors, state: color}, count):
            return True
    return False


def sudoku_start(path: Path) -> float:
    """The number that the first three cells make in the only solution."""
    clues = {(r, c): d for r, c, d in json.loads(path.read_text(encoding="utf-8"))["Clues"]}
    (solution,) = _completions(clues)
    return 100.0 * solution[1, 1] + 10.0 * solution[1, 2] + solution[1, 3]


Cells = dict[tuple[int, int], int]


def _completions(cells: Cells) -> Iterator[Cells]:
    """All solutions; next is the cell with the fewest digits left."""
    empty = [(r, c) for r in range(1, 10) for c in range(1, 10) if (r, c) not in cells]
    if not empty:
        yield cells
        return
    cell, digits = min(((each, _free(cells, *each)) for each in empty), key=lambda pair: len(pair[1]))
    for digit in digits:
        yield from _completions({**cells, cell: digit})


def _free(cells: Cells, row: int, column: int) -> set[int]:
    box = (row - 1) // 3, (column - 1) // 3
    taken = {d for (r, c), d in cells.items() if r == row or c == column or ((r - 1) // 3, (c - 1) // 3) == box}
    return set(range(1, 10)) - taken
