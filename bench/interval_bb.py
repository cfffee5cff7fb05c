"""Own interval branch and bound beside SCIP on small global problems: time to a proved optimum, boxes and nodes.

    python bench/interval_bb.py [--gap 1e-4] [--limit 20] [--repeat 3]

Both are given the same form, after it was made; CPU seconds, the best of some runs. ``checked``: seconds of the
processor for the verifier's second look at the boxes, which turns the bound into a proved one; SCIP's is reported. The
problems are those of the tests, and the Hock-Schittkowski ones among the reference problems that have bounds.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from optc.backends import interval_bb, scip
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.boxes.cover import holds
from optc.compiler.boxes.problem import BoxProblem
from optc.compiler.forms.nonlinear import NonlinearForm

ROOT = Path(__file__).resolve().parents[1]
BOUNDED = ("HS5", "HS21", "HS38", "HS65")


def problems() -> list[tuple[str, str, float]]:
    """Name, text and optimum."""
    sys.path.insert(0, str(ROOT / "tests" / "compiler"))
    every, known = import_module("global_problems").EVERY, import_module("reference_problems").BY_NAME
    chosen = [*every, *(known[name] for name in BOUNDED)]
    return [(problem.name, problem.text, problem.optimum) for problem in chosen]


def form_of(text: str) -> NonlinearForm:
    """The nonlinear form of a model."""
    import optc
    from optc.compiler.lowerings import instance_to_nonlinear

    return instance_to_nonlinear.lower(optc.parse(text).bind().instance)[0]


def best_of(repeat: int, run: Callable[[], Answer]) -> tuple[Answer, float]:
    """The answer, and the least CPU seconds of some runs."""
    least = float("inf")
    for _ in range(repeat):
        began = time.process_time()
        answer = run()
        least = min(least, time.process_time() - began)
    return answer, least


def seen_again(form: NonlinearForm, answer: Answer) -> float:
    """CPU seconds of the verifier's look at the cover."""
    assert answer.cover is not None and answer.bound is not None
    problem = BoxProblem(form)
    began = time.process_time()
    if not holds(problem, answer.cover, problem.sign * answer.bound, lambda: None):
        return float("nan")
    return time.process_time() - began


def told(answer: Answer, seconds: float, gap: float) -> str:
    """Seconds and nodes, or what is left of the gap at the limit."""
    if answer.claim == "optimal":
        return f"{seconds:.2f} | {answer.work:,}"
    if answer.objective is None or answer.bound is None:
        return f"limit, no bound | {answer.work or 0:,}"
    left = abs(answer.objective - answer.bound) / max(1.0, abs(answer.objective))
    return f"limit, gap {left:.2g} | {answer.work:,}" if left > gap else f"{seconds:.2f} | {answer.work:,}"


def solved(backend: Any, form: Any, goal: Goal, limit: float) -> Answer:
    return backend.solve(form, goal, backend.Options(), contexts.start(time_limit=limit, threads=1), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--limit", type=float, default=20.0, help="seconds of the clock for each run")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    goal = Goal(gap=0.95 * given.gap)
    print("| problem | columns, rows | `interval_bb`, CPU s | boxes | checked | SCIP, CPU s | nodes |")
    print("|:--|:--|--:|--:|--:|--:|--:|")
    for name, text, optimum in problems():
        if given.only and name not in given.only:
            continue
        form = form_of(text)
        limit = given.limit
        ours, seconds = best_of(
            given.repeat,
            partial(solved, interval_bb, form, goal, limit),
        )
        theirs, other = best_of(
            given.repeat if seconds < 1 else 1,
            partial(solved, scip, form, goal, limit),
        )
        if ours.claim == "optimal":
            assert ours.objective is not None and abs(ours.objective - optimum) <= 2e-4 * max(1.0, abs(optimum)), name
        checked = f"{seen_again(form, ours):.2f}" if ours.claim == "optimal" else ""
        size = f"{form.shape[1]}, {form.shape[0]}"
        line = f"| {name} | {size} | {told(ours, seconds, given.gap)} | {checked} | {told(theirs, other, given.gap)} |"
        print(line, flush=True)


if __name__ == "__main__":
    main()
