"""How long from a model text and arrays in memory to the problem inside HiGHS, against hand-written NumPy.

    python bench/build_models.py --peers PATH              every model at every size, ours and NumPy's
    python bench/build_models.py --models ufl --sizes 1e6  some of them

``--peers`` (or the environment variable ``OPTC_PEERS``) names a Python file with functions ``numpy_<model>(n, **data)``
and ``data(model, n)`` that build the same models by hand; without it only ours are run. ``network`` (arcs, slices and
filters) and ``update`` (one parameter changed, lowered again) have their NumPy versions here. Each cell runs in a
process of its own, ``--reps`` times; the median counts. ``parse`` is from text to program, ``build`` all the rest.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SIZES = {
    "basic": {"1e4": 70, "1e5": 224, "1e6": 707},
    "transport": {"1e4": 100, "1e5": 316, "1e6": 1000},
    "ufl": {"1e4": 100, "1e5": 316, "1e6": 1000},
    "fac": {"1e4": 13, "1e5": 29, "1e6": 62},
    "lqcp": {"1e4": 100, "1e5": 316, "1e6": 1000},
    "network": {"1e4": 10_000, "1e5": 100_000, "1e6": 1_000_000},
    "update": {"1e4": 100, "1e5": 316, "1e6": 1000},
}

MODELS = {
    "basic": """
param n : integer
set N = 0..n-1
var x[N, N]
var y[N, N]
minimize 2 * sum(x[i, j] for i in N, j in N) + sum(y[i, j] for i in N, j in N)
subject to
  a[i in N, j in N]: x[i, j] - y[i, j] >= i
  b[i in N, j in N]: x[i, j] + y[i, j] >= 0
""",
    "transport": """
param n : integer
set N = 0..n-1
param c[N, N]
param s[N]
param d[N]
var x[N, N] >= 0
minimize sum(c[i, j] * x[i, j] for i in N, j in N)
subject to
  supply[i in N]: sum(x[i, j] for j in N) <= s[i]
  demand[j in N]: sum(x[i, j] for i in N) >= d[j]
""",
    "ufl": """
param n : integer
set N = 0..n-1
param c[N, N]
param f[N]
var x[N, N] >= 0
var open[N] binary
minimize sum(c[i, j] * x[i, j] for i in N, j in N) + sum(f[i] * open[i] for i in N)
subject to
  serve[j in N]: sum(x[i, j] for i in N) == 1
  only[i in N, j in N]: x[i, j] <= open[i]
""",
    "fac": """
param n : integer
param M
set G = 0..n
set F = 0..n-1
set K = 0..1
var z[G, G, F] binary
var s[G, G, F] >= 0
var r[G, G, F, K]
var y[F, K] in [0, 1]
var d
minimize d
subject to
  assign[i in G, j in G]: sum(z[i, j, f] for f in F) == 1
  reach[i in G, j in G, f in F]: s[i, j, f] == d + M * (1 - z[i, j, f])
  east[i in G, j in G, f in F]: r[i, j, f, 0] == i / n - y[f, 0]
  north[i in G, j in G, f in F]: r[i, j, f, 1] == j / n - y[f, 1]
""",
    "lqcp": """
param n : integer
param dx
param dt
param h2
param a
set I = 0..n
set J = 0..n
param yt[J]
param w[j in J] = 0.25 * dx * (if j == 0 or j == n then 1 else 2)
param v[i in 1..n] = 0.25 * a * dt * (if i == n then 1 else 2)
var y[I, J] in [0, 1]
var u[1..n] in [-1, 1]
minimize sum(w[j] * (y[n, j] - yt[j])^2 for j in J) + sum(v[i] * u[i]^2 for i in 1..n)
subject to
  pde[i in 0..n-1, j in 1..n-1]: h2 * (y[i+1, j] - y[i, j]) == 0.5 * dt * (
    y[i, j-1] - 2*y[i, j] + y[i, j+1] + y[i+1, j-1] - 2*y[i+1, j] + y[i+1, j+1])
  ic[j in J]: y[0, j] == 0
  b1[i in 1..n]: y[i, 2] - 4*y[i, 1] + 3*y[i, 0] == 0
  b2[i in 1..n]: y[i, n-2] - 4*y[i, n-1] + 3*y[i, n] == 2 * dx * (u[i] - y[i, n])
""",
    "network": """
param n : integer
set N = 0..n-1
set A within N * N
param b[N]
param c[A]
param cap[A]
var f[(i, j) in A] in [0, cap[i, j]]
minimize sum(c[i, j] * f[i, j] for (i, j) in A)
subject to
  balance[i in N]: sum(f[i, j] for (i, j) in A) - sum(f[j, i] for (j, i) in A) == b[i]
  tight[(i, j) in A if cap[i, j] < 1]: f[i, j] <= 0.5 * cap[i, j]
