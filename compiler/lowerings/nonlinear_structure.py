"""Making the nonlinear form: templates to linear parts and kernels, a structure phase and a value phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from optc.dsl.diagnostics import Diagnostic
from optc.dsl.program import Constraint, Expr, Relation

from ..data.errors import DataError
from ..evaluation.scope import EvaluationError, Scope
from ..extraction.assembly import Linear, add_to, constants, fill, linear, pattern
from ..extraction.patterns import Rows, false_rows, needed_by, offsets_of, row_bounds
from ..extraction.polynomial import Monomial, merged
from ..forms.linear import Floats
from ..forms.nonlinear import NonlinearForm
from ..forms.outside import OutsideForm
from ..instance.instance import ConstraintFamily, Instance
from ..kernels.data import DataArrays, GivenValues, ShapeChangedError
from ..kernels.definitions import Definition
from ..kernels.engine import Engine
from ..kernels.loops import Loop
from ..kernels.model import Model, Term
from ..kernels.nodes import Graph, Node
from ..kernels.places import Places
from ..kernels.templates import NotSmoothError, Parts, Piece, Splitter, Translator
from ..spaces.algebra import UNIT, Table, wide
from ..spaces.layouts import Layout
from ..terms.substitution import symbols_in
from .definition_rows import Completion, DefinitionRows, definition_rows, joined
from .domains import ExtraRows
from .instance_to_linear import Columns, Inverse, RowArrays, _without_zeros, arranged, columns_of, unfit
from .outside_calls import OutsidePlaces, added, parted, placed

_KEY = "nonlinear"


def reason_against(instance: Instance) -> Diagnostic | None:
    """None, or the first reason why the instance has no nonlinear form."""
    reason = unfit(instance, "nonlinear")
    if reason is not None:
        return reason
    try:
        _structure(instance)
    except (NotSmoothError, EvaluationError) as error:
        return error.diagnostic
    return None


def lowered(instance: Instance) -> tuple[NonlinearForm, Inverse]:
    """The form, and what lifts its answers. Raises ``DataError`` where numbers are undefined or a row is false."""
    objective = instance.program.root.objective
    sense = "maximize" if objective is not None and objective.sense == "maximize" else "minimize"
    with np.errstate(all="ignore"):
        try:
            structure = _structure(instance)
            try:
                arrays = data_arrays(structure, instance)
            except ShapeChangedError:
                instance.patterns.pop(_KEY, None)
                structure = _structure(instance)
                arrays = data_arrays(structure, instance)
            rows = row_arrays(structure, instance)
            cost, offset = np.zeros(structure.count), 0.0
            if structure.objective is not None:
                scope = instance.scope.named(_objective_name(instance))
                add_to(cost, structure.objective.linear, scope)
                offset = float(constants(structure.objective.constant, UNIT, scope))
            name = _objective_name(instance) if structure.objective is not None else ""
            calls = () if structure.outside is None else added(structure.outside, instance, name)
        except EvaluationError as error:
            raise DataError([error.diagnostic]) from error.__cause__
    columns = structure.columns
    lower_, upper, integer = structure.widened()
    parts = (
        sense,
        cost,
        offset,
        rows.starts,
        rows.indices,
        rows.values,
        rows.lower,
        rows.upper,
        lower_,
        upper,
        integer,
        columns.slices,
        rows.slices,
        structure.engine,
        arrays,
        Places(instance, structure.engine, arrays, rows.slices),
        Completion(structure.definitions, instance),
    )
    form = OutsideForm(*parts, calls, structure.outside.patterns) if structure.outside else NonlinearForm(*parts)
    return form, Inverse(columns.slices, rows.slices)


def _objective_name(instance: Instance) -> str:
    objective = instance.program.root.objective
    assert objective is not None
    return objective.name or objective.sense


# ------------------------------------------------------------------------------------------------------ the structure
@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """The linear part of an objective and its constant."""

    linear: Linear
    constant: tuple[Monomial, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """All that does not depend on numbers. ``columns``: those of families and domains; ``count``: of all columns.

    ``varying``: for each row family, which rows have a nonlinear part. ``kept``: the data as last read, with their age.
    ``reads``: names of the data that it depends on. ``outside``: the calls of outside code.
    """

    reads: frozenset[str]
    columns: Columns
    count: int
    patterns: tuple[Rows, ...]
    varying: tuple[NDArray[np.bool_], ...]
    definitions: tuple[DefinitionRows, ...]
    objective: Objective | None
    engine: Engine
    outside: OutsidePlaces | None = None
    kept: list[tuple[int, Floats]] = field(default_factory=list)

    def widened(self) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Bounds and integrality of all columns, those of definitions among them."""
        more = self.count - len(self.columns.lower)
        if not more:
            return self.columns.lower, self.columns.upper, self.columns.integer
        lower = np.concatenate([self.columns.lower, np.full(more, -np.inf)])
        for each in self.definitions:
            if isinstance(each.definition, Definition) and each.definition.term.op == "norm2":
                lower[each.definition.first : each.definition.first + each.count] = 0.0
        upper = np.concatenate([self.columns.upper, np.full(more, np.inf)])
        return lower, upper, np.concatenate([self.columns.integer, np.zeros(more, dtype=np.bool_)])


