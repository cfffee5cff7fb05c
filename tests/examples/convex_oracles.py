"""The convex examples solved again: by their duals and by sequential quadratic programming with scipy, and in CVXPY."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

LOW = np.array([-0.1, 0.5, -0.3, 0.3])
HIGH = np.array([0.1, 0.6, -0.2, 0.4])


def features() -> np.ndarray:
    """What is known of each of the hundred values, ``(4, 100)``."""
    x = np.linspace(-1, 1, 100)
    return np.stack([x, x**2, 3 * x**3 - 2 * x, (x < 0).astype(float)])


def largest_entropy() -> float:
    """By the dual: the least ``log sum exp(-F'm) + high'm+ - low'm-`` over multipliers ``m``, here by its parts."""
    known = features()

    def value(parts: np.ndarray) -> tuple[float, np.ndarray]:
        up, down = parts[:4], parts[4:]
        exponents = -(up - down) @ known
        level = float(logsumexp(exponents))
        slope = -known @ np.exp(exponents - level)
        return level + HIGH @ up - LOW @ down, np.concatenate([slope + HIGH, -slope - LOW])

    found = minimize(
        value, np.zeros(8), jac=True, bounds=[(0, None)] * 8, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10}
    )
    return float(found.fun)


def gains() -> np.ndarray:
    with (EXAMPLES / "portfolio/gains.csv").open(encoding="utf-8", newline="") as file:
        return np.array([[float(v) for v in row[1:]] for row in list(csv.reader(file))[1:]])


def steady_earning() -> float:
    """Per cent a week: shares, then what is bought and sold of each asset, as one smooth problem."""
    gain = gains()
    weeks, assets = gain.shape
    mean, covariance = gain.mean(axis=0), np.cov(gain.T)
    fee, limit, cap = 0.004, 1.3, 0.25

    def cost(v: np.ndarray) -> tuple[float, np.ndarray]:
        hold, moved = v[:assets], v[assets:]
        return -(mean @ hold) + fee * moved.sum(), np.concatenate([-mean, np.full(2 * assets, fee)])

    def slack(v: np.ndarray) -> float:
        return float(limit**2 - v[:assets] @ covariance @ v[:assets])

    def slope(v: np.ndarray) -> np.ndarray:
        return np.concatenate([-2 * covariance @ v[:assets], np.zeros(2 * assets)])

    balance = np.hstack([np.eye(assets), -np.eye(assets), np.eye(assets)])
    whole = np.concatenate([np.ones(assets), np.zeros(2 * assets)])
    rules: list[dict[str, Any]] = [
        {"type": "ineq", "fun": slack, "jac": slope},
        {"type": "eq", "fun": lambda v: balance @ v - 1 / assets, "jac": lambda _v: balance},
        {"type": "eq", "fun": lambda v: whole @ v - 1, "jac": lambda _v: whole},
    ]
    start = np.concatenate([np.full(assets, 1 / assets), np.zeros(2 * assets)])
    bounds = [(0, cap)] * assets + [(0, 1)] * (2 * assets)
    found = minimize(
        cost, start, jac=True, bounds=bounds, constraints=rules, method="SLSQP", options={"ftol": 1e-15, "maxiter": 500}
    )
    assert weeks > 100
    return -float(found.fun)


def largest_entropy_in_cvxpy() -> float:
    import cvxpy as cp

    p = cp.Variable(100)
    known = features() @ p
    problem = cp.Problem(cp.Maximize(cp.sum(cp.entr(p))), [cp.sum(p) == 1, known >= LOW, known <= HIGH])
    problem.solve(solver="CLARABEL")
    return float(problem.value)


def steady_earning_in_cvxpy() -> float:
    import cvxpy as cp

    gain = gains()
    weeks, assets = gain.shape
    mean = gain.mean(axis=0)
    hold = cp.Variable(assets)
    risk = cp.norm((gain - mean) / np.sqrt(weeks - 1) @ hold, 2)
    earning = mean @ hold - 0.004 * cp.norm(hold - 1 / assets, 1)
    problem = cp.Problem(cp.Maximize(earning), [risk <= 1.3, cp.sum(hold) == 1, hold >= 0, hold <= 0.25])
    problem.solve(solver="CLARABEL")
    return float(problem.value)
