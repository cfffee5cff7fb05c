"""Parquet files, read with polars."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Program

from .errors import DataError
from .frames import polars_table
from .offers import Offer
from .tables import table_offers


def parquet_offers(path: Path, shown: str, name: str | None, columns: Sequence[str], program: Program) -> list[Offer]:
    """What a Parquet file offers. Raises ``DataError``."""
    if find_spec("polars") is None:
        raise DataError([report(codes.NEEDS_PACKAGE, Place(shown), path=shown, package="polars")])
    import polars as pl

    try:
        frame = pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0]
        raise DataError([report(codes.UNREADABLE, Place(shown), path=shown, why=why)]) from None
    return table_offers(polars_table(frame, shown), program, name, columns)