def _structure(instance: Instance) -> Structure:
    """The structure, kept with the instance. Raises ``NotSmoothError``, ``EvaluationError``."""
    columns = columns_of(instance)
    known = instance.patterns.get(_KEY)
    if isinstance(known, Structure) and known.columns.extra is columns.extra:
        return known if known.columns is columns else replace(known, columns=columns)
    with np.errstate(all="ignore"):
        found = Builder(instance, columns).structure()
    instance.patterns[_KEY] = found
    return found


class Builder:
    """Goes through the objective and all row families once."""

    def __init__(self, instance: Instance, columns: Columns) -> None:
        self.instance = instance
        self.columns = columns
        self.splitter = Splitter(instance)
        self.graph = Graph()
        self.data = DataArrays()
        self.translator = Translator(instance, self.graph, self.data, self.splitter.group, len(columns.lower))
        self.terms: list[Term] = []
        self.patterns: list[Rows] = []
        self.varying: list[NDArray[np.bool_]] = []
        self.calls: list[Piece] = []  # of the objective
        self.row = 0

    def structure(self) -> Structure:
        objective, goal = self._objective()
        for family in self.instance.constraints:
            self._family(family)
        for extra in self.columns.extra:
            self._extra(extra)
        definitions = self._definitions()
        count = self.translator.columns
        model = Model(count, self.row, self.graph, self.data, tuple(goal), tuple(self.terms))
        reads = frozenset(self.splitter.group.reads)
        for family in self.instance.constraints:
            reads |= symbols_in(family.symbol.space)
        patterns, varying = tuple(self.patterns), tuple(self.varying)
        outside = placed(self.calls, definitions, self.instance, model)
        return Structure(reads, self.columns, count, patterns, varying, definitions, objective, Engine(model), outside)

    def _definitions(self) -> tuple[DefinitionRows, ...]:
        """The rows of new columns; those may need further new columns."""
        found: list[DefinitionRows] = []
        while len(found) < len(self.translator.definitions):
            definition = self.translator.definitions[len(found)]
            self.translator.family = definition.family
            rows = definition_rows(definition, self.row, self.instance, self.splitter, self.translator)
            self.terms += rows.terms
            self.row += rows.count
            found.append(rows)
        return tuple(found)

    # -------------------------------------------------------------------------------------------------- the objective
    def _objective(self) -> tuple[Objective | None, list[Term]]:
        stated = self.instance.program.root.objective
        if stated is None or stated.expression is None:
            return None, []
        name = _objective_name(self.instance)
        parts = self.splitter.split(stated.expression, UNIT)
        pieces, self.calls = parted(parts.pieces)
        parts = Parts(parts.linear, tuple(pieces))
        monomials = merged(parts.linear)
        own = [m for m in monomials if m.refs]
        pattern_ = linear(own, offsets_of(self.instance), self.instance.scope.named(name))
        terms = [Term(node, self.translator.loop(table), None, name) for node, table in self._nodes(name, own, parts)]
        return Objective(pattern_, tuple(m for m in monomials if not m.refs)), terms

    def _nodes(self, name: str, own: Sequence[Monomial], parts: Parts) -> list[tuple[Node, Table]]:
        """The sum of what stands over each table."""
        self.translator.family = name
        found: dict[int, tuple[Node, Table]] = {}
        made = [(self.translator.piece(p), p.table) for p in parts.pieces]
        made += [(self.translator.monomial(m), m.table) for m in own]
        for node, table in made:
            old = found.get(id(table))
            found[id(table)] = (node if old is None else self.graph.add(old[0], node), table)
        return list(found.values())

    # ------------------------------------------------------------------------------------------------------- the rows
    def _family(self, family: ConstraintFamily) -> None:
        body, layout = family.symbol.body, family.layout
        assert isinstance(body, Relation)
        group = self.splitter.group
        if len(body.terms) == 2:
            self._single(family, body.terms[0], body.ops[0], body.terms[1])
            return
        first, middle, last = body.terms
        if group.depends(first) or group.depends(last):
            self._single(family, first, body.ops[0], middle)
            self._single(family, middle, body.ops[1], last)
            return
        parts = self.splitter.split(middle, layout.table)
        monomials = merged(parts.linear)
        own = _negated([m for m in monomials if not m.refs])
        ends = [(Monomial(layout.table, (), (term,)), *own) for term in (first, last)]
        low, high = ends if body.ops[0] == "le" else ends[::-1]
        self._add(family, monomials, parts.pieces, low, high, False)

    def _single(self, family: ConstraintFamily, left: Expr, op: str, right: Expr) -> None:
        table = family.layout.table
        one, two = self.splitter.split(left, table), self.splitter.split(right, table)
        monomials = merged([*one.linear, *_negated(two.linear)])
        pieces = (*one.pieces, *(replace(p, scale=-p.scale) for p in two.pieces))
        bound = tuple(_negated([m for m in monomials if not m.refs]))
        low = bound if op in ("ge", "eq") else None
        high = bound if op in ("le", "eq") else None
        self._add(family, monomials, pieces, low, high, op == "eq")

    def _add(
        self,
        family: ConstraintFamily,
        monomials: Sequence[Monomial],
        pieces: tuple[Piece, ...],
        low: tuple[Monomial, ...] | None,
        high: tuple[Monomial, ...] | None,
        equal: bool,
    ) -> None:
        symbol, layout = family.symbol, family.layout
        own = [m for m in monomials if m.refs]
        self.patterns.append(self._pattern(symbol, layout, own, low, high, equal))
        varying = np.zeros(layout.size, dtype=np.bool_)
        for piece in pieces:
            if piece.table is layout.table:
                varying[:] = True
            else:
                varying[wide(piece.table.rows_in(layout.table), piece.table.shape)] = True
        self.varying.append(varying)
        for node, table in self._nodes(family.name, own, Parts((), pieces)):
            loop = self.translator.loop(table)
            same = table is layout.table
            rows = (
                loop.affine(self.row, 1)
                if same
                else loop.index(wide(table.rows_in(layout.table), table.shape) + self.row)
            )
            self.terms.append(Term(node, loop, rows, family.name))
        self.row += layout.size

    def _pattern(
        self,
        symbol: Constraint,
        layout: Layout,
        own: Sequence[Monomial],
        low: tuple[Monomial, ...] | None,
        high: tuple[Monomial, ...] | None,
        equal: bool,
    ) -> Rows:
        scope = self.instance.scope.named(symbol.name)
        block = pattern(own, layout.table, offsets_of(self.instance), scope)
        uses = needed_by(symbol.body, self.instance.program)
        span = symbol.body.span or symbol.span
        return Rows(symbol.name, layout, span, block, low, high, equal, frozenset(), uses)

    def _extra(self, extra: ExtraRows) -> None:
        """The linear rows of a domain."""
        loop = Loop(len(extra.indices))
        array = self.data.add(GivenValues(extra.values), loop.size, frozenset(), extra.family)
        node = self.graph.mul(
            self.graph.load("data", loop.own(), loop, array), self.graph.load("x", loop.index(extra.indices), loop)
        )
        rows = np.repeat(np.arange(extra.rows), np.diff(extra.starts)) + self.row
        self.terms.append(Term(node, loop, loop.index(rows), extra.family))
        self.row += extra.rows


