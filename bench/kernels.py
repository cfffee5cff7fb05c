"""Values and derivatives of nonlinear templates: optc's kernels beside C by hand, numba, jax, torch and casadi.

    python bench/kernels.py [--sizes 1e3,1e5,1e6] [--problems chain,flow] [--check]
                            [--systems optc,numpy,hand,placed,numba,jax,torch,casadi]

``chain``: problem 5.1 of L. Luksan, J. Vlcek, "Sparse and partially separable test problems for unconstrained and
equality constrained optimization" (1999), the chained Rosenbrock function with trigonometric-exponential rows.
``flow``: the active power of a line, from gathered voltages and angles of buses that are near in the list.
Milliseconds, the best of many calls, one thread (``best`` says by which clock), each system writing into memory that it
had before where it can. In brackets: optc and ``placed`` as multiples of ``hand``, all others as multiples of optc.
``hand`` leaves derivatives as triplets, one run of memory an entry, as numba, jax and torch do; ``placed`` then adds
them up in the sorted pattern without duplicates that optc fills, and numba is timed so once more. ``first`` is the time
from bound data to the first values of the rows, ``ready`` what building, tracing or compiling takes before the calls
that are timed. numba, jax, torch and casadi run in processes of their own. ``--check`` compares what the systems
compute.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402 - after the number of threads

WHAT = ("value", "gradient", "rows", "jacobian", "hessian")
OTHERS = ("numba", "jax", "torch", "casadi")
MODELS = {
    "chain": """param n
var x[1..n]
minimize sum(100 * (x[i]^2 - x[i + 1])^2 + (x[i] - 1)^2 for i in 1..n-1)
subject to
  c[k in 1..n-2]: 3 * x[k + 1]^3 + 2 * x[k + 2] - 5 + sin(x[k + 1] - x[k + 2]) * sin(x[k + 1] + x[k + 2]) +
    4 * x[k + 1] - x[k] * exp(x[k] - x[k + 1]) - 3 == 0
""",
    "flow": """param n
param buses
param from[1..n] : integer
param to[1..n] : integer
param g[1..n]
param b[1..n]
var v[1..buses]
var angle[1..buses]
minimize sum(v[k] for k in 1..buses)
subject to
  p[l in 1..n]: g[l] * v[from[l]]^2 - v[from[l]] * v[to[l]] *
    (g[l] * cos(angle[from[l]] - angle[to[l]]) + b[l] * sin(angle[from[l]] - angle[to[l]])) <= 4
