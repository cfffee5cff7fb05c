"""Runs the programs of a model: by NumPy at once, by compiled code as soon as that is ready and worth it; or by the one
printer that an ``Evaluator`` names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.kernels import EVALUATED_BY, KERNELS_NEED_COMPILER
from optc.dsl.catalogue.solving import NOT_COMPILED
from optc.dsl.diagnostics import Diagnostic

from .evaluator import AUTO, Evaluator, EvaluatorError
from .model import Model
from .numpy_printer import NumpyProgram
from .programs import Program

if TYPE_CHECKING:
    from torch import Tensor

    from .compiled import CompiledProgram
    from .toolchain import CompileError
    from .torch_device import Device
    from .torch_printer import TorchProgram

Floats = NDArray[np.float64]
MANY_ROWS = 1000  # a program of so many rows is compiled when it is first run
MANY_RUNS = 300  # a smaller one when it has run so many times


@dataclass(eq=False)
class _Printed:
    """One program: what runs it now, and how often it has run."""

    program: Program
    run: NumpyProgram | CompiledProgram | TorchProgram
    runs: int = 0
    asked: bool = False
    error: str | None = None

    def done(self, found: CompiledProgram | CompileError) -> None:
        if isinstance(found, Exception):
            self.error = str(found)
        else:
            self.run = found


@dataclass(eq=False)
class Engine:
    """What has been printed of one model; shared by all forms that differ in their data only."""

    model: Model
    evaluator: Evaluator = AUTO
    _printed: dict[str, _Printed] = field(default_factory=dict)
    _others: dict[Evaluator, Engine] = field(default_factory=dict)
    _device: Device | None = None

    def by(self, evaluator: Evaluator) -> Engine:
        """The engine of the same model that another evaluator runs; kept with this one."""
        if evaluator == self.evaluator:
            return self
        return self._others.setdefault(evaluator, Engine(self.model, evaluator))

    def run(
        self, name: str, arrays: Sequence[Floats], inputs: Mapping[str, Floats], out: Floats | None = None
    ) -> Floats:
        """The result of a program by name, ``(…, size)``. Inputs ``(…, n)`` have the same leading axes, or none.

        Raises ``EvaluatorError`` where the evaluator fails at it: a compiler that breaks down, a device's memory.

        ``out``: a C-contiguous array of float64 to write into, of a program without leading axes.
        """
        printed = self._counted(name)
        if max(map(np.ndim, inputs.values())) < 2:
            if out is None:
                out = np.empty(printed.program.size)
            printed.run(arrays, {name: _contiguous(v) for name, v in inputs.items()}, out)
            return out
        lead = np.broadcast_shapes(*(v.shape[:-1] for v in inputs.values()))
        flat = {k: _flattened(v, lead) for k, v in inputs.items()}
        found = np.empty((int(np.prod(lead)), printed.program.size))
        printed.run(arrays, flat, found)
        return found.reshape((*lead, printed.program.size))

    def bound(
        self, name: str, arrays: Sequence[Floats], inputs: Mapping[str, Floats], out: Floats
    ) -> Callable[[], object]:
        """A call that runs a program on these arrays, 1-D and contiguous, whatever stands in them then.

        For those who call thousands of times on the same memory: it saves the way to the program each time.
        """
        printed = self._counted(name)
        from .compiled import CompiledProgram

        if isinstance(printed.run, CompiledProgram):
            return printed.run.bound(arrays, inputs, out)
        return partial(self.run, name, arrays, inputs, out)

    def tensors(self, name: str, arrays: Sequence[Floats], inputs: Mapping[str, Tensor]) -> Tensor:
        """As ``run``, of an evaluator that is torch: inputs and result stay on its device.

        Inputs are float64 ``(…, n)`` with the same leading axes, or none; the result is ``(…, size)``, of ``hessian``
        with its factored parts. Raises ``EvaluatorError``.
        """
        assert self.evaluator.printer == "torch", "only torch evaluates tensors"
        return cast("TorchProgram", self._counted(name).run).tensors(arrays, inputs)

    def _counted(self, name: str) -> _Printed:
        printed = self._printed.get(name) or self._print(name)
        printed.runs += 1
        if not printed.asked and (printed.program.rows >= MANY_ROWS or printed.runs >= MANY_RUNS):
            self._compile(printed)
        return printed

    def hessian(self, arrays: Sequence[Floats], inputs: Mapping[str, Floats], out: Floats | None = None) -> Floats:
        """The Hessian with its factored parts, ``(…, size)``; as ``run``."""
        found = self.run("hessian", arrays, inputs, out)
        if self.evaluator.printer == "torch":  # its program has them
            return found
        for k, (part, slots) in enumerate(zip(self.model.factored, self.model.factored_slots, strict=True)):
            names = ("first", "first" if part.first is part.second else "second", "weight")
            values = [self.run(f"{name} {k}", arrays, inputs) for name in names]
            lead = found.shape[:-1]
            flat = [v.reshape(-1, v.shape[-1]) for v in values]
            where = slots.positions(len(part.rows))
            for row, each in zip(found.reshape(-1, found.shape[-1]), zip(*flat, strict=True), strict=True):
                entries = part.entries(*each)
                row += np.bincount(where, weights=entries, minlength=len(row))
            found = found.reshape((*lead, found.shape[-1]))
        return found

    def _print(self, name: str) -> _Printed:
        program = self.model.program(name)
        printed = _Printed(program, self._runner(name, program), asked=self.evaluator.printer != "auto")
        return self._printed.setdefault(name, printed)

    def _runner(self, name: str, program: Program) -> NumpyProgram | CompiledProgram | TorchProgram:
        """What runs a program first, and for good unless the evaluator is ``auto``."""
        if self.evaluator.printer == "c":
            return _compiled(program)
        return self._torch(name, program) if self.evaluator.printer == "torch" else NumpyProgram(program)

    def _torch(self, name: str, program: Program) -> TorchProgram:
        from .torch_device import Device
        from .torch_factored import TorchHessian
        from .torch_printer import TorchProgram, enough_memory

        with enough_memory(self.evaluator.device):
            device = self._device = self._device or Device(self.evaluator.device)
            if name == "hessian":
                return TorchHessian(program, self.model.factored, self.model.factored_slots, device)
            return TorchProgram(program, device)

    # ------------------------------------------------------------------------------------------------ compiled code
    def _compile(self, printed: _Printed) -> None:
        from .compiled import compile_later

        printed.asked = True
        compile_later(printed.program, printed.done)

    def compile(self, *names: str, seconds: float = 60.0) -> bool:
        """Compile programs now and wait for them; whether all of them run as compiled code then."""
        chosen = [self._printed.get(name) or self._print(name) for name in names]
        for printed in chosen:
            if not printed.asked:
                self._compile(printed)
        limit = time.monotonic() + seconds
        while time.monotonic() < limit and any(self._waiting(p) for p in chosen):
            time.sleep(0.002)
        return not any(isinstance(p.run, NumpyProgram) for p in chosen)

    @staticmethod
    def _waiting(printed: _Printed) -> bool:
        return printed.error is None and isinstance(printed.run, NumpyProgram)

    def interpreted(self, *names: str) -> None:
        """Run programs by NumPy from now on, for comparisons."""
        for name in names:
            program = (self._printed.get(name) or self._print(name)).program
            self._printed[name] = _Printed(program, NumpyProgram(program), asked=True)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """A note where compiled code was wanted and cannot be had; who evaluated, where that was asked for."""
        if self.evaluator != AUTO and self._printed:
            return (report(EVALUATED_BY, None, who=_named(self.evaluator)),)
        errors = dict.fromkeys(p.error for p in self._printed.values() if p.error is not None)
        return tuple(report(NOT_COMPILED, None, reason=error) for error in errors)

    def __getstate__(self) -> dict[str, Any]:
        own = {"model": self.model, "evaluator": self.evaluator}
        return {**own, "_printed": {}, "_others": {}, "_device": None}


def _compiled(program: Program) -> CompiledProgram:
    """A program as compiled code, waited for."""
    from .compiled import compile_now
    from .toolchain import CompileError

    try:
        return compile_now(program)
    except CompileError as error:
        raise EvaluatorError(report(KERNELS_NEED_COMPILER, None, reason=str(error))) from None


def _named(evaluator: Evaluator) -> str:
    if evaluator.printer != "torch":
        return {"numpy": "NumPy", "c": "compiled C"}[evaluator.printer]
    import torch

    name = f" ({torch.cuda.get_device_name()})" if evaluator.device == "cuda" else ""
    return f"torch {torch.__version__} on device {evaluator.device}{name}"


def _contiguous(values: Floats) -> Floats:
    return (
        values if values.flags.c_contiguous and values.dtype == np.float64 else np.ascontiguousarray(values, np.float64)
    )


def _flattened(values: Floats, lead: tuple[int, ...]) -> Floats:
    """With one leading axis for all of ``lead``."""
    whole = np.broadcast_to(values, (*lead, values.shape[-1]))
    return whole.reshape(int(np.prod(lead)), values.shape[-1])
