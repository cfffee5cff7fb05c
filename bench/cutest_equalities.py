"""``exact_al`` beside Ipopt on equality-constrained problems of CUTEst, from a local copy of S2MPJ.

    S2MPJ_DIR=… python bench/cutest_equalities.py                        both sets, 1e-8, and a performance profile
    S2MPJ_DIR=… python bench/cutest_equalities.py --set paper --tolerance 1e-4 --methods exact_al
    S2MPJ_DIR=… python bench/cutest_equalities.py --set paper --tolerance 1e-4 --methods exact_al --inner gaussian

S2MPJ (S. Gratton, Ph. L. Toint, arXiv 2407.07812) is not part of this repository; ``S2MPJ_DIR`` names the folder that
holds ``s2mpjlib.py`` and ``python_problems``. Sets:

    paper      the 47 problems of I. Hong et al. (arXiv 2305.18379): 41 of S2MPJ, and the six that it lacks from
               ``models/cutest``, compiled here
    further    what else S2MPJ has with equations alone, no more of them than unknowns, no bounds, and at most 200
               unknowns at its default size, unless it takes more than 25 s to set up

Each problem runs in a process of its own. Both methods start where CUTEst does, with multipliers zero. Whether a point
solves the problem is decided here, from the point and the multipliers handed back, by one rule for all methods: up to
1e-4 the norm of slopes of the Lagrangian and residuals, as the paper stops; below, Ipopt's scaled error (A. Waechter,
L. T. Biegler, Mathematical Programming 106 (2006), eq. 5 and section 3.8: gradients at the start scaled to 100).
``--check`` compares the evaluation with S2MPJ's own at a random point near each start.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import s2mpj_groups
from performance_profile import profile

import optc
from optc.backends import exact_al, ipopt
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start
from optc.compiler.forms.linear import Floats

MODELS = Path(__file__).resolve().parent / "models" / "cutest"
ABSENT = "SINVALNE TRIGON1NE HIMMELBE MOREBVNE DENSCHNCNE BA-L1"
PAPER = (
    "HS6 BT5 BT9 HS28 BT10 HIMMELBA BT12 HS40 BT3 BT6 BT11 HS7 GENHS28 HS51 BOOTH HS52 HS47 WAYSEA1NE HS48 HS50 "
    "RSNBRNE CUBENE HS77 MWRIGHT ZANGWIL3 BAmL1SP HS78 HS56 HELIXNE HS42 HS79 ORTHREGB HS100LNP GOTTFR WAYSEA2NE "
    f"DENSCHNFNE HIMMELBC PRICE4NE INTEQNE MANCINONE BT2 {ABSENT}"
)
FURTHER = (
    "BT1 BT4 BT7 BT8 BYRDSPHR CYCLOOCF DIXCHLNG EIGENA2 EIGENACO EIGENB2 EIGENBCO ELEC HS9 HS26 HS27 HS39 HS46 HS49 "
    "HS61 LUKVLE1 LUKVLE2 LUKVLE3 LUKVLE4 LUKVLE4C LUKVLE6 LUKVLE7 LUKVLE8 LUKVLE9 LUKVLE10 LUKVLE11 LUKVLE12 "
    "LUKVLE13 LUKVLE14 LUKVLE15 LUKVLE16 LUKVLE17 LUKVLE18 LUKVLI4 MARATOS MSS1 ORTHRDM2 ORTHRDS2 ORTHREGA ORTHREGC "
    "ORTHREGD ORTHRGDM ORTHRGDS S316m322 SPINOP SSINE STREGNE "
    "ARGTRIG BROYDN3D CLUSTER COOLHANS CYCLIC3 DENSCHNDNE EIGENB EXTROSNBNE FLT HATFLDF HATFLDFLNE HATFLDG HIMMELBD "
    "HS8 HYDCAR6 HYDCAR20 HYPCIR KSS LUKSAN21 METHANB8 METHANL8 MSQRTA MSQRTB OSCIGRNE OSCIPANE POWELLBS POWELLSQ "
    "POWERSUMNE PRICE3NE QINGNE RECIPE SSBRYBNDNE TQUARTICNE YATP1CNE YATP2CNE n10FOLDTR"
)
SETS = {"paper": PAPER, "further": FURTHER, "all": f"{PAPER} {FURTHER}"}
STEEPEST, LARGE = 100.0, 100.0  # of the scaled error: the objective's gradient, multipliers on average


@dataclass(frozen=True, slots=True)
class Result:
    """One run. ``kkt``: see the head; ``seconds``: of the backend."""

    name: str
    method: str
    n: int
    m: int
    solved: bool
    termination: str
    objective: float
    kkt: float
    iterations: int
    evaluations: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A form that counts how often its objective and its rows are asked for."""

    form: Any
    objectives: list[int]
    rows: list[int]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.form, name)

    def evaluate_objective(self, x: Floats) -> Any:
        self.objectives[0] += 1
        return self.form.evaluate_objective(x)

    def evaluate_rows(self, x: Floats) -> Any:
        self.rows[0] += 1
        return self.form.evaluate_rows(x)


