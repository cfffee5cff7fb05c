"""``--set NAME=VALUE``: the value is JSON, or a bare text."""

from __future__ import annotations

import json

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place
from optc.dsl.program import Parameter

from .errors import DataError
from .json_file import parse_json
from .nested import entries_of_nested
from .offers import Offer, Taker
from .paths import path_text
from .supplied import Setting, SuppliedEntries


def setting_offer(setting: Setting) -> Offer:
    """What a setting offers. Raises ``DataError`` for a malformed one."""
    name, equals, text = setting.text.partition("=")
    name = name.strip()
    place = Place(f"--set {setting.text}")
    if not equals or not name.isidentifier() or not text.strip():
        raise DataError(
            [
                report(
                    codes.BAD_ARGUMENT,
                    Place("--set"),
                    argument=f"--set {setting.text}",
                    form="of the form NAME=VALUE",
                    mend=f"--set {name or 'NAME'}=VALUE",
                )
            ]
        )

    def read(symbol: Taker) -> SuppliedEntries:
        value = text.strip() if isinstance(symbol, Parameter) and _is_bare_text(symbol, text) else _value(text, place)
        return entries_of_nested(
            symbol,
            value,
            lambda steps: Place(place.file, path=path_text(steps) or None),
            keys_are_spelled=True,
        )

    return Offer(name, place, read, overrides=True)


def _is_bare_text(symbol: Parameter, text: str) -> bool:
    """Whether a text parameter without index is given without quotes."""
    return symbol.type == "string" and not symbol.arity and not text.lstrip().startswith(('"', "[", "{"))


def _value(text: str, place: Place) -> object:
    if not text.lstrip().startswith(('"', "[", "{")):
        try:
            json.loads(text, parse_constant=str)
        except ValueError:
            return text.strip()
        if text.strip().lstrip("-") in ("NaN", "Infinity"):
            return text.strip()
    return parse_json(text, place.file, origin=place)
