"""Words to tokens: the second pass of the lexer. Where statements end, which words are keywords, which brackets pair.

- A line end is a token (``END``) only where a statement can end: not inside an open bracket, not behind an operator, a
  comma or ``:``, and not where the next line begins with ``then``, ``else`` or the ``with`` of an ``uncertain``.
- A soft keyword is one at the head of a statement whose next token fits, and behind a complete operand.
- ``{`` behind the head of a block is BLOCK_OPEN; inside it lines end statements again.
- Brackets are matched here, so that the grammar only sees balanced ones. What is refused leaves a ``BAD`` token, at
  which the parser gives up the statement without a further word.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from . import habits
from .brackets import CLOSER, block_not_closed, line_begins_with_operator, not_closed, wrong_bracket
from .catalogue import habits as habit_codes
from .catalogue import report
from .catalogue import syntax as codes
from .closing import Closed, head_of_a_constraint, index_of_a_declaration, indices_apart
from .diagnostics import Code, Diagnostic, Edit, Hint
from .foreign_heads import meant
from .foreign_statements import rewrite
from .lookahead import behind_bracket, closes_on_this_line, fits, is_keyword
from .source import Source, Span
from .syntax import Comment
from .vocabulary import (
    BLOCK_HEADS,
    BRACED,
    COMMANDS,
    FOREIGN_INFIX,
    FOREIGN_VALUES,
    HARD_WORDS,
    HEADS,
    INFIX,
    PROPERTIES,
    RESERVED,
    SECOND_WORD,
    TYPES_FIRST,
)
from .words import Token, words

DEEPEST = 100
"""Brackets may stand this deep in one another; more is refused (E0008)."""

DEEPEST_BLOCKS = 20
"""Blocks likewise."""

# After these an operand is complete, and a word can only be a keyword.
_OPERANDS = frozenset({"NAME", "NUMBER", "TEXT", ")", "]", "}", "PROPERTY", "BAD"})
# After these a statement can end; `recourse`, `lower` … wait for their brace.
_ENDINGS = _OPERANDS | {"satisfy", "BLOCK_CLOSE"}
# Signs and words with which no statement begins; `-` is another matter.
_CONTINUING = frozenset({"TIMES", "^", "RELATION", "=", "=>", "and", "or", "+", "..", ",", ":", ".", "in", "|"})
_WITHOUT_COMMAS = frozenset({"", "minimize", "maximize", "let"})  # "": a constraint
_DECLARATIONS = frozenset({"set", "param", "table", "var", "uncertain", "choose"})
_BLOCK_WORDS = BLOCK_HEADS | RESERVED  # `stage 1 { … }` is refused as a whole
_SPECIAL = frozenset({"LINE", ";", "(", "[", "{", ")", "]", "}", "not", "for"})
_REWRITTEN = COMMANDS | {"end", "End", "END", "solve"}


class Tokens(NamedTuple):
    tokens: list[Token]
    comments: list[Comment]
    docs: dict[int, tuple[Comment, ...]]
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
    """``place``: of the opening token among all; ``reading``: ``plain``, ``braced`` (``x{i in I}``) or ``whole``."""

    opener: Token
    place: int
    reading: str


class _Block(NamedTuple):
    """``braces_a_list``: no block, but ``subject to { … }``, which other languages have."""

    opener: Token
    in_list: bool
    braces_a_list: bool = False


class _Lines:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.raw, self.comments, self.docs, self.diagnostics = words(source)
        self.raw.append(Token("LINE", "", len(source.text), len(source.text)))
        self.out: list[Token] = []
        self.brackets: list[_Bracket] = []
        self.blocks: list[_Block] = []
        self.excess = 0  # brackets deeper than `DEEPEST`
        self.at = 0
        self.in_list = False  # behind a `subject to`
        self.first = 0  # where the statement begins in `out`
        self.item = 0  # where its constraint begins: behind a `with`, else the same
        self.head = ""  # the keyword that begins it
        self.scanned, self.related = 0, False
        self.spoilt = False  # brackets do not pair in this statement

    def read(self) -> Tokens:
        whole = bool(self.brackets)
        raw, out = self.raw, self.out
        while self.at < len(raw) - 1:  # `rewrite` changes the words
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
            elif kind == "," and not self.brackets and self.head in _DECLARATIONS and not self._lists_names():
                self._comma_behind_attributes(token)
            elif kind == "=" and self.brackets and self._binds_an_index():
                habits.equals_for_in(self.diagnostics, self._span(token))
                out.append(token._replace(kind="in", text="in"))
            elif kind == ":" and out and out[-1].kind == "NUMBER" and self._is_range():
                self._refuse_word(habit_codes.FOREIGN_SIGN, token, "write `..`", "..", sign=":", ours="..")
                out.append(token._replace(kind="..", text=".."))
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
        elif kind == "for":
            self._for(token)
        else:
            self._not(token)

    def _not(self, token: Token) -> None:
        """``not in`` behind an operand is one word, also over two lines inside brackets."""
        at = self.at + 1
        if self.brackets and self.raw[at].kind == "LINE" and at + 1 < len(self.raw):
            at += 1
        if self.raw[at].kind == "in" and self.out and self.out[-1].kind in _OPERANDS:
            self.at = at
            self.out.append(Token("not_in", "not in", token.start, self.raw[at].end))
        else:
            self.out.append(token)

    def _begin(self) -> None:
        """A new statement begins behind the tokens so far."""
        self.first = self.item = self.scanned = len(self.out)
        self.head, self.related, self.spoilt = "", False, False

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
        if last == "," and self.head in _WITHOUT_COMMAS:
            self._end()
            return
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
            return self.head in ("uncertain", "solve") or self.raw[self.at + 2].kind in ("NAME", "AGGREGATE")
        return following.kind in ("then", "else") or (following.kind == "{" and self.head in BLOCK_HEADS)

    def _continues(self, following: Token) -> bool:
        """Whether the next line begins with what can only go on with this statement, and so is cut off from it."""
        if following.kind in _CONTINUING:
            return True
        if following.kind == "NAME" and following.text in INFIX:
            after = self.raw[self.at + 2].kind
            if following.text in PROPERTIES:
                return self.head in _DECLARATIONS and after not in ("[", ":", ".", "(")
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
        self.diagnostics.append(line_begins_with_operator(self._end_of_last(), self._span(following)))

    def _end_of_last(self) -> Span:
        end = self.out[-1].end
        return Span(self.source, end, end)

    def _new_statement(self, at: int) -> bool:
        """Whether a statement certainly begins at a word: a keyword with what may follow it, or a constraint's head."""
        if is_keyword(self.raw, at, bracketed=bool(self.brackets)):
            return True
        if self.head in _DECLARATIONS and self.out[-1].kind == "," and self._lists_names():
            return False
        raw = self.raw
        if at + 1 >= len(raw) or raw[at].kind != "NAME" or (self.brackets and self.brackets[-1].opener.text == "{"):
            return False
        if raw[at + 1].kind == "[":
            return raw[behind_bracket(raw, at + 1)].kind == ":"
        if self.head == "param" and at + 2 < len(raw) and raw[at + 2].text in PROPERTIES:
            return False  # `x : string` goes on with a declaration
        return raw[at + 1].kind == ":"

    def _lists_names(self) -> bool:
        """Whether a declaration has not come further than its names: ``param a, b``. In a table they come later."""
        behind = self.out[self.first + 1 :]
        names = (token.kind in ("NAME", ",") or (token.text in HARD_WORDS and token.kind != "in") for token in behind)
        return self.head == "table" or all(names)

    def _binds_an_index(self) -> bool:
        """Whether the `=` behind a name inside brackets is that of `for i = 1..n`."""
        if len(self.out) < 2 or self.out[-1].kind != "NAME":
            return False
        before = self.out[-2].kind
        return before == "for" or (self.brackets[-1].opener.text == "[" and before in ("[", ","))

    def _is_range(self) -> bool:
        """Whether the `:` behind a number is that of `1:n`: a set is wanted there, and a number is none."""
        if len(self.out) < 2:
            return False
        before = self.out[-2].kind
        if not self.brackets:
            return self.head == "set" and before == "=" and self.raw[self.at + 1].text not in PROPERTIES
        return before == "in" or (self.brackets[-1].opener.text == "[" and before in ("[", ","))

    def _comma_behind_attributes(self, comma: Token) -> None:
        """``var x >= 0, <= 10`` and ``var x >= 0, y >= 0``: the one has no commas, the other is two declarations."""
        following = self.raw[self.at + 1]
        on_next_line = following.kind == "LINE" and self.at + 2 < len(self.raw)
        if on_next_line:
            following = self.raw[self.at + 2]
        is_word = following.kind == "NAME" and (following.text in INFIX or following.text in FOREIGN_INFIX)
        if is_word or following.kind in ("RELATION", "=", "in", ":"):
            mended = "" if self.raw[self.at + 1].start > comma.end else " "
            self._refuse_word(habit_codes.COMMA_BETWEEN_ATTRIBUTES, comma, "leave the comma out", mended)
            return
        if following.kind != "NAME":
            self.out.append(comma)
            return
        head, span = self.head, self._span(comma)
        edits: tuple[Edit, ...] = (Edit(span, f"; {head}"),)
        if on_next_line:
            begin = Span(self.source, following.start, following.start)
            edits = (Edit(span, ""), Edit(begin, f"{head} "))
        hint = Hint("begin a new declaration", edits)
        self.diagnostics.append(report(habit_codes.NEW_DECLARATION, span, hints=(hint,), name=following.text))
        self._end(comma)
        self._keyword(head, Token("NAME", head, comma.end, comma.end))

    def _semicolon(self, token: Token) -> None:
        if self.brackets:
            if self.brackets[-1].reading == "whole":
                self.out.append(token)
                return
            if self.brackets[-1].opener.text != "{" and closes_on_this_line(self.raw, self.at + 1):
                self.out.append(token)  # JuMP's `[i in I; i != 2]`, refused by the grammar's habit
                return
            self._unclosed()
            return
        self._end(token)

    # -------------------------------------------------------------------------------------------------------- keywords
    def _head(self, token: Token) -> None:
        """The first word of a statement."""
        word, raw, out = token.text, self.raw, self.out
        after = raw[self.at + 1]
        if (word in _REWRITTEN or after.kind == ":" or after.text in TYPES_FIRST) and rewrite(
            self.source, raw, self.at, self.in_list, self.diagnostics
        ):
            self.at -= 1  # read anew
        elif word in HEADS and fits(raw, self.at, in_list=self.in_list):
            self._keyword(word, token)
        elif word == "forall" and after.kind in ("(", "{", "NAME"):
            self._forall(token)
        elif word in RESERVED and after.kind in ("NAME", "NUMBER", "{", "("):
            self.head = word
            self._reserved(token)
        elif not self._foreign_head(token):
            out.append(token)

    def _for(self, token: Token) -> None:
        """``for``: at the head of a statement it is meant for ``forall``, behind it ``all`` goes with it."""
        raw = self.raw
        if len(self.out) == self.first and not self.brackets:
            self._forall(token)
            return
        following = raw[self.at + 1]
        if following.text == "all" and raw[self.at + 2].kind in ("NAME", "("):
            token = Token("for", "for all", token.start, following.end)
            self.at += 1
        self.out.append(token)

    def _forall(self, token: Token) -> None:
        after = self.raw[self.at + 1]
        bare = after.kind == "NAME" or (
            after.kind == "(" and self.raw[behind_bracket(self.raw, self.at + 1)].kind == "in"
        )
        self.out.append(token._replace(kind="FORALL_BARE" if bare else "FORALL"))

    def _keyword(self, word: str, token: Token) -> None:
        if word == "subject":
            self.at += 1
            self._subject_to(token, self.raw[self.at].end)
            return
        self.in_list = False
        self.head = word
        self.out.append(token._replace(kind="SENSE" if word in ("minimize", "maximize") else word))
        if word == "solve":
            self.at += 1
            self.out.append(self.raw[self.at]._replace(kind="with"))

    def _subject_to(self, token: Token, end: int) -> None:
        """Opens a list. Where braces are around it, they count as a block that is none."""
        self.out.append(Token("subject_to", "subject to", token.start, end))
        self._end()
        self.in_list = True
        self._skip_colon()
        brace = self.at + 1
        if self.raw[brace].kind == "LINE" and brace + 1 < len(self.raw):
            brace += 1
        if self.raw[brace].kind == "{":
            self.at = brace
            self.blocks.append(_Block(self.raw[brace], True, braces_a_list=True))

    def _skip_colon(self) -> None:
        colon = self.raw[self.at + 1]
        if colon.kind == ":":
            self._refuse_word(habit_codes.NOT_NEEDED, colon, "leave it out", "", word=":")
            self.at += 1

    def _foreign_head(self, token: Token) -> bool:
        """A first word that is misspelt or foreign: refused, and read as what it is meant for."""
        if token.text in ("minimize", "maximize") and self.raw[self.at + 1].kind == ":" and not self.in_list:
            self._keyword(token.text, token)
            self._skip_colon()
            return True
        found = meant(self.raw, self.at, self.in_list)
        if found is None:
            return False
        self.at += found.words - 1
        token, ours = found.token, found.ours
        if ours is None:
            self._refuse_word(codes.UNKNOWN_STATEMENT, token, None, None, word=token.text)
            self.out.append(token._replace(kind="BAD"))
            return True
        whole = f"{ours} {SECOND_WORD[ours]}" if ours in SECOND_WORD else ours
        self._refuse_word(codes.MISSPELT_STATEMENT, token, f"write `{whole}`", ours, word=token.text, ours=whole)
        if ours == "subject to":
            self._subject_to(token, token.end)
            return True
        self._keyword(ours, token._replace(text=ours))
        if ours in ("minimize", "maximize"):
            self._skip_colon()
        return True

    def _infix(self, token: Token) -> None:
        """A word behind a complete operand."""
        word, out = token.text, self.out
        kind = INFIX.get(word)
        if word == "endif":
            gone = self._span(token).with_blanks_before()
            hint = Hint("leave it out", (Edit(gone, ""),))
            self.diagnostics.append(report(habit_codes.NOT_NEEDED, self._span(token), hints=(hint,), word=word))
        elif kind is not None:
            out.append(token._replace(kind=kind))
            if kind == "with":
                self.item = self.scanned = len(out)
        elif word in FOREIGN_INFIX and not self._names_a_selection():
            ours = FOREIGN_INFIX[word]
            self._refuse_word(habit_codes.FOREIGN_WORD, token, f"write `{ours}`", ours, word=word, ours=ours)
            for part in ours.split():
                kind = {**INFIX, **HARD_WORDS, "*": "TIMES"}.get(part, part)
                out.append(token._replace(kind=kind if kind != "string" else "NAME", text=part))
        elif word == "forall":
            if self.brackets:
                self._refuse_word(habit_codes.FOREIGN_WORD, token, "write `for`", "for", word=word, ours="for")
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
        self._refuse_word(habit_codes.FOREIGN_WORD, token, f"write `{ours}`", ours, word=token.text, ours=ours)
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
        if token.kind == "{" and self.head in _BLOCK_WORDS and (not self.brackets or self._opens_block()):
            self._open_block(token)
            return
        if len(self.brackets) >= DEEPEST:
            self._too_deep(token, DEEPEST, "brackets")
            return
        reading = "plain"
        if token.kind == "{" and out and len(out) > self.first and out[-1].kind == "NAME":
            if out[-1].text in BRACED:
                out[-1] = out[-1]._replace(kind="AGGREGATE")
            else:
                reading = "braced"
                token = token._replace(kind="[")
        self.brackets.append(_Bracket(token, len(out), reading))
        out.append(token)

    def _too_deep(self, token: Token, limit: int, what: str) -> None:
        if not self.excess:
            self.diagnostics.append(report(codes.TOO_DEEP, self._span(token), limit=limit, what=what))
        self.excess += 1
        self.out.append(token._replace(kind="BAD"))

    def _open_block(self, token: Token) -> None:
        if len(self.blocks) >= DEEPEST_BLOCKS:
            self._too_deep(token, DEEPEST_BLOCKS, "blocks")
            return
        self.out.append(token._replace(kind="BLOCK_OPEN"))
        self.blocks.append(_Block(token, self.in_list))
        self.in_list = False
        self._begin()

    def _opens_block(self) -> bool:
        """Whether a `{` inside an open bracket of a block's head is the block's: a new line or statement follows."""
        following = self.at + 1
        if not is_keyword(self.raw, following + (self.raw[following].kind == "LINE"), bracketed=True):
            return False
        self._report_unclosed()
        return True

    def _close(self, token: Token) -> None:
        if self.excess:
            self.excess -= 1
            return
        if not self.brackets or self.brackets[-1].reading == "whole":
            self._close_outside(token)
            return
        bracket = self.brackets[-1]
        if token.kind != CLOSER[bracket.opener.text]:
            self._mismatched(token)
            return
        self.brackets.pop()
        kind = token.kind if bracket.reading == "plain" else "]"
        self.out.append(token._replace(kind=kind))
        if bracket.reading == "braced":
            habits.braces_for_indices(self.diagnostics, self._span(bracket.opener), self._span(token))
        self._closed(bracket, kind)

    def _closed(self, bracket: _Bracket, kind: str) -> None:
        if self.brackets and kind != ")":
            return
        closed = Closed(self.source, self.diagnostics, self.out, bracket.opener, bracket.place, self.raw[self.at + 1])
        if kind == ")":
            indices_apart(closed, self.first)
        if self.brackets:
            return
        if self.item > self.first or not self.head:
            head_of_a_constraint(closed, self.item)
        elif self.head in _DECLARATIONS:
            index_of_a_declaration(closed, self.first)

    def _close_outside(self, token: Token) -> None:
        if token.kind == "}" and self.blocks:
            self._end()
            block = self.blocks.pop()
            self.in_list = block.in_list
            if block.braces_a_list:
                habits.braces_around_list(self.diagnostics, self._span(block.opener), self._span(token))
            else:
                self._close_block(token)
            return
        if not self.spoilt:
            self.diagnostics.append(report(codes.NOT_OPENED, self._span(token), bracket=token.text))
        if len(self.out) > self.first:
            self.out.append(token._replace(kind="BAD"))

    def _close_block(self, token: Token) -> None:
        self.out.append(token._replace(kind="BLOCK_CLOSE"))
        self._end()

    def _mismatched(self, token: Token) -> None:
        """A closing bracket of another kind than the innermost open one."""
        openers = [bracket.opener.text for bracket in self.brackets]
        fitting = next(opener for opener, closer in CLOSER.items() if closer == token.kind)
        if fitting == "{" and "{" not in openers and self.blocks:
            self._unclosed()
            self._close_outside(token)
            return
        bracket = self.brackets[-1]
        if fitting in openers:
            label = f"`{CLOSER[bracket.opener.text]}` should come before this"
            self.diagnostics.append(not_closed(self._span(bracket.opener), self._span(token), label))
            while self.brackets[-1].opener.text != fitting:
                self.brackets.pop()
        else:
            self.diagnostics.append(wrong_bracket(self._span(bracket.opener), self._span(token)))
        if self.brackets[-1].reading != "whole":
            self.brackets.pop()
        self.out.append(token._replace(kind="BAD"))
        self.spoilt = True

    def _unclosed(self) -> None:
        """The innermost open bracket is never closed: the statement is given up where it is noticed."""
        self._report_unclosed()
        self._end()

    def _report_unclosed(self) -> None:
        opener, end = self._span(self.brackets[-1].opener), self._end_of_last()
        self.diagnostics.append(not_closed(opener, end, f"`{CLOSER[opener.text]}` is missing"))
        del self.brackets[self.brackets[0].reading == "whole" :]
        self.excess = 0
        self.out.append(Token("BAD", "", end.end, end.end))

    # ------------------------------------------------------------------------------------------------------------- end
    def _finish_model(self) -> None:
        if self.brackets:
            self._unclosed()
        self._end()
        end = len(self.source.text.rstrip())
        while self.blocks:
            block = self.blocks.pop()
            self.diagnostics.append(block_not_closed(self._span(block.opener), Span(self.source, end, end)))
            if not block.braces_a_list:
                self._close_block(Token("}", "}", end, end))
        self.out.append(Token("$END", "", end, end))

    def _finish_expression(self) -> None:
        if len(self.brackets) > 1:
            self._report_unclosed()
        end = len(self.source.text.rstrip())
        self.out.append(Token("$END", "", end, end))

    def _span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)
