"""Reading model files: text in, a checked program out, with ``use`` resolved beside the model and in the library.

Standard library alone: ``optc check`` runs through here.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.catalogue.names import USE_NOT_FOUND
from optc.dsl.diagnostics import Diagnostic, Edit, Hint, Place
from optc.dsl.program import Program
from optc.dsl.source import Source
from optc.dsl.syntax import Name, Text

from .errors import ModelError

_DATA_ENDINGS = (".json", ".toml", ".csv", ".tsv", ".parquet", ".sqlite", ".sqlite3", ".db", ".xlsx", ".xls", ".ods")


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """One model after reading, parsing and checking. ``program`` is None when an error stands in the way."""

    source: Source
    program: Program | None
    diagnostics: tuple[Diagnostic, ...]
    seconds: float


def read_text(path: str) -> str:
    """The text of a UTF-8 file, ``-`` for standard input; line ends become ``\\n``, a byte order mark is dropped.

    Raises ModelError with the reason when there is no such file, when it is a folder, not text, or unreadable.
    """
    return decode(read_bytes(path), path)


def read_bytes(path: str) -> bytes:
    """The bytes of a file, ``-`` for standard input. Raises ModelError as ``read_text`` does."""
    if path == "-":
        return sys.stdin.buffer.read()
    with reading(path):
        return Path(path).read_bytes()


def plain_bytes(path: str) -> bytes:
    """The bytes of a file, unpacked where its name ends with ``.gz``. Raises ModelError as ``read_text`` does."""
    data = read_bytes(path)
    if not path.lower().endswith(".gz"):
        return data
    import gzip
    import zlib

    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as fault:
        reason = f"it is no whole gzip file ({fault})"
        raise ModelError([report(codes.FILE_UNREADABLE, Place(path), path=path, reason=reason)]) from None


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turns the operating system's refusals to read ``path`` into a ModelError that says what to do."""
    try:
        yield
    except FileNotFoundError:
        raise ModelError([_not_found(path)]) from None
    except (IsADirectoryError, PermissionError) as refusal:
        if Path(path).is_dir():  # Windows refuses folders with PermissionError
            raise ModelError([_is_folder(path)]) from None
        raise ModelError([_unreadable(path, refusal)]) from None
    except (OSError, ValueError) as refusal:  # ValueError: a NUL character in the path
        raise ModelError([_unreadable(path, refusal)]) from None


