"""Text to syntax tree: an LALR(1) parser over the tables that Lark made of grammar.lark.

The parser never recurses, so depth and length of a model cost no stack. After a mistake it unwinds to the nearest
construct that can hold one (``ERROR`` in the grammar), skips to the end of the statement or to a block's brace, and
goes on: each statement has at most one syntax error, and what parses is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from . import syntax
from .catalogue import report
from .catalogue import syntax as codes
from .collector import collector_paused
from .diagnostics import Diagnostic
from .expected import unexpected
from .lexing import Tokens, tokens_of_expression, tokens_of_model
from .source import Source, Span
from .tree import Builder
from .words import Token

MOST_OPEN = 300
"""So many parts of a statement may be unfinished at once (E0009).

The tree of a statement is at most about that deep when a chain of operators to the left (``a + b - c + …``, which
``syntax_walk.flatten_chain`` takes apart without recursion) counts as one level. Functions that recurse over the tree
may spend three frames a level within Python's default limit of 1000.
"""


@dataclass(frozen=True, slots=True)
class Parsed:
    """``model`` holds every statement that parses, also where there are errors among ``diagnostics``."""

    model: syntax.Model
    diagnostics: tuple[Diagnostic, ...]


class ModelSyntaxError(Exception):
    """The text is no expression; ``diagnostics`` say why."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(diagnostic.message for diagnostic in diagnostics))
        self.diagnostics = diagnostics


def parse(source: Source) -> Parsed:
    """The syntax tree of a model and everything that is wrong with its syntax. Never raises."""
    with collector_paused():
        tokens = tokens_of_model(source)
        builder = Builder(source, tokens)
        statements = _run("model", tokens, builder)
    model = syntax.Model(Span(source, 0, len(source.text)), source, tuple(statements or ()), tuple(tokens.comments))
    return Parsed(model, builder.finish())


def parse_expression(text: str) -> syntax.Expression:
    """A single expression, over one or several lines. Raises ``ModelSyntaxError``."""
    source = Source("<text>", text)
    tokens = tokens_of_expression(source)
    builder = Builder(source, tokens)
    expression: syntax.Expression | None = _run("expression", tokens, builder)
    diagnostics = builder.finish()
    if expression is None or any(diagnostic.severity == "error" for diagnostic in diagnostics):
        raise ModelSyntaxError(diagnostics)
    return expression


class Rule(NamedTuple):
    """``parts`` as in tables.py: a position, None for an absent part, or ``(position,)`` for one spliced in."""

    origin: str
    size: int
    function: str
    parts: tuple[int | tuple[int] | None, ...] | None


class Tables(NamedTuple):
    states: list[dict[str, int]]
    rules: list[Rule]
    starts: dict[str, int]
    ends: dict[str, int]


@cache
def tables() -> Tables:
    """The tables in the form in which the parser uses them."""
    from . import tables as written

    states = []
    for row in written.STATES:
        items = row.split()
        states.append(dict(zip(items[::2], map(int, items[1::2]), strict=True)))
    return Tables(states, [_rule(row) for row in written.RULES], written.STARTS, written.ENDS)


def _rule(row: str) -> Rule:
    origin, size, function, parts = row.split("  ")[0].split(" ")
    return Rule(origin, int(size), function, None if parts == "*" else _parts(parts))


def _parts(text: str) -> tuple[int | tuple[int] | None, ...]:
    if text == ".":
        return ()
    return tuple(
        None if part == "_" else (int(part[1:]),) if part.startswith("+") else int(part) for part in text.split(",")
    )


def _run(start: str, tokens: Tokens, builder: Builder) -> Any:
    """The value of the start symbol, or None where nothing can be saved. Values are what the builder gives."""
    states, rules, starts, ends = tables()
    goal = ends[start]
    source = builder.source
    functions = [None if rule.function in ("-", "__list") else getattr(builder, rule.function) for rule in rules]
    stack = [starts[start]]
    values: list[Any] = []
    begins: list[int] = []
    finishes: list[int] = []
    stream = tokens.tokens
    position = 0
    token = stream[0]
    kind = token.kind
    while True:
        action = states[stack[-1]].get(kind)
        if action is None:
            if stack[-1] == goal and kind == "$END":
                return values[-1]
            _report(builder, stack, stream, position)
            position = _recover(stack, values, begins, finishes, stream, position)
            if position < 0:
                return None
            token = stream[position]
            kind = token.kind
        elif action >= 0:
            stack.append(action)
            values.append(token)
            begins.append(token.start)
            finishes.append(token.end)
            position += 1
            if len(stack) > MOST_OPEN:
                span = Span(builder.source, token.start, token.end)
                builder.diagnostics.append(report(codes.TOO_MANY_OPEN, span, limit=MOST_OPEN))
                position = _recover(stack, values, begins, finishes, stream, position)
                if position < 0:
                    return None
            token = stream[position]
            kind = token.kind
        else:
            origin, size, function, parts = rules[-1 - action]
            if size == 1:
                stack.pop()
                if parts is None and function == "-":
                    stack.append(states[stack[-1]][origin])
                    continue
                begin, finish = begins[-1], finishes[-1]
                taken = [values.pop()]
            elif size:
                begin, finish = begins[-size], finishes[-1]
                taken = values[-size:]
                del stack[-size:], values[-size:], begins[-size:], finishes[-size:]
                begins.append(begin)
                finishes.append(finish)
            else:
                begin = finish = finishes[-1] if finishes else 0
                taken = []
                begins.append(begin)
                finishes.append(finish)
            if parts is not None:
                taken = _selected(taken, parts)
            call = functions[-1 - action]
            if call is not None:
                values.append(call(Span(source, begin, finish), taken))
            else:
                values.append(taken[0] if function == "-" else taken)
            stack.append(states[stack[-1]][origin])


