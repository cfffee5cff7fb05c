"""What every backend must pass: problems with known answers, limits, interrupts, and the sign of every number.

    from optc.backends.conformance import run
    for result in run(my_backend, excluded={"interrupted": "the library cannot be stopped"}):
        print(result)

A case that needs what the backend does not take or give, by its own ``capabilities``, is left out and says so; any
other exclusion needs a reason. Nothing is assumed of a backend but the protocol.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np

from optc.compiler import context as contexts
from optc.compiler.answer import Answer
from optc.compiler.backend import Backend, ConflictFinder, Goal, Selective, Start
from optc.compiler.context import Context
from optc.compiler.forms.fractional import FractionalForm, parts_at
from optc.compiler.forms.linear import Floats, Ints, LinearForm, QuadraticForm

INF = math.inf
NEARLY = 1e-6


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went. ``reason``: what was wrong, or why it was left out."""

    case: str
    outcome: Literal["passed", "failed", "left out"]
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.outcome:<9} {self.case}" + (f": {self.reason}" if self.reason else "")


class Failure(AssertionError):
    """A backend does not do what it must; the message says which number or word is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A problem and a judge. ``gives``: what the backend must give for the case to apply; ``kind``: the form's name,
    where its class does not tell it.
    """

    name: str
    form: LinearForm
    judge: Callable[[Backend, LinearForm], None]
    gives: frozenset[str] = field(default_factory=frozenset)
    kind: str | None = None


def run(backend: Backend, *, excluded: Mapping[str, str] | None = None) -> Iterator[Result]:
    """The result of every case, in order. ``excluded``: reasons by case name.

    Raises ValueError for an exclusion of a case that there is not.
    """
    reasons = dict(excluded or {})
    unknown = reasons.keys() - {case.name for case in cases()}
    if unknown:
        raise ValueError(f"there is no case called {', '.join(sorted(unknown))}")
    for case in cases():
        why = reasons.get(case.name) or _not_applicable(backend, case)
        if why:
            yield Result(case.name, "left out", why)
            continue
        try:
            case.judge(backend, case.form)
        except Failure as failure:
            yield Result(case.name, "failed", str(failure))
        else:
            yield Result(case.name, "passed")


def _not_applicable(backend: Backend, case: Case) -> str | None:
    kind = "quadratic" if isinstance(case.form, QuadraticForm) else "linear"
    kind = "fractional" if isinstance(case.form, FractionalForm) else kind
    kind = case.kind or kind
    can = backend.capabilities
    if kind not in can.forms:
        return f"it takes no {kind} problems"
    if case.form.integer.any() and kind not in can.integer:
        return f"it takes no whole decisions in {kind} problems"
    missing = case.gives - can.gives
    if missing:
        return f"it does not give {', '.join(sorted(missing))}"
    declined = backend.declines(case.form) if isinstance(backend, Selective) else None
    return f"it declines: {declined}" if declined else None


# ----------------------------------------------------------------------------------------------------------- forms
Matrix = Sequence[Sequence[float]]


def form(
    cost: Sequence[float],
    rows: Matrix,
    row_lower: Sequence[float],
    row_upper: Sequence[float],
    lower: Sequence[float],
    upper: Sequence[float],
    *,
    sense: str = "minimize",
    offset: float = 0.0,
    integer: Sequence[bool] | None = None,
    hessian: Matrix | None = None,
) -> LinearForm:
    """A form from dense lists, zeros left out; with ``hessian`` (the whole symmetric matrix) a quadratic one."""
    n = len(cost)
    dense = np.array(rows, dtype=np.float64).reshape(len(row_lower), n)
    owner, column = np.nonzero(dense)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(dense)))]).astype(np.int32)
    whole = np.zeros(n, dtype=np.bool_) if integer is None else np.array(integer, dtype=np.bool_)
    columns = column.astype(np.int32)
    linear = LinearForm(
        sense,
        np.array(cost, dtype=np.float64),
        offset,
        starts,
        columns,
        dense[owner, column],
        np.array(row_lower, dtype=np.float64),
        np.array(row_upper, dtype=np.float64),
        np.array(lower, dtype=np.float64),
        np.array(upper, dtype=np.float64),
        whole,
    )
    if hessian is None:
        return linear
    lower_triangle = np.tril(np.array(hessian, dtype=np.float64))
    at, where = np.nonzero(lower_triangle.T)
    counts = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=n))]).astype(np.int32)
    return with_hessian(linear, counts, where.astype(np.int32), lower_triangle.T[at, where])


