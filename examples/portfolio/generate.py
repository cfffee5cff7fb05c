"""Makes gains.csv and assets.csv: weekly gains, in per cent, of made-up assets with two common factors."""

from __future__ import annotations

import csv
import random
from pathlib import Path

SEED = 11
WEEKS, ASSETS = 104, 16


def gains(seed: int) -> list[list[float]]:
    """``WEEKS`` rows of ``ASSETS`` gains: drift, a market factor, a second factor, and noise of its own for each."""
    draw = random.Random(seed)
    drift = [draw.uniform(0.05, 0.7) for _ in range(ASSETS)]
    market = [draw.uniform(0.4, 1.4) for _ in range(ASSETS)]
    second = [draw.gauss(0, 0.6) for _ in range(ASSETS)]
    noise = [draw.uniform(0.5, 3) for _ in range(ASSETS)]
    rows = []
    for _ in range(WEEKS):
        f, g = draw.gauss(0, 2), draw.gauss(0, 1)
        common = [drift[a] + market[a] * f + second[a] * g for a in range(ASSETS)]
        rows.append([round(common[a] + draw.gauss(0, noise[a]), 3) for a in range(ASSETS)])
    return rows


if __name__ == "__main__":
    with Path(__file__).with_name("gains.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["week", *(f"asset_{a + 1:02}" for a in range(ASSETS))])
        writer.writerows([week + 1, *row] for week, row in enumerate(gains(SEED)))
    names = [f"asset_{a + 1:02}" for a in range(ASSETS)]
    Path(__file__).with_name("assets.csv").write_text("\n".join(["asset", *names]) + "\n", encoding="utf-8")
