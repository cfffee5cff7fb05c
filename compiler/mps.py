"""Reads MPS files, free and fixed: linear and quadratic objectives, ranges, bounds, integer columns.

What the dialects leave open is fixed here, as CPLEX, SCIP and HiGHS have it:

- The first N row is the objective; further N rows are dropped with their entries. A right-hand side of the objective
  is minus its constant.
- A column between integer markers without any bound has the bounds [0, 1]; a lower bound alone frees the upper one.
- A negative upper bound without a lower one (``UP`` below 0) makes the lower bound minus infinity.
- ``RANGES`` r on an E row with right-hand side b: [b, b + r] for r > 0, [b + r, b] for r < 0; on L: [b - |r|, b];
  on G: [b, b + |r|].
- ``QUADOBJ`` holds one triangle and ``QMATRIX`` both; the objective has x'Qx / 2 in either case.

Names that hold spaces need the fixed format, whose fields stand in columns 2-3, 5-12, 15-22, 25-36, 40-47 and 50-61;
a file is read as fixed where the free reading fails at such a line.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import files as codes
from optc.dsl.catalogue import report
from optc.dsl.diagnostics import Code, Diagnostic, Place

from .export.named import NamedForm
from .forms.linear import LinearForm, QuadraticForm

_UNREAD = {
    "SOS": "a special ordered set (SOS section)",
    "SETS": "a special ordered set (SETS section)",
    "INDICATORS": "an indicator row (INDICATORS section)",
    "QCMATRIX": "a quadratic row (QCMATRIX section)",
    "QSECTION": "a quadratic row (QSECTION section)",
    "CSECTION": "a cone (CSECTION section)",
    "PWLOBJ": "a piecewise linear objective (PWLOBJ section)",
    "LAZYCONS": "a lazy row (LAZYCONS section)",
    "USERCUTS": "a user cut (USERCUTS section)",
    "GENCONS": "a general constraint (GENCONS section)",
}
_FIELDS = ((1, 3), (4, 12), (14, 22), (24, 36), (39, 47), (49, 61))
_WITH_VALUE = {"UP", "LO", "FX", "UI", "LI", "SC"}
_WITHOUT_VALUE = {"FR", "MI", "PL", "BV"}


class MpsError(Exception):
    """The file is no MPS file that optc reads; ``diagnostics`` say where and what to do."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__("; ".join(d.message for d in diagnostics))


def read_mps(text: str, path: str) -> NamedForm:
    """The problem of an MPS text; ``path`` is its name in messages. Raises MpsError at the first line that is wrong."""
    lines = text.split("\n")
    try:
        return _Reader(path, lines, fixed=False).read()
    except MpsError as refusal:
        if not _may_be_fixed(lines, refusal):
            raise
        try:
            return _Reader(path, lines, fixed=True).read()
        except MpsError:
            raise refusal from None


def _may_be_fixed(lines: list[str], refusal: MpsError) -> bool:
    """Whether the line that the free reading stumbled over has its fields in the fixed columns."""
    place = refusal.diagnostics[0].place
    if not isinstance(place, Place) or place.line is None or place.line > len(lines):
        return False
    line = lines[place.line - 1]
    return "\t" not in line and line.startswith(" ") and all(line[g : g + 1] in ("", " ") for g in (3, 12, 13, 22, 23))


@dataclass(slots=True)
class _Bounds:
    lower: array[float]
    upper: array[float]
    lower_given: bytearray
    upper_given: bytearray


