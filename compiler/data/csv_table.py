"""CSV: UTF-8 text, a header, and rows of as many cells. Blanks around a cell are dropped; an empty cell is missing.

With polars a large clean file is read by it, in parallel; a file with anything odd in it (an empty cell, a row of
another length, a text where a number is expected) is read again with the standard library, which says what and where.
"""

from __future__ import annotations

import csv
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from .cells import objects, parse_numbers
from .errors import DataError
from .supplied import Cells
from .tables import Loaded, Role
from .text import decode, read_text

_CHUNK = 1 << 16  # rows read at a time
_LARGE = 1 << 21  # bytes
_SEPARATORS = (",", ";", "\t")
_EXCERPT = 120


@dataclass(slots=True)
class CsvTable:
    """A CSV file; ``header`` is read at once, columns on demand."""

    path: Path
    shown: str
    header: Sequence[str]
    separator: str
    header_line: int
    _lines: array[int] | None = field(default=None)

    def load(self, roles: Mapping[int, Role]) -> Mapping[int, Loaded]:
        """The columns at some positions. Raises ``DataError``."""
        if self._is_large() and find_spec("polars") is not None:
            loaded = _load_with_polars(self, roles)
            if loaded is not None:
                return loaded
        return _load_with_csv(self, roles)

    def _is_large(self) -> bool:
        """Whether polars is worth its import, which takes as long as reading a few MiB."""
        return "polars" in sys.modules or self.path.stat().st_size >= _LARGE

    def place(self, row: int | None, column: int | None) -> Place:
        """Line and excerpt of a row (from 0; None: the header); the column by its name."""
        line = self.header_line if row is None else self._line_of(row)
        path = None if column is None or row is None else f"column {self.header[column] or column + 1}"
        return Place(self.shown, line, None, path, _excerpt(self.path, line))

    def _line_of(self, row: int) -> int:
        if self._lines is None:
            lines: array[int] = array("q")
            with _opened(self.path) as stream:
                reader = csv.reader(stream, delimiter=self.separator, strict=True)
                end = 0
                for cells in reader:
                    if cells and reader.line_num > self.header_line:
                        lines.append(end + 1)
                    end = reader.line_num
            self._lines = lines
        return self._lines[row]


def open_csv(path: Path, shown: str) -> CsvTable:
    """A CSV file with its header read. Raises ``DataError``."""
    try:
        with path.open("rb") as stream:
            first = stream.read(1 << 20)
    except OSError as error:
        raise DataError(
            [report(codes.UNREADABLE, Place(shown), path=shown, why=error.strerror or str(error))]
        ) from None
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in first:
        raise DataError([report(codes.NOT_UTF8, Place(shown), path=shown, byte=f"0x{first[0]:02x}", offset="0")])
    lines = first.split(b"\n")
    at = next((k for k, line in enumerate(lines) if line.strip(b"\xef\xbb\xbf \t\r")), None)
    if at is None:
        raise DataError([report(codes.BAD_HEADER, Place(shown, 1), what=f"{shown} is empty")])
    line = decode(lines[at], shown)
    separator = next((s for s in _SEPARATORS if s in line), ",")
    try:
        with _opened(path) as stream:
            reader = csv.reader(stream, delimiter=separator, strict=True)
            header = next(cells for cells in reader if any(c.strip() for c in cells))
            header_line = reader.line_num
    except UnicodeDecodeError:
        read_text(path, shown)
        raise
    except csv.Error as error:
        raise DataError([_malformed(shown, at + 1, str(error), None)]) from None
    names = tuple(name.strip() for name in header)
    return CsvTable(path, shown, names, separator, header_line)


def _opened(path: Path) -> Any:
    return path.open(encoding="utf-8-sig", newline="")


def _excerpt(path: Path, line: int) -> str | None:
    with _opened(path) as stream:
        text = next(islice(stream, line - 1, line), "").rstrip("\r\n")
    return text if len(text) <= _EXCERPT else None


def _malformed(shown: str, line: int, what: str, excerpt: str | None, mend: str | None = None) -> Any:
    words = {
        "unexpected end of data": "a quoted cell is not closed before the end of the file",
        "',' expected after '\"'": "a quoted cell goes on after its closing quote",
    }
    return report(
        codes.CSV_MALFORMED,
        Place(shown, line, None, None, excerpt),
        what=words.get(what, what),
        mend=mend
        or 'put cells that hold a quote or the separator in double quotes, and double the quotes inside: "a ""b"""',
    )


# ---------------------------------------------------------------------------------------------- the standard library
def _load_with_csv(table: CsvTable, roles: Mapping[int, Role]) -> Mapping[int, Loaded]:
    """Chunks of rows, turned into columns by whole chunks."""
    columns = {k: _Column(role) for k, role in roles.items()}
    reader: Any = None
    try:
        with _opened(table.path) as stream:
            reader = csv.reader(stream, delimiter=table.separator, strict=True)
            for _ in reader:
                if reader.line_num >= table.header_line:
                    break
            for rows in _chunks(reader):
                _check_widths(table, rows, reader)
                for k, column in columns.items():
                    column.extend(list(map(itemgetter(k), rows)))
    except csv.Error as error:
        raise DataError([_malformed(table.shown, reader.line_num, str(error), None)]) from None
    except UnicodeDecodeError:
        read_text(table.path, table.shown)
        raise
    return {k: column.loaded() for k, column in columns.items()}


