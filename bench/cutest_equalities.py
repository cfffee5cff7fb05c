"""``exact_al`` beside Ipopt on equality-constrained problems of CUTEst, from a local copy of S2MPJ.

    S2MPJ_DIR=… python bench/cutest_equalities.py                  the problems of the paper and 45 further ones
    S2MPJ_DIR=… python bench/cutest_equalities.py --set paper --tolerance 1e-4 --inner kaczmarz --limit 60

S2MPJ (S. Gratton, Ph. L. Toint, arXiv 2407.07812) is not part of this repository; ``S2MPJ_DIR`` names the folder that
holds ``s2mpjlib.py`` and ``python_problems``. ``paper``: those problems of I. Hong et al. (arXiv 2305.18379) that S2MPJ
has. Each problem runs in a process of its own. Both methods start where CUTEst does, with multipliers zero. Seconds are
mostly S2MPJ's own evaluation, so compare iterations and evaluations of the objective.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from optc.backends import exact_al, ipopt
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start
from optc.compiler.forms.linear import LinearForm

PAPER = (
    "HS6 BT5 BT9 HS28 BT10 HIMMELBA BT12 HS40 BT3 BT6 BT11 HS7 GENHS28 HS51 BOOTH HS52 HS47 WAYSEA1NE HS48 HS50 "
    "RSNBRNE CUBENE HS77 MWRIGHT ZANGWIL3 BAmL1SP HS78 HS56 HELIXNE HS42 HS79 ORTHREGB HS100LNP GOTTFR WAYSEA2NE "
    "DENSCHNFNE HIMMELBC PRICE4NE INTEQNE MANCINONE BT2"
)
FURTHER = (
    "BT1 BT4 BT7 BT8 BYRDSPHR CYCLOOCF DIXCHLNG EIGENA2 EIGENACO EIGENB2 EIGENBCO HS9 HS26 HS27 HS39 HS46 HS49 HS61 "
    "LUKVLE1 LUKVLE2 LUKVLE3 LUKVLE4 LUKVLE6 LUKVLE7 LUKVLE8 LUKVLE9 LUKVLE10 LUKVLE11 LUKVLE12 LUKVLE13 LUKVLE14 "
    "LUKVLE15 LUKVLE16 LUKVLE17 LUKVLI4 MARATOS ORTHRDM2 ORTHREGC ORTHREGD ORTHRGDM ORTHRGDS S316m322 SSINE STREGNE"
)


@dataclass(frozen=True, slots=True, eq=False)
class Cutest(LinearForm):
    """One problem as a nonlinear form with dense patterns; ``problem`` is S2MPJ's object."""

    problem: Any = None
    count: list[int] = None  # type: ignore[assignment]

    @property
    def aimless(self) -> bool:
        return not len(getattr(self.problem, "objgrps", ()))

    def evaluate_objective(self, x: np.ndarray) -> float:
        self.count[0] += 1
        return 0.0 if self.aimless else float(np.asarray(self.problem.fx(x[:, None])).ravel()[0])

    def evaluate_gradient(self, x: np.ndarray) -> np.ndarray:
        return np.zeros(len(x)) if self.aimless else _dense(self.problem.fgx(x[:, None])[1]).ravel()

    def evaluate_rows(self, x: np.ndarray) -> np.ndarray:
        return _dense(self.problem.cx(x[:, None])).ravel()

    @property
    def jacobian_pattern(self) -> tuple[np.ndarray, np.ndarray]:
        m, n = self.shape
        return np.repeat(np.arange(m, dtype=np.int32), n), np.tile(np.arange(n, dtype=np.int32), m)

    def evaluate_jacobian(self, x: np.ndarray) -> np.ndarray:
        return _dense(self.problem.cJx(x[:, None])[1]).reshape(-1)

    @property
    def hessian_pattern(self) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.tril_indices(self.shape[1])
        return rows.astype(np.int32), columns.astype(np.int32)

    def evaluate_hessian(self, x: np.ndarray, sigma: float, multipliers: np.ndarray) -> np.ndarray:
        n = len(x)
        whole = np.zeros((n, n)) if self.aimless else sigma * _dense(self.problem.fgHx(x[:, None])[2])
        if np.any(multipliers):
            for weight, hessian in zip(multipliers, self.problem.cJHx(x[:, None])[2], strict=True):
                whole = whole + weight * _dense(hessian)
        return whole[np.tril_indices(n)]

    def undefined(self, _x: np.ndarray) -> None:
        return None

    def completed(self, x: np.ndarray) -> np.ndarray:
        return x


