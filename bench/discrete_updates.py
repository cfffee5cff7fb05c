"""``Problem.update`` of discrete models, to the lowered form, against the same data from the text on.

    python bench/discrete_updates.py               every model at about 1e5 and 1e6 non-zeros, seven times each
    python bench/discrete_updates.py --sizes 1e5 --reps 3

Of each model the parameters are changed one at a time, in a process of its own; medians of CPU seconds count. The form
is compared with the one from scratch, array by array. ``abs`` stands where it is not convex, so its rows have a big-M
for each, which follows from bounds and data.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from typing import Any

Data = dict[str, Any]

MODELS = {
    "kinks": """
param n : integer
set N = 0..n-1
set K = 0..49
param a[N, K]
param target, w [N]
param cap
var x[K] in [0, cap]
maximize sum(w[i] * abs(sum(a[i, k] * x[k] for k in K) - target[i]) for i in N)
subject to
  s: sum(x[k] for k in K) <= 50
""",
    "products": """
param n : integer
set N = 0..n-1
param c[N, N]
param cap[N]
var b[N] binary
var x[N, N] in [0, 10]
maximize sum(c[i, j] * b[i] * x[i, j] for i in N, j in N)
subject to
  s[i in N]: sum(x[i, j] for j in N) <= cap[i]
  k: sum(b[i] for i in N) <= n / 2
""",
    "indicators": """
param n : integer
set N = 0..n-1
param c[N, N]
param cap[N]
var b[N, N] binary
var x[N, N] in [0, 10]
minimize sum(c[i, j] * b[i, j] for i in N, j in N)
subject to
  s[j in N]: sum(x[i, j] for i in N) >= cap[j]
  q[i in N, j in N]: b[i, j] == 0 => x[i, j] <= 0.1 * cap[i]
""",
    "choices": """
param n : integer
set N = 0..n-1
set O = 0..n-1
param c[N, O]
param size[O]
choose z[N] from O
minimize sum(c[i, z[i]] for i in N)
subject to
  s: sum(size[z[i]] for i in N) <= 1.5 * n
""",
    "ordered sets": """
param n : integer
set N = 0..n-1
param c[N, N]
param cap[N]
var x[N, N] in [0, 10]
maximize sum(c[i, j] * x[i, j] for i in N, j in N)
subject to
  s[j in N]: sum(c[i, j] * x[i, j] for i in N) <= cap[j]
  q[i in N]: sos2(x[i, j] for j in N)
""",
}
ROUTES = {  # the lowerings to take, of those there are
    "kinks": ("kinks to rows", "instance to linear"),
    "products": ("products to rows", "instance to linear"),
    "indicators": ("instance to discrete",),
    "choices": ("choices to binaries", "instance to linear"),
    "ordered sets": ("instance to discrete",),
}
PER = {"kinks": 104, "products": 5, "indicators": 2, "choices": 2, "ordered sets": 1}  # non-zeros: times n, or n * n
CHANGES = {
    "kinks": ("w", "target", "cap", "a"),
    "products": ("c", "cap"),
    "indicators": ("c", "cap"),
    "choices": ("c", "size"),
    "ordered sets": ("c", "cap"),
}


def data(model: str, n: int) -> Data:
    import numpy as np

    rng = np.random.default_rng(1)
    if model == "kinks":
        vectors = {"target": rng.uniform(10, 20, n), "w": rng.uniform(1, 2, n)}
        return {"n": n, "a": rng.uniform(1, 2, (n, 50)), "cap": 3.0, **vectors}
    other = "size" if model == "choices" else "cap"
    return {"n": n, "c": rng.uniform(1, 2, (n, n)), other: rng.uniform(1 if model == "choices" else 10, 20, n)}


def form_of(model: str, problem: Any) -> Any:
    """The form at the end of the model's route."""
    from optc.compiler.lowering import every, lower_along

    by_name = {step.name: step for step in every()}
    found = lower_along(tuple(by_name[name] for name in ROUTES[model]), problem.instance)
    return found.form


def cell(model: str, n: int) -> dict[str, Any]:
    """CPU seconds from scratch, and of each parameter's update."""
    import numpy as np

    import optc

    form_of(model, optc.parse(MODELS[model]).bind(data(model, 5)))
    given = data(model, n)
    gc.collect()
    begin = time.process_time()
    problem = optc.parse(MODELS[model]).bind(given)
    form = form_of(model, problem)
    found: dict[str, Any] = {"scratch": time.process_time() - begin, "filled": len(form.values)}
    for name in CHANGES[model]:
        for factor in (1.1, 1.2):  # the first one keeps what there is to keep
            changed = {name: given[name] * factor}
            begin = time.process_time()
            updated = form_of(model, problem.update(**changed))
            found[name] = time.process_time() - begin
        anew = form_of(model, optc.parse(MODELS[model]).bind({**given, **changed}))
        for part in ("cost", "starts", "indices", "values", "row_lower", "row_upper", "lower", "upper"):
            if not np.array_equal(getattr(updated, part), getattr(anew, part)):
                raise SystemExit(f"{model}: the update of {name} is not the model with the new data ({part})")
    return found


def apart(model: str, n: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--cell", model, str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--sizes", default="1e5,1e6", help="non-zeros, about")
    parser.add_argument("--reps", type=int, default=7, help="runs of each cell; medians count")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cell:
        print("\n" + json.dumps(cell(options.cell[0], int(options.cell[1]))))
        return 0
    print("| model | non-zeros | from scratch | changed | update | times faster |\n|:--|--:|--:|:--|--:|--:|")
    for model in options.models.split(","):
        for size in map(float, options.sizes.split(",")):
            n = int(size / PER[model] if model == "kinks" else (size / PER[model]) ** 0.5)
            runs = [apart(model, n) for _ in range(options.reps)]
            scratch = statistics.median(run["scratch"] for run in runs)
            for name in CHANGES[model]:
                taken = statistics.median(run[name] for run in runs)
                start = f"| {model} | {runs[0]['filled']:,} | {scratch:.4f}"
                print(f"{start} | `{name}` | {taken:.4f} | {scratch / taken:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
