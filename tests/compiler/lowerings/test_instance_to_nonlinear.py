"""Instance to nonlinear form: what stands where, what is refused, updates, long aggregates, undefined points."""

from __future__ import annotations

import numpy as np
import pytest
from agreement import instance_of, program_of
from nonlinear_models import (
    Case,
    assert_right_derivatives,
    assert_same_values,
    case,
    dense_hessian,
    dense_jacobian,
    point,
    refusal,
    results,
)
from scipy.sparse import csr_array

from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.kernels import definitions, second
from optc.compiler.lowerings import instance_to_nonlinear
from optc.compiler.signature import signature


# ------------------------------------------------------------------------------------------------------ by hand
def test_a_small_problem_by_hand() -> None:
    """HS71: x1 x4 (x1 + x2 + x3) + x3 over sum(x^2) == 40, prod(x) >= 25, with derivatives written out."""
    text = """var x[1..4] in [1, 5]
minimize x[1] * x[4] * (x[1] + x[2] + x[3]) + x[3]
subject to
  sphere: sum(x[i]^2 for i in 1..4) == 40
  volume: prod(x[i] for i in 1..4) >= 25
"""
    form = case(text).form
    x = np.array([1.0, 5.0, 4.0, 2.0])
    a, b, c, d = x
    assert form.sense == "minimize"
    assert form.evaluate_objective(x) == pytest.approx(a * d * (a + b + c) + c)
    np.testing.assert_allclose(form.evaluate_gradient(x), [d * (2 * a + b + c), a * d, a * d + 1, a * (a + b + c)])
    np.testing.assert_allclose(form.evaluate_rows(x), [46.0, 40.0])
    assert (form.row_lower.tolist(), form.row_upper.tolist()) == ([40.0, 25.0], [40.0, np.inf])
    np.testing.assert_allclose(dense_jacobian(form, x), [2 * x, [b * c * d, a * c * d, a * b * d, a * b * c]])
    s, u, v = 2.0, 3.0, -5.0
    expected = s * np.array([[2 * d, d, d, 2 * a + b + c], [d, 0, 0, a], [d, 0, 0, a], [2 * a + b + c, a, a, 0]])
    expected += u * 2 * np.eye(4)
    expected += v * np.array(
        [[0, c * d, b * d, b * c], [c * d, 0, a * d, a * c], [b * d, a * d, 0, a * b], [b * c, a * c, a * b, 0]]
    )
    np.testing.assert_allclose(dense_hessian(form, x, s, np.array([u, v])), expected)
    np.testing.assert_allclose(form.hessian_product(x, s, np.array([u, v]), x), expected @ x)
    assert [part.tolist() for part in form.jacobian_pattern] == [[0] * 4 + [1] * 4, [0, 1, 2, 3] * 2]


MIXED = """set I = 1..3
param a[I]
param b
var x[I] in [0, 4]
var k integer in [0, 9]
maximize profit: sum(a[i] * x[i] for i in I) - b * exp(x[1]) + 2 * k - 7
subject to
  mixed[i in I]: 2 * x[i] - 3 * k + log(x[i] + 1) + 4 <= b
  plain: sum(x[i] for i in I) + k >= 2
  range[i in I]: -1 <= x[i]^2 + a[i] * x[2] - 5 <= 3
"""
MIXED_DATA = {"a": {(1,): 1.5, (2,): -2.0, (3,): 0.5}, "b": 6.0}


