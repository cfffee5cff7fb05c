"""JSON: one object of names, each with the data of that set or parameter."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Code, Hint, Place

from .errors import DataError
from .json_positions import JsonText, not_a_number, repeated_key, too_large
from .nested import Locate, entries_of_nested
from .offers import Offer, named_values
from .paths import path_text
from .text import read_text

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_EXCERPT = 120  # longer lines are not shown


class _RepeatedKey(Exception):
    pass


class _NotANumber(Exception):
    pass


def json_offers(path: Path, shown: str, name: str | None) -> list[Offer]:
    """What a JSON file offers: a name a key, or all of it for ``name``. Raises ``DataError``."""
    text = read_text(path, shown)
    document = parse_json(text, shown)
    located = JsonText(text)

    def locate(steps: Sequence[object]) -> Place:
        offset = located.offset(steps)
        line, column = located.position(offset)
        excerpt = located.line(offset)
        return Place(shown, line, column, path_text(steps) or None, excerpt if len(excerpt) <= _EXCERPT else None)

    if name is not None:
        return [
            Offer(
                name,
                lambda: locate(()),
                lambda symbol: entries_of_nested(symbol, document, locate, keys_are_spelled=True),
            )
        ]
    return named_values(document, shown, locate, keys_are_spelled=True)


def parse_json(text: str, shown: str, *, origin: Place | None = None) -> Any:
    """The value of a JSON text: strict, no repeated keys, no NaN. Raises ``DataError`` with line and column.

    ``origin``: the place to name where the text is no file.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        if _SURROGATE.search(text) is not None:
            json.dumps(value, ensure_ascii=False).encode()
        large = too_large(text)
        if large is None:
            return value
        facts = {"entry": "a number", "value": large[0], "range": "64-bit floating point"}
        _fail(text, shown, large[1], origin, codes.TOO_LARGE, (), **facts)
    except json.JSONDecodeError as error:
        _fail(text, shown, error.pos, origin, codes.JSON_SYNTAX, what=_what(error, text))
    except _RepeatedKey:
        found = repeated_key(text)
        assert found is not None
        key, first, second = found
        line, column = JsonText(text).position(first)
        hint = Hint(f"remove one of the two; the first is at line {line}, column {column}")
        _fail(text, shown, second, origin, codes.JSON_DUPLICATE_KEY, (hint,), key=json.dumps(key, ensure_ascii=False))
    except _NotANumber:
        token = not_a_number(text)
        assert token is not None
        _fail(text, shown, token[1], origin, codes.JSON_NOT_A_NUMBER, token=token[0])
    except RecursionError:
        raise DataError(
            [report(codes.UNREADABLE, origin or Place(shown), path=shown, why="it is nested too deeply")]
        ) from None
    except UnicodeEncodeError:
        why = "it holds half of a surrogate pair (\\ud800 to \\udfff), which is no character"
        raise DataError([report(codes.UNREADABLE, origin or Place(shown), path=shown, why=why)]) from None
    except ValueError as error:  # more digits than Python converts
        raise DataError([report(codes.UNREADABLE, origin or Place(shown), path=shown, why=str(error))]) from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _RepeatedKey
    return result


def _constant(_: str) -> NoReturn:
    raise _NotANumber


def _fail(
    text: str,
    shown: str,
    offset: int,
    origin: Place | None,
    code: Code,
    hints: tuple[Hint, ...] = (),
    **facts: str,
) -> NoReturn:
    located = JsonText(text)
    line, column = located.position(offset)
    excerpt = located.line(offset)
    place = origin or Place(shown, line, column, None, excerpt if len(excerpt) <= _EXCERPT else None)
    raise DataError([report(code, place, label="", labels=(), hints=hints, **facts)]) from None


def _what(error: json.JSONDecodeError, text: str) -> str:
    """The decoder's words, and the commonest causes by name."""
    rest = text[error.pos : error.pos + 1]
    before = text[: error.pos].rstrip()
    if not text.strip():
        return "the file is empty"
    if rest == "'":
        return "texts stand in double quotes"
    if text.startswith(("//", "/*", "#"), error.pos):
        return "JSON has no comments"
    if before.endswith(",") and rest in ("]", "}"):
        return f"a comma before {rest}"
    if "trailing comma" in error.msg.casefold():
        return "a comma after the last item"
    if error.pos >= len(text.rstrip()):
        return "it ends too early"
    return error.msg[0].lower() + error.msg[1:]


__all__ = ["Locate", "json_offers", "parse_json"]
