"""torch says what NumPy and compiled code say: values, derivatives, batches, undefined points; on the device too."""

from __future__ import annotations

import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import kernel_models as models
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nonlinear_models import PROGRAMS, Case, case, point, results

from optc.compiler.forms.linear import Floats
from optc.compiler.forms.nonlinear import NonlinearForm
from optc.compiler.kernels import toolchain
from optc.compiler.kernels.evaluator import Evaluator, EvaluatorError
from optc.dsl.catalogue import kernels as codes

torch = pytest.importorskip("torch", reason="torch is not installed")
torch_device = import_module("optc.compiler.kernels.torch_device")
torch_factored = import_module("optc.compiler.kernels.torch_factored")
torch_printer = import_module("optc.compiler.kernels.torch_printer")
TorchDispatchMode = import_module("torch.utils._python_dispatch").TorchDispatchMode
tree_leaves = import_module("torch.utils._pytree").tree_leaves

NUMPY, C, TORCH, CUDA = Evaluator("numpy"), Evaluator("c"), Evaluator("torch"), Evaluator("torch", "cuda")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
DEVICES = [pytest.param(TORCH, id="cpu"), pytest.param(CUDA, id="cuda", marks=needs_cuda)]


def both(found: Case, evaluator: Evaluator) -> tuple[NonlinearForm, NonlinearForm]:
    """The form by NumPy, and by another."""
    return found.form.evaluated_by(NUMPY), found.form.evaluated_by(evaluator)


def others(evaluator: Evaluator) -> list[Evaluator]:
    return [evaluator] if toolchain.compiler() is None else [evaluator, C]


def assert_same(ours: dict[str, Floats], theirs: dict[str, Floats], what: str) -> None:
    for name, expected in theirs.items():
        scale = np.abs(expected).max(initial=1e-300)
        np.testing.assert_allclose(ours[name], expected, rtol=1e-12, atol=1e-13 * scale, err_msg=f"{what}: {name}")


# ------------------------------------------------------------------------------------------------------- agreement
@pytest.mark.parametrize("evaluator", DEVICES)
def test_torch_says_what_numpy_says(evaluator: Evaluator) -> None:
    """Every function and structure: at one point, and at a batch with two leading axes."""
    for name, text in models.EVERY.items():
        found = case(models.HEAD + text, models.DATA)
        numpy, torched = both(found, evaluator)
        points = np.stack([[point(found, 2 * i + j) for j in range(2)] for i in range(3)])
        assert_same(results(torched, points[0, 0]), results(numpy, points[0, 0]), name)
        assert_same(results(torched, points), results(numpy, points), f"{name}, a batch")


def test_what_is_done_on_a_gpu_is_right_on_the_cpu_too() -> None:
    """Data moved once, and sums over rows that were sorted before."""
    for name, text in models.EVERY.items():
        found = case(models.HEAD + text, models.DATA)
        numpy, torched = both(found, TORCH)
        device = torched.engine._device = torch_device.Device("cpu")
        device.shares, device.sorts = False, True
        points = np.stack([point(found, k) for k in range(3)])
        assert_same(results(torched, points), results(numpy, points), name)


class OneDevice(TorchDispatchMode):
    """Operations on tensors of two devices fail, unless they move one to the other."""

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [each for each in tree_leaves((args, kwargs or {})) if isinstance(each, torch.Tensor)]
        mixed = len({each.device.type for each in tensors}) > 1
        assert not mixed or "copy" in func.__name__, f"{func} on two devices"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("lead", [(), (3,)])
def test_everything_is_moved_to_the_device(lead: tuple[int, ...]) -> None:
    """On torch's device without memory, which only follows shapes and types."""
    for name, text in models.EVERY.items():
        found = case(models.HEAD + text, models.DATA)
        m, n = found.form.shape
        sizes = {"x": n, "sigma": 1, "multipliers": m, "direction": n}
        with OneDevice():
            device = torch_device.Device("meta")
            given = {k: torch.empty((*lead, size), dtype=torch.float64, device="meta") for k, size in sizes.items()}
            for what in PROGRAMS:
                program = found.model.program(what)
                ours = torch_printer.TorchProgram(program, device).tensors(found.form.arrays, given)
                assert (ours.device.type, ours.dtype) == ("meta", torch.float64)
                assert ours.shape == (*lead, program.size), (name, what)


