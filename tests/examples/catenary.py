"""The energy of a hanging chain from the closed form of its shape, the catenary."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.optimize import brentq


def least_energy(file: Path) -> float:
    """The integral of x sqrt(1 + x'^2) for x = c cosh((t - t0) / c) + k over [0, 1]."""
    data = json.loads(file.read_text(encoding="utf-8"))
    left, right, length = (float(data[name]) for name in ("left", "right", "length"))
    chord = np.sqrt(length**2 - (right - left) ** 2)
    c = float(brentq(lambda c: 2 * c * np.sinh(1 / (2 * c)) - chord, 0.01, 100.0, xtol=1e-14))
    t0 = 0.5 - c * np.arctanh((right - left) / length)
    k = left - c * np.cosh(t0 / c)

    def until(t: float) -> float:
        s = (t - t0) / c
        return float(c * (t / 2 + c / 4 * np.sinh(2 * s)) + k * c * np.sinh(s))

    return until(1.0) - until(0.0)
