"""Netlib LPs and MIPLIB problems, read from MPS, reach their published optima.

The files may not be redistributed; they are read from ``$OPTC_DATA/examples/mps``.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from optc.mps import read_mps

FOLDER = Path(os.environ.get("OPTC_DATA", "")) / "examples" / "mps"
SLOW = {"misc07"}
TOLERANCE = 1e-6  # of the objective, relative


def problems() -> list[dict[str, str]]:
    if "OPTC_DATA" not in os.environ or not FOLDER.is_dir():
        return []
    with (FOLDER / "optima.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_published(text: str) -> object:
    """The published number, known to the last digit that was printed."""
    printed = 10.0 ** -len(text.partition(".")[2]) if "." in text else 0.0
    return pytest.approx(float(text), rel=TOLERANCE, abs=printed)


FOUND = [
    pytest.param(problem, id=problem["name"], marks=[pytest.mark.timeout(600)] if problem["name"] in SLOW else [])
    for problem in problems()
]
WITHOUT = [pytest.param({}, marks=pytest.mark.skip("OPTC_DATA names no folder with examples/mps"))]


@pytest.mark.parametrize("problem", FOUND or WITHOUT)
def test_the_published_optimum_is_reached(problem: dict[str, str]) -> None:
    if problem["name"] in SLOW and "OPTC_SLOW" not in os.environ:
        pytest.skip("takes a minute or more; set OPTC_SLOW to run it")
    path = FOLDER / problem["kind"] / f"{problem['name']}.mps"
    solution = read_mps(path).solve(time_limit=500, gap=1e-9)
    assert solution.status == "optimal"
    assert solution.objective == as_published(problem["published_optimum"])
    assert solution.bound == as_published(problem["published_optimum"])
    assert [line for line in solution.certificate if line.status == "failed"] == []