@dataclass(slots=True)
class _Reader:
    path: str
    lines: list[str]
    fixed: bool
    number: int = 0
    name: str = ""
    sense: str = "minimize"
    objective: str | None = None
    rows: dict[str, int] = field(default_factory=dict)  # -1: objective, -2: dropped
    kinds: list[str] = field(default_factory=list)
    row_lines: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    starts: array[int] = field(default_factory=lambda: array("q"))
    entry_rows: array[int] = field(default_factory=lambda: array("q"))
    entry_values: array[float] = field(default_factory=lambda: array("d"))
    entry_lines: array[int] = field(default_factory=lambda: array("q"))
    integer: bytearray = field(default_factory=bytearray)
    in_integers: bool = False
    sets: dict[str, str] = field(default_factory=dict)
    rhs: dict[int, float] = field(default_factory=dict)
    ranges: dict[int, float] = field(default_factory=dict)
    seen: dict[tuple[str, object], int] = field(default_factory=dict)
    bounds: _Bounds | None = None
    quadratic: list[tuple[int, int, float]] = field(default_factory=list)
    sections: set[str] = field(default_factory=set)

    # ------------------------------------------------------------------------------------------------ the sections
    def read(self) -> NamedForm:
        handlers = {
            "ROWS": self.row,
            "COLUMNS": self.column,
            "RHS": self.right_hand_side,
            "RANGES": self.range_,
            "BOUNDS": self.bound,
            "QUADOBJ": self.quadratic_entry,
            "QMATRIX": self.quadratic_entry,
            "OBJSENSE": self.objective_sense,
            "OBJNAME": self.objective_name,
        }
        section = ""
        for number, line in enumerate(self.lines, 1):
            self.number = number
            if not line.strip() or line[0] == "*":
                continue
            if line[0] in " \t":
                handler = handlers.get(section)
                if handler is None:
                    raise self.wrong("there is data outside a section", "start the section with its word in column 1")
                handler(self.fields(line))
                continue
            section = self.header(line)
            if section == "ENDATA":
                break
        for needed in ("ROWS", "COLUMNS"):
            if needed not in self.sections:
                raise self.refuse(codes.MPS_NO_ROWS, path=self.path, section=needed)
        if section != "ENDATA":
            raise self.wrong("the file ends without ENDATA", "it may be cut off: fetch it again, or end it with ENDATA")
        return self.problem()

    def header(self, line: str) -> str:
        words = line.split()
        word = words[0].upper()
        if word == "OBJSENSE":
            if len(words) > 1:
                self.objective_sense(words[1:])
        elif word in ("MAX", "MIN", "MAXIMIZE", "MINIMIZE", "MAXIMISE", "MINIMISE") and "COLUMNS" not in self.sections:
            self.objective_sense([word])
            word = "OBJSENSE"
        elif word == "OBJNAME":
            self.objective = words[1] if len(words) > 1 else None
        elif word == "NAME":
            self.name = words[1] if len(words) > 1 else ""
        elif word in _UNREAD:
            raise self.refuse(
                codes.MPS_UNSUPPORTED, what=_UNREAD[word], mend="write the problem as a .opt model, which has it"
            )
        elif word not in {"ROWS", "COLUMNS", "RHS", "RANGES", "BOUNDS", "QUADOBJ", "QMATRIX", "ENDATA"}:
            raise self.wrong(
                f"{words[0]!r} is no section of an MPS file",
                "the sections are NAME, OBJSENSE, ROWS, "
                "COLUMNS, RHS, RANGES, BOUNDS, QUADOBJ, QMATRIX and ENDATA; lines in them begin with a space",
            )
        if word in self.sections and word in {"ROWS", "COLUMNS"}:
            raise self.wrong(f"a second {word} section", "put all its lines into one section")
        if word in {"RHS", "RANGES", "BOUNDS", "QUADOBJ", "QMATRIX"} and "COLUMNS" not in self.sections:
            raise self.wrong(f"{word} comes before COLUMNS", "the order is ROWS, COLUMNS, RHS, RANGES, BOUNDS")
        if word == "COLUMNS" and "ROWS" not in self.sections:
            raise self.wrong("COLUMNS comes before ROWS", "the order is ROWS, COLUMNS, RHS, RANGES, BOUNDS")
        self.sections.add(word)
        if word == "COLUMNS":
            self.after_rows()
        elif word in {"RHS", "RANGES", "BOUNDS", "ENDATA"} and self.bounds is None and "COLUMNS" in self.sections:
            self.after_columns()
        return word

    def after_rows(self) -> None:
        if self.objective is None:
            free = next((name for name, kind in self.rows.items() if kind == -2), None)
            if free is not None:
                self.objective, self.rows[free] = free, -1
        elif self.rows.get(self.objective) not in (-1, -2):
            raise self.wrong(f"the objective {self.objective!r} is no N row", "name an N row in OBJNAME")
        else:
            self.rows[self.objective] = -1

    def after_columns(self) -> None:
        count = len(self.columns)
        self.bounds = _Bounds(
            array("d", bytes(8 * count)), array("d", [math.inf]) * count, bytearray(count), bytearray(count)
        )

    # --------------------------------------------------------------------------------------------------- the lines
    def fields(self, line: str) -> list[str]:
        """The fields of a line; what stands behind a ``$`` from the third field on is a comment."""
        if self.fixed:
            return [line[a:b].strip() for a, b in _FIELDS]
        words = line.split()
        if "$" in line:
            comment = next((at for at, word in enumerate(words) if at >= 2 and word[0] == "$"), len(words))
            return words[:comment]
        return words

    def objective_sense(self, fields: list[str]) -> None:
        word = next((f for f in fields if f), "").upper()
        if word[:3] not in ("MAX", "MIN"):
            raise self.wrong(f"OBJSENSE is {word or 'empty'}", "write MAX or MIN")
        self.sense = "maximize" if word.startswith("MAX") else "minimize"

    def objective_name(self, fields: list[str]) -> None:
        self.objective = next((f for f in fields if f), None)

    def row(self, fields: list[str]) -> None:
        kind, name = (fields[0], fields[1]) if self.fixed or len(fields) == 2 else ("", "")
        kind = kind.upper()
        if kind not in ("N", "E", "L", "G") or not name:
            raise self.wrong("a row line is a kind (N, E, L or G) and a name", "write for example ` L  capacity`")
        if name in self.rows:
            raise self.twice(f"row {name}", self.row_lines[name])
        self.row_lines[name] = self.number
        if kind == "N":
            self.rows[name] = -2
            return
        self.rows[name] = len(self.kinds)
        self.kinds.append(kind)

    def column(self, fields: list[str]) -> None:
        name, pairs = self.named_pairs(fields)
        if pairs and pairs[0][0].strip("'\"") == "MARKER":
            self.marker(fields)
            return
        at = self.columns.get(name)
        if at is None:
            at = self.columns[name] = len(self.columns)
            self.starts.append(len(self.entry_rows))
            self.integer.append(self.in_integers)
        elif at != len(self.columns) - 1:
            raise self.wrong(f"the entries of column {name} do not stand together", "move its lines together")
        for row_name, spelled in pairs:
            row = self.rows.get(row_name)
            if row is None:
                raise self.unknown("row", row_name, "ROWS")
            value = self.value(spelled)
            if row == -2:
                continue
            self.entry_rows.append(row)
            self.entry_values.append(value)
            self.entry_lines.append(self.number)

    def marker(self, fields: list[str]) -> None:
        word = next((f.strip("'\"").upper() for f in fields if "INTORG" in f.upper() or "INTEND" in f.upper()), None)
        if word is None:
            raise self.wrong("a marker that is neither INTORG nor INTEND", "write 'INTORG' or 'INTEND'")
        self.in_integers = word == "INTORG"

    def named_pairs(self, fields: list[str]) -> tuple[str, list[tuple[str, str]]]:
        """Column lines: a name, then one or two pairs. The marker line has one more form: ``M 'MARKER' 'INTORG'``."""
        if self.fixed:
            pairs = [(fields[2], fields[3])]
            if fields[4] or fields[5]:
                pairs.append((fields[4], fields[5]))
            return fields[1], pairs
        if len(fields) not in (3, 5):
            raise self.wrong(
                "a column line is a name and one or two pairs of row and number",
                "write for example `  x  cost  1.5  cap  2`",
            )
        return fields[0], list(zip(fields[1::2], fields[2::2], strict=True))

    def in_set(self, section: str, fields: list[str]) -> list[tuple[str, str]]:
        """Lines of RHS and RANGES: an optional set name, then one or two pairs."""
        if self.fixed:
            label, pairs = self.named_pairs(fields)
        else:
            if len(fields) not in (2, 3, 4, 5):
                raise self.wrong(
                    f"a {section} line is a set name and one or two pairs of row and number",
                    f"write for example `  {section}  cap  10`",
                )
            label = fields[0] if len(fields) % 2 else ""
            rest = fields[len(fields) % 2 :]
            pairs = list(zip(rest[0::2], rest[1::2], strict=True))
        self.one_set(section, label)
        return pairs

    def one_set(self, section: str, label: str) -> None:
        first = self.sets.setdefault(section, label)
        if label != first:
            raise self.refuse(
                codes.MPS_UNSUPPORTED,
                what=f"a second set in {section} ({label or 'without a name'} after {first or 'one without a name'})",
                mend="keep the set that is meant",
            )

    def right_hand_side(self, fields: list[str]) -> None:
        self.put(self.rhs, "RHS", fields)

    def range_(self, fields: list[str]) -> None:
        self.put(self.ranges, "RANGES", fields)

    def put(self, target: dict[int, float], section: str, fields: list[str]) -> None:
        for name, spelled in self.in_set(section, fields):
            row = self.rows.get(name)
            if row is None:
                raise self.unknown("row", name, "ROWS")
            self.once((section, name), f"the {section} entry of row {name}")
            target[row] = self.value(spelled)

    def bound(self, fields: list[str]) -> None:
        kind, label, name, spelled = self.bound_fields(fields)
        column = self.columns.get(name)
        if column is None:
            raise self.unknown("column", name, "COLUMNS")
        self.one_set("BOUNDS", label)
        self.set_bound(kind, column, name, spelled)

    def bound_fields(self, fields: list[str]) -> tuple[str, str, str, str]:
        kind = fields[0].upper() if fields else ""
        if kind not in _WITH_VALUE | _WITHOUT_VALUE:
            raise self.wrong(
                f"{fields[0] if fields else 'nothing'} is no kind of bound",
                "the kinds are LO, UP, FX, FR, MI, PL, BV, LI and UI",
            )
        if self.fixed:
            label, name, spelled = fields[1], fields[2], fields[3]
        elif kind in _WITH_VALUE and len(fields) in (3, 4):
            label, name, spelled = fields[1:4] if len(fields) == 4 else ["", *fields[1:3]]
            if name not in self.columns and spelled in self.columns:
                label, name, spelled = name, spelled, ""
        elif kind in _WITHOUT_VALUE and len(fields) in (2, 3, 4):
            set_named = len(fields) == 4 or (len(fields) == 3 and fields[2] in self.columns)
            label, name, spelled = (fields[1], fields[2], "") if set_named else ("", fields[1], "")
        else:
            label, name, spelled = "", "", ""
        if not name or (kind in _WITH_VALUE and not spelled):
            raise self.wrong(
                f"a {kind} bound line is incomplete",
                f"write ` {kind} BOUNDS  column{'  number' if kind in _WITH_VALUE else ''}`",
            )
        return kind, label, name, spelled

    def set_bound(self, kind: str, column: int, name: str, spelled: str) -> None:
        bounds = self.bounds
        assert bounds is not None
        if kind == "SC":
            raise self.refuse(
                codes.MPS_UNSUPPORTED,
                what=f"the semicontinuous column {name} (bound SC)",
                mend=f"write the problem as a .opt model: `var {name} semicontinuous in [l, u]`",
            )
        value = self.value(spelled, infinite=True) if kind in _WITH_VALUE else 0.0
        if kind in ("LI", "UI", "BV"):
            self.integer[column] = 1
        if kind in ("LO", "LI", "FX", "FR", "MI", "BV"):
            self.once(("lower", column), f"the lower bound of column {name}")
            bounds.lower_given[column] = 1
            bounds.lower[column] = -math.inf if kind in ("FR", "MI") else 0.0 if kind == "BV" else value
        if kind in ("UP", "UI", "FX", "FR", "PL", "BV"):
            self.once(("upper", column), f"the upper bound of column {name}")
            bounds.upper_given[column] = 1
            bounds.upper[column] = math.inf if kind in ("FR", "PL") else 1.0 if kind == "BV" else value

    def quadratic_entry(self, fields: list[str]) -> None:
        words = [f for f in fields if f]
        if len(words) != 3:
            raise self.wrong("a quadratic entry is two columns and a number", "write for example `  x  y  2`")
        at = [self.columns.get(word) for word in words[:2]]
        for name, column in zip(words, at, strict=False):
            if column is None:
                raise self.unknown("column", name, "COLUMNS")
        first, second = at
        assert first is not None and second is not None
        self.once(("quadratic", (first, second)), f"the quadratic entry of {words[0]} and {words[1]}")
        self.quadratic.append((first, second, self.value(words[2])))

    def value(self, spelled: str, *, infinite: bool = False) -> float:
        try:
            value = float(spelled)
        except ValueError:
            value = _other_spelling(spelled)
        if math.isfinite(value):
            return math.copysign(math.inf, value) if infinite and abs(value) >= 1e30 else value
        if math.isnan(value) or not infinite:
            raise self.wrong(f"{spelled or 'nothing'} stands where a number belongs", "write a finite number")
        return value

    # ---------------------------------------------------------------------------------------------------- the form
    def problem(self) -> NamedForm:
        if self.objective is None:
            self.objective = ""
        lower, upper = self.column_bounds()
        row_lower, row_upper = self.row_bounds()
        starts, indices, values, cost = self.matrix()
        arrays = {
            "sense": self.sense,
            "cost": cost,
            "offset": -self.rhs.get(-1, 0.0) + 0.0,
            "starts": starts,
            "indices": indices,
            "values": values,
            "row_lower": row_lower,
            "row_upper": row_upper,
            "lower": lower,
            "upper": upper,
            "integer": np.frombuffer(bytes(self.integer), dtype=np.bool_).copy(),
        }
        form: LinearForm
        if self.quadratic:
            form = QuadraticForm(**arrays, **self.hessian())  # type: ignore[arg-type]
        else:
            form = LinearForm(**arrays)  # type: ignore[arg-type]
        names = tuple(name for name, row in self.rows.items() if row >= 0)
        return NamedForm(self.name, self.objective, form, names, tuple(self.columns))

    def column_bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.bounds is None:
            self.after_columns()
        bounds = self.bounds
        assert bounds is not None
        lower, upper = np.array(bounds.lower, dtype=np.float64), np.array(bounds.upper, dtype=np.float64)
        lower_given = np.frombuffer(bytes(bounds.lower_given), dtype=np.bool_)
        upper_given = np.frombuffer(bytes(bounds.upper_given), dtype=np.bool_)
        integer = np.frombuffer(bytes(self.integer), dtype=np.bool_)
        upper[integer & ~lower_given & ~upper_given] = 1.0
        lower[~lower_given & (upper < 0.0)] = -np.inf
        crossed = np.flatnonzero(lower > upper)
        if len(crossed):
            name = list(self.columns)[crossed[0]]
            raise self.wrong(
                f"the bounds of column {name} cross: {lower[crossed[0]]:g} is above {upper[crossed[0]]:g}",
                "correct one of them",
            )
        return lower, upper

    def row_bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        count = len(self.kinds)
        kinds = np.array(self.kinds, dtype="U1")
        rhs, span = np.zeros(count), np.full(count, np.nan)
        for target, given in ((rhs, self.rhs), (span, self.ranges)):
            at = [row for row in given if row >= 0]
            target[at] = [given[row] for row in at]
        ranged = ~np.isnan(span)
        width = np.abs(span)
        lower = np.where(kinds == "L", -np.inf, rhs)
        upper = np.where(kinds == "G", np.inf, rhs)
        lower = np.where(ranged & (kinds == "L"), rhs - width, lower)
        upper = np.where(ranged & (kinds == "G"), rhs + width, upper)
        equal = ranged & (kinds == "E")
        lower = np.where(equal & (span < 0), rhs + span, lower)
        upper = np.where(equal & (span > 0), rhs + span, upper)
        return lower, upper

    def matrix(
        self,
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
        """Row starts, columns, values of the rows; the cost vector. Explicit zeros are dropped."""
        rows = np.array(self.entry_rows, dtype=np.int64)
        values = np.array(self.entry_values, dtype=np.float64)
        ends = np.append(np.array(self.starts, dtype=np.int64), len(rows))
        columns = np.repeat(np.arange(len(self.columns)), np.diff(ends))
        order = np.lexsort((columns, rows))
        rows, columns, values = rows[order], columns[order], values[order]
        same = np.flatnonzero((np.diff(rows) == 0) & (np.diff(columns) == 0))
        if len(same):
            self.refuse_duplicate(int(same[0]), rows, columns, order)
        cost = np.zeros(len(self.columns))
        objective = rows == -1
        cost[columns[objective]] = values[objective]
        keep = (rows >= 0) & (values != 0.0)
        starts = np.zeros(len(self.kinds) + 1, dtype=np.int32)
        np.cumsum(np.bincount(rows[keep], minlength=len(self.kinds)), out=starts[1:])
        return starts, columns[keep].astype(np.int32), values[keep], cost

    def refuse_duplicate(
        self, at: int, rows: NDArray[np.int64], columns: NDArray[np.int64], order: NDArray[np.int64]
    ) -> None:
        first, self.number = sorted((self.entry_lines[int(order[at])], self.entry_lines[int(order[at + 1])]))
        row = next(name for name, number in self.rows.items() if number == rows[at])
        column = list(self.columns)[columns[at]]
        raise self.twice(f"the entry of column {column} in row {row}", first)

    def hessian(self) -> dict[str, NDArray[np.int32] | NDArray[np.float64]]:
        """The lower triangle by columns. QMATRIX gives both triangles, which must agree."""
        both = "QMATRIX" in self.sections
        entries: dict[tuple[int, int], float] = {}
        for first, second, value in self.quadratic:
            key = (min(first, second), max(first, second))
            if both and first != second and entries.get(key, value) != value:
                raise self.wrong("QMATRIX is not symmetric", "give the entries (i, j) and (j, i) the same value")
            entries[key] = value
        if both:
            given = {(a, b) for a, b, _ in self.quadratic}
            if any((b, a) not in given for a, b in given):
                raise self.wrong("QMATRIX lacks the other triangle", "give both triangles, or use QUADOBJ")
        keys = sorted(entries)
        starts = np.zeros(len(self.columns) + 1, dtype=np.int32)
        np.cumsum(np.bincount([k[0] for k in keys], minlength=len(self.columns)), out=starts[1:])
        return {
            "hessian_starts": starts,
            "hessian_indices": np.array([k[1] for k in keys], dtype=np.int32),
            "hessian_values": np.array([entries[k] for k in keys], dtype=np.float64),
        }

    # -------------------------------------------------------------------------------------------------- complaints
    def once(self, key: tuple[str, object], what: str) -> None:
        first = self.seen.setdefault(key, self.number)
        if first != self.number:
            raise self.twice(what, first)

    def place(self) -> Place:
        excerpt = self.lines[self.number - 1] if 0 < self.number <= len(self.lines) else None
        return Place(self.path, line=self.number or None, excerpt=excerpt)

    def refuse(self, code: Code, **facts: Any) -> MpsError:
        return MpsError((report(code, self.place(), **facts),))

    def wrong(self, problem: str, mend: str) -> MpsError:
        return self.refuse(codes.MPS_LINE, problem=problem, mend=mend)

    def twice(self, what: str, first: int) -> MpsError:
        return self.refuse(codes.MPS_DUPLICATE, what=what, first=first)

    def unknown(self, kind: str, name: str, section: str) -> MpsError:
        from difflib import get_close_matches

        known = self.rows if kind == "row" else self.columns
        near = get_close_matches(name, list(known), n=1)
        mend = f"did you mean {near[0]}?" if near else f"declare it in {section}"
        return self.refuse(codes.MPS_UNKNOWN_NAME, kind=kind, name=name, mend=mend)


def _other_spelling(spelled: str) -> float:
    """Fortran's exponents, ``1.5D0``; NaN for what is no number."""
    try:
        return float(spelled.replace("D", "E").replace("d", "e"))
    except ValueError:
        return math.nan
