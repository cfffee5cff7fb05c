"""SQLite: a table or view of a database, opened read-only; names are quoted, never run."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Program

from .cells import transposed
from .errors import DataError
from .offers import Offer
from .tables import Loaded, no_such_part, table_offers
from .typed_table import TypedTable, loaded_from_list


def sqlite_offers(path: Path, shown: str, name: str | None, part: str | None, program: Program) -> list[Offer]:
    """What a table of a database offers; ``part`` is ``TABLE``, ``TABLE.COLUMN`` or ``TABLE.COLUMN,COLUMN``."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")  # views of the file may call no functions with effects
            tables = _tables(connection)
            table, columns = split_part(tables, part, shown, "table")
            cursor = connection.execute(f"SELECT * FROM {_quoted(table)}")
            header = [entry[0] for entry in cursor.description]
            rows = cursor.fetchall()
    except sqlite3.Error as error:
        raise DataError([report(codes.UNREADABLE, Place(shown), path=shown, why=str(error))]) from None
    return table_offers(in_memory(f"{shown}:{table}", header, rows), program, name, columns)


def in_memory(shown: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> TypedTable:
    """A table of rows that are in memory."""
    cells = transposed(rows, len(header))

    def fetch(k: int) -> Loaded:
        return loaded_from_list(cells[k])

    def locate(row: int | None, column: int | None) -> Place:
        where = [] if row is None else [f"row {row + 1}"]
        where += [] if column is None else [f"column {header[column]}"]
        return Place(shown, path=", ".join(where) or None)

    return TypedTable(shown, header, fetch, locate)


def _tables(connection: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [name for (name,) in connection.execute(query)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def split_part(names: Sequence[str], part: str | None, shown: str, kind: str) -> tuple[str, list[str]]:
    """The table (or sheet) and the columns that ``TABLE`` or ``TABLE.COLUMN,COLUMN`` names. Raises ``DataError``."""
    if part is None:
        if len(names) == 1:
            return names[0], []
        if not names:
            raise DataError([report(codes.UNREADABLE, Place(shown), path=shown, why=f"it has no {kind}")])
        raise DataError(
            [
                report(
                    codes.BAD_ARGUMENT,
                    Place(shown),
                    argument=shown,
                    form=f"enough: the file has {len(names)} {kind}s ({', '.join(names[:8])})",
                    mend=f"{shown}:{names[0]}",
                )
            ]
        )
    if part in names:
        return part, []
    for at in (k for k in range(len(part) - 1, 0, -1) if part[k] == "."):
        if part[:at] in names:
            return part[:at], part[at + 1 :].split(",")
    raise DataError([no_such_part(shown, Place(shown), kind, part, names)])
