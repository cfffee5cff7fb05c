"""What to say of a value that is not of the type that is expected."""

from __future__ import annotations

import math

import numpy as np

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Parameter

from .cells import parse_number
from .reports import value_text
from .supplied import Where

EXPECTED = {"real": "a number", "integer": "a whole number", "string": "a text"}


def bad_value(parameter: Parameter, entry: str, value: object, where: Where, *, spelled: bool) -> Diagnostic:
    """The diagnostic for a value that the parameter's type does not allow."""
    expected = EXPECTED[parameter.type]
    match value:
        case None:
            return report(codes.NULL_VALUE, where, entry=entry, value="null")
        case bool() | np.bool_():
            return report(codes.TRUTH_VALUE, where, entry=entry, value=value_text(bool(value)), expected=expected)
        case float() if math.isnan(value):
            return report(codes.NOT_A_NUMBER, where, entry=entry)
        case int() if parameter.type != "string":
            digits = str(value) if abs(value) < 10**40 else f"a number of {value.bit_length()} bits"
            return report(codes.TOO_LARGE, where, entry=entry, value=digits, range="64-bit floating point")
        case str() if parameter.type != "string":
            return _text_for_number(entry, value, where, spelled=spelled)
        case _ if value is _missing_of_pandas(value):
            return report(codes.NULL_VALUE, where, entry=entry, value="a missing value")
        case _:
            return report(codes.WRONG_TYPE, where, entry=entry, value=_described(value), expected=expected)


def _text_for_number(entry: str, text: str, where: Where, *, spelled: bool) -> Diagnostic:
    if spelled and _overflows(text):
        return report(codes.TOO_LARGE, where, entry=entry, value=text, range="64-bit floating point")
    if spelled and text.casefold() == "nan":
        return report(codes.NOT_A_NUMBER, where, entry=entry)
    return report(codes.NUMBER_AS_TEXT, where, entry=entry, value=value_text(text), mend=_mend(text, spelled=spelled))


def _overflows(text: str) -> bool:
    try:
        return math.isinf(float(text)) and any(c.isdigit() for c in text)
    except ValueError:
        return False


def _mend(text: str, *, spelled: bool) -> str:
    if text.casefold().lstrip("+-") in {"inf", "infinity", "∞"}:
        return 'infinite values are written "inf" and "-inf"'
    if not spelled and parse_number(text) is not None:
        return f"write {text} without quotes"
    if text.count(",") == 1 and parse_number(text.replace(",", ".")) is not None:
        return f"the decimal sign is the point: {text.replace(',', '.')}"
    plain = text.replace(",", "").replace("_", "").replace(" ", "").replace("'", "")
    if parse_number(plain) is not None:
        return f"leave out the signs for thousands: {plain}"
    return "write a number"


def _missing_of_pandas(value: object) -> object:
    """The value itself where it is pandas' NA or NaT, else None."""
    return value if type(value).__name__ in {"NAType", "NaTType"} else None


def _described(value: object) -> str:
    match value:
        case str():
            return f"the text {value_text(value)}"
        case int() | float():
            return f"the number {value_text(value)}"
        case list() | tuple():
            return "a list"
        case dict():
            return "an object"
        case _:
            return f"{type(value).__name__} {value_text(value)}"