def test_linear_parts_stand_in_the_arrays_and_constants_in_the_bounds() -> None:
    form = case(MIXED, MIXED_DATA).form
    assert form.sense == "maximize"
    assert form.cost.tolist() == [1.5, -2.0, 0.5, 2.0]
    assert form.offset == -7.0
    linear = csr_array((form.values, form.indices, form.starts), shape=form.shape).toarray()
    assert linear[:3].tolist() == [[2, 0, 0, -3], [0, 2, 0, -3], [0, 0, 2, -3]]
    assert linear[3].tolist() == [1, 1, 1, 1]
    assert linear[4:].tolist() == [[0, 1.5, 0, 0], [0, -2.0, 0, 0], [0, 0.5, 0, 0]]
    assert form.row_upper.tolist() == [2.0, 2.0, 2.0, np.inf, 8.0, 8.0, 8.0]
    assert form.row_lower.tolist() == [-np.inf, -np.inf, -np.inf, 2.0, 4.0, 4.0, 4.0]
    assert form.integer.tolist() == [False, False, False, True]
    assert [(s.name, s.offset, s.count) for s in form.rows] == [("mixed", 0, 3), ("plain", 3, 1), ("range", 4, 3)]
    x = np.array([1.0, 2.0, 3.0, 4.0])
    nonlinear = np.concatenate([np.log(x[:3] + 1), [0.0], x[:3] ** 2])
    np.testing.assert_allclose(form.evaluate_rows(x), linear @ x + nonlinear)
    assert form.evaluate_objective(x) == pytest.approx(form.cost @ x - 7 - 6 * np.exp(1))


def test_lifting_takes_the_families_apart() -> None:
    instance = instance_of(program_of(MIXED), MIXED_DATA)
    form, inverse = instance_to_nonlinear.lower(instance)
    lifted = instance_to_nonlinear.lift(np.arange(float(form.shape[1])), inverse)
    assert {name: values.tolist() for name, values in lifted.items()} == {"x": [0.0, 1.0, 2.0], "k": [3.0]}


# ----------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ("exp(abs(x[1]))", "kink"),
        ("exp(max(x[1], x[2]))", "max has kinks"),
        ("exp(min(x[i] for i in I))", "min has kinks"),
        ("exp(norm1(x[i] for i in I))", "norm1 has kinks"),
        ("exp(norminf(x[i] for i in I))", "norminf has kinks"),
        ("x[1]^2 * floor(x[2])", "floor jumps"),
        ("x[1]^2 * sign(x[2])", "sign jumps"),
        ("x[1]^2 * round(x[2])", "round jumps"),
        ("exp(x[1] mod 2)", "mod jumps"),
        ("exp(piecewise(x[1], [0, 1, 2], [0, 2, 3]))", "piecewise has kinks"),
    ],
)
def test_what_has_no_derivative_is_refused_with_its_place(term: str, reason: str) -> None:
    message = refusal(f"set I = 1..3\nvar x[I]\nminimize x[1]^4 + {term}\n")
    assert reason in message
    assert "has no derivatives" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("var x in [0, 9]\nvar b binary\nminimize exp(x)\nsubject to\n  c: b == 1 => x >= 2\n", "indicator"),
        ("var x in [0, 9]\nminimize exp(x)\nlower f {\n  var y >= 0\n  minimize y\n}\n", "lower level"),
        ("uncertain u in [0, 1]\nvar x in [0, 9]\nminimize exp(x * u)\n", "uncertain"),
    ],
)
def test_other_classes_are_refused(text: str, words: str) -> None:
    program = program_of(text)
    reason = instance_to_nonlinear.transfer(signature(program))
    assert isinstance(reason, str) and words in reason
    assert instance_to_nonlinear.accepts(instance_of(program, {})) is not None


def test_a_false_row_and_an_undefined_number_are_told() -> None:
    from optc.compiler.data import DataError

    program = program_of(
        "set J\nparam p\nvar z[J]\nvar x\nminimize exp(x)\nsubject to\n  d: sum(z[j]^2 for j in J) >= p\n"
    )
    with pytest.raises(DataError, match="d"):
        instance_to_nonlinear.lower(instance_of(program, {"J": [], "p": 1.0}))
    instance_to_nonlinear.lower(instance_of(program, {"J": [], "p": 0.0}))
    instance_to_nonlinear.lower(instance_of(program, {"J": [1], "p": 1.0}))
    refused = refusal("param p\nvar x\nminimize exp(log(p) * x)\n", {"p": -1.0})
    assert "log" in refused


