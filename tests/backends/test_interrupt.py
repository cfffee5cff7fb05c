"""Ctrl-C while HiGHS is at work: the best answer so far comes back, from every algorithm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys
import numpy as np
from optc.backends import highs
from optc.backends.conformance import form, market_split
from optc.compiler import context as contexts
from optc.compiler.backend import Goal

kind = sys.argv[1]
random = np.random.default_rng(0)
if kind == "mip":
    problem, options = market_split(), highs.Options()
else:
    n = 1500 if kind == "qp" else 2500
    rows = random.uniform(0, 1, (n // 2, n)) * (random.random((n // 2, n)) < 0.5)
    hessian = None
    if kind == "qp":
        factor = random.normal(size=(n, n))
        hessian = (factor @ factor.T / n + np.eye(n)).tolist()
    cost = random.uniform(1, 2, n).tolist()
    problem = form(cost, rows.tolist(), [100.0] * (n // 2), [np.inf] * (n // 2), [0] * n, [9] * n, hessian=hessian)
    solver = {"qp": "choose"}.get(kind, kind)
    options = highs.Options(solver=solver, presolve="off", crossover="off")
context = contexts.start(time_limit=120)
with contexts.interruptible(context):
    print("at work", flush=True)
    answer = highs.solve(problem, Goal(gap=0.0), options, context, None)
print(answer.claim, answer.termination, flush=True)
"""


@pytest.mark.parametrize("kind", ["mip", "simplex", "ipm", "qp"])
def test_control_c_ends_the_work(kind: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, kind], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "at work\n"
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGINT)
        words = process.communicate(timeout=60)[0].strip()
    finally:
        process.kill()
    if words.endswith("converged"):
        pytest.skip("it was done before it could be interrupted")
    assert process.returncode == 0
    assert words in ("none interrupted", "feasible interrupted")
