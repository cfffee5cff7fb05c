"""Makes data.json: facilities and customers scattered over a square. The same seed gives the same file."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

SEED = 41
FACILITIES, CUSTOMERS = 16, 50
CAPACITY, OPENING = 5000, 7500


def market(seed: int) -> dict[str, object]:
    """Equal capacities and opening costs, a few large customers among many small ones, costs by load and distance."""
    draw = random.Random(seed)
    facilities = [(draw.uniform(0, 100), draw.uniform(0, 100)) for _ in range(FACILITIES)]
    customers = [(draw.uniform(0, 100), draw.uniform(0, 100)) for _ in range(CUSTOMERS)]
    demand = [round(math.exp(draw.gauss(6.2, 1.1))) for _ in range(CUSTOMERS)]
    serving = [
        [round(demand[c] * math.dist(customers[c], facility) / 4, 2) for facility in facilities]
        for c in range(CUSTOMERS)
    ]
    return {
        "Facilities": list(range(1, FACILITIES + 1)),
        "Customers": list(range(1, CUSTOMERS + 1)),
        "capacity": [CAPACITY] * FACILITIES,
        "opening": [OPENING] * FACILITIES,
        "demand": demand,
        "serving": serving,
    }


if __name__ == "__main__":
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in market(SEED).items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_name("data.json").write_text(text.replace("], [", "],\n    ["), encoding="utf-8")