def _negated(monomials: Sequence[Monomial]) -> list[Monomial]:
    return [replace(m, scale=-m.scale) for m in monomials]


# ------------------------------------------------------------------------------------------------------- the numbers
def row_arrays(structure: Structure, instance: Instance) -> RowArrays:
    """The linear parts of the rows, and their bounds."""
    whole = arranged(structure.patterns, structure.columns.extra)
    faults: list[Diagnostic] = []
    row = at = 0
    for rows, varying in zip(structure.patterns, structure.varying, strict=True):
        end, upto = row + rows.layout.size, at + rows.block.size
        scope = instance.scope.named(rows.name)
        fill(rows.block, whole.values[at:upto], scope)
        lower, upper = row_bounds(rows, scope)
        whole.lower[row:end], whole.upper[row:end] = lower, upper
        if not varying.all():
            faults += false_rows(rows, np.where(varying, -np.inf, lower), np.where(varying, np.inf, upper))
        row, at = end, upto
    if faults:
        raise DataError(faults)
    more = [d.arrays(instance.scope.named(d.definition.family)) for d in structure.definitions]
    return _without_zeros(joined(whole, more))


def data_arrays(structure: Structure, instance: Instance) -> tuple[Floats, ...]:
    """The data that kernels read; those that did not change since they were last read are kept."""
    scope: Scope = instance.scope
    data = structure.engine.model.data.arrays
    kept = structure.kept
    for k, datum in enumerate(data):
        stamp = instance.stamp(datum.uses)
        if k < len(kept) and kept[k][0] == stamp:
            continue
        entry = (stamp, datum.values(scope))
        if k < len(kept):
            kept[k] = entry
        else:
            kept.append(entry)
    return tuple(values for _, values in kept)
