"""The torch printer: a program as tensor operations in float64, on the CPU or a GPU.

Each node is one operation over all rows of its loop and all points of a batch at once; a tensor is dropped, or written
over, as soon as nothing needs it any more. Only those who ask for torch import this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from optc.dsl.catalogue import report
from optc.dsl.catalogue.kernels import DEVICE_MEMORY

from .evaluator import EvaluatorError
from .loops import Index
from .nodes import GATHERED, Node
from .numpy_printer import whole_power
from .programs import Output, Pass, Program
from .torch_device import Device
from .torch_operations import FRESH, INTO, whole

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is known of a node's tensor: it has all rows (else one for all), it has the axes of the batch, and nothing
    else stands in its memory."""

    wide: bool
    batched: bool
    own: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """A node to compute. ``over``: which argument may be written over (-1: none). ``dead``: nodes not needed after."""

    node: Node
    args: tuple[int, ...]
    power: int | None
    over: int
    dead: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    run: Pass
    steps: tuple[_Step, ...]
    constants: tuple[tuple[int, Tensor], ...]


class TorchProgram:
    """A program that runs by torch. Called as ``NumpyProgram`` is; ``tensors`` takes and gives what is on the device.

    Calls share nothing that they write, so threads may make them at once.
    """

    def __init__(self, program: Program, device: Device) -> None:
        self.program = program
        self.device = device
        self._plans = [_planned(run, device) for run in program.passes if run.loop.size]

    def __call__(self, arrays: Sequence[Floats], inputs: Mapping[str, Floats], out: Floats) -> None:
        """Fills ``out``, ``(…, size)``; see ``NumpyProgram``. Raises ``EvaluatorError`` where memory is too short."""
        with enough_memory(self.device.name):
            given = {k: self.device.given(v) for k, v in inputs.items() if k in self.sources}
            torch.from_numpy(out).copy_(self._filled(arrays, given, out.shape[:-1]))

    def tensors(self, arrays: Sequence[Floats], inputs: Mapping[str, Tensor]) -> Tensor:
        """The result ``(…, size)`` from inputs ``(…, n)``, all of them float64 on the device.

        Leading axes are those of all inputs together. Nothing is recorded for automatic differentiation. Raises
        ``TypeError`` for other numbers than float64, ``EvaluatorError`` where memory is too short.
        """
        wrong = {name: v.dtype for name, v in inputs.items() if v.dtype != torch.float64}
        if wrong:
            raise TypeError(f"kernels compute in float64, not {', '.join(f'{k}: {v}' for k, v in wrong.items())}")
        lead = torch.broadcast_shapes(*(v.shape[:-1] for v in inputs.values()))
        with enough_memory(self.device.name):
            return self._filled(arrays, inputs, lead)

    @property
    def sources(self) -> frozenset[str]:
        """The inputs that it reads."""
        return self.program.sources

    def _filled(self, arrays: Sequence[Floats], inputs: Mapping[str, Tensor], lead: Sequence[int]) -> Tensor:
        with torch.no_grad():
            whole_inputs = {k: v.expand(*lead, v.shape[-1]) for k, v in inputs.items()}
            call = _Call(self, arrays, whole_inputs, tuple(lead))
            for plan in self._plans:
                call.run(plan)
            return call.out


