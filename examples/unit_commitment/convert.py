"""Turns an instance in the JSON of pglib-uc into the data of model.opt: ``python convert.py INSTANCE > day.json``.

The fields are described in https://github.com/power-grid-lib/pglib-uc (README.md, MODEL.pdf).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FIELDS = {
    "least": "power_output_minimum",
    "most": "power_output_maximum",
    "ramp_up": "ramp_up_limit",
    "ramp_down": "ramp_down_limit",
    "first_most": "ramp_startup_limit",
    "last_most": "ramp_shutdown_limit",
    "least_up": "time_up_minimum",
    "least_down": "time_down_minimum",
    "must_run": "must_run",
    "ran": "unit_on_t0",
    "hours_up": "time_up_t0",
    "hours_down": "time_down_t0",
    "output_before": "power_output_t0",
}


def day(instance: dict[str, Any]) -> dict[str, Any]:
    """The data of model.opt; a parameter over a set of pairs is a list in the order of that set."""
    units, renewables = instance["thermal_generators"], instance["renewable_generators"]
    points = [(u, k + 1, p) for u, unit in units.items() for k, p in enumerate(unit["piecewise_production"])]
    starts = [(u, k + 1, s) for u, unit in units.items() for k, s in enumerate(unit["startup"])]
    return {
        "hours": instance["time_periods"],
        "ranks": max(k for _, k, _ in points + starts),
        "Units": list(units),
        "Renewables": list(renewables),
        "Points": [[u, k] for u, k, _ in points],
        "Starts": [[u, k] for u, k, _ in starts],
        "demand": instance["demand"],
        "reserve": instance["reserves"],
        "weak": [r["power_output_minimum"] for r in renewables.values()],
        "strong": [r["power_output_maximum"] for r in renewables.values()],
        **{name: [unit[field] for unit in units.values()] for name, field in FIELDS.items()},
        "level": [p["mw"] for _, _, p in points],
        "price": [p["cost"] for _, _, p in points],
        "lag": [s["lag"] for _, _, s in starts],
        "start_price": [s["cost"] for _, _, s in starts],
    }


if __name__ == "__main__":
    found = day(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print("{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in found.items()) + "\n}")