def with_hessian(linear: LinearForm, starts: Ints, indices: Ints, values: Floats) -> QuadraticForm:
    """The quadratic form with the rows, columns and linear costs of a linear one, and a lower triangle (CSC)."""
    own = {entry.name: getattr(linear, entry.name) for entry in fields(LinearForm)}
    return QuadraticForm(**own, hessian_starts=starts, hessian_indices=indices, hessian_values=values)


def negated(problem: LinearForm) -> LinearForm:
    """The same problem with the sense turned round and the objective negated."""
    sense = "maximize" if problem.sense == "minimize" else "minimize"
    turned = replace(problem, sense=sense, cost=-problem.cost, offset=-problem.offset)
    if isinstance(turned, QuadraticForm):
        return replace(turned, hessian_values=-turned.hessian_values)
    return turned


# ---------------------------------------------------------------------------------------------------------- judges
def _solve(
    backend: Backend,
    problem: LinearForm,
    *,
    goal: Goal | None = None,
    context: Context | None = None,
    start: Start | None = None,
) -> Answer:
    return backend.solve(problem, goal or Goal(gap=1e-9), backend.options(), context or contexts.start(), start)


def _want(fact: bool, words: str) -> None:
    if not fact:
        raise Failure(words)


def _near(got: float | None, wanted: float, words: str) -> None:
    _want(got is not None and abs(got - wanted) <= NEARLY * max(1.0, abs(wanted)), f"{words} is {got}, not {wanted}")


def _feasible(problem: LinearForm, x: Floats) -> None:
    _want(bool(np.isfinite(x).all()), f"the point {x} is not finite")
    owner = np.repeat(np.arange(problem.shape[0]), np.diff(problem.starts))
    activity = np.bincount(owner, weights=problem.values * x[problem.indices], minlength=problem.shape[0])
    sides = ((problem.row_lower, activity, problem.row_upper), (problem.lower, x, problem.upper))
    for low, value, high in sides:
        beyond = np.maximum(np.maximum(low - value, value - high), 0.0)
        _want(bool((beyond <= NEARLY * np.maximum(1.0, np.abs(value))).all()), f"the point {x} breaks a row or bound")
    whole = x[problem.integer]
    _want(bool((np.abs(whole - np.rint(whole)) <= 1e-5).all()), f"whole columns are {whole}")


def _value(problem: LinearForm, x: Floats) -> float:
    if isinstance(problem, FractionalForm):
        top, bottom = parts_at(problem, x)
        return top / bottom
    total = float(problem.cost @ x) + problem.offset
    if isinstance(problem, QuadraticForm):
        columns = np.repeat(np.arange(problem.shape[1]), np.diff(problem.hessian_starts))
        weight = np.where(columns == problem.hessian_indices, 0.5, 1.0)
        total += float((weight * problem.hessian_values * x[columns]) @ x[problem.hessian_indices])
    return total


def optimum(value: float) -> Callable[[Backend, LinearForm], None]:
    """The problem and its negation have that optimum (and minus that)."""

    def judge(backend: Backend, problem: LinearForm) -> None:
        for twin, wanted in ((problem, value), (negated(problem), -value)):
            answer = _solve(backend, twin)
            _want(answer.claim == "optimal", f"the claim is {answer.claim} ({answer.message})")
            _want(answer.termination == "converged", f"the termination is {answer.termination}")
            x = answer.x
            if x is None:
                raise Failure("there is no point")
            _want(x.shape == (twin.shape[1],), f"the point has shape {x.shape}")
            _feasible(twin, x)
            _near(_value(twin, x), wanted, "the objective of the point")
            _near(answer.objective, wanted, "the objective that is reported")
            if "bound" in backend.capabilities.gives:
                _near(answer.bound, wanted, "the bound")

    return judge


