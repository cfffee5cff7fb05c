"""What the Python API raises for a wrong model; wrong data raise ``optc.compiler.data.DataError``."""

from __future__ import annotations

from collections.abc import Sequence

from optc.dsl.diagnostics import Diagnostic


class ModelError(Exception):
    """A model cannot be read, or is wrong. ``diagnostics`` holds everything that was found, warnings included."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from optc.dsl.render import render

        return "\n" + render(self.diagnostics, color=False)