# ------------------------------------------------------------------------------------------------------- updates
UPDATED = """set I = 1..40
param a[I]
param b[I]
param on[I]
var x[I]
let t = sum(b[i] * x[i] for i in I)
minimize sum(a[i] * exp(b[i] * x[i]) for i in I) + t^2 + sum(a[i] * x[i] for i in I)
subject to
  c[i in I if on[i] == 1]: log(a[i] * x[i]) + b[i] * x[i] <= a[i]
"""


def updated_data(seed: int, ones: int) -> dict[str, object]:
    rng = np.random.default_rng(seed)
    return {
        "a": {(i,): float(rng.uniform(1, 2)) for i in range(1, 41)},
        "b": {(i,): float(rng.uniform(1, 2)) for i in range(1, 41)},
        "on": {(i,): int(i <= ones) for i in range(1, 41)},
    }


def plain(values: object) -> object:
    assert isinstance(values, dict)
    return {key[0]: value for key, value in values.items()}


def assert_same_forms(one: NonlinearForm, other: NonlinearForm, x: Floats) -> None:
    assert one.shape == other.shape
    for name in ("cost", "values", "row_lower", "row_upper"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    ours, theirs = results(one, x), results(other, x)
    for name, values in ours.items():
        np.testing.assert_allclose(values, theirs[name], rtol=1e-14, atol=1e-14, err_msg=name)


def test_new_numbers_keep_the_structure() -> None:
    instance = instance_of(program_of(UPDATED), updated_data(0, 20))
    first, _ = instance_to_nonlinear.lower(instance)
    x = np.linspace(0.5, 1.5, 40)
    before = results(first, x)
    data = updated_data(1, 20)
    new = instance.update(a=plain(data["a"]))
    second_form, _ = instance_to_nonlinear.lower(new)
    assert second_form.engine is first.engine
    assert sum(a is b for a, b in zip(first.arrays, second_form.arrays, strict=True)) > 0
    fresh = case(UPDATED, {**updated_data(0, 20), "a": data["a"]}).form
    assert_same_forms(second_form, fresh, x)
    for name, values in results(first, x).items():
        np.testing.assert_array_equal(values, before[name])


def test_new_structure_is_made_anew() -> None:
    instance = instance_of(program_of(UPDATED), updated_data(0, 20))
    first, _ = instance_to_nonlinear.lower(instance)
    new, _ = instance_to_nonlinear.lower(instance.update(on=plain(updated_data(0, 30)["on"])))
    assert new.engine is not first.engine
    assert (first.shape[0], new.shape[0]) == (20, 30)
    assert_same_forms(new, case(UPDATED, updated_data(0, 30)).form, np.linspace(0.5, 1.5, 40))


def test_data_that_are_no_longer_alike_are_read_anew() -> None:
    """A branch on data that was one number for all rows becomes an array."""
    text = """set I = 1..5
param a[I]
param k
var x[I]
minimize sum(exp((if k > 0 then k else a[i]) * x[i]) for i in I)
"""
    a = {(i,): float(i) for i in range(1, 6)}
    instance = instance_of(program_of(text), {"a": a, "k": 2.0})
    x = np.linspace(0.1, 0.5, 5)
    first, _ = instance_to_nonlinear.lower(instance)
    assert first.evaluate_objective(x) == pytest.approx(np.exp(2 * x).sum())
    new, _ = instance_to_nonlinear.lower(instance.update(k=-1.0))
    assert new.evaluate_objective(x) == pytest.approx(np.exp(np.arange(1, 6) * x).sum())


# ------------------------------------------------------------------------------------------------- long aggregates
HEAD = "set I = 1..6\nset J = 1..4\nparam w[I]\nvar x[I]\nvar y[I, J]\n"
DATA = {"w": {(i,): 0.5 + 0.1 * i for i in range(1, 7)}}
LONG = {
    "sum": """minimize exp(sum(w[i] * x[i] for i in I) + 1)
subject to
  c[i in I]: exp(sum(y[i, j] + w[i] for j in J)) + x[i] <= 3""",
    "nonlinear sum": "minimize sum(log(1 + exp(sum(w[i] * y[i, j] * x[i] for i in I))) for j in J)",
    "nested sums": "minimize exp(sum(exp(sum(y[i, j] for j in J)) * x[i] for i in I) / 99)",
    "shared sum": "minimize sum(x[i]^2 / (1 + sum(x[k] * w[k] for k in I)^2) for i in I)",
    "logsumexp": """minimize logsumexp(x[i] * w[i] for i in I)
subject to
  c[i in I]: logsumexp(y[i, j] * x[i] for j in J) <= 3""",
    "norm2": """minimize x[1] * norm2(x[i] - 3 for i in I)
subject to
  c[i in I]: norm2(y[i, j] * x[i] for j in J) <= 3""",
    "prod": """minimize exp(prod(x[i] for i in I))
subject to
  c[j in J]: prod(y[i, j]^2 for i in I if i < j) * x[1] <= 3""",
}


@pytest.fixture
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "ENTRIES", 0)
    monkeypatch.setattr(definitions, "TIMES", 0)
    monkeypatch.setattr(definitions, "FEW_COLUMNS", 0)


