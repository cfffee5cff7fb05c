"""Where things stand in a JSON text: asked only when something is wrong with them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = r'"(?:[^"\\]|\\.)*"'
_STRUCTURE = re.compile(rf"{_STRING}|[{{}}\[\]]", re.DOTALL)
_SCALAR = re.compile(rf"{_STRING}|[^\s,\]}}]+", re.DOTALL)
_TOKEN = re.compile(rf"{_STRING}|[{{}}\[\],:]", re.DOTALL)
_NUMBER = re.compile(rf"{_STRING}|(?P<token>-?\d[\d.eE+-]*)", re.DOTALL)
_LARGE_EXPONENT = re.compile(r"[eE]\+?\d{3}")
_AS_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_MANY_DIGITS = b"0" * 300
_NO_NUMBER = re.compile(rf"{_STRING}|(?P<token>-?(?:NaN|Infinity))", re.DOTALL)


@dataclass(slots=True)
class _Children:
    """Offsets of the values in one container: those found so far, and the rest of the way."""

    rest: Iterator[tuple[object, int]]
    found: dict[object, int] = field(default_factory=dict)

    def offset(self, step: object) -> int | None:
        """Where the value of a key or position begins, None where there is none."""
        while step not in self.found:
            following = next(self.rest, None)
            if following is None:
                return None
            self.found[following[0]] = following[1]
        return self.found[step]


@dataclass(slots=True)
class JsonText:
    """A well-formed JSON text and the offsets of the values in it, container by container, as far as was asked."""

    text: str
    _inside: dict[tuple[object, ...], _Children] = field(default_factory=dict)

    def offset(self, path: Sequence[object]) -> int:
        """Where the value of a path (keys and positions) begins; of the last part of the path that there is."""
        at = _space(self.text, 0)
        done: tuple[object, ...] = ()
        for step in path:
            if done not in self._inside:
                self._inside[done] = _Children(_children(self.text, at))
            found = self._inside[done].offset(step)
            if found is None:
                return at
            at = found
            done = (*done, step)
        return at

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        return self.text.count("\n", 0, offset) + 1, offset - self.text.rfind("\n", 0, offset)

    def line(self, offset: int) -> str:
        """The text of the line of an offset."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


def _space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    assert match is not None
    return match.end()


def _children(text: str, at: int) -> Iterator[tuple[object, int]]:
    """Keys or positions of the container that begins at an offset, each with the offset of its value."""
    opener = text[at : at + 1]
    if opener not in ("{", "["):
        return
    at = _space(text, at + 1)
    count = 0
    while text[at : at + 1] not in ("}", "]", ""):
        step: object = count
        if opener == "{":
            end = _end(text, at)
            step = json.loads(text[at:end])
            at = _space(text, _space(text, end) + 1)
        yield step, at
        at = _space(text, _end(text, at))
        if text[at : at + 1] == ",":
            at = _space(text, at + 1)
        count += 1


def _end(text: str, at: int) -> int:
    """The offset behind the value at an offset."""
    if text[at] not in "{[":
        match = _SCALAR.match(text, at)
        return match.end() if match is not None else len(text)
    depth = 0
    for token in _STRUCTURE.finditer(text, at):
        first = token.group()[0]
        depth += (first in "{[") - (first in "}]")
        if not depth:
            return token.end()
    return len(text)


def repeated_key(text: str) -> tuple[str, int, int] | None:
    """A key that occurs twice in one object, with the offsets of its first and second occurrence."""
    stack: list[dict[str, int] | None] = []
    expects_key = False
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark == "{":
            stack.append({})
            expects_key = True
        elif mark == "[":
            stack.append(None)
            expects_key = False
        elif mark in "}]":
            stack.pop()
            expects_key = False
        elif mark == ",":
            expects_key = bool(stack) and stack[-1] is not None
        elif mark == ":":
            expects_key = False
        elif expects_key and stack and (keys := stack[-1]) is not None:
            key: str = json.loads(mark)
            if key in keys:
                return key, keys[key], token.start()
            keys[key] = token.start()
    return None


def not_a_number(text: str) -> tuple[str, int] | None:
    """The first bare ``NaN``, ``Infinity`` or ``-Infinity``, with its offset."""
    for match in _NO_NUMBER.finditer(text):
        if match["token"] is not None:
            return match["token"], match.start("token")
    return None


def too_large(text: str) -> tuple[str, int] | None:
    """The first number that is beyond float64 though it is written with a point or an exponent, with its offset."""
    if _LARGE_EXPONENT.search(text) is None and _MANY_DIGITS not in text.encode(errors="replace").translate(_AS_ZEROS):
        return None
    for match in _NUMBER.finditer(text):
        token = match["token"]
        if token is not None and not token.lstrip("-").isdigit() and math.isinf(float(token)):
            return token, match.start("token")
    return None
