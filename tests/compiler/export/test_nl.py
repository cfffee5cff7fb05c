"""Models written as .nl files: values after reading back, the format's order, and other readers of the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_models import DATA, EVERY, HEAD
from nl_values import agree, drawn, read_back, values
from reference_problems import PROBLEMS, Problem

import optc
from optc.compiler.data import DataError

STEPS = """
set I = 1..4
param w[I] = [0.5, 1.5, 0.25, 2]
var x[i in I] in [-9, 9] start w[i]
var y[I] in [0.1, 9]
var n[I] integer in [0, 7]
var b[I] binary
"""
AS_IT_STANDS = {
    "kinks": """minimize sum(abs(x[i] - w[i]) + max(x[i], 2 * y[i], 0.4) for i in I)
subject to
  c[i in I]: min(x[i], y[i] - w[i]) + abs(x[i] * y[i]) <= 7
  d: max(x[i] * w[i] for i in I) + min(y[i]^2 for i in I) <= 9""",
    "norms": """minimize norm1(x[i] - w[i] for i in I) + norminf(x[i] * y[i] for i in I)
subject to
  c: norm2(x[i] for i in I) + logsumexp(y[i] * w[i] for i in I) <= 7""",
    "steps": "minimize sum(floor(3 * x[i]) + ceil(x[i] / w[i]) + x[i] mod y[i] + (x[i] div y[i]) for i in I)",
    "piecewise": """minimize sum(piecewise(x[i], [0, 1, 2.5], [1, 3, 2]) for i in I)
subject to
  c[i in I]: piecewise(x[i] * y[i], [0, w[i], 5], [0, w[i]^2, 9]) + y[i] <= 5""",
    "whole": """maximize sum(w[i] * n[i] + n[i]^2 * x[i] - b[i] for i in I) + 3
subject to
  c[i in I]: n[i] + b[i] + x[i]^2 <= 7
  d: sum(n[i] for i in I) == 9
  e[i in I]: -1 <= b[i] * x[i] - y[i] <= 4
  f[i in I]: x[i] + y[i] >= w[i]""",
    "shared": """minimize x[1]
