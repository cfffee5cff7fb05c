"""``-o FILE``: a result as JSON (all of it), CSV or Parquet (one row an entry), by the ending of the name."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from ..errors import ModelError
from .output import json_text

ENDINGS = (".json", ".csv", ".parquet")
_KINDS = (
    ("variables", "variable"),
    ("expressions", "expression"),
    ("worst_case", "worst case"),
    ("duals", "dual"),
    ("reduced_costs", "reduced cost"),
)


def output_file(text: str) -> Path:
    """The value of ``-o``; an ending that is not known is a usage error."""
    path = Path(text)
    if path.suffix.lower() not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} does not end with {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    return path


def ensure_writable(path: Path) -> None:
    """Refuses, before anything is solved, a file that could not be written afterwards. Raises ModelError."""
    folder = path.parent
    if path.is_dir():
        raise _unwritable(path, "it is a folder")
    if not folder.is_dir():
        raise _unwritable(path, f"there is no folder {folder}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise _unwritable(path, "permission denied")
    if path.suffix.lower() == ".parquet" and find_spec("polars") is None:
        needs = report(
            codes.OUTPUT_NEEDS_PACKAGE, Place(str(path)), path=str(path), package="polars", extra="optc[data]"
        )
        raise ModelError([needs])


def save(result: Mapping[str, Any], path: Path) -> None:
    """Writes the JSON object of a result in the format that the ending names. Raises ModelError where it cannot."""
    try:
        if path.suffix.lower() == ".json":
            path.write_text(json_text(result, indent=1) + "\n", encoding="utf-8")
        elif path.suffix.lower() == ".csv":
            with path.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows(table(result))
        else:
            _save_parquet(result, path)
    except OSError as refusal:
        raise _unwritable(path, refusal.strerror or str(refusal)) from None


def table(result: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    """A header, then ``kind, name, index1, …, value`` for each entry; as many index columns as the longest index."""
    entries = [
        (kind, name, row[:-1], row[-1])
        for key, kind in _KINDS
        for name, family in (result.get(key) or {}).items()
        for row in family["values"]
    ]
    width = max((len(index) for _, _, index, _ in entries), default=0)
    yield ("kind", "name", *(f"index{at}" for at in range(1, width + 1)), "value")
    for kind, name, index, value in entries:
        yield (kind, name, *index, *[""] * (width - len(index)), value)


def _save_parquet(result: Mapping[str, Any], path: Path) -> None:
    """Indices are texts there, since one column holds those of all families; ``value`` is float64, and the options of
    choices stand in ``option``."""
    import polars

    header, *rows = table(result)
    columns: dict[str, list[Any]] = {str(name): [str(row[at]) for row in rows] for at, name in enumerate(header[:-1])}
    values = [_number(row[-1]) for row in rows]
    columns["value"] = values
    columns["option"] = [row[-1] if value is None else None for row, value in zip(rows, values, strict=True)]
    schema = {name: polars.Float64 if name == "value" else polars.String for name in columns}
    polars.DataFrame(columns, schema=schema).write_parquet(path)


def _number(value: object) -> float | None:
    """The number, also of ``"inf"``, ``"-inf"`` and ``"nan"``; None for an option."""
    if isinstance(value, str) and value not in ("inf", "-inf", "nan"):
        return None
    return float(value)  # type: ignore[arg-type]


def _unwritable(path: Path, reason: str) -> ModelError:
    return ModelError([report(codes.FILE_UNWRITABLE, Place(str(path)), path=str(path), reason=reason)])
