"""From a model text and arrays in memory to the problem inside HiGHS: optc, by hand, and other systems.

    python bench/build_models.py                                       every model, size and system, five times each
    python bench/build_models.py --models ufl --sizes 1e6 --reps 3     some of them
    python bench/build_models.py --systems optc,numpy                  some systems
    python bench/build_models.py --check                               tiny sizes, solved: do the optima agree?

Each run of each cell has a process of its own, in which the same model was built once at a tiny size before; the
systems take turns, and medians count. Nothing is solved but with ``--check``. CPU seconds are those of all threads,
peak memory is that of the whole process with what it imports. What optc takes is from the text on, parsing included.
``numpy`` writes the rows down as HiGHS stores them, ``scipy`` gathers coordinates; both by hand, for each model anew.
CVXPY ends at the arrays that it would pass to HiGHS. ``update`` is optc alone: ``transport`` with one parameter changed
and lowered again, against from scratch.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SIZES = {  # model -> columns, about -> n
    "basic": {"1e4": 70, "1e5": 224, "1e6": 707},
    "transport": {"1e4": 100, "1e5": 316, "1e6": 1000},
    "ufl": {"1e4": 100, "1e5": 316, "1e6": 1000},
    "fac": {"1e4": 13, "1e5": 29, "1e6": 62},
    "lqcp": {"1e4": 100, "1e5": 316, "1e6": 1000},
    "network": {"1e4": 10_000, "1e5": 100_000, "1e6": 1_000_000},
}
TINY = {"basic": 4, "transport": 5, "ufl": 5, "fac": 3, "lqcp": 6, "network": 200}
SYSTEMS = ("optc", "numpy", "scipy", "linopy", "cvxpy", "pyoptinterface", "pyomo")
FLOORS = {"numpy": "NumPy by hand", "scipy": "SciPy by hand"}
INSTALL = 'pip install "optc[bench]", or in a clone: pip install -e ".[bench]"'
AGREE = 1e-6
FOLDER = Path(__file__).parent

Data = dict[str, Any]


# ------------------------------------------------------------------------------------------------------------- data
def data(model: str, n: int) -> Data:
    """The arrays of a model by the names of its parameters, ``n`` among them; the same for every system."""
    import numpy as np

    rng = np.random.default_rng(1)
    if model == "network":
        return network(n, rng)
    found: Data = {"n": n}
    match model:
        case "transport":
            found |= {"c": rng.uniform(1, 10, (n, n)), "s": rng.uniform(10, 20, n), "d": rng.uniform(1, 9, n)}
        case "ufl":
            found |= {"c": rng.uniform(1, 10, (n, n)), "f": rng.uniform(10, 20, n)}
        case "fac":
            found |= {"M": 2 * 2**0.5}
        case "lqcp":
            target = 0.5 * (1 - np.linspace(0, 1, n + 1) ** 2)
            found |= {"dx": 1 / n, "dt": 1.58 / n, "h2": 1 / n**2, "a": 0.001, "yt": target}
    return found


def network(arcs: int, rng: Any) -> Data:
    """About that many arcs between a tenth as many nodes; the needs are those of a flow that there is."""
    import numpy as np

    nodes = arcs // 10
    keys = rng.permutation(np.unique(rng.integers(0, nodes * nodes, int(arcs * 1.2))))[:arcs]
    tail, head = keys // nodes, keys % nodes
    cap = rng.uniform(0.1, 5, len(keys))
    flow = rng.uniform(0, 0.5, len(keys)) * cap
    need = np.bincount(tail, flow, nodes) - np.bincount(head, flow, nodes)
    arrays = {"b": need, "c": rng.uniform(1, 9, len(keys)), "cap": cap}
    return {"n": nodes, "A": np.column_stack([tail, head]), **arrays}


# ------------------------------------------------------------------------------------------------------------- ours
Mark = tuple[float, float]  # wall and CPU seconds


def now() -> Mark:
    return time.perf_counter(), time.process_time()


def text(model: str, salt: int) -> str:
    """The model's text; ``salt`` makes it new, so that nothing which knows the old one can help."""
    return f"# {salt}\n" + (FOLDER / "models" / f"{model}.opt").read_text(encoding="utf-8")


