"""The nonlinear examples written to .nl files and read again have the optimum that they had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from independent import EXAMPLES

import optc


def is_nonlinear(expected: Path) -> bool:
    return "nonlinear" in json.loads(expected.read_text(encoding="utf-8"))["class"]


NONLINEAR = [file.parent.name for file in sorted(EXAMPLES.glob("*/expected.json")) if is_nonlinear(file)]


@pytest.mark.parametrize("name", NONLINEAR)
def test_a_nonlinear_example_keeps_its_optimum(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / name)
    first = json.loads(Path("expected.json").read_text(encoding="utf-8"))["runs"][0]
    problem = optc.read("model.opt").bind(*first["data"])
    problem.export(tmp_path / "written.nl")
    again = optc.read_nl(tmp_path / "written.nl")
    assert again.instance.columns >= problem.instance.columns
    solution = again.solve(time_limit=120, gap=min(1e-6, first["tolerance"]))
    assert solution.has_point and not solution.certificate.failed
    assert solution.objective == pytest.approx(first["objective"], rel=max(1e-6, first["tolerance"]))
