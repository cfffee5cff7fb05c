"""``python -m optc.dsl.generate``: dsl/tables.py from dsl/grammar.lark.

Lark reads the grammar and computes the LALR(1) table; this module writes it down in a fixed order, so that the same
grammar gives the same file. A test compares the two. Running a model needs the tables alone.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lark import Lark, Token
from lark.common import LexerConf
from lark.grammar import Rule
from lark.lexer import Lexer, PatternStr
from lark.parsers.lalr_analysis import Shift

FOLDER = Path(__file__).parent
STARTS = ("model", "expression")

HEADER = '''"""The LALR(1) table of dsl/grammar.lark, written by ``python -m optc.dsl.generate``; do not edit.

``RULES``: what it derives, how many parts, the function that builds its node (``-``: the part itself), and which parts
it gets (``*``: all; else a list of positions, ``_`` for an absent one, ``+`` before one whose members are spliced in).
``STATES``: for each state pairs of a symbol and an action: the next state, or ``-1 - rule`` to reduce.
"""

'''


class NoLexer(Lexer):
    """Tokens come from dsl/lexing.py."""

    def __init__(self, conf: LexerConf) -> None: ...

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        raise NotImplementedError


class Conflicts(logging.Handler):
    """Lark settles shift/reduce conflicts in silence; here none is allowed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "onflict" in record.getMessage() or self.messages:
            self.messages.append(record.getMessage())


class ConflictError(Exception):
    """The grammar is ambiguous, or needs more than one token of look-ahead."""


def tables(grammar: str) -> str:
    """The text of the tables module for a grammar. Raises ``ConflictError``, or Lark's ``GrammarError``."""
    conflicts = Conflicts()
    logger = logging.getLogger("lark")
    level = logger.level
    logger.addHandler(conflicts)
    logger.setLevel(logging.DEBUG)
    try:
        lark = Lark(grammar, parser="lalr", lexer=NoLexer, start=list(STARTS), maybe_placeholders=True)
    finally:
        logger.removeHandler(conflicts)
        logger.setLevel(level)
    if conflicts.messages:
        raise ConflictError("\n".join(conflicts.messages))
    spelling = {t.name: t.pattern.value for t in lark.terminals if isinstance(t.pattern, PatternStr)}
    table: Any = lark.parser.parser._parse_table
    return _written(table, spelling)


def _written(table: Any, spelling: dict[str, str]) -> str:
    def symbol(name: str) -> str:
        if name.isupper():
            return spelling.get(name, name.removeprefix("_")).replace(" ", "_")
        return f"<{name}>"

    order = _states_in_order(table)
    number = {state: k for k, state in enumerate(order)}
    used = {arg for state in order for act, arg in table.states[state].values() if act is not Shift}
    rules = sorted(used, key=lambda rule: (_rule_text(rule, symbol), str(rule.alias)))
    rule_number = {rule: k for k, rule in enumerate(rules)}
    lines = [HEADER + "# fmt: off\n# ruff: noqa: E501", "RULES = ("]
    lines += [f'    "{_rule_text(rule, symbol)}",' for rule in rules]
    lines += [")", "STATES = ("]
    for state in order:
        row = table.states[state]
        actions = [
            f"{symbol(name)} {number[row[name][1]] if row[name][0] is Shift else -1 - rule_number[row[name][1]]}"
            for name in sorted(row, key=symbol)
        ]
        lines.append(f'    "{" ".join(actions)}",')
    lines += [")"]
    lines += [f"STARTS = { ({start: number[table.start_states[start]] for start in STARTS})!r}".replace("'", '"')]
    lines += [f"ENDS = { ({start: number[table.end_states[start]] for start in STARTS})!r}".replace("'", '"')]
    return "\n".join(lines) + "\n"


def _states_in_order(table: Any) -> list[int]:
    """Breadth first from the start states, symbols in alphabetical order: Lark's own numbers vary from run to run."""
    order: dict[int, None] = dict.fromkeys(table.start_states[start] for start in STARTS)
    queue = deque(order)
    while queue:
        row = table.states[queue.popleft()]
        for name in sorted(row):
            action, target = row[name]
            if action is Shift and target not in order:
                order[target] = None
                queue.append(target)
    return list(order)


def _rule_text(rule: Rule, symbol: Any) -> str:
    """``origin size function parts``, and behind it the right side, which only tells rules apart for the reader."""
    origin = symbol(rule.origin.name)
    right = " ".join(symbol(part.name) for part in rule.expansion)
    return f"{origin} {len(rule.expansion)} {_function(rule)} {_parts(rule)}  {right}".replace('"', "'").rstrip()


def _function(rule: Rule) -> str:
    origin = str(rule.origin.name)
    if origin.startswith("__"):
        return "__list"
    kept = [part for part in rule.expansion if not _dropped(part)]
    passes = rule.options.expand1 or origin.startswith("_")
    if passes and rule.alias is None:
        if len(kept) != 1:
            raise ConflictError(f"{origin} passes its part through, but has {len(kept)}")
        return "-"
    return str(rule.alias or origin)


def _dropped(part: Any) -> bool:
    """Whether Lark leaves a symbol out of the tree: an unnamed token, or one whose name begins with an underscore."""
    return bool(part.is_term and part.filter_out)


def _parts(rule: Rule) -> str:
    """Which parts the function gets, as Lark's own tree builder would choose them."""
    absent: tuple[bool, ...] = rule.options.empty_indices or (False,) * len(rule.expansion)
    chosen: list[str] = []
    position = 0
    for missing in absent:
        if missing:
            chosen.append("_")
            continue
        part = rule.expansion[position]
        if not _dropped(part):
            chosen.append(f"+{position}" if part.name.startswith("__") else str(position))
        position += 1
    everything = [str(k) for k in range(len(rule.expansion))]
    return "*" if chosen == everything else ",".join(chosen) or "."


def main() -> None:
    text = tables((FOLDER / "grammar.lark").read_text(encoding="utf-8"))
    (FOLDER / "tables.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
