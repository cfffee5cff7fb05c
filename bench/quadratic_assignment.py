"""Time to proof of quadratic assignment problems: how their products are written, and who solves them.

    python bench/quadratic_assignment.py                                    generated problems of 5 to 9 places
    python bench/quadratic_assignment.py --sizes 5,6,7 --limit 20
    python bench/quadratic_assignment.py --data nug12.dat had12.dat --limit 100

A generated problem has the distances of a grid of three rows and whole flows of which about a third are zero, as
Nugent, Vollmann and Ruml made theirs. ``--data`` reads files of QAPLIB (n, then two matrices); with ``--sizes`` the
first places and departments of them. The ways:

    assignment rows   optc's route: a row that picks one binary, times a binary (Adams and Johnson), by HiGHS; the first
                      linear program by an interior point where it is large
    simplex           the same with the first linear program by the simplex method
    binary products   three rows for each product of binaries (Fortet), by HiGHS
    scip              the products as they are, by SCIP
    xia-yuan          one column and n rows for each department, with Gilmore and Lawler's bounds, by HiGHS
    kaufman-broeckx   the same without those bounds, by HiGHS

Each has one thread and the same gap and time limit by the wall clock; shown are the seconds of the processor, lowering
included. The last two are written here, since their constants are those of an assignment. L. Kaufman, F. Broeckx,
European Journal of Operational Research 2 (1978); Y. Xia, Y. Yuan, Optimization Methods and Software 21 (2006).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import optc
from optc.backends import highs, scip
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Backend, Goal
from optc.compiler.forms.linear import LinearForm
from optc.compiler.instance.instance import Instance
from optc.compiler.lowering import every, lower_along

Floats = NDArray[np.float64]
GAP = 1e-6
MODEL = """
set Departments; set Sites
param flow[Departments, Departments] >= 0
param distance[Sites, Sites] >= 0
choose site[Departments] from Sites
minimize carried: sum(flow[i, j] * distance[site[i], site[j]] for i in Departments, j in Departments)
subject to
  one_each[s in Sites]: count(site[i] == s for i in Departments) == 1
"""


@dataclass(frozen=True, slots=True)
class Problem:
    name: str
    flow: Floats
    distance: Floats


@dataclass(frozen=True, slots=True)
class Run:
    """``bound`` and ``objective`` are None where there is none; seconds of the processor and by the wall clock."""

    problem: str
    way: str
    proved: bool
    objective: float | None
    bound: float | None
    cpu: float
    wall: float


def generated(n: int, seed: int) -> Problem:
    """``n`` departments and places."""
    random = np.random.default_rng(seed + n)
    width = -(-n // 3)
    places = np.array([(k // width, k % width) for k in range(n)])
    distance = np.abs(places[:, None, :] - places[None, :, :]).sum(axis=2).astype(np.float64)
    flow = np.triu(random.integers(1, 11, (n, n)) * (random.random((n, n)) > 1 / 3), 1)
    return Problem(f"grid {n}", (flow + flow.T).astype(np.float64), distance)


def read(path: Path, sizes: Sequence[int]) -> list[Problem]:
    """The problem of a file of QAPLIB, or its leading parts."""
    numbers = [float(word) for word in path.read_text(encoding="utf-8").split()]
    n = int(numbers[0])
    first, second = (np.array(numbers[1 + k * n * n : 1 + (k + 1) * n * n]).reshape(n, n) for k in range(2))
    return [Problem(path.stem if k == n else f"{path.stem} {k}", first[:k, :k], second[:k, :k]) for k in sizes or (n,)]


# -------------------------------------------------------------------------------------------------------- the ways
def instance_of(problem: Problem) -> Instance:
    names = list(range(1, len(problem.flow) + 1))
    data = {"Departments": names, "Sites": names, "flow": problem.flow, "distance": problem.distance}
    return optc.parse(MODEL).bind(data).instance


def along(backend: Backend, *lowerings: str, **options: str) -> Callable[[Problem, float], Answer]:
    """optc's lowerings by name, then a backend."""

    def solve(problem: Problem, limit: float) -> Answer:
        context = contexts.start(time_limit=limit, threads=1)
        known = {each.name: each for each in every()}
        found = lower_along(tuple(known[name] for name in lowerings), instance_of(problem))
        assert not hasattr(found, "code"), found
        return backend.solve(found.form, Goal(GAP), backend.options(**options), context, None)

    return solve


def by_departments(*, bounds: bool) -> Callable[[Problem, float], Answer]:
    """The linearisation of Kaufman and Broeckx, with ``bounds`` that of Xia and Yuan."""

    def solve(problem: Problem, limit: float) -> Answer:
        context = contexts.start(time_limit=limit, threads=1)
        return highs.solve(departments_form(problem, bounds=bounds), Goal(GAP), highs.Options(), context, None)

    return solve


