"""``optc fmt``: one layout for every model. Only white space changes, ``;`` become line ends, comments stay.

The syntax tree says where statements begin and which brackets and signs belong to which word; the words themselves are
taken from the text, so that what the formatter does not know cannot be lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import syntax as s
from .columns import width
from .diagnostics import Diagnostic
from .layout import INDENT, WIDTH, Break, Line, Remark, Word, break_lines
from .parse import parse
from .printing import tight_operations
from .source import Source
from .words import Token, words


class UnformattableError(Exception):
    """The text has syntax errors, and formatting it could lose something; ``diagnostics`` say which."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("the text has syntax errors")
        self.diagnostics = tuple(diagnostics)


def format_source(source: Source) -> str:
    """The formatted text of a model. Raises ``UnformattableError`` if it has syntax errors."""
    parsed = parse(source)
    if any(diagnostic.severity == "error" for diagnostic in parsed.diagnostics):
        raise UnformattableError(parsed.diagnostics)
    text = _Formatter(source, parsed.model).text()
    _assert_same(source, Source(source.name, text))
    return text


def _assert_same(before: Source, after: Source) -> None:
    """A formatter that loses a word must not reach the file."""
    if _content(before) != _content(after):
        raise AssertionError("formatting would change the meaning of the model")


def _content(source: Source) -> tuple[list[str], list[str]]:
    found = words(source)
    kept = [token.text for token in _spoken(found.tokens)]
    return kept, sorted(comment.text for comment in found.comments)


def _spoken(tokens: Sequence[Token]) -> list[Token]:
    """The words without line ends, ``;``, and commas before a closing bracket."""
    plain = [token for token in tokens if token.kind not in ("LINE", ";")]
    followers = [*plain, None][1:]
    return [
        token
        for token, after in zip(plain, followers, strict=True)
        if not (token.kind == "," and after is not None and after.kind in ("]", "}"))
    ]


# ------------------------------------------------------------------------------------------------- what the tree says
@dataclass(slots=True)
class _Marks:
    """Offsets in the text that decide on blanks and breaks.

    ``glued``: ends of words that an opening bracket follows without a blank; ``prefixes``: signs of one operand;
    ``types``: the ``:`` before a type; ``tables``: ends of names that the ``:`` of a table follows; ``infix``: the
    operator is the first word after these; ``tight``: the same, without blanks; ``withs``: the word before is ``with``.
    """

    glued: set[int] = field(default_factory=set)
    prefixes: set[int] = field(default_factory=set)
    types: set[int] = field(default_factory=set)
    tables: set[int] = field(default_factory=set)
    infix: dict[int, Break] = field(default_factory=dict)
    tight: set[int] = field(default_factory=set)
    withs: set[int] = field(default_factory=set)


_SET_OPERATORS = ("union", "inter", "minus")


def _marks(model: s.Model) -> _Marks:
    marks = _Marks()
    stack: list[Any] = list(model.statements)
    while stack:
        part = stack.pop()
        if isinstance(part, tuple):
            stack += part
        elif isinstance(part, s.Node):
            _mark(part, marks)
            stack += [getattr(part, name) for name in type(part).__slots__]
    return marks


def _mark(node: s.Node, marks: _Marks) -> None:
    match node:
        case s.Call(function=name) | s.Aggregate(function=name) | s.Subscript(base=name):
            marks.glued.add(name.span.end)
        case s.Unary(span=span, operator="-" | "+"):
            marks.prefixes.add(span.start)
        case s.Binary(operator=operator, left=left) if operator in _SET_OPERATORS:
            marks.infix[left.span.end] = Break.UNION
        case s.Complements(left=left):
            marks.infix[left.span.end] = Break.IMPLICATION
        case s.Range(low=low, high=high):
            marks.tight |= {part.left.span.end for end in (low, high) for part in tight_operations(end)}
        case s.Attribute(span=span, word=":"):
            marks.types.add(span.start)
        case s.TableDeclaration(set=name):
            marks.tables.add(name.span.end)
        case s.UncertainDeclaration(constraints=constraints):
            marks.withs |= {item.span.start for item in constraints}
            _mark_names(node, marks)
        case _:
            _mark_names(node, marks)


def _mark_names(node: Any, marks: _Marks) -> None:
    """The brackets behind a declared name; behind several names they stand apart, since they belong to all."""
    names = getattr(node, "names", None)
    name = names[0] if names is not None and len(names) == 1 else getattr(node, "name", None)
    if isinstance(node, s.Equilibrium):
        name = node.kind
    if isinstance(name, s.Name):
        marks.glued.add(name.span.end)


