"""Codes of this subject."""

from __future__ import annotations

from ..diagnostics import Code

CODES: list[Code] = []


def _code(id_: str, title: str, fact: str, hint: str | None, explanation: str) -> Code:
    entry = Code(id_, title, fact, hint, explanation)
    CODES.append(entry)
    return entry
