"""Diagnostics for people (``render``), for programs (``to_json``), and the edits of their hints (``apply_edits``)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .columns import Layout, lay_out, visible
from .diagnostics import Diagnostic, Edit, Hint, Place, Severity
from .source import Source, Span

WIDTH = 120
_CONTEXT = 20

Paint = Callable[[str, str], str]


def render(diagnostics: Iterable[Diagnostic], *, color: bool) -> str:
    """All diagnostics as a terminal shows them, ordered by file and position, with a line of counts at the end.

    The text ends with a line break; it is empty where there is nothing to say. ``color`` adds ANSI colours.
    """
    in_order = ordered(diagnostics)
    if not in_order:
        return ""
    paint = _ansi if color else _plain
    parts = ["\n".join(_one(diagnostic, paint)) + "\n" for diagnostic in in_order]
    return "\n".join([*parts, paint(summary(in_order), "strong") + "\n"])


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Files in the order in which they are first mentioned, positions ascending within each; no place comes last."""
    listed = list(diagnostics)
    ranks: dict[str, int] = {}
    for diagnostic in listed:
        if diagnostic.place is not None:
            ranks.setdefault(_file(diagnostic.place), len(ranks))

    def key(diagnostic: Diagnostic) -> tuple[int, int, int]:
        match diagnostic.place:
            case None:
                return len(ranks), 0, 0
            case Span(source, start, end):
                return ranks[source.name], start, end
            case place:
                return ranks[place.file], place.line or 0, place.column or 0

    return sorted(listed, key=key)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """``2 errors, 1 warning``."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    counts = {word: severities.count(word) for word in ("error", "warning", "note")}
    return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for word, n in counts.items() if n)


def to_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The object that ``--json`` prints for a diagnostic.

    Lines and columns count from 1 and the end is exclusive; what is not known is None. ``hints`` is a list of texts;
    ``edits`` has for each of them the list of its edits, and ``labels`` the secondary places.
    """
    return {
        "code": diagnostic.code.id,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_json_place(diagnostic.place),
        "hints": [hint.text for hint in diagnostic.hints],
        "edits": [
            [{**_json_place(edit.span), "replacement": edit.replacement} for edit in hint.edits]
            for hint in diagnostic.hints
        ],
        "labels": [{"text": label.text, **_json_place(label.span)} for label in diagnostic.labels],
        "label": diagnostic.label,
        "context": list(diagnostic.context),
    }


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text with all edits made; they must lie in it and not overlap (else ``ValueError``).

    Insertions at one place come out in the order in which they are given.
    """
    in_order = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end))
    pieces: list[str] = []
    done = 0
    for edit in in_order:
        if not done <= edit.span.start <= edit.span.end <= len(text):
            raise ValueError(f"edits overlap or leave the text at offset {edit.span.start}")
        pieces += [text[done : edit.span.start], edit.replacement]
        done = edit.span.end
    return "".join([*pieces, text[done:]])


# ------------------------------------------------------------------------------------------------------- places
def _file(place: Span | Place) -> str:
    return place.source.name if isinstance(place, Span) else place.file


def _json_place(place: Span | Place | None) -> dict[str, object]:
    match place:
        case None:
            return {"file": None, "line": None, "column": None, "end_line": None, "end_column": None}
        case Span(source, start, end):
            line, column = source.position(start)
            end_line, end_column = source.position(end)
            return {
                "file": source.name,
                "line": line,
                "column": column,
                "end_line": end_line,
                "end_column": end_column,
            }
        case _:
            return {
                "file": place.file,
                "line": place.line,
                "column": place.column,
                "end_line": place.line,
                "end_column": place.column,
                "path": place.path,
            }


def _where(place: Span | Place) -> str:
    if isinstance(place, Span):
        line, column = place.source.position(place.start)
        return visible(f"{place.source.name}:{line}:{column}")
    numbers = "".join(f":{number}" for number in (place.line, place.column) if number is not None)
    return visible(f"{place.file}{numbers}{f', {place.path}' if place.path else ''}")


# --------------------------------------------------------------------------------------------------- one diagnostic
def _one(diagnostic: Diagnostic, paint: Paint) -> list[str]:
    severity = diagnostic.severity
    gutter = _Gutter(len(str(_last_line(diagnostic))), paint)
    head, *rest = visible(diagnostic.message).split("\n")
    lines = [paint(f"{severity}[{diagnostic.code.id}]", severity) + paint(f": {head}", "strong")]
    lines += [f"  {line}" for line in rest]
    match diagnostic.place:
        case Span():
            lines += _excerpts(diagnostic, gutter)
        case Place() as place:
            lines += _data_excerpt(place, gutter)
        case None:
            lines += [
                line
                for label in diagnostic.labels
                for line in _snippet([_Mark(label.span, label.text, False)], "note", "-->", gutter)
            ]
    if isinstance(diagnostic.place, Place) and diagnostic.labels:
        marks = [_Mark(label.span, label.text, False) for label in diagnostic.labels]
        lines += _by_source(marks, severity, gutter, first=":::")
    tail = [line for text in diagnostic.context for line in gutter.note("note", text)]
    for number, hint in enumerate(diagnostic.hints):
        parted = number > 0 and bool(diagnostic.hints[number - 1].edits)
        tail += [*([gutter.bar()] if parted else []), *_hint(hint, diagnostic.place, gutter)]
    return [*lines, gutter.bar(), *tail] if tail and diagnostic.place is not None else [*lines, *tail]


def _last_line(diagnostic: Diagnostic) -> int:
    spans = [label.span for label in diagnostic.labels]
    spans += [edit.span for hint in diagnostic.hints for edit in hint.edits]
    number = 1
    match diagnostic.place:
        case Span() as span:
            spans.append(span)
        case Place(line=line):
            number = line or 1
    return max([number, *(span.source.position(span.end)[0] for span in spans)])


@dataclass(frozen=True, slots=True)
class _Gutter:
    """The left margin: room for line numbers of ``digits`` digits, and a bar."""

    digits: int
    paint: Paint

    def bar(self, text: str = "") -> str:
        return self._row("", "|", text)

    def numbered(self, number: int | None, text: str, mark: str = "|") -> str:
        return self._row("" if number is None else str(number), mark, text)

    def dots(self) -> str:
        return self.paint("...", "gutter")

    def arrow(self, arrow: str, where: str) -> str:
        return " " * self.digits + self.paint(arrow, "gutter") + f" {where}"

    def note(self, word: str, text: str) -> list[str]:
        first, *rest = visible(text).split("\n")
        indent = " " * (self.digits + len(word) + 5)
        head = " " * (self.digits + 1) + self.paint("=", "gutter") + " " + self.paint(f"{word}:", word)
        return [f"{head} {first}", *(f"{indent}{line}" for line in rest)]

    def _row(self, number: str, mark: str, text: str) -> str:
        style = {"+": "added", "-": "removed"}.get(mark, "gutter")
        margin = self.paint(number.rjust(self.digits), "gutter") + " " + self.paint(mark, style)
        return f"{margin} {text}" if text else margin


def _data_excerpt(place: Place, gutter: _Gutter) -> list[str]:
    lines = [gutter.arrow("-->", _where(place))]
    if place.excerpt is None:
        return lines
    shown = [_cut(lay_out(line), 0, WIDTH).text for line in place.excerpt.split("\n")]
    numbers = [place.line, *[None] * (len(shown) - 1)]
    return [*lines, gutter.bar(), *(gutter.numbered(n, line) for n, line in zip(numbers, shown, strict=True))]


# --------------------------------------------------------------------------------------------------------- excerpts
@dataclass(frozen=True, slots=True)
class _Mark:
    span: Span
    text: str
    primary: bool


@dataclass(frozen=True, slots=True)
class _Segment:
    """The part of a mark on one line: characters ``start`` to ``end`` of it (at least one)."""

    start: int
    end: int
    text: str
    primary: bool


def _excerpts(diagnostic: Diagnostic, gutter: _Gutter) -> list[str]:
    assert isinstance(diagnostic.place, Span)
    marks = [_Mark(diagnostic.place, diagnostic.label, True)]
    marks += [_Mark(label.span, label.text, False) for label in diagnostic.labels]
    return _by_source(marks, diagnostic.severity, gutter, first="-->")


def _by_source(marks: Sequence[_Mark], severity: Severity, gutter: _Gutter, *, first: str) -> list[str]:
    groups: dict[Source, list[_Mark]] = {}
    for mark in marks:
        groups.setdefault(mark.span.source, []).append(mark)
    lines: list[str] = []
    for number, group in enumerate(groups.values()):
        if number:
            lines.append(gutter.bar())
        lines += _snippet(group, severity, first if number == 0 else ":::", gutter)
    return lines


def _snippet(marks: Sequence[_Mark], severity: Severity, arrow: str, gutter: _Gutter) -> list[str]:
    """The lines of one source that the marks touch, with what is said about them."""
    source = marks[0].span.source
    segments: dict[int, list[_Segment]] = {}
    for mark in marks:
        for line, segment in _segments(mark):
            segments.setdefault(line, []).append(segment)
    lines = [gutter.arrow(arrow, _where(marks[0].span)), gutter.bar()]
    last = 0
    for number in sorted(segments):
        if last and number == last + 2:
            between = _cut(lay_out(source.line(number - 1)), 0, WIDTH).text
            lines.append(gutter.numbered(number - 1, between))
        elif last and number > last + 2:
            lines.append(gutter.dots())
        lines += _marked_line(source.line(number), number, segments[number], severity, gutter)
        last = number
    return lines


def _segments(mark: _Mark) -> list[tuple[int, _Segment]]:
    """A mark over several lines is drawn on its first and its last one; its text stands at the last."""
    source, start, end = mark.span
    first, column = source.position(start)
    last, end_column = source.position(max(start, end))
    if end > start and end_column == 1 and last > first:
        last, end_column = last - 1, len(source.line(last - 1)) + 1
    if first == last:
        return [(first, _Segment(column - 1, max(column, end_column - 1), mark.text, mark.primary))]
    opening = _Segment(column - 1, max(column, len(source.line(first).rstrip())), "", mark.primary)
    text = source.line(last)
    indent = min(len(text) - len(text.lstrip()), end_column - 1)
    closing = _Segment(indent, max(indent + 1, end_column - 1), mark.text, mark.primary)
    return [(first, opening), (last, closing)]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A part of a line: ``text`` as shown, and where a column of the whole line stands in it."""

    text: str
    shift: int
    low: int
    high: int

    def place(self, column: int) -> int:
        return min(max(column, self.low), self.high) + self.shift


