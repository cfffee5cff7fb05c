"""Makes data.json: the whole distances between cities scattered over a square. The same seed gives the same file."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

SEED = 14
CITIES = 12


def cities(seed: int) -> dict[str, object]:
    """Distances rounded to whole numbers."""
    draw = random.Random(seed)
    place = [(draw.uniform(0, 500), draw.uniform(0, 500)) for _ in range(CITIES)]
    distance = [[round(math.dist(one, other)) for other in place] for one in place]
    return {"Cities": list(range(1, CITIES + 1)), "distance": distance}


if __name__ == "__main__":
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in cities(SEED).items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_name("data.json").write_text(text.replace("], [", "],\n    ["), encoding="utf-8")
