"""The cases of ``conformance`` for backends that take nonlinear forms: optima, multipliers, undefined values, limits.

The forms are lowered from models, so that backends may read their kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from optc.compiler import context as contexts
from optc.compiler.backend import Backend, Start
from optc.compiler.data.inputs import read_inputs
from optc.compiler.forms.linear import LinearForm
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.instance.instance import build
from optc.compiler.lowerings import instance_to_nonlinear
from optc.dsl.check import check
from optc.dsl.parse import parse
from optc.dsl.source import Source

from . import Case, Failure, _near, _solve, _want, cancelled, no_time, repeated

PRODUCT = """
var x in [1, 5]
var y in [1, 5]
var z in [1, 5]
var w in [1, 5]
{minimize} x*w*(x + y + z) + z {end}
subject to
  sphere: x^2 + y^2 + z^2 + w^2 == 40
  product: x*y*z*w >= 25
"""  # problem 71 of W. Hock, K. Schittkowski, "Test Examples for Nonlinear Programming Codes" (1981)
CIRCLE = "var x\nvar y\n{minimize} -x - y {end}\nsubject to\n  c: x^2 + y^2 == 2\n"
VALLEY = "var x\nvar y\n{minimize} 100*(y - x^2)^2 + (1 - x)^2 {end}\n"  # H. H. Rosenbrock (1960)
LOGARITHM = "var x in [-9, 50]\nvar y in [-9, 9]\n{minimize} x - log(x) + (y - 1)^2 {end}\n"
HYPERBOLA = "var x in [0.1, 9]\nvar y in [0.1, 9]\n{minimize} x^2 + y^2 {end}\nsubject to\n  c: x*y >= 1\n"
NOWHERE = "var x in [-9, 9]\nvar y in [-9, 9]\n{minimize} x + y {end}\nsubject to\n  c: exp(x) + exp(y) <= -1\n"


def smooth(text: str, sense: str = "minimize") -> NonlinearForm:
    """The form of a model whose objective stands between ``{minimize}`` and ``{end}``, negated to maximise."""
    words = {"minimize": "minimize (", "maximize": "maximize -("}[sense]
    parsed = parse(Source("<conformance>", text.replace("{minimize}", words).replace("{end}", ")")))
    checked = check(parsed.model, lambda _name: None, parsed.diagnostics)
    assert checked.program is not None, checked.diagnostics
    instance = build(checked.program, read_inputs(checked.program, [], folder=None))
    return instance_to_nonlinear.lower(instance)[0]


# ---------------------------------------------------------------------------------------------------------- judges
def local_optimum(text: str, value: float, start: Sequence[float]) -> Callable[[Backend, LinearForm], None]:
    """From that start the problem, and its negation, end at that value, claimed for no less than stationary."""

    def judge(backend: Backend, _problem: LinearForm) -> None:
        for sense, wanted in (("minimize", value), ("maximize", -value)):
            twin = smooth(text, sense)
            answer = _solve(backend, twin, start=Start(np.array(start, dtype=np.float64)))
            _want(answer.claim in ("optimal", "stationary"), f"the claim is {answer.claim} ({answer.message})")
            _want(answer.termination == "converged", f"the termination is {answer.termination}")
            x = answer.x
            if x is None:
                raise Failure("there is no point")
            activity = twin.evaluate_rows(x)
            sides = (activity - twin.row_upper, twin.row_lower - activity, x - twin.upper, twin.lower - x)
            excess = float(np.concatenate(sides).max())
            _want(excess <= 1e-5, f"the point {x} breaks a row or bound by {excess}")
            _near(twin.evaluate_objective(x), wanted, "the objective of the point")
            _near(answer.objective, wanted, "the objective that is reported")

    return judge


def slopes_of_the_optimum(
    text: str, rows: Sequence[float], columns: Sequence[float]
) -> Callable[[Backend, LinearForm], None]:
    """Row and column duals are the derivatives of the optimum by the active bounds; of the negation, negated."""

    def judge(backend: Backend, _problem: LinearForm) -> None:
        for sense, sign in (("minimize", 1.0), ("maximize", -1.0)):
            twin = smooth(text, sense)
            answer = _solve(backend, twin, start=Start(np.full(twin.shape[1], 1.5)))
            for got, want, words in ((answer.row_duals, rows, "row"), (answer.column_duals, columns, "column")):
                if got is None:
                    raise Failure(f"there are no {words} duals")
                right = np.allclose(got, sign * np.array(want), atol=1e-5)
                _want(right, f"the {words} duals are {got}, not {sign * np.array(want)}")

    return judge


def without_a_value(backend: Backend, problem: LinearForm) -> None:
    """From a start where a function has no value a local method claims nothing and tells the place."""
    answer = _solve(backend, problem, start=Start(np.array([-1.0, 1.0])))
    if "bound" in backend.capabilities.gives and answer.claim == "optimal":
        _near(answer.objective, 1.0, "the objective")
        return
    _want(answer.claim == "none", f"the claim is {answer.claim}")
    _want(answer.fault is not None, "the place is not told")


def no_claim_of_infeasibility(backend: Backend, problem: LinearForm) -> None:
    """Rows that cannot be met are claimed infeasible only by who can know, and no point is taken for feasible."""
    answer = _solve(backend, problem, start=Start(np.ones(2)), context=contexts.start(time_limit=30))
    _want(answer.claim in ("none", "infeasible"), f"the claim is {answer.claim}")
    _want(answer.x is None, "there is a point")
    knows = "bound" in backend.capabilities.gives or "dual ray" in backend.capabilities.gives
    _want(answer.claim == "none" or knows, "a local method cannot know that there is no point")


def infeasible(backend: Backend, problem: LinearForm) -> None:
    """The claim is that there is no point."""
    answer = _solve(backend, problem)
    _want(answer.claim == "infeasible", f"the claim is {answer.claim}")


# ----------------------------------------------------------------------------------------------------------- cases
def nonlinear_cases() -> Iterator[Case]:
    """All cases, in order."""
    for case in _cases():
        yield replace(case, kind="nonlinear")


def _cases() -> Iterator[Case]:
    product, logarithm = smooth(PRODUCT), smooth(LOGARITHM)
    yield Case("nonlinear", product, local_optimum(PRODUCT, 17.0140173, [1, 5, 5, 1]))
    yield Case("nonlinear with a curved equation", smooth(CIRCLE), local_optimum(CIRCLE, -2.0, [1.5, 0.2]))
    yield Case("nonlinear without rows", smooth(VALLEY), local_optimum(VALLEY, 0.0, [-1.2, 1.0]))
    yield Case("nonlinear with steps that leave the domain", logarithm, local_optimum(LOGARITHM, 1.0, [30.0, 1.0]))
    both = frozenset({"duals", "reduced costs"})
    slopes = slopes_of_the_optimum(HYPERBOLA, [2.0], [0.0, 0.0])
    yield Case("duals of a nonlinear problem", smooth(HYPERBOLA), slopes, both)
    yield Case("a start without a value", logarithm, without_a_value)
    yield Case("rows that nothing meets", smooth(NOWHERE), no_claim_of_infeasibility)
    crossing = replace(smooth(VALLEY), lower=np.array([2.0, 0.0]), upper=np.array([1.0, 1.0]))
    yield Case("crossing bounds of a nonlinear problem", crossing, infeasible)
    yield Case("no time for a nonlinear problem", product, no_time, frozenset({"time limit"}))
    yield Case("a nonlinear problem cancelled before it starts", product, cancelled, frozenset({"interrupt"}))
    yield Case("a nonlinear problem repeated", product, repeated)
