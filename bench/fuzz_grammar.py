"""Seeded mutations of correct models: the parser never raises, never hangs, and stays linear.

    python bench/fuzz_grammar.py [--count 100000] [--seed 0]

A mutation deletes, doubles, swaps, inserts or replaces words, brackets or characters. Each result is parsed; what is
asked of every one: no exception, every diagnostic points into the text, and not much more time than a correct text of
that length takes. Prints the rate and the slowest case, and ends with 1 at the first failure.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.parse import parse
from optc.dsl.source import Source, Span
from optc.dsl.vocabulary import HARD_WORDS, HEADS, INFIX, RESERVED

ROOT = Path(__file__).resolve().parents[1]
SECONDS_A_CASE = 2.0
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_INSERTS = (
    *"()[]{}+-*/^=<>:;,.|&!'\"\\#%\n \t0",
    *sorted({*HARD_WORDS, *INFIX, *HEADS, *RESERVED}),
    *(
        "subject to",
        "forall",
        "end",
        "st",
        "..",
        "<=",
        ">=",
        "==",
        "=>",
        "**",
        ":=",
        "//",
        "/*",
        "*/",
        "1e",
        "1.2.3",
        "2x",
        "≤",
        "∑",
        "é",
        "²",
    ),
    *("\u00a0", "\ud800", "\x00", "\ufeff", "##", "\r\n", '"a\\q"', "{ x in", "for i in I", "if a then", "stage {"),
)


def corpus() -> list[str]:
    """The correct models of the repository."""
    paths = [*ROOT.glob("tests/models/*.opt"), *ROOT.glob("stdlib/*.opt"), *ROOT.glob("examples/*/*.opt")]
    return [path.read_text(encoding="utf-8") for path in sorted(paths)]


def mutated(text: str, rng: random.Random) -> str:
    """A text with one to six random changes."""
    words = _WORDS.findall(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if words:
            _change(words, rng)
    return "".join(words)


def _change(words: list[str], rng: random.Random) -> None:
    at = rng.randrange(len(words))
    match rng.randrange(9):
        case 0:
            del words[at]
        case 1:
            words.insert(at, words[at])
        case 2:
            other = rng.randrange(len(words))
            words[at], words[other] = words[other], words[at]
        case 3:
            words.insert(at, rng.choice(_INSERTS))
        case 4:
            words[at] = rng.choice(_INSERTS)
        case 5:
            word = words[at]
            cut = rng.randrange(len(word) + 1)
            words[at] = word[:cut] + chr(rng.choice((rng.randrange(32, 127), rng.randrange(0x110000)))) + word[cut:]
        case 6:
            words.insert(at, rng.choice("([{") * rng.choice((1, 1, 2, 120)))
        case 7:
            words.insert(at, rng.choice(")]}") * rng.choice((1, 1, 2, 120)))
        case 8:
            del words[at : at + rng.randrange(1, 12)]


def cases(count: int, seed: int) -> Iterator[str]:
    models = corpus()
    rng = random.Random(seed)
    for _ in range(count):
        yield mutated(rng.choice(models), rng)


def check(text: str) -> float:
    """Parses a text and gives the seconds of processor time that it took.

    Raises ``AssertionError`` where a diagnostic is out of place."""
    begin = time.process_time()
    parsed = parse(Source("mutated.opt", text))
    seconds = time.process_time() - begin
    for diagnostic in parsed.diagnostics:
        for span in _spans(diagnostic):
            assert 0 <= span.start <= span.end <= len(text), diagnostic
    return seconds


def _spans(diagnostic: Diagnostic) -> Iterator[Span]:
    if isinstance(diagnostic.place, Span):
        yield diagnostic.place
    for label in diagnostic.labels:
        yield label.span
    for hint in diagnostic.hints:
        for edit in hint.edits:
            yield edit.span


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--count", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    begin, slowest, text_of_slowest = time.perf_counter(), 0.0, ""
    for number, text in enumerate(cases(chosen.count, chosen.seed)):
        try:
            seconds = check(text)
        except Exception:
            print(f"case {number} of seed {chosen.seed}:\n{text!r}")
            raise
        if seconds > slowest:
            slowest, text_of_slowest = seconds, text
        if seconds > SECONDS_A_CASE:
            print(f"case {number} of seed {chosen.seed} took {seconds:.2f} s:\n{text!r}")
            return 1
    total = time.perf_counter() - begin
    print(f"{chosen.count} mutations of seed {chosen.seed}: no failure, {chosen.count / total:.0f} a second")
    print(f"slowest {slowest * 1000:.0f} ms for {len(text_of_slowest)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