def claims(*allowed: str) -> Callable[[Backend, LinearForm], None]:
    """The claim is one of these, without a point taken for feasible where there is none."""

    def judge(backend: Backend, problem: LinearForm) -> None:
        for twin in (problem, negated(problem)):
            answer = _solve(backend, twin)
            _want(answer.claim in allowed, f"the claim is {answer.claim}, not {' or '.join(allowed)}")
            if answer.claim == "infeasible":
                _want(answer.x is None, "an infeasible problem has no point")

    return judge


def duals(rows: Sequence[float], columns: Sequence[float]) -> Callable[[Backend, LinearForm], None]:
    """Row and column duals are the derivatives of the optimum by the active bounds; of the negation, negated."""

    def judge(backend: Backend, problem: LinearForm) -> None:
        for twin, sign in ((problem, 1.0), (negated(problem), -1.0)):
            answer = _solve(backend, twin)
            for got, want, words in ((answer.row_duals, rows, "row"), (answer.column_duals, columns, "column")):
                if got is None:
                    raise Failure(f"there are no {words} duals")
                right = np.allclose(got, sign * np.array(want), atol=1e-6)
                _want(right, f"the {words} duals are {got}, not {sign * np.array(want)}")

    return judge


def dual_ray(backend: Backend, problem: LinearForm) -> None:
    """The multipliers make the rows contradict the bounds."""
    ray = _solve(backend, problem).dual_ray
    if ray is None:
        raise Failure("there is no dual ray")
    left = problem_rows = 0.0
    owner = np.repeat(np.arange(problem.shape[0]), np.diff(problem.starts))
    mixed = np.bincount(problem.indices, weights=problem.values * ray[owner], minlength=problem.shape[1])
    for y, low, high in zip(ray, problem.row_lower, problem.row_upper, strict=True):
        problem_rows += y * (low if y > 0 else high) if y else 0.0
    for a, low, high in zip(mixed, problem.lower, problem.upper, strict=True):
        left += a * (high if a > 0 else low) if abs(a) > 1e-9 else 0.0
    _want(problem_rows > left, f"the ray {ray} proves nothing: {problem_rows} <= {left}")


def primal_ray(backend: Backend, problem: LinearForm) -> None:
    """The direction keeps rows and bounds and improves the objective."""
    for twin, sign in ((problem, 1.0), (negated(problem), -1.0)):
        ray = _solve(backend, twin).primal_ray
        if ray is None:
            raise Failure("there is no primal ray")
        _want(sign * float(twin.cost @ ray) < 0, f"the ray {ray} does not improve the objective")
        owner = np.repeat(np.arange(twin.shape[0]), np.diff(twin.starts))
        moved = np.bincount(owner, weights=twin.values * ray[twin.indices], minlength=twin.shape[0])
        sides = ((twin.row_lower, moved, twin.row_upper), (twin.lower, ray, twin.upper))
        for low, step, high in sides:
            leaves = (np.isfinite(high) & (step > 1e-9)) | (np.isfinite(low) & (step < -1e-9))
            _want(not leaves.any(), f"the ray {ray} leaves the feasible region")


def conflict(rows: set[int], columns: set[int]) -> Callable[[Backend, LinearForm], None]:
    """The conflict is exactly these rows and bounds of columns."""

    def judge(backend: Backend, problem: LinearForm) -> None:
        if not isinstance(backend, ConflictFinder):
            raise Failure("it has no `conflict`")
        found = backend.conflict(problem, contexts.start())
        if found is None:
            raise Failure("no conflict was found")
        got = set(found.rows.tolist()), set(found.columns.tolist())
        _want(got == (rows, columns), f"the conflict is rows {got[0]}, columns {got[1]}")

    return judge


