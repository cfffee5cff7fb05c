"""Nonlinear forms with outside code: what they calculate beside the same model written out, and beside differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agreement import program_of
from nonlinear_models import dense_hessian, dense_jacobian

from optc.compiler.data import DataError, PythonValue, read_inputs
from optc.compiler.forms import outside
from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.forms.outside import OutsideForm
from optc.compiler.instance.instance import Instance, build
from optc.compiler.kernels.evaluator import Evaluator
from optc.compiler.lowerings import instance_to_nonlinear
from optc.compiler.outside.differences import differences

SETS = """set I = 1..3
set J = {"a", "b"}
set E = {(1, "a"), (2, "b"), (3, "b")}
param w[I]
var y[E] in [0.1, 4]
var x[I, J] in [0.1, 2]
var s in [0.1, 3]
"""
CALLED = (
    SETS
    + """extern f(a, b, c)
extern g(a, b, w)
minimize 2 * f(x, y, s) - sum(w[i] * g(y, y, w) for i in I) + s^2 * x[1, "a"] + log(1 + f(x, y, s) * s)
subject to
  r[i in I]: f(x, y, s) + i * sum(x[i, j]^2 for j in J) >= -1
  q: exp(0.1 * g(y, y, w)) + f(x, y, s) * s + s^3 <= 100
  l: s + x[2, "b"] <= 4
"""
)
WRITTEN = (
    SETS
    + """let f = sum(x[i, j]^3 for i in I, j in J) + sum((y[i, j] - s)^2 + x[i, "a"] * y[i, j] for (i, j) in E)
let g = sum(w[i] * y[i, j]^2 for (i, j) in E)
minimize 2 * f - sum(w[i] * g for i in I) + s^2 * x[1, "a"] + log(1 + f * s)
subject to
  r[i in I]: f + i * sum(x[i, j]^2 for j in J) >= -1
  q: exp(0.1 * g) + f * s + s^3 <= 100
  l: s + x[2, "b"] <= 4
