"""A .nl file as a model with data; see ``optc.compiler.nl.model``.

Names come from the files that AMPL writes beside it: ``stem.row`` and ``stem.col``, a name a line. Without them, or
where they do not fit, rows are ``c0``, ``c1``, … and variables ``v0``, ``v1``, …
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from optc.compiler.nl.binary import as_text, is_binary
from optc.compiler.nl.model import stated
from optc.compiler.nl.reader import NlError, NlProblem, read_nl_text
from optc.compiler.nl.terms import Malformed
from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from .errors import ModelError
from .loading import decode, plain_bytes
from .model import Model, parse

if TYPE_CHECKING:
    from .problem import Problem


def nl_problem(path: str) -> NlProblem:
    """What a .nl file states, packed with gzip or plain. Raises ModelError."""
    data = plain_bytes(path)
    try:
        return read_nl_text(_text(data, path), path)
    except NlError as refusal:
        raise ModelError(refusal.diagnostics) from None


def _text(data: bytes, path: str) -> str:
    """The text of a file, or that of which a binary one is the packed form. Raises ModelError."""
    if not is_binary(data):
        return decode(data, path)
    try:
        return as_text(data)
    except Malformed as fault:
        raise ModelError([report(codes.NL_LINE, Place(path), problem=fault.problem, mend=fault.mend)]) from None


def read_nl(path: str | os.PathLike[str]) -> Problem:
    """The problem of a .nl file, ready to solve. Raises ModelError; DataError where bounds cross."""
    name = os.fspath(path)
    model, data = as_model(nl_problem(name), name)
    return model.bind(data)


def as_model(problem: NlProblem, path: str) -> tuple[Model, dict[str, object]]:
    """The model of a problem and its data; ``path``: where the names of its rows and variables are looked for."""
    base = path[:-3] if path.lower().endswith(".gz") else path
    stem = base[:-3]
    rows = _names(Path(stem + ".row"), len(problem.rows), "c")
    columns = _names(Path(stem + ".col"), len(problem.cost), "v")
    found = stated(problem, rows, columns)
    model = parse(found.text, name=f"{Path(stem).name or 'model'}.opt")
    return replace(model, diagnostics=problem.notes), found.data


def _names(path: Path, count: int, letter: str) -> Sequence[str]:
    """The names of a file, a line each, where it has enough and none twice."""
    try:
        names = path.read_text(encoding="utf-8").split("\n")[:count]
    except (OSError, UnicodeDecodeError):
        names = []
    if len(names) == count and all(names) and len(set(names)) == count:
        return names
    return [f"{letter}{k}" for k in range(count)]
