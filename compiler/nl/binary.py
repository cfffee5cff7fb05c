"""Binary .nl files, as the text that says the same: the ten lines of the header, then segments of packed numbers.

Letters are one byte each; whole numbers are 4 bytes, short ones 2, real ones 8, in the byte order that the sixth line
of the header names (1 little-endian, 2 big-endian; others: that of this machine); names have their length before them.

Source: D. M. Gay, "Writing .nl Files" (Sandia report SAND2005-7907P), section on binary files.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .terms import ARITY, LISTS, Malformed

_CUT = "the file may be cut off, or changed by a transfer as text"
_HEADER = 10
_ORDERS = {1: "<", 2: ">"}
_BOUNDS = {"0": 2, "1": 1, "2": 1, "3": 0, "4": 1}  # numbers that follow the kind of a bound
_REAL = 4  # of the kind of a suffix: its values are real


def is_binary(data: bytes) -> bool:
    """Whether a .nl file is a binary one."""
    return data[:1] == b"b" and data[1:2].isdigit()


def as_text(data: bytes) -> str:
    """The text of a binary file. Raises ``Malformed`` with the byte at which it is no such file."""
    at, lines = 0, []
    for _ in range(_HEADER):
        end = data.find(b"\n", at)
        if end < 0:
            raise Malformed("the ten lines of the header of a .nl file are expected", _CUT)
        lines.append(data[at:end].decode("latin-1").rstrip("\r"))
        at = end + 1
    sizes, arithmetic = _numbers(lines[1]), _numbers(lines[5])
    if len(sizes) < 2:
        raise Malformed("line 2 of the header must hold the numbers of variables and rows", _CUT)
    order = _ORDERS.get(arithmetic[2] if len(arithmetic) > 2 else 0, "<" if sys.byteorder == "little" else ">")
    packed = _Packed(data, order, at)
    columns, rows = sizes[0], sizes[1]
    lines[0] = "g" + lines[0][1:]
    while packed.at < len(data):
        _segment(packed, columns, rows, lines)
    return "\n".join(lines) + "\n"


def _numbers(line: str) -> list[int]:
    words = line.partition("#")[0].split()
    return [int(w) for w in words] if all(w.isdigit() for w in words) else []


@dataclass(slots=True)
class _Packed:
    """The bytes of a file, read from ``at`` on; ``order``: of bytes, as ``struct`` and numpy write it."""

    data: bytes
    order: str
    at: int

    def fail(self, problem: str) -> Malformed:
        return Malformed(f"{problem} at byte {self.at}", _CUT)

    def need(self, size: int) -> int:
        """The place of the next ``size`` bytes, which are passed over."""
        at = self.at
        if size < 0 or at + size > len(self.data):
            raise self.fail("the file ends too early or a count is wrong")
        self.at = at + size
        return at

    def letter(self) -> str:
        return chr(self.data[self.need(1)])

    def whole(self) -> int:
        found: int = struct.unpack_from(self.order + "i", self.data, self.need(4))[0]
        return found

    def short(self) -> int:
        found: int = struct.unpack_from(self.order + "h", self.data, self.need(2))[0]
        return found

    def real(self) -> float:
        found: float = struct.unpack_from(self.order + "d", self.data, self.need(8))[0]
        return found

    def name(self) -> str:
        size = self.whole()
        at = self.need(size)
        return self.data[at : at + size].decode("latin-1")

    def entries(self, count: int, value: str) -> list[str]:
        """``count`` lines ``index value``; the values are of numpy's type ``value``."""
        kind = np.dtype([("index", self.order + "i4"), ("value", self.order + value)])
        found = np.frombuffer(self.data, kind, max(count, 0), self.need(count * kind.itemsize))
        pairs = zip(found["index"].tolist(), found["value"].tolist(), strict=True)
        return [f"{index} {number!r}" for index, number in pairs]


