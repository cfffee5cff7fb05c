"""Makes network.json: a sparse random network with several commodities. The same seed gives the same file."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

SEED = 10
NODES, NEIGHBOURS = 40, 3
COMMODITIES = ["apples", "bricks", "coal", "dyes", "eggs", "fuel"]


def network(seed: int) -> dict[str, object]:
    """Nodes scattered over a square, each joined both ways to its nearest neighbours; pairs of far nodes trade."""
    draw = random.Random(seed)
    place = {n: (draw.random(), draw.random()) for n in range(1, NODES + 1)}
    distance = {(i, j): math.dist(place[i], place[j]) for i in place for j in place if i != j}
    arcs = set()
    for i in place:
        for j in sorted((j for j in place if j != i), key=lambda j: distance[i, j])[:NEIGHBOURS]:
            arcs |= {(i, j), (j, i)}
    ordered = sorted(arcs)
    supply = []
    for commodity in COMMODITIES:
        source, sink = draw.sample(sorted(place), 2)
        amount = draw.randint(4, 9)
        supply += [[commodity, source, amount], [commodity, sink, -amount]]
    return {
        "Nodes": sorted(place),
        "Commodities": COMMODITIES,
        "Arcs": [list(a) for a in ordered],
        "cost": [round(100 * distance[a]) for a in ordered],
        "capacity": [draw.randint(4, 12) for _ in ordered],
        "risk": [round(draw.random(), 3) for _ in ordered],
        "tolerance": {c: round(draw.uniform(0.75, 1.0), 3) for c in COMMODITIES},
        "supply": {"rows": supply},
    }


if __name__ == "__main__":
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in network(SEED).items())
    Path(__file__).with_name("network.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
