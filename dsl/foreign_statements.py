"""Whole statements of other languages, refused with their mend and rewritten as ours before they are read.

``rewrite`` works on the words of the first pass (dsl/words.py): what it puts there is read like what the user wrote.
"""

from __future__ import annotations

from collections.abc import Callable

from .catalogue import habits as codes
from .catalogue import report
from .diagnostics import Diagnostic, Edit, Hint
from .source import Source, Span
from .vocabulary import COMMANDS, FOREIGN_HEADS, INFIX, TYPES_FIRST
from .words import Token

Words = list[Token]
Said = list[Diagnostic]
_SENSES = ("minimize", "maximize")


def rewrite(source: Source, raw: Words, at: int, in_list: bool, said: Said) -> bool:
    """Whether the statement that begins with the word at ``at`` was one of another language, and stands rewritten.

    ``in_list``: constraints may stand here, so that a name may begin one.
    """
    return any(attempt(source, raw, at, in_list, said) for attempt in _ATTEMPTS)


def _span(source: Source, first: Token, last: Token) -> Span:
    return Span(source, first.start, last.end)


def _not_needed(source: Source, raw: Words, at: int, _in_list: bool, said: Said) -> bool:
    """``end``, ``solve;``, and the ``solve`` of ``solve minimize x``."""
    token, after = raw[at], raw[at + 1]
    alone = after.kind in ("LINE", ";")
    before_sense = token.text == "solve" and after.text in (*_SENSES, "satisfy")
    if not (before_sense or (alone and token.text in ("end", "End", "END", "solve"))):
        return False
    gone = Span(source, token.start, after.start if before_sense else token.end)
    hint = Hint("leave it out", (Edit(gone, ""),))
    said.append(report(codes.NOT_NEEDED, _span(source, token, token), hints=(hint,), word=token.text))
    del raw[at]
    return True


def _command(source: Source, raw: Words, at: int, _in_list: bool, said: Said) -> bool:
    """AMPL's ``display x;`` and MiniZinc's ``output [ … ];``."""
    token, after = raw[at], raw[at + 1]
    if token.text not in COMMANDS:
        return False
    if after.kind == "NAME" and (after.text in INFIX or raw[at + 2].kind == ":"):
        return False
    if after.kind not in ("NAME", "TEXT") and not (after.kind == "[" and raw[at + 2].kind == "TEXT"):
        return False
    end = at
    while raw[end].kind not in ("LINE", ";"):
        end += 1
    hint = Hint("leave it out: `optc solve` prints the answer", (Edit(_span(source, token, raw[end - 1]), ""),))
    said.append(report(codes.COMMAND, _span(source, token, token), hints=(hint,), word=token.text))
    del raw[at:end]
    return True


def _objective_behind_its_name(source: Source, raw: Words, at: int, _in_list: bool, said: Said) -> bool:
    """``cost: minimize …`` for ``minimize cost: …``."""
    token, colon, sense = raw[at : at + 3] if at + 2 < len(raw) else (raw[at],) * 3
    ours = sense.text if sense.text in _SENSES else FOREIGN_HEADS.get(sense.text.lower())
    if colon.kind != ":" or sense.kind != "NAME" or ours not in _SENSES:
        return False
    if raw[at + 3].kind not in ("NAME", "NUMBER", "AGGREGATE"):
        return False
    edit = Edit(_span(source, token, sense), f"{ours} {token.text}:")
    hint = Hint(f"write `{ours} {token.text}:`", (edit,))
    said.append(report(codes.SENSE_BEHIND_NAME, _span(source, sense, sense), hints=(hint,), word=sense.text))
    # The places of the words stay in order, so that spans built from them do.
    head = Token("NAME", ours, token.start, token.start)
    raw[at : at + 3] = [head, token, colon]
    return True


def _type_first(source: Source, raw: Words, at: int, in_list: bool, said: Said) -> bool:
    """MiniZinc's ``var int: x`` and ``int: n = 5``."""
    token = raw[at]
    declared = token.text in ("var", "param") and raw[at + 1].kind == "NAME"
    place = at + 1 if declared else at
    kind, colon, name = raw[place : place + 3] if place + 2 < len(raw) else (raw[at],) * 3
    if kind.text not in TYPES_FIRST or colon.kind != ":" or name.kind != "NAME" or (in_list and not declared):
        return False
    word = token.text if declared else "param"
    ours = TYPES_FIRST[kind.text][word]
    mended = f"{word} {name.text} {ours}".rstrip()
    hint = Hint(f"write `{mended}`", (Edit(_span(source, token, name), mended),))
    said.append(report(codes.TYPE_FIRST, _span(source, kind, kind), hints=(hint,), word=kind.text))
    head = Token("NAME", word, token.start, token.start)
    attribute = [Token(":" if part == ":" else "NAME", part, name.end, name.end) for part in ours.split()]
    raw[at : place + 3] = [head, name, *attribute]
    return True


_ATTEMPTS: tuple[Callable[[Source, Words, int, bool, Said], bool], ...] = (
    _not_needed,
    _command,
    _objective_behind_its_name,
    _type_first,
)
