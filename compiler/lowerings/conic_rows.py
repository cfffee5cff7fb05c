"""The rows and cones of a convex instance, family by family; see ``instance_to_conic``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optc.dsl.catalogue import report
from optc.dsl.catalogue.instances import FALSE_ROW
from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Constant, Expr, Relation

from ..data.errors import DataError
from ..evaluation.scope import entry_text, literal_text
from ..facts.convexity import sides
from ..facts.quadratic_rows import Entries
from ..facts.region import region_of
from ..facts.summands import summands
from ..forms.conic import Cones, ConicForm, RootRows
from ..forms.linear import Floats, Slice
from ..instance.instance import ConstraintFamily, Instance
from ..spaces.algebra import UNIT, wide
from .affine_rows import Affine, Ints, constant_rows
from .cone_draft import ConeDraft, Values
from .domains import ExtraRows, domain_rows
from .graph_forms import DOWN, UP, Graphs, no_cone
from .level_rows import level_rows
from .matrices import implied, matrix_rows

_WHOLE = Constant(None, 0.0)  # what the form of a whole instance is kept under


@dataclass(frozen=True, slots=True, eq=False)
class Inverse:
    """What ``lift`` needs, and how the values of the added columns follow from those of the families."""

    columns: tuple[Slice, ...]
    made: tuple[tuple[NDArray[np.int64], Values], ...]
    width: int

    def extended(self, point: Mapping[str, Floats]) -> Floats:
        """A point of the model as one of the form (n): each added column has the value of what it stands for."""
        x = np.zeros(self.width)
        for part in self.columns:
            x[part.offset : part.offset + part.count] = point[part.name]
        with np.errstate(all="ignore"):
            for numbers, values in self.made:
                x[numbers] = values(x)
        return x


def drafted(instance: Instance) -> tuple[ConicForm, Inverse]:
    """The form, and the way back; drafted once for an instance as it is.

    Raises ``NoConeError``, ``EvaluationError``, and ``DataError`` for rows that are false.
    """
    region = region_of(instance)
    kept = region.recall("conic", _WHOLE, UNIT)
    if kept is None:
        with np.errstate(all="ignore"):
            kept = region.remember("conic", _WHOLE, UNIT, _draft(instance))
    found: tuple[ConicForm, Inverse] = kept
    return found


def _draft(instance: Instance) -> tuple[ConicForm, Inverse]:
    region = region_of(instance)
    draft = ConeDraft(instance.columns)
    graphs = Graphs(region, draft)
    stated = instance.program.root.objective
    sense = "maximize" if stated is not None and stated.sense == "maximize" else "minimize"
    objective, entries = constant_rows(np.zeros(1)), None
    if stated is not None and stated.expression is not None:
        objective, entries = _objective(graphs, stated.expression, UP if sense == "minimize" else DOWN)
    faults: list[Diagnostic] = []
    for family in instance.constraints:
        _family_rows(graphs, family, faults)
    if faults:
        raise DataError(faults)
    for extra in domain_rows(instance):
        draft.add_rows(*_extra(extra))
    for each in instance.families:
        if each.domain == "psd":
            matrix_rows(each, draft)
    form = _finished(instance, draft, sense, objective, entries, (region.ranges.lower, region.ranges.upper))
    slices = tuple(Slice(f.name, f.offset, f.count) for f in instance.families)
    return form, Inverse(slices, tuple(draft.made), draft.columns)


def _objective(graphs: Graphs, term: Expr, way: int) -> tuple[Affine, Entries | None]:
    """Its linear part with what stands for the rest, and its products of two decisions, which stay."""
    found = summands(graphs.region, term, UNIT)
    if not found.monomials and len(found.others) == 1 and found.others[0].term is term:
        return graphs.of(term, UNIT, way), None
    rest, entries, squares = graphs.parts(term, UNIT, way)
    return (rest.plus(graphs.squares(squares, UNIT, way)) if squares else rest), entries


def _family_rows(graphs: Graphs, family: ConstraintFamily, faults: list[Diagnostic]) -> None:
    """One linear row for each row of a relation, two where a range has decisions outside or is not affine."""
    body = family.symbol.body
    assert isinstance(body, Relation)
    region, table = graphs.region, family.layout.table
    if not table.size:
        graphs.draft.add_rows(constant_rows(np.zeros(0)), np.zeros(0), np.zeros(0), family.name)
        return
    outer = (body.terms[0], body.terms[-1])
    if len(body.terms) == 3 and not any(map(region.varies, outer)) and graphs.plain(body.terms[1], table):
        ends = [wide(region.values(t, table), table.shape) for t in outer]
        lower, upper = ends if body.ops[0] == "le" else ends[::-1]
        _add(graphs, family, graphs.of(body.terms[1], table, UP), lower, upper, faults)
        return
    for term, _, op in sides(region, body, table):
        zero, none = np.zeros(table.size), np.full(table.size, np.inf)
        if op == "eq" and not graphs.plain(term, table):
            raise no_cone(term, "it is affine, but not as it is written")
        rows = graphs.of(term, table, UP) if op == "eq" else level_rows(graphs, body, term, table, op)
        lower, upper = {"le": (-none, zero), "ge": (zero, none), "eq": (zero, zero)}[op]
        _add(graphs, family, rows, lower, upper, faults)


def _add(
    graphs: Graphs, family: ConstraintFamily, rows: Affine, lower: Floats, upper: Floats, faults: list[Diagnostic]
) -> None:
    """The rows with their constants on the other side; those without decisions must be true."""
    low, high = lower - rows.constant, upper - rows.constant
    low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
    bare = np.bincount(rows.row, np.abs(rows.value) > 0, rows.rows) == 0
    missing = np.where(bare, np.maximum(low, -high), 0.0)
    limit = 1e-9 * np.maximum(1.0, np.abs(rows.constant))
    wrong = np.flatnonzero(missing > limit)
    if len(wrong):
        row = int(wrong[0])
        more = f" (and {len(wrong) - 1} more rows)" if len(wrong) > 1 else ""
        name = entry_text(family.name, family.layout.key(row)) + more
        amount = literal_text(float(missing[row]))
        faults.append(report(FALSE_ROW, family.symbol.span, row=name, amount=amount))
    plain = Affine(np.zeros(rows.rows), rows.row, rows.column, rows.value)
    graphs.draft.add_rows(plain, low, high, family.name)


def _extra(extra: ExtraRows) -> tuple[Affine, Floats, Floats]:
    owner = np.repeat(np.arange(extra.rows), np.diff(extra.starts))
    rows = Affine(np.zeros(extra.rows), owner, extra.indices.astype(np.int64), extra.values)
    return rows, extra.lower, extra.upper


# ------------------------------------------------------------------------------------------------------- the arrays
def _finished(
    instance: Instance,
    draft: ConeDraft,
    sense: str,
    objective: Affine,
    entries: Entries | None,
    ranges: tuple[Floats, Floats],
) -> ConicForm:
    n = draft.columns
    lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
    integer = np.zeros(n, dtype=np.bool_)
    for family in instance.families:
        own = slice(family.offset, family.offset + family.count)
        lower[own], upper[own] = family.lower, family.upper
        integer[own] = family.integer
    least, most = np.concatenate([ranges[0], *draft.least]), np.concatenate([ranges[1], *draft.most])
    for family in instance.families:
        if family.domain == "psd":
            own = slice(family.offset, family.offset + family.count)
            least[own], most[own] = implied(family, least[own], most[own])
    lowers = np.concatenate([low - a.constant for a, low, _ in draft.rows] or [np.zeros(0)])
    uppers = np.concatenate([high - a.constant for a, _, high in draft.rows] or [np.zeros(0)])
    starts, indices, values = _csr([a for a, _, _ in draft.rows], n)
    cone_starts, cone_indices, cone_values = _csr([a for a, _ in draft.cones], n)
    shift = np.concatenate([a.constant for a, _ in draft.cones] or [np.zeros(0)])
    hessian = _hessian(entries, n)
    return ConicForm(
        sense,
        np.bincount(objective.column, objective.value, n).astype(np.float64),
        float(objective.constant.sum()),
        starts,
        indices,
        values,
        lowers,
        uppers,
        lower,
        upper,
        integer,
        tuple(Slice(f.name, f.offset, f.count) for f in instance.families),
        tuple(draft.slices),
        *hessian,
        cone_starts,
        cone_indices,
        cone_values,
        shift,
        _cones([c for _, c in draft.cones]),
        least,
        most,
        _roots(draft.roots, n),
    )


def _roots(parts: Sequence[tuple[Ints, Floats, Affine]], n: int) -> RootRows:
    if not parts:
        return RootRows()
    left = [each for _, _, each in parts]
    return RootRows(
        np.concatenate([rows for rows, _, _ in parts]),
        np.concatenate([powers for _, powers, _ in parts]),
        *_csr(left, n),
        np.concatenate([each.constant for each in left]),
    )


def _csr(parts: Sequence[Affine], n: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Rows of several parts one after the other, with sorted unique columns and no zeros."""
    from scipy.sparse import coo_array

    if not parts:
        return np.zeros(1, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0)
    counts = [p.rows for p in parts]
    firsts = np.concatenate([[0], np.cumsum(counts)])
    row = np.concatenate([p.row + first for p, first in zip(parts, firsts[:-1], strict=True)])
    column, value = np.concatenate([p.column for p in parts]), np.concatenate([p.value for p in parts])
    matrix = coo_array((value, (row, column)), shape=(int(firsts[-1]), n)).tocsr()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data


def _hessian(entries: Entries | None, n: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """The lower triangle of second derivatives, CSC: its columns are the smaller of the two."""
    if entries is None:
        return np.zeros(n + 1, dtype=np.int32), np.zeros(0, dtype=np.int32), np.zeros(0)
    low, high = np.minimum(entries.first, entries.second), np.maximum(entries.first, entries.second)
    value = np.where(low == high, 2.0, 1.0) * entries.value
    return _csr([Affine(np.zeros(n), low, high, value)], n)


def _cones(parts: Sequence[Cones]) -> Cones:
    if not parts:
        return Cones()
    return Cones(
        np.concatenate([p.kinds for p in parts]),
        np.concatenate([p.sizes for p in parts]),
        np.concatenate([p.powers for p in parts]),
    )
