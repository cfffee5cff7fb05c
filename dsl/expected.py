"""What is said about a token that cannot stand where it stands: what was expected there, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .catalogue import habits as habit_codes
from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Diagnostic, Edit, Hint
from .source import Source, Span
from .vocabulary import FOREIGN_ATTRIBUTES, HARD_WORDS, INFIX, PROPERTIES
from .words import Token

_OPERAND_ENDS = frozenset({"NAME", "NUMBER", "TEXT", ")", "]", "}"})
_OPERAND_STARTS = frozenset({"NAME", "NUMBER", "TEXT", "AGGREGATE", "("})
_OPENING = frozenset({"(", "[", "{", "INDEX_OPEN"})
_CLOSING = frozenset({")", "]", "}"})
_ARITHMETIC = _OPERAND_ENDS | _OPERAND_STARTS | _OPENING | {"TIMES", "+", "-", "^", "."}
_NEVER_INSIDE = frozenset({"END", "$END", "BLOCK_OPEN", "BLOCK_CLOSE", "BAD"})
_ATTRIBUTES = (*PROPERTIES, "within", "default", "start", "from", "in")


def _kinds(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What the sets of acceptable tokens are called: the first group whose members all are acceptable names them all.
_GROUPS: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    (
        "a statement",
        frozenset({"var", "SENSE"}),
        _kinds(
            "set param table var uncertain choose let def extern network use SENSE satisfy subject_to lower player "
            "recourse equilibrium certify solve FORALL FORALL_BARE INDEX_OPEN "
            "NAME NUMBER TEXT AGGREGATE ( [ { + - not if"
        ),
    ),
    (
        "an expression",
        frozenset({"NUMBER", "NAME", "("}),
        _kinds("NAME NUMBER TEXT AGGREGATE ( [ { + - not if INDEX_OPEN"),
    ),
    (
        "an attribute",
        frozenset({"PROPERTY", "default"}),
        _kinds("PROPERTY default start within from = in RELATION :"),
    ),
    (
        "an operator",
        frozenset({"TIMES", "+"}),
        _kinds("TIMES + - ^ .. UNION inter RELATION = in not_in and or => complements [ ."),
    ),
)
_WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "TEXT": "a text in quotes",
    "END": "the end of the line",
    "$END": "the end of the file",
    "BLOCK_OPEN": "`{`",
    "BLOCK_CLOSE": "`}`",
    "INDEX_OPEN": "`[`",
    "RELATION": "a relation",
    "TIMES": "`*`",
    "UNION": "`union`",
    "PROPERTY": "a property",
    "AGGREGATE": "`sum`",
    "SENSE": "`minimize`",
    "not_in": "`not in`",
    "subject_to": "`subject to`",
}
# Only other languages have these at the places where the grammar reads them.
_HABITS = frozenset({"|", "where", ";", "ERROR", "FORALL", "FORALL_BARE"})


def unexpected(source: Source, stream: Sequence[Token], position: int, acceptable: frozenset[str]) -> Diagnostic:
    """The diagnostic for the token at ``position``, where only ``acceptable`` kinds could stand."""
    place = _Place(source, stream, position, acceptable)
    for judge in _JUDGES:
        found = judge(place)
        if found is not None:
            return found
    return report(codes.UNEXPECTED, place.span, expected=_said(acceptable), found=_found(place.token, place.after))


class _Place(NamedTuple):
    """The token at which the parser stopped, what stands around it, and the kinds that could stand there."""

    source: Source
    stream: Sequence[Token]
    position: int
    acceptable: frozenset[str]

    @property
    def token(self) -> Token:
        return self.stream[self.position]

    @property
    def before(self) -> Token | None:
        return self.stream[self.position - 1] if self.position else None

    @property
    def after(self) -> Token | None:
        return self.stream[self.position + 1] if self.position + 1 < len(self.stream) else None

    @property
    def span(self) -> Span:
        return Span(self.source, self.token.start, self.token.end)


# ---------------------------------------------------------------------------------------------------- special findings
def _hard_word(place: _Place) -> Diagnostic | None:
    """A hard word where a name belongs: no other operand can stand there, or what follows shows that it is meant so."""
    before, token, after, acceptable = place.before, place.token, place.after, place.acceptable
    if before is not None and before.text in ("sum", "prod") and acceptable <= {"(", "{"}:
        token = before
    elif token.text not in HARD_WORDS or "NAME" not in acceptable or after is None:
        return None
    elif "NUMBER" in acceptable:  # any operand may stand here, so that the word may also be meant as itself
        meant = token.kind in ("if", "not") or _starts_operand(after)
        if meant:
            return None
    span = Span(place.source, token.start, token.end)
    hint = Hint(f"choose another name, such as `{token.text}_`", (Edit(span, f"{token.text}_"),))
    return report(codes.HARD_WORD, span, hints=(hint,), word=token.text)


def _starts_operand(token: Token) -> bool:
    return token.kind in _OPERAND_STARTS or token.kind in ("{", "-", "not")


def _operand_after_operand(place: _Place) -> Diagnostic | None:
    """Two operands side by side: a misspelt attribute or word, or an operator is missing."""
    before, token, acceptable, span = place.before, place.token, place.acceptable, place.span
    if before is None or before.kind not in _OPERAND_ENDS | {"PROPERTY"} or token.kind not in _OPERAND_STARTS:
        return None
    if token.kind == "NAME":
        attribute = "default" in acceptable
        if token.text in ("x", "X") and attribute and "TIMES" in acceptable:
            return report(
                habit_codes.FOREIGN_WORD, span, hints=(Hint("write `*`", (Edit(span, "*"),)),), word="x", ours="*"
            )
        if attribute and token.text in FOREIGN_ATTRIBUTES:
            text, ours = FOREIGN_ATTRIBUTES[token.text]
            edits = () if ours is None else (Edit(span if ours else span.with_blanks_before(), ours),)
            return report(codes.UNKNOWN_ATTRIBUTE, span, hints=(Hint(text, edits),), word=token.text)
        known = [word for word in (_ATTRIBUTES if attribute else (*INFIX, *HARD_WORDS)) if _fits(word, acceptable)]
        near = _near(token.text, known)
        if near or attribute:
            hints = (Hint(f"did you mean `{near[0]}`?", (Edit(span, near[0]),)),) if near else ()
            if attribute:
                return report(codes.UNKNOWN_ATTRIBUTE, span, hints=hints, word=token.text)
            return report(codes.UNEXPECTED, span, hints=hints, expected=_said(acceptable), found=_found(token, None))
    if "TIMES" not in acceptable or before.kind == "TEXT" or token.kind == "TEXT":
        return None
    end = Span(place.source, before.end, before.end)
    hint = Hint("write an operator between them, such as `*`", (Edit(end, " *" if before.end < token.start else "*"),))
    left = before.text if before.kind not in (")", "]", "}") else f"…{before.text}"
    return report(codes.MISSING_OPERATOR, span, hints=(hint,), left=left, right=token.text)


def _unnamed_constraint(place: _Place) -> Diagnostic | None:
    """``cap x <= 3``: the colon behind a constraint's name is missing, or an operator."""
    before, token, acceptable = place.before, place.token, place.acceptable
    if before is None or before.kind != "NAME" or ":" not in acceptable or "TIMES" not in acceptable:
        return None
    if place.position > 1 and place.stream[place.position - 2].kind not in ("END", "BLOCK_OPEN"):
        return None
    if token.kind not in _OPERAND_STARTS - {"TEXT"}:
        return None
    end = Span(place.source, before.end, before.end)
    hints = (
        Hint("if it is the name of a constraint, write `:` behind it", (Edit(end, ":"),)),
        Hint("else write an operator between them, such as `*`"),
    )
    return report(codes.MISSING_OPERATOR, place.span, hints=hints, left=before.text, right=token.text)


