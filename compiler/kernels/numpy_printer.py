"""The NumPy printer: a program as array operations, ready at once.

Each pass runs over pieces of its loop that stay in the cache; the arrays in between are registers, taken from a pool
and used again as soon as their node is not needed any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .loops import Index
from .nodes import GATHERED, Node
from .programs import Output, Pass, Program, affine_slice
from .scalars import ARRAYS

Floats = NDArray[np.float64]
_ONE = np.ones(1)
CHUNK = 8192  # rows at a time: a register is 64 KiB

_UFUNCS: dict[str, np.ufunc] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "abs": np.abs,
    "sign": np.sign,
}
_GATHERERS: dict[str, np.ufunc] = {"prod": np.multiply, "max": np.maximum}
WHOLE_POWERS = 16  # whole exponents up to this size are multiplied out


def _power(base: Floats, exponent: int, out: Floats) -> None:
    """A whole power of at least 3, by squaring."""
    square = np.multiply(base, base)
    factors = [base] if exponent & 1 else []
    rest = exponent >> 1
    while rest:
        if rest & 1:
            factors.append(square)
        rest >>= 1
        if rest:
            square = square * square
    np.multiply(factors[0], factors[1] if len(factors) > 1 else 1.0, out=out)
    for factor in factors[2:]:
        np.multiply(out, factor, out=out)


def whole_power(node: Node) -> int | None:
    """The exponent of a power that is multiplied out, or None."""
    if node.op == "pow" and node.args[1].op == "const":
        value = node.args[1].value
        if value == int(value) and 0 < abs(value) <= WHOLE_POWERS:
            return int(value)
    return None


@dataclass(frozen=True, slots=True)
class _Plan:
    """A pass: its instructions, and how many registers they need.

    ``steps``: of each node the ufunc that it is, or None; the node; its register and those of its arguments.
    """

    run: Pass
    registers: int
    steps: tuple[tuple[np.ufunc | None, Node, int, tuple[int, ...]], ...]
    place: dict[int, int]  # register of each node


def _planned(run: Pass) -> _Plan:
    """Registers by first and last use. Loads that are views, constants and results kept for the end have their own."""
    last: dict[int, int] = {}
    for k, node in enumerate(run.nodes):
        for arg in _needed(node):
            last[arg.number] = k
    for output in run.outputs:
        last |= {node.number: len(run.nodes) for node in output.nodes}
    free: list[int] = []
    place: dict[int, int] = {}
    count = 0
    steps = []
    for k, node in enumerate(run.nodes):
        args = tuple(place[a.number] for a in _needed(node))
        done = {a.number for a in _needed(node) if last[a.number] == k}
        free += [place[number] for number in done]
        # An operation of several steps must not write where it still reads.
        where = free.pop() if free and node.op in _UFUNCS else None
        if where is None:
            where, count = count, count + 1
        place[node.number] = where
        steps.append((_UFUNCS.get(node.op), node, where, args))
    return _Plan(run, count, tuple(steps), place)


def _needed(node: Node) -> tuple[Node, ...]:
    if node.op in GATHERED or node.op in ("lift", "load", "const"):
        return ()
    return node.args[:1] if node.op == "others" else node.args


class NumpyProgram:
    """A program that runs by NumPy. ``arrays``: the data by number."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._plans = [_planned(run) for run in program.passes]
        self._pool: list[Floats] = []

    def __call__(self, arrays: Sequence[Floats], inputs: Mapping[str, Floats], out: Floats) -> None:
        """Fills ``out``, ``(…, size)``, from inputs ``(…, n)`` with the same leading axes, at most one."""
        lead = out.shape[:-1]
        if self.program.cleared:
            out[...] = 0.0
        scratch = [np.full((*lead, size), first) for size, first in self.program.scratch]
        width = max((p.registers for p in self._plans), default=0)
        rows = max(CHUNK // max(lead[0] if lead else 1, 1), 1)
        with np.errstate(all="ignore"):
            pool = self._registers(lead, width, rows)
            for plan in self._plans:
                _run(plan, self.program, arrays, inputs, scratch, out, pool, rows)
            if not lead:
                self._pool.append(pool)

    def _registers(self, lead: tuple[int, ...], width: int, rows: int) -> Floats:
        """Room for the registers; kept between calls, one for each thread that runs at a time."""
        if not lead:
            try:
                return self._pool.pop()
            except IndexError:
                pass
        longest = max((p.run.loop.size for p in self._plans), default=0)
        return np.empty((width, *lead, min(rows, longest)))


def _run(
    plan: _Plan,
    program: Program,
    arrays: Sequence[Floats],
    inputs: Mapping[str, Floats],
    scratch: list[Floats],
    out: Floats,
    pool: Floats,
    rows: int,
) -> None:
    size = plan.run.loop.size
    lead = out.shape[:-1]
    late = [_late(o, size, lead) for o in plan.run.outputs]
    for output in plan.run.outputs:
        if output.more and output.action == "store":
            out[..., _slice(output.index, 0, size + output.reach)] = 0.0
    for low in range(0, size, rows):
        high = min(low + rows, size)
        registers: list[Any] = [None] * plan.registers
        room = list(pool[: plan.registers, ..., : high - low])
        for ufunc, node, where, args in plan.steps:
            given = [registers[a] for a in args]
            if ufunc is not None:
                registers[where] = ufunc(*given, out=room[where])
                continue
            registers[where] = _computed(
                node, given, room[where], arrays, inputs, scratch, program, plan.run, low, high
            )
        for output, kept in zip(plan.run.outputs, late, strict=True):
            values = registers[plan.place[output.node.number]]
            target_ = out if output.scratch < 0 else scratch[output.scratch]
            if kept is not None:
                kept[..., low:high] = values
            elif output.more:
                _put_run(output, [registers[plan.place[n.number]] for n in output.nodes], target_, low, high)
            else:
                _put(output, values, target_, low, high)
    for output, kept in zip(plan.run.outputs, late, strict=True):
        if kept is not None:
            _gather(output, kept, out if output.scratch < 0 else scratch[output.scratch])


def _late(output: Output, size: int, lead: tuple[int, ...]) -> Floats | None:
    """Room for all rows of an output that is put in its place at the end: where several rows meet in one place."""
    return None if output.unique else np.empty((*lead, size))


def _computed(
    node: Node,
    args: list[Any],
    target: Floats,
    arrays: Sequence[Floats],
    inputs: Mapping[str, Floats],
    scratch: list[Floats],
    program: Program,
    run: Pass,
    low: int,
    high: int,
) -> Any:
    """The values of a node for some rows that is no ufunc: a view, a number, or ``target`` filled."""
    op = node.op
    if op == "load":
        source = _source(node, program, arrays, inputs)
        assert node.index is not None
        return _read(source, node.index, low, high, target)
    if op == "const":
        return node.value
    if op in GATHERED:
        return scratch[run.scratch_of[node.number]][..., low:high]
    if op == "lift":
        assert node.index is not None
        return _read(scratch[run.scratch_of[node.args[0].number]], node.index, low, high, target)
    if op in ("others", "held"):
        return args[0]
    power = whole_power(node)
    if power is not None and not isinstance(args[0], float):
        if abs(power) < 3:
            np.multiply(args[0], args[0], out=target) if abs(power) == 2 else np.copyto(target, args[0])
        else:
            _power(args[0], abs(power), target)
        return np.divide(1.0, target, out=target) if power < 0 else target
    target[...] = ARRAYS[op](*(np.asarray(a) for a in args))
    return target


def _source(node: Node, program: Program, arrays: Sequence[Floats], inputs: Mapping[str, Floats]) -> Floats:
    if node.source == "one":
        return _ONE
    return program.array(node, arrays) if node.source in ("data", "fixed") else inputs[node.source]


def _read(source: Floats, index: Index, low: int, high: int, target: Floats) -> Floats:
    if index.array is not None:
        picked = index.array[low:high]
        if source.ndim == target.ndim:
            return np.take(source[..., index.base :], picked, axis=-1, out=target, mode="clip")
        return source[index.base :][picked]
    if index.stride == 0:
        return source[..., index.base : index.base + 1]
    step = index.stride
    first, end = index.base + step * low, index.base + step * high
    return source[..., first : end if end >= 0 else None : step]


def _put(output: Output, values: Any, where: Floats, low: int, high: int) -> None:
    """Values into places that are all different."""
    index = output.index
    if index.array is not None:
        place: Any = (..., index.array[low:high] + index.base)
    else:
        place = (..., _slice(index, low, high))
    if output.action == "add":
        where[place] += values
    else:
        where[place] = values


def _slice(index: Index, low: int, high: int) -> slice:
    """The positions of some rows of an affine index."""
    step = index.stride or 1
    end = index.base + step * high
    return slice(index.base + step * low, end if end >= 0 else None, step)


def _put_run(output: Output, values: Sequence[Any], where: Floats, low: int, high: int) -> None:
    """Values into a run of places in which some of them are shifted."""
    shifts = (0, *(shift for _, shift in output.more))
    for each, shift in zip(values, shifts, strict=True):
        where[..., _slice(output.index, low + shift, high + shift)] += each


def _gather(output: Output, values: Floats, where: Floats) -> None:
    """Values of all rows into places where some meet."""
    index, size = output.index, values.shape[-1]
    if output.action in ("sum", "add"):
        if index.array is None and index.stride == 0:
            where[..., index.base] += values.sum(axis=-1)
            return
        part = affine_slice(index, size)
        if part is not None:
            where[..., part] += values
            return
        flat = values.reshape(-1, size)
        for row, target in zip(flat, where.reshape(-1, where.shape[-1]), strict=True):
            part_ = target[index.base :]
            part_ += np.bincount(index.array, weights=row, minlength=len(part_))  # type: ignore[arg-type]
        return
    places: Any = (..., index.positions(size))
    _GATHERERS[output.action].at(where, places, values)
