"""Text .nl files packed into binary ones, line by line: what AMPL's `write b` makes of `write g`."""

from __future__ import annotations

import struct

LISTS = frozenset({11, 12, 54, 59, 60, 61, 64, 70, 71, 74, 75})  # operators with a number of arguments behind them
PAIRS = {"J": 2, "G": 2, "x": 1, "d": 1}  # segments of pairs, with so many whole numbers before them


def packed(text: str, order: str = "<") -> bytes:
    """The binary file that says the same as a text; ``order``: ``<`` little-endian, ``>`` big-endian."""
    lines = [line.partition("#")[0].strip() if k > 9 else line for k, line in enumerate(text.rstrip("\n").split("\n"))]
    arithmetic = lines[5].partition("#")[0].split()
    arithmetic[2:3] = ["1" if order == "<" else "2"]
    lines[0], lines[5] = "b" + lines[0][1:], " " + " ".join(arithmetic)
    found = "".join(line + "\n" for line in lines[:10]).encode()
    columns, rows = (int(w) for w in lines[1].split()[:2])
    rest = iter(lines[10:])
    for line in rest:
        letter, words = line[0], line[1:].split()
        found += letter.encode()
        if letter in "rb":
            for _ in range(rows if letter == "r" else columns):
                kind, *numbers = next(rest).split()
                found += kind.encode()
                found += b"".join(struct.pack(order + ("i" if kind == "5" else "d"), _as(kind, n)) for n in numbers)
        elif letter == "k":
            found += _wholes(words, order) + _wholes([next(rest) for _ in range(int(words[0]))], order)
        elif letter == "S":
            found += _wholes(words[:2], order) + _named(words[2], order)
            value = "d" if int(words[0]) & 4 else "i"
            for _ in range(int(words[1])):
                index, number = next(rest).split()
                found += struct.pack(order + "i" + value, int(index), float(number) if value == "d" else int(number))
        elif letter == "F":
            found += _wholes(words[:3], order) + _named(words[3], order)
        elif letter in PAIRS:
            found += _wholes(words[: PAIRS[letter]], order) + _pairs(rest, int(words[PAIRS[letter] - 1]), order)
        else:
            found += _wholes(words, order)
            found += _pairs(rest, int(words[1]), order) if letter == "V" else b""
            found += _expression(rest, order)
    return found


def _as(kind: str, number: str) -> float:
    return int(number) if kind == "5" else float(number)


def _wholes(words: list[str], order: str) -> bytes:
    return struct.pack(f"{order}{len(words)}i", *map(int, words))


def _named(name: str, order: str) -> bytes:
    return struct.pack(order + "i", len(name)) + name.encode()


def _pairs(lines: object, count: int, order: str) -> bytes:
    pairs = (next(lines).split() for _ in range(count))  # type: ignore[call-overload]
    return b"".join(struct.pack(order + "id", int(index), float(value)) for index, value in pairs)


def _expression(lines: object, order: str) -> bytes:
    line: str = next(lines)  # type: ignore[call-overload]
    letter, word = line[:1], line[1:]
    if letter == "n":
        return b"n" + struct.pack(order + "d", float(word))
    if letter in "vl":
        return letter.encode() + struct.pack(order + "i", int(word))
    if letter == "s":
        return b"s" + struct.pack(order + "h", int(word))
    op = int(word)
    found, count = b"o" + struct.pack(order + "i", op), _arity(op)
    if op in LISTS:
        number = int(next(lines))  # type: ignore[call-overload]
        found, count = found + struct.pack(order + "i", number), 2 * number if op == 64 else number
    return found + b"".join(_expression(lines, order) for _ in range(count))


def _arity(op: int) -> int:
    if op in (35, 65, 72):
        return 3
    return 1 if op in (13, 14, 15, 16, 34, *range(37, 48), *range(49, 54), 77) else 2
