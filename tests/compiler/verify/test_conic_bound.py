"""Cone certificates: vectors moved into dual cones, statuses with their evidence, and what tampering does to them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, program_of
from hypothesis import given, settings
from hypothesis import strategies as st

from optc.backends import clarabel, registry
from optc.compiler.answer import Answer
from optc.compiler.context import Context
from optc.compiler.forms import conic
from optc.compiler.forms.conic import Cones
from optc.compiler.found import Request
from optc.compiler.lowerings import instance_to_conic
from optc.compiler.result.solution import Solution
from optc.compiler.solve import solve
from optc.compiler.verify.conic_bound import contradiction
from optc.compiler.verify.dual_cones import inside

pytest.importorskip("clarabel")


def cones_of(kind: int, size: int, count: int, power: float = 0.0) -> Cones:
    return Cones(np.full(count, kind, np.int32), np.full(count, size, np.int32), np.full(count, power))


def members(kind: int, size: int, power: float, rng: np.random.Generator, count: int) -> np.ndarray:
    """Points of a cone, on its boundary or a little inside, ``(count, size)``."""
    scale = np.exp(rng.normal(0, 3, count))[:, None]
    lift = np.where(rng.random(count) < 0.5, 0.0, rng.random(count))
    if kind == conic.SECOND_ORDER:
        rest = rng.normal(size=(count, size - 1))
        found = np.column_stack([np.linalg.norm(rest, axis=1) * (1 + 1e-15) + lift, rest])
    elif kind == conic.EXPONENTIAL:
        a, b = rng.normal(0, 3, count), np.exp(rng.normal(0, 1, count))
        found = np.column_stack([a, b, b * np.exp(a / b) * (1 + 1e-14) + lift])
    elif kind == conic.POWER:
        a, b = np.exp(rng.normal(0, 1, (2, count)))
        c = a**power * b ** (1 - power) * (1 - 1e-14) * rng.choice([-1, 1], count)
        found = np.column_stack([a, b, c * (1 - 0.5 * (lift > 0))])
    else:
        order = round(((8 * size + 1) ** 0.5 - 1) / 2)
        root = rng.normal(size=(count, order, max(1, order - 1)))
        matrices = root @ np.swapaxes(root, 1, 2)
        column, row = np.tril_indices(order)
        found = matrices[:, row, column] * np.where(row == column, 1.0, np.sqrt(2.0))
    return found * scale


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        [
            (conic.SECOND_ORDER, 1),
            (conic.SECOND_ORDER, 4),
            (conic.EXPONENTIAL, 3),
            (conic.POWER, 3),
            (conic.SEMIDEFINITE, 1),
            (conic.SEMIDEFINITE, 6),
        ]
    ),
)
def test_what_is_moved_inside_has_no_negative_product_with_the_cone(seed: int, cone: tuple[int, int]) -> None:
    """Products with points of the cone in exact rationals, for multipliers of all sizes and signs."""
    rng = np.random.default_rng(seed)
    kind, size = cone
    power = float(rng.choice([0.5, 0.1, 0.75, 1 / 3])) if kind == conic.POWER else 0.0
    count = 20
    z = rng.normal(size=(count, size)) * np.exp(rng.normal(0, 4, (count, 1)))
    if rng.random() < 0.5:  # as solvers give them: nearly in the dual cone
        z = members(kind, size, power, rng, count) if kind in (conic.SECOND_ORDER, conic.SEMIDEFINITE) else z
    moved = inside(z.reshape(-1), cones_of(kind, size, count, power)).reshape(count, size)
    assert np.isfinite(moved).all()
    for point in members(kind, size, power, rng, 30):
        for each in moved[:6]:
            product = sum((Fraction(a) * Fraction(b) for a, b in zip(each.tolist(), point.tolist(), strict=True)))
            size_of = float(np.abs(each) @ np.abs(point))
            assert float(product) >= -1e-13 * size_of


def test_members_of_dual_cones_are_hardly_moved() -> None:
    """The gradient of what a cone's boundary is made of lies in its dual: it may move by rounding only."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 2, 50), np.exp(rng.normal(0, 1, 50))
    steep = np.exp(a / b)
    dual = np.column_stack([-steep, -steep * (1 - a / b), np.ones(50)])  # of c - b exp(a / b)
    moved = inside(dual.reshape(-1), cones_of(conic.EXPONENTIAL, 3, 50)).reshape(50, 3)
    assert np.abs(moved - dual).max() <= 1e-12 * np.abs(dual).max()
    u, v = np.exp(rng.normal(0, 1, (2, 50)))
    w = (u / 0.3) ** 0.3 * (v / 0.7) ** 0.7
    dual = np.column_stack([u, v, -w])
    moved = inside(dual.reshape(-1), cones_of(conic.POWER, 3, 50, 0.3)).reshape(50, 3)
    assert np.allclose(moved, dual, rtol=1e-11)


