"""Solutions and labelled values: JSON, conversions, exit statuses, what they say when asked for what is not there."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from optc.compiler.result.certificate import Certificate, Line
from optc.compiler.result.labelled import Labelled
from optc.compiler.result.solution import Solution, spelled
from optc.compiler.spaces.members import Members


def texts(*words: str) -> np.ndarray:
    return np.array(words, dtype=object)


FOODS = Labelled("buy", ("Foods",), Members.of([texts("bread", "milk")]), np.array([2.0, 0.0]))
ARCS = Labelled("flow", ("Arcs",), Members.of([texts("a", "b"), texts("b", "c")]), np.array([3.0, 4.5]))
GRID = Labelled(
    "load", ("Days", "Sites"), Members.of([np.array([1, 1, 2]), texts("n", "s", "n")]), np.array([1.0, 2.0, 3.0])
)
SCALAR = Labelled("z", (), Members((), 1), np.array([3.25]))
CHOICE = Labelled("pick", ("L",), Members.run(1, 2), texts("low", "high"))


def solution(**fields: object) -> Solution:
    plain = {
        "model": "m",
        "problem_class": "linear",
        "status": "optimal",
        "termination": "converged",
        "sense": "minimize",
    }
    return Solution(**(plain | fields))  # type: ignore[arg-type]


def test_values_are_found_by_index() -> None:
    assert (FOODS["bread"], ARCS["b", "c"], GRID[2, "n"], SCALAR[()], float(SCALAR), CHOICE[2]) == (
        2.0,
        4.5,
        3.0,
        3.25,
        3.25,
        "high",
    )
    assert GRID[2.0, "n"] == 3.0
    for family, key in ((FOODS, "eggs"), (GRID, (2, "s")), (GRID, ("2", "n")), (FOODS, ("bread", 1)), (SCALAR, "x")):
        with pytest.raises(KeyError, match=family.name):
            family[key]
    with pytest.raises(TypeError, match="indexed"):
        float(FOODS)


def test_rows_are_index_values_and_the_number() -> None:
    assert FOODS.to_json() == {"index": ["Foods"], "values": [["bread", 2.0], ["milk", 0.0]]}
    assert ARCS.to_json() == {"index": ["Arcs"], "values": [["a", "b", 3.0], ["b", "c", 4.5]]}
    assert SCALAR.to_json() == {"index": [], "values": [[3.25]]}
    assert CHOICE.to_json() == {"index": ["L"], "values": [[1, "low"], [2, "high"]]}
    assert FOODS.to_dict() == {"bread": 2.0, "milk": 0.0}
    assert GRID.to_dict() == {(1, "n"): 1.0, (1, "s"): 2.0, (2, "n"): 3.0}
    assert SCALAR.to_dict() == {(): 3.25}
    assert list(FOODS) == [("bread",), ("milk",)] and len(GRID) == 3 and np.asarray(GRID).sum() == 6.0


def test_pandas_and_xarray_keep_the_labels() -> None:
    series = GRID.to_pandas()
    assert series[2, "n"] == 3.0 and series.index.names == ["Days", "Sites"] and series.name == "load"
    assert FOODS.to_pandas()["bread"] == 2.0 and ARCS.to_pandas()["a", "b"] == 3.0
    array = GRID.to_xarray()
    assert array.sel(Days=1, Sites="s").item() == 2.0 and math.isnan(array.sel(Days=2, Sites="s").item())
    assert ARCS.to_xarray().dims == ("index1", "index2")
    assert SCALAR.to_xarray().item() == 3.25 and CHOICE.to_xarray().sel(L=1).item() == "low"


def test_long_families_are_shortened_in_words() -> None:
    long = Labelled("x", ("1..99",), Members.run(1, 99), np.arange(99.0))
    text = repr(long)
    assert "99 entries" in text and "1: 0" in text and "99: 98" in text and "50: 49" not in text and "…" in text
    assert repr(SCALAR) == "z = 3.25"


@pytest.mark.parametrize(
    ("status", "termination", "code"),
    [
        ("optimal", "converged", 0),
        ("feasible", "converged", 0),
        ("equilibrium", "converged", 0),
        ("feasible", "time limit", 5),
        ("feasible", "node limit", 5),
        ("limit", "time limit", 6),
        ("failed", "no route", 6),
        ("failed", "numerical trouble", 6),
        ("infeasible", "converged", 3),
        ("unbounded", "converged", 4),
        ("feasible", "interrupted", 130),
        ("limit", "interrupted", 130),
        ("failed", "solver error", 70),
    ],
)
def test_exit_statuses(status: str, termination: str, code: int) -> None:
    assert solution(status=status, termination=termination).exit_code == code


def test_numbers_that_json_lacks_are_words() -> None:
    text = solution(objective=math.nan, bound=-math.inf, variables={"z": SCALAR}).to_json()
    found = json.loads(text)
    assert (found["objective"], found["bound"], found["gap"]) == ("nan", "-inf", "nan")
    assert spelled({"a": [math.inf, 1.5, (2, -math.inf)]}) == {"a": ["inf", 1.5, [2, "-inf"]]}


def test_the_gap_is_relative_to_the_objective_from_one_on() -> None:
    assert solution(objective=200.0, bound=190.0).gap == 0.05
    assert solution(objective=0.5, bound=0.25).gap == 0.25
    assert solution(objective=None, bound=1.0).gap is None


def test_what_is_not_there_is_answered_with_what_is() -> None:
    found = solution(variables={"buy": FOODS}, expressions={"spend": SCALAR}, duals={"need": SCALAR})
    assert found["spend"][()] == 3.25
    with pytest.raises(KeyError, match="there are buy, spend"):
        found["by"]
    with pytest.raises(KeyError, match="there are need"):
        found.dual("cap")
    with pytest.raises(KeyError, match="no reduced costs"):
        found.reduced_cost("buy")
    with pytest.raises(KeyError, match="no duals"):
        solution().dual("need")
    with pytest.raises(KeyError, match="the status is 'infeasible'"):
        solution(status="infeasible")["buy"]


def test_certificates_print_as_a_table_and_leave_out_what_is_not_known() -> None:
    lines = Certificate(
        [
            Line("feasible", "checked", 3e-12, 1e-6, "cap", "largest violation over 1 row"),
            Line("infeasible", "proved", conflict=("need", "bound of x"), evidence={"lines": {"need": 4}}),
            Line("contraction", "failed", more={"rate": 0.5}),
        ]
    )
    assert lines.to_json()[1] == {
        "claim": "infeasible",
        "status": "proved",
        "conflict": ["need", "bound of x"],
        "evidence": {"lines": {"need": 4}},
    }
    assert lines.to_json()[2] == {"claim": "contraction", "status": "failed", "rate": 0.5}
    assert str(lines).splitlines()[0].startswith("checked   feasible 3e-12 (tolerance 1e-06) at cap")
    assert lines.line("feasible") is lines[0] and lines.line("bound") is None
    assert [line.claim for line in lines.failed] == ["contraction"]