def _near(word: str, known: Sequence[str]) -> list[str]:
    from difflib import get_close_matches  # only where there is a mistake: loading it takes a while

    return get_close_matches(word, known, 1, 0.7)


def _fits(word: str, acceptable: frozenset[str]) -> bool:
    return INFIX.get(word, HARD_WORDS.get(word, word)) in acceptable


def _conditional_operand(place: _Place) -> Diagnostic | None:
    if place.token.kind != "if" or "NUMBER" not in place.acceptable:
        return None
    end = _end_of_conditional(place.stream, place.position)
    if end is None:
        return report(codes.CONDITIONAL_OPERAND, place.span)
    opening, closing = (Span(place.source, at, at) for at in (place.token.start, end))
    hint = Hint("put `(` before `if` and `)` behind what belongs to `else`", (Edit(opening, "("), Edit(closing, ")")))
    return report(codes.CONDITIONAL_OPERAND, place.span, hints=(hint,))


def _missing_else(place: _Place) -> Diagnostic | None:
    """``if x == 1 then y == 1``: an `if` chooses a value, an implication is a constraint."""
    if place.token.kind not in ("END", "$END") or "else" not in place.acceptable:
        return None
    hint = Hint("an `if` has an `else`; a constraint that holds on a condition is written `condition => relation`")
    expected, found = _said(place.acceptable), _found(place.token, place.after)
    return report(codes.UNEXPECTED, place.span, hints=(hint,), expected=expected, found=found)


def _literals_side_by_side(place: _Place) -> Diagnostic | None:
    """AMPL's ``set I = 1 2 3``."""
    before, token = place.before, place.token
    literals = ("NUMBER", "TEXT")
    if before is None or before.kind not in literals or token.kind not in literals:
        return None
    if "END" in place.acceptable and "default" not in place.acceptable:
        return None
    hint = Hint("separate them by commas, in `{ }` for a set and in `[ ]` for a list")
    if ":" in place.acceptable and _behind_an_entry(place):
        end = Span(place.source, before.end, before.end)
        hint = Hint("write `:` between a key and its value", (Edit(end, ":"),))
    expected, found = _said(place.acceptable), _found(token, None)
    return report(codes.UNEXPECTED, place.span, hints=(hint,), expected=expected, found=found)


