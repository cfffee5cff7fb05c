"""Words to tokens: the second pass of the lexer. Where statements end, which words are keywords, which brackets pair.

- A line end is a token (``END``) only where a statement can end: not inside an open bracket, not behind an operator, a
  comma or ``:``, and not where the next line begins with ``then``, ``else`` or the ``with`` of an ``uncertain``.
- A soft keyword is one at the head of a statement whose next token fits, and behind a complete operand.
- ``{`` behind the head of a block is BLOCK_OPEN; inside it lines end statements again.
- Brackets are matched here, so that the grammar only sees balanced ones. What is refused leaves a ``BAD`` token, at
  which the parser gives up the statement without a further word.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, NamedTuple

from . import habits
from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Code, Diagnostic, Edit, Hint, Label
from .source import Source, Span
from .syntax import Comment
from .vocabulary import (
    BLOCK_HEADS,
    FOREIGN_HEADS,
    FOREIGN_INFIX,
    FOREIGN_VALUES,
    HARD_WORDS,
    HEADS,
    INFIX,
    RESERVED,
    SECOND_WORD,
)
from .words import Token, words

DEEPEST = 100
"""Brackets and blocks may stand this deep in one another; more is refused (E0008)."""

_CLOSER = {"(": ")", "[": "]", "{": "}"}
# After these an operand is complete, and a word can only be a keyword.
_OPERANDS = frozenset({"NAME", "NUMBER", "TEXT", ")", "]", "}", "PROPERTY", "BAD"})
# After these a statement can end; `recourse`, `lower` … wait for their brace.
_ENDINGS = _OPERANDS | {"satisfy", "BLOCK_CLOSE"}
# Signs and words with which no statement begins; `-` is another matter.
_CONTINUING = frozenset({"TIMES", "^", "RELATION", "=", "=>", "and", "or", "+", "..", ",", ":", ".", "in", "|"})
_CONTINUING_WORDS = frozenset({"complements", "union", "inter", "minus", "within", "default"})
_SPECIAL = frozenset({"LINE", ";", "(", "[", "{", ")", "]", "}", "not"})
_BRACED = frozenset({"min", "max", "count", "norm1", "norm2", "norminf", "logsumexp"})


class Tokens(NamedTuple):
    tokens: list[Token]
    comments: list[Comment]
    docs: dict[int, tuple[str, Span]]
    diagnostics: list[Diagnostic]


def tokens_of_model(source: Source) -> Tokens:
    """The tokens of a model, ``$END`` last."""
    return _Lines(source).read()


def tokens_of_expression(source: Source) -> Tokens:
    """The tokens of a single expression, which may run over several lines."""
    lines = _Lines(source)
    lines.brackets.append(_Bracket(Token("(", "(", 0, 0), 0, "whole"))
    return lines.read()


class _Bracket(NamedTuple):
    """``place``: of the opening token among all; ``reading``: ``plain``, ``braced`` (AMPL's ``x{i in I}``), ``whole``."""

    opener: Token
    place: int
    reading: str


class _Block(NamedTuple):
    opener: Token
    in_list: bool


class _Lines:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.raw, self.comments, self.docs, self.diagnostics = words(source)
        self.raw.append(Token("LINE", "", len(source.text), len(source.text)))
        self.out: list[Token] = []
        self.brackets: list[_Bracket] = []
        self.blocks: list[_Block] = []
        self.at = 0
        self.in_list = False  # behind a `subject to`
        self.first = 0  # where the statement begins in `out`
        self.item = 0  # where its constraint begins: behind a `with`, else the same
        self.head = ""  # the keyword that begins it
        self.scanned, self.related = 0, False

    def read(self) -> Tokens:
        whole = bool(self.brackets)
        raw, out = self.raw, self.out
        last = len(raw) - 1
        while self.at < last:
            token = raw[self.at]
            kind = token.kind
            if kind == "NAME":
                if len(out) == self.first and not self.brackets:
                    self._head(token)
                elif out and out[-1].kind in _OPERANDS and len(out) > self.first:
                    self._infix(token)
                elif token.text in FOREIGN_VALUES:
                    self._foreign_value(token)
                elif token.text in RESERVED and raw[self.at + 1].kind == "(":
                    self._reserved(token)
                else:
                    out.append(token)
            elif kind in _SPECIAL:
                self._special(kind, token)
            else:
                out.append(token)
            self.at += 1
        if whole:
            self._finish_expression()
        else:
            self._finish_model()
        return Tokens(self.out, self.comments, self.docs, self.diagnostics)

    # ------------------------------------------------------------------------------------------------------ statements
    def _special(self, kind: str, token: Token) -> None:
        if kind == "LINE":
            self._line(token)
        elif kind in "([{":
            self._open(token)
        elif kind in ")]}":
            self._close(token)
        elif kind == ";":
            self._semicolon(token)
        elif self.raw[self.at + 1].kind == "in" and self.out and self.out[-1].kind in _OPERANDS:
            self.at += 1
            self.out.append(Token("not_in", "not in", token.start, self.raw[self.at].end))
        else:
            self.out.append(token)

    def _begin(self) -> None:
        """A new statement begins behind the tokens so far."""
        self.first = self.item = self.scanned = len(self.out)
        self.head, self.related = "", False

    def _end(self, token: Token | None = None) -> None:
        """Ends the statement, if there is one: at ``token``, or at the end of its last line."""
        if len(self.out) > self.first:
            end = self.out[-1].end
            self.out.append(Token("END", "", end, end) if token is None else token._replace(kind="END"))
            self._begin()

    def _line(self, token: Token) -> None:
        if len(self.out) == self.first:
            return
        following = self.raw[self.at + 1] if self.at + 1 < len(self.raw) else token
        if self.brackets:
            if self.brackets[0].reading != "whole" and self._new_statement(self.at + 1):
                self._unclosed()
            return
        last = self.out[-1].kind
        if last not in _ENDINGS:
            if last == "{" or not self._new_statement(self.at + 1):
                return
        elif self._is_carried_on(following):
            return
        elif last != "BAD" and self._continues(following):
            self._report_continuation(following)
            return
        self._end()

    def _is_carried_on(self, following: Token) -> bool:
        """Whether the next line begins with what goes on with this statement: `then`, `else`, `with`, or a `{`."""
        if following.text == "with":
            return self.head in ("uncertain", "solve")
        return following.kind in ("then", "else") or (following.kind == "{" and self.head in BLOCK_HEADS)

    def _continues(self, following: Token) -> bool:
        if following.kind in _CONTINUING:
            return True
        if following.kind == "NAME" and following.text in _CONTINUING_WORDS:
            after = self.raw[self.at + 2].kind
            return after in ("NAME", "NUMBER", "TEXT", "{", "AGGREGATE")
        return following.kind == "-" and not (self.in_list and self._is_related())

    def _is_related(self) -> bool:
        """Whether the constraint so far is complete: it has a relation outside brackets, or is a `sos1(…)`."""
        out, depth = self.out, 0
        if not self.related and out[self.item].text in ("sos1", "sos2"):
            self.related = True
        for k in range(self.scanned, len(out)):
            kind = out[k].kind
            depth += (kind in "([{") - (kind in ")]}") if len(kind) == 1 else kind == "INDEX_OPEN"
            if depth == 0 and kind in ("RELATION", "=", "=>"):
                self.related = True
        self.scanned = len(out)
        return self.related

    def _report_continuation(self, following: Token) -> None:
        end = self.out[-1].end
        begin = following.start
        text = self.source.text
        gap = begin + len(following.text)
        gap += len(text[gap : gap + 1]) if text[gap : gap + 1] == " " else 0
        edits = (
            Edit(Span(self.source, end, end), f" {following.text}"),
            Edit(Span(self.source, begin, gap), ""),
        )
        hint = Hint(f"end the line above with `{following.text}`, or put the whole in brackets", edits)
        self.diagnostics.append(
            report(codes.LINE_BEGINS_WITH_OPERATOR, self._span(following), hints=(hint,), operator=following.text)
        )

    def _new_statement(self, at: int) -> bool:
        """Whether a statement certainly begins at a word: a keyword with what may follow it, or a constraint's head."""
        if self._is_keyword(at):
            return True
        raw = self.raw
        if at + 1 >= len(raw) or raw[at].kind != "NAME" or (self.brackets and self.brackets[-1].opener.text == "{"):
            return False
        if raw[at + 1].kind == "[":
            return raw[self._behind_bracket(at + 1)].kind == ":"
        return raw[at + 1].kind == ":"

    def _is_keyword(self, at: int) -> bool:
        """Whether a word can only be the keyword of a new statement, even where a statement is unfinished."""
        if at + 1 >= len(self.raw) or self.raw[at].kind != "NAME":
            return False
        word, after = self.raw[at].text, self.raw[at + 1]
        if word in SECOND_WORD:
            return after.text == SECOND_WORD[word]
        if word == "recourse":
            return after.kind == "{"
        return word in HEADS and after.kind in ("NAME", "TEXT", "BAD") and after.text not in INFIX

    def _behind_bracket(self, at: int) -> int:
        """The place behind the bracket that opens at a word and closes on the same line; else that line's end."""
        raw, depth = self.raw, 0
        while raw[at].kind != "LINE":
            kind = raw[at].kind
            depth += (kind in ("(", "[", "{")) - (kind in (")", "]", "}"))
            at += 1
            if depth == 0:
                return at
        return at

    def _semicolon(self, token: Token) -> None:
        if self.brackets:
            if self.brackets[-1].opener.text == "[" and self._closes_on_this_line():
                self.out.append(token)  # JuMP's `[i in I; i != 2]`, refused by the grammar's habit
                return
            self._unclosed()
            return
        self._end(token)

    def _closes_on_this_line(self) -> bool:
        depth = 1
        for token in self.raw[self.at + 1 : self.at + 200]:
            if token.kind == "LINE":
                return False
            depth += (token.kind in ("(", "[", "{")) - (token.kind in (")", "]", "}"))
            if depth == 0:
                return True
        return False

    # -------------------------------------------------------------------------------------------------------- keywords
    def _head(self, token: Token) -> None:
        """The first word of a statement."""
        word, raw, out = token.text, self.raw, self.out
        after = raw[self.at + 1]
        if word in HEADS and self._fits(word, self.at + 1):
            self._keyword(word, token)
        elif word == "forall" and after.kind in ("(", "{", "NAME"):
            out.append(token._replace(kind="FORALL_BARE" if after.kind == "NAME" else "FORALL"))
        elif word in RESERVED and after.kind in ("NAME", "{", "("):
            self._reserved(token)
        elif word == "end" and after.kind in ("LINE", ";"):
            self._refuse_word(codes.NOT_NEEDED, token, "leave it out", "", word=word)
        elif word == "s" and self._is_such_that():
            pass
        elif not (self._colon_behind_sense(token) or self._misspelt(token)):
            out.append(token)

    def _fits(self, word: str, at: int) -> bool:
        after = self.raw[at]
        if after.kind not in HEADS[word]:
            if after.kind == "[" and word in ("minimize", "maximize"):
                return not self.in_list or self.raw[self._behind_bracket(at)].kind in ("LINE", ";", "}")
            return "BAD" in HEADS[word] and "(" not in HEADS[word] and self._hard_name(at)
        if word in SECOND_WORD:
            return after.text == SECOND_WORD[word]
        if word in ("minimize", "maximize") and after.kind == "NAME":
            return after.text not in ("complements",)
        return True

    def _hard_name(self, at: int) -> bool:
        """Whether a hard word stands as a name would: what comes behind it begins no operand."""
        if self.raw[at].text not in HARD_WORDS or at + 1 >= len(self.raw):
            return False
        return self.raw[at + 1].kind in ("=", "[", ":", ",", "RELATION", "in", ";", "LINE")

    def _keyword(self, word: str, token: Token) -> None:
        if word == "subject":
            self._subject_to(token, self.raw[self.at + 1].end)
            self.at += 1
            self._skip_colon()
            return
        self.in_list = False
        self.head = word
        self.out.append(token._replace(kind="SENSE" if word in ("minimize", "maximize") else word))
        if word == "solve":
            self.at += 1
            self.out.append(self.raw[self.at]._replace(kind="with"))

    def _subject_to(self, token: Token, end: int) -> None:
        self.out.append(Token("subject_to", "subject to", token.start, end))
        self._end()
        self.in_list = True

    def _skip_colon(self) -> None:
        colon = self.raw[self.at + 1]
        if colon.kind == ":":
            self._refuse_word(codes.NOT_NEEDED, colon, "leave it out", "", word=":")
            self.at += 1

    def _is_such_that(self) -> bool:
        """AMPL's ``s.t.``"""
        signs = self.raw[self.at : self.at + 4]
        if [sign.text for sign in signs] != ["s", ".", "t", "."]:
            return False
        whole = Token("NAME", "s.t.", signs[0].start, signs[3].end)
        self._foreign_head(whole, "subject to")
        self.at += 3
        self._subject_to(whole, whole.end)
        self._skip_colon()
        return True

    def _colon_behind_sense(self, token: Token) -> bool:
        """``max: 3*x`` and ``minimize: cost``, where no constraint of that name can stand."""
        sense = FOREIGN_HEADS.get(token.text, token.text)
        if self.in_list or sense not in ("minimize", "maximize") or self.raw[self.at + 1].kind != ":":
            return False
        if sense != token.text:
            self._foreign_head(token, sense)
        self._keyword(sense, token._replace(text=sense))
        self._skip_colon()
        return True

    def _misspelt(self, token: Token) -> bool:
        """A word that only looks like the head of a statement: refused, and read as the nearest one."""
        word, after = token.text, self.raw[self.at + 1]
        ours = FOREIGN_HEADS.get(word)
        if ours == "subject to":
            return self._foreign_subject_to(token, after)
        follows_name = after.kind == "NAME" and after.text not in INFIX and after.text not in FOREIGN_INFIX
        if ours is None:
            if not follows_name:
                return False
            near = get_close_matches(word, HEADS, 1, 0.7)
            ours = near[0] if near else None
        if ours is None and self.in_list:
            return False
        if ours is None:
            self._refuse_word(codes.UNKNOWN_STATEMENT, token, None, None, word=word)
            self.out.append(token._replace(kind="BAD"))
            return True
        if not (follows_name or (ours in HEADS and after.kind in HEADS[ours] and after.kind not in ("-", "+", "LINE"))):
            return False
        if ours in SECOND_WORD and after.text != SECOND_WORD[ours]:
            return False
        self._foreign_head(token, ours)
        self._keyword(ours, token._replace(text=ours))
        return True

    def _foreign_subject_to(self, token: Token, after: Token) -> bool:
        word, second = token.text, ""
        if word in ("such", "Subject"):
            second = {"such": "that", "Subject": "to"}[word]
            if after.text.lower() != second:
                return False
            token = Token("NAME", f"{word} {after.text}", token.start, after.end)
        elif not self._may_open_list(after):
            return False
        self._foreign_head(token, "subject to")
        self.at += bool(second)
        self._subject_to(token, token.end)
        self._skip_colon()
        return True

    def _may_open_list(self, after: Token) -> bool:
        """Whether ``constraints`` and the like stand for ``subject to``, judged by the next token."""
        if after.kind == ":":
            return not self.in_list or self.raw[self.at + 2].kind == "LINE"
        if after.kind == "NAME":
            return after.text not in INFIX
        return after.kind in ("LINE", "NUMBER", "AGGREGATE", "BAD")

    def _foreign_head(self, token: Token, ours: str) -> None:
        self._refuse_word(codes.MISSPELT_STATEMENT, token, f"write `{ours}`", ours, word=token.text, ours=ours)

    def _infix(self, token: Token) -> None:
        """A word behind a complete operand."""
        word, out = token.text, self.out
        kind = INFIX.get(word)
        if kind is not None:
            out.append(token._replace(kind=kind))
            if kind == "with":
                self.item = self.scanned = len(out)
        elif word in FOREIGN_INFIX and not self._names_a_selection():
            ours = FOREIGN_INFIX[word]
            self._refuse_word(codes.FOREIGN_WORD, token, f"write `{ours}`", ours, word=word, ours=ours)
            for part in ours.split():
                kind = {**INFIX, **HARD_WORDS, "*": "TIMES"}.get(part, part)
                out.append(token._replace(kind=kind if kind != "string" else "NAME", text=part))
        elif word == "forall":
            if self.brackets:
                self._refuse_word(codes.FOREIGN_WORD, token, "write `for`", "for", word=word, ours="for")
            out.append(token._replace(kind="for"))
        elif word in RESERVED:
            self._reserved(token)
        else:
            out.append(token)

    def _names_a_selection(self) -> bool:
        return self.head == "lower"

    def _foreign_value(self, token: Token) -> None:
        after = self.raw[self.at + 1].kind
        if after in ("=", "[", "(") or (self.out and self.out[-1].kind in ("var", "param", "set", "let", "def")):
            self.out.append(token)
            return
        ours = FOREIGN_VALUES[token.text]
        self._refuse_word(codes.FOREIGN_WORD, token, f"write `{ours}`", ours, word=token.text, ours=ours)
        self.out.append(token._replace(kind="NUMBER", text=ours))

    def _reserved(self, token: Token) -> None:
        self.diagnostics.append(report(codes.RESERVED_WORD, self._span(token), word=token.text))
        self.out.append(token._replace(kind="BAD"))

    def _refuse_word(self, code: Code, token: Token, hint: str | None, replacement: str | None, **facts: Any) -> None:
        span = self._span(token)
        edits = () if replacement is None else (Edit(span, replacement),)
        hints = () if hint is None else (Hint(hint, edits),)
        self.diagnostics.append(report(code, span, hints=hints, **facts))

    # -------------------------------------------------------------------------------------------------------- brackets
    def _open(self, token: Token) -> None:
        out = self.out
        if len(self.brackets) + len(self.blocks) >= DEEPEST:
            if len(self.brackets) + len(self.blocks) == DEEPEST:
                self.diagnostics.append(report(codes.TOO_DEEP, self._span(token), limit=DEEPEST))
            token = token._replace(kind="BAD")
            self.brackets.append(_Bracket(token, len(out), "plain"))
            out.append(token)
            return
        if token.kind == "{" and self.head in BLOCK_HEADS and (not self.brackets or self._opens_block()):
            out.append(token._replace(kind="BLOCK_OPEN"))
            self.blocks.append(_Block(token, self.in_list))
            self.in_list = False
            self._begin()
            return
        reading = "plain"
        if token.kind == "{" and out and len(out) > self.first and out[-1].kind == "NAME":
            if out[-1].text in _BRACED:
                out[-1] = out[-1]._replace(kind="AGGREGATE")
            else:
                reading = "braced"
                token = token._replace(kind="[")
        self.brackets.append(_Bracket(token, len(out), reading))
        out.append(token)

    def _opens_block(self) -> bool:
        """Whether a `{` inside an open bracket of a block's head is the block's: a new line or statement follows."""
        following = self.at + 1
        if not self._is_keyword(following + (self.raw[following].kind == "LINE")):
            return False
        self._report_unclosed()
        return True

    def _close(self, token: Token) -> None:
        if not self.brackets or self.brackets[-1].reading == "whole":
            self._close_outside(token)
            return
        bracket = self.brackets[-1]
        if token.kind != _CLOSER[bracket.opener.text]:
            self._mismatched(token)
            return
        self.brackets.pop()
        kind = token.kind if bracket.reading == "plain" else "]"
        if bracket.opener.kind == "BAD":
            kind = "BAD"
        self.out.append(token._replace(kind=kind))
        if bracket.reading == "braced":
            habits.braces_for_indices(self.diagnostics, self._span(bracket.opener), self._span(token))
        if kind == "]" and not self.brackets and self.raw[self.at + 1].kind == ":":
            self._index_of_a_head(bracket)

    def _index_of_a_head(self, bracket: _Bracket) -> None:
        """``name[i in I]:`` or ``[i in I]:`` at the head of a constraint: the bracket holds an index list."""
        before = bracket.place - self.item
        item_begins = self.item > self.first or not self.head
        if item_begins and (before == 0 or (before == 1 and self.out[self.item].kind == "NAME")):
            self.out[bracket.place] = bracket.opener._replace(kind="INDEX_OPEN")

    def _close_outside(self, token: Token) -> None:
        if token.kind == "}" and self.blocks:
            self._end()
            self.in_list = self.blocks.pop().in_list
            self._close_block(token)
            return
        self.diagnostics.append(report(codes.NOT_OPENED, self._span(token), bracket=token.text))
        if len(self.out) > self.first:
            self.out.append(token._replace(kind="BAD"))

    def _close_block(self, token: Token) -> None:
        self.out.append(token._replace(kind="BLOCK_CLOSE"))
        self._end()

    def _mismatched(self, token: Token) -> None:
        """A closing bracket of another kind than the innermost open one."""
        openers = [bracket.opener.text for bracket in self.brackets]
        fitting = next(opener for opener, closer in _CLOSER.items() if closer == token.kind)
        if fitting == "{" and "{" not in openers and self.blocks:
            self._unclosed()
            self._close_outside(token)
            return
        bracket = self.brackets[-1]
        opened = Label(self._span(bracket.opener), "opened here")
        if fitting in openers:
            self.diagnostics.append(
                report(
                    codes.NOT_CLOSED,
                    self._span(token),
                    label=f"`{_CLOSER[bracket.opener.text]}` should come before this",
                    labels=(opened,),
                    bracket=bracket.opener.text,
                    closer=_CLOSER[bracket.opener.text],
                )
            )
            while self.brackets[-1].opener.text != fitting:
                self.brackets.pop()
        else:
            closer = _CLOSER[bracket.opener.text]
            hint = Hint(f"write `{closer}`", (Edit(self._span(token), closer),))
            self.diagnostics.append(
                report(
                    codes.WRONG_BRACKET,
                    self._span(token),
                    labels=(opened,),
                    hints=(hint,),
                    bracket=bracket.opener.text,
                    closer=token.text,
                )
            )
        if self.brackets[-1].reading != "whole":
            self.brackets.pop()
        self.out.append(token._replace(kind="BAD"))

    def _unclosed(self) -> None:
        """The innermost open bracket is never closed: the statement is given up where it is noticed."""
        self._report_unclosed()
        self._end()

    def _report_unclosed(self) -> None:
        bracket = self.brackets[-1]
        end = self.out[-1].end
        closer = _CLOSER[bracket.opener.text]
        self.diagnostics.append(
            report(
                codes.NOT_CLOSED,
                Span(self.source, end, end),
                label=f"`{closer}` is missing",
                labels=(Label(self._span(bracket.opener), "opened here"),),
                bracket=bracket.opener.text,
                closer=closer,
            )
        )
        self.brackets.clear()
        self.out.append(Token("BAD", "", end, end))

    # ------------------------------------------------------------------------------------------------------------- end
    def _finish_model(self) -> None:
        if self.brackets:
            self._unclosed()
        self._end()
        end = len(self.source.text.rstrip())
        while self.blocks:
            block = self.blocks.pop()
            self.diagnostics.append(
                report(
                    codes.BLOCK_NOT_CLOSED,
                    Span(self.source, end, end),
                    label="`}` is missing",
                    labels=(Label(self._span(block.opener), "the block begins here"),),
                )
            )
            self._close_block(Token("}", "}", end, end))
        self.out.append(Token("$END", "", end, end))

    def _finish_expression(self) -> None:
        if len(self.brackets) > 1:
            self._report_unclosed()
        end = len(self.source.text.rstrip())
        self.out.append(Token("$END", "", end, end))

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)
