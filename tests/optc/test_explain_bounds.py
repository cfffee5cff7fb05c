"""``optc explain`` shows the constants that lowerings derive from bounds, with their rows and sources."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import optc
from optc.cli.main import main
from optc.compiler.lowering import Lowered, lower_along, lowering_of
from optc.compiler.lowerings import instance_to_linear, products_to_rows

SWITCHED = """
var x >= 0
var on[1..2] binary
maximize sum(i * on[i] * x for i in 1..2) - 20 * sum(on[i] for i in 1..2)
subject to
  cap: 3 * x <= 24
"""
FAR = """
var x in [0, 10]
var y in [-3, 4]
maximize far: abs(x - y)
"""


def explained(text: str) -> optc.Problem:
    return optc.parse(text).bind({})


def test_a_product_shows_the_bound_that_a_row_gives() -> None:
    (bound,) = explained(SWITCHED).explain("highs").derived
    row, value = bound.largest() or ("", 0.0)
    assert bound.row in row and bound.expression == "x"
    assert value >= 8.0 and value == pytest.approx(8.0)  # no less than x can be
    assert bound.sources == ("the bounds of x", "row cap")  # x >= 0 is declared, x <= 8 follows


def test_a_kink_shows_one_constant_for_each_piece_and_none_is_too_small() -> None:
    found = {bound.row: bound for bound in explained(FAR).explain().derived}
    constants = sorted((bound.largest() or ("", 0.0))[1] for bound in found.values())
    # abs(e) is e or -e with -4 <= e <= 13: it is above -e by at most 26 and above e by at most 8
    assert constants == [8.0, 26.0]
    assert {bound.sources for bound in found.values()} == {("the bounds of x", "the bounds of y")}


def test_the_text_and_the_object_have_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "switched.opt"
    path.write_text(SWITCHED, encoding="utf-8")
    (bound,) = explained(SWITCHED).explain("highs").derived
    assert main(["explain", str(path), "--backend", "highs"]) == 0
    text = capsys.readouterr().out
    assert text.rstrip().endswith(f"derived bounds\n  {bound.text()}")
    assert bound.text().endswith("for x, from the bounds of x, row cap")
    assert main(["explain", str(path), "--backend", "highs", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["derived_bounds"]
    row, value = bound.largest() or ("", 0.0)
    assert entry == {"family": bound.row, "row": row, "value": value, "expression": "x", "sources": list(bound.sources)}


def test_a_model_without_derived_constants_has_no_such_section() -> None:
    explanation = explained("var x in [0, 1]\nminimize x\n").explain()
    assert explanation.derived == () and explanation.to_dict()["derived_bounds"] == []
    assert "derived bounds" not in repr(explanation)


def test_a_lowering_need_not_say_what_it_derived() -> None:
    names = [*("NAME", "SOURCE", "TARGET", "COST", "transfer", "accepts", "lower", "lift"), "derived"]
    instance = explained(SWITCHED).instance
    counts = []
    for told in (names, names[:-1]):
        own = SimpleNamespace(**{name: getattr(products_to_rows, name) for name in told})
        lowered = lower_along((lowering_of(own), lowering_of(instance_to_linear)), instance)
        assert isinstance(lowered, Lowered)
        counts.append(len(lowered.derived))
    assert counts == [1, 0]


TOGETHER = """
var b binary
var x[1..2]
maximize x[1] + 20 * b
subject to
  apart: -1 <= x[1] - x[2] <= 2
  sum_of: 0 <= x[1] + x[2] <= 10
  on: b == 1 => x[1] - 0.5 * x[2] <= 1
"""


def test_tightening_is_asked_for_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.opt"
    path.write_text(TOGETHER)
    assert main(["explain", str(path), "--backend", "highs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["derived_bounds"] == []
    assert main(["solve", str(path), "--backend", "highs"]) == 6
    capsys.readouterr()
    for flags in (["--tighten"], ["--tighten-limit", "20s"]):
        assert main(["explain", str(path), "--backend", "highs", "--json", *flags]) == 0
        (bound,) = json.loads(capsys.readouterr().out)["derived_bounds"]
        assert bound["row"] == "on" and bound["expression"] == "x[1] - 0.5 * x[2]"
        assert bound["value"] == pytest.approx(6 + 0.5 - 1) and bound["value"] >= 5.5  # x[1] <= 6, x[2] >= -1
        assert bound["sources"] == ["the range of x by optimisation"]
        assert main(["solve", str(path), "--backend", "highs", "--json", *flags]) == 0
        assert json.loads(capsys.readouterr().out)["objective"] == pytest.approx(20 + 3.0)


def test_a_semicontinuous_decision_shows_its_bound() -> None:
    (bound,) = explained("var s[1..2] semicontinuous in [2, 9]\nmaximize s[1] - s[2]\n").explain().derived
    assert bound.text() == "s[1]: 9 for s where it is not zero, from the bounds of s"
