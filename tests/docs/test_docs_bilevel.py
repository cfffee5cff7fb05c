"""The models on the page about bilevel problems have the optima that the page says, or are refused as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import optc

PAGE = (Path(__file__).parents[2] / "docs/bilevel.md").read_text(encoding="utf-8")
MODELS = re.findall(r"^```opt\n(.*?)^```$", PAGE, re.M | re.S)
SOLVED = [text for text in MODELS if text.startswith("# optimum ")]
REFUSED = [text for text in MODELS if "refused" in text]


def test_the_page_has_models_of_both_kinds() -> None:
    assert len(SOLVED) == 3
    assert len(REFUSED) == 1
    assert len(MODELS) == 4


@pytest.mark.parametrize("text", SOLVED, ids=lambda text: text.splitlines()[0])
def test_a_model_has_the_optimum_that_stands_above_it(text: str) -> None:
    solution = optc.parse(text).bind().solve(time_limit=60)
    assert solution.status == "optimal", solution.diagnostics
    assert solution.certificate.failed == ()
    wanted = float(text.splitlines()[0].removeprefix("# optimum "))
    assert solution.objective == pytest.approx(wanted, rel=2e-5)


@pytest.mark.parametrize("text", REFUSED)
def test_a_model_that_is_refused_says_why(text: str) -> None:
    solution = optc.parse(text).bind().solve()
    assert solution.termination == "no route"
    (error,) = (d for d in solution.diagnostics if d.severity == "error")
    assert "follower" in error.message
    assert error.hints


def test_the_claims_that_the_page_explains_are_those_of_a_result() -> None:
    solution = optc.parse(SOLVED[0]).bind().solve()
    claims = {line.claim for line in solution.certificate}
    explained = set(re.findall(r"^- \*\*(.*?)\*\*", PAGE, re.M))
    assert explained <= claims
    assert {"follower optimal", "follower's choice"} <= explained


def test_bounds_of_multipliers_that_are_rows_let_highs_solve_a_model() -> None:
    """As the page says of ``--backend highs``."""
    text = """
var x in [0, 8]
maximize 3 * y - x
subject to
  a_price: 0 <= dual(f.a) <= 1
  b_price: 0 <= dual(f.b) <= 1
lower f {
  var y in [0, 8]
  minimize y
  subject to
    a: y >= x / 2
    b: y >= 4 - x
}
"""
    free = "\n".join(line for line in text.splitlines() if "dual" not in line and line != "subject to")
    solution = optc.parse(text).bind().solve(backend="highs")
    assert solution.status == "optimal"
    assert solution.objective == pytest.approx(12)
    assert optc.parse(free).bind().solve(backend="highs").termination == "no route"
    assert optc.parse(free).bind().solve().objective == pytest.approx(12)
