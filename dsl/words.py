"""Text to words: the first of the lexer's two passes. What is a comment, a name, a number, a sign.

Lines and keywords come in the second pass (dsl/lexing.py). Signs of other languages (``&&``, ``**``, ``:=``, …) are
refused here with their mend and read as what they mean.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .catalogue import habits as habit_codes
from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Code, Diagnostic, Edit, Hint
from .source import Source, Span
from .syntax import Comment
from .vocabulary import FOREIGN_SIGNS, HARD_WORDS, SIGNS


class Token(NamedTuple):
    """``kind`` is a terminal of the grammar, ``LINE`` for a line end, or ``BAD`` for what was refused already."""

    kind: str
    text: str
    start: int
    end: int


class Words(NamedTuple):
    """``docs``: the doc comment above a token, by the token's offset."""

    tokens: list[Token]
    comments: list[Comment]
    docs: dict[int, tuple[Comment, ...]]
    diagnostics: list[Diagnostic]


_NUMBER = r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?"
_WORD = re.compile(
    r"[ \t\r]*(?:"
    r"(?P<name>[^\W\d]\w*)"
    r"|(?P<line>\n)"
    rf"|(?P<number>{_NUMBER}(?![\w]|\.(?!\.)))"
    r"|(?P<foreign>&&?|\|\||!(?!=)|\*\*|:=|=<|<>|/=|~=|===|=>=|>==|<==(?!>)|==>|->|=[eElLgG]=(?!=)|[%×−–⇒∧∨¬∞∏→…≦≧])"
    r"|(?P<slashes>//|/\*)"
    r"|(?P<sign><=|>=|==|!=|=>|\.\.|\.(?!\d)|[-+*/^()\[\]{},:;=<>|≤≥≠∈∑·])"
    r'|(?P<text>"(?:[^"\\\n]|\\[^\n])*")'
    r"|(?P<comment>\#[^\n]*)"
    r"|(?P<odd>\S|[^\S \t\r\n])"
    r")"
)
_PLAIN_NUMBER = re.compile(_NUMBER)
_NUMBER_LIKE = re.compile(r"\.?\d(?:\w|\.(?!\.))*(?:(?<=[eE])[+-]\d\w*)?")
_FOREIGN_QUOTED = re.compile(r"'((?:[^'\\\n]|\\[^\n])*)'|[“”„]([^“”„\"\n]*)[“”]|`([^`\n]*)`")
_LINE_END = re.compile(r"[^\n]*")
_BLANKS = re.compile(r"[^\S\n]")
_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4})|(.))')
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SURROGATE = re.compile("[\ud800-\udfff]")


