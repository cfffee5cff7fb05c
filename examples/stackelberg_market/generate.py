"""The retailers of ``market.json``, made up: ``python generate.py > market.json``."""

from __future__ import annotations

import json
import random

SEED = 20


def market(seed: int) -> dict[str, object]:
    """A hundred retailers: what the first piece is worth to each, how fast that falls, and the room each has."""
    draw = random.Random(seed)
    retailers = [f"r{number:03}" for number in range(1, 101)]
    return {
        "Retailers": retailers,
        "cost": 12,
        "worth": [round(draw.uniform(15, 60), 2) for _ in retailers],
        "falls": [round(draw.uniform(0.5, 4), 2) for _ in retailers],
        "room": [round(draw.uniform(2, 12), 2) for _ in retailers],
        "supply": 400,
    }


if __name__ == "__main__":
    print(json.dumps(market(SEED), indent=1))
