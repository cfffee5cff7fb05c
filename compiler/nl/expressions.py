"""Reads the expressions of .nl files, whose lines are operators, numbers and variables in prefix order.

An expression is taken apart at its sums and coefficients; each part that is left is read once for all parts that differ
from it in variables and numbers alone (``Pattern``): rows come in families. Whole and half numbers count as part of the
expression, since zeros, ones and exponents among them decide what it is.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from .header import Position
from .terms import ARITY, LISTS, Malformed, Refused, Shapes, Sum, operate, scaled

NO_FUNCTIONS = "write it out with operators, or as an `extern` of a .opt model"
_CUT = "the file may be cut off or edited"
_DECIDED = frozenset(f"o{op}" for op in (*range(20, 36), 4, 55, 57, 58, 64, 65, *range(70, 74)))
_MORE = {f"o{op}": arity - 1 for op, arity in ARITY.items()} | {f"o{op}": -1 for op in LISTS}


class _NotPlainError(Exception):
    """The lines are no plain expression: the reading backwards says what is wrong with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The sum that a part is, with open places for its variables and numbers.

    ``values`` are the numbers that do not change, ``constant`` and the ``linear`` and ``terms`` coefficients positions
    in them; behind them come the part's own numbers ``c``, then ``-c``, ``1 / c`` and ``-1 / c``. Variables are counted
    in order of appearance. ``terms``: coefficient, shape, slots, which slots are which variables and which numbers.
    """

    values: list[float]
    constant: int
    linear: list[tuple[int, int]]
    terms: list[tuple[int, int, list[float | int], list[tuple[int, int]], list[tuple[int, int]]]]

    def put(self, columns: Sequence[int], numbers: list[float], factor: float, total: Sum) -> None:
        """Adds the part with these variables and numbers, times a factor, to a sum."""
        values = self.values if not numbers else [*self.values, *_around(numbers)]
        total.constant += factor * values[self.constant]
        for coefficient, k in self.linear:
            total.linear.append((factor * values[coefficient], columns[k]))
        for coefficient, shape, slots, variables, constants in self.terms:
            own = slots.copy()
            for at, k in variables:
                own[at] = columns[k]
            for at, k in constants:
                own[at] = values[k]
            total.terms.append((factor * values[coefficient], shape, tuple(own)))


def _around(numbers: list[float]) -> list[float]:
    inverse = [1.0 / c for c in numbers]
    return [*numbers, *[-c for c in numbers], *inverse, *[-c for c in inverse]]


class Expressions:
    """Reads expressions from the lines of a file with so many ``columns``; ``position`` is kept at the line in work."""

    def __init__(self, lines: list[str], shapes: Shapes, columns: int, position: Position) -> None:
        self.lines, self.shapes, self.columns, self.position = lines, shapes, columns, position
        self.patterns: dict[object, Pattern | None] = {}
        self.random = random.Random(0)

    def read(self, first: int, last: int) -> Sum:
        """The sum that lines ``first`` to ``last`` state. Raises ``Refused``, ``Malformed``."""
        self.position.at = first
        try:
            return self._sum(first, last)
        except (_NotPlainError, ValueError, IndexError, KeyError, ZeroDivisionError):
            return self._backwards(self.lines[first:last], first)

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
        places: dict[int, int] = {}
        masked: list[object] = []
        numbers: list[float] = []
        for line in lines:
            letter = line[0]
            if letter == "v":
                masked.append(places.setdefault(int(line[1:]), len(places)))
            elif letter == "n" and not (2.0 * (value := float(line[1:]))).is_integer():
                if not math.isfinite(value):
                    raise _NotPlainError
                masked.append("n")
                numbers.append(value)
            else:
                masked.append(line)
        columns = list(places)
        if not columns or max(columns) >= self.columns or min(columns) < 0:
            _put(self._backwards(lines, first), factor, total)
            return
        whole = self.shapes.whole
        key = (tuple(masked), bytes([whole[c] for c in columns]))
        if key not in self.patterns:
            self.patterns[key] = self._pattern(lines, first, places, numbers)
        pattern = self.patterns[key]
        if pattern is None:
            _put(self._backwards(lines, first), factor, total)
        else:
            pattern.put(columns, numbers, factor, total)

    def _pattern(self, lines: list[str], first: int, places: dict[int, int], numbers: list[float]) -> Pattern | None:
        """None where the part is more than variables and numbers put into places: what is calculated from its numbers,
        decided by them, or has the number of an aggregate.

        Each of its numbers is known again in what is read by its value, so the part is read with drawn ones.
        """
        kinds = self.shapes.kinds
        if numbers and not _DECIDED.isdisjoint(lines):
            return None
        drawn = [self.random.uniform(0.1, 1.0) for _ in numbers]
        rest = iter(drawn)
        given = [
            f"n{next(rest)!r}" if line[0] == "n" and not (2.0 * float(line[1:])).is_integer() else line
            for line in lines
        ]
        found = self._backwards(given, first)
        if any("a" in kinds[shape] or "d" in kinds[shape] for _, shape, _ in found.terms):
            return None
        held = {value: k for k, value in enumerate(_around(drawn))}
        fixed: list[float] = []
        computed = False

        def position(value: float) -> int:
            nonlocal computed
            if value in held:
                return -1 - held[value]
            computed = computed or (bool(numbers) and not (2.0 * value).is_integer())
            fixed.append(value)
            return len(fixed) - 1

        constant = position(found.constant)
        linear = [(position(c), places[v]) for c, v in found.linear]
        terms = []
        for coefficient, shape, slots in found.terms:
            variables = [(at, places[int(slots[at])]) for at, kind in enumerate(kinds[shape]) if kind in "xk"]
            constants = [(at, position(float(slots[at]))) for at, kind in enumerate(kinds[shape]) if kind == "c"]
            terms.append((position(coefficient), shape, list(slots), variables, constants))
        if computed:
            return None
        upto = len(fixed)

        def behind(k: int) -> int:
            return k if k >= 0 else upto - 1 - k

        return Pattern(
            fixed,
            behind(constant),
            [(behind(c), v) for c, v in linear],
            [(behind(c), s, own, vs, [(at, behind(k)) for at, k in cs]) for c, s, own, vs, cs in terms],
        )

    # ------------------------------------------------------------------------------------------------- line by line
    def _backwards(self, lines: Sequence[str], first: int) -> Sum:
        """The sum of an expression read from its end, where operators find their arguments on a stack.

        ``first``: the line of the file that ``lines`` begin at.
        """
        stack: list[Sum] = []
        count: int | None = None
        for at in range(len(lines) - 1, -1, -1):
            line = lines[at]
            self.position.at = first + at
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
        if count is not None:
            raise Malformed("after this line stands a number of arguments without its operator", _CUT)
        if len(stack) != 1:
            problem = f"one expression should follow, not {len(stack)}: operators and arguments do not fit together"
            raise Malformed(problem, _CUT)
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
