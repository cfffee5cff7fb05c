"""What becomes of answers that do not hold: asked for again where they nearly do, else not believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import optc
from optc.backends import highs
from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.found import Request
from optc.compiler.result.solution import Solution
from optc.compiler.solve import solve

MODEL = "var x in [0, 9]\nvar y in [0, 9]\nminimize x + 2*y\nsubject to\n  c: x + y >= 3\n"


@dataclass
class Sloppy:
    """HiGHS, whose point misses the row by so many times the tolerance that it is asked for, and by ``least``."""

    times: float
    least: float = 0.0
    asked: list[float] = field(default_factory=list)
    name: str = "sloppy"
    title: str = ""
    install: str = ""
    capabilities: Any = highs.capabilities
    options: Any = highs.Options

    def version(self) -> str:
        return "1"

    def solve(self, form: Any, goal: Goal, options: Any, context: Any, start: Any) -> Answer:
        self.asked.append(goal.tolerance)
        found = highs.solve(form, goal, options, context, start)
        assert found.x is not None
        moved = found.x - np.array([self.times * goal.tolerance + self.least, 0.0])
        return Answer("optimal", "converged", moved, found.objective, found.bound, found.row_duals, found.column_duals)


def answered(backend: Sloppy) -> tuple[Sloppy, Solution]:
    return backend, solve(optc.parse(MODEL).bind().instance, [backend], Request(), contexts.start())


def test_an_answer_that_nearly_holds_is_asked_for_again() -> None:
    backend, found = answered(Sloppy(9.0))
    assert found.status == "optimal" and backend.asked == pytest.approx([1e-6, 1e-6 / 18])
    assert [each.code.id for each in found.diagnostics] == ["N0607"] and "`c`" in found.diagnostics[0].message
    line = found.certificate.line("feasible")
    assert line is not None and line.value == pytest.approx(0.5e-6)


def test_twice_is_enough() -> None:
    backend, found = answered(Sloppy(9.0, least=1e-5))
    assert (found.status, found.termination) == ("failed", "numerical trouble") and len(backend.asked) == 2
    assert [each.code.id for each in found.diagnostics] == ["W0601"]


def test_an_answer_that_is_far_off_is_not_asked_for_again() -> None:
    backend, found = answered(Sloppy(1e5))
    assert found.status == "failed" and len(backend.asked) == 1


def test_a_gap_of_one_is_told_where_the_objective_is_far_below_it() -> None:
    text = "var x in [-3, 3] start 0.1\nminimize {} * ((4 - 2.1*x^2 + x^4/3)*x^2 + 0.3*x)\n"

    def codes(scale: str, gap: float) -> list[str]:
        found = optc.parse(text.format(scale)).bind().solve(backend="interval_bb", gap=gap)
        assert found.status == "optimal"
        return [each.code.id for each in found.diagnostics]

    assert codes("1e-5", 1e-4) == ["N0608"]
    assert codes("1e-5", 1e-9) == codes("1e3", 1e-4) == []
    squares = optc.parse("var x start 3\nminimize (x - 1)^2 * exp(x)\n").bind().solve(backend="ipopt")
    assert squares.status == "optimal" and not squares.diagnostics  # nothing is left