def _chunks(reader: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Rows by the chunk, blank lines left out."""
    while rows := list(islice(reader, _CHUNK)):
        kept = rows if all(rows) else [row for row in rows if row]
        if kept:
            yield kept


def _check_widths(table: CsvTable, rows: list[list[str]], reader: Any) -> None:
    width = len(table.header)
    if set(map(len, rows)) == {width}:
        return
    with _opened(table.path) as stream:
        again = csv.reader(stream, delimiter=table.separator, strict=True)
        begin = 0
        for cells in again:
            if cells and len(cells) != width and again.line_num > table.header_line:
                found = f"{len(cells):,} {'cell' if len(cells) == 1 else 'cells'}"
                what = f"this row has {found}, and the header has {width:,}"
                mend = "give every row as many cells as the header has; put a cell that holds the separator in quotes"
                raise DataError(
                    [_malformed(table.shown, begin + 1, what, _excerpt(table.path, begin + 1), mend)]
                ) from None
            begin = again.line_num
    raise AssertionError(f"{table.shown} changed while it was read at line {reader.line_num}")


class _Column:
    """One column as it grows, chunk by chunk."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self.table: dict[str, int] = {}
        self.codes: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        self.numbers: list[np.ndarray[Any, np.dtype[np.float64]]] = []
        self.texts: list[str] = []  # from the first chunk on in which something is no number
        self.missing: list[np.ndarray[Any, np.dtype[np.bool_]]] = []
        self.clean = True

    def extend(self, cells: list[str]) -> None:
        texts = list(map(str.strip, cells))
        count = len(texts)
        empty = "" in texts
        gaps = np.fromiter((not t for t in texts), np.bool_, count) if empty else np.zeros(count, dtype=np.bool_)
        self.missing.append(gaps)
        if self.role == "number":
            numbers, bad = parse_numbers([t or "0" for t in texts] if empty else texts)
            if self.clean and bad.any():
                self.texts = [text for chunk in self.numbers for text in map(repr, chunk.tolist())]
                self.clean = False
            if not self.clean:
                self.texts += texts
            self.numbers.append(numbers)
            return
        table = self.table
        for text in dict.fromkeys(texts):
            table.setdefault(text, len(table))
        self.codes.append(np.fromiter(map(table.__getitem__, texts), np.int64, count))

    def loaded(self) -> Loaded:
        """All of it."""
        missing = np.concatenate(self.missing) if self.missing else np.zeros(0, dtype=np.bool_)
        gaps = missing if missing.any() else None
        if self.role == "number":
            if self.clean:
                numbers = np.concatenate(self.numbers) if self.numbers else np.zeros(0)
                return Loaded(Cells("number", numbers), gaps)
            return Loaded(Cells("spelled", objects(self.texts)), gaps)
        codes_ = np.concatenate(self.codes) if self.codes else np.zeros(0, dtype=np.int64)
        return Loaded(Cells("spelled", objects(list(self.table)), codes_), gaps)


# --------------------------------------------------------------------------------------------------------- polars
def _load_with_polars(table: CsvTable, roles: Mapping[int, Role]) -> Mapping[int, Loaded] | None:
    """The columns of a clean file; None where anything is odd."""
    import polars as pl

    width = len(table.header)
    names = [f"c{k}" for k in range(width)]
    try:
        frame = pl.read_csv(
            table.path,
            has_header=False,
            skip_lines=table.header_line,
            separator=table.separator,
            schema=dict.fromkeys(names, pl.String),  # numbers too: its number parser may panic at a lone quote
            encoding="utf8",
            glob=False,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, UnicodeDecodeError):
        return None
    if frame.height == 0 or any(frame.null_count().row(0)):
        return None
    loaded: dict[int, Loaded] = {}
    for k, role in roles.items():
        series = frame[names[k]]
        if role == "number":
            parsed = series.cast(pl.Float64, strict=False)
            numbers = parsed.to_numpy()
            if parsed.null_count() or not np.isfinite(numbers).all():
                return None
            loaded[k] = Loaded(Cells("number", numbers), None)
        else:
            cells = code_series(series.str.strip_chars())
            if "" in cells.values.tolist():
                return None
            loaded[k] = Loaded(cells, None)
    return loaded


def code_series(series: Any, kind: Any = "spelled") -> Cells:
    """A polars series of texts without nulls as coded cells."""
    import polars as pl

    distinct = series.unique(maintain_order=True)
    coded = series.cast(pl.Enum(distinct)).to_physical().to_numpy().astype(np.int64)
    return Cells(kind, objects(distinct.to_list()), coded)
