"""Every diagnostic, declared once. Each module of this package declares the codes of one subject as ``CODES``."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from ..diagnostics import Code, Diagnostic, Hint, Label, Place
from ..source import Span

_SUBJECTS = (
    *("syntax", "habits", "names", "types", "rules", "levels", "data", "solving", "files", "instances", "outside"),
    "kernels",
)


@cache
def _table() -> dict[str, Code]:
    table: dict[str, Code] = {}
    for subject in _SUBJECTS:
        for code in import_module(f"{__name__}.{subject}").CODES:
            if code.id in table:
                raise AssertionError(f"{code.id} is declared twice")
            table[code.id] = code
    return table


def lookup(code_id: str) -> Code | None:
    """The entry of a code such as ``E0123``, in any case and without leading zeros too (``e54``), or None."""
    return _table().get(code_id[:1].upper() + code_id[1:].zfill(4))


def every() -> list[Code]:
    """All codes, in order."""
    return [code for _, code in sorted(_table().items())]


def report(
    code: Code,
    place: Span | Place | None,
    *,
    label: str = "",
    labels: tuple[Label, ...] = (),
    hints: tuple[Hint, ...] = (),
    **facts: object,
) -> Diagnostic:
    """A diagnostic with the code's templates filled by ``facts``; the code's own hint comes after the given ones.

    Give ``hints`` where the mend is known exactly; the code's own hint is then left out.
    """
    own = (Hint(code.hint.format(**facts)),) if code.hint is not None and not hints else ()
    return Diagnostic(code, " ".join(code.fact.format(**facts).split()), place, label, labels, hints + own)