def ours(model: str, given: Mapping[str, Any], salt: int = 0) -> tuple[Any, dict[str, Mark]]:
    """The problem inside HiGHS by the steps that ``Problem.solve`` takes, and the time at the end of each."""
    import optc
    from optc.backends import highs
    from optc.backends.registry import every
    from optc.compiler.plan import plan, take

    marks: dict[str, Mark] = {}
    checked = optc.parse(text(model, salt))
    marks["parse"] = now()
    problem = checked.bind(given)
    marks["bind"] = now()
    routes, lowered = take(plan(problem.instance, every()), problem.instance)
    if lowered is None:
        raise SystemExit(routes.text())
    marks["lower"] = now()
    inside = highs.load(lowered.form)
    marks["load"] = now()
    return inside, marks


def updated(given: Mapping[str, Any]) -> dict[str, float]:
    """CPU seconds from scratch, and with the costs or the demands of ``transport`` changed, to the lowered form."""
    import numpy as np

    import optc

    begin = time.process_time()
    problem = optc.parse(text("transport", 1)).bind(given)
    problem.lower()
    found = {"scratch": time.process_time() - begin}
    for name, values in (("c", given["c"] * 1.5), ("d", given["d"] * 0.5)):
        begin = time.process_time()
        form = problem.update(**{name: values}).lower()
        found[name] = time.process_time() - begin
        into = form.cost if name == "c" else form.row_lower[-len(values) :]
        if not np.array_equal(into, values.ravel()):
            raise SystemExit(f"the update of {name} did not arrive")
    return found


# ------------------------------------------------------------------------------------------------------------ cells
def cell(system: str, model: str, n: int) -> dict[str, Any]:
    """One measurement, in this process: seconds, MiB, shape; ``missing`` where the system is not installed."""
    if model == "update":
        updated(data("transport", TINY["transport"]))
        return updated(data("transport", n))
    try:
        build, shape, _ = parts(system, model)
        build(TINY[model], data(model, TINY[model]))
    except ModuleNotFoundError as absent:
        return {"missing": absent.name}
    arrays = data(model, n)
    gc.collect()
    base = peak()
    begin = now()
    problem, marks = build(n, arrays)
    end = now()
    steps = {}
    last = begin
    for step, mark in marks.items():
        steps[step] = mark[1] - last[1]
        last = mark
    seconds = {"wall": end[0] - begin[0], "cpu": end[1] - begin[1]}
    return {**seconds, "base": base, "peak": peak(), "steps": steps, "shape": shape(problem)}


def solved(system: str, model: str) -> dict[str, Any]:
    """The optimum of the tiny model."""
    try:
        build, shape, optimum = parts(system, model)
        problem, _ = build(TINY[model], data(model, TINY[model]))
    except ModuleNotFoundError as absent:
        return {"missing": absent.name}
    found = {"optimum": optimum(problem), "shape": shape(problem)}
    return found | {"arrays": written_out(problem)} if system in ("optc", "numpy") else found


def written_out(problem: Any) -> list[list[float]]:
    """Costs, bounds and rows of what is inside HiGHS, every row in full."""
    import numpy as np
    from scipy.sparse import csc_array, csr_array

    lp = problem.getLp()
    parts_ = (lp.a_matrix_.value_, lp.a_matrix_.index_, lp.a_matrix_.start_)
    kind = csc_array if lp.a_matrix_.format_.name == "kColwise" else csr_array
    rows = kind(parts_, shape=(lp.num_row_, lp.num_col_)).toarray()
    bounds = (lp.col_cost_, lp.col_lower_, lp.col_upper_, lp.row_lower_, lp.row_upper_, [lp.offset_])
    return [np.asarray(each, float).tolist() for each in (*bounds, *rows)]


def same_arrays(cells: Mapping[str, Any]) -> bool:
    """Whether optc and NumPy passed the same numbers, up to rounding; the optimum of ``fac`` says little."""
    own, floor = (cells.get(system, {}).get("arrays") for system in ("optc", "numpy"))
    if own is None or floor is None:
        return True
    pairs = [(a, b) for first, second in zip(own, floor, strict=True) for a, b in zip(first, second, strict=True)]
    return all(a == b or abs(a - b) <= 1e-12 * max(abs(a), abs(b)) for a, b in pairs)


Build = Callable[[int, Data], tuple[Any, dict[str, Mark]]]


def parts(system: str, model: str) -> tuple[Build, Callable[[Any], Any], Callable[[Any], float]]:
    """How a system builds the model, tells its shape and solves it. Raises ModuleNotFoundError."""
    if system == "optc":
        from peers.numpy import optimum, shape

        return (lambda n, given: ours(model, given, n)), shape, optimum
    module = importlib.import_module(f"peers.{system}")
    build = getattr(module, model)
    return (lambda n, given: (build(n, given), {})), module.shape, module.optimum


