"""Breaks the words of one statement into lines of at most ``WIDTH`` columns.

A line is broken where the language lets one go on: inside brackets, behind operators, commas and ``:``, before ``then``
and ``else``. The loosest such places go first; what stands between two of them stays on one line where it fits. A
bracket whose content does not fit is opened: its content stands on lines of its own, indented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

from .columns import width

WIDTH = 100
INDENT = 2
_DEEP = 60  # beyond this indentation nothing is opened any more


class Break(IntEnum):
    """How readily a line ends at a place, loosest first; ``NEVER`` where it must not."""

    NEVER = 0
    WITH = 1
    LABEL = 2
    DEFINITION = 3
    FOR = 4
    FILTER = 5
    COMMA = 6
    IMPLICATION = 7
    BRANCH = 8
    OR = 9
    AND = 10
    RELATION = 11
    UNION = 12
    SUM = 13
    PRODUCT = 14


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment inside a statement: behind a word (``trailing``), or on a line of its own before the next one."""

    text: str
    trailing: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A word and the place before it: a blank or none, whether a line may end there, the comments that stand there.

    ``opened`` marks an opening bracket whose content always gets lines of its own.
    """

    text: str
    blank: bool
    rank: Break = Break.NEVER
    remarks: tuple[Remark, ...] = ()
    opened: bool = False


@dataclass(slots=True)
class Line:
    code: str
    comment: str | None = None


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def break_lines(words: Sequence[Word], indent: int) -> list[Line]:
    """The lines of a statement that begins at ``indent``; the first word's remarks are left to the caller."""
    return _Writer(words, indent).write()