""",
}
System = dict[str, Any]
Times = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1e3,1e5,1e6")
    parser.add_argument("--problems", default="chain,flow")
    parser.add_argument("--systems", default="optc,numpy,hand,placed,numba,jax,torch,casadi")
    parser.add_argument("--seconds", type=float, default=0.5, help="to spend on each figure")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--child", nargs=4, metavar=("SYSTEM", "PROBLEM", "SIZE", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(*arguments.child, arguments.seconds)
        return
    for problem in arguments.problems.split(","):
        for size in arguments.sizes.split(","):
            measure(problem, round(float(size)), arguments.systems.split(","), arguments.seconds, arguments.check)


def measure(problem: str, size: int, names: list[str], seconds: float, check: bool) -> None:
    """All systems one after the other, each shown when it is done."""
    from peers.kernels_c import Hand

    data, hand = DATA[problem](size), Hand()
    makers = {"optc": optc, "numpy": interpreted, "hand": hand.system, "placed": hand.placed}
    times: dict[str, Times] = {}
    results: dict[str, list[Any]] = {}
    for name in names:
        if name in OTHERS:
            found = elsewhere(name, problem, size, seconds, check)
            if isinstance(found, str):
                print(f"{problem} {size:>8} {name:7} {found}", flush=True)
                continue
            times[name], results[name] = found
        else:
            system = makers[name](problem, data)
            if check:
                results[name] = result(problem, data, system)
            else:
                times[name] = {what: best(system[what], seconds) for what in WHAT} | system.get("more", {})
        if not check:
            show(problem, size, name, times)
    if check:
        compare(problem, size, results)


def show(problem: str, size: int, name: str, times: dict[str, Times]) -> None:
    base = times.get("hand" if name in ("optc", "placed") else "optc")
    cells = []
    for what in WHAT:
        ratio = "" if base is None or name in ("hand", "numpy") else f" ({times[name][what] / base[what]:.2f})"
        cells.append(f"{what} {times[name][what]:.4f}{ratio}")
    more = {what: each for what, each in times[name].items() if what not in WHAT}
    cells += [f"{what} {each:.{4 if what.endswith('placed') else 1}f}" for what, each in more.items()]
    print(f"{problem} {size:>8} {name:7} {'  '.join(cells)}", flush=True)


def best(call: Callable[[], object], seconds: float) -> float:
    """Milliseconds of the best of many calls.

    Calls shorter than a millisecond by the wall clock, which other work cannot stretch in all of many samples; longer
    ones by the processor's, which does not count what others get.
    """
    call()
    start = time.perf_counter()
    call()
    once = max(time.perf_counter() - start, 1e-7)
    clock = time.perf_counter if once < 1e-3 else time.process_time
    times = max(round(2e-5 / once), 1)
    found, limit, runs = np.inf, time.perf_counter() + seconds, 0
    while runs < 3 or time.perf_counter() < limit:
        start = clock()
        for _ in range(times):
            call()
        found, runs = min(found, (clock() - start) / times), runs + 1
    return 1e3 * found


# ------------------------------------------------------------------------------------------------------------- data
def chain_data(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"n": n, "x": rng.normal(size=n), "y": rng.normal(size=n - 2)}


def flow_data(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    buses = max(2 * n // 3, 2)
    start = np.sort(rng.integers(0, buses, n))  # lines join buses that are near in the list, either way round
    end = (start + rng.integers(1, min(100, buses), n)) % buses
    turned = rng.random(n) < 0.5
    start, end = np.where(turned, end, start), np.where(turned, start, end)
    x = np.concatenate([rng.uniform(0.9, 1.1, buses), rng.uniform(-0.5, 0.5, buses)])
    lines = {"from": start, "to": end, "g": rng.uniform(1, 5, n), "b": rng.uniform(-9, -2, n)}
    return {"n": n, "buses": buses, "x": x, "y": rng.normal(size=n), **lines}


DATA = {"chain": chain_data, "flow": flow_data}


# ------------------------------------------------------------------------------------------------------------- optc
def bound(problem: str, data: dict[str, Any]) -> Any:
    """The model with its data."""
    from optc.compiler.data import PythonValue, read_inputs
    from optc.compiler.instance.instance import build
    from optc.dsl.source import Source
    from optc.loading import load

    loaded = load(Source(problem, MODELS[problem]))
    assert loaded.program is not None, loaded.diagnostics
    given = {"n": data["n"]}
    if problem == "flow":
        given |= {name: data[name] for name in ("buses", "g", "b")}
        given |= {name: data[name] + 1 for name in ("from", "to")}
    values = [PythonValue(name, value) for name, value in given.items()]
    return build(loaded.program, read_inputs(loaded.program, values, folder=Path()))


def form_of(problem: str, data: dict[str, Any], times: int = 1) -> tuple[Any, Times]:
    """The nonlinear form, and milliseconds from bound data to the first values of the rows: the best of some."""
    from optc.compiler.lowerings import instance_to_nonlinear

    found = []
    for _ in range(times):
        instance = bound(problem, data)
        start, wall = time.thread_time(), time.perf_counter()
        form, _ = instance_to_nonlinear.lower(instance)
        form.evaluate_rows(data["x"])
        found.append((time.thread_time() - start, time.perf_counter() - wall))
    processor, wall = (1e3 * min(each) for each in zip(*found, strict=True))
    return form, {"first": processor, "first by the wall": wall}


def optc(problem: str, data: dict[str, Any], compiled: bool = True) -> System:
    form, first = form_of(problem, data, 3)
    start = time.perf_counter()
    ready = form.engine.compile(*WHAT) if compiled else form.engine.interpreted(*WHAT)
    assert ready is not False, form.diagnostics
    took = 1e3 * (time.perf_counter() - start)
    inputs = {name: {"x": data["x"]} for name in WHAT}
    inputs["hessian"] |= {"sigma": np.ones(1), "multipliers": data["y"]}
    out = {name: np.empty(form.engine.model.program(name).size) for name in WHAT}
    calls = {name: form.engine.bound(name, form.arrays, inputs[name], out[name]) for name in WHAT}
    constant = 8.0 if problem == "chain" else 0.0  # optc has it in the bounds of the rows
    patterns = form.jacobian_pattern, form.hessian_pattern
    return calls | {"more": first | {"ready": took}, "out": out, "patterns": patterns, "constant": constant}


def interpreted(problem: str, data: dict[str, Any]) -> System:
    return optc(problem, data, compiled=False)


# ---------------------------------------------------------------------------------------------- in their own processes
def elsewhere(name: str, problem: str, size: int, seconds: float, check: bool) -> tuple[Times, list[Any]] | str:
    """A system of ``peers/kernels_*.py`` run by a process of its own, held to one processor; or why it did not run."""
    if importlib.util.find_spec(name) is None:
        return "is not installed"
    if name == "casadi" and size > 200_000:
        return "is not built at this size, which takes minutes"
    environment = {**os.environ, "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "NUMBA_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.npz"
        command = [sys.executable, __file__, "--seconds", str(0 if check else seconds)]
        command += ["--child", name, problem, str(size), str(file)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            return f"failed: {(done.stderr.splitlines() or ['without a word'])[-1]}"
        times = json.loads(done.stdout.splitlines()[-1])
        with np.load(file) as kept:
            return times, [kept[key] for key in kept.files]


def child(name: str, problem: str, size: str, file: str, seconds: str | float) -> None:
    """Times as JSON to standard output, results to a file."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    data = DATA[problem](int(size))
    start = time.perf_counter()
    module = importlib.import_module(f"peers.kernels_{name}")
    loaded = time.perf_counter()
    made = module.system(problem, data)
    for what in WHAT:
        made[what]()
    ready = time.perf_counter()
    if "flat" in made:
        made["out"] = made["flat"]()
    np.savez(file, *result(problem, data, made))
    calls = {what: made[what] for what in WHAT} | made.get("also", {})
    times = {what: best(call, float(seconds)) if seconds else 0.0 for what, call in calls.items()}
    print(json.dumps(times | {"ready": 1e3 * (ready - loaded), "import": 1e3 * (loaded - start)}))


