"""What a pair of brackets that just closed turns out to be, in view of what stands before and behind it.

The head of a constraint is marked for the grammar. Brackets that other languages put there are refused with their mend
and read as ours: the tokens are changed in place.
"""

from __future__ import annotations

from typing import NamedTuple

from . import habits
from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Diagnostic, Edit, Hint
from .source import Source, Span
from .vocabulary import BRACED, INFIX
from .words import Token

_OPERANDS = frozenset({"NAME", "NUMBER", "AGGREGATE", "("})


class Closed(NamedTuple):
    """``out``: all tokens so far, the closing bracket last; ``place`` is that of ``opener``; ``after``: the next."""

    source: Source
    said: list[Diagnostic]
    out: list[Token]
    opener: Token
    place: int
    after: Token

    def span(self, token: Token) -> Span:
        return Span(self.source, token.start, token.end)

    def holds(self, kind: str) -> bool:
        return any(token.kind == kind for token in self.out[self.place :])

    def is_before_an_operand(self) -> bool:
        return self.after.kind in _OPERANDS and self.after.text not in INFIX

    def refuse_brackets(self) -> None:
        habits.braces_for_indices(self.said, self.span(self.opener), self.span(self.out[-1]))


def indices_apart(closed: Closed, first: int) -> None:
    """``sum(i in I) x[i]``, the indices alone: what is meant is AMPL's ``sum{i in I} x[i]``, which the grammar refuses.

    ``first``: where the statement begins.
    """
    out, place = closed.out, closed.place
    if place <= first or (out[place - 1].kind != "AGGREGATE" and out[place - 1].text not in BRACED):
        return
    if not closed.is_before_an_operand() or not closed.holds("in") or closed.holds("for"):
        return
    out[place - 1] = out[place - 1]._replace(kind="AGGREGATE")
    out[place] = closed.opener._replace(kind="{")
    out[-1] = out[-1]._replace(kind="}")


def index_of_a_declaration(closed: Closed, first: int) -> None:
    """GAMS's ``var x(I)``: round brackets right behind the names of a declaration, which begins at ``first``."""
    out, place = closed.out, closed.place
    names = out[first + 1 : place]
    if out[-1].kind == ")" and names and all(token.kind in ("NAME", ",") for token in names):
        closed.refuse_brackets()
        out[place], out[-1] = out[place]._replace(kind="["), out[-1]._replace(kind="]")


def head_of_a_constraint(closed: Closed, item: int) -> None:
    """``need[i in I]:`` and ``[i in I]:`` are heads; so is meant ``need(i in I):``, and ``need[i in I]`` by itself.

    ``item``: where the constraint begins.
    """
    out, before = closed.out, closed.place - item
    named = before == 1 and out[item].kind == "NAME"
    if out[-1].kind == "]" and closed.after.kind == ":" and (named or before == 0):
        _mark(closed)
    elif named and closed.holds("in"):
        if out[-1].kind == ")" and closed.after.kind == ":":
            closed.refuse_brackets()
            out[-1] = out[-1]._replace(kind="]")
            _mark(closed)
        elif out[-1].kind == "]" and closed.is_before_an_operand() and closed.after.kind != "(":
            end = Span(closed.source, out[-1].end, out[-1].end)
            hint = Hint("write `:` behind the head of a constraint", (Edit(end, ":"),))
            closed.said.append(report(codes.MISSING_COLON, end, hints=(hint,)))
            _mark(closed)
            out.append(Token(":", ":", end.start, end.end))


def _mark(closed: Closed) -> None:
    closed.out[closed.place] = closed.opener._replace(kind="INDEX_OPEN")
