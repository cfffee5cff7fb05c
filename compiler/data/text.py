"""Text files: UTF-8, with or without a byte-order mark."""

from __future__ import annotations

from pathlib import Path

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from .errors import DataError


def read_text(path: Path, shown: str) -> str:
    """The text of a file. Raises ``DataError`` where it cannot be read or is not UTF-8."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            [report(codes.UNREADABLE, Place(shown), path=shown, why=error.strerror or str(error))]
        ) from None
    return decode(content, shown)


def decode(content: bytes, shown: str) -> str:
    """UTF-8 bytes as text, without a byte-order mark."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (len(content) - len(error.object))
        line = content.count(b"\n", 0, offset) + 1
        found = f"0x{content[offset]:02x}"
        place = Place(shown, line)
        raise DataError([report(codes.NOT_UTF8, place, path=shown, byte=found, offset=f"{offset:,}")]) from None
