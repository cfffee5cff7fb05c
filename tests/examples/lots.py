"""Lot sizing by dynamic programming over the stock: nothing of optc in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def least_cost(file: Path) -> float:
    """The least cost of a plan of whole orders after which nothing is owed."""
    data = json.loads(file.read_text(encoding="utf-8"))
    orders = np.arange(data["truck"] + 1)
    bill = np.interp(orders, data["break_at"], data["cost_at"])
    (left, right), (low, high) = data["break_at"][1:], data["cost_at"][1:]
    bill = np.where(orders > right, high + (high - low) / (right - left) * (orders - right), bill)
    bill = bill + data["order_cost"] * (orders > 0)
    best = {data["start_stock"]: 0.0}
    for demand in data["demand"]:
        after: dict[int, float] = {}
        for stock, cost in best.items():
            for order, paid in zip(orders.tolist(), bill.tolist(), strict=True):
                left_over = stock + order - demand
                waiting = data["store_cost"] * max(0, left_over) + data["late_cost"] * max(0, -left_over)
                total = cost + paid + waiting
                if total < after.get(left_over, np.inf):
                    after[left_over] = total
        best = after
    return min(cost for stock, cost in best.items() if stock >= 0)
