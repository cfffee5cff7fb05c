"""Convex models in cones: the graphs are tight, rows keep their multipliers, answers agree with other ways."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from agreement import instance_of, keyed, program_of, reference_of
from hypothesis import given, settings
from hypothesis import strategies as st
from random_terms import terms

from optc.backends import clarabel
from optc.compiler.answer import Answer
from optc.compiler.backend import Goal
from optc.compiler.context import Context
from optc.compiler.data.errors import DataError
from optc.compiler.forms import conic
from optc.compiler.forms.conic import ConicForm
from optc.compiler.instance.instance import Instance
from optc.compiler.lowerings import instance_to_conic
from optc.compiler.reference.interpreter import EvaluationError
from optc.compiler.verify.cone_ranges import ranges
from optc.compiler.verify.conic_bound import conic_bound

pytest.importorskip("clarabel")

HEAD = """
set I = 1..3
param c[i in I] = i - 2
param w[i in I] = i
param Q[I, I] = [[2, 1, 0], [1, 2, 1], [0, 1, 2]]
var x[I] in [-1, 2]
var p[I] in [0.1, 4]
var y in [0.5, 3]
var z in [-3, 5]
let total = sum(x[i] for i in I)
let bent[i in I] = exp(x[i]) + p[i]^2
"""

CONES = [
    "sum(x[i]^2 for i in I) / y",
    "exp(z) + z^2 - log(y)",
    "exp(sum(Q[i, j] * x[i] * x[j] for i in I, j in I) / 10)",
    "sqrt(x[1]^2 + z^2 + 1)",
    "sqrt(sum(Q[i, j] * x[i] * x[j] for i in I, j in I))",
    "-sqrt(p[1] * p[2])",
    "-prod(p[i] for i in I)^(1/3)",
    "-prod(p[i] for i in I)^(1/5)",
    "-prod(p[i] ^ (w[i] / 6) for i in I)",
    "-2 * p[1]^0.25 * p[2]^0.5",
    "log(sum(exp(x[i]) for i in I))",
    "log(sum(w[i] * exp(x[i] - z) for i in I) + 2)",
    "log(1 + exp(z))",
    "log10(1 + exp(z)) - log10(y)",
    "y * log(y)",
    "y * log(2 * y)",
    "y * log10(y)",
    "1 / y",
    "3 / (p[1] * p[2])",
    "x[1]^2 / p[1]",
    "(x[1] - x[2] + 1)^2 / (p[1] + p[2])",
    "p[1]^1.5 / p[2]^0.5",
    "p[1]^3 / (p[2] * p[3]^0.5)",
    "y^3",
    "z^4",
    "(z^2 + 1)^2",
    "y^2.5",
    "y^(-2)",
    "(-y)^3 * (-1)",
    "-y^0.3",
    "max(x[1], z^2, 1 - y)",
    "-min(x[1], z, log(y))",
    "-min(log(p[i]) for i in I)",
    "max(x[i]^2 - w[i] for i in I)",
    "abs(z) + abs(z^2 + 1)",
    "logsumexp(x[i] * w[i] for i in I)",
    "norm2(x[i] for i in I)",
    "norm2(x[i]^2 for i in I)",
    "norm1(x[i] - z for i in I) + norminf(x[i] for i in I)",
    "kl(y, p[1])",
    "p[1] * log(p[1] / p[2])",
    "-p[1] * log(p[2] / p[1])",
    "-entropy(y)",
    "-sum(w[i] * entropy(p[i]) for i in I)",
    "2^z",
    "y^y",
    "((1 / y)^(-1))^(-1)",
    "(1 / (1 / y))^2 - 1 / (1 / y) * 0.5",
    "0.5^z",
    "huber(z)",
    "huber(z, 2)",
    "huber(z^2)",
    "softplus(z^2)",
    "exp(z) * exp(x[1])",
    "exp(x[1]^2) * (1 + exp(z))",
    "exp(x[1]) / p[1]",
    "cosh(z)",
    "sum(if c[i] >= 0 then c[i] * x[i]^2 else exp(x[i]) for i in I)",
    "sum(abs(c[i]) * (if c[i] >= 0 then exp(x[i]) else -log(p[i])) for i in I)",
    "piecewise(z, [0, 1, 2], [0, 1, 4])",
    "piecewise(z^2, [0, 1, 2], [0, 1, 4])",
    "-piecewise(z, [0, 1, 2], [0, 2, 3])",
    "-log(p[1] + 5 - p[2]^2 / 8)",
    "-log(p[1] * p[2]^2)",
    "(max(z, 0))^2",
    "exp(-sqrt(y))",
    "total^2 + exp(total) + sum(bent[i] for i in I)",
    "max(bent[i] for i in I) - 2 * log(total + 4)",
    "sum(max(x[i] - x[j], 0) for i in I, j in I if i < j)",
    "x[1] * log(1 / 0.5) + 3",
]


def lowered(text: str) -> tuple[Instance, ConicForm, instance_to_conic.Inverse]:
    instance = instance_of(program_of(text), {})
    refused = instance_to_conic.accepts(instance)
    assert refused is None, refused.message
    form, inverse = instance_to_conic.lower(instance)
    return instance, form, inverse


def solved(form: ConicForm) -> Answer:
    return clarabel.solve(form, Goal(), clarabel.Options(), Context(), None)


def held(instance: Instance, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], str]:
    """A random point within the bounds, and rows that hold the decisions there."""
    point = {
        f.name: np.round(f.lower + (f.upper - f.lower) * rng.random(f.count), 3).clip(f.lower, f.upper)
        for f in instance.families
    }
    rows = [f"  hold_y: y == {point['y'][0]}", f"  hold_z: z == {point['z'][0]}"]
    for k in range(3):
        rows += [f"  hold_x{k}: x[{k + 1}] == {point['x'][k]}", f"  hold_p{k}: p[{k + 1}] == {point['p'][k]}"]
    return point, "subject to\n" + "\n".join(rows)


@pytest.mark.parametrize("text", CONES)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_graph_of_a_term_is_tight_where_the_decisions_are_held(text: str, seed: int) -> None:
    """Minimising over the added columns alone gives the value of the term by the reference interpreter."""
    free = f"{HEAD}minimize {text} + 0 * z\n"
    instance = instance_of(program_of(free), {})
    point, rows = held(instance, np.random.default_rng(seed))
    value = float(reference_of(instance.program, {}).objective((), (), keyed(instance, point)))
    for sense, sign in (("minimize", 1.0), ("maximize", -1.0)):
        term = text if sense == "minimize" else f"-({text})"
        _, form, _ = lowered(f"{HEAD}{sense} {term}\n{rows}\n")
        answer = solved(form)
        assert answer.claim == "optimal", answer.message
        assert answer.objective == pytest.approx(sign * value, rel=2e-6, abs=2e-6)


@pytest.mark.parametrize("text", CONES)
def test_points_of_the_model_are_points_of_the_form(text: str) -> None:
    """With each added column at the value of what it stands for, rows and cones hold, and the objective is the same."""
    instance, form, inverse = lowered(f"{HEAD}minimize z\nsubject to\n  a: {text} <= 20 + y\n")
    reference, rng = reference_of(instance.program, {}), np.random.default_rng(3)
    box = ranges(form)
    for _ in range(5):
        point, _ = held(instance, rng)
        x = inverse.extended(point)
        row = next(s for s in form.rows if s.name == "a").offset
        entries = slice(form.starts[row], form.starts[row + 1])
        activity = float(form.values[entries] @ x[form.indices[entries]])
        (wanted,) = list(reference.constraint_rows("a", keyed(instance, point)))
        got = activity - form.row_upper[row]
        left, right = (float(reference_of_term(reference, instance, k, point)) for k in range(2))
        assert got == pytest.approx(left - right, rel=1e-9, abs=1e-9), wanted
        assert np.all(form.least <= x + 1e-9) and np.all(x <= form.most + 1e-9)
        assert least_slack(form, x) >= -1e-9
        if got <= 0:
            assert np.all(box.lower <= x) and np.all(x <= box.upper)


def reference_of_term(reference: Any, instance: Instance, side: int, point: dict[str, np.ndarray]) -> float:
    body: Any = instance.constraint("a").symbol.body
    return float(reference.value(body.terms[side], {}, keyed(instance, point)))


def least_slack(form: ConicForm, x: np.ndarray) -> float:
    """The least relative slack of the cones at a point, cone by cone."""
    s, least = form.cone_points(x), math.inf
    for start, kind, size, power in zip(
        form.cones.starts[:-1], form.cones.kinds, form.cones.sizes, form.cones.powers, strict=True
    ):
        part = s[start : start + size]
        if kind == conic.SECOND_ORDER:
            slack = part[0] - np.linalg.norm(part[1:])
        elif kind == conic.EXPONENTIAL:
            slack = part[2] - part[1] * math.exp(part[0] / part[1]) if part[1] > 0 else min(-part[0], part[2])
        else:
            slack = part[0] ** power * part[1] ** (1 - power) - abs(part[2])
        least = min(least, slack / (1 + np.abs(part).max()))
    return least


@settings(max_examples=150, deadline=None)
@given(text=terms(), seed=st.integers(0, 2**32 - 1))
def test_random_convex_terms_are_tight_too(text: str, seed: int) -> None:
    free = instance_of(program_of(f"{HEAD}minimize {text} + 0 * z\n"), {})
    point, rows = held(free, np.random.default_rng(seed))
    try:
        value = float(reference_of(free.program, {}).objective((), (), keyed(free, point)))
    except (EvaluationError, OverflowError):
        return
    if not abs(value) < 1e4:
        return
    for sense in ("minimize", "maximize"):
        instance = instance_of(program_of(f"{HEAD}{sense} {text} + 0 * z\n{rows}\n"), {})
        try:
            if instance_to_conic.accepts(instance) is not None:
                continue
        except DataError:
            continue
        answer = solved(instance_to_conic.lower(instance)[0])
        if answer.claim in ("none", "feasible"):  # as when an exponential has an exponential for its argument
            continue
        assert answer.claim == "optimal", answer.message
        assert answer.objective == pytest.approx(value, rel=1e-5, abs=2e-3)  # the fourth root of 1e-11 is 2e-3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("minimize sin(y + 3)", "there is no cone for sin"),
        ("minimize z\nsubject to\n  a: 1 / (1 / y) == 1", "it is affine, but not as it is written"),
        ("minimize y * exp(y)", "for a reason that no cone shares"),
        ("minimize x[1] * x[2]", "decisions are multiplied"),
        ("minimize z\nsubject to\n  a: exp(z) == 1", "it is convex"),
        ("minimize z\nsubject to\n  a: z^2 >= 1", "do not keep them to one"),
    ],
)
def test_what_is_in_no_cone_is_refused_with_its_place(text: str, reason: str) -> None:
    refused = instance_to_conic.accepts(instance_of(program_of(f"{HEAD}{text}\n"), {}))
    assert refused is not None and reason in refused.message
    assert refused.place is not None


def test_multipliers_are_derivatives_by_the_right_sides() -> None:
    model = """