def explicit(text: str) -> Case:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(definitions, "ENTRIES", 1 << 16)
        patch.setattr(definitions, "FEW_COLUMNS", 1024)
        return case(text, DATA)


@pytest.mark.usefixtures("everything_is_long")
@pytest.mark.parametrize("name", LONG)
def test_long_aggregates_become_decisions_that_rows_define(name: str) -> None:
    text = HEAD + LONG[name]
    found, short = case(text, DATA), explicit(text)
    (m, n), (rows, columns) = found.form.shape, short.form.shape
    assert m - rows == n - columns > 0
    assert np.array_equal(found.form.row_lower[rows:], found.form.row_upper[rows:])
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(0.3, 1.2, columns), np.full(n - columns, np.nan)])
    z = found.form.completed(x)
    residual = found.form.evaluate_rows(z)[rows:] - found.form.row_lower[rows:]
    np.testing.assert_allclose(residual, 0.0, atol=1e-12)
    assert found.form.evaluate_objective(z) == pytest.approx(short.form.evaluate_objective(x[:columns]), rel=1e-12)
    np.testing.assert_allclose(found.form.evaluate_rows(z)[:rows], short.form.evaluate_rows(x[:columns]), rtol=1e-12)
    assert_same_values(found, z)
    assert_right_derivatives(found, z + 0.01)
    linear = csr_array((found.form.values, found.form.indices, found.form.starts), shape=(m, n))
    if name == "sum":  # its definitions are linear, and stand in the arrays
        np.testing.assert_allclose((linear @ z)[rows:] - found.form.row_lower[rows:], 0.0, atol=1e-12)


@pytest.mark.usefixtures("everything_is_long")
def test_new_columns_have_no_family_and_lift_to_nothing() -> None:
    instance = instance_of(program_of(HEAD + LONG["sum"]), DATA)
    form, inverse = instance_to_nonlinear.lower(instance)
    assert sum(s.count for s in form.columns) == 30 < form.shape[1]
    assert sum(s.count for s in form.rows) == 6 < form.shape[0]
    assert set(instance_to_nonlinear.lift(np.zeros(form.shape[1]), inverse)) == {"x", "y"}


def test_only_long_aggregates_of_many_columns_become_decisions() -> None:
    text = "param n\nvar x[1..n]\nminimize exp(sum(x[i] for i in 1..n) / n) + sum(x[i]^4 for i in 1..n)\n"
    assert case(text, {"n": 200}).form.shape == (0, 200)
    assert case(text, {"n": 1000}).form.shape == (0, 1000)
    long = case(text, {"n": 50_000})
    assert long.form.shape == (1, 50_001)
    assert len(long.form.hessian_pattern[0]) == 50_001


