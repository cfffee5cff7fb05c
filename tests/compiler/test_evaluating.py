"""Who evaluates functions: what the option and the device choose, what is refused, and what the answer says of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optc
from optc.compiler.kernels import compiled, evaluator, toolchain
from optc.compiler.kernels.evaluator import AUTO, Evaluator, EvaluatorError
from optc.compiler.kernels.evaluator import evaluator as chosen
from optc.compiler.result.solution import Solution

ROOT = Path(__file__).resolve().parents[2]
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
needs_compiler = pytest.mark.skipif(toolchain.compiler() is None, reason="no C compiler")

SMOOTH = """var x[1..3] in [-2, 2] start 1
minimize sum(x[i]^4 - x[i] for i in 1..3) + sin(x[1] * x[2])
"""
ROWS = SMOOTH + "subject to\n  c: sum(x[i]^3 for i in 1..3) == 1\n"
FREE = "var x[1..3] start 1\nminimize sum(x[i]^4 + exp(x[i]) for i in 1..3)\n"
LINEAR = "var x in [0, 1]\nmaximize x\n"
MODELS = {"ipopt": ROWS, "exact_al": ROWS, "trust_constr": ROWS, "gns": FREE, "cbo": SMOOTH}


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled kernels are kept in a folder of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def solved(text: str, **more: Any) -> Solution:
    return optc.parse(text).bind().solve(**more)


def codes_of(solution: Solution) -> list[str]:
    return [each.code.id for each in solution.diagnostics]


# ------------------------------------------------------------------------------------------------------- the choice
def test_what_is_chosen_without_torch() -> None:
    assert chosen("auto", "cpu") == chosen("auto", "auto") == AUTO
    assert chosen("numpy", "cpu") == chosen("numpy", "auto") == Evaluator("numpy")


@needs_torch
def test_a_device_is_chosen_for_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    for seen, there in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda seen=seen: seen)
        assert chosen("torch", "auto") == Evaluator("torch", there)  # type: ignore[arg-type]
        assert chosen("torch", "cpu") == Evaluator("torch", "cpu")
    assert chosen("torch", "cuda") == chosen("auto", "cuda") == Evaluator("torch", "cuda")


def refusal(kernels: str, device: str) -> tuple[str, str]:
    with pytest.raises(EvaluatorError) as caught:
        chosen(kernels, device)
    return caught.value.diagnostic.code.id, caught.value.diagnostic.message


@pytest.mark.parametrize(("kernels", "device"), [("torch", "cpu"), ("torch", "auto"), ("auto", "cuda")])
def test_without_torch_its_extra_is_named(kernels: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "find_spec", lambda _name: None)
    with pytest.raises(EvaluatorError) as caught:
        chosen(kernels, device)
    assert caught.value.diagnostic.code.id == "E0631"
    assert 'pip install "optc[torch]"' in caught.value.diagnostic.hints[0].text


def test_a_torch_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "find_spec", lambda _name: object())
    monkeypatch.setitem(sys.modules, "torch", None)
    assert refusal("torch", "cpu")[0] == "E0631"


@needs_torch
def test_without_a_gpu_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    assert refusal("auto", "cuda") == (
        "E0632",
        f"`--device cuda` asks for a GPU, and torch {torch.__version__} cannot use one: it was built without CUDA",
    )
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    assert "it sees none" in refusal("torch", "cuda")[1]


@needs_torch
def test_what_torch_warns_of_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    import warnings

    import torch

    def old_driver() -> bool:
        warnings.warn("The NVIDIA driver on your system is too old\nmore", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", old_driver)
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    assert refusal("auto", "cuda")[1].endswith("cannot use one: The NVIDIA driver on your system is too old")


@pytest.mark.parametrize("kernels", ["numpy", "c"])
def test_a_contradiction_is_refused(kernels: str) -> None:
    assert refusal(kernels, "cuda")[0] == "E0634"


def test_without_a_compiler_compiled_functions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "compiler", lambda: None)
    assert refusal("c", "cpu")[0] == "E0633"


# --------------------------------------------------------------------------------------------------------- in a solve
@pytest.mark.parametrize("backend", MODELS)
@pytest.mark.parametrize(
    ("kernels", "who"),
    [
        ("numpy", "NumPy"),
        pytest.param("c", "compiled C", marks=needs_compiler),
        pytest.param("torch", "torch", marks=needs_torch),
    ],
)
def test_each_evaluator_leads_to_the_same_answer(kernels: str, who: str, backend: str) -> None:
    usual = solved(MODELS[backend], backend=backend)
    assert "N0611" not in codes_of(usual)
    found = solved(MODELS[backend], backend=backend, options={"kernels": kernels}, device="cpu")
    (note,) = [each for each in found.diagnostics if each.code.id == "N0611"]
    assert who in note.message
    assert found.status == usual.status
    assert found.backend is not None
    assert found.backend.options == {"kernels": kernels}
    assert usual.objective is not None
    assert found.objective == pytest.approx(usual.objective, rel=1e-6)
    np.testing.assert_allclose(found["x"].values, usual["x"].values, atol=1e-4)


@needs_torch
def test_a_model_may_ask_for_it() -> None:
    found = solved(FREE + 'solve with gns(kernels = "torch")\n')
    assert found.status in ("optimal", "locally optimal")
    assert "N0611" in codes_of(found)


@needs_compiler
def test_compiled_functions_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first call on nothing runs but compiled code."""
    from optc.compiler.kernels import numpy_printer

    def refused(*_args: object) -> None:
        raise AssertionError("NumPy was called")

    monkeypatch.setattr(numpy_printer.NumpyProgram, "__call__", refused)
    assert solved(FREE, backend="gns", options={"kernels": "c"}).has_point


