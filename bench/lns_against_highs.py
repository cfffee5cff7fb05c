"""``lns`` against plain HiGHS at equal time on ten mixed-integer linear problems: whose point is better.

    python bench/lns_against_highs.py --seconds 20
    python bench/lns_against_highs.py --seconds 20 --reference 120 --only set_cover,auction --seeds 0,1,2

The two run beside each other, each in a process of its own with one thread, with the same limit by the wall clock, so
that other work on the machine slows both; ``cpu s`` is what each got of the processor. The value that counts for best
known is the published optimum (MIPLIB 3; the files are looked for under ``OPTC_DATA``), else the best point of all
runs, earlier ones and ``--reference`` seconds of plain HiGHS from the best of these too. The primal gap of a point is
the difference of its value and that one, over the larger of the two in size (T. Berthold, "Measuring the impact of
primal heuristics", Oper. Res. Letters 41 (2013)); 100 % without a point.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mip_instances as made
import numpy as np

from optc.backends import highs, lns
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start
from optc.compiler.executor import Processes
from optc.compiler.forms.linear import LinearForm
from optc.mps import named_form

INSTANCES: dict[str, Callable[[], LinearForm]] = {
    "set_cover": partial(made.set_cover, 1),
    "knapsack": partial(made.knapsack, 1),
    "facility_location": partial(made.facility_location, 1),
    "assignment": partial(made.assignment, 1),
    "lot_sizing": partial(made.lot_sizing, 1),
    "unit_commitment": partial(made.unit_commitment, 1),
    "auction": partial(made.auction, 1),
    "network_design": partial(made.network_design, 1),
}
MIPLIB = ("misc07", "p0201")
SEEN = {  # the best value that any run has found yet, of whatever length
    "set_cover": 208.0,
    "knapsack": 217841.0,
    "facility_location": 29618.0,
    "assignment": 24508.0,
    "lot_sizing": 435651.88,
    "unit_commitment": 14714260.0,
    "auction": 16630.7,
    "network_design": 3331.75,
}
GOAL = Goal(gap=1e-6)


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the value of its point, None without one; seconds of the processor, fewer where others use it too."""

    value: float | None
    cpu: float


def by_highs(form: LinearForm, seconds: float, seed: int) -> Answer:
    context = contexts.start(time_limit=seconds, threads=1, seed=seed)
    return highs.solve(form, GOAL, highs.Options(), context, None)


def by_lns(form: LinearForm, seconds: float, seed: int) -> Answer:
    return lns.solve(form, GOAL, lns.Options(), contexts.start(time_limit=seconds, threads=1, seed=seed), None)


METHODS: dict[str, Callable[[LinearForm, float, int], Answer]] = {"highs": by_highs, "lns": by_lns}


def instances(only: list[str]) -> dict[str, tuple[LinearForm, float | None]]:
    """The problems by name, with their published optimum where there is one."""
    found: dict[str, tuple[LinearForm, float | None]] = {n: (make(), None) for n, make in INSTANCES.items()}
    folder = Path(os.environ.get("OPTC_DATA", "data")) / "examples" / "mps"
    if folder.is_dir():
        with (folder / "optima.csv").open(encoding="utf-8") as lines:
            optima = {row["name"]: float(row["published_optimum"]) for row in csv.DictReader(lines)}
        found |= {name: (named_form(str(folder / "mip" / f"{name}.mps")).form, optima[name]) for name in MIPLIB}
    return {name: found[name] for name in only or found if name in found}


def run(_shared: None, task: tuple[str, str, float, int]) -> tuple[Run, Answer]:
    """One method on one problem, in a process of its own."""
    method, name, seconds, seed = task
    form, _optimum = instances([name])[name]
    before = time.process_time()
    answer = METHODS[method](form, seconds, seed)
    return Run(answer.objective, time.process_time() - before), answer


def longer(form: LinearForm, best: Answer | None, seconds: float) -> float | None:
    """The value after so many seconds of plain HiGHS with all threads from the best point."""
    if best is None or best.x is None or not seconds:
        return None
    context = contexts.start(time_limit=seconds)
    return highs.solve(form, GOAL, highs.Options(), context, Start(best.x)).objective


def gap(value: float | None, best: float | None) -> float:
    """The primal gap, from 0 to 1."""
    if value is None or best is None:
        return 1.0
    size = max(abs(value), abs(best))
    return 0.0 if size == 0.0 else min(1.0, abs(value - best) / size) if value * best >= 0 else 1.0


def compare(only: list[str], seconds: float, seeds: list[int], reference: float) -> None:
    """Run all and print a line for each problem."""
    heads = " ".join(f"{f'{m} value':>15} {'gap %':>8} {'cpu s':>6}" for m in METHODS)
    print(f"{'problem':<18} {'rows':>6} {'columns':>7} {'best known':>15} {heads}  nearer")
    gaps: dict[str, list[float]] = {method: [] for method in METHODS}
    for name, (form, optimum) in instances(only).items():
        better = min if form.sense == "minimize" else max
        runs: dict[str, list[Run]] = {method: [] for method in METHODS}
        answers: list[Answer] = []
        for seed in seeds:
            tasks = [(method, name, seconds, seed) for method in METHODS]
            for method, (found, answer) in zip(METHODS, Processes(len(METHODS)).map(run, None, tasks), strict=True):
                runs[method].append(found)
                answers += [answer] if answer.x is not None else []
        values = [a.objective for a in answers if a.objective is not None]
        at = values.index(better(values)) if values else None
        more = longer(form, None if at is None else answers[at], reference) if optimum is None else optimum
        seen = [value for value in (more, SEEN.get(name)) if value is not None]
        best = better([*values, *seen], default=None)
        means = {m: float(np.mean([gap(r.value, best) for r in runs[m]])) for m in METHODS}
        cells = []
        for method, made_runs in runs.items():
            gaps[method].append(means[method])
            value = better([r.value for r in made_runs if r.value is not None], default=float("nan"))
            spent = float(np.mean([r.cpu for r in made_runs]))
            cells.append(f"{value:>15.8g} {100 * means[method]:>8.3f} {spent:>6.1f}")
        nearer = "equal" if abs(means["lns"] - means["highs"]) <= 1e-9 else min(means, key=lambda m: means[m])
        known = f"{best:>15.8g}" if best is not None else f"{'none':>15}"
        print(f"{name:<18} {form.shape[0]:>6} {form.shape[1]:>7} {known} {' '.join(cells)}  {nearer}", flush=True)
    summary = ", ".join(f"{method} {100 * float(np.mean(each)):.3f} %" for method, each in gaps.items())
    print(f"mean primal gap: {summary}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each run")
    parser.add_argument("--only", default="", help="names of problems, with commas")
    parser.add_argument("--seeds", default="0", help="of the methods, with commas; gaps are their means")
    parser.add_argument("--reference", type=float, default=0.0, help="seconds of HiGHS for the best known value")
    given = parser.parse_args()
    only = [name for name in given.only.split(",") if name]
    compare(only, given.seconds, [int(seed) for seed in given.seeds.split(",")], given.reference)


if __name__ == "__main__":
    main()
