"""The attributes of a declaration: which words it takes, each once, in any order."""

from __future__ import annotations

from .. import syntax
from ..catalogue import rules as codes
from ..diagnostics import Edit, Hint, Label
from ..source import Span
from .context import Context

Attributes = dict[str, syntax.Attribute]

RELATIONS = (">=", "<=", "==", ">", "<", "!=")
DOMAIN_WORDS = ("integer", "binary", "free", "spin", "simplex", "psd", "semicontinuous", "real")

_NAMES = {
    "set": "a set",
    "parameter": "a parameter",
    "variable": "a variable",
    "uncertain": "an uncertain name",
    "choice": "a choice",
    "table": "a table",
}
_MEANING = {
    "=": "defines a value",
    "default": "gives a value that data may replace",
    "within": "names the set around a set",
    "start": "gives a starting value",
    "from": "names options",
    ":": "gives the type of a parameter",
}


def gather(ctx: Context, node: syntax.Statement, what: str, allowed: tuple[str, ...]) -> Attributes:
    """The attributes by word; a word that does not belong here, or comes twice, is reported and left out."""
    found: Attributes = {}
    for attribute in node.attributes:  # type: ignore[union-attr]
        word = attribute.word
        if word not in allowed:
            ctx.say(
                codes.ATTRIBUTE_NOT_HERE,
                attribute.span,
                word=word,
                what=_NAMES[what],
                hints=_mend(attribute, what, allowed),
            )
        elif word in found:
            ctx.say(
                codes.ATTRIBUTE_TWICE,
                attribute.span,
                word=word,
                labels=(Label(found[word].span, "here first"),),
            )
        else:
            found[word] = attribute
    return found


def _mend(attribute: syntax.Attribute, what: str, allowed: tuple[str, ...]) -> tuple[Hint, ...]:
    word = attribute.word
    start = attribute.span.start
    spelled = Span(attribute.span.source, start, start + len(word))
    if what == "set" and word == "in":
        return (Hint("write `within`", (Edit(spelled, "within"),)),)
    if what == "parameter" and word in ("integer", "string", "real"):
        return (Hint(f"a parameter's type stands after a colon: `: {word}`", (Edit(spelled, f": {word}"),)),)
    if what == "parameter" and word == "binary":
        return (Hint("write `: integer in [0, 1]`", (Edit(spelled, ": integer in [0, 1]"),)),)
    if what == "variable" and word == ":" and isinstance(attribute.value, syntax.Name):
        kind = attribute.value.id
        if kind in DOMAIN_WORDS:
            return (Hint(f"write `{kind}` without the colon", (Edit(attribute.span, kind),)),)
    if what == "variable" and word == "default":
        return (Hint("for a starting value write `start`", (Edit(spelled, "start"),)),)
    if what == "variable" and word == "=":
        return (Hint("to name an expression write `let`, to fix the variable `==`, to start the search there `start`"),)
    if what == "variable" and word == "from":
        return (Hint("a decision among options is declared with `choose`"),)
    if what == "choice" and word in ("=", "in"):
        return (Hint("write `from`", (Edit(spelled, "from"),)),)
    words = ", ".join(f"`{w}`" for w in allowed)
    return (Hint(f"it takes {words}"),)