SHARED = """set I
set J
set A within I * J
param w[I]
param p[A]
var x[I] in [0.1, 2]
var y[I, J]
minimize sum(exp(p[i, j] * y[i, j]) * x[i] for (i, j) in A) + prod(1 + x[i] / 900 for i in I)
subject to
  a[i in I]: sum(sin(y[i, j] * p[i, j]) for (i, j) in A) + x[i] <= 3
  b[j in J]: logsumexp(y[i, j] for (i, j) in A) <= 9
  c[j in J]: prod(1 + y[i, j]^2 / 300 for i in I) + norm2(y[i, j] for i in I) <= 9
  d[i in I if i >= 2]: sum(y[i, j] * x[i - 1] for j in J)^2 <= 4
"""


@pytest.mark.parametrize("evaluator", DEVICES)
def test_numpy_c_and_torch_agree_over_many_rows(evaluator: Evaluator) -> None:
    """Irregular sets: sums, products and maxima over some of the rows, rows shared by several terms."""
    rng = np.random.default_rng(3)
    pairs = [(i, j) for i in range(1, 301) for j in range(1, 6) if rng.random() < 0.5]
    data = {
        "I": list(range(1, 301)),
        "J": list(range(1, 6)),
        "A": pairs,
        "w": {(i,): float(rng.uniform(0.2, 1.5)) for i in range(1, 301)},
        "p": {pair: float(rng.uniform(0.2, 1.5)) for pair in pairs},
    }
    found = case(SHARED, data)
    expected = results(found.form.evaluated_by(NUMPY), point(found, 1))
    for other in others(evaluator):
        assert_same(results(found.form.evaluated_by(other), point(found, 1)), expected, other.printer)


ODD = """set I = 1..14
param v[I]
var x[I]
minimize sum(v[i] * x[i] for i in I)
subject to
  a[i in I]: entropy(x[i]) + log(x[i]) >= 0
  b[i in I]: huber(x[i], 1) + sqrt(x[i]) + 1 / x[i] + x[i]^3 + x[i]^v[i] >= 0
  c[i in I]: sigmoid(100 * x[i]) + softplus(800 * x[i]) + exp(800 * x[i]) + tanh(900 * x[i]) >= 0
  d[i in I]: kl(x[i], v[i]) + kl(v[i], x[i]) + erf(x[i]) + x[i]^(-2) >= 0
  e[i in I]: norm2(x[k] for k in I if k <= i) + prod(x[k] for k in I if k >= i) >= 0
  f[i in I]: abs(x[i]) * x[i] + x[i]^(-0.5) + x[i]^1.5 + logsumexp(x[k] for k in I if k >= i) >= 0
"""
TINY = np.finfo(np.float64).tiny  # below it numbers have fewer digits
V = [0, 1, 2, 0.5, 3, 0, 1, 0, 1, 2, 0.5, 0, 1, 2]


def assert_same_places(ours: dict[str, Floats], theirs: dict[str, Floats], what: str) -> None:
    """NaN and infinities stand at the same places; the rest agrees to the last digits, as far as numbers have them."""
    for name, expected in theirs.items():
        told = f"{what}: {name}"
        finite = np.isfinite(expected)
        assert np.array_equal(np.isnan(ours[name]), np.isnan(expected)), told
        assert np.array_equal(ours[name][np.isinf(expected)], expected[np.isinf(expected)]), told
        np.testing.assert_allclose(ours[name][finite], expected[finite], rtol=1e-12, atol=TINY, err_msg=told)


@pytest.mark.parametrize("evaluator", DEVICES)
def test_undefined_points_are_the_same_everywhere(evaluator: Evaluator) -> None:
    smooth = ODD.replace("abs(x[i]) * x[i] + ", "")
    found = case(smooth, {"v": {(i + 1,): v for i, v in enumerate(V)}})
    points = np.array(
        [
            [0.0, -0.0, 1.0, -1.0, 2.0, 1e-300, 1e300, np.inf, -np.inf, np.nan, 0.5, -3.0, 1.0, 1e-12],
            np.zeros(14),
            -np.ones(14),
        ]
    )
    for x in (*points, points):
        expected = results(found.form.evaluated_by(NUMPY), x)
        for other in others(evaluator):
            ours = results(found.form.evaluated_by(other), x)
            assert_same_places(ours, {k: expected[k] for k in ("value", "rows", "jacobian")}, other.printer)


FUNCTIONS = [*models.EVERYWHERE, *models.ABOVE_ZERO, *models.INSIDE_ONE]
EACH = "var x[1..3]\nparam w[1..3]\nminimize 0\nsubject to\n" + "".join(
    f"  c{k}[i in 1..3]: {name}(x[i]) >= 0\n" for k, name in enumerate(FUNCTIONS)
)
EACH += "".join(
    f"  d{k}[i in 1..3]: {term} >= 0\n"
    for k, term in enumerate(
        ["huber(x[i], 0.5)", "kl(x[i], 2)", "kl(w[i], x[i])", "kl(x[i], x[i])", "x[i]^w[i]", "x[i]^3", "x[i]^(-5)"]
    )
)
ODD_NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-310, 1e308, 710.0, -745.0, np.inf, -np.inf, np.nan])


