"""Conditions of binaries and data as literals: for each row one binary and the value at which the condition holds.

``and`` and ``or`` of two or more binaries get one more binary ``t`` a row, which must be one where they hold (it may
be one elsewhere: an implication needs no more, and it stays a relaxation as tight as the binaries allow):

    a and b:  t >= a + b - 1          a or b:  t >= a,  t >= b

with ``1 - x`` in place of ``x`` for the literal ``x == 0``. Data decide what they can, row by row and from left to
right; what they decide needs no binary and is not evaluated further. Source: H. P. Williams, "Model Building in
Mathematical Programming" (5th ed., 2013), section 9.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.dsl.program import Apply, Constant, Expr, SymbolRef

from ..evaluation.evaluate import holds
from ..evaluation.scope import Scope
from ..extraction.assembly import Offsets, columns_of
from ..extraction.polynomial import Group, expand
from ..forms.linear import Ints
from ..spaces.algebra import Table, filtered
from .drafting import Draft, SparseRows, dense_rows

ALWAYS, NEVER = -1, -2


@dataclass(frozen=True, slots=True, eq=False)
class Literals:
    """For each row of a table the binary ``columns`` (rows) and the value 0 or 1 at which the condition holds.

    A column of ``ALWAYS`` or ``NEVER`` says that data decide the row.
    """

    columns: Ints
    values: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What reads conditions: the decisions and their first columns, and the draft that takes new binaries."""

    group: Group
    scope: Scope
    offsets: Offsets
    draft: Draft

    def literals(self, term: Expr, table: Table, wanted: bool = True) -> Literals:
        """The literals of a condition, or of its negation where it is not ``wanted``, over a table.

        Raises ``EvaluationError`` where data that count are undefined, ``NotPolynomialError`` for other conditions.
        """
        if not self.group.depends(term):
            truth = np.broadcast_to(holds(term, table, self.scope), table.shape).reshape(-1)
            return Literals(np.where(truth == wanted, ALWAYS, NEVER).astype(np.int32), np.ones(table.size, np.int32))
        if isinstance(term, Apply) and term.op == "not":
            return self.literals(term.args[0], table, not wanted)
        if isinstance(term, Apply) and term.op in ("and", "or"):
            return self._junction(term.args, table, wanted, (term.op == "and") == wanted)
        if isinstance(term, Apply) and term.op == "eq":
            for one, other in (term.args, term.args[::-1]):
                if isinstance(one, SymbolRef) and isinstance(other, Constant):
                    return self._binary(one, other.value, table, wanted)
        return self._sum(term, table, wanted)

    def _binary(self, ref: SymbolRef, value: float, table: Table, wanted: bool) -> Literals:
        found = columns_of(ref, table, self.offsets, self.scope)
        columns = np.broadcast_to(found, table.shape).reshape(-1).astype(np.int32)
        return Literals(columns, np.full(table.size, int((value == 1.0) == wanted), dtype=np.int32))

    def _sum(self, term: Expr, table: Table, wanted: bool) -> Literals:
        """A sum of at most one binary a row: what ``(choice == option)`` has become."""
        columns = np.full(table.size, ALWAYS if not wanted else NEVER, dtype=np.int32)
        for monomial in expand(term, table, self.group):
            (ref,) = monomial.refs
            inner = monomial.table
            rows = np.broadcast_to(inner.rows_in(table), inner.shape).reshape(-1)
            found = np.broadcast_to(columns_of(ref, inner, self.offsets, self.scope), inner.shape).reshape(-1)
            assert len(np.unique(rows)) == len(rows), "options of a choice differ"
            columns[rows] = found
        return Literals(columns, np.full(table.size, int(wanted), dtype=np.int32))

    def _junction(self, args: Sequence[Expr], table: Table, wanted: bool, all_of: bool) -> Literals:
        """All of the arguments, or one of them (each negated where it is not ``wanted``)."""
        neutral, deciding = (ALWAYS, NEVER) if all_of else (NEVER, ALWAYS)
        columns = np.full((table.size, len(args)), neutral, dtype=np.int32)
        values = np.ones((table.size, len(args)), dtype=np.int32)
        open_ = np.ones(table.size, dtype=np.bool_)
        for k, arg in enumerate(args):
            rows = np.flatnonzero(open_)
            if not len(rows):
                break
            part = table if len(rows) == table.size else filtered(table, open_.reshape(table.shape))
            found = self.literals(arg, part, wanted)
            columns[rows, k], values[rows, k] = found.columns, found.values
            open_[rows] = found.columns != deciding
        return self._joined(columns, values, open_, all_of, neutral, deciding)

    def _joined(
        self,
        columns: NDArray[np.int32],
        values: NDArray[np.int32],
        open_: NDArray[np.bool_],
        all_of: bool,
        neutral: int,
        deciding: int,
    ) -> Literals:
        real = columns >= 0
        counts = np.where(open_, real.sum(axis=1), 0)
        first = np.argmax(real, axis=1)
        rows = np.arange(len(columns))
        column = np.where(open_, np.where(counts > 0, columns[rows, first], neutral), deciding).astype(np.int32)
        value = np.where(counts > 0, values[rows, first], 1).astype(np.int32)
        several = np.flatnonzero(counts > 1)
        if len(several):
            new = self.draft.add_binaries(len(several))
            link = _conjunctions if all_of else _disjunctions
            self.draft.add_rows(link(new, columns[several], values[several]))
            column[several], value[several] = new, 1
        return Literals(column, value)


def _conjunctions(new: Ints, columns: NDArray[np.int32], values: NDArray[np.int32]) -> SparseRows:
    """``t - sum(x) + sum(y) >= 1 - (number of x)`` for literals ``x == 1`` and ``y == 0``."""
    real = columns >= 0
    counts = 1 + real.sum(axis=1)
    wide = np.column_stack([new, columns])
    signs = np.column_stack([np.ones(len(new)), np.where(values == 1, -1.0, 1.0)])
    keep = np.column_stack([np.ones(len(new), dtype=np.bool_), real])
    lower = 1.0 - (real & (values == 1)).sum(axis=1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return SparseRows(starts, wide[keep].astype(np.int32), signs[keep], lower, np.full(len(new), np.inf))


def _disjunctions(new: Ints, columns: NDArray[np.int32], values: NDArray[np.int32]) -> SparseRows:
    """``t - x >= 0`` for each literal ``x == 1``, ``t + y >= 1`` for each ``y == 0``."""
    rows, places = np.nonzero(columns >= 0)
    positive = values[rows, places] == 1
    pairs = np.column_stack([new[rows], columns[rows, places]])
    signs = np.column_stack([np.ones(len(rows)), np.where(positive, -1.0, 1.0)])
    return dense_rows(pairs, signs, np.where(positive, 0.0, 1.0), np.full(len(rows), np.inf))
