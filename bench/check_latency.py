"""Wall time of ``optc check`` beyond bare Python on generated models of 50, 500 and 5,000 lines.

    python bench/check_latency.py [--runs 5]

Prints the median of the runs, with and without the syntax-tree cache's help (the first run of a new text has none).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAMILY = """\
set Plants{k}
param cost{k}[Plants{k}] >= 0
param need{k}[1..7] default 10
param share{k}[Plants{k}, 1..7] in [0, 1]
var make{k}[Plants{k}, 1..7] in [0, 100]
var spare{k}[1..7] >= 0
let total{k}[d in 1..7] = sum(share{k}[p, d] * make{k}[p, d] for p in Plants{k})
let bill{k} = sum(cost{k}[p] * make{k}[p, d] for p in Plants{k}, d in 1..7) + 2 * sum(spare{k}[d] for d in 1..7)
subject to
  cover{k}[d in 1..7]: total{k}[d] + spare{k}[d] >= need{k}[d]
  level{k}[p in Plants{k}, d in 2..7]:
    make{k}[p, d] - make{k}[p, d-1] <= 0.5 * sum(make{k}[p, e] for e in 1..7 if e != d)
  limit{k}[p in Plants{k}]: 0 <= sum(make{k}[p, d] for d in 1..7) <= 400   # a week's work
"""


def model(lines: int, salt: int) -> str:
    """A model of about that many lines; ``salt`` makes its text new, so that no cache knows it."""
    families = max(1, lines // FAMILY.count("\n"))
    text = "".join(FAMILY.format(k=k) for k in range(families))
    return f"# {salt}\n{text}minimize " + " + ".join(f"bill{k}" for k in range(families)) + "\n"


def wall(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    bare = statistics.median(wall([sys.executable, "-c", "pass"]) for _ in range(runs))
    print(f"bare Python {bare:.3f} s; figures below are beyond it")
    with tempfile.TemporaryDirectory() as folder:
        for lines in (50, 500, 5000):
            new, again = [], []
            for run in range(runs):
                path = Path(folder) / f"m{lines}_{run}.opt"
                path.write_text(model(lines, time.time_ns()), encoding="utf-8")
                command = [sys.executable, "-m", "optc", "check", str(path)]
                new.append(wall(command) - bare)
                again.append(wall(command) - bare)
            print(f"{lines:5d} lines: first {statistics.median(new):.3f} s, again {statistics.median(again):.3f} s")


if __name__ == "__main__":
    main()
