"""Second derivatives that are left factored: ``J' D K`` as a matrix product, evaluated when the Hessian is.

A sum of many terms inside a nonlinear function has a dense Hessian of rank one in each row; summed over many rows that
read the same few columns, the product of the matrices is far cheaper than a loop over all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import ends as e
from .derivatives import Entry
from .ends import Ends
from .loops import Rows
from .nodes import Graph
from .programs import Program, Stream, program
from .second import Outer
from .sparsity import Triples, pattern

Floats = NDArray[np.float64]
PAIRS = 64  # so many pairs of columns are multiplied at a time, over intervals


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """One of the matrices: what fills it, its places, and the columns of the problem that its columns stand for."""

    program: Program
    rows: NDArray[np.int32]
    local: NDArray[np.int64]
    touched: NDArray[np.int32]
    dense: bool

    def spread(self, values: Ends, height: int) -> Ends:
        """The ends of the matrix, ``(2, boxes, height, len(touched))``, from those of its entries."""
        found = np.zeros((*values.shape[:-1], height, len(self.touched)))
        found[..., self.rows, self.local] = values
        return found

    def matrix(self, values: Floats, height: int) -> Floats:
        """The matrix, ``(height, len(touched))``, or sparse."""
        shape = (height, len(self.touched))
        if self.dense:
            return values.reshape(shape)
        from scipy.sparse import csr_array

        starts = np.searchsorted(self.rows, np.arange(height + 1))
        return csr_array((values, self.local, starts), shape=shape)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, eq=False)
class Factored:
    """``J' D J`` or ``J' D K + K' D J``: its entries at ``rows``, ``columns`` come from places ``at`` of ``J' D K``."""

    first: Factor
    second: Factor
    weight: Program
    height: int
    at: tuple[Rows, Rows]
    rows: Rows
    columns: Rows
    times: Floats

    def entries(self, first: Floats, second: Floats, weight: Floats) -> Floats:
        """The values of its entries from those of both factors and of the diagonal."""
        left, right = self.first.matrix(first, self.height), self.second.matrix(second, self.height)
        scaled = right * weight[:, None]
        product = left.T @ scaled
        dense = product if isinstance(product, np.ndarray) else product.toarray()
        found: Floats = dense[self.at] * self.times
        return found

    def enclosed(self, first: Ends, second: Ends, weight: Ends) -> Ends:
        """Ends ``(2, boxes, entries)`` of its entries from those of both factors and of the diagonal."""
        left = self.first.spread(first, self.height)
        right = left if self.first is self.second else self.second.spread(second, self.height)
        a, b = self.at
        found = []
        for low in range(0, len(a), PAIRS):
            part = slice(low, low + PAIRS)
            scaled = e.multiply(right[..., b[part]], weight[..., None])
            one = left[..., a[part]]
            same = (self.first is self.second) & (a[part] == b[part])
            products = np.where(same, e.multiply(e.square(one), weight[..., None]), e.multiply(one, scaled))
            sums = e.total(np.moveaxis(products, 2, -1), e.groups(np.zeros(self.height, dtype=np.int64), 1))
            found.append(sums[..., 0])
        whole = np.concatenate(found, axis=-1)
        return e.multiply(whole, e.exact(self.times[None, :]))


def factored(outer: Outer, columns: int, graph: Graph) -> Factored:
    """The programs and places of a factored second derivative."""
    height = outer.loop.size
    first = _factor(outer.first, height, columns, graph)
    same = outer.first is outer.second
    second = first if same else _factor(outer.second, height, columns, graph)
    weight = program("weight", [Stream(graph.spread_over(outer.weight, outer.loop), outer.loop.own())], height, graph)
    a, b = _nonzero(first, second, height)
    rows, others = first.touched[a].astype(np.int64), second.touched[b].astype(np.int64)
    if same:
        keep = rows >= others
        a, b, rows, others = a[keep], b[keep], rows[keep], others[keep]
    times = np.where((rows == others) & (not same), 2.0, 1.0)
    return Factored(first, second, weight, height, (a, b), np.maximum(rows, others), np.minimum(rows, others), times)


def _factor(entries: tuple[Entry, ...], height: int, columns: int, graph: Graph) -> Factor:
    parts = [
        Triples(
            graph.spread_over(e.coefficient, e.loop),
            e.loop,
            e.rows.positions(e.loop.size),
            e.column.positions(e.loop.size),
        )
        for e in entries
    ]
    found = pattern(parts, columns)
    touched, local = np.unique(found.columns, return_inverse=True)
    dense = found.size == height * len(touched)
    streams = [Stream(p.node, s) for p, s in zip(parts, found.slots, strict=True) if p.node is not None]
    filled = program("factor", streams, found.size, graph)
    return Factor(filled, found.rows, local.reshape(-1), touched, dense)


def _nonzero(first: Factor, second: Factor, height: int) -> tuple[Rows, Rows]:
    """Where the product of the factors has entries."""
    if first.dense and second.dense:
        shape = (len(first.touched), len(second.touched))
        return tuple(part.reshape(-1) for part in np.indices(shape))  # type: ignore[return-value]
    left, right = (f.matrix(np.ones(len(f.rows)), height) for f in (first, second))
    product = left.T @ right
    counts = product if isinstance(product, np.ndarray) else product.toarray()
    a, b = np.nonzero(counts)
    return a, b
