"""Complementarity models take branch and bound on their pairs, and say why where they do not."""

from __future__ import annotations

import itertools

import pytest

import optc

PAIRS = """
param a[1..3]
var x[1..3] in [0, 10]
var y[1..3] in [0, 10]
minimize sum((x[i] - a[i])^2 + (y[i] - 2)^2 for i in 1..3) - x[1] - y[2]
subject to
  c: sum(x[i] + y[i] for i in 1..3) >= 4
  pair[i in 1..3]: x[i] >= 0 complements y[i] >= 0
"""
LEAF = PAIRS.replace(
    "  pair[i in 1..3]: x[i] >= 0 complements y[i] >= 0\n", "  off[i in 1..3]: (1 - z[i]) * x[i] + z[i] * y[i] == 0\n"
)


def test_pairs_are_branched_on_and_agree_with_every_leaf_and_with_scip() -> None:
    a = [1.0, 2.5, 3.0]
    found = optc.parse(PAIRS).bind(a=a).solve()
    assert found.status == "optimal" and found.route[-1] == "complementarity_bb"
    leaves = [
        optc.parse("param z[1..3]\n" + LEAF).bind(a=a, z=list(z)).solve().objective
        for z in itertools.product((0, 1), repeat=3)
    ]
    assert found.objective == pytest.approx(min(leaves), rel=1e-6)
    assert optc.parse(PAIRS).bind(a=a).solve(backend="scip").objective == pytest.approx(found.objective, rel=1e-5)


def test_other_logic_beside_pairs_goes_to_scip() -> None:
    text = PAIRS + "  w: sos1(x[i] for i in 1..3)\n"
    problem = optc.parse(text).bind(a=[1, 2, 3])
    assert problem.solve().route[-1] == "scip"
    assert "special ordered sets" in str(problem.explain())


def test_pairs_beside_a_semicontinuous_decision() -> None:
    text = "var x in [0, 4]\nvar y >= 0\nvar s semicontinuous in [2, 9]\nmaximize x + y - s\nsubject to\n"
    text += "  p: x >= 0 complements 3 - y >= 0\n  q: y + s <= 7\n"
    found = optc.parse(text).bind().solve()
    assert found.status == "optimal"
    assert found.objective == pytest.approx(7.0)
