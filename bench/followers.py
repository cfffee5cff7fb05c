"""Followers: optc against NumPy by hand from arrays to the complementarity form in memory; a large lower level solved.

    python bench/followers.py                              10,000 followers five times each, and n = 1,000 of the toy
    python bench/followers.py --followers 1e3,1e5 --reps 3
    python bench/followers.py --check                      tiny sizes, solved: do the optima agree?
    python bench/followers.py --solve 20,100               that many followers solved by complementarity_bb and by SCIP

The model is ``models/followers.opt``: each follower has two decisions, three bounds and a row, and a convex quadratic
objective with the leader's price in it. ``numpy`` writes down the rows of the Karush-Kuhn-Tucker system as they are
stored, with the fewest columns: multipliers and slacks, and the pairs of these. What optc takes is from the text on,
with parsing, checking, the proof that every follower is convex, and the conditions derived from the model. Each run
has a process of its own, in which a tiny size was built before; medians of CPU seconds count; `parse`, `bind` and
`lower` are the parts of optc's. The toy is ``examples/bilevel_textbook/lower_level_coupled.opt``, solved by
``optc.solve``: seconds by its own account, and how far its objective lies from 0.05 n.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optc.compiler.forms.complementarity import ComplementarityForm

FOLDER = Path(__file__).parent
TEXT = (FOLDER / "models/followers.opt").read_text(encoding="utf-8")
TOY = FOLDER.parent / "examples/bilevel_textbook/lower_level_coupled.opt"
AGREE = 1e-6


def data(n: int) -> dict[str, Any]:
    """The arrays of the model; the same for both."""
    import numpy as np

    random = np.random.default_rng(1)
    return {
        "n": n,
        "worth": random.uniform(10, 60, n),
        "bend": random.uniform(0.5, 2, n),
        "rival": random.uniform(0, 5, n),
        "room": random.uniform(2, 10, n),
        "target": 2.0 * n,
    }


def by_optc(given: dict[str, Any], lap: Callable[[str], None]) -> ComplementarityForm:
    """The form that optc would pass to ``complementarity_bb``."""
    import optc
    from optc.backends import registry
    from optc.compiler.forms.complementarity import ComplementarityForm
    from optc.compiler.plan import plan, take

    model = optc.parse(TEXT)
    lap("parse")
    instance = model.bind(given).instance
    lap("bind")
    lowered = take(plan(instance, registry.every(), "complementarity_bb"), instance)[1]
    lap("lower")
    assert lowered is not None
    assert isinstance(lowered.form, ComplementarityForm)
    return lowered.form


def by_numpy(given: dict[str, Any], _lap: Callable[[str], None]) -> ComplementarityForm:
    """The same system with columns price, total, and of each follower, family by family: ours, other, the multiplier of
    its row, what is left of the bound 8, the multipliers of the bounds 0 and 8, of other's bound, and the room left.
    """
    import numpy as np

    from optc.compiler.forms.complementarity import ComplementarityForm

    n = given["n"]
    one = np.ones(n)
    ours, other, row, left, low, high, none, slack = (np.arange(n) + 2 + k * n for k in range(8))
    blocks = [  # columns, values, right-hand sides of rows with as many entries each
        ([ours, left], [one, one], np.full(n, 8.0)),
        (
            [np.zeros(n), ours, other, row, low, high],
            [one, 2 * given["bend"], 0.5 * one, one, -one, one],
            given["worth"],
        ),
        ([ours, other, row, none], [0.5 * one, 2 * one, one, -one], given["rival"]),
        ([ours, other, slack], [one, one, one], given["room"]),
    ]
    indices = [np.concatenate([[1], ours]), *(np.stack(columns, axis=1).ravel() for columns, _, _ in blocks)]
    values = [np.concatenate([[1.0], -one]), *(np.stack(parts, axis=1).ravel() for _, parts, _ in blocks)]
    right = np.concatenate([[0.0], *(side for _, _, side in blocks)])
    lengths = np.concatenate([[n + 1], *(np.full(n, len(columns)) for columns, _, _ in blocks)])
    columns = 2 + 8 * n
    upper = np.full(columns, np.inf)
    upper[0] = 50.0
    cost = np.zeros(columns)
    cost[:2] = -40.0, -0.002 * given["target"]
    return ComplementarityForm(
        sense="minimize",
        cost=cost,
        offset=400.0 + 0.001 * given["target"] ** 2,
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        indices=np.concatenate(indices).astype(np.int32),
        values=np.concatenate(values),
        row_lower=right,
        row_upper=right,
        lower=np.zeros(columns),
        upper=upper,
        integer=np.zeros(columns, dtype=np.bool_),
        hessian_starts=np.minimum(np.arange(columns + 1), 2).astype(np.int32),
        hessian_indices=np.arange(2, dtype=np.int32),
        hessian_values=np.array([2.0, 0.002]),
        pairs=np.concatenate(
            [np.stack(pair, axis=1) for pair in ((ours, low), (left, high), (other, none), (slack, row))]
        ).astype(np.int32),
    )


SYSTEMS = {"optc": by_optc, "numpy": by_numpy}


def measured(system: str, n: int) -> dict[str, float]:
    """CPU and wall seconds of one build after a tiny one, and the peak memory of the process."""
    build = SYSTEMS[system]
    build(data(3), lambda _: None)
    given = data(n)
    laps: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()
    last = cpu

    def lap(name: str) -> None:
        nonlocal last
        now = time.process_time()
        laps[name], last = now - last, now

    form = build(given, lap)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows, columns = form.shape
    return {"cpu": cpu, "wall": wall, "MiB": peak, "rows": rows, "columns": columns, "pairs": len(form.pairs), **laps}


def toy(n: int) -> dict[str, Any]:
    """The toy of that size, solved."""
    import optc

    solution = optc.solve(TOY, names={"n": n})
    assert solution.objective is not None
    error = abs(solution.objective - 0.05 * n) / (0.05 * n)
    return {"status": solution.status, "error": error, **solution.seconds}


def solved(n: int, limit: float = 60.0) -> None:
    """The form by hand, solved by ``complementarity_bb`` and by SCIP with ordered sets to a gap of 1e-4, in turn."""
    import complementarity_vs_sos as pairs

    pairs.GAP = 1e-4
    form = by_numpy(data(n), lambda _part: None)
    for name, method in pairs.METHODS.items():
        run = method(form, limit)
        value = None if run.objective is None else run.objective + (form.offset if name.startswith("scip") else 0.0)
        print(f"{n} followers  {name:20} objective {value}  cpu {run.cpu:.2f}  wall {run.wall:.2f}  nodes {run.nodes}")


def own_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check() -> None:
    """Both forms of a few followers solved by ``complementarity_bb``."""
    from optc.backends import complementarity_bb
    from optc.compiler import context as contexts
    from optc.compiler.backend import Goal

    for n in (1, 2, 6):
        options = complementarity_bb.Options()
        found = [
            complementarity_bb.solve(
                build(data(n), lambda _: None), Goal(gap=1e-8), options, contexts.start(time_limit=60), None
            )
            for build in SYSTEMS.values()
        ]
        first, second = (answer.objective for answer in found)
        assert first is not None
        assert second is not None
        if abs(first - second) > AGREE * max(1.0, abs(second)):
            raise SystemExit(f"{n} followers: the optima differ: {first} and {second}")
        print(f"{n} followers agree: {first:.9g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--followers", default="1e4", help="how many, separated by commas")
    parser.add_argument("--toy", default="1e3", help="n of the toy, separated by commas; `none` for none")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--solve", help="how many followers to solve for, separated by commas")
    parser.add_argument("--check", action="store_true", help="compare the optima at tiny sizes")
    parser.add_argument("--one", nargs=2, metavar=("SYSTEM", "N"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.check:
        check()
        return
    if given.solve:
        for size in given.solve.split(","):
            solved(int(size))
        return
    if given.one:
        system, n = given.one[0], int(given.one[1])
        print(json.dumps(toy(n) if system == "toy" else measured(system, n)))
        return
    for size in (int(float(text)) for text in given.followers.split(",")):
        runs: dict[str, list[dict[str, float]]] = {system: [] for system in SYSTEMS}
        for number in range(given.reps):
            for system in list(SYSTEMS)[:: -1 if number % 2 else 1]:
                runs[system].append(own_process("--one", system, str(size)))
        print(f"{size} followers")
        cpu = {system: statistics.median(run["cpu"] for run in found) for system, found in runs.items()}
        for system, found in runs.items():
            parts = " ".join(f"{key} {statistics.median(r[key] for r in found):.4g}" for key in found[0])
            print(f"  {system:6} {parts}  ratio {cpu[system] / cpu['numpy']:.2f}")
    if given.toy != "none":
        for size in (int(float(text)) for text in given.toy.split(",")):
            found_ = own_process("--one", "toy", str(size))
            print(f"toy n = {size}: " + " ".join(f"{k} {v:.4g}" if k != "status" else v for k, v in found_.items()))


if __name__ == "__main__":
    main()
