"""Reads text .nl files, AMPL's format of problems for solvers: linear and nonlinear rows, complementarity.

What is read: the header; ``C`` and ``O`` expressions with defined variables (``V``); linear parts (``J``, ``G``);
bounds (``r``, ``b``), complementarity conditions among them; the start (``x``). The first objective counts. Left out
with a note: further objectives, start values of duals (``d``), suffixes (``S``). Refused: what would change the problem
when it is left out: logical rows (``L``), imported functions (``F``), networks, special ordered sets in suffixes.

Source: D. M. Gay, "Writing .nl Files" (Sandia report SAND2005-7907P).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Diagnostic, Place

from ..forms.linear import Floats, Ints
from .expressions import NO_FUNCTIONS, Expressions
from .header import Header, read_header
from .terms import Malformed, Refused, Shapes, Sum, added, scaled

_SEGMENTS = frozenset("CLOVFSdxrbkKJG")
_BAD_SUFFIXES = frozenset({"sosno", "ref"})


class NlError(Exception):
    """The file is no .nl file that optc reads; ``diagnostics`` say where and what to do."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__("; ".join(d.message for d in diagnostics))


@dataclass(slots=True, eq=False)
class NlProblem:
    """A problem as its file states it: ``n`` columns, ``m`` rows.

    ``rows``: the nonlinear parts; ``starts indices values``: the linear ones, CSR. ``paired`` (m): the column that a
    row complements, -1 for none, and ``sides`` (m) which bounds of it count (1 lower, 2 upper, 3 both, 0 none).
    ``sense`` is None without an objective. ``start`` (n) is NaN where none is given.
    """

    name: str
    shapes: Shapes
    sense: str | None
    objective: Sum
    cost: Floats
    rows: list[Sum]
    starts: Ints
    indices: Ints
    values: Floats
    row_lower: Floats
    row_upper: Floats
    paired: Ints
    sides: Ints
    lower: Floats
    upper: Floats
    integer: NDArray[np.bool_]
    start: Floats
    notes: tuple[Diagnostic, ...] = ()


def read_nl_text(text: str, path: str) -> NlProblem:
    """The problem of a .nl text; ``path`` is its name in messages. Raises NlError at the first thing that is wrong."""
    return _Reader(path, text).read()