set I = 1..3
param need[I] = [1, 2, {two}]
var x[I] >= 0
var t
{sense} {sign}(t + sum(x[i] for i in I))
subject to
  far: norm2(x[i] - 4 for i in I) <= t + {shift}
  low[i in I]: log(x[i] + 1) >= need[i] / 4
  mixed[i in I if i < 3]: {right} >= x[i]^2 + exp(x[i + 1])
"""
    base = {"two": 3.0, "shift": 0.5, "right": 40.0}
    for sense, sign in (("minimize", ""), ("maximize", "-")):

        def optimum(sense: str = sense, sign: str = sign, **changed: float) -> tuple[float, Answer, ConicForm]:
            _, form, _ = lowered(model.format(sense=sense, sign=sign, **{**base, **changed}))
            answer = clarabel.solve(form, Goal(), clarabel.Options(accuracy=1e-11), Context(), None)
            assert answer.objective is not None
            return answer.objective, answer, form

        value, answer, form = optimum()
        assert answer.row_duals is not None
        duals = {s.name: answer.row_duals[s.offset : s.offset + s.count] for s in form.rows}
        step = 1e-4
        far = (optimum(shift=0.5 + step)[0] - optimum(shift=0.5 - step)[0]) / (2 * step)
        assert duals["far"][0] == pytest.approx(far, abs=1e-5)
        low = (optimum(two=3.0 + 4 * step)[0] - optimum(two=3.0 - 4 * step)[0]) / (2 * step)
        assert duals["low"][2] == pytest.approx(low, abs=1e-5)
        assert abs(low) > 0.1 and abs(value) > 0.1


def test_quadratic_rows_of_many_sizes() -> None:
    """Rows with diagonal, dense, singular and empty quadratic parts, against the reference at the answer."""
    text = """
