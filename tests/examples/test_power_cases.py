"""AC optimal power flow on MATPOWER's own cases, read from ``$OPTC_DATA/examples/power``: they may not be handed on."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from independent import EXAMPLES

import optc

FOLDER = Path(os.environ.get("OPTC_DATA", "")) / "examples" / "power"
pytestmark = pytest.mark.skipif("OPTC_DATA" not in os.environ, reason="OPTC_DATA names no folder with benchmark data")

# $/h; R. D. Zimmerman et al., MATPOWER, and pglib-opf's BASELINE.md.
OPTIMA = {
    "matpower_case9": 5296.6862,
    "matpower_case14": 8081.5247,
    "matpower_case30": 576.8923,
    "matpower_case118": 129660.6941,
    "case5_pjm": 17551.8909,
    "case14_ieee": 2178.0804,
    "case30_as": 803.1273,
    "case30_ieee": 8208.5155,
    "case118_ieee": 97213.6074,
}


def rows(case: str, name: str) -> list[dict[str, float]]:
    with (FOLDER / case / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def network(case: str) -> dict[str, Any]:
    """The data of a case as the example's model takes them."""
    buses, branches = rows(case, "bus"), [row for row in rows(case, "branch") if row["status"] == 1]
    pairs = zip(rows(case, "gen"), rows(case, "gencost"), strict=True)
    units = [(unit, cost) for unit, cost in pairs if unit["status"] == 1]
    base = json.loads((FOLDER / case / "meta.json").read_text(encoding="utf-8"))["baseMVA"]
    by_bus = {"load": "Pd", "reactive_load": "Qd", "conductance": "Gs", "susceptance": "Bs"}
    by_bus |= {"lowest": "Vmin", "highest": "Vmax"}
    by_unit = {"least": "Pmin", "most": "Pmax", "reactive_least": "Qmin", "reactive_most": "Qmax"}
    by_line = {"resistance": "r", "reactance": "x", "charging": "b", "shift": "angle"}
    return {
        "Buses": [int(bus["bus"]) for bus in buses],
        "Generators": list(range(1, len(units) + 1)),
        "Branches": list(range(1, len(branches) + 1)),
        "Units": [[k, int(unit["bus"])] for k, (unit, _) in enumerate(units, 1)],
        "Lines": [[k, int(line["fbus"]), int(line["tbus"])] for k, line in enumerate(branches, 1)],
        "base": base,
        "slack": next(int(bus["bus"]) for bus in buses if bus["type"] == 3),
        **{name: [bus[column] for bus in buses] for name, column in by_bus.items()},
        **{name: [unit[column] for unit, _ in units] for name, column in by_unit.items()},
        **{
            name: [cost[column] for _, cost in units]
            for name, column in zip(("quadratic", "price", "fixed"), ("c2", "c1", "c0"), strict=True)
        },
        **{name: [line[column] for line in branches] for name, column in by_line.items()},
        "ratio": [line["ratio"] or 1.0 for line in branches],
        "widest": [line["angmax"] or 360.0 for line in branches],
        "limit": [line["rateA"] or float("inf") for line in branches],
    }


@pytest.mark.parametrize("backend", ["auto", "exact_al"])
@pytest.mark.parametrize("case", OPTIMA)
def test_the_published_cost_is_reached(case: str, backend: str) -> None:
    bound = optc.read(EXAMPLES / "ac_opf" / "model.opt").bind(network(case))
    found = bound.solve(backend=backend, time_limit=120)
    assert found.status == "locally optimal" and found.termination == "converged"
    assert found.objective == pytest.approx(OPTIMA[case], rel=1e-7)