subject to
  c[i in I]: x[i] * sqrt(sum(x[j]^2 + w[j] for j in I)) <= 5
  d[i in I]: exp(sin(x[i]) / y[i]) * (1 + exp(sin(x[i]) / y[i])) <= 90""",
    "no objective": "satisfy\nsubject to\n  c[i in I]: x[i]^2 + y[i] == 2",
    "linear": "minimize sum(w[i] * x[i] for i in I)\nsubject to\n  c: sum(x[i] + n[i] for i in I) >= 2",
    "quadratic": "minimize sum((x[i] - w[i] * y[i])^2 + 2 * x[i] * x[1] for i in I) - 5",
}


def bound(text: str, data: dict[str, Any] | None = None) -> optc.Problem:
    return optc.parse(text, name="m.opt").bind(data or {}, allow_surplus=True)


@pytest.mark.parametrize("name", [n for n in EVERY if n != "erf"])
def test_a_model_keeps_its_values(name: str, tmp_path: Path) -> None:
    problem = bound(HEAD + EVERY[name], DATA)
    again = read_back(problem, tmp_path)
    for seed in range(3):
        named = drawn(problem, seed, 0.3, 0.9)
        agree(problem, again, named, 1e-10)


@pytest.mark.parametrize("name", AS_IT_STANDS)
def test_kinks_steps_and_whole_decisions_are_written_as_they_stand(name: str, tmp_path: Path) -> None:
    problem = bound(STEPS + AS_IT_STANDS[name])
    again = read_back(problem, tmp_path)
    assert again.instance.columns == problem.instance.columns
    for seed in range(5):
        agree(problem, again, drawn(problem, seed, -3.0, 3.0), 1e-10)


@pytest.mark.parametrize("case", PROBLEMS, ids=lambda p: p.name)
def test_reference_problems_keep_values_start_and_optimum(case: Problem, tmp_path: Path) -> None:
    problem = bound(case.text)
    again = read_back(problem, tmp_path)
    for seed in range(3):
        agree(problem, again, drawn(problem, seed, 0.5, 3.0), 1e-12)
    (family,) = again.instance.families
    assert family.start is not None
    starts = {str(family.layout.key(k)[0]): family.start[k] for k in range(family.count)}
    assert starts == {f.name: f.start[0] for f in problem.instance.families if f.start is not None}


LEAVES = st.sampled_from(["x[1]", "x[2]", "y[1]", "w[2]", "2", "0.5", "1.25"])


def _terms(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    one = st.sampled_from(["exp", "sin", "cos", "atan", "tanh", "abs", "floor", "ceil", "sinh", "huber", "sigmoid"])
    two = st.sampled_from(["+", "-", "*", "/"])
    return (
        st.builds(lambda f, a: f"{f}({a})", one, inner)
        | st.builds(lambda a, op, b: f"({a} {op} {b})", inner, two, inner)
        | st.builds(lambda a, e: f"({a})^{e}", inner, st.sampled_from(["2", "3", "(-1)"]))
        | st.builds(lambda a, b: f"max({a}, {b})", inner, inner)
        | st.builds(lambda a: f"sum({a} * x[i] for i in I)", inner)
    )


@settings(deadline=None, max_examples=60)
@given(st.recursive(LEAVES, _terms, max_leaves=8), st.recursive(LEAVES, _terms, max_leaves=8))
def test_random_terms_keep_their_values(tmp_path_factory: pytest.TempPathFactory, first: str, second: str) -> None:
    text = f"{STEPS}minimize x[3] + {first}\nsubject to\n  c[i in I]: x[i] + {second} <= 3\n"
    try:
        problem = bound(text)
        again = read_back(problem, tmp_path_factory.mktemp("terms"))
        named = drawn(problem, 1, 0.3, 2.0)
        values(problem, named)
    except (optc.ModelError, DataError, ArithmeticError):  # undefined by data alone, or at the point
        assume(False)
    agree(problem, again, named, 1e-9)


# ------------------------------------------------------------------------------------------------------ the file itself
def test_the_order_of_variables_and_rows(tmp_path: Path) -> None:
    text = """
var lin
var bin binary
var both
var kboth integer in [0, 9]
var gen integer in [0, 9]
var con
var kcon integer in [0, 9]
var obj
minimize both^2 + kboth^2 + exp(obj) + gen
subject to
  first: lin + bin + gen >= 1
  second: both * kboth + con^3 + kcon^2 + lin <= 9
  third: 1 <= con + both <= 5
  fourth: exp(con) == 2
"""
    written = bound(text).export(tmp_path / "m.nl")
    lines = [line.split("\t")[0].split() for line in written.text.split("\n")[:10]]
    assert lines[1] == ["8", "4", "1", "1", "1"]
    assert lines[2][:2] == ["2", "1"]
    assert lines[4] == ["4", "5", "2"]  # in rows; up to the last one of the objective; in both
    assert lines[6] == ["1", "1", "1", "1", "0"]
    columns = (tmp_path / "m.col").read_text(encoding="utf-8").split()
    assert columns == ["both", "kboth", "con", "kcon", "obj", "lin", "bin", "gen"]
    assert (tmp_path / "m.row").read_text(encoding="utf-8").split() == [
        "second",
        "fourth",
        "first",
        "third",
        "objective",
    ]
    nonzeros = 3 + 5 + 2 + 1
    assert lines[7] == [str(nonzeros), "4"]


def test_what_rows_share_is_written_once(tmp_path: Path) -> None:
    text = """
var x[1..40] in [0, 1]
minimize x[1]
subject to
  c[i in 1..40]: x[i] * sqrt(sum(x[j]^2 for j in 1..40)) <= 5