@cache
def each() -> Case:
    return case(EACH, {"w": {(1,): 2.5, (2,): -2.0, (3,): 0.0}})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(width=64) | st.floats(-30, 30) | ODD_NUMBERS, min_size=3, max_size=3))
def test_every_function_has_the_same_value_at_any_number(x: list[float]) -> None:
    form, at = each().form, np.array(x)
    expected = form.evaluated_by(NUMPY).evaluate_rows(at)
    for other in others(TORCH):
        ours = form.evaluated_by(other).evaluate_rows(at)
        assert_same_places({"rows": ours}, {"rows": expected}, f"{other.printer} at {x}")


# ------------------------------------------------------------------------------------------------------- factored
DENSE = """set I
set J
param a[I, J]
var x[J]
minimize sum(log(1 + exp(sum(a[i, j] * x[j] for j in J))) for i in I)
"""
SPARSE = """set I
set J
set A within I * J
param a[A]
var x[J]
var z
minimize sum(log(1 + exp(sum(a[i, j] * x[j] for (i, j) in A) * (1 + z / 9))) for i in I)
"""


def factored(text: str) -> Case:
    """The rows of a sparse one fall into two parts that have no column but ``z`` in common."""
    rng = np.random.default_rng(2)
    rows, columns = range(1, 301), range(1, 71)
    pairs = [(i, j) for i in rows for j in columns if text == DENSE or (i + j) % 2 == 0]
    data: dict[str, Any] = {"I": list(rows), "J": list(columns), "a": {p: float(rng.normal()) for p in pairs}}
    found = case(text, data | ({"A": pairs} if "A within" in text else {}))
    assert found.model.factored
    return found


@pytest.mark.parametrize("evaluator", DEVICES)
@pytest.mark.parametrize("text", [pytest.param(DENSE, id="dense"), pytest.param(SPARSE, id="sparse")])
def test_factored_hessians_agree(text: str, evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_factored, "ENTRIES", 1000)  # several blocks of rows
    found = factored(text)
    assert {f.first.dense for f in found.model.factored} == {text == DENSE}
    numpy, torched = both(found, evaluator)
    points = np.stack([point(found, k, -0.1, 0.1) for k in range(3)])
    for x in (points[0], points):
        assert_same(results(torched, x), results(numpy, x), text)


@pytest.mark.parametrize("evaluator", DEVICES)
def test_undefined_entries_of_a_sparse_factor_stay_alone(evaluator: Evaluator) -> None:
    found = factored(SPARSE)
    numpy, torched = both(found, evaluator)
    x = point(found, 1, -0.1, 0.1)
    x[3] = 1e308
    expected = numpy.evaluate_hessian(x, 1.0, np.zeros(0))
    assert np.isnan(expected).any()
    assert np.isfinite(expected).any()
    ours = torched.evaluate_hessian(x, 1.0, np.zeros(0))
    assert np.array_equal(np.isnan(ours), np.isnan(expected))


def test_new_data_are_seen() -> None:
    text = "param a[1..3]\nvar x[1..3]\nminimize sum(a[i] * exp(x[i]) for i in 1..3)\n"
    first = case(text, {"a": {(i,): 1.0 for i in range(1, 4)}}).form.evaluated_by(TORCH)
    x = np.zeros(3)
    assert first.evaluate_objective(x) == 3.0
    second = replace(first, arrays=(np.full(3, 2.0),))
    assert (second.evaluate_objective(x), first.evaluate_objective(x)) == (6.0, 3.0)


# --------------------------------------------------------------------------------------------------- on the device
@pytest.mark.parametrize("evaluator", DEVICES)
def test_tensors_go_in_and_come_out(evaluator: Evaluator) -> None:
    found = factored(SPARSE)
    numpy, torched = both(found, evaluator)
    points = np.stack([point(found, k, -0.1, 0.1) for k in range(4)]).reshape(2, 2, -1)
    x = torch.tensor(points, device=evaluator.device, requires_grad=True)
    one = torch.ones(1, dtype=torch.float64, device=evaluator.device)
    inputs = {"x": x, "sigma": one, "multipliers": one[:0], "direction": x[0, 0]}
    expected = {
        "gradient": numpy.evaluate_gradient(points),
        "hessian": numpy.evaluate_hessian(points, 1.0, np.zeros(0)),
        "product": numpy.hessian_product(points, 1.0, np.zeros(0), points[0, 0]),
    }
    for name, values in expected.items():
        ours = torched.engine.tensors(name, torched.arrays, inputs)
        assert (ours.device.type, ours.dtype, ours.requires_grad) == (evaluator.device, torch.float64, False)
        np.testing.assert_allclose(ours.cpu().numpy(), values, rtol=1e-12, atol=1e-12 * np.abs(values).max())
    assert np.array_equal(x.detach().cpu().numpy(), points)


