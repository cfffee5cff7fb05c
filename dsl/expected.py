"""What is said about a token that cannot stand where it stands: what was expected there, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Diagnostic, Edit, Hint
from .source import Source, Span
from .vocabulary import HARD_WORDS, INFIX, PROPERTIES
from .words import Token

_OPERAND_ENDS = frozenset({"NAME", "NUMBER", "TEXT", ")", "]", "}"})
_OPERAND_STARTS = frozenset({"NAME", "NUMBER", "TEXT", "AGGREGATE", "("})
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
    token = stream[position]
    before = stream[position - 1] if position else None
    after = stream[position + 1] if position + 1 < len(stream) else None
    for judge in _JUDGES:
        found = judge(source, acceptable, before, token, after)
        if found is not None:
            return found
    return report(codes.UNEXPECTED, _span(source, token), expected=_said(acceptable), found=_found(token, after))


def _span(source: Source, token: Token) -> Span:
    return Span(source, token.start, token.end)


# ---------------------------------------------------------------------------------------------------- special findings
def _hard_word(
    source: Source, acceptable: frozenset[str], before: Token | None, token: Token, after: Token | None
) -> Diagnostic | None:
    """A hard word where a name belongs: no other operand can stand there, or what follows shows that it is meant so."""
    if before is not None and before.text in ("sum", "prod") and acceptable <= {"(", "{"}:
        token = before
    elif token.text not in HARD_WORDS or "NAME" not in acceptable or after is None:
        return None
    elif "NUMBER" in acceptable:  # any operand may stand here, so that the word may also be meant as itself
        meant = token.kind in ("if", "not") or _starts_operand(after)
        if meant:
            return None
    span = _span(source, token)
    hint = Hint(f"choose another name, such as `{token.text}_`", (Edit(span, f"{token.text}_"),))
    return report(codes.HARD_WORD, span, hints=(hint,), word=token.text)


def _starts_operand(token: Token) -> bool:
    return token.kind in _OPERAND_STARTS or token.kind in ("{", "-", "not")


def _operand_after_operand(
    source: Source, acceptable: frozenset[str], before: Token | None, token: Token, _after: Token | None
) -> Diagnostic | None:
    """Two operands side by side: a misspelt attribute or word, or an operator is missing."""
    if before is None or before.kind not in _OPERAND_ENDS | {"PROPERTY"} or token.kind not in _OPERAND_STARTS:
        return None
    if token.kind == "NAME":
        attribute = "default" in acceptable
        known = [word for word in (_ATTRIBUTES if attribute else (*INFIX, *HARD_WORDS)) if _fits(word, acceptable)]
        near = _near(token.text, known)
        if near or attribute:
            span = _span(source, token)
            hints = (Hint(f"did you mean `{near[0]}`?", (Edit(span, near[0]),)),) if near else ()
            if attribute:
                return report(codes.UNKNOWN_ATTRIBUTE, span, hints=hints, word=token.text)
            return report(codes.UNEXPECTED, span, hints=hints, expected=_said(acceptable), found=_found(token, None))
    if "TIMES" not in acceptable or before.kind == "TEXT" or token.kind == "TEXT":
        return None
    end = Span(source, before.end, before.end)
    hint = Hint("write an operator between them, such as `*`", (Edit(end, " *" if before.end < token.start else "*"),))
    left = before.text if before.kind not in (")", "]", "}") else f"…{before.text}"
    return report(codes.MISSING_OPERATOR, _span(source, token), hints=(hint,), left=left, right=token.text)


def _unnamed_constraint(
    source: Source, acceptable: frozenset[str], before: Token | None, token: Token, _after: Token | None
) -> Diagnostic | None:
    """``cap x <= 3``: the colon behind a constraint's name is missing, or an operator."""
    if before is None or before.kind != "NAME" or ":" not in acceptable or "TIMES" not in acceptable:
        return None
    if token.kind not in _OPERAND_STARTS - {"TEXT"}:
        return None
    end = Span(source, before.end, before.end)
    hints = (
        Hint("if it is the name of a constraint, write `:` behind it", (Edit(end, ":"),)),
        Hint("else write an operator between them, such as `*`"),
    )
    return report(codes.MISSING_OPERATOR, _span(source, token), hints=hints, left=before.text, right=token.text)


def _near(word: str, known: Sequence[str]) -> list[str]:
    from difflib import get_close_matches  # only where there is a mistake: loading it takes a while

    return get_close_matches(word, known, 1, 0.7)


def _fits(word: str, acceptable: frozenset[str]) -> bool:
    return INFIX.get(word, HARD_WORDS.get(word, word)) in acceptable


def _conditional_operand(
    source: Source, acceptable: frozenset[str], _before: Token | None, token: Token, _after: Token | None
) -> Diagnostic | None:
    if token.kind == "if" and "NUMBER" in acceptable:
        return report(codes.CONDITIONAL_OPERAND, _span(source, token))
    return None


def _stray_with(
    source: Source, acceptable: frozenset[str], _before: Token | None, token: Token, after: Token | None
) -> Diagnostic | None:
    if token.kind != "with":
        return None
    hints = (Hint("only `uncertain` takes constraints behind `with`; others stand in `subject to`"),)
    found = _found(token, after)
    return report(codes.UNEXPECTED, _span(source, token), hints=hints, expected=_said(acceptable), found=found)


_JUDGES = (_hard_word, _unnamed_constraint, _operand_after_operand, _conditional_operand, _stray_with)


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