def departments_form(problem: Problem, *, bounds: bool) -> LinearForm:
    """``z_i >= sum_jl f_ij d_kl x_jl - least_ik - (most_ik - least_ik) (1 - x_ik)`` beside ``least_ik x_ik`` as costs,
    ``least_ik`` and ``most_ik`` the ends of the sum where ``x_ik = 1`` (at most: in any case).
    """
    flow, distance, n = problem.flow, problem.distance, len(problem.flow)
    others = ~np.eye(n, dtype=np.bool_)
    flows = np.sort(flow[others].reshape(n, n - 1), axis=1)
    ways = np.sort(distance[others].reshape(n, n - 1), axis=1)
    least = flows @ ways[:, ::-1].T if bounds else np.zeros((n, n))
    most = flows @ ways.T
    pairs = np.einsum("ij,kl->ikjl", flow * others, distance * others).reshape(n * n, n * n)
    assignment = np.vstack([np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))])
    switched = -pairs - np.diag((most - least).ravel())
    matrix = np.block([[assignment, np.zeros((2 * n, n))], [switched, np.kron(np.eye(n), np.ones((n, 1)))]])
    owner, column = np.nonzero(matrix)
    counts = np.bincount(owner, minlength=len(matrix))
    return LinearForm(
        "minimize",
        np.concatenate([(least + np.outer(np.diag(flow), np.diag(distance))).ravel(), np.ones(n)]),
        0.0,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        column.astype(np.int32),
        matrix[owner, column],
        np.concatenate([np.ones(2 * n), -most.ravel()]),
        np.concatenate([np.ones(2 * n), np.full(n * n, np.inf)]),
        np.zeros(n * n + n),
        np.concatenate([np.ones(n * n), np.full(n, np.inf)]),
        np.arange(n * n + n) < n * n,
    )


_CHOICES, _QUADRATIC = "choices to binaries", "instance to quadratic"
_ASSIGNMENT = (_CHOICES, _QUADRATIC, "assignment products to rows")
WAYS: dict[str, Callable[[Problem, float], Answer]] = {
    "assignment rows": along(highs, *_ASSIGNMENT),  # type: ignore[arg-type]
    "simplex": along(highs, *_ASSIGNMENT, mip_root="simplex"),  # type: ignore[arg-type]
    "binary products": along(highs, _CHOICES, "products to rows", "instance to linear"),  # type: ignore[arg-type]
    "scip": along(scip, _CHOICES, _QUADRATIC),  # type: ignore[arg-type]
    "xia-yuan": by_departments(bounds=True),
    "kaufman-broeckx": by_departments(bounds=False),
}


def timed(problem: Problem, way: str, limit: float) -> Run:
    wall, cpu = time.perf_counter(), time.process_time()
    answer = WAYS[way](problem, limit)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Run(problem.name, way, answer.claim == "optimal", answer.objective, answer.bound, cpu, wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", help="numbers of departments, as in 5,6,7")
    parser.add_argument("--data", nargs="*", type=Path, default=[], help="files of QAPLIB")
    parser.add_argument("--ways", help="some of the ways, as in scip,xia-yuan")
    parser.add_argument("--limit", type=float, default=100.0, help="seconds for each run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="every run as JSON")
    given = parser.parse_args()
    sizes = [int(word) for word in given.sizes.split(",")] if given.sizes else []
    problems = [problem for path in given.data for problem in read(path, sizes)]
    problems = problems or [generated(n, given.seed) for n in sizes or range(5, 10)]
    ways = given.ways.split(",") if given.ways else list(WAYS)
    timed(generated(4, given.seed), "assignment rows", given.limit)  # imports and first-call work
    if not given.json:
        print(f"{'problem':<10} {'way':<16} {'cpu s':>8} {'wall s':>8} {'proved':>7} {'objective':>10} {'bound':>10}")
    for problem in problems:
        known = set()
        for way in ways:
            run = timed(problem, way, given.limit)
            known |= {run.objective} if run.proved else set()
            print(json.dumps(asdict(run)) if given.json else _line(run), flush=True)
        optima = [value for value in known if value is not None]
        if optima and max(optima) - min(optima) > GAP * max(optima):
            print(f"{problem.name}: the optima differ: {sorted(optima)}")


def _line(run: Run) -> str:
    objective, bound = (f"{v:.10g}" if v is not None else "-" for v in (run.objective, run.bound))
    proved = "yes" if run.proved else "no"
    return f"{run.problem:<10} {run.way:<16} {run.cpu:>8.2f} {run.wall:>8.2f} {proved:>7} {objective:>10} {bound:>10}"


if __name__ == "__main__":
    main()
