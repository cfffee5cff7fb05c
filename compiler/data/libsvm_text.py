"""The text of a LIBSVM file as arrays: ``label index:value index:value …``, one sample a line.

Indices are whole numbers from 1 on that grow along a line; entries that are left out are zero. What follows ``#`` is a
comment; blank lines are skipped. Nothing is looked at token by token: the kind of each token follows from the colons
beside it, for the whole file at once, and one call reads all numbers.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import data as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Place

from .errors import DataError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

_NEWLINE, _BLANK, _HASH, _COLON = (ord(sign) for sign in "\n #:")
_LARGEST = 2**31 - 1
_EXCERPT = 120
_MARK = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FORM = "write each sample as `label index:value index:value …`"


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSamples:
    """``m`` samples with ``k`` entries in all.

    ``labels``: float64 (m). ``lines``: the line of each sample, from 1 (m). ``samples`` and ``features``: of each
    entry, from 1 (k), sorted by sample and then feature. ``values``: float64 (k).
    """

    path: Path
    shown: str
    labels: Floats
    lines: Ints
    samples: Ints
    features: Ints
    values: Floats

    def place_of_sample(self, sample: int) -> Place:
        """Where a sample (from 0) stands."""
        return _place(self.path, self.shown, int(self.lines[sample]))

    def place_of_entry(self, entry: int) -> Place:
        """Where an entry (from 0) stands."""
        line = int(self.lines[self.samples[entry] - 1])
        return _place(self.path, self.shown, line, f"feature {int(self.features[entry])}")


@dataclass(frozen=True, slots=True, eq=False)
class _Tokens:
    """The words between blanks and colons: ``starts`` and ``ends`` (past the end) in the text, each by position."""

    text: Bytes
    starts: Ints
    ends: Ints
    lines: Ints  # of each token, from 1
    first: Mask  # the first of its line
    opens: Mask  # a colon follows it: an index
    closes: Mask  # a colon comes before it: a value

    def word(self, token: int) -> str:
        return bytes(self.text[self.starts[token] : self.ends[token]]).decode("utf-8", "replace")


def read_samples(path: Path, shown: str) -> LabelledSamples:
    """The samples of a file. Raises ``DataError`` at the first line that breaks the format."""
    try:
        content = path.read_bytes().removeprefix(_MARK)
    except OSError as error:
        raise DataError(
            [report(codes.UNREADABLE, Place(shown), path=shown, why=error.strerror or str(error))]
        ) from None
    text = np.frombuffer(content, dtype=np.uint8)
    if b"#" in content:
        text = _without_comments(text)
    tokens = _tokens(text, path, shown)
    if not len(tokens.starts):
        raise DataError([_broken(Place(shown, 1), f"{shown} holds no samples")])
    _check_grammar(tokens, path, shown)
    numbers = _numbers(tokens, path, shown)
    _check_indices(tokens, numbers, path, shown)
    owners: Ints = np.cumsum(tokens.first, dtype=np.int64)
    return LabelledSamples(
        path,
        shown,
        numbers[tokens.first],
        tokens.lines[tokens.first],
        owners[tokens.opens],
        numbers[tokens.opens].astype(np.int64),
        numbers[tokens.closes],
    )


# ------------------------------------------------------------------------------------------------------------ tokens
def _without_comments(text: Bytes) -> Bytes:
    """Blanks from each ``#`` to the end of its line."""
    at = np.arange(len(text))
    ended = np.maximum.accumulate(np.where(text == _NEWLINE, at, -1))
    begun = np.maximum.accumulate(np.where(text == _HASH, at, -2))
    return np.where(begun > ended, np.uint8(_BLANK), text)


def _tokens(text: Bytes, path: Path, shown: str) -> _Tokens:
    colon = text == _COLON
    blank = (text == _BLANK) | ((text >= 9) & (text <= 13))  # tab, ends of line and of page
    inside = np.concatenate([[False], ~(blank | colon), [False]])  # of the text with a blank at either end
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[::2], edges[1::2]
    newlines = np.flatnonzero(text == _NEWLINE)
    alone = np.flatnonzero(colon & ~(inside[:-2] & inside[2:]))
    if len(alone):
        line = int(np.searchsorted(newlines, alone[0])) + 1
        raise _refused(path, shown, line, "a colon stands between an index and a value, without blanks", _FORM)
    lines = np.searchsorted(newlines, starts) + 1
    around = np.concatenate([[False], colon, [False]])
    opens, closes = around[ends + 1], around[starts]
    first = np.concatenate([[True], lines[1:] != lines[:-1]])[: len(starts)]
    return _Tokens(text, starts, ends, lines, first, opens, closes)


