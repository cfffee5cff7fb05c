"""Hessians of terms in a few decisions: the forms they lie above hold at points, and convexity that only they show."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import instance_of, keyed, program_of, reference_of

from optc.compiler.facts import rounding as r
from optc.compiler.facts.curvature import bent
from optc.compiler.facts.hessians import curved_above
from optc.compiler.facts.region import region_of
from optc.compiler.spaces.algebra import UNIT

HEAD = """
set I = 1..3
param c[i in I] = i
var x[I] in [-1, 1]
var y in [0.5, 3]
var w in [1, 2]
let mixed = x[1] * y
"""
TERMS = [
    "x[1]^2 * y",
    "exp(x[1] * y) - w * x[2]",
    "x[1] * x[2] * x[3] / y",
    "log(y + w * y) * x[1]",
    "sqrt(1 + x[1]^2 * w) / w",
    "sin(mixed) * cos(w) - mixed^3",
    "(x[1] + 2 * y)^3 / (w + x[2]^2)",
    "w^y * (x[1] - 3)^2",
]


@pytest.mark.parametrize("text", TERMS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_second_differences_are_above_the_form(text: str, sign: float) -> None:
    instance = instance_of(program_of(f"{HEAD}minimize {text}\n"), {})
    stated = instance.program.root.objective
    assert stated is not None and stated.expression is not None
    found = curved_above(region_of(instance), stated.expression, UNIT, r.constant(sign))
    if text == "w^y * (x[1] - 3)^2":
        assert found is None  # a decision in an exponent is no function that is known here
        return
    assert found is not None
    matrix = np.zeros((instance.columns, instance.columns))
    np.add.at(matrix, (found.first, found.second), found.value)
    np.add.at(matrix, (found.second, found.first), found.value)  # twice the half that it is
    reference, rng = reference_of(instance.program, {}), np.random.default_rng(2)
    lower, upper = (np.concatenate([getattr(f, end) for f in instance.families]) for end in ("lower", "upper"))

    def value(at: np.ndarray) -> float:
        point = {f.name: at[f.offset : f.offset + f.count] for f in instance.families}
        return sign * float(reference.objective((), (), keyed(instance, point)))

    step = 1e-3
    for _ in range(40):
        at, way = lower + (upper - lower) * rng.random(len(lower)), rng.normal(size=len(lower))
        at = np.clip(at, lower + 5 * step, upper - 5 * step)
        way /= np.linalg.norm(way)
        second = (value(at + step * way) - 2 * value(at) + value(at - step * way)) / step**2
        assert second >= way @ matrix @ way - 1e-4 * (1 + abs(second))


@pytest.mark.parametrize(
    ("text", "twin"),
    [
        ("x[1]^2 * y + x[2] * x[1]^2 + 4 * x[1]^2 + 4 * x[2]^2 + y^2 * 2", "x[1]^2 * y + x[2] * x[1]^2 + x[2]^2"),
        ("exp(x[1] * x[2]) + 3 * x[1]^2 + 3 * x[2]^2", "exp(x[1] * x[2]) + 0.4 * x[1]^2 + 0.4 * x[2]^2"),
        ("x[1] * x[2] * x[3] + 1.1 * sum(x[i]^2 for i in I)", "x[1] * x[2] * x[3] + 0.4 * sum(x[i]^2 for i in I)"),
        ("exp(y + x[1]) - 0.8 * y * x[1]", "exp(y + x[1]) - 1.3 * y * x[1]"),
        ("5 * y^2 + 5 * w^2 - y * log(w) * x[1]^2 + 9 * x[1]^2", "5 * y^2 + w^2 / 9 - y * log(w) * x[1]^2"),
    ],
)
def test_sums_that_are_convex_within_the_bounds_only(text: str, twin: str) -> None:
    for term, convex in ((text, True), (twin, False)):
        instance = instance_of(program_of(f"{HEAD}minimize {term}\n"), {})
        stated = instance.program.root.objective
        assert stated is not None and stated.expression is not None
        assert bool(bent(region_of(instance), stated.expression, UNIT).convex.all()) is convex, term


def test_rows_of_a_family_each_have_their_own() -> None:
    rows = "a[i in I]: (if i == 3 then 30 else i) * x[i]^2 * y + 6 * x[i]^2 + 4 * y^2 <= 99"
    instance = instance_of(program_of(f"{HEAD}minimize y\nsubject to\n  {rows}\n"), {})
    family = instance.constraint("a")
    body = family.symbol.body
    found = bent(region_of(instance), body.terms[0], family.layout.table)  # type: ignore[union-attr]
    assert found.convex.tolist() == [True, True, False]