@dataclass(slots=True, eq=False)
class _Linear:
    """Entries of the rows of a matrix as they come: lines ``index value``."""

    rows: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.split("\n")
        self.marks = text.count("#")
        self.at = 0  # the line in work, from 0
        self.header: Header
        self.shapes: Shapes
        self.reader: Expressions
        self.expressions: dict[tuple[str, int], Sum] = {}
        self.sense: str | None = None
        self.jacobian, self.gradient = _Linear(), _Linear()
        self.bounds: dict[str, tuple[Floats, Floats]] = {}
        self.paired: Ints
        self.sides: Ints
        self.start: Floats
        self.notes: list[Diagnostic] = []
        self.seen: set[tuple[str, int]] = set()

    # ------------------------------------------------------------------------------------------------------ messages
    def wrong(self, problem: str, mend: str) -> NoReturn:
        raise NlError((report(codes.NL_LINE, self.place(), problem=problem, mend=mend),))

    def refuse(self, what: str, mend: str) -> NoReturn:
        raise NlError((report(codes.NL_UNSUPPORTED, self.place(), what=what, mend=mend),))

    def note(self, what: str) -> None:
        self.notes.append(report(codes.NL_LEFT_OUT, self.place(), what=what))

    def place(self) -> Place:
        line = self.lines[self.at][:200] if self.at < len(self.lines) else None
        return Place(self.path, line=self.at + 1, excerpt=line)

    # ------------------------------------------------------------------------------------------------------ the whole
    def read(self) -> NlProblem:
        try:
            self.header = read_header(self.lines, self)
        except Malformed as fault:
            self.wrong(fault.problem, fault.mend)
        except Refused as refusal:
            self.refuse(refusal.what, refusal.mend)
        columns, rows = self.header.columns, self.header.rows
        self.shapes = Shapes(bytearray(self.header.integer.tobytes()))
        self.reader = Expressions(self.lines, self.shapes, columns, self)
        self.paired = np.full(rows, -1, dtype=np.int32)
        self.sides = np.zeros(rows, dtype=np.int32)
        self.start = np.full(columns, math.nan)
        if self.marks > sum(line.count("#") for line in self.lines[:10]):
            self.lines[10:] = [line.partition("#")[0] for line in self.lines[10:]]
        self.lines[10:] = list(map(str.strip, self.lines[10:]))
        while self.lines and not self.lines[-1]:
            self.lines.pop()
        self.segments()
        return self.problem()

    def segments(self) -> None:
        lines = self.lines
        begins = [k for k in range(10, len(lines)) if lines[k][:1] in _SEGMENTS]
        if len(lines) > 10 and (not begins or begins[0] != 10):
            self.at = 10
            self.wrong(
                f"a segment is expected, not {lines[10][:40]!r}", "segments begin with one of C O V r b k J G x d S"
            )
        for begin, end in zip(begins, [*begins[1:], len(lines)], strict=False):
            self.at = begin
            self.segment(lines[begin], begin + 1, end)

    def segment(self, line: str, first: int, last: int) -> None:
        letter = line[0]
        words = line[1:].split()
        if letter == "L":
            self.refuse("a logical row (segment L)", "state it with binary variables and rows, or `=>` in a .opt model")
        if letter == "F":
            self.refuse(f"the imported function {words[-1] if words else ''} (segment F)", NO_FUNCTIONS)
        if letter in "rb":
            self.bounds_of(letter, first, last)
            return
        handlers = {"C": self.row_expression, "O": self.objective, "V": self.defined, "J": self.row_entries}
        handlers |= {"G": self.cost_entries, "x": self.start_values, "d": self.dual_start, "S": self.suffix}
        handlers.get(letter, self.counts)(words, first, last)

    def numbers(self, words: list[str], names: str) -> list[int]:
        """The whole numbers after a segment's letter."""
        wanted = names.split()
        try:
            found = [int(w) for w in words]
        except ValueError:
            found = []
        if len(found) < len(wanted) or any(n < 0 for n in found):
            letter = self.lines[self.at][:1]
            self.wrong(
                f"after {letter} these whole numbers are expected: {', '.join(wanted)}", f"for example {letter}0 2"
            )
        return found

    def below(self, number: int, limit: int, word: str) -> int:
        if number >= limit:
            self.wrong(
                f"{word} {number} does not exist: the header says there are {limit}, from 0 on", "mend one of them"
            )
        return number

    def once(self, letter: str, number: int) -> None:
        if (letter, number) in self.seen:
            self.wrong(f"a second segment {letter}{number if number >= 0 else ''}", "keep one of the two")
        self.seen.add((letter, number))

    def body(self, count: int, first: int, last: int) -> list[str]:
        if last - first != count:
            self.at = min(first + count, last - 1) if last > first else self.at
            lines = f"{count} line{'' if count == 1 else 's'}"
            self.wrong(
                f"{lines} should follow in this segment, not {last - first}", "the file may be cut off or edited"
            )
        return self.lines[first:last]

    # ---------------------------------------------------------------------------------------------------- expressions
    def row_expression(self, words: list[str], first: int, last: int) -> None:
        row = self.below(self.numbers(words, "row")[0], self.header.rows, "row")
        self.once("C", row)
        self.expressions["C", row] = self.expression(first, last)

    def objective(self, words: list[str], first: int, last: int) -> None:
        number, sense, *_ = self.numbers(words, "objective sense")
        self.once("O", self.below(number, self.header.objectives, "objective"))
        if sense not in (0, 1):
            self.wrong(f"the sense of an objective is 0 (minimize) or 1 (maximize), not {sense}", "write 0 or 1")
        if number > 0:
            self.note(f"objective {number} (the first one counts)")
            return
        self.sense = "maximize" if sense else "minimize"
        self.expressions["O", 0] = self.expression(first, last)

    def defined(self, words: list[str], first: int, last: int) -> None:
        number, count, *_ = self.numbers(words, "variable entries use")
        columns, defined = self.header.columns, self.header.defined
        if not columns <= number < columns + defined:
            known = f"{columns} to {columns + defined - 1}" if defined else "none"
            self.wrong(f"variable {number} is no defined variable; the header says: {known}", "mend the number")
        self.once("V", number)
        if last - first <= count:
            self.wrong(f"{count} linear entries and an expression are expected", "the file may be cut off")
        total = Sum()
        for at in range(first, first + count):
            self.at = at
            column, value = self.entry(self.lines[at])
            try:
                total = added(total, scaled(self.reader.variable(column), value))
            except Malformed as fault:
                self.wrong(fault.problem, fault.mend)
        found = self.expression(first + count, last)
        self.at = first - 1
        try:
            self.shapes.define(number, added(total, found))
        except Refused as refusal:
            self.refuse(refusal.what, refusal.mend)

    def entry(self, line: str) -> tuple[int, float]:
        try:
            column, value = line.split()
            found = int(column), float(value)
        except ValueError:
            self.wrong(f"a column number and a value are expected, not {line[:40]!r}", "for example `3 1.5`")
        if not math.isfinite(found[1]):
            self.wrong(f"the value {value} is not finite", "write a finite number")
        return found

    def expression(self, first: int, last: int) -> Sum:
        try:
            return self.reader.read(first, last)
        except Refused as refusal:
            self.refuse(refusal.what, refusal.mend)
        except Malformed as fault:
            self.wrong(fault.problem, fault.mend)

    # -------------------------------------------------------------------------------------------------- linear parts
    def row_entries(self, words: list[str], first: int, last: int) -> None:
        row, count, *_ = self.numbers(words, "row entries")
        self.once("J", self.below(row, self.header.rows, "row"))
        self.collect(self.jacobian, row, count, first, last)

    def cost_entries(self, words: list[str], first: int, last: int) -> None:
        number, count, *_ = self.numbers(words, "objective entries")
        self.once("G", self.below(number, self.header.objectives, "objective"))
        self.collect(self.gradient, number, count, first, last)

    def collect(self, into: _Linear, row: int, count: int, first: int, last: int) -> None:
        into.lines += self.body(count, first, last)
        into.rows.append(row)
        into.counts.append(count)
        into.firsts.append(first)

    def entries(self, found: _Linear, wanted: int, what: str) -> tuple[Ints, Ints, Floats]:
        """Rows, columns and values of what was collected."""
        if len(found.lines) != wanted:
            self.at = 7
            self.wrong(
                f"the header says {wanted} entries of {what}, there are {len(found.lines)}", "the file may be cut off"
            )
        counts = np.array(found.counts, dtype=np.int64)
        rows = np.repeat(np.array(found.rows, dtype=np.int32), counts)
        words = list(map(str.split, found.lines))
        try:
            if words and set(map(len, words)) != {2}:
                raise ValueError
            columns = np.fromiter((int(w[0]) for w in words), np.int32, len(words))
            values = np.fromiter((float(w[1]) for w in words), np.float64, len(words))
        except (ValueError, OverflowError):
            self.faulty(found, lambda line: self.checked(line))
        bad = (columns < 0) | (columns >= self.header.columns) | ~np.isfinite(values)
        if bad.any():
            self.faulty(found, lambda line: self.checked(line))
        return rows, columns, values

    def checked(self, line: str) -> None:
        column, _ = self.entry(line)
        self.below(column if column >= 0 else self.header.columns, self.header.columns, "variable")

    def faulty(self, found: _Linear, check: Callable[[str], None]) -> NoReturn:
        """Raises for the first entry that is wrong."""
        begin = 0
        for count, first in zip(found.counts, found.firsts, strict=True):
            for k in range(count):
                self.at = first + k
                check(found.lines[begin + k])
            begin += count
        raise AssertionError("an entry is wrong, and none was found")

    # --------------------------------------------------------------------------------------------------------- bounds
    def bounds_of(self, letter: str, first: int, last: int) -> None:
        count = self.header.rows if letter == "r" else self.header.columns
        self.once(letter, -1)
        lines = self.body(count, first, last)
        lower, upper = [-math.inf] * count, [math.inf] * count
        for k, line in enumerate(lines):
            words = line.split()
            kind = words[0] if words else ""
            try:
                numbers = list(map(float, words[1:]))
            except ValueError:
                numbers = []
            if math.nan in numbers or any(n != n for n in numbers):
                numbers = []
            if kind == "5" and letter == "r" and len(numbers) == 2:
                self.at = first + k
                self.pair(k, words)
            elif kind == "0" and len(numbers) == 2:
                lower[k], upper[k] = numbers
            elif kind == "1" and len(numbers) == 1:
                upper[k] = numbers[0]
            elif kind == "2" and len(numbers) == 1:
                lower[k] = numbers[0]
            elif kind == "4" and len(numbers) == 1:
                lower[k] = upper[k] = numbers[0]
            elif kind != "3" or len(words) != 1:
                self.at = first + k
                self.wrong(
                    f"a kind of bound and its numbers are expected, not {line[:40]!r}",
                    "0 low high, 1 high, 2 low, 3, 4 value" + (", 5 sides variable" if letter == "r" else ""),
                )
        self.bounds[letter] = np.array(lower), np.array(upper)

    def pair(self, row: int, words: Sequence[str]) -> None:
        try:
            sides, column = int(words[1]), int(words[2])
        except ValueError:
            sides, column = -1, 0
        if not 0 <= sides <= 3 or not 1 <= column <= self.header.columns:
            self.wrong("`5 sides variable` is expected: 0 to 3, and a variable counted from 1", "for example `5 1 3`")
        self.paired[row], self.sides[row] = column - 1, sides

    def start_values(self, words: list[str], first: int, last: int) -> None:
        count = self.numbers(words, "entries")[0]
        self.once("x", -1)
        for k, line in enumerate(self.body(count, first, last)):
            self.at = first + k
            column, value = self.entry(line)
            self.start[self.below(column if column >= 0 else self.header.columns, self.header.columns, "variable")] = (
                value
            )

    def dual_start(self, words: list[str], first: int, last: int) -> None:
        count = self.numbers(words, "entries")[0]
        self.once("d", -1)
        self.body(count, first, last)
        self.note("the start values of duals (segment d)")

    def suffix(self, words: list[str], first: int, last: int) -> None:
        kind_count = self.numbers(words[:2], "kind entries")
        name = words[2] if len(words) > 2 else ""
        if not name:
            self.wrong("the name of a suffix is expected after the two numbers", "for example `S0 3 priority`")
        if name in _BAD_SUFFIXES:
            self.refuse(
                f"a special ordered set (suffix {name})", "write the problem as a .opt model, which has sos1 and sos2"
            )
        self.body(kind_count[1], first, last)
        self.note(f"the suffix {name}")

    def counts(self, words: list[str], first: int, last: int) -> None:
        count = self.numbers(words, "columns")[0]
        for k, line in enumerate(self.body(count, first, last)):
            if not line.isdigit():
                self.at = first + k
                self.wrong(f"a whole number is expected, not {line[:40]!r}", "mend the line")

    # ----------------------------------------------------------------------------------------------------- the result
    def problem(self) -> NlProblem:
        header = self.header
        self.at = len(self.lines)
        for letter, count, what in (("r", header.rows, "rows"), ("b", header.columns, "variables")):
            if count and letter not in self.bounds:
                self.wrong(f"the bounds of the {what} are missing (segment {letter})", "the file may be cut off")
        if header.objectives and ("O", 0) not in self.expressions:
            self.wrong("the first objective is missing (segment O0)", "the file may be cut off")
        missing = next((k for k in range(header.rows) if ("C", k) not in self.expressions), None)
        if missing is not None:
            self.wrong(f"the expression of row {missing} is missing (segment C{missing})", "the file may be cut off")
        rows, columns, values = self.entries(self.jacobian, header.entries, "the rows (segments J)")
        owners, cost_columns, costs = self.entries(self.gradient, header.cost_entries, "the objectives (segments G)")
        first = owners == 0
        cost = np.bincount(cost_columns[first], costs[first], header.columns).astype(np.float64)
        order = np.argsort(rows, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=header.rows))]).astype(np.int32)
        empty = np.zeros(0)
        row_lower, row_upper = self.bounds.get("r", (empty, empty))
        lower, upper = self.bounds.get("b", (empty, empty))
        return NlProblem(
            header.name,
            self.shapes,
            self.sense,
            self.expressions.get(("O", 0), Sum()),
            cost,
            [self.expressions["C", k] for k in range(header.rows)],
            starts,
            columns[order],
            values[order],
            row_lower,
            row_upper,
            self.paired,
            self.sides,
            lower,
            upper,
            header.integer,
            self.start,
            tuple(self.notes),
        )
