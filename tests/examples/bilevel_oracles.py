"""Bilevel problems solved without optc: every active set of the follower's optimality conditions, one after the other.

Such a problem is a few Python functions, each a polynomial of degree two at most; their coefficients are read off by
evaluating them. For each set of lower rows that are taken to hold with equality the conditions are linear, and what is
left is an ordinary problem of the leader over (x, y, multipliers): solved by HiGHS where it is a convex quadratic
problem with linear rows, else by SLSQP from many starts.
"""

# ruff: noqa: ARG005 (every function takes the decisions of both levels)

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

import highspy
import numpy as np
from scipy.optimize import minimize

Function = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Bilevel:
    """Minimise ``leader`` where ``above <= 0`` and ``y`` minimises ``follower(x, .)`` where ``below <= 0``.

    ``equal`` are lower equations. ``box`` is where starts are drawn from when SLSQP is needed.
    """

    sizes: tuple[int, int]
    leader: Function
    follower: Function
    above: Sequence[Function] = ()
    below: Sequence[Function] = ()
    equal: Sequence[Function] = ()
    box: tuple[float, float] = (-10.0, 10.0)


@dataclass(frozen=True)
class Quadratic:
    """``z'Hz / 2 + g'z + c``"""

    hessian: np.ndarray
    slope: np.ndarray
    constant: float

    def __call__(self, z: np.ndarray) -> float:
        return float(z @ self.hessian @ z / 2 + self.slope @ z + self.constant)

    def gradient(self, z: np.ndarray) -> np.ndarray:
        return self.hessian @ z + self.slope

    @property
    def linear(self) -> bool:
        return not self.hessian.any()


def read(function: Function, sizes: tuple[int, int]) -> Quadratic:
    """The coefficients of a polynomial of degree two in (x, y), from its values."""
    n, total = sizes[0], sum(sizes)
    unit = np.eye(total)

    def at(z: np.ndarray) -> float:
        return float(function(z[:n], z[n:]))

    zero = at(np.zeros(total))
    one = np.array([at(e) for e in unit])
    minus = np.array([at(-e) for e in unit])
    hessian = np.diag(one + minus - 2 * zero)
    for i, j in combinations(range(total), 2):
        hessian[i, j] = hessian[j, i] = at(unit[i] + unit[j]) - one[i] - one[j] + zero
    hessian[np.abs(hessian) < 1e-9] = 0
    return Quadratic(hessian, (one - minus) / 2, zero)


def optimum(problem: Bilevel) -> tuple[float, np.ndarray]:
    """The least value of the leader over all active sets, and (x, y)."""
    pieces = [_piece(problem, active) for active in _subsets(len(problem.below))]
    found = [best for piece in pieces if (best := piece.least(problem.box)) is not None]
    value, z = min(found, key=lambda pair: pair[0])
    return value, z[: sum(problem.sizes)]


def answer(problem: Bilevel, x: np.ndarray) -> float:
    """The follower's least value at the leader's decision, by HiGHS."""
    n = problem.sizes[0]

    def at(row: Quadratic) -> Quadratic:
        rest = row.slope[n:] + row.hessian[n:, :n] @ x
        constant = row.constant + row.slope[:n] @ x + x @ row.hessian[:n, :n] @ x / 2
        return Quadratic(row.hessian[n:, n:], rest, float(constant))

    goal = at(read(problem.follower, problem.sizes))
    rows = [at(read(row, problem.sizes)) for row in problem.below]
    found = _Piece(goal, rows, [at(read(row, problem.sizes)) for row in problem.equal]).least(problem.box)
    assert found is not None, "no answer at this decision"
    return found[0]


def _subsets(count: int) -> chain[tuple[int, ...]]:
    return chain.from_iterable(combinations(range(count), size) for size in range(count + 1))


