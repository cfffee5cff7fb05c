"""A form with the names of its rows and columns: what the writers take and the MPS reader gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..forms.linear import LinearForm


@dataclass(frozen=True, slots=True, eq=False)
class NamedForm:
    """``rows`` and ``columns`` name the form's rows and columns in order; ``objective`` may be empty."""

    name: str
    objective: str
    form: LinearForm
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """A text in a file format. ``rows`` and ``columns`` map the names in it that had to change to the original ones.

    ``beside``: texts that belong into files beside it, by their ending.
    """

    text: str
    rows: Mapping[str, str]
    columns: Mapping[str, str]
    beside: Mapping[str, str] = field(default_factory=dict)

    def files(self, target: Path) -> list[tuple[Path, str]]:
        """The files to write where ``target`` is wanted, and their texts."""
        return [(target, self.text), *((target.with_suffix(ending), text) for ending, text in self.beside.items())]


def spelled_names(
    names: Sequence[str], *, forbidden: re.Pattern[str], bad_start: re.Pattern[str], reserved: Iterable[str] = ()
) -> tuple[list[str], dict[str, str]]:
    """Names that a format can hold, each once, and which of them stand for another name.

    Forbidden characters become ``_``; a name with a bad start or a reserved word gets ``_`` in front; what is then
    there already, or longer than 200 characters, gets a number behind it.
    """
    words = frozenset(reserved)
    fitting = {name for name in names if _fits(name, forbidden, bad_start, words)}
    used: set[str] = set()
    result: list[str] = []
    changed: dict[str, str] = {}
    for name in names:
        spelling = name
        if name not in fitting or name in used:
            base = _forced(name, forbidden, bad_start, words)
            spelling, count = base, 1
            while spelling in fitting or spelling in used:
                count += 1
                spelling = f"{base}_{count}"
            changed[spelling] = name
        used.add(spelling)
        result.append(spelling)
    return result, changed


def _forced(name: str, forbidden: re.Pattern[str], bad_start: re.Pattern[str], reserved: frozenset[str]) -> str:
    base = forbidden.sub("_", name)[:200] or "_"
    return "_" + base if bad_start.match(base) or base.lower() in reserved else base


def _fits(name: str, forbidden: re.Pattern[str], bad_start: re.Pattern[str], reserved: frozenset[str]) -> bool:
    return (
        0 < len(name) <= 200
        and forbidden.search(name) is None
        and bad_start.match(name) is None
        and name.lower() not in reserved
    )


def decimal(value: float) -> str:
    """The shortest decimal that reads back as the same number, without a needless ``.0``."""
    return repr(value).removesuffix(".0")
