"""Everything the user gave, read and sorted by symbol name.

A format's reader is imported when a file asks for it, since start-up counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Hint, Place
from optc.dsl.program import (
    Choice,
    Constraint,
    Function,
    Multiplier,
    NamedExpression,
    Parameter,
    Program,
    SetSymbol,
    Symbol,
    Uncertain,
    Variable,
)

from .collection import collector_held_back
from .csv_table import open_csv
from .errors import DataError
from .json_file import json_offers
from .offers import Offer
from .reports import declaration, nearest, where_text
from .settings import setting_offer
from .supplied import FileInput, Input, PythonValue, Setting, Supplied, SuppliedEntries
from .tables import table_offers

_FORMATS = {
    ".json": "json",
    ".toml": "toml",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
    ".svm": "libsvm",
    ".libsvm": "libsvm",
}
_ENDINGS = "|".join(re.escape(ending) for ending in sorted(_FORMATS, key=len, reverse=True))
_PART = re.compile(rf"(?P<path>.*(?:{_ENDINGS})):(?P<part>.+)", re.IGNORECASE | re.DOTALL)
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def read_inputs(
    program: Program, inputs: Sequence[Input], *, folder: Path | None, allow_surplus: bool = False
) -> Supplied:
    """Reads files, settings and Python objects into entries by symbol name.

    ``folder``: the model's (None for a model that is no file); paths are looked up from the current folder first, then
    from it. Names that the model does
    not declare are errors, or with ``allow_surplus`` warnings. A name that is given twice is an error, except that
    ``--set`` overrides the rest, with a note. Raises ``DataError`` with all mistakes; its ``supplied`` holds what could
    be read all the same.
    """
    with collector_held_back():
        return _read(program, inputs, folder, allow_surplus=allow_surplus)


def _read(program: Program, inputs: Sequence[Input], folder: Path | None, *, allow_surplus: bool) -> Supplied:
    problems: list[Diagnostic] = []
    offers: list[Offer] = []
    broken: set[str] = set()
    for given in inputs:
        try:
            offers += _offers(given, program, folder)
        except DataError as error:
            problems += error.diagnostics
            name = _name_of(given)
            broken |= set(program.symbols) if name is None else {name}
    notes: list[Diagnostic] = []
    entries: dict[str, SuppliedEntries] = {}
    for offer in _chosen(offers, problems, notes):
        symbol = program.symbols.get(offer.name)
        if symbol is None and allow_surplus:
            notes.append(report(codes.IGNORED_NAME, offer.where, name=offer.name))
        elif symbol is None:
            meant = nearest(offer.name, _takers(program))
            broken |= {meant} if meant is not None else set()
            problems.append(_unknown(offer, meant))
        elif (refusal := _refusal(offer, symbol)) is not None:
            problems.append(refusal)
        else:
            assert isinstance(symbol, (Parameter, SetSymbol))
            try:
                entries[offer.name] = offer.read(symbol)
            except DataError as error:
                problems += [d for d in error.diagnostics if d not in problems]
                broken.add(offer.name)
    supplied = Supplied(entries, tuple(notes), frozenset(broken - set(entries)), [] if allow_surplus else None)
    if problems:
        raise DataError(problems, supplied)
    return supplied


def _name_of(given: Input) -> str | None:
    """The one name that an input is for, None for a file of many."""
    match given:
        case FileInput(argument):
            return _split(argument)[0]
        case Setting(text):
            return text.partition("=")[0].strip()
        case PythonValue(name):
            return name


# ------------------------------------------------------------------------------------------------------- one input
def _offers(given: Input, program: Program, folder: Path | None) -> list[Offer]:
    match given:
        case FileInput():
            return _file_offers(given, program, folder)
        case Setting():
            return [setting_offer(given)]
        case PythonValue():
            from .python_values import python_offer

            return [python_offer(given, program)]


def _file_offers(given: FileInput, program: Program, folder: Path | None) -> list[Offer]:
    name, shown, part = _split(given.argument)
    if _URL.match(shown):
        hint = Hint("download it first: optc opens no network addresses")
        raise DataError([report(codes.FILE_NOT_FOUND, Place(shown), hints=(hint,), path=shown)])
    kind = _FORMATS.get(Path(shown).suffix.casefold())
    path = _found(shown, folder)
    if path is None:
        raise DataError([report(codes.FILE_NOT_FOUND, Place(shown), path=shown)])
    if not given.explicit and not _inside(path, [Path.cwd(), *([] if folder is None else [folder])]):
        raise DataError([report(codes.OUTSIDE_FOLDER, Place(shown), path=shown)])
    columns = part.split(",") if part is not None else []
    match kind:
        case "json" | "toml" if part is not None:
            raise DataError([_no_part(given.argument, shown)])
        case "json":
            return json_offers(path, shown, name)
        case "toml":
            from .toml_file import toml_offers

            return toml_offers(path, shown, name)
        case "csv":
            return table_offers(open_csv(path, shown), program, name, columns)
        case "parquet":
            from .parquet import parquet_offers

            return parquet_offers(path, shown, name, columns, program)
        case "sqlite":
            from .sqlite import sqlite_offers

            return sqlite_offers(path, shown, name, part, program)
        case "excel":
            from .excel import excel_offers

            return excel_offers(path, shown, name, part, program)
        case "libsvm":
            from .libsvm import libsvm_offers

            return libsvm_offers(path, shown, name, columns, program)
        case _:
            raise DataError([report(codes.UNKNOWN_FORMAT, Place(shown), path=shown)])


def _split(argument: str) -> tuple[str | None, str, str | None]:
    """Name, path and part of ``NAME=PATH:PART``; an existing file of that very name is a path."""
    name, equals, rest = argument.partition("=")
    if not equals or not name.isidentifier() or Path(argument).is_file():
        name, rest = "", argument
    match = None if Path(rest).is_file() else _PART.fullmatch(rest)
    if match is None:
        return name or None, rest, None
    return name or None, match["path"], match["part"]


def _found(shown: str, folder: Path | None) -> Path | None:
    paths = [Path(shown)] if folder is None else [Path(shown), folder / shown]
    return next((path for path in paths if path.is_file()), None)


def _inside(path: Path, folders: Sequence[Path]) -> bool:
    real = path.resolve()
    return any(real.is_relative_to(folder.resolve()) for folder in folders)


def _no_part(argument: str, shown: str) -> Diagnostic:
    form = "a data argument: a JSON or TOML file has no columns to name"
    return report(codes.BAD_ARGUMENT, Place(shown), argument=argument, form=form, mend=f"NAME={shown}")


# ------------------------------------------------------------------------------------------------------ all of them
def _chosen(offers: Sequence[Offer], problems: list[Diagnostic], notes: list[Diagnostic]) -> list[Offer]:
    """One offer a name: settings before the rest, else the first; clashes are told."""
    chosen: dict[str, Offer] = {}
    for offer in sorted(offers, key=lambda offer: not offer.overrides):
        first = chosen.setdefault(offer.name, offer)
        if first is offer:
            continue
        if first.overrides and not offer.overrides:
            notes.append(report(codes.OVERRIDDEN, first.where, name=offer.name, other=where_text(offer.where)))
        else:
            problems.append(report(codes.GIVEN_TWICE, offer.where, name=offer.name, other=where_text(first.where)))
    return list(chosen.values())


def _takers(program: Program) -> list[str]:
    return [name for name, symbol in program.symbols.items() if isinstance(symbol, (Parameter, SetSymbol))]


def _unknown(offer: Offer, meant: str | None) -> Diagnostic:
    mend = f"did you mean {meant}?" if meant else "remove it, or ignore such names with --allow-surplus"
    return report(codes.UNKNOWN_NAME, offer.where, name=offer.name, mend=mend)


_KINDS: tuple[tuple[type[Symbol], str, str], ...] = (
    (Variable, "a variable", "its value is decided by the solver; a first guess is given with --start"),
    (Choice, "a choice", "its value is decided by the solver; a first guess is given with --start"),
    (Uncertain, "uncertain", "its values are nature's; they are described in the model"),
    (NamedExpression, "a named expression", "it is computed from the model"),
    (Constraint, "a constraint", "give data to sets and parameters"),
    (Multiplier, "a multiplier", "it is computed from its constraint"),
    (Function, "a function from outside", "functions are given with --extern, or from Python"),
)


def _refusal(offer: Offer, symbol: Symbol) -> Diagnostic | None:
    """Why a symbol takes no data, None where it does."""
    if isinstance(symbol, (Parameter, SetSymbol)):
        defined = symbol.definition is not None or (isinstance(symbol, Parameter) and symbol.literal is not None)
        if not defined or symbol.overridable:
            return None
        what, mend = (
            "defined in the model",
            f"declare it with `default` in place of `=` to let data replace it: {symbol.name} default …",
        )
    else:
        what, mend = next(((w, m) for kind, w, m in _KINDS if isinstance(symbol, kind)), ("no data", "leave it out"))
    return report(codes.TAKES_NO_DATA, offer.where, labels=declaration(symbol), name=offer.name, what=what, mend=mend)
