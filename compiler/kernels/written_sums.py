"""Long sums that are written out, ``exp(x1 + 2*x2 + … + x900)``, as sums over a loop.

Term by term their second derivatives would be as many expressions as there are pairs; over a loop they are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..evaluation.scope import Scope
from .data import DataArrays, Datum
from .loops import Index, Loop
from .nodes import Graph, Node

Floats = NDArray[np.float64]
LONG = 16  # so many linear terms are bundled


@dataclass(frozen=True, slots=True, eq=False)
class LinearTerm:
    """``scale * product(coefficients) * x``; the coefficients are loads of data."""

    scale: float
    coefficients: tuple[Node, ...]
    x: Node


def linear_term(node: Node) -> LinearTerm | None:
    """A node as a linear term, where it is one."""
    if node.op == "load":
        return LinearTerm(1.0, (), node) if node.active else None
    if node.op == "neg":
        return _times(-1.0, (), linear_term(node.args[0]))
    if node.op != "mul":
        return None
    first, second = node.args
    if first.op == "const":
        return _times(first.value, (), linear_term(second))
    for data, rest in ((first, second), (second, first)):
        if data.op == "load" and data.source == "data":
            return _times(1.0, (data,), linear_term(rest))
    return None


def _times(scale: float, coefficients: tuple[Node, ...], inner: LinearTerm | None) -> LinearTerm | None:
    return None if inner is None else LinearTerm(scale * inner.scale, coefficients + inner.coefficients, inner.x)


def bundled(terms: Sequence[LinearTerm], loop: Loop, graph: Graph, data: DataArrays) -> Node:
    """The sum of linear terms over a loop: a gathered sum over the rows times the terms."""
    width = len(terms)
    finer = Loop(loop.size * width)

    def woven(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.stack(parts, axis=1).reshape(-1)

    columns = woven([_index(t.x).positions(loop.size) for t in terms])
    body = graph.load("x", finer.index(columns), finer)
    if any(t.coefficients for t in terms):
        read = StackedValues(tuple(_source(t, data) for t in terms), loop.size)
        known = [datum for _, part in read.parts for datum, _ in part]
        uses = frozenset().union(*(datum.uses for datum in known))
        array = data.add(read, finer.size, uses, known[0].family)
        body = graph.mul(graph.load("data", finer.own(), finer, array), body)
    elif any(t.scale != 1.0 for t in terms):
        scales = np.tile([t.scale for t in terms], loop.size)
        body = graph.mul(graph.given(scales, finer), body)
    rows = finer.index(np.repeat(np.arange(loop.size), width))
    return graph.gathered("sum", body, rows, finer, loop)


def _index(node: Node) -> Index:
    assert node.index is not None
    return node.index


def _source(term: LinearTerm, data: DataArrays) -> tuple[float, tuple[tuple[Datum, Index], ...]]:
    return term.scale, tuple((data.arrays[node.array], _index(node)) for node in term.coefficients)


@dataclass(frozen=True, slots=True, eq=False)
class StackedValues:
    """The coefficients of all terms, those of a row side by side: ``(rows * terms,)``."""

    parts: tuple[tuple[float, tuple[tuple[Datum, Index], ...]], ...]
    rows: int

    def __call__(self, scope: Scope) -> Floats:
        found = np.empty((self.rows, len(self.parts)))
        for k, (scale, factors) in enumerate(self.parts):
            found[:, k] = scale
            for datum, index in factors:
                found[:, k] *= datum.values(scope)[index.positions(self.rows)]
        return found.reshape(-1)