def problem(name: str) -> tuple[Any, Floats]:
    """The form of a problem, and its start (n)."""
    if name not in ABSENT.split():
        return s2mpj_groups.problem(name)
    bound = optc.read(MODELS / f"{name}.opt").bind()
    parts = [np.zeros(f.count) if f.start is None else np.ravel(f.start) for f in bound.instance.families]
    return bound.lower("nonlinear"), np.concatenate(parts).astype(np.float64)


def error(form: Any, start: Floats, x: Floats, duals: Floats, tolerance: float) -> float:
    """How far the first-order conditions fail at (x, duals), by the rule that goes with the tolerance."""
    rows, columns = form.jacobian_pattern
    terms = form.evaluate_jacobian(x) * duals[rows]
    slope = form.evaluate_gradient(x) - np.bincount(columns, weights=terms, minlength=len(x))
    residual = form.evaluate_rows(x) - form.row_lower
    if tolerance >= 1e-4:
        return float(np.linalg.norm(np.concatenate([slope, residual])))
    first = np.abs(form.evaluate_jacobian(start))
    steepest = np.zeros(len(residual))
    np.maximum.at(steepest, rows, first)
    of_rows = np.minimum(1.0, STEEPEST / np.maximum(steepest, 1e-300))
    factor = min(1.0, STEEPEST / max(1e-300, float(np.abs(form.evaluate_gradient(start)).max(initial=0.0))))
    size = max(LARGE, float(np.abs(factor * duals / of_rows).mean())) / LARGE
    return max(
        factor * float(np.abs(slope).max(initial=0.0)) / size, float(np.abs(of_rows * residual).max(initial=0.0))
    )


def options(method: str, given: argparse.Namespace) -> Any:
    if method == "ipopt":
        return ipopt.Options(tol=given.tolerance)
    scaling = "none" if given.tolerance >= 1e-4 else "gradient-based"
    return exact_al.Options(
        tolerance=given.tolerance, inner=given.inner, scaling=scaling, inner_steps=given.steps, block=given.block
    )


def one(name: str, method: str, given: argparse.Namespace, pipe: Any) -> None:
    """Runs one problem and sends its result."""
    form, x = problem(name)
    counted = Counted(form, [0], [0])
    backend: Any = exact_al if method == "exact_al" else ipopt
    goal, context = Goal(tolerance=max(1e-6, given.tolerance)), contexts.start(time_limit=given.limit, seed=2023)
    began = time.perf_counter()
    answer = backend.solve(counted, goal, options(method, given), context, Start(x))
    seconds = time.perf_counter() - began
    kkt = float("inf")
    if answer.x is not None and answer.row_duals is not None:
        kkt = error(form, x, answer.x, answer.row_duals, given.tolerance)
    m, n = form.shape
    value = float("nan") if answer.objective is None else float(answer.objective)
    work = int(answer.work or 0)
    solved = kkt <= given.tolerance
    pipe.send(
        Result(
            name,
            method,
            n,
            m,
            solved,
            answer.termination,
            value,
            kkt,
            work,
            max(counted.objectives[0], counted.rows[0]),
            seconds,
        )
    )