def words(source: Source) -> Words:
    """All words of a source, in order; runs of line ends are one token, and none stands first."""
    return _Reader(source).read()


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.found = Words([], [], {}, [])
        self.doc: list[Comment] = []

    def read(self) -> Words:
        """One pass over the text; only what is rare takes a call."""
        text = self.source.text
        tokens = self.found.tokens
        match_at = _WORD.match
        at, length = (1 if text.startswith("\ufeff") else 0), len(text)
        last_kind = "LINE"
        hard, signs = HARD_WORDS, SIGNS
        while at < length:
            match = match_at(text, at)
            if match is None:  # blanks at the very end
                break
            group = match.lastgroup
            at = match.end()
            word = match[group]  # type: ignore[index]
            if group == "name":
                kind = hard.get(word, "NAME")
                if not word.isascii() and not word.isidentifier():
                    at = self._odd_name(word, at - len(word))
                    last_kind = "NAME"
                    continue
            elif group == "sign":
                kind = signs[word]
            elif group == "number":
                kind = "NUMBER"
            elif group == "line":
                if last_kind != "LINE":
                    tokens.append(Token("LINE", "\n", at - 1, at))
                    last_kind = "LINE"
                continue
            elif group == "comment":
                self._comment(word, at, alone=last_kind == "LINE")
                continue
            elif group == "text":
                kind = "TEXT"
                if "\\" in word:
                    self._check_escapes(word, at - len(word))
            else:
                at = self._odd(group or "odd", word, at - len(word))
                last_kind = tokens[-1].kind if tokens else "LINE"
                continue
            if self.doc and kind != ";":
                self._end_doc(at - len(word))
            tokens.append(Token(kind, word, at - len(word), at))
            last_kind = kind
        if self.doc:
            self._end_doc(length)
        return self.found

    # ------------------------------------------------------------------------------------------------------ comments
    def _comment(self, text: str, end: int, *, alone: bool) -> None:
        comment = Comment(Span(self.source, end - len(text), end), text.rstrip(), text.startswith("##"))
        self.found.comments.append(comment)
        if comment.doc and alone:
            self.doc.append(comment)

    def _end_doc(self, offset: int) -> None:
        self.found.docs[offset] = tuple(self.doc)
        self.doc = []

    # -------------------------------------------------------------------------------------------------------- refusals
    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def _add(self, kind: str, start: int, end: int, text: str | None = None) -> None:
        if self.doc:
            self._end_doc(start)
        self.found.tokens.append(Token(kind, self.source.text[start:end] if text is None else text, start, end))

    def _odd(self, group: str, word: str, start: int) -> int:
        """What no correct model holds; returns the offset where reading goes on."""
        text = self.source.text
        if group == "foreign":
            return self._foreign_sign(word, start)
        if group == "slashes":
            return self._foreign_comment(word, start)
        if word.isdigit() or word == ".":
            return self._odd_number(start)
        if word == '"':
            return self._unterminated(start)
        quoted = _FOREIGN_QUOTED.match(text, start)
        if quoted is not None:
            return self._foreign_quotes(start, quoted)
        if word == "'":
            return self._unterminated(start)
        if word.isspace():
            self._report(codes.ODD_BLANK, start, start + 1, "replace it by a space", " ", name=_character_name(word))
            return start + 1
        tokens = self.found.tokens
        begins = not tokens or tokens[-1].kind in ("LINE", ";")
        if word == "@" and begins and text[start + 1 : start + 2].isalpha():
            self._report(habit_codes.MACRO, start, start + 1, None, None)
        else:
            self._report(codes.BAD_CHARACTER, start, start + 1, None, None, name=_character_name(word))
        self._add("BAD", start, start + 1)
        return start + 1

    def _report(
        self, code: Code, start: int, end: int, hint: str | None, replacement: str | None, **facts: Any
    ) -> None:
        span = self._span(start, end)
        edits = () if replacement is None else (Edit(span, replacement),)
        hints = () if hint is None else (Hint(hint, edits),)
        self.found.diagnostics.append(report(code, span, hints=hints, **facts))

    def _foreign_sign(self, sign: str, start: int) -> int:
        ours, kind = FOREIGN_SIGNS[sign]
        end = start + len(sign)
        text = self.source.text
        spaced = ours
        if ours.isalpha():
            before = " " if start and not text[start - 1].isspace() and text[start - 1] not in "([{" else ""
            after = " " if end < len(text) and not text[end].isspace() and text[end] not in ")]}" else ""
            spaced = before + ours + after
        self._report(habit_codes.FOREIGN_SIGN, start, end, f"write `{ours}`", spaced, sign=sign, ours=ours)
        self._add(kind, start, end, ours)
        return end

    def _foreign_comment(self, mark: str, start: int) -> int:
        text = self.source.text
        if mark == "//":
            end = _LINE_END.match(text, start).end()  # type: ignore[union-attr]
            self._report(habit_codes.FOREIGN_COMMENT, start, start + 2, "begin the comment with `#`", "#", mark=mark)
            return end
        end = text.find("*/", start + 2)
        if end < 0:
            self._report(habit_codes.OPEN_COMMENT, start, start + 2, None, None)
            return len(text)
        end += 2
        span = self._span(start, end)
        hint = Hint("begin each line of the comment with `#`", self._mended_comment(start, end))
        self.found.diagnostics.append(report(habit_codes.FOREIGN_COMMENT, span, hints=(hint,), mark=mark))
        return end

    def _mended_comment(self, start: int, end: int) -> tuple[Edit, ...]:
        """``/* … */`` with ``#`` where it stands, or in lines of its own above where it shares a line with others."""
        text = self.source.text
        lines = [line.strip().removeprefix("*").strip() for line in text[start + 2 : end - 2].strip().split("\n")]
        begin = text.rfind("\n", 0, start) + 1
        rest = text[end : _LINE_END.match(text, end).end()]  # type: ignore[union-attr]
        before = text[begin:start]
        indent = before[: len(before) - len(before.lstrip())]
        mended = f"\n{indent}".join(f"# {line}".rstrip() for line in lines)
        if not before.strip() and not rest.strip():
            return (Edit(self._span(start, end), mended),)
        above = Edit(self._span(begin, begin), f"{indent}{mended}\n")
        return above, Edit(self._span(start, end), "")

    def _odd_number(self, start: int) -> int:
        text = self.source.text
        whole = _NUMBER_LIKE.match(text, start)
        assert whole is not None
        plain = _PLAIN_NUMBER.match(text, start)
        end = plain.end() if plain is not None else start
        if plain is not None and (text[end].isalpha() or (text[end] == "_" and text[end + 1 : end + 2].isalpha())):
            self._add("NUMBER", start, end)
            right = _name_at(text, end)
            self._report(habit_codes.NO_SIGN, end, end, "write `*` between them", "*", left=plain[0], right=right)
            self._add("TIMES", end, end, "*")
            return end
        spelling = whole[0]
        mended = _mended_number(spelling)
        hint = None if mended is None else f"write `{mended}`"
        self._report(codes.BAD_NUMBER, start, whole.end(), hint, mended, spelling=spelling)
        self._add("BAD" if mended is None else "NUMBER", start, whole.end(), mended)
        return whole.end()

    def _unterminated(self, start: int) -> int:
        text = self.source.text
        end = start + len(_LINE_END.match(text, start)[0].rstrip())  # type: ignore[index]
        self._report(codes.OPEN_TEXT, start, end, None, None, quote=text[start])
        self._add("BAD", start, end)
        return end

    def _foreign_quotes(self, start: int, quoted: re.Match[str]) -> int:
        inside = quoted[quoted.lastindex or 1].replace("\\'", "'")
        mended = '"' + re.sub(r'(?<!\\)"', r"\"", inside) + '"'
        end = quoted.end()
        self._report(habit_codes.TEXT_QUOTES, start, end, "write double quotes", mended)
        self._check_escapes(mended, start)
        self._add("TEXT", start, end, mended)
        return end

    def _odd_name(self, word: str, start: int) -> int:
        """A word with characters such as ``²`` that count as alphanumeric but belong in no name."""
        place = next(k for k in range(1, len(word) + 1) if not word[:k].isidentifier())
        if place > 1:
            self._add("NAME", start, start + place - 1)
        at = start + place - 1
        self._report(codes.BAD_CHARACTER, at, at + 1, None, None, name=_character_name(word[place - 1]))
        self._add("BAD", at, at + 1)
        return at + 1

    def _check_escapes(self, text: str, start: int) -> None:
        bad = [escape for escape in _ESCAPE.finditer(text) if escape[3] is not None]
        for escape in bad:
            self._bad_escape(self._span(start + escape.start(), start + escape.end()), escape[0])
        if not bad and _SURROGATE.search(text_value(text)):
            self._bad_escape(self._span(start, start + len(text)), text[1:-1])

    def _bad_escape(self, span: Span, escape: str) -> None:
        backslash = Span(span.source, span.start, span.start + 1)
        edits = (Edit(backslash, "\\\\"),) if backslash.text == "\\" else ()
        hint = Hint("write `\\\\` for a backslash" if edits else "write both halves of the surrogate pair", edits)
        self.found.diagnostics.append(report(codes.BAD_ESCAPE, span, hints=(hint,), escape=escape))


