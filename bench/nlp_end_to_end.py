"""Nonlinear models from nothing to Ipopt's answer in memory: optc, casadi, Pyomo.

    python bench/nlp_end_to_end.py [--problems luksan_vlcek,hanging_chain,ac_opf] [--sizes 1e3,1e4,1e5]
                                   [--systems optc,casadi,pyomo] [--reps 3] [--warm] [--json FILE]

``luksan_vlcek``: problem 5.1 of L. Luksan, J. Vlcek, "Sparse and partially separable test problems for unconstrained
and equality constrained optimization" (1999); ``hanging_chain`` and ``ac_opf`` (case118_ieee): examples of these names.
Each system is given the model as it takes it, a text or Python code, and solves it by Ipopt with MUMPS to ``tol`` 1e-8,
with exact second derivatives and its other defaults. optc's answer is checked too, which has a column of its own and is
part of ``total``. Pyomo writes a .nl file; how that is solved see ``peers/nlp_pyomo.py``.

Each run has a process of its own, one at a time, with one thread for BLAS. Before the run it solves a tiny problem, so
that imports and first-call work stand in the column ``first`` and in no other. All columns are CPU seconds of the
process but ``wall`` (of the run), ``cc`` (CPU seconds of the C compiler that runs in the background; the cache of
compiled kernels is empty at the start of a run, unless ``--warm``) and ``MiB`` (peak of the process); of ``--reps``
runs the one with the least total is shown. Objectives must agree to 1e-6; ``--check`` sees to that at a small size, and
measures nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

BENCH = Path(__file__).resolve().parent
EXAMPLES = BENCH.parent / "examples"
MODELS = {
    "luksan_vlcek": BENCH / "models/luksan_vlcek.opt",
    "hanging_chain": EXAMPLES / "hanging_chain/model.opt",
    "ac_opf": EXAMPLES / "ac_opf/model.opt",
}
COLUMNS = ("first", "build", "solve", "verify", "total", "wall", "cc", "MiB")
CHAIN = {"length": 4, "left": 1, "right": 3}
TINY = 900  # large enough for all that large problems load
SMALL = 5  # buses of the small power flow
UNFIT = {"pyomo": 2e5, "casadi": 2e6}  # sizes that would take minutes

Run = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", default=",".join(MODELS))
    parser.add_argument("--sizes", default="1e3,1e4,1e5")
    parser.add_argument("--systems", default="optc,casadi,pyomo")
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--warm", action="store_true", help="kernels that were compiled in an earlier run are used")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        print(json.dumps(cell(*arguments.cell)))
        return
    if arguments.check:
        for problem in arguments.problems.split(","):
            check(problem, arguments.systems.split(","))
        return
    found: dict[str, Run] = {}
    print(f"{'problem':14}{'size':>9} {'system':8}" + "".join(f"{name:>9}" for name in COLUMNS) + "  objective")
    for problem in arguments.problems.split(","):
        sizes = ["118"] if problem == "ac_opf" else arguments.sizes.split(",")
        for size in sizes:
            show(problem, size, arguments, found)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


def show(problem: str, size: str, arguments: argparse.Namespace, found: dict[str, Run]) -> None:
    """Runs a problem of one size, the systems in turns, and prints a line for each of them."""
    systems = [s for s in arguments.systems.split(",") if float(size) <= UNFIT.get(s, float("inf"))]
    runs: dict[str, list[Run]] = {system: [] for system in systems}
    for _ in range(arguments.reps):
        for system in systems:
            runs[system].append(apart(system, problem, size, arguments.warm))
    best = {system: min(own, key=lambda run: run["total"]) for system, own in runs.items()}
    for system, run in best.items():
        found[f"{problem} {size} {system}"] = run
        cells = "".join(f"{run[name]:9.0f}" if name == "MiB" else f"{run[name]:9.3f}" for name in COLUMNS)
        print(f"{problem:14}{round(float(size)):>9} {system:8}{cells}  {run['objective']:.10g}", flush=True)
    agree(problem, {system: run["objective"] for system, run in best.items()})


def agree(problem: str, values: dict[str, float]) -> None:
    """Ends the program where objectives differ."""
    if max(values.values()) - min(values.values()) > 1e-6 * max(1.0, *map(abs, values.values())):
        raise SystemExit(f"the objectives of {problem} differ: {values}")


def check(problem: str, systems: list[str]) -> None:
    """The same objective by all systems that are installed, at a small size."""
    size = SMALL if problem == "ac_opf" else 60
    values = {}
    for system in systems:
        try:
            values[system] = way(system)(problem, size)["objective"]
        except ModuleNotFoundError as missing:
            print(f"{problem}: {missing.name} is not installed")
    agree(problem, values)
    print(f"{problem:14} {', '.join(values)} agree: {next(iter(values.values())):.10g}")


def apart(system: str, problem: str, size: str, warm: bool) -> Run:
    """One run in a process of its own."""
    with tempfile.TemporaryDirectory() as cache:
        environment = dict(os.environ) if warm else {**os.environ, "OPTC_CACHE": cache}
        command = [sys.executable, __file__, "--cell", system, problem, size]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{system} fails at {problem} {size}:\n{done.stderr}")
    found: Run = json.loads(done.stdout.splitlines()[-1])
    return found


def cell(system: str, problem: str, size: str) -> Run:
    """The measures of one run, after a tiny one."""
    run = way(system)
    run(problem, SMALL if problem == "ac_opf" else TINY)
    first = time.process_time()
    compiled = children()
    began, spent = time.perf_counter(), time.process_time()
    found = run(problem, round(float(size)))
    found["total"], found["wall"] = time.process_time() - spent, time.perf_counter() - began
    found["first"], found["cc"] = first, children() - compiled
    found["MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"verify": 0.0} | found


def way(system: str) -> Callable[[str, int], Run]:
    return optc if system == "optc" else peer(system)


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def data_of(problem: str, size: int) -> dict[str, Any]:
    """The data as Python objects."""
    if problem == "ac_opf":
        case = "case5_pjm" if size == SMALL else "case118_ieee"
        found: dict[str, Any] = json.loads((EXAMPLES / f"ac_opf/{case}.json").read_text(encoding="utf-8"))
        return found
    return {"n": size} if problem == "luksan_vlcek" else {"pieces": size, **CHAIN}


def optc(problem: str, size: int) -> Run:
    """By ``Model.bind`` and ``Problem.solve``, whose laps are told here in CPU time."""
    import optc

    data = data_of(problem, size)
    began = time.process_time()
    ready = optc.read(MODELS[problem]).bind(data)
    bound = time.process_time() - began
    with patch("time.perf_counter", time.process_time):
        answer = ready.solve(backend="ipopt")
    if answer.objective is None or answer.status not in ("optimal", "locally optimal", "stationary"):
        raise RuntimeError(f"{answer.status}: {answer.termination}")
    laps = answer.seconds
    build = bound + laps["compile"] - ready.seconds
    return {"objective": answer.objective, "build": build, "solve": laps["solve"], "verify": laps["verify"]}


def peer(system: str) -> Callable[[str, int], Run]:
    """A system of ``peers/nlp_*.py``."""
    sys.path.insert(0, str(BENCH))

    def run(problem: str, size: int) -> Run:
        from importlib import import_module

        module = import_module(f"peers.nlp_{system}")
        data = data_of(problem, size)
        began = time.process_time()
        made = getattr(module, problem)(size, data)
        built = time.process_time()
        objective = module.solved(made)
        return {"objective": objective, "build": built - began, "solve": time.process_time() - built}

    return run


if __name__ == "__main__":
    main()
