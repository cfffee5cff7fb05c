"""Branch and bound on complementarity pairs against SCIP with the same pairs as special ordered sets of type 1.

    python bench/complementarity_vs_sos.py                    50 random instances, 25 linear and 25 convex quadratic
    python bench/complementarity_vs_sos.py --instances 10 --pairs 30 --limit 20

Each instance is  min c'x + d'y (+ a convex quadratic)  over  Ax + By >= f,  0 <= x <= 1,  0 <= y  complementary to
q + Nx + My >= 0,  with M = [[D, E], [-E', F]], D and F diagonal and positive (the kind of instance of J. Hu,
J. E. Mitchell, J.-S. Pang, K. P. Bennett, G. Kunapuli, "On the global solution of linear programs with linear
complementarity constraints", SIAM J. Optim. 19 (2008)). Both run on one thread, in turn, with the same relative gap
and time limit; building SCIP's model is not counted, passing ours to HiGHS is. The medians are of seconds by the wall
clock and of the processor, and of nodes; an instance that was stopped counts with the time it had. Needs ``pyscipopt``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from pyscipopt import Model, quicksum

from optc.backends import complementarity_bb
from optc.backends.complementarity_bb import search
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.complementarity import ComplementarityForm

GAP = 1e-6
AGREE = 1e-5  # relative difference of two optima that are the same


@dataclass(frozen=True, slots=True)
class Run:
    """One instance by one method. ``objective`` is None where no point was found."""

    solved: bool
    objective: float | None
    wall: float
    cpu: float
    nodes: int


def instance(seed: int, pairs: int, *, quadratic: bool) -> ComplementarityForm:
    """A random instance with that many pairs, a fifth as many columns x and rows of its own."""
    random = np.random.default_rng(seed)
    few = max(2, pairs // 5)
    half = pairs // 2
    coupling = random.uniform(-2.0, 2.0, (half, pairs - half)) * (random.random((half, pairs - half)) < 0.3)
    matrix = np.diag(random.uniform(0.1, 2.0, pairs))
    matrix[:half, half:], matrix[half:, :half] = coupling, -coupling.T
    effect = random.uniform(-3.0, 3.0, (pairs, few))
    constant = random.uniform(-2.0, 1.0, pairs)
    first = np.hstack([random.uniform(0.0, 1.0, (few, few)), random.uniform(0.0, 1.0, (few, pairs))])
    need = 0.3 * first.sum(axis=1)
    # Columns: x, y, and s = q + Nx + My.
    rows = np.vstack([np.hstack([first, np.zeros((few, pairs))]), np.hstack([-effect, -matrix, np.eye(pairs)])])
    columns = few + 2 * pairs
    owner, column = np.nonzero(rows)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(rows)))])
    cost = np.concatenate([random.uniform(0.0, 1.0, few), random.uniform(0.0, 1.0, pairs), np.zeros(pairs)])
    hessian = np.zeros((columns, columns))
    if quadratic:
        factor = random.normal(size=(few + pairs, few))
        hessian[: few + pairs, : few + pairs] = factor @ factor.T / few
        cost[: few + pairs] -= random.uniform(0.0, 1.0, few + pairs)
    at, below = np.nonzero(np.tril(hessian).T)
    return ComplementarityForm(
        sense="minimize",
        cost=cost,
        offset=0.0,
        starts=starts.astype(np.int32),
        indices=column.astype(np.int32),
        values=rows[owner, column],
        row_lower=np.concatenate([need, constant]),
        row_upper=np.concatenate([np.full(few, np.inf), constant]),
        lower=np.zeros(columns),
        upper=np.concatenate([np.ones(few), np.full(2 * pairs, np.inf)]),
        integer=np.zeros(columns, dtype=np.bool_),
        hessian_starts=np.concatenate([[0], np.cumsum(np.bincount(at, minlength=columns))]).astype(np.int32),
        hessian_indices=below.astype(np.int32),
        hessian_values=np.tril(hessian).T[at, below],
        pairs=np.stack([few + np.arange(pairs), few + pairs + np.arange(pairs)], axis=1).astype(np.int32),
    )


def ours(form: ComplementarityForm, limit: float) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    context = contexts.start(time_limit=limit, threads=1)
    answer, statistics_ = search.search(form, Goal(gap=GAP), complementarity_bb.Options(), context)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Run(answer.termination == "converged", answer.objective, wall, cpu, statistics_.nodes)


def scip(form: ComplementarityForm, limit: float) -> Run:
    model = _scip_model(form)
    model.setParam("limits/time", limit)
    model.setParam("limits/gap", GAP)
    wall, cpu = time.perf_counter(), time.process_time()
    model.optimize()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    objective = model.getObjVal() if model.getNSols() else None
    solved = model.getStatus() in ("optimal", "gaplimit", "infeasible")
    return Run(solved, objective, wall, cpu, int(model.getNTotalNodes()))


def _scip_model(form: ComplementarityForm) -> Model:
    model = Model()
    model.hideOutput()
    upper = [None if np.isinf(u) else u for u in form.upper]
    x = [model.addVar(lb=low, ub=high) for low, high in zip(form.lower, upper, strict=True)]
    for row, (low, high) in enumerate(zip(form.row_lower, form.row_upper, strict=True)):
        inside = range(form.starts[row], form.starts[row + 1])
        activity = quicksum(form.values[k] * x[form.indices[k]] for k in inside)
        model.addCons(activity == low if low == high else activity >= low)
    for first, second in form.pairs:
        model.addConsSOS1([x[first], x[second]])
    linear = quicksum(c * v for c, v in zip(form.cost, x, strict=True) if c)
    if not len(form.hessian_values):
        model.setObjective(linear)
        return model
    above = model.addVar(lb=None)
    at = np.repeat(np.arange(len(x)), np.diff(form.hessian_starts))
    weight = np.where(at == form.hessian_indices, 0.5, 1.0) * form.hessian_values
    curved = quicksum(w * x[i] * x[j] for w, i, j in zip(weight, form.hessian_indices, at, strict=True))
    model.addCons(curved + linear <= above)
    model.setObjective(above)
    return model


METHODS: dict[str, Callable[[ComplementarityForm, float], Run]] = {"complementarity_bb": ours, "scip sos1": scip}


def compare(instances: int, pairs: int, limit: float, seed: int) -> dict[str, dict[str, list[Run]]]:
    """The runs by kind of objective and method, the methods taking turns in going first."""
    found: dict[str, dict[str, list[Run]]] = {}
    for kind, share in (("linear", pairs), ("quadratic", pairs // 2)):
        found[kind] = {name: [] for name in METHODS}
        for number in range(instances // 2):
            form = instance(seed + number, share, quadratic=kind == "quadratic")
            order = list(METHODS) if number % 2 else list(METHODS)[::-1]
            for name in order:
                found[kind][name].append(METHODS[name](form, limit))
            ends = [found[kind][name][-1] for name in METHODS]
            if all(end.solved for end in ends) and not _same(*(end.objective for end in ends)):
                print(f"{kind} {seed + number}: the optima differ: {[end.objective for end in ends]}")
    return found


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= AGREE * max(1.0, abs(first))


def table(found: dict[str, dict[str, list[Run]]]) -> str:
    """Medians, a line for each kind and method."""
    lines = [f"{'':<10} {'method':<20} {'solved':>7} {'wall s':>9} {'cpu s':>9} {'nodes':>8} {'wall total s':>13}"]
    for kind, methods in found.items():
        for name, runs in methods.items():
            wall, cpu, nodes = (statistics.median(getattr(r, part) for r in runs) for part in ("wall", "cpu", "nodes"))
            solved = f"{sum(run.solved for run in runs)}/{len(runs)}"
            total = sum(run.wall for run in runs)
            lines.append(f"{kind:<10} {name:<20} {solved:>7} {wall:>9.4f} {cpu:>9.4f} {nodes:>8.0f} {total:>13.2f}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=50, help="half of them linear, half quadratic")
    parser.add_argument("--pairs", type=int, default=40, help="of a linear instance; a quadratic one has half as many")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for each run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="every run as JSON")
    given = parser.parse_args()
    found = compare(given.instances, given.pairs, given.limit, given.seed)
    if given.json:
        print(json.dumps({k: {n: [asdict(r) for r in runs] for n, runs in m.items()} for k, m in found.items()}))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
