"""Constrained logistic regression on sets in the LIBSVM format: ``exact_al`` beside Ipopt.

    OPTC_DATA=… python bench/logistic_regression.py [--sets a9a,w8a] [--seeds 1]

The experiment of Hong, Na, Mahoney, Kolar (arXiv 2305.18379): the mean logistic loss subject to ten equations and
``|x|^2 == 1``, from ``x = 1`` and multipliers of one. Equations are drawn anew, standard normal as theirs; draws at
which the equations do not meet the sphere are left out. ``$OPTC_DATA/examples/svm`` holds the sets, unpacked here into
a temporary folder; a set that is not there is named and left out.

``exact_al`` stops at 1e-5, the norm of the first-order conditions of the problem as it stands, and again at 1e-8; Ipopt
at its default. Seconds are wall clock, of the backend alone (after reading and lowering, told beside them, in a process
that has compiled its kernels once); ``KKT`` is the norm of slopes of the Lagrangian and residuals of rows, calculated
here for all of them. Multipliers are those that each hands back.
"""

from __future__ import annotations

import argparse
import gzip
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import optc
from optc.backends import exact_al, ipopt
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal, Start

ROOT = Path(__file__).resolve().parents[1]
SETS = ("ionosphere_scale", "sonar_scale", "splice_scale", "mushroom_agaricus", "phishing", "a9a", "w8a")
EQUATIONS = 10
WAYS = (
    ("exact_al 1e-5", exact_al, exact_al.Options(tolerance=1e-5, multipliers=1.0), Goal(tolerance=1e-5)),
    ("exact_al 1e-8", exact_al, exact_al.Options(multipliers=1.0), Goal()),
    ("ipopt", ipopt, ipopt.Options(), Goal()),
)


def drawn(columns: int, seed: int) -> tuple[Any, Any]:
    """Equations that meet the unit sphere: the first that do of the seed's draws."""
    random = np.random.default_rng(seed)
    while True:
        slope, right = random.normal(size=(EQUATIONS, columns)), random.normal(size=EQUATIONS)
        if np.linalg.norm(np.linalg.pinv(slope) @ right) < 1:
            return slope, right


def residual(form: Any, answer: Answer) -> float:
    """The norm of the slopes of the Lagrangian and of what the equations miss."""
    rows, columns = form.jacobian_pattern
    x, duals = answer.x, answer.row_duals
    if x is None or duals is None:
        return float("nan")
    terms = form.evaluate_jacobian(x) * duals[rows]
    slope = form.evaluate_gradient(x) - np.bincount(columns, weights=terms, minlength=len(x))
    return float(np.linalg.norm(np.append(slope, form.evaluate_rows(x) - form.row_lower)))


def runs(path: Path, seed: int) -> Iterator[str]:
    """A line of the table for each way."""
    with path.open(encoding="utf-8") as lines:
        columns = max(int(line.split()[-1].partition(":")[0]) for line in lines if ":" in line)
    slope, right = drawn(columns, seed)
    model = optc.read(ROOT / "examples/logistic_regression/model.opt")
    begun = time.perf_counter()
    problem = model.bind(f"{path}:value,label", Equations=list(range(EQUATIONS)), slope=slope, right=right)
    read = time.perf_counter()
    form: Any = problem.lower("nonlinear")
    lowered = time.perf_counter()
    start = Start(np.ones(columns))
    exact_al.solve(form, Goal(), exact_al.Options(iterations=2), contexts.start(), start)  # kernels are compiled
    for name, backend, options, goal in WAYS:
        before = time.perf_counter()
        answer = backend.solve(form, goal, options, contexts.start(time_limit=600), start)  # type: ignore[attr-defined]
        seconds = time.perf_counter() - before
        value = float("nan") if answer.objective is None else answer.objective
        yield (
            f"| {path.stem} | {seed} | {name} | {answer.termination} | {answer.work} | {residual(form, answer):.1e} "
            f"| {value:.8f} | {seconds:.3f} | {read - begun:.2f} | {lowered - read:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=1, help="draws of the equations, from 2023 on")
    given = parser.parse_args()
    folder = Path(os.environ["OPTC_DATA"]) / "examples" / "svm"
    print("| set | seed | way | end | iterations | KKT | loss | s | s reading | s lowering |")
    print("|:--|--:|:--|:--|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as unpacked:
        for name in given.sets.split(","):
            packed = folder / f"{name}.gz"
            if not packed.is_file():
                print(f"| {name} | | no such file | | | | | | | |")
                continue
            path = Path(unpacked) / f"{name}.svm"
            path.write_bytes(gzip.decompress(packed.read_bytes()))
            for seed in range(2023, 2023 + given.seeds):
                for line in runs(path, seed):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
