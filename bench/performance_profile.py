"""Performance profiles: E. D. Dolan, J. J. More, "Benchmarking optimization software with performance profiles",
Mathematical Programming 91 (2002).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

FACTORS = (1.0, 2.0, 4.0, 8.0, np.inf)


def shares(costs: Mapping[str, Sequence[float]], factors: Sequence[float] = FACTORS) -> dict[str, list[float]]:
    """For each method the share of problems that it solves within each factor of the least cost of any method.

    ``costs``: a method's costs, positive, infinite where it does not solve a problem; at least one method solves each.
    """
    table = np.array(list(costs.values()))
    ratios = table / table.min(axis=0)
    return {
        method: [float(np.mean((row <= factor) & np.isfinite(row))) for factor in factors]
        for method, row in zip(costs, ratios, strict=True)
    }


def profile(measure: str, costs: Mapping[str, Sequence[float]]) -> str:
    """The shares as a table in Markdown."""
    count = len(next(iter(costs.values())))
    words = [f"within {factor:g}" if np.isfinite(factor) else "at all" for factor in FACTORS]
    lines = [f"| {measure}, {count} problems | " + " | ".join(words) + " |", "|:--|" + "--:|" * len(FACTORS)]
    lines += [
        f"| {method} | " + " | ".join(f"{share:.2f}" for share in row) + " |" for method, row in shares(costs).items()
    ]
    return "\n".join(lines)