set K = 1..4
set I = 1..5
param diagonal[i in I, j in I] = if i == j then i else 0
param dense[i in I, j in I] = if i == j then 3 else 0.5
param A[k in K, i in I, j in I] =
  if k == 1 then diagonal[i, j] else if k == 2 then dense[i, j] else if k == 3 then 1 else 0
var x[I] in [-5, 5]
maximize sum(i * x[i] for i in I)
subject to
  ball[k in K]: sum(A[k, i, j] * x[i] * x[j] for i in I, j in I) + x[k] <= 4 + k
"""
    instance, form, inverse = lowered(text)
    answer = solved(form)
    assert answer.claim in ("optimal", "feasible") and answer.x is not None
    point = {name: np.asarray(v) for name, v in instance_to_conic.lift(answer.x, inverse).items()}
    rows = list(reference_of(instance.program, {}).constraint_rows("ball", keyed(instance, point)))
    assert len(rows) == 4 and max(row.violation for row in rows) < 1e-6
    found = conic_bound(form, answer)
    assert found is not None and found.everywhere
    assert answer.objective is not None and 0 <= found.value - answer.objective < 1e-5


def test_a_long_chain_of_squares_is_factored_sparsely() -> None:
    text = """
set I = 1..3000
var x[I] in [-2, 2]
maximize sum(x[i] for i in I)
subject to
  smooth: sum((x[i] - x[i + 1])^2 for i in I if i < 3000) + 0.01 * sum(x[i]^2 for i in I) <= 3
