"""The reference interpreter as a second verifier: every example's answer judged row by row from the raw files."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from test_examples import RUNS

import optc
from optc.compiler.reference.interpreter import RawData, Reference
from optc.dsl.program import Program


def number(text: str) -> float | str:
    """A CSV cell: a number where it is spelled as one."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value == value // 1 else value


def table(path: Path) -> tuple[list[str], list[list[float | str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, [[number(cell) for cell in row] for row in rows]


def flat(value: Any) -> list[float | str]:
    """The numbers or texts of a nested list, the last index fastest."""
    if isinstance(value, list):
        return [entry for part in value for entry in flat(part)]
    return [value if isinstance(value, str) and value not in ("inf", "-inf") else float(value)]


def from_json(path: Path, program: Program) -> RawData:
    """Sets as lists, parameters by position, by key or by rows."""
    data = json.loads(path.read_text(encoding="utf-8"))
    symbols = program.symbols
    sets = {
        name: [tuple(m) if isinstance(m, list) else (m,) for m in value]
        for name, value in data.items()
        if type(symbols[name]).__name__ == "SetSymbol"
    }
    scalars = {name: value for name, value in data.items() if name not in sets and not isinstance(value, (dict, list))}
    parameters: dict[str, dict[tuple[Any, ...], Any]] = {name: {(): value} for name, value in scalars.items()}
    keys = Reference(program, RawData(sets=sets, parameters=parameters)).keys
    for name, value in data.items():
        if name in sets or name in scalars:
            continue
        if isinstance(value, dict) and "rows" in value:
            parameters[name] = {tuple(row[:-1]): row[-1] for row in value["rows"]}
        elif isinstance(value, dict):
            parameters[name] = {(key,): entry for key, entry in value.items()}
        elif isinstance(value, list):
            parameters[name] = dict(zip(keys(name), flat(value), strict=True))
    return RawData(sets=sets, parameters=parameters)


def long_form(path: Path, indices: int) -> dict[str, dict[tuple[Any, ...], Any]]:
    """A CSV whose first columns are indices and whose others are parameters."""
    header, rows = table(path)
    return {name: {tuple(row[:indices]): row[indices + k] for row in rows} for k, name in enumerate(header[indices:])}


def wide_form(path: Path) -> dict[tuple[Any, ...], Any]:
    """A CSV with a row a member and a column a member."""
    header, rows = table(path)
    return {(row[0], column): cell for row in rows for column, cell in zip(header[1:], row[1:], strict=True)}


def first_column(path: Path) -> list[tuple[Any, ...]]:
    return [(row[0],) for row in table(path)[1]]


def raw_data(folder: Path, program: Program, data: list[Any]) -> RawData:
    """The data of an example's run, read without optc: files, and numbers by name."""
    if data and data[0].endswith(".json"):
        raw = from_json(folder / data[0], program)
        numbers = {name: {(): value} for given in data[1:] for name, value in given.items()}
        return RawData(sets=raw.sets, parameters={**raw.parameters, **numbers})
    if folder.name == "diet":
        return RawData(
            sets={
                "Foods": first_column(folder / "foods.csv"),
                "Nutrients": first_column(folder / "requirements.csv"),
            },
            parameters={
                "content": wide_form(folder / "foods.csv"),
                "minimum": long_form(folder / "requirements.csv", 1)["minimum"],
            },
        )
    if folder.name in ("portfolio", "portfolio_risk_limit"):
        folder = folder.parent / "portfolio"
        return RawData(
            sets={"Assets": first_column(folder / "assets.csv"), "Weeks": first_column(folder / "gains.csv")},
            parameters={"gain": wide_form(folder / "gains.csv")},
        )
    if folder.name == "unit_dispatch":
        parameters = long_form(folder / "units.csv", 1) | long_form(folder / "load.csv", 1)
        return RawData(
            sets={"Units": first_column(folder / "units.csv")},
            parameters=parameters | long_form(folder / "segments.csv", 2),
        )
    if folder.name == "logistic_regression":
        return labelled_samples(folder, data[1])
    return RawData()


def labelled_samples(folder: Path, equations: str) -> RawData:
    """A LIBSVM file, line by line, and the equations beside it."""
    rows = [line.split() for line in (folder / "samples.svm").read_text(encoding="utf-8").splitlines()]
    pairs = [(s, *pair.split(":")) for s, row in enumerate(rows, 1) for pair in row[1:]]
    value = {(float(s), float(f)): float(v) for s, f, v in pairs}
    given = json.loads((folder / equations).read_text(encoding="utf-8"))
    features = sorted({f for _, f in value})
    indices = [(float(e),) for e in given["Equations"]]
    slope = {
        (e, f): number
        for (e,), row in zip(indices, given["slope"], strict=True)
        for f, number in zip(features, row, strict=True)
    }
    return RawData(
        sets={
            "Samples": [(float(s),) for s in range(1, len(rows) + 1)],
            "Features": [(f,) for f in features],
            "Entries": list(value),
            "Equations": indices,
        },
        parameters={
            "value": value,
            "label": {(float(s),): float(row[0]) for s, row in enumerate(rows, 1)},
            "slope": slope,
            "right": dict(zip(indices, given["right"], strict=True)),
        },
    )


@pytest.mark.parametrize(("name", "folder", "expected"), RUNS)
def test_the_reference_interpreter_agrees_with_the_answer(
    name: str, folder: Path, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    model = optc.read("model.opt")
    solution = model.bind(*expected["data"]).solve()
    reference = Reference(model.program, raw_data(folder, model.program, expected["data"]))
    values = {family: dict(solution[family].items()) for family in solution.variables}
    point = reference.at(values)
    assert point.objective([]) == pytest.approx(solution.objective, rel=1e-12)
    for constraint in model.program.root.constraints:
        for row in point.constraint_rows(constraint):
            assert row.violation <= 1e-6 * max(1.0, row.scale), (name, constraint, row.index)
    for family in solution.variables:
        for entry in point.domain_rows(family):
            assert entry.violation <= 1e-6, (name, family, entry.index)
    for family, entries in point.expressions().items():
        assert dict(solution.expressions[family].items()) == pytest.approx(entries, rel=1e-9, abs=1e-9)
    assert solution.status == expected["status"]
    assert expected["status"] != "optimal" or math.isfinite(solution.bound or math.nan)
