"""Outside functions by themselves: how each kind is called and differentiated, and what is said of those that fail."""

from __future__ import annotations

import math
import pickle
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from optc.compiler.outside.calls import Call, OutsideError
from optc.compiler.outside.differences import differences
from optc.compiler.outside.ways import Plain, way_of
from optc.dsl.program import ExternCall, FamilyRef

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
A, B, W = np.array([[0.3, -1.2], [0.7, 0.4]]), np.array(0.5), np.array([2.0, 3.0, 5.0])


def call(function: Any, wanted: tuple[bool, ...] = (True, True, False)) -> Call:
    refs = tuple(FamilyRef(None, name) for name, _ in zip("abw", wanted, strict=False))
    return Call(ExternCall(None, "f", refs), function, wanted, {})


def smooth(a: Any, b: Any, w: Any) -> Any:
    return (w[0] * a**2 * b).sum() + w[1] * b**3 + (a[0] * a[1]).sum() * w[2]


def slope(a: Any, b: Any, w: Any) -> tuple[Any, Any]:
    return 2 * w[0] * a * b + w[2] * a[::-1], w[0] * (a**2).sum() + 3 * w[1] * b**2


def curvature(a: Any, b: Any, w: Any) -> Any:
    """By a[0, 0], a[0, 1], a[1, 0], a[1, 1], b."""
    found = np.zeros((5, 5))
    found[:4, :4] = 2 * w[0] * b * np.eye(4)
    found[[0, 1, 2, 3], [2, 3, 0, 1]] = w[2]
    found[4, :4] = found[:4, 4] = 2 * w[0] * a.reshape(-1)
    found[4, 4] = 6 * w[1] * b
    return found


class Object:
    value, gradient, hessian = staticmethod(smooth), staticmethod(slope), staticmethod(curvature)


@pytest.mark.parametrize(
    "function", [pytest.param(smooth, marks=needs_torch, id="torch"), pytest.param(Object(), id="object")]
)
def test_values_and_derivatives_of_a_function_of_several_families(function: Any) -> None:
    if find_spec("torch") is not None:
        import torch  # noqa: F401  # what a function written for it does
    point = [A, B, W]
    found = call(function)
    assert found.value(point) == pytest.approx(float(smooth(A, B, W)), rel=1e-15)
    wanted = np.append(slope(A, B, W)[0].reshape(-1), slope(A, B, W)[1])
    np.testing.assert_allclose(found.gradient(point), wanted, rtol=1e-14)
    np.testing.assert_allclose(found.hessian(point), curvature(A, B, W), rtol=1e-14, atol=1e-15)
    v = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    np.testing.assert_allclose(found.product(point, v), curvature(A, B, W) @ v, rtol=1e-13)