"""
    _, form, _ = lowered(text)
    assert len(form.cone_values) < 30_000
    answer = solved(form)
    assert answer.claim == "optimal" and answer.objective is not None
    # All alike is best: 0.01 * 3000 * v^2 = 3.
    assert answer.objective == pytest.approx(3000 * math.sqrt(0.1), rel=1e-5)


def test_semidefinite_families_in_blocks() -> None:
    text = """
set K = 1..2
set N = 1..3
param C[k in K, i in N, j in N] = if i == j then 0 else k
var Z[N, N] psd
var Y[N, N] psd
minimize sum(C[1, i, j] * Z[i, j] + C[2, i, j] * Y[i, j] for i in N, j in N)
subject to
  trace: sum(Z[i, i] for i in N) == 1
  other: sum(Y[i, i] for i in N) + Z[1, 2] <= 2
"""
    instance, form, inverse = lowered(text)
    answer = solved(form)
    assert answer.x is not None and answer.objective is not None
    # The least eigenvalue of the all-ones matrix less the identity is -1.
    z = instance_to_conic.lift(answer.x, inverse)["Z"].reshape(3, 3)
    assert np.linalg.eigvalsh(z)[0] > -1e-7 and np.allclose(z, z.T, atol=1e-8)
    assert answer.objective == pytest.approx(-1 - 2 * 2 - 2 * 0.5, rel=1e-4) or answer.objective < -5
    assert instance.columns == 18


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_multipliers_never_prove_too_much(seed: int) -> None:
    """Weak duality: whatever the multipliers, the bound does not pass the optimum."""
    rng = np.random.default_rng(seed)
    text = CONES[int(rng.integers(len(CONES)))]
    sense, term = ("minimize", text) if rng.random() < 0.5 else ("maximize", f"-({text})")
    _, form, _ = lowered(f"{HEAD}{sense} {term} + z\nsubject to\n  a: x[1] + y >= norm2(x[i] for i in I)\n")
    answer = solved(form)
    assert answer.objective is not None and answer.row_duals is not None and answer.cone_duals is not None
    scale = float(rng.choice([0.0, 1e-6, 1e-2, 1.0]))
    wild = Answer(
        "feasible",
        "converged",
        answer.x,
        row_duals=answer.row_duals + scale * rng.normal(size=len(answer.row_duals)),
        cone_duals=answer.cone_duals + scale * rng.normal(size=len(answer.cone_duals)),
    )
    found = conic_bound(form, wild)
    if found is None:
        return
    slack = 1e-6 * (1 + abs(answer.objective))
    if sense == "minimize":
        assert found.value <= answer.objective + slack
    else:
        assert found.value >= answer.objective - slack
    if scale == 0.0:
        assert abs(found.value - answer.objective) < 1e-4 * (1 + abs(answer.objective))
