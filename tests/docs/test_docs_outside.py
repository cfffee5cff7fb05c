"""The page on outside code: its model is solved with each of its functions, to the same optimum."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import optc

PAGE = (Path(__file__).parents[2] / "docs/language/outside.md").read_text(encoding="utf-8")
(MODEL,) = [text for text in re.findall(r"^```opt\n(.*?)^```$", PAGE, re.M | re.S) if "budget" in text]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
WRITTEN = MODEL.replace("extern loss(x, y, b)\n", "").replace(
    "loss(x, y, b)", "sum(softplus(-y[n] * sum(x[n, g] * b[g] for g in F)) for n in N)"
)
RANDOM = np.random.default_rng(0)
DATA = {"N": list(range(20)), "F": [1, 2, 3], "x": RANDOM.normal(size=(20, 3)), "y": np.sign(RANDOM.normal(size=20))}


def test_the_page_has_its_blocks() -> None:
    assert len(BLOCKS) == 2
    assert "softplus" in WRITTEN


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split()[1])
def test_a_function_of_the_page_solves_its_model(block: str) -> None:
    if "torch" in block and find_spec("torch") is None:
        pytest.skip("torch is not installed")
    names = {"model": optc.parse(MODEL), "data": DATA}
    exec(block, names)
    solution = names["solution"]
    assert isinstance(solution, optc.Solution)
    assert solution.status == "locally optimal", solution.diagnostics
    assert not solution.diagnostics
    wanted = optc.parse(WRITTEN).bind(DATA).solve()
    assert solution.objective == pytest.approx(wanted.objective, rel=1e-6)


def test_the_number_of_entries_is_the_one_that_holds() -> None:
    from optc.compiler.forms.outside import MOST

    assert f"used up to {MOST} entries" in PAGE
