"""The cheapest pressure vessel by trying every pair of plates, nothing of optc in between.

Material and welds cost more the longer the vessel is, so for each radius it is as short as its volume allows; what is
left for each pair of plates is a problem of one decision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

VOLUME, PLATE = 1_296_000.0, 1 / 16
SHORTEST, LONGEST = 10.0, 200.0


def length(radius: Any) -> Any:
    """The least length at which the vessel holds its volume."""
    return np.maximum((VOLUME - 4 / 3 * np.pi * radius**3) / (np.pi * radius**2), SHORTEST)


def cost(radius: Any, shell: Any, head: Any) -> Any:
    """Dollars; infinite where the vessel would be too long."""
    long = length(radius)
    plates = 0.6224 * shell * radius * long + 1.7781 * head * radius**2
    return np.where(long <= LONGEST, plates + 3.1661 * shell**2 * long + 19.84 * shell**2 * radius, np.inf)


def cheapest_vessel() -> float:
    """Dollars."""
    count = np.arange(1, 100) * PLATE
    shell, head = (each.ravel() for each in np.meshgrid(count, count))
    widest = np.minimum(np.minimum(shell / 0.0193, head / 0.00954), LONGEST)
    narrowest = _narrowest()
    fits = widest >= narrowest
    shell, head, widest = shell[fits], head[fits], widest[fits]
    share = np.linspace(0, 1, 401)[:, None]
    rough = cost(narrowest + share * (widest - narrowest), shell, head).min(axis=0)
    best = float(rough.min())
    for k in np.argsort(rough)[:200]:
        ends = (narrowest, float(widest[k]))
        fine = minimize_scalar(cost, bounds=ends, args=(shell[k], head[k]), method="bounded", options={"xatol": 1e-10})
        best = min(best, float(fine.fun))
    return best


def _narrowest() -> float:
    """The radius at which the longest vessel holds its volume."""
    low, high = SHORTEST, LONGEST
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(length(middle)) > LONGEST else (low, middle)
    return high
