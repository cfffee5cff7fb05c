"""Kinks inside nonlinear models, through their epigraphs: optima against dense grids, and kinks that are refused."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import optc

MINIMAX = "max(x^2 + sin(3*y), (2 - x)^2 * cos(y) + y^2, 2*exp(y - x))"


def minimax(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum.reduce([x**2 + np.sin(3 * y), (2 - x) ** 2 * np.cos(y) + y**2, 2 * np.exp(y - x)])


def distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(x * y - 0.7) + 0.1 * np.abs(np.sin(x) - y) ** 3


def penalised(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.exp(np.abs(x * y - 1) / 2) + np.maximum(0, np.cos(x) - y) ** 2 + 0.05 * x**2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"minimize {MINIMAX}", minimax),
        (f"maximize -{MINIMAX}", lambda x, y: -minimax(x, y)),
        ("minimize abs(x*y - 0.7) + 0.1*abs(sin(x) - y)^3", distances),
        ("minimize exp(abs(x*y - 1)/2) + max(0, cos(x) - y)^2 + 0.05*x^2", penalised),
    ],
)
@pytest.mark.parametrize("backend", ["exact_al", "ipopt"])
def test_optima_of_nonlinear_models_with_kinks(
    text: str, value: Callable[[np.ndarray, np.ndarray], np.ndarray], backend: str
) -> None:
    problem = optc.parse(f"var x in [-3, 3] start 1\nvar y in [-3, 3] start 1\n{text}").bind()
    solution = problem.solve(backend=backend)
    x, y = float(solution["x"]), float(solution["y"])
    sign = -1.0 if text.startswith("maximize") else 1.0
    assert solution.objective is not None
    assert solution.objective == pytest.approx(float(value(np.array(x), np.array(y))), abs=1e-9)
    steps = np.linspace(-0.02, 0.02, 201)
    near = value(*np.meshgrid(np.clip(x + steps, -3, 3), np.clip(y + steps, -3, 3)))
    assert sign * solution.objective <= (sign * near).min() + 1e-7
    assert solution.status in ("locally optimal", "stationary", "optimal")


def test_a_row_with_a_nonlinear_kink_holds() -> None:
    text = (
        "var x in [-3, 3] start 1\nvar y in [-3, 3]\nmaximize x + y\nsubject to\n  c: max(x^2, y*x, exp(y) - 1) <= 1\n"
    )
    solution = optc.parse(text).bind().solve(backend="exact_al")
    assert solution.objective == pytest.approx(1 + math.log(2), abs=1e-6)
    assert solution.certificate.line("feasible").status == "checked"


def test_named_expressions_keep_their_kinks() -> None:
    text = "var x in [-3, 3] start 2\nlet far = abs(sin(x) - 0.5)\nminimize far + exp(far) + 0.01*x^2\n"
    solution = optc.parse(text).bind().solve()
    assert math.sin(float(solution["x"])) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "minimize x^4 * sin(x) - abs(x * y)",
        "minimize exp(-abs(x)) + sin(y)",
        "minimize (max(x, y) - 1)^2 * y^3",
        "minimize sin(x)\nsubject to\n  c: abs(x * y) == 1",
        "minimize sin(x)\nsubject to\n  c: max(x, y^3) >= 1",
    ],
)
def test_kinks_the_wrong_way_are_refused_with_their_place(text: str) -> None:
    problem = optc.parse(f"var x in [-3, 3]\nvar y in [-3, 3]\n{text}").bind()
    solution = problem.solve(backend="ipopt")
    assert (solution.status, solution.termination) == ("failed", "no route")
    assert any(d.place is not None for d in solution.diagnostics)


X, Y = np.meshgrid(np.linspace(-2, 2, 401), np.linspace(-2, 2, 401))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("minimize sin(2*abs(x)) + y^2*max(x, y)", np.sin(2 * abs(X)) + Y**2 * np.maximum(X, Y)),
        ("maximize abs(x)*abs(y)^1.5 - exp(x)", abs(X) * abs(Y) ** 1.5 - np.exp(X)),
        ("minimize max(x, y)/(3 + min(x, y)) + exp(x)/5", np.maximum(X, Y) / (3 + np.minimum(X, Y)) + np.exp(X) / 5),
        (
            "minimize piecewise(x*y, [-1, 0, 1], [0, 2, 0]) * exp(y)",
            np.where(X * Y < 0, 2 + 2 * X * Y, 2 - 2 * X * Y) * np.exp(Y),
        ),
        (
            "minimize exp(x) + y\nsubject to\n  k: abs(x) + max(y, -y/2, x*y) >= 1\n  m: min(x^2, y^2) <= 0.5",
            np.where(
                (abs(X) + np.maximum.reduce([Y, -Y / 2, X * Y]) >= 1) & (np.minimum(X**2, Y**2) <= 0.5),
                np.exp(X) + Y,
                np.inf,
            ),
        ),
    ],
)
def test_kinks_that_are_not_convex_get_binaries(text: str, values: np.ndarray) -> None:
    solution = optc.parse(f"var x in [-2, 2]\nvar y in [-2, 2]\n{text}").bind().solve()
    sign = -1.0 if text.startswith("maximize") else 1.0
    best = (sign * values).min()
    assert solution.status == "optimal"
    assert solution.objective is not None and solution.bound is not None
    assert sign * solution.objective <= best + 1e-4 * max(1.0, abs(best))
    assert sign * solution.bound <= best + 1e-4


def test_a_minimax_problem_in_bounds_is_solved_to_its_best_point() -> None:
    """The decision made for the kink has the bounds of its term, so that a search with a proof takes the model."""
    solution = optc.parse(f"var x in [-3, 3] start 1\nvar y in [-3, 3] start 1\nminimize {MINIMAX}\n").bind().solve()
    grid = np.linspace(-3, 3, 1501)
    best = minimax(*np.meshgrid(grid, grid)).min()
    line = solution.certificate.line("bound")
    assert solution.status == "optimal"
    assert line is not None and line.status == "proved"
    assert solution.objective is not None and solution.objective <= best + 1e-4
