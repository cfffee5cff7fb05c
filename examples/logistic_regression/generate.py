"""Makes ``samples.svm`` and ``equations.json`` again.

    python generate.py

Half of the values are zero. Labels are those of a hidden weight, a tenth of them turned round. The equations hold at a
point of half the length that the weights have, so they and the length can be met together.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

SEED, SAMPLES, FEATURES, EQUATIONS = 2023, 200, 12, 4


def samples(seed: int) -> list[tuple[int, dict[int, float]]]:
    """(label, value by feature) of every sample."""
    draw = random.Random(seed)
    hidden = [draw.gauss(0, 1) for _ in range(FEATURES)]
    found = []
    for _ in range(SAMPLES):
        kept = [f for f in range(1, FEATURES + 1) if draw.random() < 0.5]
        values = {f: round(draw.gauss(0, 1), 3) for f in kept}
        side = sum(hidden[f - 1] * value for f, value in values.items()) > 0
        found.append((1 if side != (draw.random() < 0.1) else -1, values))
    return found


def equations(seed: int) -> dict[str, object]:
    """The data of the equations by the names of the model."""
    draw = random.Random(seed + 1)
    slope = [[round(draw.gauss(0, 1), 3) for _ in range(FEATURES)] for _ in range(EQUATIONS)]
    inside = [draw.gauss(0, 1) for _ in range(FEATURES)]
    length = sum(part * part for part in inside) ** 0.5
    right = [round(sum(a * part for a, part in zip(row, inside, strict=True)) / (2 * length), 6) for row in slope]
    return {"Equations": list(range(1, EQUATIONS + 1)), "slope": slope, "right": right}


def text(found: list[tuple[int, dict[int, float]]]) -> str:
    """Samples in the LIBSVM format."""
    lines = (" ".join([f"{label:+d}", *(f"{f}:{value:g}" for f, value in row.items())]) for label, row in found)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    folder = Path(__file__).parent
    (folder / "samples.svm").write_text(text(samples(SEED)), encoding="utf-8")
    (folder / "equations.json").write_text(json.dumps(equations(SEED), indent=1) + "\n", encoding="utf-8")
