"""The cases of ``conformance`` for backends that take nonlinear forms: optima, multipliers, undefined values, limits.

The forms are made by hand: each function and its derivatives is written out below, with dense patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np

from optc.compiler import context as contexts
from optc.compiler.backend import Backend, Start
from optc.compiler.forms.linear import Floats, Ints, LinearForm
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.dsl.catalogue import report, solving
from optc.dsl.diagnostics import Diagnostic

from .conformance import INF, Case, Failure, _near, _solve, _want, cancelled, form, no_time, repeated

Vector = Callable[[Floats], Sequence[float] | Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Smooth(LinearForm):
    """A nonlinear form from functions of a point: value, gradient (n), rows (m), Jacobian (m, n), and the Hessians
    (1 + m, n, n) of the objective and of each row. Its linear part is empty.
    """

    value: Callable[[Floats], float] = None  # type: ignore[assignment]
    gradient: Vector = None  # type: ignore[assignment]
    row_values: Vector = None  # type: ignore[assignment]
    jacobian: Callable[[Floats], Any] = None  # type: ignore[assignment]
    hessians: Callable[[Floats], Any] = None  # type: ignore[assignment]
    sign: float = 1.0

    def evaluate_objective(self, x: Floats) -> float:
        with np.errstate(all="ignore"):
            return self.sign * float(self.value(x))

    def evaluate_gradient(self, x: Floats) -> Floats:
        return self.sign * np.array(self.gradient(x), dtype=np.float64)

    def evaluate_rows(self, x: Floats) -> Floats:
        with np.errstate(all="ignore"):
            return np.array(self.row_values(x), dtype=np.float64).reshape(self.shape[0])

    @property
    def jacobian_pattern(self) -> tuple[Ints, Ints]:
        m, n = self.shape
        return np.repeat(np.arange(m, dtype=np.int32), n), np.tile(np.arange(n, dtype=np.int32), m)

    def evaluate_jacobian(self, x: Floats) -> Floats:
        return np.array(self.jacobian(x), dtype=np.float64).reshape(-1)

    @property
    def hessian_pattern(self) -> tuple[Ints, Ints]:
        rows, columns = np.tril_indices(self.shape[1])
        return rows.astype(np.int32), columns.astype(np.int32)

    def evaluate_hessian(self, x: Floats, sigma: float, multipliers: Floats) -> Floats:
        weights = np.concatenate([[self.sign * sigma], multipliers])
        whole = np.tensordot(weights, np.array(self.hessians(x), dtype=np.float64), 1)
        found: Floats = whole[np.tril_indices(self.shape[1])]
        return found

    def hessian_product(self, x: Floats, sigma: float, multipliers: Floats, v: Floats) -> Floats:
        rows, columns = self.hessian_pattern
        values, off = self.evaluate_hessian(x, sigma, multipliers), rows != columns
        found: Floats = np.zeros(len(x))
        np.add.at(found, rows, values * v[columns])
        np.add.at(found, columns[off], (values * v[rows])[off])
        return found

    def undefined(self, x: Floats) -> Diagnostic | None:
        parts = np.append(self.evaluate_rows(x), self.evaluate_objective(x))
        if np.isfinite(parts).all():
            return None
        return report(solving.NO_ANSWER, None, backend="conformance", message="a function has no value")

    def completed(self, x: Floats) -> Floats:
        return x


def smooth(
    bounds: Sequence[tuple[float, float]], sides: Sequence[tuple[float, float]], **functions: Callable[[Floats], Any]
) -> NonlinearForm:
    """A form to minimise, from bounds of its columns and rows and its functions by the names of ``Smooth``."""
    n, m = len(bounds), len(sides)
    empty = form(
        [0.0] * n,
        [[0.0] * n] * m,
        [low for low, _ in sides],
        [high for _, high in sides],
        [low for low, _ in bounds],
        [high for _, high in bounds],
    )
    own: dict[str, Any] = {entry.name: getattr(empty, entry.name) for entry in fields(LinearForm)}
    return cast(NonlinearForm, Smooth(**{**own, **functions}))


def _turned(problem: LinearForm) -> LinearForm:
    """The same problem with the sense turned round and the objective negated."""
    assert isinstance(problem, Smooth)
    sense = "maximize" if problem.sense == "minimize" else "minimize"
    return replace(problem, sense=sense, sign=-problem.sign)


# ---------------------------------------------------------------------------------------------------------- judges
def local_optimum(value: float, start: Sequence[float]) -> Callable[[Backend, LinearForm], None]:
    """From that start the problem, and its negation, end at that value, claimed for no less than stationary."""

    def judge(backend: Backend, problem: LinearForm) -> None:
        for twin, wanted in ((problem, value), (_turned(problem), -value)):
            assert isinstance(twin, Smooth)
            answer = _solve(backend, twin, start=Start(np.array(start, dtype=np.float64)))
            _want(answer.claim in ("optimal", "stationary"), f"the claim is {answer.claim} ({answer.message})")
            _want(answer.termination == "converged", f"the termination is {answer.termination}")
            x = answer.x
            if x is None:
                raise Failure("there is no point")
            activity = twin.evaluate_rows(x)
            sides = (activity - twin.row_upper, twin.row_lower - activity, x - twin.upper, twin.lower - x)
            excess = np.concatenate(sides)
            _want(float(excess.max()) <= 1e-6, f"the point {x} breaks a row or bound by {float(excess.max())}")
            _near(twin.evaluate_objective(x), wanted, "the objective of the point")
            _near(answer.objective, wanted, "the objective that is reported")

    return judge


def slopes_of_the_optimum(rows: Sequence[float], columns: Sequence[float]) -> Callable[[Backend, LinearForm], None]:
    """Row and column duals are the derivatives of the optimum by the active bounds; of the negation, negated."""

    def judge(backend: Backend, problem: LinearForm) -> None:
        for twin, sign in ((problem, 1.0), (_turned(problem), -1.0)):
            answer = _solve(backend, twin, start=Start(np.full(twin.shape[1], 1.5)))
            for got, want, words in ((answer.row_duals, rows, "row"), (answer.column_duals, columns, "column")):
                if got is None:
                    raise Failure(f"there are no {words} duals")
                right = np.allclose(got, sign * np.array(want), atol=1e-5)
                _want(right, f"the {words} duals are {got}, not {sign * np.array(want)}")

    return judge


def without_a_value(backend: Backend, problem: LinearForm) -> None:
    """From a start where a function has no value nothing is claimed, and the place is told."""
    answer = _solve(backend, problem, start=Start(np.array([-1.0, 1.0])))
    _want(answer.claim == "none", f"the claim is {answer.claim}")
    _want(answer.fault is not None, "the place is not told")


def no_claim_of_infeasibility(backend: Backend, problem: LinearForm) -> None:
    """Rows that cannot be met are claimed infeasible only with a proof, and no point is taken for feasible."""
    answer = _solve(backend, problem, start=Start(np.ones(2)), context=contexts.start(time_limit=30))
    _want(answer.claim in ("none", "infeasible"), f"the claim is {answer.claim}")
    _want(answer.x is None, "there is a point")
    proved = "bound" in backend.capabilities.gives or "dual ray" in backend.capabilities.gives
    _want(answer.claim == "none" or proved, "a local method cannot know that there is no point")


# ----------------------------------------------------------------------------------------------------------- cases
def nonlinear_cases() -> Iterator[Case]:
    """All cases, in order."""
    for case in _cases():
        yield replace(case, kind="nonlinear")


def _cases() -> Iterator[Case]:
    yield Case("nonlinear", _product(), local_optimum(17.0140173, [1, 5, 5, 1]))
    yield Case("nonlinear with a curved equation", _circle(2.0, 2.0), local_optimum(-2.0, [1.5, 0.2]))
    yield Case("nonlinear without rows", _valley(), local_optimum(0.0, [-1.2, 1.0]))
    yield Case("nonlinear with steps that leave the domain", _logarithm(), local_optimum(1.0, [30.0, 1.0]))
    both = frozenset({"duals", "reduced costs"})
    yield Case("duals of a nonlinear problem", _hyperbola(), slopes_of_the_optimum([2.0], [0.0, 0.0]), both)
    yield Case("a start without a value", _logarithm(), without_a_value)
    yield Case("rows that nothing meets", _circle(-INF, -1.0), no_claim_of_infeasibility)
    crossing = smooth([(2, 1), (0, 1)], [], **_bowl())
    yield Case("crossing bounds of a nonlinear problem", crossing, claim("infeasible"))
    yield Case("no time for a nonlinear problem", _product(), no_time, frozenset({"time limit"}))
    yield Case("a nonlinear problem cancelled before it starts", _product(), cancelled, frozenset({"interrupt"}))
    yield Case("a nonlinear problem repeated", _product(), repeated)


def claim(wanted: str) -> Callable[[Backend, LinearForm], None]:
    """The claim is that one."""

    def judge(backend: Backend, problem: LinearForm) -> None:
        answer = _solve(backend, problem)
        _want(answer.claim == wanted, f"the claim is {answer.claim}, not {wanted}")

    return judge


def _bowl() -> dict[str, Callable[[Floats], Any]]:
    return {
        "value": lambda x: float(x @ x),
        "gradient": lambda x: 2 * x,
        "row_values": lambda _x: [],
        "jacobian": lambda _x: [],
        "hessians": lambda _x: [2 * np.eye(2)],
    }


def _circle(low: float, high: float) -> NonlinearForm:
    """minimise -x - y subject to low <= x^2 + y^2 <= high."""
    return smooth(
        [(-INF, INF)] * 2,
        [(low, high)],
        value=lambda x: -float(x.sum()),
        gradient=lambda _x: [-1.0, -1.0],
        row_values=lambda x: [float(x @ x)],
        jacobian=lambda x: [2 * x],
        hessians=lambda _x: [np.zeros((2, 2)), 2 * np.eye(2)],
    )


def _hyperbola() -> NonlinearForm:
    """minimise x^2 + y^2 subject to x y >= 1, which has the optimum 2 r for x y >= r."""
    return smooth(
        [(0.1, INF)] * 2,
        [(1.0, INF)],
        value=lambda x: float(x @ x),
        gradient=lambda x: 2 * x,
        row_values=lambda x: [x[0] * x[1]],
        jacobian=lambda x: [[x[1], x[0]]],
        hessians=lambda _x: [2 * np.eye(2), [[0, 1], [1, 0]]],
    )


def _valley() -> NonlinearForm:
    """Rosenbrock's function."""
    return smooth(
        [(-INF, INF)] * 2,
        [],
        value=lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2,
        gradient=lambda x: [-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)],
        row_values=lambda _x: [],
        jacobian=lambda _x: [],
        hessians=lambda x: [[[1200 * x[0] ** 2 - 400 * x[1] + 2, -400 * x[0]], [-400 * x[0], 200]]],
    )


