"""Wall and CPU seconds of short commands, beyond what a bare Python takes to start and end.

    python bench/start_up.py [--runs 15]

``import optc``, ``optc check`` of a new model of 50 lines, ``optc solve`` of the diet example, and for comparison
``import numpy, highspy``, which every solve has to pay for. The commands take turns, so that a busy moment meets all of
them; medians count, and the shortest run stands beside them. Byte code is written as it is for a user
(PYTHONDONTWRITEBYTECODE is taken out of the environment), and a run before the first counted one fills the caches.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from check_latency import model

DIET = Path(__file__).resolve().parents[1] / "examples" / "diet"
DATA = ("Foods=foods.csv:food", "content=foods.csv", "Nutrients=requirements.csv:nutrient", "minimum=requirements.csv")


def once(command: list[str], folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Wall and CPU seconds of a process of its own."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(folder: Path) -> dict[str, Callable[[int], list[str]]]:
    """Arguments of Python by what they do, for the run of a number; each check gets a text that no cache knows."""

    def checked(run: int) -> list[str]:
        path = folder / f"model{run}.opt"
        path.write_text(model(50, time.time_ns()), encoding="utf-8")
        return ["-m", "optc", "check", str(path)]

    solve = ["-m", "optc", "solve", "model.opt", *(word for each in DATA for word in ("-d", each))]
    return {
        "bare Python": lambda _run: ["-c", "pass"],
        "import optc": lambda _run: ["-c", "import optc"],
        "optc check, 50 lines": checked,
        "import numpy, highspy": lambda _run: ["-c", "import numpy, highspy"],
        "optc solve, diet": lambda _run: solve,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        asked = commands(Path(folder))
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
        for run in range(-1, runs):
            for name, arguments in asked.items():
                seconds = once([sys.executable, *arguments(run)], DIET, environment)
                if run >= 0:
                    found[name].append(seconds)
    middle = {name: [statistics.median(part) for part in zip(*each, strict=True)] for name, each in found.items()}
    bare = middle.pop("bare Python")
    print(f"bare Python: wall {bare[0]:.3f} s, CPU {bare[1]:.3f} s; the rest is beyond it\n")
    print("| command | wall s | CPU s | shortest wall s |\n|:--|--:|--:|--:|")
    least = min(wall for wall, _ in found["bare Python"])
    for name, (wall, cpu) in middle.items():
        shortest = min(each for each, _ in found[name]) - least
        print(f"| {name} | {wall - bare[0]:.3f} | {cpu - bare[1]:.3f} | {shortest:.3f} |")


if __name__ == "__main__":
    main()