def _selected(taken: list[Any], parts: tuple[int | tuple[int] | None, ...]) -> list[Any]:
    """The parts that a function gets. A list that comes first is extended in place, so that long lists stay linear."""
    selected: list[Any] = []
    for k, part in enumerate(parts):
        if part is None:
            selected.append(None)
        elif isinstance(part, int):
            selected.append(taken[part])
        elif k == 0:
            selected = taken[part[0]]
        else:
            selected += taken[part[0]]
    return selected


def _report(builder: Builder, stack: list[int], stream: list[Token], position: int) -> None:
    if not _refused_already(stream, position):
        acceptable = _acceptable(_before(stack, stream, position))
        builder.diagnostics.append(unexpected(builder.source, stream, position, acceptable))


def _recover(
    stack: list[int],
    values: list[Any],
    begins: list[int],
    finishes: list[int],
    stream: list[Token],
    position: int,
) -> int:
    """Unwinds the stacks to what can hold a mistake, and gives the position at which to go on; -1 where nothing can."""
    states = tables().states
    while stack:
        state = states[stack[-1]].get("ERROR", -1)
        if state >= 0:
            position, accepted = _skip(stack, state, stream, position)
            if accepted:
                end = min(finishes[-1] if finishes else 0, stream[position].start)
                stack.append(state)
                values.append(stream[position])
                begins.append(end)
                finishes.append(end)
                return position
        stack.pop()
        if values:
            values.pop()
            begins.pop()
            finishes.pop()
    return -1


def _skip(stack: list[int], state: int, stream: list[Token], position: int) -> tuple[int, bool]:
    """The next place at which a statement ends or a block begins, blocks within left out, and whether it fits."""
    depth = 0
    while True:
        kind = stream[position].kind
        if depth == 0 and kind in ("END", "BLOCK_OPEN", "BLOCK_CLOSE", "$END"):
            if _can_follow([*stack, state], kind):
                return position, True
            if kind != "BLOCK_OPEN":
                return position, False
        if kind == "$END":
            return position, False
        depth += (kind == "BLOCK_OPEN") - (kind == "BLOCK_CLOSE")
        position += 1


def _refused_already(stream: list[Token], position: int) -> bool:
    """Whether the rest of the statement holds something that the lexer has refused: one error a statement is enough."""
    while stream[position].kind not in ("BAD", "END", "BLOCK_OPEN", "BLOCK_CLOSE", "$END"):
        position += 1
    return stream[position].kind == "BAD"


def _before(stack: list[int], stream: list[Token], position: int) -> list[int]:
    """The states before the token at ``position`` was looked at.

    The parser has reduced in view of it, and so forgotten what else could have stood there; the statement is read
    again from its beginning, states alone.
    """
    states = tables().states
    begin = position
    while begin and stream[begin - 1].kind not in ("END", "BLOCK_OPEN"):
        begin -= 1
    depth = next((k for k in range(len(stack) - 1, 0, -1) if "SENSE" in states[stack[k]]), 0)
    replayed = stack[: depth + 1]
    for token in stream[begin:position]:
        _advance(replayed, token.kind)
    return replayed


def _acceptable(stack: list[int]) -> frozenset[str]:
    """The kinds of token that can come next."""
    row = tables().states[stack[-1]]
    kinds = [kind for kind in row if not kind.startswith("<")]
    return frozenset(kind for kind in kinds if _can_follow(list(stack), kind))


def _can_follow(stack: list[int], kind: str) -> bool:
    """Whether a token of that kind can come next. ``stack`` is changed."""
    return _advance(stack, kind) or (kind == "$END" and stack[-1] in tables().ends.values())


def _advance(stack: list[int], kind: str) -> bool:
    """Reads a token, states alone; False where it cannot stand."""
    states, rules, _, _ = tables()
    while True:
        action = states[stack[-1]].get(kind)
        if action is None:
            return False
        if action >= 0:
            stack.append(action)
            return True
        rule = rules[-1 - action]
        if rule.size:
            del stack[-rule.size :]
        stack.append(states[stack[-1]][rule.origin])
