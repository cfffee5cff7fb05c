"""Every example reaches its expected answer by the public way, and its expected answer is found again without optc."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from independent import EXAMPLES, SOLVERS

import optc


def runs() -> list[tuple[str, Path, dict[str, Any]]]:
    """(name, folder, what is expected) of every run of every example."""
    found = []
    for file in sorted(EXAMPLES.glob("*/expected.json")):
        for run in json.loads(file.read_text(encoding="utf-8"))["runs"]:
            name = "/".join(part for part in (file.parent.name, run.get("name", "")) if part)
            found.append((name, file.parent, run))
    return found


RUNS = [pytest.param(*run, id=run[0]) for run in runs()]


@pytest.mark.parametrize(("name", "folder", "expected"), RUNS)
def test_an_example_reaches_its_expected_answer(
    name: str, folder: Path, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    solution = optc.solve("model.opt", expected["data"], time_limit=120, gap=min(1e-6, expected["tolerance"]))
    assert solution.status == expected["status"]
    assert solution.objective == pytest.approx(expected["objective"], rel=expected["tolerance"]), name
    assert [line for line in solution.certificate if line.status == "failed"] == []


@pytest.mark.parametrize(("name", "folder", "expected"), RUNS)
def test_the_expected_answer_is_found_again_without_optc(name: str, folder: Path, expected: dict[str, Any]) -> None:
    assert folder.is_dir()
    assert SOLVERS[name]() == pytest.approx(expected["objective"], rel=max(1e-8, expected["tolerance"]))


@pytest.mark.parametrize("folder", sorted({run[1] for run in runs()}), ids=lambda p: p.name)
def test_an_example_says_what_it_is(folder: Path) -> None:
    text = (folder / "README.md").read_text(encoding="utf-8")
    for heading in ("**Shows**", "**Data**", "**Expected**", "optc solve model.opt"):
        assert heading in text


def test_every_example_folder_is_run() -> None:
    assert {p.parent for p in EXAMPLES.glob("*/model.opt")} == {run[1] for run in runs()}


def stored(folder: str, file: str) -> Any:
    return json.loads((EXAMPLES / folder / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("folder", "function", "file"),
    [
        ("multicommodity", "network", "network.json"),
        ("facility_location", "market", "data.json"),
        ("travelling_salesman", "cities", "data.json"),
        ("knapsack", "sack", "data.json"),
        ("stackelberg_market", "market", "market.json"),
        ("logistic_regression", "equations", "equations.json"),
    ],
)
def test_made_up_data_can_be_made_again(folder: str, function: str, file: str) -> None:
    made = runpy.run_path(str(EXAMPLES / folder / "generate.py"))
    assert json.loads(json.dumps(made[function](made["SEED"]))) == stored(folder, file)


def test_made_up_samples_can_be_made_again() -> None:
    made = runpy.run_path(str(EXAMPLES / "logistic_regression/generate.py"))
    text = made["text"](made["samples"](made["SEED"]))
    assert text == (EXAMPLES / "logistic_regression/samples.svm").read_text(encoding="utf-8")


def test_made_up_gains_can_be_made_again() -> None:
    made = runpy.run_path(str(EXAMPLES / "portfolio/generate.py"))
    rows = (EXAMPLES / "portfolio/gains.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert made["gains"](made["SEED"]) == [[float(v) for v in row.split(",")[1:]] for row in rows]


@pytest.mark.parametrize("case", ["case14_ieee", "case30_ieee", "case30_as"])
def test_the_networks_that_are_attacked_are_those_of_the_power_flow(case: str) -> None:
    whole, part = (stored(folder, f"{case}.json") for folder in ("dc_opf", "interdiction"))
    assert {**whole, **part} == whole
    assert set(whole) - set(part) == {"least", "shunt", "quadratic", "price", "fixed"}
    assert not any(whole["shunt"])
