"""Columns of cells: what type they have, and reading them as numbers, texts or keys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spaces.members import Coded, Column
from .supplied import Array, Cells

Mask = NDArray[np.bool_]

_WHOLE = {int}
_NUMBERS = {int, float}
INFINITE = {"inf": math.inf, "-inf": -math.inf}


def objects(values: Sequence[object]) -> NDArray[np.object_]:
    """A one-dimensional array of the values as they are."""
    array = np.empty(len(values), dtype=np.object_)
    array[:] = values
    return array


def transposed(rows: Sequence[Any], width: int) -> list[list[Any]]:
    """Columns of rows of one width. (``zip(*rows)`` would make an iterator a row.)"""
    return [list(map(itemgetter(k), rows)) for k in range(width)]


def column(values: Sequence[object]) -> Cells:
    """A column of Python values that have types of their own."""
    types = set(map(type, values))
    if not types:
        return Cells("number", np.empty(0, dtype=np.int64))
    if types == {str}:
        return Cells("text", objects(values))
    if all(issubclass(t, (int, float, np.integer, np.floating)) and t is not bool for t in types):
        whole = all(issubclass(t, (int, np.integer)) for t in types)
        try:
            return Cells("number", np.array(values, dtype=np.int64 if whole else np.float64))
        except OverflowError:
            return Cells("mixed", objects(values))
    return Cells("mixed", objects(values))


def spelled(texts: Sequence[str]) -> Cells:
    """A column from a format without types, coded by its distinct texts."""
    table = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    codes = np.fromiter(map(table.__getitem__, texts), dtype=np.int64, count=len(texts))
    return Cells("spelled", objects(list(table)), codes)


def parse_number(text: str) -> float | None:
    """The number that a text spells, None for other texts. Infinities are ``inf`` and ``-inf`` alone."""
    if text in INFINITE:
        return INFINITE[text]
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def parse_numbers(texts: Sequence[str]) -> tuple[NDArray[np.float64], Mask]:
    """Numbers of texts, and where there is none."""
    try:
        numbers = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    except ValueError:
        parsed = [parse_number(text) for text in texts]
        bad = np.fromiter((number is None for number in parsed), dtype=np.bool_, count=len(parsed))
        return np.array([0.0 if number is None else number for number in parsed], dtype=np.float64), bad
    bad = np.zeros(len(texts), dtype=np.bool_)
    doubtful = set(np.flatnonzero(~np.isfinite(numbers)).tolist())
    if any("_" in text for text in texts):
        doubtful |= {k for k, text in enumerate(texts) if "_" in text}
    for k in doubtful:
        bad[k] = parse_number(texts[k]) is None
    return numbers, bad


def whole_where_possible(numbers: Array) -> NDArray[np.int64] | NDArray[np.float64]:
    """int64 where all numbers are whole and fit, else float64."""
    if numbers.dtype == np.int64:
        return numbers
    if np.issubdtype(numbers.dtype, np.integer) and (not len(numbers) or int(numbers.max()) < 2**63):
        return numbers.astype(np.int64)
    reals: NDArray[np.float64] = numbers.astype(np.float64, copy=False)
    if bool(np.all((np.abs(reals) < 2.0**63) & (reals == np.floor(reals)))):
        return reals.astype(np.int64)
    return reals


def spelled_keys(texts: Sequence[str]) -> tuple[Column, Mask]:
    """Texts read as numeric keys: exact where all are whole numbers; and where there is no number."""
    if not any("_" in text for text in texts):
        try:
            whole = np.fromiter(map(int, texts), dtype=np.int64, count=len(texts))
            return whole, np.zeros(len(texts), dtype=np.bool_)
        except (ValueError, OverflowError):
            pass
    numbers, bad = parse_numbers(texts)
    return whole_where_possible(np.where(bad, 0.0, numbers)) if np.isfinite(numbers).all() else numbers, bad


def canonical_number(text: str) -> bool:
    """Whether a text is spelled as a number would be: no leading zeros, no sign for plus."""
    digits = text.removeprefix("-")
    if digits.startswith("+") or (digits.startswith("0") and len(digits) > 1 and digits[1].isdigit()):
        return False
    number = parse_number(text)
    return number is not None and math.isfinite(number)


def keys_for(cells: Cells, wants_text: bool) -> tuple[Column | Coded, Mask | None]:
    """A key column read as texts or as numbers; the mask (None: nowhere) tells entries that are of the other kind."""
    values: Column = cells.values
    bad: Mask | None = None
    if cells.kind == "mixed":
        values, bad = _mixed_keys(cells.values.tolist(), wants_text)
    elif cells.kind == "spelled" and not wants_text:
        values, bad = spelled_keys(cells.values.tolist())
    elif cells.kind != "spelled" and (cells.kind == "text") != wants_text:
        bad = np.ones(len(values), dtype=np.bool_)
    if bad is not None and not bad.any():
        bad = None
    if cells.codes is None:
        return values, bad
    return Coded(values, cells.codes), None if bad is None else bad[cells.codes]


def _mixed_keys(values: list[object], wants_text: bool) -> tuple[Column, Mask]:
    if wants_text:
        bad = np.array([not isinstance(v, str) for v in values], dtype=np.bool_)
        return objects(["" if b else v for v, b in zip(values, bad, strict=True)]), bad
    bad = np.array([not is_number(v) for v in values], dtype=np.bool_)
    return np.array([0.0 if b else v for v, b in zip(values, bad, strict=True)], dtype=np.float64), bad


def is_number(value: object) -> bool:
    """Numbers proper: no truth values, no NaN, nothing beyond float64."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    try:
        return not math.isnan(float(value))
    except OverflowError:
        return False


def values_as_numbers(cells: Cells) -> tuple[NDArray[np.float64], Mask | None]:
    """One float64 an entry; the mask (None: nowhere) tells entries that are no numbers (NaN among them)."""
    bad: Mask | None = None
    if cells.kind == "number":
        numbers = cells.values.astype(np.float64, copy=False)
        if cells.values.dtype != np.int64:
            bad = np.isnan(numbers)
    elif cells.kind == "spelled":
        numbers, bad = parse_numbers(cells.values.tolist())
    else:
        read = [_number_of(value) for value in cells.values.tolist()]
        numbers = np.array(read, dtype=np.float64)
        bad = np.isnan(numbers)
    if bad is not None and not bad.any():
        bad = None
    if cells.codes is None:
        return numbers, bad
    return numbers[cells.codes], None if bad is None else bad[cells.codes]


def _number_of(value: object) -> float:
    if isinstance(value, str):
        return INFINITE.get(value, math.nan)
    return float(value) if is_number(value) else math.nan  # type: ignore[arg-type]


def values_as_texts(cells: Cells) -> tuple[NDArray[np.object_], Mask | None]:
    """One ``str`` an entry; the mask (None: nowhere) tells entries that are no texts."""
    if cells.kind in ("text", "spelled"):
        return cells.expanded(), None
    values = cells.expanded().tolist()
    bad = np.array([not isinstance(v, str) for v in values], dtype=np.bool_)
    return objects(values), bad if bad.any() else None