@needs_torch
def test_a_backward_pass_that_takes_no_batches_goes_one_direction_after_the_other() -> None:
    import torch

    class Cube(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (x,) = ctx.saved_tensors
            if not math.isfinite(float(grad.detach().sum())):  # a number, which a batch of directions has not
                raise AssertionError
            return 3 * x**2 * grad

    def loss(a: Any) -> Any:
        return (Cube.apply(a) * a.flip(0)).sum()

    x = np.array([0.5, -1.0, 2.0])
    found = call(loss, (True,))
    assert not found.way([x]).batched  # type: ignore[attr-defined]
    x0, x1, x2 = x
    cross = 3 * (x0**2 + x2**2)
    wanted = [[6 * x0 * x2, 0, cross], [0, 12 * x1**2, 0], [cross, 0, 6 * x2 * x0]]
    np.testing.assert_allclose(found.hessian([x]), wanted, rtol=1e-13)


@needs_torch
def test_a_function_that_can_be_differentiated_once_says_so() -> None:
    import torch
    from torch.autograd.function import once_differentiable

    class Square(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, grad: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * grad

    found = call(lambda a: Square.apply(a).sum() + a.sum() ** 2, (True,))
    x = np.array([1.0, 2.0])
    np.testing.assert_allclose(found.gradient([x]), 2 * x + 2 * x.sum())
    way = found.way([x])
    assert way.orders == 1
    assert "cannot differentiate it" in way.lacks


@needs_torch
def test_what_torch_sees_no_slope_of_has_slope_zero() -> None:
    import torch

    def partly(a: Any) -> Any:
        return (3.0 * a[0]) if a[0] > 0 else torch.tensor(0.0, dtype=torch.float64)

    found = call(partly, (True,))
    right, left = np.array([1.0, 2.0]), np.array([-1.0, 2.0])
    assert found.gradient([right]).tolist() == [3.0, 0.0]
    assert found.hessian([right]).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert found.gradient([left]).tolist() == [0.0, 0.0]


def test_differences_are_as_good_as_their_step_allows() -> None:
    found = call(differences(smooth))
    wanted = np.append(slope(A, B, W)[0].reshape(-1), slope(A, B, W)[1])
    np.testing.assert_allclose(found.gradient([A, B, W]), wanted, rtol=1e-8)
    rough = np.abs(call(differences(smooth, step=1e-2)).gradient([A, B, W]) - wanted).max()
    assert 1e-5 < rough < 1e-2
    assert differences(smooth)(A, B, W) == smooth(A, B, W)
    with pytest.raises(ValueError, match="above 0"):
        differences(smooth, step=0.0)


def test_a_function_of_arrays_is_taken_for_one_and_has_no_derivatives() -> None:
    def numbers(a: Any, b: Any, w: Any) -> float:
        return float(np.exp(np.asarray(a)).sum() + float(b) * np.max(w))

    way = way_of(numbers, [A, B, W], [True, True, False])
    assert isinstance(way, Plain)
    with pytest.raises(OutsideError, match=r"optc\.differences|not to be had") as caught:
        call(numbers).gradient([A, B, W])
    assert caught.value.diagnostic.code.id == "E0843"


def test_without_torch_a_function_gets_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    seen: list[type] = []

    def either(a: Any) -> Any:
        seen.append(type(a))
        return (a**2).sum()

    found = call(either, (True,))
    assert found.value([A]) == pytest.approx((A**2).sum())
    assert set(seen) == {np.ndarray}
    assert found.way([A]).orders == 0


@pytest.mark.parametrize(
    ("result", "fault", "mend"),
    [
        (np.zeros(3), r"has the shape \(3,\)", "one number"),
        ("many", "is of type str", "real numbers"),
        (None, "is of type NoneType", "real numbers"),
        (1 + 2j, "is of type complex", "real numbers"),
        ([[1.0], [2.0, 3.0]], "is of type list", "real numbers"),
    ],
)
def test_results_that_are_no_number_are_told(result: Any, fault: str, mend: str) -> None:
    with pytest.raises(OutsideError, match=f"the result of `f\\(a\\)` {fault}") as caught:
        call(lambda _: result, (True,)).value([A])
    assert mend in caught.value.diagnostic.hints[0].text


@pytest.mark.parametrize("result", [2, np.float64(2.0), np.array([[2.0]]), np.int32(2), True])
def test_results_that_are_one_number(result: Any) -> None:
    assert call(lambda _: result, (True,)).value([A]) == np.asarray(result).item()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gradient": lambda *point: point}, "the gradient of `f(a, b, w)` has 3 parts"),
        ({"gradient": lambda *point: (point[0].T[:1], point[1])}, "has the shape (1, 2)"),
        ({"gradient": lambda *point: (point[0], "steep")}, "is of type str"),
        ({"gradient": slope, "hessian": lambda *_: np.eye(4)}, "has the shape (4, 4)"),
        ({"gradient": slope, "hessian": lambda *_: 1 / 0}, "fails with ZeroDivisionError"),
    ],
)
def test_derivatives_that_do_not_fit_are_told(given: dict[str, Any], words: str) -> None:
    found = call(type("Given", (), {"value": staticmethod(smooth), **{k: staticmethod(v) for k, v in given.items()}})())
    with pytest.raises(OutsideError) as caught:
        found.gradient([A, B, W])
        found.hessian([A, B, W])
    assert words in caught.value.diagnostic.message


def test_an_exception_is_told_with_its_line() -> None:
    def fails(_: Any) -> float:
        raise RuntimeError("no such thing\nand more")

    words = r"fails with RuntimeError: no such thing \(test_calls\.py, line \d+\)"
    with pytest.raises(OutsideError, match=words) as caught:
        call(fails, (True,)).value([A])
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.diagnostic.message == caught.value.diagnostic.message


@needs_torch
def test_a_function_that_fails_both_ways_shows_both_faults() -> None:
    import torch

    def confused(a: Any) -> Any:
        return torch.exp(a).numpy().mean()

    with pytest.raises(OutsideError, match=r"RuntimeError.* with torch tensors and with TypeError.* with NumPy arrays"):
        call(confused, (True,)).value([A])


@needs_torch
def test_a_gradient_that_was_cut_off_is_told() -> None:
    def cut(a: Any) -> Any:
        return float(a.detach().sum())

    found = call(cut, (True,))
    assert found.value([A]) == pytest.approx(A.sum())
    with pytest.raises(OutsideError, match="carries no gradient"):
        found.gradient([A])


@needs_torch
def test_single_precision_is_told_once() -> None:
    found = call(lambda a: a.float().sum(), (True,))
    assert found.value([A]) == pytest.approx(0.2, rel=1e-6)
    found.value([A])
    (told,) = found.told.values()
    assert (told.code.id, "float32" in told.message) == ("W0842", True)


def test_a_wrong_gradient_is_told_and_a_right_one_is_not() -> None:
    class Wrong(Object):
        @staticmethod
        def gradient(a: Any, b: Any, w: Any) -> Any:
            return slope(a, b, w)[0], 0.9 * slope(a, b, w)[1]

    nearby = [A - 1e-4, B - 1e-4, W], [A + 2e-4, B + 1e-4, W]
    right, wrong = call(Object()), call(Wrong())
    right.look_at_slope([A, B, W], nearby)
    wrong.look_at_slope([A, B, W], nearby)
    assert not right.told
    assert [d.code.id for d in wrong.told.values()] == ["W0841"]


def test_wrong_second_derivatives_are_told() -> None:
    class Wrong(Object):
        @staticmethod
        def hessian(a: Any, b: Any, w: Any) -> Any:
            return 0.5 * curvature(a, b, w)

    nearby = [A - 1e-4, B - 1e-4, W], [A + 2e-4, B + 1e-4, W]
    right, wrong = call(Object()), call(Wrong())
    right.look_at_curvature([A, B, W], nearby)
    wrong.look_at_curvature([A, B, W], nearby)
    assert not right.told
    assert [d.code.id for d in wrong.told.values()] == ["W0843"]
