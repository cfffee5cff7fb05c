"""Constructs of other languages that the grammar reads so that they can be refused with their mend."""

from __future__ import annotations

from collections.abc import Sequence

from . import syntax as s
from .catalogue import habits as habit_codes
from .catalogue import report
from .catalogue import syntax as codes
from .diagnostics import Diagnostic, Edit, Hint
from .source import Span
from .vocabulary import HEADS

Said = list[Diagnostic]


def _before(span: Span) -> Span:
    return Span(span.source, span.start, span.start)


def _between(left: Span, right: Span) -> Span:
    return Span(left.source, left.end, right.start)


def _behind(span: Span) -> Span:
    return Span(span.source, span.end, span.end)


def braces_for_indices(said: Said, opening: Span, closing: Span) -> None:
    """AMPL's ``x{i in I}`` and a constraint's ``c(i in I):`` for ``[i in I]``."""
    hint = Hint("write square brackets", (Edit(opening, "["), Edit(closing, "]")))
    given = f"{opening.text} {closing.text}"
    said.append(report(habit_codes.BRACES_FOR_INDICES, opening.to(closing), hints=(hint,), given=given))


def equals_for_equality(said: Said, sign: Span) -> None:
    """``x = 3`` for ``x == 3``."""
    said.append(report(habit_codes.SINGLE_EQUALS, sign, hints=(Hint("write `==`", (Edit(sign, "=="),)),)))


def named_by_equals(said: Said, name: s.Name, sign: Span) -> None:
    """``maximize profit = …`` for ``maximize profit: …``."""
    hint = Hint("write a colon", (Edit(Span(sign.source, name.span.end, sign.end), ":"),))
    said.append(report(habit_codes.NAMED_BY_EQUALS, sign, hints=(hint,), name=name.id))


def constraints_outside(said: Said, items: Sequence[s.ConstraintItem]) -> None:
    """Constraints without a ``subject to`` before them, and what is no statement at all."""
    constraints: list[s.ConstraintItem] = []
    signs: set[Span] = set()
    for item in items:
        sign = _sign_of_definition(item)
        if sign is not None:
            signs.add(sign)
            said.append(_definition_without_keyword(item))
        elif item.name is not None or item.index is not None or _is_relation(item.body):
            constraints.append(item)
        else:
            said.append(_no_statement(item))
    if signs:
        said[:] = [d for d in said if d.code is not habit_codes.SINGLE_EQUALS or d.place not in signs]
    for item in constraints[:1]:
        hint = Hint("begin the list with `subject to`", (Edit(_before(item.span), "subject to\n  "),))
        said.append(report(codes.OUTSIDE_LIST, item.span, hints=(hint,)))


def _sign_of_definition(item: s.ConstraintItem) -> Span | None:
    """The single ``=`` of ``n = 5``, in which a keyword is missing."""
    body = item.body
    if item.name is not None or item.index is not None or not isinstance(body, s.Comparison):
        return None
    left, right = body.operands[:2]
    between = _between(left.span, right.span)
    at = between.start + between.text.find("=")
    defines = isinstance(left, (s.Name, s.Subscript)) and between.text.strip() == "="
    return Span(between.source, at, at + 1) if defines else None


def _definition_without_keyword(item: s.ConstraintItem) -> Diagnostic:
    hints = (Hint("begin with `param` for data, `let` for an expression of decisions, `set` for a set"),)
    return report(codes.NO_STATEMENT, item.span, hints=hints)


def _no_statement(item: s.ConstraintItem) -> Diagnostic:
    if isinstance(item.body, s.Name) and item.body.id in HEADS:
        return report(codes.NO_STATEMENT, item.span, hints=(Hint(f"say what `{item.body.id}` is about behind it"),))
    return report(codes.NO_STATEMENT, item.span)


def _is_relation(body: s.Expression | s.Implication | s.Complements) -> bool:
    if isinstance(body, s.Aggregate):
        return body.function.id in ("sos1", "sos2")
    return isinstance(body, (s.Comparison, s.Implication, s.Complements))


def trailing_for(
    said: Said,
    head: tuple[Span, s.Name | None, s.IndexList | None] | None,
    body: s.Node,
    word: Span,
    index: s.IndexList,
) -> None:
    """``x[i] >= 0 for i in I`` for ``[i in I]: x[i] >= 0``."""
    removed = Edit(Span(word.source, body.span.end, index.span.end), "")
    listed = f"[{index.span.text}]"
    hints: tuple[Hint, ...] = ()
    if head is None:
        hints = (Hint("put the index list in front", (Edit(_before(body.span), listed + ": "), removed)),)
    elif head[1] is not None and head[2] is None:
        hints = (Hint("put the index list behind the name", (Edit(_behind(head[1].span), listed), removed)),)
    said.append(report(habit_codes.TRAILING_FOR, word.to(index.span), hints=hints, word=word.text))


def forall(said: Said, whole: Span, index: s.IndexList, body: s.Node) -> None:
    """``forall(i in I) x[i] >= 0`` for ``[i in I]: x[i] >= 0``."""
    inner = body.inner if isinstance(body, s.Bracketed) else body
    edits = [
        Edit(Span(whole.source, whole.start, index.span.start), "["),
        Edit(_between(index.span, inner.span), "]: "),
    ]
    if inner is not body:
        edits.append(Edit(Span(whole.source, inner.span.end, body.span.end), ""))
    hint = Hint("put the index list in brackets in front", tuple(edits))
    spelling = "forall" if whole.text.startswith("forall") else "for"
    word = Span(whole.source, whole.start, whole.start + len(spelling))
    said.append(report(habit_codes.FORALL, word, hints=(hint,), word=spelling))