# ------------------------------------------------------------------------------------------------------- solutions
def run(text: str, backend: Any = clarabel, **options: Any) -> Solution:
    instance = instance_of(program_of(text), {})
    given_ = {backend.name: backend.options(**options)} if options else {}
    return solve(instance, (backend,), Request(options=given_), Context())


def line_of(solution: Solution, claim: str) -> Any:
    return next(line for line in solution.certificate if line.claim == claim)


BOUNDED = """
set I = 1..4
var x[I] in [0, 5]
maximize sum(log(1 + x[i] / i) for i in I)
subject to
  ball: norm2(x[i] for i in I) <= 3
"""


def test_a_bounded_convex_model_is_proved_optimal() -> None:
    solution = run(BOUNDED)
    assert solution.status == "optimal"
    line = line_of(solution, "bound")
    assert line.status == "proved" and "conic weak duality" in line.how
    assert solution.objective is not None and 0 <= line.value - solution.objective < 1e-6
    assert line_of(solution, "duals").status == "checked"


def test_a_free_model_is_checked_within_a_box() -> None:
    solution = run("var z\nvar w\nminimize exp(z) + w^2 - z\nsubject to\n  a: z + w >= 1\n")
    assert solution.status == "optimal" and line_of(solution, "bound").status == "checked"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("var x in [0, 9]\nvar y in [0, 9]\nminimize x\nsubject to\n  a: exp(x) + y^2 <= 0.5\n", "infeasible"),
        (
            "var x[1..3] in [-9, 9]\nminimize x[1]\nsubject to\n  a: norm2(x[i] for i in 1..3) <= x[1] - 1\n"
            "  b: x[2] >= 3\n  c: x[1] <= 2\n",
            "infeasible",
        ),
        (
            "set N = 1..2\nvar Z[N, N] psd\nminimize Z[1, 1]\nsubject to\n  a: Z[1, 2] == 2\n"
            "  b: Z[1, 1] + Z[2, 2] <= 3\n",
            "infeasible",
        ),
        ("var z\nvar w\nminimize z\nsubject to\n  a: exp(w) <= 0.5 * w\n", "infeasible"),
        ("var z\nvar w >= 0\nminimize z\nsubject to\n  a: exp(z) <= 3 + w\n", "unbounded"),
        ("var x[1..2]\nvar t\nmaximize t\nsubject to\n  a: norm2(x[i] for i in 1..2) <= 1 + t\n", "unbounded"),
    ],
)
def test_no_answer_comes_with_its_evidence(text: str, status: str) -> None:
    solution = run(text)
    assert solution.status == status
    assert line_of(solution, status).status in ("proved", "checked")


def tampering(change: Any) -> Any:
    class Tampered:
        name, title, install, capabilities, options = (
            clarabel.name,
            clarabel.title,
            clarabel.install,
            clarabel.capabilities,
            clarabel.options,
        )

        @staticmethod
        def version() -> str | None:
            return clarabel.version()

        @staticmethod
        def solve(*arguments: Any) -> Answer:
            return change(clarabel.solve(*arguments))

    return Tampered