def _cut(layout: Layout, low: int, high: int) -> _Cut:
    """What stands between two columns; dots say where something is left out."""
    if low <= 0 and layout.width <= high:
        return _Cut("".join(layout.cells).rstrip(), 0, 0, layout.width + 1)
    first = bisect_left(layout.starts, low)
    last = max(first, bisect_right(layout.starts, high) - 1)
    before, after = ("..." if low > 0 else ""), ("..." if layout.width > high else "")
    text = before + "".join(layout.cells[first:last]) + after
    begin, end = layout.starts[first], layout.starts[last]
    return _Cut(text.rstrip(), len(before) - begin, begin, end)


def _window(layout: Layout, segments: Sequence[_Segment]) -> _Cut:
    """The part of a long line that shows all segments, or the primary one where they do not fit."""
    if layout.width <= WIDTH:
        return _cut(layout, 0, WIDTH)
    low = min(layout.column(segment.start) for segment in segments)
    high = max(layout.column(segment.end) for segment in segments)
    if high - low > WIDTH - 2 * _CONTEXT:
        low = min(layout.column(segment.start) for segment in segments if segment.primary or len(segments) == 1)
        high = low + WIDTH - 2 * _CONTEXT
    begin = max(0, low - (WIDTH - (high - low)) // 2)
    begin = max(0, min(begin, layout.width - WIDTH))
    return _cut(layout, begin, begin + WIDTH)


def _marked_line(
    line: str, number: int, segments: Sequence[_Segment], severity: Severity, gutter: _Gutter
) -> list[str]:
    layout = lay_out(line)
    cut = _window(layout, segments)
    placed = [
        (cut.place(layout.column(segment.start)), cut.place(layout.column(segment.end)), segment)
        for segment in segments
    ]
    row = _Row()
    for low, high, segment in sorted(placed, key=lambda item: item[2].primary):
        row.put(low, ("^" if segment.primary else "-") * max(1, high - low), _style(segment, severity))
    texts = sorted((item for item in placed if item[2].text), key=lambda item: (item[0], item[1]))
    hanging = texts
    if texts and texts[-1][1] >= max(high for _, high, _ in placed):
        _, high, segment = texts[-1]
        row.put(max(row.length, high) + 1, _flat(segment.text), _style(segment, severity))
        hanging = texts[:-1]
    rows = [row]
    while hanging:
        bars = _Row()
        for low, _, segment in hanging:
            bars.put(low, "|", _style(segment, severity))
        *hanging, (low, _, segment) = hanging
        said = _Row()
        for other, _, before in hanging:
            said.put(other, "|", _style(before, severity))
        said.put(low, _flat(segment.text), _style(segment, severity))
        rows += [bars, said]
    return [gutter.numbered(number, cut.text), *(gutter.bar(row.text(gutter.paint)) for row in rows)]


def _style(segment: _Segment, severity: Severity) -> str:
    return severity if segment.primary else "gutter"


def _flat(text: str) -> str:
    return " ".join(visible(text).split())


class _Row:
    """A row of marks under a line: text put at columns, later over earlier."""

    def __init__(self) -> None:
        self.cells: dict[int, tuple[str, str]] = {}

    @property
    def length(self) -> int:
        return max(self.cells, default=-1) + 1

    def put(self, column: int, text: str, style: str) -> None:
        for k, character in enumerate(text):
            self.cells[column + k] = (character, style)

    def text(self, paint: Paint) -> str:
        runs: list[tuple[str, str]] = []
        for column in range(self.length):
            character, style = self.cells.get(column, (" ", ""))
            if runs and runs[-1][1] == style:
                runs[-1] = (runs[-1][0] + character, style)
            else:
                runs.append((character, style))
        return "".join(paint(run, style) for run, style in runs)


# ------------------------------------------------------------------------------------------------------------ hints
def _hint(hint: Hint, place: Span | Place | None, gutter: _Gutter) -> list[str]:
    lines = gutter.note("help", hint.text)
    by_source: dict[Source, list[Edit]] = {}
    for edit in hint.edits:
        by_source.setdefault(edit.span.source, []).append(edit)
    for source, edits in by_source.items():
        if not (isinstance(place, Span) and place.source is source):
            lines.append(gutter.arrow(":::", _where(edits[0].span)))
        lines += [gutter.bar(), *_suggestion(source, sorted(edits, key=lambda edit: edit.span.start), gutter)]
    return lines


def _suggestion(source: Source, edits: Sequence[Edit], gutter: _Gutter) -> list[str]:
    """The lines that the edits touch as they will be; lines that lose something are shown before and after."""
    lines: list[str] = []
    for first, last, group in _by_lines(source, edits):
        start = source.line_starts()[first - 1]
        old = [source.line(number) for number in range(first, last + 1)]
        end = source.line_starts()[last - 1] + len(old[-1])
        base = Source(source.name, source.text[start:end])
        moved = [Edit(Span(base, e.span.start - start, min(e.span.end, end) - start), e.replacement) for e in group]
        new = apply_edits(base.text, moved).split("\n")
        if len(old) == len(new) == 1 and all(edit.replacement for edit in moved):
            lines += _mended_line(new[0], first, moved, gutter)
        else:
            lines += _difference(old, new, first, gutter)
    return lines


def _by_lines(source: Source, edits: Sequence[Edit]) -> list[tuple[int, int, list[Edit]]]:
    """Edits grouped so that no line is touched by two groups; each with its first and last line."""
    groups: list[tuple[int, int, list[Edit]]] = []
    for edit in edits:
        first, last = source.position(edit.span.start)[0], source.position(edit.span.end)[0]
        if groups and first <= groups[-1][1]:
            before, end, group = groups[-1]
            groups[-1] = (before, max(end, last), [*group, edit])
        else:
            groups.append((first, last, [edit]))
    return groups


def _mended_line(line: str, number: int, edits: Sequence[Edit], gutter: _Gutter) -> list[str]:
    layout = lay_out(line)
    segments: list[tuple[int, int, str]] = []
    grown = 0
    for edit in edits:
        start = edit.span.start + grown
        mark = "+" if edit.span.start == edit.span.end else "~"
        segments.append((start, start + len(edit.replacement), mark))
        grown += len(edit.replacement) - (edit.span.end - edit.span.start)
    cut = _window(layout, [_Segment(start, end, "", True) for start, end, _ in segments])
    row = _Row()
    for start, end, mark in segments:
        low, high = cut.place(layout.column(start)), cut.place(layout.column(end))
        row.put(low, mark * max(1, high - low), "added")
    return [gutter.numbered(number, cut.text), gutter.bar(row.text(gutter.paint))]


def _difference(old: Sequence[str], new: Sequence[str], first: int, gutter: _Gutter) -> list[str]:
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    tail = 0
    while tail < min(len(old), len(new)) - same and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    gone, come = old[same : len(old) - tail], new[same : len(new) - tail]

    def rows(lines: Sequence[str], mark: str) -> list[str]:
        shown = [_cut(lay_out(line.rstrip("\r")), 0, WIDTH).text for line in lines]
        return [gutter.numbered(first + same + k, line, mark) for k, line in enumerate(shown)]

    return rows(gone, "-") + rows(come, "+")


# ----------------------------------------------------------------------------------------------------------- colours
_CODES = {
    "error": "1;31",
    "warning": "1;33",
    "note": "1;36",
    "help": "1;32",
    "gutter": "1;34",
    "strong": "1",
    "added": "32",
    "removed": "31",
}


def _plain(text: str, style: str) -> str:  # noqa: ARG001
    return text


def _ansi(text: str, style: str) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style in _CODES and text.strip() else text