# ----------------------------------------------------------------------------------------------------------- the text
_RANKS = {
    ",": Break.COMMA,
    "=>": Break.IMPLICATION,
    "or": Break.OR,
    "and": Break.AND,
    **dict.fromkeys(("<=", ">=", "<", ">", "==", "!=", "≤", "≥", "≠"), Break.RELATION),
    **dict.fromkeys(("+", "-"), Break.SUM),
    **dict.fromkeys(("*", "/", "·", "mod", "div"), Break.PRODUCT),
}
_OPENING = ("(", "[", "{")
_CLOSING = (")", "]", "}")
_TIGHT = (".", "..", "^")


class _Formatter:
    def __init__(self, source: Source, model: s.Model) -> None:
        found = words(source)
        self.source = source.text
        self.model = model
        self.marks = _marks(model)
        self.tokens = _spoken(found.tokens)
        self.starts = [token.start for token in self.tokens]
        self._tight_operators = {self._at(offset) for offset in self.marks.tight}
        self.comments: dict[int, list[s.Comment]] = {}
        for comment in found.comments:
            self.comments.setdefault(self._at(comment.span.start), []).append(comment)
        self.lines: list[Line] = []
        self.done = 0  # the offset behind what is written
        self.parted = False  # whether a blank line may come next

    def text(self) -> str:
        self._statements(self.model.statements, len(self.tokens), 0)
        _align_comments(self.lines)
        lines = [f"{line.code}  {line.comment}" if line.comment and line.code else line.code for line in self.lines]
        return "".join(f"{line.rstrip()}\n" for line in lines)

    def _at(self, offset: int) -> int:
        """The first word at or behind an offset."""
        return bisect_left(self.starts, offset)

    # ---------------------------------------------------------------------------------------------------- statements
    def _statements(self, statements: Sequence[s.Statement], end: int, indent: int) -> None:
        firsts = [self._at(statement.span.start) for statement in statements]
        before: s.Statement | None = None
        for statement, first, following in zip(statements, firsts, [*firsts, end][1:], strict=True):
            self._remarks(first, indent, before)
            self._part(self.tokens[first].start)
            self._statement(statement, first, following, indent)
            before = statement
        self._remarks(end, indent, before)

    def _statement(self, statement: s.Statement, first: int, end: int, indent: int) -> None:
        match statement:
            case s.SubjectTo(constraints=constraints):
                items = [self._at(item.span.start) for item in constraints]
                bounds = [first, *items, end]
                self._simple(first, bounds[1], indent)
                self.parted = False
                for start, following in zip(items, bounds[2:], strict=True):
                    self._remarks(start, indent + INDENT, None)
                    self._part(self.tokens[start].start)
                    self._simple(start, following, indent + INDENT)
            case s.BlockDeclaration(body=body):
                opening = self._block_opening(first)
                self._simple(first, opening + 1, indent)
                self.parted = False
                self._statements(body, end - 1, indent + INDENT)
                self._simple(end - 1, end, indent)
            case _:
                self._simple(first, end, indent)

    def _block_opening(self, first: int) -> int:
        depth = 0
        for k in range(first, len(self.tokens)):
            text = self.tokens[k].text
            if text == "{" and depth == 0:
                return k
            depth += (text in _OPENING) - (text in _CLOSING)
        raise AssertionError("a block without `{`")

    def _simple(self, start: int, end: int, indent: int) -> None:
        """One statement, or a part of one, in the words from ``start`` to ``end``."""
        self.lines += break_lines(self._words(start, end), indent)
        self.done = self.tokens[end - 1].end
        self.parted = True

    # ------------------------------------------------------------------------------- comments and lines between them
    def _remarks(self, k: int, indent: int, before: s.Statement | None) -> None:
        """The comments before word ``k``: behind the last line, or on lines of their own.

        Those that follow a list of constraints and stand further right than its head belong to the list.
        """
        inside = isinstance(before, s.SubjectTo)
        for comment in self.comments.get(k, ()):
            start = comment.span.start
            if self.lines and self.source.count("\n", self.done, start) == 0:
                self.lines[-1].comment = comment.text
            else:
                inside = inside and not comment.doc and self._column(start) > self._column(before.span.start)  # type: ignore[union-attr]
                self._part(start)
                self.lines.append(Line(" " * (indent + INDENT * inside) + comment.text))
                self.parted = True
            self.done = comment.span.end

    def _part(self, start: int) -> None:
        """One blank line where the text has some."""
        if self.parted and self.source.count("\n", self.done, start) > 1:
            self.lines.append(Line(""))

    def _column(self, offset: int) -> int:
        return offset - self.source.rfind("\n", 0, offset) - 1

    # ---------------------------------------------------------------------------------------------- words and blanks
    def _words(self, start: int, end: int) -> list[Word]:
        remarks = self._inner_remarks(start, end)
        result = [Word(self.tokens[start].text, blank=False)]
        depth = int(self.tokens[start].text in _OPENING)
        for k in range(start + 1, end):
            text = self.tokens[k].text
            depth -= text in _CLOSING
            rank = self._rank(k, depth)
            result.append(Word(text, self._blank(k), rank, remarks.get(k, ()), self._opened(k, depth)))
            depth += text in _OPENING
        return result

    def _inner_remarks(self, start: int, end: int) -> dict[int, tuple[Remark, ...]]:
        """Comments by the word that they stand before; those before an operator or comma go behind it."""
        found: dict[int, tuple[Remark, ...]] = {}
        for k in range(start + 1, end) if self.comments else ():
            if k not in self.comments:
                continue
            ending = self.tokens[k - 1].end
            at = k
            while at + 1 < end and self._joins(at):
                at += 1
            for comment in self.comments[k]:
                trailing = at not in found and self.source.count("\n", ending, comment.span.start) == 0
                found[at] = (*found.get(at, ()), Remark(comment.text, trailing))
        return found

    def _joins(self, k: int) -> bool:
        """Whether a word joins what stands before it to what comes."""
        text = self.tokens[k].text
        if self.tokens[k].start in self.marks.prefixes:
            return False
        return text in _RANKS or text in _TIGHT or text in (":", "=") or self._infix(k) is not Break.NEVER

    def _infix(self, k: int) -> Break:
        return self.marks.infix.get(self.tokens[k - 1].end, Break.NEVER) if k else Break.NEVER

    def _rank(self, k: int, depth: int) -> Break:
        """How readily a line ends before word ``k``."""
        text, before = self.tokens[k].text, self.tokens[k - 1].text
        if depth == 0:
            if self.starts[k] in self.marks.withs or (before == "," and self._looks_like_a_head(k)):
                return Break.NEVER
            if k + 1 < len(self.tokens) and text == "with" and self.starts[k + 1] in self.marks.withs:
                return Break.WITH
            if before == ":":
                return Break.LABEL if self._is_label(k - 1) else Break.NEVER
            if before == "=":
                return Break.DEFINITION
        elif text == "for":
            return Break.FOR
        elif text == "if" and self._ends_operand(k - 1):
            return Break.FILTER
        if text in ("then", "else"):
            return Break.BRANCH
        if self.tokens[k - 1].start in self.marks.prefixes or (k - 1) in self._tight_operators:
            return Break.NEVER
        return _RANKS.get(before) or self._infix(k - 1)

    def _looks_like_a_head(self, k: int) -> bool:
        """Whether a line that began with word ``k`` would be read as a constraint, as in ``param a, b : string``."""
        depth, at = 0, k + 1
        while at < len(self.tokens) and (depth or self.tokens[at].text == "["):
            depth += (self.tokens[at].text in _OPENING) - (self.tokens[at].text in _CLOSING)
            at += 1
            if depth == 0:
                break
        return at < len(self.tokens) and self.tokens[at].text == ":"

    def _is_label(self, k: int) -> bool:
        """Whether a ``:`` outside brackets stands behind the name of a constraint or objective."""
        return self.tokens[k].start not in self.marks.types and self.tokens[k - 1].end not in self.marks.tables

    def _ends_operand(self, k: int) -> bool:
        token = self.tokens[k]
        return token.kind in ("NAME", "NUMBER", "TEXT", ")", "]", "}") and self._infix(k) is Break.NEVER

    def _blank(self, k: int) -> bool:
        """Whether a blank stands before word ``k``."""
        token, before = self.tokens[k], self.tokens[k - 1]
        if before.text in _OPENING or token.text in _CLOSING or token.text == ",":
            return False
        if token.text in _TIGHT or before.text in _TIGHT:
            return False
        if k in self._tight_operators or k - 1 in self._tight_operators or before.start in self.marks.prefixes:
            return False
        if token.text == ":":
            return token.start in self.marks.types
        return not (token.text in ("(", "[") and before.end in self.marks.glued)

    def _opened(self, k: int, depth: int) -> bool:
        """Whether the user gave the content of a literal lines of its own, as one does for a table."""
        if depth or self.tokens[k].text not in ("{", "[") or self.tokens[k - 1].text not in ("=", "default"):
            return False
        following = self.tokens[k + 1]
        return following.text not in _CLOSING and "\n" in self.source[self.tokens[k].end : following.start]


def _align_comments(lines: Sequence[Line]) -> None:
    """Comments behind neighbouring lines begin in one column, where that keeps them within the page."""
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and lines[end].comment is not None and lines[end].code:
            end += 1
        run = lines[start:end]
        widest = max((width(line.code) for line in run), default=0)
        if run and widest + 2 + max(width(line.comment or "") for line in run) <= WIDTH:
            for line in run:
                line.code += " " * (widest - width(line.code))
        start = end + 1