@pytest.mark.parametrize("name", ["sum", "nonlinear sum", "shared sum", "logsumexp", "norm2"])
def test_factored_second_derivatives_are_those_of_pairs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = HEAD + LONG[name]
    pairs = case(text, DATA)
    assert not pairs.model.factored
    monkeypatch.setattr(second, "MANY_PAIRS", 0)
    found = case(text, DATA)
    assert found.model.factored
    x = point(found, 3)
    assert_right_derivatives(found, x)
    points = np.stack([point(found, k) for k in range(3)])
    y = np.ones(found.form.shape[0])
    for k, row in enumerate(found.form.evaluate_hessian(points, 2.0, y)):
        np.testing.assert_allclose(row, found.form.evaluate_hessian(points[k], 2.0, y), rtol=1e-13)


def test_regression_on_few_columns_needs_no_new_decisions() -> None:
    """Logistic regression: 3000 rows of 12 dense columns; its Hessian is A' D A."""
    rng = np.random.default_rng(0)
    m, n = 3000, 12
    a, label = rng.normal(size=(m, n)), rng.choice([-1.0, 1.0], m)
    text = """param m
param n
param a[1..m, 1..n]
param label[1..m]
var w[1..n]
minimize sum(log(1 + exp(-label[k] * sum(a[k, j] * w[j] for j in 1..n))) for k in 1..m) / m
"""
    data = {
        "m": m,
        "n": n,
        "a": {(k + 1, j + 1): float(a[k, j]) for k in range(m) for j in range(n)},
        "label": {(k + 1,): float(label[k]) for k in range(m)},
    }
    found = case(text, data)
    assert found.form.shape == (0, n)
    assert found.model.factored
    w = rng.normal(size=n)
    s = 1 / (1 + np.exp(label * (a @ w)))
    np.testing.assert_allclose(found.form.evaluate_gradient(w), -(a.T @ (label * s)) / m, rtol=1e-11)
    expected = (a.T * (s * (1 - s))) @ a / m
    np.testing.assert_allclose(dense_hessian(found.form, w, 1.0, np.zeros(0)), expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(found.form.hessian_product(w, 1.0, np.zeros(0), w), expected @ w, rtol=1e-10)


# -------------------------------------------------------------------------------------------------- undefined points
UNDEFINED = """set I = {"iron", "zinc"}
var x[I]
minimize cost: sum(x[i] for i in I) + TERM
subject to
  need[i in I]: ROW <= 3
"""


@pytest.mark.parametrize(
    ("term", "row", "x", "words"),
    [
        ("0", "log(x[i]) + x[i]", [1.0, 0.0], ['`log(x[i])` has no value in need, at i = "zinc"', "not positive"]),
        ('1 / x["iron"]', "x[i]^2", [0.0, 1.0], ['`1 / x["iron"]` has no value in cost', "denominator is 0"]),
        ("0", "sqrt(x[i]) + x[i]", [0.0, 1.0], ['`sqrt(x[i]) + x[i]` in need["iron"]', 'derivative by `x["iron"]`']),
        ('sqrt(x["zinc"])', "x[i]^2", [1.0, 0.0], ['derivative by `x["zinc"]`']),
        ("0", "exp(x[i])^2", [1.0, 800.0], ['in need["zinc"]', "beyond the range"]),
        ('exp(9 * x["iron"])', "x[i]^2", [800.0, 1.0], ["beyond the range"]),
        ('x["iron"]^0.5', "x[i]^2", [-1.0, 1.0], ["has no value in cost"]),
    ],
)
def test_an_undefined_point_is_placed(term: str, row: str, x: list[float], words: list[str]) -> None:
    form = case(UNDEFINED.replace("TERM", term).replace("ROW", row)).form
    fault = form.undefined(np.array(x))
    assert fault is not None
    for word in words:
        assert word in fault.message, fault.message
    assert form.undefined(np.array([1.0, 2.0])) is None


def test_a_problem_gives_its_nonlinear_form() -> None:
    import optc

    problem = optc.parse("var x in [0.1, 4]\nminimize exp(x) + x^2 - log(x)\n").bind()
    form = problem.lower("nonlinear")
    assert isinstance(form, NonlinearForm)
    np.testing.assert_allclose(form.evaluate_gradient(np.ones(1)), [np.e + 2.0 - 1.0], rtol=1e-15)
    with pytest.raises(ValueError, match="nonlinear"):
        problem.named("nonlinear")
