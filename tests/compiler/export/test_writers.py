"""Writers: a form written and read again, by our readers and by HiGHS, is the same problem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import highspy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optc.compiler.export.json import json_text, read_json
from optc.compiler.export.lp import lp_text
from optc.compiler.export.mps import mps_text
from optc.compiler.export.named import NamedForm, decimal
from optc.compiler.forms.linear import LinearForm, QuadraticForm
from optc.compiler.mps import read_mps

INF = np.inf
ARRAYS = ("cost", "starts", "indices", "values", "row_lower", "row_upper", "lower", "upper", "integer")


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def mixed(sense: str = "maximize", columns: tuple[str, ...] = ("x", "k", "b", "f"), **more: object) -> NamedForm:
    """Every kind of row and bound: a range, an equation, both one-sided kinds; a free, a whole and a binary column."""
    arrays = {
        "sense": sense,
        "cost": floats(1.5, 2.0, -3.0, 0.0),
        "offset": 2.25,
        "starts": ints(0, 2, 4, 6, 7),
        "indices": ints(0, 1, 0, 2, 1, 3, 3),
        "values": floats(1.0, 2.0, -1.0, 4.0, 1.0, -1.0, 1.0),
        "row_lower": floats(-2.0, -INF, 0.1, -5.0),
        "row_upper": floats(10.0, 7.0, 0.1, INF),
        "lower": floats(-1.0, 0.0, 0.0, -INF),
        "upper": floats(4.5, INF, 1.0, INF),
        "integer": np.array([False, True, True, False]),
    }
    form = QuadraticForm(**arrays, **more) if more else LinearForm(**arrays)  # type: ignore[arg-type]
    return NamedForm("mixed", "gain", form, ("range", "most", "same", "least"), columns)


def assert_same(left: LinearForm, right: LinearForm) -> None:
    assert (left.sense, left.offset) == (right.sense, right.offset)
    for name in ARRAYS:
        assert np.array_equal(getattr(left, name), getattr(right, name)), name


def solved(text: str, ending: str, folder: Path) -> tuple[float, dict[str, float]]:
    path = folder / f"problem.{ending}"
    path.write_text(text, encoding="utf-8")
    solver = highspy.Highs()
    solver.silent()
    assert solver.readModel(str(path)) == highspy.HighsStatus.kOk
    solver.run()
    names = list(solver.getLp().col_names_)
    return solver.getInfo().objective_function_value, dict(zip(names, solver.getSolution().col_value, strict=True))


@pytest.mark.parametrize("sense", ["minimize", "maximize"])
def test_mps_reads_back_as_the_same_arrays(sense: str) -> None:
    problem = mixed(sense)
    written = mps_text(problem)
    again = read_mps(written.text, "again.mps")
    assert_same(problem.form, again.form)
    assert again.columns == problem.columns
    assert again.rows == problem.rows
    assert again.objective == "gain"


def test_json_reads_back_as_the_same_arrays() -> None:
    problem = mixed()
    again = read_json(json_text(problem).text)
    assert_same(problem.form, again.form)
    assert (again.rows, again.columns, again.name, again.objective) == (
        problem.rows,
        problem.columns,
        problem.name,
        problem.objective,
    )


def test_all_formats_have_the_same_optimum(tmp_path: Path) -> None:
    problem = mixed()
    by_mps, point = solved(mps_text(problem).text, "mps", tmp_path)
    by_lp, other = solved(lp_text(problem).text, "lp", tmp_path)
    # k <= (10 - x) / 2 and b <= (7 + x) / 4, so x = 4 and k = 3: 1.5 * 4 + 2 * 3 + 2.25; x = 4.5, k = 2 gives 13
    assert by_mps == pytest.approx(14.25)
    assert by_lp == pytest.approx(14.25)
    assert point == pytest.approx({"x": 4.0, "k": 3.0, "b": 0.0, "f": 2.9})
    assert other == pytest.approx(point)


def test_quadratic_objectives_round_trip(tmp_path: Path) -> None:
    # minimise x^2 + x y + 2 y^2 - 3 x on x + y >= 1, free of bounds: x = 11/7 at y = -2/7 is outside, checked below
    form = QuadraticForm(
        sense="minimize",
        cost=floats(-3.0, 0.0),
        offset=0.0,
        starts=ints(0, 2),
        indices=ints(0, 1),
        values=floats(1.0, 1.0),
        row_lower=floats(1.0),
        row_upper=floats(INF),
        lower=floats(-INF, -INF),
        upper=floats(INF, INF),
        integer=np.array([False, False]),
        hessian_starts=ints(0, 2, 3),
        hessian_indices=ints(0, 1, 1),
        hessian_values=floats(2.0, 1.0, 4.0),
    )
    problem = NamedForm("quadratic", "q", form, ("sum",), ("x", "y"))
    for again in (read_mps(mps_text(problem).text, "q").form, read_json(json_text(problem).text).form):
        assert isinstance(again, QuadraticForm)
        assert_same(form, again)
        for name in ("hessian_starts", "hessian_indices", "hessian_values"):
            assert np.array_equal(getattr(form, name), getattr(again, name))
    # gradient zero: 2 x + y = 3 and x + 4 y = 0, at x = 12/7, y = -3/7, where x + y = 9/7 >= 1; value -18/7
    for text, ending in ((mps_text(problem).text, "mps"), (lp_text(problem).text, "lp")):
        value, point = solved(text, ending, tmp_path)
        assert value == pytest.approx(-18 / 7, abs=1e-6)
        assert point == pytest.approx({"x": 12 / 7, "y": -3 / 7}, abs=1e-5)


def test_concave_quadratics_are_maximised_alike(tmp_path: Path) -> None:
    problem = mixed(
        "maximize",
        hessian_starts=ints(0, 1, 1, 1, 1),
        hessian_indices=ints(0),
        hessian_values=floats(-2.0),
    )
    continuous = replace(problem.form, integer=np.zeros(4, dtype=np.bool_))
    problem = NamedForm("concave", "gain", continuous, problem.rows, problem.columns)
    # 1.5 x - x^2 + 2 k + 2.25 with k = (10 - x) / 2 on the range row: x = 0.25, k = 4.875, worth 12.3125
    for text, ending in ((mps_text(problem).text, "mps"), (lp_text(problem).text, "lp")):
        value, point = solved(text, ending, tmp_path)
        assert value == pytest.approx(12.3125, abs=1e-5)
        assert point["x"] == pytest.approx(0.25, abs=1e-4)


AWKWARD = ('buy["corn bread"]', 'buy["corn\'bread"]', "e12", "free")


def test_awkward_names_are_mapped_back(tmp_path: Path) -> None:
    problem = mixed(columns=AWKWARD)
    for written, ending in ((mps_text(problem), "mps"), (lp_text(problem), "lp")):
        value, point = solved(written.text, ending, tmp_path)
        assert value == pytest.approx(14.25)
        original = {written.columns.get(name, name): number for name, number in point.items()}
        assert original == pytest.approx(dict(zip(AWKWARD, (4.0, 3.0, 0.0, 2.9), strict=True)))


def test_names_that_would_collide_stay_apart(tmp_path: Path) -> None:
    problem = mixed(columns=("a b", "a_b", "a  b", "a_b_2"))
    written = mps_text(problem)
    again = read_mps(written.text, "again")
    assert len(set(again.columns)) == 4
    assert [written.columns.get(name, name) for name in again.columns] == list(problem.columns)
    value, _ = solved(lp_text(problem).text, "lp", tmp_path)
    assert value == pytest.approx(14.25)


def test_a_changed_name_is_told_in_the_file() -> None:
    problem = mixed(columns=("a b", "x", "y", "z"))
    assert "* column a_b is a b" in mps_text(problem).text
    assert "\\ column a_b is 'a b'" in lp_text(problem).text


def test_objective_keeps_clear_of_a_row_of_its_name() -> None:
    problem = mixed()
    clash = NamedForm("clash", "most", problem.form, problem.rows, problem.columns)
    again = read_mps(mps_text(clash).text, "again")
    assert again.rows == problem.rows
    assert again.objective != "most"
    assert_same(problem.form, again.form)


def test_empty_rows_and_columns_are_kept(tmp_path: Path) -> None:
    form = LinearForm(
        sense="minimize",
        cost=floats(0.0, 1.0),
        offset=0.0,
        starts=ints(0, 0, 1),
        indices=ints(1),
        values=floats(1.0),
        row_lower=floats(-1.0, 2.0),
        row_upper=floats(1.0, INF),
        lower=floats(0.0, 0.0),
        upper=floats(3.0, INF),
        integer=np.array([False, False]),
    )
    problem = NamedForm("empty", "", form, ("nothing", "something"), ("idle", "x"))
    assert_same(form, read_mps(mps_text(problem).text, "again").form)
    for text, ending in ((mps_text(problem).text, "mps"), (lp_text(problem).text, "lp")):
        value, point = solved(text, ending, tmp_path)
        assert value == 2.0
        assert point["x"] == 2.0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_read_back_exactly(value: float) -> None:
    assert float(decimal(value)) == value
    assert not decimal(value).endswith(".0")


finite = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 3))


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=6), st.data())
def test_ranges_survive_mps(pairs: list[tuple[float, float]], data: st.DataObject) -> None:
    low = floats(*(min(pair) for pair in pairs))
    high = floats(*(max(pair) for pair in pairs))
    open_low = np.array(data.draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs))))
    low = np.where(open_low & (low < high), -INF, low)
    count = len(pairs)
    form = LinearForm(
        sense="minimize",
        cost=floats(1.0),
        offset=0.0,
        starts=np.arange(count + 1, dtype=np.int32),
        indices=np.zeros(count, dtype=np.int32),
        values=np.ones(count),
        row_lower=low,
        row_upper=high,
        lower=floats(-INF),
        upper=floats(INF),
        integer=np.array([False]),
    )
    again = read_mps(mps_text(NamedForm("r", "c", form, tuple(f"r{k}" for k in range(count)), ("x",))).text, "r").form
    scale = np.maximum(1.0, np.maximum(np.abs(np.where(open_low & np.isinf(low), 0.0, low)), np.abs(high)))
    one_rounding = 4 * np.finfo(float).eps * scale
    closed = np.isfinite(low)
    assert np.array_equal(np.isfinite(again.row_lower), closed)
    assert (np.abs(again.row_upper - high) <= one_rounding).all()
    assert (np.abs(again.row_lower[closed] - low[closed]) <= one_rounding[closed]).all()