def test_a_compiler_that_fails_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    error = toolchain.CompileError("cc: error: no luck today")
    monkeypatch.setattr(toolchain, "compiler", lambda: toolchain.Compiler(("cc",), "cc 1.0", False))
    monkeypatch.setattr(compiled, "compile_later", lambda _program, done: done(error))
    for backend, text in MODELS.items():
        found = solved(text, backend=backend, options={"kernels": "c"})
        assert (found.status, found.termination, found.exit_code) == ("failed", "no route", 7)
        (fault,) = [each for each in found.diagnostics if each.code.id == "E0633"]
        assert "no luck today" in fault.message


@needs_torch
def test_too_little_memory_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def none_left(*_args: object, **_more: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(torch, "empty", none_left)
    monkeypatch.setattr(torch, "zeros", none_left)
    found = solved(FREE, backend="gns", options={"kernels": "torch"}, device="cpu")
    assert (found.status, found.termination) == ("failed", "memory limit")
    assert codes_of(found) == ["E0635"]


def test_a_refusal_is_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluator, "find_spec", lambda _name: None)
    found = solved(FREE, backend="gns", device="cuda")
    assert (found.status, found.termination, found.exit_code) == ("failed", "no route", 7)
    assert codes_of(found) == ["E0631"]


def test_a_device_that_is_not_used_is_noted() -> None:
    found = solved(LINEAR, device="cuda")
    assert (found.status, found.objective) == ("optimal", 1.0)
    (note,) = found.diagnostics
    assert (note.code.id, note.severity) == ("N0612", "note")
    assert "`highs`" in note.message
    assert codes_of(solved(LINEAR, device="cpu")) == []


def test_a_solver_that_evaluates_for_itself_does_not_use_the_device() -> None:
    found = solved("var x in [0, 2]\nminimize exp(x) - 2 * x\n", backend="scip", device="cuda")
    assert found.status == "optimal"
    assert codes_of(found) == ["N0612"]


@needs_torch
def test_an_option_finds_the_backend_that_the_model_goes_to() -> None:
    """Without a name it is an option of the backend that is really taken, not of one that would refuse."""
    text = "var x[1..40] in [0.1, 3] start 1\nminimize sum(sin(x[i]) * exp(x[i] * x[41 - i]) for i in 1..40)\n"
    found = solved(text, options={"kernels": "torch"})
    assert found.backend is not None
    assert found.backend.options == {"kernels": "torch"}
    assert "N0611" in codes_of(found)


# ------------------------------------------------------------------------------------------------- what is not loaded
@pytest.mark.parametrize("model", [LINEAR, ROWS, FREE], ids=["linear", "rows", "free"])
@pytest.mark.parametrize("command", ["check", "solve"])
def test_torch_is_loaded_only_where_it_is_asked_for(command: str, model: str) -> None:
    program = (
        f"import sys; from optc.cli.main import main; status = main(['{command}', '-']); "
        "print(status, [m for m in sys.modules if m.startswith('torch') or 'torch_' in m], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input=model, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "0 []", done.stderr


@needs_torch
def test_without_the_gpu_that_was_asked_for_the_exit_status_is_that_of_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    import optc

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = optc.parse("var x in [-1, 2]\nminimize sin(x) + x^4\n").bind().solve(backend="exact_al", device="cuda")
    assert [each.code.id for each in found.diagnostics] == ["E0632"] and found.exit_code == 7