def warm_start(backend: Backend, problem: LinearForm) -> None:
    """A start, whole or in part or wrong, changes nothing of the optimum."""
    best = _solve(backend, problem)
    x = best.x
    if x is None or best.objective is None:
        raise Failure("there is no point")
    partial = x.copy()
    partial[0] = math.nan
    for point in (x, partial, x + 1e3, np.full(len(x), math.nan)):
        again = _solve(backend, problem, start=Start(point))
        _want(again.claim == "optimal", f"from the start {point} the claim is {again.claim}")
        _near(again.objective, best.objective, "the objective from a start")


def no_time(backend: Backend, problem: LinearForm) -> None:
    """Without any time left it stops, says so, and claims nothing that it does not know."""
    answer = _solve(backend, problem, context=contexts.start(time_limit=0.0))
    _want(answer.termination == "time limit", f"the termination is {answer.termination}")
    _want(answer.claim in ("none", "feasible"), f"the claim is {answer.claim}")


def cancelled(backend: Backend, problem: LinearForm) -> None:
    """A context that is cancelled already stops it."""
    context = contexts.start()
    context.cancellation.cancel()
    answer = _solve(backend, problem, context=context)
    _want(answer.termination == "interrupted", f"the termination is {answer.termination}")
    _want(answer.claim in ("none", "feasible"), f"the claim is {answer.claim}")


def interrupted(backend: Backend, problem: LinearForm) -> None:
    """Cancelled from another thread while at work, it stops; what it has found is a feasible point or nothing."""
    import threading

    context = contexts.start(time_limit=60.0)
    timer = threading.Timer(0.3, context.cancellation.cancel)
    timer.start()
    answer = _solve(backend, problem, goal=Goal(gap=0.0), context=context)
    timer.cancel()
    _want(answer.termination == "interrupted", f"the termination is {answer.termination}")
    _want(answer.claim in ("none", "feasible"), f"the claim is {answer.claim}")
    if answer.x is not None:
        _feasible(problem, answer.x)


def repeated(backend: Backend, problem: LinearForm) -> None:
    """The same problem with the same seed gives the same point."""
    first, second = (_solve(backend, problem, context=contexts.start(seed=7, threads=1)).x for _ in range(2))
    if first is None or second is None:
        raise Failure("there is no point")
    _want(bool(np.array_equal(first, second)), f"two runs give {first} and {second}")


def market_split(rows: int = 5, columns: int = 40, seed: int = 1) -> LinearForm:
    """A small problem that branch and cut cannot end soon (G. Cornuejols, M. Dawande, "A class of hard small 0-1
    programs", INFORMS J. Computing 11 (1999)), with slacks, so that every 0-1 point is feasible.
    """
    random = np.random.default_rng(seed)
    matrix = random.integers(0, 100, (rows, columns)).astype(np.float64)
    half = np.floor(matrix.sum(axis=1) / 2)
    identity = np.eye(rows)
    whole = [True] * columns + [False] * (2 * rows)
    return form(
        [0.0] * columns + [1.0] * (2 * rows),
        np.hstack([matrix, identity, -identity]).tolist(),
        half.tolist(),
        half.tolist(),
        [0.0] * (columns + 2 * rows),
        [1.0] * columns + [INF] * (2 * rows),
        integer=whole,
    )


# ----------------------------------------------------------------------------------------------------------- cases
def cases() -> tuple[Case, ...]:
    """All cases, in order."""
    from .nonlinear import nonlinear_cases
    from .ratios import ratio_cases

    own = (*_linear(), *_without_optimum(), *_whole(), *_quadratic(), *_conduct())
    return (*own, *ratio_cases(), *nonlinear_cases())


