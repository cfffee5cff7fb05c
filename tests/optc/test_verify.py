"""``optc verify`` and ``Problem.verify``; warm starts from result files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import optc
from optc.cli.main import main

MODEL = """
set I = {"a", "b"}
param cost[I] = [1, 2]
var x[I] in [0, 4]
var k integer in [0, 9]
minimize total: sum(cost[i] * x[i] for i in I) + k
subject to
  some: sum(x[i] for i in I) + k >= 2.5
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.opt"
    path.write_text(MODEL, encoding="utf-8")
    return str(path)


def answer(tmp_path: Path, value: Any) -> str:
    path = tmp_path / "answer.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return str(path)


def point(a: float, b: float, k: float) -> dict[str, Any]:
    return {
        "variables": {
            "x": {"index": ["I"], "values": [["a", a], ["b", b]]},
            "k": {"index": [], "values": [[k]]},
        }
    }


def verified(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = main(["verify", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def test_our_own_answer_holds_and_its_evidence_is_replayed(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "own.json")
    assert main(["solve", model, "-q", "-o", path]) == 0
    capsys.readouterr()
    status, value = verified(capsys, model, path)
    assert status == 0
    assert value["objective"] == 2.5
    assert all(line["status"] != "failed" for line in value["certificate"])


def test_anyones_answer_is_judged_on_the_model(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, value = verified(capsys, model, answer(tmp_path, point(2.0, 0.0, 1.0)))
    assert (status, value["objective"], value["status"]) == (0, 3.0, "feasible")


@pytest.mark.parametrize(("values", "claim"), [((1.0, 0.0, 1.0), "feasible"), ((2.0, 0.0, 0.5), "integral")])
def test_3_for_a_line_that_failed(
    model: str, tmp_path: Path, values: tuple[float, float, float], claim: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, value = verified(capsys, model, answer(tmp_path, point(*values)))
    assert status == 3
    assert [line["claim"] for line in value["certificate"] if line["status"] == "failed"] == [claim]


def test_the_readable_certificate(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", model, answer(tmp_path, point(1.0, 0.0, 1.0))]) == 3
    text = capsys.readouterr().out
    assert "failed" in text
    assert "some" in text


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ("{", "E0720", "is not JSON"),
        ("[1]", "E0720", "holds no object"),
        ("[" * 100_000, "E0720", "nested too deeply"),
        ({"x": 3}, "E0720", "no object `variables`"),
        ({"variables": {"x": 3}}, "E0720", "for x"),
        ({"schema": 2, "variables": {}}, "E0720", "schema 2"),
        ({"variables": {"k": {"values": [[1]]}}}, "E0611", "`x`"),
        ({"variables": {**point(1, 1, 1)["variables"], "y": {"values": [[1]]}}}, "E0608", "`y`"),
        ({"variables": {"k": {"values": [[1]]}, "x": {"values": [["a", 1], ["c", 2]]}}}, "E0609", "x"),
    ],
)
def test_answers_that_do_not_fit(
    model: str, tmp_path: Path, value: Any, code: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, result = verified(capsys, model, answer(tmp_path, value))
    assert (status, result["status"]) == (1, "error")
    found = {diagnostic["code"]: diagnostic["message"] for diagnostic in result["diagnostics"]}
    assert words in found[code]


def test_a_missing_answer_file(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, result = verified(capsys, model, "nowhere.json")
    assert (status, result["diagnostics"][0]["code"]) == (1, "E0701")


def test_a_start_from_a_file(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = answer(tmp_path, {"variables": {"k": {"index": [], "values": [[2]]}}})
    assert main(["solve", model, "--start", start, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["objective"] == 2.5
    wrong = answer(tmp_path, {"variables": {"z": {"index": [], "values": [[2]]}}})
    assert main(["solve", model, "--start", wrong, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["diagnostics"][0]["code"] == "E0608"


# ------------------------------------------------------------------------------------------------------ from Python
def test_values_from_python() -> None:
    problem = optc.parse(MODEL).bind()
    checked = optc.verify(problem, {"x": {"a": 2.0, "b": 0.0}, "k": 1})
    assert (checked.status, checked.objective) == ("feasible", 3.0)
    assert not checked.certificate.failed
    broken = problem.verify({"x": [1.0, 0.0], "k": 1}, tol=1e-9)
    assert [line.claim for line in broken.certificate.failed] == ["feasible"]


def test_solving_from_python() -> None:
    problem = optc.parse(MODEL).bind()
    solution = problem.solve(seed=3)
    assert (solution.status, solution.objective, solution.seed) == ("optimal", 2.5, 3)
    assert float(solution["x"]["a"]) + float(solution["k"]) == 2.5
    again = problem.update().solve(start=solution)
    assert again.objective == 2.5
    assert problem.solve(start={"k": 2}, backend="highs", options={"presolve": "off"}).backend is not None
    reports: list[Any] = []
    problem.solve(progress=reports.append)
    assert all(hasattr(report, "elapsed") for report in reports)


def test_solve_in_one_line(model: str, tmp_path: Path) -> None:
    assert optc.solve(model).objective == 2.5
    data = tmp_path / "data.json"
    data.write_text('{"J": [1, 2]}', encoding="utf-8")
    free = tmp_path / "free.opt"
    free.write_text("set J\nparam c[J]\nvar y[J] >= 1\nminimize total: sum(c[j] * y[j] for j in J)\n", encoding="utf-8")
    assert optc.solve(free, data, names={"c": [1.0, 2.0]}).objective == 3.0
    assert optc.solve(free, [data, {"c": [1.0, 2.0]}], time_limit=10).objective == 3.0
    with pytest.raises(optc.DataError):
        optc.solve(free, data)


LONG = """
set I = 1..1500
param a[i in I] = i / 1500
var x[I] in [-2, 2] start 0.1
minimize sum((x[i] - a[i])^2 for i in I) + 0.01*cos(sum(x[i]^3 for i in I)) + norm2(x[i] + 1 for i in I)
subject to
  b: exp(sum(x[i] for i in I) / 1500) <= 1.3
  c: logsumexp(x[i]^2 for i in I) <= 9
"""


def test_what_a_form_adds_follows_from_the_answer() -> None:
    """Long aggregates are columns with rows of their own in the form; answers have neither."""
    problem = optc.parse(LONG).bind()
    found = problem.solve(backend="ipopt")
    assert problem.lower("nonlinear").shape > (2, 1500)
    again = problem.verify(found.to_dict())
    assert again.status == found.status and not again.certificate.failed
    for claim in ("stationary", "second order"):
        ours, theirs = found.certificate.line(claim), again.certificate.line(claim)
        assert ours is not None and theirs is not None and theirs.status == ours.status == "checked"
    moved = found.to_dict()
    moved["duals"]["b"]["values"] = [[value + 1.0 for value in row] for row in moved["duals"]["b"]["values"]]
    line = problem.verify(moved).certificate.line("stationary")
    assert line is not None and line.status == "failed"


def test_an_answer_without_rows_needs_no_duals() -> None:
    problem = optc.parse("var x start 3\nvar y\nminimize (x - 1)^2 * exp(y) + x*y + y^4\n").bind()
    found = problem.solve(backend="ipopt")
    values = {"variables": found.to_dict()["variables"]}
    assert problem.verify(values).status == found.status == "locally optimal"


@pytest.mark.parametrize(
    "text",
    [
        "set O = 1..5\nparam x[O] = [1, 2, 3, 4, 5]\nparam y[O] = [1.1, 2.3, 2.9, 4.2, 25]\nvar a\nvar b\n"
        "minimize loss: sum(huber(y[i] - a*x[i] - b, 1) for i in O)\n",
        "var x[1..2] in [-30, 33] start 20\nminimize 20 + exp(1) - 20*exp(-0.2*sqrt(sum(x[i]^2 for i in 1..2)/2)) -\n"
        "  exp(sum(cos(2*pi*x[i]) for i in 1..2)/2)\n",
    ],
)
def test_an_answer_that_claims_no_stationarity_is_not_failed_for_it(text: str) -> None:
    """An optimum by cones is good in its objective, and one at a kink has no slopes at all."""
    problem = optc.parse(text).bind()
    solution = problem.solve()
    assert solution.status == "optimal"
    again = problem.verify(solution)
    assert not [line for line in again.certificate if line.status == "failed"]
    assert again.status in ("optimal", "feasible", "locally optimal")
