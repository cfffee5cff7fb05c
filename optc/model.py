"""``Model``: a checked model without data; ``read`` and ``parse``, the ways in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Function, Program
from optc.dsl.source import Source

from .errors import ModelError
from .loading import Loaded, load, load_file

if TYPE_CHECKING:
    from .problem import Problem

DataInput = str | os.PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model:
    """A model that was read and checked, and has no data yet. Made by ``optc.read`` and ``optc.parse``."""

    program: Program
    source: Source
    diagnostics: tuple[Diagnostic, ...]
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def class_name(self) -> str:
        """The problem class that follows from who decides when, and from the shape: ``linear``, ``bilevel``, …"""
        from optc.compiler.quantifiers import class_name

        return class_name(self.program)

    def bind(self, *inputs: DataInput, allow_surplus: bool = False, **names: Any) -> Problem:
        """The model with its data.

        ``inputs``: paths of data files (``"diet.json"``, ``"cost=foods.csv"``) or mappings by name. ``names``: values
        by name: numbers, lists, dicts, numpy arrays, pandas and polars frames, xarray arrays, networkx graphs; for an
        ``extern`` its function. ``allow_surplus`` makes names and entries that the model does not know warnings.

        Raises DataError with every mistake found.
        """
        from .problem import bind

        return bind(self, [*inputs, names], allow_surplus=allow_surplus)

    @property
    def functions(self) -> tuple[str, ...]:
        """The externs, which need a function when the model is bound."""
        symbols = self.program.symbols.values()
        return tuple(s.name for s in symbols if isinstance(s, Function) and s.kind == "extern")

    def __repr__(self) -> str:
        return f"<optc.Model {self.name}: {describe(self.program)}>"


def describe(program: Program) -> str:
    """``linear, 2 sets, 3 parameters, 1 variable, 4 constraints``: the class and how many names of each kind."""
    from optc.compiler.quantifiers import class_name

    kinds: dict[str, int] = {}
    for symbol in program.symbols.values():
        word = _KINDS.get(type(symbol).__name__)
        if word:
            kinds[word] = kinds.get(word, 0) + 1
    counts = [f"{count} {word}{'' if count == 1 else 's'}" for word, count in kinds.items()]
    return ", ".join([class_name(program), *counts])


_KINDS = {
    "SetSymbol": "set",
    "Parameter": "parameter",
    "Variable": "variable",
    "Choice": "choice",
    "Uncertain": "uncertain name",
    "Constraint": "constraint",
}


def model_of(loaded: Loaded) -> Model:
    """The model of a loaded file; raises ModelError where it has errors."""
    if loaded.program is None:
        raise ModelError(loaded.diagnostics)
    return Model(loaded.program, loaded.source, loaded.diagnostics, loaded.seconds)


def read(path: str | os.PathLike[str]) -> Model:
    """Reads and checks a model file. Raises ModelError with all diagnostics."""
    return model_of(load_file(os.fspath(path)))


def parse(text: str, *, name: str = "<text>") -> Model:
    """Checks the text of a model; ``name`` stands for a file name in messages. Raises ModelError."""
    return model_of(load(Source(name, text)))