def filter_word(said: Said, word: Span) -> None:
    """``where``, ``:``, ``|`` and ``;`` for the ``if`` of an index list."""
    hint = Hint("write `if`", (_as_word(word, "if"),))
    said.append(report(habit_codes.FILTER_WORD, word, hints=(hint,), word=word.text))


def _as_word(sign: Span, word: str) -> Edit:
    """Puts a word for a sign, with blanks where there are none."""
    text = sign.source.text
    before = "" if text[sign.start - 1 : sign.start].isspace() else " "
    after = "" if text[sign.end : sign.end + 1].isspace() else " "
    return Edit(sign, f"{before}{word}{after}")


def equals_for_in(said: Said, sign: Span) -> None:
    """``for i = 1..3`` for ``for i in 1..3``."""
    hint = Hint("write `in`", (_as_word(sign, "in"),))
    said.append(report(habit_codes.FOREIGN_SIGN, sign, hints=(hint,), sign="=", ours="in"))


def second_for(said: Said, word: Span) -> None:
    """``for i in I for j in J`` for ``for i in I, j in J``."""
    hint = Hint("write a comma", (Edit(word.with_blanks_before(), ","),))
    said.append(report(habit_codes.SECOND_FOR, word, hints=(hint,)))


def braced_aggregate(said: Said, whole: Span, word: Span, index: s.IndexList, body: s.Node) -> None:
    """AMPL's ``sum{i in I} x[i]`` for ``sum(x[i] for i in I)``."""
    inner = body.inner if isinstance(body, s.Bracketed) else body
    name = {"∑": "sum"}.get(word.text, word.text)
    mended = f"{name}({inner.span.text} for {index.span.text})"
    hint = Hint("write the indices behind the expression", (Edit(whole, mended),))
    said.append(report(habit_codes.BRACED_AGGREGATE, word.to(index.span), hints=(hint,), word=name))


def braces_around_list(said: Said, opening: Span, closing: Span) -> None:
    """``subject to { … }`` for ``subject to …``."""
    hint = Hint("leave both braces out", (Edit(opening.with_blanks_before(), ""), Edit(closing, "")))
    said.append(report(habit_codes.NOT_NEEDED, opening, hints=(hint,), word="{"))


def recourse_head(said: Said, name: s.Name | None, index: s.IndexList | None) -> None:
    """``recourse second {`` and ``recourse[i in I] {``: there is one recourse, and its decisions carry the indices."""
    if name is not None:
        hint = Hint("leave the name out", (Edit(name.span.with_blanks_before(), ""),))
        said.append(report(codes.RECOURSE_HEAD, name.span, hints=(hint,), what="name"))
    if index is not None:
        said.append(report(codes.RECOURSE_HEAD, index.span, what="index list"))


def indices_apart(said: Said, base: s.Subscript, indices: Sequence[s.Expression]) -> None:
    """``x[i][j]`` for ``x[i, j]``."""
    between = Span(base.span.source, base.indices[-1].span.end, indices[0].span.start)
    said.append(report(habit_codes.INDICES_APART, between, hints=(Hint("write a comma", (Edit(between, ", "),)),)))


def set_builder(
    said: Said, whole: Span, before: Sequence[s.Expression], key: s.Expression, sign: Span, value: s.Expression
) -> s.Comprehension | None:
    """``{i in I: c}`` and ``{i in I | c}`` for ``{i for i in I if c}``; ``{2*i | i in I}`` for ``{2*i for i in I}``.

    None where the braces hold neither.
    """
    members = [*before, key]
    if all(isinstance(member, s.Membership) and not member.negated for member in members):
        generators = tuple(_generator(member) for member in members if isinstance(member, s.Membership))
        index = s.IndexList(members[0].span.to(value.span), generators, value)
        element = _element(whole, generators)
        listed = members[0].span.to(members[-1].span).text
        mended = f"{{{_element_text(generators)} for {listed} if {value.span.text}}}"
        comprehension = s.Comprehension(whole, element, index)
    elif not before and isinstance(value, s.Membership) and not value.negated:
        comprehension = s.Comprehension(whole, key, s.IndexList(value.span, (_generator(value),)))
        mended = f"{{{key.span.text} for {value.span.text}}}"
    else:
        return None
    hint = Hint("write it with `for` and `if`", (Edit(whole, mended),))
    said.append(report(habit_codes.SET_BUILDER, sign, hints=(hint,), sign=sign.text))
    return comprehension


def _generator(member: s.Membership) -> s.Generator:
    return s.Generator(member.span, member.element, member.set)


def _element(whole: Span, generators: Sequence[s.Generator]) -> s.Expression:
    patterns = [generator.pattern for generator in generators if generator.pattern is not None]
    parts = [item for pattern in patterns for item in (pattern.items if isinstance(pattern, s.Tuple) else (pattern,))]
    return parts[0] if len(parts) == 1 else s.Tuple(whole, tuple(parts))


def _element_text(generators: Sequence[s.Generator]) -> str:
    patterns = [generator.pattern for generator in generators if generator.pattern is not None]
    parts = [item for pattern in patterns for item in (pattern.items if isinstance(pattern, s.Tuple) else (pattern,))]
    texts = [part.span.text for part in parts]
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
