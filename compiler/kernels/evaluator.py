"""Who evaluates the functions of a model: which printer's programs, on which device; and whether that can be had."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from optc.dsl.catalogue import report
from optc.dsl.catalogue.kernels import (
    KERNELS_NEED_COMPILER,
    KERNELS_NEED_TORCH,
    KERNELS_NOT_ON_DEVICE,
    NO_CUDA,
)
from optc.dsl.diagnostics import Diagnostic

Printer = Literal["auto", "numpy", "c", "torch"]


class EvaluatorError(Exception):
    """Functions cannot be evaluated as was asked for; ``diagnostic`` says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(frozen=True, slots=True)
class Evaluator:
    """``printer``: ``auto`` is NumPy at once, and compiled C where it is worth it and ready. ``device``: of torch."""

    printer: Printer = "auto"
    device: Literal["cpu", "cuda"] = "cpu"


AUTO = Evaluator()


def evaluator(kernels: str, device: str) -> Evaluator:
    """What evaluates where ``kernels`` (``auto``, ``numpy``, ``c``, ``torch``) and ``device`` (``cpu``, ``cuda``,
    ``auto``) are asked for.

    ``cuda`` means torch. ``auto`` kernels on another device never load it. Raises ``EvaluatorError``.
    """
    if kernels == "torch" or (kernels == "auto" and device == "cuda"):
        return Evaluator("torch", _torch_device(device))
    if device == "cuda":
        raise EvaluatorError(report(KERNELS_NOT_ON_DEVICE, None, kernels=kernels))
    if kernels == "c":
        from . import toolchain

        if toolchain.compiler() is None:
            raise EvaluatorError(report(KERNELS_NEED_COMPILER, None, reason="no C compiler was found"))
        return Evaluator("c")
    return Evaluator("numpy") if kernels == "numpy" else AUTO


def _torch_device(device: str) -> Literal["cpu", "cuda"]:
    """Where torch computes. Raises ``EvaluatorError`` where there is no torch, or no GPU that it can use."""
    if find_spec("torch") is None:
        raise EvaluatorError(report(KERNELS_NEED_TORCH, None, reason="torch is not installed"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            import torch
        except (ImportError, OSError) as error:
            raise EvaluatorError(report(KERNELS_NEED_TORCH, None, reason=f"torch cannot be loaded: {error}")) from None
        found = device != "cpu" and torch.cuda.is_available()
    if found or device != "cuda":
        return "cuda" if found else "cpu"
    seen = next((str(each.message).splitlines()[0] for each in told), "it sees none")
    reason = seen if torch.backends.cuda.is_built() else "it was built without CUDA"
    raise EvaluatorError(report(NO_CUDA, None, version=torch.__version__, reason=reason))
