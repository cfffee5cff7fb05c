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
    """``scale * coefficient * x``; ``coefficient``: a load of data, or None."""

    scale: float
    coefficient: Node | None
    x: Node


def linear_term(node: Node) -> LinearTerm | None:
    """A node as a linear term, where it is one."""
    if node.op == "load":
        return LinearTerm(1.0, None, node) if node.active else None
    if node.op == "neg":
        inner = linear_term(node.args[0])
        return None if inner is None else LinearTerm(-inner.scale, inner.coefficient, inner.x)
    if node.op != "mul":
        return None
    first, second = node.args
    if first.op == "const":
        inner = linear_term(second)
        return None if inner is None else LinearTerm(first.value * inner.scale, inner.coefficient, inner.x)
    for data, x in ((first, second), (second, first)):
        if data.op == x.op == "load" and data.source == "data" and x.active:
            return LinearTerm(1.0, data, x)
    return None


def bundled(terms: Sequence[LinearTerm], loop: Loop, graph: Graph, data: DataArrays) -> Node:
    """The sum of linear terms over a loop: a gathered sum over the rows times the terms."""
    width = len(terms)
    finer = Loop(loop.size * width)

    def woven(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.stack(parts, axis=1).reshape(-1)

    columns = woven([_index(t.x).positions(loop.size) for t in terms])
    body = graph.load("x", finer.index(columns), finer)
    if any(t.coefficient is not None for t in terms):
        read = StackedValues(tuple(_source(t, data) for t in terms), loop.size)
        uses = frozenset().union(*(d.uses for d, _, _ in read.parts if d is not None))
        families = [d.family for d, _, _ in read.parts if d is not None]
        array = data.add(read, finer.size, uses, families[0])
        body = graph.mul(graph.load("data", finer.own(), finer, array), body)
    elif any(t.scale != 1.0 for t in terms):
        scales = np.tile([t.scale for t in terms], loop.size)
        body = graph.mul(graph.given(scales, finer), body)
    rows = finer.index(np.repeat(np.arange(loop.size), width))
    return graph.gathered("sum", body, rows, finer, loop)


def _index(node: Node) -> Index:
    assert node.index is not None
    return node.index


def _source(term: LinearTerm, data: DataArrays) -> tuple[Datum | None, Index | None, float]:
    if term.coefficient is None:
        return None, None, term.scale
    return data.arrays[term.coefficient.array], term.coefficient.index, term.scale


@dataclass(frozen=True, slots=True, eq=False)
class StackedValues:
    """The coefficients of all terms, those of a row side by side: ``(rows * terms,)``."""

    parts: tuple[tuple[Datum | None, Index | None, float], ...]
    rows: int

    def __call__(self, scope: Scope) -> Floats:
        found = np.empty((self.rows, len(self.parts)))
        for k, (datum, index, scale) in enumerate(self.parts):
            if datum is None or index is None:
                found[:, k] = scale
            else:
                found[:, k] = scale * datum.values(scope)[index.positions(self.rows)]
        return found.reshape(-1)
