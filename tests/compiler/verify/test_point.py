"""The claims about a point: violations by family, tolerance rule, domains, integrality; small and large agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optc
from optc.compiler.instance.instance import Instance
from optc.compiler.result.given import GivenError, values_of
from optc.compiler.verify import point as points
from optc.compiler.verify.domains import bounds, integral
from optc.compiler.verify.feasible import feasible
from optc.compiler.verify.objective import objective
from optc.compiler.verify.report import judge


def instance(text: str, **data: Any) -> Instance:
    return optc.parse(text).bind(data).instance


def by_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "SMALL", -1)


ROWS = """
param a[1..3] = [1, 10, 100]
var x[1..3] in [0, 5]
var k[1..2] integer in [0, 4]
minimize cost: sum(a[i] * x[i] for i in 1..3) + 2 * k[1]
subject to
  low[i in 1..3]: a[i] * x[i] >= i
  link: k[1] + k[2] == 3
  span: 0 <= x[1] - x[2] <= 1
"""


def at(x: list[float], k: list[float]) -> dict[str, Any]:
    return {"x": np.array(x), "k": np.array(k)}


@pytest.mark.parametrize("large", [False, True])
def test_the_worst_row_is_named_with_its_violation(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        by_arrays(monkeypatch)
    model = instance(ROWS)
    good = feasible(model, at([1, 0.5, 1], [1, 2]), 1e-6)
    assert (good.status, good.value) == ("checked", 0.0)
    bad = feasible(model, at([1, 0.1, 0.02], [1, 2]), 1e-6)
    assert (bad.status, bad.where, bad.value) == ("failed", "low[2]", pytest.approx(1.0))
    assert bad.evidence is not None and set(bad.evidence["largest violations"]) == {"low"}
    split = feasible(model, at([1, 0.5, 1], [1, 3]), 1e-6)
    assert (split.status, split.where, split.value) == ("failed", "link", 1.0)
    beyond = feasible(model, at([3, 0.5, 1], [1, 2]), 1e-6)
    assert (beyond.status, beyond.where, beyond.value) == ("failed", "span", 1.5)


@pytest.mark.parametrize("large", [False, True])
def test_the_tolerance_grows_with_the_largest_term_of_the_row(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        by_arrays(monkeypatch)
    model = instance("param a = 1e6\nvar x\nvar y\nminimize x\nsubject to\n  c: a * x - a * y <= 0\n")
    within = feasible(model, {"x": np.array([1.0 + 5e-7]), "y": np.array([1.0])}, 1e-6)
    assert within.status == "checked" and within.value == pytest.approx(0.5) and "limit of that row" in within.how
    beyond = feasible(model, {"x": np.array([1.0 + 5e-6]), "y": np.array([1.0])}, 1e-6)
    assert beyond.status == "failed" and beyond.value == pytest.approx(5.0)
    plain = instance("var x\nminimize x\nsubject to\n  c: x <= 0\n")
    assert feasible(plain, {"x": np.array([1e-6])}, 1e-6).status == "checked"
    assert feasible(plain, {"x": np.array([1.1e-6])}, 1e-6).status == "failed"


def test_a_sum_in_a_row_counts_by_its_largest_part(monkeypatch: pytest.MonkeyPatch) -> None:
    by_arrays(monkeypatch)
    model = instance(
        "param a[1..2] = [1e6, -1e6]\nvar x[1..2]\nminimize x[1]\nsubject to\n"
        "  c: sum(a[i] * x[i] for i in 1..2) <= 0\n"
    )
    assert feasible(model, {"x": np.array([1.0 + 5e-7, 1.0])}, 1e-6).status == "checked"
    assert feasible(model, {"x": np.array([1.0 + 5e-6, 1.0])}, 1e-6).status == "failed"


def test_what_is_no_number_is_no_point() -> None:
    model = instance(ROWS)
    for wrong in (np.nan, np.inf):
        point = at([wrong, 0.5, 1], [1, 2])
        assert bounds(model, point, 1e-6).status == "failed"


def test_domains_are_checked_each_in_its_way() -> None:
    model = instance(ROWS)
    low = bounds(model, at([1, -0.5, 1], [1, 2]), 1e-6)
    assert (low.status, low.where, low.value) == ("failed", "x[2]", 0.5)
    whole = integral(model, at([1, 0.5, 1], [1.25, 2]), 1e-6)
    assert whole is not None and (whole.status, whole.where, whole.value) == ("failed", "k[1]", 0.25)
    assert integral(instance("var x\nminimize x\n"), {"x": np.zeros(1)}, 1e-6) is None
    odd = instance("var s spin\nvar l semicontinuous in [2, 9]\nvar p[1..2] simplex\nminimize l\n")
    fine = {"s": np.array([-1.0]), "l": np.array([0.0]), "p": np.array([0.25, 0.75])}
    assert bounds(odd, fine, 1e-6).status == "checked"
    for name, value, distance in (("s", [0.0], 1.0), ("l", [1.25], 0.75), ("p", [0.5, 0.75], 0.25)):
        line = bounds(odd, {**fine, name: np.array(value)}, 1e-6)
        assert (line.status, line.value) == ("failed", distance)
        assert line.where == name


@pytest.mark.parametrize("large", [False, True])
def test_the_objective_is_that_of_the_model(large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        by_arrays(monkeypatch)
    assert objective(instance(ROWS), at([1, 0.5, 1], [1, 2])) == pytest.approx(1 + 5 + 100 + 2)
    assert objective(instance("var x\nsatisfy\nsubject to\n  c: x >= 1\n"), {"x": np.ones(1)}) is None


def test_an_implication_counts_where_its_condition_holds() -> None:
    model = instance("var b binary\nvar x in [0, 9]\nminimize x\nsubject to\n  c: b == 1 => x >= 2\n")
    assert feasible(model, {"b": np.array([0.0]), "x": np.array([0.0])}, 1e-6).status == "checked"
    line = feasible(model, {"b": np.array([1.0]), "x": np.array([0.5])}, 1e-6)
    assert (line.status, line.value, line.where) == ("failed", 1.5, "c")


def test_small_and_large_judges_agree_at_random_points(monkeypatch: pytest.MonkeyPatch) -> None:
    model = instance(ROWS)
    random = np.random.default_rng(0)
    trials = [at(random.uniform(-1, 6, 3).tolist(), random.integers(-1, 6, 2).tolist()) for _ in range(20)]
    small = [judge(model, point, 1e-6) for point in trials]
    by_arrays(monkeypatch)
    for before, point in zip(small, trials, strict=True):
        after = judge(model, point, 1e-6)
        assert before.objective == pytest.approx(after.objective)
        for one, other in zip(before.lines, after.lines, strict=True):
            assert (one.claim, one.status, one.where) == (other.claim, other.status, other.where)
            assert one.value == pytest.approx(other.value, abs=1e-12)


# ------------------------------------------------------------------------------------------------ values from outside
def given(text: str, values: object, *, complete: bool = True, **data: Any) -> dict[str, Any]:
    return values_of(instance(text, **data), values, complete=complete)


PAIRS = 'set I = {"a", "b"}\nvar x[I, 1..2] in [0, 1]\nvar z\nminimize z\n'


@pytest.mark.parametrize(
    "x",
    [
        {"index": ["I", "1..2"], "values": [["b", 2, 4.0], ["a", 1, 1.0], ["a", 2, 2.0], ["b", 1, 3.0]]},
        {("a", 1): 1, ("a", 2): 2, ("b", 1): 3, ("b", 2): 4},
        [[1, 2], [3, 4]],
        np.array([1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_values_come_in_several_shapes(x: object) -> None:
    found = given(PAIRS, {"x": x, "z": 7})
    assert found["x"].tolist() == [1.0, 2.0, 3.0, 4.0] and found["z"].tolist() == [7.0]
    assert given(PAIRS, {"variables": {"x": x, "z": {"index": [], "values": [["inf"]]}}})["z"].tolist() == [np.inf]


def test_pandas_and_solutions_are_taken_back() -> None:
    text = PAIRS.replace("minimize z", "minimize z + sum(x[i, k] for i in I, k in 1..2)\nsubject to\n  c: z >= 1")
    problem = optc.parse(text).bind()
    found, model = problem.solve(), problem.instance
    again = values_of(model, found, complete=True)
    series = values_of(model, {"x": found["x"].to_pandas(), "z": float(found["z"])}, complete=True)
    assert again["x"].tolist() == series["x"].tolist() and again["z"].tolist() == [1.0]
    assert values_of(model, found.to_dict(), complete=True)["z"].tolist() == [1.0]


def test_a_choice_is_given_by_its_option() -> None:
    text = (
        'set L = {"a", "b"}\nset O = {"low", "high"}\nparam c[O] = {"low": 1, "high": 2}\nchoose z[l in L] from O\n'
        "minimize sum(c[z[l]] for l in L)\n"
    )
    assert given(text, {"z": {"a": "high", "b": "low"}})["z"].tolist() == [1.0, 0.0]
    with pytest.raises(GivenError, match="no number"):
        given(text, {"z": {"a": "middle", "b": "low"}})


@pytest.mark.parametrize(
    ("values", "code", "word"),
    [
        ({"y": 3, "z": 0, "x": np.zeros(4)}, "E0608", "`y`"),
        ({"z": 0, "x": {("a", 3): 1}}, "E0609", '["a", 3]'),
        ({"z": 0, "x": {("a", "1"): 1}}, "E0609", '["a", "1"]'),
        ({"z": 0, "x": {("a", 1): "many"}}, "E0610", "many"),
        ({"z": 0, "x": {("a", 1): True}}, "E0610", "True"),
        ({"z": 0, "x": {"index": [], "values": [["a", 1.0]]}}, "E0610", "2 index values"),
        ({"z": 0, "x": {"index": [], "values": [["a", [1], 1.0]]}}, "E0610", "a list inside"),
        ({"z": 0, "x": [1, 2, 3]}, "E0610", "3 values where the model has 4"),
        ({"z": 0, "x": {("a", 1): 1}}, "E0611", 'x["a", 2]'),
        ({"x": np.zeros(4)}, "E0611", "`z`"),
        ([1, 2], "E0610", "not an object"),
        ({"variables": [1]}, "E0610", "no object"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: object, code: str, word: str) -> None:
    with pytest.raises(GivenError) as caught:
        given(PAIRS, values)
    assert [each.code.id for each in caught.value.diagnostics] == [code]
    assert word in caught.value.diagnostics[0].message


def test_a_start_may_be_incomplete() -> None:
    found = given(PAIRS, {"x": {("a", 1): 1}}, complete=False)
    assert found.keys() == {"x"} and np.isnan(found["x"]).tolist() == [False, True, True, True]
