"""What the words ahead say about a word: whether it is a keyword, where its bracket closes.

All functions take the words of the first pass (dsl/words.py) and a place among them.
"""

from __future__ import annotations

from collections.abc import Sequence

from .vocabulary import BLOCK_HEADS, HARD_WORDS, HEADS, INFIX, SECOND_WORD
from .words import Token

_FARTHEST = 200
_BEHIND_A_NAME = frozenset({"=", "[", ":", ",", "RELATION", "in", ";", "LINE"})


def is_keyword(raw: Sequence[Token], at: int, *, bracketed: bool) -> bool:
    """Whether a word can only be the keyword of a new statement, even where a statement is unfinished.

    ``bracketed``: a bracket is open before it.
    """
    if at + 1 >= len(raw) or raw[at].kind != "NAME":
        return False
    word, after = raw[at].text, raw[at + 1]
    if word in SECOND_WORD:
        return after.text == SECOND_WORD[word]
    if word == "recourse":
        return after.kind == "{"
    if word in ("minimize", "maximize") and not bracketed and after.kind in ("NUMBER", "AGGREGATE", "LINE"):
        return True
    return word in HEADS and after.kind in ("NAME", "TEXT", "BAD") and after.text not in INFIX


def fits(raw: Sequence[Token], at: int, *, in_list: bool) -> bool:
    """Whether the keyword at ``at``, the first word of a statement, is one in view of the next word.

    ``in_list``: constraints may stand here, so that a name may begin one.
    """
    word, after = raw[at].text, raw[at + 1]
    if after.kind not in HEADS[word]:
        if after.kind == "[" and word in ("minimize", "maximize"):
            return not in_list or raw[behind_bracket(raw, at + 1)].kind in ("LINE", ";", "}")
        if after.kind == "LINE" and word == "recourse":
            return at + 2 < len(raw) and raw[at + 2].kind == "{"
        if after.kind == "[" and word in BLOCK_HEADS:
            return raw[behind_bracket(raw, at + 1)].kind == "{"
        return "BAD" in HEADS[word] and "(" not in HEADS[word] and _is_hard_name(raw, at + 1)
    if word in SECOND_WORD:
        return after.text == SECOND_WORD[word]
    if word in ("minimize", "maximize") and after.kind == "NAME":
        return after.text != "complements"
    return True


def _is_hard_name(raw: Sequence[Token], at: int) -> bool:
    """Whether a hard word stands as a name would: what comes behind it begins no operand."""
    if raw[at].text not in HARD_WORDS or at + 1 >= len(raw):
        return False
    return raw[at + 1].text in INFIX or raw[at + 1].kind in _BEHIND_A_NAME


def behind_bracket(raw: Sequence[Token], at: int) -> int:
    """The place behind the bracket that opens at a word and closes on the same line; else that line's end."""
    depth = 0
    while raw[at].kind != "LINE":
        depth += _step(raw[at])
        at += 1
        if depth == 0:
            return at
    return at


def closes_on_this_line(raw: Sequence[Token], at: int) -> bool:
    """Whether the bracket that is open before a word closes soon, on the line of that word."""
    depth = 1
    for token in raw[at : at + _FARTHEST]:
        if token.kind == "LINE":
            return False
        depth += _step(token)
        if depth == 0:
            return True
    return False


def _step(token: Token) -> int:
    return (token.kind in ("(", "[", "{")) - (token.kind in (")", "]", "}"))
