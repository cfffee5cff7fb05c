"""The face of a solution in a notebook."""

from __future__ import annotations

import optc

MODEL = """
set I = {"a<b", "c"}
var x[I] in [0, 4]
minimize total: x["a<b"] + 2 * x["c"]
subject to
  some: sum(x[i] for i in I) >= 2.5
"""


def test_a_solution_shows_status_values_and_certificate_escaped() -> None:
    solution = optc.parse(MODEL, name="m&m.opt").bind().solve()
    html = solution._repr_html_()
    for words in ("m&amp;m", "optimal", "x[a&lt;b]", "2.5", "feasible", "bound"):
        assert words in html
    assert "a<b" not in html
    assert html.count("<table>") == html.count("</table>") == 3
    assert solution.certificate._repr_html_() in html


def test_an_infeasible_answer_shows_its_conflict() -> None:
    solution = optc.parse(MODEL + '  never: x["c"] + x["a<b"] <= 1\n').bind().solve()
    html = solution._repr_html_()
    assert "infeasible" in html
    assert "never" in html


def test_long_families_are_cut() -> None:
    solution = optc.parse("var x[1..50] in [1, 2]\nminimize total: sum(x[i] for i in 1..50)\n").bind().solve()
    assert solution._repr_html_().count(">x[") == 12
