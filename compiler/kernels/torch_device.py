"""Arrays and indices on the device that torch computes on, and how rows are read, written and gathered there.

Sums and maxima over rows come out the same each time. On a GPU that costs a sort: what is written atomically comes in
any order. Products over sets that are no grid are the exception: there the last digits may differ from run to run.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .loops import Index

Floats = NDArray[np.float64]
Grid = tuple[int, int, int]


class Device:
    """What a model has on a device: index arrays, and the data of its forms as long as these live."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.device = torch.device(name)
        self.shares = self.device.type == "cpu"  # memory with NumPy
        self.sorts = not self.shares  # what is added up at looked-up places
        self.zero = torch.zeros(1, dtype=torch.float64, device=self.device)
        self.one = torch.ones(1, dtype=torch.float64, device=self.device)
        self._moved: dict[int, tuple[weakref.ref[Floats], Tensor]] = {}
        self._indices: dict[int, tuple[NDArray[np.int32], Tensor]] = {}
        self._grids: dict[tuple[int, int], tuple[NDArray[np.int32], Grid | None]] = {}

    # ----------------------------------------------------------------------------------------------- from one to other
    def given(self, values: Floats) -> Tensor:
        """An input of one call; on the CPU the same memory where torch can have that."""
        plain = np.ascontiguousarray(values, dtype=np.float64)
        found = torch.from_numpy(plain) if plain.flags.writeable else torch.tensor(plain)
        return found.to(self.device)

    def array(self, values: Floats) -> Tensor:
        """An array of data, moved once."""
        if self.shares and values.flags.writeable:
            return torch.from_numpy(values)
        key = id(values)
        known = self._moved.get(key)
        if known is not None and known[0]() is values:
            return known[1]
        moved = torch.tensor(values, device=self.device)
        self._moved[key] = (weakref.ref(values, lambda dead: self._forget(key, dead)), moved)
        return moved

    def _forget(self, key: int, dead: weakref.ref[Floats]) -> None:
        known = self._moved.get(key)
        if known is not None and known[0] is dead:
            self._moved.pop(key, None)

    def index(self, index: Index) -> Tensor:
        """The array of an index, moved once and kept as long as the model."""
        assert index.array is not None
        key = id(index.array)
        if key not in self._indices:
            self._indices[key] = (index.array, torch.from_numpy(index.array.astype(np.int64)).to(self.device))
        return self._indices[key][1]

    def constant(self, value: float) -> Tensor:
        """A number as a tensor without axes."""
        return torch.tensor(value, dtype=torch.float64, device=self.device)

    # -------------------------------------------------------------------------------------------------- rows of arrays
    def read(self, source: Tensor, index: Index, rows: int) -> Tensor:
        """What rows read of an array ``(…, n)``: ``(…, rows)``, or ``(…, 1)`` where all read the same."""
        if index.array is not None:
            picked = self.index(index).expand(*source.shape[:-1], rows)
            return source[..., index.base :].gather(-1, picked)
        if index.stride == 0:
            return source.narrow(-1, index.base, 1)
        return part(source, index, rows)

    def write(self, target: Tensor, index: Index, values: Tensor, rows: int) -> None:
        """Puts values ``(…, rows)`` into places that are all different."""
        if index.array is None:
            _assign(target, index, values, rows)
            return
        place = self.index(index).expand(*target.shape[:-1], rows)
        target[..., index.base :].scatter_(-1, place, values.expand(place.shape))

    def add(self, target: Tensor, index: Index, values: Tensor, rows: int) -> None:
        """Adds values ``(…, rows)`` up at their places."""
        whole = values.expand(*target.shape[:-1], rows)
        if index.array is None and (index.stride or rows == 1):
            _increase(target, index, whole, rows)
            return
        if index.array is None:
            target.narrow(-1, index.base, 1).add_(whole.sum(-1, keepdim=True))
            return
        grid = self.grid(index, rows)
        if grid is not None:
            a, b, c = grid
            sums = whole.reshape(*whole.shape[:-1], a, b, c).sum(-2)
            target.narrow(-1, index.base, a * c).add_(sums.reshape(*whole.shape[:-1], a * c))
            return
        near, place = target[..., index.base :], self.index(index)
        if self.sorts:
            near.movedim(-1, 0).index_put_((place,), whole.movedim(-1, 0), accumulate=True)
        else:
            near.scatter_add_(-1, place.expand(whole.shape), whole)

    def gather(self, action: str, target: Tensor, index: Index, values: Tensor, rows: int) -> None:
        """``sum``, ``prod`` or ``max`` of values ``(…, rows)`` and what stands at their places."""
        if action == "sum":
            self.add(target, index, values, rows)
            return
        whole = values.expand(*target.shape[:-1], rows)
        if action == "prod" and not self.sorts:
            # One factor after the other, as NumPy and C multiply: a product that overflows on the way does in all.
            self._reduce("prod", target, index, whole, rows)
            return
        grid = self.grid(index, rows)
        if grid is None:
            self._reduce(action, target, index, whole, rows)
            return
        a, b, c = grid
        shaped = whole.reshape(*whole.shape[:-1], a, b, c)
        found = shaped.prod(-2) if action == "prod" else shaped.amax(-2)
        near = target.narrow(-1, index.base, a * c)
        flat = found.reshape(near.shape)
        near.mul_(flat) if action == "prod" else near.copy_(torch.maximum(near, flat))

    def _reduce(self, action: str, target: Tensor, index: Index, values: Tensor, rows: int) -> None:
        if index.array is not None:
            near, place = target[..., index.base :], self.index(index)
        else:
            near, place = target, torch.from_numpy(index.positions(rows)).to(self.device)
        near.scatter_reduce_(-1, place.expand(values.shape), values, "prod" if action == "prod" else "amax")

    def grid(self, index: Index, rows: int) -> Grid | None:
        """``a, b, c`` where rows are those of a grid ``(a, b, c)`` and row ``i, j, k`` goes to place ``i c + k``."""
        if index.array is None:
            return (1, rows, 1) if index.stride == 0 else (rows, 1, 1) if index.stride == 1 else None
        key = (id(index.array), rows)
        if key not in self._grids:
            self._grids[key] = (index.array, _grid(index.array))
        return self._grids[key][1]