def run(name: str, method: str, given: argparse.Namespace) -> Result:
    """The result of one problem in a process of its own; one that does not end is stopped."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=one, args=(name, method, given, far))
    process.start()
    far.close()
    try:
        return near.recv() if near.poll(given.limit + 60) else _nothing(name, method, "stopped")
    except EOFError:
        return _nothing(name, method, "failed")
    finally:
        process.kill()
        process.join()


def _nothing(name: str, method: str, end: str) -> Result:
    return Result(name, method, 0, 0, False, end, float("nan"), float("inf"), 0, 0, float("nan"))


def summary(results: Iterable[Result], methods: list[str]) -> None:
    """How many each method solves, what one of two does not, and the profiles over what any solves."""
    found = {(one.name, one.method): one for one in results}
    names = list(dict.fromkeys(name for name, _ in found))
    solved = {method: [name for name in names if found[name, method].solved] for method in methods}
    for method in methods:
        own = [found[name, method] for name in solved[method]]
        middle = statistics.median(one.iterations for one in own) if own else float("nan")
        slowest = max((one.seconds for one in own), default=float("nan"))
        print(f"{method}: {len(own)} of {len(names)}, median of iterations {middle}, longest {slowest:.1f} s")
        print("    not solved:", *(name for name in names if name not in solved[method]))
    if len(methods) > 1:
        base = methods[-1]
        for method in methods[:-1]:
            both = [name for name in solved[base] if name in solved[method]]
            print(f"{method} of the {len(solved[base])} that {base} solves: {len(both)}")
        some = [name for name in names if any(name in solved[method] for method in methods)]
        for measure in ("evaluations", "iterations"):
            costs = {
                method: [
                    max(1.0, float(getattr(found[name, method], measure))) if name in solved[method] else np.inf
                    for name in some
                ]
                for method in methods
            }
            print(profile(measure, costs))


def main() -> None:
    """Prints a line for each problem and method, and a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=tuple(SETS), default="all")
    parser.add_argument("--only", nargs="+", help="problems, in place of a set")
    parser.add_argument("--methods", nargs="+", choices=("exact_al", "ipopt"), default=["exact_al", "ipopt"])
    parser.add_argument("--tolerance", type=float, default=1e-8)
    parser.add_argument("--inner", default="direct")
    parser.add_argument("--block", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100_000, help="most steps of a sketch in one Newton step")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one problem")
    parser.add_argument("--save", type=Path, help="a file for the results, JSON")
    parser.add_argument("--check", action="store_true", help="compare evaluations with S2MPJ's and end")
    given = parser.parse_args()
    folder = Path(os.environ["S2MPJ_DIR"])
    sys.path[:0] = [str(folder), str(folder / "python_problems")]
    names = given.only or SETS[given.set].split()
    if given.check:
        for name in (name for name in names if name not in ABSENT.split()):
            form, x = s2mpj_groups.problem(name)
            away = x + 0.1 * np.random.default_rng(0).standard_normal(len(x))
            print(f"{name:<12} {s2mpj_groups.differences(form, away):.1e}", flush=True)
        return
    results: list[Result] = []
    for name in names:
        for method in given.methods:
            found = run(name, method, given)
            results.append(found)
            print(
                f"{name:<11} {method:<9} n {found.n:>3} m {found.m:>3} {'yes' if found.solved else 'NO ':<3} "
                f"{found.termination:<19} f {found.objective:>16.9g} kkt {found.kkt:.1e} "
                f"it {found.iterations:>5} ev {found.evaluations:>6} s {found.seconds:.2f}",
                flush=True,
            )
    if given.save:
        given.save.write_text(json.dumps([asdict(one) for one in results], indent=1), encoding="utf-8")
    summary(results, given.methods)


if __name__ == "__main__":
    main()
