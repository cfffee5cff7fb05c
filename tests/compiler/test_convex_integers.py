"""Convex models with whole decisions: proved by global search, against enumeration with a conic answer for each."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import optc
from optc.compiler.facts.convexity import Proof, convex_problem

pytest.importorskip("pyscipopt")

GAINS = [3, 5, 4, 7, 6, 2]
LOADS = [
    [1, 2, 0.5, 3, 2, 0.3],
    [0.5, 1, 1.5, -1, 0.2, 0.1],
    [0, 1, -1, 2, 0.7, 0.2],
    [1, 0, 0.4, 0.5, -2, 0.1],
]
PORTFOLIO = """
set I = 1..6
set K = 1..4
param r[i in I] = {gains}
param F[k in K, i in I] = {loads}
param most[i in I] = {most}
var h[i in I] in [0, most[i]]
{choice}
var risk in [0, 10]
maximize sum(r[i] * h[i] for i in I) - 2 * risk
subject to
  all: sum(h[i] for i in I) == 1
  cone: {cone}
{rows}
"""
SQUARES = "sum(sum(F[k, i] * h[i] for i in I)^2 for k in K) <= risk^2"
NORM = "norm2(sum(F[k, i] * h[i] for i in I) for k in K) <= risk"
PICKS = """
  link[i in I]: h[i] <= pick[i]
  few: sum(pick[i] for i in I) <= 2
"""


def portfolio(cone: str, most: list[int], choice: str = "", rows: str = "") -> Any:
    return optc.parse(PORTFOLIO.format(gains=GAINS, loads=LOADS, most=most, choice=choice, cone=cone, rows=rows)).bind()


@pytest.mark.parametrize("cone", [SQUARES, NORM])
def test_a_cone_with_a_choice_of_two_assets(cone: str) -> None:
    pytest.importorskip("clarabel")
    whole = portfolio(cone, [1] * 6, "var pick[I] binary", PICKS)
    assert isinstance(convex_problem(whole.instance), Proof)  # integrality aside
    found = whole.solve(gap=1e-7)
    best = -np.inf
    for two in itertools.combinations(range(6), 2):
        part = portfolio(NORM, [int(i in two) for i in range(6)]).solve(backend="clarabel")
        assert part.status == "optimal" and part.objective is not None
        best = max(best, part.objective)
    assert found.status == "optimal" and found.backend is not None and found.backend.name == "scip"
    assert found.objective == pytest.approx(best, rel=1e-5)
    line = next(line for line in found.certificate if line.claim == "bound")
    assert line.status == "reported"
    refused = whole.solve(backend="clarabel")
    assert refused.status == "failed" and "whole decisions" in refused.diagnostics[0].message


def test_whole_weights_of_a_logistic_loss() -> None:
    text = """
set I = 1..3
set N = 1..12
param x[n in N, i in I] = sin(n * i) + (if i == 1 then 1 else 0)
param label[n in N] = if n mod 3 == 0 then -1 else 1
var w[I] integer in [-4, 4]
minimize sum(log(1 + exp(-label[n] * sum(x[n, i] * w[i] for i in I))) for n in N) + 0.05 * sum(w[i]^2 for i in I)
"""
    problem = optc.parse(text).bind()
    assert isinstance(convex_problem(problem.instance), Proof)
    found = problem.solve(gap=1e-7)
    n, i = np.arange(1, 13), np.arange(1, 4)
    x = np.sin(n[:, None] * i) + (i == 1)
    label = np.where(n % 3 == 0, -1, 1)
    weights = np.array(list(itertools.product(range(-4, 5), repeat=3)))
    losses = np.log1p(np.exp(-label[:, None] * (x @ weights.T))).sum(axis=0) + 0.05 * (weights**2).sum(axis=1)
    assert found.status == "optimal" and found.objective == pytest.approx(losses.min(), rel=1e-6)
    assert found.variables["w"].values.tolist() == weights[np.argmin(losses)].tolist()
