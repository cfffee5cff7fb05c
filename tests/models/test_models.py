"""The small models, one a problem class: their optima found without a solver, and solved where a route exists.

Line 1 of a model names its class, line 2 its optimum where it has one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog, minimize, minimize_scalar

import optc
from optc.compiler.reference.interpreter import Key, Reference
from optc.dsl.program import Choice, Variable

FOLDER = Path(__file__).parent
MODELS = sorted(FOLDER.glob("*.opt"))


def optimum(path: Path) -> float | None:
    """What line 2 says."""
    line = path.read_text(encoding="utf-8").splitlines()[1]
    return float(line.removeprefix("# optimum: ")) if line.startswith("# optimum: ") else None


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_a_model_is_solved_or_refused_with_a_reason(path: Path) -> None:
    solution = optc.solve(path)
    wanted = optimum(path)
    if solution.has_point:
        assert [line for line in solution.certificate if line.status == "failed"] == []
        if wanted is not None:
            assert solution.objective == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    else:
        assert (solution.status, solution.termination) == ("failed", "no route")
        assert [d for d in solution.diagnostics if d.severity == "error"]


def test_linear_models_are_solved() -> None:
    for stem in ("linear", "linear_feasibility", "quadratic"):
        assert optc.solve(FOLDER / f"{stem}.opt").has_point


# ------------------------------------------------------------------------------------------------- by enumeration
def enumerated(stem: str) -> float:
    """The best objective over all values of binaries, spins and choices, by the reference interpreter."""
    program = optc.read(FOLDER / f"{stem}.opt").program
    reference = Reference(program)
    entries: list[tuple[str, Key, list[object]]] = []
    for name in program.root.decisions:
        symbol = program.symbols[name]
        for key in reference.keys(name):
            if isinstance(symbol, Choice):
                assert symbol.options is not None
                found = reference.members(symbol.options, reference.environment(symbol, key))
                entries.append((name, key, [m[0] for m in found]))
            else:
                assert isinstance(symbol, Variable)
                entries.append((name, key, [0, 1] if symbol.domain == "binary" else [-1, 1]))
    goal = program.root.objective
    assert goal is not None
    best = []
    for picked in itertools.product(*(options for _, _, options in entries)):
        values: dict[str, dict[Key, object]] = {name: {} for name in program.root.decisions}
        for (name, key, _), value in zip(entries, picked, strict=True):
            values[name][key] = value
        point = reference.at(values)  # type: ignore[arg-type]
        rows = [row for line in program.root.constraints for row in point.constraint_rows(line)]
        if all(row.violation == 0 for row in rows):
            best.append(float(point.objective([])))
    return max(best) if goal.sense == "maximize" else min(best)


# ---------------------------------------------------------------------------------------- from their numbers alone
def linear() -> float:
    return float(linprog([2, 1.5, 3], A_ub=[[-4, -2, -3], [-1, -1, -3]], b_ub=[-10, -4]).fun)


def piecewise_linear() -> float:
    """Columns: made, bill, largest made, distance to demand. The tariff is convex: to pay more does not help."""
    rows, right = [], []
    for hour, demand in enumerate([3, 5, 9, 4]):
        for slope, start in ((2, 0), (4, -8)):
            rows.append({hour: slope, 4 + hour: -1})
            right.append(-start)
        rows += [{hour: 1, 8: -1}, {hour: 1, 9 + hour: -1}, {hour: -1, 9 + hour: -1}]
        right += [0, demand, -demand]
    matrix = np.zeros((len(rows), 13))
    for n, row in enumerate(rows):
        matrix[n, list(row)] = list(row.values())
    cost = np.concatenate([np.zeros(4), np.ones(4), [2], np.ones(4)])
    return float(linprog(cost, A_ub=matrix, b_ub=right, bounds=[(0, 8)] * 4 + [(None, None)] * 9).fun)


def quadratic() -> float:
    """All assets are held and both rows are tight, so that the optimality conditions are linear."""
    covariance = np.array([[0.09, 0.01, 0.02], [0.01, 0.04, 0], [0.02, 0, 0.05]])
    rows = np.array([[1, 1, 1], [0.10, 0.06, 0.08]])
    system = np.block([[2 * covariance, -rows.T], [rows, np.zeros((2, 2))]])
    x = np.linalg.solve(system, [0, 0, 0, 1, 0.08])
    assert np.all(x[:3] > 0)
    assert x[4] > 0
    return float(x[:3] @ covariance @ x[:3])


def nonlinear() -> float:
    """Water filling: all channels are used up to one level, 2.5."""
    noise = np.array([0.5, 1, 2])
    level = (4 + noise.sum()) / 3
    assert np.all(level > noise)
    return float(np.log(level / noise).sum())


def mixed_integer_linear() -> float:
    """At most one site is open (sos1), so one is; the northern one alone asks for the reserve."""
    return min(5 + 1 + 3 + 6 + 0.1 * 3, 7 + 4 + 2 + 1)


def mixed_integer_quadratic() -> float:
    return float(min((n - 2.4) ** 2 + (min(n / 2, 4) - n / 2) ** 2 for n in range(11)))


def semidefinite() -> float:
    """Unit vectors in three dimensions, from many starts (Burer and Monteiro: full rank has no false optima)."""
    weights = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0]])

    def cut(v: np.ndarray) -> float:
        unit = v.reshape(3, 3) / np.linalg.norm(v.reshape(3, 3), axis=1)[:, None]
        return float(-np.sum(weights * (1 - unit @ unit.T)) / 4)

    return max(-minimize(cut, np.random.default_rng(seed).normal(size=9), tol=1e-14).fun for seed in range(10))


def over_leader(value: Callable[[float], float], low: float, high: float) -> float:
    """The least value over a fine grid, refined around the best point."""
    grid = np.linspace(low, high, 4001)
    best = grid[np.argmin([value(x) for x in grid])]
    step = (high - low) / 4000
    near = (max(low, best - step), min(high, best + step))
    return min(value(best), float(minimize_scalar(value, bounds=near, method="bounded", options={"xatol": 1e-13}).fun))


def bilevel() -> float:
    def value(x: float) -> float:
        low, high = max(0.0, 2 * x - 8), min(3 * x - 3, 7 - x)
        if low > high:
            return 1e6  # no answer
        y = min(max(1 + 0.75 * x, low), high)
        return float((x - 5) ** 2 + (2 * y + 1) ** 2)

    return over_leader(value, 0, 10)


def pessimistic_bilevel() -> float:
    return over_leader(lambda x: (1.0 if x <= 0 else -1.0) - 0.1 * x, -1, 1)


def trilevel() -> float:
    def value(x: float) -> float:
        answers = [(y - 2 * min(4, x + y), -(x + min(4, x + y))) for y in np.linspace(0, min(4, 6 - x), 401)]
        return min(answers)[1]

    return -min(value(x) for x in np.linspace(0, 4, 401))


def multi_follower_bilevel() -> float:
    return -over_leader(lambda p: -p * sum(min(5, max(0, (d - p) / 2)) for d in (8, 10, 12)), 0, 20)


def toll() -> float:
    """The driver takes the toll road while 1 + toll <= 4 (in a tie to please the leader)."""
    return -over_leader(lambda t: -(t * (t <= 3) - 0.01 * min(1 + t, 4)), 0, 10)


def bilevel_game_below() -> float:
    """All three firms sell; where the pipe is full its price takes the place of more tax."""
    return -over_leader(lambda t: -t * min(12, (3 * 20 - 6 - 3 * t) / 4), 0, 10)


def two_stage_robust() -> float:
    first, profit = np.array([1, 2, 1, 3]), np.array([6, 8, 5, 9])
    drop, weight = np.array([2, 3, 2, 4]), np.array([2, 3, 2, 4])
    points = [np.array(p) for p in itertools.product((0, 1), repeat=4)]

    def total(x: np.ndarray) -> float:
        answers = [y for y in points if np.all(y <= x) and weight @ y <= 7]
        rows = [[*(-drop * y), -1] for y in answers] + [[1, 1, 1, 1, 0]]
        right = [-profit @ y for y in answers] + [2]
        bounds = [(0, 1)] * 4 + [(None, None)]
        return float(first @ x - linprog([0, 0, 0, 0, 1], A_ub=rows, b_ub=right, bounds=bounds).fun)

    return min(total(x) for x in points)


def static_robust() -> float:
    """The worst of a ball is minus the norm; what is left is concave in two free shares."""
    mean, spread = np.array([1.15, 1.10, 1.05]), np.array([0.3, 0.15, 0.02])

    def loss(x: np.ndarray) -> float:
        return float(np.linalg.norm(spread * x) - mean @ x)

    whole = {"type": "eq", "fun": lambda x: x.sum() - 1}
    found = minimize(loss, [0.1, 0.1, 0.8], bounds=[(0, 1)] * 3, constraints=[whole], options={"ftol": 1e-16})
    return -float(found.fun)


def scenario_robust() -> float:
    return -over_leader(lambda c: -min(c + 3 * (10 - c), 4 * c + 2 * (10 - c)), 0, 10)


def decision_dependent_robust() -> float:
    return min(sum(g) + 5 * min(1.0, sum(1 - 0.5 * v for v in g)) for g in itertools.product((0, 1), repeat=2))


FOUND: dict[str, Callable[[], float]] = {
    **{s: lambda s=s: enumerated(s) for s in ("binary_quadratic", "budgeted_choice", "choice", "quadratic_assignment")},
    "complementarity": lambda: over_leader(lambda x: x - 2 * max(0.0, 1 - x), 0, 1),
    "quadratically_constrained": lambda: over_leader(lambda a: np.sqrt(2) * (np.cos(a) + np.sin(a)), 0, 2 * np.pi),
    **{
        function.__name__: function
        for function in (
            linear,
            piecewise_linear,
            quadratic,
            nonlinear,
            mixed_integer_linear,
            mixed_integer_quadratic,
            semidefinite,
            bilevel,
            pessimistic_bilevel,
            trilevel,
            multi_follower_bilevel,
            toll,
            bilevel_game_below,
            two_stage_robust,
            static_robust,
            scenario_robust,
            decision_dependent_robust,
        )
    },
}


@pytest.mark.parametrize("path", [p for p in MODELS if optimum(p) is not None], ids=lambda p: p.stem)
def test_the_optimum_is_found_without_a_solver(path: Path) -> None:
    assert FOUND[path.stem]() == pytest.approx(optimum(path), rel=1e-7, abs=1e-7)
