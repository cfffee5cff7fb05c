"""The rows that define new columns of a nonlinear form: see ``kernels.definitions``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.scope import EvaluationError, Scope
from ..extraction.assembly import Block, constants, fill, pattern
from ..extraction.patterns import offsets_of
from ..extraction.polynomial import Monomial, merged
from ..forms.linear import Floats
from ..instance.instance import Instance
from ..kernels.definitions import Definition, OutsideDefinition, steps
from ..kernels.loops import Loop
from ..kernels.model import Term
from ..kernels.nodes import Graph, Node
from ..kernels.places import portable
from ..kernels.templates import Splitter, Translator
from ..spaces.algebra import wide
from .instance_to_linear import RowArrays


@dataclass(frozen=True, slots=True, eq=False)
class DefinitionRows:
    """Rows ``first`` to ``first + count``, one for each column of the definition.

    ``block``: the pattern of their linear part without the column's own; None where they are not linear in it.
    """

    definition: Definition | OutsideDefinition
    first: int
    block: Block | None
    constant: tuple[Monomial, ...]
    terms: tuple[Term, ...]

    @property
    def count(self) -> int:
        return self.definition.count

    def arrays(self, scope: Scope) -> RowArrays:
        """Their linear part, and their bounds: equal on both sides."""
        d = self.definition
        if self.block is None:
            none = np.empty(0, dtype=np.int32)
            side = np.full(self.count, 1.0 if isinstance(d, Definition) and d.term.op == "logsumexp" else 0.0)
            return RowArrays(np.zeros(self.count + 1, dtype=np.int32), none, np.empty(0), side, side, ())
        values = np.empty(self.block.size)
        fill(self.block, values, scope)
        side = 0.0 - np.broadcast_to(constants(self.constant, d.table, scope), d.table.shape).reshape(-1)
        ends = self.block.starts[1:]
        columns = np.arange(d.first, d.first + d.count, dtype=np.int32)
        starts = self.block.starts + np.arange(self.count + 1, dtype=np.int32)
        return RowArrays(
            starts.astype(np.int32),
            np.insert(self.block.indices, ends, columns),
            np.insert(values, ends, -1.0),
            side,
            side,
            (),
        )


def definition_rows(
    definition: Definition | OutsideDefinition,
    first: int,
    instance: Instance,
    splitter: Splitter,
    translator: Translator,
) -> DefinitionRows:
    """The rows that define a definition's columns, from row ``first`` of the form on.

    Raises ``NotSmoothError``, ``EvaluationError``.
    """
    if isinstance(definition, OutsideDefinition):
        return _outside_row(definition, first, instance, translator)
    if definition.term.op == "sum":
        return _sum_rows(definition, first, instance, splitter, translator)
    make = {"logsumexp": _logsumexp_terms, "norm2": _norm2_terms, "prod": _product_terms}[definition.term.op]
    return DefinitionRows(definition, first, None, (), tuple(make(definition, first, translator.graph)))


def _term(node: Node, loop: Loop, rows: np.ndarray[tuple[int], np.dtype[np.int64]], first: int, name: str) -> Term:
    return Term(node, loop, loop.index(rows + first), name)


def _sum_rows(
    d: Definition, first: int, instance: Instance, splitter: Splitter, translator: Translator
) -> DefinitionRows:
    """``sum(b) - y == 0``."""
    parts = splitter.split(d.term, d.table)
    monomials = merged(parts.linear)
    own = [m for m in monomials if m.refs]
    scope = translator.scope
    block = pattern(own, d.table, offsets_of(instance), scope)
    graph, name = translator.graph, translator.family or ""
    made = [(translator.piece(p), p.table) for p in parts.pieces]
    made += [(translator.monomial(m), m.table) for m in own]
    terms = [_term(graph.neg(d.columns(graph)), d.loop, d.loop.own().positions(d.loop.size), first, name)]
    for node, table in made:
        rows = wide(table.rows_in(d.table), table.shape).astype(np.int64)
        terms.append(_term(node, translator.loop(table), rows, first, name))
    return DefinitionRows(d, first, block, tuple(m for m in monomials if not m.refs), tuple(terms))


def _outside_row(d: OutsideDefinition, first: int, instance: Instance, translator: Translator) -> DefinitionRows:
    """``- y == 0``: to which the form adds the value of the call."""
    loop = translator.loop(d.table)
    block = pattern((), d.table, offsets_of(instance), translator.scope)
    own = translator.graph.neg(d.column(translator.graph, loop))
    row = _term(own, loop, loop.own().positions(loop.size), first, translator.family or "")
    return DefinitionRows(d, first, block, (), (row,))


def _logsumexp_terms(d: Definition, first: int, graph: Graph) -> Sequence[Term]:
    """``sum(exp(b - y)) == 1``."""
    shifted = graph.sub(d.body, graph.lifted(d.columns(graph), d.rows, d.finer))
    return [_term(graph.apply("exp", shifted), d.finer, d.rows.positions(d.finer.size), first, "")]


def _norm2_terms(d: Definition, first: int, graph: Graph) -> Sequence[Term]:
    """``sum(b^2) - y^2 == 0``."""
    y = d.columns(graph)
    return [
        _term(graph.mul(d.body, d.body), d.finer, d.rows.positions(d.finer.size), first, ""),
        _term(graph.neg(graph.mul(y, y)), d.loop, d.loop.own().positions(d.loop.size), first, ""),
    ]


def _product_terms(d: Definition, first: int, graph: Graph) -> Sequence[Term]:
    """``y_1 - b_1 == 0`` and ``y_k - y_(k-1) b_k == 0`` in each segment."""
    finer = d.finer
    terms = [_term(d.columns(graph), finer, finer.own().positions(finer.size), first, "")]
    later = np.zeros(finer.size, dtype=np.bool_)
    for step in steps(d.rows.positions(finer.size)):
        later[step] = True
    for chosen, chained in ((np.flatnonzero(~later), False), (np.flatnonzero(later), True)):
        loop = Loop(len(chosen))
        body = graph.lifted(d.body, loop.index(chosen), loop)
        if chained:
            body = graph.mul(body, graph.load("x", loop.index(chosen - 1 + d.first), loop))
        terms.append(_term(graph.neg(body), loop, chosen, first, ""))
    return terms


def joined(rows: RowArrays, more: Sequence[RowArrays]) -> RowArrays:
    """Rows one after the other; the slices are those of the first."""
    if not more:
        return rows
    starts, at = [rows.starts], int(rows.starts[-1])
    for part in more:
        starts.append((part.starts[1:] + at).astype(np.int32))
        at += int(part.starts[-1])
    parts = (rows, *more)
    return RowArrays(
        np.concatenate(starts),
        np.concatenate([p.indices for p in parts]),
        np.concatenate([p.values for p in parts]),
        np.concatenate([p.lower for p in parts]),
        np.concatenate([p.upper for p in parts]),
        rows.slices,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """Computes the columns of definitions from the others; leaves a point as it is where one of them has no value."""

    rows: tuple[DefinitionRows, ...]
    instance: Instance

    def __call__(self, x: Floats) -> Floats:
        if not self.rows:
            return x
        found = x.copy()
        families = self.instance.families
        scope = self.instance.scope.at({f.name: x[f.offset : f.offset + f.count] for f in families})
        try:
            for each in self.rows:
                d = each.definition
                found[d.first : d.first + d.count] = d.start(scope)
        except EvaluationError:
            return x
        return found

    def __reduce__(self) -> tuple[object, ...]:
        return Completion, (self.rows, portable(self.instance))
