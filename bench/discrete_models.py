"""Facility location and unit commitment from a model text and arrays in memory to the problem inside HiGHS.

    python bench/discrete_models.py                        every size, seven times each
    python bench/discrete_models.py --models facility --reps 3
    python bench/discrete_models.py --check                tiny sizes, entry by entry and solved: are they the same?

optc beside the arrays written down by hand with NumPy (``peers/discrete.py``), each run in a process of its own that
has built the model once before at a tiny size; the two take turns, and medians of CPU seconds count. What optc takes is
from the text on; ``beyond parsing`` leaves the text out, which costs the same at any size.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from build_models import AGREE, now, ours, written_out

Data = dict[str, Any]
SIZES = {
    "facility": ((25, 50), (100, 1000), (300, 2000)),  # facilities, customers
    "commitment": ((10, 24), (30, 48), (100, 24), (100, 168)),  # units, hours
}
TINY = {"facility": (3, 5), "commitment": (3, 8)}
SYSTEMS = ("optc", "numpy")


def data(model: str, n: int, m: int) -> Data:
    """The arrays of a model by the names of its parameters."""
    import numpy as np

    rng = np.random.default_rng(1)
    if model == "facility":
        demand = rng.uniform(5, 35, m)
        arrays = {"demand": demand, "opening": rng.uniform(50, 100, n), "serving": rng.uniform(1, 9, (m, n))}
        return {"n": n, "m": m, "capacity": rng.uniform(2, 4, n) * demand.sum() / n, **arrays}
    least = rng.uniform(20, 80, n)
    most = least * rng.uniform(2, 4, n)
    load = most.sum() * (0.55 + 0.2 * np.sin(np.arange(m) / 24 * 2 * np.pi))
    split = rng.dirichlet([5.0] * 4, n)
    times = {"up": rng.integers(1, 8, n), "down": rng.integers(1, 8, n)}
    costs = {"fixed": rng.uniform(100, 300, n), "begin": rng.uniform(200, 900, n)}
    parts = {"width": split * (most - least)[:, None], "price": np.sort(rng.uniform(10, 40, (n, 4)), axis=1)}
    limits = {"least": least, "most": most, "ramp": (most - least) * rng.uniform(0.4, 1.0, n)}
    return {"n": n, "m": m, "k": 4, "demand": load, "reserve": 0.1 * load, **limits, **times, **costs, **parts}


def built(system: str, model: str, n: int, m: int, arrays: Data) -> tuple[Any, dict[str, Any]]:
    """The problem inside HiGHS, and the time at the end of each of optc's steps."""
    if system == "optc":
        return ours(model, arrays, n * m)
    from peers import discrete

    return getattr(discrete, model)(arrays), {}


def cell(system: str, model: str, n: int, m: int) -> dict[str, Any]:
    """One measurement, in this process."""
    tiny = TINY[model]
    built(system, model, *tiny, data(model, *tiny))
    arrays = data(model, n, m)
    gc.collect()
    begin = now()
    problem, marks = built(system, model, n, m, arrays)
    end = now()
    parsed = marks["parse"][1] - begin[1] if marks else 0.0
    shape = (problem.getNumCol(), problem.getNumRow(), problem.getNumNz())
    return {"cpu": end[1] - begin[1], "wall": end[0] - begin[0], "parse": parsed, "shape": shape}


def apart(system: str, model: str, n: int, m: int) -> dict[str, Any]:
    """What a process of its own finds."""
    command = [sys.executable, __file__, "--cell", system, model, str(n), str(m)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def check(models: list[str]) -> int:
    """1 where optc and NumPy do not pass the same problem, or not one with the same optimum."""
    from peers.numpy import optimum

    wrong = 0
    for model in models:
        arrays = data(model, *TINY[model])
        one, other = (built(system, model, *TINY[model], arrays)[0] for system in SYSTEMS)
        first, second = written_out(one), written_out(other)
        same = len(first) == len(second) and all(map(_close, first, second))
        values = [optimum(problem) for problem in (one, other)]
        same &= abs(values[0] - values[1]) <= AGREE * max(1.0, abs(values[1]))
        print(f"{model:11} {'the same' if same else 'DIFFER'}: optima {values[0]:.6f}, {values[1]:.6f}")
        wrong += not same
    return int(wrong > 0)


def _close(one: list[float], other: list[float]) -> bool:
    pairs = zip(one, other, strict=True)
    return len(one) == len(other) and all(a == b or abs(a - b) <= 1e-12 * max(abs(a), abs(b)) for a, b in pairs)


def measure(models: list[str], reps: int) -> str:
    head = "| model | size | columns | non-zeros | optc | by hand | ratio | beyond parsing | ratio |"
    lines = [head, "|:--|:--|--:|--:|--:|--:|--:|--:|--:|"]
    for model in models:
        for n, m in SIZES[model]:
            runs = {system: [] for system in SYSTEMS}  # type: dict[str, list[dict[str, Any]]]
            for _ in range(reps):
                for system in SYSTEMS:
                    runs[system].append(apart(system, model, n, m))
            shapes = {tuple(run["shape"]) for each in runs.values() for run in each}
            if len(shapes) > 1:
                raise SystemExit(f"{model} {n} x {m}: the problems differ in shape: {sorted(shapes)}")
            whole, hand = (statistics.median(run["cpu"] for run in runs[system]) for system in SYSTEMS)
            beyond = statistics.median(run["cpu"] - run["parse"] for run in runs["optc"])
            columns, _, filled = shapes.pop()
            numbers = f"{whole:.4f} | {hand:.4f} | {whole / hand:.2f} | {beyond:.4f} | {beyond / hand:.2f}"
            lines.append(f"| {model} | {n} x {m} | {columns:,} | {filled:,} | {numbers} |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(SIZES))
    parser.add_argument("--reps", type=int, default=7, help="runs of each cell; medians count")
    parser.add_argument("--check", action="store_true", help="compare what the two pass at tiny sizes")
    parser.add_argument("--cell", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    models = options.models.split(",")
    if options.cell:
        system, model, n, m = options.cell
        print("\n" + json.dumps(cell(system, model, int(n), int(m))))
        return 0
    if options.check:
        return check(models)
    print("\nCPU seconds\n\n" + measure(models, options.reps))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())