def text_value(spelling: str) -> str:
    """The text that a literal stands for, escapes as in JSON resolved; ``spelling`` holds its quotes."""
    inside = spelling[1:-1]
    if "\\" not in inside:
        return inside
    resolved = _ESCAPE.sub(_resolve, inside)
    return resolved.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _resolve(escape: re.Match[str]) -> str:
    plain, code, other = escape.groups()
    if code is not None:
        return chr(int(code, 16))
    return other if plain is None else _ESCAPES.get(plain, plain)


def _mended_number(spelling: str) -> str | None:
    """``.5`` and ``5.`` and ``1__000`` have one meaning; ``1.2.3`` and ``1e`` have none."""
    candidate = spelling.strip("_")
    candidate = re.sub(r"_+", "_", candidate).replace("_.", ".").replace("._", ".")
    if candidate.startswith("."):
        candidate = "0" + candidate
    if candidate.endswith("."):
        candidate += "0"
    candidate = re.sub(r"\.(?=[eE])", ".0", candidate)
    return candidate if _PLAIN_NUMBER.fullmatch(candidate) else None


def _name_at(text: str, start: int) -> str:
    return re.compile(r"\w*").match(text, start)[0]  # type: ignore[index]


def _character_name(character: str) -> str:
    if character.isprintable() and not character.isspace():
        return f"`{character}`"
    return f"U+{ord(character):04X}"