def expressible(system: str, model: str) -> bool:
    """Whether there is a version of the model of the system's own; SciPy's network is NumPy's."""
    return system in ("optc", "numpy") or model != "network"


def peak() -> float:
    """The most memory that this process had at any time, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def apart(*arguments: str, timeout: float) -> dict[str, Any]:
    """What a process of its own finds; ``failed`` with the reason where it does not end well."""
    command = [sys.executable, __file__, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"failed": f"> {timeout:g} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip() or done.stdout.strip() or str(done.returncode)).splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# ----------------------------------------------------------------------------------------------------------- tables
def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    if any("failed" in run or "missing" in run for run in runs):
        return next(run for run in runs if "failed" in run or "missing" in run)
    first = runs[0]
    numbers = {k: statistics.median(run[k] for run in runs) for k, v in first.items() if isinstance(v, (int, float))}
    if "shape" not in first:
        return numbers
    steps = {step: statistics.median(run["steps"][step] for run in runs) for step in first["steps"]}
    return {**numbers, "steps": steps, "shape": first["shape"]}


def measure(models: list[str], sizes: list[str], systems: list[str], reps: int, timeout: float) -> dict[str, Any]:
    """Medians by ``model size`` and system; a line for each as it comes."""
    found: dict[str, Any] = {}
    missing: set[str] = set()
    for model in models:
        for size in sizes:
            n = str(SIZES[model][size])
            runs: dict[str, list[dict[str, Any]]] = {}
            for _ in range(reps):
                for system in systems:
                    failed = system in runs and "failed" in runs[system][-1]
                    if system in missing or failed or not expressible(system, model):
                        continue
                    run = apart("--cell", system, model, n, timeout=timeout)
                    if "missing" in run:
                        print(f"{system} is left out, `{run['missing']}` is missing: {INSTALL}", flush=True)
                        missing.add(system)
                        continue
                    runs.setdefault(system, []).append(run)
            cells = {system: medians(each) for system, each in runs.items()}
            found[f"{model} {size}"] = cells
            for system, each in cells.items():
                print(f"{model:10}{size:5}{system:15}{line(each)}", flush=True)
            compare_shapes(f"{model} {size}", cells)
    return found


def line(numbers: Mapping[str, Any]) -> str:
    if "failed" in numbers:
        return f"failed: {numbers['failed']}"
    steps = ", ".join(f"{step} {seconds:.4f}" for step, seconds in numbers["steps"].items())
    memory = f"peak {numbers['peak']:.0f} MiB, {numbers['peak'] - numbers['base']:.0f} of it for the model"
    return f"cpu {numbers['cpu']:.4f} s, wall {numbers['wall']:.4f} s, {memory}{f' ({steps})' if steps else ''}"


def compare_shapes(name: str, cells: Mapping[str, Any]) -> bool:
    """Whether what optc built has as many columns, rows and non-zeros as the floor; others' differences are noted.

    A system may have other rows for the same problem (CVXPY writes bounds as rows), so only the floor's must agree.
    """
    shapes = {system: each["shape"] for system, each in cells.items() if "shape" in each}
    floor = shapes.get("numpy")
    for system, each in shapes.items():
        if floor and any(a is not None and a != b for a, b in zip(each, floor, strict=True)):
            print(f"{name}: {system} has columns, rows, non-zeros {each}, NumPy has {floor}")
    return not floor or "optc" not in shapes or shapes["optc"] == floor


def table(found: Mapping[str, Any], systems: list[str], unit: str, title: str, form: str) -> str:
    """A Markdown table: optc, each floor and how many times it optc takes, then the others."""
    floors = [system for system in systems if system in FLOORS]
    others = [system for system in systems if system not in FLOORS and system != "optc"]
    head = ["model", "columns", "optc", *(word for each in floors for word in (FLOORS[each], "ratio")), *others]
    lines = [f"{title}\n", "| " + " | ".join(head) + " |", "|:--|" + "--:|" * (len(head) - 1)]
    for name, cells in found.items():
        own = cells.get("optc", {})
        model, size = name.split()
        row = [model, f"{own['shape'][0]:,}" if "shape" in own else size, _number(own, unit, form)]
        for each in floors:
            floor = cells.get(each, {})
            row += [
                _number(floor, unit, form),
                f"{own[unit] / floor[unit]:.2f}" if unit in own and unit in floor else "",
            ]
        row += [_number(cells.get(system, {}), unit, form) for system in others]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def _number(numbers: Mapping[str, Any], unit: str, form: str) -> str:
    return format(numbers[unit], form) if unit in numbers else "failed" * ("failed" in numbers)


def beyond_parsing(found: Mapping[str, Any]) -> str:
    """optc's CPU seconds by step."""
    steps = ("parse", "bind", "lower", "load")
    lines = ["optc's CPU seconds by step\n", f"| model | columns | {' | '.join(steps)} | beyond parsing |"]
    lines.append("|:--|" + "--:|" * 6)
    for name, cells in found.items():
        own = cells.get("optc", {})
        if "steps" in own:
            numbers = [own["steps"][step] for step in steps]
            cut = " | ".join(f"{each:.4f}" for each in (*numbers, own["cpu"] - numbers[0]))
            lines.append(f"| {name.split()[0]} | {own['shape'][0]:,} | {cut} |")
    return "\n".join(lines)