# ---------------------------------------------------------------------------------------------------------- segments
def _segment(packed: _Packed, columns: int, rows: int, lines: list[str]) -> None:
    """Adds the lines of the next segment."""
    begin = packed.at
    letter = packed.letter()
    plain = _PLAIN.get(letter)
    if plain is not None:
        lines += plain(packed, letter)
    elif letter == "r":
        lines += ["r", *(_bound(packed) for _ in range(rows))]
    elif letter == "b":
        lines += ["b", *(_bound(packed) for _ in range(columns))]
    else:
        packed.at = begin
        raise packed.fail(f"a segment is expected, not {letter!r},")


def _with_expression(count: int) -> Callable[[_Packed, str], list[str]]:
    """A segment of so many whole numbers and an expression."""

    def read(packed: _Packed, letter: str) -> list[str]:
        head = " ".join(str(packed.whole()) for _ in range(count))
        return [letter + head, *_expression(packed)]

    return read


def _defined(packed: _Packed, letter: str) -> list[str]:
    number, count, use = packed.whole(), packed.whole(), packed.whole()
    return [f"{letter}{number} {count} {use}", *packed.entries(count, "f8"), *_expression(packed)]


def _values(packed: _Packed, letter: str) -> list[str]:
    count = packed.whole()
    return [f"{letter}{count}", *packed.entries(count, "f8")]


def _matrix_row(packed: _Packed, letter: str) -> list[str]:
    number, count = packed.whole(), packed.whole()
    return [f"{letter}{number} {count}", *packed.entries(count, "f8")]


def _counts(packed: _Packed, letter: str) -> list[str]:
    count = packed.whole()
    found = np.frombuffer(packed.data, packed.order + "i4", max(count, 0), packed.need(4 * count))
    return [f"{letter}{count}", *map(str, found.tolist())]


def _suffix(packed: _Packed, letter: str) -> list[str]:
    kind, count, name = packed.whole(), packed.whole(), packed.name()
    return [f"{letter}{kind} {count} {name}", *packed.entries(count, "f8" if kind & _REAL else "i4")]


def _function(packed: _Packed, letter: str) -> list[str]:
    numbers = [packed.whole() for _ in range(3)]
    return [f"{letter}{' '.join(map(str, numbers))} {packed.name()}"]


_PLAIN: dict[str, Callable[[_Packed, str], list[str]]] = {
    "C": _with_expression(1),
    "L": _with_expression(1),
    "O": _with_expression(2),
    "V": _defined,
    "F": _function,
    "S": _suffix,
    "k": _counts,
    "K": _counts,
    **dict.fromkeys("dx", _values),
    **dict.fromkeys("JG", _matrix_row),
}


def _bound(packed: _Packed) -> str:
    kind = packed.letter()
    if kind == "5":
        return f"5 {packed.whole()} {packed.whole()}"
    if kind not in _BOUNDS:
        raise packed.fail(f"a kind of bound, 0 to 5, is expected, not {kind!r},")
    return " ".join([kind, *(repr(packed.real()) for _ in range(_BOUNDS[kind]))])


# -------------------------------------------------------------------------------------------------------- expressions
def _expression(packed: _Packed) -> list[str]:
    """The lines of one expression."""
    lines: list[str] = []
    wanted = 1
    while wanted:
        letter = packed.letter()
        wanted -= 1
        if letter == "o":
            op = packed.whole()
            lines.append(f"o{op}")
            if op in LISTS:
                count = packed.whole()
                lines.append(str(count))
                wanted += 2 * count if op == 64 else count
            elif op in ARITY:
                wanted += ARITY[op]
            else:
                raise packed.fail(f"the operator o{op} does not exist")
        elif letter == "n":
            lines.append(f"n{packed.real()!r}")
        elif letter == "v" or letter == "l":
            lines.append(f"{letter}{packed.whole()}")
        elif letter == "s":
            lines.append(f"s{packed.short()}")
        elif letter == "f":
            function, count = packed.whole(), packed.whole()
            lines.append(f"f{function} {count}")
            wanted += count
        elif letter == "h":
            text = packed.name()
            lines.append(f"h{len(text)}:{text}")
        else:
            raise packed.fail(f"a part of an expression is expected, not {letter!r},")
        if wanted < 0 or wanted > len(packed.data):
            raise packed.fail("a count is wrong")
    return lines