def test_tensors_of_less_precision_are_refused() -> None:
    torched = case(models.HEAD + models.EVERY["exp"], models.DATA).form.evaluated_by(TORCH)
    with pytest.raises(TypeError, match=r"float64, not x: torch\.float32"):
        torched.engine.tensors("rows", torched.arrays, {"x": torch.ones(16)})


def test_inputs_and_data_stay_as_they_are() -> None:
    """Nothing is written where the caller's numbers stand; numbers that must not be written will do."""
    found = case(models.HEAD + models.EVERY["lets"], models.DATA)
    x = point(found)
    before = x.copy(), [a.copy() for a in found.form.arrays]
    expected = results(found.form.evaluated_by(NUMPY), x)
    torched = found.form.evaluated_by(TORCH)
    for writeable in (True, False):
        for array in (x, *found.form.arrays):
            array.flags.writeable = writeable
        assert_same(results(torched, x), expected, "once more")
        assert np.array_equal(x, before[0])
        assert all(np.array_equal(a, b) for a, b in zip(found.form.arrays, before[1], strict=True))


def test_threads_may_evaluate_at_once_and_runs_repeat() -> None:
    found = factored(SPARSE)
    torched = found.form.evaluated_by(TORCH)
    points = [point(found, k, -0.1, 0.1) for k in range(8)]
    alone = [results(torched, x) for x in points]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda x: results(torched, x), points))
    for one, other in zip(alone, together, strict=True):
        assert all(np.array_equal(one[name], other[name]) for name in PROGRAMS)


def test_python_does_not_run_over_rows() -> None:
    """The number of tensor operations is the same for fifty times as many rows, and for a batch."""

    def operations(n: int, points: int) -> int:
        text = "param n\nvar x[1..n]\nminimize sum(exp(x[i] * x[i + 1]) for i in 1..n-1)\nsubject to\n"
        found = case(text + "  c[i in 2..n]: x[i]^3 * sin(x[i - 1]) <= 1\n", {"n": n})
        torched = found.form.evaluated_by(TORCH)
        x = np.ones((points, n))
        results(torched, x)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            results(torched, x)
        return sum(event.count for event in profile.key_averages())

    few = operations(20, 1)
    assert operations(1000, 1) == few
    assert operations(20, 30) <= few + 10


def test_forms_that_torch_evaluates_travel_between_processes() -> None:
    found = case(models.HEAD + models.EVERY["products"], models.DATA)
    torched = found.form.evaluated_by(TORCH)
    used = results(torched, point(found))
    again = pickle.loads(pickle.dumps(torched))
    assert again.engine.evaluator == TORCH
    assert_same(results(again, point(found)), used, "elsewhere")
    assert again.undefined(point(found)) is None


def test_an_engine_is_kept_for_each_evaluator() -> None:
    form = case(models.HEAD + models.EVERY["lets"], models.DATA).form
    assert form.evaluated_by(TORCH).engine is form.evaluated_by(TORCH).engine
    assert form.evaluated_by(Evaluator()).engine is form.engine
    assert form.evaluated_by(NUMPY).engine is not form.evaluated_by(TORCH).engine


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    form = case(models.HEAD + models.EVERY["exp"], models.DATA).form.evaluated_by(TORCH)

    def none_left(*_args: object, **_more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7 GiB.\nmore lines")

    monkeypatch.setattr(torch, "empty", none_left)
    monkeypatch.setattr(torch, "zeros", none_left)
    with pytest.raises(EvaluatorError) as caught:
        form.evaluate_rows(np.ones(form.shape[1]))
    assert caught.value.diagnostic.code is codes.DEVICE_MEMORY
    assert "Tried to allocate 7 GiB." in caught.value.diagnostic.message
    assert "more lines" not in caught.value.diagnostic.message


def test_torch_is_imported_in_its_own_modules_alone() -> None:
    folder = Path(toolchain.__file__).parent
    loads = re.compile(r"^(import|from) torch", re.MULTILINE)
    found = {path.name for path in folder.glob("*.py") if loads.search(path.read_text(encoding="utf-8"))}
    assert found == {"torch_device.py", "torch_factored.py", "torch_operations.py", "torch_printer.py"}
