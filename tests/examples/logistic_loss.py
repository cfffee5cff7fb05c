"""Logistic regression with equations and a length by sequential quadratic programming, from many starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

STARTS = 20


def samples_of(text: str) -> tuple[Any, Any]:
    """Labels (m) and values (m, n) of a LIBSVM text, line by line."""
    words = [line.split() for line in text.splitlines()]
    pairs = [[(int(index), float(value)) for index, value in (word.split(":") for word in row[1:])] for row in words]
    values = np.zeros((len(words), max(index for row in pairs for index, _ in row)))
    for k, row in enumerate(pairs):
        for index, value in row:
            values[k, index - 1] = value
    return np.array([float(row[0]) for row in words]), values


def least_loss(folder: Path) -> float:
    """The least mean loss from any start; all starts must agree."""
    labels, values = samples_of((folder / "samples.svm").read_text(encoding="utf-8"))
    given = json.loads((folder / "equations.json").read_text(encoding="utf-8"))
    slope, right = np.array(given["slope"]), np.array(given["right"])
    signed = -labels[:, None] * values
    equations = {
        "type": "eq",
        "fun": lambda x: np.append(slope @ x - right, x @ x - 1),
        "jac": lambda x: np.vstack([slope, 2 * x]),
    }
    found = []
    for seed in range(STARTS):
        run = minimize(
            lambda x: float(np.logaddexp(0, signed @ x).mean()),
            np.random.default_rng(seed).normal(size=values.shape[1]),
            jac=lambda x: signed.T @ (1 / (1 + np.exp(-signed @ x))) / len(labels),
            method="SLSQP",
            constraints=[equations],
            options={"ftol": 1e-14, "maxiter": 500},
        )
        assert run.success, run.message
        found.append(float(run.fun))
    assert np.ptp(found) < 1e-9
    return min(found)