def _logarithm() -> NonlinearForm:
    """minimise x - log x + (y - 1)^2, which is defined for x > 0 only."""
    return smooth(
        [(-INF, INF)] * 2,
        [],
        value=lambda x: x[0] - np.log(x[0]) + (x[1] - 1) ** 2,
        gradient=lambda x: [1 - 1 / x[0], 2 * (x[1] - 1)],
        row_values=lambda _x: [],
        jacobian=lambda _x: [],
        hessians=lambda x: [[[1 / x[0] ** 2, 0], [0, 2]]],
    )


def _product() -> NonlinearForm:
    """Problem 71 of W. Hock, K. Schittkowski, "Test Examples for Nonlinear Programming Codes" (1981)."""

    def objective_hessian(x: Floats) -> Floats:
        found = np.zeros((4, 4))
        found[0, 3] = found[3, 0] = 2 * x[0] + x[1] + x[2]
        found[0, 0] = 2 * x[3]
        found[0, 1] = found[1, 0] = found[0, 2] = found[2, 0] = x[3]
        found[1, 3] = found[3, 1] = found[2, 3] = found[3, 2] = x[0]
        return found

    def product_hessian(x: Floats) -> Floats:
        found = np.zeros((4, 4))
        for i in range(4):
            for j in range(i):
                found[i, j] = found[j, i] = float(np.prod(np.delete(x, [i, j])))
        return found

    return smooth(
        [(1.0, 5.0)] * 4,
        [(40.0, 40.0), (25.0, INF)],
        value=lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2],
        gradient=lambda x: [
            x[3] * (2 * x[0] + x[1] + x[2]),
            x[0] * x[3],
            x[0] * x[3] + 1,
            x[0] * (x[0] + x[1] + x[2]),
        ],
        row_values=lambda x: [float(x @ x), float(np.prod(x))],
        jacobian=lambda x: [2 * x, [float(np.prod(np.delete(x, i))) for i in range(4)]],
        hessians=lambda x: [objective_hessian(x), 2 * np.eye(4), product_hessian(x)],
    )
