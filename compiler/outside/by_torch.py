"""Derivatives of functions written for torch, by automatic differentiation in float64.

Second derivatives are those of the gradient (reverse over reverse): all at once where torch can take a batch of
directions through the function's backward pass, one direction after the other where it cannot.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float64]

STEP = 1e-4  # of the difference that second derivatives are tried against
KEPT = 4  # arrays of data that are held as tensors too


class NotForTorchError(Exception):
    """A function gives nothing that torch can differentiate: ``fault`` is what it raised, None where it gave a number
    without a gradient."""

    def __init__(self, fault: Exception | None) -> None:
        super().__init__(fault)
        self.fault = fault


@dataclass(frozen=True, slots=True, eq=False)
class ByTorch:
    """A function of torch tensors. ``batched``: whether directions can go through its backward pass together."""

    function: Callable[..., Any]
    orders: int = 2
    lacks: str = ""
    batched: bool = True
    _constants: dict[object, tuple[Array, Any]] = field(default_factory=dict)

    def value(self, arguments: Sequence[Array]) -> object:
        return self.function(*self._tensors(arguments, [False] * len(arguments)))

    def gradient(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> Sequence[object]:
        _, slopes = self._slopes(arguments, wanted, create_graph=False)
        return [slope.detach().cpu().numpy() for slope in slopes]

    def hessian(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> object:
        import torch

        leaves, slopes = self._slopes(arguments, wanted, create_graph=True)
        whole = torch.cat([slope.reshape(-1) for slope in slopes])
        size = len(whole)
        if not whole.requires_grad:
            return np.zeros((size, size))
        unit = torch.eye(size, dtype=whole.dtype, device=whole.device)
        if self.batched:
            rows = _along(whole, leaves, unit, batched=True)
            return np.concatenate([row.reshape(size, -1).cpu().numpy() for row in rows], axis=1)
        return np.stack([_flat(_along(whole, leaves, each, batched=False)) for each in unit])

    def product(self, arguments: Sequence[Array], wanted: Sequence[bool], direction: Floats) -> object:
        import torch

        leaves, slopes = self._slopes(arguments, wanted, create_graph=True)
        whole = torch.cat([slope.reshape(-1) for slope in slopes])
        if not whole.requires_grad:
            return np.zeros(len(whole))
        along = torch.tensor(direction, dtype=whole.dtype, device=whole.device)
        return _flat(_along(whole, leaves, along, batched=False))

    def _slopes(
        self, arguments: Sequence[Array], wanted: Sequence[bool], create_graph: bool
    ) -> tuple[list[Any], list[Any]]:
        """The tensors that are differentiated by, and the derivative by each."""
        import torch

        tensors = self._tensors(arguments, wanted)
        leaves = [tensor for tensor, own in zip(tensors, wanted, strict=True) if own]
        with torch.enable_grad():
            result = self.function(*tensors)
            if not getattr(result, "requires_grad", False):  # constant at this point, as far as torch can see
                return leaves, [torch.zeros_like(leaf) for leaf in leaves]
            found = torch.autograd.grad(
                result.sum(), leaves, create_graph=create_graph, allow_unused=True, materialize_grads=True
            )
        return leaves, list(found)

    def _tensors(self, arguments: Sequence[Array], wanted: Sequence[bool]) -> list[Any]:
        import torch

        found: list[Any] = []
        for array, own in zip(arguments, wanted, strict=True):
            if own:
                found.append(torch.tensor(array, dtype=torch.float64, requires_grad=True))
            elif array.dtype == np.object_:
                found.append(array)  # texts
            elif array.flags.writeable:
                found.append(torch.tensor(array, dtype=torch.float64))
            else:
                found.append(self._constant(array))
        return found

    def _constant(self, array: Array) -> Any:
        """Data as a tensor, made once."""
        import torch

        key = (array.__array_interface__["data"][0], array.shape, array.strides)
        known = self._constants.get(key)
        if known is None:
            if len(self._constants) >= KEPT:
                self._constants.pop(next(iter(self._constants)))
            known = self._constants[key] = (array, torch.tensor(array, dtype=torch.float64))
        return known[1]


def _along(slopes: Any, leaves: list[Any], directions: Any, *, batched: bool) -> Sequence[Any]:
    """The derivatives of ``directions @ slopes`` by each leaf; ``directions`` (n), or (k, n) where batched."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a batch of some operation is slow
        found = torch.autograd.grad(
            slopes, leaves, grad_outputs=directions, allow_unused=True, is_grads_batched=batched, retain_graph=True
        )
    lead = directions.shape[:-1]
    return [
        torch.zeros((*lead, *leaf.shape), dtype=leaf.dtype) if part is None else part
        for part, leaf in zip(found, leaves, strict=True)
    ]