""",
}
MODELS["update"] = MODELS["transport"]


# ---------------------------------------------------------------------------------------------------------- ours
def program_of(text: str) -> Any:
    from optc.dsl.check import check
    from optc.dsl.parse import parse
    from optc.dsl.source import Source

    parsed = parse(Source("<text>", text))
    checked = check(parsed.model, lambda _name: None)
    if checked.program is None:
        raise SystemExit("\n".join(d.message for d in (*parsed.diagnostics, *checked.diagnostics)))
    return checked.program


def bound(program: Any, data: Mapping[str, Any]) -> Any:
    from optc.compiler.data import PythonValue, read_inputs
    from optc.compiler.instance import build

    return build(program, read_inputs(program, [PythonValue(k, v) for k, v in data.items()], folder=Path()))


def lowered(instance: Any, quadratic: bool) -> Any:
    from optc.compiler.lowerings import instance_to_linear, instance_to_quadratic

    lowering = instance_to_quadratic if quadratic else instance_to_linear
    reason = lowering.accepts(instance)
    if reason is not None:
        raise SystemExit(reason.message)
    return lowering.lower(instance)[0]


def load(form: Any) -> Any:
    import highspy
    import numpy as np

    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    rows, columns = form.shape
    integer = form.integer.astype(np.int32)
    arrays = [form.cost, form.lower, form.upper, form.row_lower, form.row_upper, form.starts, form.indices, form.values]
    if hasattr(form, "hessian_starts"):
        hessian = [form.hessian_starts, form.hessian_indices, form.hessian_values]
        counts = (columns, rows, len(form.values), len(form.hessian_values))
        h.passModel(*counts, 2, 1, 1, form.offset, *arrays, *hessian, integer)
    else:
        h.passModel(columns, rows, len(form.values), 2, 1, form.offset, *arrays, integer)
    return h


def ours(model: str, data: Mapping[str, Any]) -> tuple[Any, dict[str, float]]:
    marks = [(time.perf_counter(), time.process_time())]

    def mark() -> None:
        marks.append((time.perf_counter(), time.process_time()))

    program = program_of(MODELS[model])
    mark()
    instance = bound(program, data)
    mark()
    form = lowered(instance, model == "lqcp")
    mark()
    problem = load(form)
    mark()
    names = ("parse", "bind", "lower", "load")
    wall = {f"{n}_s": b[0] - a[0] for n, a, b in zip(names, marks, marks[1:], strict=False)}
    return problem, {**wall, "parse_cpu": marks[1][1] - marks[0][1], "build_cpu": marks[-1][1] - marks[1][1]}


def updated(data: dict[str, Any]) -> tuple[Any, dict[str, float]]:
    """From scratch against one parameter changed."""
    import numpy as np

    start = time.process_time()
    instance = bound(program_of(MODELS["transport"]), data)
    lowered(instance, False)
    scratch = time.process_time() - start
    costs, loads = data["c"] * 1.5, data["d"] * 0.5
    start = time.process_time()
    lowered(instance.update(c=costs), False)
    cost_time = time.process_time() - start
    start = time.process_time()
    form = lowered(instance.update(d=loads), False)
    load_time = time.process_time() - start
    assert np.array_equal(form.row_lower[-len(loads) :], loads)
    return load(form), {"build_cpu": scratch, "update_cost_cpu": cost_time, "update_demand_cpu": load_time}


# --------------------------------------------------------------------------------------------------------- NumPy's
def network_data(arcs: int) -> dict[str, Any]:
    import numpy as np

    rng = np.random.default_rng(1)
    nodes = max(arcs // 10, 2)
    keys = np.unique(rng.integers(0, nodes * nodes, int(arcs * 1.2)))
    keys = rng.permutation(keys)[:arcs]
    tail, head = keys // nodes, keys % nodes
    return {
        "nodes": nodes,
        "tail": tail,
        "head": head,
        "b": np.zeros(nodes),
        "c": rng.uniform(1, 9, len(keys)),
        "cap": rng.uniform(0.1, 5, len(keys)),
    }


def numpy_network(nodes: int, tail: Any, head: Any, b: Any, c: Any, cap: Any) -> Any:
    import highspy
    import numpy as np
    from scipy.sparse import coo_matrix

    arcs = np.arange(len(tail), dtype=np.int32)
    tight = np.flatnonzero(cap < 1).astype(np.int32)
    rows = np.concatenate([tail, head, nodes + np.arange(len(tight))]).astype(np.int32)
    columns = np.concatenate([arcs, arcs, tight])
    values = np.concatenate([np.ones(len(arcs)), -np.ones(len(arcs)), np.ones(len(tight))])
    matrix = coo_matrix((values, (rows, columns)), shape=(nodes + len(tight), len(arcs))).tocsr()
    lower = np.concatenate([b, np.full(len(tight), -np.inf)])
    upper = np.concatenate([b, 0.5 * cap[tight]])
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    h.passModel(
        len(arcs), matrix.shape[0], matrix.nnz, 2, 1, 0.0, c, np.zeros(len(arcs)), cap, lower, upper,
        matrix.indptr, matrix.indices, matrix.data, np.zeros(len(arcs), np.int32),
    )  # fmt: skip
    return h


def peers(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("peers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------------------------ cells
def ours_data(model: str, n: int, path: str | None) -> dict[str, Any]:
    if model == "network":
        d = network_data(n)
        import numpy as np

        order = {"A": np.column_stack([d["tail"], d["head"]]), "n": d["nodes"]}
        return {**order, "b": d["b"], "c": d["c"], "cap": d["cap"]}
    data = dict(peers(path).data("transport" if model == "update" else model, n)) if path else own_data(model, n)
    data["n"] = n
    if model == "fac":
        data["M"] = 2 * 2**0.5
    return data


def own_data(model: str, n: int) -> dict[str, Any]:
    import numpy as np

    rng = np.random.default_rng(1)
    square, line = rng.uniform(1, 10, (n, n)), rng.uniform(10, 20, n)
    if model in ("transport", "update"):
        return {"c": square, "s": line, "d": rng.uniform(1, 9, n)}
    if model == "ufl":
        return {"c": square, "f": line}
    if model == "lqcp":
        dx = 1.0 / n
        yt = 0.5 * (1 - (np.arange(n + 1) * dx) ** 2)
        return {"dx": dx, "dt": 1.58 / n, "h2": dx * dx, "a": 0.001, "yt": yt}
    return {}


def memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cell(system: str, model: str, n: int, path: str | None) -> dict[str, Any]:
    import highspy  # noqa: F401 - imports are not timed
    import numpy as np  # noqa: F401
    import scipy.sparse  # noqa: F401

    small = 20
    if system == "optc":
        run = updated if model == "update" else (lambda data: ours(model, data))
        run(ours_data(model, small if model != "network" else 200, path))
        data = ours_data(model, n, path)
        base = memory()
        problem, times = run(data)
    else:
        if model == "network":
            build, data = numpy_network, network_data(n)
            build(**network_data(200))
        else:
            module = peers(path or "")
            build, data = getattr(module, f"numpy_{model}"), {"n": n, **module.data(model, n)}
            build(small, **module.data(model, small))
        base = memory()
        wall, cpu = time.perf_counter(), time.process_time()
        problem = build(**data)
        times = {"build_s": time.perf_counter() - wall, "build_cpu": time.process_time() - cpu}
    shape = (problem.getNumCol(), problem.getNumRow(), problem.getNumNz())
    return {**times, "base_mb": base, "peak_mb": memory(), "shape": shape}


def measured(system: str, model: str, n: int, reps: int, path: str | None) -> dict[str, Any]:
    command = [sys.executable, __file__, "--cell", system, model, str(n), *(["--peers", path] if path else [])]
    found = []
    for _ in range(reps):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        found.append(json.loads(done.stdout.splitlines()[-1]))
    numbers = {k: round(statistics.median(f[k] for f in found), 4) for k in found[0] if k != "shape"}
    return {**numbers, "shape": found[0]["shape"]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cell", nargs=3)
    parser.add_argument("--models", default=",".join(SIZES))
    parser.add_argument("--sizes", default="1e4,1e5,1e6")
    parser.add_argument("--reps", type=int, default=5)
    parser.add_argument("--peers", default=os.environ.get("OPTC_PEERS"))
    options = parser.parse_args()
    if options.cell:
        system, model, n = options.cell
        print("\n" + json.dumps(cell(system, model, int(n), options.peers)))
        return
    for model in options.models.split(","):
        for size in options.sizes.split(","):
            n = SIZES[model][size]
            line = measured("optc", model, n, options.reps, options.peers)
            print(f"{model:10}{size:5} optc  {line}", flush=True)
            if model == "update" or (model != "network" and not options.peers):
                continue
            floor = measured("numpy", model, n, options.reps, options.peers)
            assert floor["shape"] == line["shape"], (floor["shape"], line["shape"])
            cpu, peak = line["build_cpu"] / floor["build_cpu"], line["peak_mb"] / floor["peak_mb"]
            print(f"{model:10}{size:5} numpy {floor}\n{'':15} cpu {cpu:.2f} x, peak memory {peak:.2f} x", flush=True)


if __name__ == "__main__":
    main()