"""
)


class F:
    @staticmethod
    def value(a: Any, b: Any, c: Any) -> Any:
        return (a**3).sum() + ((b - c) ** 2).sum() + (a[:, 0] * b).sum()

    @staticmethod
    def gradient(a: Any, b: Any, c: Any) -> Any:
        by_a = 3 * a**2
        by_a[:, 0] += b
        return by_a, 2 * (b - c) + a[:, 0], -2 * (b - c).sum()

    @staticmethod
    def hessian(a: Any, b: Any, _: Any) -> Any:
        found = np.zeros((10, 10))
        found[:6, :6] = np.diag(6 * a.reshape(-1))
        found[6:9, 6:9] = 2 * np.eye(3)
        found[[0, 2, 4], [6, 7, 8]] = found[[6, 7, 8], [0, 2, 4]] = 1
        found[9, 6:9] = found[6:9, 9] = -2
        found[9, 9] = 2 * len(b)
        return found


class G:
    """Of one family given twice, and of data."""

    value = staticmethod(lambda a, b, w: (w * a * b).sum())
    gradient = staticmethod(lambda a, b, w: (w * b, w * a))

    @staticmethod
    def hessian(a: Any, b: Any, w: Any) -> Any:  # noqa: ARG004
        zero = np.zeros((3, 3))
        return np.block([[zero, np.diag(w)], [np.diag(w), zero]])


W = [0.5, -1.0, 2.0]


def instance_of(text: str, functions: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> Instance:
    program = program_of(text)
    values = [PythonValue(name, value) for name, value in (data or {}).items()]
    return build(program, read_inputs(program, values, folder=Path()), functions=functions)


def form_of(text: str, functions: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> NonlinearForm:
    instance = instance_of(text, functions, data)
    refused = instance_to_nonlinear.accepts(instance)
    assert refused is None, refused.message
    return instance_to_nonlinear.lower(instance)[0]


def called(**functions: Any) -> OutsideForm:
    found = form_of(CALLED, {"f": F(), "g": G(), **functions}, {"w": W})
    assert isinstance(found, OutsideForm)
    return found


def point(form: NonlinearForm, seed: int = 0) -> Floats:
    return form.completed(np.random.default_rng(seed).uniform(0.3, 1.2, form.shape[1]))


def lagrangian_slope(form: NonlinearForm, x: Floats, sigma: float, y: Floats) -> Floats:
    found: Floats = sigma * form.evaluate_gradient(x) + dense_jacobian(form, x).T @ y
    return found


def test_only_calls_inside_something_become_columns() -> None:
    form = called()
    assert form.shape == (5 + 2, 10 + 2)  # f and g stand in rows, so each has a column and a row
    direct = form_of("extern f(a)\nvar x[1..3] in [0, 1]\nminimize 3 * f(x) + x[1]^4 - f(x)\n", {"f": G()})
    assert isinstance(direct, OutsideForm)
    assert direct.shape == (0, 3)
    (only,) = direct.calls
    assert (only.weight, only.row) == (2.0, None)


def test_values_are_those_of_the_model_written_out() -> None:
    form, written = called(), form_of(WRITTEN, {}, {"w": W})
    for seed in range(3):
        x = point(form, seed)
        own = x[:10]
        assert form.evaluate_objective(x) == pytest.approx(written.evaluate_objective(own), rel=1e-13)
        rows = form.evaluate_rows(x)
        np.testing.assert_allclose(rows[:5], written.evaluate_rows(own), rtol=1e-13)
        np.testing.assert_allclose(rows[5:], 0.0, atol=1e-13)


def test_derivatives_are_those_of_the_values() -> None:
    form = called()
    x, step = point(form), 1e-6
    y = np.random.default_rng(3).normal(size=form.shape[0])
    unit = step * np.eye(len(x))
    by_value = [(form.evaluate_objective(x + e) - form.evaluate_objective(x - e)) / (2 * step) for e in unit]
    np.testing.assert_allclose(form.evaluate_gradient(x), by_value, rtol=1e-7, atol=1e-7)
    by_rows = [(form.evaluate_rows(x + e) - form.evaluate_rows(x - e)) / (2 * step) for e in unit]
    np.testing.assert_allclose(dense_jacobian(form, x), np.transpose(by_rows), rtol=1e-7, atol=1e-7)
    slopes = [(lagrangian_slope(form, x + e, 0.7, y) - lagrangian_slope(form, x - e, 0.7, y)) for e in unit]
    hessian = dense_hessian(form, x, 0.7, y)
    np.testing.assert_allclose(hessian, np.array(slopes) / (2 * step), rtol=1e-6, atol=1e-6)
    v = np.random.default_rng(4).normal(size=len(x))
    np.testing.assert_allclose(form.hessian_product(x, 0.7, y, v), hessian @ v, rtol=1e-12, atol=1e-12)
    assert not [d for d in form.diagnostics if d.severity == "warning"]


def test_the_lagrangian_with_columns_eliminated_is_that_of_the_model_written_out() -> None:
    """Where the slope by the columns of calls vanishes, the slopes by the decisions are those of the other model."""
    form, written = called(), form_of(WRITTEN, {}, {"w": W})
    x = point(form)
    y = np.random.default_rng(5).normal(size=5)
    jacobian, gradient = dense_jacobian(form, x), form.evaluate_gradient(x)
    multipliers = np.append(y, gradient[10:] + jacobian[:5, 10:].T @ y)  # their rows are call - column == 0
    slope = gradient + jacobian.T @ multipliers
    np.testing.assert_allclose(slope[10:], 0.0, atol=1e-12)
    wanted = written.evaluate_gradient(x[:10]) + dense_jacobian(written, x[:10]).T @ y
    np.testing.assert_allclose(slope[:10], wanted, rtol=1e-12)


def test_patterns_are_sorted_and_hold_nothing_twice() -> None:
    form = called()
    for rows, columns in (form.jacobian_pattern, form.hessian_pattern):
        keys = rows.astype(np.int64) * form.shape[1] + columns
        assert (np.diff(keys) > 0).all()
        assert rows.dtype == columns.dtype == np.int32
    rows, columns = form.hessian_pattern
    assert (rows >= columns).all()


@pytest.mark.parametrize("lead", [(4,), (2, 3), (0,)])
def test_leading_axes_are_points_to_evaluate(lead: tuple[int, ...]) -> None:
    form = called()
    m, n = form.shape
    random = np.random.default_rng(1)
    x, y, v = (random.uniform(0.3, 1.2, (*lead, k)) for k in (n, m, n))
    sigma = random.uniform(size=lead)
    found = {
        "value": form.evaluate_objective(x),
        "rows": form.evaluate_rows(x),
        "gradient": form.evaluate_gradient(x),
        "jacobian": form.evaluate_jacobian(x),
        "hessian": form.evaluate_hessian(x, sigma, y),  # type: ignore[arg-type]
        "product": form.hessian_product(x, sigma, y, v),  # type: ignore[arg-type]
    }
    assert all(part.shape[: len(lead)] == lead for part in found.values())
    for at in np.ndindex(lead):
        alone = {
            "value": form.evaluate_objective(x[at]),
            "rows": form.evaluate_rows(x[at]),
            "gradient": form.evaluate_gradient(x[at]),
            "jacobian": form.evaluate_jacobian(x[at]),
            "hessian": form.evaluate_hessian(x[at], float(sigma[at]), y[at]),
            "product": form.hessian_product(x[at], float(sigma[at]), y[at], v[at]),
        }
        for name, part in found.items():
            np.testing.assert_allclose(part[at], alone[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_the_rest_stays_with_the_evaluator_that_is_asked_for() -> None:
    form = called()
    other = form.evaluated_by(Evaluator("numpy"))
    assert isinstance(other, OutsideForm)
    assert other.engine is not form.engine
    x = point(form)
    np.testing.assert_allclose(other.evaluate_jacobian(x), form.evaluate_jacobian(x), rtol=1e-12)


def test_without_second_derivatives_there_is_no_hessian_and_that_is_said() -> None:
    form = called(f=differences(F.value))
    assert form.derivatives == 1
    assert "differences of values" in (form.lacking(2) or "")
    assert form.lacking(1) is None
    own = form.engine.model.hessian_pattern
    assert np.array_equal(form.hessian_pattern[0], own.rows)
    with pytest.raises(ValueError, match="second derivatives"):
        form.evaluate_hessian(point(form), 1.0, np.zeros(7))
    assert [d.code.id for d in form.diagnostics] == ["N0842"]


def test_a_call_on_many_decisions_has_no_dense_block(monkeypatch: pytest.MonkeyPatch) -> None:
    assert called().derivatives == 2
    monkeypatch.setattr(outside, "MOST", 9)
    form = called()
    assert form.derivatives == 1
    assert "dense over 10 decisions" in (form.lacking(2) or "")
    x, v = point(form), np.ones(12)
    y = np.ones(7)
    monkeypatch.setattr(outside, "MOST", 500)
    wanted = dense_hessian(called(), x, 1.0, y) @ v
    np.testing.assert_allclose(form.hessian_product(x, 1.0, y, v), wanted, rtol=1e-12)


def test_a_plain_function_has_values_alone() -> None:
    form = called(f=lambda a, b, c: float(F.value(np.asarray(a), np.asarray(b), float(c))))
    assert form.derivatives == 0
    assert form.evaluate_rows(point(form)).shape == (7,)
    assert "no derivatives" in (form.lacking(1) or "")


@pytest.mark.parametrize(("result", "words"), [(np.nan, "gives NaN"), (-np.inf, "gives infinity")])
def test_undefined_values_and_slopes_are_placed(result: float, words: str) -> None:
    class Holes(G):
        @staticmethod
        def value(a: Any, b: Any, w: Any) -> Any:
            return result if a[0] > 1 else G.value(a, b, w)

        @staticmethod
        def gradient(a: Any, b: Any, w: Any) -> Any:
            by_a, by_b = G.gradient(a, b, w)
            return np.where(a < 0.5, np.nan, by_a), by_b

    form = called(g=Holes())
    x = np.full(12, 0.7)
    assert form.undefined(x) is None
    x[0] = 1.5  # y is the first family
    fault = form.undefined(x)
    assert fault is not None
    assert (fault.code.id, words in fault.message) == ("E0801", True)
    x[:2] = 0.7, 0.3
    fault = form.undefined(x)
    assert fault is not None
    assert 'y[2, "b"]' in fault.message
    assert fault.code.id == "E0819"


def test_each_point_is_asked_for_once() -> None:
    seen: list[float] = []

    class Counted(G):
        @staticmethod
        def value(a: Any, b: Any, w: Any) -> Any:
            seen.append(float(a[0]))
            return G.value(a, b, w)

    form = called(g=Counted())
    x = np.full(12, 0.7)
    form.evaluate_objective(x)
    form.evaluate_rows(x)
    form.evaluate_objective(x)
    assert seen == [0.7]


def test_an_update_of_data_keeps_the_structure() -> None:
    instance = instance_of(CALLED, {"f": F(), "g": G()}, {"w": W})
    first = instance_to_nonlinear.lower(instance)[0]
    second = instance_to_nonlinear.lower(instance.update(w=[1.0, 1.0, 1.0]))[0]
    assert isinstance(second, OutsideForm)
    assert second.engine is first.engine
    other = form_of(CALLED, {"f": F(), "g": G()}, {"w": [1.0, 1.0, 1.0]})
    x = point(second)
    assert second.evaluate_objective(x) == pytest.approx(other.evaluate_objective(x), rel=1e-14)
    assert second.evaluate_objective(x) != pytest.approx(first.evaluate_objective(x), rel=1e-3)


def test_a_function_that_is_not_there_is_told() -> None:
    instance = instance_of(CALLED, {"f": F()}, {"w": W})
    with pytest.raises(DataError) as caught:
        instance_to_nonlinear.lower(instance)
    assert [d.code.id for d in caught.value.diagnostics] == ["E0841"]


def test_a_family_without_entries_may_be_an_argument() -> None:
    text = "set I = {}\nvar z[I] in [0, 1]\nvar x in [0, 1]\nextern f(a, b)\nminimize f(z, x)\n"

    class Little:
        value = staticmethod(lambda a, b: a.sum() + b**2)
        gradient = staticmethod(lambda a, b: (np.zeros(a.shape), 2 * b))
        hessian = staticmethod(lambda a, b: [[2.0]])  # noqa: ARG005

    form = form_of(text, {"f": Little()})
    x = np.array([0.5])
    assert (form.evaluate_objective(x), form.evaluate_gradient(x).tolist()) == (0.25, [1.0])
    assert dense_hessian(form, x, 1.0, np.zeros(0)).tolist() == [[2.0]]


def test_values_at_a_batch_of_points_are_those_at_each() -> None:
    from optc.compiler.evaluation.evaluate import evaluate, flat_values
    from optc.compiler.spaces.algebra import UNIT

    instance = instance_of(CALLED, {"f": F(), "g": G()}, {"w": W})
    random = np.random.default_rng(2)
    batch = {f.name: random.uniform(0.3, 1.2, (4, f.count)) for f in instance.families}
    batch["s"] = batch["s"][0]  # one for all
    term = instance.program.root.objective.expression  # type: ignore[union-attr]
    assert term is not None
    found = evaluate(term, UNIT, instance.scope.at(batch))
    family = instance.constraint("r")
    rows = flat_values(family.symbol.body.terms[0], family.layout.table, instance.scope.at(batch))  # type: ignore[union-attr]
    assert rows.shape == (4, 3)
    for k in range(4):
        scope = instance.scope.at({name: v[k] if v.ndim > 1 else v for name, v in batch.items()})
        assert float(found[k]) == pytest.approx(float(evaluate(term, UNIT, scope)), rel=1e-14)
        one = flat_values(family.symbol.body.terms[0], family.layout.table, scope)  # type: ignore[union-attr]
        np.testing.assert_allclose(rows[k], one, rtol=1e-14)


def test_a_form_keeps_its_calls_when_parts_are_replaced() -> None:
    form = called()
    aimless = replace(form, cost=np.zeros(form.shape[1]))
    assert isinstance(aimless, OutsideForm)
    assert aimless.calls == form.calls
