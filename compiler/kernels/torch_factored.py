"""Hessians by torch: their factored parts are matrix products on the device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .factored import Factor, Factored
from .loops import Index
from .programs import Program
from .torch_device import Device
from .torch_printer import TorchProgram

Floats = NDArray[np.float64]
ENTRIES = 1 << 24  # of a block of rows of a sparse factor, over all points of a batch: 128 MiB


class TorchHessian(TorchProgram):
    """The program of a Hessian together with its factored parts, whose entries it adds at ``slots``."""

    def __init__(self, program: Program, parts: Sequence[Factored], slots: Sequence[Index], device: Device) -> None:
        super().__init__(program, device)
        self._parts = [_Part(part, index, device) for part, index in zip(parts, slots, strict=True)]

    def _filled(self, arrays: Sequence[Floats], inputs: Mapping[str, Tensor], lead: Sequence[int]) -> Tensor:
        found = super()._filled(arrays, inputs, lead)
        with torch.no_grad():
            for part in self._parts:
                part.add(found, arrays, inputs)
        return found

    @property
    def sources(self) -> frozenset[str]:
        return super().sources.union(*(part.sources for part in self._parts))


class _Part:
    """One factored part: the programs of both factors and of the diagonal, and where its entries go."""

    def __init__(self, part: Factored, slots: Index, device: Device) -> None:
        self.part, self.slots, self.device = part, slots, device
        self.first = _Matrix(part.first, part.height, device)
        self.second = self.first if part.second is part.first else _Matrix(part.second, part.height, device)
        self.weight = TorchProgram(part.weight, device)
        width = len(part.second.touched)
        self.at = torch.from_numpy(part.at[0] * width + part.at[1]).to(device.device)
        self.times = torch.from_numpy(part.times).to(device.device)

    @property
    def sources(self) -> frozenset[str]:
        return self.first.filled.sources | self.second.filled.sources | self.weight.sources

    def add(self, target: Tensor, arrays: Sequence[Floats], inputs: Mapping[str, Tensor]) -> None:
        """Adds its entries to the Hessians ``(…, size)``."""
        first = self.first.filled.tensors(arrays, inputs)
        second = first if self.second is self.first else self.second.filled.tensors(arrays, inputs)
        weight = self.weight.tensors(arrays, inputs)
        self.device.add(target, self.slots, self._entries(first, second, weight), len(self.part.rows))

    def _entries(self, first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
        dense = self.part.first.dense and self.part.second.dense
        if not dense and not _finite(first, second, weight):
            return self._entry_by_entry(first, second, weight)
        product = self._product(first, second, weight)
        flat = product.reshape(*product.shape[:-2], -1)
        return flat.gather(-1, self.at.expand(*flat.shape[:-1], len(self.at))) * self.times

    def _product(self, first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
        """``J' D K`` over blocks of rows, ``(…, width of J, width of K)``."""
        lead = first.shape[:-1]
        left, right = len(self.part.first.touched), len(self.part.second.touched)
        found = first.new_zeros((*lead, left, right))
        for low, high in _blocks(self.part.height, lead.numel() * max(left, right)):
            scaled = self.second.block(second, low, high) * weight[..., low:high, None]
            found += self.first.block(first, low, high).mT @ scaled
        return found

    def _entry_by_entry(self, first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
        """Where something is not finite, a zero between the entries of a sparse factor must not make it NaN."""
        flat = [each.reshape(-1, each.shape[-1]).cpu().numpy() for each in (first, second, weight)]
        with np.errstate(all="ignore"):
            rows = [self.part.entries(*each) for each in zip(*flat, strict=True)]
        found = torch.from_numpy(np.stack(rows)).to(self.device.device)
        return found.reshape(*first.shape[:-1], -1)


class _Matrix:
    """One factor: the program that fills it, and its places on the device."""

    def __init__(self, factor: Factor, height: int, device: Device) -> None:
        self.filled = TorchProgram(factor.program, device)
        self.width, self.dense = len(factor.touched), factor.dense
        places = factor.rows.astype(np.int64) * self.width + factor.local
        self.places = None if factor.dense else torch.from_numpy(places).to(device.device)
        self.starts = np.searchsorted(factor.rows, np.arange(height + 1))

    def block(self, values: Tensor, low: int, high: int) -> Tensor:
        """Some of its rows as a dense matrix, ``(…, high - low, width)``."""
        first, end = int(self.starts[low]), int(self.starts[high])
        own = values[..., first:end]
        shape = (*values.shape[:-1], high - low, self.width)
        if self.places is None:
            return own.reshape(shape)
        flat = values.new_zeros((*values.shape[:-1], (high - low) * self.width))
        places = self.places[first:end] - low * self.width
        return flat.scatter_(-1, places.expand(own.shape), own).reshape(shape)


def _blocks(rows: int, width: int) -> Iterator[tuple[int, int]]:
    """Runs of rows of which a matrix of that width has no more than ``ENTRIES`` entries."""
    step = max(ENTRIES // max(width, 1), 1)
    for low in range(0, rows, step):
        yield low, min(low + step, rows)


def _finite(*values: Tensor) -> bool:
    return all(bool(each.isfinite().all()) for each in values)