def decode(data: bytes, path: str) -> str:
    """UTF-8 bytes to text with ``\\n`` line ends; raises ModelError for anything else."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise ModelError([_not_text(path, data, fault.start)]) from None
    nul = text.find("\0")
    if nul >= 0:
        raise ModelError([_not_text(path, data, data.index(b"\0"))])
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_mps(path: str) -> bool:
    """Whether a path is taken for an MPS file: by its ending, in any case."""
    return path.lower().endswith((".mps", ".mps.gz"))


def is_nl(path: str) -> bool:
    """Whether a path is taken for a .nl file: by its ending, in any case."""
    return path.lower().endswith((".nl", ".nl.gz"))


def is_whole(path: str) -> bool:
    """Whether a path is taken for a problem with its data, MPS or .nl."""
    return is_mps(path) or is_nl(path)


def load(source: Source) -> Loaded:
    """Parses and checks one model. Never raises for what stands in the text: it is in ``diagnostics``."""
    began = time.perf_counter()
    from optc.dsl.check import check
    from optc.dsl.parse import parse

    parsed = parse(source)
    library = _Library(source)
    checked = check(parsed.model, library.load, parsed.diagnostics)
    diagnostics = (*parsed.diagnostics, *library.diagnostics, *checked.diagnostics)
    wrong = any(d.severity == "error" for d in diagnostics)
    return Loaded(source, None if wrong else checked.program, diagnostics, time.perf_counter() - began)


def load_file(path: str) -> Loaded:
    """Reads, parses and checks a model file. Raises ModelError only where the file itself cannot be read."""
    if path.lower().endswith(_DATA_ENDINGS) and Path(path).is_file():
        raise ModelError([report(codes.DATA_FOR_MODEL, Place(path), path=path)])
    loaded = load(Source(path, read_text(path)))
    if loaded.program is None or Path(path).name != "model.opt":
        return loaded
    # Many models are called model.opt; their folders tell them apart.
    return replace(loaded, program=replace(loaded.program, name=Path(path).resolve().parent.name or "model"))


class _Library:
    """Finds what ``use`` names: library modules by name, files beside the model by path, never above it."""

    def __init__(self, model: Source) -> None:
        self.folder = Path.cwd() if model.name.startswith(("-", "<")) else Path(model.name).parent
        self.diagnostics: list[Diagnostic] = []

    def load(self, target: Name | Text) -> Source | None:
        if isinstance(target, Name):
            return _library_module(target.id) or self._missing(target, target.id, library_modules())
        return self._beside(target)

    def _beside(self, target: Text) -> Source | None:
        path = self.folder / target.value
        if not path.resolve().is_relative_to(self.folder.resolve()):
            self.diagnostics.append(report(codes.USE_OUTSIDE_FOLDER, target.span, path=f'"{target.value}"'))
            return _nothing(path)
        if not path.is_file():
            models = [name for name in _names_in(path.parent) if name.endswith(".opt")]
            return self._missing(target, path.name, models)
        try:
            return Source(str(path), read_text(str(path)))
        except ModelError as refusal:
            self.diagnostics += refusal.diagnostics
            return _nothing(path)

    def _missing(self, target: Name | Text, name: str, known: list[str]) -> Source | None:
        """Says that there is no such module or file, with the nearest there is; None where nothing comes near."""
        near = get_close_matches(name, known, n=1)
        if not near:
            return None
        spelling = target.span.text
        at = spelling.rfind(name)
        ours = spelling[:at] + near[0] + spelling[at + len(name) :]
        hint = Hint(f"did you mean `{ours}`?", (Edit(target.span, ours),))
        what = "standard-library module" if isinstance(target, Name) else "file beside the model"
        self.diagnostics.append(report(USE_NOT_FOUND, target.span, hints=(hint,), name=name, what=what))
        return _nothing(Path(name))


def _nothing(path: Path) -> Source:
    """What stands for a file that was refused: the checker is not to say that there is none."""
    return Source(str(path), "")


def _library_module(name: str) -> Source | None:
    from importlib.resources import files

    entry = files("optc.stdlib") / f"{name}.opt"
    if not entry.is_file():
        return None
    return Source(f"<library>/{name}.opt", entry.read_text(encoding="utf-8"))


def library_modules() -> list[str]:
    """The names that ``use NAME`` knows."""
    from importlib.resources import files

    return sorted(e.name.removesuffix(".opt") for e in files("optc.stdlib").iterdir() if e.name.endswith(".opt"))


# ---------------------------------------------------------------------------------------------------- what was refused
def _not_found(path: str) -> Diagnostic:
    given = Path(path)
    near = get_close_matches(given.name, _names_in(given.parent), n=1)
    suggestion = f"; did you mean {given.parent / near[0]}?" if near else ""
    return report(codes.FILE_NOT_FOUND, Place(path), path=path, folder=str(Path.cwd()), near=suggestion)


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - the names alone are needed
    except OSError:
        return []


def _is_folder(path: str) -> Diagnostic:
    models = sorted(name for name in _names_in(Path(path)) if name.endswith(".opt"))
    inside = f", for example {Path(path) / models[0]}" if models else ""
    return report(codes.FILE_IS_FOLDER, Place(path), path=path, inside=inside)


def _not_text(path: str, data: bytes, offset: int) -> Diagnostic:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        mend = "save the file as UTF-8; it seems to be in UTF-16"
    elif b"\0" in data[:4096]:
        mend = "this is a binary file; name the model"
    else:
        mend = "save the file as UTF-8; it seems to be in an older encoding such as Latin-1"
    where = Place(path, line=data.count(b"\n", 0, offset) + 1)
    return report(codes.FILE_NOT_TEXT, where, path=path, offset=offset, byte=data[offset], mend=mend)


def _unreadable(path: str, refusal: OSError | ValueError) -> Diagnostic:
    reason = getattr(refusal, "strerror", None) or str(refusal)
    return report(codes.FILE_UNREADABLE, Place(path), path=path, reason=reason)
