"""Published and proved optima of benchmark instances, with the models of the examples.

The files may not be redistributed; they are read from ``$OPTC_DATA/examples`` and ``$OPTC_DATA/qubo``.
"""

from __future__ import annotations

import csv
import json
import math
import os
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from independent import EXAMPLES

import optc

DATA = Path(os.environ.get("OPTC_DATA", ""))
pytestmark = pytest.mark.skipif("OPTC_DATA" not in os.environ, reason="OPTC_DATA names no folder with benchmark data")

KNAPSACKS = (3800.0, 8706.1, 4015.0, 6120.0, 12400.0, 10618.0, 16537.0)
CAPACITATED = (41, 42, 43, 44, 51, 61, 71, 72, 73, 74, 81, 101)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def reached(example: str, data: dict[str, Any]) -> float:
    """The objective of an example's model with other data, which must be proved optimal."""
    solution = optc.solve(EXAMPLES / example / "model.opt", data, gap=1e-9)
    assert solution.status == "optimal"
    assert [line for line in solution.certificate if line.status == "failed"] == []
    return float(solution.objective)


@pytest.mark.parametrize("number", CAPACITATED)
def test_facility_location_reaches_the_published_optimum(number: int) -> None:
    folder = DATA / "examples/facility"
    optima = {row["instance"]: float(row["published_optimum"]) for row in table(folder / "optima.csv")}
    facilities, customers, costs = (
        table(folder / f"cap{number}" / f"{name}.csv") for name in ("facilities", "customers", "costs")
    )
    data = {
        "Facilities": [int(row["facility"]) for row in facilities],
        "Customers": [int(row["customer"]) for row in customers],
        "capacity": [float(row["capacity"]) for row in facilities],
        "opening": [float(row["fixed_cost"]) for row in facilities],
        "demand": [float(row["demand"]) for row in customers],
        "serving": [[float(row[f"facility_{f['facility']}"]) for f in facilities] for row in costs],
    }
    assert reached("facility_location", data) == pytest.approx(optima[f"cap{number}"], rel=2e-9)


def geographical(path: Path) -> list[list[int]]:
    """Distances in km as TSPLIB defines them for coordinates in degrees and minutes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = lines.index("NODE_COORD_SECTION") + 1
    places = [
        [3.141592 * (math.trunc(v) + 5 * (v - math.trunc(v)) / 3) / 180 for v in map(float, line.split()[1:])]
        for line in lines[first : lines.index("EOF")]
    ]

    def distance(a: list[float], b: list[float]) -> int:
        q1, q2, q3 = math.cos(a[1] - b[1]), math.cos(a[0] - b[0]), math.cos(a[0] + b[0])
        return int(6378.388 * math.acos(0.5 * ((1 + q1) * q2 - (1 - q1) * q3)) + 1)

    return [[0 if a is b else distance(a, b) for b in places] for a in places]


def test_the_round_trip_of_burma14_is_3323() -> None:
    distance = geographical(DATA / "qubo/tsp/burma14.tsp")
    assert reached("travelling_salesman", {"Cities": list(range(1, 15)), "distance": distance}) == 3323


def knapsacks(path: Path) -> Iterator[dict[str, Any]]:
    numbers = iter(path.read_text(encoding="utf-8").split())

    def take(count: int) -> list[float]:
        return [float(next(numbers)) for _ in range(count)]

    for _ in range(int(next(numbers))):
        items, resources, _optimum = int(next(numbers)), int(next(numbers)), next(numbers)
        gain = take(items)
        uses = [take(items) for _ in range(resources)]
        yield {
            "Items": list(range(1, items + 1)),
            "Resources": list(range(1, resources + 1)),
            "gain": gain,
            "uses": uses,
            "capacity": take(resources),
        }


def test_the_seven_knapsacks_of_mknap1_reach_their_optima() -> None:
    found = [reached("knapsack", data) for data in knapsacks(DATA / "qubo/mdkp/orlib/mknap1.txt")]
    assert found == pytest.approx(KNAPSACKS, rel=1e-9)


def test_the_day_of_unit_commitment_is_the_converted_instance() -> None:
    instance = DATA / "examples/unit_commitment/rts_gmlc_area1_24h.json"
    convert = runpy.run_path(str(EXAMPLES / "unit_commitment/convert.py"))
    stored = json.loads((EXAMPLES / "unit_commitment/day.json").read_text(encoding="utf-8"))
    assert convert["day"](json.loads(instance.read_text(encoding="utf-8"))) == stored