def _linear() -> Iterator[Case]:
    small = form([2, 3], [[1, 2], [0, 1]], [4, -INF], [10, 1], [0, 0], [INF, INF])
    yield Case("linear", small, optimum(7.0))
    both = frozenset({"duals", "reduced costs"})
    yield Case("duals of rows", small, duals([2, -1], [0, 0]), both)
    bounded = form([-1, -2], [[1, 1]], [-INF], [4], [0, 0], [3, 1])
    yield Case("duals of bounds", bounded, duals([0.0], [-1, -2]), both)
    yield Case("objective with an offset", form([1], [[1]], [2], [INF], [0], [INF], offset=40.0), optimum(42.0))
    # Six of ten rows meet in the optimum.
    tight = [[1, 0], [0, 1], [1, 1], [2, 1], [1, 2], [3, 1]]
    ends = [1, 1, 2, 3, 3, 4]
    yield Case("degenerate", form([-1, -1], tight, [-INF] * 6, ends, [0, 0], [INF, INF]), optimum(-2.0))
    yield Case("free columns", form([1, 1], [[1, 2], [1, -1]], [3, 0], [3, 0], [-INF] * 2, [INF] * 2), optimum(2.0))
    yield Case("free rows", form([1], [[1], [5]], [-INF, 2], [INF, INF], [0], [INF]), optimum(0.4))
    yield Case("ranges", form([1, -1], [[1, 1], [1, -1]], [1, -2], [3, 2], [0, 0], [INF, INF]), optimum(-2.0))
    yield Case("equal bounds", form([1, 1], [[1, 1]], [3], [INF], [2, 0], [2, 9]), optimum(3.0))
    yield Case("negative bounds", form([1], [[1]], [-7], [INF], [-9], [-3]), optimum(-7.0))
    yield Case("no objective", form([0, 0], [[1, 1]], [1], [2], [0, 0], [1, 1]), optimum(0.0))
    yield Case("no rows", form([1, -1], [], [], [], [2, 0], [9, 5]), optimum(-3.0))
    yield Case("no columns", form([], [], [], [], [], [], offset=3.0), optimum(3.0))
    yield Case("rows without columns", form([], [[]], [-1], [1], [], [], offset=3.0), optimum(3.0))
    yield Case("an empty row", form([1], [[1], [0]], [2, -1], [INF, 1], [0], [INF]), optimum(2.0))
    far = form([1, 1], [[1, 1]], [1], [1e30], [0, -1e30], [1e25, 1e20])
    yield Case("bounds that mean infinity", far, optimum(1.0))
    yield Case(
        "large and small coefficients", form([1e-4, 1], [[1e4, 1]], [1e4], [INF], [0, 0], [INF, INF]), optimum(1e-4)
    )


def _without_optimum() -> Iterator[Case]:
    apart = form([1, 1], [[1, 1], [1, 1], [1, 0]], [2, -INF, -INF], [INF, 1, 9], [0, 0], [INF, INF])
    yield Case("infeasible rows", apart, claims("infeasible"))
    yield Case("dual ray", apart, dual_ray, frozenset({"dual ray"}))
    yield Case("conflict of rows", apart, conflict({0, 1}, set()), frozenset({"conflict"}))
    beyond = form([1, 1], [[1, 1], [1, -1]], [12, -INF], [INF, 5], [0, 0], [5, 5])
    yield Case("infeasible bounds", beyond, claims("infeasible"))
    yield Case("dual ray of bounds", beyond, dual_ray, frozenset({"dual ray"}))
    yield Case("conflict of bounds", beyond, conflict({0}, {0, 1}), frozenset({"conflict"}))
    yield Case("crossing bounds", form([1], [[1]], [0], [9], [3], [1]), claims("infeasible"))
    yield Case("crossing rows", form([1], [[1]], [4], [2], [0], [9]), claims("infeasible"))
    yield Case("an infeasible row without columns", form([], [[]], [1], [2], [], []), claims("infeasible"))
    false = form([1], [[0]], [1], [2], [0], [9])
    yield Case("an infeasible empty row", false, claims("infeasible"))
    yield Case("dual ray of an empty row", false, dual_ray, frozenset({"dual ray"}))
    endless = form([-1, -1], [[1, -1]], [-1], [1], [0, 0], [INF, INF])
    yield Case("unbounded", endless, claims("unbounded"))
    yield Case("primal ray", endless, primal_ray, frozenset({"primal ray"}))
    lone = form([1, -1], [], [], [], [-INF, 0], [5, 7])
    yield Case("unbounded without rows", lone, claims("unbounded"))
    idle = form([1, -1], [[0, 0]], [-1], [1], [-INF, 0], [5, 7])
    yield Case("primal ray with an empty row", idle, primal_ray, frozenset({"primal ray"}))
    yield Case("primal ray without rows", lone, primal_ray, frozenset({"primal ray"}))
    neither = form([-1, 0], [[1, -1], [0, 1], [0, 1]], [0, 2, -INF], [0, INF, 1], [0, 0], [INF, INF])
    yield Case("infeasible and dual infeasible", neither, claims("infeasible"))