"""
    written = bound(text).export(tmp_path / "m.nl")
    assert written.text.count("o5\n") == 40
    assert written.text.split("\n")[9].split("\t")[0].split() == ["0", "1", "0", "0", "0"]
    assert len(written.text) < 40 * 40 * 10


def test_what_the_format_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(optc.ModelError) as refused:
        bound("var x in [0, 1]\nminimize erf(x)\n").export(tmp_path / "m.nl")
    assert "`erf`" in refused.value.diagnostics[-1].message
    with pytest.raises(optc.ModelError, match="even neighbour"):
        bound("var x in [0, 9]\nminimize round(x)\n").export(tmp_path / "m.nl")
    with pytest.raises(DataError, match="ordered sets"):
        bound("var x[1..3] in [0, 1]\nmaximize x[1] + x[2]\nsubject to\n  s: sos1(x[i] for i in 1..3)\n").written("nl")


def test_complementary_pairs_are_conditions_on_variables(tmp_path: Path) -> None:
    text = """
var x in [0, 10]
var y in [0, 10]
minimize (x - 2)^2 + (y - 4)^2
subject to
  a: x + 2*y - 2 >= 0 complements 3 - x >= 0
  b: y >= 0 complements 5 - x - y >= 0
"""
    problem = bound(text)
    again = read_back(problem, tmp_path)
    assert "\n5 1 " in (tmp_path / "again.nl").read_text(encoding="utf-8")
    # a: x = 3 or x + 2 y = 2; b: y = 0 or x + y = 5; the points are (3, 0), (2, 0), (3, 2)
    assert problem.solve(gap=1e-9).objective == pytest.approx(5.0, abs=1e-6)
    assert again.solve(gap=1e-9).objective == pytest.approx(5.0, abs=1e-6)


CONDITIONS = {
    "lower": "c[i in I]: y[i] >= 0.1 complements exp(x[i]) - w[i] * y[i] >= 2",
    "the other way": "c[i in I]: 2 <= exp(x[i]) - w[i] complements 0.1 <= y[i]",
    "upper": "c[i in I]: 9 - x[i] >= 0 complements x[i]^3 <= w[i]",
    "both": "c[i in I]: -9 <= x[i] <= 9 complements sin(x[i]) + y[i] - 1",
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_on_a_decision_at_its_bound_needs_no_further_columns(name: str, tmp_path: Path) -> None:
    problem = bound(f"{STEPS}minimize x[1]\nsubject to\n  {CONDITIONS[name]}\n")
    again = read_back(problem, tmp_path)
    assert again.instance.columns == problem.instance.columns
    for seed in range(3):
        named = drawn(problem, seed, -3.0, 3.0)
        (_, rows), (_, others) = values(problem, named), values(again, named, bare=True)
        assert len(rows) == 4
        for row, slacks in rows.items():
            assert sorted(others[row]) == pytest.approx(sorted(slacks), rel=1e-12, abs=1e-12)


OTHERS = {
    "HS35": next(p.text for p in PROBLEMS if p.name == "HS35"),
    "HS71": next(p.text for p in PROBLEMS if p.name == "HS71"),
    "whole": STEPS + AS_IT_STANDS["whole"],
    "shared": STEPS + AS_IT_STANDS["shared"],
}


@pytest.mark.parametrize("name", OTHERS)
def test_scip_reads_the_same_problem(name: str, tmp_path: Path) -> None:
    scip = pytest.importorskip("pyscipopt")
    problem = bound(OTHERS[name])
    problem.export(tmp_path / "m.nl")
    model = scip.Model()
    model.hideOutput()
    model.readProblem(str(tmp_path / "m.nl"))
    model.setParam("limits/gap", 1e-6)
    model.setParam("limits/time", 60)
    model.optimize()
    ours = problem.solve(backend="scip", gap=1e-6, time_limit=60)
    assert ours.objective is not None
    assert model.getObjVal() == pytest.approx(ours.objective, rel=1e-4, abs=1e-4)
