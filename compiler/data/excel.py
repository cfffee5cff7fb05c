"""Excel workbooks: a sheet whose first row is the header."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Program

from .errors import DataError
from .offers import Offer
from .sqlite import split_part
from .tables import Loaded, table_offers
from .typed_table import TypedTable, loaded_from_list


def excel_offers(path: Path, shown: str, name: str | None, part: str | None, program: Program) -> list[Offer]:
    """What a sheet offers; ``part`` is ``SHEET``, ``SHEET.COLUMN`` or ``SHEET.COLUMN,COLUMN``. Raises ``DataError``."""
    if find_spec("python_calamine") is None:
        raise DataError([report(codes.NEEDS_PACKAGE, Place(shown), path=shown, package="python-calamine")])
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        sheet, columns = split_part(book.sheet_names, part, shown, "sheet")
        rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError) as error:
        raise DataError([report(codes.UNREADABLE, Place(shown), path=shown, why=str(error))]) from None
    first = next((k for k, row in enumerate(rows) if any(cell != "" for cell in row)), None)
    if first is None:
        what = f"the sheet {sheet} of {shown} is empty"
        raise DataError([report(codes.BAD_HEADER, Place(f"{shown}:{sheet}"), what=what)])
    body = [(k, row) for k, row in enumerate(rows[first + 1 :], first + 2) if any(cell != "" for cell in row)]
    return table_offers(_sheet_table(f"{shown}:{sheet}", rows[first], body, first + 1), program, name, columns)


def _sheet_table(
    shown: str, top: Sequence[object], body: Sequence[tuple[int, Sequence[object]]], line: int
) -> TypedTable:
    width = len(top)
    while width > 1 and top[width - 1] == "" and all(row[width - 1] == "" for _, row in body):
        width -= 1
    header = [_name(cell) for cell in top[:width]]

    def fetch(k: int) -> Loaded:
        return loaded_from_list([row[k] for _, row in body])

    def locate(row: int | None, column: int | None) -> Place:
        number = line if row is None else body[row][0]
        return Place(shown, path=f"row {number}" if column is None else f"cell {_letters(column)}{number}")

    return TypedTable(shown, header, fetch, locate)


def _name(cell: object) -> str:
    """A header cell as text; whole numbers without a decimal point."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _letters(column: int) -> str:
    """``A``, ``B``, …, ``Z``, ``AA``."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