@contextmanager
def enough_memory(device: str) -> Iterator[None]:
    """Tells of a device whose memory is too short; raises ``EvaluatorError``."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        reason = str(error).splitlines()[0]
        raise EvaluatorError(report(DEVICE_MEMORY, None, device=device, reason=reason)) from None


class _Call:
    """One run of a program: the result and the scratch tensors as they are filled."""

    def __init__(
        self, owner: TorchProgram, arrays: Sequence[Floats], inputs: Mapping[str, Tensor], lead: tuple[int, ...]
    ) -> None:
        self.program = program = owner.program
        self.device = owner.device
        self.arrays, self.inputs, self.lead = arrays, inputs, lead
        new = torch.zeros if program.cleared else torch.empty
        self.out: Tensor = new((*lead, program.size), dtype=torch.float64, device=self.device.device)
        self.scratch: list[Tensor | None] = [None] * len(program.scratch)

    def run(self, plan: _Plan) -> None:
        """One pass: all of its nodes, then its outputs."""
        values = dict(plan.constants)
        size = plan.run.loop.size
        for step in plan.steps:
            values[step.node.number] = self._computed(step, [values[a] for a in step.args], plan.run, size)
            for number in step.dead:
                del values[number]
        for output in plan.run.outputs:
            self._put(output, values, size)

    # ------------------------------------------------------------------------------------------------------- a node
    def _computed(self, step: _Step, args: list[Tensor], run: Pass, size: int) -> Tensor:
        node = step.node
        op = node.op
        if step.power is not None:
            return whole(args[0], step.power)
        if op in INTO:
            return INTO[op](*args) if step.over < 0 else INTO[op](*args, out=args[step.over])
        if op == "load":
            assert node.index is not None
            return self.device.read(self._source(node), node.index, size)
        if op in GATHERED:
            return self._scratch(run.scratch_of[node.number])
        if op == "lift":
            assert node.index is not None
            return self.device.read(self._scratch(run.scratch_of[node.args[0].number]), node.index, size)
        if op in ("others", "held"):
            return args[0]
        return FRESH[op](*args)

    def _source(self, node: Node) -> Tensor:
        if node.source == "one":
            return self.device.one
        if node.source in ("data", "fixed"):
            return self.device.array(self.program.array(node, self.arrays))
        return self.inputs[node.source]

    def _scratch(self, number: int) -> Tensor:
        """A scratch tensor; of a sum, product or maximum that nothing was gathered for: its first value."""
        found = self.scratch[number]
        if found is None:
            size, first = self.program.scratch[number]
            found = torch.full((*self.lead, size), first, dtype=torch.float64, device=self.device.device)
            self.scratch[number] = found
        return found

    # ------------------------------------------------------------------------------------------------------ an output
    def _put(self, output: Output, values: Mapping[int, Tensor], size: int) -> None:
        found = values[output.node.number]
        if output.action == "keep" and output.index.identity:
            self.scratch[output.scratch] = found.expand(*self.lead, size)
            return
        target = self.out if output.scratch < 0 else self._scratch(output.scratch)
        if output.more:
            self._put_run(output, values, target, size)
        elif output.action in ("store", "keep") and output.unique:
            self.device.write(target, output.index, found, size)
        elif output.action in ("store", "keep", "add"):
            self.device.add(target, output.index, found, size)
        else:
            self.device.gather(output.action, target, output.index, found, size)

    def _put_run(self, output: Output, values: Mapping[int, Tensor], target: Tensor, size: int) -> None:
        """Values into a run of places in which some of them are shifted."""
        if output.action == "store":
            self.device.write(target, output.index, self.device.zero, size + output.reach)
        for node, shift in ((output.node, 0), *output.more):
            index = Index(output.index.base + output.index.stride * shift, output.index.stride)
            self.device.add(target, index, values[node.number], size)


# ---------------------------------------------------------------------------------------------------------- the plan
def _planned(run: Pass, device: Device) -> _Plan:
    root = _roots(run.nodes)
    dead = _deaths(run, root)
    kinds: dict[int, _Kind] = {}
    steps = []
    for k, node in enumerate(run.nodes):
        args = tuple(a.number for a in _needed(node))
        kind = kinds[node.number] = _kind(node, [kinds[a] for a in args])
        if node.op == "const":
            continue
        free = [j for j, a in enumerate(args) if root[a] in dead[k] and _replaceable(kinds[root[a]], kind)]
        over = free[0] if free and node.op in INTO else -1
        gone = tuple(number for number, first in root.items() if first in dead[k])
        steps.append(_Step(node, args, whole_power(node), over, gone))
    constants = tuple((n.number, device.constant(n.value)) for n in run.nodes if n.op == "const")
    return _Plan(run, tuple(steps), constants)


def _needed(node: Node) -> tuple[Node, ...]:
    """What a pass must have to compute a node."""
    if node.op in GATHERED or node.op in ("lift", "load", "const"):
        return ()
    return node.args[:1] if node.op == "others" else node.args


def _roots(nodes: Sequence[Node]) -> dict[int, int]:
    """For each node the one whose tensor it is: itself, or what it only gives another name."""
    found: dict[int, int] = {}
    for node in nodes:
        found[node.number] = found[node.args[0].number] if node.op in ("others", "held") else node.number
    return found


def _deaths(run: Pass, root: Mapping[int, int]) -> list[set[int]]:
    """For each step the tensors that nothing needs after it."""
    last: dict[int, int] = {}
    for k, node in enumerate(run.nodes):
        for arg in _needed(node):
            last[root[arg.number]] = k
    kept = {root[n.number] for o in run.outputs for n in o.nodes} | {n.number for n in run.nodes if n.op == "const"}
    found: list[set[int]] = [set() for _ in run.nodes]
    for number, k in last.items():
        if number not in kept:
            found[k].add(number)
    return found


def _kind(node: Node, args: Sequence[_Kind]) -> _Kind:
    if node.op == "const":
        return _Kind(False, False, False)
    if node.op in GATHERED:
        return _Kind(True, True, False)
    if node.op in ("load", "lift"):
        assert node.index is not None
        batched = node.source not in ("data", "fixed", "one")
        return _Kind(node.index.array is not None or node.index.stride != 0, batched, node.index.array is not None)
    own = node.op not in ("others", "held")
    return _Kind(any(a.wide for a in args), any(a.batched for a in args), own)


def _replaceable(old: _Kind, new: _Kind) -> bool:
    """Whether a tensor has room of its own for another."""
    return old.own and (old.wide, old.batched) == (new.wide, new.batched)
