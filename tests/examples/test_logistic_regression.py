"""Constrained logistic regression by two backends, on made-up samples and on the sets of ``$OPTC_DATA/examples/svm``.

The sets' files may not all be handed on; their least regularised losses were found by Newton's method elsewhere.
"""

from __future__ import annotations

import csv
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from independent import EXAMPLES
from logistic_loss import least_loss, samples_of

import optc
from optc.backends import exact_al
from optc.compiler import context as contexts
from optc.compiler.backend import Goal, Start

FOLDER = EXAMPLES / "logistic_regression"
DATA = Path(os.environ.get("OPTC_DATA", "")) / "examples" / "svm"
SETS = ("ionosphere_scale", "sonar_scale", "splice_scale", "mushroom_agaricus", "diabetes_scale", "fourclass_scale")
REGULARISED = """set Samples
set Features
set Entries within Samples * Features
param value[Entries]
param label[Samples]
var w[Features]
minimize loss:
  sum(softplus(-label[s] * sum(value[s, f] * w[f] for (s, f) in Entries)) for s in Samples) / card(Samples) +
  sum(w[f]^2 for f in Features) / (2 * card(Samples))
"""


@pytest.mark.parametrize("backend", ["ipopt", "exact_al"])
def test_both_backends_reach_the_answer_of_scipy(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    found = optc.solve("model.opt", ["samples.svm:value,label", "equations.json"], backend=backend)
    assert (found.status, found.termination) == ("locally optimal", "converged")
    assert found.objective == pytest.approx(least_loss(FOLDER), rel=1e-8)


def unpacked(name: str, folder: Path) -> Path:
    path = folder / f"{name}.svm"
    path.write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    return path


@pytest.mark.skipif("OPTC_DATA" not in os.environ, reason="OPTC_DATA names no folder with benchmark data")
@pytest.mark.parametrize("name", SETS)
def test_sets_of_the_literature_have_their_known_optimum(name: str, tmp_path: Path) -> None:
    path = unpacked(name, tmp_path)
    with (DATA / "summary.csv").open(encoding="utf-8", newline="") as stream:
        known = next(row for row in csv.DictReader(stream) if row["name"] == name)
    problem = optc.parse(REGULARISED).bind(str(path))
    sizes = [problem.instance.scope.sets[each].size for each in ("Samples", "Features", "Entries")]  # type: ignore
    assert sizes == [int(known[column]) for column in ("rows", "features", "nonzeros")]
    found = problem.solve(backend="gns")
    assert found.objective == pytest.approx(float(known["logistic_l2_optimum"]), abs=1e-9)


@pytest.mark.skipif("OPTC_DATA" not in os.environ, reason="OPTC_DATA names no folder with benchmark data")
@pytest.mark.parametrize("name", ["ionosphere_scale", "sonar_scale", "splice_scale"])
def test_constrained_regression_on_sets_of_the_literature(name: str, tmp_path: Path) -> None:
    path = unpacked(name, tmp_path)
    labels, values = samples_of(path.read_text(encoding="utf-8"))
    random = np.random.default_rng(2023)
    slope, right = random.normal(size=(10, values.shape[1])), random.normal(size=10)
    assert np.linalg.norm(np.linalg.pinv(slope) @ right) < 1
    model = optc.read(FOLDER / "model.opt")
    problem = model.bind(f"{path}:value,label", Equations=list(range(10)), slope=slope, right=right)
    found, other = (problem.solve(backend=backend) for backend in ("exact_al", "ipopt"))
    weight = np.asarray(found["weight"])
    assert np.abs(slope @ weight - right).max() < 1e-6 and weight @ weight == pytest.approx(1.0, abs=1e-6)
    assert found.objective == pytest.approx(float(np.logaddexp(0, -labels * (values @ weight)).mean()), abs=1e-9)
    assert (found.status, other.status) == ("locally optimal", "locally optimal")
    assert found.objective == pytest.approx(other.objective, abs=1e-7)
    form: Any = problem.lower("nonlinear")
    start = Start(np.ones(values.shape[1]))  # where the paper starts, which takes seven to ten steps to 1e-4
    answer = exact_al.solve(
        form, Goal(tolerance=1e-5), exact_al.Options(tolerance=1e-5, multipliers=1.0), contexts.start(), start
    )
    assert answer.termination == "converged" and answer.work is not None and answer.work <= 10
