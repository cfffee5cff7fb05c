"""Makes data.json: items whose gain goes with what they use. The same seed gives the same file."""

from __future__ import annotations

import json
import random
from pathlib import Path

SEED = 18
ITEMS, RESOURCES = 18, 4


def sack(seed: int) -> dict[str, object]:
    """Capacities are half of what all items use; gains are correlated with uses, which makes the choice hard."""
    draw = random.Random(seed)
    uses = [[draw.randint(10, 99) for _ in range(ITEMS)] for _ in range(RESOURCES)]
    gain = [sum(row[i] for row in uses) // RESOURCES + draw.randint(1, 40) for i in range(ITEMS)]
    return {
        "Items": list(range(1, ITEMS + 1)),
        "Resources": list(range(1, RESOURCES + 1)),
        "gain": gain,
        "uses": uses,
        "capacity": [sum(row) // 2 for row in uses],
    }


if __name__ == "__main__":
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in sack(SEED).items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_name("data.json").write_text(text.replace("], [", "],\n    ["), encoding="utf-8")