def part(source: Tensor, index: Index, rows: int) -> Tensor:
    """What rows read of an array ``(…, n)`` at an affine index with a stride."""
    step = index.stride
    if step > 0:
        run = source.narrow(-1, index.base, step * (rows - 1) + 1)
        return run if step == 1 else run[..., ::step]
    run = source.narrow(-1, index.base + step * (rows - 1), -step * (rows - 1) + 1)
    return run[..., ::-step].flip(-1)


def _assign(target: Tensor, index: Index, values: Tensor, rows: int) -> None:
    where, whole = _place(target, index, values, rows)
    where.copy_(whole)


def _increase(target: Tensor, index: Index, values: Tensor, rows: int) -> None:
    where, whole = _place(target, index, values, rows)
    where.add_(whole)


def _place(target: Tensor, index: Index, values: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """The places of rows at an affine index as a view, in ascending order, and the values in that order."""
    step = index.stride
    if step >= 0 or rows == 1:
        run = target.narrow(-1, index.base, step * (rows - 1) + 1)
        return (run[..., ::step] if step > 1 else run), values
    run = target.narrow(-1, index.base + step * (rows - 1), -step * (rows - 1) + 1)
    return run[..., ::-step], values.expand(*target.shape[:-1], rows).flip(-1)


def _grid(array: NDArray[np.int32]) -> Grid | None:
    """The grid of ``Device.grid`` for places by row, the least of them 0."""
    rows = len(array)
    c = _leading(array == np.arange(rows, dtype=np.int32))
    if c == 0:
        return None
    repeats: NDArray[Any] = array[: rows - rows % c].reshape(-1, c)
    b = _leading((repeats == repeats[0]).all(axis=1))
    if rows % (b * c):
        return None
    a = rows // (b * c)
    wanted = np.arange(a, dtype=np.int32)[:, None, None] * c + np.arange(c, dtype=np.int32)
    return (a, b, c) if np.array_equal(array.reshape(a, b, c), np.broadcast_to(wanted, (a, b, c))) else None


def _leading(holds: NDArray[np.bool_]) -> int:
    """How many entries hold before the first that does not."""
    return len(holds) if holds.all() else int(np.argmin(holds))
