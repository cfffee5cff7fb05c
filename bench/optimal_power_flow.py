"""Alternating-current optimal power flow: ``exact_al`` beside Ipopt on the cases of ``examples/ac_opf``.

    python bench/optimal_power_flow.py [--repeats 3]

Both get the same form and start; seconds are process time of the backend alone, the best of the repeats, after a first
run that is not counted.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import optc
from optc.backends import exact_al, ipopt
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "ac_opf"
CASES = ("case5_pjm", "case14_ieee", "case30_as", "case30_ieee", "case118_ieee")


def timed(backend: Any, form: Any, start: Start, repeats: int) -> tuple[Answer, float]:
    """The answer, and the least seconds."""
    seconds = float("inf")
    for repeat in range(repeats + 1):
        before = time.process_time()
        answer: Answer = backend.solve(form, Goal(), backend.Options(), contexts.start(time_limit=300), start)
        if repeat:
            seconds = min(seconds, time.process_time() - before)
    return answer, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print("| case | columns | rows | backend | claim | $/h | iterations | s |")
    print("|:--|--:|--:|:--|:--|--:|--:|--:|")
    for case in CASES:
        bound = optc.read(FOLDER / "model.opt").bind(FOLDER / f"{case}.json")
        form = bound.lower("nonlinear")
        parts = [np.zeros(f.count) if f.start is None else np.ravel(f.start) for f in bound.instance.families]
        start = Start(np.concatenate(parts).astype(np.float64))
        for backend in (exact_al, ipopt):
            answer, seconds = timed(backend, form, start, given.repeats)
            sizes = f"{form.shape[1]} | {form.shape[0]}"
            words = f"{backend.name} | {answer.claim} | {answer.objective:.4f} | {answer.work} | {seconds:.3f}"
            print(f"| {case} | {sizes} | {words} |", flush=True)


if __name__ == "__main__":
    main()