def update_table(sizes: list[str], reps: int, timeout: float) -> str:
    lines = ["`update` of transport and lowering again, CPU seconds\n"]
    lines += ["| columns | from scratch | costs changed | times faster | demands changed | times faster |"]
    lines += ["|--:|--:|--:|--:|--:|--:|"]
    for size in sizes:
        n = SIZES["transport"][size]
        each = medians([apart("--cell", "optc", "update", str(n), timeout=timeout) for _ in range(reps)])
        if "failed" in each:
            lines.append(f"| {n * n:,} | {each['failed']} | | | | |")
            continue
        parts_ = (f"{each[name]:.4f} | {each['scratch'] / each[name]:.1f}" for name in "cd")
        lines.append(f"| {n * n:,} | {each['scratch']:.4f} | {' | '.join(parts_)} |")
    return "\n".join(lines)


def check(models: list[str], systems: list[str], timeout: float) -> int:
    """Solves the tiny models in every system. 1 where optima differ by more than 1e-6, relative, or something fails."""
    wrong = 0
    for model in models:
        cells = {}
        for system in systems:
            if not expressible(system, model):
                continue
            run = apart("--solve", system, model, timeout=timeout)
            if "missing" in run:
                print(f"{model:10} {system} is left out, `{run['missing']}` is missing: {INSTALL}")
            elif "failed" in run:
                print(f"{model:10} {system} failed: {run['failed']}")
                wrong += 1
            else:
                cells[system] = run
        optima = {system: run["optimum"] for system, run in cells.items()}
        spread = max(optima.values()) - min(optima.values()) if optima else 0.0
        agree = spread <= AGREE * max(1e-3, *map(abs, optima.values())) if optima else False
        same = compare_shapes(model, cells) and same_arrays(cells)
        if not same:
            print(f"{model:10} optc and NumPy do not pass the same problem to HiGHS")
        wrong += not (agree and same)
        print(f"{model:10} {'agree' if agree else 'DIFFER'} (spread {spread:.1e}): {optima}")
    return int(wrong > 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join([*SIZES, "update"]))
    parser.add_argument("--sizes", default="1e4,1e5,1e6", help="columns, about")
    parser.add_argument("--systems", default=",".join(SYSTEMS))
    parser.add_argument("--reps", type=int, default=5, help="runs of each cell; medians count")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one run")
    parser.add_argument("--check", action="store_true", help="solve tiny models and compare the optima")
    parser.add_argument("--json", metavar="FILE", help="write all medians there too")
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--solve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell or options.solve:
        system, model, *n = options.cell or options.solve
        found = cell(system, model, int(n[0])) if n else solved(system, model)
        print("\n" + json.dumps(found))
        return 0
    models, sizes, systems = (getattr(options, name).split(",") for name in ("models", "sizes", "systems"))
    builds = [model for model in models if model != "update"]
    if options.check:
        return check(builds, systems, options.timeout)
    found = measure(builds, sizes, systems, options.reps, options.timeout)
    print("\n" + table(found, systems, "cpu", "CPU seconds", ".4f"))
    print("\n" + table(found, systems, "wall", "Wall seconds", ".4f"))
    print("\n" + table(found, systems, "peak", "Peak memory of the process, MiB", ".0f"))
    print("\n" + beyond_parsing(found))
    if "update" in models:
        print("\n" + update_table(sizes, options.reps, options.timeout))
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
