"""Where characters stand on a terminal: tabs, wide and combining characters, and characters that must not be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import category, combining, east_asian_width

TAB = 4
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Layout:
    """One line as a terminal shows it: ``cells[k]`` stands for character ``k`` and begins at column ``starts[k]``.

    Columns count from 0; ``starts`` has one entry more than there are characters, the width of the whole line.
    """

    cells: tuple[str, ...]
    starts: Sequence[int]

    @property
    def width(self) -> int:
        return self.starts[-1]

    def column(self, character: int) -> int:
        """The column of a character; one beyond the line's end stands behind its last character."""
        beyond = max(0, character - len(self.cells))
        return self.starts[min(character, len(self.cells))] + beyond


def lay_out(line: str) -> Layout:
    """Tabs become spaces up to the next multiple of four, control characters a replacement character."""
    if line.isascii() and line.isprintable():
        return Layout(tuple(line), range(len(line) + 1))
    cells: list[str] = []
    starts = [0]
    for character in line:
        cell = _cell(character, starts[-1])
        cells.append(cell)
        starts.append(starts[-1] + width(cell))
    return Layout(tuple(cells), tuple(starts))


def width(text: str) -> int:
    """Columns that a text without tabs and control characters takes."""
    return len(text) if text.isascii() else sum(_character_width(character) for character in text)


def visible(text: str) -> str:
    """The text with everything that could steer a terminal replaced; line breaks and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_REPLACEMENT if _steers(character) and character not in "\n\t" else character for character in text)


def _cell(character: str, column: int) -> str:
    if character == "\t":
        return " " * (TAB - column % TAB)
    return _REPLACEMENT if _steers(character) else character


def _steers(character: str) -> bool:
    return category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _BIDIRECTIONAL


def _character_width(character: str) -> int:
    if combining(character) or category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1
