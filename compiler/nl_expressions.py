"""Reads the expressions of .nl files, whose lines are operators, numbers and variables in prefix order.

An expression is taken apart at its sums and coefficients; each part that is left is read once for all parts that differ
from it in their variables alone (``Pattern``): rows come in families.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from .nl_header import Position
from .nl_terms import ARITY, LISTS, Malformed, Refused, Shapes, Sum, operate, scaled

NO_FUNCTIONS = "write it out with operators, or as an `extern` of a .opt model"
_CUT = "the file may be cut off or edited"
_MORE = {f"o{op}": arity - 1 for op, arity in ARITY.items()} | {f"o{op}": -1 for op in LISTS}


class _NotPlainError(Exception):
    """The lines are no plain expression: the reading backwards says what is wrong with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The sum that a part is, with variables by their place among the part's own (in order of appearance).

    ``linear``: coefficient and variable; ``terms``: coefficient, shape, slots, and which slots are which variables.
    """

    constant: float
    linear: list[tuple[float, int]]
    terms: list[tuple[float, int, list[float | int], list[tuple[int, int]]]]

    def put(self, columns: Sequence[int], factor: float, total: Sum) -> None:
        """Adds the part with these variables, times a factor, to a sum."""
        total.constant += factor * self.constant
        for coefficient, k in self.linear:
            total.linear.append((factor * coefficient, columns[k]))
        for coefficient, shape, slots, places in self.terms:
            own = slots.copy()
            for at, k in places:
                own[at] = columns[k]
            total.terms.append((factor * coefficient, shape, tuple(own)))


class Expressions:
    """Reads expressions from the lines of a file with so many ``columns``; ``position`` is kept at the line in work."""

    def __init__(self, lines: Sequence[str], shapes: Shapes, columns: int, position: Position) -> None:
        self.lines, self.shapes, self.columns, self.position = lines, shapes, columns, position
        self.patterns: dict[object, Pattern | None] = {}

    def read(self, first: int, last: int) -> Sum:
        """The sum that lines ``first`` to ``last`` state. Raises ``Refused``, ``Malformed``."""
        self.position.at = first
        try:
            return self._sum(first, last)
        except (_NotPlainError, ValueError, IndexError, KeyError):
            return self._backwards(first, last)

    # ------------------------------------------------------------------------------------------- sums and their parts
    def _sum(self, first: int, last: int) -> Sum:
        lines, total, at = self.lines, Sum(), first
        factors = [1.0]  # of the parts that are still to come, the next one last
        while factors:
            if at >= last:
                raise _NotPlainError
            factor, line = factors.pop(), lines[at]
            letter = line[0]
            if line == "o0":
                factors += (factor, factor)
            elif line == "o1":
                factors += (-factor, factor)
            elif line == "o16":
                factors.append(-factor)
            elif line == "o54":
                at += 1
                count = int(lines[at])
                if not 0 < count <= last - at:
                    raise _NotPlainError
                factors += [factor] * count
            elif line == "o2" and lines[at + 1][0] == "n":
                at += 1
                factors.append(factor * _finite(lines[at]))
            elif letter == "n":
                total.constant += factor * _finite(line)
            elif letter == "v" and 0 <= int(line[1:]) < self.columns:
                total.linear.append((factor, int(line[1:])))
            else:
                end = self._end(at, last)
                self._part(at, end, factor, total)
                at = end - 1
            at += 1
        if at != last:
            raise _NotPlainError
        if not math.isfinite(total.constant):
            raise _NotPlainError
        return total

    def _end(self, at: int, last: int) -> int:
        """The line after a part."""
        lines, wanted = self.lines, 1
        while wanted:
            if at >= last:
                raise _NotPlainError
            line = lines[at]
            if line[0] == "o":
                more = _MORE[line]
                if more < 0:
                    at += 1
                    count = int(lines[at])
                    more = (2 * count if line == "o64" else count) - 1
                    if count < 1:
                        raise _NotPlainError
                wanted += more
            else:
                wanted -= 1
            at += 1
        return at

    def _part(self, first: int, last: int, factor: float, total: Sum) -> None:
        lines = self.lines[first:last]
        numbers = [int(line[1:]) for line in lines if line[0] == "v"]
        if not numbers or max(numbers) >= self.columns or min(numbers) < 0:
            _put(self._backwards(first, last), factor, total)
            return
        places: dict[int, int] = {}
        order = tuple([places.setdefault(n, len(places)) for n in numbers])
        columns = list(places)
        whole = self.shapes.whole
        key = (
            "\n".join([line if line[0] != "v" else "v" for line in lines]),
            order,
            bytes([whole[c] for c in columns]),
        )
        if key not in self.patterns:
            found = self._backwards(first, last)
            self.patterns[key] = self._pattern(found, places)
            _put(found, factor, total)
            return
        pattern = self.patterns[key]
        if pattern is None:
            _put(self._backwards(first, last), factor, total)
        else:
            pattern.put(columns, factor, total)

    def _pattern(self, found: Sum, places: dict[int, int]) -> Pattern | None:
        """None where a slot holds the number of an aggregate, which each part has of its own."""
        kinds = self.shapes.kinds
        if any("a" in kinds[shape] or "d" in kinds[shape] for _, shape, _ in found.terms):
            return None
        terms = []
        for coefficient, shape, slots in found.terms:
            marked = [(at, places[int(slots[at])]) for at, kind in enumerate(kinds[shape]) if kind in "xk"]
            terms.append((coefficient, shape, list(slots), marked))
        return Pattern(found.constant, [(c, places[v]) for c, v in found.linear], terms)

    # ------------------------------------------------------------------------------------------------- line by line
    def _backwards(self, first: int, last: int) -> Sum:
        """The sum of an expression read from its end: operators then find their arguments on a stack."""
        stack: list[Sum] = []
        count: int | None = None
        for at in range(last - 1, first - 1, -1):
            line = self.lines[at]
            self.position.at = at
            letter = line[:1]
            try:
                if letter == "v":
                    stack.append(self.variable(int(line[1:])))
                elif letter in ("n", "s", "l"):
                    stack.append(_constant(float(line[1:])))
                elif letter == "o":
                    op = int(line[1:])
                    arity, count = _arity(op, count), None
                    if arity > len(stack):
                        raise Malformed(f"o{op} wants {arity} arguments, {len(stack)} follow", _CUT)
                    args = stack[: -arity - 1 : -1]
                    del stack[-arity:]
                    stack.append(operate(op, args, self.shapes))
                elif letter.isdigit() and count is None:
                    count = int(line)
                else:
                    _strange(line)
            except ValueError:
                _strange(line)
            except OverflowError:
                raise Malformed("a number in the expression is too large", "scale the expression") from None
        self.position.at = first - 1
        there = len(stack) + (count is not None)
        if there != 1 or not stack:
            raise Malformed(
                f"one expression is expected after this line, there are {there}",
                f"operators and arguments do not fit together: {_CUT}",
            )
        return stack[0]

    def variable(self, number: int) -> Sum:
        """A variable of the problem, or the sum that stands for a defined one."""
        if 0 <= number < self.columns:
            return Sum(0.0, [(1.0, number)])
        found = self.shapes.inlined.get(number)
        if found is None:
            more = " (a defined variable must come before its use)" if number >= self.columns else ""
            known = f"the variables are 0 to {self.columns - 1}" if self.columns else "there are none"
            raise Malformed(f"variable {number} does not exist here{more}", known)
        return Sum(found.constant, list(found.linear), list(found.terms))


def _put(found: Sum, factor: float, total: Sum) -> None:
    more = scaled(found, factor)
    total.constant += more.constant
    total.linear += more.linear
    total.terms += more.terms


def _finite(line: str) -> float:
    value = float(line[1:])
    if not math.isfinite(value):
        raise _NotPlainError
    return value


def _constant(value: float) -> Sum:
    if not math.isfinite(value):
        raise Malformed(f"the number {value} is not finite", "write a finite number")
    return Sum(value)


def _arity(op: int, count: int | None) -> int:
    if op in LISTS:
        if count is None or count < 1:
            raise Malformed(f"after o{op} the number of its arguments is expected", "write it on the next line")
        return 2 * count if op == 64 else count
    if op not in ARITY:
        raise Malformed(f"o{op} is no operator of the format", "the operators are o0 to o78")
    if count is not None:
        raise Malformed(f"o{op} has no number of arguments", "leave the line after it out")
    return ARITY[op]


def _strange(line: str) -> NoReturn:
    if line[:1] == "f":
        raise Refused(f"a call of an imported function ({line[:40]})", NO_FUNCTIONS) from None
    if line[:1] == "h":
        raise Refused("a text in an expression", "write the expression with numbers alone") from None
    problem = f"an operator (o2), number (n1.5) or variable (v0) is expected, not {line[:40]!r}"
    raise Malformed(problem, _CUT) from None