def _behind_an_entry(place: _Place) -> bool:
    """Whether the braces that are open hold an entry ``key: value`` already."""
    depth = 0
    for k in range(place.position - 1, -1, -1):
        kind = place.stream[k].kind
        depth += (kind in _CLOSING) - (kind in _OPENING)
        if depth < 0 or kind in ("END", "BLOCK_OPEN"):
            return False
        if depth == 0 and kind == ":":
            return True
    return False


def _comma_at_the_end(place: _Place) -> Diagnostic | None:
    """``c: x >= 3,``: a statement ends at the end of its line."""
    if place.token.kind != "," or "END" not in place.acceptable or place.after is None or place.after.kind != "END":
        return None
    hint = Hint("leave it out", (Edit(place.span, ""),))
    return report(habit_codes.NOT_NEEDED, place.span, hints=(hint,), word=",")


def _end_of_conditional(stream: Sequence[Token], begin: int) -> int | None:
    """Where what belongs to the last ``else`` of the ``if`` at ``begin`` ends; None where an ``else`` is missing."""
    depth, waiting = 0, 0  # open brackets, and `if`s without their `else` so far
    for k in range(begin, len(stream)):
        kind = stream[k].kind
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth == 0 and kind == "else":
            waiting -= 1
        elif depth == 0 and kind == "if" and (k == begin or stream[k - 1].kind == "else"):
            waiting += 1
        elif depth < 0 or kind in _NEVER_INSIDE or (depth == 0 and not waiting and kind not in _ARITHMETIC):
            return stream[k - 1].end if not waiting and kind != "BAD" else None
    return None


def _slice(place: _Place) -> Diagnostic | None:
    """``x[i, *]`` and ``x[i, :]``."""
    if place.token.text not in ("*", ":") or place.before is None or place.before.kind not in ("[", ","):
        return None
    if place.after is None or place.after.kind not in ("]", ","):
        return None
    hint = Hint("there are no slices: sum over the index, as in `sum(x[i, j] for j in J)`")
    found = _found(place.token, place.after)
    return report(codes.UNEXPECTED, place.span, hints=(hint,), expected=_said(place.acceptable), found=found)


def _comma_in_a_set(place: _Place) -> Diagnostic | None:
    """``set J = 1, 2, 3``."""
    if place.token.kind != "," or place.before is None or place.before.kind not in ("NUMBER", "TEXT"):
        return None
    if "default" not in place.acceptable:
        return None
    hint = Hint("the members of a set stand in `{ }`, the entries of a list in `[ ]`")
    found = _found(place.token, place.after)
    return report(codes.UNEXPECTED, place.span, hints=(hint,), expected=_said(place.acceptable), found=found)


def _stray_with(place: _Place) -> Diagnostic | None:
    if place.token.kind != "with":
        return None
    hints = (Hint("only `uncertain` takes constraints behind `with`; others stand in `subject to`"),)
    found = _found(place.token, place.after)
    return report(codes.UNEXPECTED, place.span, hints=hints, expected=_said(place.acceptable), found=found)


_JUDGES = (
    _hard_word,
    _unnamed_constraint,
    _literals_side_by_side,
    _operand_after_operand,
    _conditional_operand,
    _missing_else,
    _comma_at_the_end,
    _comma_in_a_set,
    _slice,
    _stray_with,
)


# --------------------------------------------------------------------------------------------------------------- words
def _found(token: Token, after: Token | None) -> str:
    if token.kind == "$END" or (token.kind == "END" and not token.text and after is not None and after.kind == "$END"):
        return "the end of the file"
    if token.kind == "END" and not token.text:
        return "the end of the line"
    if token.kind == "NAME":
        return f"the name `{token.text}`"
    if token.kind == "NUMBER":
        return f"the number {token.text}"
    if token.kind == "TEXT":
        return f"the text {token.text}"
    return f"`{token.text}`"


def _said(acceptable: frozenset[str]) -> str:
    """``an operator, `)` or `for` ``"""
    rest = set(acceptable - _HABITS)
    if "where" in acceptable:  # behind an index list, where `for` and `:` are habits too
        rest -= {"for", ":"}
    if "END" in rest:
        rest -= {"for"}
    if "RELATION" in rest and "PROPERTY" not in rest:
        rest -= {"="}
    said: list[str] = []
    for name, needed, members in _GROUPS:
        if needed <= rest:
            said.append(name)
            rest -= members
            break
    for name, needed, members in _GROUPS[2:]:
        if name not in said and needed <= rest:
            said.append(name)
            rest -= members
    if "an operator" in said and "END" in rest:
        rest -= {"(", ":", "[", "INDEX_OPEN"}
    rank: Callable[[str], tuple[bool, bool, str]] = lambda kind: (kind in ("END", "$END"), kind.isalpha(), kind)  # noqa: E731
    said += [_WORDS.get(kind, f"`{kind}`") for kind in sorted(rest, key=rank)]
    said = list(dict.fromkeys(said))
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"