@dataclass(slots=True)
class _Writer:
    words: Sequence[Word]
    base: int
    lines: list[Line] = field(default_factory=list)
    column: int = 0
    fresh: bool = True
    closing: list[int] = field(default_factory=list)
    reach: list[int] = field(default_factory=list)
    forced: list[int] = field(default_factory=list)

    def write(self) -> list[Line]:
        self._measure()
        self._start_line(self.base)
        count = len(self.words)
        starts = [0, *(k for k in range(1, count) if self.words[k].rank is Break.WITH), count]
        for number, (start, end) in enumerate(pairwise(starts)):
            if number:
                self._break(start, self.base + INDENT)
            self._lay(start, end, self.base + INDENT * (2 if number else 1))
        return self.lines

    def _measure(self) -> None:
        """Sums that make every question about a run of words a subtraction."""
        open_at: list[int] = []
        self.closing = [-1] * len(self.words)
        self.reach, self.forced = [0], [0]
        for k, word in enumerate(self.words):
            if word.text in _CLOSING:
                open_at.append(k)
            elif word.text in _CLOSING.values() and open_at:
                self.closing[open_at.pop()] = k
            self.reach.append(self.reach[-1] + width(word.text) + word.blank)
            self.forced.append(self.forced[-1] + bool(word.remarks) + word.opened)

    # ------------------------------------------------------------------------------------------------------- writing
    def _start_line(self, indent: int) -> None:
        self.lines.append(Line(" " * indent))
        self.column, self.fresh = indent, True

    def _put(self, k: int) -> None:
        word = self.words[k]
        blank = word.blank and not self.fresh
        self.lines[-1].code += f" {word.text}" if blank else word.text
        self.column += width(word.text) + blank
        self.fresh = False

    def _break(self, k: int, indent: int) -> None:
        """Ends the line before word ``k``, with the comments that stand there."""
        for remark in self.words[k].remarks:
            if remark.trailing:
                self.lines[-1].comment = remark.text
            else:
                self._start_line(indent)
                self.lines[-1] = Line(" " * indent + remark.text)
        self._start_line(indent)

    def _put_flat(self, start: int, end: int, indent: int) -> None:
        """Word by word; a new line only where a comment asks for it."""
        for k in range(start, end):
            if k > start and self.words[k].remarks:
                self._break(k, indent)
            self._put(k)

    # -------------------------------------------------------------------------------------------------------- asking
    def _flat_width(self, start: int, end: int) -> int:
        return self.reach[end] - self.reach[start] - self.words[start].blank if end > start else 0

    def _is_forced(self, start: int, end: int) -> bool:
        """Whether a run of words cannot stand on one line; comments before its first word do not count."""
        return end > start and self.forced[end] - self.forced[start] - bool(self.words[start].remarks) > 0

    def _fits(self, start: int, end: int, column: int) -> bool:
        return not self._is_forced(start, end) and column + self._flat_width(start, end) <= WIDTH

    def _elements(self, start: int, end: int) -> Iterator[int]:
        """Positions of the words outside inner brackets, opening brackets included."""
        k = start
        while k < end:
            yield k
            k = self.closing[k] + 1 if self.closing[k] > k else k + 1

    def _next_column(self, k: int) -> int:
        """Where word ``k`` would begin on this line."""
        return self.column + (self.words[k].blank and not self.fresh)

    # -------------------------------------------------------------------------------------------------------- laying
    def _lay(self, start: int, end: int, indent: int) -> None:
        """Writes a run of words from here on; lines that it needs beyond the first begin at ``indent``."""
        if start == end:
            return
        if indent > _DEEP or self._fits(start, end, self._next_column(start)):
            self._put_flat(start, end, indent)
            return
        loosest, cuts = self._cuts(start, end)
        if loosest is Break.NEVER:
            self._lay_elements(start, end, indent)
        elif loosest in (Break.LABEL, Break.DEFINITION):
            self._lay_definition(start, cuts[1], end, indent)
        else:
            self._lay_pieces(cuts, indent, each=loosest is Break.FOR or self._is_table(cuts))

    def _cuts(self, start: int, end: int) -> tuple[Break, list[int]]:
        """The loosest places to break a run outside its inner brackets, between its two ends."""
        places = [k for k in self._elements(start, end) if k > start and self.words[k].rank]
        loosest = min((self.words[k].rank for k in places), default=Break.NEVER)
        return loosest, [start, *(k for k in places if self.words[k].rank == loosest), end]

    def _lay_definition(self, start: int, cut: int, end: int, indent: int) -> None:
        """``name: …`` or ``name = …``: what follows goes to the next line, unless opening its bracket says more."""
        self._lay(start, cut, indent)
        stays = self._fits(cut, end, self._next_column(cut)) or self._hugs(cut, end, indent)
        if self.words[cut].remarks or not stays:
            self._break(cut, indent)
        self._lay(cut, end, indent)

    def _hugs(self, start: int, end: int, indent: int) -> bool:
        """Whether a run is a literal, or one bracket with a word or two before it, too long for a line of its own."""
        if self.closing[start] == end - 1:
            return True
        if self._fits(start, end, indent):
            return False
        elements = list(self._elements(start, end))
        last = elements[-1]
        return self.closing[last] == end - 1 and not any(
            self.words[k].rank or self.words[k].remarks for k in elements[1:]
        )

    def _lay_pieces(self, cuts: Sequence[int], indent: int, *, each: bool) -> None:
        """As many pieces a line as fit, or each on its own."""
        broken = False
        for number, (start, end) in enumerate(pairwise(cuts)):
            fits = self._fits(start, end, self._next_column(start))
            if number and (each or broken or not fits or self.words[start].remarks):
                self._break(start, indent)
                fits = self._fits(start, end, indent)
            before = len(self.lines)
            self._lay(start, end, indent + INDENT)
            broken = len(self.lines) > before

    def _is_table(self, cuts: Sequence[int]) -> bool:
        """Whether pieces are the rows of a literal, which read best one a line."""
        opening = cuts[0] - 1
        if opening < 0 or self.words[cuts[1]].rank is not Break.COMMA or self.closing[opening] != cuts[-1]:
            return False
        rows = pairwise(cuts)
        before = self.words[opening - 1].text if opening else ""
        literal = self.words[opening].text == "{" or self.words[opening].blank or before in _CLOSING
        return literal and any(end - start > 3 for start, end in rows)

    def _lay_elements(self, start: int, end: int, indent: int) -> None:
        """A run without a place to break: brackets that do not fit are opened."""
        for k in self._elements(start, end):
            if k > start and self.words[k].remarks:
                self._break(k, indent)
            close = self.closing[k]
            if close < 0:
                self._put(k)
                continue
            following = next((e for e in self._elements(close + 1, end) if self.closing[e] > e), end)
            if self._fits(k, close + 1, 0) and self._fits(k, following, self._next_column(k)):
                self._put_flat(k, close + 1, indent)
            else:
                self._lay_bracket(k, close)

    def _lay_bracket(self, opening: int, close: int) -> None:
        base = self._line_indent()
        self._put(opening)
        if close > opening + 1:
            self._break(opening + 1, base + INDENT)
            self._lay_content(opening, close, base + INDENT)
        if close > opening + 1 or self.words[close].remarks:
            self._break(close, base)
        self._put(close)

    def _lay_content(self, opening: int, close: int, indent: int) -> None:
        """What stands in an opened bracket; the rows of a table get a line each, also where they would fit on one."""
        loosest, cuts = self._cuts(opening + 1, close)
        if loosest is Break.COMMA and self._is_table(cuts):
            self._lay_pieces(cuts, indent, each=True)
        else:
            self._lay(opening + 1, close, indent)

    def _line_indent(self) -> int:
        code = self.lines[-1].code
        return len(code) - len(code.lstrip(" "))