def _flat(parts: Sequence[Any]) -> Floats:
    return np.concatenate([part.detach().cpu().numpy().reshape(-1) for part in parts])


def torch_way(function: Callable[..., Any], arguments: Sequence[Array], wanted: Sequence[bool]) -> ByTorch:
    """The way of a function that gives a tensor with a gradient. Raises ``NotForTorchError``."""
    import torch

    way = ByTorch(function)
    tensors = way._tensors(arguments, wanted)
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of NumPy's, perhaps, that it is given tensors
            result = function(*tensors)
    except Exception as fault:  # whatever the user's own code raises
        raise NotForTorchError(fault) from fault
    if not isinstance(result, torch.Tensor) or (any(wanted) and not result.requires_grad):
        raise NotForTorchError(None)
    return way if not any(wanted) or result.numel() != 1 else _twice(way, arguments, wanted)


def _twice(way: ByTorch, arguments: Sequence[Array], wanted: Sequence[bool]) -> ByTorch:
    """The way with what is known of its second derivatives, tried at a point.

    A backward pass that torch cannot see through (one marked as differentiable once, one that leaves torch) passes for
    constant, so they are compared with a difference of gradients too.
    """
    size = sum(array.size for array, own in zip(arguments, wanted, strict=True) if own)
    direction = np.cos(1.0 + 2.399963 * np.arange(size))  # any that is not special
    try:
        said = np.asarray(way.product(arguments, wanted, direction))
    except Exception as fault:  # whatever the backward pass of the user's own code raises
        return replace(way, orders=1, lacks=f"torch cannot differentiate it twice ({_first_line(fault)})")
    change = _change(way, arguments, wanted, direction)
    if change is not None and np.isfinite(change).all() and _far(said, change):
        return replace(
            way, orders=1, lacks="torch sees a part of its gradient as constant, and cannot differentiate it"
        )
    return replace(way, batched=_takes_batches(way, arguments, wanted))


def _change(way: ByTorch, arguments: Sequence[Array], wanted: Sequence[bool], direction: Floats) -> Floats | None:
    """How fast the gradient changes along a direction, by a difference; None where the function fails nearby."""
    ends = []
    for sign in (1.0, -1.0):
        moved, at = [], 0
        for array, own in zip(arguments, wanted, strict=True):
            step = sign * STEP * direction[at : at + array.size].reshape(array.shape) if own else None
            moved.append(array if step is None else array + step)
            at += array.size if own else 0
        try:
            ends.append(np.concatenate([np.asarray(part).reshape(-1) for part in way.gradient(moved, wanted)]))
        except Exception:  # whatever the user's own code raises: it is told when a method comes here
            return None
    found: Floats = (ends[0] - ends[1]) / (2 * STEP)
    return found


def _far(said: Floats, found: Floats) -> bool:
    """Whether they differ by more than a difference is wrong by."""
    size = max(float(np.linalg.norm(said)), float(np.linalg.norm(found)))
    return float(np.linalg.norm(said - found)) > 0.1 * size + 1e-2


def _takes_batches(way: ByTorch, arguments: Sequence[Array], wanted: Sequence[bool]) -> bool:
    """Whether two directions can go through the backward pass together."""
    import torch

    leaves, slopes = way._slopes(arguments, wanted, create_graph=True)
    whole = torch.cat([slope.reshape(-1) for slope in slopes])
    if not whole.requires_grad:
        return True
    try:
        _along(whole, leaves, torch.ones((2, len(whole)), dtype=whole.dtype, device=whole.device), batched=True)
    except (RuntimeError, NotImplementedError, ValueError, TypeError):  # an operation without a rule for batches
        return False
    return True


def _first_line(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__


def detached(function: Callable[..., Any]) -> ByTorch:
    """A function of torch tensors whose result carries no gradient."""
    return ByTorch(function, 0, "its result carries no gradient: it was detached, or turned into a number")
