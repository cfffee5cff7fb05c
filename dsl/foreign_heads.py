"""First words of statements that are misspelt or come from other languages, and the keyword that is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .vocabulary import FOREIGN_HEADS, FOREIGN_INFIX, HEADS, INFIX, SECOND_WORD
from .words import Token


class Meant(NamedTuple):
    """``token`` covers ``words`` words, which stand for the keyword ``ours`` (None: for none that is known)."""

    token: Token
    words: int
    ours: str | None


def meant(raw: Sequence[Token], at: int, in_list: bool) -> Meant | None:
    """What the word at ``at``, the first of a statement, is meant for; None where it may be a name.

    ``in_list``: constraints may stand here, so that a name may begin one.
    """
    token, after = raw[at], raw[at + 1]
    lower = token.text.lower()
    ours = FOREIGN_HEADS.get(lower, lower if lower != token.text and lower in HEADS else None)
    if token.text == "s":
        return _such_that(raw, at)
    if ours == "subject to":
        return _subject_to(raw, at, in_list)
    if not in_list and after.kind == ":" and ours in ("minimize", "maximize"):
        return Meant(token, 1, ours)
    if after.kind == "NAME" and (after.text in SECOND_WORD.values() or not _is_infix(after.text)):
        near = ours or _nearest(token.text, 0.7 if in_list else 0.66)
        if near in SECOND_WORD and after.text != SECOND_WORD[near]:
            return None
        return None if near is None and in_list else Meant(token, 1, near)
    if in_list and after.kind == "(":  # `max(x, y) <= 3` is a constraint
        return None
    if ours is not None and after.kind in HEADS[ours] - {"-", "+", "LINE", "NAME"}:
        return Meant(token, 1, ours)
    return None


def _is_infix(word: str) -> bool:
    return word in INFIX or word in FOREIGN_INFIX


def _nearest(word: str, cutoff: float) -> str | None:
    from difflib import get_close_matches  # only where there is a mistake: loading it takes a while

    near = get_close_matches(word, HEADS, 1, cutoff)
    return near[0] if near else None


def _such_that(raw: Sequence[Token], at: int) -> Meant | None:
    """AMPL's ``s.t.``"""
    signs = raw[at : at + 4]
    if [sign.text for sign in signs] != ["s", ".", "t", "."]:
        return None
    return Meant(Token("NAME", "s.t.", signs[0].start, signs[3].end), 4, "subject to")


def _subject_to(raw: Sequence[Token], at: int, in_list: bool) -> Meant | None:
    """``st``, ``such that``, ``constraints`` and the like, judged by the next token."""
    token, after = raw[at], raw[at + 1]
    second = {"such": "that", "subject": "to"}.get(token.text.lower())
    if second is not None:
        whole = Token("NAME", f"{token.text} {after.text}", token.start, after.end)
        return Meant(whole, 2, "subject to") if after.text.lower() == second else None
    if after.kind == ":":
        opens = not in_list or raw[at + 2].kind == "LINE"
    elif after.kind == "NAME":
        opens = after.text not in INFIX
    else:
        opens = after.kind in ("LINE", "NUMBER", "AGGREGATE", "BAD")
    return Meant(token, 1, "subject to") if opens else None
