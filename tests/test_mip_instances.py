"""The generated problems of ``bench/lns_against_highs.py`` are what they are called, and the script compares them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from optc.backends import highs
from optc.backends.known_point import holds
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import LinearForm

BENCH = Path(__file__).resolve().parents[1] / "bench"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    assert spec is not None and spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found
    spec.loader.exec_module(found)
    return found


MADE = module("mip_instances")
SMALL: dict[str, tuple[Any, ...]] = {
    "set_cover": (30, 90, 0.1),
    "knapsack": (4, 25),
    "facility_location": (8, 12),
    "assignment": (4, 16),
    "lot_sizing": (3, 12),
    "unit_commitment": (6, 24),
    "auction": (20, 40),
    "network_design": (6, 20, 5),
}


def solved(problem: LinearForm) -> np.ndarray:
    answer = highs.solve(problem, Goal(gap=1e-6), highs.Options(), contexts.start(time_limit=60, threads=1), None)
    assert answer.x is not None and holds(problem, answer.x, 1e-6)
    return answer.x


@pytest.mark.parametrize("name", SMALL)
def test_every_family_has_points_and_is_made_again_from_its_seed(name: str) -> None:
    make = getattr(MADE, name)
    problem = make(3, *SMALL[name])
    x = solved(problem)
    assert np.any(x != 0) and np.any(problem.integer)
    again, other = make(3, *SMALL[name]), make(4, *SMALL[name])
    assert np.array_equal(problem.values, again.values) and np.array_equal(problem.cost, again.cost)
    assert not np.array_equal(problem.cost, other.cost)


def test_units_stay_on_and_off_as_long_as_they_must() -> None:
    units, hours = SMALL["unit_commitment"]
    x = solved(MADE.unit_commitment(3, units, hours))
    random = np.random.default_rng(3)
    most = random.integers(50, 456, units).astype(float)
    random.uniform(0.25, 0.5, units)
    up, down = random.integers(2, 9, units), random.integers(2, 9, units)
    output, on = x[: units * hours].reshape(units, hours), np.rint(x[units * hours : 2 * units * hours])
    on = on.reshape(units, hours)
    assert (output <= most[:, None] * on + 1e-6).all() and 0 < on.sum() < on.size
    for unit in range(units):
        changes = np.flatnonzero(np.diff(np.concatenate([[0], on[unit]])))
        for begin, end in pairwise(changes):
            least = up[unit] if on[unit, begin] else down[unit]
            assert end - begin >= least, (unit, begin, end)


def test_each_customer_has_one_site_that_is_open_and_can_serve_it() -> None:
    sites, customers = SMALL["facility_location"]
    problem = MADE.facility_location(3, sites, customers)
    x = np.rint(solved(problem))
    served = x[sites:].reshape(sites, customers)
    assert (served.sum(axis=0) == 1).all() and (served <= x[:sites, None]).all()


def test_the_script_compares_both_methods() -> None:
    command = [sys.executable, str(BENCH / "lns_against_highs.py"), "--seconds", "0.3", "--only", "knapsack"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].startswith("knapsack") and lines[1].split()[-1] in ("highs", "lns", "equal")
    assert lines[-1].startswith("mean primal gap: highs ")


def test_gaps_are_shares_of_the_larger_value() -> None:
    gap = module("lns_against_highs").gap
    assert gap(100.0, 100.0) == 0.0 and gap(125.0, 100.0) == pytest.approx(0.2)
    assert gap(None, 100.0) == 1.0 and gap(-1.0, 1.0) == 1.0 and gap(0.0, 0.0) == 0.0
