"""One type for everything optc has to say about a model, its data or a run.

A diagnostic names a code of the catalogue, states the fact, points at a place, and offers hints; a hint that knows
the exact mend carries it as edits, which tools (and the tests) apply. Faces: ``render`` for a terminal,
``to_json`` for ``--json``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .source import Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in data: a file (or ``--set``, or the name of a Python argument), and a row or a path inside it."""

    file: str
    line: int | None = None
    column: int | None = None
    path: str | None = None
    excerpt: str | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """A second place with a few words on what it has to do with the first."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What to do, in the imperative; ``edits`` do it."""

    text: str
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """An entry of the catalogue.

    ``title`` names the fault in a few words; ``fact`` and ``hint`` are templates for ``str.format``; ``explanation``
    is the long text of ``optc explain E0123``: what it means, why it is refused, a wrong example and its mend.
    """

    id: str
    title: str
    fact: str
    hint: str | None
    explanation: str

    @property
    def severity(self) -> Severity:
        words: dict[str, Severity] = {"E": "error", "W": "warning", "N": "note"}
        return words[self.id[0]]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    code: Code
    message: str
    place: Span | Place | None
    label: str = ""
    labels: tuple[Label, ...] = ()
    hints: tuple[Hint, ...] = ()
    context: tuple[str, ...] = field(default=(), compare=False)

    @property
    def severity(self) -> Severity:
        return self.code.severity
