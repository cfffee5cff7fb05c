"""What is said about brackets that do not pair, and about lines that are cut off from the one above."""

from __future__ import annotations

from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Diagnostic, Edit, Hint, Label
from .source import Span

CLOSER = {"(": ")", "[": "]", "{": "}"}
_INSIDE_BRACKETS = frozenset(("+", "-", "*", "/", "^", "mod", "div", "..", "and", "or", "union", "inter", "minus"))


def not_closed(opener: Span, noticed: Span, label: str) -> Diagnostic:
    """``noticed`` is where the closing bracket should have come at the latest."""
    opened = Label(opener, "opened here")
    closer = CLOSER[opener.text]
    return report(codes.NOT_CLOSED, noticed, label=label, labels=(opened,), bracket=opener.text, closer=closer)


def wrong_bracket(opener: Span, closing: Span) -> Diagnostic:
    closer = CLOSER[opener.text]
    return report(
        codes.WRONG_BRACKET,
        closing,
        labels=(Label(opener, "opened here"),),
        hints=(Hint(f"write `{closer}`", (Edit(closing, closer),)),),
        bracket=opener.text,
        closer=closing.text,
    )


def block_not_closed(opener: Span, end: Span) -> Diagnostic:
    begun = Label(opener, "the block begins here")
    return report(codes.BLOCK_NOT_CLOSED, end, label="`}` is missing", labels=(begun,))


def line_begins_with_operator(above: Span, operator: Span) -> Diagnostic:
    """``above`` is the empty span at the end of the line above; the mend moves the operator there."""
    text, word = operator.source.text, operator.text
    end = operator.end + (text[operator.end : operator.end + 1] == " ")
    edits = (Edit(above, f" {word}"), Edit(Span(operator.source, operator.start, end), ""))
    otherwise = ", or put the whole expression in brackets" if word in _INSIDE_BRACKETS else ""
    hint = Hint(f"end the line above with `{word}`{otherwise}", edits)
    return report(codes.LINE_BEGINS_WITH_OPERATOR, operator, hints=(hint,), operator=word)
