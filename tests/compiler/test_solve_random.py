"""Random models of every kind: no status without its proof, and every result survives ``verify``."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import optc
from optc.compiler.replay import verify

MODEL = """
param n; param m; param c[1..n]; param low[1..n]; param high[1..n]; param q[1..n, 1..n]
param a[1..m, 1..n]; param least[1..m]; param most[1..m]
var x[j in 1..n] {domain} in [low[j], high[j]]
{sense} sum(c[j] * x[j] for j in 1..n) {square}
subject to
  r[i in 1..m]: least[i] <= sum(a[i, j] * x[j] for j in 1..n) <= most[i]
"""


def random_model(seed: int, kind: str) -> tuple[str, dict[str, Any]]:
    """Bounds and sides that are there or not, cross or not, coefficients that are whole, decimal or any."""
    random = np.random.default_rng(seed)
    n, m = int(random.integers(1, 9)), int(random.integers(1, 9))
    matrix = random.normal(size=(m, n)) * (random.random((m, n)) < 0.6)
    matrix = matrix.round(int(random.integers(0, 3))) if random.random() < 0.5 else matrix
    low = np.where(random.random(n) < 0.3, -np.inf, 2 * random.normal(size=n).round(1))
    over = np.maximum(np.where(np.isfinite(low), low, 0.0), 0.0)
    high = np.where(random.random(n) < 0.5, np.inf, over + 4 * random.random(n).round(1))
    if kind == "whole":
        low, high = np.where(np.isfinite(low), np.floor(low), -20.0), np.where(np.isfinite(high), np.ceil(high), 20.0)
    least = np.where(random.random(m) < 0.4, -np.inf, random.normal(size=m).round(1))
    width = 5 * (random.random(m).round(1) - 0.1)
    most = np.where(random.random(m) < 0.4, np.inf, np.where(np.isfinite(least), least, 0.0) + width)
    factor = random.normal(size=(n, n)).round(1)
    sense = "minimize" if random.random() < 0.5 else "maximize"
    sign = "+" if sense == "minimize" else "-"
    square = f"{sign} sum(q[i, j] * x[i] * x[j] for i in 1..n, j in 1..n)" if kind == "quadratic" else ""
    text = MODEL.format(domain="integer" if kind == "whole" else "", sense=sense, square=square)
    cost = random.normal(size=n).round(2) * (random.random(n) < 0.8)
    data = {"n": n, "m": m, "c": cost, "low": low, "high": high, "q": factor @ factor.T}
    return text, data | {"a": matrix, "least": least, "most": most}


@pytest.mark.parametrize("kind", ["linear", "whole", "quadratic"])
@pytest.mark.parametrize("seed", range(25))
def test_every_status_has_its_proof(kind: str, seed: int) -> None:
    text, data = random_model(seed, kind)
    problem = optc.parse(text).bind(data)
    found = problem.solve(time_limit=60)
    assert found.status in ("optimal", "infeasible", "unbounded") and found.certificate.failed == ()
    grades = {line.claim: line.status for line in found.certificate}
    if found.status == "optimal":
        assert grades["feasible"] == "checked"
        assert grades["bound"] == "proved" if kind == "linear" else grades["bound"] in ("proved", "reported")
        assert found.gap is not None and found.gap <= 1e-4
    elif found.status == "infeasible":
        assert grades["infeasible"] == "proved" if kind == "linear" else grades["infeasible"] in ("proved", "reported")
    again = verify(problem.instance, json.loads(found.to_json()))
    assert again.certificate.failed == ()
    if grades.get("bound") == "proved" and kind == "linear":
        assert again.status == "optimal"