def _dense(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.todense() if hasattr(matrix, "todense") else matrix, dtype=np.float64)


def problem(name: str) -> tuple[Cutest, np.ndarray]:
    """The form of a problem, and its start (n)."""
    module: ModuleType = import_module(name)
    found = getattr(module, name)()
    n, m = found.n, found.m
    none, wide = np.zeros(0, dtype=np.int32), np.full(n, np.inf)
    right = np.asarray(getattr(found, "clower", np.zeros((m, 1)))).ravel()
    starts, free = np.zeros(m + 1, dtype=np.int32), np.zeros(n, dtype=np.bool_)
    linear = LinearForm("minimize", np.zeros(n), 0.0, starts, none, np.zeros(0), right, right, -wide, wide, free)
    own = {entry.name: getattr(linear, entry.name) for entry in fields(LinearForm)}
    return Cutest(**own, problem=found, count=[0]), np.asarray(found.x0, dtype=np.float64).ravel()


def one(name: str, method: str, tolerance: float, inner: str, limit: float, pipe: Any) -> None:
    """Runs one problem and sends (n, m, claim, termination, objective, iterations, evaluations, seconds)."""
    form, x = problem(name)
    backend = exact_al if method == "exact_al" else ipopt
    options = (
        exact_al.Options(tolerance=tolerance, inner=inner) if backend is exact_al else ipopt.Options(tol=tolerance)
    )
    began = time.perf_counter()
    context = contexts.start(time_limit=limit, seed=2023)
    answer = backend.solve(form, Goal(tolerance=max(1e-6, tolerance)), options, context, Start(x))  # type: ignore[arg-type]
    seconds = time.perf_counter() - began
    pipe.send(
        (*form.shape[::-1], answer.claim, answer.termination, answer.objective, answer.work, form.count[0], seconds)
    )


def run(name: str, method: str, arguments: argparse.Namespace) -> tuple[Any, ...] | None:
    """The result of one problem in a process of its own, or None where it was stopped or failed."""
    near, far = multiprocessing.Pipe()
    given = (name, method, arguments.tolerance, arguments.inner, arguments.limit, far)
    process = multiprocessing.get_context("fork").Process(target=one, args=given)
    process.start()
    found = near.recv() if near.poll(arguments.limit + 30) else None
    process.kill()
    return found


def main() -> None:
    """Prints a line for each problem and method, and how many were solved."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=("paper", "further", "all"), default="all")
    parser.add_argument("--methods", nargs="+", choices=("exact_al", "ipopt"), default=["exact_al", "ipopt"])
    parser.add_argument("--tolerance", type=float, default=1e-8)
    parser.add_argument("--inner", default="direct")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one problem")
    arguments = parser.parse_args()
    folder = Path(os.environ["S2MPJ_DIR"])
    sys.path[:0] = [str(folder), str(folder / "python_problems")]
    names = {"paper": PAPER, "further": FURTHER, "all": f"{PAPER} {FURTHER}"}[arguments.set].split()
    solved: dict[str, list[int]] = {method: [] for method in arguments.methods}
    for name in names:
        for method in arguments.methods:
            found = run(name, method, arguments)
            if found is not None and found[2] == "stationary":
                solved[method].append(found[5])
            print(f"{name:<12} {method:<9} {'no answer' if found is None else found}", flush=True)
    for method, iterations in solved.items():
        middle = statistics.median(iterations) if iterations else float("nan")
        print(f"{method}: {len(iterations)} of {len(names)} solved, median of iterations {middle}")


if __name__ == "__main__":
    main()
