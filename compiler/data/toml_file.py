"""TOML: one table of names, each with the data of that set or parameter."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from .errors import DataError
from .nested import entries_of_nested
from .offers import Offer, named_values
from .paths import path_text
from .text import read_text

_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


class _TooLargeError(Exception):
    pass


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number) and "inf" not in text:
        raise _TooLargeError(text)
    return number


def toml_offers(path: Path, shown: str, name: str | None) -> list[Offer]:
    """What a TOML file offers: a name a key, or all of it for ``name``. Raises ``DataError``."""
    text = read_text(path, shown)
    try:
        document = tomllib.loads(text, parse_float=_number)
    except _TooLargeError as error:
        large = report(codes.TOO_LARGE, Place(shown), entry="a number", value=str(error), range="64-bit floating point")
        raise DataError([large]) from None
    except tomllib.TOMLDecodeError as error:
        raise DataError([report(codes.TOML_SYNTAX, _place(error, text, shown), what=_what(error))]) from None
    except RecursionError:
        raise DataError([report(codes.UNREADABLE, Place(shown), path=shown, why="it is nested too deeply")]) from None
    except ValueError as error:  # more digits than Python converts
        raise DataError([report(codes.UNREADABLE, Place(shown), path=shown, why=str(error))]) from None

    def locate(steps: Sequence[object]) -> Place:
        return Place(shown, path=path_text(steps) or None)

    if name is not None:
        return [
            Offer(name, locate(()), lambda symbol: entries_of_nested(symbol, document, locate, keys_are_spelled=True))
        ]
    return named_values(document, shown, locate, keys_are_spelled=True)


def _what(error: tomllib.TOMLDecodeError) -> str:
    message = _POSITION.sub("", str(error))
    return message[:1].lower() + message[1:]


def _place(error: tomllib.TOMLDecodeError, text: str, shown: str) -> Place:
    found = _POSITION.search(str(error))
    if found is None or found["line"] is None:
        return Place(shown, text.count("\n") + 1)
    line = int(found["line"])
    return Place(shown, line, int(found["column"]), None, text.split("\n")[line - 1].rstrip("\r"))