# ------------------------------------------------------------------------------------------------------------ check
def result(problem: str, data: dict[str, Any], made: System) -> list[Any]:
    """Value, gradient, rows, and Jacobian and Hessian of the Lagrangian times a vector."""
    from peers.kernels_c import patterns
    from scipy.sparse import coo_array

    for what in WHAT:
        made[what]()
    out = made["out"]
    n, m = len(data["x"]), len(data["y"])
    v = np.random.default_rng(1).normal(size=n)
    j, h = made.get("patterns") or patterns(problem, data)
    jacobian = coo_array((out["jacobian"], tuple(j)), shape=(m, n)).tocsr()
    half = coo_array((out["hessian"], tuple(h)), shape=(n, n)).tocsr()
    along = half @ v + half.T @ v - half.diagonal() * v
    return [out["value"], out["gradient"], out["rows"] - made.get("constant", 0.0), jacobian @ v, along]


def compare(problem: str, size: int, found: dict[str, list[Any]]) -> None:
    first, *others = found
    for other in others:
        for a, b in zip(found[first], found[other], strict=True):
            np.testing.assert_allclose(
                a, np.reshape(b, np.shape(a)), rtol=1e-10, atol=1e-8 * max(1.0, float(np.abs(a).max(initial=0.0)))
            )
    print(f"{problem} {size} agree: {', '.join(found)}")


if __name__ == "__main__":
    main()