def _check_grammar(tokens: _Tokens, path: Path, shown: str) -> None:
    """Each line is a label and then pairs; indices are spelled with digits alone."""
    odd = (tokens.text < ord("0")) | (tokens.text > ord("9"))
    before = np.concatenate([[0], np.cumsum(odd)])
    spelled = before[tokens.ends] > before[tokens.starts]
    faults = (
        (tokens.first & tokens.opens, "the line begins with `{word}:`, and has no label"),
        (~tokens.first & tokens.opens & tokens.closes, "`{word}` stands between two colons"),
        (~tokens.first & ~tokens.opens & ~tokens.closes, "`{word}` is neither a label nor index:value"),
        (tokens.opens & spelled, "the index `{word}` is not a whole number"),
    )
    found = [(int(np.argmax(mask)), what) for mask, what in faults if mask.any()]
    if found:
        token, what = min(found)
        raise _refused(path, shown, int(tokens.lines[token]), what.format(word=tokens.word(token)), _FORM)


# ----------------------------------------------------------------------------------------------------------- numbers
def _numbers(tokens: _Tokens, path: Path, shown: str) -> Floats:
    """The number of each token; each must be finite."""
    numbers = _read(np.where(tokens.text == _COLON, np.uint8(_BLANK), tokens.text).tobytes())
    if numbers is not None and len(numbers) == len(tokens.starts) and np.isfinite(numbers).all():
        return numbers
    bad = next(k for k in range(len(tokens.starts)) if not _is_finite(tokens.word(k)))
    kind = "value" if tokens.closes[bad] else "index" if tokens.opens[bad] else "label"
    what = f"the {kind} `{tokens.word(bad)}` is not a finite number"
    raise _refused(path, shown, int(tokens.lines[bad]), what, "write numbers with a decimal point, and leave zeros out")


def _read(content: bytes) -> Floats | None:
    """All numbers of a text, None where one cannot be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(content, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _is_finite(word: str) -> bool:
    return _NUMBER.fullmatch(word) is not None and math.isfinite(float(word))


def _check_indices(tokens: _Tokens, numbers: Floats, path: Path, shown: str) -> None:
    """Indices lie within 1 to 2^31 - 1, and grow along a line."""
    at = np.flatnonzero(tokens.opens)
    index, line = numbers[at], tokens.lines[at]
    outside = np.flatnonzero((index < 1) | (index > _LARGEST))
    if len(outside):
        found = tokens.word(int(at[outside[0]]))
        what = f"the index {found} lies outside 1 to {_LARGEST:,}"
        raise _refused(path, shown, int(line[outside[0]]), what, "number the features from 1 on")
    fallen = np.flatnonzero((index[1:] <= index[:-1]) & (line[1:] == line[:-1]))
    if len(fallen):
        k = int(fallen[0])
        now, last = int(index[k + 1]), int(index[k])
        what = f"feature {now} is given twice" if now == last else f"feature {now} stands after feature {last}"
        raise _refused(path, shown, int(line[k + 1]), what, "give each feature once, in the order of the indices")


# ------------------------------------------------------------------------------------------------------------ places
def _place(path: Path, shown: str, line: int, part: str | None = None) -> Place:
    with path.open("rb") as stream:
        found = next(islice(stream, line - 1, line), b"").decode("utf-8", "replace").rstrip("\r\n")
    return Place(shown, line, None, part, found if len(found) <= _EXCERPT else None)


def _refused(path: Path, shown: str, line: int, what: str, mend: str) -> DataError:
    return DataError([_broken(_place(path, shown, line), what, mend)])


def _broken(place: Place, what: str, mend: str = _FORM) -> Any:
    return report(codes.LIBSVM_MALFORMED, place, what=what, mend=mend)