@dataclass(frozen=True)
class _Piece:
    """An ordinary problem over (x, y, multipliers): rows ``<= 0`` and ``== 0``."""

    goal: Quadratic
    rows: list[Quadratic]
    equations: list[Quadratic]
    signed: list[int] = field(default_factory=list)

    def least(self, box: tuple[float, float]) -> tuple[float, np.ndarray] | None:
        convex = np.linalg.eigvalsh(self.goal.hessian).min() > -1e-9
        if convex and all(row.linear for row in [*self.rows, *self.equations]):
            return self._by_highs()
        return self._by_slsqp(box)

    def _by_highs(self) -> tuple[float, np.ndarray] | None:
        size, inf = len(self.goal.slope), highspy.kHighsInf
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        for column in range(size):
            solver.addVar(0.0 if column in self.signed else -inf, inf)
            solver.changeColCost(column, self.goal.slope[column])
        lowest = [(row, -inf) for row in self.rows] + [(row, -row.constant) for row in self.equations]
        for row, low in lowest:
            used = np.flatnonzero(row.slope)
            solver.addRow(low, -row.constant, len(used), used, row.slope[used])
        if self.goal.hessian.any():
            lower = [(j, i) for j in range(size) for i in range(j, size) if self.goal.hessian[i, j]]
            starts = np.searchsorted([j for j, _ in lower], range(size)).astype(np.int32)
            hessian = highspy.HighsHessian()
            hessian.dim_, hessian.format_ = size, highspy.HessianFormat.kTriangular
            hessian.start_ = np.append(starts, len(lower)).astype(np.int32)
            hessian.index_ = np.array([i for _, i in lower], dtype=np.int32)
            hessian.value_ = np.array([self.goal.hessian[i, j] for j, i in lower])
            solver.passHessian(hessian)
        solver.run()
        if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return None
        assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
        z = np.array(solver.getSolution().col_value)
        return self.goal(z), z

    def _by_slsqp(self, box: tuple[float, float]) -> tuple[float, np.ndarray] | None:
        size = len(self.goal.slope)
        random = np.random.default_rng(0)
        constraints = [_constraint(row, "ineq") for row in self.rows] + [
            _constraint(row, "eq") for row in self.equations
        ]
        bounds = [(0.0 if column in self.signed else None, None) for column in range(size)]
        best = None
        for _ in range(12):
            start = random.uniform(*box, size)
            found = minimize(
                self.goal,
                start,
                jac=self.goal.gradient,
                bounds=bounds,
                constraints=constraints,
                method="SLSQP",
                options={"ftol": 1e-13, "maxiter": 300},
            )
            if self._violation(found.x) < 1e-7 and (best is None or found.fun < best[0]):
                best = float(found.fun), found.x
        return best

    def _violation(self, z: np.ndarray) -> float:
        above = [max(0.0, row(z)) for row in self.rows] + [max(0.0, -z[k]) for k in self.signed]
        return max([*above, *(abs(row(z)) for row in self.equations)], default=0.0)


def _constraint(row: Quadratic, kind: str) -> dict[str, object]:
    sign = -1.0 if kind == "ineq" else 1.0
    return {"type": kind, "fun": lambda z: sign * row(z), "jac": lambda z: sign * row.gradient(z)}


def _piece(problem: Bilevel, active: tuple[int, ...]) -> _Piece:
    """The leader's problem where just the lower rows ``active`` may have multipliers, and hold with equality."""
    sizes = problem.sizes
    n, m = sizes
    below = [read(row, sizes) for row in problem.below]
    equal = [read(row, sizes) for row in problem.equal]
    tight = [*(below[k] for k in active), *equal]
    extra = len(tight)
    for row in tight:
        assert not row.hessian[:, n:].any(), "lower rows are linear in y, without products of x and y"

    def wider(row: Quadratic) -> Quadratic:
        hessian = np.pad(row.hessian, (0, extra))
        return Quadratic(hessian, np.pad(row.slope, (0, extra)), row.constant)

    goal = read(problem.follower, sizes)
    flat = np.zeros((n + m + extra, n + m + extra))
    stationary = [
        Quadratic(flat, np.concatenate([goal.hessian[j], [row.slope[j] for row in tight]]), goal.slope[j])
        for j in range(n, n + m)
    ]
    slack = [wider(row) for k, row in enumerate(below) if k not in active]
    return _Piece(
        wider(read(problem.leader, sizes)),
        [*(wider(read(row, sizes)) for row in problem.above), *slack],
        [*(wider(row) for row in tight), *stationary],
        [n + m + k for k in range(len(active))],
    )


def signs(indices: Sequence[int], part: str = "y") -> list[Function]:
    """``-x[i] <= 0`` or ``-y[i] <= 0``."""
    if part == "x":
        return [lambda x, y, i=i: -x[i] for i in indices]
    return [lambda x, y, i=i: -y[i] for i in indices]


def within(indices: Sequence[int], low: float, high: float, part: str = "y") -> list[Function]:
    """``low <= z[i] <= high``."""
    sides: list[Function] = []
    for i in indices:
        for sign, end in ((1.0, high), (-1.0, low)):

            def side(x: np.ndarray, y: np.ndarray, i: int = i, sign: float = sign, end: float = end) -> float:
                return float(sign * ((x if part == "x" else y)[i] - end))

            sides.append(side)
    return sides
