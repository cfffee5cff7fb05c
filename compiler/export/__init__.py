"""Writers of lowered forms, one a file format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .named import NamedForm, Written

FORMATS = ("lp", "mps", "json", "nl")


def write(problem: NamedForm, format: str) -> Written:
    """The text of a form in one of ``FORMATS``; raises ValueError for another."""
    if format not in FORMATS:
        raise ValueError(f"the formats are {', '.join(FORMATS)}, not {format!r}")
    written: Written = getattr(import_module(f".{format}", __name__), f"{format}_text")(problem)
    return written