def test_wrong_multipliers_prove_nothing() -> None:
    def turned(answer: Answer) -> Answer:
        assert answer.cone_duals is not None
        return replace(answer, cone_duals=-answer.cone_duals, bound=None)

    solution = run(BOUNDED, tampering(turned))
    assert solution.status == "feasible"
    line = line_of(solution, "bound")  # what they give is a bound, and a poor one
    assert solution.objective is not None and line.value > solution.objective + 1


def test_a_worse_point_is_not_called_optimal() -> None:
    solution = run(BOUNDED, tampering(lambda answer: replace(answer, x=0.9 * answer.x, bound=None)))
    assert solution.status in ("feasible", "failed")


def test_a_false_claim_of_infeasibility_fails() -> None:
    def lie(answer: Answer) -> Answer:
        return Answer("infeasible", "converged", dual_ray=answer.row_duals, cone_ray=answer.cone_duals)

    assert run(BOUNDED, tampering(lie)).status == "failed"


def test_the_planner_takes_cones_for_convex_models_and_highs_for_the_rest() -> None:
    def taken(text: str) -> str:
        solution = solve(instance_of(program_of(text), {}), registry.every(), Request(), Context())
        assert solution.backend is not None
        return solution.backend.name

    assert taken(BOUNDED) == "clarabel"
    assert taken("var x in [0, 1]\nminimize 2 * x\n") == "highs"
    assert taken("var x in [0, 1]\nminimize x^2 - x\n") == "highs"
    assert taken("var x in [0, 1]\nminimize abs(x - 0.5)\n") == "highs"
    assert taken("var x in [0, 9]\nvar y in [0, 9]\nmaximize x + y\nsubject to\n  a: x^2 + y^2 <= 4\n") == "clarabel"
    assert taken("var x integer in [0, 9]\nmaximize x\nsubject to\n  a: x^2 <= 8\n") == "scip"


def test_bounds_follow_from_cones() -> None:
    """Decisions without bounds of their own, held by a ball, an exponential and a power: the bound is a proof."""
    ball = run("var x[1..3]\nminimize x[1] + 2 * x[2]\nsubject to\n  a: norm2(x[i] - i for i in 1..3) <= 2\n")
    assert line_of(ball, "bound").status == "proved"
    squares = run("var x\nvar y\nmaximize x + y\nsubject to\n  a: x^2 + y^2 <= 4\n")
    assert line_of(squares, "bound").status == "proved"
    power = run(
        "var x >= 0\nvar y >= 0\nvar t\nmaximize t - x - y\nsubject to\n  a: t <= x^0.3 * y^0.5\n  b: x + y <= 9\n"
    )
    assert line_of(power, "bound").status == "proved"
    free = run("var x\nvar y\nminimize exp(x) - x + (y - x)^2\n")
    assert free.status == "optimal" and line_of(free, "bound").status == "checked"


FEASIBLE = [
    BOUNDED,
    "var z\nvar w\nminimize exp(z) + w^2\nsubject to\n  a: z + w >= 1\n  b: sqrt(z^2 + w^2 + 1) <= 4\n",
    "set N = 1..3\nvar Z[N, N] psd\nminimize Z[1, 1]\nsubject to\n  a[i in N]: Z[i, i] == 1\n  b: Z[1, 2] >= 0.5\n",
    "var x >= 0\nvar y >= 0\nmaximize x^0.3 * y^0.5\nsubject to\n  a: x + y <= 9\n  b: log(1 + x) >= 0.5\n",
]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(FEASIBLE))
def test_no_ray_contradicts_a_feasible_model(seed: int, text: str) -> None:
    form, _ = instance_to_conic.lower(instance_of(program_of(text), {}))
    rng = np.random.default_rng(seed)
    rows, cones = (rng.normal(size=count) * np.exp(rng.normal(0, 4)) for count in (form.shape[0], len(form.shift)))
    if rng.random() < 0.5:  # rays that cancel, as those of infeasible problems do
        cones = inside(cones, form.cones)
    assert contradiction(form, Answer("infeasible", "converged", dual_ray=rows, cone_ray=cones)) is False