def _whole() -> Iterator[Case]:
    yes = [True, True]
    yield Case("whole", form([-3, -4], [[2, 3]], [-INF], [7.5], [0, 0], [4, 4], integer=yes), optimum(-10.0))
    mixed = form([-1, -1.5], [[1, 1]], [-INF], [2.5], [0, 0], [9, 9], integer=[True, False])
    yield Case("mixed", mixed, optimum(-3.75))
    knapsack = form([-10, -13, -7, -8], [[3, 4, 2, 3]], [-INF], [7], [0] * 4, [1] * 4, integer=[True] * 4)
    yield Case("knapsack", knapsack, optimum(-23.0))
    negative = form([1], [[2]], [-7], [INF], [-9], [9], integer=[True])
    yield Case("negative whole", negative, optimum(-3.0))
    parity = form([1, 1], [[2, 2]], [1], [1], [0, 0], [9, 9], integer=yes)
    yield Case("infeasible for whole decisions alone", parity, claims("infeasible"))
    endless = form([-1, -1], [[1, -1]], [-1], [1], [0, 0], [INF, INF], integer=yes)
    yield Case("unbounded whole", endless, claims("unbounded", "infeasible or unbounded"))


def _quadratic() -> Iterator[Case]:
    bowl = form([-2, -4], [[1, 1]], [-INF], [2], [0, 0], [INF, INF], hessian=[[2, 0], [0, 2]], offset=5.0)
    yield Case("quadratic", bowl, optimum(0.5))
    cross = form([-1, -1], [[1, 1]], [-INF], [9], [-5, -5], [5, 5], hessian=[[2, 1], [1, 2]])
    yield Case("quadratic with products", cross, optimum(-1 / 3))
    flat = form([0, 1], [[1, 1]], [1], [INF], [0, 0], [INF, INF], hessian=[[2, 0], [0, 0]])
    yield Case("semidefinite", flat, optimum(0.25 + 0.5))
    free = form([-2, 0], [], [], [], [-INF, 0], [INF, 1], hessian=[[1, 0], [0, 1]])
    yield Case("quadratic without rows", free, optimum(-2.0))
    both = frozenset({"duals", "reduced costs"})
    yield Case("duals of a quadratic", bowl, duals([-1.0], [0, 0]), both)
    apart = form([0], [[1], [1]], [2, -INF], [INF, 1], [0], [9], hessian=[[1]])
    yield Case("infeasible quadratic", apart, claims("infeasible"))


def _conduct() -> Iterator[Case]:
    small = form([2, 3], [[1, 2], [0, 1]], [4, -INF], [10, 1], [0, 0], [INF, INF])
    whole = form([-3, -4], [[2, 3]], [-INF], [7.5], [0, 0], [4, 4], integer=[True, True])
    yield Case("start of a linear problem", small, warm_start, frozenset({"warm start"}))
    yield Case("start of a whole problem", whole, warm_start, frozenset({"warm start"}))
    yield Case("no time", market_split(), no_time, frozenset({"time limit"}))
    yield Case("cancelled before it starts", small, cancelled, frozenset({"interrupt"}))
    yield Case("interrupted", market_split(), interrupted, frozenset({"interrupt"}))
    yield Case("repeated", whole, repeated)
