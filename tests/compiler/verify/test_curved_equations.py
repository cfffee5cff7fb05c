"""Equations that are plainly not affine spare the proof of convexity; nothing that is affine is taken for one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optc
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.lowerings import instance_to_nonlinear
from optc.compiler.verify import local
from optc.compiler.verify.curved_equations import has_curved_equation

CHAIN = Path(__file__).resolve().parents[3] / "examples/hanging_chain/model.opt"


def curved(text: str, x: list[float], **data: Any) -> bool:
    instance = optc.parse(text).bind(**data).instance
    form, _ = instance_to_nonlinear.lower(instance)
    return has_curved_equation(instance, form, form.completed(np.resize(np.array(x), form.shape[1])))


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ("x^2 + y == 3", True),
        ("x * y == 1", True),
        ("1e-7 * sin(x) + 1e-8 * y == 0", True),
        ("x + sin(y) <= 3", False),  # no equation
        ("x + 2 * y == 3", False),
        ("(x + 1e4)^2 - x^2 + y == 3", False),  # affine in disguise
        ("x * y - y * x + x == 3", False),
        ("0 <= x^2 + y <= 3", False),
    ],
)
def test_an_equation_whose_slopes_change(row: str, wanted: bool) -> None:
    assert curved(f"var x\nvar y\nminimize exp(x)\nsubject to\n  c: {row}\n", [0.7, -1.3]) is wanted


def test_a_row_of_many_small_slopes_counts() -> None:
    problem = optc.read(CHAIN).bind(pieces=20_000, length=4, left=1, right=3)
    form = problem.lower("nonlinear")
    assert isinstance(form, NonlinearForm)
    x = np.concatenate([family.start for family in problem.instance.families])
    assert has_curved_equation(problem.instance, form, x)


def test_a_point_at_its_bounds_and_a_slope_without_a_value_say_nothing() -> None:
    fixed = "var x in [2, 2]\nvar y\nminimize x\nsubject to\n  c: x^2 + y == 3\n"
    assert not curved(fixed, [2.0, -1.0])
    root = "var x in [0, 9]\nvar y\nminimize x\nsubject to\n  c: sqrt(x - 1) + y == 3\n"
    assert not curved(root, [0.5, -1.0])


def test_the_rows_that_define_a_forms_own_columns_do_not_count() -> None:
    text = """
set I = 1..{n}
var x[I] in [-3, 3] start 1
minimize log(sum(exp(x[i]) for i in I)) + (sum(x[i] for i in I) - 2)^2
subject to
  c: sum(x[i] for i in I) == 5
"""
    problem = optc.parse(text.format(n=3000)).bind()
    form = problem.lower("nonlinear")
    assert isinstance(form, NonlinearForm) and form.shape[1] > problem.instance.columns
    assert not has_curved_equation(problem.instance, form, form.completed(np.linspace(-1, 1, form.shape[1])))


def test_no_proof_of_convexity_is_tried_beside_a_curved_equation(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_instance: Any) -> bool:
        raise AssertionError("it was tried")

    monkeypatch.setattr(local, "is_convex", never)
    text = "var x start 1\nvar y start 1\nminimize -x - y\nsubject to\n  c: x^2 + y^2 == 2\n"
    assert optc.parse(text).bind().solve(backend="ipopt").status == "locally optimal"
    with pytest.raises(AssertionError, match="it was tried"):
        optc.parse(text.replace("==", "<=")).bind().solve(backend="ipopt")
