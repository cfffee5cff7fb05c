"""The supplier's best price, piece by piece: between two kinks of the orders its profit is a parabola."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def largest_profit(file: Path) -> float:
    """Dollars. A retailer orders (worth - price) / falls pieces, but none less than 0 and none beyond its room."""
    data = json.loads(file.read_text(encoding="utf-8"))
    worth, falls, room = (np.array(data[name]) for name in ("worth", "falls", "room"))
    cost, supply = data["cost"], data["supply"]
    kinks = np.unique(np.concatenate([[cost], worth, worth - falls * room]))
    best = 0.0
    for low, high in zip(kinks[kinks >= cost], kinks[kinks > cost], strict=False):
        middle = (low + high) / 2
        full = worth - falls * room >= middle
        partly = (worth > middle) & ~full
        # Orders are together a - b * price.
        a, b = (worth[partly] / falls[partly]).sum() + room[full].sum(), (1 / falls[partly]).sum()
        if a - b * high > supply:
            continue
        first = max(low, (a - supply) / b) if b else low
        top = min(max((a / b + cost) / 2, first), high) if b else high
        best = max(best, *((price - cost) * (a - b * price) for price in (first, top, high)))
    return float(best)
