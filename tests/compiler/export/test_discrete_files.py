"""The reformulation of a model with levels or logic as a file: SCIP reads the LP and finds the same optimum."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyscipopt
import pytest

import optc
from optc.compiler.export.json import PARTS, read_json

MODELS = {
    "followers": (
        "var x >= 0\nminimize (x - 5)^2 + (2*y + 1)^2\nlower f {\n var y >= 0\n minimize (y - 1)^2 - 1.5*x*y\n "
        "subject to\n  c1: 3*x - y >= 3\n  c2: -x + 0.5*y >= -4\n  c3: -x - y >= -7\n}\n",
        17.0,
    ),
    "logic": (
        "var b binary\nvar x in [0, 10]\nmaximize x - 3*b\nsubject to\n  c: b == 0 => x <= 2\n  d: x*b <= 7\n",
        4.0,
    ),
    "sets": (
        "var x[1..3] in [0, 2]\nmaximize x[1] + 2*x[2] + 3*x[3]\nsubject to\n  one: sos2(x[i] for i in 1..3)\n",
        10.0,
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_scip_reads_the_lp(name: str, tmp_path: Path) -> None:
    text, optimum = MODELS[name]
    problem = optc.parse(text).bind({})
    problem.export(tmp_path / "model.lp")
    model = pyscipopt.Model()
    model.hideOutput()
    model.readProblem(str(tmp_path / "model.lp"))
    model.optimize()
    assert model.getObjVal() == pytest.approx(optimum, abs=1e-5)
    assert problem.solve().objective == pytest.approx(optimum, abs=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_json_holds_every_array(name: str) -> None:
    problem = optc.parse(MODELS[name][0]).bind({})
    written = problem.written("json").text
    assert json.loads(written)["form"] == "discrete"
    form, again = problem.lower(), read_json(written).form
    for part in PARTS:
        for entry in fields(PARTS[part]):
            first, second = (getattr(getattr(each, part), entry.name) for each in (form, again))
            assert np.array_equal(first, second) and first.dtype == second.dtype
    assert np.array_equal(form.hessian_values, again.hessian_values)


def test_mps_says_what_it_cannot_hold() -> None:
    problem = optc.parse(MODELS["sets"][0]).bind({})
    with pytest.raises(optc.DataError) as raised:
        problem.written("mps")
    assert [d.code.id for d in raised.value.diagnostics] == ["E0725"]
