"""A long CSV file (two text index columns and a value) read and placed: seconds, with polars and without.

    python bench/data_million_rows.py [ROWS] [--without-polars]

Prints one line a run: rows, way, seconds to read, to place, and peak memory of the process in MiB. The file is
written to a temporary folder first. The default is a million rows, 1,000 by 1,000 members.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

MODEL = """set Rows
set Columns
param cost[Rows, Columns]
var x[Rows, Columns] >= 0
minimize sum(cost[r, c] * x[r, c] for r in Rows, c in Columns)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--without-polars", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cost.csv"
        down, across = write(path, arguments.rows)
        run(path, down, across, with_polars=not arguments.without_polars)


def write(path: Path, rows: int) -> tuple[list[str], list[str]]:
    """A shuffled full table; returns the members of both sets."""
    width = round(rows**0.5)
    height = rows // width
    down = [f"row{k}" for k in range(height)]
    across = [f"column{k}" for k in range(width)]
    rng = np.random.default_rng(0)
    order = rng.permutation(height * width)
    values = rng.random(height * width)
    with path.open("w", encoding="utf-8") as stream:
        stream.write("row,column,cost\n")
        for start in range(0, len(order), 100_000):
            part = order[start : start + 100_000].tolist()
            numbers = values[start : start + 100_000].tolist()
            stream.writelines(
                f"{down[k // width]},{across[k % width]},{v!r}\n" for k, v in zip(part, numbers, strict=True)
            )
    return down, across


def run(path: Path, down: list[str], across: list[str], *, with_polars: bool) -> None:
    from optc.compiler.data import FileInput, PythonValue, csv_table, place_parameter, place_set, read_inputs
    from optc.compiler.spaces.members import Members
    from optc.dsl.check import check
    from optc.dsl.parse import parse
    from optc.dsl.source import Source

    if not with_polars:
        csv_table.find_spec = lambda _: None
    program = check(parse(Source("bench.opt", MODEL)).model, lambda _: None).program
    assert program is not None
    start = time.perf_counter()
    supplied = read_inputs(
        program, [PythonValue("Rows", down), PythonValue("Columns", across), FileInput(str(path))], folder=None
    )
    read = time.perf_counter()
    sets = [place_set(program.symbols[name], supplied.get(name)) for name in ("Rows", "Columns")]
    domain = Members.product(sets)
    cost = place_parameter(program.symbols["cost"], supplied.get("cost"), domain)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    way = "polars" if with_polars else "standard library"
    print(f"{len(cost):,} rows, {way}: read {read - start:.2f} s, place {done - read:.2f} s, ", end="")
    print(f"together {done - start:.2f} s, peak {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
