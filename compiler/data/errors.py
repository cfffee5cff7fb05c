"""What is raised when data are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optc.dsl.diagnostics import Diagnostic

if TYPE_CHECKING:
    from .supplied import Supplied


class DataError(Exception):
    """Data that do not fit the model, with every mistake found.

    ``supplied``: what could be read all the same (raised by ``read_inputs`` only); whoever catches the error may go on
    with it to find the mistakes in the rest, and raises at the end.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic], supplied: Supplied | None = None) -> None:
        told = (f"{d.code.id}: {d.message}" for d in diagnostics)
        super().__init__("\n".join(told) or "some data could not be read, as was told when they were read")
        self.diagnostics = tuple(diagnostics)
        self.supplied = supplied
