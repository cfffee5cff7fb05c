"""Which forms have their first linear program solved by an interior point, and that the option is heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import optc
from optc.backends import highs, registry
from optc.backends.mip_root import root_algorithm
from optc.compiler import context as contexts
from optc.compiler.backend import Goal
from optc.compiler.forms.linear import LinearForm
from optc.compiler.plan import plan, take

MODEL = """
param n
param f[1..n, 1..n]
choose s[1..n] from 1..n
minimize sum(f[i, j] * f[s[j], s[i]] for i in 1..n, j in 1..n)
subject to
  one[k in 1..n]: count(s[i] == k for i in 1..n) == 1
"""


def assignment(n: int) -> LinearForm:
    flows = np.random.default_rng(n).integers(0, 9, (n, n))
    instance = optc.parse(MODEL).bind({"n": n, "f": flows}).instance
    _, lowered = take(plan(instance, (registry.get("highs"),)), instance)
    assert lowered is not None
    return lowered.form


def test_large_rows_of_products_take_an_interior_point_and_small_ones_do_not() -> None:
    assert root_algorithm(assignment(5)) == "choose"
    large = assignment(9)
    assert root_algorithm(large) == "ipm"
    rows = np.arange(large.shape[0]) % 2 == 0
    sided = replace(large, row_upper=np.where(rows, large.row_upper, np.inf))
    assert root_algorithm(sided) == "choose"
    assert root_algorithm(replace(large, integer=np.ones_like(large.integer))) == "choose"


@pytest.mark.parametrize("algorithm", ["simplex", "ipm", "ipx"])
def test_the_answer_is_the_same_by_every_algorithm(algorithm: str) -> None:
    form = assignment(5)
    answers = [
        highs.solve(form, Goal(gap=1e-9), highs.Options(mip_root=word), contexts.start(), None)
        for word in ("choose", algorithm)
    ]
    assert [answer.claim for answer in answers] == ["optimal", "optimal"]
    assert answers[0].objective == pytest.approx(answers[1].objective)
